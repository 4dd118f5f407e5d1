//! Shapley values of an expensive game from pairs of complementary coalitions, in two stages.
//!
//! A pilot spreads a part of the budget over all sizes, a [`Surrogate`] takes what is smooth out of the
//! game, and the rest of the budget goes to the sizes where the surrogate errs most (Neyman
//! allocation). The estimate is the Shapley value of the surrogate, a closed form, plus a stratified
//! estimate of the Shapley value of what the surrogate leaves over: the correction removes the
//! surrogate's bias, the surrogate most of the correction's variance.
//!
//! The standard errors are those of a jackknife over ten groups of pairs: everything, the fit
//! included, is done again without each group.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::shapley::coalition_pairs::PairSampler;
use crate::shapley::surrogate::{MAX_ORDER, PairsOfSize, Surrogate};

/// Groups of the jackknife; its standard errors have one degree of freedom less.
pub const GROUPS: usize = 10;

/// Standard errors are not below this part of the largest value: what the fit leaves undetermined.
const FIT_PRECISION: f64 = 1e-8;

/// A weight of the surrogate needs this many pairs.
const PAIRS_PER_WEIGHT: usize = 3;

/// Pairs of coalitions that were drawn, and what is known of them.
#[derive(Debug)]
pub struct PairedEstimate {
    n_players: usize,
    sampler: PairSampler,
    pairs: Vec<PairsOfSize>,
    /// Drawn, and not recorded yet.
    pending: Vec<Vec<u32>>,
}

/// Estimated values and their standard errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// One value for each player; they sum to the worth of the grand coalition.
    pub values: Vec<f64>,
    /// One standard error for each player, with [`GROUPS`] - 1 degrees of freedom.
    pub standard_errors: Vec<f64>,
    /// Weights of the surrogate for each player.
    pub order: usize,
}

impl PairedEstimate {
    /// An estimate that knows nothing yet.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a single player, who has no complement.
    pub fn new(n_players: usize, seed: u64) -> Result<Self> {
        if n_players < 2 {
            return Err(Error::InvalidInput(format!("pairs need 2 players, not {n_players}")));
        }
        Ok(Self {
            n_players,
            sampler: PairSampler::new(n_players, seed),
            pairs: (1..=n_players / 2).map(PairsOfSize::new).collect(),
            pending: Vec::new(),
        })
    }

    /// The number of pairs that are known.
    #[must_use]
    pub fn n_pairs(&self) -> usize {
        self.pairs.iter().map(PairsOfSize::len).sum()
    }

    /// Draws about `count` further pairs: over all sizes alike at first, where the surrogate errs most
    /// once pairs are known. Gives the members of the smaller coalition of each.
    pub fn draw(&mut self, count: usize, grand: f64) -> &[Vec<u32>] {
        let errors = self.errors_by_size(grand);
        let n_players = self.n_players;
        let wish = |(index, error): (usize, &f64)| {
            error / (((index + 1) * (n_players - index - 1)) as f64).sqrt()
        };
        let wishes: Vec<f64> = errors.iter().enumerate().map(wish).collect();
        let have: Vec<usize> = self.pairs.iter().map(PairsOfSize::len).collect();
        let limits: Vec<f64> = (1..=have.len()).map(|size| self.sampler.pairs(size)).collect();
        let counts = fill(&wishes, &have, &limits, count);
        self.pending = self.sampler.draw(&counts);
        &self.pending
    }

    /// Takes `v(S) - v(N \ S)` of the pairs that were drawn last.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there are not as many values as pairs.
    pub fn record(&mut self, odd: &[f64]) -> Result<()> {
        if odd.len() != self.pending.len() {
            return Err(Error::InvalidInput(format!(
                "{} values for {} pairs",
                odd.len(),
                self.pending.len()
            )));
        }
        for (members, &odd) in self.pending.drain(..).zip(odd) {
            self.pairs[members.len() - 1].push(&members, odd);
        }
        Ok(())
    }

