//! Linear production games: each member brings right-hand sides and bounds of a linear program,
//! and a coalition makes the best of what its members bring (Owen 1975).
//!
//! `c(S) = min { f . y + sum over i in S of d_i : l + L z <= A y <= u + U z, bounds likewise }` with
//! z the membership vector of S. One model stays in the solver; a coalition moves its bounds. Every
//! solve starts from the optimal basis of the grand coalition, so that a value has the same bits
//! whatever was solved before.

mod dual_face;
mod exclusive;
mod separation;

use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::linear_program::{Basis, Model, Network, Solution, Workspace};
use crate::progress::Progress;

pub use dual_face::DualFace;
pub use exclusive::{Choice, ExclusiveGame};
pub(crate) use separation::add_outside;
pub use separation::{Answer, Question};

/// The largest relative difference between primal and dual objective that a solution may have.
const DUALITY_TOLERANCE: f64 = 1e-6;
/// What nobody may cost, relative to the largest coefficient of the objective times what players
/// usually bring.
const ZERO: f64 = 1e-9;

/// A linear program to minimise, whose rows are `lower <= A y <= upper`.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Cost of each column.
    pub cost: Vec<f64>,
    /// Bounds of each column.
    pub column_bounds: Vec<(f64, f64)>,
    /// Bounds of each row.
    pub row_bounds: Vec<(f64, f64)>,
    /// The columns of each row, each once, with their coefficients.
    pub rows: Vec<Vec<(usize, f64)>>,
}

/// Bounds that membership moves.
#[derive(Debug, Clone, Default)]
pub struct Moves {
    places: Vec<i32>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// For each player: a position in `places`, and what the player adds to lower and upper bound.
    shares: Vec<Vec<(usize, f64, f64)>>,
}

impl Moves {
    /// Rows or columns with the bounds that they have without members, and what each player adds.
    ///
    /// `lower_share` and `upper_share` hold one row of `n` numbers for each of `places`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when lengths do not fit or a share is not finite.
    pub fn new(
        places: Vec<i32>,
        (lower, upper): (Vec<f64>, Vec<f64>),
        (lower_share, upper_share): (&[f64], &[f64]),
        n_players: usize,
    ) -> Result<Self> {
        let size = places.len();
        let shares = size * n_players;
        if [lower.len(), upper.len()] != [size; 2]
            || [lower_share.len(), upper_share.len()] != [shares; 2]
        {
            return Err(Error::InvalidInput(format!(
                "{size} moved bounds of {n_players} players, but {} and {} bounds, {} and {} shares",
                lower.len(),
                upper.len(),
                lower_share.len(),
                upper_share.len()
            )));
        }
        if !lower_share.iter().chain(upper_share).all(|share| share.is_finite()) {
            return Err(Error::InvalidInput("a share is not a finite number".to_owned()));
        }
        let shares = (0..n_players)
            .map(|player| {
                (0..size)
                    .map(|slot| (slot, slot * n_players + player))
                    .map(|(slot, at)| (slot, lower_share[at], upper_share[at]))
                    .filter(|&(_, lower, upper)| lower != 0.0 || upper != 0.0)
                    .collect()
            })
            .collect();
        Ok(Self { places, lower, upper, shares })
    }

    /// The bounds of a coalition; players are added in their order.
    fn at(&self, members: &[bool]) -> (Vec<f64>, Vec<f64>) {
        let (mut lower, mut upper) = (self.lower.clone(), self.upper.clone());
        for shares in self.shares.iter().zip(members).filter(|&(_, &is)| is).map(|(s, _)| s) {
            for &(slot, lower_share, upper_share) in shares {
                lower[slot] += lower_share;
                upper[slot] += upper_share;
            }
        }
        (lower, upper)
    }
}

/// What the solver measures in. Its tolerances are absolute, so they would mean nothing where all
/// numbers are tiny.
#[derive(Debug, Clone, Copy)]
struct Units {
    quantity: f64,
    price: f64,
}

impl Units {
    /// Steps of 1,024, which round nothing and leave ordinary numbers as they are.
    fn of(program: &Program, columns: &Moves, rows: &Moves) -> Self {
        let shares = columns.shares.iter().chain(&rows.shares).flatten();
        Self {
            quantity: usual(shares.flat_map(|&(_, lower, upper)| [lower, upper])),
            price: usual(program.cost.iter().copied()),
        }
    }

