//! A coalition that pools its batteries under any convex cost of what it exchanges in a step.
//!
//! The recursion is that of [`super::pooled_battery`]; only the cost of a step is another one
//! ([`super::exchange_cost`], [`super::exchange_segments`]). Limits may leave no charge that can be
//! reached: then the coalition has no dispatch, and its cost is infinite.

use super::battery::Conversion;
use super::bill_range::CostOfSums;
use super::convex_lanes::{Brought, ConvexLanes, Eight};
use super::convex_piecewise::ConvexPiecewise;
use super::exchange_cost::ExchangeCosts;
use super::exchange_segments::{Change, Powers, Terminals, Wear};
use super::exchange_shape::{Point, Shape};
use super::pooled_battery::{End, read_end};
use super::step_cost::{Unit, units};
use super::{check_usable, unusable};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::partial_sums::PartialSums;
use crate::progress::Progress;

/// By how much a charge may miss what limits allow, as a share of what the battery holds and moves:
/// more than the additions of a year may be off, and less than anybody can meter.
const SLACK: f64 = 1e-10;

/// What a member brings beside the resources of each step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Holding {
    /// The most charge its battery holds, kWh.
    pub energy: f64,
    /// The most that draws in a step, at the terminals, kWh.
    pub charge_power: f64,
    /// The most that it delivers in a step, at the terminals, kWh.
    pub discharge_power: f64,
    /// The charge at the start, and the least charge at the end, kWh.
    pub initial_charge: f64,
    /// What is paid whatever the battery does.
    pub money: f64,
}

impl Holding {
    /// Its numbers in a row of resources.
    const WIDTH: usize = 5;

    fn to_array(self) -> [f64; Self::WIDTH] {
        [self.energy, self.charge_power, self.discharge_power, self.initial_charge, self.money]
    }

    fn from_slice(own: &[f64]) -> Self {
        let [energy, charge_power, discharge_power, initial_charge, money] =
            own.try_into().expect("the end of a row of resources");
        Self { energy, charge_power, discharge_power, initial_charge, money }
    }

    pub(super) fn powers(&self) -> Powers {
        Powers { charge: self.charge_power, discharge: self.discharge_power }
    }

    /// By how much a charge or an exchange may miss what limits allow.
    fn slack(&self) -> f64 {
        SLACK * (self.energy + self.charge_power + self.discharge_power)
    }

    fn check(&self, member: usize) -> Result<()> {
        for (what, amount) in [
            ("energy capacity", self.energy),
            ("charge power", self.charge_power),
            ("discharge power", self.discharge_power),
            ("initial charge", self.initial_charge),
        ] {
            if !super::is_usable(amount) {
                return Err(unusable(&format!("the {what} of member {member}"), amount));
            }
            if amount < 0.0 {
                return Err(Error::InvalidInput(format!(
                    "the {what} of member {member} is {amount}; it must not be negative"
                )));
            }
        }
        if self.initial_charge > self.energy {
            return Err(Error::InvalidInput(format!(
                "the initial charge of member {member} is {}, more than its energy capacity {}",
                self.initial_charge, self.energy
            )));
        }
        check_usable(&format!("the money of member {member}"), &[self.money])
    }
}

/// The cost game of a community that pools its batteries: `c(S)` is the members' money and
///
/// `min sum over t of phi_t(a_t - d_t) + wc a_t + wd d_t` with `s_{t+1} = r s_t + ec a_t - d_t / ed`,
/// `0 <= a_t <= A`, `0 <= d_t <= D`, `0 <= s_t <= E`, `s_T >= s_0`,
///
/// where `A`, `D`, `E`, `s_0` and what moves the kinks of `phi_t` are sums over the members. Infinite
/// where limits leave no dispatch.
#[derive(Debug)]
pub struct ConvexDispatchGame {
    pub(super) costs: ExchangeCosts,
    pub(super) terminals: Terminals,
    pub(super) retention: f64,
    units: Option<Vec<Unit>>,
    /// One row for each member: each resource in all steps, then its holding.
    rows: Vec<f64>,
    caps: Vec<f64>,
    n_players: usize,
    width: usize,
    /// The resources that each member brings, those of which it has nothing in any step left out.
    brought: Vec<Vec<u32>>,
    /// What the three lowest bring, where eight coalitions are dispatched side by side.
    lowest: Option<Brought>,
}

