"""Markets on a network: offers, bids and demand at buses, cleared by DC optimal power flow."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame._engine import NetworkColumns
from sesgame.errors import CoalitionError, GameError
from sesgame.game.players import Players
from sesgame.markets.market import CORE_TIME_LIMIT, LOAD, ClarkePayments, CoreGap
from sesgame.markets.matpower import network_of_case
from sesgame.markets.network_files import read_network
from sesgame.markets.steps import (
    by_participant,
    check_steps,
    lost_load,
    money_of,
    number_column,
    numbers,
    one_price_each,
    pairs_nearby,
    refuse,
    signed,
    value_of_steps,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import NetworkOutcome
    from sesgame.progress import Report

__all__ = ["Line", "NetworkClearing", "NetworkMarket", "NetworkOrder"]

_PRECISION = 1e-9
"""Of sums of money, relative to the money that all orders are about; that of the solver."""


class NetworkOrder(NamedTuple):
    """One step of an offer or a bid at a bus, for one hour."""

    participant: Hashable
    bus: Hashable
    side: str
    price_per_mwh: float
    quantity_mw: float


class Line(NamedTuple):
    """A line between two buses; only the ratios of reactances matter."""

    from_bus: Hashable
    to_bus: Hashable
    reactance: float
    limit_mw: float = np.inf


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkClearing:
    """The efficient dispatch of a network market.

    Attributes
    ----------
    accepted_mw : ndarray of float, shape (m,)
        How much of each order is accepted.
    shed_mw : ndarray of float, shape (b,)
        Fixed demand at each bus that is not served.
    price_per_mwh : ndarray of float, shape (b,)
        What one MWh more at the bus costs the system.
    flow_mw : ndarray of float, shape (l,)
        The flow on each line, positive from its first to its second bus.
    cost : float
        What the dispatch costs, shed load included, minus what bids are worth.
    values : ndarray of float, shape (n,)
        What the outcome is worth to each participant.
    load_value : float
        What it is worth to the fixed demand.
    """

    accepted_mw: NDArray[np.float64]
    shed_mw: NDArray[np.float64]
    price_per_mwh: NDArray[np.float64]
    flow_mw: NDArray[np.float64]
    cost: float
    values: NDArray[np.float64]
    load_value: float

    @property
    def welfare(self) -> float:
        """What the outcome is worth to everybody."""
        return float(self.values.sum()) + self.load_value


class NetworkMarket:
    """Offers, bids and fixed demand at the buses of a network, for one hour.

    Power flows as in the DC approximation: no losses, small angles, the flow on a line in
    proportion to the difference of the angles at its ends. Buses without a connection are islands
    of their own.

    Parameters
    ----------
    buses : iterable of hashable
        The labels of all buses.
    lines : iterable of (from_bus, to_bus, reactance[, limit_mw])
        The limit holds in both directions; infinite by default.
    orders : iterable of (participant, bus, side, price_per_mwh, quantity_mw)
        `side` is ``"offer"`` or ``"bid"``. The steps of a participant at a bus must not fall in
        price (offers) or rise (bids) in the order given.
    demand_mw : mapping of bus to float, optional
        Demand that does not bid: it is served unless a MWh costs more than the value of lost
        load.
    value_of_lost_load : float, optional
        What a MWh of fixed demand is worth. Needed where there is fixed demand.
    participants : iterable of hashable, optional
        All participants; by default in the order in which they first appear.

    Raises
    ------
    GameError
        An unknown bus, a reactance of zero, NaN, infinite or negative numbers, unsorted steps;
        the order or line is named.

    Examples
    --------
    Cheap power behind a line of 40 MW:

    >>> import sesgame as sg
    >>> market = sg.markets.NetworkMarket(
    ...     ["north", "south"],
    ...     [("north", "south", 0.1, 40)],
    ...     [("wind", "north", "offer", 10, 100), ("coal", "north", "offer", 20, 100),
    ...      ("gas", "south", "offer", 50, 100)],
    ...     demand_mw={"south": 60}, value_of_lost_load=1000,
    ... )
    >>> nodal = sg.markets.nodal_pricing(market)
    >>> nodal.price_per_mwh.tolist(), nodal.congestion_rent
    ([10.0, 50.0], 1600.0)
    >>> sg.markets.vcg(market).payments.tolist()
    [-800.0, 0.0, -20000.0]
    """

    def __init__(
        self,
        buses: Iterable[Hashable],
        lines: Iterable[Line | tuple[Any, ...]],
        orders: Iterable[NetworkOrder | tuple[Any, ...]],
        *,
        demand_mw: Mapping[Hashable, float] | None = None,
        value_of_lost_load: float | None = None,
        participants: Iterable[Hashable] | None = None,
    ) -> None:
        self.buses = Players(buses)
        self.lines = tuple(self._line(k, line) for k, line in enumerate(lines))
        self.orders = tuple(self._order(k, order) for k, order in enumerate(orders))
        labels = dict.fromkeys(order.participant for order in self.orders)
        self.participants = Players(labels if participants is None else participants)
        self.participant = np.array(
            [self.participants.index(order.participant) for order in self.orders], dtype=np.int64
        )
        self.bus = np.array([self.buses.index(order.bus) for order in self.orders], dtype=np.int64)
        self.is_bid = np.array([order.side == "bid" for order in self.orders], dtype=np.bool_)
        self.price_per_mwh = number_column(
            "price_per_mwh", [order.price_per_mwh for order in self.orders]
        )
        self.quantity_mw = number_column(
            "quantity_mw", [order.quantity_mw for order in self.orders]
        )
        group = self.bus * len(self.participants) + self.participant
        check_steps(
            group,
            self.is_bid,
            self.price_per_mwh,
            self.quantity_mw,
            lambda k: f"order {k} of {self.orders[k].participant!r}",
        )
        self.demand_mw = self._demand(demand_mw or {})
        cap = lost_load(value_of_lost_load, self.demand_mw)
        prices = one_price_each(np.append(self.price_per_mwh, cap))
        self.price_per_mwh, self.value_of_lost_load = prices[:-1], float(prices[-1])
        self.columns = self._columns()

    @classmethod
    def from_matpower(
        cls,
        case: str | PathLike[str] | Mapping[str, Any] | Any,
        *,
        value_of_lost_load: float,
        steps: int = 10,
        participants: Iterable[Hashable] | None = None,
    ) -> NetworkMarket:
        """Return the market of a MATPOWER case: its generators offer at cost.

        Parameters
        ----------
        case : path, mapping or object
            A ``.m`` file (extra ``matpower``), or something with ``bus``, ``gen``, ``branch`` and
            ``gencost`` matrices as items or attributes, such as a PYPOWER case or
            ``matpowercaseframes.CaseFrames``.
        value_of_lost_load : float
            What a MWh of demand is worth.
        steps : int, default 10
            Equal steps that stand for a quadratic cost, each at its average marginal cost, so
            that the cost is exact where a step ends.
        participants : iterable of hashable, optional
            The owner of each generator in service, in the order of the file; ``"gen 1"``, ``"gen
            2"`` and so on by default. The same owner twice is one participant.

        Raises
        ------
        GameError
            A dispatchable load, a cost that is not convex or of a higher degree, a phase shifter:
            the generator or branch is named.
        MissingExtraError
            A path, but the extra ``matpower`` is not installed.

        Notes
        -----
        Start-up costs, fixed costs, minimum power, reactive power, shunts and angle limits are
        left out; ``rateA = 0`` means no limit.

        References
        ----------
        Zimmerman, Murillo-Sanchez and Thomas (2011) [zimmerman2011]_.
        """
        buses, lines, orders, demand = network_of_case(case, steps, participants)
        return cls(buses, lines, orders, demand_mw=demand, value_of_lost_load=value_of_lost_load)

    @classmethod
    def from_csv(cls, folder: str | PathLike[str]) -> NetworkMarket:
        """Return the market in a folder of two CSV files with header lines.

        ``lines.csv`` has the columns ``from_bus, to_bus, reactance`` and, optionally, ``limit_mw``
        (empty for no limit). ``orders.csv`` has ``participant, bus, side, price_per_mwh,
        quantity_mw``. A row whose side is ``load`` is fixed demand; its price is the value of
        lost load, the same in every such row. The buses are those that are named.

        Raises
        ------
        GameError
            A file cannot be read, a column is missing or has no meaning, a number is none, there
            are two values of lost load, or as in :class:`NetworkMarket`; the file is named.
        """
        arguments = read_network(Path(folder))
        try:
            return cls(**arguments)
        except GameError as error:
            raise GameError(f"{folder}: {error}") from error

    @property
    def tolerance(self) -> float:
        """Absolute precision of sums of money."""
        return _PRECISION * money_of(
            self.price_per_mwh, self.quantity_mw, self.value_of_lost_load, self.demand_mw
        )

    def misreport(
        self, participant: Hashable, price_factor: float, quantity_factor: float
    ) -> NetworkMarket:
        """Return the market in which one participant multiplies its prices and its quantities."""
        return self._like(
            order._replace(
                price_per_mwh=order.price_per_mwh * price_factor,
                quantity_mw=order.quantity_mw * quantity_factor,
            )
            if order.participant == participant
            else order
            for order in self.orders
        )

    def without(self, participant: Hashable) -> NetworkMarket:
        """Return the market without the orders of one participant, who stays with nothing."""
        self.participants.index(participant)
        return self._like(order for order in self.orders if order.participant != participant)

    def rival_prices(
        self, participant: Hashable
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pairs of an own price and one of somebody else, at whatever bus."""
        own = self.participant == self.participants.index(participant)
        cap = [self.value_of_lost_load] if self.demand_mw.any() else []
        return pairs_nearby(self.price_per_mwh[own], np.append(self.price_per_mwh[~own], cap))

    def has_orders(self, participant: Hashable) -> bool:
        """Return whether a participant has any order."""
        return bool((self.participant == self.participants.index(participant)).any())

    def true_value(self, participant: Hashable, settlement: Any) -> float:
        """Return what the outcome of somebody's misreport is truly worth to a participant.

        Minus infinity where it trades more than it truly has or can take.
        """
        own = np.flatnonzero(self.participant == self.participants.index(participant))
        return value_of_steps(
            settlement.accepted_mw[own],
            self.bus[own],
            self.is_bid[own],
            self.price_per_mwh[own],
            self.quantity_mw[own],
        )

    def clear(self) -> NetworkClearing:
        """Return the efficient dispatch: one linear program."""
        return self._clearing(self.columns.settle(False))

    def clarke(self, report: Report | None = None) -> tuple[NetworkClearing, ClarkePayments]:
        """Return the efficient dispatch and what each presence costs the others.

        One linear program, and one more for each participant that trades.
        """
        outcome = self.columns.settle(True, report)
        return self._clearing(outcome), ClarkePayments(outcome.payments, outcome.pivotal)

    def _clearing(self, outcome: NetworkOutcome) -> NetworkClearing:
        served = self.demand_mw - outcome.shed
        return NetworkClearing(
            accepted_mw=outcome.accepted,
            shed_mw=outcome.shed,
            price_per_mwh=outcome.price,
            flow_mw=outcome.flow,
            cost=outcome.cost,
            values=by_participant(self, signed(self, outcome.accepted) * self.price_per_mwh),
            load_value=float(self.value_of_lost_load * served.sum()),
        )

    def core_gap(self, utilities: NDArray[np.float64], rest: float, *, tolerance: float) -> CoreGap:
        """Return what a coalition gains with the network and the fixed load on its own.

        Parameters
        ----------
        utilities : ndarray of float, shape (n,)
            What each participant has of the outcome, after its payment.
        rest : float
            What the fixed load has, together with the budget surplus.
        tolerance : float
            What is rounding in a sum of money.

        Notes
        -----
        An integer program finds the coalition that gains most, or the best one and a bound after
        10 seconds.
        """
        members, best, bound = self.columns.best_coalition(utilities, CORE_TIME_LIMIT)
        excess = best - rest
        found = excess > tolerance
        names = [p for p, inside in zip(self.participants, members, strict=True) if inside]
        return CoreGap(
            excess if found else 0.0,
            max(0.0, bound - rest),
            frozenset([LOAD, *names]) if found else None,
        )

    def _like(self, orders: Iterable[NetworkOrder]) -> NetworkMarket:
        return NetworkMarket(
            self.buses,
            self.lines,
            orders,
            demand_mw=dict(zip(self.buses, self.demand_mw.tolist(), strict=True)),
            value_of_lost_load=self.value_of_lost_load,
            participants=self.participants,
        )

    def _bus(self, label: object, where: str) -> int:
        try:
            return self.buses.index(label)
        except CoalitionError:
            raise GameError(f"{where}: unknown bus {label!r}") from None

    def _line(self, k: int, given: Line | tuple[Any, ...]) -> Line:
        try:
            line = Line(*given)
            line = line._replace(reactance=float(line.reactance), limit_mw=float(line.limit_mw))
        except (TypeError, ValueError) as error:
            raise GameError(
                f"line {k} must be (from_bus, to_bus, reactance) or have the limit in MW as a "
                f"fourth entry, got {given!r}: {error}"
            ) from error
        for end in (line.from_bus, line.to_bus):
            self._bus(end, f"line {k}")
        if not np.isfinite(line.reactance) or line.reactance == 0:
            raise GameError(
                f"line {k} from {line.from_bus!r} to {line.to_bus!r}: its reactance must be "
                f"finite and not 0, got {line.reactance}"
            )
        if not line.limit_mw >= 0:
            raise GameError(
                f"line {k} from {line.from_bus!r} to {line.to_bus!r}: its limit must be "
                f"non-negative (infinite for none), got {line.limit_mw}"
            )
        return line

    def _demand(self, given: Mapping[Hashable, float]) -> NDArray[np.float64]:
        demand = np.zeros(len(self.buses))
        for bus, power in given.items():
            number = numbers(f"demand_mw at bus {bus!r}", power)
            if number.ndim:
                raise GameError(f"demand_mw at bus {bus!r} must be one number, got {power}")
            demand[self._bus(bus, "demand_mw")] = number
        refuse(
            ~(np.isfinite(demand) & (demand >= 0)),
            lambda k: (
                f"demand_mw must be finite and non-negative, got {demand[k]} at bus "
                f"{self.buses[k]!r} (power that is there anyway is an offer at price 0)"
            ),
        )
        return demand

    def _columns(self) -> NetworkColumns:
        ends = [[self.buses.index(line[end]) for line in self.lines] for end in (0, 1)]
        numbers = [
            [1 / line.reactance for line in self.lines],
            [line.limit_mw for line in self.lines],
        ]
        return NetworkColumns(
            len(self.participants),
            self.participant.astype(np.uintp),
            self.bus.astype(np.uintp),
            self.is_bid,
            self.price_per_mwh,
            self.quantity_mw,
            np.array(ends, dtype=np.uintp).reshape(2, -1),
            np.array(numbers, dtype=np.float64).reshape(2, -1),
            self.demand_mw,
            self.value_of_lost_load,
        )

    def _order(self, k: int, given: NetworkOrder | tuple[Any, ...]) -> NetworkOrder:
        try:
            order = NetworkOrder(*given)
        except TypeError as error:
            raise GameError(
                f"order {k} must be (participant, bus, side, price_per_mwh, quantity_mw), "
                f"got {given!r}"
            ) from error
        if order.side not in ("offer", "bid"):
            raise GameError(
                f"order {k} of {order.participant!r}: its side must be "
                f'"offer" or "bid", got {order.side!r}'
            )
        self._bus(order.bus, f"order {k} of {order.participant!r}")
        return order

    def __repr__(self) -> str:
        return (
            f"NetworkMarket({len(self.participants)} participants, {len(self.orders)} orders, "
            f"{len(self.buses)} buses, {len(self.lines)} lines)"
        )
