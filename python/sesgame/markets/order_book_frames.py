"""Order books in frames: the arguments that make one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.pandas_frames import frame_of
from sesgame.markets.market import LOAD
from sesgame.markets.order_book_files import MOST_PERIODS
from sesgame.markets.period_times import checked_times, in_zone, numbered

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["FrameRows", "orders_of_frame"]

_SIDES = ("offer", "bid", "load")
_NEEDED = ("participant", "side", "price_per_kwh", "quantity_kwh")


class FrameRows:
    """The rows of a frame, whose cells are read by column; a bad one is named.

    Parameters
    ----------
    given : DataFrame
        Of pandas or polars.
    name : str
        What messages call it.
    """

    def __init__(self, given: Any, name: str) -> None:
        self.frame: pd.DataFrame = frame_of(given, name)
        self.name = name
        if self.frame.columns.nlevels > 1:
            raise GameError(f"the columns of {name} have several levels; choose one of them")
        twice = self.frame.columns[self.frame.columns.duplicated()]
        if len(twice):
            raise GameError(f"{name} has two columns {twice[0]!r}")

    @property
    def columns(self) -> list[Any]:
        """The names of all columns."""
        return list(self.frame.columns)

    def __len__(self) -> int:
        return len(self.frame)

    def need(self, names: Sequence[str]) -> None:
        """Refuse a frame that lacks a column."""
        missing = [name for name in names if name not in self.frame.columns]
        if missing:
            has = ", ".join(map(str, self.columns)) or "none"
            raise GameError(f"{self.name} has no column {missing[0]!r}; it has {has}")

    def expect(self, needed: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse a frame that lacks a column, or has one whose meaning is not known."""
        self.need(needed)
        known = [*needed, *optional]
        unknown = [column for column in self.columns if column not in known]
        if unknown:
            raise GameError(
                f"the column {unknown[0]!r} of {self.name} has no meaning here; known are "
                f"{', '.join(known)}"
            )

    def at(self, row: int) -> str:
        """Return what messages call a row: by its label, which the frame shows."""
        label = self.frame.index[row]
        return f"{self.name}, row {repr(label) if isinstance(label, str) else label}"

    def fail(self, row: int, column: str, problem: str) -> GameError:
        """Return the error that names a cell."""
        return GameError(f"{self.at(row)}, column {column!r}: {problem}")

    def cells(self, column: str) -> list[Any]:
        """Return the cells of a column as Python has them; what is missing is None."""
        values = self.frame[column]
        absent = values.isna().to_numpy()
        return [
            None if empty else cell for cell, empty in zip(values.tolist(), absent, strict=True)
        ]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column of numbers, none of them missing.

        Raises
        ------
        GameError
            A cell is no number, or is missing or infinite.
        """
        found = self.numbers_or_nan(column)
        bad = np.flatnonzero(~np.isfinite(found))
        if bad.size:
            row = int(bad[0])
            raise self.fail(row, column, f"a finite number is needed, got {found[row]}")
        return found

    def numbers_or_nan(self, column: str) -> NDArray[np.float64]:
        """Return a column of numbers; what is missing is NaN.

        Raises
        ------
        GameError
            A cell is something else, such as text.
        """
        import pandas as pd

        values = self.frame[column]
        kind = values.dtype
        is_real = not (pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind))
        if pd.api.types.is_numeric_dtype(kind) and is_real:
            return cast("NDArray[np.float64]", values.to_numpy(dtype=np.float64, na_value=np.nan))
        found = np.full(len(values), np.nan)
        for row, cell in enumerate(self.cells(column)):
            if cell is None:
                continue
            is_number = isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool)
            if not is_number:
                raise self.fail(row, column, f"a number is needed, got {named(cell)}")
            found[row] = float(cell)
        return found

    def labels(self, column: str) -> list[Hashable]:
        """Return a column of labels, none of them missing."""
        found = self.cells(column)
        for row, cell in enumerate(found):
            if cell is None or cell == "":
                raise self.fail(row, column, "a name is needed, got an empty cell")
            if not isinstance(cell, Hashable):
                raise self.fail(row, column, f"{named(cell)} cannot be a name")
        return found


def orders_of_frame(given: Any, times: Any) -> dict[str, Any]:
    """Return the arguments of :meth:`OrderBook.from_orders`; see :meth:`OrderBook.from_pandas`."""
    rows = FrameRows(given, "frame")
    rows.expect(_NEEDED, ["period"])
    if not len(rows):
        raise GameError("the frame has no rows, so no offer and no bid")
    sides = rows.cells("side")
    for row, side in enumerate(sides):
        if side not in _SIDES:
            raise rows.fail(row, "side", f'{named(side)} is not "offer", "bid" or "load"')
    prices, quantities = rows.numbers("price_per_kwh"), rows.numbers("quantity_kwh")
    is_load = [side == "load" for side in sides]
    times = in_zone(*checked_times(times))
    orders = [row for row, load in enumerate(is_load) if not load]
    if not orders:
        raise GameError("the frame has no offer and no bid")
    periods, times = _periods(rows, times)
    names = rows.cells("participant")
    for row in orders:
        if names[row] is None or names[row] == "":
            raise rows.fail(row, "participant", "an offer or bid needs a participant")
        if not isinstance(names[row], Hashable):
            raise rows.fail(row, "participant", f"{named(names[row])} cannot be a name")
    n_periods = 1 + max(periods) if times is None else len(times)
    demand: dict[Any, list[float]] = {}
    lost_load: float | None = None
    for row in np.flatnonzero(is_load).tolist():
        price = float(prices[row])
        if lost_load not in (None, price):
            raise rows.fail(
                row,
                "price_per_kwh",
                f"the value of lost load is {price} here and {lost_load} above; it is one number",
            )
        lost_load = price
        load = demand.setdefault(names[row] or LOAD, [0.0] * n_periods)
        load[periods[row]] += float(quantities[row])
    starts = periods if times is None else [times[period] for period in periods]
    return {
        "orders": [
            (names[row], sides[row], float(prices[row]), float(quantities[row]), starts[row])
            for row in orders
        ],
        "demand_kwh": demand or np.zeros(n_periods),
        "value_of_lost_load": lost_load,
        "times": times,
    }


def _periods(rows: FrameRows, times: Any) -> tuple[list[int], Any]:
    """Return the number of each row's period, and the times of all periods where they have any."""
    import pandas as pd

    if "period" not in rows.columns:
        if times is not None:
            raise GameError("times are given, but the frame has no column 'period'")
        return [0] * len(rows), None
    cells = rows.cells("period")
    for row, cell in enumerate(cells):
        if cell is None:
            raise rows.fail(row, "period", "a period is needed, got an empty cell")
    if isinstance(rows.frame["period"].dtype, pd.PeriodDtype):
        cells = [cell.start_time for cell in cells]
    if all(hasattr(cell, "isoformat") for cell in cells):
        found = numbered(cells, times, lambda row: f"{rows.at(row)}, column 'period'")
        return found.period.tolist(), in_zone(found.times, found.in_utc)
    found_numbers = []
    for row, cell in enumerate(cells):
        is_whole = isinstance(cell, (int, float)) and not isinstance(cell, bool)
        if not (is_whole and float(cell).is_integer() and 0 <= cell < MOST_PERIODS):
            raise rows.fail(
                row,
                "period",
                f"a number from 0 to {MOST_PERIODS - 1:,} is needed, or in every row the time at "
                f"which the period begins, got {named(cell)}",
            )
        if times is not None and cell >= len(times):
            raise rows.fail(row, "period", f"period {cell} of {len(times)} that have times")
        found_numbers.append(int(cell))
    return found_numbers, times
