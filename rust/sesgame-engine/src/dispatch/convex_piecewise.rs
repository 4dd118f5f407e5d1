//! Convex piecewise-linear functions of one variable, in the form in which infimal convolution on
//! a bounded domain is an exchange of segments.
//!
//! The infimal convolution `(f + g)(z) = min over x of f(x) + g(z - x)` of two such functions has
//! the segments of both, sorted by slope (Rockafellar 1970, section 16). So a function is kept as
//! its value at the left end of its domain and its segments in ascending order of slope. When the
//! domain may not grow, a new segment only takes the place of worse ones at an end of the domain;
//! most often there are none, and nothing is to be done.
//!
//! The segments stand in the middle of one array, so that both ends can shrink and grow. A new
//! segment nearly always belongs close to the end at which it came in; equal slopes merge.

/// A place this far from the end at which a segment came in is sought by bisection.
const NEAR: usize = 16;

/// A part of a function's domain on which it is linear.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Segment {
    pub slope: f64,
    pub length: f64,
}

/// A convex piecewise-linear function on a part of `[0, bound]`.
#[derive(Debug)]
pub(super) struct ConvexPiecewise {
    buffer: Box<[Segment]>,
    /// The segments are `buffer[head..tail]`.
    head: usize,
    tail: usize,
    left_value: f64,
    /// Where the domain begins.
    left: f64,
    /// How far from the bound the domain ends.
    headroom: f64,
}

impl ConvexPiecewise {
    /// The function that is 0 on `{0}`, bounded by 0.
    pub fn new() -> Self {
        let buffer: Box<[Segment]> = vec![Segment::default(); 64].into();
        let middle = buffer.len() / 2;
        Self { buffer, head: middle, tail: middle, left_value: 0.0, left: 0.0, headroom: 0.0 }
    }

    /// Becomes the function that is 0 on `{point}`.
    pub fn reset(&mut self, point: f64, bound: f64) {
        self.head = self.buffer.len() / 2;
        self.tail = self.head;
        (self.left_value, self.left, self.headroom) = (0.0, point, bound - point);
    }

    /// The segments in ascending order of slope.
    pub fn segments(&self) -> &[Segment] {
        &self.buffer[self.head..self.tail]
    }

    /// The value at the left end of the domain.
    pub fn left_value(&self) -> f64 {
        self.left_value
    }

    /// Where the domain begins.
    pub fn left(&self) -> f64 {
        self.left
    }

    /// How far from the bound the domain ends.
    pub fn headroom(&self) -> f64 {
        self.headroom
    }

    /// Whether the domain ends at the bound.
    pub fn reaches_bound(&self) -> bool {
        self.headroom <= 0.0
    }

    /// Adds a constant.
    pub fn raise(&mut self, amount: f64) {
        self.left_value += amount;
    }

    /// Moves the bound up.
    pub fn extend_bound(&mut self, by: f64) {
        self.headroom += by;
    }

    /// Whether infimal convolution with this slope on the left changes anything; if it does not,
    /// that with a smaller one does not either.
    #[inline]
    pub fn takes_left(&self, slope: f64) -> bool {
        self.left > 0.0 || self.segments().first().is_some_and(|first| first.slope < slope)
    }

    /// Whether infimal convolution with this slope on the right changes anything; if it does not,
    /// that with a larger one does not either.
    #[inline]
    pub fn takes_right(&self, slope: f64) -> bool {
        self.headroom > 0.0 || self.segments().last().is_some_and(|last| last.slope > slope)
    }

    /// Moves the domain and cuts off what leaves `[0, bound]`; false when nothing is left. A domain
    /// that misses that by no more than `slack` becomes a point at the end that it misses.
    pub fn shift(&mut self, by: f64, slack: f64) -> bool {
        self.left += by;
        self.headroom -= by;
        if self.left < 0.0 {
            let missing = self.cut_left(-self.left);
            self.left = 0.0;
            if missing > slack {
                return false;
            }
            self.headroom -= missing;
        }
        if self.headroom < 0.0 {
            let missing = self.cut_right(-self.headroom);
            self.headroom = 0.0;
            if missing > slack {
                return false;
            }
            self.left -= missing;
        }
        true
    }

