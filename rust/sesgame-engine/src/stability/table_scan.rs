//! One pass over the table that checks every level of the nucleolus at once.
//!
//! A coalition `S` may have an excess up to the `t` of its own level, the first whose settled span
//! holds it. The pass splits a mask: low bits index sums that stay in the first-level cache, the
//! high bits select a block. Per block it takes the largest excess, without an index; only the
//! blocks with the largest violations are opened. It remembers the largest excess of every block:
//! while the allocation moves by `d`, that of a block grows by no more than what `d` takes away
//! from its high players and, at worst, from its low ones, so most blocks of a later pass need not
//! be read at all to know that they hold no violation.
//!
//! An excess per member above `t` is an excess above 0 where everybody gets `t` more, so excesses
//! per capita are searched for in the same way, at shifted allocations.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::OnceLock;

use multiversion::multiversion;
use rayon::prelude::*;

use super::excess::{BLOCK_BITS, Kind, steps, subset_sums};
use super::span::{self, MODULUS, Span};
use crate::coalition::{Coalition, grand, players_of_table};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::thread_pool;

/// Blocks that a worker takes at a time.
const BLOCKS_PER_TASK: usize = 16;
/// Coalitions that are compared together when a block is opened.
const STRIP: usize = 128;
/// Strips are opened until they hold so many times what is asked for: equal violations, of which games
/// of integers have thousands, need not all be looked at.
const ENOUGH: usize = 8;

/// What a level demands: coalitions outside the span of the levels before have an excess of at
/// most `t`.
pub(super) struct Demand<'a> {
    pub t: f64,
    /// Vanishes on the span of the levels before and nowhere else.
    pub functional: &'a [u64],
}

/// A coalition whose excess is larger than the `t` of its level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Violation {
    pub coalition: Coalition,
    /// The index of the first level that it violates.
    pub level: usize,
    /// Excess minus the `t` of the coalition's own level, in steps of the tolerance.
    pub steps: i64,
}

/// The `count` coalitions of largest excess above `level`, the largest first.
///
/// With `sample = k` only every `2^k`-th block is read, give or take; 0 for all.
///
/// # Errors
/// [`Error::InvalidInput`] for a table or an allocation of another length; [`Error::Interrupted`].
pub fn most_violated(
    table: &[f64],
    kind: Kind,
    allocation: &[f64],
    level: f64,
    count: usize,
    sample: u32,
    progress: &Progress,
) -> Result<Vec<Coalition>> {
    let n_players = allocation.len();
    if players_of_table(table.len()) != Some(n_players) {
        return Err(Error::InvalidInput(format!(
            "an allocation of {n_players} shares for a table of {} values",
            table.len()
        )));
    }
    let mut span = Span::new(n_players);
    span.insert(&grand(n_players).to_le_bytes()[..n_players.div_ceil(8)]);
    let Some(functional) = span.functional() else { return Ok(Vec::new()) };
    let signed: Vec<f64> = allocation.iter().map(|share| kind.sign() * share).collect();
    let demand = Demand { t: level, functional };
    let found = Scanner::new(table, kind.sign(), false).violations(
        &signed,
        &[demand],
        0.0,
        count,
        sample,
        progress,
    )?;
    Ok(found.into_iter().map(|violation| violation.coalition).collect())
}

/// The table, and what earlier scans learnt about its blocks.
pub(super) struct Scanner<'a> {
    blocks: Blocks<'a>,
    /// Per block: its largest excess, whole, when last read, and at which of `allocations`.
    seen: Vec<Seen>,
    allocations: Vec<Vec<f64>>,
    /// Values read so far.
    pub read: u64,
}

/// The table in blocks, one for each coalition of the high players.
struct Blocks<'a> {
    table: &'a [f64],
    sign: f64,
    /// The number of low players.
    bits: usize,
    /// Per number of high players: `1 / |S|` for each low part; empty when excesses count whole.
    inverse_sizes: Vec<Vec<f64>>,
}

#[derive(Clone, Copy)]
struct Seen {
    largest: f64,
    when: u32,
}

/// What one level looks like to the blocks of a scan.
struct Mask {
    t: f64,
    high: Vec<u64>,
    low_functional: Vec<u64>,
    /// Made by the first block that needs it.
    low: OnceLock<Vec<u64>>,
}

