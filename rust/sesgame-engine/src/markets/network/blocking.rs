//! The coalition that would be better off on its own network.

use super::{NetworkMarket, Order};
use crate::error::Result;
use crate::linear_program::Status;
use crate::markets::units::canonical;
use crate::progress::Progress;

/// Rounding of a utility, relative to the largest: it is a difference of sums of money.
const UTILITY_ROUNDING: f64 = 1e-12;

impl NetworkMarket {
    /// The coalition, with the network and the fixed demand, that is best off on its own when
    /// member `i` must get `utility[i]`: members, welfare less utilities, and a proved bound on it.
    ///
    /// # Errors
    /// [`crate::error::Error::Solver`] when nothing was found in `time_limit` seconds, or the
    /// solver failed.
    pub fn best_coalition(
        &self,
        utility: &[f64],
        time_limit: f64,
        progress: &Progress,
    ) -> Result<(Vec<bool>, f64, f64)> {
        let (steps, units) = (self.steps(), self.units());
        let money = units.price * units.quantity;
        let mut program = self.program(&steps, units);
        self.limit(&mut program, self.limited_lines());
        let mut model = program.model;
        model.set_integer_gap(0.0, 0.0);
        if time_limit < f64::INFINITY {
            model.set_time_limit(time_limit);
        }
        // A utility is a difference of sums of money: what is left of nothing is nothing.
        let largest = utility.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let mut member = vec![None; self.n_participants];
        for (column, step) in steps.iter().enumerate() {
            let mut entries = vec![(column, 1.0)];
            for &order in &step.orders {
                let Order { participant, quantity, .. } = self.orders[order];
                let joins = *member[participant].get_or_insert_with(|| {
                    let gets = utility[participant];
                    let gets = if gets.abs() > UTILITY_ROUNDING * largest { gets } else { 0.0 };
                    model.add_integer_column(canonical(gets / money), 0.0, 1.0)
                });
                let quantity = -canonical(quantity.min(self.largest_trade()) / units.quantity);
                match entries.iter_mut().find(|entry| entry.0 == joins) {
                    Some(entry) => entry.1 += quantity,
                    None => entries.push((joins, quantity)),
                }
            }
            let lower = if step.must_run { 0.0 } else { f64::NEG_INFINITY };
            model.add_row(lower, 0.0, &entries);
            // Its participant may stay away.
            let upper = units.quantity(step.quantity.min(self.largest_trade()));
            model.set_column_bounds(column, 0.0, upper);
        }
        let demand_value = self.value_of_lost_load * self.demand.iter().sum::<f64>();
        model.show_search(demand_value, -money);
        let solution = model.solve(progress)?;
        let stopped = solution.status == Status::TimeLimit && solution.objective.is_finite();
        if solution.status != Status::Optimal && !stopped {
            return Err(solution.status.to_error("blocking coalition"));
        }
        let members: Vec<bool> =
            member.iter().map(|column| column.is_some_and(|c| solution.columns[c] > 0.5)).collect();
        // The solver is precise to its tolerances only: value the coalition anew.
        let alone = self.of(&members);
        let dispatch = alone.clear(progress)?;
        let served = self.demand.iter().sum::<f64>() - dispatch.shed.iter().sum::<f64>();
        let worth = alone.worth(&dispatch.accepted) + self.value_of_lost_load * served;
        let theirs: f64 =
            utility.iter().zip(&members).filter(|(_, inside)| **inside).map(|(u, _)| u).sum();
        let excess = worth - theirs;
        Ok((members, excess, excess.max(demand_value - solution.bound * money)))
    }

    /// The market of some participants, with the network and the fixed demand.
    fn of(&self, members: &[bool]) -> Self {
        let orders = self.orders.iter().filter(|order| members[order.participant]);
        Self { orders: orders.cloned().collect(), ..self.clone() }
    }
}
