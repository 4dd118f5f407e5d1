//! What a pool costs when its import above some caps is dearer, and how that cost changes with the
//! caps: a lower bound for each block of steps, which holds for all caps and charges.
//!
//! With import above a cap `M_c` priced at `D_c` above the buy price, `sum of D_c M_c + V(M)` is
//! least where the caps are the peaks of an optimal dispatch of the pool under charges `D_c` on its
//! peaks: below its peak, a cap costs at least as much above it as it saves. `V` is convex.
//!
//! The steps of a block `b` cost at least `k_b + sum of g_bc M_c - y_b s_b + y'_b s'_b` with the
//! charges `s_b` and `s'_b` at its beginning and end, for any prices of charge after each of its
//! steps, the first `y_b` and the last `y'_b`; the prices of the walk back through the recursion make
//! the sum over blocks the value itself. `-g_bc` is the price above buying at which what was imported
//! under charge `c` cleared the steps.

use super::Tariff;
use super::battery::{Battery, Conversion};
use super::convex_piecewise::{ConvexPiecewise, Segment};
use super::peak_charge::{Block, PeakCharges};
use super::pooled_battery::read_end;

/// Passes over the steps in which a start is sought.
const SHAVING_PASSES: usize = 8;

/// A tariff, a conversion and charges on peaks: what all pools have in common.
#[derive(Debug)]
pub(super) struct CappedBattery {
    pub tariff: Tariff,
    pub conversion: Conversion,
    pub charges: PeakCharges,
}

/// A pool with its net load in kWh per step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool<'a> {
    pub load: &'a [f64],
    pub battery: Battery,
}

/// A lower bound on the cost of a block: `constant + sum of slopes * caps + start * (charge at the
/// beginning) + end * (charge at the end)`. What is known of the first and last charge of the period
/// is in the constant.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cut {
    pub constant: f64,
    pub start: f64,
    pub end: f64,
    /// One for each charge of the block.
    pub slopes: Vec<f64>,
}

/// A cap, and by how much import above it is dearer.
#[derive(Debug, Clone, Copy)]
struct Cap {
    charge: usize,
    at: f64,
    price: f64,
}

/// Memory of evaluations.
#[derive(Debug)]
pub(super) struct Workspace {
    function: ConvexPiecewise,
    /// For each step, the slopes of the least cost at an empty and at a full battery.
    limits: Vec<(f64, f64)>,
    step: StepSegments,
    caps: Vec<Cap>,
    end_slope: f64,
}

impl Workspace {
    pub fn new() -> Self {
        Self {
            function: ConvexPiecewise::new(),
            limits: Vec::new(),
            step: StepSegments::default(),
            caps: Vec::new(),
            end_slope: 0.0,
        }
    }
}

/// The cost of a step over the change of the charge: below and above no change, each in ascending
/// order of slope.
#[derive(Debug, Default)]
struct StepSegments {
    falling: Vec<Segment>,
    rising: Vec<Segment>,
    /// Cost at no change.
    idle: f64,
}

impl CappedBattery {
    /// All money that could flow when a pool is served, peaks included.
    pub fn turnover(&self, pool: Pool<'_>) -> f64 {
        let highest = |charge: usize| self.highest(pool, charge).1;
        let peaks: f64 =
            self.charges.prices.iter().enumerate().map(|(c, price)| price * highest(c)).sum();
        self.tariff.turnover(pool.load, pool.battery.power) + peaks
    }

    /// Between what the peak of an optimal dispatch lies.
    pub fn highest(&self, pool: Pool<'_>, charge: usize) -> (f64, f64) {
        let runs = self.charges.runs.iter().filter(|run| run.charges.contains(&charge));
        let loads = runs.flat_map(|run| &pool.load[run.steps.clone()]);
        let load = loads.copied().fold(f64::NEG_INFINITY, f64::max);
        ((load - pool.battery.power).max(0.0), (load + pool.battery.power).max(0.0))
    }

