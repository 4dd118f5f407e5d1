//! From the least cost after each step to the prices of charge, and from those to the charges.
//!
//! The price of charge follows backwards in time: it is that of the next step (less the decay) as
//! long as it lies between the slopes of the least cost at an empty and at a full battery; where it
//! does not, the battery is empty or full at that moment and the price is the slope. All of them are
//! slopes that a step brought in, compared bit by bit, so nothing depends on a tolerance. Each price
//! says how far the battery is charged or discharged in its step, but for ties; a pass forwards
//! finds which charges are then possible, and a pass backwards chooses among them.

use super::convex_piecewise::Segment;
use super::step_cost::Unit;

/// What holds the charge at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Held {
    Nowhere,
    Empty,
    Full,
}

/// The price of charge after a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChargePrice {
    /// As the slope of the least cost, in the unit of charge of the step.
    pub slope: f64,
    /// Price per kWh.
    pub price: f64,
    /// Price per kWh that the next step would pay.
    pub next: f64,
    pub held: Held,
}

impl ChargePrice {
    /// The price after a step when the next one would pay `slope`, between the slopes of the least
    /// cost at an empty and at a full battery, where there are any.
    #[inline]
    pub fn new(
        unit: &Unit,
        mut slope: f64,
        (at_empty, at_full): (Option<f64>, Option<f64>),
    ) -> Self {
        let next = unit.price(slope);
        let mut held = Held::Nowhere;
        match (at_empty, at_full) {
            (Some(least), _) if least > slope => (slope, held) = (least, Held::Empty),
            (_, Some(most)) if most < slope => (slope, held) = (most, Held::Full),
            _ => {}
        }
        Self { slope, price: unit.price(slope), next, held }
    }

    /// What a kWh of capacity earns at that moment.
    pub fn of_capacity(&self) -> f64 {
        if self.held == Held::Full { self.next - self.price } else { 0.0 }
    }

    /// Between which changes of the charge the price leaves a choice, when the step costs as much
    /// over them as `segments` from the change `least` on.
    pub fn changes(
        &self,
        unit: &Unit,
        least: f64,
        segments: impl IntoIterator<Item = Segment>,
    ) -> (f64, f64) {
        let (mut from, mut to) = (least, least);
        for segment in segments {
            let slope = unit.convert(segment).slope;
            from += if slope < self.slope { segment.length } else { 0.0 };
            to += if slope <= self.slope { segment.length } else { 0.0 };
        }
        (from, to)
    }
}

/// A charge at the beginning and after each step, when the battery holds up to `energy` kWh of which
/// the share `retention` is kept in each step, for what holds the charge after each step and the
/// changes that are possible in it.
pub(super) fn charges(
    initial_charge: f64,
    energy: f64,
    retention: f64,
    steps: &[(Held, (f64, f64))],
) -> Vec<f64> {
    let (mut low, mut high) = (initial_charge, initial_charge);
    let mut reach = vec![(low, high)];
    for &(held, (from, to)) in steps {
        (low, high) = match held {
            Held::Nowhere => (
                (retention * low + from).clamp(0.0, energy),
                (retention * high + to).clamp(0.0, energy),
            ),
            Held::Empty => (0.0, 0.0),
            Held::Full => (energy, energy),
        };
        reach.push((low, high));
    }
    let mut charge = initial_charge.clamp(low, high);
    let mut charges = vec![charge];
    for (&(low, high), &(_, (from, to))) in reach.iter().zip(steps).rev() {
        // Of all charges that lead here, one from which least has to change.
        let before = charge - 0.0_f64.clamp(from, to);
        charge = (before / retention).clamp(low, high);
        charges.push(charge);
    }
    charges.reverse();
    charges
}
