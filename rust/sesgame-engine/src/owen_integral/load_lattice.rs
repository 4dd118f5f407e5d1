//! Loads as multiples of a quantum: exactly, where they are, and otherwise split between the four
//! multiples next to them.

use std::f64::consts::PI;

/// Cells of the largest load at which a quantum is fine enough to be no quantum at all.
const FINEST: f64 = (1 << 20) as f64;

/// Cells of the largest load where there is no quantum.
const CELLS: f64 = (1 << 13) as f64;

/// How far a load may be off its multiple, of the largest load: the rounding of decimal numbers.
const ROUNDING: f64 = 1e-11;

/// Whole numbers up to here, and their sums up to here, are exact.
pub const LARGEST_WHOLE: f64 = (1_u64 << 53) as f64;

/// The value of a kink at its cell, in cells: what the sum at the cells misses of the integral over a
/// smooth density, per density (Euler and Maclaurin).
pub const KINK: f64 = 1.0 / 12.0;

/// Weights on the cells from `k + first` on that stand for a load `fraction` above `k`, and `first`.
pub type Stencil = (i64, [f64; 4]);

/// A random one of `k` and `k + 1` that has the same mean.
pub fn linear(fraction: f64) -> Stencil {
    (0, [1.0 - fraction, fraction, 0.0, 0.0])
}

/// Lagrange's weights on `k - 1` to `k + 2`: the moments up to the third are right.
pub fn cubic(fraction: f64) -> Stencil {
    let (x, below, beyond) = (fraction, 1.0 - fraction, 2.0 - fraction);
    let weights = [
        -x * below * beyond / 6.0,
        (1.0 + x) * below * beyond / 2.0,
        (1.0 + x) * x * beyond / 2.0,
        -(1.0 + x) * x * below / 6.0,
    ];
    (-1, weights)
}

/// Loads in cells of one size.
///
/// A load between two multiples of the cell becomes a signed measure on the four next to it, its cubic
/// stencil. What is computed of it then errs by something of fourth order in the cell where
/// distributions are smooth.
#[derive(Debug, Clone)]
pub struct LoadLattice {
    /// The size of a cell.
    pub cell: f64,
    /// `k` of each load.
    pub cells: Vec<i64>,
    /// How far the load is from `k` to `k + 1`.
    pub fraction: Vec<f64>,
    /// Whether every load is a multiple of the cell.
    pub exact: bool,
    /// What the loads are off by together, in cells, beside what the splitting accounts for.
    pub rounding: f64,
}

impl LoadLattice {
    /// The lattice of the loads' own quantum, or else a fine one. Not all loads are 0.
    pub fn new(loads: &[f64]) -> Self {
        let largest = loads.iter().fold(0.0, |most: f64, load| most.max(load.abs()));
        quantum(loads, largest)
            .and_then(|cell| Self::of_multiples(loads, cell, ROUNDING * largest))
            .unwrap_or_else(|| Self::split(loads, largest / CELLS))
    }

    /// The lattice of whole numbers, exactly: cells of their greatest common divisor. `None` where a load is
    /// not whole, all are 0, or the largest has more cells than [`FINEST`].
    pub fn of_whole_numbers(loads: &[f64]) -> Option<Self> {
        if loads.iter().any(|load| load.fract() != 0.0 || load.abs() > LARGEST_WHOLE) {
            return None;
        }
        let cell = loads.iter().fold(0, |cell, &load| divisor(load.abs() as u64, cell));
        let cells: Vec<i64> = loads.iter().map(|&load| load as i64 / cell.max(1) as i64).collect();
        let most = cells.iter().map(|cells| cells.unsigned_abs()).max()?;
        (1..=FINEST as u64).contains(&most).then(|| Self {
            cell: cell as f64,
            cells,
            fraction: vec![0.0; loads.len()],
            exact: true,
            rounding: 0.0,
        })
    }

    /// The loads as multiples of their quantum, each within a relative rounding of `tolerance`, and the quantum.
    pub fn multiples(loads: &[f64], tolerance: f64) -> Option<(Vec<f64>, f64)> {
        let largest = loads.iter().fold(0.0, |most: f64, load| most.max(load.abs()));
        let lattice = Self::of_multiples(loads, quantum(loads, largest)?, tolerance * largest)?;
        let multiples: Vec<f64> = lattice.loads().collect();
        let near = |(load, times): (&f64, &f64)| {
            (load - times * lattice.cell).abs() <= tolerance * load.abs()
        };
        loads.iter().zip(&multiples).all(near).then_some((multiples, lattice.cell))
    }

    fn of_multiples(loads: &[f64], cell: f64, tolerance: f64) -> Option<Self> {
        let cells: Vec<f64> = loads.iter().map(|load| (load / cell).round()).collect();
        // The quantum in which the loads are nearest to these multiples.
        let dot = |other: &[f64]| cells.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
        let cell = dot(loads) / dot(&cells);
        let off = |(load, cells): (&f64, &f64)| (load - cells * cell).abs();
        let errors = || loads.iter().zip(&cells).map(off);
        if errors().any(|error| error > tolerance) {
            return None;
        }
        Some(Self {
            cell,
            rounding: errors().sum::<f64>() / cell,
            fraction: vec![0.0; loads.len()],
            exact: true,
            cells: cells.iter().map(|&cells| cells as i64).collect(),
        })
    }

