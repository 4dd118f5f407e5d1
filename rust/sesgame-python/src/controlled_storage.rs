//! Storage that a controller runs without foresight.

use std::sync::Arc;

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sesgame_engine::dispatch::controlled_storage::{self, Band, Billing, Move, Unit};
use sesgame_engine::dispatch::{Conversion, PeakCharge, PeakCharges, Tariff};
use sesgame_engine::game::NativeGame as _;
use sesgame_engine::memory::{self, Purpose};

use crate::arrays::{Column, by_row, column, owned};
use crate::boundary::{detached, to_python};
use crate::checks;
use crate::contract::{Terms, contract_terms};
use crate::native_game::NativeGame;

/// Price and steps of each charge.
type Charges<'py> = Vec<(f64, PyReadonlyArray1<'py, i64>)>;

#[pyfunction]
#[pyo3(signature = (
    net_load_kwh, buy, sell, band, units, brought, shifts, charges, terms=None, cost_of_all=None
))]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn controlled_game(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray2<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
    band: (PyReadonlyArray1<'_, f64>, PyReadonlyArray1<'_, f64>),
    units: Vec<(f64, f64, f64, usize, usize)>,
    brought: PyReadonlyArray3<'_, f64>,
    shifts: PyReadonlyArray1<'_, f64>,
    charges: Charges<'_>,
    terms: Option<Terms<'_>>,
    cost_of_all: Option<f64>,
) -> PyResult<Py<ControlledGame>> {
    let tariff = Tariff::of_any_order(owned(&buy)?, owned(&sell)?).map_err(to_python)?;
    checks::length("a row of net_load_kwh", net_load_kwh.shape()[1], tariff.n_steps())?;
    checks::shape("brought", brought.shape(), &[net_load_kwh.shape()[0], units.len(), 4])?;
    let (low, high) = (owned(&band.0)?, owned(&band.1)?);
    let (net_load, shifts) = (by_row(&net_load_kwh)?, owned(&shifts)?);
    let mut amounts = memory::room(&[brought.len()], Purpose::Data).map_err(to_python)?;
    amounts.extend(brought.as_array().iter().copied());
    let charge = |(price, steps): &(f64, PyReadonlyArray1<'_, i64>)| {
        // What is negative is beyond every period.
        let place = |step: i64| usize::try_from(step).unwrap_or(usize::MAX);
        let steps = owned(steps)?.into_iter().map(place).collect();
        Ok(PeakCharge { price: *price, steps })
    };
    let charges = charges.iter().map(charge).collect::<PyResult<Vec<_>>>()?;
    let billing = match terms {
        None => {
            let charges = PeakCharges::new(&charges, tariff.n_steps()).map_err(to_python)?;
            Billing::Steps(tariff, charges)
        }
        Some(_) if !charges.is_empty() => {
            return Err(PyValueError::new_err("a contract has all charges on peaks itself"));
        }
        Some(terms) => Billing::Contract(Box::new(contract_terms(tariff, &terms)?)),
    };
    let game = detached(py, |_| {
        let units = units
            .into_iter()
            .map(|(charge, discharge, wear, first, end)| {
                Ok(Unit::new(Conversion::new(charge, discharge, 1.0)?, wear, first..end))
            })
            .collect::<sesgame_engine::error::Result<Vec<_>>>()?;
        controlled_storage::ControlledGame::new(
            &net_load,
            billing,
            Band::new(low, high)?,
            units,
            &amounts,
            &shifts,
            cost_of_all,
        )
    })?;
    let game = Arc::new(game);
    let native = NativeGame::from_shared(Arc::clone(&game) as _);
    Py::new(py, PyClassInitializer::from(native).add_subclass(ControlledGame { game }))
}

/// A native game that also tells what storage does.
#[pyclass(frozen, extends = NativeGame, module = "sesgame._engine")]
pub struct ControlledGame {
    game: Arc<controlled_storage::ControlledGame>,
}

#[pymethods]
impl ControlledGame {
    /// What each unit draws, delivers and then holds in each step: the units of the first step, then
    /// those of the next one.
    fn moves(
        &self,
        py: Python<'_>,
        members: PyReadonlyArray1<'_, bool>,
    ) -> PyResult<(Column<f64>, Column<f64>, Column<f64>)> {
        checks::length("members", members.len(), self.game.n_players())?;
        let members = owned(&members)?;
        let moves = detached(py, |_| Ok(self.game.moves(&members)))?;
        let each = |of: fn(&Move) -> f64| column(py, moves.iter().map(of).collect());
        Ok((each(|it| it.charge), each(|it| it.discharge), each(|it| it.stored)))
    }
}
