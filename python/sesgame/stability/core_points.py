"""One point of the core, or of the least core where the core is empty, chosen by a rule.

Bounds on shares may narrow the choice. Both rules have one answer and a proof of it: multipliers of
tight coalitions, which :meth:`CorePointEvidence.verify` checks without the solver's code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sesgame._engine import core_point
from sesgame.errors import AllocationError, CoalitionError, GameError
from sesgame.files.json_text import unkept
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.door import checked_arguments
from sesgame.game.precision import (
    RESOLUTION,
    UNIT_ROUNDOFF,
    equal_amounts,
    rounding_of_excesses,
)
from sesgame.progress import progress_report
from sesgame.rule import AllocationProblem, Need, Option, Promise, Rule
from sesgame.stability.bounds_on_shares import (
    AT_LEAST,
    AT_MOST,
    BoundsContradiction,
    ShareBound,
    ShareBounds,
    bounds_of,
    broken_bounds,
    contradictory_bounds,
    held_bound,
)
from sesgame.stability.core import LEAST_CORE
from sesgame.stability.core_point_fractions import point_in_fractions
from sesgame.stability.stages import Effort, Stage, stage
from sesgame.stability.verification import Verification, verify_core_point, verify_stages

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game

    Bounds: TypeAlias = Allocation | Mapping[Hashable, float | None] | ArrayLike | None

__all__ = [
    "CorePointEvidence",
    "CorePointStep",
    "leximin_core_allocation",
    "nearest_core_allocation",
]

ROUNDING = 1e-14
"""Of the largest number of the reference: what is lost in the difference of an allocation to it."""

LISTED_FAILURES = 10


@dataclasses.dataclass(frozen=True)
class CorePointStep:
    """Multipliers that prove the choice, or one level of it.

    Attributes
    ----------
    level : float
        The advantage of `players` over the reference; 0 for the nearest point.
    players : tuple of hashable
        Players whose advantages cannot all be raised.
    player_weights : tuple of float
        Their positive weights, which add up to 1.
    coalitions : tuple of tuple of hashable
        Tight coalitions.
    multipliers : tuple of float
        One for each, not negative; of any sign for a coalition of the least core's stages.
    total_multiplier : float
        That of the grand coalition, of any sign.
    bounds : tuple of hashable
        Players who have just what a bound allows.
    bound_multipliers : tuple of float
        One for each, positive for the bound that keeps it up in the sense of gains, else negative.
    """

    level: float
    players: tuple[Hashable, ...]
    player_weights: tuple[float, ...]
    coalitions: tuple[tuple[Hashable, ...], ...]
    multipliers: tuple[float, ...]
    total_multiplier: float
    bounds: tuple[Hashable, ...] = ()
    bound_multipliers: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class CorePointEvidence(Evidence):
    """What proves a chosen point of the core or least core.

    Attributes
    ----------
    core_is_empty : bool
        Then the point is chosen from the least core.
    of_least_core : bool
        Whether it was to be chosen from the least core in any case.
    allowed_excess : float
        0, or the least core value where the point is chosen from the least core.
    leximin : bool
        The rule: lexicographic max-min, or nearest in least squares.
    reference : tuple of float
        What the point is compared with.
    at_least, at_most : tuple of ShareBound
        The bounds on shares.
    steps : tuple of CorePointStep
        One for the nearest point, one for each level of the lexicographic max-min.
    stages : tuple of Stage
        Those of the least core, where the point is of it or the core has no interior.
    values : tuple of float
        The allocation.
    effort : Effort or None
        What it took; not read back.
    tolerance : float
        Excesses closer than this counted as equal for the solver; not read back.
    """

    core_is_empty: bool
    of_least_core: bool
    allowed_excess: float
    leximin: bool
    reference: tuple[float, ...]
    at_least: tuple[ShareBound, ...]
    at_most: tuple[ShareBound, ...]
    steps: tuple[CorePointStep, ...]
    stages: tuple[Stage, ...]
    values: tuple[float, ...]
    effort: Effort | None = unkept(None)
    tolerance: float = unkept(0.0)

    @property
    def words(self) -> dict[str, str]:
        """Among what was chosen, and by what."""
        equal = len(set(self.reference)) == 1
        return {
            "content": (
                "every group as little reason to leave as can be"
                if self.core_is_empty or self.of_least_core
                else "no group a reason to leave"
            ),
            "nearest": "of least variance" if equal else "nearest to a reference",
        }

    @property
    def manner(self) -> str:
        """From where the point is, and that it is compared with numbers that the evidence has."""
        equal = len(set(self.reference)) == 1
        nearest = "of least variance" if equal else "nearest to the reference"
        compared = "compared with the reference" if self.leximin else nearest
        said = ["of the least core"] if self.core_is_empty or self.of_least_core else []
        return ", ".join([*said, compared, *(["within bounds"] if self._bounded else [])])

    @property
    def _bounded(self) -> bool:
        """Whether there are bounds on shares."""
        return bool(self.at_least or self.at_most)

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the multipliers prove."""
        proved = "every other such split is farther from the reference"
        if self.leximin:
            proved = "no such split is better for those who are least better off"
        return [
            f"The certificate has multipliers of groups that get just what keeps them: they prove "
            f"that {proved}."
        ]

    def _claim(self, game: Game) -> str:
        """Return what the multipliers prove, with the reference and the bounds it is about."""
        where = "least core" if self.core_is_empty or self.of_least_core else "core"
        if self._bounded:
            bounds = [f"{bound.player} at least {bound.amount!r}" for bound in self.at_least]
            bounds += [f"{bound.player} at most {bound.amount!r}" for bound in self.at_most]
            where += f" within bounds ({', '.join(bounds)})"
        alone = game.values(np.eye(game.n_players, dtype=np.bool_), progress=False)
        if len(set(self.reference)) == 1:
            reference = f"{self.reference[0]!r} for each"
        elif self.reference == tuple(alone.tolist()):
            reference = "what each has alone"
        else:
            reference = ", ".join(map(repr, self.reference))
        if self.leximin:
            return f"the leximin point of the {where}, compared with {reference}"
        return f"the point of the {where} nearest to {reference}"

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check the point and its multipliers with code that shares nothing with the solver.

        With x the point, r the reference, m the multipliers (in the sense of gains): the point is
        in the core (least core), and for the nearest point x - r = sum of m_S 1_S with m_S >= 0 on
        tight coalitions, so (x - r)(y - x) >= 0 for every other point y. A bound counts like the
        coalition of its player, an upper one with the other sign. For each level of the
        max-min, with weights p of players, p + sum of m_S 1_S = 0 but for players of earlier
        levels: no y raises the advantages of all of them.

        Parameters
        ----------
        game : Game
            The game that was solved; it is tabulated.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Derive the point and its multipliers in fractions from the coalitions and bounds that
            the steps name, and compare all 2^n excesses with no tolerance. The shares may differ
            from it by the rounding of floats; the values of the game count as they are.

        Returns
        -------
        Verification
            True as a condition when everything holds.
        """
        values = checked_values(game.players, self.values)
        failures = self._malformed(game.n_players)
        if not failures:
            failures = _PointCheck(self, game, values).failures()
        shares: tuple[Fraction | float, ...] = tuple(values.tolist())
        if exact and not failures:
            fixed = pinned(game, of_least_core=self.core_is_empty or self.of_least_core)
            shares, failures = point_in_fractions(self, game, fixed)
        return Verification(
            claim=self._claim(game),
            failures=tuple(failures[:LISTED_FAILURES]),
            exact=exact,
            values=shares,
        )

    def _malformed(self, n_players: int) -> list[str]:
        """Return what is missing, or no number."""
        found = []
        if len(self.reference) != n_players or not np.isfinite(self.reference).all():
            found.append("the reference is not one number for each player")
        for bounds in (self.at_least, self.at_most):
            once = len({bound.player for bound in bounds}) == len(bounds)
            if not once or not np.isfinite([bound.amount for bound in bounds]).all():
                found.append("there is not one number for each player who has a bound")
        for number, step in enumerate(self.steps, start=1):
            pairs = (
                (step.players, step.player_weights),
                (step.coalitions, step.multipliers),
                (step.bounds, step.bound_multipliers),
            )
            multipliers = (*step.multipliers, *step.bound_multipliers)
            numbers = (step.level, step.total_multiplier, *step.player_weights, *multipliers)
            if any(len(a) != len(b) for a, b in pairs) or not np.isfinite(numbers).all():
                found.append(f"step {number} has not one number for each player and coalition")
        return found


class _PointCheck:
    """A chosen point and its multipliers, checked step by step; keeps what fails."""

    def __init__(
        self, evidence: CorePointEvidence, game: Game, values: NDArray[np.float64]
    ) -> None:
        self.evidence, self.game, self.values = evidence, game, values
        self.equal = equal_amounts(game)
        self.found: list[str] = []
        stages = evidence.stages
        self.of_least_core = evidence.core_is_empty or evidence.of_least_core
        self.allowed = stages[0].excess if self.of_least_core and stages else 0.0
        self.always_tight = {coalition for stage in stages for coalition in stage.coalitions}
        # In the sense of gains. Advantages are exact: a reference far away must not widen anything.
        self.x = game.sign * self.values
        sign = int(game.sign)
        self.advantages = [
            sign * (Fraction(share) - Fraction(other))
            for share, other in zip(self.values.tolist(), evidence.reference, strict=True)
        ]
        shares = np.abs(self.values)
        self.slack = self.equal + rounding_of_excesses(shares, shares.sum(), game.n_players)
        # Whose advantages no later step may raise.
        self.settled = np.zeros(game.n_players, dtype=np.bool_)

    def failures(self) -> list[str]:
        """Return what fails in the point and in its steps."""
        self.point()
        try:
            for number, step in enumerate(self.evidence.steps, start=1):
                self.step(number, step)
        except CoalitionError as error:
            self.found.append(f"step {number}: {error}")
        if not self.evidence.steps or (self.evidence.leximin and not self.settled.all()):
            self.found.append("the steps do not settle every player")
        return self.found

    def point(self) -> None:
        """Check that the point is in the core, or in the least core where that is empty."""
        evidence = self.evidence
        if evidence.core_is_empty and not self.allowed > 0:
            self.found.append("no stage proves that the core is empty")
        if evidence.allowed_excess != self.allowed:
            self.found.append(
                f"the allowed excess is {self.allowed!r}, not {evidence.allowed_excess!r}"
            )
        if evidence.stages:
            self.found += verify_stages(
                self.game,
                self.values,
                evidence.stages,
                claim="in the least core",
                complete=False,
            ).failures
        if not self.of_least_core:
            self.found += verify_core_point(self.game, self.values).failures
        if self.of_least_core and not evidence.stages and self.game.n_players > 1:
            self.found.append("no stage proves the value of the least core")
        self.found += broken_bounds(evidence, self.game, self.values, float(self.slack.max()))

    def step(self, number: int, step: CorePointStep) -> None:
        """Check the multipliers of one step, and settle its players."""
        n = self.game.n_players
        multipliers = self._sum_of_multipliers(number, step)
        if not self.evidence.leximin:
            if step.level != 0 or step.players or step.player_weights:
                self.found.append("the nearest point has no levels")
            free = ~pinned(self.game, of_least_core=self.of_least_core)
            gaps = [a - m for a, m in zip(self.advantages, multipliers, strict=True)]
            if not (np.abs(np.array(gaps, dtype=np.float64)) <= self.slack)[free].all():
                self.found.append("the multipliers do not add up")
            return
        players = self.game.players.indices(step.players)
        least = min((self.advantages[player] for player in players), default=Fraction(0))
        apart = np.array([advantage - least for advantage in self.advantages], dtype=np.float64)
        level = 2 * UNIT_ROUNDOFF * abs(step.level)
        if not (
            (apart <= self.slack)[players].all()
            and (apart >= -self.slack)[~self.settled].all()
            and abs(float(least) - step.level) <= self.slack.max() + level
        ):
            self.found.append(f"an advantage is not that of level {number}")
        weights = np.zeros(n)
        weights[players] = step.player_weights
        # Of n weights that add up to 1: by less than 1e-9 in all, as in the stages of a nucleolus.
        sums = weights + np.array(multipliers, dtype=np.float64)
        gap = np.abs(sums)[~self.settled].max(initial=0.0)
        within = RESOLUTION / n
        if not (
            players
            and (weights[players] > 0).all()
            and gap <= within
            and abs(weights.sum() - 1) <= within
        ):
            self.found.append(f"the multipliers of level {number} do not add up")
        self.settled[players] = True

    def _sum_of_multipliers(self, number: int, step: CorePointStep) -> list[Fraction]:
        """Return the sum of m_S 1_S; check that each S is tight, and its multiplier's sign."""
        total = [Fraction(step.total_multiplier)] * self.game.n_players
        for coalition, multiplier in zip(step.coalitions, step.multipliers, strict=True):
            members = self.game.players.indices(coalition)
            for member in members:
                total[member] += Fraction(multiplier)
            value, shares = self.game.value(coalition), self.x[members]
            excess = self.game.sign * value - shares.sum()
            rounding = rounding_of_excesses(value, np.abs(shares).sum(), len(members))
            name = format_coalition(coalition)
            if not abs(excess - self.allowed) <= self.equal + float(rounding):
                self.found.append(f"{name} is not tight in step {number}")
            if not multiplier >= 0 and coalition not in self.always_tight:
                self.found.append(f"{name} has a negative multiplier in step {number}")
        for player, multiplier in zip(step.bounds, step.bound_multipliers, strict=True):
            index = self.game.players.index(player)
            total[index] += Fraction(multiplier)
            bound = held_bound(self.evidence, self.game, player, multiplier)
            if not abs(self.values[index] - bound) <= self.slack[index]:
                self.found.append(f"{player!r} is not at its bound in step {number}")
        return total


