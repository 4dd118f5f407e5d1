//! Which ranks are occupied: sets of small integers whose lowest and highest element are found in
//! constant time.

/// A set of ranks below a bound that is fixed when it is made.
pub(super) trait RankSet: Send {
    /// The empty set of ranks below `bound`.
    fn new(bound: usize) -> Self;
    /// Adds a rank, which may be there already.
    fn insert(&mut self, rank: u32);
    /// Removes a rank that is there.
    fn remove(&mut self, rank: u32);
    /// The lowest rank.
    fn first(&self) -> Option<u32>;
    /// The highest rank.
    fn last(&self) -> Option<u32>;
}

/// Up to 64 ranks: enough for a tariff of a dozen price pairs, and kept in a register.
#[derive(Debug)]
pub(super) struct Word(u64);

impl Word {
    /// The number of ranks that fit.
    pub const CAPACITY: usize = u64::BITS as usize;
}

impl RankSet for Word {
    fn new(bound: usize) -> Self {
        assert!(bound <= Self::CAPACITY);
        Self(0)
    }

    fn insert(&mut self, rank: u32) {
        self.0 |= 1 << rank;
    }

    fn remove(&mut self, rank: u32) {
        self.0 &= !(1 << rank);
    }

    fn first(&self) -> Option<u32> {
        (self.0 != 0).then(|| self.0.trailing_zeros())
    }

    fn last(&self) -> Option<u32> {
        self.0.checked_ilog2()
    }
}

/// Any number of ranks: a tree of words in which a bit says that the word below it is not empty.
/// Three levels serve 262,144 ranks, a year of quarter-hours with a price of its own in each.
#[derive(Debug)]
pub(super) struct WordTree {
    /// The lowest level first, the highest is a single word.
    levels: Vec<Box<[u64]>>,
}

impl RankSet for WordTree {
    fn new(bound: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = bound;
        while words > 1 || levels.is_empty() {
            words = words.div_ceil(Word::CAPACITY);
            levels.push(vec![0; words].into());
        }
        Self { levels }
    }

    fn insert(&mut self, rank: u32) {
        let mut index = rank;
        for level in &mut self.levels {
            let word = &mut level[(index / u64::BITS) as usize];
            let was_empty = *word == 0;
            *word |= 1 << (index % u64::BITS);
            if !was_empty {
                return;
            }
            index /= u64::BITS;
        }
    }

    fn remove(&mut self, rank: u32) {
        let mut index = rank;
        for level in &mut self.levels {
            let word = &mut level[(index / u64::BITS) as usize];
            *word &= !(1 << (index % u64::BITS));
            if *word != 0 {
                return;
            }
            index /= u64::BITS;
        }
    }

    fn first(&self) -> Option<u32> {
        self.descend(u64::trailing_zeros)
    }

    fn last(&self) -> Option<u32> {
        self.descend(u64::ilog2)
    }
}

impl WordTree {
    /// From the root down to a rank, along the bit that `bit` picks from each word.
    fn descend(&self, bit: impl Fn(u64) -> u32) -> Option<u32> {
        let (root, below) = self.levels.split_last()?;
        let step = |index: u32, word: u64| index * u64::BITS + bit(word);
        (root[0] != 0).then(|| {
            let top = step(0, root[0]);
            below.iter().rev().fold(top, |index, level| step(index, level[index as usize]))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn behaves_like_a_sorted_set<R: RankSet>(bound: u32) {
        let mut ranks = R::new(bound as usize);
        let mut expected = BTreeSet::new();
        let mut state = 1_u32;
        for _ in 0..5_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let rank = (state >> 8) % bound;
            if expected.contains(&rank) {
                ranks.remove(rank);
                expected.remove(&rank);
            } else if state % 3 != 0 {
                ranks.insert(rank);
                expected.insert(rank);
            } else if let Some(lowest) = expected.pop_first() {
                ranks.remove(lowest);
            }
            assert_eq!(ranks.first(), expected.first().copied());
            assert_eq!(ranks.last(), expected.last().copied());
        }
    }

    #[test]
    fn a_word_behaves_like_a_sorted_set() {
        behaves_like_a_sorted_set::<Word>(5);
        behaves_like_a_sorted_set::<Word>(64);
    }

    #[test]
    fn a_tree_of_words_behaves_like_a_sorted_set() {
        for bound in [1, 64, 65, 4_096, 4_097, 300_000] {
            behaves_like_a_sorted_set::<WordTree>(bound);
        }
    }
}
