//! A market on a network: DC optimal power flow with nodal prices, and Clarke payments from one
//! linear program for each participant that trades, all started from the optimal basis.

mod blocking;
mod program;
#[cfg(test)]
mod tests;

use program::{FEASIBILITY, Program, Step, Units};
use rayon::prelude::*;

use crate::error::Result;
use crate::linear_program::{Basis, Solution};
use crate::progress::Progress;
use crate::thread_pool;

/// An offer (or bid) at a bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Who made it.
    pub participant: usize,
    /// Where.
    pub bus: usize,
    /// Whether it is a bid (to take power) or an offer (to inject it).
    pub is_bid: bool,
    /// Price per unit.
    pub price: f64,
    /// Largest quantity.
    pub quantity: f64,
    /// Whether all of it is accepted in every dispatch in which its participant takes part.
    pub must_run: bool,
}

/// A line: its flow is `susceptance` times the difference of the angles at its ends, less `shift`.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Where positive flow starts.
    pub from: usize,
    /// Where positive flow ends.
    pub to: usize,
    /// Power per radian.
    pub susceptance: f64,
    /// Smallest flow; may be infinite.
    pub lower: f64,
    /// Largest flow; may be infinite.
    pub upper: f64,
    /// What a phase shifter takes off the flow.
    pub shift: f64,
}

impl Line {
    const fn is_limited(&self) -> bool {
        (self.lower.is_finite() || self.upper.is_finite()) && self.from != self.to
    }
}

/// A link: its flow is whatever serves best, as on a line of direct current.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Where positive flow starts, and where it is measured.
    pub from: usize,
    /// Where positive flow ends.
    pub to: usize,
    /// Smallest flow.
    pub lower: f64,
    /// Largest flow.
    pub upper: f64,
    /// Part of the flow that does not arrive.
    pub loss: f64,
}

/// Orders, fixed demand and injections, lines and links.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkMarket {
    /// The number of participants.
    pub n_participants: usize,
    /// All orders.
    pub orders: Vec<Order>,
    /// All lines.
    pub lines: Vec<Line>,
    /// All links.
    pub links: Vec<Link>,
    /// Fixed demand at each bus.
    pub demand: Vec<f64>,
    /// Power that is injected at each bus whatever happens; negative where it is taken.
    pub injection: Vec<f64>,
    /// What a unit of fixed demand is worth.
    pub value_of_lost_load: f64,
}

/// How a network cleared.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// Quantity accepted of each order.
    pub accepted: Vec<f64>,
    /// Fixed demand that is not served, by bus.
    pub shed: Vec<f64>,
    /// The nodal price at each bus.
    pub price: Vec<f64>,
    /// Flow on each line.
    pub flow: Vec<f64>,
    /// Flow on each link.
    pub link_flow: Vec<f64>,
    /// Cost of the accepted offers and of shed demand, minus the worth of the accepted bids.
    pub cost: f64,
}

/// A dispatch with Clarke payments.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The efficient dispatch.
    pub dispatch: Dispatch,
    /// What each participant pays.
    pub payments: Vec<f64>,
    /// Fixed demand that would be shed in addition without the participant; 0 where it trades
    /// nothing.
    pub pivotal: Vec<f64>,
}

/// Where the programs of one participant less start.
struct Start {
    basis: Basis,
    /// The lines whose limits are rows.
    limited: Vec<usize>,
    /// Units in which the numbers of the market are exact.
    units: Units,
}

impl NetworkMarket {
    fn dispatch(&self, steps: &[Step], program: &Program, solution: &Solution) -> Dispatch {
        let units = program.units;
        // What the solver's tolerance can make or leave is nothing, or all.
        let part = |column: usize, quantity: f64| {
            let taken = solution.columns[column];
            if taken <= FEASIBILITY {
                0.0
            } else if taken >= quantity / units.quantity - FEASIBILITY {
                1.0
            } else {
                taken * units.quantity / quantity
            }
        };
        let mut accepted = vec![0.0; self.orders.len()];
        for (column, step) in steps.iter().enumerate() {
            let part = part(column, step.quantity);
            for &order in &step.orders {
                accepted[order] = part * self.orders[order].quantity;
            }
        }
        let mut shed = vec![0.0; self.demand.len()];
        for &(bus, column) in &program.shed {
            shed[bus] = part(column, self.demand[bus]) * self.demand[bus];
        }
        let bids: f64 = self.worth(&accepted);
        let angle = |bus: usize| solution.columns[program.angle[bus]];
        let flow = |line: &Line| {
            let susceptance = line.susceptance / program.susceptance;
            susceptance * (angle(line.from) - angle(line.to)) * units.quantity - line.shift
        };
        Dispatch {
            accepted,
            price: solution.row_duals[..self.demand.len()]
                .iter()
                .map(|dual| dual * units.price)
                .collect(),
            flow: self.lines.iter().map(flow).collect(),
            link_flow: program
                .link
                .iter()
                .map(|&column| solution.columns[column] * units.quantity)
                .collect(),
            cost: self.value_of_lost_load * shed.iter().sum::<f64>() - bids,
            shed,
        }
    }

    /// What accepted quantities are worth: bids less offers.
    fn worth(&self, accepted: &[f64]) -> f64 {
        self.orders
            .iter()
            .zip(accepted)
            .map(|(order, quantity)| {
                let money = order.price * quantity;
                if order.is_bid { money } else { -money }
            })
            .sum()
    }

