"""What should hold of an allocation, by enumeration of all coalitions in NumPy or in fractions.

An *outcome* is whatever a rule returns: an :class:`~sesgame.Allocation`, a mapping from player to
number, or a sequence in player order; for an order book see :mod:`sesgame.testing.market_checks`.
Numbers that are exact (int, Fraction, Decimal) are checked in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.markets.market import Market
from sesgame.markets.order_book import OrderBook
from sesgame.markets.settlement import Settlement
from sesgame.testing.market_checks import best_welfare, market_payoffs, trading_game, welfare_of
from sesgame.testing.precision import amount, tolerance_of

__all__ = [
    "assert_budget_balanced",
    "assert_dummies_get_their_worth",
    "assert_efficient",
    "assert_in_core",
    "assert_individually_rational",
    "assert_symmetric",
    "shares_of",
]

Shares = np.ndarray[Any, Any]
"""One number for each player: float64, or objects where all of them are exact."""


def shares_of(players: Players, outcome: Any) -> Shares:
    """Return what each player gets, in player order.

    Raises
    ------
    AllocationError
        The outcome is of other players, or something in it is not a finite number.
    """
    if isinstance(outcome, Allocation):
        outcome = dict(zip(outcome.players, outcome.values.tolist(), strict=True))
    if isinstance(outcome, Mapping):
        if set(outcome) != set(players):
            raise AllocationError(
                f"the outcome is of {format_coalition(sorted(outcome, key=str))}; "
                f"the players are {format_coalition(players)}"
            )
        outcome = [outcome[player] for player in players]
    values = list(outcome)
    if len(values) != len(players):
        raise AllocationError(f"the outcome has {len(values)} numbers for {len(players)} players")
    if all(isinstance(value, (Rational, Decimal)) for value in values):
        return np.array([Fraction(value) for value in values], dtype=object)
    shares = np.array(values, dtype=np.float64)
    if not np.isfinite(shares).all():
        index = int(np.argmin(np.isfinite(shares)))
        raise AllocationError(f"player {players[index]!r} gets {shares[index]}")
    return shares


class _Case:
    """A game in which larger is better, and what its players get."""

    def __init__(self, problem: Game | OrderBook, outcome: Any, tolerance: float | None) -> None:
        if isinstance(problem, OrderBook):
            game, self.shares = trading_game(problem), np.array(market_payoffs(problem, outcome))
        elif isinstance(problem, Game):
            game, self.shares = problem, shares_of(problem.players, outcome)
        else:
            raise TypeError(
                f"a {type(problem).__name__} is neither a Game nor an OrderBook, "
                f"whose coalitions can be enumerated"
            )
        self.players = game.players
        self.is_gain = game.kind == "gain"
        self.table: Shares = game.tabulate(progress=False)
        self.tolerance = tolerance_of(tolerance, self.table, self.shares)
        if self.shares.dtype == object:
            self.table = np.array([Fraction(float(v)) for v in self.table], dtype=object)

    @property
    def excesses(self) -> Shares:
        """The excess of each coalition, in the order of the table."""
        sums = self.shares[:1] - self.shares[:1]
        for share in self.shares:
            sums = np.concatenate([sums, sums + share])
        return self.table - sums if self.is_gain else sums - self.table

    def objection(self, mask: int, excess: Any) -> str:
        """Return which coalition has a positive excess, and why."""
        members = self.players.ordered_labels(mask)
        who = str(members[0]) if len(members) == 1 else format_coalition(members)
        worth = self.table[mask]
        share = worth - excess if self.is_gain else worth + excess
        if self.is_gain:
            return (
                f"{who} would gain {amount(excess)} by leaving: "
                f"gets {amount(share)}, is worth {amount(worth)} alone"
            )
        return (
            f"{who} would save {amount(excess)} by leaving: "
            f"pays {amount(share)}, costs {amount(worth)} alone"
        )


def assert_efficient(
    problem: Game | OrderBook, outcome: Any, *, tolerance: float | None = None
) -> None:
    r"""Fail unless the shares are efficient: :math:`x(N) = v(N)`.

    Parameters
    ----------
    problem : Game or OrderBook
        An order book is settled efficiently when no other trade has a larger welfare.
    outcome : Allocation, mapping, sequence or settlement
        What each player gets or pays.
    tolerance : float, optional
        Absolute; by default 1e-9 of the largest value of any coalition, and at least 1e-12.

    Raises
    ------
    AssertionError
        What is missing, or too much.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict({("a",): 0, ("b",): 0, ("a", "b"): 6}, kind="gain")
    >>> assert_efficient(game, {"a": 3, "b": 2})
    Traceback (most recent call last):
    AssertionError: not efficient: the shares sum to 5, 1 less than v(N) = 6
    """
    if isinstance(problem, OrderBook):
        best, reached = best_welfare(problem), welfare_of(problem, outcome)
        if best - reached > tolerance_of(tolerance, [best, reached]):
            raise AssertionError(
                f"{amount(best - reached)} of welfare is lost: "
                f"{amount(reached)} is reached, {amount(best)} is possible"
            )
        return
    case = _Case(problem, outcome, tolerance)
    total, worth = sum(case.shares), case.table[-1]
    if abs(total - worth) > case.tolerance:
        word = "less" if total < worth else "more"
        symbol = "v" if case.is_gain else "c"
        raise AssertionError(
            f"not efficient: the shares sum to {amount(total)}, "
            f"{amount(abs(total - worth))} {word} than {symbol}(N) = {amount(worth)}"
        )


def assert_individually_rational(
    problem: Game | Market, outcome: Any, *, tolerance: float | None = None
) -> None:
    r"""Fail unless nobody is better off alone: :math:`x_i \ge v(\{i\})`.

    Parameters
    ----------
    problem, outcome, tolerance
        As in :func:`assert_efficient`. Alone, nobody trades in a market; any other market than an
        order book serves too, with an outcome from which its ``true_value`` can tell the value.

    Raises
    ------
    AssertionError
        Who is better off alone, and by how much.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict({("a",): 40, ("b",): 30, ("a", "b"): 50}, kind="cost")
    >>> assert_individually_rational(game, [15, 35])
    Traceback (most recent call last):
    AssertionError: b would save 5 by leaving: pays 35, costs 30 alone
    """
    if not isinstance(problem, Game):
        payoffs = market_payoffs(problem, outcome)
        worst = int(np.argmin(payoffs))
        if -payoffs[worst] > tolerance_of(tolerance, payoffs):
            names = [*problem.participants, *getattr(problem, "load_names", ())]
            who = names[worst]
            raise AssertionError(f"{who} loses {amount(-payoffs[worst])} by taking part")
        return
    case = _Case(problem, outcome, tolerance)
    excesses = case.excesses
    alone = max((1 << i for i in range(len(case.players))), key=lambda mask: excesses[mask])
    if excesses[alone] > case.tolerance:
        raise AssertionError(case.objection(alone, excesses[alone]))


def assert_in_core(
    problem: Game | OrderBook, outcome: Any, *, tolerance: float | None = None
) -> None:
    r"""Fail unless the outcome is efficient and no coalition is better off on its own.

    .. math:: x(N) = v(N), \quad x(S) \ge v(S) \text{ for all } S

    Parameters
    ----------
    problem, outcome, tolerance
        As in :func:`assert_efficient`. The game of an order book is :func:`trading_game`.

    Raises
    ------
    AssertionError
        The coalition that gains most by leaving, and how much.

    Notes
    -----
    All 2^n coalitions, in NumPy.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 4, 0, 4, 4, 5], ["a", "b", "c"], kind="gain")
    >>> assert_in_core(game, {"a": 3, "b": 1, "c": 1})
    Traceback (most recent call last):
    AssertionError: {b, c} would gain 2 by leaving: gets 2, is worth 4 alone
    """
    case = _Case(problem, outcome, tolerance)
    if isinstance(problem, Game):
        assert_efficient(problem, outcome, tolerance=tolerance)
    excesses = case.excesses
    if isinstance(problem, OrderBook) and -excesses[-1] > case.tolerance:
        raise AssertionError(
            f"the payoffs are {amount(-excesses[-1])} more than the welfare: somebody else pays"
        )
    worst = int(np.argmax(excesses))
    if excesses[worst] > case.tolerance:
        raise AssertionError(case.objection(worst, excesses[worst]))


def assert_symmetric(game: Game, outcome: Any, *, tolerance: float | None = None) -> None:
    r"""Fail unless symmetric players get the same.

    .. math:: v(S \cup i) = v(S \cup j) \text{ for all } S \not\ni i, j \implies x_i = x_j

    Parameters
    ----------
    game, outcome, tolerance
        As in :func:`assert_efficient`.

    Raises
    ------
    AssertionError
        Two players and what they get.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict({("a",): 0, ("b",): 0, ("a", "b"): 6}, kind="gain")
    >>> assert_symmetric(game, {"a": 4, "b": 2})
    Traceback (most recent call last):
    AssertionError: a and b are symmetric, but get 4 and 2
    """
    case = _Case(game, outcome, tolerance)
    masks = np.arange(len(case.table))
    for j in range(len(case.players)):
        for i in range(j):
            without = masks[masks & (1 << i | 1 << j) == 0]
            apart = np.abs(case.table[without | 1 << i] - case.table[without | 1 << j]).max()
            if apart <= case.tolerance < abs(case.shares[i] - case.shares[j]):
                verb = "get" if case.is_gain else "pay"
                raise AssertionError(
                    f"{case.players[i]} and {case.players[j]} are symmetric, "
                    f"but {verb} {amount(case.shares[i])} and {amount(case.shares[j])}"
                )


def assert_dummies_get_their_worth(
    game: Game, outcome: Any, *, tolerance: float | None = None
) -> None:
    r"""Fail unless players who add the same to every coalition get just that.

    .. math:: v(S \cup i) = v(S) + v(\{i\}) \text{ for all } S \not\ni i \implies x_i = v(\{i\})

    Parameters
    ----------
    game, outcome, tolerance
        As in :func:`assert_efficient`.

    Raises
    ------
    AssertionError
        The player, what it adds and what it gets.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict({("a",): 1, ("b",): 2, ("a", "b"): 3}, kind="gain")
    >>> assert_dummies_get_their_worth(game, {"a": 1.5, "b": 1.5})
    Traceback (most recent call last):
    AssertionError: a adds 1 to every coalition, but gets 1.5
    """
    case = _Case(game, outcome, tolerance)
    masks = np.arange(len(case.table))
    for i, player in enumerate(case.players):
        without = masks[masks >> i & 1 == 0]
        worth = case.table[1 << i]
        apart = np.abs(case.table[without | 1 << i] - case.table[without] - worth).max()
        if apart <= case.tolerance < abs(case.shares[i] - worth):
            verb = "gets" if case.is_gain else "pays"
            raise AssertionError(
                f"{player} adds {amount(worth)} to every coalition, "
                f"but {verb} {amount(case.shares[i])}"
            )


def assert_budget_balanced(
    payments: Any,
    *,
    total: Any = 0,
    surplus_allowed: bool = False,
    tolerance: float | None = None,
) -> None:
    """Fail unless payments add up, in exact arithmetic.

    Parameters
    ----------
    payments : settlement, mapping or sequence
        Who pays what; negative amounts are received. Bills of any number type. Of a settlement
        those count who take part and those outside, such as a load that does not bid.
    total : number, default 0
        What they add up to: the bill of the community, for example.
    surplus_allowed : bool, default False
        Whether more may come in.
    tolerance : float, optional
        Absolute; by default 1e-9 of the sum of all amounts, and at least 1e-12, if some of them
        are floating point, else 0.

    Raises
    ------
    AssertionError
        The deficit or the surplus.

    Examples
    --------
    >>> from decimal import Decimal
    >>> bills = {"ann": Decimal("31.67"), "bob": Decimal("18.34")}
    >>> assert_budget_balanced(bills, total=50)
    Traceback (most recent call last):
    AssertionError: a surplus of 0.01: 50.01 comes in, 50 goes out
    """
    amounts = [*_amounts(payments), -total]
    exact = [Fraction(value) for value in amounts]
    if tolerance is None:
        rounded = any(isinstance(value, (float, np.floating)) for value in amounts)
        tolerance = tolerance_of(None, float(sum(map(abs, exact)))) if rounded else 0.0
    gap = sum(exact, Fraction(0))
    if gap < -tolerance or (gap > tolerance and not surplus_allowed):
        comes_in = sum((value for value in exact if value > 0), Fraction(0))
        raise AssertionError(
            f"a {'deficit' if gap < 0 else 'surplus'} of {amount(abs(gap))}: "
            f"{amount(comes_in)} comes in, {amount(comes_in - gap)} goes out"
        )


def _amounts(payments: Any) -> Iterator[Any]:
    if isinstance(payments, Settlement):
        yield from payments.payments
        yield from (paid for _, paid in payments.outside.values())
    elif isinstance(payments, Allocation):
        yield from payments.values
    elif isinstance(payments, Mapping):
        yield from payments.values()
    else:
        yield from payments
