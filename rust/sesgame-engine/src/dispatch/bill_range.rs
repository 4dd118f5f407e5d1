//! Between which bills a member's bill lies under any prices that prove the common dispatch
//! optimal.
//!
//! The bills at the prices `y` of an optimal dual solution are `y . z_i` for members who bring the
//! resources `z_i`, and `c(z) = max over dual y of y . z` is convex in the resources of a pool. So
//! the largest and the smallest bill of a member over all optimal `y` are the one-sided
//! derivatives of `c` at the resources of all, in the direction `z_i` (Rockafellar 1970, theorem
//! 23.4). They are taken as differences over a short distance: by convexity the range found is
//! never too narrow, but for rounding.

use rayon::prelude::*;

use super::pool_lanes::{Batteries, LANES, Lanes, Pools};
use super::{Battery, Conversion, Tariff, check_usable, is_usable, unusable};
use crate::error::{Error, Result};
use crate::game::NativeGame;
use crate::progress::Progress;
use crate::thread_pool;

/// Length of a difference, as a share of all money that could flow: the square root of rounding,
/// roughly, so that neither rounding nor a kink within the distance counts for much.
pub(super) const DISTANCE: f64 = 1.0 / 1_048_576.0;

/// Members at a time: with less and with more of what each brings.
const MEMBERS: usize = LANES / 2;

/// A game whose values are costs of the sum of what the members bring.
pub trait CostOfSums: NativeGame {
    /// What each member brings, in rows of the same length one after the other.
    fn rows(&self) -> &[f64];

    /// The length of a row.
    fn width(&self) -> usize;

    /// The least cost of a sum, with memory of its own to find it.
    fn cost_of_sums(&self) -> impl FnMut(&[f64]) -> f64 + Send;

    /// All money that could flow on account of a row.
    fn weight(&self, row: &[f64]) -> f64;
}

/// The smallest and the largest bill of each member over all optimal prices; infinite where limits
/// leave no dispatch when a little more or less of what a member brings is there.
///
/// # Complexity
/// Two dispatches for each member, on all cores.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn bill_ranges(game: &impl CostOfSums, progress: &Progress) -> Result<Vec<(f64, f64)>> {
    let rows: Vec<&[f64]> = game.rows().chunks(game.width()).collect();
    let all = rows.iter().fold(vec![0.0; game.width()], |mut sum, row| {
        sum.iter_mut().zip(*row).for_each(|(sum, value)| *sum += value);
        sum
    });
    let cost = (game.cost_of_sums())(&all);
    let weight_of_all: f64 = rows.iter().map(|row| game.weight(row)).sum();
    progress.set_total(rows.len() as u64);
    thread_pool::install(|| {
        rows.par_iter()
            .map_init(
                || (game.cost_of_sums(), vec![0.0; all.len()]),
                |(cost_of, moved), row| {
                    progress.advance(1)?;
                    let weight = game.weight(row);
                    if weight == 0.0 {
                        return Ok((0.0, 0.0));
                    }
                    let share = share(weight_of_all, weight);
                    let mut cost_at = |share: f64| {
                        let sums = all.iter().zip(row.iter());
                        moved
                            .iter_mut()
                            .zip(sums)
                            .for_each(|(at, (all, own))| *at = all + share * own);
                        cost_of(moved)
                    };
                    let costs = [cost_at(-share), cost_at(share)];
                    Ok(range(cost, costs, share))
                },
            )
            .collect()
    })
}

