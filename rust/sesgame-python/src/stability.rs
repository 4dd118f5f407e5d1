//! Core, least core and nucleolus.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sesgame_engine::coalition::Coalition;
use sesgame_engine::stability::best_partition;
use sesgame_engine::stability::core_point::{
    Among, Rule, Step as EngineStep, core_point as choose_core_point,
};
use sesgame_engine::stability::excess::{self, Kind};
use sesgame_engine::stability::excess_with_each;
use sesgame_engine::stability::joint_level::joint_level as solve_joint_level;
use sesgame_engine::stability::least_core::{Core, core, least_core as solve_least_core};
use sesgame_engine::stability::maximal_surplus;
use sesgame_engine::stability::nash_program::near_nash_point as solve_near_nash_point;
use sesgame_engine::stability::nucleolus::{
    nucleoli as solve_nucleoli, nucleolus as solve_nucleolus,
};
use sesgame_engine::stability::row_generation::{self, Concept};
use sesgame_engine::stability::table_scan::most_violated as scan_most_violated;

use crate::arrays::{Column, by_row, column};
use crate::boundary::{run, watched};
use crate::checks;

/// `"gain"` or `"cost"` as the engine's own type.
pub struct KindName(pub Kind);

impl<'py> FromPyObject<'_, 'py> for KindName {
    type Error = PyErr;

    fn extract(name: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match name.extract::<&str>()? {
            "gain" => Ok(Self(Kind::Gain)),
            "cost" => Ok(Self(Kind::Cost)),
            other => Err(PyValueError::new_err(format!(
                "kind is {other:?}; it must be \"gain\" or \"cost\""
            ))),
        }
    }
}

/// The first proper coalition whose excess is at most `equal` less than the largest, and the largest
/// excess; `None` for a single player.
#[pyfunction]
#[pyo3(signature = (table, kind, allocation, equal, report=None))]
pub fn worst_coalition(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    allocation: PyReadonlyArray1<'_, f64>,
    equal: f64,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<(Coalition, f64)>> {
    let (table, allocation) = (table.as_slice()?, allocation.as_slice()?);
    run(py, table.len(), report, |progress| {
        excess::worst_coalition(table, kind.0, allocation, equal, progress)
    })
}

/// The first coalitions of an excess of at least `threshold`, and the number of all.
#[pyfunction]
#[pyo3(signature = (table, kind, allocation, threshold, limit, report=None))]
pub fn coalitions_at_least(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    allocation: PyReadonlyArray1<'_, f64>,
    threshold: f64,
    limit: usize,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Vec<Coalition>, u64)> {
    let (table, allocation) = (table.as_slice()?, allocation.as_slice()?);
    run(py, table.len(), report, |progress| {
        excess::coalitions_at_least(table, kind.0, allocation, threshold, limit, progress)
    })
}

/// Bins that each thread counts in.
const MOST_BINS: usize = 1 << 20;

/// How many proper coalitions have an excess in each of equal intervals.
#[pyfunction]
#[pyo3(signature = (table, kind, allocation, ends, bins, report=None))]
pub fn excess_histogram<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    allocation: PyReadonlyArray1<'_, f64>,
    ends: (f64, f64),
    bins: usize,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let (table, allocation) = (table.as_slice()?, allocation.as_slice()?);
    checks::indices("bins", [bins], MOST_BINS + 1)?;
    let counts = run(py, table.len(), report, |progress| {
        excess::excess_histogram(table, kind.0, allocation, ends, bins, progress)
    })?;
    Ok(counts.into_pyarray(py))
}

/// The largest excess of the coalitions with each player.
#[pyfunction]
#[pyo3(signature = (table, kind, allocation, report=None))]
pub fn largest_excess_with_each<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    allocation: PyReadonlyArray1<'_, f64>,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (table, allocation) = (table.as_slice()?, allocation.as_slice()?);
    let largest = run(py, table.len(), report, |progress| {
        excess_with_each::largest_excess_with_each(table, kind.0, allocation, progress)
    })?;
    Ok(largest.into_pyarray(py))
}

