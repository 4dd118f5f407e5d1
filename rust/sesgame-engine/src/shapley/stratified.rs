//! Marginal contributions by strata, with Neyman allocation: any semivalue.
//!
//! `psi_i = sum over s of p(s) mean of v(S + i) - v(S) over the coalitions S of s others`. The strata
//! of a player are ranges of sizes; each is sampled on its own, first uniformly and then in proportion
//! to the range's probability times the standard deviation within (Castro et al. 2017). A marginal
//! contribution informs one player only, so this is for few players, or where single strata vary much.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

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
    /// The stratum of each marginal contribution that was drawn and has no value yet.
    pending: Vec<usize>,
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
        Ok(Self { probabilities, random, ranges, strata, pending: Vec::new() })
    }

    /// The number of strata of all players together.
    #[must_use]
    pub fn n_strata(&self) -> usize {
        self.strata.len()
    }

    /// Draws `count` further marginal contributions. Gives two rows of `n` for each: a coalition, and
    /// the same with the player.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when earlier ones have no values yet.
    pub fn draw(&mut self, count: usize) -> Result<Vec<bool>> {
        self.check_pending(0)?;
        let n_players = self.probabilities.len();
        let mut membership = vec![false; 2 * count * n_players];
        let (counts, mut rows) = (self.allocate(count), membership.chunks_exact_mut(2 * n_players));
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
    fn allocate(&self, count: usize) -> Vec<usize> {
        let degrees: f64 = self.strata.iter().map(|own| (own.count - 1.0).max(0.0)).sum();
        let squares: f64 = self.strata.iter().map(|own| own.squares).sum();
        let everything: f64 = self.strata.iter().map(|own| own.count).sum();
        let pilot = everything < (PILOT * self.strata.len()) as f64;
        let wish = |stratum| if pilot { 1.0 } else { self.wish(stratum, squares / degrees) };
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
    fn wish(&self, stratum: usize, average: f64) -> f64 {
        let own = &self.strata[stratum];
        let degrees = (own.count - 1.0).max(0.0);
        let variance = (own.squares + PRIOR * average) / (degrees + PRIOR);
        self.probability(stratum) * variance.sqrt().max(f64::MIN_POSITIVE)
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
            self.strata[stratum].take(pair[1] - pair[0]);
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

    /// Values and standard errors; infinite where a stratum has fewer than two contributions.
    ///
    /// A rare contribution may not have been seen yet: each stratum errs as if one deviation were
    /// missing, as far as those are that occur at all in this game, by so much less as more were
    /// seen of the player.
    #[must_use]
    pub fn estimate(&self) -> (Vec<f64>, Vec<f64>) {
        let squares: f64 = self.strata.iter().map(|own| own.squares).sum();
        let fourths: f64 = self.strata.iter().map(|own| own.fourths).sum();
        let reach = if squares > 0.0 { fourths / squares } else { 0.0 };
        let of_player = |player: usize| {
            let strata = player * self.ranges.len()..(player + 1) * self.ranges.len();
            let (mut value, mut variance, mut missing, mut seen) = (0.0, 0.0, 0.0, 0.0);
            for stratum in strata {
                let (probability, own) = (self.probability(stratum), &self.strata[stratum]);
                value += probability * own.mean;
                variance += probability * probability * own.variance_of_mean();
                missing += (probability / own.count.max(1.0)).powi(2);
                seen += own.deviations();
            }
            (value, (variance + reach * missing / (1.0 + seen)).sqrt())
        };
        (0..self.probabilities.len()).map(of_player).unzip()
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

    /// How many deviations of the same size would have these sums: of a rare event, as often as it
    /// occurred.
    fn deviations(&self) -> f64 {
        if self.fourths > 0.0 { self.squares * self.squares / self.fourths } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_draw_is_a_coalition_without_the_player_and_the_same_with_him() {
        let mut estimate = StratifiedEstimate::new(vec![0.2; 5], 5, 7).unwrap();
        assert_eq!(estimate.n_strata(), 25);
        let rows = estimate.draw(50).unwrap();
        for (draw, pair) in rows.chunks_exact(10).enumerate() {
            let (player, size) = (draw / 10, draw / 2 % 5);
            let (without, with) = pair.split_at(5);
            assert!(!without[player] && with[player]);
            assert_eq!(without.iter().filter(|member| **member).count(), size);
            assert_eq!(with.iter().filter(|member| **member).count(), size + 1);
        }
        assert!(estimate.draw(1).is_err() && estimate.record(&[1.0]).is_err());
    }

    #[test]
    fn the_strata_that_vary_get_the_rest() {
        let mut estimate = StratifiedEstimate::new(vec![1.0 / 6.0; 6], 6, 3).unwrap();
        let mut drawn = [0; 6];
        for count in [72, 200, 400, 1000] {
            let rows = estimate.draw(count).unwrap();
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
        let (values, errors) = estimate.estimate();
        assert!(values.iter().zip(&errors).all(|(v, e)| v.is_finite() && *e > 0.0));
    }

    #[test]
    fn a_stratum_counts_its_deviations_and_a_player_without_any_errs_by_one() {
        let mut rare = Stratum::default();
        (0..1000).for_each(|draw| rare.take(f64::from(u8::from(draw % 250 == 7))));
        let deviations = |p: f64| 1000.0 * p * (1.0 - p) / (1.0 - 3.0 * p * (1.0 - p));
        assert!((rare.deviations() - deviations(0.004)).abs() < 1e-9);

        // Two are worth something together, and the third one never adds anything.
        let mut estimate = StratifiedEstimate::new(vec![1.0 / 3.0; 3], 3, 1).unwrap();
        assert!(estimate.estimate().1.iter().all(|error| error.is_infinite()));
        let rows = estimate.draw(90).unwrap();
        let value = |row: &[bool]| f64::from(u8::from(row[0] && row[1]));
        estimate.record(&rows.chunks_exact(3).map(value).collect::<Vec<_>>()).unwrap();
        let (values, errors) = estimate.estimate();
        assert_eq!(values[2], 0.0);
        assert!(errors[2] > 0.0 && errors[2] < 0.1, "{errors:?}");
    }

    #[test]
    fn sizes_that_never_occur_make_no_stratum() {
        let mut estimate = StratifiedEstimate::new(vec![0.0, 0.0, 1.0], 3, 1).unwrap();
        assert_eq!(estimate.n_strata(), 3);
        let rows = estimate.draw(6).unwrap();
        let values: Vec<f64> =
            rows.chunks_exact(3).map(|row| row.iter().filter(|m| **m).count() as f64).collect();
        estimate.record(&values).unwrap();
        assert_eq!(estimate.estimate(), (vec![1.0; 3], vec![0.0; 3]));
        assert!(StratifiedEstimate::new(vec![0.5, 0.6], 2, 1).is_err());
    }
}
