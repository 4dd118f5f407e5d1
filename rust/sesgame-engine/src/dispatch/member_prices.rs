//! What members who take part with any share of what they bring pay at the prices that prove their
//! common dispatch optimal.
//!
//! The cost of shares `z` of the members is that of the pool of what they bring, `R z`. It is the
//! largest `constant + y . R z` over the dual solutions `y`, so the prices of one pool bound the cost
//! of every other one from below, those of whole members among them.

use multiversion::multiversion;

use super::battery::{Battery, Conversion};
use super::bill_range::CostOfSums as _;
use super::convex_pool::ConvexDispatchGame;
use super::peak_game::PeakChargedGame;
use super::schedule::{ResourcePrices, dispatch};
use super::{Tariff, check_net_load};
use crate::error::{Error, Result};
use crate::game::NativeGame as _;
use crate::progress::Progress;

/// A lower bound on the cost of all shares `z`: `constant + sum over members of prices_i z_i`.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberPrices {
    /// What does not depend on who takes part.
    pub constant: f64,
    /// What each member pays who takes part in whole.
    pub prices: Vec<f64>,
}

impl MemberPrices {
    /// The bound at shares.
    #[must_use]
    pub fn at(&self, shares: &[f64]) -> f64 {
        self.constant + dot(&self.prices, shares)
    }
}

/// Costs that a dispatch of shares of the members prices.
pub trait PricedCost: Send + Sync + std::fmt::Debug {
    /// The number of members.
    fn n_players(&self) -> usize;

    /// The bound that is the cost at these shares, from 0 to 1, up to `1e-9` of all money that flows.
    ///
    /// # Errors
    /// [`Error::Solver`] when rounding keeps cost and bound apart; [`Error::Interrupted`].
    fn prices(&self, shares: &[f64], progress: &Progress) -> Result<MemberPrices>;
}

impl<C: PricedCost + ?Sized> PricedCost for Box<C> {
    fn n_players(&self) -> usize {
        (**self).n_players()
    }

    fn prices(&self, shares: &[f64], progress: &Progress) -> Result<MemberPrices> {
        (**self).prices(shares, progress)
    }
}

/// Pooled batteries, or none, under a tariff of two prices.
#[derive(Debug)]
pub struct TwoPriceCost {
    /// One row for each member: the net loads, then energy, power and initial charge.
    rows: Vec<f64>,
    n_players: usize,
    tariff: Tariff,
    conversion: Conversion,
}

impl TwoPriceCost {
    /// The costs of members with net loads in kWh per step, one row for each, and batteries.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the rows do not fit the tariff or the batteries, a number is not
    /// finite, or a battery cannot be or cannot keep its charge.
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
        Ok(Self { rows, n_players, tariff, conversion })
    }

    /// The net load and the battery of shares.
    fn pool(&self, shares: &[f64]) -> (Vec<f64>, Battery) {
        let n_steps = self.tariff.n_steps();
        let mut sums = weighted_sum(&self.rows, n_steps + 3, shares);
        let (energy, power, charge) = (sums[n_steps], sums[n_steps + 1], sums[n_steps + 2]);
        sums.truncate(n_steps);
        // Of a sum of shares rounding may leave more charge than the batteries hold.
        (sums, Battery { energy, power, initial_charge: charge.min(energy) })
    }

    /// What members pay at prices of what they bring.
    fn member_prices(&self, prices: ResourcePrices) -> MemberPrices {
        let ResourcePrices { energy: mut row, capacity, power, initial_charge } = prices;
        row.extend([-capacity.iter().sum::<f64>(), -power.iter().sum::<f64>(), -initial_charge]);
        MemberPrices { constant: 0.0, prices: bills(&self.rows, &row) }
    }
}

