"""The command line."""

from sesgame.cli.command_line import main

__all__ = ["main"]
