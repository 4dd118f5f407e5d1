//! Several cost games of the same players, as the risk of a cost that is one of them: conditional value
//! at risk, the worst case, or a mixture of either with the mean.

use std::sync::Arc;

use super::LARGEST;
use super::scenario_walkers::ScenarioWalkers;
use crate::coalition::Coalition;
use crate::error::{Error, Result};
use crate::game::{NativeGame, Ranges, Walker};
use crate::progress::Progress;

/// Slack of a sum of probabilities.
const PROBABILITY_SLACK: f64 = 1e-9;

/// What a risk counts of a scenario: `(1 - k) mean + k CVaR`, of costs with probabilities.
#[derive(Debug, Clone)]
struct Measure {
    /// `(1 - k) p_w`: what a scenario counts at least.
    least: Vec<f64>,
    /// `k p_w / (1 - a)`: what it counts beyond that at most.
    room: Vec<f64>,
    /// `k`: what all count beyond that together.
    tail: f64,
}

impl Measure {
    /// The risk of costs, one for each scenario: their largest mean under any weights within the bounds.
    ///
    /// The worst scenarios take what there is, the first of equal ones first.
    fn of(&self, costs: &[f64], order: &mut Vec<usize>) -> f64 {
        order.clear();
        order.extend(0..costs.len());
        order.sort_by(|&one, &other| costs[other].total_cmp(&costs[one]).then(one.cmp(&other)));
        let (mut left, mut risk) = (self.tail, 0.0);
        for &scenario in order.iter() {
            let taken = self.room[scenario].min(left);
            left -= taken;
            risk += (self.least[scenario] + taken) * costs[scenario];
        }
        risk
    }
}

/// `c(S) = (1 - k) sum_w p_w c_w(S) + k CVaR_a(c_w(S))`.
///
/// CVaR is the mean of the worst part `1 - a` of the costs; for `a = 1` it is the worst of all.
pub struct RiskGame {
    games: Vec<Arc<dyn NativeGame>>,
    measure: Measure,
}

impl RiskGame {
    /// The risk of games with probabilities, at a level `a` and with a weight `k` of the risk.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no game or they differ in players, the probabilities are
    /// none, or the level or the weight is not from 0 to 1.
    pub fn new(parts: Vec<(f64, Arc<dyn NativeGame>)>, level: f64, weight: f64) -> Result<Self> {
        let counts: Vec<usize> = parts.iter().map(|(_, game)| game.n_players()).collect();
        if counts.is_empty() || counts.iter().any(|&count| count != counts[0]) {
            return Err(Error::InvalidInput(format!(
                "the games have {counts:?} players; their risk needs the same for all"
            )));
        }
        for (name, part) in [("level", level), ("weight", weight)] {
            if !(0.0..=1.0).contains(&part) {
                return Err(Error::InvalidInput(format!(
                    "{name} is {part}; it must be from 0 to 1"
                )));
            }
        }
        let (probabilities, games): (Vec<f64>, Vec<_>) = parts.into_iter().unzip();
        let total: f64 = probabilities.iter().sum();
        let allowed = f64::MIN_POSITIVE..=LARGEST;
        if probabilities.iter().any(|each| !allowed.contains(each))
            || (total - 1.0).abs() > PROBABILITY_SLACK
        {
            return Err(Error::InvalidInput(format!(
                "the probabilities {probabilities:?} must be positive and sum to 1"
            )));
        }
        let least = probabilities.iter().map(|&each| (1.0 - weight) * each).collect();
        let room = probabilities
            .iter()
            .map(|&each| if level < 1.0 { weight * (each / (1.0 - level)) } else { weight })
            .collect();
        Ok(Self { games, measure: Measure { least, room, tail: weight } })
    }
}

impl NativeGame for RiskGame {
    fn n_players(&self) -> usize {
        self.games[0].n_players()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        let mut order = Vec::new();
        Box::new(ScenarioWalkers::new(
            self.games.iter().map(|game| game.walker(progress)).collect(),
            self.is_side_by_side(),
            move |costs: &[f64]| self.measure.of(costs, &mut order),
        ))
    }

