//! Semivalues of an expensive game from pairs of complementary coalitions.
//!
//! A pilot spreads a part of the budget over all sizes, a [surrogate](super::surrogate) takes what is
//! smooth out of the game, and the rest of the budget goes to the sizes where the surrogate errs most
//! (Neyman allocation). The estimate is the value of the surrogate, a closed form, plus the value of what
//! it leaves over, by [sample reuse](super::sample_reuse): the correction removes the surrogate's bias,
//! the surrogate most of the correction's variance. Either part alone is an estimator as well: the
//! surrogate of one weight for each player is paired KernelSHAP, the correction of no surrogate
//! stratified sample reuse.
//!
//! The standard errors are those of a jackknife over ten groups of pairs: everything, the fit
//! included, is done again without each group. What a pair may change of which no sampled one gave a sign is
//! [beside](super::unseen) them.

use crate::error::Result;
use crate::shapley::evaluated_pairs::{EvaluatedPairs, GROUPS, PairsOfSize};
use crate::shapley::sample_reuse::{deviations, errors_by_size, reuse};
use crate::shapley::surrogate::{MAX_ORDER, Surrogates, signed_sum};
use crate::shapley::symmetric_semivalue::SymmetricSemivalue;
use crate::shapley::unseen::ROUNDING;

/// Standard errors are not below this part of the largest value: what the fit leaves undetermined.
pub const FIT_PRECISION: f64 = 1e-8;

/// What is made of the pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairMethod {
    /// A surrogate of [`MAX_ORDER`] weights for each player, and the correction of its bias.
    TwoStage,
    /// A surrogate of one weight for each player alone: regression.
    Regression,
    /// Strata without a surrogate.
    SampleReuse,
}

/// How the sizes of the coalitions are sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeSampling {
    /// For equal errors of all sizes at first, for those that were seen later.
    Adaptive,
    /// For equal errors of all sizes.
    Spread,
    /// Like the kernel of the regression.
    Kernel,
    /// Uniform over sizes, as the leverage scores of the regression nearly are.
    Leverage,
}

/// An estimate that can be improved by further pairs at any time.
#[derive(Debug)]
pub struct PairedEstimate {
    pairs: EvaluatedPairs,
    method: PairMethod,
    sampling: SizeSampling,
}

/// Estimated values and their standard errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// One value for each player; where the semivalue shares out, they sum to the worth of the grand
    /// coalition.
    pub values: Vec<f64>,
    /// One standard error for each player, with [`GROUPS`] - 1 degrees of freedom.
    pub standard_errors: Vec<f64>,
    /// What one pair that was not seen may change the value of any player by.
    pub unseen: f64,
    /// Weights of the surrogate for each player.
    pub order: usize,
}

/// What fits err by on pairs that they were not made from; one number for each pair, in ascending order
/// of size, and within a size as they were drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeldOut {
    /// The odd part less what was predicted.
    pub residuals: Vec<f64>,
    /// `n` times the sum of weights times squared residuals is about the variance of a value; 0 for pairs
    /// that no fit left out: of a size that is known as a whole, nothing is left to chance.
    pub weights: Vec<f64>,
}

impl PairedEstimate {
    /// An estimate that knows nothing yet.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidInput`] for a single player, who has no complement.
    pub fn new(
        semivalue: SymmetricSemivalue,
        method: PairMethod,
        sampling: SizeSampling,
        seed: u64,
    ) -> Result<Self> {
        Ok(Self { pairs: EvaluatedPairs::new(semivalue, seed)?, method, sampling })
    }

    /// The pairs that are known.
    #[must_use]
    pub fn pairs(&self) -> &EvaluatedPairs {
        &self.pairs
    }

