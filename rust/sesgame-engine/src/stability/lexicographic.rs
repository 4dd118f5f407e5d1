//! The lexicographic linear program over a pool of coalitions, level by level.
//!
//! Level `k` minimises `t` subject to `x(S) + w(S) t >= v(S)` for the coalitions that the levels
//! before have not settled, with equality for those they have. Its dual gives every coalition a
//! weight `lambda_S >= 0` such that `sum w(S) lambda_S = 1` and `sum lambda_S 1_S` lies in the span
//! of the settled coalitions: it says which coalitions balance each other. A positive weight
//! proves that the coalition is tight at *every* optimum of the level; being tight at the optimum
//! at hand proves nothing. So exactly the coalitions of positive weight are settled, the span
//! grows with every level, and after at most `n - 1` levels one point is left.
//!
//! The dual is solved by the primal simplex method: `n + 1` rows of the basis, the point `(x, t)`
//! as its multipliers, the most violated coalition enters. The next level starts from the same
//! basis: the coalitions of weight 0 stay, and the complement of one of them completes it. Where
//! no complement's value is known, one is assumed that follows with room to spare from what the
//! level demands for single players, so that it takes no part in any optimum.
//!
//! It ends: the positive weights of a level balance, so their coalitions do not all lie in the
//! span settled before, and its rank grows by at least 1 (checked in `settle`). A level is solved
//! again, because a later one has a larger `t`, only when the pool has grown since. Within a level
//! Bland's rule, which never visits a basis twice, takes over once pivots stop making progress,
//! and the number of pivots is limited. At that limit, or in numerical trouble (a singular basis,
//! weights that do not balance), HiGHS looks for an optimal basis from scratch, once; a level
//! that neither method finishes is an [`Error::Solver`] with its number.

use std::cmp::Reverse;

use super::basis_row::BasisRow;
use super::excess::steps;
use super::highs_level;
use super::row_pool::RowPool;
use super::span::Span;
use crate::error::{Error, Result};
use crate::linear_program::DenseBasis;
use crate::progress::Progress;

/// Violations up to this, relative to the largest row in the bases so far, count as none. It is a
/// tenth of what a person calls the same.
const FEASIBILITY: f64 = 1e-10;
/// What floats lose of the point, relative to the magnitudes that an entry is the sum of and for each
/// of them: four operations, the inverse's among them.
const ROUNDING: f64 = 2.0 * f64::EPSILON;
/// Dual weights up to this count as zero. They are ratios of minors of a 0/1 matrix.
const POSITIVE: f64 = 1e-9;
/// Entries of a pivot row up to this count as zero.
const PIVOT: f64 = 1e-9;
/// Levels closer than so many tolerances are one to the least core. All coalitions within a few
/// tolerances of its value then belong to levels that count as the first.
pub(super) const APART: f64 = 24.0;
/// Rank-one updates after which the inverse is computed anew.
const UPDATES: usize = 40;

/// An optimal level and what it proves.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// The optimal `t`.
    pub t: f64,
    /// Pool rows of positive weight, and the weight.
    pub weights: Vec<(usize, f64)>,
    /// The span of what was settled before this level.
    pub before: Span,
    basis: Vec<BasisRow>,
    /// The rows that the pool had then.
    rows: usize,
    /// The largest size of a row in the bases so far.
    scale: f64,
}

/// After which level to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The first.
    First,
    /// The first whose `t` is below that of the first.
    BelowFirst,
    /// The last, which leaves one point.
    All,
}

/// Iterations after which a level is given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Pivots of the dense simplex method before HiGHS is asked.
    pub dense: u64,
    /// Iterations of HiGHS.
    pub highs: u32,
}

/// The value and the weight of a coalition, given by its bytes; `None` where they are not known.
type Constraint<'a> = dyn Fn(&[u8]) -> Option<(f64, f64)> + Send + Sync + 'a;

/// The program, its pool and its levels.
pub(super) struct Lexicographic<'a> {
    pub pool: RowPool,
    pub levels: Vec<Level>,
    /// The present `(x, t)`.
    point: Vec<f64>,
    /// Pivots so far.
    pub pivots: u64,
    pub limits: Limits,
    n_players: usize,
    basis: Vec<BasisRow>,
    inverse: DenseBasis,
    span: Span,
    /// What each player has alone.
    alone: Vec<f64>,
    /// The largest size of a row in the bases of the levels and in the present one.
    scale: f64,
    /// The largest sum of magnitudes that an entry of the point is made of.
    magnitude: f64,
    constraint: Box<Constraint<'a>>,
}

