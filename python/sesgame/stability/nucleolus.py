"""Nucleolus and prenucleolus: the largest excess is as small as it can be.

Then the next one, and so on. Definitions: Schmeidler (1969); proofs: Kohlberg (1971).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import nucleoli as engine_nucleoli
from sesgame._engine import nucleolus as engine_nucleolus
from sesgame.errors import GameError, OracleError, SolverError
from sesgame.files.json_text import unkept
from sesgame.formatting import count
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values, is_kind
from sesgame.game.door import checked_arguments
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.progress import progress_report
from sesgame.rule import Need, Promise, Rule
from sesgame.stability.exact_levels import (
    EXACT_PLAYERS,
    exact_levels,
    stages_at,
)
from sesgame.stability.row_generation import generate
from sesgame.stability.search import CoalitionSearch, OracleSearch
from sesgame.stability.search_evidence import GeneratedEvidence
from sesgame.stability.stages import Effort, Stage, stage
from sesgame.stability.verification import NO_FRACTIONS, Verification, verify_stages

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.allocation import Kind
    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = [
    "NucleolusEvidence",
    "nucleoli",
    "nucleolus",
    "nucleolus_by_search",
    "per_capita_nucleolus",
    "per_capita_prenucleolus",
    "prenucleolus",
]


@dataclasses.dataclass(frozen=True, eq=False)
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
    values : tuple of float
        The allocation that the stages prove.
    effort : Effort or None
        What it took; not read back.
    tolerance : float
        Excesses closer than this counted as equal for the solver; not read back.
    """

    stages: tuple[Stage, ...]
    per_capita: bool
    individually_rational: bool
    values: tuple[float, ...]
    effort: Effort | None = unkept(None)
    tolerance: float = unkept(0.0)

    @property
    def levels(self) -> tuple[Stage, ...]:
        """The stages."""
        return self.stages

    @property
    def is_per_member(self) -> bool:
        """Whether excesses are divided by the size of the coalition."""
        return self.per_capita

    @property
    def _concept(self) -> str:
        """What the stages prove, by its name."""
        either = NUCLEOLUS, PRENUCLEOLUS
        per_member = PER_CAPITA_NUCLEOLUS, PER_CAPITA_PRENUCLEOLUS
        rational, unbounded = per_member if self.per_capita else either
        return (rational if self.individually_rational else unbounded).title

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the stages settle."""
        empty = "It proves, too, that no split keeps every group content: the core is empty."
        return [
            f"The certificate has {count(len(self.stages), 'stage')}, which settle all "
            f"{len(allocation.players)} shares. Each names groups that hold each other in balance: "
            f"what would please one of them more would be taken from another.",
            *([empty] if self.stages and self.stages[0].excess > allocation.tolerance else []),
        ]

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check the certificate with code that shares nothing with the solver.

        Parameters
        ----------
        game : Game
            The game that was solved; it is tabulated.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Derive the allocation from the stages and compare all 2^n excesses in fractions, with
            no tolerance; the shares may differ from it by the rounding of floats. The values of
            the game count as they are: 0.1 is not a tenth.

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
        A few passes over the table in numpy, and fractions for the balance of the stages. What
        counts as equal follows from the game (``sesgame.game.precision``), not from the evidence.

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
            claim=f"the {self._concept} of this game",
            per_capita=self.per_capita,
            individually_rational=self.individually_rational,
            exact=exact,
        )


@checked_arguments
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
        The values of the game count as they are: 0.1 is not a tenth. Players who alone have more
        than all together, if only by the last bit of a float, then leave no imputation. Where
        excesses are too close for floats, the game is solved anew in integers, with up to 16
        players.
    oracle, tolerance, local_search, max_seconds
        As in :func:`sesgame.least_core`. The oracle must take ``outside``.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        With :class:`NucleolusEvidence`. Where the players alone have more than all together, no
        imputation exists; the allocation is then the prenucleolus and its method says so. What they
        have more by no more than rounding, the accuracy of the game and 1e-9 of the largest gain of
        a coalition is nothing. With an oracle, with
        :class:`~sesgame.stability.search_evidence.GeneratedEvidence`.

    Raises
    ------
    PlayerLimitError
        More than 30 players, and no oracle.
    SolverError
        A level of the linear program could not be finished; its number is the stage. With
        `exact`, also when there is no proof for a game of more than 16 players.
    OracleError
        The oracle raised, does not take ``outside``, its answer has a wrong form or contradicts
        itself; or `exact` with an oracle.

    Notes
    -----
    Typically two to six scans of the 2^n values, most of them in part. Linear programs over a
    pool of some hundred coalitions are solved level by level; a level settles exactly the
    coalitions of positive dual weight, and a scan that finds no other coalition above its level
    ends the search. Excesses closer than 2e-10 of the largest gain that matters, and what floats
    lose, count as equal.

    With an oracle every level is proved by one answer, in addition to the rounds that find what
    the programs miss.

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
    search = CoalitionSearch.of(
        game,
        oracle=oracle,
        tolerance=tolerance,
        local_search=local_search,
        max_seconds=max_seconds,
        progress=progress,
    )
    return nucleolus_by_search(search, exact=exact)


def nucleolus_by_search(search: CoalitionSearch, *, exact: bool = False) -> Allocation:
    """Return the nucleolus; :func:`nucleolus` with a search that is made already."""
    if not isinstance(search, OracleSearch):
        return _solve(search.game, NUCLEOLUS, PRENUCLEOLUS, False, exact, search.progress)
    if exact:
        raise OracleError(NO_FRACTIONS)
    found = generate(search, method=NUCLEOLUS.title, complete=True, individually_rational=True)
    assert isinstance(found.evidence, GeneratedEvidence)
    return (NUCLEOLUS if found.evidence.individually_rational else PRENUCLEOLUS).made(found)


@checked_arguments
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
    return _solve(game, PRENUCLEOLUS, None, False, exact, progress)


@checked_arguments
def per_capita_nucleolus(game: Game, *, exact: bool = False, progress: bool = True) -> Allocation:
    """Return the per-capita nucleolus: as the nucleolus, with excesses ``e(S, x) / |S|``.

    Parameters
    ----------
    game, exact, progress
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
    >>> sg.per_capita_nucleolus(game, exact=True).exact
    (Fraction(4, 1), Fraction(4, 1), Fraction(1, 1))
    """
    return _solve(game, PER_CAPITA_NUCLEOLUS, PER_CAPITA_PRENUCLEOLUS, True, exact, progress)


@checked_arguments
def per_capita_prenucleolus(
    game: Game, *, exact: bool = False, progress: bool = True
) -> Allocation:
    """Return the per-capita prenucleolus: excesses ``e(S, x) / |S|``, no individual rationality.

    Parameters
    ----------
    game, exact, progress
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
    return _solve(game, PER_CAPITA_PRENUCLEOLUS, None, True, exact, progress)


