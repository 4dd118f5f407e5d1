"""Core and least core: allocations without a positive excess, or with the least largest one."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import coalitions_at_least, core_witness
from sesgame._engine import least_core as engine_least_core
from sesgame.errors import OracleError, SolverError
from sesgame.files.json_text import unkept
from sesgame.formatting import count as count_of
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation
from sesgame.game.precision import equal_amounts, rounding_of_excesses
from sesgame.progress import progress_report
from sesgame.rule import Need, Promise, Rule
from sesgame.stability.audit import audit_by_search
from sesgame.stability.exact_levels import (
    EXACT_PLAYERS,
    exact_levels,
    stages_at,
    tight_coalitions,
)
from sesgame.stability.row_generation import generate
from sesgame.stability.search import CoalitionSearch, OracleSearch
from sesgame.stability.search_evidence import GeneratedEvidence
from sesgame.stability.stages import Effort, Stage, stage
from sesgame.stability.verification import (
    LISTED_COALITIONS,
    NO_FRACTIONS,
    Verification,
    balanced_excess,
    exact_excess,
    verify_core_point,
    verify_stages,
    wrong_tight_coalitions,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = [
    "CoreCheck",
    "CoreExistence",
    "LeastCoreEvidence",
    "core_check",
    "core_existence",
    "least_core",
    "least_core_by_search",
    "least_core_of_table",
]


@dataclasses.dataclass(frozen=True, eq=False)
class LeastCoreEvidence(Evidence):
    """What proves a least core.

    Attributes
    ----------
    value : float
        The least possible largest excess of a proper coalition. Positive: the core is empty.
    per_capita : bool
        Whether excesses are divided by the size of the coalition.
    stages : tuple of Stage
        The first is the dual solution: a balanced collection whose weighted excess, divided by the
        weighted size if `per_capita`, is `value`.
        The others, of equal excess, settle what else is tight everywhere.
    tight : tuple of tuple of hashable
        The coalitions whose excess is `value` at every point of the least core, in binary order;
        the first 10,000 of them.
    tight_count : int
        How many there are.
    values : tuple of float
        The point that attains the value.
    effort : Effort or None
        What it took; not read back.
    tolerance : float
        Excesses closer than this counted as equal for the solver; not read back.
    """

    value: float
    per_capita: bool
    stages: tuple[Stage, ...]
    tight: tuple[tuple[Hashable, ...], ...]
    tight_count: int
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

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the first stage proves."""
        groups = count_of(len(self.stages[0].coalitions), "group") if self.stages else "no group"
        return [
            f"The certificate names {groups} in balance: no split leaves all of them with less "
            f"reason to leave than {amount(self.value)}{' a member' if self.per_capita else ''}."
        ]

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check value, point and tight coalitions with code that shares nothing with the solver.

        The first stage balances, so no point has a smaller largest excess; the point has no
        larger one. The tight coalitions are those that attain it, and all stages settle them.

        Parameters
        ----------
        game : Game
            The game that was solved; it is tabulated.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Derive the value from the weights, move the point, by no more than the rounding of
            floats, to where all stages have it, and compare all 2^n excesses in fractions, with no
            tolerance.

        Returns
        -------
        Verification
            True as a condition when all of it holds.
        """
        values = checked_values(game.players, self.values)
        concept = "per-capita least core" if self.per_capita else LEAST_CORE.title
        checked = verify_stages(
            game,
            values,
            self.stages,
            claim=f"in the {concept} of this game, whose value is {self.value!r}",
            per_capita=self.per_capita,
            complete=False,
            exact=exact,
        )
        if not checked:
            return checked
        failures = []
        level: Fraction | float = self.stages[0].excess if self.stages else 0.0
        # The exact check compares the stages with this number, so no more than that is needed.
        if self.value != level:
            failures.append(f"the first stage proves {level!r}, not {self.value!r}")
        if exact and self.stages:
            first = self.stages[0].coalitions[0]
            level = exact_excess(game, checked.values, first)
            level /= len(first) if self.per_capita else 1
        failures += wrong_tight_coalitions(
            *(game, checked.values, self.stages, self.tight, self.tight_count, level),
            per_capita=self.per_capita,
        )
        return dataclasses.replace(checked, failures=tuple(failures))


@checked_arguments
def least_core(
    game: Game | Iterable[Hashable],
    *,
    exact: bool = False,
    oracle: SeparationOracle | None = None,
    tolerance: float | None = None,
    local_search: int = 0,
    max_seconds: float | None = None,
    progress: bool = True,
) -> Allocation:
    """Return a point of the least core: the largest excess is as small as it can be.

    The least core value is the minimum over all x with x(N) = v(N) of the largest e(S, x) over
    proper, non-empty coalitions S, where e is v(S) - x(S) for gains and x(S) - c(S) for costs.
    The core is empty exactly when it is positive.

    Parameters
    ----------
    game : Game, or iterable of hashable
        At most 30 players; it is tabulated. With an oracle any number, and no more coalitions are
        evaluated than the players alone and all together; or just the players, if the oracle has
        ``kind`` and ``value``.
    exact : bool, default False
        Prove the result in fractions, without any tolerance; they are the allocation's `exact`.
        The values of the game count as they are: 0.1 is not a tenth. Where excesses are too close
        for floats, the game is solved anew in integers, with up to 16 players.
    oracle : SeparationOracle, optional
        Names the coalitions with the largest excess, see
        :class:`~sesgame.SeparationOracle`.
    tolerance : float, optional
        With an oracle: excesses closer than this count as equal, in the unit of the game. By
        default 1e-7 of the largest of v(N) and v(i).
    local_search : int, default 0
        With an oracle: as many values are looked at, in each round, around the coalitions that
        matter; the oracle is asked only when that finds nothing. Worth while where a value is much
        cheaper than an answer of the oracle.
    max_seconds : float, optional
        With an oracle: stop after this time, with the best allocation and bound so far.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        A point at which only those coalitions attain the value that do so at every point of the
        least core; with :class:`LeastCoreEvidence`. Its value is 0 for a single player, who has
        no proper coalition. With an oracle, a point whose largest excess is the value; with
        :class:`~sesgame.stability.search_evidence.GeneratedEvidence`, which says what is proved.

    Raises
    ------
    PlayerLimitError
        More than 30 players, and no oracle.
    SolverError
        The linear program could not be finished. With `exact`, also when there is no proof for a
        game of more than 16 players.
    OracleError
        The oracle raised, its answer has a wrong form, or it contradicts itself; or `exact` with an
        oracle.

    Notes
    -----
    A few scans of the 2^n values, as in :func:`~sesgame.nucleolus`, of whose levels
    only the first, and those equal to it, are solved. With an oracle, a few rounds: each solves
    dense linear programs of n + 1 columns (milliseconds at n = 100) and asks the oracle once.

    References
    ----------
    Maschler, Peleg and Shapley (1979) [maschler1979]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    >>> point = sg.least_core(majority)
    >>> round(point.evidence.value, 6)
    0.333333
    >>> point.evidence.tight
    ((0, 1), (0, 2), (1, 2))
    >>> sg.least_core(majority, exact=True).exact
    (Fraction(1, 3), Fraction(1, 3), Fraction(1, 3))
    """
    search = CoalitionSearch.of(
        game,
        oracle=oracle,
        tolerance=tolerance,
        local_search=local_search,
        max_seconds=max_seconds,
        progress=progress,
    )
    return least_core_by_search(search, exact=exact)


def least_core_by_search(search: CoalitionSearch, *, exact: bool = False) -> Allocation:
    """Return a point of the least core; :func:`least_core` with a search that is made already."""
    if isinstance(search, OracleSearch):
        if exact:
            raise OracleError(NO_FRACTIONS)
        found = generate(
            search, method=LEAST_CORE.title, complete=False, individually_rational=False
        )
        return LEAST_CORE.made(found)
    return least_core_of_table(search.game, LEAST_CORE, False, exact, search.progress)


def least_core_of_table(
    game: Game, rule: Rule, per_capita: bool, exact: bool, progress: bool
) -> Allocation:
    """Return a point of the least core of excesses, or of excesses per member."""
    table = game.tabulate(progress=progress)
    with progress_report(rule.title, " values", progress) as report:
        outcome = engine_least_core(table, game.kind, per_capita, report)
    value, values, tolerance = outcome.value, outcome.allocation, outcome.tolerance
    tight, count = _near_value(game, values, value, per_capita, tolerance, LISTED_COALITIONS)
    evidence = LeastCoreEvidence(
        value=value,
        per_capita=per_capita,
        stages=tuple(stage(game.players, raw) for raw in outcome.stages),
        tight=tuple(game.players.ordered_labels(mask) for mask in tight),
        tight_count=count,
        effort=Effort(*outcome.effort),
        values=tuple(values.tolist()),
        tolerance=tolerance,
    )
    fractions = None
    if exact:
        evidence, fractions = _proved(game, evidence)
        values = checked_values(game.players, evidence.values)
    allocation = Allocation(
        players=game.players,
        values=values,
        kind=game.kind,
        method=rule.title,
        tolerance=tolerance,
        evidence=evidence,
        exact=fractions,
    )
    return rule.made(allocation)


def _near_value(
    game: Game,
    values: NDArray[np.float64],
    value: float,
    per_capita: bool,
    tolerance: float,
    limit: int,
) -> tuple[list[int], int]:
    """Return the coalitions, as masks, whose excess is within tolerance of the largest."""
    if per_capita:
        # An excess of t per member is one of 0 where everybody has t more.
        values, value = values + game.sign * value, 0.0
    table = game.tabulate(progress=False)
    return coalitions_at_least(table, game.kind, values, value - 4 * tolerance, limit)


def _proved(
    game: Game, evidence: LeastCoreEvidence
) -> tuple[LeastCoreEvidence, tuple[Fraction, ...]]:
    """Return evidence that is proved in fractions, and the allocation in them."""
    evidence, proof = _verified(game, evidence)
    if not proof and game.n_players <= EXACT_PLAYERS:
        # The prenucleolus is a point of the least core at which nothing else is tight.
        levels, point = exact_levels(
            game.tabulate(progress=False),
            int(game.sign),
            [game.players.mask(group) for stage in evidence.stages for group in stage.coalitions],
            per_capita=evidence.per_capita,
            bounded=False,
        )
        # Floats cannot keep coalitions below the value that are closer to it than that.
        least = levels[0][0] - 4 * Fraction(evidence.tolerance)
        first = [stage(game.players, level) for level in levels if level[0] >= least]
        evidence, proof = _verified(game, _at(game, evidence, first, point))
    if not proof:
        raise SolverError("exact proof of the least core", proof.failures[0])
    return evidence, tuple(Fraction(value) for value in proof.values)


def _verified(game: Game, evidence: LeastCoreEvidence) -> tuple[LeastCoreEvidence, Verification]:
    """Return evidence at the point that its stages have in fractions, and what that proves."""
    proof = evidence.verify(game, exact=True)
    evidence = _at(game, evidence, evidence.stages, proof.values)
    return evidence, proof or evidence.verify(game, exact=True)


def _at(
    game: Game,
    evidence: LeastCoreEvidence,
    stages: Iterable[Stage],
    point: Sequence[Fraction | float],
) -> LeastCoreEvidence:
    """Return evidence whose numbers are the floats next to those of a point in fractions."""
    found = stages_at(game, stages, point, per_capita=evidence.per_capita)
    value = found[0].excess if found else 0.0
    values = np.array([float(share) for share in point])
    # The coalitions that are tight in fractions are among those that are so in floats.
    near, _ = _near_value(
        game, values, value, evidence.per_capita, evidence.tolerance, 1 << game.n_players
    )
    exact_point = [Fraction(share) for share in point]
    tight = tight_coalitions(game, found, exact_point, near, per_capita=evidence.per_capita)
    return dataclasses.replace(
        evidence,
        value=value,
        stages=found,
        tight=tuple(game.players.ordered_labels(mask) for mask in tight[:LISTED_COALITIONS]),
        tight_count=len(tight),
        values=tuple(values.tolist()),
    )


LEAST_CORE = Rule(
    name="least-core",
    proved_by=lambda evidence: (
        (isinstance(evidence, LeastCoreEvidence) and not evidence.per_capita)
        or (isinstance(evidence, GeneratedEvidence) and not evidence.complete)
    ),
    title="least core",
    apply=lambda problem: least_core_by_search(CoalitionSearch.of_problem(problem)),
    needs=frozenset({Need.SEARCH}),
    promises=frozenset({Promise.EFFICIENT, Promise.IN_CORE_IF_NONEMPTY, Promise.CERTIFIED}),
    meaning="The group with the most reason to leave has as little as any split allows.",
    page="concepts/least-core",
    sources=("maschler1979",),
)


@dataclasses.dataclass(frozen=True, eq=False)
class CoreCheck(Evidence):
    """Whether an allocation is in the core, and the coalition with the largest excess.

    Attributes
    ----------
    in_core : bool
        Efficient, and no coalition is better off on its own.
    worst_coalition : tuple of hashable
        The coalition, other than none and all, that gains most, or loses least, by leaving.
    excess : float
        What it would gain by leaving.
    efficiency_gap : float
        x(N) - v(N): by how much the shares exceed the total.
    tolerance : float
        What counts as equal, in the unit of the game.
    """

    in_core: bool
    worst_coalition: tuple[Hashable, ...]
    excess: float
    efficiency_gap: float
    tolerance: float

    def __bool__(self) -> bool:
        return self.in_core

    @property
    def failures(self) -> tuple[str, ...]:
        """Why the allocation is not in the core; nothing where it is."""
        if abs(self.efficiency_gap) > self.tolerance:
            return (f"not efficient: x(N) - v(N) is {self.efficiency_gap!r}",)
        return () if self else (f"{format_coalition(self.worst_coalition)} has a positive excess",)


@checked_arguments
def core_check(
    game: Game,
    allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
    *,
    tolerance: float | None = None,
    progress: bool = True,
) -> CoreCheck:
    """Tell whether an allocation is in the core; the part of :func:`sesgame.audit` on that.

    The core is the set of all x with x(N) = v(N) and e(S, x) <= 0 for every coalition S.

    Parameters
    ----------
    game, allocation, tolerance, progress
        As in :func:`sesgame.audit`.

    Returns
    -------
    CoreCheck
        True as a condition when the allocation is in the core.

    Raises
    ------
    AllocationError, PlayerLimitError
        As in :func:`sesgame.audit`.

    Notes
    -----
    One scan of the 2^n values.

    References
    ----------
    Gillies (1959) [gillies1959]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> gloves = sg.Game.from_table([0, 0, 0, 0, 0, 1, 1, 1], kind="gain")
    >>> sg.core_check(gloves, [0, 0, 1]).in_core
    True
    >>> sg.core_check(gloves, [0.5, 0, 0.5]).worst_coalition
    (1, 2)
    """
    search = CoalitionSearch.of(game, progress=progress)
    result = audit_by_search(search, allocation, tolerance)
    return CoreCheck(
        in_core=bool(result.in_core),
        worst_coalition=result.worst_coalition,
        excess=result.worst_coalition_excess,
        efficiency_gap=result.efficiency_gap,
        tolerance=result.tolerance,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class CoreExistence(Evidence):
    """Whether the core is empty, with a witness either way.

    Attributes
    ----------
    is_empty : bool
        Whether no allocation is in the core.
    point : Allocation or None
        An allocation in the core.
    collection : Stage or None
        Balanced coalitions that prove the core empty: with their weights they cover every player
        equally, and their weighted excess, `collection.excess`, is positive (Bondareva-Shapley).
    tolerance : float
        Excesses up to this count as 0.
    effort : Effort
        What it took.
    """

    is_empty: bool
    point: Allocation | None
    collection: Stage | None
    tolerance: float
    effort: Effort

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check the witness with code that shares nothing with the solver.

        An empty core is always proved in fractions: the collection balances and its weighted
        excess is positive. A point is compared with all 2^n coalitions.

        Parameters
        ----------
        game : Game
            The game that was examined; it is tabulated.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Compare the point in fractions too, after one player has taken up what its sum lacks.
            A core without interior may hold no point in floats: what fails is then the rounding,
            and :func:`least_core` has a proof.

        Returns
        -------
        Verification
            True as a condition when the witness holds.
        """
        if self.point is None:
            failures = self._wrong_collection(game)
            return Verification("the core is empty", failures, exact=True, values=())
        if self.is_empty:
            failures = ("an empty core has no point",)
            return Verification("the core is empty", failures, exact=exact, values=())
        if self.collection is not None:
            failures = ("a core with a point has no collection that proves it empty",)
            return Verification("in the core", failures, exact=exact, values=())
        return verify_core_point(game, as_allocation(game, self.point).values, exact=exact)

    def _wrong_collection(self, game: Game) -> tuple[str, ...]:
        if self.collection is None or not self.is_empty:
            return ("there is no witness",)
        excess = balanced_excess(game, self.collection)
        if excess is None:
            return ("the collection does not balance",)
        if excess <= 0:
            return (f"the weighted excess of the collection is {float(excess)!r}",)
        rounding = float(rounding_of_excesses(game.scale, game.scale, game.n_players))
        if not abs(float(excess) - self.collection.excess) <= equal_amounts(game) + rounding:
            said = self.collection.excess
            return (f"the weighted excess of the collection is {float(excess)!r}, not {said!r}",)
        return ()


