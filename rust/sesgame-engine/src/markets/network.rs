//! A market on a network: DC optimal power flow with nodal prices, and Clarke payments from one
//! linear program for each participant that trades, all started from the optimal basis.

use rayon::prelude::*;

use super::units::{canonical, exact, typical};
use crate::error::Result;
use crate::linear_program::{Basis, Model, Solution, Status};
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

/// The orders of one kind at one bus and one price: a single column of a program, rationed among them
/// in proportion to their quantities.
#[derive(Debug)]
struct Step {
    bus: usize,
    is_bid: bool,
    price: f64,
    quantity: f64,
    must_run: bool,
    orders: Vec<usize>,
}

impl Step {
    /// 1 where power is injected, -1 where it is taken.
    const fn sign(&self) -> f64 {
        if self.is_bid { -1.0 } else { 1.0 }
    }

    /// What must be accepted of what can be.
    const fn lower(&self, upper: f64) -> f64 {
        if self.must_run { upper } else { 0.0 }
    }
}

/// What a program is written in: see [`super::units`].
#[derive(Debug, Clone, Copy)]
struct Units {
    price: f64,
    quantity: f64,
    /// Whether prices and quantities are [`canonical`], which makes the solver's choice between
    /// vertices the same in any unit.
    canonical: bool,
}

impl Units {
    fn price(self, price: f64) -> f64 {
        self.number(price / self.price)
    }

    fn quantity(self, quantity: f64) -> f64 {
        self.number(quantity / self.quantity)
    }

    fn number(self, value: f64) -> f64 {
        if self.canonical { canonical(value) } else { value }
    }

    /// Units of much the same size in which the numbers of the market are exact.
    fn exact(self) -> Self {
        Self { price: exact(self.price), quantity: exact(self.quantity), canonical: false }
    }
}

/// A dispatch program: first a column for each step, in their order.
struct Program {
    model: Model,
    units: Units,
    /// Power per angle, so that angles are of size one.
    susceptance: f64,
    /// The lines that may be full, whose rows follow those of the buses.
    limited: Vec<usize>,
    /// Shed demand at each bus that has demand.
    shed: Vec<(usize, usize)>,
    /// The column of each link.
    link: Vec<usize>,
    angle: Vec<usize>,
}

/// Primal and dual feasibility in typical quantities and prices. Vertices are far more precise; what
/// is smaller than this is none.
const FEASIBILITY: f64 = 1e-9;

impl NetworkMarket {
    /// The steps, in an order that does not depend on that of the participants.
    fn steps(&self) -> Vec<Step> {
        let mut by_merit: Vec<usize> = (0..self.orders.len()).collect();
        by_merit.sort_unstable_by(|&a, &b| {
            let (a, b) = (&self.orders[a], &self.orders[b]);
            (a.bus, a.is_bid, a.must_run)
                .cmp(&(b.bus, b.is_bid, b.must_run))
                // Adding zero turns -0.0 into 0.0, which the total order tells apart.
                .then((a.price + 0.0).total_cmp(&(b.price + 0.0)))
                .then(a.quantity.total_cmp(&b.quantity))
        });
        by_merit
            .chunk_by(|&a, &b| {
                let (a, b) = (&self.orders[a], &self.orders[b]);
                (a.bus, a.is_bid, a.must_run, a.price) == (b.bus, b.is_bid, b.must_run, b.price)
            })
            .map(|orders| {
                let Order { bus, is_bid, price, must_run, .. } = self.orders[orders[0]];
                let quantity = orders.iter().map(|&order| self.orders[order].quantity).sum();
                Step { bus, is_bid, price, quantity, must_run, orders: orders.to_vec() }
            })
            .collect()
    }

    /// Units in which the data are of size one.
    fn units(&self) -> Units {
        let prices = self.orders.iter().map(|order| order.price);
        let quantities = self.orders.iter().map(|order| order.quantity);
        Units {
            price: typical(prices.chain([self.value_of_lost_load])),
            quantity: typical(quantities.chain(self.demand.iter().copied())),
            canonical: true,
        }
    }

