//! The demand charge: a coalition pays for the largest load of each billing period.

use super::{LARGEST, check_numbers};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::partial_sums::SumWalker;
use crate::progress::Progress;

/// The cost game `c(S) = sum over periods of price * max over its steps of max(L_t, 0)`, with `L_t` the sum
/// of the members' loads.
#[derive(Debug)]
pub struct PeakGame {
    /// One row of loads for each member.
    loads: Vec<f64>,
    n_players: usize,
    /// The steps of each period, and its price.
    periods: Vec<(std::ops::Range<usize>, f64)>,
    n_steps: usize,
}

impl PeakGame {
    /// The game of members with the given loads by row, where a period ends before each of the `ends`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the periods do not cover the steps in ascending order, there
    /// are not as many prices, or something is not a number.
    pub fn new(loads: Vec<f64>, ends: &[usize], prices: Vec<f64>) -> Result<Self> {
        check_numbers("loads", &loads, -LARGEST)?;
        check_numbers("prices", &prices, 0.0)?;
        let n_steps = ends.last().copied().unwrap_or(0);
        let ascending = ends.first().is_some_and(|&end| end > 0) && ends.is_sorted_by(|a, b| a < b);
        if !ascending || ends.len() != prices.len() || !loads.len().is_multiple_of(n_steps) {
            return Err(Error::InvalidInput(format!(
                "{} loads, periods that end at {ends:?} and {} prices do not fit",
                loads.len(),
                prices.len()
            )));
        }
        let starts = [0].iter().chain(ends);
        let periods = starts.zip(ends).map(|(&start, &end)| start..end).zip(prices).collect();
        Ok(Self { n_players: loads.len() / n_steps, loads, periods, n_steps })
    }

    /// The cost of loads by step.
    fn cost(&self) -> impl FnMut(&[f64]) -> f64 + Send {
        |sums| self.periods.iter().map(|(steps, price)| price * peak(&sums[steps.clone()])).sum()
    }
}

impl NativeGame for PeakGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(SumWalker::new(&self.loads, self.n_steps, self.cost()))
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.loads, self.n_steps, || self.cost(), progress)
    }
}

/// The largest number, or 0.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn peak(loads: &[f64]) -> f64 {
    const LANES: usize = 32;
    let larger = |a: f64, b: f64| if a > b { a } else { b };
    let mut peaks = [0.0; LANES];
    let chunks = loads.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..LANES {
            peaks[lane] = larger(chunk[lane], peaks[lane]);
        }
    }
    rest.iter().chain(&peaks).fold(0.0, |peak, &load| larger(load, peak))
}
