//! Marginal contributions along random orders: the estimator for games that are cheap to walk.
//!
//! One walk along an order of the players gives each of them one marginal contribution, for the price
//! of `n` additions to a coalition; the mean over all orders is the Shapley value (Castro, Gomez and
//! Tejada 2009). Two devices lower the variance and keep the mean: each order is walked in both
//! directions (antithetic), and the orders of a batch spread each player evenly over the positions
//! (Latin hypercube).
//!
//! A batch is the unit of everything: of random numbers (one ChaCha8 stream for each batch number), of
//! parallel work, and of the statistics. Batches are independent and identically distributed, so
//! the bits do not depend on who evaluates them, and their spread gives the standard error.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::memory::{self, Purpose};
use crate::progress::Progress;
use crate::thread_pool;

/// The most orders of a batch; each is walked in both directions.
pub const MAX_ORDERS: usize = 8;

/// A key to sort the players by: the player's interval, a random number within, the player.
const RANDOM_BITS: u32 = 36;
const PLAYER_BITS: u32 = 24;

/// Batches of random orders of `n` players.
#[derive(Debug, Clone, Copy)]
pub struct Batches {
    n_players: usize,
    orders: usize,
    seed: u64,
}

/// What was found along the orders of some batches.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchMeans {
    /// The mean marginal contribution of each player over each batch, one row of `n` for each batch.
    pub means: Vec<f64>,
    /// The largest value of a coalition, and the largest marginal contribution, by their amount.
    pub largest: Largest,
}

/// The largest amounts along some orders.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Largest {
    /// Of a coalition's value.
    pub value: f64,
    /// Of a marginal contribution.
    pub marginal: f64,
}

impl Largest {
    fn or(self, other: Self) -> Self {
        let (value, marginal) = (self.value.max(other.value), self.marginal.max(other.marginal));
        Self { value, marginal }
    }
}

impl Batches {
    /// Batches of `orders` orders of `n_players` players each.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] unless `1 <= orders <= 8` and `n_players < 2^24`.
    pub fn new(n_players: usize, orders: usize, seed: u64) -> Result<Self> {
        if n_players >= 1 << PLAYER_BITS || !(1..=MAX_ORDERS).contains(&orders) {
            return Err(Error::InvalidInput(format!(
                "a batch has 1 to {MAX_ORDERS} orders of fewer than 2^{PLAYER_BITS} players, \
                 not {orders} of {n_players}"
            )));
        }
        Ok(Self { n_players, orders, seed })
    }

    /// The orders of one batch, one after the other: `orders * n` players.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn orders(&self, batch: u64) -> Result<Vec<u32>> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(batch);
        let mut keys: Vec<u64> = memory::zeros(&[self.orders, self.n_players], Purpose::Sample)?;
        let mut intervals: Vec<u64> = (0..self.orders as u64).collect();
        for player in 0..self.n_players {
            for last in (1..self.orders).rev() {
                intervals.swap(last, random.random_range(0..=last));
            }
            for (order, interval) in intervals.iter().enumerate() {
                let within = random.random::<u64>() >> (u64::BITS - RANDOM_BITS);
                keys[order * self.n_players + player] =
                    (interval << RANDOM_BITS | within) << PLAYER_BITS | player as u64;
            }
        }
        for order in keys.chunks_exact_mut(self.n_players) {
            order.sort_unstable();
        }
        let mut orders = memory::room(&[keys.len()], Purpose::Sample)?;
        orders.extend(keys.iter().map(|key| (key & ((1 << PLAYER_BITS) - 1)) as u32));
        Ok(orders)
    }

    /// The mean marginal contributions over each of the batches `first..first + count`.
    ///
    /// # Complexity
    /// `2 * orders * n` additions to a coalition for each batch, on all threads.
    ///
    /// # Errors
    /// [`Error::NotFiniteWalk`], [`Error::Interrupted`].
    pub fn means(
        &self,
        game: &dyn NativeGame,
        first: u64,
        count: usize,
        progress: &Progress,
    ) -> Result<BatchMeans> {
        let mut means: Vec<f64> = memory::zeros(&[count, self.n_players], Purpose::Sample)?;
        let batches = means.par_chunks_exact_mut(self.n_players).enumerate();
        let largest = batches.map_init(
            || (game.walker(progress), vec![0.0; self.n_players]),
            |(walker, values), (batch, sums)| {
                let mut largest = Largest::default();
                for order in
                    self.orders(first.wrapping_add(batch as u64))?.chunks_exact(self.n_players)
                {
                    let there = walk(walker.as_mut(), order.iter(), values, sums, progress)?;
                    let back = walk(walker.as_mut(), order.iter().rev(), values, sums, progress)?;
                    largest = largest.or(there).or(back);
                }
                for sum in sums {
                    *sum /= (2 * self.orders) as f64;
                }
                Ok(largest)
            },
        );
        let largest = thread_pool::install(|| {
            largest.try_reduce(Largest::default, |one, other| Ok(one.or(other)))
        })?;
        Ok(BatchMeans { means, largest })
    }
}

