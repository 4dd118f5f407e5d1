"""How a text is written that is not plain CSV: its encoding, and what separates its cells."""

from __future__ import annotations

import codecs
import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

__all__ = ["LOOKED_AT", "PLAIN", "SEPARATORS", "encoding_of", "open_text", "separators_of"]

PLAIN = "utf-8-sig"
"""UTF-8; a byte order mark, as spreadsheets write it, is no part of the text."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
LOOKED_AT = 100
"""Lines that tell which separator is meant."""

_SIGNS = (
    "\N{EURO SIGN}\N{DEGREE SIGN}\N{MIDDLE DOT}\N{EN DASH}\N{SECTION SIGN}\N{NO-BREAK SPACE}"
    "\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}\N{RIGHT SINGLE QUOTATION MARK}\N{MICRO SIGN}"
)
"""What texts have in Windows-1252 beside letters."""


def open_text(path: Path, encoding: str = PLAIN) -> TextIO:
    """Open a file for reading, gzip-compressed if its name ends in ``.gz``."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def encoding_of(content: bytes) -> str | None:
    r"""Return the encoding of a text that is not UTF-8, if it can be told.

    UTF-16 begins with a mark, or has a zero byte in nearly every pair. Whatever else has only
    letters where Windows-1252 has some is taken for that: numbers and times are the same in all
    encodings of Windows, and whoever reads is told.

    Examples
    --------
    >>> encoding_of("Zähler".encode("latin-1")), encoding_of("a,b\n".encode("utf-16-be"))
    ('cp1252', 'utf-16-be')
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in content:
        zeros = [content[half::2].count(0) for half in (0, 1)]
        even = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        return even if min(zeros) == 0 and 4 * max(zeros) > len(content) else None
    high = bytes(byte for byte in set(content) if byte > 127)
    try:
        letters = high.decode("cp1252")
    except UnicodeDecodeError:
        return None
    return "cp1252" if all(one.isalpha() or one in _SIGNS for one in letters) else None


def separators_of(lines: Sequence[str]) -> list[str]:
    """Return what separates the cells of these lines: one, or all that may be meant.

    Examples
    --------
    >>> separators_of(["time;a", "2024-01-01;0,5"]), separators_of(["a;b,c", "1;2,3", "4;5,6"])
    ([';'], [',', ';'])
    """
    if not any(sign in line for line in lines for sign in ";\t"):
        return [","]
    rows = {one: _even_rows(lines, one) for one in SEPARATORS}
    most = max(rows.values())
    return [one for one in SEPARATORS if rows[one] == most] if most else [","]


def _even_rows(lines: Sequence[str], separator: str) -> int:
    """Return how many rows have as many cells as most of those that have several."""
    try:
        lengths = [len(row) for row in csv.reader(lines, delimiter=separator)]
    except csv.Error:
        return 0
    several = Counter(length for length in lengths if length > 1)
    return max(several.values(), default=0)
