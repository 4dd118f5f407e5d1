//! One question: a tree of branch and bound over relaxations that known bounds on the costs make.

use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use super::{Bounds, Separation};
use crate::dispatch::member_prices::{MemberPrices, PricedCost};
use crate::error::{Error, Result};
use crate::linear_production::{Question, add_outside};
use crate::linear_program::{Model, Solution, Status};
use crate::progress::{Progress, Search as Shown};

/// What all members pay and get together, in the units of the linear programs.
const TURNOVER: f64 = 1024.0;
/// Feasibility in those units: a thousandth of the gaps that are asked for, a millionth of a millionth
/// of the turnover.
const FEASIBLE: f64 = 1e-9;
/// A share as near to 0 or 1 as this is whole: what it does to an excess is below the gaps.
const WHOLE: f64 = 1e-9;
/// A relaxation is refined until it may fall by no more than this part of its distance to the floor:
/// then it is worth more to branch.
const REFINED: f64 = 0.05;
/// Bounds that one relaxation may take; they converge in some forty where nothing is known.
const ROUNDS: usize = 200;
/// Known bounds that are taken up at a time.
const TOGETHER: usize = 8;
/// Bounds with which a linear program starts, and from how many on it is built anew.
const FIRST_ROWS: usize = 192;
const MOST_ROWS: usize = 640;
/// Sets of members that a relaxation is rounded to.
const ROUNDINGS: usize = 12;
/// Exchanges that are tried around a coalition before it counts as the best of its neighbours.
const EXCHANGES: usize = 16;
/// Nodes after which any coalition above the level will do.
const NODES_FOR_ANY: usize = 12;

/// A part of the search: those coalitions that keep to what is fixed.
#[derive(Debug)]
struct Node {
    /// Of each member and switch whether it is in, where that is fixed.
    fixed: Vec<Option<bool>>,
    bound: f64,
    number: usize,
    point: Vec<f64>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    /// The one of the highest bound is the greatest, of equals the first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bound.total_cmp(&other.bound).then(other.number.cmp(&self.number))
    }
}

/// One question and its tree.
#[derive(Debug)]
pub(super) struct Search<'a, C> {
    cost: &'a C,
    bounds: &'a mut Bounds,
    question: &'a Question<'a>,
    progress: &'a Progress,
    deadline: Option<Instant>,
    money: f64,
    n_players: usize,
    model: Model,
    /// Which bound each row holds, from row `first_row` on, and which are in the model.
    rows: Vec<usize>,
    is_row: Vec<bool>,
    first_row: usize,
    /// Coalitions above the level, and all that were priced, with their excesses.
    found: BTreeMap<Vec<bool>, f64>,
    priced: BTreeMap<Vec<bool>, f64>,
    best: f64,
    /// The largest bound of a node that is done.
    closed: f64,
    n_nodes: usize,
    stopped: bool,
}

impl<'a, C: PricedCost> Search<'a, C> {
    pub(super) fn new(
        cost: &'a C,
        bounds: &'a mut Bounds,
        question: &'a Question<'a>,
        progress: &'a Progress,
    ) -> Self {
        let sum = |amounts: &[f64]| amounts.iter().map(|amount| amount.abs()).sum::<f64>();
        let turnover = sum(question.allocation).max(sum(&bounds.known[0].prices));
        let money = if turnover > 0.0 { (turnover / TURNOVER).log2().round().exp2() } else { 1.0 };
        let limit = question.max_seconds;
        let deadline = Duration::try_from_secs_f64(limit).ok().map(|limit| Instant::now() + limit);
        let mut search = Self {
            cost,
            bounds,
            question,
            progress,
            deadline,
            money,
            n_players: cost.n_players(),
            model: Model::new(),
            rows: Vec::new(),
            is_row: Vec::new(),
            first_row: 0,
            found: BTreeMap::new(),
            priced: BTreeMap::new(),
            best: f64::NEG_INFINITY,
            closed: f64::NEG_INFINITY,
            n_nodes: 0,
            stopped: false,
        };
        search.build();
        search
    }

    /// Excesses up to here are of no interest any more.
    fn floor(&self) -> f64 {
        self.question.level.max(self.best) + self.question.gap
    }

    /// The linear program with the bounds that were used last.
    fn build(&mut self) {
        self.build_of(self.bounds.recent(FIRST_ROWS));
    }

