"""A community: members with meters and batteries under one tariff, and the games they play."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from sesgame.energy.agents.community_agents import CommunityAgents, agents_of
from sesgame.energy.battery import Battery, Pool, StorageOffer, offers_of, storage_of
from sesgame.energy.bill import Bill
from sesgame.energy.community_checks import (
    Curtailment,
    Days,
    checked_energy,
    checked_membership,
    checked_prices,
    curtailing,
    of_another_type,
)
from sesgame.energy.community_files import read_community_files
from sesgame.energy.contract import Contract
from sesgame.energy.controller import Controller
from sesgame.energy.cost_terms import community_terms
from sesgame.energy.dispatch.approximation import approximations
from sesgame.energy.dispatch.linear_program import LinearDispatch
from sesgame.energy.dispatch.model import chosen, refuse_dispatch_above_buy
from sesgame.energy.dispatch.problem import DispatchProblem, Model
from sesgame.energy.dispatch.separation import DispatchOracle
from sesgame.energy.generation_offer import GenerationOffer, check_generation, generation_of
from sesgame.energy.grid import Grid
from sesgame.energy.meter_clock import MeterClock, refuse_unsaid
from sesgame.energy.meter_frames import energy_of_frames, meter_frame, times_of
from sesgame.energy.schedule import Schedule
from sesgame.energy.tariff import PriceSeries, Tariff
from sesgame.energy.time_steps import Moment, Stamp, TimeSteps
from sesgame.energy.validity import ALWAYS, Validity
from sesgame.errors import GameError
from sesgame.formatting import count, html_table, short_coalition
from sesgame.game.by_value import ByValue
from sesgame.game.cost_basis import CostBasis
from sesgame.game.door import checked_fields
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.game.world import ScenarioEnergy

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.billing import Billing
    from sesgame.game.cost_basis import CostTerms

__all__ = ["Community"]

HUM = 1e-3
"""Of what all generate and a member uses: what its PV may draw without being taken for a load."""


@checked_fields
@dataclass(frozen=True, eq=False, repr=False, init=False)
class Community(ByValue):
    """Members with meters and batteries who share energy and face the grid as one.

    Parameters
    ----------
    members : iterable of hashable
        One label for each of the n members, usually text. A label keeps its type everywhere:
        whoever is 1 here is not ``"1"`` in batteries, limits and coalitions.
    steps : TimeSteps or array_like of datetime64, shape (T,)
        The steps of the meters, or when each of them starts.
    load_kwh, pv_kwh : array_like of float, shape (n, T)
        Energy in each step. Load is positive, and so is what PV generates (no PV by default). A
        two-way meter is a load that is negative while it feeds in.
    tariff : Tariff, PriceSeries or Contract
        What energy from outside costs, and what feeding in earns; or all that is billed at the
        common connection.
    batteries : iterable of Battery, optional
        Each owned by a member.
    grid : Grid, optional
        Charges on the highest import, and limits of connections and lines; by default none.
    storage_offers : iterable of StorageOffer, optional
        Storage that any coalition may buy as much of as pays.
    generation_offers : iterable of GenerationOffer, optional
        PV, wind and other generators of which any coalition may buy or rent as much as pays.
    battery_kwh : array_like of float, shape (n, T), optional
        What batteries were metered to do in each step, charging less discharging: positive while
        they charge, at their terminals. Load is then without them.
    controller : Controller, optional
        What ran the batteries, without foresight: :class:`SelfConsumption`, :class:`PeakShaving` or
        :class:`TimeWindows`.
    curtailment : {"none", "allowed"} or iterable of members, default "none"
        Whose PV may be left unused where that pays or keeps a limit.
    exclusive : bool, default False
        Whether no battery may charge and discharge in the same step, which burns energy and can pay
        at prices below 0; equal batteries do the same then. Costs are those of integer programs
        where it matters, which have no dual prices.
    membership : mapping of member to (date, date), optional
        The first day of somebody who joins later, and the first without somebody who leaves; None
        for an end that is open. On other days the readings and batteries of that member are those
        of somebody else, and do not count.
    name : str, default "community"
        For reports.
    assumed : iterable of str, optional
        What whoever read the data assumed, for headings and results.

    Raises
    ------
    GameError
        Shapes do not fit, a number is not finite, PV is negative on the whole by more than a meter
        hums (a thousandth of what all generate and the member uses), a battery's owner
        or somebody whom grid, controller, curtailment or membership names is not a member, there is
        a controller but no battery, two offers have one name, a profile has another number of
        steps, energy sells for more than it costs in some step and there is storage to dispatch or
        generation to buy, or a day on which somebody or something comes or goes begins inside a
        step.

    Notes
    -----
    A community of 39 members over a year of quarter-hours takes 22 MB.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[1.0, 1.0], [2.0, 3.0]],
    ...     pv_kwh=[[4.0, 0.0], [0.0, 0.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.08),
    ... )
    >>> game = community.cost_game()
    >>> round(game.value(["ann", "bob"]), 2), round(game.value(["bob"]), 2)
    (1.12, 1.5)
    """

    members: tuple[str, ...]
    steps: TimeSteps
    load_kwh: NDArray[np.float64]
    pv_kwh: NDArray[np.float64]
    tariff: Tariff | PriceSeries | Contract
    batteries: tuple[Battery, ...]
    grid: Grid
    storage_offers: tuple[StorageOffer, ...]
    generation_offers: tuple[GenerationOffer, ...]
    battery_kwh: NDArray[np.float64] | None
    controller: Controller | None
    curtailment: tuple[str, ...]
    exclusive: bool
    membership: dict[str, Validity]
    name: str
    assumed: tuple[str, ...]
    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]

    def __init__(
        self,
        *,
        members: Iterable[Hashable],
        steps: TimeSteps | ArrayLike,
        load_kwh: ArrayLike,
        pv_kwh: ArrayLike | None = None,
        tariff: Tariff | PriceSeries | Contract,
        batteries: Iterable[Battery] = (),
        grid: Grid | None = None,
        storage_offers: Iterable[StorageOffer] = (),
        generation_offers: Iterable[GenerationOffer] = (),
        battery_kwh: ArrayLike | None = None,
        controller: Controller | None = None,
        curtailment: Curtailment = "none",
        exclusive: bool = False,
        membership: Mapping[str, Days] | None = None,
        name: str = "community",
        assumed: Iterable[str] = (),
    ) -> None:
        labels = cast("tuple[str, ...]", tuple(Players(members)))
        if not isinstance(steps, TimeSteps):
            steps = TimeSteps.from_times(steps)
        if pv_kwh is None:
            pv_kwh = np.zeros((len(labels), steps.n_steps))
        buy_per_kwh, sell_per_kwh = checked_prices(tariff, steps)
        belonging = checked_membership({} if membership is None else membership, labels)
        there = {labels.index(member): days.holds(steps) for member, days in belonging.items()}
        fields = {
            "members": labels,
            "steps": steps,
            "load_kwh": checked_energy("load_kwh", load_kwh, labels, steps, there),
            "pv_kwh": checked_energy("pv_kwh", pv_kwh, labels, steps, there),
            "tariff": tariff,
            "batteries": tuple(batteries),
            "grid": grid or Grid(),
            "storage_offers": tuple(storage_offers),
            "generation_offers": tuple(generation_offers),
            "battery_kwh": None
            if battery_kwh is None
            else checked_energy("battery_kwh", battery_kwh, labels, steps, there),
            "controller": controller,
            "curtailment": curtailing(curtailment, labels),
            "exclusive": exclusive,
            "membership": belonging,
            "name": name,
            "assumed": tuple(assumed),
            "buy_per_kwh": buy_per_kwh,
            "sell_per_kwh": sell_per_kwh,
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        self._refuse_wrong_sign()
        for battery in self.batteries:
            if battery.owner not in labels:
                raise GameError(
                    f"a battery is owned by {battery.owner!r}, who is not a member"
                    f"{of_another_type(battery.owner, labels)}; "
                    f"an operator has to be listed as a member, without meters"
                )
        self.grid.check_members(labels)
        names = [offer.name for offer in self.storage_offers]
        check_generation(self.generation_offers, steps, names)
        if self._stores_by_choice and (buy_per_kwh < sell_per_kwh).any():
            refuse_dispatch_above_buy(self.problem)
        if not isinstance(exclusive, bool):
            raise GameError(f"exclusive must be True or False, got {exclusive!r}")
        if controller is not None:
            if not callable(getattr(controller, "control", None)):
                raise GameError(
                    f"controller must be one such as SelfConsumption(), got {controller!r}"
                )
            if not self.batteries:
                raise GameError("a controller runs batteries, but there are none")
            # What does not fit the members is told at once, and what does not fit the steps.
            shifts = controller.control(steps, labels).shift_kwh
            for member in belonging:
                if shifts[labels.index(member)]:
                    raise GameError(
                        f"{member!r} has a threshold of its own, but is a member only "
                        f"{belonging[member].in_words}: give one threshold for all"
                    )
        # So is a battery that comes or goes inside a step, or was read where it is not.
        self._refuse_readings_of_nothing()

    @property
    def _stores_by_choice(self) -> bool:
        """Whether there is storage of which only a dispatch says what it does."""
        is_known = self.controller is not None or self.battery_kwh is not None
        return bool(self.storage_offers or self.generation_offers) or (
            not is_known and any(battery.can_store for battery in self.batteries)
        )

    def _refuse_wrong_sign(self) -> None:
        # Row by row: a large community is not held twice.
        generated = sum(float(row[row > 0].sum()) for row in self.pv_kwh)
        used = [float(row[row > 0].sum()) for row in self.load_kwh]
        for member, total, load in zip(self.members, self.pv_kwh.sum(axis=1), used, strict=True):
            # A meter hums around zero where nothing is generated, as under snow.
            if total < -HUM * (generated + load):
                raise GameError(
                    f"the PV of {member!r} adds up to {total:g} kWh; what PV generates is "
                    f"positive: change the sign of the readings, or of scale in members.csv"
                )

    def _refuse_readings_of_nothing(self) -> None:
        """Refuse readings of the batteries of a member in steps in which none is there."""
        storage = storage_of(self.batteries, self.members, self.steps, self.membership)
        if self.battery_kwh is None:
            return
        for owner in np.unique(storage.owner).tolist():
            there = np.zeros(self.steps.n_steps, dtype=np.bool_)
            for battery in np.flatnonzero(storage.owner == owner):
                there[storage.first_step[battery] : storage.end_step[battery]] = True
            odd = (self.battery_kwh[owner] != 0) & ~there
            if odd.any():
                step = int(np.argmax(odd))
                raise GameError(
                    f"battery_kwh of {self.members[owner]!r} is {self.battery_kwh[owner, step]:g} "
                    f"at {self.steps.time(step)}, when none of its batteries is there: change "
                    f"valid_from or valid_until, or the readings"
                )

    @classmethod
    def from_csv(
        cls,
        folder: str | PathLike[str],
        *,
        meters_zone: str | None = None,
        tariff_zone: str | None = None,
        stamp: Stamp | None = None,
    ) -> Community:
        """Read a community from a folder of CSV files.

        Parameters
        ----------
        folder : path
            With ``members.csv``, ``meters.csv``, ``tariff.csv`` and, if there are batteries,
            ``batteries.csv``; each may be compressed (``.csv.gz``), or a workbook (extra
            ``excel``). ``docs/file-formats.md`` describes them. What has to be assumed to read
            other forms, such as semicolons and decimal commas, is in `assumed` and in results.
        meters_zone, tariff_zone : str, optional
            Where the clocks of the meters and of the tariff are, as in :meth:`from_frames`; what
            ``clock.csv`` says by default.
        stamp : {"start", "end"}, optional
            Which end of a step its stamp marks; what ``clock.csv`` says by default, else
            ``"start"``.

        Raises
        ------
        FaultyFilesError
            Files are missing or wrong: all faults, with file, line and column. What is given here
            is not what ``clock.csv`` says.
        """
        said = MeterClock(meters_zone, tariff_zone, stamp)
        return cls(**read_community_files(Path(folder), said))

    @classmethod
    def from_frames(
        cls,
        load: pd.DataFrame,
        pv: pd.DataFrame | None = None,
        *,
        unit: Literal["kW", "kWh"],
        tariff: Tariff | PriceSeries | Contract,
        batteries: Iterable[Battery] = (),
        grid: Grid | None = None,
        storage_offers: Iterable[StorageOffer] = (),
        generation_offers: Iterable[GenerationOffer] = (),
        battery: pd.DataFrame | None = None,
        controller: Controller | None = None,
        curtailment: Curtailment = "none",
        exclusive: bool = False,
        membership: Mapping[str, Days] | None = None,
        members: Iterable[str] | None = None,
        name: str = "community",
        meters_zone: str | None = None,
        tariff_zone: str | None = None,
        holidays: Iterable[date | str] | None = None,
        stamp: Stamp = "start",
    ) -> Community:
        """Return a community whose meters are pandas frames.

        Parameters
        ----------
        load, pv : DataFrame
            One column of numbers for each member, the stamp of each step as index; where the index
            is row numbers, as in a frame of polars, the one column of times is taken. The frame of
            PV needs only the columns of members who have some. The labels of columns are those of
            the members, of the same type. A Series is the meter of the member whose name it has; an
            array of xarray has a dimension of times.
        unit : {"kW", "kWh"}
            Whether the frames hold the mean power, or the energy, of each step.
        tariff, batteries, grid, storage_offers, generation_offers, controller, curtailment, \