    /// The estimate from all pairs that are known.
    #[must_use]
    pub fn estimate(&self, grand: f64) -> Estimate {
        let order = self.order();
        let all = self.fit(order, grand, None, None);
        let values = self.corrected(&all, grand, None);
        let without: Vec<Vec<f64>> = (0..GROUPS)
            .into_par_iter()
            .map(|group| {
                let surrogate = self.fit(order, grand, Some(group), Some(&all));
                self.corrected(&surrogate, grand, Some(group))
            })
            .collect();
        let floor =
            FIT_PRECISION * values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let standard_error = |player: usize| {
            let mean = without.iter().map(|values| values[player]).sum::<f64>() / GROUPS as f64;
            let squares = without.iter().map(|values| (values[player] - mean).powi(2));
            let variance = (GROUPS - 1) as f64 / GROUPS as f64 * squares.sum::<f64>();
            variance.sqrt().max(floor)
        };
        let standard_errors = (0..self.n_players).map(standard_error).collect();
        Estimate { values, standard_errors, order }
    }

    fn order(&self) -> usize {
        (self.n_pairs() / (PAIRS_PER_WEIGHT * self.n_players)).clamp(1, MAX_ORDER)
    }

    /// Whether a pair takes part when a group is left out.
    ///
    /// Where a share `f` of all pairs of a size is known, only `1 - f` of the group is left out: what
    /// is left to chance shrinks by that factor, and vanishes when the size is exhausted.
    fn takes_part(&self, size: usize, pair: usize, left_out: Option<usize>) -> bool {
        let chance = 1.0 - self.pairs[size - 1].len() as f64 / self.sampler.pairs(size);
        let group = (pair + size) % GROUPS;
        // Every so often a whole one, beginning at another fraction in each group.
        let begin = (group as f64 + 0.5) / GROUPS as f64;
        let wholes = |turn: usize| (begin + turn as f64 * chance) as usize;
        let turn = pair / GROUPS;
        left_out != Some(group) || wholes(turn + 1) == wholes(turn)
    }

    fn fit(
        &self,
        order: usize,
        grand: f64,
        left_out: Option<usize>,
        start: Option<&Surrogate>,
    ) -> Surrogate {
        let used = |size: usize, pair: usize| self.takes_part(size, pair, left_out);
        Surrogate::fit(self.n_players, &self.pairs, &used, grand, order, start)
    }

    /// The Shapley value of the surrogate plus that of the residual game, shifted to share out `grand`.
    fn corrected(&self, surrogate: &Surrogate, grand: f64, left_out: Option<usize>) -> Vec<f64> {
        let n = self.n_players as f64;
        let mut values = surrogate.shapley_value();
        let residuals = surrogate.residuals(&self.pairs);
        let (mut sums, mut counts) = (vec![0.0; self.n_players], vec![0.0; self.n_players]);
        for (index, (pairs, residuals)) in self.pairs.iter().zip(&residuals).enumerate() {
            sums.fill(0.0);
            counts.fill(0.0);
            let (mut total, mut drawn) = (0.0, 0.0);
            for (pair, (members, residual)) in pairs.coalitions().zip(residuals).enumerate() {
                if !self.takes_part(index + 1, pair, left_out) {
                    continue;
                }
                total += residual;
                drawn += 1.0;
                for &member in members {
                    sums[member as usize] += residual;
                    counts[member as usize] += 1.0;
                }
            }
            for (value, (sum, count)) in values.iter_mut().zip(sums.iter().zip(&counts)) {
                if 2 * (index + 1) == self.n_players {
                    if drawn > 0.0 {
                        *value += (2.0 * sum - total) / (drawn * n);
                    }
                } else if *count > 0.0 && *count < drawn {
                    *value += (sum / count - (total - sum) / (drawn - count)) / n;
                }
            }
        }
        let gap = (grand - values.iter().sum::<f64>()) / n;
        values.iter_mut().for_each(|value| *value += gap);
        values
    }

    /// The standard deviation of the surrogate's error for each size, smoothed over its neighbours;
    /// all 1 while nothing is known.
    fn errors_by_size(&self, grand: f64) -> Vec<f64> {
        if self.n_pairs() == 0 {
            return vec![1.0; self.pairs.len()];
        }
        let surrogate = self.fit(self.order(), grand, None, None);
        let residuals = surrogate.residuals(&self.pairs);
        let squares: Vec<f64> =
            residuals.iter().map(|of_size| of_size.iter().map(|r| r * r).sum()).collect();
        let smoothed = |index: usize| {
            let reach = 1 + (index + 1) / 8;
            let range = index.saturating_sub(reach)..(index + reach + 1).min(squares.len());
            let count: usize = residuals[range.clone()].iter().map(Vec::len).sum();
            // One pair of average error stands in where none was drawn.
            let average = squares.iter().sum::<f64>() / self.n_pairs() as f64;
            ((squares[range].iter().sum::<f64>() + average) / (count as f64 + 1.0)).sqrt()
        };
        (0..squares.len()).map(smoothed).collect()
    }
}

