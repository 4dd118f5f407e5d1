//! The Shapley value of one step: `f(sum of the members' loads)`, `f` a threshold function.
//!
//! `phi_i` is the integral over `q` in `[0, 1]` of `D_i(q) = E f(X + x_i) - E f(X)`, where `X` is the sum of
//! the others' loads, each joining with probability `q` (Owen 1972). `D_i` is a polynomial, so a Gauss
//! rule integrates it; a node above 1/2 is one below 1/2 of the complements, with the threshold at
//! the total less the threshold. At a node the distribution of `X` is known by its characteristic
//! function, a product over the members, of which each member's own factor is divided out again. Where it decays, few frequencies
//! give all `D_i` directly. Where few members join it does not, and a Fourier transform gives
//! `E f(X + y)` for all `y` at once, of which an alternating series takes a member out
//! ([`LeaveOneOut`]).

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use rustfft::num_complex::Complex64;

use super::frequency_cutoff::Decay;
use super::leave_one_out::LeaveOneOut;
use super::load_lattice::LoadLattice;
use super::member_factors::{BLOCK, Complex, MemberFactors, TOGETHER, join, marginal};
use super::odd_transform::Transforms;
use super::power_sums::{PowerSums, terms};
use super::quadrature::Rule;
use super::small_coalitions::SmallCoalitions;
use super::tail_bound::{TAIL, TailBounds, range};
use super::threshold_function::ThresholdFunction;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Up to so many members every coalition is looked at.
const FEW: usize = 16;

/// Cells of a window: of loads that are multiples of a quantum, and of others.
const MOST_CELLS: f64 = (1 << 21) as f64;
const MOST_SPLIT_CELLS: f64 = (1 << 20) as f64;
const LEAST_SPLIT_CELLS: f64 = (1 << 16) as f64;

/// What a node's share may err by where loads have no quantum, in units of a load.
const SPLIT_ERROR: f64 = 2e-11;

/// Probability that is left out of sums, relative to what is summed.
const NEGLIGIBLE: f64 = 1e-12;

/// Time of a transform per point, of a table look-up, and of a marginal at one frequency, in one unit.
const TRANSFORM: f64 = 7.0;
const LOOK_UP: f64 = 5.0;
const MARGINAL: f64 = 0.6;

/// Members whose factors take as long as one power sum, and points of all transforms of them.
const MEMBERS_FOR_A_TERM: usize = 8;
const MOST_POINTS: usize = 1 << 26;

/// Shares of the members in one step, and what they err by at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// One number for each member.
    pub values: Vec<f64>,
    /// A bound of the error of each.
    pub error: f64,
}

/// The Shapley value of `f(sum of loads) - f(0)`.
///
/// # Errors
/// [`Error::InvalidInput`] for a jump when the loads have no common quantum,
/// [`Error::Interrupted`].
pub(super) fn shares(
    loads: &[f64],
    function: ThresholdFunction,
    at: f64,
    transforms: &Transforms,
    progress: &Progress,
) -> Result<Shares> {
    let (least, most) = range(loads);
    let mut values = vec![0.0; loads.len()];
    let mut error = 0.0;
    // f is linear over all coalitions?
    let low = at <= least;
    let high = if function == ThresholdFunction::Kink { at >= most } else { at > most };
    if low && function == ThresholdFunction::Kink {
        values.copy_from_slice(loads);
    } else if !low && !high {
        let present: Vec<usize> = (0..loads.len()).filter(|&j| loads[j] != 0.0).collect();
        let loads: Vec<f64> = present.iter().map(|&j| loads[j]).collect();
        let shares = if loads.len() <= FEW {
            of_few(&loads, function, at)
        } else {
            Step::new(&loads, function, at, transforms)?.shares(progress)?
        };
        for (&j, value) in present.iter().zip(shares.values) {
            values[j] = value;
        }
        error = shares.error;
    }
    Ok(Shares { values, error })
}

