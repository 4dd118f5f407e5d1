//! One level of the lexicographic program by HiGHS: the second opinion that tests ask for, and
//! the way out when the dense simplex method meets trouble.

use super::basis_row::BasisRow;
use super::row_pool::RowPool;
use crate::error::Result;
use crate::linear_program::{Model, unit};
use crate::progress::Progress;

/// The finest tolerance that HiGHS takes; values are scaled to order 1.
const TOLERANCE: f64 = 1e-10;
/// What is left of a row that depends on others is smaller than this.
const DEPENDENT: f64 = 1e-9;

/// An optimal basis of: minimise `t` subject to `x(S) = total` for the settled rows of `present`
/// and `x(S) + w(S) t >= v(S)` for the `eligible` rows. Starts from no basis at all; `present`, a
/// basis of the same level, fills up one in which columns are held at 0 instead of rows.
///
/// # Errors
/// [`crate::error::Error::Solver`] with the status when that is not optimal;
/// [`crate::error::Error::Interrupted`].
pub(super) fn optimal_basis(
    pool: &RowPool,
    present: &[BasisRow],
    eligible: &[usize],
    n_players: usize,
    iteration_limit: u32,
    progress: &Progress,
) -> Result<Vec<BasisRow>> {
    let settled = present.iter().filter(|row| row.settled.is_some());
    let open = eligible.iter().map(|&row| BasisRow { row, settled: None });
    let rows: Vec<BasisRow> = settled.copied().chain(open).collect();
    // What is worth far less than 0 never matters; it must not make the rest look small.
    let largest = rows
        .iter()
        .map(|row| row.settled.map_or(pool.value(row.row), f64::abs))
        .fold(0.0, f64::max);
    let scale = unit(largest);

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
    model.solve(progress)?.optimal("HiGHS")?;
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
