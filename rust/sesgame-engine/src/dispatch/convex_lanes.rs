//! Eight pools at once under convex costs of their steps: the recursion of [`super::convex_pool`] on
//! vectors of amounts.
//!
//! Where the kinks of a step are in the same order for every coalition, all pools have the same slopes
//! and differ in lengths only, as in [`super::pool_lanes`]. A rung that a pool does not have is one of
//! length 0. So nothing branches on an amount, and every cost has the bits that the recursion gives it
//! by itself. A pool that a limit forbids to leave its battery as it is goes back to that.

use multiversion::multiversion;

use super::convex_pool::Holding;
use super::exchange_cost::ExchangeCosts;
use super::exchange_segments::{Powers, Terminals};
use super::pool_lanes::{LANES, Lanes, Pools, Segment, add, any, larger, smaller};

/// Members 2, 1 and 0, in the order in which a walker adds them, and in which lanes each is.
const LOWEST: [(usize, Lanes); 3] = [
    (2, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    (1, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]),
    (0, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]),
];

/// What the three lowest members bring, step by step, without what is 0.
#[derive(Debug)]
pub(super) struct Brought {
    /// Where the amounts of each step begin.
    begins: Vec<usize>,
    amounts: Vec<(u32, u32, f64)>,
    holdings: [Holding; 3],
}

impl Brought {
    /// `row` tells the resources of a member in all steps, and `holding` what it has beside.
    pub fn new<'a>(
        n_steps: usize,
        row: impl Fn(usize) -> &'a [f64],
        holding: impl Fn(usize) -> Holding,
    ) -> Self {
        let (mut begins, mut amounts) = (vec![0], Vec::new());
        for step in 0..n_steps {
            for (place, (member, _)) in LOWEST.iter().enumerate() {
                let own = row(*member).iter().skip(step).step_by(n_steps);
                let own = (0..).zip(own).filter(|(_, amount)| **amount != 0.0);
                amounts.extend(own.map(|(resource, amount)| (resource, place as u32, *amount)));
            }
            begins.push(amounts.len());
        }
        Self { begins, amounts, holdings: LOWEST.map(|(member, _)| holding(member)) }
    }

    /// A number of a holding of all pools, when the others in them hold `others`.
    fn joined(&self, others: &Holding, of: impl Fn(&Holding) -> f64) -> Lanes {
        let mut lanes = [of(others); LANES];
        for (own, (_, lanes_of)) in self.holdings.iter().zip(LOWEST) {
            for lane in 0..LANES {
                lanes[lane] += of(own) * lanes_of[lane];
            }
        }
        lanes
    }
}

/// Memory of evaluations.
#[derive(Debug)]
pub(super) struct ConvexLanes {
    pools: Pools,
    /// What the pools bring of each resource in a step.
    resources: Vec<Lanes>,
    kinks: Kinks,
}

/// The kinks of a step from left to right, each with the slope to the left of it.
#[derive(Debug, Default)]
struct Kinks {
    at: Vec<Lanes>,
    slopes: Vec<f64>,
    /// The slope right of all.
    highest: f64,
}

/// The holdings of all pools.
struct Holdings {
    charge: Lanes,
    discharge: Lanes,
    initial_charge: Lanes,
}

/// Pools that share the members beyond the three lowest.
#[derive(Clone, Copy)]
pub(super) struct Eight<'a> {
    pub costs: &'a ExchangeCosts,
    pub terminals: &'a Terminals,
    pub brought: &'a Brought,
    pub caps: &'a [f64],
    /// What the others bring; rows of resources that nobody of them brings may be empty.
    pub series: &'a [&'a [f64]],
    pub holding: &'a Holding,
    /// Of each pattern of kinks, those that count for any of the pools.
    pub active: &'a [Vec<u32>],
}

impl ConvexLanes {
    pub fn new(n_resources: usize) -> Self {
        let resources = vec![[0.0; LANES]; n_resources];
        Self { pools: Pools::new(), resources, kinks: Kinks::default() }
    }

