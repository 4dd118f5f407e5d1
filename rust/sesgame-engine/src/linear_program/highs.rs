//! The one place that talks to HiGHS, through its C interface.
//!
//! Solvers are kept, one or a few per thread, and cleared rather than destroyed: creating one is
//! slow, and destroying one is not thread-safe in the versions this crate builds (1.12-1.15).
//!
//! Every solve can be stopped. HiGHS asks before each iteration of the simplex method and between
//! the steps of an integer program whether to go on, but not during presolve, a factorisation, or
//! the linear programs inside an integer one. What may be deaf for long therefore runs on a thread
//! of its own, which is left behind when it does not hear: it ends by itself at the next question.
//! Until then the process must not end ([`await_solves_left_behind`]).

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use highs_sys as c;

use super::{Solution, Status};
use crate::error::{Error, Result};
use crate::per_process::PerProcess;
use crate::progress::{Progress, Search};

/// Linear programs from so many entries of the matrix on may be deaf for a second: that many are
/// presolved in some 0.1 s.
const LARGE: usize = 200_000;
/// How often a solve on a thread of its own looks whether it is to stop.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);
/// How long a solve that is to stop may take until it does; then it is left behind.
const PATIENCE: Duration = Duration::from_millis(300);

/// The bit of a rule of presolve. Undoing it prints a line to standard output for some bases, silent or
/// not; integer programs have no basis to undo.
const PARALLEL_ROWS_AND_COLUMNS: i32 = 1 << 13;

#[cfg(all(feature = "static-highs", feature = "shared-highs"))]
compile_error!("HiGHS is either static or shared: shared-highs needs --no-default-features");

/// The version of HiGHS that runs, and how it came in: `"1.15.0 (static)"`.
#[must_use]
pub fn highs_version() -> String {
    // SAFETY: no arguments; the result is a NUL-terminated string that lives as long as the library.
    let version = unsafe { CStr::from_ptr(c::Highs_version()) }.to_string_lossy();
    let how = if cfg!(feature = "shared-highs") { "shared" } else { "static" };
    format!("{version} ({how})")
}

/// Serialises creation and destruction of solvers in a process.
static LIFETIME: PerProcess<Mutex<()>> = PerProcess::new(|| Mutex::new(()));

/// Threads that were left behind.
static LEFT_BEHIND: PerProcess<Mutex<Vec<JoinHandle<()>>>> =
    PerProcess::new(|| Mutex::new(Vec::new()));

/// Adds a thread to those that were left behind, if there is one, and takes out those that have
/// ended; returns how many are at work.
fn left_behind(one_more: Option<JoinHandle<()>>) -> usize {
    let mut threads = LEFT_BEHIND.get().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    threads.extend(one_more);
    let (ended, at_work): (Vec<_>, Vec<_>) = threads.drain(..).partition(JoinHandle::is_finished);
    *threads = at_work;
    for thread in ended {
        // Nobody is interested in the result any more, nor in a panic.
        let _ = thread.join();
    }
    threads.len()
}

/// Waits for solves that were left behind, while `goes_on` says so, and returns how many are still
/// at work.
///
/// The end of a process destroys what the instances of HiGHS share; a solve that is under way then
/// aborts the process.
pub fn await_solves_left_behind(mut goes_on: impl FnMut() -> bool) -> usize {
    loop {
        let at_work = left_behind(None);
        if at_work == 0 || !goes_on() {
            return at_work;
        }
        thread::sleep(WATCH_INTERVAL);
    }
}

thread_local! {
    /// Cleared solvers that wait for the next [`Model`] of this thread.
    static IDLE: RefCell<Vec<Solver>> = const { RefCell::new(Vec::new()) };
}

/// An owned HiGHS instance.
#[derive(Debug)]
struct Solver(*mut c_void);

