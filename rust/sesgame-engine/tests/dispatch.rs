//! Properties of the dispatch games. The oracle is a dynamic program on a grid: with power,
//! capacity, loads and charge all whole numbers and without losses, an optimal schedule moves
//! whole numbers (the program is a flow problem), so the grid loses nothing.

use proptest::prelude::*;
use sesgame_engine::coalition::members;
use sesgame_engine::dispatch::bill_range::CostOfSums;
use sesgame_engine::dispatch::cap_bounds::BlockBound;
use sesgame_engine::dispatch::convex_pool::{ConvexDispatchGame, Holding, Workspace};
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::dispatch::pooled_battery::PooledBatteryGame;
use sesgame_engine::dispatch::schedule::dispatch;
use sesgame_engine::dispatch::{Battery, Conversion, ExchangeCosts, Kink, Tariff, Wear};
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
    cost_of_whole_numbers(load, battery, |step, grid| {
        (tariff.buy()[step] * grid).max(tariff.sell()[step] * grid)
    })
}

/// The same with any cost of what a step draws from the grid.
fn cost_of_whole_numbers(load: &[f64], battery: Battery, paid: impl Fn(usize, f64) -> f64) -> f64 {
    let (energy, power) = (battery.energy as i32, battery.power as i32);
    let start = battery.initial_charge as usize;
    let mut least = vec![f64::INFINITY; energy as usize + 1];
    least[start] = 0.0;
    for (step, load) in load.iter().enumerate() {
        let reach = |after: i32| {
            ((after - power).max(0)..=(after + power).min(energy))
                .map(|before| least[before as usize] + paid(step, load + f64::from(after - before)))
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

/// A kink that moves with the net load, and with the cap where there is one.
fn kink(constant: f64, cap: Option<u32>) -> Kink {
    Kink { constant, resource: Some(0), cap, after_previous: false }
}

/// The game of one member under a tariff with a price above a cap and limits, its numbers in kWh.
fn capped(
    (tariff, load): (&Tariff, &[f64]),
    battery: Battery,
    (cap, above): (f64, f64),
    (most_sold, most_bought): (f64, f64),
) -> ConvexDispatchGame {
    let infinite = f64::INFINITY;
    let slopes: Vec<f64> = tariff
        .sell()
        .iter()
        .zip(tariff.buy())
        .flat_map(|(&sell, &buy)| [-infinite, sell, buy, buy + above, infinite])
        .collect();
    let kinks =
        [kink(-most_sold, None), kink(0.0, None), kink(0.0, Some(0)), kink(most_bought, None)];
    let kinks: Vec<Kink> = load.iter().flat_map(|_| kinks).collect();
    let anchors = vec![1; load.len()];
    let resources: Vec<f64> = load.iter().map(|load| -load).collect();
    let holding = Holding {
        energy: battery.energy,
        charge_power: battery.power,
        discharge_power: battery.power,
        initial_charge: battery.initial_charge,
        money: 0.0,
    };
    let costs = ExchangeCosts::new(&slopes, &kinks, &anchors, 1, 1).expect("slopes in order");
    let losses = conversion(LOSSLESS);
    ConvexDispatchGame::new(costs, &resources, &[holding], vec![cap], losses, Wear::default())
        .expect("a good game")
}

proptest! {
    #[test]
    fn with_a_cap_and_limits_a_whole_number_schedule_is_as_cheap_as_any(
        (tariff, load) in market(12), battery in battery(), cap in 0..4_u8, above in 0..3_u8,
        most_sold in 0..6_u8, most_bought in 0..6_u8,
    ) {
        let (cap, above) = (f64::from(cap), f64::from(above) / 10.0);
        let (most_sold, most_bought) = (f64::from(most_sold), f64::from(most_bought));
        let game =
            capped((&tariff, &load), battery, (cap, above), (most_sold, most_bought));
        let paid = |step: usize, grid: f64| {
            if grid < -most_sold || grid > most_bought {
                return f64::INFINITY;
            }
            let energy = (tariff.buy()[step] * grid).max(tariff.sell()[step] * grid);
            energy + above * (grid - cap).max(0.0)
        };
        let expected = cost_of_whole_numbers(&load, battery, paid);
        let found = game.cost(game.rows(), &[cap], &mut Workspace::new());
        if expected.is_finite() {
            prop_assert!((found - expected).abs() < 1e-12);
        } else {
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn bounds_of_blocks_add_up_to_the_cost_and_hold_at_any_cap(
        (tariff, load) in market(24), battery in battery(), cap in 0..4_u8, other in 0.0..5.0_f64,
        end in 1..24_usize,
    ) {
        let game = capped((&tariff, &load), battery, (cap.into(), 0.2), (50.0, 50.0));
        let ends = if end < load.len() { vec![end, load.len()] } else { vec![load.len()] };
        let mut bounds = vec![BlockBound::default(); ends.len()];
        let mut work = Workspace::new();
        let caps = [f64::from(cap)];
        let cost = game.cost_and_bounds(game.rows(), &caps, &mut work, &ends, &mut bounds);
        // The charge between two blocks is worth what the bounds make of it.
        let least = |cap: f64| {
            let constants: f64 = bounds.iter().map(|bound| bound.constant).sum();
            let slopes: f64 = bounds.iter().map(|bound| bound.slopes[0]).sum();
            let between: f64 = bounds.iter().map(|bound| bound.start + bound.end).sum();
            constants + slopes * cap + between.min(0.0) * battery.energy
        };
        prop_assert!((least(caps[0]) - cost).abs() < 1e-11);
        prop_assert!(least(other) <= game.cost(game.rows(), &[other], &mut work) + 1e-11);
        let mut gradient = [0.0];
        game.cost_and_gradient(game.rows(), &caps, &mut work, &mut gradient);
        let slopes: f64 = bounds.iter().map(|bound| bound.slopes[0]).sum();
        prop_assert!((gradient[0] - slopes).abs() < 1e-12);
    }

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
fn a_table_of_convex_costs_has_the_same_bits_for_any_number_of_threads() {
    let load: Vec<f64> = (0..10 * 30).map(|k| f64::from(k * 37 % 101) / 10.0 - 4.0).collect();
    let own = Holding {
        energy: 3.3,
        charge_power: 0.7,
        discharge_power: 0.4,
        initial_charge: 1.1,
        money: 0.3,
    };
    let slopes = [0.07, 0.31, 0.5].repeat(30);
    let kinks = [kink(0.0, None), kink(0.0, Some(0))].repeat(30);
    let costs = ExchangeCosts::new(&slopes, &kinks, &[0; 30], 1, 1).unwrap();
    let wear = Wear { charge: 0.0, discharge: 0.02 };
    let losses = conversion((0.93, 0.91, 0.999));
    let game = ConvexDispatchGame::new(costs, &load, &[own; 10], vec![2.5], losses, wear).unwrap();
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
