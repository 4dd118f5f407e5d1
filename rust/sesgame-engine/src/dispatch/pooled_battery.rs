//! A coalition that pools its batteries, dispatched at least cost exactly.
//!
//! `F_t(s)`, the least cost of the first `t` steps that ends with charge `s`, is convex and
//! piecewise linear. A step turns it into its infimal convolution with the step's own cost
//! ([`super::step_cost`]), restricted to the charges that the battery can hold. Both are pushes
//! and pops of segments ([`super::convex_piecewise`]), so a coalition takes constant time per step
//! however many steps there are.

use super::battery::{Battery, Conversion};
use super::convex_piecewise::ConvexPiecewise;
use super::partial_sums::PartialSums;
use super::rank_set::{RankSet, Word, WordTree};
use super::step_cost::{StepCosts, Stretch};
use super::{Tariff, check_net_load};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};

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
    tariff: Tariff,
    costs: StepCosts,
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
        let costs = StepCosts::new(&tariff, conversion);
        Ok(Self { tariff, costs, rows, n_players })
    }

    fn walker_with<R: RankSet + 'static>(&self) -> Box<dyn Walker + '_> {
        Box::new(PooledBatteryWalker {
            game: self,
            sums: PartialSums::new(&self.rows, self.tariff.n_steps() + 3),
            function: ConvexPiecewise::<R>::new(self.costs.n_ranks()),
        })
    }
}

impl NativeGame for PooledBatteryGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        if self.costs.n_ranks() <= Word::CAPACITY {
            self.walker_with::<Word>()
        } else {
            self.walker_with::<WordTree>()
        }
    }
}

struct PooledBatteryWalker<'a, R> {
    game: &'a PooledBatteryGame,
    sums: PartialSums<'a>,
    function: ConvexPiecewise<R>,
}

impl<R: RankSet> Walker for PooledBatteryWalker<'_, R> {
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
        let (load, pool) = self.sums.sum().split_at(self.game.tariff.n_steps());
        let battery = Battery { energy: pool[0], power: pool[1], initial_charge: pool[2] };
        if battery.power == 0.0 {
            return self.game.tariff.cost(load);
        }
        let unused = |_: &ConvexPiecewise<R>, _, _| {};
        self.game.tariff.cost(load)
            + least_cost(&self.game.costs, load, battery, &mut self.function, unused).cost
    }
}

/// A slope of the least cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChargePrice {
    pub rank: u32,
    /// Price per kWh of charge.
    pub slope: f64,
}

/// The end of the recursion.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The least cost over all steps, less that without a battery.
    pub cost: f64,
    /// What the last kWh costs of the charge that must be there at the end.
    pub price: ChargePrice,
}

/// What `battery` saves at best when it serves `load`, as a negative cost.
///
/// `observe` sees the least cost after each step, with the step and the unit of the charge (units
/// per kWh): what the optimal schedule and its prices follow from.
pub(super) fn least_cost<R: RankSet>(
    costs: &StepCosts,
    load: &[f64],
    battery: Battery,
    function: &mut ConvexPiecewise<R>,
    mut observe: impl FnMut(&ConvexPiecewise<R>, usize, f64),
) -> End {
    function.reset(battery.initial_charge, battery.energy);
    let mut scale = 1.0;
    for (step, &load) in load.iter().enumerate() {
        if let Some(decay) = costs.decay(step) {
            function.extend_bound(battery.energy * decay.growth);
            if let Some(factor) = decay.reset {
                function.rescale(factor);
            }
            scale = decay.scale;
        }
        let prices = costs.prices(step);
        let stretches = costs.stretches(prices, load, battery.power);
        if prices.sell >= 0.0 {
            let [exported, absorbed, _, displaced, imported] = stretches;
            for discharging in [displaced, exported] {
                function.convolve_left(discharging.in_unit(scale));
            }
            for charging in [absorbed, imported] {
                function.convolve_right(charging.in_unit(scale));
            }
        } else {
            let idle = split_at_idle(&stretches, costs.most_discharged(battery.power));
            let discharged = prices.exchange(load - battery.power);
            let saved: f64 = idle.iter().map(|(below, _)| below.slope * below.length).sum();
            function.raise(discharged + saved - prices.exchange(load));
            idle.iter().rev().for_each(|(below, _)| function.convolve_left(below.in_unit(scale)));
            idle.iter().for_each(|(_, above)| function.convolve_right(above.in_unit(scale)));
        }
        observe(function, step, scale);
    }
    let distance = battery.initial_charge * scale - function.left();
    read_end(function, distance, costs.zero_rank(), scale)
}

/// Each stretch as its parts on which the charge falls and rises.
pub(super) fn split_at_idle(stretches: &[Stretch; 5], falling: f64) -> [(Stretch, Stretch); 5] {
    let mut falling = falling;
    stretches.map(|stretch| {
        let below = stretch.length.min(falling);
        falling -= below;
        (
            Stretch { length: below, ..stretch },
            Stretch { length: stretch.length - below, ..stretch },
        )
    })
}

/// The least value at a distance of at least `distance` from the left end, and the slope there, or
/// 0 when the least value lies further to the right.
fn read_end<R: RankSet>(
    function: &mut ConvexPiecewise<R>,
    distance: f64,
    zero_rank: u32,
    scale: f64,
) -> End {
    let mut cost = function.left_value();
    let mut remaining = distance;
    let mut price = ChargePrice { rank: zero_rank, slope: 0.0 };
    while let Some((rank, segment)) = function.pop_lowest() {
        if segment.slope < 0.0 {
            cost += segment.slope * segment.length;
        } else if remaining > 0.0 {
            cost += segment.slope * segment.length.min(remaining);
            price = ChargePrice { rank, slope: segment.slope * scale };
        } else {
            break;
        }
        remaining -= segment.length;
    }
    End { cost, price }
}
