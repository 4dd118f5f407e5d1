//! The excess of a coalition at an allocation, and which coalition has the largest.
//!
//! The excess of `S` at `x` is `v(S) - x(S)` in a gain game and `x(S) - c(S)` in a cost game:
//! positive when the coalition would do better on its own.

use std::ops::Range;

use rayon::prelude::*;

use crate::coalition::{Coalition, players_of_table};
use crate::error::{Error, Result};
use crate::memory::{self, Purpose};
use crate::progress::Progress;
use crate::thread_pool;

/// Whether players prefer more of the game's value or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `v(S)` is what a coalition earns.
    Gain,
    /// `c(S)` is what a coalition pays.
    Cost,
}

impl Kind {
    /// `1` for a gain and `-1` for a cost: `sign * (v(S) - x(S))` is the excess of both.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Gain => 1.0,
            Self::Cost => -1.0,
        }
    }
}

/// Low bits of a mask that index one block of a scan: the sums of a block's low bits (32 KiB) stay
/// in the first-level cache while the table streams by.
pub(super) const BLOCK_BITS: usize = 12;

/// Blocks in one unit of parallel work.
const BLOCKS_PER_TASK: usize = 16;

/// A violation in steps of a tolerance. What rounding cannot tell apart is equal, so that an order
/// by steps does not depend on the unit of the values. Without a tolerance by size: floats that are
/// not negative are in the order of their bits.
pub(super) const fn steps(violation: f64, tolerance: f64) -> i64 {
    if tolerance > 0.0 {
        (violation / tolerance + 0.5) as i64
    } else {
        violation.to_bits().cast_signed()
    }
}

/// The sums of all subsets of `weights`, in binary order.
pub(super) fn subset_sums(weights: &[f64]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(1 << weights.len());
    sums.push(0.0);
    for weight in weights {
        for subset in 0..sums.len() {
            sums.push(sums[subset] + weight);
        }
    }
    sums
}

// Indices and no iterators in these loops, here and in the scans of `table_scan`: an iterator's
// `next` is compiled for any processor, and calling it for every chunk costs as much as the chunk.

const fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The largest `sign * value - low` of a block, without telling where it is.
#[multiversion::multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn block_maximum(values: &[f64], low: &[f64], sign: f64) -> f64 {
    const LANES: usize = 32;
    let mut best = [f64::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (low_chunks, rest_low) = low[..values.len()].as_chunks::<LANES>();
    let mut at = 0;
    while at < chunks.len() {
        let (values, low) = (&chunks[at], &low_chunks[at]);
        for lane in 0..LANES {
            best[lane] = larger(sign * values[lane] - low[lane], best[lane]);
        }
        at += 1;
    }
    let mut most = f64::NEG_INFINITY;
    for (value, low) in rest.iter().zip(rest_low) {
        most = larger(sign * value - low, most);
    }
    for best in best {
        most = larger(best, most);
    }
    most
}

/// The largest `sign * value - low` of each of two blocks: one read of the sums for both, which fill
/// a first-level cache of 32 KiB by themselves.
#[multiversion::multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn pair_maxima(one: &[f64], other: &[f64], low: &[f64], sign: f64) -> [f64; 2] {
    const LANES: usize = 16;
    let mut best = [[f64::NEG_INFINITY; LANES]; 2];
    let (one, other) = (one.as_chunks::<LANES>().0, other.as_chunks::<LANES>().0);
    let low = low.as_chunks::<LANES>().0;
    let mut at = 0;
    while at < low.len() {
        let (one, other, low) = (&one[at], &other[at], &low[at]);
        for lane in 0..LANES {
            best[0][lane] = larger(sign * one[lane] - low[lane], best[0][lane]);
        }
        for lane in 0..LANES {
            best[1][lane] = larger(sign * other[lane] - low[lane], best[1][lane]);
        }
        at += 1;
    }
    let mut most = [f64::NEG_INFINITY; 2];
    for (most, best) in most.iter_mut().zip(best) {
        for best in best {
            *most = larger(best, *most);
        }
    }
    most
}

