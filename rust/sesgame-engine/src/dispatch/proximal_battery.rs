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
    /// What is charged less what is discharged in each step.
    moved: Vec<f64>,
    /// The generation that could be left unused beside what is.
    spare: Vec<f64>,
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

    /// Writes the exchange `x + k` nearest to the targets `a`, and returns what is delivered if the battery
    /// wears (see [`Cell::least_discharge`]).
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
        for steps in [&mut work.moved, &mut work.spare] {
            steps.clear();
            steps.resize(targets.len(), 0.0);
        }
        let mut price = work.charge.least_price(self.initial);
        for step in (0..targets.len()).rev() {
            price = work.ranges[step].nearest(price);
            let (aim, side) = (aim(step), Side::Above);
            let (charge, discharge) = self.moves(aim, price, side);
            work.moved[step] = charge - discharge;
            let unused = (aim.target - work.moved[step]).max(0.0).min(aim.unused);
            work.spare[step] = aim.unused - unused;
            exchange[step] = work.moved[step] + unused;
        }
        if self.wear > 0.0 { self.least_discharge(&work.moved, &work.spare) } else { 0.0 }
    }

    /// The least that has to be delivered to move so much in each step, where so much more generation may
    /// be left unused.
    ///
    /// Where the battery is full, charge is lost as late as possible: generation is left unused instead of
    /// charged, what is delivered takes its place, or energy is burnt by charging and discharging at once.
    /// At one price of charge only one of these leaves a choice.
    fn least_discharge(&self, moved: &[f64], spare: &[f64]) -> f64 {
        let lost = self.taken - self.kept;
        let ways = |step: usize| {
            let (x, spare) = (moved[step], spare[step]);
            let (charge, discharge) = (x.max(0.0), (-x).max(0.0));
            let spilt = charge.min(spare);
            let given = (self.discharge - discharge).max(0.0).min(spare - spilt);
            let through = (self.charge - charge).min(self.discharge - discharge - given).max(0.0);
            [(spilt * self.kept, 0.0), (given * self.taken, self.taken), (through * lost, lost)]
        };
        let alone = |x: f64| if x > 0.0 { self.kept * x } else { self.taken * x };
        let mut most = vec![self.energy; moved.len()];
        for step in (1..moved.len()).rev() {
            let losable: f64 = ways(step).iter().map(|(charge, _)| charge).sum();
            most[step - 1] = most[step - 1].min(most[step] - alone(moved[step]) + losable);
        }
        let (mut charge, mut delivered) = (self.initial, 0.0);
        for (step, &most) in most.iter().enumerate() {
            charge += alone(moved[step]);
            delivered += (-moved[step]).max(0.0);
            for (losable, for_each) in ways(step) {
                let less = (charge - most).max(0.0).min(losable);
                charge -= less;
                delivered += if for_each > 0.0 { less / for_each } else { 0.0 };
            }
        }
        delivered
    }
}
