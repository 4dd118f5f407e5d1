//! The inner loop of [`crate::shapley::exact`]: one read of four rows of the table.
//!
//! A row is a coalition of the high players, a column one of the low players. The four rows of a group
//! differ in their two lowest high players, so their coalitions have sizes `h`, `h + 1`, `h + 1` and
//! `h + 2`: three rows of weights and three of column sums serve four rows of values.
//!
//! The pass is meant to be limited by the memory and nothing else. What it took: four streams at once, a
//! software prefetch one group ahead (the hardware's own stops at each page, and a group is two pages),
//! rows of 256 values so that the weights and sums of all sizes stay in the first-level cache, and
//! padding between them.

/// Players of a column.
pub const LOW_PLAYERS: usize = 8;
/// Values of a row.
pub const COLUMNS: usize = 1 << LOW_PLAYERS;
/// High players in which the rows of a group differ.
pub const GROUP_PLAYERS: usize = 2;
/// Rows that are read together.
pub const GROUP_ROWS: usize = 1 << GROUP_PLAYERS;
/// How many members each row of a group has beyond the first.
const EXTRA_MEMBERS: [usize; GROUP_ROWS] = [0, 1, 1, 2];
/// Independent sums along a row; fixed, so that every processor adds in the same order.
const LANES: usize = 8;

/// Weights or sums of one row. The padding is a cache line: rows exactly a power of two apart would
/// share one set of the cache, and loads would wait for stores to the same offset in another page.
pub type PaddedRow = [f64; COLUMNS + LANES];
/// A row of zeros.
pub const ZERO_ROW: PaddedRow = [0.0; COLUMNS + LANES];

/// Reads a group of rows: adds each to the column sums of its size, and stores its weighted sum.
///
/// `weights` and `column_sums` begin with the size of the group's first row.
///
/// # Panics
/// When `rows` is not a whole group, or fewer than three sizes or four row sums are given.
pub fn add_group(
    rows: &[f64],
    weights: &[PaddedRow],
    column_sums: &mut [PaddedRow],
    row_sums: &mut [f64],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { avx2::add_group(rows, weights, column_sums, row_sums) };
        return;
    }
    portable(rows, weights, column_sums, row_sums);
}

