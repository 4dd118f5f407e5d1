//! Any semivalue from all `2^n` values, in one streaming pass over a table or over values that a native game
//! makes on the way.
//!
//! With `c(t) = w(t-1) + w(t)`, where `w(-1) = w(n) = 0`,
//!
//! ```text
//! phi_i = F_i - B,   F_i = sum over T containing i of c(|T|) v(T),   B = sum over T of w(|T|) v(T)
//! ```
//!
//! so `phi` needs sums of weighted values over half the table for each player, and these sums share
//! almost all their additions ([`sums_by_player`]). The mask is split: the table is a matrix with a row
//! for every coalition of the high players and a column for every coalition of the low ones. One pass
//! over it ([`crate::shapley::row_pass`]) leaves a sum for each row and a few for each column; everything
//! else happens on those.
//!
//! The order of additions depends on `n` alone, never on the number of threads nor on the width of the
//! processor's vectors, and so does every bit of the result.

use rayon::prelude::*;

use crate::coalition::{Coalition, MAX_TABLE_PLAYERS, players_of_table};
use crate::enumeration::{fill_block, tabulate};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Ranges, Walker};
use crate::memory::{self, Purpose};
use crate::progress::Progress;
use crate::shapley::row_pass::{
    COLUMNS, GROUP_PLAYERS, GROUP_ROWS, LOW_PLAYERS, PaddedRow, ZERO_ROW, add_group,
};
use crate::shapley::semivalue::Semivalue;
use crate::thread_pool;

/// Rows of one unit of parallel work: 2^18 values, some tens of microseconds.
const BLOCK_ROWS: usize = 1 << (18 - LOW_PLAYERS);

/// The semivalue of the game with the given table, for each player.
///
/// # Arguments
/// `table[S]` is the value of coalition `S` in binary order, `table[0] = 0`.
///
/// # Errors
/// [`Error::InvalidInput`] when the table does not have `2^n` entries for the `n` of the semivalue;
/// [`Error::Interrupted`] when `progress` says so.
///
/// # Complexity
/// About `3 * 2^n` additions and one read of the table; memory for `2^n / 256` values. All threads
/// from 19 players on, none is started below.
///
/// # Example
/// ```
/// use sesgame_engine::{progress::Progress, shapley::{exact, semivalue::Semivalue}};
/// let gloves = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]; // players 0 and 1 left, player 2 right
/// let shares = exact::semivalue(&gloves, &Semivalue::shapley(3), &Progress::new()).unwrap();
/// assert!((shares[2] - 2.0 / 3.0).abs() < 1e-15);
/// ```
pub fn semivalue(table: &[f64], semivalue: &Semivalue, progress: &Progress) -> Result<Vec<f64>> {
    let n_players = semivalue.n_players();
    if players_of_table(table.len()) != Some(n_players) {
        return Err(Error::InvalidInput(format!(
            "a table of {} values does not fit a semivalue of {n_players} players",
            table.len()
        )));
    }
    let weights = SizeWeights::new(semivalue);
    let (mut sums, base) = if n_players < LOW_PLAYERS + GROUP_PLAYERS {
        sums_by_coalition(table, &weights)
    } else {
        sums_by_rows(table, &weights, progress)?
    };
    for sum in &mut sums {
        *sum -= base;
    }
    Ok(sums)
}

/// What a pass over the values of a native game leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Enumerated {
    /// The semivalue, for each player.
    pub values: Vec<f64>,
    /// The largest absolute value of a coalition.
    pub scale: f64,
}

