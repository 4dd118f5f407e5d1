//! The one way to the threads of this crate: [`install`].
//!
//! Rayon's own pool is one for a process and its children: after a fork nobody works in it, and
//! whoever asks for it waits for ever. This one belongs to the process that made it. Every parallel
//! iterator runs inside [`install`]; the results have the same bits for any number of threads.

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::per_process::PerProcess;

static POOL: PerProcess<ThreadPool> = PerProcess::new(start);

/// Runs `work` on the threads of this process, or of the pool that the caller is part of, and waits
/// for it. There are as many as `RAYON_NUM_THREADS` says, or else as processors.
pub fn install<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if rayon::current_thread_index().is_some() { work() } else { POOL.get().install(work) }
}

/// How many threads [`install`] runs work on.
#[must_use]
pub fn n_threads() -> usize {
    install(rayon::current_num_threads)
}

fn start() -> ThreadPool {
    let named = || ThreadPoolBuilder::new().thread_name(|index| format!("sesgame {index}"));
    // Where the system has no more threads to give, one is enough for the same results.
    let pool = named().build().or_else(|_| named().num_threads(1).build());
    pool.expect("a process may start at least one thread")
}
