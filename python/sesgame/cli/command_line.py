"""The command line: ``sesgame allocate``, ``compare``, ``solve``, ``auction``, ``example``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn, get_args

import sesgame as sg
from sesgame.catalogue import RULES, Case
from sesgame.cli.auction import add_auction
from sesgame.cli.example import add_example
from sesgame.energy.community_files import community_files
from sesgame.energy.dispatch.problem import Model
from sesgame.errors import SesgameError
from sesgame.files.output_folder import OutputFolder
from sesgame.formatting import count
from sesgame.game.game_files import read_game
from sesgame.plots.canvas import new_figure, save_figure
from sesgame.plots.rules import size_of_comparison
from sesgame.reports.report import FILE_NAMES, LETTERS, PAGE, Report, title_of
from sesgame.reports.result_files import source_of

__all__ = ["main"]

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C has stopped."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the command."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0, 2 for wrong input, 130 after Ctrl-C."""
    options = _command_line().parse_args(arguments)
    try:
        options.command(options)
        sys.stdout.flush()
    except SesgameError as error:
        line = " ".join(str(error).split())
        print(f"sesgame: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sesgame: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output, such as `head`, has left; keep Python's exit from trying again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def allocate(options: argparse.Namespace) -> None:
    """Split a community's costs, and say who could be better off alone."""
    folder = _folder(options)
    case = _community_case(options)
    files = list(community_files(options.input).values())
    _report(case, options, folder, files)


def solve(options: argparse.Namespace) -> None:
    """Solve the game of a file."""
    folder = _folder(options)
    game = read_game(options.input)
    _report(Case(game), options, folder, [options.input])


def compare(options: argparse.Namespace) -> None:
    """Show what holds of each rule, side by side."""
    written = [path for path in (options.csv, options.json, options.plot) if path]
    folders = {path: OutputFolder(path.parent, [path.name]) for path in written}
    figure = new_figure(8, 4) if options.plot else None
    if not options.input.exists():
        raise SesgameError(f"there is no file or folder {options.input}")
    if options.input.is_dir():
        case = _community_case(options)
    else:
        for name in ("start", "end", "model"):
            if getattr(options, name) is not None:
                raise SesgameError(f"--{name} is for communities, but {options.input} is no folder")
        game = read_game(options.input)
        case = Case(game)
    comparison = sg.compare(
        case.community or case.game,
        options.rules,
        model=case.model,
        seed=options.seed,
        n_clusters=options.clusters,
        max_seconds=options.max_seconds,
    )
    # What is computed is kept, also where nobody reads the output to its end, as with `head`.
    try:
        if options.csv:
            folders[options.csv].write(options.csv.name, comparison.to_csv())
        if options.json:
            folders[options.json].write(options.json.name, comparison.to_json())
        if figure:
            figure.set_size_inches(size_of_comparison(comparison))
            sg.plots.comparison(comparison, ax=figure.subplots())
            save_figure(figure, options.plot)
    finally:
        print(f"{title_of(_name(case, options), case)}\n\n{comparison}")
    if written:
        print(f"\nWritten: {', '.join(str(path) for path in written)}")


def _community_case(options: argparse.Namespace) -> Case:
    """Return the game of a community in a period."""
    community = sg.energy.Community.from_csv(options.input)
    period = community.period(options.start, options.end)
    model = options.model or community.default_model
    game = period.cost_game(model=model)
    return Case(game, period, model, options.seed, options.clusters, options.max_seconds)


def _name(case: Case, options: argparse.Namespace) -> str:
    """Return what the input is called, without the path to it."""
    return case.community.name if case.community else str(options.input.name)


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
    case: Case,
    options: argparse.Namespace,
    folder: OutputFolder | None,
    files: list[Path],
) -> None:
    """Solve, audit, print and, if there is a folder, write."""
    rules = options.rules or (case.default_rules if case.community else ["nucleolus"])
    allocations = {rule: case.allocate(rule) for rule in rules}
    max_seconds = case.max_seconds if case.oracle else None
    audits = {
        rule: sg.audit(case.game, allocation, oracle=case.oracle, max_seconds=max_seconds)
        for rule, allocation in allocations.items()
    }
    name = _name(case, options)
    report = Report(
        name=name,
        case=case,
        allocations=allocations,
        audits=audits,
        unit=case.community.currency if case.community else "",
        source=source_of(case, files),
        options={
            "command": options.command.__name__,
            "rules": rules,
            "seed": case.seed,
            "clusters": case.n_clusters,
            "max_seconds": case.max_seconds,
        },
        command=_again(options, name, case, rules),
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


def _again(options: argparse.Namespace, name: str, case: Case, rules: list[str]) -> list[str]:
    """Return the command that makes the same page, for whoever has the same files."""
    words = ["sesgame", options.command.__name__, name]
    if case.community:
        words += ["--rules", ",".join(rules)]
        steps = case.community.steps
        words += ["--start", steps.time(0), "--end", steps.time(steps.n_steps)]
        words += ["--model", str(case.model), "--seed", str(case.seed)]
        words += ["--clusters", str(case.n_clusters), "--max-seconds", f"{case.max_seconds:g}"]
    else:
        words += ["--rule", ",".join(rules)]
    return [*words, "--out", "again", "--report"]


def _command_line() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sesgame", description="Who gets what when people share energy, with proof."
    )
    parser.add_argument("--version", action="version", version=f"sesgame {sg.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    command = commands.add_parser("allocate", help="split the costs of a community")
    command.add_argument("input", type=Path, metavar="COMMUNITY", help="folder of CSV files")
    _add_rules(command, "--rules", "shapley,nucleolus; owen,shapley-estimate for too many members")
    _add_period(command)
    _add_out(command)
    command.set_defaults(command=allocate)

    command = commands.add_parser("compare", help="show what holds of each rule, side by side")
    command.add_argument(
        "input", type=Path, metavar="COMMUNITY|GAME", help="folder of CSV files, or game file"
    )
    _add_rules(command, "--rules", "those that fit; all: every one", also=("all",))
    _add_period(command)
    for name, what in (("csv", "one line for each rule"), ("json", "all figures and shares")):
        command.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"where to write {what}")
    command.add_argument(
        "--plot", type=Path, metavar="FILE", help="where to draw the savings (.png, .svg, .pdf)"
    )
    command.set_defaults(command=compare)

    command = commands.add_parser("solve", help="solve the game of a file")
    command.add_argument(
        "input", type=Path, metavar="GAME", help="file ending in .csv, .json or .parquet"
    )
    _add_rules(command, "--rule", "nucleolus")
    _add_out(command)
    command.set_defaults(command=solve)

    add_auction(commands)
    add_example(commands)
    return parser


