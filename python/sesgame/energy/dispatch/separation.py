"""The coalition with the largest excess, of any number of members, by mixed-integer programming."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import LinearProductionGame
    from sesgame.energy.dispatch.dual_prices import DualBills
    from sesgame.game.game import Game

__all__ = ["DispatchOracle"]

RELATIVE_GAP = 1e-8
"""Of the sum of what all pay and get: how far the bound of a finished search may be above."""

HARDLY = 1e-6
"""Of that sum: an excess that is no farther above a level may be at it, within tolerances."""


class DispatchOracle(ByValue):
    r"""Separation oracle: the coalition with the largest excess, with a proved upper bound.

    .. math:: \max_S \; x(S) - c(S) = \max_{z \in \{0,1\}^n, \; y} \; x^\top z - f^\top y
              \quad \text{subject to} \quad l + L z \le A y \le u + U z

    The dispatch is a linear program whose bounds are linear in membership z, so the search over
    all coalitions is one mixed-integer program with a binary variable for each member. Its
    relaxation, in which members may join in part, comes first: where no excess is positive there,
    the allocation is in the core, and nothing has to be searched. Before it comes a look at the
    dual prices of the whole community. They charge no coalition more than its cost, so no excess
    is above what its members pay beyond the bills at these prices.

    Made by :meth:`Community.separation_oracle <sesgame.energy.Community.separation_oracle>`; it is
    what ``oracle`` of :func:`sesgame.least_core`, :func:`sesgame.nucleolus` and
    :func:`sesgame.audit` takes.

    Attributes
    ----------
    kind : "cost"
    """

    kind: Literal["cost"] = "cost"

    def __init__(
        self, game: Game, dual: DualBills, make_program: Callable[[], LinearProductionGame]
    ) -> None:
        self._game = game
        self._dual = dual
        self._make_program = make_program

    @cached_property
    def _program(self) -> LinearProductionGame:
        return self._make_program()

    def _parts(self) -> dict[str, Any]:
        return {"game": self._game, "dual": self._dual, "make_program": self._make_program}

    def value(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the costs of the coalitions in the rows of an array of shape (m, n)."""
        return self._game.values(membership, progress=False)

    def most_violated(
        self,
        allocation: NDArray[np.float64],
        count: int,
        *,
        level: float = -np.inf,
        outside: NDArray[Any] | None = None,
        max_seconds: float = np.inf,
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64], float]:
        """Return a coalition of an excess above `level`, if there is any, its cost, and the bound.

        With a `count` of 1 it is the one of largest excess. For a larger count, as of
        :func:`sesgame.least_core`, any that is far above the level will do, and the search ends as
        soon as one is at least half as far as the relaxation allows.
        """
        n = len(allocation)
        nothing = np.zeros((0, n), dtype=np.int64)
        turnover = float(np.abs(allocation).sum())
        deadline = monotonic() + max_seconds
        above = float(np.maximum(allocation - self._dual.bills, 0.0).sum())
        above -= self._dual.duality_gap
        if above <= level + RELATIVE_GAP * turnover:
            return np.zeros((0, n), dtype=np.bool_), np.zeros(0), max(above, level)
        row, cost = np.zeros((0, n), dtype=np.bool_), np.zeros(0)
        bound = np.inf
        for any_above in (count > 1 and level > -np.inf, False):
            members, proved, _, _ = self._program.most_violated(
                allocation,
                nothing if outside is None else np.ascontiguousarray(outside, dtype=np.int64),
                level,
                RELATIVE_GAP * turnover,
                any_above,
                max(0.0, deadline - monotonic()),
            )
            bound = min(bound, proved)
            if members is not None:
                row = members[np.newaxis]
                cost = self.value(row)
                # One that is hardly above the level neither helps nor proves there is no other.
                if float(row[0] @ allocation - cost[0]) > level + HARDLY * turnover:
                    break
            if not any_above:
                break
            # A search that may stop early leaves out what is not far above the level.
        return row, cost, bound
