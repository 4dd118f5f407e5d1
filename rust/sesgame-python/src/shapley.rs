//! Shapley value, Banzhaf value and other semivalues.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::coalition::players_of_table;
use sesgame_engine::error::{Error, Result};
use sesgame_engine::shapley::{exact, semivalue::Semivalue};

use crate::boundary::run;

/// The exact values of the semivalue that `choose` makes for the number of players of the table.
fn from_table<'py>(
    py: Python<'py>,
    table: &PyReadonlyArray1<'py, f64>,
    choose: impl FnOnce(usize) -> Result<Semivalue> + Send,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let length = table.len();
    let table = table.as_slice()?;
    let values = run(py, length, None, |progress| {
        let n_players = players_of_table(length).ok_or_else(|| {
            Error::InvalidInput(format!("a table has 2^n values for n = 1..30, not {length}"))
        })?;
        exact::semivalue(table, &choose(n_players)?, progress)
    })?;
    Ok(values.into_pyarray(py))
}

#[pyfunction]
pub fn shapley_value<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    from_table(py, &table, |n_players| Ok(Semivalue::shapley(n_players)))
}

#[pyfunction]
pub fn banzhaf_value<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    from_table(py, &table, |n_players| Ok(Semivalue::banzhaf(n_players)))
}

#[pyfunction]
pub fn semivalue<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'py, f64>,
    weights: Vec<f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    from_table(py, &table, |_| Semivalue::new(weights))
}
