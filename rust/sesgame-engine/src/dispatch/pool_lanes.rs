//! Several pools at once that share a tariff and a conversion without losses of charge: the recursion
//! of [`super::pooled_battery`] on vectors of amounts.
//!
//! Slopes depend on the tariff alone, so all pools have the same segments in the same order and differ
//! in lengths only. A segment that a pool does not have is one of length 0, which changes nothing. So
//! nothing branches on an amount, and every cost has the bits that the recursion gives it by itself.

#![expect(
    clippy::needless_range_loop,
    reason = "an iterator's `next` would be compiled for any processor, and every vector go through memory"
)]

use multiversion::multiversion;

use super::battery::{Battery, Conversion};
use super::tariff::Tariff;

/// Pools at a time: two vectors of AVX2.
pub(super) const LANES: usize = 8;
/// Running sums of the cost without a battery, as of [`Tariff::cost`].
const SUMS: usize = 32;

/// An amount of each pool.
pub(super) type Lanes = [f64; LANES];

/// The batteries of all pools.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batteries {
    pub energy: Lanes,
    pub power: Lanes,
    pub initial_charge: Lanes,
}

impl Batteries {
    /// One battery for each pool.
    pub fn each(of: impl Fn(usize) -> Battery) -> Self {
        let zero = [0.0; LANES];
        let mut all = Self { energy: zero, power: zero, initial_charge: zero };
        for lane in 0..LANES {
            let battery = of(lane);
            all.energy[lane] = battery.energy;
            all.power[lane] = battery.power;
            all.initial_charge[lane] = battery.initial_charge;
        }
        all
    }
}

/// Charge per kWh at the terminals, and the other way round.
pub(super) struct Slopes {
    pub drawn: f64,
    pub per_drawn: f64,
    pub delivered: f64,
    pub per_delivered: f64,
}

/// A part of all pools' least costs on which they have this slope.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Segment {
    pub slope: f64,
    pub lengths: Lanes,
}

/// The least costs of all pools as functions of their charge.
#[derive(Debug)]
pub(super) struct Pools {
    /// The segments are `buffer[head..tail]`.
    buffer: Vec<Segment>,
    head: usize,
    tail: usize,
    left_value: Lanes,
    left: Lanes,
    headroom: Lanes,
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn run(
    pools: &mut Pools,
    tariff: &Tariff,
    slopes: &Slopes,
    loads: &[Lanes],
    batteries: &Batteries,
) -> Lanes {
    let mut netting = [[0.0; LANES]; SUMS];
    let (buy, sell) = (tariff.buy(), tariff.sell());
    let mut step = 0;
    while step < loads.len() {
        let (buy, sell, load) = (buy[step], sell[step], &loads[step]);
        let sums = &mut netting[step % SUMS];
        for lane in 0..LANES {
            sums[lane] += larger(buy * load[lane], sell * load[lane]);
        }
        pools.serve((buy, sell), slopes, load, &batteries.power);
        step += 1;
    }
    let mut width = SUMS;
    while width > 1 {
        width /= 2;
        let mut sum = 0;
        while sum < width {
            let upper = netting[sum + width];
            add(&mut netting[sum], &upper);
            sum += 1;
        }
    }
    let mut costs = netting[0];
    add(&mut costs, &pools.read_end(&batteries.initial_charge));
    costs
}

impl Pools {
    pub fn new() -> Self {
        let buffer = vec![Segment::default(); 64];
        let (middle, zero) = (buffer.len() / 2, [0.0; LANES]);
        Self { buffer, head: middle, tail: middle, left_value: zero, left: zero, headroom: zero }
    }

    /// The least costs of pools with these net loads per step and these batteries.
    pub fn costs(
        &mut self,
        tariff: &Tariff,
        conversion: &Conversion,
        loads: &[Lanes],
        batteries: &Batteries,
    ) -> Lanes {
        self.reset(&batteries.energy, &batteries.initial_charge);
        run(self, tariff, &Slopes::new(conversion), loads, batteries)
    }

    /// Become 0 at the initial charges, and nothing elsewhere.
    pub fn reset(&mut self, energy: &Lanes, initial_charge: &Lanes) {
        self.head = self.buffer.len() / 2;
        self.tail = self.head;
        self.left_value = [0.0; LANES];
        self.left = *initial_charge;
        for lane in 0..LANES {
            self.headroom[lane] = energy[lane] - initial_charge[lane];
        }
    }

    /// Whether convolution with this slope on the left changes anything.
    #[inline(always)]
    pub fn takes_left(&self, slope: f64) -> bool {
        (self.head < self.tail && self.buffer[self.head].slope < slope) || any(&self.left)
    }

    /// Whether convolution with this slope on the right changes anything.
    #[inline(always)]
    pub fn takes_right(&self, slope: f64) -> bool {
        (self.head < self.tail && self.buffer[self.tail - 1].slope > slope) || any(&self.headroom)
    }

