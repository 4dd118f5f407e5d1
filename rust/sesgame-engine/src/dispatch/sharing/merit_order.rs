//! Sharing at one fee: in each step the dearest buyers and the cheapest sellers come first.
//!
//! With `D(p)` the deficits that cost at least `p` outside and `S(p)` the surpluses that ask at most `p`, fee
//! included, a coalition gains the integral of `min(D(p), S(p))` over `p`: one term for each gap between
//! two neighbouring prices.

use super::sides::Side;

/// Steps that are worked on together, and running sums, whatever the width of the processor's vectors: the
/// same bits everywhere. What they need stays in the nearest cache.
const BLOCK: usize = 64;

/// Orders of prices that are tried before a step's prices are sorted.
const TRIED: usize = 8;

/// Steps in which the prices of all sides have the same order.
#[derive(Debug)]
pub(super) struct Kind {
    /// The places of the steps, which follow one another.
    pub first: usize,
    pub end: usize,
    /// The sides by price, the lowest first.
    pub order: Vec<usize>,
}

/// Brings together the steps in which prices have one order. Gives the kinds, and the step at each place.
pub(super) fn kinds(sides: &[Side], n_steps: usize) -> (Vec<Kind>, Vec<usize>) {
    let mut found: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for step in 0..n_steps {
        let price = |side: usize| sides[side].price[step];
        let holds = |order: &[usize]| order.is_sorted_by(|&one, &two| price(one) <= price(two));
        let recent = found.len().saturating_sub(TRIED);
        let kind = (recent..found.len()).rev().find(|&kind| holds(&found[kind].0));
        let kind = kind.unwrap_or_else(|| {
            let mut order: Vec<usize> = (0..sides.len()).collect();
            order.sort_by(|&one, &two| price(one).total_cmp(&price(two)));
            *known.entry(order.clone()).or_insert_with(|| {
                found.push((order, Vec::new()));
                found.len() - 1
            })
        });
        found[kind].1.push(step);
    }
    let mut places = Vec::with_capacity(n_steps);
    let kinds = found
        .into_iter()
        .map(|(order, steps)| {
            let first = places.len();
            places.extend(steps);
            Kind { first, end: places.len(), order }
        })
        .collect();
    (kinds, places)
}

/// A side as a coalition has it: its prices, and the sum of its members' energy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer<'a> {
    pub is_deficit: bool,
    pub price: &'a [f64],
    pub energy: &'a [f64],
}

/// Room for what [`gain`] works with.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Of a block, the deficits from the dearest down: none, one side, two sides, and so on.
    above: Vec<[f64; BLOCK]>,
}

/// What a coalition gains in the steps of all kinds; `offer` gives its sides, none where it has nothing.
pub(super) fn gain<'a>(
    kinds: &[Kind],
    mut offer: impl FnMut(usize) -> Option<Offer<'a>>,
    scratch: &mut Scratch,
) -> f64 {
    let mut sums = [0.0; BLOCK];
    let mut offers = Vec::new();
    for kind in kinds {
        offers.clear();
        offers.extend(kind.order.iter().filter_map(|&side| offer(side)));
        // Below the first surplus there is nobody to sell, above the last deficit nobody to buy.
        let first = offers.iter().position(|offer| !offer.is_deficit);
        let last = offers.iter().rposition(|offer| offer.is_deficit);
        if let (Some(first), Some(last)) = (first, last)
            && first < last
        {
            add_gains(&offers[first..=last], kind.first, kind.end, scratch, &mut sums);
        }
    }
    let mut width = BLOCK;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add_gains<'a>(
    offers: &[Offer<'a>],
    first: usize,
    end: usize,
    scratch: &mut Scratch,
    sums: &mut [f64; BLOCK],
) {
    if let [surplus, deficit] = offers {
        // One price of each: nothing has to be added up.
        for place in (first..end).step_by(BLOCK) {
            let part = place..end.min(place + BLOCK);
            let (low, high) = (&surplus.price[part.clone()], &deficit.price[part.clone()]);
            let (sold, bought) = (&surplus.energy[part.clone()], &deficit.energy[part]);
            for (step, sum) in sums.iter_mut().enumerate().take(low.len()) {
                let met = if bought[step] < sold[step] { bought[step] } else { sold[step] };
                *sum += (high[step] - low[step]) * met;
            }
        }
        return;
    }
    let n_deficits = offers.iter().filter(|offer| offer.is_deficit).count();
    if scratch.above.len() <= n_deficits {
        scratch.above.resize(n_deficits + 1, [0.0; BLOCK]);
    }
    let mut surplus = [0.0; BLOCK];
    for place in (first..end).step_by(BLOCK) {
        let length = BLOCK.min(end - place);
        let sums = &mut sums[..length];
        let surplus = &mut surplus[..length];
        let deficits = offers.iter().rev().filter(|offer| offer.is_deficit);
        for (level, offer) in deficits.enumerate() {
            let (below, above) = scratch.above.split_at_mut(level + 1);
            let energy = &offer.energy[place..place + length];
            let sum = above[0][..length].iter_mut().zip(&below[level][..length]);
            sum.zip(energy).for_each(|((sum, below), energy)| *sum = below + energy);
        }
        surplus.fill(0.0);
        let mut level = n_deficits;
        for (offer, next) in offers.iter().zip(&offers[1..]) {
            if offer.is_deficit {
                level -= 1;
            } else {
                let energy = &offer.energy[place..place + length];
                surplus.iter_mut().zip(energy).for_each(|(sum, energy)| *sum += energy);
            }
            let low = &offer.price[place..place + length];
            let high = &next.price[place..place + length];
            let above = &scratch.above[level][..length];
            for step in 0..length {
                let (bought, sold) = (above[step], surplus[step]);
                let met = if bought < sold { bought } else { sold };
                sums[step] += (high[step] - low[step]) * met;
            }
        }
    }
}

/// A gap between two neighbouring prices of a step, across which there is somebody on either side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub kind: u32,
    /// In the kind's order: sides up to here are below the gap, the others above.
    pub below: u32,
    pub place: u32,
    pub width: f64,
}

/// All gaps of all steps.
pub(super) fn gaps(sides: &[Side], kinds: &[Kind]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        let first = kind.order.iter().position(|&side| !sides[side].is_deficit);
        let last = kind.order.iter().rposition(|&side| sides[side].is_deficit);
        let (Some(first), Some(last)) = (first, last) else { continue };
        for below in first..last.max(first) {
            let [low, high] = [below, below + 1].map(|at| &sides[kind.order[at]].price);
            for place in kind.first..kind.end {
                let width = high[place] - low[place];
                if width > 0.0 {
                    let [kind, below, place] = [number, below, place].map(|n| n as u32);
                    gaps.push(Gap { kind, below, place, width });
                }
            }
        }
    }
    gaps
}
