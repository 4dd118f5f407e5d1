//! Exponentials of many complex numbers at once, in operations that every processor has as vectors.

use std::f64::consts::{FRAC_2_PI, LOG2_E};

use multiversion::multiversion;

use super::member_factors::Complex;

/// Adding it leaves the nearest integer in the least significant bits.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// ln 2 and pi / 2 in parts, the first of which have so few bits that a product with an integer of
/// 20 bits is exact (Moshier 1989, Cephes).
const LN_2: [f64; 2] = [6.931_457_519_531_25e-1, 1.428_606_820_309_417_2e-6];
const HALF_PI: [f64; 3] =
    [1.570_796_251_296_997, 7.549_789_415_861_596e-8, 5.390_302_858_158_119e-15];

/// `exp(z)` of each, for real parts up to 700 (below -700 it is as for -700) and imaginary parts up to
/// a million.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
pub fn exponential(values: &mut Complex) {
    for (re, im) in values.re.iter_mut().zip(values.im.iter_mut()) {
        let size = exp(*re);
        let (sin, cos) = sin_cos(*im);
        (*re, *im) = (size * cos, size * sin);
    }
}

/// A power of two times Taylor's polynomial.
#[inline(always)]
fn exp(x: f64) -> f64 {
    let x = if x > -700.0 { x } else { -700.0 };
    let shifted = x * LOG2_E + ROUND;
    let power = shifted - ROUND;
    let rest = x - power * LN_2[0] - power * LN_2[1];
    let mut sum = 1.0;
    for k in (1..=13).rev() {
        sum = 1.0 + sum * rest * (1.0 / k as f64);
    }
    sum * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// Taylor's polynomials on an eighth of a turn to both sides, swapped and negated by quadrant.
#[inline(always)]
fn sin_cos(x: f64) -> (f64, f64) {
    let shifted = x * FRAC_2_PI + ROUND;
    let turns = shifted - ROUND;
    let quadrant = shifted.to_bits();
    let rest = x - turns * HALF_PI[0] - turns * HALF_PI[1] - turns * HALF_PI[2];
    let square = rest * rest;
    let (mut sin, mut cos) = (1.0, 1.0);
    for k in (1..=8).rev() {
        let k = (2 * k) as f64;
        sin = 1.0 - sin * square * (1.0 / (k * (k + 1.0)));
        cos = 1.0 - cos * square * (1.0 / (k * (k - 1.0)));
    }
    sin *= rest;
    let odd = quadrant & 1 == 1;
    let (sin, cos) = (if odd { cos } else { sin }, if odd { sin } else { cos });
    let sign = |bit: u64| (bit & 2) << 62;
    (
        f64::from_bits(sin.to_bits() ^ sign(quadrant)),
        f64::from_bits(cos.to_bits() ^ sign(quadrant.wrapping_add(1))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_functions_of_the_standard_library() {
        let points: Vec<(f64, f64)> = (0..20_000)
            .map(|k| (-f64::from(k) * 0.037 * f64::from(k % 7), f64::from(k - 10_000) * 1.37))
            .collect();
        let mut values = Complex {
            re: points.iter().map(|point| point.0).collect(),
            im: points.iter().map(|point| point.1).collect(),
        };
        exponential(&mut values);
        for (k, (x, y)) in points.into_iter().enumerate() {
            let size = x.max(-700.0).exp();
            assert!((values.re[k] - size * y.cos()).abs() <= 1e-15 * size, "{x} {y}");
            assert!((values.im[k] - size * y.sin()).abs() <= 1e-15 * size, "{x} {y}");
        }
    }
}
