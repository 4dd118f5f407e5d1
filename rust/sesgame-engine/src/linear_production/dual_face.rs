//! All duals that prove one optimum, explored in one direction after the other.
//!
//! Whatever the optimum, its duals are those whose bounds without weight are not active: the face
//! of the dual polyhedron that complementary slackness leaves. With what players bring changed in
//! the direction w, the cost changes at the rate `max { bills(y) . w : y in the face }`, and that
//! is a program with the same matrix and cost, whose bounds are the changes of the active ones.

use super::{LinearProductionGame, Moves};
use crate::error::Result;
use crate::linear_program::{Model, Solution, Status};
use crate::progress::Progress;

/// Of one (in the units of the solver) plus a bound: how near a value has to be for the bound to be active.
const ACTIVE: f64 = 1e-8;

/// The duals that prove the optimum of a coalition.
#[derive(Debug)]
pub struct DualFace<'a> {
    game: &'a LinearProductionGame,
    model: Model,
    /// For each moved column, and row: whether its lower and its upper bound are active.
    active: [Vec<[bool; 2]>; 2],
}

impl LinearProductionGame {
    /// The duals that prove the optimum of a coalition.
    ///
    /// # Errors
    /// As [`LinearProductionGame::value`].
    pub fn dual_face(&self, members: &[bool], progress: &Progress) -> Result<DualFace<'_>> {
        let columns = self.optimum(members, progress)?.columns;
        let activities: Vec<f64> = self
            .program
            .rows
            .iter()
            .map(|row| row.iter().map(|&(column, value)| value * columns[column]).sum())
            .collect();
        let mut model = Model::new();
        let (kinds, [active_columns, active_rows]) = {
            let sides = [
                (&self.columns, &self.program.column_bounds, &columns),
                (&self.rows, &self.program.row_bounds, &activities),
            ];
            let kinds = sides.map(|(moves, bounds, values)| {
                let mut bounds = bounds.clone();
                let (lower, upper) = moves.at(members);
                for (slot, &place) in moves.places.iter().enumerate() {
                    bounds[place as usize] = (lower[slot], upper[slot]);
                }
                let is_active = |(&(lower, upper), &value): (&(f64, f64), &f64)| {
                    [lower, upper].map(|bound| {
                        let near = ACTIVE * (self.units.quantity + bound.abs());
                        bound.is_finite() && (value - bound).abs() <= near
                    })
                };
                bounds.iter().zip(values).map(is_active).collect::<Vec<_>>()
            });
            let of_moved = |moves: &Moves, kinds: &[[bool; 2]]| {
                moves.places.iter().map(|&place| kinds[place as usize]).collect()
            };
            let active = [of_moved(&self.columns, &kinds[0]), of_moved(&self.rows, &kinds[1])];
            (kinds, active)
        };
        let free = |[lower, upper]: [bool; 2]| {
            (if lower { 0.0 } else { f64::NEG_INFINITY }, if upper { 0.0 } else { f64::INFINITY })
        };
        for (&cost, &kind) in self.program.cost.iter().zip(&kinds[0]) {
            let (lower, upper) = free(kind);
            model.add_column(cost / self.units.price, lower, upper);
        }
        for (entries, &kind) in self.program.rows.iter().zip(&kinds[1]) {
            let (lower, upper) = free(kind);
            model.add_row(lower, upper, entries);
        }
        Ok(DualFace { game: self, model, active: [active_columns, active_rows] })
    }
}

impl DualFace<'_> {
    /// The rate at which the cost changes in a direction; infinite where what players bring
    /// cannot change in that direction at all.
    ///
    /// # Errors
    /// [`crate::error::Error::Solver`] when the solver does not get there;
    /// [`crate::error::Error::Interrupted`].
    pub fn rate(&mut self, direction: &[f64], progress: &Progress) -> Result<f64> {
        let solution = self.solve(direction, progress)?;
        match solution.status {
            Status::Infeasible => Ok(f64::INFINITY),
            _ => Ok(solution.optimal("the duals of an optimum")?.objective),
        }
    }

    /// The duals of the face under which players with these weights pay most, or get least: the
    /// rate at which the cost changes is the objective.
    ///
    /// # Errors
    /// [`crate::error::Error::Solver`] when the rate is not finite in this direction;
    /// [`crate::error::Error::Interrupted`].
    pub fn extreme(&mut self, weights: &[f64], progress: &Progress) -> Result<Solution> {
        self.solve(weights, progress)?.optimal("the duals of an optimum")
    }

    fn solve(&mut self, weights: &[f64], progress: &Progress) -> Result<Solution> {
        let Self { game, model, active } = self;
        let [columns, rows] = [(&game.columns, &active[0]), (&game.rows, &active[1])]
            .map(|(moves, active)| game.units.shrink(changes(moves, active, weights)));
        model.set_columns_bounds(&game.columns.places, &columns.0, &columns.1);
        model.set_rows_bounds(&game.rows.places, &rows.0, &rows.1);
        let mut solution = model.solve(progress)?;
        game.units.restore(&mut solution);
        Ok(solution)
    }
}

/// How the active bounds change in a direction; the others are free.
fn changes(moves: &Moves, active: &[[bool; 2]], weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut lower, mut upper) = (vec![0.0; active.len()], vec![0.0; active.len()]);
    for (shares, &weight) in moves.shares.iter().zip(weights) {
        for &(slot, lower_share, upper_share) in shares {
            lower[slot] += weight * lower_share;
            upper[slot] += weight * upper_share;
        }
    }
    for (slot, &[is_lower, is_upper]) in active.iter().enumerate() {
        if !is_lower {
            lower[slot] = f64::NEG_INFINITY;
        }
        if !is_upper {
            upper[slot] = f64::INFINITY;
        }
    }
    (lower, upper)
}

#[cfg(test)]
mod tests {
    use super::super::tests::trade;
    use super::super::{Moves, Program};
    use super::*;

    #[test]
    fn where_prices_leave_no_choice_there_is_one() {
        let game = trade();
        let mut face = game.dual_face(&[true; 3], &Progress::new()).unwrap();
        for weights in [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]] {
            assert_eq!(face.extreme(&weights, &Progress::new()).unwrap().row_duals, [3.0]);
        }
    }

    #[test]
    fn where_loads_cancel_any_price_between_selling_and_buying_proves_it() {
        let program = Program {
            cost: vec![3.0, -1.0],
            column_bounds: vec![(0.0, f64::INFINITY); 2],
            row_bounds: vec![(0.0, 0.0)],
            rows: vec![vec![(0, 1.0), (1, -1.0)]],
        };
        let loads = [2.0, -2.0];
        let none = Moves::new(vec![], (vec![], vec![]), (&[], &[]), 2).unwrap();
        let balance = Moves::new(vec![0], (vec![0.0], vec![0.0]), (&loads, &loads), 2).unwrap();
        let game =
            LinearProductionGame::new(program, vec![0.0; 2], none, balance, true, &Progress::new())
                .unwrap();
        let mut face = game.dual_face(&[true; 2], &Progress::new()).unwrap();
        let most = face.extreme(&[1.0, 0.0], &Progress::new()).unwrap();
        assert_eq!((most.objective, most.row_duals), (6.0, vec![3.0]));
        let least = face.extreme(&[-1.0, 0.0], &Progress::new()).unwrap();
        assert_eq!((least.objective, least.row_duals), (-2.0, vec![1.0]));
    }
}
