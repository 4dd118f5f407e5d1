"""A dispatch as one linear program: storage of all kinds, the grid, and several scenarios.

Per step t, in kWh, with a coalition's net load ``L_t``::

    import_t - export_t - sum_u (charge_ut - discharge_ut) = L_t
    state_ut - state_u,t-1 - ec_u charge_ut + discharge_ut / ed_u = 0

What members bring is linear in membership: net load, and the energy, power and initial charge of
their storage. Members behind a line or connection have a balance of their own in the steps in which
its limit can bind for some coalition, and what flows to them is a bounded column; in the other
steps there is no limit (:mod:`~sesgame.energy.dispatch.binding_limits`).

The risk of scenarios takes two rows more for each (:mod:`~sesgame.energy.dispatch.risk_rows`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame._engine import ExclusiveGame, LinearProductionGame
from sesgame.energy.dispatch.dual_prices import (
    RELATIVE_TOLERANCE,
    DualBills,
    ProgrammePrices,
)
from sesgame.energy.dispatch.problem import (
    Dispatch,
    DispatchProblem,
    FlowLimit,
    GenerationOffers,
    Storage,
    burnt,
)
from sesgame.energy.dispatch.risk_rows import add_risk
from sesgame.energy.dispatch.scenario_prices import ScenarioPrices
from sesgame.energy.dispatch.separation import DispatchOracle
from sesgame.errors import GameError, SolverError
from sesgame.game.game import Game
from sesgame.game.native_source import native_from
from sesgame.linear.builder import LinearBuilder
from sesgame.linear.compiled_game import compiled_game
from sesgame.linear.minimum_norm import nearest_combination
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.risk import Risk
    from sesgame.linear.builder import Term

__all__ = [
    "Capacities",
    "Flows",
    "LinearDispatch",
    "StorageUnit",
    "add_states",
    "in_equal_parts",
    "keep_to_size",
]

Duals = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
"""Reduced costs of the columns, and duals of the rows."""

HOURS_PER_YEAR = 8760.0
HOURS_PER_DAY = 24.0

HARDLY = 1e-6
"""Of the largest load of all: a limit that is missed by less is kept, for the solver."""


@dataclass(frozen=True, eq=False)
class StorageUnit:
    """Storage that is run as one: what each member brings of it, in kWh and kWh per step.

    Attributes
    ----------
    energy_kwh, charge_kwh, discharge_kwh, initial_kwh : ndarray of shape (n,)
        Of each member: capacity, the most that is drawn and delivered, and initial charge.
    owners : ndarray of int
        The members who bring some.
    charge_efficiency, discharge_efficiency, degradation_cost_per_kwh : float
        The same for all of it.
    first_step, end_step : int, default 0 and None
        The first step in which it is there, and the first after these; None for all.
    """

    energy_kwh: NDArray[np.float64]
    charge_kwh: NDArray[np.float64]
    discharge_kwh: NDArray[np.float64]
    initial_kwh: NDArray[np.float64]
    owners: NDArray[np.intp]
    charge_efficiency: float
    discharge_efficiency: float
    degradation_cost_per_kwh: float
    first_step: int = 0
    end_step: int | None = None

    @classmethod
    def of(
        cls, storage: Storage, which: NDArray[np.intp], n_members: int, step_hours: float
    ) -> StorageUnit:
        """Return some batteries that are run like the first of them; of none, one of no size."""
        amounts = storage.brought(which, n_members, step_hours)
        owners = np.unique(storage.owner[which])
        if not which.size:
            return cls(*amounts, owners, 1.0, 1.0, 0.0)
        first = which[0]
        return cls(
            *amounts,
            owners,
            charge_efficiency=float(storage.charge_efficiency[first]),
            discharge_efficiency=float(storage.discharge_efficiency[first]),
            degradation_cost_per_kwh=float(storage.degradation_cost_per_kwh[first]),
            first_step=int(storage.first_step[first]),
            end_step=int(storage.end_step[first]),
        )


@dataclass(frozen=True, eq=False)
class Flows:
    """The columns of one storage unit in one scenario, each of shape (T,)."""

    charge: NDArray[np.intp]
    discharge: NDArray[np.intp]
    state: NDArray[np.intp]
    initial_kwh: NDArray[np.float64]
    """What each member brings of what is stored at the beginning."""
    owners: NDArray[np.intp]
    """The members who bring some of it; none of what is bought."""
    charge_efficiency: float
    discharge_efficiency: float


def add_states(
    builder: LinearBuilder,
    flows: Flows,
    at_first: NDArray[np.float64] | float = 0.0,
    there: slice = slice(None),
) -> None:
    """Add how the state follows from what is charged and discharged, while storage is there."""
    kept = np.zeros(len(flows.state))
    kept[there][1:] = -1.0
    builder.add_rows(
        0.0,
        0.0,
        (flows.state, 1.0),
        (np.roll(flows.state, 1), kept),
        (flows.charge, -flows.charge_efficiency),
        (flows.discharge, 1.0 / flows.discharge_efficiency),
        lower_brought=at_first,
        upper_brought=at_first,
    )


def keep_to_size(
    builder: LinearBuilder,
    flows: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]],
    sizes: NDArray[np.intp],
    hours: float,
) -> None:
    """Add that what storage draws, delivers and holds is within its sizes: columns, kWh and kW."""
    charge, discharge, state = flows
    energy, power = sizes.tolist()
    for columns, size, factor in (
        (charge, power, hours),
        (discharge, power, hours),
        (state, energy, 1.0),
    ):
        builder.add_rows(-np.inf, 0.0, (columns, 1.0), (np.repeat(size, len(columns)), -factor))


class Capacities(NamedTuple):
    """What is bought, of all together or of each of n members.

    Attributes
    ----------
    sizes : ndarray of shape (number of offers, 2) or (number of offers, 2, n)
        Of each offer of storage its capacity, kWh, and power, kW.
    generators_kw : ndarray of shape (number of generators,) or (number of generators, n)
        The power of each generator.
    """

    sizes: NDArray[np.float64]
    generators_kw: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Curtailment:
    """The columns of PV that is left unused in some steps, and the members whose it is."""

    columns: NDArray[np.intp]
    steps: NDArray[np.intp]
    owners: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class _Balances:
    """The rows in which energy is balanced.

    Attributes
    ----------
    rows : ndarray of shape (1 + limits, T)
        Of what is behind no limit, then behind each; -1 in steps in which it has none.
    place : ndarray of shape (n, T)
        Which of them a member is in.
    across : tuple of int
        The limits whose members are neither within others' nor apart from them; they are rows of
        their own.
    outside : dict of int to ndarray
        Of each limit that is within others the rows that it is next to, in the steps in which it
        has rows.
    """

    rows: NDArray[np.intp]
    place: NDArray[np.intp]
    across: tuple[int, ...]
    outside: dict[int, NDArray[np.intp]]

    def of(self, owners: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rows, shape (T,), of members who are behind the same limits, or of nobody."""
        steps = np.arange(self.rows.shape[1])
        rows: NDArray[np.intp] = self.rows[self.place[owners[0]] if len(owners) else 0, steps]
        return rows


