//! The dispatch of pooled batteries under any convex cost of their exchange.

use std::sync::Arc;

use numpy::ndarray::Array2;
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use sesgame_engine::dispatch::bill_range::bill_ranges;
use sesgame_engine::dispatch::convex_pool::{self, Holding, Workspace};
use sesgame_engine::dispatch::convex_schedule::ConvexSchedule;
use sesgame_engine::dispatch::{Conversion, ExchangeCosts, Kink, Wear};
use sesgame_engine::game::NativeGame as _;
use sesgame_engine::memory::{self, Purpose};

use crate::arrays::{by_row, owned};
use crate::boundary::{detached, to_python, watched};
use crate::checks;
use crate::native_game::NativeGame;

/// Constants, resources, caps, and which come after the kink before: one row for each step.
type Kinks<'py> = (
    PyReadonlyArray2<'py, f64>,
    PyReadonlyArray2<'py, i32>,
    PyReadonlyArray2<'py, i32>,
    PyReadonlyArray2<'py, bool>,
);

/// Energy, charge power, discharge power and initial charge of each member.
type Batteries<'py> = (
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
);

/// Two efficiencies, wear of charging and discharging, retention.
type Losses = (f64, f64, f64, f64, f64);

/// Costs, and a row of slopes for each.
type CostsAndSlopes<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>);

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn convex_dispatch_game(
    py: Python<'_>,
    resources: PyReadonlyArray3<'_, f64>,
    money: PyReadonlyArray1<'_, f64>,
    slopes: PyReadonlyArray2<'_, f64>,
    kinks: Kinks<'_>,
    anchor: PyReadonlyArray1<'_, i32>,
    caps: PyReadonlyArray1<'_, f64>,
    batteries: Batteries<'_>,
    losses: Losses,
) -> PyResult<Py<ConvexDispatchGame>> {
    let &[n_players, n_resources, n_steps] = resources.shape() else { unreachable!("a cube") };
    let width = kinks.0.shape()[1];
    checks::length("anchor", anchor.len(), n_steps)?;
    checks::shape("slopes", slopes.shape(), &[n_steps, width + 1])?;
    for (name, shape) in [
        ("constant", kinks.0.shape()),
        ("resource", kinks.1.shape()),
        ("cap", kinks.2.shape()),
        ("after", kinks.3.shape()),
    ] {
        checks::shape(name, shape, &[n_steps, width])?;
    }
    let (energy, charge, discharge, initial) = &batteries;
    for (name, array) in [
        ("money", &money),
        ("energy", energy),
        ("charge power", charge),
        ("discharge power", discharge),
        ("initial charge", initial),
    ] {
        checks::length(name, array.len(), n_players)?;
    }
    checks::players("resources", n_players)?;
    let anchors = owned(&anchor)?.into_iter().map(|at| usize::try_from(at).unwrap_or(usize::MAX));
    let anchors: Vec<usize> = anchors.collect();
    let kinks = kinks_of(&kinks)?;
    let slopes = by_row(&slopes)?;
    let mut series = memory::room(&[resources.len()], Purpose::Data).map_err(to_python)?;
    series.extend(resources.as_array().iter());
    let holdings: Vec<Holding> = (0..n_players)
        .map(|member| Holding {
            energy: energy.as_array()[member],
            charge_power: charge.as_array()[member],
            discharge_power: discharge.as_array()[member],
            initial_charge: initial.as_array()[member],
            money: money.as_array()[member],
        })
        .collect();
    let (n_caps, caps) = (caps.len(), owned(&caps)?);
    let game = detached(py, |_| {
        let (charging, discharging, charge_wear, discharge_wear, retention) = losses;
        let conversion = Conversion::new(charging, discharging, retention)?;
        let costs = ExchangeCosts::new(&slopes, &kinks, &anchors, n_resources, n_caps)?;
        let wear = Wear { charge: charge_wear, discharge: discharge_wear };
        convex_pool::ConvexDispatchGame::new(costs, &series, &holdings, caps, conversion, wear)
    })?;
    let game = Arc::new(game);
    let native = NativeGame::from_shared(Arc::clone(&game) as _);
    Py::new(py, PyClassInitializer::from(native).add_subclass(ConvexDispatchGame { game }))
}

/// The kinks of all steps; a negative number stands for no resource and no cap.
fn kinks_of((constant, resource, cap, after): &Kinks<'_>) -> PyResult<Vec<Kink>> {
    let mut kinks = memory::room(&[constant.len()], Purpose::Data).map_err(to_python)?;
    let (constant, resource, cap) = (constant.as_array(), resource.as_array(), cap.as_array());
    let rows = constant.iter().zip(resource.iter()).zip(cap.iter()).zip(after.as_array());
    kinks.extend(rows.map(|(((&constant, &resource), &cap), &after_previous)| Kink {
        constant,
        resource: u32::try_from(resource).ok(),
        cap: u32::try_from(cap).ok(),
        after_previous,
    }));
    Ok(kinks)
}

