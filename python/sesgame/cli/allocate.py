"""``sesgame allocate`` and ``sesgame solve``: split, audit, bill and report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from sesgame.catalogue import RULES, USUAL, USUAL_OF_A_GAME, USUAL_OF_MANY, default_rules
from sesgame.cli.console import progress_of, rule_report, say
from sesgame.cli.inputs import STANDARD_INPUT, regular_file
from sesgame.cli.options import (
    Given,
    add_json,
    add_out,
    add_period,
    add_rules,
    clock_of,
    files_of,
    given_options,
    names_of,
    period_of,
    values_of,
)
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import SesgameError
from sesgame.files.output_files import OutputFiles
from sesgame.files.output_folder import MANIFEST, OutputFolder
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
    add_json(command)
    command.set_defaults(command=allocate)


def add_solve(commands: Any) -> None:
    """Add ``sesgame solve`` to the command line."""
    command = commands.add_parser("solve", help="solve a game from a file")
    command.add_argument(
        "input",
        type=Path,
        metavar="GAME",
        help="file ending in .csv, .json or .parquet; - is standard input",
    )
    add_rules(command, "--rule", "--rules", default=names_of(USUAL_OF_A_GAME))
    add_out(command)
    add_json(command)
    command.set_defaults(command=solve)


def allocate(options: argparse.Namespace) -> None:
    """Split a community's costs, and say who could be better off alone."""
    if options.input == STANDARD_INPUT:
        raise SesgameError("a community is a folder, and standard input is none")
    outputs = _outputs(options)
    given = given_options(options)
    files = world_files(options.input)
    outputs.spare([*files, *files_of(given)])
    world = read_world(options.input, clock_of(options)).period(*period_of(options))
    problem = AllocationProblem.of(
        world, model=options.model, max_seconds=options.max_seconds, options=values_of(given)
    )
    _report(problem, options, given, outputs, world.name, files)


def solve(options: argparse.Namespace) -> None:
    """Solve the game of a file."""
    outputs = _outputs(options)
    outputs.spare([options.input])
    given = given_options(options)
    with regular_file(options.input) as file:
        problem = AllocationProblem.of(read_game(file), options=values_of(given))
        _report(problem, options, given, outputs, file.name, [file])


class _Outputs(NamedTuple):
    """Where to write: a folder, and a file for ``result.json`` alone, if any."""

    folder: OutputFolder | None
    json: OutputFiles

    def spare(self, inputs: list[Path]) -> None:
        """Refuse to write over what is read."""
        self.json.spare(inputs)
        if self.folder:
            self.folder.spare(inputs)


def _outputs(options: argparse.Namespace) -> _Outputs:
    """Return where to write, if anywhere."""
    json = [options.json] if options.json else []
    if options.out is None:
        for name in ("report", "letters"):
            if getattr(options, name):
                raise SesgameError(f"--{name} needs a folder to write to: --out FOLDER")
        return _Outputs(None, OutputFiles(json))
    if options.letters:
        OutputFolder(options.out / LETTERS, ())
    names = [*FILE_NAMES, *([PAGE] if options.report else [])]
    folder = OutputFolder(options.out, names)
    if json:
        OutputFiles([*json, *(options.out / name for name in (*names, MANIFEST))])
    return _Outputs(folder, OutputFiles(json))


def _report(
    problem: AllocationProblem,
    options: argparse.Namespace,
    given: dict[str, Given],
    outputs: _Outputs,
    name: str,
    files: list[Path],
) -> None:
    """Solve, audit, print and, if there is a folder, write."""
    rules = options.rules or default_rules(problem)
    report = build_report(
        problem,
        {rule: rule for rule in rules},
        name=name,
        files=files,
        options={
            "command": options.command.__name__,
            "rules": rules,
            **{option: found.as_asked for option, found in given.items()},
            **_clock(options, problem),
            "max_seconds": problem.max_seconds,
        },
        command=_again(options, name, problem, rules, given),
        progress=progress_of(options),
        done=rule_report(options, len(rules)),
    )
    folder = outputs.folder
    written: list[Path] = []
    # What is computed is kept, also where nobody reads the output to its end, as with `head`.
    try:
        beside = {options.json: report.to_json()} if options.json else {}
        if folder:
            contents = report.contents(page=options.report, letters=options.letters)
            written = folder.write(contents, beside)
        else:
            written = outputs.json.write(beside)
    finally:
        say(options, report.text())
    letters = [path for path in written if path.parent.name == LETTERS and folder]
    named = [str(path) for path in written if path not in letters]
    if letters:
        named.append(f"{count(len(letters), 'letter')} in {letters[0].parent}")
    if named:
        say(options, f"\nWritten: {', '.join(named)}")


def _clock(options: argparse.Namespace, problem: AllocationProblem) -> dict[str, str]:
    """Return what the command says of the clocks of a community, if anything."""
    said = clock_of(options)._asdict() if problem.world else {}
    return {name: value for name, value in said.items() if value is not None}


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
        for setting, said in _clock(options, problem).items():
            words += [f"--{setting.replace('_', '-')}", said]
        words += ["--max-seconds", f"{problem.max_seconds:g}"]
    for option, found in given.items():
        if any(RULES.options[option] in RULES[rule].options for rule in rules):
            words += [f"--{option}", found.text]
    return [*words, "--out", "again", "--report"]
