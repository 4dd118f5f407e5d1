//! Time per step of the pooled battery, under two prices and under any convex cost, and per member
//! and step of netting.
//!
//! Criterion's throughput is in steps: its inverse is the time per step.

use std::f64::consts::TAU;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sesgame_engine::dispatch::convex_pool::{ConvexDispatchGame, Holding};
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::dispatch::pooled_battery::PooledBatteryGame;
use sesgame_engine::dispatch::{Battery, Conversion, ExchangeCosts, Kink, Tariff, Wear};
use sesgame_engine::game::NativeGame;
use sesgame_engine::progress::Progress;

const DAY: usize = 96;
const MONTH: usize = 31 * DAY;
const YEAR: usize = 35_136;
/// Members of the convex costs, each with a contract of its own.
const MEMBERS: usize = 13;

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

/// A kink that moves with a resource.
fn kink(constant: f64, resource: u32, after_previous: bool) -> Kink {
    Kink { constant, resource: Some(resource), cap: None, after_previous }
}

/// Members with a battery for every third, the same costs in all steps.
fn convex_game(
    slopes: &[f64],
    kinks: &[Kink],
    anchor: usize,
    resources_of: impl Fn(usize, &[f64]) -> Vec<Vec<f64>>,
) -> ConvexDispatchGame {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let resources: Vec<Vec<Vec<f64>>> =
        (0..MEMBERS).map(|member| resources_of(member, &household(MONTH, &mut random))).collect();
    let holding = |member: usize| {
        let size = if member.is_multiple_of(3) { 1.0 } else { 0.0 };
        Holding {
            energy: 10.0 * size,
            charge_power: 1.25 * size,
            discharge_power: 1.25 * size,
            initial_charge: 5.0 * size,
            money: 0.0,
        }
    };
    let holdings: Vec<Holding> = (0..MEMBERS).map(holding).collect();
    let n_resources = resources[0].len();
    let (slopes, kinks) = (slopes.repeat(MONTH), kinks.repeat(MONTH));
    let costs = ExchangeCosts::new(&slopes, &kinks, &vec![anchor; MONTH], n_resources, 0);
    let conversion = Conversion::new(0.95, 0.95, 1.0).expect("a good battery");
    let wear = Wear { charge: 0.0, discharge: 0.02 };
    let resources: Vec<f64> = resources.into_iter().flatten().flatten().collect();
    let costs = costs.expect("slopes in order");
    ConvexDispatchGame::new(costs, &resources, &holdings, vec![], conversion, wear)
        .expect("a good game")
}

fn convex(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convex_cost");
    let infinite = f64::INFINITY;
    let limits = convex_game(
        &[-infinite, 0.08, 0.3, infinite],
        &[kink(-15.0, 0, false), kink(0.0, 0, false), kink(15.0, 0, false)],
        1,
        |_, load| vec![load.iter().map(|load| -load).collect()],
    );
    // The surpluses by their sell price, then the deficits by their buy price.
    let rungs = 2 * MEMBERS as u32;
    let mut slopes = vec![-infinite, 0.04];
    slopes.extend((0..MEMBERS).map(|member| 0.05 + 0.005 * member as f64));
    slopes.extend((0..MEMBERS).map(|member| 0.25 + 0.01 * member as f64));
    slopes.extend([0.5, infinite]);
    let mut kinks = vec![kink(-15.0, 0, false), kink(0.0, 1, false)];
    kinks.extend((0..rungs).map(|rung| kink(0.0, 2 + rung, true)));
    kinks.push(kink(15.0, 0, false));
    let ladder = convex_game(&slopes, &kinks, 1, |member, load| {
        let mut rows = vec![vec![0.0; MONTH]; 2 + 2 * MEMBERS];
        rows[0] = load.iter().map(|load| -load).collect();
        rows[1] = load.iter().map(|load| -load.max(0.0)).collect();
        rows[2 + member] = load.iter().map(|load| (-load).max(0.0)).collect();
        rows[2 + MEMBERS + member] = load.iter().map(|load| load.max(0.0)).collect();
        rows
    });
    let plain = {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let load: Vec<f64> = (0..MEMBERS).flat_map(|_| household(MONTH, &mut random)).collect();
        let battery = |member: usize| {
            let size = if member.is_multiple_of(3) { 1.0 } else { 0.0 };
            Battery { energy: 10.0 * size, power: 1.25 * size, initial_charge: 5.0 * size }
        };
        let batteries: Vec<Battery> = (0..MEMBERS).map(battery).collect();
        let conversion = Conversion::new(0.95, 0.95, 1.0).expect("a good battery");
        let tariff = tariff("time_of_use", MONTH, &mut random);
        PooledBatteryGame::new(&load, tariff, &batteries, conversion).expect("a good game")
    };
    let games: [(&str, &dyn NativeGame); 3] =
        [("plain", &plain), ("wear_and_limits", &limits), ("ladder_of_13", &ladder)];
    for (name, game) in games {
        let progress = Progress::new();
        let mut walker = game.walker(&progress);
        // Every other member; one more joins and leaves, as in an enumeration.
        (1..MEMBERS).step_by(2).for_each(|member| walker.add(member));
        group.throughput(Throughput::Elements(MONTH as u64));
        group.bench_function(BenchmarkId::new(name, MONTH), |bencher| {
            bencher.iter(|| {
                walker.add(0);
                let value = black_box(walker.value());
                walker.remove(0);
                value
            });
        });
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

criterion_group!(benches, pooled_battery, convex, netting);
criterion_main!(benches);