/// A native game that also tells schedules, prices, and what caps are worth.
#[pyclass(frozen, extends = NativeGame, module = "sesgame._engine")]
pub struct ConvexDispatchGame {
    pub game: Arc<convex_pool::ConvexDispatchGame>,
}

impl ConvexDispatchGame {
    /// The sums of the members' rows, and the caps.
    fn pool(
        &self,
        members: &PyReadonlyArray1<'_, bool>,
        caps: Option<&PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<(Vec<f64>, Vec<f64>)> {
        checks::length("members", members.len(), self.game.n_players())?;
        let caps = match caps {
            None => self.game.caps().to_vec(),
            Some(caps) => {
                checks::length("caps", caps.len(), self.game.caps().len())?;
                let caps = owned(caps)?;
                checks::finite("caps", &caps)?;
                caps
            }
        };
        Ok((self.game.sums(&owned(members)?), caps))
    }
}

#[pymethods]
impl ConvexDispatchGame {
    #[pyo3(signature = (report=None))]
    fn bill_ranges<'py>(
        &self,
        py: Python<'py>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let ranges = watched(py, report, |progress| bill_ranges(self.game.as_ref(), progress))?;
        let ranges: Vec<[f64; 2]> = ranges.into_iter().map(|(low, high)| [low, high]).collect();
        Ok(PyArray2::from_owned_array(py, ranges.into()))
    }

    /// The schedule of a coalition, and the prices that prove it optimal.
    #[pyo3(signature = (members, caps=None))]
    fn dispatch(
        &self,
        py: Python<'_>,
        members: PyReadonlyArray1<'_, bool>,
        caps: Option<PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<ConvexDispatch> {
        let (sums, caps) = self.pool(&members, caps.as_ref())?;
        let schedule = detached(py, |_| self.game.schedule(&sums, &caps))?;
        Ok(ConvexDispatch { schedule })
    }

    /// The step in which limits leave a coalition no dispatch.
    #[pyo3(signature = (members, caps=None))]
    fn infeasible_step(
        &self,
        py: Python<'_>,
        members: PyReadonlyArray1<'_, bool>,
        caps: Option<PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<Option<usize>> {
        let (sums, caps) = self.pool(&members, caps.as_ref())?;
        detached(py, |_| Ok(self.game.infeasible_step(&sums, &caps, &mut Workspace::new())))
    }

    /// The costs of a coalition at rows of caps, and a subgradient of each in the caps.
    fn at_caps<'py>(
        &self,
        py: Python<'py>,
        members: PyReadonlyArray1<'py, bool>,
        caps: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<CostsAndSlopes<'py>> {
        let (sums, own) = self.pool(&members, None)?;
        checks::length("a row of caps", caps.shape()[1], own.len())?;
        let (rows, caps) = (caps.shape()[0], by_row(&caps)?);
        checks::finite("caps", &caps)?;
        let (costs, gradients) = watched(py, None, |progress| {
            let mut work = Workspace::new();
            let mut costs = memory::zeros(&[rows], Purpose::Data)?;
            let mut gradients = memory::zeros(&[caps.len()], Purpose::Data)?;
            for (row, cost) in costs.iter_mut().enumerate() {
                progress.advance(1)?;
                let range = row * own.len()..(row + 1) * own.len();
                let gradient = &mut gradients[range.clone()];
                *cost = self.game.cost_and_gradient(&sums, &caps[range], &mut work, gradient);
            }
            Ok((costs, gradients))
        })?;
        let gradients = Array2::from_shape_vec((rows, own.len()), gradients).expect("whole rows");
        Ok((costs.into_pyarray(py), gradients.into_pyarray(py)))
    }
}

/// The schedule of one pool, and the prices that prove it optimal.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct ConvexDispatch {
    schedule: ConvexSchedule,
}

#[pymethods]
impl ConvexDispatch {
    #[getter]
    fn cost(&self) -> f64 {
        self.schedule.cost
    }

    #[getter]
    fn state_of_charge<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.state_of_charge)
    }

    #[getter]
    fn charge<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.charge)
    }

    #[getter]
    fn discharge<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.discharge)
    }

    #[getter]
    fn exchange_price<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.prices.exchange)
    }

    #[getter]
    fn resource_price<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        let prices = &self.schedule.prices;
        crate::arrays::matrix(py, prices.resources.clone(), prices.exchange.len())
    }

    #[getter]
    fn cap_price<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.prices.caps)
    }

    #[getter]
    fn constant_cost(&self) -> f64 {
        self.schedule.prices.constants
    }

    #[getter]
    fn capacity_price<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.prices.capacity)
    }

    #[getter]
    fn charge_power_price<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.prices.charge_power)
    }

    #[getter]
    fn discharge_power_price<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.schedule.prices.discharge_power)
    }

    #[getter]
    fn initial_charge_price(&self) -> f64 {
        self.schedule.prices.initial_charge
    }
}