exclusive, membership, name
            As in :class:`Community`.
        battery : DataFrame, optional
            What batteries were metered to do, charging less discharging, as a frame like `pv`.
        members : iterable of hashable, optional
            All members, also those without load or without any meter; by default the columns
            of `load`.
        meters_zone : str, optional
            Where the clock of the index is, such as ``"Europe/Madrid"`` or ``"UTC"``; an hour that
            is repeated is told apart by its order. By default the zone that the index has, or a
            clock that never changes.
        tariff_zone : str, optional
            Where the clock is by which bands, months and periods are meant; by default that of the
            meters, unless it is UTC or an offset, of which no tariff with bands is.
        holidays : iterable of date, optional
            The days on which the prices of holidays hold.
        stamp : {"start", "end"}, default "start"
            Which end of a step its stamp marks.

        Raises
        ------
        GameError
            As in :class:`Community` and :meth:`TimeSteps.from_times`, or the tariff depends on the
            clock, and nobody said on which. The frames have different times, a column is not
            numbers, columns have several levels, or one is of nobody: of `pv` without `members`,
            one that `load` does not have.

        Examples
        --------
        >>> import pandas as pd
        >>> import sesgame as sg
        >>> hours = pd.date_range("2016-06-01", periods=24, freq="h")
        >>> load = pd.DataFrame({"ann": 1.0, "bob": 2.0}, index=hours)
        >>> sg.energy.Community.from_frames(load, unit="kW", tariff=sg.energy.Tariff.flat(0.3, 0.1))
        Community('community', 2 members, 24 steps of 1 h from 2016-06-01T00:00, 0 batteries)
        """
        batteries = tuple(batteries)
        if unit not in ("kW", "kWh"):
            raise GameError(f'unit must be "kW" or "kWh", got {unit!r}')
        others = {"pv": pv, "battery": battery}
        given = {"load": load} | {k: frame for k, frame in others.items() if frame is not None}
        frames = [meter_frame(frame, role) for role, frame in given.items()]
        times, zone = times_of(frames[0].index)
        if zone is not None and meters_zone not in (None, zone):
            raise GameError(f"meters_zone is {meters_zone!r}, but the index of load is in {zone!r}")
        grid = grid or Grid()
        steps = TimeSteps.from_times(
            times,
            zone=meters_zone if zone is None else "UTC",
            tariff_zone=tariff_zone or zone,
            holidays=holidays,
            stamp=stamp,
        )
        follow = any(each.follows_clock for each in (tariff, grid, controller) if each is not None)
        dated = bool(membership) or any(battery.validity != ALWAYS for battery in batteries)
        refuse_unsaid(steps, tariff_zone, follow or dated)
        all_members = None if members is None else list(Players(members))
        labels, readings = energy_of_frames(frames, list(given), all_members)
        energy = dict(
            zip(given, readings * (steps.step_hours if unit == "kW" else 1.0), strict=True)
        )
        return cls(
            members=cast("list[str]", labels),
            steps=steps,
            load_kwh=energy["load"],
            pv_kwh=energy.get("pv"),
            battery_kwh=energy.get("battery"),
            controller=controller,
            curtailment=curtailment,
            exclusive=exclusive,
            membership=membership,
            tariff=tariff,
            batteries=batteries,
            grid=grid,
            storage_offers=storage_offers,
            generation_offers=generation_offers,
            name=name,
        )

    @property
    def currency(self) -> str:
        """The unit of all money."""
        return self.tariff.currency

    @property
    def default_model(self) -> Model:
        """The model of a game or dispatch for which none is asked: the fastest that has it all."""
        return self.chosen_model(None)

    def chosen_model(self, model: Model | None) -> Model:
        """Return the model that is asked for, or the default.

        Raises
        ------
        GameError
            There is no such model, or it does not support everything that this community has.
        """
        return chosen(self.problem, model).name

    @property
    def contract(self) -> Contract:
        """What the community is billed by: its contract, or its tariff, with the grid's charges.

        A tariff bills the period as a whole.
        """
        own = self.tariff
        if not isinstance(own, Contract):
            own = Contract(name=self.name, energy=own, billed_per="period")
        charges = self.grid.charges
        return replace(own, demand_charges=(*own.demand_charges, *charges)) if charges else own

    def bill(
        self,
        members: Iterable[str] | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        model: Model | None = None,
    ) -> Bill:
        """Return what a coalition is billed at its common connection, line by line.

        Parameters
        ----------
        members, start, end, model
            As in :meth:`dispatch`, whose exchange with the grid is billed.

        Returns
        -------
        Bill
            Its `cost` is that of the game, without what batteries wear; its `total` has also taxes
            and fees outside the game.

        Raises
        ------
        CoalitionError
            A member is unknown or named twice.
        GameError
            As in :meth:`cost_game`.

        Examples
        --------
        >>> import sesgame as sg
        >>> community = sg.energy.Community(
        ...     members=["ann", "bob"],
        ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        ...     load_kwh=[[1.0, 1.0], [2.0, 3.0]],
        ...     tariff=sg.energy.Tariff.flat(0.30, 0.08),
        ...     grid=sg.energy.Grid(demand_charge_per_kw=0.5),
        ... )
        >>> print(community.bill())
        period                                  label          quantity  unit  price  amount
        1 June 2016 12:00 to 1 June 2016 14:00  energy                7  kWh     0.3    2.10
        1 June 2016 12:00 to 1 June 2016 14:00  demand charge         4  kW      0.5    2.00
                                                total                            EUR    4.10
        """
        part = self.period(start, end)
        named = self.members if members is None else tuple(members)
        found = part.dispatch(named, model=model)
        return part.contract.bill(
            part.steps,
            found.grid_import_kwh,
            found.grid_export_kwh,
            point=self.name if members is None else short_coalition(named),
            n_members=len(named),
        )

    def _billing(self, contract: Contract) -> Billing | None:
        """Return what a contract bills beyond prices and peaks of steps, if there is any."""
        is_plain = not contract.beyond_a_step(self.steps)
        return None if is_plain else contract.billing(self.steps)

    @property
    def problem(self) -> DispatchProblem:
        """What a dispatch model is told of the community: plain arrays."""
        contract = self.contract
        billing = self._billing(contract)
        charges = Grid(demand_charges=contract.demand_charges)
        return DispatchProblem(
            members=self.members,
            steps=self.steps,
            load_kwh=self.load_kwh,
            pv_kwh=self.pv_kwh,
            buy_per_kwh=self.buy_per_kwh,
            sell_per_kwh=self.sell_per_kwh,
            storage=storage_of(self.batteries, self.members, self.steps, self.membership),
            offers=offers_of(self.storage_offers),
            generation=generation_of(self.generation_offers),
            peak_charges=() if billing else charges.peak_charges(self.steps),
            import_limit_kw=self.grid.import_limit_kw,
            export_limit_kw=self.grid.export_limit_kw,
            flow_limits=self.grid.flow_limits(self.members),
            currency=self.currency,
            billing=billing,
            may_curtail=np.array([member in self.curtailment for member in self.members]),
            metered_kwh=self.battery_kwh,
            control=None
            if self.controller is None
            else self.controller.control(self.steps, self.members),
            exclusive=self.exclusive,
        )

    @property
    def has_storage(self) -> bool:
        """Whether there are batteries, or readings of some."""
        return bool(self.batteries) or self.battery_kwh is not None

    @property
    def net_load_kwh(self) -> NDArray[np.float64]:
        """Load minus PV, shape (n, T): positive where a member needs energy."""
        return self.load_kwh - self.pv_kwh

    def by_member(self, quantity: str) -> dict[str, float]:
        """Return a quantity of each member, for shares in proportion to it.

        Parameters
        ----------
        quantity : {"load", "pv", "peak", "storage"}
            Load or PV in kWh over all steps, the highest net load of any step in kW (0 for who
            never draws any), or the capacity of the batteries that the member owns, in kWh.

        Raises
        ------
        GameError
            There is no such quantity.
        """
        if quantity in ("load", "pv"):
            values = (self.load_kwh if quantity == "load" else self.pv_kwh).sum(axis=1)
        elif quantity == "peak":
            values = np.maximum(self.net_load_kwh.max(axis=1), 0.0) / self.steps.step_hours
        elif quantity == "storage":
            values = np.zeros(len(self.members))
            for battery in self.batteries:
                values[self.members.index(battery.owner)] += battery.energy_kwh
        else:
            raise GameError(f"a member has load, pv, peak and storage, but no {quantity!r}")
        return dict(zip(self.members, values.tolist(), strict=True))

    def period(self, start: Moment | None = None, end: Moment | None = None) -> Community:
        """Return the community in the steps that start in ``[start, end)``.

        Raises
        ------
        GameError
            The period is empty or reaches beyond the data.
        """
        return self._part(self.steps.period(start, end))

    def _part(self, period: slice) -> Community:
        part = copy(self)
        object.__setattr__(part, "steps", self.steps.part(period))
        for name in ("load_kwh", "pv_kwh", "battery_kwh", "buy_per_kwh", "sell_per_kwh"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(part, name, values[..., period])
        generation = tuple(offer.part(period) for offer in self.generation_offers)
        object.__setattr__(part, "generation_offers", generation)
        return part

    def months(self) -> tuple[Community, ...]:
        """Return the community month by month, as calendars have them.

        Where the data begin or end inside a month, it is as much of it as there is. Each month is
        dispatched by itself: batteries begin it with their initial charge.

        Raises
        ------
        GameError
            A step is in two months.

        Examples
        --------
        >>> import sesgame as sg
        >>> year = sg.energy.Community.from_csv("examples/rural13")
        >>> [month.steps.n_steps for month in year.months()[:3]]
        [2976, 2784, 2976]
        """
        months = self.steps.months
        turns = np.flatnonzero(months[1:] != months[:-1]) + 1
        edges = [0, *turns.tolist(), self.steps.n_steps]
        return tuple(self._part(slice(low, high)) for low, high in pairwise(edges))

    def cost_game(
        self,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        model: Model | None = None,
    ) -> Game:
        """Return the game in which each coalition bears the cost of its own optimal dispatch.

        ``c(S) = min sum_t buy_t * g_t^+ - sell_t * g_t^-``, where ``g_t`` is what S draws from the
        grid in step t: the net load of its members plus what charges, minus what discharges, the
        pool of their batteries.

        Parameters
        ----------
        start, end : str, datetime64 or datetime, optional
            The steps that start in ``[start, end)``; by default all.
        model : {"battery", "netting", "merged", "linear", "integer", "contract", "as-it-ran", \
"re-run"}, optional
            By default :attr:`default_model`: ``"linear"`` if there is something that only a
            linear program has (limits of connections or lines that some coalition could reach,
            storage to buy, batteries of different efficiencies or wear), or batteries so
            different in hours or charge that a pool of them may cost some coalition less by more
            than a hundredth of what they save it, or keep a limit that they cannot; ``"merged"``
            instead if some of them are as good as one unit in the same sense; ``"integer"`` if
            charging and discharging at once is forbidden where it could pay; else the recursion
            ``"battery"`` if there are batteries, else ``"netting"``. Where there is a controller,
            the default is ``"re-run"``; where there are readings of batteries and none,
            ``"as-it-ran"``.

        Returns
        -------
        Game
            ``kind="cost"``, in the currency of the tariff for the whole period. That of a linear
            program brings cheaper ones as `approximations`, by which estimates err less: all
            batteries as one, without wear, charges and limits, and netting.

        Raises
        ------
        GameError
            The period is empty or reaches beyond the data, the model has not everything that the
            community has, or all members together cannot keep a limit of the grid.

        Notes
        -----
        O(T) for each coalition by a recursion; a linear program starts from the optimal basis of
        the whole community. A coalition that cannot keep a limit has no value: asking for it
        raises an error that names it. The dispatch knows the whole period in advance: what it costs
        is a lower bound of what a controller with a forecast would reach. See
        :class:`~sesgame.energy.Pool` for when the pooled battery is exact.
        """
        problem = self.period(start, end).problem
        used = chosen(problem, model)
        return Game.from_native(
            used.native_game(problem),
            self.members,
            kind="cost",
            rounding=problem.rounding,
            approximations=approximations(problem, used),
        )

    @property
    def rounding(self) -> float:
        """By how much rounding alone may put a cost off."""
        return self.problem.rounding

    def native_game(self, model: Model | None = None) -> NativeGame:
        """Return the compiled game behind :meth:`cost_game`, of all steps."""
        problem = self.problem
        return chosen(problem, model).native_game(problem)

    def dispatch(
        self,
        members: Iterable[str] | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        model: Model | None = None,
    ) -> Schedule:
        """Return the optimal schedule behind the cost of one coalition.

        Parameters
        ----------
        members : iterable of str, optional
            The coalition; by default the whole community.
        start, end, model
            As in :meth:`cost_game`.

        Raises
        ------
        CoalitionError
            A member is unknown or named twice.
        GameError
            As in :meth:`cost_game`.
        """
        part = self.period(start, end)
        players = Players(self.members)
        numbers = sorted(players.indices(self.members if members is None else members))
        problem = part.problem
        used = chosen(problem, model)
        found = used.dispatch(problem, numbers)
        return Schedule.of(problem, numbers, found, part.steps, used.name)

    def agents(
        self,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        model: Model | None = None,
    ) -> CommunityAgents:
        """Return an agent for each member and one for the grid, for :func:`clear_by_agents`.

        Each battery is run by itself, by its owner. The grid's agent is called ``"grid"``.

        Parameters
        ----------
        start, end
            The period, as in :meth:`cost_game`.
        model : str, optional
            With ``"netting"`` batteries are left out; with others that optimise they are not.

        Raises
        ------
        GameError
            The community has what agents have not, by name: elements of a contract beyond prices of
            energy, demand charges, limits of connections and lines, storage to buy, batteries that
            must not charge and discharge at once where that could pay (an integer decision), or
            batteries whose course is known.

        Examples
        --------
        >>> import sesgame as sg
        >>> village = sg.energy.Community.from_csv("examples/rural13")
        >>> list(village.agents(start="2016-06-01", end="2016-06-02"))[-2:]
        ['m014', 'grid']
        """
        part = self.period(start, end)
        problem = part.problem
        agents = agents_of(problem, uses_batteries=model != "netting")
        way = chosen(problem, model)
        if not way.optimises:
            raise GameError(
                f'agents choose what their batteries do, and with model="{way.name}" {way.reading}'
            )
        return CommunityAgents(agents, partial(_basis, part, model))

    def separation_oracle(
        self,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        model: Model | None = None,
    ) -> DispatchOracle | None:
        """Return the separation oracle of :meth:`cost_game`, for more members than a table holds.

        None where nothing is optimised: of the models ``"as-it-ran"`` and ``"re-run"``, and where
        selling earns more than buying costs.

        Parameters
        ----------
        start, end, model
            As in :meth:`cost_game`; the costs are those of that model.

        Raises
        ------
        GameError
            As in :meth:`cost_game`.
        """
        problem = self.period(start, end).problem
        return chosen(problem, model).separation_oracle(problem)

    def max_listed_players(self, model: Model | None = None) -> int:
        """Return for how many members every coalition may be dispatched."""
        return chosen(self.problem, model).max_listed_players

    def local_search(self, model: Model | None = None) -> int:
        """Return how many coalitions are dispatched before the oracle is asked."""
        return chosen(self.problem, model).local_search

    def uses_batteries(self, model: Model | None = None) -> bool:
        """Return whether the dispatch runs batteries at all."""
        return chosen(self.problem, model).uses_batteries

    @property
    def period_in_words(self) -> str:
        """The period as people write it."""
        return self.steps.in_calendar

    def scenario_energy(self) -> list[ScenarioEnergy]:
        """Return no scenarios: there is but one course, whose dispatch is known."""
        return []

    def cost_terms(self, model: Model | None = None) -> CostTerms:
        """Return of what period the costs are, what a member does alone, and what is bought."""
        reading = chosen(self.problem, model).reading if self.has_storage else ""
        return community_terms(self.steps, self.storage_offers, reading, self.generation_offers)

    @property
    def risk_in_words(self) -> str:
        """Nothing: there are no scenarios."""
        return ""

    def description(self, model: Model | None = None) -> str:
        """Return in words the period, the members, and how they are dispatched; two lines.

        Lines between them say what was assumed to read files, where that was needed. Of batteries
        that are run as one it says by which share of what they save that may put the cost of any
        coalition too low, and by how much that of all.
        """
        problem = self.problem
        used = chosen(problem, model)
        how = used.summary([problem])
        if (problem.metered_kwh is not None or problem.control) and used.optimises:
            how = f"{how}, {used.reading}: not as it ran"
        return (
            f"{self.steps.time(0)} to {self.steps.time(self.steps.n_steps)}{self._clock}\n"
            + "".join(f"read {words}\n" for words in self.assumed)
            + f"{count(len(self.members), 'member')}{self._passing}, {self.steps.in_words}, {how}"
        )

    @property
    def _passing(self) -> str:
        """Who is a member for a part of the time only."""
        passing = [f"{member} {days.in_words}" for member, days in self.membership.items()]
        return f" ({', '.join(passing)})" if passing else ""

    @property
    def _clock(self) -> str:
        """On which clock prices and charges are, where there is a choice."""
        zone = self.steps.calendar.zone
        if zone is not None:
            return f", {zone}"
        controlled = self.controller is not None and self.controller.follows_clock
        follow = self.tariff.follows_clock or self.grid.follows_clock or controlled
        return ", prices on the clock of the meters" if follow else ""

    def origin(self, model: Model | None = None) -> dict[str, Any]:
        """Return what a saved result says of where the game comes from."""
        start, end = self.steps.ends_in_iso
        return {
            "start": start,
            "end": end,
            "clock": self.steps.calendar.zone,
            "n_steps": self.steps.n_steps,
            "step_hours": self.steps.step_hours,
            "model": self.chosen_model(model),
            **({"storage": chosen(self.problem, model).reading} if self.has_storage else {}),
            **({"assumed": list(self.assumed)} if self.assumed else {}),
        }

    def programme(self, model: Model | None = None) -> LinearDispatch:
        """Return a model, by default that of :meth:`cost_game`, as a linear program.

        Raises
        ------
        GameError
            As in :meth:`cost_game`.
        """
        problem = self.problem
        return chosen(problem, model).program([problem])

    def pool(self, model: Model | None = None) -> Pool:
        """Return the batteries that a model uses, by default the model of :meth:`cost_game`.

        Raises
        ------
        GameError
            Two batteries differ in efficiency.
        """
        is_pooled = chosen(self.problem, model).is_pooled
        return Pool.of(self.batteries if is_pooled else (), self.members)

    def __repr__(self) -> str:
        minutes = self.steps.step_hours * 60
        length = f"{minutes:g} min" if minutes % 60 else f"{minutes / 60:g} h"
        return (
            f"Community({self.name!r}, {count(len(self.members), 'member')}, "
            f"{count(self.steps.n_steps, 'step')} of {length} from {self.steps.time(0)}, "
            f"{count(len(self.batteries), 'battery')})"
        )

    def _repr_html_(self) -> str:
        totals = [
            ["members", f"{len(self.members):,}: {short_coalition(self.members)}"],
            ["from", self.steps.time(0)],
            ["to", self.steps.time(self.steps.n_steps)],
            ["clock", self.steps.calendar.zone or "that of the meters, which never changes"],
            ["steps", f"{self.steps.n_steps:,} of {self.steps.step_hours * 60:g} minutes"],
            ["load", f"{self.load_kwh.sum():,.1f} kWh"],
            ["PV", f"{self.pv_kwh.sum():,.1f} kWh"],
            [
                "batteries",
                f"{len(self.batteries)}, {sum(b.energy_kwh for b in self.batteries):g} kWh, "
                f"{sum(b.power_kw for b in self.batteries):g} kW",
            ],
            ["model", self.default_model],
            ["currency", self.currency],
        ]
        return html_table([self.name, ""], totals)


def _basis(community: Community, model: Model | None) -> CostBasis:
    """Return on what terms bills of a community stand."""
    return CostBasis.of(community.cost_game(model=model), community.cost_terms(model))
