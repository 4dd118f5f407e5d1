//! The prices at which all members together share: dual prices, and so bills that no coalition objects to.

use rayon::prelude::*;

use super::merit_order::{Kind, Offer};
use super::sides::Side;
use super::transport::{Transport, potentials};
use super::{Clearing, SharingGame};
use crate::error::Result;
use crate::partial_sums::accumulate;
use crate::progress::Progress;
use crate::thread_pool;

/// What differs by less than this part of all energy of a step is equal: sums of thousands of readings.
const ROUNDING: f64 = 1e-12;

/// The lowest and the highest prices that clear, by step; not a number where they decide nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalPrices {
    /// What a kWh costs that a zone takes, by zone and step: lowest, and highest.
    pub taken: [Vec<f64>; 2],
    /// What a kWh earns that a zone gives.
    pub given: [Vec<f64>; 2],
    /// The energy that is shared, by step.
    pub shared: Vec<f64>,
}

fn total(side: &Side) -> Vec<f64> {
    let mut sum = vec![0.0; side.price.len()];
    side.rows().for_each(|(_, row)| accumulate(&mut sum, row));
    sum
}

/// At one fee: between the highest price at which too much is bought and the lowest at which too much is sold.
pub(super) fn of_merit_order(
    sides: &[Side],
    kinds: &[Kind],
    steps: &[usize],
    fee: &[f64],
) -> LocalPrices {
    let sums: Vec<Vec<f64>> = sides.iter().map(total).collect();
    let nothing = || vec![f64::NAN; steps.len()];
    let (mut low, mut high, mut shared) = (nothing(), nothing(), vec![0.0; steps.len()]);
    for kind in kinds {
        for place in kind.first..kind.end {
            let step = steps[place];
            let parties = || kind.order.iter().map(|&side| (&sides[side], sums[side][place]));
            let all: f64 = parties().map(|(_, energy)| energy).sum();
            let mut deficit: f64 =
                parties().filter(|(side, _)| side.is_deficit).map(|(_, energy)| energy).sum();
            let mut surplus = 0.0;
            let mut best: f64 = 0.0;
            // The price climbs: surpluses come, deficits go.
            for (side, energy) in parties().filter(|&(_, energy)| energy > 0.0) {
                let short_before = deficit - surplus;
                if side.is_deficit {
                    deficit -= energy;
                } else {
                    surplus += energy;
                }
                let short = deficit - surplus;
                best = best.max(deficit.min(surplus));
                if short_before > ROUNDING * all {
                    low[step] = side.price[place];
                }
                if short < -ROUNDING * all && high[step].is_nan() {
                    high[step] = side.price[place];
                }
            }
            shared[step] = best;
            if low[step].is_nan() || high[step].is_nan() {
                (low[step], high[step]) = (f64::NAN, f64::NAN);
            }
        }
    }
    let less_fee =
        |prices: &[f64]| prices.iter().zip(fee).map(|(price, fee)| price - fee).collect();
    LocalPrices { given: [less_fee(&low), less_fee(&high)], taken: [low, high], shared }
}

