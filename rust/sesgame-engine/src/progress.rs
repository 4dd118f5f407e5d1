//! How long work reports and how it is stopped: numbers that the worker threads touch once a block
//! and an observer may read at any time.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Shared state between a computation and whoever watches it. A clone shares it, too.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    cancelled: Arc<AtomicBool>,
    seen: Arc<Seen>,
}

/// What an observer sees.
#[derive(Debug, Default)]
struct Seen {
    done: AtomicU64,
    total: AtomicU64,
    search: Mutex<Option<Search>>,
}

/// How far a branch and bound is, in the units of whoever asked for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// The best that is found; not finite where there is nothing yet.
    pub best: f64,
    /// Nothing better than this exists; not finite where nothing is proved yet.
    pub bound: f64,
}

impl fmt::Display for Search {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { best, bound } = self;
        if best.is_finite() {
            write!(text, "best found {best}, ")?;
        } else {
            write!(text, "nothing found yet, ")?;
        }
        if bound.is_finite() {
            write!(text, "proved bound {bound}")
        } else {
            write!(text, "no bound proved yet")
        }
    }
}

impl Progress {
    /// A progress tracker without an observer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// That of a part of the work: it is cancelled with the whole, and nobody sees how far it is.
    #[must_use]
    pub fn of_a_part(&self) -> Self {
        Self { cancelled: Arc::clone(&self.cancelled), seen: Arc::default() }
    }

    /// Announces the number of units of work (coalitions, scans, walks) that are to come.
    pub fn set_total(&self, total: u64) {
        self.seen.total.store(total, Ordering::Relaxed);
    }

    /// Reports `units` finished units of work, and tells whether to go on.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after [`Progress::cancel`].
    pub fn advance(&self, units: u64) -> Result<()> {
        self.seen.done.fetch_add(units, Ordering::Relaxed);
        self.check()
    }

    /// Reports how far a search is.
    pub fn report_search(&self, search: Search) {
        *self.seen.search.lock().unwrap_or_else(PoisonError::into_inner) = Some(search);
    }

    /// Tells whether to go on.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after [`Progress::cancel`].
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Asks the computation to stop at its next [`Progress::advance`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Units done and units announced so far.
    #[must_use]
    pub fn state(&self) -> (u64, u64) {
        (self.seen.done.load(Ordering::Relaxed), self.seen.total.load(Ordering::Relaxed))
    }

    /// How far the last search is, where one has reported.
    #[must_use]
    pub fn search(&self) -> Option<Search> {
        *self.seen.search.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
