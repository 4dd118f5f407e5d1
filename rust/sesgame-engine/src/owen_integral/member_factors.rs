//! The characteristic functions of single loads on the odd frequencies of a ring, and their
//! products.
//!
//! A threshold function is half of a wave of the ring's period, a triangle or a square, and
//! such a wave has odd frequencies only.

use std::f64::consts::PI;

use multiversion::multiversion;

use super::load_lattice::{LoadLattice, cubic};

/// Frequencies that are handled together: what they need stays in the first-level cache.
pub const BLOCK: usize = 512;

/// Members whose factors join a product together.
pub const TOGETHER: usize = 4;
const LANES: usize = 8;

/// A sequence of complex numbers, real and imaginary parts apart.
#[derive(Debug, Default)]
pub struct Complex {
    pub re: Vec<f64>,
    pub im: Vec<f64>,
}

impl Clone for Complex {
    fn clone(&self) -> Self {
        Self { re: self.re.clone(), im: self.im.clone() }
    }

    /// Keeps the memory.
    fn clone_from(&mut self, other: &Self) {
        self.re.clone_from(&other.re);
        self.im.clone_from(&other.im);
    }
}

impl Complex {
    pub fn filled(value: f64, length: usize) -> Self {
        Self { re: vec![value; length], im: vec![0.0; length] }
    }
}

/// `z - 1` of one load after the other, on a block of odd frequencies.
#[derive(Debug)]
pub struct MemberFactors<'a> {
    lattice: &'a LoadLattice,
    ring: i64,
    first: i64,
    /// `exp(i w)`.
    unit: Complex,
    factor: Complex,
    polynomials: [Complex; TOGETHER],
}

impl<'a> MemberFactors<'a> {
    /// For the frequencies `2 pi (2 k + 1) / ring`, `k = first..first + length`; the ring is a power
    /// of two.
    pub fn new(lattice: &'a LoadLattice, ring: usize, first: usize, length: usize) -> Self {
        let mut factors = Self {
            lattice,
            ring: ring as i64,
            first: first as i64,
            unit: Complex::default(),
            factor: Complex::filled(0.0, length.next_multiple_of(LANES)),
            polynomials: [(); TOGETHER]
                .map(|()| Complex::filled(0.0, length.next_multiple_of(LANES))),
        };
        factors.fill(1);
        factors.unit = factors.factor.clone();
        factors
    }

    /// `z - 1` of the load of one member.
    pub fn of(&mut self, member: usize) -> &Complex {
        let (cells, fraction) = (self.lattice.cells[member], self.lattice.fraction[member]);
        if fraction == 0.0 {
            self.fill(cells);
        } else {
            let (first, weights) = cubic(fraction);
            self.fill(cells + first);
            blend(&mut self.factor, &self.unit, weights);
        }
        self.factor.re.iter_mut().for_each(|re| *re -= 1.0);
        &self.factor
    }

    /// The elementary symmetric polynomials of `z - 1` of a few members, with which their factors for any
    /// probability `q` are a polynomial in `q`.
    pub fn symmetric(&mut self, members: std::ops::Range<usize>) -> &[Complex; TOGETHER] {
        for polynomial in &mut self.polynomials[members.len()..] {
            polynomial.re.fill(0.0);
            polynomial.im.fill(0.0);
        }
        for (count, member) in members.enumerate() {
            self.of(member);
            if count == 0 {
                self.polynomials[0].clone_from(&self.factor);
                continue;
            }
            let (lower, upper) = self.polynomials.split_at_mut(count);
            set_product(&mut upper[0], &lower[count - 1], &self.factor);
            for degree in (1..count).rev() {
                let (lower, upper) = lower.split_at_mut(degree);
                add_product(&mut upper[0], &lower[degree - 1], &self.factor);
            }
            add(&mut self.polynomials[0], &self.factor);
        }
        &self.polynomials
    }

