//! Charges on the highest import of some steps, such as those of a calendar month.

use std::ops::Range;

use super::{is_usable, unusable};
use crate::error::{Error, Result};

/// A charge on the highest import of some steps.
#[derive(Debug, Clone, PartialEq)]
pub struct PeakCharge {
    /// What each kWh of the highest import in one step costs, once for all steps.
    pub price: f64,
    /// The steps among which the highest import is sought, in ascending order.
    pub steps: Vec<usize>,
}

/// All charges of a period, by step and by block.
#[derive(Debug, Clone)]
pub struct PeakCharges {
    pub(super) prices: Box<[f64]>,
    /// The steps of each that costs something.
    pub(super) steps: Box<[Box<[usize]>]>,
    /// Steps in a row of which the same charges hold.
    pub(super) runs: Vec<Run>,
    /// Where the blocks end into which the charges divide the period: the first step after each.
    pub(super) ends: Vec<usize>,
}

/// Steps in a row, and the charges that all of them are under.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub steps: Range<usize>,
    pub charges: Vec<usize>,
}

impl PeakCharges {
    /// The charges of a period of `n_steps` steps.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when a price is negative or not finite, or the steps of a charge are
    /// none, not in ascending order or beyond the period.
    pub fn new(charges: &[PeakCharge], n_steps: usize) -> Result<Self> {
        for (number, PeakCharge { price, steps }) in charges.iter().enumerate() {
            let name = format!("the price of peak charge {number}");
            if !is_usable(*price) {
                return Err(unusable(&name, *price));
            }
            if *price < 0.0 {
                return Err(Error::InvalidInput(format!(
                    "{name} is {price}; it must not be negative"
                )));
            }
            let in_order = steps.is_sorted_by(|one, next| one < next);
            if !in_order || steps.last().is_none_or(|&last| last >= n_steps) {
                return Err(Error::InvalidInput(format!(
                    "the steps of peak charge {number} must be one or more of 0 to {}, in \
                     ascending order",
                    n_steps.saturating_sub(1)
                )));
            }
        }
        // One that costs nothing bounds nothing.
        let paid = || charges.iter().filter(|charge| charge.price > 0.0);
        let bounds = boundaries(paid());
        let mut of_step = vec![Vec::new(); n_steps];
        for (number, charge) in paid().enumerate() {
            charge.steps.iter().for_each(|&step| of_step[step].push(number));
        }
        let mut runs: Vec<Run> = Vec::new();
        for (step, charges) in of_step.into_iter().enumerate() {
            match runs.last_mut().filter(|run| run.charges == charges && !bounds.contains(&step)) {
                Some(run) => run.steps.end = step + 1,
                None => runs.push(Run { steps: step..step + 1, charges }),
            }
        }
        let ends = bounds.into_iter().chain([n_steps]).collect();
        let steps = paid().map(|charge| charge.steps.clone().into()).collect();
        Ok(Self { prices: paid().map(|charge| charge.price).collect(), steps, runs, ends })
    }

    /// The number of steps.
    pub(super) fn n_steps(&self) -> usize {
        self.runs.last().map_or(0, |run| run.steps.end)
    }

    /// The number of charges that cost something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    /// Whether no charge costs anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// The highest of some imports under each charge.
    #[must_use]
    pub fn peaks(&self, grid_import: &[f64]) -> Vec<f64> {
        let mut peaks = vec![0.0_f64; self.len()];
        for run in &self.runs {
            let highest = grid_import[run.steps.clone()].iter().copied().fold(0.0, f64::max);
            run.charges.iter().for_each(|&charge| peaks[charge] = peaks[charge].max(highest));
        }
        peaks
    }

    /// What some peaks cost.
    #[must_use]
    pub fn cost(&self, peaks: &[f64]) -> f64 {
        self.prices.iter().zip(peaks).map(|(price, peak)| price * peak).sum()
    }

    /// The first and the last but one of the steps under a charge, as a range.
    pub(super) fn span(&self, charge: usize) -> Range<usize> {
        let mut runs = self.runs.iter().filter(|run| run.charges.contains(&charge));
        let first = runs.next().map_or(0..0, |run| run.steps.clone());
        first.start..runs.next_back().map_or(first.end, |run| run.steps.end)
    }
}

/// Where one charge has ended before the next begins: the first steps of all blocks but the first.
fn boundaries<'a>(charges: impl Iterator<Item = &'a PeakCharge>) -> Vec<usize> {
    let mut spans: Vec<(usize, usize)> = charges
        .filter_map(|charge| Some((*charge.steps.first()?, charge.steps.last()? + 1)))
        .collect();
    spans.sort_unstable();
    let mut bounds = Vec::new();
    let mut from = 0;
    loop {
        let later = || spans.iter().filter(|(start, _)| *start >= from);
        let Some(end) = later().map(|&(_, end)| end).min() else { return bounds };
        let Some(next) = later().map(|&(start, _)| start).find(|&start| start >= end) else {
            return bounds;
        };
        bounds.push(next);
        from = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(steps: Range<usize>) -> PeakCharge {
        PeakCharge { price: 1.0, steps: steps.collect() }
    }

    #[test]
    fn months_are_blocks_and_a_window_in_them_makes_runs() {
        let window = PeakCharge { price: 2.0, steps: vec![1, 2, 5] };
        let charges = PeakCharges::new(&[charge(0..4), charge(4..8), window], 8).unwrap();
        let runs: Vec<_> =
            charges.runs.iter().map(|run| (run.steps.clone(), run.charges.clone())).collect();
        assert_eq!(
            runs,
            [
                (0..1, vec![0]),
                (1..3, vec![0, 2]),
                (3..4, vec![0]),
                (4..5, vec![1]),
                (5..6, vec![1, 2]),
                (6..8, vec![1])
            ]
        );
        assert_eq!(charges.ends, [4, 8]);
        assert_eq!(charges.span(2), 1..6);
        assert_eq!(charges.peaks(&[3.0, 1.0, 2.0, 0.0, 0.0, 4.0, 5.0, 0.0]), [3.0, 5.0, 4.0]);
    }

    #[test]
    fn what_costs_nothing_is_left_out() {
        let free = PeakCharge { price: 0.0, steps: vec![0] };
        let charges = PeakCharges::new(&[free, charge(1..2)], 3).unwrap();
        assert_eq!((charges.len(), charges.cost(&[2.0])), (1, 2.0));
        assert!(PeakCharges::new(&[], 3).unwrap().is_empty());
    }

    #[test]
    fn wrong_charges_are_refused() {
        for (charge, message) in [
            (PeakCharge { price: -1.0, steps: vec![0] }, "must not be negative"),
            (PeakCharge { price: f64::NAN, steps: vec![0] }, "must be finite"),
            (PeakCharge { price: 1.0, steps: vec![] }, "one or more of 0 to 2"),
            (PeakCharge { price: 1.0, steps: vec![1, 1] }, "in ascending order"),
            (PeakCharge { price: 1.0, steps: vec![3] }, "one or more of 0 to 2"),
        ] {
            let error = PeakCharges::new(&[charge], 3).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}
