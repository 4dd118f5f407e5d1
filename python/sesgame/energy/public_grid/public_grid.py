"""A community on the public grid: points keep their contracts, and share at a local fee."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sesgame._engine import SharingGame, sharing_game
from sesgame.energy.contract import Contract
from sesgame.energy.meter_clock import MeterClock
from sesgame.energy.public_grid.metering_point import MeteringPoint, OwnPoints
from sesgame.energy.public_grid.point_files import read_point_files
from sesgame.energy.public_grid.sharing_fees import sharing_fees
from sesgame.energy.public_grid.sharing_prices import SharingPrices
from sesgame.energy.public_grid.tied_steps import refuse_tied_steps
from sesgame.energy.time_steps import Moment, Stamp, TimeSteps
from sesgame.errors import GameError
from sesgame.formatting import count, short_coalition
from sesgame.game.by_value import ByValue
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.game.native_source import native_from
from sesgame.game.players import Players
from sesgame.game.world import ScenarioEnergy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.bill import Bill

    Array = NDArray[np.float64]

__all__ = ["PublicGrid"]

_OWN_POINTS = {
    "always": "own points share as others do, even of a member alone",
    "with_others": "own points share as others do, but not of a member alone",
    "never": "own points do not share with one another",
}


class PublicGrid(ByValue):
    r"""Members whose metering points share over the public grid and keep their contracts.

    What one point feeds in while another draws is shared at a local fee instead of being sold and
    bought. In each step a coalition shares what is worth it:

    .. math:: c(S) = a(S) - \sum_t \max_{x_t} \sum_{p, q \in S}
              (b_{pt} - s_{qt} - f_{pqt}) x_{pqt}

    with what the contracts of its points bill, a(S), over all :math:`x_{pqt} \ge 0` that take no
    more than p draws and q feeds in, at the contracts' prices b and s and the fee f.

    Parameters
    ----------
    points : iterable of MeteringPoint
        With T readings each.
    steps : TimeSteps or array_like of datetime64, shape (T,)
        The steps of the meters, or when each of them starts.
    contracts : iterable of Contract
        Those that points name. Demand charges are on a point's own peak, which sharing does not
        change: with fees in the game they are constants of the member, :math:`a` has them. Taxes
        and other fees are outside the game (:attr:`outside_game`, :meth:`bills_alone`).
    fee_per_kwh : float, array_like of shape (T,), or mapping of (str, str) to either, default 0
        What a shared kWh costs still: reduced grid fees and taxes. By zone it goes from that of the
        point that feeds in to that of the point that draws, for each two zones that have points.
    own_points : {"always", "with_others", "never"}, default "always"
        Whether the points of one member share with one another: as with others, even of a member
        alone; as with others, but only where there are some; or not at all.
    members : iterable of hashable, optional
        All members, also those without points; by default the owners of points.
    name : str, default "public grid"
        For reports.

    Raises
    ------
    GameError
        A point belongs to nobody or names no contract, nobody has a contract, zones lack a fee or
        have no point, currencies differ, or numbers do not fit. A contract has a capped credit, net
        metering, blocks or a minimum bill: then the steps of a month hang together, and no step can
        be cleared by itself.

    Notes
    -----
    The game is totally balanced, whatever the contracts and fees. Its Shapley value is exact for
    any number of members where there is one fee and own points share. A value costs O(K T) for K
    contracts beside the sums of who joins; at fees by zone a small transport problem in each step.

    Examples
    --------
    A roof, and two neighbours whose suppliers charge 0.32 and 0.25, at a local fee of 0.09:

    >>> import numpy as np
    >>> import sesgame as sg
    >>> flat, point = sg.energy.Tariff.flat, sg.energy.MeteringPoint
    >>> world = sg.energy.PublicGrid(
    ...     points=[
    ...         point(name="p1", member="roof", contract="pv", export_kwh=[3.0]),
    ...         point(name="p2", member="dear", contract="old", import_kwh=[2.0]),
    ...         point(name="p3", member="cheap", contract="new", import_kwh=[2.0]),
    ...     ],
    ...     steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
    ...     contracts=[
    ...         sg.energy.Contract(name="pv", energy=flat(0.30, 0.08)),
    ...         sg.energy.Contract(name="old", energy=flat(0.32, 0.08)),
    ...         sg.energy.Contract(name="new", energy=flat(0.25, 0.08)),
    ...     ],
    ...     fee_per_kwh=0.09,
    ... )
    >>> sg.owen_allocation(world).values.round(2).tolist()
    [-0.48, 0.5, 0.5]
    >>> sg.shapley_value(world.cost_game()).values.round(4).tolist()
    [-0.4433, 0.5167, 0.4467]
    """

    def __init__(
        self,
        *,
        points: Iterable[MeteringPoint],
        steps: TimeSteps | ArrayLike,
        contracts: Iterable[Contract],
        fee_per_kwh: ArrayLike | Mapping[tuple[str, str], ArrayLike] = 0.0,
        own_points: OwnPoints = "always",
        members: Iterable[Hashable] | None = None,
        name: str = "public grid",
    ) -> None:
        self.points = tuple(points)
        self.steps = steps if isinstance(steps, TimeSteps) else TimeSteps.from_times(steps)
        self.contracts = tuple(contracts)
        for kind, parts in ((MeteringPoint, self.points), (Contract, self.contracts)):
            wrong = [part for part in parts if not isinstance(part, kind)]
            if wrong:
                raise GameError(f"{wrong[0]!r} is no {kind.__name__}")
        if not self.points:
            raise GameError("there is no metering point")
        owners = dict.fromkeys(point.member for point in self.points)
        self.members: tuple[Any, ...] = tuple(Players(owners if members is None else members))
        if own_points not in get_args(OwnPoints):
            raise GameError(
                f"own_points is {own_points!r}; it must be always, with_others or never"
            )
        self.own_points = own_points
        self.name = name
        self._check_points()
        currencies = sorted({contract.currency for contract in self.contracts})
        if len(currencies) != 1:
            raise GameError(f"contracts are in {' and '.join(currencies)}; one currency is needed")
        self.currency = currencies[0]
        self.zones = tuple(dict.fromkeys(point.zone for point in self.points))
        self.fee_per_kwh = sharing_fees(fee_per_kwh, self.zones, self.steps.n_steps)

    def _check_points(self) -> None:
        contracts = {contract.name: contract for contract in self.contracts}
        for kind, parts in (("contract", self.contracts), ("point", self.points)):
            for name, times in Counter(part.name for part in parts).most_common(1):
                if times > 1:
                    raise GameError(f"the {kind} {name!r} is there twice")
        members = set(self.members)
        for point in self.points:
            if point.member not in members:
                raise GameError(
                    f"the metering point {point.name!r} is of {point.member!r}, who is not a member"
                )
            if point.contract not in contracts:
                raise GameError(
                    f"the metering point {point.name!r} has the contract {point.contract!r}, "
                    f"which is none of {', '.join(contracts)}"
                )
            refuse_tied_steps(contracts[point.contract], point.name)
            if len(point.import_kwh) != self.steps.n_steps:
                raise GameError(
                    f"the metering point {point.name!r} has {len(point.import_kwh)} readings for "
                    f"{self.steps.n_steps} steps"
                )
        unused = set(contracts) - {point.contract for point in self.points}
        if unused:
            raise GameError(f"no metering point has the contract {min(unused)!r}; leave it out")

    @classmethod
    def from_csv(
        cls,
        folder: str | PathLike[str],
        *,
        meters_zone: str | None = None,
        tariff_zone: str | None = None,
        stamp: Stamp | None = None,
    ) -> PublicGrid:
        """Read a community on the public grid from a folder of CSV files.

        Parameters
        ----------
        folder : path
            With ``points.csv``, ``meters.csv``, ``contracts.csv`` and, where sharing has a fee,
            ``sharing.csv``; ``docs/file-formats.md`` describes them.
        meters_zone, tariff_zone, stamp
            As in :meth:`Community.from_csv`.

        Raises
        ------
        GameError
            A file is missing or wrong; the message names file, line and column.
        """
        said = MeterClock(meters_zone, tariff_zone, stamp)
        return cls(**read_point_files(Path(folder), said))

    @property
    def default_model(self) -> None:
        """There is but one model."""

    def chosen_model(self, model: None = None) -> None:
        """Refuse a model: there is but one, without a name.

        Raises
        ------
        GameError
            A model is asked for.
        """
        if model is not None:
            raise GameError(f"model is {model!r}; sharing has no models to choose from")

    def period(self, start: Moment | None = None, end: Moment | None = None) -> PublicGrid:
        """Return the world in the steps that start in ``[start, end)``.

        Raises
        ------
        GameError
            The period is empty or reaches beyond the data.
        """
        if start is None and end is None:
            return self
        period, part = self.steps.period(start, end), copy(self)
        part.steps = self.steps.part(period)
        part.points = tuple(
            replace(
                point,
                import_kwh=point.import_kwh[period],
                export_kwh=point.export_kwh[period],
            )
            for point in self.points
        )
        part.fee_per_kwh = self.fee_per_kwh[:, :, period]
        return part

    def max_listed_players(self, model: None = None) -> int:
        """Return for how many members every coalition may be evaluated."""
        return MAX_TABLE_PLAYERS

    def local_search(self, model: None = None) -> int:
        """Return that there is no search."""
        return 0

    def separation_oracle(self, *, model: None = None) -> None:
        """Return that there is none: what a coalition saves has a closed form, the search not."""

    @property
    def period_in_words(self) -> str:
        """The period as people write it."""
        return self.steps.in_calendar

    def scenario_energy(self) -> list[ScenarioEnergy]:
        """Return no scenarios: there is but one course, that of the meters."""
        return []

    def description(self, model: None = None) -> str:
        """Return in words the period, the members, and how they share; two lines."""
        outside = f"; outside the game: {', '.join(self.outside_game)}" if self.outside_game else ""
        return (
            f"{self.steps.time(0)} to {self.steps.time(self.steps.n_steps)}\n"
            f"{count(len(self.members), 'member')} with {count(len(self.points), 'metering point')}"
            f", {self.steps.in_words}, {_OWN_POINTS[self.own_points]}{outside}"
        )

    @property
    def outside_game(self) -> tuple[str, ...]:
        """The labels of what contracts bill and the game leaves out: taxes, and most fixed fees."""
        labels: list[str] = []
        for contract in self.contracts:
            labels += [fee.label for fee in contract.fees if not fee.in_game]
            labels += [tax.label for tax in contract.taxes]
        return tuple(dict.fromkeys(labels))

    def bills_alone(self, member: Hashable) -> tuple[Bill, ...]:
        """Return what the contracts of a member's points bill, as if nobody shared.

        Parameters
        ----------
        member : hashable
            One of the members.

        Returns
        -------
        tuple of Bill
            One for each point. Their `cost` together is what the member pays in the game without
            sharing; their `total` has also taxes and fees outside the game. Fees of a member are
            billed once for each contract.

        Raises
        ------
        GameError
            There is no such member, a contract does not hold throughout, or an element does not fit
            the steps.
        """
        if member not in self.members:
            raise GameError(
                f"{member!r} is not a member; the members are {short_coalition(self.members)}"
            )
        by_name = {contract.name: contract for contract in self.contracts}
        bills: dict[str, Bill] = {}
        billed: set[str] = set()
        for point in self.points:
            if point.member == member:
                # The fee of a member is billed once, however many points have the contract.
                bills[point.name] = by_name[point.contract].bill(
                    self.steps,
                    point.import_kwh,
                    point.export_kwh,
                    point=point.name,
                    n_members=int(point.contract not in billed),
                )
                billed.add(point.contract)
        return tuple(bills.values())

    def origin(self, model: None = None) -> dict[str, Any]:
        """Return what a saved result says of where the game comes from."""
        start, end = self.steps.ends_in_iso
        return {
            "start": start,
            "end": end,
            "clock": self.steps.calendar.zone,
            "n_steps": self.steps.n_steps,
            "step_hours": self.steps.step_hours,
            "own_points": self.own_points,
            "outside_game": list(self.outside_game),
        }

    def cost_game(
        self, *, start: Moment | None = None, end: Moment | None = None, model: None = None
    ) -> Game:
        """Return the game in which each coalition shares among its own points.

        Parameters
        ----------
        start, end : str, datetime64 or datetime, optional
            The steps that start in ``[start, end)``; by default all.
        model : None
            There is but one.

        Raises
        ------
        GameError
            The period is empty or reaches beyond the data, a contract does not hold throughout, or
            a model is asked for.
        """
        self.chosen_model(model)
        part = self.period(start, end)
        return Game.from_native(part._native(part._prices()), part.members, kind="cost")

    def sharing_prices(self) -> tuple[Array, SharingPrices]:
        """Return the bills at prices that clear each step, and these prices.

        Each member pays the local price or the contract's, whichever is less, for what it draws,
        and gets the local price or the contract's, whichever is more, for what it feeds in.

        Raises
        ------
        GameError
            Own points never share: then one price for all does not clear.
        """
        if self.own_points == "never":
            raise GameError(
                'where own points never share (own_points="never"), one price for all does not '
                'clear: a rule of the game, such as "shapley", splits it'
            )
        buy, sell = self._prices()
        native = self._native((buy, sell))
        *ends, shared = native.local_prices()
        shape = (len(self.zones), self.steps.n_steps)
        taken_low, taken_high, given_low, given_high = (np.broadcast_to(e, shape) for e in ends)
        taken, given = (taken_low + taken_high) / 2, (given_low + given_high) / 2
        constants = self._constants()
        bills = self._bills(buy, sell, taken, given).sum(axis=1) + constants
        drawn = np.stack([self._bills(buy, sell, end, None) for end in (taken_low, taken_high)])
        fed_in = np.stack([self._bills(buy, sell, None, end) for end in (given_low, given_high)])
        # A step's bill is straight between its two prices, so its ends are at theirs. With zones
        # the two prices need not move together.
        if self._has_one_fee:
            both = drawn + fed_in
            lowest, highest = both.min(axis=0).sum(axis=1), both.max(axis=0).sum(axis=1)
        else:
            lowest = (drawn.min(axis=0) + fed_in.min(axis=0)).sum(axis=1)
            highest = (drawn.max(axis=0) + fed_in.max(axis=0)).sum(axis=1)
        everybody = np.ones((1, len(self.members)), dtype=np.bool_)
        return bills, SharingPrices(
            zones=self.zones,
            taken_per_kwh=taken,
            given_per_kwh=given,
            shared_kwh=shared,
            choice="the middle of the lowest and the highest price that clears",
            cost=float(native.values(everybody)[0]),
            lowest=lowest + constants,
            highest=highest + constants,
            outside_game=self.outside_game,
        )

    def _constants(self) -> Array:
        """Return what is in the game beside energy, by member: sharing does not change it."""
        by_name = {contract.name: contract for contract in self.contracts}
        place = {member: row for row, member in enumerate(self.members)}
        amounts = np.zeros(len(self.members))
        for point in self.points:
            contract = by_name[point.contract]
            if contract.demand_charges or any(fee.in_game for fee in contract.fees):
                bill = contract.bill(self.steps, point.import_kwh, point.export_kwh)
                energy = bill.total_of("energy", "feed-in")
                amounts[place[point.member]] += bill.cost - energy
        return amounts

    def _bills(self, buy: Array, sell: Array, taken: Array | None, given: Array | None) -> Array:
        """Return what members pay in each step for what they draw, and for what they feed in."""
        bills = np.zeros((len(self.members), self.steps.n_steps))
        place = {member: row for row, member in enumerate(self.members)}
        for point, group in zip(self.points, self._group().tolist(), strict=True):
            row, zone = bills[place[point.member]], self.zones.index(point.zone)
            if taken is not None:
                # Where no price is decided, fmin and fmax take the contract's.
                row += np.fmin(buy[group], taken[zone]) * point.import_kwh
            if given is not None:
                row -= np.fmax(sell[group], given[zone]) * point.export_kwh
        return bills

    def _groups(self) -> list[tuple[str, str]]:
        """Return the contracts and zones that points have together."""
        return list(dict.fromkeys((point.contract, point.zone) for point in self.points))

    def _group(self) -> NDArray[np.int64]:
        numbers = {group: number for number, group in enumerate(self._groups())}
        return np.array(
            [numbers[point.contract, point.zone] for point in self.points], dtype=np.int64
        )

    def _prices(self) -> tuple[Array, Array]:
        """Return what a kWh costs and earns, by group and step."""
        used = {point.contract for point in self.points}
        by_name = {
            contract.name: contract.prices(self.steps)
            for contract in self.contracts
            if contract.name in used
        }
        pairs = [by_name[contract] for contract, _ in self._groups()]
        return np.array([buy for buy, _ in pairs]), np.array([sell for _, sell in pairs])

    @property
    def _has_one_fee(self) -> bool:
        """Whether all zones share at one fee, which has a closed form."""
        return bool((self.fee_per_kwh == self.fee_per_kwh[:1, :1]).all())

    def _native(self, prices: tuple[Array, Array]) -> SharingGame:
        buy, sell = prices
        place = {member: row for row, member in enumerate(self.members)}
        member = np.array([place[point.member] for point in self.points], dtype=np.int64)
        group = self._group()
        zone = np.array([self.zones.index(zone) for _, zone in self._groups()], dtype=np.int64)
        fee = self.fee_per_kwh
        if self._has_one_fee:
            zone, fee = np.zeros_like(zone), fee[:1, :1]
        fee = np.ascontiguousarray(fee)
        drawn = np.array([point.import_kwh for point in self.points])
        fed_in = np.array([point.export_kwh for point in self.points])
        for readings in (drawn, fed_in):
            readings.setflags(write=False)
        alone = self._constants()
        for row, number in enumerate(group.tolist()):
            alone[member[row]] += buy[number] @ drawn[row] - sell[number] @ fed_in[row]
        return native_from(
            sharing_game,
            drawn,
            fed_in,
            member,
            group,
            zone,
            buy,
            sell,
            fee,
            alone,
            self.own_points,
        )

    def __repr__(self) -> str:
        return (
            f"PublicGrid({self.name!r}, {count(len(self.members), 'member')}, "
            f"{count(len(self.points), 'metering point')}, "
            f"{count(self.steps.n_steps, 'step')} from {self.steps.time(0)})"
        )