/// By the definition.
fn of_few(loads: &[f64], function: ThresholdFunction, at: f64) -> Shares {
    let n = loads.len();
    let mut sums = vec![0.0; 1 << n];
    for (j, load) in loads.iter().enumerate() {
        let (below, above) = sums.split_at_mut(1 << j);
        for (sum, below) in above.iter_mut().zip(below) {
            *sum = *below + load;
        }
    }
    let table: Vec<f64> =
        sums.iter().map(|&sum| function.value(sum, at) - function.value(0.0, at)).collect();
    let shapley = crate::shapley::semivalue::Semivalue::shapley(n);
    let values = crate::shapley::exact::semivalue(&table, &shapley, &Progress::new())
        .expect("a table of n players");
    Shares { values, error: 0.0 }
}

/// How many cells a window is divided into where loads have no quantum, so that errors stay near
/// [`SPLIT_ERROR`]; the window counts `scale` times the size of a load.
///
/// Where distributions are smooth, little is lost. A coalition errs by some fifth of a cell if its kink is
/// within a cell, and all those add up like random numbers to `cells^(-3/2) / 5` times the root
/// of the probability that two coalitions are the same. The smallest are corrected ([`SmallCoalitions`]).
fn split_cells(q: f64, n: f64, scale: f64) -> f64 {
    let stay = 1.0 - q;
    let none = stay.powf(2.0 * n);
    let one = n * (q / stay).powi(2) * none;
    let two = n * (n - 1.0) / 2.0 * (q / stay).powi(4) * none;
    let same = ((q * q + stay * stay).powf(n) - none - one).max(two);
    let cells = (scale * same.sqrt() / (5.0 * SPLIT_ERROR)).powf(2.0 / 3.0);
    cells.clamp(LEAST_SPLIT_CELLS, MOST_SPLIT_CELLS)
}

/// A threshold of one node and how its marginal contributions count.
#[derive(Debug, Clone, Copy)]
struct Threshold {
    at: f64,
    sign: f64,
}

/// A node of the rule on its ring.
#[derive(Debug)]
struct Node {
    q: f64,
    weight: f64,
    window: (f64, f64),
    thresholds: Vec<Threshold>,
    /// How many odd frequencies count.
    frequencies: usize,
    by_transform: bool,
}

/// Nodes whose lattice and ring are the same.
type Groups = BTreeMap<(i32, usize), Vec<Node>>;

struct Step<'a> {
    transforms: &'a Transforms,
    function: ThresholdFunction,
    at: f64,
    lattice: LoadLattice,
    total: f64,
    rule: Rule,
    groups: Groups,
    /// Shares that need no distribution: multiples of the load.
    linear: f64,
    /// In cells, or of 1 for a jump.
    error: f64,
}

impl<'a> Step<'a> {
    fn new(
        loads: &[f64],
        function: ThresholdFunction,
        at: f64,
        transforms: &'a Transforms,
    ) -> Result<Self> {
        let lattice = LoadLattice::new(loads);
        if function == ThresholdFunction::Jump && !lattice.exact {
            return Err(Error::InvalidInput(
                "the weights are not multiples of a common quantum, at least a millionth of the \
                 largest; their exact value is not within reach"
                    .into(),
            ));
        }
        let mut at = at / lattice.cell;
        if function == ThresholdFunction::Jump {
            at = (at - 1e-9 * at.abs().max(1.0)).ceil();
        }
        let mut step = Self {
            transforms,
            function,
            at,
            total: lattice.loads().sum(),
            rule: Rule::new(loads.len()),
            lattice,
            groups: Groups::new(),
            linear: 0.0,
            error: 0.0,
        };
        step.plan()?;
        Ok(step)
    }

