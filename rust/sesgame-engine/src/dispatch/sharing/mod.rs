//! Members who share over the public grid and keep their contracts.
//!
//! A coalition pays what its members' contracts charge alone, less what it gains where one member's surplus
//! is used by another instead of being sold and bought: a transport problem in each step. At one fee for all
//! it has a closed form ([`merit_order`]); at fees by zone it is solved ([`transport`]).

mod merit_order;
mod own_points;
mod prices;
mod sides;
mod transport;

pub use prices::LocalPrices;
pub use sides::Points;

use std::borrow::Cow;

use once_cell::race::OnceBox;

use merit_order::{Gap, Kind, Offer, Scratch};
use own_points::Owned;
use sides::Side;
use transport::Transport;

use super::check_usable;
use crate::coalition::MAX_TABLE_PLAYERS;
use crate::error::{Error, Result};
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::owen_integral::kink_sums::{KinkSums, MOST_STEPS};
use crate::owen_integral::{Aggregate, StepValue, ThresholdFunction, shapley_value};
use crate::partial_sums::PartialSums;
use crate::progress::Progress;

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
    gaps: OnceBox<Vec<Gap>>,
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

/// The game as `sum of linear + sum over gaps of max(X, 0)`.
#[derive(Debug)]
struct Margins {
    linear: Vec<f64>,
    rows: Vec<f64>,
}

