//! The Shapley value of one step: `f(sum of the members' loads)`, `f` a threshold function.
//!
//! `phi_i` is the integral over `q` in `[0, 1]` of `D_i(q) = E f(X + x_i) - E f(X)`, where `X` is the sum of
//! the others' loads, each joining with probability `q` (Owen 1972). `D_i` is a polynomial, so a Gauss
//! rule integrates it; a node above 1/2 is one below 1/2 of the complements, with the threshold at
//! the total less the threshold. At a node the distribution of `X` is known by its characteristic
//! function, a product over the members, of which each member's own factor is divided out again.
//! Where it decays, few frequencies give all `D_i` directly. Where few members join it does not, and a
//! Fourier transform gives `E f(X + y)` for all `y` at once, of which an alternating series takes a
//! member out ([`LeaveOneOut`]).

use std::f64::consts::TAU;

use rustfft::num_complex::Complex64;

use super::leave_one_out::LeaveOneOut;
use super::load_lattice::LoadLattice;
use super::member_factors::{BLOCK, Complex, MemberFactors, TOGETHER, join, marginal};
use super::odd_transform::Transforms;
use super::plan::{Node, Plan, SPLIT_ERROR, Threshold};
use super::power_sums::{PowerSums, terms};
use super::small_coalitions::SmallCoalitions;
use super::tail_bound::range;
use super::threshold_function::ThresholdFunction;
use crate::error::Result;
use crate::progress::Progress;

/// Up to so many members all coalitions are enumerated.
const FEW: usize = 16;

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
/// [`crate::error::Error::InvalidInput`] for a jump when the loads have no common quantum,
/// [`crate::error::Error::Interrupted`].
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
            of_plan(&Plan::new(&loads, function, at, transforms)?, transforms, progress)?
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

/// The shares that a plan leads to.
fn of_plan(plan: &Plan, transforms: &Transforms, progress: &Progress) -> Result<Shares> {
    let kink = plan.function == ThresholdFunction::Kink;
    let mut values: Vec<f64> = plan.lattice.loads().map(|load| plan.linear * load).collect();
    for (&(doublings, ring), nodes) in &plan.groups {
        let group = Group {
            transforms,
            function: plan.function,
            lattice: &plan.lattice.scaled(doublings),
            ring,
            nodes,
        };
        let factor = if kink { 2.0_f64.powi(doublings) } else { 1.0 };
        for (value, share) in values.iter_mut().zip(group.shares(progress)?) {
            *value += factor * share;
        }
    }
    let cell = if kink { plan.lattice.cell } else { 1.0 };
    values.iter_mut().for_each(|value| *value *= cell);
    Ok(Shares { values, error: plan.error * cell })
}

/// The nodes of one ring.
struct Group<'a> {
    transforms: &'a Transforms,
    function: ThresholdFunction,
    lattice: &'a LoadLattice,
    ring: usize,
    nodes: &'a [Node],
}

/// Consecutive odd frequencies, the members' factors there, and how many of them each node asks for.
struct Block<'a> {
    first: usize,
    factors: MemberFactors<'a>,
    lengths: Vec<usize>,
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
            let asked = |node: &Node| node.frequencies.saturating_sub(first).min(length);
            let mut block = Block {
                first,
                factors: MemberFactors::new(self.lattice, self.ring, first, length),
                lengths: self.nodes.iter().map(asked).collect(),
            };
            let mut products = self.products(&mut block, &terms, power_sums.as_ref());
            progress.check()?;
            self.weigh(&block, &mut products, &mut spectra);
            self.add_directly(&mut block, &products, &mut values);
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

    /// For each node the product of all members' factors, from power sums where those are fewer.
    fn products(
        &self,
        block: &mut Block<'_>,
        terms: &[Option<usize>],
        power_sums: Option<&PowerSums>,
    ) -> Vec<Complex> {
        let ones = |&length: &usize| Complex::filled(1.0, length.next_multiple_of(8));
        let mut products: Vec<Complex> = block.lengths.iter().map(ones).collect();
        let mut by_member = Vec::new();
        for ((product, node), terms) in products.iter_mut().zip(self.nodes).zip(terms) {
            match (power_sums, *terms) {
                (Some(sums), Some(terms)) => sums.product(node.q, terms, block.first, product),
                _ if product.re.is_empty() => {}
                _ => by_member.push((product, node)),
            }
        }
        if !by_member.is_empty() {
            let members = self.lattice.cells.len();
            for first in (0..members).step_by(TOGETHER) {
                let polynomials = block.factors.symmetric(first..members.min(first + TOGETHER));
                for (product, node) in &mut by_member {
                    join(product, polynomials, node.q);
                }
            }
        }
        products
    }

    /// Turns products into coefficients of the expectation: they join the spectrum of a node that is
    /// transformed, and take on the phase of the thresholds of another one.
    fn weigh(&self, block: &Block<'_>, products: &mut [Complex], spectra: &mut [Vec<Complex64>]) {
        let longest = block.lengths.iter().copied().max().unwrap_or(0);
        let odd = |at: usize| 2 * (block.first + at) + 1;
        let coefficient = |at: usize| {
            let (re, im) = self.function.coefficient(odd(at), self.ring);
            Complex64::new(re, im) * self.lattice.rounding_off(odd(at), self.ring)
        };
        let coefficients: Vec<Complex64> = (0..longest).map(coefficient).collect();
        for (((product, node), &length), spectrum) in
            products.iter_mut().zip(self.nodes).zip(&block.lengths).zip(spectra)
        {
            product.re.truncate(length);
            product.im.truncate(length);
            for (at, &coefficient) in coefficients[..length].iter().enumerate() {
                let mut value = Complex64::new(product.re[at], product.im[at]) * coefficient;
                if node.by_transform {
                    spectrum.push(value);
                } else {
                    value *= self.phases(odd(at), node);
                    (product.re[at], product.im[at]) = (value.re, value.im);
                }
            }
            product.re.resize(length.next_multiple_of(8), 0.0);
            product.im.resize(length.next_multiple_of(8), 0.0);
        }
    }

    /// Adds what the frequencies of a block give of the nodes that are not transformed.
    fn add_directly(&self, block: &mut Block<'_>, products: &[Complex], values: &mut [f64]) {
        let direct: Vec<_> = products
            .iter()
            .zip(self.nodes)
            .filter(|(product, node)| !node.by_transform && !product.re.is_empty())
            .collect();
        if direct.is_empty() {
            return;
        }
        for (member, value) in values.iter_mut().enumerate() {
            let own = block.factors.of(member);
            for (product, node) in &direct {
                *value += node.weight * marginal(product, own, node.q);
            }
        }
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
        let transforms = Transforms::default();
        let plan = Plan::new(loads, function, at, &transforms).unwrap();
        of_plan(&plan, &transforms, &Progress::new()).unwrap()
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
