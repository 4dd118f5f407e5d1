"""Tariffs of grid companies in the open Swedish format, Eltariff-API.

A tariff has fixed prices, prices of energy and prices of peaks: each a list of components, and a
cost function that says how they are combined. The few known functions are matched, and no
expression is ever evaluated [eltariff2025]_.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.calendar_cells import (
    CELLS,
    hours_of_cells,
    price_bands,
    silent_on_holidays,
    tariffs_together,
)
from sesgame.energy.calendar_hours import EVERY_MONTH, HOLIDAY
from sesgame.energy.clock import Calendar, as_date
from sesgame.energy.contract import Contract
from sesgame.energy.contract_elements import FixedFee, Tax
from sesgame.energy.demand_charge import DemandCharge
from sesgame.energy.eltariff_calendar import (
    ActiveHours,
    DayPatterns,
    Validity,
    special_dates,
    validity_of,
)
from sesgame.energy.published_tariff import PublishedTariff
from sesgame.energy.tariff import PriceSeries, Tariff
from sesgame.energy.value_added_tax import vat_per_cent
from sesgame.errors import GameError
from sesgame.files.json_fields import JsonField
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_eltariff"]

_TARIFF = (
    "id name description product companyName companyOrgNo direction timeZone lastUpdated "
    "validPeriod billingPeriod fixedPrice energyPrice powerPrice"
)
_SEGMENT = "id name description costFunction unit components"
_COMPONENT = "id name description type reference validPeriod price unit"
_SETTINGS = "peakFunction peakIdentificationPeriod peakDuration numberOfPeaksForAverageCalculation"
_MINUTES = {"PT15M": 15, "PT30M": 30, "PT1H": 60, "PT60M": 60}


@checked_arguments
def read_eltariff(
    path: str | PathLike[str],
    *,
    product: str | None = None,
    holidays: Iterable[datetime.date | str] | None = None,
    supply: Tariff | PriceSeries | None = None,
) -> PublishedTariff:
    """Read a grid company's tariff from a JSON file of the open Swedish format.

    Parameters
    ----------
    path : path
        A response with ``tariffs`` and ``calendarPatterns``, as saved.
    product : str, optional
        Which tariff: its product, name or id; needed where there are several.
    holidays : iterable of date, optional
        The dates of the pattern ``"holidays"``, where the file has none.
    supply : Tariff or PriceSeries, optional
        What the supplier charges and pays in addition, without tax; a series on the clock of the
        tariff.

    Returns
    -------
    PublishedTariff
        With a contract of what the grid company bills, without tax in the game and with tax as a
        line. Where no supply is given, feeding in earns nothing, and what a supplier bills comes in
        addition.

    Raises
    ------
    GameError
        The file cannot be read, differs from the format, or has what a contract does not: a cost
        function other than ``sum(price(c))``, ``sum(energy(c)*price(c))``,
        ``sum(peak(c)*price(c))``, a peak function other than ``peak(r)``, spot or dynamic prices,
        prices of single customers, a fee or a peak of a part of the validity that is no whole
        months, holidays of two kinds. The message has the path in the file. The supply is in
        another currency or zone.

    Notes
    -----
    Prices of energy add up where components overlap, and each may hold from its own date. A price
    of peaks is a :class:`DemandCharge` of each month: the mean of as many windows of `peakDuration`
    as the file says, of different days where `peakIdentificationPeriod` is a day.

    References
    ----------
    RISE (2025) [eltariff2025]_.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> import sesgame as sg
    >>> year = {"fromIncluding": "2025-01-01", "toExcluding": "2026-01-01"}
    >>> price = {"priceExVat": 0.2, "priceIncVat": 0.25, "currency": "SEK"}
    >>> energy = {"type": "fixed", "validPeriod": year, "price": price, "recurringPeriods": []}
    >>> tariff = {
    ...     "name": "House 20A",
    ...     "validPeriod": year,
    ...     "timeZone": "Europe/Stockholm",
    ...     "direction": "consumption",
    ...     "billingPeriod": "P1M",
    ...     "fixedPrice": None,
    ...     "energyPrice": {"costFunction": "sum(energy(c)*price(c))", "components": [energy]},
    ...     "powerPrice": None,
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "tariffs.json")
    ...     _ = file.write_text(json.dumps({"tariffs": [tariff], "calendarPatterns": []}))
    ...     found = sg.energy.read_eltariff(file)
    >>> found.contract.energy, found.zone
    (Tariff(0.2 / 0.0 SEK per kWh), 'Europe/Stockholm')
    """
    root = JsonField.read(Path(path))
    root.only(["tariffs", "tariff", "calendarPatterns"])
    tariff = _chosen(root, product)
    patterns = DayPatterns(root.get("calendarPatterns"), _dates(holidays))
    return _Reader(tariff, patterns).read(supply)


def _dates(days: Iterable[datetime.date | str] | None) -> frozenset[datetime.date] | None:
    if days is None:
        return None
    if isinstance(days, (str, bytes)) or not isinstance(days, Iterable):
        raise GameError(f"holidays must be dates, got {days!r}")
    return frozenset(as_date(day) for day in days)


def _chosen(root: JsonField, product: str | None) -> JsonField:
    """Return the tariff that is asked for, or the only one."""
    single = root.get("tariff")
    if single is not None and root.get("tariffs") is not None:
        single.fail('there is "tariffs", too: keep one of them')
    tariffs = [single] if single is not None else list(root.need("tariffs").items())
    labels = [
        [each.need(key).text() for key in ("product", "name", "id") if each.get(key) is not None]
        for each in tariffs
    ]
    fitting = [
        each
        for each, names in zip(tariffs, labels, strict=True)
        if product is None or product in names
    ]
    if len(fitting) == 1:
        return fitting[0]
    choices = ", ".join(" / ".join(names) for names in labels) or "none"
    if not fitting:
        root.fail(f"there is no tariff {product!r}; there is {choices}")
    return root.fail(f"{len(fitting)} tariffs fit: choose by product, name or id of {choices}")


class _Component(NamedTuple):
    """A price, and when it is valid and active."""

    field: JsonField
    price: float
    validity: Validity
    hours: tuple[ActiveHours, ...] | None


class _Reader:
    """One tariff on its way to a contract."""

    def __init__(self, tariff: JsonField, patterns: DayPatterns) -> None:
        tariff.only(_TARIFF.split())
        self.tariff = tariff
        self.patterns = patterns
        self.prices: list[JsonField] = []
        self.currency = ""
        self.readings: list[str] = []
        for name, wanted in (("direction", "consumption"), ("billingPeriod", "P1M")):
            field = tariff.need(name)
            if field.text() != wanted:
                field.fail(f"{field.text()!r} is not {wanted!r}, which is all that is read")
        self.validity = validity_of(tariff) or self._widest()

    def _widest(self) -> Validity:
        """Return the validity of the components together, where the tariff has none."""
        found = [
            each
            for name in ("fixedPrice", "energyPrice", "powerPrice")
            if (segment := self.tariff.get(name)) is not None
            for component in segment.need("components").items()
            if (each := validity_of(component)) is not None
        ]
        if not found:
            self.tariff.fail('neither the tariff nor a component has a "validPeriod"')
        return Validity(min(each.first for each in found), max(each.end for each in found))

    def read(self, supply: Tariff | PriceSeries | None) -> PublishedTariff:
        fixed = self._components("fixedPrice", "sum(price(c))", ["pricedPeriod"])
        energy = self._components(
            "energyPrice", "sum(energy(c)*price(c))", ["spotPriceSettings", "recurringPeriods"]
        )
        power = self._components(
            "powerPrice",
            "sum(peak(c)*price(c))",
            ["url", "peakIdentificationSettings", "recurringPeriods"],
        )
        holidays = special_dates(
            period for each in (*energy, *power) for period in each.hours or ()
        )
        # Without a price for them, steps with holidays are refused, also where only peaks need it.
        by_day = not holidays and any(
            not hours.every_day for each in (*energy, *power) for hours in each.hours or ()
        )
        per_cent = vat_per_cent(self.prices)
        taxed = frozenset(["energy", "demand charge", "fee"])
        taxes = (Tax(label="VAT", per_cent=per_cent, on=taxed),) if per_cent else ()
        zone = self.tariff.need("timeZone").as_(
            lambda text: str(Calendar(text).zone), "a zone of the IANA database"
        )
        name = self.tariff.need("name").text()
        try:
            contract = Contract(
                name=name,
                energy=_with_supply(self._tariff(energy, holidays, by_day), supply, zone),
                fees=tuple(self._fees(fixed)),
                demand_charges=tuple(self._charge(each, holidays) for each in power),
                taxes=taxes,
                valid_from=self.validity.first,
                valid_until=self.validity.end,
            )
        except GameError as error:
            raise GameError(f"{self.tariff.file}, {self.tariff.path}: {error}") from error
        alone = (
            "what the grid company bills: the supplier's prices come in addition, and feeding in "
            "earns nothing"
        )
        readings = [
            *self.readings,
            alone
            if supply is None
            else "what the grid company bills and the supply that was given",
            f"prices without tax, and {per_cent:g} % of tax on them",
        ]
        if any(each.field.need("pricedPeriod").text() == "P1Y" for each in fixed):
            readings.append("a fee of a year is paid in twelve equal parts")
        if not holidays:
            readings.append("no price depends on holidays: a holiday is a day of the week")
        return PublishedTariff(
            contract=contract,
            zone=zone,
            holidays=holidays,
            readings=tuple(readings),
        )

    def _components(self, name: str, function: str, more: list[str]) -> list[_Component]:
        """Return the components of one kind of prices, whose cost function has to be known."""
        segment = self.tariff.get(name)
        if segment is None:
            return []
        segment.only(_SEGMENT.split())
        found = [
            self._component(each, more, "kW" if name == "powerPrice" else "kWh")
            for each in segment.need("components").items()
        ]
        cost = segment.need("costFunction")
        if found and cost.text().replace(" ", "") != function:
            cost.fail(f"the cost function {cost.text()!r} is not known; {function!r} is")
        _expect_unit(segment, "kW" if name == "powerPrice" else "kWh")
        # Of other years the tariff says nothing.
        return [each for each in found if each.validity.first < each.validity.end]

    def _component(self, field: JsonField, more: list[str], unit: str) -> _Component:
        field.only([*_COMPONENT.split(), *more])
        kind = field.get("type")
        allowed = {
            "pricedPeriod": ("public", "fixed"),
            "spotPriceSettings": ("fixed",),
            "url": ("peak",),
        }[more[0]]
        if kind is not None and kind.text() not in allowed:
            kind.fail(f"prices of type {kind.text()!r} are not in the file; known: {allowed[0]}")
        for name in ("spotPriceSettings", "url"):
            if name in more and (beyond := field.get(name)) is not None:
                beyond.fail("prices that are elsewhere are not read; give a PriceSeries")
        _expect_unit(field, unit)
        price = field.need("price")
        price.only(["priceExVat", "priceIncVat", "currency"])
        currency = price.need("currency")
        if self.currency not in ("", currency.text()):
            currency.fail(f"it is {currency.text()}, and other prices are {self.currency}")
        self.currency = currency.text()
        self.prices.append(price)
        own = validity_of(field) or self.validity
        clipped = Validity(max(own.first, self.validity.first), min(own.end, self.validity.end))
        return _Component(field, price.need("priceExVat").number(), clipped, self._hours(field))

    def _hours(self, field: JsonField) -> tuple[ActiveHours, ...] | None:
        """Return the hours in which a component is active; nothing for all of them."""
        periods = field.get("recurringPeriods")
        recurring = [] if periods is None else list(periods.items())
        if not recurring:
            return None
        settings = field.get("peakIdentificationSettings")
        counted = None if settings is None else _peak_reference(settings)
        found = []
        for each in recurring:
            each.only(["reference", "frequency", "activePeriods"])
            frequency = each.need("frequency")
            if frequency.text() != "P1D":
                frequency.fail(f"{frequency.text()!r} is not P1D, which is all that is read")
            if counted is not None and each.need("reference").text() != counted:
                each.fail(f"the peak function counts {counted!r} alone")
            active = each.need("activePeriods").items()
            found += [self.patterns.active_hours(period) for period in active]
        return tuple(found)

    def _tariff(
        self, components: list[_Component], holidays: tuple[datetime.date, ...], by_day: bool
    ) -> Tariff:
        """Return the sum of energy prices, anew from each day on which one begins or ends."""
        ends = {day for each in components for day in each.validity}
        inside = {day for day in ends if self.validity.first < day < self.validity.end}
        bands = []
        for first in sorted({self.validity.first, *inside}):
            buy = np.zeros(CELLS)
            valid = [
                each for each in components if each.validity.first <= first < each.validity.end
            ]
            if components and not valid and self.tariff.get("validPeriod") is None:
                self.tariff.fail(
                    f"no energy price is valid on {first}, and the tariff does not say how long it "
                    f"holds"
                )
            for each in valid:
                buy += each.price * _cells(each, holidays)
            if by_day:
                buy[:, HOLIDAY] = np.nan
            sell = np.where(np.isnan(buy), np.nan, 0.0)
            if components and not valid:
                self.readings.append(f"no energy price is valid on {first}: energy costs nothing")
            since = first if inside else None
            bands += price_bands(buy, sell, since, holidays_apart=bool(holidays))
        return Tariff(bands, currency=self.currency or self.tariff.fail("it has no price"))

    def _fees(self, components: list[_Component]) -> list[FixedFee]:
        fees: list[FixedFee] = []
        for each in components:
            if each.validity != self.validity:
                each.field.fail(
                    f"a fee from {each.validity.first} to {each.validity.end} in a tariff from "
                    f"{self.validity.first} to {self.validity.end}: a contract has its fees as "
                    f"long as it holds; divide the tariff there"
                )
            period = each.field.need("pricedPeriod")
            parts = {"P1D": ("day", 1), "P1M": ("month", 1), "P1Y": ("month", 12)}
            if period.text() not in parts:
                period.fail(f"{period.text()!r} is none of {', '.join(parts)}")
            per, n_parts = parts[period.text()]
            label = each.field.need("name").text()
            taken = sum(fee.label.startswith(label) for fee in fees)
            fees.append(
                FixedFee(
                    label=f"{label} ({taken + 1})" if taken else label,
                    price=each.price / n_parts,
                    per="day" if per == "day" else "month",
                )
            )
        return fees

    def _charge(self, component: _Component, holidays: tuple[datetime.date, ...]) -> DemandCharge:
        settings = component.field.need("peakIdentificationSettings")
        settings.only(_SETTINGS.split())
        duration, of = settings.need("peakDuration"), settings.need("peakIdentificationPeriod")
        if duration.text() not in _MINUTES:
            duration.fail(f"{duration.text()!r} is none of {', '.join(_MINUTES)}")
        n_highest = settings.need("numberOfPeaksForAverageCalculation").whole()
        if of.text() not in ("P1D", "P1M", duration.text()):
            of.fail(f"{of.text()!r} is not P1D, P1M or the duration of a peak")
        if of.text() == "P1M" and n_highest > 1:
            of.fail(
                f"the highest peak of each month, and the mean of {n_highest} of them: the file "
                f"does not say whether these are of one month"
            )
        cells = _cells(component, holidays).copy()
        if not holidays:
            cells = silent_on_holidays(cells)
        months = self._months(component)
        cells[[month - 1 for month in EVERY_MONTH - months]] = False
        first, *rest = hours_of_cells(cells) or component.field.fail("it is never active")
        return DemandCharge(
            price_per_kw=component.price,
            start_minute=first.start_minute,
            end_minute=first.end_minute,
            days=first.days,
            months=first.months,
            also=tuple(rest),
            mean_minutes=_MINUTES[duration.text()],
            n_highest=n_highest,
            one_per_day=of.text() == "P1D" and n_highest > 1,
        )

    def _months(self, component: _Component) -> frozenset[int]:
        """Return the months of a peak; those of a part of the validity have to be whole."""
        whole, own = self.validity, component.validity
        if own == whole:
            return EVERY_MONTH
        first, end = own
        begins = first == whole.first or first.day == 1
        if not (begins and (end == whole.end or end.day == 1)):
            component.field.fail(f"a peak from {first} to {end} is not of whole months")
        n_months = _month(end - datetime.timedelta(1)) - _month(first) + 1
        if _month(whole.end - datetime.timedelta(1)) - _month(whole.first) >= 12:
            component.field.fail(
                f"a peak of a part of the validity from {whole.first} to {whole.end}, which is "
                f"longer than twelve months: divide the tariff"
            )
        return frozenset((_month(first) + k) % 12 + 1 for k in range(n_months))


def _with_supply(
    grid: Tariff, supply: Tariff | PriceSeries | None, zone: str
) -> Tariff | PriceSeries:
    if supply is None:
        return grid
    if isinstance(supply, PriceSeries) and supply.steps.calendar.zone not in (None, zone):
        raise GameError(
            f"the supply is on the clock of {supply.steps.calendar.zone}, and the tariff on that "
            f"of {zone}: give the series with tariff_zone={zone!r}"
        )
    return tariffs_together(grid, supply)


def _month(day: datetime.date) -> int:
    return 12 * day.year + day.month - 1


def _cells(component: _Component, holidays: tuple[datetime.date, ...]) -> NDArray[np.bool_]:
    """Return the cells of the calendar in which a component is active."""
    if component.hours is None:
        return np.ones(CELLS, dtype=np.bool_)
    found: NDArray[np.bool_]
    found = np.any([hours.cells(holidays) for hours in component.hours], axis=0)
    return found


def _peak_reference(settings: JsonField) -> str:
    """Return which recurring period a peak function counts."""
    field = settings.need("peakFunction")
    match = re.fullmatch(r"peak\((\w+)\)", field.text().replace(" ", ""))
    if not match:
        field.fail(f"the peak function {field.text()!r} is not known; 'peak(main)' is")
    return match[1]


def _expect_unit(field: JsonField, wanted: str) -> None:
    unit = field.get("unit")
    if unit is not None and unit.text() != wanted:
        unit.fail(f"prices are per {wanted}, not per {unit.text()}")
