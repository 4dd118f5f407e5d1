//! Sums of kinks, `sum over t of max(X_t, 0)`, of all coalitions of a range.
//!
//! A range is all coalitions of the ten lowest players together with one coalition of the others, four rows
//! of 256. For a row the others and the two highest of the ten give each step a base, and
//! `max(base + x, 0) = base + max(x, -base)`: a step costs one comparison and one addition for each coalition.

use crate::coalition::Coalition;
use crate::partial_sums::PartialSums;

/// Players within a row, and rows that are worked out together.
const LOW_PLAYERS: usize = 8;
const COLUMNS: usize = 1 << LOW_PLAYERS;
const ROWS: usize = 4;

/// Steps whose sums over the low players fit a cache.
pub const MOST_STEPS: usize = 256;

/// Evaluates `sum of linear + sum over t of max(X_t, 0)` for ranges of coalitions.
#[derive(Debug)]
pub struct KinkSums<'a> {
    linear: &'a [f64],
    high: PartialSums<'a>,
    /// For each step, the sums of all coalitions of the low players.
    low: Vec<[f64; COLUMNS]>,
    low_linear: [f64; COLUMNS],
}

impl<'a> KinkSums<'a> {
    /// `loads` has one row of `n_steps` numbers for each player, of whom there are at least ten.
    pub fn new(loads: &'a [f64], n_steps: usize, linear: &'a [f64]) -> Self {
        let mut low = vec![[0.0; COLUMNS]; n_steps];
        let mut low_linear = [0.0; COLUMNS];
        for player in 0..LOW_PLAYERS {
            let row = &loads[player * n_steps..][..n_steps];
            for (sums, load) in low.iter_mut().zip(row).chain([(&mut low_linear, &linear[player])])
            {
                let (without, with) = sums.split_at_mut(1 << player);
                for (sum, below) in with.iter_mut().zip(without) {
                    *sum = *below + load;
                }
            }
        }
        Self { linear, high: PartialSums::new(loads, n_steps), low, low_linear }
    }
}

impl crate::game::Ranges for KinkSums<'_> {
    fn fill(&mut self, first: Coalition, values: &mut [f64]) {
        let mut bases = [[0.0; MOST_STEPS]; ROWS];
        let mut constants = [0.0; ROWS];
        for (row, (base, constant)) in bases.iter_mut().zip(&mut constants).enumerate() {
            self.high.clear();
            let members = first | (row << LOW_PLAYERS) as Coalition;
            for player in (LOW_PLAYERS..Coalition::BITS as usize).rev() {
                if members >> player & 1 == 1 {
                    self.high.add(player);
                    *constant += self.linear[player];
                }
            }
            for (base, sum) in base.iter_mut().zip(self.high.sum()) {
                *base = -sum;
                *constant += sum;
            }
        }
        for (row, values) in values.chunks_exact_mut(COLUMNS).enumerate() {
            for (value, linear) in values.iter_mut().zip(&self.low_linear) {
                *value = constants[row] + linear;
            }
        }
        add_kinks(values, &self.low, &bases);
    }
}

/// Adds, for each row, the sum over steps of the larger one of the low sum and the base.
fn add_kinks(values: &mut [f64], low: &[[f64; COLUMNS]], bases: &[[f64; MOST_STEPS]; ROWS]) {
    assert!(values.len() == ROWS * COLUMNS && low.len() <= MOST_STEPS);
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512; the sizes were checked.
        unsafe { x86::add_kinks_512(values, low, bases) };
        return;
    } else if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2; the sizes were checked.
        unsafe { x86::add_kinks_256(values, low, bases) };
        return;
    }
    portable(values, low, bases);
}

