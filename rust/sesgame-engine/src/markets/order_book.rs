//! One bus, one period: an order book of offers and bids, its merit order, and the Clarke payments
//! of all participants from one sorted pass.
//!
//! A bid is a fixed demand for its quantity together with an offer, at the bid's price, to go
//! without. So one stack holds everything: offers, bids that may be curtailed, and fixed demand that
//! may be shed at the value of lost load. The market clears by filling the stack, cheapest first, up
//! to the whole demand. A participant's Clarke payment is then the cost, to everybody else, of
//! taking over its net injection, which is an integral along the stack from the margin, past the
//! participant's own steps: `O(log n)` for each step once running sums from the margin are known.
//!
//! Ties: at one price offers come before bids (so a trade without gain is made) and bids before
//! fixed demand; orders of one side at one price are rationed in proportion to their quantities.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// The orders of all periods, as columns. Prices are finite, quantities finite and not negative,
/// the steps of a participant sorted by price within period and side (offers up, bids down).
#[derive(Debug, Clone, Copy)]
pub struct OrderBook<'a> {
    /// The number of participants; `participant` is below it.
    pub n_participants: usize,
    /// Where each period starts in the columns below; one entry more than there are periods.
    pub starts: &'a [usize],
    /// Who made the order.
    pub participant: &'a [u32],
    /// Whether the order is a bid (to buy) or an offer (to sell).
    pub is_bid: &'a [bool],
    /// Price of the order, per unit of quantity.
    pub price: &'a [f64],
    /// Largest quantity of the order.
    pub quantity: &'a [f64],
    /// Fixed demand of each period.
    pub demand: &'a [f64],
    /// What a unit of fixed demand is worth, and costs when it is shed.
    pub value_of_lost_load: f64,
}

impl<'a> OrderBook<'a> {
    /// The number of periods.
    #[must_use]
    pub const fn n_periods(&self) -> usize {
        self.demand.len()
    }

    /// The orders of one period.
    #[must_use]
    pub fn period(&self, period: usize) -> Period<'a> {
        let range = self.starts[period]..self.starts[period + 1];
        Period {
            participant: &self.participant[range.clone()],
            is_bid: &self.is_bid[range.clone()],
            price: &self.price[range.clone()],
            quantity: &self.quantity[range],
            demand: self.demand[period],
            value_of_lost_load: self.value_of_lost_load,
        }
    }
}

/// The orders of one period; fields as in [`OrderBook`].
#[derive(Debug, Clone, Copy)]
pub struct Period<'a> {
    /// Who made the order.
    pub participant: &'a [u32],
    /// Whether the order is a bid.
    pub is_bid: &'a [bool],
    /// Price per unit.
    pub price: &'a [f64],
    /// Largest quantity.
    pub quantity: &'a [f64],
    /// Fixed demand.
    pub demand: f64,
    /// Value of a unit of fixed demand.
    pub value_of_lost_load: f64,
}

/// How one period cleared.
#[derive(Debug, Clone, PartialEq)]
pub struct Clearing {
    /// Quantity accepted of each order.
    pub accepted: Vec<f64>,
    /// Fixed demand that is not served.
    pub shed: f64,
    /// The highest price of what is taken (accepted offers, refused bids): no lower price clears
    /// the market. Minus infinity when nothing is.
    pub price_lower: f64,
    /// The lowest price of an order on the other side of the margin (refused offers, accepted
    /// bids), at most the value of lost load: no higher price clears. Infinity when there is none.
    pub price_upper: f64,
}

/// How all periods cleared, and what each participant pays for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Quantity accepted of each order, in the order of the book.
    pub accepted: Vec<f64>,
    /// Fixed demand that is not served, by period.
    pub shed: Vec<f64>,
    /// [`Clearing::price_lower`] by period.
    pub price_lower: Vec<f64>,
    /// [`Clearing::price_upper`] by period.
    pub price_upper: Vec<f64>,
    /// Clarke payment of each participant, over all periods; empty when only clearing was asked for.
    pub payments: Vec<f64>,
    /// Fixed demand that would be shed in addition without the participant, over all periods: above
    /// zero the participant is pivotal. Empty like `payments`.
    pub pivotal: Vec<f64>,
}

