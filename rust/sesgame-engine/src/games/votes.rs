//! Weights and a quota as whole numbers of votes, so that a coalition that reaches the quota exactly wins,
//! however its weights are added up.
//!
//! Decimals that a float keeps count as they are written: 0.7 and 0.1 reach 0.8, though the sum of the
//! floats does not. What has more digits was calculated, and a sum within rounding of the quota reaches it.

use crate::owen_integral::load_lattice::{LARGEST_WHOLE, LoadLattice, divisor};

/// Every decimal of so many digits comes back from a float as it was written.
const DIGITS: usize = 15;

/// What a number that was calculated in a few operations is off by, relative to itself.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// Returns votes and a quota that decide alike; where there are no whole numbers, the weights and a quota
/// lower by rounding.
pub(super) fn count(weights: Vec<f64>, quota: f64) -> (Vec<f64>, f64) {
    if let Some(whole) = as_written(&weights, quota) {
        return whole;
    }
    // A sum near the quota is made of weights up to the quota: it is off by a rounding of each
    // weight and of each addition, relative to the quota.
    let lowered = quota * (1.0 - (weights.len() + 1) as f64 * ROUNDING);
    match LoadLattice::multiples(&weights, ROUNDING) {
        Some((votes, quantum)) => (votes, (lowered / quantum).ceil().max(1.0)),
        None => (weights, lowered),
    }
}

/// Votes in units of the last decimal of any weight, divided by what all have in common, when
/// their sum is exact.
fn as_written(weights: &[f64], quota: f64) -> Option<(Vec<f64>, f64)> {
    let decimals: Vec<_> =
        weights.iter().map(|&weight| Decimal::of(weight)).collect::<Option<_>>()?;
    let quota = Decimal::of(quota)?;
    let last =
        decimals.iter().filter(|weight| weight.digits > 0).map(|weight| weight.power).min()?;
    let counts: Vec<u64> =
        decimals.iter().map(|weight| weight.count(last)).collect::<Option<_>>()?;
    let total = counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count))?;
    if total as f64 > LARGEST_WHOLE {
        return None;
    }
    let common = counts.iter().fold(0, |common, &count| divisor(count, common));
    let votes = counts.iter().map(|&count| (count / common) as f64).collect();
    // A quota that nobody reaches is as good as any other.
    let quota = quota.count_up(last).map_or(total + 1, |quota| quota.min(total + 1));
    Some((votes, quota.div_ceil(common) as f64))
}

/// `digits * 10^power`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: u64,
    power: i32,
}

impl Decimal {
    /// The shortest decimal that a float stands for, unless it has more digits than a float keeps. Whole
    /// numbers are always what they are.
    fn of(number: f64) -> Option<Self> {
        if number.fract() == 0.0 && number <= LARGEST_WHOLE {
            return Some(Self { digits: number as u64, power: 0 }.shortened());
        }
        let written = format!("{number:e}");
        let (mantissa, exponent) = written.split_once('e')?;
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if before.len() + after.len() > DIGITS {
            return None;
        }
        let digits = format!("{before}{after}").parse().ok()?;
        let power = exponent.parse::<i32>().ok()? - after.len() as i32;
        Some(Self { digits, power })
    }

    fn shortened(mut self) -> Self {
        while self.digits > 0 && self.digits.is_multiple_of(10) {
            self = Self { digits: self.digits / 10, power: self.power + 1 };
        }
        self
    }

    /// The number in units of `10^last`, at most its own last decimal; `None` where it is too large.
    fn count(self, last: i32) -> Option<u64> {
        if self.digits == 0 {
            return Some(0);
        }
        let power = u32::try_from(self.power - last).ok()?;
        self.digits.checked_mul(10_u64.checked_pow(power)?)
    }

    /// The least whole number of units of `10^last` that reach the number; `None` where it is too large.
    fn count_up(self, last: i32) -> Option<u64> {
        if self.power >= last {
            return self.count(last);
        }
        let unit = 10_u64.checked_pow(self.power.abs_diff(last));
        Some(unit.map_or(1, |unit| self.digits.div_ceil(unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_count_as_they_are_written() {
        for (weights, quota, votes, needed) in [
            (vec![0.7, 0.1], 0.8, vec![7.0, 1.0], 8.0),
            (vec![30.0, 10.0, 10.0], 40.0, vec![3.0, 1.0, 1.0], 4.0),
            (vec![0.2, 0.4, 0.0], 0.5, vec![1.0, 2.0, 0.0], 3.0),
            (vec![1.0, 2.0], 2.000_000_1, vec![1.0, 2.0], 3.0),
            (vec![1.0, 2.0], 1e-40, vec![1.0, 2.0], 1.0),
            (vec![1.0, 2.0], 1e40, vec![1.0, 2.0], 4.0),
            (vec![1e-30, 2e-30], 3e-30, vec![1.0, 2.0], 3.0),
            (vec![1.0, 1.000_000_000_001], 2.0, vec![1e12, 1e12 + 1.0], 2e12),
        ] {
            assert_eq!(count(weights, quota), (votes, needed));
        }
    }

    #[test]
    fn what_was_calculated_reaches_the_quota_within_rounding() {
        let thirds: Vec<f64> = [1.0, 2.0, 3.0].iter().map(|weight| weight / 3.0).collect();
        assert_eq!(count(thirds, 1.0), (vec![1.0, 2.0, 3.0], 3.0));
        assert_eq!(count(vec![1.0, 2.0], 0.1 * 3.0 * 10.0), (vec![1.0, 2.0], 3.0));
        let roots: Vec<f64> = [2.0_f64, 3.0, 5.0].iter().map(|weight| weight.sqrt()).collect();
        let (weights, quota) = count(roots.clone(), roots[2] + (roots[1] + roots[0]));
        assert_eq!(weights, roots);
        assert!(roots[0] + roots[1] + roots[2] >= quota && quota > 5.38);
    }
}
