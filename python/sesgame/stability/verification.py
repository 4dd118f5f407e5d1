"""Checks of stability solutions from their evidence, by code that shares nothing with the solver.

A nucleolus is proved by its stages (Kohlberg 1971). Let V_0 be spanned by the grand coalition and
V_k by that and the coalitions (and bounds) of stages 1 to k. The allocation x is the nucleolus when

1. the positive weights of each stage combine to a vector in V_(k-1): they balance,
2. each coalition S of stage k has the excess t_k, each bound holds with equality,
3. every coalition has at most the excess of its own stage, the first whose V_k holds it,
4. the t_k do not grow and V_K is everything.

Balance is a statement about sets, so it is always checked in exact fractions. With ``exact``, x and
all t_k are derived from the stages in fractions too, and the 2^n excesses are compared exactly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.formatting import format_coalition
from sesgame.game.allocation import Evidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.stability.stages import Stage

__all__ = [
    "Span",
    "Verification",
    "balance",
    "balanced_excess",
    "has_shares",
    "verify_core_point",
    "verify_stages",
    "wrong_tight_coalitions",
]

CHUNK_BITS = 18
"""Coalitions are compared 2^18 at a time: a few megabytes."""

LISTED_COALITIONS = 10_000
"""As many tight coalitions are listed; degenerate games have millions."""

LISTED_FAILURES = 10

WEIGHT_TOLERANCE = 1e-7
"""Of the sum of the weights of a stage: what floats may add to or lack of the fractions."""


@dataclasses.dataclass(frozen=True)
class Verification(Evidence):
    """Whether a certificate holds, and what fails.

    Attributes
    ----------
    holds : bool
        Nothing fails.
    failures : tuple of str
        What fails, in words; at most the first ten.
    exact : bool
        Whether everything was compared in fractions.
    values : tuple of Fraction, or of float
        The allocation: derived from the stages if exact, otherwise the one that was checked.
    unchecked : tuple of str
        What could not be checked, where a separation oracle would have had to prove it.
    """

    holds: bool
    failures: tuple[str, ...]
    exact: bool
    values: tuple[Fraction | float, ...]
    unchecked: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.holds


class Span:
    """Vectors in echelon form, each with the combination of inserted vectors that gives it."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, list[Fraction], dict[int, Fraction]]] = []

    @property
    def rank(self) -> int:
        """The dimension of what was inserted."""
        return len(self._rows)

    def insert(self, key: int, vector: Sequence[int]) -> dict[int, Fraction] | None:
        """Add a vector; return what combination of earlier ones it is, None if it is none."""
        rest = [Fraction(entry) for entry in vector]
        combination: dict[int, Fraction] = {}
        for lead, row, source in self._rows:
            factor = rest[lead]
            if factor:
                rest = [a - factor * b if b else a for a, b in zip(rest, row, strict=True)]
                for known, share in source.items():
                    combination[known] = combination.get(known, Fraction(0)) + factor * share
        lead = next((index for index, entry in enumerate(rest) if entry), -1)
        if lead < 0:
            return {known: share for known, share in combination.items() if share}
        scale = 1 / rest[lead]
        source = {known: -share * scale for known, share in combination.items() if share}
        source[key] = scale
        self._rows.append((lead, [entry * scale for entry in rest], source))
        return None

    def annihilator(self, n_players: int) -> NDArray[np.int64]:
        """Return integer functionals, one a column, that all vanish exactly on the span."""
        rows = {lead: list(row) for lead, row, _ in self._rows}
        for lead in sorted(rows, reverse=True):
            for other in rows:
                factor = rows[other][lead]
                if other != lead and factor:
                    rows[other] = [
                        a - factor * b for a, b in zip(rows[other], rows[lead], strict=True)
                    ]
        columns = []
        for free in (index for index in range(n_players) if index not in rows):
            column = [Fraction(0)] * n_players
            column[free] = Fraction(1)
            for lead, row in rows.items():
                column[lead] = -row[free]
            scale = lcm(*(entry.denominator for entry in column))
            columns.append([int(entry * scale) for entry in column])
        return np.array(columns, dtype=np.int64).reshape(-1, n_players).T


@dataclasses.dataclass
class Checked:
    """One stage as the checker sees it: levels and totals are fractions if exact, else floats."""

    level: Any
    before: NDArray[np.int64]


