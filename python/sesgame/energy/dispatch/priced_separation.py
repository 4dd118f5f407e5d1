"""Separation where a recursion prices every mixture of members, without a program over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sesgame._engine import convex_separation, two_price_separation
from sesgame.energy.dispatch.convex_pool import convex_game
from sesgame.energy.dispatch.peak_pool import PeakPool
from sesgame.energy.dispatch.step_cost import StepCosts
from sesgame.energy.dispatch.two_price_pool import TwoPricePool

if TYPE_CHECKING:
    from collections.abc import Callable

    from sesgame._engine import OuterApproximation
    from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
    from sesgame.energy.dispatch.problem import DispatchProblem

__all__ = ["has_prices_of_all_shares", "outer_approximation"]


def has_prices_of_all_shares(problem: DispatchProblem, unit: StorageUnit) -> bool:
    """Return whether a recursion prices whoever takes part, with any share.

    All of them have to keep the limits, if there are any; charges on peaks have prices beside two
    of energy, and nothing else.
    """
    if problem.peak_charges:
        return TwoPricePool.has_all_of(problem, unit)
    return not problem.limits_of_nobody or problem.keeps_limits_without_storage


def outer_approximation(
    problem: DispatchProblem, unit: StorageUnit, program: Callable[[], LinearDispatch]
) -> OuterApproximation:
    """Return the separation in the costs of a pool, of which each member brings its part."""
    if TwoPricePool.has_all_of(problem, unit):
        charged = PeakPool(problem, unit, program).game() if problem.peak_charges else None
        return two_price_separation(*TwoPricePool(problem, unit).arguments, charged)
    return convex_separation(convex_game(StepCosts.of(problem), unit))
