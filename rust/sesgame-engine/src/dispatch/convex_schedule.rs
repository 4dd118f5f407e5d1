//! The optimal schedule of a pool under any convex cost of its exchange, and the prices that prove
//! it optimal.
//!
//! The walk back is that of [`super::schedule`]: the price of charge is that of the next step as long
//! as it lies between the slopes of the least cost at an empty and at a full battery. From it follow
//! the price of energy in each step, at which the kinks and the battery agree on an exchange, and
//! from that the prices of what moves the kinks: members' resources and caps.

use super::bill_range::CostOfSums;
use super::convex_pool::{ConvexDispatchGame, Holding, Trace, Workspace};
use super::exchange_cost::Shape;
use super::exchange_segments::Flow;
use crate::error::{Error, Result};

/// By how much the two sides of strong duality may differ, as a share of all money that could flow
/// and of that in the bound.
const DUALITY_TOLERANCE: f64 = 1e-9;

/// An optimal dispatch of one pool.
#[derive(Debug, Clone, Default)]
pub struct ConvexSchedule {
    /// The least cost.
    pub cost: f64,
    /// Charge at the beginning, and after each step, kWh.
    pub state_of_charge: Vec<f64>,
    /// Drawn at the terminals in each step, kWh.
    pub charge: Vec<f64>,
    /// Delivered at the terminals in each step, kWh.
    pub discharge: Vec<f64>,
    /// What the resources are worth.
    pub prices: ConvexPrices,
}

/// An optimal solution of the dual program.
///
/// `cost = resources . z + caps . M + constants + money - sum over t of (capacity_t E +
/// charge_power_t A + discharge_power_t D) - initial_charge s_0`, and for every other pool and all
/// other caps the right-hand side is a lower bound on its cost.
#[derive(Debug, Clone, Default)]
pub struct ConvexPrices {
    /// The slope of the cost of each step at its exchange, beyond it where a limit binds.
    pub exchange: Vec<f64>,
    /// What one more unit of each resource changes: for each resource a row of steps.
    pub resources: Vec<f64>,
    /// What one more unit of each cap changes.
    pub caps: Vec<f64>,
    /// What the constants of the kinks add.
    pub constants: f64,
    /// What one more kWh of energy capacity saves, per step.
    pub capacity: Vec<f64>,
    /// What one more kWh per step of charging power saves, per step.
    pub charge_power: Vec<f64>,
    /// What one more kWh per step of discharging power saves, per step.
    pub discharge_power: Vec<f64>,
    /// What one more kWh of initial charge saves, which must be there again at the end.
    pub initial_charge: f64,
}

/// What holds the charge at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    Nowhere,
    Empty,
    Full,
}

/// The price of charge after a step.
#[derive(Debug, Clone, Copy)]
struct ChargePrice {
    /// As the slope of the least cost, in the unit of charge of the step.
    slope: f64,
    /// Price per kWh.
    price: f64,
    /// Price per kWh that the next step would pay.
    next: f64,
    held: Held,
}

/// The prices of a step.
struct StepPrices {
    energy: f64,
    charging: f64,
    discharging: f64,
    /// What the constants of the kinks are worth, and the resources of the pool.
    constants: f64,
    moved: f64,
}

/// A lower bound on what a block of steps costs, for all caps and all charges at its ends:
/// `constant + slopes . caps + start * charge before + end * charge after`.
///
/// The charge before the first block and after the last one is in their constants. The bounds of all
/// blocks add up to the cost at the caps and the optimal charges at which they were made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BlockBound {
    /// What does not move.
    pub constant: f64,
    /// For each kWh of charge before the block.
    pub start: f64,
    /// For each kWh of charge after it.
    pub end: f64,
    /// For each cap.
    pub slopes: Vec<f64>,
}

/// A pool whose least cost is known.
struct Solved<'a> {
    game: &'a ConvexDispatchGame,
    resources: &'a [f64],
    series: Vec<&'a [f64]>,
    holding: Holding,
    caps: &'a [f64],
    /// The slope of the least cost at the end.
    end_slope: f64,
}

