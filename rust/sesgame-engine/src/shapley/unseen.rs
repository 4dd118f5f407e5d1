//! What a sample has not shown: the allowance beside the spread that it has.
//!
//! A deviation that occurs with probability `p` in each of `m` independent trials stays away from all of them
//! with probability `(1 - p)^m`. That is at least `alpha` as long as `p <= -ln(alpha) / m`, the rule of three
//! for `alpha = 0.05` (Hanley and Lippman-Hand 1983). So a mean of which one trial that deviates by `d` would
//! change `d / m` may be off by `-ln(alpha) d / m` without a sign of it. The estimators give `d / m`, the
//! *unseen* part; the level belongs to the interval.
//!
//! How large a deviation may be, the others show: for one that occurs with probability `p`, the ratio of the
//! fourth powers to the squares is its square, however small `p` is, and the squares' square over the
//! fourth powers is how often it was seen. Where nothing deviates at all, the largest marginal contribution
//! stands in, and where no coalition is worth anything, nothing tells.

/// Deviations below this part of the largest value of a coalition are rounding, and show nothing: sums of
/// thousands of numbers err by less.
pub const ROUNDING: f64 = 1e-12;

/// Sums of powers of the deviations from what was expected.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Deviations {
    /// How many trials there were.
    pub count: f64,
    /// The sum of the squares.
    pub squares: f64,
    /// The sum of the fourth powers.
    pub fourths: f64,
}

impl Deviations {
    /// Adds one deviation.
    pub fn take(&mut self, deviation: f64) {
        let square = deviation * deviation;
        self.count += 1.0;
        self.squares += square;
        self.fourths += square * square;
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            squares: self.squares + other.squares,
            fourths: self.fourths + other.fourths,
        }
    }

    /// The same, or none where they are no larger than `resolution`.
    #[must_use]
    pub fn above(self, resolution: f64) -> Self {
        let rounding = self.squares <= self.count * resolution * resolution;
        if rounding { Self { count: self.count, ..Self::default() } } else { self }
    }

    /// How far deviations go: those that there are, and without any `largest`; infinitely far where the
    /// largest value of a coalition, `scale`, is 0.
    #[must_use]
    pub fn reach(&self, largest: f64, scale: f64) -> f64 {
        if self.squares > 0.0 {
            (self.fourths / self.squares).sqrt()
        } else if scale > 0.0 {
            largest
        } else {
            f64::INFINITY
        }
    }

    /// What one further deviation changes that none of these stood for, for `trial` by each of 1.
    #[must_use]
    pub fn unseen(&self, trial: f64, reach: f64) -> f64 {
        // Of what is known as a whole nothing is unseen, however far it may go.
        if trial > 0.0 { trial * reach / (1.0 + self.seen()).sqrt() } else { 0.0 }
    }

    /// How many deviations of the same size would have these sums: of a rare event, as often as it
    /// occurred.
    #[must_use]
    pub fn seen(&self) -> f64 {
        if self.fourths > 0.0 { self.squares * self.squares / self.fourths } else { 0.0 }
    }
}

/// What one trial counts in a stratum of which `drawn` of `all` are known, against one of infinitely many.
///
/// Of `k` deviations among `N` each is missed with probability `1 - f`, `f = m / N`: all are with
/// probability `(1 - f)^k`, at least `alpha` up to `k / N = -ln(alpha) / m * f / -ln(1 - f)`.
#[must_use]
pub fn finite_population(drawn: f64, all: f64) -> f64 {
    let known = drawn / all;
    if known >= 1.0 {
        return 0.0;
    }
    if known > 0.0 { known / -(-known).ln_1p() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_event_is_counted_and_measured_whatever_its_probability() {
        for every in [50, 250] {
            let probability = 1.0 / f64::from(every);
            let mut rare = Deviations::default();
            for draw in 0..1000 {
                rare.take(3.0 * (f64::from(u8::from(draw % every == 7)) - probability));
            }
            let part = 1.0 - 3.0 * probability * (1.0 - probability);
            assert!((rare.reach(9.0, 3.0) - 3.0 * part.sqrt()).abs() < 1e-9);
            let seen = 1000.0 * probability * (1.0 - probability) / part;
            assert!((rare.seen() - seen).abs() < 1e-9);
        }
    }

    #[test]
    fn rounding_is_no_deviation() {
        let mut noise = Deviations::default();
        (0..100).for_each(|draw| noise.take(f64::from(draw % 3) * 1e-16));
        assert_eq!(noise.above(ROUNDING).seen(), 0.0);
        assert_eq!(noise.above(ROUNDING).reach(9.0, 1.0), 9.0);
        assert_eq!(noise.above(ROUNDING).reach(9.0, 0.0), f64::INFINITY);
        assert_eq!(noise.above(ROUNDING).unseen(0.0, f64::INFINITY), 0.0);
        assert!(noise.and(noise).above(0.0).seen() > 90.0);
    }

    #[test]
    fn nothing_is_unseen_of_what_is_exhausted() {
        assert_eq!(finite_population(10.0, 10.0), 0.0);
        assert!((finite_population(1.0, 1e9) - 1.0).abs() < 1e-8);
        // With nine of ten known, one deviation is missed with probability 0.1, two with 0.01.
        let most = -(0.01_f64.ln()) / 9.0 * finite_population(9.0, 10.0);
        assert!((most - 2.0 / 10.0).abs() < 1e-12);
    }
}
