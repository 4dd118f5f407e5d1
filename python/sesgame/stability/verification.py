"""Checks of stability solutions from their evidence, by code that shares nothing with the solver.

A nucleolus is proved by its stages (Kohlberg 1971). Let V_0 be spanned by the grand coalition and
V_k by that and the coalitions (and bounds) of stages 1 to k. The allocation x is the nucleolus when

1. the positive weights of each stage combine to a vector in V_(k-1): they balance,
2. each coalition S of stage k has the excess t_k, each bound holds with equality,
3. every coalition has at most the excess of its own stage, the first whose V_k holds it,
4. the t_k do not grow and V_K is everything.

Balance is a statement about sets, so it is always checked in exact fractions. What counts as equal
follows from the game alone (:mod:`sesgame.game.precision`): for each excess its rounding, the
resolution and the game's own accuracy. With ``exact``, x and all t_k are derived from the stages in
fractions, the 2^n excesses are compared exactly, and the x and t_k that are given may differ from
those by no more than the rounding of floats.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from sesgame.errors import CoalitionError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Evidence
from sesgame.game.precision import RESOLUTION, equal_amounts, rounding_of_excesses
from sesgame.stability.null_space import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.stability.stages import Stage

__all__ = [
    "NO_FRACTIONS",
    "Verification",
    "balance",
    "balanced_excess",
    "exact_excess",
    "excesses_above",
    "has_shares",
    "solve",
    "verify_core_point",
    "verify_stages",
    "wrong_tight_coalitions",
]

CHUNK_BITS = 18
"""Coalitions are compared 2^18 at a time: a few megabytes."""

LISTED_COALITIONS = 10_000
"""As many tight coalitions are listed; degenerate games have millions."""

LISTED_FAILURES = 10

NO_FRACTIONS = "exact needs the table of a game; an oracle's word has no fractions"

REMEDY = "exact=True of the rule gives shares that are proved in fractions"


@dataclasses.dataclass(frozen=True, eq=False)
class Verification(Evidence):
    """What a certificate proves of an allocation, or what fails in it.

    Attributes
    ----------
    claim : str
        The statement that was checked, such as "the nucleolus of this game".
    failures : tuple of str
        What fails, in words; at most the first ten.
    exact : bool
        Whether everything was compared in fractions.
    values : tuple of Fraction, or of float
        The allocation: derived from the stages if exact, otherwise the one that was checked.
    unchecked : tuple of str
        What could not be checked, where a separation oracle would have had to prove it.
    checked_by : str
        By what it was checked, in words.
    """

    claim: str
    failures: tuple[str, ...]
    exact: bool
    values: tuple[Fraction | float, ...]
    unchecked: tuple[str, ...] = ()
    checked_by: str = "code that shares nothing with the solver"

    @property
    def state(self) -> Literal["proved", "refuted", "open"]:
        """Proved, refuted where something fails, or open where only a part is proved."""
        if self.failures:
            return "refuted"
        return "open" if self.unchecked else "proved"

    @property
    def holds(self) -> bool:
        """The claim is proved: nothing fails, and nothing is left unchecked."""
        return self.state == "proved"

    def __bool__(self) -> bool:
        return self.holds


@dataclasses.dataclass
class Checked:
    """One stage as the checker sees it: levels and totals are fractions if exact, else floats."""

    level: Any
    before: NDArray[np.int64]


class _Shares(NamedTuple):
    """The relation among the coalitions and bounds of a stage, and what was settled before."""

    first: int
    masks: list[int]
    bounds: list[int]
    of_stage: list[Fraction]
    of_settled: dict[int, Fraction]
    before: NDArray[np.int64]


def verify_stages(
    game: Game,
    values: NDArray[Any],
    stages: Sequence[Stage],
    *,
    claim: str,
    per_capita: bool = False,
    individually_rational: bool = False,
    complete: bool = True,
    exact: bool = False,
) -> Verification:
    """Check that stages prove an allocation; see the module's four points.

    With `complete` False the stages need not leave a single point: then every coalition outside
    their span is compared with the last level (a least core has stages of one level only).
    """
    check = _StageCheck(
        game,
        values,
        per_capita=per_capita,
        individually_rational=individually_rational,
        exact=exact,
    )
    try:
        for number, stage in enumerate(stages, start=1):
            shares = check.balance(number, stage)
            if shares is None:
                break
            check.settle(number, stage, shares)
    except CoalitionError as error:
        check.failures.append(f"stage {number}: {error}")
    check.span_of(stages, complete)
    if exact and not check.failures:
        check.derive_point(values)
    if not check.failures:
        check.excesses()
        check.other_coalitions()
    return Verification(
        claim=claim,
        failures=tuple(check.failures[:LISTED_FAILURES]),
        exact=exact,
        values=tuple(check.sign * share for share in check.x),
    )


class _StageCheck:
    """What the stages settle, one after the other, and what fails.

    Numbers are in the sense of gains: fractions if exact, floats otherwise.
    """

    def __init__(
        self,
        game: Game,
        values: NDArray[Any],
        *,
        per_capita: bool,
        individually_rational: bool,
        exact: bool,
    ) -> None:
        self.game, self.n = game, game.n_players
        self.sign = int(game.sign)
        self.table = game.tabulate(progress=False)
        self.per_capita = per_capita
        self.individually_rational = individually_rational
        self.exact = exact
        self.equal: Any = Fraction(0) if exact else equal_amounts(game)
        # What floats do to numbers of the sizes that the game has.
        self.rounding = float(rounding_of_excesses(game.scale, np.abs(values).sum(), self.n))
        self.x: list[Any] = [self.sign * self._number(value) for value in values]
        self.failures: list[str] = []
        # Settled vectors by number, and the sum of the shares of each; number 0 is all together.
        grand = (1 << self.n) - 1
        self.vectors = {0: _vector(grand, self.n)}
        self.totals: dict[int, Any] = {0: self._worth(grand)}
        self.span = Span()
        self.span.insert(0, self.vectors[0])
        self.checked: list[Checked] = []

    def balance(self, number: int, stage: Stage) -> _Shares | None:
        """Check point 1; return the relation that proves it, None where there is none."""
        before = self.span.annihilator(self.n)
        masks = [self.game.players.mask(coalition) for coalition in stage.coalitions]
        bounds = [self.game.players.mask([player]) for player in stage.bounds]
        first = len(self.vectors)
        relation = balance(self.span, self.vectors, [*masks, *bounds], self.n)
        shares = [relation.get(key, Fraction(0)) for key in range(first, len(self.vectors))]
        failure = ""
        if not masks or any(share <= 0 for share in shares):
            failure = f"the coalitions of stage {number} do not balance"
        elif not _outside(masks, before, self.n).all():
            failure = f"stage {number} has a coalition that is settled before"
        elif not has_shares(stage, shares):
            failure = f"the weights of stage {number} are not those that balance it"
        elif bounds and not self.individually_rational:
            failure = f"stage {number} has bounds, but players may get less than alone"
        if failure:
            self.failures.append(failure)
            return None
        settled = {known: share for known, share in relation.items() if known < first}
        return _Shares(first, masks, bounds, shares, settled, before)

    def settle(self, number: int, stage: Stage, shares: _Shares) -> None:
        """Take up the level that a stage proves, and check that levels do not grow (point 4)."""
        level: Any = stage.excess
        if self.exact:
            level = self._level(shares)
            if not abs(float(level) - stage.excess) <= self.rounding:
                self.failures.append(
                    f"the weights of stage {number} prove {float(level)!r}, not {stage.excess!r}, "
                    f"which is {abs(float(level) - stage.excess):.3g} off; {REMEDY}"
                )
        allowed = 0 if self.exact else self.equal + self.rounding
        if self.checked and not level <= self.checked[-1].level + allowed:
            self.failures.append(f"stage {number} has a larger excess than the one before")
        for key, mask in enumerate(shares.masks, start=shares.first):
            self.totals[key] = self._worth(mask) - level * self._weight(mask)
        for key, mask in enumerate(shares.bounds, start=shares.first + len(shares.masks)):
            self.totals[key] = self._worth(mask)
        self.checked.append(Checked(level, shares.before))

    def _level(self, shares: _Shares) -> Fraction:
        """Return the excess that the weights of a stage prove."""
        spread = sum(
            (
                share * self._weight(mask)
                for share, mask in zip(shares.of_stage, shares.masks, strict=False)
            ),
            Fraction(0),
        )
        masks = shares.masks + shares.bounds
        offered = sum(
            share * self._worth(mask) for share, mask in zip(shares.of_stage, masks, strict=True)
        )
        settled = sum(share * self.totals[known] for known, share in shares.of_settled.items())
        level: Fraction = (offered + settled) / spread
        return level

    def span_of(self, stages: Sequence[Stage], complete: bool) -> None:
        """Check that the stages settle everything (point 4)."""
        if not stages and self.n > 1:
            self.failures.append("there are no stages")
        if not self.failures and complete and self.span.rank < self.n:
            self.failures.append(f"the stages settle {self.span.rank} of {self.n} dimensions")

    def derive_point(self, values: NDArray[Any]) -> None:
        """Derive the allocation from the stages, and compare it with that in floats."""
        # Where the stages leave freedom, the point next to the one in floats.
        self.x = solve(self.vectors, self.totals, self.x)
        billed = [float(self.sign * share) for share in self.x]
        self.failures += [
            f"{player} gets {float(value)!r}, which is {abs(proved - value):.3g} off the "
            f"{proved!r} that the stages prove; {REMEDY}"
            for player, proved, value in zip(self.game.players, billed, values, strict=True)
            if not abs(proved - value) <= self.rounding
        ]

    def excesses(self) -> None:
        """Check point 2: what is settled has the shares that its level says."""
        for key, total in self.totals.items():
            vector = self.vectors[key]
            gap = sum(share for share, member in zip(self.x, vector, strict=True) if member)
            mask = sum(1 << index for index, member in enumerate(vector) if member)
            if not abs(gap - total) <= self._slack(mask):
                self.failures.append(f"{self._name(mask)} gets {float(gap)}, not {float(total)}")

    def other_coalitions(self) -> None:
        """Check point 3: no coalition has an excess above its level, and no player above 0."""
        if self.individually_rational:
            below = [(i, self._worth(1 << i) - self.x[i]) for i in range(self.n)]
            self.failures += [
                f"{self.game.players[i]} gets {float(missing):.3g} less than alone{self._remedy}"
                for i, missing in below
                if not missing <= self._slack(1 << i)
            ]
        above = _above(self.table, self.sign, self.x, self.checked, self.per_capita, self.equal)
        self.failures += [
            f"{self._name(mask)} has an excess above its level, by {amount:.3g}{self._remedy}"
            for mask, amount in above
        ]

    @property
    def _remedy(self) -> str:
        return f"; {REMEDY}" if self.exact else ""

    def _slack(self, mask: int) -> Any:
        """Return by how much the excess of a coalition may be off."""
        if self.exact:
            return 0
        shares = [abs(share) for i, share in enumerate(self.x) if mask >> i & 1]
        rounding = rounding_of_excesses(self.table[mask], sum(shares), len(shares))
        return self.equal + float(rounding)

    def _number(self, value: float) -> Any:
        return Fraction(value) if self.exact else float(value)

    def _worth(self, mask: int) -> Any:
        return self.sign * self._number(self.table[mask])

    def _weight(self, mask: int) -> int:
        """Return how much the level relaxes a coalition."""
        return mask.bit_count() if self.per_capita else 1

    def _name(self, mask: int) -> str:
        return format_coalition(self.game.players.ordered_labels(mask))


def has_shares(stage: Stage, shares: Sequence[Fraction]) -> bool:
    """Tell whether the weights of a stage are these positive shares, up to a common factor.

    Of k weights that add up to 1 each may be off by 1e-9 / k: then the level that they add up to is
    off by less than the resolution of the game, 1e-9 of the largest gain.
    """
    counts = (len(stage.coalitions), len(stage.bounds))
    if (len(stage.weights), len(stage.bound_weights)) != counts:
        return False
    weights = np.array([*stage.weights, *stage.bound_weights])
    total = sum(shares, Fraction(0))
    expected = np.array([float(share / total) for share in shares])
    if not (np.isfinite(weights).all() and (weights > 0).all() and np.isfinite(weights.sum())):
        return False
    apart = np.abs(weights / weights.sum() - expected).max()
    return bool(apart <= RESOLUTION / len(weights))


def wrong_tight_coalitions(
    game: Game,
    values: Sequence[Fraction | float],
    stages: Sequence[Stage],
    tight: Sequence[tuple[Hashable, ...]],
    count: int,
    level: Fraction | float,
    *,
    per_capita: bool = False,
) -> list[str]:
    """Say what is wrong with the coalitions that are tight at every point of a least core.

    They are those of the largest excess (per member, if `per_capita`) that the stages settle: each
    is in their span. Whoever is closer to that than what counts as equal may be one of them; the
    others at the level have to be.
    """
    n, sign = game.n_players, int(game.sign)
    table = game.tabulate(progress=False)
    x: list[Any] = [sign * value for value in values]
    equal: Any = Fraction(0) if isinstance(level, Fraction) else equal_amounts(game)
    span = Span()
    for key, coalition in enumerate(
        [tuple(game.players), *(coalition for stage in stages for coalition in stage.coalitions)]
    ):
        span.insert(key, _vector(game.players.mask(coalition), n))
    settled = span.annihilator(n)
    try:
        listed = np.array([game.players.mask(coalition) for coalition in tight], dtype=np.int64)
    except CoalitionError as error:
        return [f"the tight coalitions: {error}"]
    least = most = 0
    unlisted, loose = [], set(listed.tolist())
    for masks, membership in _near(table, sign, x, level, -equal, per_capita):
        inside = ~(membership @ settled != 0).any(axis=1)
        masks, membership = masks[inside], membership[inside]
        excesses, weights = _excesses(table[masks], sign, membership, x, per_capita)
        beyond, roundings = excesses - level * weights, _roundings(table[masks], membership, x)
        sure = beyond >= -roundings
        most += len(near := masks[beyond >= -(equal + roundings)])
        least += int(sure.sum())
        unlisted += np.setdiff1d(masks[sure], listed)[:1].tolist()
        loose -= set(near.tolist())
    if not least <= count <= most:
        return [f"{most} coalitions are tight, not {count}"]
    if (np.diff(listed) <= 0).any() or len(listed) != min(count, LISTED_COALITIONS):
        return ["the tight coalitions are not the first in binary order"]
    if loose:
        name = format_coalition(game.players.ordered_labels(min(loose)))
        return [f"{name} is not tight, or not settled by the stages"]
    if unlisted and (count == len(listed) or min(unlisted) < listed[-1]):
        name = format_coalition(game.players.ordered_labels(min(unlisted)))
        return [f"{name} is tight, and not listed"]
    return []


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
    try:
        masks = [game.players.mask(coalition) for coalition in stage.coalitions]
    except CoalitionError:
        return None
    relation = balance(span, vectors, masks, n)
    shares = [relation.get(key, Fraction(0)) for key in range(1, len(vectors))]
    if not masks or any(share <= 0 for share in shares) or not has_shares(stage, shares):
        return None
    worth = [Fraction(float(table[mask])) for mask in masks]
    total = sum((a * b for a, b in zip(shares, worth, strict=True)), Fraction(0))
    total += relation.get(0, Fraction(0)) * Fraction(float(table[-1]))
    return int(game.sign) * total / sum(shares, Fraction(0))


def exact_excess(
    game: Game, values: Sequence[Fraction | float], coalition: tuple[Hashable, ...]
) -> Fraction:
    """Return the excess of a coalition in fractions."""
    worth = Fraction(float(game.value(coalition)))
    shares = (Fraction(values[index]) for index in game.players.indices(coalition))
    return int(game.sign) * (worth - sum(shares, Fraction(0)))


def verify_core_point(
    game: Game, values: NDArray[np.float64], *, exact: bool = False
) -> Verification:
    """Check that a point is in the core; with `exact` in fractions, made efficient by one player.

    What that player takes up is no more than the rounding of the sum.
    """
    n, sign = game.n_players, int(game.sign)
    table = game.tabulate(progress=False)
    equal: Any = Fraction(0) if exact else equal_amounts(game)
    x: list[Any] = [sign * (Fraction(float(value)) if exact else float(value)) for value in values]
    total = sign * (Fraction(float(table[-1])) if exact else float(table[-1]))
    gap = sum(x) - total
    failures = []
    if not abs(gap) <= equal + rounding_of_excesses(table[-1], np.abs(values).sum(), n):
        failures.append(f"not efficient: x(N) - v(N) is {float(sign * gap)!r}")
    elif exact:
        x = solve({0: [1] * n}, {0: total}, x)
    remedy = "; exact=True of least_core gives a point that is proved in fractions" if exact else ""
    failures += [
        f"{name} has a positive excess, {amount:.3g}{remedy}"
        for name, amount in excesses_above(game, x, Fraction(0) if exact else 0.0, equal)
    ]
    return Verification(
        claim="in the core",
        failures=tuple(failures[:LISTED_FAILURES]),
        exact=exact,
        values=tuple(sign * share for share in x),
    )


def excesses_above(
    game: Game, x: Sequence[Any], level: Any, equal: Any
) -> Iterator[tuple[str, float]]:
    """Yield coalitions whose excess is above a level, and by how much; x is in gains' sense."""
    span = Span()
    span.insert(0, [1] * game.n_players)
    checked = [Checked(level, span.annihilator(game.n_players))]
    table = game.tabulate(progress=False)
    for mask, amount in _above(table, int(game.sign), x, checked, False, equal):
        yield format_coalition(game.players.ordered_labels(mask)), amount


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


