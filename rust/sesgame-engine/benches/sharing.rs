//! Time per coalition, step and price threshold of sharing and of netting, beside what the machine can do.
//!
//! Each figure is processor time on one thread, the mean of several runs. The limits are measured in the same run: one
//! comparison, multiplication and addition in the nearest cache, and reading a table of all members once.

use std::f64::consts::TAU;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sesgame_engine::dispatch::Tariff;
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::dispatch::sharing::{OwnPoints, Points, SharingGame};
use sesgame_engine::enumeration::{tabulate, values};
use sesgame_engine::game::NativeGame;
use sesgame_engine::progress::Progress;

const DAY: usize = 96;
const MONTH: usize = 31 * DAY;
/// Of several ticks of the clock.
const ENOUGH: Duration = Duration::from_millis(200);

/// Households, every third with photovoltaics: net kWh per quarter-hour, in whole watt-hours.
fn households(count: usize) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut net = Vec::with_capacity(count * MONTH);
    for member in 0..count {
        for step in 0..MONTH {
            let hour = TAU * step as f64 / DAY as f64;
            let load = 1.0 + 0.5 * (2.0 * hour).sin() + random.random_range(0.0..1.0);
            let sun = (hour - TAU / 4.0).sin().max(0.0) * random.random_range(0.0..8.0);
            let sun = if member % 3 == 0 { sun } else { 0.0 };
            net.push(((load - sun) * 250.0).round() / 1000.0);
        }
    }
    net
}

/// Members who share; the prices of contracts are two bands, or their own in each step.
fn sharing(net: &[f64], n_contracts: usize, series: bool, own_points: OwnPoints) -> SharingGame {
    let n_members = net.len() / MONTH;
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut prices = |base: f64| -> Vec<f64> {
        (0..n_contracts * MONTH)
            .map(|place| {
                let (contract, step) = (place / MONTH, place % MONTH);
                let band = if (28..80).contains(&(step % DAY)) { 0.05 } else { 0.0 };
                let noise = if series { random.random_range(0.0..0.02) } else { 0.0 };
                base + 0.01 * contract as f64 / n_contracts as f64 + band + noise
            })
            .collect()
    };
    let (buy, sell) = (prices(0.25), prices(0.08));
    let member: Vec<usize> = (0..n_members).collect();
    let group: Vec<usize> = member.iter().map(|member| member % n_contracts).collect();
    let register = |point: usize, is_import: bool, reading: &mut [f64]| {
        for (reading, net) in reading.iter_mut().zip(&net[point * MONTH..]) {
            *reading = if is_import { net.max(0.0) } else { (-net).max(0.0) };
        }
    };
    let points = Points {
        n_members,
        member: &member,
        group: &group,
        register: &register,
        zone: &vec![0; n_contracts],
        buy: &buy,
        sell: &sell,
        fee: &[0.05; MONTH],
        n_zones: 1,
        n_steps: MONTH,
    };
    SharingGame::new(&points, vec![0.0; n_members], own_points, &Progress::new())
        .expect("a good game")
}

/// Processor time of this thread where the system tells it, else time as it passes.
fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let used = told.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
    used.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// The mean time of work that is repeated for long enough.
fn mean<T>(mut work: impl FnMut() -> T) -> Duration {
    black_box(work());
    let start = clock();
    for repeats in 1.. {
        black_box(work());
        let used = clock() - start;
        if used >= ENOUGH {
            return used / repeats;
        }
    }
    unreachable!("time passes")
}

fn print(what: &str, time: Duration, terms: usize) {
    let each = time.as_secs_f64() * 1e9 / terms as f64;
    println!("{what:<72} {:>9.2} ms {each:>7.3} ns each", time.as_secs_f64() * 1e3);
}

/// All orders of members begin with a walk through one: each member joins, and each time the value is asked.
fn walk(game: &dyn NativeGame) -> f64 {
    let mut order: Vec<usize> = (0..game.n_players()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(3));
    let progress = Progress::new();
    let mut walker = game.walker(&progress);
    let join = |player| {
        walker.add(player);
        walker.value()
    };
    order.into_iter().map(join).sum()
}

fn limits(net: &[f64]) {
    let (high, low): (Vec<f64>, Vec<f64>) = net[..1024].iter().map(|x| (x + 1.0, *x)).unzip();
    let mut sums = [0.0; 32];
    let repeats = 2000;
    let time = mean(|| {
        for _ in 0..repeats {
            add_smaller(&mut sums, black_box(&high), black_box(&low));
        }
    });
    print("limit: compare, multiply and add in the nearest cache", time, repeats * 1024);
    let time = mean(|| {
        net.as_chunks::<32>().0.iter().for_each(|part| add(&mut sums, part));
        sums
    });
    print("limit: read a number of each member and step", time, net.len());
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add_smaller(sums: &mut [f64; 32], high: &[f64], low: &[f64]) {
    let (high, low) = (high.as_chunks::<32>().0, low.as_chunks::<32>().0);
    let mut here = *sums;
    for (high, low) in high.iter().zip(low) {
        for lane in 0..32 {
            here[lane] += 0.5 * if high[lane] < low[lane] { high[lane] } else { low[lane] };
        }
    }
    *sums = here;
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add(sums: &mut [f64; 32], part: &[f64; 32]) {
    for lane in 0..32 {
        sums[lane] += part[lane];
    }
}

fn main() {
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    alone.install(|| {
        let net = households(1000);
        limits(&net);
        let progress = Progress::new();
        for (n_contracts, series) in [(1, false), (4, false), (4, true), (1000, false)] {
            let kind = if series { "price series" } else { "bands" };
            let name = format!("1,000 members x month, {n_contracts} contracts, {kind}");
            let game = sharing(&net, n_contracts, series, OwnPoints::Always);
            let make = mean(|| sharing(&net, n_contracts, series, OwnPoints::Always));
            print(&format!("{name}: made"), make, net.len());
            let all = vec![true; 1000];
            let time = mean(|| values(&game, &all, &progress));
            print(&format!("{name}: all members"), time, net.len());
            let time = mean(|| game.local_prices(&progress));
            print(&format!("{name}: local prices"), time, net.len());
            if n_contracts < 1000 {
                let terms = net.len() * (2 * n_contracts - 1);
                print(&format!("{name}: walk"), mean(|| walk(&game)), terms);
            }
        }
        for (n_contracts, series) in [(1, false), (4, false), (4, true), (12, false)] {
            let kind = if series { "price series" } else { "bands" };
            let game = sharing(&net[..12 * MONTH], n_contracts, series, OwnPoints::Always);
            let name =
                format!("12 members x month, {n_contracts} contracts, {kind}: all coalitions");
            let terms = (MONTH * (2 * n_contracts - 1)) << 12;
            print(&name, mean(|| tabulate(&game, &progress)), terms);
        }
        let tariff = || Tariff::new(vec![0.3; MONTH], vec![0.1; MONTH]).expect("in order");
        let game = NettingGame::new(net[..12 * MONTH].to_vec(), tariff()).expect("a good game");
        let time = mean(|| tabulate(&game, &progress));
        print("netting, 12 members x month: all coalitions", time, MONTH << 12);
        let game = NettingGame::new(net.clone(), tariff()).expect("a good game");
        print("netting, 1,000 members x month: walk", mean(|| walk(&game)), net.len());
    });
}
