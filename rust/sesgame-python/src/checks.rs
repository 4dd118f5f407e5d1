//! What arguments must be like before the engine sees them: one check for each kind, whose message
//! names the argument. What users write is checked in Python, with the words of the field; this is the
//! last line, so that no index is out of range and no loop waits for a number that is none.

use std::fmt::Display;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sesgame_engine::memory::{self, Purpose};

use crate::boundary::to_python;

/// What the engine keeps for each player or participant at most, beside what it is given.
const BYTES_OF_EACH: usize = 64;

fn refused<T>(message: String) -> PyResult<T> {
    Err(PyValueError::new_err(message))
}

/// At least one player, and not more than there is memory for.
pub fn players(name: &str, count: usize) -> PyResult<()> {
    if count == 0 {
        return refused(format!("{name} is 0; there must be at least one"));
    }
    participants(count)
}

/// Not more participants than there is memory for.
pub fn participants(count: usize) -> PyResult<()> {
    memory::ask::<u8>(&[count, BYTES_OF_EACH], Purpose::Data).map_err(to_python)
}

/// Not more coalitions to be drawn than there is memory for.
pub fn sample(count: usize, n_players: usize) -> PyResult<()> {
    memory::ask::<bool>(&[count, n_players], Purpose::Sample).map_err(to_python)
}

/// As many elements as expected.
pub fn length(name: &str, found: usize, expected: usize) -> PyResult<()> {
    if found == expected {
        return Ok(());
    }
    refused(format!("{name} has {found} elements; there must be {expected}"))
}

/// The shape that is expected.
pub fn shape(name: &str, found: &[usize], expected: &[usize]) -> PyResult<()> {
    if found == expected {
        return Ok(());
    }
    refused(format!("{name} has shape {found:?}; it must be {expected:?}"))
}

/// Indices below `end`.
pub fn indices(name: &str, values: impl IntoIterator<Item = usize>, end: usize) -> PyResult<()> {
    match values.into_iter().find(|&index| index >= end) {
        None => Ok(()),
        Some(index) => refused(format!("{name} holds {index}; each must be below {end}")),
    }
}

/// Where parts of something begin, and where the last one ends: from 0 on, never falling, up to `end`.
pub fn starts(name: &str, values: &[usize], end: usize) -> PyResult<()> {
    let whole = values.first() == Some(&0) && values.last() == Some(&end);
    if whole && values.is_sorted() {
        return Ok(());
    }
    refused(format!("{name} must rise from 0 to {end}"))
}

/// A number that `allowed` says is one.
fn each<'a>(
    name: &str,
    values: impl IntoIterator<Item = &'a f64>,
    allowed: impl Fn(f64) -> bool,
    what: impl Display,
) -> PyResult<()> {
    match values.into_iter().find(|&&value| !allowed(value)) {
        None => Ok(()),
        Some(value) => refused(format!("{name} holds {value}; each must be {what}")),
    }
}

/// Finite numbers.
pub fn finite<'a>(name: &str, values: impl IntoIterator<Item = &'a f64>) -> PyResult<()> {
    each(name, values, f64::is_finite, "a finite number")
}

/// Finite numbers of at least 0.
pub fn amounts<'a>(name: &str, values: impl IntoIterator<Item = &'a f64>) -> PyResult<()> {
    each(name, values, |value| value.is_finite() && value >= 0.0, "a finite number of at least 0")
}

/// Numbers of at least 0, which may be infinite.
pub fn limits<'a>(name: &str, values: impl IntoIterator<Item = &'a f64>) -> PyResult<()> {
    each(name, values, |value| value >= 0.0, "a number of at least 0")
}

/// Numbers, which may be infinite.
pub fn numbers<'a>(name: &str, values: impl IntoIterator<Item = &'a f64>) -> PyResult<()> {
    each(name, values, |value| !value.is_nan(), "a number")
}
