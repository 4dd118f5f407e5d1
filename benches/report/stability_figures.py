"""Figures of the stability solutions, in reads of the table. Other packages: peers.py.

    python benches/report/stability_figures.py reads --players 25 28 --seeds 3
    python benches/report/stability_figures.py reads --players 30 --types 2 --seeds 1 \
        --solutions nucleolus
    python benches/report/stability_figures.py small
    python benches/report/stability_figures.py exact

A *read* is the maximum of the table by as many threads as there are cores, in the same run. Tables
are generated in place: 30 players need 8 GiB and little more.

The four types of random games are those of Benedek, Fliege and Nguyen (2021), "Finding and
verifying the nucleolus of cooperative games", Mathematical Programming 190, 135-170, with values
that are not rounded.
"""

from __future__ import annotations

import argparse
import os
import resource
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import sesgame as sg
from numpy.typing import NDArray

Array = NDArray[np.float64]
CHUNK_BITS = 18
CORES = os.cpu_count() or 1


def random_table(kind: int, n_players: int, seed: int) -> Array:
    """Return a game of type 1 to 4, generated in place."""
    random = np.random.default_rng([kind, n_players, seed])
    table = np.empty(1 << n_players)
    low_size = np.bitwise_count(np.arange(min(1 << CHUNK_BITS, len(table))))
    for start in range(0, len(table), len(low_size)):
        chunk = table[start : start + len(low_size)]
        random.random(out=chunk)
        size = low_size + start.bit_count()
        if kind == 1:
            chunk *= 100 * size - 1
            chunk += 1
        elif kind == 2:
            chunk *= 50 * n_players - 1
            chunk += 1
        elif kind == 3:
            chunk[:] = (size >= n_players - 2) & (chunk < 0.9)
        else:
            chunk *= n_players - 1
            chunk += 1
    if kind == 1:
        table[-1] = random.uniform(100 * (n_players - 2), 100 * n_players)
    elif kind == 3:
        table[-1] = 1
    table[0] = 0
    table[1 << np.arange(n_players)] = 0
    return table


def seconds(work: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def seconds_per_read(table: Array, shots: int = 5) -> float:
    """Return the least time in which all cores read the table once."""
    step = max(1, min(1 << 19, len(table) // CORES))
    chunks = [table[start : start + step] for start in range(0, len(table), step)]
    with ThreadPoolExecutor(CORES) as pool:
        return min(seconds(lambda: max(pool.map(np.max, chunks))) for _ in range(shots))


def peak_gigabytes() -> float:
    """Return the largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


SOLUTIONS: dict[str, Callable[[sg.Game], Any]] = {
    "nucleolus": sg.nucleolus,
    "prenucleolus": sg.prenucleolus,
    "per-capita": sg.per_capita_nucleolus,
    "least-core": sg.least_core,
    "core-existence": sg.core_existence,
    "membership": lambda game: sg.core_check(game, np.full(game.n_players, 0.1)),
}


def reads(sizes: Iterable[int], types: Iterable[int], seeds: int, solutions: Iterable[str]) -> None:
    """Print the time of solutions in units of one parallel read of the table."""
    for n_players in sizes:
        found: dict[str, list[tuple[float, int]]] = {name: [] for name in solutions}
        for kind, seed in product(types, range(seeds)):
            table = game = solve = None  # one large table at a time
            table = random_table(kind, n_players, seed)
            game = sg.Game.from_table(table, kind="gain")
            before = peak_gigabytes()
            read = seconds_per_read(table)
            for name in solutions:
                solve = partial(SOLUTIONS[name], game)
                result = solve()
                least = min(seconds(solve) for _ in range(5 if n_players < 28 else 1))
                effort = getattr(getattr(result, "evidence", result), "effort", None)
                scans = effort.scans if effort else 1
                found[name].append((least / read, scans))
                line = f"n {n_players} type {kind} seed {seed} {name:14s}: {1e3 * least:9.2f} ms, "
                line += f"{least / read:6.2f} reads of {1e3 * read:.2f} ms"
                if effort:
                    line += f", {scans} scans of {effort.values_read / len(table):.2f} tables"
                    line += f", {effort.pivots} pivots, {effort.pool_rows} rows"
                print(line, flush=True)
            print(
                f"n {n_players} type {kind} seed {seed}: table {table.nbytes / 1e9:.2f} GB, "
                f"peak memory {before:.2f} GB before, {peak_gigabytes():.2f} GB after"
            )
        for name, figures in found.items():
            times, scans = zip(*figures, strict=True)
            print(
                f"n {n_players} {name}: median {median(times):.1f}, worst {max(times):.1f} reads; "
                f"median {median(scans):g} scans"
            )


def small(shots: int = 200) -> None:
    """Print what small games take from Python, one by one and a thousand in a call."""
    for n_players in (8, 10, 12):
        for kind in (1, 2, 3, 4):
            game = sg.Game.from_table(random_table(kind, n_players, 0), kind="gain")
            times = [seconds(partial(sg.nucleolus, game)) for _ in range(shots)]
            print(
                f"n {n_players} type {kind}: least {1e3 * min(times):.3f} ms, "
                f"median {1e3 * median(times):.3f} ms"
            )
    tables = np.array([random_table(1 + seed % 4, 10, seed) for seed in range(1000)])
    together = min(seconds(lambda: sg.nucleoli(tables, kind="gain")) for _ in range(3))
    print(f"1000 games, n 10: {1e3 * together:.0f} ms")


def exact() -> None:
    """Print what exact proofs and exact nucleoli of integer games take."""
    for kind in (1, 2, 3, 4):
        game = sg.Game.from_table(np.floor(random_table(kind, 20, 0)), kind="gain")
        evidence = sg.nucleolus(game).evidence
        read = seconds_per_read(game.tabulate())
        assert evidence.verify(game, exact=True)
        least = min(seconds(partial(evidence.verify, game, exact=True)) for _ in range(5))
        print(
            f"n 20 type {kind}, certificate: {1e3 * least:.1f} ms, allowed "
            f"{1e3 * (10 * read + 0.05):.1f} ms"
        )
        game = sg.Game.from_table(np.floor(random_table(kind, 10, 0)), kind="gain")
        least = min(seconds(partial(sg.nucleolus, game, exact=True)) for _ in range(20))
        print(f"n 10 type {kind}, exact nucleolus: {1e3 * least:.2f} ms")


def main() -> None:
    """Print the figures that the command line asks for, by default all of small size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="?", choices=["reads", "small", "exact"])
    parser.add_argument("--players", type=int, nargs="+", default=[20])
    parser.add_argument("--types", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--solutions", nargs="+", choices=SOLUTIONS, default=list(SOLUTIONS))
    options = parser.parse_args()
    if options.figures in (None, "reads"):
        reads(options.players, options.types, options.seeds, options.solutions)
    if options.figures in (None, "small"):
        small()
    if options.figures in (None, "exact"):
        exact()


if __name__ == "__main__":
    main()
