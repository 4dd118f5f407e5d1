//! How long work reports and how it is stopped: two atomics that the worker threads touch once a
//! block and an observer may read at any time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Shared state between a computation and whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// A progress tracker without an observer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Announces the number of units of work (coalitions, scans, walks) that are to come.
    pub fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Reports `units` finished units of work, and tells whether to go on.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after [`Progress::cancel`].
    pub fn advance(&self, units: u64) -> Result<()> {
        self.done.fetch_add(units, Ordering::Relaxed);
        self.check()
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
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}
