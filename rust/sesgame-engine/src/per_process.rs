//! What each process has for itself.
//!
//! A fork copies the memory of a process and only one of its threads, the one that forks. A pool of
//! threads is an empty shell in the child, and a lock that another thread held stays locked for
//! ever. Such things are therefore made anew by each process that needs them. Nothing here waits:
//! a fork may come at any moment.

use once_cell::race::OnceBox;

/// A value that each process makes when it first needs it; it lives as long as the process.
pub struct PerProcess<T> {
    make: fn() -> T,
    first: OnceBox<Made<T>>,
}

struct Made<T> {
    process: u32,
    value: T,
    /// Made by a child of that process.
    by_child: OnceBox<Made<T>>,
}

impl<T> PerProcess<T> {
    /// A value that `make` makes. Threads that need it at the same time may each make one, of which
    /// one is kept.
    pub const fn new(make: fn() -> T) -> Self {
        Self { make, first: OnceBox::new() }
    }

    /// The value of this process.
    pub fn get(&self) -> &T {
        let process = std::process::id();
        let make = || Box::new(Made { process, value: (self.make)(), by_child: OnceBox::new() });
        let mut last = self.first.get_or_init(make);
        while let Some(later) = last.by_child.get() {
            last = later;
        }
        // Only the last one may be of this process: an ancestor that has ended may have left its
        // number to it.
        if last.process != process {
            last = last.by_child.get_or_init(make);
        }
        &last.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_process_makes_its_value_once() {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let value = PerProcess::new(|| CALLS.fetch_add(1, Ordering::Relaxed));
        assert_eq!((*value.get(), *value.get()), (0, 0));
    }

    #[test]
    fn what_another_process_made_is_left_alone() {
        let value = PerProcess::new(std::process::id);
        let of_parent = Made { process: 0, value: 0, by_child: OnceBox::new() };
        assert!(value.first.set(Box::new(of_parent)).is_ok());
        let own = std::process::id();
        assert_eq!((*value.get(), *value.get()), (own, own));
        assert_eq!(value.first.get().map(|made| made.value), Some(0));
    }
}
