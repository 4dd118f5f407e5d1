//! Sharing where the points of one member do not share with one another.
//!
//! Across a gap between two prices a coalition shares `min(D, S, least over members i of D + S - d_i - s_i)`: what
//! one member has on both sides goes to others, or comes from them. The sum over gaps is still what the
//! best transport gains.

use super::merit_order::{Kind, Offer};
use super::sides::Side;

/// Members with both deficits and surpluses, the only ones whom this concerns: their sides and rows.
#[derive(Debug)]
pub(super) struct Owned {
    by_member: std::collections::HashMap<usize, Vec<(usize, Vec<f64>)>>,
}

impl Owned {
    pub fn new(sides: &[Side]) -> Self {
        let mut by_member: std::collections::HashMap<usize, Vec<(usize, Vec<f64>)>> =
            std::collections::HashMap::new();
        for (number, side) in sides.iter().enumerate() {
            for (member, row) in side.rows() {
                by_member.entry(member).or_default().push((number, row.to_vec()));
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
    members: &[usize],
) -> f64 {
    let mut gain = 0.0;
    for kind in kinds {
        let mut rank = vec![usize::MAX; kind.order.len()];
        let mut offers = Vec::new();
        for &side in &kind.order {
            if let Some(offer) = offer(side) {
                rank[side] = offers.len();
                offers.push(offer);
            }
        }
        let present: Vec<Vec<(usize, &[f64])>> = members
            .iter()
            .filter_map(|member| owned.by_member.get(member))
            .map(|rows| rows.iter().map(|(side, row)| (rank[*side], &row[..])).collect())
            .collect();
        for place in kind.first..kind.end {
            let both = |rows: &[(usize, &[f64])], below: usize| -> (f64, f64) {
                rows.iter().fold((0.0, 0.0), |(deficit, surplus), &(rank, row)| {
                    match (offers[rank].is_deficit, rank > below) {
                        (true, true) => (deficit + row[place], surplus),
                        (false, false) => (deficit, surplus + row[place]),
                        _ => (deficit, surplus),
                    }
                })
            };
            let all: Vec<(usize, &[f64])> =
                offers.iter().enumerate().map(|(rank, offer)| (rank, offer.energy)).collect();
            for below in 0..offers.len().saturating_sub(1) {
                let width = offers[below + 1].price[place] - offers[below].price[place];
                if width <= 0.0 {
                    continue;
                }
                let (deficit, surplus) = both(&all, below);
                let mut met = deficit.min(surplus);
                for rows in &present {
                    let (own_deficit, own_surplus) = both(rows, below);
                    met = met.min((deficit - own_deficit) + (surplus - own_surplus));
                }
                // Rounding may leave a trace of what others have where they have nothing.
                gain += width * met.max(0.0);
            }
        }
    }
    gain
}
