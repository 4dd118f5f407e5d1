//! One point of the core, or of the least core where the core is empty, chosen by a rule.
//!
//! The rule sees a pool of coalitions; a scan of the table finds those that its choice violates. A
//! least core, and a core without interior, lie in a subspace: coalitions that are tight at all of
//! its points are equations, and the scan leaves out their span.
//!
//! Reference: Arin and Inarra (2001) for the lexicographic max-min of the core.

use super::excess::Kind;
use super::least_core::least_core;
use super::row_generation::{Effort, Stage};
use super::span::Span;
use super::table_scan::{Demand, Scanner};
use crate::coalition::{Coalition, grand, members};
use crate::error::{Error, Result};
use crate::linear_program::Model;
use crate::nearest_point::{least_squares, nearest_to_origin};
use crate::progress::Progress;

/// A scan adds this many coalitions, times the number of players, to the pool.
const ROWS_PER_PLAYER: usize = 10;
/// The chosen point may violate coalitions by so many times the tolerance of the least core.
const SLACK: f64 = 10.0;
/// Multipliers up to this count as 0; those of a maximised minimum add up to 1.
const POSITIVE: f64 = 1e-9;

/// Which point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The nearest to the reference in least squares.
    Nearest,
    /// The one whose advantages over the reference, sorted from the smallest up, are
    /// lexicographically largest.
    Leximin,
}

/// What proves the choice, or one level of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The advantage of `players` over the reference; 0 for the nearest point.
    pub level: f64,
    /// Players whose advantage cannot be raised together, and their positive weights.
    pub players: Vec<(usize, f64)>,
    /// Tight coalitions and their multipliers: not negative, unless the coalition is tight at all
    /// points there are to choose from.
    pub coalitions: Vec<(Coalition, f64)>,
    /// The multiplier of the grand coalition.
    pub total: f64,
}

/// The chosen point and what proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct CorePoint {
    /// The excess that is allowed: 0 for the core, the least core value where the core is empty.
    pub allowed: f64,
    /// What each player gets (or pays).
    pub allocation: Vec<f64>,
    /// The stages of the least core, where it has no interior or the core is empty.
    pub stages: Vec<Stage>,
    /// The steps of the rule.
    pub steps: Vec<Step>,
    /// Excesses are right up to this.
    pub tolerance: f64,
    /// What it took.
    pub effort: Effort,
}

/// The points there are to choose from, in the sense of gains.
struct Choices<'a> {
    n_players: usize,
    value: Box<dyn Fn(Coalition) -> f64 + 'a>,
    allowed: f64,
    /// A point that satisfies the equations.
    inner: Vec<f64>,
    /// Independent coalitions whose totals are those of `inner`; the first is that of all.
    equations: Vec<Coalition>,
    pool: Vec<Coalition>,
    reference: Vec<f64>,
    scale: f64,
}

/// The point of the core, or of the least core where that is empty, that a rule chooses.
///
/// # Errors
/// [`Error::InvalidInput`] for a reference of another length; otherwise as
/// [`nucleolus`](super::nucleolus::nucleolus).
pub fn core_point(
    table: &[f64],
    kind: Kind,
    rule: Rule,
    reference: &[f64],
    progress: &Progress,
) -> Result<CorePoint> {
    let least = least_core(table, kind, progress)?;
    let n_players = least.allocation.len();
    if reference.len() != n_players {
        return Err(Error::InvalidInput(format!(
            "a reference of {} values for {n_players} players",
            reference.len()
        )));
    }
    let sign = kind.sign();
    let tolerance = SLACK * least.tolerance;
    let empty = least.value > least.tolerance;
    let stages = if least.value >= -least.tolerance { least.stages } else { Vec::new() };
    let allowed = if empty { least.value } else { 0.0 };
    let mut span = Span::new(n_players);
    let settled = stages.iter().flat_map(|stage| stage.weights.iter().map(|&(row, _)| row));
    let bytes = n_players.div_ceil(8);
    let equations = std::iter::once(grand(n_players))
        .chain(settled)
        .filter(|coalition| span.insert(&coalition.to_le_bytes()[..bytes]))
        .collect();
    let mut choices = Choices {
        n_players,
        value: Box::new(move |coalition| sign * table[coalition as usize]),
        allowed,
        inner: least.allocation.iter().map(|share| sign * share).collect(),
        equations,
        pool: Vec::new(),
        reference: reference.iter().map(|share| sign * share).collect(),
        scale: if least.tolerance > 0.0 { least.tolerance / 2e-10 } else { 1.0 },
    };
    let mut scanner = Scanner::new(table, sign, false);
    let mut effort = least.effort;
    loop {
        progress.check()?;
        let (point, steps) = match rule {
            Rule::Nearest => choices.nearest()?,
            Rule::Leximin => choices.leximin()?,
        };
        let found = match span.functional() {
            Some(functional) => scanner.violations(
                &point,
                &[Demand { t: allowed, functional }],
                tolerance,
                ROWS_PER_PLAYER * n_players,
                0,
                progress,
            )?,
            None => Vec::new(),
        };
        effort.scans += 1;
        let known = choices.pool.len();
        for violation in &found {
            if !choices.pool.contains(&violation.coalition) {
                choices.pool.push(violation.coalition);
            }
        }
        if found.is_empty() {
            effort.values_read += scanner.read;
            effort.pool = effort.pool.max(known);
            let allocation = point.iter().map(|share| sign * share).collect();
            return Ok(CorePoint { allowed, allocation, stages, steps, tolerance, effort });
        }
        if choices.pool.len() == known {
            return Err(failure("coalitions that it satisfies are violated"));
        }
    }
}

