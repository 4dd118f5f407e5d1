"""``sesgame compare``: the properties of several rules."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from sesgame.catalogue import RULES
from sesgame.cli.console import progress_of, rule_report, say
from sesgame.cli.inputs import regular_file
from sesgame.cli.options import (
    Given,
    add_period,
    add_rules,
    files_of,
    given_options,
    rule_name,
    source,
    values_of,
)
from sesgame.comparison import ALL, usual_rules
from sesgame.comparison import compare as compared
from sesgame.energy.world_files import world_files
from sesgame.errors import SesgameError
from sesgame.files.output_files import OutputFiles
from sesgame.game.game import Game
from sesgame.plots.canvas import check_ending, drawn_figure, new_figure
from sesgame.plots.rules import comparison as draw
from sesgame.plots.rules import size_of_comparison
from sesgame.reports.content import title_of
from sesgame.rule import AllocationProblem

__all__ = ["add_compare", "compare"]


def add_compare(commands: Any) -> None:
    """Add ``sesgame compare`` to the command line."""
    command = commands.add_parser("compare", help="compare the properties of several rules")
    command.add_argument(
        "input", type=Path, metavar="COMMUNITY|GAME", help="folder of CSV files, or game file, or -"
    )
    add_rules(command, "--rules", default=f"those that apply; {ALL}: every rule", also=(ALL,))
    command.add_argument(
        "--baseline",
        type=partial(rule_name, known=RULES),
        metavar="RULE",
        help="the rule that savings are measured against, one of those that are compared (default: "
        "standing alone); without --rules, it is compared beside the others",
    )
    add_period(command)
    for name, what in (("csv", "a row per rule"), ("json", "all figures and shares")):
        command.add_argument(
            f"--{name}",
            type=Path,
            metavar="FILE",
            help=f"write {what} to this file; - is standard output, which then has nothing else",
        )
    command.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the savings to this file (.png, .svg, .pdf)"
    )
    command.set_defaults(command=compare)


def compare(options: argparse.Namespace) -> None:
    """Compare the properties of several rules."""
    asked = [path for path in (options.csv, options.json, options.plot) if path]
    outputs = OutputFiles(asked)
    given = given_options(options)
    figure = new_figure(8, 4) if options.plot else None
    if figure:
        check_ending(figure, options.plot)
    with regular_file(options.input) as path:
        if not path.exists():
            raise SesgameError(f"no such file or folder: {options.input}")
        outputs.spare([*(world_files(path) if path.is_dir() else [path]), *files_of(given)])
        made = source(options, path)
    name = str(path.name) if isinstance(made, Game) else made.name
    problem = AllocationProblem.of(made, model=options.model)
    title = "\n".join([title_of(name, problem), *_asked(given)])
    rules = options.rules or usual_rules(problem, options.baseline)
    comparison = compared(
        made,
        rules,
        model=options.model,
        max_seconds=options.max_seconds,
        baseline=options.baseline,
        progress=progress_of(options),
        done=rule_report(options, len(RULES) if ALL in rules else len(rules)),
        **values_of(given),
    )
    contents: dict[Path, str | bytes] = {}
    if options.csv:
        contents[options.csv] = comparison.to_csv()
    if options.json:
        contents[options.json] = comparison.to_json()
    if figure:
        figure.set_size_inches(size_of_comparison(comparison))
        draw(comparison, ax=figure.subplots())
        contents[options.plot] = drawn_figure(figure, options.plot)
    # What is computed is kept, also where nobody reads the output to its end, as with `head`.
    try:
        written = outputs.write(contents)
    finally:
        say(options, f"{title}\n\n{comparison}")
    if written:
        say(options, f"\nWritten: {', '.join(map(str, written))}")


def _asked(given: dict[str, Given]) -> list[str]:
    """Return in a line what rules were asked for, unless it is what is usual."""
    asked = [
        f"{name} {found.text}"
        for name, found in given.items()
        if found.value != RULES.options[name].default
    ]
    return [f"asked for: {', '.join(asked)}"] if asked else []
