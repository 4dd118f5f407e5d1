"""Day-ahead prices of the ENTSO-E transparency platform, in the frames in which people have them.

The platform publishes prices, and no bids of the day-ahead auction. What is read is the series that
`entsoe-py <https://github.com/EnergieID/entsoe-py>`_ returns, and the export "Energy Prices" of the
platform's own pages; ``docs/how-to/market-files.md`` lists every column.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments
from sesgame.markets.market_prices import MarketPrices
from sesgame.markets.order_book_frames import FrameRows
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["entsoe_prices"]

_AREA, _SEQUENCE = "Area", "Sequence"
_MTU = re.compile(r"MTU \((UTC|CET/CEST)\)")
_PRICE = re.compile(r"Day-ahead Price \(([A-Z]{3})/MWh\)")
_HARMLESS = re.compile(r"Intraday (Period|Price) \(.+\)")
_SPAN = re.compile(
    r"(\d\d/\d\d/\d{4} \d\d:\d\d(?::\d\d)?)(?: \((CES?T)\))? - "
    r"(\d\d/\d\d/\d{4} \d\d:\d\d(?::\d\d)?)(?: \((CES?T)\))?"
)
_HOURS_OF = {"CET": 1, "CEST": 2}
_ZONE = "Europe/Brussels"
_SUNDAY = 6


@checked_arguments
def entsoe_prices(
    given: pd.DataFrame | pd.Series,
    *,
    area: str | None = None,
    sequence: str | None = None,
    currency: str = "EUR",
) -> MarketPrices:
    """Return the day-ahead prices of a bidding zone from ENTSO-E's transparency platform.

    Parameters
    ----------
    given : Series or DataFrame
        The series of ``EntsoePandasClient.query_day_ahead_prices`` of entsoe-py: EUR/MWh, or
        another currency, by the start of each period with its zone. Or, as ``pandas.read_csv``
        reads it, the export *Energy Prices* of the platform: columns ``MTU (CET/CEST)`` or ``MTU
        (UTC)``, ``Area``, ``Sequence`` and ``Day-ahead Price (EUR/MWh)``. Its intraday columns are
        another market, and are not read.
    area : str, optional
        The bidding zone, such as ``"BZN|DE-LU"``: needed where an export has several; of a series
        only a name.
    sequence : str, optional
        The auction, such as ``"Sequence 1"``: needed where an export has several.
    currency : str, default "EUR"
        Of a series, which does not say it; an export has it in the name of its column.

    Returns
    -------
    MarketPrices
        Per kWh, by times in UTC.

    Raises
    ------
    GameError
        Other columns than these, such as those of exports before 2025 with ``[EUR/MWh]``, whose
        times are not documented; times without a zone; a price that is missing (``n/e``, ``-`` or
        empty); several areas or auctions; gaps, or periods of different length, or that do not end
        where the next one begins. The row is named.
    MissingExtraError
        pandas is not installed.

    Examples
    --------
    Two hours that are made up:

    >>> import pandas as pd
    >>> import sesgame as sg
    >>> series = pd.Series(
    ...     [52.0, -3.5],
    ...     index=pd.date_range("2026-06-01", periods=2, freq="h", tz="Europe/Brussels"),
    ... )
    >>> prices = sg.markets.entsoe_prices(series, area="BE")
    >>> prices, prices.price_per_kwh.tolist()
    (MarketPrices('BE', 2 periods of 60 min from 2026-05-31T22:00Z, EUR), [0.052, -0.0035])
    """
    with needs("pandas", "frames need pandas"):
        import pandas as pd

    if isinstance(given, pd.Series):
        return _of_series(given, area, sequence, currency)
    return _of_export(FrameRows(given, "frame"), area, sequence)


def _of_series(
    series: pd.Series[Any], area: str | None, sequence: str | None, currency: str
) -> MarketPrices:
    import pandas as pd

    if sequence is not None:
        raise GameError("sequence is for an export of the platform; a series has one auction")
    index = series.index
    if not isinstance(index, pd.DatetimeIndex):
        raise GameError(f"the index of the series must be times, got {index.dtype}")
    if index.tz is None:
        raise GameError(
            "the times of the series have no zone, so that the hours at which clocks change are "
            "lost; tz_localize(ZONE) gives them one"
        )
    rows = FrameRows(series.to_frame("price"), "series")
    price = rows.numbers("price")
    times = index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
    return _prices(times, price, currency, "day-ahead" if area is None else area)


def _of_export(rows: FrameRows, area: str | None, sequence: str | None) -> MarketPrices:
    found = {"mtu": "", "price": ""}
    for column in rows.columns:
        text = str(column)
        if _MTU.fullmatch(text):
            found["mtu"] = text
        elif _PRICE.fullmatch(text):
            found["price"] = text
        elif text not in (_AREA, _SEQUENCE) and not _HARMLESS.fullmatch(text):
            raise GameError(
                f"the column {text!r} is none of an export of Energy Prices: MTU (CET/CEST) or MTU "
                f"(UTC), Area, Sequence, Day-ahead Price (EUR/MWh), Intraday Period, Intraday "
                f"Price; export the prices again, or give a Series by time"
            )
    for what, name in (("MTU (CET/CEST)", "mtu"), ("Day-ahead Price (EUR/MWh)", "price")):
        if not found[name]:
            raise GameError(f"the frame has no column like {what!r}; it has {rows.columns}")
    if not len(rows):
        raise GameError("the frame has no rows")
    chosen = np.ones(len(rows), np.bool_)
    names = []
    for column, wanted, option in ((_AREA, area, "area"), (_SEQUENCE, sequence, "sequence")):
        keep, name = _one(rows, column, wanted, option, chosen)
        chosen &= keep
        names.append(name)
    places = np.flatnonzero(chosen)
    in_utc = found["mtu"] == "MTU (UTC)"
    spans = [_span(rows, int(row), found["mtu"], in_utc) for row in places]
    times = _utc([start for start, _ in spans], rows, places, found["mtu"])
    price = _export_prices(rows, found["price"], places)
    match = _PRICE.fullmatch(found["price"])
    assert match is not None
    prices = _prices(times, price, match[1], names[0] or "day-ahead")
    step = datetime.timedelta(hours=prices.step_hours)
    for row, ((start, _), (end, _)) in zip(places.tolist(), spans, strict=True):
        off = abs((end - start) - step)
        # Where clocks change in between, what is written is an hour off.
        changes = not in_utc and start.month in (3, 10) and start.weekday() == _SUNDAY
        if off and not (changes and off == datetime.timedelta(hours=1)):
            raise rows.fail(
                row,
                found["mtu"],
                f"{rows.frame[found['mtu']].iloc[row]!r} is no period of "
                f"{60 * prices.step_hours:g} min, as they begin",
            )
    return prices


def _one(
    rows: FrameRows, column: str, wanted: str | None, option: str, before: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], str]:
    """Return the rows of one area, or one auction, and its name."""
    if column not in rows.columns:
        if wanted is not None:
            raise GameError(f"{option} is given, but the frame has no column {column!r}")
        return np.ones(len(rows), np.bool_), ""
    cells = np.array([str(cell) for cell in rows.cells(column)], dtype=object)
    there = list(dict.fromkeys(cells[before].tolist()))
    if wanted is None:
        if len(there) > 1:
            raise GameError(
                f"the frame has several in its column {column!r}: {', '.join(there)}; "
                f"{option}= chooses one"
            )
        wanted = there[0]
    if wanted not in there:
        raise GameError(f"{option} {wanted!r} is not in the frame; it has {', '.join(there)}")
    return cells == wanted, wanted


def _span(
    rows: FrameRows, row: int, column: str, in_utc: bool
) -> tuple[tuple[datetime.datetime, str | None], tuple[datetime.datetime, str | None]]:
    """Return start and end of a period as they are written, each with CET or CEST if it says so."""
    cell = rows.frame[column].iloc[row]
    match = _SPAN.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if match is None:
        raise rows.fail(
            row,
            column,
            f"{named(cell)} is no period like 01/06/2026 00:00:00 - 01/06/2026 01:00:00",
        )
    if in_utc and (match[2] or match[4]):
        raise rows.fail(row, column, f"{cell!r} names a zone in a column of UTC")
    try:
        start, end = (
            datetime.datetime.strptime(
                text, "%d/%m/%Y %H:%M:%S" if text.count(":") == 2 else "%d/%m/%Y %H:%M"
            )
            for text in (match[1], match[3])
        )
    except ValueError:
        raise rows.fail(row, column, f"{cell!r} has no such day or time") from None
    return (start, match[2]), (end, match[4])


def _utc(
    starts: list[tuple[datetime.datetime, str | None]],
    rows: FrameRows,
    places: NDArray[np.intp],
    column: str,
) -> NDArray[np.datetime64]:
    """Return local times in UTC; the hour that comes twice is told by CET or CEST, or by order."""
    import pandas as pd

    local = pd.DatetimeIndex([start for start, _ in starts])
    if column == "MTU (UTC)":
        return local.to_numpy().astype("datetime64[us]")
    said = [zone for _, zone in starts]
    try:
        if any(said):
            guess = local.tz_localize(_ZONE, ambiguous=np.ones(len(local), np.bool_))
            utc = guess.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
            for k, zone in enumerate(said):
                if zone is not None:
                    hours = np.timedelta64(_HOURS_OF[zone], "h")
                    utc[k] = local.to_numpy()[k].astype("datetime64[us]") - hours
            return utc
        zoned = local.tz_localize(_ZONE, ambiguous="infer")
    except Exception as error:
        raise GameError(
            f"the times of {rows.name} cannot be told from each other where clocks change (rows "
            f"{rows.frame.index[places[0]]!r} to {rows.frame.index[places[-1]]!r}): {error}; "
            f"export them in UTC"
        ) from error
    return zoned.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")


def _export_prices(rows: FrameRows, column: str, places: NDArray[np.intp]) -> NDArray[np.float64]:
    price = np.empty(len(places))
    cells = rows.cells(column)
    for k, row in enumerate(places.tolist()):
        cell = cells[row]
        try:
            price[k] = np.nan if cell is None or isinstance(cell, bool) else float(cell)
        except (TypeError, ValueError):
            price[k] = np.nan
        if not np.isfinite(price[k]):
            raise rows.fail(
                row, column, f"a price is needed, got {named(cell)}; leave such rows out"
            )
    return price


def _prices(
    times: NDArray[np.datetime64], per_mwh: NDArray[np.float64], currency: str, area: str
) -> MarketPrices:
    if len(times) < 2:
        raise GameError("two periods are needed to see how long one is")
    order = np.argsort(times, kind="stable")
    times = times[order]
    step = np.diff(times).min()
    if step == np.timedelta64(0, "us"):
        k = int(np.argmin(np.diff(times)))
        raise GameError(f"there are two prices for the period at {times[k]} UTC")
    utc = [time.replace(tzinfo=datetime.timezone.utc) for time in times.tolist()]
    return MarketPrices(utc, per_mwh[order] / 1000, currency, area, step)