/// The semivalue of a native game of at most [`MAX_TABLE_PLAYERS`] players, without a table.
///
/// # Errors
/// [`Error::InvalidInput`] for more players or a semivalue of another number of them,
/// [`Error::NotFinite`] for a value that is not a number, [`Error::Interrupted`].
///
/// # Complexity
/// `2^n` values, each after one [`Walker::add`] or in [`Ranges`]; memory for `2^n / 256` values.
pub fn semivalue_of_game(
    game: &dyn NativeGame,
    semivalue: &Semivalue,
    progress: &Progress,
) -> Result<Enumerated> {
    let n_players = game.n_players();
    if n_players > MAX_TABLE_PLAYERS || semivalue.n_players() != n_players {
        return Err(Error::InvalidInput(format!(
            "the semivalue of {} players of a game of {n_players}; at most {MAX_TABLE_PLAYERS}",
            semivalue.n_players()
        )));
    }
    let largest =
        |values: &[f64]| values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    if n_players < LOW_PLAYERS + GROUP_PLAYERS {
        let table = tabulate(game, progress)?;
        let values = self::semivalue(&table, semivalue, progress)?;
        return Ok(Enumerated { values, scale: largest(&table) });
    }
    let weights = SizeWeights::new(semivalue);
    let n_rows = (1_usize << n_players) / COLUMNS;
    let mut row_sums: Vec<f64> = memory::zeros(&[n_rows], Purpose::Table)?;
    let high_players = size(n_rows - 1);
    let inside: Vec<_> = (0..=high_players).map(|high| weights.inside_row(high)).collect();
    progress.set_total(1 << n_players);
    let block = |source: &mut Source<'_>, index: usize, row_sums: &mut [f64]| {
        let mut sums_by_high = vec![ZERO_ROW; high_players + 1];
        let mut values = vec![0.0; GROUP_ROWS * COLUMNS];
        let mut scale = 0.0_f64;
        for (group, row_sums) in row_sums.chunks_exact_mut(GROUP_ROWS).enumerate() {
            let row = index * BLOCK_ROWS + group * GROUP_ROWS;
            let first = (row * COLUMNS) as Coalition;
            source.fill(first, &mut values, progress)?;
            scale = scale.max(largest(&values));
            if !scale.is_finite() || values.iter().any(|value| value.is_nan()) {
                let wrong = (first..).zip(&values).find(|(_, value)| !value.is_finite());
                let (coalition, &value) = wrong.expect("a value that is not finite");
                return Err(Error::NotFinite { coalition, value });
            }
            let high = size(row);
            add_group(&values, &inside[high..], &mut sums_by_high[high..], row_sums);
        }
        Ok((Block::new(&sums_by_high, &inside, &weights), scale))
    };
    let blocks: Vec<(Block, f64)> = thread_pool::install(|| {
        row_sums
            .par_chunks_mut(BLOCK_ROWS)
            .enumerate()
            .map_init(
                || Source::of(game, progress),
                |source, (index, sums)| block(source, index, sums),
            )
            .collect::<Result<_>>()
    })?;
    let scale = blocks.iter().fold(0.0_f64, |most, (_, scale)| most.max(*scale));
    let blocks: Vec<Block> = blocks.into_iter().map(|(block, _)| block).collect();
    let (mut values, base) = add_blocks(&blocks, &mut row_sums);
    values.iter_mut().for_each(|value| *value -= base);
    Ok(Enumerated { values, scale })
}

