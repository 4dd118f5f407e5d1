//! The nucleolus of a matching market in polynomial time.
//!
//! It is in the core, and only participants alone and pairs matter for it (Solymosi and Raghavan 1994).
//! So it makes the smallest of the slacks `x_i - x_k - b_ik` as large as possible, then the next, and so
//! on. Along a cycle of places the slacks sum to what no `x` changes: the smallest slack is at most the
//! least mean of a cycle, and reaches it. The slacks of that cycle are then settled, its places are one,
//! and the same is asked of what is left, until one place is left.
//!
//! The cycle is found by parametric shortest paths (Karp and Orlin 1981; Young, Tarjan and Orlin 1991):
//! a tree of shortest paths of lengths less `level` changes, as the level rises, at levels that are
//! known beforehand, until a change closes a cycle.

use super::matching_core::MatchingCore;
use crate::error::Result;
use crate::progress::Progress;

/// The nucleolus of a matching market.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchingNucleolus {
    /// What each row gets, and then each column.
    pub payoffs: Vec<f64>,
    /// The slack at which each further cycle of coalitions was settled, rising: what they get more
    /// than they are worth.
    pub levels: Vec<f64>,
}

impl MatchingCore {
    /// The nucleolus: at most `min(m, n)` cycles, each of which takes `O(n^3)`.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`].
    pub fn nucleolus(&self, progress: &Progress) -> Result<MatchingNucleolus> {
        let size = self.size();
        let mut left = Left {
            length: (0..size * size).map(|arc| self.slack(arc / size, arc % size)).collect(),
            size,
            places: (0..size).collect(),
            members: (0..size).map(|place| vec![place]).collect(),
            above: vec![0.0; size],
        };
        let mut levels = Vec::with_capacity(size - 1);
        progress.set_total(size as u64 - 1);
        while left.places.len() > 1 {
            let before = left.places.len();
            let from = levels.last().copied().unwrap_or(f64::NEG_INFINITY);
            levels.push(left.settle(from, progress)?);
            progress.advance((before - left.places.len()) as u64)?;
        }
        Ok(MatchingNucleolus { payoffs: self.raised(&left.above), levels })
    }
}

/// What is not settled yet: places that stand for all whose numbers differ by what is settled.
struct Left {
    /// The least slack of the coalitions between two places, by rows of `size`.
    length: Vec<f64>,
    size: usize,
    places: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// How far each number is above where it began.
    above: Vec<f64>,
}

impl Left {
    fn length(&self, from: usize, to: usize) -> f64 {
        self.length[from * self.size + to]
    }

    /// Settles the cycle of the least mean slack, and returns that.
    fn settle(&mut self, from: f64, progress: &Progress) -> Result<f64> {
        let Cycle { level, raise, places } = Tree::new(self).rise(from, progress)?;
        for &i in &self.places {
            for &member in &self.members[i] {
                self.above[member] += raise[i];
            }
            for &k in &self.places {
                self.length[i * self.size + k] += raise[i] - raise[k];
            }
        }
        let one = places[0];
        self.places.retain(|place| *place == one || !places.contains(place));
        for &other in &places[1..] {
            let joining = std::mem::take(&mut self.members[other]);
            self.members[one].extend(joining);
            for &place in &self.places {
                let out = self.length(one, place).min(self.length(other, place));
                let back = self.length(place, one).min(self.length(place, other));
                self.length[one * self.size + place] = out;
                self.length[place * self.size + one] = back;
            }
        }
        Ok(level)
    }
}

/// A cycle whose mean is the least.
struct Cycle {
    level: f64,
    /// By how much each place rises, so that no slack is below the level.
    raise: Vec<f64>,
    places: Vec<usize>,
}

/// Shortest paths to each place, from anywhere, of lengths less a level: the length of a path is
/// `length - level * arcs`.
struct Tree<'a> {
    left: &'a Left,
    parent: Vec<Option<usize>>,
    length: Vec<f64>,
    arcs: Vec<u32>,
    /// The level from which on a path to each place is shorter by way of another one, and that one.
    next: Vec<(f64, usize)>,
}

impl<'a> Tree<'a> {
    /// At a level below all lengths, where the path of no arc is the shortest.
    fn new(left: &'a Left) -> Self {
        let mut tree = Self {
            left,
            parent: vec![None; left.size],
            length: vec![0.0; left.size],
            arcs: vec![0; left.size],
            next: vec![(f64::INFINITY, 0); left.size],
        };
        for &place in &left.places {
            tree.next[place] = tree.next_change(place);
        }
        tree
    }