    /// `exp(i w cells)`: the first lanes from the definition, then by rotation.
    fn fill(&mut self, cells: i64) {
        let angle = |odd: i64| {
            // The ring is a power of two: what overflows is a multiple of it.
            let turns = odd.wrapping_mul(cells) & (self.ring - 1);
            2.0 * PI * turns as f64 / self.ring as f64
        };
        let (mut re, mut im) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            (im[lane], re[lane]) = angle(2 * (self.first + lane as i64) + 1).sin_cos();
        }
        let turn = angle(2 * LANES as i64).sin_cos();
        rotate(&mut self.factor, re, im, turn);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn rotate(factor: &mut Complex, mut re: [f64; LANES], mut im: [f64; LANES], turn: (f64, f64)) {
    let (sin, cos) = turn;
    let chunks = factor.re.chunks_exact_mut(LANES).zip(factor.im.chunks_exact_mut(LANES));
    for (factor_re, factor_im) in chunks {
        factor_re.copy_from_slice(&re);
        factor_im.copy_from_slice(&im);
        for lane in 0..LANES {
            (re[lane], im[lane]) =
                (re[lane] * cos - im[lane] * sin, re[lane] * sin + im[lane] * cos);
        }
    }
}

/// `factor` times the polynomial in `unit` with the given coefficients.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn blend(factor: &mut Complex, unit: &Complex, coefficients: [f64; 4]) {
    let [constant, linear, square, cube] = coefficients;
    let factors = factor.re.iter_mut().zip(factor.im.iter_mut());
    for ((re, im), (unit_re, unit_im)) in factors.zip(unit.re.iter().zip(&unit.im)) {
        let (mut a, mut b) = (cube, 0.0);
        for coefficient in [square, linear, constant] {
            (a, b) = (a * unit_re - b * unit_im + coefficient, a * unit_im + b * unit_re);
        }
        (*re, *im) = (*re * a - *im * b, *re * b + *im * a);
    }
}

/// `sums += values`, elementwise.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn add(sums: &mut Complex, values: &Complex) {
    sums.re.iter_mut().zip(&values.re).for_each(|(sum, value)| *sum += value);
    sums.im.iter_mut().zip(&values.im).for_each(|(sum, value)| *sum += value);
}

/// `product = first * second`, elementwise.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn set_product(product: &mut Complex, first: &Complex, second: &Complex) {
    let products = product.re.iter_mut().zip(product.im.iter_mut());
    let factors = first.re.iter().zip(&first.im).zip(second.re.iter().zip(&second.im));
    for ((re, im), ((a, b), (c, d))) in products.zip(factors) {
        (*re, *im) = (a * c - b * d, a * d + b * c);
    }
}

/// `sums += first * second`, elementwise.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn add_product(sums: &mut Complex, first: &Complex, second: &Complex) {
    let sums = sums.re.iter_mut().zip(sums.im.iter_mut());
    let factors = first.re.iter().zip(&first.im).zip(second.re.iter().zip(&second.im));
    for ((re, im), ((a, b), (c, d))) in sums.zip(factors) {
        *re += a * c - b * d;
        *im += a * d + b * c;
    }
}

/// Multiplies a product by the factors `1 + q (z - 1)` of the members of these
/// [`MemberFactors::symmetric`] polynomials.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
pub fn join(product: &mut Complex, polynomials: &[Complex; TOGETHER], q: f64) {
    let length = product.re.len();
    let [a, b, c, d] = polynomials
        .each_ref()
        .map(|polynomial| (&polynomial.re[..length], &polynomial.im[..length]));
    let products = product.re.iter_mut().zip(product.im.iter_mut());
    for (at, (re, im)) in products.enumerate() {
        let factor_re = 1.0 + q * (a.0[at] + q * (b.0[at] + q * (c.0[at] + q * d.0[at])));
        let factor_im = q * (a.1[at] + q * (b.1[at] + q * (c.1[at] + q * d.1[at])));
        (*re, *im) = (*re * factor_re - *im * factor_im, *re * factor_im + *im * factor_re);
    }
}

/// The sum of the real parts of `coefficient * own / (1 + q own)`: what a member adds who is
/// taken out of the product first.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
pub fn marginal(coefficient: &Complex, own: &Complex, q: f64) -> f64 {
    let mut sums = [0.0; LANES];
    let coefficients = coefficient.re.chunks_exact(LANES).zip(coefficient.im.chunks_exact(LANES));
    let own = own.re.chunks_exact(LANES).zip(own.im.chunks_exact(LANES));
    for ((c_re, c_im), (w_re, w_im)) in coefficients.zip(own) {
        for lane in 0..LANES {
            let (factor_re, factor_im) = (1.0 + q * w_re[lane], q * w_im[lane]);
            let norm = factor_re * factor_re + factor_im * factor_im;
            let ratio_re = w_re[lane] * factor_re + w_im[lane] * factor_im;
            let ratio_im = w_im[lane] * factor_re - w_re[lane] * factor_im;
            sums[lane] += (c_re[lane] * ratio_re - c_im[lane] * ratio_im) / norm;
        }
    }
    sums.iter().sum()
}
