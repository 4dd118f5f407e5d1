//! The pairs of complementary coalitions that were drawn, with the odd part of the game on each.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::memory::{self, Purpose};
use crate::shapley::coalition_pairs::SizeSampler;
use crate::shapley::symmetric_semivalue::SymmetricSemivalue;
use crate::shapley::unseen::{Deviations, finite_population};
use crate::thread_pool;

/// Groups of the jackknife; its standard errors have one degree of freedom less.
pub const GROUPS: usize = 10;

/// Parts into which the work over all pairs is cut; the same for any number of threads.
const BLOCKS: usize = 16;

/// All pairs that are known, by size, and the streams that further ones are drawn from.
#[derive(Debug)]
pub struct EvaluatedPairs {
    /// The value to be estimated.
    pub semivalue: SymmetricSemivalue,
    sizes: Vec<PairsOfSize>,
}

/// The pairs whose smaller coalition has one size.
#[derive(Debug)]
pub struct PairsOfSize {
    /// The number of members of the smaller coalitions.
    pub size: usize,
    sampler: SizeSampler,
    /// The members of all smaller coalitions, one after the other; the last may have no value yet.
    members: Vec<u32>,
    odd: Vec<f64>,
}

impl EvaluatedPairs {
    /// No pairs yet.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a single player, who has no complement.
    pub fn new(semivalue: SymmetricSemivalue, seed: u64) -> Result<Self> {
        let n_players = semivalue.n_players();
        if n_players < 2 {
            return Err(Error::InvalidInput(format!("pairs need 2 players, not {n_players}")));
        }
        let sizes = SizeSampler::all(n_players, seed).into_iter().enumerate();
        let sizes = sizes.map(|(index, sampler)| PairsOfSize {
            size: index + 1,
            sampler,
            members: Vec::new(),
            odd: Vec::new(),
        });
        Ok(Self { semivalue, sizes: sizes.collect() })
    }

    /// The number of players.
    #[must_use]
    pub fn n_players(&self) -> usize {
        self.semivalue.n_players()
    }

    /// The pairs by size, starting at 1.
    #[must_use]
    pub fn sizes(&self) -> &[PairsOfSize] {
        &self.sizes
    }

    /// The number of pairs that are known.
    #[must_use]
    pub fn n_pairs(&self) -> usize {
        self.sizes.iter().map(PairsOfSize::len).sum()
    }

    /// Draws further pairs so that, as far as possible, the numbers of all sizes are in proportion to
    /// `wishes`; about `count` of them, and fewer when few are left. Gives the smaller coalition of
    /// each, one row of `n` for each, in ascending order of size. They wait for [`Self::record`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when others are waiting.
    pub fn draw(&mut self, wishes: &[f64], count: usize) -> Result<Vec<bool>> {
        self.check_pending(0)?;
        let have: Vec<usize> = self.sizes.iter().map(PairsOfSize::len).collect();
        let limits: Vec<f64> = self.sizes.iter().map(|of_size| of_size.sampler.pairs()).collect();
        let counts = fill(wishes, &have, &limits, count);
        let n_players = self.n_players();
        let rows = counts.iter().sum::<usize>();
        let mut membership = memory::zeros(&[rows, n_players], Purpose::Sample)?;
        for (of_size, &count) in self.sizes.iter_mut().zip(&counts) {
            memory::reserve(&mut of_size.members, count * of_size.size, Purpose::Sample)?;
            memory::reserve(&mut of_size.odd, count, Purpose::Sample)?;
            of_size.sampler.reserve(count)?;
        }
        let mut parts = Vec::with_capacity(counts.len());
        let mut rest = membership.as_mut_slice();
        for (of_size, count) in self.sizes.iter_mut().zip(counts) {
            let (part, after) = rest.split_at_mut(count * n_players);
            parts.push((of_size, part));
            rest = after;
        }
        thread_pool::install(|| {
            parts.into_par_iter().for_each(|(of_size, part)| {
                for row in part.chunks_exact_mut(n_players) {
                    of_size.sampler.draw(row, &mut of_size.members);
                }
            })
        });
        Ok(membership)
    }

    /// Takes `v(S) - v(N \ S)` of the pairs that were drawn last.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there are not as many values as pairs.
    pub fn record(&mut self, odd: &[f64]) -> Result<()> {
        self.check_pending(odd.len())?;
        let mut rest = odd;
        for of_size in &mut self.sizes {
            let (own, after) = rest.split_at(of_size.pending());
            of_size.odd.extend_from_slice(own);
            rest = after;
        }
        Ok(())
    }

