//! The values of coalitions that are known already.

use std::sync::Mutex;

use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use sesgame_engine::coalition_values;
use sesgame_engine::error::Result;

use crate::arrays::matrix;
use crate::boundary::to_python;
use crate::checks;

type Vector<'py, T> = Bound<'py, PyArray1<T>>;
type Rows<'py> = Bound<'py, PyArray2<bool>>;

/// Values by coalition, in the order in which they became known.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct CoalitionValues {
    n_players: usize,
    known: Mutex<coalition_values::CoalitionValues>,
}

impl CoalitionValues {
    /// Work with the interpreter held, and not without it as elsewhere: who forks holds it, too, so
    /// that no process begins with the lock of a thread that it does not have.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut coalition_values::CoalitionValues) -> Result<T>,
    ) -> PyResult<T> {
        work(&mut self.known.lock().unwrap_or_else(|e| e.into_inner())).map_err(to_python)
    }

    /// The slots, once each is one that was given out.
    fn checked<'a>(&self, slots: &'a PyReadonlyArray1<'_, u32>) -> PyResult<&'a [u32]> {
        let given = self.with(|known| Ok(known.n_slots()))?;
        checks::indices("slots", slots.as_array().iter().map(|&slot| slot as usize), given)?;
        Ok(slots.as_slice()?)
    }
}

#[pymethods]
impl CoalitionValues {
    #[new]
    fn new(n_players: usize) -> PyResult<Self> {
        checks::players("n_players", n_players)?;
        let known = Mutex::new(coalition_values::CoalitionValues::new(n_players));
        Ok(Self { n_players, known })
    }

    fn __len__(&self) -> PyResult<usize> {
        self.with(|known| Ok(known.len()))
    }

    /// The slot of each row, and the first row of each coalition without a value.
    fn look_up<'py>(
        &self,
        py: Python<'py>,
        membership: PyReadonlyArray2<'py, bool>,
    ) -> PyResult<(Vector<'py, u32>, Vector<'py, isize>)> {
        checks::length("a row of membership", membership.shape()[1], self.n_players)?;
        let rows = membership.as_slice()?;
        let (slots, missing) = self.with(|known| known.look_up(rows, self.n_players))?;
        let missing: Vec<isize> = missing.into_iter().map(|row| row as isize).collect();
        Ok((slots.into_pyarray(py), missing.into_pyarray(py)))
    }

    fn learn(
        &self,
        slots: PyReadonlyArray1<'_, u32>,
        values: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<()> {
        checks::length("values", values.len(), slots.len())?;
        let (slots, values) = (self.checked(&slots)?, values.as_slice()?);
        self.with(|known| {
            known.learn(slots, values);
            Ok(())
        })
    }

    fn values<'py>(
        &self,
        py: Python<'py>,
        slots: PyReadonlyArray1<'py, u32>,
    ) -> PyResult<Vector<'py, f64>> {
        let slots = self.checked(&slots)?;
        Ok(self.with(|known| known.values(slots))?.into_pyarray(py))
    }

    /// Membership and values from the `first` on that became known.
    fn learned_since<'py>(
        &self,
        py: Python<'py>,
        first: usize,
    ) -> PyResult<(Rows<'py>, Vector<'py, f64>)> {
        let (rows, values) = self.with(|known| known.learned_since(first, self.n_players))?;
        Ok((matrix(py, rows, self.n_players), values.into_pyarray(py)))
    }
}
