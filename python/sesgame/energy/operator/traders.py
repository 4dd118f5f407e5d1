"""Consumers, or suppliers, who answer a price with quantities that are linear up to a drop-out.

In between two drop-outs all of them together are one straight line, and what somebody earns who
sells to them is a parabola.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["SAME", "Candidates", "Traders", "still_earned"]

SAME = 1e-12
"""Part of the money that changes hands by which two profits that are equal may differ."""


class Candidates(NamedTuple):
    """The best price of each segment, what is traded at it, and what that earns."""

    prices: Array
    energy: Array
    margins: Array


class Traders:
    """Consumers, or suppliers as consumers of negative prices, in segments of the price.

    In segment k those k buy that have the highest worth; together ``level - slope * price``.
    """

    def __init__(self, worth: Array, slope: Array, low: float, high: float) -> None:
        self.worth, self.slope, self.low, self.high = worth, slope, low, high
        order = np.argsort(-worth, kind="stable")
        inverse = 1.0 / slope[order]
        self._drop_outs = worth[order]
        self._levels = np.append(0.0, np.cumsum(worth[order] * inverse))
        self._slopes = np.append(0.0, np.cumsum(inverse))

    def replies(self, price: float) -> Array:
        """Return what each buys."""
        return np.maximum(self.worth - price, 0.0) / self.slope

    def within(self, prices: Array) -> Array:
        """Return prices between the ends; at an end or a drop-out, where only rounding is between.

        On the wrong side of a drop-out another parabola would hold.
        """
        turns = np.unique(np.concatenate([self._drop_outs, [self.low, self.high]]))
        right = np.clip(np.searchsorted(turns, prices), 1, len(turns) - 1)
        for turn in (turns[right - 1], turns[right]):
            prices = np.where(np.abs(prices - turn) <= SAME * np.abs(turn), turn, prices)
        return np.clip(prices, self.low, self.high)

    def bought(self, prices: Array) -> Array:
        """Return what all buy at each of some prices."""
        buying = np.searchsorted(-self._drop_outs, -prices)
        bought: Array = self._levels[buying] - self._slopes[buying] * prices
        return np.maximum(bought, 0.0)

    def worth_of(self, replies: Array) -> float:
        """Return what the energy is worth to all of them."""
        return float(((self.worth - self.slope * replies / 2.0) * replies).sum())

    def best(self, value: float, *, idle: float = -np.inf) -> Candidates:
        """Return the most of ``(price - value) * bought`` in each segment, NaN where there is none.

        Where nobody buys, the price is the end of the segment towards `idle`.
        """
        lowest = np.maximum(np.append(self._drop_outs, -np.inf), self.low)
        highest = np.minimum(np.append(np.inf, self._drop_outs), self.high)
        free = np.full(len(lowest), idle)
        free[1:] = (value + self._levels[1:] / self._slopes[1:]) / 2.0
        prices = np.where(lowest <= highest, np.clip(free, lowest, highest), np.nan)
        energy = np.append(0.0, np.maximum(self._levels[1:] - self._slopes[1:] * prices[1:], 0.0))
        energy[0] += 0.0 * prices[0]  # NaN where somebody buys at any price
        return Candidates(prices, energy, (prices - value) * energy)

    def drop_outs(self) -> Array:
        """Return the prices at which somebody drops out, between the ends."""
        return self._drop_outs[(self._drop_outs > self.low) & (self._drop_outs < self.high)]

    def line_at(self, energy: Array) -> tuple[Array, Array]:
        """Return level and slope of the segment in which that much is bought, more than nothing."""
        bought = self._levels[1:] - self._slopes[1:] * self._drop_outs
        segment = np.clip(np.searchsorted(bought, energy), 1, len(bought))
        return self._levels[segment], self._slopes[segment]

    def marginal(self, price: float, bought: float) -> tuple[float, float]:
        """Return what the last kWh brings in, and the next one, by a change of the price.

        Infinite, and minus infinite, where the price cannot rise, or fall, but by rounding.
        """
        rounding = SAME * abs(price)
        less, more = (
            float((1.0 / self.slope[buying]).sum())
            for buying in (self.worth > price, self.worth >= price)
        )
        return (
            price - bought / less if price < self.high - rounding and bought > 0 else np.inf,
            price - bought / more if price > self.low + rounding and more else -np.inf,
        )


def still_earned(
    asked: tuple[float, float], offered: tuple[float, float], low: float, high: float
) -> tuple[float, float]:
    """Return by how much another kWh could still earn, and what a kWh is worth.

    Parameters
    ----------
    asked, offered : (less, more)
        What the last kWh and the next one bring in, and what they cost.
    low, high : float
        What a kWh earns outside, and costs there.
    """
    lowest, highest = max(asked[1], offered[0], low), min(asked[0], offered[1], high)
    pairs = (
        (asked[1], high),
        (low, asked[0]),
        (offered[0], high),
        (low, offered[1]),
        (asked[1], offered[1]),
        (offered[0], asked[0]),
    )
    return max(0.0, *(gain - cost for gain, cost in pairs)), (lowest + highest) / 2.0
