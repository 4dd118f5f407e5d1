//! Storage that an operator rents to users, who run their parts for themselves.
//!
//! How much each user rents is a step function of the rent ([`super::capacity_value`]). The operator
//! serves the sum of all schedules from one storage: it has to hold what all hold together, which
//! peaks below the sum of what is rented. Between two rents at which somebody's demand changes the
//! same is sold for more, so that the best rent is one of these; going down through all of them
//! changes the storage of one user at a time.

use std::ops::Range;

use rayon::prelude::*;

use super::battery::{Battery, Conversion};
use super::capacity_value::{Knot, Renter, Sizing};
use super::optimal_charges::OptimalCharges;
use super::schedule::Pool;
use super::step_cost::StepCosts;
use super::{Tariff, check_net_load, is_usable, unusable};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::thread_pool;

/// Rents that differ by no more than this part are one, and so are profits.
const SAME: f64 = 1e-12;

/// Rents that are tried first, for a profit that others have to beat.
const FIRST_TRIALS: usize = 24;

/// Rounds of rents between those that were looked at.
const ROUNDS: usize = 4;

/// Rents that are looked at together, by all threads.
const BLOCK: usize = 256;

/// Users of one tariff, each behind a meter of its own, and the terms for which they rent.
#[derive(Debug)]
pub struct StorageUsers {
    net_load: Vec<f64>,
    n_steps: usize,
    n_users: usize,
    terms: Vec<Term>,
    conversion: Conversion,
    sizing: Sizing,
    most: f64,
}

/// Steps for which a capacity is rented.
#[derive(Debug)]
struct Term {
    steps: Range<usize>,
    days: f64,
    costs: StepCosts,
}

/// What the operator pays for its storage over all terms, and how much it may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Supply {
    /// Of a kWh of capacity.
    pub energy_cost: f64,
    /// Of a kWh per step of power.
    pub power_cost: f64,
    /// Of a kWh that is delivered.
    pub wear_cost: f64,
    /// The most capacity that there is, kWh; it may be infinite.
    pub most_energy: f64,
}

/// A rent at which demand changes, and what it earns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RentLevel {
    /// Of a unit of size and day.
    pub rent: f64,
    /// With the schedules that hold least; none where that was not looked at, since other rents earn
    /// more, or where there is not enough storage.
    pub profit: Option<f64>,
    /// No optimal schedules of users earn more at this rent.
    pub bound: f64,
}

/// What users do with storage of given sizes; a row of `n_steps` numbers for each user.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// What each user saves in each term, a row of terms for each user.
    pub saved: Vec<f64>,
    /// The least and the most charge after each step, each of one optimal schedule, kWh.
    pub least_held: Vec<f64>,
    /// The other end.
    pub most_held: Vec<f64>,
    /// The least and the largest change of the charge in each step of any optimal schedule, kWh.
    pub least_change: Vec<f64>,
    /// The other end.
    pub largest_change: Vec<f64>,
    /// Drawn less delivered at the terminals in the schedule that holds least, kWh.
    pub drawn: Vec<f64>,
    /// The same at least in any optimal schedule, kWh.
    pub least_drawn: Vec<f64>,
    /// The same at most in any optimal schedule, kWh.
    pub most_drawn: Vec<f64>,
}

/// The optimal schedules of one user in one term.
#[derive(Debug, Default)]
struct Usage {
    saved: f64,
    charges: OptimalCharges,
    drawn: Vec<f64>,
    least_drawn: Vec<f64>,
    most_drawn: Vec<f64>,
}

/// Sums over users per step.
struct Sums {
    held: Vec<f64>,
    drawn: Vec<f64>,
    least_drawn: Vec<f64>,
    most_drawn: Vec<f64>,
}

impl Sums {
    fn new(n_steps: usize) -> Self {
        let nothing = || vec![0.0; n_steps];
        Self { held: nothing(), drawn: nothing(), least_drawn: nothing(), most_drawn: nothing() }
    }

