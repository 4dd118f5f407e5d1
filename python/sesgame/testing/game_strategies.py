"""Hypothesis strategies for games: of any class, exact in floating point, and shrinking to zeros.

A game of a class is made so that it is in it, nothing is filtered. All numbers are integers, or
integers of one binary unit, so that sums of them are exact and ties are real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from hypothesis import strategies as st

from sesgame.game.allocation import Kind
from sesgame.game.game import Game
from sesgame.games import airport, bankruptcy, weighted_vote

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["airport_games", "bankruptcy_games", "games", "lists_of", "number_of", "voting_games"]

Count = int | st.SearchStrategy[int] | None
"""A number, a strategy for it, or whatever is the default."""

DRAWN_ONE_BY_ONE = 64
"""Values; where there are more, one seed is drawn for all of them."""


def number_of(count: Count, smallest: int, largest: int) -> st.SearchStrategy[int]:
    """Return a strategy for a number that may be given, or a strategy already."""
    if isinstance(count, int):
        return st.just(count)
    return st.integers(smallest, largest) if count is None else count


def lists_of(
    elements: st.SearchStrategy[Any], count: Count, smallest: int, largest: int
) -> st.SearchStrategy[list[Any]]:
    """Return a strategy for lists of a length that may be given; else they shrink by element."""
    if count is None:
        return st.lists(elements, min_size=smallest, max_size=largest)
    return number_of(count, smallest, largest).flatmap(
        lambda length: st.lists(elements, min_size=length, max_size=length)
    )


@st.composite
def games(
    draw: st.DrawFn,
    n: Count = None,
    kind: Kind | None = None,
    *,
    convex: bool = False,
    superadditive: bool = False,
    balanced: bool = False,
    monotone: bool = False,
    twins: bool = False,
    dummy: bool = False,
    integer: bool = True,
) -> Game:
    r"""Return a strategy for games of all sorts, or of a class.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of players; 1 to 5 by default. Up to 6 each value is drawn, beyond only a seed,
        which shrinks less well.
    kind : {"gain", "cost"}, optional
        By default either.
    convex : bool, default False
        :math:`v(S \cup T) + v(S \cap T) \ge v(S) + v(T)`; a mean of unanimity games, bankruptcies
        and what players are worth alone. Convex games are superadditive and balanced.
    superadditive : bool, default False
        :math:`v(S \cup T) \ge v(S) + v(T)` for disjoint S and T.
    balanced : bool, default False
        The core is not empty.
    monotone : bool, default False
        Nobody makes a coalition worth less; of costs: nobody makes it cheaper.
    twins : bool, default False
        Two players are symmetric, where there are two.
    dummy : bool, default False
        Somebody adds the same to every coalition.
    integer : bool, default True
        Values are small integers. Otherwise integers up to a million times a power of 2 from
        2^-20 to 2^20.

    Returns
    -------
    SearchStrategy of Game
        Its players are 0, 1, ..., n-1. A cost game is of a class when what it saves is,
        :math:`v(S) = \sum_{i \in S} a_i - c(S)` for any a: convex costs are those that are
        submodular.

    Notes
    -----
    A superadditive game takes 3^n steps in Python: up to about 10 players.

    References
    ----------
    Shapley (1971) for convex games [shapley1971]_.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(games(n=3, kind="gain", superadditive=True))
    ... def test(game):
    ...     assert game.value([0, 1, 2]) >= game.value([0, 1]) + game.value([2])
    >>> test()
    """
    n_players = draw(number_of(n, 1, 5))
    # A dummy joins in the end, so that what the others play is still of the class.
    others = n_players - dummy
    sense = draw(st.sampled_from(get_args(Kind))) if kind is None else kind
    span = draw(st.sampled_from([1, 3, 50] if integer else [1, 50, 10**6]))
    lowest = 0 if monotone and sense == "gain" else -span
    if convex:
        table = _convex(draw, others, lowest, span)
    else:
        size = (1 << others) - 1
        table = np.append(0, _numbers(draw, size, 0 if balanced else lowest, span))
        if balanced:
            # What each coalition lacks of what a point of the core gives it; all lack nothing.
            table[-1] = 0
            table = _sums(_numbers(draw, others, lowest, span)) - table
        if lowest == 0:
            _raise_to_subsets(table, others)
        if superadditive:
            _raise_to_partitions(table)
    if twins and others > 1:
        one, two = draw(st.permutations(range(others)))[:2]
        table = table + table[_swapped(others, one, two)]
    if sense == "cost":
        alone = _largest_contributions(table, others) if monotone else np.zeros(others, np.int64)
        table = _sums(alone) - table
    if dummy:
        position = draw(st.integers(0, others))
        worth = draw(st.integers(0 if monotone else -span, span))
        masks = np.arange(1 << n_players)
        rest = masks & (1 << position) - 1 | masks >> position + 1 << position
        table = table[rest] + worth * (masks >> position & 1)
    unit = 1.0 if integer else 2.0 ** draw(st.integers(-20, 20))
    # Built by Hypothesis, it is printed with its values.
    values = (unit * table).tolist()
    return draw(st.builds(Game.from_table, st.just(values), kind=st.just(sense)))


def airport_games(n: Count = None) -> st.SearchStrategy[Game]:
    """Return a strategy for :func:`sesgame.games.airport`.

    Cost games, convex and monotone, whose Shapley value and nucleolus have a closed form.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of players; 1 to 8 by default.

    Returns
    -------
    SearchStrategy of Game

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given
    >>> @given(airport_games(n=4))
    ... def test(game):
    ...     assert sg.core_check(game, sg.shapley_value(game)).in_core
    >>> test()
    """
    return number_of(n, 1, 8).flatmap(lambda n: _lists(n, 50)).map(airport)


@st.composite
def bankruptcy_games(draw: st.DrawFn, n: Count = None) -> Game:
    """Return a strategy for :func:`sesgame.games.bankruptcy`.

    Gain games, convex and monotone, with claims and an estate that may be nothing.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of players; 1 to 8 by default.

    Returns
    -------
    SearchStrategy of Game

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given
    >>> @given(bankruptcy_games(n=4))
    ... def test(game):
    ...     assert sg.core_check(game, sg.nucleolus(game)).in_core
    >>> test()
    """
    claims = draw(number_of(n, 1, 8).flatmap(lambda n: _lists(n, 50)))
    return draw(st.builds(bankruptcy, st.integers(0, sum(claims)), st.just(claims)))


@st.composite
def voting_games(draw: st.DrawFn, n: Count = None) -> Game:
    """Return a strategy for :func:`sesgame.games.weighted_vote`.

    Gain games with values 0 and 1, monotone; the quota may be out of reach.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of players; 1 to 8 by default.

    Returns
    -------
    SearchStrategy of Game

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given
    >>> @given(voting_games(n=4))
    ... def test(game):
    ...     assert sg.banzhaf_value(game).values.min() >= 0
    >>> test()
    """
    weights = draw(number_of(n, 1, 8).flatmap(lambda n: _lists(n, 12)))
    return draw(st.builds(weighted_vote, st.just(weights), st.integers(1, sum(weights) + 1)))


def _lists(size: int, highest: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, highest), min_size=size, max_size=size)


def _numbers(draw: st.DrawFn, size: int, lowest: int, highest: int) -> NDArray[np.int64]:
    if size >= DRAWN_ONE_BY_ONE:
        random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        return random.integers(lowest, highest + 1, size)
    values = draw(st.lists(st.integers(lowest, highest), min_size=size, max_size=size))
    return np.array(values, dtype=np.int64)


def _sums(worths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the table of an additive game."""
    table = np.zeros(1, dtype=np.int64)
    for worth in worths:
        table = np.concatenate([table, table + worth])
    return table


