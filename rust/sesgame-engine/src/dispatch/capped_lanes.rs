//! Eight pools at once under two prices and caps: the recursion of [`super::capped_tariff`] on vectors
//! of amounts, and the walk back.
//!
//! Where no step is under more than one charge, all pools have the same slopes, wherever their caps
//! are, and differ in lengths only, as in [`super::pool_lanes`]. Every cost and bound has the bits that
//! the recursion gives it by itself.

#![expect(
    clippy::needless_range_loop,
    reason = "an iterator's `next` would be compiled for any processor, and every vector go through memory"
)]

use multiversion::multiversion;

use super::cap_bounds::BlockBound;
use super::capped_tariff::CappedTariff;
use super::peak_charge::{PeakCharges, Run};
use super::pool_lanes::{
    Batteries, LANES, Lanes, Pools, Segment, Slopes, add, larger, smaller, times,
};

/// The prices of a step: sold, bought, and bought above the cap.
const PRICES: usize = 3;
/// The segments that they make, waste among them.
const SEGMENTS: usize = 2 * PRICES + 1;

/// Eight pools with their net loads in kWh per step, and the caps on their import.
#[derive(Debug)]
pub(super) struct CappedPools {
    pub loads: Vec<Lanes>,
    pub batteries: Batteries,
    /// For each charge.
    pub caps: Vec<Lanes>,
    /// What the net loads cost that go to the grid as they are, without caps.
    pub without: Lanes,
}

/// Memory of evaluations.
#[derive(Debug)]
pub(super) struct CappedLanes {
    pools: Pools,
    /// For each step, the slopes of the least costs at empty and at full batteries.
    limits: Vec<(Lanes, Lanes)>,
    end_slopes: Lanes,
    /// The slopes in the caps of a block.
    of_caps: Vec<Lanes>,
}

/// The bounds on one block of all pools, but for the slopes.
#[derive(Clone, Copy, Default)]
struct Block {
    constant: Lanes,
    start: Lanes,
    end: Lanes,
}

impl CappedLanes {
    pub fn new(n_steps: usize, n_caps: usize) -> Self {
        Self {
            pools: Pools::new(),
            limits: vec![([0.0; LANES], [0.0; LANES]); n_steps],
            end_slopes: [0.0; LANES],
            of_caps: vec![[0.0; LANES]; n_caps],
        }
    }

    /// The least costs of pools, without what their caps cost.
    ///
    /// # Panics
    /// When there are other numbers of steps or caps than the charges have.
    pub fn values(
        &mut self,
        capped: &CappedTariff,
        charges: &PeakCharges,
        eight: &CappedPools,
    ) -> Lanes {
        self.pools.reset(&eight.batteries.energy, &eight.batteries.initial_charge);
        forwards(self, capped, &Slopes::new(&capped.conversion), charges, eight)
    }

    /// The bounds on each block that the last values give: those of a pool are shown to `tell`, with
    /// its lane and the number of the block, the last block first.
    pub fn bounds(
        &mut self,
        capped: &CappedTariff,
        charges: &PeakCharges,
        eight: &CappedPools,
        mut tell: impl FnMut(usize, usize, BlockBound),
    ) {
        let slopes = Slopes::new(&capped.conversion);
        let mut prices = self.end_slopes;
        let mut n_runs = charges.runs.len();
        for number in (0..charges.ends.len()).rev() {
            let begin = number.checked_sub(1).map_or(0, |before| charges.ends[before]);
            let runs = &charges.runs[..n_runs];
            let first = runs.partition_point(|run| run.steps.start < begin);
            self.of_caps.fill([0.0; LANES]);
            let mut block =
                backwards(self, capped, &slopes, charges, &runs[first..], eight, &mut prices);
            n_runs = first;
            for lane in 0..LANES {
                block.start[lane] = -prices[lane];
                let Batteries { energy, initial_charge, .. } = &eight.batteries;
                if number == 0 {
                    block.constant[lane] += block.start[lane] * initial_charge[lane];
                    block.start[lane] = 0.0;
                }
                if number + 1 == charges.ends.len() {
                    let end = block.end[lane];
                    // No less charge than at the beginning, no more than there is room for.
                    block.constant[lane] +=
                        end * if end < 0.0 { energy[lane] } else { initial_charge[lane] };
                    block.end[lane] = 0.0;
                }
                let bound = BlockBound {
                    constant: block.constant[lane],
                    start: block.start[lane],
                    end: block.end[lane],
                    slopes: self.of_caps.iter().map(|slopes| slopes[lane]).collect(),
                };
                tell(lane, number, bound);
            }
        }
    }
}

