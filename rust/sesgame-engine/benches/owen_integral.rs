//! Exact Shapley values of netting games: by Owen's integral, by enumeration without a table, and how
//! fast walks are. Each is printed with what it is measured in.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPoolBuilder;
use sesgame_engine::dispatch::Tariff;
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::game::NativeGame;
use sesgame_engine::progress::Progress;
use sesgame_engine::shapley::exact::semivalue_of_game;
use sesgame_engine::shapley::permutations::Batches;
use sesgame_engine::shapley::semivalue::Semivalue;

/// Members with about as much generation as load, in kWh, metered in multiples of the quantum.
fn game(members: usize, steps: usize, quantum: Option<f64>) -> NettingGame {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut meter = |_| {
        let kwh = random.random_range(0.0..1.0) - 0.9 * random.random_range(0.0_f64..1.0).powi(2);
        quantum.map_or(kwh, |quantum| (kwh / quantum).round() * quantum)
    };
    let load = (0..members * steps).map(&mut meter).collect();
    let tariff = Tariff::new(vec![0.3; steps], vec![0.08; steps]).expect("the prices are in order");
    NettingGame::new(load, tariff).expect("a good game")
}

/// The least time of a few shots on a number of threads.
fn seconds(threads: usize, shots: usize, work: impl Fn() + Sync) -> f64 {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let shot = |_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        };
        (0..shots).map(shot).fold(f64::INFINITY, f64::min)
    })
}

fn owens_integral(_: &mut Criterion) {
    for members in [100, 1000] {
        for quantum in [Some(0.001), None] {
            let game = game(members, 24, quantum);
            let exact = || game.shapley_value(&Progress::new()).expect("a form").expect("a value");
            let bound = exact().error / exact().values.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
            let kind = quantum.map_or("real loads", |_| "loads in Wh");
            for threads in [1, 2] {
                let time = seconds(threads, 3, || _ = black_box(exact()));
                println!(
                    "Owen's integral, {members} members, 24 steps, {kind}, threads: {threads}: \
                     {time:.3} s, relative error bound {bound:.1e}"
                );
            }
        }
    }
}

fn enumeration(_: &mut Criterion) {
    for (members, shots) in [(24, 5), (28, 2), (30, 1)] {
        let game = game(members, 24, None);
        let shapley = Semivalue::shapley(members);
        for threads in [1, 2] {
            let time = seconds(threads, shots, || {
                _ = black_box(semivalue_of_game(&game, &shapley, &Progress::new()));
            });
            let updates = 24.0 * (1_u64 << members) as f64 / time;
            println!(
                "enumeration, {members} members, 24 steps, threads: {threads}: {:.1} ms, \
                 {:.1} billion step updates/s",
                1e3 * time,
                1e-9 * updates
            );
        }
    }
}

fn walks(_: &mut Criterion) {
    const ORDERS: usize = 4;
    const BATCHES: usize = 25;
    let game = game(1000, 96, None);
    let batches = Batches::new(1000, ORDERS, 1).expect("a batch");
    let updates = (2 * ORDERS * BATCHES * 1000 * 96) as f64;
    let time = [1, 2].map(|threads| {
        seconds(threads, 5, || {
            _ = black_box(batches.means(&game, 0, BATCHES, &Progress::new()));
        })
    });
    println!(
        "walks, 1000 members, 96 steps: {:.0} million step updates/s on one thread, \
         {:.2} times as many on two",
        1e-6 * updates / time[0],
        time[0] / time[1]
    );
}

criterion_group!(benches, owens_integral, enumeration, walks);
criterion_main!(benches);
