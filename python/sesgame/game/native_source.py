"""What a native game is made from: so it travels, and so two of them are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from sesgame._engine import NativeGame
from sesgame.game.by_value import in_order

__all__ = ["native_from"]

N = TypeVar("N", bound=NativeGame)


def native_from(make: Callable[..., N], *arguments: Any) -> N:
    """Return the native game that a function makes of arguments, and that remembers both.

    Parameters
    ----------
    make : callable
        A function of a module, of the engine or of this package.
    arguments
        What it takes. Of arrays that might be changed afterwards the game keeps a copy.

    Notes
    -----
    The game is pickled as the function and its arguments, and made again on arrival: the same
    bits, since all arithmetic is. Two native games are equal where both were made alike.
    """
    native = make(*arguments)
    kept = tuple(map(_read_only, arguments))
    native.made_by((native_from, (make, *kept)))
    return native


def _read_only(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(map(_read_only, argument))
    if not isinstance(argument, np.ndarray):
        return argument
    own = argument.copy() if argument.flags.writeable else in_order(argument)
    own.setflags(write=False)
    return own
