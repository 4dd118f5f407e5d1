//! One-bus markets: all Clarke payments beside one clearing of the same book, a day of quarter
//! hours, and a million misreports.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sesgame_engine::markets::misreport::{self, PaymentRule};
use sesgame_engine::markets::order_book::{OrderBook, clarke, clear};
use sesgame_engine::progress::Progress;

/// Numbers from 0 to `top` without pattern (SplitMix64).
fn spread(seed: u64, length: usize, top: f64) -> Vec<f64> {
    (0..length as u64)
        .map(|k| {
            let mut z = (seed << 32 | k).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            top * ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
        })
        .collect()
}

/// One offer of each participant in each period; fixed demand for half of them.
struct Offers {
    starts: Vec<usize>,
    participant: Vec<u32>,
    is_bid: Vec<bool>,
    price: Vec<f64>,
    quantity: Vec<f64>,
    demand: Vec<f64>,
}

impl Offers {
    fn new(n: u32, periods: usize) -> Self {
        let orders = n as usize * periods;
        Self {
            starts: (0..=periods).map(|period| period * n as usize).collect(),
            participant: (0..periods).flat_map(|_| 0..n).collect(),
            is_bid: vec![false; orders],
            price: spread(0, orders, 100.0),
            quantity: spread(1, orders, 10.0),
            demand: vec![2.5 * f64::from(n); periods],
        }
    }

    fn book(&self) -> OrderBook<'_> {
        OrderBook {
            n_participants: self.starts[1],
            starts: &self.starts,
            participant: &self.participant,
            is_bid: &self.is_bid,
            price: &self.price,
            quantity: &self.quantity,
            demand: &self.demand,
            value_of_lost_load: 1e4,
        }
    }
}

fn one_bus(criterion: &mut Criterion) {
    let progress = Progress::new();
    let mut group = criterion.benchmark_group("one_bus");
    group.sample_size(20);

    let large = Offers::new(10_000, 1);
    group.bench_function("clear/10000", |b| b.iter(|| clear(black_box(&large.book()), &progress)));
    group.bench_function("vcg/10000", |b| b.iter(|| clarke(black_box(&large.book()), &progress)));

    let day = Offers::new(1_000, 96);
    group.bench_function("vcg/1000x96", |b| b.iter(|| clarke(black_box(&day.book()), &progress)));

    let thousand = Offers::new(1_000, 1);
    let prices = spread(2, 1_000_000, 200.0);
    let quantities = vec![thousand.quantity[0]; prices.len()];
    group.sample_size(10);
    group.bench_function("misreports/1000000", |b| {
        b.iter(|| {
            let book = thousand.book();
            misreport::utilities(&book, 0, PaymentRule::Vcg, &prices, &quantities, &progress)
        });
    });
    group.finish();
}

criterion_group!(benches, one_bus);
criterion_main!(benches);