def verify_stages(
    game: Game,
    values: NDArray[np.float64],
    stages: Sequence[Stage],
    *,
    per_capita: bool = False,
    individually_rational: bool = False,
    complete: bool = True,
    tolerance: float,
    exact: bool = False,
) -> Verification:
    """Check that stages prove an allocation; see the module's four points.

    With `complete` False the stages need not leave a single point: then every coalition outside
    their span is compared with the last level (a least core has stages of one level only).
    With `exact`, `tolerance` is how far the values and levels in floats may be from what the stages
    prove in fractions.
    """
    failures: list[str] = []
    n = game.n_players
    sign = int(game.sign)
    table = game.tabulate(progress=False)
    slack: Any = Fraction(0) if exact else tolerance

    def number(value: float) -> Any:
        return Fraction(value) if exact else float(value)

    def worth(mask: int) -> Any:
        return sign * number(table[mask])

    def weight(mask: int) -> int:
        return mask.bit_count() if per_capita else 1

    def name(mask: int) -> str:
        return format_coalition(game.players.ordered_labels(mask))

    x: list[Any] = [sign * number(value) for value in values]
    span = Span()
    grand = (1 << n) - 1
    vectors = {0: _vector(grand, n)}
    totals: dict[int, Any] = {0: worth(grand)}
    span.insert(0, vectors[0])
    checked: list[Checked] = []
    for stage_number, stage in enumerate(stages, start=1):
        before = span.annihilator(n)
        masks = [game.players.mask(coalition) for coalition in stage.coalitions]
        bounds = [game.players.mask([player]) for player in stage.bounds]
        first = len(vectors)
        relation = balance(span, vectors, [*masks, *bounds], n)
        shares = [relation.get(key, Fraction(0)) for key in range(first, len(vectors))]
        spread = sum(
            (share * weight(mask) for share, mask in zip(shares, masks, strict=False)), Fraction(0)
        )
        if not masks or any(share <= 0 for share in shares):
            failures.append(f"the coalitions of stage {stage_number} do not balance")
            break
        if not has_shares(stage, shares):
            failures.append(f"the weights of stage {stage_number} are not those that balance it")
            break
        if bounds and not individually_rational:
            failures.append(f"stage {stage_number} has bounds, but players may get less than alone")
            break
        level: Any = stage.excess
        if exact:
            level = (
                sum(share * worth(mask) for share, mask in zip(shares, masks + bounds, strict=True))
                + sum(share * totals[known] for known, share in relation.items() if known < first)
            ) / spread
            if not abs(float(level) - stage.excess) <= tolerance:
                failures.append(
                    f"the weights of stage {stage_number} prove {float(level)!r}, "
                    f"not {stage.excess!r}"
                )
        if checked and level > checked[-1].level + slack:
            failures.append(f"stage {stage_number} has a larger excess than the one before")
        for key, mask in enumerate(masks, start=first):
            totals[key] = worth(mask) - level * weight(mask)
        for key, mask in enumerate(bounds, start=first + len(masks)):
            totals[key] = worth(mask)
        checked.append(Checked(level, before))
    if not stages and n > 1:
        failures.append("there are no stages")
    if not failures and complete and span.rank < n:
        failures.append(f"the stages settle {span.rank} of {n} dimensions")
    if exact and not failures:
        # Where the stages leave freedom, the point next to the one in floats.
        x = _solve(vectors, totals, x)
        failures += [
            f"{player} gets {float(sign * share)!r}, not {float(value)!r}"
            for player, share, value in zip(game.players, x, values, strict=True)
            if not abs(float(sign * share) - value) <= tolerance * n
        ]
    if not failures:
        for key, total in totals.items():
            gap = sum(share for share, member in zip(x, vectors[key], strict=True) if member)
            if not abs(gap - total) <= slack * n:
                mask = sum(1 << index for index, member in enumerate(vectors[key]) if member)
                failures.append(f"{name(mask)} gets {float(gap)}, not {float(total)}")
        if individually_rational:
            failures += [
                f"{game.players[index]} gets less than alone"
                for index in range(n)
                if x[index] < worth(1 << index) - slack
            ]
        failures += [
            f"{name(mask)} has an excess above its level"
            for mask in _above(table, sign, x, checked, per_capita, slack)
        ]
    return Verification(
        holds=not failures,
        failures=tuple(failures[:LISTED_FAILURES]),
        exact=exact,
        values=tuple(sign * share for share in x),
    )


def has_shares(stage: Stage, shares: Sequence[Fraction]) -> bool:
    """Tell whether the weights of a stage are these positive shares, up to a common factor."""
    counts = (len(stage.coalitions), len(stage.bounds))
    if (len(stage.weights), len(stage.bound_weights)) != counts:
        return False
    weights = np.array([*stage.weights, *stage.bound_weights])
    total = sum(shares, Fraction(0))
    expected = np.array([float(share / total) for share in shares])
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        return False
    return bool(np.abs(weights / weights.sum() - expected).max() <= WEIGHT_TOLERANCE)