def pinned(game: Game, *, of_least_core: bool) -> NDArray[np.bool_]:
    """Return whose shares are the same in all the core: those who add what they have alone."""
    n = game.n_players
    if of_least_core:
        return np.zeros(n, dtype=np.bool_)
    table = game.tabulate(progress=False)
    total = Fraction(float(table[-1]))
    return np.array(
        [
            total - Fraction(float(table[len(table) - 1 - (1 << player)]))
            == Fraction(float(table[1 << player]))
            for player in range(n)
        ]
    )


@checked_arguments
def nearest_core_allocation(
    game: Game,
    *,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None = None,
    at_least: Bounds = None,
    at_most: Bounds = None,
    of: str = "core",
    progress: bool = True,
) -> Allocation:
    """Return the point of the core nearest to a reference in least squares.

    Where the core is empty, the point of the least core. Minimises sum of (x_i - r_i)^2 over all x
    with x(N) = v(N) and no excess above 0, or above the least core value.

    Parameters
    ----------
    game : Game
        At most 30 players; it is tabulated.
    reference : Allocation, mapping or array_like of float, shape (n,), optional
        What to stay close to, for example the Shapley value. By default equal parts: the nearest
        point is then the one of least variance.
    at_least, at_most : Allocation, mapping or array_like of float, shape (n,), optional
        Bounds on what each player gets (gains) or pays (costs), such as a legal cap. Whoever is
        missing, or has None, has no bound.
    of : {"core", "least-core"}, default "core"
        "least-core" chooses from the least core where the core is not empty, too.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        The one there is; with :class:`CorePointEvidence`.

    Raises
    ------
    PlayerLimitError, SolverError
        As in :func:`sesgame.least_core`.
    AllocationError
        `reference` has the wrong length, is not finite, or is so far away that floats cannot tell
        which point is nearest: from about 1e8 times the width of the core on; a bound is none, or
        the bounds contradict each other or the total.
    ContradictoryBoundsError
        No point of the core (least core) satisfies the bounds; with multipliers that prove it.

    Notes
    -----
    A least core, then a few scans of the 2^n values. Quadratic programs over the coalitions that
    matter are solved by the dual method of Goldfarb and Idnani.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 6, 0, 0, 0, 9], kind="gain")
    >>> [round(float(x), 6) for x in sg.nearest_core_allocation(game, reference=[1, 1, 7]).values]
    [3.0, 3.0, 3.0]
    >>> capped = sg.nearest_core_allocation(game, at_most={0: 2.5})
    >>> [round(float(x), 6) for x in capped.values]
    [2.5, 3.5, 3.0]
    """
    compared = "of least variance"
    if reference is not None:
        compared = f"nearest to {_named(reference)}"
    choice = _Choice(NEAREST_CORE, False, compared, reference, at_least, at_most, of)
    return _chosen(game, choice, progress)