/// The largest excess of a proper, non-empty coalition, and the first coalition in binary order
/// whose excess is at most `equal` less. `None` for a single player, who has no proper coalition.
///
/// One pass over the table: what it keeps of a block is the largest excess, and only the block of
/// that coalition is read again.
///
/// # Errors
/// [`Error::InvalidInput`] when the lengths do not fit or `equal` is not at least 0;
/// [`Error::OutOfMemory`]; [`Error::Interrupted`].
pub fn worst_coalition(
    table: &[f64],
    kind: Kind,
    allocation: &[f64],
    equal: f64,
    progress: &Progress,
) -> Result<Option<(Coalition, f64)>> {
    if !(equal.is_finite() && equal >= 0.0) {
        return Err(Error::InvalidInput(format!("equal is {equal}; it must be at least 0")));
    }
    let sums = SignedSums::new(table, kind, allocation)?;
    progress.set_total(table.len() as u64);
    let size = sums.low.len();
    let mut largest = memory::zeros(&[table.len() / size], Purpose::Table)?;
    let task = |(task, (values, largest)): (usize, (&[f64], &mut [f64]))| {
        let first = task * BLOCKS_PER_TASK;
        for ((block, values), largest) in
            (first..).step_by(2).zip(values.chunks(2 * size)).zip(largest.chunks_mut(2))
        {
            let ends = block == 0 || block + 2 >= sums.high.len();
            let found = if ends {
                [block, block + 1].map(|block| sums.maximum(block, table))
            } else {
                let (one, other) = values.split_at(size);
                let [one, other] = pair_maxima(one, other, &sums.low, sums.sign);
                [one - sums.high[block], other - sums.high[block + 1]]
            };
            largest.copy_from_slice(&found[..largest.len()]);
        }
        progress.advance(values.len() as u64)
    };
    if largest.len() <= BLOCKS_PER_TASK {
        task((0, (table, &mut largest)))?;
    } else {
        thread_pool::install(|| {
            table
                .par_chunks(size * BLOCKS_PER_TASK)
                .zip(largest.par_chunks_mut(BLOCKS_PER_TASK))
                .enumerate()
                .try_for_each(task)
        })?;
    }
    let excess = largest.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first = largest.iter().position(|&largest| largest >= excess - equal);
    Ok(first.and_then(|block| {
        sums.proper(block)
            .map(|index| block * size + index)
            .find(|&coalition| sums.excess(table, coalition) >= excess - equal)
            .map(|coalition| (coalition as Coalition, excess))
    }))
}

/// The proper, non-empty coalitions whose excess is at least `threshold`: the first `limit` of
/// them in binary order, and how many there are.
///
/// One pass over the table.
///
/// # Errors
/// As [`worst_coalition`].
pub fn coalitions_at_least(
    table: &[f64],
    kind: Kind,
    allocation: &[f64],
    threshold: f64,
    limit: usize,
    progress: &Progress,
) -> Result<(Vec<Coalition>, u64)> {
    let sums = SignedSums::new(table, kind, allocation)?;
    progress.set_total(table.len() as u64);
    let size = sums.low.len();
    let inside = |block: usize| {
        sums.proper(block)
            .map(move |index| block * size + index)
            .filter(|&coalition| sums.excess(table, coalition) >= threshold)
    };
    let counts: Vec<u32> = thread_pool::install(|| {
        table
            .par_chunks(size)
            .enumerate()
            .with_min_len(16)
            .map(|(block, values)| {
                progress.advance(values.len() as u64)?;
                let best = block_maximum(values, &sums.low, sums.sign) - sums.high[block];
                Ok(if best >= threshold { inside(block).count() as u32 } else { 0 })
            })
            .collect::<Result<_>>()
    })?;
    let total = counts.iter().map(|&count| u64::from(count)).sum();
    let first = (0..counts.len())
        .filter(|&block| counts[block] > 0)
        .flat_map(inside)
        .take(limit)
        .map(|coalition| coalition as Coalition)
        .collect();
    Ok((first, total))
}

