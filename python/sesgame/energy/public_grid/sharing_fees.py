"""What a shared kWh costs, between zones and in each step, and by how much that is reduced."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["fee_reductions", "reduced_fees", "sharing_fees"]


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
    _check_pairs("fee_per_kwh", fee, zones)
    found = np.empty(shape)
    for row, giver in enumerate(zones):
        for column, taker in enumerate(zones):
            what = f"fee_per_kwh from {giver!r} to {taker!r}"
            found[row, column] = _in_steps(what, fee[giver, taker], n_steps)
    found.setflags(write=False)
    return found


def fee_reductions(
    reduction: float | Mapping[tuple[str, str], float], zones: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return by which part fees are reduced, from each zone to each zone, shape (Z, Z), read-only.

    Raises
    ------
    GameError
        A reduction is not in [0, 1], two zones have none, or a zone has no point.
    """
    if not isinstance(reduction, Mapping):
        reduction = {(giver, taker): reduction for giver in zones for taker in zones}
    _check_pairs("reduction", reduction, zones)
    for (giver, taker), part in reduction.items():
        if isinstance(part, bool) or not isinstance(part, Real) or not 0 <= part <= 1:
            raise GameError(
                f"the reduction of the fee from the zone {giver!r} to {taker!r} is {part!r}, and "
                f"not in [0, 1]"
            )
    found = np.array([[float(reduction[giver, taker]) for taker in zones] for giver in zones])
    found.setflags(write=False)
    return found


def reduced_fees(fees: NDArray[np.float64], reductions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a shared kWh pays in each step, shape (Z, Z, T), read-only."""
    if not reductions.any():
        return fees
    if (reductions == reductions[0, 0]).all() and not (fees.strides[0] or fees.strides[1]):
        # One fee needs no memory of all zones and steps.
        return np.broadcast_to((1 - reductions[0, 0]) * fees[0, 0], fees.shape)
    found: NDArray[np.float64] = (1 - reductions)[:, :, np.newaxis] * fees
    found.setflags(write=False)
    return found


def _check_pairs(
    what: str, values: Mapping[tuple[str, str], object], zones: tuple[str, ...]
) -> None:
    """Check that each two zones have a value, and no others."""
    known = {(giver, taker) for giver in zones for taker in zones}
    for pair in values:
        if pair not in known:
            names = ", ".join(map(repr, zones))
            raise GameError(f"{what} is of {pair!r}; it needs two of the zones {names}")
    for giver in zones:
        for taker in zones:
            if (giver, taker) not in values:
                name = "fee" if what == "fee_per_kwh" else what
                raise GameError(f"there is no {name} from the zone {giver!r} to {taker!r}")


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
