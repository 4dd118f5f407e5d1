"""The CSV files of contracts: prices, and an element in each row of the others."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from sesgame.energy.clock import as_date
from sesgame.energy.clock_cells import (
    CLOCK,
    DAYS,
    HOURS,
    MONTHS_OF_YEAR,
    days_of,
    hours_of,
    minute_of,
    months_of,
)
from sesgame.energy.contract import Contract
from sesgame.energy.contract_elements import Block, FixedFee, Tax
from sesgame.energy.demand_charge import DemandCharge
from sesgame.energy.tariff import PriceSeries, Tariff
from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable
from sesgame.files.faults import Faults

__all__ = ["CONTRACT_FILES", "ELEMENT_FILES", "read_contracts", "rows_of"]

ELEMENT_FILES = ("fees", "demand_charges", "blocks", "taxes")
CONTRACT_FILES = ("contracts", *ELEMENT_FILES)
"""Roles of the files that say what suppliers bill."""

OF_ONE = "tariff"
"""The name of the contract of a community that has ``tariff.csv``."""

TariffReader: TypeAlias = Callable[[CsvTable], Tariff | PriceSeries]
T = TypeVar("T")

_TERMS = ("loss_factor", "credit", "minimum_per_month", "billed_per", "valid_until")
_WHOLE = {"mean_minutes", "n_highest", "mean_of_months", "ratchet_months"}
_NUMBERS = {"floor_kw", "cap_kw", "ratchet"}


def read_contracts(
    files: Mapping[str, Path], read_tariff: TariffReader, assumed: list[str] | None = None
) -> dict[str, Contract]:
    """Return the contracts of a folder by name.

    Parameters
    ----------
    files : mapping of str to Path
        By role: ``contracts``, or ``tariff`` for one contract of that name; and, if there,
        ``fees``, ``demand_charges``, ``blocks`` and ``taxes``.
    read_tariff : callable
        What makes prices of the columns of ``tariff.csv``.
    assumed : list of str, optional
        As in :meth:`CsvTable.read`.

    Raises
    ------
    GameError
        A file is wrong, with file, line and column; it names a contract that there is not, or money
        in another currency than the contract's.
    """
    if "contracts" in files and "tariff" in files:
        raise GameError(
            f"{files['contracts']} has the prices of each contract, and {files['tariff']} others: "
            f"keep one of the two"
        )
    if "contracts" in files:
        found = _read_prices(CsvTable.read(files["contracts"], assumed), read_tariff)
    else:
        energy = read_tariff(CsvTable.read(files["tariff"], assumed))
        found = {OF_ONE: Contract(name=OF_ONE, energy=energy)}
    readers: dict[str, Callable[[CsvTable, str], list[Any]]] = {
        "fees": _fees,
        "demand_charges": _demand_charges,
        "blocks": _blocks,
        "taxes": _taxes,
    }
    faults = Faults()
    for role, read in readers.items():
        if role in files:
            with faults.caught():
                table = CsvTable.read(files[role], assumed)
                currencies = {contract.currency for contract in found.values()}
                if len(currencies) > 1:
                    names = " and ".join(sorted(currencies))
                    raise table.fault(f"the contracts are in {names}", cure="give one currency")
                rows = read(table, next(iter(currencies)))
                found = _added(table, found, role, rows)
    faults.refuse()
    return found


def _read_prices(table: CsvTable, read_tariff: TariffReader) -> dict[str, Contract]:
    """Return contracts without elements, from the rows that name each."""
    table.need("contract")
    names = table.texts("contract")
    currency = _currency(table, r"buy_([a-z]{3})_per_kwh")
    minimum = f"minimum_{currency.lower()}_per_month"
    terms = {name: name for name in _TERMS} | {"minimum_per_month": minimum}
    found = {}
    for name in dict.fromkeys(names):
        rows = [row for row, each in enumerate(names) if each == name]
        if not name:
            table.fail(rows[0], "contract", "the cell is empty; it must be the contract's name")
        own = rows_of(table, rows, drop=("contract", *terms.values()))
        options: dict[str, Any] = {}
        for term, column in terms.items():
            cells = table.texts(column, "")
            for row in rows[1:]:
                if cells[row] != cells[rows[0]]:
                    table.fail(row, column, f"{name} has another one in line {own.lines[0]}")
            if cells[rows[0]]:
                converters: dict[str, Callable[[str], object]] = {
                    "credit": str,
                    "billed_per": str,
                    "valid_until": as_date,
                }
                convert = converters.get(term, table.number(column))
                wanted = "a date like 2024-08-15" if term == "valid_until" else "a number"
                part = rows_of(table, rows[:1])
                (options[term],) = part.convert(column, [cells[rows[0]]], convert, wanted)
        energy = read_tariff(own)
        if isinstance(energy, Tariff):
            options["valid_from"] = energy.valid_from
        with own.of_row(0):
            found[name] = Contract(name=name, energy=energy, **options)
    return found


def rows_of(table: CsvTable, rows: list[int], drop: Collection[str] = ()) -> CsvTable:
    """Return some rows of a table, without some columns."""
    kept = {
        name: tuple(cells[row] for row in rows)
        for name, cells in table.columns.items()
        if name not in drop
    }
    return replace(table, columns=kept, lines=tuple(table.lines[row] for row in rows))


def _added(
    table: CsvTable, contracts: dict[str, Contract], role: str, elements: list[Any]
) -> dict[str, Contract]:
    """Return contracts with the elements of a table; those of no contract are of all."""
    found = dict(contracts)
    for row, (name, element) in enumerate(zip(table.texts("contract", ""), elements, strict=True)):
        if name and name not in found:
            known = ", ".join(found)
            table.fail(row, "contract", f'there is no contract "{name}"; there is {known}')
        for each in [name] if name else list(found):
            more: dict[str, Any] = {role: (*getattr(found[each], role), element)}
            with table.of_row(row):
                found[each] = replace(found[each], **more)
    return found


def _fees(table: CsvTable, currency: str) -> list[FixedFee]:
    price = _money(table, "price_{}", currency)
    table.expect(["label", price], ["contract", "per", "of", "in_game"])
    columns = zip(
        table.texts("label"),
        table.floats(price).tolist(),
        [cell or "month" for cell in table.texts("per", "month")],
        [cell or "point" for cell in table.texts("of", "point")],
        table.convert("in_game", table.texts("in_game", ""), _yes, "yes or no"),
        strict=True,
    )
    return _each(
        table, columns, lambda a, b, c, d, e: FixedFee(label=a, price=b, per=c, of=d, in_game=e)
    )


def _blocks(table: CsvTable, currency: str) -> list[Block]:
    price = _money(table, "surcharge_{}_per_kwh", currency)
    table.expect(["above_kwh", price], ["contract", "months"])
    months = table.convert("months", table.texts("months", ""), months_of, MONTHS_OF_YEAR)
    columns = zip(
        table.floats("above_kwh").tolist(), table.floats(price).tolist(), months, strict=True
    )
    return _each(table, columns, lambda a, b, c: Block(above_kwh=a, surcharge_per_kwh=b, months=c))


def _taxes(table: CsvTable, currency: str) -> list[Tax]:
    table.expect(["label", "per_cent"], ["contract", "on"])
    columns = zip(
        table.texts("label"),
        table.floats("per_cent").tolist(),
        [
            {} if not cell else {"on": frozenset(part.strip() for part in cell.split(";"))}
            for cell in table.texts("on", "")
        ],
        strict=True,
    )
    return _each(table, columns, lambda a, b, on: Tax(label=a, per_cent=b, **on))


def _demand_charges(table: CsvTable, currency: str) -> list[DemandCharge]:
    price = _money(table, "price_{}_per_kw", currency)
    when = ["per", "from", "to", "days", "months"]
    peak = [*sorted(_WHOLE), *sorted(_NUMBERS), "one_per_day", "history_kw", "also"]
    table.expect([price], ["contract", *when, *peak])
    options: list[dict[str, Any]] = [
        {"price_per_kw": value} for value in table.floats(price).tolist()
    ]
    converters: dict[str, tuple[str, Callable[[str], object], str]] = {
        "per": ("per", str, ""),
        "from": ("start_minute", minute_of, CLOCK),
        "to": ("end_minute", minute_of, CLOCK),
        "days": ("days", days_of, DAYS),
        "months": ("months", months_of, MONTHS_OF_YEAR),
        "one_per_day": ("one_per_day", _yes, "yes or no"),
        "history_kw": ("history_kw", _history, "months and kW like 2023-11 4.1;2023-12 4.4"),
        "also": ("also", hours_of, HOURS),
        **{name: (name, int, "a whole number") for name in _WHOLE},
        **{name: (name, table.number(name), "a number") for name in _NUMBERS},
    }
    for column, (name, convert, wanted) in converters.items():
        # An empty cell is as if there were no column.
        for row, cell in enumerate(table.texts(column, "")):
            if cell:
                part = rows_of(table, [row])
                (options[row][name],) = part.convert(column, [cell], convert, wanted)
    return _each(table, ((each,) for each in options), lambda each: DemandCharge(**each))


def _each(table: CsvTable, rows: Any, make: Callable[..., T]) -> list[T]:
    """Return what is made of each row, or say in which line something is wrong."""
    made = []
    faults = Faults()
    for row, cells in enumerate(rows):
        with faults.caught(), table.of_row(row):
            made.append(make(*cells))
    faults.refuse()
    return made


def _money(table: CsvTable, pattern: str, currency: str) -> str:
    """Return the name of the column of money, in the currency of the contracts."""
    found = _currency(table, pattern.format("([a-z]{3})"))
    if found != currency:
        raise table.fault(
            f'the column "{pattern.format(found.lower())}" is in {found}, and the contracts are in '
            f"{currency}: convert it"
        )
    return pattern.format(currency.lower())


def _currency(table: CsvTable, pattern: str) -> str:
    for name in table.columns:
        if match := re.fullmatch(pattern, name):
            return match[1].upper()
    example = pattern.replace("([a-z]{3})", "eur")
    raise table.fault(
        f'{table.path} has no column of money with its currency, such as "{example}"; it has '
        f"{table.names}"
    )


def _finite(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _yes(cell: str) -> bool:
    if cell not in ("", "yes", "no"):
        raise ValueError(cell)
    return cell == "yes"


def _history(cell: str) -> tuple[tuple[str, float], ...]:
    pairs = (part.split() for part in cell.split(";"))
    return tuple((month, _finite(kw)) for month, kw in pairs)