/// The memory that one evaluation after the other uses.
#[derive(Debug)]
pub struct Workspace {
    function: ConvexPiecewise,
    pub(super) active: Vec<Vec<u32>>,
    pub(super) points: Vec<Point>,
    pub(super) change: Change,
    pub(super) traces: Vec<Trace>,
}

impl Workspace {
    /// Room for any evaluation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            function: ConvexPiecewise::new(),
            active: Vec::new(),
            points: Vec::new(),
            change: Change::default(),
            traces: Vec::new(),
        }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

/// What is kept of the least cost after a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    /// The slopes at the ends of the domain, where it is more than a point.
    pub slopes: Option<(f64, f64)>,
    /// Whether the domain begins at an empty battery.
    pub at_empty: bool,
    /// Whether it ends at a full one.
    pub at_full: bool,
}

impl ConvexDispatchGame {
    /// The game of members who bring `resources`, rows of `costs.n_steps()` numbers, the same number
    /// of rows for each member, and one holding each, at the given caps.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the numbers do not fit together, one cannot be calculated with,
    /// a member makes a distance between kinks negative, or a battery cannot be.
    pub fn new(
        costs: ExchangeCosts,
        resources: &[f64],
        holdings: &[Holding],
        caps: Vec<f64>,
        conversion: Conversion,
        wear: Wear,
    ) -> Result<Self> {
        let (n_players, n_steps) = (holdings.len(), costs.n_steps());
        if n_players == 0 || !resources.len().is_multiple_of(n_players * n_steps) {
            return Err(Error::InvalidInput(format!(
                "{} numbers are not rows of {n_steps} steps for {n_players} members",
                resources.len()
            )));
        }
        check_usable("resources", resources)?;
        let each = resources.len() / n_players;
        if each / n_steps != costs.n_resources() || caps.len() != costs.n_caps() {
            return Err(Error::InvalidInput(format!(
                "there are {} resources and {} caps; the kinks move with {} and {}",
                each / n_steps,
                caps.len(),
                costs.n_resources(),
                costs.n_caps()
            )));
        }
        check_usable("caps", &caps)?;
        let width = each + Holding::WIDTH;
        let mut rows = Vec::with_capacity(n_players * width);
        let mut brought = Vec::with_capacity(n_players);
        for (member, holding) in holdings.iter().enumerate() {
            let own = &resources[member * each..][..each];
            holding.check(member)?;
            costs.check_member(member, own)?;
            let is_brought = |row: &[f64]| row.iter().any(|&at| at != 0.0);
            let of = (0..).zip(own.chunks(n_steps)).filter(|(_, row)| is_brought(row));
            brought.push(of.map(|(resource, _)| resource).collect());
            rows.extend_from_slice(own);
            rows.extend(holding.to_array());
        }
        let retention = conversion.retention();
        let terminals = Terminals::new(conversion, wear)?;
        let is_in_order = n_players > 2 && retention == 1.0 && costs.in_order(terminals.waste_pays);
        let lowest = is_in_order.then(|| {
            let own = |member: usize| rows[member * width..][..width].split_at(each);
            Brought::new(
                n_steps,
                |member| own(member).0,
                |member| Holding::from_slice(own(member).1),
            )
        });
        Ok(Self {
            units: (retention < 1.0).then(|| units(retention, n_steps)),
            terminals,
            costs,
            retention,
            rows,
            caps,
            n_players,
            width,
            brought,
            lowest,
        })
    }

    /// The game of a single pool with other costs and no caps.
    pub(super) fn alone(&self, resources: &[f64], costs: ExchangeCosts) -> Self {
        Self {
            brought: vec![(0..costs.n_resources() as u32).collect()],
            costs,
            units: self.units.clone(),
            rows: resources.to_vec(),
            caps: Vec::new(),
            n_players: 1,
            lowest: None,
            ..*self
        }
    }

    /// The caps of the game.
    #[must_use]
    pub fn caps(&self) -> &[f64] {
        &self.caps
    }

