//! Strategically equivalent games: other units, and something for each member by itself.

use std::sync::Arc;

use super::check_finite;
use crate::coalition::Coalition;
use crate::error::{Error, Result};
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::progress::Progress;

/// `w(S) = factor v(S) + sum of offset_i over S`. With a negative factor what is a cost becomes a gain.
pub struct StrategicEquivalent {
    game: Arc<dyn NativeGame>,
    factor: f64,
    offsets: Vec<f64>,
}

impl StrategicEquivalent {
    /// A game times `factor`, with `offsets` of its players.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when a number is not finite, or there is not one offset for each player.
    pub fn new(game: Arc<dyn NativeGame>, factor: f64, offsets: Vec<f64>) -> Result<Self> {
        check_finite("factor", &[factor])?;
        check_finite("offsets", &offsets)?;
        if offsets.len() != game.n_players() {
            return Err(Error::InvalidInput(format!(
                "{} offsets for {} players",
                offsets.len(),
                game.n_players()
            )));
        }
        Ok(Self { game, factor, offsets })
    }
}

impl NativeGame for StrategicEquivalent {
    fn n_players(&self) -> usize {
        self.game.n_players()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(EquivalentWalker {
            inner: self.game.walker(progress),
            factor: self.factor,
            offsets: &self.offsets,
            members: vec![false; self.offsets.len()],
            taken: Vec::new(),
        })
    }

    fn is_side_by_side(&self) -> bool {
        self.game.is_side_by_side()
    }

    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        let inner = self.game.ranges()?;
        Some(Box::new(EquivalentRanges { inner, factor: self.factor, offsets: &self.offsets }))
    }

    /// Covariance: the Shapley value times the factor, and each its offset.
    fn shapley_value(&self, progress: &Progress) -> Option<Result<ExactShares>> {
        Some(self.game.shapley_value(progress)?.map(|mut shares| {
            for (value, offset) in shares.values.iter_mut().zip(&self.offsets) {
                *value = self.factor * *value + offset;
            }
            shares.error *= self.factor.abs();
            shares
        }))
    }
}

/// The offsets of the members, from the last player to the first: the bits depend on who they are alone.
fn sum_of_offsets(offsets: &[f64], is_member: impl Fn(usize) -> bool) -> f64 {
    offsets
        .iter()
        .enumerate()
        .rev()
        .filter(|(player, _)| is_member(*player))
        .map(|(_, offset)| offset)
        .sum()
}

struct EquivalentWalker<'a> {
    inner: Box<dyn Walker + 'a>,
    factor: f64,
    offsets: &'a [f64],
    members: Vec<bool>,
    /// The places of coalitions that are taken, and their offsets.
    taken: Vec<(usize, f64)>,
}

impl Walker for EquivalentWalker<'_> {
    fn clear(&mut self) {
        self.inner.clear();
        self.members.fill(false);
    }

    fn add(&mut self, player: usize) {
        self.inner.add(player);
        self.members[player] = true;
    }

    fn remove(&mut self, player: usize) {
        self.inner.remove(player);
        self.members[player] = false;
    }

    fn value(&mut self) -> f64 {
        let own = sum_of_offsets(self.offsets, |player| self.members[player]);
        self.factor * self.inner.value() + own
    }

    fn enqueue(&mut self, place: usize) -> bool {
        if !self.inner.enqueue(self.taken.len()) {
            return false;
        }
        let own = sum_of_offsets(self.offsets, |player| self.members[player]);
        self.taken.push((place, own));
        true
    }

    fn finish(&mut self, put: &mut dyn FnMut(usize, f64)) {
        self.inner.finish(&mut |taken, value| {
            let (place, own) = self.taken[taken];
            put(place, self.factor * value + own);
        });
        self.taken.clear();
    }
}

struct EquivalentRanges<'a> {
    inner: Box<dyn Ranges + 'a>,
    factor: f64,
    offsets: &'a [f64],
}

impl Ranges for EquivalentRanges<'_> {
    fn fill(&mut self, first: Coalition, values: &mut [f64]) {
        self.inner.fill(first, values);
        for (coalition, value) in (first..).zip(values) {
            let own = sum_of_offsets(self.offsets, |player| coalition >> player & 1 == 1);
            *value = self.factor * *value + own;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumeration::tabulate;
    use crate::games::AirportGame;

    #[test]
    fn savings_are_what_members_pay_alone_less_what_they_pay_together() {
        let costs = vec![4.0, 8.0, 11.0];
        let game = Arc::new(AirportGame::new(costs.clone()).unwrap());
        let savings = StrategicEquivalent::new(game, -1.0, costs).unwrap();
        let table = tabulate(&savings, &Progress::new()).unwrap();
        assert_eq!(table, [0.0, 0.0, 0.0, 4.0, 0.0, 4.0, 8.0, 12.0]);
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let game = || -> Arc<dyn NativeGame> { Arc::new(AirportGame::new(vec![1.0]).unwrap()) };
        assert!(StrategicEquivalent::new(game(), f64::NAN, vec![0.0]).is_err());
        assert!(StrategicEquivalent::new(game(), 1.0, vec![]).is_err());
    }
}