    fn clear(&mut self) {
        for sums in [&mut self.held, &mut self.drawn, &mut self.least_drawn, &mut self.most_drawn] {
            sums.fill(0.0);
        }
    }

    fn add(&mut self, steps: &Range<usize>, usage: &Usage, sign: f64) {
        for (sums, part) in [
            (&mut self.held, &usage.charges.least),
            (&mut self.drawn, &usage.drawn),
            (&mut self.least_drawn, &usage.least_drawn),
            (&mut self.most_drawn, &usage.most_drawn),
        ] {
            for (sum, amount) in sums[steps.clone()].iter_mut().zip(part) {
                *sum += sign * amount;
            }
        }
    }

    /// The most that is held at once.
    fn energy(&self) -> f64 {
        self.held.iter().copied().fold(0.0, f64::max)
    }

    /// The power of the schedules that hold least.
    fn power(&self) -> f64 {
        self.drawn.iter().map(|drawn| drawn.abs()).fold(0.0, f64::max)
    }

    /// A power below which no optimal schedules stay.
    fn least_power(&self) -> f64 {
        let drawn = self.least_drawn.iter().copied().fold(0.0, f64::max);
        self.most_drawn.iter().map(|drawn| -drawn).fold(drawn, f64::max)
    }
}

/// A rent at which demand changes.
struct Level {
    rent: f64,
    /// What is paid each time the rent is.
    rented: f64,
    /// No profit at this rent is higher.
    bound: f64,
    /// Whose storage changes, and which of its knots it is then.
    changes: Range<usize>,
}

impl StorageUsers {
    /// Users with the given net loads in kWh per step, one row of `tariff.n_steps()` numbers each,
    /// who rent for terms that begin at `starts` and last so many `days`, at most `most` of size.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the rows do not fit the tariff, a number is out of its range, or
    /// the terms are not one or more parts of all steps.
    pub fn new(
        net_load: Vec<f64>,
        tariff: &Tariff,
        starts: &[usize],
        days: &[f64],
        conversion: Conversion,
        sizing: Sizing,
        most: f64,
    ) -> Result<Self> {
        let n_steps = tariff.n_steps();
        let n_users = check_net_load(&net_load, n_steps)?;
        let ends = || starts.iter().skip(1).copied().chain([n_steps]);
        let is_split = starts.first() == Some(&0)
            && starts.iter().zip(ends()).all(|(&start, end)| start < end && end <= n_steps);
        if !is_split || days.len() != starts.len() {
            return Err(Error::InvalidInput(format!(
                "{} starts and {} lengths are not those of parts of {n_steps} steps",
                starts.len(),
                days.len()
            )));
        }
        let amounts = match sizing {
            Sizing::Energy => vec![],
            Sizing::Bundle(power) => vec![("power of a kWh", power)],
            Sizing::Both(price) => vec![("relative price of power", price)],
        };
        let lengths = days.iter().map(|&days| ("length of a term", days));
        for (what, amount) in amounts.into_iter().chain(lengths) {
            if !is_usable(amount) {
                return Err(unusable(&format!("the {what}"), amount));
            }
            if amount <= 0.0 {
                return Err(Error::InvalidInput(format!(
                    "the {what} is {amount}; it must be positive"
                )));
            }
        }
        if most.is_nan() || most <= 0.0 {
            return Err(Error::InvalidInput(format!(
                "the most that a user rents is {most}; it must be positive"
            )));
        }
        let terms: Result<Vec<Term>> = starts
            .iter()
            .zip(ends())
            .zip(days)
            .map(|((&start, end), &days)| {
                let (buy, sell) = (&tariff.buy()[start..end], &tariff.sell()[start..end]);
                let tariff = Tariff::new(buy.to_vec(), sell.to_vec())?;
                Ok(Term { steps: start..end, days, costs: StepCosts::new(tariff, conversion) })
            })
            .collect();
        Ok(Self { net_load, n_steps, n_users, terms: terms?, conversion, sizing, most })
    }

