"""The coalition with the largest excess, of any number of members, by branch and bound."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sesgame._engine import OuterApproximation
from sesgame.cached import cached_property
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import LinearProductionGame
    from sesgame.energy.dispatch.dual_prices import DualBills
    from sesgame.game.game import Game

__all__ = ["DispatchOracle"]

RELATIVE_GAP = 1e-8
"""Of the sum of what all pay and get: how far the bound of a finished search may be above."""

PRICED_GAP = 1e-9
"""The same where dispatches price coalitions, each to a part in 1e9 or better."""

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

    Where a recursion dispatches the coalitions, the steps are not in that program. The cost of
    shares z of the members is convex, and the dual prices of one dispatch bound it from below at
    all shares; the program has a column for each member and a row for each such bound, which are
    generated where they are needed: outer approximation within one tree of branch and bound
    [quesada1992]_. The bounds hold for every allocation, so the oracle keeps them from question to
    question. What is proved does not depend on earlier questions; which of several coalitions is
    named may. The same questions in the same order have the same answers, bit by bit, unless the
    time is up. A copy and a pickled oracle start without bounds.

    Pools without constants have constant returns: members who all join with the same share have no
    excess at an efficient allocation, so no relaxation is below zero there. That all excesses are
    below a negative level takes branches until no coalition is nearly a part of the whole. The
    least core of many members therefore often ends as an interval up to 0, the excess at
    `core_allocation`.

    Made by :meth:`Community.separation_oracle <sesgame.energy.Community.separation_oracle>`; it is
    what ``oracle`` of :func:`sesgame.least_core`, :func:`sesgame.nucleolus` and
    :func:`sesgame.audit` takes.

    Attributes
    ----------
    kind : "cost"
    core_allocation : ndarray of shape (n,) or None
        The bills at the dual prices of all: no coalition has a positive excess there. None where
        they do not add up to the cost, since a limit that belongs to no member earns something.

    References
    ----------
    Quesada and Grossmann (1992) [quesada1992]_.
    """

    kind: Literal["cost"] = "cost"

    def __init__(
        self,
        game: Game,
        dual: DualBills,
        make_program: Callable[[], LinearProductionGame | OuterApproximation],
    ) -> None:
        self._game = game
        self._dual = dual
        self._make_program = make_program

    @cached_property
    def _program(self) -> LinearProductionGame | OuterApproximation:
        return self._make_program()

    def _parts(self) -> dict[str, Any]:
        return {"game": self._game, "dual": self._dual, "make_program": self._make_program}

    @property
    def core_allocation(self) -> NDArray[np.float64] | None:
        """Bills that no coalition objects to, shape (n,), where the prices of all have some."""
        return None if self._dual.duality_gap else self._dual.bills

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
        is_priced = isinstance(self._program, OuterApproximation)
        gap = turnover * (PRICED_GAP if is_priced else RELATIVE_GAP)
        rows, costs = np.zeros((0, n), dtype=np.bool_), np.zeros(0)
        bound = np.inf
        for any_above in (count > 1 and level > -np.inf, False):
            found, proved, _, _ = self._program.most_violated(
                allocation,
                nothing if outside is None else np.ascontiguousarray(outside, dtype=np.int64),
                level,
                gap,
                any_above,
                max(0.0, deadline - monotonic()),
            )
            bound = min(bound, proved)
            if found is not None and found.size:
                rows = np.atleast_2d(found)[:count]
                costs = self.value(rows)
                # One that is hardly above the level neither helps nor proves there is no other.
                if float((rows @ allocation - costs).max()) > level + HARDLY * turnover:
                    break
            # A search that may stop early may leave out what is not far above the level.
            if not any_above or bound <= level + gap:
                break
        return rows, costs, bound
