"""The table of what holds of each rule, from the catalogue; run as a program, it writes it.

It stands in ``docs/which-rule.md``, between two comments, so that the page can be read as it is; a
test compares it.
"""

from __future__ import annotations

import re
from pathlib import Path

from sesgame.catalogue import RULES
from sesgame.rule import Promise

PAGE = Path(__file__).parents[1] / "which-rule.md"
BLOCK = re.compile(r"(<!-- rules -->\n).*?(<!-- end of rules -->)", re.DOTALL)
COLUMNS = {
    "efficient": Promise.EFFICIENT,
    "individually rational": Promise.INDIVIDUALLY_RATIONAL,
    "in the core if it is not empty": Promise.IN_CORE_IF_NONEMPTY,
    "unique": Promise.UNIQUE,
    "additive": Promise.ADDITIVE,
    "certificate": Promise.CERTIFIED,
}


def table() -> str:
    """Return the table as Markdown, one line for each rule."""
    rows = [["rule", "`--rules`", *COLUMNS], ["---"] * (len(COLUMNS) + 2)]
    for rule in RULES.values():
        promises = ["yes" if promise in rule.promises else "-" for promise in COLUMNS.values()]
        rows.append([f"[{rule.title}]({rule.page}.md)", f"`{rule.name}`", *promises])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def with_table(text: str) -> str:
    """Return a page with the table as it has to be."""
    return BLOCK.sub(lambda found: f"{found[1]}{table()}{found[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