    /// Draws about `count` further pairs. Gives the smaller coalition of each, one row of `n` for
    /// each. `scale` is the largest value of a coalition, which the precision of the fit goes by.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidInput`] when earlier ones have no value yet.
    pub fn draw(&mut self, count: usize, grand: f64, scale: f64) -> Result<Vec<bool>> {
        let semivalue = &self.pairs.semivalue;
        let sizes = 1..=self.pairs.sizes().len();
        let wishes: Vec<f64> = match self.sampling {
            SizeSampling::Adaptive => {
                let surrogate = Surrogates::fit(&self.pairs, self.order(), grand);
                let errors = errors_by_size(&self.pairs, &surrogate);
                // Where all is explained, as where nothing is worth anything, all sizes are alike.
                let least = if scale > 0.0 { FIT_PRECISION * scale } else { 1.0 };
                sizes
                    .zip(errors)
                    .map(|(size, own)| own.max(least) * semivalue.spread(size))
                    .collect()
            }
            SizeSampling::Spread => sizes.map(|size| semivalue.spread(size)).collect(),
            SizeSampling::Kernel => sizes.map(|size| semivalue.mass(size)).collect(),
            SizeSampling::Leverage => sizes.map(|_| 1.0).collect(),
        };
        self.pairs.draw(&wishes, count)
    }

    /// Takes `v(S) - v(N \ S)` of the pairs that were drawn last.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidInput`] when there are not as many values as pairs.
    pub fn record(&mut self, odd: &[f64]) -> Result<()> {
        self.pairs.record(odd)
    }

    /// The estimate from all pairs that are known.
    ///
    /// `scale` is the largest value of a coalition, which rounding goes by. `taken_off` is the largest
    /// share of somebody that was taken off the game before, 0 where nothing was.
    #[must_use]
    pub fn estimate(&self, grand: f64, scale: f64, taken_off: f64) -> Estimate {
        let order = self.order();
        let all = Surrogates::fit(&self.pairs, order, grand);
        let values = self.values(&all, grand);
        let without = self.values(&all.fit_lanes::<GROUPS>(&self.pairs), grand);
        let largest = values.iter().fold(0.0, |most: f64, [value]| most.max(value.abs()));
        let floor = FIT_PRECISION * largest;
        let standard_error = |without: &[f64; GROUPS]| {
            let mean = without.iter().sum::<f64>() / GROUPS as f64;
            let squares: f64 = without.iter().map(|value| (value - mean).powi(2)).sum();
            ((GROUPS - 1) as f64 / GROUPS as f64 * squares).sqrt().max(floor)
        };
        let standard_errors = without.iter().map(standard_error).collect();
        // A fit is as precise against the sums of its weights.
        let shared: f64 = values.iter().map(|[value]| value.abs()).sum();
        let resolution = (FIT_PRECISION * shared.max(taken_off)).max(ROUNDING * scale);
        let left_over = deviations(&self.pairs, &all).above(resolution);
        let unseen = self.pairs.unseen(left_over, largest.max(taken_off), scale);
        let values = values.iter().map(|[value]| *value).collect();
        Estimate { values, standard_errors, unseen, order }
    }

    /// The same pairs, or only those to `keep`, with the odd part of another game on all of them; see
    /// [`EvaluatedPairs::revalued`].
    ///
    /// # Errors
    /// As there.
    pub fn revalued(&self, method: PairMethod, odd: &[f64], keep: Option<&[bool]>) -> Result<Self> {
        Ok(Self { pairs: self.pairs.revalued(odd, keep)?, method, sampling: self.sampling })
    }

    /// What a fit without a pair's group errs by on that pair: cross-validation with the groups of the
    /// jackknife. Without a surrogate, a pair is predicted by the mean of its size.
    ///
    /// # Complexity
    /// As of the jackknife: some passes over the members of all pairs.
    #[must_use]
    pub fn held_out(&self, grand: f64) -> HeldOut {
        let all = Surrogates::fit(&self.pairs, self.order(), grand);
        let without = all.fit_lanes::<GROUPS>(&self.pairs);
        let parts = self.pairs.in_blocks(|block| {
            let mut weights = vec![[0.0; GROUPS]; self.pairs.n_players()];
            let mut found = HeldOut::default();
            for of_size in block.iter().filter(|of_size| !of_size.is_empty()) {
                let total = without.weights_at(of_size.size, &mut weights);
                let means = if all.order() == 0 { means(of_size) } else { [0.0; GROUPS] };
                let first = found.residuals.len();
                for (pair, (members, odd)) in of_size.iter().enumerate() {
                    let lanes = of_size.lanes::<GROUPS>(pair);
                    let group = lanes.iter().position(|lane| *lane == 0.0);
                    let fitted = signed_sum(members, &weights, &total);
                    let error = |group: usize| odd - means[group] - fitted[group];
                    found.residuals.push(group.map_or(0.0, error));
                    found.weights.push(f64::from(u8::from(group.is_some())));
                }
                // The variance of a value is a sum over sizes, of the variance among their pairs.
                let own = &mut found.weights[first..];
                let held = own.iter().sum::<f64>();
                let spread = self.pairs.semivalue.spread(of_size.size);
                let variance = spread * spread * of_size.chance() / of_size.len() as f64;
                own.iter_mut().filter(|own| **own > 0.0).for_each(|own| *own = variance / held);
            }
            found
        });
        parts.into_iter().fold(HeldOut::default(), |mut all, part| {
            all.residuals.extend(part.residuals);
            all.weights.extend(part.weights);
            all
        })
    }

