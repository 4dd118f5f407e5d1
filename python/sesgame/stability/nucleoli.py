"""Nucleolus and prenucleolus: make the coalition that objects most object as little as possible.

Then the next one, and so on. Definitions: Schmeidler (1969); proofs: Kohlberg (1971).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sesgame import _engine
from sesgame.allocation import Allocation, Evidence
from sesgame.progress import progress_report
from sesgame.stability.stages import Effort, Stage, stage

if TYPE_CHECKING:
    from sesgame.game import Game

__all__ = [
    "NucleolusEvidence",
    "nucleolus",
    "per_capita_nucleolus",
    "per_capita_prenucleolus",
    "prenucleolus",
]


@dataclasses.dataclass(frozen=True)
class NucleolusEvidence(Evidence):
    """What proves a nucleolus: its stages, each balanced (Kohlberg 1971) [kohlberg1971]_.

    Attributes
    ----------
    stages : tuple of Stage
        In the order in which they were settled, largest excess first.
    per_capita : bool
        Whether excesses are divided by the size of the coalition.
    individually_rational : bool
        Whether no player may get less than alone. False for a prenucleolus, and for a nucleolus
        that was asked of a game in which the players alone have more than all together.
    effort : Effort
        What it took.
    """

    stages: tuple[Stage, ...]
    per_capita: bool
    individually_rational: bool
    effort: Effort


def nucleolus(game: Game, *, progress: bool = True) -> Allocation:
    """Return the nucleolus: the imputation whose excesses are lexicographically smallest.

    With the excess e(S, x) = v(S) - x(S) for gains and x(S) - c(S) for costs, the nucleolus is
    the one allocation x with x(N) = v(N) and e({i}, x) <= 0 for every player i whose excesses,
    sorted from the largest down, are lexicographically least. It lies in the core whenever the
    core is not empty.

    Parameters
    ----------
    game : Game
        At most 30 players; it is tabulated.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        With :class:`NucleolusEvidence`. Where the players alone have more than all together, no
        imputation exists; the allocation is then the prenucleolus and its method says so.

    Raises
    ------
    PlayerLimitError
        More than 30 players.
    SolverError
        A level of the linear programme could not be finished; its number is the stage.

    Notes
    -----
    Typically two to six scans of the 2^n values, most of them in part. Linear programmes over a
    pool of some hundred coalitions are solved level by level; a level settles exactly the
    coalitions of positive dual weight, and a scan that finds no other coalition above its level
    ends the search. Excesses closer than 2e-10 of the largest value that matters count as equal.

    References
    ----------
    Schmeidler (1969) [schmeidler1969]_, Kohlberg (1971) [kohlberg1971]_.

    Examples
    --------
    Three widows claim 100, 200 and 300 of an estate of 200 (Talmud):

    >>> import sesgame as sg
    >>> claims = {"a": 100, "b": 200, "c": 300}
    >>> game = sg.Game.from_function(
    ...     claims,
    ...     lambda s: max(0, 200 - sum(claims[p] for p in claims if p not in s)),
    ...     kind="gain",
    ... )
    >>> [round(float(x), 6) for x in sg.nucleolus(game).values]
    [50.0, 75.0, 75.0]
    """
    return _solve(game, "nucleolus", False, True, progress)


def prenucleolus(game: Game, *, progress: bool = True) -> Allocation:
    """Return the prenucleolus: as the nucleolus, without individual rationality.

    Parameters
    ----------
    game, progress
        As in :func:`nucleolus`.

    Returns
    -------
    Allocation
        With :class:`NucleolusEvidence`.

    Raises
    ------
    PlayerLimitError, SolverError
        As in :func:`nucleolus`.

    Notes
    -----
    As in :func:`nucleolus`. A player may get less than alone, even a negative gain.

    References
    ----------
    Schmeidler (1969) [schmeidler1969]_, Kohlberg (1971) [kohlberg1971]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 10, 0, 0, 0, 2], kind="gain")
    >>> [round(float(x), 6) for x in sg.prenucleolus(game).values]
    [3.0, 3.0, -4.0]
    """
    return _solve(game, "prenucleolus", False, False, progress)


def per_capita_nucleolus(game: Game, *, progress: bool = True) -> Allocation:
    """Return the per-capita nucleolus: as the nucleolus, with excesses e(S, x) / |S|.

    Parameters
    ----------
    game, progress
        As in :func:`nucleolus`.

    Returns
    -------
    Allocation
        With :class:`NucleolusEvidence`; the excesses of its stages are per member.

    Raises
    ------
    PlayerLimitError, SolverError
        As in :func:`nucleolus`.

    Notes
    -----
    As in :func:`nucleolus`, with every scan of the whole table.

    References
    ----------
    Grotte (1970) [grotte1970]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 6, 0, 0, 0, 9], kind="gain")
    >>> [round(float(x), 6) for x in sg.per_capita_nucleolus(game).values]
    [4.0, 4.0, 1.0]
    """
    return _solve(game, "per-capita nucleolus", True, True, progress)


def per_capita_prenucleolus(game: Game, *, progress: bool = True) -> Allocation:
    """Return the per-capita prenucleolus: excesses e(S, x) / |S|, no individual rationality.

    Parameters
    ----------
    game, progress
        As in :func:`nucleolus`.

    Returns
    -------
    Allocation
        With :class:`NucleolusEvidence`; the excesses of its stages are per member.

    Raises
    ------
    PlayerLimitError, SolverError
        As in :func:`nucleolus`.

    Notes
    -----
    As in :func:`per_capita_nucleolus`.

    References
    ----------
    Grotte (1970) [grotte1970]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 4, 0, 2], kind="gain")
    >>> [round(float(x), 6) for x in sg.per_capita_prenucleolus(game).values]
    [3.0, -1.0]
    """
    return _solve(game, "per-capita prenucleolus", True, False, progress)


def _solve(
    game: Game, method: str, per_capita: bool, individually_rational: bool, progress: bool
) -> Allocation:
    table = game.tabulate(progress=progress)
    with progress_report(method, " scans", progress) as report:
        values, stages, bounded, tolerance, effort = _engine.nucleolus(
            table, game.kind, per_capita, individually_rational, report
        )
    if individually_rational and not bounded:
        method = method.replace("nucleolus", "prenucleolus") + " (no imputation exists)"
    return Allocation(
        players=game.players,
        values=values,
        kind=game.kind,
        method=method,
        tolerance=tolerance,
        evidence=NucleolusEvidence(
            stages=tuple(stage(game.players, raw) for raw in stages),
            per_capita=per_capita,
            individually_rational=bounded,
            effort=Effort(*effort),
        ),
    )
