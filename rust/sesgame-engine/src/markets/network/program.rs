//! The program of a dispatch: angles, and limits of lines as rows that are added once a flow exceeds
//! them, from the basis of the dispatch by merit.
//!
//! Few lines of a large network are full, and most of the time none is. Without limits the dispatch
//! is a merit order on each island, whose basis is known beforehand: all angles and the marginal
//! step. So the solver factorises once, and the simplex method only has to go round what is full.

use super::{Line, Link, NetworkMarket, Order};
use crate::error::Result;
use crate::linear_program::{Basis, Model, Place, Solution};
use crate::markets::units::{canonical, exact, typical};
use crate::progress::Progress;

/// The orders of one kind at one bus and one price: a single column of a program, rationed among them
/// in proportion to their quantities.
#[derive(Debug)]
pub(super) struct Step {
    bus: usize,
    is_bid: bool,
    price: f64,
    pub quantity: f64,
    pub must_run: bool,
    pub orders: Vec<usize>,
}

impl Step {
    /// 1 where power is injected, -1 where it is taken.
    const fn sign(&self) -> f64 {
        if self.is_bid { -1.0 } else { 1.0 }
    }

    /// What must be accepted of what can be.
    pub const fn lower(&self, upper: f64) -> f64 {
        if self.must_run { upper } else { 0.0 }
    }
}

/// What a program is written in: see [`super::units`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    pub price: f64,
    pub quantity: f64,
    /// Whether prices and quantities are [`canonical`], which makes the solver's choice between
    /// vertices the same in any unit.
    canonical: bool,
}

impl Units {
    fn price(self, price: f64) -> f64 {
        self.number(price / self.price)
    }

    pub fn quantity(self, quantity: f64) -> f64 {
        self.number(quantity / self.quantity)
    }

    fn number(self, value: f64) -> f64 {
        if self.canonical { canonical(value) } else { value }
    }

    /// Units of much the same size in which the numbers of the market are exact.
    pub fn exact(self) -> Self {
        Self { price: exact(self.price), quantity: exact(self.quantity), canonical: false }
    }
}

/// A dispatch program: first a column for each step, in their order.
pub(super) struct Program {
    pub model: Model,
    pub units: Units,
    /// Power per angle, so that angles are of size one.
    pub susceptance: f64,
    /// The lines whose limits are rows, which follow those of the buses in this order.
    pub limited: Vec<usize>,
    /// Shed demand at each bus that has demand.
    pub shed: Vec<(usize, usize)>,
    /// The column of each link.
    pub link: Vec<usize>,
    pub angle: Vec<usize>,
}

/// Primal and dual feasibility in typical quantities and prices. Vertices are far more precise; what
/// is smaller than this is none.
pub(super) const FEASIBILITY: f64 = 1e-9;

