//! Order books: one bus, many periods.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::markets::balanced_core;
use sesgame_engine::markets::book_search;
use sesgame_engine::markets::misreport::{self, PaymentRule};
use sesgame_engine::markets::order_book::{self, OrderBook};

use crate::arrays::{Column, column, owned};
use crate::boundary::watched;
use crate::checks;

/// The payment rules whose misreports the engine scans.
#[pyclass(
    frozen,
    eq,
    hash,
    from_py_object,
    module = "sesgame._engine",
    rename_all = "SCREAMING_SNAKE_CASE"
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineRule {
    Vcg,
    UniformPrice,
    PayAsBid,
}

/// The columns of an order book; validated and sorted by period in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct OrderBookColumns {
    n_participants: usize,
    starts: Vec<usize>,
    participant: Vec<u32>,
    is_bid: Vec<bool>,
    price: Vec<f64>,
    quantity: Vec<f64>,
    demand: Vec<f64>,
    value_of_lost_load: f64,
}

impl OrderBookColumns {
    fn book(&self) -> OrderBook<'_> {
        OrderBook {
            n_participants: self.n_participants,
            starts: &self.starts,
            participant: &self.participant,
            is_bid: &self.is_bid,
            price: &self.price,
            quantity: &self.quantity,
            demand: &self.demand,
            value_of_lost_load: self.value_of_lost_load,
        }
    }
}

/// What an order book leads to: by order accepted, by period shed and the bounds of the price, by
/// participant Clarke payments and what lacks without it.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct OrderBookOutcome {
    accepted: Column<f64>,
    shed: Column<f64>,
    price_lower: Column<f64>,
    price_upper: Column<f64>,
    payments: Column<f64>,
    pivotal: Column<f64>,
}

#[pymethods]
impl OrderBookColumns {
    #[new]
    #[pyo3(signature = (n_participants, starts, participant, is_bid, price, quantity, demand, value_of_lost_load))]
    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    fn new(
        n_participants: usize,
        starts: PyReadonlyArray1<'_, usize>,
        participant: PyReadonlyArray1<'_, u32>,
        is_bid: PyReadonlyArray1<'_, bool>,
        price: PyReadonlyArray1<'_, f64>,
        quantity: PyReadonlyArray1<'_, f64>,
        demand: PyReadonlyArray1<'_, f64>,
        value_of_lost_load: f64,
    ) -> PyResult<Self> {
        let (n_orders, starts) = (price.len(), owned(&starts)?);
        checks::participants(n_participants)?;
        checks::starts("starts", &starts, n_orders)?;
        checks::length("demand", demand.len(), starts.len() - 1)?;
        checks::length("participant", participant.len(), n_orders)?;
        checks::length("is_bid", is_bid.len(), n_orders)?;
        checks::length("quantity", quantity.len(), n_orders)?;
        let participants = participant.as_array();
        let indices = participants.iter().map(|&index| index as usize);
        checks::indices("participant", indices, n_participants)?;
        checks::finite("price", price.as_array())?;
        checks::amounts("quantity", quantity.as_array())?;
        checks::amounts("demand", demand.as_array())?;
        checks::finite("value_of_lost_load", [&value_of_lost_load])?;
        Ok(Self {
            n_participants,
            starts,
            participant: owned(&participant)?,
            is_bid: owned(&is_bid)?,
            price: owned(&price)?,
            quantity: owned(&quantity)?,
            demand: owned(&demand)?,
            value_of_lost_load,
        })
    }

    /// The efficient outcome; Clarke payments are empty unless `clarke`.
    fn settle(&self, py: Python<'_>, clarke: bool) -> PyResult<OrderBookOutcome> {
        let outcome = watched(py, None, |progress| {
            if clarke {
                order_book::clarke(&self.book(), progress)
            } else {
                order_book::clear(&self.book(), progress)
            }
        })?;
        Ok(OrderBookOutcome {
            accepted: column(py, outcome.accepted),
            shed: column(py, outcome.shed),
            price_lower: column(py, outcome.price_lower),
            price_upper: column(py, outcome.price_upper),
            payments: column(py, outcome.payments),
            pivotal: column(py, outcome.pivotal),
        })
    }

    /// (payoffs, blocking coalitions, distance) of the core payoffs nearest to marginal contributions,
    /// the fixed demand as one more player.
    #[pyo3(signature = (rounding, time_limit, report=None))]
    fn nearest_core_payoffs(
        &self,
        py: Python<'_>,
        rounding: f64,
        time_limit: f64,
        report: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Column<f64>, Vec<Vec<bool>>, f64)> {
        checks::limits("rounding", [&rounding])?;
        checks::limits("time_limit", [&time_limit])?;
        let core = watched(py, report, |progress| {
            balanced_core::nearest_core_payoffs(&self.book(), rounding, time_limit, progress)
        })?;
        Ok((column(py, core.payoffs), core.blocking, core.distance))
    }

    /// (members, excess, bound) of the coalition that is best off alone, by more than rounding.
    fn best_coalition(
        &self,
        py: Python<'_>,
        utility: PyReadonlyArray1<'_, f64>,
        rounding: f64,
        time_limit: f64,
    ) -> PyResult<(Option<Vec<bool>>, f64, f64)> {
        let players = self.n_participants + usize::from(self.demand.iter().any(|&d| d > 0.0));
        checks::length("utility", utility.len(), players)?;
        checks::finite("utility", utility.as_array())?;
        checks::limits("rounding", [&rounding])?;
        checks::limits("time_limit", [&time_limit])?;
        let utility = owned(&utility)?;
        let found = watched(py, None, |progress| {
            book_search::best_coalition(&self.book(), &utility, rounding, time_limit, progress)
        })?;
        let best = found.coalitions.into_iter().next_back();
        let excess = best.as_ref().map_or(0.0, |best| best.excess);
        Ok((best.map(|best| best.members), excess, found.bound))
    }

    /// True utility for each row of reported prices and quantities of the participant's orders.
    /// `position` is that of the uniform price between its bounds.
    #[pyo3(signature = (participant, rule, position, prices, quantities, report=None))]
    #[expect(clippy::too_many_arguments, reason = "the report and its two arrays")]
    fn misreport_utilities<'py>(
        &self,
        py: Python<'py>,
        participant: u32,
        rule: EngineRule,
        position: f64,
        prices: PyReadonlyArray2<'py, f64>,
        quantities: PyReadonlyArray2<'py, f64>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let rule = match rule {
            EngineRule::Vcg => PaymentRule::Vcg,
            EngineRule::UniformPrice => PaymentRule::Uniform(position),
            EngineRule::PayAsBid => PaymentRule::PayAsBid,
        };
        checks::indices("participant", [participant as usize], self.n_participants)?;
        checks::finite("position", [&position])?;
        let own = self.participant.iter().filter(|&&owner| owner == participant).count();
        let shape = [prices.shape()[0], own];
        checks::shape("prices", prices.shape(), &shape)?;
        checks::shape("quantities", quantities.shape(), &shape)?;
        let (prices, quantities) = (prices.as_slice()?, quantities.as_slice()?);
        checks::finite("prices", prices)?;
        checks::amounts("quantities", quantities)?;
        let utilities = watched(py, report, |progress| {
            misreport::utilities(&self.book(), participant, rule, prices, quantities, progress)
        })?;
        Ok(utilities.into_pyarray(py))
    }
}
