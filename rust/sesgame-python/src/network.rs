//! Markets on a network of lines.

use numpy::ndarray::s;
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::markets::network::{Line, Link, NetworkMarket, Order};

use crate::arrays::{Column, column, owned};
use crate::boundary::watched;
use crate::checks;

/// Orders, lines and demand of a network; validated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct NetworkColumns(NetworkMarket);

/// What a network market leads to: by order accepted, by bus shed and price, by line and by link flow, the cost,
/// by participant Clarke payments and what lacks without it.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct NetworkOutcome {
    accepted: Column<f64>,
    shed: Column<f64>,
    price: Column<f64>,
    flow: Column<f64>,
    link_flow: Column<f64>,
    cost: f64,
    payments: Column<f64>,
    pivotal: Column<f64>,
}

#[pymethods]
impl NetworkColumns {
    /// `line_ends` is (from, to) in two rows, `line_numbers` susceptance, lower, upper and shift;
    /// `link_ends` alike, `link_numbers` lower, upper and loss.
    #[new]
    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    fn new(
        n_participants: usize,
        participant: PyReadonlyArray1<'_, usize>,
        bus: PyReadonlyArray1<'_, usize>,
        is_bid: PyReadonlyArray1<'_, bool>,
        price: PyReadonlyArray1<'_, f64>,
        quantity: PyReadonlyArray1<'_, f64>,
        must_run: PyReadonlyArray1<'_, bool>,
        line_ends: PyReadonlyArray2<'_, usize>,
        line_numbers: PyReadonlyArray2<'_, f64>,
        link_ends: PyReadonlyArray2<'_, usize>,
        link_numbers: PyReadonlyArray2<'_, f64>,
        demand: PyReadonlyArray1<'_, f64>,
        injection: PyReadonlyArray1<'_, f64>,
        value_of_lost_load: f64,
    ) -> PyResult<Self> {
        let (n_orders, n_buses, n_lines) = (price.len(), demand.len(), line_ends.shape()[1]);
        checks::participants(n_participants)?;
        checks::length("participant", participant.len(), n_orders)?;
        checks::length("bus", bus.len(), n_orders)?;
        checks::length("is_bid", is_bid.len(), n_orders)?;
        checks::length("quantity", quantity.len(), n_orders)?;
        checks::shape("line_ends", line_ends.shape(), &[2, n_lines])?;
        checks::length("must_run", must_run.len(), n_orders)?;
        checks::length("injection", injection.len(), n_buses)?;
        checks::shape("line_numbers", line_numbers.shape(), &[4, n_lines])?;
        let n_links = link_ends.shape()[1];
        checks::shape("link_ends", link_ends.shape(), &[2, n_links])?;
        checks::shape("link_numbers", link_numbers.shape(), &[3, n_links])?;
        let participants = participant.as_array();
        checks::indices("participant", participants.iter().copied(), n_participants)?;
        checks::indices("bus", bus.as_array().iter().copied(), n_buses)?;
        checks::indices("line_ends", line_ends.as_array().iter().copied(), n_buses)?;
        checks::indices("link_ends", link_ends.as_array().iter().copied(), n_buses)?;
        checks::finite("price", price.as_array())?;
        checks::amounts("quantity", quantity.as_array())?;
        checks::amounts("demand", demand.as_array())?;
        checks::finite("value_of_lost_load", [&value_of_lost_load])?;
        checks::finite("a susceptance", line_numbers.as_array().row(0))?;
        checks::numbers("a limit", line_numbers.as_array().slice(s![1..3, ..]))?;
        checks::finite("a shift", line_numbers.as_array().row(3))?;
        checks::finite("link_numbers", link_numbers.as_array())?;
        checks::finite("injection", injection.as_array())?;
        let (participant, bus) = (participant.as_array(), bus.as_array());
        let (is_bid, price, quantity) = (is_bid.as_array(), price.as_array(), quantity.as_array());
        let must_run = must_run.as_array();
        let orders = (0..price.len())
            .map(|k| Order {
                participant: participant[k],
                bus: bus[k],
                is_bid: is_bid[k],
                price: price[k],
                quantity: quantity[k],
                must_run: must_run[k],
            })
            .collect();
        let (ends, numbers) = (line_ends.as_array(), line_numbers.as_array());
        let lines = (0..ends.ncols())
            .map(|k| Line {
                from: ends[[0, k]],
                to: ends[[1, k]],
                susceptance: numbers[[0, k]],
                lower: numbers[[1, k]],
                upper: numbers[[2, k]],
                shift: numbers[[3, k]],
            })
            .collect();
        let (ends, numbers) = (link_ends.as_array(), link_numbers.as_array());
        let links = (0..ends.ncols())
            .map(|k| Link {
                from: ends[[0, k]],
                to: ends[[1, k]],
                lower: numbers[[0, k]],
                upper: numbers[[1, k]],
                loss: numbers[[2, k]],
            })
            .collect();
        Ok(Self(NetworkMarket {
            n_participants,
            orders,
            lines,
            links,
            demand: owned(&demand)?,
            injection: owned(&injection)?,
            value_of_lost_load,
        }))
    }

    /// The dispatch of least cost; Clarke payments are empty unless `clarke`.
    #[pyo3(signature = (clarke, report=None))]
    fn settle(
        &self,
        py: Python<'_>,
        clarke: bool,
        report: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<NetworkOutcome> {
        let (dispatch, payments, pivotal) = watched(py, report, |progress| {
            if clarke {
                let outcome = self.0.clarke(progress)?;
                Ok((outcome.dispatch, outcome.payments, outcome.pivotal))
            } else {
                Ok((self.0.clear(progress)?, Vec::new(), Vec::new()))
            }
        })?;
        Ok(NetworkOutcome {
            accepted: column(py, dispatch.accepted),
            shed: column(py, dispatch.shed),
            price: column(py, dispatch.price),
            flow: column(py, dispatch.flow),
            link_flow: column(py, dispatch.link_flow),
            cost: dispatch.cost,
            payments: column(py, payments),
            pivotal: column(py, pivotal),
        })
    }

    /// (members, welfare less utilities, bound on it) of the coalition that is best off alone.
    fn best_coalition(
        &self,
        py: Python<'_>,
        utility: PyReadonlyArray1<'_, f64>,
        time_limit: f64,
    ) -> PyResult<(Vec<bool>, f64, f64)> {
        checks::length("utility", utility.len(), self.0.n_participants)?;
        checks::finite("utility", utility.as_array())?;
        checks::limits("time_limit", [&time_limit])?;
        let utility = owned(&utility)?;
        watched(py, None, |progress| self.0.best_coalition(&utility, time_limit, progress))
    }
}