    /// The sum of the rows of members.
    #[must_use]
    pub fn sums(&self, members: &[bool]) -> Vec<f64> {
        let mut sums = vec![0.0; self.width];
        let rows = self.rows.chunks(self.width);
        for (row, _) in rows.zip(members).filter(|(_, is_member)| **is_member) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    /// The least cost of a pool with the given resources; infinite where it has no dispatch.
    ///
    /// # Panics
    /// When the numbers of resources or caps are others than those of the game.
    pub fn cost(&self, resources: &[f64], caps: &[f64], work: &mut Workspace) -> f64 {
        let (series, holding) = self.split(resources);
        self.cost_of((&series, &holding), caps, work)
    }

    fn cost_of(&self, pool: (&[&[f64]], &Holding), caps: &[f64], work: &mut Workspace) -> f64 {
        self.least_cost(pool, caps, work, |_| {}).map_or(f64::INFINITY, |end| end.cost)
    }

    /// The step at which a pool has no dispatch, if there is any.
    pub fn infeasible_step(
        &self,
        resources: &[f64],
        caps: &[f64],
        work: &mut Workspace,
    ) -> Option<usize> {
        let (series, holding) = self.split(resources);
        self.least_cost((&series, &holding), caps, work, |_| {}).err()
    }

    /// A row for each resource, and what there is beside.
    pub(super) fn split<'a>(&self, resources: &'a [f64]) -> (Vec<&'a [f64]>, Holding) {
        let (series, own) = resources.split_at(self.width - Holding::WIDTH);
        (series.chunks(self.costs.n_steps()).collect(), Holding::from_slice(own))
    }

    /// The unit of charge in a step.
    pub(super) fn unit(&self, step: usize) -> &Unit {
        self.units.as_ref().map_or(&Unit::KWH, |units| &units[step])
    }

    /// The cost of a step, with its points; none when no exchange is within the limits. For the pool
    /// of the last evaluation with this memory.
    #[inline]
    pub(super) fn shape(
        &self,
        step: usize,
        (series, holding): (&[&[f64]], &Holding),
        caps: &[f64],
        work: &mut Workspace,
    ) -> Option<Shape> {
        let Workspace { active, points, .. } = work;
        let mut shape = self.costs.shape::<false>(step, series, caps, active, points);
        shape.fit(holding.charge_power, holding.discharge_power, holding.slack()).then_some(shape)
    }

    /// The least cost and its slope at the charge that must be there at the end, or the step at
    /// which there is no dispatch; `observe` sees the least cost after each step.
    ///
    /// The rows of resources that no member brings may be empty.
    pub(super) fn least_cost(
        &self,
        (series, holding): (&[&[f64]], &Holding),
        caps: &[f64],
        work: &mut Workspace,
        mut observe: impl FnMut(&ConvexPiecewise),
    ) -> std::result::Result<End, usize> {
        let (powers, slack) = (holding.powers(), holding.slack());
        let Workspace { function, active, points, change, .. } = work;
        self.costs.active(series, active);
        let mut cost = holding.money;
        function.reset(holding.initial_charge, holding.energy);
        for step in 0..self.costs.n_steps() {
            let unit = self.unit(step);
            if unit.growth > 0.0 {
                function.extend_bound(holding.energy * unit.growth);
            }
            if let Some(factor) = unit.reset {
                function.rescale(factor);
            }
            let mut shape = self.costs.shape::<true>(step, series, caps, active, points);
            if self.terminals.is_simple(&shape) {
                cost += shape.value(points, 0.0);
                self.terminals.convolve(&shape, points, powers, unit, function);
                observe(function);
                continue;
            }
            if !shape.fit(powers.charge, powers.discharge, slack) {
                return Err(step);
            }
            self.terminals.change(&shape, points, powers, change);
            // Leaving the charge as it is or, where a limit forbids that, the least change.
            let start = 0.0_f64.max(change.least).min(change.most());
            let flow = self.terminals.flow(start, change, powers);
            let exchange = (flow.charge - flow.discharge).min(shape.upper).max(shape.lower);
            cost += shape.value(points, exchange) + self.terminals.worn(flow);
            if start != 0.0 && !function.shift(start * unit.per_kwh, slack * unit.per_kwh) {
                return Err(step);
            }
            let n_falling = change.split_at(start);
            let (falling, rising) = change.segments.split_at(n_falling);
            for segment in falling.iter().rev() {
                function.convolve_left(unit.convert(*segment));
            }
            for segment in rising {
                function.convolve_right(unit.convert(*segment));
            }
            observe(function);
        }
        let last = self.costs.n_steps() - 1;
        let per_kwh = self.unit(last).per_kwh;
        let right = holding.energy * per_kwh - function.headroom();
        if right < (holding.initial_charge - slack) * per_kwh {
            return Err(last);
        }
        let end = read_end(function, holding.initial_charge * per_kwh - function.left());
        Ok(End { cost: cost + end.cost, slope: end.slope })
    }
}

