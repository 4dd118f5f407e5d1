"""The tables of mechanisms for markets, from their catalogue; run as a program, it writes them.

They stand in the pages, between two comments, so that a page can be read as it is; a test compares
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sesgame.markets import Matching, NetworkMarket, OrderBook, StorageAuction
from sesgame.markets.catalogue import MECHANISMS
from sesgame.markets.mechanism import MarketPromise, Mechanism

DOCS = Path(__file__).parents[1]
PAGES = (DOCS / "markets.md", DOCS / "concepts" / "market-rules.md")
BLOCK = re.compile(r"(<!-- mechanisms: (\w+) -->\n).*?(<!-- end of mechanisms -->)", re.DOTALL)
RULES = [one for one in MECHANISMS.values() if "+" not in one.name]
REPAIRED = [one for one in MECHANISMS.values() if "+" in one.name]


def _function(mechanism: Mechanism) -> str:
    """Return the function that does it, as Python calls it."""
    *_, name = mechanism.name.split("+")
    return f"`{name.replace('-', '_')}`"


def _row(mechanism: Mechanism) -> list[str]:
    holds = [promise.value for promise in MarketPromise if promise in mechanism.promises]
    return [_function(mechanism), mechanism.meaning, ", ".join(holds), mechanism.gives_up]


def _by_market() -> list[list[str]]:
    """Return which function takes which kind of market."""
    rows = [["market", "class", "rules"]]
    for kind in (OrderBook, NetworkMarket, StorageAuction, Matching):
        what = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
        names = ", ".join(_function(one) for one in RULES if one.takes(kind))
        rows.append([what, f"`{kind.__name__}`", names])
    return rows


TABLES: dict[str, Callable[[], list[list[str]]]] = {
    "markets": _by_market,
    "rules": lambda: [["rule", "what it is", "holds", "gives up"], *map(_row, RULES)],
    "repairs": lambda: [["repair", "who bears the gap", "holds", "gives up"], *map(_row, REPAIRED)],
}


def table(name: str) -> str:
    """Return a table as Markdown."""
    head, *rows = TABLES[name]()
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def with_tables(text: str) -> str:
    """Return a page with the tables as they have to be."""
    return BLOCK.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