impl ConvexDispatchGame {
    /// The least cost of a pool, and a subgradient of it in the caps; infinite, and none, where it has
    /// no dispatch.
    ///
    /// The cost is convex in all caps together, so that `cost + gradient . (other - caps)` is never
    /// above the cost at other caps.
    ///
    /// # Panics
    /// When the numbers of resources or caps are others than those of the game.
    pub fn cost_and_gradient(
        &self,
        resources: &[f64],
        caps: &[f64],
        work: &mut Workspace,
        gradient: &mut [f64],
    ) -> f64 {
        gradient.fill(0.0);
        let Ok((cost, pool)) = Solved::new(self, resources, caps, work) else {
            return f64::INFINITY;
        };
        pool.walk_back(work, |step, work, price| {
            pool.price_step(step, work, price, &mut [], gradient);
        });
        cost
    }

    /// The least cost of a pool, and a bound for each block of steps; `ends` holds the first step
    /// after each block. Infinite, and bounds of 0, where it has no dispatch.
    ///
    /// # Panics
    /// When the numbers of resources or caps are others than those of the game, or blocks do not
    /// rise to the number of steps.
    pub fn cost_and_bounds(
        &self,
        resources: &[f64],
        caps: &[f64],
        work: &mut Workspace,
        ends: &[usize],
        bounds: &mut [BlockBound],
    ) -> f64 {
        assert_eq!(ends.last(), Some(&self.costs.n_steps()), "blocks of all steps");
        for bound in bounds.iter_mut() {
            *bound = BlockBound { slopes: vec![0.0; caps.len()], ..BlockBound::default() };
        }
        let Ok((cost, pool)) = Solved::new(self, resources, caps, work) else {
            return f64::INFINITY;
        };
        let Holding { energy, charge_power, discharge_power, initial_charge, money } = pool.holding;
        pool.walk_back(work, |step, work, charge| {
            let block = ends.partition_point(|&end| end <= step);
            let bound = &mut bounds[block];
            let at = pool.price_step(step, work, charge, &mut [], &mut bound.slopes);
            bound.constant += at.constants + at.moved
                - charge_power * at.charging
                - discharge_power * at.discharging;
            if step + 1 == self.costs.n_steps() {
                // The charge at the end is at least that at the start and at most what there is room for.
                let held = charge.price - charge.next;
                bound.constant += charge.next * initial_charge + held.min(0.0) * energy;
            } else if step + 1 == ends[block] {
                bound.end = charge.price;
            } else {
                bound.constant += (charge.price - charge.next).min(0.0) * energy;
            }
            let before = -self.retention * charge.price;
            if step == 0 {
                bound.constant += before * initial_charge + money;
            } else if ends.contains(&step) {
                bound.start = before;
            }
        });
        cost
    }

    /// The least-cost dispatch of a pool, its schedule and its prices.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when limits leave no dispatch, with the step; [`Error::Solver`] when
    /// rounding keeps cost and bound apart.
    ///
    /// # Panics
    /// When the numbers of resources or caps are others than those of the game.
    pub fn schedule(&self, resources: &[f64], caps: &[f64]) -> Result<ConvexSchedule> {
        let mut work = Workspace::new();
        let (_, pool) = Solved::new(self, resources, caps, &mut work).map_err(|step| {
            Error::InvalidInput(format!("the limits leave no dispatch in step {step}"))
        })?;
        pool.schedule(&mut work)
    }
}

impl<'a> Solved<'a> {
    /// The pool and its least cost, or the step at which it has no dispatch.
    fn new(
        game: &'a ConvexDispatchGame,
        resources: &'a [f64],
        caps: &'a [f64],
        work: &mut Workspace,
    ) -> std::result::Result<(f64, Self), usize> {
        let mut traces = std::mem::take(&mut work.traces);
        traces.clear();
        let (series, holding) = game.split(resources);
        let end = game.least_cost((&series, &holding), caps, work, |least| {
            let ends = least.segments().first().zip(least.segments().last());
            traces.push(Trace {
                slopes: ends.map(|(first, last)| (first.slope, last.slope)),
                at_empty: least.left() <= 0.0,
                at_full: least.reaches_bound(),
            });
        });
        work.traces = traces;
        let end = end?;
        Ok((end.cost, Self { game, resources, series, holding, caps, end_slope: end.slope }))
    }

