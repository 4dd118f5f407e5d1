"""The lines of a bill, element by element."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sesgame.energy.bill import BillLine, LineKind
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.contract_elements import FixedFee, Tax
    from sesgame.energy.demand_charge import DemandCharge
    from sesgame.energy.dispatch.billing import BilledPeak, Billing, SetPeak
    from sesgame.energy.time_steps import TimeSteps

__all__ = ["Registers", "bill_lines"]

MOST_PRICES = 12
"""Lines of energy in a month; where it has more prices, one line gives their mean."""


class Elements(Protocol):
    """What lines are made of, beside the plain arrays: a contract."""

    @property
    def currency(self) -> str:
        """The unit of all money."""

    @property
    def fees(self) -> tuple[FixedFee, ...]:
        """What is billed whatever is used."""

    @property
    def demand_charges(self) -> tuple[DemandCharge, ...]:
        """Charges on peaks."""

    @property
    def taxes(self) -> tuple[Tax, ...]:
        """In the order in which they are applied."""


@dataclass(frozen=True, eq=False)
class Registers(ByValue):
    """What a meter has counted in each step.

    Attributes
    ----------
    steps : TimeSteps
    import_kwh, export_kwh : ndarray of shape (T,)
        Finite and at least 0.
    """

    steps: TimeSteps
    import_kwh: NDArray[np.float64]
    export_kwh: NDArray[np.float64]

    @classmethod
    def of(cls, steps: TimeSteps, import_kwh: ArrayLike, export_kwh: ArrayLike | None) -> Registers:
        """Return registers, of which there may be none for export.

        Raises
        ------
        GameError
            Energy is negative or not finite, or of another shape.
        """
        given = np.zeros(steps.n_steps) if export_kwh is None else export_kwh
        return cls(
            steps, _energy("import_kwh", import_kwh, steps), _energy("export_kwh", given, steps)
        )


def bill_lines(
    contract: Elements,
    billing: Billing,
    registers: Registers,
    prices: tuple[NDArray[np.float64], NDArray[np.float64]],
    n_members: int,
) -> list[BillLine]:
    """Return the lines of a contract, month by month; what is of a year or period comes last.

    Parameters
    ----------
    contract : Elements
    billing : Billing
        Its elements in the steps of the registers.
    registers : Registers
    prices : tuple of ndarray
        What a billed kWh costs and earns in each step.
    n_members : int
        How many pay the fees of members.
    """
    n_periods = len(billing.names)
    of_period: list[list[BillLine]] = [[] for _ in range(n_periods + 1)]
    for number, part in enumerate(billing.parts):
        if billing.groups is None:
            of_period[number] += _energy_lines(contract, billing, registers, prices, number, part)
    _netted_lines(billing, registers, of_period)
    for number, lines in enumerate(of_period[:n_periods]):
        lines += [_fee(fee, billing, number, 1) for fee in contract.fees if fee.in_game]
    for peak, charge in zip(
        billing.peaks, (each for each in contract.demand_charges if each.price_per_kw), strict=True
    ):
        for found in peak.peaks(registers.import_kwh, registers.steps.step_hours):
            period = found.month.name or billing.names[0]
            line = _peak_line(peak, charge.manner, found, period, registers.steps)
            of_period[found.month.period].append(line)
    for number, name in enumerate(billing.names):
        least = float(billing.minimum[number])
        lacking = least - math.fsum(line.amount for line in of_period[number])
        if lacking > 0:
            unit = contract.currency
            of_period[number].append(
                _line("minimum bill", f"up to the minimum of {least:g}", name, lacking, unit, 1.0)
            )
        for fee in contract.fees:
            if not fee.in_game:
                times = n_members if fee.of == "member" else 1
                of_period[number].append(_fee(fee, billing, number, times))
    # What is of no month: the peaks and netted energy of years, each with taxes of its own.
    years: dict[str, list[BillLine]] = {}
    for line in of_period.pop():
        years.setdefault(line.period, []).append(line)
    named = [*zip(billing.names, of_period, strict=True), *years.items()]
    return [line for name, lines in named for line in _taxed(contract, lines, name)]


def _energy_lines(
    contract: Elements,
    billing: Billing,
    registers: Registers,
    prices: tuple[NDArray[np.float64], NDArray[np.float64]],
    number: int,
    part: slice,
) -> Iterator[BillLine]:
    name = billing.names[number]
    label = "energy" if billing.losses == 1 else f"energy, {billing.losses:g} kWh for each metered"
    buy, sell = (each[part] for each in prices)
    billed = registers.import_kwh[part] * billing.losses
    energy = list(_priced("energy", label, name, billed, buy))
    for period, above, surcharge in billing.blocks:
        beyond = float(billed.sum()) - above
        if period == number and beyond > 0:
            block = f"energy above {above:g} kWh"
            energy.append(_line("energy", block, name, beyond, "kWh", surcharge))
    paid = list(_priced("feed-in", "feed-in", name, registers.export_kwh[part], -sell))
    yield from energy
    yield from paid
    lost = -math.fsum(line.amount for line in energy + paid)
    if billing.credit == "capped" and lost > 0:
        words = "feed-in beyond what energy costs"
        yield _line("feed-in", words, name, lost, contract.currency, 1.0)


def _netted_lines(billing: Billing, registers: Registers, of_period: list[list[BillLine]]) -> None:
    """Add what is left in each group of steps that are netted."""
    groups = billing.groups
    if groups is None:
        return
    left = np.bincount(
        groups.of_step,
        weights=registers.import_kwh - registers.export_kwh,
        minlength=len(groups.names),
    )
    rows = zip(left.tolist(), groups.prices.tolist(), groups.periods, groups.names, strict=True)
    for kwh, (buy, sell), period, name in rows:
        if kwh > 0:
            of_period[period].append(_line("energy", "energy, netted", name, kwh, "kWh", buy))
        elif kwh < 0:
            of_period[period].append(_line("feed-in", "feed-in, netted", name, -kwh, "kWh", -sell))


def _priced(
    kind: LineKind,
    label: str,
    period: str,
    kwh: NDArray[np.float64],
    prices: NDArray[np.float64],
) -> Iterator[BillLine]:
    """Yield a line for each price, or one at the mean where each step has its own."""
    used = kwh != 0
    distinct, index = np.unique(prices[used], return_inverse=True)
    if len(distinct) > MOST_PRICES:
        total, amount = float(kwh.sum()), float(kwh @ prices)
        yield _line(kind, f"{label}, mean price", period, total, "kWh", amount / total, amount)
        return
    totals = np.bincount(index.ravel(), weights=kwh[used])
    for total, price in zip(totals.tolist(), distinct.tolist(), strict=True):
        yield _line(kind, label, period, total, "kWh", price)


def _fee(fee: FixedFee, billing: Billing, number: int, times: int) -> BillLine:
    quantity = float((billing.shares if fee.per == "month" else billing.n_days)[number]) * times
    unit = fee.per if fee.of == "point" else f"{fee.per} x member"
    line = _line("fee", fee.label, billing.names[number], quantity, unit, fee.price)
    return replace(line, in_game=fee.in_game)


def _peak_line(
    peak: BilledPeak, manner: str, found: SetPeak, period: str, steps: TimeSteps
) -> BillLine:
    label = f"{peak.name}, {manner}" if manner else peak.name
    if peak.n_averaged > found.n_months:
        label += f" (of {found.n_months} known)"
    times = tuple(steps.time(int(step)) for step in found.windows)
    amount = found.billed_kw * peak.price_per_kw
    return BillLine(
        kind="demand charge",
        label=label,
        period=period,
        quantity=found.billed_kw,
        unit="kW",
        price=peak.price_per_kw,
        amount=amount,
        steps=times,
    )


def _taxed(contract: Elements, lines: list[BillLine], period: str) -> Iterator[BillLine]:
    """Yield lines, and the taxes on them."""
    yield from lines
    above = list(lines)
    for tax in contract.taxes:
        base = math.fsum(
            line.amount for line in above if line.label in tax.on or line.kind in tax.on
        )
        if base:
            line = _line("tax", tax.label, period, base, contract.currency, tax.per_cent / 100)
            line = replace(line, in_game=False)
            above.append(line)
            yield line


def _line(
    kind: LineKind,
    label: str,
    period: str,
    quantity: float,
    unit: str,
    price: float,
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


def _energy(name: str, values: ArrayLike, steps: TimeSteps) -> NDArray[np.float64]:
    """Return a register's readings, checked."""
    try:
        energy = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
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
