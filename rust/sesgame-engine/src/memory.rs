//! Memory whose size a caller chooses is asked for, not taken: who is refused gets an error that says
//! how much it would have been, where an ordinary allocation ends the process.

use std::hint::black_box;

use crate::error::{Error, Result};

/// What a large piece of memory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The values of all coalitions, or something for each of them.
    Table,
    /// Coalitions that are drawn, or values of theirs.
    Sample,
    /// A copy of what was handed over, or a result that is as large.
    Data,
}

impl Purpose {
    /// One word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Sample => "sample",
            Self::Data => "data",
        }
    }
}

/// An array of zeros of this shape, row by row.
///
/// The memory is asked for and then taken: pages that nobody writes to cost nothing. Between the two
/// another thread may take it first.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn zeros<T: Copy + Default>(shape: &[usize], purpose: Purpose) -> Result<Vec<T>> {
    ask::<T>(shape, purpose)?;
    Ok(vec![T::default(); length::<T>(shape, purpose)?])
}

/// Whether there would be room for an array of this shape, now.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn ask<T>(shape: &[usize], purpose: Purpose) -> Result<()> {
    // A compiler may leave out an allocation that nobody looks at, and the question with it.
    room::<T>(shape, purpose).map(|room| drop(black_box(room)))
}

/// An empty vector with room for an array of this shape.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn room<T>(shape: &[usize], purpose: Purpose) -> Result<Vec<T>> {
    let mut vector = Vec::new();
    reserve(&mut vector, length::<T>(shape, purpose)?, purpose)?;
    Ok(vector)
}

/// Makes room for further elements.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn reserve<T>(vector: &mut Vec<T>, additional: usize, purpose: Purpose) -> Result<()> {
    vector.try_reserve(additional).map_err(|_| {
        let elements = vector.len() as u128 + additional as u128;
        Error::OutOfMemory { purpose, bytes: elements.saturating_mul(size_of::<T>() as u128) }
    })
}

fn length<T>(shape: &[usize], purpose: Purpose) -> Result<usize> {
    let length = shape.iter().fold(1_u128, |product, &side| product.saturating_mul(side as u128));
    let bytes = length.saturating_mul(size_of::<T>() as u128);
    usize::try_from(length).map_err(|_| Error::OutOfMemory { purpose, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_process_can_get_is_an_error_with_its_size() {
        for shape in [&[1 << 31, 1 << 31][..], &[usize::MAX, usize::MAX]] {
            let error = zeros::<f64>(shape, Purpose::Table).unwrap_err();
            let elements = shape[0] as u128 * shape[1] as u128;
            let bytes = elements.saturating_mul(8);
            assert_eq!(error, Error::OutOfMemory { purpose: Purpose::Table, bytes });
        }
        let error = reserve(&mut vec![0_u8; 3], usize::MAX - 3, Purpose::Data).unwrap_err();
        let bytes = usize::MAX as u128;
        assert_eq!(error, Error::OutOfMemory { purpose: Purpose::Data, bytes });
    }

    #[test]
    fn what_is_there_is_given() {
        assert_eq!(zeros::<f64>(&[2, 3], Purpose::Table).unwrap(), [0.0; 6]);
        assert!(room::<u32>(&[2, 3], Purpose::Sample).unwrap().capacity() >= 6);
        assert!(zeros::<bool>(&[0, usize::MAX], Purpose::Data).unwrap().is_empty());
    }
}
