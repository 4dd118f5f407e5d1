//! What storage of any size saves, exactly: a concave piecewise-linear function of its size.
//!
//! The least cost of a dispatch is a linear program in which the size stands on the right-hand
//! side, so that what it saves is concave and piecewise linear in the size, and the dual prices of
//! a dispatch are its slope there. Two tangents that meet below the function's graph enclose no
//! other piece; where they meet above it, a dispatch of the size at which they meet finds another
//! tangent (the sandwich algorithm for parametric linear programs, Eisner and Severance 1976). The
//! pieces are finitely many, and each takes some two dispatches.
//!
//! Where power does not depend on the size, most of these are short. Between two moments at which
//! the storage is empty or full, what is charged less what is discharged is nothing or the whole
//! size. So as the size grows, the price of charge rises where it is filled and falls where it is
//! emptied, and the charge rises at all moments: a storage that has to be empty at some moment has
//! to be empty there at every smaller size as well. What comes before and after that moment are
//! two problems then, and what both save adds up.

use super::battery::{Battery, Conversion};
use super::charge_walk::{ChargePrice, Held};
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

/// Sizes that differ by no more than this part are one.
const SAME: f64 = 1e-12;

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

/// A part of the sizes on which each further unit saves the same, and where it ends.
#[derive(Debug, Clone, Copy)]
struct Piece {
    slope: f64,
    end: Tangent,
}

/// The same of a few steps.
#[derive(Debug, Clone, Copy)]
struct Rise {
    slope: f64,
    /// Where it ends.
    size: f64,
}

/// Some steps, before and after which the storage is empty.
struct Window<'a> {
    costs: &'a StepCosts,
    conversion: Conversion,
    load: &'a [f64],
}

/// What a window saves with one size.
struct Found {
    size: f64,
    saved: f64,
    slope: f64,
    /// After which steps, but the last, it has to be empty.
    empty_after: Vec<usize>,
}

impl Found {
    fn at(&self, size: f64) -> f64 {
        self.saved + self.slope * (size - self.size)
    }
}

