r"""A linear model in which membership is a variable: what all adapters end in.

The model has one variable :math:`z_i` for each player, and what a player brings in (a load, a
battery, a plant's capacity) is multiplied by it: ``bought - sold == load_1 z_1 + load_2 z_2``.
A coalition fixes each :math:`z_i` at 1 or 0. That is a change of right-hand sides and bounds of a
model that stays in the solver; nothing is built anew. And the derivative of the optimal value by
:math:`z_i` is a price for player i: where all right-hand sides are owned, the prices of the grand
coalition add up to its value and are in the core [owen1975]_.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sesgame.errors import CharacteristicFunctionError, GameError, NumericalWarning, SolverError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Evidence
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.linear.model import LinearModel, ReducedModel
from sesgame.linear.own_thread import OwnThread, run
from sesgame.linear.quiet_highs import checked, info, said

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray


__all__ = ["DualityEvidence", "MembershipModel", "dual_allocation", "game_of_model"]

DUALITY_TOLERANCE = 1e-6
"""The difference between primal and dual objective, relative to them, that a solution may have."""

Result = TypeVar("Result")


class MembershipModel:
    """The optimal value of a linear model by coalition: a characteristic function.

    Parameters
    ----------
    players : Players
        The players.
    model : LinearModel
        The model.
    columns : sequence of int, shape (n,)
        The membership variable of each player.

    Notes
    -----
    Each thread of each process has a solver of its own. A linear solve starts from the optimal
    basis of the grand coalition, always, so that a value does not depend on the coalition before.
    HiGHS runs on threads that are ours (``sesgame.linear.own_thread``), one for
    each call of :meth:`evaluate`, and not on the caller's: see there why.
    """

    def __init__(self, players: Players, model: LinearModel, columns: Sequence[int]) -> None:
        self.players = players
        self.reduced = ReducedModel.of(model, columns)
        self.is_integer = bool(self.reduced.model.integer.any())
        self._of_thread = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_of_thread"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._of_thread = threading.local()

    def evaluate(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Write the value of each row."""
        rows = membership.astype(np.float64)

        def work(solver: _Solver, thread: OwnThread[None]) -> None:
            for row, members in enumerate(rows):
                value = self._value(solver, members)
                if thread.stopped:
                    break
                values[row] = value

        self._on_own_thread(work)

    def _value(self, solver: _Solver, members: NDArray[np.float64]) -> float:
        try:
            objective = self._solve(solver, members).getObjectiveValue()
        except SolverError as error:
            labels = self.players.ordered_labels(members > 0)
            raise CharacteristicFunctionError(
                f"the model of {format_coalition(labels)} has no value: {error}",
                frozenset(labels),
            ) from error
        return float(objective + self.reduced.cost_share @ members)

    def prices(self, members: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what one more of each player is worth in the optimum of a coalition."""
        reduced = self.reduced
        solution = self._on_own_thread(lambda solver, _: self._solve(solver, members).getSolution())
        of_rows = np.asarray(solution.row_dual)[reduced.rows.places]
        of_columns = np.asarray(solution.col_dual)[reduced.columns.places]
        return (
            reduced.cost_share
            + reduced.rows.price(of_rows, reduced.model.sense)
            + reduced.columns.price(of_columns, reduced.model.sense)
        )

    def _on_own_thread(self, work: Callable[[_Solver, OwnThread[Result]], Result]) -> Result:
        """Work with the solver of the calling thread, on a thread that HiGHS has for itself."""
        solver: _Solver | None = getattr(self._of_thread, "solver", None)
        if solver is None:
            solver = self._of_thread.solver = _Solver(self.reduced)
        own_thread: OwnThread[Result] = OwnThread(lambda thread: work(solver, thread))
        try:
            return own_thread.result()
        except BaseException:
            if not own_thread.finished:  # interrupted twice, and the solver is at work
                del self._of_thread.solver
            raise

    def _solve(self, solver: _Solver, members: NDArray[np.float64]) -> highspy.Highs:
        """Solve for a coalition.

        Raises
        ------
        SolverError
            The model is infeasible or unbounded, the solver stopped early, or the dual objective
            is not the primal one.
        """
        if not self.is_integer and solver.basis is None:
            solver.solve(np.ones(len(self.players)))
            solver.basis = solver.highs.getBasis()
        solver.solve(members)
        if not self.is_integer:
            gap = info(solver.highs, "primal_dual_objective_error")
            if not gap <= DUALITY_TOLERANCE:
                raise SolverError("strong duality", f"primal and dual differ by {gap:.2g}")
        return solver.highs


class _Solver:
    """The model in HiGHS, for one thread."""

    def __init__(self, reduced: ReducedModel) -> None:
        self.highs = reduced.model.to_highs()
        self.basis: highspy.HighsBasis | None = None
        self._moves = [
            (reduced.columns, self.highs.changeColsBounds),
            (reduced.rows, self.highs.changeRowsBounds),  # type: ignore[attr-defined] # stub
        ]

    def solve(self, z: NDArray[np.float64]) -> None:
        """Move the bounds to those of a coalition, and solve."""
        import highspy

        highs = self.highs
        for bounds, change in self._moves:
            lower, upper = bounds.at(z)
            checked(highs, change, len(lower), bounds.places, lower, upper)
        # What it knows of the coalition before would show in rounding.
        checked(highs, highs.clearSolver)
        if self.basis is not None:
            checked(highs, highs.setBasis, self.basis)
        returned = checked(highs, run, highs, warning_is_fine=True)
        status = highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError("HiGHS", highs.modelStatusToString(status).lower())
        if returned == highspy.HighsStatus.kWarning:
            warnings.warn(
                "HiGHS warns of an optimal solution: "
                f"{said(highs, highs.run) or 'it says not why'}",
                NumericalWarning,
                stacklevel=2,
            )


def game_of_model(
    players: Players, model: LinearModel, columns: Sequence[int], inputs: str | None = None
) -> Game:
    """Return the game of a model: a cost game if it minimises, a gain game if it maximises.

    Raises
    ------
    GameError
        The model is not worth 0 without members.
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
    if abs(value[0]) > 1e-9 * max(1.0, float(np.abs(model.cost).max(initial=0.0))):
        raise GameError(
            f"without members the model is worth {value[0]:g}, not 0: what it costs belongs to "
            f"somebody; multiply it by the membership of its owner, or make its owner a player"
        )
    return Game(players, "cost" if model.sense > 0 else "gain", function=function, inputs=inputs)


@dataclass(frozen=True)
class DualityEvidence(Evidence):
    """How far the dual prices miss the value of the grand coalition.

    Attributes
    ----------
    duality_gap : float
        The value of the grand coalition minus the sum of what players get for their shares.
    """

    duality_gap: float


def dual_allocation(game: Game) -> Allocation:
    r"""Return what the optimal dual prices of the grand coalition give each player: in the core.

    .. math:: x_i = \frac{\partial v}{\partial z_i}(N)

    Parameters
    ----------
    game : Game
        From one of the adapters; its model has no integer variables.

    Returns
    -------
    Allocation
        With the duality gap as evidence. One solve, for any number of players. Where the
        optimal prices are not unique it is one of several allocations of the core.

    Raises
    ------
    GameError
        The game is not from an adapter, its model has integer variables, or something in it has
        no owner, so that the prices do not add up to the value of the grand coalition.

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
    >>> sg.adapters.dual_allocation(game).values.round(9).tolist()
    [1.5, -0.6]
    """
    model = game.function
    if not isinstance(model, MembershipModel):
        raise GameError("dual prices need a game from an adapter (sg.adapters)")
    if model.is_integer:
        raise GameError("the model has integer variables: it has no dual prices")
    prices = model.prices(np.ones(game.n_players))
    value = game.value(game.players)
    gap = value - float(prices.sum())
    if abs(gap) > DUALITY_TOLERANCE * max(1.0, abs(value)):
        raise GameError(
            f"the dual prices of the members add up to {value - gap:g}, the grand coalition is "
            f"worth {value:g}: the rest belongs to right-hand sides that nobody owns; make their "
            f"owner a player"
        )
    return Allocation(
        game.players,
        prices,
        game.kind,
        "dual prices",
        tolerance=DUALITY_TOLERANCE * max(1.0, abs(value)),
        evidence=DualityEvidence(gap),
    )
