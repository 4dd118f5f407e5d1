//! Who has to buy and who has to sell, at which prices, in each step.

use crate::dispatch::{LARGEST, unusable};
use crate::error::{Error, Result};
use crate::memory::{self, Purpose};
use crate::progress::Progress;

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
    pub(super) fn sides(&self, progress: &Progress) -> Result<Vec<Side>> {
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
                    progress.check()?;
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

    /// The row at a place among the members.
    pub fn row(&self, place: usize) -> &[f64] {
        let n_steps = self.price.len();
        &self.energy[place * n_steps..][..n_steps]
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
    pub fn reorder(&mut self, steps: &[usize], progress: &Progress) -> Result<()> {
        let mut row = vec![0.0; steps.len()];
        let rows = self.energy.chunks_exact_mut(steps.len()).chain([&mut self.price[..]]);
        for energy in rows {
            progress.check()?;
            row.copy_from_slice(energy);
            for (energy, &step) in energy.iter_mut().zip(steps) {
                *energy = row[step];
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::sharing::oracle::World;

    fn sides(world: &World) -> Result<Vec<Side>> {
        world.points(|points| points.check().and_then(|()| points.sides(&Progress::new())))
    }

    #[test]
    fn sides_hold_what_points_of_a_group_have_by_member() {
        for seed in 0..100 {
            let world = World::drawn(seed, 2);
            let sides = sides(&world).unwrap();
            let sum = |rows: &[Vec<f64>]| rows.iter().flatten().sum::<f64>();
            let all: f64 = sides.iter().flat_map(|side| &side.energy).sum();
            assert_eq!(all, sum(&world.import) + sum(&world.export));
            for side in &sides {
                assert!(side.members.is_sorted_by(|one, two| one < two));
                for (place, (member, row)) in side.rows().enumerate() {
                    assert!(row.iter().any(|&energy| energy > 0.0));
                    assert_eq!(row, side.row(place));
                    for (step, &energy) in row.iter().enumerate() {
                        let (registers, prices) = if side.is_deficit {
                            (&world.import, &world.buy)
                        } else {
                            (&world.export, &world.sell)
                        };
                        let groups = (0..world.zone.len()).filter(|&group| {
                            let own = &prices[group * world.n_steps..][..world.n_steps];
                            world.zone[group] == side.zone && own == side.price
                        });
                        // Groups may have equal prices: the energy is that of one of them.
                        let of_group = |group: usize| -> f64 {
                            (0..world.member.len())
                                .filter(|&p| world.group[p] == group && world.member[p] == member)
                                .map(|point| registers[point][step])
                                .sum()
                        };
                        assert!(groups.map(of_group).any(|expected| expected == energy));
                    }
                }
            }
        }
    }

    #[test]
    fn readings_that_are_no_amounts_are_refused_by_point_and_step() {
        for (reading, said) in
            [(-0.5, "is -0.5, below 0"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")]
        {
            let mut world = World::uneven(1, 3, 1, 4);
            world.export[2][3] = reading;
            let error = sides(&world).unwrap_err().to_string();
            assert!(error.contains("the export of point 2 at step 3"), "{error}");
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let good = || World::uneven(1, 3, 2, 4);
        assert!(sides(&good()).is_ok());
        let wrong = [
            World { n_members: 2, ..good() },
            World { group: vec![0, 1, 2], ..good() },
            World { zone: vec![0, 1], ..good() },
            World { buy: vec![0.0; 7], ..good() },
            World { fee: vec![0.0; 5], ..good() },
            World { sell: vec![f64::NAN; 8], ..good() },
        ];
        for world in wrong {
            assert!(matches!(sides(&world), Err(Error::InvalidInput(_))));
        }
    }

    #[test]
    fn another_order_of_steps_moves_readings_and_prices_alike() {
        let world = World::uneven(2, 4, 1, 5);
        let order = [3, 0, 4, 1, 2];
        for mut side in sides(&world).unwrap() {
            let (energy, price) = (side.energy.clone(), side.price.clone());
            side.reorder(&order, &Progress::new()).unwrap();
            for (place, &step) in order.iter().enumerate() {
                assert_eq!(side.price[place], price[step]);
                for row in 0..side.members.len() {
                    assert_eq!(side.row(row)[place], energy[row * 5 + step]);
                }
            }
            let split: Vec<f64> = side.energy.clone();
            let alone: Vec<f64> =
                side.by_member().iter().flat_map(|side| side.energy.clone()).collect();
            assert_eq!(alone, split);
        }
    }
}