    /// The same pairs, or only those to `keep`, with the odd part of another game on all of them: in
    /// ascending order of size, and within a size as they were drawn. What was drawn stays drawn.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when pairs wait for their values, or lengths are not the number of pairs.
    pub fn revalued(&self, odd: &[f64], keep: Option<&[bool]>) -> Result<Self> {
        self.check_pending(0)?;
        let n_pairs = self.n_pairs();
        if odd.len() != n_pairs || keep.is_some_and(|keep| keep.len() != n_pairs) {
            return Err(Error::InvalidInput(format!("values or marks are not of {n_pairs} pairs")));
        }
        let mut sizes = Vec::with_capacity(self.sizes.len());
        let mut first = 0;
        for of_size in &self.sizes {
            let range = first..first + of_size.len();
            first = range.end;
            let (mut members, mut values) = (Vec::new(), Vec::new());
            memory::reserve(&mut members, of_size.members.len(), Purpose::Sample)?;
            memory::reserve(&mut values, of_size.len(), Purpose::Sample)?;
            for ((own, _), pair) in of_size.iter().zip(range) {
                if keep.is_none_or(|keep| keep[pair]) {
                    members.extend_from_slice(own);
                    values.push(odd[pair]);
                }
            }
            let sampler = of_size.sampler.clone();
            sizes.push(PairsOfSize { size: of_size.size, sampler, members, odd: values });
        }
        Ok(Self { semivalue: self.semivalue.clone(), sizes })
    }

    fn check_pending(&self, values: usize) -> Result<()> {
        let pending: usize = self.sizes.iter().map(PairsOfSize::pending).sum();
        if values == pending {
            return Ok(());
        }
        Err(Error::InvalidInput(format!("{values} values for {pending} pairs that wait for them")))
    }

    /// How much a semivalue changes where one pair deviates by 1 that no sampled one stands for: of the
    /// size that counts most against the number of its pairs.
    ///
    /// A share `q` of all pairs of a size changes a semivalue by as much times the probability of the
    /// size; with none of `m` pairs seen to deviate, `q` is in proportion to `1 / m`.
    #[must_use]
    pub fn one_pair(&self) -> f64 {
        let n_players = self.n_players();
        let part = |of_size: &PairsOfSize| {
            let size = of_size.size;
            let other =
                if 2 * size == n_players { 0.0 } else { self.semivalue.with(n_players - size) };
            let probability = self.semivalue.with(size) + other;
            let drawn = of_size.len() as f64;
            probability / drawn.max(1.0) * finite_population(drawn, of_size.population())
        };
        self.sizes.iter().map(part).fold(0.0, f64::max)
    }

    /// What a pair that was not seen may change: by as much as those deviate that were, and where none
    /// does, as if the player of the `largest` value changed sides. `scale` is the largest value of a
    /// coalition.
    #[must_use]
    pub fn unseen(&self, deviations: Deviations, largest: f64, scale: f64) -> f64 {
        deviations.unseen(self.one_pair(), deviations.reach(2.0 * largest, scale))
    }

    /// The result of `work` on parts of the sizes, each of which has about the same number of
    /// members; in order, the same for any number of threads.
    pub fn in_blocks<T: Send>(&self, work: impl Fn(&[PairsOfSize]) -> T + Sync + Send) -> Vec<T> {
        let all: usize = self.sizes.iter().map(|of_size| of_size.work()).sum();
        let mut blocks = Vec::with_capacity(BLOCKS);
        let (mut first, mut done) = (0, 0);
        for (index, of_size) in self.sizes.iter().enumerate() {
            done += of_size.work();
            if done * BLOCKS >= all * (blocks.len() + 1) || index + 1 == self.sizes.len() {
                blocks.push(&self.sizes[first..=index]);
                first = index + 1;
            }
        }
        thread_pool::install(|| blocks.into_par_iter().map(work).collect())
    }
}

