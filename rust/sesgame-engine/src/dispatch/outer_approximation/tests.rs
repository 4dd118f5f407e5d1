//! Against all coalitions, looked at one by one.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::dispatch::member_prices::TwoPriceCost;
use crate::dispatch::pooled_battery::PooledBatteryGame;
use crate::dispatch::{Battery, Conversion, Tariff};
use crate::enumeration::tabulate;

/// The largest of some affine functions of the shares: any convex cost, with its own bounds.
#[derive(Debug, Clone)]
struct LargestOf(Vec<MemberPrices>);

impl LargestOf {
    /// Functions of small whole numbers, which tie often; nobody costs nothing.
    fn drawn(rng: &mut ChaCha8Rng, n_players: usize) -> Self {
        let n_functions = rng.random_range(1..=2 * n_players);
        let mut functions: Vec<MemberPrices> = (0..n_functions)
            .map(|_| MemberPrices {
                constant: f64::from(rng.random_range(-4..=0)),
                prices: (0..n_players).map(|_| f64::from(rng.random_range(-3..=6))).collect(),
            })
            .collect();
        functions[0].constant = 0.0;
        Self(functions)
    }
}

impl PricedCost for LargestOf {
    fn n_players(&self) -> usize {
        self.0[0].prices.len()
    }

    fn prices(&self, shares: &[f64], progress: &Progress) -> Result<MemberPrices> {
        progress.check()?;
        let largest = self.0.iter().max_by(|a, b| a.at(shares).total_cmp(&b.at(shares)));
        Ok(largest.expect("there is a function").clone())
    }
}

/// What is asked of any game here; `outside` holds vectors of integers.
fn question<'a>(allocation: &'a [f64], outside: &'a [i64], level: f64) -> Question<'a> {
    Question { allocation, outside, level, gap: 1e-7, any_above: false, max_seconds: f64::INFINITY }
}

fn members_of(coalition: u32, n_players: usize) -> Vec<bool> {
    (0..n_players).map(|player| coalition >> player & 1 == 1).collect()
}

/// The excess of a coalition where costs are known of each by its bit mask.
fn excess(costs: &[f64], allocation: &[f64], members: &[bool]) -> f64 {
    let mut coalition = 0_usize;
    let mut paid = 0.0;
    for (player, _) in members.iter().enumerate().filter(|(_, is_in)| **is_in) {
        coalition |= 1 << player;
        paid += allocation[player];
    }
    paid - costs[coalition]
}

/// The largest excess of a proper coalition for which some vector of `outside` is not zero.
fn largest(costs: &[f64], allocation: &[f64], outside: &[i64]) -> f64 {
    let n = allocation.len();
    (1..(1_u32 << n) - 1)
        .map(|coalition| members_of(coalition, n))
        .filter(|members| outside.is_empty() || is_outside(outside, members))
        .map(|members| excess(costs, allocation, &members))
        .fold(f64::NEG_INFINITY, f64::max)
}

fn is_outside(outside: &[i64], members: &[bool]) -> bool {
    outside.chunks(members.len()).any(|z| {
        let entries = z.iter().zip(members).filter(|(_, is_in)| **is_in);
        entries.map(|(entry, _)| *entry).sum::<i64>() != 0
    })
}

/// The costs of all coalitions by their bit masks.
fn all_costs(cost: &LargestOf) -> Vec<f64> {
    let n = cost.n_players();
    (0..1_u32 << n)
        .map(|coalition| {
            let members = members_of(coalition, n);
            let at = |function: &MemberPrices| {
                let prices = function.prices.iter().zip(&members).filter(|(_, is_in)| **is_in);
                function.constant + prices.map(|(price, _)| price).sum::<f64>()
            };
            cost.0.iter().map(at).fold(f64::NEG_INFINITY, f64::max)
        })
        .collect()
}

/// Checks an answer to a question that was searched to its end.
fn check(answer: &Separation, question: &Question<'_>, costs: &[f64]) {
    let Question { allocation, outside, level, gap, any_above, .. } = *question;
    let largest = largest(costs, allocation, outside);
    assert!(answer.finished);
    assert!(answer.bound >= largest - gap, "{} bounds {largest}", answer.bound);
    assert!(answer.relaxation >= largest - gap);
    let excesses: Vec<f64> =
        answer.coalitions.iter().map(|members| excess(costs, allocation, members)).collect();
    assert!(excesses.windows(2).all(|two| two[0] >= two[1] - gap), "{excesses:?}");
    assert!(excesses.iter().all(|excess| *excess > level));
    for members in &answer.coalitions {
        assert!(members.contains(&true) && members.contains(&false));
        assert!(outside.is_empty() || is_outside(outside, members));
    }
    if largest <= level {
        assert!(excesses.is_empty());
        assert!(answer.bound <= level + 2.0 * gap, "{} at {level}", answer.bound);
    } else if largest > level + 2.0 * gap {
        let best = excesses.first().copied().expect("one is above the level");
        assert!(any_above || best >= largest - 2.0 * gap, "{best} of {largest}");
        assert!(any_above || answer.bound <= largest + 2.0 * gap);
    }
}

