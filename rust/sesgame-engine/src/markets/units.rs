//! What prices, quantities and values are measured in inside a program. HiGHS has absolute
//! tolerances, and among equally good vertices it takes the one that the last bits of the data lead
//! to. So programs are written in units that the data set themselves, and the vertex is chosen on
//! numbers that are the same, bit by bit, in whatever unit a market is given.

/// Bits that a number keeps where it decides between vertices. A change of unit rounds numbers to 53
/// bits twice or thrice; what then differs in 40 bits is one number in thousands.
const KEPT_BITS: i32 = 40;

/// The lower median of the magnitudes that are not zero, as a unit; 1 where there is none.
///
/// The median, so that neither a price cap nor the size of the public grid makes everything else
/// small beside the solver's tolerances.
pub fn typical(values: impl Iterator<Item = f64>) -> f64 {
    let mut magnitudes: Vec<f64> = values.map(f64::abs).filter(|&value| value > 0.0).collect();
    if magnitudes.is_empty() {
        return 1.0;
    }
    let middle = (magnitudes.len() - 1) / 2;
    *magnitudes.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// The power of two at or below a unit: measuring in it loses no bit.
pub fn exact(unit: f64) -> f64 {
    // Subnormal numbers have fewer bits: they are measured in what is given.
    if unit.is_normal() { f64::from_bits(unit.to_bits() & (0x7ff << 52)) } else { unit }
}

/// A number with its first 40 bits only.
pub fn canonical(value: f64) -> f64 {
    if !value.is_normal() {
        return value;
    }
    let step = exact(value.abs()) * f64::powi(2.0, 1 - KEPT_BITS);
    if step.is_normal() { (value / step).round() * step } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_unit_is_that_of_most_numbers() {
        assert_eq!(typical([0.0, -3.0, 1e9, 2.0].into_iter()), 3.0);
        assert_eq!(typical([4.0, 1.0].into_iter()), 1.0);
        assert_eq!(typical([0.0].into_iter()), 1.0);
        assert_eq!((exact(7.9), exact(0.3), exact(1e-9)), (4.0, 0.25, f64::powi(2.0, -30)));
    }

    #[test]
    fn decimals_are_the_same_number_in_any_unit() {
        let prices: Vec<f64> = (1..=200).map(|k| f64::from(k) / 10.0).collect();
        let measured = |factor: f64| -> Vec<u64> {
            let scaled: Vec<f64> = prices.iter().map(|price| price * factor).collect();
            let unit = typical(scaled.iter().copied());
            scaled.iter().map(|price| canonical(price / unit).to_bits()).collect()
        };
        for factor in [1e-9, 1e-3, 0.1, 0.01, 1.0 / 3.0, 7.0, 1000.0, 1e9] {
            assert_eq!(measured(factor), measured(1.0), "{factor}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_is_within_a_part_in_a_trillion(value in -1e12f64..1e12) {
            prop_assert!((canonical(value) - value).abs() <= 1e-12 * value.abs());
            prop_assert_eq!(canonical(canonical(value)), canonical(value));
        }
    }
}
