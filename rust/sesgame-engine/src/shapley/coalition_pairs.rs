//! Random coalitions for estimators that evaluate a coalition together with its complement.
//!
//! Only the odd part `o(S) = v(S) - v(N \ S)` of a game matters for its Shapley value, and one pair
//! gives one value of it. Pairs are drawn without replacement within each size `s = 1..n/2` of the
//! smaller coalition; when all pairs of a size are drawn, that size is exhausted.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::memory::Purpose;

/// Sizes with at most this many pairs are listed and shuffled; the others are drawn at random, where
/// a repetition is rare.
const LISTED: f64 = 65_536.0;

/// Draws the pairs whose smaller coalition has one size, without replacement.
///
/// Each size has a random stream of its own, so what is drawn of one does not depend on the others.
#[derive(Debug, Clone)]
pub struct SizeSampler {
    n_players: usize,
    size: usize,
    random: ChaCha8Rng,
    pairs: f64,
    drawn: usize,
    listed: Vec<Vec<u32>>,
    /// Hashes of what was drawn at random: a collision costs one more draw and nothing else.
    seen: HashSet<u64, BuildHasherDefault<Mixed>>,
}

impl SizeSampler {
    /// A sampler for each size `1..=n/2` of `n_players >= 2` players.
    #[must_use]
    pub fn all(n_players: usize, seed: u64) -> Vec<Self> {
        let mut pairs = 1.0;
        let sizes = (1..=n_players / 2).map(|size| {
            pairs *= (n_players - size + 1) as f64 / size as f64;
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            // Streams from 2^32 on: the batches of the permutations are below.
            random.set_stream((1 << 32) + size as u64);
            // Coalitions of half the players come twice, once as the other's complement.
            let pairs = if 2 * size == n_players { pairs / 2.0 } else { pairs }.round();
            let (listed, seen) = (Vec::new(), HashSet::default());
            Self { n_players, size, random, pairs, drawn: 0, listed, seen }
        });
        sizes.collect()
    }

    /// How many pairs there are, drawn or not.
    #[must_use]
    pub fn pairs(&self) -> f64 {
        self.pairs
    }

    /// Makes room for what is to be remembered of `count` further pairs.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn reserve(&mut self, count: usize) -> Result<()> {
        self.seen.try_reserve(if self.pairs <= LISTED { 0 } else { count }).map_err(|_| {
            // A place of a hash table takes the hash and a byte, and every eighth is free.
            let bytes = 10 * (self.seen.len() as u128 + count as u128);
            Error::OutOfMemory { purpose: Purpose::Sample, bytes }
        })
    }

    /// Draws one further pair, of which one must be left: sets the members of its smaller coalition in
    /// `row`, which has none yet, and appends them to `members` in ascending order.
    pub fn draw(&mut self, row: &mut [bool], members: &mut Vec<u32>) {
        self.drawn += 1;
        if self.pairs <= LISTED {
            if self.listed.is_empty() {
                self.listed = combinations(self.n_players, self.size);
            }
            let pick = self.random.random_range(self.drawn - 1..self.listed.len());
            self.listed.swap(self.drawn - 1, pick);
            members.extend_from_slice(&self.listed[self.drawn - 1]);
        } else {
            let start = members.len();
            loop {
                draw_members(&mut self.random, row, self.size);
                let chosen = (0..self.n_players as u32).filter(|&player| row[player as usize]);
                members.extend(chosen);
                if self.seen.insert(hash(&members[start..])) {
                    return;
                }
                row.fill(false);
                members.truncate(start);
            }
        }
        let last = members.len() - self.size;
        members[last..].iter().for_each(|&member| row[member as usize] = true);
    }
}

/// The hasher of numbers that are well mixed already.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only whole numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Draws `size` members, all coalitions equally likely; of half the players, one with player 0.
fn draw_members(random: &mut ChaCha8Rng, row: &mut [bool], size: usize) {
    // Floyd's method: as many random numbers as members, no repetition.
    let n_players = row.len();
    let fixed = usize::from(2 * size == n_players);
    row[..fixed].fill(true);
    for last in n_players - size + fixed..n_players {
        let candidate = random.random_range(fixed as u32..=last as u32) as usize;
        row[if row[candidate] { last } else { candidate }] = true;
    }
}

/// Mixes each member's number and takes all together; the order does not matter.
fn hash(coalition: &[u32]) -> u64 {
    coalition.iter().fold(0, |hash, &member| {
        // The finaliser of SplitMix64.
        let mut x = (u64::from(member) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        hash ^ x ^ (x >> 31)
    })
}

/// All coalitions of the given size; of half the players, those with player 0.
fn combinations(n_players: usize, members: usize) -> Vec<Vec<u32>> {
    let mut coalition: Vec<u32> = (0..members as u32).collect();
    let mut all = vec![coalition.clone()];
    let fixed = usize::from(2 * members == n_players);
    loop {
        let last = |index: usize| (n_players - members + index) as u32;
        let Some(moves) = (fixed..members).rev().find(|&index| coalition[index] < last(index))
        else {
            return all;
        };
        coalition[moves] += 1;
        for index in moves + 1..members {
            coalition[index] = coalition[index - 1] + 1;
        }
        all.push(coalition.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(sampler: &mut SizeSampler, count: usize) -> Vec<Vec<u32>> {
        let draw_one = |_| {
            let (mut row, mut members) = (vec![false; sampler.n_players], Vec::new());
            sampler.draw(&mut row, &mut members);
            let players = 0..sampler.n_players as u32;
            assert!(members.iter().copied().eq(players.filter(|&player| row[player as usize])));
            members
        };
        (0..count).map(draw_one).collect()
    }

    #[test]
    fn an_exhausted_sampler_has_drawn_every_pair_once() {
        for n_players in 2..=11 {
            let mut samplers = SizeSampler::all(n_players, 3);
            let drawn: Vec<_> =
                samplers.iter_mut().flat_map(|s| draw(s, s.pairs() as usize)).collect();
            let grand = (1_u32 << n_players) - 1;
            let masks = drawn.iter().map(|s| s.iter().fold(0_u32, |mask, p| mask | 1 << p));
            let both: HashSet<u32> = masks.flat_map(|mask| [mask, grand ^ mask]).collect();
            assert_eq!(both.len(), (1 << n_players) - 2);
            assert_eq!(2 * drawn.len(), (1 << n_players) - 2);
        }
    }

    #[test]
    fn random_coalitions_are_distinct_and_uniform() {
        let mut samplers = SizeSampler::all(40, 8);
        let drawn = [6, 19].map(|index| draw(&mut samplers[index], 4000));
        assert_eq!(drawn.iter().flatten().collect::<HashSet<_>>().len(), 8000);
        for player in 1..40_u32 {
            let member = |coalitions: &[Vec<u32>]| {
                coalitions.iter().filter(|s| s.contains(&player)).count() as f64
            };
            // Five standard deviations: a false alarm once in 20,000 runs; the seed is fixed.
            let [seven, twenty] = [member(&drawn[0]), member(&drawn[1])];
            assert!((seven - 700.0).abs() < 5.0 * (700.0_f64 * 0.825).sqrt(), "{seven}");
            assert!((twenty - 4000.0 * 19.0 / 39.0).abs() < 5.0 * 31.6, "{twenty}");
        }
    }
}
