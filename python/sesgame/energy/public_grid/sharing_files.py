"""The file of what sharing costs: a fee for each two zones, and when it holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast, get_args

import numpy as np

from sesgame.energy.community_files import BAND_COLUMNS, read_bands
from sesgame.energy.contract_files import rows_of
from sesgame.energy.public_grid.metering_point import OwnPoints
from sesgame.energy.tariff import Tariff
from sesgame.errors import Fault
from sesgame.files.csv_table import CsvTable
from sesgame.files.faults import Faults

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SharingTerms", "read_sharing"]

_SAME = "same"
_REDUCTION = "reduction"
_OF_ALL = ("own_points", "storage_contract")


class SharingTerms(NamedTuple):
    """How a community shares.

    Attributes
    ----------
    fees : dict
        From each zone to each, as a tariff's buy price.
    reductions : dict
        By which part each of them is reduced.
    own_points : {"always", "with_others", "never"}
        Whether the points of one member share with one another.
    storage_contract : str or None
        Under which batteries trade outside, if there are any.
    """

    fees: dict[tuple[str, str], Tariff]
    reductions: dict[tuple[str, str], float]
    own_points: OwnPoints
    storage_contract: str | None


def read_sharing(
    table: CsvTable, zones: list[str], currency: str | None, *, average: bool
) -> SharingTerms:
    """Return how a community shares.

    Parameters
    ----------
    table : CsvTable
    zones : list of str
        Those of points.
    currency : str or None
        That of the contracts; None where nobody knows.
    average : bool
        Whether a step in which the fee changes has its mean.

    Raises
    ------
    FaultyFilesError
        A zone is unknown or named "same", two have no fee or several at once, or the currency is
        another one; all that is wrong, with file, line and column.
    """
    fees_there = [name for name in table.columns if re.fullmatch(r"fee_[a-z]{3}_per_kwh", name)]
    if currency is None:
        # What it says itself; one of many where it says nothing, for the message.
        currency = fees_there[0][4:7].upper() if fees_there else "EUR"
    column = f"fee_{currency.lower()}_per_kwh"
    others = [name for name in fees_there if name != column]
    if others:
        what = f'"{others[0]}", but contracts are in {currency}: "{column}"'
        raise table.fault(what)
    table.expect([column], ["from_zone", "to_zone", _REDUCTION, *_OF_ALL, *BAND_COLUMNS])
    givers, takers = table.texts("from_zone", ""), table.texts("to_zone", "")
    faults = Faults()
    if _SAME in zones:
        what = f'a zone of points.csv has the name "{_SAME}", which means the zone of from_zone in '
        faults.found.append(
            Fault(f"{what}{table.path}", str(table.path), cure="give it another name")
        )
    rows: dict[tuple[str, str], list[int]] = {}
    for row, pair in enumerate(zip(givers, takers, strict=True)):
        for name, zone in zip(("from_zone", "to_zone"), pair, strict=True):
            if zone and zone not in zones and not (name == "to_zone" and zone == _SAME):
                known = ", ".join(zone or "points without a zone" for zone in zones)
                with faults.caught():
                    table.fail(row, name, f'"{zone}" is no zone of points.csv, which has {known}')
        rows.setdefault(pair, []).append(row)
    parts = np.zeros(len(table))
    with faults.caught():
        parts = table.floats(_REDUCTION, 0.0)
    given: dict[tuple[str, str], Tariff] = {}
    reduced: dict[tuple[str, str], float] = {}
    for pair, numbers in rows.items():
        with faults.caught():
            given[pair] = _tariff(table, numbers, column, currency, average=average)
        with faults.caught():
            reduced[pair] = _reduction(table, numbers, parts[numbers])
    terms = ["", ""]
    for place, name in enumerate(_OF_ALL):
        with faults.caught():
            terms[place] = _alike(table, name)
    own_points, contract = terms
    if own_points and own_points not in get_args(OwnPoints):
        with faults.caught():
            table.fail(0, "own_points", f'"{own_points}" is not {", ".join(get_args(OwnPoints))}')
    # A fee that cannot be read is no fee that is missing.
    faults.refuse()
    fees, reductions = {}, {}
    for giver in zones:
        for taker in zones:
            # The rows that say most of the two zones; an empty cell is any zone.
            pairs = [(giver, taker), (giver, ""), ("", taker), ("", "")]
            if giver == taker:
                pairs[1:1] = [(giver, _SAME), ("", _SAME)]
            said = next((pair for pair in pairs if pair in given), None)
            if said is None:
                what = f'{table.path} has no fee from the zone "{giver}" to "{taker}"'
                cure = "add a row with both cells empty for all that have none of their own"
                faults.found.append(Fault(what, str(table.path), cure=cure))
            else:
                fees[giver, taker], reductions[giver, taker] = given[said], reduced[said]
    faults.refuse()
    return SharingTerms(
        fees, reductions, cast("OwnPoints", own_points or "always"), contract or None
    )


def _tariff(
    table: CsvTable, rows: list[int], column: str, currency: str, *, average: bool
) -> Tariff:
    """Return the fee of two zones: one number, or bands that cover each minute once."""
    if len(rows) > 1 and set(BAND_COLUMNS).isdisjoint(table.columns):
        there = f"the fee between these zones is there already, in line {table.lines[rows[0]]}"
        table.fail(rows[1], column, there)
    own = rows_of(table, rows)
    fees = own.floats(column)
    return read_bands(own, (fees, fees), currency, average=average)


def _reduction(table: CsvTable, rows: list[int], parts: NDArray[np.float64]) -> float:
    """Return by which part the fee of two zones is reduced, the same in all its rows."""
    for row, part in zip(rows, parts.tolist(), strict=True):
        if not 0 <= part <= 1:
            there = f"{part:g} is no part of the fee: it must be in [0, 1]"
            table.fail(row, _REDUCTION, there)
        if part != parts[0]:
            first = f"{float(parts[0]):g} in line {table.lines[rows[0]]}"
            table.fail(row, _REDUCTION, f"{part:g}, but between these zones it is {first}")
    return float(parts[0])


def _alike(table: CsvTable, column: str) -> str:
    """Return what all rows say alike."""
    said = table.texts(column, "")
    for row, word in enumerate(said):
        if word != said[0]:
            table.fail(row, column, f'"{word}", but the first row says "{said[0]}"')
    return said[0]
