//! Arrays between Python and the engine.

use numpy::ndarray::Array2;
use numpy::{
    Element, IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use sesgame_engine::memory::{self, Purpose};

use crate::boundary::to_python;

/// An array that a result holds.
pub type Column<T> = Py<PyArray1<T>>;

/// The column of a result.
pub fn column<T: Element>(py: Python<'_>, values: Vec<T>) -> Column<T> {
    values.into_pyarray(py).unbind()
}

/// A one-dimensional array in memory of the engine's own.
pub fn owned<T: Element + Copy>(values: &PyReadonlyArray1<'_, T>) -> PyResult<Vec<T>> {
    copied(values.len(), values.as_array().iter())
}

/// The rows of a matrix one after the other, in memory of the engine's own.
pub fn by_row<T: Element + Copy>(values: &PyReadonlyArray2<'_, T>) -> PyResult<Vec<T>> {
    copied(values.len(), values.as_array().iter())
}

fn copied<'a, T: Copy + 'a>(
    length: usize,
    values: impl Iterator<Item = &'a T>,
) -> PyResult<Vec<T>> {
    let mut copy = memory::room(&[length], Purpose::Data).map_err(to_python)?;
    copy.extend(values.copied());
    Ok(copy)
}

/// A matrix with a row of the lower and the upper end of each range.
pub fn ranges(py: Python<'_>, ranges: Vec<(f64, f64)>) -> Bound<'_, PyArray2<f64>> {
    let rows: Vec<[f64; 2]> = ranges.into_iter().map(|(low, high)| [low, high]).collect();
    PyArray2::from_owned_array(py, rows.into())
}

/// A matrix of at least one column from its rows one after the other.
pub fn matrix<T: Element>(
    py: Python<'_>,
    values: Vec<T>,
    columns: usize,
) -> Bound<'_, PyArray2<T>> {
    let rows = values.len() / columns;
    Array2::from_shape_vec((rows, columns), values).expect("whole rows").into_pyarray(py)
}