    /// The linear program with some of the bounds.
    fn build_of(&mut self, numbers: Vec<usize>) {
        let Question { allocation, outside, .. } = *self.question;
        let n_players = self.n_players;
        self.model = Model::new();
        self.model.set_feasibility_tolerance(FEASIBLE);
        for share in allocation {
            self.model.add_column(-share / self.money, 0.0, 1.0);
        }
        self.model.add_column(1.0, f64::NEG_INFINITY, f64::INFINITY);
        if outside.is_empty() {
            let everyone: Vec<_> = (0..n_players).map(|player| (player, 1.0)).collect();
            self.model.add_row(1.0, (n_players - 1) as f64, &everyone);
        } else {
            add_outside(&mut self.model, 0, outside, n_players, false);
        }
        self.first_row = self.model.n_rows();
        self.rows.clear();
        self.is_row = vec![false; self.bounds.known.len()];
        for number in numbers {
            self.add_row(number);
        }
    }

    fn add_row(&mut self, number: usize) {
        self.is_row.resize(self.bounds.known.len(), false);
        if std::mem::replace(&mut self.is_row[number], true) {
            return;
        }
        let MemberPrices { constant, prices } = &self.bounds.known[number];
        let mut entries: Vec<(usize, f64)> =
            prices.iter().map(|price| price / self.money).enumerate().collect();
        entries.push((self.n_players, -1.0));
        self.model.add_row(f64::NEG_INFINITY, -constant / self.money, &entries);
        self.rows.push(number);
    }

    /// The column of a member or, behind those and the cost, of a switch.
    fn column(&self, place: usize) -> usize {
        if place < self.n_players { place } else { place + 1 }
    }

    pub(super) fn run(mut self) -> Result<Separation> {
        let n_switches = 2 * self.question.outside.len() / self.n_players;
        let root = Node {
            fixed: vec![None; self.n_players + n_switches],
            bound: f64::INFINITY,
            number: 0,
            point: Vec::new(),
        };
        let mut open = BinaryHeap::new();
        open.extend(self.relax(root)?);
        let relaxation = open.peek().map_or(self.closed, |node| node.bound);
        while let Some(node) = open.pop() {
            if self.stopped || self.is_enough(node.bound) {
                self.closed = self.closed.max(node.bound);
                break;
            }
            if node.bound <= self.floor() {
                self.closed = self.closed.max(node.bound);
                break;
            }
            self.progress.report_search(Shown { best: self.best, bound: node.bound });
            let Some(place) = self.branching(&node) else {
                // All is whole, and rounding keeps the bound from what the coalition has.
                self.closed = self.closed.max(node.bound);
                continue;
            };
            for is_in in [true, false] {
                let mut fixed = node.fixed.clone();
                fixed[place] = Some(is_in);
                self.n_nodes += 1;
                let (bound, number) = (node.bound, self.n_nodes);
                open.extend(self.relax(Node { fixed, bound, number, point: Vec::new() })?);
            }
        }
        let bound = open.into_iter().map(|node| node.bound).fold(self.closed, f64::max);
        let mut coalitions: Vec<_> = self.found.into_iter().collect();
        // The map is in the order of members: of equals the first.
        coalitions.sort_by(|one, other| other.1.total_cmp(&one.1));
        Ok(Separation {
            coalitions: coalitions.into_iter().map(|(members, _)| members).collect(),
            bound: bound.max(self.best),
            relaxation,
            finished: !self.stopped,
        })
    }

    /// Whether what is found will do where any coalition does.
    fn is_enough(&self, bound: f64) -> bool {
        let Question { level, any_above, .. } = *self.question;
        any_above
            && !self.found.is_empty()
            && (self.n_nodes >= NODES_FOR_ANY || self.best - level >= 0.9 * (bound - level))
    }

