//! What a supplier bills a coalition for the profile at its meter, every element of its contract.

use super::billed_peak::{BilledPeak, PeakWorkspace};
use super::{Tariff, check_net_load, check_usable};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::partial_sums::SumWalker;
use crate::progress::Progress;

/// What becomes of energy that is fed in.
#[derive(Debug, Clone)]
pub enum Credit {
    /// It earns its price.
    Paid,
    /// It earns its price, but in a period no more than energy costs.
    Capped,
    /// It is taken off what is drawn at the same prices; what is left has these prices.
    Netted(NettedGroups),
}

/// The steps among which energy is netted.
#[derive(Debug, Clone)]
pub struct NettedGroups {
    /// The group of each step.
    pub of_step: Vec<usize>,
    /// What a kWh costs and earns, and the period that pays it, of each group.
    pub prices: Vec<(f64, f64, usize)>,
}

/// Energy above a threshold of a period costs more, or less.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Where it begins, in kWh.
    pub above: f64,
    /// What each kWh above costs in addition.
    pub surcharge: f64,
}

/// A month, or whatever is billed by itself.
#[derive(Debug, Clone)]
pub struct BillingPeriod {
    /// The first step after it.
    pub end: usize,
    /// What it costs to be connected at all.
    pub fee: f64,
    /// The least that it costs.
    pub minimum: Option<f64>,
    /// Those of its energy.
    pub blocks: Vec<Block>,
}

/// The elements of a contract, in the steps of a period.
#[derive(Debug, Clone)]
pub struct ContractTerms {
    /// Prices of energy.
    pub tariff: Tariff,
    /// What becomes of what is fed in.
    pub credit: Credit,
    /// kWh that blocks count for each kWh that is drawn.
    pub losses: f64,
    /// What is billed by itself, in order.
    pub periods: Vec<BillingPeriod>,
    /// Charges on peaks.
    pub peaks: Vec<BilledPeak>,
}

impl ContractTerms {
    /// Refuses what does not fit together.
    pub(super) fn check(&self) -> Result<()> {
        let n_steps = self.tariff.n_steps();
        let invalid = |what: &str| Err(Error::InvalidInput(what.to_owned()));
        let in_order = self.periods.is_sorted_by(|one, next| one.end < next.end);
        let first = self.periods.first().map(|period| period.end);
        if !in_order
            || first == Some(0)
            || self.periods.last().map(|each| each.end) != Some(n_steps)
        {
            return invalid("the periods must be in ascending order and end with the steps");
        }
        check_usable("losses", &[self.losses])?;
        for period in &self.periods {
            check_usable("a fee or minimum", &[period.fee, period.minimum.unwrap_or(0.0)])?;
            for block in &period.blocks {
                check_usable("a block", &[block.above, block.surcharge])?;
            }
        }
        if let Credit::Netted(NettedGroups { of_step, prices }) = &self.credit {
            if of_step.len() != n_steps || of_step.iter().any(|&group| group >= prices.len()) {
                return invalid("there must be a group for each step, and prices for each group");
            }
            for &(buy, sell, period) in prices {
                check_usable("the prices of a group", &[buy, sell])?;
                if period > self.periods.len() {
                    return invalid("a group is of no period");
                }
            }
        }
        self.peaks.iter().try_for_each(|peak| peak.check(n_steps, self.periods.len()))
    }

    /// What a net load costs.
    pub(super) fn cost(&self, load: &[f64], work: &mut Workspace) -> f64 {
        // What is of no period, as the peak of a year, comes last.
        let Workspace { owed, netted, peaks } = work;
        owed.clear();
        owed.extend(self.periods.iter().map(|period| period.fee));
        owed.push(0.0);
        if let Credit::Netted(groups) = &self.credit {
            netted.clear();
            netted.resize(groups.prices.len(), 0.0);
            load.iter().zip(&groups.of_step).for_each(|(load, &group)| netted[group] += load);
            for (&net, &(buy, sell, period)) in netted.iter().zip(&groups.prices) {
                owed[period] += net * if net > 0.0 { buy } else { sell };
            }
        } else {
            let mut start = 0;
            for (period, owed) in self.periods.iter().zip(&mut *owed) {
                *owed += self.energy(period, start, load);
                start = period.end;
            }
        }
        self.peaks.iter().for_each(|peak| peak.bill(load, peaks, owed));
        let of_periods = self.periods.iter().zip(&*owed);
        let least = |(period, owed): (&BillingPeriod, &f64)| {
            period.minimum.map_or(*owed, |minimum| owed.max(minimum))
        };
        of_periods.map(least).sum::<f64>() + owed[self.periods.len()]
    }

    /// What energy costs in a period.
    fn energy(&self, period: &BillingPeriod, start: usize, load: &[f64]) -> f64 {
        let load = &load[start..period.end];
        let mut cost = self.tariff.cost_from(start, load);
        if !period.blocks.is_empty() {
            let drawn: f64 = self.losses * load.iter().map(|load| load.max(0.0)).sum::<f64>();
            for block in &period.blocks {
                cost += block.surcharge * (drawn - block.above).max(0.0);
            }
        }
        if matches!(self.credit, Credit::Capped) { cost.max(0.0) } else { cost }
    }
}

