//! What a member answers in a clearing by prices: the net exchange that is best for it near a target.
//!
//! `argmin f(q) + rho/2 |q - v|²` for the cost f of a member with a load, batteries and generation that
//! may be left unused. A battery by itself is exact (see [`super::proximal_battery`]); several of one
//! member take turns until none moves any more, which ends at the optimum, since only their sum is
//! coupled, and smoothly (Tseng 2001).

use std::ops::Range;

use rayon::prelude::*;

use super::proximal_battery::{Cell, ProximalWork};
use super::{Conversion, check_usable, is_usable, unusable};
use crate::error::{Error, Result};
use crate::memory::{self, Purpose};
use crate::progress::Progress;
use crate::thread_pool;

/// Of all power of a member: batteries that move by no more in a turn are at rest.
const AT_REST: f64 = 1e-12;

/// Turns of the batteries of one member; a few are usual.
const MOST_TURNS: usize = 10_000;

/// A battery of a member, in kWh per step.
#[derive(Debug, Clone)]
pub struct OwnBattery {
    /// Capacity, kWh.
    pub energy: f64,
    /// The most that it draws in a step, kWh.
    pub charge: f64,
    /// The most that it delivers in a step, kWh.
    pub discharge: f64,
    /// What is stored at the start, and at least at the end, kWh.
    pub initial: f64,
    /// The efficiencies.
    pub conversion: Conversion,
    /// The cost of a kWh delivered.
    pub wear: f64,
    /// The steps in which it is there.
    pub steps: Range<usize>,
}

impl OwnBattery {
    fn cell(&self, n_steps: usize) -> Result<Cell> {
        for (what, amount) in [
            ("capacity", self.energy),
            ("power of charging", self.charge),
            ("power of discharging", self.discharge),
            ("initial charge", self.initial),
            ("wear", self.wear),
        ] {
            if !is_usable(amount) {
                return Err(unusable(&format!("the {what} of a battery"), amount));
            }
            if amount < 0.0 {
                return Err(Error::InvalidInput(format!(
                    "the {what} of a battery is {amount}; it must not be negative"
                )));
            }
        }
        if self.initial > self.energy {
            return Err(Error::InvalidInput(format!(
                "the initial charge of a battery is {}, more than its capacity {}",
                self.initial, self.energy
            )));
        }
        if self.steps.start > self.steps.end || self.steps.end > n_steps {
            return Err(Error::InvalidInput(format!(
                "a battery is there in the steps {:?} of {n_steps}",
                self.steps
            )));
        }
        Ok(Cell {
            energy: self.energy,
            charge: self.charge,
            discharge: self.discharge,
            initial: self.initial,
            kept: self.conversion.charge_efficiency(),
            taken: 1.0 / self.conversion.discharge_efficiency(),
            wear: self.wear,
        })
    }
}

/// The cost of a member as a function of its net exchange.
#[derive(Debug)]
pub struct ProximalMember {
    net_load: Vec<f64>,
    /// Empty, or the generation in each step that may be left unused.
    unused: Vec<f64>,
    cells: Vec<(Cell, Range<usize>)>,
}

/// An answer: the net exchange, and what it costs the member itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// What is drawn in each step, less what is fed in, kWh.
    pub exchange: Vec<f64>,
    /// What its batteries wear off.
    pub own_cost: f64,
}

