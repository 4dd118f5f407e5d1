//! The proximal operator of one battery, exactly: the nearest thing to a target that it can do.
//!
//! `min rho/2 |x + k - a|² + w sum d` over what is charged c and discharged d, with `x = c - d`, the
//! charge `e_t = e_{t-1} + eta_c c_t - d_t / eta_d` in `[0, E]`, no less at the end than at the start,
//! and unused generation k up to a bound. Let `lambda` be the price of charge. The best net charge of a
//! step is a non-decreasing piecewise-linear function of it, the cost of having charge e after t steps
//! is convex and piecewise quadratic, and the inverse of its slope is the sum of those functions, cut
//! off at 0 and E after each step. Backwards, the price changes only where it leaves the range in which
//! the battery is neither empty nor full. What is exchanged is unique; it needs the prices alone.

use super::charge_at_price::{ChargeAtPrice, PriceRange, Vertex};

/// A battery, in kWh per step at its terminals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub energy: f64,
    pub charge: f64,
    pub discharge: f64,
    pub initial: f64,
    /// Stored for each kWh drawn.
    pub kept: f64,
    /// Taken out for each kWh delivered.
    pub taken: f64,
    /// The cost of a kWh delivered.
    pub wear: f64,
}

/// What a step is to come near to.
#[derive(Debug, Clone, Copy)]
struct Aim {
    target: f64,
    /// The most that may be added for nothing, and is of no other use: generation that is not used.
    unused: f64,
    rho: f64,
}

/// On which side of a jump.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Below,
    Above,
}

/// Room for the work of one thread.
#[derive(Debug, Default)]
pub(super) struct ProximalWork {
    charge: ChargeAtPrice,
    step: Vec<Vertex>,
    prices: Vec<f64>,
    ranges: Vec<PriceRange>,
}

impl Cell {
    /// The price of charge from which on down energy is burnt by charging and discharging at once.
    fn burning(&self) -> f64 {
        let lost = self.taken - self.kept;
        if lost > 0.0 { -self.wear / lost } else { f64::NEG_INFINITY }
    }

    /// The price of charge at which it costs nothing to deliver.
    fn free_discharge(&self) -> f64 {
        -self.wear / self.taken
    }

    /// What is charged and discharged in a step at a price of charge.
    fn moves(&self, aim: Aim, price: f64, side: Side) -> (f64, f64) {
        let is_below = side == Side::Below;
        // Compared as prices, since a product of a price may miss a jump by a bit.
        let before = |jump: f64| price < jump || (price == jump && is_below);
        // The exchange at which the marginal cost of the distance is so much.
        let exchange = |cost: f64, free: f64| {
            aim.target + cost / aim.rho - if before(free) { aim.unused } else { 0.0 }
        };
        let charging = exchange(price * self.kept, 0.0);
        let discharging = exchange(self.wear + price * self.taken, self.free_discharge());
        let burns = before(self.burning());
        let (more, less) = if burns { (self.discharge, self.charge) } else { (0.0, 0.0) };
        (
            (charging + more).max(0.0).min(self.charge),
            (less - discharging).max(0.0).min(self.discharge),
        )
    }

    /// The best net charge of a step at each price.
    fn at_prices(&self, aim: Aim, prices: &mut Vec<f64>, step: &mut Vec<Vertex>) {
        prices.clear();
        let burning = self.burning();
        if burning.is_finite() {
            prices.push(burning);
        }
        if aim.unused > 0.0 {
            prices.extend([0.0, self.free_discharge()]);
        }
        let unused = [0.0, aim.unused];
        let burnt = [(0.0, 0.0), (self.discharge, self.charge)];
        for &unused in &unused[..1 + usize::from(aim.unused > 0.0)] {
            let middle = aim.target - unused;
            for &(more, less) in &burnt[..1 + usize::from(burning.is_finite())] {
                let charging = |exchange: f64| (exchange - middle) * aim.rho / self.kept;
                let discharging =
                    |exchange: f64| ((exchange - middle) * aim.rho - self.wear) / self.taken;
                prices.extend([
                    charging(-more),
                    charging(self.charge - more),
                    discharging(less),
                    discharging(less - self.discharge),
                ]);
            }
        }
        prices.sort_unstable_by(f64::total_cmp);
        prices.dedup();
        step.clear();
        let net = |(charge, discharge): (f64, f64)| self.kept * charge - self.taken * discharge;
        let mut highest = f64::NEG_INFINITY;
        for &price in prices.iter() {
            // Rounding does not make a function fall.
            let below = net(self.moves(aim, price, Side::Below)).max(highest);
            let above = net(self.moves(aim, price, Side::Above)).max(below);
            highest = above;
            step.push(Vertex { price, below, above });
        }
    }

    /// Writes the exchange `x + k` nearest to the targets `a`, and returns what that wears off.
    ///
    /// What is charged and discharged is not unique where energy is burnt or left unused, but its least
    /// cost is: that of the linear program whose dual values are the prices of charge and the slopes of
    /// the distance, less what those slopes weigh the exchange.
    pub fn nearest(
        &self,
        targets: &[f64],
        unused: &[f64],
        rho: f64,
        work: &mut ProximalWork,
        exchange: &mut [f64],
    ) -> f64 {
        let aim = |step: usize| Aim {
            target: targets[step],
            unused: unused.get(step).copied().unwrap_or(0.0),
            rho,
        };
        work.charge.reset(self.initial);
        work.ranges.clear();
        for step in 0..targets.len() {
            self.at_prices(aim(step), &mut work.prices, &mut work.step);
            work.charge.add(&work.step);
            work.ranges.push(work.charge.clip(self.energy));
        }
        let mut price = work.charge.least_price(self.initial);
        let (mut wear, mut next) = (price * self.initial, price);
        for step in (0..targets.len()).rev() {
            price = work.ranges[step].nearest(price);
            let aim = aim(step);
            let (charge, discharge) = self.moves(aim, price, Side::Above);
            let moved = charge - discharge;
            exchange[step] = moved + (aim.target - moved).max(0.0).min(aim.unused);
            let slope = rho * (exchange[step] - aim.target);
            let discharging = self.wear - slope + price * self.taken;
            wear += self.charge * (slope - price * self.kept).min(0.0)
                + self.discharge * discharging.min(0.0)
                + aim.unused * slope.min(0.0)
                + self.energy * (price - next).min(0.0)
                - slope * exchange[step];
            next = price;
        }
        wear -= next * self.initial;
        if self.wear > 0.0 { wear.max(0.0) } else { 0.0 }
    }
}
