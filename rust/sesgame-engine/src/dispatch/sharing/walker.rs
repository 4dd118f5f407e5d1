//! The members of a coalition, and what they have on each side.

use std::ops::Range;

use super::merit_order::{self, Kind, LANES, Offer};
use super::own_points;
use super::sides::Side;
use super::transport::Transport;
use super::{Clearing, SharingGame};
use crate::game::Walker;
use crate::partial_sums::{CoalitionSums, PartialSums};
use crate::progress::Progress;

/// Steps for which the coalitions of the three lowest players are worked out together: what they need stays in
/// the nearest cache.
const BLOCK: usize = 4 * LANES;

/// Steps after which somebody who asks to stop is heard: thousands of sides take milliseconds.
const STRETCH: usize = 64 * LANES;

/// Players whose coalitions are evaluated together, and these.
const LOWEST: usize = 3;
const EIGHT: usize = 1 << LOWEST;

pub(super) struct SharingWalker<'a> {
    game: &'a SharingGame,
    alone: PartialSums<'a>,
    sums: Vec<PartialSums<'a>>,
    members: Vec<usize>,
    progress: &'a Progress,
    above: Vec<[f64; LANES]>,
    transport: Transport,
}

impl<'a> SharingWalker<'a> {
    pub fn new(game: &'a SharingGame, progress: &'a Progress) -> Self {
        let sum = |side: &'a Side| PartialSums::new(&side.energy, side.price.len());
        Self {
            game,
            alone: PartialSums::new(&game.alone, 1),
            sums: game.sides.iter().map(sum).collect(),
            members: Vec::new(),
            progress,
            above: Vec::new(),
            transport: Transport::default(),
        }
    }

    /// What the coalition gains by sharing; not a number where nobody waits for it any more.
    pub fn gain(&mut self) -> f64 {
        let (game, sums) = (self.game, &self.sums);
        let offer = |side: usize| {
            (!sums[side].is_empty()).then(|| {
                let Side { is_deficit, price, .. } = &game.sides[side];
                Offer { is_deficit: *is_deficit, price, energy: sums[side].sum() }
            })
        };
        match &game.clearing {
            Clearing::MeritOrder { kinds, owned: None, .. } => {
                let all: Vec<Option<Offer<'_>>> = (0..game.sides.len()).map(offer).collect();
                let mut gains = [0.0; LANES];
                let mut offers = Vec::with_capacity(all.len());
                for (kind, places) in stretches(kinds, STRETCH) {
                    if self.progress.check().is_err() {
                        return f64::NAN;
                    }
                    offers.clear();
                    offers.extend(kind.order.iter().filter_map(|&side| {
                        let Offer { is_deficit, price, energy } = all[side as usize]?;
                        let (price, energy) = (&price[places.clone()], &energy[places.clone()]);
                        Some(Offer { is_deficit, price, energy })
                    }));
                    merit_order::add_gains(&offers, &mut self.above, &mut gains);
                }
                merit_order::total(gains)
            }
            Clearing::MeritOrder { kinds, owned: Some(owned), .. } => {
                own_points::gain(kinds, offer, owned, &game.sides, &self.members, self.progress)
            }
            Clearing::Transport { fee, n_zones, .. } => {
                let offers: Vec<(usize, Offer<'_>)> = (0..game.sides.len())
                    .filter_map(|side| offer(side).map(|offer| (side, offer)))
                    .collect();
                let mut gain = 0.0;
                for step in 0..fee.len() / (n_zones * n_zones) {
                    if self.progress.check().is_err() {
                        return f64::NAN;
                    }
                    gain += game.clear(&offers, step, &mut self.transport).0;
                }
                gain
            }
        }
    }

    /// What the coalition gains together with each coalition of the three lowest players: the bits of
    /// [`Self::gain`].
    fn gains_with_lowest(&mut self) -> Option<[f64; EIGHT]> {
        let game = self.game;
        let Clearing::MeritOrder { kinds, owned: None, .. } = &game.clearing else { return None };
        let mut with_lowest: Vec<CoalitionSums<'_, BLOCK>> =
            self.sums.iter().map(CoalitionSums::new).collect();
        for player in (0..LOWEST).rev() {
            for &(side, place) in &game.places[player] {
                with_lowest[side].push(player, place);
            }
        }
        // Of each side and coalition which sums are its own; none where it has nothing.
        let own: Vec<[Option<usize>; EIGHT]> = with_lowest
            .iter()
            .map(|sums| std::array::from_fn(|coalition| sums.number(coalition)))
            .collect();
        let mut gains = [[0.0; LANES]; EIGHT];
        for (kind, places) in stretches(kinds, BLOCK) {
            if self.progress.check().is_err() {
                return Some([f64::NAN; EIGHT]);
            }
            with_lowest.iter_mut().for_each(|sums| sums.fill(places.clone()));
            let mut offers = Vec::with_capacity(kind.order.len());
            for (coalition, gains) in gains.iter_mut().enumerate() {
                offers.clear();
                for side in kind.order.iter().map(|&side| side as usize) {
                    let Some(number) = own[side][coalition] else { continue };
                    let Side { is_deficit, price, .. } = &game.sides[side];
                    let (price, energy) = (&price[places.clone()], with_lowest[side].sum(number));
                    offers.push(Offer { is_deficit: *is_deficit, price, energy });
                }
                merit_order::add_gains(&offers, &mut self.above, gains);
            }
        }
        Some(gains.map(merit_order::total))
    }
}

/// The places of each kind, so many at a time: whole rounds of lanes but for the last, so that sums are the same.
fn stretches(kinds: &[Kind], length: usize) -> impl Iterator<Item = (&Kind, Range<usize>)> {
    kinds.iter().flat_map(move |kind| {
        let firsts = kind.places.clone().step_by(length);
        firsts.map(move |first| (kind, first..kind.places.end.min(first + length)))
    })
}

impl Walker for SharingWalker<'_> {
    fn clear(&mut self) {
        self.alone.clear();
        self.sums.iter_mut().for_each(PartialSums::clear);
        self.members.clear();
    }

