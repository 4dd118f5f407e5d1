"""The nucleolus in integer arithmetic, for games whose excesses are too close for floats.

The same linear programs as in the engine, level by level over a pool of coalitions, but with
every number an integer: values times a power of two, the inverse of a basis times its determinant.
There is no tolerance. Slow, so it is used where the stages found in floats cannot be proved.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.stability.null_space import Annihilator

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.stability.stages import Stage

__all__ = [
    "EXACT_PLAYERS",
    "ExactLevel",
    "exact_levels",
    "stages_at",
    "tight_coalitions",
]

EXACT_PLAYERS = 16
"""So many players are solved in integers within seconds."""

ExactLevel = tuple[Fraction, list[tuple[int, Fraction]], list[tuple[int, Fraction]]]
"""An excess; coalitions as masks and their weights; players at their bound and those weights."""

ROWS_PER_PLAYER = 4


def exact_levels(
    table: NDArray[np.float64],
    sign: int,
    known: Iterable[int],
    *,
    per_capita: bool,
    bounded: bool,
) -> tuple[list[ExactLevel], tuple[Fraction, ...]]:
    """Return the levels of the nucleolus, and it; coalitions `known` may matter, given as masks."""
    ratios = [value.as_integer_ratio() for value in table.tolist()]
    scale = lcm(*{denominator for _, denominator in ratios})
    worth = np.array([sign * a * (scale // b) for a, b in ratios], dtype=object)
    program = _Program(worth, per_capita, bounded)
    program.add(known)
    while True:
        program.solve()
        missing = program.missing()
        if not missing:
            levels = [
                (level / scale, weights, bounds) for level, weights, bounds in program.results()
            ]
            return levels, tuple(sign * share / scale for share in program.point)
        program.add(missing)


def stages_at(
    game: Game, stages: Iterable[Stage], point: Sequence[Fraction | float], *, per_capita: bool
) -> tuple[Stage, ...]:
    """Return stages whose excesses are the floats next to those of a point in fractions."""
    shares = dict(zip(game.players, [Fraction(share) for share in point], strict=True))

    def excess(coalition: tuple[Hashable, ...]) -> float:
        gap = Fraction(game.value(coalition)) - sum(shares[player] for player in coalition)
        return float(int(game.sign) * gap / (len(coalition) if per_capita else 1))

    return tuple(
        dataclasses.replace(stage, excess=excess(stage.coalitions[0]))
        if stage.coalitions
        else stage
        for stage in stages
    )


def tight_coalitions(
    game: Game,
    stages: Iterable[Stage],
    point: Sequence[Fraction],
    near: Sequence[int],
    *,
    per_capita: bool,
) -> list[int]:
    """Return those of some coalitions, given as masks, that have the largest excess everywhere.

    At a point they have the largest excess of all, or excess per member, and the stages, all of
    that excess, settle it.
    """
    if not near:
        return []
    n = game.n_players
    table, sign = game.tabulate(progress=False), int(game.sign)
    ratios = [value.as_integer_ratio() for value in table[near].tolist()]
    scale = lcm(*{bottom for _, bottom in ratios}, *(share.denominator for share in point))
    worth = np.array([top * (scale // bottom) for top, bottom in ratios], dtype=object)
    shares = np.array([int(share * scale) for share in point], dtype=object)
    members = np.array(near)[:, np.newaxis] >> np.arange(n) & 1
    excess = sign * (worth - members.astype(object) @ shares)
    if per_capita:
        excess *= np.array([lcm(*range(1, n + 1)) // int(size) for size in members.sum(axis=1)])
    settled = Annihilator(n)
    settled.insert(np.ones(n, dtype=np.bool_))
    for coalition in (coalition for stage in stages for coalition in stage.coalitions):
        row = np.zeros(n, dtype=np.bool_)
        row[game.players.indices(coalition)] = True
        settled.insert(row)
    tight = (excess == excess.max()) & ~(members @ settled.rows.T != 0).any(axis=1)
    return [near[int(row)] for row in np.flatnonzero(tight)]


class _Program:
    """The pool and its levels; rows are numbered, row 0 is the grand coalition."""

    def __init__(self, worth: NDArray[Any], per_capita: bool, bounded: bool) -> None:
        self.worth = worth
        self.n = len(worth).bit_length() - 1
        self.per_capita = per_capita
        self.grand = len(worth) - 1
        # Each row: coalition, and how much the level relaxes it (0 for a bound).
        self.rows: list[tuple[int, int]] = [(self.grand, 0)]
        self.numbers: dict[int, int] = {}
        if bounded:
            self.rows += [(1 << player, 0) for player in range(self.n)]
        self.add(1 << player for player in range(self.n))

    def add(self, masks: Iterable[int]) -> None:
        """Take proper coalitions and their complements into the pool."""
        for mask in masks:
            for coalition in (mask, self.grand ^ mask):
                if 0 < coalition < self.grand and coalition not in self.numbers:
                    self.numbers[coalition] = len(self.rows)
                    relaxed = coalition.bit_count() if self.per_capita else 1
                    self.rows.append((coalition, relaxed))

    def vector(self, row: int, settled: bool) -> NDArray[Any]:
        """Return the members of a row and how much the level relaxes it."""
        mask, relaxed = self.rows[row]
        entries = [mask >> player & 1 for player in range(self.n)]
        return np.array([*entries, 0 if settled else relaxed], dtype=object)

    def solve(self) -> None:
        """Solve all levels over the pool."""
        self.levels: list[tuple[Fraction, list[tuple[int, Fraction]], NDArray[Any]]] = []
        members = np.array([self.vector(row, False) for row in range(len(self.rows))])
        values = np.array([self.worth[mask] for mask, _ in self.rows], dtype=object)
        span = Annihilator(self.n)
        span.insert(members[0, :-1].astype(np.bool_))
        settled: dict[int, Fraction] = {0: Fraction(values[0])}
        open_rows = [self.numbers[1 << player] for player in range(self.n)]
        self.point = [Fraction(values[0])] * self.n
        while span.rows.size:
            outside = np.flatnonzero((members[:, :-1] @ span.rows.T != 0).any(axis=1))
            basis = _Basis([*settled, *open_rows], [self.vector(row, True) for row in settled])
            for row in open_rows:
                basis.append(members[row])
            level = basis.optimise(members, values, settled, outside)
            weights = [
                (row, weight)
                for row, weight in basis.weights()
                if row not in settled and weight > 0
            ]
            self.levels.append((level, weights, span.rows.copy()))
            open_rows = [row for row in basis.rows if row not in settled]
            for row, _ in weights:
                open_rows.remove(row)
                if span.insert(members[row, :-1].astype(np.bool_)):
                    settled[row] = values[row] - members[row, -1] * level
            open_rows = self._completed(open_rows)
        x = _Basis(list(settled), [self.vector(row, True) for row in settled])
        x.append(np.array([0] * self.n + [1], dtype=object))
        self.point = x.point([*settled.values(), Fraction(0)])[:-1]

    def _completed(self, rows: list[int]) -> list[int]:
        """Add the complement that, with its row, bounds the next level best; one is relaxed."""
        pairs = [
            (Fraction(self.worth[mask] + self.worth[self.grand ^ mask], relaxed + other), partner)
            for mask, relaxed in (self.rows[row] for row in rows)
            for partner in [self.numbers[self.grand ^ mask]]
            for other in [self.rows[partner][1]]
        ]
        return [*rows, max(pairs)[1]] if pairs else rows

    def missing(self) -> list[int]:
        """Return the coalitions, of many the worst, whose excess is above that of their level."""
        denominator = lcm(
            *(share.denominator for share in self.point),
            *(level.denominator for level, _, _ in self.levels),
        )
        excess = self.worth * denominator
        excess -= _subset_sums(
            np.array([int(share * denominator) for share in self.point], dtype=object)
        )
        sizes = _subset_sums(np.ones(self.n, dtype=object)) if self.per_capita else 1
        allowed = np.zeros(len(self.worth), dtype=object)
        for level, _, outside in self.levels:
            here = np.zeros(len(self.worth), dtype=np.bool_)
            for functional in outside:
                here |= _subset_sums(functional) != 0
            allowed = np.where(here, int(level * denominator) * sizes, allowed)
        above = excess - allowed
        above[[0, -1]] = 0
        found = np.flatnonzero(above > 0)
        worst = found[np.argsort(-above[found], kind="stable")]
        return [int(mask) for mask in worst[: ROWS_PER_PLAYER * self.n]]

    def results(self) -> list[ExactLevel]:
        """Return the levels with coalitions and players in place of rows."""
        return [
            (
                level,
                [(self.rows[row][0], weight) for row, weight in weights if self.rows[row][1]],
                [
                    (self.rows[row][0].bit_length() - 1, weight)
                    for row, weight in weights
                    if not self.rows[row][1]
                ],
            )
            for level, weights, _ in self.levels
        ]


class _Basis:
    """Rows of a square matrix, and the columns of its inverse times the determinant."""

    def __init__(self, rows: list[int], vectors: list[NDArray[Any]]) -> None:
        size = len(vectors[0])
        self.rows = rows
        self.columns = np.array(np.eye(size, dtype=np.int64), dtype=object)
        self.determinant = 1
        self.places: list[int] = []
        for vector in vectors:
            self.append(vector)

    def append(self, vector: NDArray[Any]) -> None:
        """Put the vector in the place of a unit vector."""
        coefficients = self.columns @ vector
        place = next(
            place for place, entry in enumerate(coefficients) if entry and place not in self.places
        )
        self.exchange(place, coefficients)
        self.places.append(place)

    def exchange(self, place: int, coefficients: NDArray[Any]) -> None:
        pivot, column = coefficients[place], self.columns[place].copy()
        # All divisions are exact (Edmonds 1967).
        self.columns = (pivot * self.columns - np.outer(coefficients, column)) // self.determinant
        self.columns[place] = column
        self.determinant = pivot
        if pivot < 0:
            self.columns, self.determinant = -self.columns, -pivot

    def weights(self) -> list[tuple[int, Fraction]]:
        """Return each row and its weight in the dual."""
        return [
            (row, Fraction(self.columns[place][-1], self.determinant))
            for row, place in zip(self.rows, self.places, strict=True)
        ]

    def point(self, values: list[Any]) -> list[Fraction]:
        """Return the point at which the rows have these values."""
        total = sum(
            self.columns[place] * value for value, place in zip(values, self.places, strict=True)
        )
        return [Fraction(entry) / self.determinant for entry in total]

    def optimise(
        self,
        members: NDArray[Any],
        values: NDArray[Any],
        settled: dict[int, Fraction],
        outside: NDArray[np.intp],
    ) -> Fraction:
        """Exchange rows until none of those outside is violated; return the level."""
        stalled = 0
        while True:
            point = self.point([settled.get(row, values[row]) for row in self.rows])
            denominator = lcm(*(entry.denominator for entry in point))
            scaled = np.array([int(entry * denominator) for entry in point], dtype=object)
            violations = values[outside] * denominator - members[outside] @ scaled
            if not (violations > 0).any():
                return point[-1]
            # Bland's rule, which cannot cycle, once the usual one has made no progress for long.
            bland = stalled > 2 * len(point)
            entering = outside[(violations > 0).argmax() if bland else violations.argmax()]
            coefficients = self.columns @ members[entering]
            steps = [
                (Fraction(self.columns[place][-1], coefficients[place]), row, index)
                for index, (row, place) in enumerate(zip(self.rows, self.places, strict=True))
                if row not in settled and coefficients[place] > 0
            ]
            step, _, index = min(steps)
            stalled = 0 if step else stalled + 1
            self.exchange(self.places[index], coefficients)
            self.rows[index] = int(entering)


def _subset_sums(weights: NDArray[Any]) -> NDArray[Any]:
    sums = np.zeros(1, dtype=weights.dtype)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    return sums
