"""What a command prints, and where: results to standard output, all else to standard error."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sesgame.errors import SesgameError
from sesgame.files.output_files import STANDARD_OUTPUT
from sesgame.formatting import shown

if TYPE_CHECKING:
    from sesgame.comparison import ComparedRule

__all__ = [
    "add_verbosity",
    "complain",
    "console",
    "finish",
    "leave_standard_output",
    "progress_of",
    "put",
    "rule_report",
    "say",
    "settled",
    "standard_output",
    "verbosity_of",
]

QUIET, USUAL, VERBOSE = -1, 0, 1


def add_verbosity(parser: argparse.ArgumentParser, *, default: int | str) -> None:
    """Add ``-q`` and ``-v``, which every command takes, before its name and after it."""
    group = parser.add_mutually_exclusive_group()
    for flags, value, what in (
        (("-q", "--quiet"), QUIET, "print nothing but errors, warnings and what is asked for as -"),
        (("-v", "--verbose"), VERBOSE, "say on standard error what is done, and how long it took"),
    ):
        group.add_argument(
            *flags,
            dest="verbosity",
            action="store_const",
            const=value,
            default=default,
            help=what,
        )


def verbosity_of(options: argparse.Namespace) -> int:
    """Return how much is printed: less than 0, nothing; more than 0, all."""
    return int(getattr(options, "verbosity", USUAL))


def say(options: argparse.Namespace, text: str) -> None:
    """Print a result, unless nobody wants it or standard output is taken by a file.

    Raises
    ------
    SesgameError
        Standard output cannot be written.
    """
    taken = any(value == STANDARD_OUTPUT for value in _outputs(options))
    if verbosity_of(options) != QUIET and not taken:
        put(text)


def put(text: str) -> None:
    """Print what a command is for.

    Raises
    ------
    SesgameError
        Standard output cannot be written.
    """
    if sys.stdout is None:
        raise SesgameError("standard output cannot be written: it is closed")
    with standard_output():
        print(text)


def _outputs(options: argparse.Namespace) -> list[Path | None]:
    return [getattr(options, name, None) for name in ("json", "csv", "plot")]


def progress_of(options: argparse.Namespace) -> bool:
    """Return whether to show progress, where there is a terminal."""
    return verbosity_of(options) != QUIET


def rule_report(options: argparse.Namespace, n_rules: int) -> Callable[[ComparedRule], None] | None:
    """Return what says of each rule that it is done; None where nobody looks."""
    if not _is_followed(options):
        return None
    n_done = 0

    def done(row: ComparedRule) -> None:
        nonlocal n_done
        n_done += 1
        took = "" if row.seconds is None else f" in {row.seconds:.3g} s"
        what = f"done{took}" if row.allocation is not None else "failed"
        complain(f"{row.rule}: {what} ({n_done} of {n_rules})")

    return done


def settled(options: argparse.Namespace, rule: str, n_done: int, n_rules: int) -> None:
    """Say that a market is settled under a rule, where somebody looks."""
    if _is_followed(options):
        complain(f"{rule}: done ({n_done} of {n_rules})")


def _is_followed(options: argparse.Namespace) -> bool:
    """Return whether somebody sees what is going on: at a terminal, or because it was asked for."""
    verbosity = verbosity_of(options)
    if verbosity == USUAL:
        return sys.stderr is not None and sys.stderr.isatty()
    return verbosity == VERBOSE


def complain(text: str) -> None:
    """Print one line to standard error, if there is one."""
    with suppress(OSError, ValueError):  # it is full or closed, and nobody is left to tell
        if sys.stderr is not None:
            print(f"sesgame: {shown(' '.join(text.split()))}", file=sys.stderr, flush=True)


@contextmanager
def console(verbosity: int) -> Iterator[None]:
    """Print what the terminal has no letters for as escapes, warnings in one line, and the log."""
    earlier = getattr(sys.stdout, "errors", None)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    logger, handler = logging.getLogger("sesgame"), _Log()
    level = logger.level
    if verbosity == VERBOSE:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: complain(f"warning: {message}")
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        if hasattr(sys.stdout, "reconfigure"):
            with suppress(OSError, ValueError):
                sys.stdout.reconfigure(errors=earlier)


def finish() -> None:
    """Hand over what is printed.

    Raises
    ------
    SesgameError
        Standard output cannot be written.
    """
    if sys.stdout is not None:
        with standard_output():
            sys.stdout.flush()


def leave_standard_output() -> None:
    """Keep Python's exit from trying to write again what could not be written."""
    with suppress(OSError, ValueError, AttributeError):  # it has no descriptor, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class _Log(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


@contextmanager
def standard_output() -> Iterator[None]:
    """Say in one line why standard output cannot be written."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads any more
    except OSError as error:
        leave_standard_output()
        what = error.strerror or os.strerror(error.errno or errno.EIO)
        raise SesgameError(f"standard output cannot be written: {what}") from error
