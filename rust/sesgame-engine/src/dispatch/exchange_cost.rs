//! What a coalition pays in a step as a function of what its battery exchanges: any convex
//! piecewise-linear function whose kinks are sums over the members.
//!
//! With slopes `p_0 <= .. <= p_K`, kinks `q_1, .., q_K` and an anchor `a` the cost of drawing `x` is
//!
//! `phi(x) = p_(a-1) (x - q_a) + sum over k >= a of w_k (x - q_k)+ + sum over k < a of w_k (q_k - x)+`
//!
//! with `w_k = p_k - p_(k-1)`. Where the kinks are in order, these are the slopes between them and
//! `phi(q_a) = 0`. Where they are not (a cap above the import limit, caps of windows that overlap),
//! it is a sum of hinges all the same, and convex. Slopes of minus and plus infinity are limits.
//!
//! The conjugate prices the kinks: `phi(x) = max over l of l x + sum over k of rho_k(l) q_k`, where
//! `l` is passed on to the hinges in the order of their kinks.

use std::collections::HashMap;
use std::ops::Range;

use super::{check_usable, is_usable, unusable};
use crate::error::{Error, Result};

/// Where a slope rises: `constant + caps[cap] + sum over members of their resource` in this step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kink {
    /// The part that belongs to nobody.
    pub constant: f64,
    /// Which of the members' resources it moves with.
    pub resource: Option<u32>,
    /// Which of the caps it moves with.
    pub cap: Option<u32>,
    /// Whether all that is the distance from the kink before.
    pub after_previous: bool,
}

/// No resource, or no cap.
const NOTHING: u32 = u32::MAX;
/// In place of a cap: at a distance from the kink before.
const AFTER_PREVIOUS: u32 = u32::MAX - 1;

/// A kink with what its slope rises by, packed: an evaluation reads all of them in each step.
#[derive(Debug, Clone, Copy)]
struct Rise {
    constant: f64,
    /// The slope to the right of it.
    slope: f64,
    /// Infinite at a limit.
    weight: f64,
    resource: u32,
    /// That of a kink that comes after the one before has no cap and says so.
    cap: u32,
}

impl Rise {
    fn new(kink: Kink, slope: f64, weight: f64) -> Self {
        Self {
            constant: kink.constant,
            slope,
            weight,
            resource: kink.resource.unwrap_or(NOTHING),
            cap: if kink.after_previous { AFTER_PREVIOUS } else { kink.cap.unwrap_or(NOTHING) },
        }
    }

    fn is_after_previous(&self) -> bool {
        self.cap == AFTER_PREVIOUS
    }

    fn cap(&self) -> Option<usize> {
        (self.cap < AFTER_PREVIOUS).then_some(self.cap as usize)
    }
}

/// The costs of all steps.
#[derive(Debug)]
pub struct ExchangeCosts {
    n_steps: usize,
    n_resources: usize,
    n_caps: usize,
    /// Steps of the same slopes, kinks and anchor have one form.
    form_of: Vec<u32>,
    forms: Vec<Form>,
    rises: Vec<Rise>,
    /// Which resources the kinks of a form move with, and whether a kink does not count while nobody
    /// brings its resource. Many forms have the same pattern.
    patterns: Vec<Vec<(u32, bool)>>,
}

/// What steps have in common.
#[derive(Debug, Clone)]
struct Form {
    /// Where its kinks are.
    rises: Range<usize>,
    /// The anchor among them, the slope left of it, and the least finite slope.
    anchor: usize,
    base: f64,
    lowest: f64,
    pattern: usize,
}

/// A finite kink of a coalition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub at: f64,
    /// The slope to the right of it.
    pub slope: f64,
    weight: f64,
    /// Its place among the kinks of the step.
    place: usize,
}

/// The cost of a step for one coalition, beside its points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Limits, which may be infinite.
    pub lower: f64,
    pub upper: f64,
    /// The slope left of all points.
    pub lowest: f64,
    base: f64,
    anchor_at: f64,
    anchor: usize,
}

