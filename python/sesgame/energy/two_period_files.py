"""The folder of CSV files that describes storage under a tariff of two periods."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from sesgame.energy.risk import Risk
from sesgame.energy.risk_files import read_risk
from sesgame.errors import GameError
from sesgame.files.csv_folder import csv_files
from sesgame.files.csv_table import CsvTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TwoPeriodFields", "read_two_period_files", "two_period_files"]

_NEEDED = ("two_period", "energy")
_OPTIONAL = ("storage", "weights", "risk")
_PERIODS = ("off_peak_kwh", "peak_kwh")


class TwoPeriodFields(TypedDict):
    """What the files give, as the arguments of a TwoPeriodStorage."""

    members: list[str]
    off_peak_kwh: NDArray[np.float64]
    peak_kwh: NDArray[np.float64]
    off_peak_price: float
    peak_price: float
    storage_price: float
    capacity_kwh: NDArray[np.float64]
    capital_cost_per_kwh: NDArray[np.float64]
    weights: list[float] | None
    risk: Risk | None
    currency: str
    name: str


def two_period_files(folder: Path) -> dict[str, Path]:
    """Return the files by their role: two_period, energy and, if there, storage, weights and risk.

    Raises
    ------
    GameError
        There is no such folder, a file is missing, or is there plain and compressed.
    """
    return csv_files(folder, _NEEDED, _OPTIONAL)


def read_two_period_files(folder: Path) -> TwoPeriodFields:
    """Read the files of a folder.

    Raises
    ------
    GameError
        A file is missing or wrong; the message names file, line and column.
    """
    files = two_period_files(folder)
    currency, (off_peak, peak, storage) = _read_prices(CsvTable.read(files["two_period"]))
    energy = CsvTable.read(files["energy"])
    members, scenarios, (off_peak_kwh, peak_kwh) = _read_energy(energy)
    capacity_kwh = capital_cost_per_kwh = np.zeros(len(members))
    if "storage" in files:
        capacity_kwh, capital_cost_per_kwh = _read_storage(CsvTable.read(files["storage"]), members)
    weights = None
    if "weights" in files:
        weights = _read_weights(CsvTable.read(files["weights"]), scenarios)
    return {
        "members": members,
        "off_peak_kwh": off_peak_kwh,
        "peak_kwh": peak_kwh,
        "off_peak_price": off_peak,
        "peak_price": peak,
        "storage_price": storage,
        "capacity_kwh": capacity_kwh,
        "capital_cost_per_kwh": capital_cost_per_kwh,
        "weights": weights,
        "risk": read_risk(files["risk"]) if "risk" in files else None,
        "currency": currency,
        "name": folder.resolve().name,
    }


def _read_prices(table: CsvTable) -> tuple[str, tuple[float, float, float]]:
    """Return the currency and the prices off peak, at the peak, and of storage."""
    named = (re.fullmatch(r"peak_([a-z]{3})_per_kwh", name) for name in table.columns)
    currency = next((match[1] for match in named if match), None)
    if currency is None:
        raise GameError(
            f"{table.path} has no column for the price at the peak with its currency, such as "
            f'"peak_eur_per_kwh"; it has {table.names}'
        )
    columns = [f"{what}_{currency}_per_kwh" for what in ("off_peak", "peak", "storage")]
    table.expect(columns[:2], columns[2:])
    if len(table) > 1:
        raise GameError(f"{table.path}, line {table.lines[1]}: one row of prices is enough")
    off_peak, peak = (float(table.floats(name)[0]) for name in columns[:2])
    storage = float(table.floats(columns[2])[0]) if columns[2] in table.columns else math.inf
    if off_peak < 0:
        table.fail(0, columns[0], f"{off_peak:g} is negative")
    if peak < off_peak:
        table.fail(0, columns[1], f"{peak:g} is below the price off peak, {off_peak:g}")
    if storage <= 0:
        table.fail(0, columns[2], f"{storage:g} is not above 0")
    return currency.upper(), (off_peak, peak, storage)


def _read_energy(table: CsvTable) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Return members, scenarios, and the energy of each period, shape (2, K, n)."""
    table.expect(["member", *_PERIODS], ["scenario"])
    labels, days = table.texts("member"), table.texts("scenario", "")
    members = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    scenarios = {day: place for place, day in enumerate(dict.fromkeys(days))}
    energy = np.full((2, len(scenarios), len(members)), np.nan)
    for number, name in enumerate(_PERIODS):
        for row, amount in enumerate(table.floats(name).tolist()):
            label, day = labels[row], days[row]
            if not label:
                table.fail(row, "member", "the cell is empty; it must be the member's label")
            if amount < 0:
                table.fail(row, name, f"{amount:g} is negative")
            place = number, scenarios[day], members[label]
            if not np.isnan(energy[place]):
                when = f" in scenario {day}" if day else ""
                table.fail(row, "member", f"duplicate row of {label}{when}")
            energy[place] = amount
    missing = np.argwhere(np.isnan(energy))
    if missing.size:
        _, scenario, member = missing[0]
        raise GameError(
            f"{table.path} has no row of {list(members)[member]} in scenario "
            f"{list(scenarios)[scenario]}"
        )
    return list(members), list(scenarios), energy


def _read_storage(
    table: CsvTable, members: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the capacity that each member owns, and what a kWh of it costs on the average."""
    table.expect(["owner", "energy_kwh"], ["capital_cost_per_kwh"])
    capacity, capital = np.zeros((2, len(members)))
    places = {label: place for place, label in enumerate(members)}
    costs = table.floats("capital_cost_per_kwh", 0.0).tolist()
    rows = zip(table.texts("owner"), table.floats("energy_kwh").tolist(), costs, strict=True)
    for row, (owner, energy, cost) in enumerate(rows):
        if owner not in places:
            table.fail(
                row,
                "owner",
                f'"{owner}" is not in energy.csv; list an operator there with 0 kWh',
            )
        for name, value in (("energy_kwh", energy), ("capital_cost_per_kwh", cost)):
            if value < 0:
                table.fail(row, name, f"{value:g} is negative")
        capacity[places[owner]] += energy
        capital[places[owner]] += energy * cost
    return capacity, np.divide(capital, capacity, out=np.zeros_like(capital), where=capacity > 0)


def _read_weights(table: CsvTable, scenarios: list[str]) -> list[float]:
    """Return the probability of each scenario."""
    table.expect(["scenario", "weight"])
    names, weights = table.texts("scenario"), table.floats("weight").tolist()
    known = frozenset(scenarios)
    given: dict[str, float] = {}
    for row, (name, weight) in enumerate(zip(names, weights, strict=True)):
        if name not in known:
            table.fail(row, "scenario", f'"{name}" is not in energy.csv')
        if name in given:
            table.fail(row, "scenario", f'duplicate scenario "{name}"')
        if weight <= 0:
            table.fail(row, "weight", f"{weight:g} is not above 0")
        given[name] = weight
    for name in scenarios:
        if name not in given:
            raise GameError(f'{table.path} has no weight of the scenario "{name}"')
    total = math.fsum(weights)
    if abs(total - 1) > 1e-9:
        raise GameError(f"{table.path}: the weights must sum to 1, got {total!r}")
    return [given[name] for name in scenarios]
