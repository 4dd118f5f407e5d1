//! The assignment problem: which rows and columns of a matrix of worths belong together, and payoffs
//! that prove it.
//!
//! Rows join one at a time. Each is matched along a shortest augmenting path, where a row on the path
//! may also be left alone (the Hungarian method of Kuhn 1955, as shortest paths); payoffs stay feasible.

use super::units::{canonical, typical};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// A matrix of worths, by rows: what a row and a column gain together; not negative.
#[derive(Debug, Clone, PartialEq)]
pub struct Worths {
    values: Vec<f64>,
    n_rows: usize,
    n_columns: usize,
}

/// A matching of the largest worth, with payoffs in the core.
#[derive(Debug, Clone, PartialEq)]
pub struct BestMatching {
    /// The column of each row, where it has one; no pair is worth nothing.
    pub column_of: Vec<Option<usize>>,
    /// What each row gains, and then each column: nobody less than nothing, no pair less than its worth
    /// up to rounding, together the worth of the matching.
    pub payoffs: Vec<f64>,
}

impl Worths {
    /// The matrix with these rows, one after the other.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when they make no matrix, or a worth is negative or not finite.
    pub fn new(values: Vec<f64>, n_rows: usize, n_columns: usize) -> Result<Self> {
        if n_rows == 0 || n_columns == 0 || values.len() != n_rows * n_columns {
            return Err(Error::InvalidInput(format!(
                "{} worths are no matrix of {n_rows} rows and {n_columns} columns",
                values.len()
            )));
        }
        // A sum of differences of any of them is finite, too.
        let most = f64::MAX / 1e9;
        match values.iter().find(|&&worth| !(0.0..=most).contains(&worth)) {
            None => Ok(Self { values, n_rows, n_columns }),
            Some(worth) => Err(Error::InvalidInput(format!(
                "a worth is {worth}; each must be from 0 to {most:e}"
            ))),
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// What a row and a column gain together.
    #[must_use]
    pub fn of(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.n_columns + column]
    }

    /// The worth of the best matching of some rows and columns, in the order in which they are given.
    #[must_use]
    pub fn best_among(&self, rows: &[usize], columns: &[usize]) -> f64 {
        let (few, many) =
            if rows.len() <= columns.len() { (rows, columns) } else { (columns, rows) };
        let worth = |i: usize, j: usize| {
            if rows.len() <= columns.len() {
                self.of(few[i], many[j])
            } else {
                self.of(many[j], few[i])
            }
        };
        let mut search = Search::new(few.len(), many.len());
        for joining in 0..few.len() {
            search.join(joining, worth);
        }
        search.worth(worth)
    }

    /// A matching of the largest worth, in `O(min(m, n)^2 max(m, n))`.
    ///
    /// Of several it is the one to which the search comes on the worths as they are written, whatever
    /// unit they are counted in.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn best(&self, progress: &Progress) -> Result<BestMatching> {
        let most = self.values.iter().copied().fold(0.0, f64::max);
        let usual = typical(self.values.iter().copied());
        let unit = if (most / usual).is_finite() { usual } else { most };
        let kept: Vec<f64> = self.values.iter().map(|worth| canonical(worth / unit)).collect();
        let (m, n) = (self.n_rows, self.n_columns);
        let few_rows = m <= n;
        let worth = |i: usize, j: usize| if few_rows { kept[i * n + j] } else { kept[j * n + i] };
        let (few, many) = if few_rows { (m, n) } else { (n, m) };
        let mut search = Search::new(few, many);
        for joining in 0..few {
            progress.check()?;
            search.join(joining, worth);
        }
        let mut matching = BestMatching { column_of: vec![None; m], payoffs: vec![0.0; m + n] };
        for (j, partner) in search.partner.iter().enumerate() {
            let Some(i) = *partner else { continue };
            let (row, column) = if few_rows { (i, j) } else { (j, i) };
            let together = self.of(row, column);
            if together > 0.0 {
                matching.column_of[row] = Some(column);
                let of_row = if few_rows { search.of_few[i] } else { search.of_many[j] };
                matching.payoffs[row] = (of_row * unit).clamp(0.0, together);
                matching.payoffs[m + column] = together - matching.payoffs[row];
            }
        }
        Ok(matching)
    }
}

/// The state of the search: feasible payoffs, and a matching that is tight.
struct Search {
    /// Who of the few each of the many belongs to.
    partner: Vec<Option<usize>>,
    of_few: Vec<f64>,
    of_many: Vec<f64>,
    /// Of the present tree: how far off each of the many is, and from whom of the few.
    distance: Vec<f64>,
    from: Vec<usize>,
    reached: Vec<bool>,
}

impl Search {
    fn new(few: usize, many: usize) -> Self {
        Self {
            partner: vec![None; many],
            of_few: vec![0.0; few],
            of_many: vec![0.0; many],
            distance: vec![0.0; many],
            from: vec![0; many],
            reached: vec![false; many],
        }
    }

    fn worth(&self, worth: impl Fn(usize, usize) -> f64) -> f64 {
        let pairs = self.partner.iter().enumerate();
        pairs.filter_map(|(j, partner)| partner.map(|i| worth(i, j))).sum()
    }

