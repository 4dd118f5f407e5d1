//! Random coalitions for estimators that evaluate a coalition together with its complement.
//!
//! Only the odd part `o(S) = v(S) - v(N \ S)` of a game matters for its Shapley value, and one pair
//! gives one value of it. Pairs are drawn without replacement within each size `s = 1..n/2` of the
//! smaller coalition; when all pairs of a size are drawn, that size is exhausted.

use std::collections::HashSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Sizes with at most this many pairs are listed and shuffled; the others are drawn at random, where
/// a repetition is rare.
const LISTED: f64 = 65_536.0;

/// Draws pairs of complementary coalitions of `n` players.
#[derive(Debug)]
pub struct PairSampler {
    n_players: usize,
    sizes: Vec<Size>,
}

/// The pairs of one size: a random stream, and what was drawn.
#[derive(Debug)]
struct Size {
    random: ChaCha8Rng,
    pairs: f64,
    drawn: usize,
    listed: Vec<Vec<u32>>,
    /// Hashes of what was drawn at random: a collision costs one more draw and nothing else.
    seen: HashSet<u64>,
}

impl PairSampler {
    /// A sampler for `n_players >= 2` players. Each size has a random stream of its own, so what is
    /// drawn of one size does not depend on the others.
    #[must_use]
    pub fn new(n_players: usize, seed: u64) -> Self {
        let mut pairs = 1.0;
        let sizes = (1..=n_players / 2).map(|size| {
            pairs *= (n_players - size + 1) as f64 / size as f64;
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            // Streams from 2^32 on: the batches of the permutations are below.
            random.set_stream((1 << 32) + size as u64);
            // Coalitions of half the players come twice, once as the other's complement.
            let pairs = if 2 * size == n_players { pairs / 2.0 } else { pairs }.round();
            Size { random, pairs, drawn: 0, listed: Vec::new(), seen: HashSet::new() }
        });
        Self { n_players, sizes: sizes.collect() }
    }

    /// How many pairs there are of one size in `1..=n/2`, drawn or not.
    #[must_use]
    pub fn pairs(&self, size: usize) -> f64 {
        self.sizes[size - 1].pairs
    }

    /// Draws `counts[s - 1]` further pairs of each size `s`, or as many as there are, and gives the
    /// members of the smaller coalition of each, in ascending order of size.
    pub fn draw(&mut self, counts: &[usize]) -> Vec<Vec<u32>> {
        let mut drawn = Vec::new();
        for (index, (size, &count)) in self.sizes.iter_mut().zip(counts).enumerate() {
            let left = size.pairs - size.drawn as f64;
            let count = if left < count as f64 { left as usize } else { count };
            drawn.extend((0..count).map(|_| size.next(self.n_players, index + 1)));
        }
        drawn
    }
}

impl Size {
    fn next(&mut self, n_players: usize, members: usize) -> Vec<u32> {
        if self.pairs <= LISTED {
            if self.drawn == 0 {
                self.listed = combinations(n_players, members);
            }
            let pick = self.random.random_range(self.drawn..self.listed.len());
            self.listed.swap(self.drawn, pick);
            self.drawn += 1;
            return self.listed[self.drawn - 1].clone();
        }
        self.drawn += 1;
        loop {
            let coalition = random_coalition(&mut self.random, n_players, members);
            if self.seen.insert(hash(&coalition)) {
                return coalition;
            }
        }
    }
}

/// A coalition of the given size, all equally likely; of half the players, one with player 0.
fn random_coalition(random: &mut ChaCha8Rng, n_players: usize, members: usize) -> Vec<u32> {
    // Floyd's method: `members` random numbers, no repetition.
    let fixed = usize::from(2 * members == n_players);
    let mut chosen = vec![false; n_players];
    chosen[..fixed].fill(true);
    for last in n_players - members + fixed..n_players {
        let candidate = random.random_range(fixed..=last);
        let player = if chosen[candidate] { last } else { candidate };
        chosen[player] = true;
    }
    (0..n_players as u32).filter(|&player| chosen[player as usize]).collect()
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

    #[test]
    fn an_exhausted_sampler_has_drawn_every_pair_once() {
        for n_players in 2..=11 {
            let mut sampler = PairSampler::new(n_players, 3);
            let mut drawn = sampler.draw(&vec![2; n_players / 2]);
            drawn.extend(sampler.draw(&vec![1000; n_players / 2]));
            assert!(sampler.draw(&vec![1; n_players / 2]).is_empty());
            let grand = (1_u32 << n_players) - 1;
            let masks = drawn.iter().map(|s| s.iter().fold(0_u32, |mask, p| mask | 1 << p));
            let both: HashSet<u32> = masks.flat_map(|mask| [mask, grand ^ mask]).collect();
            assert_eq!(both.len(), (1 << n_players) - 2);
            assert_eq!(2 * drawn.len(), (1 << n_players) - 2);
        }
    }

    #[test]
    fn random_coalitions_are_distinct_and_uniform() {
        let mut sampler = PairSampler::new(40, 8);
        let mut counts = vec![0; 20];
        (counts[6], counts[19]) = (4000, 4000);
        let drawn = sampler.draw(&counts);
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 8000);
        for player in 1..40_u32 {
            let member = |coalitions: &[Vec<u32>]| {
                coalitions.iter().filter(|s| s.contains(&player)).count() as f64
            };
            // Five standard deviations: a false alarm once in 20,000 runs; the seed is fixed.
            let (seven, twenty) = (member(&drawn[..4000]), member(&drawn[4000..]));
            assert!((seven - 700.0).abs() < 5.0 * (700.0_f64 * 0.825).sqrt(), "{seven}");
            assert!((twenty - 4000.0 * 19.0 / 39.0).abs() < 5.0 * 31.6, "{twenty}");
        }
    }
}
