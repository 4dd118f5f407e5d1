//! A surrogate whose Shapley value is a closed form, fitted to pairs of complementary coalitions.
//!
//! `o(S) ~ sum over i of z_i sum over k of beta_ik q_k(|S|)`, with `z_i = 1` for members and `-1` for the
//! others: player weights that vary smoothly with the size of the coalition. The `q_k` span
//! `1, 1 - t, (1 - t) t` with `t = (2 s / n - 1)^2`, which is symmetric in the coalition and its
//! complement; one of them alone is paired KernelSHAP (Covert and Lee 2021). The fit is weighted least
//! squares with the Shapley kernel, constrained to `o(N) = v(N)`, by conjugate gradients: the normal
//! equations are never formed, and what random coalitions make of them on average preconditions them.

/// Conjugate gradients stop at this residual, relative to the right-hand side.
const PRECISION: f64 = 1e-10;
/// The same where a fit to almost the same pairs is the start: it only has to resolve the difference.
const WARM_PRECISION: f64 = 1e-7;
const MAX_ITERATIONS: usize = 100;

/// The most weights of a player.
pub const MAX_ORDER: usize = 3;

/// The evaluated pairs whose smaller coalition has one size.
#[derive(Debug, Clone)]
pub struct PairsOfSize {
    size: usize,
    members: Vec<u32>,
    odd: Vec<f64>,
}

impl PairsOfSize {
    /// No pairs of `size >= 1` yet.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { size, members: Vec::new(), odd: Vec::new() }
    }

    /// Adds a pair: the members of its smaller coalition, and `v(S) - v(N \ S)`.
    pub fn push(&mut self, members: &[u32], odd: f64) {
        debug_assert_eq!(members.len(), self.size);
        self.members.extend_from_slice(members);
        self.odd.push(odd);
    }

    /// The number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.odd.len()
    }

    /// Whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.odd.is_empty()
    }

    /// The members of each pair's smaller coalition.
    pub fn coalitions(&self) -> impl Iterator<Item = &[u32]> {
        self.members.chunks_exact(self.size)
    }
}

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
        pairs: &[PairsOfSize],
        used: &(impl Fn(usize, usize) -> bool + Sync),
        grand: f64,
        order: usize,
        start: Option<&Surrogate>,
    ) -> Self {
        let counts: Vec<usize> = pairs
            .iter()
            .map(|pairs| (0..pairs.len()).filter(|&pair| used(pairs.size, pair)).count())
            .collect();
        let basis = orthonormal_basis(n_players, &counts, order);
        let mut surrogate = match start {
            Some(start) if start.basis == basis => start.clone(),
            _ => Self::efficient(n_players, basis, grand),
        };
        let problem = LeastSquares { n_players, pairs, used, counts: &counts };
        let precision = if start.is_some() { WARM_PRECISION } else { PRECISION };
        problem.solve(&mut surrogate, precision);
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
    pub fn residuals(&self, pairs: &[PairsOfSize]) -> Vec<Vec<f64>> {
        let mut weights = vec![0.0; self.n_players];
        let of_size = |pairs: &PairsOfSize| {
            let total = self.weights_at(pairs.size, &mut weights);
            let pairs = pairs.coalitions().zip(&pairs.odd);
            pairs.map(|(members, odd)| odd - signed_sum(members, &weights, total)).collect()
        };
        pairs.iter().map(of_size).collect()
    }
}

/// `sum over i of z_i weights_i`, where `total` is the sum of all weights.
fn signed_sum(members: &[u32], weights: &[f64], total: f64) -> f64 {
    const LANES: usize = 4; // independent sums hide the latency of an addition
    let mut lanes = [0.0; LANES];
    let chunks = members.chunks_exact(LANES);
    for (lane, &member) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = weights[member as usize];
    }
    for chunk in chunks {
        for (lane, &member) in lanes.iter_mut().zip(chunk) {
            *lane += weights[member as usize];
        }
    }
    2.0 * lanes.iter().sum::<f64>() - total
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
    pairs: &'a [PairsOfSize],
    used: &'a U,
    counts: &'a [usize],
}

impl<U: Fn(usize, usize) -> bool> LeastSquares<'_, U> {
    /// Moves the weights of `surrogate` to the constrained minimum.
    fn solve(&self, surrogate: &mut Surrogate, precision: f64) {
        let expected = ExpectedNormal::new(self.n_players, &surrogate.basis, self.counts);
        let zero = vec![vec![0.0; self.n_players]; surrogate.basis.len()];
        let mut step = Surrogate { weights: zero, ..surrogate.clone() };
        // The scale of the problem: the gradient where all weights are zero.
        let scale = self.gradient(&step, true);
        let target = precision * precision * product(&scale, &expected.solve(&scale));
        let mut residual = self.gradient(surrogate, true);
        let mut solved = expected.solve(&residual);
        let mut norm = product(&residual, &solved);
        step.weights.clone_from(&solved);
        for _ in 0..MAX_ITERATIONS {
            if norm <= target {
                break;
            }
            let image = self.gradient(&step, false);
            let curvature = -product(&image, &step.weights);
            if curvature <= 0.0 {
                break; // fewer pairs than weights, and the minimum is a flat: any point of it will do
            }
            let length = norm / curvature;
            add(&mut surrogate.weights, length, &step.weights);
            add(&mut residual, length, &image);
            solved = expected.solve(&residual);
            let next = product(&residual, &solved);
            for (step, solved) in step.weights.iter_mut().flatten().zip(solved.iter().flatten()) {
                *step = solved + next / norm * *step;
            }
            norm = next;
        }
    }

    /// The negative gradient of the squared error at `surrogate`, halved; without the observations
    /// it is minus the image under the normal matrix.
    fn gradient(&self, surrogate: &Surrogate, observed: bool) -> Vec<Vec<f64>> {
        let n_players = self.n_players;
        let mut gradient = vec![vec![0.0; n_players]; surrogate.basis.len()];
        let mut weights = vec![0.0; n_players];
        let mut sums = vec![0.0; n_players];
        for (pairs, &count) in self.pairs.iter().zip(self.counts).filter(|(_, count)| **count > 0) {
            let total = surrogate.weights_at(pairs.size, &mut weights);
            let mass = kernel_mass(n_players, pairs.size) / count as f64;
            sums.fill(0.0);
            let mut everybody = 0.0;
            for (pair, (members, odd)) in pairs.coalitions().zip(&pairs.odd).enumerate() {
                if !(self.used)(pairs.size, pair) {
                    continue;
                }
                let observation = if observed { *odd } else { 0.0 };
                let error = mass * (observation - signed_sum(members, &weights, total));
                everybody += error;
                for &member in members {
                    sums[member as usize] += 2.0 * error;
                }
            }
            for (q, gradient) in surrogate.basis.iter().zip(&mut gradient) {
                for (gradient, sum) in gradient.iter_mut().zip(&sums) {
                    *gradient += q[pairs.size] * (sum - everybody);
                }
            }
        }
        gradient
    }
}

