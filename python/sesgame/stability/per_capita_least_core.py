"""The per-capita least core: the largest excess per member is as small as it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sesgame.game.door import checked_arguments
from sesgame.rule import Need, Rule
from sesgame.stability.core import LEAST_CORE, LeastCoreEvidence, least_core_of_table

if TYPE_CHECKING:
    from sesgame.game.allocation import Allocation
    from sesgame.game.game import Game

__all__ = ["PER_CAPITA_LEAST_CORE", "per_capita_least_core"]


@checked_arguments
def per_capita_least_core(game: Game, *, exact: bool = False, progress: bool = True) -> Allocation:
    r"""Return a point of the per-capita least core: the largest excess per member is least.

    .. math:: \min_{x(N) = v(N)} \; \max_{\emptyset \ne S \ne N} \frac{e(S, x)}{|S|}

    with e(S, x) = v(S) - x(S) for gains and x(S) - c(S) for costs. As for the least core, the
    core is empty exactly when the value is positive.

    Parameters
    ----------
    game : Game
        At most 30 players; it is tabulated.
    exact : bool, default False
        As in :func:`sesgame.least_core`.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        A point at which only those coalitions attain the value that do so at every point of the
        per-capita least core; with :class:`~sesgame.evidence.LeastCoreEvidence`, whose excesses
        are per member, in the unit of the game.

    Raises
    ------
    PlayerLimitError, SolverError
        As in :func:`sesgame.least_core`.

    Notes
    -----
    As in :func:`sesgame.least_core`: a few scans of the 2^n values.

    References
    ----------
    Young, Okada and Hashimoto (1982) [young1982]_, Grotte (1970) [grotte1970]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 6, 0, 0, 0, 9], kind="gain")
    >>> point = sg.per_capita_least_core(game)
    >>> round(point.evidence.value, 6), point.evidence.tight
    (-1.0, ((0, 1), (2,)))
    >>> sg.per_capita_least_core(game, exact=True).exact[2]
    Fraction(1, 1)
    """
    return least_core_of_table(game, PER_CAPITA_LEAST_CORE, True, exact, progress)


PER_CAPITA_LEAST_CORE = Rule(
    name="per-capita-least-core",
    proved_by=lambda evidence: isinstance(evidence, LeastCoreEvidence) and evidence.per_capita,
    title="per-capita least core",
    apply=lambda problem: per_capita_least_core(problem.game),
    needs=frozenset({Need.TABLE}),
    promises=LEAST_CORE.promises,
    meaning=(
        "The group with the most reason to leave, counted per member, has as little as any split "
        "allows."
    ),
    page=LEAST_CORE.page,
    sources=("young1982", "grotte1970"),
)
