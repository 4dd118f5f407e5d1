//! Which coalition of an order book of one period gains most, by branch and bound.
//!
//! At one price the bound of [`super::book_coalitions`] is a sum over players; as a function of the
//! price it is convex and piecewise linear, so one pass along sorted kinks finds the least. Who is in
//! doubt at that price is settled first: inside, then outside.

use std::time::{Duration, Instant};

use super::book_coalitions::{Blocking, BookCoalitions};
use super::network::{NetworkMarket, Order};
use super::order_book::OrderBook;
use crate::error::Result;
use crate::progress::Progress;

/// Where the slope of a player's profit changes.
#[derive(Debug, Clone, Copy)]
struct Kink {
    price: f64,
    player: usize,
    /// By how much that of its profit changes.
    inside: f64,
    /// By how much that of what its profit is above its utility changes.
    open: f64,
}

/// What is settled of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Inside,
    Outside,
}

/// Bounds on what coalitions gain against given utilities, in one period.
struct Bounds {
    kinks: Vec<Kink>,
    /// Intercept and slope at prices below all kinks, by player: of its profit less utility, and of
    /// what of that is positive.
    inside: Vec<(f64, f64)>,
    open: Vec<(f64, f64)>,
    /// Below the first and above the second price its profit is above its utility.
    worthwhile: Vec<(f64, f64)>,
}

impl Bounds {
    fn new(coalitions: &BookCoalitions, utility: &[f64]) -> Self {
        let sides = &coalitions.periods[0];
        let n = coalitions.n_players;
        let mut own: Vec<Vec<(f64, f64)>> = vec![Vec::new(); n];
        let mut inside: Vec<(f64, f64)> = utility.iter().map(|u| (-u, 0.0)).collect();
        for (step, sign) in sides.steps() {
            if sign < 0.0 {
                inside[step.player].0 += step.price * step.quantity;
                inside[step.player].1 -= step.quantity;
            }
            own[step.player].push((step.price, step.quantity));
        }
        let mut kinks = Vec::new();
        let mut open = vec![(0.0, 0.0); n];
        let mut worthwhile = vec![(f64::NEG_INFINITY, f64::INFINITY); n];
        for (player, own) in own.iter_mut().enumerate() {
            own.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut intercept, mut slope) = inside[player];
            let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
            // Zeros of a convex function: from above to below at `low`, back at `high`.
            let mut from = f64::NEG_INFINITY;
            for place in 0..=own.len() {
                let to = own.get(place).map_or(f64::INFINITY, |kink| kink.0);
                if slope != 0.0 {
                    let zero = -intercept / slope;
                    if zero >= from && zero <= to {
                        if slope < 0.0 {
                            low = zero;
                        } else if high == f64::INFINITY {
                            high = zero;
                        }
                    }
                }
                if let Some(&(price, quantity)) = own.get(place) {
                    slope += quantity;
                    intercept -= quantity * price;
                    from = price;
                }
            }
            if inside[player].1 < 0.0 {
                open[player] = inside[player];
                if low == f64::NEG_INFINITY {
                    // Always above: it never touches zero.
                    low = f64::INFINITY;
                }
            }
            let (mut before, mut after) = (inside[player].1, inside[player].1);
            for &(price, quantity) in own.iter() {
                if price < low {
                    before += quantity;
                }
                if price <= high {
                    after += quantity;
                }
                let counts = price < low || price > high;
                let open = if counts { quantity } else { 0.0 };
                kinks.push(Kink { price, player, inside: quantity, open });
            }
            if low.is_finite() {
                kinks.push(Kink { price: low, player, inside: 0.0, open: -before });
            }
            if high.is_finite() && low != f64::INFINITY {
                kinks.push(Kink { price: high, player, inside: 0.0, open: after });
            }
            worthwhile[player] = (low, high);
        }
        kinks.sort_by(|a, b| a.price.total_cmp(&b.price));
        Self { kinks, inside, open, worthwhile }
    }

    /// The least bound over all prices, and that price.
    fn least(&self, states: &[State]) -> (f64, f64) {
        let (mut intercept, mut slope) = (0.0, 0.0);
        for (player, state) in states.iter().enumerate() {
            let (value, steep) = match state {
                State::Open => self.open[player],
                State::Inside => self.inside[player],
                State::Outside => continue,
            };
            intercept += value;
            slope += steep;
        }
        if slope >= 0.0 {
            return (intercept, f64::NEG_INFINITY);
        }
        let mut price = f64::NEG_INFINITY;
        for kink in &self.kinks {
            let change = match states[kink.player] {
                State::Open => kink.open,
                State::Inside => kink.inside,
                State::Outside => continue,
            };
            price = kink.price;
            if slope + change >= 0.0 {
                return (intercept + slope * price, price);
            }
            slope += change;
            intercept -= change * price;
        }
        // Only rounding leaves a slope behind the last kink.
        (intercept + slope * price, price)
    }

    /// Whether a player's profit at a price is above its utility.
    fn joins(&self, player: usize, price: f64) -> bool {
        let (low, high) = self.worthwhile[player];
        price < low || price > high
    }

    /// How far a price is from one at which a player would change its mind.
    fn doubt(&self, player: usize, price: f64) -> f64 {
        let (low, high) = self.worthwhile[player];
        let distance = |edge: f64| if edge == price { 0.0 } else { (edge - price).abs() };
        distance(low).min(distance(high))
    }
}

