//! Linear and mixed-integer programs in solver-neutral words.
//!
//! A [`Model`] is persistent: rows, columns, bounds and costs change in place and the next
//! [`Model::solve`] starts from the last basis, or stops where whoever watches asks it to. [`highs`] is
//! the only file that talks to the solver.

mod dense_basis;
mod highs;
mod network;

use crate::error::{Error, Result};
pub use dense_basis::DenseBasis;
pub use highs::{Basis, Model, Place, await_solves_left_behind, highs_version};
pub use network::{Network, Workspace};

/// The unit in which numbers up to `size` are told to the solver, whose tolerances are absolute: the
/// least power of two that is not smaller, which rounds nothing; 1 for 0.
#[must_use]
pub fn unit(size: f64) -> f64 {
    if size > 0.0 { size.log2().ceil().exp2() } else { 1.0 }
}

/// How a solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// An optimal solution was found, within the tolerances.
    Optimal,
    /// No point satisfies the rows and bounds.
    Infeasible,
    /// The objective has no lower bound.
    Unbounded,
    /// Presolve could not tell infeasible from unbounded.
    InfeasibleOrUnbounded,
    /// The time limit passed; an integer program may still have a solution and a bound.
    TimeLimit,
    /// The iteration limit passed.
    IterationLimit,
    /// The caller asked to stop.
    Interrupted,
    /// The solver met numerical or internal trouble.
    Failed,
}

impl Status {
    /// The status in words, as error messages show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Optimal => "optimal",
            Self::Infeasible => "infeasible",
            Self::Unbounded => "unbounded",
            Self::InfeasibleOrUnbounded => "infeasible or unbounded",
            Self::TimeLimit => "time limit",
            Self::IterationLimit => "iteration limit",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    /// The error that says that `stage` ended in this status.
    #[must_use]
    pub fn to_error(self, stage: impl Into<String>) -> Error {
        Error::Solver { stage: stage.into(), status: self.as_str().to_owned() }
    }
}

/// What a solve found. Which parts carry meaning depends on [`Solution::status`].
///
/// Duals have the sign of a minimisation: `row_duals[r]` is the change of the optimal objective
/// for one unit more on the active bound of row `r`. They are empty for integer programs.
#[derive(Debug, Clone)]
pub struct Solution {
    /// How the solve ended.
    pub status: Status,
    /// The objective of `columns`.
    pub objective: f64,
    /// A proved lower bound on the objective; equals `objective` for an optimal linear program.
    pub bound: f64,
    /// How far primal and dual objective are apart, relative to them; 0 for integer programs.
    pub duality_error: f64,
    /// Value of each column.
    pub columns: Vec<f64>,
    /// Reduced cost of each column.
    pub column_duals: Vec<f64>,
    /// Dual value of each row.
    pub row_duals: Vec<f64>,
}

