//! Sampled Shapley values: the engine draws coalitions, Python has them evaluated.

use std::sync::Mutex;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sesgame_engine::error::Result;
use sesgame_engine::shapley::kernel_ridge::kernel_ridge;
use sesgame_engine::shapley::paired_estimate::{self, PairMethod, SizeSampling};
use sesgame_engine::shapley::permutations::Batches;
use sesgame_engine::shapley::stratified::{self, StratifiedValue};
use sesgame_engine::shapley::symmetric_semivalue::SymmetricSemivalue;

use crate::arrays::matrix;
use crate::boundary::{detached, watched};
use crate::checks;
use crate::native_game::NativeGame;

type Numbers<'py> = Bound<'py, PyArray1<f64>>;

/// Values, standard errors, what was not seen, and a characteristic of the fit.
type Fitted<'py, T> = (Numbers<'py>, Numbers<'py>, f64, T);

#[pyfunction]
pub fn permutation_orders<'py>(
    py: Python<'py>,
    n_players: usize,
    orders: usize,
    seed: u64,
    batch: u64,
) -> PyResult<Bound<'py, PyArray2<u32>>> {
    checks::players("n_players", n_players)?;
    let drawn = detached(py, |_| Batches::new(n_players, orders, seed)?.orders(batch))?;
    Ok(matrix(py, drawn, n_players))
}

/// Means by batch, the largest value of a coalition and the largest marginal contribution.
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
) -> PyResult<(Bound<'py, PyArray2<f64>>, f64, f64)> {
    let game = game.get().game();
    let n_players = game.n_players();
    let found = watched(py, report, |progress| {
        Batches::new(n_players, orders, seed)?.means(game, first, count, progress)
    })?;
    Ok((matrix(py, found.means, n_players), found.largest.value, found.largest.marginal))
}

/// Work under a lock and without the interpreter.
///
/// A panic leaves nothing half done that a later call would read.
fn with<S: Send, T: Send>(
    py: Python<'_>,
    state: &Mutex<S>,
    work: impl FnOnce(&mut S) -> Result<T> + Send,
) -> PyResult<T> {
    detached(py, |_| work(&mut state.lock().unwrap_or_else(|poison| poison.into_inner())))
}

fn pair_method(name: &str) -> PyResult<PairMethod> {
    match name {
        "two_stage" => Ok(PairMethod::TwoStage),
        "regression" => Ok(PairMethod::Regression),
        "sample_reuse" => Ok(PairMethod::SampleReuse),
        _ => Err(PyValueError::new_err(format!("there is no method {name:?}"))),
    }
}

/// Pairs of complementary coalitions that are drawn here and evaluated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct PairedEstimate {
    n_players: usize,
    estimate: Mutex<paired_estimate::PairedEstimate>,
}

#[pymethods]
impl PairedEstimate {
    #[new]
    fn new(
        py: Python<'_>,
        probabilities: Vec<f64>,
        method: &str,
        sizes: &str,
        seed: u64,
    ) -> PyResult<Self> {
        let n_players = probabilities.len();
        let method = pair_method(method)?;
        let sizes = match sizes {
            "adaptive" => SizeSampling::Adaptive,
            "spread" => SizeSampling::Spread,
            "kernel" => SizeSampling::Kernel,
            "leverage" => SizeSampling::Leverage,
            _ => return Err(PyValueError::new_err(format!("there is no sampling {sizes:?}"))),
        };
        let estimate = detached(py, |_| {
            let semivalue = SymmetricSemivalue::new(probabilities)?;
            paired_estimate::PairedEstimate::new(semivalue, method, sizes, seed)
        })?;
        Ok(Self { n_players, estimate: Mutex::new(estimate) })
    }