impl ExchangeCosts {
    /// The costs of steps with the same number of kinks each: `slopes` holds a row of one more than
    /// `kinks` and `anchors` one number for each step. Equal slopes make a kink that does not count.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the numbers do not fit together, slopes fall, a number cannot be
    /// calculated with, or a kink names a resource or a cap that is not there; the step is named.
    pub fn new(
        slopes: &[f64],
        kinks: &[Kink],
        anchors: &[usize],
        n_resources: usize,
        n_caps: usize,
    ) -> Result<Self> {
        let n_steps = anchors.len();
        let width = kinks.len() / n_steps.max(1);
        if n_steps == 0 || width == 0 || kinks.len() != n_steps * width {
            return Err(Error::InvalidInput(
                "a dispatch needs at least one step and one kink in each".to_owned(),
            ));
        }
        if slopes.len() != n_steps * (width + 1) {
            return Err(Error::InvalidInput(format!(
                "there are {} slopes; {n_steps} steps of {width} kinks need {}",
                slopes.len(),
                n_steps * (width + 1)
            )));
        }
        let mut costs = Self {
            n_steps,
            n_resources,
            n_caps,
            form_of: Vec::with_capacity(n_steps),
            forms: Vec::new(),
            rises: Vec::new(),
            patterns: Vec::new(),
        };
        let mut known = HashMap::new();
        let rows = slopes.chunks_exact(width + 1).zip(kinks.chunks_exact(width)).zip(anchors);
        for (step, ((slopes, kinks), &anchor)) in rows.enumerate() {
            check_slopes(step, slopes)?;
            kinks.iter().try_for_each(|kink| check_kink(step, kink, n_resources, n_caps))?;
            if anchor >= width || slopes[anchor].is_infinite() || kinks[0].after_previous {
                return Err(Error::InvalidInput(format!(
                    "step {step}: the anchor is {anchor}; it must be one of {width} kinks with a \
                     finite slope to its left, and the first kink cannot come after another"
                )));
            }
            let next = costs.forms.len();
            let form = *known.entry(bits_of(slopes, kinks, anchor)).or_insert(next);
            if form == next {
                costs.add_form(slopes, kinks, anchor);
            }
            costs.form_of.push(form as u32);
        }
        Ok(costs)
    }

    fn add_form(&mut self, slopes: &[f64], kinks: &[Kink], anchor: usize) {
        let begin = self.rises.len();
        let mut place = 0;
        for (index, (&kink, slope)) in kinks.iter().zip(slopes.windows(2)).enumerate() {
            let counts = slope[0] != slope[1];
            let is_followed = kinks.get(index + 1).is_some_and(|next| next.after_previous);
            if index == anchor {
                place = self.rises.len() - begin;
            }
            if counts || is_followed || index == anchor {
                let weight = if counts { slope[1] - slope[0] } else { 0.0 };
                self.rises.push(Rise::new(kink, slope[1], weight));
            }
        }
        let pattern: Vec<(u32, bool)> = self.rises[begin..]
            .iter()
            .map(|rise| {
                let is_length = rise.is_after_previous() && rise.constant == 0.0;
                (rise.resource, is_length && rise.weight.is_finite())
            })
            .collect();
        let known = self.patterns.iter().position(|other| *other == pattern);
        self.forms.push(Form {
            rises: begin..self.rises.len(),
            anchor: place,
            base: slopes[anchor],
            lowest: slopes
                .iter()
                .copied()
                .find(|slope| slope.is_finite())
                .unwrap_or(slopes[anchor]),
            pattern: known.unwrap_or(self.patterns.len()),
        });
        if known.is_none() {
            self.patterns.push(pattern);
        }
    }

