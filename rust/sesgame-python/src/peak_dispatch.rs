//! The dispatch of pooled batteries under charges on the peaks of import.

use std::sync::Arc;

use numpy::{
    PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use sesgame_engine::dispatch::peak_game;
use sesgame_engine::dispatch::{Meter, PeakCharge, PeakCharges};
use sesgame_engine::game::NativeGame as _;

use crate::arrays::{self, Column, column, owned};
use crate::boundary::{detached, watched};
use crate::checks;
use crate::convex_dispatch::{Batteries, ConvexDispatch, Kinks, Losses, Pools};
use crate::native_game::NativeGame;

/// Price and steps of each charge.
type Charges<'py> = Vec<(f64, PyReadonlyArray1<'py, i64>)>;

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn peak_charged_game(
    py: Python<'_>,
    resources: PyReadonlyArray3<'_, f64>,
    money: PyReadonlyArray1<'_, f64>,
    slopes: PyReadonlyArray2<'_, f64>,
    kinks: Kinks<'_>,
    anchor: PyReadonlyArray1<'_, i32>,
    charges: Charges<'_>,
    meter: (usize, usize, f64),
    batteries: Batteries<'_>,
    losses: Losses,
) -> PyResult<Py<PeakChargedGame>> {
    let pools = Pools::read(&resources, &money, (&slopes, &kinks, &anchor), &batteries, losses)?;
    let charge = |(price, steps): &(f64, PyReadonlyArray1<'_, i64>)| {
        // What is negative is beyond every period.
        let place = |step: i64| usize::try_from(step).unwrap_or(usize::MAX);
        let steps = owned(steps)?.into_iter().map(place).collect();
        Ok(PeakCharge { price: *price, steps })
    };
    let charges = charges.iter().map(charge).collect::<PyResult<Vec<_>>>()?;
    let n_steps = anchor.len();
    let (net, gross, most_import) = meter;
    let game = detached(py, |_| {
        let charges = PeakCharges::new(&charges, n_steps)?;
        let game = pools.game(vec![0.0; charges.len()])?;
        peak_game::PeakChargedGame::new(game, charges, Meter { net, gross, most_import })
    })?;
    let game = Arc::new(game);
    let native = NativeGame::from_shared(Arc::clone(&game) as _);
    Py::new(py, PyClassInitializer::from(native).add_subclass(PeakChargedGame { game }))
}

/// A native game of pools that pay charges on their peaks.
#[pyclass(frozen, extends = NativeGame, module = "sesgame._engine")]
pub struct PeakChargedGame {
    pub game: Arc<peak_game::PeakChargedGame>,
}

impl PeakChargedGame {
    /// The sums of the members' rows.
    fn pool(&self, members: &PyReadonlyArray1<'_, bool>) -> PyResult<Vec<f64>> {
        checks::length("members", members.len(), self.game.n_players())?;
        Ok(self.game.sums(&owned(members)?))
    }
}

#[pymethods]
impl PeakChargedGame {
    #[pyo3(signature = (report=None))]
    fn bill_ranges<'py>(
        &self,
        py: Python<'py>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let ranges = watched(py, report, |progress| self.game.bill_ranges(progress))?;
        Ok(arrays::ranges(py, ranges))
    }

    /// The schedule of a coalition, and what proves it optimal.
    fn dispatch(
        &self,
        py: Python<'_>,
        members: PyReadonlyArray1<'_, bool>,
    ) -> PyResult<PeakChargedDispatch> {
        let sums = self.pool(&members)?;
        let found = detached(py, |progress| self.game.dispatch(&sums, progress))?;
        Ok(PeakChargedDispatch {
            schedule: Py::new(py, ConvexDispatch::new(py, found.schedule))?,
            caps: column(py, found.caps),
            shares: found.shares.into_iter().map(|share| column(py, share)).collect(),
            turnover: found.turnover,
        })
    }

    /// The step in which limits leave a coalition no dispatch.
    fn infeasible_step(
        &self,
        py: Python<'_>,
        members: PyReadonlyArray1<'_, bool>,
    ) -> PyResult<Option<usize>> {
        let sums = self.pool(&members)?;
        detached(py, |_| Ok(self.game.infeasible_step(&sums)))
    }

    /// What no dispatch of a coalition costs less than, by shares of the charges alone.
    fn least_cost(
        &self,
        py: Python<'_>,
        members: PyReadonlyArray1<'_, bool>,
        shares: Vec<PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<f64> {
        let sums = self.pool(&members)?;
        let shares = shares.iter().map(owned).collect::<PyResult<Vec<_>>>()?;
        detached(py, |_| self.game.least_cost(&sums, &shares))
    }

    #[getter]
    fn n_by_program(&self) -> u64 {
        self.game.n_by_program()
    }
}

/// The schedule of one pool that pays charges on its peaks, and what proves it optimal.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct PeakChargedDispatch {
    schedule: Py<ConvexDispatch>,
    caps: Column<f64>,
    shares: Vec<Column<f64>>,
    turnover: f64,
}
