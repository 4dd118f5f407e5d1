"""``sesgame share``: who is assigned and uses what of local plants by a key, and what all pay."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sesgame.cli.console import progress_of, say
from sesgame.cli.inputs import STANDARD_INPUT
from sesgame.cli.options import (
    add_clock,
    add_dates,
    add_rule_options,
    clock_of,
    files_of,
    given_options,
    period_of,
    values_of,
)
from sesgame.cli.shared_tables import SHARE_FILES, SharedTables
from sesgame.comparison import Comparison, compared
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.sharing_keys.shared_generation import SHARING_KEY
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import SesgameError
from sesgame.files.output_files import OutputFiles
from sesgame.files.output_folder import MANIFEST, OutputFolder
from sesgame.plots.canvas import check_ending, drawn_figure, new_figure
from sesgame.plots.energy_flows import shared_energy
from sesgame.reports.content import ReportContent
from sesgame.reports.result_files import result_json, source_of
from sesgame.rule import AllocationProblem

__all__ = ["add_share", "share"]

ALL = "share.json"
"""What a folder has beside the tables."""

KEPT = "result.json"
"""What ``sesgame verify`` reads."""

NAMES = (*SHARE_FILES, ALL, KEPT)
"""All that a folder has."""


def add_share(commands: Any) -> None:
    """Add ``sesgame share`` to the command line."""
    command = commands.add_parser(
        "share", help="share what plants feed in by a key, and bill what is used of it"
    )
    command.add_argument(
        "input", type=Path, metavar="COMMUNITY", help="folder of CSV files, with points.csv"
    )
    add_rule_options(command, SHARING_KEY)
    add_dates(command)
    add_clock(command)
    for name, what in (
        ("csv", "what each point is assigned in each step"),
        ("json", "everything else"),
    ):
        command.add_argument(
            f"--{name}",
            type=Path,
            metavar="FILE",
            help=f"write {what} to this file; - is standard output, which then has nothing else",
        )
    command.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help=f"write {', '.join(NAMES)} to this folder",
    )
    command.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw who gives how much to whom to this file (.png, .svg, .pdf)",
    )
    command.set_defaults(command=share)


def share(options: argparse.Namespace) -> None:
    """Share what plants feed in by a key, and bill what is used of it."""
    if options.input == STANDARD_INPUT:
        raise SesgameError("a community is a folder, and standard input is none")
    given = given_options(options, SHARING_KEY)
    beside = [path for path in (options.csv, options.json, options.plot) if path]
    outputs = OutputFiles(beside)
    folder = OutputFolder(options.out, NAMES) if options.out else None
    if folder:
        OutputFiles([*beside, *(options.out / name for name in (*NAMES, MANIFEST))])
    figure = new_figure(7, 4) if options.plot else None
    if figure:
        check_ending(figure, options.plot)
    files = world_files(options.input)
    inputs = [*files, *files_of(given)]
    outputs.spare(inputs)
    if folder:
        folder.spare(inputs)
    world = read_world(options.input, clock_of(options)).period(*period_of(options))
    if not isinstance(world, PublicGrid):
        raise SesgameError(
            f"a sharing key is for a folder with points.csv, and {options.input} has none"
        )
    problem = AllocationProblem.of(world, options=values_of(given))
    name = SHARING_KEY.name
    # Of many members nothing is proved of the core, and the bills are what they are all the same.
    comparison = compared(problem, {name: name}, progress=progress_of(options))
    if comparison.rows[0].failure:
        raise SesgameError(comparison.rows[0].failure)
    asked = {name: option.as_asked for name, option in given.items()}
    found = SharedTables(problem, comparison, asked)
    contents: dict[Path, str | bytes] = {}
    if options.csv:
        contents[options.csv] = found.assigned_csv()
    if options.json:
        contents[options.json] = found.to_json()
    if figure:
        shared_energy(found.allocation, ax=figure.subplots())
        contents[options.plot] = drawn_figure(figure, options.plot)
    written: list[Path] = []
    # What is computed is kept, also where nobody reads the output to its end, as with `head`.
    try:
        if folder:
            kept = _kept(options, problem, comparison, asked, files)
            written = folder.write({**found.files(), ALL: found.to_json(), KEPT: kept}, contents)
        else:
            written = outputs.write(contents)
    finally:
        say(options, found.text())
    if written:
        say(options, f"\nWritten: {', '.join(map(str, written))}")


def _kept(
    options: argparse.Namespace,
    problem: AllocationProblem,
    comparison: Comparison,
    asked: dict[str, Any],
    files: list[Path],
) -> str:
    """Return all that is needed to check the bills again, from the files of the community."""
    clock = {name: said for name, said in clock_of(options)._asdict().items() if said is not None}
    report = ReportContent(
        name=options.input.name,
        problem=problem,
        comparison=comparison,
        source=source_of(problem, files),
        options={"command": "share", "rules": [SHARING_KEY.name], **asked, **clock},
        files=tuple(files),
    )
    return result_json(report)