/// Who makes the values of a range of coalitions.
enum Source<'a> {
    Ranges(Box<dyn Ranges + 'a>),
    Walker(Box<dyn Walker + 'a>),
}

impl<'a> Source<'a> {
    fn of(game: &'a dyn NativeGame, progress: &'a Progress) -> Self {
        match game.ranges() {
            Some(ranges) => Self::Ranges(ranges),
            None => Self::Walker(game.walker(progress)),
        }
    }

    fn fill(&mut self, first: Coalition, values: &mut [f64], progress: &Progress) -> Result<()> {
        match self {
            Self::Walker(walker) => {
                values[0] = 0.0; // where the empty coalition stands
                fill_block(walker.as_mut(), first, values, progress)
            }
            Self::Ranges(ranges) => {
                ranges.fill(first, values);
                if first == 0 {
                    values[0] = 0.0;
                }
                progress.advance(values.len() as u64)
            }
        }
    }
}

/// The weights of a coalition's value, by the coalition's size `0..=n`.
struct SizeWeights {
    /// `c(t)`, in the sums `F_i` of its members.
    inside: Vec<f64>,
    /// `w(t)`, in the sum `B`.
    base: Vec<f64>,
}

impl SizeWeights {
    fn new(semivalue: &Semivalue) -> Self {
        let joined = semivalue.weights();
        let base: Vec<f64> = joined.iter().copied().chain([0.0]).collect();
        let left = [0.0].into_iter().chain(joined.iter().copied());
        Self { inside: base.iter().zip(left).map(|(to, from)| to + from).collect(), base }
    }

    /// `c` for the columns of a row whose high coalition has `high` members.
    fn inside_row(&self, high: usize) -> PaddedRow {
        let mut row = ZERO_ROW;
        for (low, weight) in row[..COLUMNS].iter_mut().enumerate() {
            *weight = self.inside[high + size(low)];
        }
        row
    }
}

fn size(mask: usize) -> usize {
    mask.count_ones() as usize
}

/// For each player, low ones first, the sum of `values[S]` over the coalitions `S` that contain it.
///
/// The upper half is what the last player is in; added onto the lower half it leaves the same
/// question for one player less. `2^(n+1)` additions in all; the values are used up.
fn sums_by_player(values: &mut [f64]) -> Vec<f64> {
    let mut sums = Vec::new();
    let mut rest = values;
    while rest.len() > 1 {
        let (without, with) = rest.split_at_mut(rest.len() / 2);
        sums.push(with.iter().sum());
        for (to, from) in without.iter_mut().zip(with) {
            *to += *from;
        }
        rest = without;
    }
    sums.reverse();
    sums
}

/// `F` and `B` of a table too small for rows.
fn sums_by_coalition(table: &[f64], weights: &SizeWeights) -> (Vec<f64>, f64) {
    let weighted = |by_size: &[f64]| -> Vec<f64> {
        table.iter().enumerate().map(|(mask, value)| value * by_size[size(mask)]).collect()
    };
    (sums_by_player(&mut weighted(&weights.inside)), weighted(&weights.base).iter().sum())
}

/// `F` and `B` of a table with at least one group of rows.
fn sums_by_rows(
    table: &[f64],
    weights: &SizeWeights,
    progress: &Progress,
) -> Result<(Vec<f64>, f64)> {
    let mut row_sums: Vec<f64> = memory::zeros(&[table.len() / COLUMNS], Purpose::Table)?;
    let high_players = size(row_sums.len() - 1);
    let inside: Vec<_> = (0..=high_players).map(|high| weights.inside_row(high)).collect();

    let block = |(index, (values, row_sums)): (usize, (&[f64], &mut [f64]))| {
        progress.check()?;
        let mut sums_by_high = vec![ZERO_ROW; high_players + 1];
        let groups = values.chunks_exact(GROUP_ROWS * COLUMNS);
        let row_sums = row_sums.chunks_exact_mut(GROUP_ROWS);
        for (group, (rows, row_sums)) in groups.zip(row_sums).enumerate() {
            let high = size(index * BLOCK_ROWS + group * GROUP_ROWS);
            add_group(rows, &inside[high..], &mut sums_by_high[high..], row_sums);
        }
        Ok(Block::new(&sums_by_high, &inside, weights))
    };
    let blocks: Vec<Block> = if row_sums.len() <= BLOCK_ROWS {
        vec![block((0, (table, &mut row_sums)))?]
    } else {
        let rows = row_sums.par_chunks_mut(BLOCK_ROWS);
        let blocks = table.par_chunks(BLOCK_ROWS * COLUMNS).zip(rows).enumerate();
        thread_pool::install(|| blocks.map(block).collect::<Result<_>>())?
    };
    Ok(add_blocks(&blocks, &mut row_sums))
}

/// `F` and `B` from what is left of the rows; the row sums are used up.
fn add_blocks(blocks: &[Block], row_sums: &mut [f64]) -> (Vec<f64>, f64) {
    let mut column_sums = vec![0.0; COLUMNS];
    for block in blocks {
        for (total, part) in column_sums.iter_mut().zip(&block.column_sums) {
            *total += part;
        }
    }
    let mut sums = sums_by_player(&mut column_sums);
    sums.extend(sums_by_player(row_sums));
    (sums, blocks.iter().map(|block| block.base).sum())
}

/// What a range of rows leaves behind, beside its row sums.
struct Block {
    column_sums: Vec<f64>,
    base: f64,
}

impl Block {
    /// From the sums of the rows by the number of their high members.
    fn new(sums_by_high: &[PaddedRow], inside: &[PaddedRow], weights: &SizeWeights) -> Self {
        let mut block = Self { column_sums: vec![0.0; COLUMNS], base: 0.0 };
        for (high, sums) in sums_by_high.iter().enumerate() {
            for (column, sum) in sums[..COLUMNS].iter().enumerate() {
                block.column_sums[column] += inside[high][column] * sum;
                block.base += weights.base[high + size(column)] * sum;
            }
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, term by term.
    fn by_definition(table: &[f64], semivalue: &Semivalue) -> Vec<f64> {
        let share = |player: usize| {
            let outside = (0..table.len()).filter(|mask| mask >> player & 1 == 0);
            let marginal = |mask: usize| table[mask | 1 << player] - table[mask];
            outside.map(|mask| semivalue.weights()[size(mask)] * marginal(mask)).sum()
        };
        (0..semivalue.n_players()).map(share).collect()
    }

    /// Integers in a fixed irregular order, 0 for the empty coalition.
    fn table(n_players: usize) -> Vec<f64> {
        (0..1_u64 << n_players)
            .map(|mask| (mask.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as f64)
            .collect()
    }

    #[test]
    fn every_size_of_table_agrees_with_the_definition() {
        for n_players in 1..=13 {
            let table = table(n_players);
            for kind in [Semivalue::shapley(n_players), Semivalue::banzhaf(n_players)] {
                let fast = semivalue(&table, &kind, &Progress::new()).unwrap();
                for (fast, slow) in fast.iter().zip(by_definition(&table, &kind)) {
                    assert!((fast - slow).abs() < 1e-9, "{n_players} players: {fast} {slow}");
                }
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let table = table(20);
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| semivalue(&table, &Semivalue::shapley(20), &Progress::new()).unwrap())
        };
        assert_eq!(with_threads(1), with_threads(3));
    }

    #[test]
    fn a_cancelled_pass_stops() {
        let progress = Progress::new();
        progress.cancel();
        let stopped = semivalue(&table(12), &Semivalue::shapley(12), &progress);
        assert_eq!(stopped, Err(Error::Interrupted));
    }

    #[test]
    fn a_table_of_another_size_is_refused() {
        assert!(semivalue(&table(4), &Semivalue::shapley(5), &Progress::new()).is_err());
    }
}