/// The matrix of maximal surpluses, by rows.
#[pyfunction]
#[pyo3(signature = (table, kind, allocation, report=None))]
pub fn maximal_surpluses<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    allocation: PyReadonlyArray1<'_, f64>,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (table, allocation) = (table.as_slice()?, allocation.as_slice()?);
    let surpluses = run(py, table.len(), report, |progress| {
        maximal_surplus::maximal_surpluses(table, kind.0, allocation, progress)
    })?;
    Ok(surpluses.into_pyarray(py))
}

/// What the players of each coalition reach in separate coalitions.
#[pyfunction]
#[pyo3(signature = (table, report=None))]
pub fn superadditive_cover<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'_, f64>,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    checks::finite("table", table.as_array())?;
    let table = table.as_slice()?;
    let cover = run(py, table.len(), report, |progress| {
        best_partition::superadditive_cover(table, progress)
    })?;
    Ok(cover.into_pyarray(py))
}

/// A partition whose coalitions reach what the cover has for all players.
#[pyfunction]
pub fn partition_of_cover(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    cover: PyReadonlyArray1<'_, f64>,
) -> PyResult<Vec<Coalition>> {
    let (table, cover) = (table.as_slice()?, cover.as_slice()?);
    watched(py, None, |_| best_partition::partition_of_cover(table, cover))
}

/// A stage: its excess, coalitions and their weights, bounds and their weights.
type Stage = (f64, Vec<(Coalition, f64)>, Vec<(usize, f64)>);

/// Scans, values read, pivots and pool rows.
type Effort = (u64, u64, u64, usize);

fn stage(stage: row_generation::Stage) -> Stage {
    (stage.excess, stage.weights, stage.bounds)
}

const fn effort(effort: row_generation::Effort) -> Effort {
    (effort.scans, effort.values_read, effort.pivots, effort.pool)
}

/// The nucleolus, its stages, whether bounds were in force, and how it was found.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct NucleolusOutcome {
    allocation: Column<f64>,
    stages: Vec<Stage>,
    individually_rational: bool,
    tolerance: f64,
    effort: Effort,
}

/// The nucleolus or one of its relatives.
#[pyfunction]
#[pyo3(signature = (table, kind, per_capita, individually_rational, accuracy, report=None))]
pub fn nucleolus(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    per_capita: bool,
    individually_rational: bool,
    accuracy: f64,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<NucleolusOutcome> {
    checks::finite("table", table.as_array())?;
    checks::amounts("accuracy", [&accuracy])?;
    let table = table.as_slice()?;
    let concept = Concept { per_capita, individually_rational, accuracy };
    let solution =
        run(py, table.len(), report, |progress| solve_nucleolus(table, kind.0, concept, progress))?;
    Ok(NucleolusOutcome {
        allocation: column(py, solution.allocation),
        stages: solution.stages.into_iter().map(stage).collect(),
        individually_rational: solution.individually_rational,
        tolerance: solution.tolerance,
        effort: effort(solution.effort),
    })
}

/// The nucleoli of many games, one row each.
#[pyfunction]
pub fn nucleoli<'py>(
    py: Python<'py>,
    tables: PyReadonlyArray2<'_, f64>,
    kind: KindName,
    per_capita: bool,
    individually_rational: bool,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    checks::finite("tables", tables.as_array())?;
    let length = tables.shape()[1];
    let tables = tables.as_slice()?;
    let concept = Concept { per_capita, individually_rational, accuracy: 0.0 };
    let allocations = run(py, tables.len(), None, |progress| {
        solve_nucleoli(tables, length, kind.0, concept, progress)
    })?;
    Ok(allocations.into_pyarray(py))
}