    /// The lattice with the given size of cells.
    fn split(loads: &[f64], cell: f64) -> Self {
        let below = |load: &f64| (load / cell).floor();
        let fraction: Vec<f64> = loads.iter().map(|load| load / cell - below(load)).collect();
        Self {
            cell,
            cells: loads.iter().map(|load| below(load) as i64).collect(),
            exact: fraction.iter().all(|&fraction| fraction == 0.0),
            fraction,
            rounding: 0.0,
        }
    }

    /// The lattice with cells `2^doublings` times as large.
    pub fn scaled(&self, doublings: i32) -> Self {
        if doublings == 0 {
            return self.clone();
        }
        let scale = 0.5_f64.powi(doublings);
        let loads: Vec<f64> = self.loads().map(|load| load * scale).collect();
        let other = Self::split(&loads, 1.0);
        Self { cell: self.cell / scale, rounding: self.rounding * scale, ..other }
    }

    /// One load, in cells.
    pub fn load(&self, member: usize) -> f64 {
        self.cells[member] as f64 + self.fraction[member]
    }

    /// The loads in cells.
    pub fn loads(&self) -> impl Iterator<Item = f64> {
        (0..self.cells.len()).map(|member| self.load(member))
    }

    /// The root mean square of the loads, in cells.
    pub fn rms(&self) -> f64 {
        let squares: f64 = self.loads().map(|load| load * load).sum();
        (squares / self.cells.len() as f64).sqrt()
    }

    /// How expectations of kinks at cells give that of a kink between two: where loads are multiples of
    /// the cell it is linear.
    pub fn between(&self, fraction: f64) -> Stencil {
        if self.exact { linear(fraction) } else { cubic(fraction) }
    }

    /// Where loads are no multiples of the cell, a smooth density is summed at the cells as it should be
    /// integrated, which for a kink at a cell takes [`KINK`] off; a factor of the odd frequency
    /// `2 pi m / ring` puts it back.
    pub fn rounding_off(&self, m: usize, ring: usize) -> f64 {
        let half = PI * m as f64 / ring as f64;
        if self.exact { 1.0 } else { 1.0 - 4.0 * KINK * half.sin().powi(2) }
    }

    /// The variance that linear stencils would add to the sum of all loads.
    pub fn split_variance(&self) -> f64 {
        self.fraction.iter().map(|fraction| fraction * (1.0 - fraction)).sum()
    }

    /// The most cells of any load.
    pub fn most_cells(&self) -> usize {
        self.cells.iter().map(|cells| cells.unsigned_abs() as usize + 1).max().unwrap_or(1)
    }
}

/// The greatest common divisor; 0 has all divisors.
pub fn divisor(mut larger: u64, mut smaller: u64) -> u64 {
    while smaller > 0 {
        (larger, smaller) = (smaller, larger % smaller);
    }
    larger
}

/// The largest number of which all loads are multiples, up to rounding: Euclid's algorithm.
fn quantum(loads: &[f64], largest: f64) -> Option<f64> {
    let finest = largest / FINEST;
    let (mut quantum, mut longest) = (0.0, 0.0_f64);
    for load in loads {
        let (mut larger, mut smaller) = (quantum, load.abs());
        while smaller > 0.1 * finest {
            if smaller < finest {
                return None;
            }
            (larger, smaller) = (smaller, (larger - (larger / smaller).round() * smaller).abs());
        }
        // Each division magnifies rounding errors: the longest load so far tells the quantum anew.
        longest = longest.max(load.abs());
        quantum = if larger > 0.0 { longest / (longest / larger).round() } else { larger };
    }
    Some(quantum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meters_with_a_resolution_are_exact_however_it_is_written() {
        for quantum in [1.0, 0.001, 0.25e-3, 1.0 / 3.0, 0.95 * 0.001] {
            let counts: Vec<f64> = (0..500_i32).map(|k| f64::from(k * k % 1999 - 700)).collect();
            // As a difference, like load minus generation: rounded more than once.
            let loads: Vec<f64> =
                counts.iter().map(|k| (k + 2000.0) * quantum - 2000.0 * quantum).collect();
            let lattice = LoadLattice::new(&loads);
            assert!(lattice.exact && (lattice.cell / quantum - 1.0).abs() < 1e-12, "{quantum}");
            assert!(lattice.rounding < 1e-6);
            for (cells, count) in lattice.loads().zip(counts) {
                assert_eq!(cells, count);
            }
        }
    }

    #[test]
    fn rounding_errors_do_not_add_up_over_many_loads() {
        let mut state = 1_u64;
        for _ in 0..300 {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                (state >> 33) as f64 / f64::from(1_u32 << 31)
            };
            let price = 0.1 + 0.2 * next();
            let loads: Vec<f64> =
                (0..1000).map(|_| (3000.0 * (next() - 0.5)).round() / 1000.0 * price).collect();
            let lattice = LoadLattice::new(&loads);
            assert!(lattice.exact && (lattice.cell / price / 0.001 - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn other_loads_keep_their_mean() {
        let loads: Vec<f64> = (1..50).map(|k| f64::from(k).sqrt() - 4.0).collect();
        let lattice = LoadLattice::new(&loads);
        assert!(!lattice.exact);
        for lattice in [&lattice, &lattice.scaled(3)] {
            for (cells, load) in lattice.loads().zip(&loads) {
                assert!((cells * lattice.cell - load).abs() < 1e-12);
            }
            assert!(lattice.fraction.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        }
    }
}
