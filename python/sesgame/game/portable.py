"""Python functions that go to another process or into a file: by name, or by value.

Pickle sends a function by its name, which lambdas, inner functions and those of a notebook do not
have elsewhere; cloudpickle, where it is installed, sends these by value.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from sesgame.errors import GameError

__all__ = ["pickled", "portable"]


def pickled(function: Any) -> bytes:
    """Return a function as bytes: by value where it has no name elsewhere and cloudpickle is there.

    Raises
    ------
    Exception
        Whatever pickle raises for something that it cannot send.
    """
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps(function)
    packed: bytes = cloudpickle.dumps(function)
    return packed


class _ByValue:
    """What arrives as the function whose bytes it has."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return pickle.loads, (self._packed,)


def portable(function: Any, remedy: str, *, arrived: bool = False) -> Any:
    """Return what pickle takes, and what arrives as the function.

    Parameters
    ----------
    function : object
        A function, or an object that holds functions.
    remedy : str
        What else would help, for the error.
    arrived : bool, default False
        Return the function as it arrives: its arrays may lie otherwise in memory.

    Raises
    ------
    GameError
        It cannot be pickled.
    """
    try:
        named = pickle.dumps(function)
    except Exception:
        named = b""
    # __main__ is another module wherever it arrives.
    if named and b"__main__" not in named:
        return pickle.loads(named) if arrived else function
    try:
        return _ByValue(pickled(function))
    except Exception as error:
        raise GameError(
            f"the characteristic function cannot be pickled ({type(error).__name__}: {error}); "
            f"{remedy}, define it at the top level of a module, make a solver, lock or open file "
            f"inside it instead of taking it along, or install cloudpickle for lambdas and "
            f"notebooks"
        ) from error