@checked_arguments
def leximin_core_allocation(
    game: Game,
    *,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None = None,
    at_least: Bounds = None,
    at_most: Bounds = None,
    of: str = "core",
    progress: bool = True,
) -> Allocation:
    """Return the point of the core whose smallest advantage is as large as possible.

    Then the next one, and so on: the lexicographic max-min of the advantages x_i - r_i (gains) or
    r_i - x_i (costs), over the core or, where it is empty, over the least core.

    Parameters
    ----------
    game, progress
        As in :func:`nearest_core_allocation`.
    reference : Allocation, mapping or array_like of float, shape (n,), optional
        What advantages are measured from, for example what each player has alone. By default 0:
        whoever gets least gets as much, or pays most as little, as possible (the egalitarian core
        allocation).
    at_least, at_most, of
        As in :func:`nearest_core_allocation`.

    Returns
    -------
    Allocation
        The one there is; with :class:`CorePointEvidence`.

    Raises
    ------
    PlayerLimitError, SolverError, AllocationError, ContradictoryBoundsError
        As in :func:`nearest_core_allocation`.

    Notes
    -----
    A least core, then a few scans; at most n linear programs for each.

    References
    ----------
    Arin and Inarra (2001) [arin2001]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 8, 0, 0, 0, 9], kind="gain")
    >>> [round(float(x), 6) for x in sg.leximin_core_allocation(game).values]
    [4.0, 4.0, 1.0]
    """
    compared = "" if reference is None else f"compared with {_named(reference)}"
    choice = _Choice(LEXIMIN_CORE, True, compared, reference, at_least, at_most, of)
    return _chosen(game, choice, progress)