/// The caps of the only charge that steps are under, if any, and by how much import above is dearer.
#[inline(always)]
fn cap_of(run: &Run, charges: &PeakCharges, caps: &[Lanes]) -> (Lanes, f64) {
    if run.charges.is_empty() {
        return ([f64::INFINITY; LANES], 0.0);
    }
    (caps[run.charges[0]], charges.prices[run.charges[0]])
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn forwards(
    lanes: &mut CappedLanes,
    capped: &CappedTariff,
    slopes: &Slopes,
    charges: &PeakCharges,
    eight: &CappedPools,
) -> Lanes {
    let CappedLanes { pools, limits, end_slopes, .. } = lanes;
    let (buy, sell) = (capped.tariff.buy(), capped.tariff.sell());
    let power = &eight.batteries.power;
    let mut dearer = [0.0; LANES];
    let mut number = 0;
    while number < charges.runs.len() {
        let run = &charges.runs[number];
        let (cap, price) = cap_of(run, charges, &eight.caps);
        let mut step = run.steps.start;
        while step < run.steps.end {
            let load = &eight.loads[step];
            let prices = [sell[step], buy[step], buy[step] + price];
            let more = if sell[step] >= 0.0 {
                serve(pools, slopes, prices, price, load, power, &cap)
            } else {
                waste(pools, slopes, prices, price, load, power, &cap)
            };
            add(&mut dearer, &more);
            limits[step] = pools.limits();
            step += 1;
        }
        number += 1;
    }
    *end_slopes = pools.slopes_at_end(&eight.batteries.initial_charge);
    let ends = pools.read_end(&eight.batteries.initial_charge);
    let mut costs = eight.without;
    for lane in 0..LANES {
        costs[lane] = costs[lane] + dearer[lane] + ends[lane];
    }
    costs
}

/// One step; returns by how much no change costs more than the loads without caps.
#[inline(always)]
fn serve(
    pools: &mut Pools,
    slopes: &Slopes,
    [sell, buy, dear]: [f64; PRICES],
    price: f64,
    load: &Lanes,
    power: &Lanes,
    cap: &Lanes,
) -> Lanes {
    let (mut import, mut surplus, mut room) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let mut is_free = true;
    for lane in 0..LANES {
        import[lane] = smaller(larger(load[lane], 0.0), power[lane]);
        surplus[lane] = smaller(larger(-load[lane], 0.0), power[lane]);
        room[lane] = cap[lane] - load[lane];
        is_free &= room[lane] >= power[lane];
    }
    let (mut above, mut below) = ([0.0; LANES], *power);
    if !is_free {
        for lane in 0..LANES {
            above[lane] = smaller(larger(-room[lane], 0.0), power[lane]);
            below[lane] = smaller(larger(room[lane], 0.0), power[lane]);
        }
        pools.convolve_left(delivering(slopes, dear, &above));
    }
    pools.convolve_left(delivering(slopes, buy, &less(&import, &above)));
    pools.convolve_left(delivering(slopes, sell, &less(power, &import)));
    pools.convolve_right(drawing(slopes, sell, &surplus));
    pools.convolve_right(drawing(slopes, buy, &less(&below, &surplus)));
    let mut dearer = [0.0; LANES];
    if !is_free {
        pools.convolve_right(drawing(slopes, dear, &less(power, &below)));
        for lane in 0..LANES {
            dearer[lane] = price * larger(-room[lane], 0.0);
        }
    }
    dearer
}

/// The same where energy has a negative price.
#[inline(always)]
fn waste(
    pools: &mut Pools,
    slopes: &Slopes,
    prices: [f64; PRICES],
    price: f64,
    load: &Lanes,
    power: &Lanes,
    cap: &Lanes,
) -> Lanes {
    let (zero, none) = ([0.0; LANES], [f64::INFINITY; LANES]);
    let ends = [[f64::NEG_INFINITY; LANES], zero, *cap, none];
    // What of each price is within reach.
    let mut parts = [zero; PRICES];
    let (mut drawn_first, mut stop) = (zero, zero);
    for part in 0..PRICES {
        for lane in 0..LANES {
            let to = smaller(ends[part + 1][lane], load[lane] + power[lane]);
            let from = larger(ends[part][lane], load[lane] - power[lane]);
            parts[part][lane] = larger(to - from, 0.0);
        }
        if prices[part] < 0.0 {
            add(&mut stop, &parts[part]);
        }
    }
    let mut delivered_first = zero;
    for lane in 0..LANES {
        let wasting = stop[lane];
        drawn_first[lane] = smaller(wasting, power[lane]);
        delivered_first[lane] = power[lane] - drawn_first[lane];
        stop[lane] = larger(smaller(wasting, 2.0 * power[lane] - wasting), 0.0);
    }
    let mut segments = [Segment::default(); SEGMENTS];
    let (mut count, mut is_stopped) = (0, false);
    for part in 0..PRICES {
        let is_negative = prices[part] < 0.0;
        if !is_negative && !is_stopped {
            segments[count].lengths = times(&stop, slopes.delivered - slopes.drawn);
            (count, is_stopped) = (count + 1, true);
        }
        let budget = if is_negative { &mut drawn_first } else { &mut delivered_first };
        let (mut first, mut second) = (zero, zero);
        for lane in 0..LANES {
            first[lane] = smaller(parts[part][lane], budget[lane]);
            budget[lane] -= first[lane];
            second[lane] = parts[part][lane] - first[lane];
        }
        let (one, other) = if is_negative {
            (drawing(slopes, prices[part], &first), delivering(slopes, prices[part], &second))
        } else {
            (delivering(slopes, prices[part], &first), drawing(slopes, prices[part], &second))
        };
        (segments[count], segments[count + 1]) = (one, other);
        count += 2;
    }
    let [sell, buy, _] = prices;
    let mut remaining = times(power, slopes.delivered);
    let mut idle = zero;
    for lane in 0..LANES {
        let least = load[lane] - power[lane];
        idle[lane] = larger(buy * least, sell * least) + price * larger(least - cap[lane], 0.0);
    }
    let mut rising = segments;
    for segment in 0..count {
        let slope = segments[segment].slope;
        for lane in 0..LANES {
            let falling = smaller(segments[segment].lengths[lane], remaining[lane]);
            remaining[lane] -= falling;
            idle[lane] += slope * falling;
            rising[segment].lengths[lane] -= falling;
            segments[segment].lengths[lane] = falling;
        }
    }
    for segment in 0..count {
        pools.convolve_left(segments[count - 1 - segment]);
    }
    for segment in 0..count {
        pools.convolve_right(rising[segment]);
    }
    for lane in 0..LANES {
        idle[lane] -= larger(buy * load[lane], sell * load[lane]);
    }
    idle
}

#[inline(always)]
fn delivering(slopes: &Slopes, price: f64, kwh: &Lanes) -> Segment {
    Segment { slope: price * slopes.per_delivered, lengths: times(kwh, slopes.delivered) }
}

#[inline(always)]
fn drawing(slopes: &Slopes, price: f64, kwh: &Lanes) -> Segment {
    Segment { slope: price * slopes.per_drawn, lengths: times(kwh, slopes.drawn) }
}

#[inline(always)]
fn less(amounts: &Lanes, others: &Lanes) -> Lanes {
    let mut rest = *amounts;
    for lane in 0..LANES {
        rest[lane] -= others[lane];
    }
    rest
}

/// The price of the last of so many kWh.
#[inline(always)]
fn supply((buy, sell, above): (f64, f64, f64), cap: f64, kwh: f64) -> f64 {
    let plain = if kwh > 0.0 { buy } else { sell };
    if kwh <= cap { plain } else { plain + above }
}

/// The walk back through one block, from the prices of charge after it to those before.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn backwards(
    lanes: &mut CappedLanes,
    capped: &CappedTariff,
    slopes: &Slopes,
    charges: &PeakCharges,
    runs: &[Run],
    eight: &CappedPools,
    prices: &mut Lanes,
) -> Block {
    let CappedLanes { limits, of_caps, .. } = lanes;
    let (buy, sell) = (capped.tariff.buy(), capped.tariff.sell());
    let Batteries { energy, power, .. } = &eight.batteries;
    let mut block = Block::default();
    let (mut at, mut constant, mut is_last) = (*prices, [0.0; LANES], true);
    let mut number = runs.len();
    while number > 0 {
        number -= 1;
        let run = &runs[number];
        let (cap, price) = cap_of(run, charges, &eight.caps);
        let mut of_cap =
            if run.charges.is_empty() { [0.0; LANES] } else { of_caps[run.charges[0]] };
        let mut step = run.steps.end;
        while step > run.steps.start {
            step -= 1;
            let (at_empty, at_full) = &limits[step];
            let (buy, sell, load) = (buy[step], sell[step], &eight.loads[step]);
            let before = at;
            for lane in 0..LANES {
                at[lane] = smaller(larger(at[lane], at_empty[lane]), at_full[lane]);
            }
            if is_last {
                (block.end, is_last) = (at, false);
            } else {
                for lane in 0..LANES {
                    constant[lane] += smaller(at[lane] - before[lane], 0.0) * energy[lane];
                }
            }
            for lane in 0..LANES {
                let (load, power) = (load[lane], power[lane]);
                let prices = (buy, sell, price);
                let least = supply(prices, cap[lane], load - power);
                let unchanged = supply(prices, cap[lane], load);
                let most = supply(prices, cap[lane], load + power);
                let charging = at[lane] * slopes.drawn;
                let discharging = at[lane] * slopes.delivered;
                let (low, high) = (smaller(charging, discharging), larger(charging, discharging));
                let energy_price =
                    larger(least, smaller(high, larger(unchanged, smaller(low, most))));
                constant[lane] += energy_price * load
                    - power
                        * (larger(charging - energy_price, 0.0)
                            + larger(energy_price - discharging, 0.0));
                of_cap[lane] -= smaller(larger(energy_price - buy, 0.0), price);
            }
        }
        if !run.charges.is_empty() {
            of_caps[run.charges[0]] = of_cap;
        }
    }
    *prices = at;
    block.constant = constant;
    block
}