/// The least core's value, an allocation, the stages of that value, and how they were found.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct LeastCoreOutcome {
    value: f64,
    allocation: Column<f64>,
    stages: Vec<Stage>,
    tolerance: f64,
    effort: Effort,
}

/// The least core, of excesses or of excesses per member.
#[pyfunction]
#[pyo3(signature = (table, kind, per_capita, report=None))]
pub fn least_core(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    per_capita: bool,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<LeastCoreOutcome> {
    checks::finite("table", table.as_array())?;
    let table = table.as_slice()?;
    let solution = run(py, table.len(), report, |progress| {
        solve_least_core(table, kind.0, per_capita, progress)
    })?;
    Ok(LeastCoreOutcome {
        value: solution.value,
        allocation: column(py, solution.allocation),
        stages: solution.stages.into_iter().map(stage).collect(),
        tolerance: solution.tolerance,
        effort: effort(solution.effort),
    })
}

/// A point of the core or a stage that proves it empty; the tolerance; the effort.
type CoreWitness<'py> = (Option<Bound<'py, PyArray1<f64>>>, Option<Stage>, f64, Effort);

/// Whether the core is empty, with a witness either way.
#[pyfunction]
#[pyo3(signature = (table, kind, accuracy, report=None))]
pub fn core_witness<'py>(
    py: Python<'py>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    accuracy: f64,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<CoreWitness<'py>> {
    checks::finite("table", table.as_array())?;
    checks::amounts("accuracy", [&accuracy])?;
    let table = table.as_slice()?;
    let (witness, tolerance, spent) =
        run(py, table.len(), report, |progress| core(table, kind.0, accuracy, progress))?;
    Ok(match witness {
        Core::Contains(point) => (Some(point.into_pyarray(py)), None, tolerance, effort(spent)),
        Core::Empty(proof) => (None, Some(stage(proof)), tolerance, effort(spent)),
    })
}

/// Level, players and weights, coalitions and multipliers, players at a bound and multipliers,
/// multiplier of all.
type Step = (f64, Vec<(usize, f64)>, Vec<(Coalition, f64)>, Vec<(usize, f64)>, f64);

/// A point of the core or least core: the excess allowed, the stages of the least core, and the steps
/// that prove the choice.
#[pyclass(frozen, get_all, module = "sesgame._engine")]
pub struct CorePointOutcome {
    allowed: f64,
    allocation: Column<f64>,
    stages: Vec<Stage>,
    steps: Vec<Step>,
    contradiction: Option<Step>,
    tolerance: f64,
    effort: Effort,
}

/// The point of the core or least core that is nearest to a reference, or whose advantages over it
/// are lexicographically largest.
#[pyfunction]
#[pyo3(signature = (table, kind, leximin, reference, accuracy, least_core, bounds, report=None))]
#[allow(clippy::too_many_arguments)]
pub fn core_point(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    leximin: bool,
    reference: PyReadonlyArray1<'_, f64>,
    accuracy: f64,
    least_core: bool,
    bounds: Vec<(f64, f64)>,
    report: Option<&Bound<'_, PyAny>>,
) -> PyResult<CorePointOutcome> {
    checks::finite("table", table.as_array())?;
    checks::finite("reference", reference.as_array())?;
    checks::amounts("accuracy", [&accuracy])?;
    checks::numbers("bounds", bounds.iter().flat_map(|(lower, upper)| [lower, upper]))?;
    let (table, reference) = (table.as_slice()?, reference.as_slice()?);
    let rule = if leximin { Rule::Leximin } else { Rule::Nearest };
    let among = Among { accuracy, least_core, bounds: &bounds };
    let chosen = run(py, table.len(), report, |progress| {
        choose_core_point(table, kind.0, rule, reference, among, progress)
    })?;
    let step =
        |step: EngineStep| (step.level, step.players, step.coalitions, step.bounds, step.total);
    Ok(CorePointOutcome {
        allowed: chosen.allowed,
        allocation: column(py, chosen.allocation),
        stages: chosen.stages.into_iter().map(stage).collect(),
        steps: chosen.steps.into_iter().map(step).collect(),
        contradiction: chosen.contradiction.map(step),
        tolerance: chosen.tolerance,
        effort: effort(chosen.effort),
    })
}