    /// Where any of the games is.
    fn is_side_by_side(&self) -> bool {
        self.games.iter().any(|game| game.is_side_by_side())
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        let each: Vec<Vec<f64>> =
            self.games.iter().map(|game| game.without_each(progress)).collect::<Result<_>>()?;
        let (mut costs, mut order) = (vec![0.0; each.len()], Vec::new());
        let risk_without = |player: usize| {
            for (cost, values) in costs.iter_mut().zip(&each) {
                *cost = values[player];
            }
            self.measure.of(&costs, &mut order)
        };
        Ok((0..self.n_players()).map(risk_without).collect())
    }

    /// Where all of the games have them.
    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        let parts: Option<Vec<_>> = self.games.iter().map(|game| game.ranges()).collect();
        let parts = parts?;
        let values = vec![Vec::new(); parts.len()];
        Some(Box::new(RiskRanges { measure: &self.measure, parts, values, order: Vec::new() }))
    }
}

/// The ranges of each game, and the risk of what they say: the bits of the walkers.
struct RiskRanges<'a> {
    measure: &'a Measure,
    parts: Vec<Box<dyn Ranges + 'a>>,
    values: Vec<Vec<f64>>,
    order: Vec<usize>,
}

impl Ranges for RiskRanges<'_> {
    fn fill(&mut self, first: Coalition, values: &mut [f64]) {
        for (part, own) in self.parts.iter_mut().zip(&mut self.values) {
            own.resize(values.len(), 0.0);
            part.fill(first, own);
        }
        let mut costs = vec![0.0; self.parts.len()];
        for (place, value) in values.iter_mut().enumerate() {
            for (cost, own) in costs.iter_mut().zip(&self.values) {
                *cost = own[place];
            }
            *value = self.measure.of(&costs, &mut self.order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumeration::tabulate;
    use crate::games::AirportGame;

    fn airport(costs: &[f64]) -> Arc<dyn NativeGame> {
        Arc::new(AirportGame::new(costs.to_vec()).unwrap())
    }

    fn table(level: f64, weight: f64) -> Vec<f64> {
        let parts = vec![(0.25, airport(&[4.0, 8.0])), (0.75, airport(&[6.0, 2.0]))];
        tabulate(&RiskGame::new(parts, level, weight).unwrap(), &Progress::new()).unwrap()
    }

    #[test]
    fn without_weight_or_level_it_is_the_mean() {
        let mean = [0.0, 5.5, 3.5, 6.5];
        assert_eq!(table(0.9, 0.0), mean);
        assert_eq!(table(0.0, 1.0), mean);
        assert_eq!(table(0.0, 0.5), mean);
    }

    #[test]
    fn at_the_highest_level_it_is_the_worst_case() {
        assert_eq!(table(1.0, 1.0), [0.0, 6.0, 8.0, 8.0]);
        // As soon as the tail is within the least probable scenario.
        assert_eq!(table(0.75, 1.0), [0.0, 6.0, 8.0, 8.0]);
    }

    #[test]
    fn the_worst_half_counts_at_a_level_of_one_half() {
        // Of the second player: 0.25 at 8 and 0.25 at 2.
        assert_eq!(table(0.5, 1.0), [0.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn without_each_has_the_bits_of_the_table() {
        let parts = vec![(0.25, airport(&[4.0, 8.0])), (0.75, airport(&[6.0, 2.0]))];
        let game = RiskGame::new(parts, 0.5, 0.5).unwrap();
        let whole = tabulate(&game, &Progress::new()).unwrap();
        assert_eq!(game.without_each(&Progress::new()).unwrap(), [whole[2], whole[1]]);
    }

    #[test]
    fn what_is_no_risk_is_refused() {
        let parts = || vec![(0.5, airport(&[1.0])), (0.5, airport(&[2.0]))];
        assert!(RiskGame::new(parts(), 1.5, 0.5).is_err());
        assert!(RiskGame::new(parts(), 0.5, f64::NAN).is_err());
        assert!(RiskGame::new(vec![], 0.5, 0.5).is_err());
        assert!(RiskGame::new(vec![(0.5, airport(&[1.0]))], 0.5, 0.5).is_err());
        let unlike = vec![(0.5, airport(&[1.0])), (0.5, airport(&[1.0, 2.0]))];
        assert!(RiskGame::new(unlike, 0.5, 0.5).is_err());
    }
}
