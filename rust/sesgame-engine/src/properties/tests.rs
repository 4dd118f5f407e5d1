use proptest::prelude::*;

use super::*;
use crate::progress::Progress;

/// Differences of small integers are exact.
const SLACK: f64 = 0.0;

fn tables() -> impl Strategy<Value = Vec<f64>> {
    (1..8_u32).prop_flat_map(|n_players| {
        prop::collection::vec(-3..4_i8, 1 << n_players).prop_map(|values| {
            let mut table: Vec<f64> = values.into_iter().map(f64::from).collect();
            table[0] = 0.0;
            table
        })
    })
}

/// The ends of `v(A + B) + v(A & B) - v(A) - v(B)` over the pairs that `counts` accepts.
fn ends_by_pairs(table: &[f64], counts: impl Fn(usize, usize) -> bool) -> (f64, f64) {
    let pairs = (0..table.len()).flat_map(|a| (0..table.len()).map(move |b| (a, b)));
    pairs.filter(|&(a, b)| counts(a, b)).fold((0.0, 0.0), |(least, greatest), (a, b)| {
        let difference = table[a | b] + table[a & b] - table[a] - table[b];
        (f64::min(least, difference), f64::max(greatest, difference))
    })
}

fn assert_ends(table: &[f64], ends: Ends, counts: impl Fn(usize, usize) -> bool) {
    let (least, greatest) = ends_by_pairs(table, &counts);
    assert_eq!(ends.below.map_or(0.0, |witness| -witness.amount), least);
    assert_eq!(ends.above.map_or(0.0, |witness| witness.amount), greatest);
    for (witness, sign) in [(ends.below, -1.0), (ends.above, 1.0)] {
        if let Some(Witness { amount, first, second }) = witness {
            let (a, b) = (first as usize, second as usize);
            assert!(counts(a, b));
            assert_eq!(amount, sign * (table[a | b] + table[a & b] - table[a] - table[b]));
        }
    }
}

fn differ_by_one_each(a: usize, b: usize) -> bool {
    (a & !b).count_ones() == 1 && (b & !a).count_ones() == 1
}

/// A game of 15 players with values that no pass can confuse, in more than one block.
fn large_table() -> Vec<f64> {
    let mut state = 1_u64;
    let mut table: Vec<f64> = (0..1 << 15)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 50) as f64
        })
        .collect();
    table[0] = 0.0;
    table
}

