"""Prices and capacities that look as if they were in another unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.contract import Contract
from sesgame.energy.plausibility.question import Question

if TYPE_CHECKING:
    from sesgame.energy.battery import Battery
    from sesgame.energy.contract_elements import Tax
    from sesgame.energy.tariff import PriceSeries, Tariff
    from sesgame.energy.time_steps import TimeSteps

__all__ = ["battery_questions", "price_questions"]

PER_EURO = {
    "BGN": 2,
    "CHF": 1,
    "CZK": 25,
    "DKK": 7,
    "EUR": 1,
    "GBP": 1,
    "HUF": 400,
    "NOK": 11,
    "PLN": 4,
    "RON": 5,
    "SEK": 11,
    "USD": 1,
}
"""How many make about a euro; the order of magnitude is all that counts."""

DEAR = 3.0
"""Euro for each kWh: ten times what households pay, and what the cheapest kWh costs in cents."""

APART = 100.0
"""Times: as far as cents are from euros."""

FILLS = (0.03, 200.0)
"""Hours in which storage fills: batteries take one to ten, and W taken for kW, or the other way
round, makes that a thousandth or a thousand times as much."""


def price_questions(
    steps: TimeSteps, contract: Tariff | PriceSeries | Contract, file: str
) -> list[Question]:
    """Return what is to be asked about the prices of a contract, or of a tariff.

    Of currencies whose size is not known here only prices are compared with each other.
    """
    taxes = contract.taxes if isinstance(contract, Contract) else ()
    return [*_prices(steps, contract, file), *_taxes(taxes)]


def _prices(
    steps: TimeSteps, contract: Tariff | PriceSeries | Contract, file: str
) -> Iterator[Question]:
    currency = contract.currency
    buy, sell = contract.prices(steps)
    inverted = np.flatnonzero(sell > buy)
    if inverted.size:
        first = int(inverted[0])
        yield Question(
            "sell above buy",
            file,
            f"sell_{currency.lower()}_per_kwh",
            f"from {steps.time(first)}",
            f"what is fed in earns {sell[first]:g} {currency} per kWh and what is drawn costs "
            f"{buy[first]:g}, in {inverted.size:,} of {steps.n_steps:,} steps",
            "that the two columns are the wrong way round",
            "exchange them, if so",
        )
    usual, paid = float(np.median(buy)), float(np.median(sell))
    dear = DEAR * PER_EURO.get(currency, np.inf)
    for name, price in (("buy", usual), ("sell", paid)):
        if price > dear:
            yield Question(
                "price unit",
                file,
                f"{name}_{currency.lower()}_per_kwh",
                "",
                f"{price:g} {currency} per kWh is the middle price",
                f"hundredths of {currency} per kWh, or {currency} per MWh",
                f"divide by 100, or by 1000, so that it is {currency} per kWh",
            )
    if 0 < paid * APART < usual <= dear:
        yield Question(
            "price unit",
            file,
            f"sell_{currency.lower()}_per_kwh",
            "",
            f"{paid:g} is fed in for, and {usual:g} {currency} per kWh bought",
            "that one of them is in another unit",
            f"write both in {currency} per kWh",
        )


def _taxes(taxes: Iterable[Tax]) -> Iterator[Question]:
    for tax in taxes:
        if 0 < abs(tax.per_cent) < 1:
            yield Question(
                "percentage",
                "taxes.csv",
                "per_cent",
                "",
                f"{tax.label} is {tax.per_cent:g} per cent",
                "a fraction",
                f"write {100 * tax.per_cent:g}",
            )


def battery_questions(batteries: Iterable[Battery]) -> list[Question]:
    """Return what is to be asked about batteries."""
    found = []
    for battery in batteries:
        if battery.power_kw <= 0 or battery.energy_kwh <= 0:
            continue
        hours = battery.energy_kwh / battery.power_kw
        if not FILLS[0] <= hours <= FILLS[1]:
            found.append(
                Question(
                    "battery unit",
                    "batteries.csv",
                    "power_kw",
                    "",
                    f"the battery of {battery.owner} has {battery.energy_kwh:g} kWh and "
                    f"{battery.power_kw:g} kW: it fills in {hours:.3g} hours",
                    "that one of them is in W, Wh or MWh",
                    "write kW and kWh",
                )
            )
    return found