    /// Takes a length off the left end, and returns what there is too little.
    fn cut_left(&mut self, mut length: f64) -> f64 {
        while let Some(first) = self.buffer[self.head..self.tail].first_mut() {
            let cut = first.length.min(length);
            self.left_value += first.slope * cut;
            if first.length > length {
                first.length -= length;
                return 0.0;
            }
            length -= cut;
            self.head += 1;
        }
        length
    }

    /// Takes a length off the right end, and returns what there is too little.
    fn cut_right(&mut self, mut length: f64) -> f64 {
        while let Some(last) = self.buffer[self.head..self.tail].last_mut() {
            if last.length > length {
                last.length -= length;
                return 0.0;
            }
            length -= last.length;
            self.tail -= 1;
        }
        length
    }

    /// Infimal convolution with `slope * x` on `[-length, 0]`, as far as the domain stays within
    /// `[0, bound]`.
    #[inline]
    pub fn convolve_left(&mut self, Segment { slope, mut length }: Segment) {
        let mut placed = 0.0;
        if self.left > 0.0 {
            placed = length.min(self.left);
            self.left -= placed;
            length -= placed;
            self.left_value -= slope * placed;
        }
        while let Some(worst) = self.buffer[self.head..self.tail].first_mut() {
            if worst.slope >= slope || length <= 0.0 {
                break;
            }
            if worst.length > length {
                worst.length -= length;
                self.left_value += (worst.slope - slope) * length;
                placed += length;
                break;
            }
            self.left_value += (worst.slope - slope) * worst.length;
            placed += worst.length;
            length -= worst.length;
            self.head += 1;
        }
        if placed > 0.0 {
            self.insert_from_left(Segment { slope, length: placed });
        }
    }

    /// Infimal convolution with `slope * x` on `[0, length]`, as far as the domain stays within
    /// `[0, bound]`.
    #[inline]
    pub fn convolve_right(&mut self, Segment { slope, mut length }: Segment) {
        let mut placed = 0.0;
        if self.headroom > 0.0 {
            placed = length.min(self.headroom);
            self.headroom -= placed;
            length -= placed;
        }
        while let Some(worst) = self.buffer[self.head..self.tail].last_mut() {
            if worst.slope <= slope || length <= 0.0 {
                break;
            }
            if worst.length > length {
                worst.length -= length;
                placed += length;
                break;
            }
            placed += worst.length;
            length -= worst.length;
            self.tail -= 1;
        }
        if placed > 0.0 {
            self.insert_from_right(Segment { slope, length: placed });
        }
    }

    /// Measures the variable in another unit: every length times `factor`, every slope divided by
    /// it. Exact when the factor is a power of two. A segment at an end whose slope or length
    /// leaves the range of numbers is cut off.
    pub fn rescale(&mut self, factor: f64) {
        let vanishes = |segment: &Segment| {
            segment.length * factor == 0.0 || (segment.slope / factor).is_infinite()
        };
        while let Some(lowest) = self.segments().first().copied().filter(vanishes) {
            self.left_value += lowest.slope * lowest.length;
            self.head += 1;
        }
        while self.segments().last().is_some_and(vanishes) {
            self.tail -= 1;
        }
        for segment in &mut self.buffer[self.head..self.tail] {
            segment.slope /= factor;
            segment.length *= factor;
        }
        self.left *= factor;
        self.headroom *= factor;
    }

    /// Puts a segment in its place, which is sought from the left.
    #[inline]
    fn insert_from_left(&mut self, segment: Segment) {
        let segments = &mut self.buffer[self.head..self.tail];
        let mut flatter = 0;
        while flatter < segments.len() && segments[flatter].slope < segment.slope {
            flatter += 1;
            if flatter == NEAR {
                flatter += segments[NEAR..].partition_point(|at| at.slope < segment.slope);
                break;
            }
        }
        if let Some(equal) = segments.get_mut(flatter).filter(|at| at.slope == segment.slope) {
            equal.length += segment.length;
            return;
        }
        if self.head == 0 {
            self.recentre();
        }
        self.head -= 1;
        let moved = &mut self.buffer[self.head..=self.head + flatter];
        if flatter < NEAR {
            for index in 0..flatter {
                moved[index] = moved[index + 1];
            }
        } else {
            moved.copy_within(1.., 0);
        }
        moved[flatter] = segment;
    }