/// What one pass over the table looks for.
struct Pass<'b> {
    blocks: &'b Blocks<'b>,
    masks: Vec<Mask>,
    /// The allocation's sums over the low and over the high players.
    low: Vec<f64>,
    high: Vec<f64>,
    /// The same of the allocation at which excesses count whole.
    shifted_low: Vec<f64>,
    shifted_high: Vec<f64>,
    /// A block matters when its largest excess at the shifted allocation is above this.
    threshold: f64,
    /// How much larger excesses may have become since each earlier allocation.
    growth: Vec<(f64, Vec<f64>)>,
    /// The number of the shifted allocation.
    when: u32,
    /// Only every `2^sample`-th block is read, give or take.
    sample: u32,
    /// Violations closer than this count as equal.
    tolerance: f64,
}

/// A stretch of one block of the table, with the allocation's sums over its masks.
#[derive(Clone, Copy)]
struct Tile<'b> {
    index: usize,
    /// Where in the block the stretch starts.
    start: usize,
    values: &'b [f64],
    low: &'b [f64],
    high: f64,
    sign: f64,
    inverse_sizes: &'b [f64],
}

impl Tile<'_> {
    fn part(&self, range: Range<usize>) -> Self {
        Self {
            start: self.start + range.start,
            values: &self.values[range.clone()],
            low: &self.low[range.clone()],
            inverse_sizes: self.inverse_sizes.get(range).unwrap_or(&[]),
            ..*self
        }
    }

    fn excess(&self, place: usize) -> f64 {
        let excess = self.sign * self.values[place] - self.low[place] - self.high;
        if self.inverse_sizes.is_empty() { excess } else { excess * self.inverse_sizes[place] }
    }

    /// The level of the coalition at `place`, counted from 1: the last of those outside whose
    /// earlier span it lies; 0 for the empty and the grand coalition.
    fn level(&self, place: usize, masks: &[Mask]) -> usize {
        masks.partition_point(|mask| {
            let (residues, inside) = mask.residues(self);
            residues[place] != inside
        })
    }

    /// The largest violation of a level; 0 when none is violated. `largest` is the largest excess.
    ///
    /// The coalition of largest excess is as bad as any of its level or of earlier ones, since the
    /// `t` of levels fall. Only coalitions of later levels can be worse.
    fn worst_violation(&self, mut largest: f64, masks: &[Mask]) -> f64 {
        let mut worst = 0.0_f64;
        let mut level = 0;
        while masks.last().is_some_and(|mask| level < masks.len() && largest > mask.t) {
            let (residues, inside) = masks[level].residues(self);
            // Not found: it is that of the empty or the grand coalition.
            if let Some(place) = position(self, residues, inside, largest) {
                level = self.level(place, masks);
                worst = worst.max(largest - masks[level - 1].t);
            }
            if let Some(mask) = masks.get(level) {
                let (residues, inside) = mask.residues(self);
                largest = largest_outside(self, residues, inside);
            }
        }
        worst
    }

    /// Appends the coalitions that violate their level by at least `least` and more than 0.
    fn collect_violations(
        &self,
        masks: &[Mask],
        least: f64,
        tolerance: f64,
        found: &mut Vec<Violation>,
    ) {
        let lowest = masks.last().map_or(f64::INFINITY, |mask| mask.t);
        for place in 0..self.values.len() {
            let excess = self.excess(place);
            // Not a number only for the empty coalition per capita.
            if excess.is_nan() || excess <= lowest || excess - lowest < least {
                continue;
            }
            let level = self.level(place, masks);
            if level > 0 {
                let amount = excess - masks[level - 1].t;
                if amount > 0.0 && amount >= least {
                    let low = self.start + place;
                    found.push(Violation {
                        coalition: (self.index << BLOCK_BITS | low) as Coalition,
                        level: masks.partition_point(|mask| excess <= mask.t),
                        steps: steps(amount, tolerance),
                    });
                }
            }
        }
    }
}

impl<'a> Scanner<'a> {
    pub fn new(table: &'a [f64], sign: f64, per_capita: bool) -> Self {
        let blocks = Blocks::new(table, sign, per_capita);
        Self {
            seen: vec![Seen { largest: f64::INFINITY, when: 0 }; table.len() >> blocks.bits],
            blocks,
            allocations: Vec::new(),
            read: 0,
        }
    }

