"""Rates of the Utility Rate Database of the United States, from its JSON files.

Energy and peaks have periods, each with tiers of prices, and schedules of twelve months by 24 hours
that say which period holds, on working days and at weekends [urdb2024]_.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sesgame.energy.calendar_cells import CELLS, hours_of_cells, price_bands, silent_on_holidays
from sesgame.energy.calendar_hours import HOLIDAY, MINUTES, CalendarHours
from sesgame.energy.contract import Contract
from sesgame.energy.contract_elements import Block, FixedFee
from sesgame.energy.demand_charge import DemandCharge
from sesgame.energy.published_tariff import PublishedTariff
from sesgame.energy.tariff import Tariff
from sesgame.errors import GameError
from sesgame.files.json_fields import JsonField
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_urdb"]

Netting = Literal["net per month", "net per year"]

_DESCRIPTIVE = (
    "label uri utility eiaid eia name description source sourceparent supercedes sector country "
    "basicinformationcomments energycomments demandcomments approved is_default servicetype "
    "revisions phasewiring voltagecategory voltageminimum voltagemaximum peakkwcapacitymin "
    "peakkwcapacitymax peakkwcapacityhistory peakkwhusagemin peakkwhusagemax peakkwhusagehistory "
    "demandunits"
)
"""Who the rate is for, and where it comes from: nothing that is billed."""

_ATTRIBUTES = ("energyattrs", "demandattrs", "fixedattrs")
"""Free text about prices, which is shown and not evaluated."""

_REFUSED = {
    "demandratchetpercentage": "a ratchet of which the months are not said",
    "lookbackpercent": "a look back at earlier peaks",
    "lookbackrange": "a look back at earlier peaks",
    "lookbackmonths": "a look back at earlier peaks",
    "demandreactivepowercharge": "a charge on reactive power",
    "coincidentratestructure": "a charge on the peak of the whole system",
    "coincidentrateschedule": "a charge on the peak of the whole system",
    "annualmincharge": "a minimum of the year",
    "flatratebuy": "a price of an earlier version of the database",
    "flatratesell": "a price of an earlier version of the database",
    "flatratefueladj": "a price of an earlier version of the database",
}
"""What a contract does not have."""

_READ = (
    "startdate enddate dgrules usenetmetering energyratestructure energyweekdayschedule "
    "energyweekendschedule fueladjustmentsmonthly demandrateunit demandratestructure "
    "demandweekdayschedule demandweekendschedule demandwindow flatdemandunit flatdemandstructure "
    "flatdemandmonths fixedchargefirstmeter fixedchargeeaaddl fixedchargeunits fixedmonthlycharge "
    "mincharge minchargeunits minmonthlycharge coincidentrateunit"
)


@checked_arguments
def read_urdb(
    path: str | PathLike[str],
    *,
    rate: str | None = None,
    net_metering: Literal["net per month", "net per year"] | None = None,
    holidays: Literal["weekend"] | None = None,
    any_year: bool = False,
    currency: str = "USD",
) -> PublishedTariff:
    """Read a rate from a JSON file of the Utility Rate Database.

    Parameters
    ----------
    path : path
        A response with ``items``, or one rate.
    rate : str, optional
        Which rate: its label or name; needed where there are several.
    net_metering : {"net per month", "net per year"}, optional
        Over which time energy is netted, where the rate has net metering: the file does not say.
    holidays : {"weekend"}, optional
        Whether holidays are as weekends: the file does not say. By default steps with holidays are
        refused where the schedules differ.
    any_year : bool, default False
        Whether the rate is used for days before its start or after its end.
    currency : str, default "USD"
        The unit of all money.

    Returns
    -------
    PublishedTariff

    Raises
    ------
    GameError
        The file cannot be read, differs from the format, or has what a contract does not: tiers in
        a month with several periods, tiers of power, units other than kWh and kW, ratchets,
        reactive power, coincident peaks, net metering without its time. The message has the path in
        the file.

    Notes
    -----
    A price is ``rate + adj``, and that of energy also ``fueladjustmentsmonthly``. Tiers of energy
    are :class:`Block` of their months; each period of ``demandratestructure`` is a
    :class:`DemandCharge` on the hours of its schedule, and each of ``flatdemandstructure`` one on
    its months, over windows of ``demandwindow`` minutes.

    References
    ----------
    OpenEI (2024) [urdb2024]_.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> import sesgame as sg
    >>> months = [[0] * 16 + [1] * 5 + [0] * 3 for _ in range(12)]
    >>> given = {
    ...     "name": "Evening",
    ...     "energyratestructure": [[{"rate": 0.1, "adj": 0.02}], [{"rate": 0.3}]],
    ...     "energyweekdayschedule": months,
    ...     "energyweekendschedule": months,
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "rate.json")
    ...     _ = file.write_text(json.dumps(given))
    ...     found = sg.energy.read_urdb(file)
    >>> [(band.start_minute, band.buy_per_kwh) for band in found.contract.energy.bands]
    [(0, 0.12), (960, 0.3), (1260, 0.12)]
    """
    if net_metering not in (None, "net per month", "net per year"):
        raise GameError(
            f'net_metering must be "net per month" or "net per year", got {net_metering!r}'
        )
    if holidays not in (None, "weekend"):
        raise GameError(f'holidays must be "weekend" or nothing, got {holidays!r}')
    field = _chosen(JsonField.read(Path(path)), rate)
    return _Reader(field, currency, holidays == "weekend").read(net_metering, any_year)


def _chosen(root: JsonField, rate: str | None) -> JsonField:
    if isinstance(root.value, dict) and "items" not in root.value:
        rates = [root]
    else:
        found = root if isinstance(root.value, list) else root.need("items")
        rates = list(found.items())
    labels = [
        [each.need(key).text() for key in ("label", "name") if each.get(key) is not None]
        for each in rates
    ]
    fitting = [
        each for each, names in zip(rates, labels, strict=True) if rate is None or rate in names
    ]
    if len(fitting) == 1:
        return fitting[0]
    choices = ", ".join(" / ".join(names) for names in labels) or "none"
    if not fitting:
        root.fail(f"there is no rate {rate!r}; there is {choices}")
    return root.fail(f"{len(fitting)} rates fit: choose by label or name of {choices}")


class _Tier(NamedTuple):
    """What a kWh or kW costs, and up to which total."""

    field: JsonField
    price: float
    sell: float | None
    most: float | None


class _Reader:
    """One rate on its way to a contract."""

    def __init__(self, field: JsonField, currency: str, as_weekend: bool) -> None:
        # The names of the database have no capitals, and those of copies have some.
        named = {name.lower(): name for name in field.names()}
        known = [*_READ.split(), *_REFUSED, *_DESCRIPTIVE.split(), *_ATTRIBUTES]
        field.only([named.get(name, name) for name in known])
        self.field = field
        self.named = named
        self.currency = currency
        self.as_weekend = as_weekend
        self.by_day = False
        self.readings: list[str] = []
        for name, what in _REFUSED.items():
            found = self.get(name)
            if found is not None and _is_something(found.value):
                found.fail(f"{what} is not read; give it in Python, or leave it out")
        for name in _ATTRIBUTES:
            found = self.get(name)
            if found is not None and found.value:
                self.readings.append(f"{name} is text, and not billed: {found.value}")

    def get(self, name: str) -> JsonField | None:
        return self.field.get(self.named.get(name, name))

    def need(self, name: str) -> JsonField:
        return self.field.need(self.named.get(name, name))

    def number(self, name: str) -> float:
        """Return a number; 0 where there is none."""
        found = self.get(name)
        return 0.0 if found is None else found.number()

    def read(self, net_metering: Netting | None, any_year: bool) -> PublishedTariff:
        name = self.get("name") or self.get("label")
        charges = [*self._peaks(), *self._flat_peaks()]
        energy, blocks = self._energy()
        minimum = self._minimum()
        first, end = self._dates()
        if any_year and (first or end):
            self.readings.append(f"used for any year: it holds from {first} until {end}")
            first = end = None
        try:
            contract = Contract(
                name="rate" if name is None else name.text(),
                energy=energy,
                credit=self._credit(net_metering) or "paid",
                blocks=tuple(blocks),
                fees=tuple(self._fees(in_game=minimum is not None)),
                demand_charges=tuple(charges),
                minimum_per_month=minimum,
                valid_from=first,
                valid_until=end,
            )
        except GameError as error:
            raise GameError(f"{self.field.file}: {error}") from error
        return PublishedTariff(contract, None, (), tuple(self.readings))

    def _energy(self) -> tuple[Tariff, list[Block]]:
        periods = [self._tiers(each, ("kWh",)) for each in self.need("energyratestructure").items()]
        schedule = self._schedule("energy", len(periods))
        first = np.array([tiers[0].price for tiers in periods])
        sold = {tier.sell for tiers in periods for tier in tiers}
        if sold == {None}:
            self.readings.append("no tier has a sell price: feeding in earns nothing")
        for tiers in periods:
            for tier in tiers[1:]:
                if tier.sell != tiers[0].sell:
                    tier.field.fail("tiers with sell prices of their own are not read")
        sells = np.array([tiers[0].sell or 0.0 for tiers in periods])
        monthly = self._monthly("fueladjustmentsmonthly")
        fuel = np.array([0.0] * 12 if monthly is None else [each.number() for each in monthly])
        buy = first[schedule] + fuel[:, np.newaxis, np.newaxis]
        if self.by_day and not self.as_weekend:
            # No price: so that steps with holidays are refused, also where only peaks need them.
            buy[:, HOLIDAY] = np.nan
        bands = price_bands(buy, sells[schedule], holidays_apart=self.by_day and self.as_weekend)
        return Tariff(bands, currency=self.currency), list(self._blocks(periods, schedule))

    def _blocks(self, periods: list[list[_Tier]], schedule: NDArray[np.intp]) -> Iterator[Block]:
        """Yield the tiers above the first, each in the months of its period."""
        for number, tiers in enumerate(periods):
            if len(tiers) == 1:
                continue
            months = [m for m in range(12) if (schedule[m] == number).any()]
            for month in months:
                others = np.unique(schedule[month])
                if len(others) > 1:
                    tiers[0].field.fail(
                        f"tiers in a month with {len(others)} periods: the file does not say "
                        f"whether a threshold counts the energy of the month or of the period"
                    )
            for low, high in pairwise(tiers):
                if months:
                    assert low.most is not None
                    yield Block(
                        above_kwh=low.most,
                        surcharge_per_kwh=high.price - low.price,
                        months=frozenset(month + 1 for month in months),
                    )

    def _tiers(self, period: JsonField, units: tuple[str, ...]) -> list[_Tier]:
        """Return the tiers of a period, whose thresholds rise."""
        found = []
        for field in period.items():
            field.only(["rate", "adj", "sell", "max", "unit"])
            unit = field.get("unit")
            if unit is not None and unit.text() not in units:
                unit.fail(f"tiers per {unit.text()!r} are not read; {units[0]!r} is")
            rate, adjustment, sell, most = (field.get(n) for n in ("rate", "adj", "sell", "max"))
            parts = (each.decimal() for each in (rate, adjustment) if each is not None)
            found.append(
                _Tier(
                    field,
                    float(sum(parts, Decimal(0))),
                    None if sell is None else sell.number(),
                    (most.number() or None) if most else None,
                )
            )
        if not found:
            period.fail("a period needs a tier")
        for low, high in pairwise(found):
            if low.most is None or (high.most is not None and high.most <= low.most):
                low.field.fail("all tiers but the last need a max, and each a higher one")
        if found[-1].most is not None:
            found[-1].field.fail("it has a max, and no tier says what is above it")
        return found

    def _schedule(self, kind: str, n_periods: int) -> NDArray[np.intp]:
        """Return the period of each cell of the calendar; holidays are as weekends."""
        days = [self._matrix(f"{kind}{part}schedule", n_periods) for part in ("weekday", "weekend")]
        found = np.empty((12, HOLIDAY + 1, 24), dtype=np.intp)
        found[:, :5], found[:, 5:] = days[0][:, np.newaxis], days[1][:, np.newaxis]
        if (days[0] != days[1]).any():
            self.by_day = True
        minutes: NDArray[np.intp] = np.repeat(found, MINUTES // 24, axis=2)
        assert minutes.shape == CELLS
        return minutes

    def _matrix(self, name: str, n_periods: int) -> NDArray[np.intp]:
        field = self.need(name)
        rows = [list(row.items()) for row in field.items()]
        if [len(row) for row in rows] != [24] * 12:
            field.fail("it has to be twelve months by 24 hours")
        for row in rows:
            for cell in row:
                if not 0 <= cell.whole() < n_periods:
                    cell.fail(f"there is no period {cell.whole()}, but {n_periods}, from 0")
        return np.array([[cell.whole() for cell in row] for row in rows], dtype=np.intp)

    def _monthly(self, name: str) -> list[JsonField] | None:
        field = self.get(name)
        if field is None:
            return None
        found = list(field.items())
        if len(found) != 12:
            field.fail(f"it has {len(found)} numbers; it has to be one for each month")
        return found

    def _peaks(self) -> Iterator[DemandCharge]:
        """Yield a charge for each period of peaks that costs something."""
        structure = self.get("demandratestructure")
        if structure is None:
            return
        prices = [self._price_of_power(each, "demandrateunit") for each in structure.items()]
        schedule = self._schedule("demand", len(prices))
        for number, price in enumerate(prices):
            counted = schedule == number
            parts = hours_of_cells(counted if self.as_weekend else silent_on_holidays(counted))
            if price and parts:
                yield _charge(structure, price, parts, self._window())

    def _flat_peaks(self) -> Iterator[DemandCharge]:
        """Yield a charge for each price of the peak of a month."""
        structure, months = self.get("flatdemandstructure"), self._monthly("flatdemandmonths")
        if structure is None:
            return
        prices = [self._price_of_power(each, "flatdemandunit") for each in structure.items()]
        if months is None:
            structure.fail('it needs "flatdemandmonths"')
        numbers = [month.whole() for month in months]
        for month, number in zip(months, numbers, strict=True):
            if not 0 <= number < len(prices):
                month.fail(f"there is no period {number}, but {len(prices)}, from 0")
        for number, price in enumerate(prices):
            its = frozenset(m + 1 for m, each in enumerate(numbers) if each == number)
            if price and its:
                yield _charge(structure, price, [CalendarHours(months=its)], self._window())

    def _price_of_power(self, period: JsonField, unit: str) -> float:
        said = self.get(unit)
        if said is not None and said.text() != "kW":
            said.fail(f"peaks in {said.text()!r} are not read; 'kW' is")
        tiers = self._tiers(period, ("kW",))
        if len(tiers) > 1:
            period.fail("tiers of power are not read; a peak has one price")
        return tiers[0].price

    def _window(self) -> int | None:
        window = self.get("demandwindow")
        if window is None or not window.number():
            reading = "no demandwindow: a peak is that of a step of the meters"
            if reading not in self.readings:
                self.readings.append(reading)
            return None
        return window.whole()

    def _fees(self, in_game: bool) -> list[FixedFee]:
        """Return the fixed charges; with a minimum of everything they are in the game, too."""
        if self.number("fixedchargeeaaddl"):
            self.readings.append("one meter is billed: the charge of further meters is not")
        if self.number("fixedchargefirstmeter") and self.number("fixedmonthlycharge"):
            # One is the name of the other in an earlier version of the database.
            self.need("fixedmonthlycharge").fail("there is fixedchargefirstmeter, too")
        fees: list[FixedFee] = []
        for name, units in (
            ("fixedchargefirstmeter", "fixedchargeunits"),
            ("fixedmonthlycharge", ""),
        ):
            price = self.number(name)
            if price:
                per, n_parts = self._unit(units)
                if n_parts > 1:
                    self.readings.append("a charge of a year is paid in twelve equal parts")
                fees.append(
                    FixedFee(
                        label="fixed charge",
                        price=price / n_parts,
                        per=per,
                        in_game=in_game,
                    )
                )
        return fees

    def _unit(self, name: str) -> tuple[Literal["month", "day"], int]:
        """Return of which time a charge is, and how many parts of it are paid."""
        found = self.get(name) if name else None
        if found is None:
            return "month", 1
        known: dict[str, tuple[Literal["month", "day"], int]] = {
            "$/month": ("month", 1),
            "$/day": ("day", 1),
            "$/year": ("month", 12),
        }
        text = found.text()
        return known[text] if text in known else found.fail(f"{text!r} is none of {list(known)}")

    def _minimum(self) -> float | None:
        found = [self.number(name) for name in ("mincharge", "minmonthlycharge")]
        if not any(found):
            return None
        if all(found):
            self.need("minmonthlycharge").fail("there is mincharge, too")
        if found[0] and self._unit("minchargeunits") != ("month", 1):
            self.need("minchargeunits").fail("a minimum of a day or a year is not read")
        self.readings.append("the minimum is of all charges of a month, the fixed one among them")
        return sum(found)

    def _credit(self, net_metering: Netting | None) -> Netting | None:
        rules, older = self.get("dgrules"), self.get("usenetmetering")
        if older is not None and not isinstance(older.value, bool):
            older.fail(f"{older.value!r} is not true or false")
        is_net = older is not None and older.value is True
        if rules is not None:
            if rules.text() not in ("Net Metering", "Net Billing Instantaneous"):
                rules.fail(f"{rules.text()!r} is not read")
            is_net = rules.text() == "Net Metering"
        if is_net and net_metering is None:
            (rules or older or self.field).fail(
                "the file does not say over which time energy is netted: give net_metering, "
                '"net per month" or "net per year"'
            )
        if net_metering is not None and not is_net:
            self.field.fail("net_metering is given, but the rate has none")
        return net_metering

    def _dates(self) -> tuple[datetime.date | None, datetime.date | None]:
        """Return the first day and the one after the last."""
        first, last = self.get("startdate"), self.get("enddate")
        return (
            None if first is None else _day(first),
            None if last is None else _day(last) + datetime.timedelta(1),
        )


def _charge(
    field: JsonField, price: float, hours: list[CalendarHours], window: int | None
) -> DemandCharge:
    """Return a charge on the peaks of some hours, or say of what it is none."""
    first, *rest = hours
    try:
        return DemandCharge(
            price_per_kw=price,
            start_minute=first.start_minute,
            end_minute=first.end_minute,
            days=first.days,
            months=first.months,
            also=tuple(rest),
            mean_minutes=window,
        )
    except GameError as error:
        return field.fail(str(error))


def _day(field: JsonField) -> datetime.date:
    """Return the day of a time in seconds; midnight in America is a morning of UTC."""
    seconds = field.whole()
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date()
    except (OverflowError, ValueError, OSError):
        field.fail(f"{seconds} is no time in seconds since 1970")


def _is_something(value: object) -> bool:
    """Return whether a value is neither nothing nor zeros."""
    if isinstance(value, list):
        return any(map(_is_something, value))
    if isinstance(value, dict):
        return any(map(_is_something, value.values()))
    return bool(value)
