//! Lines of numbers between commas, with one column of text: the readings of meters as files have
//! them, straight into an array.
//!
//! What is not as plain as that (quotes, missing cells, what is no finite number) is not read at
//! all: whoever asks goes through it cell by cell, to say what is wrong and where.

use rayon::prelude::*;

use crate::thread_pool;

/// Lines that a thread takes at once.
const LINES: usize = 64;

/// What was read of some lines.
#[derive(Debug, PartialEq)]
pub struct NumericRows<'a> {
    /// The cell of the column of text, by row.
    pub texts: Vec<&'a str>,
    /// The other cells, by row and column.
    pub numbers: Vec<f64>,
}

/// Reads lines of `n_columns` cells each, of which `text_column` is text; empty lines are skipped.
///
/// Nothing if a line has another number of cells, a cell is no finite number, or there are quotes.
///
/// # Panics
///
/// If there is no such column.
#[must_use]
pub fn numeric_rows(text: &str, n_columns: usize, text_column: usize) -> Option<NumericRows<'_>> {
    assert!(text_column < n_columns, "column {text_column} of {n_columns}");
    if text.contains('"') {
        return None;
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let parts: Option<Vec<NumericRows<'_>>> = thread_pool::install(|| {
        lines.par_chunks(LINES).map(|part| block(part, n_columns, text_column)).collect()
    });
    let mut rows = NumericRows { texts: Vec::new(), numbers: Vec::new() };
    for part in parts? {
        rows.texts.extend(part.texts);
        rows.numbers.extend(part.numbers);
    }
    Some(rows)
}

fn block<'a>(lines: &[&'a str], n_columns: usize, text_column: usize) -> Option<NumericRows<'a>> {
    let mut rows = NumericRows {
        texts: Vec::with_capacity(lines.len()),
        // A number and its comma are two bytes at least, and mostly a few more.
        numbers: Vec::with_capacity(lines.iter().map(|line| line.len()).sum::<usize>() / 4),
    };
    for line in lines {
        let mut n_cells = 0;
        for (column, cell) in line.split(',').enumerate() {
            if column == text_column {
                rows.texts.push(cell);
            } else {
                let number: f64 = cell.trim_matches([' ', '\t']).parse().ok()?;
                number.is_finite().then_some(())?;
                rows.numbers.push(number);
            }
            n_cells += 1;
        }
        (n_cells == n_columns).then_some(())?;
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_are_read() {
        let rows = numeric_rows("a,1,2\r\n\nb, 3.5 ,-1e-3\n", 3, 0).unwrap();
        assert_eq!(rows.texts, ["a", "b"]);
        assert_eq!(rows.numbers, [1.0, 2.0, 3.5, -1e-3]);
        assert_eq!(numeric_rows("1,a,2", 3, 1).unwrap().texts, ["a"]);
    }

    #[test]
    fn the_order_is_that_of_the_lines() {
        let text: String = (0..1000).map(|k| format!("t{k},{k}\n")).collect();
        let rows = numeric_rows(&text, 2, 0).unwrap();
        assert!(rows.numbers.iter().enumerate().all(|(k, &number)| number == k as f64));
        assert_eq!(rows.texts[999], "t999");
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        for text in ["a,1", "a,1,2,3", "a,1,", "a,1,x", "a,1,nan", "a,1,inf", "a,1,\"2\"", " "] {
            assert_eq!(numeric_rows(text, 3, 0), None, "{text}");
        }
    }
}
