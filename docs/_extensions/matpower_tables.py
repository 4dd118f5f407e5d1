"""The tables of the fields and columns of MATPOWER cases; run as a program, it writes them.

They stand in the page, between two comments, so that it can be read as it is; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from sesgame.markets.matpower_fields import COLUMNS, FIELDS, Part

PAGE = Path(__file__).parents[1] / "matpower.md"
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def _rows(parts: Iterable[Part]) -> list[str]:
    """Return a row for each run of parts that have the same said of them."""
    return [
        f"| {', '.join(f'`{part.name}`' for part in run)} | {treatment} | {note} |"
        for (treatment, note), run in groupby(parts, key=lambda part: (part.treatment, part.note))
    ]


def table(name: str) -> str:
    """Return the table of the fields, or of the columns of a matrix, as Markdown."""
    parts = FIELDS.values() if name == "fields" else COLUMNS[name]
    what = "field" if name == "fields" else "column"
    head = [f"| {what} | treatment | as what, or why not |", "| --- | --- | --- |"]
    return "\n".join([*head, *_rows(parts), ""])


def with_tables(text: str) -> str:
    """Return the page with the tables as they have to be."""
    return BLOCK.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
