//! The coalition of largest excess without enumerating the coalitions: membership becomes a binary
//! variable of the program, and one mixed-integer program finds the largest excess.

use std::time::Instant;

use super::{LinearProductionGame, Units};
use crate::error::{Error, Result};
use crate::linear_program::{Model, Status};
use crate::progress::Progress;

/// What is asked: the proper coalition of largest excess at `allocation`.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// What each player gets, or pays, in the sense of the game.
    pub allocation: &'a [f64],
    /// Vectors z of `n` integers, one after the other: only coalitions with some `z(S)` other than
    /// zero are asked for. Empty: all proper coalitions.
    pub outside: &'a [i64],
    /// Excesses up to here are of no interest.
    pub level: f64,
    /// The proved bound may be this much above the excess that is found, or above the level.
    pub gap: f64,
    /// Any coalition will do that is at least half as far above the level as the relaxation allows.
    pub any_above: bool,
    /// Seconds after which to stop; infinite for no limit.
    pub max_seconds: f64,
}

/// What was found, and what is proved.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The coalition with the largest excess found above the level, if any.
    pub members: Option<Vec<bool>>,
    /// No coalition that was asked for has a larger excess.
    pub bound: f64,
    /// The bound of the linear relaxation, in which players may join in part.
    pub relaxation: f64,
    /// Whether the search ended before its limit.
    pub finished: bool,
}

/// What the solver may leave out in any case, in the units of the search.
const UNSEEN: f64 = 1e-6;
/// How far from whole a membership may be: of a member who brings a million times what others do,
/// not even the share of one of them.
const WHOLE: f64 = 1e-9;
/// What all players pay and get together, in the units of the search.
const TURNOVER: f64 = 1024.0;

impl LinearProductionGame {
    /// The largest excess of a proper coalition, `x(S) - c(S)` for costs, `v(S) - x(S)` for gains.
    ///
    /// The linear relaxation is solved first; where its bound is not above the level, that is the
    /// proof. Otherwise branch and bound looks for coalitions above the level only.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when lengths do not fit, [`Error::Interrupted`], [`Error::Solver`].
    pub fn most_violated(&self, question: &Question<'_>, progress: &Progress) -> Result<Answer> {
        let n_players = self.own_cost.len();
        let &Question { allocation, outside, level, gap, any_above, max_seconds } = question;
        if allocation.len() != n_players || !outside.len().is_multiple_of(n_players) {
            return Err(Error::InvalidInput(format!(
                "an allocation of {} and vectors of {} numbers for {n_players} players",
                allocation.len(),
                outside.len()
            )));
        }
        let money = self.money(allocation);
        let mut relaxed = self.joint_model(question, money, false);
        if max_seconds.is_finite() {
            relaxed.set_time_limit(max_seconds);
        }
        let start = Instant::now();
        let solution = relaxed.solve(progress)?;
        if solution.status == Status::TimeLimit {
            let nothing = f64::INFINITY;
            return Ok(Answer {
                members: None,
                bound: nothing,
                relaxation: nothing,
                finished: false,
            });
        }
        let relaxed_cost = solution.optimal("the relaxation of the separation")?.objective;
        let relaxation = -relaxed_cost * money;
        let max_seconds = (max_seconds - start.elapsed().as_secs_f64()).max(0.0);
        if relaxation <= level {
            return Ok(Answer { members: None, bound: relaxation, relaxation, finished: true });
        }
        drop(relaxed);

        let mut model = self.joint_model(question, money, true);
        // The search leaves out what is better by less than this.
        let early = if any_above { 0.5 * (relaxation - level) } else { 0.0 };
        let left_out = gap.max(early).max(UNSEEN * money);
        model.set_integrality_tolerance(WHOLE);
        model.set_integer_gap(0.0, left_out / money);
        model.set_cutoff(-level / money);
        if max_seconds.is_finite() {
            model.set_time_limit(max_seconds);
        }
        model.show_search(0.0, -money);
        let solution = model.solve(progress)?;
        let first = self.program.cost.len();
        let members = || {
            let chosen = &solution.columns[first..first + n_players];
            Some(chosen.iter().map(|&share| share > 0.5).collect())
        };
        let excess = -solution.objective * money;
        let found = excess.is_finite() && excess > level;
        let reached = if found { excess } else { level };
        let bound = (-solution.bound * money).max(reached + left_out).min(relaxation);
        match solution.status {
            Status::Optimal if found => {
                Ok(Answer { members: members(), bound, relaxation, finished: true })
            }
            Status::Optimal | Status::Infeasible => {
                let bound = (level + left_out).min(relaxation);
                Ok(Answer { members: None, bound, relaxation, finished: true })
            }
            Status::TimeLimit => Ok(Answer {
                members: if found { members() } else { None },
                bound,
                relaxation,
                finished: false,
            }),
            other => Err(other.to_error("the separation")),
        }
    }

