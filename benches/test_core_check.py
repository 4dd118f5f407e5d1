"""Membership in the core of a game of 25 players, in reads of the table: the limit of the memory.

    python -m pytest -s benches/test_core_check.py

Beside a sum of the table by NumPy on as many threads, in turns, the least time of each; processor
time of all threads, so that what else the machine does counts little.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from time import process_time

import numpy as np
import sesgame as sg

N_PLAYERS = 25


def test_reads_of_a_core_check() -> None:
    table = np.random.default_rng(1).random(1 << N_PLAYERS)
    table[0], table[-1] = 0.0, N_PLAYERS
    game = sg.Game.from_table(table, kind="gain")
    equal = np.ones(N_PLAYERS)
    threads = int(os.environ.get("RAYON_NUM_THREADS", os.cpu_count() or 1))
    chunks = np.split(table, 1 << 6)
    times: dict[str, list[float]] = {"sum": [], "check": []}
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(9):
            start = process_time()
            sum(pool.map(np.sum, chunks))
            middle = process_time()
            check = sg.core_check(game, equal)
            times["sum"].append(middle - start)
            times["check"].append(process_time() - middle)
    assert check.in_core
    read, checked = (min(found) for found in times.values())
    print(
        f"\n{N_PLAYERS} players, {threads} threads: a sum reads {table.nbytes / 1e9 / read:.1f} GB "
        f"for each second of a core, membership in the core takes {checked / read:.2f} such reads"
    )
