"""A chosen point of the core in fractions, from the coalitions and bounds that prove it.

What is tight in floats is taken to be so exactly. That, and what makes the point the nearest one or
its advantages equal, is one linear system, whose solution is then compared with all coalitions.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.game.precision import rounding_of_excesses
from sesgame.stability.bounds_on_shares import held_bound
from sesgame.stability.verification import (
    Verification,
    exact_excess,
    excesses_above,
    solve,
    verify_stages,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.stability.bounds_on_shares import ShareBound
    from sesgame.stability.stages import Stage

__all__ = ["point_in_fractions"]

LISTED_FAILURES = 10

Row = tuple[list[int], Fraction]
"""The coefficients of an equation, and its right-hand side."""


class _Step(Protocol):
    """A step of the evidence."""

    @property
    def level(self) -> float: ...

    @property
    def players(self) -> tuple[Hashable, ...]: ...

    @property
    def player_weights(self) -> tuple[float, ...]: ...

    @property
    def coalitions(self) -> tuple[tuple[Hashable, ...], ...]: ...

    @property
    def multipliers(self) -> tuple[float, ...]: ...

    @property
    def total_multiplier(self) -> float: ...

    @property
    def bounds(self) -> tuple[Hashable, ...]: ...

    @property
    def bound_multipliers(self) -> tuple[float, ...]: ...


class _Evidence(Protocol):
    """Evidence of a chosen point."""

    @property
    def core_is_empty(self) -> bool: ...

    @property
    def of_least_core(self) -> bool: ...

    @property
    def leximin(self) -> bool: ...

    @property
    def reference(self) -> tuple[float, ...]: ...

    @property
    def at_least(self) -> tuple[ShareBound, ...]: ...

    @property
    def at_most(self) -> tuple[ShareBound, ...]: ...

    @property
    def steps(self) -> Sequence[_Step]: ...

    @property
    def stages(self) -> tuple[Stage, ...]: ...

    @property
    def values(self) -> tuple[float, ...]: ...


def point_in_fractions(
    evidence: _Evidence, game: Game, pinned: NDArray[np.bool_]
) -> tuple[tuple[Fraction, ...], list[str]]:
    """Return the point that the steps prove, and what fails; the steps hold in floats.

    `pinned` tells whose shares are what they have alone all over the core.
    """
    return _Fractions(evidence, game, pinned).proved()


class _Fractions:
    """The linear systems of a point and of its multipliers, in the sense of gains."""

    def __init__(self, evidence: _Evidence, game: Game, pinned: NDArray[np.bool_]) -> None:
        self.evidence, self.game, self.pinned = evidence, game, pinned
        self.n, self.sign = game.n_players, int(game.sign)
        self.reference = [self.sign * Fraction(number) for number in evidence.reference]
        self.found: list[str] = []
        self.of_least_core = evidence.core_is_empty or evidence.of_least_core
        self.in_stages = {of for stage in evidence.stages for of in stage.coalitions}
        self.needs_stages = self.of_least_core and bool(evidence.stages)
        self.allowed = Fraction(0)
        if self.needs_stages:
            proof = self._stages(np.array(evidence.values))
            self.allowed = exact_excess(game, proof.values, evidence.stages[0].coalitions[0])

    def _stages(self, values: NDArray[Any]) -> Verification:
        """Check the stages at a point, of floats or fractions, which moves to where they hold."""
        return verify_stages(
            *(self.game, values, self.evidence.stages),
            claim="in the least core",
            complete=False,
            exact=True,
        )

    def _check_stages(self, point: tuple[Fraction, ...]) -> None:
        """Check that the point has the excesses that the stages prove, and no larger one."""
        proof = self._stages(np.array(point, dtype=object))
        self.found += proof.failures
        tight = all(exact_excess(self.game, point, of) == self.allowed for of in self.in_stages)
        if not proof.failures and not (tight and proof.values == point):
            self.found.append("the stages do not hold at the point in fractions")

    def proved(self) -> tuple[tuple[Fraction, ...], list[str]]:
        """Return the point, in the sense of the game, and what fails."""
        evidence, n = self.evidence, self.n
        if not self.found:
            x = self._leximin() if evidence.leximin else self._nearest()
        if self.found:
            return tuple(map(Fraction, evidence.values)), self.found
        point = tuple(self.sign * share for share in x)
        reference = np.abs(evidence.reference).sum()
        magnitude = np.abs(evidence.values).sum() + reference
        rounding = float(rounding_of_excesses(self.game.scale, magnitude, n))
        self.found += [
            f"{player} gets {value!r}, which is {abs(float(share) - value):.3g} off the "
            f"{float(share)!r} that the steps prove"
            for player, share, value in zip(self.game.players, point, evidence.values, strict=True)
            if not abs(float(share) - value) <= rounding
        ]
        shares = dict(zip(self.game.players, point, strict=True))
        broken = [b.player for b in evidence.at_least if shares[b.player] < Fraction(b.amount)]
        broken += [b.player for b in evidence.at_most if shares[b.player] > Fraction(b.amount)]
        self.found += [f"{player!r} is beyond a bound in fractions" for player in broken]
        if self.needs_stages:
            self._check_stages(point)
        above = excesses_above(self.game, x, self.allowed, Fraction(0))
        self.found += [
            f"{name} has an excess above that of the others, by {amount:.3g}"
            for name, amount in islice(above, LISTED_FAILURES)
        ]
        return point, self.found

    def _nearest(self) -> list[Fraction]:
        """Solve x - r = sum of m_S 1_S + b + z, with x(S), bounds and the total as they are."""
        step, n = self.evidence.steps[0], self.n
        columns = self._columns(step)
        width = n + len(columns)
        tight = self._tight(step, width)
        rows = [
            ([int(j == i) for j in range(n)] + [-column[i] for column in columns], reference)
            for i, reference in enumerate(self.reference)
            if not self.pinned[i]
        ]
        alone = [self.sign * Fraction(float(self.game.value((p,)))) for p in self.game.players]
        rows += [(_unit(i, width), alone[i]) for i in range(n) if self.pinned[i]]
        multipliers = self._multipliers(step)
        found = self._solved([*rows, *tight], [*self._shares, *multipliers], 1)
        self._signs(1, step, found[n:])
        return found[:n]

    def _leximin(self) -> list[Fraction]:
        """Solve x - r = t at the players of each level; then the multipliers, level by level."""
        evidence, n = self.evidence, self.n
        steps = evidence.steps
        width = n + len(steps)
        rows: list[Row] = []
        for number, step in enumerate(steps):
            for i in self.game.players.indices(step.players):
                row = _unit(i, width)
                row[n + number] = -1
                rows.append((row, self.reference[i]))
            rows += self._tight(step, width)
        start = [*self._shares, *(Fraction(step.level) for step in steps)]
        x = self._solved(rows, start, len(steps))[:n]
        open_players = set(range(n))
        for number, step in enumerate(steps, start=1):
            players = self.game.players.indices(step.players)
            least = x[players[0]] - self.reference[players[0]]
            if any(x[i] - self.reference[i] < least for i in open_players):
                self.found.append(f"an advantage is not that of level {number}")
            columns = [_unit(i, n) for i in players] + self._columns(step)
            sums = [([column[i] for column in columns], Fraction(0)) for i in open_players]
            one = [int(place < len(players)) for place in range(len(columns))]
            weights = [Fraction(weight) for weight in step.player_weights]
            found = self._solved(
                [*sums, (one, Fraction(1))], [*weights, *self._multipliers(step)], number
            )
            if not all(weight > 0 for weight in found[: len(players)]):
                self.found.append(f"a weight of level {number} is not positive")
            self._signs(number, step, found[len(players) :])
            open_players -= set(players)
        return x

    @property
    def _shares(self) -> list[Fraction]:
        return [self.sign * Fraction(value) for value in self.evidence.values]

    def _columns(self, step: _Step) -> list[list[int]]:
        """Return what each multiplier is of, that of all together last."""
        players = self.game.players
        of = [*step.coalitions, *((player,) for player in step.bounds), tuple(players)]
        masks = [players.mask(coalition) for coalition in of]
        return [[mask >> i & 1 for i in range(self.n)] for mask in masks]

    def _multipliers(self, step: _Step) -> list[Fraction]:
        of_all = [*step.multipliers, *step.bound_multipliers, step.total_multiplier]
        return [Fraction(multiplier) for multiplier in of_all]

    def _tight(self, step: _Step, width: int) -> list[Row]:
        """Return what a step says that coalitions have, players at their bound, and all."""
        sign, game = self.sign, self.game
        totals = [
            sign * Fraction(float(game.value(coalition))) - self.allowed
            for coalition in step.coalitions
        ]
        totals += [
            sign * Fraction(held_bound(self.evidence, game, player, multiplier))
            for player, multiplier in zip(step.bounds, step.bound_multipliers, strict=True)
        ]
        totals.append(sign * Fraction(float(game.value(game.players))))
        rest = [0] * (width - self.n)
        return [
            ([*column, *rest], total)
            for column, total in zip(self._columns(step), totals, strict=True)
        ]

    def _solved(
        self, rows: Sequence[Row], start: Sequence[Fraction], number: int
    ) -> list[Fraction]:
        """Return what satisfies all rows; what they leave free stays as it is at the start."""
        point = solve(
            {key: row for key, (row, _) in enumerate(rows)},
            {key: total for key, (_, total) in enumerate(rows)},
            start,
        )
        for row, total in rows:
            if sum(a * b for a, b in zip(row, point, strict=True) if a) != total:
                self.found.append(f"what is tight up to step {number} is not so in fractions")
                break
        return point

    def _signs(self, number: int, step: _Step, multipliers: Sequence[Fraction]) -> None:
        """Check that multipliers keep their signs, but those of what is tight everywhere."""
        count = len(step.coalitions)
        negative = {
            of
            for of, multiplier in zip(step.coalitions, multipliers[:count], strict=True)
            if multiplier < 0
        }
        # That a coalition is tight all over the core is what the stages prove.
        self.needs_stages |= bool(negative)
        held = zip(step.bounds, step.bound_multipliers, multipliers[count:-1], strict=True)
        turned = any(said * multiplier < 0 for _, said, multiplier in held)
        if turned or not negative <= self.in_stages:
            self.found.append(f"a multiplier of step {number} has the wrong sign in fractions")


def _unit(index: int, length: int) -> list[int]:
    return [int(place == index) for place in range(length)]