    /// The unit of money, a power of two, in which all pay and get about [`TURNOVER`] together.
    fn money(&self, allocation: &[f64]) -> f64 {
        let Units { quantity, price } = self.units;
        let is_free = self.program.cost.iter().all(|&cost| cost == 0.0);
        let usual = if is_free { 0.0 } else { quantity * price };
        let turnover = allocation.iter().map(|share| share.abs()).sum::<f64>().max(usual);
        if turnover > 0.0 { (turnover / TURNOVER).log2().round().exp2() } else { 1.0 }
    }

    /// Minimises minus the excess over production and membership at once.
    fn joint_model(&self, question: &Question<'_>, money: f64, integer: bool) -> Model {
        let &Question { allocation, outside, .. } = question;
        let quantity = self.units.quantity;
        let n_players = self.own_cost.len();
        let mut model = Model::new();
        let mut bounds = self.program.column_bounds.clone();
        // Bounds that membership moves become rows; a side that it does not move stays.
        let moved = slots(&self.columns, quantity);
        for (slot, &place) in self.columns.places.iter().enumerate() {
            bounds[place as usize] = (self.columns.lower[slot], self.columns.upper[slot]);
            let [lower, upper] = &moved[slot];
            if !lower.is_empty() {
                bounds[place as usize].0 = f64::NEG_INFINITY;
            }
            if !upper.is_empty() {
                bounds[place as usize].1 = f64::INFINITY;
            }
        }
        for (&cost, &(lower, upper)) in self.program.cost.iter().zip(&bounds) {
            let (lower, upper) = (lower / quantity, upper / quantity);
            model.add_column(cost * quantity / money, lower, upper);
        }
        let first = self.program.cost.len();
        for (&own, &share) in self.own_cost.iter().zip(allocation) {
            let cost = (own - self.sign * share) / money;
            if integer {
                model.add_integer_column(cost, 0.0, 1.0);
            } else {
                model.add_column(cost, 0.0, 1.0);
            }
        }

        for (slot, &place) in self.columns.places.iter().enumerate() {
            let [lower, upper] = &moved[slot];
            let column = [(place as usize, 1.0)];
            let (low, high) = (self.columns.lower[slot], self.columns.upper[slot]);
            add_sides(&mut model, first, &column, low / quantity, lower, true);
            add_sides(&mut model, first, &column, high / quantity, upper, false);
        }
        let mut slot_of_row = vec![None; self.program.rows.len()];
        for (slot, &place) in self.rows.places.iter().enumerate() {
            slot_of_row[place as usize] = Some(slot);
        }
        let moved = slots(&self.rows, quantity);
        for (row, entries) in self.program.rows.iter().enumerate() {
            let Some(slot) = slot_of_row[row] else {
                let (lower, upper) = self.program.row_bounds[row];
                model.add_row(lower / quantity, upper / quantity, entries);
                continue;
            };
            let [lower, upper] = &moved[slot];
            let (low, high) = (self.rows.lower[slot], self.rows.upper[slot]);
            let (low, high) = (low / quantity, high / quantity);
            if lower == upper {
                model.add_row(low, high, &with_shares(entries, first, lower));
            } else {
                add_sides(&mut model, first, entries, low, lower, true);
                add_sides(&mut model, first, entries, high, upper, false);
            }
        }

        let everyone: Vec<(usize, f64)> =
            (0..n_players).map(|player| (first + player, 1.0)).collect();
        if outside.is_empty() {
            model.add_row(1.0, (n_players - 1) as f64, &everyone);
        } else {
            add_outside(&mut model, first, outside, n_players, integer);
        }
        model
    }
}

