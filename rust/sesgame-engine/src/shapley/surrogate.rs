//! A surrogate whose Shapley value is a closed form, fitted to pairs of complementary coalitions.
//!
//! `o(S) ~ sum over i of z_i sum over k of beta_ik q_k(|S|)`, with `z_i = 1` for members and `-1` for the
//! others: player weights that vary smoothly with the size of the coalition. The `q_k` span
//! `1, 1 - t, (1 - t) t` with `t = (2 s / n - 1)^2`, which is symmetric in the coalition and its
//! complement; one of them alone is paired KernelSHAP (Covert and Lee 2021). The fit is weighted least
//! squares with the Shapley kernel, constrained to `o(N) = v(N)`, by conjugate gradients: the normal
//! equations are never formed, and with many more pairs than weights they are close to the identity.

use std::ops::Range;

/// Conjugate gradients stop at this residual, relative to the right-hand side.
const PRECISION: f64 = 1e-10;
const MAX_ITERATIONS: usize = 100;

/// The most weights of a player.
pub const MAX_ORDER: usize = 3;

/// A coalition, the smaller of its pair, and `v(S) - v(N \ S)`.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Its members in ascending order.
    pub members: Vec<u32>,
    /// The odd part of its value.
    pub odd: f64,
}

/// Pairs by the size of the smaller coalition, from 1 to `n/2`.
pub type PairsBySize = [Vec<Pair>];

/// The share of the Shapley kernel that falls on the pairs of a size.
#[must_use]
pub fn kernel_mass(n_players: usize, size: usize) -> f64 {
    let both = if 2 * size == n_players { 1.0 } else { 2.0 };
    both / (size * (n_players - size)) as f64
}

/// A fitted surrogate.
#[derive(Debug, Clone)]
pub struct Surrogate {
    n_players: usize,
    /// `q_k(s)` for `s = 0..=n`, one row for each `k`.
    basis: Vec<Vec<f64>>,
    /// `beta_ik`, one row of `n` for each `k`.
    weights: Vec<Vec<f64>>,
}

impl Surrogate {
    /// Fits `order` weights for each player to the pairs that `used` selects by position in their
    /// size, so that the whole shares out `grand`.
    ///
    /// # Complexity
    /// A few dozen passes over the members of all pairs.
    #[must_use]
    pub fn fit(
        n_players: usize,
        pairs: &PairsBySize,
        used: &(impl Fn(usize, usize) -> bool + Sync),
        grand: f64,
        order: usize,
        start: Option<&Surrogate>,
    ) -> Self {
        let counts: Vec<usize> = pairs
            .iter()
            .enumerate()
            .map(|(index, pairs)| (0..pairs.len()).filter(|&pair| used(index + 1, pair)).count())
            .collect();
        let basis = orthonormal_basis(n_players, &counts, order);
        let mut surrogate = match start {
            Some(start) if start.basis == basis => start.clone(),
            _ => Self::efficient(n_players, basis, grand),
        };
        let problem = LeastSquares { n_players, pairs, used, counts: &counts };
        problem.solve(&mut surrogate);
        surrogate
    }

    /// The surrogate in which all players are alike.
    fn efficient(n_players: usize, basis: Vec<Vec<f64>>, grand: f64) -> Self {
        let norm: f64 = basis.iter().map(|q| q[n_players] * q[n_players]).sum();
        let share = grand / (n_players as f64 * norm);
        let weights = basis.iter().map(|q| vec![share * q[n_players]; n_players]).collect();
        Self { n_players, basis, weights }
    }

    /// The player weights for coalitions of one size, and their sum.
    fn weights_at(&self, size: usize, weights: &mut [f64]) -> f64 {
        weights.fill(0.0);
        for (q, beta) in self.basis.iter().zip(&self.weights) {
            for (weight, beta) in weights.iter_mut().zip(beta) {
                *weight += q[size] * beta;
            }
        }
        weights.iter().sum()
    }

    /// The Shapley value of the surrogate game.
    #[must_use]
    pub fn shapley_value(&self) -> Vec<f64> {
        let n = self.n_players as f64;
        let mut values = vec![0.0; self.n_players];
        for (q, beta) in self.basis.iter().zip(&self.weights) {
            let (mut own, mut others) = (0.0, 0.0);
            for size in 1..=self.n_players {
                own += q[size] + q[size - 1];
                if self.n_players > 1 {
                    let balance = 2.0 * (size - 1) as f64 / (n - 1.0) - 1.0;
                    others += (q[size] - q[size - 1]) * balance;
                }
            }
            let (own, others) = (own / (2.0 * n), others / (2.0 * n));
            let total: f64 = beta.iter().sum();
            for (value, beta) in values.iter_mut().zip(beta) {
                *value += own * beta + others * (total - beta);
            }
        }
        values
    }

    /// `o(S)` minus what the surrogate says, for each pair.
    #[must_use]
    pub fn residuals(&self, pairs: &PairsBySize) -> Vec<Vec<f64>> {
        let mut weights = vec![0.0; self.n_players];
        let of_size = |(index, pairs): (usize, &Vec<Pair>)| {
            let total = self.weights_at(index + 1, &mut weights);
            pairs.iter().map(|pair| pair.odd - signed_sum(&pair.members, &weights, total)).collect()
        };
        pairs.iter().enumerate().map(of_size).collect()
    }
}

/// `sum over i of z_i weights_i`, where `total` is the sum of all weights.
fn signed_sum(members: &[u32], weights: &[f64], total: f64) -> f64 {
    2.0 * members.iter().map(|&member| weights[member as usize]).sum::<f64>() - total
}

