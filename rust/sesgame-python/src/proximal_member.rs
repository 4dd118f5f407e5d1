//! What members answer in a clearing by prices.

use std::sync::Arc;

use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::dispatch::Conversion;
use sesgame_engine::dispatch::proximal_member::{self, OwnBattery, Response};

use crate::arrays::{by_row, column, matrix, owned};
use crate::boundary::{to_python, watched};
use crate::checks;

/// Capacity, the most that a step draws and delivers, initial charge, both efficiencies, wear, and the
/// steps in which it is there.
type BatteryNumbers = ((f64, f64, f64, f64), (f64, f64), f64, (usize, usize));

/// The cost of a member as a function of its net exchange.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct ProximalMember(Arc<proximal_member::ProximalMember>);

#[pymethods]
impl ProximalMember {
    #[new]
    fn new(
        net_load_kwh: PyReadonlyArray1<'_, f64>,
        unused_kwh: PyReadonlyArray1<'_, f64>,
        batteries: Vec<BatteryNumbers>,
    ) -> PyResult<Self> {
        let battery = |(amounts, efficiencies, wear, steps): BatteryNumbers| {
            let (energy, charge, discharge, initial) = amounts;
            let conversion = Conversion::new(efficiencies.0, efficiencies.1, 1.0)?;
            let steps = steps.0..steps.1;
            Ok(OwnBattery { energy, charge, discharge, initial, conversion, wear, steps })
        };
        let batteries: sesgame_engine::error::Result<Vec<_>> =
            batteries.into_iter().map(battery).collect();
        let batteries = batteries.map_err(to_python)?;
        let (net_load, unused) = (owned(&net_load_kwh)?, owned(&unused_kwh)?);
        let member = proximal_member::ProximalMember::new(net_load, unused, &batteries);
        Ok(Self(Arc::new(member.map_err(to_python)?)))
    }

    /// The net exchange that is best near a target, and what it costs the member itself.
    #[pyo3(signature = (target, rho))]
    fn respond<'py>(
        &self,
        py: Python<'py>,
        target: PyReadonlyArray1<'py, f64>,
        rho: f64,
    ) -> PyResult<(Py<PyArray1<f64>>, f64)> {
        let target = owned(&target)?;
        let Response { exchange, own_cost } =
            watched(py, None, |progress| self.0.respond(&target, rho, progress))?;
        Ok((column(py, exchange), own_cost))
    }
}

/// What [`ProximalMember::respond`] gives of each, all at once: a row for each member.
#[pyfunction]
pub fn proximal_responses<'py>(
    py: Python<'py>,
    members: Vec<Py<ProximalMember>>,
    targets: PyReadonlyArray2<'py, f64>,
    rhos: PyReadonlyArray1<'py, f64>,
) -> PyResult<(Bound<'py, PyArray2<f64>>, Py<PyArray1<f64>>)> {
    let members: Vec<_> = members.iter().map(|member| Arc::clone(&member.get().0)).collect();
    let n_steps = members.first().map_or(1, |member| member.n_steps());
    checks::shape("targets", targets.shape(), &[members.len(), n_steps])?;
    checks::length("rhos", rhos.len(), members.len())?;
    for member in &members {
        checks::length("a member", member.n_steps(), n_steps)?;
    }
    let (targets, rhos) = (by_row(&targets)?, owned(&rhos)?);
    let found = watched(py, None, |progress| {
        let members: Vec<_> = members.iter().map(AsRef::as_ref).collect();
        proximal_member::responses(&members, &targets, &rhos, progress)
    })?;
    let costs = found.iter().map(|each| each.own_cost).collect();
    let exchange = found.into_iter().flat_map(|each| each.exchange).collect();
    Ok((matrix(py, exchange, n_steps), column(py, costs)))
}
