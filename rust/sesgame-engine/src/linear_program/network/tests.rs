//! Networks against HiGHS, with ties.

use super::*;
use crate::linear_program::Model;
use proptest::prelude::*;

/// A program of storage in kind: columns of one or two entries, bounds, and rows.
#[derive(Debug, Clone)]
struct Drawn {
    cost: Vec<f64>,
    rows: Vec<Vec<(usize, f64)>>,
    bounds: [Vec<(f64, f64)>; 2],
}

fn model(drawn: &Drawn, bounds: &[(f64, f64)]) -> Model {
    let mut model = Model::new();
    for (&cost, &(lower, upper)) in drawn.cost.iter().zip(bounds) {
        model.add_column(cost, lower, upper);
    }
    for (entries, &(lower, upper)) in drawn.rows.iter().zip(&bounds[drawn.cost.len()..]) {
        model.add_row(lower, upper, entries);
    }
    model
}

/// Ties on purpose: few costs, whole bounds, equal gains.
fn drawn() -> impl Strategy<Value = Drawn> {
    (1..6_usize, 1..12_usize).prop_flat_map(|(n_rows, n_columns)| {
        let bound = || (-3..4_i32, 0..4_i32);
        let column = (-2..4_i32, 0..n_rows, 0..n_rows, 0..3_usize, bound(), bound());
        let row = (bound(), bound());
        (prop::collection::vec(column, n_columns), prop::collection::vec(row, n_rows)).prop_map(
            move |(columns, rows)| {
                let interval =
                    |(lower, width): (i32, i32)| (f64::from(lower), f64::from(lower + width));
                let mut drawn = Drawn {
                    cost: columns.iter().map(|column| f64::from(column.0)).collect(),
                    rows: vec![Vec::new(); n_rows],
                    bounds: [Vec::new(), Vec::new()],
                };
                for (number, &(_, one, other, gain, first, second)) in columns.iter().enumerate() {
                    drawn.rows[one].push((number, -1.0));
                    if other != one {
                        drawn.rows[other].push((number, [1.0, 0.9, 0.5][gain]));
                    }
                    drawn.bounds[0].push(interval(first));
                    drawn.bounds[1].push(interval(second));
                }
                for (first, second) in rows {
                    drawn.bounds[0].push(interval(first));
                    drawn.bounds[1].push(interval(second));
                }
                drawn
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_proved_is_the_optimum_of_other_bounds(drawn in drawn()) {
        let progress = Progress::new();
        let mut first = model(&drawn, &drawn.bounds[0]);
        if first.solve(&progress).unwrap().optimal("first").is_err() {
            return Ok(());
        }
        let (lower, upper): (Vec<f64>, Vec<f64>) = drawn.bounds[0].iter().copied().unzip();
        let network =
            Network::new(&drawn.cost, &drawn.rows, (&lower, &upper), &first.basis());
        let mut work = Workspace::default();
        for bounds in &drawn.bounds {
            (work.lower, work.upper) = bounds.iter().copied().unzip();
            let Some(network) = &network else { continue };
            let found = network.least_cost(&mut work, &progress).unwrap();
            let optimum = model(&drawn, bounds).solve(&progress).unwrap().optimal("second");
            if let Some(cost) = found {
                let optimum = optimum.expect("what is proved has an optimum").objective;
                prop_assert!((cost - optimum).abs() <= 1e-6, "{cost} is not {optimum}");
            }
        }
    }
}

#[test]
fn a_column_of_three_entries_is_no_network() {
    let rows = vec![vec![(0, 1.0)]; 3];
    let mut model = Model::new();
    model.add_column(1.0, 0.0, 1.0);
    for row in &rows {
        model.add_row(0.0, 1.0, row);
    }
    model.solve(&Progress::new()).unwrap();
    let basis = model.basis();
    let bounds = ([0.0; 4], [1.0; 4]);
    assert!(Network::new(&[1.0], &rows, (&bounds.0, &bounds.1), &basis).is_none());
}
