//! The gaps between neighbouring prices of a step, across which members share: the game as a sum of them.

use std::ops::Range;

use super::SharingGame;
use super::merit_order::Kind;
use super::sides::Side;

/// A gap between two neighbouring prices of a step, across which there is somebody on either side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    kind: usize,
    /// In the kind's order: sides up to here are below the gap, the others above.
    below: usize,
    place: usize,
    pub width: f64,
}

/// The gaps of all steps, those without width included.
#[derive(Debug)]
pub(super) struct Gaps {
    /// Of each kind the number of its first gap, and the ranks of sides from the lowest surplus to the dearest
    /// deficit.
    kinds: Vec<(usize, Range<usize>)>,
    count: usize,
}

impl Gaps {
    pub fn new(sides: &[Side], kinds: &[Kind]) -> Self {
        let mut count = 0;
        let kinds = kinds
            .iter()
            .map(|kind| {
                let is_deficit = |&side: &u32| sides[side as usize].is_deficit;
                let first = kind.order.iter().position(|side| !is_deficit(side));
                let last = kind.order.iter().rposition(is_deficit);
                let ranks = match (first, last) {
                    (Some(first), Some(last)) if first < last => first..last,
                    _ => 0..0,
                };
                let begin = count;
                count += ranks.len() * kind.places.len();
                (begin, ranks)
            })
            .collect();
        Self { kinds, count }
    }

    pub fn len(&self) -> usize {
        self.count
    }
}

/// The game as `sum of linear + sum over gaps of max(X, 0)`.
#[derive(Debug)]
pub(super) struct Margins {
    pub linear: Vec<f64>,
    pub rows: Vec<f64>,
    pub n_gaps: usize,
}

impl SharingGame {
    pub(super) fn gap(&self, number: usize) -> Gap {
        let (gaps, kinds) = (self.gaps(), self.kinds());
        let kind = gaps.kinds.partition_point(|(begin, _)| *begin <= number) - 1;
        let (begin, ranks) = &gaps.kinds[kind];
        let Kind { places, order } = &kinds[kind];
        let within = number - begin;
        let (below, place) = (ranks.start + within / places.len(), within % places.len());
        let place = places.start + place;
        let [low, high] =
            [below, below + 1].map(|rank| self.sides[order[rank] as usize].price[place]);
        Gap { kind, below, place, width: high - low }
    }

    /// The gaps that are worth anything: equal prices leave none.
    pub(super) fn wide_gaps(&self) -> impl Iterator<Item = Gap> {
        let all = (0..self.gaps().len()).map(|number| self.gap(number));
        all.filter(|gap| gap.width > 0.0)
    }

    /// The deficits above a gap less the surpluses below it, by member.
    pub(super) fn across(&self, gap: Gap) -> Vec<f64> {
        let mut net = vec![0.0; self.n_players];
        for (rank, &side) in self.kinds()[gap.kind].order.iter().enumerate() {
            let side = &self.sides[side as usize];
            if side.is_deficit != (rank > gap.below) {
                continue;
            }
            for (member, row) in side.rows() {
                let energy = row[gap.place];
                net[member] += if side.is_deficit { energy } else { -energy };
            }
        }
        net
    }

    /// What members pay whose coalition shares all that is above gaps: the linear part.
    pub(super) fn all_met(&self) -> Vec<f64> {
        let mut linear = self.alone.clone();
        // Above the lowest surplus each deficit is worth its price less that.
        for Kind { places, order } in self.kinds() {
            let Some(first) = order.iter().position(|&side| !self.sides[side as usize].is_deficit)
            else {
                continue;
            };
            let lowest = &self.sides[order[first] as usize].price;
            for &side in &order[first..] {
                let side = &self.sides[side as usize];
                if !side.is_deficit {
                    continue;
                }
                for (member, row) in side.rows() {
                    linear[member] -= places
                        .clone()
                        .map(|place| (side.price[place] - lowest[place]) * row[place])
                        .sum::<f64>();
                }
            }
        }
        linear
    }

    pub(super) fn margins(&self) -> Margins {
        let gaps: Vec<Gap> = self.wide_gaps().collect();
        let mut rows = vec![0.0; gaps.len() * self.n_players];
        for (number, &gap) in gaps.iter().enumerate() {
            for (member, net) in self.across(gap).into_iter().enumerate() {
                rows[member * gaps.len() + number] = gap.width * net;
            }
        }
        Margins { linear: self.all_met(), rows, n_gaps: gaps.len() }
    }
}

#[cfg(test)]
mod tests {
    use crate::dispatch::sharing::OwnPoints;
    use crate::dispatch::sharing::oracle::World;

    #[test]
    fn where_nobody_sells_or_nobody_buys_there_are_no_gaps() {
        for sells in [true, false] {
            let mut world = World::drawn(1, 1);
            let none = if sells { &mut world.import } else { &mut world.export };
            none.iter_mut().for_each(|register| register.fill(0.0));
            let game = world.game(OwnPoints::Always);
            assert_eq!(game.wide_gaps().count(), 0);
            assert_eq!(game.all_met(), world.alone);
        }
    }

    #[test]
    fn the_linear_part_and_the_gaps_add_up_to_what_coalitions_pay() {
        for seed in 0..150 {
            let world = World::drawn(seed, 1);
            let game = world.game(OwnPoints::Always);
            let margins = game.margins();
            for coalition in 0..1_usize << world.n_members {
                let members = || (0..world.n_members).filter(|m| coalition >> m & 1 == 1);
                let linear: f64 = members().map(|member| margins.linear[member]).sum();
                let gap = |number: usize| {
                    let of = |member: usize| margins.rows[member * margins.n_gaps + number];
                    members().map(of).sum::<f64>().max(0.0)
                };
                let all: f64 = (0..margins.n_gaps).map(gap).sum();
                assert_eq!(linear + all, world.cost(coalition, OwnPoints::Always), "seed {seed}");
            }
        }
    }
}
