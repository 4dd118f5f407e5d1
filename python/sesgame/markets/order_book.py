"""An order book on one bus: price-quantity steps of sellers and buyers, period by period."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from sesgame._engine import EngineRule, OrderBookColumns
from sesgame.cached import cached_property
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players
from sesgame.markets.fixed_loads import check_load_names, demand_by_load, served_by_load
from sesgame.markets.market import CORE_TIME_LIMIT, ClarkePayments, CoreGap
from sesgame.markets.order_book_files import read_orders
from sesgame.markets.order_book_frames import orders_of_frame
from sesgame.markets.period_times import checked_times, in_zone, is_time, numbered, time_text
from sesgame.markets.steps import (
    by_participant,
    check_steps,
    known_prices,
    lost_load,
    number_column,
    one_price_each,
    pairs_nearby,
    refuse,
    signed,
    value_of_steps,
)

if TYPE_CHECKING:
    import datetime

    import pandas as pd
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
    period: int | datetime.datetime | np.datetime64 = 0


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
    demand_kwh : float, array_like of float, shape (T,), or mapping of str to these, default 0
        Fixed demand in each period; an array sets the number of periods. A mapping has several
        loads by their names, which share what is shed in proportion to their demand and are
        charged one by one; a load without a name is called ``"load"``.
    value_of_lost_load : float, optional
        What a kWh of fixed demand is worth, and so the price cap of the market. Needed where
        there is fixed demand.
    times : array_like of datetime64 or datetime, shape (T,), optional
        When each period begins, rising; in UTC if they have a zone.

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
        demand_kwh: ArrayLike | Mapping[str, ArrayLike] = 0.0,
        value_of_lost_load: float | None = None,
        times: ArrayLike | None = None,
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
        self.period = np.zeros(m, np.int64) if period is None else _indices("period", period, m)
        n_periods = int(self.period.max(initial=0)) + 1
        late = int(np.argmax(self.period)) if m else 0
        latest = f"{name(late)}: its period is {self.period[late]}" if m else "there is no order"
        self.times, self.in_utc = checked_times(times)
        if self.times is not None and len(self.times) < n_periods:
            raise GameError(f"{latest}, but there are {len(self.times)} times")
        n_times = None if self.times is None else len(self.times)
        names, self.load_kwh = demand_by_load(demand_kwh, n_periods, n_times, latest)
        self.load_names = check_load_names(names, labels)
        demand = self.load_kwh.sum(axis=0)
        self.demand_kwh = demand
        cap = lost_load(value_of_lost_load, demand)
        group = self.period * len(labels) + self.participant
        check_steps(group, self.is_bid, price, quantity, name)
        prices = one_price_each(np.append(price, cap))
        self.price_per_kwh, self.value_of_lost_load = prices[:-1], float(prices[-1])
        frozen = (self.participant, self.is_bid, self.price_per_kwh, quantity, self.period, demand)
        for array in (*frozen, self.load_kwh):
            array.setflags(write=False)
        self._by_period = np.argsort(self.period, kind="stable")

    @classmethod
    @checked_arguments
    def from_orders(
        cls,
        orders: Iterable[Order | tuple[Any, ...]],
        *,
        participants: Iterable[Hashable] | None = None,
        demand_kwh: ArrayLike | Mapping[str, ArrayLike] = 0.0,
        value_of_lost_load: float | None = None,
        times: ArrayLike | None = None,
    ) -> OrderBook:
        """Return the book of orders given one by one.

        Parameters
        ----------
        orders : iterable of (participant, side, price_per_kwh, quantity_kwh[, period])
            `side` is ``"offer"`` or ``"bid"``. `period` is a number from 0, or the time at which
            the period begins: a ``datetime`` or ``datetime64`` in every order.
        participants : iterable of hashable, optional
            All participants; by default in the order in which they first appear.
        demand_kwh, value_of_lost_load, times
            As in :class:`OrderBook`. Where orders have times, `times` are by default theirs.

        Raises
        ------
        GameError
            As in :class:`OrderBook`; also an unknown side, or nobody at all.

        Examples
        --------
        >>> import datetime
        >>> import sesgame as sg
        >>> noon = datetime.datetime(2024, 6, 1, 12)
        >>> book = sg.markets.OrderBook.from_orders(
        ...     [("ann", "bid", 9, 1, noon), ("eve", "offer", 3, 1, noon)]
        ... )
        >>> book.period_name(0)
        '2024-06-01T12:00'
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
        periods: Any = [row.period for row in rows]
        if any(is_time(period) for period in periods):
            periods, times, in_utc = numbered(
                periods, times, lambda k: f"order {k} of {rows[k].participant!r}"
            )
            times = in_zone(times, in_utc)
        return cls(
            labels,
            [labels.index(row.participant) for row in rows],
            [row.side == "bid" for row in rows],
            [row.price_per_kwh for row in rows],
            [row.quantity_kwh for row in rows],
            periods,
            demand_kwh=demand_kwh,
            value_of_lost_load=value_of_lost_load,
            times=times,
        )

    @classmethod
    @checked_arguments
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        *,
        participants: Iterable[Hashable] | None = None,
        demand_kwh: ArrayLike | Mapping[str, ArrayLike] | None = None,
        value_of_lost_load: float | None = None,
        times: ArrayLike | None = None,
    ) -> OrderBook:
        """Return the book of orders in a frame of pandas or polars: one row for each.

        Parameters
        ----------
        frame : DataFrame
            Columns ``participant, side, price_per_kwh, quantity_kwh`` and, optionally, ``period``:
            numbers from 0, or the times at which periods begin. Its index says nothing. A row whose
            side is ``load`` is the fixed demand of the load that the column ``participant`` names
            (``"load"`` where it is missing); its price is the value of lost load, the same in
            every such row.
        participants, times
            As in :meth:`from_orders`.
        demand_kwh, value_of_lost_load : optional
            As in :class:`OrderBook`, where the frame has no such rows.

        Raises
        ------
        GameError
            It is no frame, a column is missing or has no meaning, a cell is empty or of another
            type, or as in :meth:`from_orders`; the row is named.
        MissingExtraError
            pandas is not installed.

        Examples
        --------
        >>> import pandas as pd
        >>> import sesgame as sg
        >>> frame = pd.DataFrame({
        ...     "participant": ["ann", "eve"],
        ...     "side": ["bid", "offer"],
        ...     "price_per_kwh": [0.30, 0.10],
        ...     "quantity_kwh": [2.0, 3.0],
        ...     "period": pd.to_datetime(["2024-06-01 12:00", "2024-06-01 12:00"]),
        ... })
        >>> book = sg.markets.OrderBook.from_pandas(frame)
        >>> sg.markets.uniform_price(book).payments.tolist(), book.period_name(0)
        ([0.2, -0.2], '2024-06-01T12:00')
        """
        arguments = orders_of_frame(frame, times)
        if demand_kwh is not None or value_of_lost_load is not None:
            if arguments["value_of_lost_load"] is not None:
                raise GameError(
                    "the frame has rows of fixed demand; leave out demand_kwh and "
                    "value_of_lost_load"
                )
            arguments["demand_kwh"] = 0.0 if demand_kwh is None else demand_kwh
            arguments["value_of_lost_load"] = value_of_lost_load
        return cls.from_orders(**arguments, participants=participants)

    @classmethod
    def from_csv(cls, path: str | PathLike[str]) -> OrderBook:
        """Return the book in a CSV file with a header line.

        Columns ``participant, side, price_per_kwh, quantity_kwh`` and, optionally, ``period``
        (from 0, or times in ISO 8601). A row whose side is ``load`` is fixed demand of the load
        that `participant` names (``load`` where it is empty); its price is the value of lost load,
        the same in every such row.

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

    def period_at(self, period: object) -> int:
        """Return the number of a period that is given by its number or by when it begins.

        Raises
        ------
        GameError
            There is no such period.
        """
        if is_time(period) and self.times is not None:
            found = numbered(
                [period], in_zone(self.times, self.in_utc), lambda _: f"period {period}"
            )
            return int(found.period[0])
        is_number = isinstance(period, (int, np.integer)) and not isinstance(period, bool)
        number = int(period) if isinstance(period, (int, np.integer)) else -1
        if not is_number or not 0 <= number < self.n_periods:
            has = "" if self.times is None else ", or the time at which one begins"
            raise GameError(f"period must be from 0 to {self.n_periods - 1}{has}, got {period}")
        return number

    def period_name(self, period: int) -> str:
        """Return a period as people read it: when it begins, or its number."""
        if self.times is None:
            return f"period {period}"
        return time_text(self.times[period], self.in_utc)

    def served_kwh(self, shed_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each fixed load gets in each period, shape (L, T), by what is shed in all."""
        return served_by_load(self.load_kwh, shed_kwh)

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
        rest: float | NDArray[np.float64],
        *,
        tolerance: float,
        time_limit: float = CORE_TIME_LIMIT,
    ) -> CoreGap:
        r"""Return what a coalition gains by trading on its own.

        Parameters
        ----------
        utilities : ndarray of float, shape (n,)
            What each participant has of the outcome, after its payment.
        rest : float or ndarray of float, shape (L,)
            What the fixed load has of it, which is one more player where there is one; of several,
            what each has, and each is a player.
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
        if len(self.load_names) > 1:
            rest = np.broadcast_to(rest, len(self.load_names))
            return self._with_loads_that_bid().core_gap(
                np.append(utilities, rest), 0.0, tolerance=tolerance, time_limit=time_limit
            )
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
        return CoreGap(gain, bound, frozenset(labels + list(self.load_names) * with_load))

    def misreport_utilities(
        self, participant: Hashable, rule: EngineRule, factors: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the true utility of each misreport under a rule that the engine scans.

        Parameters
        ----------
        participant : hashable
            Who misreports.
        rule : EngineRule
            What accepted orders pay; the uniform price is the middle of the clearing prices.
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
        demand = None if with_load else np.zeros(self.n_periods)
        return self._like(keep, self.price_per_kwh, self.quantity_kwh, demand)

    def with_only(self, members: Collection[Hashable]) -> OrderBook:
        """Return the book of some participants and fixed loads, by label."""
        inside = [k for k, label in enumerate(self.participants) if label in members]
        demand = {
            name: row
            for name, row in zip(self.load_names, self.load_kwh, strict=True)
            if name in members
        }
        return self._like(
            np.isin(self.participant, inside),
            self.price_per_kwh,
            self.quantity_kwh,
            demand or np.zeros(self.n_periods),
        )

    def _with_loads_that_bid(self) -> OrderBook:
        """Return the book in which each fixed load is a participant that bids its value."""
        load, period = np.nonzero(self.load_kwh)
        count, n = len(load), len(self.participants)
        return OrderBook(
            [*self.participants, *self.load_names],
            np.append(self.participant, n + load),
            np.append(self.is_bid, np.ones(count, np.bool_)),
            np.append(self.price_per_kwh, np.full(count, self.value_of_lost_load)),
            np.append(self.quantity_kwh, self.load_kwh[load, period]),
            np.append(self.period, period),
            demand_kwh=np.zeros(self.n_periods),
            times=in_zone(self.times, self.in_utc),
        )

    def in_period(self, period: int) -> OrderBook:
        """Return the book of one period, with all participants and fixed loads."""
        keep = self.period == period
        load = self.load_kwh[:, period : period + 1]
        demand = dict(zip(self.load_names, load, strict=True))
        return OrderBook(
            self.participants,
            self.participant[keep],
            self.is_bid[keep],
            self.price_per_kwh[keep],
            self.quantity_kwh[keep],
            demand_kwh=demand or self.demand_kwh[period : period + 1],
            value_of_lost_load=self.value_of_lost_load,
        )

    def _like(
        self,
        keep: slice | NDArray[np.bool_],
        price: NDArray[np.float64],
        quantity: NDArray[np.float64],
        demand: NDArray[np.float64] | dict[str, NDArray[np.float64]] | None = None,
    ) -> OrderBook:
        loads = dict(zip(self.load_names, self.load_kwh, strict=True))
        everywhere = loads or np.zeros(self.n_periods)
        return OrderBook(
            self.participants,
            self.participant[keep],
            self.is_bid[keep],
            price[keep],
            quantity[keep],
            self.period[keep],
            demand_kwh=everywhere if demand is None else demand,
            value_of_lost_load=self.value_of_lost_load,
            times=in_zone(self.times, self.in_utc),
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
