//! One level of the lexicographic programme by HiGHS: the second opinion that tests ask for, and
//! the way out when the dense simplex method meets trouble.

use super::lexicographic::BasisRow;
use super::row_pool::RowPool;
use crate::linear_program::{Model, Status};

/// The finest tolerance that HiGHS takes; values are scaled to order 1.
const TOLERANCE: f64 = 1e-10;
/// What is left of a row that depends on others is smaller than this.
const DEPENDENT: f64 = 1e-9;

/// An optimal basis of: minimise `t` subject to `x(S) = total` for the settled rows of `present`
/// and `x(S) + w(S) t >= v(S)` for the `eligible` rows. Starts from no basis at all; `present`, a
/// basis of the same level, fills up one in which columns are held at 0 instead of rows.
///
/// # Errors
/// The solver's status when that is not optimal.
pub(super) fn optimal_basis(
    pool: &RowPool,
    present: &[BasisRow],
    eligible: &[usize],
    n_players: usize,
    iteration_limit: u32,
) -> Result<Vec<BasisRow>, Status> {
    let settled = present.iter().filter(|row| row.settled.is_some());
    let open = eligible.iter().map(|&row| BasisRow { row, settled: None });
    let rows: Vec<BasisRow> = settled.copied().chain(open).collect();
    // What is worth far less than 0 never matters; it must not make the rest look small.
    let largest = rows
        .iter()
        .map(|row| row.settled.map_or(pool.value(row.row), f64::abs))
        .fold(0.0, f64::max);
    let scale = if largest > 0.0 { largest } else { 1.0 };

    let mut model = Model::new();
    model.set_feasibility_tolerance(TOLERANCE);
    model.set_iteration_limit(iteration_limit);
    for column in 0..=n_players {
        let cost = if column == n_players { 1.0 } else { 0.0 };
        model.add_column(cost, f64::NEG_INFINITY, f64::INFINITY);
    }
    for row in &rows {
        let mut entries: Vec<(usize, f64)> = pool.players(row.row).map(|i| (i, 1.0)).collect();
        if row.weight(pool) != 0.0 {
            entries.push((n_players, row.weight(pool)));
        }
        let least = row.value(pool) / scale;
        let most = if row.settled.is_some() { least } else { f64::INFINITY };
        model.add_row(least, most, &entries);
    }
    let status = model.solve().status;
    if status != Status::Optimal {
        return Err(status);
    }
    let tight: Vec<BasisRow> = model.basis().tight_rows().map(|place| rows[place]).collect();
    if tight.len() > n_players {
        return Ok(tight);
    }
    Ok(independent(pool, tight.iter().chain(present), n_players))
}

/// Those rows that do not depend on rows before them.
fn independent<'a>(
    pool: &RowPool,
    rows: impl Iterator<Item = &'a BasisRow>,
    n_players: usize,
) -> Vec<BasisRow> {
    let mut echelon: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut kept = Vec::new();
    for row in rows {
        let mut rest = vec![0.0; n_players + 1];
        pool.players(row.row).for_each(|player| rest[player] = 1.0);
        rest[n_players] = row.weight(pool);
        for (lead, known) in &echelon {
            let factor = rest[*lead];
            rest.iter_mut().zip(known).for_each(|(entry, known)| *entry -= factor * known);
        }
        let largest = (0..=n_players).max_by(|&a, &b| rest[a].abs().total_cmp(&rest[b].abs()));
        let Some(lead) = largest.filter(|&lead| rest[lead].abs() > DEPENDENT) else { continue };
        let scale = 1.0 / rest[lead];
        rest.iter_mut().for_each(|entry| *entry *= scale);
        echelon.push((lead, rest));
        kept.push(*row);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use crate::error::Error;
    use crate::progress::Progress;
    use crate::stability::lexicographic::{Depth, Lexicographic, Limits};

    const HIGHS_ONLY: Limits = Limits { dense: 0, fallback: u32::MAX };
    const NEITHER: Limits = Limits { dense: 0, fallback: 0 };

    /// Coalitions with values, and for each its complement, so that both methods know the same.
    #[derive(Debug, Clone)]
    struct Rows {
        n_players: usize,
        bounded: bool,
        per_capita: bool,
        values: HashMap<u16, f64>,
    }

    impl Rows {
        fn programme(&self, limits: Limits) -> Lexicographic<'_> {
            let mask =
                |bytes: &[u8]| bytes.iter().rev().fold(0, |mask, &b| mask << 8 | u16::from(b));
            let mut programme = Lexicographic::new(self.n_players, self.bounded, move |members| {
                let mask = mask(members);
                let weight = if self.per_capita { f64::from(mask.count_ones()) } else { 1.0 };
                Some((self.values.get(&mask).copied().unwrap_or(0.0), weight))
            });
            programme.limits = limits;
            for mask in self.values.keys().filter(|mask| mask.count_ones() > 1) {
                programme.require(&mask.to_le_bytes()[..self.n_players.div_ceil(8)]);
            }
            programme
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
                (-9..9_i32, 1.0..10.0)
                    .prop_map(|(power, digits)| digits * 10_f64.powi(power))
                    .boxed()
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
            let mut dense = rows.programme(Limits { fallback: 0, ..HIGHS_ONLY });
            dense.limits.dense = u64::MAX;
            let mut highs = rows.programme(HIGHS_ONLY);
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
        let mut programme = rows.programme(NEITHER);
        let status = "iteration limit; HiGHS: iteration limit".to_owned();
        assert_eq!(
            programme.solve(0, Depth::All, &Progress::new()),
            Err(Error::Solver { stage: "level 1".to_owned(), status })
        );
    }

    #[test]
    fn after_trouble_in_one_method_the_other_goes_on() {
        let rows = majority();
        let mut programme = rows.programme(HIGHS_ONLY);
        programme.solve(0, Depth::All, &Progress::new()).unwrap();
        let own: u64 = programme.pivots;
        for share in programme.allocation() {
            assert!((share - 1.0 / 7.0).abs() < 1e-12);
        }
        let mut dense = rows.programme(Limits { dense: u64::MAX, fallback: 0 });
        dense.solve(0, Depth::All, &Progress::new()).unwrap();
        assert!(own < dense.pivots, "{own} {}", dense.pivots);
    }
}
