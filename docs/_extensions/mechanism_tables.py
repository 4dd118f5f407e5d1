"""Tables of the mechanisms for markets, from their catalogue, as a directive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sesgame.markets import NetworkMarket, OrderBook, StorageAuction
from sesgame.markets.catalogue import MECHANISMS
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

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
    for kind in (OrderBook, NetworkMarket, StorageAuction):
        what = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
        names = ", ".join(_function(one) for one in RULES if one.takes(kind))
        rows.append([what, f"`{kind.__name__}`", names])
    return rows


TABLES: dict[str, Callable[[], list[list[str]]]] = {
    "markets": _by_market,
    "rules": lambda: [["rule", "what it is", "holds", "gives up"], *map(_row, RULES)],
    "repairs": lambda: [["repair", "who bears the gap", "holds", "gives up"], *map(_row, REPAIRED)],
}


class MechanismTable(SphinxDirective):
    """``mechanism-table:: rules``: the rules, the repairs, or the markets with their rules."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table, parsed like the page around it."""
        head, *rows = TABLES[self.arguments[0]]()
        lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the directive."""
    app.add_directive("mechanism-table", MechanismTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
