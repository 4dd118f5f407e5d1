//! Sharing at one fee: in each step the dearest buyers and the cheapest sellers come first.
//!
//! With `D(p)` the deficits that cost at least `p` outside and `S(p)` the surpluses that ask at most `p`, fee
//! included, a coalition gains the integral of `min(D(p), S(p))` over `p`: one term for each gap between
//! two neighbouring prices.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::sides::Side;
use crate::error::Result;
use crate::progress::Progress;

/// Steps that are worked on together, and running sums, whatever the width of the processor's vectors: the
/// same bits everywhere. What they need stays in registers.
pub(super) const LANES: usize = 16;

/// Orders of prices that are tried before a step's prices are sorted.
const TRIED: usize = 8;

/// Steps in which the prices of all sides have the same order.
#[derive(Debug)]
pub(super) struct Kind {
    /// The places of the steps, which follow one another.
    pub places: Range<usize>,
    /// The sides by price, the lowest first.
    pub order: Arc<[u32]>,
}

/// Brings together the steps in which prices have one order. Gives the kinds, and the step at each place.
pub(super) fn kinds(
    sides: &[Side],
    n_steps: usize,
    progress: &Progress,
) -> Result<(Vec<Kind>, Vec<usize>)> {
    let mut found: Vec<(Arc<[u32]>, Vec<usize>)> = Vec::new();
    let mut known = HashMap::new();
    for step in 0..n_steps {
        progress.check()?;
        let price = |side: u32| sides[side as usize].price[step];
        let holds = |order: &[u32]| order.is_sorted_by(|&one, &two| price(one) <= price(two));
        let recent = found.len().saturating_sub(TRIED);
        let kind = (recent..found.len()).rev().find(|&kind| holds(&found[kind].0));
        let kind = kind.unwrap_or_else(|| {
            let mut order: Vec<u32> = (0..sides.len() as u32).collect();
            order.sort_by(|&one, &two| price(one).total_cmp(&price(two)));
            let order: Arc<[u32]> = order.into();
            *known.entry(Arc::clone(&order)).or_insert_with(|| {
                found.push((order, Vec::new()));
                found.len() - 1
            })
        });
        found[kind].1.push(step);
    }
    let mut steps = Vec::with_capacity(n_steps);
    let kinds = found
        .into_iter()
        .map(|(order, of_kind)| {
            let first = steps.len();
            steps.extend(of_kind);
            Kind { places: first..steps.len(), order }
        })
        .collect();
    Ok((kinds, steps))
}

/// A side as a coalition has it: in some steps its prices, and the sum of its members' energy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer<'a> {
    pub is_deficit: bool,
    pub price: &'a [f64],
    pub energy: &'a [f64],
}

/// Adds what a coalition gains in some steps of a kind. Its offers are in the order of prices; those of sides on
/// which it has nothing are left out.
pub(super) fn add_gains(
    offers: &[Offer<'_>],
    above: &mut Vec<[f64; LANES]>,
    sums: &mut [f64; LANES],
) {
    // Below the first surplus there is nobody to sell, above the last deficit nobody to buy.
    let first = offers.iter().position(|offer| !offer.is_deficit);
    let last = offers.iter().rposition(|offer| offer.is_deficit);
    if let (Some(first), Some(last)) = (first, last)
        && first < last
    {
        above.resize(above.len().max(offers.len() + 1), [0.0; LANES]);
        add_between(&offers[first..=last], above, sums);
    }
}

/// The sum of running sums, in a fixed order.
pub(super) fn total(mut sums: [f64; LANES]) -> f64 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add_between<'a>(offers: &[Offer<'a>], above: &mut [[f64; LANES]], sums: &mut [f64; LANES]) {
    let n_steps = offers[0].price.len();
    let whole = n_steps - n_steps % LANES;
    for step in (0..whole).step_by(LANES) {
        let gain = gain_of::<LANES>(offers, step, above);
        for lane in 0..LANES {
            sums[lane] += gain[lane];
        }
    }
    for step in whole..n_steps {
        sums[0] += gain_of::<1>(offers, step, above)[0];
    }
}