impl<'a> Lexicographic<'a> {
    /// A program whose pool holds the grand coalition and the singletons, which must be known;
    /// a `relief` adds `x_i >= v(i) - relief`.
    pub fn new(
        n_players: usize,
        relief: Option<f64>,
        constraint: impl Fn(&[u8]) -> Option<(f64, f64)> + Send + Sync + 'a,
    ) -> Self {
        let known = |members: &[u8]| constraint(members).expect("singletons and all are known");
        let mut pool = RowPool::new(n_players);
        let mut members = vec![0_u8; n_players.div_ceil(8)].into_boxed_slice();
        for player in 0..n_players {
            members[player / 8] |= 1 << (player % 8);
        }
        let (total, weight) = known(&members);
        let grand = pool.add(&members, total, weight);
        let mut span = Span::new(n_players);
        span.insert(&members);
        let mut basis = vec![BasisRow { row: grand, settled: Some(total) }];
        let mut alone = Vec::with_capacity(n_players);
        members.fill(0);
        for player in 0..n_players {
            members[player / 8] = 1 << (player % 8);
            let (value, weight) = known(&members);
            alone.push(value);
            if let Some(relief) = relief {
                pool.add(&members, value - relief, 0.0);
            }
            basis.push(BasisRow { row: pool.add(&members, value, weight), settled: None });
            members[player / 8] = 0;
        }
        for &BasisRow { row, .. } in &basis[1..] {
            let complement = pool.complement(row);
            if let Some((value, weight)) = constraint(&complement) {
                pool.add(&complement, value, weight);
            }
        }
        let identity = DenseBasis::invert(1, vec![1.0]).expect("1 has an inverse");
        // A single player is settled by efficiency.
        let mut point = vec![0.0; n_players + 1];
        point[0] = total;
        Self {
            pool,
            levels: Vec::new(),
            point,
            pivots: 0,
            limits: Limits { dense: u64::MAX, highs: u32::MAX },
            n_players,
            basis,
            inverse: identity,
            span,
            alone,
            scale: 0.0,
            magnitude: 0.0,
            constraint: Box::new(constraint),
        }
    }

    /// The value and the weight of a coalition, where they are known.
    fn known(&self, members: &[u8]) -> Option<(f64, f64)> {
        (self.constraint)(members).or_else(|| {
            self.pool.row(members).map(|row| (self.pool.value(row), self.pool.weight(row)))
        })
    }

    /// Adds the constraint of a coalition whose value is known to the pool.
    pub fn require(&mut self, members: &[u8]) {
        if let Some((value, weight)) = (self.constraint)(members) {
            self.pool.add(members, value, weight);
        }
    }

    /// The present allocation.
    pub fn allocation(&self) -> &[f64] {
        &self.point[..self.n_players]
    }

    /// Violations up to this count as none.
    pub fn tolerance(&self) -> f64 {
        let rounding = ROUNDING * (self.n_players + 1) as f64 * self.magnitude;
        FEASIBILITY * self.scale + rounding
    }

    /// How large a row counts when its violation is judged: its value, or what it gains over its
    /// members alone where that is less, so that neither a part that players have in any case nor
    /// what is worth far less than that makes the rest look small.
    fn size(&self, row: usize) -> f64 {
        if self.pool.is_assumed(row) {
            return 0.0;
        }
        let alone: f64 = self.pool.players(row).map(|player| self.alone[player]).sum();
        let value = self.pool.value(row);
        value.abs().min((value - alone).abs())
    }

    /// Solves the levels from number `first` on (0 the first of all; those before are still
    /// right), as deep as asked, at most until the span is everything.
    pub fn solve(&mut self, first: usize, depth: Depth, progress: &Progress) -> Result<()> {
        self.reopen(first);
        while self.span.rank() < self.n_players {
            progress.check()?;
            let stage = self.levels.len() + 1;
            let level = match self.level(stage, self.limits.dense, progress) {
                Err(Error::Solver { status, .. }) => {
                    self.level_by_highs(stage, &status, progress)?
                }
                level => level?,
            };
            let t = level.t;
            if let Some(before) = self.levels.last()
                && t > before.t + self.tolerance()
                && before.rows < level.rows
            {
                // A coalition that became known since then raises that level, too.
                self.reopen(stage - 2);
                continue;
            }
            self.levels.push(level);
            match depth {
                Depth::First => break,
                Depth::BelowFirst if t < self.levels[0].t - APART * self.tolerance() => break,
                Depth::BelowFirst | Depth::All => {}
            }
        }
        Ok(())
    }

