"""Numbers as people read them, each with its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sesgame.formatting import number as plain_number
from sesgame.formatting import size

if TYPE_CHECKING:
    from sesgame.game.allocation import Kind

__all__ = [
    "MINUS",
    "NO_BREAK",
    "amount",
    "difference",
    "energy",
    "number",
    "verb",
]

MINUS = "\N{MINUS SIGN}"  # read aloud as "minus", and no line is broken after it
NO_BREAK = "\N{NO-BREAK SPACE}"


def number(value: float, unit: str = "") -> str:
    """Return an amount of money to the cent, or six digits where there is no unit of money.

    Examples
    --------
    >>> number(1429.206, "EUR"), number(-0.001, "EUR"), number(2 / 3)
    ('1,429.21', '0.00', '0.666667')
    >>> number(-3) == MINUS + "3"
    True
    """
    return plain_number(value, unit).replace("-", MINUS)


def amount(value: float, unit: str = "") -> str:
    """Return a number with its unit, if there is one.

    Examples
    --------
    >>> amount(12, "EUR") == "12.00\N{NO-BREAK SPACE}EUR"
    True
    """
    return f"{number(value, unit)}{NO_BREAK}{unit}" if unit else number(value)


def difference(value: float, unit: str = "") -> str:
    """Return the size of what is not nothing.

    Examples
    --------
    >>> difference(-12, "EUR") == amount(12, "EUR"), difference(0.002, "EUR").split()
    (True, ['less', 'than', '0.01', 'EUR'])
    """
    return size(value, unit, amount)


def verb(kind: Kind, value: float) -> str:
    """Return whether who bears a cost, or gets a gain, pays or receives.

    Examples
    --------
    >>> verb("cost", 3.0), verb("cost", -3.0), verb("gain", 3.0)
    ('pay', 'receive', 'receive')
    """
    return "pay" if (kind == "cost") == (value >= 0) else "receive"


def energy(kwh: float, unit: str = "kWh") -> str:
    """Return an energy or power, with fewer decimals the more it is.

    Examples
    --------
    >>> energy(12345.6).split(), energy(3.14159, "kW").split()
    (['12,346', 'kWh'], ['3.1', 'kW'])
    """
    text = f"{kwh:,.0f}" if abs(kwh) >= 100 else f"{kwh:,.1f}"
    return f"{'0.0' if text == '-0.0' else text}{NO_BREAK}{unit}".replace("-", MINUS)
