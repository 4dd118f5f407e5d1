"""Libraries that only a part of sesgame needs; each is imported where that part runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sesgame.errors import MissingExtraError

__all__ = ["needs"]


@contextmanager
def needs(extra: str, message: str) -> Iterator[None]:
    """Name the extra that brings what the imports of a block do not find.

    Parameters
    ----------
    extra : str
        Its name in ``pyproject.toml``.
    message : str
        What needs which library.

    Raises
    ------
    MissingExtraError
        An import fails.

    Examples
    --------
    >>> with needs("plot", "pictures need matplotlib"):
    ...     import no_such_library
    Traceback (most recent call last):
    sesgame.errors.MissingExtraError: pictures need matplotlib: pip install "sesgame[plot]"
    """
    try:
        yield
    except ImportError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            # Ctrl-C while an extension module was initialised; it is there.
            raise error.__cause__ from None
        raise MissingExtraError(message, extra) from error
