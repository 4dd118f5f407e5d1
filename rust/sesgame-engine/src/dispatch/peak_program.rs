//! The dispatch of one pool under charges on peaks as a linear program: what is solved where the
//! cutting planes end without proof.

use super::battery::Battery;
use super::capped_battery::{CappedBattery, Pool};
use crate::error::Result;
use crate::linear_program::{Model, unit};
use crate::progress::Progress;

/// The least cost of a pool.
///
/// # Errors
/// [`crate::error::Error::Interrupted`] and [`crate::error::Error::Solver`].
pub(super) fn cost_by_program(
    model: &CappedBattery,
    pool: Pool<'_>,
    progress: &Progress,
) -> Result<f64> {
    let Battery { energy, power, initial_charge } = pool.battery;
    let (drawn, delivered) =
        (model.conversion.charge_efficiency(), 1.0 / model.conversion.discharge_efficiency());
    let largest = pool.load.iter().fold(power, |most, load| most.max(load.abs()));
    let (amount, price) = (unit(largest), unit(model.tariff.highest()));
    let (infinite, n_steps) = (f64::INFINITY, pool.load.len());
    let mut program = Model::new();
    let peaks: Vec<usize> = model
        .charges
        .prices
        .iter()
        .map(|peak_price| program.add_column(peak_price / price, 0.0, infinite))
        .collect();
    let mut stored = None;
    for run in &model.charges.runs {
        for step in run.steps.clone() {
            let bought = program.add_column(model.tariff.buy()[step] / price, 0.0, infinite);
            let sold = program.add_column(-model.tariff.sell()[step] / price, 0.0, infinite);
            let charge = program.add_column(0.0, 0.0, power / amount);
            let discharge = program.add_column(0.0, 0.0, power / amount);
            let least = if step + 1 == n_steps { initial_charge } else { 0.0 };
            let state = program.add_column(0.0, least / amount, energy / amount);
            let load = pool.load[step] / amount;
            let balance = [(bought, 1.0), (sold, -1.0), (charge, -1.0), (discharge, 1.0)];
            program.add_row(load, load, &balance);
            let mut kept = vec![(charge, -drawn), (discharge, delivered), (state, 1.0)];
            let before = stored.map_or(initial_charge / amount, |before| {
                kept.push((before, -1.0));
                0.0
            });
            program.add_row(before, before, &kept);
            for &charge in &run.charges {
                program.add_row(f64::NEG_INFINITY, 0.0, &[(bought, 1.0), (peaks[charge], -1.0)]);
            }
            stored = Some(state);
        }
    }
    let solution = program.solve(progress)?.optimal("the program of a pool with peak charges")?;
    Ok(solution.objective * amount * price)
}
