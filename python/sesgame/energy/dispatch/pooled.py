"""All batteries of a coalition run as one: a recursion over the steps, exact and very fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sesgame._engine import netting_game, weighted_sum_game
from sesgame.energy.dispatch.dual_prices import DualBills, DualPrices
from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
from sesgame.energy.dispatch.peak_pool import PeakPool, UnchargedPool, uncharged_pool
from sesgame.energy.dispatch.pool_gap import NEEDED, cut_pools, gap_of_all, proved_gap
from sesgame.energy.dispatch.priced_separation import has_prices_of_all_shares, outer_approximation
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
from sesgame.energy.dispatch.separation import DispatchOracle
from sesgame.energy.dispatch.two_price_pool import TwoPricePool
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.game.native_source import native_from
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import LinearProductionGame, NativeGame, OuterApproximation
    from sesgame.energy.risk import Risk

__all__ = ["PooledModel"]

_Pool: TypeAlias = UnchargedPool | PeakPool

LOCAL_SEARCH = 20_000
"""Coalitions looked at before each mixed-integer program, since a recursion makes them cheap."""


class PooledModel(ByValue):
    """The battery of a coalition has all energy, power and charge that its members bring."""

    name: Model = "battery"
    sentence = "The batteries are run as one, as cheaply as possible for all."
    optimises = True
    reading = "storage is planned with foresight"
    is_pooled = True
    uses_batteries = True
    max_listed_players = MAX_TABLE_PLAYERS
    local_search = LOCAL_SEARCH

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words how the batteries are run, and how exact that is."""
        pooled = f"{count(len(problems[0].storage), 'battery')}, pooled"
        idle = dict.fromkeys(each.idle_limits for each in problems)
        notes = [note for note in (self._exactness(problems, weights), *idle) if note]
        return f"{pooled} ({'; '.join(notes)})" if notes else pooled

    def _exactness(self, problems: Sequence[DispatchProblem], weights: Sequence[float]) -> str:
        """Return in words how exact a pool is, if it is not exact."""
        share = max(map(proved_gap, problems))
        if not share:
            return ""
        gap = sum(w * self.gap(problem) for w, problem in zip(weights, problems, strict=True))
        amount = f"to {gap:.3g} {problems[0].currency} " if gap else ""
        if math.isinf(share):
            known = f"exact {amount}for all members, " if math.isfinite(gap) else ""
            return f"{known}of no proved exactness for groups: {NEEDED}"
        return (
            f"exact {amount}for all members, for any group to {100 * share:.3g} % of what they save"
        )

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return by which share of what storage saves a coalition's cost may be too low."""
        return proved_gap(problem)

    def gap(self, problem: DispatchProblem) -> float:
        """Return by how much all members at most pay more if each battery is run by itself.

        Less than rounding is nothing. Infinite where they cannot keep a limit without storage, and
        neither as any pool that the batteries can follow.
        """
        storage, hours = problem.storage, problem.steps.step_hours
        share = gap_of_all(storage)
        if not share:
            return 0.0
        unit = self._unit(problem)
        pool = self._pool(problem)
        amounts = (unit.energy_kwh, unit.charge_kwh, unit.discharge_kwh, unit.initial_kwh)
        pooled = pool.cost_of_all(*(float(each.sum()) for each in amounts))
        saved = pool.cost_of_all(0.0, 0.0, 0.0, 0.0) - pooled
        above = [
            pool.cost_of_all(energy, charge * hours, discharge * hours, initial) - pooled
            for energy, charge, discharge, initial in cut_pools(storage)
        ]
        gap = min(share * saved, *above)
        return gap if gap > problem.rounding else 0.0

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""
        return problem.beyond_a_pool + problem.beyond_a_step

    def program(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float] = (1.0,),
        risk: Risk | None = None,
    ) -> LinearDispatch:
        """Return the costs as a linear program, of a problem or of several scenarios."""
        return LinearDispatch(problems, weights, self.storage_units, risk)

    def storage_units(self, problem: DispatchProblem) -> list[StorageUnit]:
        """Return the pool as a storage unit of a linear program, if there is any."""
        return [self._unit(problem)] if self._used(problem).size else []

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game.

        Raises
        ------
        GameError
            All members together cannot keep a limit.
        """
        decided = problem.limits_of_nobody or problem.binding.curtailment.any()
        if not (self._used(problem).size or decided or problem.peak_charges):
            return native_from(
                netting_game, problem.net_load_kwh, problem.buy_per_kwh, problem.sell_per_kwh
            )
        pool = self._pool(problem)
        self._check_limits(problem, pool)
        return pool.game()

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs: nothing is bought, so each is by itself."""
        parts = [self.native_game(problem) for problem in problems]
        return native_from(weighted_sum_game, parts, np.array(weights))

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does."""
        return self._pool(problem).dispatch(members)

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Return the bills at dual prices.

        They add up to the cost but for rounding, and for what limits of nobody earn.
        """
        found = self._prices(problem)
        gap = found.duality_gap if problem.limits_of_nobody else 0.0
        return DualBills(found.bills, gap)

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> DualPrices:
        """Return prices that prove the dispatch of all optimal, and the range of each bill."""
        found = self._prices(problem)
        bills, pool = found.bills, self._pool(problem)
        of = pool if isinstance(pool, TwoPricePool) else pool.game()
        with progress_report("ranges of the bills", "member", progress) as report:
            lowest, highest = of.bill_ranges(report).T
        return replace(found, lowest=np.minimum(lowest, bills), highest=np.maximum(highest, bills))

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle | None:
        """Return the separation oracle: costs by recursion, and the search by its prices.

        By a linear program over all steps where a limit leaves some members no dispatch.
        """
        game = Game.from_native(
            self.native_game(problem), problem.members, kind="cost", rounding=problem.rounding
        )
        return DispatchOracle(
            game,
            self.dual_bills(problem),
            partial(self._search, problem),
        )

    def _search(self, problem: DispatchProblem) -> OuterApproximation | LinearProductionGame:
        unit = self._unit(problem)
        if has_prices_of_all_shares(problem, unit):
            return outer_approximation(problem, unit, lambda: self.program([problem]))
        return self.program([problem]).game

    def _used(self, problem: DispatchProblem) -> NDArray[np.intp]:
        """Return the batteries in the pool, by number."""
        return problem.storage.usable

    def _unit(self, problem: DispatchProblem) -> StorageUnit:
        """Return what each member adds to the pool."""
        n_members, hours = len(problem.members), problem.steps.step_hours
        return StorageUnit.of(problem.storage, self._used(problem), n_members, hours)

    def _pool(self, problem: DispatchProblem) -> _Pool:
        """Return the recursion that has all of a problem."""
        unit = self._unit(problem)
        if problem.peak_charges:
            return PeakPool(problem, unit, partial(self.program, [problem]))
        return uncharged_pool(problem, unit)

    def _prices(self, problem: DispatchProblem) -> DualPrices:
        pool = self._pool(problem)
        self._check_limits(problem, pool)
        return pool.prices()

    def _check_limits(self, problem: DispatchProblem, pool: _Pool) -> None:
        """Refuse limits that all members together cannot keep, with what they miss them by."""
        everybody = range(len(problem.members))
        step = pool.broken_step(everybody)
        if step is not None:
            # The program knows which limit it is, and by how much it is missed.
            self.program([problem])
            raise GameError(
                f"no dispatch keeps {' and '.join(problem.limits_of_nobody)} in the step from "
                f"{problem.steps.time(step)}"
            )
