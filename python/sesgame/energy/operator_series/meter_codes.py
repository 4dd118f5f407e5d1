"""What the series of a grid operator are called: Austrian meter codes, and columns of exports.

The codes are those of the energy data that grid operators send to energy communities; the columns
those of the tables in which portals hand them on [eegfaktura2026]_.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

__all__ = ["CODES", "PARTS", "SERIES", "Quantity", "Series", "code_of"]

Quantity = Literal["consumed", "offered", "covered", "generated", "surplus"]
"""What a series is of: three of a consumer, two of a plant."""


class Series(NamedTuple):
    """What is read of a point.

    Attributes
    ----------
    quantity : str
    codes : tuple of str
        Under which it may be delivered; the first that is there counts.
    """

    quantity: Quantity
    codes: tuple[str, ...]


SERIES = {
    "consumer": (
        Series("consumed", ("1-1:1.9.0 G.01T", "1-1:1.9.0 G.01")),
        Series("offered", ("1-1:2.9.0 G.02",)),
        Series("covered", ("1-1:2.9.0 G.03",)),
    ),
    "plant": (
        Series("generated", ("1-1:2.9.0 G.01T", "1-1:2.9.0 G.01")),
        Series("surplus", ("1-1:2.9.0 P.01T", "1-1:2.9.0 P.01")),
    ),
}
"""What each kind of point has. T is the part of a meter that takes part in the community."""

PARTS = {
    "1-1:1.9.0 G.01T": "1-1:1.9.0 G.01",
    "1-1:2.9.0 G.01T": "1-1:2.9.0 G.01",
    "1-1:2.9.0 G.03R": "1-1:2.9.0 G.03",
}
"""Series that are a part of another one, and of which: G.03R is what renewable plants cover."""

CODES = {
    code: kind for kind, series in SERIES.items() for each in series for code in each.codes
} | {"1-1:2.9.0 G.03R": "consumer"}
"""All codes, and which kind of point has them."""

_COLUMNS = {
    "gesamtverbrauch lt. messung": "1-1:1.9.0 G.01",
    "verbrauch lt. messung entsprechend dem teilnahmefaktor": "1-1:1.9.0 G.01T",
    "anteil gemeinschaftliche erzeugung": "1-1:2.9.0 G.02",
    "eigendeckung gemeinschaftliche erzeugung": "1-1:2.9.0 G.03",
    "eigendeckung aus erneuerbarer energie": "1-1:2.9.0 G.03R",
    "gesamte gemeinschaftliche erzeugung": "1-1:2.9.0 G.01",
    "erzeugung lt. messung entsprechend dem teilnahmefaktor": "1-1:2.9.0 G.01T",
    "gesamt/überschusserzeugung, gemeinschaftsüberschuss": "1-1:2.9.0 P.01",
    "restüberschuss bei eg": "1-1:2.9.0 P.01T",
}
"""How the columns of exports begin, in small letters."""

_UNIT = re.compile(r"\[([^\]]*)\]$")


def code_of(text: str) -> str:
    """Return the meter code that a cell names, by itself or as the column of an export.

    Raises
    ------
    ValueError
        It names none, or another unit than kWh.

    Examples
    --------
    >>> code_of("1-1:2.9.0  g.03"), code_of("Eigendeckung gemeinschaftliche Erzeugung [KWH]")
    ('1-1:2.9.0 G.03', '1-1:2.9.0 G.03')
    """
    words = " ".join(text.split())
    unit = _UNIT.search(words)
    if unit and unit[1].strip().upper() != "KWH":
        raise ValueError(text)
    if words.upper() in CODES:
        return words.upper()
    for beginning, code in _COLUMNS.items():
        if words.lower().startswith(beginning):
            return code
    raise ValueError(text)