/// Quantities below this part of the whole demand are rounding: of sums over thousands of orders.
pub(super) const ROUNDING: f64 = 1e-12;

/// The owner of fixed demand in the stack.
const LOAD: u32 = u32::MAX;

/// What an entry of the stack is; the order breaks ties in price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum OrderKind {
    Offer,
    Bid,
    Load,
}

/// One entry of the stack: a quantity that is produced, or gone without, at a price.
#[derive(Debug, Clone, Copy)]
struct Entry {
    price: f64,
    quantity: f64,
    filled: f64,
    order: u32,
    owner: u32,
    kind: OrderKind,
}

impl Entry {
    fn merit(&self, other: &Self) -> Ordering {
        self.price
            .total_cmp(&other.price)
            .then(self.kind.cmp(&other.kind))
            .then(self.order.cmp(&other.order))
    }
}

/// The filled stack of one period: entries by merit, with the group of entries at the margin.
struct Stack {
    entries: Vec<Entry>,
    /// Entries before this one are full.
    margin_start: usize,
    /// Entries from this one on are empty.
    margin_end: usize,
    /// What is rounding in a quantity.
    rounding: f64,
}

impl Stack {
    fn fill(period: &Period<'_>) -> Self {
        let mut entries = Vec::with_capacity(period.price.len() + 1);
        let mut level = period.demand;
        for order in 0..period.price.len() {
            let kind = if period.is_bid[order] { OrderKind::Bid } else { OrderKind::Offer };
            let quantity = period.quantity[order];
            if kind == OrderKind::Bid {
                level += quantity;
            }
            entries.push(Entry {
                // Adding zero turns -0.0 into 0.0, which the total order tells apart.
                price: period.price[order] + 0.0,
                quantity,
                filled: 0.0,
                #[expect(clippy::cast_possible_truncation, reason = "a book has < 2^32 orders")]
                order: order as u32,
                owner: period.participant[order],
                kind,
            });
        }
        if period.demand > 0.0 {
            entries.push(Entry {
                price: period.value_of_lost_load,
                quantity: period.demand,
                filled: 0.0,
                order: LOAD,
                owner: LOAD,
                kind: OrderKind::Load,
            });
        }
        entries.sort_unstable_by(Entry::merit);
        // A margin that only rounding made would set a price.
        let rounding = ROUNDING * level;
        let mut stack = Self { margin_start: 0, margin_end: 0, rounding, entries };
        stack.fill_to(level);
        stack
    }

    /// Fills entries in order of merit up to a level; the group at the margin pro rata.
    fn fill_to(&mut self, level: f64) {
        let (entries, rounding) = (&mut self.entries, self.rounding);
        let mut left = level;
        let mut start = 0;
        while start < entries.len() && left > rounding {
            let first = entries[start];
            let mut end = start + 1;
            let mut quantity = first.quantity;
            while end < entries.len()
                && entries[end].price == first.price
                && entries[end].kind == first.kind
            {
                quantity += entries[end].quantity;
                end += 1;
            }
            let share = if quantity > left + rounding { left / quantity } else { 1.0 };
            for entry in &mut entries[start..end] {
                entry.filled = entry.quantity * share;
            }
            left -= quantity;
            (self.margin_start, self.margin_end) =
                if share < 1.0 { (start, end) } else { (end, end) };
            start = end;
        }
    }