/// What `N` steps gain; `above` is room for the deficits from the dearest down: none, one side, two sides.
#[inline(always)]
#[expect(
    clippy::manual_memcpy,
    reason = "copies of slices are calls that keep numbers out of registers"
)]
fn gain_of<const N: usize>(
    offers: &[Offer<'_>],
    step: usize,
    above: &mut [[f64; LANES]],
) -> [f64; N] {
    let mut deficit = [0.0; N];
    let mut level = 0;
    for offer in offers.iter().rev() {
        if offer.is_deficit {
            let energy = lanes::<N>(offer.energy, step);
            level += 1;
            for lane in 0..N {
                deficit[lane] += energy[lane];
                above[level][lane] = deficit[lane];
            }
        }
    }
    let mut surplus = [0.0; N];
    let mut gain = [0.0; N];
    for at in 1..offers.len() {
        let offer = &offers[at - 1];
        if offer.is_deficit {
            // Not subtracted: nothing is left of what has gone.
            level -= 1;
            deficit = lanes::<N>(&above[level], 0);
        } else {
            let energy = lanes::<N>(offer.energy, step);
            for lane in 0..N {
                surplus[lane] += energy[lane];
            }
        }
        let low = lanes::<N>(offer.price, step);
        let high = lanes::<N>(offers[at].price, step);
        for lane in 0..N {
            let met = if deficit[lane] < surplus[lane] { deficit[lane] } else { surplus[lane] };
            gain[lane] += (high[lane] - low[lane]) * met;
        }
    }
    gain
}

/// The numbers from the first on.
#[inline(always)]
#[expect(
    clippy::manual_memcpy,
    reason = "copies of slices are calls that keep numbers out of registers"
)]
fn lanes<const N: usize>(values: &[f64], first: usize) -> [f64; N] {
    let values = &values[first..first + N];
    let mut lanes = [0.0; N];
    for lane in 0..N {
        lanes[lane] = values[lane];
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::sharing::oracle::World;

    fn sides(world: &World) -> Vec<Side> {
        world.points(|points| points.sides(&Progress::new())).unwrap()
    }

    #[test]
    fn every_step_is_of_one_kind_whose_order_its_prices_have() {
        for seed in 0..100 {
            let world = World::drawn(seed, 1);
            let sides = sides(&world);
            let (kinds, mut steps) = kinds(&sides, world.n_steps, &Progress::new()).unwrap();
            for kind in &kinds {
                let mut order = kind.order.to_vec();
                for &step in &steps[kind.places.clone()] {
                    let prices = kind.order.iter().map(|&side| sides[side as usize].price[step]);
                    assert!(prices.is_sorted());
                }
                order.sort_unstable();
                assert!(order.into_iter().eq(0..sides.len() as u32));
            }
            steps.sort_unstable();
            assert!(steps.into_iter().eq(0..world.n_steps));
            let mut ends = kinds.iter().map(|kind| kind.places.end);
            assert!(
                kinds
                    .iter()
                    .map(|kind| kind.places.start)
                    .eq([0].into_iter().chain(ends.clone()).take(kinds.len()))
            );
            assert_eq!(ends.next_back(), Some(world.n_steps));
        }
    }

    /// The integral over prices of the smaller one of what is bought and what is sold.
    fn integral(parties: &[(bool, f64, f64)]) -> f64 {
        let mut prices: Vec<f64> = parties.iter().map(|&(_, price, _)| price).collect();
        prices.sort_by(f64::total_cmp);
        let between = |ends: &[f64]| {
            let sum = |is_deficit: bool| -> f64 {
                let taking_part = parties.iter().filter(|&&(is, price, _)| {
                    is == is_deficit && if is { price >= ends[1] } else { price <= ends[0] }
                });
                taking_part.map(|&(_, _, energy)| energy).sum()
            };
            (ends[1] - ends[0]) * sum(true).min(sum(false))
        };
        prices.windows(2).map(between).sum()
    }

    #[test]
    fn steps_gain_the_integral_over_prices_however_many_there_are() {
        for n_steps in [1, 2, LANES - 1, LANES, LANES + 1, 3 * LANES + 5] {
            for bits in 0..64_usize {
                // Whether each of six parties buys; prices climb, some by nothing.
                let number = |party: usize, step: usize| ((party * 7 + step * 5 + bits) % 4) as f64;
                let parties: Vec<(bool, Vec<f64>, Vec<f64>)> = (0..6)
                    .map(|party| {
                        let price = |step| (party / (1 + step % 3)) as f64 / 4.0 - 0.5;
                        let price = (0..n_steps).map(price).collect();
                        let energy = (0..n_steps).map(|step| number(party, step)).collect();
                        (bits >> party & 1 == 1, price, energy)
                    })
                    .collect();
                let offers: Vec<Offer<'_>> = parties
                    .iter()
                    .map(|(is_deficit, price, energy)| Offer {
                        is_deficit: *is_deficit,
                        price,
                        energy,
                    })
                    .collect();
                let mut sums = [0.0; LANES];
                add_gains(&offers, &mut Vec::new(), &mut sums);
                let of_step = |step: usize| -> f64 {
                    let here = offers.iter().map(|o| (o.is_deficit, o.price[step], o.energy[step]));
                    integral(&here.collect::<Vec<_>>())
                };
                assert_eq!(total(sums), (0..n_steps).map(of_step).sum::<f64>());
            }
        }
    }
}
