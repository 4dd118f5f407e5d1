//! The point of a polyhedron nearest to a target, by the dual method of Goldfarb and Idnani ("A
//! numerically stable dual method for solving strictly convex quadratic programs", 1983). Dense and
//! exact up to rounding: for hundreds of columns and thousands of rows.
//!
//! It starts at the target and takes up violated rows one by one; the rows held are independent. The
//! point is computed anew from the rows held, not carried along, so that it is as exact as they are
//! however far away the target lies.

use multiversion::multiversion;

use crate::error::Result;
use crate::progress::Progress;

/// A row `g x >= h`, or `g x = h`.
pub type Row = (Vec<f64>, f64);

/// What is left of a row that depends on others is a smaller part of it than this.
const DEPENDENT: f64 = 1e-10;
/// Of the largest `h`: violations of rows up to this count as none, where nobody says more.
const NO_VIOLATION: f64 = 1e-12;

/// The nearest point and what proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The point.
    pub point: Vec<f64>,
    /// One `u >= 0` for each row, positive only where `g x = h`, such that `x` is the target and the
    /// sum of all `u g` (the conditions of Karush, Kuhn and Tucker).
    pub multipliers: Vec<f64>,
    /// One for each equation, of any sign; a part of that sum.
    pub free: Vec<f64>,
}

/// The point nearest to the origin, or `None` when the polyhedron is empty.
#[must_use]
pub fn nearest_to_origin(rows: &[Row], n: usize) -> Option<Nearest> {
    let scale = rows.iter().map(|row| row.1.abs()).fold(0.0, f64::max);
    nearest(&vec![0.0; n], &[], rows, NO_VIOLATION * scale)
}

/// The point nearest to a target, or `None` when the polyhedron is empty.
///
/// All `g` are as long as `target`; those of the equations are independent. Violations of up to
/// `tolerance` count as none.
#[must_use]
pub fn nearest(target: &[f64], equations: &[Row], rows: &[Row], tolerance: f64) -> Option<Nearest> {
    let mut polyhedron = NearestPoint::new(target.to_vec(), equations);
    rows.iter().for_each(|row| polyhedron.add(row.clone()));
    // Nobody else holds this progress, so nothing interrupts it.
    polyhedron.solve(tolerance, &Progress::new()).ok().flatten()
}

/// A nearest point to which rows are added: it goes on from where it stood.
pub struct NearestPoint {
    target: Vec<f64>,
    n_equations: usize,
    rows: Vec<Row>,
    /// The length of each `g`.
    norms: Vec<f64>,
    /// The rows held, in the order of the basis behind the equations.
    held: Vec<usize>,
    is_held: Vec<bool>,
    basis: Orthogonal,
}

impl NearestPoint {
    /// No rows yet but equations, whose `g` are independent.
    #[must_use]
    pub fn new(target: Vec<f64>, equations: &[Row]) -> Self {
        let mut basis = Orthogonal::default();
        equations.iter().for_each(|(g, h)| basis.push(basis.parts(g), *h));
        Self {
            target,
            n_equations: equations.len(),
            rows: Vec::new(),
            norms: Vec::new(),
            held: Vec::new(),
            is_held: Vec::new(),
            basis,
        }
    }

    /// Demands one more row.
    pub fn add(&mut self, row: Row) {
        self.norms.push(norm(&row.0));
        self.rows.push(row);
        self.is_held.push(false);
    }

