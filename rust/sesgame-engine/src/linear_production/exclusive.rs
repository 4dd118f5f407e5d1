//! Programs of which columns of two kinds may not both be positive: storage that never charges and
//! discharges in the same step.
//!
//! Most coalitions never want to. So each is first solved as a linear program, and only if both kinds
//! are positive in its optimum as an integer program, in which a binary column says which of them may
//! be.

use std::sync::Arc;

use super::{LinearProductionGame, Solver};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::linear_program::{Model, Solution};
use crate::progress::Progress;

/// Of the most that a column may be: less than what the solver takes for zero.
const NOTHING: f64 = 1e-7;

/// Columns of two kinds, of which those of one are zero.
pub type Choice = [Vec<usize>; 2];

/// A linear production game in which, of each choice, all columns of one kind are zero.
#[derive(Debug)]
pub struct ExclusiveGame {
    relaxed: Arc<LinearProductionGame>,
    choices: Vec<Choice>,
    /// The most that each column may be for any coalition.
    most: Vec<f64>,
}

impl ExclusiveGame {
    /// The game of a linear production game with choices between columns that are not negative.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when a column of a choice is not there, or has no finite upper bound;
    /// [`Error::Solver`] when the integer program of everybody has no optimum;
    /// [`Error::Interrupted`].
    pub fn new(
        relaxed: Arc<LinearProductionGame>,
        choices: Vec<Choice>,
        progress: &Progress,
    ) -> Result<Self> {
        let mut most: Vec<f64> = relaxed.program.column_bounds.iter().map(|own| own.1).collect();
        let (_, upper) = relaxed.columns.at(&vec![true; relaxed.own_cost.len()]);
        for (&place, upper) in relaxed.columns.places.iter().zip(upper) {
            most[place as usize] = upper;
        }
        let has_end = |&column: &usize| most.get(column).is_some_and(|most| most.is_finite());
        if let Some(column) = choices.iter().flatten().flatten().find(|column| !has_end(column)) {
            return Err(Error::InvalidInput(format!(
                "column {column} of a choice is not among the {} columns, or has no upper bound",
                most.len()
            )));
        }
        let game = Self { relaxed, choices, most };
        game.optimum(&vec![true; game.n_players()], progress)?;
        Ok(game)
    }

    /// The optimal columns of a coalition.
    ///
    /// # Errors
    /// [`Error::Solver`] when its program has no optimum; [`Error::Interrupted`].
    pub fn optimum(&self, members: &[bool], progress: &Progress) -> Result<Solution> {
        let mut solver = self.relaxed.take_solver();
        let solution = self.solve(&mut solver, members, progress);
        self.relaxed.put_back(solver);
        solution
    }

    fn solve(
        &self,
        solver: &mut Solver,
        members: &[bool],
        progress: &Progress,
    ) -> Result<Solution> {
        let solution = self.relaxed.solve(&mut solver.model, members, progress)?;
        let is_used = |column: &usize| solution.columns[*column] > NOTHING * self.most[*column];
        let both = |kinds: &Choice| kinds.iter().all(|kind| kind.iter().any(is_used));
        if !self.choices.iter().any(both) {
            return Ok(solution);
        }
        let mut solution = self.model(members).solve(progress)?.optimal("an integer program")?;
        self.relaxed.units.restore(&mut solution);
        Ok(solution)
    }

    /// The integer program of a coalition.
    fn model(&self, members: &[bool]) -> Model {
        let game = &self.relaxed;
        let mut model = game.program.model(game.units);
        let (lower, upper) = game.units.shrink(game.columns.at(members));
        model.set_columns_bounds(&game.columns.places, &lower, &upper);
        let (lower, upper) = game.units.shrink(game.rows.at(members));
        model.set_rows_bounds(&game.rows.places, &lower, &upper);
        let most = |column: usize| self.most[column] / game.units.quantity;
        for [one, other] in &self.choices {
            let which = model.add_integer_column(0.0, 0.0, 1.0);
            for &column in one {
                model.add_row(f64::NEG_INFINITY, 0.0, &[(column, 1.0), (which, -most(column))]);
            }
            for &column in other {
                let most = most(column);
                model.add_row(f64::NEG_INFINITY, most, &[(column, 1.0), (which, most)]);
            }
        }
        model.set_integer_gap(0.0, 0.0);
        model
    }
}

impl NativeGame for ExclusiveGame {
    fn n_players(&self) -> usize {
        self.relaxed.n_players()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        let members = vec![false; self.n_players()];
        Box::new(ExclusiveWalker { game: self, members, progress })
    }
}

/// A coalition. Where its program has no optimum, or is stopped before it is found, the value is NaN.
struct ExclusiveWalker<'a> {
    game: &'a ExclusiveGame,
    members: Vec<bool>,
    progress: &'a Progress,
}

impl Walker for ExclusiveWalker<'_> {
    fn clear(&mut self) {
        self.members.fill(false);
    }

    fn add(&mut self, player: usize) {
        self.members[player] = true;
    }

    fn remove(&mut self, player: usize) {
        self.members[player] = false;
    }

    fn value(&mut self) -> f64 {
        let game = &self.game.relaxed;
        self.game
            .optimum(&self.members, self.progress)
            .map_or(f64::NAN, |solution| game.sign * (solution.objective + game.own(&self.members)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Moves, Program};
    use super::*;
    use crate::enumeration::tabulate;

    /// A player brings 2 of what earns 1 each, another one 3 of what earns a half.
    #[test]
    fn one_of_both_is_zero() {
        let program = Program {
            cost: vec![-1.0, -0.5],
            column_bounds: vec![(0.0, 0.0); 2],
            row_bounds: vec![],
            rows: vec![],
        };
        let shares = [2.0, 0.0, 0.0, 3.0];
        let columns =
            Moves::new(vec![0, 1], (vec![0.0; 2], vec![0.0; 2]), (&[0.0; 4], &shares), 2).unwrap();
        let rows = Moves::new(vec![], (vec![], vec![]), (&[], &[]), 2).unwrap();
        let progress = Progress::new();
        let game = LinearProductionGame::new(program, vec![0.0; 2], columns, rows, true, &progress);
        let relaxed = Arc::new(game.unwrap());
        assert_eq!(tabulate(relaxed.as_ref(), &progress).unwrap(), [0.0, -2.0, -1.5, -3.5]);
        let choice = |other| vec![[vec![0], vec![other]]];
        let game = ExclusiveGame::new(Arc::clone(&relaxed), choice(1), &progress).unwrap();
        assert_eq!(tabulate(&game, &progress).unwrap(), [0.0, -2.0, -1.5, -2.0]);
        assert!(ExclusiveGame::new(relaxed, choice(2), &progress).is_err());
    }
}