// SAFETY: a HiGHS instance has no thread affinity; it may move to another thread as long as one
// thread at a time uses it, which exclusive ownership guarantees.
unsafe impl Send for Solver {}

impl Solver {
    fn take() -> Self {
        let idle = IDLE.try_with(|idle| idle.borrow_mut().pop()).ok().flatten();
        let solver = idle.unwrap_or_else(|| {
            let _guard = LIFETIME.get().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // SAFETY: no arguments; the result is owned here and freed in `drop`.
            Self(unsafe { c::Highs_create() })
        });
        solver.set_default_options();
        solver
    }

    fn give_back(self) {
        // SAFETY: `self.0` is a live instance; clearing leaves it without model and options.
        unsafe {
            c::Highs_clearModel(self.0);
            c::Highs_resetOptions(self.0);
        }
        // A thread that is ending has no pool any more; the solver is then destroyed by `drop`.
        let mut slot = Some(self);
        let _ = IDLE.try_with(|idle| {
            if let Some(solver) = slot.take() {
                idle.borrow_mut().push(solver);
            }
        });
    }

    /// Silent, sequential, reproducible.
    fn set_default_options(&self) {
        self.set_bool(c"output_flag", false);
        self.set_int(c"threads", 1);
        self.set_int(c"random_seed", 0);
        // SAFETY: live instance, NUL-terminated strings.
        let status =
            unsafe { c::Highs_setStringOptionValue(self.0, c"parallel".as_ptr(), c"off".as_ptr()) };
        debug_assert_eq!(status, c::STATUS_OK);
    }

    fn set_bool(&self, option: &CStr, value: bool) {
        // SAFETY: live instance, NUL-terminated name.
        let status = unsafe { c::Highs_setBoolOptionValue(self.0, option.as_ptr(), value.into()) };
        debug_assert_eq!(status, c::STATUS_OK, "{option:?}");
    }

    fn set_int(&self, option: &CStr, value: i32) {
        // SAFETY: live instance, NUL-terminated name.
        let status = unsafe { c::Highs_setIntOptionValue(self.0, option.as_ptr(), value) };
        debug_assert_eq!(status, c::STATUS_OK, "{option:?}");
    }

    fn set_double(&self, option: &CStr, value: f64) {
        // SAFETY: live instance, NUL-terminated name.
        let status = unsafe { c::Highs_setDoubleOptionValue(self.0, option.as_ptr(), value) };
        debug_assert_eq!(status, c::STATUS_OK, "{option:?}");
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        let _guard = LIFETIME.get().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SAFETY: the instance is owned, live, and not used again.
        unsafe { c::Highs_destroy(self.0) }
    }
}

/// Which columns and rows of a [`Model`] are basic, in the solver's own code.
#[derive(Debug, Clone)]
pub struct Basis {
    columns: Vec<i32>,
    rows: Vec<i32>,
}

/// Where a column or a row of a [`Basis`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It follows from the others.
    Basic,
    /// At its lower bound.
    Lower,
    /// At its upper bound.
    Upper,
    /// At zero, without bounds.
    Zero,
}

impl Place {
    const fn code(self) -> i32 {
        match self {
            Self::Basic => c::kHighsBasisStatusBasic,
            Self::Lower => c::kHighsBasisStatusLower,
            Self::Upper => c::kHighsBasisStatusUpper,
            Self::Zero => c::kHighsBasisStatusZero,
        }
    }
}

impl Basis {
    /// A basis, which need not be feasible: as many columns and rows are basic as there are rows.
    #[must_use]
    pub fn new(columns: &[Place], rows: &[Place]) -> Self {
        let codes = |places: &[Place]| places.iter().map(|place| place.code()).collect();
        Self { columns: codes(columns), rows: codes(rows) }
    }

