//! Sharing at fees by zone: in each step the transport problem `max sum gain_ba x_ba` over what buyers `b` take
//! from sellers `a`, at most their deficits and surpluses.
//!
//! Shortest augmenting paths, on gains as whole numbers of a unit so small that none is lost: comparisons are
//! exact, and so paths end. Of equally good paths the shortest is taken, so that their number is bounded
//! whatever the energy (Edmonds and Karp 1972).

/// Of the largest price: what gains are counted in. Sums of some millions of them fit 64 bits.
const UNITS: f64 = (1_u64 << 40) as f64;

const FAR: i64 = i64::MAX / 4;

/// A transport problem, and its best flow.
#[derive(Debug, Default)]
pub(super) struct Transport {
    n_sellers: usize,
    gain: Vec<i64>,
    flow: Vec<f64>,
    /// What buyers, then sellers, still have.
    left: Vec<f64>,
    length: Vec<(i64, u32)>,
    from: Vec<usize>,
}

impl Transport {
    /// Finds the best flow; `gain` is by buyer and seller, and those that are not above 0 are not taken.
    /// Gives what it gains.
    pub fn solve(
        &mut self,
        deficit: &[f64],
        surplus: &[f64],
        gain: impl Fn(usize, usize) -> f64,
        largest: f64,
    ) -> f64 {
        let (n_buyers, n_sellers) = (deficit.len(), surplus.len());
        self.n_sellers = n_sellers;
        self.gain.clear();
        let scale = if largest > 0.0 { UNITS / largest } else { 0.0 };
        for buyer in 0..n_buyers {
            self.gain
                .extend((0..n_sellers).map(|seller| (gain(buyer, seller) * scale).round() as i64));
        }
        self.flow.clear();
        self.flow.resize(n_buyers * n_sellers, 0.0);
        self.left.clear();
        self.left.extend_from_slice(deficit);
        self.left.extend_from_slice(surplus);
        while self.augment(n_buyers) {}
        let taken = self.flow.iter().enumerate().filter(|&(_, &flow)| flow > 0.0);
        taken.map(|(arc, flow)| flow * gain(arc / n_sellers, arc % n_sellers)).sum()
    }

    /// What a buyer takes from a seller.
    pub fn flow(&self, buyer: usize, seller: usize) -> f64 {
        self.flow[buyer * self.n_sellers + seller]
    }

    /// What is left of a deficit.
    pub fn unmet(&self, buyer: usize) -> f64 {
        self.left[buyer]
    }

    /// What is left of a surplus.
    pub fn unsold(&self, n_buyers: usize, seller: usize) -> f64 {
        self.left[n_buyers + seller]
    }

    /// Sends what fits along the path from a surplus to a deficit that gains most.
    fn augment(&mut self, n_buyers: usize) -> bool {
        let n_sellers = self.n_sellers;
        self.length.clear();
        self.length.resize(n_buyers + n_sellers, (FAR, 0));
        self.from.clear();
        self.from.resize(n_buyers + n_sellers, usize::MAX);
        for seller in 0..n_sellers {
            if self.left[n_buyers + seller] > 0.0 {
                self.length[n_buyers + seller] = (0, 0);
            }
        }
        // Lengths are losses; the flow is the best of its amount, so that no cycle gains.
        let mut changed = true;
        while changed {
            changed = false;
            for seller in 0..n_sellers {
                let (length, arcs) = self.length[n_buyers + seller];
                if length == FAR {
                    continue;
                }
                for buyer in 0..n_buyers {
                    let gain = self.gain[buyer * n_sellers + seller];
                    if gain > 0 && (length - gain, arcs + 1) < self.length[buyer] {
                        self.length[buyer] = (length - gain, arcs + 1);
                        self.from[buyer] = seller;
                        changed = true;
                    }
                }
            }
            for buyer in 0..n_buyers {
                let (length, arcs) = self.length[buyer];
                if length == FAR {
                    continue;
                }
                for seller in 0..n_sellers {
                    let arc = buyer * n_sellers + seller;
                    let there = n_buyers + seller;
                    let next = (length + self.gain[arc], arcs + 1);
                    if self.flow[arc] > 0.0 && next < self.length[there] {
                        self.length[there] = next;
                        self.from[there] = buyer;
                        changed = true;
                    }
                }
            }
        }
        let ends = (0..n_buyers).filter(|&buyer| self.left[buyer] > 0.0);
        let Some(end) = ends.min_by_key(|&buyer| self.length[buyer]) else { return false };
        if self.length[end].0 >= 0 {
            return false;
        }
        // From the deficit back to the surplus: what fits, and then the flow.
        let mut amount = self.left[end];
        let mut buyer = end;
        let start = loop {
            let seller = self.from[buyer];
            match self.from[n_buyers + seller] {
                usize::MAX => break seller,
                next => {
                    amount = amount.min(self.flow[next * n_sellers + seller]);
                    buyer = next;
                }
            }
        };
        amount = amount.min(self.left[n_buyers + start]);
        let mut buyer = end;
        loop {
            let seller = self.from[buyer];
            self.flow[buyer * n_sellers + seller] += amount;
            match self.from[n_buyers + seller] {
                usize::MAX => break,
                next => {
                    self.flow[next * n_sellers + seller] -= amount;
                    buyer = next;
                }
            }
        }
        self.left[end] -= amount;
        self.left[n_buyers + start] -= amount;
        true
    }
}