/// How many proper, non-empty coalitions have an excess in each of `bins` equal intervals from
/// `lowest` to `highest`; what lies outside is counted in the first or the last.
///
/// One pass over the table. The counts are integers: the same for any number of threads.
///
/// # Errors
/// [`Error::InvalidInput`] when the lengths do not fit, there is no bin, or the ends are not finite
/// numbers in rising order; [`Error::Interrupted`].
pub fn excess_histogram(
    table: &[f64],
    kind: Kind,
    allocation: &[f64],
    (lowest, highest): (f64, f64),
    bins: usize,
    progress: &Progress,
) -> Result<Vec<u64>> {
    if bins == 0 || !(lowest.is_finite() && highest.is_finite() && lowest <= highest) {
        return Err(Error::InvalidInput(format!(
            "{bins} bins from {lowest} to {highest}: at least one, and finite ends in rising order"
        )));
    }
    let sums = SignedSums::new(table, kind, allocation)?;
    progress.set_total(table.len() as u64);
    let width = (highest - lowest) / bins as f64;
    let per_unit = if width > 0.0 { width.recip() } else { 0.0 };
    let size = sums.low.len();
    thread_pool::install(|| {
        table
            .par_chunks(size)
            .enumerate()
            .with_min_len(64)
            .try_fold(
                || vec![0; bins],
                |mut counts, (block, values)| {
                    progress.advance(values.len() as u64)?;
                    let base = sums.high[block] + lowest;
                    for index in sums.proper(block) {
                        // A cast saturates: negative numbers and NaN become 0.
                        let excess = sums.sign * values[index] - sums.low[index] - base;
                        counts[((excess * per_unit) as usize).min(bins - 1)] += 1;
                    }
                    Ok(counts)
                },
            )
            .try_reduce(
                || vec![0; bins],
                |mut total, counts| {
                    total
                        .iter_mut()
                        .zip(counts)
                        .for_each(|(sum, count): (&mut u64, u64)| *sum += count);
                    Ok(total)
                },
            )
    })
}

/// The sums of an allocation over the low and the high parts of all masks, signed so that less is
/// better for the coalition in gains as in costs.
pub(super) struct SignedSums {
    pub sign: f64,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
}

impl SignedSums {
    /// # Errors
    /// [`Error::InvalidInput`] when the lengths do not fit.
    pub fn new(table: &[f64], kind: Kind, allocation: &[f64]) -> Result<Self> {
        let n_players = players_of_table(table.len())
            .filter(|&n_players| n_players == allocation.len())
            .ok_or_else(|| {
                Error::InvalidInput(format!(
                    "a table of {} values and an allocation of {} do not belong to one game",
                    table.len(),
                    allocation.len()
                ))
            })?;
        let sign = kind.sign();
        let signed: Vec<f64> = allocation.iter().map(|share| sign * share).collect();
        let (low, high) = signed.split_at(BLOCK_BITS.min(n_players));
        Ok(Self { sign, low: subset_sums(low), high: subset_sums(high) })
    }

    /// The places of a block without the empty and the grand coalition, the first and the last
    /// value of the table.
    pub fn proper(&self, block: usize) -> Range<usize> {
        let last = self.high.len() - 1;
        usize::from(block == 0)..self.low.len() - usize::from(block == last)
    }

    /// The largest excess of the proper coalitions of a block; minus infinity beyond the last.
    fn maximum(&self, block: usize, table: &[f64]) -> f64 {
        let Some(&high) = self.high.get(block) else { return f64::NEG_INFINITY };
        let (size, proper) = (self.low.len(), self.proper(block));
        let values = &table[block * size..][proper.clone()];
        block_maximum(values, &self.low[proper], self.sign) - high
    }

