//! The values of coalitions that are known already.

use std::sync::Mutex;

use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use sesgame_engine::coalition_values;

use crate::arrays::matrix;
use crate::boundary::detached;

type Vector<'py, T> = Bound<'py, PyArray1<T>>;
type Rows<'py> = Bound<'py, PyArray2<bool>>;

/// Values by coalition, in the order in which they became known.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct CoalitionValues {
    n_players: usize,
    known: Mutex<coalition_values::CoalitionValues>,
}

impl CoalitionValues {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut coalition_values::CoalitionValues) -> T + Send,
    ) -> PyResult<T> {
        detached(py, |_| Ok(work(&mut self.known.lock().unwrap_or_else(|e| e.into_inner()))))
    }
}

#[pymethods]
impl CoalitionValues {
    #[new]
    fn new(n_players: usize) -> Self {
        let known = Mutex::new(coalition_values::CoalitionValues::new(n_players));
        Self { n_players, known }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |known| known.len())
    }

    /// The slot of each row, and the first row of each coalition without a value.
    fn look_up<'py>(
        &self,
        py: Python<'py>,
        membership: PyReadonlyArray2<'py, bool>,
    ) -> PyResult<(Vector<'py, u32>, Vector<'py, isize>)> {
        assert_eq!(membership.shape()[1], self.n_players);
        let rows = membership.as_slice()?;
        let (slots, missing) = self.with(py, |known| known.look_up(rows, self.n_players))?;
        let missing: Vec<isize> = missing.into_iter().map(|row| row as isize).collect();
        Ok((slots.into_pyarray(py), missing.into_pyarray(py)))
    }

    fn learn(
        &self,
        py: Python<'_>,
        slots: PyReadonlyArray1<'_, u32>,
        values: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<()> {
        let (slots, values) = (slots.as_slice()?, values.as_slice()?);
        self.with(py, |known| known.learn(slots, values))
    }

    fn values<'py>(
        &self,
        py: Python<'py>,
        slots: PyReadonlyArray1<'py, u32>,
    ) -> PyResult<Vector<'py, f64>> {
        let slots = slots.as_slice()?;
        Ok(self.with(py, |known| known.values(slots))?.into_pyarray(py))
    }

    /// Membership and values from the `first` on that became known.
    fn learned_since<'py>(
        &self,
        py: Python<'py>,
        first: usize,
    ) -> PyResult<(Rows<'py>, Vector<'py, f64>)> {
        let (rows, values) = self.with(py, |known| known.learned_since(first, self.n_players))?;
        Ok((matrix(py, rows, self.n_players), values.into_pyarray(py)))
    }
}