def _named(reference: object) -> str:
    """Return what a point is compared with, where that has a name."""
    return f"the {reference.method}" if isinstance(reference, Allocation) else "the reference"


@dataclasses.dataclass(frozen=True)
class _Choice:
    """What is to be chosen, as it was asked for."""

    rule: Rule
    leximin: bool
    compared_with: str
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None
    at_least: Bounds
    at_most: Bounds
    of: str


def _chosen(game: Game, choice: _Choice, progress: bool) -> Allocation:
    if choice.of not in ("core", LEAST_CORE.name):
        raise GameError(f'of is {choice.of!r}; it must be "core" or "{LEAST_CORE.name}"')
    table = game.tabulate(progress=progress)
    compared = _reference(game, choice.leximin, choice.reference)
    bounds = ShareBounds.of(game, choice.at_least, choice.at_most, total=float(table[-1]))
    of_least_core = choice.of == LEAST_CORE.name
    with progress_report("point of the core", " values", progress) as report:
        try:
            chosen = core_point(
                *(table, game.kind, choice.leximin, compared, game.rounding),
                *(of_least_core, bounds.pairs, report),
            )
        except ValueError as error:
            raise AllocationError(str(error)) from error
    allowed, values = chosen.allowed, chosen.allocation
    empty = allowed > 0
    where = "least core" if empty or of_least_core else "core"
    if chosen.contradiction is not None:
        missed, _, tight, at_bounds, total = chosen.contradiction
        raise contradictory_bounds(
            game,
            BoundsContradiction(
                allowed_excess=allowed,
                **bounds.named(game),
                players=tuple(game.players[player] for player, _ in at_bounds),
                player_multipliers=tuple(multiplier for _, multiplier in at_bounds),
                coalitions=tuple(game.players.ordered_labels(mask) for mask, _ in tight),
                multipliers=tuple(multiplier for _, multiplier in tight),
                total_multiplier=total,
            ),
            missed,
            where,
        )
    fixed = pinned(game, of_least_core=empty or of_least_core)
    values = np.where(fixed, table[1 << np.arange(game.n_players)], values)
    # A game of zeros has no tolerance of its own, but the distance to a reference is rounded.
    tolerance = max(chosen.tolerance, ROUNDING * game.n_players * float(np.abs(compared).max()))
    said = ", ".join(
        filter(
            None,
            [
                "of the least core" if where == "least core" else "",
                choice.compared_with,
                "within bounds" if bounds.any else "",
            ],
        )
    )
    title = choice.rule.title
    allocation = Allocation(
        players=game.players,
        values=values,
        kind=game.kind,
        method=f"{title} ({said})" if said else title,
        tolerance=tolerance,
        evidence=CorePointEvidence(
            core_is_empty=empty,
            of_least_core=of_least_core,
            allowed_excess=allowed,
            leximin=choice.leximin,
            reference=tuple(compared.tolist()),
            **bounds.named(game),
            steps=tuple(
                CorePointStep(
                    level=level,
                    players=tuple(game.players[player] for player, _ in weights),
                    player_weights=tuple(weight for _, weight in weights),
                    coalitions=tuple(game.players.ordered_labels(mask) for mask, _ in tight),
                    multipliers=tuple(multiplier for _, multiplier in tight),
                    total_multiplier=total,
                    bounds=tuple(game.players[player] for player, _ in at_bounds),
                    bound_multipliers=tuple(multiplier for _, multiplier in at_bounds),
                )
                for level, weights, tight, at_bounds, total in chosen.steps
            ),
            stages=tuple(stage(game.players, raw) for raw in chosen.stages),
            effort=Effort(*chosen.effort),
            values=tuple(values.tolist()),
            tolerance=tolerance,
        ),
    )
    return choice.rule.made(allocation)


