r"""Allocations from the dual prices of a model's grand coalition.

The optimal value v of a model is a convex function (of a maximum, concave) of what members bring,
and that is linear in membership. So with dual prices x of the grand coalition N as a subgradient,
``v(S) >= v(N) - x(N \ S)`` for the costs of every coalition S: if the prices add up to v(N), no
coalition is charged more than its own cost, ``x(S) <= v(S)``. In a linear model in which all
right-hand sides have owners they add up by strong duality [owen1975]_. In a quadratic one they add
up only where the quadratic part costs nothing at the margin: marginal costs exceed average ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.adapters.coalition_solver import DUALITY_TOLERANCE, CoalitionSolver
from sesgame.adapters.membership_model import MembershipModel
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation, Amount, Evidence, Intervals
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.linear.directional_derivative import MISSED, Optimum, derivative_model, prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.linear.reduced_model import ReducedModel

__all__ = ["DualityEvidence", "dual_allocation"]


@dataclass(frozen=True, eq=False)
class DualityEvidence(Evidence):
    """How far dual prices miss the value of the grand coalition, and the bills they leave open.

    Attributes
    ----------
    duality_gap : float
        The value of the grand coalition minus the sum of what players get for their shares.
    lowest, highest : ndarray of shape (n,)
        Between what each player's share lies under any optimal dual prices, to about 1e-7 of the
        prices; infinite where a little more, or less, of what the player brings would make the
        model infeasible. They are equal where the prices leave no choice.
    """

    duality_gap: float
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def is_degenerate(self, allocation: Allocation) -> bool:
        """Return whether other dual prices are optimal as well, and give other shares."""
        return bool((self.highest - self.lowest > allocation.tolerance).any())

    def intervals(self, allocation: Allocation) -> Intervals | None:
        """Return between what the shares lie, where the prices leave a choice."""
        if not self.is_degenerate(allocation):
            return None
        return Intervals(
            self.lowest,
            self.highest,
            "between what a share lies under any dual prices that prove the optimum",
        )

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return that the prices are not unique, where they are not."""
        if not self.is_degenerate(allocation):
            return []
        width = float((self.highest - self.lowest).max())
        return [
            f"The dual prices are degenerate: others are optimal as well, and with them somebody's "
            f"share differs by up to {amount(width)}. Each of them is in the core; these are those "
            f"at which the solver ends."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the prices prove."""
        return [
            "The shares are what everybody brings, at prices that prove the optimum of all, and "
            "add up to its value. That proves that no group can do better on its own, however "
            "many groups there are."
        ]


@checked_arguments
def dual_allocation(game: Game) -> Allocation:
    r"""Return what the optimal dual prices of the grand coalition give each player: in the core.

    .. math:: x_i = \frac{\partial v}{\partial z_i}(N)

    Parameters
    ----------
    game : Game
        From one of the adapters; its model has no integer variables, and membership multiplies no
        variable of its objective.

    Returns
    -------
    Allocation
        With the duality gap and the range of each share as evidence
        (:class:`sesgame.evidence.DualityEvidence`). Where the optimal prices are not unique it is
        one of several allocations of the core.

    Raises
    ------
    CharacteristicFunctionError
        The grand coalition has no value.
    GameError
        The game is not from an adapter, its model has integer variables or costs that depend on
        the membership, something binds all but not every coalition, or the prices do not add up to
        the value of the grand coalition: something in it has no owner, or its costs are quadratic.
    SolverError
        A range cannot be found.

    Notes
    -----
    One solve for the prices, and two for each range that start where the first has ended: the
    derivatives of v to the left and to the right of :math:`z_i`.

    References
    ----------
    Owen (1975) for linear production games [owen1975]_.

    Examples
    --------
    >>> import highspy
    >>> import sesgame as sg
    >>> model = highspy.Highs()
    >>> model.silent()
    >>> buy = model.addVariable(obj=0.3)
    >>> ann, bob = model.addVariable(), model.addVariable()
    >>> _ = model.addConstr(buy >= 5 * ann - 2 * bob)
    >>> game = sg.adapters.highspy.model_game(model, {"ann": ann, "bob": bob})
    >>> bills = sg.adapters.dual_allocation(game)
    >>> bills.values.round(9).tolist(), bills.evidence.highest.round(9).tolist()
    ([1.5, -0.6], [1.5, -0.6])
    """
    model = game.function
    if not isinstance(model, MembershipModel):
        raise GameError(f"dual prices need a game from an adapter (sg.adapters), not {game!r}")
    if model.is_integer:
        raise GameError("the model has integer variables: it has no dual prices")
    reduced = model.reduced
    if reduced.moves_costs:
        raise GameError(
            "in the objective, membership is multiplied by a variable or by another membership: "
            "the value is no convex function of membership, and dual prices prove nothing"
        )
    value = game.value(game.players)
    shares, lowest, highest = model.on_own_thread(lambda solver, _: _prices(reduced, solver))
    gap = value - float(shares.sum())
    tolerance = DUALITY_TOLERANCE * float(np.abs(shares).sum())
    if abs(gap) > tolerance:
        reason = (
            "its marginal cost is not its average cost, for the objective is quadratic; use "
            "another rule"
            if model.is_quadratic
            else "the rest belongs to right-hand sides that nobody owns; make their owner a player"
        )
        raise GameError(
            f"the dual prices of the members add up to {value - gap:g}, the grand coalition is "
            f"worth {value:g}: {reason}"
        )
    return Allocation(
        game.players,
        shares,
        game.kind,
        "dual prices",
        tolerance=tolerance,
        evidence=DualityEvidence(gap, lowest, highest),
    )


def _prices(
    reduced: ReducedModel, solver: CoalitionSolver
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of the grand coalition's members, and between what each lies."""
    n_players, sense = len(reduced.cost_share), reduced.model.sense
    everybody = np.ones(n_players)
    solver.optimum(everybody)
    solution = solver.highs.getSolution()
    optimum = Optimum(
        *(
            np.asarray(part)
            for part in (
                solution.col_value,
                solution.row_value,
                solution.col_dual,
                solution.row_dual,
            )
        )
    )
    wider = optimum.column_duals[reduced.columns.places[reduced.columns.wider_for_absent]]
    if (np.abs(wider) > MISSED * np.abs(optimum.row_duals).max(initial=0.0)).any():
        raise GameError(
            "what binds all members together does not bind every coalition (a line in a mesh, a "
            "constraint that falls away with its last component): dual prices prove nothing"
        )
    shares = prices(reduced, optimum)
    changed = derivative_model(reduced, everybody, optimum)
    slope = CoalitionSolver(changed, basis=solver.basis)
    ends = np.empty((2, n_players))
    for player, direction in enumerate(np.eye(n_players)):
        for end, towards in enumerate((direction, -direction)):
            rate = sense * np.inf
            if slope.solve(towards):
                rate = slope.highs.getObjectiveValue() + changed.cost_of_members(towards)
            ends[end, player] = (1 - 2 * end) * rate
    return shares, np.minimum(ends.min(axis=0), shares), np.maximum(ends.max(axis=0), shares)
