//! The induced-subgraph game: what two players are worth to each other, summed over all pairs.

use super::{LARGEST, Stack, check_numbers};
use crate::error::{Error, Result};
use crate::game::{ExactShares, NativeGame, Walker};
use crate::progress::Progress;

/// The game `v(S) = sum of w_ij over the pairs i <= j within S` (Deng and Papadimitriou 1994); a
/// player's own worth is `w_ii`.
#[derive(Debug)]
pub struct InducedSubgraphGame {
    /// A symmetric matrix, one row for each player.
    weights: Vec<f64>,
    n_players: usize,
}

impl InducedSubgraphGame {
    /// The game of the graph with the given weights, a symmetric matrix by rows.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the matrix is not square and symmetric, or a weight is not a
    /// number.
    pub fn new(weights: Vec<f64>, n_players: usize) -> Result<Self> {
        check_numbers("weights", &weights, -LARGEST)?;
        if weights.len() != n_players * n_players {
            return Err(Error::InvalidInput(format!(
                "{} weights are not a matrix of {n_players} rows and columns",
                weights.len()
            )));
        }
        for i in 0..n_players {
            for j in 0..i {
                let (one, other) = (weights[i * n_players + j], weights[j * n_players + i]);
                if one != other {
                    return Err(Error::InvalidInput(format!(
                        "the weight of players {j} and {i} is {other} in one row and {one} in the \
                         other; the matrix must be symmetric"
                    )));
                }
            }
        }
        Ok(Self { weights, n_players })
    }

    fn row(&self, player: usize) -> &[f64] {
        &self.weights[player * self.n_players..][..self.n_players]
    }
}

impl NativeGame for InducedSubgraphGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(InducedSubgraphWalker { game: self, worth: Stack::new() })
    }

    /// Each edge is shared equally by its ends: `O(n^2)`.
    fn shapley_value(&self, _progress: &Progress) -> Option<Result<ExactShares>> {
        let value = |player| {
            let row = self.row(player);
            (row.iter().sum::<f64>() - row[player]) / 2.0 + row[player]
        };
        let values = (0..self.n_players).map(value).collect();
        Some(Ok(ExactShares { values, error: 0.0, method: "closed form" }))
    }
}

struct InducedSubgraphWalker<'a> {
    game: &'a InducedSubgraphGame,
    worth: Stack<f64>,
}

impl Walker for InducedSubgraphWalker<'_> {
    fn clear(&mut self) {
        self.worth.clear();
    }

    fn add(&mut self, player: usize) {
        let row = self.game.row(player);
        let edges: f64 = self.worth.members.iter().map(|&member| row[member]).sum();
        let worth = self.worth.top().copied().unwrap_or(0.0) + row[player] + edges;
        self.worth.push(player, worth);
    }

    fn remove(&mut self, player: usize) {
        for later in self.worth.remove(player) {
            self.add(later);
        }
    }

    fn value(&mut self) -> f64 {
        self.worth.top().copied().unwrap_or(0.0)
    }
}
