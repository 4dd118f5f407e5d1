//! How far several inequalities can be satisfied together: the largest level that the raised ones
//! reach while the others hold, and the multipliers that prove it.

use crate::error::{Error, Result};
use crate::linear_program::{Model, Status};
use crate::progress::Progress;

/// The largest level, a point that has it, and what proves that none has more.
#[derive(Debug, Clone, PartialEq)]
pub struct JointLevel {
    /// By how much the raised rows exceed what they demand.
    pub level: f64,
    /// The point.
    pub point: Vec<f64>,
    /// One for each row, not negative; those of raised rows add up to 1. The rows times these and
    /// ones times `total` add up to 0.
    pub multipliers: Vec<f64>,
    /// The multiplier of the sum of all entries, of any sign.
    pub total: f64,
}

/// Maximises `t` over all `x` with sum `total`, rows `g x >= h`, and `g x >= h + t` where raised.
///
/// `rows` holds one `g` of `n` entries after the other. `None` where no point satisfies the rows
/// that are not raised.
///
/// # Errors
/// [`Error::InvalidInput`] when the lengths do not fit; [`Error::Solver`], also where the level has
/// no end; [`Error::Interrupted`].
pub fn joint_level(
    rows: &[f64],
    demands: &[f64],
    raised: &[bool],
    n: usize,
    total: f64,
    progress: &Progress,
) -> Result<Option<JointLevel>> {
    if rows.len() != n * demands.len() || raised.len() != demands.len() {
        return Err(Error::InvalidInput(format!(
            "{} entries and {} flags are not {n} and one for each of {} rows",
            rows.len(),
            raised.len(),
            demands.len()
        )));
    }
    let mut model = Model::new();
    model.set_feasibility_tolerance(1e-10);
    for _ in 0..n {
        model.add_column(0.0, f64::NEG_INFINITY, f64::INFINITY);
    }
    let t = model.add_column(-1.0, f64::NEG_INFINITY, f64::INFINITY);
    let everybody: Vec<_> = (0..n).map(|column| (column, 1.0)).collect();
    model.add_row(total, total, &everybody);
    for ((row, &demand), &raised) in rows.chunks_exact(n.max(1)).zip(demands).zip(raised) {
        let mut entries: Vec<_> =
            row.iter().copied().enumerate().filter(|&(_, entry)| entry != 0.0).collect();
        if raised {
            entries.push((t, -1.0));
        }
        model.add_row(demand, f64::INFINITY, &entries);
    }
    let solution = model.solve(progress)?;
    if solution.status == Status::Infeasible {
        return Ok(None);
    }
    let solution = solution.optimal("joint level")?;
    Ok(Some(JointLevel {
        level: solution.columns[t],
        point: solution.columns[..n].to_vec(),
        multipliers: solution.row_duals[1..].iter().map(|dual| dual.max(0.0)).collect(),
        total: solution.row_duals[0],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_leaves_the_third_no_more_than_the_rest() {
        // x + y >= 8 of 9; all three are raised from 0: z = 1 holds the level.
        let rows = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let raised = [false, true, true, true];
        let found = joint_level(&rows, &[8.0, 0.0, 0.0, 0.0], &raised, 3, 9.0, &Progress::new())
            .unwrap()
            .unwrap();
        assert!((found.level - 1.0).abs() < 1e-9);
        assert_eq!(found.multipliers, [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(found.total, -1.0);
    }

    #[test]
    fn rows_that_contradict_each_other_have_no_level() {
        let rows = [1.0, -1.0];
        assert_eq!(
            joint_level(&rows, &[2.0, -1.0], &[false, false], 1, 1.0, &Progress::new()).unwrap(),
            None
        );
        assert!(joint_level(&rows, &[2.0], &[false], 1, 1.0, &Progress::new()).is_err());
    }
}
