//! Each player alone, all without each, and all together: what rules for any number of players are
//! made of.

use rayon::prelude::*;

use crate::enumeration::values;
use crate::error::Result;
use crate::game::{NativeGame, Walker};
use crate::partial_sums::accumulate;
use crate::progress::Progress;
use crate::thread_pool;

/// Units of parallel work, whatever the number of threads: the same bits for any.
const BLOCKS: usize = 64;

/// The `2n + 1` values of a game of `n` players.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaveOneOut {
    /// `v(i)` of each player.
    pub alone: Vec<f64>,
    /// `v(N \ i)` of each player.
    pub without: Vec<f64>,
    /// `v(N)`.
    pub together: f64,
}

/// The values of each player alone, of all without each, and of all together.
///
/// Values that are not finite are the caller's affair: who they are of is told by their place.
///
/// # Complexity
/// `2n + 1` values and `O(n log n)` moves of a walker, or additions of rows where the value is a
/// function of their sum.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn leave_one_out(game: &dyn NativeGame, progress: &Progress) -> Result<LeaveOneOut> {
    let n_players = game.n_players();
    progress.set_total(2 * n_players as u64 + 1);
    let (alone, together) = values_alone(game, progress)?;
    // The empty coalition is worth 0, whatever a game would calculate.
    let without = if n_players == 1 { vec![0.0] } else { game.without_each(progress)? };
    Ok(LeaveOneOut { alone, without, together })
}

/// The values of each player alone, and of all together.
///
/// # Errors
/// As [`leave_one_out`].
pub fn values_alone(game: &dyn NativeGame, progress: &Progress) -> Result<(Vec<f64>, f64)> {
    let n_players = game.n_players();
    let alone = thread_pool::install(|| {
        (0..n_players)
            .into_par_iter()
            .map_init(
                || game.walker(progress),
                |walker, player| {
                    walker.clear();
                    walker.add(player);
                    progress.advance(1)?;
                    Ok(walker.value())
                },
            )
            .collect::<Result<_>>()
    })?;
    let together = values(game, &vec![true; n_players], &progress.of_a_part())?[0];
    progress.advance(1)?;
    Ok((alone, together))
}

/// The ranges of players that are one unit of parallel work each.
fn blocks(n_players: usize) -> impl IndexedParallelIterator<Item = std::ops::Range<usize>> {
    let count = BLOCKS.min(n_players);
    (0..count)
        .into_par_iter()
        .map(move |block| block * n_players / count..(block + 1) * n_players / count)
}

/// The values of all players without each, by a walker that adds one half of the others at a time.
pub(crate) fn without_each_by_walking(
    game: &(impl NativeGame + ?Sized),
    progress: &Progress,
) -> Result<Vec<f64>> {
    let n_players = game.n_players();
    let parts: Vec<Vec<f64>> = thread_pool::install(|| {
        blocks(n_players)
            .map(|range| {
                let mut walker = game.walker(progress);
                (0..n_players).filter(|player| !range.contains(player)).for_each(|p| walker.add(p));
                let mut found = Vec::with_capacity(range.len());
                walk(walker.as_mut(), range, &mut found, progress).map(|()| found)
            })
            .collect::<Result<_>>()
    })?;
    Ok(parts.concat())
}

/// Adds the values without each player of a range to `found`; the others are members already.
fn walk(
    walker: &mut dyn Walker,
    range: std::ops::Range<usize>,
    found: &mut Vec<f64>,
    progress: &Progress,
) -> Result<()> {
    if range.len() == 1 {
        found.push(walker.value());
        return progress.advance(1);
    }
    let middle = range.start.midpoint(range.end);
    for (half, others) in
        [(range.start..middle, middle..range.end), (middle..range.end, range.start..middle)]
    {
        others.clone().for_each(|player| walker.add(player));
        walk(walker, half, found, progress)?;
        others.rev().for_each(|player| walker.remove(player));
    }
    Ok(())
}

