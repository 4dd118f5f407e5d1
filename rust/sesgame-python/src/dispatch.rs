//! The built-in dispatch models.

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::dispatch::Tariff;
use sesgame_engine::dispatch::netting::NettingGame;
use sesgame_engine::error::{Error, Result};

use crate::boundary::detached;
use crate::native_game::NativeGame;

/// A one-dimensional array in memory of the engine's own.
fn owned(values: &PyReadonlyArray1<'_, f64>) -> Vec<f64> {
    values.as_array().to_vec()
}

/// The rows of a matrix one after the other, after a look at its width.
fn rows(net_load: &PyReadonlyArray2<'_, f64>, n_steps: usize) -> Result<Vec<f64>> {
    if net_load.shape()[1] != n_steps {
        return Err(Error::InvalidInput(format!(
            "the net loads have {} steps and the tariff {n_steps}",
            net_load.shape()[1]
        )));
    }
    Ok(net_load.as_array().iter().copied().collect())
}

#[pyfunction]
pub fn netting_game(
    py: Python<'_>,
    net_load_kwh: PyReadonlyArray2<'_, f64>,
    buy: PyReadonlyArray1<'_, f64>,
    sell: PyReadonlyArray1<'_, f64>,
) -> PyResult<NativeGame> {
    let (buy, sell) = (owned(&buy), owned(&sell));
    let net_load = rows(&net_load_kwh, buy.len());
    detached(py, |_| Ok(NativeGame::new(NettingGame::new(net_load?, Tariff::new(buy, sell)?)?)))
}
