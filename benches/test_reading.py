"""Meters of a thousand members over a month of quarter-hours, from CSV into a community.

    python -m pytest -s benches/test_reading.py

Printed: processor time and the most memory of a cell, for the reader of plain tables, for the one
that goes cell by cell, for the parser of numpy, and for the whole way into a community, also with
semicolons and decimal commas.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from sesgame.energy import Community
from sesgame.files.csv_table import CsvTable
from sesgame.files.number_table import NumberTable

N_MEMBERS, N_STEPS = 1000, 2976


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with whole watt-hours, as meters write them."""
    path = tmp_path_factory.mktemp("large")
    readings = np.random.default_rng(0).integers(0, 3000, (N_STEPS, N_MEMBERS)) / 1000
    names = [f"m{k}" for k in range(N_MEMBERS)]
    times = np.datetime64("2024-01-01T00:00") + np.arange(N_STEPS) * np.timedelta64(15, "m")
    rows = [
        f"{time},{','.join(map(str, row))}"
        for time, row in zip(times, readings.tolist(), strict=True)
    ]
    (path / "meters.csv").write_text("\n".join([f"time,{','.join(names)}", *rows]))
    owners = [f"{name},load,{name},kWh" for name in names]
    (path / "members.csv").write_text("\n".join(["member,kind,meter,unit", *owners]))
    (path / "tariff.csv").write_text("buy_eur_per_kwh,sell_eur_per_kwh\n0.3,0.1\n")
    return path


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return nanoseconds and bytes for each cell."""
    start = process_time()
    work()
    took = process_time() - start
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    cells = N_MEMBERS * N_STEPS
    return 1e9 * took / cells, most / cells


def test_reading(folder: Path) -> None:
    path = folder / "meters.csv"

    # As a spreadsheet of a country with decimal commas saves it.
    foreign = folder / "foreign"
    foreign.mkdir()
    for name in ("meters", "members", "tariff"):
        text = (folder / f"{name}.csv").read_text()
        (foreign / f"{name}.csv").write_text(text.replace(",", ";").replace(".", ","))

    def by_cell() -> object:
        table = CsvTable.read(path)
        return [table.floats(name) for name in table.columns if name != "time"]

    def by_numpy() -> object:
        columns = range(1, N_MEMBERS + 1)
        return np.loadtxt(path, delimiter=",", skiprows=1, usecols=columns, comments=None)

    for name, work in {
        "plain": lambda: NumberTable.read(path, "time"),
        "by cell": by_cell,
        "numpy.loadtxt": by_numpy,
        "community": lambda: Community.from_csv(folder),
        "semicolons": lambda: Community.from_csv(foreign),
    }.items():
        time, memory = measured(work)
        print(f"{name:14} {time:7.0f} ns and {memory:5.0f} bytes a cell")
