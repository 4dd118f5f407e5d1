"""The public grid: who feeds in shares with who draws, while each keeps a contract of its own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import sharing_game as engine_game
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
    :math:`\int \min(D_t(p), G_t(p)) \, dp`: a term of netting for each gap between two neighbouring
    prices. A coalition keeps a sum for each contract, so that one who joins costs O(T), and a value
    O(K T) for K different prices of a step. Memory is that of the meters.

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
    alone = (buy * deficit - sell * surplus).sum(axis=1)
    each = np.arange(n_members)
    # Contracts that are equal in all steps make one group: its members' energy adds up.
    _, first, group = np.unique(
        np.hstack([_distinct(buy), _distinct(sell)]), axis=0, return_index=True, return_inverse=True
    )
    native = native_from(
        engine_game,
        deficit,
        surplus,
        each,
        group.ravel().astype(np.int64),
        np.zeros(len(first), dtype=np.int64),
        buy[first],
        sell[first],
        np.array(fee).reshape(1, 1, n_steps),
        alone,
        "always",
    )
    return Game.from_native(native, labels, kind="cost")


def _distinct(prices: Array) -> Array:
    """Return prices without steps that are as the first."""
    return prices[:, :1] if (prices == prices[:, :1]).all() else prices


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
