//! One walker for each of several games, all at the same coalition, and a number made of their values.

use crate::game::Walker;

/// Walkers of several games, whose values `combine` makes into one.
pub struct ScenarioWalkers<'a, C> {
    walkers: Vec<Box<dyn Walker + 'a>>,
    is_side_by_side: bool,
    combine: C,
    values: Vec<f64>,
    /// The places of coalitions that are taken, and what they are worth in each game.
    taken: Vec<(usize, Vec<f64>)>,
}

impl<'a, C: FnMut(&[f64]) -> f64> ScenarioWalkers<'a, C> {
    /// Walkers at the empty coalition; `is_side_by_side` where any of them takes several coalitions.
    pub fn new(walkers: Vec<Box<dyn Walker + 'a>>, is_side_by_side: bool, combine: C) -> Self {
        Self { walkers, is_side_by_side, combine, values: Vec::new(), taken: Vec::new() }
    }
}

impl<C: FnMut(&[f64]) -> f64 + Send> Walker for ScenarioWalkers<'_, C> {
    fn clear(&mut self) {
        self.walkers.iter_mut().for_each(|walker| walker.clear());
    }

    fn add(&mut self, player: usize) {
        self.walkers.iter_mut().for_each(|walker| walker.add(player));
    }

    fn remove(&mut self, player: usize) {
        self.walkers.iter_mut().for_each(|walker| walker.remove(player));
    }

    fn value(&mut self) -> f64 {
        self.values.clear();
        self.values.extend(self.walkers.iter_mut().map(|walker| walker.value()));
        (self.combine)(&self.values)
    }

    fn enqueue(&mut self, place: usize) -> bool {
        if self.is_side_by_side {
            let number = self.taken.len();
            let values = self.walkers.iter_mut().map(|walker| {
                let is_to_come = walker.enqueue(number);
                if is_to_come { f64::NAN } else { walker.value() }
            });
            self.taken.push((place, values.collect()));
        }
        self.is_side_by_side
    }

    fn finish(&mut self, put: &mut dyn FnMut(usize, f64)) {
        for (part, walker) in self.walkers.iter_mut().enumerate() {
            walker.finish(&mut |number, value| self.taken[number].1[part] = value);
        }
        for (place, values) in self.taken.drain(..) {
            put(place, (self.combine)(&values));
        }
    }
}
