//! The built-in dispatch models.

use std::sync::Arc;

use numpy::{PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::dispatch::bill_range::{self, bill_ranges};
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::dispatch::schedule::dispatch;
use sesgame_engine::dispatch::{Battery, Conversion, Tariff, pooled_battery};
use sesgame_engine::error::{Error, Result};

use crate::arrays::{self, Column, by_row, column, owned};
use crate::boundary::{detached, watched};
use crate::checks;
use crate::native_game::NativeGame;

/// The rows of a matrix one after the other, after a look at its width.
fn rows(net_load: &PyReadonlyArray2<'_, f64>, n_steps: usize) -> PyResult<Vec<f64>> {
    checks::length("a row of net_load_kwh", net_load.shape()[1], n_steps)?;
    by_row(net_load)
}

#[pyfunction]
pub fn netting_game(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray2<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
) -> PyResult<NativeGame> {
    let (buy, sell) = (owned(&buy)?, owned(&sell)?);
    let net_load = rows(&net_load_kwh, buy.len())?;
    detached(py, |_| {
        Ok(NativeGame::new(NettingGame::new(net_load, Tariff::of_any_order(buy, sell)?)?))
    })
}

#[pyfunction]
#[pyo3(signature = (
    net_load_kwh, buy, sell, energy_kwh, power_kwh, charge_efficiency, discharge_efficiency,
    initial_charge_kwh, retention=1.0
))]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn pooled_battery_game(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray2<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
    energy_kwh: PyReadonlyArray1<'_, f64>,
    power_kwh: PyReadonlyArray1<'_, f64>,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    initial_charge_kwh: PyReadonlyArray1<'_, f64>,
    retention: f64,
) -> PyResult<Py<PooledBatteryGame>> {
    let (buy, sell) = (owned(&buy)?, owned(&sell)?);
    let net_load = rows(&net_load_kwh, buy.len())?;
    let batteries =
        batteries(&owned(&energy_kwh)?, &owned(&power_kwh)?, &owned(&initial_charge_kwh)?);
    let game = detached(py, |_| {
        let conversion = Conversion::new(charge_efficiency, discharge_efficiency, retention)?;
        let tariff = Tariff::new(buy, sell)?;
        pooled_battery::PooledBatteryGame::new(&net_load, tariff, &batteries?, conversion)
    })?;
    let game = Arc::new(game);
    let native = NativeGame::from_shared(Arc::clone(&game) as _);
    Py::new(py, PyClassInitializer::from(native).add_subclass(PooledBatteryGame { game }))
}

/// A native game that also tells between which bills each member's lies.
#[pyclass(frozen, extends = NativeGame, module = "sesgame._engine")]
pub struct PooledBatteryGame {
    game: Arc<pooled_battery::PooledBatteryGame>,
}

#[pymethods]
impl PooledBatteryGame {
    #[pyo3(signature = (report=None))]
    fn bill_ranges<'py>(
        &self,
        py: Python<'py>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let ranges = watched(py, report, |progress| bill_ranges(self.game.as_ref(), progress))?;
        Ok(arrays::ranges(py, ranges))
    }
}

