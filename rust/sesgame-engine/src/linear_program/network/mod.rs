//! The dual simplex method on generalised networks: programs whose columns have at most two entries.
//!
//! Such a basis is a forest, so that nothing is factorised: what a basic column is worth follows from
//! the leaves to the roots, prices follow from the roots to the leaves, and an iteration touches the
//! subtree that hangs on the column that leaves (Ahuja, Magnanti and Orlin, chapter 15). With a bound
//! for each column an iteration passes as many bounds as pay (long steps).
//!
//! Each solve starts from one basis that is dual feasible whatever the bounds, and ends with prices
//! that prove its optimum. Where it does not get there, because no point keeps the bounds, because a
//! basis would be no forest, or because numbers fail, it says so, and another method has to do it.

use super::{Basis, Place};
use crate::error::Result;
use crate::progress::Progress;

/// No node.
const NONE: u32 = u32::MAX;
/// How far values and prices may be out of bounds, in units of the program.
const FEASIBLE: f64 = 1e-9;
/// Pivots below it are rounding.
const PIVOT: f64 = 1e-9;
/// How far primal and dual objective may be apart, of the money that flows.
const GAP: f64 = 1e-9;
/// By how much prices are perturbed against ties, of the highest: what is proved in the end is the
/// optimum of the prices as they are.
const PERTURBATION: f64 = 1e-6;
/// Iterations after which values and prices are computed afresh.
const REFRESH: usize = 100;
/// Iterations for each node after which something is wrong.
const MOST_ITERATIONS: usize = 20;

/// A column of a network: its nodes and the coefficients there.
#[derive(Debug, Clone, Copy)]
struct Arc {
    ends: [u32; 2],
    gains: [f64; 2],
}

/// An arc as seen from one of its nodes.
#[derive(Debug, Clone, Copy)]
struct Incident {
    column: u32,
    far: u32,
    /// The coefficients here and there.
    gains: [f64; 2],
    /// Whether the arc names this node first.
    is_first: bool,
}

/// Columns as arcs between rows, each row with a column of its own: its activity.
#[derive(Debug)]
pub struct Network {
    arcs: Vec<Arc>,
    cost: Vec<f64>,
    n_nodes: usize,
    /// Where the arcs of each node begin in `incident`.
    first: Vec<u32>,
    incident: Vec<Incident>,
    start: Forest,
    start_places: Vec<Place>,
    /// Prices without ties under which the start is dual feasible.
    perturbed: Vec<f64>,
}

/// A basis: each node has a basic column of its own, which leads to its parent or, at a root, nowhere.
#[derive(Debug, Clone, Default)]
struct Forest {
    arc: Vec<u32>,
    parent: Vec<u32>,
    /// The coefficients of the own column at the node and at its parent.
    own: Vec<f64>,
    other: Vec<f64>,
    child: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

/// The memory of solves, one after the other.
#[derive(Debug, Default)]
pub struct Workspace {
    forest: Forest,
    places: Vec<Place>,
    values: Vec<f64>,
    /// Of columns and then of rows.
    pub lower: Vec<f64>,
    /// Of columns and then of rows.
    pub upper: Vec<f64>,
    prices: Vec<f64>,
    order: Vec<u32>,
    residual: Vec<f64>,
    /// The subtree below the column that leaves, and its row of the inverse.
    subtree: Vec<u32>,
    is_below: Vec<bool>,
    row: Vec<f64>,
    /// The column that enters, in terms of basic ones.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    column: Vec<f64>,
    candidates: Vec<Candidate>,
    /// The nodes whose columns are out of their bounds, and maybe some more.
    out: Vec<u32>,
    is_out: Vec<bool>,
    /// By how much the column of each node has to grow to be within its bounds.
    short: Vec<f64>,
    /// The squared length of the row of the inverse of each node, times the square of its own
    /// coefficient: one and what its children add.
    squares: Vec<f64>,
    /// The way that a pivot turns round.
    way: Vec<u32>,
    /// Columns whose bounds are equal.
    is_fixed: Vec<bool>,
    /// Columns that may want to enter at the prices as they are.
    wanting: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    ratio: f64,
    pivot: f64,
    column: u32,
}

impl Forest {
    fn new(n_nodes: usize) -> Self {
        let nobody = vec![NONE; n_nodes];
        Self {
            arc: nobody.clone(),
            parent: nobody.clone(),
            own: vec![0.0; n_nodes],
            other: vec![0.0; n_nodes],
            child: nobody.clone(),
            next: nobody.clone(),
            previous: nobody,
        }
    }

