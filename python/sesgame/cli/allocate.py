"""``sesgame allocate`` and ``sesgame solve``: split, audit, bill and report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sesgame.catalogue import RULES, USUAL, USUAL_OF_A_GAME, USUAL_OF_MANY, default_rules
from sesgame.cli.options import (
    Given,
    add_out,
    add_period,
    add_rules,
    given_options,
    names_of,
    values_of,
)
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import SesgameError
from sesgame.files.output_folder import OutputFolder
from sesgame.formatting import count
from sesgame.game.game_files import read_game
from sesgame.reports.report import FILE_NAMES, LETTERS, PAGE, build_report
from sesgame.rule import AllocationProblem

__all__ = ["add_allocate", "add_solve", "allocate", "solve"]


def add_allocate(commands: Any) -> None:
    """Add ``sesgame allocate`` to the command line."""
    command = commands.add_parser("allocate", help="allocate the costs of a community")
    command.add_argument("input", type=Path, metavar="COMMUNITY", help="folder of CSV files")
    many = names_of(USUAL_OF_MANY)
    usual = f"{names_of(USUAL)}; of {many} those that apply for too many members"
    add_rules(command, "--rules", default=usual)
    add_period(command)
    add_out(command)
    command.set_defaults(command=allocate)


def add_solve(commands: Any) -> None:
    """Add ``sesgame solve`` to the command line."""
    command = commands.add_parser("solve", help="solve a game from a file")
    command.add_argument(
        "input", type=Path, metavar="GAME", help="file ending in .csv, .json or .parquet"
    )
    add_rules(command, "--rule", "--rules", default=names_of(USUAL_OF_A_GAME))
    add_out(command)
    command.set_defaults(command=solve)


def allocate(options: argparse.Namespace) -> None:
    """Split a community's costs, and say who could be better off alone."""
    folder = _folder(options)
    given = given_options(options)
    world = read_world(options.input).period(options.start, options.end)
    problem = AllocationProblem.of(
        world, model=options.model, max_seconds=options.max_seconds, options=values_of(given)
    )
    _report(problem, options, given, folder, world_files(options.input))


def solve(options: argparse.Namespace) -> None:
    """Solve the game of a file."""
    folder = _folder(options)
    given = given_options(options)
    problem = AllocationProblem.of(read_game(options.input), options=values_of(given))
    _report(problem, options, given, folder, [options.input])


def _folder(options: argparse.Namespace) -> OutputFolder | None:
    """Return where to write, if anywhere."""
    if options.out is None:
        for name in ("report", "letters"):
            if getattr(options, name):
                raise SesgameError(f"--{name} needs a folder to write to: --out FOLDER")
        return None
    if options.letters:
        OutputFolder(options.out / LETTERS, ())
    return OutputFolder(options.out, [*FILE_NAMES, *([PAGE] if options.report else [])])


def _report(
    problem: AllocationProblem,
    options: argparse.Namespace,
    given: dict[str, Given],
    folder: OutputFolder | None,
    files: list[Path],
) -> None:
    """Solve, audit, print and, if there is a folder, write."""
    rules = options.rules or default_rules(problem)
    name = problem.world.name if problem.world else str(options.input.name)
    report = build_report(
        problem,
        {rule: rule for rule in rules},
        name=name,
        files=files,
        options={
            "command": options.command.__name__,
            "rules": rules,
            **{option: found.as_asked for option, found in given.items()},
            "max_seconds": problem.max_seconds,
        },
        command=_again(options, name, problem, rules, given),
    )
    try:
        written = (
            report.write(folder, page=options.report, letters=options.letters) if folder else []
        )
    finally:
        print(report.text())
    if folder:
        named = [str(path) for path in written if path.parent == folder.path]
        if options.letters:
            letters = count(len(written) - len(named), "letter")
            named.append(f"{letters} in {folder.path / LETTERS}")
        print(f"\nWritten: {', '.join(named)}")


def _again(
    options: argparse.Namespace,
    name: str,
    problem: AllocationProblem,
    rules: list[str],
    given: dict[str, Given],
) -> list[str]:
    """Return the command that makes the same page, for whoever has the same files."""
    words = ["sesgame", options.command.__name__, name, "--rules", ",".join(rules)]
    if problem.world:
        origin = problem.world.origin(problem.model)
        asked = {"start": origin.get("start"), "end": origin.get("end"), "model": problem.model}
        for option, value in asked.items():
            words += [] if value is None else [f"--{option}", str(value)]
        words += ["--max-seconds", f"{problem.max_seconds:g}"]
    for option, found in given.items():
        if any(RULES.options[option] in RULES[rule].options for rule in rules):
            words += [f"--{option}", found.text]
    return [*words, "--out", "again", "--report"]