/// At fees by zone: all potentials of zones that the best flow allows, from the lowest to the highest.
pub(super) fn of_transport(game: &SharingGame, progress: &Progress) -> Result<LocalPrices> {
    let Clearing::Transport { fee, n_zones, .. } = &game.clearing else {
        unreachable!("only fees by zone are cleared by transport")
    };
    let (n_zones, n_steps) = (*n_zones, fee.len() / (n_zones * n_zones));
    let sums: Vec<Vec<f64>> = game.sides.iter().map(total).collect();
    let offers: Vec<(usize, Offer<'_>)> = game
        .sides
        .iter()
        .zip(&sums)
        .map(|(side, energy)| Offer { is_deficit: side.is_deficit, price: &side.price, energy })
        .enumerate()
        .collect();
    let by_step: Vec<StepPrices> = thread_pool::install(|| {
        (0..n_steps)
            .into_par_iter()
            .map_init(Transport::default, |transport, step| {
                progress.check()?;
                Ok(of_step(game, &offers, step, transport))
            })
            .collect::<Result<_>>()
    })?;
    let rows = |first: usize, end: usize| -> Vec<f64> {
        (0..n_zones)
            .flat_map(|zone| by_step.iter().map(move |step| step.prices[end][first + zone]))
            .collect()
    };
    Ok(LocalPrices {
        taken: [rows(0, 0), rows(0, 1)],
        given: [rows(n_zones, 0), rows(n_zones, 1)],
        shared: by_step.iter().map(|step| step.shared).collect(),
    })
}

/// The lowest and the highest prices of a step, of what zones take and then of what they give.
struct StepPrices {
    prices: [Vec<f64>; 2],
    shared: f64,
}

fn of_step(
    game: &SharingGame,
    offers: &[(usize, Offer<'_>)],
    step: usize,
    transport: &mut Transport,
) -> StepPrices {
    let Clearing::Transport { fee, n_zones, .. } = &game.clearing else {
        unreachable!("only fees by zone are cleared by transport")
    };
    let (n_zones, n_steps) = (*n_zones, fee.len() / (n_zones * n_zones));
    let fee = |from: usize, to: usize| fee[(from * n_zones + to) * n_steps + step];
    let (_, (buyers, sellers)) = game.clear(offers, step, transport);
    if buyers.is_empty() || sellers.is_empty() {
        let nothing = || vec![f64::NAN; 2 * n_zones];
        return StepPrices { prices: [nothing(), nothing()], shared: 0.0 };
    }
    let energy = |side: usize| offers[side].1.energy[step];
    let some = ROUNDING * buyers.iter().chain(&sellers).map(|&side| energy(side)).sum::<f64>();
    // Node 0 is the outside; then what zones take, then what they give.
    let (takes, gives) = (|zone: usize| 1 + zone, |zone: usize| 1 + n_zones + zone);
    let mut shared = 0.0;
    let mut arcs = Vec::new();
    for (from, to) in (0..n_zones).flat_map(|from| (0..n_zones).map(move |to| (from, to))) {
        arcs.push((gives(from), takes(to), fee(from, to)));
    }
    for (at, &buyer) in buyers.iter().enumerate() {
        let (price, zone) = (game.sides[buyer].price[step], game.sides[buyer].zone);
        if transport.unmet(at) > some {
            arcs.push((takes(zone), 0, -price));
        }
        if energy(buyer) - transport.unmet(at) > some {
            arcs.push((0, takes(zone), price));
        }
        for (from, &seller) in sellers.iter().enumerate() {
            let flow = transport.flow(at, from);
            shared += flow;
            if flow > some {
                let from = game.sides[seller].zone;
                arcs.push((takes(zone), gives(from), -fee(from, zone)));
            }
        }
    }
    for (at, &seller) in sellers.iter().enumerate() {
        let (price, zone) = (game.sides[seller].price[step], game.sides[seller].zone);
        let unsold = transport.unsold(buyers.len(), at);
        if unsold > some {
            arcs.push((0, gives(zone), price));
        }
        if energy(seller) - unsold > some {
            arcs.push((gives(zone), 0, -price));
        }
    }
    let [mut lowest, mut highest] =
        [false, true].map(|up| potentials(1 + 2 * n_zones, &arcs, up).split_off(1));
    for (low, high) in lowest.iter_mut().zip(&mut highest) {
        // What only one side bounds decides nothing beyond that bound.
        match (low.is_finite(), high.is_finite()) {
            (true, true) => {}
            (true, false) => *high = *low,
            (false, true) => *low = *high,
            (false, false) => (*low, *high) = (f64::NAN, f64::NAN),
        }
    }
    StepPrices { prices: [lowest, highest], shared }
}
