//! Kernel ridge regression on the odd features of order 1 and 3: for few, expensive evaluations.
//!
//! `o(S) ~ sum over i of beta_i z_i + sum over triples of beta_ijk z_i z_j z_k`, with a weak prior on the
//! first and a strong one on the second. The triples are never listed: for `d = z . z'` their products sum
//! to `e_3 = (d^3 - (3 n - 2) d) / 6`, so the fit is one symmetric system of as many equations as pairs. A
//! triple shares its weight equally, `phi_i = beta_i + 1/3 sum over triples with i of beta`, so the Shapley
//! value is a weighted sum of the observations.
//!
//! A prior draws what it is about towards zero. So that it draws nothing of an additive game, the
//! [regression](super::surrogate) of one weight for each player is taken off first, and its value added.
//!
//! The strength of the second prior is the one with the least error of leaving one pair out. The
//! standard errors take these errors for the chance in each observation; they also tell how far a pair
//! may deviate that was [not seen](super::unseen).

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::memory::{self, Purpose};
use crate::progress::Progress;
use crate::shapley::cholesky::Cholesky;
use crate::shapley::evaluated_pairs::{EvaluatedPairs, PairsOfSize};
use crate::shapley::paired_estimate::FIT_PRECISION;
use crate::shapley::surrogate::{Surrogates, signed_sum};
use crate::shapley::unseen::{Deviations, ROUNDING};
use crate::thread_pool;

/// The most pairs: the matrix takes 200 MB then.
pub const MAX_PAIRS: usize = 5000;

/// Pairs that decide on the strength of the prior; they are spread over all.
const TRIAL_PAIRS: usize = 600;

/// The variance that no triple explains, relative to that of all triples together.
const NOISE: [f64; 8] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// The variance of all single players together, relative to what was observed: hardly a prior.
const SINGLES: f64 = 1e3;

/// The noise of the grand coalition, which is known: just enough to keep the matrix regular.
const NO_NOISE: f64 = 1e-7;

/// The Shapley value and its standard errors.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeEstimate {
    /// One value for each player; they sum to the worth of the grand coalition.
    pub values: Vec<f64>,
    /// One standard error for each player.
    pub standard_errors: Vec<f64>,
    /// What one pair that was not seen may change the value of any player by.
    pub unseen: f64,
    /// The variance that no triple explains, relative to that of all triples.
    pub noise: f64,
    /// The error of predicting each pair from all others, in ascending order of size.
    pub left_out: Vec<f64>,
}

/// The observations: signs of the players, packed and as sums, value, weight, and remaining chance.
struct Observations {
    n_players: usize,
    words: usize,
    signs: Vec<u64>,
    odd: Vec<f64>,
    weight: Vec<f64>,
    chance: Vec<f64>,
}

/// Prior variances of one single player and one triple.
#[derive(Clone, Copy)]
struct Prior {
    single: f64,
    triple: f64,
}

/// The Shapley value from all pairs that are known; `scale` is the largest value of a coalition, which
/// rounding goes by.
///
/// # Complexity
/// `m^3` multiplications for m pairs, on all threads, and `8 m^2` bytes.
///
/// # Errors
/// [`Error::InvalidInput`] for no pair or more than [`MAX_PAIRS`], [`Error::Interrupted`].
pub fn kernel_ridge(
    pairs: &EvaluatedPairs,
    grand: f64,
    scale: f64,
    progress: &Progress,
) -> Result<RidgeEstimate> {
    let n_pairs = pairs.n_pairs();
    if !(1..=MAX_PAIRS).contains(&n_pairs) {
        return Err(Error::InvalidInput(format!(
            "kernel ridge regression takes 1 to {MAX_PAIRS} pairs, not {n_pairs}"
        )));
    }
    let additive = Surrogates::fit(pairs, 1, grand);
    let all = Observations::of(pairs, grand, &additive);
    let prior = all.prior();
    let trial = all.trial();
    let mut best = (f64::INFINITY, NOISE[0]);
    for noise in NOISE {
        let fit = Fit::new(&trial, prior, noise, progress)?;
        let error: f64 = (1..trial.len()).map(|m| trial.weight[m] * fit.left_out[m].powi(2)).sum();
        if error < best.0 {
            best = (error, noise);
        }
    }
    let fit = Fit::new(&all, prior, best.1, progress)?;
    let (mut values, mut standard_errors) = fit.shapley(&all, prior);
    for (value, [own]) in values.iter_mut().zip(additive.semivalue(pairs, grand)) {
        *value += own;
    }
    let gap = (grand - values.iter().sum::<f64>()) / values.len() as f64;
    values.iter_mut().for_each(|value| *value += gap);
    let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    for error in &mut standard_errors {
        *error = error.max(FIT_PRECISION * largest);
    }
    let mut deviations = Deviations::default();
    fit.left_out[1..].iter().for_each(|error| deviations.take(*error));
    let shared: f64 = values.iter().map(|value| value.abs()).sum();
    let resolution = (FIT_PRECISION * shared).max(ROUNDING * scale);
    let unseen = pairs.unseen(deviations.above(resolution), largest, scale);
    let left_out = fit.left_out[1..].to_vec();
    Ok(RidgeEstimate { values, standard_errors, unseen, noise: best.1, left_out })
}