    /// A peak that no dispatch is below, or not by much: a battery that is full where the charge
    /// begins to hold does nothing but keep the import down.
    ///
    /// Where the charge in the battery runs short the peak is raised by what that takes as long as
    /// it is full at the same moment, which is too little rather than too much, in a few passes.
    pub fn shaved_peak(&self, pool: Pool<'_>, charge: usize) -> f64 {
        let Battery { energy, power, initial_charge } = pool.battery;
        let (drawn, delivered) =
            (self.conversion.charge_efficiency(), 1.0 / self.conversion.discharge_efficiency());
        let span = self.charges.span(charge);
        let mut peak = self.highest(pool, charge).0;
        for _ in 0..SHAVING_PASSES {
            let before = peak;
            let mut stored = if span.start == 0 { initial_charge } else { energy };
            // By how much more would be stored if the peak were higher.
            let mut per_peak = 0.0;
            let runs = self
                .charges
                .runs
                .iter()
                .filter(|run| run.steps.start >= span.start && run.steps.end <= span.end);
            for run in runs {
                if !run.charges.contains(&charge) {
                    let most = run.steps.len() as f64 * power * drawn;
                    stored += most;
                    if stored >= energy {
                        (stored, per_peak) = (energy, 0.0);
                    }
                    continue;
                }
                for &load in &pool.load[run.steps.clone()] {
                    let room = peak - load;
                    if room >= power {
                        stored += power * drawn;
                    } else {
                        let factor = if room < 0.0 { delivered } else { drawn };
                        stored += room.max(-power) * factor;
                        per_peak += factor;
                    }
                    if stored >= energy {
                        (stored, per_peak) = (energy, 0.0);
                    } else if stored < 0.0 {
                        peak -= stored / per_peak;
                        stored = 0.0;
                    }
                }
            }
            if span.end == pool.load.len() && stored < initial_charge && per_peak > 0.0 {
                peak += (initial_charge - stored) / per_peak;
            }
            if peak <= before {
                break;
            }
        }
        peak
    }

    /// The least cost at caps, without what the caps cost. `without` is the cost of the load that
    /// goes to the grid as it is, without caps.
    pub fn value(&self, pool: Pool<'_>, caps: &[f64], without: f64, work: &mut Workspace) -> f64 {
        let Battery { energy, power, initial_charge } = pool.battery;
        let (drawn, per_delivered) =
            (self.conversion.charge_efficiency(), self.conversion.discharge_efficiency());
        let (per_drawn, delivered) = (1.0 / drawn, 1.0 / per_delivered);
        let (buy, sell) = (self.tariff.buy(), self.tariff.sell());
        let Workspace { function, limits, step: parts, caps: above, .. } = work;
        function.reset(initial_charge, energy);
        limits.clear();
        let mut dearer = 0.0;
        for run in &self.charges.runs {
            self.sort_caps(&run.charges, caps, above);
            let lowest = above.first().map_or(f64::INFINITY, |cap| cap.at);
            for step in run.steps.clone() {
                let (load, buy, sell) = (pool.load[step], buy[step], sell[step]);
                if sell >= 0.0 && load + power <= lowest {
                    let import = load.max(0.0).min(power);
                    let surplus = (-load).max(0.0).min(power);
                    let delivering = |price: f64, kwh: f64| Segment {
                        slope: price * per_delivered,
                        length: kwh * delivered,
                    };
                    let drawing = |price: f64, kwh: f64| Segment {
                        slope: price * per_drawn,
                        length: kwh * drawn,
                    };
                    function.convolve_left(delivering(buy, import));
                    function.convolve_left(delivering(sell, power - import));
                    function.convolve_right(drawing(sell, surplus));
                    function.convolve_right(drawing(buy, power - surplus));
                } else {
                    self.split(step, load, power, above, parts);
                    dearer += parts.idle - exchange(buy, sell, &[], load);
                    for &segment in parts.falling.iter().rev() {
                        function.convolve_left(segment);
                    }
                    for &segment in &parts.rising {
                        function.convolve_right(segment);
                    }
                }
                limits.push(match function.segments() {
                    [] => {
                        self.split(step, load, power, above, parts);
                        let idle = parts.falling.last().map(|segment| segment.slope);
                        let end = |is_end: bool, none: f64| idle.filter(|_| is_end).unwrap_or(none);
                        (
                            end(function.left() <= 0.0, f64::NEG_INFINITY),
                            end(function.reaches_bound(), f64::INFINITY),
                        )
                    }
                    [first, .., last] | [first @ last] => (
                        if function.left() <= 0.0 { first.slope } else { f64::NEG_INFINITY },
                        if function.reaches_bound() { last.slope } else { f64::INFINITY },
                    ),
                });
            }
        }
        let end = read_end(function, initial_charge - function.left());
        work.end_slope = end.slope;
        without + dearer + end.cost
    }

