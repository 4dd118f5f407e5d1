//! Storage that a controller runs step by step, without foresight, and what that costs coalitions.
//!
//! A controller is a band of net loads in each step. Below it a battery charges what is missing to
//! the band, above it the battery delivers what is beyond it, as far as power and charge reach.
//! Self-consumption is the band from 0 to 0, peak shaving at a threshold the band from the threshold
//! to itself, a time window in which a battery is filled a band that begins at infinity. The
//! batteries act one after the other, each on what those before it leave.

use super::contract::{ContractTerms, Workspace};
use super::peak_charge::PeakCharges;
use super::{Conversion, Tariff, check_net_load, is_usable, unusable};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::partial_sums::SumWalker;
use crate::progress::Progress;
use std::ops::Range;

/// What a member brings of one unit: capacity, the most that a step draws and delivers, and charge.
const AMOUNTS: usize = 4;

/// Coalitions of the players 0, 1 and 2, evaluated at once.
const LANES: usize = 8;

/// The net loads, in kWh per step, that a controller leaves as they are.
#[derive(Debug, Clone)]
pub struct Band {
    low: Box<[f64]>,
    high: Box<[f64]>,
}

impl Band {
    /// A band for each step, which may be without an end.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the lengths differ, an end is NaN, or the lower end is above the
    /// upper one.
    pub fn new(low: Vec<f64>, high: Vec<f64>) -> Result<Self> {
        if low.len() != high.len() {
            return Err(Error::InvalidInput(format!(
                "a band needs as many lower as upper ends; there are {} and {}",
                low.len(),
                high.len()
            )));
        }
        match low
            .iter()
            .zip(&high)
            .position(|(low, high)| low.is_nan() || high.is_nan() || low > high)
        {
            None => Ok(Self { low: low.into(), high: high.into() }),
            Some(step) => Err(Error::InvalidInput(format!(
                "at step {step} the band is from {} to {}",
                low[step], high[step]
            ))),
        }
    }
}

/// Batteries that act as one: what they lose, what wears off for each kWh delivered, and when they
/// are there.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Stored for each kWh drawn, and the inverse.
    kept: f64,
    drawn_for_each: f64,
    /// Delivered for each kWh taken out, and the inverse.
    given: f64,
    taken_for_each: f64,
    /// The cost of a kWh delivered.
    wear: f64,
    /// The steps in which they are there; they begin with their initial charge, and take with them
    /// what they hold.
    steps: Range<usize>,
}

impl Unit {
    /// Batteries that convert alike, and are there in some steps; what is stored is kept.
    #[must_use]
    pub fn new(conversion: Conversion, wear: f64, steps: Range<usize>) -> Self {
        let (kept, given) = (conversion.charge_efficiency(), conversion.discharge_efficiency());
        Self { kept, drawn_for_each: 1.0 / kept, given, taken_for_each: 1.0 / given, wear, steps }
    }
}

/// What happens in one step to one unit; nothing where it is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Move {
    /// Drawn to charge.
    pub charge: f64,
    /// Delivered.
    pub discharge: f64,
    /// Stored afterwards.
    pub stored: f64,
}

/// What is paid for the net loads that storage leaves. Selling may earn more than buying costs:
/// nothing is optimised.
#[derive(Debug)]
pub enum Billing {
    /// The prices of each step, and charges on the highest import of some steps.
    Steps(Tariff, PeakCharges),
    /// All elements of a contract.
    Contract(Box<ContractTerms>),
}

impl Billing {
    fn n_steps(&self) -> usize {
        match self {
            Self::Steps(tariff, _) => tariff.n_steps(),
            Self::Contract(terms) => terms.tariff.n_steps(),
        }
    }

    /// The charges that hold in each step, by number.
    fn charged(&self) -> Result<Vec<Box<[usize]>>> {
        let mut charged = vec![Vec::new(); self.n_steps()];
        match self {
            Self::Steps(_, charges) if charges.n_steps() != charged.len() => {
                return Err(Error::InvalidInput(format!(
                    "there are {} steps of the charges, not {}",
                    charges.n_steps(),
                    charged.len()
                )));
            }
            Self::Steps(_, charges) => {
                for (number, steps) in charges.steps.iter().enumerate() {
                    steps.iter().for_each(|&step| charged[step].push(number));
                }
            }
            Self::Contract(terms) => terms.check()?,
        }
        Ok(charged.into_iter().map(Vec::into_boxed_slice).collect())
    }

