"""The dispatch of a community as one linear programme: batteries of all kinds, and the grid.

Per step t, in kWh, with a coalition's net load ``L_t``::

    import_t - export_t - sum_u (charge_ut - discharge_ut) = L_t
    state_ut - state_u,t-1 - ec_u charge_ut + discharge_ut / ed_u = 0

What members bring is linear in membership: net load, and the energy, power and initial charge of
their batteries. Batteries of equal efficiencies, wear, hours to fill and state at the beginning are
one storage unit, which loses nothing: what the unit does can be dealt out to them in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import LinearProductionGame, linear_production_game
from sesgame.energy.dispatch.separation import DispatchOracle
from sesgame.energy.schedule import Schedule
from sesgame.errors import GameError, SolverError
from sesgame.game.game import Game
from sesgame.linear.builder import LinearBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.battery import Battery, StorageOffer
    from sesgame.energy.community import Community, Model

__all__ = ["Duals", "LinearDispatch"]

Duals = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
"""Reduced costs of the columns, and duals of the rows."""

HOURS_PER_YEAR = 8760.0


@dataclass(frozen=True, eq=False)
class _Unit:
    """Storage that is run as one: what each member brings of it, in kWh and kWh per step."""

    energy_kwh: NDArray[np.float64]
    power_kwh: NDArray[np.float64]
    initial_kwh: NDArray[np.float64]
    charge_efficiency: float
    discharge_efficiency: float
    degradation_cost_per_kwh: float


@dataclass(frozen=True, eq=False)
class _Flows:
    """The columns of one storage unit in one scenario, each of shape (T,)."""

    unit: _Unit | None
    charge: NDArray[np.intp]
    discharge: NDArray[np.intp]
    state: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class _Day:
    """Where one scenario stands in the programme."""

    columns: slice
    rows: slice
    grid_import: NDArray[np.intp]
    grid_export: NDArray[np.intp]
    balance: NDArray[np.intp]
    limits: tuple[NDArray[np.intp], ...]
    flows: tuple[_Flows, ...]


class LinearDispatch:
    """The programme of a community, or of several scenarios of one that share what they buy.

    Attributes
    ----------
    programme : ReducedModel
        To minimise.
    days : list
        The columns of each scenario.
    sizes : ndarray of shape (number of offers, 2)
        The columns of energy capacity, kWh, and power, kW, that is bought of each offer.
    step_of_row, step_of_column : ndarray
        The step to which each row and column belongs, counted on over the scenarios.
    game : LinearProductionGame
        The compiled game of the programme.
    """

    def __init__(
        self,
        scenarios: Sequence[Community],
        weights: Sequence[float],
        model: Model,
        *,
        elastic: bool = False,
    ) -> None:
        first = scenarios[0]
        self._model = model
        self._scenarios = scenarios
        self._weights = weights
        self._limits: list[tuple[str, Community, NDArray[np.intp]]] = []
        self._elastic = elastic
        self._n_members = len(first.members)
        self._builder = LinearBuilder(self._n_members)
        price = first.steps.n_steps * first.steps.step_hours / HOURS_PER_YEAR * (not elastic)
        self.sizes = np.array(
            [
                self._builder.add_columns(
                    2, cost=np.array([offer.price_per_kwh_year, offer.price_per_kw_year]) * price
                )
                for offer in first.storage_offers
            ],
            dtype=np.intp,
        ).reshape(-1, 2)
        self.days = [
            self._add(community, 0.0 if elastic else weight)
            for community, weight in zip(scenarios, weights, strict=True)
        ]
        self.programme = self._builder.programme()
        n_steps = first.steps.n_steps
        self.step_of_row = np.zeros(len(self.programme.model.row_lower), dtype=np.intp)
        self.step_of_column = np.zeros(len(self.programme.model.cost), dtype=np.intp)
        for number, day in enumerate(self.days):
            steps = number * n_steps + np.arange(n_steps)
            self.step_of_row[day.rows] = steps[0]
            for rows in (day.balance, *day.limits):
                self.step_of_row[rows] = steps
            for flows in day.flows:
                for columns in (flows.charge, flows.discharge, flows.state):
                    self.step_of_column[columns] = steps
        if not elastic:
            try:
                self.game = _compiled(self)
            except (SolverError, ValueError) as error:
                # What is for sale is the only thing that has no owner, and no limit of its own.
                earning = not isinstance(error, SolverError) or error.status == "unbounded"
                if first.storage_offers and earning:
                    raise GameError(self._arbitrage()) from error
                broken = LinearDispatch(scenarios, weights, model, elastic=True)._broken_limit()
                raise GameError(broken) if broken else error from error

    def schedules(self, members: Sequence[int]) -> list[Schedule]:
        """Return the optimal schedule of a coalition in each scenario.

        What is bought is paid in each of them.
        """
        chosen = np.zeros(self._n_members, dtype=np.bool_)
        chosen[members] = True
        columns, _, _ = self.game.optimum(chosen)
        cost = self.programme.model.cost * columns
        bought = float(cost[self.sizes].sum())
        schedules = []
        for community, weight, day in zip(self._scenarios, self._weights, self.days, strict=True):
            net = columns[day.grid_import] - columns[day.grid_export]
            charge, discharge, state = (
                sum((columns[getattr(flows, name)] for flows in day.flows), np.zeros(len(net)))
                for name in ("charge", "discharge", "state")
            )
            initial = sum(
                float(flows.unit.initial_kwh @ chosen) for flows in day.flows if flows.unit
            )
            schedules.append(
                Schedule(
                    steps=community.steps,
                    members=tuple(community.members[index] for index in members),
                    net_load_kwh=community.net_load_kwh[members].sum(axis=0),
                    charge_kwh=charge,
                    discharge_kwh=discharge,
                    state_of_charge_kwh=np.append(initial, state),
                    grid_import_kwh=np.maximum(net, 0.0),
                    grid_export_kwh=np.maximum(-net, 0.0),
                    cost=float(cost[day.columns].sum() / weight) + bought,
                    currency=community.currency,
                    model=self._model,
                    purchases={
                        offer.name: (float(columns[energy]), float(columns[power]))
                        for offer, (energy, power) in zip(
                            community.storage_offers, self.sizes, strict=True
                        )
                    },
                )
            )
        return schedules

    @property
    def members(self) -> tuple[str, ...]:
        """Who brings what."""
        return self._scenarios[0].members

    def cost_game(self) -> Game:
        """Return the game in which each coalition bears its optimum."""
        rounding = max(scenario.rounding for scenario in self._scenarios)
        return Game.from_native(self.game, self.members, kind="cost", rounding=rounding)

    def separation_oracle(self, game: Game | None = None) -> DispatchOracle:
        """Return who finds the worst coalition; `game` has the same values, perhaps faster."""
        columns, *duals = self.game.optimum(np.ones(self._n_members, dtype=np.bool_))
        bills = self.bills_by_step((duals[0], duals[1])).sum(axis=1)
        gap = float(self.programme.model.cost @ columns - bills.sum())
        return DispatchOracle(game or self.cost_game(), bills, gap, lambda: self.game)

    def bills_by_step(self, duals: Duals) -> NDArray[np.float64]:
        """Return what each member's right-hand sides cost, shape (n, steps of all scenarios)."""
        bills = np.zeros((len(self.days) * self._scenarios[0].steps.n_steps, self._n_members))
        parts = (
            (self.programme.columns, self.step_of_column, duals[0]),
            (self.programme.rows, self.step_of_row, duals[1]),
        )
        for bounds, step, prices in parts:
            places = bounds.places
            np.add.at(bills, step[places], bounds.worths(prices[places], 1))
        return bills.T

    def energy_price(self, duals: Duals) -> NDArray[np.float64]:
        """Return what a kWh costs inside the community, shape (steps of all scenarios,).

        Of a scenario as it is when it comes to pass: not times its weight.
        """
        days = zip(self.days, self._weights, strict=True)
        return np.concatenate([duals[1][day.balance] / weight for day, weight in days])

    def _add(self, community: Community, weight: float) -> _Day:
        """Add the columns and rows of one scenario."""
        builder, grid, first_row = self._builder, community.grid, self._builder.n_rows
        n_steps, hours = community.steps.n_steps, community.steps.step_hours
        net_load = community.net_load_kwh.T
        grid_import = builder.add_columns(n_steps, cost=weight * community.buy_per_kwh)
        grid_export = builder.add_columns(n_steps, cost=-weight * community.sell_per_kwh)
        if grid.demand_charge_per_kw:
            peak = builder.add_columns(1, cost=weight * grid.demand_charge_per_kw)
            builder.add_rows(-np.inf, 0.0, (grid_import, 1.0), (np.repeat(peak, n_steps), -hours))
        owners: list[tuple[str, ...]] = []
        flows: list[_Flows] = []
        for unit, unit_owners in _units(community, self._model):
            flows.append(self._add_unit(unit, n_steps, weight))
            owners.append(unit_owners)
        for offer, (energy, power) in zip(community.storage_offers, self.sizes, strict=True):
            flows.append(self._add_offer(offer, energy, power, n_steps, hours, weight))
            owners.append(())
        curtailed = self._add_curtailment(community)
        balance = builder.add_rows(
            0.0,
            0.0,
            (grid_import, 1.0),
            (grid_export, -1.0),
            *[term for flow in flows for term in ((flow.charge, -1.0), (flow.discharge, 1.0))],
            *[(columns, -1.0) for columns, _ in curtailed],
            lower_brought=net_load,
            upper_brought=net_load,
        )
        limits = []
        for name, columns, limit in (
            ("import_limit_kw", grid_import, grid.import_limit_kw),
            ("export_limit_kw", grid_export, grid.export_limit_kw),
        ):
            if np.isfinite(limit):
                rows = self._limit(name, community, -np.inf, limit * hours, [(columns, 1.0)])
                limits.append(rows)
        behind = [
            (f"the limit of line {line.name!r}", line.members, line.limit_kw, False)
            for line in grid.lines
        ]
        behind += [
            (f"the connection limit of {member!r}", frozenset([member]), limit, True)
            for member, limit in grid.connection_limits_kw.items()
        ]
        for name, members, limit, is_own in behind:
            is_behind = np.array([member in members for member in community.members])
            brought = -net_load * is_behind
            own = limit * hours * is_behind if is_own else 0.0
            width = 0.0 if is_own else limit * hours
            terms = [
                (columns, sign)
                for flow, owner in zip(flows, owners, strict=True)
                if owner and members.issuperset(owner)
                for columns, sign in ((flow.charge, 1.0), (flow.discharge, -1.0))
            ]
            terms += [(columns, 1.0) for columns, owner in curtailed if members.issuperset(owner)]
            # A row has as many places as a column, even where nobody behind has either.
            terms = terms or [(grid_import, 0.0)]
            rows = self._limit(
                name,
                community,
                -width,
                width,
                terms,
                lower_brought=brought - own,
                upper_brought=brought + own,
            )
            limits.append(rows)
        return _Day(
            columns=slice(int(grid_import[0]), builder.n_columns),
            rows=slice(first_row, builder.n_rows),
            grid_import=grid_import,
            grid_export=grid_export,
            balance=balance,
            limits=tuple(limits),
            flows=tuple(flows),
        )

    def _add_curtailment(
        self, community: Community
    ) -> list[tuple[NDArray[np.intp], tuple[str, ...]]]:
        """Add the PV that may be left unused where a limit could make that necessary.

        Of all members together, or of each by itself where it counts at whose connection.
        """
        if not community.grid.has_limits():
            return []
        pv = np.maximum(community.pv_kwh, 0.0)
        shares = [(pv, community.members)]
        if _is_local(community):
            n = len(community.members)
            shares = [
                (pv * (np.arange(n) == index)[:, np.newaxis], (member,))
                for index, member in enumerate(community.members)
                if pv[index].any()
            ]
        return [
            (
                self._builder.add_columns(pv.shape[1], upper=0.0, upper_brought=share.T),
                owners,
            )
            for share, owners in shares
        ]

    def _add_unit(self, unit: _Unit, n_steps: int, weight: float) -> _Flows:
        """Add the storage that members bring."""
        builder = self._builder
        charge = builder.add_columns(n_steps, upper=0.0, upper_brought=unit.power_kwh)
        discharge = builder.add_columns(
            n_steps,
            cost=weight * unit.degradation_cost_per_kwh,
            upper=0.0,
            upper_brought=unit.power_kwh,
        )
        # What is stored at the end must not be less than at the beginning.
        stored = np.zeros((n_steps, len(unit.initial_kwh)))
        stored[-1] = unit.initial_kwh
        state = builder.add_columns(
            n_steps, upper=0.0, lower_brought=stored, upper_brought=unit.energy_kwh
        )
        at_first = np.zeros_like(stored)
        at_first[0] = unit.initial_kwh
        self._add_states(unit, charge, discharge, state, at_first)
        return _Flows(unit, charge, discharge, state)

    def _add_offer(
        self,
        offer: StorageOffer,
        energy: np.intp,
        power: np.intp,
        n_steps: int,
        hours: float,
        weight: float,
    ) -> _Flows:
        """Add storage whose size is a choice; it is empty at the beginning."""
        builder = self._builder
        charge = builder.add_columns(n_steps)
        discharge = builder.add_columns(n_steps, cost=weight * offer.degradation_cost_per_kwh)
        state = builder.add_columns(n_steps)
        for columns, size, factor in (
            (charge, power, hours),
            (discharge, power, hours),
            (state, energy, 1.0),
        ):
            builder.add_rows(-np.inf, 0.0, (columns, 1.0), (np.repeat(size, n_steps), -factor))
        self._add_states(offer, charge, discharge, state, 0.0)
        return _Flows(None, charge, discharge, state)

    def _add_states(
        self,
        storage: _Unit | StorageOffer,
        charge: NDArray[np.intp],
        discharge: NDArray[np.intp],
        state: NDArray[np.intp],
        at_first: NDArray[np.float64] | float,
    ) -> None:
        """Add how the state follows from what is charged and discharged."""
        kept = np.full(len(state), -1.0)
        kept[0] = 0.0
        self._builder.add_rows(
            0.0,
            0.0,
            (state, 1.0),
            (np.roll(state, 1), kept),
            (charge, -storage.charge_efficiency),
            (discharge, 1.0 / storage.discharge_efficiency),
            lower_brought=at_first,
            upper_brought=at_first,
        )

    def _limit(
        self,
        name: str,
        community: Community,
        lower: float,
        upper: float,
        terms: list[tuple[NDArray[np.intp], float]],
        lower_brought: NDArray[np.float64] | float = 0.0,
        upper_brought: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.intp]:
        """Add the rows of one limit, which an elastic programme may break at a cost."""
        if self._elastic:
            n_steps = community.steps.n_steps
            over = self._builder.add_columns(n_steps, cost=1.0)
            under = self._builder.add_columns(n_steps, cost=1.0)
            terms = [*terms, (over, -1.0), (under, 1.0)]
            self._limits += [(name, community, over), (name, community, under)]
        return self._builder.add_rows(
            lower, upper, *terms, lower_brought=lower_brought, upper_brought=upper_brought
        )

    def _arbitrage(self) -> str:
        """Return why storage that anybody may buy earns money on its own."""
        ways = []
        for community in self._scenarios:
            buy, sell, steps = community.buy_per_kwh, community.sell_per_kwh, community.steps
            later = int(np.argmax(sell - np.minimum.accumulate(buy)))
            first = int(np.argmin(buy[: later + 1]))
            ways.append(
                (
                    sell[later] - buy[first],
                    f"energy costs {buy[first]:g} at {steps.time(first)} and sells for "
                    f"{sell[later]:g} {community.currency} per kWh at {steps.time(later)}",
                )
            )
        offers = ", ".join(repr(offer.name) for offer in self._scenarios[0].storage_offers)
        return (
            f"storage that is bought (on offer: {offers}) would earn more than it costs by trading "
            f"with the grid alone, without any member: {max(ways)[1]}. What nobody brings has no "
            f"owner, so it cannot be split. Ask a higher price for the storage, or pay a lower one "
            f"for what is sold, or make the storage a battery of a member"
        )

    def _broken_limit(self) -> str:
        """Return which limit everybody together cannot keep, if that is what is wrong."""
        everybody = np.ones(self._n_members, dtype=np.bool_)
        columns, _, _ = _compiled(self).optimum(everybody)
        for name, community, slack in self._limits:
            step = int(np.argmax(columns[slack]))
            missed = columns[slack[step]] / community.steps.step_hours
            if missed > 1e-6:
                return (
                    f"no dispatch keeps {name}: in the step from {community.steps.time(step)} all "
                    f"members together miss it by at least {missed:.6g} kW"
                )
        return ""


