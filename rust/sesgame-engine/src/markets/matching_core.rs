//! The core of a matching market: the payoffs that are best for its rows, and best for its columns.
//!
//! In the core each matched pair shares what it is worth, and who is alone gets nothing (Shapley and
//! Shubik 1971). So what each matched row gets is one number `x`, and every other pair and each
//! participant alone says how much two of these numbers differ at least: with 0 for the number of
//! those who get nothing, the core is the set `x_i - x_k >= b_ik`, and its ends are shortest paths.

use super::assignment::{BestMatching, Worths};
use crate::error::Result;
use crate::progress::Progress;

/// The core of a matching market, around one point of it.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchingCore {
    /// The column of each row, where it has one.
    pub column_of: Vec<Option<usize>>,
    /// The row of each number but the first, which stands for those who get nothing.
    matched: Vec<usize>,
    /// What each number is where the core is best for the rows.
    highest: Vec<f64>,
    /// By how much `x_i` is above `x_k` at least, by rows: the bounds of the coalitions.
    bound: Vec<f64>,
    /// What each matched pair is worth.
    together: Vec<f64>,
    n_rows: usize,
    n_columns: usize,
}

impl MatchingCore {
    /// The core of the market with these worths.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`].
    pub fn new(worths: &Worths, progress: &Progress) -> Result<Self> {
        let BestMatching { column_of, payoffs } = worths.best(progress)?;
        let (n_rows, n_columns) = (worths.n_rows(), worths.n_columns());
        let mut matched = Vec::new();
        let mut together = vec![0.0];
        let mut place_of_row = vec![0; n_rows];
        let mut place_of_column = vec![0; n_columns];
        for row in 0..n_rows {
            if let Some(column) = column_of[row] {
                matched.push(row);
                together.push(worths.of(row, column));
                place_of_row[row] = matched.len();
                place_of_column[column] = matched.len();
            }
        }
        let size = together.len();
        // The closest of all coalitions between two numbers counts. Who is alone gets nothing at least.
        let mut bound = vec![f64::NEG_INFINITY; size * size];
        let mut closer = |i: usize, k: usize, value: f64| {
            let known = &mut bound[i * size + k];
            *known = known.max(value);
        };
        for (place, &worth) in together.iter().enumerate() {
            closer(place, 0, 0.0);
            closer(0, place, -worth);
        }
        for (row, &i) in place_of_row.iter().enumerate() {
            progress.check()?;
            for (column, &k) in place_of_column.iter().enumerate() {
                closer(i, k, worths.of(row, column) - together[k]);
            }
        }
        // The payoffs are rounded: they say which bounds are tight, and these what the numbers are.
        let center: Vec<f64> =
            [0.0].into_iter().chain(matched.iter().map(|&row| payoffs[row])).collect();
        let together = together.split_off(1);
        let mut core =
            Self { column_of, matched, highest: center, bound, together, n_rows, n_columns };
        core.highest = core.end(|from, to| (from, to));
        Ok(core)
    }

    /// How many numbers there are, that of those who get nothing included.
    pub(super) fn size(&self) -> usize {
        self.highest.len()
    }

    /// How far `x_i` is above its least beside `x_k`, where the core is best for the rows.
    pub(super) fn slack(&self, i: usize, k: usize) -> f64 {
        self.highest[i] - self.highest[k] - self.bound[i * self.size() + k]
    }

    /// The payoffs of the rows and then of the columns, by the numbers.
    fn payoffs(&self, numbers: &[f64]) -> Vec<f64> {
        let mut payoffs = vec![0.0; self.n_rows + self.n_columns];
        for (k, (&row, &together)) in self.matched.iter().zip(&self.together).enumerate() {
            payoffs[row] = (numbers[k + 1] - numbers[0]).clamp(0.0, together);
            if let Some(column) = self.column_of[row] {
                payoffs[self.n_rows + column] = together - payoffs[row];
            }
        }
        payoffs
    }

    /// The payoffs by how far each number is above where the core is best for the rows.
    pub(super) fn raised(&self, above: &[f64]) -> Vec<f64> {
        let numbers: Vec<f64> =
            self.highest.iter().zip(above).map(|(x, raise)| x + raise).collect();
        self.payoffs(&numbers)
    }

    /// The payoffs in the core that are best for each row, and worst for each column.
    #[must_use]
    pub fn best_for_rows(&self) -> Vec<f64> {
        self.payoffs(&self.highest)
    }

    /// The payoffs in the core that are best for each column, and worst for each row.
    #[must_use]
    pub fn best_for_columns(&self) -> Vec<f64> {
        self.payoffs(&self.end(|from, to| (to, from)))
    }

    /// The numbers at an end of the core, along the shortest paths from the first place: `O(n^2)`.
    ///
    /// `arc` says which bound leads from a place to another one. Going along it from `k` to `i` a number
    /// is as low as the bound allows; from `i` to `k` as high.
    fn end(&self, arc: impl Fn(usize, usize) -> (usize, usize)) -> Vec<f64> {
        let size = self.size();
        let length = |from: usize, to: usize| {
            let (i, k) = arc(from, to);
            self.slack(i, k).max(0.0)
        };
        let mut distance = vec![f64::INFINITY; size];
        let mut before = vec![0; size];
        let mut open: Vec<usize> = (0..size).collect();
        let mut numbers = vec![0.0; size];
        distance[0] = 0.0;
        while let Some(nearest) =
            (0..open.len()).min_by(|&a, &b| distance[open[a]].total_cmp(&distance[open[b]]))
        {
            let from = open.swap_remove(nearest);
            if from != 0 {
                let (i, k) = arc(before[from], from);
                let bound = self.bound[i * size + k];
                numbers[from] = numbers[before[from]] + if i == from { bound } else { -bound };
            }
            for &to in &open {
                let through = distance[from] + length(from, to);
                if through < distance[to] {
                    distance[to] = through;
                    before[to] = from;
                }
            }
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(rows: &[&[f64]]) -> MatchingCore {
        let worths = Worths::new(rows.concat(), rows.len(), rows[0].len()).unwrap();
        MatchingCore::new(&worths, &Progress::new()).unwrap()
    }

    #[test]
    fn the_ends_of_the_core_of_shapley_and_shubik() {
        let core = core(&[&[5.0, 8.0, 2.0], &[7.0, 9.0, 6.0], &[2.0, 3.0, 0.0]]);
        assert_eq!(core.best_for_rows(), [5.0, 6.0, 1.0, 1.0, 3.0, 0.0]);
        assert_eq!(core.best_for_columns(), [3.0, 5.0, 0.0, 2.0, 5.0, 1.0]);
    }

    #[test]
    fn one_seller_between_two_buyers() {
        let core = core(&[&[9.0], &[5.0]]);
        assert_eq!(core.best_for_rows(), [4.0, 0.0, 5.0]);
        assert_eq!(core.best_for_columns(), [0.0, 0.0, 9.0]);
    }
}
