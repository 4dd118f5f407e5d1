"""Arrays of NumPy whose size a user chooses: what cannot be had says what it was for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sesgame.errors import OutOfMemoryError

__all__ = ["enough_memory"]


@contextmanager
def enough_memory(purpose: str, n_bytes: int) -> Iterator[None]:
    """Turn a bare ``MemoryError`` of NumPy into one that says what to do instead.

    Parameters
    ----------
    purpose : {"table", "sample", "data"}
        What the arrays inside are for.
    n_bytes : int
        How much they take.

    Raises
    ------
    OutOfMemoryError
        They cannot be had.
    """
    try:
        yield
    except OutOfMemoryError:
        raise
    except MemoryError as error:
        raise OutOfMemoryError(purpose, n_bytes) from error
