"""The command line: ``sesgame allocate``, ``compare``, ``solve``, ``auction``, ``example``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from sesgame._engine import __version__
from sesgame.cli.allocate import add_allocate, add_solve
from sesgame.cli.auction import add_auction
from sesgame.cli.compare import add_compare
from sesgame.cli.example import add_example
from sesgame.errors import SesgameError

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


def _command_line() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sesgame", description="Who gets what when people share energy, with proof."
    )
    parser.add_argument("--version", action="version", version=f"sesgame {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for add in (add_allocate, add_compare, add_solve, add_auction, add_example):
        add(commands)
    return parser
