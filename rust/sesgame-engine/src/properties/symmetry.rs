//! Symmetric players: those whom no coalition tells apart, `v(S + i) = v(S + j)`.

use rayon::prelude::*;

use super::range::{Range, differences};
use super::{BLOCK_BITS, Blocks};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::thread_pool;

/// The classes of symmetric players, each in ascending order, by their first players.
///
/// # Complexity
/// For each player at most one pass over half of the table for each class; players who differ early in
/// the table are told apart early.
///
/// # Errors
/// [`Error::InvalidInput`] when the length is no power of two; [`Error::Interrupted`].
pub fn symmetric_players(
    table: &[f64],
    slack: f64,
    progress: &Progress,
) -> Result<Vec<Vec<usize>>> {
    let blocks = Blocks::new(table, BLOCK_BITS)?;
    progress.set_total(blocks.n_players as u64);
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for player in 0..blocks.n_players {
        let mut own = None;
        for (place, class) in classes.iter().enumerate() {
            if are_symmetric(blocks, class[0], player, slack, progress)? {
                own = Some(place);
                break;
            }
        }
        match own {
            Some(place) => classes[place].push(player),
            None => classes.push(vec![player]),
        }
        progress.advance(1)?;
    }
    Ok(classes)
}

/// Whether no coalition tells `i < j` apart by more than `slack`.
fn are_symmetric(
    blocks: Blocks<'_>,
    i: usize,
    j: usize,
    slack: f64,
    progress: &Progress,
) -> Result<bool> {
    let told_apart = thread_pool::install(|| {
        (0..blocks.count()).into_par_iter().find_map_any(|block| match progress.check() {
            Err(stop) => Some(Err(stop)),
            Ok(()) => {
                let range = difference_of_block(blocks, block, i, j);
                (range.greatest > slack || range.least < -slack).then_some(Ok(()))
            }
        })
    });
    match told_apart {
        Some(Err(Error::Interrupted)) => Err(Error::Interrupted),
        found => Ok(found.is_none()),
    }
}

/// The range of `v(S + j) - v(S + i)` over the `S` of a block, who have neither.
fn difference_of_block(blocks: Blocks<'_>, block: usize, i: usize, j: usize) -> Range {
    let here = blocks.row(block);
    let with = |player: usize| {
        blocks
            .joining(block)
            .find(|&(joins, _)| joins == player)
            .map(|(_, there)| blocks.row(there))
    };
    let (i_low, j_low) = (i < blocks.low_players, j < blocks.low_players);
    let mut range = Range::NONE;
    if j_low {
        // Runs of coalitions that differ in players below `i` only.
        for pair in here.chunks_exact(2 << j) {
            let (without_j, with_j) = pair.split_at(1 << j);
            for (lower, upper) in without_j.chunks_exact(2 << i).zip(with_j.chunks_exact(2 << i)) {
                range = range.and(differences(&lower[1 << i..], &upper[..1 << i]));
            }
        }
    } else if let Some(there) = with(j) {
        if i_low {
            for (lower, upper) in here.chunks_exact(2 << i).zip(there.chunks_exact(2 << i)) {
                range = range.and(differences(&lower[1 << i..], &upper[..1 << i]));
            }
        } else if let Some(with_i) = with(i) {
            range = differences(with_i, there);
        }
    }
    range
}