impl Choices<'_> {
    fn vector(&self, coalition: Coalition) -> Vec<f64> {
        let mut vector = vec![0.0; self.n_players];
        members(coalition).for_each(|player| vector[player] = 1.0);
        vector
    }

    fn demand(&self, coalition: Coalition) -> f64 {
        (self.value)(coalition) - self.allowed
    }

    /// The nearest point: with the equations projected out, the nearest one to the origin.
    fn nearest(&self) -> Result<(Vec<f64>, Vec<Step>)> {
        let equations: Vec<Vec<f64>> =
            self.equations.iter().map(|&coalition| self.vector(coalition)).collect();
        let all: Vec<usize> = (0..equations.len()).collect();
        let inside = |vector: &[f64]| -> Vec<f64> {
            let fit = least_squares(&equations, &all, vector);
            combination(&equations, &fit, self.n_players)
        };
        let gap: Vec<f64> = self.inner.iter().zip(&self.reference).map(|(a, b)| a - b).collect();
        let nearest: Vec<f64> =
            self.reference.iter().zip(inside(&gap)).map(|(share, part)| share + part).collect();
        let rows: Vec<(Vec<f64>, f64)> = self
            .pool
            .iter()
            .map(|&coalition| {
                let vector = self.vector(coalition);
                let free = vector.iter().zip(inside(&vector)).map(|(a, b)| a - b).collect();
                let total: f64 = members(coalition).map(|player| nearest[player]).sum();
                (free, self.demand(coalition) - total)
            })
            .collect();
        let moved = nearest_to_origin(&rows, self.n_players)
            .ok_or_else(|| failure("no point is nearest"))?;
        let point: Vec<f64> = nearest.iter().zip(&moved.point).map(|(a, b)| a + b).collect();

        let vectors: Vec<Vec<f64>> =
            self.pool.iter().map(|&coalition| self.vector(coalition)).collect();
        let pulled = combination(&vectors, &moved.multipliers, self.n_players);
        let rest: Vec<f64> = (0..self.n_players)
            .map(|player| point[player] - self.reference[player] - pulled[player])
            .collect();
        let free = least_squares(&equations, &all, &rest);
        let coalitions = self
            .pool
            .iter()
            .copied()
            .zip(moved.multipliers)
            .filter(|&(_, multiplier)| multiplier > 0.0)
            .chain(self.equations.iter().copied().zip(free.iter().copied()).skip(1))
            .collect();
        let step = Step { level: 0.0, players: Vec::new(), coalitions, total: free[0] };
        Ok((point, vec![step]))
    }

    /// The lexicographic max-min: raise the smallest advantage, fix the players that hold it down.
    fn leximin(&self) -> Result<(Vec<f64>, Vec<Step>)> {
        let n = self.n_players;
        let mut fixed: Vec<Option<f64>> = vec![None; n];
        let mut steps = Vec::new();
        while fixed.contains(&None) {
            let mut model = Model::new();
            model.set_feasibility_tolerance(1e-10);
            for share in &fixed {
                let (lower, upper) = share.map_or((f64::NEG_INFINITY, f64::INFINITY), |x| (x, x));
                model.add_column(0.0, lower, upper);
            }
            let t = model.add_column(-1.0, f64::NEG_INFINITY, f64::INFINITY);
            let entries = |coalition| -> Vec<_> { members(coalition).map(|i| (i, 1.0)).collect() };
            for &coalition in &self.equations {
                let total: f64 = members(coalition).map(|player| self.inner[player]).sum();
                let total = total / self.scale;
                model.add_row(total, total, &entries(coalition));
            }
            for &coalition in &self.pool {
                let least = self.demand(coalition) / self.scale;
                model.add_row(least, f64::INFINITY, &entries(coalition));
            }
            let open: Vec<usize> = (0..n).filter(|&player| fixed[player].is_none()).collect();
            for &player in &open {
                let reference = self.reference[player] / self.scale;
                model.add_row(reference, f64::INFINITY, &[(player, 1.0), (t, -1.0)]);
            }
            let stage = format!("leximin core allocation, level {}", steps.len() + 1);
            let solution = model.solve().optimal(stage)?;
            let (equal, rest) = solution.row_duals.split_at(self.equations.len());
            let (pool, weights) = rest.split_at(self.pool.len());
            let level = solution.columns[t];
            let players: Vec<(usize, f64)> = open
                .into_iter()
                .zip(weights.iter().copied())
                .filter(|&(_, weight)| weight > POSITIVE)
                .collect();
            if players.is_empty() {
                return Err(failure("no player holds a level down"));
            }
            for &(player, _) in &players {
                fixed[player] = Some(self.reference[player] / self.scale + level);
            }
            let free = self.equations.iter().zip(equal).skip(1);
            let coalitions = (self.pool.iter().zip(pool))
                .chain(free)
                .filter(|(_, multiplier)| multiplier.abs() > 0.0)
                .map(|(&coalition, &multiplier)| (coalition, multiplier))
                .collect();
            let level = level * self.scale;
            steps.push(Step { level, players, coalitions, total: equal[0] });
        }
        let point = fixed.into_iter().flatten().map(|share| share * self.scale).collect();
        Ok((point, steps))
    }
}