    /// The member to branch on: whose share is far from whole, and whose price varies most. When all
    /// are whole, a switch; none when those are, too.
    fn branching(&self, node: &Node) -> Option<usize> {
        let n = self.n_players;
        let distance = |place: usize| node.point[place].min(1.0 - node.point[place]);
        let spread = |player: usize| {
            let prices = self.rows.iter().map(|&number| self.bounds.known[number].prices[player]);
            let ends = prices.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), price| {
                (low.min(price), high.max(price))
            });
            ends.1 - ends.0
        };
        let open = |place: &usize| node.fixed[*place].is_none() && distance(*place) > WHOLE;
        let best = |places: std::ops::Range<usize>, score: &dyn Fn(usize) -> f64| {
            let scored = places.filter(open).map(|place| (place, score(place)));
            scored.reduce(|best, next| if next.1 > best.1 { next } else { best })
        };
        best(0..n, &|player| distance(player) * spread(player))
            .or_else(|| best(n..node.fixed.len(), &distance))
            .map(|(place, _)| place)
    }

    /// The node with its bound and the point where that is, unless it has nothing above the floor.
    fn relax(&mut self, mut node: Node) -> Result<Option<Node>> {
        if self.rows.len() > MOST_ROWS {
            self.build();
        }
        self.fix(&node.fixed);
        let mut inner: Option<(f64, Vec<f64>)> = None;
        for round in 0.. {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.stopped = true;
                node.point.resize(node.fixed.len(), 0.0);
                return Ok(Some(node));
            }
            let solution = self.solve(&node.fixed)?;
            if solution.status == Status::Infeasible {
                return Ok(None);
            }
            let solution = solution.optimal("the relaxation of the separation")?;
            let reached = -solution.objective * self.money;
            node.bound = node.bound.min(reached);
            if node.bound <= self.floor() {
                self.closed = self.closed.max(node.bound);
                return Ok(None);
            }
            for (&number, dual) in self.rows.iter().zip(&solution.row_duals[self.first_row..]) {
                if *dual != 0.0 {
                    self.bounds.used[number] = self.bounds.clock;
                }
            }
            let point = (0..node.fixed.len()).map(|place| solution.columns[self.column(place)]);
            node.point = point.map(|share| share.clamp(0.0, 1.0)).collect();
            let shares = node.point[..self.n_players].to_vec();
            let worth = (REFINED * (node.bound - self.floor())).max(0.1 * self.question.gap);
            let claimed = self.paid(&shares) - reached;
            if self.take_up_known(&shares, claimed + worth) {
                continue;
            }
            let Some((excess, number)) = self.price(&shares)? else {
                return Ok(Some(node));
            };
            let is_whole = shares.iter().all(|share| share.min(1.0 - share) <= WHOLE);
            let missing = reached - excess;
            let enough = if is_whole { 0.1 * self.question.gap } else { worth };
            if missing <= enough || round >= ROUNDS {
                self.round(&shares)?;
                return Ok(Some(node));
            }
            self.add_row(number);
            // Between the point and the best one so far, where the function is better known, a bound
            // cuts deeper.
            if let Some((_, best)) = &inner {
                let between: Vec<f64> =
                    shares.iter().zip(best).map(|(one, other)| 0.5 * (one + other)).collect();
                if let Some((excess, number)) = self.price(&between)? {
                    self.add_row(number);
                    if inner.as_ref().is_none_or(|(best, _)| excess > *best) {
                        inner = Some((excess, between));
                    }
                }
            }
            if inner.as_ref().is_none_or(|(best, _)| excess > *best) {
                inner = Some((excess, shares));
            }
        }
        unreachable!("the rounds are limited")
    }

    /// Lets those members and switches vary in the linear program that are not fixed.
    fn fix(&mut self, fixed: &[Option<bool>]) {
        let places: Vec<i32> = (0..fixed.len())
            .map(|place| i32::try_from(self.column(place)).expect("few columns"))
            .collect();
        let at = |free: f64| fixed.iter().map(move |fixed| fixed.map_or(free, f64::from)).collect();
        let (lower, upper): (Vec<f64>, Vec<f64>) = (at(0.0), at(1.0));
        self.model.set_columns_bounds(&places, &lower, &upper);
    }

    /// Solves the linear program; from the start where the basis of the last solve leads nowhere.
    fn solve(&mut self, fixed: &[Option<bool>]) -> Result<Solution> {
        let solution = self.model.solve(self.progress)?;
        if solution.status != Status::Failed {
            return Ok(solution);
        }
        let numbers = std::mem::take(&mut self.rows);
        self.build_of(numbers);
        self.fix(fixed);
        self.model.solve(self.progress)
    }

    /// What members with these shares pay by the allocation.
    fn paid(&self, shares: &[f64]) -> f64 {
        self.question.allocation.iter().zip(shares).map(|(paid, share)| paid * share).sum()
    }

    /// Takes up known bounds on the cost of shares that are above `least`; false if there is none.
    fn take_up_known(&mut self, shares: &[f64], least: f64) -> bool {
        self.is_row.resize(self.bounds.known.len(), false);
        let known =
            self.bounds.known.iter().enumerate().filter(|(number, _)| !self.is_row[*number]);
        let mut above: Vec<(f64, usize)> = known
            .map(|(number, bound)| (bound.at(shares), number))
            .filter(|(cost, _)| *cost > least)
            .collect();
        above.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        above.truncate(TOGETHER);
        above.iter().for_each(|&(_, number)| self.add_row(number));
        !above.is_empty()
    }

    /// Prices shares: their excess, and the number of the new bound; none where rounding keeps cost
    /// and bound apart.
    fn price(&mut self, shares: &[f64]) -> Result<Option<(f64, usize)>> {
        match self.cost.prices(shares, self.progress) {
            Ok(bound) => {
                let excess = self.paid(shares) - bound.at(shares);
                Ok(Some((excess, self.bounds.add(bound))))
            }
            Err(Error::Solver { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Prices the coalitions whose shares are above a threshold, and goes up from the best new one.
    fn round(&mut self, shares: &[f64]) -> Result<()> {
        let mut steps = shares.to_vec();
        steps.sort_by(f64::total_cmp);
        steps.dedup_by(|next, before| *next - *before <= WHOLE);
        let mut thresholds: Vec<f64> =
            steps.windows(2).map(|ends| 0.5 * (ends[0] + ends[1])).collect();
        // Those nearest to a half, where there are many.
        thresholds.sort_by(|one, other| (one - 0.5).abs().total_cmp(&(other - 0.5).abs()));
        thresholds.truncate(ROUNDINGS);
        let mut start: Option<(f64, Vec<bool>)> = None;
        for threshold in thresholds {
            let members: Vec<bool> = shares.iter().map(|share| *share > threshold).collect();
            if self.priced.contains_key(&members) {
                continue;
            }
            if let Some((excess, _)) = self.look(&members)?
                && start.as_ref().is_none_or(|(best, _)| excess > *best)
            {
                start = Some((excess, members));
            }
        }
        match start {
            Some((_, members)) => self.climb(members),
            None => Ok(()),
        }
    }

    /// Prices a coalition, and keeps it if it is above the level; none where it was not asked for.
    fn look(&mut self, members: &[bool]) -> Result<Option<(f64, usize)>> {
        if !self.is_asked(members) {
            return Ok(None);
        }
        let shares: Vec<f64> = members.iter().map(|&is_in| f64::from(is_in)).collect();
        let Some((excess, number)) = self.price(&shares)? else { return Ok(None) };
        self.priced.insert(members.to_vec(), excess);
        if excess > self.question.level + self.question.gap {
            self.found.insert(members.to_vec(), excess);
            self.best = self.best.max(excess);
        }
        Ok(Some((excess, number)))
    }

    /// Goes from a coalition to better ones that differ by a member, as long as there are any.
    ///
    /// By its prices no neighbour can gain more than the difference that they make, so few are tried.
    fn climb(&mut self, mut members: Vec<bool>) -> Result<()> {
        while let Some((excess, number)) = self.look(&members)? {
            let prices = &self.bounds.known[number].prices;
            let gain = |player: usize| {
                let kept = self.question.allocation[player] - prices[player];
                if members[player] { -kept } else { kept }
            };
            let mut order: Vec<(f64, usize)> = (0..self.n_players)
                .map(|player| (gain(player), player))
                .filter(|(gain, _)| *gain > self.question.gap)
                .collect();
            order.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
            order.truncate(EXCHANGES);
            let mut better: Option<(f64, Vec<bool>)> = None;
            for (gain, player) in order {
                let known = better.as_ref().map_or(excess, |(best, _)| *best);
                if excess + gain <= known + self.question.gap {
                    break;
                }
                let mut next = members.clone();
                next[player] = !next[player];
                let at_next = match self.priced.get(&next) {
                    Some(&excess) => Some(excess),
                    None => self.look(&next)?.map(|(excess, _)| excess),
                };
                if let Some(at_next) = at_next
                    && at_next > known + self.question.gap
                {
                    better = Some((at_next, next));
                }
            }
            let Some((_, next)) = better else { break };
            members = next;
        }
        Ok(())
    }

    /// Whether a coalition is proper and outside what is settled.
    fn is_asked(&self, members: &[bool]) -> bool {
        let outside = self.question.outside;
        if outside.is_empty() {
            return members.contains(&true) && members.contains(&false);
        }
        outside.chunks_exact(self.n_players).any(|z| {
            z.iter().zip(members).filter(|(_, is_in)| **is_in).map(|(entry, _)| *entry).sum::<i64>()
                != 0
        })
    }
}
