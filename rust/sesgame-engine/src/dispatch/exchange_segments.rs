//! The cost of a step as a function of how much the charge changes, for any convex cost of the
//! exchange, for wear, and for powers that differ.
//!
//! With `u = ec a - d / ed`, `x = a - d`, `0 <= a <= A`, `0 <= d <= D`, the cost is
//! `psi(u) = min phi(x) + wc a + wd d`. For one `u` there are exchanges between the efficient one,
//! `x_min(u)`, and the one of most waste, `x_max(u)`, on which charging or discharging is at full
//! power. A kWh wasted by charging and discharging at once costs `(wc + wd ec ed) / (1 - ec ed)` in
//! wear, so waste pays up to the exchange `x*` at which the slope of `phi` exceeds minus that. Hence
//! `x(u) = min(max(x*, x_min(u)), x_max(u))`: as `u` rises, the exchange follows `x_max` up to `x*`,
//! stays there while waste is given up, and follows `x_min` from there on.

use super::battery::Conversion;
use super::convex_piecewise::{ConvexPiecewise, Segment};
use super::exchange_shape::{Point, Shape};
use super::step_cost::Unit;
use crate::error::{Error, Result};

/// What additions of the segments of a step may be off, as a share of their sum.
const ROUNDING: f64 = 1e-13;

/// What a kWh wears off at the terminals.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Wear {
    /// Of each kWh drawn.
    pub charge: f64,
    /// Of each kWh delivered.
    pub discharge: f64,
}

/// The most that is drawn and delivered in a step, at the terminals, kWh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Powers {
    pub charge: f64,
    pub discharge: f64,
}

/// How exchanges become charge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminals {
    /// Charge per kWh drawn and its inverse, charge per kWh delivered and its inverse.
    pub drawn: f64,
    per_drawn: f64,
    pub delivered: f64,
    per_delivered: f64,
    pub wear: Wear,
    /// The share of a kWh that is lost on the way into the battery and out of it.
    pub lost: f64,
    /// The slope up to which waste pays.
    pub waste_pays: f64,
    /// The slope of the cost while waste is given up.
    pub giving_up: f64,
}

/// What is drawn and delivered in a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub charge: f64,
    pub discharge: f64,
}

/// The cost of a step over the change of the charge.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// From the largest discharge to the largest charge.
    pub segments: Vec<Segment>,
    /// The change at the left end.
    pub least: f64,
    /// Where waste ends.
    waste_up_to: f64,
}

impl Terminals {
    /// # Errors
    /// [`Error::InvalidInput`] for wear that is negative or cannot be calculated with.
    pub fn new(conversion: Conversion, wear: Wear) -> Result<Self> {
        for (what, amount) in [("charging", wear.charge), ("discharging", wear.discharge)] {
            if !(super::is_usable(amount) && amount >= 0.0) {
                return Err(Error::InvalidInput(format!(
                    "the wear of {what} is {amount}; it must be a number from 0 on"
                )));
            }
        }
        let (drawn, per_delivered) =
            (conversion.charge_efficiency(), conversion.discharge_efficiency());
        let lost = 1.0 - drawn * per_delivered;
        Ok(Self {
            drawn,
            per_drawn: 1.0 / drawn,
            delivered: 1.0 / per_delivered,
            per_delivered,
            wear,
            lost,
            waste_pays: if lost > 0.0 {
                -(wear.charge + wear.discharge * drawn * per_delivered) / lost
            } else {
                f64::NEG_INFINITY
            },
            giving_up: if lost > 0.0 {
                -(wear.charge + wear.discharge) * per_delivered / lost
            } else {
                0.0
            },
        })
    }

    /// The slope over the charge where drawing has the slope `price`.
    #[inline(always)]
    pub fn drawing(&self, price: f64) -> f64 {
        (price + self.wear.charge) * self.per_drawn
    }

    /// The slope over the charge where delivering has the slope `price`.
    #[inline(always)]
    pub fn delivering(&self, price: f64) -> f64 {
        (price - self.wear.discharge) * self.per_delivered
    }