    /// Shows the price of charge after each step, from the last to the first.
    fn walk_back(
        &self,
        work: &mut Workspace,
        mut show: impl FnMut(usize, &mut Workspace, ChargePrice),
    ) {
        let mut slope = self.end_slope;
        for step in (0..work.traces.len()).rev() {
            let unit = self.game.unit(step);
            let next = unit.price(slope);
            let mut held = Held::Nowhere;
            match self.limits(step, work) {
                (Some(least), _) if least > slope => (slope, held) = (least, Held::Empty),
                (_, Some(most)) if most < slope => (slope, held) = (most, Held::Full),
                _ => {}
            }
            show(step, work, ChargePrice { slope, price: unit.price(slope), next, held });
            slope *= unit.reset.unwrap_or(1.0);
        }
    }

    /// The cost of a step.
    fn step(&self, step: usize, work: &mut Workspace) -> Shape {
        let found = self.game.step(step, (&self.series, &self.holding), self.caps, work);
        found.expect("a step of a pool that has a dispatch")
    }

    /// The least price of charge after a step where the battery may be empty, and the largest where it
    /// may be full.
    fn limits(&self, step: usize, work: &mut Workspace) -> (Option<f64>, Option<f64>) {
        let Trace { slopes, at_empty, at_full } = work.traces[step];
        if let Some((first, last)) = slopes {
            return (Some(first).filter(|_| at_empty), Some(last).filter(|_| at_full));
        }
        // A single charge: what led there, the least cost before and the step, has a slope there.
        let unit = self.game.unit(step);
        let before = step.checked_sub(1).and_then(|before| work.traces[before].slopes);
        let before = before.map(|(first, last)| {
            let factor = unit.reset.unwrap_or(1.0);
            (first / factor, last / factor)
        });
        self.step(step, work);
        let change = &mut work.change;
        let n_falling = change.split_at(0.0);
        let slope = |index: usize| change.segments.get(index).map(|at| unit.convert(*at).slope);
        let count = change.segments.len();
        if at_empty && at_full {
            return (n_falling.checked_sub(1).and_then(slope), slope(n_falling));
        }
        let largest = [before.map(|(_, last)| last), count.checked_sub(1).and_then(slope)];
        let smallest = [before.map(|(first, _)| first), slope(0)];
        (
            largest.into_iter().flatten().reduce(f64::max).filter(|_| at_empty),
            smallest.into_iter().flatten().reduce(f64::min).filter(|_| at_full),
        )
    }

    /// The prices of a step after which charge has a price; adds those of what moves the kinks.
    ///
    /// The price `l` maximises `-phi*(l) - A (ec y - wc - l)+ - D (l - y / ed - wd)+`, so it is where
    /// the kinks give up what the battery takes.
    fn price_step(
        &self,
        step: usize,
        work: &mut Workspace,
        charge: ChargePrice,
        of_resources: &mut [f64],
        of_caps: &mut [f64],
    ) -> StepPrices {
        let shape = self.step(step, work);
        let points = &work.points;
        let powers = self.holding.powers();
        let (drawn, delivered) = self.game.terminals.thresholds(charge.price);
        let idle = if drawn <= delivered { 0.0 } else { powers.charge - powers.discharge };
        let (low, high) = (drawn.min(delivered), drawn.max(delivered));
        let at_full_charge = shape.slopes_at(points, powers.charge);
        let at_idle = shape.slopes_at(points, idle);
        let at_full_discharge = shape.slopes_at(points, -powers.discharge);
        let energy = if at_full_charge.1 <= low {
            at_full_charge.1
        } else if at_idle.1 <= low {
            low
        } else if at_idle.0 <= high {
            at_idle.0.max(low)
        } else {
            at_full_discharge.0.max(high)
        };
        let kinks = (&shape, points.as_slice(), self.series.as_slice());
        let (constants, moved) =
            self.game.costs.price_kinks(step, kinks, energy, of_resources, of_caps);
        let (charging, discharging) = ((drawn - energy).max(0.0), (energy - delivered).max(0.0));
        StepPrices { energy, charging, discharging, constants, moved }
    }