def _reference(
    game: Game,
    leximin: bool,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None,
) -> NDArray[np.float64]:
    """Return the reference in player order."""
    if reference is None:
        equal = 0.0 if leximin else float(game.tabulate(progress=False)[-1]) / game.n_players
        return np.full(game.n_players, equal)
    if isinstance(reference, Allocation):
        reference = dict(zip(reference.players, reference.values.tolist(), strict=True))
    if isinstance(reference, Mapping):
        if set(reference) != set(game.players):
            raise AllocationError("the reference needs one value for each player of the game")
        reference = [reference[player] for player in game.players]
    return checked_values(game.players, reference)


EQUAL, ALONE = "equal", "alone"


def _parsed(text: str) -> str | dict[str, float]:
    """Return a word for a reference, or amounts by member."""
    if text in (EQUAL, ALONE):
        return text
    pairs = [pair.rpartition("=") for pair in text.split(",")]
    return {member.strip(): float(amount) for member, _, amount in pairs}


REFERENCE: Option[Any] = Option(
    name="reference",
    parse=_parsed,
    metavar=f"{EQUAL}|{ALONE}|A=1.5,B=2,...",
    help="reference point for the choice among several solutions: equal shares, stand-alone "
    "values, or an amount for each member",
)


def reference_of(
    problem: AllocationProblem, usual: str | None = None
) -> Allocation | Mapping[Hashable, float] | ArrayLike | None:
    """Return the reference that a problem asks for, or a usual one, if there is any."""
    wanted, game = problem.get(REFERENCE), problem.game
    if wanted is None:
        wanted = usual
    if isinstance(wanted, str) and wanted == ALONE:
        alone = game.values(np.eye(game.n_players, dtype=np.bool_))
        return Allocation(game.players, alone, game.kind, "values alone")
    if isinstance(wanted, str) and wanted == EQUAL:
        together = game.value(game.players)
        equal = np.full(game.n_players, together / game.n_players)
        return Allocation(game.players, equal, game.kind, "equal parts")
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None = wanted
    return reference


