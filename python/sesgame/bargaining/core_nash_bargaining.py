"""Nash bargaining within the core: the largest product of gains that no coalition objects to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Iterable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sesgame._engine import joint_level, most_violated
from sesgame.bargaining.core_nash_evidence import (
    NashEffort,
    NashInCoreEvidence,
    ZeroGain,
    duality_gap,
)
from sesgame.bargaining.core_nash_program import NashPoint, nash_point
from sesgame.bargaining.surplus import disagreement_of, weights_of
from sesgame.errors import AllocationError, SolverError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.precision import RESOLUTION, rounding_of_excesses
from sesgame.progress import progress_report
from sesgame.rule import Need, Promise, Rule
from sesgame.stability.bounds_on_shares import (
    AT_LEAST,
    AT_MOST,
    BoundsContradiction,
    ShareBounds,
    bounds_of,
    contradictory_bounds,
)
from sesgame.stability.core import core_existence
from sesgame.stability.local_search import local_search as search_locally
from sesgame.stability.search import CoalitionSearch, OracleSearch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game
    from sesgame.game.separation import SeparationOracle

    Numbers: TypeAlias = Allocation | Mapping[Hashable, float] | ArrayLike
    PerMember: TypeAlias = Allocation | Mapping[Hashable, float | None] | ArrayLike | None

__all__ = ["NASH_IN_CORE", "nash_bargaining_in_core"]

ROWS_PER_SCAN = 5
ROWS_PER_ANSWER = 2
"""A scan of the table, or a search beside an oracle, adds this many coalitions, times the number of
players, to the program. What a search finds is much alike."""

FIRST_SAMPLE = 16
SAMPLE_STEP = 3
"""The first scans look at about 2^16 coalitions; a sample that holds no violation any more grows
eightfold. Whole scans then start near the solution."""

POSITIVE = 1e-9
"""Multipliers of a level add up to 1; up to this they count as 0."""

STAGE = "Nash bargaining in the core"

LISTED = 4
"""As many coalitions are named in a message."""


@checked_arguments
def nash_bargaining_in_core(
    game: Game | Iterable[Hashable],
    *,
    weights: Numbers | None = None,
    disagreement: Numbers | None = None,
    at_least: PerMember = None,
    at_most: PerMember = None,
    oracle: SeparationOracle | None = None,
    tolerance: float | None = None,
    local_search: int = 0,
    max_seconds: float | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the point of the core with the largest weighted product of gains.

    .. math:: \max_x \prod_i (x_i - d_i)^{w_i} \quad \text{subject to} \quad x(N) = v(N), \;
              x(S) \ge v(S) \text{ for all } S

    with :math:`d_i - x_i` in place of :math:`x_i - d_i`, and :math:`x(S) \le c(S)`, for costs.

    Parameters
    ----------
    game : Game, or iterable of hashable
        At most 30 players, which are tabulated; with an oracle any number.
    weights : Allocation, mapping or array_like of float, shape (n,), optional
        The bargaining power :math:`w_i > 0` of each player; equal by default.
    disagreement : Allocation, mapping or array_like of float, shape (n,), optional
        What each player has without an agreement, :math:`d_i`; by default what it has alone.
    at_least, at_most : Allocation, mapping or array_like of float, shape (n,), optional
        Bounds on what each player gets (gains) or pays (costs), such as a legal cap. Whoever is
        missing, or has None, has no bound.
    oracle : SeparationOracle, optional
        Finds coalitions that object where no table can hold all.
    tolerance : float, optional
        With an oracle: the excess that counts as none.
    local_search : int, default 0
        With an oracle: how many coalitions to look at before it is asked.
    max_seconds : float, optional
        With an oracle: the time limit.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        The one there is; with :class:`~sesgame.evidence.NashInCoreEvidence`. Players who gain
        nothing anywhere in the core get :math:`d_i`, are named, and the product is that of the
        others.

    Raises
    ------
    AllocationError
        The core is empty (with a balanced collection that proves it), together the players have
        less than without an agreement, a weight is not positive, or a number is missing, not
        finite or of an unknown player.
    ContradictoryBoundsError
        No point of the core satisfies the bounds, or gives everybody the disagreement.
    PlayerLimitError
        More than 30 players without an oracle.
    OracleError
        The oracle's answer is wrong, or an option has a meaning only with an oracle.

    Notes
    -----
    A few scans of the 2^n values, or questions to the oracle; between two of them a concave program
    with a row for each coalition that has mattered. Where no coalition matters the point is that of
    ``nash_bargaining``. A unit, and what anybody has beyond the game, change nothing. With a table
    at most :func:`~sesgame.evidence.NashInCoreEvidence.verify` proves the point; with an oracle
    the excess of any coalition is at most what the evidence says.

    References
    ----------
    Nash (1950) [nash1950]_; Compte and Jehiel (2010) [compte2010]_ for the product over the core.

    Examples
    --------
    Each would have 3; but the first two have 8 without the third:

    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 8, 0, 4, 2, 9], kind="gain")
    >>> sg.nash_bargaining_in_core(game).values.round(6).tolist()
    [4.0, 4.0, 1.0]
    >>> sg.nash_bargaining_in_core(game, weights=[2, 1, 1]).values.round(6).tolist()
    [5.333333, 2.666667, 1.0]
    """
    search = CoalitionSearch.of(
        game,
        oracle=oracle,
        tolerance=tolerance,
        local_search=local_search,
        max_seconds=max_seconds,
        progress=progress,
    )
    return _in_core(search, weights, disagreement, at_least, at_most)