    /// The nearest point, or `None` when the polyhedron is empty. Violations of up to `tolerance`
    /// count as none.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`].
    pub fn solve(&mut self, tolerance: f64, progress: &Progress) -> Result<Option<Nearest>> {
        // Rows that are violated now are met before the others are looked at again. Each round ends at
        // a point farther away, so there are finitely many; the cap is against rounding.
        let mut violated: Vec<usize> = Vec::new();
        let mut walk = Walk::new(self.rows.len(), self.target.len());
        for _ in 0..10 * (self.rows.len() + self.target.len() + 1) {
            progress.check()?;
            let (point, multipliers) = self.basis.nearest(&self.target);
            walk.go_to(&point);
            let mut farthest = self.farthest(&violated, &mut walk, tolerance);
            if farthest.is_none() {
                violated = (0..self.rows.len())
                    .filter(|&row| self.violation(row, &mut walk, tolerance) > tolerance)
                    .collect();
                farthest = self.farthest(&violated, &mut walk, tolerance);
            }
            let Some(entering) = farthest else {
                let (free, positive) = multipliers.split_at(self.n_equations);
                let mut multipliers = vec![0.0; self.rows.len()];
                for (&row, &multiplier) in self.held.iter().zip(positive) {
                    multipliers[row] = f64::max(multiplier, 0.0);
                }
                return Ok(Some(Nearest { point, multipliers, free: free.to_vec() }));
            };
            if self.take_up(entering, point, &multipliers).is_none() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// How much the point of a walk is short of a row; nothing of one that is held, and of one that is
    /// known to be short of no more than `enough`.
    fn violation(&self, row: usize, walk: &mut Walk, enough: f64) -> f64 {
        if self.is_held[row] || walk.at_most(row) * self.norms[row] <= enough {
            return 0.0;
        }
        let (g, h) = &self.rows[row];
        let violation = h - product(g, &walk.point);
        walk.saw(row, violation / self.norms[row]);
        violation
    }

    /// Of some rows the one whose half-space is farthest away from the point, of equals the first.
    fn farthest(&self, rows: &[usize], walk: &mut Walk, tolerance: f64) -> Option<usize> {
        let mut worst = None;
        let mut farthest = 0.0;
        for &row in rows {
            if walk.at_most(row) <= farthest {
                continue;
            }
            let violation = self.violation(row, walk, tolerance);
            if violation > tolerance {
                let distance = violation / self.norms[row];
                if distance > farthest {
                    (worst, farthest) = (Some(row), distance);
                }
            }
        }
        worst
    }

    /// Lets a violated row be held; rows whose multipliers this would make negative are let go.
    /// `None` where the row contradicts those held.
    fn take_up(&mut self, entering: usize, mut point: Vec<f64>, multipliers: &[f64]) -> Option<()> {
        let (g, h) = self.rows[entering].clone();
        let mut positive: Vec<f64> =
            multipliers[self.n_equations..].iter().map(|value| value.max(0.0)).collect();
        let (mut rest, mut parts) = self.basis.parts(&g);
        loop {
            let coefficients = self.basis.combination(parts.clone());
            let coefficients = &coefficients[self.n_equations..];
            let first = positive
                .iter()
                .zip(coefficients)
                .enumerate()
                .filter(|(_, (_, coefficient))| **coefficient > DEPENDENT)
                .map(|(place, (multiplier, coefficient))| (place, multiplier / coefficient))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            let length = dot(&rest, &rest);
            let whole = (norm(&rest) > DEPENDENT * self.norms[entering])
                .then(|| (h - dot(&g, &point)) / length);
            let (place, step) = match (first, whole) {
                (None, None) => return None,
                (Some((place, step)), whole) if whole.is_none_or(|whole| step < whole) => {
                    (place, step)
                }
                _ => {
                    self.held.push(entering);
                    self.is_held[entering] = true;
                    self.basis.push((rest, parts), h);
                    return Some(());
                }
            };
            for (multiplier, coefficient) in positive.iter_mut().zip(coefficients) {
                *multiplier -= step * coefficient;
            }
            if whole.is_some() {
                point.iter_mut().zip(&rest).for_each(|(entry, moved)| *entry += step * moved);
            }
            positive.remove(place);
            self.is_held[self.held.remove(place)] = false;
            self.basis.remove(self.n_equations + place, (&mut rest, &mut parts));
        }
    }
}

/// A point on its way, and how far half-spaces may be away from it at most.
///
/// A distance changes by no more than the point moves: most rows need not be looked at again to know
/// that another is farther.
struct Walk {
    point: Vec<f64>,
    /// The distance of each row when it was last looked at, and how far the point had gone by then.
    seen: Vec<(f64, f64)>,
    travelled: f64,
    /// What rounding may make of a distance, of a path and of a product of `n` terms in each step.
    rounding: f64,
    largest: f64,
    steps: f64,
}

impl Walk {
    fn new(n_rows: usize, n: usize) -> Self {
        let seen = vec![(f64::INFINITY, 0.0); n_rows];
        let steps = (n + 2) as f64;
        Self { point: vec![0.0; n], seen, travelled: 0.0, rounding: 0.0, largest: 0.0, steps }
    }

    fn go_to(&mut self, point: &[f64]) {
        let moved: f64 = self.point.iter().zip(point).map(|(from, to)| (to - from).powi(2)).sum();
        self.point.copy_from_slice(point);
        self.travelled += moved.sqrt();
        self.largest = self.largest.max(norm(point));
        self.steps += 1.0;
        self.rounding = 4.0 * f64::EPSILON * self.steps * (self.travelled + self.largest);
    }

    fn saw(&mut self, row: usize, distance: f64) {
        self.seen[row] = (distance, self.travelled);
    }

    /// What the distance of a row is at most.
    fn at_most(&self, row: usize) -> f64 {
        let (distance, then) = self.seen[row];
        distance + (self.travelled - then) + self.rounding
    }
}

/// Independent rows `g x = h` as `Q R`: taken up by modified Gram-Schmidt, twice, let go by rotations.
#[derive(Default)]
struct Orthogonal {
    q: Vec<Vec<f64>>,
    /// The rows of `R` from the diagonal on; its column `j` expresses row `j` of the system.
    r: Vec<Vec<f64>>,
    h: Vec<f64>,
    /// How far along each direction all rows hold.
    along: Vec<f64>,
}

impl Orthogonal {
    /// Takes up a row whose [`Self::parts`] these are.
    fn push(&mut self, (mut rest, parts): (Vec<f64>, Vec<f64>), h: f64) {
        let length = norm(&rest);
        rest.iter_mut().for_each(|entry| *entry /= length);
        self.q.push(rest);
        self.along.push((h - dot(&parts, &self.along)) / length);
        self.r.iter_mut().zip(parts).for_each(|(row, part)| row.push(part));
        self.r.push(vec![length]);
        self.h.push(h);
    }

    /// Forgets a row. Each later column has one entry too many then, which turns it and the direction
    /// behind it into two others. What is left of a vector and its parts go along.
    fn remove(&mut self, place: usize, (rest, parts): (&mut [f64], &mut Vec<f64>)) {
        for (row, entries) in self.r[..=place].iter_mut().enumerate() {
            entries.remove(place - row);
        }
        self.h.remove(place);
        for j in place..self.h.len() {
            let (head, tail) = self.r.split_at_mut(j + 1);
            let (upper, lower) = (&mut head[j], &mut tail[0]);
            let length = upper[0].hypot(lower[0]);
            let turn = (upper[0] / length, lower[0] / length);
            rotate(upper, lower, turn);
            lower.remove(0);
            let (head, tail) = self.q.split_at_mut(j + 1);
            rotate(&mut head[j], &mut tail[0], turn);
            let (head, tail) = parts.split_at_mut(j + 1);
            rotate(&mut head[j..], &mut tail[..1], turn);
        }
        self.r.pop();
        let (direction, part) = (self.q.pop(), parts.pop());
        for (direction, part) in direction.iter().zip(part) {
            rest.iter_mut().zip(direction).for_each(|(entry, other)| *entry += part * other);
        }
        meet_rows(&self.r, &self.h, &mut self.along);
    }

    /// What is left of a vector outside the span, and its part along each direction.
    fn parts(&self, vector: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut rest = vector.to_vec();
        let mut parts = vec![0.0; self.q.len()];
        for _ in 0..2 {
            take_parts(&self.q, &mut rest, &mut parts);
        }
        (rest, parts)
    }

    /// The factors of the rows whose sum has these parts.
    fn combination(&self, mut parts: Vec<f64>) -> Vec<f64> {
        solve_upper(&self.r, &mut parts);
        parts
    }

    /// The point nearest to a target at which all rows hold, and the rows' multipliers.
    fn nearest(&self, target: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut point, inside) = if target.iter().all(|&entry| entry == 0.0) {
            (target.to_vec(), vec![0.0; self.q.len()])
        } else {
            self.parts(target)
        };
        if self.q.len() == target.len() {
            // All that is left is rounding.
            point.fill(0.0);
        }
        add_parts(&self.q, &self.along, &mut point);
        let moved = self.along.iter().zip(inside).map(|(a, b)| a - b).collect();
        (point, self.combination(moved))
    }
}

/// Takes from a vector what is along each of some directions, one after the other.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn take_parts(directions: &[Vec<f64>], rest: &mut [f64], parts: &mut [f64]) {
    for (direction, part) in directions.iter().zip(parts) {
        let along = dot(direction, rest);
        *part += along;
        for k in 0..rest.len().min(direction.len()) {
            rest[k] -= along * direction[k];
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn product(a: &[f64], b: &[f64]) -> f64 {
    dot(a, b)
}

/// Adds to a vector what is along each of some directions.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add_parts(directions: &[Vec<f64>], parts: &[f64], vector: &mut [f64]) {
    for (direction, part) in directions.iter().zip(parts) {
        for k in 0..vector.len().min(direction.len()) {
            vector[k] += part * direction[k];
        }
    }
}

/// Turns two vectors in their plane.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn rotate(a: &mut [f64], b: &mut [f64], (cosine, sine): (f64, f64)) {
    for k in 0..a.len().min(b.len()) {
        (a[k], b[k]) = (cosine * a[k] + sine * b[k], cosine * b[k] - sine * a[k]);
    }
}

/// Solves `R x = b` in place.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn solve_upper(r: &[Vec<f64>], b: &mut [f64]) {
    let mut j = r.len();
    while j > 0 {
        j -= 1;
        b[j] = (b[j] - dot(&r[j][1..], &b[j + 1..])) / r[j][0];
    }
}