/// The normal matrix that random coalitions give on average, as preconditioner.
///
/// For coalitions of size `s` the mean of `z_i z_j` is `r(s) = ((2 s / n - 1)^2 n - 1) / (n - 1)`, so with
/// `M_kl`, the kernel-weighted mean of `q_k q_l r`, it is `I - M` on weights that sum to zero over the
/// players and `I + (n - 1) M` on weights that are the same for all.
struct ExpectedNormal {
    n_players: usize,
    deviation: Small,
    mean: Small,
    /// `q_k(n)`: the weights may only move so that `o(N)` stays.
    grand: Vec<f64>,
    /// What restores that: the solution for a gradient of `q_k(n)`, which is the same for all players.
    restoring: Vec<f64>,
}

type Small = [[f64; MAX_ORDER]; MAX_ORDER];

impl ExpectedNormal {
    fn new(n_players: usize, basis: &[Vec<f64>], counts: &[usize]) -> Self {
        let n = n_players as f64;
        let (mut deviation, mut mean) = (Small::default(), Small::default());
        for k in 0..MAX_ORDER {
            // Keeps the matrix regular where the sampled sizes leave a direction open.
            (deviation[k][k], mean[k][k]) = (1.0 + 1e-6, 1.0 + 1e-6);
        }
        for size in (1..=counts.len()).filter(|&size| counts[size - 1] > 0) {
            let balance = (2.0 * size as f64 / n - 1.0).powi(2);
            let correlation = (balance * n - 1.0) / (n - 1.0);
            let mass = kernel_mass(n_players, size) * correlation;
            for (k, q) in basis.iter().enumerate() {
                for (l, r) in basis.iter().enumerate() {
                    deviation[k][l] -= mass * q[size] * r[size];
                    mean[k][l] += (n - 1.0) * mass * q[size] * r[size];
                }
            }
        }
        let (deviation, mean) = (inverse(deviation), inverse(mean));
        let grand: Vec<f64> = basis.iter().map(|q| q[n_players]).collect();
        let restoring = times(&mean, &grand);
        Self { n_players, deviation, mean, grand, restoring }
    }

    /// The weights whose expected image is `gradient`, up to what keeps `o(N)`.
    fn solve(&self, gradient: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let n = self.n_players as f64;
        let means: Vec<f64> = gradient.iter().map(|g| g.iter().sum::<f64>() / n).collect();
        let mut mean = times(&self.mean, &means);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let excess = dot(&self.grand, &mean) / dot(&self.grand, &self.restoring);
        for (mean, restoring) in mean.iter_mut().zip(&self.restoring) {
            *mean -= excess * restoring;
        }
        let mut solved: Vec<Vec<f64>> =
            mean.iter().map(|mean| vec![*mean; self.n_players]).collect();
        for (k, solved) in solved.iter_mut().enumerate() {
            for (l, gradient) in gradient.iter().enumerate() {
                for (solved, gradient) in solved.iter_mut().zip(gradient) {
                    *solved += self.deviation[k][l] * (gradient - means[l]);
                }
            }
        }
        solved
    }
}

/// The inverse by Gauss and Jordan; the matrices here are diagonally dominant or nearly so.
fn inverse(mut matrix: Small) -> Small {
    let mut inverse = Small::default();
    (0..MAX_ORDER).for_each(|k| inverse[k][k] = 1.0);
    for pivot in 0..MAX_ORDER {
        let scale = matrix[pivot][pivot].recip();
        for column in 0..MAX_ORDER {
            matrix[pivot][column] *= scale;
            inverse[pivot][column] *= scale;
        }
        for row in (0..MAX_ORDER).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            for column in 0..MAX_ORDER {
                matrix[row][column] -= factor * matrix[pivot][column];
                inverse[row][column] -= factor * inverse[pivot][column];
            }
        }
    }
    inverse
}

fn times(matrix: &Small, vector: &[f64]) -> Vec<f64> {
    let row = |k: usize| vector.iter().zip(&matrix[k]).map(|(x, m)| x * m).sum();
    (0..vector.len()).map(row).collect()
}

fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [Vec<f64>], factor: f64, from: &[Vec<f64>]) {
    for (to, from) in to.iter_mut().flatten().zip(from.iter().flatten()) {
        *to += factor * from;
    }
}
