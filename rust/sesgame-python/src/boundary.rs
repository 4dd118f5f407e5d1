//! The border between Python and the engine: where the interpreter is released, where Ctrl-C and
//! progress get through, and where engine errors become Python exceptions. Every binding goes
//! through [`detached`], [`watched`] or [`run`], so no other file does any of this.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use sesgame_engine::error::{Error, Result};
use sesgame_engine::linear_program::await_solves_left_behind;
use sesgame_engine::progress::{Progress, Search};
use sesgame_engine::thread_pool;

mod exceptions {
    pyo3::import_exception!(sesgame.errors, InternalError);
    pyo3::import_exception!(sesgame.errors, NotFiniteError);
    pyo3::import_exception!(sesgame.errors, OutOfMemoryError);
    pyo3::import_exception!(sesgame.errors, SolverError);
}

thread_local! {
    /// Those that this thread has entered and not left, the innermost last.
    static STOPS: RefCell<Vec<Progress>> = const { RefCell::new(Vec::new()) };
}

/// What ends the native work of other threads, which hear no Ctrl-C: while a thread is inside, its
/// work ends like an interrupted one as soon as somebody sets the stop, and so does all that it
/// begins later. Work that is interrupted by itself stops that of the others, too.
#[pyclass(frozen, module = "sesgame._engine")]
pub struct Stop(Progress);

#[pymethods]
impl Stop {
    #[new]
    fn new() -> Self {
        Self(Progress::new())
    }

    /// Ends the work of all threads that are inside.
    fn set(&self) {
        self.0.cancel();
    }

    fn __enter__(&self) {
        STOPS.with_borrow_mut(|stops| stops.push(self.0.clone()));
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, PyAny>) {
        STOPS.with_borrow_mut(Vec::pop);
    }
}

/// How far work of this thread is that begins now.
fn progress() -> Progress {
    STOPS.with_borrow(|stops| stops.last().map_or_else(Progress::new, Progress::of_a_part))
}

/// The number of threads that native work runs on.
#[pyfunction]
pub fn n_threads() -> usize {
    thread_pool::n_threads()
}

/// How long the end of Python waits for solves that were left behind.
const FAREWELL: Duration = Duration::from_secs(5);

/// What Python calls at its end: it waits for solves that nobody waits for any more, which would
/// abort the process. Another Ctrl-C ends the wait.
#[pyfunction]
pub fn farewell(py: Python<'_>) -> PyResult<()> {
    let end = Instant::now() + FAREWELL;
    let mut raised = None;
    py.detach(|| {
        await_solves_left_behind(|| {
            raised = Python::attach(|py| py.check_signals()).err();
            raised.is_none() && Instant::now() < end
        })
    });
    raised.map_or(Ok(()), Err)
}

/// How often a watched computation looks for Ctrl-C and reports its progress.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// The Python exception for an engine error.
pub fn to_python(error: Error) -> PyErr {
    match error {
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::Solver { stage, status } => exceptions::SolverError::new_err((stage, status)),
        Error::NotFinite { coalition, value } => {
            exceptions::NotFiniteError::new_err((coalition, value))
        }
        Error::NotFiniteWalk { members, value } => {
            exceptions::NotFiniteError::new_err((members, value))
        }
        Error::OutOfMemory { purpose, bytes } => {
            exceptions::OutOfMemoryError::new_err((purpose.as_str(), bytes))
        }
        _ => PyValueError::new_err(error.to_string()),
    }
}

/// What work gives, or the Python exception for its error. A panic is a fault of ours: it becomes an
/// exception that says so, and leaves alone what else the process does.
fn finished<T>(result: thread::Result<Result<T>>) -> PyResult<T> {
    match result {
        Ok(result) => result.map_err(to_python),
        Err(panic) => Err(exceptions::InternalError::new_err(what_it_says(panic.as_ref()))),
    }
}

fn what_it_says(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Runs short work (well below a second) without the interpreter, on the calling thread.
pub fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&Progress) -> Result<T> + Send,
) -> PyResult<T> {
    let progress = progress();
    // What a panic leaves half done is dropped, or whole behind a lock.
    py.detach(|| finished(catch_unwind(AssertUnwindSafe(|| work(&progress)))))
}

/// Runs long work without the interpreter, on a thread of its own, while the calling thread lets
/// Ctrl-C through and calls `report(done, total)` where one is given.
pub fn watched<T: Send>(
    py: Python<'_>,
    report: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Progress) -> Result<T> + Send,
) -> PyResult<T> {
    let report = report.map(|report| report.clone().unbind());
    let progress = progress();
    let result = py.detach(|| {
        thread::scope(|scope| {
            let (sender, receiver) = channel::<()>();
            let progress = &progress;
            let worker = thread::Builder::new().spawn_scoped(scope, move || {
                // Dropped at the end, also at that of a panic: the channel is closed then.
                let _sender = sender;
                work(progress)
            })?;
            let mut raised = None;
            while receiver.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if raised.is_none() {
                    raised = Python::attach(|py| observe(py, report.as_ref(), progress)).err();
                    if raised.is_some() {
                        progress.cancel();
                    }
                }
            }
            let result = finished(worker.join());
            raised.map_or(result, Err)
        })
    })?;
    if report.is_some() {
        observe(py, report.as_ref(), &progress)?;
    }
    Ok(result)
}

/// Numbers of input from which on work may take long enough for Ctrl-C to be worth a thread.
const WATCHED_LENGTH: usize = 1 << 14;

/// Runs work on so many numbers: on few of them on the calling thread.
pub fn run<T: Send>(
    py: Python<'_>,
    length: usize,
    report: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Progress) -> Result<T> + Send,
) -> PyResult<T> {
    if length < WATCHED_LENGTH { detached(py, work) } else { watched(py, report, work) }
}

/// Lets pending signals raise, then reports progress: `(done, total)`, and of a search also the best
/// that is found and the bound.
fn observe(py: Python<'_>, report: Option<&Py<PyAny>>, progress: &Progress) -> PyResult<()> {
    let (done, total) = progress.state();
    let search = progress.search();
    if let Err(raised) = py.check_signals() {
        let value = raised.value(py);
        // Ctrl-C as Python itself raises it; what a handler of the user's says stays.
        if let Some(search) = search
            && raised.is_instance_of::<PyKeyboardInterrupt>(py)
            && value.getattr("args")?.is_empty()?
        {
            value.setattr("args", (search.to_string(),))?;
        }
        return Err(raised);
    }
    if let Some(report) = report {
        match search {
            Some(Search { best, bound }) => report.call1(py, (done, total, best, bound))?,
            None => report.call1(py, (done, total))?,
        };
    }
    Ok(())
}
