"""What participants of a market have by themselves: from where a gain is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sesgame.errors import AllocationError, GameError
from sesgame.formatting import format_coalition, named
from sesgame.game.allocation import Allocation
from sesgame.markets.settlement import Settlement
from sesgame.markets.steps import numbers

__all__ = ["SELF", "values_alone"]

SELF = "self"
"""Each participant's best outcome with its own orders alone."""


def values_alone(settlement: Settlement, alone: Any) -> NDArray[np.float64]:
    """Return what each participant, and then each of the outside, has alone.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism.
    alone : None, "self", Allocation, mapping or array_like
        As of :func:`sesgame.markets.uplift_by_gain`.

    Raises
    ------
    AllocationError
        Numbers for others, a missing one, or none at all; or the settlement knows no market.
    """
    n, n_outside = len(settlement.participants), len(settlement.outside)
    if alone is None:
        return np.zeros(n + n_outside)
    if isinstance(alone, str):
        if alone != SELF:
            raise AllocationError(f'alone must be "{SELF}", numbers or None, got {alone!r}')
        return _by_themselves(settlement)
    if isinstance(alone, Allocation):
        if alone.kind != "gain":
            raise AllocationError("alone is an allocation of costs; gains are needed")
        alone = dict(zip(alone.players, alone.values.tolist(), strict=True))
    if hasattr(alone, "to_dict") and not isinstance(alone, Mapping):  # a Series
        alone = alone.to_dict()
    if isinstance(alone, Mapping):
        return _by_name(settlement, alone)
    return _in_order(alone, n, n_outside)


def _by_themselves(settlement: Settlement) -> NDArray[np.float64]:
    """Return the welfare of each with nobody else; of plain settlements nobody knows it."""
    market = settlement.of_market
    if market is None or not callable(getattr(market, "values_alone", None)):
        raise AllocationError(
            f"the settlement by {settlement.method!r} has no market in which somebody could be "
            f"alone; give alone= as numbers"
        )
    found: NDArray[np.float64] = market.values_alone()
    # Whoever is outside and brings nothing, such as the owner of a line, has nothing alone.
    rest = len(settlement.participants) + len(settlement.outside) - len(found)
    return np.append(found, np.zeros(rest))


def _by_name(settlement: Settlement, given: Mapping[Any, Any]) -> NDArray[np.float64]:
    labels = [*settlement.participants, *settlement.outside]
    missing = [label for label in settlement.participants if label not in given]
    unknown = [label for label in given if label not in labels]
    if missing or unknown:
        raise AllocationError(
            f"alone does not fit the participants: missing {format_coalition(missing)}, unknown "
            f"{format_coalition(unknown)}"
        )
    found = np.zeros(len(labels))
    for place, label in enumerate(labels):
        found[place] = _finite(given.get(label, 0.0), repr(label))
    return found


def _finite(given: Any, name: str) -> float:
    is_number = isinstance(given, (int, float, np.number)) and not isinstance(given, (bool, str))
    if not is_number or not np.isfinite(given):
        raise AllocationError(f"alone: {name} must have a finite number, got {named(given)}")
    return float(given)


def _in_order(given: ArrayLike, n: int, n_outside: int) -> NDArray[np.float64]:
    try:
        found = numbers("alone", given)
    except GameError as error:
        raise AllocationError(str(error)) from error
    if found.shape not in ((n,), (n + n_outside,)):
        raise AllocationError(
            f"alone has shape {found.shape}; {n} numbers are needed, one for each participant"
            + (f", or {n + n_outside} with the outside" if n_outside else "")
        )
    if not np.isfinite(found).all():
        k = int(np.argmin(np.isfinite(found)))
        raise AllocationError(f"alone must be finite, got {found[k]} at position {k}")
    return np.append(found, np.zeros(n + n_outside - len(found)))
