"""Nucleolus and prenucleolus: make the coalition that objects most object as little as possible.

Then the next one, and so on. Definitions: Schmeidler (1969); proofs: Kohlberg (1971).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import nucleoli as engine_nucleoli
from sesgame._engine import nucleolus as engine_nucleolus
from sesgame.errors import GameError, OracleError, SolverError
from sesgame.game.allocation import Allocation, Evidence, checked_values
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.progress import progress_report
from sesgame.stability.exact import exact_levels
from sesgame.stability.row_generation import generate
from sesgame.stability.separation_oracle import game_of_oracle, without_oracle
from sesgame.stability.stages import Effort, Stage, stage
from sesgame.stability.verification import Verification, verify_stages

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.allocation import Kind
    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = [
    "NucleolusEvidence",
    "nucleoli",
    "nucleolus",
    "per_capita_nucleolus",
    "per_capita_prenucleolus",
    "prenucleolus",
]

EXACT_PLAYERS = 16
"""So many players are solved in integers within seconds."""


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
    values : tuple of float
        The allocation that the stages prove.
    tolerance : float
        Excesses closer than this count as equal.
    """

    stages: tuple[Stage, ...]
    per_capita: bool
    individually_rational: bool
    effort: Effort
    values: tuple[float, ...]
    tolerance: float

    def verify(self, game: Game, *, exact: bool = False) -> Verification:
        """Check the certificate with code that shares nothing with the solver.

        Parameters
        ----------
        game : Game
            The game that was solved; it is tabulated.
        exact : bool, default False
            Derive the allocation from the stages and compare all 2^n excesses in fractions, with
            no tolerance. The values of the game count as they are: 0.1 is not a tenth.

        Returns
        -------
        Verification
            True as a condition when the certificate holds.

        Raises
        ------
        AllocationError
            The game has another number of players.

        Notes
        -----
        One pass over the table in numpy, and fractions for the balance of the stages.

        Examples
        --------
        >>> import sesgame as sg
        >>> game = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
        >>> proof = sg.nucleolus(game).evidence.verify(game, exact=True)
        >>> proof.holds, proof.values[0]
        (True, Fraction(1, 3))
        """
        return verify_stages(
            game,
            checked_values(game.players, self.values),
            self.stages,
            per_capita=self.per_capita,
            individually_rational=self.individually_rational,
            tolerance=4 * self.tolerance,
            exact=exact,
        )


def nucleolus(
    game: Game | Iterable[Hashable],
    *,
    exact: bool = False,
    oracle: SeparationOracle | None = None,
    tolerance: float | None = None,
    local_search: int = 0,
    max_seconds: float | None = None,
    progress: bool = True,
) -> Allocation:
    """Return the nucleolus: the imputation whose excesses are lexicographically smallest.

    With the excess e(S, x) = v(S) - x(S) for gains and x(S) - c(S) for costs, the nucleolus is
    the one allocation x with x(N) = v(N) and e({i}, x) <= 0 for every player i whose excesses,
    sorted from the largest down, are lexicographically least. It lies in the core whenever the
    core is not empty.

    Parameters
    ----------
    game : Game, or iterable of hashable
        At most 30 players; it is tabulated. With an oracle, as in :func:`sesgame.least_core`.
    exact : bool, default False
        Prove the result in fractions, without any tolerance; they are the allocation's `exact`.
        The values of the game count as they are: 0.1 is not a tenth. Where excesses are too close
        for floats, the game is solved anew in integers, with up to 16 players.
    oracle, tolerance, local_search, max_seconds
        As in :func:`sesgame.least_core`. The oracle must take ``outside``.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        With :class:`NucleolusEvidence`. Where the players alone have more than all together, no
        imputation exists; the allocation is then the prenucleolus and its method says so. With an
        oracle, with :class:`~sesgame.stability.row_generation.GeneratedEvidence`.

    Raises
    ------
    PlayerLimitError
        More than 30 players, and no oracle.
    SolverError
        A level of the linear programme could not be finished; its number is the stage. With
        `exact`, also when there is no proof for a game of more than 16 players.
    OracleError
        The oracle raised, does not take ``outside``, its answer has a wrong form or contradicts
        itself; or `exact` with an oracle.

    Notes
    -----
    Typically two to six scans of the 2^n values, most of them in part. Linear programmes over a
    pool of some hundred coalitions are solved level by level; a level settles exactly the
    coalitions of positive dual weight, and a scan that finds no other coalition above its level
    ends the search. Excesses closer than 2e-10 of the largest value that matters count as equal.

    With an oracle every level is proved by one answer, in addition to the rounds that find what
    the programmes miss.

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
    >>> sg.nucleolus(game, exact=True).exact
    (Fraction(50, 1), Fraction(75, 1), Fraction(75, 1))
    """
    if oracle is not None:
        if exact:
            raise OracleError("exact needs the table of a game; an oracle's word has no fractions")
        return generate(
            game_of_oracle(game, oracle),
            oracle,
            method="nucleolus",
            complete=True,
            individually_rational=True,
            tolerance=tolerance,
            search=local_search,
            max_seconds=math.inf if max_seconds is None else max_seconds,
            progress=progress,
        )
    game = without_oracle(game, tolerance, local_search, max_seconds)
    return _solve(game, "nucleolus", False, True, exact, progress)


