"""Where a participant's utility breaks as it multiplies its reports in an order book.

Between two prices of others at which one of its own passes, nothing changes in who trades what,
and payments are linear in the factor. So the least upper bound over *all* factors is found from one
evaluation at each of these breakpoints and two between neighbours, instead of from a grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.cached import cached_property
from sesgame.errors import GameError
from sesgame.markets.steps import QUANTITY_ROUNDING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from sesgame._engine import EngineRule
    from sesgame.markets.market import Market
    from sesgame.markets.order_book import OrderBook

    Array = NDArray[np.float64]

__all__ = ["JUST_BESIDE", "BookBreakpoints", "PriceSupremum", "check_orders"]

JUST_BESIDE = 1e-6
"""Part by which a misreport undercuts, or outbids, the price of somebody else."""

NARROW = 1e-9
"""Part by which two breakpoints have to differ if anything is to be reported between them."""

ROUNDING = 1e-12
"""Part of the largest utility that is rounding in it."""

MOST_QUANTITIES = 64
"""Factors of quantities, at most: those nearest to the truth."""


class PriceSupremum(NamedTuple):
    """What a participant can gain by multiplying all its prices by one factor.

    Attributes
    ----------
    utility : float
        The least upper bound of its true utility over all factors that are not negative.
    factor : float
        One that comes as near to it as :data:`JUST_BESIDE` allows.
    evaluations : int
        Misreports that were evaluated in all periods.
    """

    utility: float
    factor: float
    evaluations: int


class _Pieces(NamedTuple):
    """Utility in one period: at the breakpoints, and linear before, between and behind them."""

    at: Array
    value: Array
    intercept: Array
    slope: Array


def check_orders(market: Market, participant: Hashable) -> None:
    """Refuse somebody who has nothing to misreport.

    Raises
    ------
    GameError
        The participant has no order.
    """
    if not market.has_orders(participant):
        raise GameError(f"participant {participant!r} has no order to misreport")


class BookBreakpoints:
    """The breakpoints of one order book, for any of its participants.

    Parameters
    ----------
    book : OrderBook
        The true values of everybody.
    """

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    @cached_property
    def _periods(self) -> list[OrderBook]:
        """The book of each period by itself."""
        return [self._book.in_period(period) for period in range(self._book.n_periods)]

    def prices(self, participant: Hashable, rule: EngineRule) -> PriceSupremum:
        """Return the best that a factor of all prices can do.

        Parameters
        ----------
        participant : hashable
            Who misreports.
        rule : EngineRule
            What accepted orders pay.

        Raises
        ------
        GameError
            The participant has no order.

        Notes
        -----
        With b breakpoints in all periods, 3 b + 2 misreports of one period each, O(s log m) by the
        engine, and one sort of the breakpoints. Prices that differ by less than 1e-9 of their size
        are not told apart.
        """
        check_orders(self._book, participant)
        found = (self._pieces(book, participant, rule) for book in self._periods)
        parts = [part for part in found if part is not None]
        at = np.unique(np.concatenate([part.at for part in parts]))
        edges = at[np.append(True, np.diff(at) > NARROW * at[1:])]
        inner = np.append((edges[:-1] + edges[1:]) / 2, 2 * edges[-1] + 1)
        intercept, slope, exactly = np.zeros(len(inner)), np.zeros(len(inner)), np.zeros(len(edges))
        for part in parts:
            last = np.append(np.searchsorted(inner, part.at)[1:], len(inner))
            lengths = np.diff(last, prepend=0)
            intercept += np.repeat(part.intercept, lengths)
            slope += np.repeat(part.slope, lengths)
            # At an edge that is none of this period, utility is that of the piece around it.
            exactly += np.repeat(part.intercept, lengths) + np.repeat(part.slope, lengths) * edges
            place = np.searchsorted(edges, part.at)
            place = np.minimum(place, len(edges) - 1)
            here = edges[place] == part.at
            exactly[place[here]] += (part.value - part.intercept - part.slope * part.at)[here]
        from_above = intercept + slope * edges
        from_below = (intercept + slope * np.append(edges[1:], edges[-1]))[:-1]
        sides = {0: exactly, 1: from_above, -1: np.append(from_below, -np.inf)}
        utility = max(float(values.max()) for values in sides.values())
        # A bound that is reached, up to rounding, is better than one that is only come near to.
        least = utility - ROUNDING * max(abs(utility), float(np.abs(exactly).max()))
        side = next(side for side, values in sides.items() if values.max() >= least)
        k = int(np.argmax(sides[side] >= least))
        factor = float(edges[k])
        if side == 1:
            factor = min(max(factor * (1 + JUST_BESIDE), JUST_BESIDE), float(inner[k]))
        elif side == -1:
            factor = max(float(edges[k + 1]) * (1 - JUST_BESIDE), float(inner[k]))
        return PriceSupremum(utility, factor, sum(3 * len(part.at) - 1 for part in parts))

    def _pieces(self, book: OrderBook, participant: Hashable, rule: EngineRule) -> _Pieces | None:
        """Return the utility in one period, which has but this one."""
        own = book.orders_of(participant)
        if not len(own):
            return None
        mine = np.unique(book.price_per_kwh[own])
        others = np.delete(book.price_per_kwh, own)
        if book.demand_kwh[0]:
            others = np.append(others, book.value_of_lost_load)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            at = (np.unique(others)[:, np.newaxis] / mine).reshape(-1)
        at = np.unique(np.append(at[np.isfinite(at) & (at > 0)], 0.0))
        ends = np.append(at[1:], 2 * at[-1] + 1)
        third = (ends - at) / 3
        asked = np.concatenate([at, at + third, at + 2 * third])
        pairs = np.stack([asked, np.ones_like(asked)], axis=1)
        value, one, two = np.split(book.misreport_utilities(participant, rule, pairs), 3)
        slope = np.where(third > NARROW * ends, (two - one) / third, 0.0)
        return _Pieces(at, value, one - slope * (at + third), slope)

    def quantities(self, participant: Hashable) -> Array:
        """Return factors of all quantities, below 1, by which another order sets the price.

        Just beside each of these breakpoints, where the others' share of the stack ends with one of
        their steps; between them utility is linear, as far as no price of others is its own.
        """
        found = [np.zeros(0)]
        for book in self._periods:
            own = book.orders_of(participant)
            if not len(own):
                continue
            others = np.ones(len(book.price_per_kwh), dtype=np.bool_)
            others[own] = False
            by_merit = np.argsort(book.price_per_kwh[others], kind="stable")
            edges = np.append(0.0, np.cumsum(book.quantity_kwh[others][by_merit]))
            demand = book.demand_kwh[0] + book.quantity_kwh[others & book.is_bid].sum()
            for is_bid, sign in ((False, -1.0), (True, 1.0)):
                side = own[book.is_bid[own] == is_bid]
                cheapest = np.argsort(sign * -book.price_per_kwh[side], kind="stable")
                held = np.cumsum(book.quantity_kwh[side][cheapest])[:, np.newaxis]
                held = held[held[:, 0] > QUANTITY_ROUNDING * edges[-1]]
                found.append((sign * (edges - demand) / held).reshape(-1))
        at = np.unique(np.concatenate(found))
        at = at[(at > JUST_BESIDE) & (at < 1)][-MOST_QUANTITIES // 2 :]
        beside = np.concatenate([at * (1 - JUST_BESIDE), at * (1 + JUST_BESIDE)])
        return np.unique(beside[beside < 1])