    fn copy_from(&mut self, other: &Self) {
        self.arc.clone_from(&other.arc);
        self.parent.clone_from(&other.parent);
        self.own.clone_from(&other.own);
        self.other.clone_from(&other.other);
        self.child.clone_from(&other.child);
        self.next.clone_from(&other.next);
        self.previous.clone_from(&other.previous);
    }

    /// Gives a node without one its column.
    fn attach(&mut self, node: u32, column: u32, arc: Arc) {
        let at = usize::from(arc.ends[0] != node);
        let here = node as usize;
        let parent = arc.ends[1 - at];
        self.arc[here] = column;
        self.parent[here] = parent;
        self.own[here] = arc.gains[at];
        self.other[here] = arc.gains[1 - at];
        self.previous[here] = NONE;
        self.next[here] = NONE;
        if parent != NONE {
            let first = std::mem::replace(&mut self.child[parent as usize], node);
            self.next[here] = first;
            if first != NONE {
                self.previous[first as usize] = node;
            }
        }
    }

    /// Takes a node out of the children of its parent.
    fn detach(&mut self, node: u32) {
        let here = node as usize;
        let (parent, next, previous) = (self.parent[here], self.next[here], self.previous[here]);
        if next != NONE {
            self.previous[next as usize] = previous;
        }
        if previous != NONE {
            self.next[previous as usize] = next;
        } else if parent != NONE {
            self.child[parent as usize] = next;
        }
    }

    /// The nodes below one and itself, parents first.
    fn below(&self, node: u32, found: &mut Vec<u32>) {
        found.push(node);
        let mut at = found.len() - 1;
        while at < found.len() {
            let mut child = self.child[found[at] as usize];
            while child != NONE {
                found.push(child);
                child = self.next[child as usize];
            }
            at += 1;
        }
    }
}

impl Network {
    /// A program as a network, if it is one, with a basis that is optimal for some bounds.
    ///
    /// `bounds` are those of columns and then of rows, in those of `rows` and `cost`.
    #[must_use]
    pub fn new(
        cost: &[f64],
        rows: &[Vec<(usize, f64)>],
        (lower, upper): (&[f64], &[f64]),
        basis: &Basis,
    ) -> Option<Self> {
        let (n_columns, n_nodes) = (cost.len(), rows.len());
        let mut arcs = vec![Arc { ends: [NONE; 2], gains: [0.0; 2] }; n_columns + n_nodes];
        for (node, entries) in rows.iter().enumerate() {
            let node = u32::try_from(node).ok()?;
            for &(column, gain) in entries {
                let arc = &mut arcs[column];
                let free = arc.ends.iter().position(|&end| end == NONE)?;
                (arc.ends[free], arc.gains[free]) = (node, gain);
            }
            arcs[n_columns + node as usize] = Arc { ends: [node, NONE], gains: [-1.0, 0.0] };
        }
        let mut first = vec![0_u32; n_nodes + 1];
        for end in arcs.iter().flat_map(|arc| arc.ends).filter(|&end| end != NONE) {
            first[end as usize + 1] += 1;
        }
        for node in 0..n_nodes {
            first[node + 1] += first[node];
        }
        let mut free = first.clone();
        let nothing = Incident { column: 0, far: NONE, gains: [0.0; 2], is_first: true };
        let mut incident = vec![nothing; first[n_nodes] as usize];
        for (column, &Arc { ends: [one, two], gains: [gain, other] }) in (0..).zip(&arcs) {
            for (end, far, gains, is_first) in
                [(one, two, [gain, other], true), (two, one, [other, gain], false)]
            {
                if end != NONE {
                    incident[free[end as usize] as usize] =
                        Incident { column, far, gains, is_first };
                    free[end as usize] += 1;
                }
            }
        }
        let mut network = Self {
            arcs,
            cost: cost.iter().copied().chain(std::iter::repeat_n(0.0, n_nodes)).collect(),
            n_nodes,
            first,
            incident,
            start: Forest::new(n_nodes),
            start_places: basis.places(),
            perturbed: Vec::new(),
        };
        network.grow()?;
        network.perturb(lower, upper)?;
        Some(network)
    }