    /// The prices of energy at which charging and discharging begin when charge is worth `price`.
    pub fn thresholds(&self, price: f64) -> (f64, f64) {
        (price * self.drawn - self.wear.charge, price * self.delivered + self.wear.discharge)
    }

    /// The change of the charge at an exchange, without waste.
    pub fn efficient(&self, exchange: f64) -> f64 {
        exchange * if exchange >= 0.0 { self.drawn } else { self.delivered }
    }

    /// The change of the charge at an exchange, with as much waste as there can be.
    fn wasteful(&self, exchange: f64, powers: Powers) -> f64 {
        if exchange <= powers.charge - powers.discharge {
            (exchange + powers.discharge) * self.drawn - powers.discharge * self.delivered
        } else {
            powers.charge * self.drawn - (powers.charge - exchange) * self.delivered
        }
    }

    /// How energy is converted when the share `retention` is kept in each step, where nothing wears off.
    pub fn conversion(&self, retention: f64) -> Option<Conversion> {
        let is_free = self.wear == Wear::default();
        is_free.then(|| Conversion::new(self.drawn, self.per_delivered, retention).ok()).flatten()
    }

    /// What a flow wears off.
    pub fn worn(&self, flow: Flow) -> f64 {
        self.wear.charge * flow.charge + self.wear.discharge * flow.discharge
    }

    /// What is drawn and delivered when the charge changes by `change` at least cost.
    pub fn flow(&self, change: f64, found: &Change, powers: Powers) -> Flow {
        let charge = (change * self.per_drawn).clamp(0.0, powers.charge);
        let discharge = (-change * self.per_delivered).clamp(0.0, powers.discharge);
        if self.lost <= 0.0 {
            return Flow { charge, discharge };
        }
        let most_charged =
            ((change + powers.discharge * self.delivered) * self.per_drawn).min(powers.charge);
        let wanted = ((found.waste_up_to - (charge - discharge)) / self.lost).max(0.0);
        let extra = wanted.min(most_charged - charge).max(0.0);
        Flow {
            charge: charge + extra,
            discharge: (discharge + extra * self.drawn * self.per_delivered).min(powers.discharge),
        }
    }

    /// The change of the charge that only waste brings about, at the least exchange.
    pub fn given_up(&self, exchange: f64, powers: Powers) -> f64 {
        self.efficient(exchange) - self.wasteful(exchange, powers)
    }

    /// Convolves a least cost with that of a step where no waste pays and the battery may be left as
    /// it is, from that outwards as far as anything changes.
    #[inline]
    pub fn convolve(
        &self,
        shape: &Shape,
        points: &[Point],
        powers: Powers,
        unit: &Unit,
        function: &mut ConvexPiecewise,
    ) {
        let slope_after = |count: usize| match count {
            0 => shape.lowest,
            _ => points[count - 1].slope,
        };
        let mut below = points.iter().take_while(|point| point.at < 0.0).count();
        let mut above = below;
        let mut to = 0.0;
        let least = shape.lower.max(-powers.discharge);
        loop {
            let from = if below == 0 { f64::NEG_INFINITY } else { points[below - 1].at };
            let from = from.max(least);
            let segment = unit.convert(Segment {
                slope: self.delivering(slope_after(below)),
                length: (to - from) * self.delivered,
            });
            if !function.takes_left(segment.slope) {
                break;
            }
            function.convolve_left(segment);
            if from <= least {
                let slope = unit.convert(Segment { slope: self.giving_up, length: 0.0 }).slope;
                if least > -powers.discharge && self.lost > 0.0 && function.takes_left(slope) {
                    let length = self.given_up(least, powers) * unit.per_kwh;
                    function.convolve_left(Segment { slope, length });
                }
                break;
            }
            (below, to) = (below - 1, from);
        }
        while points.get(above).is_some_and(|point| point.at <= 0.0) {
            above += 1;
        }
        let (mut from, last) = (0.0, shape.upper.min(powers.charge));
        loop {
            let to = points.get(above).map_or(last, |point| point.at.min(last));
            let segment = unit.convert(Segment {
                slope: self.drawing(slope_after(above)),
                length: (to - from) * self.drawn,
            });
            if !function.takes_right(segment.slope) {
                break;
            }
            function.convolve_right(segment);
            if to >= last {
                break;
            }
            (above, from) = (above + 1, to);
        }
    }