    /// One step of [`super::pooled_battery::least_cost`].
    #[inline(always)]
    fn serve(&mut self, (buy, sell): (f64, f64), slopes: &Slopes, load: &Lanes, power: &Lanes) {
        let (mut import, mut surplus, mut free) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            import[lane] = smaller(larger(load[lane], 0.0), power[lane]);
            surplus[lane] = smaller(larger(-load[lane], 0.0), power[lane]);
        }
        let (mut not_imported, mut not_surplus) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            not_imported[lane] = power[lane] - import[lane];
            not_surplus[lane] = power[lane] - surplus[lane];
            free[lane] = not_imported[lane] - surplus[lane];
        }
        let [exported, absorbed] = slopes.legs(sell, &not_imported, &surplus);
        let [displaced, imported] = slopes.legs(buy, &import, &not_surplus);
        if sell >= 0.0 {
            self.convolve_left(displaced);
            self.convolve_left(exported);
            self.convolve_right(absorbed);
            self.convolve_right(imported);
            return;
        }
        let mut wasted = Segment::default();
        if buy >= 0.0 {
            wasted.lengths = times(&free, slopes.delivered - slopes.drawn);
        }
        let mut parts = [exported, absorbed, wasted, displaced, imported];
        let mut rising = parts;
        let mut remaining = times(power, slopes.delivered);
        let mut idle = [0.0; LANES];
        for lane in 0..LANES {
            let least = load[lane] - power[lane];
            idle[lane] = larger(buy * least, sell * least);
        }
        for part in 0..parts.len() {
            let slope = parts[part].slope;
            for lane in 0..LANES {
                let falling = smaller(parts[part].lengths[lane], remaining[lane]);
                remaining[lane] -= falling;
                rising[part].lengths[lane] -= falling;
                parts[part].lengths[lane] = falling;
                idle[lane] += slope * falling;
            }
        }
        for lane in 0..LANES {
            self.left_value[lane] += idle[lane] - larger(buy * load[lane], sell * load[lane]);
        }
        for part in 0..parts.len() {
            self.convolve_left(parts[parts.len() - 1 - part]);
        }
        for part in 0..rising.len() {
            self.convolve_right(rising[part]);
        }
    }

    #[inline(always)]
    pub fn convolve_left(&mut self, Segment { slope, lengths: mut length }: Segment) {
        let mut placed = [0.0; LANES];
        for lane in 0..LANES {
            placed[lane] = smaller(length[lane], larger(self.left[lane], 0.0));
            self.left[lane] -= placed[lane];
            length[lane] -= placed[lane];
            self.left_value[lane] -= slope * placed[lane];
        }
        let mut at = self.head;
        while at < self.tail && self.buffer[at].slope < slope && any(&length) {
            // Copies: nothing else can be where they are, so all lanes are in one vector.
            let Segment { slope: worse, lengths: mut worst } = self.buffer[at];
            let (mut replaced, mut left_value) = ([0.0; LANES], self.left_value);
            for lane in 0..LANES {
                replaced[lane] = smaller(worst[lane], length[lane]);
            }
            for lane in 0..LANES {
                worst[lane] -= replaced[lane];
                left_value[lane] += (worse - slope) * replaced[lane];
                placed[lane] += replaced[lane];
                length[lane] -= replaced[lane];
            }
            self.buffer[at].lengths = worst;
            self.left_value = left_value;
            at += 1;
        }
        while self.head < at && !any(&self.buffer[self.head].lengths) {
            self.head += 1;
        }
        if !any(&placed) {
            return;
        }
        let mut place = self.head;
        while place < self.tail && self.buffer[place].slope < slope {
            place += 1;
        }
        if place < self.tail && self.buffer[place].slope == slope {
            add(&mut self.buffer[place].lengths, &placed);
            return;
        }
        if self.head == 0 {
            place = self.recentre(place);
        }
        self.head -= 1;
        self.buffer.copy_within(self.head + 1..place, self.head);
        self.buffer[place - 1] = Segment { slope, lengths: placed };
    }

    #[inline(always)]
    pub fn convolve_right(&mut self, Segment { slope, lengths: mut length }: Segment) {
        let mut placed = [0.0; LANES];
        for lane in 0..LANES {
            placed[lane] = smaller(length[lane], larger(self.headroom[lane], 0.0));
            self.headroom[lane] -= placed[lane];
            length[lane] -= placed[lane];
        }
        let mut end = self.tail;
        while end > self.head && self.buffer[end - 1].slope > slope && any(&length) {
            let mut worst = self.buffer[end - 1].lengths;
            let mut replaced = [0.0; LANES];
            for lane in 0..LANES {
                replaced[lane] = smaller(worst[lane], length[lane]);
            }
            for lane in 0..LANES {
                worst[lane] -= replaced[lane];
                placed[lane] += replaced[lane];
                length[lane] -= replaced[lane];
            }
            self.buffer[end - 1].lengths = worst;
            end -= 1;
        }
        while self.tail > end && !any(&self.buffer[self.tail - 1].lengths) {
            self.tail -= 1;
        }
        if !any(&placed) {
            return;
        }
        let mut place = self.tail;
        while place > self.head && self.buffer[place - 1].slope > slope {
            place -= 1;
        }
        if place > self.head && self.buffer[place - 1].slope == slope {
            add(&mut self.buffer[place - 1].lengths, &placed);
            return;
        }
        if self.tail == self.buffer.len() {
            place = self.recentre(place);
        }
        self.buffer.copy_within(place..self.tail, place + 1);
        self.buffer[place] = Segment { slope, lengths: placed };
        self.tail += 1;
    }

    /// The least values at charges of at least `initial`.
    #[inline(always)]
    pub fn read_end(&self, initial: &Lanes) -> Lanes {
        let mut costs = self.left_value;
        let mut remaining = *initial;
        for lane in 0..LANES {
            remaining[lane] -= self.left[lane];
        }
        let mut at = self.head;
        while at < self.tail {
            let Segment { slope, lengths } = self.buffer[at];
            for lane in 0..LANES {
                let within = smaller(lengths[lane], larger(remaining[lane], 0.0));
                costs[lane] += slope * if slope < 0.0 { lengths[lane] } else { within };
                remaining[lane] -= lengths[lane];
            }
            at += 1;
        }
        costs
    }

    /// The slopes of the least values at those charges; 0 where more charge would cost less.
    #[inline(always)]
    pub fn slopes_at_end(&self, initial: &Lanes) -> Lanes {
        let (mut slopes, mut remaining) = ([0.0; LANES], *initial);
        for lane in 0..LANES {
            remaining[lane] -= self.left[lane];
        }
        let mut at = self.head;
        while at < self.tail {
            let Segment { slope, lengths } = self.buffer[at];
            for lane in 0..LANES {
                let is_before = slope >= 0.0 && lengths[lane] > 0.0 && remaining[lane] > 0.0;
                slopes[lane] = if is_before { slope } else { slopes[lane] };
                remaining[lane] -= lengths[lane];
            }
            at += 1;
        }
        slopes
    }

    /// The slopes at empty and at full batteries, infinite where a pool cannot be there.
    #[inline(always)]
    pub fn limits(&self) -> (Lanes, Lanes) {
        let (mut at_empty, mut at_full) = ([f64::NEG_INFINITY; LANES], [f64::INFINITY; LANES]);
        let mut sought = [0.0; LANES];
        for lane in 0..LANES {
            sought[lane] = if self.left[lane] <= 0.0 { 1.0 } else { 0.0 };
        }
        let mut at = self.head;
        while at < self.tail && any(&sought) {
            let Segment { slope, lengths } = self.buffer[at];
            for lane in 0..LANES {
                let is_here = sought[lane] * lengths[lane] > 0.0;
                at_empty[lane] = if is_here { slope } else { at_empty[lane] };
                sought[lane] = if is_here { 0.0 } else { sought[lane] };
            }
            at += 1;
        }
        for lane in 0..LANES {
            sought[lane] = if self.headroom[lane] <= 0.0 { 1.0 } else { 0.0 };
        }
        let mut end = self.tail;
        while end > self.head && any(&sought) {
            end -= 1;
            let Segment { slope, lengths } = self.buffer[end];
            for lane in 0..LANES {
                let is_here = sought[lane] * lengths[lane] > 0.0;
                at_full[lane] = if is_here { slope } else { at_full[lane] };
                sought[lane] = if is_here { 0.0 } else { sought[lane] };
            }
        }
        (at_empty, at_full)
    }

    /// Moves the segments to the middle of a buffer at most a quarter full, and says where a place
    /// among them is then.
    #[cold]
    fn recentre(&mut self, place: usize) -> usize {
        let count = self.tail - self.head;
        let mut larger = vec![Segment::default(); (4 * count).max(self.buffer.len())];
        let head = (larger.len() - count) / 2;
        larger[head..head + count].copy_from_slice(&self.buffer[self.head..self.tail]);
        let place = place - self.head + head;
        (self.buffer, self.head, self.tail) = (larger, head, head + count);
        place
    }
}