    fn clearing(&self, period: &Period<'_>) -> Clearing {
        let mut accepted = vec![0.0; period.price.len()];
        let mut shed = 0.0;
        for entry in &self.entries {
            match entry.kind {
                OrderKind::Offer => accepted[entry.order as usize] = entry.filled,
                OrderKind::Bid => accepted[entry.order as usize] = entry.quantity - entry.filled,
                OrderKind::Load => shed = entry.filled,
            }
        }
        let taken = self.entries[..self.margin_end].iter().rev().find(|entry| entry.filled > 0.0);
        let spare = self.entries[self.margin_start..].iter().find(|entry| {
            entry.filled < entry.quantity && (entry.kind != OrderKind::Load || entry.filled > 0.0)
        });
        let cap = if period.demand > shed { period.value_of_lost_load } else { f64::INFINITY };
        Clearing {
            accepted,
            shed,
            price_lower: taken.map_or(f64::NEG_INFINITY, |entry| entry.price),
            price_upper: spare.map_or(f64::INFINITY, |entry| entry.price.min(cap)),
        }
    }

    /// Adds the Clarke payment and the pivotal quantity of every participant.
    fn add_clarke(&self, n_participants: usize, payments: &mut [f64], pivotal: &mut [f64]) {
        let own = OwnEntries::new(self, n_participants);
        let rest = RunningSums::new(
            self.entries[self.margin_start..].iter().map(|e| (e.price, e.quantity - e.filled)),
        );
        let used = RunningSums::new(
            self.entries[..self.margin_end].iter().rev().map(|e| (e.price, e.filled)),
        );
        let load = self.entries[self.margin_start..].iter().position(|e| e.kind == OrderKind::Load);
        let mut positions = Vec::new();
        for participant in 0..n_participants {
            let mine = own.of(participant);
            let injection: f64 = mine
                .iter()
                .map(|&index| {
                    let entry = &self.entries[index as usize];
                    if entry.kind == OrderKind::Bid {
                        entry.filled - entry.quantity
                    } else {
                        entry.filled
                    }
                })
                .sum();
            positions.clear();
            let mine = mine.iter().map(|&index| index as usize);
            if injection.abs() <= self.rounding {
                continue;
            }
            if injection > 0.0 {
                positions.extend(
                    mine.filter(|&i| i >= self.margin_start).map(|i| i - self.margin_start),
                );
                let (cost, end) = rest.integral(injection, &positions);
                payments[participant] -= cost;
                if let Some(load) = load {
                    let shed = end.min(rest.quantity[load + 1]) - rest.quantity[load];
                    if shed > self.rounding {
                        pivotal[participant] += shed;
                    }
                }
            } else {
                positions.extend(
                    mine.rev().filter(|&i| i < self.margin_end).map(|i| self.margin_end - 1 - i),
                );
                payments[participant] += used.integral(-injection, &positions).0;
            }
        }
    }
}

/// The entries of each participant, in order of merit.
struct OwnEntries {
    starts: Vec<u32>,
    indices: Vec<u32>,
}

impl OwnEntries {
    fn new(stack: &Stack, n_participants: usize) -> Self {
        let mut starts = vec![0u32; n_participants + 1];
        let owned = || stack.entries.iter().filter(|entry| entry.owner != LOAD);
        for entry in owned() {
            starts[entry.owner as usize + 1] += 1;
        }
        for participant in 0..n_participants {
            starts[participant + 1] += starts[participant];
        }
        let mut next = starts.clone();
        let mut indices = vec![0u32; starts[n_participants] as usize];
        for (index, entry) in (0u32..).zip(&stack.entries) {
            if entry.owner != LOAD {
                let slot = &mut next[entry.owner as usize];
                indices[*slot as usize] = index;
                *slot += 1;
            }
        }
        Self { starts, indices }
    }

    fn of(&self, participant: usize) -> &[u32] {
        &self.indices[self.starts[participant] as usize..self.starts[participant + 1] as usize]
    }
}

/// Running sums of quantity and money over a sequence of entries, from 0.
struct RunningSums {
    price: Vec<f64>,
    quantity: Vec<f64>,
    money: Vec<f64>,
}

