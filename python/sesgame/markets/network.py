"""Markets on a network: offers, bids and demand at buses, cleared by DC optimal power flow."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import NetworkColumns
from sesgame.cached import cached_property
from sesgame.errors import GameError, SolverError
from sesgame.game.by_value import ByValue
from sesgame.game.players import Players
from sesgame.markets.fixed_loads import check_load_names, served_by_load
from sesgame.markets.market import CORE_TIME_LIMIT, LOAD, ClarkePayments, CoreGap
from sesgame.markets.matpower import network_of_case
from sesgame.markets.network_elements import (
    Line,
    Link,
    NetworkOrder,
    elements,
    line_of,
    link_of,
    loads_at,
    order_of,
    power_at,
)
from sesgame.markets.network_files import read_network
from sesgame.markets.steps import (
    by_participant,
    check_steps,
    lost_load,
    money_of,
    number_column,
    one_price_each,
    pairs_nearby,
    signed,
    value_of_steps,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import NetworkOutcome
    from sesgame.progress import Report

__all__ = ["NetworkClearing", "NetworkMarket"]

_SIDES = ("offer", "bid")

_PRECISION = 1e-9
"""Of sums of money, relative to the money that all orders are about; that of the solver."""


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkClearing(ByValue):
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
    link_flow_mw : ndarray of float, shape (k,)
        The flow into each link, positive from its first to its second bus.
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
    link_flow_mw: NDArray[np.float64]
    cost: float
    values: NDArray[np.float64]
    load_value: float

    @property
    def welfare(self) -> float:
        """What the outcome is worth to everybody."""
        return float(self.values.sum()) + self.load_value


class NetworkMarket(ByValue):
    """Offers, bids and fixed demand at the buses of a network, for one hour.

    Power flows as in the DC approximation: no losses, small angles, the flow on a line in
    proportion to the difference of the angles at its ends. Buses without a connection are islands
    of their own.

    Parameters
    ----------
    buses : iterable of hashable
        The labels of all buses.
    lines : iterable of (from_bus, to_bus, reactance[, limit_mw, lower_mw, upper_mw, shift_mw])
        The limit holds in both directions, the others on the flow from the first to the second
        bus; infinite by default. `shift_mw` is what a phase shifter takes off the flow that the
        difference of the angles makes.
    orders : iterable of (participant, bus, side, price_per_mwh, quantity_mw[, must_run])
        `side` is ``"offer"`` or ``"bid"``. The steps of a participant at a bus must not fall in
        price (offers) or rise (bids) in the order given. What must run is accepted as a whole.
    demand_mw : mapping of bus to float, or to mapping of str to float, optional
        Demand that does not bid: it is served unless a MWh costs more than the value of lost
        load. Several loads at a bus have names, ``{"south": {"village": 40, "town": 20}}``; they
        share what is shed there in proportion, and each is charged for itself. A load without a
        name is called ``"load"``.
    value_of_lost_load : float, optional
        What a MWh of fixed demand is worth. Needed where there is fixed demand.
    injection_mw : mapping of bus to float, optional
        Power that comes in whatever happens, or is taken (negative), by nobody who takes part;
        it is paid for together with fixed demand.
    links : iterable of (from_bus, to_bus, lower_mw, upper_mw[, loss_share]), optional
        Lines of direct current: the flow between its limits that serves best, less the share of
        it that is lost.
    participants : iterable of hashable, optional
        All participants; by default in the order in which they first appear.

    Raises
    ------
    GameError
        An unknown bus, a reactance of zero, NaN, infinite or negative numbers, unsorted steps;
        the order, line or link is named. When clearing: no dispatch meets what must run, what is
        injected and what must flow.

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
        demand_mw: Mapping[Hashable, float | Mapping[str, float]] | None = None,
        value_of_lost_load: float | None = None,
        injection_mw: Mapping[Hashable, float] | None = None,
        links: Iterable[Link | tuple[Any, ...]] = (),
        participants: Iterable[Hashable] | None = None,
    ) -> None:
        self.buses = Players(buses)
        self.lines = elements("lines", lines, partial(line_of, self.buses))
        self.links = elements("links", links, partial(link_of, self.buses))
        self.orders = elements("orders", orders, partial(order_of, self.buses))
        labels = dict.fromkeys(order.participant for order in self.orders)
        self.participants = Players(labels if participants is None else participants)
        self.participant = np.array(
            [self.participants.index(order.participant) for order in self.orders], dtype=np.int64
        )
        self.bus = np.array([self.buses.index(order.bus) for order in self.orders], dtype=np.int64)
        self.is_bid = np.array([order.side == "bid" for order in self.orders], dtype=np.bool_)
        self.must_run = np.array([order.must_run for order in self.orders], dtype=np.bool_)
        self.price_per_mwh = number_column(
            "price_per_mwh", [order.price_per_mwh for order in self.orders]
        )
        self.quantity_mw = number_column(
            "quantity_mw", [order.quantity_mw for order in self.orders]
        )
        # What must run is no step: its price decides nothing.
        group = 2 * (self.bus * len(self.participants) + self.participant) + self.must_run
        check_steps(
            group,
            self.is_bid,
            self.price_per_mwh,
            self.quantity_mw,
            lambda k: f"order {k} of {self.orders[k].participant!r}",
        )
        self.load_names, self.load_mw = loads_at(self.buses, demand_mw)
        self.demand_mw = self.load_mw.sum(axis=0)
        self.injection_mw = power_at(self.buses, "injection_mw", injection_mw)
        of_nobody = [LOAD] if self.injection_mw.any() and LOAD not in self.load_names else []
        self.outside = check_load_names([*self.load_names, *of_nobody], self.participants)
        cap = lost_load(value_of_lost_load, self.demand_mw)
        prices = one_price_each(np.append(self.price_per_mwh, cap))
        self.price_per_mwh, self.value_of_lost_load = prices[:-1], float(prices[-1])
        self.columns  # noqa: B018, what the engine refuses is refused at once

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
            A ``.m`` file in case format version 2, or the name of a case of the package
            ``matpower`` (extra ``matpower``), or something with the fields of a case as items or
            attributes, such as a PYPOWER case or ``matpowercaseframes.CaseFrames``.
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
            A statement of the file that is not understood, a field or column that is not
            supported, an entry that cannot be right: the line, the field, or row and column.
        MissingExtraError
            A name that is no file, but the extra ``matpower`` is not installed.

        Notes
        -----
        :doc:`/matpower` lists every field and column, and what becomes of it. The dispatch is that
        of MATPOWER's DC optimal power flow, but that demand is not served above the value of lost
        load, that quadratic costs are steps, and that the cost at 0 MW, which changes nothing, is
        left out of the welfare.

        References
        ----------
        Zimmerman, Murillo-Sanchez and Thomas (2011) [zimmerman2011]_.
        """
        arguments = network_of_case(case, steps, participants)
        return cls(**arguments, value_of_lost_load=value_of_lost_load)

    @classmethod
    def from_csv(cls, folder: str | PathLike[str]) -> NetworkMarket:
        """Return the market in a folder of two CSV files with header lines.

        ``lines.csv`` has the columns ``from_bus, to_bus, reactance`` and, optionally, ``limit_mw``
        (empty for no limit). ``orders.csv`` has ``participant, bus, side, price_per_mwh,
        quantity_mw``. A row whose side is ``load`` is fixed demand of the load that `participant`
        names (``load`` where it is empty); its price is the value of lost load, the same in every
        such row. The buses are those that are named.

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
    def has_load(self) -> bool:
        """Whether anything is taken or injected by nobody who takes part."""
        return bool(self.demand_mw.any() or self.injection_mw.any())

    def served_mw(self, shed_mw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each fixed load gets at each bus, shape (L, b), by what is shed there."""
        return served_by_load(self.load_mw, shed_mw)

    def only(
        self, members: Iterable[Hashable], lines: Iterable[Line] | None = None
    ) -> NetworkMarket:
        """Return the market of some participants and outsiders, and maybe of some lines only.

        All participants stay, the others with nothing.
        """
        inside = set(members)
        return NetworkMarket(
            self.buses,
            self.lines if lines is None else lines,
            [order for order in self.orders if order.participant in inside],
            demand_mw=self._demand_of([name for name in self.load_names if name in inside]),
            value_of_lost_load=self.value_of_lost_load,
            injection_mw=self._injection() if LOAD in inside else None,
            links=self.links,
            participants=self.participants,
        )

    @property
    def tolerance(self) -> float:
        """Absolute precision of sums of money."""
        return _PRECISION * money_of(
            self.price_per_mwh, self.quantity_mw, self.value_of_lost_load, self.demand_mw
        )

    def misreport(
        self, participant: Hashable, price_factor: float, quantity_factor: float
    ) -> NetworkMarket:
        """Return the market in which one participant multiplies its prices and its quantities.

        What must run is the same whatever it reports.
        """
        return self._like(
            order._replace(
                price_per_mwh=order.price_per_mwh * price_factor,
                quantity_mw=order.quantity_mw * (1.0 if order.must_run else quantity_factor),
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
            2 * self.bus[own] + self.must_run[own],
            self.is_bid[own],
            self.price_per_mwh[own],
            self.quantity_mw[own],
        )

    def clear(self) -> NetworkClearing:
        """Return the efficient dispatch: one linear program."""
        return self._clearing(self._settled(False))

    def clarke(self, report: Report | None = None) -> tuple[NetworkClearing, ClarkePayments]:
        """Return the efficient dispatch and what each presence costs the others.

        One linear program, and one more for each participant that trades.
        """
        outcome = self._settled(True, report)
        return self._clearing(outcome), ClarkePayments(outcome.payments, outcome.pivotal)

    def _settled(self, clarke: bool, report: Report | None = None) -> NetworkOutcome:
        try:
            return self.columns.settle(clarke, report)
        except SolverError as error:
            if error.status != "infeasible":
                raise
            raise GameError(
                f"{self._named(error.stage)}: no dispatch meets all of this: demand of at most "
                f"{self.demand_mw.sum():.6g} MW, {', '.join(self._forced())}"
            ) from error

    def _named(self, stage: str) -> str:
        """Return a stage of the engine, with the label of a participant that it counts."""
        head, without, index = stage.rpartition(" without ")
        return f"{head}{without}{self.participants[int(index)]!r}" if without else stage

    def _forced(self) -> list[str]:
        """Return what leaves a dispatch no choice."""
        running = [order for order in self.orders if order.must_run]
        power = {side: sum(o.quantity_mw for o in running if o.side == side) for side in _SIDES}
        names = list(dict.fromkeys(repr(order.participant) for order in running))
        flows = [line for line in self.lines if line.least_mw > 0 or line.most_mw < 0]
        forced = [link for link in self.links if link.lower_mw > 0 or link.upper_mw < 0]
        return [
            text
            for there, text in (
                (
                    running,
                    f"that {', '.join(names[:5])}{' and others' if len(names) > 5 else ''} must "
                    f"deliver {power['offer']:.6g} MW and take {power['bid']:.6g} MW",
                ),
                (self.injection_mw.any(), f"injections of {self.injection_mw.sum():.6g} MW in all"),
                (any(line.shift_mw for line in self.lines), "shifted phases"),
                (flows, f"{len(flows)} lines with a smallest flow"),
                (forced, f"{len(forced)} links with a smallest flow"),
                (any(np.isfinite(line.most_mw) for line in self.lines), "the limits of lines"),
            )
            if there
        ]

    def _clearing(self, outcome: NetworkOutcome) -> NetworkClearing:
        served = self.demand_mw - outcome.shed
        return NetworkClearing(
            accepted_mw=outcome.accepted,
            shed_mw=outcome.shed,
            price_per_mwh=outcome.price,
            flow_mw=outcome.flow,
            link_flow_mw=outcome.link_flow,
            cost=outcome.cost,
            values=by_participant(self, signed(self, outcome.accepted) * self.price_per_mwh),
            load_value=float(self.value_of_lost_load * served.sum()),
        )

    def core_gap(
        self,
        utilities: NDArray[np.float64],
        rest: float | NDArray[np.float64],
        *,
        tolerance: float,
        time_limit: float = CORE_TIME_LIMIT,
    ) -> CoreGap:
        """Return what a coalition gains with the network and the fixed load on its own.

        Parameters
        ----------
        utilities : ndarray of float, shape (n,)
            What each participant has of the outcome, after its payment.
        rest : float or ndarray of float, shape (L + 1,)
            What the fixed load has, together with the budget surplus. Of several loads, what each
            has, and then all others: each is a player, and the network is in every coalition.
        tolerance : float
            What is rounding in a sum of money.
        time_limit : float
            Seconds for the search.

        Notes
        -----
        An integer program finds the coalition that gains most, or the best one and a bound after
        `time_limit` seconds.
        """
        if len(self.load_names) > 1:
            bidding = np.array([self._can_bid(name) for name in self.load_names])
            of_all = np.array(rest)
            of_loads = of_all[:-1]
            return self._with_loads_that_bid().core_gap(
                np.append(utilities, of_loads[bidding]),
                float(of_all[-1] + of_loads[~bidding].sum()),
                tolerance=tolerance,
                time_limit=time_limit,
            )
        members, best, bound = self.columns.best_coalition(utilities, time_limit)
        others = float(np.sum(rest))
        excess = best - others
        found = excess > tolerance
        names = [p for p, inside in zip(self.participants, members, strict=True) if inside]
        return CoreGap(
            excess if found else 0.0,
            max(0.0, bound - others),
            frozenset([*self.outside, *names]) if found else None,
        )

    def _can_bid(self, load: str) -> bool:
        """Return whether a fixed load has no more than demand: what is injected cannot bid."""
        return load != LOAD or not self.injection_mw.any()

    def _with_loads_that_bid(self) -> NetworkMarket:
        """Return the market in which each fixed load that can bids the value of lost load."""
        bidding = [name for name in self.load_names if self._can_bid(name)]
        bids = [
            NetworkOrder(name, bus, "bid", self.value_of_lost_load, float(mw))
            for name, row in zip(self.load_names, self.load_mw, strict=True)
            if name in bidding
            for bus, mw in zip(self.buses, row, strict=True)
            if mw > 0
        ]
        return NetworkMarket(
            self.buses,
            self.lines,
            [*self.orders, *bids],
            demand_mw=self._demand_of([name for name in self.load_names if name not in bidding]),
            value_of_lost_load=self.value_of_lost_load,
            injection_mw=self._injection(),
            links=self.links,
            participants=[*self.participants, *bidding],
        )

    def _like(self, orders: Iterable[NetworkOrder]) -> NetworkMarket:
        return NetworkMarket(
            self.buses,
            self.lines,
            orders,
            demand_mw=self._demand_of(self.load_names),
            value_of_lost_load=self.value_of_lost_load,
            injection_mw=self._injection(),
            links=self.links,
            participants=self.participants,
        )

    def _demand_of(self, names: Iterable[str]) -> dict[Hashable, dict[str, float]]:
        rows = {name: self.load_mw[self.load_names.index(name)] for name in names}
        return {
            bus: {name: float(row[place]) for name, row in rows.items()}
            for place, bus in enumerate(self.buses)
        }

    def _injection(self) -> dict[Hashable, float]:
        return dict(zip(self.buses, self.injection_mw.tolist(), strict=True))

    @cached_property
    def columns(self) -> NetworkColumns:
        """The engine's form of the market."""
        return NetworkColumns(
            len(self.participants),
            self.participant.astype(np.uintp),
            self.bus.astype(np.uintp),
            self.is_bid,
            self.price_per_mwh,
            self.quantity_mw,
            self.must_run,
            self._ends(self.lines),
            np.array(
                [
                    [1 / line.reactance for line in self.lines],
                    [line.least_mw for line in self.lines],
                    [line.most_mw for line in self.lines],
                    [line.shift_mw for line in self.lines],
                ]
            ),
            self._ends(self.links),
            np.array([link[2:] for link in self.links], dtype=np.float64).reshape(-1, 3).T,
            self.demand_mw,
            self.injection_mw,
            self.value_of_lost_load,
        )

    def _ends(self, elements: tuple[Line, ...] | tuple[Link, ...]) -> NDArray[np.uintp]:
        ends = [[self.buses.index(element[end]) for element in elements] for end in (0, 1)]
        return np.array(ends, dtype=np.uintp).reshape(2, -1)

    def __repr__(self) -> str:
        return (
            f"NetworkMarket({len(self.participants)} participants, {len(self.orders)} orders, "
            f"{len(self.buses)} buses, {len(self.lines)} lines)"
        )
