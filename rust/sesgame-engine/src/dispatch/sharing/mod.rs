//! Members who share over the public grid and keep their contracts.
//!
//! A coalition pays what its members' contracts charge alone, less what it gains where one member's surplus
//! is used by another instead of being sold and bought: a transport problem in each step. At one fee for all
//! it has a closed form ([`merit_order`]); at fees by zone it is solved ([`transport`]).

mod gaps;
mod merit_order;
#[cfg(test)]
mod oracle;
mod own_points;
mod prices;
mod sides;
mod transport;
mod walker;

pub use prices::LocalPrices;
pub use sides::Points;

use std::borrow::Cow;

use once_cell::race::OnceBox;
use rayon::prelude::*;

use gaps::{Gaps, Margins};
use merit_order::{Kind, Offer};
use own_points::Owned;
use sides::Side;
use transport::Transport;
use walker::SharingWalker;

use super::check_usable;
use crate::coalition::MAX_TABLE_PLAYERS;
use crate::error::{Error, Result};
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::owen_integral::kink_sums::{KinkSums, MOST_STEPS};
use crate::owen_integral::{Aggregate, StepValue, ThresholdFunction, shapley_value};
use crate::progress::Progress;
use crate::thread_pool;

/// Players from whom on ranges of coalitions are worth their preparation.
const MANY: usize = 10;

/// Whether the points of one member share with one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnPoints {
    /// As with those of others, even where the member is alone.
    Always,
    /// As with those of others, but not where the member is alone.
    WithOthers,
    /// Not at all.
    Never,
}

/// The cost game of sharing.
#[derive(Debug)]
pub struct SharingGame {
    n_players: usize,
    /// What each member pays without sharing.
    alone: Vec<f64>,
    sides: Vec<Side>,
    /// For each member the sides on which it has something, and its place there.
    places: Vec<Vec<(usize, usize)>>,
    clearing: Clearing,
    /// What the points of each member gain together, where that counts only with others.
    only_with_others: Option<Vec<f64>>,
    gaps: OnceBox<Gaps>,
    margins: OnceBox<Margins>,
}

#[derive(Debug)]
enum Clearing {
    /// At one fee, which is part of what surpluses ask for. The steps are in another order, that of the
    /// places; some members' own points may not share.
    MeritOrder { kinds: Vec<Kind>, steps: Vec<usize>, fee: Vec<f64>, owned: Option<Owned> },
    /// At fees by the zone of the surplus, the zone of the deficit, and the step.
    Transport { fee: Vec<f64>, n_zones: usize, largest: f64, own_points: bool },
}

impl SharingGame {
    /// The game of members who pay `alone` without sharing.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where points do not fit or a number cannot be calculated with;
    /// [`Error::OutOfMemory`], [`Error::Interrupted`].
    pub fn new(
        points: &Points<'_>,
        alone: Vec<f64>,
        own_points: OwnPoints,
        progress: &Progress,
    ) -> Result<Self> {
        points.check()?;
        check_usable("alone", &alone)?;
        if alone.len() != points.n_members {
            return Err(Error::InvalidInput(format!(
                "there are {} costs alone for {} members",
                alone.len(),
                points.n_members
            )));
        }
        let mut sides = points.sides(progress)?;
        let is_one_fee = points.n_zones == 1;
        let clearing = if is_one_fee {
            for side in sides.iter_mut().filter(|side| !side.is_deficit) {
                side.price.iter_mut().zip(points.fee).for_each(|(price, fee)| *price += fee);
            }
            let (kinds, steps) = merit_order::kinds(&sides, points.n_steps, progress)?;
            if kinds.len() > 1 {
                for side in &mut sides {
                    side.reorder(&steps, progress)?;
                }
            }
            let owned = (own_points == OwnPoints::Never).then(|| Owned::new(&sides));
            let owned = owned.filter(|owned| !owned.is_empty());
            Clearing::MeritOrder { kinds, steps, fee: points.fee.to_vec(), owned }
        } else {
            if own_points == OwnPoints::Never {
                sides = sides.into_iter().flat_map(Side::by_member).collect();
            }
            let all = points.buy.iter().chain(points.sell).chain(points.fee);
            Clearing::Transport {
                fee: points.fee.to_vec(),
                n_zones: points.n_zones,
                largest: all.fold(0.0, |most, price| price.abs().max(most)),
                own_points: own_points != OwnPoints::Never,
            }
        };
        let mut places = vec![Vec::new(); points.n_members];
        for (number, side) in sides.iter().enumerate() {
            for (place, &member) in side.members.iter().enumerate() {
                places[member].push((number, place));
            }
        }
        let mut game = Self {
            n_players: points.n_members,
            alone,
            sides,
            places,
            clearing,
            only_with_others: None,
            gaps: OnceBox::new(),
            margins: OnceBox::new(),
        };
        if own_points == OwnPoints::WithOthers {
            let own = game.own_gains(progress)?;
            game.only_with_others = own.iter().any(|&gain| gain != 0.0).then_some(own);
        }
        Ok(game)
    }

