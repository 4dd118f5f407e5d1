//! The least and the greatest of many differences: the inner loops of all passes.
//!
//! Each loop stands here twice: for any processor and as the specification of what the other does, and
//! with vectors of four values. The least and the greatest do not depend on the order of comparisons,
//! so both find the same bits.

/// The least and the greatest of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least; infinity where there is no number.
    pub least: f64,
    /// The greatest; minus infinity where there is no number.
    pub greatest: f64,
}

impl Range {
    /// Of no number.
    pub const NONE: Self = Self { least: f64::INFINITY, greatest: f64::NEG_INFINITY };

    /// Of the numbers of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            least: if other.least < self.least { other.least } else { self.least },
            greatest: if other.greatest > self.greatest { other.greatest } else { self.greatest },
        }
    }

    /// With one number more.
    fn with(self, number: f64) -> Self {
        self.and(Self { least: number, greatest: number })
    }

    /// With `amount` taken off each number.
    #[must_use]
    pub fn minus(self, amount: f64) -> Self {
        Self { least: self.least - amount, greatest: self.greatest - amount }
    }
}

/// Values of one vector.
const WIDTH: usize = 4;

/// Whether the loops with vectors may run, on `length` values.
fn has_vectors(length: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    return length.is_multiple_of(2 * WIDTH) && std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The range of `upper - lower`, element by element.
pub(super) fn differences(lower: &[f64], upper: &[f64]) -> Range {
    #[cfg(target_arch = "x86_64")]
    if has_vectors(lower.len()) {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::differences(lower, upper) };
    }
    lower.iter().zip(upper).fold(Range::NONE, |range, (lower, upper)| range.with(upper - lower))
}

/// The range of `(upper - lower) - before`, element by element.
pub(super) fn second_differences(before: &[f64], lower: &[f64], upper: &[f64]) -> Range {
    #[cfg(target_arch = "x86_64")]
    if has_vectors(before.len()) {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::second_differences(before, lower, upper) };
    }
    let pairs = lower.iter().zip(upper).zip(before);
    pairs.fold(Range::NONE, |range, ((lower, upper), before)| range.with((upper - lower) - before))
}

/// The range of `values[s | step] - values[s]` over all `s` without the bit `step`.
pub(super) fn rises(values: &[f64], step: usize) -> Range {
    #[cfg(target_arch = "x86_64")]
    if has_vectors(values.len()) {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::rises(values, step) };
    }
    let without = (0..values.len()).filter(|place| place & step == 0);
    without.fold(Range::NONE, |range, place| range.with(values[place | step] - values[place]))
}

