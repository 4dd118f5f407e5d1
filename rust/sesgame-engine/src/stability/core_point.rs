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

/// Among which points the rule chooses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Among<'a> {
    /// Whether only points of the least core count where the core is not empty, too.
    pub least_core: bool,
    /// The least and the most that each player may get (or pay); infinite without a bound. No
    /// bounds at all where it is empty.
    pub bounds: &'a [(f64, f64)],
}

/// A bound on the share of a player, in the sense of gains: `sign` times it is at least `least`.
#[derive(Debug, Clone, Copy)]
struct Bound {
    player: usize,
    sign: f64,
    least: f64,
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
    /// Players at a bound and its multiplier, in the sense of gains: positive at the least share,
    /// negative at the largest.
    pub bounds: Vec<(usize, f64)>,
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
    /// Where no point satisfies the bounds: multipliers that prove it, those of the bounds adding
    /// up to 1, and by how much the bounds are too narrow. The allocation is then one that misses
    /// none by more.
    pub contradiction: Option<Step>,
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
    /// The coalitions that are tight at all points.
    tight: Vec<Coalition>,
    pool: Vec<Coalition>,
    bounds: Vec<Bound>,
    reference: Vec<f64>,
    scale: f64,
}

/// The point of the core, or of the least core where that is empty, that a rule chooses.
///
/// # Errors
/// [`Error::InvalidInput`] for a reference or bounds of another length; otherwise as
/// [`nucleolus`](super::nucleolus::nucleolus).
pub fn core_point(
    table: &[f64],
    kind: Kind,
    rule: Rule,
    reference: &[f64],
    among: Among<'_>,
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
    if !(among.bounds.is_empty() || among.bounds.len() == n_players) {
        return Err(Error::InvalidInput(format!(
            "bounds for {} of {n_players} players",
            among.bounds.len()
        )));
    }
    let sign = kind.sign();
    let tolerance = SLACK * least.tolerance;
    let from_least_core = among.least_core || least.value > least.tolerance;
    let flat = from_least_core || least.value >= -least.tolerance;
    let stages = if flat { least.stages } else { Vec::new() };
    let allowed = if from_least_core { least.value } else { 0.0 };
    let mut span = Span::new(n_players);
    let tight: Vec<Coalition> =
        stages.iter().flat_map(|stage| stage.weights.iter().map(|&(row, _)| row)).collect();
    let bytes = n_players.div_ceil(8);
    let equations = std::iter::once(grand(n_players))
        .chain(tight.iter().copied())
        .filter(|coalition| span.insert(&coalition.to_le_bytes()[..bytes]))
        .collect();
    let mut choices = Choices {
        n_players,
        value: Box::new(move |coalition| sign * table[coalition as usize]),
        allowed,
        inner: least.allocation.iter().map(|share| sign * share).collect(),
        equations,
        tight,
        pool: Vec::new(),
        bounds: bounds_on_gains(sign, among.bounds),
        reference: reference.iter().map(|share| sign * share).collect(),
        scale: if least.tolerance > 0.0 { least.tolerance / 2e-10 } else { 1.0 },
    };
    let mut scanner = Scanner::new(table, sign, false);
    let mut effort = least.effort;
    let mut reconciled = choices.bounds.is_empty();
    loop {
        progress.check()?;
        let (point, steps) = match rule {
            _ if !reconciled => choices.reconcile()?,
            Rule::Nearest => choices.nearest()?,
            Rule::Leximin => choices.leximin()?,
        };
        if !reconciled && steps[0].level > tolerance {
            let contradiction = steps.into_iter().next();
            let allocation = point.iter().map(|share| sign * share).collect();
            let steps = Vec::new();
            return Ok(CorePoint {
                allowed,
                allocation,
                stages,
                steps,
                contradiction,
                tolerance,
                effort,
            });
        }
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
        if found.is_empty() && !reconciled {
            reconciled = true;
            // What rounding asks for, so that there is a point to choose.
            let missed = steps[0].level;
            choices.bounds.iter_mut().for_each(|bound| bound.least -= missed);
            continue;
        }
        if found.is_empty() {
            effort.values_read += scanner.read;
            effort.pool = effort.pool.max(known);
            let allocation = point.iter().map(|share| sign * share).collect();
            return Ok(CorePoint {
                allowed,
                allocation,
                stages,
                steps,
                contradiction: None,
                tolerance,
                effort,
            });
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
        let vectors: Vec<Vec<f64>> = (self.pool.iter().map(|&coalition| self.vector(coalition)))
            .chain(self.bounds.iter().map(|bound| {
                let mut vector = vec![0.0; self.n_players];
                vector[bound.player] = bound.sign;
                vector
            }))
            .collect();
        let demands = (self.pool.iter().map(|&coalition| self.demand(coalition)))
            .chain(self.bounds.iter().map(|bound| bound.least));
        let rows: Vec<(Vec<f64>, f64)> = vectors
            .iter()
            .zip(demands)
            .map(|(vector, demand)| {
                let free = vector.iter().zip(inside(vector)).map(|(a, b)| a - b).collect();
                let total: f64 = vector.iter().zip(&nearest).map(|(a, b)| a * b).sum();
                (free, demand - total)
            })
            .collect();
        let moved = nearest_to_origin(&rows, self.n_players)
            .ok_or_else(|| failure("no point is nearest"))?;
        let point: Vec<f64> = nearest.iter().zip(&moved.point).map(|(a, b)| a + b).collect();

        let pulled = combination(&vectors, &moved.multipliers, self.n_players);
        let rest: Vec<f64> = (0..self.n_players)
            .map(|player| point[player] - self.reference[player] - pulled[player])
            .collect();
        let free = least_squares(&equations, &all, &rest);
        let (of_pool, of_bounds) = moved.multipliers.split_at(self.pool.len());
        let bounds = at_bounds(&self.bounds, of_bounds);
        let coalitions = self
            .pool
            .iter()
            .copied()
            .zip(of_pool.iter().copied())
            .filter(|&(_, multiplier)| multiplier > 0.0)
            .chain(self.equations.iter().copied().zip(free.iter().copied()).skip(1))
            .collect();
        let step = Step { level: 0.0, players: Vec::new(), coalitions, bounds, total: free[0] };
        Ok((point, vec![step]))
    }

    /// A point that misses no bound by more than it must, and multipliers that prove by how much.
    ///
    /// What is tight at all points is no equation here, so no coalition's multiplier is negative.
    fn reconcile(&self) -> Result<(Vec<f64>, Vec<Step>)> {
        let (n, scale) = (self.n_players, self.scale);
        let mut model = Model::new();
        model.set_feasibility_tolerance(1e-10);
        for _ in 0..n {
            model.add_column(0.0, f64::NEG_INFINITY, f64::INFINITY);
        }
        let missed = model.add_column(1.0, 0.0, f64::INFINITY);
        let entries = |coalition| -> Vec<_> { members(coalition).map(|i| (i, 1.0)).collect() };
        let total = (self.value)(grand(n)) / scale;
        model.add_row(total, total, &entries(grand(n)));
        let coalitions = || self.tight.iter().chain(&self.pool).copied();
        for coalition in coalitions() {
            model.add_row(self.demand(coalition) / scale, f64::INFINITY, &entries(coalition));
        }
        for bound in &self.bounds {
            let entries = [(bound.player, bound.sign), (missed, 1.0)];
            model.add_row(bound.least / scale, f64::INFINITY, &entries);
        }
        let solution = model.solve().optimal("bounds on shares")?;
        let (duals, of_bounds) = solution.row_duals[1..].split_at(coalitions().count());
        let step = Step {
            level: solution.columns[missed] * scale,
            players: Vec::new(),
            coalitions: coalitions()
                .zip(duals.iter().copied())
                .filter(|&(_, multiplier)| multiplier > 0.0)
                .collect(),
            bounds: at_bounds(&self.bounds, of_bounds),
            total: solution.row_duals[0],
        };
        let shares = &solution.columns[..n];
        Ok((shares.iter().map(|share| share * scale).collect(), vec![step]))
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
            for bound in &self.bounds {
                let least = bound.least / self.scale;
                model.add_row(least, f64::INFINITY, &[(bound.player, bound.sign)]);
            }
            let open: Vec<usize> = (0..n).filter(|&player| fixed[player].is_none()).collect();
            for &player in &open {
                let reference = self.reference[player] / self.scale;
                model.add_row(reference, f64::INFINITY, &[(player, 1.0), (t, -1.0)]);
            }
            let stage = format!("leximin core allocation, level {}", steps.len() + 1);
            let solution = model.solve().optimal(stage)?;
            let (equal, rest) = solution.row_duals.split_at(self.equations.len());
            let (pool, rest) = rest.split_at(self.pool.len());
            let (of_bounds, weights) = rest.split_at(self.bounds.len());
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
            let bounds = at_bounds(&self.bounds, of_bounds);
            let level = level * self.scale;
            steps.push(Step { level, players, coalitions, bounds, total: equal[0] });
        }
        let point = fixed.into_iter().flatten().map(|share| share * self.scale).collect();
        Ok((point, steps))
    }
}