impl ProximalMember {
    /// A member with a net load in each step.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no step, lengths differ, or a number is out of its range.
    pub fn new(net_load: Vec<f64>, unused: Vec<f64>, batteries: &[OwnBattery]) -> Result<Self> {
        if net_load.is_empty() {
            return Err(Error::InvalidInput("a member needs at least one step".to_owned()));
        }
        check_usable("net_load", &net_load)?;
        check_usable("unused", &unused)?;
        if !(unused.is_empty() || unused.len() == net_load.len()) {
            return Err(Error::InvalidInput(format!(
                "generation that may be left unused is of {} steps, not of {}",
                unused.len(),
                net_load.len()
            )));
        }
        if let Some(amount) = unused.iter().find(|&&amount| amount < 0.0) {
            return Err(Error::InvalidInput(format!("{amount} kWh cannot be left unused")));
        }
        let cells = batteries
            .iter()
            .map(|battery| Ok((battery.cell(net_load.len())?, battery.steps.clone())))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { net_load, unused, cells })
    }

    /// How many steps there are.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        self.net_load.len()
    }

    /// `argmin f(q) + rho/2 |q - target|²`, with the cost f of it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the target has another length, a number is out of its range, or rho
    /// is not positive; [`Error::Interrupted`].
    pub fn respond(&self, target: &[f64], rho: f64, progress: &Progress) -> Result<Response> {
        if target.len() != self.n_steps() {
            return Err(Error::InvalidInput(format!(
                "the target is of {} steps, not of {}",
                target.len(),
                self.n_steps()
            )));
        }
        check_usable("target", target)?;
        if !(rho > 0.0 && is_usable(rho)) {
            return Err(Error::InvalidInput(format!("rho is {rho}; it must be positive")));
        }
        let wanted = target.iter().zip(&self.net_load).map(|(target, net)| target - net);
        let wanted: Vec<f64> = wanted.collect();
        let mut work = ProximalWork::default();
        let (moved, own_cost) = match &self.cells[..] {
            [one] => self.with_one(one, &wanted, rho, &mut work),
            several => self.in_turns(several, &wanted, rho, &mut work, progress)?,
        };
        let exchange = moved.iter().zip(&self.net_load).map(|(moved, net)| net + moved).collect();
        Ok(Response { exchange, own_cost })
    }

    /// What is left unused of generation to come near to what is wanted.
    fn left_unused(&self, step: usize, wanted: f64) -> f64 {
        self.unused.get(step).map_or(0.0, |&most| wanted.max(0.0).min(most))
    }

    fn with_one(
        &self,
        (cell, steps): &(Cell, Range<usize>),
        wanted: &[f64],
        rho: f64,
        work: &mut ProximalWork,
    ) -> (Vec<f64>, f64) {
        let outside = |step: usize| self.left_unused(step, wanted[step]);
        let mut moved: Vec<f64> = (0..wanted.len()).map(outside).collect();
        let unused = self.unused.get(steps.clone()).unwrap_or_default();
        let there = steps.clone();
        let own = cell.nearest(&wanted[there.clone()], unused, rho, work, &mut moved[there]);
        (moved, own)
    }

    fn in_turns(
        &self,
        cells: &[(Cell, Range<usize>)],
        wanted: &[f64],
        rho: f64,
        work: &mut ProximalWork,
        progress: &Progress,
    ) -> Result<(Vec<f64>, f64)> {
        let n_steps = wanted.len();
        let power: f64 = cells.iter().map(|(cell, _)| cell.charge + cell.discharge).sum();
        let mut moves = memory::zeros::<f64>(&[cells.len() + 1, n_steps], Purpose::Data)?;
        let (mut aims, mut next) = (vec![0.0; n_steps], vec![0.0; n_steps]);
        let mut sum = vec![0.0; n_steps];
        let mut wear = vec![0.0; cells.len()];
        for _ in 0..MOST_TURNS {
            progress.check()?;
            let mut largest = 0.0_f64;
            for (number, own) in moves.chunks_exact_mut(n_steps).enumerate() {
                // Sums anew, so that rounding does not add up over the turns.
                for step in 0..n_steps {
                    aims[step] = wanted[step] - (sum[step] - own[step]);
                }
                next.fill(0.0);
                match cells.get(number) {
                    Some((cell, steps)) => {
                        let there = steps.clone();
                        let next = &mut next[there.clone()];
                        wear[number] = cell.nearest(&aims[there], &[], rho, work, next);
                    }
                    None => {
                        for step in 0..n_steps {
                            next[step] = self.left_unused(step, aims[step]);
                        }
                    }
                }
                for step in 0..n_steps {
                    largest = largest.max((next[step] - own[step]).abs());
                    sum[step] += next[step] - own[step];
                    own[step] = next[step];
                }
            }
            if largest <= AT_REST * power {
                break;
            }
        }
        Ok((sum, wear.iter().sum()))
    }
}

