//! Superadditive and subadditive games: what two coalitions gain by joining.
//!
//! A game is superadditive when `v(S + T) >= v(S) + v(T)` for all coalitions `S` and `T` without a common
//! member. There are `3^n / 2` such pairs. The low bits of a mask index a row of 256 values; for a
//! triple of rows (of `S`, of `T`, of both) that stay in the cache all `3^8` pairs of low parts are
//! looked at.

use rayon::prelude::*;

use super::range::{Range, differences, joint_gains};
use super::{BLOCK_BITS, Blocks, Ends};
use crate::coalition::Coalition;
use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// Low players of a row.
const ROW_PLAYERS: usize = 8;

/// Both ends of `v(S + T) - v(S) - v(T)` over all `S` and `T` without a common member.
///
/// # Complexity
/// `3^n / 2` pairs; the table is read in rows of 2 KiB.
///
/// # Errors
/// [`Error::InvalidInput`](crate::error::Error::InvalidInput) when the length is no power of two;
/// [`Error::Interrupted`](crate::error::Error::Interrupted).
pub fn additivity(table: &[f64], slack: f64, progress: &Progress) -> Result<Ends> {
    let blocks = Blocks::new(table, ROW_PLAYERS)?;
    let high_players = blocks.n_players - blocks.low_players;
    progress.set_total(3_u64.pow(high_players as u32));
    let ranges = thread_pool::install(|| {
        (0..blocks.count())
            .into_par_iter()
            .map(|union| {
                let range = halves(union).try_fold(Range::NONE, |range, part| {
                    progress.check()?;
                    let (one, other) = (blocks.row(part), blocks.row(union ^ part));
                    Ok(range.and(joint_gains(one, other, blocks.row(union))))
                })?;
                progress.advance(1 << union.count_ones()).map(|()| range)
            })
            .collect::<Result<Vec<_>>>()
    })?;
    Ends::find(&ranges, slack, |block, reaches| first_of_block(blocks, block, reaches, progress))
}

/// The parts of a set that hold its highest element: one of each part and its complement.
fn halves(set: usize) -> impl Iterator<Item = usize> {
    let top = if set == 0 { 0 } else { 1 << set.ilog2() };
    let rest = set ^ top;
    let mut next = Some(0_usize);
    std::iter::from_fn(move || {
        let part = next?;
        next = (part != rest).then(|| part.wrapping_sub(rest) & rest);
        Some(part | top)
    })
}

/// The first union of a block, and the first part of it, whose gain `reaches` the end.
fn first_of_block(
    blocks: Blocks<'_>,
    block: usize,
    reaches: &dyn Fn(f64) -> bool,
    progress: &Progress,
) -> Result<Option<(f64, Coalition, Coalition)>> {
    let first = block << blocks.low_players;
    for union in first..first + blocks.size() {
        progress.check()?;
        for part in halves(union) {
            let rest = union ^ part;
            let gain = blocks.table[union] - (blocks.table[part] + blocks.table[rest]);
            if reaches(gain) {
                return Ok(Some((gain, rest as Coalition, part as Coalition)));
            }
        }
    }
    Ok(None)
}

/// Both ends of `v(N) - v(S) - v(N - S)`: one pass. In a convex game these are the most that any two
/// coalitions gain by joining, in a concave one the least.
///
/// # Errors
/// As [`additivity`].
pub fn complements(table: &[f64], slack: f64, progress: &Progress) -> Result<Ends> {
    let blocks = Blocks::new(table, BLOCK_BITS)?;
    progress.set_total(table.len() as u64);
    let all = table.len() - 1;
    let total = table[all];
    let ranges = thread_pool::install(|| {
        (0..blocks.count())
            .into_par_iter()
            .map(|block| {
                let reversed: Vec<f64> = blocks
                    .row(blocks.count() - 1 - block)
                    .iter()
                    .rev()
                    .map(|value| -value)
                    .collect();
                let sums = differences(&reversed, blocks.row(block));
                progress.advance(blocks.size() as u64)?;
                Ok(Range { least: total - sums.greatest, greatest: total - sums.least })
            })
            .collect::<Result<Vec<_>>>()
    })?;
    Ends::find(&ranges, slack, |block, reaches| {
        let first = block << blocks.low_players;
        Ok((first..first + blocks.size()).find_map(|part| {
            let gain = total - (table[part] + table[all ^ part]);
            reaches(gain).then_some((gain, part as Coalition, (all ^ part) as Coalition))
        }))
    })
}
