//! Worlds for tests, and what coalitions gain in them, found by trying.
//!
//! Energy is in whole units and prices are few binary fractions: all sums are exact, ties are common, and what
//! is found must be equal.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{OwnPoints, Points, SharingGame};
use crate::error::Result;
use crate::progress::Progress;

pub(super) const OWN_POINTS: [OwnPoints; 3] =
    [OwnPoints::Always, OwnPoints::WithOthers, OwnPoints::Never];

/// Points with their registers by step, and prices.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub n_members: usize,
    pub n_steps: usize,
    pub n_zones: usize,
    pub member: Vec<usize>,
    pub group: Vec<usize>,
    pub import: Vec<Vec<f64>>,
    pub export: Vec<Vec<f64>>,
    pub zone: Vec<usize>,
    pub buy: Vec<f64>,
    pub sell: Vec<f64>,
    pub fee: Vec<f64>,
    pub alone: Vec<f64>,
}

impl World {
    /// Members with no, one or several points; registers that are zero, or both positive; prices that are
    /// equal, negative, or in the wrong order.
    pub fn drawn(seed: u64, n_zones: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let n_members = random.random_range(1..=5);
        let n_points = random.random_range(1..=6);
        let n_groups = random.random_range(1..=4);
        let n_steps = random.random_range(1..=20);
        let mut prices = |count: usize, from: i32, to: i32| -> Vec<f64> {
            (0..count).map(|_| f64::from(random.random_range(from..=to)) / 8.0).collect()
        };
        let (buy, sell) = (prices(n_groups * n_steps, -2, 6), prices(n_groups * n_steps, -3, 4));
        let fee = prices(n_zones * n_zones * n_steps, -1, 2);
        let alone = prices(n_members, -8, 8);
        let mut below = |count: usize, end: usize| -> Vec<usize> {
            (0..count).map(|_| random.random_range(0..end)).collect()
        };
        let (member, group) = (below(n_points, n_members), below(n_points, n_groups));
        let zone = below(n_groups, n_zones);
        let mut registers = || -> Vec<Vec<f64>> {
            let mut reading = || f64::from(random.random_range(-2..=2_i32).max(0));
            (0..n_points).map(|_| (0..n_steps).map(|_| reading()).collect()).collect()
        };
        let (import, export) = (registers(), registers());
        Self {
            n_members,
            n_steps,
            n_zones,
            member,
            group,
            import,
            export,
            zone,
            buy,
            sell,
            fee,
            alone,
        }
    }

    /// Members with one point each, whose readings and prices are any numbers: the order of adding counts.
    pub fn uneven(seed: u64, n_members: usize, n_groups: usize, n_steps: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |count: usize, from: f64, to: f64| -> Vec<f64> {
            (0..count).map(|_| random.random_range(from..to)).collect()
        };
        let buy = (0..n_groups).flat_map(|_| vec![numbers(1, 0.2, 0.3)[0]; n_steps]).collect();
        let sell = numbers(n_groups * n_steps, 0.0, 0.2);
        let net: Vec<Vec<f64>> = (0..n_members).map(|_| numbers(n_steps, -1.0, 1.0)).collect();
        let part = |sign: f64| {
            net.iter().map(|row| row.iter().map(|x| (sign * x).max(0.0)).collect()).collect()
        };
        Self {
            n_members,
            n_steps,
            n_zones: 1,
            member: (0..n_members).collect(),
            group: (0..n_members).map(|member| member % n_groups).collect(),
            import: part(1.0),
            export: part(-1.0),
            zone: vec![0; n_groups],
            buy,
            sell,
            fee: vec![0.05; n_steps],
            alone: numbers(n_members, 0.0, 1.0),
        }
    }

    pub fn points<T>(&self, with: impl FnOnce(&Points<'_>) -> T) -> T {
        let register = |point: usize, is_import: bool, reading: &mut [f64]| {
            let rows = if is_import { &self.import } else { &self.export };
            reading.copy_from_slice(&rows[point]);
        };
        with(&Points {
            n_members: self.n_members,
            member: &self.member,
            group: &self.group,
            register: &register,
            zone: &self.zone,
            buy: &self.buy,
            sell: &self.sell,
            fee: &self.fee,
            n_zones: self.n_zones,
            n_steps: self.n_steps,
        })
    }

    pub fn try_game(&self, own_points: OwnPoints, progress: &Progress) -> Result<SharingGame> {
        self.points(|points| SharingGame::new(points, self.alone.clone(), own_points, progress))
    }

    pub fn game(&self, own_points: OwnPoints) -> SharingGame {
        self.try_game(own_points, &Progress::new()).unwrap()
    }

    /// What a coalition pays.
    pub fn cost(&self, coalition: usize, own_points: OwnPoints) -> f64 {
        let members = || (0..self.n_members).filter(|member| coalition >> member & 1 == 1);
        let alone: f64 = members().map(|member| self.alone[member]).sum();
        if own_points == OwnPoints::WithOthers && members().count() == 1 {
            return alone;
        }
        alone - (0..self.n_steps).map(|step| self.gain(coalition, own_points, step)).sum::<f64>()
    }

    /// What it gains in a step: the best of all ways to give each unit of a surplus to a unit of a deficit.
    pub fn gain(&self, coalition: usize, own_points: OwnPoints, step: usize) -> f64 {
        let units = |rows: &[Vec<f64>]| -> Vec<usize> {
            let points = (0..self.member.len()).filter(|&p| coalition >> self.member[p] & 1 == 1);
            points.flat_map(|point| vec![point; rows[point][step] as usize]).collect()
        };
        let (buyers, sellers) = (units(&self.import), units(&self.export));
        let price = |prices: &[f64], group: usize| prices[group * self.n_steps + step];
        let gain = |buyer: usize, seller: usize| {
            if own_points == OwnPoints::Never && self.member[buyer] == self.member[seller] {
                return 0.0;
            }
            let (buyer, seller) = (self.group[buyer], self.group[seller]);
            let way = self.zone[seller] * self.n_zones + self.zone[buyer];
            price(&self.buy, buyer) - price(&self.sell, seller) - price(&self.fee, way)
        };
        best_assignment(buyers.len(), sellers.len(), |b, s| gain(buyers[b], sellers[s]))
    }
}

/// The most that pairs of one buyer and one seller gain.
pub(super) fn best_assignment(
    n_buyers: usize,
    n_sellers: usize,
    gain: impl Fn(usize, usize) -> f64,
) -> f64 {
    // By the sellers that are taken.
    let mut best = vec![f64::NEG_INFINITY; 1 << n_sellers];
    best[0] = 0.0;
    for buyer in 0..n_buyers {
        for taken in (0..best.len()).rev() {
            for seller in (0..n_sellers).filter(|seller| taken >> seller & 1 == 1) {
                let found = best[taken & !(1 << seller)] + gain(buyer, seller);
                best[taken] = best[taken].max(found);
            }
        }
    }
    best.into_iter().fold(0.0, f64::max)
}