    /// Decides for each node on which ring and by which frequencies it is worked out.
    fn plan(&mut self) -> Result<()> {
        let n = self.lattice.cells.len() as f64;
        let loads: Vec<f64> = self.lattice.loads().collect();
        let largest = self.lattice.most_cells() as f64;
        let rms = self.lattice.rms();
        let windows = TailBounds::new(&loads);
        let order = self.function.order();
        let unit = 1.0 / rms;
        // The smallest 1 - 2q of all nodes bounds what dividing a factor out can magnify.
        let magnified = self
            .rule
            .nodes
            .iter()
            .fold(2.0, |most: f64, node| most.max(2.0 / (1.0 - 2.0 * node.q)));
        let scale = if self.function == ThresholdFunction::Kink { rms } else { 1.0 };
        let exponent = (5.0 * rms.powf(order) / scale * magnified / NEGLIGIBLE).ln();
        let decay = Decay::new(&self.lattice, self.transforms);
        let mut cutoffs = BTreeMap::from([(0, decay.cutoff(exponent, unit, order))]);
        let mut decays = BTreeMap::from([(0, decay)]);
        self.error = self.rule.error
            * if self.function == ThresholdFunction::Kink { largest } else { 1.0 }
            + 2.0 * self.lattice.rounding
            + 2.0 * NEGLIGIBLE * scale;

        for node in std::mem::take(&mut self.rule.nodes) {
            let q = node.q;
            let variance = q * (1.0 - q);
            let window = windows.of(q);
            let mut thresholds = Vec::new();
            let reflected = match self.function {
                ThresholdFunction::Kink => {
                    // D_i(1 - q; at) = x_i - D_i(q; total - at)
                    self.linear += node.weight;
                    Threshold { at: self.total - self.at, sign: -1.0 }
                }
                ThresholdFunction::Jump => Threshold { at: self.total - self.at + 1.0, sign: 1.0 },
            };
            for threshold in [Threshold { at: self.at, sign: 1.0 }, reflected] {
                if threshold.at > window.1 + 2.0 * largest {
                    continue;
                }
                if threshold.at >= window.0 - 2.0 * largest {
                    thresholds.push(threshold);
                } else if self.function == ThresholdFunction::Kink {
                    self.linear += node.weight * threshold.sign;
                }
            }
            let width = window.1 - window.0 + 4.0 * largest + 8.0;
            self.error += node.weight * 4.0 * magnified * width * (-TAIL).exp();
            if thresholds.is_empty() {
                continue;
            }

            // Few frequencies on the finest lattice, or all of them on one that is not too fine.
            let odd_within = |ring: usize, frequency: f64| {
                ((ring as f64 * frequency / TAU + 1.0) / 2.0) as usize + 1
            };
            let ring_of = |width: f64| ((2.0 * width).ceil() as usize).next_power_of_two();
            let most_cells = if self.lattice.exact {
                MOST_CELLS
            } else {
                split_cells(q, n, node.weight * width / rms)
            };
            let finest = if self.lattice.exact { 0 } else { i32::MIN };
            let doublings = ((width / most_cells).log2().ceil() as i32).max(finest);
            let cells = 0.5_f64.powi(doublings);
            let ring = ring_of(width * cells);
            let series = (41.0 / ((1.0 - q) / q).ln()).min(width / rms) + 1.0;
            let by_transform =
                (TRANSFORM + MARGINAL * n / 16.0) * ring as f64 + LOOK_UP * n * series;
            let few = cutoffs[&0].frequency(variance).map(|w| odd_within(ring_of(width), w));
            let directly = few.map_or(f64::INFINITY, |few| 2.0 * MARGINAL * n * few as f64);
            if directly < by_transform {
                self.error += node.weight * decays[&0].stencil_error(&self.lattice, q);
                let ring = ring_of(width);
                let (frequencies, by_transform) = (few.unwrap_or(0).min(ring / 4), false);
                let node =
                    Node { q, weight: node.weight, window, thresholds, frequencies, by_transform };
                self.groups.entry((0, ring)).or_default().push(node);
                continue;
            }
            if doublings > 0 && self.function == ThresholdFunction::Jump {
                return Err(Error::InvalidInput(format!(
                    "the weights are too many quanta: coalitions spread over {width:.0} of them, and \
                     at most {MOST_CELLS:.0} are possible"
                )));
            }
            let lattice = self.lattice.scaled(doublings);
            let decay =
                decays.entry(doublings).or_insert_with(|| Decay::new(&lattice, self.transforms));
            let cutoff = cutoffs
                .entry(doublings)
                .or_insert_with(|| decay.cutoff(exponent, unit / cells, order));
            let frequencies =
                cutoff.frequency(variance).map_or(ring / 4, |w| odd_within(ring, w).min(ring / 4));
            self.error += node.weight * decay.stencil_error(&lattice, q) / cells;
            for threshold in &mut thresholds {
                threshold.at *= cells;
            }
            let window = (window.0 * cells, window.1 * cells);
            let node = Node {
                q,
                weight: node.weight,
                window,
                thresholds,
                frequencies,
                by_transform: true,
            };
            self.groups.entry((doublings, ring)).or_default().push(node);
        }
        Ok(())
    }