@checked_arguments
def core_existence(game: Game, *, progress: bool = True) -> CoreExistence:
    """Tell whether the core is empty, and prove it.

    A game has a core exactly when it is balanced: when no collection of coalitions with weights
    ``w_S >= 0`` that cover every player once is worth more than the grand coalition
    (Bondareva-Shapley theorem).

    Parameters
    ----------
    game : Game
        At most 30 players; it is tabulated.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    CoreExistence

    Raises
    ------
    PlayerLimitError, SolverError
        As in :func:`least_core`.

    Notes
    -----
    A few scans of the 2^n values; an empty core is usually found before the first.

    References
    ----------
    Bondareva (1963) [bondareva1963]_, Shapley (1967) [shapley1967]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    >>> proof = sg.core_existence(majority)
    >>> proof.is_empty, proof.collection.coalitions
    (True, ((0, 1), (0, 2), (1, 2)))
    """
    table = game.tabulate(progress=progress)
    with progress_report("core", " values", progress) as report:
        values, collection, tolerance, effort = core_witness(
            table, game.kind, game.rounding, report
        )
    return CoreExistence(
        is_empty=values is None,
        point=None
        if values is None
        else Allocation(
            players=game.players,
            values=values,
            kind=game.kind,
            method="core",
            tolerance=tolerance,
        ),
        collection=None if collection is None else stage(game.players, collection),
        tolerance=tolerance,
        effort=Effort(*effort),
    )
