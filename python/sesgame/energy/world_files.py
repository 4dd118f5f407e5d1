"""Folders that describe a world: which kind a folder is, and how each is read."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sesgame.energy.community import Community
from sesgame.energy.community_files import community_files

if TYPE_CHECKING:
    from sesgame.game.world import World

__all__ = ["read_world", "world_files"]


def read_world(folder: str | PathLike[str]) -> World:
    """Return what a folder of CSV files describes; ``docs/file-formats.md`` has the kinds.

    Raises
    ------
    GameError
        A file is missing or wrong; the message names file, line and column.
    """
    return Community.from_csv(folder)


def world_files(folder: str | PathLike[str]) -> list[Path]:
    """Return the files that :func:`read_world` reads.

    Raises
    ------
    GameError
        There is no such folder, or a file is missing or there twice.
    """
    return list(community_files(Path(folder)).values())
