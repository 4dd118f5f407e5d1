//! Which coalitions an allocation already settles: the linear span of membership vectors, exactly.
//!
//! Once the excess of some coalitions is fixed, so is that of every coalition in their linear
//! span. Ranks are computed modulo the prime `2^61 - 1`: by Hadamard's bound every minor of a 0/1
//! matrix of up to 36 columns is smaller than the prime, so rank and span are those over the
//! rationals. Instead of the span its annihilator is kept, the linear functionals that vanish on
//! it. They start at random, so the last one is a uniformly random member of the annihilator: it
//! vanishes on the span and, up to a chance of 2^-61 for each coalition, nowhere else.

use crate::coalition::Coalition;

/// The prime modulus of all residues here.
pub(super) const MODULUS: u64 = (1 << 61) - 1;

const fn multiply(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    let folded = (product as u64 & MODULUS) + (product >> 61) as u64;
    if folded >= MODULUS { folded - MODULUS } else { folded }
}

/// The sum of two residues.
pub(super) const fn add(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= MODULUS { sum - MODULUS } else { sum }
}

/// The inverse of a residue that is not 0, by Fermat's little theorem.
fn inverse(a: u64) -> u64 {
    let (mut result, mut power, mut exponent) = (1, a, MODULUS - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, power);
        }
        power = multiply(power, power);
        exponent >>= 1;
    }
    result
}

/// The value of a functional at a membership vector, given as bytes of eight players each.
pub(super) fn apply(functional: &[u64], members: &[u8]) -> u64 {
    let mut sum = 0;
    for (byte, chunk) in members.iter().zip(functional.chunks(8)) {
        for (bit, &coefficient) in chunk.iter().enumerate() {
            if byte >> bit & 1 == 1 {
                sum = add(sum, coefficient);
            }
        }
    }
    sum
}

/// The linear span of the membership vectors inserted so far.
#[derive(Debug, Clone)]
pub(super) struct Span {
    n_players: usize,
    /// The annihilator's basis, one row of `n_players` residues after the other.
    functionals: Vec<u64>,
}

impl Span {
    /// The span of nothing.
    pub fn new(n_players: usize) -> Self {
        // SplitMix64 (Steele, Lea and Flood 2014) with a fixed seed: results are reproducible.
        let mut state = 0x5e5_6a3e_u64;
        let random = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % MODULUS
        };
        let functionals = std::iter::repeat_with(random).take(n_players * n_players).collect();
        Self { n_players, functionals }
    }

    /// The dimension of the span.
    pub fn rank(&self) -> usize {
        self.n_players - self.functionals.len() / self.n_players
    }

    /// Adds a membership vector and tells whether the span has grown.
    pub fn insert(&mut self, members: &[u8]) -> bool {
        let n = self.n_players;
        let values: Vec<u64> =
            self.functionals.chunks_exact(n).map(|row| apply(row, members)).collect();
        let Some(pivot) = values.iter().position(|&value| value != 0) else {
            return false;
        };
        let pivot_row: Vec<u64> = self.functionals[pivot * n..(pivot + 1) * n].to_vec();
        let scale = inverse(values[pivot]);
        for (row, &value) in self.functionals.chunks_exact_mut(n).zip(&values).skip(pivot + 1) {
            if value != 0 {
                let factor = MODULUS - multiply(value, scale);
                for (entry, &pivot_entry) in row.iter_mut().zip(&pivot_row) {
                    *entry = add(*entry, multiply(factor, pivot_entry));
                }
            }
        }
        self.functionals.drain(pivot * n..(pivot + 1) * n);
        true
    }

    /// Whether a coalition is outside.
    pub fn is_outside(&self, coalition: &Coalition) -> bool {
        let bytes = coalition.to_le_bytes();
        self.functional().is_some_and(|functional| apply(functional, &bytes) != 0)
    }

    /// A functional that is 0 on the span and elsewhere not, or `None` when the span is all.
    pub fn functional(&self) -> Option<&[u64]> {
        self.functionals.chunks_exact(self.n_players).next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(span: &Span, members: u8) -> bool {
        span.functional().is_none_or(|functional| apply(functional, &[members]) == 0)
    }

    #[test]
    fn partitions_span_the_unions_of_their_parts() {
        let mut span = Span::new(5);
        assert!(span.insert(&[0b11111]));
        assert!(span.insert(&[0b00011]));
        assert!(!span.insert(&[0b11100]));
        assert!(span.insert(&[0b00100]));
        assert_eq!(span.rank(), 3);
        for members in 0..32 {
            let union_of_parts = (members & 0b00011 == 0 || members & 0b00011 == 0b00011)
                && (members & 0b11000 == 0 || members & 0b11000 == 0b11000);
            assert_eq!(contains(&span, members), union_of_parts, "{members:#b}");
        }
    }

    #[test]
    fn combinations_that_are_no_unions_are_found() {
        // {0,1}, {1,2}, {0,2} span every vector on three players.
        let mut span = Span::new(3);
        assert!(span.insert(&[0b011]) && span.insert(&[0b110]) && !contains(&span, 0b001));
        assert!(span.insert(&[0b101]));
        assert!(contains(&span, 0b001) && span.functional().is_none());
    }

    #[test]
    fn the_inverse_is_one() {
        for a in [1, 2, 12345, MODULUS - 1] {
            assert_eq!(multiply(a, inverse(a)), 1);
        }
    }
}
