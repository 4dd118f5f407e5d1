"""The tables of what a game takes of PyPSA, from the catalogue; run as a program, it writes them.

They stand in ``docs/how-to/pypsa.md``, between comments, so that the page can be read as it is; a
test compares them.
"""

from __future__ import annotations

import re
from pathlib import Path

from sesgame.adapters.pypsa import catalogue

PAGE = Path(__file__).parents[1] / "how-to" / "pypsa.md"
BLOCK = re.compile(r"(<!-- (attributes|options) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def attributes() -> str:
    """Return a line for each component class and kind of attribute."""
    rows = ["| class | | attributes |\n", "| --- | --- | --- |\n"]
    for kind, listed in catalogue.COMPONENTS.items():
        for title, names in (
            ("used", listed.used),
            ("harmless", listed.harmless),
            ("refused if set", listed.refused),
            ("results", listed.results),
        ):
            if names:
                rows.append(f"| {kind} | {title} | {', '.join(sorted(names))} |\n")
    return "".join(rows)


def options() -> str:
    """Return a line for each option of ``network.optimize``."""
    rows = ["| option | |\n", "| --- | --- |\n"]
    for name, reason in catalogue.OPTIONS.items():
        rows.append(f"| `{name}` | {'used' if reason is None else f'refused: {reason}'} |\n")
    return "".join(rows)


def with_tables(text: str) -> str:
    """Return a page with the tables as they have to be."""
    tables = {"attributes": attributes, "options": options}
    return BLOCK.sub(lambda found: f"{found[1]}{tables[found[2]]()}{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
