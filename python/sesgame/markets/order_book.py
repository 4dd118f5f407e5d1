"""An order book on one bus: price-quantity steps of sellers and buyers, period by period."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from sesgame._engine import EngineRule, OrderBookColumns
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players
from sesgame.markets.market import CORE_TIME_LIMIT, LOAD, ClarkePayments, CoreGap
from sesgame.markets.order_book_files import read_orders
from sesgame.markets.steps import (
    by_participant,
    check_steps,
    known_prices,
    lost_load,
    number_column,
    numbers,
    one_price_each,
    pairs_nearby,
    refuse,
    signed,
    value_of_steps,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame._engine import OrderBookOutcome

__all__ = ["BookClearing", "Order", "OrderBook", "Side"]

Side = Literal["offer", "bid"]


class Order(NamedTuple):
    """One step of an offer or of a bid."""

    participant: Hashable
    side: Side
    price_per_kwh: float
    quantity_kwh: float
    period: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class BookClearing(ByValue):
    """The efficient outcome of an order book, and the prices between which it clears.

    Attributes
    ----------
    accepted_kwh : ndarray of float, shape (m,)
        How much of each order is accepted, in the order of the book.
    shed_kwh : ndarray of float, shape (T,)
        Fixed demand that is not served.
    price_lower, price_upper : ndarray of float, shape (T,)
        The lowest and the highest price at which the market clears; infinite where there is none.
    values : ndarray of float, shape (n,)
        What the outcome is worth to each participant.
    load_value : float
        What it is worth to the fixed demand.
    """

    accepted_kwh: NDArray[np.float64]
    shed_kwh: NDArray[np.float64]
    price_lower: NDArray[np.float64]
    price_upper: NDArray[np.float64]
    values: NDArray[np.float64]
    load_value: float

    @property
    def welfare(self) -> float:
        """What the outcome is worth to everybody."""
        return float(self.values.sum()) + self.load_value

    def price(self, position: float = 0.5) -> NDArray[np.float64]:
        """Return the price in each period, at a position between the bounds.

        The finite bound where the other is infinite, NaN where both are.
        """
        only_lower, only_upper = np.isinf(self.price_upper), np.isinf(self.price_lower)
        low = np.where(only_upper, self.price_upper, self.price_lower)
        high = np.where(only_lower, self.price_lower, self.price_upper)
        low = np.where(np.isfinite(low), low, np.nan)
        high = np.where(np.isfinite(high), high, np.nan)
        price: NDArray[np.float64] = low + position * (high - low)
        return price


class OrderBook(ByValue):
    """Offers to sell and bids to buy on one bus, in one or many periods.

    The periods are independent of each other. A participant may have any number of steps on
    either side or on both; within a period its offers must not fall in price and its bids must
    not rise, from one step to the next (they are taken in that order). Demand that does not bid
    is *fixed*: it is served unless a kWh costs more than the value of lost load.

    Parameters
    ----------
    participants : iterable of hashable
        The labels of all participants; some may have no order.
    participant : array_like of int, shape (m,)
        Who made each order, as an index into `participants`.
    is_bid : array_like of bool, shape (m,)
        Whether each order is a bid (to buy) rather than an offer (to sell).
    price_per_kwh, quantity_kwh : array_like of float, shape (m,)
        Price and largest quantity of each order. Prices may be negative, quantities not. Prices
        that differ by rounding only (0.3 and 0.1 + 0.2) are one price.
    period : array_like of int, shape (m,), optional
        The period of each order, from 0; all in period 0 by default.
    demand_kwh : float or array_like of float, shape (T,), default 0
        Fixed demand in each period; an array sets the number of periods.
    value_of_lost_load : float, optional
        What a kWh of fixed demand is worth, and so the price cap of the market. Needed where
        there is fixed demand.

    Raises
    ------
    GameError
        NaN, infinite or negative numbers, unsorted steps, wrong lengths, an unknown period; the
        order and its participant are named.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("wind", "offer", 0.00, 30), ("gas", "offer", 0.09, 60), ("bakery", "bid", 0.12, 50)]
    ... )
    >>> book
    OrderBook(3 participants, 3 orders, 1 period)
    """

    def __init__(
        self,
        participants: Iterable[Hashable],
        participant: ArrayLike,
        is_bid: ArrayLike,
        price_per_kwh: ArrayLike,
        quantity_kwh: ArrayLike,
        period: ArrayLike | None = None,
        *,
        demand_kwh: ArrayLike = 0.0,
        value_of_lost_load: float | None = None,
    ) -> None:
        labels = participants if isinstance(participants, Players) else Players(participants)
        price = number_column("price_per_kwh", price_per_kwh)
        m = len(price)
        self.participants = labels
        self.participant = _indices("participant", participant, m, len(labels))
        name = self.name
        self.is_bid = _flags("is_bid", is_bid)
        self.quantity_kwh = number_column("quantity_kwh", quantity_kwh)
        lengths = {"is_bid": len(self.is_bid), "quantity_kwh": len(self.quantity_kwh)}
        for column, length in lengths.items():
            if length != m:
                raise GameError(f"{column} has {length} entries for {m} prices")
        quantity = self.quantity_kwh
        demand = numbers("demand_kwh", demand_kwh)
        self.period = np.zeros(m, np.int64) if period is None else _indices("period", period, m)
        n_periods = max(int(self.period.max(initial=0)) + 1, demand.size)
        if demand.ndim == 0:
            demand = np.full(n_periods, float(demand))
        if demand.shape != (n_periods,):
            late = int(np.argmax(self.period))
            raise GameError(
                f"{name(late)}: its period is {self.period[late]}, but demand_kwh has shape "
                f"{demand.shape}; give one number for each of the {n_periods} periods"
            )
        refuse(
            ~(np.isfinite(demand) & (demand >= 0)),
            lambda t: f"demand_kwh must be finite and non-negative, got {demand[t]} in period {t}",
        )
        self.demand_kwh = demand
        cap = lost_load(value_of_lost_load, demand)
        group = self.period * len(labels) + self.participant
        check_steps(group, self.is_bid, price, quantity, name)
        prices = one_price_each(np.append(price, cap))
        self.price_per_kwh, self.value_of_lost_load = prices[:-1], float(prices[-1])
        frozen = (self.participant, self.is_bid, self.price_per_kwh, quantity, self.period, demand)
        for array in frozen:
            array.setflags(write=False)
        self._by_period = np.argsort(self.period, kind="stable")

    @classmethod
    @checked_arguments
    def from_orders(
        cls,
        orders: Iterable[Order | tuple[Any, ...]],
        *,
        participants: Iterable[Hashable] | None = None,
        demand_kwh: ArrayLike = 0.0,
        value_of_lost_load: float | None = None,
    ) -> OrderBook:
        """Return the book of orders given one by one.

        Parameters
        ----------
        orders : iterable of (participant, side, price_per_kwh, quantity_kwh[, period])
            `side` is ``"offer"`` or ``"bid"``.
        participants : iterable of hashable, optional
            All participants; by default in the order in which they first appear.
        demand_kwh, value_of_lost_load
            As in :class:`OrderBook`.

        Raises
        ------
        GameError
            As in :class:`OrderBook`; also an unknown side, or nobody at all.
        """
        if isinstance(orders, (str, bytes)) or not isinstance(orders, Iterable):
            raise GameError(f"orders must be an iterable of tuples, got {orders!r}")
        rows = []
        for k, order in enumerate(orders):
            try:
                row = Order(*order)
            except TypeError as error:
                raise GameError(
                    f"order {k} must be (participant, side, price_per_kwh, quantity_kwh) or have "
                    f"the period as a fifth entry, got {order!r}"
                ) from error
            if row.side not in ("offer", "bid"):
                raise GameError(
                    f"order {k} of {row.participant!r}: its side must be "
                    f'"offer" or "bid", got {row.side!r}'
                )
            rows.append(row)
        labels = Players(
            dict.fromkeys(row.participant for row in rows) if participants is None else participants
        )
        return cls(
            labels,
            [labels.index(row.participant) for row in rows],
            [row.side == "bid" for row in rows],
            [row.price_per_kwh for row in rows],
            [row.quantity_kwh for row in rows],
            [row.period for row in rows],
            demand_kwh=demand_kwh,
            value_of_lost_load=value_of_lost_load,
        )

    @classmethod
    def from_csv(cls, path: str | PathLike[str]) -> OrderBook:
        """Return the book in a CSV file with a header line.

        Columns ``participant, side, price_per_kwh, quantity_kwh`` and, optionally, ``period``
        (from 0). A row whose side is ``load`` is fixed demand; its price is the value of lost
        load, the same in every such row.

        Raises
        ------
        GameError
            The file cannot be read, a column is missing or has no meaning, a number is none, there
            are two values of lost load, or as in :class:`OrderBook`; the line is named.
        """
        arguments = read_orders(Path(path))
        try:
            return cls.from_orders(**arguments)
        except GameError as error:
            raise GameError(f"{path}: {error}") from error

    @property
    def n_periods(self) -> int:
        """The number of periods T."""
        return len(self.demand_kwh)

    @cached_property
    def columns(self) -> OrderBookColumns:
        """The engine's form of the book, its orders sorted by period."""
        by = self._by_period
        counts = np.bincount(self.period, minlength=self.n_periods)
        return OrderBookColumns(
            len(self.participants),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.uintp),
            self.participant[by].astype(np.uint32),
            self.is_bid[by],
            self.price_per_kwh[by],
            self.quantity_kwh[by],
            self.demand_kwh,
            self.value_of_lost_load,
        )

    def clear(self) -> BookClearing:
        """Return the efficient outcome, by merit order: one sorted pass, O(m log m)."""
        return self._clearing(self.columns.settle(False))

    def clarke(self) -> tuple[BookClearing, ClarkePayments]:
        """Return the efficient outcome and what each presence costs the others: O(m log m)."""
        outcome = self.columns.settle(True)
        return self._clearing(outcome), ClarkePayments(outcome.payments, outcome.pivotal)

    def _clearing(self, outcome: OrderBookOutcome) -> BookClearing:
        by_period, shed = outcome.accepted, outcome.shed
        lower, upper = outcome.price_lower, outcome.price_upper
        # The engine's orders are sorted by period.
        accepted = np.empty_like(by_period)
        accepted[self._by_period] = by_period
        for column in (accepted, shed, lower, upper):
            column.setflags(write=False)
        return BookClearing(
            accepted_kwh=accepted,
            shed_kwh=shed,
            price_lower=lower,
            price_upper=upper,
            values=by_participant(self, signed(self, accepted) * self.price_per_kwh),
            load_value=float(self.value_of_lost_load * (self.demand_kwh - shed).sum()),
        )

    def core_gap(
        self,
        utilities: NDArray[np.float64],
        rest: float,
        *,
        tolerance: float,
        time_limit: float = CORE_TIME_LIMIT,
    ) -> CoreGap:
        r"""Return what a coalition gains by trading on its own.

        Parameters
        ----------
        utilities : ndarray of float, shape (n,)
            What each participant has of the outcome, after its payment.
        rest : float
            What the fixed load has of it, which is one more player where there is one.
        tolerance : float
            What is rounding in a sum of money.
        time_limit : float
            Seconds for the search.

        Notes
        -----
        By duality, no coalition gains more than :math:`\sum_i \max(0, \pi_i(\lambda) - u_i)`
        with the profits :math:`\pi_i` at any price. Where the market price does not prove the best
        coalition at once, in one sorted pass, a search does: in one period a branch and bound with
        the best price in each node, O(m) each; in several an integer program. After `time_limit`
        seconds it gives the best one and a bound.
        """
        tolerance *= len(utilities)
        utilities = np.append(utilities, [rest] if self.demand_kwh.any() else [])
        inside, gain, bound = self.columns.best_coalition(utilities, tolerance, time_limit)
        if inside is None:
            return CoreGap(0.0, bound, None)
        # Who neither trades there nor loses here is no part of the story.
        n = len(self.participants)
        members, with_load = np.flatnonzero(inside[:n]), any(inside[n:])
        alone = self.only(members, with_load=with_load)
        active = (by_participant(alone, alone.clear().accepted_kwh) > 0)[members]
        active |= utilities[members] < -tolerance
        labels = [self.participants[int(i)] for i in members[active]]
        return CoreGap(gain, bound, frozenset(labels + [LOAD] * with_load))

    def misreport_utilities(
        self, participant: Hashable, rule: EngineRule, factors: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the true utility of each misreport under a rule that the engine scans.

        Parameters
        ----------
        participant : hashable
            Who misreports.
        rule : EngineRule
            What accepted orders pay; the uniform price is the average price.
        factors : ndarray of float, shape (k, 2)
            By what all its prices and all its quantities are multiplied.

        Notes
        -----
        The others are sorted once; then O(s log m) for each misreport of s steps, on all cores.
        """
        own = self.orders_of(participant)
        known = np.append(self.price_per_kwh, self.value_of_lost_load)
        return self.columns.misreport_utilities(
            self.participants.index(participant),
            rule,
            0.5,
            known_prices(factors[:, :1] * self.price_per_kwh[own], known),
            factors[:, 1:] * self.quantity_kwh[own],
        )

    def orders_of(self, participant: Hashable) -> NDArray[np.int64]:
        """Return the positions of a participant's orders, by period."""
        by = self._by_period
        own: NDArray[np.int64] = by[self.participant[by] == self.participants.index(participant)]
        return own

    def rival_prices(
        self, participant: Hashable
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pairs of an own price and one of somebody else in the same period."""
        index = self.participants.index(participant)
        starts = np.searchsorted(self.period[self._by_period], np.arange(self.n_periods + 1))
        pairs = []
        for period in np.unique(self.period[self.participant == index]):
            now = self._by_period[starts[period] : starts[period + 1]]
            own = self.participant[now] == index
            cap = [self.value_of_lost_load] if self.demand_kwh[period] else []
            price = self.price_per_kwh[now]
            pairs.append(pairs_nearby(price[own], np.append(price[~own], cap)))
        own, others = (np.concatenate(column) for column in zip(*pairs, strict=True))
        return own, others

    def has_orders(self, participant: Hashable) -> bool:
        """Return whether a participant has any order."""
        return len(self.orders_of(participant)) > 0

    def misreport(
        self, participant: Hashable, price_factor: float, quantity_factor: float
    ) -> OrderBook:
        """Return the book in which one participant multiplies its prices and its quantities."""
        own = self.orders_of(participant)
        price, quantity = self.price_per_kwh.copy(), self.quantity_kwh.copy()
        price[own] *= price_factor
        quantity[own] *= quantity_factor
        return self._like(slice(None), price, quantity)

    def true_value(self, participant: Hashable, settlement: Any) -> float:
        """Return what the outcome of somebody's misreport is truly worth to a participant.

        Minus infinity where it trades more than it truly has or can take.
        """
        own = self.orders_of(participant)
        return value_of_steps(
            np.asarray(settlement.accepted_kwh, dtype=np.float64)[own],
            self.period[own],
            self.is_bid[own],
            self.price_per_kwh[own],
            self.quantity_kwh[own],
        )

    def without(self, participant: Hashable) -> OrderBook:
        """Return the book without the orders of one participant, who stays with nothing."""
        keep = self.participant != self.participants.index(participant)
        return self._like(keep, self.price_per_kwh, self.quantity_kwh)

    def only(self, members: NDArray[np.intp], *, with_load: bool) -> OrderBook:
        """Return the book of some participants, by index, with the fixed load or without it."""
        keep = np.isin(self.participant, members)
        demand = self.demand_kwh if with_load else np.zeros(self.n_periods)
        return self._like(keep, self.price_per_kwh, self.quantity_kwh, demand)

    def in_period(self, period: int) -> OrderBook:
        """Return the book of one period, with all participants."""
        keep = self.period == period
        return OrderBook(
            self.participants,
            self.participant[keep],
            self.is_bid[keep],
            self.price_per_kwh[keep],
            self.quantity_kwh[keep],
            demand_kwh=self.demand_kwh[period : period + 1],
            value_of_lost_load=self.value_of_lost_load,
        )

    def _like(
        self,
        keep: slice | NDArray[np.bool_],
        price: NDArray[np.float64],
        quantity: NDArray[np.float64],
        demand: NDArray[np.float64] | None = None,
    ) -> OrderBook:
        return OrderBook(
            self.participants,
            self.participant[keep],
            self.is_bid[keep],
            price[keep],
            quantity[keep],
            self.period[keep],
            demand_kwh=self.demand_kwh if demand is None else demand,
            value_of_lost_load=self.value_of_lost_load,
        )

    def name(self, order: int) -> str:
        """Return an order as messages show it."""
        return f"order {order} of {self.participants[int(self.participant[order])]!r}"

    def __repr__(self) -> str:
        plural = "" if self.n_periods == 1 else "s"
        return (
            f"OrderBook({len(self.participants)} participants, {len(self.price_per_kwh)} orders, "
            f"{self.n_periods} period{plural})"
        )


def _flags(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    column = np.array(values).reshape(-1)
    if column.size and column.dtype.kind not in "biuf":
        raise GameError(f"{name} must be true or false for each order, not {column.dtype}")
    return column.astype(np.bool_)


def _indices(
    name: str, values: ArrayLike, length: int, limit: int | None = None
) -> NDArray[np.int64]:
    column = np.array(values)
    if column.size == 0:
        column = column.astype(np.int64)
    if column.shape != (length,) or column.dtype.kind not in "iu":
        raise GameError(
            f"{name} must be {length} integers, one for each order, not {column.dtype} of shape "
            f"{column.shape}"
        )
    column = column.astype(np.int64)
    bad = (column < 0) | (column >= (limit if limit is not None else np.iinfo(np.int32).max))
    refuse(bad, lambda k: f"order {k}: its {name} is {column[k]}, which is out of range")
    return column
