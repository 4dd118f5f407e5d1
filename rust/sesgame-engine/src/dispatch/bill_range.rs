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

use super::convex_piecewise::ConvexPiecewise;
use super::pooled_battery::PooledBatteryGame;
use crate::error::Result;
use crate::game::NativeGame;
use crate::progress::Progress;
use crate::thread_pool;

/// Length of a difference, as a share of all money that could flow: the square root of rounding,
/// roughly, so that neither rounding nor a kink within the distance counts for much.
pub(super) const DISTANCE: f64 = 1.0 / 1_048_576.0;

/// The smallest and the largest bill of each member over all optimal prices.
///
/// # Complexity
/// Two dispatches for each member, on all cores.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn bill_ranges(game: &PooledBatteryGame, progress: &Progress) -> Result<Vec<(f64, f64)>> {
    let all = game.rows().fold(vec![0.0; game.width()], |mut sum, row| {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        sum
    });
    let cost = game.cost(&all, &mut ConvexPiecewise::new());
    let weight_of_all: f64 = game.rows().map(|row| game.weight(row)).sum();
    progress.set_total(game.n_players() as u64);
    let rows: Vec<&[f64]> = game.rows().collect();
    thread_pool::install(|| {
        rows.par_iter()
            .map_init(
                || (ConvexPiecewise::new(), vec![0.0; all.len()]),
                |(function, moved), row| {
                    progress.advance(1)?;
                    let weight = game.weight(row);
                    if weight == 0.0 {
                        return Ok((0.0, 0.0));
                    }
                    // Not beyond the point where the member has left.
                    let share = (DISTANCE * weight_of_all / weight).min(1.0);
                    let mut cost_at = |share: f64| {
                        let sums = all.iter().zip(row.iter());
                        moved
                            .iter_mut()
                            .zip(sums)
                            .for_each(|(at, (all, own))| *at = all + share * own);
                        game.cost(moved, function)
                    };
                    let slopes =
                        [(cost - cost_at(-share)) / share, (cost_at(share) - cost) / share];
                    // By convexity the first is not above the second, but rounding may put it there.
                    Ok((slopes[0].min(slopes[1]), slopes[0].max(slopes[1])))
                },
            )
            .collect()
    })
}
