"""All batteries of a coalition run as one: a recursion over the steps, exact and very fast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import (
    netting_game,
    pooled_battery_dispatch,
    pooled_battery_game,
    weighted_sum_game,
)
from sesgame.energy.dispatch.dual_prices import DualBills, OwenPrices, bills_at
from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
from sesgame.energy.dispatch.pool_gap import cut_pools, gap_of_all, largest_gap
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
from sesgame.energy.dispatch.separation import DispatchOracle
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.game.native_source import native_from
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import (
        LinearProductionGame,
        NativeGame,
        PooledBatteryDispatch,
        PooledBatteryGame,
    )

__all__ = ["PooledModel"]

LOCAL_SEARCH = 20_000
"""Coalitions looked at before each mixed-integer program, since a recursion makes them cheap."""


class PooledModel(ByValue):
    """The battery of a coalition has all energy, power and charge that its members bring."""

    name: Model = "battery"
    sentence = "The batteries are run as one, as cheaply as possible for all."
    is_pooled = True
    uses_batteries = True
    max_listed_players = MAX_TABLE_PLAYERS
    local_search = LOCAL_SEARCH

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words how the batteries are run, and how exact that is."""
        first = problems[0]
        pooled = f"{count(len(first.storage), 'battery')}, pooled"
        share = largest_gap(first.storage)
        if not share:
            return pooled
        gap = sum(w * self.gap(problem) for w, problem in zip(weights, problems, strict=True))
        amount = f"to {gap:.3g} {first.currency} " if gap else ""
        return (
            f"{pooled} (exact {amount}for all members, for any group to {100 * share:.3g} % of "
            f"what they save)"
        )

    def gap(self, problem: DispatchProblem) -> float:
        """Return by how much all members at most pay more if each battery is run by itself.

        Less than rounding is nothing.
        """
        storage, hours = problem.storage, problem.steps.step_hours
        share = gap_of_all(storage)
        if not share:
            return 0.0
        net_load_kwh = problem.net_load_kwh.sum(axis=0)
        pool, efficiencies = self._pool(problem)
        energy_kwh, power_kw, initial_kwh = (float(each.sum()) for each in pool)

        def cost(energy_kwh: float, power_kw: float, initial_kwh: float) -> float:
            amounts = (energy_kwh, power_kw * hours, initial_kwh)
            return _run(problem, net_load_kwh, amounts, efficiencies).cost

        pooled = cost(energy_kwh, power_kw, initial_kwh)
        saved = cost(0.0, 0.0, 0.0) - pooled
        above = [cost(*cut) - pooled for cut in cut_pools(storage)]
        gap = min(share * saved, *above)
        return gap if gap > problem.rounding else 0.0

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""
        return problem.beyond_a_pool + problem.of_the_grid

    def program(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> LinearDispatch:
        """Return the costs as a linear program, of a problem or of several scenarios."""
        return LinearDispatch(problems, weights, self.storage_units)

    def storage_units(self, problem: DispatchProblem) -> list[StorageUnit]:
        """Return the pool as a storage unit of a linear program, if there is any."""
        used, n_members = self._used(problem), len(problem.members)
        if not used.size:
            return []
        return [StorageUnit.of(problem.storage, used, n_members, problem.steps.step_hours)]

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        if self._used(problem).size:
            return self._pooled_game(problem)
        return native_from(
            netting_game, problem.net_load_kwh, problem.buy_per_kwh, problem.sell_per_kwh
        )

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs: nothing is bought, so each is by itself."""
        parts = [self.native_game(problem) for problem in problems]
        return native_from(weighted_sum_game, parts, np.array(weights))

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does."""
        net_load_kwh = problem.net_load_kwh[members].sum(axis=0)
        pool, efficiencies = self._pool(problem)
        energy_kwh, power_kw, initial_kwh = (float(each[members].sum()) for each in pool)
        power_kwh = power_kw * problem.steps.step_hours
        found = _run(problem, net_load_kwh, (energy_kwh, power_kwh, initial_kwh), efficiencies)
        return Dispatch(
            net_load_kwh=net_load_kwh,
            charge_kwh=found.charge,
            discharge_kwh=found.discharge,
            state_of_charge_kwh=found.state_of_charge,
            grid_import_kwh=found.grid_import,
            grid_export_kwh=found.grid_export,
            cost=found.cost,
            purchases={},
        )

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Return the bills at dual prices; they add up to the cost but for rounding."""
        _, bills_by_step = self._priced(problem)
        return DualBills(bills_by_step.sum(axis=1), 0.0)

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> OwenPrices:
        """Return prices that prove the dispatch of all optimal, and the range of each bill."""
        found, bills_by_step = self._priced(problem)
        bills = bills_by_step.sum(axis=1)
        game = self._pooled_game(problem)
        with progress_report("ranges of the bills", "member", progress) as report:
            lowest, highest = game.bill_ranges(report).T
        return OwenPrices(
            energy_price=found.energy_price,
            cost=found.cost,
            duality_gap=float(found.cost - bills.sum()),
            lowest=np.minimum(lowest, bills),
            highest=np.maximum(highest, bills),
            bills_by_step=bills_by_step,
            capacity_price=found.capacity_price,
            power_price=found.power_price,
            initial_charge_price=found.initial_charge_price,
        )

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle:
        """Return the separation oracle: costs by recursion, the search by a linear program."""
        game = Game.from_native(
            self.native_game(problem), problem.members, kind="cost", rounding=problem.rounding
        )
        return DispatchOracle(
            game,
            self.dual_bills(problem),
            partial(self._program_game, problem),
        )

    def _program_game(self, problem: DispatchProblem) -> LinearProductionGame:
        return self.program([problem]).game

    def _used(self, problem: DispatchProblem) -> NDArray[np.intp]:
        """Return the batteries in the pool, by number."""
        return problem.storage.usable

    def _pool(
        self, problem: DispatchProblem
    ) -> tuple[
        tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], tuple[float, float]
    ]:
        """Return what each member adds to the pool, in kWh, kW and kWh, and its efficiencies."""
        storage, used = problem.storage, self._used(problem)
        efficiencies = (1.0, 1.0)
        if used.size:
            first = used[0]
            efficiencies = (
                float(storage.charge_efficiency[first]),
                float(storage.discharge_efficiency[first]),
            )
        return storage.brought(used, len(problem.members)), efficiencies

    def _pooled_game(self, problem: DispatchProblem) -> PooledBatteryGame:
        (energy_kwh, power_kw, initial_kwh), efficiencies = self._pool(problem)
        return native_from(
            pooled_battery_game,
            problem.net_load_kwh,
            problem.buy_per_kwh,
            problem.sell_per_kwh,
            energy_kwh,
            power_kw * problem.steps.step_hours,
            *efficiencies,
            initial_kwh,
        )

    def _priced(
        self, problem: DispatchProblem
    ) -> tuple[PooledBatteryDispatch, NDArray[np.float64]]:
        """Return the dispatch of all with its prices, and what each member owes in each step."""
        (energy_kwh, power_kw, initial_kwh), efficiencies = self._pool(problem)
        power_kwh, net_load_kwh = power_kw * problem.steps.step_hours, problem.net_load_kwh
        amounts = (float(energy_kwh.sum()), float(power_kwh.sum()), float(initial_kwh.sum()))
        found = _run(problem, net_load_kwh.sum(axis=0), amounts, efficiencies)
        brought = [(energy_kwh, found.capacity_price), (power_kwh, found.power_price)]
        bills_by_step = bills_at(net_load_kwh, found.energy_price, brought)
        bills_by_step[:, 0] -= found.initial_charge_price * initial_kwh
        return found, bills_by_step


def _run(
    problem: DispatchProblem,
    net_load_kwh: NDArray[np.float64],
    pool: tuple[float, float, float],
    efficiencies: tuple[float, float],
) -> PooledBatteryDispatch:
    """Return the dispatch of a coalition: its net load, and what it has of the pool."""
    energy_kwh, power_kwh, initial_kwh = pool
    return pooled_battery_dispatch(
        net_load_kwh,
        problem.buy_per_kwh,
        problem.sell_per_kwh,
        energy_kwh,
        power_kwh,
        *efficiencies,
        initial_kwh,
    )
