"""Tables of numbers that are large: read in blocks, straight into one array."""

from __future__ import annotations

import csv
import operator
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import numeric_rows
from sesgame.files.csv_text import unmarked
from sesgame.files.dialect import SEPARATORS, open_text
from sesgame.files.table_rows import MOST_CELLS, MOST_TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NumberTable"]

BLOCK = 1 << 22
"""Characters that are parsed at once, some hundred thousand numbers: a few milliseconds."""


@dataclass(frozen=True)
class NumberTable:
    """A table without anything odd: one column of text, and numbers in all others.

    Attributes
    ----------
    texts : list of str
        The cells of the column of text.
    columns : dict of str to int
        The row of `numbers` of each other column.
    numbers : array, shape (columns, rows)
        Without what is not finite.
    assumed : list of str
        How the file was read, if it is not plain CSV.
    """

    texts: list[str]
    columns: dict[str, int]
    numbers: NDArray[np.float64]
    assumed: list[str]

    @classmethod
    def read(cls, path: Path, text_column: str) -> NumberTable | None:
        """Read a table that is as plain as that; others are None, and have to be read by cell.

        Semicolons or tabs between cells and decimal commas are read where some number tells. A
        sixteenth of the time and a sixth of the memory of :class:`CsvTable`, which names what is
        wrong.
        """
        try:
            n_rows = n_characters = 0
            with open_text(path) as file:
                while block := file.read(BLOCK):
                    n_rows += block.count("\n")
                    n_characters += len(block)
                    # Lines as long as that are looked at before they are read whole.
                    if len(block) == BLOCK and "\n" not in block:
                        return None
            with open_text(path) as file:
                first = file.readline()
            separators = [one for one in SEPARATORS if one in first] or [","]
            header = next(csv.reader([first], delimiter=separators[0], strict=True), [])
            names = [unmarked(cell) for cell in header]
            others = [name for name in names if name != text_column]
            if len(others) != len(names) - 1 or len(set(names)) < len(names) or not all(names):
                return None
            if n_characters > MOST_TEXT or n_rows * len(names) > MOST_CELLS or len(separators) > 1:
                return None
            texts: list[str] = []
            numbers = np.empty((len(others), n_rows + 1))  # the last line may have no end
            writing = _Writing(separators[0])
            with open_text(path) as file:
                file.readline()
                while lines := file.readlines(BLOCK):
                    plain = writing.plain("".join(lines))
                    found = numeric_rows(plain, len(names), names.index(text_column))
                    if found is None:
                        return None
                    numbers[:, len(texts) : len(texts) + len(found[0])] = found[1].T
                    texts += map(unmarked, found[0])
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error):
            return None
        if not texts or not writing.is_sure(texts):
            return None
        places = {name: row for row, name in enumerate(others)}
        return cls(texts, places, numbers[:, : len(texts)], writing.assumed)


class _Writing:
    """What separates cells and what is before decimals, as far as the blocks of a file tell."""

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._is_plain = separator == ","
        self._signs = dict.fromkeys(",.", 0)
        self._tells = {
            # A number that cannot be one with a sign between thousands.
            sign: re.compile(
                rf"[{separator}\n][+-]?(?:0\d*|\d{{4,}})?[{sign}]\d"
                rf"|[{sign}](?:\d{{1,2}}|\d{{4,}})(?=[{separator}\r\n]|$)"
            )
            for sign in self._signs
        }
        self._told: set[str] = set()

    def plain(self, text: str) -> str:
        """Return a block as plain CSV: with commas between cells and points before decimals."""
        if self._is_plain:
            return text
        for sign in self._signs:
            self._signs[sign] += text.count(sign)
            if sign not in self._told and self._tells[sign].search(text):
                self._told.add(sign)
        return text.replace(",", ".").replace(self._separator, ",")

    def is_sure(self, texts: list[str]) -> bool:
        """Return whether no number can be read in two ways; `texts` are no numbers."""
        if self._is_plain:
            return True
        if self._signs[","]:
            return "," in self._told and self._signs["."] == sum(map(_POINTS, texts))
        return not self._signs["."] or ("." in self._told and not any(map(_POINTS, texts)))

    @property
    def assumed(self) -> list[str]:
        """What was assumed, in words."""
        if self._is_plain:
            return []
        between = f"{SEPARATORS[self._separator]} between columns"
        return [between, *(["decimal commas"] if self._signs[","] else [])]


_POINTS = operator.methodcaller("count", ".")