def _in_core(
    search: CoalitionSearch,
    weights: Numbers | None = None,
    disagreement: Numbers | None = None,
    at_least: PerMember = None,
    at_most: PerMember = None,
) -> Allocation:
    """Return the point, whoever finds the coalitions that object."""
    game = search.game
    alone = search.alone
    powers = weights_of(game, weights)
    for player, weight in zip(game.players, powers.tolist(), strict=True):
        if not weight > 0:
            raise AllocationError(
                f"the weight of {player!r} is {weight:g}: within the core weights must be "
                f"positive, since without one a share is not unique"
            )
    without = alone if disagreement is None else disagreement_of(game, disagreement)
    bounds = ShareBounds.of(game, at_least, at_most, total=search.total)
    bargaining = _Bargaining(search, powers, without, bounds)
    with progress_report(STAGE, " rounds", search.progress) as report:
        while not bargaining.done:
            bargaining.round()
            if report is not None:
                report(bargaining.rounds, 0)
    return NASH_IN_CORE.made(bargaining.allocation())


@dataclasses.dataclass(eq=False)
class _Rows:
    """What shares must satisfy, in the sense of gains: g x >= h, of coalitions and of bounds."""

    vectors: NDArray[np.float64]
    demands: NDArray[np.float64]

    def add(self, membership: NDArray[Any], demands: NDArray[np.float64]) -> None:
        self.vectors = np.concatenate([self.vectors, membership.astype(np.float64)])
        self.demands = np.concatenate([self.demands, demands])