    /// How many charges there are beside a contract.
    fn n_charges(&self) -> usize {
        match self {
            Self::Steps(_, charges) => charges.len(),
            Self::Contract(_) => 0,
        }
    }
}

/// A controller and what it runs, for coalitions whose rows are sums of their members' rows.
#[derive(Debug)]
struct Rules {
    billing: Billing,
    band: Band,
    units: Vec<Unit>,
    charged: Vec<Box<[usize]>>,
}

/// The cost game of members whose storage a controller runs: `c(S)` is what the net load of S costs
/// with what the controller makes of the storage that S brings, and what all together did, where
/// that was metered.
#[derive(Debug)]
pub struct ControlledGame {
    rules: Rules,
    /// One row for each member: net loads, what it brings of each unit, and what it adds to the band.
    rows: Vec<f64>,
    n_players: usize,
    cost_of_all: Option<f64>,
}

impl ControlledGame {
    /// The game of members with the given net loads in kWh per step, one row for each.
    ///
    /// `brought` has a row for each member with four numbers for each unit: capacity, the most that
    /// a step draws and delivers, and initial charge, all in kWh. `shifts` is by how much each member
    /// moves the band up.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when lengths do not fit or a number cannot be calculated with.
    pub fn new(
        net_load: &[f64],
        billing: Billing,
        band: Band,
        units: Vec<Unit>,
        brought: &[f64],
        shifts: &[f64],
        cost_of_all: Option<f64>,
    ) -> Result<Self> {
        let n_steps = billing.n_steps();
        let n_players = check_net_load(net_load, n_steps)?;
        let lengths = [
            ("steps of the band", band.low.len(), n_steps),
            ("amounts of storage", brought.len(), n_players * units.len() * AMOUNTS),
            ("shifts of the band", shifts.len(), n_players),
        ];
        if let Some((what, found, wanted)) =
            lengths.iter().find(|(_, found, wanted)| found != wanted)
        {
            return Err(Error::InvalidInput(format!("there are {found} {what}, not {wanted}")));
        }
        if let Some(&amount) = brought.iter().find(|&&amount| !(is_usable(amount) && amount >= 0.0))
        {
            return Err(Error::InvalidInput(format!("an amount of storage is {amount}")));
        }
        let others = shifts.iter().chain(units.iter().map(|unit| &unit.wear)).chain(&cost_of_all);
        if let Some(&value) = others.copied().find(|&value| !is_usable(value)).as_ref() {
            return Err(unusable("a shift, wear or the cost of all", value));
        }
        let amounts = units.len() * AMOUNTS;
        let mut rows = Vec::with_capacity(n_players * (n_steps + amounts + 1));
        for (member, load) in net_load.chunks(n_steps).enumerate() {
            rows.extend_from_slice(load);
            rows.extend_from_slice(&brought[member * amounts..][..amounts]);
            rows.push(shifts[member]);
        }
        let charged = billing.charged()?;
        let rules = Rules { billing, band, units, charged };
        Ok(Self { rules, rows, n_players, cost_of_all })
    }

    /// From one member's row to the next one's.
    fn width(&self) -> usize {
        self.rules.charged.len() + self.rules.units.len() * AMOUNTS + 1
    }

    /// What each unit does in each step for some members: the units of the first step, then those of
    /// the next one.
    ///
    /// # Panics
    /// When there are not as many flags as members.
    #[must_use]
    pub fn moves(&self, members: &[bool]) -> Vec<Move> {
        assert_eq!(members.len(), self.n_players, "one flag for each member");
        let mut sums = vec![0.0; self.width()];
        for (row, _) in self.rows.chunks(self.width()).zip(members).filter(|(_, there)| **there) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let mut moves = Vec::new();
        let mut run = Run::<1>::new(&self.rules);
        run.start(|place| [sums[place]]);
        run.through(&self.rules, Some(&mut moves));
        moves
    }

    /// The cost of a coalition by the sum of its members' rows.
    fn cost(&self) -> impl FnMut(&[f64]) -> f64 + Send {
        let mut run = Run::<1>::new(&self.rules);
        move |sums| {
            run.start(|place| [sums[place]]);
            let costs = run.through(&self.rules, None);
            run.billed(&self.rules, costs)[0]
        }
    }
}

