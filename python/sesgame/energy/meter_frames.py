"""Meters in frames: one column of numbers for each member, one row for each step.

Frames of pandas are read as they are; those of polars and arrays of xarray become one first.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.pandas_frames import frame_of
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["energy_of_frames", "meter_frame", "times_of"]


def meter_frame(given: Any, role: str) -> pd.DataFrame:
    """Return the meters as a pandas frame whose index is the start of each step.

    Parameters
    ----------
    given : DataFrame, Series, polars.DataFrame or xarray.DataArray
        A Series is the meter of the member whose name it has. Where the index is nothing but row
        numbers, the one column of times is the start of each step. An array of xarray has two
        dimensions, of which one has times as its coordinate.
    role : str
        The name of the argument, for errors.

    Raises
    ------
    GameError
        It is none of these, has several levels of columns, no times, or several columns of them.
    """
    with needs("pandas", "frames need pandas"):
        import pandas as pd

    if isinstance(given, pd.Series):
        if given.name is None:
            raise GameError(
                f"{role} is a Series without a name; {role}.to_frame('ann') says whose meter it is"
            )
        given = given.to_frame()
    frame = frame_of(given, role)
    if frame.columns.nlevels > 1:
        first = ", ".join(str(column) for column in frame.columns[:3])
        raise GameError(
            f"the columns of {role} have {frame.columns.nlevels} levels: {first}, ...; a meter has "
            f"one label: choose from a level ({role}.xs(label, axis=1, level=1)) or drop one"
        )
    times = [
        place
        for place in range(frame.shape[1])
        if pd.api.types.is_datetime64_any_dtype(frame.dtypes.iloc[place])
    ]
    if isinstance(frame.index, pd.RangeIndex) and len(times) == 1:
        (place,) = times
        starts = pd.Index(frame.iloc[:, place])
        return frame.iloc[:, [k for k in range(frame.shape[1]) if k != place]].set_axis(starts)
    if isinstance(frame.index, pd.PeriodIndex):
        return frame.set_axis(frame.index.to_timestamp())
    if pd.api.types.is_numeric_dtype(frame.index.dtype):
        raise GameError(
            f"the index of {role} is numbers, not times; set_index(COLUMN) makes the start of each "
            f"step the index"
        )
    return frame


def times_of(index: pd.Index[Any]) -> tuple[NDArray[Any], str | None]:
    """Return the times of an index: in UTC where it has a zone, which is returned, too."""
    import pandas as pd

    if not (isinstance(index, pd.DatetimeIndex) and index.tz is not None):
        return index.to_numpy(), None
    zone = getattr(index.tz, "key", None) or getattr(index.tz, "zone", None)
    # A fixed offset has no name of its own but one like UTC+01:00.
    name = str(zone or index.tz).removeprefix("UTC") or "UTC"
    return index.tz_convert("UTC").tz_localize(None).to_numpy(), name


def _readings(frame: pd.DataFrame, place: int) -> NDArray[np.float64]:
    """Return a column of meter readings; what is missing is NaN.

    Raises
    ------
    GameError
        The column holds times, durations, text, flags or whatever else is no number.
    """
    import pandas as pd

    kind = frame.dtypes.iloc[place]
    label, column = frame.columns[place], frame.iloc[:, place]
    is_number = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
    if not is_number or pd.api.types.is_complex_dtype(kind):
        is_time = pd.api.types.is_datetime64_any_dtype(kind) or isinstance(kind, pd.PeriodDtype)
        remedy = f", or convert it: frame[{label!r}].astype(float)"
        is_duration = pd.api.types.is_timedelta64_dtype(kind)
        is_text = pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)
        found = f"it begins with {column.iloc[0]!r}" if is_text else f"its type is {kind}"
        raise GameError(
            f"the meter column {label!r} is not numbers: {found}; leave it out"
            f"{'' if is_time or is_duration else remedy}"
        )
    return cast("NDArray[np.float64]", column.to_numpy(dtype=np.float64, na_value=np.nan))


def energy_of_frames(
    frames: Sequence[pd.DataFrame],
    roles: Sequence[str],
    members: Sequence[Hashable] | None,
) -> tuple[list[Hashable], NDArray[np.float64]]:
    """Return the members, and their readings by frame, member and step.

    Parameters
    ----------
    frames : sequence of DataFrame
        As of :func:`meter_frame`; the first has the columns of all members unless they are given.
    roles : sequence of str
        The names of the arguments, for errors.
    members : sequence of hashable, optional
        All members; a label keeps its type.

    Raises
    ------
    GameError
        Two frames have different times, a column is of nobody or duplicate, or holds no numbers.
    """
    first = frames[0]
    labels: list[Hashable] = list(first.columns.unique() if members is None else members)
    readings: NDArray[np.float64] = np.zeros((len(frames), len(labels), len(first)))
    for target, frame, role in zip(readings, frames, roles, strict=True):
        if not frame.index.equals(first.index):
            raise GameError(f"{roles[0]} and {role} do not have the same times")
        seen: set[Hashable] = set()
        for place, label in enumerate(frame.columns):
            if label in seen:
                raise GameError(f"duplicate meter column {label!r}")
            seen.add(label)
            # Before whose it is: a column of times is nobody's.
            column = _readings(frame, place)
            if label not in labels:
                alike = [member for member in labels if str(member) == str(label)]
                hint = (
                    f"; the member is {named(alike[0])}, the column {named(label)}" if alike else ""
                )
                if members is None:
                    hint += "; who has PV and no load must be named in members="
                raise GameError(f"the meter column {label!r} belongs to no member{hint}")
            target[labels.index(label)] = column
    return labels, readings
