"""Options that several commands have: rules and what they take, the period, where to write."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np

from sesgame.catalogue import RULES
from sesgame.energy.dispatch.problem import Model
from sesgame.energy.meter_clock import MeterClock
from sesgame.energy.time_steps import Stamp
from sesgame.energy.world_files import read_world
from sesgame.errors import GameError, SesgameError
from sesgame.files.json_text import LONGEST_SHOWN
from sesgame.game.game import Game
from sesgame.game.game_files import read_game
from sesgame.game.world import World
from sesgame.reports.report import FILE_NAMES, LETTERS, PAGE
from sesgame.reports.result_files import digests
from sesgame.rule import MAX_SECONDS, ByName, Named, Option, Rule

__all__ = [
    "Given",
    "add_clock",
    "add_dates",
    "add_json",
    "add_month",
    "add_out",
    "add_period",
    "add_rule_options",
    "add_rules",
    "clock_of",
    "files_of",
    "given_options",
    "names_of",
    "period_of",
    "rule_name",
    "rule_names",
    "source",
    "values_of",
]


@dataclass(frozen=True)
class Given:
    """The value of a rule's option, and the text that it was given as."""

    text: str
    value: Any

    @property
    def as_asked(self) -> int | float | str:
        """The number, or the text of what is no number; of a file its name and digest.

        Raises
        ------
        GameError
            The file cannot be read.
        """
        # A pipe is read once, and has no digest for whoever reads it again.
        if isinstance(self.value, Path) and self.value.is_file():
            ((name, digest),) = digests([self.value]).items()
            return f"{name}, SHA-256 {digest}"
        return self.value if isinstance(self.value, (int, float)) else self.text


def names_of(rules: Sequence[Named]) -> str:
    """Return names as ``--rules`` takes them."""
    return ",".join(rule.name for rule in rules)