    /// The dispatch of least cost. Where several are, or several prices, it is the vertex that the
    /// solver comes to; orders of one kind at one bus and price are rationed in proportion. Neither
    /// depends on units, nor on the order of the participants.
    ///
    /// # Errors
    /// [`Error::Solver`]: the solver failed, or no dispatch meets what must run, is injected and
    /// must flow.
    pub fn clear(&self, progress: &Progress) -> Result<Dispatch> {
        let steps = self.steps();
        let (dispatch, _) = self.clear_steps(&steps, progress)?;
        Ok(dispatch)
    }

    /// The dispatch, and how to come to it.
    fn clear_steps(&self, steps: &[Step], progress: &Progress) -> Result<(Dispatch, Start)> {
        let stage = "optimal power flow";
        let units = self.units();
        let mut program = self.program(steps, units);
        let basis = self.basis_by_merit(&program, steps);
        program.model.set_basis(&basis);
        self.solve(&mut program, stage, progress)?;
        // The vertex is chosen; its numbers are those of the data as given, to the last bit.
        let units = units.exact();
        self.measure(&mut program, steps, units);
        let solution = self.solve(&mut program, stage, progress)?;
        let dispatch = self.dispatch(steps, &program, &solution);
        Ok((dispatch, Start { basis: program.model.basis(), limited: program.limited, units }))
    }

    /// The efficient dispatch and all Clarke payments.
    ///
    /// Participants go through the program in fixed blocks: the first of a block starts from the
    /// basis of the efficient dispatch, the others from where the one before ended, which the
    /// solver still has factorised. So the payments do not depend on the number of threads.
    ///
    /// # Errors
    /// As [`NetworkMarket::clear`]; [`Error::Interrupted`].
    pub fn clarke(&self, progress: &Progress) -> Result<Outcome> {
        const BLOCK: usize = 8;
        let steps = self.steps();
        let (dispatch, Start { basis, limited, units }) = self.clear_steps(&steps, progress)?;
        let mut step_of = vec![0; self.orders.len()];
        let mut orders_of = vec![Vec::new(); self.n_participants];
        for (column, step) in steps.iter().enumerate() {
            for &order in &step.orders {
                step_of[order] = column;
                orders_of[self.orders[order].participant].push(order);
            }
        }
        // Without trade there is nothing to pay: the dispatch stays optimal without the participant.
        let trading: Vec<usize> = (0..self.n_participants)
            .filter(|&p| orders_of[p].iter().any(|&order| dispatch.accepted[order] > 0.0))
            .collect();
        progress.set_total(1 + trading.len() as u64);
        progress.advance(1)?;
        let most = self.largest_trade();
        let shed: f64 = dispatch.shed.iter().sum();
        let results = thread_pool::install(|| {
            trading
                .par_chunks(BLOCK)
                .map(|block| {
                    let mut program = self.program(&steps, units);
                    self.limit(&mut program, limited.iter().copied());
                    program.model.set_basis(&basis);
                    block
                        .iter()
                        .map(|&participant| {
                            let own = &orders_of[participant];
                            for orders in own.chunk_by(|&a, &b| step_of[a] == step_of[b]) {
                                let step = &steps[step_of[orders[0]]];
                                // The others' sum, so that nothing is left where there are none.
                                let others: f64 = step
                                    .orders
                                    .iter()
                                    .filter(|&&order| self.orders[order].participant != participant)
                                    .map(|&order| self.orders[order].quantity)
                                    .sum();
                                let upper = others.min(most) / units.quantity;
                                let lower = step.lower(upper);
                                program.model.set_column_bounds(step_of[orders[0]], lower, upper);
                            }
                            let stage = format!("optimal power flow without {participant}");
                            let solution = self.solve(&mut program, &stage, progress)?;
                            for &order in own {
                                let step = &steps[step_of[order]];
                                let upper = step.quantity.min(most) / units.quantity;
                                let lower = step.lower(upper);
                                program.model.set_column_bounds(step_of[order], lower, upper);
                            }
                            let own_cost: f64 = own
                                .iter()
                                .map(|&k| {
                                    let cost = self.orders[k].price * dispatch.accepted[k];
                                    if self.orders[k].is_bid { -cost } else { cost }
                                })
                                .sum();
                            let without = solution.objective * units.price * units.quantity;
                            let shed_without: f64 =
                                program.shed.iter().map(|&(_, c)| solution.columns[c]).sum();
                            progress.advance(1)?;
                            Ok((
                                dispatch.cost - own_cost - without,
                                shed_without * units.quantity - shed,
                            ))
                        })
                        .collect::<Result<Vec<_>>>()
                })
                .collect::<Result<Vec<_>>>()
        })?
        .concat();
        let mut payments = vec![0.0; self.n_participants];
        let mut pivotal = vec![0.0; self.n_participants];
        // In sums of demands and of solutions, precise to the solver's tolerance each.
        let rounding = FEASIBILITY * self.demand.iter().sum::<f64>();
        for (&participant, (payment, more_shed)) in trading.iter().zip(results) {
            payments[participant] = payment;
            if more_shed > rounding {
                pivotal[participant] = more_shed;
            }
        }
        Ok(Outcome { dispatch, payments, pivotal })
    }
}
