//! Sharing where the points of one member do not share with one another.
//!
//! Across a gap between two prices a coalition shares `min(D, S, least over members i of D + S - d_i - s_i)`: what
//! one member has on both sides goes to others, or comes from them. The sum over gaps is still what the
//! best transport gains.

use std::collections::HashMap;

use super::merit_order::{Kind, Offer};
use super::sides::Side;
use crate::progress::Progress;

/// Members with both deficits and surpluses, the only ones whom this concerns: their sides, and the places of
/// their rows there.
#[derive(Debug)]
pub(super) struct Owned {
    by_member: HashMap<usize, Vec<(usize, usize)>>,
}

impl Owned {
    pub fn new(sides: &[Side]) -> Self {
        let mut by_member: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        for (number, side) in sides.iter().enumerate() {
            for (place, &member) in side.members.iter().enumerate() {
                by_member.entry(member).or_default().push((number, place));
            }
        }
        by_member.retain(|_, rows| {
            let some =
                |is_deficit| rows.iter().any(|&(side, _)| sides[side].is_deficit == is_deficit);
            some(true) && some(false)
        });
        Self { by_member }
    }

    pub fn is_empty(&self) -> bool {
        self.by_member.is_empty()
    }
}

/// What a coalition gains in the steps of all kinds.
pub(super) fn gain<'a>(
    kinds: &[Kind],
    mut offer: impl FnMut(usize) -> Option<Offer<'a>>,
    owned: &Owned,
    sides: &[Side],
    members: &[usize],
    progress: &Progress,
) -> f64 {
    let mut gain = 0.0;
    for kind in kinds {
        let mut rank = vec![usize::MAX; kind.order.len()];
        let mut offers = Vec::new();
        for side in kind.order.iter().map(|&side| side as usize) {
            if let Some(offer) = offer(side) {
                rank[side] = offers.len();
                offers.push(offer);
            }
        }
        let present: Vec<Vec<(usize, &[f64])>> = members
            .iter()
            .filter_map(|member| owned.by_member.get(member))
            .map(|rows| {
                let row = |&(side, place): &(usize, usize)| (rank[side], sides[side].row(place));
                rows.iter().map(row).collect()
            })
            .collect();
        let mut above = vec![0.0; offers.len()];
        for place in kind.places.clone() {
            if progress.check().is_err() {
                return f64::NAN;
            }
            // From the dearest down what deficits above each gap add up to; surpluses come as prices climb.
            let mut deficit = 0.0;
            for (above, offer) in above.iter_mut().zip(&offers).rev() {
                *above = deficit;
                deficit += if offer.is_deficit { offer.energy[place] } else { 0.0 };
            }
            let all_of = |rows: &Vec<(usize, &[f64])>| rows.iter().map(|(_, row)| row[place]).sum();
            let largest = present.iter().map(all_of).fold(0.0, f64::max);
            let mut surplus = 0.0;
            for below in 0..offers.len().saturating_sub(1) {
                let (offer, next) = (&offers[below], &offers[below + 1]);
                surplus += if offer.is_deficit { 0.0 } else { offer.energy[place] };
                let deficit = above[below];
                let mut met = f64::min(deficit, surplus);
                // Who has no more than all buyers, or than all sellers, bounds nothing.
                if largest > f64::max(deficit, surplus) {
                    for rows in &present {
                        let counts = |&&(rank, _): &&(usize, &[f64])| {
                            offers[rank].is_deficit == (rank > below)
                        };
                        let own: f64 = rows.iter().filter(counts).map(|(_, row)| row[place]).sum();
                        met = met.min(deficit + surplus - own);
                    }
                }
                // Rounding may leave a trace of what others have where they have nothing.
                gain += (next.price[place] - offer.price[place]) * met.max(0.0);
            }
        }
    }
    gain
}

#[cfg(test)]
mod tests {
    use crate::dispatch::sharing::OwnPoints;
    use crate::dispatch::sharing::oracle::World;
    use crate::game::NativeGame;
    use crate::progress::Progress;

    /// Members with the given deficits and surpluses of one step, at a gap of one between the prices.
    fn world(energy: &[(f64, f64)]) -> World {
        let n = energy.len();
        World {
            n_members: n,
            n_steps: 1,
            n_zones: 1,
            member: (0..n).collect(),
            group: vec![0; n],
            import: energy.iter().map(|&(deficit, _)| vec![deficit]).collect(),
            export: energy.iter().map(|&(_, surplus)| vec![surplus]).collect(),
            zone: vec![0],
            buy: vec![1.0],
            sell: vec![0.0],
            fee: vec![0.0],
            alone: vec![0.0; n],
        }
    }

    #[test]
    fn what_one_member_has_on_both_sides_goes_to_others_or_comes_from_them() {
        for (energy, gain) in [
            (&[(2.0, 3.0)][..], 0.0),
            (&[(2.0, 3.0), (1.0, 0.0)], 1.0),
            (&[(2.0, 3.0), (9.0, 0.5)], 3.5),
            (&[(2.0, 3.0), (2.0, 3.0)], 4.0),
            (&[(5.0, 5.0), (1.0, 1.0), (1.0, 0.0)], 3.0),
        ] {
            let (game, progress) = (world(energy).game(OwnPoints::Never), Progress::new());
            let mut walker = game.walker(&progress);
            (0..energy.len()).for_each(|member| walker.add(member));
            assert_eq!(walker.value(), -gain, "{energy:?}");
        }
    }
}
