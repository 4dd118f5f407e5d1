//! What a participant of a one-bus market earns for each of many misreports.
//!
//! Everybody else is sorted once; a misreport of `m` steps then costs `O(m log n)`, under any of
//! the three payment rules. The clearing is that of [`super::order_book`], ties included.

use rayon::prelude::*;

use super::order_book::{OrderBook, Period, ROUNDING};
use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// What accepted orders pay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PaymentRule {
    /// The Clarke payment.
    Vcg,
    /// One price for all, this far (0 to 1) from the lowest to the highest clearing price.
    Uniform(f64),
    /// Each order its own price.
    PayAsBid,
}

impl PaymentRule {
    /// The uniform price between two bounds; where one is infinite, the other.
    #[must_use]
    pub fn price(position: f64, lower: f64, upper: f64) -> f64 {
        if upper == f64::INFINITY {
            lower
        } else if lower == f64::NEG_INFINITY {
            upper
        } else {
            lower + position * (upper - lower)
        }
    }
}

/// True utility of `participant` for each misreport: true value of what it gets minus payment.
///
/// A misreport gives a price and a quantity for each of the participant's own orders, in the order
/// of the book; misreport `k` stands at `k * m .. (k + 1) * m` of `prices` and `quantities`. More
/// than the true quantities can be neither delivered nor taken: a utility of minus infinity.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn utilities(
    book: &OrderBook<'_>,
    participant: u32,
    rule: PaymentRule,
    prices: &[f64],
    quantities: &[f64],
    progress: &Progress,
) -> Result<Vec<f64>> {
    const BLOCK: usize = 1 << 12;
    let mut first_step = 0;
    let others: Vec<Others> = (0..book.n_periods())
        .map(|period| {
            let others = Others::new(&book.period(period), participant, first_step);
            first_step += others.own.len();
            others
        })
        .collect();
    let n_steps = first_step;
    if n_steps == 0 {
        return Ok(Vec::new());
    }
    let n_misreports = prices.len() / n_steps;
    progress.set_total(n_misreports as u64);
    let blocks = thread_pool::install(|| {
        (0..n_misreports.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let range = block * BLOCK..n_misreports.min((block + 1) * BLOCK);
                let mut reported = Vec::new();
                let mut utilities = Vec::with_capacity(range.len());
                for misreport in range.clone() {
                    let steps = misreport * n_steps..(misreport + 1) * n_steps;
                    let (prices, quantities) = (&prices[steps.clone()], &quantities[steps]);
                    utilities.push(
                        others
                            .iter()
                            .map(|others| others.utility(rule, prices, quantities, &mut reported))
                            .sum(),
                    );
                }
                progress.advance(range.len() as u64)?;
                Ok(utilities)
            })
            .collect::<Result<Vec<Vec<f64>>>>()
    })?;
    Ok(blocks.concat())
}

/// A true step of the participant.
struct TrueStep {
    is_bid: bool,
    price: f64,
    quantity: f64,
}

/// A reported step, with what the clearing accepts of it.
struct Reported {
    is_bid: bool,
    price: f64,
    quantity: f64,
    filled: f64,
}

impl Reported {
    /// Its place in the stack; see the ties of [`super::order_book`].
    fn merit(&self) -> (f64, u8) {
        (self.price, u8::from(self.is_bid))
    }
}

/// The stack of everybody but the participant: groups of equal price and kind, and running sums.
struct Others {
    own: Vec<TrueStep>,
    first_step: usize,
    /// Price and kind (0 offer, 1 bid, 2 fixed demand) of each group, ascending.
    merit: Vec<(f64, u8)>,
    /// Quantity and money of all groups before each one, and of all.
    quantity: Vec<f64>,
    money: Vec<f64>,
    /// The demand of everybody else, fixed demand included.
    demand: f64,
    /// What it costs the others to fill that demand.
    cost: f64,
    /// The group of the fixed demand.
    load: Option<usize>,
}

impl Others {
    fn new(period: &Period<'_>, participant: u32, first_step: usize) -> Self {
        let mut own = Vec::new();
        let mut entries = Vec::with_capacity(period.price.len() + 1);
        let mut demand = period.demand;
        for order in 0..period.price.len() {
            let (is_bid, price) = (period.is_bid[order], period.price[order] + 0.0);
            let quantity = period.quantity[order];
            if period.participant[order] == participant {
                own.push(TrueStep { is_bid, price, quantity });
            } else {
                entries.push(((price, u8::from(is_bid)), quantity));
                if is_bid {
                    demand += quantity;
                }
            }
        }
        if period.demand > 0.0 {
            entries.push(((period.value_of_lost_load, 2), period.demand));
        }
        entries.sort_unstable_by(|a, b| a.0.0.total_cmp(&b.0.0).then(a.0.1.cmp(&b.0.1)));
        let mut merit = Vec::new();
        let (mut quantity, mut money) = (vec![0.0], vec![0.0]);
        for group in entries.chunk_by(|a, b| a.0 == b.0) {
            let total: f64 = group.iter().map(|entry| entry.1).sum();
            // Nothing at a price sets no price.
            if total > 0.0 {
                merit.push(group[0].0);
                quantity.push(quantity[quantity.len() - 1] + total);
                money.push(money[money.len() - 1] + total * group[0].0.0);
            }
        }
        let load = merit.iter().position(|group| group.1 == 2);
        let mut others = Self { own, first_step, merit, quantity, money, demand, cost: 0.0, load };
        others.cost = others.cost_of(demand);
        others
    }

