//! Time per step of the pooled battery, and per member and step of netting.
//!
//! Criterion's throughput is in steps: its inverse is the time per step.

use std::f64::consts::TAU;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::dispatch::pooled_battery::PooledBatteryGame;
use sesgame_engine::dispatch::{Battery, Conversion, Tariff};
use sesgame_engine::game::NativeGame;
use sesgame_engine::progress::Progress;

const DAY: usize = 96;
const YEAR: usize = 35_136;

/// A household with photovoltaics: a daily rhythm and noise, kWh per quarter-hour.
fn household(steps: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..steps)
        .map(|step| {
            let hour = TAU * step as f64 / DAY as f64;
            let load = 1.0 + 0.5 * (2.0 * hour).sin() + random.random_range(0.0..1.0);
            let sun = (hour - TAU / 4.0).sin().max(0.0) * random.random_range(0.0..4.0);
            (load - sun) / 4.0
        })
        .collect()
}

fn tariff(kind: &str, steps: usize, random: &mut ChaCha8Rng) -> Tariff {
    let sell: Vec<f64> = (0..steps)
        .map(|step| match kind {
            "price_series" => {
                0.1 + 0.05 * (TAU * step as f64 / 48.0).sin() + random.random_range(-0.04..0.04)
            }
            _ => 0.08,
        })
        .collect();
    let buy = (0..steps)
        .map(|step| match kind {
            "time_of_use" if (28..80).contains(&(step % DAY)) => 0.35,
            "price_series" => 1.1 * sell[step] + 0.15,
            _ => 0.25,
        })
        .collect();
    Tariff::new(buy, sell).expect("the prices are in order")
}

fn pooled_battery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pooled_battery");
    for (kind, retention) in
        [("flat", 1.0), ("flat", 0.9999), ("time_of_use", 1.0), ("price_series", 1.0)]
    {
        for steps in [DAY, YEAR] {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let load = household(steps, &mut random);
            let battery = Battery { energy: 10.0, power: 1.25, initial_charge: 5.0 };
            let conversion = Conversion::new(0.95, 0.95, retention).expect("a good battery");
            let tariff = tariff(kind, steps, &mut random);
            let game = PooledBatteryGame::new(&load, tariff, &[battery], conversion);
            let game = game.expect("a good game");
            let progress = Progress::new();
            let mut walker = game.walker(&progress);
            walker.add(0);
            let leak = if retention < 1.0 { "_leaking" } else { "" };
            group.throughput(Throughput::Elements(steps as u64));
            group.bench_function(BenchmarkId::new(format!("{kind}{leak}"), steps), |bencher| {
                bencher.iter(|| black_box(walker.value()));
            });
        }
    }
}

fn netting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("netting");
    for steps in [24, DAY, YEAR] {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let load: Vec<f64> = (0..2).flat_map(|_| household(steps, &mut random)).collect();
        let game = NettingGame::new(load, tariff("time_of_use", steps, &mut random));
        let game = game.expect("a good game");
        let progress = Progress::new();
        let mut walker = game.walker(&progress);
        walker.add(1);
        group.throughput(Throughput::Elements(steps as u64));
        group.bench_function(BenchmarkId::new("join_and_value", steps), |bencher| {
            bencher.iter(|| {
                walker.add(0);
                let value = black_box(walker.value());
                walker.remove(0);
                value
            });
        });
    }
}

criterion_group!(benches, pooled_battery, netting);
criterion_main!(benches);
