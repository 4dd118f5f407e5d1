//! What kind of game a table is: monotone, convex, superadditive, and who is symmetric.
//!
//! Convexity and superadditivity are about the same second difference
//! `v(A + B) + v(A & B) - v(A) - v(B)` of two coalitions. Each pass takes both ends of it at once, so
//! that it serves concave and subadditive games, too. A pass keeps the ends of each block of the table;
//! the witness is the first pair in binary order whose difference is within `slack` of the end, so that
//! neither rounding nor the number of threads chooses it.

mod additivity;
mod convexity;
mod marginals;
mod range;
mod symmetry;

pub use additivity::{additivity, complements};
pub use convexity::convexity;
pub use marginals::{Marginals, marginals};
pub use range::Range;
pub use symmetry::symmetric_players;

use crate::coalition::{Coalition, players_of_table};
use crate::error::{Error, Result};

/// Low bits of a mask that index one block: its values (32 KiB) stay in the first-level cache.
const BLOCK_BITS: usize = 12;

/// Two coalitions and the difference of values that they prove.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Witness {
    /// How far the difference is from 0.
    pub amount: f64,
    /// The coalition with the smaller mask.
    pub first: Coalition,
    /// The other one.
    pub second: Coalition,
}

impl Witness {
    fn new(amount: f64, one: Coalition, other: Coalition) -> Self {
        Self { amount, first: one.min(other), second: one.max(other) }
    }
}

/// The differences that are furthest below and above 0; none where they are within the slack.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ends {
    /// Where the difference is most negative.
    pub below: Option<Witness>,
    /// Where it is most positive.
    pub above: Option<Witness>,
}

impl Ends {
    /// The ends of all blocks; `differences(block, reaches)` gives the first pair of a block whose
    /// difference `reaches` what is looked for.
    fn find(
        blocks: &[Range],
        slack: f64,
        first: impl Fn(usize, &dyn Fn(f64) -> bool) -> Result<Option<(f64, Coalition, Coalition)>>,
    ) -> Result<Self> {
        let all = blocks.iter().fold(Range::NONE, |all, block| all.and(*block));
        let mut ends = Self::default();
        if all.least < -slack {
            let bound = all.least + slack;
            if let Some(block) = blocks.iter().position(|range| range.least <= bound) {
                ends.below = first(block, &|difference| difference <= bound)?
                    .map(|(difference, one, other)| Witness::new(-difference, one, other));
            }
        }
        if all.greatest > slack {
            let bound = all.greatest - slack;
            if let Some(block) = blocks.iter().position(|range| range.greatest >= bound) {
                ends.above = first(block, &|difference| difference >= bound)?
                    .map(|(difference, one, other)| Witness::new(difference, one, other));
            }
        }
        Ok(ends)
    }
}

/// The table in blocks of at most 2^12 coalitions, one for each coalition of the high players.
#[derive(Clone, Copy)]
struct Blocks<'a> {
    table: &'a [f64],
    n_players: usize,
    low_players: usize,
}

impl<'a> Blocks<'a> {
    fn new(table: &'a [f64], low_players: usize) -> Result<Self> {
        let n_players = players_of_table(table.len()).ok_or_else(|| {
            Error::InvalidInput(format!(
                "a table has 2^n values for n = 1..30, not {}",
                table.len()
            ))
        })?;
        Ok(Self { table, n_players, low_players: n_players.min(low_players) })
    }

    fn size(&self) -> usize {
        1 << self.low_players
    }

    fn count(&self) -> usize {
        1 << (self.n_players - self.low_players)
    }

    fn row(&self, block: usize) -> &'a [f64] {
        &self.table[block << self.low_players..][..self.size()]
    }

    /// The high players that are not in a block, each with the block that they lead to.
    fn joining(&self, block: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let low_players = self.low_players;
        (low_players..self.n_players)
            .map(move |player| (player, 1 << (player - low_players)))
            .filter(move |&(_, bit)| block & bit == 0)
            .map(move |(player, bit)| (player, block | bit))
    }
}

#[cfg(test)]
mod tests;
