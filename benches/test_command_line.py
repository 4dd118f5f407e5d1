"""What a user of the example waits for: reading a year, and allocating it.

A year of 35,136 quarter-hours is read by us and by pandas (which neither checks the steps nor sums
the meters of a member). ``sesgame allocate`` runs in a process of its own, from start to written
files, over a month and over the whole year; its peak memory stands in ``extra_info``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sesgame as sg

RURAL13 = Path(__file__).parent.parent / "examples" / "rural13"


@pytest.mark.benchmark(group="read a year of rural13")
def test_read_a_community(benchmark: Any) -> None:
    benchmark(sg.energy.Community.from_csv, RURAL13)


@pytest.mark.benchmark(group="read a year of rural13")
def test_read_the_meters_with_pandas(benchmark: Any) -> None:
    benchmark(pd.read_csv, RURAL13 / "meters.csv.gz", parse_dates=["time"], index_col="time")


@pytest.mark.benchmark(group="sesgame allocate examples/rural13")
@pytest.mark.parametrize(
    "period",
    [
        pytest.param(["--start", "2016-06-01", "--end", "2016-07-01"], id="month"),
        pytest.param([], id="year"),
    ],
)
def test_allocate(benchmark: Any, tmp_path: Path, period: list[str]) -> None:
    command = [sys.executable, "-m", "sesgame", "allocate", str(RURAL13), *period]

    def allocate() -> None:
        process = subprocess.Popen([*command, "--out", str(tmp_path)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        benchmark.extra_info["peak_memory_mib"] = round(usage.ru_maxrss / 1024)

    benchmark.pedantic(allocate, rounds=1)