    /// The `count` coalitions of largest violation, larger than `tolerance`, the largest first.
    ///
    /// With `sample = k` only every `2^k`-th block is read, give or take; 0 for all.
    pub fn violations(
        &mut self,
        allocation: &[f64],
        demands: &[Demand<'_>],
        tolerance: f64,
        count: usize,
        sample: u32,
        progress: &Progress,
    ) -> Result<Vec<Violation>> {
        let (done, _) = progress.state();
        progress.set_total(done + (self.blocks.table.len() >> sample) as u64);
        let masks: Vec<Mask> =
            demands.iter().map(|demand| self.blocks.mask(demand, tolerance)).collect();
        let lowest = masks.last().map_or(f64::NEG_INFINITY, |mask| mask.t);
        let per_capita = self.blocks.per_capita();
        let shifted: Vec<f64> = allocation
            .iter()
            .map(|share| if per_capita { share + lowest } else { *share })
            .collect();
        let (low, high) = self.blocks.sums(allocation);
        let (shifted_low, shifted_high) = self.blocks.sums(&shifted);
        let pass = Pass {
            blocks: &self.blocks,
            masks,
            low,
            high,
            shifted_low,
            shifted_high,
            threshold: if per_capita { 0.0 } else { lowest },
            growth: self.blocks.growth(&self.allocations, &shifted),
            when: self.allocations.len() as u32,
            sample,
            tolerance,
        };
        self.allocations.push(shifted);
        let (scores, read) = pass.scores(&mut self.seen, progress)?;
        self.read += read;
        Ok(pass.worst_violations(&scores, count))
    }
}

impl<'a> Blocks<'a> {
    fn new(table: &'a [f64], sign: f64, per_capita: bool) -> Self {
        let n_players = table.len().trailing_zeros() as usize;
        let bits = BLOCK_BITS.min(n_players);
        let inverse_sizes = if per_capita {
            (0..=n_players - bits)
                .map(|high| {
                    (0..1_u32 << bits)
                        .map(|low| 1.0 / (high + low.count_ones() as usize) as f64)
                        .collect()
                })
                .collect()
        } else {
            Vec::new()
        };
        Self { table, sign, bits, inverse_sizes }
    }

    fn per_capita(&self) -> bool {
        !self.inverse_sizes.is_empty()
    }

    fn mask(&self, demand: &Demand<'_>, tolerance: f64) -> Mask {
        Mask {
            t: demand.t + tolerance,
            high: subset_residues(&demand.functional[self.bits..]),
            low_functional: demand.functional[..self.bits].to_vec(),
            low: OnceLock::new(),
        }
    }

    /// The sums of an allocation over the low and over the high players of each coalition.
    fn sums(&self, allocation: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (low, high) = allocation.split_at(self.bits);
        (subset_sums(low), subset_sums(high))
    }

