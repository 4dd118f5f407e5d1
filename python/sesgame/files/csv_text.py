"""CSV that a spreadsheet opens as numbers and text, not as formulas, and that reads back as it was.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``, also behind blanks. A text
that begins so, or with apostrophes and then so, gets one apostrophe more in front; numbers are left
alone. Text with blanks around it is marked alike, since a table is read without them. Whoever reads
takes one apostrophe away where such a text follows it; any other apostrophe is part of the text.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["csv_text", "marked", "unmarked"]

_MARK = "'"
_FORMULA = frozenset("=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}") | frozenset(
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
"""What a formula begins with; some spreadsheets take the wide forms for the narrow ones."""

_QUOTED = frozenset(',"\r\n')


def marked(text: str) -> str:
    r"""Return a text as a cell of CSV has it: with an apostrophe before what is no plain text.

    Examples
    --------
    >>> marked("ann"), marked("=1+1"), marked("\t=1"), marked("'t Hof"), marked("'=1")
    ('ann', "'=1+1", "'\t=1", "'t Hof", "''=1")
    """
    return _MARK + text if _needs_mark(text) else text


def unmarked(cell: str) -> str:
    """Return the text of a cell, without the apostrophe that :func:`marked` gives it.

    Blanks around a cell without such an apostrophe are no part of its text.

    Examples
    --------
    >>> unmarked(" ann "), unmarked("'=1+1"), unmarked("'t Hof"), unmarked("=1+1")
    ('ann', '=1+1', "'t Hof", '=1+1')
    """
    if cell.startswith(_MARK) and _needs_mark(cell):
        return cell[1:]
    return cell.strip()


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV: text that is marked, numbers to the last digit, and nothing for None.

    Examples
    --------
    >>> print(csv_text([["member", "eur"], ["-ann", -1.5], ["bob, jr.", None]]), end="")
    member,eur
    '-ann,-1.5
    "bob, jr.",
    """
    lines = []
    for row in rows:
        cells = [_cell(value) for value in row]
        # A line without anything would be skipped.
        lines.append(",".join(cells) if cells != [""] else '""')
    return "".join(f"{line}\n" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return float.__repr__(value)  # NumPy has a representation of its own
    if not isinstance(value, str):
        return str(value)
    text = marked(value)
    if _QUOTED.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _needs_mark(text: str) -> bool:
    first = text.lstrip(_MARK)[:1]
    return first in _FORMULA or first.isspace() or text[-1:].isspace()
