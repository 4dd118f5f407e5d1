//! The coalition of largest excess by the prices of dispatches.

use std::sync::Arc;

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::dispatch::member_prices::{ConvexCost, PeakCost, PricedCost, TwoPriceCost};
use sesgame_engine::dispatch::outer_approximation;
use sesgame_engine::dispatch::{Battery, Conversion, Tariff};
use sesgame_engine::game::NativeGame as _;
use sesgame_engine::linear_production::Question;

use crate::arrays::{by_row, owned};
use crate::boundary::{detached, watched};
use crate::checks;
use crate::convex_dispatch::ConvexDispatchGame;
use crate::peak_dispatch::PeakChargedGame;

/// Membership of the coalitions found, the bound, that of the relaxation, and whether it is at its end.
type Found<'py> = (Bound<'py, PyArray2<bool>>, f64, f64, bool);

/// Separation by outer approximation: it keeps the bounds on costs that it has found.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct OuterApproximation {
    search: outer_approximation::OuterApproximation<Box<dyn PricedCost>>,
}

impl OuterApproximation {
    fn new(cost: impl PricedCost + 'static) -> Self {
        Self { search: outer_approximation::OuterApproximation::new(Box::new(cost)) }
    }
}

#[pymethods]
impl OuterApproximation {
    #[getter]
    fn n_players(&self) -> usize {
        self.search.n_players()
    }

    /// How many bounds are kept.
    #[getter]
    fn n_bounds(&self) -> usize {
        self.search.n_bounds()
    }

    #[pyo3(signature = (allocation, outside, level, gap, any_above, max_seconds, report=None))]
    #[expect(clippy::too_many_arguments, reason = "the names are the interface")]
    fn most_violated<'py>(
        &self,
        py: Python<'py>,
        allocation: PyReadonlyArray1<'py, f64>,
        outside: PyReadonlyArray2<'py, i64>,
        level: f64,
        gap: f64,
        any_above: bool,
        max_seconds: f64,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Found<'py>> {
        let n_players = self.search.n_players();
        checks::length("allocation", allocation.len(), n_players)?;
        checks::finite("allocation", allocation.as_array())?;
        checks::length("a row of outside", outside.shape()[1], n_players)?;
        checks::numbers("level", [&level])?;
        checks::amounts("gap", [&gap])?;
        checks::limits("max_seconds", [&max_seconds])?;
        let allocation = owned(&allocation)?;
        let outside = by_row(&outside)?;
        let question = Question {
            allocation: &allocation,
            outside: &outside,
            level,
            gap,
            any_above,
            max_seconds,
        };
        let found = watched(py, report, |progress| self.search.most_violated(&question, progress))?;
        let flags: Vec<bool> = found.coalitions.concat();
        let membership = Array2::from_shape_vec((found.coalitions.len(), n_players), flags)
            .expect("a row for each coalition");
        Ok((membership.into_pyarray(py), found.bound, found.relaxation, found.finished))
    }
}

/// Separation in the costs of pooled batteries, or of none, under two prices; with `charged`,
/// the game of the same pools under charges on peaks, those are paid, too.
#[pyfunction]
#[pyo3(signature = (
    net_load_kwh, buy, sell, energy_kwh, power_kwh, charge_efficiency, discharge_efficiency,
    initial_charge_kwh, charged=None
))]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn two_price_separation(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray2<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
    energy_kwh: PyReadonlyArray1<'_, f64>,
    power_kwh: PyReadonlyArray1<'_, f64>,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    initial_charge_kwh: PyReadonlyArray1<'_, f64>,
    charged: Option<&Bound<'_, PeakChargedGame>>,
) -> PyResult<OuterApproximation> {
    let [n_players, n_steps] = *net_load_kwh.shape() else { unreachable!("a matrix") };
    checks::length("buy", buy.len(), n_steps)?;
    checks::length("energy_kwh", energy_kwh.len(), n_players)?;
    checks::length("power_kwh", power_kwh.len(), n_players)?;
    checks::length("initial_charge_kwh", initial_charge_kwh.len(), n_players)?;
    let (net_load, buy, sell) = (by_row(&net_load_kwh)?, owned(&buy)?, owned(&sell)?);
    let charged = charged.map(|game| Arc::clone(&game.get().game));
    if let Some(game) = &charged {
        checks::length("charged", game.n_players(), n_players)?;
        checks::length("a step of charged", game.n_steps(), n_steps)?;
    }
    let batteries: Vec<Battery> = (0..n_players)
        .map(|member| Battery {
            energy: energy_kwh.as_array()[member],
            power: power_kwh.as_array()[member],
            initial_charge: initial_charge_kwh.as_array()[member],
        })
        .collect();
    detached(py, |_| {
        let conversion = Conversion::new(charge_efficiency, discharge_efficiency, 1.0)?;
        let tariff = Tariff::new(buy, sell)?;
        let pool = TwoPriceCost::new(&net_load, tariff, &batteries, conversion)?;
        Ok(match charged {
            None => OuterApproximation::new(pool),
            Some(charged) => OuterApproximation::new(PeakCost { pool, charged }),
        })
    })
}

/// Separation in the costs of pools whose exchange has any convex cost.
#[pyfunction]
pub fn convex_separation(game: &Bound<'_, ConvexDispatchGame>) -> OuterApproximation {
    OuterApproximation::new(ConvexCost(Arc::clone(&game.get().game)))
}
