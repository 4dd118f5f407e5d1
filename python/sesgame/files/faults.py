"""Faults of files, collected so that whoever mends them sees all at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sesgame.errors import Fault, FaultyFilesError, GameError, MissingExtraError

__all__ = ["Faults"]


class Faults:
    """What is wrong with files.

    Examples
    --------
    >>> faults = Faults()
    >>> for cell in ("1", "x", "y"):
    ...     with faults.caught():
    ...         if not cell.isdigit():
    ...             raise GameError(f'"{cell}" is not a number')
    >>> [str(fault) for fault in faults.in_order]
    ['"x" is not a number', '"y" is not a number']
    >>> faults.refuse()
    Traceback (most recent call last):
    sesgame.errors.FaultyFilesError: "x" is not a number (and 1 more fault)
    """

    def __init__(self) -> None:
        self.found: list[Fault] = []

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Note what is wrong in a block, and go on after it."""
        try:
            yield
        except FaultyFilesError as error:
            self.found += error.faults
        except (GameError, MissingExtraError) as error:
            self.found.append(Fault(str(error)))

    @property
    def in_order(self) -> list[Fault]:
        """The faults, each once: by file in the order of reading, then by line."""
        faults = list(dict.fromkeys(self.found))
        files = list(dict.fromkeys(fault.file for fault in faults))
        return sorted(faults, key=lambda fault: (files.index(fault.file), fault.line or 0))

    def refuse(self) -> None:
        """Raise what was found, if anything.

        Raises
        ------
        FaultyFilesError
            There are faults.
        """
        if self.found:
            raise FaultyFilesError(self.in_order)
