//! The coalitions of an order book: what each is worth by trading on its own, and the price at which
//! no coalition gains more than is proved by duality.
//!
//! A coalition `S` clears its own orders. By duality it is worth `W(S) = min over prices of the sum of
//! its members' profits pi_i(price)`. So at any price no coalition gains more against utilities `u`
//! than `sum over i of max(0, pi_i(price) - u_i)`, and the profits at a clearing price are in the core.

use super::misreport::PaymentRule;
use super::order_book::{OrderBook, clear};
use crate::error::Result;
use crate::progress::Progress;

/// An order in the queue of its side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub player: usize,
    /// Above the clearing price of all: sums are then as precise as what is gained by trading.
    pub price: f64,
    pub quantity: f64,
}

/// The orders of a period, the best of each side first.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub offers: Vec<Step>,
    pub bids: Vec<Step>,
    /// How far the clearing price may fall and rise.
    range: (f64, f64),
}

/// The participants of a book and, as one more player where there is any, its fixed demand.
#[derive(Debug, Clone)]
pub struct BookCoalitions {
    pub(super) n_players: usize,
    pub(super) periods: Vec<Sides>,
}

/// A coalition, and what it gains by trading on its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocking {
    /// Flags by player.
    pub members: Vec<bool>,
    /// Its worth less the utilities of its members.
    pub excess: f64,
}

impl BookCoalitions {
    /// The coalitions of a book, which is cleared for it: `O(m log m)`.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`].
    pub fn new(book: &OrderBook<'_>, progress: &Progress) -> Result<Self> {
        let outcome = clear(book, progress)?;
        let has_load = book.demand.iter().any(|&demand| demand > 0.0);
        let periods = (0..book.n_periods())
            .map(|t| {
                let (lower, upper) = (outcome.price_lower[t], outcome.price_upper[t]);
                let price = PaymentRule::price(0.5, lower, upper);
                Sides::new(book, t, if price.is_finite() { price } else { 0.0 }, (lower, upper))
            })
            .collect();
        Ok(Self { n_players: book.n_participants + usize::from(has_load), periods })
    }

    /// What members gain by trading among themselves; `O(m)`.
    #[must_use]
    pub fn worth(&self, members: &[bool]) -> f64 {
        self.periods.iter().map(|sides| sides.worth(members)).sum()
    }

    /// What members gain by trading among themselves instead of having their utilities.
    #[must_use]
    pub fn excess(&self, members: &[bool], utility: &[f64]) -> f64 {
        let theirs = utility.iter().zip(members).filter(|(_, inside)| **inside);
        self.worth(members) - theirs.map(|(utility, _)| utility).sum::<f64>()
    }

    /// What all gain together, and what of it is lost without each: `O(n m)`.
    #[must_use]
    pub fn marginal_contributions(&self) -> (f64, Vec<f64>) {
        let mut members = vec![true; self.n_players];
        let welfare = self.worth(&members);
        let marginal = (0..self.n_players)
            .map(|player| {
                members[player] = false;
                let without = self.worth(&members);
                members[player] = true;
                welfare - without
            })
            .collect();
        (welfare, marginal)
    }

    /// The profits of all at clearing prices, of those prices that bring them near to a target:
    /// payoffs in the core.
    #[must_use]
    pub fn profits_near(&self, target: &[f64]) -> Vec<f64> {
        let mut profits = vec![0.0; self.n_players];
        let (mut nets, mut ranges) = (Vec::new(), Vec::new());
        for sides in &self.periods {
            let mut net = vec![0.0; self.n_players];
            for (step, sign) in sides.steps() {
                profits[step.player] += step.quantity * f64::max(0.0, -sign * step.price);
                // At the ends of the range, where it has any width, orders are as far from zero.
                if -sign * step.price > 0.0 {
                    net[step.player] += sign * step.quantity;
                }
            }
            nets.push(net);
            ranges.push(sides.range);
        }
        for (net, (fall, rise)) in nets.iter().zip(ranges) {
            let square: f64 = net.iter().map(|net| net * net).sum();
            if square > 0.0 && rise - fall > 0.0 {
                let missing = target.iter().zip(&profits).map(|(most, profit)| most - profit);
                let along: f64 = missing.zip(net).map(|(missing, net)| missing * net).sum();
                let moved = (along / square).clamp(fall, rise);
                profits.iter_mut().zip(net).for_each(|(profit, net)| *profit += moved * net);
            }
        }
        profits
    }

    /// Who gains by the clearing price, and the bound on what any coalition gains that it proves.
    #[must_use]
    pub fn at_clearing_price(&self, utility: &[f64]) -> (Blocking, f64) {
        let mut over = utility.iter().map(|utility| -utility).collect::<Vec<_>>();
        for (step, sign) in self.periods.iter().flat_map(Sides::steps) {
            over[step.player] += step.quantity * f64::max(0.0, -sign * step.price);
        }
        let bound = over.iter().map(|over| over.max(0.0)).sum();
        let members: Vec<bool> = over
            .iter()
            .zip(utility)
            .map(|(&over, &utility)| over > 0.0 || utility <= 0.0)
            .collect();
        (Blocking { excess: self.excess(&members, utility), members }, bound)
    }
}

impl Sides {
    fn new(book: &OrderBook<'_>, period: usize, price: f64, (lower, upper): (f64, f64)) -> Self {
        let orders = book.period(period);
        let side = |is_bid: bool| {
            (0..orders.price.len())
                .filter(move |&order| {
                    orders.is_bid[order] == is_bid && orders.quantity[order] > 0.0
                })
                .map(move |order| Step {
                    player: orders.participant[order] as usize,
                    price: orders.price[order] - price,
                    quantity: orders.quantity[order],
                })
        };
        let mut offers: Vec<Step> = side(false).collect();
        let mut bids: Vec<Step> = side(true).collect();
        if orders.demand > 0.0 {
            let price = orders.value_of_lost_load - price;
            bids.push(Step { player: book.n_participants, price, quantity: orders.demand });
        }
        offers.sort_by(|a, b| a.price.total_cmp(&b.price));
        bids.sort_by(|a, b| b.price.total_cmp(&a.price));
        let both = lower.is_finite() && upper.is_finite();
        let range = if both { (lower - price, upper - price) } else { (0.0, 0.0) };
        Self { offers, bids, range }
    }

    /// All orders with the sign of what they deliver.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&Step, f64)> {
        let offers = self.offers.iter().map(|step| (step, 1.0));
        offers.chain(self.bids.iter().map(|step| (step, -1.0)))
    }

    fn worth(&self, members: &[bool]) -> f64 {
        let mut bids = self.bids.iter().filter(|step| members[step.player]);
        let mut offers = self.offers.iter().filter(|step| members[step.player]);
        let (Some(mut bid), Some(mut offer)) = (bids.next(), offers.next()) else { return 0.0 };
        let (mut wanted, mut offered) = (bid.quantity, offer.quantity);
        let mut worth = 0.0;
        loop {
            let margin = bid.price - offer.price;
            if margin <= 0.0 {
                return worth;
            }
            if wanted <= offered {
                worth += margin * wanted;
                offered -= wanted;
                let Some(next) = bids.next() else { return worth };
                (bid, wanted) = (next, next.quantity);
            } else {
                worth += margin * offered;
                wanted -= offered;
                let Some(next) = offers.next() else { return worth };
                (offer, offered) = (next, next.quantity);
            }
        }
    }
}