    /// The kinks of each pattern that count for a coalition; nobody in it brings a resource whose
    /// row is empty.
    pub(super) fn active(&self, series: &[&[f64]], active: &mut Vec<Vec<u32>>) {
        active.resize_with(self.patterns.len(), Vec::new);
        for (pattern, active) in self.patterns.iter().zip(active) {
            let counts = |&(resource, vanishes): &(u32, bool)| {
                !vanishes || series.get(resource as usize).is_some_and(|row| !row.is_empty())
            };
            active.clear();
            active.extend((0..).zip(pattern).filter(|(_, of)| counts(of)).map(|(index, _)| index));
        }
    }

    /// The number of steps.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        self.n_steps
    }

    /// The number of resources that kinks may move with.
    #[must_use]
    pub fn n_resources(&self) -> usize {
        self.n_resources
    }

    /// The number of caps.
    #[must_use]
    pub fn n_caps(&self) -> usize {
        self.n_caps
    }

    /// The largest finite slope of a step, in absolute value.
    fn largest(&self, step: usize) -> f64 {
        let Form { base, lowest, .. } = self.form(step);
        let slopes = self.rises_of(step).iter().map(|rise| rise.slope.abs());
        slopes.filter(|slope| slope.is_finite()).fold(base.abs().max(lowest.abs()), f64::max)
    }

    /// The largest finite slope of all steps, in absolute value.
    pub(super) fn highest(&self) -> f64 {
        (0..self.n_steps).map(|step| self.largest(step)).fold(0.0, f64::max)
    }

    /// All money that could flow when batteries of the given powers move the kinks by `resources`.
    pub(super) fn turnover(&self, resources: &[f64], powers: f64) -> f64 {
        let moved = |step| resources.iter().skip(step).step_by(self.n_steps).map(|at| at.abs());
        (0..self.n_steps).map(|step| self.largest(step) * (moved(step).sum::<f64>() + powers)).sum()
    }

    /// Refuses members who make a distance between two kinks negative; `resources` holds one row of
    /// numbers for each resource.
    pub(super) fn check_member(&self, member: usize, resources: &[f64]) -> Result<()> {
        for step in 0..self.n_steps {
            for rise in self.rises_of(step).iter().filter(|rise| rise.is_after_previous()) {
                let resource = rise.resource as usize;
                let length = resources.get(resource * self.n_steps + step).copied().unwrap_or(0.0);
                if length < 0.0 {
                    return Err(Error::InvalidInput(format!(
                        "step {step}: resource {resource} of member {member} is {length}; a \
                         distance between kinks must not be negative"
                    )));
                }
            }
        }
        Ok(())
    }

    fn rises_of(&self, step: usize) -> &[Rise] {
        &self.rises[self.form(step).rises.clone()]
    }

    fn form(&self, step: usize) -> &Form {
        &self.forms[self.form_of[step] as usize]
    }

    /// The cost of a step for the coalition with the given sums, its finite kinks in order; of the
    /// kinks only those that [`ExchangeCosts::active`] has told, and no rungs of length 0
    /// where `MERGED`: their prices are not asked for.
    #[inline]
    pub(super) fn shape<const MERGED: bool>(
        &self,
        step: usize,
        series: &[&[f64]],
        caps: &[f64],
        active: &[Vec<u32>],
        points: &mut Vec<Point>,
    ) -> Shape {
        points.clear();
        let form = self.form(step);
        let rises = &self.rises[form.rises.clone()];
        let mut shape = Shape {
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            lowest: form.lowest,
            base: form.base,
            anchor_at: 0.0,
            anchor: form.anchor,
        };
        let (mut at, mut last, mut is_sorted, mut next) = (0.0_f64, f64::NEG_INFINITY, true, 0);
        for &place in &active[form.pattern] {
            let place = place as usize;
            let rise = &rises[place];
            let Rise { slope, weight, .. } = *rise;
            let mut moved = rise.constant;
            if let Some(row) = series.get(rise.resource as usize) {
                moved += row.get(step).copied().unwrap_or(0.0);
            }
            if MERGED && moved == 0.0 && rise.is_after_previous() && weight < f64::INFINITY {
                continue;
            }
            if place != next {
                shape.pass(points, rises[place - 1].slope);
            }
            next = place + 1;
            if rise.is_after_previous() {
                at += moved;
            } else {
                at = moved + rise.cap().map_or(0.0, |cap| caps[cap]);
            }
            if place == form.anchor {
                shape.anchor_at = at;
            }
            if weight < f64::INFINITY {
                points.push(Point { at, slope, weight, place });
                is_sorted &= at >= last;
                last = at;
            } else if slope.is_finite() {
                shape.lower = at;
            } else {
                shape.upper = at;
            }
        }
        if next != rises.len() {
            shape.pass(points, rises[rises.len() - 1].slope);
        }
        if !is_sorted {
            sort(points, shape.lowest);
        }
        shape
    }

    /// Adds the prices of what moves the kinks at the slope `slope` of the step: those of resources
    /// to `of_resources`, where there is room, of caps to `of_caps`; and returns what the constants
    /// and the resources of the pool are worth.
    ///
    /// `slope` may lie beyond the slopes of the step where a limit binds.
    pub(super) fn price_kinks(
        &self,
        step: usize,
        (shape, points, series): (&Shape, &[Point], &[&[f64]]),
        slope: f64,
        of_resources: &mut [f64],
        of_caps: &mut [f64],
    ) -> (f64, f64) {
        let (mut constants, mut moved) = (0.0, 0.0);
        let lowest_inside = shape.slope_right_of(points, shape.lower);
        let inside = slope
            .max(lowest_inside)
            .min(shape.slope_left_of(points, shape.upper).max(lowest_inside));
        let rises = self.rises_of(step);
        // A kink after others moves with all of them.
        let mut price = |place: usize, amount: f64| {
            if amount == 0.0 {
                return;
            }
            for rise in rises[..=place].iter().rev() {
                constants += amount * rise.constant;
                if let Some(row) = series.get(rise.resource as usize) {
                    moved += amount * row[step];
                    if let Some(of) =
                        of_resources.get_mut(rise.resource as usize * self.n_steps + step)
                    {
                        *of += amount;
                    }
                }
                if let Some(cap) = rise.cap() {
                    of_caps[cap] += amount;
                }
                if !rise.is_after_previous() {
                    break;
                }
            }
        };
        price(shape.anchor, -shape.base);
        let mut before = shape.lowest;
        // Not `clamp`: sums of slopes may lie a rounding beyond the next.
        for point in points {
            // Not `clamp`: a sum of slopes may lie a rounding beyond the next slope.
            let share = inside.min(point.slope).max(before) - before;
            let rest = (point.slope - before) - share;
            price(point.place, if point.place < shape.anchor { rest } else { -share });
            before = point.slope;
        }
        for (place, rise) in rises.iter().enumerate() {
            if rise.weight.is_infinite() {
                let beyond = inside - slope;
                price(
                    place,
                    if rise.slope.is_finite() { beyond.max(0.0) } else { beyond.min(0.0) },
                );
            }
        }
        (constants, moved)
    }
}

