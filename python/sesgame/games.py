"""Structured games: costs, votes, claims, loads, trees and graphs, evaluated in Rust.

Each function returns a :class:`~sesgame.Game` of any number of players. The engine walks through
their coalitions on all cores, so that :func:`sesgame.shapley_estimate` serves thousands of players,
and where the structure gives the Shapley value :func:`sesgame.shapley_value` takes it:

============================  =========================================  ==========================
game                          value of a coalition S                     exact for any n by
============================  =========================================  ==========================
:func:`airport`               the largest cost                           sharing each stretch
:func:`assignment`            the best matching of rows and columns      (up to 30 players)
:func:`induced_subgraph`      the weights of the pairs within S          halving each pair
:func:`weighted_vote`         1 if the weights reach the quota           Owen's integral
:func:`bankruptcy`            what the others' claims leave              Owen's integral
:func:`excess`                what the load is above a limit, per step   Owen's integral
:func:`netting`               the bill of the net load, per step         Owen's integral
:func:`peak`                  the largest load of each billing period    (up to 30 players)
:func:`spanning_tree`         the cheapest connection to a source        (up to 30 players)
============================  =========================================  ==========================
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import (
    airport_game,
    assignment_game,
    bankruptcy_game,
    excess_game,
    induced_subgraph_game,
    netting_game,
    peak_game,
    spanning_tree_game,
)
from sesgame._engine import weighted_vote as engine_weighted_vote
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame._engine import NativeGame
    from sesgame.game.allocation import Kind

__all__ = [
    "airport",
    "assignment",
    "bankruptcy",
    "excess",
    "induced_subgraph",
    "netting",
    "peak",
    "spanning_tree",
    "weighted_vote",
]


@checked_arguments
def airport(costs: ArrayLike, *, players: Iterable[Hashable] | None = None) -> Game:
    r"""Return the game of a facility that has to be as large as its largest user needs.

    .. math:: c(S) = \max_{i \in S} c_i

    Parameters
    ----------
    costs : array_like of float, shape (n,)
        What a facility costs that is large enough for each player; at least 0.
    players : iterable of hashable, optional
        One label for each player; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="cost"``.

    Raises
    ------
    GameError
        There is no player, or a cost is negative or not a number.

    Notes
    -----
    The Shapley value shares each stretch between two costs equally among those who need it
    [littlechild1973]_: O(n log n) for any n.

    Examples
    --------
    >>> import sesgame as sg
    >>> sg.shapley_value(sg.games.airport([6.0, 12.0, 30.0])).values.tolist()
    [2.0, 5.0, 23.0]
    """
    return _game(lambda: native_from(airport_game, _numbers("costs", costs, 1)), players, "cost")


@checked_arguments
def assignment(worth: ArrayLike, *, players: Iterable[Hashable] | None = None) -> Game:
    r"""Return the game of buyers and sellers who make at most one contract each.

    .. math:: v(S) = \max \textstyle\sum_{(i, j)} a_{ij}
        \text{ over the pairings of rows and columns within } S

    Parameters
    ----------
    worth : array_like of float, shape (m, n)
        What each row and each column gain together; at least 0.
    players : iterable of hashable, optional
        The labels of the m rows and then of the n columns; 0, 1, ..., m+n-1 by default.

    Returns
    -------
    Game
        ``kind="gain"``, of m + n players.

    Raises
    ------
    GameError
        There is no row or no column, or a worth is negative, infinite or not a number.

    Notes
    -----
    The Hungarian method [kuhn1955]_: O(min(k, l)^2 max(k, l)) for a coalition of k rows and l
    columns. The core is never empty [shapleyshubik1971]_. For rules of hundreds of players, whose
    coalitions nobody can list, there is :class:`sesgame.markets.Matching`.

    Examples
    --------
    >>> import sesgame as sg
    >>> houses = sg.games.assignment([[5, 8, 2], [7, 9, 6], [2, 3, 0]])
    >>> houses.value([0, 1, 2, 3, 4, 5]), houses.value([0, 3])
    (16.0, 5.0)
    """
    return _game(lambda: native_from(assignment_game, _numbers("worth", worth, 2)), players, "gain")


@checked_arguments
def weighted_vote(
    weights: ArrayLike, quota: float, *, players: Iterable[Hashable] | None = None
) -> Game:
    r"""Return the vote in which the coalitions win whose weights reach a quota.

    .. math:: v(S) = 1 \text{ if } \sum_{i \in S} w_i \ge q, \text{ else } 0

    Parameters
    ----------
    weights : array_like of float, shape (n,)
        The votes of each player; at least 0.
    quota : float
        The votes that win; positive.
    players : iterable of hashable, optional
        One label for each player; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="gain"``; its Shapley value is the Shapley-Shubik index [shapley1954]_.

    Raises
    ------
    GameError
        There is no player, a weight is negative or not a number, or the quota is not positive.

    Notes
    -----
    Weights and quota of up to 15 digits count as the decimals that they are written as, and whole
    numbers as they are: 0.7 and 0.1 reach 0.8, in whatever order they are added. Where a number has
    more digits, it was calculated, and a sum reaches the quota that is short of it by rounding
    only: by at most ``(n + 1) * 2**-50`` of the quota. Values and Shapley value have the one rule.

    For more than 30 players the exact value needs weights that are multiples of a common quantum
    of at least a millionth of the largest.

    Examples
    --------
    >>> import sesgame as sg
    >>> council = sg.games.weighted_vote([3, 1, 1, 1], quota=4)
    >>> sg.shapley_value(council).values.round(4).tolist()
    [0.75, 0.0833, 0.0833, 0.0833]
    """
    return _game(
        lambda: native_from(
            engine_weighted_vote, _numbers("weights", weights, 1), _number("quota", quota)
        ),
        players,
        "gain",
    )


@checked_arguments
def bankruptcy(
    estate: float, claims: ArrayLike, *, players: Iterable[Hashable] | None = None
) -> Game:
    r"""Return the game of creditors whose claims add up to more than there is.

    .. math:: v(S) = \max\Bigl(E - \sum_{i \notin S} d_i, \; 0\Bigr)

    Parameters
    ----------
    estate : float
        What there is to share, E; at most the sum of the claims.
    claims : array_like of float, shape (n,)
        The claim of each player, d; at least 0.
    players : iterable of hashable, optional
        One label for each player; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="gain"``: what a coalition is left with when everybody else is paid in full
        [oneill1982]_. Its nucleolus is the rule of the Talmud [aumann1985]_, its Shapley value
        the mean over the orders in which claims could be served as long as there is something.

    Raises
    ------
    GameError
        There is no player, a claim is negative or not a number, or the estate is negative or more
        than the claims, rounding aside.

    Examples
    --------
    >>> import sesgame as sg
    >>> sg.shapley_value(sg.games.bankruptcy(200, [100, 200, 300])).values.round(2).tolist()
    [33.33, 83.33, 83.33]
    """
    return _game(
        lambda: native_from(
            bankruptcy_game, _number("estate", estate), _numbers("claims", claims, 1)
        ),
        players,
        "gain",
    )


@checked_arguments
def excess(
    load: ArrayLike,
    limit: ArrayLike,
    price: ArrayLike = 1.0,
    *,
    players: Iterable[Hashable] | None = None,
) -> Game:
    r"""Return the game in which a load above a limit is charged, step by step.

    .. math:: c(S) = \sum_t p_t \max\Bigl(\sum_{i \in S} L_{it} - m_t, \; 0\Bigr)

    Parameters
    ----------
    load : array_like of float, shape (n, T)
        The load of each player in each step; generation is negative.
    limit : array_like of float, shape () or (T,)
        What may be drawn without a charge, m; at least 0.
    price : array_like of float, shape () or (T,)
        The charge of each unit above, p.
    players : iterable of hashable, optional
        One label for each player; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="cost"``.

    Raises
    ------
    GameError
        The shapes do not fit, a limit is negative, or something is not a number.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.games.excess([[3.0, 0.0], [2.0, 4.0]], limit=2.5, price=10.0)
    >>> game.value([0]), game.value([1]), game.value([0, 1])
    (5.0, 15.0, 40.0)
    """

    def make() -> NativeGame:
        loads = _numbers("load", load, 2)
        return native_from(
            excess_game, loads, _per_step("limit", limit, loads), _per_step("price", price, loads)
        )

    return _game(make, players, "cost")


@checked_arguments
def netting(
    net_load_kwh: ArrayLike,
    buy_per_kwh: ArrayLike,
    sell_per_kwh: ArrayLike,
    *,
    players: Iterable[Hashable] | None = None,
) -> Game:
    r"""Return the game in which a coalition pays for its net load under two prices.

    .. math:: c(S) = \sum_t \bigl( b_t L_t(S)^+ - s_t L_t(S)^- \bigr), \qquad
              L_t(S) = \sum_{i \in S} L_{it}

    Parameters
    ----------
    net_load_kwh : array_like of float, shape (n, T)
        Load minus generation of each player in each step.
    buy_per_kwh, sell_per_kwh : array_like of float, shape () or (T,)
        What a kWh from the grid costs, b, and what one to the grid earns, s.
    players : iterable of hashable, optional
        One label for each player; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="cost"``: that of :meth:`sesgame.energy.Community.cost_game` without batteries. Where
        s is above b in a step, to join costs money there: the game is not subadditive.

    Raises
    ------
    GameError
        The shapes do not fit, or something is not a number.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.games.netting([[1.0, 2.0], [-3.0, 1.0]], 0.30, 0.10)
    >>> sg.shapley_value(game).values.round(6).tolist()
    [0.8, -0.1]
    """

    def make() -> NativeGame:
        loads = _numbers("net_load_kwh", net_load_kwh, 2)
        return native_from(
            netting_game,
            loads,
            _per_step("buy_per_kwh", buy_per_kwh, loads),
            _per_step("sell_per_kwh", sell_per_kwh, loads),
        )

    return _game(make, players, "cost")


@checked_arguments
def peak(
    load_kw: ArrayLike,
    price_per_kw: ArrayLike,
    *,
    periods: Sequence[Hashable] | NDArray[np.generic] | None = None,
    players: Iterable[Hashable] | None = None,
) -> Game:
    r"""Return the game of a demand charge: the largest load of each billing period is paid for.

    .. math:: c(S) = \sum_p \pi_p \max_{t \in p} \Bigl(\sum_{i \in S} L_{it}\Bigr)^+

    Parameters
    ----------
    load_kw : array_like of float, shape (n, T)
        The load of each player in each step; generation is negative.
    price_per_kw : array_like of float, shape () or (number of periods,)
        What a kW of the peak costs in each period; at least 0.
    periods : sequence of hashable, shape (T,), optional
        The billing period of each step, such as its month; a period is a run of equal labels. By
        default all steps are one period.
    players : iterable of hashable, optional
        One label for each player; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="cost"``. Where each step is a period of its own, the game is :func:`excess` with
        limit 0, and exact for any n.

    Raises
    ------
    GameError
        The shapes do not fit, a price is negative, or something is not a number.

    Examples
    --------
    >>> import sesgame as sg
    >>> load_kw = [[3.0, 0.0, 1.0], [2.0, 4.0, 1.0]]
    >>> game = sg.games.peak(load_kw, 10.0, periods=["jan", "jan", "feb"])
    >>> game.value([0]), game.value([1]), game.value([0, 1])
    (40.0, 50.0, 70.0)
    """

    def make() -> NativeGame:
        loads = _numbers("load_kw", load_kw, 2)
        n_steps = loads.shape[1]
        if isinstance(periods, (str, bytes)) or not isinstance(periods, (Iterable, type(None))):
            raise GameError(f"periods must be a list of labels, got {named(periods)}")
        labels = [0] * n_steps if periods is None else list(periods)
        if len(labels) != n_steps:
            raise GameError(f"there are {len(labels)} periods for {n_steps} steps")
        if any(isinstance(label, np.ndarray) for label in labels):
            raise GameError("periods must be one label for each step, got arrays")
        ends = [step for step in range(1, n_steps) if labels[step] != labels[step - 1]]
        ends.append(n_steps)
        try:
            price = np.broadcast_to(_numbers("price_per_kw", price_per_kw), (len(ends),))
        except ValueError:
            raise GameError(
                f"price_per_kw has shape {np.shape(price_per_kw)} for {len(ends)} periods"
            ) from None
        if len(ends) == n_steps > 1 and (price >= 0).all():
            return native_from(excess_game, loads, np.zeros(n_steps), np.ascontiguousarray(price))
        return native_from(peak_game, loads, ends, np.ascontiguousarray(price))

    return _game(make, players, "cost")


@checked_arguments
def spanning_tree(costs: ArrayLike, *, players: Iterable[Hashable] | None = None) -> Game:
    r"""Return the game of a network that connects its members to a source.

    .. math:: c(S) = \text{the cost of a minimum spanning tree on } S \cup \{0\}

    Parameters
    ----------
    costs : array_like of float, shape (n + 1, n + 1)
        What an edge costs between two nodes, of which the first is the source: symmetric, at
        least 0; the diagonal does not count.
    players : iterable of hashable, optional
        One label for each node but the source; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="cost"``; members connect through each other but not through others [bird1976]_.

    Raises
    ------
    GameError
        The matrix is not square and symmetric, or a cost is negative or not a number.

    Notes
    -----
    A member who joins takes O(k log k) for a coalition of k.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.games.spanning_tree([[0, 5, 7], [5, 0, 3], [7, 3, 0]], players=["ann", "bob"])
    >>> game.value(["ann"]), game.value(["bob"]), game.value(["ann", "bob"])
    (5.0, 7.0, 8.0)
    """
    return _game(lambda: native_from(spanning_tree_game, _square("costs", costs)), players, "cost")


@checked_arguments
def induced_subgraph(weights: ArrayLike, *, players: Iterable[Hashable] | None = None) -> Game:
    r"""Return the game of what players are worth to each other, pair by pair.

    .. math:: v(S) = \sum_{i \in S} w_{ii} + \sum_{\{i, j\} \subseteq S} w_{ij}

    Parameters
    ----------
    weights : array_like of float, shape (n, n)
        Symmetric; the diagonal is what each player is worth alone. May be negative.
    players : iterable of hashable, optional
        One label for each player; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="gain"``.

    Raises
    ------
    GameError
        The matrix is not square and symmetric, or a weight is not a number.

    Notes
    -----
    The Shapley value gives each player half of each of its pairs [deng1994]_: O(n^2) for any n.

    Examples
    --------
    >>> import sesgame as sg
    >>> sg.shapley_value(sg.games.induced_subgraph([[1, 4], [4, 0]])).values.tolist()
    [3.0, 2.0]
    """
    return _game(
        lambda: native_from(induced_subgraph_game, _square("weights", weights)), players, "gain"
    )


def _game(make: Callable[[], NativeGame], players: Iterable[Hashable] | None, kind: Kind) -> Game:
    try:
        native = make()
    except GameError:
        raise
    except ValueError as error:  # what the engine refuses
        raise GameError(str(error)) from None
    return Game.from_native(native, players, kind=kind)


def _number(name: str, value: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} must be a number, got {value!r}") from error


def _numbers(name: str, values: ArrayLike, dimensions: int | None = None) -> NDArray[np.float64]:
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
    if dimensions is not None and array.ndim != dimensions:
        raise GameError(
            f"{name} has shape {np.shape(values)}; it needs {dimensions} dimension"
            f"{'s' if dimensions > 1 else ''}"
        )
    return array


def _square(name: str, values: ArrayLike) -> NDArray[np.float64]:
    matrix = _numbers(name, values, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise GameError(f"{name} must be a square matrix, got shape {matrix.shape}")
    return matrix


def _per_step(name: str, values: ArrayLike, loads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one number for each step."""
    n_steps = loads.shape[1]
    try:
        return np.ascontiguousarray(np.broadcast_to(_numbers(name, values), (n_steps,)))
    except ValueError:
        raise GameError(f"{name} has shape {np.shape(values)} for {n_steps} steps") from None