    /// For every earlier allocation, how much larger the excesses in a block may have become: a
    /// bound for the low players and the exact figure for the high ones.
    fn growth(&self, earlier: &[Vec<f64>], allocation: &[f64]) -> Vec<(f64, Vec<f64>)> {
        earlier
            .iter()
            .map(|earlier| {
                let gain: Vec<f64> = earlier.iter().zip(allocation).map(|(a, b)| a - b).collect();
                let low = gain[..self.bits].iter().map(|gain| gain.max(0.0)).sum();
                (low, subset_sums(&gain[self.bits..]))
            })
            .collect()
    }
}

impl Pass<'_> {
    /// A whole block.
    fn open(&self, index: usize) -> Tile<'_> {
        let Blocks { table, sign, bits, inverse_sizes } = self.blocks;
        Tile {
            index,
            start: 0,
            values: &table[index << bits..(index + 1) << bits],
            low: &self.low,
            high: self.high[index],
            sign: *sign,
            inverse_sizes: inverse_sizes
                .get(index.count_ones() as usize)
                .map_or(&[], |sizes| sizes.as_slice()),
        }
    }

    /// The largest violation of a level in each block, and the values read.
    fn scores(&self, seen: &mut [Seen], progress: &Progress) -> Result<(Vec<f64>, u64)> {
        let mut scores = vec![0.0; seen.len()];
        let task = |(task, (seen, scores)): (usize, (&mut [Seen], &mut [f64]))| {
            let mut read = 0;
            let passed = (seen.len() << self.blocks.bits) >> self.sample;
            for (offset, (seen, score)) in seen.iter_mut().zip(scores).enumerate() {
                *score = self.score(task * BLOCKS_PER_TASK + offset, seen, &mut read);
            }
            progress.advance(passed as u64).map(|()| read)
        };
        let read = if seen.len() <= BLOCKS_PER_TASK {
            task((0, (seen, &mut scores)))?
        } else {
            thread_pool::install(|| {
                seen.par_chunks_mut(BLOCKS_PER_TASK)
                    .zip(scores.par_chunks_mut(BLOCKS_PER_TASK))
                    .enumerate()
                    .map(task)
                    .try_reduce(|| 0, |a, b| Ok(a + b))
            })?
        };
        Ok((scores, read))
    }

    /// The largest violation of a level in a block; 0 when none is violated, or when the
    /// block is not part of the sample. What was seen of it is brought up to date if it is read.
    fn score(&self, index: usize, seen: &mut Seen, read: &mut u64) -> f64 {
        let hash = (index as u32).wrapping_mul(0x9e37_79b9);
        if self.sample > 0 && hash >> (32 - self.sample) != 0 {
            return 0.0;
        }
        if seen.largest.is_finite() {
            let (low_growth, high_growth) = &self.growth[seen.when as usize];
            if seen.largest + low_growth + high_growth[index] <= self.threshold {
                return 0.0;
            }
        }
        let tile = self.open(index);
        *read += tile.values.len() as u64;
        let last = self.high.len() - 1;
        // The empty and the grand coalition are the first and the last of all.
        let proper = usize::from(index == 0)..tile.values.len() - usize::from(index == last);
        let tile = tile.part(proper);
        let shifted = Tile {
            low: &self.shifted_low[tile.start..tile.start + tile.values.len()],
            high: self.shifted_high[index],
            inverse_sizes: &[],
            ..tile
        };
        seen.largest = largest(&shifted);
        seen.when = self.when;
        if seen.largest <= self.threshold {
            0.0
        } else if self.blocks.per_capita() {
            tile.worst_violation(largest(&tile), &self.masks)
        } else {
            tile.worst_violation(seen.largest, &self.masks)
        }
    }

    /// Of the blocks with the largest scores the strips, and of those the coalitions, with the
    /// largest violations.
    fn worst_violations(&self, scores: &[f64], count: usize) -> Vec<Violation> {
        let masks = self.masks.as_slice();
        let strips_of = |index: usize| {
            let tile = self.open(index);
            (0..tile.values.len()).step_by(STRIP).map(move |start| {
                let strip = tile.part(start..(start + STRIP).min(tile.values.len()));
                (strip.worst_violation(largest(&strip), masks), strip)
            })
        };
        let blocks = worst(scores, count, self.tolerance);
        let (scores, strips): (Vec<f64>, Vec<Tile<'_>>) = if blocks.len() <= BLOCKS_PER_TASK {
            blocks.into_iter().flat_map(strips_of).unzip()
        } else {
            thread_pool::install(|| blocks.into_par_iter().flat_map_iter(strips_of).unzip())
        };
        let chosen = worst(&scores, count, self.tolerance);
        let least = if chosen.len() < count {
            0.0
        } else {
            let smallest = chosen.iter().map(|&index| scores[index]).fold(f64::INFINITY, f64::min);
            smallest - self.tolerance
        };
        let mut found = Vec::new();
        for index in chosen {
            strips[index].collect_violations(masks, least, self.tolerance, &mut found);
            if found.len() >= ENOUGH * count {
                break;
            }
        }
        let worst_first = |found: &Violation| (Reverse(found.steps), scatter(found.coalition));
        if found.len() > count {
            found.select_nth_unstable_by_key(count, worst_first);
            found.truncate(count);
        }
        found.sort_unstable_by_key(worst_first);
        found
    }
}

/// Mixes the bits of a mask: of equal violations, which come by the million in games of integers,
/// a scattered choice helps more than neighbours do.
fn scatter(coalition: Coalition) -> u32 {
    (coalition ^ coalition >> 15)
        .wrapping_mul(0x2c1b_3c6d)
        .rotate_left(13)
        .wrapping_mul(0x297a_2d39)
}