/// How many further pairs of each size to draw so that all of them together are in proportion to
/// `wishes`, as far as the `limits` allow and with nothing taken back.
fn fill(wishes: &[f64], have: &[usize], limits: &[f64], count: usize) -> Vec<usize> {
    let capped = |level: f64, index: usize| {
        (level * wishes[index]).clamp(have[index] as f64, limits[index].max(have[index] as f64))
    };
    let total = |level: f64| -> f64 { (0..wishes.len()).map(|index| capped(level, index)).sum() };
    let target = (have.iter().sum::<usize>() + count) as f64;
    let (mut low, mut high) = (0.0, 1.0);
    while total(high) < target && high < 1e300 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        *(if total(middle) < target { &mut low } else { &mut high }) = middle;
    }
    // Carry the fractions from size to size, so that the counts add up.
    let mut carried = 0.5;
    (0..wishes.len())
        .map(|index| {
            let exact = capped(high, index) - have[index] as f64 + carried;
            carried = exact.fract();
            exact as usize
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;
    use crate::shapley::{exact, semivalue::Semivalue};

    fn run(
        n_players: usize,
        counts: &[usize],
        value: impl Fn(&[bool]) -> f64,
    ) -> (PairedEstimate, Estimate) {
        let mut estimate = PairedEstimate::new(n_players, 1).unwrap();
        let grand = value(&vec![true; n_players]);
        for &count in counts {
            let odd = |members: &Vec<u32>| {
                let inside: Vec<bool> =
                    (0..n_players as u32).map(|player| members.contains(&player)).collect();
                let outside: Vec<bool> = inside.iter().map(|member| !member).collect();
                value(&inside) - value(&outside)
            };
            let odd: Vec<f64> = estimate.draw(count, grand).iter().map(odd).collect();
            estimate.record(&odd).unwrap();
        }
        let result = estimate.estimate(grand);
        (estimate, result)
    }

    #[test]
    fn an_additive_game_is_exact_as_soon_as_it_is_determined() {
        let worth = |player: usize| (player as f64 - 5.0) * 1.5;
        let additive =
            |s: &[bool]| s.iter().enumerate().map(|(p, &m)| f64::from(m) * worth(p)).sum();
        let (_, result) = run(20, &[60], additive);
        for (player, value) in result.values.iter().enumerate() {
            assert!((value - worth(player)).abs() < 1e-7, "{value} for {player}");
        }
        assert!(result.standard_errors.iter().all(|error| *error < 1e-6));
    }

    #[test]
    fn every_pair_together_gives_the_exact_value() {
        for n_players in 2..=9 {
            let irregular = |mask: usize| ((mask * mask * 31 + 7 * mask) % 53) as f64;
            let value = |s: &[bool]| {
                irregular(s.iter().enumerate().map(|(p, &m)| usize::from(m) << p).sum())
            };
            let table: Vec<f64> = (0..1 << n_players).map(irregular).collect();
            let shapley = Semivalue::shapley(n_players);
            let exact = exact::semivalue(&table, &shapley, &Progress::new()).unwrap();
            let (estimate, result) = run(n_players, &[10, 1000], value);
            assert_eq!(2 * estimate.n_pairs(), (1 << n_players) - 2);
            for (value, exact) in result.values.iter().zip(&exact) {
                assert!((value - exact).abs() < 1e-6, "{n_players}: {value} {exact}");
            }
        }
    }

    #[test]
    fn the_wishes_are_filled_up_to_the_limits() {
        assert_eq!(fill(&[1.0, 1.0, 2.0], &[0, 0, 0], &[2.0, 9.0, 100.0], 14), [2, 4, 8]);
        assert_eq!(fill(&[1.0, 1.0], &[10, 0], &[50.0, 50.0], 4), [0, 4]);
        assert_eq!(fill(&[1.0, 1.0], &[0, 0], &[2.0, 3.0], 100), [2, 3]);
    }
}