/// The range of `both[s | t] - (one[s] + other[t])` over all `s` and `t` without a common bit.
pub(super) fn joint_gains(one: &[f64], other: &[f64], both: &[f64]) -> Range {
    #[cfg(target_arch = "x86_64")]
    if has_vectors(one.len()) {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::joint_gains(one, other, both) };
    }
    let pairs = (0..one.len()).flat_map(|s| (0..one.len()).map(move |t| (s, t)));
    pairs
        .filter(|(s, t)| s & t == 0)
        .fold(Range::NONE, |range, (s, t)| range.with(both[s | t] - (one[s] + other[t])))
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256d, _mm256_add_pd, _mm256_hsub_pd, _mm256_loadu_pd, _mm256_max_pd, _mm256_min_pd,
        _mm256_permute2f128_pd, _mm256_permute4x64_pd, _mm256_set1_pd, _mm256_storeu_pd,
        _mm256_sub_pd,
    };

    use super::{Range, WIDTH};

    /// The ranges of each place of a vector.
    #[derive(Clone, Copy)]
    struct Lanes {
        least: __m256d,
        greatest: __m256d,
    }

    impl Lanes {
        /// # Safety
        /// The processor has AVX2.
        #[target_feature(enable = "avx2")]
        unsafe fn none() -> Self {
            Self {
                least: _mm256_set1_pd(f64::INFINITY),
                greatest: _mm256_set1_pd(f64::NEG_INFINITY),
            }
        }

        /// # Safety
        /// The processor has AVX2.
        #[target_feature(enable = "avx2")]
        unsafe fn add(&mut self, numbers: __m256d) {
            self.least = _mm256_min_pd(numbers, self.least);
            self.greatest = _mm256_max_pd(numbers, self.greatest);
        }

        /// # Safety
        /// The processor has AVX2.
        #[target_feature(enable = "avx2")]
        unsafe fn range(self) -> Range {
            let (mut least, mut greatest) = ([0.0; WIDTH], [0.0; WIDTH]);
            // SAFETY: both hold a vector.
            unsafe {
                _mm256_storeu_pd(least.as_mut_ptr(), self.least);
                _mm256_storeu_pd(greatest.as_mut_ptr(), self.greatest);
            }
            let lanes = least.into_iter().zip(greatest);
            lanes.fold(Range::NONE, |range, (least, greatest)| range.and(Range { least, greatest }))
        }
    }

    /// The vector that begins at `place`.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    unsafe fn load(values: &[f64], place: usize) -> __m256d {
        debug_assert!(place + WIDTH <= values.len());
        // SAFETY: callers stay below the length, which they have asserted.
        unsafe { _mm256_loadu_pd(values.as_ptr().add(place)) }
    }

    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn differences(lower: &[f64], upper: &[f64]) -> Range {
        let length = lower.len();
        assert!(length.is_multiple_of(WIDTH) && upper.len() == length);
        // SAFETY: every place is a multiple of the width below the length of both.
        unsafe {
            let mut found = Lanes::none();
            for place in (0..length).step_by(WIDTH) {
                found.add(_mm256_sub_pd(load(upper, place), load(lower, place)));
            }
            found.range()
        }
    }

    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn second_differences(before: &[f64], lower: &[f64], upper: &[f64]) -> Range {
        let length = before.len();
        assert!(length.is_multiple_of(WIDTH) && lower.len() == length && upper.len() == length);
        // SAFETY: every place is a multiple of the width below the length of all three.
        unsafe {
            let mut found = Lanes::none();
            for place in (0..length).step_by(WIDTH) {
                let rise = _mm256_sub_pd(load(upper, place), load(lower, place));
                found.add(_mm256_sub_pd(rise, load(before, place)));
            }
            found.range()
        }
    }

    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn rises(values: &[f64], step: usize) -> Range {
        let length = values.len();
        assert!(length.is_multiple_of(2 * WIDTH) && length.is_multiple_of(2 * step));
        // SAFETY: places are below the length, in steps of two vectors or of twice the step.
        unsafe {
            let mut found = Lanes::none();
            if step >= WIDTH {
                for pair in (0..length).step_by(2 * step) {
                    for place in (pair..pair + step).step_by(WIDTH) {
                        let rise = _mm256_sub_pd(load(values, place + step), load(values, place));
                        found.add(rise);
                    }
                }
                return found.range();
            }
            for place in (0..length).step_by(2 * WIDTH) {
                let (first, second) = (load(values, place), load(values, place + WIDTH));
                found.add(if step == 1 {
                    // 0 - x is -x to the last bit, but for the sign of 0.
                    _mm256_sub_pd(_mm256_set1_pd(0.0), _mm256_hsub_pd(first, second))
                } else {
                    _mm256_sub_pd(
                        _mm256_permute2f128_pd::<0x31>(first, second),
                        _mm256_permute2f128_pd::<0x20>(first, second),
                    )
                });
            }
            found.range()
        }
    }

    /// Nine pairs of coalitions of the two lowest players in three vectors: nobody with any of the
    /// other side, any with nobody, and each with all whom it lacks.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn joint_gains(one: &[f64], other: &[f64], both: &[f64]) -> Range {
        const FIRST: i32 = 0b00_00_00_00;
        const LAST: i32 = 0b11_11_11_11;
        const REVERSED: i32 = 0b00_01_10_11;
        let length = one.len();
        assert!(length.is_power_of_two() && length >= WIDTH);
        assert!(other.len() == length && both.len() == length);
        let groups = length / WIDTH;
        // SAFETY: s, t and s | t are below the number of groups, a power of two.
        unsafe {
            let mut found = Lanes::none();
            for s in 0..groups {
                let part = load(one, WIDTH * s);
                let nobody = _mm256_permute4x64_pd::<FIRST>(part);
                let reversed = _mm256_permute4x64_pd::<REVERSED>(part);
                let outside = !s & (groups - 1);
                let mut t = 0;
                loop {
                    let rest = load(other, WIDTH * t);
                    let all = load(both, WIDTH * (s | t));
                    found.add(_mm256_sub_pd(all, _mm256_add_pd(nobody, rest)));
                    let rest_nobody = _mm256_permute4x64_pd::<FIRST>(rest);
                    found.add(_mm256_sub_pd(all, _mm256_add_pd(part, rest_nobody)));
                    let everybody = _mm256_permute4x64_pd::<LAST>(all);
                    found.add(_mm256_sub_pd(everybody, _mm256_add_pd(reversed, rest)));
                    if t == outside {
                        break;
                    }
                    t = t.wrapping_sub(outside) & outside;
                }
            }
            found.range()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_find_what_single_values_do() {
        let values: Vec<f64> = (0..96).map(|place| f64::from(place * 37 % 101) * 0.1).collect();
        let (a, b, c) = (&values[..32], &values[32..64], &values[64..]);
        let alone = |found: &mut dyn Iterator<Item = f64>| found.fold(Range::NONE, Range::with);
        assert_eq!(differences(a, b), alone(&mut (0..32).map(|k| b[k] - a[k])));
        assert_eq!(second_differences(a, b, c), alone(&mut (0..32).map(|k| (c[k] - b[k]) - a[k])));
        for step in [1, 2, 4, 8, 16] {
            let without = &mut (0..32).filter(|k| k & step == 0).map(|k| a[k | step] - a[k]);
            assert_eq!(rises(a, step), alone(without));
        }
        let pairs = (0..32).flat_map(|s| (0..32).map(move |t| (s, t)));
        let disjoint = pairs.filter(|(s, t)| s & t == 0);
        let gains = &mut disjoint.map(|(s, t)| c[s | t] - (a[s] + b[t]));
        assert_eq!(joint_gains(a, b, c), alone(gains));
    }
}
