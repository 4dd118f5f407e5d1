"""The command line: ``sesgame allocate``, ``compare``, ``solve`` and ``auction``."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

import sesgame as sg
from sesgame.energy.community import Model
from sesgame.energy.community_files import community_files
from sesgame.errors import SesgameError
from sesgame.game_files import read_game
from sesgame.markets.command import add_auction
from sesgame.report import FILE_NAMES, OutputFolder, Report
from sesgame.rules import RULES, Case

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
    folder = OutputFolder(options.out) if options.out else None
    case, title, source = _community_case(options)
    _report(case, options, folder, title, source)


def solve(options: argparse.Namespace) -> None:
    """Solve the game of a file."""
    folder = OutputFolder(options.out) if options.out else None
    game = read_game(options.input)
    title = f"{options.input.name}: a {game.kind} game of {game.n_players} players"
    _report(Case(game), options, folder, title, {"files": _digests([options.input]), "unit": ""})


def compare(options: argparse.Namespace) -> None:
    """Show what holds of each rule, side by side."""
    if not options.input.exists():
        raise SesgameError(f"there is no file or folder {options.input}")
    if options.input.is_dir():
        case, title, _ = _community_case(options)
    else:
        for name in ("start", "end", "model"):
            if getattr(options, name) is not None:
                raise SesgameError(f"--{name} is for communities, but {options.input} is no folder")
        game = read_game(options.input)
        case = Case(game)
        title = f"{options.input.name}: a {game.kind} game of {game.n_players} players"
    allocations = [case.allocate(rule) for rule in options.rules or case.comparable_rules]
    max_seconds = case.max_seconds if case.oracle else None
    comparison = sg.compare(case.game, allocations, oracle=case.oracle, max_seconds=max_seconds)
    print(f"{title}\n\n{comparison}")


def _community_case(options: argparse.Namespace) -> tuple[Case, str, dict[str, Any]]:
    """Return the game of a community and a period, what it is, and what it is made from."""
    community = sg.energy.Community.from_csv(options.input)
    period = community.period(options.start, options.end)
    steps = period.steps
    model = options.model or community.default_model
    game = period.cost_game(model=model)
    batteries = {
        "battery": f"{len(community.batteries)} batteries, pooled",
        "netting": "netting",
        "linear": f"{len(community.batteries)} batteries, by linear programme",
    }[model]
    title = (
        f"{community.name}, {steps.time(0)} to {steps.time(steps.n_steps)}\n"
        f"{game.n_players} members, {steps.n_steps:,} steps of {steps.step_hours * 60:g} minutes, "
        f"{batteries}; amounts in {community.currency}, negative ones are received"
    )
    source = {
        "community": community.name,
        "files": _digests(community_files(options.input).values()),
        "start": str(steps.start),
        "end": str(steps.end),
        "n_steps": steps.n_steps,
        "step_hours": steps.step_hours,
        "model": model,
        "unit": community.currency,
    }
    case = Case(game, period, model, options.seed, options.clusters, options.max_seconds)
    return case, title, source


def _report(
    case: Case,
    options: argparse.Namespace,
    folder: OutputFolder | None,
    title: str,
    source: dict[str, Any],
) -> None:
    """Solve, audit, print and, if there is a folder, write."""
    rules = options.rules or (case.default_rules if case.community else ["nucleolus"])
    allocations = {rule: case.allocate(rule) for rule in rules}
    max_seconds = case.max_seconds if case.oracle else None
    audits = {
        rule: sg.audit(case.game, allocation, oracle=case.oracle, max_seconds=max_seconds)
        for rule, allocation in allocations.items()
    }
    asked = {"command": options.command.__name__, "rules": rules}
    unit = source.pop("unit")
    report = Report(title, case.game, allocations, audits, unit, source, asked)
    print(report.text())
    if folder:
        written = ", ".join(str(path) for path in report.write(folder))
        print(f"\nWritten: {written}")


def _digests(paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file, as ``sha256sum`` prints it."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


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
    _add_rules(command, "--rules", "all that fit")
    _add_period(command)
    command.set_defaults(command=compare)

    command = commands.add_parser("solve", help="solve the game of a file")
    command.add_argument("input", type=Path, metavar="GAME", help="file ending in .csv or .json")
    _add_rules(command, "--rule", "nucleolus")
    _add_out(command)
    command.set_defaults(command=solve)

    add_auction(commands)
    return parser


def _add_rules(command: argparse.ArgumentParser, name: str, default: str) -> None:
    command.add_argument(
        name,
        dest="rules",
        type=_rules,
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


def _rules(text: str) -> list[str]:
    """Return the rules that are named, each once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in RULES:
            allowed = ", ".join(RULES)
            raise argparse.ArgumentTypeError(f'there is no rule "{name}"; there are {allowed}')
    return names