/// The bounds that there are, in the sense of gains.
fn bounds_on_gains(sign: f64, bounds: &[(f64, f64)]) -> Vec<Bound> {
    bounds
        .iter()
        .enumerate()
        .flat_map(|(player, &(least, most))| {
            [Bound { player, sign, least }, Bound { player, sign: -sign, least: -most }]
        })
        .filter(|bound| bound.least.is_finite())
        .collect()
}

/// The players at a bound, with its multiplier and the bound's sign.
fn at_bounds(bounds: &[Bound], multipliers: &[f64]) -> Vec<(usize, f64)> {
    bounds
        .iter()
        .zip(multipliers)
        .filter(|&(_, &multiplier)| multiplier > 0.0)
        .map(|(bound, multiplier)| (bound.player, bound.sign * multiplier))
        .collect()
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
        let point =
            core_point(table, kind, rule, reference, Among::default(), &Progress::new()).unwrap();
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
        let everything = Among::default();
        let wrong =
            core_point(&[0.0, 1.0], Kind::Gain, Rule::Nearest, &[], everything, &Progress::new());
        assert!(matches!(wrong, Err(Error::InvalidInput(_))));
    }

    #[test]
    fn bounds_hold_or_are_proved_to_contradict_the_core() {
        let table = [0.0, 0.0, 0.0, 3.0, 0.0, 3.0, 3.0, 9.0];
        let none = (f64::NEG_INFINITY, f64::INFINITY);
        let within = |bounds: &[(f64, f64)], rule| {
            let among = Among { least_core: false, bounds };
            core_point(&table, Kind::Gain, rule, &[0.0; 3], among, &Progress::new()).unwrap()
        };
        for rule in [Rule::Nearest, Rule::Leximin] {
            let point = within(&[(f64::NEG_INFINITY, 1.0), none, (4.5, f64::INFINITY)], rule);
            for (share, expected) in point.allocation.iter().zip([1.0, 3.5, 4.5]) {
                assert!((share - expected).abs() < 1e-9, "{:?}", point.allocation);
            }
            // The third gets no more than 6, since the others have 3.
            let contradiction = within(&[none, none, (8.0, f64::INFINITY)], rule).contradiction;
            let step = contradiction.unwrap();
            assert!((step.level - 2.0).abs() < 1e-9);
            assert_eq!(step.bounds, [(2, 1.0)]);
            assert_eq!((step.coalitions, step.total), (vec![(0b011, 1.0)], -1.0));
        }
    }

    #[test]
    fn a_point_of_the_least_core_has_the_least_largest_excess() {
        let table = [0.0, 0.0, 0.0, 8.0, 0.0, 4.0, 2.0, 9.0];
        let among = Among { least_core: true, bounds: &[] };
        let point =
            core_point(&table, Kind::Gain, Rule::Nearest, &[3.0; 3], among, &Progress::new());
        let point = point.unwrap();
        assert_eq!(point.allowed, -0.5);
        assert!((point.allocation[2] - 0.5).abs() < 1e-9);
    }
}