    fn schedule(&self, work: &mut Workspace) -> Result<ConvexSchedule> {
        let n_steps = self.game.costs.n_steps();
        let mut of_charge = Vec::with_capacity(n_steps);
        let mut prices = ConvexPrices {
            resources: vec![0.0; self.series.len() * n_steps],
            caps: vec![0.0; self.caps.len()],
            ..ConvexPrices::default()
        };
        self.walk_back(work, |step, work, charge| {
            let (resources, caps) = (&mut prices.resources, &mut prices.caps);
            let at = self.price_step(step, work, charge, resources, caps);
            prices.exchange.push(at.energy);
            prices.charge_power.push(at.charging);
            prices.discharge_power.push(at.discharging);
            prices.constants += at.constants;
            let is_full = charge.held == Held::Full;
            prices.capacity.push(if is_full { charge.next - charge.price } else { 0.0 });
            of_charge.push(charge);
        });
        for series in [
            &mut prices.exchange,
            &mut prices.charge_power,
            &mut prices.discharge_power,
            &mut prices.capacity,
        ] {
            series.reverse();
        }
        of_charge.reverse();
        prices.initial_charge =
            of_charge[0].price * self.game.retention - of_charge[n_steps - 1].next;
        let mut schedule = self.flows(self.charges(&of_charge, work), work);
        let (bound, weight) = self.bound(&prices);
        if (schedule.cost - bound).abs() > DUALITY_TOLERANCE * weight {
            return Err(Error::Solver {
                stage: "dispatch of the pooled battery".to_owned(),
                status: format!("cost {} and its bound {bound} differ", schedule.cost),
            });
        }
        schedule.prices = prices;
        Ok(schedule)
    }

    /// A charge at the start and after each step that the prices call for.
    fn charges(&self, prices: &[ChargePrice], work: &mut Workspace) -> Vec<f64> {
        let retention = self.game.retention;
        let Holding { energy, initial_charge, .. } = self.holding;
        // By how much the charge may change in each step, and the charges that can be reached.
        let mut changes = Vec::with_capacity(prices.len());
        let mut reach = vec![(initial_charge, initial_charge)];
        let (mut low, mut high) = (initial_charge, initial_charge);
        for (step, at) in prices.iter().enumerate() {
            self.step(step, work);
            let change = &work.change;
            let (mut from, mut to) = (change.least, change.least);
            for segment in &change.segments {
                let slope = self.game.unit(step).convert(*segment).slope;
                from += if slope < at.slope { segment.length } else { 0.0 };
                to += if slope <= at.slope { segment.length } else { 0.0 };
            }
            changes.push((from, to));
            (low, high) = match at.held {
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
        for (&(low, high), (from, to)) in reach.iter().zip(changes).rev() {
            // Of all charges that lead here, one from which least has to change.
            let before = charge - 0.0_f64.clamp(from, to);
            charge = (before / retention).clamp(low, high);
            charges.push(charge);
        }
        charges.reverse();
        charges
    }

    /// The flows that go with the charges.
    fn flows(&self, state_of_charge: Vec<f64>, work: &mut Workspace) -> ConvexSchedule {
        let mut schedule = ConvexSchedule { cost: self.holding.money, ..Default::default() };
        for (step, charges) in state_of_charge.windows(2).enumerate() {
            let shape = self.step(step, work);
            let (points, change) = (&work.points, &work.change);
            let by = charges[1] - self.game.retention * charges[0];
            let by = by.max(change.least).min(change.most());
            let flow: Flow = self.game.terminals.flow(by, change, self.holding.powers());
            // Rounding may put the exchange beyond a limit.
            let exchange = (flow.charge - flow.discharge).min(shape.upper).max(shape.lower);
            schedule.cost += shape.value(points, exchange) + self.game.terminals.wear(flow);
            schedule.charge.push(flow.charge);
            schedule.discharge.push(flow.discharge);
        }
        ConvexSchedule { state_of_charge, ..schedule }
    }

    /// The lower bound that prices put on the cost, and all money in it.
    fn bound(&self, prices: &ConvexPrices) -> (f64, f64) {
        let Holding { energy, charge_power, discharge_power, initial_charge, money } = self.holding;
        let total = |prices: &[f64]| prices.iter().sum::<f64>();
        let resources = prices
            .resources
            .iter()
            .zip(self.series.iter().copied().flatten())
            .map(|(price, at)| price * at);
        let caps = prices.caps.iter().zip(self.caps).map(|(price, cap)| price * cap);
        let others = [
            prices.constants,
            money,
            -total(&prices.capacity) * energy,
            -total(&prices.charge_power) * charge_power,
            -total(&prices.discharge_power) * discharge_power,
            -prices.initial_charge * initial_charge,
        ];
        let add = |(bound, weight): (f64, f64), term: f64| (bound + term, weight + term.abs());
        let flows = self.game.weight(self.resources);
        resources.chain(caps).chain(others).fold((0.0, flows), add)
    }
}