/// The same of members who pool batteries that lose no charge, and whose net loads are not stored but
/// written by `net_load` where they are asked for; `total` is their sum. To the last bit the ranges of
/// [`bill_ranges`], several members at a time.
///
/// # Complexity
/// Two dispatches for each member, on all cores; memory for a few net loads of each core.
///
/// # Errors
/// [`Error::InvalidInput`] when `total` does not fit the tariff, a number is not finite, a battery cannot
/// be, or the conversion loses charge; [`Error::Interrupted`].
pub fn pooled_bill_ranges(
    tariff: &Tariff,
    conversion: Conversion,
    batteries: &[Battery],
    total: &[f64],
    net_load: impl Fn(usize, &mut [f64]) + Sync,
    progress: &Progress,
) -> Result<Vec<(f64, f64)>> {
    let n_steps = tariff.n_steps();
    check_usable("total", total)?;
    if total.len() != n_steps || conversion.retention() < 1.0 {
        return Err(Error::InvalidInput(format!(
            "a net load of {} steps under a tariff of {n_steps}, with batteries that keep {} of their \
             charge",
            total.len(),
            conversion.retention()
        )));
    }
    let mut of_all = Battery { energy: 0.0, power: 0.0, initial_charge: 0.0 };
    for (member, battery) in batteries.iter().enumerate() {
        battery.check(&conversion, &format!("the battery of member {member}"))?;
        of_all.energy += battery.energy;
        of_all.power += battery.power;
        of_all.initial_charge += battery.initial_charge;
    }
    progress.set_total(batteries.len() as u64);
    thread_pool::install(|| {
        let weights: Vec<f64> = batteries
            .par_iter()
            .enumerate()
            .map_init(
                || vec![0.0; n_steps],
                |load, (member, battery)| {
                    progress.check()?;
                    net_load(member, load);
                    let weight = tariff.turnover(load, battery.power)
                        + tariff.highest() * (battery.energy + battery.initial_charge);
                    match load.iter().position(|&load| !is_usable(load)) {
                        None => Ok(weight),
                        Some(step) => {
                            let what = format!("the net load of member {member} at step {step}");
                            Err(unusable(&what, load[step]))
                        }
                    }
                },
            )
            .collect::<Result<_>>()?;
        let weight_of_all: f64 = weights.iter().sum();
        let costs = |pools: &mut Pools, loads: &[Lanes], batteries: &Batteries| {
            pools.costs(tariff, &conversion, loads, batteries)
        };
        let loads: Vec<Lanes> = total.iter().map(|&load| [load; LANES]).collect();
        let [cost, ..] = costs(&mut Pools::new(), &loads, &Batteries::each(|_| of_all));
        let mut ranges = vec![(0.0, 0.0); batteries.len()];
        ranges
            .par_chunks_mut(MEMBERS)
            .enumerate()
            .map_init(
                || (Pools::new(), vec![0.0; n_steps], vec![[0.0; LANES]; n_steps]),
                |(pools, own, loads), (chunk, ranges)| {
                    progress.advance(ranges.len() as u64)?;
                    let members = chunk * MEMBERS..chunk * MEMBERS + ranges.len();
                    let mut shares = [0.0; LANES];
                    for (place, member) in members.clone().enumerate() {
                        if weights[member] > 0.0 {
                            let share = share(weight_of_all, weights[member]);
                            (shares[place], shares[MEMBERS + place]) = (-share, share);
                        }
                        net_load(member, own);
                        for ((lanes, all), own) in loads.iter_mut().zip(total).zip(&*own) {
                            lanes[place] = all + shares[place] * own;
                            lanes[MEMBERS + place] = all + shares[MEMBERS + place] * own;
                        }
                    }
                    let moved = Batteries::each(|lane| {
                        let Some(own) = batteries[members.clone()].get(lane % MEMBERS) else {
                            return of_all;
                        };
                        let share = shares[lane];
                        Battery {
                            energy: of_all.energy + share * own.energy,
                            power: of_all.power + share * own.power,
                            initial_charge: of_all.initial_charge + share * own.initial_charge,
                        }
                    });
                    let costs = costs(pools, loads, &moved);
                    for (place, bounds) in ranges.iter_mut().enumerate() {
                        let share = shares[MEMBERS + place];
                        if share > 0.0 {
                            *bounds = range(cost, [costs[place], costs[MEMBERS + place]], share);
                        }
                    }
                    Ok(())
                },
            )
            .collect::<Result<()>>()?;
        Ok(ranges)
    })
}

/// The part of what a member brings over which its differences go: not beyond the point where it has
/// left.
fn share(weight_of_all: f64, weight: f64) -> f64 {
    (DISTANCE * weight_of_all / weight).min(1.0)
}

/// The slopes from the costs with less and with more of what a member brings.
fn range(cost: f64, [less, more]: [f64; 2], share: f64) -> (f64, f64) {
    let slopes = [(cost - less) / share, (more - cost) / share];
    // By convexity the first is not above the second, but rounding may put it there.
    (slopes[0].min(slopes[1]), slopes[0].max(slopes[1]))
}
