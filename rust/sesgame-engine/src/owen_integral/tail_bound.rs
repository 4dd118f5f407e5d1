//! Where the sum of a random coalition lies, but for a probability that does not count.

/// The sum is outside its window with at most twice the probability `exp(-TAIL)`.
pub const TAIL: f64 = 42.0;

/// Chernoff bounds of the sum of loads, each of which joins with the same probability.
#[derive(Debug)]
pub struct TailBounds {
    /// `(s, sum of exp(s x) - 1 - s x)` for positive and for negative `s`.
    above: Vec<(f64, f64)>,
    below: Vec<(f64, f64)>,
    total: f64,
    range: (f64, f64),
}

impl TailBounds {
    pub fn new(loads: &[f64]) -> Self {
        let largest = loads.iter().fold(0.0, |most: f64, load| most.max(load.abs()));
        let bound = |s: f64| (s, loads.iter().map(|x| (s * x).exp_m1() - s * x).sum());
        let rates = || (-20..=14).map(|k| (f64::from(k) / 2.0).exp2() / largest);
        Self {
            above: rates().map(bound).collect(),
            below: rates().map(|s| bound(-s)).collect(),
            total: loads.iter().sum(),
            range: range(loads),
        }
    }

    /// The ends of the window when everybody joins with probability `q`.
    pub fn of(&self, q: f64) -> (f64, f64) {
        // log E exp(s (X - E X)) <= q sum of (exp(s x) - 1 - s x).
        let reach = |bounds: &[(f64, f64)]| {
            let reach = |&(s, sum): &(f64, f64)| (q * sum + TAIL) / s.abs();
            bounds.iter().map(reach).fold(f64::INFINITY, f64::min)
        };
        let mean = q * self.total;
        let (least, most) = self.range;
        ((mean - reach(&self.below)).max(least), (mean + reach(&self.above)).min(most))
    }
}

/// The least and the largest sum of any coalition.
pub fn range(loads: &[f64]) -> (f64, f64) {
    (loads.iter().map(|x| x.min(0.0)).sum(), loads.iter().map(|x| x.max(0.0)).sum())
}