impl NativeGame for ControlledGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        let sums = SumWalker::new(&self.rows, self.width(), self.cost());
        Box::new(ControlledWalker { game: self, sums, n_members: 0, run: Run::new(&self.rules) })
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.rows, self.width(), || self.cost(), progress)
    }
}

/// One coalition at a time, or eight.
struct ControlledWalker<'a, F> {
    game: &'a ControlledGame,
    sums: SumWalker<'a, F>,
    n_members: usize,
    run: Run<LANES>,
}

impl<F: FnMut(&[f64]) -> f64 + Send> Walker for ControlledWalker<'_, F> {
    fn clear(&mut self) {
        self.n_members = 0;
        self.sums.clear();
    }

    fn add(&mut self, player: usize) {
        self.n_members += 1;
        self.sums.add(player);
    }

    fn remove(&mut self, player: usize) {
        self.n_members -= 1;
        self.sums.remove(player);
    }

    fn value(&mut self) -> f64 {
        match self.game.cost_of_all {
            // Nobody pays no fee of a contract.
            _ if self.n_members == 0 => 0.0,
            Some(cost) if self.n_members == self.game.n_players => cost,
            _ => self.sums.value(),
        }
    }

    fn values_with_lowest(&mut self) -> Option<[f64; LANES]> {
        let game = self.game;
        if game.n_players < 3 {
            return None;
        }
        let width = game.width();
        let sum = self.sums.sum();
        let lowest = [2, 1, 0].map(|player| &game.rows[player * width..][..width]);
        // In the order in which a walker adds them: to add nothing changes no bits.
        let joined = |place: usize| {
            let mut lanes = [sum[place]; LANES];
            for (row, bit) in lowest.iter().zip([4, 2, 1]) {
                let own = [0.0, row[place]];
                for (lane, amount) in lanes.iter_mut().enumerate() {
                    *amount += own[usize::from(lane & bit != 0)];
                }
            }
            lanes
        };
        self.run.start(joined);
        let costs = costs_of_eight(&mut self.run, &game.rules);
        let mut costs = self.run.billed(&game.rules, costs);
        if self.n_members == 0 {
            costs[0] = 0.0;
        }
        if let Some(cost) = game.cost_of_all
            && self.n_members + 3 == game.n_players
        {
            costs[LANES - 1] = cost;
        }
        Some(costs)
    }
}

/// What a run of `L` coalitions side by side remembers from step to step.
struct Run<const L: usize> {
    /// Net loads per step, before storage and then after it.
    loads: Vec<[f64; L]>,
    /// Those of one coalition, and what its bill is worked out with.
    load: Vec<f64>,
    work: Workspace,
    units: Vec<UnitState<L>>,
    shift: [f64; L],
    peaks: Vec<[f64; L]>,
}

/// A unit as `L` coalitions have it.
#[derive(Clone, Copy)]
struct UnitState<const L: usize> {
    capacity: [f64; L],
    most_drawn: [f64; L],
    most_delivered: [f64; L],
    stored: [f64; L],
}

impl<const L: usize> Run<L> {
    fn new(rules: &Rules) -> Self {
        let none = [0.0; L];
        let unit =
            UnitState { capacity: none, most_drawn: none, most_delivered: none, stored: none };
        Self {
            loads: vec![none; rules.charged.len()],
            load: Vec::new(),
            work: Workspace::default(),
            units: vec![unit; rules.units.len()],
            shift: none,
            peaks: vec![none; rules.billing.n_charges()],
        }
    }

    /// Begins with what the coalitions bring, by its place in a row.
    fn start(&mut self, brought: impl Fn(usize) -> [f64; L]) {
        for (step, load) in self.loads.iter_mut().enumerate() {
            *load = brought(step);
        }
        let mut place = self.loads.len();
        for unit in &mut self.units {
            unit.capacity = brought(place);
            unit.most_drawn = brought(place + 1);
            unit.most_delivered = brought(place + 2);
            unit.stored = brought(place + 3);
            place += AMOUNTS;
        }
        self.shift = brought(place);
        self.peaks.fill([0.0; L]);
    }

