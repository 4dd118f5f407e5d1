//! A market on a network: DC optimal power flow with nodal prices, and Clarke payments from one
//! linear program for each participant that trades, all started from the optimal basis.

use rayon::prelude::*;

use crate::error::Result;
use crate::linear_program::{Basis, Model, Solution, Status};
use crate::progress::Progress;

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
}

/// A line: its flow is `susceptance` times the difference of the angles at its ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Where positive flow starts.
    pub from: usize,
    /// Where positive flow ends.
    pub to: usize,
    /// Power per radian.
    pub susceptance: f64,
    /// Largest flow in either direction; may be infinite.
    pub limit: f64,
}

/// Orders, fixed demand and lines.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkMarket {
    /// The number of participants.
    pub n_participants: usize,
    /// All orders.
    pub orders: Vec<Order>,
    /// All lines.
    pub lines: Vec<Line>,
    /// Fixed demand at each bus.
    pub demand: Vec<f64>,
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

/// The columns of a dispatch model.
struct Columns {
    /// Shed demand at each bus that has demand.
    shed: Vec<(usize, usize)>,
    angle: Vec<usize>,
}

impl NetworkMarket {
    fn model(&self) -> (Model, Columns) {
        let n_buses = self.demand.len();
        let mut model = Model::new();
        let mut balance: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n_buses];
        for order in &self.orders {
            let sign = if order.is_bid { -1.0 } else { 1.0 };
            let column = model.add_column(sign * order.price, 0.0, order.quantity);
            balance[order.bus].push((column, sign));
        }
        let mut shed = Vec::new();
        for (bus, &demand) in self.demand.iter().enumerate() {
            if demand > 0.0 {
                let column = model.add_column(self.value_of_lost_load, 0.0, demand);
                balance[bus].push((column, 1.0));
                shed.push((bus, column));
            }
        }
        // Angles are relative within an island: its first bus is the reference.
        let reference = self.islands();
        let angle: Vec<usize> = (0..n_buses)
            .map(|bus| {
                let free = if reference[bus] == bus { 0.0 } else { f64::INFINITY };
                model.add_column(0.0, -free, free)
            })
            .collect();
        // Parallel lines meet in the same entry of a balance row.
        let mut coupling: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n_buses];
        let mut add = |bus: usize, other: usize, value: f64| match coupling[bus]
            .iter_mut()
            .find(|entry| entry.0 == angle[other])
        {
            Some(entry) => entry.1 += value,
            None => coupling[bus].push((angle[other], value)),
        };
        for line in self.lines.iter().filter(|line| line.from != line.to) {
            for (bus, other) in [(line.from, line.to), (line.to, line.from)] {
                add(bus, bus, -line.susceptance);
                add(bus, other, line.susceptance);
            }
        }
        for (bus, entries) in balance.iter_mut().enumerate() {
            entries.append(&mut coupling[bus]);
            model.add_row(self.demand[bus], self.demand[bus], entries);
        }
        for line in &self.lines {
            if line.limit.is_finite() && line.from != line.to {
                let entries =
                    [(angle[line.from], line.susceptance), (angle[line.to], -line.susceptance)];
                model.add_row(-line.limit, line.limit, &entries);
            }
        }
        (model, Columns { shed, angle })
    }

    /// The first bus of the island of each bus.
    fn islands(&self) -> Vec<usize> {
        let mut first: Vec<usize> = (0..self.demand.len()).collect();
        fn root(first: &mut [usize], mut bus: usize) -> usize {
            while first[bus] != bus {
                first[bus] = first[first[bus]];
                bus = first[bus];
            }
            bus
        }
        for line in &self.lines {
            let (a, b) = (root(&mut first, line.from), root(&mut first, line.to));
            first[a.max(b)] = a.min(b);
        }
        (0..first.len()).map(|bus| root(&mut first, bus)).collect()
    }

    fn dispatch(&self, columns: &Columns, solution: &Solution) -> Dispatch {
        let mut shed = vec![0.0; self.demand.len()];
        for &(bus, column) in &columns.shed {
            shed[bus] = solution.columns[column];
        }
        let angle = |bus: usize| solution.columns[columns.angle[bus]];
        Dispatch {
            accepted: solution.columns[..self.orders.len()].to_vec(),
            shed,
            price: solution.row_duals[..self.demand.len()].to_vec(),
            flow: self
                .lines
                .iter()
                .map(|line| line.susceptance * (angle(line.from) - angle(line.to)))
                .collect(),
            cost: solution.objective,
        }
    }

    /// The dispatch of least cost, and the basis that another solve may start from.
    ///
    /// # Errors
    /// [`Error::Solver`]: the solver failed, or met an unbounded or infeasible program, which a
    /// finite market cannot be.
    pub fn clear(&self) -> Result<(Dispatch, Basis)> {
        let (mut model, columns) = self.model();
        let solution = model.solve().optimal("optimal power flow")?;
        Ok((self.dispatch(&columns, &solution), model.basis()))
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
        let (dispatch, basis) = self.clear()?;
        let mut orders_of = vec![Vec::new(); self.n_participants];
        for (index, order) in self.orders.iter().enumerate() {
            orders_of[order.participant].push(index);
        }
        // Without trade there is nothing to pay: the dispatch stays optimal without the participant.
        let trading: Vec<usize> = (0..self.n_participants)
            .filter(|&p| orders_of[p].iter().any(|&order| dispatch.accepted[order] > 0.0))
            .collect();
        progress.set_total(1 + trading.len() as u64);
        progress.advance(1)?;
        let shed: f64 = dispatch.shed.iter().sum();
        let results = trading
            .par_chunks(BLOCK)
            .map(|block| {
                let (mut model, columns) = self.model();
                model.set_basis(&basis);
                block
                    .iter()
                    .map(|&participant| {
                        let own = &orders_of[participant];
                        own.iter().for_each(|&order| model.set_column_bounds(order, 0.0, 0.0));
                        let stage = || format!("optimal power flow without {participant}");
                        let without = model.solve().optimal(stage())?;
                        for &order in own {
                            model.set_column_bounds(order, 0.0, self.orders[order].quantity);
                        }
                        let own_cost: f64 = own
                            .iter()
                            .map(|&k| {
                                let cost = self.orders[k].price * dispatch.accepted[k];
                                if self.orders[k].is_bid { -cost } else { cost }
                            })
                            .sum();
                        let more_shed: f64 =
                            columns.shed.iter().map(|&(_, c)| without.columns[c]).sum::<f64>()
                                - shed;
                        progress.advance(1)?;
                        Ok((dispatch.cost - own_cost - without.objective, more_shed))
                    })
                    .collect::<Result<Vec<_>>>()
            })
            .collect::<Result<Vec<_>>>()?
            .concat();
        let mut payments = vec![0.0; self.n_participants];
        let mut pivotal = vec![0.0; self.n_participants];
        let rounding = 1e-9 * self.demand.iter().sum::<f64>();
        for (&participant, (payment, more_shed)) in trading.iter().zip(results) {
            payments[participant] = payment;
            if more_shed > rounding {
                pivotal[participant] = more_shed;
            }
        }
        Ok(Outcome { dispatch, payments, pivotal })
    }

    /// The coalition, with the network and the fixed demand, that is best off on its own when
    /// member `i` must get `utility[i]`: members, welfare less utilities, and a proved bound on it.
    ///
    /// # Errors
    /// [`crate::error::Error::Solver`] when nothing was found in `time_limit` seconds, or the
    /// solver failed.
    pub fn best_coalition(
        &self,
        utility: &[f64],
        time_limit: f64,
    ) -> Result<(Vec<bool>, f64, f64)> {
        let (mut model, _) = self.model();
        model.set_integer_gap(0.0, 0.0);
        model.set_feasibility_tolerance(1e-9);
        if time_limit < f64::INFINITY {
            model.set_time_limit(time_limit);
        }
        let mut member = vec![None; self.n_participants];
        for (index, order) in self.orders.iter().enumerate() {
            let column = *member[order.participant].get_or_insert_with(|| {
                model.add_integer_column(utility[order.participant], 0.0, 1.0)
            });
            model.add_row(f64::NEG_INFINITY, 0.0, &[(index, 1.0), (column, -order.quantity)]);
        }
        let solution = model.solve();
        let stopped = solution.status == Status::TimeLimit && solution.objective.is_finite();
        if solution.status != Status::Optimal && !stopped {
            return Err(solution.status.to_error("blocking coalition"));
        }
        let members =
            member.iter().map(|column| column.is_some_and(|c| solution.columns[c] > 0.5)).collect();
        let demand_value = self.value_of_lost_load * self.demand.iter().sum::<f64>();
        Ok((members, demand_value - solution.objective, demand_value - solution.bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(participant: usize, bus: usize, price: f64, quantity: f64) -> Order {
        Order { participant, bus, is_bid: false, price, quantity }
    }

    /// Cheap power at bus 0, dear power at bus 1 where all demand is, a line of 40 between them.
    fn two_buses() -> NetworkMarket {
        NetworkMarket {
            n_participants: 3,
            orders: vec![
                order(0, 0, 10.0, 100.0),
                order(1, 0, 20.0, 100.0),
                order(2, 1, 50.0, 100.0),
            ],
            lines: vec![Line { from: 0, to: 1, susceptance: 100.0, limit: 40.0 }],
            demand: vec![0.0, 60.0],
            value_of_lost_load: 1000.0,
        }
    }

    #[test]
    fn a_full_line_parts_the_prices() {
        let (dispatch, _) = two_buses().clear().unwrap();
        assert_eq!(dispatch.accepted, [40.0, 0.0, 20.0]);
        assert_eq!(dispatch.price, [10.0, 50.0]);
        assert!((dispatch.flow[0] - 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_supplier_behind_the_line_is_paid_its_replacement() {
        let outcome = two_buses().clarke(&Progress::new()).unwrap();
        // Without the first, the second delivers 40 at 20; without the third, 20 is shed.
        assert_eq!(outcome.payments, [-800.0, 0.0, -20_000.0]);
        assert_eq!(outcome.pivotal, [0.0, 0.0, 20.0]);
    }

    #[test]
    fn each_island_has_its_own_price() {
        let mut market = two_buses();
        market.lines.clear();
        let (dispatch, _) = market.clear().unwrap();
        assert_eq!(dispatch.accepted, [0.0, 0.0, 60.0]);
        market.orders.pop();
        let (dispatch, _) = market.clear().unwrap();
        assert_eq!(dispatch.shed, [0.0, 60.0]);
        assert_eq!(dispatch.price[1], 1000.0);
    }

    #[test]
    fn no_coalition_does_better_than_all_with_their_marginal_contributions() {
        let market = two_buses();
        let outcome = market.clarke(&Progress::new()).unwrap();
        let utility: Vec<f64> = (0..3)
            .map(|p| -outcome.payments[p] - market.orders[p].price * outcome.dispatch.accepted[p])
            .collect();
        let (_, best, bound) = market.best_coalition(&utility, f64::INFINITY).unwrap();
        let grand = 60.0 * 1000.0 - outcome.dispatch.cost - utility.iter().sum::<f64>();
        assert!((best - grand).abs() < 1e-6 && (bound - grand).abs() < 1e-6);
    }
}
