//! The dense method and HiGHS against each other.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const HIGHS_ONLY: Limits = Limits { dense: 0, highs: u32::MAX };
const NEITHER: Limits = Limits { dense: 0, highs: 0 };

/// Coalitions with values, and for each its complement, so that both methods know the same.
#[derive(Debug, Clone)]
struct Rows {
    n_players: usize,
    bounded: bool,
    per_capita: bool,
    values: HashMap<u16, f64>,
}

impl Rows {
    fn program(&self, limits: Limits) -> Lexicographic<'_> {
        let mask = |bytes: &[u8]| bytes.iter().rev().fold(0, |mask, &b| mask << 8 | u16::from(b));
        let mut program =
            Lexicographic::new(self.n_players, self.bounded.then_some(0.0), move |members| {
                let mask = mask(members);
                let weight = if self.per_capita { f64::from(mask.count_ones()) } else { 1.0 };
                Some((self.values.get(&mask).copied().unwrap_or(0.0), weight))
            });
        program.limits = limits;
        for mask in self.values.keys().filter(|mask| mask.count_ones() > 1) {
            program.require(&mask.to_le_bytes()[..self.n_players.div_ceil(8)]);
        }
        program
    }
}

/// Random values, few different ones (most vertices are degenerate), zeros and ones, and
/// values of every order of magnitude.
fn value() -> impl Strategy<Value = Vec<f64>> {
    let many = |value: BoxedStrategy<f64>| prop::collection::vec(value, 200);
    prop_oneof![
        many((-50.0..100.0).boxed()),
        many((0..4_i32).prop_map(f64::from).boxed()),
        many((0..2_i32).prop_map(f64::from).boxed()),
        many(
            (-9..9_i32, 1.0..10.0).prop_map(|(power, digits)| digits * 10_f64.powi(power)).boxed()
        ),
    ]
}

fn rows() -> impl Strategy<Value = Rows> {
    (2..=14_usize, any::<bool>(), any::<bool>(), value())
        .prop_flat_map(|(n_players, bounded, per_capita, values)| {
            let all = (1_u16 << n_players) - 1;
            let coalitions = prop::collection::vec(1..all, 0..80);
            (Just((n_players, bounded, per_capita, values, all)), coalitions)
        })
        .prop_map(|((n_players, bounded, per_capita, values, all), coalitions)| {
            let singletons = (0..n_players).map(|player| 1 << player);
            let pairs = coalitions.into_iter().chain(singletons).flat_map(|s| [s, all ^ s]);
            let mut values: HashMap<u16, f64> = pairs.zip(values).collect();
            // Enough for what the players have alone.
            let alone: f64 = (0..n_players).map(|player| values[&(1 << player)]).sum();
            values.insert(all, alone + 1.0);
            Rows { n_players, bounded, per_capita, values }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_dense_method_and_highs_find_the_same_levels(rows in rows()) {
        let mut dense = rows.program(Limits { highs: 0, ..HIGHS_ONLY });
        dense.limits.dense = u64::MAX;
        let mut highs = rows.program(HIGHS_ONLY);
        dense.solve(0, Depth::All, &Progress::new()).unwrap();
        highs.solve(0, Depth::All, &Progress::new()).unwrap();
        let scale = rows.values.values().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        prop_assert_eq!(dense.pool.len(), highs.pool.len());
        prop_assert!((dense.levels[0].t - highs.levels[0].t).abs() <= 1e-9 * scale);
        for (a, b) in dense.allocation().iter().zip(highs.allocation()) {
            prop_assert!((a - b).abs() <= 1e-8 * scale, "{a} {b}");
        }
    }
}

fn majority() -> Rows {
    let values = (1..128_u16).map(|mask| (mask, f64::from(u8::from(mask.count_ones() > 3))));
    Rows { n_players: 7, bounded: true, per_capita: false, values: values.collect() }
}

#[test]
fn a_level_that_neither_method_finishes_is_an_error_with_its_number() {
    let rows = majority();
    let mut program = rows.program(NEITHER);
    let status = "iteration limit; HiGHS: iteration limit".to_owned();
    assert_eq!(
        program.solve(0, Depth::All, &Progress::new()),
        Err(Error::Solver { stage: "level 1".to_owned(), status })
    );
}

#[test]
fn after_trouble_in_one_method_the_other_goes_on() {
    let rows = majority();
    let mut program = rows.program(HIGHS_ONLY);
    program.solve(0, Depth::All, &Progress::new()).unwrap();
    let own: u64 = program.pivots;
    for share in program.allocation() {
        assert!((share - 1.0 / 7.0).abs() < 1e-12);
    }
    let mut dense = rows.program(Limits { dense: u64::MAX, highs: 0 });
    dense.solve(0, Depth::All, &Progress::new()).unwrap();
    assert!(own < dense.pivots, "{own} {}", dense.pivots);
}