CONTENT = "gets as little reason as possible; then the next, and so on."
OF_UNBOUNDED = frozenset(
    {
        Promise.EFFICIENT,
        Promise.IN_CORE_IF_NONEMPTY,
        Promise.UNIQUE,
        Promise.SYMMETRIC,
        Promise.CERTIFIED,
    }
)
OF_NUCLEOLI = OF_UNBOUNDED | {Promise.INDIVIDUALLY_RATIONAL}


def _stages_of(per_capita: bool, individually_rational: bool) -> Callable[[Evidence], bool]:
    """Return what tells whether evidence is of one of the four nucleoli."""

    def proved_by(evidence: Evidence) -> bool:
        if isinstance(evidence, GeneratedEvidence):
            is_one = evidence.complete and not per_capita
        else:
            is_one = isinstance(evidence, NucleolusEvidence) and evidence.per_capita == per_capita
        return is_one and evidence.individually_rational == individually_rational  # type: ignore[attr-defined]

    return proved_by


NUCLEOLUS = Rule(
    name="nucleolus",
    proved_by=_stages_of(per_capita=False, individually_rational=True),
    apply=lambda problem: nucleolus_by_search(CoalitionSearch.of_problem(problem)),
    needs=frozenset({Need.SEARCH}),
    promises=OF_NUCLEOLI | {Promise.DUMMY},
    meaning=f"The group with the most reason to leave {CONTENT} Nobody does worse than alone.",
    page="concepts/nucleolus",
    sources=("schmeidler1969", "kohlberg1971"),
)

PRENUCLEOLUS = Rule(
    name="prenucleolus",
    proved_by=_stages_of(per_capita=False, individually_rational=False),
    apply=lambda problem: prenucleolus(problem.game),
    needs=frozenset({Need.TABLE}),
    promises=OF_UNBOUNDED | {Promise.DUMMY},
    meaning=f"The group with the most reason to leave {CONTENT}",
    page="concepts/prenucleolus",
    sources=("schmeidler1969", "kohlberg1971"),
)