    /// The bounds on each block that the last value gives, one after the other.
    pub fn cuts(&self, pool: Pool<'_>, caps: &[f64], work: &mut Workspace, cuts: &mut [Cut]) {
        self.walk_back(pool, caps, work, cuts, |_, _| {}, |_, _, _| {});
    }

    /// Walks back through the recursion of the last value. `observe` sees the price of charge after
    /// each step, `pay` what a kWh pays of a charge in a step, where it pays any.
    pub fn walk_back(
        &self,
        pool: Pool<'_>,
        caps: &[f64],
        work: &mut Workspace,
        cuts: &mut [Cut],
        mut observe: impl FnMut(usize, f64),
        mut pay: impl FnMut(usize, usize, f64),
    ) {
        let Battery { energy, power, initial_charge } = pool.battery;
        let (drawn, per_delivered) =
            (self.conversion.charge_efficiency(), 1.0 / self.conversion.discharge_efficiency());
        let (buy, sell) = (self.tariff.buy(), self.tariff.sell());
        let Workspace { limits, caps: above, end_slope, .. } = work;
        let mut price = *end_slope;
        let blocks = self.charges.blocks.iter().zip(cuts).enumerate().rev();
        for (number, (Block { runs, charges }, cut)) in blocks {
            cut.slopes.clear();
            cut.slopes.resize(charges.len(), 0.0);
            let mut constant = 0.0;
            // What the next step would pay for charge; none where a block ends.
            let mut next: Option<f64> = None;
            for run in self.charges.runs[runs.clone()].iter().rev() {
                self.sort_caps(&run.charges, caps, above);
                let lowest = above.first().map_or(f64::INFINITY, |cap| cap.at);
                for step in run.steps.clone().rev() {
                    let (at_empty, at_full) = limits[step];
                    price = price.max(at_empty).min(at_full);
                    match next {
                        Some(next) => constant += (price - next).min(0.0) * energy,
                        None => cut.end = price,
                    }
                    next = Some(price);
                    let (load, buy, sell) = (pool.load[step], buy[step], sell[step]);
                    let (charging, discharging) = (price * drawn, price * per_delivered);
                    let supply = |kwh: f64| {
                        let plain = if kwh > 0.0 { buy } else { sell };
                        if kwh <= lowest { plain } else { dearest(plain, above, kwh) }
                    };
                    let energy_price = supply(load - power).max(charging.max(discharging).min(
                        supply(load).max(charging.min(discharging).min(supply(load + power))),
                    ));
                    constant += energy_price * load
                        - power
                            * ((charging - energy_price).max(0.0)
                                + (energy_price - discharging).max(0.0));
                    if energy_price > buy {
                        let mut remaining = energy_price - buy;
                        for cap in above.iter() {
                            let paid = remaining.min(cap.price);
                            remaining -= paid;
                            if let Ok(place) = charges.binary_search(&cap.charge) {
                                cut.slopes[place] -= paid;
                            }
                            pay(step, cap.charge, paid);
                        }
                    }
                    observe(step, price);
                }
            }
            cut.start = -price;
            if number == 0 {
                constant += cut.start * initial_charge;
                cut.start = 0.0;
            }
            if number + 1 == self.charges.blocks.len() {
                // No less charge than at the beginning, no more than there is room for.
                constant += cut.end * if cut.end < 0.0 { energy } else { initial_charge };
                cut.end = 0.0;
            }
            cut.constant = constant;
        }
    }