    fn shrink(self, (mut lower, mut upper): (Vec<f64>, Vec<f64>)) -> (Vec<f64>, Vec<f64>) {
        lower.iter_mut().chain(&mut upper).for_each(|bound| *bound /= self.quantity);
        (lower, upper)
    }

    fn restore(self, solution: &mut Solution) {
        solution.objective *= self.quantity * self.price;
        solution.bound *= self.quantity * self.price;
        solution.columns.iter_mut().for_each(|value| *value *= self.quantity);
        let duals = solution.row_duals.iter_mut().chain(&mut solution.column_duals);
        duals.for_each(|price| *price *= self.price);
    }
}

/// The power of 1,024 that is nearest to the geometric mean of all but zeros.
fn usual(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers
        .filter(|&number| number != 0.0)
        .fold((0.0, 0.0_f64), |(sum, count), number| (sum + number.abs().log2(), count + 1.0));
    (10.0 * (sum / count.max(1.0) / 10.0).round()).exp2()
}

/// A linear production game.
#[derive(Debug)]
pub struct LinearProductionGame {
    program: Program,
    /// What each player costs whatever the others do.
    own_cost: Vec<f64>,
    columns: Moves,
    rows: Moves,
    units: Units,
    /// 1 where the program minimises a cost, -1 where its objective is minus a gain.
    sign: f64,
    /// The optimal basis of the grand coalition.
    start: Option<Basis>,
    /// The program as a network that starts from there, if it is one.
    network: Option<Network>,
    /// Solvers that wait for the next walker.
    idle: Mutex<Vec<Solver>>,
}

/// What solves the program of one coalition after the other.
#[derive(Debug)]
struct Solver {
    model: Model,
    network: Workspace,
}

impl LinearProductionGame {
    /// The cost game of a program, or the gain game of minus its objective.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when sizes do not fit or nobody costs something; [`Error::Solver`]
    /// when the program of everybody or that of nobody has no optimum; [`Error::Interrupted`].
    pub fn new(
        program: Program,
        own_cost: Vec<f64>,
        columns: Moves,
        rows: Moves,
        is_cost: bool,
        progress: &Progress,
    ) -> Result<Self> {
        check_sizes(&program, &own_cost, &columns, &rows)?;
        let sign = if is_cost { 1.0 } else { -1.0 };
        let idle = Mutex::default();
        let units = Units::of(&program, &columns, &rows);
        let (start, network) = (None, None);
        let mut game = Self { program, own_cost, columns, rows, units, sign, start, network, idle };
        let mut solver = game.take_solver();
        let n_players = game.own_cost.len();
        let everybody = vec![true; n_players];
        game.solve(&mut solver.model, &everybody, progress)?;
        let basis = solver.model.basis();
        game.set_bounds(&everybody, &mut solver.network);
        let cost: Vec<f64> = game.program.cost.iter().map(|cost| cost / units.price).collect();
        let bounds = (solver.network.lower.as_slice(), solver.network.upper.as_slice());
        game.network = Network::new(&cost, &game.program.rows, bounds, &basis);
        game.start = Some(basis);
        let nobody = game.solve(&mut solver.model, &vec![false; n_players], progress)?.objective;
        game.put_back(solver);
        let largest = game.program.cost.iter().fold(0.0_f64, |most, cost| most.max(cost.abs()));
        if nobody.abs() > ZERO * largest * game.units.quantity {
            return Err(Error::InvalidInput(format!(
                "without members the program is worth {nobody}, not 0"
            )));
        }
        Ok(game)
    }

    /// The value of a coalition, in the sense of the game.
    ///
    /// # Errors
    /// [`Error::Solver`] when its program has no optimum, or primal and dual differ;
    /// [`Error::Interrupted`].
    pub fn value(&self, members: &[bool], progress: &Progress) -> Result<f64> {
        let mut solver = self.take_solver();
        let value = self.value_by(&mut solver, members, progress);
        self.put_back(solver);
        value
    }