impl RunningSums {
    fn new(entries: impl Iterator<Item = (f64, f64)>) -> Self {
        let (mut price, mut quantity, mut money) = (Vec::new(), vec![0.0], vec![0.0]);
        let (mut total_quantity, mut total_money) = (0.0, 0.0);
        for (entry_price, entry_quantity) in entries {
            total_quantity += entry_quantity;
            total_money += entry_price * entry_quantity;
            price.push(entry_price);
            quantity.push(total_quantity);
            money.push(total_money);
        }
        Self { price, quantity, money }
    }

    /// The money for `amount` units along the entries without those at the ascending positions
    /// `skip`, and where along all entries that amount ends.
    fn integral(&self, amount: f64, skip: &[usize]) -> (f64, f64) {
        let (mut skipped_quantity, mut skipped_money) = (0.0, 0.0);
        for &position in skip {
            if self.quantity[position] >= amount + skipped_quantity {
                break;
            }
            skipped_quantity += self.quantity[position + 1] - self.quantity[position];
            skipped_money += self.money[position + 1] - self.money[position];
        }
        // Rounding may ask for a hair more than there is.
        let end = (amount + skipped_quantity).min(self.quantity[self.price.len()]);
        // Most participants are small: the end is near the start, so gallop.
        let mut bound = 1;
        while bound < self.quantity.len() && self.quantity[bound] < end {
            bound *= 2;
        }
        let base = bound / 2;
        let window = &self.quantity[base..self.quantity.len().min(bound + 1)];
        let after = base + window.partition_point(|&quantity| quantity < end);
        let money = match after.checked_sub(1) {
            None => 0.0,
            Some(entry) => self.money[entry] + self.price[entry] * (end - self.quantity[entry]),
        };
        (money - skipped_money, end)
    }
}

/// Clears every period: the accepted quantities maximise the reported welfare.
///
/// `O(n log n)` for a period of `n` orders; periods run in parallel.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn clear(book: &OrderBook<'_>, progress: &Progress) -> Result<Outcome> {
    settle(book, false, progress)
}

/// Clears every period and computes all Clarke payments, those of the `n` clearings without one
/// participant each included, in `O(n log n)` for a period of `n` orders.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn clarke(book: &OrderBook<'_>, progress: &Progress) -> Result<Outcome> {
    settle(book, true, progress)
}

