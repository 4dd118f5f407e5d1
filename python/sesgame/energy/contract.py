"""What a supplier bills at a point: the elements of a contract, and its lines."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.bill import Bill, BillLine
from sesgame.energy.clock import as_date
from sesgame.energy.tariff import PriceSeries, Tariff
from sesgame.energy.time_steps import MONTHS, TimeSteps
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Contract"]

BilledPer = Literal["month", "period"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Contract(ByValue):
    """What a supplier bills at a metering point, or at the connection of a community.

    Parameters
    ----------
    name : str
        What points name it by.
    energy : Tariff or PriceSeries
        What energy costs, and what feeding in earns.
    loss_factor : float, default 1
        kWh billed for each kWh that the meter draws; positive.
    billed_per : {"month", "period"}, default "month"
        Whether each calendar month has lines of its own.
    valid_from, valid_until : date, optional
        The first day on which the contract holds, and the first on which it no longer does.

    Raises
    ------
    GameError
        A number is not finite or not positive, or the contract ends before it begins.

    Examples
    --------
    >>> import sesgame as sg
    >>> contract = sg.energy.Contract(name="basic", energy=sg.energy.Tariff.flat(0.30, 0.08))
    >>> steps = sg.energy.TimeSteps.from_times(["2024-06-01T12:00", "2024-06-01T13:00"])
    >>> print(contract.bill(steps, [1.0, 2.0], [0.5, 0.0]))
    period     label    quantity  unit  price  amount
    June 2024  energy          3  kWh     0.3    0.90
    June 2024  feed-in       0.5  kWh   -0.08   -0.04
               total                      EUR    0.86
    """

    name: str
    energy: Tariff | PriceSeries
    loss_factor: float = 1.0
    billed_per: BilledPer = "month"
    valid_from: datetime.date | None = None
    valid_until: datetime.date | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.loss_factor) and self.loss_factor > 0):
            raise GameError(f"{self._named}: loss_factor must be positive, got {self.loss_factor}")
        if self.billed_per not in get_args(BilledPer):
            raise GameError(
                f'{self._named}: billed_per must be "month" or "period", got {self.billed_per!r}'
            )
        for name in ("valid_from", "valid_until"):
            day = getattr(self, name)
            object.__setattr__(self, name, None if day is None else as_date(day))
        first, end = self.valid_from, self.valid_until
        if first is not None and end is not None and end <= first:
            raise GameError(f"{self._named} ends on {end}, and begins on {first}")

    @property
    def _named(self) -> str:
        return f"the contract {self.name!r}"

    @property
    def currency(self) -> str:
        """The unit of all money."""
        return self.energy.currency

    @property
    def follows_clock(self) -> bool:
        """Whether an element depends on the calendar or the clock."""
        dated = self.valid_from is not None or self.valid_until is not None
        return self.energy.follows_clock or dated

    def prices(self, steps: TimeSteps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what a metered kWh costs and earns in each step, shape (T,), losses included.

        Raises
        ------
        GameError
            As those of :attr:`energy`, or the contract does not hold in some step.
        """
        self._refuse_invalid(steps)
        buy, sell = self.energy.prices(steps)
        return buy * self.loss_factor, sell

    def _refuse_invalid(self, steps: TimeSteps) -> None:
        days = steps.times.astype("datetime64[D]")
        first, end = self.valid_from, self.valid_until
        if first is not None and (days < np.datetime64(first)).any():
            raise GameError(
                f"{self._named} begins on {first}, after {days.min()}, the first day to bill: give "
                f"the contract that held before, or a later period"
            )
        if end is not None and (days >= np.datetime64(end)).any():
            raise GameError(
                f"{self._named} ended on {end}, and {days.max()} is to be billed: give the "
                f"contract that follows, or a shorter period"
            )

    def bill(
        self,
        steps: TimeSteps,
        import_kwh: ArrayLike,
        export_kwh: ArrayLike | None = None,
        *,
        point: str = "",
    ) -> Bill:
        """Return what is billed for the registers of one point.

        Parameters
        ----------
        steps : TimeSteps
            Of the T readings.
        import_kwh, export_kwh : array_like of float, shape (T,)
            What is drawn and fed in in each step; at least 0. Both may be positive in one step.
        point : str, optional
            Who is billed.

        Raises
        ------
        GameError
            Energy is negative or not finite, or of another shape; the contract does not hold.
        """
        drawn = _energy("import_kwh", import_kwh, steps)
        fed_in = _energy("export_kwh", np.zeros(1) if export_kwh is None else export_kwh, steps)
        self._refuse_invalid(steps)
        buy, sell = self.energy.prices(steps)
        lines: list[BillLine] = []
        for period, part in self._parts(steps):
            billed = drawn[part] * self.loss_factor
            lines += self._energy_lines(period, billed, buy[part])
            lines += self._feed_in_lines(period, fed_in[part], sell[part])
        return Bill(tuple(lines), self.currency, self.name, point)

    def _parts(self, steps: TimeSteps) -> list[tuple[str, slice]]:
        """Return the months that are billed by themselves, by name, or the whole period."""
        if self.billed_per == "period":
            return [(steps.in_calendar, slice(0, steps.n_steps))]
        months = steps.months
        turns = np.flatnonzero(months[1:] != months[:-1]) + 1
        edges = [0, *turns.tolist(), steps.n_steps]
        return [(_month(months[low]), slice(low, high)) for low, high in pairwise(edges)]

    def _energy_lines(
        self, period: str, kwh: NDArray[np.float64], prices: NDArray[np.float64]
    ) -> list[BillLine]:
        label = "energy" if self.loss_factor == 1 else "energy with losses"
        return self._priced("energy", label, period, kwh, prices)

    def _feed_in_lines(
        self, period: str, kwh: NDArray[np.float64], prices: NDArray[np.float64]
    ) -> list[BillLine]:
        return self._priced("feed-in", "feed-in", period, kwh, -prices)

    def _priced(
        self,
        kind: Literal["energy", "feed-in"],
        label: str,
        period: str,
        kwh: NDArray[np.float64],
        prices: NDArray[np.float64],
    ) -> list[BillLine]:
        """Return a line for each price, or one at the mean where each step has its own."""
        used = kwh != 0
        distinct, index = np.unique(prices[used], return_inverse=True)
        if not len(distinct):
            return []
        if isinstance(self.energy, PriceSeries) and len(distinct) > 1:
            total, amount = float(kwh.sum()), float(kwh @ prices)
            mean = f"{label}, mean price"
            return [_line(kind, mean, period, total, "kWh", amount / total, amount=amount)]
        totals = np.bincount(index.ravel(), weights=kwh[used])
        pairs = zip(totals.tolist(), distinct.tolist(), strict=True)
        return [_line(kind, label, period, total, "kWh", price) for total, price in pairs]


def _line(
    kind: Literal["energy", "feed-in"],
    label: str,
    period: str,
    quantity: float,
    unit: str,
    price: float,
    *,
    amount: float | None = None,
) -> BillLine:
    return BillLine(
        kind=kind,
        label=label,
        period=period,
        quantity=quantity,
        unit=unit,
        price=price,
        amount=quantity * price if amount is None else amount,
    )


def _month(month: np.datetime64) -> str:
    year, number = str(month).split("-")
    return f"{MONTHS[int(number) - 1]} {year}"


def _energy(name: str, values: ArrayLike, steps: TimeSteps) -> NDArray[np.float64]:
    """Return a register's reading of each step, zeros where there is none."""
    try:
        energy = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
    if energy.shape == (1,) and not energy[0]:
        energy = np.zeros(steps.n_steps)
    if energy.shape != (steps.n_steps,):
        raise GameError(
            f"{name} has shape {energy.shape}; {steps.n_steps} steps need ({steps.n_steps},)"
        )
    bad = ~np.isfinite(energy) | (energy < 0)
    if bad.any():
        step = int(np.argmax(bad))
        raise GameError(
            f"{name} is {energy[step]} at {steps.time(step)}; a register's energy is at least 0"
        )
    return energy
