//! Where the search for the caps of a pool begins: peaks that no dispatch is below, or not by much.

use super::convex_pool::Holding;
use super::exchange_segments::Terminals;
use super::peak_charge::PeakCharges;

/// Passes over the steps in which a start is sought.
const PASSES: usize = 8;

/// A peak that no dispatch of a net load is below, or not by much: a battery that is full where the
/// charge begins to hold does nothing but keep the import down.
///
/// Where the charge in the battery runs short the peak is raised by what that takes as long as
/// it is full at the same moment, which is too little rather than too much, in a few passes.
pub(super) fn shaved_peak(
    charges: &PeakCharges,
    charge: usize,
    load: &[f64],
    holding: &Holding,
    terminals: &Terminals,
    least: f64,
) -> f64 {
    let Holding { energy, charge_power, discharge_power, initial_charge, .. } = *holding;
    let (drawn, delivered) = (terminals.efficient(1.0), -terminals.efficient(-1.0));
    let span = charges.span(charge);
    let mut peak = least;
    for _ in 0..PASSES {
        let before = peak;
        let mut stored = if span.start == 0 { initial_charge } else { energy };
        // By how much more would be stored if the peak were higher.
        let mut per_peak = 0.0;
        let is_within =
            |steps: &std::ops::Range<usize>| steps.start >= span.start && steps.end <= span.end;
        for run in charges.runs.iter().filter(|run| is_within(&run.steps)) {
            if !run.charges.contains(&charge) {
                let most = run.steps.len() as f64 * charge_power * drawn;
                stored += most;
                if stored >= energy {
                    (stored, per_peak) = (energy, 0.0);
                }
                continue;
            }
            for step in run.steps.clone() {
                let room = peak - load[step];
                // A full battery stays full.
                if stored >= energy && room >= 0.0 {
                    continue;
                }
                if room >= charge_power {
                    stored += charge_power * drawn;
                } else {
                    let factor = if room < 0.0 { delivered } else { drawn };
                    stored += room.max(-discharge_power) * factor;
                    per_peak += factor;
                }
                if stored >= energy {
                    (stored, per_peak) = (energy, 0.0);
                } else if stored < 0.0 {
                    peak -= stored / per_peak;
                    stored = 0.0;
                }
            }
        }
        if span.end == charges.n_steps() && stored < initial_charge && per_peak > 0.0 {
            peak += (initial_charge - stored) / per_peak;
        }
        if peak <= before {
            break;
        }
    }
    peak
}
