//! Properties of the dispatch games. The oracle is a dynamic program on a grid: with power,
//! capacity, loads and charge all whole numbers and without losses, an optimal schedule moves
//! whole numbers (the program is a flow problem), so the grid loses nothing.

use proptest::prelude::*;
use sesgame_engine::coalition::members;
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::dispatch::pooled_battery::PooledBatteryGame;
use sesgame_engine::dispatch::schedule::dispatch;
use sesgame_engine::dispatch::{Battery, Conversion, Tariff};
use sesgame_engine::enumeration::tabulate;
use sesgame_engine::error::Error;
use sesgame_engine::progress::Progress;

type Losses = (f64, f64, f64);
const LOSSLESS: Losses = (1.0, 1.0, 1.0);

fn conversion((charge, discharge, retention): Losses) -> Conversion {
    Conversion::new(charge, discharge, retention).expect("shares in (0, 1]")
}

/// A tariff and a load of the same length.
fn market(most_steps: usize) -> impl Strategy<Value = (Tariff, Vec<f64>)> {
    prop::collection::vec((-3..10_i32, 0..6_i32, -4..5_i32), 1..=most_steps).prop_map(|steps| {
        let sell: Vec<f64> = steps.iter().map(|step| f64::from(step.0) / 10.0).collect();
        let buy = steps.iter().zip(&sell).map(|(step, sell)| sell + f64::from(step.1) / 10.0);
        let tariff = Tariff::new(buy.collect(), sell.clone()).expect("prices in order");
        (tariff, steps.iter().map(|step| f64::from(step.2)).collect())
    })
}

fn battery() -> impl Strategy<Value = Battery> {
    (0..6_u8, 0..4_u8, 0..6_u8).prop_map(|(energy, power, charge)| Battery {
        energy: energy.into(),
        power: power.into(),
        initial_charge: charge.min(energy).into(),
    })
}

fn cost(load: &[f64], tariff: &Tariff, battery: Battery, losses: Losses) -> f64 {
    let game = PooledBatteryGame::new(load, tariff.clone(), &[battery], conversion(losses));
    tabulate(&game.expect("a good battery"), &Progress::new()).expect("finite")[1]
}

/// The least cost over charges that are whole numbers.
fn cost_on_a_grid(load: &[f64], tariff: &Tariff, battery: Battery) -> f64 {
    let (energy, power) = (battery.energy as i32, battery.power as i32);
    let start = battery.initial_charge as usize;
    let mut least = vec![f64::INFINITY; energy as usize + 1];
    least[start] = 0.0;
    for (step, load) in load.iter().enumerate() {
        let paid = |change: i32| {
            let grid = load + f64::from(change);
            (tariff.buy()[step] * grid).max(tariff.sell()[step] * grid)
        };
        let reach = |after: i32| {
            ((after - power).max(0)..=(after + power).min(energy))
                .map(|before| least[before as usize] + paid(after - before))
                .fold(f64::INFINITY, f64::min)
        };
        least = (0..=energy).map(reach).collect();
    }
    least[start..].iter().copied().fold(f64::INFINITY, f64::min)
}

/// The common load and battery of a coalition.
fn pool(coalition: u32, load: &[f64], batteries: &[Battery]) -> (Vec<f64>, Battery) {
    let steps = load.len() / batteries.len();
    let mut pooled = vec![0.0; steps];
    let mut battery = Battery { energy: 0.0, power: 0.0, initial_charge: 0.0 };
    for member in members(coalition) {
        let own = &load[member * steps..][..steps];
        pooled.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        battery.energy += batteries[member].energy;
        battery.power += batteries[member].power;
        battery.initial_charge += batteries[member].initial_charge;
    }
    (pooled, battery)
}

