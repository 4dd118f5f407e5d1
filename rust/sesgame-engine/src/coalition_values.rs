//! Values of coalitions that were evaluated already, looked up by their members.

use crate::error::Result;
use crate::memory::{self, Purpose};

/// Values by coalition, for any number of players; in the order in which they became known.
#[derive(Debug)]
pub struct CoalitionValues {
    words: usize,
    /// The members of each slot, 64 to a word.
    keys: Vec<u64>,
    /// NaN while a slot has no value.
    values: Vec<f64>,
    /// The slots in the order in which they got a value.
    learned: Vec<u32>,
    /// Open addressing: a slot or [`FREE`] at each place; at least half of the places are free.
    places: Vec<u32>,
}

const FREE: u32 = u32::MAX;

impl CoalitionValues {
    /// No values yet, for coalitions of `n_players`.
    #[must_use]
    pub fn new(n_players: usize) -> Self {
        Self {
            words: n_players.div_ceil(64),
            keys: Vec::new(),
            values: Vec::new(),
            learned: Vec::new(),
            places: vec![FREE; 16],
        }
    }

    /// How many values are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.learned.len()
    }

    /// How many slots were given out, with a value or without.
    #[must_use]
    pub fn n_slots(&self) -> usize {
        self.values.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.learned.is_empty()
    }

    /// The slot of each coalition, one row of members for each, and the first row of each that has no
    /// value yet.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn look_up(
        &mut self,
        membership: &[bool],
        n_players: usize,
    ) -> Result<(Vec<u32>, Vec<usize>)> {
        let rows = membership.chunks_exact(n_players);
        let mut slots = memory::room(&[rows.len()], Purpose::Data)?;
        let mut missing = memory::room(&[rows.len()], Purpose::Data)?;
        // Slots given out now are asked for with that; of those without a value from a call that failed
        // a set tells.
        let given_out = self.values.len();
        let mut asked = std::collections::HashSet::new();
        let mut key = vec![0; self.words];
        for (row, members) in rows.enumerate() {
            pack(members, &mut key);
            let known = self.values.len();
            let slot = self.slot(&key)?;
            let left_over = (slot as usize) < given_out
                && self.values[slot as usize].is_nan()
                && asked.insert(slot);
            if slot as usize == known || left_over {
                missing.push(row);
            }
            slots.push(slot);
        }
        Ok((slots, missing))
    }

    /// The slot of one coalition, given by its words.
    fn slot(&mut self, key: &[u64]) -> Result<u32> {
        if 2 * self.values.len() >= self.places.len() {
            self.grow()?;
        }
        let mut place = hash(key) as usize & (self.places.len() - 1);
        while self.places[place] != FREE {
            let slot = self.places[place];
            let begin = slot as usize * self.words;
            if self.keys[begin..begin + self.words] == *key {
                return Ok(slot);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        memory::reserve(&mut self.keys, key.len(), Purpose::Data)?;
        memory::reserve(&mut self.values, 1, Purpose::Data)?;
        let unlearned = self.values.len() + 1 - self.learned.len();
        memory::reserve(&mut self.learned, unlearned, Purpose::Data)?;
        let slot = self.values.len() as u32;
        self.places[place] = slot;
        self.keys.extend_from_slice(key);
        self.values.push(f64::NAN);
        Ok(slot)
    }

    fn grow(&mut self) -> Result<()> {
        let mut places = memory::room(&[4, self.places.len()], Purpose::Data)?;
        places.resize(4 * self.places.len(), FREE);
        self.places = places;
        for (slot, key) in self.keys.chunks_exact(self.words).enumerate() {
            let mut place = hash(key) as usize & (self.places.len() - 1);
            while self.places[place] != FREE {
                place = (place + 1) & (self.places.len() - 1);
            }
            self.places[place] = slot as u32;
        }
        Ok(())
    }

    /// Takes the values of slots; those that are NaN, and slots that have a value, stay as they are.
    pub fn learn(&mut self, slots: &[u32], values: &[f64]) {
        for (&slot, &value) in slots.iter().zip(values) {
            if self.values[slot as usize].is_nan() && !value.is_nan() {
                self.values[slot as usize] = value;
                self.learned.push(slot);
            }
        }
    }

    /// The values of slots.
    ///
    /// # Errors
    /// [`crate::error::Error::OutOfMemory`].
    pub fn values(&self, slots: &[u32]) -> Result<Vec<f64>> {
        let mut values = memory::room(&[slots.len()], Purpose::Data)?;
        values.extend(slots.iter().map(|&slot| self.values[slot as usize]));
        Ok(values)
    }

    /// Coalitions and values from the `first` on that became known: rows of members, and their values.
    ///
    /// # Errors
    /// [`crate::error::Error::OutOfMemory`].
    pub fn learned_since(&self, first: usize, n_players: usize) -> Result<(Vec<bool>, Vec<f64>)> {
        let slots = &self.learned[first.min(self.learned.len())..];
        let mut membership = memory::room(&[slots.len(), n_players], Purpose::Data)?;
        for &slot in slots {
            let key = &self.keys[slot as usize * self.words..];
            membership
                .extend((0..n_players).map(|player| key[player / 64] >> (player % 64) & 1 == 1));
        }
        Ok((membership, self.values(slots)?))
    }
}

fn pack(members: &[bool], key: &mut [u64]) {
    for (word, members) in key.iter_mut().zip(members.chunks(64)) {
        *word = 0;
        for (byte, members) in members.chunks(8).enumerate() {
            let mut eight = [0; 8];
            eight.iter_mut().zip(members).for_each(|(to, member)| *to = u8::from(*member));
            // Each factor 2^(56 - 7 i) moves the least significant bit of byte i to bit 56 + i.
            let bits = u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            *word |= bits << (8 * byte);
        }
    }
}

/// Mixes the words by multiplication; the lower bits of the result depend on all of them.
fn hash(key: &[u64]) -> u64 {
    let mixed = key.iter().fold(0x243F_6A88_85A3_08D3_u64, |hash, word| {
        let product = u128::from(hash ^ word) * 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835_u128;
        (product >> 64) as u64 ^ product as u64
    });
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coalition_is_asked_for_once_and_found_again() {
        for n_players in [3, 8, 64, 65, 130] {
            let mut known = CoalitionValues::new(n_players);
            let rows = |range: std::ops::Range<usize>| -> Vec<bool> {
                range
                    .flat_map(|row| (0..n_players).map(move |p| (row + 1) >> (p % 10) & 1 == 1))
                    .collect()
            };
            let distinct = if n_players == 3 { 8 } else { 256 };
            let (slots, missing) = known.look_up(&rows(0..256), n_players).unwrap();
            assert_eq!(missing.len(), distinct);
            let values: Vec<f64> = missing.iter().map(|row| *row as f64).collect();
            let of_missing: Vec<u32> = missing.iter().map(|row| slots[*row]).collect();
            known.learn(&of_missing[1..], &values[1..]);
            assert_eq!(known.len(), distinct - 1);
            // What failed the first time is missing again, and nothing else.
            let (again, missing) = known.look_up(&rows(0..256), n_players).unwrap();
            assert_eq!((again, missing), (slots.clone(), vec![0]));
            known.learn(&slots[..1], &[0.5]);
            assert!(known.look_up(&rows(0..256), n_players).unwrap().1.is_empty());
            assert_eq!(known.values(&slots[..2]).unwrap(), [0.5, 1.0]);
            let (membership, values) = known.learned_since(distinct - 1, n_players).unwrap();
            assert_eq!((membership, values), (rows(0..1), vec![0.5]));
        }
    }
}
