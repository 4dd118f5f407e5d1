//! What one coalition pays in a step as a function of what its battery exchanges.

/// A finite kink of a coalition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub at: f64,
    /// The slope to the right of it.
    pub slope: f64,
    pub weight: f64,
    /// Its place among the kinks of the step.
    pub place: usize,
}

/// The cost of a step for one coalition, beside its points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Limits, which may be infinite.
    pub lower: f64,
    pub upper: f64,
    /// The slope left of all points.
    pub lowest: f64,
    /// The slope left of the anchor, where that is, and its place among the kinks.
    pub base: f64,
    pub anchor_at: f64,
    pub anchor: usize,
    /// Whether the kinks are in order.
    pub is_sorted: bool,
}

/// Puts points in order. What is right of the first few of the step has the bits of its slope.
#[cold]
pub(super) fn sort(points: &mut [Point], lowest: f64) {
    let slopes: Vec<f64> = points.iter().map(|point| point.slope).collect();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| points[a].at.total_cmp(&points[b].at));
    let sorted: Vec<Point> = order.iter().map(|&index| points[index]).collect();
    points.copy_from_slice(&sorted);
    let (mut slope, mut furthest) = (lowest, 0);
    for (index, point) in points.iter_mut().enumerate() {
        furthest = furthest.max(order[index]);
        slope = if furthest == index { slopes[index] } else { slope + point.weight };
        point.slope = slope;
    }
}

impl Shape {
    /// Passes kinks that do not count, up to a slope.
    #[inline]
    pub fn pass(&mut self, points: &mut [Point], slope: f64) {
        match points.last_mut() {
            None => self.lowest = slope,
            Some(point) => {
                point.weight += slope - point.slope;
                point.slope = slope;
            }
        }
    }

    /// Whether there is an exchange within the limits that the powers reach. Limits that miss that
    /// by no more than `slack` are moved.
    #[inline]
    pub fn fit(&mut self, charge_power: f64, discharge_power: f64, slack: f64) -> bool {
        if self.lower > charge_power + slack
            || self.upper < -discharge_power - slack
            || self.lower > self.upper + slack
        {
            return false;
        }
        self.lower = self.lower.min(charge_power);
        self.upper = self.upper.max(-discharge_power).max(self.lower);
        true
    }

    /// The cost of an exchange within the limits.
    ///
    /// Points in order cost what lies between the exchange and the anchor, where a length of 0 adds
    /// nothing: rungs that are left out change no bits.
    #[inline]
    pub fn value(&self, points: &[Point], exchange: f64) -> f64 {
        if !self.is_sorted {
            return self.value_of_hinges(points, exchange);
        }
        let (mut value, mut slope, mut from) = (0.0, self.lowest, f64::NEG_INFINITY);
        for point in points {
            value += slope
                * if point.place <= self.anchor {
                    from.max(exchange) - point.at.max(exchange)
                } else {
                    point.at.min(exchange) - from.min(exchange)
                };
            (slope, from) = (point.slope, point.at);
        }
        value + slope * (exchange - from.min(exchange))
    }

    #[cold]
    fn value_of_hinges(&self, points: &[Point], exchange: f64) -> f64 {
        points.iter().fold(self.base * (exchange - self.anchor_at), |value, point| {
            let beyond =
                if point.place < self.anchor { point.at - exchange } else { exchange - point.at };
            value + point.weight * beyond.max(0.0)
        })
    }

    /// Shows by how much the least of `phi(x) - slope x` changes with each kink, the anchor included:
    /// its place, where it is, and the change; returns the slope within the limits that comes next to
    /// `slope`.
    #[inline]
    pub fn price_points(
        &self,
        points: &[Point],
        slope: f64,
        mut show: impl FnMut(usize, f64, f64),
    ) -> f64 {
        let mut inside = slope;
        if self.lower > f64::NEG_INFINITY || self.upper < f64::INFINITY {
            let lowest = self.slope_right_of(points, self.lower);
            inside = slope.max(lowest).min(self.slope_left_of(points, self.upper).max(lowest));
        }
        if self.base != 0.0 {
            show(self.anchor, self.anchor_at, -self.base);
        }
        let mut before = self.lowest;
        for point in points {
            // Not `clamp`: a sum of slopes may lie a rounding beyond the next slope.
            let share = inside.min(point.slope).max(before) - before;
            let amount =
                if point.place < self.anchor { (point.slope - before) - share } else { -share };
            if amount != 0.0 {
                show(point.place, point.at, amount);
            }
            before = point.slope;
        }
        inside
    }

    /// The slope just right of an exchange below the upper limit.
    fn slope_right_of(&self, points: &[Point], exchange: f64) -> f64 {
        points
            .iter()
            .take_while(|point| point.at <= exchange)
            .last()
            .map_or(self.lowest, |p| p.slope)
    }

    /// The slope just left of an exchange above the lower limit.
    fn slope_left_of(&self, points: &[Point], exchange: f64) -> f64 {
        points
            .iter()
            .take_while(|point| point.at < exchange)
            .last()
            .map_or(self.lowest, |p| p.slope)
    }

    /// The slopes at an exchange, from left to right; infinite at and beyond limits.
    pub fn slopes_at(&self, points: &[Point], exchange: f64) -> (f64, f64) {
        let left = if exchange > self.upper {
            f64::INFINITY
        } else if exchange <= self.lower {
            f64::NEG_INFINITY
        } else {
            self.slope_left_of(points, exchange)
        };
        let right = if exchange >= self.upper {
            f64::INFINITY
        } else if exchange < self.lower {
            f64::NEG_INFINITY
        } else {
            self.slope_right_of(points, exchange)
        };
        (left, right)
    }
}
