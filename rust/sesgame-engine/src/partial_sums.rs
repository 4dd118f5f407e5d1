//! The sum of the members' rows, kept as a stack of partial sums so that taking the last member
//! off again is free and exact.

use std::ops::Range;

use crate::game::Walker;

/// Partial sums that are kept: enough for every table, and a bound on memory for walks through
/// thousands of players. Members beyond it share the topmost sum.
const MAX_LEVELS: usize = 32;

/// The members of a coalition in the order in which they joined, and the sums of their rows.
///
/// The present sum is always that of the rows in this order, from first to last: its bits do not
/// depend on who came and went in between.
#[derive(Debug)]
pub(crate) struct PartialSums<'a> {
    rows: &'a [f64],
    /// From one player's numbers to the next one's, and where those that are summed up begin.
    stride: usize,
    offset: usize,
    width: usize,
    members: Vec<usize>,
    /// Level `k` is the sum of the first `k + 2` rows, the topmost one that of all. One row alone is its sum.
    levels: Vec<Box<[f64]>>,
    zero: Box<[f64]>,
}

impl<'a> PartialSums<'a> {
    /// The empty coalition over `rows`, a matrix with one row of `width` numbers for each player.
    pub fn new(rows: &'a [f64], width: usize) -> Self {
        Self::of_a_part(rows, width, 0..width)
    }

    /// The empty coalition over a part of the `stride` numbers that each player has in `rows`.
    pub fn of_a_part(rows: &'a [f64], stride: usize, part: Range<usize>) -> Self {
        let (offset, width) = (part.start, part.len());
        let zero = vec![0.0; width].into();
        Self { rows, stride, offset, width, members: Vec::new(), levels: Vec::new(), zero }
    }

    /// Whether nobody is a member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Forgets all members.
    pub fn clear(&mut self) {
        self.members.clear();
    }

    /// Adds the row of `player`.
    pub fn add(&mut self, player: usize) {
        let row = self.row(player);
        let members = self.members.len();
        self.members.push(player);
        let Some(level) = members.checked_sub(1) else { return };
        if level >= MAX_LEVELS {
            accumulate(&mut self.levels[MAX_LEVELS - 1], row);
            return;
        }
        if self.levels.len() == level {
            self.levels.push(vec![0.0; self.width].into());
        }
        let first = self.row(self.members[0]);
        let (lower, upper) = self.levels.split_at_mut(level);
        add_into(&mut upper[0], lower.last().map_or(first, |level| level), row);
    }

    fn row(&self, player: usize) -> &'a [f64] {
        &self.rows[player * self.stride + self.offset..][..self.width]
    }

    /// Takes the row of `player` out: free for the member who joined last, otherwise the rows of
    /// those who joined later are added anew.
    ///
    /// # Panics
    /// When `player` is not a member.
    pub fn remove(&mut self, player: usize) {
        let place = self.members.iter().rposition(|&member| member == player);
        let place = place.expect("only a member can be removed");
        if place + 1 == self.members.len() && place <= MAX_LEVELS {
            self.members.pop();
            return;
        }
        let kept = place.min(MAX_LEVELS);
        let mut later = self.members.split_off(kept);
        later.remove(place - kept);
        later.into_iter().for_each(|member| self.add(member));
    }

    /// The sum of the members' rows.
    pub fn sum(&self) -> &[f64] {
        match self.members[..] {
            [] => &self.zero,
            [player] => self.row(player),
            _ => &self.levels[self.members.len().min(MAX_LEVELS + 1) - 2],
        }
    }
}

/// In up to `BLOCK` columns, the sums of present members' rows with each coalition of a few others.
#[derive(Debug)]
pub(crate) struct CoalitionSums<'a, const BLOCK: usize> {
    members: &'a PartialSums<'a>,
    /// The others and their rows, in the order in which a walker adds them.
    rows: Vec<(usize, &'a [f64])>,
    sums: Vec<[f64; BLOCK]>,
    columns: Range<usize>,
}