    /// Goes back to where level number `first` is to be solved, if it has been.
    fn reopen(&mut self, first: usize) {
        if let Some(level) = self.levels.get(first) {
            self.basis.clone_from(&level.basis);
            self.span = level.before.clone();
            self.levels.truncate(first);
        }
    }

    /// Solves the present level from the present basis by the dense method.
    fn level(&mut self, stage: usize, limit: u64, progress: &Progress) -> Result<Level> {
        self.optimise(stage, limit, progress)?;
        self.settle(stage)
    }

    /// Solves the present level from the basis that HiGHS finds, most often an optimal one.
    /// `trouble` is how the dense method ended without it.
    fn level_by_highs(
        &mut self,
        stage: usize,
        trouble: &str,
        progress: &Progress,
    ) -> Result<Level> {
        let failed = |status: &str| failure(stage, &format!("{trouble}; HiGHS: {status}"));
        let functional = self.span.functional().expect("the span is not everything");
        let present = std::mem::take(&mut self.basis);
        self.basis = highs_level::optimal_basis(
            &self.pool,
            &present,
            &self.pool.rows_outside(functional),
            self.n_players,
            self.limits.highs,
            progress,
        )
        .map_err(|error| match error {
            Error::Solver { status, .. } => failed(&status),
            other => other,
        })?;
        self.refactor(stage)?;
        // A settled row that is tight without being in the basis takes the place of another one;
        // its weight may have any sign.
        for &settled in present.iter().filter(|row| row.settled.is_some()) {
            if self.basis.iter().any(|row| row.row == settled.row) {
                continue;
            }
            let coefficients = self.express(&settled);
            let leaving = self.leaving(&coefficients, false).or_else(|| {
                let negated: Vec<f64> = coefficients.iter().map(|entry| -entry).collect();
                self.leaving(&negated, false)
            });
            let (leaving, _) = leaving.ok_or_else(|| failed("settled rows depend"))?;
            self.inverse.replace(leaving, &coefficients);
            self.basis[leaving] = settled;
        }
        self.level(stage, u64::MAX, progress).map_err(|error| match error {
            Error::Solver { status, .. } => failed(&format!("a basis from which: {status}")),
            other => other,
        })
    }

    /// Finds the optimal basis of the present level.
    fn optimise(&mut self, stage: usize, limit: u64, progress: &Progress) -> Result<()> {
        let functional = self.span.functional().expect("the span is not everything");
        let mut eligible = self.pool.rows_outside(functional);
        self.refactor(stage)?;
        let mut candidates = Vec::new();
        let mut updates = 0;
        let mut stalled = 0;
        let enough = 1000 + 100 * (self.n_players + eligible.len()) as u64;
        let limit = self.pivots + enough.min(limit);
        loop {
            progress.check()?;
            // Bland's rule, which cannot cycle, once the usual one has made no progress for long.
            let bland = stalled > 4 * (self.n_players + 1);
            let entering = self.entering(&eligible, &mut candidates, bland);
            let Some((entering, violation)) = entering else {
                if updates == 0 {
                    let complements = self.violated_complements();
                    if complements.is_empty() {
                        return Ok(());
                    }
                    eligible.extend(complements);
                    continue;
                }
                self.refactor(stage)?;
                updates = 0;
                continue;
            };
            if self.pivots == limit {
                return Err(failure(stage, "iteration limit"));
            }
            let coefficients = self.express(&BasisRow { row: entering, settled: None });
            let Some((leaving, step)) = self.leaving(&coefficients, bland) else {
                return Err(failure(stage, "no coalition can leave the basis"));
            };
            stalled = if step > 1e-12 { 0 } else { stalled + 1 };
            let ratio = violation / coefficients[leaving];
            let mut largest = 0.0_f64;
            for (entry, moved) in self.point.iter_mut().zip(self.inverse.column(leaving)) {
                *entry += ratio * moved;
                largest = largest.max((ratio * moved).abs());
            }
            self.magnitude += largest;
            self.inverse.replace(leaving, &coefficients);
            self.basis[leaving] = BasisRow { row: entering, settled: None };
            self.scale = self.scale.max(self.size(entering));
            self.pivots += 1;
            updates += 1;
            if updates == UPDATES {
                self.refactor(stage)?;
                updates = 0;
            }
        }
    }

