"""Accuracy of sampled Shapley values at equal numbers of evaluations, next to shapiq and pyDVL.

Prints one row for each game and budget: the relative root-mean-square error over the players and
the repetitions of ``sg.shapley_estimate`` with its defaults and of the best estimator of each of
the other packages, with the seconds of one repetition. Each game is the same batched callable for
all.

    pip install --group sampling-peers
    python benches/report/sampling_accuracy.py --repetitions 30 --results out/sampling.jsonl

Every cell is written to the file as soon as it is done, and a cell that is there is not run again:
a run that was stopped goes on. An estimator is left out that took too long at a tenth of the budget
(``--seconds``) or whose error there was more than ``--contenders`` times the best peer's, and the
row says how many were run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import sesgame as sg
from sampling_cases import CASES, Array, Case

OWN = "sesgame"
Estimate = Callable[[Case, int, int], Array]


def of_sesgame(case: Case, budget: int, seed: int, **options: Any) -> Array:
    """``sg.shapley_estimate`` with its defaults."""
    game = sg.Game.from_function(range(case.n_players), case.values, kind="cost", batched=True)
    return sg.shapley_estimate(
        game, seed=seed, max_evaluations=budget, progress=False, **options
    ).values


def measure(
    estimate: Callable[[int], Array], case: Case, repetitions: int, seconds: float
) -> dict[str, Any]:
    """Relative root-mean-square error and seconds of one repetition, as far as time allows."""
    squares: list[float] = []
    start = perf_counter()
    while len(squares) < repetitions and (len(squares) < 2 or perf_counter() - start < seconds):
        values = estimate(len(squares))
        squares.append(float(np.mean((values - case.exact) ** 2)))
    return {
        "error": float(np.sqrt(np.mean(squares) / np.mean(case.exact**2))),
        "seconds": (perf_counter() - start) / len(squares),
        "repetitions": len(squares),
    }


def run_cell(game: str, budget: int, method: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure in a process of its own, which ends when it takes far too long."""
    command = [sys.executable, __file__, "--cell", game, str(budget), method]
    command += ["--repetitions", str(options.repetitions), "--seconds", str(options.seconds)]
    name = {"game": game, "budget": budget, "method": method}
    try:
        run = subprocess.run(command, capture_output=True, timeout=3 * options.seconds, check=True)
    except subprocess.TimeoutExpired:
        return name | {"failure": "too slow", "seconds": options.seconds}
    except subprocess.CalledProcessError as error:
        return name | {"failure": error.stderr.decode().splitlines()[-1], "seconds": 0.0}
    return name | json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    """Run what is missing, and print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--budgets", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--games", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seconds", type=float, default=60.0, help="for one estimator in a cell")
    parser.add_argument("--contenders", type=float, default=3.0, help="times the best peer's error")
    parser.add_argument("--results", type=Path, default=Path("out/sampling_accuracy.jsonl"))
    parser.add_argument("--again", action="store_true", help="run sesgame again, and no peer")
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    from sampling_peers import PEERS, VERSIONS

    methods: dict[str, Estimate] = {OWN: of_sesgame, **PEERS}
    if options.cell is not None:
        game, budget, method = options.cell
        estimate = partial(methods[method], CASES[game](), int(budget))
        print(json.dumps(measure(estimate, CASES[game](), options.repetitions, options.seconds)))
        return
    cells: dict[tuple[str, int, str], dict[str, Any]] = {}
    if options.results.exists():
        for line in options.results.read_text().splitlines():
            cell = json.loads(line)
            cells[cell["game"], cell["budget"], cell["method"]] = cell
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for budget in options.budgets:
        for game in options.games:
            CASES[game]()  # its exact value, which may take long, is kept in a file
            for name in [OWN] if options.again else methods:
                if not options.again and (
                    (game, budget, name) in cells or hopeless(cells, game, budget, name, options)
                ):
                    continue
                cells[game, budget, name] = run_cell(game, budget, name, options)
                with options.results.open("a") as file:
                    file.write(json.dumps(cells[game, budget, name]) + "\n")
    print_table(cells, options.games, options.budgets, VERSIONS)


def hopeless(
    cells: dict[tuple[str, int, str], dict[str, Any]],
    game: str,
    budget: int,
    name: str,
    options: argparse.Namespace,
) -> bool:
    """Whether an estimator was too slow, or far behind the best peer, at a tenth of the budget."""
    smaller = {m: cell for (g, b, m), cell in cells.items() if (g, b) == (game, budget // 10)}
    if name == OWN or name not in smaller:
        return name != OWN and bool(smaller)
    errors = [cell["error"] for m, cell in smaller.items() if m != OWN and "error" in cell]
    behind = smaller[name].get("error", float("inf")) > options.contenders * min(errors)
    return behind or 5 * smaller[name]["seconds"] > options.seconds


def print_table(
    cells: dict[tuple[str, int, str], dict[str, Any]],
    games: list[str],
    budgets: list[int],
    versions: str,
) -> None:
    """Print a row for each game and budget: our error, the best peer's, and the ratio."""
    print(f"sesgame {sg.__version__}, {versions}\n")
    print("| game | evaluations | sesgame | best peer | | ratio | peers run |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: |")
    for game in games:
        for budget in budgets:
            row = {m: cell for (g, b, m), cell in cells.items() if (g, b) == (game, budget)}
            done = {m: cell for m, cell in row.items() if "error" in cell}
            own = done.pop(OWN, None)
            if own is None or not done:
                continue
            best = min(done, key=lambda name: done[name]["error"])
            peer = done[best]
            print(
                f"| {game} | {budget:,} | {described(own)} | {best} | {described(peer)} "
                f"| {own['error'] / peer['error']:.2f} | {len(done)} |"
            )


def described(cell: dict[str, Any]) -> str:
    """Error, seconds and repetitions of one cell."""
    return f"{cell['error']:.4f} ({cell['seconds']:.2g} s, {cell['repetitions']} runs)"


if __name__ == "__main__":
    main()