    /// Twice what can be traded: no step needs more, and to the solver a size beyond all others is
    /// noise in everything else.
    fn largest_trade(&self) -> f64 {
        let total = |is_bid: bool| -> f64 {
            let orders = self.orders.iter().filter(|order| order.is_bid == is_bid);
            orders.map(|order| order.quantity).sum()
        };
        let injected: f64 = self.injection.iter().map(|power| power.max(0.0)).sum();
        let taken: f64 = self.injection.iter().map(|power| (-power).max(0.0)).sum();
        let lost = |link: &Link| if link.loss > 0.0 { link.loss * link.upper } else { 0.0 };
        let losses: f64 = self.links.iter().map(lost).sum();
        let served = self.demand.iter().sum::<f64>() + taken + losses;
        let most = (total(false) + injected).min(total(true) + served);
        if most > 0.0 { 2.0 * most } else { f64::INFINITY }
    }

    fn program(&self, steps: &[Step], units: Units) -> Program {
        let n_buses = self.demand.len();
        let most = self.largest_trade();
        let mut model = Model::new();
        model.set_feasibility_tolerance(FEASIBILITY);
        let mut balance: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n_buses];
        for step in steps {
            let upper = units.quantity(step.quantity.min(most));
            let price = step.sign() * units.price(step.price);
            let column = model.add_column(price, step.lower(upper), upper);
            balance[step.bus].push((column, step.sign()));
        }
        let mut shed = Vec::new();
        for (bus, &demand) in self.demand.iter().enumerate() {
            if demand > 0.0 {
                let price = units.price(self.value_of_lost_load);
                let column = model.add_column(price, 0.0, units.quantity(demand));
                balance[bus].push((column, 1.0));
                shed.push((bus, column));
            }
        }
        let link = self
            .links
            .iter()
            .map(|link| {
                let (lower, upper) = (units.quantity(link.lower), units.quantity(link.upper));
                let column = model.add_column(0.0, lower, upper);
                if link.from != link.to {
                    balance[link.from].push((column, -1.0));
                    balance[link.to].push((column, 1.0 - link.loss));
                } else if link.loss > 0.0 {
                    balance[link.from].push((column, -link.loss));
                }
                column
            })
            .collect();
        // Angles are relative within an island: its first bus is the reference.
        let reference = self.islands();
        let angle: Vec<usize> = (0..n_buses)
            .map(|bus| {
                let free = if reference[bus] == bus { 0.0 } else { f64::INFINITY };
                model.add_column(0.0, -free, free)
            })
            .collect();
        let unit = exact(typical(self.lines.iter().map(|line| line.susceptance)));
        let susceptance = |line: &Line| line.susceptance / unit;
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
                add(bus, bus, -susceptance(line));
                add(bus, other, susceptance(line));
            }
        }
        let withdrawal = self.withdrawal();
        for (bus, entries) in balance.iter_mut().enumerate() {
            entries.append(&mut coupling[bus]);
            let power = units.quantity(withdrawal[bus]);
            model.add_row(power, power, entries);
        }
        let limited: Vec<usize> =
            (0..self.lines.len()).filter(|&k| self.lines[k].is_limited()).collect();
        for &k in &limited {
            let line = &self.lines[k];
            let entries =
                [(angle[line.from], susceptance(line)), (angle[line.to], -susceptance(line))];
            let (lower, upper) = self.angle_limits(k, units);
            model.add_row(lower, upper, &entries);
        }
        Program { model, units, susceptance: unit, limited, shed, link, angle }
    }

    /// What is taken from each bus whatever happens: demand, less injections, and a pair of
    /// injections for each shifted phase.
    fn withdrawal(&self) -> Vec<f64> {
        let mut power: Vec<f64> =
            self.demand.iter().zip(&self.injection).map(|(demand, power)| demand - power).collect();
        for line in self.lines.iter().filter(|line| line.from != line.to) {
            power[line.from] -= line.shift;
            power[line.to] += line.shift;
        }
        power
    }

    /// The limits of a line on the part of its flow that angles make.
    fn angle_limits(&self, k: usize, units: Units) -> (f64, f64) {
        let Line { lower, upper, shift, .. } = self.lines[k];
        (units.quantity(lower + shift), units.quantity(upper + shift))
    }

    /// Writes a program in other units. The matrix, the basis and its factors stay.
    fn measure(&self, program: &mut Program, steps: &[Step], units: Units) {
        let most = self.largest_trade();
        let model = &mut program.model;
        program.units = units;
        for (column, step) in steps.iter().enumerate() {
            let upper = units.quantity(step.quantity.min(most));
            model.set_column_cost(column, step.sign() * units.price(step.price));
            model.set_column_bounds(column, step.lower(upper), upper);
        }
        for &(bus, column) in &program.shed {
            model.set_column_cost(column, units.price(self.value_of_lost_load));
            model.set_column_bounds(column, 0.0, units.quantity(self.demand[bus]));
        }
        for (&column, link) in program.link.iter().zip(&self.links) {
            let (lower, upper) = (units.quantity(link.lower), units.quantity(link.upper));
            model.set_column_bounds(column, lower, upper);
        }
        for (bus, &power) in self.withdrawal().iter().enumerate() {
            model.set_row_bounds(bus, units.quantity(power), units.quantity(power));
        }
        for (row, &k) in (self.demand.len()..).zip(&program.limited) {
            let (lower, upper) = self.angle_limits(k, units);
            model.set_row_bounds(row, lower, upper);
        }
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
        let (dispatch, _, _) = self.clear_steps(&steps, progress)?;
        Ok(dispatch)
    }

    /// The dispatch, its basis, and the units in which the numbers of the market are exact.
    fn clear_steps(&self, steps: &[Step], progress: &Progress) -> Result<(Dispatch, Basis, Units)> {
        let stage = "optimal power flow";
        let units = self.units();
        let mut program = self.program(steps, units);
        program.model.solve(progress)?.optimal(stage)?;
        // The vertex is chosen; its numbers are those of the data as given, to the last bit.
        let units = units.exact();
        self.measure(&mut program, steps, units);
        let solution = program.model.solve(progress)?.optimal(stage)?;
        Ok((self.dispatch(steps, &program, &solution), program.model.basis(), units))
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
        let (dispatch, basis, units) = self.clear_steps(&steps, progress)?;
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
                            let stage = || format!("optimal power flow without {participant}");
                            let solution = program.model.solve(progress)?.optimal(stage())?;
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
        progress: &Progress,
    ) -> Result<(Vec<bool>, f64, f64)> {
        let (steps, units) = (self.steps(), self.units());
        let money = units.price * units.quantity;
        let Program { mut model, .. } = self.program(&steps, units);
        model.set_integer_gap(0.0, 0.0);
        if time_limit < f64::INFINITY {
            model.set_time_limit(time_limit);
        }
        // A utility is a difference of sums of money: what is left of nothing is nothing.
        let largest = utility.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let mut member = vec![None; self.n_participants];
        for (column, step) in steps.iter().enumerate() {
            let mut entries = vec![(column, 1.0)];
            for &order in &step.orders {
                let Order { participant, quantity, .. } = self.orders[order];
                let joins = *member[participant].get_or_insert_with(|| {
                    let gets = utility[participant];
                    let gets = if gets.abs() > UTILITY_ROUNDING * largest { gets } else { 0.0 };
                    model.add_integer_column(canonical(gets / money), 0.0, 1.0)
                });
                let quantity = -canonical(quantity.min(self.largest_trade()) / units.quantity);
                match entries.iter_mut().find(|entry| entry.0 == joins) {
                    Some(entry) => entry.1 += quantity,
                    None => entries.push((joins, quantity)),
                }
            }
            let lower = if step.must_run { 0.0 } else { f64::NEG_INFINITY };
            model.add_row(lower, 0.0, &entries);
            // Its participant may stay away.
            let upper = units.quantity(step.quantity.min(self.largest_trade()));
            model.set_column_bounds(column, 0.0, upper);
        }
        let demand_value = self.value_of_lost_load * self.demand.iter().sum::<f64>();
        model.show_search(demand_value, -money);
        let solution = model.solve(progress)?;
        let stopped = solution.status == Status::TimeLimit && solution.objective.is_finite();
        if solution.status != Status::Optimal && !stopped {
            return Err(solution.status.to_error("blocking coalition"));
        }
        let members: Vec<bool> =
            member.iter().map(|column| column.is_some_and(|c| solution.columns[c] > 0.5)).collect();
        // The solver is precise to its tolerances only: value the coalition anew.
        let alone = self.of(&members);
        let dispatch = alone.clear(progress)?;
        let served = self.demand.iter().sum::<f64>() - dispatch.shed.iter().sum::<f64>();
        let worth = alone.worth(&dispatch.accepted) + self.value_of_lost_load * served;
        let theirs: f64 =
            utility.iter().zip(&members).filter(|(_, inside)| **inside).map(|(u, _)| u).sum();
        let excess = worth - theirs;
        Ok((members, excess, excess.max(demand_value - solution.bound * money)))
    }

    /// The market of some participants, with the network and the fixed demand.
    fn of(&self, members: &[bool]) -> Self {
        let orders = self.orders.iter().filter(|order| members[order.participant]);
        Self { orders: orders.cloned().collect(), ..self.clone() }
    }
}

