//! What a step costs as a function of how much the charge changes: a convex function with at most
//! five slopes, which depend on the tariff and the efficiencies only. They are ranked once for all
//! coalitions; the lengths then follow from a coalition's load and power.
//!
//! With load `L`, power `P`, charging `a` and discharging `d` in `[0, P]`, the charge changes by
//! `u = ec a - d / ed` at the cost `max(buy g, sell g)`, `g = L + a - d`. Charging and discharging
//! at once wastes energy. That never pays while a price is positive; with a negative price it is
//! how the community gets paid for taking energy. So the part of the cost that is sold has the
//! slopes `sell ed` (by delivering) and `sell / ec` (by drawing) when `sell >= 0`, and the same two
//! the other way round when `sell < 0`; likewise the part that is bought. When `sell < 0 <= buy`,
//! a stretch of slope 0 lies between them, on which waste keeps the exchange with the grid at 0.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::Tariff;
use super::battery::Conversion;

/// The scale of a leaking battery's lengths is reset when it exceeds this bound.
const LARGEST_SCALE: f64 = 1_099_511_627_776.0;

/// A part of a step's cost that is linear in the change of the charge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// The place of the slope among all slopes of all steps.
    pub rank: u32,
    /// Price per kWh of charge.
    pub slope: f64,
    /// Change of the charge, kWh.
    pub length: f64,
}

impl Stretch {
    /// The same with `scale` units to the kWh.
    #[inline]
    pub fn in_unit(self, scale: f64) -> Self {
        Self { slope: self.slope / scale, length: self.length * scale, ..self }
    }
}

/// The prices of a step, and the ranks of the four slopes that follow from them.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepPrices {
    pub buy: f64,
    pub sell: f64,
    /// Sold and sold, bought and bought, each pair in ascending order of slope.
    ranks: [u32; 4],
}

impl StepPrices {
    /// The cost of an exchange with the grid.
    #[inline]
    pub fn exchange(&self, grid: f64) -> f64 {
        (self.buy * grid).max(self.sell * grid)
    }
}

/// How the unit of charge changes before a step. Charge that decays is left as it is and counted
/// in a smaller unit, so that the segments of a function need not be touched in every step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decay {
    /// By how much the number of units per kWh grows.
    pub growth: f64,
    /// What all amounts are multiplied by after that.
    pub reset: Option<f64>,
    /// Units per kWh in the step.
    pub scale: f64,
}

/// The costs of all steps.
#[derive(Debug)]
pub(super) struct StepCosts {
    conversion: Conversion,
    /// Each pair of prices once, or each step once when charge decays.
    prices: Vec<StepPrices>,
    prices_of_step: Vec<u32>,
    /// None when no charge is lost.
    decays: Option<Vec<Decay>>,
    n_ranks: usize,
    zero_rank: u32,
}

impl StepCosts {
    pub fn new(tariff: &Tariff, conversion: Conversion) -> Self {
        let decays = (conversion.retention() < 1.0)
            .then(|| decays(conversion.retention(), tariff.n_steps()));
        let mut known = HashMap::new();
        let mut prices = Vec::new();
        let mut slopes = vec![(SlopeOrder::new(0.0, 0.0), usize::MAX)];
        let mut prices_of_step = Vec::with_capacity(tariff.n_steps());
        for (step, (&buy, &sell)) in tariff.buy().iter().zip(tariff.sell()).enumerate() {
            let since = if decays.is_some() { step } else { 0 };
            let index = *known.entry((buy.to_bits(), sell.to_bits(), since)).or_insert_with(|| {
                let log_decay = (since + 1) as f64 * conversion.retention().ln();
                for (slope, _) in legs(&conversion, sell).into_iter().chain(legs(&conversion, buy))
                {
                    slopes.push((SlopeOrder::new(slope, log_decay), slopes.len() - 1));
                }
                prices.push(StepPrices { buy, sell, ranks: [0; 4] });
                prices.len() as u32 - 1
            });
            prices_of_step.push(index);
        }
        slopes.sort_unstable_by(|a, b| a.0.compare(&b.0));
        let (mut rank, mut zero_rank) = (0, 0);
        for index in 0..slopes.len() {
            if index > 0 && slopes[index - 1].0.compare(&slopes[index].0).is_lt() {
                rank += 1;
            }
            match slopes[index].1 {
                usize::MAX => zero_rank = rank,
                place => prices[place / 4].ranks[place % 4] = rank,
            }
        }
        let n_ranks = rank as usize + 1;
        Self { conversion, prices, prices_of_step, decays, n_ranks, zero_rank }
    }

