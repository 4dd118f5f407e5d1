"""What sharing gains where every shared kWh is worth the same: the game behind premiums."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import netting_game, strategic_equivalent
from sesgame.energy.number_arrays import number_array
from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.native_source import native_from
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["shared_energy_game"]


@checked_arguments
def shared_energy_game(
    injected_kwh: ArrayLike,
    withdrawn_kwh: ArrayLike,
    worth_per_kwh: ArrayLike,
    *,
    players: Iterable[Hashable] | None = None,
) -> Game:
    r"""Return the game of what coalitions gain whose members feed in and draw at the same time.

    .. math:: v(S) = \sum_t \sigma_t \min\Bigl( \sum_{i \in S} d_{it}, \sum_{i \in S} g_{it} \Bigr)

    Shared energy is worth :math:`\sigma` for each kWh, whoever gives and takes it: a premium, a
    reduced fee, or the gap between what the grid asks and pays.

    Parameters
    ----------
    injected_kwh, withdrawn_kwh : array_like of float, shape (n, T)
        What each member feeds in, g, and draws, d, in each step; at least 0. A member may do both
        in one step, with several meters: then it shares alone.
    worth_per_kwh : array_like of float, shape () or (T,)
        What a shared kWh is worth, :math:`\sigma`; at least 0.
    players : iterable of hashable, optional
        One label for each member; 0, 1, ..., n-1 by default.

    Returns
    -------
    Game
        ``kind="gain"``. It is totally balanced: in each step the scarce side may have all of
        :math:`\sigma`. :func:`sesgame.shapley_value` needs no table, for any number of members.

    Raises
    ------
    GameError
        Shapes do not fit, a number is not finite, or one is negative: member and step are named.

    Notes
    -----
    Since :math:`\min(D, G) = D - (D - G)^+`, it is what :func:`sesgame.games.netting` saves of
    withdrawal that each would pay at :math:`\sigma`. A value of k members costs O(k T), one who
    joins O(T).

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.energy.shared_energy_game(
    ...     [[5.0, 8.0], [0.0, 0.0], [0.0, 0.0]],
    ...     [[0.0, 0.0], [4.0, 2.0], [2.0, 1.0]],
    ...     [0.11, 0.12],
    ...     players=["roof", "school", "home"],
    ... )
    >>> round(game.value(["roof", "school"]), 2), round(game.value(game.players), 2)
    (0.68, 0.91)
    >>> sg.shapley_value(game).values.round(4).tolist()
    [0.4733, 0.3033, 0.1333]
    """
    injected = _energy("injected_kwh", injected_kwh)
    withdrawn = _energy("withdrawn_kwh", withdrawn_kwh)
    if injected.shape != withdrawn.shape:
        raise GameError(
            f"injected_kwh has shape {injected.shape}, and withdrawn_kwh {withdrawn.shape}; they "
            f"are of the same members and steps"
        )
    n_members, n_steps = injected.shape
    labels = Players(range(n_members) if players is None else players)
    if len(labels) != n_members:
        raise GameError(f"there are {len(labels)} labels for {n_members} members")
    worth = _worth(worth_per_kwh, n_steps)
    netted = native_from(netting_game, withdrawn - injected, worth, np.zeros(n_steps))
    # Not a product of BLAS, whose bits depend on its threads.
    bought = np.einsum("it,t->i", withdrawn, worth)
    native = native_from(strategic_equivalent, netted, -1.0, bought)
    # n values and a cost are added up, each rounded.
    rounding = (n_members + 1) * math.ulp(2 * math.fsum(bought.tolist()))
    return Game.from_native(native, labels, kind="gain", rounding=rounding)


def _energy(name: str, values: ArrayLike) -> Array:
    energy = _numbers(name, values)
    if energy.ndim != 2 or energy.size == 0:
        raise GameError(f"{name} has shape {energy.shape}; it needs members and steps, (n, T)")
    bad = ~(np.isfinite(energy) & (energy >= 0))
    if bad.any():
        member, step = np.argwhere(bad)[0].tolist()
        raise GameError(
            f"{name} of member {member} is {energy[member, step]} in step {step}; it must be "
            f"finite and at least 0"
        )
    return energy


def _worth(values: ArrayLike, n_steps: int) -> Array:
    worth = _numbers("worth_per_kwh", values)
    if worth.shape not in ((), (n_steps,)):
        raise GameError(f"worth_per_kwh has shape {worth.shape}; it needs () or ({n_steps},)")
    worth = np.array(np.broadcast_to(worth, (n_steps,)))
    bad = ~(np.isfinite(worth) & (worth >= 0))
    if bad.any():
        step = int(np.argmax(bad))
        raise GameError(
            f"worth_per_kwh is {worth[step]} in step {step}; it must be finite and at least 0, "
            f"since nobody shares at a loss"
        )
    return worth


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        return number_array(values)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
