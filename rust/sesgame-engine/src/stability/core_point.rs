//! One point of the core, or of the least core where the core is empty, chosen by a rule.
//!
//! The rule sees a pool of coalitions; a scan of the table finds those that its choice violates. A
//! least core, and a core without interior, lie in a subspace: coalitions that are tight at all of
//! its points are equations, and the scan leaves out their span.
//!
//! Shares are counted from a point of the least core, in a unit about as large as the core is wide:
//! neither the part that players have at all of its points nor a reference far away blurs what is
//! compared, and the absolute tolerances of the LP solver mean what they say.
//!
//! Reference: Arin and Inarra (2001) for the lexicographic max-min of the core.

use super::excess::Kind;
use super::least_core::least_core;
use super::row_generation::{Effort, Stage};
use super::span::Span;
use super::table_scan::{Demand, Scanner};
use crate::coalition::{Coalition, grand, members};
use crate::error::{Error, Result};
use crate::linear_program::{Model, unit};
use crate::nearest_point::{Row, nearest};
use crate::progress::Progress;

/// A scan adds this many coalitions, times the number of players, to the pool.
const ROWS_PER_PLAYER: usize = 10;
/// The chosen point may violate coalitions by so many times what its programs may.
const SLACK: f64 = 4.0;
/// What the LP solver is told to keep to, the finest that it takes, in the unit of the program.
const FEASIBILITY: f64 = 1e-10;
/// In that unit: as exactly as this the place of the nearest point has to follow from a reference.
const PRECISE: f64 = 1e-7;
/// In that unit: advantages so far apart are not brought together by any choice.
const APART: f64 = 8.0;
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
    /// By how much values may be off: an excess up to it does not make the core empty.
    pub accuracy: f64,
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

/// The points there are to choose from, in the sense of gains, counted from one of the least core.
struct Choices<'a> {
    n_players: usize,
    value: Box<dyn Fn(Coalition) -> f64 + 'a>,
    allowed: f64,
    /// Independent coalitions whose totals are 0; the first is that of all.
    equations: Vec<Coalition>,
    /// The coalitions that are tight at all points.
    tight: Vec<Coalition>,
    pool: Vec<Coalition>,
    bounds: Vec<Bound>,
    reference: Vec<f64>,
    /// The unit of the program, a power of two.
    scale: f64,
    tolerance: f64,
}