def rule_names(text: str, known: ByName[Any], also: tuple[str, ...] = ()) -> list[str]:
    """Return the rules that ``--rules`` names, each once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    try:
        known.check(names, also)
    except GameError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return names


def rule_name(text: str, known: ByName[Any]) -> str:
    """Return the one rule that an option names."""
    (name, *others) = rule_names(text, known)
    if others:
        raise argparse.ArgumentTypeError(
            f'one rule is needed, and "{text}" names {1 + len(others)}'
        )
    return name


def add_rules(
    command: argparse.ArgumentParser, *names: str, default: str, also: tuple[str, ...] = ()
) -> None:
    """Add the choice of rules, and the options of all of them."""
    command.add_argument(
        *names,
        dest="rules",
        type=partial(rule_names, known=RULES, also=also),
        metavar="RULES",
        help=f"rules, separated by commas (default: {default}): {', '.join(RULES)}",
    )
    add_rule_options(command)


def add_rule_options(command: argparse.ArgumentParser, rule: Rule | None = None) -> None:
    """Add what all rules take beside the game, or the one of a command, as they declare it."""
    group = command.add_argument_group("options of rules" if rule is None else f"{rule.title}")
    for option in RULES.options.values() if rule is None else rule.options:
        takers = ", ".join(rule.name for rule in RULES.values() if option in rule.options)
        usual = "" if option.default is None else f" (default: {option.default})"
        group.add_argument(
            f"--{option.name}",
            dest=option.keyword,
            type=_parser_of(option),
            required=option.required and rule is not None,
            metavar=option.metavar,
            help=f"{option.help}{usual}" + (f"; for {takers}" if rule is None else ""),
        )


def given_options(options: argparse.Namespace, rule: Rule | None = None) -> dict[str, Given]:
    """Return the options of rules that are given or have a usual value, by name."""
    given = {}
    asked = RULES.options.values() if rule is None else rule.options
    for name, option in ((option.name, option) for option in asked):
        found: Given | None = getattr(options, option.keyword)
        if found is None and option.default is not None:
            found = Given(str(option.default), option.default)
        if found is not None:
            given[name] = found
    return given


def files_of(given: dict[str, Given]) -> list[Path]:
    """Return the files that options of rules name, which are inputs."""
    return [found.value for found in given.values() if isinstance(found.value, Path)]


def values_of(given: dict[str, Given]) -> dict[str, Any]:
    """Return the values of options by keyword, as a problem takes them."""
    return {RULES.options[name].keyword: found.value for name, found in given.items()}


def add_period(command: argparse.ArgumentParser) -> None:
    """Add which part of a community counts, on which clock, and how it is dispatched."""
    add_dates(command)
    add_clock(command)
    command.add_argument(
        "--model",
        choices=get_args(Model),
        help="dispatch model (default: the fastest one that supports all features of the "
        "community; batteries are pooled where that is off by at most 1 %% of what they save)",
    )
    command.add_argument(
        "--max-seconds",
        type=float,
        default=MAX_SECONDS,
        help="time limit of each separation search, where coalitions cannot be enumerated "
        f"(default: {MAX_SECONDS:g})",
    )


def add_dates(command: argparse.ArgumentParser) -> None:
    """Add which part of a community counts."""
    command.add_argument(
        "--start",
        metavar="TIME",
        help="start of the period (inclusive), e.g. 2016-06-01 or 2016-06-01T12:15",
    )
    command.add_argument("--end", metavar="TIME", help="end of the period (exclusive)")
    add_month(command, "a calendar month, on the clock of the tariff, instead of --start and --end")


def add_month(command: argparse.ArgumentParser, what: str) -> None:
    """Add a calendar month, and what it is for."""
    command.add_argument("--month", type=_month, metavar="YYYY-MM", help=what)


def add_clock(command: argparse.ArgumentParser) -> None:
    """Add on which clocks meters and tariff are, where ``clock.csv`` does not say."""
    group = command.add_argument_group("clocks, as clock.csv says them")
    group.add_argument(
        "--zone", metavar="ZONE", help="where the clock of meters and tariff is: Europe/Madrid"
    )
    group.add_argument(
        "--meters-zone", metavar="ZONE", help="that of the meters alone: a name, UTC, or +01:00"
    )
    group.add_argument("--tariff-zone", metavar="ZONE", help="that of the tariff alone")
    group.add_argument(
        "--stamp", choices=get_args(Stamp), help="which end of its step a stamp of a meter marks"
    )


def clock_of(options: argparse.Namespace) -> MeterClock:
    """Return what the command says of the clocks.

    Raises
    ------
    SesgameError
        There is one zone for both, and one for either.
    """
    meters, tariff = options.meters_zone, options.tariff_zone
    if options.zone is not None:
        for name, zone in (("meters", meters), ("tariff", tariff)):
            if zone is not None:
                raise SesgameError(f"--zone is that of meters and tariff; drop it or --{name}-zone")
        meters = tariff = options.zone
    return MeterClock(meters, tariff, options.stamp)


def period_of(options: argparse.Namespace) -> tuple[str | None, str | None]:
    """Return the start and the end that are asked for.

    Raises
    ------
    SesgameError
        There is a month beside a start or an end.
    """
    if options.month is None:
        return options.start, options.end
    if options.start is not None or options.end is not None:
        raise SesgameError("--month is a whole month; give it without --start and --end")
    return options.month, str(np.datetime64(options.month) + 1)


def add_out(command: argparse.ArgumentParser) -> None:
    """Add where to write, and what."""
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"write {', '.join(FILE_NAMES)} to this folder"
    )
    command.add_argument(
        "--report", action="store_true", help=f"also write {PAGE}, a page for everybody"
    )
    command.add_argument(
        "--letters",
        action="store_true",
        help=f"also write a letter to each member, about the first rule, into {LETTERS}/",
    )


def add_json(command: argparse.ArgumentParser) -> None:
    """Add where to write all that is known, as JSON."""
    command.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write what result.json has to this file; - is standard output, which then has "
        "nothing else",
    )


def source(options: argparse.Namespace, path: Path) -> Game | World:
    """Return what is in the input: the world of a folder in its period, or the game of a file.

    `path` is the input, or a copy of it.
    """
    if path.is_dir():
        return read_world(path, clock_of(options)).period(*period_of(options))
    for name in ("start", "end", "month", "model", "zone", "meters_zone", "tariff_zone", "stamp"):
        if getattr(options, name) is not None:
            option = name.replace("_", "-")
            raise SesgameError(f"--{option} is for communities, but {options.input} is no folder")
    return read_game(path)


def _month(text: str) -> str:
    """Return a calendar month, as argparse calls it."""
    match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if not match:
        raise argparse.ArgumentTypeError(
            f"must be a month like 2024-06, not {text[:LONGEST_SHOWN]!r}"
        )
    return text


def _parser_of(option: Option[Any]) -> Callable[[str], Given]:
    """Return what argparse calls with the text."""

    def parse(text: str) -> Given:
        try:
            return Given(text, option.parse(text))
        except ValueError:
            shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
            raise argparse.ArgumentTypeError(f"must be {option.metavar}, not {shown!r}") from None

    return parse