    /// The least costs, but NaN of pools that have to be dispatched by themselves.
    pub fn costs(&mut self, eight: Eight<'_>) -> Lanes {
        let joined = |of: fn(&Holding) -> f64| eight.brought.joined(eight.holding, of);
        let holdings = Holdings {
            charge: joined(|own| own.charge_power),
            discharge: joined(|own| own.discharge_power),
            initial_charge: joined(|own| own.initial_charge),
        };
        self.pools.reset(&joined(|own| own.energy), &holdings.initial_charge);
        run(self, eight, &holdings, joined(|own| own.money))
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn run<'a>(lanes: &mut ConvexLanes, eight: Eight<'a>, holdings: &Holdings, money: Lanes) -> Lanes {
    let ConvexLanes { pools, resources, kinks } = lanes;
    let (mut costs, mut by_themselves) = (money, [0.0; LANES]);
    let mut step = 0;
    while step < eight.costs.n_steps() {
        let mut resource = 0;
        while resource < resources.len() {
            let row = eight.series[resource];
            resources[resource] = [if row.is_empty() { 0.0 } else { row[step] }; LANES];
            resource += 1;
        }
        let mut place = eight.brought.begins[step];
        while place < eight.brought.begins[step + 1] {
            let (resource, member, amount) = eight.brought.amounts[place];
            let (to, of) = (&mut resources[resource as usize], &LOWEST[member as usize].1);
            for lane in 0..LANES {
                to[lane] += amount * of[lane];
            }
            place += 1;
        }
        let (idle, lower, upper) = kinks.fill(&eight, step, resources);
        add(&mut costs, &idle);
        let (mut least, mut most) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            let is_idle = lower[lane] <= 0.0 && upper[lane] >= 0.0;
            by_themselves[lane] += if is_idle { 0.0 } else { f64::NAN };
            least[lane] = larger(lower[lane], -holdings.discharge[lane]);
            most[lane] = smaller(upper[lane], holdings.charge[lane]);
        }
        kinks.fall(eight.terminals, &least, pools);
        waste(eight.terminals, &least, holdings, pools);
        kinks.rise(eight.terminals, &most, pools);
        step += 1;
    }
    let ends = pools.read_end(&holdings.initial_charge);
    for lane in 0..LANES {
        costs[lane] = costs[lane] + ends[lane] + by_themselves[lane];
    }
    costs
}

/// Convolves with what only waste makes of the charge, where a limit leaves a battery more power.
#[inline(always)]
fn waste(terminals: &Terminals, least: &Lanes, holdings: &Holdings, pools: &mut Pools) {
    let slope = terminals.giving_up;
    if !pools.takes_left(slope) {
        return;
    }
    let mut lengths = [0.0; LANES];
    for lane in 0..LANES {
        let powers = Powers { charge: holdings.charge[lane], discharge: holdings.discharge[lane] };
        if terminals.lost > 0.0 && least[lane] > -powers.discharge && least[lane] <= 0.0 {
            lengths[lane] = terminals.given_up(least[lane], powers);
        }
    }
    pools.convolve_left(Segment { slope, lengths });
}