    /// The cost of the cheapest `level` units of the others' stack.
    fn cost_of(&self, level: f64) -> f64 {
        match self.quantity.partition_point(|&before| before < level).checked_sub(1) {
            None => 0.0,
            Some(group) if group == self.merit.len() => self.money[group],
            Some(group) => self.money[group] + self.merit[group].0 * (level - self.quantity[group]),
        }
    }

    /// The participant's true utility in this period.
    fn utility(
        &self,
        rule: PaymentRule,
        prices: &[f64],
        quantities: &[f64],
        reported: &mut Vec<Reported>,
    ) -> f64 {
        if self.own.is_empty() {
            return 0.0;
        }
        reported.clear();
        let mut level = self.demand;
        for (step, own) in self.own.iter().enumerate() {
            let quantity = quantities[self.first_step + step];
            let price = prices[self.first_step + step] + 0.0;
            reported.push(Reported { is_bid: own.is_bid, price, quantity, filled: 0.0 });
            if own.is_bid {
                level += quantity;
            }
        }
        reported.sort_unstable_by(|a, b| {
            let ((a_price, a_kind), (b_price, b_kind)) = (a.merit(), b.merit());
            a_price.total_cmp(&b_price).then(a_kind.cmp(&b_kind))
        });
        self.fill(level, reported);
        let (mut sold, mut bought, mut filled) = (0.0, 0.0, 0.0);
        for step in &*reported {
            filled += step.filled;
            if step.is_bid {
                bought += step.quantity - step.filled;
            } else {
                sold += step.filled;
            }
        }
        let payment = match rule {
            PaymentRule::Vcg => self.cost_of(level - filled) - self.cost,
            PaymentRule::Uniform(position) => {
                let price = self.uniform_price(position, level - filled, reported);
                if bought == sold { 0.0 } else { price * (bought - sold) }
            }
            PaymentRule::PayAsBid => reported
                .iter()
                .map(|step| {
                    let accepted =
                        if step.is_bid { step.quantity - step.filled } else { -step.filled };
                    step.price * accepted
                })
                .sum(),
        };
        self.true_value(sold, bought, level) - payment
    }

    /// Fills the reported steps, sorted by merit, together with the others' stack.
    fn fill(&self, level: f64, reported: &mut [Reported]) {
        let rounding = ROUNDING * level;
        let mut own_before = 0.0;
        let mut start = 0;
        while start < reported.len() {
            let merit = reported[start].merit();
            let end = start + reported[start..].partition_point(|step| step.merit() == merit);
            let own: f64 = reported[start..end].iter().map(|step| step.quantity).sum();
            let group = self.merit.partition_point(|&other| other < merit);
            let before = self.quantity[group] + own_before;
            if before + rounding >= level {
                return;
            }
            let tied = if self.merit.get(group) == Some(&merit) {
                self.quantity[group + 1] - self.quantity[group]
            } else {
                0.0
            };
            let share = if own + tied > level - before + rounding {
                (level - before) / (own + tied)
            } else {
                1.0
            };
            for step in &mut reported[start..end] {
                step.filled = step.quantity * share;
            }
            if share < 1.0 {
                return;
            }
            own_before += own;
            start = end;
        }
    }

    /// The uniform price when the others' stack is filled to `level`.
    fn uniform_price(&self, position: f64, level: f64, reported: &[Reported]) -> f64 {
        let rounding = ROUNDING * level.max(self.demand);
        // Groups before `taken` have something filled; groups from `spare` on have something left.
        let taken =
            self.quantity[..self.merit.len()].partition_point(|&before| before + rounding < level);
        let spare = self.quantity[1..].partition_point(|&through| through <= level + rounding);
        let mut lower = taken.checked_sub(1).map_or(f64::NEG_INFINITY, |group| self.merit[group].0);
        // Fixed demand sets the price only where some of it is shed.
        let upper =
            (spare..self.merit.len()).find(|&group| self.load != Some(group) || group < taken);
        let mut upper = upper.map_or(f64::INFINITY, |group| self.merit[group].0);
        for step in reported {
            if step.filled > 0.0 {
                lower = lower.max(step.price);
            }
            if step.filled < step.quantity {
                upper = upper.min(step.price);
            }
        }
        if let Some(load) = self.load.filter(|&load| spare <= load && upper < f64::INFINITY) {
            upper = upper.min(self.merit[load].0);
        }
        PaymentRule::price(position, lower, upper)
    }

    /// The true value of selling and buying these quantities; `level` sets what is rounding.
    fn true_value(&self, mut sold: f64, mut bought: f64, level: f64) -> f64 {
        let mut value = 0.0;
        for step in &self.own {
            let left = if step.is_bid { &mut bought } else { &mut sold };
            let quantity = step.quantity.min(*left);
            *left -= quantity;
            value += step.price * if step.is_bid { quantity } else { -quantity };
        }
        if sold.max(bought) > ROUNDING * level { f64::NEG_INFINITY } else { value }
    }
}
