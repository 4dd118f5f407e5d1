//! The coalitions that the linear programs know about, packed for fast sums.

use std::collections::{HashMap, HashSet};

use super::span;

/// Constraints `x(S) + weight * t >= value`, one for each row.
///
/// A row of weight 0 is a bound that no level relaxes (`x_i >= v(i)`). Members are bytes of eight
/// players each, so that `x(S)` is a sum of `n / 8` looked-up partial sums.
#[derive(Debug)]
pub(super) struct RowPool {
    n_players: usize,
    stride: usize,
    members: Vec<u8>,
    values: Vec<f64>,
    weights: Vec<f64>,
    /// The row of each coalition, bounds left out.
    rows: HashMap<Box<[u8]>, usize>,
    /// Rows of assumed values.
    assumed: HashSet<usize>,
}

impl RowPool {
    /// A pool without rows.
    pub fn new(n_players: usize) -> Self {
        Self {
            n_players,
            stride: n_players.div_ceil(8),
            members: Vec::new(),
            values: Vec::new(),
            weights: Vec::new(),
            rows: HashMap::new(),
            assumed: HashSet::new(),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The row of a coalition, where it has one; bounds do not count.
    pub fn row(&self, members: &[u8]) -> Option<usize> {
        self.rows.get(members).copied()
    }

    /// Adds a constraint and returns its row; that of the same coalition, where it has one.
    pub fn add(&mut self, members: &[u8], value: f64, weight: f64) -> usize {
        debug_assert_eq!(members.len(), self.stride);
        let next = self.len();
        if weight != 0.0 {
            let row = *self.rows.entry(members.into()).or_insert(next);
            if row < next {
                return row;
            }
        }
        self.push(members, value, weight)
    }

    /// Adds a row of an assumed value: a coalition may have one beside its real one, and nobody
    /// will find it.
    pub fn assume(&mut self, members: &[u8], value: f64) -> usize {
        self.assumed.insert(self.len());
        self.push(members, value, 1.0)
    }

    fn push(&mut self, members: &[u8], value: f64, weight: f64) -> usize {
        let next = self.len();
        self.members.extend_from_slice(members);
        self.values.push(value);
        self.weights.push(weight);
        next
    }

    /// Whether the value of a row is assumed.
    pub fn is_assumed(&self, row: usize) -> bool {
        self.assumed.contains(&row)
    }

    /// The members of a row.
    pub fn members(&self, row: usize) -> &[u8] {
        &self.members[row * self.stride..(row + 1) * self.stride]
    }

    /// The value of a row.
    pub fn value(&self, row: usize) -> f64 {
        self.values[row]
    }

    /// How much the level `t` relaxes a row: 0 for a bound.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights[row]
    }

    /// The indices of a row's members.
    pub fn players(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let members = self.members(row);
        (0..self.n_players).filter(move |player| members[player / 8] >> (player % 8) & 1 == 1)
    }

    /// The complement of a row's coalition.
    pub fn complement(&self, row: usize) -> Box<[u8]> {
        let mut bytes: Box<[u8]> = self.members(row).iter().map(|byte| !byte).collect();
        if !self.n_players.is_multiple_of(8) {
            bytes[self.stride - 1] &= (1 << (self.n_players % 8)) - 1;
        }
        bytes
    }

    /// The partial sums of `weights` over the members in each byte.
    pub fn byte_sums<T: Copy + Default>(
        &self,
        weights: &[T],
        add: impl Fn(T, T) -> T,
    ) -> Vec<[T; 256]> {
        weights
            .chunks(8)
            .map(|chunk| {
                let mut sums = [T::default(); 256];
                for (bit, &weight) in chunk.iter().enumerate() {
                    for subset in 0..1 << bit {
                        sums[subset | 1 << bit] = add(sums[subset], weight);
                    }
                }
                sums
            })
            .collect()
    }

    /// The sum over the members of a row, from [`RowPool::byte_sums`].
    pub fn sum<T: Copy + Default>(
        &self,
        row: usize,
        byte_sums: &[[T; 256]],
        add: impl Fn(T, T) -> T,
    ) -> T {
        self.members(row)
            .iter()
            .zip(byte_sums)
            .fold(T::default(), |sum, (&byte, sums)| add(sum, sums[usize::from(byte)]))
    }

    /// The rows whose coalitions lie outside the span whose annihilator holds `functional`,
    /// without assumed ones.
    pub fn rows_outside(&self, functional: &[u64]) -> Vec<usize> {
        let sums = self.byte_sums(functional, span::add);
        (0..self.len())
            .filter(|&row| self.sum(row, &sums, span::add) != 0 && !self.assumed.contains(&row))
            .collect()
    }
}