    /// The charges after each step of an optimal dispatch at the caps of the last value, from that at
    /// the beginning on, that its `prices` of charge call for.
    ///
    /// As in [`super::schedule`]: slopes are compared bit by bit, a pass forwards finds which charges
    /// are possible, a pass backwards chooses among them.
    pub fn states(
        &self,
        pool: Pool<'_>,
        caps: &[f64],
        prices: &[f64],
        work: &mut Workspace,
    ) -> Vec<f64> {
        let Battery { energy, power, initial_charge } = pool.battery;
        let Workspace { step: parts, caps: above, end_slope, .. } = work;
        let mut changes = Vec::with_capacity(prices.len());
        let mut reach = vec![(initial_charge, initial_charge)];
        let (mut low, mut high) = (initial_charge, initial_charge);
        for run in &self.charges.runs {
            self.sort_caps(&run.charges, caps, above);
            for step in run.steps.clone() {
                self.split(step, pool.load[step], power, above, parts);
                let price = prices[step];
                let length = |parts: &[Segment], is_in: &dyn Fn(f64) -> bool| -> f64 {
                    parts.iter().filter(|part| is_in(part.slope)).map(|part| part.length).sum()
                };
                let from = length(&parts.rising, &|slope| slope < price)
                    - length(&parts.falling, &|slope| slope >= price);
                let to = length(&parts.rising, &|slope| slope <= price)
                    - length(&parts.falling, &|slope| slope > price);
                changes.push((from, to));
                let next = prices.get(step + 1).copied().unwrap_or(*end_slope);
                (low, high) = if price > next {
                    (0.0, 0.0)
                } else if price < next {
                    (energy, energy)
                } else {
                    ((low + from).clamp(0.0, energy), (high + to).clamp(0.0, energy))
                };
                reach.push((low, high));
            }
        }
        let mut charge = initial_charge.clamp(low, high);
        let mut charges = vec![charge];
        for (&(low, high), (from, to)) in reach.iter().zip(changes).rev() {
            // Of all charges that lead here, one from which least has to change.
            charge = (charge - 0.0_f64.clamp(from, to)).clamp(low, high);
            charges.push(charge);
        }
        charges.reverse();
        charges
    }

    /// What is drawn and delivered at the terminals in a step when the charge changes by `change` at
    /// least cost, under the caps that hold there.
    pub fn terminals(
        &self,
        step: usize,
        load: f64,
        power: f64,
        change: f64,
        caps: &[(f64, f64)],
    ) -> (f64, f64) {
        let (ec, ed) =
            (self.conversion.charge_efficiency(), self.conversion.discharge_efficiency());
        let charge = (change / ec).clamp(0.0, power);
        let discharge = (-change * ed).clamp(0.0, power);
        let (buy, sell) = (self.tariff.buy()[step], self.tariff.sell()[step]);
        if sell >= 0.0 || ec * ed == 1.0 {
            return (charge, discharge);
        }
        // Waste as much as pays: until the next kWh from outside would cost something.
        let mut price = buy;
        let mut worth = if buy < 0.0 { f64::INFINITY } else { 0.0 };
        for (cap, dearer) in caps {
            if price < 0.0 {
                price += dearer;
                worth = if price < 0.0 { f64::INFINITY } else { *cap };
            }
        }
        let wanted = ((worth + discharge - charge - load) / (1.0 - ec * ed)).max(0.0);
        let most_charged = ((change + power / ed) / ec).min(power);
        let extra = wanted.min(most_charged - charge).max(0.0);
        ((charge + extra).min(power), (discharge + extra * ec * ed).min(power))
    }

    /// The caps of a step, the lowest first.
    fn sort_caps(&self, charges: &[usize], caps: &[f64], sorted: &mut Vec<Cap>) {
        sorted.clear();
        sorted.extend(charges.iter().map(|&charge| Cap {
            charge,
            at: caps[charge],
            price: self.charges.prices[charge],
        }));
        sorted.sort_by(|one, other| one.at.total_cmp(&other.at));
    }

