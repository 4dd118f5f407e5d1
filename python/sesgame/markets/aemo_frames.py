"""Bids and prices of the Australian market, in frames of AEMO's public tables.

The tables are those of AEMO's MMS data model as NEMWeb, or
`NEMOSIS <https://github.com/UNSW-CEEM/NEMOSIS>`_, has them: BIDDAYOFFER_D, BIDPEROFFER_D,
DISPATCHPRICE and DISPATCHREGIONSUM. ``docs/how-to/market-files.md`` lists every column.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments
from sesgame.markets.market_prices import MarketPrices
from sesgame.markets.order_book import Order, OrderBook
from sesgame.markets.order_book_frames import FrameRows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["aemo_book", "aemo_prices"]

BANDS = range(1, 11)
INTERVAL = np.timedelta64(5, "m")
"""A dispatch interval; tables give its end, in Australian Eastern Standard Time all year."""

_ENERGY = "ENERGY"
_SIDES = {"GEN": "offer", "LOAD": "bid"}

_PRICE_COLUMNS = ("SETTLEMENTDATE", "DUID", "BIDTYPE", *(f"PRICEBAND{k}" for k in BANDS))
_VOLUME_COLUMNS = (
    "INTERVAL_DATETIME",
    "SETTLEMENTDATE",
    "DUID",
    "BIDTYPE",
    "MAXAVAIL",
    *(f"BANDAVAIL{k}" for k in BANDS),
)
_HARMLESS = frozenset(
    {
        "BIDOFFERDATE",
        "BIDSETTLEMENTDATE",
        "OFFERDATE",
        "VERSIONNO",
        "PARTICIPANTID",
        "REBIDEXPLANATION",
        "REBID_EVENT_TIME",
        "REBID_AWARE_TIME",
        "REBID_DECISION_TIME",
        "REBID_CATEGORY",
        "ENTRYTYPE",
        "LASTCHANGED",
        "NORMALSTATUS",
        "PERIODID",
        "PASAAVAILABILITY",
        "RECALL_PERIOD",
        # Of ancillary services only.
        "ENABLEMENTMIN",
        "ENABLEMENTMAX",
        "LOWBREAKPOINT",
        "HIGHBREAKPOINT",
    }
)
_COUPLING = {
    "ROCUP": "limits how fast output rises",
    "ROCDOWN": "limits how fast output falls",
    "RAMPUPRATE": "limits how fast output rises",
    "RAMPDOWNRATE": "limits how fast output falls",
    "FIXEDLOAD": "fixes the output",
    "DAILYENERGYCONSTRAINT": "limits the energy of the day",
    "ENERGYLIMIT": "limits the energy",
    "MINIMUMLOAD": "is the least output of a unit that runs",
    "T1": "is a time of starting",
    "T2": "is a time of starting",
    "T3": "is a time of starting",
    "T4": "is a time of stopping",
    "MR_FACTOR": "scales offers under mandatory restrictions",
    "MR_CAPACITY": "is capacity under mandatory restrictions",
}
"""What an order book does not know: refused where it is not zero, unless it is left out by name."""

_DISPATCHPRICE = re.compile(
    r"SETTLEMENTDATE|REGIONID|INTERVENTION|RRP|RUNNO|DISPATCHINTERVAL|EEP|ROP|APCFLAG"
    r"|MARKETSUSPENDEDFLAG|LASTCHANGED|PRICE_STATUS|OCD_STATUS|MII_STATUS"
    r"|(RAISE|LOWER)(6SEC|60SEC|5MIN|REG|1SEC)(RRP|ROP|APCFLAG)|(CUMUL_)?PRE_AP_\w+"
)


@checked_arguments
def aemo_book(
    day_offers: pd.DataFrame,
    period_offers: pd.DataFrame,
    *,
    demand: pd.DataFrame | None = None,
    region: str | None = None,
    value_of_lost_load: float | None = None,
    units: Collection[str] | None = None,
    loads: Collection[str] | None = None,
    leave_out: Collection[str] = (),
) -> OrderBook:
    """Return the order book of the energy bids that AEMO publishes, interval by interval.

    Each price band of a unit is one order: the MW of ``BANDAVAIL`` for five minutes at the price of
    the same ``PRICEBAND``. Generation offers; scheduled loads bid. More than ``MAXAVAIL`` is not
    there: of an offer the dearest bands go, of a bid the cheapest.

    Parameters
    ----------
    day_offers : DataFrame
        BIDDAYOFFER_D: ``SETTLEMENTDATE, DUID, BIDTYPE, PRICEBAND1`` to ``PRICEBAND10`` in $/MWh,
        and ``DIRECTION`` (GEN or LOAD) from the tables of June 2024 on.
    period_offers : DataFrame
        BIDPEROFFER_D: ``INTERVAL_DATETIME`` (the end of the interval), ``SETTLEMENTDATE, DUID,
        BIDTYPE, MAXAVAIL, BANDAVAIL1`` to ``BANDAVAIL10`` in MW, and ``DIRECTION``.
    demand : DataFrame, optional
        DISPATCHREGIONSUM: ``SETTLEMENTDATE`` (the end of the interval), ``REGIONID``,
        ``INTERVENTION`` and ``TOTALDEMAND`` in MW: fixed demand. Its other columns are not read.
    region : str, optional
        Which region of `demand`; needed where it has several.
    value_of_lost_load : float, optional
        $ per kWh: the price cap above which demand is not served. Needed with `demand`.
    units : collection of str, optional
        The DUIDs of the market, those of one region for example: bids do not say where a unit is.
        By default all.
    loads : collection of str, optional
        The DUIDs that take energy. Needed where a table has no ``DIRECTION``, empty if there are
        none.
    leave_out : collection of str, optional
        Columns that tie intervals together or fix output, which an order book does not know, such
        as ``ROCUP`` and ``FIXEDLOAD``. Any of them that is not zero is refused unless it is named
        here.

    Returns
    -------
    OrderBook
        In kWh and $/kWh, one period for each interval, by the time at which it begins (Eastern
        Standard Time, without a zone). Prices are those at the unit: no loss factors, no network,
        no ancillary services, whose rows are other markets.

    Raises
    ------
    GameError
        A column that is missing or unknown, a cell that is no number or time, a unit without
        prices for a day, two rows of one unit and interval, a direction that is neither GEN nor
        LOAD, or something that an order book does not know; table and row are named.
    MissingExtraError
        pandas is not installed.

    Notes
    -----
    O(r log r) for r rows. The dispatch of the market has loss factors, a network, ramp rates and
    ancillary services besides, so that its price (:func:`aemo_prices`) need not be the one at which
    this book clears.

    Examples
    --------
    One unit and one load with two bands each, for one interval; all numbers are made up.

    >>> import pandas as pd
    >>> import sesgame as sg
    >>> prices = {f"PRICEBAND{k}": [10.0 * k, 40.0 + k] for k in range(1, 11)}
    >>> volumes = {f"BANDAVAIL{k}": [60.0, 0.0] if k < 3 else [0.0, 12.0] for k in range(1, 11)}
    >>> key = {"SETTLEMENTDATE": ["2026-06-01"] * 2, "DUID": ["UNIT1", "PUMP1"],
    ...        "BIDTYPE": ["ENERGY"] * 2, "DIRECTION": ["GEN", "LOAD"]}
    >>> book = sg.markets.aemo_book(
    ...     pd.DataFrame({**key, **prices}),
    ...     pd.DataFrame({**key, "INTERVAL_DATETIME": ["2026-06-01 12:05"] * 2,
    ...                   "MAXAVAIL": [90.0, 24.0], **volumes}),
    ... )
    >>> book.period_name(0), book.quantity_kwh.round(9).tolist()
    ('2026-06-01T12:00', [5000.0, 2500.0, 1000.0, 1000.0])
    """
    left_out = _left_out(leave_out)
    chosen = None if units is None else _texts("units", units)
    takers = None if loads is None else _texts("loads", loads)
    offers = _Table(day_offers, "day_offers", _PRICE_COLUMNS, left_out, chosen)
    volumes = _Table(period_offers, "period_offers", _VOLUME_COLUMNS, left_out, chosen)
    prices: dict[tuple[Any, ...], NDArray[np.float64]] = {}
    for row, day, key in offers.keyed("SETTLEMENTDATE", takers):
        if (day, key) in prices:
            raise offers.rows.fail(row, "DUID", f"a second row of {key[0]!r} for {day}")
        prices[day, key] = offers.bands("PRICEBAND", row)
    orders: list[Order] = []
    seen: set[tuple[Any, ...]] = set()
    ends = volumes.times("INTERVAL_DATETIME")
    most = volumes.rows.numbers("MAXAVAIL")
    for row, day, key in volumes.keyed("SETTLEMENTDATE", takers):
        start = ends[row] - INTERVAL
        if (start, key) in seen:
            raise volumes.rows.fail(row, "DUID", f"a second row of {key[0]!r} for {ends[row]}")
        seen.add((start, key))
        if (day, key) not in prices:
            raise volumes.rows.fail(row, "DUID", f"{key[0]!r} has no prices for {day}")
        orders += _steps(key, prices[day, key], volumes.bands("BANDAVAIL", row), most[row], start)
    if not orders:
        raise GameError("no energy is offered or bid for in the tables")
    times = np.unique(np.array([order.period for order in orders]))
    loaded: Any = 0.0
    if demand is not None:
        loaded = _demand(demand, region, times)
    elif region is not None:
        raise GameError("region is for demand, which is not given")
    return OrderBook.from_orders(
        orders, demand_kwh=loaded, value_of_lost_load=value_of_lost_load, times=times
    )


@checked_arguments
def aemo_prices(prices: pd.DataFrame, *, region: str | None = None) -> MarketPrices:
    """Return the five-minute prices of a region of the Australian market.

    Parameters
    ----------
    prices : DataFrame
        DISPATCHPRICE: ``SETTLEMENTDATE`` (the end of the interval), ``REGIONID``, ``INTERVENTION``
        and ``RRP`` in $/MWh. Rows whose INTERVENTION is not 0 are another run, and are not read;
        nor are the other columns of that table, which are prices of ancillary services, what
        prices were before they were capped, and marks.
    region : str, optional
        Such as ``"NSW1"``; needed where there are several.

    Returns
    -------
    MarketPrices
        In AUD per kWh, by the time at which an interval begins (Eastern Standard Time).

    Raises
    ------
    GameError
        A column or a price is missing, a column is none of that table, there are several regions,
        or intervals are missing.
    MissingExtraError
        pandas is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> import sesgame as sg
    >>> made_up = pd.DataFrame({
    ...     "SETTLEMENTDATE": ["2026/06/01 12:05:00", "2026/06/01 12:10:00"],
    ...     "REGIONID": ["SA1", "SA1"], "INTERVENTION": [0, 0], "RRP": [85.0, -20.0],
    ... })
    >>> sg.markets.aemo_prices(made_up)
    MarketPrices('SA1', 2 periods of 5 min from 2026-06-01T12:00, AUD)
    """
    rows = FrameRows(prices, "prices")
    for column in rows.columns:
        if not _DISPATCHPRICE.fullmatch(str(column)):
            raise GameError(f"the column {column!r} is none of DISPATCHPRICE")
    starts, chosen, name = _of_region(rows, "RRP", region)
    per_mwh = rows.numbers("RRP")[chosen]
    order = np.argsort(starts, kind="stable")
    return MarketPrices(starts[order], per_mwh[order] / 1000, "AUD", name, INTERVAL)


class _Key(NamedTuple):
    duid: Any
    side: str


class _Table:
    """One of the two tables of bids: its energy rows, whose columns are all known."""

    def __init__(
        self,
        given: Any,
        name: str,
        needed: Iterable[str],
        left_out: frozenset[str],
        units: frozenset[str] | None,
    ) -> None:
        self.rows = rows = FrameRows(given, name)
        needed = tuple(needed)
        rows.expect(needed, ("DIRECTION", *sorted(_HARMLESS), *_COUPLING))
        kinds = rows.cells("BIDTYPE")
        self.duids = rows.labels("DUID")
        self.chosen = [
            row
            for row, (kind, duid) in enumerate(zip(kinds, self.duids, strict=True))
            if kind == _ENERGY and (units is None or duid in units)
        ]
        absent = sorted(unit for unit in units or () if unit not in self.duids)
        if absent:
            raise GameError(f"{name} has no unit {absent[0]!r}")
        for column, does in _COUPLING.items():
            if column in left_out or column not in rows.columns:
                continue
            numbers = rows.numbers_or_nan(column)
            for row in self.chosen:
                if numbers[row] not in (0.0, *([1.0] if column == "MR_FACTOR" else [])) and not (
                    np.isnan(numbers[row])
                ):
                    raise rows.fail(
                        row,
                        column,
                        f"{numbers[row]:g} {does}, which an order book does not know; "
                        f"leave_out=[{column!r}] does without it",
                    )
        self._bands: dict[str, NDArray[np.float64]] = {}

    def times(self, column: str) -> NDArray[np.datetime64]:
        return _times(self.rows, column)

    def bands(self, prefix: str, row: int) -> NDArray[np.float64]:
        """Return the ten bands of a row."""
        if prefix not in self._bands:
            columns = [self.rows.numbers(f"{prefix}{k}") for k in BANDS]
            self._bands[prefix] = np.array(columns).T
        found: NDArray[np.float64] = self._bands[prefix][row]
        return found

    def keyed(
        self, day: str, loads: frozenset[str] | None
    ) -> Iterable[tuple[int, np.datetime64, _Key]]:
        """Yield each energy row with its market day, unit and side."""
        rows = self.rows
        has_direction = "DIRECTION" in rows.columns
        if not has_direction and loads is None:
            raise GameError(
                f"{rows.name} has no column 'DIRECTION'; loads= says which units take energy, () "
                f"that none does"
            )
        directions = rows.cells("DIRECTION") if has_direction else [None] * len(rows)
        days = self.times(day)
        for row in self.chosen:
            duid, direction = self.duids[row], directions[row]
            if direction is None and loads is not None:
                side = "bid" if duid in loads else "offer"
            elif direction in _SIDES:
                side = _SIDES[direction]
                if loads is not None and (duid in loads) and side == "offer":
                    raise rows.fail(row, "DIRECTION", f"{duid!r} is named a load and has GEN")
            else:
                raise rows.fail(
                    row, "DIRECTION", f"GEN or LOAD is needed for energy, got {named(direction)}"
                )
            yield row, days[row], _Key(duid, side)


def _steps(
    key: _Key,
    price: NDArray[np.float64],
    power: NDArray[np.float64],
    most: float,
    start: np.datetime64,
) -> list[Order]:
    """Return the bands of a unit as orders, the best first, up to what is available."""
    best_first = np.argsort(-price if key.side == "bid" else price, kind="stable")
    left, orders = most, []
    for band in best_first.tolist():
        taken = min(left, float(power[band]))
        left -= taken
        if taken > 0:
            kwh = taken * 1000 * float(INTERVAL / np.timedelta64(1, "h"))
            orders.append(Order(key.duid, key.side, float(price[band]) / 1000, kwh, start))  # type: ignore[arg-type]
        elif taken < 0:
            raise GameError(f"{key.duid!r} has {power[band]:g} MW in band {band + 1} at {start}")
    return orders


def _texts(name: str, given: Any) -> frozenset[str]:
    is_list = isinstance(given, Collection) and not isinstance(given, (str, bytes, dict))
    if not is_list or not all(isinstance(each, str) for each in given):
        raise GameError(f"{name} must be a list of names, got {named(given)}")
    return frozenset(given)


def _left_out(given: Any) -> frozenset[str]:
    found = _texts("leave_out", given)
    for column in sorted(found - set(_COUPLING)):
        raise GameError(
            f"leave_out: {column!r} is nothing that may be left out; these are: "
            f"{', '.join(_COUPLING)}"
        )
    return found


def _times(rows: FrameRows, column: str) -> NDArray[np.datetime64]:
    """Return a column of times without a zone, as they are or as AEMO writes them."""
    import pandas as pd

    cells = rows.frame[column]
    found = pd.to_datetime(cells, errors="coerce", format="mixed")
    for row in np.flatnonzero(found.isna().to_numpy()).tolist():
        raise rows.fail(row, column, f"a time is needed, got {named(cells.iloc[row])}")
    if getattr(found.dtype, "tz", None) is not None:
        raise GameError(f"the column {column!r} of {rows.name} has a zone; AEMO's times have none")
    return found.to_numpy().astype("datetime64[us]")


def _of_region(
    rows: FrameRows, column: str, region: str | None
) -> tuple[NDArray[np.datetime64], NDArray[np.intp], str]:
    """Return the intervals of a region in the pricing run, where they stand, and its name."""
    rows.need(("SETTLEMENTDATE", "REGIONID", "INTERVENTION", column))
    if not len(rows):
        raise GameError(f"{rows.name} has no rows")
    regions = [str(label) for label in rows.labels("REGIONID")]
    there = list(dict.fromkeys(regions))
    if region is None:
        if len(there) > 1:
            raise GameError(f"{rows.name} has several regions: {', '.join(there)}; region= chooses")
        region = there[0]
    if region not in there:
        raise GameError(f"{rows.name} has no region {region!r}; it has {', '.join(there)}")
    is_pricing = rows.numbers("INTERVENTION") == 0
    chosen = np.flatnonzero(is_pricing & (np.array(regions, dtype=object) == region))
    if not chosen.size:
        raise GameError(f"{rows.name} has no row of {region!r} whose INTERVENTION is 0")
    ends = _times(rows, "SETTLEMENTDATE")[chosen]
    first, counts = np.unique(ends, return_counts=True)
    if (counts > 1).any():
        raise GameError(f"{rows.name} has two rows of {region!r} for {first[np.argmax(counts)]}")
    return ends - INTERVAL, chosen, region


def _demand(given: Any, region: str | None, times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return the demand of each interval that has bids, in kWh."""
    rows = FrameRows(given, "demand")
    starts, chosen, name = _of_region(rows, "TOTALDEMAND", region)
    by_start = dict(zip(starts.tolist(), rows.numbers("TOTALDEMAND")[chosen].tolist(), strict=True))
    hours = float(INTERVAL / np.timedelta64(1, "h"))
    found = np.empty(len(times))
    for place, start in enumerate(times.tolist()):
        if start not in by_start:
            raise GameError(
                f"demand has no row of {name!r} for the interval that begins at {start}"
            )
        found[place] = 1000 * hours * by_start[start]
    return found