/// What makes two steps alike.
fn bits_of(slopes: &[f64], kinks: &[Kink], anchor: usize) -> Vec<u64> {
    let index = |index: Option<u32>| index.map_or(u64::MAX, u64::from);
    let of_kinks = kinks.iter().flat_map(|kink| {
        let Kink { constant, resource, cap, after_previous } = *kink;
        [constant.to_bits(), index(resource), index(cap), after_previous.into()]
    });
    let slopes = slopes.iter().map(|slope| slope.to_bits());
    std::iter::once(anchor as u64).chain(slopes).chain(of_kinks).collect()
}

/// Puts points in order. What is right of the first few of the step has the bits of its slope.
#[cold]
fn sort(points: &mut [Point], lowest: f64) {
    let slopes: Vec<f64> = points.iter().map(|point| point.slope).collect();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| points[a].at.total_cmp(&points[b].at));
    let sorted: Vec<Point> = order.iter().map(|&index| points[index]).collect();
    points.copy_from_slice(&sorted);
    let (mut slope, mut furthest) = (lowest, 0);
    for (index, point) in points.iter_mut().enumerate() {
        furthest = furthest.max(order[index]);
        slope = if furthest == index { slopes[index] } else { slope + point.weight };
        point.slope = slope;
    }
}

impl Shape {
    /// Passes kinks that do not count, up to a slope.
    #[inline]
    fn pass(&mut self, points: &mut [Point], slope: f64) {
        match points.last_mut() {
            None => self.lowest = slope,
            Some(point) => {
                point.weight += slope - point.slope;
                point.slope = slope;
            }
        }
    }

