"""What a supplier bills at a point: the elements of a contract."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.bill import Bill
from sesgame.energy.clock import as_date
from sesgame.energy.contract_elements import NOT_TAXES, Block, FixedFee, Tax
from sesgame.energy.contract_lines import Registers, bill_lines
from sesgame.energy.demand_charge import DemandCharge, in_words
from sesgame.energy.dispatch.billing import Billing, NettedGroups
from sesgame.energy.tariff import PriceSeries, Tariff
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["Contract"]

Credit = Literal["paid", "capped", "net per month", "net per year"]
BilledPer = Literal["month", "period"]

_KINDS: dict[str, Literal["paid", "capped", "netted"]] = {"paid": "paid", "capped": "capped"}


@checked_fields
@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Contract(ByValue):
    r"""What a supplier bills at a metering point, or at the connection of a community.

    A month of registers :math:`d_t` drawn and :math:`g_t` fed in is billed

    .. math:: \max \Bigl( \sum_t b_t \, \lambda d_t - \sum_t s_t \, g_t
              + \sum_k u_k \bigl( \lambda \sum_t d_t - h_k \bigr)^+ + F + \sum_j D_j P_j, \ M \Bigr)

    with prices b and s, the loss factor :math:`\lambda`, blocks of surcharge u above h, fees F,
    demand charges D on peaks P and the minimum M; taxes are on lines of it.

    Parameters
    ----------
    name : str
        What points name it by.
    energy : Tariff or PriceSeries
        What energy costs, and what feeding in earns.
    loss_factor : float, default 1
        kWh billed for each kWh that the meter draws; positive.
    credit : {"paid", "capped", "net per month", "net per year"}, default "paid"
        What becomes of energy that is fed in: it earns its price; it earns no more than the energy
        that is billed with it costs, at prices that are not negative; or it is taken off what is
        drawn in the same month or year at the same prices, and what is left is billed or paid.
    blocks : iterable of Block, optional
        Thresholds of a month above which energy costs more, or less.
    fees : iterable of FixedFee, optional
        What is billed whatever is used.
    demand_charges : iterable of DemandCharge, optional
        Charges on peaks of import.
    minimum_per_month : float, optional
        What energy, charges on peaks of the month and fees in the game cost in a month at least; of
        a month of which a part is billed, as much of it as of its days.
    taxes : iterable of Tax, optional
        In the order in which they are applied.
    billed_per : {"month", "period"}, default "month"
        Whether each calendar month is billed by itself, or the period as a whole.
    valid_from, valid_until : date, optional
        The first day on which the contract holds, and the first on which it no longer does.

    Raises
    ------
    GameError
        A number is not finite or not positive, the contract ends before it begins, or elements do
        not go together; the message names the contract.

    Examples
    --------
    >>> import sesgame as sg
    >>> contract = sg.energy.Contract(
    ...     name="home",
    ...     energy=sg.energy.Tariff.flat(0.30, 0.08),
    ...     fees=[sg.energy.FixedFee(label="meter", price=0.10, per="day")],
    ...     taxes=[sg.energy.Tax(label="VAT", per_cent=20.0, on=["energy", "fee"])],
    ... )
    >>> steps = sg.energy.TimeSteps.from_times(["2024-06-01T12:00", "2024-06-01T13:00"])
    >>> print(contract.bill(steps, [1.0, 2.0], [0.5, 0.0]))
    period     label    quantity  unit  price  amount
    June 2024  energy          3  kWh     0.3    0.90
    June 2024  feed-in       0.5  kWh   -0.08   -0.04
    June 2024  meter           1  day     0.1    0.10
    June 2024  VAT             1  EUR     0.2    0.20
               total                      EUR    1.16
    """

    name: str
    energy: Tariff | PriceSeries
    loss_factor: float = 1.0
    credit: Credit = "paid"
    blocks: tuple[Block, ...] = ()
    fees: tuple[FixedFee, ...] = ()
    demand_charges: tuple[DemandCharge, ...] = ()
    minimum_per_month: float | None = None
    taxes: tuple[Tax, ...] = ()
    billed_per: BilledPer = "month"
    valid_from: datetime.date | None = None
    valid_until: datetime.date | None = None

    def __post_init__(self) -> None:
        for name in ("blocks", "fees", "demand_charges", "taxes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not (math.isfinite(self.loss_factor) and self.loss_factor > 0):
            raise self._error(f"loss_factor must be positive, got {self.loss_factor}")
        for name, allowed in (("credit", get_args(Credit)), ("billed_per", get_args(BilledPer))):
            if getattr(self, name) not in allowed:
                known = ", ".join(f'"{each}"' for each in allowed)
                raise self._error(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        minimum = self.minimum_per_month
        if minimum is not None and not math.isfinite(minimum):
            raise self._error(f"minimum_per_month must be finite, got {minimum}")
        for name in ("valid_from", "valid_until"):
            day = getattr(self, name)
            object.__setattr__(self, name, None if day is None else as_date(day))
        first, end = self.valid_from, self.valid_until
        if first is not None and end is not None and end <= first:
            raise self._error(f"it ends on {end}, and begins on {first}")
        self._check_together()
        self._check_taxes()

    def _check_together(self) -> None:
        """Refuse elements that do not go together."""
        netted = self.credit.startswith("net")
        if self.billed_per == "period" and (self.blocks or self.minimum_per_month is not None):
            raise self._error('blocks and a minimum are of months; they need billed_per="month"')
        if netted and self.blocks:
            raise self._error("net metering and blocks do not go together: blocks count energy")
        if netted and self.loss_factor != 1:
            raise self._error("net metering counts metered kWh; it needs loss_factor=1")
        if netted and (isinstance(self.energy, PriceSeries) or self.energy.average):
            raise self._error(
                "net metering nets energy of the same price; a series of prices has hardly any"
            )
        if self.credit == "net per year" and self.minimum_per_month is not None:
            raise self._error("a month has no minimum where energy is netted over a year")

    def _check_taxes(self) -> None:
        known = set(NOT_TAXES)
        for fee in self.fees:
            if fee.label in known:
                raise self._error(f"{fee.label!r} is the label of another line, or a kind of lines")
            known.add(fee.label)
        for tax in self.taxes:
            unknown = sorted(tax.on - known)
            if unknown:
                allowed = ", ".join(sorted(known))
                raise self._error(
                    f'the tax {tax.label!r} is on "{unknown[0]}", which is none of {allowed}'
                )
            if tax.label in known:
                raise self._error(f"{tax.label!r} is the label of another line, or a kind of lines")
            known.add(tax.label)

    def _error(self, what: str) -> GameError:
        return GameError(f"the contract {self.name!r}: {what}")

    @property
    def currency(self) -> str:
        """The unit of all money."""
        return self.energy.currency

    @property
    def follows_clock(self) -> bool:
        """Whether an element depends on the calendar or the clock."""
        dated = self.valid_from is not None or self.valid_until is not None
        by_month = self.credit != "paid" or self.blocks or self.minimum_per_month is not None
        charges = any(charge.follows_clock for charge in self.demand_charges)
        return bool(self.energy.follows_clock or dated or by_month or self.fees or charges)

    def prices(self, steps: TimeSteps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what a metered kWh costs and earns in each step, shape (T,), losses included.

        Raises
        ------
        GameError
            As those of :attr:`energy`, or the contract does not hold in some step.
        """
        days = steps.times.astype("datetime64[D]")
        first, end = self.valid_from, self.valid_until
        if first is not None and days.min() < np.datetime64(first):
            raise self._error(
                f"it begins on {first}, after {days.min()}, the first day to bill; give the "
                f"contract that held before, or a later period"
            )
        if end is not None and days.max() >= np.datetime64(end):
            raise self._error(
                f"it ended on {end}, and {days.max()} is to be billed; give the contract that "
                f"follows, or a shorter period"
            )
        buy, sell = self.energy.prices(steps)
        if self.credit == "capped" and min(buy.min(), sell.min()) < 0:
            step = int(np.argmin(np.minimum(buy, sell)))
            raise self._error(
                f"a credit is capped at what energy costs, but at {steps.time(step)} its price is "
                f"negative"
            )
        return buy * self.loss_factor, sell

    def bill(
        self,
        steps: TimeSteps,
        import_kwh: ArrayLike,
        export_kwh: ArrayLike | None = None,
        *,
        point: str = "",
        n_members: int = 1,
    ) -> Bill:
        """Return what is billed for the registers of one point, line by line.

        Parameters
        ----------
        steps : TimeSteps
            Of the T readings.
        import_kwh, export_kwh : array_like of float, shape (T,)
            What is drawn and fed in in each step; at least 0. Both may be positive in one step:
            they are not netted, unless the contract nets them over months or years.
        point : str, optional
            Who is billed.
        n_members : int, default 1
            How many pay the fees of members.

        Raises
        ------
        GameError
            Energy is negative or not finite, or of another shape; the contract does not hold; an
            element does not fit the steps.

        Notes
        -----
        O(T) for each element.
        """
        registers = Registers.of(steps, import_kwh, export_kwh)
        buy, sell = self.prices(steps)
        billing = self.billing(steps)
        lines = bill_lines(self, billing, registers, (buy / self.loss_factor, sell), n_members)
        whose = tuple(replace(line, whose=point) if line.steps else line for line in lines)
        return Bill(whose, self.currency, self.name, point)

    def billing(self, steps: TimeSteps) -> Billing:
        """Return the elements beyond prices as plain arrays, for bills and dispatch models.

        Raises
        ------
        GameError
            As :meth:`bill`.
        """
        names, ends = [steps.in_calendar], np.array([steps.n_steps], dtype=np.int64)
        firsts = np.zeros(1, dtype=np.int64)
        if self.billed_per == "month":
            months = steps.months
            ends = np.append(np.flatnonzero(months[1:] != months[:-1]) + 1, steps.n_steps)
            firsts = np.append(0, ends[:-1])
            names = [in_words(months[low]) for low in firsts]
        shares = np.ones(len(ends))
        n_days = np.zeros(len(ends))
        for number, (low, high) in enumerate(zip(firsts, ends, strict=True)):
            days = np.unique(steps.times[low:high].astype("datetime64[D]"))
            n_days[number] = len(days)
            begun, counts = np.unique(days.astype("datetime64[M]"), return_counts=True)
            shares[number] = (counts / _lengths(begun)).sum()
        minimum = np.full(len(ends), np.nan)
        if self.minimum_per_month is not None:
            minimum = self.minimum_per_month * shares
        fees = sum(
            (fee.price * (shares if fee.per == "month" else n_days) for fee in self._own_fees),
            np.zeros(len(ends)),
        )
        return Billing(
            names=tuple(names),
            ends=ends.astype(np.int64),
            shares=shares,
            n_days=n_days,
            credit=_KINDS.get(self.credit, "netted"),
            groups=self._groups(steps, ends) if self.credit.startswith("net") else None,
            losses=self.loss_factor,
            fees=fees,
            minimum=minimum,
            blocks=self._blocks(steps, firsts, shares),
            peaks=tuple(
                charge.billed_peak(steps, ends)
                for charge in self.demand_charges
                if charge.price_per_kw
            ),
            elements=tuple(self.beyond_a_step(steps)),
            constants=tuple(self.constants),
            undivided=tuple(self.undivided),
        )

    @property
    def _own_fees(self) -> list[FixedFee]:
        """The fees in the game."""
        return [fee for fee in self.fees if fee.in_game]

    def _blocks(
        self, steps: TimeSteps, firsts: NDArray[np.int64], shares: NDArray[np.float64]
    ) -> tuple[tuple[int, float, float], ...]:
        months = steps.times[firsts].astype("datetime64[M]").astype(np.int64) % 12 + 1
        return tuple(
            (number, block.above_kwh * float(shares[number]), block.surcharge_per_kwh)
            for block in self.blocks
            for number, month in enumerate(months.tolist())
            if month in block.months
        )

    def _groups(self, steps: TimeSteps, ends: NDArray[np.int64]) -> NettedGroups:
        """Return the steps of each month or year that have the same prices."""
        unit = "Y" if self.credit == "net per year" else "M"
        turns = steps.months.astype(f"datetime64[{unit}]")
        keys = np.stack([turns.astype(np.int64).astype(np.float64), *self.energy.prices(steps)])
        distinct, first, of_step = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        periods = np.searchsorted(ends, first, side="right")
        if unit == "Y" and len(ends) > 1:
            periods[:] = len(ends)
        return NettedGroups(
            of_step=of_step.ravel().astype(np.int64),
            prices=np.ascontiguousarray(distinct[1:].T),
            periods=periods.astype(np.int64),
            names=tuple(in_words(turns[each]) for each in first),
        )

    def beyond_a_step(self, steps: TimeSteps) -> list[str]:
        """Return what makes costs more than prices and peaks of steps, in words.

        No dispatch of storage knows it in advance: it depends on the totals of a month or year, on
        several windows or on months before.
        """
        features = {
            "a credit capped at what energy costs": self.credit == "capped",
            f"net metering per {self.credit[8:]}": self.credit.startswith("net"),
        }
        found = [name for name, is_there in features.items() if is_there]
        found += self._constants_of_months
        return found + [
            element for charge in self.demand_charges for element in charge.beyond_a_step(steps)
        ]

    @property
    def constants(self) -> list[str]:
        """What of it is not in proportion to energy, in words."""
        found = self._constants_of_months
        return found + [name for charge in self.demand_charges for name in charge.constants]

    @property
    def undivided(self) -> list[str]:
        """Those of them of which no division is sure to satisfy every group, in words."""
        found = ["blocks of energy"] if self.blocks else []
        return found + [name for charge in self.demand_charges for name in charge.undivided]

    @property
    def _constants_of_months(self) -> list[str]:
        """The same without charges on peaks."""
        features = {
            "blocks of energy": bool(self.blocks),
            "a fixed fee in the game": bool(self._own_fees),
            "a minimum bill": self.minimum_per_month is not None,
        }
        return [name for name, is_there in features.items() if is_there]

    def __repr__(self) -> str:
        elements = [
            count(len(self.fees), "fee"),
            count(len(self.demand_charges), "demand charge"),
            count(len(self.taxes), "tax") if len(self.taxes) < 2 else f"{len(self.taxes)} taxes",
        ]
        return f"Contract({self.name!r}, {self.energy!r}, {', '.join(elements)})"


def _lengths(months: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return how many days months have."""
    firsts, nexts = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    lengths: NDArray[np.float64] = (nexts - firsts).astype(np.float64)
    return lengths
