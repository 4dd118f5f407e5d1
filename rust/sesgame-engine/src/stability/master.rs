//! The lexicographic program of a game that has no table: whoever can separate names coalitions
//! that violate a level, the master program says what follows from all those named so far.
//!
//! The master can be stopped after any step, so the search for coalitions may be anything: a
//! formula, a dynamic program, an integer program in another process. Coalitions are rows of
//! flags, one for each player; values, allocations and bounds are in the sense of the game.

use super::excess::Kind;
use super::imputations::Standing;
use super::lexicographic::{Depth, Lexicographic};
use super::span;
use crate::error::{Error, Result};
use crate::nearest_point::NearestPoint;
use crate::progress::Progress;

/// Pivots for each player before HiGHS is asked. A level takes one or two; where many coalitions are
/// tight at once the dense method may stand still for a hundred thousand.
const PIVOTS: u64 = 20;

/// The coalitions that hold a level down, and how hard.
#[derive(Debug, Clone, PartialEq)]
pub struct WideStage {
    /// The excess of the coalitions.
    pub excess: f64,
    /// Their members, one row of flags after the other.
    pub coalitions: Vec<bool>,
    /// Their positive weights.
    pub weights: Vec<f64>,
    /// Their values.
    pub values: Vec<f64>,
    /// Players who get exactly what they have alone, and the weight of that.
    pub bounds: Vec<(usize, f64)>,
}

/// What a round of coalitions changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The first level that one of them violates, which has to be solved again.
    pub first: Option<usize>,
    /// How many violate a level; these are in the pool now.
    pub rows: usize,
}

/// A lexicographic program to which coalitions are added by hand.
pub struct Master {
    program: Lexicographic<'static>,
    sign: f64,
    n_players: usize,
    bounded: bool,
}

impl Master {
    /// The program that knows what all have together, each player alone, and all without it.
    /// `accuracy` is by how much values may be off.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] without players, or not as many values `without`.
    pub fn new(
        kind: Kind,
        grand: f64,
        alone: &[f64],
        without: &[f64],
        rational: bool,
        accuracy: f64,
    ) -> Result<Self> {
        let n_players = alone.len();
        if n_players == 0 || without.len() != n_players {
            return Err(Error::InvalidInput(format!(
                "{n_players} values alone and {} without one player; both must be as many as \
                 players",
                without.len()
            )));
        }
        let sign = kind.sign();
        let signed = |values: &[f64]| values.iter().map(|value| sign * value).collect();
        let (total, alone, without): (f64, Vec<f64>, Vec<f64>) =
            (sign * grand, signed(alone), signed(without));
        let standing = Standing { total, alone: &alone, accuracy };
        let largest_gain = || {
            let sum: f64 = alone.iter().sum();
            let gains = without.iter().zip(&alone).map(|(value, own)| (value - (sum - own)).abs());
            gains.fold((total - sum).abs(), f64::max)
        };
        let relief = rational.then(|| standing.relief(largest_gain)).flatten();
        let mut program = Lexicographic::new(n_players, relief, move |members| {
            let size = members.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
            let has = |player: &usize| members[player / 8] >> (player % 8) & 1 == 1;
            let value = if size == n_players {
                total
            } else if size == 1 {
                alone[(0..n_players).find(has)?]
            } else if size + 1 == n_players {
                without[(0..n_players).find(|player| !has(player))?]
            } else {
                return None;
            };
            Some((value, 1.0))
        });
        program.limits.dense = PIVOTS * (n_players as u64 + 1);
        Ok(Self { program, sign, n_players, bounded: relief.is_some() })
    }

    /// Whether individual rationality was asked for and is possible.
    #[must_use]
    pub const fn bounded(&self) -> bool {
        self.bounded
    }

    /// Solves the levels from number `first` on over the coalitions known so far: all of them, or
    /// down to the first below level 0.
    ///
    /// # Errors
    /// [`Error::Solver`] that names the level; [`Error::Interrupted`].
    pub fn solve(&mut self, first: usize, all: bool, progress: &Progress) -> Result<()> {
        let depth = if all { Depth::All } else { Depth::BelowFirst };
        self.program.solve(first, depth, progress)
    }