    fn incident(&self, node: u32) -> &[Incident] {
        &self.incident[self.first[node as usize] as usize..self.first[node as usize + 1] as usize]
    }

    /// Makes a forest of the basic columns, if they are one.
    fn grow(&mut self) -> Option<()> {
        let mut found = Vec::with_capacity(self.n_nodes);
        for (column, arc) in (0..).zip(&self.arcs) {
            if self.start_places[column as usize] == Place::Basic && arc.ends[1] == NONE {
                let node = arc.ends[0];
                if node == NONE || self.start.arc[node as usize] != NONE {
                    return None;
                }
                self.start.attach(node, column, *arc);
                found.push(node);
            }
        }
        let mut at = 0;
        while at < found.len() {
            let node = found[at];
            at += 1;
            for &Incident { column, far, .. } in &self.incident
                [self.first[node as usize] as usize..self.first[node as usize + 1] as usize]
            {
                let arc = self.arcs[column as usize];
                let is_own = self.start.arc[node as usize] == column;
                if is_own || self.start_places[column as usize] != Place::Basic {
                    continue;
                }
                if self.start.arc[far as usize] != NONE {
                    return None;
                }
                self.start.attach(far, column, arc);
                found.push(far);
            }
        }
        (found.len() == self.n_nodes).then_some(())
    }

    /// Places columns where their reduced costs want them, and takes the ties from the prices.
    fn perturb(&mut self, lower: &[f64], upper: &[f64]) -> Option<()> {
        let mut work = Workspace { forest: self.start.clone(), ..Workspace::default() };
        work.prepare(self);
        self.prices(&self.cost, &mut work)?;
        let highest = self.cost.iter().fold(0.0_f64, |most, price| most.max(price.abs()));
        self.perturbed.clone_from(&self.cost);
        for (column, arc) in self.arcs.iter().enumerate() {
            let place = &mut self.start_places[column];
            if *place == Place::Basic {
                continue;
            }
            let reduced = arc.reduced(self.cost[column], &work.prices);
            *place = match (lower[column].is_finite(), upper[column].is_finite()) {
                (true, true) if reduced < 0.0 => Place::Upper,
                (true, _) => Place::Lower,
                (false, true) => Place::Upper,
                (false, false) => Place::Zero,
            };
            let more = PERTURBATION * highest * (0.5 + fraction(column));
            self.perturbed[column] += match *place {
                Place::Lower => more - reduced.min(0.0),
                Place::Upper => -more - reduced.max(0.0),
                _ => -reduced,
            };
        }
        Some(())
    }

    /// The least cost within the bounds of `work`; none where that is not proved.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`].
    pub fn least_cost(&self, work: &mut Workspace, progress: &Progress) -> Result<Option<f64>> {
        work.forest.copy_from(&self.start);
        work.places.clone_from(&self.start_places);
        work.prepare(self);
        work.is_fixed.clear();
        work.is_fixed
            .extend(work.lower.iter().zip(&work.upper).map(|(lower, upper)| lower == upper));
        for column in 0..self.arcs.len() {
            work.values[column] = match work.places[column] {
                Place::Lower => work.lower[column],
                Place::Upper => work.upper[column],
                _ => 0.0,
            };
        }
        let mut left = MOST_ITERATIONS * self.n_nodes;
        let mut done = Some(());
        for cost in [&self.perturbed, &self.cost] {
            done = done.and(self.refresh(cost, work));
            while done.is_some() && left > 0 {
                if left.is_multiple_of(REFRESH) {
                    progress.check()?;
                    done = done.and(self.refresh(cost, work));
                }
                left -= 1;
                let more = done.and_then(|()| {
                    if std::ptr::eq(cost, &raw const self.perturbed) {
                        self.dual_step(work)
                    } else {
                        self.primal_step(work)
                    }
                });
                match more {
                    Some(true) => {}
                    Some(false) => break,
                    None => done = None,
                }
            }
        }
        Ok(done.filter(|()| left > 0).and_then(|()| self.proved(work)))
    }