impl Kinks {
    /// Finds the kinks of a step; gives what it costs to leave the batteries as they are, and the limits.
    #[inline(always)]
    fn fill(
        &mut self,
        eight: &Eight<'_>,
        step: usize,
        resources: &[Lanes],
    ) -> (Lanes, Lanes, Lanes) {
        let form = eight.costs.form(step);
        let rises = eight.costs.rises_of(step);
        let active = eight.active[form.pattern].as_slice();
        let slope_before =
            |place: usize| if place == 0 { form.lowest } else { rises[place - 1].slope };
        let (mut lower, mut upper) = ([f64::NEG_INFINITY; LANES], [f64::INFINITY; LANES]);
        let (mut idle, mut at, mut last) = ([0.0; LANES], [0.0; LANES], [f64::NEG_INFINITY; LANES]);
        self.at.clear();
        self.slopes.clear();
        let mut index = 0;
        while index < active.len() {
            let place = active[index] as usize;
            index += 1;
            let rise = &rises[place];
            let is_finite = rise.weight < f64::INFINITY;
            let resource = rise.resource as usize;
            let mut moved = [rise.constant; LANES];
            if resource < resources.len() {
                add(&mut moved, &resources[resource]);
            }
            if rise.is_after_previous() {
                if is_finite && place != form.anchor && !any(&moved) {
                    continue;
                }
                add(&mut at, &moved);
            } else {
                at = moved;
                if let Some(cap) = rise.cap() {
                    add(&mut at, &[eight.caps[cap]; LANES]);
                }
            }
            if is_finite {
                let slope = slope_before(place);
                if place <= form.anchor {
                    for lane in 0..LANES {
                        idle[lane] += slope * (larger(last[lane], 0.0) - larger(at[lane], 0.0));
                    }
                } else {
                    for lane in 0..LANES {
                        idle[lane] += slope * (smaller(at[lane], 0.0) - smaller(last[lane], 0.0));
                    }
                }
                self.at.push(at);
                self.slopes.push(slope);
                last = at;
            } else if rise.slope.is_finite() {
                lower = at;
            } else {
                upper = at;
            }
        }
        let end = rises.len();
        let is_limited = end > 0 && rises[end - 1].slope == f64::INFINITY;
        self.highest = slope_before(end - usize::from(is_limited));
        for lane in 0..LANES {
            idle[lane] += self.highest * (0.0 - smaller(last[lane], 0.0));
        }
        (idle, lower, upper)
    }

    /// The slope of a piece, which lies left of the kink of the same number.
    #[inline(always)]
    fn slope(&self, piece: usize) -> f64 {
        if piece < self.slopes.len() { self.slopes[piece] } else { self.highest }
    }

    /// Convolves with the pieces below no change, from there outwards as far as anything changes.
    #[inline(always)]
    fn fall(&self, terminals: &Terminals, least: &Lanes, pools: &mut Pools) {
        let mut piece = self.at.len();
        while piece > 0 && !any_below(&self.at[piece - 1], &[0.0; LANES]) {
            piece -= 1;
        }
        loop {
            let slope = terminals.delivering(self.slope(piece));
            if !pools.takes_left(slope) {
                return;
            }
            let mut lengths = [0.0; LANES];
            for lane in 0..LANES {
                let to =
                    if piece < self.at.len() { smaller(self.at[piece][lane], 0.0) } else { 0.0 };
                let from = if piece > 0 {
                    larger(self.at[piece - 1][lane], least[lane])
                } else {
                    least[lane]
                };
                lengths[lane] = larger(to - from, 0.0) * terminals.delivered;
            }
            pools.convolve_left(Segment { slope, lengths });
            if piece == 0 || !any_below(least, &self.at[piece - 1]) {
                return;
            }
            piece -= 1;
        }
    }

    /// The same above no change.
    #[inline(always)]
    fn rise(&self, terminals: &Terminals, most: &Lanes, pools: &mut Pools) {
        let mut piece = 0;
        while piece < self.at.len() && !any_below(&[0.0; LANES], &self.at[piece]) {
            piece += 1;
        }
        loop {
            let slope = terminals.drawing(self.slope(piece));
            if !pools.takes_right(slope) {
                return;
            }
            let mut lengths = [0.0; LANES];
            for lane in 0..LANES {
                let from = if piece > 0 { larger(self.at[piece - 1][lane], 0.0) } else { 0.0 };
                let to = if piece < self.at.len() {
                    smaller(self.at[piece][lane], most[lane])
                } else {
                    most[lane]
                };
                lengths[lane] = larger(to - from, 0.0) * terminals.drawn;
            }
            pools.convolve_right(Segment { slope, lengths });
            if piece == self.at.len() || !any_below(&self.at[piece], most) {
                return;
            }
            piece += 1;
        }
    }
}

