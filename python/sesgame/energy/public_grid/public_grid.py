"""A community on the public grid: points keep their contracts, and share at a local fee."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sesgame._engine import SharingGame, sharing_game
from sesgame.energy.battery import Battery
from sesgame.energy.contract import Contract
from sesgame.energy.cost_terms import NOTHING_BOUGHT, period_of
from sesgame.energy.meter_clock import MeterClock
from sesgame.energy.public_grid.counted_in_part import counted_in_part
from sesgame.energy.public_grid.metering_point import MeteringPoint, OwnPoints
from sesgame.energy.public_grid.point_checks import check_points, check_storage, refuse_unused
from sesgame.energy.public_grid.point_energy import PointEnergy
from sesgame.energy.public_grid.point_files import read_point_files
from sesgame.energy.public_grid.shared_storage import SharedStorage, pool_of
from sesgame.energy.public_grid.sharing_fees import fee_reductions, reduced_fees, sharing_fees
from sesgame.energy.public_grid.sharing_prices import SharingPrices, clearing_prices
from sesgame.energy.time_steps import Moment, Stamp, TimeSteps
from sesgame.errors import GameError
from sesgame.formatting import count, short_coalition
from sesgame.game.by_value import ByValue
from sesgame.game.cost_basis import CostTerms
from sesgame.game.door import checked_fields
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.game.native_source import native_from
from sesgame.game.players import Players
from sesgame.game.world import ScenarioEnergy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.bill import Bill
    from sesgame.energy.dispatch.dual_prices import DualPrices

    Array = NDArray[np.float64]

__all__ = ["PublicGrid"]

_OWN_POINTS = {
    "always": "own points share as others do, even of a member alone",
    "with_others": "own points share as others do, but not of a member alone",
    "never": "own points do not share with one another",
}


@checked_fields
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
        What a shared kWh costs still: grid fees and taxes. By zone it goes from that of the point
        that feeds in to that of the point that draws, for each two zones that have points.
    reduction : float or mapping of (str, str) to float, default 0
        By which part the fee is reduced, in [0, 1]; by zone as the fee. Of the community,
        `fee_per_kwh` is what that leaves.
    own_points : {"always", "with_others", "never"}, default "always"
        Whether the points of one member share with one another: as with others, even of a member
        alone; as with others, but only where there are some; or not at all.
    batteries : iterable of Battery, optional
        Storage that is dispatched, with foresight, as one more point: a coalition has the pool of
        its members' batteries. They have to be alike, as the parts of one that several members own.
    storage_contract : str, optional
        The contract under which the pool buys and sells outside; it costs no less than others pay,
        and earns no more, so that the pool does not trade between contracts.
    members : iterable of hashable, optional
        All members, also those without points; by default the owners of points.
    name : str, default "public grid"
        For reports.
    assumed : iterable of str, optional
        What whoever read the data assumed, for headings and results.

    Raises
    ------
    GameError
        A point belongs to nobody or names no contract, nobody has a contract, zones lack a fee or
        have no point, a reduction is not in [0, 1], currencies differ, or numbers do not fit. A
        contract has a capped credit, net metering, blocks or a minimum bill: then the steps of a
        month hang together, and no step can be cleared by itself.

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
        reduction: float | Mapping[tuple[str, str], float] = 0.0,
        own_points: OwnPoints = "always",
        batteries: Iterable[Battery] = (),
        storage_contract: str | None = None,
        members: Iterable[Hashable] | None = None,
        name: str = "public grid",
        assumed: Iterable[str] = (),
    ) -> None:
        self.points = tuple(points)
        self.steps = steps if isinstance(steps, TimeSteps) else TimeSteps.from_times(steps)
        self.contracts = tuple(contracts)
        self.batteries = tuple(batteries)
        self.storage_contract = storage_contract
        kinds = (MeteringPoint, self.points), (Contract, self.contracts), (Battery, self.batteries)
        for kind, parts in kinds:
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
        self.assumed = tuple(assumed)
        check_points(self.points, self.contracts, self.members, self.steps.n_steps)
        check_storage(self.batteries, storage_contract, self.contracts, own_points)
        refuse_unused(self.contracts, {*(p.contract for p in self.points), storage_contract})
        currencies = sorted({contract.currency for contract in self.contracts})
        if len(currencies) != 1:
            raise GameError(f"contracts are in {' and '.join(currencies)}; one currency is needed")
        self.currency = currencies[0]
        self.zones = tuple(dict.fromkeys(point.zone for point in self.points))
        self.reduction = fee_reductions(reduction, self.zones)
        fees = sharing_fees(fee_per_kwh, self.zones, self.steps.n_steps)
        self.fee_per_kwh = reduced_fees(fees, self.reduction)
        if self.batteries:
            self._storage()

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
            ``sharing.csv``; ``docs/file-formats.md`` describes them. What has to be assumed to read
            other forms than plain CSV is in `assumed` and in results.
        meters_zone, tariff_zone, stamp
            As in :meth:`Community.from_csv`.

        Raises
        ------
        FaultyFilesError
            Files are missing or wrong: all faults, with file, line and column.
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

    def cost_terms(self, model: None = None) -> CostTerms:
        """Return of what period the costs are, and what a member does alone; nothing is bought."""
        return CostTerms(
            period_of(self.steps),
            f"each member for itself, under the contracts of its points; "
            f"{_OWN_POINTS[self.own_points]}",
            NOTHING_BOUGHT,
        )

    @property
    def risk_in_words(self) -> str:
        """Nothing: there are no scenarios."""
        return ""

    def description(self, model: None = None) -> str:
        """Return in words the period, the members, and how they share; two lines.

        Lines between them say what was assumed to read files, where that was needed.
        """
        storage = ""
        if self.batteries:
            n_batteries = count(len(self.batteries), "battery")
            storage = f" and a pool of {n_batteries} dispatched with foresight"
        outside = f"; outside the game: {', '.join(self.outside_game)}" if self.outside_game else ""
        in_part = "".join(f", {words}" for words in self.in_part)
        return (
            f"{self.steps.time(0)} to {self.steps.time(self.steps.n_steps)}\n"
            + "".join(f"read {words}\n" for words in self.assumed)
            + f"{count(len(self.members), 'member')} with "
            f"{count(len(self.points), 'metering point')}{storage}, "
            f"{self.steps.in_words}, {_OWN_POINTS[self.own_points]}{in_part}{outside}"
        )

    @property
    def in_part(self) -> tuple[str, ...]:
        """What of registers and fees counts in part only, in words."""
        return tuple(counted_in_part(self.points, self.reduction))

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
            **({"in_part": list(self.in_part)} if self.in_part else {}),
            **({"assumed": list(self.assumed)} if self.assumed else {}),
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
        if part.batteries:
            storage = part._storage()
            game, rounding = storage.game(), storage.rounding
            return Game.from_native(game, part.members, kind="cost", rounding=rounding)
        return Game.from_native(part._native(), part.members, kind="cost")

    def _storage(self) -> SharedStorage:
        """Return what coalitions pay who share with storage.

        Raises
        ------
        GameError
            Batteries are unlike, fees depend on zone or time or are negative, prices are negative,
            or the pool could trade between contracts.
        """
        fee = float(self.fee_per_kwh[0, 0, 0])
        if fee < 0 or (self.fee_per_kwh != fee).any():
            raise GameError(
                "with batteries sharing has one fee, at least 0, between all zones and in all steps"
            )
        by_name = {contract.name: contract for contract in self.contracts}
        contract = by_name[self.storage_contract or ""]
        try:
            return SharedStorage(
                self._energy(),
                pool_of(self.batteries, self.members, self.steps),
                contract.prices(self.steps),
                fee,
                self._constants(),
            )
        except GameError as error:
            raise GameError(f"storage under the contract {contract.name!r}: {error}") from error

    def dual_prices(self, *, progress: bool = True) -> tuple[Array, SharingPrices | DualPrices]:
        """Return the bills at prices at which all share, and these prices.

        Each member pays the local price or the contract's, whichever is less, for what it draws,
        and gets the local price or the contract's, whichever is more, for what it feeds in. With
        batteries the prices are those of their dispatch.

        Parameters
        ----------
        progress : bool, default True
            Whether to draw a bar, on a terminal.

        Raises
        ------
        GameError
            Own points do not share, never or because there is but one member: then one price for
            all does not clear.
        """
        if self.batteries:
            found = self._storage().prices(self.outside_game, progress=progress)
            return found.bills, found
        if self.own_points == "never":
            raise GameError(
                'where own points never share (own_points="never"), one price for all does not '
                'clear: a rule of the game, such as "shapley", splits it'
            )
        if self.own_points == "with_others" and len(self.members) == 1:
            raise GameError(
                f"{self.members[0]!r} is alone, and own points share only with others "
                f'(own_points="with_others"): no price clears between them, and the bills are '
                f"those of the contracts"
            )
        return clearing_prices(
            self._native(),
            self._energy(),
            self.zones,
            self._constants(),
            self.outside_game,
            together=self._has_one_fee,
        )

    def _constants(self) -> Array:
        """Return what sharing does not change, by member.

        That is what is in the game beside energy, and the energy of what does not take part.
        """
        by_name = {contract.name: contract for contract in self.contracts}
        place = {member: row for row, member in enumerate(self.members)}
        amounts = np.zeros(len(self.members))
        prices: dict[str, tuple[Array, Array]] = {}
        for point in self.points:
            contract, member = by_name[point.contract], place[point.member]
            if point.participation < 1:
                if contract.name not in prices:
                    prices[contract.name] = contract.prices(self.steps)
                buy, sell = prices[contract.name]
                bought = np.einsum("t,t->", buy, point.import_kwh)
                sold = np.einsum("t,t->", sell, point.export_kwh)
                amounts[member] += (1 - point.participation) * (bought - sold)
            if contract.demand_charges or any(fee.in_game for fee in contract.fees):
                bill = contract.bill(self.steps, point.import_kwh, point.export_kwh)
                energy = bill.total_of("energy", "feed-in")
                amounts[member] += bill.cost - energy
        return amounts

    def _energy(self) -> PointEnergy:
        """Return what points take part with, and what their contracts charge and pay."""
        place = {member: row for row, member in enumerate(self.members)}
        group, (buy, sell) = self._group(), self._prices()
        return PointEnergy(
            import_kwh=np.array([point.shared_import_kwh for point in self.points]),
            export_kwh=np.array([point.shared_export_kwh for point in self.points]),
            buy_per_kwh=buy[group],
            sell_per_kwh=sell[group],
            member=np.array([place[point.member] for point in self.points], dtype=np.int64),
            zone=np.array([self.zones.index(point.zone) for point in self.points]),
        )

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

    def _native(self) -> SharingGame:
        energy, (buy, sell) = self._energy(), self._prices()
        zone = np.array([self.zones.index(zone) for _, zone in self._groups()], dtype=np.int64)
        fee = self.fee_per_kwh
        if self._has_one_fee:
            zone, fee = np.zeros_like(zone), fee[:1, :1]
        for readings in (energy.import_kwh, energy.export_kwh):
            readings.setflags(write=False)
        alone = self._constants()
        np.add.at(alone, energy.member, energy.costs_alone)
        return native_from(
            sharing_game,
            energy.import_kwh,
            energy.export_kwh,
            energy.member,
            self._group(),
            zone,
            buy,
            sell,
            np.ascontiguousarray(fee),
            alone,
            self.own_points,
        )

    def __repr__(self) -> str:
        return (
            f"PublicGrid({self.name!r}, {count(len(self.members), 'member')}, "
            f"{count(len(self.points), 'metering point')}, "
            f"{count(self.steps.n_steps, 'step')} from {self.steps.time(0)})"
        )