/// `1, 1 - t, (1 - t) t`, as many as asked for and as the sampled sizes can tell apart, made
/// orthonormal under the kernel mass of the sampled sizes.
fn orthonormal_basis(n_players: usize, counts: &[usize], order: usize) -> Vec<Vec<f64>> {
    let sampled = || (1..=counts.len()).filter(|&size| counts[size - 1] > 0);
    let product = |a: &[f64], b: &[f64]| -> f64 {
        sampled().map(|size| kernel_mass(n_players, size) * a[size] * b[size]).sum()
    };
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for k in 0..order.min(MAX_ORDER) {
        let raw = |size: usize| {
            let t = (2.0 * size as f64 / n_players as f64 - 1.0).powi(2);
            [1.0, 1.0 - t, (1.0 - t) * t][k]
        };
        let mut q: Vec<f64> = (0..=n_players).map(raw).collect();
        let before = product(&q, &q);
        for earlier in &basis {
            let overlap = product(&q, earlier);
            for (q, earlier) in q.iter_mut().zip(earlier) {
                *q -= overlap * earlier;
            }
        }
        let norm = product(&q, &q);
        if norm > 1e-6 * before {
            let scale = norm.sqrt().recip();
            q.iter_mut().for_each(|q| *q *= scale);
            basis.push(q);
        }
    }
    basis
}

struct LeastSquares<'a, U> {
    n_players: usize,
    pairs: &'a PairsBySize,
    used: &'a U,
    counts: &'a [usize],
}

impl<U: Fn(usize, usize) -> bool> LeastSquares<'_, U> {
    /// Moves the weights of `surrogate` to the constrained minimum.
    fn solve(&self, surrogate: &mut Surrogate) {
        let n_players = self.n_players;
        let basis = surrogate.basis.clone();
        let row = |k: usize| -> Range<usize> { k * n_players..(k + 1) * n_players };
        let project = |x: &mut [f64]| {
            let norm: f64 = basis.iter().map(|q| q[n_players] * q[n_players]).sum();
            let sums =
                basis.iter().enumerate().map(|(k, q)| q[n_players] * x[row(k)].iter().sum::<f64>());
            let excess = sums.sum::<f64>() / (norm * n_players as f64);
            for (k, q) in basis.iter().enumerate() {
                x[row(k)].iter_mut().for_each(|x| *x -= excess * q[n_players]);
            }
        };
        let mut step = Surrogate {
            n_players,
            basis: basis.clone(),
            weights: vec![vec![0.0; n_players]; basis.len()],
        };
        // The scale of the problem: the gradient at the surrogate that is zero everywhere.
        let mut scale = self.gradient(&step, true);
        project(&mut scale);
        let target = PRECISION * PRECISION * square(&scale);
        let mut residual = self.gradient(surrogate, true);
        project(&mut residual);
        let mut direction = residual.clone();
        let mut norm = square(&residual);
        for _ in 0..MAX_ITERATIONS {
            if norm <= target {
                break;
            }
            for (k, weights) in step.weights.iter_mut().enumerate() {
                weights.copy_from_slice(&direction[row(k)]);
            }
            let mut image = self.gradient(&step, false);
            project(&mut image);
            let curvature: f64 = -image.iter().zip(&direction).map(|(a, b)| a * b).sum::<f64>();
            if curvature <= 0.0 {
                break; // fewer pairs than weights: the minimum is a flat, and this is its nearest point
            }
            let length = norm / curvature;
            for (k, weights) in surrogate.weights.iter_mut().enumerate() {
                for (weight, direction) in weights.iter_mut().zip(&direction[row(k)]) {
                    *weight += length * direction;
                }
            }
            for (residual, image) in residual.iter_mut().zip(&image) {
                *residual += length * image;
            }
            let next = square(&residual);
            for (direction, residual) in direction.iter_mut().zip(&residual) {
                *direction = residual + next / norm * *direction;
            }
            norm = next;
        }
    }

    /// The negative gradient of the squared error at `surrogate`, halved; without the observations
    /// it is minus the image under the normal matrix.
    fn gradient(&self, surrogate: &Surrogate, observed: bool) -> Vec<f64> {
        let n_players = self.n_players;
        let mut gradient = vec![0.0; surrogate.basis.len() * n_players];
        let mut weights = vec![0.0; n_players];
        let mut sums = vec![0.0; n_players];
        for (index, pairs) in self.pairs.iter().enumerate() {
            let size = index + 1;
            if self.counts[index] == 0 {
                continue;
            }
            let total = surrogate.weights_at(size, &mut weights);
            let mass = kernel_mass(n_players, size) / self.counts[index] as f64;
            sums.fill(0.0);
            let mut everybody = 0.0;
            let used = pairs.iter().enumerate().filter(|(pair, _)| (self.used)(size, *pair));
            for (_, pair) in used {
                let observation = if observed { pair.odd } else { 0.0 };
                let error = mass * (observation - signed_sum(&pair.members, &weights, total));
                everybody += error;
                for &member in &pair.members {
                    sums[member as usize] += 2.0 * error;
                }
            }
            for (q, gradient) in surrogate.basis.iter().zip(gradient.chunks_exact_mut(n_players)) {
                for (gradient, sum) in gradient.iter_mut().zip(&sums) {
                    *gradient += q[size] * (sum - everybody);
                }
            }
        }
        gradient
    }
}

fn square(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}
