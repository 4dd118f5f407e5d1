"""``sesgame example``: a community that comes with the package, as files to look at."""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path
from typing import Any

from sesgame.cli.console import say
from sesgame.errors import SesgameError
from sesgame.files.output_files import OutputFiles

__all__ = ["EXAMPLES", "add_example", "write_example"]

EXAMPLES = ("rural13",)


def write_example(name: str, folder: Path) -> None:
    """Write the files of an example community into a new folder.

    Raises
    ------
    SesgameError
        There is no such example, the folder already exists, or it cannot be written.
    """
    if name not in EXAMPLES:
        raise SesgameError(f"unknown example {name!r}; choose from {', '.join(EXAMPLES)}")
    try:
        folder.mkdir(parents=True)
        source = files("sesgame") / "examples" / name
        contents = {folder / file.name: file.read_bytes() for file in source.iterdir()}
        try:
            OutputFiles(contents).write(contents)
        except BaseException:
            folder.rmdir()
            raise
    except FileExistsError as error:
        raise SesgameError(f"{folder} already exists; name a new folder") from error
    except OSError as error:
        raise SesgameError(f"{folder} cannot be written: {error.strerror}") from error


def example(options: argparse.Namespace) -> None:
    """Write an example, and say what to do with it."""
    folder = options.folder or Path(options.name)
    write_example(options.name, folder)
    say(options, f"wrote {folder}; see {folder / 'README.md'} for its source and licence\n")
    say(options, f"sesgame allocate {folder} --start 2016-06-01 --end 2016-07-01")


def add_example(commands: Any) -> None:
    """Add ``sesgame example`` to the command line."""
    command = commands.add_parser("example", help="write the files of an example community")
    command.add_argument("name", help=", ".join(EXAMPLES))
    command.add_argument("folder", nargs="?", type=Path, help="by default the name of the example")
    command.set_defaults(command=example)
