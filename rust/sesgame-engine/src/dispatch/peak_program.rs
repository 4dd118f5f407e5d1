//! The least cost of one pool under charges on peaks as a linear program: what is solved where the
//! cutting planes end without proof.

use super::convex_pool::{Holding, Workspace};
use super::peak_optimum::PeakModel;
use crate::error::Result;
use crate::linear_program::{Model, unit};
use crate::progress::Progress;

/// The least cost of a pool; infinite where it has no dispatch.
///
/// # Errors
/// [`crate::error::Error::Interrupted`] and [`crate::error::Error::Solver`].
pub(super) fn cost_by_program(
    model: &PeakModel,
    resources: &[f64],
    progress: &Progress,
) -> Result<f64> {
    let PeakModel { game, charges, .. } = model;
    let work = &mut Workspace::new();
    let uncapped = vec![0.0; charges.len()];
    if game.infeasible_step(resources, &uncapped, work).is_some() {
        return Ok(f64::INFINITY);
    }
    let (series, holding) = game.split(resources);
    let Holding { energy, charge_power, discharge_power, initial_charge, money } = holding;
    let ranges: Vec<_> = (0..charges.len()).map(|charge| model.range(resources, charge)).collect();
    let widest = ranges.iter().fold(charge_power, |most, (_, high)| most.max(*high));
    let (amount, price) = (unit(widest.max(discharge_power)), unit(game.costs.highest()));
    let infinite = f64::INFINITY;
    let mut program = Model::new();
    let peaks: Vec<usize> = charges
        .prices
        .iter()
        .zip(&ranges)
        .map(|(per_peak, (_, high))| program.add_column(per_peak / price, 0.0, high / amount))
        .collect();
    let mut constant = money;
    let mut before = None;
    let n_steps = game.costs.n_steps();
    for step in 0..n_steps {
        let shape = game.shape(step, (&series, &holding), &uncapped, work);
        let shape = shape.expect("an exchange of a pool that has a dispatch");
        let wear = game.terminals.wear;
        let (drawing, delivering) = (shape.base + wear.charge, wear.discharge - shape.base);
        let drawn = program.add_column(drawing / price, 0.0, charge_power / amount);
        let delivered = program.add_column(delivering / price, 0.0, discharge_power / amount);
        let least = if step + 1 == n_steps { initial_charge } else { 0.0 };
        let after = program.add_column(0.0, least / amount, energy / amount);
        constant -= shape.base * shape.anchor_at;
        let exchange = [(drawn, 1.0), (delivered, -1.0)];
        program.add_row(shape.lower / amount, shape.upper / amount, &exchange);
        // Per kWh drawn and delivered.
        let stored = [game.terminals.efficient(1.0), game.terminals.efficient(-1.0)];
        let mut kept = vec![(drawn, -stored[0]), (delivered, -stored[1]), (after, 1.0)];
        let at_start = game.retention * initial_charge / amount;
        let start = before.map_or(at_start, |before| {
            kept.push((before, -game.retention));
            0.0
        });
        program.add_row(start, start, &kept);
        before = Some(after);
        for point in &work.points {
            // Beyond the kink the slope is another one by its weight.
            let beyond = program.add_column(point.weight / price, 0.0, infinite);
            let sign = if point.place < shape.anchor { 1.0 } else { -1.0 };
            let mut entries = vec![(beyond, 1.0), (drawn, sign), (delivered, -sign)];
            if let Some(cap) = game.costs.cap_at(step, point.place) {
                entries.push((peaks[cap], -sign));
            }
            program.add_row(sign * point.at / amount, infinite, &entries);
        }
    }
    let solution = program.solve(progress)?.optimal("the program of a pool with peak charges")?;
    Ok(constant + solution.objective * amount * price)
}