    /// The level from which on the path to `to` is shorter by way of `from`, if there is one.
    fn change(&self, from: usize, to: usize) -> f64 {
        let more = i64::from(self.arcs[from]) + 1 - i64::from(self.arcs[to]);
        if more <= 0 {
            return f64::INFINITY;
        }
        (self.length[from] + self.left.length(from, to) - self.length[to]) / more as f64
    }

    fn next_change(&self, to: usize) -> (f64, usize) {
        let mut next = (f64::INFINITY, to);
        for &from in self.left.places.iter().filter(|&&from| from != to) {
            let level = self.change(from, to);
            if level < next.0 {
                next = (level, from);
            }
        }
        next
    }

    /// Raises the level until a change closes a cycle.
    fn rise(mut self, from: f64, progress: &Progress) -> Result<Cycle> {
        let mut level = from;
        loop {
            progress.check()?;
            let mut to = self.left.places[0];
            for &place in &self.left.places {
                if self.next[place].0 < self.next[to].0 {
                    to = place;
                }
            }
            let (change, from) = self.next[to];
            // Below only by rounding.
            level = level.max(change);
            let mut path = vec![from];
            while path[path.len() - 1] != to {
                match self.parent[path[path.len() - 1]] {
                    Some(before) => path.push(before),
                    None => break,
                }
            }
            if path[path.len() - 1] == to {
                let raise = |place: usize| self.length[place] - level * f64::from(self.arcs[place]);
                let raise = (0..self.left.size).map(raise).collect();
                return Ok(Cycle { level, raise, places: path });
            }
            self.hang(to, from);
        }
    }

    /// Lets the path to a place, and to all behind it, lead by way of another one.
    fn hang(&mut self, to: usize, from: usize) {
        let longer = self.length[from] + self.left.length(from, to) - self.length[to];
        let more = self.arcs[from] + 1 - self.arcs[to];
        self.parent[to] = Some(from);
        let behind = self.behind(to);
        for &place in &behind {
            self.length[place] += longer;
            self.arcs[place] += more;
        }
        for &place in &behind {
            self.next[place] = self.next_change(place);
        }
        // By way of these, the paths to others get shorter sooner than before.
        for &place in &self.left.places {
            for &way in behind.iter().filter(|&&way| way != place) {
                let level = self.change(way, place);
                if level < self.next[place].0 {
                    self.next[place] = (level, way);
                }
            }
        }
    }

    /// A place, and all to whom the path leads by way of it.
    fn behind(&self, place: usize) -> Vec<usize> {
        let mut children = vec![Vec::new(); self.left.size];
        for &other in &self.left.places {
            if let Some(parent) = self.parent[other] {
                children[parent].push(other);
            }
        }
        let mut behind = vec![place];
        let mut done = 0;
        while done < behind.len() {
            let more = std::mem::take(&mut children[behind[done]]);
            behind.extend(more);
            done += 1;
        }
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::super::assignment::Worths;
    use super::*;

    fn nucleolus(rows: &[&[f64]]) -> Vec<f64> {
        let worths = Worths::new(rows.concat(), rows.len(), rows[0].len()).unwrap();
        let progress = Progress::new();
        MatchingCore::new(&worths, &progress).unwrap().nucleolus(&progress).unwrap().payoffs
    }

    #[test]
    fn the_nucleolus_of_the_houses_of_shapley_and_shubik() {
        let found = nucleolus(&[&[5.0, 8.0, 2.0], &[7.0, 9.0, 6.0], &[2.0, 3.0, 0.0]]);
        let expected = [4.0, 17.0 / 3.0, 1.0 / 3.0, 5.0 / 3.0, 4.0, 1.0 / 3.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }

    #[test]
    fn two_by_two() {
        assert_eq!(nucleolus(&[&[6.0, 4.0], &[5.0, 4.0]]), [2.5, 2.0, 3.5, 2.0]);
        assert_eq!(nucleolus(&[&[9.0], &[5.0]]), [2.0, 0.0, 7.0]);
        assert_eq!(nucleolus(&[&[0.0, 0.0]]), [0.0, 0.0, 0.0]);
    }
}
