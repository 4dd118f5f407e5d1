//! Markets on a network of lines.

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use sesgame_engine::markets::balanced_core;
use sesgame_engine::markets::network::{Line, NetworkMarket, Order};

use crate::arrays::{Column, column, owned};
use crate::boundary::watched;

/// Orders, lines and demand of a network; validated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct NetworkColumns(NetworkMarket);

/// What a network market leads to: by order accepted, by bus shed and price, by line flow, the cost, by
/// participant Clarke payments and what lacks without it.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct NetworkOutcome {
    accepted: Column<f64>,
    shed: Column<f64>,
    price: Column<f64>,
    flow: Column<f64>,
    cost: f64,
    payments: Column<f64>,
    pivotal: Column<f64>,
}

#[pymethods]
impl NetworkColumns {
    /// `line_ends` is (from, to) in two rows, `line_numbers` susceptance and limit.
    #[new]
    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    fn new(
        n_participants: usize,
        participant: PyReadonlyArray1<'_, usize>,
        bus: PyReadonlyArray1<'_, usize>,
        is_bid: PyReadonlyArray1<'_, bool>,
        price: PyReadonlyArray1<'_, f64>,
        quantity: PyReadonlyArray1<'_, f64>,
        line_ends: PyReadonlyArray2<'_, usize>,
        line_numbers: PyReadonlyArray2<'_, f64>,
        demand: PyReadonlyArray1<'_, f64>,
        value_of_lost_load: f64,
    ) -> Self {
        let (participant, bus) = (participant.as_array(), bus.as_array());
        let (is_bid, price, quantity) = (is_bid.as_array(), price.as_array(), quantity.as_array());
        let orders = (0..price.len())
            .map(|k| Order {
                participant: participant[k],
                bus: bus[k],
                is_bid: is_bid[k],
                price: price[k],
                quantity: quantity[k],
            })
            .collect();
        let (ends, numbers) = (line_ends.as_array(), line_numbers.as_array());
        let lines = (0..ends.ncols())
            .map(|k| Line {
                from: ends[[0, k]],
                to: ends[[1, k]],
                susceptance: numbers[[0, k]],
                limit: numbers[[1, k]],
            })
            .collect();
        Self(NetworkMarket {
            n_participants,
            orders,
            lines,
            demand: owned(&demand),
            value_of_lost_load,
        })
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
        let utility = owned(&utility);
        watched(py, None, |progress| self.0.best_coalition(&utility, time_limit, progress))
    }

    /// (payoffs, blocking coalitions, excess): the core payoffs nearest to marginal contributions.
    #[pyo3(signature = (marginal, welfare, time_limit, report=None))]
    fn nearest_core_payoffs(
        &self,
        py: Python<'_>,
        marginal: PyReadonlyArray1<'_, f64>,
        welfare: f64,
        time_limit: f64,
        report: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Column<f64>, Vec<Vec<bool>>, f64)> {
        let marginal = owned(&marginal);
        let core = watched(py, report, |progress| {
            balanced_core::nearest_core_payoffs(&self.0, &marginal, welfare, time_limit, progress)
        })?;
        Ok((column(py, core.payoffs), core.blocking, core.excess))
    }
}
