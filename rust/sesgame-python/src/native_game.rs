//! A game that stays in Rust, as Python sees it.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use sesgame_engine::shapley::{exact, native, semivalue::Semivalue};
use sesgame_engine::{enumeration, game, leave_one_out};

use crate::arrays::by_row;
use crate::boundary::watched;
use crate::checks;

/// Values, the bound of their error, and the method.
type ExactShares<'py> = (Bound<'py, PyArray1<f64>>, f64, &'static str);

/// Each player alone, all without each, and all together.
type LeaveOneOut<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, f64);

/// A handle on a native game; it is made by the functions that name a model.
#[pyclass(frozen, subclass, module = "sesgame._engine")]
pub struct NativeGame {
    game: Arc<dyn game::NativeGame>,
    /// What makes the same game again: a callable and its arguments, as pickle takes them.
    source: PyOnceLock<Py<PyTuple>>,
}

impl NativeGame {
    /// Wraps a game of the engine.
    pub fn new(game: impl game::NativeGame + 'static) -> Self {
        Self::from_shared(Arc::new(game))
    }

    /// Wraps a game that something else holds, too.
    pub fn from_shared(game: Arc<dyn game::NativeGame>) -> Self {
        Self { game, source: PyOnceLock::new() }
    }

    /// The game, to be held by another one, too.
    pub fn shared(&self) -> Arc<dyn game::NativeGame> {
        Arc::clone(&self.game)
    }

    /// The game of the engine.
    pub fn game(&self) -> &dyn game::NativeGame {
        self.game.as_ref()
    }
}

#[pymethods]
impl NativeGame {
    /// What makes the same game again, where somebody has said so.
    #[getter]
    fn source<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyTuple>> {
        self.source.get(py).map(|source| source.bind(py).clone())
    }

    /// Says what makes the same game again; the first word counts.
    fn made_by(&self, py: Python<'_>, source: Py<PyTuple>) {
        let _ = self.source.set(py, source);
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.source(py).ok_or_else(|| {
            PyTypeError::new_err("a native game of which nobody knows what it is made from")
        })
    }

    fn __copy__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __deepcopy__(this: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        this
    }

    #[getter]
    fn n_players(&self) -> usize {
        self.game.n_players()
    }

    #[pyo3(signature = (report=None))]
    fn tabulate<'py>(
        &self,
        py: Python<'py>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        watched(py, report, |progress| enumeration::tabulate(self.game.as_ref(), progress))
            .map(|table| table.into_pyarray(py))
    }

    fn values<'py>(
        &self,
        py: Python<'py>,
        membership: PyReadonlyArray2<'py, bool>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        checks::length("a row of membership", membership.shape()[1], self.game.n_players())?;
        let membership = by_row(&membership)?;
        watched(py, None, |progress| enumeration::values(self.game.as_ref(), &membership, progress))
            .map(|values| values.into_pyarray(py))
    }

    /// The values of each player alone, of all without each, and of all together.
    #[pyo3(signature = (report=None))]
    fn leave_one_out<'py>(
        &self,
        py: Python<'py>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<LeaveOneOut<'py>> {
        let found = watched(py, report, |progress| {
            leave_one_out::leave_one_out(self.game.as_ref(), progress)
        })?;
        Ok((found.alone.into_pyarray(py), found.without.into_pyarray(py), found.together))
    }

    /// The values of each player alone, and of all together.
    fn values_alone<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyArray1<f64>>, f64)> {
        let (alone, together) = watched(py, None, |progress| {
            leave_one_out::values_alone(self.game.as_ref(), progress)
        })?;
        Ok((alone.into_pyarray(py), together))
    }

    /// The semivalue with the given weights, from all coalitions without a table, and the largest
    /// absolute value of a coalition.
    #[pyo3(signature = (weights, report=None))]
    fn semivalue<'py>(
        &self,
        py: Python<'py>,
        weights: Vec<f64>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyArray1<f64>>, f64)> {
        let result = watched(py, report, |progress| {
            exact::semivalue_of_game(self.game.as_ref(), &Semivalue::new(weights)?, progress)
        })?;
        Ok((result.values.into_pyarray(py), result.scale))
    }

    /// The Shapley value without enumeration, where the game is structured.
    #[pyo3(signature = (report=None))]
    fn shapley_value_by_form<'py>(
        &self,
        py: Python<'py>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<ExactShares<'py>>> {
        let shares = watched(py, report, |progress| self.game.shapley_value(progress).transpose())?;
        Ok(shares.map(|shares| (shares.values.into_pyarray(py), shares.error, shares.method)))
    }

    /// The Shapley value, where it is within reach.
    #[pyo3(signature = (report=None))]
    fn shapley_value<'py>(
        &self,
        py: Python<'py>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<ExactShares<'py>>> {
        let shares =
            watched(py, report, |progress| native::shapley_value(self.game.as_ref(), progress))?;
        Ok(shares.map(|shares| (shares.values.into_pyarray(py), shares.error, shares.method)))
    }
}