impl<'a, const BLOCK: usize> CoalitionSums<'a, BLOCK> {
    /// With nobody else.
    pub fn new(members: &'a PartialSums<'a>) -> Self {
        Self { members, rows: Vec::new(), sums: Vec::new(), columns: 0..0 }
    }

    /// Takes in a player, by a name and by the place of the row.
    pub fn push(&mut self, player: usize, place: usize) {
        self.rows.push((player, self.members.row(place)));
        self.sums.resize(1 << self.rows.len(), [0.0; BLOCK]);
    }

    /// The number of the sum with those of the others who are in a coalition of names; none where that is
    /// nobody at all.
    pub fn number(&self, coalition: usize) -> Option<usize> {
        let bit = |(at, (player, _)): (usize, &(usize, _))| (coalition >> player & 1) << at;
        let number = self.rows.iter().enumerate().map(bit).sum();
        (number > 0 || !self.members.is_empty()).then_some(number)
    }

    /// Adds up some columns.
    pub fn fill(&mut self, columns: Range<usize>) {
        let base = &self.members.sum()[columns.clone()];
        if let Some(sum) = self.sums.first_mut() {
            sum[..base.len()].copy_from_slice(base);
        }
        for (at, (_, row)) in self.rows.iter().enumerate() {
            let (without, with) = self.sums.split_at_mut(1 << at);
            for (with, without) in with.iter_mut().zip(without) {
                let row = &row[columns.clone()];
                add_into(&mut with[..row.len()], &without[..row.len()], row);
            }
        }
        self.columns = columns;
    }

    /// A sum in those columns.
    pub fn sum(&self, number: usize) -> &[f64] {
        match self.sums.get(number) {
            Some(sum) => &sum[..self.columns.len()],
            None => &self.members.sum()[self.columns.clone()],
        }
    }
}

/// The walker of a game whose value is a function of the sum of the members' rows.
pub(crate) struct SumWalker<'a, F> {
    sums: PartialSums<'a>,
    value: F,
}

impl<'a, F: FnMut(&[f64]) -> f64> SumWalker<'a, F> {
    /// At the empty coalition over `rows`, as in [`PartialSums::new`]; `value` sees the sum.
    pub fn new(rows: &'a [f64], width: usize, value: F) -> Self {
        Self { sums: PartialSums::new(rows, width), value }
    }

    /// The sum of the members' rows.
    pub fn sum(&self) -> &[f64] {
        self.sums.sum()
    }
}

impl<F: FnMut(&[f64]) -> f64 + Send> Walker for SumWalker<'_, F> {
    fn clear(&mut self) {
        self.sums.clear();
    }

    fn add(&mut self, player: usize) {
        self.sums.add(player);
    }

    fn remove(&mut self, player: usize) {
        self.sums.remove(player);
    }

    fn value(&mut self) -> f64 {
        (self.value)(self.sums.sum())
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn add_into(sum: &mut [f64], below: &[f64], row: &[f64]) {
    for ((sum, below), row) in sum.iter_mut().zip(below).zip(row) {
        *sum = below + row;
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(crate) fn accumulate(sum: &mut [f64], row: &[f64]) {
    for (sum, row) in sum.iter_mut().zip(row) {
        *sum += row;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_anyone_leaves_the_bits_of_the_sum_of_the_others() {
        let rows: Vec<f64> = (0..80).map(|player| 0.1 * f64::from(player)).collect();
        for leaves in [0, 20, 31, 32, 33, 79] {
            let mut sums = PartialSums::new(&rows, 2);
            let mut expected = PartialSums::new(&rows, 2);
            for player in 0..40 {
                sums.add(player);
                if player != leaves / 2 {
                    expected.add(player);
                }
            }
            sums.remove(leaves / 2);
            assert_eq!(sums.sum(), expected.sum());
        }
    }

    #[test]
    fn a_large_member_who_left_leaves_no_trace() {
        let rows = [1e30, 0.1];
        let mut sums = PartialSums::new(&rows, 1);
        sums.add(0);
        sums.add(1);
        sums.remove(0);
        assert_eq!(sums.sum(), [0.1]);
    }
}