def wrong_tight_coalitions(
    game: Game,
    values: NDArray[np.float64],
    stages: Sequence[Stage],
    tight: Sequence[tuple[Hashable, ...]],
    count: int,
    level: float,
    tolerance: float,
) -> list[str]:
    """Say what is wrong with the coalitions that are tight at every point of a least core.

    They are those of the largest excess, and the stages settle them: each is in their span.
    """
    n, sign = game.n_players, int(game.sign)
    table = game.tabulate(progress=False)
    x = sign * values
    masks = [game.players.mask(coalition) for coalition in tight]
    if any(a >= b for a, b in pairwise(masks)) or len(masks) != min(count, LISTED_COALITIONS):
        return ["the tight coalitions are not the first in binary order"]
    low_bits = min(n, CHUNK_BITS)
    low = _subset_sums(x[:low_bits])
    # Those at the tolerance may fall on either side: sums differ by their rounding.
    rounding = 1e-13 * float(np.abs(x).sum() + np.abs(table).max())
    found = np.zeros(2, dtype=np.int64)
    listed = np.array(masks, dtype=np.int64)
    for start in range(0, len(table), len(low)):
        high = sum(x[index] for index in range(low_bits, n) if start >> index & 1)
        chunk = table[start : start + len(low)]
        excesses = sign * chunk - (low + high)
        if start == 0:
            excesses[0] = -np.inf
        if start + len(low) == len(table):
            excesses[-1] = -np.inf
        found += [int((excesses >= level - tolerance + side * rounding).sum()) for side in (1, -1)]
        here = listed[(listed >= start) & (listed < start + len(low))] - start
        loose = here[excesses[here] < level - tolerance - rounding]
        if loose.size:
            name = format_coalition(game.players.ordered_labels(int(loose[0]) + start))
            return [f"{name} is not tight"]
    if not found[0] <= count <= found[1]:
        return [f"{found[0]} coalitions are tight, not {count}"]
    span = Span()
    for key, coalition in enumerate(
        [tuple(game.players), *(coalition for stage in stages for coalition in stage.coalitions)]
    ):
        span.insert(key, _vector(game.players.mask(coalition), n))
    membership = (listed[:, np.newaxis] >> np.arange(n) & 1).astype(np.int64)
    free = (membership @ span.annihilator(n) != 0).any(axis=1)
    return [
        f"{format_coalition(tight[int(row)])} is not settled by the stages"
        for row in np.flatnonzero(free)[:LISTED_FAILURES]
    ]


def balanced_excess(game: Game, stage: Stage) -> Fraction | None:
    """Return the exact weighted excess of a balanced collection, None where it does not balance.

    Weights w with sum of w_S 1_S = 1_N / s and sum of w_S = 1 give (sum of w_S v(S)) - v(N) / s,
    which no allocation can bring the largest excess below.
    """
    table = game.tabulate(progress=False)
    n = game.n_players
    vectors = {0: _vector((1 << n) - 1, n)}
    span = Span()
    span.insert(0, vectors[0])
    masks = [game.players.mask(coalition) for coalition in stage.coalitions]
    relation = balance(span, vectors, masks, n)
    shares = [relation.get(key, Fraction(0)) for key in range(1, len(vectors))]
    if not masks or any(share <= 0 for share in shares) or not has_shares(stage, shares):
        return None
    worth = [Fraction(float(table[mask])) for mask in masks]
    total = sum((a * b for a, b in zip(shares, worth, strict=True)), Fraction(0))
    total += relation.get(0, Fraction(0)) * Fraction(float(table[-1]))
    return int(game.sign) * total / sum(shares, Fraction(0))


def verify_core_point(game: Game, values: NDArray[np.float64]) -> Verification:
    """Check in fractions that a point, made exactly efficient, is in the core."""
    n, sign = game.n_players, int(game.sign)
    table = game.tabulate(progress=False)
    span = Span()
    grand = _vector((1 << n) - 1, n)
    span.insert(0, grand)
    start = [sign * Fraction(float(value)) for value in values]
    x = _solve({0: grand}, {0: sign * Fraction(float(table[-1]))}, start)
    checked = [Checked(Fraction(0), span.annihilator(n))]
    failures = tuple(
        f"{format_coalition(game.players.ordered_labels(mask))} objects"
        for mask in _above(table, sign, x, checked, False, Fraction(0))
    )
    return Verification(
        holds=not failures,
        failures=failures[:LISTED_FAILURES],
        exact=True,
        values=tuple(sign * share for share in x),
    )


