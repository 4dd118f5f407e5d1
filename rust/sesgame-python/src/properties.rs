//! What kind of game a table is.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use sesgame_engine::coalition::Coalition;
use sesgame_engine::error::Result;
use sesgame_engine::progress::Progress;
use sesgame_engine::properties::{self, Ends as EngineEnds};
use sesgame_engine::stability::total_balance;

use crate::boundary::watched;
use crate::checks;
use crate::stability::KindName;

type Table<'py> = PyReadonlyArray1<'py, f64>;
type Report<'a, 'py> = Option<&'a Bound<'py, PyAny>>;
/// By how much, and the two coalitions; or nothing.
type Witness = Option<(f64, Coalition, Coalition)>;
/// The witnesses below and above 0.
type Ends = (Witness, Witness);
/// The least and the greatest contribution of each player, and the ends of all.
type Marginals<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Ends);

fn ends(ends: EngineEnds) -> Ends {
    let witness = |found: properties::Witness| (found.amount, found.first, found.second);
    (ends.below.map(witness), ends.above.map(witness))
}

/// Runs one of the passes that look for both ends of a difference.
fn pass(
    py: Python<'_>,
    table: &Table<'_>,
    slack: f64,
    report: Report<'_, '_>,
    find: impl FnOnce(&[f64], f64, &Progress) -> Result<EngineEnds> + Send,
) -> PyResult<Ends> {
    let table = table.as_slice()?;
    watched(py, report, |progress| find(table, slack, progress)).map(ends)
}

/// Both ends of `v(S + i + j) - v(S + j) - v(S + i) + v(S)`.
#[pyfunction]
#[pyo3(signature = (table, slack, report=None))]
pub fn convexity(
    py: Python<'_>,
    table: Table<'_>,
    slack: f64,
    report: Report<'_, '_>,
) -> PyResult<Ends> {
    pass(py, &table, slack, report, properties::convexity)
}

/// Both ends of `v(S + T) - v(S) - v(T)` over coalitions without a common member.
#[pyfunction]
#[pyo3(signature = (table, slack, report=None))]
pub fn additivity(
    py: Python<'_>,
    table: Table<'_>,
    slack: f64,
    report: Report<'_, '_>,
) -> PyResult<Ends> {
    pass(py, &table, slack, report, properties::additivity)
}

/// Both ends of `v(N) - v(S) - v(N - S)`.
#[pyfunction]
#[pyo3(signature = (table, slack, report=None))]
pub fn complements(
    py: Python<'_>,
    table: Table<'_>,
    slack: f64,
    report: Report<'_, '_>,
) -> PyResult<Ends> {
    pass(py, &table, slack, report, properties::complements)
}

/// The ranges of the marginal contributions, and both ends of them beyond the offsets.
#[pyfunction]
#[pyo3(signature = (table, offsets, slack, report=None))]
pub fn marginals<'py>(
    py: Python<'py>,
    table: Table<'py>,
    offsets: Vec<f64>,
    slack: f64,
    report: Report<'_, 'py>,
) -> PyResult<Marginals<'py>> {
    let table = table.as_slice()?;
    let found =
        watched(py, report, |progress| properties::marginals(table, &offsets, slack, progress))?;
    let least: Vec<f64> = found.ranges.iter().map(|range| range.least).collect();
    let greatest: Vec<f64> = found.ranges.iter().map(|range| range.greatest).collect();
    Ok((least.into_pyarray(py), greatest.into_pyarray(py), ends(found.ends)))
}

/// The classes of symmetric players.
#[pyfunction]
#[pyo3(signature = (table, slack, report=None))]
pub fn symmetric_players(
    py: Python<'_>,
    table: Table<'_>,
    slack: f64,
    report: Report<'_, '_>,
) -> PyResult<Vec<Vec<usize>>> {
    let table = table.as_slice()?;
    watched(py, report, |progress| properties::symmetric_players(table, slack, progress))
}

/// The first coalition whose own game has an empty core.
#[pyfunction]
#[pyo3(signature = (table, kind, accuracy, report=None))]
pub fn first_without_core(
    py: Python<'_>,
    table: Table<'_>,
    kind: KindName,
    accuracy: f64,
    report: Report<'_, '_>,
) -> PyResult<Option<Coalition>> {
    checks::finite("table", table.as_array())?;
    checks::amounts("accuracy", [&accuracy])?;
    let table = table.as_slice()?;
    watched(py, report, |progress| {
        total_balance::first_without_core(table, kind.0, accuracy, progress)
    })
}