proptest! {
    #[test]
    fn convexity_is_that_of_all_pairs(table in tables()) {
        let ends = convexity(&table, SLACK, &Progress::new()).unwrap();
        assert_ends(&table, ends, differ_by_one_each);
    }

    #[test]
    fn additivity_is_that_of_all_pairs(table in tables()) {
        let ends = additivity(&table, SLACK, &Progress::new()).unwrap();
        assert_ends(&table, ends, |a, b| a & b == 0);
    }

    #[test]
    fn complements_are_those_of_all_pairs(table in tables()) {
        let ends = complements(&table, SLACK, &Progress::new()).unwrap();
        assert_ends(&table, ends, |a, b| a ^ b == table.len() - 1);
    }

    #[test]
    fn marginals_are_those_of_all_players(table in tables()) {
        let n_players = table.len().ilog2() as usize;
        let found = marginals(&table, &vec![0.0; n_players], SLACK, &Progress::new()).unwrap();
        for (player, range) in found.ranges.iter().enumerate() {
            let of_player: Vec<f64> = (0..table.len())
                .filter(|coalition| coalition >> player & 1 == 0)
                .map(|coalition| table[coalition | 1 << player] - table[coalition])
                .collect();
            assert_eq!(range.least, of_player.iter().copied().fold(f64::INFINITY, f64::min));
            assert_eq!(range.greatest, of_player.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
        let least = found.ranges.iter().map(|range| range.least).fold(0.0, f64::min);
        assert_eq!(found.ends.below.map_or(0.0, |witness| -witness.amount), least);
    }

    #[test]
    fn classes_are_those_of_all_pairs(table in tables()) {
        let n_players = table.len().ilog2() as usize;
        let classes = symmetric_players(&table, SLACK, &Progress::new()).unwrap();
        let mut class_of = vec![0; n_players];
        for (place, class) in classes.iter().enumerate() {
            class.iter().for_each(|&player| class_of[player] = place);
        }
        for (i, j) in (0..n_players).flat_map(|j| (0..j).map(move |i| (i, j))) {
            let same = (0..table.len())
                .filter(|coalition| coalition & (1 << i | 1 << j) == 0)
                .all(|coalition| table[coalition | 1 << i] == table[coalition | 1 << j]);
            assert_eq!(class_of[i] == class_of[j], same);
        }
    }
}

#[test]
fn several_blocks_are_put_together() {
    let table = large_table();
    let progress = Progress::new();
    let n_players = 15;
    let mut expected = (0.0, 0.0);
    let mut marginal = 0.0;
    for coalition in 0..table.len() {
        for i in (0..n_players).filter(|i| coalition >> i & 1 == 0) {
            marginal = f64::min(marginal, table[coalition | 1 << i] - table[coalition]);
            for j in (0..i).filter(|j| coalition >> j & 1 == 0) {
                let (a, b) = (coalition | 1 << i, coalition | 1 << j);
                let difference = table[a | b] + table[coalition] - table[a] - table[b];
                expected = (f64::min(expected.0, difference), f64::max(expected.1, difference));
            }
        }
    }
    let ends = convexity(&table, SLACK, &progress).unwrap();
    assert_eq!((-ends.below.unwrap().amount, ends.above.unwrap().amount), expected);
    let found = marginals(&table, &[0.0; 15], SLACK, &progress).unwrap();
    assert_eq!(-found.ends.below.unwrap().amount, marginal);
    let mut joint = (0.0, 0.0);
    for union in 0..table.len() {
        let mut part = union;
        while part > 0 {
            part = (part - 1) & union;
            let gain = table[union] - table[part] - table[union ^ part];
            joint = (f64::min(joint.0, gain), f64::max(joint.1, gain));
        }
    }
    let ends = additivity(&table, SLACK, &progress).unwrap();
    assert_eq!((-ends.below.unwrap().amount, ends.above.unwrap().amount), joint);
}

#[test]
fn symmetric_players_of_several_blocks_are_found() {
    // Worth by the numbers of members among the players 1, 12 and 14, and among the others.
    let special = 1 << 1 | 1 << 12 | 1 << 14;
    let table: Vec<f64> = (0..1_u32 << 15)
        .map(|mask| {
            f64::from((mask & special).count_ones().pow(2) + (mask & !special).count_ones())
        })
        .collect();
    let classes = symmetric_players(&table, SLACK, &Progress::new()).unwrap();
    let others: Vec<usize> = (0..15).filter(|player| special >> player & 1 == 0).collect();
    assert_eq!(classes, [others, vec![1, 12, 14]]);
}

#[test]
fn the_first_of_equal_witnesses_is_named() {
    // Two majorities of three: every pair of players is as bad as any other.
    let table: Vec<f64> = (0..8_u32).map(|mask| f64::from(mask.count_ones() >= 2)).collect();
    let ends = convexity(&table, 1e-9, &Progress::new()).unwrap();
    assert_eq!(ends.below, Some(Witness { amount: 1.0, first: 0b011, second: 0b101 }));
    let ends = additivity(&table, 1e-9, &Progress::new()).unwrap();
    assert_eq!(ends.below, None);
}

#[test]
fn a_table_of_another_length_is_refused() {
    assert!(convexity(&[0.0; 3], SLACK, &Progress::new()).is_err());
    assert!(additivity(&[0.0; 3], SLACK, &Progress::new()).is_err());
    assert!(marginals(&[0.0; 4], &[0.0], SLACK, &Progress::new()).is_err());
}

#[test]
fn an_interrupted_pass_ends() {
    let progress = Progress::new();
    progress.cancel();
    assert!(convexity(&[0.0; 8], SLACK, &progress).is_err());
    assert!(additivity(&[0.0; 8], SLACK, &progress).is_err());
    assert!(symmetric_players(&[0.0; 8], SLACK, &progress).is_err());
}
