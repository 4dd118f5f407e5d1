//! The master program of row generation with a separation oracle that lives in Python.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::stability::master;

use crate::boundary;
use crate::checks;
use crate::stability::KindName;

/// A lexicographic program to which Python adds coalitions.
#[pyclass(module = "sesgame._engine")]
pub struct LexicographicMaster {
    master: master::Master,
    n_players: usize,
}

/// Excess; flags of the coalitions, row by row; their weights; their values; bounds.
type Stage<'py> = (
    f64,
    Bound<'py, PyArray1<bool>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Vec<(usize, f64)>,
);

#[pymethods]
impl LexicographicMaster {
    #[new]
    fn new(
        py: Python<'_>,
        kind: KindName,
        grand: f64,
        alone: PyReadonlyArray1<'_, f64>,
        without: PyReadonlyArray1<'_, f64>,
        individually_rational: bool,
        accuracy: f64,
    ) -> PyResult<Self> {
        checks::finite("grand", [&grand])?;
        checks::finite("alone", alone.as_array())?;
        checks::finite("without", without.as_array())?;
        checks::amounts("accuracy", [&accuracy])?;
        let (alone, without) = (alone.as_slice()?, without.as_slice()?);
        let rational = individually_rational;
        let master = boundary::detached(py, |_| {
            master::Master::new(kind.0, grand, alone, without, rational, accuracy)
        })?;
        Ok(Self { master, n_players: alone.len() })
    }

    /// Solves the levels from `first` on: to the end, or down to the first below that of the
    /// highest excess.
    fn solve(&mut self, py: Python<'_>, first: usize, to_the_end: bool) -> PyResult<()> {
        boundary::watched(py, None, |progress| self.master.solve(first, to_the_end, progress))
    }

    /// Adds the coalitions that violate a level most: the first level to solve again, and how
    /// many were added.
    fn require(
        &mut self,
        py: Python<'_>,
        membership: PyReadonlyArray2<'_, bool>,
        values: PyReadonlyArray1<'_, f64>,
        tolerance: f64,
        limit: usize,
    ) -> PyResult<(Option<usize>, usize)> {
        checks::shape("membership", membership.shape(), &[values.len(), self.n_players])?;
        checks::finite("values", values.as_array())?;
        checks::amounts("tolerance", [&tolerance])?;
        let (flags, values) = (membership.as_slice()?, values.as_slice()?);
        let added =
            boundary::detached(py, |_| self.master.require(flags, values, tolerance, limit))?;
        Ok((added.first, added.rows))
    }

    /// Adds coalitions whether or not they violate a level; how many are new.
    fn include(
        &mut self,
        py: Python<'_>,
        membership: PyReadonlyArray2<'_, bool>,
        values: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<usize> {
        checks::shape("membership", membership.shape(), &[values.len(), self.n_players])?;
        checks::finite("values", values.as_array())?;
        let (flags, values) = (membership.as_slice()?, values.as_slice()?);
        boundary::detached(py, |_| self.master.include(flags, values))
    }

    /// The allocation nearest to a center at which no coalition named so far has an excess above a
    /// level, if there is any.
    fn nearest<'py>(
        &self,
        py: Python<'py>,
        center: PyReadonlyArray1<'py, f64>,
        level: f64,
    ) -> PyResult<Option<Bound<'py, PyArray1<f64>>>> {
        checks::length("center", center.len(), self.n_players)?;
        checks::finite("center", center.as_array())?;
        checks::finite("level", [&level])?;
        let center = center.as_slice()?;
        let found =
            boundary::watched(py, None, |progress| self.master.nearest(center, level, progress))?;
        Ok(found.map(|shares| shares.into_pyarray(py)))
    }

    fn stages<'py>(&self, py: Python<'py>) -> Vec<Stage<'py>> {
        self.master
            .stages()
            .into_iter()
            .map(|stage| {
                (
                    stage.excess,
                    stage.coalitions.into_pyarray(py),
                    stage.weights.into_pyarray(py),
                    stage.values.into_pyarray(py),
                    stage.bounds,
                )
            })
            .collect()
    }

    #[getter]
    fn allocation<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.master.allocation().into_pyarray(py)
    }

    #[getter]
    fn levels(&self) -> Vec<f64> {
        self.master.levels()
    }

    #[getter]
    fn bounded(&self) -> bool {
        self.master.bounded()
    }

    #[getter]
    fn tolerance(&self) -> f64 {
        self.master.tolerance()
    }

    #[getter]
    fn pivots(&self) -> u64 {
        self.master.pivots()
    }

    #[getter]
    fn pool_rows(&self) -> usize {
        self.master.pool_rows()
    }
}