/// Whether any of some amounts is below the other.
#[inline(always)]
fn any_below(amounts: &Lanes, others: &Lanes) -> bool {
    let mut any = false;
    for lane in 0..LANES {
        any |= amounts[lane] < others[lane];
    }
    any
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::convex_pool::ConvexDispatchGame;
    use super::*;
    use crate::dispatch::{Conversion, Kink, Wear};
    use crate::enumeration::{tabulate, values};
    use crate::game::NativeGame;
    use crate::progress::Progress;

    const STEPS: usize = 24;

    /// Members with a ladder of `rungs` prices, within limits that bind for some, in small numbers full
    /// of ties.
    fn drawn(seed: u64, rungs: usize, is_limited: bool, drop: f64) -> ConvexDispatchGame {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let n_members = rng.random_range(3..7_usize);
        let mut whole = |from: i32, to: i32| f64::from(rng.random_range(from..=to));
        let (mut slopes, mut kinks, mut resources) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..STEPS {
            let kink = |constant: f64, resource: usize, after_previous: bool| Kink {
                constant,
                resource: Some(resource as u32),
                cap: None,
                after_previous,
            };
            let mut price = whole(0, 2) - drop;
            let mut of_step = vec![price];
            for rung in 0..=rungs {
                price += whole(0, 2);
                of_step.push(price);
                kinks.push(kink(0.0, rung, rung > 0));
            }
            if is_limited {
                of_step.insert(0, f64::NEG_INFINITY);
                of_step.push(f64::INFINITY);
                kinks.insert(kinks.len() - rungs - 1, kink(-whole(1, 9), 0, false));
                kinks.push(kink(whole(9, 25), 0, false));
            }
            slopes.extend(of_step);
        }
        for _ in 0..n_members {
            resources.extend((0..STEPS).map(|_| whole(-6, 3)));
            let few = |rung: i32| if rung > 0 { 0.0 } else { 1.0 };
            resources.extend((0..rungs * STEPS).map(|_| whole(0, 3) * few(whole(0, 2) as i32)));
        }
        let holding = |whole: &mut dyn FnMut(i32, i32) -> f64| {
            let energy = whole(0, 9);
            let (charge_power, discharge_power) = (whole(0, 3), whole(0, 3));
            let initial_charge = energy.min(whole(0, 4));
            Holding { energy, charge_power, discharge_power, initial_charge, money: whole(-5, 5) }
        };
        let holdings: Vec<Holding> = (0..n_members).map(|_| holding(&mut whole)).collect();
        let anchors = vec![usize::from(is_limited); STEPS];
        let costs = ExchangeCosts::new(&slopes, &kinks, &anchors, rungs + 1, 0).unwrap();
        let wear = Wear { charge: whole(0, 1), discharge: 0.5 * whole(0, 1) };
        let conversion = Conversion::new(0.75, 0.5 + 0.25 * whole(0, 2), 1.0).unwrap();
        ConvexDispatchGame::new(costs, &resources, &holdings, vec![], conversion, wear).unwrap()
    }

    #[test]
    fn eight_at_once_have_the_bits_of_each() {
        let progress = Progress::new();
        let (mut n_side_by_side, mut n_without) = (0, 0);
        for seed in 0..400 {
            let rungs = seed as usize % 7;
            let game = drawn(seed, rungs, seed % 2 == 0, if seed % 9 == 0 { 3.0 } else { 0.0 });
            let n = game.n_players();
            let rows: Vec<bool> = (0..1 << n)
                .flat_map(|set: usize| (0..n).map(move |at| set >> at & 1 == 1))
                .collect();
            let each = values(&game, &rows, &progress).unwrap();
            let mut walker = game.walker(&progress);
            for others in 0..1_usize << (n - 3) {
                walker.clear();
                (3..n).rev().filter(|at| others << 3 >> at & 1 == 1).for_each(|at| walker.add(at));
                let Some(eight) = walker.values_with_lowest() else { continue };
                n_side_by_side += 1;
                let expected = &each[8 * others..][..8];
                for lane in usize::from(others == 0)..8 {
                    n_without += usize::from(expected[lane].is_infinite());
                    assert_eq!(eight[lane], expected[lane], "seed {seed}, {others}, lane {lane}");
                }
            }
            if each.iter().all(|value| value.is_finite()) {
                assert_eq!(tabulate(&game, &progress).unwrap(), each);
            }
        }
        assert!(n_side_by_side > 1000 && n_without > 0, "{n_side_by_side}, {n_without}");
    }
}