    /// The present allocation.
    #[must_use]
    pub fn allocation(&self) -> Vec<f64> {
        self.program.allocation().iter().map(|share| self.sign * share).collect()
    }

    /// The allocation nearest to `center` at which no coalition named so far has an excess above
    /// `level`; none where there is no such allocation.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when `center` is of another number of players; [`Error::Interrupted`].
    pub fn nearest(
        &self,
        center: &[f64],
        level: f64,
        progress: &Progress,
    ) -> Result<Option<Vec<f64>>> {
        if center.len() != self.n_players {
            return Err(Error::InvalidInput(format!(
                "a center of {} shares for {} players",
                center.len(),
                self.n_players
            )));
        }
        let pool = &self.program.pool;
        let row = |row: usize| {
            let mut members = vec![0.0; self.n_players];
            pool.players(row).for_each(|player| members[player] = 1.0);
            (members, pool.value(row) - pool.weight(row) * level)
        };
        // The first row is that of the grand coalition.
        let (everyone, total) = (vec![1.0; self.n_players], pool.value(0));
        let target = center.iter().map(|share| self.sign * share).collect();
        let mut nearest = NearestPoint::new(target, &[(everyone, total)]);
        (1..pool.len()).filter(|&at| !pool.is_assumed(at)).for_each(|at| nearest.add(row(at)));
        let found = nearest.solve(self.program.tolerance(), progress)?;
        Ok(found.map(|found| found.point.iter().map(|share| self.sign * share).collect()))
    }

    /// The excess of each level that is solved.
    #[must_use]
    pub fn levels(&self) -> Vec<f64> {
        self.program.levels.iter().map(|level| level.t).collect()
    }

    /// Takes those of some coalitions that violate a level by more than `tolerance` into the pool,
    /// of more than `limit` the worst.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the flags are not one row for each value.
    pub fn require(
        &mut self,
        flags: &[bool],
        values: &[f64],
        tolerance: f64,
        limit: usize,
    ) -> Result<Added> {
        self.check_rows(flags, values)?;
        let levels = self.levels();
        let mut violated = Vec::new();
        for (flags, value) in flags.chunks_exact(self.n_players).zip(values) {
            let members = pack(flags);
            let inside = flags.iter().zip(self.program.allocation()).filter(|(flag, _)| **flag);
            let excess = self.sign * value - inside.map(|(_, share)| share).sum::<f64>();
            let own = self.own_level(&members);
            if own > 0
                && excess > levels[own - 1] + tolerance
                && self.program.pool.row(&members).is_none()
            {
                violated.push((excess - levels[own - 1], excess, members, value));
            }
        }
        violated.sort_by(|a, b| b.0.total_cmp(&a.0));
        violated.truncate(limit);
        let mut added = Added { first: None, rows: 0 };
        for (_, excess, members, value) in violated {
            let rows = self.program.pool.len();
            self.program.pool.add(&members, self.sign * value, 1.0);
            added.rows += self.program.pool.len() - rows;
            let level = levels.iter().position(|t| excess > t + tolerance);
            added.first = added.first.min(level).or(level);
        }
        Ok(added)
    }

    /// Takes coalitions into the pool whether or not they violate a level now; how many are new.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the flags are not one row for each value.
    pub fn include(&mut self, flags: &[bool], values: &[f64]) -> Result<usize> {
        self.check_rows(flags, values)?;
        let before = self.program.pool.len();
        for (flags, value) in flags.chunks_exact(self.n_players).zip(values) {
            if flags.contains(&true) && flags.contains(&false) {
                self.program.pool.add(&pack(flags), self.sign * value, 1.0);
            }
        }
        Ok(self.program.pool.len() - before)
    }

    fn check_rows(&self, flags: &[bool], values: &[f64]) -> Result<()> {
        if flags.len() == values.len() * self.n_players {
            return Ok(());
        }
        Err(Error::InvalidInput(format!(
            "{} flags are not a coalition of {} players for each of {} values",
            flags.len(),
            self.n_players,
            values.len()
        )))
    }