/// How far along each direction all rows hold: solves `R' x = h`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn meet_rows(r: &[Vec<f64>], h: &[f64], along: &mut Vec<f64>) {
    along.clear();
    along.extend_from_slice(h);
    for (j, row) in r.iter().enumerate() {
        along[j] /= row[0];
        let (part, rest) = (along[j], &mut along[j + 1..]);
        for k in 0..rest.len().min(row.len() - 1) {
            rest[k] -= part * row[k + 1];
        }
    }
}

/// In eight sums side by side, which a processor adds at once.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    let mut at = 0;
    // Indices and no iterators, which would not be compiled for the processor of the caller.
    while at < a.len().min(b.len()) {
        for lane in 0..LANES {
            sums[lane] += a[at][lane] * b[at][lane];
        }
        at += 1;
    }
    let mut rest = 0.0;
    for k in 0..rest_a.len().min(rest_b.len()) {
        rest += rest_a[k] * rest_b[k];
    }
    rest + sums.iter().sum::<f64>()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(g: &[f64], h: f64) -> Row {
        (g.to_vec(), h)
    }

    #[test]
    fn one_half_space_is_met_along_its_normal() {
        let x = nearest_to_origin(&[row(&[1.0, 1.0], 6.0)], 2).unwrap().point;
        assert!((x[0] - 3.0).abs() < 1e-12 && (x[1] - 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_bound_pushes_the_rest_to_the_others() {
        let rows =
            [row(&[1.0, 1.0, 1.0], 9.0), row(&[-1.0, 0.0, 0.0], -1.0), row(&[0.0, 1.0, 0.0], 2.0)];
        let x = nearest_to_origin(&rows, 3).unwrap();
        for (found, expected) in x.point.iter().zip([1.0, 4.0, 4.0]) {
            assert!((found - expected).abs() < 1e-11);
        }
        // (1, 4, 4) = 4 (1, 1, 1) + 3 (-1, 0, 0).
        for (found, expected) in x.multipliers.iter().zip([4.0, 3.0, 0.0]) {
            assert!((found - expected).abs() < 1e-11);
        }
    }

    #[test]
    fn an_inner_origin_stays_and_an_empty_polyhedron_has_no_point() {
        let inner = nearest_to_origin(&[row(&[1.0], -1.0)], 1).unwrap();
        assert_eq!((inner.point, inner.multipliers), (vec![0.0], vec![0.0]));
        assert_eq!(nearest_to_origin(&[row(&[1.0], 2.0), row(&[-1.0], -1.0)], 1), None);
    }

    #[test]
    fn a_target_far_away_is_met_where_it_points() {
        // The triangle of positive shares of 1: a corner, and the middle of an edge.
        let all = [row(&[1.0; 3], 1.0)];
        let unit = |k: usize| row(&[0, 1, 2].map(|j| if j == k { 1.0 } else { 0.0 }), 0.0);
        let positive: Vec<Row> = (0..3).map(unit).collect();
        for far in [1.0, 1e6, 1e9] {
            let corner = nearest(&[far, 0.0, -far], &all, &positive, 1e-12).unwrap();
            let edge = nearest(&[far, far, 0.0], &all, &positive, 1e-12).unwrap();
            for (found, expected) in corner.point.iter().zip([1.0, 0.0, 0.0]) {
                assert!((found - expected).abs() < 1e-12, "{corner:?}");
            }
            for (found, expected) in edge.point.iter().zip([0.5, 0.5, 0.0]) {
                assert!((found - expected).abs() < 1e-15 * far, "{edge:?}");
            }
            // The point is the target and the sum of all rows times their multipliers.
            for (player, target) in [far, 0.0, -far].into_iter().enumerate() {
                let sum = target + corner.free[0] + corner.multipliers[player];
                assert!((sum - corner.point[player]).abs() < 1e-15 * far);
            }
        }
    }

    #[test]
    fn rows_that_turn_out_to_be_slack_are_let_go() {
        // Met in the order of their distance, the first row is none of the two that hold.
        let rows = [row(&[1.0, 1.0], 4.2), row(&[3.0, -1.0], 9.0), row(&[-1.0, 3.0], 1.0)];
        let x = nearest_to_origin(&rows, 2).unwrap();
        assert!((x.point[0] - 3.5).abs() < 1e-12 && (x.point[1] - 1.5).abs() < 1e-12, "{x:?}");
    }
}
