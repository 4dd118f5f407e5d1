//! Several games of the same players, weighted: scenarios with their probabilities.

use std::sync::Arc;

use super::scenario_walkers::ScenarioWalkers;
use crate::coalition::Coalition;
use crate::error::{Error, Result};
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::progress::Progress;

/// `v(S) = sum_k weight_k v_k(S)`.
pub struct WeightedSum {
    parts: Vec<(f64, Arc<dyn NativeGame>)>,
}

impl WeightedSum {
    /// The sum of games, each times its weight.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no game or they differ in players.
    pub fn new(parts: Vec<(f64, Arc<dyn NativeGame>)>) -> Result<Self> {
        let counts: Vec<usize> = parts.iter().map(|(_, game)| game.n_players()).collect();
        if counts.is_empty() || counts.iter().any(|&count| count != counts[0]) {
            return Err(Error::InvalidInput(format!(
                "the games have {counts:?} players; the sum of games needs the same for all"
            )));
        }
        Ok(Self { parts })
    }
}

impl NativeGame for WeightedSum {
    fn n_players(&self) -> usize {
        self.parts[0].1.n_players()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(ScenarioWalkers::new(
            self.parts.iter().map(|(_, game)| game.walker(progress)).collect(),
            self.is_side_by_side(),
            |values: &[f64]| {
                self.parts.iter().zip(values).map(|((weight, _), value)| weight * value).sum()
            },
        ))
    }

    /// Where any part is.
    fn is_side_by_side(&self) -> bool {
        self.parts.iter().any(|(_, game)| game.is_side_by_side())
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        let mut sum = vec![0.0; self.n_players()];
        for (weight, game) in &self.parts {
            for (total, value) in sum.iter_mut().zip(game.without_each(progress)?) {
                *total += weight * value;
            }
        }
        Ok(sum)
    }

    /// Where all parts have them.
    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        let parts: Option<Vec<_>> =
            self.parts.iter().map(|(weight, game)| Some((*weight, game.ranges()?))).collect();
        Some(Box::new(WeightedRanges { parts: parts?, values: Vec::new() }))
    }

    /// The Shapley value is linear, so that of the sum is the sum of those of its parts.
    fn shapley_value(&self, progress: &Progress) -> Option<Result<ExactShares>> {
        let mut parts = self.parts.iter();
        let (weight, game) = parts.next()?;
        let mut sum = match game.shapley_value(progress)? {
            Ok(shares) => shares,
            Err(error) => return Some(Err(error)),
        };
        sum.values.iter_mut().for_each(|value| *value *= weight);
        sum.error *= weight.abs();
        for (weight, game) in parts {
            match game.shapley_value(progress)? {
                Ok(shares) => {
                    for (total, value) in sum.values.iter_mut().zip(shares.values) {
                        *total += weight * value;
                    }
                    sum.error += weight.abs() * shares.error;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(sum))
    }
}

/// The ranges of each part, added up in the order of the walkers: the same bits.
struct WeightedRanges<'a> {
    parts: Vec<(f64, Box<dyn Ranges + 'a>)>,
    values: Vec<f64>,
}

impl Ranges for WeightedRanges<'_> {
    fn fill(&mut self, first: Coalition, values: &mut [f64]) {
        self.values.resize(values.len(), 0.0);
        // What a sum of floats begins with.
        values.fill(-0.0);
        for (weight, part) in &mut self.parts {
            part.fill(first, &mut self.values);
            for (sum, value) in values.iter_mut().zip(&self.values) {
                *sum += *weight * value;
            }
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

    #[test]
    fn values_and_shapley_values_add_up() {
        let game =
            WeightedSum::new(vec![(0.25, airport(&[4.0, 8.0])), (0.5, airport(&[6.0, 2.0]))])
                .unwrap();
        assert_eq!(tabulate(&game, &Progress::new()).unwrap(), [0.0, 4.0, 3.0, 5.0]);
        let shares = game.shapley_value(&Progress::new()).unwrap().unwrap();
        assert_eq!(shares.values, [3.0, 2.0]);
    }

    #[test]
    fn games_of_different_players_are_refused() {
        let parts = vec![(1.0, airport(&[1.0])), (1.0, airport(&[1.0, 2.0]))];
        assert!(WeightedSum::new(parts).is_err());
        assert!(WeightedSum::new(vec![]).is_err());
    }
}
