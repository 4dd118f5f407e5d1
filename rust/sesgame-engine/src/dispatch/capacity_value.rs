//! What storage of any size saves, exactly: a concave piecewise-linear function of its size.
//!
//! The least cost of a dispatch is a linear program in which the size stands on the right-hand
//! side, so that what it saves is concave and piecewise linear in the size, and the dual prices of
//! a dispatch are its slope there. Two tangents that meet below the function's graph enclose no
//! other piece; where they meet above it, a dispatch of the size at which they meet finds another
//! tangent (the sandwich algorithm for parametric linear programs, Eisner and Severance 1976). The
//! pieces are finitely many, and each takes some two dispatches.

use super::battery::{Battery, Conversion};
use super::schedule::Pool;
use super::step_cost::StepCosts;
use crate::error::{Error, Result};

/// How energy capacity and power come together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sizing {
    /// Capacity is all that counts: power never binds.
    Energy,
    /// Each kWh of capacity comes with so much power, in kWh per step.
    Bundle(f64),
    /// Power has a price of its own, so many times that of capacity: of a kWh per step.
    Both(f64),
}

/// A size of storage, and up to which rent it is worth its last part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knot {
    /// What the last unit of size saves.
    pub rent: f64,
    /// Capacity, kWh.
    pub energy: f64,
    /// The most that is drawn, and delivered, in a step, kWh.
    pub power: f64,
    /// Capacity plus power at its relative price: what the rent is paid for.
    pub size: f64,
    /// What storage of this size saves.
    pub saved: f64,
}

/// By how much two sums may differ that are the same, for each number that is added.
const ROUNDING: f64 = 1e-15;

/// Halvings in search of a size that is small enough, or of the better share of capacity.
const MOST_HALVINGS: usize = 200;

/// By which the size shrinks in search of the steepest piece.
const SHRINK: f64 = 0.125;

/// A size, what it saves, and the slope of a tangent there.
#[derive(Debug, Clone, Copy)]
struct Tangent {
    size: f64,
    saved: f64,
    slope: f64,
    battery: Battery,
}

impl Tangent {
    fn at(&self, size: f64) -> f64 {
        self.saved + self.slope * (size - self.size)
    }

    /// Where it meets another that lies to the right and is less steep.
    fn meets(&self, right: &Self) -> f64 {
        let rise = right.saved - self.saved - right.slope * (right.size - self.size);
        (self.size + rise / (self.slope - right.slope)).clamp(self.size, right.size)
    }
}

/// What a dispatch tells of one battery.
struct Worth {
    saved: f64,
    /// What one more kWh of capacity, and one more kWh per step of power, saves.
    capacity: f64,
    power: f64,
}

/// Somebody who may rent storage for some steps.
pub(super) struct Renter<'a> {
    pub costs: &'a StepCosts,
    pub conversion: Conversion,
    pub load: &'a [f64],
    pub sizing: Sizing,
}

