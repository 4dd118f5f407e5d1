//! The structured games of the literature, and games made of other games.

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sesgame_engine::error::Result;
use sesgame_engine::game::NativeGame as Game;
use sesgame_engine::games::{
    AirportGame, DualGame, InducedSubgraphGame, PeakGame, RiskGame, SpanningTreeGame,
    StrategicEquivalent, ThresholdGame, UnionsGame, WeightedSum,
};

use crate::arrays::{by_row, owned};
use crate::boundary::detached;
use crate::checks;
use crate::native_game::NativeGame;

type Numbers<'py> = PyReadonlyArray1<'py, f64>;
type Rows<'py> = PyReadonlyArray2<'py, f64>;

/// Makes a game without the interpreter.
fn native<G: Game + 'static>(
    py: Python<'_>,
    make: impl FnOnce() -> Result<G> + Send,
) -> PyResult<NativeGame> {
    detached(py, |_| Ok(NativeGame::new(make()?)))
}

#[pyfunction]
pub fn airport_game(py: Python<'_>, costs: Numbers<'_>) -> PyResult<NativeGame> {
    let costs = owned(&costs)?;
    native(py, || AirportGame::new(costs))
}

#[pyfunction]
pub fn weighted_vote(py: Python<'_>, weights: Numbers<'_>, quota: f64) -> PyResult<NativeGame> {
    let weights = owned(&weights)?;
    native(py, || ThresholdGame::weighted_vote(weights, quota))
}

#[pyfunction]
pub fn bankruptcy_game(py: Python<'_>, estate: f64, claims: Numbers<'_>) -> PyResult<NativeGame> {
    let claims = owned(&claims)?;
    native(py, || ThresholdGame::bankruptcy(estate, claims))
}

#[pyfunction]
pub fn excess_game(
    py: Python<'_>,
    loads: Rows<'_>,
    limits: Numbers<'_>,
    prices: Numbers<'_>,
) -> PyResult<NativeGame> {
    checks::shape("loads", loads.shape(), &[loads.shape()[0], limits.len()])?;
    let (loads, limits, prices) = (by_row(&loads)?, owned(&limits)?, owned(&prices)?);
    native(py, || ThresholdGame::excess(loads, limits, prices))
}

#[pyfunction]
pub fn peak_game(
    py: Python<'_>,
    loads: Rows<'_>,
    ends: Vec<usize>,
    prices: Numbers<'_>,
) -> PyResult<NativeGame> {
    let steps = ends.last().copied().unwrap_or(0);
    checks::shape("loads", loads.shape(), &[loads.shape()[0], steps])?;
    let (loads, prices) = (by_row(&loads)?, owned(&prices)?);
    native(py, || PeakGame::new(loads, &ends, prices))
}

#[pyfunction]
pub fn spanning_tree_game(py: Python<'_>, costs: Rows<'_>) -> PyResult<NativeGame> {
    checks::shape("costs", costs.shape(), &[costs.shape()[0]; 2])?;
    checks::players("the number of players", costs.shape()[0].saturating_sub(1))?;
    let n_players = costs.shape()[0] - 1;
    let costs = by_row(&costs)?;
    native(py, || SpanningTreeGame::new(costs, n_players))
}

#[pyfunction]
pub fn induced_subgraph_game(py: Python<'_>, weights: Rows<'_>) -> PyResult<NativeGame> {
    checks::shape("weights", weights.shape(), &[weights.shape()[0]; 2])?;
    let n_players = weights.shape()[0];
    let weights = by_row(&weights)?;
    native(py, || InducedSubgraphGame::new(weights, n_players))
}

#[pyfunction]
pub fn weighted_sum_game(
    py: Python<'_>,
    games: Vec<PyRef<'_, NativeGame>>,
    weights: Numbers<'_>,
) -> PyResult<NativeGame> {
    checks::length("weights", weights.len(), games.len())?;
    let parts = owned(&weights)?.into_iter().zip(games.iter().map(|game| game.shared())).collect();
    native(py, || WeightedSum::new(parts))
}

#[pyfunction]
pub fn risk_game(
    py: Python<'_>,
    games: Vec<PyRef<'_, NativeGame>>,
    probabilities: Numbers<'_>,
    level: f64,
    weight: f64,
) -> PyResult<NativeGame> {
    checks::length("probabilities", probabilities.len(), games.len())?;
    let parts =
        owned(&probabilities)?.into_iter().zip(games.iter().map(|game| game.shared())).collect();
    native(py, || RiskGame::new(parts, level, weight))
}

#[pyfunction]
pub fn dual_game(py: Python<'_>, game: PyRef<'_, NativeGame>, total: f64) -> PyResult<NativeGame> {
    let game = game.shared();
    native(py, || DualGame::new(game, total))
}

#[pyfunction]
pub fn strategic_equivalent(
    py: Python<'_>,
    game: PyRef<'_, NativeGame>,
    factor: f64,
    offsets: Numbers<'_>,
) -> PyResult<NativeGame> {
    let (game, offsets) = (game.shared(), owned(&offsets)?);
    native(py, || StrategicEquivalent::new(game, factor, offsets))
}

#[pyfunction]
pub fn unions_game(
    py: Python<'_>,
    game: PyRef<'_, NativeGame>,
    unions: Vec<Vec<usize>>,
) -> PyResult<NativeGame> {
    let game = game.shared();
    native(py, || UnionsGame::new(game, unions))
}
