"""The file of what sharing costs: a fee for each two zones, and when it holds."""

from __future__ import annotations

import re
from typing import NamedTuple, cast, get_args

from sesgame.energy.community_files import BAND_COLUMNS, read_bands
from sesgame.energy.contract_files import rows_of
from sesgame.energy.public_grid.metering_point import OwnPoints
from sesgame.energy.tariff import Tariff
from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable

__all__ = ["SharingTerms", "read_sharing"]

_SAME = "same"
_OF_ALL = ("own_points", "storage_contract")


class SharingTerms(NamedTuple):
    """How a community shares.

    Attributes
    ----------
    fees : dict
        From each zone to each, as a tariff's buy price.
    own_points : {"always", "with_others", "never"}
        Whether the points of one member share with one another.
    storage_contract : str or None
        Under which batteries trade outside, if there are any.
    """

    fees: dict[tuple[str, str], Tariff]
    own_points: OwnPoints
    storage_contract: str | None


def read_sharing(
    table: CsvTable, zones: list[str], currency: str, *, average: bool
) -> SharingTerms:
    """Return how a community shares.

    Raises
    ------
    GameError
        A zone is unknown or named "same", two have no fee or several at once, or the currency is
        another one; the message names file, line and column.
    """
    column = f"fee_{currency.lower()}_per_kwh"
    others = [n for n in table.columns if re.fullmatch(r"fee_[a-z]{3}_per_kwh", n) and n != column]
    if others:
        raise GameError(f'{table.path}: "{others[0]}", but contracts are in {currency}: "{column}"')
    table.expect([column], ["from_zone", "to_zone", *_OF_ALL, *BAND_COLUMNS])
    if _SAME in zones:
        raise GameError(
            f'a zone of points.csv has the name "{_SAME}", which means the zone of from_zone in '
            f"{table.path}: give it another name"
        )
    givers, takers = table.texts("from_zone", ""), table.texts("to_zone", "")
    rows: dict[tuple[str, str], list[int]] = {}
    for row, pair in enumerate(zip(givers, takers, strict=True)):
        for name, zone in zip(("from_zone", "to_zone"), pair, strict=True):
            if zone and zone not in zones and not (name == "to_zone" and zone == _SAME):
                known = ", ".join(zone or "points without a zone" for zone in zones)
                table.fail(row, name, f'"{zone}" is no zone of points.csv, which has {known}')
        rows.setdefault(pair, []).append(row)
    given = {
        pair: _tariff(table, numbers, column, currency, average=average)
        for pair, numbers in rows.items()
    }
    fees = {}
    for giver in zones:
        for taker in zones:
            # The rows that say most of the two zones; an empty cell is any zone.
            pairs = [(giver, taker), (giver, ""), ("", taker), ("", "")]
            if giver == taker:
                pairs[1:1] = [(giver, _SAME), ("", _SAME)]
            fee = next((given[pair] for pair in pairs if pair in given), None)
            if fee is None:
                raise GameError(
                    f'{table.path} has no fee from the zone "{giver}" to "{taker}"; add a row with '
                    f"both cells empty for all that have none of their own"
                )
            fees[giver, taker] = fee
    own_points, contract = (_alike(table, column) for column in _OF_ALL)
    if own_points and own_points not in get_args(OwnPoints):
        table.fail(0, "own_points", f'"{own_points}" is not {", ".join(get_args(OwnPoints))}')
    return SharingTerms(fees, cast("OwnPoints", own_points or "always"), contract or None)


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


def _alike(table: CsvTable, column: str) -> str:
    """Return what all rows say alike."""
    said = table.texts(column, "")
    for row, word in enumerate(said):
        if word != said[0]:
            table.fail(row, column, f'"{word}", but the first row says "{said[0]}"')
    return said[0]