    /// Where the columns and then the rows stand.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let place = |&code: &i32| match code {
            c::kHighsBasisStatusBasic => Place::Basic,
            c::kHighsBasisStatusUpper => Place::Upper,
            c::kHighsBasisStatusZero => Place::Zero,
            _ => Place::Lower,
        };
        self.columns.iter().chain(&self.rows).map(place).collect()
    }

    /// The rows that the basis holds at a bound.
    pub fn tight_rows(&self) -> impl Iterator<Item = usize> + '_ {
        let tight = |&row: &usize| self.rows[row] != c::kHighsBasisStatusBasic;
        (0..self.rows.len()).filter(tight)
    }
}

/// A persistent minimisation model: columns with a cost and bounds, rows with two-sided bounds.
///
/// Columns and rows are numbered from 0 in the order in which they were added. Infinite bounds
/// are `f64::INFINITY` and `f64::NEG_INFINITY`.
#[derive(Debug)]
pub struct Model {
    /// `None` after a solve that was stopped: what it left is nothing to build on.
    solver: Option<Solver>,
    n_columns: usize,
    n_rows: usize,
    n_entries: usize,
    has_integers: bool,
    fresh: Fresh,
    /// What an objective of 0 and one more of it mean to whoever watches the search.
    shown: Option<(f64, f64)>,
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if let Some(solver) = self.solver.take() {
            solver.give_back();
        }
    }
}

impl Model {
    /// An empty model.
    #[must_use]
    pub fn new() -> Self {
        Self {
            solver: Some(Solver::take()),
            n_columns: 0,
            n_rows: 0,
            n_entries: 0,
            has_integers: false,
            fresh: Fresh::default(),
            shown: None,
        }
    }

    fn solver(&self) -> &Solver {
        self.solver.as_ref().expect("a model is not used after a solve that was stopped")
    }

