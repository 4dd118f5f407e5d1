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

use crate::error::Result;
use crate::game::NativeGame;
use crate::progress::Progress;
use crate::thread_pool;

/// Length of a difference, as a share of all money that could flow: the square root of rounding,
/// roughly, so that neither rounding nor a kink within the distance counts for much.
pub(super) const DISTANCE: f64 = 1.0 / 1_048_576.0;

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
                    // Not beyond the point where the member has left.
                    let share = (DISTANCE * weight_of_all / weight).min(1.0);
                    let mut cost_at = |share: f64| {
                        let sums = all.iter().zip(row.iter());
                        moved
                            .iter_mut()
                            .zip(sums)
                            .for_each(|(at, (all, own))| *at = all + share * own);
                        cost_of(moved)
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
