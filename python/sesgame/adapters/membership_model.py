r"""A model in which membership is a variable: what all adapters end in.

The model has one variable :math:`z_i` for each player, and what a player brings in (a load, a
battery, a plant's capacity) is multiplied by it: ``bought - sold == load_1 z_1 + load_2 z_2``.
A coalition fixes each :math:`z_i` at 1 or 0. That is a change of right-hand sides, bounds and costs
of a model that stays in the solver; nothing is built anew.

A value counts if it is proved: that of a linear or convex quadratic model by strong duality, that
of a model with integers as in ``sesgame.linear.integer_check``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sesgame.adapters.coalition_solver import CoalitionSolver, IntegerSolver
from sesgame.errors import CharacteristicFunctionError, GameError, SolverError
from sesgame.formatting import format_coalition
from sesgame.game.by_value import ByValue
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.linear.convexity import indefinite_columns
from sesgame.linear.model import LinearModel
from sesgame.linear.own_thread import OwnThread
from sesgame.linear.reduced_model import ReducedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray


__all__ = ["MembershipModel", "game_of_model"]

NOTHING = 1e-9
"""Of the largest cost: what rounding may leave of a value that is 0."""

Result = TypeVar("Result")


class MembershipModel(ByValue):
    """The optimal value of a model by coalition: a characteristic function.

    Parameters
    ----------
    players : Players
        The players.
    model : LinearModel
        The model.
    columns : sequence of int, shape (n,)
        The membership variable of each player.

    Raises
    ------
    GameError
        The model is quadratic and not convex, or quadratic with integers.

    Notes
    -----
    Each thread of each process has a solver of its own. A linear solve starts from the optimal
    basis of the grand coalition, if that has one, always, so that a value does not depend on the
    coalition before. HiGHS runs on threads that are ours (``sesgame.linear.own_thread``), one for
    each call of :meth:`evaluate`, and not on the caller's: see there why.
    """

    def __init__(self, players: Players, model: LinearModel, columns: Sequence[int]) -> None:
        self.players = players
        self.reduced = ReducedModel.of(model, columns)
        left = self.reduced.model
        self.is_integer = bool(left.integer.any())
        self.is_quadratic = bool(len(left.hessian[2]))
        if self.is_quadratic and self.is_integer:
            raise GameError(
                "the model has a quadratic objective and integer or semi-continuous variables: "
                "HiGHS solves only one of the two; make the objective linear, in pieces perhaps"
            )
        if (wrong := indefinite_columns(left.hessian, left.sense)).size:
            kind = "convex" if left.sense > 0 else "concave"
            among = ", ".join(map(str, wrong[:5])) + (", ..." if wrong.size > 5 else "")
            raise GameError(
                f"the quadratic objective is not {kind} in the columns {among} (counted without "
                f"the memberships), so that its optimum cannot be found for certain"
            )
        self._of_thread = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_of_thread"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._of_thread = threading.local()

    def evaluate(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Write the value of each row."""
        rows = membership.astype(np.float64)

        def work(solver: CoalitionSolver, thread: OwnThread[None]) -> None:
            for row, members in enumerate(rows):
                value = self._value(solver, members)
                if thread.stopped:
                    break
                values[row] = value

        self.on_own_thread(work)

    def _value(self, solver: CoalitionSolver, members: NDArray[np.float64]) -> float:
        try:
            optimum = solver.optimum(members)
        except SolverError as error:
            labels = self.players.ordered_labels(members > 0)
            raise CharacteristicFunctionError(
                f"the model of {format_coalition(labels)} has no value: {error}",
                frozenset(labels),
            ) from error
        return optimum + self.reduced.cost_of_members(members)

    def on_own_thread(self, work: Callable[[CoalitionSolver, OwnThread[Result]], Result]) -> Result:
        """Work with the solver of the calling thread, on a thread that HiGHS has for itself."""
        solver: CoalitionSolver | None = getattr(self._of_thread, "solver", None)
        if solver is None:
            kind = IntegerSolver if self.is_integer else CoalitionSolver
            solver = self._of_thread.solver = kind(self.reduced)
        own_thread: OwnThread[Result] = OwnThread(lambda thread: work(solver, thread))
        try:
            return own_thread.result()
        except BaseException:
            if not own_thread.finished:  # interrupted twice, and the solver is at work
                del self._of_thread.solver
            raise


def game_of_model(
    players: Players, model: LinearModel, columns: Sequence[int], inputs: str | None = None
) -> Game:
    """Return the game of a model: a cost game if it minimises, a gain game if it maximises.

    Raises
    ------
    GameError
        The model is not worth 0 without members, or cannot be solved: a quadratic objective is not
        convex, or there are integers beside it, or a semi-continuous column has no finite bounds.
    """
    function = MembershipModel(players, model, columns)
    nobody = np.zeros((1, len(players)), dtype=np.bool_)
    value = np.zeros(1)
    try:
        function.evaluate(nobody, value)
    except CharacteristicFunctionError as error:
        raise GameError(
            f"without members the model must be worth 0, but {error.__cause__}; multiply what "
            f"it needs by the membership of its owner, or make its owner a player"
        ) from error
    dearest = max(np.abs(part).max(initial=0.0) for part in (model.cost, model.hessian[2]))
    if abs(value[0]) > NOTHING * dearest:
        raise GameError(
            f"without members the model is worth {value[0]:g}, not 0: what it costs belongs to "
            f"somebody; multiply it by the membership of its owner, or make its owner a player"
        )
    return Game(players, "cost" if model.sense > 0 else "gain", function=function, inputs=inputs)