    /// The level that settles a coalition, counted from 1: the last of those outside whose earlier
    /// span it lies; 0 for the empty and the grand coalition.
    fn own_level(&self, members: &[u8]) -> usize {
        self.program.levels.partition_point(|level| {
            let functional = level.before.functional().expect("a level has something to settle");
            span::apply(functional, members) != 0
        })
    }

    /// The levels that are solved.
    #[must_use]
    pub fn stages(&self) -> Vec<WideStage> {
        let pool = &self.program.pool;
        let player = |row| pool.players(row).next().expect("a bound has a player");
        self.program
            .levels
            .iter()
            .map(|level| {
                let (mut bounds, rows): (Vec<_>, Vec<_>) =
                    level.weights.iter().partition(|&&(row, _)| pool.weight(row) == 0.0);
                bounds.sort_unstable_by_key(|&(row, _)| row);
                WideStage {
                    excess: level.t,
                    coalitions: rows.iter().flat_map(|&(row, _)| self.flags(row)).collect(),
                    weights: rows.iter().map(|&(_, weight)| weight).collect(),
                    values: rows.iter().map(|&(row, _)| self.sign * pool.value(row)).collect(),
                    bounds: bounds.iter().map(|&(row, weight)| (player(row), weight)).collect(),
                }
            })
            .collect()
    }

    /// The coalitions in the pool.
    #[must_use]
    pub fn pool_rows(&self) -> usize {
        self.program.pool.len()
    }

    /// Simplex pivots so far.
    #[must_use]
    pub const fn pivots(&self) -> u64 {
        self.program.pivots
    }

    /// Excesses up to this count as equal in the program.
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        self.program.tolerance()
    }

    fn flags(&self, row: usize) -> Vec<bool> {
        let mut flags = vec![false; self.n_players];
        self.program.pool.players(row).for_each(|player| flags[player] = true);
        flags
    }
}

fn pack(flags: &[bool]) -> Vec<u8> {
    let bits = |chunk: &[bool]| {
        chunk.iter().enumerate().fold(0, |byte, (bit, &flag)| byte | u8::from(flag) << bit)
    };
    flags.chunks(8).map(bits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Costs of a runway: that of the longest which a member needs.
    fn airport(costs: &[f64], flags: &[bool]) -> f64 {
        costs.iter().zip(flags).filter(|(_, flag)| **flag).fold(0.0, |c, (&cost, _)| c.max(cost))
    }

    fn all_coalitions(n: usize) -> impl Iterator<Item = Vec<bool>> {
        (1..(1_u32 << n) - 1).map(move |mask| (0..n).map(|i| mask >> i & 1 == 1).collect())
    }

    #[test]
    fn an_airport_that_names_its_coalitions_one_by_one_is_solved() {
        let costs = [1.0, 2.0, 4.0, 6.0];
        let mut master =
            Master::new(Kind::Cost, 6.0, &costs, &[6.0, 6.0, 6.0, 4.0], true, 0.0).unwrap();
        let mut first = Some(0);
        while let Some(level) = first {
            master.solve(level, true, &Progress::new()).unwrap();
            first = all_coalitions(4).find_map(|flags| {
                let added = master.require(&flags, &[airport(&costs, &flags)], 1e-9, 1).unwrap();
                assert_eq!(added.rows == 1, added.first.is_some());
                added.first
            });
        }
        // Littlechild (1974): 1/2, (2 - 1 + 1/2)/2, (4 - 2 + 3/4)/2 and the rest.
        for (found, expected) in master.allocation().iter().zip([0.5, 0.75, 1.375, 3.375]) {
            assert!((found - expected).abs() < 1e-12, "{:?}", master.allocation());
        }
        assert_eq!(master.stages()[0].values.len(), master.stages()[0].weights.len());
    }

    #[test]
    fn flags_that_are_no_rows_are_refused() {
        let mut master = Master::new(Kind::Gain, 9.0, &[0.0, 1.0], &[1.0, 0.0], true, 0.0).unwrap();
        assert!(master.bounded());
        assert!(matches!(master.require(&[true], &[1.0], 0.0, 1), Err(Error::InvalidInput(_))));
        assert!(matches!(
            Master::new(Kind::Gain, 0.0, &[0.0], &[], true, 0.0),
            Err(Error::InvalidInput(_))
        ));
    }
}
