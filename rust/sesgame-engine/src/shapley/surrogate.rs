//! A surrogate whose semivalues are a closed form, fitted to pairs of complementary coalitions.
//!
//! `o(S) ~ sum over i of z_i sum over k of beta_ik q_k(|S|)`, with `z_i = 1` for members and `-1` for the
//! others: player weights that vary smoothly with the size of the coalition. The `q_k` span
//! `1, 1 - t, (1 - t) t` with `t = (2 s / n - 1)^2`, which is symmetric in the coalition and its
//! complement; one of them alone is paired KernelSHAP (Covert and Lee 2021). The fit is weighted least
//! squares with the kernel of the semivalue, for a value that shares out `v(N)` constrained to
//! `o(N) = v(N)`, by conjugate gradients: the normal equations are never formed, and what random
//! coalitions make of them on average preconditions them.
//!
//! Few pairs do not determine three weights for each player. How a player's weight changes with the
//! size, beyond the change that all players share, has a prior around none: ridge regression, whose
//! penalty falls with the number of pairs.
//!
//! Several fits, which differ in the pairs that take part, go through the data together, one in each
//! *lane*.

use crate::shapley::evaluated_pairs::{EvaluatedPairs, PairsOfSize};

/// Conjugate gradients stop at this residual, relative to the right-hand side.
const PRECISION: f64 = 1e-10;
/// What is left to gain, in parts of what chance makes of the fit anyway or, where another fit is the
/// start, of what there was to gain at first.
const ENOUGH: f64 = 1e-4;
const MAX_ITERATIONS: usize = 100;

/// The most weights of a player.
pub const MAX_ORDER: usize = 3;

/// What the trends of all players together are expected to explain, in parts of the variance that the
/// surrogate leaves over. Half or twice as much changes the error by some per cent, up or down.
const TRENDS: f64 = 1.0;

/// Fitted surrogates, one in each of `L` lanes.
#[derive(Debug, Clone)]
pub struct Surrogates<const L: usize> {
    n_players: usize,
    /// `q_k(s)` for `s = 0..=n`, one row for each `k`.
    basis: Vec<Vec<f64>>,
    /// `beta_ik`, one row of `n` for each `k`.
    weights: Lanes<L>,
    /// The fit goes on while there is more than this to gain.
    resolution: f64,
}

type Lanes<const L: usize> = Vec<[f64; L]>;

impl Surrogates<1> {
    /// Fits `order` weights for each player to all pairs, so that a value that shares out does so with
    /// `grand`.
    ///
    /// # Complexity
    /// Some ten passes over the members of all pairs.
    #[must_use]
    pub fn fit(pairs: &EvaluatedPairs, order: usize, grand: f64) -> Self {
        let n_players = pairs.n_players();
        let basis = orthonormal_basis(pairs, order);
        let norm: f64 = basis.iter().map(|q| q[n_players] * q[n_players]).sum();
        // At first all players are alike.
        let share = if basis.is_empty() { 0.0 } else { grand / (n_players as f64 * norm) };
        let alike = |q: &Vec<f64>| vec![[share * q[n_players]]; n_players];
        let weights = basis.iter().flat_map(alike).collect();
        let mut fitted = Self { n_players, basis, weights, resolution: 0.0 };
        let squares = LeastSquares::new(pairs, &fitted.basis);
        // The scale of the problem: the gradient where all weights are zero.
        let zero = Self { weights: vec![[0.0]; fitted.weights.len()], ..fitted.clone() };
        let slope = squares.gradient(&zero, true).slope;
        let [scale] = product(&slope, &squares.expected.solve(&slope));
        fitted.resolution = PRECISION * PRECISION * scale;
        squares.solve(&mut fitted, false);
        fitted
    }

    /// The fit to the pairs that take part in each lane, from this one on.
    ///
    /// # Complexity
    /// A few passes over the members of all pairs.
    #[must_use]
    pub fn fit_lanes<const L: usize>(&self, pairs: &EvaluatedPairs) -> Surrogates<L> {
        let mut fitted = Surrogates {
            n_players: self.n_players,
            basis: self.basis.clone(),
            weights: self.weights.iter().map(|[weight]| [*weight; L]).collect(),
            resolution: self.resolution,
        };
        LeastSquares::new(pairs, &fitted.basis).solve(&mut fitted, true);
        fitted
    }
}

impl<const L: usize> Surrogates<L> {
    /// The weights of each player.
    #[must_use]
    pub fn order(&self) -> usize {
        self.basis.len()
    }

    /// The player weights for coalitions of one size, and their sums.
    pub fn weights_at(&self, size: usize, weights: &mut [[f64; L]]) -> [f64; L] {
        weights.fill([0.0; L]);
        for (q, beta) in self.basis.iter().zip(self.weights.chunks_exact(self.n_players)) {
            for (weight, beta) in weights.iter_mut().zip(beta) {
                (0..L).for_each(|lane| weight[lane] += q[size] * beta[lane]);
            }
        }
        let mut total = [0.0; L];
        weights.iter().for_each(|weight| add(&mut total, weight));
        total
    }

