//! What a step costs as a function of how much the charge changes: a convex function with at most
//! five slopes, which depend on the tariff and the efficiencies only; the lengths follow from a
//! coalition's load and power.
//!
//! With load `L`, power `P`, charging `a` and discharging `d` in `[0, P]`, the charge changes by
//! `u = ec a - d / ed` at the cost `max(buy g, sell g)`, `g = L + a - d`. Charging and discharging
//! at once wastes energy. That never pays while a price is positive; with a negative price it is
//! how the community gets paid for taking energy. So the part of the cost that is sold has the
//! slopes `sell ed` (by delivering) and `sell / ec` (by drawing) when `sell >= 0`, and the same two
//! the other way round when `sell < 0`; likewise the part that is bought. When `sell < 0 <= buy`,
//! a stretch of slope 0 lies between them, on which waste keeps the exchange with the grid at 0.

use std::ops::Range;

use super::Tariff;
use super::battery::Conversion;
use super::convex_piecewise::Segment;

/// The scale of a leaking battery's lengths is reduced by this factor when it exceeds it. A power
/// of two: a slope keeps all its bits, and two slopes can be compared at any later time.
const SCALE_RESET: f64 = 1_099_511_627_776.0;

/// The units in which a step counts charge. Charge that decays is left as it is and counted in a
/// smaller unit, so that the segments of a function need not be touched in every step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// Units per kWh.
    pub per_kwh: f64,
    /// kWh per unit.
    kwh: f64,
    /// By how much the number of units per kWh grew since the last step.
    pub growth: f64,
    /// What all amounts are multiplied by after that, where it is not 1.
    pub reset: Option<f64>,
}

impl Unit {
    pub const KWH: Self = Self { per_kwh: 1.0, kwh: 1.0, growth: 0.0, reset: None };

    /// A segment in price per kWh and kWh in this unit.
    #[inline]
    pub fn convert(&self, segment: Segment) -> Segment {
        Segment { slope: segment.slope * self.kwh, length: segment.length * self.per_kwh }
    }

    /// A slope in price per kWh.
    pub fn price(&self, slope: f64) -> f64 {
        slope * self.per_kwh
    }
}

/// The costs of all steps.
#[derive(Debug)]
pub(super) struct StepCosts {
    tariff: Tariff,
    /// Charge per kWh drawn and its inverse, charge per kWh delivered and its inverse.
    drawn: f64,
    per_drawn: f64,
    delivered: f64,
    per_delivered: f64,
    /// None when no charge is lost.
    units: Option<Vec<Unit>>,
}

impl StepCosts {
    pub fn new(tariff: Tariff, conversion: Conversion) -> Self {
        let (drawn, per_delivered) =
            (conversion.charge_efficiency(), conversion.discharge_efficiency());
        Self {
            units: (conversion.retention() < 1.0)
                .then(|| units(conversion.retention(), tariff.n_steps())),
            tariff,
            drawn,
            per_drawn: 1.0 / drawn,
            delivered: 1.0 / per_delivered,
            per_delivered,
        }
    }

    pub fn tariff(&self) -> &Tariff {
        &self.tariff
    }

    /// The costs of some steps, as if there were no others.
    pub fn of_steps(&self, steps: Range<usize>, conversion: Conversion) -> Self {
        Self::new(self.tariff.of_steps(steps), conversion)
    }

    /// The unit of charge in a step.
    #[inline]
    pub fn unit(&self, step: usize) -> &Unit {
        self.units.as_ref().map_or(&Unit::KWH, |units| &units[step])
    }

    /// How much the charge falls in one step at full power.
    pub fn most_discharged(&self, power: f64) -> f64 {
        power * self.delivered
    }

    /// The cost of an exchange with the grid.
    #[inline]
    pub fn exchange(&self, step: usize, grid: f64) -> f64 {
        (self.tariff.buy()[step] * grid).max(self.tariff.sell()[step] * grid)
    }

    /// The cost of a step as segments over the change of the charge, from the largest discharge
    /// to the largest charge, but for segments of length 0.
    #[inline]
    pub fn segments(&self, step: usize, load: f64, power: f64) -> [Segment; 5] {
        let (buy, sell) = (self.tariff.buy()[step], self.tariff.sell()[step]);
        let import = load.max(0.0).min(power);
        let surplus = (-load).max(0.0).min(power);
        let [exported, absorbed] = self.legs(sell, power - import, surplus);
        let [displaced, imported] = self.legs(buy, import, power - surplus);
        let wasted = if sell < 0.0 && buy >= 0.0 {
            (self.delivered - self.drawn) * (power - import - surplus)
        } else {
            0.0
        };
        [exported, absorbed, Segment { slope: 0.0, length: wasted }, displaced, imported]
    }

    /// The two segments that a price gives, in ascending order of slope: delivering and drawing.
    #[inline]
    fn legs(&self, price: f64, first: f64, second: f64) -> [Segment; 2] {
        let delivering =
            |kwh| Segment { slope: price * self.per_delivered, length: kwh * self.delivered };
        let drawing = |kwh| Segment { slope: price * self.per_drawn, length: kwh * self.drawn };
        if price >= 0.0 {
            [delivering(first), drawing(second)]
        } else {
            [drawing(first), delivering(second)]
        }
    }
}

/// The units of charge when the share `retention` of it is kept in each step.
pub(super) fn units(retention: f64, n_steps: usize) -> Vec<Unit> {
    let mut per_kwh = 1.0;
    let next = |_| {
        let growth = per_kwh / retention - per_kwh;
        per_kwh += growth;
        let reset = (per_kwh > SCALE_RESET).then_some(1.0 / SCALE_RESET);
        per_kwh *= reset.unwrap_or(1.0);
        Unit { per_kwh, kwh: 1.0 / per_kwh, growth, reset }
    };
    (0..n_steps).map(next).collect()
}

/// Each segment as its parts on which the charge falls and rises, when it falls by at most
/// `most_discharged`.
pub(super) fn split_at_idle(
    segments: &[Segment; 5],
    most_discharged: f64,
) -> [(Segment, Segment); 5] {
    let mut remaining = most_discharged;
    segments.map(|Segment { slope, length }| {
        let falling = length.min(remaining);
        remaining -= falling;
        (Segment { slope, length: falling }, Segment { slope, length: length - falling })
    })
}
