//! The optimal schedule of a pool under any convex cost of its exchange, and the prices that prove
//! it optimal.
//!
//! From the price of charge ([`super::charge_walk`]) follow the price of energy in each step, at which
//! the kinks and the battery agree on an exchange, and from that the prices of what moves the kinks:
//! members' resources and caps.

use super::bill_range::CostOfSums;
use super::charge_walk::{self, ChargePrice};
use super::convex_pool::{ConvexDispatchGame, Holding, Trace, Workspace};
use super::exchange_segments::{Change, Flow};
use super::exchange_shape::{Point, Shape};
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

/// The prices of a step.
pub(super) struct StepPrices {
    pub energy: f64,
    pub charging: f64,
    pub discharging: f64,
}

/// A pool whose least cost is known.
pub(super) struct Solved<'a> {
    pub game: &'a ConvexDispatchGame,
    resources: &'a [f64],
    series: Vec<&'a [f64]>,
    pub holding: Holding,
    pub caps: &'a [f64],
    /// The slope of the least cost at the end.
    end_slope: f64,
}

impl ConvexDispatchGame {
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
    pub fn new(
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
    pub fn walk_back(
        &self,
        work: &mut Workspace,
        mut show: impl FnMut(usize, &mut Workspace, ChargePrice),
    ) {
        let mut slope = self.end_slope;
        for step in (0..work.traces.len()).rev() {
            let unit = self.game.unit(step);
            let charge = ChargePrice::new(unit, slope, self.limits(step, work));
            show(step, work, charge);
            slope = charge.slope * unit.reset.unwrap_or(1.0);
        }
    }

    /// The cost of a step of a pool that has a dispatch.
    #[inline]
    pub fn shape(&self, step: usize, work: &mut Workspace) -> Shape {
        let found = self.game.shape(step, (&self.series, &self.holding), self.caps, work);
        found.expect("an exchange within the limits")
    }

    /// The same, with the cost over the change of the charge.
    fn step(&self, step: usize, work: &mut Workspace) -> Shape {
        let shape = self.shape(step, work);
        let Workspace { points, change, .. } = work;
        self.game.terminals.change(&shape, points, self.holding.powers(), change);
        shape
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

    /// The prices of a step after which charge is worth `price`.
    ///
    /// The price of energy `l` maximises `-phi*(l) - A (ec y - wc - l)+ - D (l - y / ed - wd)+`, so it
    /// is where the kinks give up what the battery takes.
    #[inline]
    pub fn price_step(&self, shape: &Shape, points: &[Point], price: f64) -> StepPrices {
        let powers = self.holding.powers();
        let (drawn, delivered) = self.game.terminals.thresholds(price);
        let idle = if drawn <= delivered { 0.0 } else { powers.charge - powers.discharge };
        let (low, high) = (drawn.min(delivered), drawn.max(delivered));
        let at_full_charge = shape.slopes_at(points, powers.charge).1;
        let energy = if at_full_charge <= low {
            at_full_charge
        } else {
            let at_idle = shape.slopes_at(points, idle);
            if at_idle.1 <= low {
                low
            } else if at_idle.0 <= high {
                at_idle.0.max(low)
            } else {
                shape.slopes_at(points, -powers.discharge).0.max(high)
            }
        };
        let (charging, discharging) = ((drawn - energy).max(0.0), (energy - delivered).max(0.0));
        StepPrices { energy, charging, discharging }
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
            let shape = self.shape(step, work);
            let at = self.price_step(&shape, &work.points, charge.price);
            let costs = &self.game.costs;
            let kinks = (&shape, work.points.as_slice());
            prices.constants += costs.price_kinks(step, kinks, at.energy, resources, caps);
            prices.exchange.push(at.energy);
            prices.charge_power.push(at.charging);
            prices.discharge_power.push(at.discharging);
            prices.capacity.push(charge.of_capacity());
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
        let steps = prices.iter().enumerate().map(|(step, at)| {
            self.step(step, work);
            let Change { least, segments, .. } = &work.change;
            (at.held, at.changes(self.game.unit(step), *least, segments.iter().copied()))
        });
        let steps: Vec<_> = steps.collect();
        let Holding { energy, initial_charge, .. } = self.holding;
        charge_walk::charges(initial_charge, energy, self.game.retention, &steps)
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
            schedule.cost += shape.value(points, exchange) + self.game.terminals.worn(flow);
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