def nearest_to(rule: Rule) -> Rule:
    """Return :data:`NEAREST_CORE` with what another rule gives as the usual reference."""

    def apply(problem: AllocationProblem) -> Allocation:
        reference = reference_of(problem)
        if reference is None:
            reference = rule(problem)
        return nearest_core_allocation(problem.game, reference=reference, **bounds_of(problem))

    return dataclasses.replace(NEAREST_CORE, apply=apply)


CONTENT = "Of all splits that give {content}, the one"

NEAREST_CORE = Rule(
    name="nearest-core",
    proved_by=lambda evidence: isinstance(evidence, CorePointEvidence) and not evidence.leximin,
    title="nearest core point",
    apply=lambda problem: nearest_core_allocation(
        problem.game, reference=reference_of(problem), **bounds_of(problem)
    ),
    needs=frozenset({Need.TABLE}),
    promises=frozenset(
        {Promise.EFFICIENT, Promise.IN_CORE_IF_NONEMPTY, Promise.UNIQUE, Promise.SYMMETRIC}
    )
    | {Promise.CERTIFIED},
    options=(REFERENCE, AT_LEAST, AT_MOST),
    meaning=f"{CONTENT} {{nearest}}.",
    page="concepts/core-points",
    sources=("wolfe1976",),
)

LEXIMIN_CORE = Rule(
    name="leximin-core",
    proved_by=lambda evidence: isinstance(evidence, CorePointEvidence) and evidence.leximin,
    title="leximin core point",
    apply=lambda problem: leximin_core_allocation(
        problem.game, reference=reference_of(problem, usual=ALONE), **bounds_of(problem)
    ),
    needs=NEAREST_CORE.needs,
    promises=NEAREST_CORE.promises,
    options=NEAREST_CORE.options,
    meaning=(
        f"{CONTENT} in which whoever is least better off, compared with a reference, is as well "
        f"off as can be; then the next, and so on."
    ),
    page="concepts/core-points",
    sources=("arin2001",),
)