    /// The number of users times that of terms.
    fn n_rentals(&self) -> usize {
        self.n_users * self.terms.len()
    }

    fn term(&self, rental: usize) -> &Term {
        &self.terms[rental % self.terms.len()]
    }

    fn load(&self, rental: usize) -> &[f64] {
        let user = rental / self.terms.len();
        &self.net_load[user * self.n_steps..][self.term(rental).steps.clone()]
    }

    /// The demand of each user in each term, users by rows: knots in ascending order of size, whose
    /// rent is that of a unit of size and day. At a rent users take the last knot whose rent is not
    /// lower.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when somebody's demand has no limit, and [`Error::Interrupted`].
    pub fn demand(&self, progress: &Progress) -> Result<Vec<Vec<Knot>>> {
        progress.set_total(self.n_rentals() as u64);
        thread_pool::install(|| {
            (0..self.n_rentals())
                .into_par_iter()
                .map(|rental| {
                    let term = self.term(rental);
                    let renter = Renter {
                        costs: &term.costs,
                        conversion: self.conversion,
                        load: self.load(rental),
                        sizing: self.sizing,
                    };
                    let mut knots = renter.knots(self.most)?;
                    for knot in &mut knots {
                        knot.rent /= term.days;
                    }
                    progress.advance(1)?;
                    Ok(knots)
                })
                .collect()
        })
    }

    /// The optimal schedules of a user with storage of some size, and what they draw if that is
    /// asked for.
    fn usage(&self, rental: usize, energy: f64, power: f64, is_drawn: bool) -> Usage {
        let (term, load) = (self.term(rental), self.load(rental));
        if energy <= 0.0 {
            let nothing = || vec![0.0; load.len()];
            return Usage {
                saved: 0.0,
                charges: OptimalCharges {
                    least: nothing(),
                    most: nothing(),
                    least_change: nothing(),
                    largest_change: nothing(),
                },
                drawn: nothing(),
                least_drawn: nothing(),
                most_drawn: nothing(),
            };
        }
        let battery = Battery { energy, power, initial_charge: 0.0 };
        let pool = Pool { costs: &term.costs, conversion: self.conversion, load, battery };
        let (end, prices) = pool.charge_prices();
        let charges = OptimalCharges::of(&pool, end, &prices);
        if !is_drawn {
            return Usage { saved: -end.cost, charges, ..Usage::default() };
        }
        let drawn = |step: usize, change: f64| {
            let (drawn, delivered) = pool.terminals(step, change);
            drawn - delivered
        };
        let of = |changes: &[f64]| {
            changes.iter().enumerate().map(|(step, &change)| drawn(step, change)).collect()
        };
        Usage {
            saved: -end.cost,
            drawn: charges.changes_of_least().enumerate().map(|(at, by)| drawn(at, by)).collect(),
            least_drawn: of(&charges.least_change),
            most_drawn: of(&charges.largest_change),
            charges,
        }
    }

    /// What users do with storage of given energy and power, users by rows and terms by columns.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there are not as many sizes, and [`Error::Interrupted`].
    pub fn service(&self, energy: &[f64], power: &[f64], progress: &Progress) -> Result<Service> {
        if energy.len() != self.n_rentals() || power.len() != self.n_rentals() {
            return Err(Error::InvalidInput(format!(
                "{} capacities and {} powers are not one for each of {} users in each of {} terms",
                energy.len(),
                power.len(),
                self.n_users,
                self.terms.len()
            )));
        }
        for (what, amounts) in [("capacity", energy), ("power", power)] {
            if let Some(&amount) = amounts.iter().find(|&&amount| !is_usable(amount)) {
                return Err(unusable(&format!("a {what}"), amount));
            }
        }
        progress.set_total(self.n_rentals() as u64);
        let usages: Result<Vec<Usage>> = thread_pool::install(|| {
            (0..self.n_rentals())
                .into_par_iter()
                .map(|rental| {
                    progress.advance(1)?;
                    Ok(self.usage(rental, energy[rental], power[rental], true))
                })
                .collect()
        });
        let mut service = Service::default();
        for usage in usages? {
            service.saved.push(usage.saved);
            service.least_held.extend(usage.charges.least);
            service.most_held.extend(usage.charges.most);
            service.least_change.extend(usage.charges.least_change);
            service.largest_change.extend(usage.charges.largest_change);
            service.drawn.extend(usage.drawn);
            service.least_drawn.extend(usage.least_drawn);
            service.most_drawn.extend(usage.most_drawn);
        }
        Ok(service)
    }