/// What [`add_kinks`] does, for any processor and as its specification.
fn portable(values: &mut [f64], low: &[[f64; COLUMNS]], bases: &[[f64; MOST_STEPS]; ROWS]) {
    for (values, bases) in values.chunks_exact_mut(COLUMNS).zip(bases) {
        for (column, value) in values.iter_mut().enumerate() {
            let larger = |(low, &base): (&[f64; COLUMNS], &f64)| {
                if low[column] > base { low[column] } else { base }
            };
            *value += low.iter().zip(bases).map(larger).fold(0.0, |sum, term| sum + term);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_add_pd, _mm256_loadu_pd, _mm256_max_pd, _mm256_set1_pd, _mm256_setzero_pd,
        _mm256_storeu_pd, _mm512_add_pd, _mm512_loadu_pd, _mm512_max_pd, _mm512_set1_pd,
        _mm512_setzero_pd, _mm512_storeu_pd,
    };

    use super::{COLUMNS, MOST_STEPS, ROWS};

    /// Four rows of a few vectors stay in the registers while the steps go by.
    macro_rules! add_kinks {
        ($name:ident, $feature:literal, $width:literal, $vectors:literal, $zero:ident, $load:ident,
         $store:ident, $set:ident, $max:ident, $add:ident) => {
            /// # Safety
            /// The processor has the feature, `values` are four rows, and there are at most
            /// `MOST_STEPS` steps.
            #[target_feature(enable = $feature)]
            pub unsafe fn $name(
                values: &mut [f64],
                low: &[[f64; COLUMNS]],
                bases: &[[f64; MOST_STEPS]; ROWS],
            ) {
                for column in (0..COLUMNS).step_by($width * $vectors) {
                    let mut sums = [[$zero(); $vectors]; ROWS];
                    for (step, low) in low.iter().enumerate() {
                        // SAFETY: `column` and the vectors from it on are within a row, and
                        // `step` is below `MOST_STEPS`.
                        unsafe {
                            let low = low.as_ptr().add(column);
                            let low: [_; $vectors] =
                                std::array::from_fn(|vector| $load(low.add(vector * $width)));
                            for (sums, bases) in sums.iter_mut().zip(bases) {
                                let base = $set(*bases.get_unchecked(step));
                                for (sum, low) in sums.iter_mut().zip(low) {
                                    *sum = $add(*sum, $max(low, base));
                                }
                            }
                        }
                    }
                    for (row, sums) in sums.iter().enumerate() {
                        for (vector, &sum) in sums.iter().enumerate() {
                            let at = row * COLUMNS + column + vector * $width;
                            // SAFETY: `at` and the vector from it on are within the row.
                            unsafe {
                                let value = values.as_mut_ptr().add(at);
                                $store(value, $add($load(value), sum));
                            }
                        }
                    }
                }
            }
        };
    }

    add_kinks!(
        add_kinks_512,
        "avx512f",
        8,
        4,
        _mm512_setzero_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_max_pd,
        _mm512_add_pd
    );
    add_kinks!(
        add_kinks_256,
        "avx2",
        4,
        2,
        _mm256_setzero_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_max_pd,
        _mm256_add_pd
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_gives_the_same_bits() {
        let number = |k: usize| ((k * k + 7 * k) % 101) as f64 / 7.0 - 6.0;
        let low: Vec<[f64; COLUMNS]> = (0..31)
            .map(|step| std::array::from_fn(|column| number(step * COLUMNS + column)))
            .collect();
        let bases = std::array::from_fn(|row| std::array::from_fn(|step| number(row + 5 * step)));
        let start: Vec<f64> = (0..ROWS * COLUMNS).map(number).collect();
        let (mut fast, mut slow) = (start.clone(), start);
        add_kinks(&mut fast, &low, &bases);
        portable(&mut slow, &low, &bases);
        assert_eq!(fast, slow);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            let mut narrow: Vec<f64> = (0..ROWS * COLUMNS).map(number).collect();
            // SAFETY: the processor has AVX2; the sizes are right.
            unsafe { x86::add_kinks_256(&mut narrow, &low, &bases) };
            assert_eq!(narrow, slow);
        }
    }
}