    fn draw<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        grand: f64,
        scale: f64,
    ) -> PyResult<Bound<'py, PyArray2<bool>>> {
        checks::finite("grand and scale", [&grand, &scale])?;
        checks::sample(count, self.n_players)?;
        let membership = with(py, &self.estimate, |own| own.draw(count, grand, scale))?;
        Ok(matrix(py, membership, self.n_players))
    }

    fn record(&self, py: Python<'_>, odd: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        checks::finite("odd", odd.as_array())?;
        let odd = odd.as_slice()?;
        with(py, &self.estimate, |estimate| estimate.record(odd))
    }

    /// The estimate, with the surrogate's number of weights for each player.
    #[pyo3(signature = (grand, scale, taken_off=0.0))]
    fn estimate<'py>(
        &self,
        py: Python<'py>,
        grand: f64,
        scale: f64,
        taken_off: f64,
    ) -> PyResult<Fitted<'py, usize>> {
        checks::finite("grand, scale and taken_off", [&grand, &scale, &taken_off])?;
        let result = with(py, &self.estimate, |own| Ok(own.estimate(grand, scale, taken_off)))?;
        let (values, errors) = (result.values, result.standard_errors);
        Ok((values.into_pyarray(py), errors.into_pyarray(py), result.unseen, result.order))
    }

    /// The same pairs, or only those to keep, with other values.
    #[pyo3(signature = (method, odd, keep=None))]
    fn revalued(
        &self,
        py: Python<'_>,
        method: &str,
        odd: PyReadonlyArray1<'_, f64>,
        keep: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<Self> {
        let method = pair_method(method)?;
        checks::finite("odd", odd.as_array())?;
        let odd = odd.as_slice()?;
        let keep = keep.as_ref().map(|keep| keep.as_slice()).transpose()?;
        let estimate = with(py, &self.estimate, |own| own.revalued(method, odd, keep))?;
        Ok(Self { n_players: self.n_players, estimate: Mutex::new(estimate) })
    }

    /// Residuals of pairs that a fit left out, and their weights.
    fn held_out<'py>(&self, py: Python<'py>, grand: f64) -> PyResult<(Numbers<'py>, Numbers<'py>)> {
        checks::finite("grand", [&grand])?;
        let found = with(py, &self.estimate, |own| Ok(own.held_out(grand)))?;
        Ok((found.residuals.into_pyarray(py), found.weights.into_pyarray(py)))
    }

    /// The estimate by kernel ridge regression, the noise that it settled on, and what it errs by on each
    /// pair that is left out.
    #[pyo3(signature = (grand, scale, report=None))]
    fn kernel_ridge<'py>(
        &self,
        py: Python<'py>,
        grand: f64,
        scale: f64,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Fitted<'py, (f64, Numbers<'py>)>> {
        checks::finite("grand and scale", [&grand, &scale])?;
        let result = watched(py, report, |progress| {
            let estimate = self.estimate.lock().unwrap_or_else(|poison| poison.into_inner());
            kernel_ridge(estimate.pairs(), grand, scale, progress)
        })?;
        let (values, errors) = (result.values, result.standard_errors);
        let fit = (result.noise, result.left_out.into_pyarray(py));
        Ok((values.into_pyarray(py), errors.into_pyarray(py), result.unseen, fit))
    }
}

/// Marginal contributions by strata that are drawn here and evaluated in Python.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct StratifiedEstimate {
    n_players: usize,
    estimate: Mutex<stratified::StratifiedEstimate>,
}

#[pymethods]
impl StratifiedEstimate {
    #[new]
    fn new(py: Python<'_>, probabilities: Vec<f64>, n_ranges: usize, seed: u64) -> PyResult<Self> {
        let n_players = probabilities.len();
        let estimate =
            detached(py, |_| stratified::StratifiedEstimate::new(probabilities, n_ranges, seed))?;
        Ok(Self { n_players, estimate: Mutex::new(estimate) })
    }

    fn draw<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        scale: f64,
    ) -> PyResult<Bound<'py, PyArray2<bool>>> {
        checks::finite("scale", [&scale])?;
        checks::sample(count, self.n_players)?;
        let membership = with(py, &self.estimate, |estimate| estimate.draw(count, scale))?;
        Ok(matrix(py, membership, self.n_players))
    }

    fn record(&self, py: Python<'_>, values: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        checks::finite("values", values.as_array())?;
        let values = values.as_slice()?;
        with(py, &self.estimate, |estimate| estimate.record(values))
    }

    /// Values, standard errors, and what was not seen.
    fn estimate<'py>(
        &self,
        py: Python<'py>,
        scale: f64,
    ) -> PyResult<(Numbers<'py>, Numbers<'py>, Numbers<'py>)> {
        checks::finite("scale", [&scale])?;
        let players = with(py, &self.estimate, |estimate| Ok(estimate.estimate(scale)))?;
        let of = |part: fn(&StratifiedValue) -> f64| -> Numbers<'py> {
            players.iter().map(part).collect::<Vec<f64>>().into_pyarray(py)
        };
        Ok((of(|own| own.value), of(|own| own.standard_error), of(|own| own.unseen)))
    }

    #[getter]
    fn n_strata(&self, py: Python<'_>) -> PyResult<usize> {
        with(py, &self.estimate, |estimate| Ok(estimate.n_strata()))
    }
}
