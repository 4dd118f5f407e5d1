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

use super::exchange_shape::{Point, Shape, sort};
use super::{Tariff, check_usable, is_usable, unusable};
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
pub(super) struct Rise {
    pub constant: f64,
    /// The slope to the right of it.
    pub slope: f64,
    /// Infinite at a limit.
    pub weight: f64,
    pub resource: u32,
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

    #[inline(always)]
    pub fn is_after_previous(&self) -> bool {
        self.cap == AFTER_PREVIOUS
    }

    /// Whether it is never below the one before, whatever a coalition brings.
    fn follows(&self, before: &Self) -> bool {
        self.is_after_previous()
            || (before.cap().is_none()
                && self.cap().is_none()
                && !before.is_after_previous()
                && self.resource == before.resource
                && self.constant >= before.constant)
    }

    #[inline(always)]
    pub fn cap(&self) -> Option<usize> {
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
    /// The largest finite slope of each step, in absolute value, without what is paid above caps.
    largest: Box<[f64]>,
    /// The largest of these slopes.
    highest: f64,
}

/// What steps have in common.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// Where its kinks are.
    rises: Range<usize>,
    /// The anchor among them, the slope left of it, and the least finite slope.
    pub anchor: usize,
    base: f64,
    pub lowest: f64,
    pub pattern: usize,
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
            largest: Box::default(),
            highest: 0.0,
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
        Ok(costs.with_largest())
    }

    /// With the largest slopes of all steps.
    fn with_largest(self) -> Self {
        let largest = |step: usize| {
            let Form { base, lowest, .. } = self.form(step);
            let uncapped = self.rises_of(step).iter().filter(|rise| rise.cap().is_none());
            let slopes = uncapped.map(|rise| rise.slope.abs());
            slopes.filter(|slope| slope.is_finite()).fold(base.abs().max(lowest.abs()), f64::max)
        };
        let largest: Box<[f64]> = (0..self.n_steps).map(largest).collect();
        let highest = largest.iter().copied().fold(0.0, f64::max);
        Self { largest, highest, ..self }
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
            .enumerate()
            .map(|(index, rise)| {
                let is_length = rise.is_after_previous() && rise.constant == 0.0;
                (rise.resource, is_length && rise.weight.is_finite() && index != place)
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

    /// The largest finite slope of all steps, in absolute value, without what is paid above caps.
    pub(super) fn highest(&self) -> f64 {
        self.highest
    }

    /// All money that could flow when batteries of the given powers move the kinks by `resources`.
    pub(super) fn turnover(&self, resources: &[f64], powers: f64) -> f64 {
        let rows: Vec<&[f64]> = resources.chunks_exact(self.n_steps).collect();
        let moved = |step: usize| rows.iter().map(|row| row[step].abs()).sum::<f64>();
        let steps = self.largest.iter().enumerate();
        steps.map(|(step, largest)| largest * (moved(step) + powers)).sum()
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

    /// Whether the finite kinks of each step are in order for every coalition, the anchor is one of them,
    /// and no slope is below `least`.
    pub(super) fn in_order(&self, least: f64) -> bool {
        self.forms.iter().all(|form| {
            let rises = &self.rises[form.rises.clone()];
            let finite = || rises.iter().filter(|rise| rise.weight < f64::INFINITY);
            form.lowest >= least
                && rises[form.anchor].weight < f64::INFINITY
                && finite().skip(1).zip(finite()).all(|(rise, before)| rise.follows(before))
        })
    }

    #[inline(always)]
    pub(super) fn rises_of(&self, step: usize) -> &[Rise] {
        &self.rises[self.form(step).rises.clone()]
    }

    #[inline(always)]
    pub(super) fn form(&self, step: usize) -> &Form {
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
            is_sorted: true,
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
            let is_length = rise.is_after_previous() && place != form.anchor;
            if MERGED && moved == 0.0 && is_length && weight < f64::INFINITY {
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
        shape.is_sorted = is_sorted;
        if !is_sorted {
            if MERGED {
                // Sums of other weights would be other bits than those of the prices later on.
                return self.shape::<false>(step, series, caps, active, points);
            }
            sort(points, shape.lowest);
        }
        shape
    }

    /// Adds the prices of what moves the kinks at the slope `slope` of the step: those of resources
    /// to `of_resources` and those of caps to `of_caps`; and returns what the constants are worth.
    ///
    /// `slope` may lie beyond the slopes of the step where a limit binds.
    pub(super) fn price_kinks(
        &self,
        step: usize,
        (shape, points): (&Shape, &[Point]),
        slope: f64,
        of_resources: &mut [f64],
        of_caps: &mut [f64],
    ) -> f64 {
        let mut constants = 0.0;
        let rises = self.rises_of(step);
        // A kink after others moves with all of them.
        let mut price = |place: usize, amount: f64| {
            for rise in rises[..=place].iter().rev() {
                constants += amount * rise.constant;
                let row = (rise.resource as usize).saturating_mul(self.n_steps);
                if let Some(of) = of_resources.get_mut(row.saturating_add(step)) {
                    *of += amount;
                }
                if let Some(cap) = rise.cap() {
                    of_caps[cap] += amount;
                }
                if !rise.is_after_previous() {
                    break;
                }
            }
        };
        let inside = shape.price_points(points, slope, |place, _, amount| price(place, amount));
        if let Some(place) = self.binding(step, slope - inside) {
            price(place, inside - slope);
        }
        constants
    }

    /// Shows the prices of caps at the slope `slope` of the step, and returns the least of
    /// `phi(x) - slope x`.
    #[inline]
    pub(super) fn price_caps(
        &self,
        step: usize,
        (shape, points): (&Shape, &[Point]),
        slope: f64,
        mut show: impl FnMut(usize, f64),
    ) -> f64 {
        let mut least = 0.0;
        let mut price = |place: usize, at: f64, amount: f64| {
            least += amount * at;
            if let Some(cap) = self.cap_at(step, place) {
                show(cap, amount);
            }
        };
        let inside = shape.price_points(points, slope, &mut price);
        if let Some(place) = self.binding(step, slope - inside) {
            price(place, if slope > inside { shape.upper } else { shape.lower }, inside - slope);
        }
        least
    }

    /// The place of the limit beyond which the slope is another one by `beyond`, if it is.
    #[inline]
    fn binding(&self, step: usize, beyond: f64) -> Option<usize> {
        if beyond == 0.0 {
            return None;
        }
        let mut rises = self.rises_of(step).iter();
        rises.position(|rise| {
            rise.weight == f64::INFINITY && rise.slope.is_finite() == (beyond < 0.0)
        })
    }

    /// The tariff, where a step has two prices for what passes 0 on the way up from minus the resource
    /// `net`, is dearer above caps by `prices`, and that is all.
    pub(super) fn two_prices(&self, net: usize, prices: &[f64]) -> Option<Tariff> {
        let is_plain = |rise: &Rise| {
            rise.constant == 0.0 && rise.resource as usize == net && !rise.is_after_previous()
        };
        let two = |step: usize| {
            let form = self.form(step);
            let (zero, above) = self.rises_of(step).split_first()?;
            let mut slope = zero.slope;
            let is_all = form.anchor == 0
                && form.base == form.lowest
                && zero.cap().is_none()
                && is_plain(zero)
                && slope.is_finite()
                && above.iter().all(|rise| {
                    slope += rise.cap().map_or(f64::NAN, |cap| prices[cap]);
                    is_plain(rise) && rise.slope == slope
                });
            is_all.then_some((form.base, zero.slope))
        };
        let (sell, buy) = (0..self.n_steps).map(two).collect::<Option<(Vec<_>, Vec<_>)>>()?;
        Tariff::new(buy, sell).ok()
    }

    /// The costs without caps: from a cap of 0 on the slope rises by `paid(cap, step)` instead, which is
    /// no more than what it rises by above the cap.
    pub(super) fn with_shares(&self, paid: impl Fn(usize, usize) -> f64) -> Self {
        let mut rises = Vec::with_capacity(self.n_steps * self.rises_of(0).len());
        let mut forms = Vec::with_capacity(self.n_steps);
        for step in 0..self.n_steps {
            let form = self.form(step);
            let mut left: Vec<f64> = (0..self.n_caps).map(|cap| paid(cap, step)).collect();
            let (begin, mut slope, mut base) = (rises.len(), form.lowest, form.base);
            for (place, rise) in self.rises_of(step).iter().enumerate() {
                if place == form.anchor && rise.weight < f64::INFINITY {
                    base = slope;
                }
                let mut new = *rise;
                if let Some(cap) = rise.cap() {
                    new.weight = left[cap].min(rise.weight);
                    new.cap = NOTHING;
                    left[cap] -= new.weight;
                }
                if rise.weight < f64::INFINITY {
                    slope += new.weight;
                    new.slope = slope;
                }
                rises.push(new);
            }
            forms.push(Form { rises: begin..rises.len(), base, ..form.clone() });
        }
        Self {
            n_steps: self.n_steps,
            n_resources: self.n_resources,
            n_caps: 0,
            form_of: (0..self.n_steps as u32).collect(),
            forms,
            rises,
            patterns: self.patterns.clone(),
            largest: Box::default(),
            highest: 0.0,
        }
        .with_largest()
    }

    /// The cap that moves a kink of a step, by itself or with the one that it comes after.
    #[inline]
    pub(super) fn cap_at(&self, step: usize, place: usize) -> Option<usize> {
        let rises = &self.rises_of(step)[..=place];
        rises.iter().rfind(|rise| !rise.is_after_previous()).and_then(Rise::cap)
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