/// The values of all players without each, where the value is a function of the sum of the members'
/// rows: sums of halves, and none that is subtracted.
pub(crate) fn without_each_by_sums<F: FnMut(&[f64]) -> f64>(
    rows: &[f64],
    width: usize,
    value: impl Fn() -> F + Sync,
    progress: &Progress,
) -> Result<Vec<f64>> {
    let n_players = rows.len() / width;
    let sums: Vec<Vec<f64>> = thread_pool::install(|| {
        blocks(n_players)
            .map(|range| {
                let mut sum = vec![0.0; width];
                rows[range.start * width..range.end * width]
                    .chunks_exact(width)
                    .for_each(|row| accumulate(&mut sum, row));
                sum
            })
            .collect()
    });
    let parts: Vec<Vec<f64>> = thread_pool::install(|| {
        blocks(n_players)
            .enumerate()
            .map(|(block, range)| {
                let mut outside = vec![0.0; width];
                let others = sums.iter().enumerate().filter(|&(other, _)| other != block);
                others.for_each(|(_, sum)| accumulate(&mut outside, sum));
                let mut halving = Halving {
                    rows,
                    width,
                    value: value(),
                    progress,
                    found: Vec::with_capacity(range.len()),
                };
                halving.descend(range, &outside).map(|()| halving.found)
            })
            .collect::<Result<_>>()
    })?;
    Ok(parts.concat())
}

/// A range of players that is halved until one is left out.
struct Halving<'a, F> {
    rows: &'a [f64],
    width: usize,
    value: F,
    progress: &'a Progress,
    found: Vec<f64>,
}

impl<F: FnMut(&[f64]) -> f64> Halving<'_, F> {
    /// Finds the values without each player of a range; `sum` is that of all outside it.
    fn descend(&mut self, range: std::ops::Range<usize>, sum: &[f64]) -> Result<()> {
        if range.len() == 1 {
            self.found.push((self.value)(sum));
            return self.progress.advance(1);
        }
        let middle = range.start.midpoint(range.end);
        let mut with_others = vec![0.0; self.width];
        for (half, others) in
            [(range.start..middle, middle..range.end), (middle..range.end, range.start..middle)]
        {
            with_others.copy_from_slice(sum);
            self.rows[others.start * self.width..others.end * self.width]
                .chunks_exact(self.width)
                .for_each(|row| accumulate(&mut with_others, row));
            self.descend(half, &with_others)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Tariff;
    use crate::dispatch::netting::NettingGame;
    use crate::games::{AirportGame, PeakGame, ThresholdGame, WeightedSum};
    use std::sync::Arc;

    /// What the rows of the identity, of its complement and of ones are worth.
    fn one_by_one(game: &dyn NativeGame) -> LeaveOneOut {
        let n = game.n_players();
        let of = |flags: Vec<bool>| values(game, &flags, &Progress::new()).unwrap();
        let rows =
            |same: bool| of((0..n * n).map(|place| (place / n == place % n) == same).collect());
        LeaveOneOut { alone: rows(true), without: rows(false), together: of(vec![true; n])[0] }
    }

    /// Loads with few binary digits, so that every order of adding them gives the same bits.
    fn loads(count: usize) -> Vec<f64> {
        (0..count).map(|place| ((place * 2_654_435_761) % 1023) as f64 / 16.0 - 20.0).collect()
    }

    #[test]
    fn the_values_are_those_of_one_coalition_at_a_time() {
        for n in [1, 2, 3, 64, 65, 200] {
            let rows = loads(3 * n);
            let costs: Vec<f64> = rows[..n].iter().map(|load| load + 20.0).collect();
            let tariff = Tariff::new(vec![0.25; 3], vec![0.125; 3]).unwrap();
            let peak = || PeakGame::new(rows.clone(), &[1, 3], vec![2.0, 1.0]).unwrap();
            let sum = WeightedSum::new(vec![(0.5, Arc::new(peak())), (2.0, Arc::new(peak()))]);
            let games: Vec<Box<dyn NativeGame>> = vec![
                Box::new(AirportGame::new(costs.clone()).unwrap()),
                Box::new(NettingGame::new(rows.clone(), tariff).unwrap()),
                Box::new(peak()),
                Box::new(
                    ThresholdGame::bankruptcy(costs.iter().sum::<f64>() / 2.0, costs).unwrap(),
                ),
                Box::new(sum.unwrap()),
            ];
            for game in games {
                let found = leave_one_out(game.as_ref(), &Progress::new()).unwrap();
                assert_eq!(found, one_by_one(game.as_ref()));
            }
        }
    }

    #[test]
    fn a_large_player_leaves_no_trace() {
        let game = ThresholdGame::excess(vec![1e30, 0.1, 0.2], vec![0.0], vec![1.0]).unwrap();
        assert_eq!(leave_one_out(&game, &Progress::new()).unwrap().without[0], 0.1 + 0.2);
    }
}
