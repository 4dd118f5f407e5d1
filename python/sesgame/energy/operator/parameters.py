"""What followers, prosumers and sellers are like: a number each, checked at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.number_arrays import number_array
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["fix", "one_each", "refuse_where"]


def one_each(name: str, given: ArrayLike, who: str, size: int | None = None) -> NDArray[np.float64]:
    """Return one finite number for each of some.

    Parameters
    ----------
    name : str
        Of the argument, for errors.
    given : array_like of float, shape (n,)
        The numbers; a single one holds for all where `size` is known.
    who : str
        Whose number it is, such as ``"consumer"``.
    size : int, optional
        How many there are; by default as many as are given, at least one.

    Raises
    ------
    GameError
        They are not numbers, not finite, or not one each.
    """
    try:
        found = number_array(given)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} must be a number for each {who}, got {given!r}") from error
    if size is not None and found.ndim == 0:
        found = np.full(size, float(found))
    if found.ndim != 1 or not len(found) or (size is not None and len(found) != size):
        wanted = "(n,)" if size is None else f"({size},)"
        raise GameError(
            f"{name} has shape {found.shape}; it needs one number for each {who}: {wanted}"
        )
    refuse_where(~np.isfinite(found), name, found, who, "finite")
    return found


def refuse_where(
    wrong: NDArray[np.bool_], name: str, values: NDArray[np.float64], who: str, wanted: str
) -> None:
    """Refuse the first number that is wrong.

    Raises
    ------
    GameError
        The message says whose it is, and what it has to be.
    """
    if wrong.any():
        first = int(np.argmax(wrong))
        raise GameError(f"{name} of {who} {first} is {values[first]:g}; it must be {wanted}")


def fix(result: object) -> None:
    """Make all arrays of a result read-only: it is kept, and handed out again."""
    for values in vars(result).values():
        if isinstance(values, np.ndarray):
            values.setflags(write=False)