    /// The rents at which demand changes, from the highest down, with what they earn: of each that
    /// may earn most.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the demand is not that of these users, and
    /// [`Error::Interrupted`].
    pub fn rent_levels(
        &self,
        demand: &[Vec<Knot>],
        supply: Supply,
        progress: &Progress,
    ) -> Result<Vec<RentLevel>> {
        if demand.len() != self.n_rentals() {
            return Err(Error::InvalidInput(format!(
                "the demand is of {} and not of {} users and terms",
                demand.len(),
                self.n_rentals()
            )));
        }
        let mut steps: Vec<(usize, usize)> = demand
            .iter()
            .enumerate()
            .flat_map(|(rental, knots)| (0..knots.len()).map(move |knot| (rental, knot)))
            .collect();
        let rent = |&(rental, knot): &(usize, usize)| demand[rental][knot].rent;
        steps.sort_by(|a, b| rent(b).total_cmp(&rent(a)).then(a.cmp(b)));
        let levels = self.levels(demand, &steps, supply);
        let mut search = Search {
            users: self,
            demand,
            steps: &steps,
            supply,
            usages: (0..self.n_rentals()).map(|_| (None, Usage::default())).collect(),
            sums: Sums::new(self.n_steps),
            best: f64::NEG_INFINITY,
            energies: vec![0.0; levels.len()],
            found: levels
                .iter()
                .map(|level| RentLevel { rent: level.rent, profit: None, bound: level.bound })
                .collect(),
        };
        progress.set_total(levels.len() as u64);
        thread_pool::install(|| search.run(&levels, progress))?;
        Ok(search.found)
    }

    /// The rents at which demand changes, from the highest down.
    fn levels(&self, demand: &[Vec<Knot>], steps: &[(usize, usize)], supply: Supply) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::new();
        let (mut rented, mut largest) = (0.0, 0.0_f64);
        for (place, &(rental, knot)) in steps.iter().enumerate() {
            let Knot { rent, energy, size, .. } = demand[rental][knot];
            let before = knot.checked_sub(1).map_or(0.0, |before| demand[rental][before].size);
            rented += self.term(rental).days * (size - before);
            largest = largest.max(energy);
            match levels.last_mut() {
                Some(last) if rent >= last.rent * (1.0 - SAME) => {
                    (last.rent, last.rented) = (rent, rented);
                    last.changes.end = place + 1;
                }
                _ => levels.push(Level { rent, rented, bound: 0.0, changes: place..place + 1 }),
            }
            // Whoever rents it fills it at some time.
            let last = levels.last_mut().expect("there is one");
            last.bound = last.rent * last.rented - supply.energy_cost * largest;
            if largest > supply.most_energy * (1.0 + SAME) {
                last.bound = f64::NEG_INFINITY;
            }
        }
        levels
    }
}

/// The search for the best rent.
struct Search<'a> {
    users: &'a StorageUsers,
    demand: &'a [Vec<Knot>],
    steps: &'a [(usize, usize)],
    supply: Supply,
    /// The knot of each rental whose schedules are in the sums, and these.
    usages: Vec<(Option<usize>, Usage)>,
    sums: Sums,
    /// The highest profit so far.
    best: f64,
    /// The storage that is needed at each rent that was looked at.
    energies: Vec<f64>,
    found: Vec<RentLevel>,
}