def prenucleolus(game: Game, *, exact: bool = False, progress: bool = True) -> Allocation:
    """Return the prenucleolus: as the nucleolus, without individual rationality.

    Parameters
    ----------
    game, exact, progress
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
    return _solve(game, "prenucleolus", False, False, exact, progress)


def per_capita_nucleolus(game: Game, *, progress: bool = True) -> Allocation:
    """Return the per-capita nucleolus: as the nucleolus, with excesses ``e(S, x) / |S|``.

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
    As in :func:`nucleolus`.

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
    return _solve(game, "per-capita nucleolus", True, True, False, progress)


def per_capita_prenucleolus(game: Game, *, progress: bool = True) -> Allocation:
    """Return the per-capita prenucleolus: excesses ``e(S, x) / |S|``, no individual rationality.

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
    return _solve(game, "per-capita prenucleolus", True, False, False, progress)


def nucleoli(
    tables: ArrayLike,
    *,
    kind: Kind,
    per_capita: bool = False,
    individually_rational: bool = True,
) -> NDArray[np.float64]:
    """Return the nucleoli of many games of equally many players, by all cores.

    Parameters
    ----------
    tables : array_like of float, shape (m, 2**n)
        One table of a game in each row, in binary order; see :meth:`sesgame.Game.from_table`.
    kind : {"gain", "cost"}
        Whether larger or smaller values are better.
    per_capita : bool, default False
        Divide excesses by the size of the coalition.
    individually_rational : bool, default True
        False for the prenucleoli.

    Returns
    -------
    ndarray of float, shape (m, n)
        As :func:`nucleolus` of each row, without the evidence.

    Raises
    ------
    GameError
        Not two-dimensional, no power of two, an empty coalition that is not worth 0, or a value
        that is not finite; the row is named.
    SolverError
        As in :func:`nucleolus`.

    Notes
    -----
    About a tenth of a millisecond a game of ten players on each core.

    Examples
    --------
    >>> import sesgame as sg
    >>> sg.nucleoli([[0, 1, 2, 6], [0, 0, 0, 5]], kind="gain").tolist()
    [[2.5, 3.5], [2.5, 2.5]]
    """
    try:
        array = np.ascontiguousarray(tables, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"the values of tables must be numbers: {error}") from error
    length = array.shape[-1] if array.ndim == 2 else 0
    n_players = length.bit_length() - 1
    if not 1 <= n_players <= MAX_TABLE_PLAYERS or length != 1 << n_players:
        raise GameError(
            f"tables have shape (m, 2**n), one game in each row; this one has shape {array.shape}"
        )
    wrong = np.flatnonzero((array[:, 0] != 0) | ~np.isfinite(array).all(axis=1))
    if wrong.size:
        raise GameError(
            f"the game in row {wrong[0]} has an empty coalition that is not worth 0, "
            f"or a value that is not finite"
        )
    values = engine_nucleoli(array, kind, per_capita, individually_rational)
    return values.reshape(-1, n_players)


def _solve(
    game: Game,
    method: str,
    per_capita: bool,
    individually_rational: bool,
    exact: bool,
    progress: bool,
) -> Allocation:
    table = game.tabulate(progress=progress)
    with progress_report(method, " values", progress) as report:
        found = engine_nucleolus(table, game.kind, per_capita, individually_rational, report)
    values, bounded = found.allocation, found.individually_rational
    evidence = NucleolusEvidence(
        stages=tuple(stage(game.players, raw) for raw in found.stages),
        per_capita=per_capita,
        individually_rational=bounded,
        effort=Effort(*found.effort),
        values=tuple(values.tolist()),
        tolerance=found.tolerance,
    )
    fractions = None
    if exact:
        evidence, fractions = _proved(game, evidence, individually_rational)
        values = checked_values(game.players, [float(value) for value in fractions])
        bounded = evidence.individually_rational
    if individually_rational and not bounded:
        method = method.replace("nucleolus", "prenucleolus") + " (no imputation exists)"
    return Allocation(
        players=game.players,
        values=values,
        kind=game.kind,
        method=method,
        tolerance=evidence.tolerance,
        evidence=evidence,
        exact=fractions,
    )


def _proved(
    game: Game, evidence: NucleolusEvidence, individually_rational: bool
) -> tuple[NucleolusEvidence, tuple[Fraction, ...]]:
    """Return evidence that is proved in fractions, and the allocation in them."""
    table, sign = game.tabulate(progress=False), int(game.sign)
    alone = sum(Fraction(float(table[1 << player])) for player in range(game.n_players))
    bounded = individually_rational and sign * alone <= sign * Fraction(float(table[-1]))
    proof = None
    if bounded == evidence.individually_rational:
        proof = evidence.verify(game, exact=True)
    if not proof and game.n_players <= EXACT_PLAYERS:
        named = (coalition for stage in evidence.stages for coalition in stage.coalitions)
        levels = exact_levels(
            table,
            sign,
            [game.players.mask(coalition) for coalition in named],
            per_capita=evidence.per_capita,
            bounded=bounded,
        )
        evidence = dataclasses.replace(
            evidence,
            stages=tuple(stage(game.players, level) for level in levels),
            individually_rational=bounded,
        )
        # The allocation follows from the stages, whatever was found in floats.
        floats = tuple(float(value) for value in evidence.verify(game, exact=True).values)
        evidence = dataclasses.replace(evidence, values=floats)
        proof = evidence.verify(game, exact=True)
    if not proof:
        failures = "excesses are too close for floats" if proof is None else proof.failures[0]
        raise SolverError("exact proof of the nucleolus", failures)
    return evidence, tuple(Fraction(value) for value in proof.values)