@dataclass(frozen=True, eq=False)
class _Scenario:
    """Where one scenario stands in the program."""

    columns: slice
    rows: slice
    grid_import: NDArray[np.intp]
    grid_export: NDArray[np.intp]
    balance: NDArray[np.intp]
    flows: tuple[Flows, ...]
    differences: tuple[tuple[int, NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], ...]
    """Of lines: which, the steps, and the rows whose duals differ by its price; -1 for none."""


class LinearDispatch:
    """The program of one problem, or of several scenarios of one that share what they buy.

    Parameters
    ----------
    problems : sequence of DispatchProblem
        The scenarios: the same members, offers and grid, as many steps.
    weights : sequence of float
        The probability of each.
    storage_units : callable
        ``storage_units(problem)`` returns the storage that is run as one.
    risk : Risk, optional
        How costs of scenarios count; by default by their probabilities.
    bought : Capacities, optional
        What each member has of what was bought; by default how much is bought is chosen.
    elastic : bool, default False
        Minimise by how much limits are broken, instead of the cost.

    Attributes
    ----------
    program : ReducedModel
        To minimise.
    scenarios : list
        The columns and rows of each.
    sizes : ndarray of shape (number of offers, 2)
        The columns of energy capacity, kWh, and power, kW, that is bought of each offer.
    generators : ndarray of shape (number of offers of generation,)
        The columns of power, kW, that is bought of each.
    step_of_row, step_of_column : ndarray
        The step to which each row and column belongs, counted on over the scenarios.
    game : LinearProductionGame
        The compiled game of the program.

    Raises
    ------
    GameError
        All members together cannot keep a limit, or storage to buy would earn without limit.
    """

    def __init__(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float],
        storage_units: Callable[[DispatchProblem], list[StorageUnit]],
        risk: Risk | None = None,
        bought: Capacities | None = None,
        *,
        elastic: bool = False,
    ) -> None:
        first = problems[0]
        self._risk = None if risk is None or risk.is_mean else risk
        self._bought = bought
        n_steps = first.steps.n_steps
        self._problems = problems
        self._weights = weights
        self._storage_units = storage_units
        self._broken: list[tuple[str, DispatchProblem, NDArray[np.intp], NDArray[np.intp]]] = []
        self._in_steps: list[tuple[str, NDArray[np.intp], NDArray[np.intp]]] = []
        self._elastic = elastic
        self._n_members = len(first.members)
        self._builder = LinearBuilder(self._n_members)
        part_of_year = n_steps * first.steps.step_hours / HOURS_PER_YEAR * (not elastic)
        self.sizes = np.array(
            [
                self._builder.add_columns(
                    2,
                    cost=prices * part_of_year,
                    upper=np.inf if bought is None else 0.0,
                    lower_brought=0.0 if bought is None else bought.sizes[number],
                    upper_brought=0.0 if bought is None else bought.sizes[number],
                )
                for number, prices in enumerate(first.offers.price_per_year)
            ],
            dtype=np.intp,
        ).reshape(-1, 2)
        days = n_steps * first.steps.step_hours / HOURS_PER_DAY * (not elastic)
        generation = first.generation
        self.generators = self._builder.add_columns(
            len(generation),
            cost=generation.price_per_kw_day * days,
            upper=np.inf if bought is None else 0.0,
            lower_brought=0.0 if bought is None else bought.generators_kw,
            upper_brought=0.0 if bought is None else bought.generators_kw,
        )
        self._cost_rows: list[int] = []
        self._costs: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
        if elastic:
            self.scenarios = [self._add(problem, 0.0) for problem in problems]
        elif self._risk is None:
            self.scenarios = list(map(self._add, problems, weights))
        else:
            self.scenarios = self._add_at_risk(self._risk)
        self.program = self._builder.program()
        self.step_of_row = np.zeros(len(self.program.model.row_lower), dtype=np.intp)
        self.step_of_column = np.zeros(len(self.program.model.cost), dtype=np.intp)
        for number, scenario in enumerate(self.scenarios):
            self.step_of_row[scenario.rows] += number * n_steps
            self.step_of_column[scenario.columns] += number * n_steps
        for of, places, steps in self._in_steps:
            (self.step_of_row if of == "rows" else self.step_of_column)[places] += steps
        if not elastic:
            try:
                self.game = compiled_game(self.program)
                # What the program is made from is much smaller than its arrays.
                self.game.made_by(
                    (_game_of, (tuple(problems), tuple(weights), storage_units, self._risk, bought))
                )
            except (SolverError, ValueError) as error:
                # What is for sale is the only thing that has no owner, and no limit of its own.
                earning = not isinstance(error, SolverError) or error.status == "unbounded"
                if len(first.offers) + len(first.generation) and earning:
                    raise GameError(self._arbitrage()) from error
                broken = self._broken_limit()
                raise GameError(broken) if broken else error from error

    def __reduce__(self) -> tuple[Any, ...]:
        return LinearDispatch, (
            self._problems,
            self._weights,
            self._storage_units,
            self._risk,
            self._bought,
        )

    @property
    def members(self) -> tuple[str, ...]:
        """Who brings what."""
        return self._problems[0].members

    def cost_game(self) -> Game:
        """Return the game in which each coalition bears its optimum."""
        rounding = max(problem.rounding for problem in self._problems)
        return Game.from_native(self.game, self.members, kind="cost", rounding=rounding)

    def exclusive_game(self) -> ExclusiveGame:
        """Return the game in which storage does not charge and discharge in the same step.

        Of one problem without storage to buy.
        """
        (problem,), (scenario,) = self._problems, self.scenarios
        steps = np.flatnonzero(problem.choices)
        kinds = [(flows.charge[steps], flows.discharge[steps]) for flows in scenario.flows]
        by_unit = np.array(kinds, dtype=np.int64).reshape(len(kinds), 2, len(steps))
        choices = np.concatenate([*by_unit.transpose(0, 2, 1), np.zeros((0, 2), np.int64)])
        return native_from(_exclusive, self.game, np.ascontiguousarray(choices[:, :, np.newaxis]))

    def dispatches(
        self, members: Sequence[int], columns: NDArray[np.float64] | None = None
    ) -> list[Dispatch]:
        """Return what a coalition does in each scenario, by the optimal columns if it is theirs.

        What is bought is paid in each of them.
        """
        chosen = np.zeros(self._n_members, dtype=np.bool_)
        chosen[members] = True
        if columns is None:
            columns, _, _ = self.game.optimum(chosen)
        if self._risk is not None:
            # A scenario that no risk looks at need not be dispatched well in this program.
            return [
                self._of_scenario(number, self._bought_in(columns), members).dispatches(members)[0]
                for number in range(len(self.scenarios))
            ]
        cost = self.program.model.cost * columns
        bought = float(cost[self.sizes].sum() + cost[self.generators].sum())
        purchases, generators = self._purchases(columns)
        powers = columns[self.generators] + 0.0  # no -0
        dispatches = []
        for problem, weight, scenario in zip(
            self._problems, self._weights, self.scenarios, strict=True
        ):
            net = columns[scenario.grid_import] - columns[scenario.grid_export]
            charge, discharge, state = (
                sum((columns[getattr(flows, name)] for flows in scenario.flows), np.zeros(len(net)))
                for name in ("charge", "discharge", "state")
            )
            initial = sum(float(flows.initial_kwh @ chosen) for flows in scenario.flows)
            dispatches.append(
                Dispatch(
                    net_load_kwh=problem.net_load_kwh[members].sum(axis=0),
                    charge_kwh=charge,
                    discharge_kwh=discharge,
                    state_of_charge_kwh=np.append(initial, state),
                    grid_import_kwh=np.maximum(net, 0.0),
                    grid_export_kwh=np.maximum(-net, 0.0),
                    cost=float(cost[scenario.columns].sum() / weight) + bought,
                    purchases=dict(purchases),
                    generators_kw=dict(generators),
                    bought_generation_kwh=_generated(problem.generation, powers),
                    burnt_kwh=sum(
                        (
                            burnt(
                                columns[flows.charge],
                                columns[flows.discharge],
                                flows.charge_efficiency,
                                flows.discharge_efficiency,
                            )
                            for flows in scenario.flows
                        ),
                        np.zeros(len(net)),
                    ),
                )
            )
        return dispatches

    def dual_bills(self) -> DualBills:
        """Return the bills at the dual prices of the optimum of all."""
        columns, *duals = self.game.optimum(self._everybody())
        bills = self._bills_by_step((duals[0], duals[1])).sum(axis=1)
        return DualBills(bills, float(self.program.model.cost @ columns - bills.sum()))

    def dual_prices(
        self, reference: NDArray[np.float64] | None = None, *, progress: bool
    ) -> ProgrammePrices:
        """Return prices that prove the dispatch of all optimal, and the range of each bill.

        With a reference those whose bills are nearest to it; :class:`ScenarioPrices` under a risk.
        """
        columns, found = self._prices(reference)
        ranges = self._ranges(progress)
        if self._risk is not None:
            return self._scenario_prices(columns, found, reference, ranges)
        bills_by_step = np.sum([w * self._bills_by_step(prices) for w, prices in found], axis=0)
        bills = bills_by_step.sum(axis=1)
        cost = float(self.program.model.cost @ columns)
        return ProgrammePrices(
            energy_price=np.sum([w * self._energy_price(prices) for w, prices in found], axis=0),
            line_price=np.sum([w * self._line_price(prices) for w, prices in found], axis=0),
            cost=cost,
            duality_gap=cost - float(bills.sum()),
            lowest=np.minimum(ranges[0], bills),
            highest=np.maximum(ranges[1], bills),
            by_step=bills_by_step,
            distance=math.nan if reference is None else float(np.linalg.norm(bills - reference)),
        )

    def scenario_prices(self) -> ScenarioPrices:
        """Return what each scenario is billed at these prices, without the ranges of the bills."""
        columns, found = self._prices(None)
        nothing = np.full(self._n_members, np.nan)
        return self._scenario_prices(columns, found, None, (nothing, nothing))

    def _prices(
        self, reference: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float64], list[tuple[float, Duals]]]:
        """Return the optimum of all, and a combination of its dual prices."""
        columns, *duals = self.game.optimum(self._everybody())
        if reference is None:
            return columns, [(1.0, (duals[0], duals[1]))]
        return columns, self._nearest(reference, (duals[0], duals[1]))

    def _ranges(self, progress: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lowest and the highest bill of each member under any dual prices."""
        with progress_report("ranges of the bills", "direction", progress) as report:
            ways = np.eye(self._n_members)
            rates = self.game.cost_rates(self._everybody(), np.concatenate([ways, -ways]), report)
        return -rates[self._n_members :], rates[: self._n_members]

    def _scenario_prices(
        self,
        columns: NDArray[np.float64],
        found: list[tuple[float, Duals]],
        reference: NDArray[np.float64] | None,
        ranges: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> ScenarioPrices:
        n_steps, probabilities = self._problems[0].steps.n_steps, np.array(self._weights)
        model, bought = self.program.model, self._bought_in(columns)
        by_step = np.sum([w * self._bills_by_step(prices) for w, prices in found], axis=0)
        rows = np.sum([w * prices[1] for w, prices in found], axis=0)
        weights = probabilities if self._risk is None else -rows[self._cost_rows]
        sizes = np.append(self.sizes.ravel(), self.generators)
        invested = float((model.cost[sizes] * columns[sizes]).sum())
        prices = np.zeros((len(probabilities), n_steps))
        lines = []
        bills = np.zeros((self._n_members, len(probabilities)))
        costs = np.zeros(len(probabilities))
        for number, scenario in enumerate(self.scenarios):
            own = slice(number * n_steps, (number + 1) * n_steps)
            if weights[number] > HARDLY * probabilities[number]:
                prices[number] = rows[scenario.balance] / weights[number]
                lines.append(self._line_price_of(number, rows, weights[number]))
                bills[:, number] = by_step[:, own].sum(axis=1) / weights[number]
                costs[number] = self._cost_of(number, columns)
                continue
            # At no weight it has no say in the prices: they are those of a day by itself.
            alone = self._of_scenario(number, bought)
            own_columns, *duals = alone.game.optimum(self._everybody())
            prices[number] = alone._energy_price((duals[0], duals[1]))
            lines.append(alone._line_price((duals[0], duals[1])))
            bills[:, number] = alone._bills_by_step((duals[0], duals[1])).sum(axis=1)
            costs[number] = alone._cost_of(0, own_columns)
        total = by_step.sum(axis=1)
        cost = float(model.cost @ columns)
        purchases, generators = self._purchases(columns)
        distance = math.nan if reference is None else float(np.linalg.norm(total - reference))
        risk = self._risk
        return ScenarioPrices(
            energy_price=prices.ravel(),
            line_price=np.concatenate(lines, axis=1),
            cost=cost,
            duality_gap=cost - float(total.sum()),
            lowest=np.fmin(ranges[0], total),
            highest=np.fmax(ranges[1], total),
            by_step=by_step,
            distance=distance,
            level=0.0 if risk is None else risk.level,
            weight=0.0 if risk is None else risk.weight,
            probabilities=probabilities,
            scenario_weights=weights,
            scenario_costs=costs + invested,
            scenario_bills=bills,
            invested=invested,
            purchases=purchases,
            generators_kw=generators,
        )

    def _cost_of(self, number: int, columns: NDArray[np.float64]) -> float:
        """Return what the dispatch of a scenario costs, without what is bought."""
        scenario = self.scenarios[number]
        if self._risk is not None:
            used, prices = self._costs[number]
            return float((prices * columns[used]).sum())
        paid = self.program.model.cost[scenario.columns] * columns[scenario.columns]
        return float(paid.sum() / self._weights[number])

    def _of_scenario(
        self, number: int, bought: Capacities, members: Sequence[int] | None = None
    ) -> LinearDispatch:
        """Return the program of one scenario in which it is settled what is bought.

        Of some members as if there were no others: all together may need more to keep a limit.
        """
        problem = self._problems[number]
        if members is not None and len(members) < self._n_members:
            here = np.zeros((self._n_members, 1))
            here[list(members)] = 1.0
            theirs = np.flatnonzero(here[problem.storage.owner, 0])
            problem = replace(
                problem,
                load_kwh=problem.load_kwh * here,
                pv_kwh=problem.pv_kwh * here,
                storage=problem.storage.part(theirs),
            )
        return LinearDispatch(
            [problem],
            (1.0,),
            self._storage_units,
            bought=in_equal_parts(bought, self._n_members, members),
        )

    def _bought_in(self, columns: NDArray[np.float64]) -> Capacities:
        """Return what all together buy."""
        return Capacities(columns[self.sizes], columns[self.generators])

    def _purchases(
        self, columns: NDArray[np.float64]
    ) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
        """Return what is bought by name: capacity and power of storage, power of generators."""
        first = self._problems[0]
        energy, power = columns[self.sizes].T
        sizes = zip(energy.tolist(), power.tolist(), strict=True)
        generators = (columns[self.generators] + 0.0).tolist()  # no -0
        return (
            dict(zip(first.offers.names, sizes, strict=True)),
            dict(zip(first.generation.names, generators, strict=True)),
        )

    def separation_oracle(self, game: Game | None = None) -> DispatchOracle:
        """Return the separation oracle; `game` has the same values, perhaps faster."""
        return DispatchOracle(game or self.cost_game(), self.dual_bills(), self._game_itself)

    def _game_itself(self) -> LinearProductionGame:
        return self.game

    def _everybody(self) -> NDArray[np.bool_]:
        return np.ones(self._n_members, dtype=np.bool_)

    def _nearest(self, reference: NDArray[np.float64], duals: Duals) -> list[tuple[float, Duals]]:
        """Return the combination of dual prices whose bills are nearest to a reference."""
        asked: list[Duals] = []

        def extreme(direction: NDArray[np.float64]) -> NDArray[np.float64]:
            asked.append(self.game.extreme_duals(self._everybody(), direction))
            bills: NDArray[np.float64] = self._bills_by_step(asked[-1]).sum(axis=1)
            return bills

        slack = RELATIVE_TOLERANCE * float(np.abs(self._bills_by_step(duals)).sum())
        chosen = nearest_combination(extreme, reference, slack)
        return [(weight, asked[number]) for number, weight in chosen]

    def _bills_by_step(self, duals: Duals) -> NDArray[np.float64]:
        """Return what each member's right-hand sides cost, shape (n, steps of all scenarios).

        Without what was bought earns, whoever has it.
        """
        n_steps = self._problems[0].steps.n_steps
        bills = np.zeros((len(self.scenarios) * n_steps, self._n_members))
        parts = (
            (self.program.columns, self.step_of_column, duals[0]),
            (self.program.rows, self.step_of_row, duals[1]),
        )
        for bounds, step, prices in parts:
            places = bounds.places
            worths = bounds.worths(prices[places], 1)
            if bounds is self.program.columns and self._bought is not None:
                worths[np.isin(places, np.append(self.sizes.ravel(), self.generators))] = 0.0
            np.add.at(bills, step[places], worths)
        return bills.T

    def _energy_price(self, duals: Duals) -> NDArray[np.float64]:
        """Return what a kWh costs inside the community, shape (steps of all scenarios,).

        Of a scenario as it is when it comes to pass: not times its weight.
        """
        scenarios = zip(self.scenarios, self._weights, strict=True)
        return np.concatenate(
            [duals[1][scenario.balance] / weight for scenario, weight in scenarios]
        )

    def _line_price(self, duals: Duals) -> NDArray[np.float64]:
        """Return what a kWh costs more behind each line, shape (lines, steps of all scenarios)."""
        return np.concatenate(
            [
                self._line_price_of(number, duals[1], weight)
                for number, weight in enumerate(self._weights)
            ],
            axis=1,
        )

    def _line_price_of(
        self, number: int, rows: NDArray[np.float64], weight: float
    ) -> NDArray[np.float64]:
        """Return the same of one scenario that weighs so much, shape (lines, T)."""
        problem = self._problems[number]
        lines = [place for place, limit in enumerate(problem.flow_limits) if not limit.is_own]
        found = np.zeros((len(problem.flow_limits), problem.steps.n_steps))
        rows = np.append(rows, 0.0)
        for line, steps, inside, outside in self.scenarios[number].differences:
            found[line, steps] = (rows[inside] - rows[outside]) / weight
        return found[lines]

    def _add_at_risk(self, risk: Risk) -> list[_Scenario]:
        """Add all scenarios, and instead of their costs the risk of them."""
        builder = self._builder
        scenarios = []
        for problem in self._problems:
            first = builder.n_columns
            scenarios.append(self._add(problem, 1.0))
            self._costs.append(builder.take_costs(first))
        rows = add_risk(builder, risk, np.array(self._weights), self._costs)
        self._cost_rows = rows.tolist()
        return scenarios

    def _add(self, problem: DispatchProblem, weight: float) -> _Scenario:
        """Add the columns and rows of one scenario."""
        builder, n_steps = self._builder, problem.steps.n_steps
        first_column, first_row = builder.n_columns, builder.n_rows
        grid_import = builder.add_columns(n_steps, cost=weight * problem.buy_per_kwh)
        grid_export = builder.add_columns(n_steps, cost=-weight * problem.sell_per_kwh)
        for charge in problem.peak_charges:
            peak = builder.add_columns(1, cost=weight * charge.price_per_kw)
            builder.add_rows(
                -np.inf,
                0.0,
                (grid_import[charge.steps], 1.0),
                (np.repeat(peak, len(charge.steps)), -problem.steps.step_hours),
            )
        balances = self._add_balances(problem, grid_import, grid_export)
        flows = self._add_storage(problem, balances, weight)
        for profile, column in zip(problem.generation.profile_kwh, self.generators, strict=True):
            # What is bought is at the common connection, behind no limit.
            self._builder.add_entries(balances.rows[0], np.repeat(column, n_steps), profile)
        unused = self._add_curtailment(problem, balances)
        self._add_trade_limits(problem, grid_import, grid_export)
        differences = [
            (number, steps, balances.rows[number + 1, steps], outside)
            for number, outside in balances.outside.items()
            for steps in [np.flatnonzero(problem.binding.flows[number])]
        ]
        for number in balances.across:
            rows, steps = self._add_limit_across(problem, number, grid_import, flows, unused)
            # What those behind draw more leaves less room within the limit.
            differences.append((number, steps, np.full(len(steps), -1), rows))
        return _Scenario(
            columns=slice(first_column, builder.n_columns),
            rows=slice(first_row, builder.n_rows),
            grid_import=grid_import,
            grid_export=grid_export,
            balance=balances.rows[0],
            flows=tuple(flows),
            differences=tuple(differences),
        )

    def _add_balances(
        self,
        problem: DispatchProblem,
        grid_import: NDArray[np.intp],
        grid_export: NDArray[np.intp],
    ) -> _Balances:
        """Add that in each step as much comes in as goes out, and what flows behind limits."""
        limits, reached = problem.flow_limits, problem.binding.flows
        n_members, n_steps = problem.net_load_kwh.shape
        place = np.zeros((n_members, n_steps), dtype=np.intp)
        nested: list[int] = []
        across: list[int] = []
        outside: dict[int, NDArray[np.intp]] = {}
        # From those with the most members on, so that a limit is within all that hold its members.
        for number in sorted(range(len(limits)), key=lambda each: -int(limits[each].behind.sum())):
            behind, steps = limits[number].behind, np.flatnonzero(reached[number])
            if not len(steps):
                continue
            others = [limits[other].behind for other in nested]
            if any((behind & other).any() and (behind & ~other).any() for other in others):
                across.append(number)
                continue
            nested.append(number)
            members = np.flatnonzero(behind)
            outside[number] = place[members[0], steps]
            place[np.ix_(members, steps)] = number + 1
        rows = np.full((len(limits) + 1, n_steps), -1)
        for number in [-1, *nested]:
            steps = np.arange(n_steps) if number < 0 else np.flatnonzero(reached[number])
            net_load = (problem.net_load_kwh * (place == number + 1))[:, steps].T
            rows[number + 1, steps] = self._builder.add_rows(
                0.0, 0.0, count=len(steps), lower_brought=net_load, upper_brought=net_load
            )
            self._in_steps.append(("rows", rows[number + 1, steps], steps))
        self._builder.add_entries(rows[0], grid_import, 1.0)
        self._builder.add_entries(rows[0], grid_export, -1.0)
        for number in nested:
            steps = np.flatnonzero(reached[number])
            ends = rows[outside[number], steps], rows[number + 1, steps]
            self._add_flow(problem, limits[number], steps, ends)
        next_to = {
            number: rows[outside[number], np.flatnonzero(reached[number])] for number in nested
        }
        return _Balances(rows, place, tuple(across), next_to)

    def _add_flow(
        self,
        problem: DispatchProblem,
        limit: FlowLimit,
        steps: NDArray[np.intp],
        ends: tuple[NDArray[np.intp], NDArray[np.intp]],
    ) -> None:
        """Add what flows to those behind a limit in some steps, from a balance to another one."""
        most = limit.limit_kw * problem.steps.step_hours
        brought = most * limit.behind * limit.is_own
        width = most * (not limit.is_own)
        builder = self._builder
        columns = builder.add_columns(
            len(steps), lower=-width, upper=width, lower_brought=-brought, upper_brought=brought
        )
        self._in_steps.append(("columns", columns, steps))
        signs = [(columns, 1.0)]
        if self._elastic:
            over, under = (builder.add_columns(len(steps), cost=1.0) for _ in range(2))
            signs += [(over, 1.0), (under, -1.0)]
            self._broken += [(limit.name, problem, each, steps) for each in (over, under)]
        for flow, sign in signs:
            builder.add_entries(ends[0], flow, -sign)
            builder.add_entries(ends[1], flow, sign)

    def _add_storage(
        self, problem: DispatchProblem, balances: _Balances, weight: float
    ) -> list[Flows]:
        """Add the storage that members bring, and what is bought."""
        units = [self._add_unit(problem, unit, weight) for unit in self._storage_units(problem)]
        offers = [self._add_offer(problem, number, weight) for number in range(len(problem.offers))]
        steps = np.arange(problem.steps.n_steps)
        for flows in units + offers:
            rows = balances.of(flows.owners)
            self._builder.add_entries(rows, flows.charge, -1.0)
            self._builder.add_entries(rows, flows.discharge, 1.0)
            for columns in (flows.charge, flows.discharge, flows.state):
                self._in_steps.append(("columns", columns, steps))
        return units + offers

    def _add_unit(self, problem: DispatchProblem, unit: StorageUnit, weight: float) -> Flows:
        """Add storage that members bring."""
        builder, n_steps = self._builder, problem.steps.n_steps
        there = slice(unit.first_step, unit.end_step)
        is_there = np.zeros((n_steps, 1))
        is_there[there] = 1.0
        charge = builder.add_columns(n_steps, upper=0.0, upper_brought=is_there * unit.charge_kwh)
        discharge = builder.add_columns(
            n_steps,
            cost=weight * unit.degradation_cost_per_kwh,
            upper=0.0,
            upper_brought=is_there * unit.discharge_kwh,
        )
        # What is stored when it goes must not be less than when it came.
        at_first, at_last = np.zeros((2, n_steps, len(unit.initial_kwh)))
        at_first[there][:1] = at_last[there][-1:] = unit.initial_kwh
        state = builder.add_columns(
            n_steps, upper=0.0, lower_brought=at_last, upper_brought=is_there * unit.energy_kwh
        )
        efficiencies = unit.charge_efficiency, unit.discharge_efficiency
        begun = unit.initial_kwh * (unit.first_step == 0)
        flows = Flows(charge, discharge, state, begun, unit.owners, *efficiencies)
        add_states(builder, flows, at_first, there)
        return flows

    def _add_offer(self, problem: DispatchProblem, number: int, weight: float) -> Flows:
        """Add storage whose size is a choice; it is empty at the beginning."""
        builder, offers = self._builder, problem.offers
        n_steps, hours = problem.steps.n_steps, problem.steps.step_hours
        charge = builder.add_columns(n_steps)
        wear = float(offers.degradation_cost_per_kwh[number])
        discharge = builder.add_columns(n_steps, cost=weight * wear)
        state = builder.add_columns(n_steps)
        keep_to_size(builder, (charge, discharge, state), self.sizes[number], hours)
        nothing = np.zeros(self._n_members)
        flows = Flows(
            charge,
            discharge,
            state,
            nothing,
            np.zeros(0, dtype=np.intp),
            charge_efficiency=float(offers.charge_efficiency[number]),
            discharge_efficiency=float(offers.discharge_efficiency[number]),
        )
        add_states(builder, flows)
        return flows

    def _add_curtailment(self, problem: DispatchProblem, balances: _Balances) -> list[_Curtailment]:
        """Add the PV that may be left unused in the steps in which that may save something.

        Of all together who are behind the same limits.
        """
        steps = np.flatnonzero(problem.binding.curtailment)
        if not len(steps):
            return []
        pv = problem.curtailable_kwh
        groups: dict[tuple[int, ...], list[int]] = {}
        for member in np.flatnonzero(pv[:, steps].any(axis=1)).tolist():
            groups.setdefault(problem.limits_before(member), []).append(member)
        found = []
        for group in groups.values():
            owners = np.array(group)
            brought = np.zeros((len(steps), self._n_members))
            brought[:, owners] = pv[np.ix_(owners, steps)].T
            columns = self._builder.add_columns(len(steps), upper=0.0, upper_brought=brought)
            self._builder.add_entries(balances.of(owners)[steps], columns, -1.0)
            self._in_steps.append(("columns", columns, steps))
            found.append(_Curtailment(columns, steps, owners))
        return found

    def _add_trade_limits(
        self,
        problem: DispatchProblem,
        grid_import: NDArray[np.intp],
        grid_export: NDArray[np.intp],
    ) -> None:
        """Add the limits of what a coalition draws and feeds in."""
        binding, hours = problem.binding, problem.steps.step_hours
        for name, columns, limit, reached in (
            ("import_limit_kw", grid_import, problem.import_limit_kw, binding.grid_import),
            ("export_limit_kw", grid_export, problem.export_limit_kw, binding.grid_export),
        ):
            steps = np.flatnonzero(reached)
            if len(steps):
                terms = [(columns[steps], 1.0)]
                self._add_limit(name, problem, steps, (-np.inf, limit * hours), terms)

    def _add_limit_across(
        self,
        problem: DispatchProblem,
        number: int,
        grid_import: NDArray[np.intp],
        flows: list[Flows],
        unused: list[_Curtailment],
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Add the limit of what flows between some members and the rest, by what they do.

        Return the rows and their steps.
        """
        limit, n_steps = problem.flow_limits[number], problem.steps.n_steps
        steps = np.flatnonzero(problem.binding.flows[number])
        most = limit.limit_kw * problem.steps.step_hours
        brought = (-problem.net_load_kwh.T * limit.behind)[steps]
        own = most * limit.behind * limit.is_own
        width = most * (not limit.is_own)
        terms: list[Term] = [
            (columns[steps], sign)
            for flow in flows
            if flow.owners.size and limit.behind[flow.owners].all()
            for columns, sign in ((flow.charge, 1.0), (flow.discharge, -1.0))
        ]
        for curtailment in unused:
            if limit.behind[curtailment.owners].all():
                columns = np.full(n_steps, -1)
                columns[curtailment.steps] = curtailment.columns
                # PV may be left unused wherever a limit can bind, if there is any.
                there = columns[steps] >= 0
                terms.append((np.where(there, columns[steps], 0), there.astype(np.float64)))
        # A row has as many places as a column, even where nobody behind has either.
        terms = terms or [(grid_import[steps], 0.0)]
        rows = self._add_limit(
            limit.name, problem, steps, (-width, width), terms, (brought - own, brought + own)
        )
        return rows, steps

    def _add_limit(
        self,
        name: str,
        problem: DispatchProblem,
        steps: NDArray[np.intp],
        bounds: tuple[float, float],
        terms: Sequence[Term],
        brought: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float] = (0.0, 0.0),
    ) -> NDArray[np.intp]:
        """Add the rows of one limit, which an elastic program may break at a cost."""
        if self._elastic:
            over, under = (self._builder.add_columns(len(steps), cost=1.0) for _ in range(2))
            terms = [*terms, (over, -1.0), (under, 1.0)]
            self._broken += [(name, problem, each, steps) for each in (over, under)]
        rows = self._builder.add_rows(
            *bounds, *terms, lower_brought=brought[0], upper_brought=brought[1]
        )
        self._in_steps.append(("rows", rows, steps))
        return rows

    def _arbitrage(self) -> str:
        """Return why what anybody may buy earns money on its own."""
        first = self._problems[0]
        names = ", ".join(map(repr, (*first.offers.names, *first.generation.names)))
        cures = ["make the storage a battery of a member"] * bool(len(first.offers))
        cures += ["make the generator the PV of a member"] * bool(len(first.generation))
        return (
            f"what is bought (on offer: {names}) would earn more than it costs by trading with the "
            f"grid alone, without any member: {self._worst_arbitrage()}. What nobody brings has no "
            f"owner, so it cannot be split. Ask a higher price for it, or pay a lower one for what "
            f"is sold, or {' and '.join(cures)}"
        )

    def _worst_arbitrage(self) -> str:
        """Return how it earns most, in words: by what is fed in, or from step to step."""
        first = self._problems[0]
        days = first.steps.n_steps * first.steps.step_hours / HOURS_PER_DAY
        for number, name in enumerate(first.generation.names):
            sales = 0.0
            for problem, weight in zip(self._problems, self._weights, strict=True):
                fed_in = problem.generation.profile_kwh[number]
                sales += weight * float((fed_in * problem.sell_per_kwh).sum())
            rent = float(first.generation.price_per_kw_day[number]) * days
            if sales > rent:
                return (
                    f"a kW of {name!r} costs {rent:g} and feeds in energy for {sales:g} "
                    f"{first.currency}"
                )
        ways = []
        for problem in self._problems:
            buy, sell, steps = problem.buy_per_kwh, problem.sell_per_kwh, problem.steps
            later = int(np.argmax(sell - np.minimum.accumulate(buy)))
            bought = int(np.argmin(buy[: later + 1]))
            ways.append(
                (
                    sell[later] - buy[bought],
                    f"energy costs {buy[bought]:g} at {steps.time(bought)} and sells for "
                    f"{sell[later]:g} {problem.currency} per kWh at {steps.time(later)}",
                )
            )
        margin, how = max(ways)
        if len(first.generation) and not (len(first.offers) and margin > 0):
            return "a generator whose energy is stored before it is fed in"
        return how

    def _broken_limit(self) -> str:
        """Return which limit everybody together cannot keep, if that is what is wrong."""
        elastic = LinearDispatch(
            self._problems, self._weights, self._storage_units, bought=self._bought, elastic=True
        )
        columns, _, _ = compiled_game(elastic.program).optimum(self._everybody())
        largest = max(
            float(np.abs(problem.net_load_kwh.sum(axis=0)).max()) / problem.steps.step_hours
            for problem in self._problems
        )
        for name, problem, slack, steps in elastic._broken:
            worst = int(np.argmax(columns[slack]))
            missed = columns[slack[worst]] / problem.steps.step_hours
            if missed > HARDLY * largest:
                time = problem.steps.time(int(steps[worst]))
                unused = problem.pv_kwh[:, steps[worst]] > problem.curtailable_kwh[:, steps[worst]]
                cure = '; curtailment="allowed" leaves PV unused' if unused.any() else ""
                return (
                    f"no dispatch keeps {name}: in the step from {time} all "
                    f"members together miss it by at least {missed:.6g} kW{cure}"
                )
        return ""


def _generated(
    generation: GenerationOffers, powers_kw: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return what generators of some powers generate in each step, if there are any."""
    if not len(generation):
        return None
    found: NDArray[np.float64] = (powers_kw[:, np.newaxis] * generation.profile_kwh).sum(axis=0)
    return found


def in_equal_parts(
    bought: Capacities, n_members: int, members: Sequence[int] | None = None
) -> Capacities:
    """Return what each of some members has of what was bought, of each of n members."""
    here = np.zeros(n_members)
    here[slice(None) if members is None else list(members)] = 1.0
    here /= here.sum()
    return Capacities(*(np.maximum(each, 0.0)[..., np.newaxis] * here for each in bought))


def _game_of(
    problems: Sequence[DispatchProblem],
    weights: Sequence[float],
    storage_units: Callable[[DispatchProblem], list[StorageUnit]],
    risk: Risk | None = None,
    bought: Capacities | None = None,
) -> LinearProductionGame:
    """Return the compiled game of a program again."""
    return LinearDispatch(problems, weights, storage_units, risk, bought).game


def _exclusive(game: LinearProductionGame, choices: NDArray[np.int64]) -> ExclusiveGame:
    """Return the game in which the columns of one kind are zero, of each choice."""
    return game.exclusive(choices)
