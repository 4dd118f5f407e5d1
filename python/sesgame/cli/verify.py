"""``sesgame verify``: from a result to its inputs, the game, and back to the shares."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

from sesgame.cli.console import progress_of, say
from sesgame.energy.meter_clock import MeterClock
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import GameError
from sesgame.files.json_text import parsed
from sesgame.files.output_folder import OutputFolder
from sesgame.files.text_file import read_text
from sesgame.formatting import count, shown
from sesgame.game.game_files import read_game
from sesgame.reports.read import result_of
from sesgame.reports.result_files import digests
from sesgame.rule import AllocationProblem

__all__ = ["add_verify", "verify"]

REFUTED = 1
"""The exit code where something is not so."""


def add_verify(commands: Any) -> None:
    """Add ``sesgame verify`` to the command line."""
    command = commands.add_parser(
        "verify", help="check a result.json against the files that it was made from"
    )
    command.add_argument(
        "input", type=Path, metavar="COMMUNITY|GAME", help="folder of CSV files, or game file"
    )
    command.add_argument("result", type=Path, metavar="RESULT", help="what result.json has")
    command.set_defaults(command=verify)


def verify(options: argparse.Namespace) -> int:
    """Check digests, the game and the certificates; say what is proved, open or refuted."""
    content = parsed(read_text(options.result), str(options.result))
    source = content.get("source") if isinstance(content, dict) else None
    if not isinstance(source, dict):
        raise GameError(f"{options.result} is no result: it does not say what it was made from")
    is_world = options.input.is_dir()
    files = world_files(options.input) if is_world else [options.input]
    wrong = [*_other_files(files, source.get("files")), *_other_results(options.result)]
    if wrong:
        for line in wrong:
            say(options, f"refuted: {line}")
        return REFUTED
    say(options, f"{count(len(files), 'input file')}: the same digests")
    problem = _problem(options.input, source, _clock(content.get("options")))
    allocations = result_of(content, problem.game, str(options.result))
    say(options, f"the game of {shown(options.input.name)}: the same players and values")
    oracle = None if problem.has_table else problem.oracle
    if problem.has_table:
        problem.game.tabulate(progress=progress_of(options))
    is_refuted = False
    for label, allocation in allocations.items():
        verdict = allocation.evidence.verify(problem.game, oracle) if allocation.evidence else None
        if verdict is None:
            found = "read; the rule brings no certificate, so that it made them is not proved"
        else:
            why = "; ".join(verdict.failures or verdict.unchecked)
            found = f"{verdict.state}: {verdict.claim}{f' ({why})' if why else ''}"
            is_refuted |= verdict.state == "refuted"
        say(options, f"{shown(label)}: total, bills and audit are those of the shares; {found}")
    return REFUTED if is_refuted else 0


def _clock(options: object) -> MeterClock:
    """Return what the command that made a result said of the clocks, beside the files."""
    said = options if isinstance(options, dict) else {}
    found = {name: said[name] for name in MeterClock._fields if said.get(name) is not None}
    for name, value in found.items():
        if not isinstance(value, str):
            raise GameError(f"options.{name} must be text, not {str(value)[:60]}")
    return MeterClock(**found)


def _problem(path: Path, source: dict[str, Any], said: MeterClock) -> AllocationProblem:
    """Return the game of the files, in the period and by the model that a result names."""
    if not path.is_dir():
        return AllocationProblem.of(read_game(path))
    asked = {name: source.get(name) for name in ("start", "end", "model")}
    for name, value in asked.items():
        if value is not None and not isinstance(value, str):
            raise GameError(f"source.{name} must be text, not {str(value)[:60]}")
    world = read_world(path, said)
    if asked["start"] is not None:
        world = world.period(asked["start"], asked["end"])
    return AllocationProblem.of(world, model=asked["model"])


def _other_files(files: list[Path], named: object) -> list[str]:
    """Return which input files are not those of a result."""
    if not isinstance(named, dict) or not all(isinstance(value, str) for value in named.values()):
        return ["source.files are no digests by name"]
    if not named:
        return ["the result names no input files, so nothing says what it was made from"]
    here = digests(files)
    if len(here) == len(named) == 1:  # the file of a game may have any name
        named = dict(zip(here, named.values(), strict=True))
    lines = [f"{shown(name)} is missing" for name in named.keys() - here.keys()]
    lines += [f"{shown(name)} was not there" for name in here.keys() - named.keys()]
    lines += [
        f"{shown(name)} has another digest, {here[name]}"
        for name in here.keys() & named.keys()
        if here[name] != named[name]
    ]
    return sorted(lines)


def _other_results(result: Path) -> list[str]:
    """Return which files beside a result are not of the same set, where the folder has a list."""
    listed = OutputFolder.listed(result.parent)
    lines = []
    for name, digest in listed.items():
        path = result.parent / name
        try:
            same = hashlib.sha256(path.read_bytes()).hexdigest() == digest
        except OSError:
            lines.append(f"{shown(path)} of the same set is missing")
            continue
        if not same:
            lines.append(f"{shown(path)} is not as it was written")
    return lines if result.name in listed else []
