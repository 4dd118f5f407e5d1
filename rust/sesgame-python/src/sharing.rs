//! Members who share over the public grid.

use std::borrow::Cow;
use std::sync::Arc;

use numpy::ndarray::Dimension;
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray, PyReadonlyArray1, PyReadonlyArray2,
    PyReadonlyArray3, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sesgame_engine::dispatch::sharing::{self, OwnPoints, Points};

use crate::arrays::{matrix, owned};
use crate::boundary::{run, watched};
use crate::checks;
use crate::native_game::NativeGame;

/// Prices of what zones take, lowest and highest, the same of what they give, and what is shared.
type LocalPrices<'py> = (
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
);

/// The numbers of an array, copied only where they are not in order.
fn in_order<'a, D: Dimension>(values: &'a PyReadonlyArray<'_, f64, D>) -> Cow<'a, [f64]> {
    values.as_slice().map_or_else(|_| values.as_array().iter().copied().collect(), Cow::Borrowed)
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the names are the interface")]
pub fn sharing_game(
    py: Python<'_>,
    import_kwh: PyReadonlyArray2<'_, f64>,
    export_kwh: PyReadonlyArray2<'_, f64>,
    member: PyReadonlyArray1<'_, i64>,
    group: PyReadonlyArray1<'_, i64>,
    zone: PyReadonlyArray1<'_, i64>,
    buy: PyReadonlyArray2<'_, f64>,
    sell: PyReadonlyArray2<'_, f64>,
    fee: PyReadonlyArray3<'_, f64>,
    alone: PyReadonlyArray1<'_, f64>,
    own_points: &str,
) -> PyResult<Py<SharingGame>> {
    let own_points = match own_points {
        "always" => OwnPoints::Always,
        "with_others" => OwnPoints::WithOthers,
        "never" => OwnPoints::Never,
        _ => {
            return Err(PyValueError::new_err(format!(
                "own_points is {own_points:?}; it must be always, with_others or never"
            )));
        }
    };
    let (n_points, n_steps) = (import_kwh.shape()[0], import_kwh.shape()[1]);
    checks::shape("export_kwh", export_kwh.shape(), import_kwh.shape())?;
    checks::length("member", member.len(), n_points)?;
    let [n_from, n_to, n_priced] = *fee.shape() else { unreachable!("three dimensions") };
    checks::shape("fee", &[n_from, n_to], &[n_from, n_from])?;
    checks::length("a row of fee", n_priced, n_steps)?;
    checks::shape("buy", buy.shape(), &[zone.len(), n_steps])?;
    checks::shape("sell", sell.shape(), &[zone.len(), n_steps])?;
    // A negative index becomes one that is too large.
    let indices = |values: &PyReadonlyArray1<'_, i64>| -> PyResult<Vec<usize>> {
        Ok(owned(values)?.into_iter().map(|value| value as usize).collect())
    };
    let (member, group, zone) = (indices(&member)?, indices(&group)?, indices(&zone)?);
    let (buy, sell, fee) = (in_order(&buy), in_order(&sell), in_order(&fee));
    let alone = owned(&alone)?;
    let n_members = alone.len();
    checks::players("the length of alone", n_members)?;
    let (drawn, fed_in) = (import_kwh.as_array(), export_kwh.as_array());
    let register = |point: usize, is_import: bool, reading: &mut [f64]| {
        let row = if is_import { drawn.row(point) } else { fed_in.row(point) };
        reading.iter_mut().zip(row).for_each(|(reading, &energy)| *reading = energy);
    };
    let game = run(py, import_kwh.len(), None, |progress| {
        let points = Points {
            n_members,
            member: &member,
            group: &group,
            register: &register,
            zone: &zone,
            buy: &buy,
            sell: &sell,
            fee: &fee,
            n_zones: n_from,
            n_steps,
        };
        sharing::SharingGame::new(&points, alone, own_points, progress)
    })?;
    let game = Arc::new(game);
    let native = NativeGame::from_shared(Arc::clone(&game) as _);
    Py::new(py, PyClassInitializer::from(native).add_subclass(SharingGame { game, n_steps }))
}

/// A native game that also tells at which prices all share.
#[pyclass(frozen, extends = NativeGame, module = "sesgame._engine")]
pub struct SharingGame {
    game: Arc<sharing::SharingGame>,
    n_steps: usize,
}

#[pymethods]
impl SharingGame {
    fn local_prices<'py>(&self, py: Python<'py>) -> PyResult<LocalPrices<'py>> {
        let found = watched(py, None, |progress| self.game.local_prices(progress))?;
        let [[take_low, take_high], [give_low, give_high]] =
            [found.taken, found.given].map(|ends| ends.map(|end| matrix(py, end, self.n_steps)));
        Ok((take_low, take_high, give_low, give_high, found.shared.into_pyarray(py)))
    }
}
