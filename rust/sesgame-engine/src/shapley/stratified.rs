//! Marginal contributions by strata, with Neyman allocation: any semivalue.
//!
//! `psi_i = sum over s of p(s) mean of v(S + i) - v(S) over the coalitions S of s others`. The strata
//! of a player are ranges of sizes; each is sampled on its own, first uniformly and then in proportion
//! to the range's probability times the standard deviation within (Castro et al. 2017). A marginal
//! contribution informs one player only, so this is for few players, or where single strata vary much.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::memory::{self, Purpose};
use crate::shapley::unseen::{Deviations, ROUNDING};

/// Marginal contributions of each stratum before any are allocated by their spread.
const PILOT: usize = 4;

/// How many contributions of average spread stand in where a stratum has few of its own.
const PRIOR: f64 = 2.0;

/// The sampled marginal contributions of all players.
#[derive(Debug)]
pub struct StratifiedEstimate {
    probabilities: Vec<f64>,
    random: ChaCha8Rng,
    /// The ranges of sizes, as `first..end`.
    ranges: Vec<(usize, usize)>,
    /// One for each player and range, those of a player together.
    strata: Vec<Stratum>,
    /// The largest marginal contribution of all, by its amount.
    largest: f64,
    /// The stratum of each marginal contribution that was drawn and has no value yet.
    pending: Vec<usize>,
}

/// The estimate of one player.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StratifiedValue {
    /// The sum over the strata.
    pub value: f64,
    /// Infinite where a stratum has fewer than two contributions.
    pub standard_error: f64,
    /// What one contribution that was not seen may change.
    pub unseen: f64,
}

/// Running mean of the marginal contributions of one stratum, and sums of powers of the deviations.
#[derive(Debug, Clone, Default)]
struct Stratum {
    count: f64,
    mean: f64,
    squares: f64,
    cubes: f64,
    fourths: f64,
}

