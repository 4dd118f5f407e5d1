//! The assignment game: what the best matching of the rows and the columns in a coalition is worth.

use crate::game::{NativeGame, Walker};
use crate::markets::assignment::Worths;
use crate::progress::Progress;

/// The game `v(S) = the worth of the best matching within S` (Shapley and Shubik 1971). Its players are
/// the rows and then the columns.
#[derive(Debug)]
pub struct AssignmentGame {
    worths: Worths,
}

impl AssignmentGame {
    /// The game of a matrix of worths.
    #[must_use]
    pub fn new(worths: Worths) -> Self {
        Self { worths }
    }
}

impl NativeGame for AssignmentGame {
    fn n_players(&self) -> usize {
        self.worths.n_rows() + self.worths.n_columns()
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(AssignmentWalker { worths: &self.worths, inside: vec![false; self.n_players()] })
    }
}

struct AssignmentWalker<'a> {
    worths: &'a Worths,
    inside: Vec<bool>,
}

impl Walker for AssignmentWalker<'_> {
    fn clear(&mut self) {
        self.inside.fill(false);
    }

    fn add(&mut self, player: usize) {
        self.inside[player] = true;
    }

    fn remove(&mut self, player: usize) {
        self.inside[player] = false;
    }

    /// In `O(min(m, n)^2 max(m, n))` of the members.
    fn value(&mut self) -> f64 {
        let (rows, columns) = self.inside.split_at(self.worths.n_rows());
        let of = |side: &[bool]| -> Vec<usize> { (0..side.len()).filter(|&i| side[i]).collect() };
        self.worths.best_among(&of(rows), &of(columns))
    }
}
