r"""Bills under risk: prices of scenarios, and weights of the scenarios that prove the risk.

The risk of costs is :math:`\max_\pi \sum_w \pi_w c_w` over weights within bounds
(:class:`~sesgame.energy.Risk`). With bills :math:`x_{iw}` of each scenario that charge no coalition
more than it costs there, and weights :math:`\pi` that are the worst for all together, the bills
:math:`\sum_w \pi_w x_{iw}` add up to the risk of all, and charge no coalition more than its own:
:math:`\sum_w \pi_w x_w(S) \le \sum_w \pi_w c_w(S) \le \rho(S)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import risk_game
from sesgame.energy.dispatch.dual_prices import DualPrices, ProgrammePrices, WeightedBills
from sesgame.energy.dispatch.linear import LinearModel
from sesgame.energy.dispatch.scenario_prices import ScenarioPrices
from sesgame.energy.risk import Risk, equal_from_the_worst
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.model import DispatchModel
    from sesgame.energy.dispatch.problem import DispatchProblem

__all__ = ["buys_together", "prices_of_scenarios", "risk_of_scenarios"]


def buys_together(model: DispatchModel, problems: Sequence[DispatchProblem]) -> bool:
    """Return whether scenarios share a decision: what is bought for all of them."""
    to_buy = len(problems[0].offers) + len(problems[0].generation)
    return isinstance(model, LinearModel) and to_buy > 0


def risk_of_scenarios(
    model: DispatchModel,
    problems: Sequence[DispatchProblem],
    weights: Sequence[float],
    risk: Risk | None,
) -> NativeGame:
    """Return the compiled game of what coalitions bear in scenarios: a risk, or the mean.

    Where nothing is bought for all scenarios the least risk is that of the least costs of each, so
    the costs are those of each game by itself: as fast as the mean.
    """
    if risk is None or risk.is_mean:
        return model.mean_game(problems, weights)
    if buys_together(model, problems):
        return model.program(problems, weights, risk).game
    parts = [model.native_game(problem) for problem in problems]
    return native_from(risk_game, parts, np.array(weights), risk.level, risk.weight)


def prices_of_scenarios(
    model: DispatchModel,
    problems: Sequence[DispatchProblem],
    probabilities: NDArray[np.float64],
    risk: Risk,
    *,
    progress: bool,
) -> ScenarioPrices:
    """Return the prices of scenarios for which nothing is bought: each is a day by itself.

    Scenarios that cost all together equally much share what they weigh in proportion to their
    probabilities. The ranges of the bills are those under all prices and all such weights.
    """
    found: list[DualPrices] = [model.dual_prices(each, progress=progress) for each in problems]
    costs = np.array([each.cost for each in found])
    rounding = max(each.rounding for each in problems)
    weights = risk.weights_of(costs, probabilities, rounding)
    by_step = WeightedBills(tuple(each.by_step for each in found), weights)
    bills = np.array([each.bills for each in found]).T
    total, _ = by_step.sums
    cost = float((weights * costs).sum())
    bounds = risk.bounds(probabilities)
    ties = equal_from_the_worst(costs, rounding)
    lowest = -_largest_mean(np.array([-each.lowest for each in found]), weights, bounds, ties)
    highest = _largest_mean(np.array([each.highest for each in found]), weights, bounds, ties)
    return ScenarioPrices(
        energy_price=np.concatenate([each.energy_price for each in found]),
        line_price=np.concatenate(list(map(_line_price, found, problems)), axis=1),
        cost=cost,
        duality_gap=cost - float(total.sum()),
        lowest=np.minimum(lowest, total),
        highest=np.maximum(highest, total),
        by_step=by_step,
        distance=np.nan,
        level=risk.level,
        weight=risk.weight,
        probabilities=probabilities,
        scenario_weights=weights,
        scenario_costs=costs,
        scenario_bills=bills,
        invested=0.0,
        purchases={},
        generators_kw={},
    )


def _line_price(prices: DualPrices, problem: DispatchProblem) -> NDArray[np.float64]:
    """Return what a kWh costs more behind each line, shape (lines, T)."""
    if isinstance(prices, ProgrammePrices):
        return prices.line_price
    # A recursion has no limits of lines that bind.
    lines = [limit for limit in problem.flow_limits if not limit.is_own]
    return np.zeros((len(lines), problem.steps.n_steps))


def _largest_mean(
    bills: NDArray[np.float64],
    weights: NDArray[np.float64],
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]],
    ties: list[NDArray[np.intp]],
) -> NDArray[np.float64]:
    """Return the largest mean of each member's bills, shape (K, n), under all weights of a risk.

    Equal scenarios may share what they weigh in any way: those of the largest bills come first.
    """
    least, most = bounds
    largest: NDArray[np.float64] = np.zeros(bills.shape[1])
    for tied in ties:
        order = np.argsort(-bills[tied], axis=0, kind="stable")
        room = (most - least)[tied][order]
        left = float((weights - least)[tied].sum())
        before = np.cumsum(room, axis=0) - room
        taken = least[tied][order] + np.clip(left - before, 0.0, room)
        largest += (taken * np.take_along_axis(bills[tied], order, axis=0)).sum(axis=0)
    return largest