impl StratifiedEstimate {
    /// An estimate with at most `n_ranges` ranges of sizes for each player, all about equally probable;
    /// `probabilities[s]` is the probability of joining `s` others.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the probabilities are not at least 0 with a sum of 1.
    pub fn new(probabilities: Vec<f64>, n_ranges: usize, seed: u64) -> Result<Self> {
        let total: f64 = probabilities.iter().sum();
        let allowed = |p: &f64| p.is_finite() && *p >= 0.0;
        if !(probabilities.iter().all(allowed) && (total - 1.0).abs() < 1e-9) {
            return Err(Error::InvalidInput(format!(
                "the probabilities of the sizes sum to {total}; they are at least 0 and sum to 1"
            )));
        }
        let mut ranges = Vec::new();
        let (mut first, mut sum) = (0, 0.0);
        for (size, probability) in probabilities.iter().enumerate() {
            sum += probability;
            let last = size + 1 == probabilities.len();
            if sum * n_ranges as f64 >= (ranges.len() + 1) as f64 - 1e-9 || last {
                ranges.push((first, size + 1));
                first = size + 1;
            }
        }
        ranges.retain(|&(first, end)| probabilities[first..end].iter().any(|p| *p > 0.0));
        let strata = vec![Stratum::default(); ranges.len() * probabilities.len()];
        let random = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self { probabilities, random, ranges, strata, largest: 0.0, pending: Vec::new() })
    }

    /// The number of strata of all players together.
    #[must_use]
    pub fn n_strata(&self) -> usize {
        self.strata.len()
    }

    /// Draws `count` further marginal contributions. Gives two rows of `n` for each: a coalition, and
    /// the same with the player. `scale` is the largest value of a coalition, which rounding goes by.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when earlier ones have no values yet.
    pub fn draw(&mut self, count: usize, scale: f64) -> Result<Vec<bool>> {
        self.check_pending(0)?;
        let n_players = self.probabilities.len();
        memory::reserve(&mut self.pending, count, Purpose::Sample)?;
        let mut membership = memory::zeros(&[2, count, n_players], Purpose::Sample)?;
        let (counts, mut rows) =
            (self.allocate(count, scale), membership.chunks_exact_mut(2 * n_players));
        for (stratum, count) in counts.into_iter().enumerate() {
            for pair in rows.by_ref().take(count) {
                let (without, with) = pair.split_at_mut(n_players);
                self.draw_coalition(stratum, without);
                with.copy_from_slice(without);
                with[stratum / self.ranges.len()] = true;
                self.pending.push(stratum);
            }
        }
        Ok(membership)
    }

    /// A coalition of others, of a size in the range of the stratum.
    fn draw_coalition(&mut self, stratum: usize, row: &mut [bool]) {
        let player = stratum / self.ranges.len();
        let (first, end) = self.ranges[stratum % self.ranges.len()];
        let total: f64 = self.probabilities[first..end].iter().sum();
        let mut left = self.random.random::<f64>() * total;
        let mut size = first;
        while size + 1 < end && left >= self.probabilities[size] {
            left -= self.probabilities[size];
            size += 1;
        }
        // Floyd's method among the others; the last one stands in for the player.
        let others = row.len() - 1;
        for last in others - size..others {
            let candidate = self.random.random_range(0..=last as u32) as usize;
            row[if row[candidate] { last } else { candidate }] = true;
        }
        row[others] = std::mem::replace(&mut row[player], false);
    }

    /// How many of `count` marginal contributions go to each stratum.
    fn allocate(&self, count: usize, scale: f64) -> Vec<usize> {
        let deviations = self.deviations(scale);
        let degrees: f64 = self.strata.iter().map(|own| (own.count - 1.0).max(0.0)).sum();
        let squares: f64 = deviations.iter().map(|own| own.squares).sum();
        let everything: f64 = self.strata.iter().map(|own| own.count).sum();
        let pilot = everything < (PILOT * self.strata.len()) as f64;
        let wish = |stratum| match (pilot, squares > 0.0) {
            (true, _) => 1.0,
            (false, false) => self.probability(stratum),
            (false, true) => self.wish(stratum, &deviations[stratum], squares / degrees),
        };
        let wishes: Vec<f64> = (0..self.strata.len()).map(wish).collect();
        let have: f64 = self.strata.iter().map(|stratum| stratum.count).sum();
        let total: f64 = wishes.iter().sum();
        let mut carried = 0.5;
        // Twice: what strata that have more than their share leave over goes to the others.
        let mut shares: Vec<f64> = wishes.iter().map(|wish| wish / total).collect();
        let mut room = vec![0.0; shares.len()];
        for _ in 0..2 {
            for ((room, share), stratum) in room.iter_mut().zip(&shares).zip(&self.strata) {
                *room = (share * (have + count as f64) - stratum.count).max(0.0);
            }
            let scale = count as f64 / room.iter().sum::<f64>();
            shares = room
                .iter()
                .zip(&self.strata)
                .map(|(room, stratum)| (room * scale + stratum.count) / (have + count as f64))
                .collect();
        }
        let scale = count as f64 / room.iter().sum::<f64>();
        room.iter()
            .map(|room| {
                let exact: f64 = room * scale + carried;
                carried = exact.fract();
                exact as usize
            })
            .collect()
    }

    /// Probability times standard deviation; as far as that of a stratum is uncertain, the average of
    /// all counts too.
    fn wish(&self, stratum: usize, own: &Deviations, average: f64) -> f64 {
        let degrees = (own.count - 1.0).max(0.0);
        let variance = (own.squares + PRIOR * average) / (degrees + PRIOR);
        self.probability(stratum) * variance.sqrt()
    }

    /// The deviations of each stratum that are more than rounding.
    fn deviations(&self, scale: f64) -> Vec<Deviations> {
        self.strata.iter().map(|own| own.deviations().above(ROUNDING * scale)).collect()
    }

    fn probability(&self, stratum: usize) -> f64 {
        let (first, end) = self.ranges[stratum % self.ranges.len()];
        self.probabilities[first..end].iter().sum()
    }

    /// Takes the values of the rows that were drawn last.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there are not as many values as rows.
    pub fn record(&mut self, values: &[f64]) -> Result<()> {
        self.check_pending(values.len())?;
        for (stratum, pair) in self.pending.drain(..).zip(values.chunks_exact(2)) {
            let marginal = pair[1] - pair[0];
            self.largest = self.largest.max(marginal.abs());
            self.strata[stratum].take(marginal);
        }
        Ok(())
    }

    fn check_pending(&self, values: usize) -> Result<()> {
        let rows = 2 * self.pending.len();
        if values == rows {
            return Ok(());
        }
        Err(Error::InvalidInput(format!("{values} values for {rows} rows that wait for them")))
    }

    /// Values, standard errors, and what [may not have been seen](super::unseen); `scale` is the largest
    /// value of a coalition, which rounding goes by.
    ///
    /// One contribution that was not seen counts in the stratum where it changes most; it deviates as far
    /// as others do in this game, and where none does by the largest contribution.
    #[must_use]
    pub fn estimate(&self, scale: f64) -> Vec<StratifiedValue> {
        let strata = self.deviations(scale);
        let everywhere = strata.iter().fold(Deviations::default(), |all, own| all.and(*own));
        let reach = everywhere.reach(self.largest, scale);
        let of_player = |player: usize| {
            let strata_of_player = player * self.ranges.len()..(player + 1) * self.ranges.len();
            let (mut value, mut variance, mut unseen) = (0.0, 0.0, 0.0);
            for stratum in strata_of_player {
                let (probability, own) = (self.probability(stratum), &self.strata[stratum]);
                value += probability * own.mean;
                variance += probability * probability * own.variance_of_mean();
                if !self.is_single(stratum) {
                    let trial = probability / own.count.max(1.0);
                    unseen = f64::max(unseen, strata[stratum].unseen(trial, reach));
                }
            }
            StratifiedValue { value, standard_error: variance.sqrt(), unseen }
        };
        (0..self.probabilities.len()).map(of_player).collect()
    }

    /// Whether the stratum has a single coalition, that of nobody else or of everybody else.
    fn is_single(&self, stratum: usize) -> bool {
        let (first, end) = self.ranges[stratum % self.ranges.len()];
        let sizes = (first..end).filter(|&size| self.probabilities[size] > 0.0);
        let everybody_else = self.probabilities.len() - 1;
        sizes.clone().count() == 1 && [0, everybody_else].contains(&sizes.sum())
    }
}