    /// The semivalue of the surrogate game, one row of lanes for each player; what the surrogate is
    /// wrong about the grand coalition is put right.
    #[must_use]
    pub fn semivalue(&self, pairs: &EvaluatedPairs, grand: f64) -> Lanes<L> {
        let n = self.n_players;
        let mut values = vec![[0.0; L]; n];
        let mut missing = [grand; L];
        for (q, beta) in self.basis.iter().zip(self.weights.chunks_exact(n)) {
            let (mut own, mut others) = (0.0, 0.0);
            for (size, q) in q.iter().enumerate().skip(1) {
                let share = pairs.semivalue.with(size) * q;
                own += share;
                if n > 1 {
                    others += share * (2.0 * (size - 1) as f64 / (n as f64 - 1.0) - 1.0);
                }
            }
            let mut total = [0.0; L];
            beta.iter().for_each(|beta| add(&mut total, beta));
            for (value, beta) in values.iter_mut().zip(beta) {
                for lane in 0..L {
                    value[lane] += own * beta[lane] + others * (total[lane] - beta[lane]);
                }
            }
            (0..L).for_each(|lane| missing[lane] -= q[n] * total[lane]);
        }
        for value in &mut values {
            (0..L).for_each(|lane| value[lane] += pairs.semivalue.with(n) * missing[lane]);
        }
        values
    }
}

/// `sum over i of z_i weights_i`, where `total` is the sum of all weights.
#[inline]
#[must_use]
pub fn signed_sum<const L: usize>(
    members: &[u32],
    weights: &[[f64; L]],
    total: &[f64; L],
) -> [f64; L] {
    const CHAINS: usize = 4; // independent sums hide the latency of an addition
    let mut chains = [[0.0; L]; CHAINS];
    let chunks = members.chunks_exact(CHAINS);
    for (chain, &member) in chains.iter_mut().zip(chunks.remainder()) {
        *chain = weights[member as usize];
    }
    for chunk in chunks {
        for (chain, &member) in chains.iter_mut().zip(chunk) {
            add(chain, &weights[member as usize]);
        }
    }
    std::array::from_fn(|lane| {
        2.0 * chains.iter().map(|chain| chain[lane]).sum::<f64>() - total[lane]
    })
}