    /// Adds to the pool those complements of the rows of weight 0 that the point violates. One of
    /// the complements will complete the next level's basis, so this level must know it.
    fn violated_complements(&mut self) -> Vec<usize> {
        let mut added = Vec::new();
        for place in 0..self.basis.len() {
            let BasisRow { row, settled } = self.basis[place];
            if settled.is_some() || self.inverse.column(place)[self.n_players] > POSITIVE {
                continue;
            }
            let complement = self.pool.complement(row);
            if self.pool.row(&complement).is_none()
                && let Some((value, weight)) = (self.constraint)(&complement)
            {
                let rest = self.point[..self.n_players].iter().sum::<f64>();
                let inside: f64 = self.pool.players(row).map(|player| self.point[player]).sum();
                let covered = rest - inside + weight * self.point[self.n_players];
                if value - covered > self.tolerance() {
                    added.push(self.pool.add(&complement, value, weight));
                }
            }
        }
        added
    }

    /// Computes the inverse and the point anew from the basis.
    fn refactor(&mut self, stage: usize) -> Result<()> {
        let size = self.n_players + 1;
        let mut matrix = vec![0.0; size * size];
        for (entries, basis_row) in matrix.chunks_exact_mut(size).zip(&self.basis) {
            for player in self.pool.players(basis_row.row) {
                entries[player] = 1.0;
            }
            entries[self.n_players] = basis_row.weight(&self.pool);
        }
        self.inverse = DenseBasis::invert(size, matrix)
            .ok_or_else(|| failure(stage, "the basis is singular"))?;
        self.point.fill(0.0);
        // What has left the basis no longer blurs the point.
        self.scale = self.levels.last().map_or(0.0, |level| level.scale);
        let mut magnitudes = vec![0.0; size];
        for (basis_row, column) in self.basis.iter().zip(self.inverse.columns()) {
            let value = basis_row.value(&self.pool);
            self.scale = self.scale.max(self.size(basis_row.row));
            for ((entry, magnitude), moved) in
                self.point.iter_mut().zip(&mut magnitudes).zip(column)
            {
                *entry += value * moved;
                *magnitude += (value * moved).abs();
            }
        }
        self.magnitude = magnitudes.into_iter().fold(0.0, f64::max);
        Ok(())
    }

    /// The rows that the point violates, and by how much.
    fn violated(&self, rows: &[usize]) -> Vec<(usize, f64)> {
        let sums = self.pool.byte_sums(self.allocation(), |a, b| a + b);
        let t = self.point[self.n_players];
        let tolerance = self.tolerance();
        rows.iter()
            .filter_map(|&row| {
                let covered = self.pool.sum(row, &sums, |a, b| a + b) + self.pool.weight(row) * t;
                let violation = self.pool.value(row) - covered;
                (violation > tolerance).then_some((row, violation))
            })
            .collect()
    }

    /// The row that enters the basis and its violation: the worst of the `candidates`, which are
    /// the worst rows of the last look at all `eligible` ones.
    fn entering(
        &self,
        eligible: &[usize],
        candidates: &mut Vec<usize>,
        bland: bool,
    ) -> Option<(usize, f64)> {
        if bland {
            return self.violated(eligible).into_iter().next();
        }
        // Of equal violations the first row is taken: the path, and with it the certificate, does not
        // depend on the unit of the values.
        let tolerance = self.tolerance();
        let worst_first =
            |&(row, violation): &(usize, f64)| (Reverse(steps(violation, tolerance)), row);
        let mut violated = self.violated(candidates);
        if violated.is_empty() {
            violated = self.violated(eligible);
            let keep = 2 * self.n_players;
            if violated.len() > keep {
                violated.select_nth_unstable_by_key(keep, worst_first);
                violated.truncate(keep);
            }
        }
        candidates.clear();
        candidates.extend(violated.iter().map(|&(row, _)| row));
        violated.into_iter().min_by_key(worst_first)
    }

    /// The combination of basis rows that gives another row.
    fn express(&self, row: &BasisRow) -> Vec<f64> {
        let players: Vec<usize> = self.pool.players(row.row).collect();
        let weight = row.weight(&self.pool);
        self.inverse
            .columns()
            .map(|column| {
                players.iter().map(|&player| column[player]).sum::<f64>()
                    + weight * column[self.n_players]
            })
            .collect()
    }

