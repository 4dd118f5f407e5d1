"""Settlements of one market under several rules: as tables for people, as CSV and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sesgame._engine import __version__
from sesgame.files.csv_text import csv_text
from sesgame.files.json_text import json_text
from sesgame.formatting import amount, text_table
from sesgame.markets.budget import budget_balance

if TYPE_CHECKING:
    from sesgame.markets.properties import PropertyReport
    from sesgame.markets.settlement import Settlement

__all__ = [
    "PAYMENTS",
    "RESULT",
    "payments_csv",
    "payments_text",
    "properties_text",
    "result_json",
]

PAYMENTS = "payments.csv"
RESULT = "result.json"


def payments_text(settlements: Mapping[str, Settlement]) -> str:
    """Return what everybody pays under each rule, and the budget surplus, as a table for people."""
    tolerances = [settlement.tolerance for settlement in settlements.values()]
    budgets = [budget_balance(settlement) for settlement in settlements.values()]
    rows = [["pays", *settlements]]
    rows += [
        [name, *(_amount(*cell) for cell in zip(paid, tolerances, strict=True))]
        for name, paid in _paid(settlements)
    ]
    rows.append(["budget surplus", *(_amount(one.gap, one.tolerance) for one in budgets)])
    return "\n".join(text_table(rows))


def _amount(value: float, tolerance: float) -> str:
    """Return a sum of money; what is rounding is nothing."""
    return amount(value if abs(value) > tolerance else 0.0)


def _paid(settlements: Mapping[str, Settlement]) -> Iterator[tuple[str, list[float]]]:
    """Yield everybody's name, with the payment under each rule."""
    first = next(iter(settlements.values()))
    for i, participant in enumerate(first.participants):
        yield str(participant), [float(one.payments[i]) for one in settlements.values()]
    for name in first.outside:
        yield name, [one.outside[name][1] for one in settlements.values()]


def properties_text(reports: Mapping[str, PropertyReport]) -> str:
    """Return what is known of each property under each rule, as a table for people."""
    every = list(reports.values())
    rows = [["", *reports]]
    rows += [[name, *(one.verdicts[name].brief for one in every)] for name in every[0].verdicts]
    return "\n".join(text_table(rows))


def payments_csv(settlements: Mapping[str, Settlement]) -> str:
    """Return what everybody pays, one line each, one column for each rule."""
    rows = ([name, *paid] for name, paid in _paid(settlements))
    return csv_text([["participant", *settlements], *rows])


def result_json(
    source: str, settlements: Mapping[str, Settlement], reports: Mapping[str, PropertyReport]
) -> str:
    """Return everything that is known of each settlement, by rule."""
    content = {
        "sesgame": __version__,
        "market": source,
        "rules": {
            rule: {**settlement.to_dict(), "properties": reports[rule].to_dict()}
            for rule, settlement in settlements.items()
        },
    }
    return json_text(content)