    /// Computes values and prices from the basis.
    fn refresh(&self, cost: &[f64], work: &mut Workspace) -> Option<()> {
        self.prices(cost, work)?;
        work.residual.fill(0.0);
        for (column, arc) in self.arcs.iter().enumerate() {
            let value = work.values[column];
            if value != 0.0 && work.places[column] != Place::Basic {
                for (end, gain) in arc.ends.into_iter().zip(arc.gains) {
                    if end != NONE {
                        work.residual[end as usize] -= gain * value;
                    }
                }
            }
        }
        for &node in work.order.iter().rev() {
            let here = node as usize;
            let value = work.residual[here] / work.forest.own[here];
            work.values[work.forest.arc[here] as usize] = value;
            if work.forest.parent[here] != NONE {
                work.residual[work.forest.parent[here] as usize] -= work.forest.other[here] * value;
            }
        }
        work.squares.fill(1.0);
        for number in (0..self.n_nodes).rev() {
            let node = work.order[number];
            let parent = work.forest.parent[node as usize];
            if parent != NONE {
                work.squares[parent as usize] += work.squares_above(node);
            }
        }
        for node in 0..self.n_nodes as u32 {
            work.look_at(node);
        }
        Some(())
    }

    /// Computes the prices of nodes, parents first.
    fn prices(&self, cost: &[f64], work: &mut Workspace) -> Option<()> {
        let Workspace { forest, order, prices, .. } = work;
        order.clear();
        for node in 0..self.n_nodes {
            if forest.parent[node] == NONE {
                forest.below(node as u32, order);
            }
        }
        for &node in &*order {
            let here = node as usize;
            let above = match forest.parent[here] {
                NONE => 0.0,
                parent => forest.other[here] * prices[parent as usize],
            };
            prices[here] = (cost[forest.arc[here] as usize] - above) / forest.own[here];
        }
        (order.len() == self.n_nodes).then_some(())
    }

    /// One iteration of the dual simplex method: whether there was something to do.
    fn dual_step(&self, work: &mut Workspace) -> Option<bool> {
        let Some((node, short)) = work.most_infeasible() else { return Some(false) };
        let sign = short.signum();
        work.find_subtree(node);
        work.candidates.clear();
        for &below in &work.subtree {
            let row = work.row[below as usize];
            for &Incident { column, far, gains, is_first } in self.incident(below) {
                let at = column as usize;
                let place = work.places[at];
                if place == Place::Basic || work.is_fixed[at] {
                    continue;
                }
                let mut pivot = gains[0] * row;
                if far != NONE && work.is_below[far as usize] {
                    if !is_first {
                        continue;
                    }
                    pivot += gains[1] * work.row[far as usize];
                }
                let toward = sign * pivot;
                let enters = match place {
                    Place::Lower => toward < -PIVOT,
                    Place::Upper => toward > PIVOT,
                    _ => toward.abs() > PIVOT,
                };
                if !enters {
                    continue;
                }
                let reduced = self.arcs[at].reduced(self.perturbed[at], &work.prices);
                let short = match place {
                    Place::Lower => reduced.max(0.0),
                    Place::Upper => (-reduced).max(0.0),
                    _ => reduced.abs(),
                };
                work.candidates.push(Candidate { ratio: short / toward.abs(), pivot, column });
            }
        }
        work.candidates.sort_unstable_by(|one, other| {
            one.ratio
                .total_cmp(&other.ratio)
                .then(other.pivot.abs().total_cmp(&one.pivot.abs()))
                .then(one.column.cmp(&other.column))
        });
        let mut remaining = short.abs();
        let passed = work.candidates.iter().position(|candidate| {
            let at = candidate.column as usize;
            remaining -= candidate.pivot.abs() * (work.upper[at] - work.lower[at]);
            remaining < 0.0
        })?;
        for number in 0..passed {
            self.flip(work.candidates[number].column, work);
        }
        let Candidate { pivot, column, .. } = work.candidates[passed];
        let reduced =
            self.arcs[column as usize].reduced(self.perturbed[column as usize], &work.prices);
        self.find_column(column, work);
        if (work.column[node as usize] - pivot).abs() > 1e-6 * pivot.abs() {
            return None;
        }
        let leaving = work.forest.arc[node as usize] as usize;
        let (place, bound) = if sign > 0.0 {
            (Place::Lower, work.lower[leaving])
        } else {
            (Place::Upper, work.upper[leaving])
        };
        let step = (work.values[leaving] - bound) / work.column[node as usize];
        work.move_along(column, step);
        self.pivot(node, column, place, bound, reduced / pivot, work)?;
        Some(true)
    }

