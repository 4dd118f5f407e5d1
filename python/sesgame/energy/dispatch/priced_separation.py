"""Separation where a recursion prices every mixture of members, without a program over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import convex_separation, two_price_separation
from sesgame.energy.dispatch.convex_pool import convex_game
from sesgame.energy.dispatch.step_cost import StepCosts
from sesgame.energy.dispatch.two_price_pool import TwoPricePool

if TYPE_CHECKING:
    from sesgame._engine import OuterApproximation
    from sesgame.energy.dispatch.linear_program import StorageUnit
    from sesgame.energy.dispatch.problem import DispatchProblem

__all__ = ["has_prices_of_all_shares", "outer_approximation"]


def has_prices_of_all_shares(problem: DispatchProblem) -> bool:
    """Return whether whoever takes part, with any share, can keep the limits, if there are any."""
    return not problem.limits_of_nobody or problem.keeps_limits_without_storage


def outer_approximation(problem: DispatchProblem, unit: StorageUnit) -> OuterApproximation:
    """Return the separation in the costs of a pool, of which each member brings its part."""
    if problem.peak_charges or TwoPricePool.has_all_of(problem, unit):
        hours = problem.steps.step_hours
        return two_price_separation(
            problem.net_load_kwh,
            problem.buy_per_kwh,
            problem.sell_per_kwh,
            [
                (charge.price_per_kw / hours, charge.steps.astype(np.int64))
                for charge in problem.peak_charges
            ],
            unit.energy_kwh,
            unit.charge_kwh,
            unit.charge_efficiency,
            unit.discharge_efficiency,
            unit.initial_kwh,
        )
    return convex_separation(convex_game(StepCosts.of(problem), unit))