impl Stratum {
    /// Updates the sums (Pebay 2008).
    fn take(&mut self, marginal: f64) {
        let before = self.count;
        self.count += 1.0;
        let (count, shift) = (self.count, marginal - self.mean);
        let part = shift / count;
        let square = shift * part * before;
        self.mean += part;
        self.fourths += square * part * part * (count * count - 3.0 * count + 3.0)
            + 6.0 * part * part * self.squares
            - 4.0 * part * self.cubes;
        self.cubes += square * part * (count - 2.0) - 3.0 * part * self.squares;
        self.squares += square;
    }

    fn variance_of_mean(&self) -> f64 {
        if self.count < 2.0 {
            return f64::INFINITY;
        }
        self.squares / (self.count - 1.0) / self.count
    }

    fn deviations(&self) -> Deviations {
        Deviations { count: self.count, squares: self.squares, fourths: self.fourths }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_draw_is_a_coalition_without_the_player_and_the_same_with_him() {
        let mut estimate = StratifiedEstimate::new(vec![0.2; 5], 5, 7).unwrap();
        assert_eq!(estimate.n_strata(), 25);
        let rows = estimate.draw(50, 1.0).unwrap();
        for (draw, pair) in rows.chunks_exact(10).enumerate() {
            let (player, size) = (draw / 10, draw / 2 % 5);
            let (without, with) = pair.split_at(5);
            assert!(!without[player] && with[player]);
            assert_eq!(without.iter().filter(|member| **member).count(), size);
            assert_eq!(with.iter().filter(|member| **member).count(), size + 1);
        }
        assert!(estimate.draw(1, 1.0).is_err() && estimate.record(&[1.0]).is_err());
    }

    #[test]
    fn the_strata_that_vary_get_the_rest() {
        let mut estimate = StratifiedEstimate::new(vec![1.0 / 6.0; 6], 6, 3).unwrap();
        let mut drawn = [0; 6];
        for count in [72, 200, 400, 1000] {
            let rows = estimate.draw(count, 30.0).unwrap();
            // Only what three are worth depends on who they are.
            let value = |row: &[bool]| {
                let size = row.iter().filter(|member| **member).count();
                let surprise = row[0] != row[1] && row[2] != row[3];
                if size == 3 && surprise { 30.0 } else { size as f64 }
            };
            drawn.fill(0);
            for row in rows.chunks_exact(12) {
                drawn[row[..6].iter().filter(|member| **member).count()] += 1;
            }
            estimate.record(&rows.chunks_exact(6).map(value).collect::<Vec<_>>()).unwrap();
        }
        // Of the last thousand; with uniform sizes it would be 333.
        assert!(drawn[2] + drawn[3] > 500, "{drawn:?}");
        let estimates = estimate.estimate(30.0);
        assert!(estimates.iter().all(|own| own.value.is_finite() && own.standard_error > 0.0));
    }

    #[test]
    fn a_stratum_counts_its_deviations_and_a_player_without_any_errs_by_one() {
        let (mut rare, mut about) = (Stratum::default(), Deviations::default());
        for draw in 0..1000 {
            let event = f64::from(u8::from(draw % 250 == 7));
            rare.take(event);
            about.take(event - 0.004);
        }
        assert!((rare.deviations().seen() - about.seen()).abs() < 1e-9);

        // Two are worth something together, and the third one never adds anything.
        let mut estimate = StratifiedEstimate::new(vec![1.0 / 3.0; 3], 3, 1).unwrap();
        assert!(estimate.estimate(1.0).iter().all(|own| own.standard_error.is_infinite()));
        let rows = estimate.draw(90, 1.0).unwrap();
        let value = |row: &[bool]| f64::from(u8::from(row[0] && row[1]));
        estimate.record(&rows.chunks_exact(3).map(value).collect::<Vec<_>>()).unwrap();
        let estimates = estimate.estimate(1.0);
        assert_eq!((estimates[2].value, estimates[2].standard_error), (0.0, 0.0));
        assert!(estimates[2].unseen > 0.0 && estimates[2].unseen < 0.05, "{estimates:?}");
    }

    #[test]
    fn beside_rounding_a_rare_contribution_counts_as_before() {
        let unseen = |worth: f64| {
            let mut estimate = StratifiedEstimate::new(vec![0.25; 4], 2, 1).unwrap();
            let rows = estimate.draw(160, 1.0).unwrap();
            // Three are worth something together; everybody adds the same to anybody.
            let value = |row: &[bool]| {
                let alone: f64 =
                    row.iter().map(|member| worth * f64::from(u8::from(*member))).sum();
                f64::from(u8::from(row[0] && row[1] && row[2])) + alone
            };
            estimate.record(&rows.chunks_exact(4).map(value).collect::<Vec<_>>()).unwrap();
            estimate.estimate(5.0)[3].unseen
        };
        assert!((unseen(0.1) - unseen(0.0)).abs() < 1e-9);
    }

    #[test]
    fn sizes_that_never_occur_make_no_stratum() {
        let mut estimate = StratifiedEstimate::new(vec![0.0, 0.0, 1.0], 3, 1).unwrap();
        assert_eq!(estimate.n_strata(), 3);
        let rows = estimate.draw(6, 1.0).unwrap();
        let values: Vec<f64> =
            rows.chunks_exact(3).map(|row| row.iter().filter(|m| **m).count() as f64).collect();
        estimate.record(&values).unwrap();
        // Everybody else is a single coalition, of which nothing is left to see.
        let known = StratifiedValue { value: 1.0, standard_error: 0.0, unseen: 0.0 };
        assert_eq!(estimate.estimate(3.0), vec![known; 3]);
        assert!(StratifiedEstimate::new(vec![0.5, 0.6], 2, 1).is_err());
    }
}
