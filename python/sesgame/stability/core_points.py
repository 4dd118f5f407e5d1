"""One point of the core, or of the least core where the core is empty, chosen by a rule.

Both rules have one answer and a proof of it: multipliers of tight coalitions, which
:meth:`CorePointEvidence.verify` checks without the solver's code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import core_point
from sesgame.errors import AllocationError
from sesgame.game.allocation import Allocation, Evidence, checked_values
from sesgame.game.players import format_coalition
from sesgame.progress import progress_report
from sesgame.stability.core import core_check
from sesgame.stability.stages import Effort, Stage, stage
from sesgame.stability.verification import Verification, verify_stages

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game

__all__ = [
    "CorePointEvidence",
    "CorePointStep",
    "leximin_core_allocation",
    "nearest_core_allocation",
]

ROUNDING = 1e-14
"""Of the largest number of the reference: what is lost in the difference of an allocation to it."""

MULTIPLIER_TOLERANCE = 1e-7
"""Multipliers of a leximin step add up to 1; their equations hold up to this."""


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
    """

    level: float
    players: tuple[Hashable, ...]
    player_weights: tuple[float, ...]
    coalitions: tuple[tuple[Hashable, ...], ...]
    multipliers: tuple[float, ...]
    total_multiplier: float


@dataclasses.dataclass(frozen=True)
class CorePointEvidence(Evidence):
    """What proves a chosen point of the core or least core.

    Attributes
    ----------
    core_is_empty : bool
        Then the point is chosen from the least core.
    allowed_excess : float
        0, or the least core value where the core is empty.
    leximin : bool
        The rule: lexicographic max-min, or nearest in least squares.
    reference : tuple of float
        What the point is compared with.
    steps : tuple of CorePointStep
        One for the nearest point, one for each level of the lexicographic max-min.
    stages : tuple of Stage
        Those of the least core, where the core is empty or has no interior.
    effort : Effort
        What it took.
    values : tuple of float
        The allocation.
    tolerance : float
        Excesses closer than this count as equal.
    """

    core_is_empty: bool
    allowed_excess: float
    leximin: bool
    reference: tuple[float, ...]
    steps: tuple[CorePointStep, ...]
    stages: tuple[Stage, ...]
    effort: Effort
    values: tuple[float, ...]
    tolerance: float

    def verify(self, game: Game) -> Verification:
        """Check the point and its multipliers with code that shares nothing with the solver.

        With x the point, r the reference, m the multipliers (in the sense of gains): the point is
        in the core (least core), and for the nearest point x - r = sum of m_S 1_S with m_S >= 0 on
        tight coalitions, so (x - r)(y - x) >= 0 for every other point y. For each level of the
        max-min, with weights p of players, p + sum of m_S 1_S = 0 but for players of earlier
        levels: no y raises the advantages of all of them.

        Parameters
        ----------
        game : Game
            The game that was solved; it is tabulated.

        Returns
        -------
        Verification
            True as a condition when everything holds.
        """
        values = checked_values(game.players, self.values)
        slack = 4 * self.tolerance
        failures: list[str] = []
        allowed = self.stages[0].excess if self.core_is_empty and self.stages else 0.0
        if self.core_is_empty and not allowed > 0:
            failures.append("no stage proves that the core is empty")
        if not abs(self.allowed_excess - allowed) <= slack:
            failures.append(f"the allowed excess is {allowed!r}, not {self.allowed_excess!r}")
        if self.stages:
            failures += verify_stages(
                game, values, self.stages, complete=False, tolerance=slack
            ).failures
        if not self.core_is_empty:
            failures += core_check(game, values, tolerance=slack, progress=False).failures
        x = game.sign * values
        advantages = x - game.sign * np.array(self.reference)
        always_tight = {coalition for stage in self.stages for coalition in stage.coalitions}
        settled = np.zeros(game.n_players, dtype=np.bool_)
        for number, step in enumerate(self.steps, start=1):
            sum_of_multipliers = np.full(game.n_players, step.total_multiplier)
            for coalition, multiplier in zip(step.coalitions, step.multipliers, strict=True):
                members = game.players.indices(coalition)
                sum_of_multipliers[members] += multiplier
                excess = game.sign * game.value(coalition) - x[members].sum()
                name = format_coalition(coalition)
                if not (abs(excess - allowed) <= slack or abs(multiplier) <= 1e-9):
                    failures.append(f"{name} is not tight in step {number}")
                if multiplier < 0 and coalition not in always_tight:
                    failures.append(f"{name} has a negative multiplier in step {number}")
            if not self.leximin:
                if step.level != 0 or step.players:
                    failures.append("the nearest point has no levels")
                gap = np.abs(advantages - sum_of_multipliers).max()
                if not gap <= slack * game.n_players:
                    failures.append("the multipliers do not add up")
                continue
            players = game.players.indices(step.players)
            if not (
                (np.abs(advantages[players] - step.level) <= slack).all()
                and (advantages[~settled] >= step.level - slack).all()
            ):
                failures.append(f"an advantage is not that of level {number}")
            weights = np.zeros(game.n_players)
            weights[players] = step.player_weights
            gap = np.abs(weights + sum_of_multipliers)[~settled].max()
            if not (weights.min() >= 0 and gap + abs(weights.sum() - 1) <= MULTIPLIER_TOLERANCE):
                failures.append(f"the multipliers of level {number} do not add up")
            settled[players] = True
        if not self.steps or (self.leximin and not settled.all()):
            failures.append("the steps do not settle every player")
        return Verification(
            holds=not failures,
            failures=tuple(failures[:10]),
            exact=False,
            values=tuple(values.tolist()),
        )


