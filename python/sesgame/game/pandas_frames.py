"""Games as pandas frames: one row for each coalition. ``docs/file-formats.md`` has the columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import format_coalition, named
from sesgame.game.allocation import Kind
from sesgame.game.players import Players, membership_of_masks
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["coalition_members", "coalitions_of_frame", "frame_of", "frame_of_table"]

Coalitions = dict[Iterable[Hashable], float]


def coalition_members(text: str) -> tuple[str, ...]:
    """Return the members of a coalition that is written as ``ann+bob``.

    Raises
    ------
    GameError
        A member has no name: ``ann+`` would hide a slip of the pen.
    """
    members = tuple(label.strip() for label in text.split("+")) if text.strip() else ()
    if "" in members:
        raise GameError(f'the coalition "{text}" has a member without a name')
    return members


def frame_of(given: Any, name: str) -> pd.DataFrame:
    """Return a frame of pandas as it is, and one of polars or an array of xarray as such a frame.

    Raises
    ------
    GameError
        It is none of these.
    """
    with needs("pandas", "frames need pandas"):
        import pandas as pd

    if isinstance(given, pd.DataFrame):
        return given
    library = type(given).__module__.partition(".")[0]
    if library == "polars" and hasattr(given, "get_columns"):
        # Column by column, which needs no pyarrow; a label is text there.
        return pd.DataFrame({column.name: column.to_list() for column in given.get_columns()})
    if library == "xarray" and getattr(given, "ndim", None) == 2:
        frame: pd.DataFrame = given.to_pandas()
        is_time = [pd.api.types.is_datetime64_any_dtype(axis.dtype) for axis in frame.axes]
        return frame.T if is_time == [False, True] else frame
    raise GameError(
        f"{name} must be a DataFrame of pandas or polars, or an xarray.DataArray of two "
        f"dimensions, got {named(given)}"
    )


def coalitions_of_frame(
    frame: pd.DataFrame,
) -> tuple[Coalitions, Kind, list[Hashable] | None]:
    """Return the value of each coalition, the kind of game, and players that are columns.

    Raises
    ------
    GameError
        As in :meth:`sesgame.Game.from_pandas`.
    """
    frame = frame_of(frame, "frame")
    kinds: list[Kind] = [kind for kind in get_args(Kind) if kind in frame.columns]
    if len(kinds) != 1:
        raise GameError(
            f"the frame needs one of the columns gain and cost; it has {_names(frame.columns)}"
        )
    (kind,) = kinds
    others: list[Hashable] = [column for column in frame.columns if column != kind]
    if "coalition" in others:
        if len(others) > 1:
            others.remove("coalition")
            raise GameError(
                f"beside coalition and {kind} the frame has {_names(others)}; leave them out, or "
                f"leave out coalition and give a boolean column for each player"
            )
        texts = frame["coalition"].tolist()
        for text in texts:
            if not isinstance(text, str):
                raise GameError(f"the coalition {text!r} is not text, such as 'ann+bob'")
        members: list[tuple[Hashable, ...]] = [coalition_members(text) for text in texts]
        return _with_values(members, frame[kind].tolist()), kind, None
    for column in others:
        if frame[column].dtype != np.bool_:
            raise GameError(
                f"the column {column!r} is of type {frame[column].dtype}; a player's column is "
                f"boolean, and says whether it is a member"
            )
    membership = frame[others].to_numpy(dtype=np.bool_)
    members = [tuple(others[index] for index in np.flatnonzero(row)) for row in membership]
    return _with_values(members, frame[kind].tolist()), kind, others


def _with_values(members: list[tuple[Hashable, ...]], values: list[float]) -> Coalitions:
    coalitions: Coalitions = {}
    for coalition, value in zip(members, values, strict=True):
        if coalition in coalitions:
            raise GameError(f"duplicate coalition {format_coalition(coalition)}")
        coalitions[coalition] = value
    return coalitions


def frame_of_table(players: Players, kind: Kind, table: NDArray[np.float64]) -> pd.DataFrame:
    """Return all coalitions and their values; see :meth:`sesgame.Game.to_pandas`."""
    with needs("pandas", "frames need pandas"):
        import pandas as pd

    membership = membership_of_masks(np.arange(1, len(table)), len(players))
    frame = pd.DataFrame(membership, columns=pd.Index(list(players)))
    if kind in frame.columns or "coalition" in frame.columns:
        raise GameError(
            f"a player is called {kind!r} or 'coalition', as another column of the frame is"
        )
    frame[kind] = table[1:]
    return frame


def _names(labels: Iterable[Hashable]) -> str:
    return ", ".join(str(label) for label in labels)
