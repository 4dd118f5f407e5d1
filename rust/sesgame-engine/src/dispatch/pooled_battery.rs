//! A coalition that pools its batteries, dispatched at least cost exactly.
//!
//! `F_t(s)`, the least cost of the first `t` steps that ends with charge `s`, is convex and
//! piecewise linear. A step turns it into its infimal convolution with the step's own cost
//! ([`super::step_cost`]), restricted to the charges that the battery can hold: an exchange of
//! segments ([`super::convex_piecewise`]). There are no more segments than different prices, or
//! than the battery needs steps to be filled, so the time per step does not grow with their number.

use super::battery::{Battery, Conversion};
use super::bill_range::CostOfSums;
use super::convex_piecewise::ConvexPiecewise;
use super::pool_lanes::{Batteries, LANES, Lanes, Pools};
use super::step_cost::{StepCosts, split_at_idle};
use super::{Tariff, check_net_load};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::partial_sums::SumWalker;
use crate::progress::Progress;

/// The cost game of a community that pools its batteries: `c(S)` is the least cost at which the
/// members' common battery serves their common net load,
///
/// `min sum over t of max(buy_t g_t, sell_t g_t)` with `g_t = L_t + a_t - d_t`,
/// `s_{t+1} = r s_t + ec a_t - d_t / ed`, `0 <= a_t, d_t <= P`, `0 <= s_t <= E`, `s_T >= s_0`.
///
/// `L`, `P`, `E` and `s_0` are sums over the members. Members whose batteries differ in the ratio
/// of power to energy gain a little more in this model than their batteries could deliver one by
/// one. With negative prices the pool may charge some batteries while it discharges others, which
/// a single battery cannot.
#[derive(Debug)]
pub struct PooledBatteryGame {
    costs: StepCosts,
    conversion: Conversion,
    /// One row for each member: the net loads, then energy, power and initial charge.
    rows: Vec<f64>,
    n_players: usize,
}

impl PooledBatteryGame {
    /// The game of members with the given net loads in kWh per step, one row of
    /// `tariff.n_steps()` numbers for each member, and the given batteries, which all convert
    /// energy alike.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the rows do not fit the tariff or the batteries, a number is
    /// not finite, or a battery cannot be or cannot keep its charge.
    pub fn new(
        net_load: &[f64],
        tariff: Tariff,
        batteries: &[Battery],
        conversion: Conversion,
    ) -> Result<Self> {
        let n_steps = tariff.n_steps();
        let n_players = check_net_load(net_load, n_steps)?;
        if batteries.len() != n_players {
            return Err(Error::InvalidInput(format!(
                "there are {} batteries for {n_players} members",
                batteries.len()
            )));
        }
        let mut rows = Vec::with_capacity(n_players * (n_steps + 3));
        for (member, (load, battery)) in net_load.chunks(n_steps).zip(batteries).enumerate() {
            battery.check(&conversion, &format!("the battery of member {member}"))?;
            rows.extend_from_slice(load);
            rows.extend([battery.energy, battery.power, battery.initial_charge]);
        }
        Ok(Self { costs: StepCosts::new(tariff, conversion), conversion, rows, n_players })
    }

    /// The least cost of a pool with the given resources.
    fn cost(&self, resources: &[f64], function: &mut ConvexPiecewise) -> f64 {
        let tariff = self.costs.tariff();
        let (load, pool) = resources.split_at(tariff.n_steps());
        let battery = Battery { energy: pool[0], power: pool[1], initial_charge: pool[2] };
        if battery.power == 0.0 {
            return tariff.cost(load);
        }
        tariff.cost(load) + least_cost(&self.costs, load, battery, function, |_, _| {}).cost
    }
}

impl CostOfSums for PooledBatteryGame {
    fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// A net load per step, energy, power, charge.
    fn width(&self) -> usize {
        self.costs.tariff().n_steps() + 3
    }

    fn cost_of_sums(&self) -> impl FnMut(&[f64]) -> f64 + Send {
        let mut function = ConvexPiecewise::new();
        move |resources| self.cost(resources, &mut function)
    }

    fn weight(&self, row: &[f64]) -> f64 {
        let tariff = self.costs.tariff();
        let (load, pool) = row.split_at(tariff.n_steps());
        tariff.turnover(load, pool[1]) + tariff.highest() * (pool[0] + pool[2])
    }
}

impl NativeGame for PooledBatteryGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        let sums = SumWalker::new(&self.rows, self.width(), self.cost_of_sums());
        if !self.is_side_by_side() {
            return Box::new(sums);
        }
        let loads = vec![[0.0; LANES]; self.costs.tariff().n_steps()];
        let nothing = Battery { energy: 0.0, power: 0.0, initial_charge: 0.0 };
        Box::new(PoolWalker {
            game: self,
            sums,
            pools: Pools::new(),
            loads,
            batteries: Batteries::each(|_| nothing),
            taken: Vec::new(),
            found: Vec::new(),
        })
    }

    fn is_side_by_side(&self) -> bool {
        self.conversion.retention() == 1.0 && self.n_players > 2
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.rows, self.width(), || self.cost_of_sums(), progress)
    }
}

/// The walker of a pool that loses no charge: eight coalitions at a time.
struct PoolWalker<'a, F> {
    game: &'a PooledBatteryGame,
    sums: SumWalker<'a, F>,
    pools: Pools,
    /// Net loads of eight coalitions per step.
    loads: Vec<Lanes>,
    batteries: Batteries,
    /// The places of coalitions in the lanes.
    taken: Vec<usize>,
    /// The values of those before them.
    found: Vec<(usize, f64)>,
}

