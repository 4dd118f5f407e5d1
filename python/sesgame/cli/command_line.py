"""The command line: ``sesgame init``, ``check``, ``allocate``, ``compare``, ``solve``, ...."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from sesgame.cli.allocate import add_allocate, add_solve
from sesgame.cli.auction import add_auction
from sesgame.cli.check import add_check
from sesgame.cli.compare import add_compare
from sesgame.cli.completion import add_completion
from sesgame.cli.console import (
    add_verbosity,
    complain,
    console,
    finish,
    leave_standard_output,
    put,
    standard_output,
    verbosity_of,
)
from sesgame.cli.example import add_example
from sesgame.cli.init import add_init
from sesgame.cli.share import add_share
from sesgame.cli.verify import add_verify
from sesgame.cli.versions import versions
from sesgame.errors import SesgameError

__all__ = ["command_line", "main"]

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C has stopped."""


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: Any = None) -> None:
        """Print; what cannot be printed is no success, as it is to argparse."""
        if file is sys.stdout and message:
            with standard_output():
                file.write(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the command."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0, or 2 for wrong input.

    What is refuted or questioned gives 1, and Ctrl-C 130. A reader of the output that leaves early,
    such as `head`, is no failure.
    """
    try:
        try:
            return _run(arguments)
        finally:  # also after --help, which leaves by SystemExit
            finish()
    except (SesgameError, MemoryError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            leave_standard_output()
            return 0
        complain(_line(error))
        return 2
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    parser = command_line()
    options = parser.parse_args(arguments)
    with console(verbosity_of(options)):
        if options.version:
            put(versions(verbose=verbosity_of(options) > 0))
            return 0
        if options.command is None:
            parser.error("the following arguments are required: COMMAND")
        code = options.command(options)
    return code or 0


def _line(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return str(error) or "there is not enough memory"
    if isinstance(error, OSError) and not isinstance(error, SesgameError):
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror or error}"
    return str(error)


def command_line() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="sesgame", description="Who gets what when people share energy, with proof."
    )
    parser.add_argument(
        "--version",
        action="store_true",
        help="print the version; with --verbose, those of all that computes, and exit",
    )
    add_verbosity(parser, default=0)
    parser.set_defaults(command=None, parser=parser)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    adders = (
        add_init,
        add_check,
        add_allocate,
        add_compare,
        add_solve,
        add_share,
        add_auction,
        add_verify,
        add_example,
        add_completion,
    )
    for add in adders:
        add(commands)
    for command in commands.choices.values():
        add_verbosity(command, default=argparse.SUPPRESS)
    return parser