impl CostOfSums for ConvexDispatchGame {
    fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// Each resource in all steps, then the numbers of a holding.
    fn width(&self) -> usize {
        self.width
    }

    fn cost_of_sums(&self) -> impl FnMut(&[f64]) -> f64 + Send {
        let mut work = Workspace::new();
        move |resources| self.cost(resources, &self.caps, &mut work)
    }

    fn weight(&self, row: &[f64]) -> f64 {
        let holding = self.split(row).1;
        let series = &row[..self.width - Holding::WIDTH];
        self.costs.turnover(series, holding.charge_power + holding.discharge_power)
            + self.costs.highest() * (holding.energy + holding.initial_charge)
            + holding.money.abs()
    }
}

impl NativeGame for ConvexDispatchGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        let n_steps = self.costs.n_steps();
        let part = |part| PartialSums::of_a_part(&self.rows, self.width, part);
        let series = self.width - Holding::WIDTH;
        Box::new(ConvexWalker {
            game: self,
            series: (0..series).step_by(n_steps).map(|at| part(at..at + n_steps)).collect(),
            holding: part(series..self.width),
            work: Workspace::new(),
            lanes: ConvexLanes::new(self.costs.n_resources()),
        })
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.rows, self.width, || self.cost_of_sums(), progress)
    }
}

/// Sums up for each resource only what members bring of it: a rung of a ladder is that of few.
struct ConvexWalker<'a> {
    game: &'a ConvexDispatchGame,
    series: Vec<PartialSums<'a>>,
    holding: PartialSums<'a>,
    work: Workspace,
    lanes: ConvexLanes,
}

impl ConvexWalker<'_> {
    /// The coalition with those of the three lowest members whose bits are set in `lane`, by itself.
    fn value_with(&mut self, lane: usize) -> f64 {
        let members = |lane: usize| (0..3).filter(move |member| lane >> member & 1 == 1);
        members(lane).rev().for_each(|member| self.add(member));
        let value = self.value();
        members(lane).for_each(|member| self.remove(member));
        value
    }
}

impl Walker for ConvexWalker<'_> {
    fn clear(&mut self) {
        self.series.iter_mut().for_each(PartialSums::clear);
        self.holding.clear();
    }

    fn add(&mut self, player: usize) {
        for &resource in &self.game.brought[player] {
            self.series[resource as usize].add(player);
        }
        self.holding.add(player);
    }

    fn remove(&mut self, player: usize) {
        for &resource in &self.game.brought[player] {
            self.series[resource as usize].remove(player);
        }
        self.holding.remove(player);
    }

    fn value(&mut self) -> f64 {
        let sums = self.series.iter();
        let series: Vec<&[f64]> =
            sums.map(|sums| if sums.is_empty() { &[] } else { sums.sum() }).collect();
        let holding = Holding::from_slice(self.holding.sum());
        self.game.cost_of((&series, &holding), &self.game.caps, &mut self.work)
    }

    fn values_with_lowest(&mut self) -> Option<[f64; 8]> {
        let ConvexDispatchGame { costs, terminals, caps, lowest, .. } = self.game;
        let brought = lowest.as_ref()?;
        let sums = self.series.iter();
        let series: Vec<&[f64]> =
            sums.map(|sums| if sums.is_empty() { &[] } else { sums.sum() }).collect();
        let mut counting = series.clone();
        for &resource in self.game.brought[..3].iter().flatten() {
            counting[resource as usize] = &[0.0];
        }
        costs.active(&counting, &mut self.work.active);
        let holding = Holding::from_slice(self.holding.sum());
        let mut values = self.lanes.costs(Eight {
            costs,
            terminals,
            brought,
            caps,
            series: &series,
            holding: &holding,
            active: &self.work.active,
        });
        for lane in (0..values.len()).filter(|&lane| values[lane].is_nan()).collect::<Vec<_>>() {
            values[lane] = self.value_with(lane);
        }
        Some(values)
    }
}
