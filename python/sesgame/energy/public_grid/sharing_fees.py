"""What a shared kWh costs, between zones and in each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["sharing_fees"]


def sharing_fees(
    fee: ArrayLike | Mapping[tuple[str, str], ArrayLike], zones: tuple[str, ...], n_steps: int
) -> NDArray[np.float64]:
    """Return the fee from each zone to each zone in each step, shape (Z, Z, T), read-only.

    Raises
    ------
    GameError
        Two zones have no fee, a zone has no point, or a fee is not finite or of another shape.
    """
    shape = (len(zones), len(zones), n_steps)
    if not isinstance(fee, Mapping):
        # One fee needs no memory of all zones and steps.
        return np.broadcast_to(_in_steps("fee_per_kwh", fee, n_steps), shape)
    known = {(giver, taker) for giver in zones for taker in zones}
    for pair in fee:
        if pair not in known:
            names = ", ".join(map(repr, zones))
            raise GameError(f"fee_per_kwh is of {pair!r}; it needs two of the zones {names}")
    found = np.empty(shape)
    for row, giver in enumerate(zones):
        for column, taker in enumerate(zones):
            if (giver, taker) not in fee:
                raise GameError(f"there is no fee from the zone {giver!r} to {taker!r}")
            what = f"fee_per_kwh from {giver!r} to {taker!r}"
            found[row, column] = _in_steps(what, fee[giver, taker], n_steps)
    found.setflags(write=False)
    return found


def _in_steps(what: str, values: ArrayLike, n_steps: int) -> NDArray[np.float64]:
    try:
        fees = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{what} must be a number, or one for each step, got {values!r}") from error
    if fees.shape not in ((), (n_steps,)):
        raise GameError(f"{what} has shape {fees.shape}; it needs () or ({n_steps},)")
    if not np.isfinite(fees).all():
        raise GameError(f"{what} is not finite")
    return fees