    /// Whether there is an exchange within the limits that the powers reach. Limits that miss that
    /// by no more than `slack` are moved.
    #[inline]
    pub fn fit(&mut self, charge_power: f64, discharge_power: f64, slack: f64) -> bool {
        if self.lower > charge_power + slack
            || self.upper < -discharge_power - slack
            || self.lower > self.upper + slack
        {
            return false;
        }
        self.lower = self.lower.min(charge_power);
        self.upper = self.upper.max(-discharge_power).max(self.lower);
        true
    }

    /// The cost of an exchange within the limits.
    #[inline]
    pub fn value(&self, points: &[Point], exchange: f64) -> f64 {
        points.iter().fold(self.base * (exchange - self.anchor_at), |value, point| {
            let beyond =
                if point.place < self.anchor { point.at - exchange } else { exchange - point.at };
            value + point.weight * beyond.max(0.0)
        })
    }

    /// The slope just right of an exchange below the upper limit.
    fn slope_right_of(&self, points: &[Point], exchange: f64) -> f64 {
        points
            .iter()
            .take_while(|point| point.at <= exchange)
            .last()
            .map_or(self.lowest, |p| p.slope)
    }

    /// The slope just left of an exchange above the lower limit.
    fn slope_left_of(&self, points: &[Point], exchange: f64) -> f64 {
        points
            .iter()
            .take_while(|point| point.at < exchange)
            .last()
            .map_or(self.lowest, |p| p.slope)
    }

    /// The slopes at an exchange, from left to right; infinite at and beyond limits.
    pub fn slopes_at(&self, points: &[Point], exchange: f64) -> (f64, f64) {
        let left = if exchange > self.upper {
            f64::INFINITY
        } else if exchange <= self.lower {
            f64::NEG_INFINITY
        } else {
            self.slope_left_of(points, exchange)
        };
        let right = if exchange >= self.upper {
            f64::INFINITY
        } else if exchange < self.lower {
            f64::NEG_INFINITY
        } else {
            self.slope_right_of(points, exchange)
        };
        (left, right)
    }
}

/// Refuses slopes that are no slopes of a convex function.
fn check_slopes(step: usize, slopes: &[f64]) -> Result<()> {
    if let Some(slope) = slopes.iter().find(|slope| !slope.is_infinite() && !is_usable(**slope)) {
        return Err(unusable(&format!("a slope of step {step}"), *slope));
    }
    match slopes.windows(2).find(|pair| pair[0] > pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::InvalidInput(format!(
            "at step {step} the slope {} comes after {}; the slopes of a convex cost do not fall",
            pair[1], pair[0]
        ))),
    }
}

/// Refuses a kink of which a part is not there.
fn check_kink(step: usize, kink: &Kink, n_resources: usize, n_caps: usize) -> Result<()> {
    check_usable(&format!("a kink of step {step}"), &[kink.constant])?;
    for (what, index, count) in
        [("resource", kink.resource, n_resources), ("cap", kink.cap, n_caps)]
    {
        if let Some(index) = index.filter(|&index| index as usize >= count) {
            return Err(Error::InvalidInput(format!(
                "a kink of step {step} moves with {what} {index}; there are {count}"
            )));
        }
    }
    if kink.after_previous && (kink.constant < 0.0 || kink.cap.is_some()) {
        return Err(Error::InvalidInput(format!(
            "a kink of step {step} is {} after the one before; that must not be negative, and no cap \
             moves it",
            kink.constant
        )));
    }
    Ok(())
}