def _add_rules(
    command: argparse.ArgumentParser, name: str, default: str, also: tuple[str, ...] = ()
) -> None:
    command.add_argument(
        name,
        dest="rules",
        type=partial(_rules, also=also),
        metavar="RULES",
        help=f"of {', '.join(RULES)}; separated by commas (default: {default})",
    )


def _add_period(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--start", metavar="TIME", help="first step, like 2016-06-01 or 2016-06-01T12:15"
    )
    command.add_argument("--end", metavar="TIME", help="first step that is no longer part of it")
    command.add_argument(
        "--model",
        choices=get_args(Model),
        help="how a coalition is dispatched (default: the fastest that has everything)",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="for rules that sample or cluster (default: 0)"
    )
    command.add_argument(
        "--clusters", type=int, default=12, help="for clustered-nucleolus (default: 12)"
    )
    command.add_argument(
        "--max-seconds",
        type=float,
        default=300.0,
        help="for each search for the worst group among too many to list (default: 300)",
    )


def _add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"where to write {', '.join(FILE_NAMES)}"
    )
    command.add_argument(
        "--report", action="store_true", help=f"also write {PAGE}, a page for everybody"
    )
    command.add_argument(
        "--letters",
        action="store_true",
        help=f"also write a letter to each member, about the first rule, into {LETTERS}/",
    )


def _rules(text: str, also: tuple[str, ...] = ()) -> list[str]:
    """Return the rules that are named, each once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in (*RULES, *also):
            allowed = ", ".join((*RULES, *also))
            raise argparse.ArgumentTypeError(f'there is no rule "{name}"; there are {allowed}')
    return names
