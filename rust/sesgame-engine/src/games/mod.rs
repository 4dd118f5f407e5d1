//! The structured games of the literature, and games made of other games: native, so that walks through thousands of players are cheap,
//! and with exact Shapley values in closed form or polynomial time where there are such.

mod airport;
mod assignment;
mod dual;
mod induced_subgraph;
mod peak;
mod risk;
mod scenario_walkers;
mod spanning_tree;
mod strategic_equivalent;
mod threshold;
mod unions;
mod votes;
mod weighted_sum;

pub use airport::AirportGame;
pub use assignment::AssignmentGame;
pub use dual::DualGame;
pub use induced_subgraph::InducedSubgraphGame;
pub use peak::PeakGame;
pub use risk::RiskGame;
pub use spanning_tree::SpanningTreeGame;
pub use strategic_equivalent::StrategicEquivalent;
pub use threshold::ThresholdGame;
pub use unions::UnionsGame;
pub use weighted_sum::WeightedSum;

use crate::error::{Error, Result};

/// The largest number that a game is made of: sums and products of them stay finite.
const LARGEST: f64 = 1e60;

/// Refuses what is not a finite number.
fn check_finite(what: &str, numbers: &[f64]) -> Result<()> {
    match numbers.iter().position(|number| !number.is_finite()) {
        None => Ok(()),
        Some(index) => {
            Err(Error::InvalidInput(format!("{what}[{index}] is {}, not finite", numbers[index])))
        }
    }
}

/// Refuses an empty list, and numbers that cannot be calculated with.
fn check_numbers(what: &str, numbers: &[f64], least: f64) -> Result<()> {
    if numbers.is_empty() {
        return Err(Error::InvalidInput(format!("there is no {what}; a game has at least one")));
    }
    match numbers.iter().position(|&number| !(least..=LARGEST).contains(&number)) {
        None => Ok(()),
        Some(index) => Err(Error::InvalidInput(format!(
            "{what}[{index}] is {}; it must be from {least:e} to {LARGEST:e}",
            numbers[index]
        ))),
    }
}

/// The members of a coalition in the order in which they joined, with the state after each: taking
/// the last one off again is free and exact.
#[derive(Debug)]
struct Stack<T> {
    members: Vec<usize>,
    states: Vec<T>,
}

impl<T> Stack<T> {
    fn new() -> Self {
        Self { members: Vec::new(), states: Vec::new() }
    }

    fn clear(&mut self) {
        self.members.clear();
        self.states.clear();
    }

    fn push(&mut self, player: usize, state: T) {
        self.members.push(player);
        self.states.push(state);
    }

    fn top(&self) -> Option<&T> {
        self.states.last()
    }

    /// Takes off a member and everybody who joined later, and gives those, who have to join again.
    ///
    /// # Panics
    /// When `player` is not a member.
    fn remove(&mut self, player: usize) -> Vec<usize> {
        let place = self.members.iter().rposition(|&member| member == player);
        let place = place.expect("only a member can be removed");
        self.states.truncate(place);
        let mut later = self.members.split_off(place);
        later.remove(0);
        later
    }
}
