//! Storage that an operator rents to users.

use std::sync::Arc;

use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sesgame_engine::dispatch::storage_rental::{self, RentLevel, Supply};
use sesgame_engine::dispatch::{Conversion, Knot, Sizing, Tariff};

use crate::arrays::{Column, by_row, column, matrix, owned};
use crate::boundary::{detached, watched};
use crate::checks;

/// Users who may rent storage, and the terms for which they do.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct StorageUsers {
    users: Arc<storage_rental::StorageUsers>,
    n_steps: usize,
    n_terms: usize,
}

/// How much each user rents in each term at which rent.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct StorageDemand {
    users: Arc<storage_rental::StorageUsers>,
    demand: Vec<Vec<Knot>>,
    /// Where the knots of each user in each term begin and end.
    #[pyo3(get)]
    starts: Column<i64>,
    #[pyo3(get)]
    rent: Column<f64>,
    #[pyo3(get)]
    energy_kwh: Column<f64>,
    #[pyo3(get)]
    power_kwh: Column<f64>,
    #[pyo3(get)]
    size: Column<f64>,
    #[pyo3(get)]
    saved: Column<f64>,
}

/// What users do with storage of given sizes.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct StorageService {
    saved: Py<PyArray2<f64>>,
    least_held: Py<PyArray2<f64>>,
    most_held: Py<PyArray2<f64>>,
    least_change: Py<PyArray2<f64>>,
    largest_change: Py<PyArray2<f64>>,
    drawn: Py<PyArray2<f64>>,
    least_drawn: Py<PyArray2<f64>>,
    most_drawn: Py<PyArray2<f64>>,
}

/// Rents from the highest down, the profit of each, not a number where it is not known, and its bound.
type Levels<'py> =
    (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn storage_users(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray2<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
    starts: PyReadonlyArray1<'_, i64>,
    days: PyReadonlyArray1<'_, f64>,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    sizing: &str,
    factor: f64,
    most: f64,
) -> PyResult<StorageUsers> {
    let sizing = match sizing {
        "energy" => Sizing::Energy,
        "bundle" => Sizing::Bundle(factor),
        "both" => Sizing::Both(factor),
        _ => {
            return Err(PyValueError::new_err(format!(
                "sizing is {sizing:?}; it must be energy, bundle or both"
            )));
        }
    };
    let (buy, sell, days) = (owned(&buy)?, owned(&sell)?, owned(&days)?);
    let n_steps = buy.len();
    checks::length("a row of net_load_kwh", net_load_kwh.shape()[1], n_steps)?;
    let starts: Result<Vec<usize>, _> = owned(&starts)?.into_iter().map(usize::try_from).collect();
    let starts = starts.map_err(|_| PyValueError::new_err("starts holds a negative number"))?;
    let net_load = by_row(&net_load_kwh)?;
    let n_terms = starts.len();
    let users = detached(py, |_| {
        let conversion = Conversion::new(charge_efficiency, discharge_efficiency, 1.0)?;
        let tariff = Tariff::new(buy, sell)?;
        storage_rental::StorageUsers::new(
            net_load, &tariff, &starts, &days, conversion, sizing, most,
        )
    })?;
    Ok(StorageUsers { users: Arc::new(users), n_steps, n_terms })
}

#[pymethods]
impl StorageUsers {
    #[pyo3(signature = (report=None))]
    fn demand(&self, py: Python<'_>, report: Option<&Bound<'_, PyAny>>) -> PyResult<StorageDemand> {
        let demand = watched(py, report, |progress| self.users.demand(progress))?;
        let lengths = demand.iter().map(|knots| knots.len() as i64);
        let starts = std::iter::once(0).chain(lengths.scan(0, |end, length| {
            *end += length;
            Some(*end)
        }));
        let starts = column(py, starts.collect());
        let of = |number: fn(&Knot) -> f64| {
            column(py, demand.iter().flatten().map(number).collect::<Vec<f64>>())
        };
        Ok(StorageDemand {
            starts,
            rent: of(|knot| knot.rent),
            energy_kwh: of(|knot| knot.energy),
            power_kwh: of(|knot| knot.power),
            size: of(|knot| knot.size),
            saved: of(|knot| knot.saved),
            users: Arc::clone(&self.users),
            demand,
        })
    }

    #[pyo3(signature = (energy_kwh, power_kwh, report=None))]
    fn service(
        &self,
        py: Python<'_>,
        energy_kwh: PyReadonlyArray2<'_, f64>,
        power_kwh: PyReadonlyArray2<'_, f64>,
        report: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<StorageService> {
        checks::length("a row of energy_kwh", energy_kwh.shape()[1], self.n_terms)?;
        checks::shape("power_kwh", power_kwh.shape(), energy_kwh.shape())?;
        let (energy, power) = (by_row(&energy_kwh)?, by_row(&power_kwh)?);
        checks::amounts("energy_kwh", &energy)?;
        checks::amounts("power_kwh", &power)?;
        let found = watched(py, report, |progress| self.users.service(&energy, &power, progress))?;
        let by_step = |values: Vec<f64>| matrix(py, values, self.n_steps).unbind();
        Ok(StorageService {
            saved: matrix(py, found.saved, self.n_terms).unbind(),
            least_held: by_step(found.least_held),
            most_held: by_step(found.most_held),
            least_change: by_step(found.least_change),
            largest_change: by_step(found.largest_change),
            drawn: by_step(found.drawn),
            least_drawn: by_step(found.least_drawn),
            most_drawn: by_step(found.most_drawn),
        })
    }
}

#[pymethods]
impl StorageDemand {
    #[pyo3(signature = (energy_cost, power_cost, wear_cost, most_energy, report=None))]
    fn rent_levels<'py>(
        &self,
        py: Python<'py>,
        energy_cost: f64,
        power_cost: f64,
        wear_cost: f64,
        most_energy: f64,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Levels<'py>> {
        checks::amounts("a cost", &[energy_cost, power_cost, wear_cost])?;
        checks::limits("most_energy", &[most_energy])?;
        let supply = Supply { energy_cost, power_cost, wear_cost, most_energy };
        let levels =
            watched(py, report, |progress| self.users.rent_levels(&self.demand, supply, progress))?;
        let of = |number: fn(&RentLevel) -> f64| {
            levels.iter().map(number).collect::<Vec<f64>>().into_pyarray(py)
        };
        Ok((
            of(|level| level.rent),
            of(|level| level.profit.unwrap_or(f64::NAN)),
            of(|level| level.bound),
        ))
    }
}
