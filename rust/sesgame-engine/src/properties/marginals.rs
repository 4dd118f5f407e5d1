//! The least and the greatest marginal contribution of each player: monotone games, dummy players.

use rayon::prelude::*;

use super::range::{Range, differences, rises};
use super::{BLOCK_BITS, Blocks, Ends};
use crate::coalition::Coalition;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::thread_pool;

/// The marginal contributions `v(S + i) - v(S)` of all players.
#[derive(Debug, Clone, PartialEq)]
pub struct Marginals {
    /// Between what those of each player are.
    pub ranges: Vec<Range>,
    /// Both ends of the contributions less the players' offsets; the witnesses are `S` and `S + i`.
    pub ends: Ends,
}

/// The ranges of the marginal contributions, and who contributes least and most beyond the offsets.
///
/// # Complexity
/// `n 2^(n-1)` differences; the table is read from memory `n - 12` times.
///
/// # Errors
/// [`Error::InvalidInput`] when the lengths do not fit; [`Error::Interrupted`].
pub fn marginals(
    table: &[f64],
    offsets: &[f64],
    slack: f64,
    progress: &Progress,
) -> Result<Marginals> {
    let blocks = Blocks::new(table, BLOCK_BITS)?;
    if offsets.len() != blocks.n_players {
        return Err(Error::InvalidInput(format!(
            "{} offsets for {} players",
            offsets.len(),
            blocks.n_players
        )));
    }
    progress.set_total(table.len() as u64);
    let by_block = thread_pool::install(|| {
        (0..blocks.count())
            .into_par_iter()
            .map(|block| {
                let here = blocks.row(block);
                let mut ranges: Vec<Range> =
                    (0..blocks.low_players).map(|player| rises(here, 1 << player)).collect();
                ranges.resize(blocks.n_players, Range::NONE);
                for (player, with_player) in blocks.joining(block) {
                    ranges[player] = differences(here, blocks.row(with_player));
                }
                progress.advance(here.len() as u64).map(|()| ranges)
            })
            .collect::<Result<Vec<_>>>()
    })?;
    let mut ranges = vec![Range::NONE; blocks.n_players];
    let mut beyond = vec![Range::NONE; by_block.len()];
    for (block, beyond) in by_block.iter().zip(&mut beyond) {
        for ((range, here), offset) in ranges.iter_mut().zip(block).zip(offsets) {
            *range = range.and(*here);
            *beyond = beyond.and(here.minus(*offset));
        }
    }
    let ends = Ends::find(&beyond, slack, |block, reaches| {
        Ok(first_of_block(blocks, block, offsets, reaches))
    })?;
    Ok(Marginals { ranges, ends })
}

/// The first `S` of a block, and the first player, whose contribution `reaches` the end.
fn first_of_block(
    blocks: Blocks<'_>,
    block: usize,
    offsets: &[f64],
    reaches: &dyn Fn(f64) -> bool,
) -> Option<(f64, Coalition, Coalition)> {
    let first = block << blocks.low_players;
    for coalition in first..first + blocks.size() {
        for (player, offset) in offsets.iter().enumerate() {
            let joined = coalition | 1 << player;
            if joined != coalition {
                let beyond = (blocks.table[joined] - blocks.table[coalition]) - offset;
                if reaches(beyond) {
                    return Some((beyond, coalition as Coalition, joined as Coalition));
                }
            }
        }
    }
    None
}
