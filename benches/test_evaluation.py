"""What evaluation costs beyond the user's own function, and what executors and adapters bring.

The tests print ratios that are taken within one run: overhead in microseconds for each coalition,
speed-ups over serial work, and the share of the solver in an adapter's time.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from fixtures.battery_models import GAMES, rural13
from fixtures.worker_functions import busy, sleeping
from numpy.typing import NDArray

N_PLAYERS = 16


def batched(membership: NDArray[np.bool_]) -> NDArray[np.float64]:
    return membership.sum(axis=1, dtype=np.float64)


def single(coalition: frozenset[int]) -> float:
    return float(len(coalition))


def game(function: Callable[..., Any], n_players: int = N_PLAYERS, **options: Any) -> sg.Game:
    return sg.Game.from_function(range(n_players), function, kind="gain", **options)


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def report(text: str) -> None:
    print(f"\n{text}", file=sys.stderr)


def test_overhead_of_a_batched_function(benchmark: Any) -> None:
    everybody = np.ones((1 << N_PLAYERS, N_PLAYERS), dtype=np.bool_)
    own = min(seconds(lambda: batched(everybody)) for _ in range(5))
    benchmark(lambda: game(batched, batched=True).tabulate())
    overhead = (benchmark.stats["min"] - own) / (1 << N_PLAYERS)
    report(f"batched: {overhead * 1e6:.3f} us for each coalition beyond the function")


def test_overhead_of_a_list_of_coalitions(benchmark: Any) -> None:
    membership = np.random.default_rng(0).random((1 << N_PLAYERS, 60)) < 0.5
    own = min(seconds(lambda: batched(membership)) for _ in range(5))
    benchmark(lambda: game(batched, 60, batched=True).values(membership))
    overhead = (benchmark.stats["min"] - own) / len(membership)
    report(f"batched, 60 players, a list: {overhead * 1e6:.3f} us for each coalition")


def test_overhead_of_a_function_of_one_coalition(benchmark: Any) -> None:
    one = frozenset(range(N_PLAYERS // 2))
    own = min(seconds(lambda: [single(one) for _ in range(1 << N_PLAYERS)]) for _ in range(5))
    benchmark(lambda: game(single).tabulate())
    overhead = (benchmark.stats["min"] - own) / (1 << N_PLAYERS)
    report(f"one at a time: {overhead * 1e6:.3f} us for each coalition beyond the function")


@pytest.fixture(params=["processes", "dask"])
def executor(request: Any) -> Iterator[Any]:
    if request.param == "processes":
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            yield pool
        return
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("function", [sleeping, busy], ids=["sleeps 5 ms", "computes for 5 ms"])
def test_two_workers(benchmark: Any, executor: Any, function: Any, request: Any) -> None:
    game(function, 6).tabulate(executor=executor)  # the workers have started
    serial = seconds(lambda: game(function, 9).tabulate())
    benchmark.pedantic(
        lambda: game(function, 9).tabulate(executor=executor), rounds=2, iterations=1
    )
    report(f"{request.node.name}: {serial / benchmark.stats['median']:.2f} times serial")


class _Timed:
    """A HiGHS object that adds up the time of its solves."""

    def __init__(self, highs: Any) -> None:
        self._highs = highs
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._highs, name)

    def run(self) -> None:
        start = perf_counter()
        self._highs.run()
        self.seconds += perf_counter() - start


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("route", ["highspy", "linopy", "pyomo", "pypsa"])
def test_a_day_of_rural13_through_an_adapter(benchmark: Any, route: str) -> None:
    model = GAMES[route](rural13("2016-06-01", "2016-06-02"))
    solver = model.function._of_thread.solver  # type: ignore[union-attr]
    solver.highs = timed = _Timed(solver.highs)
    benchmark.pedantic(model.tabulate, rounds=1, iterations=1)
    share = timed.seconds / benchmark.stats["min"]
    rate = (1 << 13) / benchmark.stats["min"]
    report(f"{route}: {rate:.0f} coalitions a second, {share:.2f} of the time in HiGHS")
