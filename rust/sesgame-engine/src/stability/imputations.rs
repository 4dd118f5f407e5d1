//! Whether a game has imputations: efficient allocations that give everybody at least what it has
//! alone.
//!
//! A sum of floats decides it, so the last bit must not: where players alone have more than all
//! together only by what means nothing, they have the same, and that is the one imputation.

/// Of the largest gain of a coalition over its members alone: smaller differences are none.
const RESOLUTION: f64 = 1e-9;
/// By how much, relatively, one operation in floats is off at most.
const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// The values that decide, in the sense of gains.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'a> {
    /// What all have together.
    pub total: f64,
    /// What each player has alone.
    pub alone: &'a [f64],
    /// By how much values may be off.
    pub accuracy: f64,
}

impl Standing<'_> {
    /// By how much a bound lies below what its player has alone: 0 where all together have as much
    /// as the players alone, an equal part of a difference that means nothing, and `None` where
    /// there is no imputation.
    ///
    /// `largest_gain` is asked for only where rounding does not explain the difference.
    pub fn relief(&self, largest_gain: impl FnOnce() -> f64) -> Option<f64> {
        let n_players = self.alone.len() as f64;
        let excess = self.alone.iter().sum::<f64>() - self.total;
        if excess <= 0.0 {
            return Some(0.0);
        }
        let magnitude = self.total.abs() + self.alone.iter().map(|value| value.abs()).sum::<f64>();
        let none = (n_players + 1.0) * UNIT_ROUNDOFF * magnitude + self.accuracy;
        (excess <= none || excess <= none + RESOLUTION * largest_gain())
            .then_some(excess / n_players)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn standing(total: f64, alone: &[f64], accuracy: f64) -> Standing<'_> {
        Standing { total, alone, accuracy }
    }

    #[test]
    fn the_last_bit_of_a_sum_decides_nothing() {
        let tenths = [0.1, 0.2, 0.3];
        assert!(tenths.iter().sum::<f64>() > 0.6);
        for unit in [1e-9, 1.0 / 3.0, 1.0, 1e9] {
            let alone = tenths.map(|value| unit * value);
            let relief = standing(0.6 * unit, &alone, 0.0).relief(|| 0.0);
            assert!(relief.is_some_and(|relief| relief <= 1e-16 * unit));
        }
    }

    #[test]
    fn accuracy_and_resolution_are_allowed_and_no_more() {
        let alone = [1.0, 2.0];
        assert_eq!(standing(2.5, &alone, 0.0).relief(|| 0.0), None);
        assert_eq!(standing(2.5, &alone, 0.5).relief(|| 0.0), Some(0.25));
        assert_eq!(standing(2.5, &alone, 0.0).relief(|| 0.5e9), Some(0.25));
        assert_eq!(standing(3.5, &alone, 0.0).relief(|| unreachable!()), Some(0.0));
    }
}