    /// Goes through all steps and gives the costs, without what a contract bills; `moves` takes down
    /// what each unit of the first coalition does in each.
    // Loops by index, inlined into one function for each kind of processor: calls would be compiled
    // without its vectors.
    #[expect(clippy::needless_range_loop, reason = "iterators are calls")]
    #[inline(always)]
    fn through(&mut self, rules: &Rules, mut moves: Option<&mut Vec<Move>>) -> [f64; L] {
        let mut costs = [0.0; L];
        let mut step = 0;
        while step < self.loads.len() {
            let mut net = self.loads[step];
            let mut number = 0;
            while number < rules.units.len() {
                let (unit, state) = (&rules.units[number], &mut self.units[number]);
                number += 1;
                if step < unit.steps.start || step >= unit.steps.end {
                    if let Some(moves) = &mut moves {
                        moves.push(Move::default());
                    }
                    continue;
                }
                let ends = (rules.band.low[step], rules.band.high[step], &self.shift);
                let (charge, discharge) = act(unit, state, ends, &mut net);
                for lane in 0..L {
                    costs[lane] += unit.wear * discharge[lane];
                }
                if let Some(moves) = &mut moves {
                    moves.push(Move {
                        charge: charge[0],
                        discharge: discharge[0],
                        stored: state.stored[0],
                    });
                }
            }
            self.loads[step] = net;
            if let Billing::Steps(tariff, _) = &rules.billing {
                let (buy, sell) = (tariff.buy()[step], tariff.sell()[step]);
                for lane in 0..L {
                    let price = if net[lane] > 0.0 { buy } else { sell };
                    costs[lane] += price * net[lane];
                }
            }
            let charged = &rules.charged[step];
            let mut place = 0;
            while place < charged.len() {
                let peak = &mut self.peaks[charged[place]];
                for lane in 0..L {
                    peak[lane] = most(net[lane], peak[lane]);
                }
                place += 1;
            }
            step += 1;
        }
        if let Billing::Steps(_, charges) = &rules.billing {
            let mut charge = 0;
            while charge < self.peaks.len() {
                for lane in 0..L {
                    costs[lane] += charges.prices[charge] * self.peaks[charge][lane];
                }
                charge += 1;
            }
        }
        costs
    }

    /// Adds to the costs what a contract bills for the net loads that storage has left.
    fn billed(&mut self, rules: &Rules, mut costs: [f64; L]) -> [f64; L] {
        if let Billing::Contract(terms) = &rules.billing {
            for (lane, cost) in costs.iter_mut().enumerate() {
                self.load.clear();
                self.load.extend(self.loads.iter().map(|load| load[lane]));
                *cost += terms.cost(&self.load, &mut self.work);
            }
        }
        costs
    }
}

/// The costs of eight coalitions side by side.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn costs_of_eight(run: &mut Run<LANES>, rules: &Rules) -> [f64; LANES] {
    run.through(rules, None)
}

/// Lets a unit act on net loads, and gives what it draws and delivers.
#[inline(always)]
fn act<const L: usize>(
    unit: &Unit,
    state: &mut UnitState<L>,
    (low, high, shift): (f64, f64, &[f64; L]),
    net: &mut [f64; L],
) -> ([f64; L], [f64; L]) {
    let (mut charges, mut discharges) = ([0.0; L], [0.0; L]);
    for lane in 0..L {
        let room = (state.capacity[lane] - state.stored[lane]) * unit.drawn_for_each;
        let missing = low + shift[lane] - net[lane];
        let beyond = net[lane] - (high + shift[lane]);
        let charge = least(most(missing, 0.0), least(state.most_drawn[lane], room));
        let in_reach = least(state.most_delivered[lane], state.stored[lane] * unit.given);
        let discharge = least(most(beyond, 0.0), in_reach);
        let stored = state.stored[lane] + charge * unit.kept - discharge * unit.taken_for_each;
        // Rounding neither overfills it nor takes out more than there is.
        state.stored[lane] = least(most(stored, 0.0), state.capacity[lane]);
        net[lane] += charge - discharge;
        charges[lane] = charge;
        discharges[lane] = discharge;
    }
    (charges, discharges)
}

/// Of numbers that are not NaN: `f64::min` asks more, and takes longer.
#[inline(always)]
fn least(one: f64, other: f64) -> f64 {
    if one < other { one } else { other }
}