impl Renter<'_> {
    /// The sizes at which the saving of one more unit falls, in ascending order of size, up to
    /// `most` (which may be infinite).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no largest size that saves more than a smaller one.
    pub fn knots(&self, most: f64) -> Result<Vec<Knot>> {
        let mut end = self.tangent(most.min(self.enough()));
        if most.is_infinite() && end.slope > self.same_slope() {
            // Where nothing but the size limits what is bought to be sold later, it always will.
            end = self.tangent(2.0 * end.size);
            if end.slope > self.same_slope() {
                return Err(Error::InvalidInput(format!(
                    "storage of any size saves {} more for each further kWh",
                    end.slope
                )));
            }
        }
        let mut pieces = Vec::new();
        self.resolve_first(end, &mut pieces);
        let mut knots: Vec<Knot> = Vec::with_capacity(pieces.len());
        for (rent, Tangent { size, saved, battery, .. }) in pieces {
            if rent <= self.same_slope() {
                break;
            }
            let knot = Knot { rent, energy: battery.energy, power: battery.power, size, saved };
            match knots.last_mut() {
                Some(last) if last.rent - rent <= self.same_slope() => {
                    *last = Knot { rent: last.rent.min(rent), ..knot };
                }
                _ => knots.push(knot),
            }
        }
        Ok(knots)
    }

    /// The pieces between nothing and `right`, with the slope and the right end of each.
    fn resolve_first(&self, right: Tangent, pieces: &mut Vec<(f64, Tangent)>) {
        let mut ends = vec![right];
        let mut left = right;
        for _ in 0..MOST_HALVINGS {
            if left.at(0.0) <= self.same_money(left.size) {
                break;
            }
            left = self.tangent(left.size * SHRINK);
            ends.push(left);
        }
        pieces.push((left.slope, left));
        for ends in ends.windows(2).rev() {
            self.resolve(ends[1], ends[0], pieces);
        }
    }

    /// The pieces between two tangents.
    fn resolve(&self, left: Tangent, right: Tangent, pieces: &mut Vec<(f64, Tangent)>) {
        let mut open = vec![(left, right)];
        while let Some((left, right)) = open.pop() {
            let same = self.same_money(right.size);
            if right.at(left.size) - left.saved <= same {
                pieces.push((right.slope, right));
            } else if left.at(right.size) - right.saved <= same {
                pieces.push((left.slope, right));
            } else if left.slope - right.slope <= self.same_slope() {
                pieces.push((0.5 * (left.slope + right.slope), right));
            } else {
                let middle = self.tangent(left.meets(&right));
                if left.at(middle.size) - middle.saved <= same {
                    pieces.push((left.slope, middle));
                    pieces.push((right.slope, right));
                } else if middle.size <= left.size || middle.size >= right.size {
                    // Two sizes with no number between them.
                    pieces.push((right.slope, right));
                } else {
                    open.push((middle, right));
                    open.push((left, middle));
                }
            }
        }
    }

    fn tangent(&self, size: f64) -> Tangent {
        match self.sizing {
            Sizing::Energy => self.of_battery(size, self.enough()),
            Sizing::Bundle(power) => {
                let tangent = self.of_battery(size, size * power);
                Tangent { size, ..tangent }
            }
            Sizing::Both(price) => self.of_best_shares(size, price),
        }
    }

    /// The tangent over capacity, with power in proportion if that is bundled.
    fn of_battery(&self, energy: f64, power: f64) -> Tangent {
        let battery = Battery { energy, power, initial_charge: 0.0 };
        let worth = self.worth(battery);
        let bundled = if let Sizing::Bundle(power) = self.sizing { power } else { 0.0 };
        let slope = worth.capacity + bundled * worth.power;
        Tangent { size: energy, saved: worth.saved, slope, battery }
    }

    /// The tangent over what is paid for capacity and power, divided between them as well as
    /// possible: another concave function of one number, found by tangents as well.
    fn of_best_shares(&self, size: f64, price: f64) -> Tangent {
        let divided = |energy: f64| {
            let power = (size - energy) / price;
            let battery = Battery { energy, power, initial_charge: 0.0 };
            let worth = self.worth(battery);
            let slope = worth.capacity - worth.power / price;
            (Tangent { size: energy, saved: worth.saved, slope, battery }, worth.capacity)
        };
        let same = self.same_money(size);
        let mut left: Option<(Tangent, f64)> = None;
        let mut right: Option<(Tangent, f64)> = None;
        let mut energy = 0.5 * size;
        for _ in 0..MOST_HALVINGS {
            let middle = divided(energy);
            let (tangent, capacity) = middle;
            if tangent.slope.abs() <= self.same_slope() {
                return Tangent { size, slope: capacity, ..tangent };
            }
            if let (Some((left, at_left)), Some((right, at_right))) = (left, right)
                && left.at(energy) - tangent.saved <= same
            {
                let part = left.slope / (left.slope - right.slope);
                let slope = at_left + part * (at_right - at_left);
                return Tangent { size, slope, ..tangent };
            }
            if tangent.slope > 0.0 {
                left = Some(middle);
            } else {
                right = Some(middle);
            }
            let next = match (&left, &right) {
                (Some((left, _)), Some((right, _))) => left.meets(right),
                (Some(_), None) => 0.5 * (energy + size),
                _ => 0.5 * energy,
            };
            if next <= 0.0 || next >= size || next == energy {
                return Tangent { size, slope: capacity, ..tangent };
            }
            energy = next;
        }
        let (tangent, capacity) = divided(energy);
        Tangent { size, slope: capacity, ..tangent }
    }

    fn worth(&self, battery: Battery) -> Worth {
        let pool =
            Pool { costs: self.costs, conversion: self.conversion, load: self.load, battery };
        let (end, prices) = pool.charge_prices();
        let prices = pool.resource_prices(&prices);
        Worth {
            saved: -end.cost,
            capacity: prices.capacity.iter().sum(),
            power: prices.power.iter().sum(),
        }
    }

    /// A size beyond which nothing but buying in order to sell saves any more.
    fn enough(&self) -> f64 {
        let drawn = self.conversion.charge_efficiency();
        let delivered = 1.0 / self.conversion.discharge_efficiency();
        let total: f64 = self.load.iter().map(|load| load.abs()).sum();
        let enough = 2.0 * total * drawn.max(delivered);
        match self.sizing {
            Sizing::Energy => enough,
            Sizing::Bundle(power) => enough + 2.0 * total / power,
            Sizing::Both(price) => enough + 2.0 * total * price,
        }
        .max(f64::MIN_POSITIVE.sqrt())
    }

    /// By how much slopes may differ that are the same.
    fn same_slope(&self) -> f64 {
        let tariff = self.costs.tariff();
        10.0 * ROUNDING * tariff.highest() * self.load.len() as f64
    }

    /// By how much money may differ that is the same, when storage of a size is dispatched: sums
    /// over all steps are rounded like a walk of random steps.
    fn same_money(&self, size: f64) -> f64 {
        let total: f64 = self.load.iter().map(|load| load.abs()).sum();
        let steps = 10.0 + (self.load.len() as f64).sqrt();
        ROUNDING * steps * self.costs.tariff().highest() * (total + size.min(total))
    }
}
