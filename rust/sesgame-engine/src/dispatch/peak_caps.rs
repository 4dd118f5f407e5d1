//! The caps on import that cost least together with what they make of a dispatch: cutting planes over
//! all caps jointly, with a certificate.
//!
//! An evaluation at some caps gives a value and, for each block of steps, a lower bound that is linear
//! in the caps and in the charges at the block's ends (Benders 1962, one cut for each block: Birge and
//! Louveaux 1988). One cap is bracketed by the steepest bounds on both sides; several are found by a
//! linear program over the bounds, whose steps are kept short at first. Either ends with a convex
//! combination of bounds whose least value is the value of the best evaluation, but for rounding.

use super::cap_bounds::BlockBound;
use crate::error::Result;
use crate::linear_program::{Model, unit};
use crate::progress::Progress;

/// A gap below this share of all money that flows is rounding: the search ends.
const CLOSED: f64 = 1e-13;
/// A gap up to this share of all money that flows proves an optimum.
pub(super) const PROVED: f64 = 1e-9;
/// Evaluations before the search gives up; it needs a fraction of them.
const MAX_EVALUATIONS: usize = 400;
/// The first step from the start, as a share of the range of a cap: most often the start is the
/// optimum, and a bound from beside it proves that.
const FIRST_STEP: f64 = 1.0 / 1_048_576.0;
/// By how much a step grows that was too short.
const GROWTH: f64 = 256.0;
/// Money is told to the solver in units of which this many could flow: its tolerances are absolute.
const MONEY_UNITS: f64 = 65_536.0;

/// What a search is about.
#[derive(Debug)]
pub(super) struct CapSearch<'a> {
    /// What a unit of each cap costs.
    pub prices: &'a [f64],
    /// Between what each best cap lies.
    pub ranges: Vec<(f64, f64)>,
    /// Where to begin.
    pub start: Vec<f64>,
    pub n_blocks: usize,
    /// The capacity of the battery.
    pub energy: f64,
    /// All money that could flow.
    pub turnover: f64,
}

/// The best caps, and what proves that there are no better ones; no caps, and an infinite cost, where
/// there is no dispatch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CapOptimum {
    pub caps: Vec<f64>,
    /// What the dispatch and its peaks cost.
    pub cost: f64,
    /// No dispatch costs less.
    pub bound: f64,
    /// Evaluated caps, and the weight of their bound of each block; the weights of a block add up to 1.
    pub proof: Vec<(Vec<f64>, Vec<f64>)>,
    pub n_evaluations: usize,
}

/// A search that is told one evaluation after the other: of which caps, it says.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the usual search allocates nothing")]
pub(super) enum Search<'a> {
    One(Bracket<'a>),
    Several(Box<Joint<'a>>),
}

impl<'a> Search<'a> {
    /// Before the first evaluation.
    pub fn new(search: CapSearch<'a>) -> Self {
        if search.prices.len() == 1 {
            return Self::One(Bracket::new(search));
        }
        Self::Several(Box::new(Joint::new(search)))
    }

    /// The caps to evaluate.
    pub fn caps(&self) -> &[f64] {
        match self {
            Self::One(bracket) => &bracket.cap,
            Self::Several(joint) => &joint.centre,
        }
    }

    /// What the search is about.
    pub fn about(&self) -> &CapSearch<'a> {
        match self {
            Self::One(bracket) => &bracket.search,
            Self::Several(joint) => &joint.search,
        }
    }

    /// Takes the value of a dispatch at the caps, without what the caps cost, and bounds of its blocks;
    /// whether there is more to evaluate.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`] and [`crate::error::Error::Solver`].
    pub fn tell(&mut self, value: f64, bounds: &[BlockBound], progress: &Progress) -> Result<bool> {
        match self {
            Self::One(bracket) => Ok(bracket.tell(value, &bounds[0])),
            Self::Several(joint) => joint.tell(value, bounds, progress),
        }
    }

    /// The caps that cost least, as far as they are found.
    pub fn into_optimum(self) -> CapOptimum {
        match self {
            Self::One(bracket) => bracket.best,
            Self::Several(joint) => joint.best,
        }
    }
}

/// A bound on the cost of all, linear in the one cap, where it was made.
#[derive(Debug, Clone, Copy)]
struct Tangent {
    at: f64,
    constant: f64,
    slope: f64,
}

impl Tangent {
    fn value(self, cap: f64) -> f64 {
        self.constant + self.slope * cap
    }
}

/// One cap, between the steepest bounds that fall and rise.
#[derive(Debug)]
pub(super) struct Bracket<'a> {
    search: CapSearch<'a>,
    best: CapOptimum,
    falling: Option<Tangent>,
    rising: Option<Tangent>,
    step: f64,
    cap: [f64; 1],
    /// How often in a row a bound came in on the same side.
    same_side: i32,
}

