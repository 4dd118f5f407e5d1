//! `A = L L'` of a symmetric positive definite matrix, and what a ridge regression reads off it.
//!
//! Blocked so that the inner loops run over contiguous numbers in the cache; the bits do not depend on
//! the number of threads, since each element is computed by one of them in a fixed order.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::thread_pool;

/// Columns that are eliminated together.
const BLOCK: usize = 64;

/// The lower triangle of a factor, one full row after the other.
pub struct Cholesky {
    size: usize,
    factor: Vec<f64>,
}

impl Cholesky {
    /// Factors the matrix whose lower triangle is given, in place.
    ///
    /// # Complexity
    /// `size^3 / 3` multiplications and additions, on all threads.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the matrix is not positive definite, [`Error::Interrupted`].
    pub fn new(mut matrix: Vec<f64>, size: usize, progress: &Progress) -> Result<Self> {
        for begin in (0..size).step_by(BLOCK) {
            progress.check()?;
            let end = size.min(begin + BLOCK);
            let width = end - begin;
            let mut diagonal = vec![0.0; width * width];
            for i in 0..width {
                for j in 0..=i {
                    let (row_i, row_j) = (&diagonal[i * width..], &diagonal[j * width..]);
                    let inner = dot(&row_i[..j], &row_j[..j]);
                    let rest = matrix[(begin + i) * size + begin + j] - inner;
                    if i == j && (rest <= 0.0 || rest.is_nan()) {
                        return Err(Error::InvalidInput(format!(
                            "the matrix is not positive definite in row {}",
                            begin + i
                        )));
                    }
                    diagonal[i * width + j] =
                        if i == j { rest.sqrt() } else { rest / diagonal[j * width + j] };
                }
                let row = (begin + i) * size + begin;
                matrix[row..row + width].copy_from_slice(&diagonal[i * width..(i + 1) * width]);
            }
            let mut below: Vec<&mut [f64]> = matrix[end * size..].chunks_exact_mut(size).collect();
            thread_pool::install(|| {
                below.par_iter_mut().for_each(|row| {
                    for j in 0..width {
                        let (done, rest) = row[begin..end].split_at_mut(j);
                        let inner = dot(done, &diagonal[j * width..j * width + j]);
                        rest[0] = (rest[0] - inner) / diagonal[j * width + j];
                    }
                })
            });
            let panel: Vec<f64> = below.iter().flat_map(|row| row[begin..end].to_vec()).collect();
            thread_pool::install(|| {
                below.into_par_iter().enumerate().for_each(|(i, row)| {
                    let own = &panel[i * width..(i + 1) * width];
                    let others = panel.chunks_exact(width);
                    for (element, other) in row[end..=end + i].iter_mut().zip(others) {
                        *element -= dot(own, other);
                    }
                })
            });
        }
        Ok(Self { size, factor: matrix })
    }

    /// `A^-1 B` for a matrix `B` of `size` rows, in place.
    pub fn solve(&self, rows: &mut [f64], columns: usize) {
        let size = self.size;
        for i in 0..size {
            let (done, rest) = rows.split_at_mut(i * columns);
            let row = &mut rest[..columns];
            for (k, factor) in self.factor[i * size..i * size + i].iter().enumerate() {
                add_scaled(row, -factor, &done[k * columns..(k + 1) * columns]);
            }
            row.iter_mut().for_each(|x| *x /= self.factor[i * size + i]);
        }
        for i in (0..size).rev() {
            let (before, rest) = rows.split_at_mut(i * columns);
            let row = &mut rest[..columns];
            row.iter_mut().for_each(|x| *x /= self.factor[i * size + i]);
            for (k, factor) in self.factor[i * size..i * size + i].iter().enumerate() {
                add_scaled(&mut before[k * columns..(k + 1) * columns], -factor, row);
            }
        }
    }

    /// The diagonal of `A^-1`.
    ///
    /// # Complexity
    /// As for the factor.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn inverse_diagonal(&self, progress: &Progress) -> Result<Vec<f64>> {
        let size = self.size;
        let blocks: Vec<usize> = (0..size).step_by(BLOCK).collect();
        let of_block = |&begin: &usize| -> Result<Vec<f64>> {
            progress.check()?;
            // Columns `begin..end` of L^-1, from row `begin` on.
            let width = BLOCK.min(size - begin);
            let mut inverse = vec![0.0; (size - begin) * width];
            let mut squares = vec![0.0; width];
            for i in begin..size {
                let (done, rest) = inverse.split_at_mut((i - begin) * width);
                let row = &mut rest[..width];
                if i - begin < width {
                    row[i - begin] = 1.0;
                }
                let factors = &self.factor[i * size + begin..i * size + i];
                for (factor, done) in factors.iter().zip(done.chunks_exact(width)) {
                    add_scaled(row, -factor, done);
                }
                for (x, square) in row.iter_mut().zip(&mut squares) {
                    *x /= self.factor[i * size + i];
                    *square += *x * *x;
                }
            }
            Ok(squares)
        };
        let parts: Result<Vec<_>> =
            thread_pool::install(|| blocks.par_iter().map(of_block).collect());
        Ok(parts?.concat())
    }
}

fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let (chunks_a, chunks_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = chunks_a.remainder().iter().zip(chunks_b.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in chunks_a.zip(chunks_b) {
        (0..LANES).for_each(|lane| lanes[lane] += a[lane] * b[lane]);
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_solves_and_inverts() {
        for size in [1, 5, 64, 150] {
            let element = |i: usize, j: usize| {
                let near = 1.0 / (1.0 + i.abs_diff(j) as f64);
                if i == j { 3.0 + (i % 7) as f64 } else { near }
            };
            let matrix: Vec<f64> =
                (0..size * size).map(|at| element(at / size, at % size)).collect();
            let factor = Cholesky::new(matrix.clone(), size, &Progress::new()).unwrap();
            let mut inverse = vec![0.0; size * size];
            (0..size).for_each(|i| inverse[i * size + i] = 1.0);
            factor.solve(&mut inverse, size);
            let diagonal = factor.inverse_diagonal(&Progress::new()).unwrap();
            for i in 0..size {
                assert!((diagonal[i] - inverse[i * size + i]).abs() < 1e-12);
                for j in 0..size {
                    let one: f64 =
                        (0..size).map(|k| matrix[i * size + k] * inverse[k * size + j]).sum();
                    assert!((one - f64::from(u8::from(i == j))).abs() < 1e-11);
                }
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        let result = Cholesky::new(vec![1.0, 2.0, 2.0, 1.0], 2, &Progress::new());
        assert!(result.err().unwrap().to_string().contains("not positive definite in row 1"));
    }
}
