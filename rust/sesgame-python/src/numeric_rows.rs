//! Lines of numbers between commas.

use numpy::{IntoPyArray, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::numeric_rows::numeric_rows as rows_of;

use crate::boundary::detached;
use crate::checks;

/// The texts of a column, and the numbers of the others by row.
type Rows<'py> = (Vec<String>, Bound<'py, PyArray2<f64>>);

/// The texts of one column, and the numbers of the others by row, of lines that are plain; None of
/// others.
#[pyfunction]
pub fn numeric_rows<'py>(
    py: Python<'py>,
    text: &str,
    n_columns: usize,
    text_column: usize,
) -> PyResult<Option<Rows<'py>>> {
    checks::indices("text_column", [text_column], n_columns)?;
    let found = detached(py, |_| {
        Ok(rows_of(text, n_columns, text_column).map(|rows| {
            let texts: Vec<String> = rows.texts.iter().map(|&text| text.to_owned()).collect();
            (texts, rows.numbers)
        }))
    })?;
    let Some((texts, numbers)) = found else { return Ok(None) };
    let shape = [texts.len(), n_columns - 1];
    Ok(Some((texts, numbers.into_pyarray(py).reshape(shape)?)))
}
