//! A lexicographic program over a table: the pool is solved, a scan finds what it misses.
//!
//! It ends: every round but the last adds coalitions that the pool does not hold (otherwise the
//! program and the scan disagree about a coalition, which is an [`Error::Solver`]), and there
//! are `2^n` of them. A scan tolerates twice what the program does, so rounding alone does not
//! bring a coalition of the pool back.

use super::excess::{BLOCK_BITS, Kind, subset_sums};
use super::imputations::Standing;
use super::lexicographic::Lexicographic;
use super::table_scan::{Demand, Scanner};
use crate::coalition::{Coalition, players_of_table};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// A scan adds this many coalitions, times the number of players, to the pool.
const ROWS_PER_PLAYER: usize = 10;
/// The first scans look at about `2^FIRST_SAMPLE` coalitions; a sample that holds no violation any
/// more grows `2^SAMPLE_STEP`-fold. Whole scans then start near the solution.
const FIRST_SAMPLE: u32 = 16;
const SAMPLE_STEP: u32 = 3;

/// Which excesses are compared and over which allocations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concept {
    /// Divide the excess of a coalition by its size.
    pub per_capita: bool,
    /// Give every player at least what it has alone, where that is possible at all.
    pub individually_rational: bool,
    /// By how much values may be off.
    pub accuracy: f64,
}

/// One level of a solution: coalitions whose largest excess cannot be lowered further, because
/// their weights balance each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The excess of the coalitions below.
    pub excess: f64,
    /// Coalitions and their positive weights. Together with some multiples of the coalitions of
    /// earlier stages, of the grand coalition and of `bounds` they cover every player equally.
    pub weights: Vec<(Coalition, f64)>,
    /// Players who get exactly what they have alone, and the weight of that.
    pub bounds: Vec<(usize, f64)>,
}

/// What finding a solution took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Passes over the table that found something or proved the end; blocks that cannot matter
    /// are not read. Samples do not count.
    pub scans: u64,
    /// Values of the table read in all passes together.
    pub values_read: u64,
    /// Simplex pivots.
    pub pivots: u64,
    /// Constraints in the pool at the end.
    pub pool: usize,
}

/// The program and the table that it has to satisfy.
pub(super) struct RowGeneration<'a> {
    pub program: Lexicographic<'a>,
    /// Whether the bounds of individual rationality are in force.
    pub bounded: bool,
    scanner: Scanner<'a>,
    sign: f64,
    scans: u64,
    /// Scans look at one block in `2^sample`, until those hold no violation any more.
    sample: u32,
}

impl<'a> RowGeneration<'a> {
    /// The program of a game, whose pool holds singletons and their complements.
    pub fn new(table: &'a [f64], kind: Kind, concept: Concept) -> Result<Self> {
        let n_players = players_of_table(table.len()).ok_or_else(|| {
            Error::InvalidInput(format!("a table of {} values is no game", table.len()))
        })?;
        let sign = kind.sign();
        let alone: Vec<f64> = (0..n_players).map(|player| sign * table[1 << player]).collect();
        let standing = Standing {
            total: sign * table[table.len() - 1],
            alone: &alone,
            accuracy: concept.accuracy,
        };
        let relief = concept
            .individually_rational
            .then(|| standing.relief(|| largest_gain(table, sign, &alone)))
            .flatten();
        let program = Lexicographic::new(n_players, relief, move |members| {
            let coalition = mask(members);
            let weight = if concept.per_capita { f64::from(coalition.count_ones()) } else { 1.0 };
            Some((sign * table[coalition as usize], weight))
        });
        let scanner = Scanner::new(table, sign, concept.per_capita);
        let sample = (n_players as u32).saturating_sub(FIRST_SAMPLE);
        Ok(Self { program, bounded: relief.is_some(), scanner, sign, scans: 0, sample })
    }

    /// What each player gets or pays.
    pub fn allocation(&self) -> Vec<f64> {
        self.program.allocation().iter().map(|share| self.sign * share).collect()
    }

    /// Excesses up to this count as equal.
    pub fn tolerance(&self) -> f64 {
        // The scan adds up in another order than the program.
        2.0 * self.program.tolerance()
    }

    /// Adds coalitions that violate their level to the pool and returns the first level that has
    /// to be solved again, or `None` when nothing is violated.
    ///
    /// `demanded` gives what the first of the program's levels demand, by default their `t`.
    pub fn missing(&mut self, demanded: &[f64], progress: &Progress) -> Result<Option<usize>> {
        let n_players = self.program.allocation().len();
        let demands: Vec<Demand<'_>> = demanded
            .iter()
            .zip(&self.program.levels)
            .map(|(&t, level)| Demand {
                t,
                functional: level.before.functional().expect("a level has something to settle"),
            })
            .collect();
        if demands.is_empty() {
            return Ok(None);
        }
        let tolerance = self.tolerance();
        let allocation = self.program.allocation();
        let found = loop {
            let found = self.scanner.violations(
                allocation,
                &demands,
                tolerance,
                ROWS_PER_PLAYER * n_players,
                self.sample,
                progress,
            )?;
            if self.sample == 0 {
                self.scans += 1;
            }
            if self.sample == 0 || !found.is_empty() {
                break found;
            }
            self.sample = self.sample.saturating_sub(SAMPLE_STEP);
        };
        let before = self.program.pool.len();
        for violation in &found {
            self.program.require(&violation.coalition.to_le_bytes()[..n_players.div_ceil(8)]);
        }
        let first = found.iter().map(|violation| violation.level).min();
        match first {
            Some(level) if self.program.pool.len() == before => Err(Error::Solver {
                stage: format!("level {}", level + 1),
                status: "coalitions that the program satisfies are violated".to_owned(),
            }),
            _ => Ok(first),
        }
    }

    /// The levels so far as coalitions and weights.
    pub fn stages(&self) -> Vec<Stage> {
        let pool = &self.program.pool;
        self.program
            .levels
            .iter()
            .map(|level| {
                let (bounds, weights): (Vec<_>, Vec<_>) =
                    level.weights.iter().partition(|&&(row, _)| pool.weight(row) == 0.0);
                let coalition = |row| mask(pool.members(row));
                let player = |row| coalition(row).trailing_zeros() as usize;
                let mut stage = Stage {
                    excess: level.t,
                    weights: weights
                        .iter()
                        .map(|&(row, weight)| (coalition(row), weight))
                        .collect(),
                    bounds: bounds.iter().map(|&(row, weight)| (player(row), weight)).collect(),
                };
                stage.weights.sort_unstable_by_key(|&(coalition, _)| coalition);
                stage.bounds.sort_unstable_by_key(|&(player, _)| player);
                stage
            })
            .collect()
    }

    /// What it took so far.
    pub fn effort(&self) -> Effort {
        Effort {
            scans: self.scans,
            values_read: self.scanner.read,
            pivots: self.program.pivots,
            pool: self.program.pool.len(),
        }
    }
}

/// The largest difference between what a coalition has and what its members have alone.
fn largest_gain(table: &[f64], sign: f64, alone: &[f64]) -> f64 {
    let (low, high) = alone.split_at(BLOCK_BITS.min(alone.len()));
    let (low, high) = (subset_sums(low), subset_sums(high));
    table
        .chunks(low.len())
        .zip(high)
        .flat_map(|(values, high)| {
            values.iter().zip(&low).map(move |(value, low)| (sign * value - low - high).abs())
        })
        .fold(0.0, f64::max)
}

fn mask(members: &[u8]) -> Coalition {
    members.iter().rev().fold(0, |mask, &byte| mask << 8 | Coalition::from(byte))
}
