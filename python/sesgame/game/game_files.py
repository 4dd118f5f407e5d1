"""Games in plain files: one coalition and its value in each row. ``docs/file-formats.md`` has both.

The members of a coalition are joined by ``+``, as in ``ann+bob``.
"""

from __future__ import annotations

import json
import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sesgame.errors import GameError, SesgameError
from sesgame.files.csv_table import CsvTable
from sesgame.files.text_file import read_text
from sesgame.game.game import Game
from sesgame.game.pandas_frames import coalition_members
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["read_game"]

_KINDS = ("gain", "cost")


def read_game(path: str | PathLike[str]) -> Game:
    """Read a game from a CSV, JSON or Parquet file.

    Parameters
    ----------
    path : path
        ``.csv`` (or ``.csv.gz``) with the columns ``coalition`` and ``gain`` or ``cost``, or
        ``.json`` with ``kind``, ``values`` and, optionally, ``players``, or ``.parquet`` with
        the columns of :meth:`sesgame.Game.from_pandas` (extra ``parquet``).

    Returns
    -------
    Game
        Players in the order of ``players``, or in which they first appear.

    Raises
    ------
    GameError
        The file cannot be read, a coalition is missing or duplicate, or names an unknown player, or
        a value is not a finite number.
    """
    file = Path(path)
    if file.suffixes[-2:] == [".csv", ".gz"] or file.suffix == ".csv":
        return _read_csv(file)
    if file.suffix == ".json":
        return _read_json(file)
    if file.suffix == ".parquet":
        return _read_parquet(file)
    raise GameError(
        f"{file} is not a game file: its name must end in .csv, .csv.gz, .json or .parquet"
    )


def _read_csv(path: Path) -> Game:
    table = CsvTable.read(path)
    kinds = [kind for kind in _KINDS if kind in table.columns]
    if len(kinds) != 1:
        raise GameError(
            f"{path} needs a column coalition and one of the columns gain and cost; "
            f"it has {table.names}"
        )
    (kind,) = kinds
    table.expect(["coalition", kind])
    rows = zip(table.texts("coalition"), table.floats(kind).tolist(), strict=True)
    return _game(path, rows, kind)


def _read_json(path: Path) -> Game:
    if not os.path.exists(path):
        raise GameError(f"no such file: {path}")
    try:
        content = json.loads(read_text(path), object_pairs_hook=_without_repeats)
    except _RepeatedKeyError as error:
        raise GameError(f"{path}: {error}") from error
    except GameError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError also of numbers of 5,000 digits
        raise GameError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise GameError(f'{path} must hold an object with "kind" and "values"')
    unknown = content.keys() - {"kind", "players", "values"}
    if unknown:
        raise GameError(
            f'{path}: "{min(unknown)}" has no meaning; allowed are kind, players and values'
        )
    kind, values, players = (content.get(key) for key in ("kind", "values", "players"))
    if kind not in _KINDS:
        raise GameError(f'{path}: "kind" must be "gain" or "cost", got {kind!r}')
    if not isinstance(values, dict):
        raise GameError(f'{path}: "values" must be an object from coalition to number')
    if players is not None and not (
        isinstance(players, list) and all(isinstance(player, str) for player in players)
    ):
        raise GameError(f'{path}: "players" must be a list of strings')
    for coalition, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise GameError(f'{path}: the value of "{coalition}" is {value!r}, not a number')
    return _game(path, values.items(), kind, players)


def _read_parquet(path: Path) -> Game:
    try:
        with needs("parquet", f"{path}: Parquet files need pandas and pyarrow"):
            import pandas as pd

            frame = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise GameError(f"no such file: {path}") from error
    except (OSError, ValueError) as error:
        raise GameError(f"{path} cannot be read as Parquet: {error}") from error
    try:
        return Game.from_pandas(frame)
    except SesgameError as error:
        raise GameError(f"{path}: {error}") from error


def _game(
    path: Path, rows: Iterable[tuple[str, float]], kind: Any, players: list[str] | None = None
) -> Game:
    """Return the game; whatever is wrong with it names the file."""
    values: dict[Iterable[Hashable], float] = {}
    try:
        for text, value in rows:
            coalition = coalition_members(text)
            _check_characters(text)
            if coalition in values:
                raise GameError(f'duplicate coalition "{text}"')
            values[coalition] = value
        return Game.from_dict(values, players, kind=kind)
    except SesgameError as error:
        raise GameError(f"{path}: {error}") from error


def _check_characters(text: str) -> None:
    """Refuse halves of characters, which JSON can name and no file can hold."""
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise GameError(f"the coalition {text!a} has half of a character in it")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; the parser by itself would keep the last of two equal keys."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _RepeatedKeyError(f'duplicate key "{key}"')
        result[key] = value
    return result


class _RepeatedKeyError(GameError):
    """An object of JSON has one key twice."""
