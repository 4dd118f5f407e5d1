//! The weighted Nash product over a polytope that is known by some of its rows: near the point of
//! the largest `sum of w_i log y_i` over all `y` of sum 1 with `A y >= b`.
//!
//! A primal-dual interior-point method with Mehrotra's predictor and corrector (1992). The logarithm
//! needs no barrier of its own: gains times their multipliers go to the weights, as slacks times
//! theirs go to 0. It starts outside the rows, and finds no end, or one with gains of rounding, where
//! they leave somebody nothing.

use crate::error::{Error, Result};
use crate::progress::Progress;

/// 8 to 25 are taken, where there is an end; in a core that is thin as a needle twice as many.
const ITERATIONS: usize = 150;
/// What slacks times multipliers are in the mean at the end; the weights, with which they compete,
/// add up to 1.
const NEAR: f64 = 1e-9;
/// What all equations may be off by at the end.
const OFF: f64 = 1e-8;
/// Part of the way to the first wall that a step goes.
const SHORT_OF_THE_WALL: f64 = 0.995;

/// A point, the slacks of its rows, and the multipliers of both; a step has the same form.
#[derive(Debug, Clone, PartialEq)]
pub struct NearNashPoint {
    /// The point; positive, of sum 1.
    pub gains: Vec<f64>,
    /// How far each row is from being tight; positive.
    pub slacks: Vec<f64>,
    /// One for each row, positive.
    pub multipliers: Vec<f64>,
    /// That of the sum: `w / y = total - A' multipliers`.
    pub total: f64,
    /// Those of the gains, `w / y`.
    slopes: Vec<f64>,
}

/// A point near the best; `None` where no end is found, as where no positive point satisfies the
/// rows. `rows` holds one row of `weights.len()` entries after the other; weights add up to 1.
///
/// # Errors
/// [`Error::InvalidInput`] when the lengths do not fit; [`Error::Interrupted`].
pub fn near_nash_point(
    rows: &[f64],
    demands: &[f64],
    weights: &[f64],
    progress: &Progress,
) -> Result<Option<NearNashPoint>> {
    let (n, count) = (weights.len(), demands.len());
    if rows.len() != n * count || n == 0 || count == 0 {
        return Err(Error::InvalidInput(format!(
            "{} entries are not {count} rows of {n}",
            rows.len()
        )));
    }
    let program = Program { rows, demands, weights };
    let start = 1.0 / count as f64;
    let gains = weights.to_vec();
    let slacks: Vec<f64> =
        program.times(&gains).iter().zip(demands).map(|(a, b)| (a - b).max(start)).collect();
    let mut here = NearNashPoint {
        gains,
        multipliers: slacks.iter().map(|slack| start / slack).collect(),
        slacks,
        total: 1.0,
        slopes: vec![1.0; n],
    };
    for _ in 0..ITERATIONS {
        progress.check()?;
        let off = program.off(&here);
        let mean = here.mean_product();
        if mean <= NEAR && off.largest(&here) <= OFF {
            return Ok(Some(here));
        }
        let Some(factor) = program.factor(&here) else { return Ok(None) };
        let guess = program.step(&here, &off, &factor, &vec![0.0; count]);
        let length = here.length(&guess);
        let mut there = here.clone();
        there.go(&guess, length);
        // Mehrotra's guess of how much centring is worth.
        let centre = (there.mean_product() / mean).powi(3) * mean;
        let target: Vec<f64> = guess
            .slacks
            .iter()
            .zip(&guess.multipliers)
            .map(|(a, b)| (centre - a * b).max(NEAR / 10.0))
            .collect();
        let step = program.step(&here, &off, &factor, &target);
        let length = here.length(&step);
        here.go(&step, length);
        if !(here.total.is_finite() && here.gains.iter().all(|gain| gain.is_finite())) {
            return Ok(None);
        }
    }
    Ok(None)
}

struct Program<'a> {
    rows: &'a [f64],
    demands: &'a [f64],
    weights: &'a [f64],
}

/// By how much the equations are off.
struct Off {
    rows: Vec<f64>,
    slopes: Vec<f64>,
    weights: Vec<f64>,
    sum: f64,
    products: Vec<f64>,
}

impl Off {
    /// The largest of all but the products, which go to 0 by themselves.
    fn largest(&self, here: &NearNashPoint) -> f64 {
        let slopes = self.slopes.iter().zip(&here.gains).map(|(off, gain)| off * gain);
        (self.rows.iter().chain(&self.weights).copied())
            .chain(slopes)
            .chain([self.sum])
            .map(f64::abs)
            .fold(0.0, f64::max)
    }
}