#[test]
fn finds_the_largest_excess_of_drawn_costs() {
    for seed in 0..300 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let n_players = rng.random_range(2..=10);
        let cost = LargestOf::drawn(rng, n_players);
        let costs = all_costs(&cost);
        let search = OuterApproximation::new(cost);
        // Bounds that one question leaves serve the next.
        for _ in 0..4 {
            let allocation: Vec<f64> =
                (0..n_players).map(|_| f64::from(rng.random_range(-6..=12)) / 2.0).collect();
            let truth = largest(&costs, &allocation, &[]);
            let level =
                [f64::NEG_INFINITY, truth - 1.0, truth, truth + 1.0][rng.random_range(0..4)];
            let any_above = level > f64::NEG_INFINITY && rng.random_range(0..2) == 0;
            let asked = Question { any_above, ..question(&allocation, &[], level) };
            let answer = search.most_violated(&asked, &Progress::new()).unwrap();
            check(&answer, &asked, &costs);
        }
    }
}

#[test]
fn looks_only_outside_what_is_settled() {
    for seed in 0..200 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let n_players = rng.random_range(3..=8);
        let cost = LargestOf::drawn(rng, n_players);
        let costs = all_costs(&cost);
        let search = OuterApproximation::new(cost);
        let allocation: Vec<f64> =
            (0..n_players).map(|_| f64::from(rng.random_range(-6..=12)) / 2.0).collect();
        let mut outside: Vec<i64> =
            (0..2 * n_players).map(|_| rng.random_range(-2..=2_i64)).collect();
        // All together are settled from the start.
        for z in outside.chunks_mut(n_players) {
            z[0] -= z.iter().sum::<i64>();
        }
        let truth = largest(&costs, &allocation, &outside);
        if truth == f64::NEG_INFINITY {
            continue;
        }
        for level in [truth - 1.0, truth] {
            let asked = question(&allocation, &outside, level);
            check(&search.most_violated(&asked, &Progress::new()).unwrap(), &asked, &costs);
        }
    }
}

#[test]
fn pooled_batteries_agree_with_the_table_of_their_game() {
    let conversion = Conversion::new(0.95, 0.9, 1.0).unwrap();
    for seed in 0..20 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let (n_players, n_steps) = (rng.random_range(2..=9), 24);
        let mut whole = |from: i32, to: i32| f64::from(rng.random_range(from..=to));
        let net: Vec<f64> = (0..n_players * n_steps).map(|_| whole(-4, 4)).collect();
        let buy: Vec<f64> = (0..n_steps).map(|_| whole(2, 4)).collect();
        let sell = buy.iter().map(|price| price - whole(0, 2)).collect();
        let tariff = Tariff::new(buy, sell).unwrap();
        let batteries: Vec<Battery> = (0..n_players)
            .map(|_| Battery { energy: whole(0, 5), power: whole(0, 2), initial_charge: 0.0 })
            .collect();
        let game = PooledBatteryGame::new(&net, tariff.clone(), &batteries, conversion).unwrap();
        let costs = tabulate(&game, &Progress::new()).unwrap();
        let cost = TwoPriceCost::new(&net, tariff, &batteries, conversion).unwrap();
        let search = OuterApproximation::new(cost);
        for _ in 0..3 {
            let mut allocation: Vec<f64> = (0..n_players).map(|_| whole(-5, 20)).collect();
            allocation[0] += costs[costs.len() - 1] - allocation.iter().sum::<f64>();
            let asked = question(&allocation, &[], f64::NEG_INFINITY);
            check(&search.most_violated(&asked, &Progress::new()).unwrap(), &asked, &costs);
        }
    }
}

#[test]
fn ends_with_what_is_proved_when_time_is_up() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let cost = LargestOf::drawn(rng, 8);
    let costs = all_costs(&cost);
    let allocation = vec![1.0; 8];
    let asked = Question { max_seconds: 0.0, ..question(&allocation, &[], f64::NEG_INFINITY) };
    let answer = OuterApproximation::new(cost).most_violated(&asked, &Progress::new()).unwrap();
    assert!(!answer.finished);
    assert!(answer.bound >= largest(&costs, &allocation, &[]));
}

#[test]
fn hears_that_it_is_to_stop() {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let search = OuterApproximation::new(LargestOf::drawn(rng, 8));
    let progress = Progress::new();
    progress.cancel();
    let answer = search.most_violated(&question(&[1.0; 8], &[], 0.0), &progress);
    assert_eq!(answer, Err(Error::Interrupted));
}

#[test]
fn refuses_what_does_not_fit_and_knows_that_one_player_has_no_coalition() {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let search = OuterApproximation::new(LargestOf::drawn(rng, 3));
    for (allocation, outside) in [(vec![0.0; 2], vec![]), (vec![0.0; 3], vec![1, 2])] {
        let answer = search.most_violated(&question(&allocation, &outside, 0.0), &Progress::new());
        assert!(matches!(answer, Err(Error::InvalidInput(_))), "{answer:?}");
    }
    let alone = OuterApproximation::new(LargestOf::drawn(rng, 1));
    let answer = alone.most_violated(&question(&[2.0], &[], -7.0), &Progress::new()).unwrap();
    assert_eq!((answer.coalitions.len(), answer.bound, answer.finished), (0, -7.0, true));
}

#[test]
fn forgets_the_bounds_that_were_used_longest_ago_but_never_that_of_all() {
    let bound = |number: usize| MemberPrices { constant: number as f64, prices: vec![0.0] };
    let mut bounds = Bounds::default();
    for number in 0..=KEPT {
        bounds.clock = number as u64;
        bounds.add(bound(number));
    }
    bounds.forget();
    let kept: Vec<usize> = bounds.known.iter().map(|known| known.constant as usize).collect();
    assert_eq!(kept[0], 0);
    assert_eq!(kept[1..], (KEPT + 2 - KEPT / 2..=KEPT).collect::<Vec<_>>());
    assert_eq!(bounds.used.len(), kept.len());
}