/// The sum of some vectors times their factors.
fn combination(vectors: &[Vec<f64>], factors: &[f64], n: usize) -> Vec<f64> {
    let mut sum = vec![0.0; n];
    for (vector, factor) in vectors.iter().zip(factors) {
        for (entry, part) in sum.iter_mut().zip(vector) {
            *entry += factor * part;
        }
    }
    sum
}

fn failure(status: &str) -> Error {
    Error::Solver { stage: "point of the core".to_owned(), status: status.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(table: &[f64], kind: Kind, rule: Rule, reference: &[f64]) -> Vec<f64> {
        let point = core_point(table, kind, rule, reference, &Progress::new()).unwrap();
        point.allocation.iter().map(|share| (share * 1e9).round() / 1e9).collect()
    }

    #[test]
    fn the_owner_of_the_scarce_glove_gets_no_less_than_the_core_gives() {
        let gloves = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        for rule in [Rule::Nearest, Rule::Leximin] {
            assert_eq!(choose(&gloves, Kind::Gain, rule, &[0.5, 0.5, 0.0]), [0.0, 0.0, 1.0]);
        }
    }

    #[test]
    fn a_wide_core_holds_the_reference_and_equal_parts() {
        let table = [0.0, 0.0, 0.0, 3.0, 0.0, 3.0, 3.0, 9.0];
        assert_eq!(choose(&table, Kind::Gain, Rule::Nearest, &[2.0, 3.0, 4.0]), [2.0, 3.0, 4.0]);
        assert_eq!(choose(&table, Kind::Gain, Rule::Leximin, &[0.0; 3]), [3.0; 3]);
        // At most 6 each; the first takes them, the others share the rest.
        assert_eq!(choose(&table, Kind::Gain, Rule::Nearest, &[10.0, 0.0, 0.0]), [6.0, 1.5, 1.5]);
        assert_eq!(choose(&table, Kind::Gain, Rule::Leximin, &[10.0, 0.0, 0.0]), [6.0, 1.5, 1.5]);
    }

    #[test]
    fn costs_are_compared_the_other_way_round() {
        // The third player costs 5 more wherever it joins: the others must not pay for it.
        let table = [0.0, 2.0, 2.0, 3.0, 7.0, 8.0, 8.0, 8.0];
        let shares = choose(&table, Kind::Cost, Rule::Leximin, &[0.0; 3]);
        assert_eq!(shares, [1.5, 1.5, 5.0]);
        // The second one pays no more than alone; the others share what that leaves.
        assert_eq!(choose(&table, Kind::Cost, Rule::Nearest, &[0.0, 3.0, 5.0]), [0.5, 2.0, 5.5]);
    }

    #[test]
    fn one_player_gets_all_and_another_length_is_refused() {
        for rule in [Rule::Nearest, Rule::Leximin] {
            assert_eq!(choose(&[0.0, -7.0], Kind::Cost, rule, &[1.0]), [-7.0]);
        }
        let wrong = core_point(&[0.0, 1.0], Kind::Gain, Rule::Nearest, &[], &Progress::new());
        assert!(matches!(wrong, Err(Error::InvalidInput(_))));
    }
}