    /// One iteration of the primal simplex method at the prices as they are.
    fn primal_step(&self, work: &mut Workspace) -> Option<bool> {
        let Some((entering, reduced)) = self.most_wanting(work) else { return Some(false) };
        let way = -reduced.signum();
        self.find_column(entering as u32, work);
        let mut most = work.upper[entering] - work.lower[entering];
        let mut leaving: Option<(u32, Place)> = None;
        for &node in &work.touched {
            let at = work.forest.arc[node as usize] as usize;
            let rate = -way * work.column[node as usize];
            let (room, place) = if rate < -PIVOT {
                (work.values[at] - work.lower[at], Place::Lower)
            } else if rate > PIVOT {
                (work.upper[at] - work.values[at], Place::Upper)
            } else {
                continue;
            };
            let step = room.max(0.0) / rate.abs();
            if step < most {
                (most, leaving) = (step, Some((node, place)));
            }
        }
        if !most.is_finite() {
            return None;
        }
        let Some((node, place)) = leaving else {
            self.flip(entering as u32, work);
            return Some(true);
        };
        let at = work.forest.arc[node as usize] as usize;
        let bound = if place == Place::Lower { work.lower[at] } else { work.upper[at] };
        work.find_subtree(node);
        let pivot = work.column[node as usize];
        work.move_along(entering as u32, way * most);
        self.pivot(node, entering as u32, place, bound, reduced / pivot, work)?;
        Some(true)
    }

    /// The column that gains most by entering, and its reduced cost. All are looked at again when
    /// none is left of those that were found before.
    fn most_wanting(&self, work: &mut Workspace) -> Option<(usize, f64)> {
        for is_again in [false, true] {
            if is_again {
                work.wanting.clear();
                work.wanting.extend(0..self.arcs.len() as u32);
            }
            let Workspace { wanting, places, lower, upper, prices, .. } = &mut *work;
            let mut best: Option<(usize, f64)> = None;
            wanting.retain(|&column| {
                let at = column as usize;
                let reduced = self.arcs[at].reduced(self.cost[at], prices);
                let wants = match places[at] {
                    Place::Lower => upper[at] > lower[at] && reduced < -FEASIBLE,
                    Place::Upper => upper[at] > lower[at] && reduced > FEASIBLE,
                    Place::Zero => reduced.abs() > FEASIBLE,
                    Place::Basic => false,
                };
                if wants && best.is_none_or(|(_, before)| reduced.abs() > before.abs()) {
                    best = Some((at, reduced));
                }
                wants
            });
            if best.is_some() {
                return best;
            }
        }
        None
    }

    /// Moves a column from one of its bounds to the other.
    fn flip(&self, column: u32, work: &mut Workspace) {
        let at = column as usize;
        let (place, to) = match work.places[at] {
            Place::Lower => (Place::Upper, work.upper[at]),
            _ => (Place::Lower, work.lower[at]),
        };
        let step = to - work.values[at];
        self.find_column(column, work);
        work.move_along(column, step);
        work.values[at] = to;
        work.places[at] = place;
    }