impl Observations {
    /// The grand coalition, and all pairs in ascending order of size, less an additive game.
    fn of(pairs: &EvaluatedPairs, grand: f64, additive: &Surrogates<1>) -> Self {
        let n_players = pairs.n_players();
        let words = n_players.div_ceil(64);
        let mut weights = vec![[0.0]; n_players];
        let [everybody] = additive.weights_at(n_players, &mut weights);
        let mut all = Self {
            n_players,
            words,
            signs: vec![0; words],
            odd: vec![grand - everybody],
            weight: vec![1.0],
            chance: vec![0.0],
        };
        (0..n_players).for_each(|player| all.signs[player / 64] |= 1 << (player % 64));
        let mass: f64 = pairs
            .sizes()
            .iter()
            .filter(|of_size| !of_size.is_empty())
            .map(|of_size: &PairsOfSize| pairs.semivalue.mass(of_size.size))
            .sum();
        for of_size in pairs.sizes() {
            let mass = pairs.semivalue.mass(of_size.size) / mass;
            let total = additive.weights_at(of_size.size, &mut weights);
            for (members, odd) in of_size.iter() {
                let row = all.signs.len();
                all.signs.resize(row + words, 0);
                for &member in members {
                    all.signs[row + member as usize / 64] |= 1 << (member % 64);
                }
                let [worth] = signed_sum(members, &weights, &total);
                all.odd.push(odd - worth);
                all.weight.push(mass * pairs.n_pairs() as f64 / of_size.len() as f64);
                all.chance.push(of_size.chance());
            }
        }
        all
    }

    fn len(&self) -> usize {
        self.odd.len()
    }

    fn sign(&self, row: usize, player: usize) -> f64 {
        let member = self.signs[row * self.words + player / 64] >> (player % 64) & 1;
        2.0 * member as f64 - 1.0
    }

    /// `z . z'` of two observations.
    fn product(&self, row: usize, other: usize) -> f64 {
        let (a, b) = (&self.signs[row * self.words..], &self.signs[other * self.words..]);
        let differ: u32 = (0..self.words).map(|word| (a[word] ^ b[word]).count_ones()).sum();
        self.n_players as f64 - 2.0 * f64::from(differ)
    }

    /// Every so many of the observations, and the grand coalition.
    fn trial(&self) -> Self {
        let step = (self.len() - 1).div_ceil(TRIAL_PAIRS).max(1);
        let rows: Vec<usize> = std::iter::once(0).chain((1..self.len()).step_by(step)).collect();
        let pick = |from: &[f64]| rows.iter().map(|&row| from[row]).collect();
        let signs = rows.iter().flat_map(|row| &self.signs[row * self.words..][..self.words]);
        Self {
            signs: signs.copied().collect(),
            odd: pick(&self.odd),
            weight: pick(&self.weight),
            chance: pick(&self.chance),
            ..*self
        }
    }

    /// Prior variances in units in which all triples together have variance 1.
    fn prior(&self) -> Prior {
        let n = self.n_players as f64;
        let triples = n * (n - 1.0) * (n - 2.0) / 6.0;
        let triple = if triples > 0.0 { triples.recip() } else { 0.0 };
        Prior { single: SINGLES, triple }
    }
}

impl Prior {
    fn kernel(self, product: f64, n: f64) -> f64 {
        self.single * product + self.triple * (product.powi(3) - (3.0 * n - 2.0) * product) / 6.0
    }

    /// The weight of one observation in the Shapley value of a player with the given sign there, for
    /// signs that sum to `total`.
    fn share(self, sign: f64, total: f64, n: f64) -> f64 {
        let others = ((total - sign).powi(2) - (n - 1.0)) / 2.0;
        sign * (self.single + self.triple / 3.0 * others)
    }
}

/// A solved system.
struct Fit {
    factor: Cholesky,
    coefficients: Vec<f64>,
    /// The error of predicting each observation from all others.
    left_out: Vec<f64>,
}

