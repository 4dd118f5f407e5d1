//! The prices at which all members together share: dual prices, and so bills that no coalition objects to.

use std::borrow::Cow;

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

/// Steps that are worked on together.
const BLOCK: usize = 64;

/// The sum of all rows of a side.
fn total(side: &Side) -> Cow<'_, [f64]> {
    let mut rows = side.rows().map(|(_, row)| row);
    let mut sum = Cow::Borrowed(rows.next().unwrap_or_default());
    rows.for_each(|row| accumulate(sum.to_mut(), row));
    sum
}

fn totals<'a>(sides: &'a [Side], progress: &Progress) -> Result<Vec<Cow<'a, [f64]>>> {
    thread_pool::install(|| {
        sides.par_iter().map(|side| progress.check().map(|()| total(side))).collect()
    })
}

/// At one fee: between the highest price at which too much is bought and the lowest at which too much is sold.
pub(super) fn of_merit_order(
    sides: &[Side],
    kinds: &[Kind],
    steps: &[usize],
    fee: &[f64],
    progress: &Progress,
) -> Result<LocalPrices> {
    let sums = totals(sides, progress)?;
    let nothing = || vec![f64::NAN; steps.len()];
    let (mut low, mut high, mut shared) = (nothing(), nothing(), vec![0.0; steps.len()]);
    for kind in kinds {
        for first in kind.places.clone().step_by(BLOCK) {
            progress.check()?;
            let places = first..kind.places.end.min(first + BLOCK);
            let parties = || {
                kind.order.iter().map(|&side| {
                    let (side, sum) = (&sides[side as usize], &sums[side as usize]);
                    (side.is_deficit, &side.price[places.clone()], &sum[places.clone()])
                })
            };
            let found = of_block(parties, places.len());
            for (&step, ends) in steps[places].iter().zip(found) {
                (low[step], high[step], shared[step]) = ends;
            }
        }
    }
    let less_fee =
        |prices: &[f64]| prices.iter().zip(fee).map(|(price, fee)| price - fee).collect();
    Ok(LocalPrices { given: [less_fee(&low), less_fee(&high)], taken: [low, high], shared })
}

/// The lowest and the highest price of some steps, and the energy that is shared. The parties are in the order
/// of their prices: whether they buy, at what, and how much.
fn of_block<'a, P: Iterator<Item = (bool, &'a [f64], &'a [f64])>>(
    parties: impl Fn() -> P,
    n_steps: usize,
) -> Vec<(f64, f64, f64)> {
    let (mut all, mut deficit, mut surplus) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
    for (is_deficit, _, energy) in parties() {
        accumulate(&mut all[..n_steps], energy);
        if is_deficit {
            accumulate(&mut deficit[..n_steps], energy);
        }
    }
    let mut found = vec![(f64::NAN, f64::NAN, 0.0); n_steps];
    // The price climbs: surpluses come, deficits go.
    for (is_deficit, price, energy) in parties() {
        for step in 0..n_steps {
            if energy[step] == 0.0 {
                continue;
            }
            let (low, high, shared) = &mut found[step];
            let short_before = deficit[step] - surplus[step];
            if is_deficit {
                deficit[step] -= energy[step];
            } else {
                surplus[step] += energy[step];
            }
            let short = deficit[step] - surplus[step];
            *shared = deficit[step].min(surplus[step]).max(*shared);
            if short_before > ROUNDING * all[step] {
                *low = price[step];
            }
            if short < -ROUNDING * all[step] && high.is_nan() {
                *high = price[step];
            }
        }
    }
    for (low, high, _) in &mut found {
        if low.is_nan() || high.is_nan() {
            (*low, *high) = (f64::NAN, f64::NAN);
        }
    }
    found
}

/// At fees by zone: all potentials of zones that the best flow allows, from the lowest to the highest.
pub(super) fn of_transport(game: &SharingGame, progress: &Progress) -> Result<LocalPrices> {
    let Clearing::Transport { fee, n_zones, .. } = &game.clearing else {
        unreachable!("only fees by zone are cleared by transport")
    };
    let (n_zones, n_steps) = (*n_zones, fee.len() / (n_zones * n_zones));
    let sums = totals(&game.sides, progress)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::sharing::OwnPoints;
    use crate::dispatch::sharing::oracle::World;

    /// Prices are dual: within the fees, and what all parties gain at them is what all gain together. So nothing
    /// better exists on either side.
    fn check(world: &World, prices: &LocalPrices, end: usize, seed: u64) {
        let everybody = (1 << world.n_members) - 1;
        for step in 0..world.n_steps {
            let at = |rows: &[f64], row: usize| rows[row * world.n_steps + step];
            let taken = |zone: usize| at(&prices.taken[end], zone);
            let given = |zone: usize| at(&prices.given[end], zone);
            let gain = world.gain(everybody, OwnPoints::Always, step);
            let some = |rows: &[Vec<f64>], zone: usize| {
                (0..world.member.len())
                    .any(|p| world.zone[world.group[p]] == zone && rows[p][step] > 0.0)
            };
            let is_priced = (0..world.n_zones).any(|zone| !taken(zone).is_nan());
            assert!(is_priced || gain == 0.0, "seed {seed}, step {step}");
            assert!(gain == 0.0 || prices.shared[step] > 0.0);
            for (from, to) in
                (0..world.n_zones).flat_map(|from| (0..world.n_zones).map(move |to| (from, to)))
            {
                let fee = at(&world.fee, from * world.n_zones + to);
                // Where nobody takes, or nobody gives, a price binds nobody.
                if some(&world.import, to) && some(&world.export, from) && is_priced {
                    assert!(taken(to) - given(from) <= fee, "seed {seed}, step {step}");
                }
            }
            let of_point = |point: usize| {
                let (group, zone) = (world.group[point], world.zone[world.group[point]]);
                // What has no price does not take part.
                let bought = (at(&world.buy, group) - taken(zone)).max(0.0);
                let sold = (given(zone) - at(&world.sell, group)).max(0.0);
                bought * world.import[point][step] + sold * world.export[point][step]
            };
            let all: f64 = (0..world.member.len()).map(of_point).sum();
            assert!(!is_priced || all == gain, "seed {seed}, step {step}: {all}, {gain}");
        }
    }

    #[test]
    fn at_the_lowest_and_the_highest_prices_all_gain_what_they_gain_together() {
        for seed in 0..300 {
            let world = World::drawn(seed, 1 + seed as usize % 3);
            let game = world.game(OwnPoints::Always);
            let prices = game.local_prices(&Progress::new()).unwrap();
            for end in [0, 1] {
                check(&world, &prices, end, seed);
            }
            let [low, high] = &prices.taken;
            assert!(low.iter().zip(high).all(|(low, high)| low.is_nan() || low <= high));
        }
    }

    #[test]
    fn where_own_points_do_not_share_one_price_does_not_clear() {
        let mut world = World::drawn(1, 1);
        world.member.fill(0);
        world.import[0].fill(1.0);
        world.export[0].fill(1.0);
        let error = world.game(OwnPoints::Never).local_prices(&Progress::new()).unwrap_err();
        assert!(error.to_string().contains("own points do not share"), "{error}");
    }
}
