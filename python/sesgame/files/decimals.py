"""Numbers with commas or points before their decimals, and with signs between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from sesgame.errors import GameError

__all__ = [
    "CONFLICT",
    "MOST_DECIMALS",
    "PLAIN_SIGNS",
    "Signs",
    "decimals_of",
    "has_sign",
    "signs_of",
]

MOST_DECIMALS = 15
"""Of numbers that nobody has rounded, as far as floats go."""

_THOUSANDS = ".,'\N{RIGHT SINGLE QUOTATION MARK} \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
"""What may stand between groups of three digits."""

_NUMBER = re.compile(rf"[+-]?(\d[\d{_THOUSANDS}]*|[.,]\d+)(?:[eE][+-]?\d+)?")
_KINDS = ["points", "commas"] + 2 * ["apostrophes"] + 3 * ["blanks"]
_NAMES = dict(zip(_THOUSANDS, _KINDS, strict=True))


class Signs(NamedTuple):
    """What stands in the numbers of a column.

    Attributes
    ----------
    decimal : str or None
        Before the decimals; None where a comma or a point is there and nothing tells what it is.
    thousands : str
        What may stand between groups of three digits.
    """

    decimal: str | None = "."
    thousands: str = ""

    def plain(self, cell: str) -> str:
        """Return a number as it is written in code.

        Raises
        ------
        GameError
            It may be read in two ways.

        Examples
        --------
        >>> Signs(",", ".").plain("1.234,5"), Signs().plain(" 2.5 ")
        ('1234.5', '2.5')
        """
        text = cell.strip()
        if self == PLAIN_SIGNS or not _NUMBER.fullmatch(text):
            return text
        for sign in self.thousands:
            if sign in text:
                text = _ungrouped(text, sign, self.decimal or ".")
        strange = [sign for sign in text if sign in _THOUSANDS and sign != self.decimal]
        if strange:
            raise GameError(_two_readings(text, strange[0]))
        return text.replace(self.decimal or ".", ".")

    def in_words(self) -> list[str]:
        """Return what is not plain, for people to read."""
        words = ["decimal commas"] if self.decimal == "," else []
        names = dict.fromkeys(_NAMES[sign] for sign in self.thousands)
        return words + [f"{name} between thousands" for name in names]


PLAIN_SIGNS = Signs()
CONFLICT = Signs(None)
"""Commas before the decimals of some numbers of a column, and points before those of others."""


def signs_of(cells: Iterable[str]) -> Signs | None:
    """Return what the numbers of a column have, as far as they tell; None where they do not.

    ``1,234`` may be a bit more than one or more than a thousand; ``0,5`` and ``1.234,56`` tell.

    Examples
    --------
    >>> signs_of(["1,234", "0,5"])
    Signs(decimal=',', thousands='')
    >>> signs_of(["1.234,56", "1.234"])
    Signs(decimal=',', thousands='.')
    >>> signs_of(["1,234"]) is None, signs_of(["12"]) is None
    (True, True)
    """
    decimals: set[str] = set()
    thousands: set[str] = set()
    for cell in cells:
        text = cell.strip()
        if text.isdigit() or not _NUMBER.fullmatch(text):
            continue
        mantissa = re.split("[eE]", text.lstrip("+-"))[0]
        found = [sign for sign in mantissa if sign in _THOUSANDS]
        kinds = dict.fromkeys(found)
        last = found[-1] if found else ""
        if not found or len(kinds) > 2:
            continue
        if len(kinds) == 2:
            first = next(iter(kinds))
            if found.count(last) == 1 and _is_grouped(mantissa.rpartition(last)[0], first):
                thousands.add(first)
                decimals.add(last)
        elif len(found) > 1 or last not in ".,":
            if _is_grouped(mantissa, last):
                thousands.add(last)
        elif not _is_grouped(mantissa, last):
            decimals.add(last)
    if len(decimals) > 1 or decimals & thousands:
        return CONFLICT
    if not decimals and thousands & {".", ","}:
        decimals = {".", ","} - thousands
    if len(decimals) != 1:
        return Signs(".", "".join(sorted(thousands))) if thousands else None
    return Signs(decimals.pop(), "".join(sorted(thousands)))


def decimals_of(cells: Iterable[str]) -> int:
    """Return the most decimals that a number has among cells without signs between thousands.

    Examples
    --------
    >>> decimals_of(["0.25", "1,5", "2e-3"])
    3
    """
    most = 0
    for cell in cells:
        mantissa, _, exponent = cell.strip().lower().partition("e")
        digits = len(mantissa.replace(",", ".").partition(".")[2])
        most = max(most, digits - int(exponent or 0))
    return min(most, MOST_DECIMALS)


def has_sign(cells: Iterable[str]) -> bool:
    """Return whether a number among cells has a comma or a point."""
    return any(_NUMBER.fullmatch(text := cell.strip()) and not text.isdigit() for cell in cells)


def _is_grouped(text: str, sign: str) -> bool:
    """Return whether a sign stands between groups of three digits, as between thousands."""
    first, *groups = text.split(sign)
    return (
        first.isdigit()
        and 1 <= len(first) <= 3
        and first[0] != "0"
        and all(len(group) == 3 and group.isdigit() for group in groups)
    )


def _ungrouped(text: str, sign: str, decimal: str) -> str:
    """Return a number without the signs between its thousands."""
    whole, point, rest = text.partition(decimal)
    if sign in rest or not _is_grouped(whole.lstrip("+-"), sign):
        raise GameError(f'"{text}" is no number with thousands')
    return whole.replace(sign, "") + point + rest


def _two_readings(text: str, sign: str) -> str:
    """Return what a number may be whose sign nobody knows."""
    cure = "write all numbers with decimal points, and nothing between thousands"
    if not _is_grouped(text.lstrip("+-"), sign):
        return f'"{text}" has another sign before its decimals than others of its column; {cure}'
    small, large = text.replace(sign, "."), text.replace(sign, "")
    return (
        f'"{text}" may be {small} or {large}, as nothing tells whether the {_NAMES[sign][:-1]} is '
        f"before decimals or between thousands; {cure}"
    )