    /// The number of different slopes, of which 0 is one.
    pub fn n_ranks(&self) -> usize {
        self.n_ranks
    }

    /// The rank of slope 0.
    pub fn zero_rank(&self) -> u32 {
        self.zero_rank
    }

    /// How much the charge falls in one step at full power.
    pub fn most_discharged(&self, power: f64) -> f64 {
        power / self.conversion.discharge_efficiency()
    }

    #[inline]
    pub fn prices(&self, step: usize) -> &StepPrices {
        &self.prices[self.prices_of_step[step] as usize]
    }

    /// None when no charge is lost.
    #[inline]
    pub fn decay(&self, step: usize) -> Option<&Decay> {
        self.decays.as_ref().map(|decays| &decays[step])
    }

    /// The stretches of a step's cost at net load `load` and power `power`, in ascending order of
    /// slope but for stretches of length 0.
    #[inline]
    pub fn stretches(&self, prices: &StepPrices, load: f64, power: f64) -> [Stretch; 5] {
        let import = load.max(0.0).min(power);
        let surplus = (-load).max(0.0).min(power);
        let sold = legs(&self.conversion, prices.sell);
        let bought = legs(&self.conversion, prices.buy);
        let stretch = |place: usize, (slope, charge_per_kwh): (f64, f64), kwh: f64| Stretch {
            rank: prices.ranks[place],
            slope,
            length: charge_per_kwh * kwh,
        };
        let wasted = if prices.sell < 0.0 && prices.buy >= 0.0 {
            let [(_, delivered), (_, drawn)] = legs(&self.conversion, 1.0);
            (delivered - drawn) * (power - import - surplus)
        } else {
            0.0
        };
        [
            stretch(0, sold[0], power - import),
            stretch(1, sold[1], surplus),
            Stretch { rank: self.zero_rank, slope: 0.0, length: wasted },
            stretch(2, bought[0], import),
            stretch(3, bought[1], power - surplus),
        ]
    }
}

/// The two slopes that a price gives, in ascending order, and the charge per kWh at the terminals
/// on each: delivering and drawing.
#[inline]
fn legs(conversion: &Conversion, price: f64) -> [(f64, f64); 2] {
    let delivering =
        (price * conversion.discharge_efficiency(), 1.0 / conversion.discharge_efficiency());
    let drawing = (price / conversion.charge_efficiency(), conversion.charge_efficiency());
    if price >= 0.0 { [delivering, drawing] } else { [drawing, delivering] }
}

fn decays(retention: f64, n_steps: usize) -> Vec<Decay> {
    let mut scale = 1.0;
    let mut decay = || {
        let growth = scale / retention - scale;
        scale += growth;
        let reset = (scale > LARGEST_SCALE).then(|| 1.0 / std::mem::replace(&mut scale, 1.0));
        Decay { growth, reset, scale }
    };
    (0..n_steps).map(|_| decay()).collect()
}

/// Where a slope stands among slopes of other steps: charge that decays makes what was paid for it
/// a higher price per kWh that is left. Compared by logarithm, since over a year the factor may
/// leave the range of a number; without decay by the slope itself, so that only equal ones tie.
#[derive(Debug, Clone, Copy)]
struct SlopeOrder {
    sign: Ordering,
    size: f64,
}

impl SlopeOrder {
    fn new(slope: f64, log_decay: f64) -> Self {
        let sign = if slope > 0.0 {
            Ordering::Greater
        } else if slope < 0.0 {
            Ordering::Less
        } else {
            Ordering::Equal
        };
        let size = if sign.is_eq() || log_decay == 0.0 {
            slope.abs()
        } else {
            slope.abs().ln() + log_decay
        };
        Self { sign, size: if slope < 0.0 { -size } else { size } }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.sign.cmp(&other.sign).then(self.size.total_cmp(&other.size))
    }
}