    /// Expresses a column by basic ones.
    fn find_column(&self, column: u32, work: &mut Workspace) {
        let Workspace { forest, touched, is_touched, column: by, .. } = work;
        for node in touched.drain(..) {
            (by[node as usize], is_touched[node as usize]) = (0.0, false);
        }
        let Arc { ends, gains } = self.arcs[column as usize];
        for (end, gain) in ends.into_iter().zip(gains) {
            let (mut node, mut rest) = (end, gain);
            while node != NONE {
                let here = node as usize;
                let part = rest / forest.own[here];
                // Where both ways lead to one root, nodes are on both.
                if !std::mem::replace(&mut is_touched[here], true) {
                    touched.push(node);
                }
                by[here] += part;
                rest = -forest.other[here] * part;
                node = forest.parent[here];
            }
        }
    }

    /// Exchanges the column of a node, whose subtree is known, for another one; none where the basis
    /// would be no forest.
    fn pivot(
        &self,
        node: u32,
        column: u32,
        place: Place,
        bound: f64,
        change: f64,
        work: &mut Workspace,
    ) -> Option<()> {
        let arc = self.arcs[column as usize];
        let [one, two] = arc.ends.map(|end| end != NONE && work.is_below[end as usize]);
        if one == two {
            return None;
        }
        for &below in &work.subtree {
            work.prices[below as usize] += change * work.row[below as usize];
        }
        let leaving = work.forest.arc[node as usize] as usize;
        work.values[leaving] = bound;
        work.places[leaving] = place;
        work.places[column as usize] = Place::Basic;
        work.turn(node, if one { arc.ends[0] } else { arc.ends[1] }, column, &self.arcs);
        Some(())
    }

    /// The cost of the values, if the prices prove that it is least.
    fn proved(&self, work: &mut Workspace) -> Option<f64> {
        self.refresh(&self.cost, work)?;
        let (mut cost, mut bound, mut flow) = (0.0, 0.0, 0.0);
        for (at, arc) in self.arcs.iter().enumerate() {
            let (value, lower, upper) = (work.values[at], work.lower[at], work.upper[at]);
            if value < lower - FEASIBLE || value > upper + FEASIBLE {
                return None;
            }
            let paid = self.cost[at] * value;
            cost += paid;
            flow += paid.abs();
            if work.places[at] == Place::Basic {
                continue;
            }
            let reduced = arc.reduced(self.cost[at], &work.prices);
            let end = if reduced > 0.0 { lower } else { upper };
            // Of what has no end the price is rounding, which the method has looked at.
            let end = if end.is_finite() { end } else { value };
            bound += reduced * end;
        }
        (cost - bound <= GAP * flow).then_some(cost)
    }
}

impl Arc {
    fn reduced(&self, cost: f64, prices: &[f64]) -> f64 {
        let mut reduced = cost;
        for (end, gain) in self.ends.into_iter().zip(self.gains) {
            if end != NONE {
                reduced -= gain * prices[end as usize];
            }
        }
        reduced
    }
}

impl Workspace {
    fn prepare(&mut self, network: &Network) {
        let (n_nodes, n_arcs) = (network.n_nodes, network.arcs.len());
        self.values.resize(n_arcs, 0.0);
        let Self { prices, residual, row, column, short, squares, .. } = self;
        for numbers in [prices, residual, row, column, short, squares] {
            numbers.resize(n_nodes, 0.0);
        }
        for marks in [&mut self.is_below, &mut self.is_touched, &mut self.is_out] {
            marks.resize(n_nodes, false);
        }
        self.wanting.clear();
        // What an earlier solve left would change the order of this one.
        for node in self.out.drain(..) {
            self.is_out[node as usize] = false;
        }
    }