def nearest_core_allocation(
    game: Game,
    *,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None = None,
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
        `reference` has the wrong length or is not finite.

    Notes
    -----
    A least core, then a few scans of the 2^n values. Quadratic programmes over the coalitions that
    matter are solved by Lawson and Hanson's non-negative least squares.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 6, 0, 0, 0, 9], kind="gain")
    >>> [round(float(x), 6) for x in sg.nearest_core_allocation(game, reference=[1, 1, 7]).values]
    [3.0, 3.0, 3.0]
    """
    return _chosen(game, "nearest to the reference", False, reference, progress)


def leximin_core_allocation(
    game: Game,
    *,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None = None,
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

    Returns
    -------
    Allocation
        The one there is; with :class:`CorePointEvidence`.

    Raises
    ------
    PlayerLimitError, SolverError, AllocationError
        As in :func:`nearest_core_allocation`.

    Notes
    -----
    A least core, then a few scans; at most n linear programmes for each.

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
    return _chosen(game, "of the lexicographic max-min", True, reference, progress)


def _chosen(
    game: Game,
    rule: str,
    leximin: bool,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None,
    progress: bool,
) -> Allocation:
    table = game.tabulate(progress=progress)
    compared = _reference(game, leximin, reference)
    with progress_report("point of the core", " values", progress) as report:
        chosen = core_point(table, game.kind, leximin, compared, report)
    allowed, values = chosen.allowed, chosen.allocation
    # A game of zeros has no tolerance of its own, but the distance to a reference is rounded.
    tolerance = max(chosen.tolerance, ROUNDING * game.n_players * float(np.abs(compared).max()))
    if reference is None and not leximin:
        rule = "of least variance"
    where = "least core" if allowed > 0 else "core"
    return Allocation(
        players=game.players,
        values=values,
        kind=game.kind,
        method=f"{where} allocation {rule}",
        tolerance=tolerance,
        evidence=CorePointEvidence(
            core_is_empty=allowed > 0,
            allowed_excess=allowed,
            leximin=leximin,
            reference=tuple(compared.tolist()),
            steps=tuple(
                CorePointStep(
                    level=level,
                    players=tuple(game.players[player] for player, _ in weights),
                    player_weights=tuple(weight for _, weight in weights),
                    coalitions=tuple(game.players.ordered_labels(mask) for mask, _ in tight),
                    multipliers=tuple(multiplier for _, multiplier in tight),
                    total_multiplier=total,
                )
                for level, weights, tight, total in chosen.steps
            ),
            stages=tuple(stage(game.players, raw) for raw in chosen.stages),
            effort=Effort(*chosen.effort),
            values=tuple(values.tolist()),
            tolerance=tolerance,
        ),
    )


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
