"""The public grid: who feeds in shares with who draws, while each keeps a contract of its own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import netting_game
from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.native_source import native_from
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["sharing_game"]


@checked_arguments
def sharing_game(
    deficit_kwh: ArrayLike,
    surplus_kwh: ArrayLike,
    buy_per_kwh: ArrayLike,
    sell_per_kwh: ArrayLike,
    fee_per_kwh: ArrayLike = 0.0,
    *,
    players: Iterable[Hashable] | None = None,
) -> Game:
    r"""Return the game of members who share over the public grid and keep their contracts.

    What one feeds in while another draws is shared at a local fee instead of being sold and bought.
    In each step a coalition shares what is worth it, dearest buyers and cheapest sellers first:

    .. math:: c(S) = \sum_{i \in S, t} (b_{it} d_{it} - s_{it} g_{it})
              - \sum_t \max_{x_t} \sum_{i, j \in S} (b_{it} - s_{jt} - f_t) x_{ijt}

    over all :math:`x_{ijt} \ge 0` that meet no more than the deficits and take no more than the
    surpluses, :math:`\sum_j x_{ijt} \le d_{it}` and :math:`\sum_i x_{ijt} \le g_{jt}`.

    Parameters
    ----------
    deficit_kwh, surplus_kwh : array_like of float, shape (n, T)
        What each member draws, d, and feeds in, g, in each step; at least 0. A member may have both
        in one step, as with several meters: that is shared like what others have, fee included.
    buy_per_kwh, sell_per_kwh : array_like of float, shape (), (n,) or (n, T)
        What each member's own contract charges and pays, b and s. Whoever is paid more than others
        are charged shares nothing with them.
    fee_per_kwh : array_like of float, shape () or (T,), default 0
        What a shared kWh costs still, f: reduced grid fees and taxes.
    players : iterable of hashable, optional
        One label for each member; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="cost"``. It is totally balanced: no group has a reason to leave at prices that clear
        each step. :func:`sesgame.shapley_value` is exact for any number of members.

    Raises
    ------
    GameError
        Shapes do not fit, a number is not finite, or energy is negative.

    Notes
    -----
    With :math:`D_t(p)` the deficits whose buy price is at least p, and :math:`G_t(p)` the surpluses
    whose sell price and fee are at most p, what a coalition gains in a step is
    :math:`\int \min(D_t(p), G_t(p)) \, dp`: netting, :math:`D - (D - G)^+`, between each two
    neighbouring prices, weighted by how far these are apart. So it is a netting game with a row for
    each step and gap between prices, W in all: O(W) for each coalition, and n W numbers of memory.

    Examples
    --------
    A roof, and two neighbours with contracts of 0.32 and 0.25 per kWh, at a local fee of 0.09:

    >>> import sesgame as sg
    >>> game = sg.energy.sharing_game(
    ...     [[0.0], [2.0], [2.0]], [[3.0], [0.0], [0.0]], [0.30, 0.32, 0.25], 0.08, 0.09,
    ...     players=["roof", "dear", "cheap"],
    ... )
    >>> round(game.value(["roof", "cheap"]), 2), round(game.value(["roof", "dear", "cheap"]), 2)
    (0.1, 0.52)
    >>> sg.shapley_value(game).values.round(4).tolist()
    [-0.4433, 0.5167, 0.4467]
    """
    deficit, surplus = _energy("deficit_kwh", deficit_kwh), _energy("surplus_kwh", surplus_kwh)
    if deficit.shape != surplus.shape:
        raise GameError(
            f"deficit_kwh has shape {deficit.shape}, and surplus_kwh {surplus.shape}; they are of "
            f"the same members and steps"
        )
    n_members, n_steps = deficit.shape
    labels = Players(range(n_members) if players is None else players)
    if len(labels) != n_members:
        raise GameError(f"there are {len(labels)} labels for {n_members} members")
    buy = _prices("buy_per_kwh", buy_per_kwh, (n_members, n_steps))
    sell = _prices("sell_per_kwh", sell_per_kwh, (n_members, n_steps))
    fee = _prices("fee_per_kwh", fee_per_kwh, (n_steps,))
    net, gaps, shared = _netted(deficit, surplus, buy, sell + fee)
    # What all pay alone, and the D of the netting, add up over members: a row of equal prices.
    alone = (buy * deficit - sell * surplus).sum(axis=1) - shared
    native = native_from(
        netting_game,
        np.column_stack([net, alone]),
        np.append(gaps, 1.0),
        np.append(np.zeros(len(gaps)), 1.0),
    )
    return Game.from_native(native, labels, kind="cost")


def _netted(deficit: Array, surplus: Array, buy: Array, ask: Array) -> tuple[Array, Array, Array]:
    """Return the game as netting: who is on which side of each gap between two prices.

    Returns
    -------
    net : array, shape (n, W)
        By member and gap of a step, deficit at or above the upper price less surplus at or below
        the lower one; only gaps across which there is both.
    gaps : array, shape (W,)
        How far the two prices are apart.
    shared : array, shape (n,)
        What deficits above gaps are worth, by member: their energy times the gaps.
    """
    nets: list[Array] = []
    gaps: list[Array] = []
    shared = np.zeros(len(deficit))
    for steps in _alike(np.vstack([buy, ask])):
        charged, asked = buy[:, steps[0]], ask[:, steps[0]]
        prices = np.unique(np.concatenate([charged, asked]))
        for lower, upper in pairwise(prices.tolist()):
            above = deficit[:, steps] * (charged >= upper)[:, np.newaxis]
            below = surplus[:, steps] * (asked <= lower)[:, np.newaxis]
            both = above.any(axis=0) & below.any(axis=0)
            if both.any():
                nets.append((above - below)[:, both])
                gaps.append(np.full(int(both.sum()), upper - lower))
                shared += (upper - lower) * above[:, both].sum(axis=1)
    if not nets:
        return np.zeros((len(deficit), 0)), np.zeros(0), shared
    return np.concatenate(nets, axis=1), np.concatenate(gaps), shared


def _alike(prices: Array) -> list[NDArray[np.intp]]:
    """Return the steps in which all contracts have the same prices, and so the same gaps."""
    if (prices == prices[:, :1]).all():
        return [np.arange(prices.shape[1])]
    _, kinds = np.unique(prices, axis=1, return_inverse=True)
    order = np.argsort(kinds.ravel(), kind="stable")
    return np.split(order, np.flatnonzero(np.diff(kinds.ravel()[order])) + 1)


def _energy(name: str, values: ArrayLike) -> Array:
    energy = _numbers(name, values)
    if energy.ndim != 2 or energy.size == 0:
        raise GameError(f"{name} has shape {energy.shape}; it needs members and steps")
    if (energy < 0).any():
        member, step = np.argwhere(energy < 0)[0].tolist()
        raise GameError(
            f"{name} of member {member} is {energy[member, step]} in step {step}; it is at least 0"
        )
    return energy


def _prices(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return prices by member and step, or by step."""
    prices = _numbers(name, values)
    if len(shape) == 2 and prices.ndim == 1:
        prices = prices[:, np.newaxis]
    try:
        return np.broadcast_to(prices, shape)
    except ValueError:
        allowed = "(), (n,) or (n, T)" if len(shape) == 2 else "() or (T,)"
        sizes = " and ".join(map(str, shape))
        raise GameError(
            f"{name} has shape {np.shape(values)}; it needs {allowed} for {sizes} "
            f"{'members and steps' if len(shape) == 2 else 'steps'}"
        ) from None


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
    if not np.isfinite(array).all():
        raise GameError(f"{name} is {array[~np.isfinite(array)].flat[0]} somewhere, not finite")
    return array
