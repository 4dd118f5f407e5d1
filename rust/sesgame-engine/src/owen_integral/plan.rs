//! Which node of the quadrature is evaluated how: on which lattice and ring, and by which frequencies.
//!
//! Where the characteristic function of a node decays, few frequencies on the finest lattice give all
//! marginal contributions directly. Where few members join it does not, and a transform of all
//! frequencies is cheaper, on a lattice as coarse as the error allows.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use super::frequency_cutoff::{Cutoff, Decay};
use super::load_lattice::LoadLattice;
use super::odd_transform::Transforms;
use super::quadrature::{self, Rule};
use super::tail_bound::{TAIL, TailBounds};
use super::threshold_function::ThresholdFunction;
use crate::error::{Error, Result};

/// Cells of a window: of loads that are multiples of a quantum, and of others.
const MOST_CELLS: f64 = (1 << 21) as f64;
const MOST_SPLIT_CELLS: f64 = (1 << 20) as f64;
const LEAST_SPLIT_CELLS: f64 = (1 << 16) as f64;

/// What a node's share may err by where loads have no quantum, in units of a load.
pub const SPLIT_ERROR: f64 = 2e-11;

/// Probability that is left out of sums, relative to what is summed.
const NEGLIGIBLE: f64 = 1e-12;

/// Time of a transform per point, of a table look-up, and of a marginal at one frequency, in one unit.
const TRANSFORM: f64 = 7.0;
const LOOK_UP: f64 = 5.0;
const MARGINAL: f64 = 0.6;

/// A threshold of one node and how its marginal contributions count.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    pub at: f64,
    pub sign: f64,
}

/// A node of the rule on its ring.
#[derive(Debug)]
pub struct Node {
    pub q: f64,
    pub weight: f64,
    pub window: (f64, f64),
    pub thresholds: Vec<Threshold>,
    /// How many odd frequencies count.
    pub frequencies: usize,
    pub by_transform: bool,
}

/// How the nodes of one step are evaluated.
#[derive(Debug)]
pub struct Plan {
    pub function: ThresholdFunction,
    /// The finest lattice.
    pub lattice: LoadLattice,
    /// The nodes by the doublings of the lattice's cells and by their ring.
    pub groups: BTreeMap<(i32, usize), Vec<Node>>,
    /// Shares that need no distribution: multiples of the load.
    pub linear: f64,
    /// In cells, or of 1 for a jump.
    pub error: f64,
}

impl Plan {
    /// The plan for loads of which none is 0.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a jump when the loads have no common quantum, or too many quanta.
    pub fn new(
        loads: &[f64],
        function: ThresholdFunction,
        at: f64,
        transforms: &Transforms,
    ) -> Result<Self> {
        // A jump is exact or not at all: which side of it a sum is on must not depend on rounding.
        let lattice = match function {
            ThresholdFunction::Kink => LoadLattice::new(loads),
            ThresholdFunction::Jump => LoadLattice::of_whole_numbers(loads).ok_or_else(|| {
                Error::InvalidInput(
                    "the weights are not multiples of a common quantum, at least a millionth of \
                     the largest; their exact value is not within reach"
                        .into(),
                )
            })?,
        };
        let mut at = at / lattice.cell;
        if function == ThresholdFunction::Jump {
            at = at.ceil();
        }
        let rule = Rule::new(loads.len());
        let mut planner = Planner::new(lattice, function, at, &rule, transforms);
        for node in rule.nodes {
            planner.add(node)?;
        }
        Ok(planner.plan)
    }
}

/// A lattice, and which frequencies count on it.
struct Resolution {
    lattice: LoadLattice,
    decay: Decay,
    cutoff: Cutoff,
}

/// A plan in the making, with what all nodes have in common.
struct Planner<'a> {
    plan: Plan,
    at: f64,
    transforms: &'a Transforms,
    tail_bounds: TailBounds,
    /// The sum of all loads, the most cells of one, and their root mean square, in cells.
    total: f64,
    largest: f64,
    rms: f64,
    /// What dividing a factor out can magnify.
    magnified: f64,
    /// Frequencies count while the characteristic function may be above `exp(-exponent)`.
    exponent: f64,
    /// By the doublings of the finest lattice's cells.
    resolutions: BTreeMap<i32, Resolution>,
}