/// The `count` coalitions of largest excess above `level`, the largest first; with `sample = k` of
/// about one block of the table in `2^k`.
#[pyfunction]
pub fn most_violated(
    py: Python<'_>,
    table: PyReadonlyArray1<'_, f64>,
    kind: KindName,
    allocation: PyReadonlyArray1<'_, f64>,
    level: f64,
    count: usize,
    sample: u32,
) -> PyResult<Vec<Coalition>> {
    checks::indices("sample", [sample as usize], Coalition::BITS as usize)?;
    checks::finite("allocation", allocation.as_array())?;
    checks::numbers("level", [&level])?;
    let (table, allocation) = (table.as_slice()?, allocation.as_slice()?);
    run(py, table.len(), None, |progress| {
        scan_most_violated(table, kind.0, allocation, level, count, sample, progress)
    })
}

/// Level, point, multipliers of rows, multiplier of the sum.
type JointLevel = (f64, Column<f64>, Column<f64>, f64);

/// The largest level that raised rows `g x >= h + t` reach together where the others, `g x >= h`,
/// hold and the entries of `x` add up to `total`; `None` where the others contradict each other.
#[pyfunction]
pub fn joint_level(
    py: Python<'_>,
    rows: PyReadonlyArray2<'_, f64>,
    demands: PyReadonlyArray1<'_, f64>,
    raised: PyReadonlyArray1<'_, bool>,
    total: f64,
) -> PyResult<Option<JointLevel>> {
    checks::length("demands", demands.len(), rows.shape()[0])?;
    checks::length("raised", raised.len(), rows.shape()[0])?;
    checks::finite("rows", rows.as_array())?;
    checks::finite("demands", demands.as_array())?;
    checks::finite("total", [&total])?;
    let (matrix, n) = (by_row(&rows)?, rows.shape()[1]);
    let (demands, raised) = (demands.as_slice()?, raised.as_slice()?);
    let found = run(py, matrix.len(), None, |progress| {
        solve_joint_level(&matrix, demands, raised, n, total, progress)
    })?;
    Ok(found.map(|found| {
        let (point, multipliers) = (column(py, found.point), column(py, found.multipliers));
        (found.level, point, multipliers, found.total)
    }))
}

/// Gains, slacks of rows, multipliers of rows, multiplier of the sum.
type NearNashPoint = (Column<f64>, Column<f64>, Column<f64>, f64);

/// A point near that of the largest weighted sum of logarithms of gains of sum 1 with
/// `rows @ gains >= demands`; `None` where no end is found.
#[pyfunction]
pub fn near_nash_point(
    py: Python<'_>,
    rows: PyReadonlyArray2<'_, f64>,
    demands: PyReadonlyArray1<'_, f64>,
    weights: PyReadonlyArray1<'_, f64>,
) -> PyResult<Option<NearNashPoint>> {
    checks::shape("rows", rows.shape(), &[demands.len(), weights.len()])?;
    checks::finite("rows", rows.as_array())?;
    checks::finite("demands", demands.as_array())?;
    checks::amounts("weights", weights.as_array())?;
    let rows = by_row(&rows)?;
    let (demands, weights) = (demands.as_slice()?, weights.as_slice()?);
    let found = run(py, rows.len(), None, |progress| {
        solve_near_nash_point(&rows, demands, weights, progress)
    })?;
    Ok(found.map(|found| {
        let (gains, slacks) = (column(py, found.gains), column(py, found.slacks));
        (gains, slacks, column(py, found.multipliers), found.total)
    }))
}