impl NetworkMarket {
    /// The steps, in an order that does not depend on that of the participants.
    pub(super) fn steps(&self) -> Vec<Step> {
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
    pub(super) fn units(&self) -> Units {
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
    pub(super) fn largest_trade(&self) -> f64 {
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

    /// The program without limits of lines.
    pub(super) fn program(&self, steps: &[Step], units: Units) -> Program {
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
        let mut islands = self.islands();
        let angle: Vec<usize> = (0..n_buses)
            .map(|bus| {
                let free = if islands.first(bus) == bus { 0.0 } else { f64::INFINITY };
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
        Program { model, units, susceptance: unit, limited: Vec::new(), shed, link, angle }
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

    /// Makes the limits of some lines rows of a program.
    pub(super) fn limit(&self, program: &mut Program, lines: impl IntoIterator<Item = usize>) {
        for k in lines {
            let Line { from, to, susceptance, .. } = self.lines[k];
            let susceptance = susceptance / program.susceptance;
            let entries = [(program.angle[from], susceptance), (program.angle[to], -susceptance)];
            let (lower, upper) = self.angle_limits(k, program.units);
            program.model.add_row(lower, upper, &entries);
            program.limited.push(k);
        }
    }

    /// All lines that may be full.
    pub(super) fn limited_lines(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.lines.len()).filter(|&k| self.lines[k].is_limited())
    }

    /// The limits of a line on the part of its flow that angles make.
    fn angle_limits(&self, k: usize, units: Units) -> (f64, f64) {
        let Line { lower, upper, shift, .. } = self.lines[k];
        (units.quantity(lower + shift), units.quantity(upper + shift))
    }

    /// Solves a program, from its last basis, until no line carries more than it may.
    pub(super) fn solve(
        &self,
        program: &mut Program,
        stage: &str,
        progress: &Progress,
    ) -> Result<Solution> {
        loop {
            let solution = program.model.solve(progress)?.optimal(stage)?;
            let mut has_row = vec![false; self.lines.len()];
            for &k in &program.limited {
                has_row[k] = true;
            }
            let exceeded: Vec<usize> = self
                .limited_lines()
                .filter(|&k| !has_row[k] && self.is_exceeded(k, program, &solution))
                .collect();
            if exceeded.is_empty() {
                return Ok(solution);
            }
            self.limit(program, exceeded);
        }
    }

    /// Whether a line carries more than it may, by more than the solver's tolerance.
    fn is_exceeded(&self, k: usize, program: &Program, solution: &Solution) -> bool {
        let line = &self.lines[k];
        let angle = |bus: usize| solution.columns[program.angle[bus]];
        let flow = line.susceptance / program.susceptance * (angle(line.from) - angle(line.to));
        let (lower, upper) = self.angle_limits(k, program.units);
        flow < lower - FEASIBILITY || flow > upper + FEASIBILITY
    }

    /// The basis of the dispatch by merit, as if nothing had a limit but the steps: what is cheaper
    /// than the marginal step is taken, and all angles follow, and the flows of links that join
    /// islands. Other links carry as little as they may.
    pub(super) fn basis_by_merit(&self, program: &Program, steps: &[Step]) -> Basis {
        struct Supply {
            column: usize,
            region: usize,
            price: f64,
            size: f64,
            /// Where its column stands when it is called.
            called: Place,
        }
        let units = program.units;
        let most = self.largest_trade();
        let mut islands = self.islands();
        let mut regions = islands.clone();
        let mut columns = vec![Place::Lower; program.model.n_columns()];
        let mut rows = vec![Place::Lower; program.model.n_rows()];
        let mut need = self.withdrawal();
        for (&column, link) in program.link.iter().zip(&self.links) {
            if regions.join(link.from, link.to) {
                columns[column] = Place::Basic;
            } else {
                let (place, flow) = least(link.lower, link.upper);
                columns[column] = place;
                need[link.from] += flow;
                need[link.to] -= flow * (1.0 - link.loss);
            }
        }
        let mut missing = vec![0.0; need.len()];
        for (bus, power) in need.into_iter().enumerate() {
            missing[regions.first(bus)] += units.quantity(power);
        }
        let mut supplies = Vec::with_capacity(steps.len() + program.shed.len());
        for (column, step) in steps.iter().enumerate() {
            let upper = units.quantity(step.quantity.min(most));
            let lower = step.lower(upper);
            let region = regions.first(step.bus);
            let price = units.price(step.price);
            // A bid that is not served supplies the others.
            let called = if step.is_bid { Place::Lower } else { Place::Upper };
            if step.is_bid {
                columns[column] = Place::Upper;
                missing[region] += upper;
            } else {
                missing[region] -= lower;
            }
            supplies.push(Supply { column, region, price, size: upper - lower, called });
        }
        for &(bus, column) in &program.shed {
            let (price, size) =
                (units.price(self.value_of_lost_load), units.quantity(self.demand[bus]));
            let region = regions.first(bus);
            supplies.push(Supply { column, region, price, size, called: Place::Upper });
        }
        supplies.retain(|supply| supply.size > 0.0);
        supplies.sort_by(|a, b| a.price.total_cmp(&b.price));
        let mut marginal: Vec<Option<usize>> = vec![None; missing.len()];
        for Supply { column, region, size, called, .. } in supplies {
            if marginal[region].is_some() && missing[region] <= 0.0 {
                continue;
            }
            // What was marginal so far is called as a whole.
            columns[column] = called;
            marginal[region] = Some(column);
            missing[region] -= size;
        }
        for (bus, &angle) in program.angle.iter().enumerate() {
            if islands.first(bus) != bus {
                columns[angle] = Place::Basic;
            }
            if regions.first(bus) == bus {
                match marginal[bus] {
                    Some(column) => columns[column] = Place::Basic,
                    None => rows[bus] = Place::Basic,
                }
            }
        }
        Basis::new(&columns, &rows)
    }

    /// Writes a program in other units. The matrix, the basis and its factors stay.
    pub(super) fn measure(&self, program: &mut Program, steps: &[Step], units: Units) {
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

    /// The buses that lines join.
    fn islands(&self) -> Groups {
        let mut islands = Groups::of_one(self.demand.len());
        for line in &self.lines {
            islands.join(line.from, line.to);
        }
        islands
    }
}

/// Buses in groups, each of which is known by its first bus.
#[derive(Debug, Clone)]
struct Groups(Vec<usize>);

impl Groups {
    fn of_one(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn first(&mut self, mut bus: usize) -> usize {
        while self.0[bus] != bus {
            self.0[bus] = self.0[self.0[bus]];
            bus = self.0[bus];
        }
        bus
    }

    /// Makes two groups one; tells whether they were two.
    fn join(&mut self, bus: usize, other: usize) -> bool {
        let (a, b) = (self.first(bus), self.first(other));
        self.0[a.max(b)] = a.min(b);
        a != b
    }
}

/// Where the least of a flow between two limits stands, and how much it is.
fn least(lower: f64, upper: f64) -> (Place, f64) {
    match (lower.is_finite(), upper.is_finite()) {
        (false, false) => (Place::Zero, 0.0),
        (true, true) if upper.abs() < lower.abs() => (Place::Upper, upper),
        (true, _) => (Place::Lower, lower),
        (false, true) => (Place::Upper, upper),
    }
}