impl Program<'_> {
    fn times(&self, vector: &[f64]) -> Vec<f64> {
        let row = |row: &[f64]| row.iter().zip(vector).map(|(a, b)| a * b).sum();
        self.rows.chunks_exact(self.weights.len()).map(row).collect()
    }

    fn transposed_times(&self, vector: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.weights.len()];
        for (row, factor) in self.rows.chunks_exact(self.weights.len()).zip(vector) {
            for (entry, part) in sum.iter_mut().zip(row) {
                *entry += factor * part;
            }
        }
        sum
    }

    fn off(&self, here: &NearNashPoint) -> Off {
        let pulled = self.transposed_times(&here.multipliers);
        Off {
            rows: (self.times(&here.gains).iter().zip(&here.slacks).zip(self.demands))
                .map(|((row, slack), demand)| row - slack - demand)
                .collect(),
            slopes: (here.slopes.iter().zip(pulled))
                .map(|(slope, pull)| slope - here.total + pull)
                .collect(),
            weights: (self.weights.iter().zip(&here.gains).zip(&here.slopes))
                .map(|((weight, gain), slope)| weight - gain * slope)
                .collect(),
            sum: here.gains.iter().sum::<f64>() - 1.0,
            products: (here.slacks.iter().zip(&here.multipliers)).map(|(a, b)| -a * b).collect(),
        }
    }

    /// What a step leaves of what is off.
    fn left(&self, here: &NearNashPoint, off: &Off, step: &NearNashPoint) -> Off {
        let pulled = self.transposed_times(&step.multipliers);
        let moved = self.times(&step.gains);
        Off {
            rows: (0..moved.len()).map(|k| off.rows[k] + moved[k] - step.slacks[k]).collect(),
            slopes: (0..pulled.len())
                .map(|i| off.slopes[i] + step.slopes[i] - step.total + pulled[i])
                .collect(),
            weights: (0..pulled.len())
                .map(|i| {
                    off.weights[i] - here.gains[i] * step.slopes[i] - here.slopes[i] * step.gains[i]
                })
                .collect(),
            sum: off.sum + step.gains.iter().sum::<f64>(),
            products: (0..moved.len())
                .map(|k| {
                    off.products[k]
                        - here.multipliers[k] * step.slacks[k]
                        - here.slacks[k] * step.multipliers[k]
                })
                .collect(),
        }
    }

    /// The factor of the matrix of Newton's equations; `None` where rounding has spoilt it.
    fn factor(&self, here: &NearNashPoint) -> Option<Factor> {
        let n = self.weights.len();
        let mut matrix = vec![0.0; n * n];
        for ((row, slack), multiplier) in
            self.rows.chunks_exact(n).zip(&here.slacks).zip(&here.multipliers)
        {
            let ratio = multiplier / slack;
            for i in (0..n).filter(|&i| row[i] != 0.0) {
                let scaled = ratio * row[i];
                for (entry, part) in matrix[i * n..=i * n + i].iter_mut().zip(row) {
                    *entry += scaled * part;
                }
            }
        }
        for i in 0..n {
            matrix[i * n + i] += here.slopes[i] / here.gains[i];
        }
        let mut factor = Factor { n, lower: matrix, along: Vec::new() };
        factor.decompose()?;
        factor.along = factor.solve(vec![1.0; n]);
        Some(factor)
    }

    /// Newton's step towards products of slacks and multipliers, refined once: near the end the
    /// matrix is as good as singular.
    fn step(
        &self,
        here: &NearNashPoint,
        off: &Off,
        factor: &Factor,
        target: &[f64],
    ) -> NearNashPoint {
        let products = off.products.iter().zip(target).map(|(off, target)| off + target).collect();
        let off = Off {
            rows: off.rows.clone(),
            slopes: off.slopes.clone(),
            weights: off.weights.clone(),
            products,
            ..*off
        };
        let mut step = self.solve(here, &off, factor);
        let rest = self.solve(here, &self.left(here, &off, &step), factor);
        step.go(&rest, 1.0);
        step
    }

    fn solve(&self, here: &NearNashPoint, off: &Off, factor: &Factor) -> NearNashPoint {
        let (n, count) = (self.weights.len(), self.demands.len());
        let ratio = |row: usize| here.multipliers[row] / here.slacks[row];
        let shift: Vec<f64> = (0..count)
            .map(|row| off.products[row] / here.slacks[row] - ratio(row) * off.rows[row])
            .collect();
        let pulled = self.transposed_times(&shift);
        let right: Vec<f64> =
            (0..n).map(|i| off.slopes[i] + off.weights[i] / here.gains[i] + pulled[i]).collect();
        let free = factor.solve(right);
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let total = (sum(&free) + off.sum) / sum(&factor.along);
        let gains: Vec<f64> =
            free.iter().zip(&factor.along).map(|(free, along)| free - total * along).collect();
        let moved = self.times(&gains);
        NearNashPoint {
            slopes: (0..n)
                .map(|i| (off.weights[i] - here.slopes[i] * gains[i]) / here.gains[i])
                .collect(),
            gains,
            slacks: moved.iter().zip(&off.rows).map(|(moved, off)| moved + off).collect(),
            multipliers: (0..count).map(|row| shift[row] - ratio(row) * moved[row]).collect(),
            total,
        }
    }
}