/// Adds the marginal contributions along one order to `sums`; gives the largest amounts. `values` holds
/// as many numbers.
fn walk<'a>(
    walker: &mut dyn Walker,
    order: impl Iterator<Item = &'a u32> + Clone,
    values: &mut [f64],
    sums: &mut [f64],
    progress: &Progress,
) -> Result<Largest> {
    let check = |place: usize, value: f64| {
        if value.is_finite() {
            return Ok(());
        }
        Err(Error::NotFiniteWalk {
            members: order.clone().take(place + 1).copied().collect(),
            value,
        })
    };
    walker.clear();
    for (place, &player) in order.clone().enumerate() {
        progress.check()?;
        walker.add(player as usize);
        if !walker.enqueue(place) {
            values[place] = walker.value();
            check(place, values[place])?;
        }
    }
    walker.finish(&mut |place, value| values[place] = value);
    let (mut before, mut largest) = (0.0, Largest::default());
    for (place, &player) in order.clone().enumerate() {
        let value = values[place];
        check(place, value)?;
        let marginal: f64 = value - before;
        largest = largest.or(Largest { value: value.abs(), marginal: marginal.abs() });
        sums[player as usize] += marginal;
        before = value;
    }
    progress.advance(sums.len() as u64)?;
    Ok(largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Tariff;
    use crate::dispatch::netting::NettingGame;

    #[test]
    fn every_order_is_a_permutation_and_each_batch_is_its_own() {
        let batches = Batches::new(37, 8, 5).unwrap();
        for batch in 0..3 {
            for order in batches.orders(batch).unwrap().chunks_exact(37) {
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..37).collect::<Vec<u32>>());
            }
        }
        assert_eq!(batches.orders(1), batches.orders(1));
        assert_ne!(batches.orders(1), batches.orders(2));
    }

    #[test]
    fn a_batch_spreads_each_player_over_the_positions() {
        // With as many orders as intervals, each player is once in each eighth of the keys.
        let n_players = 4000;
        let orders = Batches::new(n_players, 8, 1).unwrap().orders(0).unwrap();
        let mut mean_position = vec![0.0; n_players];
        for order in orders.chunks_exact(n_players) {
            for (position, &player) in order.iter().enumerate() {
                mean_position[player as usize] += position as f64 / 8.0;
            }
        }
        let middle = (n_players - 1) as f64 / 2.0;
        let worst = mean_position.iter().map(|mean| (mean - middle).abs()).fold(0.0, f64::max);
        // Independent orders would have a standard deviation of 0.1 n here.
        assert!(worst < 0.1 * n_players as f64, "{worst}");
    }

    /// Worth as many as there are members, and no number as soon as players 2 and 5 meet.
    struct Quarrel;

    struct QuarrelWalker(Vec<usize>);

    impl NativeGame for Quarrel {
        fn n_players(&self) -> usize {
            40
        }

        fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
            Box::new(QuarrelWalker(Vec::new()))
        }
    }

    impl Walker for QuarrelWalker {
        fn clear(&mut self) {
            self.0.clear();
        }

        fn add(&mut self, player: usize) {
            self.0.push(player);
        }

        fn remove(&mut self, player: usize) {
            self.0.retain(|&member| member != player);
        }

        fn value(&mut self) -> f64 {
            let meet = self.0.contains(&2) && self.0.contains(&5);
            if meet { f64::INFINITY } else { self.0.len() as f64 }
        }
    }

    #[test]
    fn a_walk_that_comes_to_no_number_names_the_members() {
        let batches = Batches::new(40, 1, 3).unwrap();
        let error = batches.means(&Quarrel, 0, 1, &Progress::new()).unwrap_err();
        let Error::NotFiniteWalk { members, value } = error else { panic!("{error}") };
        assert_eq!(value, f64::INFINITY);
        assert_eq!(members, batches.orders(0).unwrap()[..members.len()]);
        let (last, earlier) = members.split_last().unwrap();
        assert!(*last == 2 && earlier.contains(&5) || *last == 5 && earlier.contains(&2));
    }

    #[test]
    fn each_batch_shares_out_everything_and_batches_can_be_split() {
        let tariff = Tariff::new(vec![0.3, 0.2], vec![0.1, 0.05]).unwrap();
        let net_load: Vec<f64> = (0..24).map(|index| f64::from(index % 7) - 2.5).collect();
        let game = NettingGame::new(net_load, tariff).unwrap();
        let batches = Batches::new(12, 4, 9).unwrap();
        let together = batches.means(&game, 0, 5, &Progress::new()).unwrap();
        let mut apart = batches.means(&game, 0, 2, &Progress::new()).unwrap();
        let rest = batches.means(&game, 2, 3, &Progress::new()).unwrap();
        apart.means.extend(rest.means);
        assert_eq!(together.means, apart.means);
        assert_eq!(together.largest, apart.largest.or(rest.largest));
        let progress = Progress::new();
        let mut walker = game.walker(&progress);
        (0..12).for_each(|player| walker.add(player));
        let total = walker.value();
        for batch in together.means.chunks_exact(12) {
            assert!((batch.iter().sum::<f64>() - total).abs() < 1e-12);
        }
        assert!(together.largest.value >= total.abs());
        let most = together.means.iter().fold(0.0, |most: f64, mean| most.max(mean.abs()));
        assert!(together.largest.marginal >= most);
    }
}
