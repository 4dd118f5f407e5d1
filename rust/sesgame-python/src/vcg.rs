//! Markets: order books, networks, auctions of bundles.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use sesgame_engine::markets::balanced_core;
use sesgame_engine::markets::bundle_auction::{Bundle, BundleAuction, Winners};
use sesgame_engine::markets::core_selecting;
use sesgame_engine::markets::misreport::{self, PaymentRule};
use sesgame_engine::markets::network::{Line, NetworkMarket, Order};
use sesgame_engine::markets::order_book::{self, OrderBook};

use crate::boundary::watched;

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

type Column<T> = Py<PyArray1<T>>;

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
    ) -> Self {
        Self {
            n_participants,
            starts: starts.as_array().to_vec(),
            participant: participant.as_array().to_vec(),
            is_bid: is_bid.as_array().to_vec(),
            price: price.as_array().to_vec(),
            quantity: quantity.as_array().to_vec(),
            demand: demand.as_array().to_vec(),
            value_of_lost_load,
        }
    }

    /// (accepted, shed, price_lower, price_upper, payments, pivotal); the last two are empty
    /// unless `clarke`.
    #[expect(clippy::type_complexity, reason = "six columns")]
    fn settle(
        &self,
        py: Python<'_>,
        clarke: bool,
    ) -> PyResult<(Column<f64>, Column<f64>, Column<f64>, Column<f64>, Column<f64>, Column<f64>)>
    {
        let outcome = watched(py, None, |progress| {
            if clarke {
                order_book::clarke(&self.book(), progress)
            } else {
                order_book::clear(&self.book(), progress)
            }
        })?;
        let column = |values: Vec<f64>| values.into_pyarray(py).unbind();
        Ok((
            column(outcome.accepted),
            column(outcome.shed),
            column(outcome.price_lower),
            column(outcome.price_upper),
            column(outcome.payments),
            column(outcome.pivotal),
        ))
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
        let (prices, quantities) = (prices.as_slice()?, quantities.as_slice()?);
        let utilities = watched(py, report, |progress| {
            misreport::utilities(&self.book(), participant, rule, prices, quantities, progress)
        })?;
        Ok(utilities.into_pyarray(py))
    }
}

/// The columns of an auction of bundles: `usage` has one row for each bundle, one column for each
/// resource. Validated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct BundleAuctionColumns(BundleAuction);

type Payments = (Vec<Option<usize>>, f64, f64, Column<f64>, Column<f64>);

#[pymethods]
impl BundleAuctionColumns {
    #[new]
    fn new(
        n_bidders: usize,
        bidder: PyReadonlyArray1<'_, usize>,
        value: PyReadonlyArray1<'_, f64>,
        usage: PyReadonlyArray2<'_, f64>,
        capacities: PyReadonlyArray1<'_, f64>,
    ) -> Self {
        let bundles = bidder
            .as_array()
            .iter()
            .zip(value.as_array())
            .zip(usage.as_array().rows())
            .map(|((&bidder, &value), amounts)| {
                let usage = amounts.iter().copied().enumerate().filter(|entry| entry.1 > 0.0);
                Bundle { bidder, value, usage: usage.collect() }
            })
            .collect();
        Self(BundleAuction { n_bidders, capacities: capacities.as_array().to_vec(), bundles })
    }

    /// (won, welfare, bound, payments, payment gaps)
    fn clarke(&self, py: Python<'_>, time_limit: f64) -> PyResult<Payments> {
        let outcome = watched(py, None, |progress| self.0.clarke(time_limit, progress))?;
        let Winners { won, welfare, bound } = outcome.winners;
        let column = |values: Vec<f64>| values.into_pyarray(py).unbind();
        Ok((won, welfare, bound, column(outcome.payments), column(outcome.payment_gaps)))
    }

