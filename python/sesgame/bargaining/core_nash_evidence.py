r"""What proves a Nash bargaining point within the core, and its check without any solver.

With multipliers :math:`m_S \ge 0` of tight coalitions, and :math:`L` of the grand coalition, let
:math:`L_i = L - \sum_{S \ni i} m_S`. Where :math:`x_i - d_i = w_i / L_i`, every other point y of
the core has :math:`\sum_i w_i (y_i - x_i) / (x_i - d_i) \le 0`, and so a smaller product. Bounds
on shares count like coalitions of one player, upper ones with the other sign. Multipliers that are
a little off bound the product all the same, by duality: that is what is proved in fractions.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Iterator, Sequence, Sized
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.bargaining.core_nash_fractions import (
    above_in_fractions,
    blocks_in_fractions,
    point_with_totals,
    share_width,
)
from sesgame.errors import AllocationError, CoalitionError, OracleError
from sesgame.files.json_text import unkept
from sesgame.formatting import count, format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.leave_one_out import values_alone
from sesgame.game.precision import UNIT_ROUNDOFF, resolution, rounding_of_excesses
from sesgame.stability.bounds_on_shares import ShareBound, broken_bounds, held_bound
from sesgame.stability.core import core_check
from sesgame.stability.search import OracleSearch
from sesgame.stability.verification import NO_FRACTIONS, Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = ["NashEffort", "NashInCoreEvidence", "ZeroGain", "duality_gap"]

MULTIPLIER_TOLERANCE = 1e-7
"""The weights of a zero gain add up to 1; their equations, from a linear program in floats, hold up
to this."""

DENOMINATORS = 10**6
"""Multipliers of 0/1 rows are fractions of small numbers; these are tried for those in floats."""

LISTED_FAILURES = 10


@dataclasses.dataclass(frozen=True, eq=False)
class NashEffort(Evidence):
    """What finding the point took.

    Attributes
    ----------
    rounds : int
        Solutions of the concave program.
    oracle_calls : int
        How often the oracle was asked.
    pool_rows : int
        Coalitions that the program ended with.
    evaluations : int
        Coalitions whose values were asked for, beside those of a table.
    """

    rounds: int
    oracle_calls: int
    pool_rows: int
    evaluations: int


@dataclasses.dataclass(frozen=True)
class ZeroGain:
    """Multipliers that prove that some players gain nothing in the whole core.

    With weights p of the players and multipliers m of coalitions (and of bounds),
    ``p + sum of m_S 1_S`` is 0 but for players of earlier proofs: no y in the core gives the
    players more than the disagreement, weighted by p.

    Attributes
    ----------
    players : tuple of hashable
        Who gains nothing.
    player_weights : tuple of float
        Their positive weights, which add up to 1.
    coalitions : tuple of tuple of hashable
        The coalitions that prevent it.
    multipliers : tuple of float
        One positive number for each.
    bounds : tuple of hashable
        Players whose bounds prevent it.
    bound_multipliers : tuple of float
        One for each, positive for the bound that keeps it up in the sense of gains, else negative.
    total_multiplier : float
        That of the grand coalition, of any sign.
    """

    players: tuple[Hashable, ...]
    player_weights: tuple[float, ...]
    coalitions: tuple[tuple[Hashable, ...], ...]
    multipliers: tuple[float, ...]
    bounds: tuple[Hashable, ...]
    bound_multipliers: tuple[float, ...]
    total_multiplier: float


@dataclasses.dataclass(frozen=True, eq=False)
class NashInCoreEvidence(Evidence):
    """What proves a Nash bargaining point within the core, and what an oracle leaves open.

    Attributes
    ----------
    proved : bool
        No coalition is known, or left unasked for, that objects.
    reason : str
        Why not, where that is so.
    weights : tuple of float
        The bargaining power of each player.
    disagreement : tuple of float
        What each has without an agreement, in the sense of the game.
    at_least, at_most : tuple of ShareBound
        The bounds on shares.
    zero_gains : tuple of ZeroGain
        Who gains nothing in the whole core, and why.
    coalitions : tuple of tuple of hashable
        Tight coalitions that hold the point.
    multipliers : tuple of float
        One positive number for each, in weight by unit of gain.
    bounds : tuple of hashable
        Players held by a bound.
    bound_multipliers : tuple of float
        One for each, positive for the bound that keeps it up in the sense of gains, else negative.
    total_multiplier : float
        That of the grand coalition.
    by_oracle : bool
        Whether an oracle found the coalitions.
    largest_excess : float
        No coalition has a larger excess, says the oracle; 0 with a table.
    gap : float
        No point of the core has a larger weighted sum of logarithms of gains than this one by more
        than this.
    values : tuple of float
        The allocation.
    effort : NashEffort or None
        What it took; not read back.
    tolerance : float
        Excesses closer than this counted as equal for the solver; not read back.
    """

    proved: bool
    reason: str
    weights: tuple[float, ...]
    disagreement: tuple[float, ...]
    at_least: tuple[ShareBound, ...]
    at_most: tuple[ShareBound, ...]
    zero_gains: tuple[ZeroGain, ...]
    coalitions: tuple[tuple[Hashable, ...], ...]
    multipliers: tuple[float, ...]
    bounds: tuple[Hashable, ...]
    bound_multipliers: tuple[float, ...]
    total_multiplier: float
    by_oracle: bool
    largest_excess: float
    gap: float
    values: tuple[float, ...]
    effort: NashEffort | None = unkept(None)
    tolerance: float = unkept(0.0)

    @property
    def without_gain(self) -> tuple[Hashable, ...]:
        """Who gains nothing at any point of the core."""
        return tuple(player for zero in self.zero_gains for player in zero.players)

    @property
    def n_evaluations(self) -> int | None:
        """Those of the search, where an oracle was asked."""
        return self.effort.evaluations if self.by_oracle and self.effort else None

    @property
    def manner(self) -> str:
        """That there are bounds, and that it is not proved, where that is so."""
        bounded = ["within bounds"] if self.at_least or self.at_most else []
        return ", ".join([*bounded, *(["not proved"] if self.reason else [])])

    @property
    def unproved(self) -> str:
        """Why a coalition may object."""
        return self.reason

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who gains nothing whatever is agreed, and what the oracle left open."""
        said = []
        if self.without_gain:
            said.append(
                f"{format_coalition(self.without_gain)}: gain nothing in any split that gives no "
                f"group a reason to leave, and so {_bear(allocation)} what they have without an "
                f"agreement; the product is that of the others' gains."
            )
        if self.reason:
            said.append(f"Not certified ({self.reason}): a group may object to it.")
        return said

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the multipliers prove."""
        held = count(len(self.coalitions), "group")
        text = (
            f"The certificate has multipliers of {held}: they prove that no split without "
            f"objections has a larger product of gains."
        )
        if not self.coalitions:
            text = "No group has a reason to leave where all share what is gained by their power."
        if self.by_oracle and not self.reason:
            text += f" No group gains more than {amount(self.largest_excess)} by leaving."
        return [text]

    def verify(
        self, game: Game, oracle: SeparationOracle | None = None, *, exact: bool = False
    ) -> Verification:
        """Check the point and its multipliers with code that shares nothing with the solver.

        Parameters
        ----------
        game : Game
            The game that was solved; it is tabulated, but where an oracle found the coalitions.
        oracle : SeparationOracle, optional
            Where one found the coalitions: that of the solution, or better another one.
        exact : bool, default False
            Prove in fractions: the point itself where the tight coalitions settle it, which they do
            where they form a partition; otherwise, as it may be irrational, an interval for each
            share, by duality. For games from a table.

        Returns
        -------
        Verification
            True as a condition where everything is proved. `values` are fractions if exact.

        Raises
        ------
        OracleError
            `exact`, where an oracle found the coalitions.
        """
        if exact and self.by_oracle:
            raise OracleError(NO_FRACTIONS)
        check = _NashCheck(self, game)
        try:
            check.shapes()
            if not check.failures:
                check.point(oracle)
                check.zero_gains()
                check.multipliers()
        except (AllocationError, CoalitionError) as error:
            check.failures.append(str(error))
        values: tuple[Fraction | float, ...] = self.values
        if exact and not check.failures:
            values = check.in_fractions()
        return Verification(
            claim=check.claim,
            failures=tuple(check.failures[:LISTED_FAILURES]),
            exact=exact,
            values=values,
            unchecked=tuple(check.unchecked),
        )


def _bear(allocation: Allocation) -> str:
    return "pay" if allocation.kind == "cost" else "get"


def duality_gap(evidence: NashInCoreEvidence, game: Game) -> float:
    r"""Return by how much the weighted sum of logarithms may be larger within the core.

    .. math:: \sum_i w_i \varphi\Bigl(\frac{L_i (x_i - d_i)}{w_i}\Bigr) + \sum_S m_S (x(S) - v(S)),
              \qquad \varphi(r) = r - 1 - \log r

    Infinite where a multiplier makes it so.
    """
    players, sign = game.players, game.sign
    gains = sign * (np.array(evidence.values) - np.array(evidence.disagreement))
    slopes = np.full(game.n_players, evidence.total_multiplier)
    slack = 0.0
    x = sign * np.array(evidence.values)
    for members, demand, signed in _held(evidence, game):
        slopes[members] -= signed
        slack += signed * float(x[members].sum()) - signed * demand
    weights = np.array(evidence.weights)
    gaining = np.ones(game.n_players, dtype=np.bool_)
    gaining[players.indices(evidence.without_gain)] = False
    if not (slopes[gaining] > 0).all() or not (gains[gaining] > 0).all():
        return math.inf
    ratios = slopes[gaining] * gains[gaining] / weights[gaining]
    away = ratios - 1
    return max(0.0, float((weights[gaining] * (away - np.log1p(away))).sum()) + slack)


def _held(evidence: NashInCoreEvidence, game: Game) -> Iterator[tuple[list[int], float, float]]:
    """Yield members, demand in the sense of gains, and signed multiplier of all that is tight."""
    players, sign = game.players, game.sign
    rows = [players.indices(coalition) for coalition in evidence.coalitions]
    membership = np.zeros((len(rows), game.n_players), dtype=np.bool_)
    for flags, members in zip(membership, rows, strict=True):
        flags[members] = True
    values = sign * game.values(membership, progress=False) if rows else np.zeros(0)
    for members, value, multiplier in zip(rows, values.tolist(), evidence.multipliers, strict=True):
        yield list(members), value, multiplier
    for player, signed in zip(evidence.bounds, evidence.bound_multipliers, strict=True):
        yield [players.index(player)], sign * held_bound(evidence, game, player, signed), signed


class _NashCheck:
    """A point and its multipliers, checked one after the other; keeps what fails."""

    def __init__(self, evidence: NashInCoreEvidence, game: Game) -> None:
        self.evidence, self.game = evidence, game
        self.failures: list[str] = []
        self.unchecked: list[str] = [evidence.reason] if evidence.reason else []
        self.width: float | None = None

    @property
    def claim(self) -> str:
        """What is proved where nothing fails."""
        evidence = self.evidence
        where = "core" + self._terms()
        if evidence.by_oracle:
            return (
                f"no excess above {evidence.largest_excess!r}, and no point of the {where} with a "
                f"weighted sum of logarithms of gains that is larger by more than {evidence.gap!r}"
            )
        claim = f"the point of the {where} with the largest product of gains"
        if self.width is None:
            return claim
        return f"{claim}, every share within {self.width:.1e}"

    def _terms(self) -> str:
        """Return the bounds, weights and disagreement, where they are not the usual ones."""
        evidence = self.evidence
        bounds = [f"{bound.player} at least {bound.amount!r}" for bound in evidence.at_least]
        bounds += [f"{bound.player} at most {bound.amount!r}" for bound in evidence.at_most]
        said = f" within bounds ({', '.join(bounds)})" if bounds else ""
        if len(set(evidence.weights)) > 1:
            said += f", for the weights {list(evidence.weights)!r},"
        alone, _ = values_alone(self.game, progress=False)
        if evidence.disagreement != tuple(alone.tolist()):
            said += f", over the disagreement {list(evidence.disagreement)!r},"
        return said

    def shapes(self) -> None:
        """Check that there is a number for each player, and a sign that makes sense."""
        evidence, n = self.evidence, self.game.n_players
        self.x = self.game.sign * checked_values(self.game.players, evidence.values)
        self.d = self.game.sign * checked_values(self.game.players, evidence.disagreement)
        self.weights = checked_values(self.game.players, evidence.weights)
        pairs: list[tuple[Sized, Sized]] = [
            (evidence.coalitions, evidence.multipliers),
            (evidence.bounds, evidence.bound_multipliers),
            *((zero.players, zero.player_weights) for zero in evidence.zero_gains),
            *((zero.coalitions, zero.multipliers) for zero in evidence.zero_gains),
            *((zero.bounds, zero.bound_multipliers) for zero in evidence.zero_gains),
        ]
        if any(len(named) != len(numbers) for named, numbers in pairs):
            self.failures.append("there is not one multiplier for each coalition and bound")
            return
        if not (self.weights > 0).all():
            self.failures.append("a weight is not positive")
        if not all(multiplier >= 0 for multiplier in evidence.multipliers):
            self.failures.append("a coalition has a negative multiplier")
        if bool(evidence.reason) == evidence.proved:
            self.failures.append("it is either proved, or there is a reason why not")
        self.total = self.game.sign * float(self.game.value(self.game.players))
        sums = float(np.abs(self.x).sum())
        if not evidence.by_oracle:
            self.game.tabulate(progress=False)
        rounding = float(rounding_of_excesses(self.total, sums, n))
        self.slack = 4 * max(resolution(self.game), self.game.rounding, rounding)
        settled = evidence.without_gain
        if len(set(settled)) != len(settled):
            self.failures.append("a player is proved twice to gain nothing")
        self.gaining = np.ones(n, dtype=np.bool_)
        self.gaining[self.game.players.indices(settled)] = False

    def point(self, oracle: SeparationOracle | None) -> None:
        """Check that the point is efficient, within its bounds and in the core."""
        evidence, game = self.evidence, self.game
        if not abs(float(self.x.sum()) - self.total) <= self.slack:
            self.failures.append(f"the shares sum to {sum(evidence.values)!r}")
        self.failures += broken_bounds(evidence, game, np.array(evidence.values), self.slack)
        if not evidence.by_oracle:
            self.failures += core_check(
                game, evidence.values, tolerance=self.slack, progress=False
            ).failures
            return
        largest = math.inf
        if oracle is not None:
            search = OracleSearch(game, oracle, progress=False)
            try:
                separator = search.separator(search.default_tolerance)
                largest = separator.ask(
                    np.array(evidence.values), 1, 0.0, None, math.inf, attained=False
                ).bound
            except OracleError as error:
                self.failures.append(str(error))
                return
        if largest == math.inf:
            self.unchecked.append("that no coalition has a larger excess")
        elif largest > evidence.largest_excess + self.slack:
            self.failures.append(f"the oracle bounds the excesses by {largest!r}")

    def zero_gains(self) -> None:
        """Check that those who are said to gain nothing do so in the whole core."""
        gaining = np.ones(self.game.n_players, dtype=np.bool_)
        for zero in self.evidence.zero_gains:
            members = self.game.players.indices(zero.players)
            coefficients, most = self._zero_gain(zero, gaining, float)
            rest = np.array(coefficients)[gaining]
            offered = float(np.dot(zero.player_weights, self.d[members]))
            named = format_coalition(zero.players)
            if not (
                all(weight > 0 for weight in zero.player_weights)
                and all(multiplier >= 0 for multiplier in zero.multipliers)
                and abs(sum(zero.player_weights) - 1) + np.abs(rest).max() <= MULTIPLIER_TOLERANCE
                and most <= offered + self.slack * self.game.n_players
            ):
                self.failures.append(f"it is not proved that {named} gain nothing")
            gaining[members] = False
        away = np.abs(self.x - self.d)
        self.failures += [
            f"{self.game.players[int(index)]!r} gains nothing, but does not get the disagreement"
            for index in np.flatnonzero(~self.gaining & ~(away <= self.slack))
        ]

    def _zero_gain(
        self, zero: ZeroGain, gaining: NDArray[np.bool_], number: Any
    ) -> tuple[list[Any], Any]:
        """Return the sum of all multipliers for each player, and the most that the players get."""
        game = self.game
        total = number(zero.total_multiplier)
        sums = [total] * game.n_players
        # The sum of all x times its multipliers is 0; demands make what is left as large as it is.
        most = -total * number(self.total)
        for player, weight in zip(zero.players, zero.player_weights, strict=True):
            sums[game.players.index(player)] += number(weight)
        for coalition, multiplier in zip(zero.coalitions, zero.multipliers, strict=True):
            for index in game.players.indices(coalition):
                sums[index] += number(multiplier)
            most -= number(multiplier) * number(game.sign * float(game.value(coalition)))
        for player, signed in zip(zero.bounds, zero.bound_multipliers, strict=True):
            sums[game.players.index(player)] += number(signed)
            bound = held_bound(self.evidence, game, player, signed)
            most -= number(signed) * number(game.sign * bound)
        for settled in np.flatnonzero(~gaining):
            most += sums[settled] * number(float(self.d[settled]))
        return sums, most

    def multipliers(self) -> None:
        """Check the equations of the point, and that everything held is tight."""
        evidence, game = self.evidence, self.game
        slopes = np.full(game.n_players, evidence.total_multiplier)
        for members, demand, signed in _held(evidence, game):
            slopes[members] -= signed
            share = float(self.x[members].sum())
            if signed and not abs(share - demand) <= self.slack:
                name = format_coalition([game.players[index] for index in members])
                self.failures.append(f"{name} is not tight")
        gains = self.x - self.d
        self.failures += [
            f"the multipliers do not hold the gain of {game.players[int(index)]!r}"
            for index in np.flatnonzero(self.gaining)
            if not (
                slopes[index] > 0
                and abs(gains[index] - self.weights[index] / slopes[index]) <= self.slack
            )
        ]
        if not self.failures:
            own = duality_gap(evidence, game)
            # Each logarithm, and each product of a multiplier, is rounded.
            noise = 16 * game.n_players * UNIT_ROUNDOFF * float(self.weights.sum())
            sums = sum(
                abs(signed) for signed in (*evidence.multipliers, *evidence.bound_multipliers)
            )
            if not own <= evidence.gap + noise + sums * self.slack:
                self.failures.append(f"the gap is {own!r}, not {evidence.gap!r}")

    def in_fractions(self) -> tuple[Fraction | float, ...]:
        """Prove the point, or an interval for each share, in fractions; return the shares."""
        self._zero_gains_in_fractions()
        held = [
            (
                [bool(flag) for flag in _flags(members, self.game.n_players)],
                Fraction(demand),
                signed,
            )
            for members, demand, signed in _held(self.evidence, self.game)
            if signed
        ]
        d = [Fraction(float(value)) for value in self.d]
        weights = [Fraction(float(value)) for value in self.weights]
        gaining = [bool(flag) for flag in self.gaining]
        total = Fraction(self.total)
        x = blocks_in_fractions(held, weights, d, gaining, total)
        width = Fraction(0)
        if x is None:
            x = self._nearby(held, d, gaining, total)
            if x is None:
                self.unchecked.append("the core membership of a nearby point, in fractions")
                return self.evidence.values
            slopes = [
                Fraction(self.evidence.total_multiplier)
                - sum((Fraction(s) for flags, _, s in held if flags[index]), Fraction(0))
                for index in range(len(x))
            ]
            found = share_width(
                [slopes[i] for i in range(len(x)) if gaining[i]],
                [x[i] - d[i] for i in range(len(x)) if gaining[i]],
                [weights[i] for i in range(len(x)) if gaining[i]],
            )
            if found is None:
                self.failures.append("the multipliers prove no interval for the shares")
                return self.evidence.values
            width = found
        elif next(iter(self._objecting(x)), None) is not None:
            self.failures.append("a coalition objects to the exact point")
        self.width = float(width)
        sign = int(self.game.sign)
        shares = tuple(sign * share for share in x)
        off = max(
            abs(share - Fraction(value))
            for share, value in zip(shares, self.evidence.values, strict=True)
        )
        if not off <= self.slack:
            self.failures.append(f"the exact point is {float(off)!r} away")
        return shares

    def _nearby(
        self,
        held: Sequence[tuple[list[bool], Fraction, float]],
        d: list[Fraction],
        gaining: list[bool],
        total: Fraction,
    ) -> list[Fraction] | None:
        """Return a point in fractions near the floats that is in the core, all held rows tight."""
        n = len(d)
        rows = [([True] * n, total), *((flags, demand) for flags, demand, _ in held)]
        rows += [
            ([index == player for index in range(n)], d[player])
            for player in range(n)
            if not gaining[player]
        ]
        start = [Fraction(float(share)) for share in self.x]
        # Each round makes equations of what rounding violates.
        for _ in range(n):
            x = point_with_totals(rows, start)
            if x is None:
                return None
            objecting = list(self._objecting(x))[:n]
            if not objecting:
                return x
            rows += objecting
        return None

    def _objecting(self, x: list[Fraction]) -> Iterator[tuple[list[bool], Fraction]]:
        """Yield coalitions that a point in fractions gives too little, and what they have."""
        game = self.game
        yield from above_in_fractions(game.tabulate(progress=False), int(game.sign), x)
        for bounds, side in ((self.evidence.at_least, 1), (self.evidence.at_most, -1)):
            for bound in bounds:
                index = game.players.index(bound.player)
                amount = int(game.sign) * Fraction(bound.amount)
                if side * int(game.sign) * (x[index] - amount) < 0:
                    yield _flags([index], game.n_players), amount

    def _zero_gains_in_fractions(self) -> None:
        """Check the proofs of zero gains with the fractions that their floats stand for."""

        def near(number: float) -> Fraction:
            return Fraction(number)

        gaining = np.ones(self.game.n_players, dtype=np.bool_)
        for zero in self.evidence.zero_gains:
            fractions = dataclasses.replace(
                zero,
                player_weights=_fractions(zero.player_weights),
                multipliers=_fractions(zero.multipliers),
                bound_multipliers=_fractions(zero.bound_multipliers),
                total_multiplier=_fractions([zero.total_multiplier])[0],
            )
            sums, most = self._zero_gain(fractions, gaining, near)
            members = self.game.players.indices(zero.players)
            offered = sum(
                (
                    Fraction(weight) * Fraction(float(self.d[index]))
                    for weight, index in zip(fractions.player_weights, members, strict=True)
                ),
                Fraction(0),
            )
            if any(sums[int(index)] for index in np.flatnonzero(gaining)) or most > offered:
                named = format_coalition(zero.players)
                self.unchecked.append(f"that {named} gain nothing, in fractions")
            gaining[members] = False


def _flags(members: Sequence[int], n_players: int) -> list[bool]:
    inside = set(members)
    return [index in inside for index in range(n_players)]


def _fractions(numbers: Sequence[float]) -> Any:
    """Return the fractions of small denominators that floats stand for."""
    return tuple(Fraction(number).limit_denominator(DENOMINATORS) for number in numbers)