impl<'a> Planner<'a> {
    fn new(
        lattice: LoadLattice,
        function: ThresholdFunction,
        at: f64,
        rule: &Rule,
        transforms: &'a Transforms,
    ) -> Self {
        let loads: Vec<f64> = lattice.loads().collect();
        let (largest, rms) = (lattice.most_cells() as f64, lattice.rms());
        // The smallest 1 - 2q of all nodes bounds it.
        let magnified =
            rule.nodes.iter().fold(2.0, |most: f64, node| most.max(2.0 / (1.0 - 2.0 * node.q)));
        let scale = if function == ThresholdFunction::Kink { rms } else { 1.0 };
        let exponent = (5.0 * rms.powf(function.order()) / scale * magnified / NEGLIGIBLE).ln();
        let error = rule.error * if function == ThresholdFunction::Kink { largest } else { 1.0 }
            + 2.0 * lattice.rounding
            + 2.0 * NEGLIGIBLE * scale;
        Self {
            at,
            transforms,
            tail_bounds: TailBounds::new(&loads),
            total: loads.iter().sum(),
            largest,
            rms,
            magnified,
            exponent,
            resolutions: BTreeMap::new(),
            plan: Plan { function, lattice, groups: BTreeMap::new(), linear: 0.0, error },
        }
    }

    /// Decides how a node is evaluated.
    fn add(&mut self, quadrature::Node { q, weight }: quadrature::Node) -> Result<()> {
        let window = self.tail_bounds.of(q);
        let thresholds = self.thresholds(weight, window);
        let width = window.1 - window.0 + 4.0 * self.largest + 8.0;
        self.plan.error += weight * 4.0 * self.magnified * width * (-TAIL).exp();
        if thresholds.is_empty() {
            return Ok(());
        }
        let node = Node { q, weight, window, thresholds, frequencies: 0, by_transform: false };
        // Few frequencies on the finest lattice, or all of them on one that is not too fine.
        let members = self.plan.lattice.cells.len() as f64;
        let few = self.frequencies(0, ring_of(width), q);
        let doublings = self.doublings(&node, width);
        let ring = ring_of(width * 0.5_f64.powi(doublings));
        let series = (41.0 / ((1.0 - q) / q).ln()).min(width / self.rms) + 1.0;
        let by_transform =
            (TRANSFORM + MARGINAL * members / 16.0) * ring as f64 + LOOK_UP * members * series;
        if let Some(few) = few
            && 2.0 * MARGINAL * members * (few as f64) < by_transform
        {
            self.add_directly(node, ring_of(width), few);
            return Ok(());
        }
        if doublings > 0 && self.plan.function == ThresholdFunction::Jump {
            return Err(Error::InvalidInput(format!(
                "the weights are too many quanta: coalitions spread over {width:.0} of them, and \
                 at most {MOST_CELLS:.0} are possible"
            )));
        }
        self.add_by_transform(node, ring, doublings);
        Ok(())
    }

    /// The thresholds of a node and of its reflection at 1/2 that are within reach of a window; those
    /// below it count as linear.
    fn thresholds(&mut self, weight: f64, window: (f64, f64)) -> Vec<Threshold> {
        let kink = self.plan.function == ThresholdFunction::Kink;
        let reflected = if kink {
            // D_i(1 - q; at) = x_i - D_i(q; total - at)
            self.plan.linear += weight;
            Threshold { at: self.total - self.at, sign: -1.0 }
        } else {
            Threshold { at: self.total - self.at + 1.0, sign: 1.0 }
        };
        let mut within = Vec::new();
        for threshold in [Threshold { at: self.at, sign: 1.0 }, reflected] {
            if threshold.at > window.1 + 2.0 * self.largest {
                continue;
            }
            if threshold.at >= window.0 - 2.0 * self.largest {
                within.push(threshold);
            } else if kink {
                self.plan.linear += weight * threshold.sign;
            }
        }
        within
    }

