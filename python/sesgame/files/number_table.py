"""Tables of numbers that are large: read in blocks, straight into one array."""

from __future__ import annotations

import csv
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import numeric_rows
from sesgame.files.csv_text import unmarked
from sesgame.files.dialect import open_text
from sesgame.files.table_rows import MOST_CELLS, MOST_TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NumberTable"]

BLOCK = 1 << 22
"""Characters that are parsed at once, some hundred thousand numbers: a few milliseconds."""


@dataclass(frozen=True)
class NumberTable:
    """A plain table: one column of text, and numbers in all others.

    Attributes
    ----------
    texts : list of str
        The cells of the column of text.
    columns : dict of str to int
        The row of `numbers` of each other column.
    numbers : array, shape (columns, rows)
        Without what is not finite.
    """

    texts: list[str]
    columns: dict[str, int]
    numbers: NDArray[np.float64]

    @classmethod
    def read(cls, path: Path, text_column: str) -> NumberTable | None:
        """Read a table that is as plain as that; others are None, and have to be read by cell.

        A sixteenth of the time and a sixth of the memory of :class:`CsvTable`, which names what is
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
                header = next(csv.reader([file.readline()], strict=True), [])
            names = [unmarked(cell) for cell in header]
            others = [name for name in names if name != text_column]
            if len(others) != len(names) - 1 or len(set(names)) < len(names) or not all(names):
                return None
            if n_characters > MOST_TEXT or n_rows * len(names) > MOST_CELLS:
                return None
            texts: list[str] = []
            numbers = np.empty((len(others), n_rows + 1))  # the last line may have no end
            with open_text(path) as file:
                file.readline()
                while lines := file.readlines(BLOCK):
                    found = numeric_rows("".join(lines), len(names), names.index(text_column))
                    if found is None:
                        return None
                    numbers[:, len(texts) : len(texts) + len(found[0])] = found[1].T
                    texts += map(unmarked, found[0])
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error):
            return None
        if not texts:
            return None
        places = {name: row for row, name in enumerate(others)}
        return cls(texts, places, numbers[:, : len(texts)])