def balance(
    span: Span, vectors: dict[int, list[int]], masks: Sequence[int], n_players: int
) -> dict[int, Fraction]:
    """Insert coalitions and return the one relation among all vectors; empty if not just one."""
    found: list[dict[int, Fraction]] = []
    for mask in masks:
        key = len(vectors)
        vectors[key] = _vector(mask, n_players)
        dependence = span.insert(key, vectors[key])
        if dependence is not None:
            found.append({key: Fraction(1)} | {known: -c for known, c in dependence.items()})
    if len(found) != 1:
        return {}
    return found[0]


def _vector(mask: int, n_players: int) -> list[int]:
    return [mask >> index & 1 for index in range(n_players)]


def _solve(
    vectors: dict[int, list[int]], totals: dict[int, Any], start: Sequence[Fraction]
) -> list[Fraction]:
    """Return the point with given totals; what they leave free stays as at the start."""
    n = len(start)
    rows: list[tuple[int, list[Fraction]]] = []
    for key, vector in vectors.items():
        rest = [*(Fraction(entry) for entry in vector), totals[key]]
        for lead, row in rows:
            factor = rest[lead]
            if factor:
                rest = [a - factor * b if b else a for a, b in zip(rest, row, strict=True)]
        lead = next((index for index in range(n) if rest[index]), -1)
        if lead >= 0:
            rows.append((lead, [entry / rest[lead] for entry in rest]))
    point = list(start)
    for lead, row in reversed(rows):
        point[lead] = row[-1] - sum(
            (row[index] * point[index] for index in range(n) if index != lead and row[index]),
            Fraction(0),
        )
    return point


def _above(
    table: NDArray[np.float64],
    sign: int,
    x: Sequence[Any],
    checked: Sequence[Checked],
    per_capita: bool,
    slack: Any,
) -> Iterator[int]:
    """Yield coalitions whose excess is above that of their own stage."""
    if not checked:
        return
    n = len(x)
    lowest = checked[-1].level
    floats = np.array([float(share) for share in x])
    # Excess per member above the level is the same as excess at x + level above 0.
    shift = float(lowest) if per_capita else 0.0
    threshold = 0.0 if per_capita else float(lowest)
    # Rounding of the sums below: whatever comes closer than this is compared again.
    scale = float(max(np.abs(floats).sum() + n * abs(shift), abs(threshold)))
    low_bits = min(n, CHUNK_BITS)
    low = _subset_sums(floats[:low_bits] + shift)
    for start in range(0, len(table), len(low)):
        high = sum(
            float(floats[index]) + shift for index in range(low_bits, n) if start >> index & 1
        )
        chunk = table[start : start + len(low)]
        margin = 1e-13 * (scale + float(np.abs(chunk).max()))
        close = np.flatnonzero(sign * chunk - low > threshold + high - margin)
        if close.size == 0:
            continue
        masks = close + start
        masks = masks[(masks != 0) & (masks != len(table) - 1)]
        if masks.size == 0:
            continue
        membership = (masks[:, np.newaxis] >> np.arange(n) & 1).astype(np.int64)
        own = np.zeros(len(masks), dtype=np.int64)
        for stage in checked:
            own += (membership @ stage.before != 0).any(axis=1)
        excesses, weights = _excesses(table[masks], sign, membership, x, per_capita)
        for stage_number, stage in enumerate(checked, start=1):
            here = own == stage_number
            level = stage.level + slack
            above = excesses[here] > level * weights[here]
            yield from masks[here][above.astype(np.bool_)].tolist()


def _subset_sums(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    return sums


def _excesses(
    values: NDArray[np.float64],
    sign: int,
    membership: NDArray[np.int64],
    x: Sequence[Any],
    per_capita: bool,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return excesses and weights: fractions as objects where x is made of fractions."""
    weights = membership.sum(axis=1) if per_capita else np.ones(len(values), dtype=np.int64)
    if not isinstance(x[0], Fraction):
        return sign * values - membership @ np.array(x), weights
    # With a common denominator D, the excess is (D v - sum of D x_i) / D; 64 bits where they do.
    denominator = lcm(*(share.denominator for share in x))
    numerators = [int(share * denominator) for share in x]
    largest = max(1.0, float(np.abs(values).max()))
    bound = sum(abs(part) for part in numerators) + denominator * largest
    if bound < 2**62 and (values == np.rint(values)).all():
        scaled = values.astype(np.int64) * (sign * denominator) - membership @ np.array(numerators)
        distinct, place = np.unique(scaled, return_inverse=True)
        exact = np.array([Fraction(int(part), denominator) for part in distinct], dtype=object)
        return exact[place], weights
    exact = np.array(
        [
            sign * Fraction(value)
            - sum(share for share, member in zip(x, row, strict=True) if member)
            for value, row in zip(values.tolist(), membership, strict=True)
        ],
        dtype=object,
    )
    return exact, weights