impl SharingGame {
    /// The game of members who pay `alone` without sharing.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where points do not fit or a number cannot be calculated with;
    /// [`Error::OutOfMemory`].
    pub fn new(points: &Points<'_>, alone: Vec<f64>, own_points: OwnPoints) -> Result<Self> {
        points.check()?;
        check_usable("alone", &alone)?;
        if alone.len() != points.n_members {
            return Err(Error::InvalidInput(format!(
                "there are {} costs alone for {} members",
                alone.len(),
                points.n_members
            )));
        }
        let mut sides = points.sides()?;
        let is_one_fee = points.n_zones == 1;
        let clearing = if is_one_fee {
            for side in sides.iter_mut().filter(|side| !side.is_deficit) {
                side.price.iter_mut().zip(points.fee).for_each(|(price, fee)| *price += fee);
            }
            let (kinds, steps) = merit_order::kinds(&sides, points.n_steps);
            if kinds.len() > 1 {
                sides.iter_mut().for_each(|side| side.reorder(&steps));
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
            let progress = Progress::new();
            let mut walker = SharingWalker::new(&game, &progress);
            let own: Vec<f64> = (0..game.n_players)
                .map(|member| {
                    walker.clear();
                    walker.add(member);
                    walker.gain()
                })
                .collect();
            drop(walker);
            game.only_with_others = own.iter().any(|&gain| gain != 0.0).then_some(own);
        }
        Ok(game)
    }

    fn gaps(&self) -> &[Gap] {
        let Clearing::MeritOrder { kinds, .. } = &self.clearing else { return &[] };
        self.gaps.get_or_init(|| Box::new(merit_order::gaps(&self.sides, kinds)))
    }

    /// Whether the game is a sum over gaps, members' own points included.
    fn is_sum_of_gaps(&self) -> bool {
        matches!(&self.clearing, Clearing::MeritOrder { owned: None, .. })
    }

    /// The deficits above a gap, and these less the surpluses below it, by member.
    fn across(&self, gap: Gap) -> (Vec<f64>, Vec<f64>) {
        let (mut deficit, mut net) = (vec![0.0; self.n_players], vec![0.0; self.n_players]);
        let Clearing::MeritOrder { kinds, .. } = &self.clearing else { return (deficit, net) };
        let below = gap.below as usize;
        for (rank, &side) in kinds[gap.kind as usize].order.iter().enumerate() {
            let side = &self.sides[side];
            if side.is_deficit != (rank > below) {
                continue;
            }
            for (member, row) in side.rows() {
                let energy = row[gap.place as usize];
                if side.is_deficit {
                    deficit[member] += energy;
                    net[member] += energy;
                } else {
                    net[member] -= energy;
                }
            }
        }
        (deficit, net)
    }

    /// What members pay whose coalition shares all that is above gaps: the linear part.
    fn all_met(&self) -> Vec<f64> {
        let mut linear = self.alone.clone();
        let Clearing::MeritOrder { kinds, .. } = &self.clearing else { return linear };
        // Above the lowest surplus each deficit is worth its price less that.
        for kind in kinds {
            let Some(first) = kind.order.iter().position(|&side| !self.sides[side].is_deficit)
            else {
                continue;
            };
            let lowest = &self.sides[kind.order[first]].price;
            for &side in &kind.order[first..] {
                let side = &self.sides[side];
                if !side.is_deficit {
                    continue;
                }
                for (member, row) in side.rows() {
                    let places = kind.first..kind.end;
                    linear[member] -= places
                        .map(|place| (side.price[place] - lowest[place]) * row[place])
                        .sum::<f64>();
                }
            }
        }
        linear
    }

    fn margins(&self) -> Margins {
        let gaps = self.gaps();
        let mut rows = vec![0.0; gaps.len() * self.n_players];
        for (number, &gap) in gaps.iter().enumerate() {
            for (member, net) in self.across(gap).1.into_iter().enumerate() {
                rows[member * gaps.len() + number] = gap.width * net;
            }
        }
        Margins { linear: self.all_met(), rows }
    }

    /// The prices at which all members together share.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where members' own points do not share; [`Error::Interrupted`].
    pub fn local_prices(&self, progress: &Progress) -> Result<LocalPrices> {
        match &self.clearing {
            Clearing::MeritOrder { kinds, steps, fee, owned: None } => {
                Ok(prices::of_merit_order(&self.sides, kinds, steps, fee))
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
            || self.gaps().len() > MOST_STEPS
        {
            return None;
        }
        let margins = self.margins.get_or_init(|| Box::new(self.margins()));
        Some(Box::new(KinkSums::new(&margins.rows, self.gaps().len(), &margins.linear)))
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
        let gap = self.gaps()[step];
        StepValue {
            loads: Cow::Owned(self.across(gap).1),
            slope: 0.0,
            height: gap.width,
            function: ThresholdFunction::Kink,
            at: 0.0,
        }
    }
}

/// The members of a coalition, and what they have on each side.
struct SharingWalker<'a> {
    game: &'a SharingGame,
    alone: PartialSums<'a>,
    sums: Vec<PartialSums<'a>>,
    members: Vec<usize>,
    progress: &'a Progress,
    scratch: Scratch,
    transport: Transport,
}

impl<'a> SharingWalker<'a> {
    fn new(game: &'a SharingGame, progress: &'a Progress) -> Self {
        let sum = |side: &'a Side| PartialSums::new(&side.energy, side.price.len());
        Self {
            game,
            alone: PartialSums::new(&game.alone, 1),
            sums: game.sides.iter().map(sum).collect(),
            members: Vec::new(),
            progress,
            scratch: Scratch::default(),
            transport: Transport::default(),
        }
    }

    /// What the coalition gains by sharing.
    fn gain(&mut self) -> f64 {
        let (game, sums) = (self.game, &self.sums);
        let offer = |side: usize| {
            (!sums[side].is_empty()).then(|| {
                let Side { is_deficit, price, .. } = &game.sides[side];
                Offer { is_deficit: *is_deficit, price, energy: sums[side].sum() }
            })
        };
        match &game.clearing {
            Clearing::MeritOrder { kinds, owned: None, .. } => {
                merit_order::gain(kinds, offer, &mut self.scratch)
            }
            Clearing::MeritOrder { kinds, owned: Some(owned), .. } => {
                own_points::gain(kinds, offer, owned, &self.members)
            }
            Clearing::Transport { fee, n_zones, .. } => {
                let offers: Vec<(usize, Offer<'_>)> = (0..game.sides.len())
                    .filter_map(|side| offer(side).map(|offer| (side, offer)))
                    .collect();
                let mut gain = 0.0;
                for step in 0..fee.len() / (n_zones * n_zones) {
                    if self.progress.check().is_err() {
                        return f64::NAN;
                    }
                    gain += game.clear(&offers, step, &mut self.transport).0;
                }
                gain
            }
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

impl Walker for SharingWalker<'_> {
    fn clear(&mut self) {
        self.alone.clear();
        self.sums.iter_mut().for_each(PartialSums::clear);
        self.members.clear();
    }

    fn add(&mut self, player: usize) {
        self.alone.add(player);
        self.members.push(player);
        for &(side, place) in &self.game.places[player] {
            self.sums[side].add(place);
        }
    }

    fn remove(&mut self, player: usize) {
        self.alone.remove(player);
        let place = self.members.iter().rposition(|&member| member == player);
        self.members.remove(place.expect("only a member can be removed"));
        for &(side, place) in &self.game.places[player] {
            self.sums[side].remove(place);
        }
    }

    fn value(&mut self) -> f64 {
        let gain = match (&self.game.only_with_others, &self.members[..]) {
            (Some(_), [_]) => 0.0,
            _ => self.gain(),
        };
        self.alone.sum()[0] - gain
    }
}
