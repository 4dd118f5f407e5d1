"""Side by side with other packages: the same problems, the answers compared, the times as ratios.

    make bench-peers                                       # all of it, then docs/benchmarks.md
    python benches/report/peers.py run shapley core        # some parts again
    python benches/report/peers.py run sampling
    python benches/report/peers.py page                    # only the page, from what was measured

Each series of each package runs in a process of its own and is written to ``out/peers`` as soon as
it is done; what is there is not run again (``--again`` does), so a run that was stopped goes on. A
series ends at the size that takes too long (``--seconds``).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import sesgame as sg
from peer_problems import OWN, SERIES, is_proved, quietly

ROOT = Path(__file__).parents[2]
OUT = ROOT / "out" / "peers"
PAGE = ROOT / "docs" / "benchmarks.md"
TEMPLATE = ROOT / "benches" / "report" / "peers_page.md"
ENVIRONMENTS = ROOT / ".venv-peers"
SAMPLING_GROUP = "sampling-peers"
AGREEMENT = 1e-8
"""Of the largest number in an answer, or of 1: what counts as the same."""
RUNS, ENOUGH = 20, 1.0
"""The least of at most so many runs counts, or of those within so many seconds."""
SAMPLING = "sampling"
SAMPLED = ["--games", "netting20", "vote50", "--budgets", "10000", "--repetitions", "10"]
PARTS = (*SERIES, SAMPLING)

Record = dict[str, Any]
Wins = defaultdict[str, list[int]]
"""Where a peer is faster, and the sizes."""


def run_series(name: str, package: str, seconds: float) -> None:
    """Print a line of JSON for each size; in the environment of the peers."""
    series = SERIES[name]
    for size in series.sizes:
        solve = series.packages[package](series.problem(size))
        times: list[float] = []
        while not times or (len(times) < RUNS and sum(times) < ENOUGH):
            start = perf_counter()
            answer = quietly(solve)
            times.append(perf_counter() - start)
        record = {"size": size, "seconds": min(times), "runs": len(times), "answer": answer}
        if package == OWN:
            record["proved"] = is_proved(name, size)
        print(json.dumps(record), flush=True)
        if times[0] > seconds / 8:
            return


def in_environment(group: str, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start Python in an environment of peers, where sesgame is that of this folder."""
    path = os.pathsep.join([str(ROOT / "python"), str(ROOT / "benches" / "report")])
    return subprocess.Popen(
        [ENVIRONMENTS / group / "bin" / "python", *arguments],
        env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def busy_cores(seconds: float = 0.5) -> float | None:
    """Return how many cores work on something else, where the system tells (Linux)."""
    path = Path("/proc/stat")
    if not path.exists():
        return None

    def ticks() -> tuple[int, int]:
        user, nice, system, idle, waiting, *rest = map(int, path.read_text().split()[1:9])
        return user + nice + system + sum(rest), idle + waiting

    busy, free = ticks()
    sleep(seconds)
    more_busy, more_free = ticks()
    busy, free = more_busy - busy, more_free - free
    return (os.cpu_count() or 1) * busy / max(1, busy + free)


def measure(group: str, name: str, package: str, seconds: float) -> list[Record]:
    """Run a series in a process of its own, which is stopped when it takes far too long."""
    command = [__file__, "series", name, package, "--seconds", str(seconds)]
    before: Record = {"busy": busy_cores()}
    with in_environment(group, *command, stderr=subprocess.PIPE) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
            failure = errors.strip().splitlines()[-1] if process.returncode else None
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            failure = f"stopped after {seconds:g} s"
    # A solver may print lines of its own.
    records: list[Record] = [json.loads(li) for li in output.splitlines() if li.startswith("{")]
    return [before, *records] + ([{"failure": failure}] if failure else [])


def run(parts: list[str], seconds: float, again: bool) -> None:
    """Measure what is missing."""
    OUT.mkdir(parents=True, exist_ok=True)
    for part in parts:
        if part == SAMPLING:
            run_sampling(again)
            continue
        series = SERIES[part]
        for package in series.packages:
            path = OUT / f"{part}.{package}.json"
            if again or not path.exists():
                print(f"{part}: {package}", flush=True)
                path.write_text(json.dumps(measure(series.group, part, package, seconds)))


def versions() -> str:
    """Return the versions of all that were compared."""
    code = "import sys, json, peer_problems as p; print(json.dumps(p.versions(sys.argv[1])))"
    found = {OWN: sg.__version__}
    for group in sorted({series.group for series in SERIES.values()}):
        with in_environment(group, "-c", code, group) as process:
            found |= json.loads(process.communicate()[0])
    return ", ".join(f"{name} {number}" for name, number in found.items())


def run_sampling(again: bool) -> None:
    """Run a selection of benches/report/sampling_accuracy.py, which keeps its own results."""
    print("sampling", flush=True)
    results = OUT / "sampling.jsonl"
    if again:
        results.unlink(missing_ok=True)
    script = ROOT / "benches" / "report" / "sampling_accuracy.py"
    command = [script, *SAMPLED, "--seconds", "8", "--results", results]
    with in_environment(SAMPLING_GROUP, *command) as process:
        table, _ = process.communicate()
    (OUT / "sampling.md").write_text(table)


def load() -> dict[str, dict[str, list[Record]]]:
    """Return what was measured, by part and package."""
    found: dict[str, dict[str, list[Record]]] = defaultdict(dict)
    for path in sorted(OUT.glob("*.*.json")):
        part, package, _ = path.name.split(".")
        found[part][package] = json.loads(path.read_text())
    return found


def differs_by(answer: list[float], own: list[float]) -> float:
    """Return the largest difference between two answers, relative to the numbers in them."""
    scale = max(1.0, *map(abs, own))
    return max(abs(a - b) for a, b in zip(answer, own, strict=True)) / scale


def part_of_page(title: str, packages: dict[str, list[Record]], wins: Wins) -> str:
    """Return one table: our time, and how many times as long each of the others takes."""
    own = {record["size"]: record for record in packages[OWN] if "size" in record}
    peers = [package for package in packages if package != OWN]
    lines = [f"## {title}", "", f"| size | {OWN} | {' | '.join(peers)} |"]
    lines.append("| ---: |" + " ---: |" * (1 + len(peers)))
    notes: list[str] = []
    for size, mine in own.items():
        cells = []
        for package in peers:
            record = next((r for r in packages[package] if r.get("size") == size), None)
            if record is None:
                cells.append("-")
                continue
            ratio = record["seconds"] / mine["seconds"]
            gap = differs_by(record["answer"], mine["answer"])
            wrong = not gap <= AGREEMENT
            cells.append(f"{ratio:,.{0 if ratio >= 10 else 1}f}{' (differs)' if wrong else ''}")
            if wrong:
                proof = {True: ", ours is proved by its certificate", False: ", ours is refuted"}
                notes.append(
                    f"{package} at {size}: the answers differ by {gap:.1g}"
                    + proof.get(mine["proved"], "")
                )
            elif ratio < 1:
                wins[f"{package}, {title[0].lower()}{title[1:]}"].append(size)
        lines.append(f"| {size} | {1e3 * mine['seconds']:.3g} ms | {' | '.join(cells)} |")
    for package in peers:
        failure = next((r["failure"] for r in packages[package] if "failure" in r), None)
        if failure:
            notes.append(f"{package}: {failure}")
    return "\n".join(lines + [""] + [f"- {note}" for note in notes] + [""] * bool(notes))


def processor() -> str:
    """Return the class of the processor, without what identifies a machine."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def condition(records: list[Record]) -> str:
    """Return what else the machine did when these were measured."""
    busy = [record["busy"] for record in records if record.get("busy") is not None]
    if not busy:
        return "no figure of what else it did"
    return f"at most {max(busy):.1f} of them busy with something else when a series began"


def write_page() -> None:
    """Write docs/benchmarks.md from what was measured."""
    found, wins = load(), Wins(list)
    parts = [
        part_of_page(series.title, found[part], wins)
        for part, series in SERIES.items()
        if OWN in found.get(part, {})
    ]
    sampled = OUT / "sampling.md"
    text = TEMPLATE.read_text().format(
        cores=os.cpu_count(),
        processor=processor(),
        python=platform.python_version(),
        condition=condition([r for part in found.values() for rs in part.values() for r in rs]),
        runs=RUNS,
        enough=ENOUGH,
        agreement=AGREEMENT,
        versions=versions(),
        wins="; ".join(f"{what}, for {' and '.join(map(str, n))}" for what, n in wins.items())
        + ("." if wins else "Nowhere in these tables."),
        tables="\n".join(parts),
        sampling=sampled.read_text() if sampled.exists() else "Not measured.\n",
    )
    PAGE.write_text(text)


def main() -> None:
    """Run what the command line asks for; by default all, and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["run", "page", "series"])
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--seconds", type=float, default=20.0, help="for one series of a package")
    parser.add_argument("--again", action="store_true", help="also what was measured before")
    options = parser.parse_args()
    if options.what == "series":
        run_series(*options.parts, options.seconds)
        return
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        sys.exit(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if options.what != "page":
        run(options.parts or list(PARTS), options.seconds, options.again)
    if options.what != "run":
        write_page()


if __name__ == "__main__":
    main()