    /// Whether [`Terminals::convolve`] is for a step.
    #[inline]
    pub fn is_simple(&self, shape: &Shape) -> bool {
        shape.lowest >= self.waste_pays && shape.lower <= 0.0 && shape.upper >= 0.0
    }

    /// Fills in the cost of a step over the change of the charge; the limits leave an exchange.
    #[inline]
    pub fn change(&self, shape: &Shape, points: &[Point], powers: Powers, found: &mut Change) {
        found.segments.clear();
        let (first, last) = (shape.lower.max(-powers.discharge), shape.upper.min(powers.charge));
        let mut pieces = Pieces { points, slope: shape.lowest, at: first };
        pieces.skip();
        found.least = self.wasteful(first, powers);
        // Waste ends where the slope exceeds that of waste.
        let mut wasted_to = first;
        while pieces.slope < self.waste_pays && pieces.at < last {
            let piece = pieces.next_before(last);
            let turn = (powers.charge - powers.discharge).clamp(piece.from, piece.to);
            found.push(self.drawing(piece.slope), (turn - piece.from) * self.drawn);
            found.push(self.delivering(piece.slope), (piece.to - turn) * self.delivered);
            wasted_to = piece.to;
        }
        found.waste_up_to = wasted_to;
        if self.lost > 0.0 {
            found.push(self.giving_up, self.given_up(wasted_to, powers));
        }
        while pieces.at < last {
            let piece = pieces.next_before(last);
            let turn = 0.0_f64.clamp(piece.from, piece.to);
            found.push(self.delivering(piece.slope), (turn - piece.from) * self.delivered);
            found.push(self.drawing(piece.slope), (piece.to - turn) * self.drawn);
        }
    }
}

impl Change {
    #[inline]
    fn push(&mut self, slope: f64, length: f64) {
        if length > 0.0 {
            self.segments.push(Segment { slope, length });
        }
    }

    /// How many segments lie below a change; the one that it divides is divided, unless all that it
    /// takes off is rounding.
    pub fn split_at(&mut self, change: f64) -> usize {
        let most = self.most();
        if change >= most {
            return self.segments.len();
        }
        let sliver = ROUNDING * (most - self.least);
        let mut below = change - self.least;
        for index in 0..self.segments.len() {
            if below <= sliver {
                return index;
            }
            let Segment { slope, length } = self.segments[index];
            if length - below > sliver {
                self.segments[index].length = below;
                self.segments.insert(index + 1, Segment { slope, length: length - below });
                return index + 1;
            }
            below -= length;
        }
        self.segments.len()
    }

    /// The change at the right end.
    pub fn most(&self) -> f64 {
        self.segments.iter().fold(self.least, |sum, segment| sum + segment.length)
    }
}

/// A part of the exchanges with one slope.
struct Piece {
    slope: f64,
    from: f64,
    to: f64,
}

/// The parts of a cost one after the other.
struct Pieces<'a> {
    /// Those ahead.
    points: &'a [Point],
    slope: f64,
    at: f64,
}

impl Pieces<'_> {
    /// Passes the points that are behind.
    #[inline]
    fn skip(&mut self) {
        while let Some((point, ahead)) = self.points.split_first() {
            if point.at > self.at {
                break;
            }
            self.slope = point.slope;
            self.points = ahead;
        }
    }

    /// The part that begins here, up to `last` at most.
    #[inline]
    fn next_before(&mut self, last: f64) -> Piece {
        let to = self.points.first().map_or(last, |point| point.at.min(last));
        let piece = Piece { slope: self.slope, from: self.at, to };
        self.at = to;
        self.skip();
        piece
    }
}