proptest! {
    #[test]
    fn without_losses_no_whole_number_schedule_is_cheaper_and_one_is_as_cheap(
        (tariff, load) in market(12), battery in battery(),
    ) {
        let expected = cost_on_a_grid(&load, &tariff, battery);
        prop_assert!((cost(&load, &tariff, battery, LOSSLESS) - expected).abs() < 1e-12);
    }

    #[test]
    fn more_of_anything_never_costs_more(
        (tariff, load) in market(20), battery in battery(), charge in 0.5..=1.0, extra in 0.0..2.0,
    ) {
        let losses = (charge, 0.9, 1.0);
        let paid = cost(&load, &tariff, battery, losses);
        let larger = Battery { energy: battery.energy + extra, ..battery };
        prop_assert!(cost(&load, &tariff, larger, losses) <= paid + 1e-12);
        let stronger = Battery { power: battery.power + extra, ..battery };
        prop_assert!(cost(&load, &tariff, stronger, losses) <= paid + 1e-12);
    }

    #[test]
    fn the_cost_scales_with_the_pool(
        (tariff, load) in market(20), battery in battery(), factor in 0.1..10.0_f64,
    ) {
        let losses = (0.9, 0.8, 1.0);
        let scaled: Vec<f64> = load.iter().map(|load| factor * load).collect();
        let larger = Battery {
            energy: factor * battery.energy,
            power: factor * battery.power,
            initial_charge: factor * battery.initial_charge,
        };
        let expected = factor * cost(&load, &tariff, battery, losses);
        let difference = (cost(&scaled, &tariff, larger, losses) - expected).abs();
        prop_assert!(difference < 1e-12 * (1.0 + factor * load.len() as f64));
    }

    #[test]
    fn a_community_gains_by_pooling_and_its_prices_bound_what_any_coalition_pays(
        (tariff, load) in market(24), batteries in prop::collection::vec(battery(), 4),
        shift in 0..24_usize, retention in prop::sample::select(vec![1.0, 0.99, 0.5]),
    ) {
        let losses = conversion((0.95, 0.9, retention));
        let turned = |member: usize| {
            let mut own = load.clone();
            own.rotate_left(member * shift % load.len());
            own
        };
        let load: Vec<f64> = (0..4).flat_map(turned).collect();
        let batteries: Vec<Battery> = batteries
            .iter()
            .map(|own| Battery { initial_charge: own.initial_charge.min(own.power / 2.0), ..*own })
            .collect();
        let game = PooledBatteryGame::new(&load, tariff.clone(), &batteries, losses).unwrap();
        let table = tabulate(&game, &Progress::new()).unwrap();
        let (pooled, battery) = pool(15, &load, &batteries);
        let prices = dispatch(&pooled, &tariff, battery, losses).unwrap().prices;
        for coalition in 1..=15_u32 {
            let alone = table[coalition as usize];
            prop_assert!(table[15] <= alone + table[15 - coalition as usize] + 1e-11);
            let (pooled, battery) = pool(coalition, &load, &batteries);
            prop_assert!(prices.bound(&pooled, battery) <= alone + 1e-11);
        }
    }

    #[test]
    fn a_battery_without_power_is_netting((tariff, load) in market(40), energy in 0.0..5.0) {
        let battery = Battery { energy, power: 0.0, initial_charge: energy };
        let netting = NettingGame::new(load.clone(), tariff.clone()).unwrap();
        let expected = tabulate(&netting, &Progress::new()).unwrap()[1];
        prop_assert_eq!(cost(&load, &tariff, battery, LOSSLESS), expected);
        let schedule = dispatch(&load, &tariff, battery, conversion(LOSSLESS)).unwrap();
        prop_assert!((schedule.cost - expected).abs() < 1e-12);
    }
}

#[test]
fn a_table_has_the_same_bits_for_any_number_of_threads() {
    let load: Vec<f64> = (0..12 * 30).map(|k| f64::from(k * 37 % 101) / 10.0 - 4.0).collect();
    let tariff = Tariff::new(vec![0.31; 30], vec![0.07; 30]).unwrap();
    let own = Battery { energy: 3.3, power: 0.7, initial_charge: 1.1 };
    let losses = conversion((0.93, 0.91, 0.999));
    let game = PooledBatteryGame::new(&load, tariff, &[own; 12], losses).unwrap();
    let table = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| tabulate(&game, &Progress::new()).unwrap())
    };
    assert_eq!(table(1), table(5));
}

#[test]
fn enumeration_stops_when_asked() {
    let tariff = Tariff::new(vec![0.3; 4], vec![0.1; 4]).unwrap();
    let game = NettingGame::new(vec![1.0; 80], tariff).unwrap();
    let progress = Progress::new();
    progress.cancel();
    assert_eq!(tabulate(&game, &progress), Err(Error::Interrupted));
}