impl<'a> Bracket<'a> {
    fn new(search: CapSearch<'a>) -> Self {
        let (low, high) = search.ranges[0];
        Self {
            best: CapOptimum { cost: f64::INFINITY, ..CapOptimum::default() },
            falling: None,
            rising: None,
            step: FIRST_STEP * (high - low),
            cap: [search.start[0].clamp(low, high)],
            same_side: 0,
            search,
        }
    }

    fn tell(&mut self, value: f64, bound: &BlockBound) -> bool {
        let (low, high) = self.search.ranges[0];
        let (best, cap, price) = (&mut self.best, self.cap[0], self.search.prices[0]);
        let cost = price * cap + value;
        best.n_evaluations += 1;
        if cost == f64::INFINITY {
            (best.cost, best.bound) = (cost, cost);
            return false;
        }
        if cost < best.cost {
            (best.cost, best.caps) = (cost, vec![cap]);
        }
        let slope = price + bound.slopes[0];
        let tangent = Tangent { at: cap, constant: bound.constant, slope };
        if slope <= 0.0 {
            self.falling = Some(tangent);
            self.same_side = self.same_side.min(0) - 1;
        }
        if slope >= 0.0 {
            self.rising = Some(tangent);
            self.same_side = self.same_side.max(0) + 1;
        }
        let (falling, rising) = (self.falling, self.rising);
        let next = match (falling, rising) {
            (Some(down), Some(up)) => {
                // What makes the two slopes one of 0.
                let weight =
                    if up.slope > down.slope { up.slope / (up.slope - down.slope) } else { 1.0 };
                best.bound = weight * down.constant + (1.0 - weight) * up.constant;
                best.proof = vec![(vec![down.at], vec![weight]), (vec![up.at], vec![1.0 - weight])];
                let meet = if up.slope > down.slope {
                    (down.constant - up.constant) / (up.slope - down.slope)
                } else {
                    down.at
                };
                if self.same_side.abs() > 3 { 0.5 * (down.at + up.at) } else { meet }
            }
            (Some(only), None) | (None, Some(only)) => {
                let end = if only.slope < 0.0 { high } else { low };
                best.bound = only.value(end);
                best.proof = vec![(vec![only.at], vec![1.0])];
                let next = if only.slope < 0.0 {
                    (only.at + self.step).min(high)
                } else {
                    (only.at - self.step).max(low)
                };
                self.step *= GROWTH;
                next
            }
            // A slope is a number.
            (None, None) => return false,
        };
        let seen = [falling, rising].iter().flatten().any(|tangent| tangent.at == next);
        let inside =
            falling.is_none_or(|down| next > down.at) && rising.is_none_or(|up| next < up.at);
        self.cap = [next];
        best.cost - best.bound > CLOSED * self.search.turnover
            && !seen
            && inside
            && best.n_evaluations < MAX_EVALUATIONS
    }
}

/// Several caps: the linear program over all bounds.
#[derive(Debug)]
pub(super) struct Joint<'a> {
    search: CapSearch<'a>,
    best: CapOptimum,
    model: Model,
    /// The bound of which evaluation each row is, block after block, and the bounds themselves.
    evaluated: Vec<(Vec<f64>, Vec<BlockBound>)>,
    centre: Vec<f64>,
    reach: Vec<f64>,
    money: f64,
    amount: f64,
}

impl<'a> Joint<'a> {
    /// Columns: the caps, the charges where blocks meet, the costs of the blocks.
    fn new(search: CapSearch<'a>) -> Self {
        let widest = search.ranges.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
        let (money, amount) =
            (unit(search.turnover / MONEY_UNITS), unit(widest.max(search.energy)));
        let mut model = Model::new();
        for price in search.prices {
            model.add_column(price * amount / money, 0.0, 0.0);
        }
        for _ in 1..search.n_blocks {
            model.add_column(0.0, 0.0, search.energy / amount);
        }
        for _ in 0..search.n_blocks {
            model.add_column(1.0, f64::NEG_INFINITY, f64::INFINITY);
        }
        let clamped = search.start.iter().zip(&search.ranges);
        Self {
            best: CapOptimum {
                cost: f64::INFINITY,
                bound: f64::NEG_INFINITY,
                ..CapOptimum::default()
            },
            model,
            evaluated: Vec::new(),
            centre: clamped.map(|(cap, (low, high))| cap.clamp(*low, *high)).collect(),
            reach: search.ranges.iter().map(|(low, high)| FIRST_STEP * (high - low)).collect(),
            money,
            amount,
            search,
        }
    }

