//! Every coalition of a native game into a table of `2^n` values, on all cores.
//!
//! The coalitions are visited in binary order and a walker's members are kept in descending order
//! of their index. One step of the binary counter then takes the members `0, 1, .., k - 1`, who
//! joined last, off again and adds player `k`: one addition per coalition, as in Gray-code order,
//! but a walker that stacks its partial sums never has to subtract. No rounding drifts, and the
//! bits of a value depend on the coalition alone, not on the path or on the number of threads.

use rayon::prelude::*;

use crate::coalition::{Coalition, MAX_TABLE_PLAYERS};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::memory::{self, Purpose};
use crate::progress::Progress;
use crate::thread_pool;

/// Coalitions in one unit of parallel work, a power of two.
const BLOCK: usize = 256;
/// From so many on coalitions side by side take less time than one after the other.
const FEW: usize = 4;

/// The values of all coalitions in binary order; the empty coalition has value 0.
///
/// # Complexity
/// `2^n` values, each after one [`Walker::add`].
///
/// # Errors
/// [`Error::InvalidInput`] for more than [`MAX_TABLE_PLAYERS`] players, [`Error::NotFinite`] for a
/// value that is not a number, [`Error::Interrupted`].
pub fn tabulate(game: &dyn NativeGame, progress: &Progress) -> Result<Vec<f64>> {
    let n_players = game.n_players();
    if n_players > MAX_TABLE_PLAYERS {
        return Err(Error::InvalidInput(format!(
            "a table holds the coalitions of at most {MAX_TABLE_PLAYERS} players, not {n_players}"
        )));
    }
    let mut table = memory::zeros(&[1 << n_players], Purpose::Table)?;
    progress.set_total(table.len() as u64);
    thread_pool::install(|| {
        table.par_chunks_mut(BLOCK).enumerate().try_for_each_init(
            || game.walker(progress),
            |walker, (block, values)| {
                fill_block(walker.as_mut(), (block * BLOCK) as Coalition, values, progress)
            },
        )
    })?;
    Ok(table)
}

/// The values of the coalitions `first`, `first + 1`, ..; their number is a power of two and `first`
/// a multiple of it.
pub(crate) fn fill_block(
    walker: &mut dyn Walker,
    first: Coalition,
    values: &mut [f64],
    progress: &Progress,
) -> Result<()> {
    walker.clear();
    for player in (0..Coalition::BITS as usize).rev().filter(|player| first >> player & 1 == 1) {
        walker.add(player);
    }
    // Where eight are evaluated at once, the three lowest players never join.
    let (mut place, mut lowest) = (0, 0);
    while place < values.len() {
        progress.check()?;
        let coalition = first + place as Coalition;
        if place > 0 {
            let joins = coalition.trailing_zeros() as usize;
            (lowest..joins).for_each(|player| walker.remove(player));
            walker.add(joins);
        }
        let eight = (coalition.is_multiple_of(8) && values.len() >= place + 8)
            .then(|| walker.values_with_lowest())
            .flatten();
        if coalition != 0 && eight.is_none() && walker.enqueue(place) {
            place += 1;
            continue;
        }
        let one;
        let found: &[f64] = if let Some(eight) = &eight {
            lowest = 3;
            eight
        } else {
            one = if coalition == 0 { 0.0 } else { walker.value() };
            std::slice::from_ref(&one)
        };
        for (value, found) in values[place..].iter_mut().zip(found) {
            let coalition = first + place as Coalition;
            if coalition != 0 {
                *value = *found;
            }
            if !value.is_finite() {
                return Err(Error::NotFinite { coalition, value: *value });
            }
            place += 1;
        }
    }
    walker.finish(&mut |place, value| values[place] = value);
    if let Some(place) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite {
            coalition: first + place as Coalition,
            value: values[place],
        });
    }
    progress.advance(values.len() as u64)
}

/// The values of the given coalitions: `membership` holds one row of `n` flags for each.
///
/// For at most [`MAX_TABLE_PLAYERS`] players the bits are those of [`tabulate`]. Values that are not
/// finite are the caller's affair: who they are of is told by their place.
///
/// # Errors
/// [`Error::InvalidInput`] when the length is not a multiple of `n`, [`Error::Interrupted`].
pub fn values(game: &dyn NativeGame, membership: &[bool], progress: &Progress) -> Result<Vec<f64>> {
    let n_players = game.n_players();
    if !membership.len().is_multiple_of(n_players) {
        return Err(Error::InvalidInput(format!(
            "{} membership flags are not rows of {n_players} players",
            membership.len()
        )));
    }
    let mut values = vec![0.0; membership.len() / n_players];
    progress.set_total(values.len() as u64);
    thread_pool::install(|| {
        // Those of one walker: as many as there can be side by side, but some for each thread.
        let of_each = values.len().div_ceil(thread_pool::n_threads()).clamp(1, BLOCK);
        let is_side_by_side = of_each >= FEW && game.is_side_by_side();
        let count = if is_side_by_side { of_each } else { 1 };
        values
            .par_chunks_mut(count)
            .zip(membership.par_chunks(count * n_players))
            .try_for_each_init(
                || game.walker(progress),
                |walker, (values, rows)| {
                    for (place, flags) in rows.chunks(n_players).enumerate() {
                        walker.clear();
                        let members = (0..n_players).rev().filter(|&player| flags[player]);
                        members.for_each(|player| walker.add(player));
                        if flags.contains(&true) && !(is_side_by_side && walker.enqueue(place)) {
                            values[place] = walker.value();
                        }
                        progress.advance(1)?;
                    }
                    walker.finish(&mut |place, value| values[place] = value);
                    Ok(())
                },
            )
    })?;
    Ok(values)
}
