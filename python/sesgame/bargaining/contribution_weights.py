"""Bargaining weights from the energy that each member has given and taken."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from sesgame.errors import AllocationError
from sesgame.game.allocation import checked_values
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["contribution_weights"]

Form = Literal["exponential", "share"]


@overload
def contribution_weights(
    supplied: Mapping[Hashable, float], received: Mapping[Hashable, float], *, form: Form = ...
) -> dict[Hashable, float]: ...


@overload
def contribution_weights(
    supplied: ArrayLike, received: ArrayLike, *, form: Form = ...
) -> NDArray[np.float64]: ...


@checked_arguments
def contribution_weights(supplied: Any, received: Any, *, form: Form = "exponential") -> Any:
    r"""Return bargaining weights from the energy that each member supplies and receives.

    .. math:: w_i = e^{S_i / \max S} - e^{-R_i / \max R} \qquad \text{or} \qquad
              w_i = \frac{S_i + R_i}{\sum_j (S_j + R_j)}

    Parameters
    ----------
    supplied, received : mapping of label to float, or array_like of float, shape (n,)
        Energy in kWh that each member gives to the others, S, and takes from them, R; at least 0.
        :func:`sesgame.energy.exchanged_energy` finds them in a schedule.
    form : {"exponential", "share"}, default "exponential"
        The formula: the first one weighs supplying more than receiving. Where nobody supplies, or
        nobody receives, that exponent is 0.

    Returns
    -------
    dict of label to float, or ndarray of float, shape (n,)
        Weights, at least 0; who moves no energy has 0. For :func:`sesgame.nash_bargaining`.

    Raises
    ------
    AllocationError
        An amount is negative or not finite, both are of different members, or nobody moves any.

    Notes
    -----
    The exponential form is common for peer-to-peer trade and several microgrids; papers differ in
    it. Weights do not depend on the unit of energy.

    Examples
    --------
    >>> import sesgame as sg
    >>> sg.contribution_weights([6, 2, 0], [1, 3, 4]).round(4).tolist()
    [1.9395, 0.9232, 0.6321]
    >>> sg.contribution_weights({"ann": 3, "bob": 0}, {"ann": 0, "bob": 1}, form="share")
    {'ann': 0.75, 'bob': 0.25}
    """
    if form not in ("exponential", "share"):
        raise AllocationError(f'form must be "exponential" or "share", got {form!r}')
    by_label = isinstance(supplied, Mapping)
    if by_label != isinstance(received, Mapping):
        raise AllocationError("supplied and received are both by label, or both in player order")
    if by_label:
        if supplied.keys() != received.keys():
            raise AllocationError("supplied and received are of different members")
        players = Players(supplied)
        amounts = [[given[player] for player in players] for given in (supplied, received)]
    else:
        amounts = [supplied, received]
        try:
            players = Players(range(len(supplied)))
        except TypeError as error:
            raise AllocationError(f"supplied is not one number for each member: {error}") from error
    given, taken = (
        _energy(players, amount, what)
        for amount, what in zip(amounts, ("supplied", "received"), strict=True)
    )
    most_given, most_taken = given.max(initial=0.0), taken.max(initial=0.0)
    if not (most_given or most_taken):
        raise AllocationError("nobody supplies or receives any energy: there are no weights")
    if form == "share":
        # Divided first: the sum of the largest floats is none.
        largest = max(most_given, most_taken)
        moved = given / largest + taken / largest
        weights = moved / moved.sum()
    else:
        weights = np.expm1(given / (most_given or np.inf)) - np.expm1(
            -taken / (most_taken or np.inf)
        )
    return dict(zip(players, weights.tolist(), strict=True)) if by_label else weights


def _energy(players: Players, amounts: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return energy by player, none negative."""
    array = checked_values(players, amounts)
    for index in np.flatnonzero(array < 0):
        raise AllocationError(
            f"{players[int(index)]!r} has {what} {array[index]:g} kWh; the least is 0"
        )
    return array