/// The least bound that any price proves on what a coalition of a book of one period gains, and that
/// price; not finite where nobody bids.
#[must_use]
pub fn best_price(coalitions: &BookCoalitions, utility: &[f64]) -> (f64, f64) {
    Bounds::new(coalitions, utility).least(&settled(utility))
}

/// Who wants nothing is welcome in any coalition; all others are in doubt.
fn settled(utility: &[f64]) -> Vec<State> {
    let state = |&utility: &f64| if utility <= 0.0 { State::Inside } else { State::Open };
    utility.iter().map(state).collect()
}

/// What a search is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The coalition that gains most.
    Most,
    /// Any that gain: those found in a few times the effort that the first of them took.
    Some,
}

/// What a search found and proved.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Coalitions that gain more than was asked for, those found later last; of [`Goal::Most`] each
    /// gains more than the one before.
    pub coalitions: Vec<Blocking>,
    /// No coalition gains more than this.
    pub bound: f64,
    /// Whether the time limit ended the search.
    pub stopped: bool,
}

/// How many times the effort of the first coalition found a search for some of them takes.
const EFFORT: u64 = 4;

/// Nodes that take no time to speak of: as many are looked at anyway, and between two looks at the
/// clock.
const FEW_NODES: u64 = 1024;

/// Coalitions of a book of one period that gain more than `enough`. What gains up to `rounding` more
/// than the others is not looked for.
///
/// Exact up to that rounding; exponential in the number of players at worst, in practice in that of
/// those whose utilities are nearly their profits at a price.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn search(
    coalitions: &BookCoalitions,
    utility: &[f64],
    goal: Goal,
    (enough, rounding): (f64, f64),
    time_limit: f64,
    progress: &Progress,
) -> Result<Found> {
    let n = coalitions.n_players;
    let bounds = Bounds::new(coalitions, utility);
    // Without an end where the limit is infinite, or beyond what a clock can tell.
    let deadline = Duration::try_from_secs_f64(time_limit)
        .ok()
        .and_then(|limit| Instant::now().checked_add(limit));
    let mut states = settled(utility);
    let mut members = vec![false; n];
    let mut found: Vec<Blocking> = Vec::new();
    // Those settled, the bound before each was, and whether the other way is still to be tried.
    let mut path: Vec<(usize, f64, bool)> = Vec::new();
    let (mut beaten, mut nodes, mut last_node) = (enough, 0u64, u64::MAX);
    loop {
        nodes += 1;
        let late = nodes.is_multiple_of(FEW_NODES) && {
            progress.check()?;
            deadline.is_some_and(|deadline| Instant::now() >= deadline)
        };
        let (bound, price) = bounds.least(&states);
        if late || nodes >= last_node {
            let open = path.iter().filter(|step| step.2).map(|step| step.1);
            let bound = open.fold(beaten + rounding, f64::max).max(bound);
            return Ok(Found { coalitions: found, bound, stopped: late });
        }
        let mut doubtful = None;
        if bound > beaten + rounding {
            let mut least = f64::INFINITY;
            for player in 0..n {
                members[player] = match states[player] {
                    State::Inside => true,
                    State::Outside => false,
                    State::Open => {
                        let doubt = bounds.doubt(player, price);
                        if doubtful.is_none() || doubt < least {
                            (doubtful, least) = (Some(player), doubt);
                        }
                        bounds.joins(player, price)
                    }
                };
            }
            let mut largest = f64::NEG_INFINITY;
            for other_way in [None, doubtful] {
                if let Some(player) = other_way {
                    members[player] = !members[player];
                } else if largest > f64::NEG_INFINITY {
                    break;
                }
                let excess = coalitions.excess(&members, utility);
                largest = largest.max(excess);
                if excess > beaten {
                    found.push(Blocking { members: members.clone(), excess });
                    match goal {
                        Goal::Most => beaten = excess,
                        Goal::Some if last_node == u64::MAX => {
                            last_node = EFFORT * nodes + FEW_NODES;
                        }
                        Goal::Some => {}
                    }
                }
            }
            // One of the two is as good as any below this node can be.
            if bound <= largest + rounding {
                doubtful = None;
            }
        }
        if let Some(player) = doubtful {
            let joins = bounds.joins(player, price);
            states[player] = if joins { State::Inside } else { State::Outside };
            path.push((player, bound, true));
            continue;
        }
        loop {
            let Some((player, bound, other_way)) = path.pop() else {
                return Ok(Found { coalitions: found, bound: beaten + rounding, stopped: false });
            };
            if other_way && bound > beaten + rounding {
                let inside = states[player] == State::Inside;
                states[player] = if inside { State::Outside } else { State::Inside };
                path.push((player, bound, false));
                break;
            }
            states[player] = State::Open;
        }
    }
}

