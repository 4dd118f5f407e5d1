//! Auctions of bundles of shared resources.

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::markets::bundle_auction::{Bundle, BundleAuction, BundleSize, Winners};
use sesgame_engine::markets::core_selecting;

use crate::arrays::{Column, column, owned};
use crate::boundary::watched;
use crate::checks;

/// The columns of an auction of bundles: `usage` has one row for each bundle, one column for each
/// resource. Validated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct BundleAuctionColumns(BundleAuction);

/// The bundle that each bidder wins, the value of all and its proved bound, and by bidder Clarke
/// payments and how far they may be off.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct ClarkeOutcome {
    won: Vec<Option<usize>>,
    welfare: f64,
    bound: f64,
    payments: Column<f64>,
    payment_gaps: Column<f64>,
}

/// The bundle that each bidder wins, the value of all, core and Clarke payments by bidder, the winners
/// left out by each blocking coalition, and what a coalition can still gain.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct CoreSelectingOutcome {
    won: Vec<Option<usize>>,
    welfare: f64,
    payments: Column<f64>,
    clarke_payments: Column<f64>,
    blocking: Vec<Vec<usize>>,
    excess: f64,
}

#[pymethods]
impl BundleAuctionColumns {
    #[new]
    fn new(
        n_bidders: usize,
        bidder: PyReadonlyArray1<'_, usize>,
        value: PyReadonlyArray1<'_, f64>,
        usage: PyReadonlyArray2<'_, f64>,
        capacities: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        checks::participants(n_bidders)?;
        checks::indices("bidder", bidder.as_array().iter().copied(), n_bidders)?;
        checks::length("value", value.len(), bidder.len())?;
        checks::shape("usage", usage.shape(), &[bidder.len(), capacities.len()])?;
        checks::finite("value", value.as_array())?;
        checks::amounts("usage", usage.as_array())?;
        checks::amounts("capacities", capacities.as_array())?;
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
        Ok(Self(BundleAuction { n_bidders, capacities: owned(&capacities)?, bundles }))
    }

    /// The efficient outcome with Clarke payments.
    #[pyo3(signature = (time_limit, report=None))]
    fn clarke(
        &self,
        py: Python<'_>,
        time_limit: f64,
        report: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<ClarkeOutcome> {
        checks::limits("time_limit", [&time_limit])?;
        let outcome = watched(py, report, |progress| self.0.clarke(time_limit, progress))?;
        let Winners { won, welfare, bound } = outcome.winners;
        Ok(ClarkeOutcome {
            won,
            welfare,
            bound,
            payments: column(py, outcome.payments),
            payment_gaps: column(py, outcome.payment_gaps),
        })
    }

    /// The efficient outcome with the core payments nearest to Clarke's.
    #[pyo3(signature = (time_limit, report=None))]
    fn core_selecting(
        &self,
        py: Python<'_>,
        time_limit: f64,
        report: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<CoreSelectingOutcome> {
        checks::limits("time_limit", [&time_limit])?;
        let (outcome, core) = watched(py, report, |progress| {
            let outcome = self.0.clarke(time_limit, progress)?;
            let core = core_selecting::core_selecting(&self.0, &outcome, time_limit, progress)?;
            Ok((outcome, core))
        })?;
        Ok(CoreSelectingOutcome {
            won: outcome.winners.won,
            welfare: outcome.winners.welfare,
            payments: column(py, core.payments),
            clarke_payments: column(py, outcome.payments),
            blocking: core.blocking,
            excess: core.excess,
        })
    }

    /// (won, payments)
    fn greedy(
        &self,
        py: Python<'_>,
        by_scarcity: bool,
    ) -> PyResult<(Vec<Option<usize>>, Column<f64>)> {
        let size = if by_scarcity { BundleSize::Scarcity } else { BundleSize::Root };
        let (won, payments) = watched(py, None, |progress| self.0.greedy(size, progress))?;
        Ok((won, column(py, payments)))
    }

    /// (won, welfare, bound) when every bundle is worth its value less its bidder's `gain`.
    #[pyo3(signature = (gain, time_limit, report=None))]
    fn best(
        &self,
        py: Python<'_>,
        gain: PyReadonlyArray1<'_, f64>,
        time_limit: f64,
        report: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<Option<usize>>, f64, f64)> {
        checks::length("gain", gain.len(), self.0.n_bidders)?;
        checks::finite("gain", gain.as_array())?;
        checks::limits("time_limit", [&time_limit])?;
        let gain = owned(&gain)?;
        let winners = watched(py, report, |progress| {
            self.0.winners(time_limit, progress, |_, bundle| bundle.value - gain[bundle.bidder])
        })?;
        Ok((winners.won, winners.welfare, winners.bound))
    }
}