    /// Sees whether the column of a node is out of its bounds.
    fn look_at(&mut self, node: u32) {
        let here = node as usize;
        let at = self.forest.arc[here] as usize;
        let value = self.values[at];
        let (low, high) = (self.lower[at] - value, value - self.upper[at]);
        self.short[here] = if low > high { low.max(0.0) } else { -high.max(0.0) };
        if self.short[here].abs() > FEASIBLE && !std::mem::replace(&mut self.is_out[here], true) {
            self.out.push(node);
        }
    }

    /// The node whose column is farthest out of its bounds, measured along its edge, and by how much
    /// it has to grow.
    fn most_infeasible(&mut self) -> Option<(u32, f64)> {
        let mut worst: Option<(u32, f64)> = None;
        let mut farthest = 0.0;
        let mut at = 0;
        while at < self.out.len() {
            let node = self.out[at];
            let here = node as usize;
            let short = self.short[here];
            if short.abs() <= FEASIBLE {
                self.is_out[here] = false;
                self.out.swap_remove(at);
                continue;
            }
            let distance = (short * self.forest.own[here]).powi(2) / self.squares[here];
            if distance > farthest {
                (worst, farthest) = (Some((node, short)), distance);
            }
            at += 1;
        }
        worst
    }

    /// What a node adds to the squares of its parent.
    fn squares_above(&self, node: u32) -> f64 {
        let here = node as usize;
        (self.forest.other[here] / self.forest.own[here]).powi(2) * self.squares[here]
    }

    /// Tells those above a node that it hangs there, or no longer.
    fn weigh(&mut self, node: u32, sign: f64) {
        let mut change = sign * self.squares_above(node);
        let mut above = self.forest.parent[node as usize];
        while above != NONE {
            let here = above as usize;
            // Each counts itself, whatever rounding makes of a difference.
            let squares = (self.squares[here] + change).max(1.0);
            change = squares - self.squares[here];
            self.squares[here] = squares;
            change *= (self.forest.other[here] / self.forest.own[here]).powi(2);
            above = self.forest.parent[here];
        }
    }

    /// Turns round the way from the new root of a subtree, which gets a column of its own, to the old
    /// one.
    fn turn(&mut self, node: u32, root: u32, column: u32, arcs: &[Arc]) {
        self.way.clear();
        self.way.push(root);
        let mut last = root;
        while last != node {
            last = self.forest.parent[last as usize];
            self.way.push(last);
        }
        self.weigh(node, -1.0);
        for number in (1..self.way.len()).rev() {
            let (below, above) = (self.way[number - 1], self.way[number] as usize);
            self.squares[above] = (self.squares[above] - self.squares_above(below)).max(1.0);
        }
        let mut own = column;
        for number in 0..self.way.len() {
            let here = self.way[number];
            let before = self.forest.arc[here as usize];
            self.forest.detach(here);
            self.forest.attach(here, own, arcs[own as usize]);
            self.look_at(here);
            own = before;
        }
        for number in (1..self.way.len()).rev() {
            let (above, below) = (self.way[number - 1] as usize, self.way[number]);
            self.squares[above] += self.squares_above(below);
        }
        self.weigh(root, 1.0);
    }

    /// The nodes below one, and the row of the inverse of its column.
    fn find_subtree(&mut self, node: u32) {
        for below in self.subtree.drain(..) {
            self.is_below[below as usize] = false;
        }
        self.forest.below(node, &mut self.subtree);
        for &below in &self.subtree {
            let here = below as usize;
            self.is_below[here] = true;
            let right = if below == node {
                1.0
            } else {
                -self.forest.other[here] * self.row[self.forest.parent[here] as usize]
            };
            self.row[here] = right / self.forest.own[here];
        }
    }

    /// Moves a nonbasic column, and the basic ones with it.
    fn move_along(&mut self, column: u32, step: f64) {
        self.values[column as usize] += step;
        for number in 0..self.touched.len() {
            let node = self.touched[number];
            let at = self.forest.arc[node as usize] as usize;
            self.values[at] -= step * self.column[node as usize];
            self.look_at(node);
        }
    }
}

/// A number in [0, 1) for each column, always the same.
fn fraction(column: usize) -> f64 {
    let mut mixed = (column as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