    fn value_by(&self, solver: &mut Solver, members: &[bool], progress: &Progress) -> Result<f64> {
        let mut cost = None;
        if let Some(network) = &self.network {
            self.set_bounds(members, &mut solver.network);
            let unit = self.units.quantity * self.units.price;
            cost = network.least_cost(&mut solver.network, progress)?.map(|cost| cost * unit);
        }
        let cost = match cost {
            Some(cost) => cost,
            None => self.solve(&mut solver.model, members, progress)?.objective,
        };
        Ok(self.sign * (cost + self.own(members)))
    }

    /// Tells a network the bounds of columns and rows of a coalition.
    fn set_bounds(&self, members: &[bool], network: &mut Workspace) {
        let Workspace { lower, upper, .. } = network;
        let bounds = || self.program.column_bounds.iter().chain(&self.program.row_bounds);
        let unit = self.units.quantity;
        lower.clear();
        upper.clear();
        lower.extend(bounds().map(|bounds| bounds.0 / unit));
        upper.extend(bounds().map(|bounds| bounds.1 / unit));
        for (moves, from) in [(&self.columns, 0), (&self.rows, self.program.cost.len())] {
            let (low, high) = self.units.shrink(moves.at(members));
            for (slot, &place) in moves.places.iter().enumerate() {
                lower[from + place as usize] = low[slot];
                upper[from + place as usize] = high[slot];
            }
        }
    }

    /// The optimum of a coalition, with the duals that prove it.
    ///
    /// # Errors
    /// As [`LinearProductionGame::value`].
    pub fn optimum(&self, members: &[bool], progress: &Progress) -> Result<Solution> {
        let mut solver = self.take_solver();
        let solution = self.solve(&mut solver.model, members, progress);
        self.put_back(solver);
        solution
    }

    fn own(&self, members: &[bool]) -> f64 {
        self.own_cost.iter().zip(members).filter(|&(_, &is)| is).map(|(cost, _)| cost).sum()
    }

    fn solve(&self, model: &mut Model, members: &[bool], progress: &Progress) -> Result<Solution> {
        let (lower, upper) = self.units.shrink(self.columns.at(members));
        model.set_columns_bounds(&self.columns.places, &lower, &upper);
        let (lower, upper) = self.units.shrink(self.rows.at(members));
        model.set_rows_bounds(&self.rows.places, &lower, &upper);
        model.forget_basis();
        if let Some(start) = &self.start {
            model.set_basis(start);
        }
        let mut solution = model.solve(progress)?.optimal("the program of a coalition")?;
        self.units.restore(&mut solution);
        if solution.duality_error > DUALITY_TOLERANCE {
            return Err(Error::Solver {
                stage: "strong duality".to_owned(),
                status: format!("primal and dual differ by {:.2e}", solution.duality_error),
            });
        }
        Ok(solution)
    }

    fn take_solver(&self) -> Solver {
        let idle = self.idle_solvers().and_then(|mut solvers| solvers.pop());
        idle.unwrap_or_else(|| Solver {
            model: self.program.model(self.units),
            network: Workspace::default(),
        })
    }

    fn put_back(&self, solver: Solver) {
        if !solver.model.is_usable() {
            return;
        }
        if let Some(mut solvers) = self.idle_solvers() {
            solvers.push(solver);
        }
    }