impl<F> PoolWalker<'_, F> {
    /// Dispatches all coalitions that are taken.
    fn evaluate(&mut self) {
        let PooledBatteryGame { costs, conversion, .. } = self.game;
        let values = self.pools.costs(costs.tariff(), conversion, &self.loads, &self.batteries);
        self.found.extend(self.taken.drain(..).zip(values));
    }
}

impl<F: FnMut(&[f64]) -> f64 + Send> Walker for PoolWalker<'_, F> {
    fn clear(&mut self) {
        self.sums.clear();
    }

    fn add(&mut self, player: usize) {
        self.sums.add(player);
    }

    fn remove(&mut self, player: usize) {
        self.sums.remove(player);
    }

    fn value(&mut self) -> f64 {
        self.sums.value()
    }

    fn values_with_lowest(&mut self) -> Option<[f64; 8]> {
        if !self.taken.is_empty() {
            self.evaluate();
        }
        let width = self.game.width();
        let sum = self.sums.sum();
        let lowest = [2, 1, 0].map(|player| &self.game.rows[player * width..][..width]);
        // In the order in which a walker adds them: to add nothing changes no bits.
        let joined = |place: usize| {
            let mut lanes = [sum[place]; LANES];
            for (row, bit) in lowest.iter().zip([4, 2, 1]) {
                let own = [0.0, row[place]];
                for (lane, amount) in lanes.iter_mut().enumerate() {
                    *amount += own[usize::from(lane & bit != 0)];
                }
            }
            lanes
        };
        let n_steps = self.loads.len();
        for (step, load) in self.loads.iter_mut().enumerate() {
            *load = joined(step);
        }
        let batteries = Batteries {
            energy: joined(n_steps),
            power: joined(n_steps + 1),
            initial_charge: joined(n_steps + 2),
        };
        let tariff = self.game.costs.tariff();
        Some(self.pools.costs(tariff, &self.game.conversion, &self.loads, &batteries))
    }

    fn enqueue(&mut self, place: usize) -> bool {
        let lane = self.taken.len();
        let (load, pool) = self.sums.sum().split_at(self.loads.len());
        for (lanes, load) in self.loads.iter_mut().zip(load) {
            lanes[lane] = *load;
        }
        self.batteries.energy[lane] = pool[0];
        self.batteries.power[lane] = pool[1];
        self.batteries.initial_charge[lane] = pool[2];
        self.taken.push(place);
        if self.taken.len() == LANES {
            self.evaluate();
        }
        true
    }

    fn finish(&mut self, put: &mut dyn FnMut(usize, f64)) {
        if !self.taken.is_empty() {
            self.evaluate();
        }
        self.found.drain(..).for_each(|(place, value)| put(place, value));
    }
}

/// The end of the recursion.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The least cost over all steps, less that without a battery.
    pub cost: f64,
    /// The slope of the least cost at the charge that must be there at the end; 0 where more
    /// charge would cost less.
    pub slope: f64,
}

/// What `battery` saves at best when it serves `load`, as a negative cost.
///
/// `observe` sees the least cost after each step: what the optimal schedule and its prices follow
/// from.
pub(super) fn least_cost(
    costs: &StepCosts,
    load: &[f64],
    battery: Battery,
    function: &mut ConvexPiecewise,
    mut observe: impl FnMut(usize, &ConvexPiecewise),
) -> End {
    function.reset(battery.initial_charge, battery.energy);
    for (step, &load) in load.iter().enumerate() {
        let unit = costs.unit(step);
        if unit.growth > 0.0 {
            function.extend_bound(battery.energy * unit.growth);
        }
        if let Some(factor) = unit.reset {
            function.rescale(factor);
        }
        let segments = costs.segments(step, load, battery.power);
        if costs.tariff().sell()[step] >= 0.0 {
            let [exported, absorbed, _, displaced, imported] = segments;
            function.convolve_left(unit.convert(displaced));
            function.convolve_left(unit.convert(exported));
            function.convolve_right(unit.convert(absorbed));
            function.convolve_right(unit.convert(imported));
        } else {
            let parts = split_at_idle(&segments, costs.most_discharged(battery.power));
            let idle = parts
                .iter()
                .fold(costs.exchange(step, load - battery.power), |cost, (falling, _)| {
                    cost + falling.slope * falling.length
                });
            function.raise(idle - costs.exchange(step, load));
            for (falling, _) in parts.iter().rev() {
                function.convolve_left(unit.convert(*falling));
            }
            for (_, rising) in parts {
                function.convolve_right(unit.convert(rising));
            }
        }
        observe(step, function);
    }
    let unit = costs.unit(load.len() - 1);
    read_end(function, battery.initial_charge * unit.per_kwh - function.left())
}

/// The least value at a distance of at least `distance` from the left end, and the slope there.
pub(super) fn read_end(function: &ConvexPiecewise, distance: f64) -> End {
    let mut end = End { cost: function.left_value(), slope: 0.0 };
    let mut remaining = distance;
    for segment in function.segments() {
        if segment.slope < 0.0 {
            end.cost += segment.slope * segment.length;
        } else if remaining > 0.0 {
            end.cost += segment.slope * segment.length.min(remaining);
            end.slope = segment.slope;
        } else {
            break;
        }
        remaining -= segment.length;
    }
    end
}