    /// What the points of each member gain by themselves.
    fn own_gains(&self, progress: &Progress) -> Result<Vec<f64>> {
        thread_pool::install(|| {
            (0..self.n_players)
                .into_par_iter()
                .map_init(
                    || SharingWalker::new(self, progress),
                    |walker, member| {
                        walker.clear();
                        walker.add(member);
                        let gain = walker.gain();
                        progress.check().map(|()| gain)
                    },
                )
                .collect()
        })
    }

    fn kinds(&self) -> &[Kind] {
        match &self.clearing {
            Clearing::MeritOrder { kinds, .. } => kinds,
            Clearing::Transport { .. } => &[],
        }
    }

    fn gaps(&self) -> &Gaps {
        self.gaps.get_or_init(|| Box::new(Gaps::new(&self.sides, self.kinds())))
    }

    /// Whether the game is a sum over gaps, members' own points included.
    fn is_sum_of_gaps(&self) -> bool {
        matches!(&self.clearing, Clearing::MeritOrder { owned: None, .. })
    }

    /// The prices at which all members together share.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where members' own points do not share; [`Error::Interrupted`].
    pub fn local_prices(&self, progress: &Progress) -> Result<LocalPrices> {
        match &self.clearing {
            Clearing::MeritOrder { kinds, steps, fee, owned: None } => {
                prices::of_merit_order(&self.sides, kinds, steps, fee, progress)
            }
            Clearing::Transport { own_points: true, .. } => prices::of_transport(self, progress),
            _ => Err(Error::InvalidInput(
                "where members' own points do not share, one price for all does not clear".into(),
            )),
        }
    }
}

impl NativeGame for SharingGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(SharingWalker::new(self, progress))
    }

    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        if !self.is_sum_of_gaps()
            || self.only_with_others.is_some()
            || !(MANY..=MAX_TABLE_PLAYERS).contains(&self.n_players)
            || self.wide_gaps().nth(MOST_STEPS).is_some()
        {
            return None;
        }
        let margins = self.margins.get_or_init(|| Box::new(self.margins()));
        Some(Box::new(KinkSums::new(&margins.rows, margins.n_gaps, &margins.linear)))
    }

    fn shapley_value(&self, progress: &Progress) -> Option<Result<ExactShares>> {
        if !self.is_sum_of_gaps() {
            return None;
        }
        let found = shapley_value(self, progress).map(|mut shares| {
            for (value, linear) in shares.values.iter_mut().zip(self.all_met()) {
                *value += linear;
            }
            // A gain that is lost alone is lost by the first to come, and back with the second.
            if let Some(own) = self.only_with_others.as_ref().filter(|own| own.len() > 1) {
                let n = own.len() as f64;
                let all: f64 = own.iter().sum();
                for (value, own) in shares.values.iter_mut().zip(own) {
                    *value += own / n - (all - own) / (n * (n - 1.0));
                }
            } else if let Some(own) = &self.only_with_others {
                shares.values[0] += own[0];
            }
            shares
        });
        Some(found)
    }
}

impl Aggregate for SharingGame {
    fn n_steps(&self) -> usize {
        self.gaps().len()
    }

    fn step(&self, step: usize) -> StepValue<'_> {
        let gap = self.gap(step);
        StepValue {
            loads: Cow::Owned(self.across(gap)),
            slope: 0.0,
            height: gap.width,
            function: ThresholdFunction::Kink,
            at: 0.0,
        }
    }
}

/// The buyers and the sellers of a step, by side.
type Parties = (Vec<usize>, Vec<usize>);

