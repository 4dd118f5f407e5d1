//! Gauss-Legendre quadrature of a polynomial in the probability of joining, with a proved error.

use std::f64::consts::PI;

/// A node `q < 1/2` of the rule on `[0, 1]` and its weight; `1 - q` has the same weight.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    pub q: f64,
    pub weight: f64,
}

/// The nodes below 1/2 of an even number of nodes, and the error of the rule for every polynomial
/// that is a mean of values in an interval of length 1 in Bernstein's form.
#[derive(Debug)]
pub struct Rule {
    pub nodes: Vec<Node>,
    pub error: f64,
}

/// Exponent of the error that is asked for: about `exp(-24)`.
const EXPONENT: f64 = 24.0;

impl Rule {
    /// The rule for the mean marginal contributions of one of `n_players` players: polynomials of
    /// degree `n - 1`, for which `n / 2` nodes are exact and some `4 sqrt(n)` are enough.
    pub fn new(n_players: usize) -> Self {
        let degree = n_players.saturating_sub(1) as f64;
        let exact = n_players.div_ceil(2);
        let enough = ((EXPONENT * degree / 2.0).sqrt()).ceil() as usize + 1;
        let count = exact.min(enough).next_multiple_of(2);
        let error = if count >= exact { 0.0 } else { error_bound(count, degree) };
        Self { nodes: nodes(count), error }
    }
}

/// On the ellipse with foci 0 and 1 and half-axes that sum to `e^s / 2`, where `|q| + |1 - q|` is
/// `cosh s`, the polynomial is at most `cosh(s)^degree` times its coefficients' bound, here 1/2
/// around their middle. Gauss quadrature then errs by at most `64/15 e^(-2 m s) / (1 - e^(-2 s))`
/// times that on `[-1, 1]` (Trefethen 2013, theorem 19.3), half of it on `[0, 1]`.
fn error_bound(count: usize, degree: f64) -> f64 {
    let m = 2.0 * count as f64;
    let s = (m / degree).min(0.999).atanh();
    let growth = degree * s.cosh().ln() - m * s;
    64.0 / 60.0 * growth.exp() / (1.0 - (-2.0 * s).exp())
}

/// Newton's method on the Legendre polynomial, from Chebyshev's guess.
fn nodes(count: usize) -> Vec<Node> {
    let node = |index: usize| {
        let mut x = (PI * (index as f64 + 0.75) / (count as f64 + 0.5)).cos();
        let mut slope = 0.0;
        for _ in 0..100 {
            let (mut before, mut value) = (1.0, x);
            for k in 2..=count {
                let k = k as f64;
                (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
            }
            slope = count as f64 * (before - x * value) / (1.0 - x * x);
            let change = value / slope;
            x -= change;
            if change.abs() < 1e-16 {
                break;
            }
        }
        Node { q: (1.0 - x) / 2.0, weight: 1.0 / ((1.0 - x * x) * slope * slope) }
    };
    (0..count / 2).map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_up_to_the_degree_are_within_the_bound() {
        for n_players in [2, 3, 5, 31, 100] {
            let rule = Rule::new(n_players);
            // Exact up to 31 players; more take fewer nodes than that would need.
            assert!(rule.error < if n_players <= 31 { 1e-14 } else { 1e-11 });
            for power in 0..n_players as i32 {
                let sum: f64 = rule
                    .nodes
                    .iter()
                    .map(|node| node.weight * (node.q.powi(power) + (1.0 - node.q).powi(power)))
                    .sum();
                let off = (sum - 1.0 / f64::from(power + 1)).abs();
                assert!(off < rule.error + 1e-14, "{n_players} {power}");
            }
        }
    }

    #[test]
    fn many_players_take_few_nodes_and_the_bound_holds_for_bernstein_polynomials() {
        let n_players = 2000;
        let rule = Rule::new(n_players);
        assert!(rule.nodes.len() < 100 && rule.error < 1e-10 && rule.error > 0.0);
        // C(n - 1, k) q^k (1 - q)^(n - 1 - k) integrates to 1 / n.
        for k in [0_usize, 1, 700, 999] {
            let rest = n_players - 1 - k;
            let log_choose: f64 = (1..=k).map(|i| ((rest + i) as f64 / i as f64).ln()).sum();
            let at = |q: f64| (log_choose + k as f64 * q.ln() + rest as f64 * (1.0 - q).ln()).exp();
            let sum: f64 =
                rule.nodes.iter().map(|node| node.weight * (at(node.q) + at(1.0 - node.q))).sum();
            assert!((sum - 1.0 / n_players as f64).abs() < rule.error, "{k}: {sum}");
        }
    }
}