/// The answers of all, each to its target and at its rho; in parallel, each by itself, so with the same
/// bits for any number of threads.
///
/// # Errors
/// As [`ProximalMember::respond`].
pub fn responses(
    members: &[&ProximalMember],
    targets: &[f64],
    rhos: &[f64],
    progress: &Progress,
) -> Result<Vec<Response>> {
    let mut starts = Vec::with_capacity(members.len());
    let mut end = 0;
    for member in members {
        starts.push(end..end + member.n_steps());
        end += member.n_steps();
    }
    if targets.len() != end || rhos.len() != members.len() {
        return Err(Error::InvalidInput(format!(
            "{} members of {end} steps in all have {} targets and {} values of rho",
            members.len(),
            targets.len(),
            rhos.len()
        )));
    }
    thread_pool::install(|| {
        let each = members.par_iter().zip(starts).zip(rhos);
        each.map(|((member, steps), &rho)| member.respond(&targets[steps], rho, progress)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn battery(energy: f64, power: f64, efficiency: f64, wear: f64, n_steps: usize) -> OwnBattery {
        OwnBattery {
            energy,
            charge: power,
            discharge: power,
            initial: 0.0,
            conversion: Conversion::new(efficiency, efficiency, 1.0).unwrap(),
            wear,
            steps: 0..n_steps,
        }
    }

    fn answer(member: &ProximalMember, target: &[f64], rho: f64) -> Response {
        member.respond(target, rho, &Progress::new()).unwrap()
    }

    #[test]
    fn a_member_without_storage_answers_its_net_load() {
        let member = ProximalMember::new(vec![1.0, -2.0], vec![], &[]).unwrap();
        assert_eq!(answer(&member, &[5.0, 5.0], 0.1).exchange, [1.0, -2.0]);
    }

    #[test]
    fn generation_is_left_unused_as_far_as_the_target_asks() {
        let member = ProximalMember::new(vec![-2.0; 3], vec![1.0; 3], &[]).unwrap();
        assert_eq!(answer(&member, &[-3.0, -1.5, 0.0], 0.1).exchange, [-2.0, -1.5, -1.0]);
    }

    #[test]
    fn a_battery_without_losses_splits_the_difference() {
        // Target +1 then -1, as much as the battery may hold: it does just that.
        let member =
            ProximalMember::new(vec![0.0; 2], vec![], &[battery(4.0, 4.0, 1.0, 0.0, 2)]).unwrap();
        assert_eq!(answer(&member, &[1.0, -1.0], 0.1).exchange, [1.0, -1.0]);
        // Target 0 then -2: min (c² + (c - 2)²)/2 has c = 1.
        assert_eq!(answer(&member, &[0.0, -2.0], 0.1).exchange, [1.0, -1.0]);
        // With wear w the second step has the slope w / rho more: c = 1 - w / (2 rho).
        let worn = battery(4.0, 4.0, 1.0, 0.0625, 2);
        let member = ProximalMember::new(vec![0.0; 2], vec![], &[worn]).unwrap();
        let found = answer(&member, &[0.0, -2.0], 0.125);
        assert_eq!(found.exchange, [0.75, -0.75]);
        assert!((found.own_cost - 0.0625 * 0.75).abs() < 1e-15);
    }

    #[test]
    fn losses_are_part_of_the_balance() {
        // min c² + (2 - d)² with d = 0.25 c: c = 0.5 / (1 + 0.0625).
        let member =
            ProximalMember::new(vec![0.0; 2], vec![], &[battery(4.0, 4.0, 0.5, 0.0, 2)]).unwrap();
        let c = 0.5 / 1.0625;
        let found = answer(&member, &[0.0, -2.0], 0.7).exchange;
        assert!((found[0] - c).abs() < 1e-12 && (found[1] + 0.25 * c).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn a_full_battery_burns_what_it_is_to_draw() {
        // Holds 1 kWh; to draw 3 kWh in one step it charges and discharges at once.
        let member =
            ProximalMember::new(vec![0.0], vec![], &[battery(1.0, 10.0, 0.5, 0.0, 1)]).unwrap();
        let found = answer(&member, &[3.0], 1.0);
        assert!((found.exchange[0] - 3.0).abs() < 1e-12, "{found:?}");
        // c - d = 3 and c/2 - 2 d = 1 have d = 1/3: what wears is as little as can be.
        let member =
            ProximalMember::new(vec![0.0], vec![], &[battery(1.0, 10.0, 0.5, 1e-9, 1)]).unwrap();
        let found = answer(&member, &[3.0], 1.0);
        assert!((found.own_cost / 1e-9 - 1.0 / 3.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn two_halves_of_a_battery_answer_like_the_whole() {
        let target = [0.3, -2.0, 1.7, -0.4, 3.0, -3.0];
        let net = vec![0.5, 1.0, -1.0, 0.2, -2.0, 1.5];
        let one = battery(3.0, 2.0, 0.9, 0.01, 6);
        let half = battery(1.5, 1.0, 0.9, 0.01, 6);
        let whole = ProximalMember::new(net.clone(), vec![], &[one]).unwrap();
        let parts = ProximalMember::new(net, vec![], &[half.clone(), half]).unwrap();
        let (one, two) = (answer(&whole, &target, 0.05), answer(&parts, &target, 0.05));
        for (one, two) in one.exchange.iter().zip(&two.exchange) {
            assert!((one - two).abs() < 1e-9, "{one} {two}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        let member = ProximalMember::new(vec![1.0, 2.0], vec![], &[]).unwrap();
        for (target, rho) in [(&[0.0][..], 1.0), (&[0.0, f64::NAN], 1.0), (&[0.0, 0.0], 0.0)] {
            assert!(member.respond(target, rho, &Progress::new()).is_err());
        }
        assert!(ProximalMember::new(vec![], vec![], &[]).is_err());
        let full = OwnBattery { initial: 2.0, ..battery(1.0, 1.0, 0.9, 0.0, 2) };
        assert!(ProximalMember::new(vec![0.0; 2], vec![], &[full]).is_err());
    }
}