/// For each slot what players add to the lower and to the upper bound.
fn slots(moves: &super::Moves, quantity: f64) -> Vec<[Vec<(usize, f64)>; 2]> {
    let mut slots = vec![[Vec::new(), Vec::new()]; moves.places.len()];
    for (player, shares) in moves.shares.iter().enumerate() {
        for &(slot, lower, upper) in shares {
            for (side, share) in [lower, upper].into_iter().enumerate() {
                if share != 0.0 {
                    slots[slot][side].push((player, share / quantity));
                }
            }
        }
    }
    slots
}

/// The entries with what players bring on the left-hand side.
fn with_shares(
    entries: &[(usize, f64)],
    first: usize,
    shares: &[(usize, f64)],
) -> Vec<(usize, f64)> {
    let brought = shares.iter().map(|&(player, share)| (first + player, -share));
    entries.iter().copied().chain(brought).collect()
}

/// One side of a row, or of a bound that became one.
fn add_sides(
    model: &mut Model,
    first: usize,
    entries: &[(usize, f64)],
    bound: f64,
    shares: &[(usize, f64)],
    is_lower: bool,
) {
    let is_column = entries.len() == 1;
    if !bound.is_finite() || (is_column && shares.is_empty()) {
        return;
    }
    let (lower, upper) = if is_lower { (bound, f64::INFINITY) } else { (f64::NEG_INFINITY, bound) };
    model.add_row(lower, upper, &with_shares(entries, first, shares));
}

/// Some z(S) is at least 1 or at most -1; a binary column for each of those says which.
pub(crate) fn add_outside(
    model: &mut Model,
    first: usize,
    outside: &[i64],
    n_players: usize,
    integer: bool,
) {
    let mut switches = Vec::new();
    for z in outside.chunks_exact(n_players) {
        for sign in [1.0, -1.0] {
            let switch = if integer {
                model.add_integer_column(0.0, 0.0, 1.0)
            } else {
                model.add_column(0.0, 0.0, 1.0)
            };
            let mut entries: Vec<(usize, f64)> = z
                .iter()
                .enumerate()
                .filter(|&(_, &entry)| entry != 0)
                .map(|(player, &entry)| (first + player, sign * entry as f64))
                .collect();
            // sign z(S) >= least without the switch, and >= 1 with it.
            let least: f64 = entries.iter().map(|&(_, entry)| entry.min(0.0)).sum();
            entries.push((switch, least - 1.0));
            model.add_row(least, f64::INFINITY, &entries);
            switches.push((switch, 1.0));
        }
    }
    model.add_row(1.0, f64::INFINITY, &switches);
}

#[cfg(test)]
mod tests {
    use super::super::tests::trade;
    use super::*;

    fn ask(allocation: &[f64], outside: &[i64]) -> Answer {
        let question = Question {
            allocation,
            outside,
            level: f64::NEG_INFINITY,
            gap: 1e-9,
            any_above: false,
            max_seconds: f64::INFINITY,
        };
        trade().most_violated(&question, &Progress::new()).unwrap()
    }

    #[test]
    fn the_worst_proper_coalition_is_found_and_proved() {
        // Costs 15, -2, 9, 3.5, 18.5, -0.5 of {0}, {1}, {0, 1}, {2}, {0, 2}, {1, 2}.
        let answer = ask(&[5.0, 5.0, 2.5], &[]);
        assert_eq!(answer.members, Some(vec![false, true, true]));
        assert!((answer.bound - 8.0).abs() < 1e-6 && answer.finished);
    }

    #[test]
    fn coalitions_in_the_settled_span_are_left_out() {
        // Settled: {1, 2} and everybody. Outside are the coalitions with z = (0, 1, -1) not zero.
        let answer = ask(&[5.0, 5.0, 2.5], &[0, 1, -1]);
        assert_eq!(answer.members, Some(vec![false, true, false]));
        assert!((answer.bound - 7.0).abs() < 1e-6);
    }

    #[test]
    fn the_relaxation_alone_proves_what_dual_prices_give() {
        let question = Question {
            allocation: &[15.0, -6.0, 3.5],
            outside: &[],
            level: 1e-9,
            gap: 1e-9,
            any_above: false,
            max_seconds: f64::INFINITY,
        };
        let answer = trade().most_violated(&question, &Progress::new()).unwrap();
        assert_eq!((answer.members, answer.finished), (None, true));
        assert!(answer.relaxation.abs() < 1e-9);
    }
}
