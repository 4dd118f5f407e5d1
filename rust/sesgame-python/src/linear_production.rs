//! Linear production games: a program whose bounds membership moves.

use std::sync::Arc;

use numpy::ndarray::s;
use numpy::{
    PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use sesgame_engine::game::NativeGame as _;
use sesgame_engine::linear_production::{self, Choice, Moves, Program, Question};

use crate::arrays::{by_row, owned};
use crate::boundary::{to_python, watched};
use crate::checks;
use crate::native_game::NativeGame;

/// A native game that also gives its optimum, its dual prices, and the coalition of largest excess.
#[pyclass(frozen, extends = NativeGame, module = "sesgame._engine")]
pub struct LinearProductionGame {
    game: Arc<linear_production::LinearProductionGame>,
}

/// Moved bounds as Python holds them: places (k), bounds (2, k), shares (2, k, n).
type MovedBounds<'py> =
    (PyReadonlyArray1<'py, i32>, PyReadonlyArray2<'py, f64>, PyReadonlyArray3<'py, f64>);

fn pairs(
    name: &str,
    bounds: &PyReadonlyArray2<'_, f64>,
    count: usize,
) -> PyResult<Vec<(f64, f64)>> {
    checks::shape(name, bounds.shape(), &[2, count])?;
    checks::numbers(name, bounds.as_array())?;
    Ok(bounds.as_array().columns().into_iter().map(|pair| (pair[0], pair[1])).collect())
}

fn moves(
    name: &str,
    (places, bounds, shares): &MovedBounds<'_>,
    n_places: usize,
    n_players: usize,
) -> PyResult<Moves> {
    let own = places.as_array();
    // What is negative is as good as too large.
    checks::indices(name, own.iter().map(|&place| place as u32 as usize), n_places)?;
    let (lower, upper) = pairs(name, bounds, places.len())?.into_iter().unzip();
    checks::shape(name, shares.shape(), &[2, places.len(), n_players])?;
    let shares = shares.as_array();
    let side = |side| shares.index_axis(numpy::ndarray::Axis(0), side).iter().copied().collect();
    let (lower_share, upper_share): (Vec<f64>, Vec<f64>) = (side(0), side(1));
    let places = owned(places)?;
    Moves::new(places, (lower, upper), (&lower_share, &upper_share), n_players).map_err(to_python)
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn linear_production_game(
    py: Python<'_>,
    cost: PyReadonlyArray1<'_, f64>,
    column_bounds: PyReadonlyArray2<'_, f64>,
    row_bounds: PyReadonlyArray2<'_, f64>,
    row_starts: PyReadonlyArray1<'_, i64>,
    row_columns: PyReadonlyArray1<'_, i64>,
    coefficients: PyReadonlyArray1<'_, f64>,
    own_cost: PyReadonlyArray1<'_, f64>,
    moved_columns: MovedBounds<'_>,
    moved_rows: MovedBounds<'_>,
    is_cost: bool,
) -> PyResult<Py<LinearProductionGame>> {
    let (n_columns, n_entries) = (cost.len(), row_columns.len());
    checks::finite("cost", cost.as_array())?;
    checks::finite("coefficients", coefficients.as_array())?;
    checks::finite("own_cost", own_cost.as_array())?;
    checks::players("the number of players", own_cost.len())?;
    checks::length("coefficients", coefficients.len(), n_entries)?;
    let places = row_columns.as_array();
    checks::indices("row_columns", places.iter().map(|&column| column as usize), n_columns)?;
    let starts: Vec<usize> = row_starts.as_array().iter().map(|&start| start as usize).collect();
    checks::starts("row_starts", &starts, n_entries)?;
    let entries: Vec<(usize, f64)> = row_columns
        .as_array()
        .iter()
        .zip(coefficients.as_array())
        .map(|(&column, &value)| (column as usize, value))
        .collect();
    let n_rows = starts.len() - 1;
    let rows = starts.windows(2).map(|ends| entries[ends[0]..ends[1]].to_vec()).collect();
    let program = Program {
        cost: owned(&cost)?,
        column_bounds: pairs("column_bounds", &column_bounds, n_columns)?,
        row_bounds: pairs("row_bounds", &row_bounds, n_rows)?,
        rows,
    };
    let own_cost = owned(&own_cost)?;
    let columns = moves("moved_columns", &moved_columns, n_columns, own_cost.len())?;
    let rows = moves("moved_rows", &moved_rows, n_rows, own_cost.len())?;
    let game = watched(py, None, |progress| {
        linear_production::LinearProductionGame::new(
            program, own_cost, columns, rows, is_cost, progress,
        )
    })?;
    let game = Arc::new(game);
    let native = NativeGame::from_shared(Arc::clone(&game) as _);
    Py::new(py, PyClassInitializer::from(native).add_subclass(LinearProductionGame { game }))
}

/// Optimal columns, reduced costs of columns, duals of rows.
type Optimum<'py> =
    (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);
/// Reduced costs of columns, duals of rows.
type Duals<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);
/// A coalition or None, the proved bound, the bound of the relaxation, whether the search ended.
type Answer<'py> = (Option<Bound<'py, PyArray1<bool>>>, f64, f64, bool);

impl LinearProductionGame {
    fn members(&self, members: &PyReadonlyArray1<'_, bool>) -> PyResult<Vec<bool>> {
        checks::length("members", members.len(), self.game.n_players())?;
        owned(members)
    }
}

#[pymethods]
impl LinearProductionGame {
    /// The optimal columns of a coalition, the reduced costs of columns, and the duals of rows.
    fn optimum<'py>(
        &self,
        py: Python<'py>,
        members: PyReadonlyArray1<'py, bool>,
    ) -> PyResult<Optimum<'py>> {
        let members = self.members(&members)?;
        let solution = watched(py, None, |progress| self.game.optimum(&members, progress))?;
        Ok((
            PyArray1::from_vec(py, solution.columns),
            PyArray1::from_vec(py, solution.column_duals),
            PyArray1::from_vec(py, solution.row_duals),
        ))
    }

    /// The rates at which the cost of a coalition changes with what players bring, a row of
    /// weights for each direction.
    fn cost_rates<'py>(
        &self,
        py: Python<'py>,
        members: PyReadonlyArray1<'py, bool>,
        directions: PyReadonlyArray2<'py, f64>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let members = self.members(&members)?;
        checks::length("a direction", directions.shape()[1], self.game.n_players())?;
        checks::finite("directions", directions.as_array())?;
        let directions: Vec<Vec<f64>> =
            directions.as_array().rows().into_iter().map(|row| row.to_vec()).collect();
        let rates = watched(py, report, |progress| {
            let mut face = self.game.dual_face(&members, progress)?;
            progress.set_total(directions.len() as u64);
            let mut rates = Vec::with_capacity(directions.len());
            for direction in &directions {
                rates.push(face.rate(direction, progress)?);
                progress.advance(1)?;
            }
            Ok(rates)
        })?;
        Ok(PyArray1::from_vec(py, rates))
    }

    /// Of all reduced costs and duals that prove the optimum of a coalition those under which
    /// players with these weights pay most.
    fn extreme_duals<'py>(
        &self,
        py: Python<'py>,
        members: PyReadonlyArray1<'py, bool>,
        weights: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Duals<'py>> {
        checks::length("weights", weights.len(), self.game.n_players())?;
        checks::finite("weights", weights.as_array())?;
        let (members, weights) = (self.members(&members)?, owned(&weights)?);
        let solution = watched(py, None, |progress| {
            self.game.dual_face(&members, progress)?.extreme(&weights, progress)
        })?;
        Ok((
            PyArray1::from_vec(py, solution.column_duals),
            PyArray1::from_vec(py, solution.row_duals),
        ))
    }

    /// The same game in which the columns of one kind are zero, of each row (2, k) of two kinds.
    fn exclusive(
        &self,
        py: Python<'_>,
        choices: PyReadonlyArray3<'_, i64>,
    ) -> PyResult<Py<ExclusiveGame>> {
        let &[count, _, width] = choices.shape() else { unreachable!("it has three axes") };
        checks::shape("choices", choices.shape(), &[count, 2, width])?;
        let place = |&place: &i64| usize::try_from(place).unwrap_or(usize::MAX);
        let choices = choices.as_array();
        let kinds =
            |row| [0, 1].map(|kind| choices.slice(s![row, kind, ..]).iter().map(place).collect());
        let choices: Vec<Choice> = (0..count).map(kinds).collect();
        let relaxed = Arc::clone(&self.game);
        let game = watched(py, None, |progress| {
            linear_production::ExclusiveGame::new(relaxed, choices, progress)
        })?;
        let game = Arc::new(game);
        let native = NativeGame::from_shared(Arc::clone(&game) as _);
        Py::new(py, PyClassInitializer::from(native).add_subclass(ExclusiveGame { game }))
    }

    #[expect(clippy::too_many_arguments, reason = "the names are the interface")]
    fn most_violated<'py>(
        &self,
        py: Python<'py>,
        allocation: PyReadonlyArray1<'py, f64>,
        outside: PyReadonlyArray2<'py, i64>,
        level: f64,
        gap: f64,
        any_above: bool,
        max_seconds: f64,
    ) -> PyResult<Answer<'py>> {
        checks::length("allocation", allocation.len(), self.game.n_players())?;
        checks::finite("allocation", allocation.as_array())?;
        checks::length("a row of outside", outside.shape()[1], self.game.n_players())?;
        checks::numbers("level", [&level])?;
        checks::amounts("gap", [&gap])?;
        checks::limits("max_seconds", [&max_seconds])?;
        let allocation = owned(&allocation)?;
        let outside = by_row(&outside)?;
        let question = Question {
            allocation: &allocation,
            outside: &outside,
            level,
            gap,
            any_above,
            max_seconds,
        };
        let answer = watched(py, None, |progress| self.game.most_violated(&question, progress))?;
        let members = answer.members.map(|members| PyArray1::from_vec(py, members));
        Ok((members, answer.bound, answer.relaxation, answer.finished))
    }
}

/// A linear production game in which the columns of one kind of each choice are zero.
#[pyclass(frozen, extends = NativeGame, module = "sesgame._engine")]
pub struct ExclusiveGame {
    game: Arc<linear_production::ExclusiveGame>,
}

#[pymethods]
impl ExclusiveGame {
    /// The optimal columns of a coalition.
    fn optimum<'py>(
        &self,
        py: Python<'py>,
        members: PyReadonlyArray1<'py, bool>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        checks::length("members", members.len(), self.game.n_players())?;
        let members = owned(&members)?;
        let solution = watched(py, None, |progress| self.game.optimum(&members, progress))?;
        Ok(PyArray1::from_vec(py, solution.columns))
    }
}