/// What is worked with, from coalition to coalition.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    owed: Vec<f64>,
    netted: Vec<f64>,
    peaks: PeakWorkspace,
}

/// The cost game of members who net their loads step by step and have one contract.
#[derive(Debug)]
pub struct ContractGame {
    terms: ContractTerms,
    /// The net load of each member, and a one: their sum tells whether anybody is there to pay fees.
    rows: Vec<f64>,
    n_players: usize,
}

impl ContractGame {
    /// The game of the members with the given net loads in kWh per step, a row for each.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the rows or the terms do not fit the steps of the tariff, or a
    /// number is not finite.
    pub fn new(net_load: &[f64], terms: ContractTerms) -> Result<Self> {
        let n_steps = terms.tariff.n_steps();
        let n_players = check_net_load(net_load, n_steps)?;
        terms.check()?;
        let rows = net_load.chunks_exact(n_steps);
        let rows = rows.flat_map(|row| row.iter().copied().chain([1.0])).collect();
        Ok(Self { terms, rows, n_players })
    }

    fn width(&self) -> usize {
        self.terms.tariff.n_steps() + 1
    }

    /// The bill of a sum of rows; nobody pays nothing.
    fn cost(&self) -> impl FnMut(&[f64]) -> f64 + Send {
        let mut work = Workspace::default();
        move |row| match row.split_last() {
            Some((&count, load)) if count > 0.0 => self.terms.cost(load, &mut work),
            _ => 0.0,
        }
    }
}

impl NativeGame for ContractGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(SumWalker::new(&self.rows, self.width(), self.cost()))
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.rows, self.width(), || self.cost(), progress)
    }
}

#[cfg(test)]
mod tests {
    use super::super::billed_peak::{Memory, PeakWindows};
    use super::*;

    fn terms(credit: Credit, peaks: Vec<BilledPeak>) -> ContractTerms {
        let period = |end| BillingPeriod { end, fee: 1.0, minimum: Some(2.0), blocks: Vec::new() };
        ContractTerms {
            tariff: Tariff::new(vec![0.5; 4], vec![0.25; 4]).unwrap(),
            credit,
            losses: 1.0,
            periods: vec![period(2), period(4)],
            peaks,
        }
    }

    fn all(net_load: &[f64], terms: ContractTerms) -> f64 {
        let game = ContractGame::new(net_load, terms).unwrap();
        let progress = Progress::default();
        let mut walker = game.walker(&progress);
        (0..game.n_players()).for_each(|player| walker.add(player));
        walker.value()
    }

    #[test]
    fn a_credit_ends_with_what_energy_costs_in_its_month() {
        let load = [4.0, -4.0, 2.0, -8.0];
        // 1 + (2 - 1), and 1 + (1 - 2), of which 2 is the least.
        assert_eq!(all(&load, terms(Credit::Paid, Vec::new())), 2.0 + 2.0);
        let capped = ContractTerms {
            periods: vec![BillingPeriod { end: 4, fee: 0.0, minimum: None, blocks: Vec::new() }],
            ..terms(Credit::Capped, Vec::new())
        };
        assert_eq!(all(&load, capped.clone()), 0.0);
        assert_eq!(all(&load, ContractTerms { credit: Credit::Paid, ..capped }), 0.0);
    }

    #[test]
    fn nobody_pays_no_fee() {
        let game = ContractGame::new(&[0.0; 4], terms(Credit::Paid, Vec::new())).unwrap();
        let progress = Progress::default();
        let mut walker = game.walker(&progress);
        assert_eq!(walker.value(), 0.0);
        walker.add(0);
        assert_eq!(walker.value(), 4.0);
    }

    #[test]
    fn the_highest_of_each_day_are_averaged() {
        let peak = BilledPeak {
            price: 10.0,
            width: 1,
            months: vec![PeakWindows {
                period: 2,
                starts: vec![0, 1, 2, 3],
                days: vec![0, 0, 1, 1],
            }],
            n_highest: 2,
            floor: 0.0,
            cap: f64::INFINITY,
            history: Vec::new(),
            memory: Memory::None,
        };
        let by_day = terms(Credit::Paid, vec![peak.clone()]);
        let mut by_window = by_day.clone();
        by_window.peaks[0].months[0].days.clear();
        let load = [8.0, 6.0, 4.0, -1.0];
        assert_eq!(all(&load, by_day) - all(&load, terms(Credit::Paid, Vec::new())), 60.0);
        assert_eq!(all(&load, by_window) - all(&load, terms(Credit::Paid, Vec::new())), 70.0);
    }

    #[test]
    fn a_window_beyond_the_steps_is_refused() {
        let windows = PeakWindows { period: 0, starts: vec![3], days: Vec::new() };
        let peak = BilledPeak {
            price: 1.0,
            width: 2,
            months: vec![windows],
            n_highest: 1,
            floor: 0.0,
            cap: 1.0,
            history: Vec::new(),
            memory: Memory::None,
        };
        let error = ContractGame::new(&[0.0; 4], terms(Credit::Paid, vec![peak])).unwrap_err();
        assert!(error.to_string().contains("windows must be within"), "{error}");
    }
}
