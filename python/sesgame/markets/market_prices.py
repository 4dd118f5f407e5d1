"""Published prices of a market, period by period, as what a local market falls back on."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields
from sesgame.markets.order_book import Order
from sesgame.markets.period_times import checked_times, in_zone, time_text
from sesgame.markets.steps import number_column, numbers, refuse
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MarketPrices"]


@checked_fields
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MarketPrices(ByValue):
    """The price of a market in each of its periods.

    Parameters
    ----------
    times : array_like of datetime64 or datetime, shape (T,)
        When each period begins, at equal distances; in UTC if they have a zone.
    price_per_kwh : array_like of float, shape (T,)
        What a kWh costs there; may be negative.
    currency : str
        Of the prices.
    area : str
        Whose market it is.
    step : timedelta64
        How long a period is.

    Raises
    ------
    GameError
        Times that do not rise by `step`, or a price that is not finite; it is named.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> prices = sg.markets.MarketPrices(
    ...     np.array(["2024-06-01T12:00", "2024-06-01T13:00"], dtype="datetime64[m]"),
    ...     [0.05, -0.01], "EUR", "made up", np.timedelta64(1, "h"),
    ... )
    >>> prices
    MarketPrices('made up', 2 periods of 60 min from 2024-06-01T12:00, EUR)
    """

    times: ArrayLike
    price_per_kwh: ArrayLike
    currency: str
    area: str
    step: np.timedelta64

    def __post_init__(self) -> None:
        times, in_utc = checked_times(self.times)
        if times is None or not len(times):
            raise GameError("times must be the start of each period, got none")
        price = number_column("price_per_kwh", self.price_per_kwh)
        if price.shape != times.shape:
            raise GameError(f"{len(price)} prices for {len(times)} times")
        refuse(
            ~np.isfinite(price),
            lambda t: f"the price at {time_text(times[t], in_utc)} must be finite, got {price[t]}",
        )
        step = np.timedelta64(self.step).astype("timedelta64[us]")
        if step <= np.timedelta64(0, "us"):
            raise GameError(f"step must be positive, got {self.step}")
        refuse(
            np.append(np.diff(times) != step, False),
            lambda t: (
                f"after {time_text(times[t], in_utc)} the next time is "
                f"{time_text(times[t + 1], in_utc)}, not "
                f"{step / np.timedelta64(1, 'm'):g} min later"
            ),
        )
        price.setflags(write=False)
        for name, value in (("times", times), ("price_per_kwh", price), ("step", step)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_in_utc", in_utc)

    @property
    def in_utc(self) -> bool:
        """Whether the times are in UTC, rather than of a clock that nobody named."""
        return bool(vars(self)["_in_utc"])

    @property
    def step_hours(self) -> float:
        """How long a period is, in hours."""
        return float(self.step / np.timedelta64(1, "h"))

    def orders(
        self,
        participant: Hashable,
        quantity_kwh: ArrayLike,
        *,
        fee_per_kwh: float = 0.0,
    ) -> list[Order]:
        """Return the orders of whoever buys and sells any amount at these prices.

        Parameters
        ----------
        participant : hashable
            The name of the market outside, ``"grid"`` for example.
        quantity_kwh : float or array_like of float, shape (T,)
            The largest amount in either direction in each period; as much as all others may need.
        fee_per_kwh : float, default 0
            What is added to the price for who buys there; who sells there gets the price itself.

        Returns
        -------
        list of Order
            An offer and a bid in each period.

        Raises
        ------
        GameError
            Not one quantity for each period, or a fee that is negative or not finite.

        Examples
        --------
        A neighbour's surplus is worth the market's price; what is missing costs a fee more.

        >>> import numpy as np
        >>> import sesgame as sg
        >>> hour = np.datetime64("2024-06-01T12:00")
        >>> prices = sg.markets.MarketPrices(
        ...     [hour], [0.05], "EUR", "made up", np.timedelta64(1, "h")
        ... )
        >>> book = sg.markets.OrderBook.from_orders([
        ...     ("ann", "bid", 1.0, 3.0, hour), ("eve", "offer", 0.0, 1.0, hour),
        ...     *prices.orders("grid", 10, fee_per_kwh=0.15),
        ... ])
        >>> sg.markets.uniform_price(book).price_per_kwh.round(2).tolist()
        [0.2]
        """
        fee = numbers("fee_per_kwh", fee_per_kwh)
        if fee.ndim or not (np.isfinite(fee) and fee >= 0):
            raise GameError(f"fee_per_kwh must be finite and non-negative, got {fee_per_kwh!r}")
        quantity = numbers("quantity_kwh", quantity_kwh)
        price: NDArray[np.float64] = np.asarray(self.price_per_kwh)
        if quantity.ndim and quantity.shape != price.shape:
            raise GameError(f"quantity_kwh has shape {quantity.shape} for {len(price)} periods")
        quantity = np.broadcast_to(quantity, price.shape)
        times = in_zone(np.asarray(self.times), self.in_utc)
        assert times is not None
        return [
            Order(participant, "offer" if sells else "bid", float(at), float(most), time)
            for sells, prices in ((True, price + float(fee)), (False, price))
            for at, most, time in zip(prices.tolist(), quantity.tolist(), times, strict=True)
        ]

    def to_pandas(self) -> pd.Series:
        """Return the prices by time (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        index = pd.DatetimeIndex(np.asarray(self.times), tz="UTC" if self.in_utc else None)
        return pd.Series(np.asarray(self.price_per_kwh), index=index, name="price_per_kwh")

    def __repr__(self) -> str:
        times = np.asarray(self.times)
        minutes = self.step / np.timedelta64(1, "m")
        plural = "" if len(times) == 1 else "s"
        return (
            f"MarketPrices({self.area!r}, {len(times)} period{plural} of {minutes:g} min from "
            f"{time_text(times[0], self.in_utc)}, {self.currency})"
        )
