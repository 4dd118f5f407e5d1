//! Non-decreasing piecewise-linear functions of a price, with jumps: how much charge is best at each
//! price of charge.
//!
//! They are the inverses of the slopes of convex piecewise-quadratic functions. An infimal convolution
//! of two such functions adds the inverses of their slopes (Rockafellar 1970, theorem 16.4), and a
//! bound on the variable cuts them off.

/// A price at which a function bends or jumps, and its limits from the left and from the right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vertex {
    pub price: f64,
    pub below: f64,
    pub above: f64,
}

/// The prices below and above which a bound holds: outside of them the charge is at an end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PriceRange {
    pub lowest: f64,
    pub highest: f64,
}

impl PriceRange {
    /// The price of this range nearest to a price.
    pub fn nearest(self, price: f64) -> f64 {
        price.max(self.lowest).min(self.highest)
    }
}

/// A function that is constant before its first and after its last vertex; linear in between.
#[derive(Debug, Default)]
pub(super) struct ChargeAtPrice {
    vertices: Vec<Vertex>,
    /// The sum under construction.
    sum: Vec<Vertex>,
}

impl ChargeAtPrice {
    /// Becomes a constant.
    pub fn reset(&mut self, charge: f64) {
        self.vertices.clear();
        self.vertices.push(Vertex { price: 0.0, below: charge, above: charge });
    }

    /// Adds a function with at least one vertex, in ascending order of price.
    pub fn add(&mut self, other: &[Vertex]) {
        self.sum.clear();
        let (mut mine, mut theirs) = (0, 0);
        while mine < self.vertices.len() || theirs < other.len() {
            let next =
                |list: &[Vertex], at: usize| list.get(at).map_or(f64::INFINITY, |it| it.price);
            let price = next(&self.vertices, mine).min(next(other, theirs));
            let (one, other_one) = (at(&self.vertices, mine, price), at(other, theirs, price));
            self.sum.push(Vertex { price, below: one.0 + other_one.0, above: one.1 + other_one.1 });
            mine += usize::from(next(&self.vertices, mine) == price);
            theirs += usize::from(next(other, theirs) == price);
        }
        std::mem::swap(&mut self.vertices, &mut self.sum);
    }

    /// Cuts off what is outside of `[0, most]`, and tells at which prices nothing is.
    pub fn clip(&mut self, most: f64) -> PriceRange {
        let mut range = PriceRange { lowest: f64::NEG_INFINITY, highest: f64::INFINITY };
        let first = self.vertices[0];
        if first.below < 0.0 {
            let at = self.vertices.iter().position(|it| it.above >= 0.0);
            // Rounding alone leaves nothing at all: then no charge is best at any price.
            let at = at.unwrap_or(self.vertices.len() - 1);
            let vertex = self.vertices[at];
            if vertex.below < 0.0 {
                range.lowest = vertex.price;
                self.vertices[at].below = 0.0;
                self.vertices[at].above = vertex.above.max(0.0);
                self.vertices.drain(..at);
            } else {
                range.lowest = crossing(self.vertices[at - 1], vertex, 0.0);
                self.vertices[at - 1] = Vertex { price: range.lowest, below: 0.0, above: 0.0 };
                self.vertices.drain(..at - 1);
            }
        }
        let last = self.vertices[self.vertices.len() - 1];
        if last.above > most {
            let at = self.vertices.iter().rposition(|it| it.below <= most).unwrap_or(0);
            let vertex = self.vertices[at];
            if vertex.above > most {
                range.highest = vertex.price;
                self.vertices[at].above = most;
                self.vertices[at].below = vertex.below.min(most);
                self.vertices.truncate(at + 1);
            } else {
                range.highest = crossing(vertex, self.vertices[at + 1], most);
                self.vertices[at + 1] = Vertex { price: range.highest, below: most, above: most };
                self.vertices.truncate(at + 2);
            }
        }
        range
    }

    /// The least price, of those from 0 on, at which so much charge is best or more.
    pub fn least_price(&self, charge: f64) -> f64 {
        let at = self.vertices.iter().position(|it| it.above >= charge);
        // Rounding alone leaves too little: the last price has the most.
        let at = at.unwrap_or(self.vertices.len() - 1);
        let vertex = self.vertices[at];
        let price = if vertex.below < charge {
            vertex.price
        } else if at == 0 {
            f64::NEG_INFINITY
        } else {
            crossing(self.vertices[at - 1], vertex, charge)
        };
        price.max(0.0)
    }
}

/// The limits of a function at a price, where `next` is its first vertex that is not below.
fn at(vertices: &[Vertex], next: usize, price: f64) -> (f64, f64) {
    match (next.checked_sub(1).map(|before| vertices[before]), vertices.get(next)) {
        (_, Some(vertex)) if vertex.price == price => (vertex.below, vertex.above),
        (None, Some(vertex)) => (vertex.below, vertex.below),
        (Some(last), None) => (last.above, last.above),
        (Some(before), Some(after)) => {
            let share = (price - before.price) / (after.price - before.price);
            let value = before.above + share * (after.below - before.above);
            (value, value)
        }
        (None, None) => (0.0, 0.0),
    }
}

/// The price between two neighbours at which a function is at a level that it reaches in between.
fn crossing(before: Vertex, after: Vertex, level: f64) -> f64 {
    let rise = after.below - before.above;
    if rise <= 0.0 {
        return after.price;
    }
    let share = ((level - before.above) / rise).clamp(0.0, 1.0);
    before.price + share * (after.price - before.price)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(from: f64, to: f64, low: f64, high: f64) -> [Vertex; 2] {
        [
            Vertex { price: from, below: low, above: low },
            Vertex { price: to, below: high, above: high },
        ]
    }

    #[test]
    fn a_sum_of_ramps_is_cut_off_where_it_leaves_the_bounds() {
        let mut charge = ChargeAtPrice::default();
        charge.reset(1.0);
        charge.add(&ramp(0.0, 1.0, -1.0, 1.0));
        charge.add(&ramp(0.5, 1.0, -1.0, 0.0));
        // -1 up to 0, 0 at 1/2, 2 at 1.
        let range = charge.clip(1.0);
        assert_eq!(range, PriceRange { lowest: 0.5, highest: 0.75 });
        assert_eq!(charge.least_price(0.5), 0.625);
        assert_eq!(charge.least_price(0.0), 0.0);
        assert_eq!(range.nearest(0.9), 0.75);
    }

    #[test]
    fn a_jump_is_cut_off_at_its_price() {
        let mut charge = ChargeAtPrice::default();
        charge.reset(0.0);
        charge.add(&[Vertex { price: 0.25, below: -1.0, above: 3.0 }]);
        assert_eq!(charge.clip(2.0), PriceRange { lowest: 0.25, highest: 0.25 });
        assert_eq!(charge.vertices, [Vertex { price: 0.25, below: 0.0, above: 2.0 }]);
        assert_eq!(charge.least_price(1.5), 0.25);
    }

    #[test]
    fn what_stays_within_the_bounds_is_left_alone() {
        let mut charge = ChargeAtPrice::default();
        charge.reset(1.0);
        charge.add(&ramp(-1.0, 1.0, -0.5, 0.5));
        let range = charge.clip(2.0);
        assert_eq!((range.lowest, range.highest), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