class _Bargaining:
    """The coalitions that have mattered, who gains at all, and the best point for them.

    Shares and values are in the sense of gains here; `y` are gains in parts of the surplus.
    """

    def __init__(
        self,
        search: CoalitionSearch,
        weights: NDArray[np.float64],
        disagreement: NDArray[np.float64],
        bounds: ShareBounds,
    ) -> None:
        self.search, self.game = search, search.game
        self.deadline = monotonic() + search.max_seconds
        self.weights, self.disagreement, self.bounds = weights, disagreement, bounds
        n, sign = self.game.n_players, self.game.sign
        self.d = sign * disagreement
        self.total = sign * search.total
        self.tolerance = self._tolerance()
        self.surplus = self.total - float(self.d.sum())
        if self.surplus < -self.tolerance:
            raise AllocationError(
                f"no agreement: together they lose {-self.surplus:g} against what they have "
                f"without it"
            )
        scale = max(float(np.abs(self.d).max()), abs(self.total))
        # Where there is nothing to gain any unit will do.
        self.unit = self.surplus if self.surplus > self.tolerance else scale or 1.0
        self.whole = self.surplus / self.unit
        least, most = (bounds.at_least, bounds.at_most)[:: 1 if sign > 0 else -1]
        lower, upper = np.isfinite(least), np.isfinite(most)
        single = np.eye(n)
        self.limits = _Rows(np.zeros((0, n)), np.zeros(0))
        self.limits.add(single[lower], sign * least[lower])
        self.limits.add(-single[upper], -sign * most[upper])
        self.rows = _Rows(np.zeros((0, n)), np.zeros(0))
        self.known: set[bytes] = set()
        few = np.concatenate([np.eye(n, dtype=np.bool_), ~np.eye(n, dtype=np.bool_)])
        if n > 1:
            self._require(few, self.game.values(few, progress=False))
        self.free = np.ones(n, dtype=np.bool_)
        self.zero_gains: list[ZeroGain] = []
        self.best: NashPoint | None = None
        self.sample = max(0, n - FIRST_SAMPLE) if not isinstance(search, OracleSearch) else 0
        self.rounds, self.evaluations, self.calls = 0, len(few), 0
        self.separator = (
            search.separator(self.tolerance) if isinstance(search, OracleSearch) else None
        )
        self.bound = math.inf
        self.done = False
        self.reason = ""

    def _tolerance(self) -> float:
        """Return which excess counts as none."""
        game, search = self.game, self.search
        if isinstance(search, OracleSearch):
            if search.tolerance is not None:
                return search.tolerance
            return max(search.relative_tolerance * search.scale, game.rounding)
        game.tabulate(progress=search.progress)
        sums = float(np.abs(search.alone).sum()) + abs(search.total)
        rounding = float(rounding_of_excesses(game.scale, sums, game.n_players))
        # Where there is a core, no coalition gains more over its members alone than all do: this is
        # the resolution of the game, or less, without a pass over its table.
        gain = game.sign * (search.total - float(search.alone.sum()))
        return max(RESOLUTION * gain, game.rounding, rounding)

    def round(self) -> None:
        """Find the best point for those who gain, and who objects to it."""
        self.rounds += 1
        # A scan is cheap: a point nearby finds most of those who object.
        for polish in (True,) if self.separator else (False, True):
            while self.free.any() and not self._best_point(polish):
                self._settle_zero_gains()
            if self._objections(self.d + self.unit * self.parts, polish):
                return
        self.done = True

    @property
    def parts(self) -> NDArray[np.float64]:
        """The gains of the best point, in parts of the surplus."""
        y = np.zeros(self.game.n_players)
        if self.best is not None:
            y[self.free] = self.best.parts
        return y

    def _program(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return all rows over the gains of those who gain, in parts of the surplus."""
        vectors = np.concatenate([self.rows.vectors, self.limits.vectors])
        demands = np.concatenate([self.rows.demands, self.limits.demands])
        return vectors[:, self.free], (demands - vectors @ self.d) / self.unit

    def _settle_zero_gains(self) -> None:
        """Find somebody who gains nowhere in the core, where no best point is found."""
        vectors, demands = self._program()
        count, n_free = vectors.shape
        raised = np.arange(count + n_free) >= count
        everything = np.ascontiguousarray(np.concatenate([vectors, np.eye(n_free)]))
        levels = np.concatenate([demands, np.zeros(n_free)])
        found = joint_level(everything, levels, raised, self.whole)
        if found is None:
            # What rounding asks for: those who gain nothing are fixed at a rounded number.
            levels[:count] -= self.tolerance / self.unit
            found = joint_level(everything, levels, raised, self.whole)
        if found is None or found[0] * self.unit < -self.tolerance:
            self._explain()
        assert found is not None
        level, _, multipliers, total = found
        if level * self.unit > self.tolerance:
            raise SolverError(STAGE, "no end")
        self._settle(multipliers[:count], multipliers[count:], total)

    def _settle(
        self, multipliers: NDArray[np.float64], shares: NDArray[np.float64], total: float
    ) -> None:
        """Keep who gains nothing in the whole core, and the proof."""
        players = self.game.players
        members = np.flatnonzero(self.free)[shares > POSITIVE]
        chosen = np.flatnonzero(multipliers[: len(self.rows.vectors)] > 0)
        at_bounds = self._at_bounds(multipliers[len(self.rows.vectors) :])
        self.zero_gains.append(
            ZeroGain(
                players=tuple(players[int(index)] for index in members),
                player_weights=tuple(shares[shares > POSITIVE].tolist()),
                coalitions=tuple(self._coalition(int(row)) for row in chosen),
                multipliers=tuple(multipliers[chosen].tolist()),
                bounds=tuple(player for player, _ in at_bounds),
                bound_multipliers=tuple(multiplier for _, multiplier in at_bounds),
                total_multiplier=total,
            )
        )
        self.free[members] = False

    def _best_point(self, polish: bool) -> bool:
        """Solve the program over the coalitions that have mattered; tell whether all gain there."""
        self.best = None
        if self.surplus <= self.tolerance:
            return False
        vectors, demands = self._program()
        matters = vectors.any(axis=1)
        powers = self.weights[self.free] / self.weights[self.free].sum()
        vectors_of, demands_of = vectors[matters], demands[matters]
        found = nash_point(vectors_of, demands_of, powers, polish=polish)
        if found is None:
            # A core without interior, of values with some rounding, may have no point at all.
            demands_of = demands_of - self.tolerance / 2 / self.unit
            found = nash_point(vectors_of, demands_of, powers, polish=polish)
        if found is None or not (found.parts * self.unit > self.tolerance).all():
            return False
        multipliers = np.zeros(len(vectors))
        multipliers[matters] = found.multipliers
        self.best = dataclasses.replace(found, multipliers=multipliers)
        return True

    def _objections(self, x: NDArray[np.float64], polished: bool) -> bool:
        """Look for coalitions that object to a point; tell whether there are new ones."""
        if self.game.n_players == 1:
            self.bound = 0.0
            return False
        if self.separator is None:
            return self._scan(x, polished)
        search = self.search
        given = self.game.sign * x
        if search.local_search and self.best is not None:  # type: ignore[attr-defined]
            tight = self.best.multipliers[: len(self.rows.vectors)] > 0
            starts = self.rows.vectors[tight].astype(np.bool_)
            found, values = search_locally(
                *(self.game, given, starts, search.local_search)  # type: ignore[attr-defined]
            )
            self.separator.learn(found, values)
            self.evaluations += len(found)
            if self._require_worst(found, values, x):
                return not self._late()
        if self._late():
            return False
        named = self.separator.ask(
            given,
            self.game.n_players,
            0.0,
            None,
            self.deadline - monotonic(),
            attained=False,
        )
        self.calls = self.separator.calls
        self.evaluations += len(named.values)
        self.bound = max(named.bound, 0.0)
        if self._require_worst(named.membership, named.values, x):
            return not self._late()
        if self.bound > 2 * self.tolerance:
            self.reason = (
                f"time limit {search.max_seconds:g} s"
                if monotonic() >= self.deadline
                else "the oracle does not prove that no coalition objects"
            )
        return False

    def _late(self) -> bool:
        """Tell whether the time is over, and keep that."""
        if monotonic() < self.deadline:
            return False
        self.reason = f"time limit {self.search.max_seconds:g} s"
        self.bound = math.inf
        return True

    def _scan(self, x: NDArray[np.float64], polished: bool) -> bool:
        """Scan the table, at first a sample of it."""
        game = self.game
        table = game.tabulate(progress=False)
        while True:
            masks = most_violated(
                table,
                game.kind,
                game.sign * x,
                self.tolerance,
                ROWS_PER_SCAN * game.n_players,
                self.sample,
            )
            if masks or not self.sample:
                break
            self.sample = max(0, self.sample - SAMPLE_STEP)
        if not masks:
            self.bound = 0.0
            return False
        found = np.array(masks, dtype=np.int64)
        membership = (found[:, np.newaxis] >> np.arange(game.n_players) & 1).astype(np.bool_)
        new = self._require(membership, table[found])
        if polished and not new and not self.free.any():
            # Nobody gains anywhere, so there is no other point that could content them.
            self._explain()
        if polished and not new:
            raise SolverError(STAGE, "coalitions that the program satisfies are violated")
        return new

    def _require_worst(
        self, membership: NDArray[np.bool_], values: NDArray[np.float64], x: NDArray[np.float64]
    ) -> bool:
        """Take the coalitions that object most into the program."""
        excesses = self.game.sign * values - membership @ x
        order = np.argsort(-excesses, kind="stable")[: ROWS_PER_ANSWER * self.game.n_players]
        order = order[excesses[order] > self.tolerance]
        return self._require(membership[order], values[order])

    def _require(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> bool:
        """Take coalitions into the program; tell whether one of them is new."""
        new = []
        for place, row in enumerate(membership):
            key = row.tobytes()
            if key not in self.known:
                self.known.add(key)
                new.append(place)
        self.rows.add(membership[new], self.game.sign * values[new])
        return bool(new)

    def _coalition(self, row: int) -> tuple[Hashable, ...]:
        return self.game.players.ordered_labels(self.rows.vectors[row].astype(np.bool_))

    def _at_bounds(self, multipliers: NDArray[np.float64]) -> list[tuple[Hashable, float]]:
        """Return the players at a bound, each with its signed multiplier."""
        signed = self.limits.vectors * multipliers[:, np.newaxis]
        rows, players = np.nonzero(signed)
        return [
            (self.game.players[int(player)], float(signed[row, player]))
            for row, player in zip(rows, players, strict=True)
        ]

    def _explain(self) -> None:
        """Raise what proves that no point of the core satisfies the bounds, or that it is empty."""
        game, n = self.game, self.game.n_players
        single = np.eye(n)
        limits = np.concatenate([self.limits.vectors, single])
        least = np.concatenate([self.limits.demands, self.d])
        vectors = np.ascontiguousarray(np.concatenate([self.rows.vectors, limits]))
        demands = np.concatenate([self.rows.demands, least])
        demands = (demands - vectors @ self.d) / self.unit
        bounded = np.arange(len(vectors)) >= len(self.rows.vectors)
        found = joint_level(vectors, demands, bounded, self.whole)
        if found is None:
            self._raise_empty(vectors[~bounded], demands[~bounded])
        assert found is not None
        level, _, multipliers, total = found
        tight = np.flatnonzero((multipliers > 0) & ~bounded)
        signed = limits * multipliers[bounded][:, np.newaxis]
        rows, players = np.nonzero(signed)
        sign = game.sign
        # The disagreement is a bound, too: the tighter of two counts.
        lower = np.maximum(sign * self._sided(1), self.d)
        named = ShareBounds(*(sign * lower, self._sided(-1))[:: 1 if sign > 0 else -1]).named(game)
        raise contradictory_bounds(
            game,
            BoundsContradiction(
                allowed_excess=0.0,
                **named,
                players=tuple(game.players[int(player)] for player in players),
                player_multipliers=tuple(
                    float(signed[row, player]) for row, player in zip(rows, players, strict=True)
                ),
                coalitions=tuple(self._coalition(int(row)) for row in tight),
                multipliers=tuple(multipliers[tight].tolist()),
                total_multiplier=total,
            ),
            -level * self.unit,
            "core",
        )

    def _sided(self, side: int) -> NDArray[np.float64]:
        """Return the bounds that keep up (1) or down (-1) in the sense of gains."""
        keeps_up = (side > 0) == (self.game.sign > 0)
        return self.bounds.at_least if keeps_up else self.bounds.at_most

    def _raise_empty(self, vectors: NDArray[np.float64], demands: NDArray[np.float64]) -> None:
        """Raise an empty core, with the balanced collection that proves it."""
        game = self.game
        if self.separator is None:
            collection = core_existence(game, progress=False).collection
            if collection is None:
                raise AllocationError("the core is too thin to tell from an empty one")
            coalitions, weights = collection.coalitions, np.array(collection.weights)
        else:
            found = joint_level(
                np.ascontiguousarray(vectors), demands, np.ones(len(demands), np.bool_), self.whole
            )
            assert found is not None
            chosen = np.flatnonzero(found[2] > 0)
            coalitions = tuple(self._coalition(int(row)) for row in chosen)
            weights = found[2][chosen]
        cover = sum(
            weight
            for coalition, weight in zip(coalitions, weights, strict=True)
            if game.players[0] in coalition
        )
        values = np.array([game.value(coalition) for coalition in coalitions])
        more = float(game.sign * (weights / cover) @ values - self.total)
        named = ", ".join(
            f"{weight / cover:.4g} x {format_coalition(coalition)}"
            for coalition, weight in list(zip(coalitions, weights, strict=True))[:LISTED]
        )
        rest = f" and {len(coalitions) - LISTED} more" if len(coalitions) > LISTED else ""
        raise AllocationError(
            f"the core is empty: {named}{rest} cover everybody once and are together worth "
            f"{more:g} more than all; see core_existence, or choose from the least core"
        )

    def allocation(self) -> Allocation:
        """Return the point with what proves it."""
        game, sign = self.game, self.game.sign
        x = self.d + self.unit * self.parts
        players = game.players
        multipliers = np.zeros(len(self.rows.vectors) + len(self.limits.vectors))
        total = 0.0
        if self.best is not None:
            # In the unit of weights by that of gains.
            per_gain = float(self.weights[self.free].sum()) / self.surplus
            multipliers, total = self.best.multipliers * per_gain, self.best.total * per_gain
        chosen = np.flatnonzero(multipliers[: len(self.rows.vectors)] > 0)
        at_bounds = self._at_bounds(multipliers[len(self.rows.vectors) :])
        evidence = NashInCoreEvidence(
            proved=not self.reason,
            reason=self.reason,
            weights=tuple(self.weights.tolist()),
            disagreement=tuple(self.disagreement.tolist()),
            **self.bounds.named(game),
            zero_gains=tuple(self.zero_gains),
            coalitions=tuple(self._coalition(int(row)) for row in chosen),
            multipliers=tuple(multipliers[chosen].tolist()),
            bounds=tuple(player for player, _ in at_bounds),
            bound_multipliers=tuple(multiplier for _, multiplier in at_bounds),
            total_multiplier=total,
            by_oracle=self.separator is not None,
            largest_excess=self.bound,
            gap=0.0,
            values=tuple((sign * x).tolist()),
            effort=NashEffort(
                rounds=self.rounds,
                oracle_calls=self.calls,
                pool_rows=len(self.rows.vectors),
                evaluations=self.evaluations,
            ),
            tolerance=self.tolerance,
        )
        evidence = dataclasses.replace(evidence, gap=duality_gap(evidence, game))
        title = NASH_IN_CORE.title
        said = ["within bounds"] * self.bounds.any + ["not proved"] * bool(self.reason)
        return Allocation(
            players=players,
            values=sign * x,
            kind=game.kind,
            method=f"{title} ({', '.join(said)})" if said else title,
            tolerance=self.tolerance,
            evidence=evidence,
        )


NASH_IN_CORE = Rule(
    name="nash-bargaining-in-core",
    proved_by=lambda evidence: isinstance(evidence, NashInCoreEvidence),
    title=STAGE,
    apply=lambda problem: _in_core(CoalitionSearch.of_problem(problem), **bounds_of(problem)),
    needs=frozenset({Need.SEARCH}),
    promises=frozenset(
        {
            Promise.EFFICIENT,
            Promise.INDIVIDUALLY_RATIONAL,
            Promise.IN_CORE_IF_NONEMPTY,
            Promise.UNIQUE,
            Promise.SYMMETRIC,
            Promise.CERTIFIED,
        }
    ),
    meaning=(
        "Of all splits that give no group a reason to leave, the one with the largest product of "
        "what everybody gains over standing alone: any other of these splits lowers the gains of "
        "some, added up in percent, by at least as much as it raises those of others."
    ),
    page="concepts/nash-bargaining-in-core",
    options=(AT_LEAST, AT_MOST),
    sources=("nash1950", "compte2010"),
)
