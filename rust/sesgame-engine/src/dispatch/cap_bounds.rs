//! What caps are worth to a pool: subgradients of its least cost, and lower bounds on blocks of steps.
//!
//! The least cost is convex in all caps together. The prices of the walk back make the bounds of all
//! blocks add up to the cost itself, whatever the charges between them.

use super::convex_pool::{ConvexDispatchGame, Holding, Workspace};
use super::convex_schedule::Solved;

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

impl ConvexDispatchGame {
    /// The least cost of a pool, and a subgradient of it in the caps; infinite, and none, where it has
    /// no dispatch.
    ///
    /// `cost + gradient . (other - caps)` is never above the cost at other caps.
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
        pool.walk_back(work, |step, work, charge| {
            let shape = pool.shape(step, work);
            let at = pool.price_step(&shape, &work.points, charge.price);
            let kinks = (&shape, work.points.as_slice());
            self.costs.price_caps(step, kinks, at.energy, |cap, price| gradient[cap] += price);
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
        self.cost_and_bounds_by_step((resources, caps), work, ends, bounds, |_, _, _| {})
    }

    /// The same; `pay` sees what each step adds to the slopes of each cap.
    pub(super) fn cost_and_bounds_by_step(
        &self,
        (resources, caps): (&[f64], &[f64]),
        work: &mut Workspace,
        ends: &[usize],
        bounds: &mut [BlockBound],
        mut pay: impl FnMut(usize, usize, f64),
    ) -> f64 {
        let n_steps = self.costs.n_steps();
        assert_eq!(ends.last(), Some(&n_steps), "blocks of all steps");
        for bound in bounds.iter_mut() {
            *bound = BlockBound { slopes: vec![0.0; caps.len()], ..BlockBound::default() };
        }
        let Ok((cost, pool)) = Solved::new(self, resources, caps, work) else {
            return f64::INFINITY;
        };
        let Holding { energy, charge_power, discharge_power, initial_charge, money } = pool.holding;
        let mut block = ends.len() - 1;
        let begins = |block: usize| if block == 0 { 0 } else { ends[block - 1] };
        pool.walk_back(work, |step, work, charge| {
            let is_last = step + 1 == ends[block];
            let bound = &mut bounds[block];
            let shape = pool.shape(step, work);
            let at = pool.price_step(&shape, &work.points, charge.price);
            let kinks = (&shape, work.points.as_slice());
            let least = self.costs.price_caps(step, kinks, at.energy, |cap, price| {
                bound.slopes[cap] += price;
                pay(step, cap, price);
            });
            bound.constant += least - charge_power * at.charging - discharge_power * at.discharging;
            let held = (charge.price - charge.next).min(0.0) * energy;
            if step + 1 == n_steps {
                // The charge at the end is at least that at the start and at most what there is room for.
                bound.constant += charge.next * initial_charge + held;
            } else if is_last {
                bound.end = charge.price;
            } else {
                bound.constant += held;
            }
            if step == begins(block) {
                let before = -self.retention * charge.price;
                if step == 0 {
                    bound.constant += before * initial_charge + money;
                } else {
                    bound.start = before;
                }
                // What was priced with the caps in it is to move with them.
                let of_caps = bound.slopes.iter().zip(caps).map(|(slope, cap)| slope * cap);
                bound.constant -= of_caps.sum::<f64>();
                block = block.saturating_sub(1);
            }
        });
        cost
    }
}