#[inline(always)]
fn most(one: f64, other: f64) -> f64 {
    if one > other { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::super::contract::{BillingPeriod, Credit};
    use super::*;
    use crate::enumeration::tabulate;

    /// A charge on two of three steps.
    fn of_steps() -> Billing {
        let charge = super::super::PeakCharge { price: 0.7, steps: vec![0, 2] };
        Billing::Steps(tariff(), PeakCharges::new(&[charge], 3).unwrap())
    }

    /// A credit that is capped in each of two months, of which each has a fee.
    fn of_months() -> Billing {
        let month = |end, fee| BillingPeriod { end, fee, minimum: None, blocks: Vec::new() };
        Billing::Contract(Box::new(ContractTerms {
            tariff: tariff(),
            credit: Credit::Capped,
            losses: 1.0,
            periods: vec![month(2, 0.2), month(3, 0.1)],
            peaks: Vec::new(),
        }))
    }

    fn tariff() -> Tariff {
        Tariff::of_any_order(vec![0.3, 0.2, 0.1], vec![0.1, 0.25, 0.0]).unwrap()
    }

    /// Four members, two units.
    fn game(billing: Billing, cost_of_all: Option<f64>) -> ControlledGame {
        let band = Band::new(vec![0.0, f64::INFINITY, 0.5], vec![0.0, f64::INFINITY, 0.5]).unwrap();
        let unit = |efficiency, wear, steps| {
            Unit::new(Conversion::new(efficiency, 0.9, 1.0).unwrap(), wear, steps)
        };
        ControlledGame::new(
            &[-2.0, 1.0, 3.0, 1.5, -0.5, 2.0, 0.0, 0.0, 0.0, -3.0, 1.0, 1.0],
            billing,
            band,
            vec![unit(0.8, 0.01, 0..3), unit(1.0, 0.0, 1..3)],
            &[
                2.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, //
                0.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.25, 0.0, //
                4.0, 2.0, 2.0, 4.0, 0.0, 0.0, 0.0, 0.0, //
                0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            ],
            &[0.25, 0.0, 0.5, 0.0],
            cost_of_all,
        )
        .unwrap()
    }

    #[test]
    fn eight_at_once_are_the_bits_of_one_after_the_other() {
        for billing in [of_steps(), of_months()] {
            let game = game(billing, None);
            let progress = Progress::new();
            let mut walker = game.walker(&progress);
            let mut one_by_one = Vec::new();
            for coalition in 0..1_usize << game.n_players {
                walker.clear();
                // From the highest down, as a table is walked.
                let members = (0..game.n_players).filter(|player| coalition >> player & 1 == 1);
                members.rev().for_each(|player| walker.add(player));
                one_by_one.push(walker.value());
            }
            assert_eq!(one_by_one[0], 0.0);
            assert_eq!(tabulate(&game, &progress).unwrap(), one_by_one);
        }
    }

    #[test]
    fn a_contract_bills_what_the_batteries_leave() {
        let game = game(of_months(), None);
        let members = [true, false, true, false];
        let moves = game.moves(&members);
        let mut load = [-2.0, 1.0, 3.0];
        let mut wear = 0.0;
        for (place, each) in moves.iter().enumerate() {
            load[place / 2] += each.charge - each.discharge;
            wear += [0.01, 0.0][place % 2] * each.discharge;
        }
        let Billing::Contract(terms) = of_months() else { unreachable!() };
        let bill = terms.cost(&load, &mut Workspace::default());
        let found = tabulate(&game, &Progress::new()).unwrap()[0b101];
        assert!((found - bill - wear).abs() < 1e-15, "{found} {bill} {wear}");
    }

    #[test]
    fn all_together_cost_what_they_did_and_nobody_else_does() {
        let (free, given) = (game(of_steps(), None), game(of_steps(), Some(7.5)));
        let [free, given] = [free, given].map(|game| tabulate(&game, &Progress::new()).unwrap());
        assert_eq!(given[15], 7.5);
        assert_eq!(given[..15], free[..15]);
    }

    #[test]
    fn a_band_upside_down_is_refused_by_step() {
        let error = Band::new(vec![0.0, 1.0], vec![0.0, 0.5]).unwrap_err();
        assert!(error.to_string().contains("at step 1"));
    }
}
