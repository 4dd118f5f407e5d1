"""VCG payments of a cooperative game: each player's marginal contribution, from n + 1 values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.door import checked_arguments
from sesgame.rule import Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.block_scheduler import Executor
    from sesgame.game.game import Game
    from sesgame.game.store import StorePath

__all__ = ["VCG", "ClarkeEvidence", "vcg_payments"]


@dataclasses.dataclass(frozen=True, eq=False)
class ClarkeEvidence(Evidence):
    """The n + 1 values behind VCG payments, and what they cost the budget.

    Attributes
    ----------
    payments : ndarray of float, shape (n,)
        What each player pays; negative where it is paid, whatever the kind of the game.
    grand_value : float
        The value of the grand coalition, ``v(N)`` or ``c(N)``.
    values_without : ndarray of float, shape (n,)
        The value of the grand coalition without each player.
    deficit : float
        What is missing: the payoffs minus ``v(N)``, or ``c(N)`` minus the payments; negative
        for a surplus.
    """

    payments: NDArray[np.float64]
    grand_value: float
    values_without: NDArray[np.float64]
    deficit: float

    @property
    def n_evaluations(self) -> int:
        """The grand coalition, and those of n - 1 players."""
        return len(self.payments) + 1

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the payments are made of."""
        return [f"Made of {self.n_evaluations} values: all together, and all without each."]


@checked_arguments
def vcg_payments(
    game: Game,
    *,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the VCG (Clarke) payments of a cooperative game.

    .. math:: x_i = v(N) - v(N \setminus i)

    A coordinator collects the worth of the grand coalition (or bears its cost) and deals with
    each player at the player's marginal contribution.

    Parameters
    ----------
    game : Game
        Any game, also one that is a callable.
    executor, store, progress
        How the n + 1 coalitions are evaluated, as in :meth:`Game.values`.

    Returns
    -------
    Allocation
        In the sense of the game, so that it can be audited beside other rules: what each
        player gets in a gain game, what each pays in a cost game.
        ``evidence.payments`` has one sign for both kinds, positive = the player pays;
        ``evidence.deficit`` is what the budget lacks.

    Raises
    ------
    CharacteristicFunctionError
        The game has no finite value for one of the n + 1 coalitions.

    Notes
    -----
    n + 1 evaluations, in one block. The allocation is in general not efficient: its total is
    ``v(N)`` plus the deficit. An allocation in the core gives each player at most this,
    or charges at least this.

    References
    ----------
    Clarke (1971) [clarke1971]_; Moulin and Shenker (2001) [moulin2001]_ for cost games.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict(
    ...     {("ann",): 40, ("bob",): 30, ("ann", "bob"): 50}, kind="cost"
    ... )
    >>> allocation = sg.vcg_payments(game)
    >>> allocation["ann"], allocation["bob"], allocation.evidence.deficit
    (20.0, 10.0, 20.0)
    """
    n = game.n_players
    membership = np.ones((n + 1, n), dtype=np.bool_)
    membership[np.arange(n), np.arange(n)] = False
    values = game.values(membership, executor=executor, store=store, progress=progress)
    without, grand = values[:-1], float(values[-1])
    contributions = grand - without
    gap = float(contributions.sum() - grand)
    evidence = ClarkeEvidence(
        payments=contributions if game.kind == "cost" else -contributions,
        grand_value=grand,
        values_without=without,
        deficit=gap if game.kind == "gain" else -gap,
    )
    scale = float(np.abs(values).max())
    allocation = Allocation(
        game.players,
        contributions,
        game.kind,
        VCG.title,
        tolerance=4 * np.finfo(float).eps * scale,
        evidence=evidence,
    )
    return VCG.made(allocation)


VCG = Rule(
    name="vcg",
    title="VCG payments",
    apply=lambda problem: vcg_payments(problem.game),
    promises=frozenset({Promise.UNIQUE, Promise.ADDITIVE, Promise.SYMMETRIC, Promise.DUMMY}),
    meaning=(
        "Everybody {bears} what they add to the {worth} of all others together; the shares need "
        "not add up to what there is to split."
    ),
    page="concepts/vcg",
    sources=("clarke1971", "moulin2001"),
)