    /// The cost of a step over the change of the charge, of any prices.
    ///
    /// Up from full discharge, charge is won by delivering less and by drawing more. Where energy has
    /// a negative price drawing comes first, while the battery still delivers: it wastes energy.
    /// Between the last of these prices and the first that is not negative it stops wasting.
    fn split(&self, step: usize, load: f64, power: f64, caps: &[Cap], parts: &mut StepSegments) {
        let (drawn, per_delivered) =
            (self.conversion.charge_efficiency(), self.conversion.discharge_efficiency());
        let (buy, sell) = (self.tariff.buy()[step], self.tariff.sell()[step]);
        let delivering = |price: f64, kwh: f64| Segment {
            slope: price * per_delivered,
            length: kwh / per_delivered,
        };
        // The same bits as in `value`: the schedule compares slopes.
        let per_drawn = 1.0 / drawn;
        let drawing =
            |price: f64, kwh: f64| Segment { slope: price * per_drawn, length: kwh * drawn };
        let StepSegments { falling, rising, idle } = parts;
        falling.clear();
        rising.clear();
        *idle = exchange(buy, sell, caps, load);
        if sell >= 0.0 {
            for (price, from, to) in prices(buy, sell, caps) {
                let less = to.min(load) - from.max(load - power);
                if less > 0.0 {
                    falling.push(delivering(price, less));
                }
                let more = to.min(load + power) - from.max(load);
                if more > 0.0 {
                    rising.push(drawing(price, more));
                }
            }
            return;
        }
        let mut segments = Vec::with_capacity(2 * caps.len() + 5);
        let parts_of = |price: f64, from: f64, to: f64| {
            (price, (to.min(load + power) - from.max(load - power)).max(0.0))
        };
        let wasting: f64 = prices(buy, sell, caps)
            .map(|(price, from, to)| parts_of(price, from, to))
            .filter(|&(price, _)| price < 0.0)
            .map(|(_, kwh)| kwh)
            .sum();
        let mut drawn_first = wasting.min(power);
        let mut delivered_first = power - drawn_first;
        let mut stopped = false;
        let stop = wasting.min(2.0 * power - wasting).max(0.0);
        for (price, kwh) in prices(buy, sell, caps).map(|(p, from, to)| parts_of(p, from, to)) {
            if price < 0.0 {
                let first = kwh.min(drawn_first);
                drawn_first -= first;
                segments.push(drawing(price, first));
                segments.push(delivering(price, kwh - first));
            } else {
                if !stopped {
                    segments
                        .push(Segment { slope: 0.0, length: stop * (1.0 / per_delivered - drawn) });
                    stopped = true;
                }
                let first = kwh.min(delivered_first);
                delivered_first -= first;
                segments.push(delivering(price, first));
                segments.push(drawing(price, kwh - first));
            }
        }
        *idle = exchange(buy, sell, caps, load - power);
        let mut remaining = power / per_delivered;
        for Segment { slope, length } in segments {
            let below = length.min(remaining);
            remaining -= below;
            *idle += slope * below;
            if below > 0.0 {
                falling.push(Segment { slope, length: below });
            }
            if length > below {
                rising.push(Segment { slope, length: length - below });
            }
        }
    }
}

/// The cost of an exchange with the grid.
fn exchange(buy: f64, sell: f64, caps: &[Cap], kwh: f64) -> f64 {
    let above: f64 = caps.iter().map(|cap| cap.price * (kwh - cap.at).max(0.0)).sum();
    (buy * kwh).max(sell * kwh) + above
}

/// The price of the last of so many kWh, more than the lowest cap.
#[cold]
fn dearest(plain: f64, caps: &[Cap], kwh: f64) -> f64 {
    caps.iter().take_while(|cap| kwh > cap.at).fold(plain, |price, cap| price + cap.price)
}

/// The prices in ascending order, each with the exchange from and up to which it holds.
fn prices(buy: f64, sell: f64, caps: &[Cap]) -> impl Iterator<Item = (f64, f64, f64)> {
    let mut price = buy;
    let sold = std::iter::once((sell, f64::NEG_INFINITY, 0.0));
    let end = move |place: usize| caps.get(place).map_or(f64::INFINITY, |cap| cap.at);
    let bought = std::iter::once((buy, 0.0, end(0)));
    let above = caps.iter().enumerate().map(move |(place, cap)| {
        price += cap.price;
        (price, cap.at, end(place + 1))
    });
    sold.chain(bought).chain(above)
}
