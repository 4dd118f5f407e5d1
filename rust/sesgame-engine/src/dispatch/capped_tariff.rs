//! The least cost of a pool under two prices and caps, and bounds of it: what [`super::cap_bounds`]
//! tells for any cost of a step, in a third of the time.
//!
//! Most steps are below all caps whatever the battery does, and take four exchanges of segments. In
//! the walk back the price of energy is found among the prices of a few exchanges with the grid; what
//! it exceeds buying by is paid for the caps.

use super::Tariff;
use super::battery::{Battery, Conversion};
use super::cap_bounds::BlockBound;
use super::convex_piecewise::{ConvexPiecewise, Segment};
use super::peak_charge::PeakCharges;
use super::pooled_battery::read_end;

/// Two prices, and how a lossless battery converts energy.
#[derive(Debug)]
pub(super) struct CappedTariff {
    pub tariff: Tariff,
    pub conversion: Conversion,
}

/// A pool with its net load in kWh per step, and the caps on its import.
#[derive(Debug, Clone, Copy)]
pub(super) struct CappedPool<'a> {
    pub load: &'a [f64],
    pub battery: Battery,
    pub charges: &'a PeakCharges,
    pub caps: &'a [f64],
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
pub(super) struct CappedWorkspace {
    function: ConvexPiecewise,
    /// For each step, the slopes of the least cost at an empty and at a full battery.
    limits: Vec<(f64, f64)>,
    step: StepSegments,
    caps: Vec<Cap>,
    end_slope: f64,
}

impl CappedWorkspace {
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
    /// By how much no change costs more than the load without caps.
    dearer: f64,
}

impl CappedTariff {
    /// The least cost of a pool, without what its caps cost. `without` is the cost of the load that
    /// goes to the grid as it is, without caps.
    pub fn value(&self, pool: CappedPool<'_>, without: f64, work: &mut CappedWorkspace) -> f64 {
        let Battery { energy, power, initial_charge } = pool.battery;
        let (drawn, per_delivered) =
            (self.conversion.charge_efficiency(), self.conversion.discharge_efficiency());
        let (per_drawn, delivered) = (1.0 / drawn, 1.0 / per_delivered);
        let (buy, sell) = (self.tariff.buy(), self.tariff.sell());
        let CappedWorkspace { function, limits, step: parts, caps: above, .. } = work;
        function.reset(initial_charge, energy);
        limits.clear();
        let mut dearer = 0.0;
        for run in &pool.charges.runs {
            pool.sort_caps(&run.charges, above);
            let lowest = above.first().map_or(f64::INFINITY, |cap| cap.at);
            for step in run.steps.clone() {
                let (load, buy, sell) = (pool.load[step], buy[step], sell[step]);
                if sell >= 0.0 && lowest - load >= power {
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
                    dearer += parts.dearer;
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

    /// The bounds on each block that the last value gives; `pay` sees what a kWh pays of a charge in a
    /// step, where it pays any.
    pub fn bounds(
        &self,
        pool: CappedPool<'_>,
        work: &mut CappedWorkspace,
        bounds: &mut [BlockBound],
        mut pay: impl FnMut(usize, usize, f64),
    ) {
        let Battery { energy, power, initial_charge } = pool.battery;
        let (drawn, per_delivered) =
            (self.conversion.charge_efficiency(), 1.0 / self.conversion.discharge_efficiency());
        let (buy, sell) = (self.tariff.buy(), self.tariff.sell());
        let CappedWorkspace { limits, caps: above, end_slope, .. } = work;
        let mut price = *end_slope;
        let mut runs = pool.charges.runs.as_slice();
        for (number, bound) in bounds.iter_mut().enumerate().rev() {
            *bound = BlockBound { slopes: vec![0.0; pool.caps.len()], ..BlockBound::default() };
            let mut constant = 0.0;
            // What the next step would pay for charge; none where a block ends.
            let mut next: Option<f64> = None;
            let begin = number.checked_sub(1).map_or(0, |before| pool.charges.ends[before]);
            while let Some((run, before)) =
                runs.split_last().filter(|(run, _)| run.steps.start >= begin)
            {
                runs = before;
                pool.sort_caps(&run.charges, above);
                let lowest = above.first().map_or(f64::INFINITY, |cap| cap.at);
                for step in run.steps.clone().rev() {
                    let (at_empty, at_full) = limits[step];
                    price = price.max(at_empty).min(at_full);
                    match next {
                        Some(next) => constant += (price - next).min(0.0) * energy,
                        None => bound.end = price,
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
                            bound.slopes[cap.charge] -= paid;
                            pay(step, cap.charge, paid);
                        }
                    }
                }
            }
            bound.start = -price;
            if number == 0 {
                constant += bound.start * initial_charge;
                bound.start = 0.0;
            }
            if number + 1 == pool.charges.ends.len() {
                // No less charge than at the beginning, no more than there is room for.
                constant += bound.end * if bound.end < 0.0 { energy } else { initial_charge };
                bound.end = 0.0;
            }
            bound.constant = constant;
        }
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
        let (per_drawn, delivered) = (1.0 / drawn, 1.0 / per_delivered);
        let delivering = |price: f64, kwh: f64| Segment {
            slope: price * per_delivered,
            length: kwh * delivered,
        };
        let drawing =
            |price: f64, kwh: f64| Segment { slope: price * per_drawn, length: kwh * drawn };
        let StepSegments { falling, rising, dearer } = parts;
        falling.clear();
        rising.clear();
        if sell >= 0.0 {
            // What is delivered of the load above an exchange, and drawn below it.
            let above = |kwh: f64| (load - kwh).max(0.0).min(power);
            let below = |kwh: f64| (kwh - load).max(0.0).min(power);
            for (price, from, to) in prices(buy, sell, caps) {
                let (less, more) = (above(from) - above(to), below(to) - below(from));
                if less > 0.0 {
                    falling.push(delivering(price, less));
                }
                if more > 0.0 {
                    rising.push(drawing(price, more));
                }
            }
            *dearer = above_caps(caps, load);
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
                    segments.push(Segment { slope: 0.0, length: stop * (delivered - drawn) });
                    stopped = true;
                }
                let first = kwh.min(delivered_first);
                delivered_first -= first;
                segments.push(delivering(price, first));
                segments.push(drawing(price, kwh - first));
            }
        }
        let mut idle = exchange(buy, sell, load - power) + above_caps(caps, load - power);
        let mut remaining = power * delivered;
        for Segment { slope, length } in segments {
            let below = length.min(remaining);
            remaining -= below;
            idle += slope * below;
            if below > 0.0 {
                falling.push(Segment { slope, length: below });
            }
            if length > below {
                rising.push(Segment { slope, length: length - below });
            }
        }
        *dearer = idle - exchange(buy, sell, load);
    }
}

impl CappedPool<'_> {
    /// The caps of a step, the lowest first.
    fn sort_caps(&self, charges: &[usize], sorted: &mut Vec<Cap>) {
        sorted.clear();
        sorted.extend(charges.iter().map(|&charge| Cap {
            charge,
            at: self.caps[charge],
            price: self.charges.prices[charge],
        }));
        sorted.sort_by(|one, other| one.at.total_cmp(&other.at));
    }
}

/// The cost of an exchange with the grid, without caps.
fn exchange(buy: f64, sell: f64, kwh: f64) -> f64 {
    (buy * kwh).max(sell * kwh)
}

/// What an exchange costs beyond that.
fn above_caps(caps: &[Cap], kwh: f64) -> f64 {
    caps.iter().map(|cap| cap.price * (kwh - cap.at).max(0.0)).sum()
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
