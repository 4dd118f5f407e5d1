//! What can go wrong inside the engine. One enum, so that `?` works everywhere; the Python shell
//! maps each variant to one exception class in one place.

use crate::coalition::Coalition;
use crate::memory::Purpose;

/// Result of every fallible operation of the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// An engine error. Input that a person wrote is validated at the edge, with names; the variants
/// here therefore speak of players by index and of coalitions by bit mask.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked to stop ([`crate::progress::Progress::cancel`]).
    #[error("interrupted")]
    Interrupted,
    /// A native game produced a value that is not a finite number.
    #[error("the value of coalition {coalition:#b} is {value}, not a finite number")]
    NotFinite {
        /// Bit mask of the coalition.
        coalition: Coalition,
        /// The offending value.
        value: f64,
    },
    /// A walk of a native game of any number of players came to a value that is not a finite number.
    #[error("the value of the players {members:?} is {value}, not a finite number")]
    NotFiniteWalk {
        /// The players that had been added.
        members: Vec<u32>,
        /// The offending value.
        value: f64,
    },
    /// An argument violates what the function's documentation requires.
    #[error("{0}")]
    InvalidInput(String),
    /// The process cannot get the memory that was asked for.
    #[error("{bytes} bytes of memory for the {} are not to be had", purpose.as_str())]
    OutOfMemory {
        /// What it is for.
        purpose: Purpose,
        /// How much it is.
        bytes: u128,
    },
    /// A linear or mixed-integer program could not be finished.
    #[error("{stage}: the solver stopped with status \"{status}\"")]
    Solver {
        /// What was being solved, for example `nucleolus level 3`.
        stage: String,
        /// The solver's own word for how it ended.
        status: String,
    },
}
