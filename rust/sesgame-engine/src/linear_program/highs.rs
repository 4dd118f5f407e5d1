//! The one place that talks to HiGHS, through its C interface.
//!
//! Solvers are kept, one or a few per thread, and cleared rather than destroyed: creating one is
//! slow, and destroying one is not thread-safe in the versions this crate builds (1.12-1.15).

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::sync::Mutex;

use highs_sys as c;

use super::{Solution, Status};
use crate::per_process::PerProcess;
use crate::progress::Progress;

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

impl Basis {
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
    solver: Option<Solver>,
    n_columns: usize,
    n_rows: usize,
    has_integers: bool,
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
        Self { solver: Some(Solver::take()), n_columns: 0, n_rows: 0, has_integers: false }
    }

    fn solver(&self) -> &Solver {
        self.solver.as_ref().expect("the solver leaves only in drop")
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
        // SAFETY: live instance; no matrix entries are passed, so the pointers are not read.
        let status = unsafe {
            c::Highs_addCol(
                self.solver().0,
                cost,
                lower,
                upper,
                0,
                std::ptr::null(),
                std::ptr::null(),
            )
        };
        debug_assert_ne!(status, c::STATUS_ERROR);
        self.n_columns += 1;
        self.n_columns - 1
    }

    /// Adds a column that takes integer values only and returns its number.
    pub fn add_integer_column(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        let column = self.add_column(cost, lower, upper);
        // SAFETY: live instance, existing column.
        let status = unsafe {
            c::Highs_changeColIntegrality(self.solver().0, index(column), c::VAR_TYPE_INTEGER)
        };
        debug_assert_ne!(status, c::STATUS_ERROR);
        self.has_integers = true;
        column
    }

    /// Adds `lower <= sum of coefficient * column <= upper` and returns the row's number. Each
    /// column stands at most once in `entries`.
    pub fn add_row(&mut self, lower: f64, upper: f64, entries: &[(usize, f64)]) -> usize {
        let columns: Vec<i32> = entries.iter().map(|&(column, _)| index(column)).collect();
        let coefficients: Vec<f64> = entries.iter().map(|&(_, value)| value).collect();
        // SAFETY: live instance; both arrays have `entries.len()` elements.
        let status = unsafe {
            c::Highs_addRow(
                self.solver().0,
                lower,
                upper,
                index(entries.len()),
                columns.as_ptr(),
                coefficients.as_ptr(),
            )
        };
        debug_assert_ne!(status, c::STATUS_ERROR);
        self.n_rows += 1;
        self.n_rows - 1
    }

    /// Changes the bounds of a row.
    pub fn set_row_bounds(&mut self, row: usize, lower: f64, upper: f64) {
        assert!(row < self.n_rows, "row {row} of {}", self.n_rows);
        // SAFETY: live instance, existing row.
        let status = unsafe { c::Highs_changeRowBounds(self.solver().0, index(row), lower, upper) };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes the bounds of a column.
    pub fn set_column_bounds(&mut self, column: usize, lower: f64, upper: f64) {
        assert!(column < self.n_columns, "column {column} of {}", self.n_columns);
        // SAFETY: live instance, existing column.
        let status =
            unsafe { c::Highs_changeColBounds(self.solver().0, index(column), lower, upper) };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes the bounds of several rows, each named once.
    pub fn set_rows_bounds(&mut self, rows: &[i32], lower: &[f64], upper: &[f64]) {
        check_places(rows, lower, upper, self.n_rows);
        let (count, rows) = (index(rows.len()), rows.as_ptr());
        // SAFETY: live instance, existing rows, `count` elements in each array.
        let status = unsafe {
            c::Highs_changeRowsBoundsBySet(
                self.solver().0,
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
                self.solver().0,
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
        let status = unsafe { c::Highs_changeColCost(self.solver().0, index(column), cost) };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Changes one coefficient of the matrix.
    pub fn set_coefficient(&mut self, row: usize, column: usize, value: f64) {
        assert!(row < self.n_rows && column < self.n_columns, "entry ({row}, {column})");
        // SAFETY: live instance, existing row and column.
        let status =
            unsafe { c::Highs_changeCoeff(self.solver().0, index(row), index(column), value) };
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
    pub fn basis(&self) -> Basis {
        let mut basis = Basis { columns: vec![0; self.n_columns], rows: vec![0; self.n_rows] };
        let (columns, rows) = (basis.columns.as_mut_ptr(), basis.rows.as_mut_ptr());
        // SAFETY: live instance; the arrays have as many elements as there are columns, rows.
        let status = unsafe { c::Highs_getBasis(self.solver().0, columns, rows) };
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
        let status = unsafe { c::Highs_setBasis(self.solver().0, columns, rows) };
        debug_assert_ne!(status, c::STATUS_ERROR);
    }

    /// Forgets the basis, so that the next solve starts cold.
    pub fn forget_basis(&mut self) {
        // SAFETY: live instance.
        unsafe { c::Highs_clearSolver(self.solver().0) };
    }

    /// As [`Model::solve`], but an integer program stops with [`Status::Interrupted`] soon after
    /// [`Progress::cancel`].
    pub fn solve_watched(&mut self, progress: &Progress) -> Solution {
        let highs = self.solver().0;
        let watched = std::ptr::from_ref(progress).cast_mut().cast();
        // SAFETY: live instance; HiGHS calls back on this thread and during `solve` only, while
        // `progress` is borrowed, and the callback is taken out again before that borrow ends.
        unsafe {
            c::Highs_setCallback(highs, Some(stop_when_cancelled), watched);
            c::Highs_startCallback(highs, c::kHighsCallbackMipInterrupt);
        }
        let solution = self.solve();
        // SAFETY: live instance.
        unsafe {
            c::Highs_stopCallback(highs, c::kHighsCallbackMipInterrupt);
            c::Highs_setCallback(highs, None, std::ptr::null_mut());
        }
        solution
    }

    /// Solves the model, from the last basis where there is one. How that ended is
    /// [`Solution::status`].
    pub fn solve(&mut self) -> Solution {
        let highs = self.solver().0;
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
        solution
    }
}

/// What HiGHS calls now and then during an integer program.
///
/// # Safety
/// `data_in` points to the record that HiGHS made for this call, `progress` to a live [`Progress`].
unsafe extern "C" fn stop_when_cancelled(
    _kind: std::ffi::c_int,
    _message: *const std::ffi::c_char,
    _data_out: *const c::HighsCallbackDataOut,
    data_in: *mut c::HighsCallbackDataIn,
    progress: *mut c_void,
) {
    // SAFETY: what the caller promises.
    unsafe {
        if (*progress.cast::<Progress>()).check().is_err() && !data_in.is_null() {
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