def _convex(draw: st.DrawFn, n_players: int, lowest: int, span: int) -> NDArray[np.int64]:
    table = np.append(0, _numbers(draw, (1 << n_players) - 1, 0, span))
    for player in range(n_players):  # dividends to values: a sum over all subsets
        _pairs(table, player)[:, 1] += _pairs(table, player)[:, 0]
    # These have negative dividends; without them there would only be part of the convex games.
    for _ in range(draw(st.integers(0, 2))):
        claims = _sums(_numbers(draw, n_players, 0, span))
        table += np.maximum(claims - draw(st.integers(0, int(claims[-1]))), 0)
    return table + _sums(_numbers(draw, n_players, lowest, span))


def _pairs(table: NDArray[np.int64], player: int) -> NDArray[np.int64]:
    """Return a view of shape (., 2, .): without the player, and with it."""
    return table.reshape(-1, 2, 1 << player)


def _raise_to_subsets(table: NDArray[np.int64], n_players: int) -> None:
    """Let every coalition have what the best of its subsets has."""
    for player in range(n_players):
        without, with_player = _pairs(table, player).transpose(1, 0, 2)
        np.maximum(without, with_player, out=with_player)


def _raise_to_partitions(table: NDArray[np.int64]) -> None:
    """Let every coalition have what the best of its partitions has."""
    for mask in range(1, len(table)):
        part = (mask - 1) & mask
        while part > mask ^ part:
            table[mask] = max(table[mask], table[part] + table[mask ^ part])
            part = (part - 1) & mask


def _swapped(n_players: int, one: int, two: int) -> NDArray[np.int64]:
    """Return the mask of each coalition in which two players have changed places."""
    masks = np.arange(1 << n_players)
    differs = (masks >> one ^ masks >> two) & 1
    return masks ^ (differs << one | differs << two)


def _largest_contributions(table: NDArray[np.int64], n_players: int) -> NDArray[np.int64]:
    pairs = (_pairs(table, player) for player in range(n_players))
    return np.array([(pair[:, 1] - pair[:, 0]).max() for pair in pairs], dtype=np.int64)