impl Solution {
    /// The solution itself when it is optimal.
    ///
    /// # Errors
    /// [`Error::Solver`] that names `stage` for every other status.
    pub fn optimal(self, stage: impl Into<String>) -> Result<Self> {
        match self.status {
            Status::Optimal => Ok(self),
            other => Err(other.to_error(stage)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;

    /// min -x - 2y, x + y <= 4, y <= 3: x = 1, y = 3.
    fn two_variables() -> Model {
        let mut model = Model::new();
        let x = model.add_column(-1.0, 0.0, f64::INFINITY);
        let y = model.add_column(-2.0, 0.0, 3.0);
        model.add_row(f64::NEG_INFINITY, 4.0, &[(x, 1.0), (y, 1.0)]);
        model
    }

    #[test]
    fn solves_and_prices_a_small_program() {
        let solution = two_variables().solve(&Progress::new()).unwrap().optimal("test").unwrap();
        assert_eq!(solution.columns, [1.0, 3.0]);
        assert_eq!(solution.objective, -7.0);
        assert_eq!(solution.bound, -7.0);
        assert_eq!(solution.row_duals, [-1.0]);
        assert_eq!(solution.column_duals, [0.0, -1.0]);
    }

    #[test]
    fn who_leaves_a_deaf_solve_behind_can_wait_for_its_end() {
        // Presolve takes much longer here than anybody waits for it, and asks nobody.
        let mut model = Model::new();
        let size = 2500_u32;
        let columns: Vec<_> =
            (0..size).map(|k| model.add_column(-1.0 - f64::from(k % 7), 0.0, 1.0)).collect();
        for row in 0..size {
            let coefficient = |k: u32| 1.0 + f64::from((k * 7919 + row * 104_729) % 1009) / 1009.0;
            let entries: Vec<_> = (0..).zip(&columns).map(|(k, &c)| (c, coefficient(k))).collect();
            model.add_row(f64::NEG_INFINITY, f64::from(size) / 8.0, &entries);
        }
        let progress = Progress::new();
        let watched = progress.clone();
        let caller = std::thread::spawn(move || {
            let result = model.solve(&progress);
            (result.is_err(), model.is_usable(), await_solves_left_behind(|| false))
        });
        std::thread::sleep(std::time::Duration::from_millis(100));
        watched.cancel();
        assert_eq!(caller.join().unwrap(), (true, false, 1));
        assert_eq!(await_solves_left_behind(|| true), 0);
    }

    #[test]
    fn a_changed_model_is_solved_anew() {
        let mut model = two_variables();
        model.solve(&Progress::new()).unwrap();
        model.set_row_bounds(0, f64::NEG_INFINITY, 2.0);
        model.set_column_bounds(1, 0.0, 1.0);
        model.set_column_cost(0, -3.0);
        let solution = model.solve(&Progress::new()).unwrap().optimal("test").unwrap();
        assert_eq!(solution.columns, [2.0, 0.0]);
    }

    #[test]
    fn a_basis_carries_over_to_a_model_of_the_same_shape() {
        let mut first = two_variables();
        first.solve(&Progress::new()).unwrap();
        let mut second = two_variables();
        second.set_basis(&first.basis());
        assert_eq!(
            second.solve(&Progress::new()).unwrap().optimal("test").unwrap().columns,
            [1.0, 3.0]
        );
    }

    #[test]
    fn unsuccessful_statuses_are_told_apart() {
        let mut infeasible = two_variables();
        infeasible.add_row(5.0, f64::INFINITY, &[(0, 1.0), (1, 1.0)]);
        assert_eq!(infeasible.solve(&Progress::new()).unwrap().status, Status::Infeasible);

        let mut unbounded = Model::new();
        unbounded.add_column(-1.0, 0.0, f64::INFINITY);
        assert_eq!(unbounded.solve(&Progress::new()).unwrap().status, Status::Unbounded);
        let error = unbounded.solve(&Progress::new()).unwrap().optimal("level 1").unwrap_err();
        assert_eq!(error.to_string(), "level 1: the solver stopped with status \"unbounded\"");
    }

    #[test]
    fn integers_and_a_model_after_another_one() {
        for _ in 0..3 {
            // max 5a + 4b, 6a + 5b <= 10: relaxation 8.33, integers 8 (b = 2).
            let mut model = Model::new();
            let a = model.add_integer_column(-5.0, 0.0, 10.0);
            let b = model.add_integer_column(-4.0, 0.0, 10.0);
            model.add_row(f64::NEG_INFINITY, 10.0, &[(a, 6.0), (b, 5.0)]);
            let solution = model.solve(&Progress::new()).unwrap().optimal("test").unwrap();
            assert!((solution.objective + 8.0).abs() < 1e-9);
            assert!(solution.row_duals.is_empty());
            drop(model);
            assert_eq!(two_variables().solve(&Progress::new()).unwrap().objective, -7.0);
        }
    }

    #[test]
    fn many_threads_share_nothing() {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert_eq!(
                            two_variables().solve(&Progress::new()).unwrap().objective,
                            -7.0
                        );
                    }
                });
            }
        });
    }
}