/// What [`add_group`] does, for any processor and as its specification.
fn portable(
    rows: &[f64],
    weights: &[PaddedRow],
    column_sums: &mut [PaddedRow],
    row_sums: &mut [f64],
) {
    for ((row, extra), row_sum) in rows.chunks_exact(COLUMNS).zip(EXTRA_MEMBERS).zip(row_sums) {
        let mut lanes = [0.0; LANES];
        let weights = weights[extra].chunks_exact(LANES);
        let column_sums = column_sums[extra].chunks_exact_mut(LANES);
        for ((values, weights), sums) in row.chunks_exact(LANES).zip(weights).zip(column_sums) {
            for lane in 0..LANES {
                lanes[lane] += values[lane] * weights[lane];
                sums[lane] += values[lane];
            }
        }
        *row_sum = lanes.iter().sum();
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        _MM_HINT_T0, _mm_prefetch, _mm256_add_pd, _mm256_loadu_pd, _mm256_mul_pd,
        _mm256_setzero_pd, _mm256_storeu_pd,
    };

    use super::{COLUMNS, GROUP_PLAYERS, GROUP_ROWS, LANES, PaddedRow};

    /// Doubles of one vector; two vectors hold the lanes of a row.
    const WIDTH: usize = 4;

    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn add_group(
        rows: &[f64],
        weights: &[PaddedRow],
        column_sums: &mut [PaddedRow],
        row_sums: &mut [f64],
    ) {
        assert!(rows.len() == GROUP_ROWS * COLUMNS && row_sums.len() == GROUP_ROWS);
        assert!(weights.len() > GROUP_PLAYERS && column_sums.len() > GROUP_PLAYERS);
        let row: [*const f64; GROUP_ROWS] =
            std::array::from_fn(|index| rows[index * COLUMNS..].as_ptr());
        let weight: [*const f64; 3] = std::array::from_fn(|extra| weights[extra].as_ptr());
        let [sum_0, sum_1, sum_2, ..] = column_sums else { unreachable!("asserted above") };
        let sum = [sum_0.as_mut_ptr(), sum_1.as_mut_ptr(), sum_2.as_mut_ptr()];

        // SAFETY: each pointer starts a row of at least COLUMNS values and `at + WIDTH` never passes
        // COLUMNS; the three rows of sums are disjoint. A prefetch may name any address.
        unsafe {
            let zero = _mm256_setzero_pd();
            let mut lanes = [[zero; GROUP_ROWS]; LANES / WIDTH];
            for column in (0..COLUMNS).step_by(LANES) {
                for row in row {
                    let ahead = row.wrapping_add(GROUP_ROWS * COLUMNS + column);
                    _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                }
                for (part, lanes) in lanes.iter_mut().enumerate() {
                    let at = column + part * WIDTH;
                    // Spelt out: a closure in `array::map` would be compiled for any processor, and
                    // each vector go through memory.
                    let value_0 = _mm256_loadu_pd(row[0].add(at));
                    let value_1 = _mm256_loadu_pd(row[1].add(at));
                    let value_2 = _mm256_loadu_pd(row[2].add(at));
                    let value_3 = _mm256_loadu_pd(row[3].add(at));
                    let weight_0 = _mm256_loadu_pd(weight[0].add(at));
                    let weight_1 = _mm256_loadu_pd(weight[1].add(at));
                    let weight_2 = _mm256_loadu_pd(weight[2].add(at));
                    lanes[0] = _mm256_add_pd(lanes[0], _mm256_mul_pd(value_0, weight_0));
                    lanes[1] = _mm256_add_pd(lanes[1], _mm256_mul_pd(value_1, weight_1));
                    lanes[2] = _mm256_add_pd(lanes[2], _mm256_mul_pd(value_2, weight_1));
                    lanes[3] = _mm256_add_pd(lanes[3], _mm256_mul_pd(value_3, weight_2));
                    // All loads before the stores: see `PaddedRow`.
                    let sum_0 = _mm256_loadu_pd(sum[0].add(at));
                    let sum_1 = _mm256_loadu_pd(sum[1].add(at));
                    let sum_2 = _mm256_loadu_pd(sum[2].add(at));
                    let sum_1_2 = _mm256_add_pd(_mm256_add_pd(sum_1, value_1), value_2);
                    _mm256_storeu_pd(sum[0].add(at), _mm256_add_pd(sum_0, value_0));
                    _mm256_storeu_pd(sum[1].add(at), sum_1_2);
                    _mm256_storeu_pd(sum[2].add(at), _mm256_add_pd(sum_2, value_3));
                }
            }
            for (row, row_sum) in row_sums.iter_mut().enumerate() {
                let mut stored = [0.0; LANES];
                for (part, lanes) in lanes.iter().enumerate() {
                    _mm256_storeu_pd(stored[part * WIDTH..].as_mut_ptr(), lanes[row]);
                }
                *row_sum = stored.iter().sum();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_gives_the_same_bits() {
        let irregular = |index: usize| 1.0 / (index as f64 + 0.3);
        let rows: Vec<f64> = (0..GROUP_ROWS * COLUMNS).map(irregular).collect();
        let mut weights = [ZERO_ROW; 3];
        for (index, weight) in weights.as_flattened_mut().iter_mut().enumerate() {
            *weight = irregular(index + 7);
        }
        let mut detected = ([[0.1; COLUMNS + LANES]; 3], [0.0; GROUP_ROWS]);
        let mut plain = detected;
        add_group(&rows, &weights, &mut detected.0, &mut detected.1);
        portable(&rows, &weights, &mut plain.0, &mut plain.1);
        assert_eq!(detected, plain);
    }
}
