//! Who has to buy and who has to sell, at which prices, in each step.

use crate::dispatch::{LARGEST, unusable};
use crate::error::{Error, Result};
use crate::memory::{self, Purpose};

/// What members buy, or sell, at one price of each step: those of one contract in one zone.
#[derive(Debug)]
pub(super) struct Side {
    pub is_deficit: bool,
    pub zone: usize,
    /// The members who have anything here, in their order, and a row of steps for each.
    pub members: Vec<usize>,
    pub energy: Vec<f64>,
    /// What a deficit costs, or a surplus earns, outside.
    pub price: Vec<f64>,
}

/// Metering points, their registers, and what contracts charge and pay.
pub struct Points<'a> {
    /// The number of members.
    pub n_members: usize,
    /// The member and the group of each point: points of one contract in one zone.
    pub member: &'a [usize],
    /// See `member`.
    pub group: &'a [usize],
    /// Writes the import register of a point, or with `false` its export register.
    pub register: &'a (dyn Fn(usize, bool, &mut [f64]) + Sync),
    /// The zone of each group.
    pub zone: &'a [usize],
    /// What a kWh is bought for, by group and step.
    pub buy: &'a [f64],
    /// What it is sold for.
    pub sell: &'a [f64],
    /// What a shared kWh costs by the zone it comes from, the zone it goes to, and the step.
    pub fee: &'a [f64],
    /// The number of zones.
    pub n_zones: usize,
    /// The number of steps.
    pub n_steps: usize,
}

impl Points<'_> {
    /// Refuses what does not fit together, and prices that cannot be calculated with.
    pub(super) fn check(&self) -> Result<()> {
        let (n_groups, n_zones, n_steps) = (self.zone.len(), self.n_zones, self.n_steps);
        let fits = n_steps > 0
            && self.n_members > 0
            && self.member.len() == self.group.len()
            && self.buy.len() == n_groups * n_steps
            && self.sell.len() == n_groups * n_steps
            && self.fee.len() == n_zones * n_zones * n_steps
            && self.member.iter().all(|&member| member < self.n_members)
            && self.group.iter().all(|&group| group < n_groups)
            && self.zone.iter().all(|&zone| zone < n_zones);
        if !fits {
            return Err(Error::InvalidInput(format!(
                "{} points of {} members and {n_groups} groups in {n_zones} zones over {n_steps} \
                 steps do not fit {} prices and {} fees",
                self.member.len(),
                self.n_members,
                self.buy.len(),
                self.fee.len()
            )));
        }
        crate::dispatch::check_usable("buy", self.buy)?;
        crate::dispatch::check_usable("sell", self.sell)?;
        crate::dispatch::check_usable("fee", self.fee)
    }

    /// The sides on which there is anything.
    pub(super) fn sides(&self) -> Result<Vec<Side>> {
        let n_steps = self.n_steps;
        let mut by_group: Vec<Vec<usize>> = vec![Vec::new(); self.zone.len()];
        for (point, &group) in self.group.iter().enumerate() {
            by_group[group].push(point);
        }
        let mut reading = vec![0.0; n_steps];
        let mut sides = Vec::new();
        for (group, points) in by_group.iter_mut().enumerate() {
            points.sort_by_key(|&point| self.member[point]);
            for is_deficit in [true, false] {
                let prices = if is_deficit { self.buy } else { self.sell };
                let mut side = Side {
                    is_deficit,
                    zone: self.zone[group],
                    members: Vec::new(),
                    energy: memory::room(&[points.len(), n_steps], Purpose::Data)?,
                    price: prices[group * n_steps..][..n_steps].to_vec(),
                };
                for &point in &*points {
                    (self.register)(point, is_deficit, &mut reading);
                    check_reading(point, is_deficit, &reading)?;
                    if reading.iter().all(|&energy| energy == 0.0) {
                        continue;
                    }
                    let member = self.member[point];
                    if side.members.last() == Some(&member) {
                        let first = side.energy.len() - n_steps;
                        crate::partial_sums::accumulate(&mut side.energy[first..], &reading);
                    } else {
                        side.members.push(member);
                        side.energy.extend_from_slice(&reading);
                    }
                }
                if !side.members.is_empty() {
                    side.energy.shrink_to_fit();
                    sides.push(side);
                }
            }
        }
        Ok(sides)
    }
}

fn check_reading(point: usize, is_deficit: bool, reading: &[f64]) -> Result<()> {
    match reading.iter().position(|energy| !(0.0..=LARGEST).contains(energy)) {
        None => Ok(()),
        Some(step) => {
            let register = if is_deficit { "import" } else { "export" };
            let what = format!("the {register} of point {point} at step {step}");
            if reading[step] < 0.0 {
                return Err(Error::InvalidInput(format!("{what} is {}, below 0", reading[step])));
            }
            Err(unusable(&what, reading[step]))
        }
    }
}

impl Side {
    /// The rows of steps, one for each member.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let n_steps = self.price.len();
        self.members.iter().copied().zip(self.energy.chunks_exact(n_steps))
    }

    /// A side for each member.
    pub fn by_member(self) -> Vec<Self> {
        let alone = |(member, row): (usize, &[f64])| Self {
            is_deficit: self.is_deficit,
            zone: self.zone,
            members: vec![member],
            energy: row.to_vec(),
            price: self.price.clone(),
        };
        self.rows().map(alone).collect()
    }

    /// Puts the steps into another order.
    pub fn reorder(&mut self, steps: &[usize]) {
        let mut row = vec![0.0; steps.len()];
        let rows = self.energy.chunks_exact_mut(steps.len()).chain([&mut self.price[..]]);
        for energy in rows {
            row.copy_from_slice(energy);
            for (energy, &step) in energy.iter_mut().zip(steps) {
                *energy = row[step];
            }
        }
    }
}
