//! The inverse of a small dense basis, the heart of a simplex method with few columns.
//!
//! A basis is a square matrix whose rows are the constraints that hold with equality. Exchanging
//! one row is a rank-one update of the inverse; from time to time the inverse is computed anew.

/// The inverse of a square matrix `B`, stored by columns, so that column `r` belongs to row `r`
/// of `B`.
#[derive(Debug, Clone)]
pub struct DenseBasis {
    size: usize,
    inverse: Vec<f64>,
}

impl DenseBasis {
    /// The inverse of `matrix`, given by rows; `None` when it is singular.
    ///
    /// Gauss-Jordan elimination with column pivoting, `size^3` operations.
    #[must_use]
    pub fn invert(size: usize, mut matrix: Vec<f64>) -> Option<Self> {
        debug_assert_eq!(matrix.len(), size * size);
        // In place on the rows of B, which then are the columns of its transposed inverse: what is
        // stored by rows here is inverse(B) transposed in the end, that is, inverse(B) by columns.
        let mut pivot_columns = vec![usize::MAX; size];
        let mut pivot_row_copy = vec![0.0; size];
        let mut row_of_column = vec![usize::MAX; size];
        for step in 0..size {
            // The row order is free: take the largest entry of the next row among free columns.
            let row = &matrix[step * size..(step + 1) * size];
            let (column, pivot) = (0..size)
                .filter(|&column| row_of_column[column] == usize::MAX)
                .map(|column| (column, row[column]))
                .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()).then(b.0.cmp(&a.0)))?;
            if pivot.abs() < SINGULAR {
                return None;
            }
            pivot_columns[step] = column;
            row_of_column[column] = step;
            let scale = 1.0 / pivot;
            let row = &mut matrix[step * size..(step + 1) * size];
            row[column] = 1.0;
            for entry in row.iter_mut() {
                *entry *= scale;
            }
            pivot_row_copy.copy_from_slice(row);
            for (other, row) in matrix.chunks_exact_mut(size).enumerate() {
                let factor = row[column];
                if other != step && factor != 0.0 {
                    row[column] = 0.0;
                    for (entry, pivot_entry) in row.iter_mut().zip(&pivot_row_copy) {
                        *entry -= factor * pivot_entry;
                    }
                }
            }
        }
        // Undo the implicit permutation: entry (step, c) is inverse(B)[pivot_columns[step]][row_of_column[c]].
        let mut inverse = vec![0.0; size * size];
        for (step, &pivot_column) in pivot_columns.iter().enumerate() {
            for column in 0..size {
                inverse[row_of_column[column] * size + pivot_column] = matrix[step * size + column];
            }
        }
        Some(Self { size, inverse })
    }

    /// Column `row` of the inverse: how the solution moves with the right-hand side of that row.
    #[must_use]
    pub fn column(&self, row: usize) -> &[f64] {
        &self.inverse[row * self.size..(row + 1) * self.size]
    }

    /// All columns of the inverse, in row order.
    pub fn columns(&self) -> impl Iterator<Item = &[f64]> {
        self.inverse.chunks_exact(self.size)
    }

    /// Replaces a row of the basis. `coefficients` are those that express the new row as a
    /// combination of the old ones.
    pub fn replace(&mut self, row: usize, coefficients: &[f64]) {
        let size = self.size;
        let scale = 1.0 / coefficients[row];
        for entry in &mut self.inverse[row * size..(row + 1) * size] {
            *entry *= scale;
        }
        let (before, rest) = self.inverse.split_at_mut(row * size);
        let (column, after) = rest.split_at_mut(size);
        let others = before.chunks_exact_mut(size).chain(after.chunks_exact_mut(size));
        let factors = coefficients[..row].iter().chain(&coefficients[row + 1..]);
        for (other, &factor) in others.zip(factors) {
            if factor != 0.0 {
                for (entry, &moved) in other.iter_mut().zip(column.iter()) {
                    *entry -= factor * moved;
                }
            }
        }
    }
}

/// Below this a pivot counts as zero. Bases here have entries of order 1.
const SINGULAR: f64 = 1e-11;

#[cfg(test)]
mod tests {
    use super::*;

    fn product(matrix: &[f64], basis: &DenseBasis, size: usize) -> Vec<f64> {
        let mut result = vec![0.0; size * size];
        for i in 0..size {
            for (j, column) in basis.columns().enumerate() {
                result[i * size + j] = (0..size).map(|k| matrix[i * size + k] * column[k]).sum();
            }
        }
        result
    }

    fn assert_identity(matrix: &[f64], size: usize) {
        for (index, &entry) in matrix.iter().enumerate() {
            let expected = if index / size == index % size { 1.0 } else { 0.0 };
            assert!((entry - expected).abs() < 1e-12, "{matrix:?}");
        }
    }

    #[test]
    fn inverts_and_exchanges_a_row() {
        let mut matrix =
            vec![0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 3.0, 0.0, 1.0];
        let mut basis = DenseBasis::invert(4, matrix.clone()).unwrap();
        assert_identity(&product(&matrix, &basis, 4), 4);

        let row = [1.0, 0.0, 1.0, 1.0];
        let coefficients: Vec<f64> = basis
            .columns()
            .map(|column| row.iter().zip(column).map(|(a, b)| a * b).sum())
            .collect();
        basis.replace(2, &coefficients);
        matrix[8..12].copy_from_slice(&row);
        assert_identity(&product(&matrix, &basis, 4), 4);
    }

    #[test]
    fn a_singular_matrix_has_no_inverse() {
        assert!(DenseBasis::invert(2, vec![1.0, 2.0, 2.0, 4.0]).is_none());
    }
}