/// Between which bills those of members lie who pool their batteries, from their meters as they are.
#[pyfunction]
#[pyo3(signature = (
    load_kwh, pv_kwh, total_kwh, buy, sell, energy_kwh, power_kwh, charge_efficiency,
    discharge_efficiency, initial_charge_kwh, report=None
))]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn pooled_bill_ranges<'py>(
    py: Python<'py>,
    load_kwh: PyReadonlyArray2<'py, f64>,
    pv_kwh: PyReadonlyArray2<'py, f64>,
    total_kwh: PyReadonlyArray1<'py, f64>,
    buy: PyReadonlyArray1<'py, f64>,
    sell: PyReadonlyArray1<'py, f64>,
    energy_kwh: PyReadonlyArray1<'py, f64>,
    power_kwh: PyReadonlyArray1<'py, f64>,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    initial_charge_kwh: PyReadonlyArray1<'py, f64>,
    report: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (buy, sell, total) = (owned(&buy)?, owned(&sell)?, owned(&total_kwh)?);
    let batteries =
        batteries(&owned(&energy_kwh)?, &owned(&power_kwh)?, &owned(&initial_charge_kwh)?);
    let (load, pv) = (load_kwh.as_array(), pv_kwh.as_array());
    let n_members = load.nrows();
    checks::shape("pv_kwh", pv.shape(), load.shape())?;
    checks::length("a row of load_kwh", load.ncols(), buy.len())?;
    checks::length("energy_kwh", energy_kwh.len(), n_members)?;
    let ranges = watched(py, report, |progress| {
        let conversion = Conversion::new(charge_efficiency, discharge_efficiency, 1.0)?;
        let tariff = Tariff::new(buy, sell)?;
        let net_load = |member: usize, net: &mut [f64]| {
            for (net, (load, pv)) in net.iter_mut().zip(load.row(member).iter().zip(pv.row(member)))
            {
                *net = load - pv;
            }
        };
        bill_range::pooled_bill_ranges(&tariff, conversion, &batteries?, &total, net_load, progress)
    })?;
    let ranges: Vec<[f64; 2]> = ranges.into_iter().map(|(low, high)| [low, high]).collect();
    Ok(PyArray2::from_owned_array(py, ranges.into()))
}

/// One battery for each member.
fn batteries(energy: &[f64], power: &[f64], initial_charge: &[f64]) -> Result<Vec<Battery>> {
    if energy.len() != power.len() || energy.len() != initial_charge.len() {
        return Err(Error::InvalidInput(format!(
            "there are {} energy capacities, {} powers and {} initial charges",
            energy.len(),
            power.len(),
            initial_charge.len()
        )));
    }
    let battery = |((&energy, &power), &initial_charge)| Battery { energy, power, initial_charge };
    Ok(energy.iter().zip(power).zip(initial_charge).map(battery).collect())
}

/// The schedule of one pool, and the prices that prove it optimal.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct PooledBatteryDispatch {
    cost: f64,
    state_of_charge: Column<f64>,
    charge: Column<f64>,
    discharge: Column<f64>,
    grid_import: Column<f64>,
    grid_export: Column<f64>,
    energy_price: Column<f64>,
    capacity_price: Column<f64>,
    power_price: Column<f64>,
    initial_charge_price: f64,
}

#[pyfunction]
#[pyo3(signature = (
    net_load_kwh, buy, sell, energy_kwh, power_kwh, charge_efficiency, discharge_efficiency,
    initial_charge_kwh, retention=1.0
))]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn pooled_battery_dispatch(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray1<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
    energy_kwh: f64,
    power_kwh: f64,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    initial_charge_kwh: f64,
    retention: f64,
) -> PyResult<PooledBatteryDispatch> {
    let (load, buy, sell) = (owned(&net_load_kwh)?, owned(&buy)?, owned(&sell)?);
    let battery =
        Battery { energy: energy_kwh, power: power_kwh, initial_charge: initial_charge_kwh };
    let found = detached(py, |_| {
        let conversion = Conversion::new(charge_efficiency, discharge_efficiency, retention)?;
        dispatch(&load, &Tariff::new(buy, sell)?, battery, conversion)
    })?;
    let prices = found.prices;
    Ok(PooledBatteryDispatch {
        cost: found.cost,
        state_of_charge: column(py, found.state_of_charge),
        charge: column(py, found.charge),
        discharge: column(py, found.discharge),
        grid_import: column(py, found.grid_import),
        grid_export: column(py, found.grid_export),
        energy_price: column(py, prices.energy),
        capacity_price: column(py, prices.capacity),
        power_price: column(py, prices.power),
        initial_charge_price: prices.initial_charge,
    })
}
