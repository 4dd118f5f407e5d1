"""Demand that does not bid: one load, or several with names, which are rationed in proportion."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.markets.market import LOAD
from sesgame.markets.steps import numbers

__all__ = ["check_load_names", "demand_by_load", "served_by_load"]


def check_load_names(names: Iterable[Any], participants: Iterable[Hashable]) -> tuple[str, ...]:
    """Return the names of fixed loads.

    Raises
    ------
    GameError
        One is no text, is empty, or is a participant, too: nobody could tell whose payment is
        whose.
    """
    found = tuple(names)
    taken = set(participants)
    for name in found:
        if not isinstance(name, str) or not name.strip():
            raise GameError(f"a fixed load must have a name of its own, got {named(name)}")
        if name in taken:
            raise GameError(
                f"{name!r} is a fixed load and a participant; give one of them another name"
            )
    return found


def demand_by_load(
    given: ArrayLike | Mapping[Any, ArrayLike],
    n_periods: int,
    n_times: int | None,
    latest: str,
) -> tuple[tuple[Any, ...], NDArray[np.float64]]:
    """Return the names of the fixed loads and what each demands, shape (L, T).

    Parameters
    ----------
    given : float, array_like of float or mapping
        Of one load in each period, or of each by its name; a number is that in every period.
    n_periods : int
        Periods that have orders; an array may have more.
    n_times : int, optional
        The number of periods where it is known.
    latest : str
        What messages say of the order in the last period.

    Raises
    ------
    GameError
        A number is none, is negative, or there are too few or too many of them.
    """
    is_named = isinstance(given, Mapping)
    parts = dict(given) if isinstance(given, Mapping) else {LOAD: given}
    columns = {
        name: numbers(f"demand_kwh of {name!r}" if is_named else "demand_kwh", part)
        for name, part in parts.items()
    }
    longest = max((column.size for column in columns.values() if column.ndim), default=1)
    count = max(n_periods, longest) if n_times is None else n_times
    demand = np.zeros((len(columns), count))
    for row, (name, column) in enumerate(columns.items()):
        what = f"demand_kwh of {name!r}" if is_named else "demand_kwh"
        if column.ndim and column.shape != (count,):
            raise GameError(
                f"{latest}, but {what} has shape {column.shape}; give one number for each of the "
                f"{count} periods"
            )
        demand[row] = column
        bad = ~(np.isfinite(demand[row]) & (demand[row] >= 0))
        if bad.any():
            t = int(np.argmax(bad))
            raise GameError(
                f"{what} must be finite and non-negative, got {demand[row, t]} in period {t}"
            )
    if not is_named and not demand.any():
        return (), np.zeros((0, count))
    return tuple(columns), demand


def served_by_load(demand: NDArray[np.float64], shed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each load gets where some of all demand is shed, shape (L, T).

    Loads are worth the same, so all are cut by the same part.
    """
    total = demand.sum(axis=0)
    part = np.divide(demand, total, out=np.zeros_like(demand), where=total > 0)
    served: NDArray[np.float64] = demand - shed * part
    return served