    /// Puts a segment in its place, which is sought from the right.
    #[inline]
    fn insert_from_right(&mut self, segment: Segment) {
        let segments = &mut self.buffer[self.head..self.tail];
        let mut flatter = segments.len();
        while flatter > 0 && segments[flatter - 1].slope > segment.slope {
            flatter -= 1;
            if segments.len() - flatter == NEAR {
                flatter = segments[..flatter].partition_point(|at| at.slope <= segment.slope);
                break;
            }
        }
        let last = flatter.checked_sub(1).map(|last| &mut segments[last]);
        if let Some(equal) = last.filter(|at| at.slope == segment.slope) {
            equal.length += segment.length;
            return;
        }
        if self.tail == self.buffer.len() {
            self.recentre();
        }
        let moved = &mut self.buffer[self.head + flatter..=self.tail];
        let steeper = moved.len() - 1;
        if steeper < NEAR {
            for index in (0..steeper).rev() {
                moved[index + 1] = moved[index];
            }
        } else {
            moved.copy_within(..steeper, 1);
        }
        moved[0] = segment;
        self.tail += 1;
    }

    /// Moves the segments to the middle of a buffer at most a quarter full.
    #[cold]
    fn recentre(&mut self) {
        let count = self.tail - self.head;
        let mut larger = vec![Segment::default(); self.buffer.len().max(4 * count)];
        let head = (larger.len() - count) / 2;
        larger[head..head + count].copy_from_slice(self.segments());
        (self.buffer, self.head, self.tail) = (larger.into(), head, head + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value at `point`, by summing up slopes.
    fn value_at(function: &ConvexPiecewise, point: f64) -> f64 {
        let mut remaining = point - function.left();
        let mut value = function.left_value();
        for segment in function.segments() {
            let part = segment.length.min(remaining);
            value += segment.slope * part;
            remaining -= part;
        }
        value
    }

    #[test]
    fn convolution_with_what_is_worse_on_a_full_domain_changes_nothing() {
        let mut function = ConvexPiecewise::new();
        function.reset(0.0, 2.0);
        function.convolve_right(Segment { slope: 0.3, length: 2.0 });
        function.convolve_right(Segment { slope: 0.4, length: 1.0 });
        function.convolve_left(Segment { slope: 0.2, length: 1.0 });
        assert_eq!(function.segments().len(), 1);
        assert_eq!(value_at(&function, 2.0), 0.6);
    }

    #[test]
    fn better_segments_take_the_place_of_worse_ones_at_their_end() {
        let mut function = ConvexPiecewise::new();
        function.reset(0.0, 2.0);
        function.convolve_right(Segment { slope: 0.3, length: 2.0 });
        function.convolve_left(Segment { slope: 0.5, length: 0.5 });
        assert_eq!((value_at(&function, 0.0), value_at(&function, 2.0)), (-0.1, 0.6));
        function.convolve_right(Segment { slope: 0.1, length: 0.25 });
        assert_eq!(function.segments().len(), 3);
        assert!((value_at(&function, 2.0) - (-0.1 + 0.025 + 0.45 + 0.125)).abs() < 1e-15);
    }

    #[test]
    fn any_number_of_segments_stays_sorted() {
        let mut function = ConvexPiecewise::new();
        function.reset(500.0, 1_000.0);
        for step in 0..400_u32 {
            let slope = f64::from(step.wrapping_mul(2_654_435_761) >> 8);
            function.convolve_left(Segment { slope, length: 1.0 });
            function.convolve_right(Segment { slope: slope + 0.5, length: 1.0 });
        }
        assert_eq!(function.segments().len(), 800);
        assert!(function.segments().is_sorted_by(|a, b| a.slope < b.slope));
    }
}
