//! The game of members with one contract.

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::dispatch::contract::{
    BillingPeriod, Block, ContractGame, ContractTerms, Credit, NettedGroups,
};
use sesgame_engine::dispatch::{BilledPeak, Memory, PeakWindows, Tariff};

use crate::arrays::{by_row, owned};
use crate::boundary::{detached, to_python};
use crate::checks;
use crate::native_game::NativeGame;

/// The group of each step, the prices of each, and the period that pays it.
type Groups<'py> =
    (PyReadonlyArray1<'py, i64>, PyReadonlyArray2<'py, f64>, PyReadonlyArray1<'py, i64>);

/// End, fee and minimum of each, and the blocks: period, threshold, surcharge.
type Periods<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    Vec<(usize, f64, f64)>,
);

/// The period that pays, the first step of each window, and its day.
type Month<'py> = (usize, PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>);

/// Price, width and months; how many of the highest; floor and cap; history; months of a mean, share
/// and months of a ratchet.
type Peak<'py> = (
    f64,
    usize,
    Vec<Month<'py>>,
    usize,
    (f64, f64),
    PyReadonlyArray1<'py, f64>,
    (usize, f64, usize),
);

/// Whether credit is capped, what is netted, losses, periods and peaks.
pub type Terms<'py> = (bool, Option<Groups<'py>>, f64, Periods<'py>, Vec<Peak<'py>>);

#[pyfunction]
pub fn contract_game(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray2<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
    terms: Terms<'_>,
) -> PyResult<NativeGame> {
    let tariff = Tariff::of_any_order(owned(&buy)?, owned(&sell)?).map_err(to_python)?;
    checks::length("a row of net_load_kwh", net_load_kwh.shape()[1], tariff.n_steps())?;
    let net_load = by_row(&net_load_kwh)?;
    let terms = contract_terms(tariff, &terms)?;
    detached(py, |_| Ok(NativeGame::new(ContractGame::new(&net_load, terms)?)))
}

/// All elements of a contract; the engine checks them.
pub fn contract_terms(
    tariff: Tariff,
    (is_capped, groups, losses, periods, peaks): &Terms<'_>,
) -> PyResult<ContractTerms> {
    let credit = match groups {
        None if *is_capped => Credit::Capped,
        None => Credit::Paid,
        Some((of_step, prices, payers)) => {
            checks::shape("prices of groups", prices.shape(), &[payers.len(), 2])?;
            let pairs = by_row(prices)?;
            let payers = places(payers)?;
            let prices = pairs.chunks_exact(2).zip(payers).map(|(pair, at)| (pair[0], pair[1], at));
            Credit::Netted(NettedGroups { of_step: places(of_step)?, prices: prices.collect() })
        }
    };
    let periods = billing_periods(periods)?;
    let peaks = peaks.iter().map(billed_peak).collect::<PyResult<Vec<_>>>()?;
    Ok(ContractTerms { tariff, credit, losses: *losses, periods, peaks })
}

/// Indices; what is negative is beyond every period.
fn places(values: &PyReadonlyArray1<'_, i64>) -> PyResult<Vec<usize>> {
    let place = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
    Ok(owned(values)?.into_iter().map(place).collect())
}

fn billing_periods((ends, fees, minima, blocks): &Periods<'_>) -> PyResult<Vec<BillingPeriod>> {
    checks::length("fees", fees.len(), ends.len())?;
    checks::length("minima", minima.len(), ends.len())?;
    checks::indices("periods of blocks", blocks.iter().map(|block| block.0), ends.len())?;
    let rows = places(ends)?.into_iter().zip(owned(fees)?).zip(owned(minima)?);
    // Not a number stands for no minimum.
    let period = |((end, fee), minimum): ((usize, f64), f64)| {
        let minimum = (!minimum.is_nan()).then_some(minimum);
        BillingPeriod { end, fee, minimum, blocks: Vec::new() }
    };
    let mut periods: Vec<BillingPeriod> = rows.map(period).collect();
    for &(period, above, surcharge) in blocks {
        periods[period].blocks.push(Block { above, surcharge });
    }
    Ok(periods)
}

fn billed_peak(peak: &Peak<'_>) -> PyResult<BilledPeak> {
    let (price, width, months, n_highest, (floor, cap), history, memory) = peak;
    let month = |(period, starts, days): &Month<'_>| {
        Ok(PeakWindows { period: *period, starts: places(starts)?, days: places(days)? })
    };
    let memory = match *memory {
        (1, 0.0, _) => Memory::None,
        (count, 0.0, _) => Memory::Mean(count),
        (_, share, count) => Memory::Ratchet(share, count),
    };
    Ok(BilledPeak {
        price: *price,
        width: *width,
        months: months.iter().map(month).collect::<PyResult<_>>()?,
        n_highest: *n_highest,
        floor: *floor,
        cap: *cap,
        history: owned(history)?,
        memory,
    })
}
