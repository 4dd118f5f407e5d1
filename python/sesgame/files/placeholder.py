"""The cell that stands for what only a person knows, until it is written there."""

from __future__ import annotations

import re

__all__ = ["PLACEHOLDER", "what_to_write"]

PLACEHOLDER = "?"
"""In place of a number; every reader refuses it by name."""

_MONEY = re.compile(r"_([a-z]{3})(?:_per_([a-z]+))?$")
_UNITS = {"kwh": "kWh", "kw": "kW"}


def what_to_write(column: str) -> str:
    """Return what to write for the placeholder in a column, as far as its name says that.

    Examples
    --------
    >>> what_to_write("buy_eur_per_kwh"), what_to_write("price_sek"), what_to_write("energy_kwh")
    ('the price in EUR per kWh', 'the price in SEK', 'the number of kWh')
    >>> what_to_write("charge_efficiency"), what_to_write("per_cent"), what_to_write("scale")
    ('the efficiency, such as 0.95', 'the number of per cent, such as 21', 'the number')
    """
    if column.endswith("efficiency"):
        return "the efficiency, such as 0.95"
    if column == "per_cent":
        return "the number of per cent, such as 21"
    money = _MONEY.search(column)
    if money and money[1] not in _UNITS:
        per = f" per {_UNITS.get(money[2], money[2])}" if money[2] else ""
        return f"the price in {money[1].upper()}{per}"
    unit = _UNITS.get(column.rpartition("_")[2])
    return f"the number of {unit}" if unit else "the number"