    /// (won, welfare, payments, Clarke payments, winners left out by each blocking coalition, excess)
    #[expect(clippy::type_complexity, reason = "six columns")]
    fn core_selecting(
        &self,
        py: Python<'_>,
    ) -> PyResult<(Vec<Option<usize>>, f64, Column<f64>, Column<f64>, Vec<Vec<usize>>, f64)> {
        let (outcome, core) = watched(py, None, |progress| {
            let outcome = self.0.clarke(f64::INFINITY, progress)?;
            let core = core_selecting::core_selecting(&self.0, &outcome, progress)?;
            Ok((outcome, core))
        })?;
        let column = |values: Vec<f64>| values.into_pyarray(py).unbind();
        Ok((
            outcome.winners.won,
            outcome.winners.welfare,
            column(core.payments),
            column(outcome.payments),
            core.blocking,
            core.excess,
        ))
    }

    /// (won, payments)
    fn greedy(&self, py: Python<'_>) -> PyResult<(Vec<Option<usize>>, Column<f64>)> {
        let (won, payments) = watched(py, None, |progress| self.0.greedy(progress))?;
        Ok((won, payments.into_pyarray(py).unbind()))
    }

    /// (won, welfare, bound) when every bundle is worth its value less its bidder's `gain`.
    fn best(
        &self,
        py: Python<'_>,
        gain: PyReadonlyArray1<'_, f64>,
        time_limit: f64,
    ) -> PyResult<(Vec<Option<usize>>, f64, f64)> {
        let gain = gain.as_array().to_vec();
        let winners = watched(py, None, |_| {
            self.0.winners(time_limit, |_, bundle| bundle.value - gain[bundle.bidder])
        })?;
        Ok((winners.won, winners.welfare, winners.bound))
    }
}

/// Orders, lines and demand of a network; validated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct NetworkColumns(NetworkMarket);

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
            demand: demand.as_array().to_vec(),
            value_of_lost_load,
        })
    }

    /// (accepted, shed, price, flow, cost, payments, pivotal); the last two are empty unless
    /// `clarke`.
    #[expect(clippy::type_complexity, reason = "six columns and a number")]
    fn settle(
        &self,
        py: Python<'_>,
        clarke: bool,
    ) -> PyResult<(Column<f64>, Column<f64>, Column<f64>, Column<f64>, f64, Column<f64>, Column<f64>)>
    {
        let (dispatch, payments, pivotal) = watched(py, None, |progress| {
            if clarke {
                let outcome = self.0.clarke(progress)?;
                Ok((outcome.dispatch, outcome.payments, outcome.pivotal))
            } else {
                Ok((self.0.clear()?.0, Vec::new(), Vec::new()))
            }
        })?;
        let column = |values: Vec<f64>| values.into_pyarray(py).unbind();
        Ok((
            column(dispatch.accepted),
            column(dispatch.shed),
            column(dispatch.price),
            column(dispatch.flow),
            dispatch.cost,
            column(payments),
            column(pivotal),
        ))
    }

    /// (members, welfare less utilities, bound on it) of the coalition that is best off alone.
    fn best_coalition(
        &self,
        py: Python<'_>,
        utility: PyReadonlyArray1<'_, f64>,
        time_limit: f64,
    ) -> PyResult<(Vec<bool>, f64, f64)> {
        let utility = utility.as_array().to_vec();
        watched(py, None, |_| self.0.best_coalition(&utility, time_limit))
    }

    /// (payoffs, blocking coalitions, excess): the core payoffs nearest to marginal contributions.
    fn nearest_core_payoffs(
        &self,
        py: Python<'_>,
        marginal: PyReadonlyArray1<'_, f64>,
        welfare: f64,
    ) -> PyResult<(Column<f64>, Vec<Vec<bool>>, f64)> {
        let marginal = marginal.as_array().to_vec();
        let core = watched(py, None, |progress| {
            balanced_core::nearest_core_payoffs(&self.0, &marginal, welfare, progress)
        })?;
        Ok((core.payoffs.into_pyarray(py).unbind(), core.blocking, core.excess))
    }
}