/// Rounding of a utility, relative to the largest: it is a difference of sums of money.
const UTILITY_ROUNDING: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;

    fn order(participant: usize, bus: usize, price: f64, quantity: f64) -> Order {
        Order { participant, bus, is_bid: false, price, quantity, must_run: false }
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
            lines: vec![Line {
                from: 0,
                to: 1,
                susceptance: 100.0,
                lower: -40.0,
                upper: 40.0,
                shift: 0.0,
            }],
            links: vec![],
            demand: vec![0.0, 60.0],
            injection: vec![0.0; 2],
            value_of_lost_load: 1000.0,
        }
    }

    #[test]
    fn a_full_line_parts_the_prices() {
        let dispatch = two_buses().clear(&Progress::new()).unwrap();
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
        let dispatch = market.clear(&Progress::new()).unwrap();
        assert_eq!(dispatch.accepted, [0.0, 0.0, 60.0]);
        market.orders.pop();
        let dispatch = market.clear(&Progress::new()).unwrap();
        assert_eq!(dispatch.shed, [0.0, 60.0]);
        assert_eq!(dispatch.price[1], 1000.0);
    }

    #[test]
    fn what_must_run_runs_unless_its_owner_is_away() {
        let mut market = two_buses();
        market.orders[2] = Order { must_run: true, quantity: 30.0, ..market.orders[2].clone() };
        let dispatch = market.clear(&Progress::new()).unwrap();
        assert_eq!(dispatch.accepted, [30.0, 0.0, 30.0]);
        assert_eq!(dispatch.price, [10.0, 10.0]);
        let outcome = market.clarke(&Progress::new()).unwrap();
        // Without it, 40 come over the line, for 100 more, and 20 are shed.
        assert_eq!(outcome.pivotal, [0.0, 0.0, 20.0]);
        assert_eq!(outcome.payments[2], -(100.0 + 20_000.0));
        // A coalition without its owner need not run it.
        let (members, ..) =
            market.best_coalition(&[0.0, 0.0, 1e9], f64::INFINITY, &Progress::new()).unwrap();
        assert!(members[0] && !members[2]);
        // Nobody takes what is more than the demand.
        market.demand[1] = 20.0;
        assert!(market.clear(&Progress::new()).is_err());
    }

    #[test]
    fn a_shifted_phase_an_injection_and_a_lossy_link_are_in_the_balance() {
        let mut market = two_buses();
        // Parallel to the line, ten of whose flow a shifter takes away; together they carry 60.
        market.lines.push(Line {
            from: 0,
            to: 1,
            susceptance: 100.0,
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            shift: 10.0,
        });
        let dispatch = market.clear(&Progress::new()).unwrap();
        assert!((dispatch.flow[0] - 35.0).abs() < 1e-9 && (dispatch.flow[1] - 25.0).abs() < 1e-9);
        market.lines.truncate(1);
        market.injection[1] = 4.0;
        market.links.push(Link { from: 0, to: 1, lower: 0.0, upper: 10.0, loss: 0.1 });
        let dispatch = market.clear(&Progress::new()).unwrap();
        assert!((dispatch.link_flow[0] - 10.0).abs() < 1e-9);
        assert!((dispatch.accepted[0] - 50.0).abs() < 1e-9);
        assert!((dispatch.accepted[2] - 7.0).abs() < 1e-9);
    }

    #[test]
    fn no_coalition_does_better_than_all_with_their_marginal_contributions() {
        let market = two_buses();
        let outcome = market.clarke(&Progress::new()).unwrap();
        let utility: Vec<f64> = (0..3)
            .map(|p| -outcome.payments[p] - market.orders[p].price * outcome.dispatch.accepted[p])
            .collect();
        let (_, best, bound) =
            market.best_coalition(&utility, f64::INFINITY, &Progress::new()).unwrap();
        let grand = 60.0 * 1000.0 - outcome.dispatch.cost - utility.iter().sum::<f64>();
        assert!((best - grand).abs() < 1e-6 && (bound - grand).abs() < 1e-6);
    }
}
