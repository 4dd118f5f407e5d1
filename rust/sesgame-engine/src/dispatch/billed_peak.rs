//! Peaks as grid operators bill them: means over windows, of the highest of several days, of the
//! months before.

use super::{check_usable, is_usable, unusable};
use crate::error::{Error, Result};

/// The windows of one month, or of whatever has a peak of its own.
#[derive(Debug, Clone)]
pub struct PeakWindows {
    /// The billing period that pays it.
    pub period: usize,
    /// The first step of each window, in ascending order.
    pub starts: Vec<usize>,
    /// The day of each window, in ascending order: only the highest of a day counts. Where it is
    /// empty, each window counts by itself.
    pub days: Vec<usize>,
}

/// What is billed of the peaks of several months in a row.
#[derive(Debug, Clone)]
pub enum Memory {
    /// The peak of each month.
    None,
    /// The mean of the last so many months, its own among them; of those there are.
    Mean(usize),
    /// At least this share of the highest of the last so many months before.
    Ratchet(f64, usize),
}

/// A charge on peaks; all energy in kWh of a window.
#[derive(Debug, Clone)]
pub struct BilledPeak {
    /// What each kWh in a window costs.
    pub price: f64,
    /// Steps in a window.
    pub width: usize,
    /// What has a peak of its own, in order.
    pub months: Vec<PeakWindows>,
    /// A peak is the mean of so many highest windows, of those there are.
    pub n_highest: usize,
    /// No peak counts less.
    pub floor: f64,
    /// No peak counts more.
    pub cap: f64,
    /// The peaks of the months before the first, in order.
    pub history: Vec<f64>,
    /// How these count.
    pub memory: Memory,
}

/// What is worked with, from coalition to coalition.
#[derive(Debug, Default)]
pub(super) struct PeakWorkspace {
    highest: Vec<f64>,
    peaks: Vec<f64>,
}

impl BilledPeak {
    /// Refuses what does not fit `n_steps` steps and `n_periods` periods.
    pub(super) fn check(&self, n_steps: usize, n_periods: usize) -> Result<()> {
        let invalid = |what: &str| Err(Error::InvalidInput(format!("{what} of a peak charge")));
        if !is_usable(self.price) || self.price < 0.0 {
            return Err(unusable("the price of a peak charge", self.price));
        }
        if self.width == 0 || self.n_highest == 0 {
            return invalid("there must be a step in a window and a window in the mean");
        }
        if !(self.floor >= 0.0 && is_usable(self.floor) && self.cap >= self.floor) {
            return invalid("0 <= floor <= cap must hold");
        }
        check_usable("history", &self.history)?;
        match self.memory {
            Memory::Mean(0) | Memory::Ratchet(_, 0) => {
                return invalid("there must be a month in the memory");
            }
            Memory::Ratchet(share, _) if !(0.0..=1.0).contains(&share) => {
                return invalid("the share of a ratchet must be from 0 to 1");
            }
            _ => {}
        }
        for PeakWindows { period, starts, days } in &self.months {
            let last = starts.last().and_then(|start| start.checked_add(self.width));
            if *period > n_periods || last.is_none_or(|end| end > n_steps) {
                return invalid("the windows must be within steps and periods");
            }
            if !starts.is_sorted_by(|one, next| one < next) || !days.is_sorted() {
                return invalid("the windows must be in ascending order");
            }
            if !days.is_empty() && days.len() != starts.len() {
                return invalid("there must be a day for each window");
            }
        }
        Ok(())
    }

    /// Adds to `owed`, by period, what the peaks of a net load cost.
    pub(super) fn bill(&self, load: &[f64], work: &mut PeakWorkspace, owed: &mut [f64]) {
        let PeakWorkspace { highest, peaks } = work;
        peaks.clear();
        peaks.extend_from_slice(&self.history);
        for month in &self.months {
            let peak = self.peak(month, load, highest).max(self.floor).min(self.cap);
            let billed = match self.memory {
                Memory::None => peak,
                Memory::Mean(count) => {
                    peaks.push(peak);
                    let last = &peaks[peaks.len().saturating_sub(count)..];
                    last.iter().sum::<f64>() / last.len() as f64
                }
                Memory::Ratchet(share, count) => {
                    let before = &peaks[peaks.len().saturating_sub(count)..];
                    let least = share * before.iter().copied().fold(0.0, f64::max);
                    peaks.push(peak);
                    peak.max(least)
                }
            };
            owed[month.period] += self.price * billed;
        }
    }

    /// The mean of the highest windows of a month.
    fn peak(&self, month: &PeakWindows, load: &[f64], highest: &mut Vec<f64>) -> f64 {
        let windows = month.starts.iter().map(|&start| self.import(load, start));
        if self.n_highest == 1 {
            return windows.fold(0.0, f64::max);
        }
        highest.clear();
        let mut windows = windows.enumerate().peekable();
        while let Some((place, mut most)) = windows.next() {
            if let Some(&day) = month.days.get(place) {
                while let Some((_, other)) = windows.next_if(|(next, _)| month.days[*next] == day) {
                    most = most.max(other);
                }
            }
            let rank = highest.partition_point(|&other| other >= most);
            if rank < self.n_highest {
                if highest.len() == self.n_highest {
                    highest.pop();
                }
                highest.insert(rank, most);
            }
        }
        highest.iter().sum::<f64>() / highest.len() as f64
    }

    /// What is drawn in a window.
    fn import(&self, load: &[f64], start: usize) -> f64 {
        if self.width == 1 {
            return load[start].max(0.0);
        }
        load[start..start + self.width].iter().map(|load| load.max(0.0)).sum()
    }
}