    /// Whether the model can be used: until a solve is stopped.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        self.solver.is_some()
    }

    /// The number of columns.
    #[must_use]
    pub const fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The number of rows.
    #[must_use]
    pub const fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds a continuous column and returns its number.
    pub fn add_column(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.fresh.cost.push(cost);
        self.fresh.column_lower.push(lower);
        self.fresh.column_upper.push(upper);
        self.n_columns += 1;
        self.n_columns - 1
    }

    /// Adds a column that takes integer values only and returns its number.
    pub fn add_integer_column(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        let column = self.add_column(cost, lower, upper);
        self.fresh.integers.push(index(column));
        self.has_integers = true;
        column
    }

    /// Adds `lower <= sum of coefficient * column <= upper` and returns the row's number. Each
    /// column stands at most once in `entries`.
    pub fn add_row(&mut self, lower: f64, upper: f64, entries: &[(usize, f64)]) -> usize {
        self.fresh.row_lower.push(lower);
        self.fresh.row_upper.push(upper);
        self.fresh.starts.push(index(self.fresh.columns.len()));
        for &(column, value) in entries {
            self.fresh.columns.push(index(column));
            self.fresh.coefficients.push(value);
        }
        self.n_rows += 1;
        self.n_entries += entries.len();
        self.n_rows - 1
    }

    /// The solver with all columns and rows in it.
    fn solver_of_all(&mut self) -> &Solver {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.add_to(self.solver());
        self.solver()
    }

    /// Changes the bounds of a row.
    pub fn set_row_bounds(&mut self, row: usize, lower: f64, upper: f64) {
        assert!(row < self.n_rows, "row {row} of {}", self.n_rows);
        // SAFETY: live instance, existing row.
        let status =
            unsafe { c::Highs_changeRowBounds(self.solver_of_all().0, index(row), lower, upper) };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes the bounds of a column.
    pub fn set_column_bounds(&mut self, column: usize, lower: f64, upper: f64) {
        assert!(column < self.n_columns, "column {column} of {}", self.n_columns);
        // SAFETY: live instance, existing column.
        let status = unsafe {
            c::Highs_changeColBounds(self.solver_of_all().0, index(column), lower, upper)
        };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes the bounds of several rows, each named once.
    pub fn set_rows_bounds(&mut self, rows: &[i32], lower: &[f64], upper: &[f64]) {
        check_places(rows, lower, upper, self.n_rows);
        let (count, rows) = (index(rows.len()), rows.as_ptr());
        // SAFETY: live instance, existing rows, `count` elements in each array.
        let status = unsafe {
            c::Highs_changeRowsBoundsBySet(
                self.solver_of_all().0,
                count,
                rows,
                lower.as_ptr(),
                upper.as_ptr(),
            )
        };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes the bounds of several columns, each named once.
    pub fn set_columns_bounds(&mut self, columns: &[i32], lower: &[f64], upper: &[f64]) {
        check_places(columns, lower, upper, self.n_columns);
        let (count, columns) = (index(columns.len()), columns.as_ptr());
        // SAFETY: live instance, existing columns, `count` elements in each array.
        let status = unsafe {
            c::Highs_changeColsBoundsBySet(
                self.solver_of_all().0,
                count,
                columns,
                lower.as_ptr(),
                upper.as_ptr(),
            )
        };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes the cost of a column.
    pub fn set_column_cost(&mut self, column: usize, cost: f64) {
        assert!(column < self.n_columns, "column {column} of {}", self.n_columns);
        // SAFETY: live instance, existing column.
        let status = unsafe { c::Highs_changeColCost(self.solver_of_all().0, index(column), cost) };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes one coefficient of the matrix.
    pub fn set_coefficient(&mut self, row: usize, column: usize, value: f64) {
        assert!(row < self.n_rows && column < self.n_columns, "entry ({row}, {column})");
        // SAFETY: live instance, existing row and column.
        let status = unsafe {
            c::Highs_changeCoeff(self.solver_of_all().0, index(row), index(column), value)
        };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Primal and dual feasibility tolerance of the simplex method, and that of integer programs,
    /// from 1e-10 to infinity (HiGHS: 1e-7 and 1e-6).
    pub fn set_feasibility_tolerance(&mut self, tolerance: f64) {
        self.solver().set_double(c"primal_feasibility_tolerance", tolerance);
        self.solver().set_double(c"dual_feasibility_tolerance", tolerance);
        self.set_integrality_tolerance(tolerance);
    }

    /// How far integers may be from whole numbers, from 1e-10 to infinity (HiGHS: 1e-6).
    pub fn set_integrality_tolerance(&mut self, tolerance: f64) {
        self.solver().set_double(c"mip_feasibility_tolerance", tolerance);
    }

    /// Relative and absolute gap at which an integer program counts as solved (0 = proved).
    pub fn set_integer_gap(&mut self, relative: f64, absolute: f64) {
        self.solver().set_double(c"mip_rel_gap", relative);
        self.solver().set_double(c"mip_abs_gap", absolute);
    }

    /// An integer program looks for solutions whose objective is smaller; where there is none, it
    /// ends as [`Status::Infeasible`].
    pub fn set_cutoff(&mut self, objective: f64) {
        self.solver().set_double(c"objective_bound", objective);
    }

    /// Seconds after which the next solve stops with [`Status::TimeLimit`].
    pub fn set_time_limit(&mut self, seconds: f64) {
        // HiGHS counts the time of all runs of an instance: start the clock anew.
        // SAFETY: live instance.
        unsafe { c::Highs_zeroAllClocks(self.solver().0) };
        self.solver().set_double(c"time_limit", seconds);
    }

    /// Iterations of the simplex method after which the next solve stops with
    /// [`Status::IterationLimit`].
    pub fn set_iteration_limit(&mut self, iterations: u32) {
        let iterations = i32::try_from(iterations).unwrap_or(i32::MAX);
        self.solver().set_int(c"simplex_iteration_limit", iterations);
    }

    /// The basis that the last solve ended with, as a start for another solve of this model or of
    /// one with the same columns and rows.
    #[must_use]
    pub fn basis(&mut self) -> Basis {
        let mut basis = Basis { columns: vec![0; self.n_columns], rows: vec![0; self.n_rows] };
        let (columns, rows) = (basis.columns.as_mut_ptr(), basis.rows.as_mut_ptr());
        // SAFETY: live instance; the arrays have as many elements as there are columns, rows.
        let status = unsafe { c::Highs_getBasis(self.solver_of_all().0, columns, rows) };
        debug_assert_ne!(status, c::STATUS_ERROR);
        basis
    }

    /// Starts the next solve from a basis.
    pub fn set_basis(&mut self, basis: &Basis) {
        assert!(
            basis.columns.len() == self.n_columns && basis.rows.len() == self.n_rows,
            "the basis of another model"
        );
        let (columns, rows) = (basis.columns.as_ptr(), basis.rows.as_ptr());
        // SAFETY: live instance; the arrays have as many elements as there are columns, rows.
        let status = unsafe { c::Highs_setBasis(self.solver_of_all().0, columns, rows) };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Forgets the basis, so that the next solve starts cold.
    pub fn forget_basis(&mut self) {
        // SAFETY: live instance.
        unsafe { c::Highs_clearSolver(self.solver().0) };
    }

    /// Shows the search of an integer program to whoever watches: its objective times `factor`,
    /// plus `offset`.
    pub fn show_search(&mut self, offset: f64, factor: f64) {
        self.shown = Some((offset, factor));
    }

    /// Solves the model, from the last basis where there is one. How that ended is
    /// [`Solution::status`].
    ///
    /// # Errors
    /// [`Error::Interrupted`] soon after [`Progress::cancel`]; the model is then no longer
    /// [usable](Model::is_usable).
    pub fn solve(&mut self, progress: &Progress) -> Result<Solution> {
        progress.check()?;
        self.solver_of_all();
        if !self.has_integers {
            self.solver().set_int(c"presolve_rule_off", PARALLEL_ROWS_AND_COLUMNS);
        }
        let run = Run {
            n_columns: self.n_columns,
            n_rows: self.n_rows,
            has_integers: self.has_integers,
            shown: self.shown,
            progress: progress.clone(),
        };
        let may_be_deaf = self.has_integers || self.n_entries >= LARGE;
        let solution = if may_be_deaf {
            let solver = self.solver.take().expect("a model is not used after it was stopped");
            let (solver, solution) = run.on_own_thread(solver)?;
            self.solver = Some(solver);
            solution
        } else {
            run.solution(self.solver())
        };
        if solution.status == Status::Interrupted {
            if let Some(solver) = self.solver.take() {
                solver.give_back();
            }
            return Err(Error::Interrupted);
        }
        Ok(solution)
    }
}

/// Columns and rows that the solver does not have yet: one by one each of them would take a pass over
/// all before.
#[derive(Debug, Default)]
struct Fresh {
    cost: Vec<f64>,
    column_lower: Vec<f64>,
    column_upper: Vec<f64>,
    integers: Vec<i32>,
    row_lower: Vec<f64>,
    row_upper: Vec<f64>,
    /// Where each row starts in the two below.
    starts: Vec<i32>,
    columns: Vec<i32>,
    coefficients: Vec<f64>,
}

impl Fresh {
    fn add_to(&self, solver: &Solver) {
        let highs = solver.0;
        if !self.cost.is_empty() {
            // SAFETY: live instance; the arrays have one element for each column, and no entries
            // are passed, so the pointers to those are not read.
            let status = unsafe {
                c::Highs_addCols(
                    highs,
                    index(self.cost.len()),
                    self.cost.as_ptr(),
                    self.column_lower.as_ptr(),
                    self.column_upper.as_ptr(),
                    0,
                    std::ptr::null(),
                    std::ptr::null(),
                    std::ptr::null(),
                )
            };
            debug_assert_ne!(status, c::STATUS_ERROR);
        }
        for &column in &self.integers {
            // SAFETY: live instance, existing column.
            let status =
                unsafe { c::Highs_changeColIntegrality(highs, column, c::VAR_TYPE_INTEGER) };
            debug_assert_ne!(status, c::STATUS_ERROR);
        }
        if !self.row_lower.is_empty() {
            // SAFETY: live instance, existing columns; the arrays have one element for each row, and
            // one for each entry.
            let status = unsafe {
                c::Highs_addRows(
                    highs,
                    index(self.row_lower.len()),
                    self.row_lower.as_ptr(),
                    self.row_upper.as_ptr(),
                    index(self.columns.len()),
                    self.starts.as_ptr(),
                    self.columns.as_ptr(),
                    self.coefficients.as_ptr(),
                )
            };
            debug_assert_ne!(status, c::STATUS_ERROR);
        }
    }
}

/// One solve of a model, and who watches it.
struct Run {
    n_columns: usize,
    n_rows: usize,
    has_integers: bool,
    shown: Option<(f64, f64)>,
    progress: Progress,
}

impl Run {
    /// Solves on a thread of its own, which keeps the solver if it does not stop when asked to.
    fn on_own_thread(self, solver: Solver) -> Result<(Solver, Solution)> {
        let progress = self.progress.clone();
        let (sender, receiver) = channel();
        let thread = thread::Builder::new()
            .name("sesgame HiGHS".to_owned())
            .spawn(move || {
                let solution = self.solution(&solver);
                // Where nobody waits any more the solver comes back and is destroyed.
                let _ = sender.send((solver, solution));
            })
            .map_err(|error| failed(&format!("no thread: {error}")))?;
        let mut asked_to_stop: Option<Instant> = None;
        loop {
            match receiver.recv_timeout(WATCH_INTERVAL) {
                Ok(done) => {
                    // What HiGHS has for each thread goes with the thread, which nobody may leave.
                    let _ = thread.join();
                    return Ok(done);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(failed("failed")),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if progress.check().is_err()
                && asked_to_stop.get_or_insert_with(Instant::now).elapsed() > PATIENCE
            {
                left_behind(Some(thread));
                return Err(Error::Interrupted);
            }
        }
    }

    /// Solves on this thread.
    fn solution(&self, solver: &Solver) -> Solution {
        let highs = solver.0;
        let kinds = [
            c::kHighsCallbackSimplexInterrupt,
            c::kHighsCallbackIpmInterrupt,
            c::kHighsCallbackMipInterrupt,
        ];
        // SAFETY: live instance; HiGHS calls back on this thread and while it runs only, when `self`
        // is borrowed, and the callback is taken out again before that borrow ends.
        unsafe {
            let watch = std::ptr::from_ref(self).cast_mut().cast();
            c::Highs_setCallback(highs, Some(stop_when_cancelled), watch);
            for kind in kinds {
                c::Highs_startCallback(highs, kind);
            }
        }
        let solution = self.run(highs);
        // SAFETY: live instance.
        unsafe {
            for kind in kinds {
                c::Highs_stopCallback(highs, kind);
            }
            c::Highs_setCallback(highs, None, std::ptr::null_mut());
        }
        solution
    }

    fn run(&self, highs: *mut c_void) -> Solution {
        let mut solution = Solution {
            status: Status::Failed,
            objective: f64::NAN,
            bound: f64::NEG_INFINITY,
            duality_error: 0.0,
            columns: vec![0.0; self.n_columns],
            column_duals: vec![0.0; self.n_columns],
            row_duals: vec![0.0; self.n_rows],
        };
        let mut row_values = vec![0.0; self.n_rows];
        // SAFETY: live instance; the four arrays have as many elements as there are columns, rows.
        unsafe {
            let run = c::Highs_run(highs);
            solution.status = match c::Highs_getModelStatus(highs) {
                _ if run == c::STATUS_ERROR => Status::Failed,
                c::MODEL_STATUS_OPTIMAL | c::MODEL_STATUS_MODEL_EMPTY => Status::Optimal,
                c::MODEL_STATUS_INFEASIBLE => Status::Infeasible,
                c::MODEL_STATUS_UNBOUNDED => Status::Unbounded,
                c::MODEL_STATUS_UNBOUNDED_OR_INFEASIBLE => Status::InfeasibleOrUnbounded,
                c::MODEL_STATUS_REACHED_TIME_LIMIT => Status::TimeLimit,
                c::MODEL_STATUS_REACHED_ITERATION_LIMIT => Status::IterationLimit,
                c::MODEL_STATUS_REACHED_INTERRUPT => Status::Interrupted,
                _ => Status::Failed,
            };
            c::Highs_getSolution(
                highs,
                solution.columns.as_mut_ptr(),
                solution.column_duals.as_mut_ptr(),
                row_values.as_mut_ptr(),
                solution.row_duals.as_mut_ptr(),
            );
            solution.objective = c::Highs_getObjectiveValue(highs);
            if self.has_integers {
                let name = c"mip_dual_bound";
                c::Highs_getDoubleInfoValue(highs, name.as_ptr(), &raw mut solution.bound);
            } else if solution.status == Status::Optimal {
                solution.bound = solution.objective;
                let name = c"primal_dual_objective_error";
                c::Highs_getDoubleInfoValue(highs, name.as_ptr(), &raw mut solution.duality_error);
            }
        }
        if self.has_integers {
            solution.column_duals.clear();
            solution.row_duals.clear();
        }
        // Whatever HiGHS makes of it, an end that was asked for is one.
        if solution.status != Status::Optimal && self.progress.check().is_err() {
            solution.status = Status::Interrupted;
        }
        solution
    }

    /// What HiGHS asks now and then: reports the search, and tells whether to stop.
    fn is_to_stop(&self, is_search: bool, best: f64, bound: f64) -> bool {
        if let Some((offset, factor)) = self.shown.filter(|_| is_search) {
            let shown = |objective: f64| offset + factor * objective;
            self.progress.report_search(Search { best: shown(best), bound: shown(bound) });
        }
        self.progress.check().is_err()
    }
}

fn failed(status: &str) -> Error {
    Error::Solver { stage: "HiGHS".to_owned(), status: status.to_owned() }
}

/// What HiGHS calls now and then during a solve.
///
/// # Safety
/// `data_out` and `data_in` point to the records that HiGHS made for this call, `run` to a live
/// [`Run`].
unsafe extern "C" fn stop_when_cancelled(
    kind: std::ffi::c_int,
    _message: *const std::ffi::c_char,
    data_out: *const c::HighsCallbackDataOut,
    data_in: *mut c::HighsCallbackDataIn,
    run: *mut c_void,
) {
    // SAFETY: what the caller promises.
    unsafe {
        let is_search = kind == c::kHighsCallbackMipInterrupt && !data_out.is_null();
        let (best, bound) = if is_search {
            ((*data_out).mip_primal_bound, (*data_out).mip_dual_bound)
        } else {
            (f64::NAN, f64::NAN)
        };
        if (*run.cast::<Run>()).is_to_stop(is_search, best, bound) && !data_in.is_null() {
            (*data_in).user_interrupt = 1;
        }
    }
}

fn check_places(places: &[i32], lower: &[f64], upper: &[f64], size: usize) {
    assert!(places.len() == lower.len() && places.len() == upper.len());
    assert!(places.iter().all(|&place| usize::try_from(place).is_ok_and(|place| place < size)));
}

/// HiGHS counts in 32-bit integers.
fn index(value: usize) -> i32 {
    i32::try_from(value).expect("a model has fewer than 2^31 rows, columns and entries in a row")
}
