//! Sampled Shapley values: the engine draws coalitions, Python has them evaluated.

use std::sync::Mutex;

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use sesgame_engine::error::Result;
use sesgame_engine::shapley::paired_estimate;
use sesgame_engine::shapley::permutations::Batches;

use crate::boundary::{detached, to_python, watched};
use crate::native_game::NativeGame;

type Numbers<'py> = Bound<'py, PyArray1<f64>>;

/// A matrix from its rows one after the other.
fn matrix<T>(values: Vec<T>, columns: usize) -> Array2<T> {
    let rows = values.len() / columns;
    Array2::from_shape_vec((rows, columns), values).expect("whole rows")
}

#[pyfunction]
pub fn permutation_orders<'py>(
    py: Python<'py>,
    n_players: usize,
    orders: usize,
    seed: u64,
    batch: u64,
) -> PyResult<Bound<'py, PyArray2<u32>>> {
    let drawn = detached(py, |_| Ok(Batches::new(n_players, orders, seed)?.orders(batch)))?;
    Ok(matrix(drawn, n_players).into_pyarray(py))
}

#[pyfunction]
#[pyo3(signature = (game, orders, seed, first, count, report=None))]
pub fn permutation_means<'py>(
    py: Python<'py>,
    game: &Bound<'py, NativeGame>,
    orders: usize,
    seed: u64,
    first: u64,
    count: usize,
    report: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let game = game.get().game();
    let n_players = game.n_players();
    let means = watched(py, report, |progress| {
        Batches::new(n_players, orders, seed)?.means(game, first, count, progress)
    })?;
    Ok(matrix(means, n_players).into_pyarray(py))
}

/// Pairs of complementary coalitions that are drawn here and evaluated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct PairedEstimate {
    n_players: usize,
    estimate: Mutex<paired_estimate::PairedEstimate>,
}

impl PairedEstimate {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut paired_estimate::PairedEstimate) -> Result<T> + Send,
    ) -> PyResult<T> {
        detached(py, |_| {
            // A panic leaves nothing half done that a later call would read.
            let mut estimate = self.estimate.lock().unwrap_or_else(|poison| poison.into_inner());
            work(&mut estimate)
        })
    }
}

#[pymethods]
impl PairedEstimate {
    #[new]
    fn new(n_players: usize, seed: u64) -> PyResult<Self> {
        let estimate = paired_estimate::PairedEstimate::new(n_players, seed).map_err(to_python)?;
        Ok(Self { n_players, estimate: Mutex::new(estimate) })
    }

    fn draw<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        grand: f64,
    ) -> PyResult<Bound<'py, PyArray2<bool>>> {
        let membership = self.with(py, |estimate| {
            let pairs = estimate.draw(count, grand);
            let mut membership = vec![false; pairs.len() * self.n_players];
            for (row, members) in membership.chunks_exact_mut(self.n_players).zip(pairs) {
                members.iter().for_each(|&member| row[member as usize] = true);
            }
            Ok(membership)
        })?;
        Ok(matrix(membership, self.n_players).into_pyarray(py))
    }

    fn record(&self, py: Python<'_>, odd: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        let odd = odd.as_slice()?;
        self.with(py, |estimate| estimate.record(odd))
    }

    /// Values, standard errors, and the surrogate's number of weights for each player.
    fn estimate<'py>(
        &self,
        py: Python<'py>,
        grand: f64,
    ) -> PyResult<(Numbers<'py>, Numbers<'py>, usize)> {
        let result = self.with(py, |estimate| Ok(estimate.estimate(grand)))?;
        Ok((result.values.into_pyarray(py), result.standard_errors.into_pyarray(py), result.order))
    }
}