impl SharingGame {
    /// Solves the transport problem of a step. Gives the gain, and who takes part.
    fn clear(
        &self,
        offers: &[(usize, Offer<'_>)],
        step: usize,
        transport: &mut Transport,
    ) -> (f64, Parties) {
        let Clearing::Transport { fee, n_zones, largest, own_points } = &self.clearing else {
            return (0.0, Parties::default());
        };
        let with = |is_deficit: bool| {
            let some = offers.iter().filter(move |(_, offer)| {
                offer.is_deficit == is_deficit && offer.energy[step] > 0.0
            });
            some.map(|&(side, offer)| (side, offer.energy[step])).unzip()
        };
        let (buyers, deficit): (Vec<usize>, Vec<f64>) = with(true);
        let (sellers, surplus): (Vec<usize>, Vec<f64>) = with(false);
        if buyers.is_empty() || sellers.is_empty() {
            return (0.0, (buyers, sellers));
        }
        let n_steps = fee.len() / (n_zones * n_zones);
        let gain = |buyer: usize, seller: usize| {
            let (buyer, seller) = (&self.sides[buyers[buyer]], &self.sides[sellers[seller]]);
            if !own_points && buyer.members == seller.members {
                return 0.0;
            }
            let way = seller.zone * n_zones + buyer.zone;
            buyer.price[step] - seller.price[step] - fee[way * n_steps + step]
        };
        let gained = transport.solve(&deficit, &surplus, gain, *largest);
        (gained, (buyers, sellers))
    }
}

#[cfg(test)]
mod tests {
    use super::oracle::{OWN_POINTS, World};
    use super::*;
    use crate::enumeration::tabulate;

    #[test]
    fn every_coalition_pays_what_trying_all_ways_to_share_finds() {
        for seed in 0..150 {
            let world = World::drawn(seed, 1 + seed as usize % 3);
            for own_points in OWN_POINTS {
                let table = tabulate(&world.game(own_points), &Progress::new()).unwrap();
                for (coalition, value) in table.into_iter().enumerate() {
                    let expected = world.cost(coalition, own_points);
                    assert_eq!(value, expected, "seed {seed}, {own_points:?}, {coalition:b}");
                }
            }
        }
    }

    #[test]
    fn exact_shares_are_those_of_all_orders() {
        for seed in 0..60 {
            let world = World::drawn(seed, 1);
            for own_points in [OwnPoints::Always, OwnPoints::WithOthers] {
                let game = world.game(own_points);
                let found = game.shapley_value(&Progress::new()).unwrap().unwrap();
                let expected =
                    over_orders(world.n_members, |coalition| world.cost(coalition, own_points));
                for (found, expected) in found.values.iter().zip(expected) {
                    // Rounding of an integral; costs are some tens.
                    assert!((found - expected).abs() < 1e-11, "seed {seed}: {found}, {expected}");
                }
            }
        }
    }

    /// The mean of what each member adds over all orders.
    fn over_orders(n: usize, cost: impl Fn(usize) -> f64) -> Vec<f64> {
        let table: Vec<f64> = (0..1 << n).map(cost).collect();
        let mut sums = vec![0.0; n];
        let mut count = 0.0;
        let mut orders = vec![(0, Vec::new())];
        while let Some((coalition, adds)) = orders.pop() {
            for member in (0..n).filter(|member| coalition >> member & 1 == 0) {
                let with = coalition | 1 << member;
                let add = (member, table[with] - table[coalition]);
                orders.push((with, [&adds[..], &[add]].concat()));
            }
            if adds.len() == n {
                count += 1.0;
                adds.into_iter().for_each(|(member, add): (usize, f64)| sums[member] += add);
            }
        }
        sums.into_iter().map(|sum| sum / count).collect()
    }

    #[test]
    fn costs_alone_are_one_for_each_member() {
        let world = World { alone: vec![0.0; 9], ..World::drawn(1, 1) };
        let error = world.try_game(OwnPoints::Always, &Progress::new()).unwrap_err();
        assert!(error.to_string().contains("9 costs alone"), "{error}");
    }

    #[test]
    fn who_asks_to_stop_is_heard_while_a_game_is_made_and_used() {
        let stopped = Progress::new();
        stopped.cancel();
        for n_zones in [1, 2] {
            let mut worlds = (0..).map(|seed| World::drawn(seed, n_zones));
            let world = worlds.find(|world| world.n_members > 1).unwrap();
            for own_points in OWN_POINTS {
                let made = world.try_game(own_points, &stopped);
                assert!(matches!(made, Err(Error::Interrupted)));
                let game = world.game(own_points);
                let mut walker = game.walker(&stopped);
                (0..world.n_members).for_each(|member| walker.add(member));
                assert!(walker.value().is_nan());
            }
            let prices = world.game(OwnPoints::Always).local_prices(&stopped);
            assert!(matches!(prices, Err(Error::Interrupted)));
        }
    }
}