impl PricedCost for TwoPriceCost {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn prices(&self, shares: &[f64], _: &Progress) -> Result<MemberPrices> {
        let (load, battery) = self.pool(shares);
        let schedule = dispatch(&load, &self.tariff, battery, self.conversion)?;
        Ok(self.member_prices(schedule.prices))
    }
}

/// The same with charges on peaks: priced by the dispatch without charges in which import pays its
/// shares of them.
#[derive(Debug)]
pub struct PeakCost<G> {
    /// The members, and what they pay without the charges.
    pub pool: TwoPriceCost,
    /// The same members under the charges.
    pub charged: G,
}

impl<G> PricedCost for PeakCost<G>
where
    G: std::ops::Deref<Target = PeakChargedGame> + Send + Sync + std::fmt::Debug,
{
    fn n_players(&self) -> usize {
        self.pool.n_players
    }

    fn prices(&self, shares: &[f64], progress: &Progress) -> Result<MemberPrices> {
        let Self { pool, charged } = self;
        let game = charged.pools();
        let found = charged.dispatch(&weighted_sum(game.rows(), game.width(), shares), progress)?;
        let mut buy = pool.tariff.buy().to_vec();
        for (steps, paid) in charged.charged_steps().zip(&found.shares) {
            steps.iter().zip(paid).for_each(|(&step, each)| buy[step] += each);
        }
        let tariff = Tariff::new(buy, pool.tariff.sell().to_vec())?;
        let (load, battery) = pool.pool(shares);
        Ok(pool.member_prices(dispatch(&load, &tariff, battery, pool.conversion)?.prices))
    }
}

/// Pools whose exchange has any convex cost, and which have a dispatch whoever takes part.
#[derive(Debug)]
pub struct ConvexCost<G>(pub G);

impl<G> PricedCost for ConvexCost<G>
where
    G: std::ops::Deref<Target = ConvexDispatchGame> + Send + Sync + std::fmt::Debug,
{
    fn n_players(&self) -> usize {
        self.0.n_players()
    }

    fn prices(&self, shares: &[f64], _: &Progress) -> Result<MemberPrices> {
        let game = &*self.0;
        let mut sums = weighted_sum(game.rows(), game.width(), shares);
        let found = game.schedule(&sums, game.caps())?.prices;
        let caps: f64 = found.caps.iter().zip(game.caps()).map(|(price, cap)| price * cap).sum();
        // The prices in the order of a row: each resource in all steps, then a holding.
        sums.clear();
        sums.extend(found.resources);
        sums.extend([
            -found.capacity.iter().sum::<f64>(),
            -found.charge_power.iter().sum::<f64>(),
            -found.discharge_power.iter().sum::<f64>(),
            -found.initial_charge,
            1.0,
        ]);
        Ok(MemberPrices { constant: found.constants + caps, prices: bills(game.rows(), &sums) })
    }
}

/// The sum of the rows of members, each as often as its share.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn weighted_sum(rows: &[f64], width: usize, shares: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for (member, &share) in shares.iter().enumerate() {
        if share != 0.0 {
            let row = &rows[member * width..(member + 1) * width];
            // By index: what iterators call is not compiled for the processor.
            for place in 0..width {
                sums[place] += share * row[place];
            }
        }
    }
    sums
}

/// What each row costs at the prices of its entries.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn bills(rows: &[f64], prices: &[f64]) -> Vec<f64> {
    let width = prices.len();
    let mut found = vec![0.0; rows.len() / width];
    for (member, bill) in found.iter_mut().enumerate() {
        *bill = dot(&rows[member * width..(member + 1) * width], prices);
    }
    found
}

/// In eight sums side by side, which a processor adds at once.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for at in 0..a.len().min(b.len()) {
        for lane in 0..LANES {
            sums[lane] += a[at][lane] * b[at][lane];
        }
    }
    let mut rest = 0.0;
    for at in 0..rest_a.len().min(rest_b.len()) {
        rest += rest_a[at] * rest_b[at];
    }
    rest + sums.iter().sum::<f64>()
}