impl PairsOfSize {
    /// The number of pairs with a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.odd.len()
    }

    /// Whether no pair has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.odd.is_empty()
    }

    /// The members of each smaller coalition, and the odd part of the game there.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], f64)> {
        self.members.chunks_exact(self.size).zip(self.odd.iter().copied())
    }

    /// The share of all pairs of this size that is not known.
    #[must_use]
    pub fn chance(&self) -> f64 {
        1.0 - self.len() as f64 / self.sampler.pairs()
    }

    /// How many pairs of this size there are, known or not.
    #[must_use]
    pub fn population(&self) -> f64 {
        self.sampler.pairs()
    }

    fn pending(&self) -> usize {
        self.members.len() / self.size - self.odd.len()
    }

    fn work(&self) -> usize {
        self.members.len() + self.odd.len() + 1
    }

    /// In which lanes a pair takes part: all, but for the jackknife's where its group is left out.
    ///
    /// Where a share `f` of all pairs of a size is known, only `1 - f` of the group is left out: what
    /// is left to chance shrinks by that factor, and vanishes when the size is exhausted.
    #[must_use]
    pub fn lanes<const L: usize>(&self, pair: usize) -> [f64; L] {
        let mut lanes = [1.0; L];
        if L == GROUPS {
            let chance = self.chance();
            let group = (pair + self.size) % GROUPS;
            // Every so often a whole one, beginning at another fraction in each group.
            let begin = (group as f64 + 0.5) / GROUPS as f64;
            let wholes = |turn: usize| (begin + turn as f64 * chance) as usize;
            let turn = pair / GROUPS;
            if wholes(turn + 1) != wholes(turn) {
                lanes[group] = 0.0;
            }
        }
        lanes
    }

    /// How many pairs take part in each lane.
    #[must_use]
    pub fn counts<const L: usize>(&self) -> [f64; L] {
        let mut counts = [0.0; L];
        for pair in 0..self.len() {
            let lanes = self.lanes::<L>(pair);
            counts.iter_mut().zip(lanes).for_each(|(count, lane)| *count += lane);
        }
        counts
    }
}

/// How many further pairs of each size to draw so that all of them together are in proportion to
/// `wishes`, as far as the `limits` allow and with nothing taken back.
fn fill(wishes: &[f64], have: &[usize], limits: &[f64], count: usize) -> Vec<usize> {
    let capped = |level: f64, index: usize| {
        (level * wishes[index]).clamp(have[index] as f64, limits[index].max(have[index] as f64))
    };
    let total = |level: f64| -> f64 { (0..wishes.len()).map(|index| capped(level, index)).sum() };
    let target = (have.iter().sum::<usize>() + count) as f64;
    let (mut low, mut high) = (0.0, 1.0);
    while total(high) < target && high < 1e300 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        *(if total(middle) < target { &mut low } else { &mut high }) = middle;
    }
    // Carry the fractions from size to size, so that the counts add up.
    let mut carried = 0.5;
    (0..wishes.len())
        .map(|index| {
            let exact = capped(high, index) - have[index] as f64 + carried;
            carried = exact.fract();
            exact as usize
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wishes_are_filled_up_to_the_limits() {
        assert_eq!(fill(&[1.0, 1.0, 2.0], &[0, 0, 0], &[2.0, 9.0, 100.0], 14), [2, 4, 8]);
        assert_eq!(fill(&[1.0, 1.0], &[10, 0], &[50.0, 50.0], 4), [0, 4]);
        assert_eq!(fill(&[1.0, 1.0], &[0, 0], &[2.0, 3.0], 100), [2, 3]);
    }

    #[test]
    fn a_value_for_each_pair_is_taken_before_more_are_drawn() {
        let mut pairs = EvaluatedPairs::new(SymmetricSemivalue::shapley(6), 1).unwrap();
        assert_eq!(pairs.draw(&[1.0; 3], 4).unwrap().len(), 4 * 6);
        for error in [pairs.record(&[0.0]), pairs.draw(&[1.0; 3], 1).map(drop)] {
            assert!(error.unwrap_err().to_string().contains("values for 4 pairs"));
        }
        pairs.record(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(pairs.n_pairs(), 4);
    }

    #[test]
    fn an_exhausted_size_leaves_nothing_to_chance() {
        let mut pairs = EvaluatedPairs::new(SymmetricSemivalue::shapley(5), 1).unwrap();
        let rows = pairs.draw(&[1.0; 2], 15).unwrap().len() / 5;
        assert_eq!(rows, 15);
        pairs.record(&[1.0; 15]).unwrap();
        for of_size in pairs.sizes() {
            assert_eq!(of_size.counts::<GROUPS>(), [of_size.len() as f64; GROUPS]);
        }
    }
}