def _units(community: Community, model: Model) -> list[tuple[_Unit, tuple[str, ...]]]:
    """Return the storage of a community, each unit with its owners.

    As few units as lose nothing, or the one of the pooled model.
    """
    separate = _is_local(community)
    pooled = model == "battery"
    groups: dict[tuple[object, ...], list[Battery]] = {}
    for battery in community.batteries if model != "netting" else ():
        if battery.can_store:
            key: tuple[object, ...] = ()
            if not pooled:
                key = (
                    battery.charge_efficiency,
                    battery.discharge_efficiency,
                    battery.degradation_cost_per_kwh,
                    battery.energy_kwh / battery.power_kw,
                    battery.initial_charge_kwh / battery.energy_kwh,
                    battery.owner if separate else None,
                )
            groups.setdefault(key, []).append(battery)
    units = []
    for batteries in groups.values():
        brought = np.zeros((3, len(community.members)))
        for battery in batteries:
            owner = community.members.index(battery.owner)
            brought[0, owner] += battery.energy_kwh
            brought[1, owner] += battery.power_kw * community.steps.step_hours
            brought[2, owner] += battery.initial_charge_kwh
        unit = _Unit(
            energy_kwh=brought[0],
            power_kwh=brought[1],
            initial_kwh=brought[2],
            charge_efficiency=batteries[0].charge_efficiency,
            discharge_efficiency=batteries[0].discharge_efficiency,
            degradation_cost_per_kwh=batteries[0].degradation_cost_per_kwh,
        )
        units.append((unit, tuple(dict.fromkeys(battery.owner for battery in batteries))))
    return units


def _is_local(community: Community) -> bool:
    """Return whether it counts at whose connection energy flows."""
    return bool(community.grid.lines or community.grid.connection_limits_kw)


def _compiled(dispatch: LinearDispatch) -> LinearProductionGame:
    """Return the compiled game of a programme."""
    programme = dispatch.programme
    model = programme.model
    order = np.lexsort((model.columns, model.rows))
    counts = np.bincount(model.rows, minlength=len(model.row_lower))
    return linear_production_game(
        model.cost,
        np.array([model.col_lower, model.col_upper]),
        np.array([model.row_lower, model.row_upper]),
        np.append(0, np.cumsum(counts)),
        model.columns[order],
        model.coefficients[order],
        programme.cost_share,
        (programme.columns.places, programme.columns.bounds, programme.columns.share),
        (programme.rows.places, programme.rows.bounds, programme.rows.share),
        is_cost=True,
    )
