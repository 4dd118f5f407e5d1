"""What should hold of a rule on related games: renamed, moved, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.game.game import Game
from sesgame.testing.allocation_checks import Shares, shares_of
from sesgame.testing.precision import amount, tolerance_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["assert_additive", "assert_anonymous", "assert_covariant"]

Rule = Callable[[Game], Any]
"""From a game to an allocation, a mapping or a sequence."""


def assert_anonymous(
    rule: Rule, game: Game, order: Iterable[int] | None = None, *, tolerance: float | None = None
) -> None:
    """Fail unless everybody gets the same in whatever order the players are listed.

    Parameters
    ----------
    rule : callable
        From game to outcome.
    game : Game
        Whose players are listed again.
    order : iterable of int, optional
        Of the players' indices; the reverse by default.
    tolerance : float, optional
        Absolute; by default 1e-9 of the largest value of any coalition.

    Raises
    ------
    AssertionError
        A player whose share changes.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 1, 2, 9], ["a", "b"], kind="gain")
    >>> assert_anonymous(lambda game: [9, 0], game)
    Traceback (most recent call last):
    AssertionError: b gets 0, but 9 when the players are listed as b, a
    """
    indices = list(reversed(range(game.n_players)) if order is None else order)
    labels = [game.players[index] for index in indices]
    masks = np.arange(1 << game.n_players)
    old = sum((masks >> new & 1) << index for new, index in enumerate(indices))
    table = game.tabulate(progress=False)
    renamed = Game.from_table(table[old], labels, kind=game.kind)
    again = shares_of(renamed.players, rule(renamed))
    _assert_equal(
        game,
        shares_of(game.players, rule(game))[indices],
        again,
        f"when the players are listed as {', '.join(map(str, labels))}",
        tolerance,
        labels,
    )


def assert_covariant(
    rule: Rule,
    game: Game,
    *,
    unit: float = 2.0,
    alone: ArrayLike | None = None,
    tolerance: float | None = None,
) -> None:
    r"""Fail unless a change of unit, and of what each has alone, carries over.

    .. math:: w(S) = u \, v(S) + \sum_{i \in S} a_i \implies x_i(w) = u \, x_i(v) + a_i

    Parameters
    ----------
    rule, game, tolerance
        As in :func:`assert_anonymous`.
    unit : float, default 2
        u, positive.
    alone : array_like of float, shape (n,), optional
        a; 1, 2, ..., n times the largest value by default.

    Raises
    ------
    AssertionError
        A player whose share does not follow.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 1, 2, 9], ["a", "b"], kind="gain")
    >>> assert_covariant(lambda game: [game.value(["a", "b"]) / 2] * 2, game, alone=[1, 0])
    Traceback (most recent call last):
    AssertionError: a gets 9.5, but 10 follows from a change of unit and of worths alone
    """
    n = game.n_players
    added = game.scale * np.arange(1, n + 1) if alone is None else np.asarray(alone, np.float64)
    members = np.arange(1 << n)[:, np.newaxis] >> np.arange(n) & 1
    moved = Game.from_table(
        unit * game.tabulate(progress=False) + members @ added, game.players, kind=game.kind
    )
    expected = unit * shares_of(game.players, rule(game)).astype(np.float64) + added
    found = shares_of(game.players, rule(moved))
    reason = "follows from a change of unit and of worths alone"
    _assert_equal(moved, found, expected, reason, tolerance)


def assert_additive(rule: Rule, one: Game, other: Game, *, tolerance: float | None = None) -> None:
    r"""Fail unless what is got in two games is got in their sum: :math:`x(v + w) = x(v) + x(w)`.

    Parameters
    ----------
    rule, tolerance
        As in :func:`assert_anonymous`.
    one, other : Game
        Of the same players and kind.

    Raises
    ------
    AssertionError
        A player whose shares do not add up.

    Examples
    --------
    >>> import sesgame as sg
    >>> one = sg.Game.from_table([0, 0, 2, 9], ["a", "b"], kind="gain")
    >>> other = sg.Game.from_table([0, 3, 1, 6], ["a", "b"], kind="gain")
    >>> assert_additive(lambda game: [max(game.tabulate()[1:3]), 0], one, other)
    Traceback (most recent call last):
    AssertionError: a gets 3, but 5 in the two games one by one
    """
    together = Game.from_table(
        one.tabulate(progress=False) + other.tabulate(progress=False), one.players, kind=one.kind
    )
    found = shares_of(one.players, rule(together))
    separate = shares_of(one.players, rule(one)) + shares_of(one.players, rule(other))
    scale = max(one.scale, other.scale)
    if tolerance is None:
        tolerance = tolerance_of(None, [scale, together.scale])
    _assert_equal(together, found, separate, "in the two games one by one", tolerance)


def _assert_equal(
    game: Game,
    found: Shares,
    expected: Shares,
    reason: str,
    tolerance: float | None,
    players: list[Any] | None = None,
) -> None:
    gaps = np.abs(found - expected)
    worst = int(np.argmax(gaps))
    if gaps[worst] > tolerance_of(tolerance, [game.scale], found):
        who = (players or list(game.players))[worst]
        verb = "gets" if game.kind == "gain" else "pays"
        raise AssertionError(
            f"{who} {verb} {amount(found[worst])}, but {amount(expected[worst])} {reason}"
        )