fn settle(book: &OrderBook<'_>, clarke: bool, progress: &Progress) -> Result<Outcome> {
    let n_participants = if clarke { book.n_participants } else { 0 };
    let n_periods = book.n_periods();
    progress.set_total(n_periods as u64);
    // Periods in a block: a matter of the book alone, so that the sums have the same bits for any
    // number of threads; at most 64 blocks, which bounds the memory.
    let block_length = n_periods.div_ceil(64).max(8);
    let blocks = thread_pool::install(|| {
        (0..n_periods.div_ceil(block_length))
            .into_par_iter()
            .map(|block| {
                let periods = block * block_length..n_periods.min((block + 1) * block_length);
                let mut payments = vec![0.0; n_participants];
                let mut pivotal = vec![0.0; n_participants];
                let mut clearings = Vec::with_capacity(periods.len());
                for period in periods {
                    let orders = book.period(period);
                    let stack = Stack::fill(&orders);
                    clearings.push(stack.clearing(&orders));
                    if clarke {
                        stack.add_clarke(n_participants, &mut payments, &mut pivotal);
                    }
                    progress.advance(1)?;
                }
                Ok((clearings, payments, pivotal))
            })
            .collect::<Result<Vec<_>>>()
    })?;
    let mut outcome = Outcome {
        accepted: Vec::with_capacity(book.price.len()),
        shed: Vec::with_capacity(n_periods),
        price_lower: Vec::with_capacity(n_periods),
        price_upper: Vec::with_capacity(n_periods),
        payments: vec![0.0; n_participants],
        pivotal: vec![0.0; n_participants],
    };
    for (clearings, payments, pivotal) in blocks {
        for clearing in clearings {
            outcome.accepted.extend(clearing.accepted);
            outcome.shed.push(clearing.shed);
            outcome.price_lower.push(clearing.price_lower);
            outcome.price_upper.push(clearing.price_upper);
        }
        for participant in 0..n_participants {
            outcome.payments[participant] += payments[participant];
            outcome.pivotal[participant] += pivotal[participant];
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orders as (participant, is bid, price, quantity).
    fn settle_one(orders: &[(u32, bool, f64, f64)], demand: f64) -> Outcome {
        let n_participants = orders.iter().map(|order| order.0 + 1).max().unwrap_or(0) as usize;
        let book = OrderBook {
            n_participants,
            starts: &[0, orders.len()],
            participant: &orders.iter().map(|order| order.0).collect::<Vec<_>>(),
            is_bid: &orders.iter().map(|order| order.1).collect::<Vec<_>>(),
            price: &orders.iter().map(|order| order.2).collect::<Vec<_>>(),
            quantity: &orders.iter().map(|order| order.3).collect::<Vec<_>>(),
            demand: &[demand],
            value_of_lost_load: 1000.0,
        };
        clarke(&book, &Progress::new()).unwrap()
    }

    #[test]
    fn the_highest_bidder_pays_the_second_highest_bid() {
        let outcome = settle_one(
            &[(0, false, 0.0, 1.0), (1, true, 10.0, 1.0), (2, true, 8.0, 1.0), (3, true, 5.0, 1.0)],
            0.0,
        );
        assert_eq!(outcome.accepted, [1.0, 1.0, 0.0, 0.0]);
        assert_eq!(outcome.payments, [-10.0, 8.0, 0.0, 0.0]);
        assert_eq!((outcome.price_lower[0], outcome.price_upper[0]), (8.0, 10.0));
    }

    #[test]
    fn a_supplier_is_paid_what_its_replacement_costs_past_its_own_dearer_step() {
        let outcome =
            settle_one(&[(0, false, 1.0, 5.0), (0, false, 2.0, 5.0), (1, false, 3.0, 20.0)], 5.0);
        assert_eq!(outcome.accepted, [5.0, 0.0, 0.0]);
        assert_eq!(outcome.payments, [-15.0, 0.0]);
        assert_eq!(outcome.pivotal, [0.0, 0.0]);
    }

    #[test]
    fn a_pivotal_supplier_is_paid_up_to_the_value_of_lost_load() {
        let outcome = settle_one(&[(0, false, 1.0, 10.0), (1, false, 3.0, 4.0)], 10.0);
        assert_eq!(outcome.payments, [-(4.0 * 3.0 + 6.0 * 1000.0), 0.0]);
        assert_eq!(outcome.pivotal, [6.0, 0.0]);
    }

    #[test]
    fn scarcity_sheds_load_at_its_value() {
        let outcome = settle_one(&[(0, false, 1.0, 4.0), (1, false, 2000.0, 4.0)], 10.0);
        assert_eq!(outcome.accepted, [4.0, 0.0]);
        assert_eq!(outcome.shed, [6.0]);
        assert_eq!((outcome.price_lower[0], outcome.price_upper[0]), (1000.0, 1000.0));
    }

    #[test]
    fn equal_offers_are_rationed_in_proportion_to_their_quantities() {
        let outcome = settle_one(&[(0, false, 2.0, 10.0), (1, false, 2.0, 30.0)], 20.0);
        assert_eq!(outcome.accepted, [5.0, 15.0]);
        assert_eq!(outcome.payments, [-10.0, -(5.0 * 2.0 + 10.0 * 1000.0)]);
    }

    #[test]
    fn a_book_without_orders_or_demand_clears_at_no_price() {
        let outcome = settle_one(&[], 0.0);
        assert_eq!(outcome.price_lower, [f64::NEG_INFINITY]);
        assert_eq!(outcome.price_upper, [f64::INFINITY]);
    }
}
