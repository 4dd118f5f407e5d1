"""What a user of the example waits for: reading a year, and allocating it.

A year of 35,136 quarter-hours is read by us and by pandas (which neither checks the steps nor sums
the meters of a member). ``sesgame allocate`` runs in a process of its own, from start to written
files, over a month and over the whole year; its peak memory stands in ``extra_info``.
"""

from __future__ import annotations

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


# The kernel's own figure for the peak: what ``getrusage`` tells counts the parent's memory, too.
ALLOCATE = """
import re, sys
from sesgame.cli.command_line import main
assert main(["allocate", *sys.argv[1:]]) == 0
print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


@pytest.mark.benchmark(group="sesgame allocate examples/rural13")
@pytest.mark.parametrize(
    "period",
    [
        pytest.param(["--start", "2016-06-01", "--end", "2016-07-01"], id="month"),
        pytest.param([], id="year"),
    ],
)
def test_allocate(benchmark: Any, tmp_path: Path, period: list[str]) -> None:
    command = [sys.executable, "-c", ALLOCATE, str(RURAL13), *period, "--out", str(tmp_path)]

    def allocate() -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stderr

    peak_kib = int(benchmark.pedantic(allocate, rounds=1))
    benchmark.extra_info["peak_memory_mib"] = round(peak_kib / 1024)