/// The coalition of a book that gains most, if that is more than `rounding`, and a proved bound.
///
/// Of one period by [`search`]. Of several, each of which has a price, the price at which all clear
/// may prove it at once; otherwise an integer program does.
///
/// # Errors
/// [`crate::error::Error::Solver`] when an integer program found nothing in `time_limit` seconds, or
/// failed; [`crate::error::Error::Interrupted`].
pub fn best_coalition(
    book: &OrderBook<'_>,
    utility: &[f64],
    rounding: f64,
    time_limit: f64,
    progress: &Progress,
) -> Result<Found> {
    let coalitions = BookCoalitions::new(book, &progress.of_a_part())?;
    let (first, bound) = coalitions.at_clearing_price(utility);
    let found = |blocking: Blocking, bound: f64, stopped: bool| {
        let coalitions = if blocking.excess > rounding { vec![blocking] } else { Vec::new() };
        Found { coalitions, bound, stopped }
    };
    if bound <= f64::max(0.0, first.excess) + rounding {
        return Ok(found(first, bound, false));
    }
    if book.n_periods() == 1 {
        let halves = (rounding / 2.0, rounding / 2.0);
        return search(&coalitions, utility, Goal::Most, halves, time_limit, progress);
    }
    let (members, gain, proved) = network_of(book).best_coalition(utility, time_limit, progress)?;
    // The program is precise to its tolerances only: the coalition is valued anew.
    let excess = coalitions.excess(&members, utility);
    let bound = f64::min(bound, excess.max(0.0) + (proved - gain).max(0.0));
    Ok(found(Blocking { members, excess }, bound, time_limit < f64::INFINITY))
}

/// A book as a network: periods are buses without lines between them, and the fixed demand, where
/// there is any, is one more participant that bids the value of lost load.
fn network_of(book: &OrderBook<'_>) -> NetworkMarket {
    let mut orders = Vec::with_capacity(book.price.len());
    for bus in 0..book.n_periods() {
        let period = book.period(bus);
        orders.extend((0..period.price.len()).map(|k| Order {
            participant: period.participant[k] as usize,
            bus,
            is_bid: period.is_bid[k],
            price: period.price[k],
            quantity: period.quantity[k],
            must_run: false,
        }));
        if period.demand > 0.0 {
            orders.push(Order {
                participant: book.n_participants,
                bus,
                is_bid: true,
                price: book.value_of_lost_load,
                quantity: period.demand,
                must_run: false,
            });
        }
    }
    NetworkMarket {
        n_participants: book.n_participants
            + usize::from(book.demand.iter().any(|&demand| demand > 0.0)),
        orders,
        lines: Vec::new(),
        links: Vec::new(),
        demand: vec![0.0; book.n_periods()],
        injection: vec![0.0; book.n_periods()],
        value_of_lost_load: 0.0,
    }
}
