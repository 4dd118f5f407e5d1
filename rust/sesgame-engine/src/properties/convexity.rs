//! Convex (supermodular) and concave (submodular) games.
//!
//! A game is convex when `v(S + i + j) - v(S + j) >= v(S + i) - v(S)` for all players `i`, `j` and all
//! `S` without them: whoever joins adds the more, the more are there. Reference: Shapley (1971).

use multiversion::multiversion;
use rayon::prelude::*;

use super::range::{Range, rises, second_differences};
use super::{BLOCK_BITS, Blocks, Ends};
use crate::coalition::Coalition;
use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// Both ends of `v(S + i + j) - v(S + j) - v(S + i) + v(S)`; the witnesses are `S + i` and `S + j`.
///
/// # Complexity
/// `n (n - 1) 2^(n-3)` differences; blocks of 2^12 coalitions are read from memory
/// `(n - 12)^2 / 2` times.
///
/// # Errors
/// [`Error::InvalidInput`](crate::error::Error::InvalidInput) when the length is no power of two;
/// [`Error::Interrupted`](crate::error::Error::Interrupted).
pub fn convexity(table: &[f64], slack: f64, progress: &Progress) -> Result<Ends> {
    let blocks = Blocks::new(table, BLOCK_BITS)?;
    progress.set_total(table.len() as u64);
    let ranges = thread_pool::install(|| {
        (0..blocks.count())
            .into_par_iter()
            .map_init(
                || vec![0.0; blocks.size()],
                |marginals, block| {
                    let range = range_of_block(blocks, block, marginals);
                    progress.advance(blocks.size() as u64).map(|()| range)
                },
            )
            .collect::<Result<Vec<_>>>()
    })?;
    Ends::find(&ranges, slack, |block, reaches| Ok(first_of_block(blocks, block, reaches)))
}

/// The range of the differences of all `S` in a block.
fn range_of_block(blocks: Blocks<'_>, block: usize, marginals: &mut [f64]) -> Range {
    let here = blocks.row(block);
    let mut range = Range::NONE;
    for later in 0..blocks.low_players {
        let half = &mut marginals[..here.len() / 2];
        for (pair, half) in here.chunks_exact(2 << later).zip(half.chunks_exact_mut(1 << later)) {
            let (without, with) = pair.split_at(1 << later);
            subtract(with, without, half);
        }
        for earlier in 0..later {
            range = range.and(rises(half, 1 << earlier));
        }
    }
    for (later, with_later) in blocks.joining(block) {
        subtract(blocks.row(with_later), here, marginals);
        for earlier in 0..blocks.low_players {
            range = range.and(rises(marginals, 1 << earlier));
        }
        for (_, with_earlier) in blocks.joining(block).take_while(|&(player, _)| player < later) {
            let (lower, upper) = (blocks.row(with_earlier), blocks.row(with_earlier | with_later));
            range = range.and(second_differences(marginals, lower, upper));
        }
    }
    range
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn subtract(from: &[f64], what: &[f64], differences: &mut [f64]) {
    for ((from, what), difference) in from.iter().zip(what).zip(differences) {
        *difference = from - what;
    }
}

/// The first `S` of a block, and the first pair of players, whose difference `reaches` the end. It is
/// added up as above, to the last bit.
fn first_of_block(
    blocks: Blocks<'_>,
    block: usize,
    reaches: &dyn Fn(f64) -> bool,
) -> Option<(f64, Coalition, Coalition)> {
    let first = block << blocks.low_players;
    for coalition in first..first + blocks.size() {
        let outside = |player: &usize| coalition >> player & 1 == 0;
        for later in (0..blocks.n_players).filter(outside) {
            for earlier in (0..later).filter(outside) {
                let (one, other) = (coalition | 1 << earlier, coalition | 1 << later);
                let table = blocks.table;
                let difference =
                    (table[one | other] - table[one]) - (table[other] - table[coalition]);
                if reaches(difference) {
                    return Some((difference, one as Coalition, other as Coalition));
                }
            }
        }
    }
    None
}