impl NearNashPoint {
    /// The mean of slacks times multipliers.
    fn mean_product(&self) -> f64 {
        self.slacks.iter().zip(&self.multipliers).map(|(a, b)| a * b).sum::<f64>()
            / self.slacks.len() as f64
    }

    /// How far a step can go before anything is negative; 1 at most.
    fn length(&self, step: &Self) -> f64 {
        let pairs = [
            (&self.gains, &step.gains),
            (&self.slopes, &step.slopes),
            (&self.slacks, &step.slacks),
            (&self.multipliers, &step.multipliers),
        ];
        let fall = (pairs.into_iter())
            .flat_map(|(here, step)| here.iter().zip(step).map(|(here, step)| -step / here))
            .fold(0.0, f64::max);
        if fall <= SHORT_OF_THE_WALL { 1.0 } else { SHORT_OF_THE_WALL / fall }
    }

    fn go(&mut self, step: &Self, length: f64) {
        let pairs = [
            (&mut self.gains, &step.gains),
            (&mut self.slopes, &step.slopes),
            (&mut self.slacks, &step.slacks),
            (&mut self.multipliers, &step.multipliers),
        ];
        for (here, step) in pairs {
            for (entry, part) in here.iter_mut().zip(step) {
                *entry += length * part;
            }
        }
        self.total += length * step.total;
    }
}

/// Cholesky's factor of a positive definite matrix, and the solution for ones.
struct Factor {
    n: usize,
    /// By row, the lower triangle.
    lower: Vec<f64>,
    along: Vec<f64>,
}

impl Factor {
    fn decompose(&mut self) -> Option<()> {
        let n = self.n;
        for i in 0..n {
            for j in 0..=i {
                let (row, other) = (i * n, j * n);
                let known: f64 = (0..j).map(|k| self.lower[row + k] * self.lower[other + k]).sum();
                let rest = self.lower[row + j] - known;
                self.lower[row + j] = if i > j {
                    rest / self.lower[other + j]
                } else if rest > 0.0 {
                    rest.sqrt()
                } else {
                    return None;
                };
            }
        }
        Some(())
    }

    fn solve(&self, mut right: Vec<f64>) -> Vec<f64> {
        let n = self.n;
        for i in 0..n {
            let known: f64 = (0..i).map(|k| self.lower[i * n + k] * right[k]).sum();
            right[i] = (right[i] - known) / self.lower[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| self.lower[k * n + i] * right[k]).sum();
            right[i] = (right[i] - known) / self.lower[i * n + i];
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_that_is_worth_more_together_leaves_the_third_the_rest() {
        let rows = [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        let demands = [8.0 / 9.0, 4.0 / 9.0, 2.0 / 9.0];
        for (weights, expected) in
            [([1.0, 1.0, 1.0], [4.0, 4.0, 1.0]), ([2.0, 1.0, 1.0], [16.0 / 3.0, 8.0 / 3.0, 1.0])]
        {
            let sum: f64 = weights.iter().sum();
            let parts = weights.map(|weight| weight / sum);
            let found =
                near_nash_point(&rows, &demands, &parts, &Progress::new()).unwrap().unwrap();
            for (gain, expected) in found.gains.iter().zip(expected) {
                assert!((9.0 * gain - expected).abs() < 1e-6, "{:?}", found.gains);
            }
            assert!(found.multipliers[0] > found.slacks[0]);
        }
    }

    #[test]
    fn rows_that_leave_somebody_nothing_have_no_end_above_rounding() {
        let rows = [1.0, 0.0];
        // What the equations may be off by is all that is left to the second.
        let touching = near_nash_point(&rows, &[1.0], &[0.5, 0.5], &Progress::new()).unwrap();
        assert!(touching.is_none_or(|found| found.gains[1] <= 3.0 * OFF));
        assert_eq!(near_nash_point(&rows, &[1.5], &[0.5, 0.5], &Progress::new()).unwrap(), None);
        assert!(near_nash_point(&rows, &[1.0, 2.0], &[0.5, 0.5], &Progress::new()).is_err());
    }
}