    fn order(&self) -> usize {
        match self.method {
            // Where sizes are not weighted equally, few are sampled: no trend to carry on.
            PairMethod::TwoStage if !self.pairs.semivalue.shares_out() => 1,
            PairMethod::TwoStage => MAX_ORDER,
            PairMethod::Regression => 1,
            PairMethod::SampleReuse => 0,
        }
    }

    /// The value of the surrogates, corrected, and shifted to share out `grand` where it has to.
    fn values<const L: usize>(&self, surrogates: &Surrogates<L>, grand: f64) -> Vec<[f64; L]> {
        let mut values = surrogates.semivalue(&self.pairs, grand);
        if self.method != PairMethod::Regression {
            for (value, correction) in values.iter_mut().zip(reuse(&self.pairs, surrogates)) {
                (0..L).for_each(|lane| value[lane] += correction[lane]);
            }
        }
        if self.pairs.semivalue.shares_out() {
            for lane in 0..L {
                let total: f64 = values.iter().map(|value| value[lane]).sum();
                let gap = (grand - total) / values.len() as f64;
                values.iter_mut().for_each(|value| value[lane] += gap);
            }
        }
        values
    }
}

/// The mean odd part of the pairs of a size that take part in each lane.
fn means(of_size: &PairsOfSize) -> [f64; GROUPS] {
    let (mut sums, counts) = ([0.0; GROUPS], of_size.counts::<GROUPS>());
    for (pair, (_, odd)) in of_size.iter().enumerate() {
        let lanes = of_size.lanes::<GROUPS>(pair);
        sums.iter_mut().zip(lanes).for_each(|(sum, lane)| *sum += lane * odd);
    }
    std::array::from_fn(|lane| if counts[lane] > 0.0 { sums[lane] / counts[lane] } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;
    use crate::shapley::{exact, semivalue::Semivalue};

    const METHODS: [(PairMethod, SizeSampling); 5] = [
        (PairMethod::TwoStage, SizeSampling::Adaptive),
        (PairMethod::Regression, SizeSampling::Kernel),
        (PairMethod::Regression, SizeSampling::Leverage),
        (PairMethod::SampleReuse, SizeSampling::Spread),
        (PairMethod::SampleReuse, SizeSampling::Adaptive),
    ];

    fn run(
        semivalue: SymmetricSemivalue,
        (method, sampling): (PairMethod, SizeSampling),
        counts: &[usize],
        value: impl Fn(&[bool]) -> f64,
    ) -> (PairedEstimate, Estimate) {
        let n_players = semivalue.n_players();
        let mut estimate = PairedEstimate::new(semivalue, method, sampling, 1).unwrap();
        let grand = value(&vec![true; n_players]);
        for &count in counts {
            let odd = |inside: &[bool]| {
                let outside: Vec<bool> = inside.iter().map(|member| !member).collect();
                value(inside) - value(&outside)
            };
            let rows = estimate.draw(count, grand, grand.abs()).unwrap();
            let odd: Vec<f64> = rows.chunks_exact(n_players).map(odd).collect();
            estimate.record(&odd).unwrap();
        }
        let result = estimate.estimate(grand, grand.abs(), 0.0);
        (estimate, result)
    }

    #[test]
    fn an_additive_game_is_exact_as_soon_as_it_is_determined() {
        let worth = |player: usize| (player as f64 - 5.0) * 1.5;
        let additive =
            |s: &[bool]| s.iter().enumerate().map(|(p, &m)| f64::from(m) * worth(p)).sum();
        for method in &METHODS[..3] {
            let (_, result) = run(SymmetricSemivalue::shapley(20), *method, &[60], additive);
            for (player, value) in result.values.iter().enumerate() {
                assert!((value - worth(player)).abs() < 1e-7, "{value} for {player}");
            }
            assert!(result.standard_errors.iter().all(|error| *error < 1e-6));
        }
    }

    #[test]
    fn what_is_held_out_is_predicted_by_the_others() {
        let worth = |s: &[bool]| -> f64 {
            s.iter().zip(1..).map(|(m, w)| f64::from(*m) * f64::from(w)).sum()
        };
        let rare = |s: &[bool]| worth(s) + 8.0 * f64::from(s[0] && s[1] && s[2]);
        let shapley = || SymmetricSemivalue::shapley(16);
        let (additive, _) = run(shapley(), METHODS[1], &[400], worth);
        let (other, _) = run(shapley(), METHODS[1], &[400], rare);
        let held = other.held_out(rare(&[true; 16]));
        assert_eq!(held.residuals.len(), other.pairs().n_pairs());
        let error = |held: &HeldOut| {
            let parts = held.residuals.iter().zip(&held.weights);
            parts.map(|(residual, weight)| weight * residual * residual).sum::<f64>().sqrt()
        };
        assert!(error(&additive.held_out(worth(&[true; 16]))) < 1e-7);
        assert!(error(&held) > 0.01);
        // The same pairs with the values of the additive game are those of the additive game.
        let of = |game: &PairedEstimate| -> Vec<f64> {
            game.pairs().sizes().iter().flat_map(|of_size| of_size.iter().map(|(_, o)| o)).collect()
        };
        let again = other.revalued(METHODS[1].0, &of(&additive), None).unwrap();
        assert_eq!(of(&again), of(&additive));
        assert_eq!(again.held_out(136.0), additive.held_out(136.0));
        let half: Vec<bool> = (0..of(&other).len()).map(|pair| pair % 2 == 0).collect();
        let half = other.revalued(METHODS[1].0, &of(&other), Some(&half)).unwrap();
        assert_eq!(half.pairs().n_pairs(), other.pairs().n_pairs().div_ceil(2));
        assert!(other.revalued(METHODS[1].0, &[1.0], None).is_err());
    }

    #[test]
    fn every_pair_together_gives_the_exact_value() {
        for n_players in 2..=9 {
            let irregular = |mask: usize| ((mask * mask * 31 + 7 * mask) % 53) as f64;
            let value = |s: &[bool]| {
                irregular(s.iter().enumerate().map(|(p, &m)| usize::from(m) << p).sum())
            };
            let table: Vec<f64> = (0..1 << n_players).map(irregular).collect();
            for weights in [Semivalue::shapley(n_players), Semivalue::banzhaf(n_players)] {
                let exact = exact::semivalue(&table, &weights, &Progress::new()).unwrap();
                let mut coalitions = 1.0;
                let probability = |(size, weight): (usize, &f64)| {
                    let probability = coalitions * weight;
                    coalitions *= (n_players - 1 - size) as f64 / (size + 1) as f64;
                    probability
                };
                let probabilities = weights.weights().iter().enumerate().map(probability).collect();
                let semivalue = SymmetricSemivalue::new(probabilities).unwrap();
                for method in METHODS {
                    let (estimate, result) = run(semivalue.clone(), method, &[10, 1000], value);
                    assert_eq!(2 * estimate.pairs().n_pairs(), (1 << n_players) - 2);
                    if method.0 == PairMethod::Regression && !semivalue.shares_out() {
                        continue; // the coefficients of the regression are another value
                    }
                    for (value, exact) in result.values.iter().zip(&exact) {
                        assert!((value - exact).abs() < 1e-6, "{n_players}: {value} {exact}");
                    }
                }
            }
        }
    }
}