impl Window<'_> {
    fn found(&self, energy: f64, power: f64) -> Found {
        let battery = Battery { energy, power, initial_charge: 0.0 };
        let pool =
            Pool { costs: self.costs, conversion: self.conversion, load: self.load, battery };
        let (end, prices) = pool.charge_prices();
        let before_last = prices.len() - 1;
        // Where more charge would cost less than nothing, it would not be left for the end.
        let is_empty = |price: &ChargePrice| price.held == Held::Empty && price.price >= 0.0;
        Found {
            size: energy,
            saved: -end.cost,
            slope: prices.iter().map(ChargePrice::of_capacity).sum(),
            empty_after: (0..before_last).filter(|&step| is_empty(&prices[step])).collect(),
        }
    }

    /// The parts of the sizes from `low` to `high` on which each further unit saves the same.
    fn rises(&self, power: f64, low: f64, high: f64, rises: &mut Vec<Rise>) {
        let right = self.found(high, power);
        if !right.empty_after.is_empty() {
            self.rises_apart(&right.empty_after, power, low, high, rises);
        } else if low > 0.0 {
            self.rises_between(power, self.found(low, power), right, rises);
        } else {
            self.rises_from_nothing(power, right, rises);
        }
    }

    /// The same where windows are apart: what they save adds up.
    fn rises_apart(
        &self,
        empty_after: &[usize],
        power: f64,
        low: f64,
        high: f64,
        rises: &mut Vec<Rise>,
    ) {
        let mut starts = vec![0];
        starts.extend(empty_after.iter().map(|step| step + 1));
        let ends = starts.iter().skip(1).copied().chain([self.load.len()]);
        let mut parts: Vec<Vec<Rise>> = Vec::new();
        for (start, end) in starts.iter().copied().zip(ends) {
            let tariff = self.costs.tariff();
            if end - start == 1 && tariff.buy()[start].min(tariff.sell()[start]) >= 0.0 {
                // Nothing is shifted within one step, and nobody is paid for taking energy.
                continue;
            }
            let costs = self.costs.of_steps(start..end, self.conversion);
            let load = &self.load[start..end];
            let window = Window { costs: &costs, conversion: self.conversion, load };
            let mut part = Vec::new();
            window.rises(power, low, high, &mut part);
            if part.iter().any(|rise| rise.slope != 0.0) {
                parts.push(part);
            }
        }
        let mut ends: Vec<f64> = parts.iter().flatten().map(|rise| rise.size).collect();
        ends.sort_by(f64::total_cmp);
        ends.push(high);
        let mut at = vec![0; parts.len()];
        let mut from = low;
        for (place, &size) in ends.iter().enumerate() {
            let is_last_of_same = ends.get(place + 1).is_none_or(|next| next - size > SAME * size);
            if is_last_of_same && size > from {
                let middle = 0.5 * (from + size);
                let mut slope = 0.0;
                for (part, at) in parts.iter().zip(&mut at) {
                    while *at + 1 < part.len() && part[*at].size <= middle {
                        *at += 1;
                    }
                    slope += part[*at].slope;
                }
                rises.push(Rise { slope, size });
                from = size;
            }
        }
    }

    fn rises_from_nothing(&self, power: f64, right: Found, rises: &mut Vec<Rise>) {
        let mut ends = vec![right];
        loop {
            let right = ends.last().expect("one at least");
            let is_steepest = right.at(0.0) <= self.same_money(right.size);
            if is_steepest || ends.len() > MOST_HALVINGS {
                rises.push(Rise { slope: right.slope, size: right.size });
                break;
            }
            let left = self.found(right.size * SHRINK, power);
            if !left.empty_after.is_empty() {
                self.rises_apart(&left.empty_after, power, 0.0, left.size, rises);
                ends.push(left);
                break;
            }
            ends.push(left);
        }
        while let (Some(left), Some(right)) = (ends.pop(), ends.pop()) {
            let next = Found { empty_after: Vec::new(), ..right };
            self.rises_between(power, left, right, rises);
            ends.push(next);
        }
    }

    fn rises_between(&self, power: f64, left: Found, right: Found, rises: &mut Vec<Rise>) {
        let mut open = vec![(left, right)];
        while let Some((left, right)) = open.pop() {
            let same = self.same_money(right.size);
            let end = |slope: f64| Rise { slope, size: right.size };
            if right.at(left.size) - left.saved <= same {
                rises.push(end(right.slope));
            } else if left.at(right.size) - right.saved <= same {
                rises.push(end(left.slope));
            } else if left.slope - right.slope <= self.same_slope() {
                rises.push(end(0.5 * (left.slope + right.slope)));
            } else {
                let up = right.saved - left.saved - right.slope * (right.size - left.size);
                let size = left.size + up / (left.slope - right.slope);
                let size = size.clamp(left.size, right.size);
                let middle = self.found(size, power);
                if left.at(size) - middle.saved <= same {
                    rises.push(Rise { slope: left.slope, size });
                    rises.push(end(right.slope));
                } else if size <= left.size || size >= right.size {
                    // Two sizes with no number between them.
                    rises.push(end(right.slope));
                } else if middle.empty_after.is_empty() {
                    let same_middle = Found { empty_after: Vec::new(), ..middle };
                    open.push((same_middle, right));
                    open.push((left, middle));
                } else {
                    self.rises_apart(&middle.empty_after, power, left.size, size, rises);
                    open.push((middle, right));
                }
            }
        }
    }

    fn total(&self) -> f64 {
        self.load.iter().map(|load| load.abs()).sum()
    }

    /// By how much slopes may differ that are the same.
    fn same_slope(&self) -> f64 {
        10.0 * ROUNDING * self.costs.tariff().highest() * self.load.len() as f64
    }

    /// By how much money may differ that is the same, when storage of a size is dispatched: sums
    /// over all steps are rounded like a walk of random steps.
    fn same_money(&self, size: f64) -> f64 {
        let total = self.total();
        let steps = 10.0 + (self.load.len() as f64).sqrt();
        ROUNDING * steps * self.costs.tariff().highest() * (total + size.min(total))
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
    /// [`Error::InvalidInput`] when each size saves less than some larger one.
    pub fn knots(&self, most: f64) -> Result<Vec<Knot>> {
        if most.is_infinite()
            && let Some((bought, sold)) = self.resale()
        {
            return Err(Error::InvalidInput(format!(
                "demand has no limit: what is bought in step {bought} is sold for more in step \
                 {sold}"
            )));
        }
        let end = self.tangent(most.min(self.enough()));
        let pieces =
            if self.sizing == Sizing::Energy { self.of_windows(end) } else { self.of_whole(end) };
        let mut knots: Vec<Knot> = Vec::with_capacity(pieces.len());
        for Piece { slope: rent, end: Tangent { size, saved, battery, .. } } in pieces {
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

    /// A step in which energy is bought for less than it is sold for in another, or for which
    /// somebody pays, if there is one.
    fn resale(&self) -> Option<(usize, usize)> {
        let tariff = self.costs.tariff();
        let mut cheapest = (f64::INFINITY, 0);
        for (step, (&buy, &sell)) in tariff.buy().iter().zip(tariff.sell()).enumerate() {
            if sell * self.conversion.discharge_efficiency() > cheapest.0 {
                return Some((cheapest.1, step));
            }
            let stored = buy / self.conversion.charge_efficiency();
            if stored < 0.0 {
                return Some((step, step));
            }
            if stored < cheapest.0 {
                cheapest = (stored, step);
            }
        }
        None
    }

    /// The pieces between nothing and `end`, found from all steps at once.
    fn of_whole(&self, end: Tangent) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.resolve_first(end, &mut pieces);
        pieces
    }

    /// The pieces between nothing and `end`, found from as few steps at a time as possible.
    fn of_windows(&self, end: Tangent) -> Vec<Piece> {
        let power = end.battery.power;
        let mut sums = Vec::new();
        self.window().rises(power, 0.0, end.size, &mut sums);
        let (mut pieces, mut saved, mut from) = (Vec::with_capacity(sums.len()), 0.0, 0.0);
        for Rise { slope, size } in sums {
            saved += slope * (size - from);
            from = size;
            let battery = Battery { energy: size, power, initial_charge: 0.0 };
            pieces.push(Piece { slope, end: Tangent { size, saved, slope, battery } });
        }
        pieces
    }

    fn window(&self) -> Window<'_> {
        Window { costs: self.costs, conversion: self.conversion, load: self.load }
    }

    /// The pieces between nothing and `right`, with the slope and the right end of each.
    fn resolve_first(&self, right: Tangent, pieces: &mut Vec<Piece>) {
        let mut ends = vec![right];
        let mut left = right;
        for _ in 0..MOST_HALVINGS {
            if left.at(0.0) <= self.same_money(left.size) {
                break;
            }
            left = self.tangent(left.size * SHRINK);
            ends.push(left);
        }
        pieces.push(Piece { slope: left.slope, end: left });
        for ends in ends.windows(2).rev() {
            self.resolve(ends[1], ends[0], pieces);
        }
    }

    /// The pieces between two tangents.
    fn resolve(&self, left: Tangent, right: Tangent, pieces: &mut Vec<Piece>) {
        let mut open = vec![(left, right)];
        while let Some((left, right)) = open.pop() {
            let same = self.same_money(right.size);
            if right.at(left.size) - left.saved <= same {
                pieces.push(Piece { slope: right.slope, end: right });
            } else if left.at(right.size) - right.saved <= same {
                pieces.push(Piece { slope: left.slope, end: right });
            } else if left.slope - right.slope <= self.same_slope() {
                pieces.push(Piece { slope: 0.5 * (left.slope + right.slope), end: right });
            } else {
                let middle = self.tangent(left.meets(&right));
                if left.at(middle.size) - middle.saved <= same {
                    pieces.push(Piece { slope: left.slope, end: middle });
                    pieces.push(Piece { slope: right.slope, end: right });
                } else if middle.size <= left.size || middle.size >= right.size {
                    // Two sizes with no number between them.
                    pieces.push(Piece { slope: right.slope, end: right });
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

    fn same_slope(&self) -> f64 {
        self.window().same_slope()
    }

    fn same_money(&self, size: f64) -> f64 {
        self.window().same_money(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Tariff;

    fn knots(load: &[f64], buy: &[f64], sell: &[f64], sizing: Sizing) -> Result<Vec<Knot>> {
        let conversion = Conversion::new(1.0, 1.0, 1.0).unwrap();
        let costs = StepCosts::new(Tariff::new(buy.to_vec(), sell.to_vec()).unwrap(), conversion);
        Renter { costs: &costs, conversion, load, sizing }.knots(f64::INFINITY)
    }

    const LOAD: [f64; 6] = [0.0, 5.0, 0.0, 4.0, -3.0, 2.0];
    const BUY: [f64; 6] = [0.1, 0.3, 0.1, 0.25, 0.2, 0.3];
    const SELL: [f64; 6] = [0.05; 6];

    #[test]
    fn each_knot_saves_what_a_dispatch_of_its_size_does() {
        for sizing in [Sizing::Energy, Sizing::Bundle(0.5), Sizing::Both(0.5)] {
            let conversion = Conversion::new(1.0, 1.0, 1.0).unwrap();
            let costs = StepCosts::new(Tariff::new(BUY.into(), SELL.into()).unwrap(), conversion);
            let renter = Renter { costs: &costs, conversion, load: &LOAD, sizing };
            let knots = renter.knots(f64::INFINITY).unwrap();
            assert!(knots.is_sorted_by(|a, b| a.rent > b.rent && a.size < b.size));
            for knot in &knots {
                let Knot { energy, power, .. } = *knot;
                let worth = renter.worth(Battery { energy, power, initial_charge: 0.0 });
                assert!((worth.saved - knot.saved).abs() < 1e-12, "{sizing:?}: {knot:?}");
            }
        }
    }

    #[test]
    fn windows_that_are_apart_find_the_same_as_all_steps_at_once() {
        let conversion = Conversion::new(1.0, 1.0, 1.0).unwrap();
        let costs = StepCosts::new(Tariff::new(BUY.into(), SELL.into()).unwrap(), conversion);
        let renter = Renter { costs: &costs, conversion, load: &LOAD, sizing: Sizing::Energy };
        let end = renter.tangent(renter.enough());
        let (whole, windows) = (renter.of_whole(end), renter.of_windows(end));
        let falls = |pieces: &[Piece]| -> Vec<(f64, f64)> {
            let last_of_same = |place: usize| {
                let next = pieces.get(place + 1);
                next.is_none_or(|next| pieces[place].slope - next.slope > 1e-12)
            };
            let at = |place: usize| (pieces[place].slope, pieces[place].end.size);
            (0..pieces.len()).filter(|&place| last_of_same(place)).map(at).collect()
        };
        let (whole, windows) = (falls(&whole), falls(&windows));
        assert_eq!(whole.len(), windows.len());
        for (one, other) in whole.iter().zip(&windows) {
            assert!((one.0 - other.0).abs() < 1e-12 && (one.1 - other.1).abs() < 1e-9);
        }
    }

    #[test]
    fn energy_that_is_bought_to_be_sold_has_no_limit() {
        let error = knots(&[1.0; 2], &[0.1, 0.3], &[0.0, 0.2], Sizing::Energy).unwrap_err();
        assert!(error.to_string().contains("bought in step 0 is sold for more in step 1"));
        assert!(knots(&[1.0; 2], &[-0.1, 0.3], &[-0.2, 0.0], Sizing::Bundle(1.0)).is_err());
        assert_eq!(knots(&[1.0; 2], &[0.1, 0.3], &[0.0; 2], Sizing::Energy).unwrap().len(), 1);
    }
}