    /// The excess of a coalition.
    pub fn excess(&self, table: &[f64], coalition: usize) -> f64 {
        let (block, index) = (coalition / self.low.len(), coalition % self.low.len());
        self.sign * table[coalition] - self.low[index] - self.high[block]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(table: &[f64], kind: Kind, allocation: &[f64]) -> Option<(Coalition, f64)> {
        worst_coalition(table, kind, allocation, 0.0, &Progress::new()).unwrap()
    }

    #[test]
    fn gloves_object_when_the_scarce_glove_is_paid_too_little() {
        // Players 0 and 1 own left gloves, player 2 the only right one.
        let table = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        assert_eq!(worst(&table, Kind::Gain, &[0.5, 0.0, 0.5]), Some((0b110, 0.5)));
        assert_eq!(worst(&table, Kind::Gain, &[0.0, 0.0, 1.0]), Some((0b001, 0.0)));
    }

    #[test]
    fn a_cost_game_objects_to_paying_more_than_alone() {
        let table = [0.0, 4.0, 5.0, 6.0];
        assert_eq!(worst(&table, Kind::Cost, &[1.0, 5.5]), Some((0b10, 0.5)));
    }

    #[test]
    fn a_single_player_has_no_proper_coalition() {
        assert_eq!(worst(&[0.0, 3.0], Kind::Gain, &[3.0]), None);
    }

    #[test]
    fn every_block_and_its_ends_are_searched() {
        let n_players = BLOCK_BITS + 2;
        for place in [1, 31, 32, (1 << BLOCK_BITS) - 1, 1 << BLOCK_BITS, (1 << n_players) - 2] {
            let mut table = vec![0.0; 1 << n_players];
            table[place] = 1.0;
            let expected = Some((place as Coalition, 1.0));
            assert_eq!(worst(&table, Kind::Gain, &vec![0.0; n_players]), expected);
        }
    }

    #[test]
    fn of_excesses_that_count_as_equal_the_first_is_named_with_the_largest() {
        let n_players = BLOCK_BITS + 6;
        let mut table = vec![0.0; 1 << n_players];
        (table[77], table[5000], table[200_000]) = (0.7, 0.9, 1.0);
        let zero = vec![0.0; n_players];
        let first = |equal| {
            worst_coalition(&table, Kind::Gain, &zero, equal, &Progress::new()).unwrap().unwrap()
        };
        assert_eq!(first(0.0), (200_000, 1.0));
        assert_eq!(first(0.11), (5000, 1.0));
        assert_eq!(first(0.31), (77, 1.0));
        assert_eq!(first(1.0), (1, 1.0));
        for equal in [-1.0, f64::NAN, f64::INFINITY] {
            let found = worst_coalition(&table, Kind::Gain, &zero, equal, &Progress::new());
            assert!(matches!(found, Err(Error::InvalidInput(_))));
        }
    }

    #[test]
    fn coalitions_above_a_threshold_are_counted_beyond_the_limit() {
        let mut table = vec![0.0; 1 << (BLOCK_BITS + 1)];
        table[5000] = 2.0;
        table[7] = 1.0;
        table[6000] = 1.0;
        let zero = vec![0.0; BLOCK_BITS + 1];
        let above = |threshold, limit| {
            let progress = Progress::new();
            coalitions_at_least(&table, Kind::Gain, &zero, threshold, limit, &progress).unwrap()
        };
        assert_eq!(above(1.0, 2), (vec![7, 5000], 3));
        assert_eq!(above(1.5, 9), (vec![5000], 1));
        assert_eq!(above(0.0, 0), (vec![], (1 << (BLOCK_BITS + 1)) - 2));
    }

    #[test]
    fn every_proper_coalition_is_counted_in_the_interval_of_its_excess() {
        let n_players = BLOCK_BITS + 1;
        let mut table = vec![0.0; 1 << n_players];
        (table[3], table[5000], table[6000]) = (1.0, 4.0, -9.0);
        let zero = vec![0.0; n_players];
        let histogram =
            |ends, bins| excess_histogram(&table, Kind::Gain, &zero, ends, bins, &Progress::new());
        let others = (1 << n_players) - 2 - 3;
        assert_eq!(histogram((0.0, 4.0), 4).unwrap(), [others + 1, 1, 0, 1]);
        assert_eq!(histogram((2.0, 2.0), 2).unwrap(), [others + 3, 0]);
        for (ends, bins) in [((0.0, 1.0), 0), ((1.0, 0.0), 2), ((0.0, f64::INFINITY), 2)] {
            assert!(matches!(histogram(ends, bins), Err(Error::InvalidInput(_))));
        }
    }

    #[test]
    fn an_allocation_of_another_game_is_refused() {
        let error = worst_coalition(&[0.0; 8], Kind::Gain, &[0.0; 2], 0.0, &Progress::new());
        assert!(matches!(error, Err(Error::InvalidInput(_))));
    }
}