/// The indices of the largest positive scores, at most `count` of them, the largest first.
fn worst(scores: &[f64], count: usize, tolerance: f64) -> Vec<usize> {
    let mut found: Vec<(Reverse<i64>, u32, usize)> = (0..scores.len())
        .filter(|&index| scores[index] > 0.0)
        .map(|index| (Reverse(steps(scores[index], tolerance)), scatter(index as Coalition), index))
        .collect();
    if found.len() > count {
        found.select_nth_unstable(count);
        found.truncate(count);
    }
    found.sort_unstable();
    found.into_iter().map(|(_, _, index)| index).collect()
}

impl Mask {
    /// The residues of a tile's low parts, and the one that puts a coalition inside the span.
    fn residues(&self, tile: &Tile<'_>) -> (&[u64], u64) {
        let low = self.low.get_or_init(|| subset_residues(&self.low_functional));
        let high = self.high[tile.index];
        (
            &low[tile.start..tile.start + tile.values.len()],
            if high == 0 { 0 } else { MODULUS - high },
        )
    }
}

/// The sums of all subsets of residues, in binary order.
fn subset_residues(weights: &[u64]) -> Vec<u64> {
    let mut sums = Vec::with_capacity(1 << weights.len());
    sums.push(0);
    for &weight in weights {
        for subset in 0..sums.len() {
            sums.push(span::add(sums[subset], weight));
        }
    }
    sums
}

const LANES: usize = 32;

const fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The largest excess of a tile.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn largest(tile: &Tile) -> f64 {
    let mut best = [f64::NEG_INFINITY; LANES];
    // Indices and no iterators, see `super::excess`.
    let (values, low) = (tile.values.as_chunks::<LANES>().0, tile.low.as_chunks::<LANES>().0);
    let sizes = tile.inverse_sizes.as_chunks::<LANES>().0;
    let mut at = 0;
    while at < values.len() {
        let (values, low) = (&values[at], &low[at]);
        if sizes.is_empty() {
            for lane in 0..LANES {
                best[lane] = larger(tile.sign * values[lane] - low[lane] - tile.high, best[lane]);
            }
        } else {
            for lane in 0..LANES {
                let excess = tile.sign * values[lane] - low[lane] - tile.high;
                best[lane] = larger(excess * sizes[at][lane], best[lane]);
            }
        }
        at += 1;
    }
    let whole = values.len() * LANES;
    let rest = (whole..tile.values.len()).map(|place| tile.excess(place));
    rest.chain(best).fold(f64::NEG_INFINITY, larger)
}

/// The largest excess of those coalitions of a tile whose residue is not `inside`.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn largest_outside(tile: &Tile, residues: &[u64], inside: u64) -> f64 {
    let mut best = [f64::NEG_INFINITY; LANES];
    let whole = tile.values.len() / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        let (values, low) = (&tile.values[start..][..LANES], &tile.low[start..][..LANES]);
        let residues = &residues[start..][..LANES];
        for lane in 0..LANES {
            let mut excess = tile.sign * values[lane] - low[lane] - tile.high;
            if !tile.inverse_sizes.is_empty() {
                excess *= tile.inverse_sizes[start + lane];
            }
            let excess = if residues[lane] == inside { f64::NEG_INFINITY } else { excess };
            best[lane] = larger(excess, best[lane]);
        }
    }
    let rest = (whole..tile.values.len())
        .filter(|&place| residues[place] != inside)
        .map(|place| tile.excess(place));
    rest.chain(best).fold(f64::NEG_INFINITY, larger)
}

/// The first coalition whose excess is `wanted` and whose residue is not `inside`.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn position(tile: &Tile, residues: &[u64], inside: u64, wanted: f64) -> Option<usize> {
    let wanted = |place: &usize| (tile.excess(*place) == wanted) & (residues[*place] != inside);
    let places = 0..tile.values.len();
    // No early exit inside a chunk, so that the comparisons become vectors.
    places
        .clone()
        .step_by(LANES)
        .map(|start| start..(start + LANES).min(places.end))
        .find(|chunk| chunk.clone().fold(false, |found, place| found | wanted(&place)))
        .and_then(|mut chunk| chunk.find(wanted))
}
