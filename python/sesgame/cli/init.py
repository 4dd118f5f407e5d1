"""``sesgame init``: a folder that a person with a spreadsheet fills in."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sesgame.cli.console import say
from sesgame.cli.options import add_clock, add_month, clock_of
from sesgame.energy.starter_folder import files_of_readings, starter_files
from sesgame.errors import SesgameError
from sesgame.files.csv_folder import find_csv
from sesgame.files.output_files import OutputFiles
from sesgame.files.placeholder import PLACEHOLDER

__all__ = ["add_init", "init"]

_FILLED = {
    "members": "who has which meter; correct units, and add who has none",
    "meters": "the readings, one column for each meter",
    "tariff": "prices",
    "contracts": "prices of the supplier",
    "fees": "what is paid by the month; leave the file out where there is none",
    "demand_charges": "the price of the highest import; leave the file out where there is none",
    "taxes": "in per cent; leave the file out where prices have them",
    "batteries": "capacity, power and efficiencies",
    "clock": "on which clocks meters and tariff are",
}
"""What is to be written into each file."""


_OTHERS = ("points", "scenarios", "two_period")
"""Files that make a folder something else than a community."""


def add_init(commands: Any) -> None:
    """Add ``sesgame init`` to the command line."""
    command = commands.add_parser(
        "init", help="write the files of a new community, to be filled in with a spreadsheet"
    )
    command.add_argument("folder", type=Path, metavar="FOLDER", help="where to write")
    command.add_argument(
        "--members",
        type=_names,
        metavar="NAMES",
        help="members, separated by commas (default: ann,bob)",
    )
    command.add_argument(
        "--pv",
        type=_names,
        metavar="NAMES",
        help="those of them who have PV (default: nobody)",
    )
    command.add_argument(
        "--battery",
        metavar="OWNERS",
        help="also a battery, of a member, of several as ann;bob, or of all",
    )
    command.add_argument(
        "--contracts",
        action="store_true",
        help="contract, fees, demand charge and taxes in place of a tariff",
    )
    command.add_argument(
        "--currency", default="EUR", metavar="CODE", help="of all money (default: EUR)"
    )
    add_month(command, "a calendar month, each step of which gets a row in meters.csv")
    command.add_argument("--step", metavar="LENGTH", help="of a reading: 15min (default), 1h")
    command.add_argument(
        "--readings",
        type=Path,
        metavar="FILE",
        help="readings as they were exported, CSV or Excel, in place of members, month and step: "
        "each column becomes a member's load",
    )
    add_clock(command)
    command.set_defaults(command=init)


def init(options: argparse.Namespace) -> None:
    """Write the files, and say what is to be filled in."""
    folder = options.folder
    texts, assumed = _texts(options)
    roles = [name.removesuffix(".csv") for name in texts]
    there = [path.name for role in (*_FILLED, *_OTHERS) if (path := find_csv(folder, role))]
    if there:
        raise SesgameError(
            f"{folder} already has {', '.join(there)}, and nothing is overwritten; name a new "
            f"folder"
        )
    contents = {folder / name: text for name, text in texts.items()}
    OutputFiles(contents).write(contents)
    width = max(map(len, texts))
    lines = [f"{name:<{width}}  {_FILLED[role]}" for name, role in zip(texts, roles, strict=True)]
    say(
        options,
        "\n".join(
            [
                *(f"assumed: {line}" for line in assumed),
                f"wrote {folder}; fill in, with a spreadsheet:",
                *(f"  {line}" for line in lines),
                f'each "{PLACEHOLDER}" is a number that only you know; then:',
                f"sesgame check {folder}",
            ]
        ),
    )


def _texts(options: argparse.Namespace) -> tuple[dict[str, str], list[str]]:
    """Return what to write by name, and what was assumed of readings."""
    prices: dict[str, Any] = {
        "battery": options.battery,
        "said": clock_of(options),
        "contract": options.contracts,
        "currency": options.currency,
    }
    if options.readings is None:
        texts = starter_files(
            options.members or ["ann", "bob"],
            with_pv=options.pv or (),
            month=options.month,
            step=options.step or "15min",
            **prices,
        )
        return texts, []
    for name in ("members", "pv", "month", "step"):
        if getattr(options, name) is not None:
            raise SesgameError(f"--{name} is for a folder without readings; drop it or --readings")
    return files_of_readings(options.readings, **prices)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