    fn shares(self, progress: &Progress) -> Result<Shares> {
        let loads: Vec<f64> = self.lattice.loads().collect();
        let mut values: Vec<f64> = loads.iter().map(|load| self.linear * load).collect();
        for ((doublings, ring), nodes) in &self.groups {
            let group = Group {
                transforms: self.transforms,
                function: self.function,
                lattice: &self.lattice.scaled(*doublings),
                ring: *ring,
                nodes,
            };
            let factor = if self.function == ThresholdFunction::Kink {
                2.0_f64.powi(*doublings)
            } else {
                1.0
            };
            for (value, share) in values.iter_mut().zip(group.shares(progress)?) {
                *value += factor * share;
            }
        }
        let cell = if self.function == ThresholdFunction::Kink { self.lattice.cell } else { 1.0 };
        values.iter_mut().for_each(|value| *value *= cell);
        Ok(Shares { values, error: self.error * cell })
    }
}

/// The nodes of one ring.
struct Group<'a> {
    transforms: &'a Transforms,
    function: ThresholdFunction,
    lattice: &'a LoadLattice,
    ring: usize,
    nodes: &'a [Node],
}

impl Group<'_> {
    /// The weighted sum over the nodes and thresholds of the marginal contributions.
    fn shares(&self, progress: &Progress) -> Result<Vec<f64>> {
        let mut values = vec![0.0; self.lattice.cells.len()];
        let most = self.nodes.iter().map(|node| node.frequencies).max().unwrap_or(0);
        let mut spectra: Vec<Vec<Complex64>> = vec![Vec::new(); self.nodes.len()];
        let terms = self.terms();
        let most_terms = terms.iter().flatten().copied().max().unwrap_or(0);
        let power_sums = (most_terms > 0).then(|| {
            PowerSums::new(self.lattice, &self.transforms.of(self.ring), self.ring, most_terms)
        });
        for first in (0..most).step_by(BLOCK) {
            let length = BLOCK.min(most - first);
            let mut factors = MemberFactors::new(self.lattice, self.ring, first, length);
            let coefficient = |k: usize| {
                let (re, im) = self.function.coefficient(2 * k + 1, self.ring);
                Complex64::new(re, im) * self.lattice.rounding_off(2 * k + 1, self.ring)
            };
            let coefficients: Vec<Complex64> = (first..first + length).map(coefficient).collect();
            let lengths: Vec<usize> = self
                .nodes
                .iter()
                .map(|node| node.frequencies.saturating_sub(first).min(length))
                .collect();
            let mut products: Vec<Complex> = lengths
                .iter()
                .map(|&length| Complex::filled(1.0, length.next_multiple_of(8)))
                .collect();
            for ((product, node), terms) in products.iter_mut().zip(self.nodes).zip(&terms) {
                if let (Some(sums), Some(terms)) = (&power_sums, *terms) {
                    sums.product(node.q, terms, first, product);
                }
            }
            let mut by_member: Vec<_> = products
                .iter_mut()
                .zip(self.nodes)
                .zip(&terms)
                .filter(|((product, _), terms)| terms.is_none() && !product.re.is_empty())
                .map(|(pair, _)| pair)
                .collect();
            if !by_member.is_empty() {
                for first in (0..values.len()).step_by(TOGETHER) {
                    let polynomials = factors.symmetric(first..values.len().min(first + TOGETHER));
                    for (product, node) in &mut by_member {
                        join(product, polynomials, node.q);
                    }
                }
            }
            progress.check()?;
            for (((product, node), length), spectrum) in
                products.iter_mut().zip(self.nodes).zip(lengths).zip(&mut spectra)
            {
                product.re.truncate(length);
                product.im.truncate(length);
                for (at, &coefficient) in coefficients[..length].iter().enumerate() {
                    let mut value = Complex64::new(product.re[at], product.im[at]) * coefficient;
                    if node.by_transform {
                        spectrum.push(value);
                    } else {
                        value *= self.phases(2 * (first + at) + 1, node);
                        (product.re[at], product.im[at]) = (value.re, value.im);
                    }
                }
                product.re.resize(length.next_multiple_of(8), 0.0);
                product.im.resize(length.next_multiple_of(8), 0.0);
            }
            let direct: Vec<_> =
                products.iter().zip(self.nodes).filter(|(_, node)| !node.by_transform).collect();
            if direct.iter().any(|(product, _)| !product.re.is_empty()) {
                for (member, value) in values.iter_mut().enumerate() {
                    let own = factors.of(member);
                    for (product, node) in &direct {
                        *value += node.weight * marginal(product, own, node.q);
                    }
                }
            }
            progress.check()?;
        }
        for (node, spectrum) in self.nodes.iter().zip(spectra) {
            if node.by_transform {
                self.add_by_transform(node, &spectrum, &mut values);
                progress.check()?;
            } else if self.function == ThresholdFunction::Kink {
                // The wave is |x| = 2 max(x, 0) - x.
                let half: f64 = node.thresholds.iter().map(|threshold| threshold.sign / 2.0).sum();
                for (value, load) in values.iter_mut().zip(self.lattice.loads()) {
                    *value += node.weight * half * load;
                }
            }
        }
        Ok(values)
    }

    /// For each node how many power sums stand in for the product over the members, if fewer do.
    fn terms(&self) -> Vec<Option<usize>> {
        let members = self.lattice.cells.len();
        let most = (members / MEMBERS_FOR_A_TERM).min(MOST_POINTS / self.ring);
        let terms = |node: &Node| terms(node.q, members as f64, most);
        let many = |node: &&Node| node.by_transform && node.frequencies > self.ring / 64;
        self.nodes.iter().map(|node| Some(node).filter(many).and_then(terms)).collect()
    }

    /// The sum over thresholds of `sign exp(-i w at)`, between two cells interpolated.
    fn phases(&self, m: usize, node: &Node) -> Complex64 {
        let angle = |cells: f64| {
            let turns = (m as i128 * cells as i128).rem_euclid(self.ring as i128);
            let angle = -TAU * turns as f64 / self.ring as f64;
            Complex64::cis(angle)
        };
        let phase = |threshold: &Threshold| {
            let (first, weights) = self.lattice.between(threshold.at - threshold.at.floor());
            let cells = threshold.at.floor() + first as f64;
            let terms = weights.into_iter().zip(0..);
            threshold.sign
                * terms.map(|(weight, up)| weight * angle(cells + f64::from(up))).sum::<Complex64>()
        };
        node.thresholds.iter().map(phase).sum()
    }

    fn add_by_transform(&self, node: &Node, spectrum: &[Complex64], values: &mut [f64]) {
        let expectation = Expectation {
            function: self.function,
            wave: self.transforms.of(self.ring).wave(spectrum),
            low: node.window.0.floor() as i64 - 1,
            high: node.window.1.ceil() as i64 + 1,
            mean: node.q * self.lattice.loads().sum::<f64>(),
        };
        let leave_one_out = LeaveOneOut::new(self.lattice, self.function, node.q);
        let loads: Vec<f64> = self.lattice.loads().collect();
        let small_coalitions = (self.function == ThresholdFunction::Kink && !self.lattice.exact)
            .then(|| {
                SmallCoalitions::new(
                    self.lattice,
                    node.q,
                    SPLIT_ERROR * self.lattice.rms() / node.weight,
                )
            });
        for threshold in &node.thresholds {
            let weight = node.weight * threshold.sign;
            for (member, value) in values.iter_mut().enumerate() {
                let marginal = leave_one_out.marginal(
                    |threshold| expectation.at_cell(threshold),
                    (expectation.low as f64, expectation.high as f64),
                    threshold.at,
                    loads[member],
                );
                *value += weight * marginal;
                if let Some(small_coalitions) = &small_coalitions {
                    *value +=
                        weight * small_coalitions.correction(&leave_one_out, threshold.at, member);
                }
            }
        }
    }
}