    fn tell(&mut self, value: f64, bounds: &[BlockBound], progress: &Progress) -> Result<bool> {
        let caps = self.centre.clone();
        let paid: f64 = self.search.prices.iter().zip(&caps).map(|(price, cap)| price * cap).sum();
        let cost = paid + value;
        self.best.n_evaluations += 1;
        if cost == f64::INFINITY {
            (self.best.cost, self.best.bound) = (cost, cost);
            return Ok(false);
        }
        if cost < self.best.cost {
            (self.best.cost, self.best.caps) = (cost, caps.clone());
        }
        self.add_rows(bounds);
        self.evaluated.push((caps, bounds.to_vec()));
        let (next, weights) = self.solve(progress)?;
        let bound = self.bound(&weights);
        if bound > self.best.bound {
            self.best.bound = bound;
            self.best.proof = self.proof(weights);
        }
        let is_seen = self.evaluated.iter().any(|(at, _)| *at == next);
        self.centre = next;
        Ok(self.best.cost - self.best.bound > CLOSED * self.search.turnover
            && !is_seen
            && self.best.n_evaluations < MAX_EVALUATIONS)
    }

    /// One row for each block.
    fn add_rows(&mut self, bounds: &[BlockBound]) {
        let (n_caps, n_blocks) = (self.search.prices.len(), self.search.n_blocks);
        let per_amount = self.amount / self.money;
        for (block, bound) in bounds.iter().enumerate() {
            let slopes = bound.slopes.iter().enumerate();
            let mut entries: Vec<(usize, f64)> =
                slopes.map(|(cap, slope)| (cap, -slope * per_amount)).collect();
            if block > 0 {
                entries.push((n_caps + block - 1, -bound.start * per_amount));
            }
            if block + 1 < n_blocks {
                entries.push((n_caps + block, -bound.end * per_amount));
            }
            entries.push((n_caps + n_blocks - 1 + block, 1.0));
            entries.retain(|(_, coefficient)| *coefficient != 0.0);
            self.model.add_row(bound.constant / self.money, f64::INFINITY, &entries);
        }
    }

    /// The best caps within reach, and the weights of the bounds that prove it: for each evaluation
    /// one for each block. Where a cap is at the end of its reach it may go farther next time.
    fn solve(&mut self, progress: &Progress) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let search = &self.search;
        let mut within = Vec::with_capacity(self.centre.len());
        for (cap, ((centre, reach), (low, high))) in
            self.centre.iter().zip(&self.reach).zip(&search.ranges).enumerate()
        {
            let (from, to) = ((centre - reach).max(*low), (centre + reach).min(*high));
            self.model.set_column_bounds(cap, from / self.amount, to / self.amount);
            within.push((from, to));
        }
        let solution = self.model.solve(progress)?.optimal("the caps of peak charges")?;
        let mut caps = Vec::with_capacity(within.len());
        for (cap, (from, to)) in within.iter().enumerate() {
            let at = (solution.columns[cap] * self.amount).clamp(*from, *to);
            let (low, high) = search.ranges[cap];
            let slack = 1e-9 * (high - low);
            if (at <= from + slack && *from > low) || (at >= to - slack && *to < high) {
                self.reach[cap] *= GROWTH;
            }
            caps.push(at);
        }
        let n_blocks = search.n_blocks;
        let mut weights: Vec<Vec<f64>> = solution
            .row_duals
            .chunks(n_blocks)
            .map(|duals| duals.iter().map(|dual| dual.max(0.0)).collect())
            .collect();
        for block in 0..n_blocks {
            let sum: f64 = weights.iter().map(|weights| weights[block]).sum();
            weights.iter_mut().for_each(|weights| weights[block] /= sum);
        }
        Ok((caps, weights))
    }

    /// The least value of a combination of bounds over all caps and charges.
    fn bound(&self, weights: &[Vec<f64>]) -> f64 {
        let search = &self.search;
        let mut slopes = search.prices.to_vec();
        let mut charge_prices = vec![0.0; search.n_blocks];
        let mut bound = 0.0;
        for (weights, (_, bounds)) in weights.iter().zip(&self.evaluated) {
            for (block, (weight, own)) in weights.iter().zip(bounds).enumerate() {
                if *weight == 0.0 {
                    continue;
                }
                bound += weight * own.constant;
                slopes.iter_mut().zip(&own.slopes).for_each(|(sum, slope)| *sum += weight * slope);
                charge_prices[block] += weight * own.end;
                if block > 0 {
                    charge_prices[block - 1] += weight * own.start;
                }
            }
        }
        let at_best =
            |slope: f64, (low, high): (f64, f64)| slope * if slope < 0.0 { high } else { low };
        bound +=
            slopes.iter().zip(&search.ranges).map(|(s, range)| at_best(*s, *range)).sum::<f64>();
        bound +=
            charge_prices.iter().map(|price| at_best(*price, (0.0, search.energy))).sum::<f64>();
        bound
    }

    fn proof(&self, weights: Vec<Vec<f64>>) -> Vec<(Vec<f64>, Vec<f64>)> {
        let caps = self.evaluated.iter().map(|(caps, _)| caps.clone());
        caps.zip(weights).filter(|(_, weights)| weights.iter().any(|w| *w > 0.0)).collect()
    }
}