    /// The solvers that wait, unless somebody else is at them: in a process that was forked at that
    /// moment they stay locked for ever, so nobody waits for the lock.
    fn idle_solvers(&self) -> Option<MutexGuard<'_, Vec<Solver>>> {
        match self.idle.try_lock() {
            Ok(solvers) => Some(solvers),
            Err(TryLockError::Poisoned(solvers)) => Some(solvers.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Program {
    fn model(&self, Units { quantity, price }: Units) -> Model {
        let mut model = Model::new();
        for (&cost, &(lower, upper)) in self.cost.iter().zip(&self.column_bounds) {
            model.add_column(cost / price, lower / quantity, upper / quantity);
        }
        for (entries, &(lower, upper)) in self.rows.iter().zip(&self.row_bounds) {
            model.add_row(lower / quantity, upper / quantity, entries);
        }
        model
    }
}

fn check_sizes(program: &Program, own_cost: &[f64], columns: &Moves, rows: &Moves) -> Result<()> {
    let (n_columns, n_rows) = (program.cost.len(), program.rows.len());
    let inside = |places: &[i32], size: usize| {
        places.iter().all(|&place| usize::try_from(place).is_ok_and(|place| place < size))
    };
    let fits = program.column_bounds.len() == n_columns
        && program.row_bounds.len() == n_rows
        && program.rows.iter().flatten().all(|&(column, _)| column < n_columns)
        && inside(&columns.places, n_columns)
        && inside(&rows.places, n_rows)
        && [columns.shares.len(), rows.shares.len()] == [own_cost.len(); 2];
    if fits && !own_cost.is_empty() {
        return Ok(());
    }
    Err(Error::InvalidInput(format!(
        "a program of {n_columns} columns and {n_rows} rows, and shares of {} players, do not fit \
         each other",
        own_cost.len()
    )))
}

impl NativeGame for LinearProductionGame {
    fn n_players(&self) -> usize {
        self.own_cost.len()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        let members = vec![false; self.own_cost.len()];
        Box::new(ProgramWalker { game: self, solver: Some(self.take_solver()), members, progress })
    }
}

/// A coalition and a solver of its own. Where the program has no optimum, or is stopped before it is
/// found, the value is NaN.
struct ProgramWalker<'a> {
    game: &'a LinearProductionGame,
    solver: Option<Solver>,
    members: Vec<bool>,
    progress: &'a Progress,
}

impl Drop for ProgramWalker<'_> {
    fn drop(&mut self) {
        if let Some(solver) = self.solver.take() {
            self.game.put_back(solver);
        }
    }
}

impl Walker for ProgramWalker<'_> {
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
        let solver = self.solver.as_mut().filter(|solver| solver.model.is_usable());
        let Some(solver) = solver else { return f64::NAN };
        self.game.value_by(solver, &self.members, self.progress).unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumeration::tabulate;
    use crate::progress::Progress;

    /// Loads 5, -2 and 1 of three players; a unit costs 3 to buy and earns 1 when sold.
    pub(super) fn trade() -> LinearProductionGame {
        let program = Program {
            cost: vec![3.0, -1.0],
            column_bounds: vec![(0.0, f64::INFINITY); 2],
            row_bounds: vec![(0.0, 0.0)],
            rows: vec![vec![(0, 1.0), (1, -1.0)]],
        };
        let loads = [5.0, -2.0, 1.0];
        let none = Moves::new(vec![], (vec![], vec![]), (&[], &[]), 3).unwrap();
        let balance = Moves::new(vec![0], (vec![0.0], vec![0.0]), (&loads, &loads), 3).unwrap();
        LinearProductionGame::new(
            program,
            vec![0.0, 0.0, 0.5],
            none,
            balance,
            true,
            &Progress::new(),
        )
        .unwrap()
    }

    #[test]
    fn values_are_those_of_the_program() {
        let table = tabulate(&trade(), &Progress::new()).unwrap();
        assert_eq!(table, [0.0, 15.0, -2.0, 9.0, 3.5, 18.5, -0.5, 12.5]);
    }

    #[test]
    fn the_duals_price_what_members_bring() {
        let optimum = trade().optimum(&[true; 3], &Progress::new()).unwrap();
        assert_eq!((optimum.columns, optimum.row_duals), (vec![4.0, 0.0], vec![3.0]));
    }

    #[test]
    fn a_cost_that_nobody_brings_is_refused() {
        let mut program = trade().program;
        program.row_bounds = vec![(1.0, 1.0)];
        let none = Moves::new(vec![], (vec![], vec![]), (&[], &[]), 1).unwrap();
        let error = LinearProductionGame::new(
            program,
            vec![0.0],
            none.clone(),
            none,
            true,
            &Progress::new(),
        );
        assert_eq!(error.unwrap_err().to_string(), "without members the program is worth 3, not 0");
    }

    #[test]
    fn a_program_without_an_optimum_says_so() {
        let mut program = trade().program;
        program.column_bounds[0].1 = -1.0;
        let none = Moves::new(vec![], (vec![], vec![]), (&[], &[]), 1).unwrap();
        let error = LinearProductionGame::new(
            program,
            vec![0.0],
            none.clone(),
            none,
            true,
            &Progress::new(),
        );
        assert!(matches!(error, Err(Error::Solver { status, .. }) if status == "infeasible"));
    }
}