/// `E f(X)` by the cell of the threshold of `f`, `X` the sum of all who join.
struct Expectation {
    function: ThresholdFunction,
    wave: Vec<f64>,
    low: i64,
    high: i64,
    mean: f64,
}

impl Expectation {
    #[inline]
    fn at_cell(&self, threshold: i64) -> f64 {
        if threshold >= self.high {
            return 0.0;
        }
        let ring = self.wave.len();
        let wave = || self.wave[threshold as usize & (ring - 1)];
        match self.function {
            ThresholdFunction::Kink if threshold <= self.low => self.mean - threshold as f64,
            ThresholdFunction::Kink => {
                (self.mean - threshold as f64 + ring as f64 / 4.0) / 2.0 + wave()
            }
            ThresholdFunction::Jump if threshold <= self.low => 1.0,
            ThresholdFunction::Jump => 0.5 + wave(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition.
    fn by_enumeration(loads: &[f64], function: ThresholdFunction, at: f64) -> Vec<f64> {
        of_few(loads, function, at).values
    }

    fn by_integral(loads: &[f64], function: ThresholdFunction, at: f64) -> Shares {
        Step::new(loads, function, at, &Transforms::default())
            .unwrap()
            .shares(&Progress::new())
            .unwrap()
    }

    fn pseudo(seed: u64, n: usize) -> Vec<f64> {
        (0..n as u64)
            .map(|k| {
                let mut z = (seed << 32 | k).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                (z >> 11) as f64 / (1_u64 << 53) as f64 - 0.45
            })
            .collect()
    }

    #[test]
    fn integer_loads_agree_with_enumeration() {
        for n in [1, 2, 3, 7, 12, 16] {
            for function in [ThresholdFunction::Kink, ThresholdFunction::Jump] {
                for at in [0.0, 7.0, -31.0, 2.5] {
                    let loads: Vec<f64> =
                        pseudo(n as u64, n).iter().map(|x| (100.0 * x).round() + 0.0).collect();
                    let exact = by_enumeration(&loads, function, at);
                    let shares = by_integral(&loads, function, at);
                    assert!(shares.error < 1e-8, "{n} {}", shares.error);
                    for (fast, slow) in shares.values.iter().zip(&exact) {
                        assert!(
                            (fast - slow).abs() < 1e-10,
                            "{n} {function:?} {at}: {fast} {slow}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn real_loads_agree_with_enumeration_within_the_bound() {
        for n in [5, 16, 20] {
            let loads = pseudo(n as u64, n);
            let exact = by_enumeration(&loads, ThresholdFunction::Kink, 0.0);
            let shares = by_integral(&loads, ThresholdFunction::Kink, 0.0);
            let worst = shares
                .values
                .iter()
                .zip(&exact)
                .map(|(fast, slow)| (fast - slow).abs())
                .fold(0.0, f64::max);
            assert!(worst <= shares.error && shares.error < 1e-4, "{worst} {}", shares.error);
        }
    }

    #[test]
    fn many_members_share_out_what_there_is() {
        for (n, quantum) in [(150, Some(0.01)), (150, None), (700, Some(0.02))] {
            let mut loads = pseudo(3, n);
            if let Some(quantum) = quantum {
                loads.iter_mut().for_each(|x| *x = (*x / quantum).round() * quantum);
            }
            let shares = by_integral(&loads, ThresholdFunction::Kink, 0.0);
            let total: f64 = loads.iter().sum();
            let gap = (shares.values.iter().sum::<f64>() - total.max(0.0)).abs();
            assert!(gap <= n as f64 * shares.error + 1e-11, "{n} {gap:e} {:e}", shares.error);
            // Without a quantum the bound, in the worst case over all loads, is far above the error.
            assert!(shares.error < if quantum.is_some() { 1e-10 } else { 2e-5 });
            assert!(gap < 1e-8, "{gap:e}");
        }
    }
}
