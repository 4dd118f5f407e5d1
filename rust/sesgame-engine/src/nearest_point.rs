//! The point of a polyhedron `{x : G x >= h}` nearest to the origin, by Lawson and Hanson's least
//! distance programming on their non-negative least squares ("Solving Least Squares Problems", 1974,
//! chapter 23). Dense and exact up to rounding: for tens of columns and hundreds of rows.

/// The nearest point and what proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The point.
    pub point: Vec<f64>,
    /// One `u >= 0` for each row, positive only where `g x = h`, such that `x` is the sum of all
    /// `u g` (the conditions of Karush, Kuhn and Tucker).
    pub multipliers: Vec<f64>,
}

/// The point nearest to the origin, or `None` when the polyhedron is empty.
///
/// Each row is `(g, h)`, all `g` of the same length.
#[must_use]
pub fn nearest_to_origin(rows: &[(Vec<f64>, f64)], n: usize) -> Option<Nearest> {
    let scale = rows.iter().map(|row| row.1.abs()).fold(0.0, f64::max);
    if scale == 0.0 {
        return Some(Nearest { point: vec![0.0; n], multipliers: vec![0.0; rows.len()] });
    }
    // Columns (g, h): the residual of fitting (0, ..., 0, 1) carries the solution.
    let columns: Vec<Vec<f64>> =
        rows.iter().map(|(g, h)| g.iter().copied().chain([h / scale]).collect()).collect();
    let mut target = vec![0.0; n + 1];
    target[n] = 1.0;
    let (residual, fit) = non_negative_fit(&columns, &target);
    let last = residual[n];
    (last > 1e-12).then(|| Nearest {
        point: residual[..n].iter().map(|r| -r / last * scale).collect(),
        multipliers: fit.iter().map(|u| u / last * scale).collect(),
    })
}

/// `target - E u` and `u` for the `u >= 0` that makes it shortest; `columns` are those of `E`.
fn non_negative_fit(columns: &[Vec<f64>], target: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut u = vec![0.0; columns.len()];
    let mut passive: Vec<usize> = Vec::new();
    let mut residual = target.to_vec();
    // Each round ends at a better point, so there are finitely many; the cap is against rounding.
    for _ in 0..10 * (columns.len() + target.len()) {
        let entering = (0..columns.len())
            .filter(|j| !passive.contains(j))
            .map(|j| (j, dot(&columns[j], &residual)))
            .filter(|&(j, gradient)| gradient > 1e-12 * norm(&columns[j]).max(1.0))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((entering, _)) = entering else { break };
        passive.push(entering);
        loop {
            let fit = least_squares(columns, &passive, target);
            if fit.iter().all(|&value| value > 0.0) {
                for (&j, value) in passive.iter().zip(fit) {
                    u[j] = value;
                }
                break;
            }
            let step = passive
                .iter()
                .zip(&fit)
                .filter(|&(_, &value)| value <= 0.0)
                .map(|(&j, value)| u[j] / (u[j] - value))
                .fold(1.0, f64::min);
            for (&j, value) in passive.iter().zip(&fit) {
                u[j] += step * (value - u[j]);
            }
            passive.retain(|&j| u[j] > 1e-14);
            for (j, value) in u.iter_mut().enumerate() {
                if !passive.contains(&j) {
                    *value = 0.0;
                }
            }
            if passive.is_empty() {
                break;
            }
        }
        residual = target.to_vec();
        for &j in &passive {
            for (r, c) in residual.iter_mut().zip(&columns[j]) {
                *r -= u[j] * c;
            }
        }
    }
    (residual, u)
}

/// Least squares on some columns by modified Gram-Schmidt, twice; dependent columns get 0.
pub(crate) fn least_squares(columns: &[Vec<f64>], chosen: &[usize], target: &[f64]) -> Vec<f64> {
    let k = chosen.len();
    let mut q: Vec<Vec<f64>> = Vec::with_capacity(k);
    let mut r = vec![vec![0.0; k]; k];
    for (j, &column) in chosen.iter().enumerate() {
        let mut v = columns[column].clone();
        for _ in 0..2 {
            for (i, direction) in q.iter().enumerate() {
                let part = dot(direction, &v);
                r[i][j] += part;
                for (a, b) in v.iter_mut().zip(direction) {
                    *a -= part * b;
                }
            }
        }
        let length = norm(&v);
        if length > 1e-10 * norm(&columns[column]) {
            r[j][j] = length;
            v.iter_mut().for_each(|a| *a /= length);
        } else {
            v.fill(0.0);
        }
        q.push(v);
    }
    let mut fit = vec![0.0; k];
    for j in (0..k).rev() {
        if r[j][j] > 0.0 {
            let known: f64 = (j + 1..k).map(|i| r[j][i] * fit[i]).sum();
            fit[j] = (dot(&q[j], target) - known) / r[j][j];
        }
    }
    fit
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(g: &[f64], h: f64) -> (Vec<f64>, f64) {
        (g.to_vec(), h)
    }

    #[test]
    fn one_half_space_is_met_along_its_normal() {
        let x = nearest_to_origin(&[row(&[1.0, 1.0], 6.0)], 2).unwrap().point;
        assert!((x[0] - 3.0).abs() < 1e-12 && (x[1] - 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_bound_pushes_the_rest_to_the_others() {
        let rows =
            [row(&[1.0, 1.0, 1.0], 9.0), row(&[-1.0, 0.0, 0.0], -1.0), row(&[0.0, 1.0, 0.0], 2.0)];
        let x = nearest_to_origin(&rows, 3).unwrap();
        for (found, expected) in x.point.iter().zip([1.0, 4.0, 4.0]) {
            assert!((found - expected).abs() < 1e-11);
        }
        // (1, 4, 4) = 4 (1, 1, 1) + 3 (-1, 0, 0).
        for (found, expected) in x.multipliers.iter().zip([4.0, 3.0, 0.0]) {
            assert!((found - expected).abs() < 1e-11);
        }
    }

    #[test]
    fn an_inner_origin_stays_and_an_empty_polyhedron_has_no_point() {
        let inner = nearest_to_origin(&[row(&[1.0], -1.0)], 1).unwrap();
        assert_eq!((inner.point, inner.multipliers), (vec![0.0], vec![0.0]));
        assert_eq!(nearest_to_origin(&[row(&[1.0], 2.0), row(&[-1.0], -1.0)], 1), None);
    }
}