impl Slopes {
    pub fn new(conversion: &Conversion) -> Self {
        Self {
            drawn: conversion.charge_efficiency(),
            per_drawn: 1.0 / conversion.charge_efficiency(),
            delivered: 1.0 / conversion.discharge_efficiency(),
            per_delivered: conversion.discharge_efficiency(),
        }
    }

    /// The two segments that a price gives, in ascending order of slope: delivering and drawing.
    #[inline(always)]
    fn legs(&self, price: f64, first: &Lanes, second: &Lanes) -> [Segment; 2] {
        let (delivering, drawing) = (price * self.per_delivered, price * self.per_drawn);
        if price >= 0.0 {
            [
                Segment { slope: delivering, lengths: times(first, self.delivered) },
                Segment { slope: drawing, lengths: times(second, self.drawn) },
            ]
        } else {
            [
                Segment { slope: drawing, lengths: times(first, self.drawn) },
                Segment { slope: delivering, lengths: times(second, self.delivered) },
            ]
        }
    }
}

#[inline(always)]
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[inline(always)]
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[inline(always)]
pub(super) fn times(amounts: &Lanes, factor: f64) -> Lanes {
    let mut products = *amounts;
    for lane in 0..LANES {
        products[lane] *= factor;
    }
    products
}

#[inline(always)]
pub(super) fn add(to: &mut Lanes, amounts: &Lanes) {
    for lane in 0..LANES {
        to[lane] += amounts[lane];
    }
}