def solve(
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
    equal: Any,
) -> Iterator[tuple[int, float]]:
    """Yield coalitions whose excess is above that of their own stage, and by how much.

    With floats, by more than what counts as equal and the rounding of the excess.
    """
    if not checked:
        return
    lowest = min(stage.level for stage in checked)
    for masks, membership in _near(table, sign, x, lowest, equal, per_capita):
        own = np.zeros(len(masks), dtype=np.int64)
        for stage in checked:
            own += (membership @ stage.before != 0).any(axis=1)
        excesses, weights = _excesses(table[masks], sign, membership, x, per_capita)
        slack = equal + _roundings(table[masks], membership, x)
        for stage_number, stage in enumerate(checked, start=1):
            here = own == stage_number
            beyond = excesses[here] - stage.level * weights[here]
            above = (beyond > slack[here]).astype(np.bool_)
            for mask, amount in zip(masks[here][above].tolist(), beyond[above], strict=True):
                yield mask, float(amount)


def _near(
    table: NDArray[np.float64],
    sign: int,
    x: Sequence[Any],
    level: Any,
    beyond: Any,
    per_capita: bool,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the proper coalitions that may have an excess above a level by that, in pieces.

    Found in floats, with a margin for what these do to sums: whoever asks compares again.
    """
    n = len(x)
    # Excess per member above the level is the same as excess at x + level above 0.
    shift = float(level) if per_capita else 0.0
    floats = np.array([float(share) for share in x]) + shift
    threshold = (0.0 if per_capita else float(level)) + float(beyond)
    magnitude = float(np.abs(floats).sum()) + n * abs(shift) + abs(threshold)
    low_bits = min(n, CHUNK_BITS)
    low = _subset_sums(floats[:low_bits])
    for start in range(0, len(table), len(low)):
        high = sum(float(floats[index]) for index in range(low_bits, n) if start >> index & 1)
        chunk = table[start : start + len(low)]
        # Three more operations than an excess has: the shift, the threshold, a fraction's float.
        margin = 2 * float(rounding_of_excesses(np.abs(chunk).max(), magnitude, n + 3))
        masks = np.flatnonzero(sign * chunk - low >= threshold + high - margin) + start
        masks = masks[(masks != 0) & (masks != len(table) - 1)]
        if masks.size:
            yield masks, (masks[:, np.newaxis] >> np.arange(n) & 1).astype(np.int64)


def _outside(masks: Sequence[int], before: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    """Tell which coalitions are outside a span, given what vanishes on it."""
    membership = np.array([_vector(mask, n) for mask in masks])
    outside: NDArray[np.bool_] = (membership @ before != 0).any(axis=1)
    return outside


def _roundings(
    values: NDArray[np.float64], membership: NDArray[np.int64], x: Sequence[Any]
) -> NDArray[Any]:
    """Return the roundings of excesses: none of fractions."""
    if isinstance(x[0], Fraction):
        return np.zeros(len(values), dtype=np.int64)
    magnitudes = membership @ np.abs(np.array(x))
    roundings: NDArray[Any] = rounding_of_excesses(values, magnitudes, membership.sum(axis=1))
    return roundings


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
    bound = sum(abs(part) for part in numerators)
    bound += denominator * (1 + int(np.abs(values).max()))
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