impl Search<'_> {
    fn run(&mut self, levels: &[Level], progress: &Progress) -> Result<()> {
        // A few rents all over the range, and those that promise most.
        let mut first: Vec<usize> = (0..levels.len()).collect();
        first.sort_by(|&a, &b| levels[b].bound.total_cmp(&levels[a].bound).then(a.cmp(&b)));
        first.truncate(FIRST_TRIALS / 2);
        let spread = (0..FIRST_TRIALS / 2).map(|part| part * levels.len() / (FIRST_TRIALS / 2));
        first.extend(spread.filter(|_| !levels.is_empty()));
        first.sort_unstable();
        first.dedup();
        self.look_at(levels, &first, progress)?;
        if self.users.sizing == Sizing::Energy {
            return self.between(levels, first, progress);
        }
        let mut from = 0;
        while from < levels.len() {
            let bar = self.bar();
            let promising =
                |level: &usize| levels[*level].bound >= bar && first.binary_search(level).is_err();
            let block: Vec<usize> = (from..levels.len()).filter(promising).take(BLOCK).collect();
            let Some(&last) = block.last() else { break };
            self.look_at(levels, &block, progress)?;
            progress.advance((last + 1 - from) as u64)?;
            from = last + 1;
        }
        progress.advance((levels.len() - from) as u64)
    }

    /// What another rent has to earn to be looked at.
    fn bar(&self) -> f64 {
        (self.best - SAME * self.best.max(0.0)).max(f64::MIN)
    }

    /// Looks at rents that may earn more, where more storage is needed the lower the rent is.
    ///
    /// Where power does not depend on the size, the charge of each user rises with it at all moments
    /// ([`super::capacity_value`]), so that at a lower rent no less storage is needed than at a
    /// higher one. A few rents in between come first, for a profit that is hard to beat; then all
    /// that may beat it, from the highest down, of which each changes little.
    fn between(
        &mut self,
        levels: &[Level],
        mut seen: Vec<usize>,
        progress: &Progress,
    ) -> Result<()> {
        for _ in 0..ROUNDS {
            let mut chosen = Vec::new();
            let (mut before, mut energy) = (0, 0.0_f64);
            for &next in seen.iter().chain([&levels.len()]) {
                let gap = (before..next).map(|level| (level, self.bound(&levels[level], energy)));
                let best = gap.max_by(|a, b| a.1.total_cmp(&b.1));
                chosen.extend(best.filter(|best| best.1 >= self.bar()).map(|best| best.0));
                if next < levels.len() {
                    energy = energy.max(self.energies[next]);
                    before = next + 1;
                }
            }
            self.look_at(levels, &chosen, progress)?;
            seen.extend(&chosen);
            seen.sort_unstable();
        }
        let (mut from, mut energy) = (0, 0.0_f64);
        while from < levels.len() {
            let mut block = Vec::new();
            let start = from;
            while from < levels.len() && block.len() < BLOCK {
                if seen.binary_search(&from).is_ok() {
                    energy = energy.max(self.energies[from]);
                } else {
                    let bound = self.bound(&levels[from], energy);
                    self.found[from].bound = bound;
                    if bound >= self.bar() {
                        block.push(from);
                    }
                }
                from += 1;
            }
            self.look_at(levels, &block, progress)?;
            energy = block.iter().fold(energy, |energy, &level| energy.max(self.energies[level]));
            progress.advance((from - start) as u64)?;
        }
        Ok(())
    }

    /// What a rent earns at most, if it needs no less than some energy.
    fn bound(&self, level: &Level, energy: f64) -> f64 {
        if energy > self.supply.most_energy * (1.0 + SAME) {
            return f64::NEG_INFINITY;
        }
        level.bound.min(level.rent * level.rented - self.supply.energy_cost * energy)
    }

    /// Looks at some rents, from the highest down.
    fn look_at(&mut self, levels: &[Level], chosen: &[usize], progress: &Progress) -> Result<()> {
        let mut wanted: Vec<Option<usize>> = vec![None; self.usages.len()];
        let mut known: Vec<Option<usize>> = self.usages.iter().map(|(knot, _)| *knot).collect();
        let mut touched: Vec<usize> = (0..wanted.len()).collect();
        let mut jobs: Vec<(usize, Option<usize>)> = Vec::new();
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut before = 0;
        for &level in chosen {
            let end = levels[level].changes.end;
            for &(rental, knot) in &self.steps[before..end] {
                wanted[rental] = Some(knot);
                touched.push(rental);
            }
            before = end;
            touched.sort_unstable();
            touched.dedup();
            for rental in touched.drain(..) {
                if known[rental] != wanted[rental] {
                    known[rental] = wanted[rental];
                    jobs.push((rental, wanted[rental]));
                }
            }
            open.push((level, jobs.len()));
            if jobs.len() >= BLOCK {
                self.weigh_all(levels, &open, &jobs, progress)?;
                open.clear();
                jobs.clear();
            }
        }
        self.weigh_all(levels, &open, &jobs, progress)
    }

    /// Weighs rents one after the other, each after so many jobs: parts of rentals that change.
    fn weigh_all(
        &mut self,
        levels: &[Level],
        open: &[(usize, usize)],
        jobs: &[(usize, Option<usize>)],
        progress: &Progress,
    ) -> Result<()> {
        // Anew for each block, so that rounding does not add up.
        self.sums.clear();
        for (rental, (knot, usage)) in self.usages.iter().enumerate() {
            if knot.is_some() {
                self.sums.add(&self.users.term(rental).steps, usage, 1.0);
            }
        }
        let (users, demand) = (self.users, self.demand);
        let is_drawn = self.supply.power_cost > 0.0 || self.supply.wear_cost > 0.0;
        let found: Result<Vec<Usage>> = thread_pool::install(|| {
            jobs.par_iter()
                .map(|&(rental, knot)| {
                    progress.check()?;
                    Ok(knot.map_or_else(Usage::default, |knot| {
                        let Knot { energy, power, .. } = demand[rental][knot];
                        users.usage(rental, energy, power, is_drawn)
                    }))
                })
                .collect()
        });
        let mut found = found?.into_iter();
        let mut done = 0;
        for &(level, end) in open {
            for &(rental, knot) in &jobs[done..end] {
                let steps = &self.users.term(rental).steps;
                let usage = found.next().expect("one for each job");
                let (known, old) = &mut self.usages[rental];
                if known.is_some() {
                    self.sums.add(steps, old, -1.0);
                }
                self.sums.add(steps, &usage, 1.0);
                (*known, *old) = (knot, usage);
            }
            done = end;
            self.weigh(level, &levels[level]);
        }
        Ok(())
    }

    fn weigh(&mut self, number: usize, level: &Level) {
        let Supply { energy_cost, power_cost, wear_cost, most_energy } = self.supply;
        let energy = self.sums.energy();
        self.energies[number] = energy;
        if energy > most_energy * (1.0 + SAME) {
            self.found[number].bound = f64::NEG_INFINITY;
            return;
        }
        let before = level.rent * level.rented - energy_cost * energy;
        let delivered = |drawn: &[f64]| drawn.iter().map(|drawn| (-drawn).max(0.0)).sum::<f64>();
        let running = |power: f64, drawn: &[f64]| {
            power_cost * power + if wear_cost > 0.0 { wear_cost * delivered(drawn) } else { 0.0 }
        };
        let profit = before - running(self.sums.power(), &self.sums.drawn);
        let bound = before - running(self.sums.least_power(), &self.sums.most_drawn);
        self.found[number].profit = Some(profit);
        self.found[number].bound = bound.max(profit);
        self.best = self.best.max(profit);
    }
}