/// Whether any amount is not 0.
#[inline(always)]
pub(super) fn any(amounts: &Lanes) -> bool {
    let mut bits = 0;
    for lane in 0..LANES {
        bits |= amounts[lane].to_bits();
    }
    // But for the sign.
    bits << 1 != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bill_range::{bill_ranges, pooled_bill_ranges};
    use super::super::pooled_battery::PooledBatteryGame;
    use super::*;
    use crate::enumeration::{tabulate, values};
    use crate::progress::Progress;

    const STEPS: usize = 30;

    /// Members who pool their batteries under one tariff.
    #[derive(Debug)]
    struct Members {
        net_loads: Vec<f64>,
        batteries: Vec<Battery>,
        tariff: Tariff,
        conversion: Conversion,
    }

    impl Members {
        fn game(&self) -> PooledBatteryGame {
            let Self { net_loads, batteries, tariff, conversion } = self;
            PooledBatteryGame::new(net_loads, tariff.clone(), batteries, *conversion).unwrap()
        }
    }

    prop_compose! {
        /// Few numbers, so that many are equal; no load, no battery, full ones, prices below zero.
        fn members()(n in 1..8usize)(
            loads in prop::collection::vec(-4i32..5, n * STEPS),
            sizes in prop::collection::vec((0u8..4, 0u8..3, 0u8..3), n),
            prices in prop::collection::vec((-3i32..4, 0u8..4), STEPS),
            (charge, discharge) in prop::sample::select(vec![(1.0, 1.0), (0.9, 0.95), (0.7, 1.0)]),
        ) -> Members {
            let sell: Vec<f64> = prices.iter().map(|price| f64::from(price.0) / 7.0).collect();
            let markup = prices.iter().map(|price| f64::from(price.1) / 9.0);
            let buy = sell.iter().zip(markup).map(|(sell, markup)| sell + markup).collect();
            let battery = |&(energy, power, initial): &(u8, u8, u8)| Battery {
                energy: f64::from(energy) * 0.7,
                power: f64::from(power) * 0.3,
                initial_charge: f64::from(energy) * 0.35 * f64::from(initial),
            };
            Members {
                net_loads: loads.iter().map(|&load| f64::from(load) / 3.0).collect(),
                batteries: sizes.iter().map(battery).collect(),
                tariff: Tariff::new(buy, sell).unwrap(),
                conversion: Conversion::new(charge, discharge, 1.0).unwrap(),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..<_>::default() })]

        #[test]
        fn eight_coalitions_at_a_time_have_the_bits_of_each(members in members()) {
            let game = members.game();
            let n = members.batteries.len();
            let flags: Vec<bool> =
                (0..1 << n).flat_map(|set| (0..n).map(move |player| set >> player & 1 == 1)).collect();
            let progress = Progress::new();
            let expected = values(&game, &flags, &progress).unwrap();
            prop_assert_eq!(tabulate(&game, &progress).unwrap(), expected);
        }

        #[test]
        fn the_ranges_of_several_bills_at_a_time_have_the_bits_of_each(members in members()) {
            let Members { net_loads, batteries, tariff, conversion } = &members;
            let mut total = vec![0.0; STEPS];
            for row in net_loads.chunks(STEPS) {
                total.iter_mut().zip(row).for_each(|(sum, load)| *sum += load);
            }
            let net_load = |member: usize, load: &mut [f64]| {
                load.copy_from_slice(&net_loads[STEPS * member..][..STEPS]);
            };
            let progress = Progress::new();
            let found =
                pooled_bill_ranges(tariff, *conversion, batteries, &total, net_load, &progress);
            prop_assert_eq!(found.unwrap(), bill_ranges(&members.game(), &progress).unwrap());
        }
    }
}