    /// The basis row whose weight drops to 0 first as the entering row's grows, and the growth.
    fn leaving(&self, coefficients: &[f64], bland: bool) -> Option<(usize, f64)> {
        let candidates = || {
            self.basis
                .iter()
                .zip(self.inverse.columns())
                .zip(coefficients)
                .enumerate()
                .filter(|(_, ((row, _), coefficient))| {
                    row.settled.is_none() && **coefficient > PIVOT
                })
                .map(|(place, ((row, column), &coefficient))| {
                    (place, row.row, column[self.n_players].max(0.0), coefficient)
                })
        };
        // Among the rows that reach 0 at nearly the same time, the largest pivot is the safest.
        let slack = if bland { 0.0 } else { 1e-12 };
        let step = candidates()
            .map(|(_, _, weight, coefficient)| (weight + slack) / coefficient)
            .min_by(f64::total_cmp)?;
        let near = candidates().filter(|&(_, _, weight, coefficient)| weight / coefficient <= step);
        let (place, _, weight, coefficient) = if bland {
            near.min_by_key(|&(_, row, _, _)| row)?
        } else {
            near.max_by(|a, b| a.3.total_cmp(&b.3))?
        };
        Some((place, weight / coefficient))
    }

    /// Settles the coalitions of positive weight and prepares the basis of the next level.
    fn settle(&mut self, stage: usize) -> Result<Level> {
        let t = self.point[self.n_players];
        let mut span = self.span.clone();
        let mut basis = self.basis.clone();
        let mut weights = Vec::new();
        let mut dependent = Vec::new();
        let mut unsettled = Vec::new();
        for (place, column) in self.inverse.columns().enumerate() {
            let BasisRow { row, settled } = self.basis[place];
            let weight = column[self.n_players];
            if settled.is_some() {
                continue;
            }
            if weight < -POSITIVE {
                return Err(failure(stage, "a weight is negative"));
            }
            if weight <= POSITIVE {
                unsettled.push(row);
                continue;
            }
            weights.push((row, weight));
            if span.insert(self.pool.members(row)) {
                let total = self.pool.value(row) - self.pool.weight(row) * t;
                basis[place].settled = Some(total);
            } else {
                dependent.push(place);
            }
        }
        // The positive weights balance: exactly one of their coalitions depends on the others.
        if dependent.len() != 1 || unsettled.len() + span.rank() != self.n_players {
            return Err(failure(stage, "the weights do not balance"));
        }
        let before = std::mem::replace(&mut self.span, span);
        let rows = self.pool.len();
        if let Some(row) = self.complement_of_best(&unsettled) {
            basis[dependent[0]] = BasisRow { row, settled: None };
        }
        let basis = std::mem::replace(&mut self.basis, basis);
        Ok(Level { t, weights, before, basis, rows, scale: self.scale })
    }

    /// The complement, added to the pool, of that row for which the two together bound the next
    /// level best: `t (w(S) + w(N - S)) >= v(S) + v(N - S) - v(N)`.
    fn complement_of_best(&mut self, rows: &[usize]) -> Option<usize> {
        let bounds: Vec<_> = rows
            .iter()
            .filter_map(|&row| {
                let complement = self.pool.complement(row);
                let (value, weight) = self.known(&complement)?;
                let bound = (self.pool.value(row) + value) / (self.pool.weight(row) + weight);
                Some((complement, value, weight, bound))
            })
            .collect();
        let best = bounds.iter().map(|bound| bound.3).fold(f64::NEG_INFINITY, f64::max);
        // Of those that rounding cannot tell apart the first.
        let equal = best - self.tolerance();
        if let Some((complement, value, weight, _)) = bounds.iter().find(|bound| bound.3 >= equal) {
            return Some(self.pool.add(complement, *value, *weight));
        }
        Some(self.assume(*rows.first()?))
    }

    /// Room to spare, in the unit of the values; in a game of zeros any will do.
    fn room(&self) -> f64 {
        if self.magnitude > 0.0 { self.magnitude } else { 1.0 }
    }

    /// A row for the complement of `row` whose value is below what the next level demands of it in
    /// any case, as `x_i + t >= v(i)` for players that are not settled and `t` does not grow.
    fn assume(&mut self, row: usize) -> usize {
        let complement = self.pool.complement(row);
        let functional = self.span.functional().expect("the span is not everything");
        let t = self.point[self.n_players];
        let mut value = t - self.room();
        let mut single = vec![0_u8; complement.len()];
        for player in 0..self.n_players {
            let bit = 1 << (player % 8);
            if complement[player / 8] & bit == 0 {
                continue;
            }
            value += if functional[player] == 0 {
                self.point[player]
            } else {
                single[player / 8] = bit;
                let (alone, weight) = self.known(&single).expect("singletons are known");
                single[player / 8] = 0;
                alone - weight * t
            };
        }
        self.pool.assume(&complement, value)
    }
}

fn failure(stage: usize, status: &str) -> Error {
    Error::Solver { stage: format!("level {stage}"), status: status.to_owned() }
}

#[cfg(test)]
mod tests;
