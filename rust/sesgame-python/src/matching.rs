//! Matching markets: the best matching, the ends of the core and the nucleolus.

use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::games::AssignmentGame;
use sesgame_engine::markets::assignment::Worths;
use sesgame_engine::markets::matching_core::MatchingCore;

use crate::arrays::{Column, by_row, column};
use crate::boundary::{detached, to_python, watched};
use crate::checks;
use crate::native_game::NativeGame;

/// The column of each row, -1 where it has none, and the payoffs of rows and then of columns where the
/// core is best for the rows, and where it is best for the columns.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct MatchingOutcome {
    column_of: Column<i64>,
    best_for_rows: Column<f64>,
    best_for_columns: Column<f64>,
}

/// A matrix of worths: one row for each row. Validated in Python.
fn worths(worth: &PyReadonlyArray2<'_, f64>) -> PyResult<Worths> {
    checks::amounts("worth", worth.as_array())?;
    let [m, n] = [worth.shape()[0], worth.shape()[1]];
    Worths::new(by_row(worth)?, m, n).map_err(to_python)
}

fn columns_of(core: &MatchingCore) -> Vec<i64> {
    let index =
        |column: &Option<usize>| column.map_or(-1, |j| i64::try_from(j).unwrap_or(i64::MAX));
    core.column_of.iter().map(index).collect()
}

#[pyfunction]
pub fn best_matching(
    py: Python<'_>,
    worth: PyReadonlyArray2<'_, f64>,
) -> PyResult<MatchingOutcome> {
    let worths = worths(&worth)?;
    let (core, rows, columns) = watched(py, None, |progress| {
        let core = MatchingCore::new(&worths, progress)?;
        let ends = (core.best_for_rows(), core.best_for_columns());
        Ok((core, ends.0, ends.1))
    })?;
    Ok(MatchingOutcome {
        column_of: column(py, columns_of(&core)),
        best_for_rows: column(py, rows),
        best_for_columns: column(py, columns),
    })
}

/// (column of each row, payoffs of rows and then of columns, levels)
#[pyfunction]
#[pyo3(signature = (worth, report=None))]
pub fn matching_nucleolus(
    py: Python<'_>,
    worth: PyReadonlyArray2<'_, f64>,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Column<i64>, Column<f64>, Column<f64>)> {
    let worths = worths(&worth)?;
    let (core, nucleolus) = watched(py, report, |progress| {
        let core = MatchingCore::new(&worths, &progress.of_a_part())?;
        let nucleolus = core.nucleolus(progress)?;
        Ok((core, nucleolus))
    })?;
    let (payoffs, levels) = (nucleolus.payoffs, nucleolus.levels);
    Ok((column(py, columns_of(&core)), column(py, payoffs), column(py, levels)))
}

#[pyfunction]
pub fn assignment_game(py: Python<'_>, worth: PyReadonlyArray2<'_, f64>) -> PyResult<NativeGame> {
    let worths = worths(&worth)?;
    detached(py, |_| Ok(NativeGame::new(AssignmentGame::new(worths))))
}