PER_CAPITA_NUCLEOLUS = Rule(
    name="per-capita-nucleolus",
    proved_by=_stages_of(per_capita=True, individually_rational=True),
    title="per-capita nucleolus",
    apply=lambda problem: per_capita_nucleolus(problem.game),
    needs=frozenset({Need.TABLE}),
    promises=OF_NUCLEOLI,
    meaning=(
        f"The group with the most reason to leave, counted per member, {CONTENT} Nobody does worse "
        f"than alone."
    ),
    page="concepts/per-capita-nucleolus",
    sources=("grotte1970",),
)

PER_CAPITA_PRENUCLEOLUS = Rule(
    name="per-capita-prenucleolus",
    proved_by=_stages_of(per_capita=True, individually_rational=False),
    title="per-capita prenucleolus",
    apply=lambda problem: per_capita_prenucleolus(problem.game),
    needs=frozenset({Need.TABLE}),
    promises=OF_UNBOUNDED,
    meaning=f"The group with the most reason to leave, counted per member, {CONTENT}",
    page="concepts/per-capita-nucleolus",
    sources=("grotte1970",),
)


@checked_arguments
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
    if not is_kind(kind):
        raise GameError(f'kind must be "gain" or "cost", got {kind!r}')
    values = engine_nucleoli(array, kind, per_capita, individually_rational)
    return values.reshape(-1, n_players)


def _solve(
    game: Game,
    rule: Rule,
    unbounded: Rule | None,
    per_capita: bool,
    exact: bool,
    progress: bool,
) -> Allocation:
    """Solve from a table; `unbounded` is what a rule with bounds becomes without imputations."""
    rational = unbounded is not None
    if exact:
        # In fractions the last bit counts.
        rational = rational and _has_imputations(game)
    table = game.tabulate(progress=progress)
    with progress_report(rule.title, " values", progress) as report:
        found = engine_nucleolus(table, game.kind, per_capita, rational, game.rounding, report)
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
        evidence, fractions = _proved(game, evidence)
        values = checked_values(game.players, evidence.values)
    method = rule.title
    if unbounded is not None and not bounded:
        rule, method = unbounded, f"{unbounded.title} (no imputation exists)"
    allocation = Allocation(
        players=game.players,
        values=values,
        kind=game.kind,
        method=method,
        tolerance=evidence.tolerance,
        evidence=evidence,
        exact=fractions,
    )
    return rule.made(allocation)


def _has_imputations(game: Game) -> bool:
    """Tell, in fractions, whether all together have as much as the players alone."""
    table = game.tabulate(progress=False)
    alone = sum(Fraction(float(table[1 << player])) for player in range(game.n_players))
    sign = int(game.sign)
    return sign * alone <= sign * Fraction(float(table[-1]))


def _proved(
    game: Game, evidence: NucleolusEvidence
) -> tuple[NucleolusEvidence, tuple[Fraction, ...]]:
    """Return evidence that is proved in fractions, and the allocation in them."""
    proof = evidence.verify(game, exact=True)
    evidence = _at(game, evidence, evidence.stages, proof.values)
    if not proof:
        # Perhaps the floats were off by more than their own rounding.
        proof = evidence.verify(game, exact=True)
    if not proof and game.n_players <= EXACT_PLAYERS:
        named = (coalition for stage in evidence.stages for coalition in stage.coalitions)
        levels, point = exact_levels(
            game.tabulate(progress=False),
            int(game.sign),
            [game.players.mask(coalition) for coalition in named],
            per_capita=evidence.per_capita,
            bounded=evidence.individually_rational,
        )
        stages = tuple(stage(game.players, level) for level in levels)
        evidence = _at(game, evidence, stages, point)
        proof = evidence.verify(game, exact=True)
    if not proof:
        raise SolverError("exact proof of the nucleolus", proof.failures[0])
    return evidence, tuple(Fraction(value) for value in proof.values)


def _at(
    game: Game,
    evidence: NucleolusEvidence,
    stages: tuple[Stage, ...],
    point: Sequence[Fraction | float],
) -> NucleolusEvidence:
    """Return evidence whose numbers are the floats next to those of a point in fractions."""
    return dataclasses.replace(
        evidence,
        stages=stages_at(game, stages, point, per_capita=evidence.per_capita),
        values=tuple(float(share) for share in point),
    )