#[inline]
fn add<const L: usize>(to: &mut [f64; L], from: &[f64; L]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

/// `1, 1 - t, (1 - t) t`, as many as asked for and as the sampled sizes can tell apart, made
/// orthonormal under the kernel mass of the sampled sizes.
fn orthonormal_basis(pairs: &EvaluatedPairs, order: usize) -> Vec<Vec<f64>> {
    let n_players = pairs.n_players();
    let product = |a: &[f64], b: &[f64]| -> f64 {
        let sampled = pairs.sizes().iter().filter(|of_size| !of_size.is_empty());
        let mass = |size: usize| pairs.semivalue.mass(size) * a[size] * b[size];
        sampled.map(|of_size| mass(of_size.size)).sum()
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

struct LeastSquares<'a, const L: usize> {
    pairs: &'a EvaluatedPairs,
    /// For each size, the kernel mass of one pair in each lane.
    masses: Lanes<L>,
    /// Of the squared deviation of a player's trend from the mean of all players'.
    penalty: f64,
    expected: ExpectedNormal,
}

/// The negative gradient of the squared error, halved, and the squared error.
struct Gradient<const L: usize> {
    slope: Lanes<L>,
    error: [f64; L],
}

impl<'a, const L: usize> LeastSquares<'a, L> {
    fn new(pairs: &'a EvaluatedPairs, basis: &[Vec<f64>]) -> Self {
        let mass = |of_size: &PairsOfSize| {
            let mass = pairs.semivalue.mass(of_size.size);
            of_size.counts::<L>().map(|count| if count > 0.0 { mass / count } else { 0.0 })
        };
        let masses = pairs.sizes().iter().map(mass).collect();
        let penalty = pairs.n_players() as f64 / (TRENDS * pairs.n_pairs().max(1) as f64);
        Self { pairs, masses, penalty, expected: ExpectedNormal::new(pairs, basis, penalty) }
    }

    /// Moves the weights of `fitted` to the constrained minimum.
    fn solve(&self, fitted: &mut Surrogates<L>, warm: bool) {
        if fitted.weights.is_empty() {
            return;
        }
        let zero = vec![[0.0; L]; fitted.weights.len()];
        let mut step = Surrogates { weights: zero, ..fitted.clone() };
        let Gradient { slope: mut residual, mut error } = self.gradient(fitted, true);
        let mut solved = self.expected.solve(&residual);
        let mut norm = product(&residual, &solved);
        let begin = norm;
        // What is left to gain against the error by chance of as many weights from as many pairs.
        let chance = ENOUGH * fitted.weights.len() as f64 / self.pairs.n_pairs().max(1) as f64;
        step.weights.clone_from(&solved);
        for _ in 0..MAX_ITERATIONS {
            let done: [bool; L] = std::array::from_fn(|lane| {
                let enough = if warm { ENOUGH * begin[lane] } else { chance * error[lane] };
                norm[lane] <= enough.max(fitted.resolution)
            });
            if done.iter().all(|done| *done) {
                break;
            }
            let image = self.gradient(&step, false).slope;
            let curvature = product(&image, &step.weights);
            let length: [f64; L] = std::array::from_fn(|lane| {
                // Without curvature there are fewer pairs than weights, and the minimum is a flat: any
                // point of it will do.
                let flat = curvature[lane] >= 0.0;
                if done[lane] || flat { 0.0 } else { -norm[lane] / curvature[lane] }
            });
            if length == [0.0; L] {
                break;
            }
            add_scaled(&mut fitted.weights, &length, &step.weights);
            add_scaled(&mut residual, &length, &image);
            (0..L).for_each(|lane| error[lane] -= length[lane] * norm[lane]);
            solved = self.expected.solve(&residual);
            let next = product(&residual, &solved);
            let turn: [f64; L] =
                std::array::from_fn(
                    |lane| {
                        if norm[lane] > 0.0 { next[lane] / norm[lane] } else { 0.0 }
                    },
                );
            for (step, solved) in step.weights.iter_mut().zip(&solved) {
                (0..L).for_each(|lane| step[lane] = solved[lane] + turn[lane] * step[lane]);
            }
            norm = next;
        }
    }

    /// The gradient at `fitted`; without the observations its slope is minus the image under the
    /// normal matrix.
    fn gradient(&self, fitted: &Surrogates<L>, observed: bool) -> Gradient<L> {
        let parts = self.pairs.in_blocks(|block| self.gradient_of(block, fitted, observed));
        let mut slope = vec![[0.0; L]; fitted.weights.len()];
        let mut error = [0.0; L];
        for part in parts {
            slope.iter_mut().zip(&part.slope).for_each(|(to, from)| add(to, from));
            add(&mut error, &part.error);
        }
        self.shrink_trends(fitted, &mut slope);
        Gradient { slope, error }
    }

    /// Adds the slope of the penalty, which the first weight of a player is free of.
    fn shrink_trends(&self, fitted: &Surrogates<L>, slope: &mut [[f64; L]]) {
        let n_players = fitted.n_players;
        let rows = slope.chunks_exact_mut(n_players).zip(fitted.weights.chunks_exact(n_players));
        for (slope, weights) in rows.skip(1) {
            let mut total = [0.0; L];
            weights.iter().for_each(|weight| add(&mut total, weight));
            for (slope, weight) in slope.iter_mut().zip(weights) {
                for lane in 0..L {
                    slope[lane] -= self.penalty * (weight[lane] - total[lane] / n_players as f64);
                }
            }
        }
    }

    fn gradient_of(
        &self,
        block: &[PairsOfSize],
        fitted: &Surrogates<L>,
        observed: bool,
    ) -> Gradient<L> {
        let n_players = fitted.n_players;
        let mut slope = vec![[0.0; L]; fitted.weights.len()];
        let mut error = [0.0; L];
        let mut weights = vec![[0.0; L]; n_players];
        let mut sums = vec![[0.0; L]; n_players];
        for of_size in block.iter().filter(|of_size| !of_size.is_empty()) {
            let total = fitted.weights_at(of_size.size, &mut weights);
            let masses = &self.masses[of_size.size - 1];
            sums.fill([0.0; L]);
            let mut everybody = [0.0; L];
            for (pair, (members, odd)) in of_size.iter().enumerate() {
                let observation = if observed { odd } else { 0.0 };
                let lanes = of_size.lanes::<L>(pair);
                let mut push = signed_sum(members, &weights, &total);
                for lane in 0..L {
                    let difference = observation - push[lane];
                    push[lane] = lanes[lane] * masses[lane] * difference;
                    error[lane] += push[lane] * difference;
                }
                add(&mut everybody, &push);
                members.iter().for_each(|&member| add(&mut sums[member as usize], &push));
            }
            for (q, slope) in fitted.basis.iter().zip(slope.chunks_exact_mut(n_players)) {
                for (slope, sum) in slope.iter_mut().zip(&sums) {
                    for lane in 0..L {
                        slope[lane] += q[of_size.size] * (2.0 * sum[lane] - everybody[lane]);
                    }
                }
            }
        }
        Gradient { slope, error }
    }
}

/// The normal matrix that random coalitions give on average, as preconditioner.
///
/// For coalitions of size `s` the mean of `z_i z_j` is `r(s) = ((2 s / n - 1)^2 n - 1) / (n - 1)`, so with
/// `M_kl`, the kernel-weighted mean of `q_k q_l r`, it is `I - M` on weights that sum to zero over the
/// players and `I + (n - 1) M` on weights that are the same for all; the penalty adds to the former.
struct ExpectedNormal {
    n_players: usize,
    order: usize,
    deviation: Small,
    mean: Small,
    /// `q_k(n)`, where weights may only move so that `o(N)` stays.
    grand: Option<[f64; MAX_ORDER]>,
}

type Small = [[f64; MAX_ORDER]; MAX_ORDER];

impl ExpectedNormal {
    fn new(pairs: &EvaluatedPairs, basis: &[Vec<f64>], penalty: f64) -> Self {
        let n_players = pairs.n_players();
        let n = n_players as f64;
        let (mut deviation, mut mean) = (Small::default(), Small::default());
        for k in 0..MAX_ORDER {
            // Keeps the matrix regular where the sampled sizes leave a direction open.
            (deviation[k][k], mean[k][k]) = (1.0 + 1e-6, 1.0 + 1e-6);
        }
        for of_size in pairs.sizes().iter().filter(|of_size| !of_size.is_empty()) {
            let size = of_size.size;
            let balance = (2.0 * size as f64 / n - 1.0).powi(2);
            let correlation = (balance * n - 1.0) / (n - 1.0);
            let mass = pairs.semivalue.mass(size) * correlation;
            for (k, q) in basis.iter().enumerate() {
                for (l, r) in basis.iter().enumerate() {
                    deviation[k][l] -= mass * q[size] * r[size];
                    mean[k][l] += (n - 1.0) * mass * q[size] * r[size];
                }
            }
        }
        (1..MAX_ORDER).for_each(|k| deviation[k][k] += penalty);
        let mut at_grand = [0.0; MAX_ORDER];
        at_grand.iter_mut().zip(basis).for_each(|(to, q)| *to = q[n_players]);
        Self {
            n_players,
            order: basis.len(),
            deviation: inverse(deviation),
            mean: inverse(mean),
            grand: pairs.semivalue.shares_out().then_some(at_grand),
        }
    }

    /// The weights whose expected image is `gradient`, up to what keeps `o(N)`.
    fn solve<const L: usize>(&self, gradient: &Lanes<L>) -> Lanes<L> {
        let n = self.n_players as f64;
        let mut means = [[0.0; L]; MAX_ORDER];
        for (mean, row) in means.iter_mut().zip(gradient.chunks_exact(self.n_players)) {
            row.iter().for_each(|gradient| add(mean, gradient));
            mean.iter_mut().for_each(|mean| *mean /= n);
        }
        let mut mean = times(&self.mean, &means);
        if let Some(grand) = &self.grand {
            let restoring = times(&self.mean, &grand.map(|q| [q]));
            let norm: f64 = grand.iter().zip(&restoring).map(|(q, [r])| q * r).sum();
            for lane in 0..L {
                let excess: f64 = grand.iter().zip(&mean).map(|(q, mean)| q * mean[lane]).sum();
                for (mean, [restoring]) in mean.iter_mut().zip(&restoring) {
                    mean[lane] -= excess / norm * restoring;
                }
            }
        }
        let mut solved = Vec::with_capacity(gradient.len());
        for (k, mean) in mean.iter().enumerate().take(self.order) {
            solved.extend((0..self.n_players).map(|player| {
                let mut weight = *mean;
                for (l, means) in means.iter().enumerate().take(self.order) {
                    let gradient = &gradient[l * self.n_players + player];
                    for lane in 0..L {
                        weight[lane] += self.deviation[k][l] * (gradient[lane] - means[lane]);
                    }
                }
                weight
            }));
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

fn times<const L: usize>(matrix: &Small, lanes: &[[f64; L]; MAX_ORDER]) -> [[f64; L]; MAX_ORDER] {
    matrix.map(|row| {
        std::array::from_fn(|lane| row.iter().zip(lanes).map(|(m, x)| m * x[lane]).sum())
    })
}

fn product<const L: usize>(a: &Lanes<L>, b: &Lanes<L>) -> [f64; L] {
    let mut sums = [0.0; L];
    for (a, b) in a.iter().zip(b) {
        (0..L).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    sums
}

fn add_scaled<const L: usize>(to: &mut Lanes<L>, factors: &[f64; L], from: &Lanes<L>) {
    for (to, from) in to.iter_mut().zip(from) {
        (0..L).for_each(|lane| to[lane] += factors[lane] * from[lane]);
    }
}
