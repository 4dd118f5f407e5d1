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
use sesgame_engine::error::Result;
use sesgame_engine::game::NativeGame as _;
use sesgame_engine::memory::{self, Purpose};

use crate::arrays::{self, Column, by_row, column, owned};
use crate::boundary::{detached, to_python, watched};
use crate::checks;
use crate::native_game::NativeGame;

/// Constants, resources, caps, and which come after the kink before: one row for each step.
pub type Kinks<'py> = (
    PyReadonlyArray2<'py, f64>,
    PyReadonlyArray2<'py, i32>,
    PyReadonlyArray2<'py, i32>,
    PyReadonlyArray2<'py, bool>,
);

/// Energy, charge power, discharge power and initial charge of each member.
pub type Batteries<'py> = (
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
);

/// Two efficiencies, wear of charging and discharging, retention.
pub type Losses = (f64, f64, f64, f64, f64);

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
    let pools = Pools::read(&resources, &money, (&slopes, &kinks, &anchor), &batteries, losses)?;
    let caps = owned(&caps)?;
    let game = Arc::new(detached(py, |_| pools.game(caps))?);
    let native = NativeGame::from_shared(Arc::clone(&game) as _);
    Py::new(py, PyClassInitializer::from(native).add_subclass(ConvexDispatchGame { game }))
}

/// What a game of pools is made of, read from arrays of shapes that fit together.
pub struct Pools {
    n_resources: usize,
    series: Vec<f64>,
    holdings: Vec<Holding>,
    slopes: Vec<f64>,
    kinks: Vec<Kink>,
    anchors: Vec<usize>,
    losses: Losses,
}

/// Slopes and kinks of each step, and which of them is its anchor.
pub type Steps<'a, 'py> =
    (&'a PyReadonlyArray2<'py, f64>, &'a Kinks<'py>, &'a PyReadonlyArray1<'py, i32>);

impl Pools {
    pub fn read(
        resources: &PyReadonlyArray3<'_, f64>,
        money: &PyReadonlyArray1<'_, f64>,
        (slopes, kinks, anchor): Steps<'_, '_>,
        batteries: &Batteries<'_>,
        losses: Losses,
    ) -> PyResult<Self> {
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
        let (energy, charge, discharge, initial) = batteries;
        for (name, array) in [
            ("money", money),
            ("energy", energy),
            ("charge power", charge),
            ("discharge power", discharge),
            ("initial charge", initial),
        ] {
            checks::length(name, array.len(), n_players)?;
        }
        checks::players("resources", n_players)?;
        let anchors = owned(anchor)?.into_iter();
        let anchors = anchors.map(|at| usize::try_from(at).unwrap_or(usize::MAX)).collect();
        let mut series = memory::room(&[resources.len()], Purpose::Data).map_err(to_python)?;
        series.extend(resources.as_array().iter());
        let holding = |member: usize| Holding {
            energy: energy.as_array()[member],
            charge_power: charge.as_array()[member],
            discharge_power: discharge.as_array()[member],
            initial_charge: initial.as_array()[member],
            money: money.as_array()[member],
        };
        Ok(Self {
            n_resources,
            series,
            holdings: (0..n_players).map(holding).collect(),
            slopes: by_row(slopes)?,
            kinks: kinks_of(kinks)?,
            anchors,
            losses,
        })
    }

    pub fn game(&self, caps: Vec<f64>) -> Result<convex_pool::ConvexDispatchGame> {
        let (charging, discharging, charge_wear, discharge_wear, retention) = self.losses;
        let conversion = Conversion::new(charging, discharging, retention)?;
        let n_caps = caps.len();
        let costs =
            ExchangeCosts::new(&self.slopes, &self.kinks, &self.anchors, self.n_resources, n_caps)?;
        let wear = Wear { charge: charge_wear, discharge: discharge_wear };
        convex_pool::ConvexDispatchGame::new(
            costs,
            &self.series,
            &self.holdings,
            caps,
            conversion,
            wear,
        )
    }
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
        Ok(arrays::ranges(py, ranges))
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
        Ok(ConvexDispatch::new(py, schedule))
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
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct ConvexDispatch {
    cost: f64,
    state_of_charge: Column<f64>,
    charge: Column<f64>,
    discharge: Column<f64>,
    exchange_price: Column<f64>,
    resource_price: Py<PyArray2<f64>>,
    cap_price: Column<f64>,
    constant_cost: f64,
    capacity_price: Column<f64>,
    charge_power_price: Column<f64>,
    discharge_power_price: Column<f64>,
    initial_charge_price: f64,
}

impl ConvexDispatch {
    pub fn new(py: Python<'_>, found: ConvexSchedule) -> Self {
        let prices = found.prices;
        let n_steps = prices.exchange.len();
        Self {
            cost: found.cost,
            state_of_charge: column(py, found.state_of_charge),
            charge: column(py, found.charge),
            discharge: column(py, found.discharge),
            exchange_price: column(py, prices.exchange),
            resource_price: arrays::matrix(py, prices.resources, n_steps).unbind(),
            cap_price: column(py, prices.caps),
            constant_cost: prices.constants,
            capacity_price: column(py, prices.capacity),
            charge_power_price: column(py, prices.charge_power),
            discharge_power_price: column(py, prices.discharge_power),
            initial_charge_price: prices.initial_charge,
        }
    }
}