    fn add(&mut self, player: usize) {
        self.alone.add(player);
        self.members.push(player);
        for &(side, place) in &self.game.places[player] {
            self.sums[side].add(place);
        }
    }

    fn remove(&mut self, player: usize) {
        self.alone.remove(player);
        let place = self.members.iter().rposition(|&member| member == player);
        self.members.remove(place.expect("only a member can be removed"));
        for &(side, place) in &self.game.places[player] {
            self.sums[side].remove(place);
        }
    }

    fn value(&mut self) -> f64 {
        let gain = match (&self.game.only_with_others, &self.members[..]) {
            (Some(_), [_]) => 0.0,
            _ => self.gain(),
        };
        self.alone.sum()[0] - gain
    }

    fn values_with_lowest(&mut self) -> Option<[f64; EIGHT]> {
        let gains = self.gains_with_lowest()?;
        let base = self.alone.sum()[0];
        Some(std::array::from_fn(|coalition| {
            let members = (0..LOWEST).rev().filter(|player| coalition >> player & 1 == 1);
            let alone = members.fold(base, |sum, player| sum + self.game.alone[player]);
            let n_members = self.members.len() + coalition.count_ones() as usize;
            let is_alone = n_members == 1 && self.game.only_with_others.is_some();
            alone - if is_alone { 0.0 } else { gains[coalition] }
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::dispatch::sharing::OwnPoints;
    use crate::dispatch::sharing::oracle::World;
    use crate::enumeration::{tabulate, values};
    use crate::game::NativeGame;
    use crate::progress::Progress;

    #[test]
    fn the_bits_of_a_coalition_are_the_same_alone_and_among_eight() {
        // Steps around a block and around the lanes; sides of nobody, of one member, and of several.
        for (n_groups, n_steps) in [(1, 1), (2, 7), (3, 64), (9, 65), (4, 150)] {
            let world = World::uneven(5, 9, n_groups, n_steps);
            for own_points in [OwnPoints::Always, OwnPoints::WithOthers] {
                let game = world.game(own_points);
                let all = |coalition: usize| (0..9).map(move |player| coalition >> player & 1 == 1);
                let membership: Vec<bool> = (0..512).rev().flat_map(all).collect();
                let mut one_by_one = values(&game, &membership, &Progress::new()).unwrap();
                one_by_one.reverse();
                assert_eq!(tabulate(&game, &Progress::new()).unwrap(), one_by_one);
            }
        }
    }

    #[test]
    fn who_left_leaves_no_trace() {
        let world = World::uneven(6, 40, 3, 20);
        let (game, progress) = (world.game(OwnPoints::Always), Progress::new());
        let (mut walker, mut fresh) = (game.walker(&progress), game.walker(&progress));
        (0..40).for_each(|player| walker.add(player));
        for leaves in [39, 0, 20] {
            walker.remove(leaves);
        }
        (1..39).filter(|&player| player != 20).for_each(|player| fresh.add(player));
        assert_eq!(walker.value(), fresh.value());
    }
}
