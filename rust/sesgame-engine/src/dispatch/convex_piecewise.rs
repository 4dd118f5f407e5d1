//! Convex piecewise-linear functions of one variable, in the form in which infimal convolution on
//! a bounded domain is an exchange of segments.
//!
//! The infimal convolution `(f + g)(z) = min over x of f(x) + g(z - x)` of two such functions has
//! the segments of both, sorted by slope (Rockafellar 1970, section 16). So a function is kept as
//! its value at the left end of its domain and a length for each slope. When the domain may not
//! grow, a new segment only takes the place of worse ones at an end of the domain; most often there
//! are none, and nothing is to be done.
//!
//! Which slopes can occur is known beforehand; they are ranked once, and a segment is found by its
//! rank. An exchange takes constant time for each segment that disappears, however many there are.

use super::rank_set::RankSet;
use super::step_cost::Stretch;

/// A part of the domain on which the function is linear.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Segment {
    pub slope: f64,
    pub length: f64,
}

/// A convex piecewise-linear function on a part of `[0, bound]`.
#[derive(Debug)]
pub(super) struct ConvexPiecewise<R> {
    occupied: R,
    /// By rank of the slope; the length is 0 where the rank is not occupied.
    segments: Box<[Segment]>,
    left_value: f64,
    /// Where the domain begins.
    left: f64,
    /// How far from the bound the domain ends.
    headroom: f64,
}

impl<R: RankSet> ConvexPiecewise<R> {
    /// The function that is 0 on `{0}`, bounded by 0, for slopes of `n_ranks` ranks.
    pub fn new(n_ranks: usize) -> Self {
        Self {
            occupied: R::new(n_ranks),
            segments: vec![Segment::default(); n_ranks].into(),
            left_value: 0.0,
            left: 0.0,
            headroom: 0.0,
        }
    }

    /// Becomes the function that is 0 on `{point}`.
    pub fn reset(&mut self, point: f64, bound: f64) {
        while self.pop_lowest().is_some() {}
        (self.left_value, self.left, self.headroom) = (0.0, point, bound - point);
    }

    /// The value at the left end of the domain.
    pub fn left_value(&self) -> f64 {
        self.left_value
    }

    /// Where the domain begins.
    pub fn left(&self) -> f64 {
        self.left
    }

    /// Whether the domain ends at the bound.
    pub fn reaches_bound(&self) -> bool {
        self.headroom <= 0.0
    }

    /// Adds a constant.
    pub fn raise(&mut self, amount: f64) {
        self.left_value += amount;
    }

    /// Infimal convolution with `slope * x` on `[-length, 0]`, as far as the domain stays within
    /// `[0, bound]`.
    #[inline]
    pub fn convolve_left(&mut self, Stretch { rank, slope, mut length }: Stretch) {
        let mut placed = 0.0;
        if self.left > 0.0 {
            placed = length.min(self.left);
            self.left -= placed;
            length -= placed;
            self.left_value -= slope * placed;
        }
        while let Some(lowest) = self.occupied.first().filter(|&lowest| lowest < rank) {
            if length <= 0.0 {
                break;
            }
            let (exchanged, worse) = self.take(lowest, length);
            length -= exchanged;
            placed += exchanged;
            self.left_value += (worse - slope) * exchanged;
        }
        self.place(rank, slope, placed);
    }

    /// Infimal convolution with `slope * x` on `[0, length]`, as far as the domain stays within
    /// `[0, bound]`.
    #[inline]
    pub fn convolve_right(&mut self, Stretch { rank, slope, mut length }: Stretch) {
        let mut placed = 0.0;
        if self.headroom > 0.0 {
            placed = length.min(self.headroom);
            self.headroom -= placed;
            length -= placed;
        }
        while let Some(highest) = self.occupied.last().filter(|&highest| highest > rank) {
            if length <= 0.0 {
                break;
            }
            let (exchanged, _) = self.take(highest, length);
            length -= exchanged;
            placed += exchanged;
        }
        self.place(rank, slope, placed);
    }

    /// Takes up to `length` out of a segment, and tells how much and its slope.
    #[inline]
    fn take(&mut self, rank: u32, length: f64) -> (f64, f64) {
        let segment = &mut self.segments[rank as usize];
        if segment.length > length {
            segment.length -= length;
            return (length, segment.slope);
        }
        self.occupied.remove(rank);
        (std::mem::take(&mut segment.length), segment.slope)
    }

    /// Puts a segment to those of the same slope.
    #[inline]
    fn place(&mut self, rank: u32, slope: f64, length: f64) {
        if length > 0.0 {
            let segment = &mut self.segments[rank as usize];
            segment.slope = slope;
            segment.length += length;
            self.occupied.insert(rank);
        }
    }

    /// The rank and slope at the left end, none when the domain is a point.
    pub fn lowest(&self) -> Option<(u32, f64)> {
        self.occupied.first().map(|rank| (rank, self.segments[rank as usize].slope))
    }

    /// The rank and slope at the right end, none when the domain is a point.
    pub fn highest(&self) -> Option<(u32, f64)> {
        self.occupied.last().map(|rank| (rank, self.segments[rank as usize].slope))
    }

    /// Takes the leftmost segment out.
    pub fn pop_lowest(&mut self) -> Option<(u32, Segment)> {
        let rank = self.occupied.first()?;
        self.occupied.remove(rank);
        Some((rank, std::mem::take(&mut self.segments[rank as usize])))
    }

    /// Moves the bound up.
    pub fn extend_bound(&mut self, by: f64) {
        self.headroom += by;
    }

    /// Measures the variable in another unit: every length times `factor`, every slope divided by
    /// it. Segments that vanish are dropped.
    pub fn rescale(&mut self, factor: f64) {
        let live: Vec<_> = std::iter::from_fn(|| self.pop_lowest()).collect();
        for (rank, segment) in live {
            let slope = segment.slope / factor;
            if slope.is_finite() {
                self.place(rank, slope, segment.length * factor);
            }
        }
        self.left *= factor;
        self.headroom *= factor;
    }
}