/// Potentials that keep `y_to <= y_from + most` for each arc, as far up or as far down from node 0 as they may be.
pub(super) fn potentials(n_nodes: usize, arcs: &[(usize, usize, f64)], up: bool) -> Vec<f64> {
    let mut found = vec![f64::INFINITY; n_nodes];
    found[0] = 0.0;
    for _ in 1..n_nodes {
        for &(from, to, most) in arcs {
            let (from, to) = if up { (from, to) } else { (to, from) };
            if found[from] + most < found[to] {
                found[to] = found[from] + most;
            }
        }
    }
    if !up {
        found.iter_mut().for_each(|value| *value = -*value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::sharing::oracle::best_assignment;

    #[test]
    fn the_flow_gains_what_the_best_assignment_of_units_gains() {
        let mut transport = Transport::default();
        for seed in 0..400_usize {
            let number = |k: usize| ((seed + 1) * 7919 + k * k * 104_729 + k * 31) / 64 % 1000;
            let (n_buyers, n_sellers) = (1 + number(0) % 4, 1 + number(1) % 4);
            let units = |from: usize, count: usize| -> Vec<usize> {
                (0..count).map(|k| number(from + k) % 3).collect()
            };
            let (deficit, surplus) = (units(10, n_buyers), units(20, n_sellers));
            // Eighths, many of them equal and some below zero.
            let gain = |b: usize, s: usize| number(30 + 4 * b + s) as f64 % 9.0 / 8.0 - 0.25;
            let real = |units: &[usize]| units.iter().map(|&n| n as f64).collect::<Vec<_>>();
            let found = transport.solve(&real(&deficit), &real(&surplus), gain, 1.0);
            let each = |units: &[usize]| -> Vec<usize> {
                units.iter().enumerate().flat_map(|(party, &n)| vec![party; n]).collect()
            };
            let (buyers, sellers) = (each(&deficit), each(&surplus));
            let expected =
                best_assignment(buyers.len(), sellers.len(), |b, s| gain(buyers[b], sellers[s]));
            assert_eq!(found, expected, "seed {seed}");
            for (buyer, &deficit) in deficit.iter().enumerate() {
                let taken: f64 = (0..n_sellers).map(|seller| transport.flow(buyer, seller)).sum();
                assert_eq!(taken + transport.unmet(buyer), deficit as f64);
            }
            for (seller, &surplus) in surplus.iter().enumerate() {
                let given: f64 = (0..n_buyers).map(|buyer| transport.flow(buyer, seller)).sum();
                assert_eq!(given + transport.unsold(n_buyers, seller), surplus as f64);
            }
        }
    }

    #[test]
    fn potentials_are_as_far_as_the_arcs_let_them() {
        // y1 <= y0 + 3, y2 <= y1 - 1, y2 <= y0 + 4, y0 <= y2 + 1; nothing holds y3.
        let arcs = [(0, 1, 3.0), (1, 2, -1.0), (0, 2, 4.0), (2, 0, 1.0)];
        assert_eq!(potentials(4, &arcs, true), [0.0, 3.0, 2.0, f64::INFINITY]);
        assert_eq!(potentials(4, &arcs, false), [0.0, 0.0, -1.0, f64::NEG_INFINITY]);
    }
}