    /// Matches one more of the few.
    fn join(&mut self, joining: usize, worth: impl Fn(usize, usize) -> f64) {
        let many = self.partner.len();
        let offers = (0..many).map(|j| worth(joining, j) - self.of_many[j]);
        self.of_few[joining] = offers.fold(0.0, f64::max);
        self.distance.fill(f64::INFINITY);
        self.reached.fill(false);
        // The few in the tree, with their distance; who is left alone at the end, and how far that is.
        let mut tree = vec![(joining, 0.0)];
        let (mut leaving, mut end) = (joining, self.of_few[joining]);
        let free = loop {
            let (newest, before) = tree[tree.len() - 1];
            let mut next: Option<usize> = None;
            for j in 0..many {
                if self.reached[j] {
                    continue;
                }
                let slack = self.of_few[newest] + self.of_many[j] - worth(newest, j);
                let distance = before + slack.max(0.0);
                if distance < self.distance[j] {
                    self.distance[j] = distance;
                    self.from[j] = newest;
                }
                if next.is_none_or(|best| self.distance[j] < self.distance[best]) {
                    next = Some(j);
                }
            }
            // Who gains nothing either way stays alone.
            let Some(nearest) = next.filter(|&j| self.distance[j] < end) else { break None };
            self.reached[nearest] = true;
            let distance = self.distance[nearest];
            match self.partner[nearest] {
                None => {
                    end = distance;
                    break Some(nearest);
                }
                Some(partner) => {
                    tree.push((partner, distance));
                    if distance + self.of_few[partner] < end {
                        (leaving, end) = (partner, distance + self.of_few[partner]);
                    }
                }
            }
        };
        for &(member, distance) in &tree {
            self.of_few[member] = (self.of_few[member] - (end - distance)).max(0.0);
        }
        for j in 0..many {
            if self.reached[j] && self.distance[j] < end {
                self.of_many[j] += end - self.distance[j];
            }
        }
        // Back along the tree, from who is free or leaves to who joins: each takes the next place.
        let vacated = || self.partner.iter().position(|&partner| partner == Some(leaving));
        let mut place = match free {
            Some(free) => free,
            None if leaving == joining => return,
            None => vacated().expect("who leaves had a place"),
        };
        loop {
            let taker = self.from[place];
            let old = self.partner.iter().position(|&partner| partner == Some(taker));
            self.partner[place] = Some(taker);
            match old {
                Some(old) if taker != joining => place = old,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn worths(rows: &[&[f64]]) -> Worths {
        Worths::new(rows.concat(), rows.len(), rows[0].len()).unwrap()
    }

    /// The best of all matchings, row by row.
    fn brute(worths: &Worths, row: usize, free: &mut Vec<bool>) -> f64 {
        if row == worths.n_rows() {
            return 0.0;
        }
        let mut best = brute(worths, row + 1, free);
        for column in 0..worths.n_columns() {
            if free[column] {
                free[column] = false;
                best = best.max(worths.of(row, column) + brute(worths, row + 1, free));
                free[column] = true;
            }
        }
        best
    }

    #[test]
    fn the_houses_of_shapley_and_shubik() {
        let worths = worths(&[&[5.0, 8.0, 2.0], &[7.0, 9.0, 6.0], &[2.0, 3.0, 0.0]]);
        let best = worths.best(&Progress::new()).unwrap();
        assert_eq!(best.column_of, [Some(1), Some(2), Some(0)]);
        assert_eq!(best.payoffs.iter().sum::<f64>(), 16.0);
    }

    #[test]
    fn who_is_worth_nothing_to_anybody_stays_alone() {
        let worths = worths(&[&[0.0, 0.0], &[0.0, 3.0]]);
        let best = worths.best(&Progress::new()).unwrap();
        assert_eq!(best.column_of, [None, Some(1)]);
    }

    proptest! {
        #[test]
        fn payoffs_prove_the_matching(
            m in 1usize..5, n in 1usize..5, numbers in prop::collection::vec(0u8..6, 16)
        ) {
            let values = numbers[..m * n].iter().map(|&value| f64::from(value) / 10.0).collect();
            let worths = Worths::new(values, m, n).unwrap();
            let best = worths.best(&Progress::new()).unwrap();
            let expected = brute(&worths, 0, &mut vec![true; n]);
            let pairs = best.column_of.iter().enumerate();
            let found: f64 = pairs.filter_map(|(i, j)| j.map(|j| worths.of(i, j))).sum();
            let (rows, columns): (Vec<_>, Vec<_>) = ((0..m).collect(), (0..n).collect());
            prop_assert!((found - expected).abs() < 1e-12);
            prop_assert!((worths.best_among(&rows, &columns) - expected).abs() < 1e-12);
            prop_assert!((best.payoffs.iter().sum::<f64>() - expected).abs() < 1e-12);
            prop_assert!(best.payoffs.iter().all(|&payoff| payoff >= 0.0));
            for i in 0..m {
                for j in 0..n {
                    prop_assert!(best.payoffs[i] + best.payoffs[m + j] >= worths.of(i, j) - 1e-12);
                }
            }
        }
    }
}
