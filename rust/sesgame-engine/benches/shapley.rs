//! Exact Shapley values against the memory's own limit: the time of the pass over a table divided by
//! the time of a plain vectorised sum of the same table on as many threads.

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use multiversion::multiversion;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use sesgame_engine::progress::Progress;
use sesgame_engine::shapley::{exact, semivalue::Semivalue};

const LANES: usize = 64;
const BLOCK: usize = 1 << 18;
const REPETITIONS: usize = 20;

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    for values in values.chunks_exact(LANES) {
        for lane in 0..LANES {
            lanes[lane] += values[lane];
        }
    }
    lanes.iter().sum()
}

/// One read of the table by all threads of the pool.
fn read(table: &[f64]) -> f64 {
    table.par_chunks(BLOCK).map(sum).sum()
}

fn table(n_players: usize) -> Vec<f64> {
    (0..1_u64 << n_players).map(|mask| (mask % 1009) as f64).collect()
}

fn shapley(table: &[f64], n_players: usize) -> Vec<f64> {
    exact::semivalue(table, &Semivalue::shapley(n_players), &Progress::new()).unwrap()
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn exact_from_a_table(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shapley/exact");
    for n_players in [4, 8, 10, 14, 20] {
        let table = table(n_players);
        group.throughput(Throughput::Bytes(8 * table.len() as u64)).sample_size(20);
        group.bench_function(BenchmarkId::from_parameter(n_players), |bencher| {
            bencher.iter(|| shapley(black_box(&table), n_players));
        });
    }
    group.finish();
}

/// Alternating shots, the best of each: both see the same machine.
fn exact_in_reads_of_the_table(_: &mut Criterion) {
    for n_players in [20, 24, 27] {
        let table = table(n_players);
        for threads in [1, 2] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut pass, mut plain) = (f64::INFINITY, f64::INFINITY);
            pool.install(|| {
                for _ in 0..REPETITIONS {
                    pass = pass.min(seconds(|| _ = black_box(shapley(&table, n_players))));
                    plain = plain.min(seconds(|| _ = black_box(read(&table))));
                }
            });
            println!(
                "{n_players} players, threads: {threads}, exact: {:.2} ms, read: {:.2} ms, ratio: {:.2}",
                1e3 * pass,
                1e3 * plain,
                pass / plain
            );
        }
    }
}

criterion_group!(benches, exact_from_a_table, exact_in_reads_of_the_table);
criterion_main!(benches);