    /// How often cells may double for a transform of a window of this width, or have to.
    fn doublings(&self, node: &Node, width: f64) -> i32 {
        let lattice = &self.plan.lattice;
        let (most_cells, finest) = if lattice.exact {
            (MOST_CELLS, 0)
        } else {
            let scale = node.weight * width / self.rms;
            (split_cells(node.q, lattice.cells.len() as f64, scale), i32::MIN)
        };
        ((width / most_cells).log2().ceil() as i32).max(finest)
    }

    /// How many odd frequencies of a ring count, where the lattice's cells double so often; `None`
    /// when all do.
    fn frequencies(&mut self, doublings: i32, ring: usize, q: f64) -> Option<usize> {
        let frequency = self.resolution(doublings).cutoff.frequency(q * (1.0 - q))?;
        Some(((ring as f64 * frequency / TAU + 1.0) / 2.0) as usize + 1)
    }

    fn resolution(&mut self, doublings: i32) -> &Resolution {
        self.resolutions.entry(doublings).or_insert_with(|| {
            let lattice = self.plan.lattice.scaled(doublings);
            let decay = Decay::new(&lattice, self.transforms);
            let unit = 1.0 / self.rms / 0.5_f64.powi(doublings);
            let cutoff = decay.cutoff(self.exponent, unit, self.plan.function.order());
            Resolution { lattice, decay, cutoff }
        })
    }

    fn add_directly(&mut self, node: Node, ring: usize, few: usize) {
        let Resolution { lattice, decay, .. } = self.resolution(0);
        let error = decay.stencil_error(lattice, node.q);
        self.plan.error += node.weight * error;
        let node = Node { frequencies: few.min(ring / 4), ..node };
        self.plan.groups.entry((0, ring)).or_default().push(node);
    }

    fn add_by_transform(&mut self, mut node: Node, ring: usize, doublings: i32) {
        let cells = 0.5_f64.powi(doublings);
        let few = self.frequencies(doublings, ring, node.q);
        let Resolution { lattice, decay, .. } = self.resolution(doublings);
        let error = decay.stencil_error(lattice, node.q);
        self.plan.error += node.weight * error / cells;
        for threshold in &mut node.thresholds {
            threshold.at *= cells;
        }
        let node = Node {
            window: (node.window.0 * cells, node.window.1 * cells),
            frequencies: few.map_or(ring / 4, |few| few.min(ring / 4)),
            by_transform: true,
            ..node
        };
        self.plan.groups.entry((doublings, ring)).or_default().push(node);
    }
}

/// A ring for windows of so many cells.
fn ring_of(width: f64) -> usize {
    ((2.0 * width).ceil() as usize).next_power_of_two()
}

/// How many cells a window is divided into where loads have no quantum, so that errors stay near
/// [`SPLIT_ERROR`]; the window counts `scale` times the size of a load.
///
/// Where distributions are smooth, little is lost. A coalition errs by some fifth of a cell if its kink is
/// within a cell, and all those add up like random numbers to `cells^(-3/2) / 5` times the root
/// of the probability that two coalitions are the same. The smallest are corrected (by
/// [`super::small_coalitions`]).
fn split_cells(q: f64, n: f64, scale: f64) -> f64 {
    let stay = 1.0 - q;
    let none = stay.powf(2.0 * n);
    let one = n * (q / stay).powi(2) * none;
    let two = n * (n - 1.0) / 2.0 * (q / stay).powi(4) * none;
    let same = ((q * q + stay * stay).powf(n) - none - one).max(two);
    let cells = (scale * same.sqrt() / (5.0 * SPLIT_ERROR)).powf(2.0 / 3.0);
    cells.clamp(LEAST_SPLIT_CELLS, MOST_SPLIT_CELLS)
}