/// The point of the core, or of the least core where that is empty, that a rule chooses.
///
/// # Errors
/// [`Error::InvalidInput`] for a reference or bounds of another length, or a reference too far away for floats to tell
/// which point is nearest; otherwise as [`nucleolus`](super::nucleolus::nucleolus).
pub fn core_point(
    table: &[f64],
    kind: Kind,
    rule: Rule,
    reference: &[f64],
    among: Among<'_>,
    progress: &Progress,
) -> Result<CorePoint> {
    let least = least_core(table, kind, false, progress)?;
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
    let of_least_core = among.least_core || least.value > least.tolerance.max(among.accuracy);
    let flat = of_least_core || least.value >= -least.tolerance;
    let stages = if flat { least.stages } else { Vec::new() };
    let allowed = if of_least_core { least.value } else { 0.0 };
    // Where values are off by as much as that, the core may have a point though the table has none.
    let least_allowed = if of_least_core { least.value } else { least.value.max(0.0) };
    let mut span = Span::new(n_players);
    let tight: Vec<Coalition> =
        stages.iter().flat_map(|stage| stage.weights.iter().map(|&(row, _)| row)).collect();
    let bytes = n_players.div_ceil(8);
    let equations = std::iter::once(grand(n_players))
        .chain(tight.iter().copied())
        .filter(|coalition| span.insert(&coalition.to_le_bytes()[..bytes]))
        .collect();
    let origin: Vec<f64> = least.allocation.iter().map(|share| sign * share).collect();
    let pool = pairs(n_players).filter(|coalition| span.is_outside(coalition)).collect();
    let value = {
        let origin = origin.clone();
        move |coalition: Coalition| {
            let total: f64 = members(coalition).map(|player| origin[player]).sum();
            sign * table[coalition as usize] - total
        }
    };
    let width = width(n_players, |coalition| value(coalition) - least_allowed);
    let wanted: Vec<f64> = reference.iter().map(|share| sign * share).collect();
    let size = width.max(least.tolerance / FEASIBILITY);
    // A game of zeros has no unit, but the reference has one.
    let largest = || wanted.iter().fold(0.0, |most, share| f64::max(most, share.abs()));
    let scale = unit(if size > 0.0 { size } else { largest() });
    let tolerance = SLACK * least.tolerance.max(FEASIBILITY * scale);
    let (compared, middle) = match rule {
        Rule::Nearest => centred(&wanted, &origin),
        Rule::Leximin => (brought_together(&wanted, &origin, APART * scale), 0.0),
    };
    let mut choices = Choices {
        n_players,
        value: Box::new(value),
        allowed: least_allowed,
        equations,
        tight,
        pool,
        bounds: bounds_on_gains(sign, among.bounds, &origin),
        reference: compared,
        scale,
        tolerance: least.tolerance,
    };
    let away = choices.reference.iter().fold(0.0, |far, share| f64::max(far, share.abs()));
    if span.functional().is_some() && n_players as f64 * f64::EPSILON * away > PRECISE * scale {
        return Err(Error::InvalidInput(format!(
            "the reference is {away:.1e} away from the core, which is about {scale:.1e} wide: too \
             far for floats to tell which point is nearest"
        )));
    }
    let mut scanner = Scanner::new(table, sign, false);
    let mut effort = least.effort;
    let mut reconciled = choices.bounds.is_empty();
    loop {
        progress.check()?;
        let (chosen, mut steps) = match rule {
            _ if !reconciled => choices.reconcile(progress)?,
            Rule::Nearest => choices.nearest()?,
            Rule::Leximin => choices.leximin(progress)?,
        };
        let point: Vec<f64> = origin.iter().zip(&chosen).map(|(a, b)| a + b).collect();
        let allocation = point.iter().map(|share| sign * share).collect();
        if !reconciled && steps[0].level > tolerance {
            let (steps, contradiction) = (Vec::new(), steps.pop());
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
                &[Demand { t: least_allowed, functional }],
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
            for step in &mut steps {
                // What the reference was moved by is a multiple of the coalition of all.
                step.total -= middle;
                if let Some(&(player, _)) = step.players.first() {
                    step.level = point[player] - wanted[player];
                }
            }
            let contradiction = None;
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

    /// The nearest point.
    fn nearest(&self) -> Result<(Vec<f64>, Vec<Step>)> {
        let equations: Vec<Row> =
            self.equations.iter().map(|&coalition| (self.vector(coalition), 0.0)).collect();
        let rows: Vec<Row> = self
            .pool
            .iter()
            .map(|&coalition| (self.vector(coalition), self.demand(coalition)))
            .chain(self.bounds.iter().map(|bound| {
                let mut vector = vec![0.0; self.n_players];
                vector[bound.player] = bound.sign;
                (vector, bound.least)
            }))
            .collect();
        let found = nearest(&self.reference, &equations, &rows, self.tolerance)
            .ok_or_else(|| failure("no point is nearest"))?;
        let (of_pool, of_bounds) = found.multipliers.split_at(self.pool.len());
        let coalitions = (self.pool.iter().zip(of_pool.iter().copied()))
            .filter(|&(_, multiplier)| multiplier > 0.0)
            .chain(self.equations.iter().zip(found.free.iter().copied()).skip(1))
            .map(|(&coalition, multiplier)| (coalition, multiplier))
            .collect();
        let bounds = at_bounds(&self.bounds, of_bounds);
        let (players, total) = (Vec::new(), found.free[0]);
        let step = Step { level: 0.0, players, coalitions, bounds, total };
        Ok((found.point, vec![step]))
    }

    /// A point that misses no bound by more than it must, and multipliers that prove by how much.
    ///
    /// What is tight at all points is no equation here, so no coalition's multiplier is negative.
    fn reconcile(&self, progress: &Progress) -> Result<(Vec<f64>, Vec<Step>)> {
        let (n, scale) = (self.n_players, self.scale);
        let mut model = Model::new();
        model.set_feasibility_tolerance(FEASIBILITY);
        for _ in 0..n {
            model.add_column(0.0, f64::NEG_INFINITY, f64::INFINITY);
        }
        let missed = model.add_column(1.0, 0.0, f64::INFINITY);
        let entries = |coalition| -> Vec<_> { members(coalition).map(|i| (i, 1.0)).collect() };
        model.add_row(0.0, 0.0, &entries(grand(n)));
        let coalitions = || self.tight.iter().chain(&self.pool).copied();
        for coalition in coalitions() {
            model.add_row(self.demand(coalition) / scale, f64::INFINITY, &entries(coalition));
        }
        for bound in &self.bounds {
            let entries = [(bound.player, bound.sign), (missed, 1.0)];
            model.add_row(bound.least / scale, f64::INFINITY, &entries);
        }
        let solution = model.solve(progress)?.optimal("bounds on shares")?;
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
    fn leximin(&self, progress: &Progress) -> Result<(Vec<f64>, Vec<Step>)> {
        let n = self.n_players;
        let mut fixed: Vec<Option<f64>> = vec![None; n];
        let mut steps = Vec::new();
        while fixed.contains(&None) {
            let mut model = Model::new();
            model.set_feasibility_tolerance(FEASIBILITY);
            for share in &fixed {
                let (lower, upper) = share.map_or((f64::NEG_INFINITY, f64::INFINITY), |x| (x, x));
                model.add_column(0.0, lower, upper);
            }
            let t = model.add_column(-1.0, f64::NEG_INFINITY, f64::INFINITY);
            let entries = |coalition| -> Vec<_> { members(coalition).map(|i| (i, 1.0)).collect() };
            for &coalition in &self.equations {
                model.add_row(0.0, 0.0, &entries(coalition));
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
            // Advantages are counted from the one that is least where shares are counted from.
            let largest =
                open.iter().map(|&player| self.reference[player]).fold(f64::NEG_INFINITY, f64::max);
            for &player in &open {
                let reference = (self.reference[player] - largest) / self.scale;
                model.add_row(reference, f64::INFINITY, &[(player, 1.0), (t, -1.0)]);
            }
            let stage = format!("leximin core allocation, level {}", steps.len() + 1);
            let solution = model.solve(progress)?.optimal(stage)?;
            let (equal, rest) = solution.row_duals.split_at(self.equations.len());
            let (pool, rest) = rest.split_at(self.pool.len());
            let (of_bounds, weights) = rest.split_at(self.bounds.len());
            let players: Vec<(usize, f64)> = open
                .into_iter()
                .zip(weights.iter().copied())
                .filter(|&(_, weight)| weight > POSITIVE)
                .collect();
            if players.is_empty() {
                return Err(failure("no player holds a level down"));
            }
            for &(player, _) in &players {
                fixed[player] = Some(solution.columns[player]);
            }
            let free = self.equations.iter().zip(equal).skip(1);
            let coalitions = (self.pool.iter().zip(pool))
                .chain(free)
                .filter(|(_, multiplier)| multiplier.abs() > 0.0)
                .map(|(&coalition, &multiplier)| (coalition, multiplier))
                .collect();
            let bounds = at_bounds(&self.bounds, of_bounds);
            // Known better once the point is.
            let level = 0.0;
            steps.push(Step { level, players, coalitions, bounds, total: equal[0] });
        }
        let point = fixed.into_iter().flatten().map(|share| share * self.scale).collect();
        Ok((point, steps))
    }
}

/// The bounds that there are, in the sense of gains, counted from an origin.
fn bounds_on_gains(sign: f64, bounds: &[(f64, f64)], origin: &[f64]) -> Vec<Bound> {
    bounds
        .iter()
        .enumerate()
        .flat_map(|(player, &(least, most))| {
            [Bound { player, sign, least }, Bound { player, sign: -sign, least: -most }]
        })
        .filter(|bound| bound.least.is_finite())
        .map(|bound| Bound { least: bound.least - bound.sign * origin[bound.player], ..bound })
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

/// Every player alone, and all without it.
fn pairs(n_players: usize) -> impl Iterator<Item = Coalition> {
    let all = grand(n_players);
    (0..n_players).map(|player| 1 << player).flat_map(move |single| [single, all ^ single])
}

/// By how much the shares of one player may differ at most, given what coalitions demand.
fn width(n_players: usize, demand: impl Fn(Coalition) -> f64) -> f64 {
    let all = grand(n_players);
    let least: Vec<f64> = (0..n_players).map(|player| demand(1 << player)).collect();
    let most: Vec<f64> = (0..n_players).map(|player| -demand(all ^ 1 << player)).collect();
    let (all_least, all_most): (f64, f64) = (least.iter().sum(), most.iter().sum());
    least
        .iter()
        .zip(&most)
        .map(|(least, most)| {
            // What the others take at least, and at most.
            most.min(least - all_least) - least.max(most - all_most)
        })
        .fold(0.0, f64::max)
}

/// A reference counted from an origin, without the part that is the same for all, and that part: it
/// changes no choice, as all points have the same total.
fn centred(reference: &[f64], origin: &[f64]) -> (Vec<f64>, f64) {
    let away: Vec<f64> = reference.iter().zip(origin).map(|(a, b)| a - b).collect();
    let middle = away.iter().sum::<f64>() / away.len() as f64;
    (away.iter().map(|share| share - middle).collect(), middle)
}

/// A reference counted from an origin, up to a part that is the same for all, in which nobody is
/// farther than `most` from the next one. Where the core is not as wide as that, whoever is farther
/// away has the smaller advantage at all of its points, so the choice is the same.
fn brought_together(reference: &[f64], origin: &[f64], most: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..reference.len()).collect();
    order.sort_by(|&a, &b| {
        (reference[b] - origin[b]).total_cmp(&(reference[a] - origin[a])).then(a.cmp(&b))
    });
    let mut near = vec![0.0; reference.len()];
    for pair in order.windows(2) {
        let (above, below) = (pair[0], pair[1]);
        // So that what two have in common leaves nothing of their difference unknown.
        let gap = (reference[above] - reference[below]) - (origin[above] - origin[below]);
        near[below] = near[above] - gap.min(most);
    }
    near
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
        let all = Among::default();
        let wrong = core_point(&[0.0, 1.0], Kind::Gain, Rule::Nearest, &[], all, &Progress::new());
        assert!(matches!(wrong, Err(Error::InvalidInput(_))));
    }

    #[test]
    fn a_reference_far_away_chooses_where_it_points_or_is_refused() {
        let table = [0.0, 0.0, 0.0, 3.0, 0.0, 3.0, 3.0, 9.0];
        for far in [1e3, 1e6, 1e8] {
            for rule in [Rule::Nearest, Rule::Leximin] {
                assert_eq!(choose(&table, Kind::Gain, rule, &[far, far, far]), [3.0; 3]);
                assert_eq!(choose(&table, Kind::Gain, rule, &[far, 0.0, -far]), [6.0, 3.0, 0.0]);
            }
        }
        let rule = Rule::Leximin;
        assert_eq!(choose(&table, Kind::Gain, rule, &[1e12, 0.0, 1.0]), [6.0, 1.0, 2.0]);
        let reference = [1e12, 0.0, 1.0];
        let all = Among::default();
        let far = core_point(&table, Kind::Gain, Rule::Nearest, &reference, all, &Progress::new());
        assert!(matches!(far, Err(Error::InvalidInput(text)) if text.contains("too far")));
    }

    #[test]
    fn bounds_hold_or_are_proved_to_contradict_the_core() {
        let table = [0.0, 0.0, 0.0, 3.0, 0.0, 3.0, 3.0, 9.0];
        let none = (f64::NEG_INFINITY, f64::INFINITY);
        let within = |bounds: &[(f64, f64)], rule| {
            let among = Among { bounds, ..Among::default() };
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
        let among = Among { least_core: true, ..Among::default() };
        let point =
            core_point(&table, Kind::Gain, Rule::Nearest, &[3.0; 3], among, &Progress::new());
        let point = point.unwrap();
        assert_eq!(point.allowed, -0.5);
        assert!((point.allocation[2] - 0.5).abs() < 1e-9);
    }
}
