"""``sesgame compare``: the properties of several rules."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sesgame.cli.options import add_period, add_rules, given_options, source, values_of
from sesgame.comparison import ALL
from sesgame.comparison import compare as compared
from sesgame.errors import SesgameError
from sesgame.files.output_folder import OutputFolder
from sesgame.game.game import Game
from sesgame.plots.canvas import new_figure, save_figure
from sesgame.plots.rules import comparison as draw
from sesgame.plots.rules import size_of_comparison
from sesgame.reports.content import title_of
from sesgame.rule import AllocationProblem

__all__ = ["add_compare", "compare"]


def add_compare(commands: Any) -> None:
    """Add ``sesgame compare`` to the command line."""
    command = commands.add_parser("compare", help="compare the properties of several rules")
    command.add_argument(
        "input", type=Path, metavar="COMMUNITY|GAME", help="folder of CSV files, or game file"
    )
    add_rules(command, "--rules", default=f"those that apply; {ALL}: every rule", also=(ALL,))
    add_period(command)
    for name, what in (("csv", "a row per rule"), ("json", "all figures and shares")):
        command.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"write {what} to this file"
        )
    command.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the savings to this file (.png, .svg, .pdf)"
    )
    command.set_defaults(command=compare)


def compare(options: argparse.Namespace) -> None:
    """Compare the properties of several rules."""
    written = [path for path in (options.csv, options.json, options.plot) if path]
    folders = {path: OutputFolder(path.parent, [path.name]) for path in written}
    figure = new_figure(8, 4) if options.plot else None
    if not options.input.exists():
        raise SesgameError(f"no such file or folder: {options.input}")
    made = source(options)
    name = str(options.input.name) if isinstance(made, Game) else made.name
    title = title_of(name, AllocationProblem.of(made, model=options.model))
    comparison = compared(
        made,
        options.rules,
        model=options.model,
        max_seconds=options.max_seconds,
        **values_of(given_options(options)),
    )
    # What is computed is kept, also where nobody reads the output to its end, as with `head`.
    try:
        if options.csv:
            folders[options.csv].write(options.csv.name, comparison.to_csv())
        if options.json:
            folders[options.json].write(options.json.name, comparison.to_json())
        if figure:
            figure.set_size_inches(size_of_comparison(comparison))
            draw(comparison, ax=figure.subplots())
            save_figure(figure, options.plot)
    finally:
        print(f"{title}\n\n{comparison}")
    if written:
        print(f"\nWritten: {', '.join(str(path) for path in written)}")
