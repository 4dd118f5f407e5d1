//! Core, least core and nucleolus.

use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sesgame_engine::coalition::Coalition;
use sesgame_engine::stability::excess::{self, Kind};

use crate::boundary;

/// `"gain"` or `"cost"` as the engine's own type.
pub struct KindName(Kind);

impl<'py> FromPyObject<'_, 'py> for KindName {
    type Error = PyErr;

    fn extract(name: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match name.extract::<&str>()? {
            "gain" => Ok(Self(Kind::Gain)),
            "cost" => Ok(Self(Kind::Cost)),
            other => Err(PyValueError::new_err(format!(
                "kind is {other:?}; it must be \"gain\" or \"cost\""
            ))),
        }
    }
}

/// The proper coalition that objects most and its excess; `None` for a single player.
#[pyfunction]
#[pyo3(signature = (table, kind, allocation, report=None))]
pub fn worst_coalition(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    allocation: PyReadonlyArray1<'_, f64>,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<(Coalition, f64)>> {
    let (table, allocation) = (table.as_slice()?, allocation.as_slice()?);
    let search = |progress: &_| excess::worst_coalition(table, kind.0, allocation, progress);
    if table.len() < WATCHED_LENGTH {
        boundary::detached(py, search)
    } else {
        boundary::watched(py, report, search)
    }
}

/// Tables from this length on take long enough for Ctrl-C and progress to be worth a thread.
const WATCHED_LENGTH: usize = 1 << 20;