impl Fit {
    fn new(data: &Observations, prior: Prior, noise: f64, progress: &Progress) -> Result<Self> {
        let (size, n) = (data.len(), data.n_players as f64);
        let mut matrix = memory::zeros(&[size, size], Purpose::Sample)?;
        thread_pool::install(|| {
            matrix.par_chunks_exact_mut(size).enumerate().for_each(|(row, elements)| {
                for (other, element) in elements[..=row].iter_mut().enumerate() {
                    *element = prior.kernel(data.product(row, other), n);
                }
                elements[row] += if row == 0 { NO_NOISE } else { noise / data.weight[row] };
            })
        });
        let factor = Cholesky::new(matrix, size, progress)?;
        let mut coefficients = data.odd.clone();
        factor.solve(&mut coefficients, 1);
        let inverse = factor.inverse_diagonal(progress)?;
        let left_out = coefficients.iter().zip(inverse).map(|(a, inverse)| a / inverse).collect();
        Ok(Self { factor, coefficients, left_out })
    }

    /// The Shapley value of the fitted game, and standard errors.
    fn shapley(&self, data: &Observations, prior: Prior) -> (Vec<f64>, Vec<f64>) {
        let (n_players, n) = (data.n_players, data.n_players as f64);
        let mut shares = Vec::with_capacity(data.len() * n_players);
        for row in 0..data.len() {
            let total: f64 = (0..n_players).map(|player| data.sign(row, player)).sum();
            let of_player = |player| prior.share(data.sign(row, player), total, n);
            shares.extend((0..n_players).map(of_player));
        }
        let mut values = vec![0.0; n_players];
        for (row, coefficient) in shares.chunks_exact(n_players).zip(&self.coefficients) {
            values.iter_mut().zip(row).for_each(|(value, share)| *value += coefficient * share);
        }
        self.factor.solve(&mut shares, n_players);
        let mut variances = vec![0.0; n_players];
        for (row, influences) in shares.chunks_exact(n_players).enumerate().skip(1) {
            let variance = data.chance[row] * self.left_out[row].powi(2);
            for (total, influence) in variances.iter_mut().zip(influences) {
                *total += influence * influence * variance;
            }
        }
        (values, variances.into_iter().map(f64::sqrt).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapley::symmetric_semivalue::SymmetricSemivalue;

    fn estimate(n: usize, pairs: usize, value: impl Fn(&[bool]) -> f64) -> RidgeEstimate {
        let shapley = SymmetricSemivalue::shapley(n);
        let wishes: Vec<f64> = (1..=n / 2).map(|size| shapley.spread(size)).collect();
        let mut known = EvaluatedPairs::new(shapley, 1).unwrap();
        let rows = known.draw(&wishes, pairs).unwrap();
        let odd = |row: &[bool]| {
            let others: Vec<bool> = row.iter().map(|member| !member).collect();
            value(row) - value(&others)
        };
        known.record(&rows.chunks_exact(n).map(odd).collect::<Vec<_>>()).unwrap();
        let grand = value(&vec![true; n]);
        kernel_ridge(&known, grand, grand, &Progress::new()).unwrap()
    }

    #[test]
    fn an_additive_game_is_exact() {
        let value =
            |row: &[bool]| row.iter().zip(1..).map(|(m, w)| f64::from(*m) * f64::from(w)).sum();
        let result = estimate(12, 60, value);
        for (player, value) in result.values.iter().enumerate() {
            assert!((value - (player + 1) as f64).abs() < 1e-7, "{value} {player}");
        }
        assert!(result.standard_errors.iter().all(|error| *error < 1e-6));
        assert!(result.unseen > 0.0);
    }

    #[test]
    fn a_game_of_triples_is_nearly_exact_once_they_are_determined() {
        // Three divide what they only have together; v = 1 needs all of 0, 1, 2.
        let value = |row: &[bool]| f64::from(row[0] && row[1] && row[2]) + f64::from(row[7]);
        let result = estimate(9, 200, value);
        let expected = [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        for (value, expected) in result.values.iter().zip(expected) {
            assert!((value - expected).abs() < 0.01, "{:?}", result.values);
        }
    }

    #[test]
    fn too_many_pairs_are_refused() {
        let known = EvaluatedPairs::new(SymmetricSemivalue::shapley(9), 1).unwrap();
        let error = kernel_ridge(&known, 1.0, 1.0, &Progress::new()).unwrap_err();
        assert!(error.to_string().contains("1 to 5000 pairs, not 0"));
    }
}
