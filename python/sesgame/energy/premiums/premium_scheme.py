"""The rates of a premium on shared energy: data with a date and a source, read from JSON files."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from importlib.resources import as_file, files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.clock import as_date
from sesgame.energy.validity import Validity
from sesgame.errors import GameError
from sesgame.files.json_fields import JsonField
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PowerClass", "PremiumPlant", "PremiumScheme"]

_KEYS = (
    "name",
    "country",
    "currency",
    "valid_from",
    "valid_until",
    "as_of",
    "sources",
    "read_from",
    "reference_price_per_mwh",
    "power_classes",
    "zones",
    "corrections_per_mwh",
    "grants",
    "set_apart",
)

KWH_PER_MWH = 1000


@dataclass(frozen=True)
class PowerClass:
    """Plants of one size, and what premium they have.

    Attributes
    ----------
    name : str
    up_to_kw : float
        The largest power that belongs to it.
    base_per_kwh, cap_per_kwh : float
        The premium where energy is dear, and the most that cheap energy makes of it.
    """

    name: str
    up_to_kw: float
    base_per_kwh: float
    cap_per_kwh: float


@checked_fields
@dataclass(frozen=True, kw_only=True)
class PremiumPlant:
    """What a premium has to know of a plant.

    Parameters
    ----------
    power_kw : float
        Its nominal power, above 0.
    zone : str
        One of the zones of the scheme.
    technology : str
        One of those of the scheme.
    grant : float, default 0
        Which part of its investment a grant has paid, in [0, 1].

    Raises
    ------
    GameError
        The power or the grant is no such number.

    Examples
    --------
    >>> PremiumPlant(power_kw=100, zone="north", technology="photovoltaic").grant
    0.0
    """

    power_kw: float
    zone: str
    technology: str
    grant: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.power_kw) and self.power_kw > 0):
            raise GameError(f"power_kw of a plant is {self.power_kw}; it must be above 0")
        if not 0 <= self.grant <= 1:
            raise GameError(
                f"grant of a plant is {self.grant}; it is a part of the investment, in [0, 1]"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class PremiumScheme(ByValue):
    r"""The rates of a premium on shared energy, as a law has them at a date.

    .. math:: \tau = \bigl( \min(\text{cap},\ \text{base} + (\text{reference} - P_z)^+)
              + \text{correction} \bigr) (1 - F)

    with the hourly zonal price :math:`P_z`, base and cap of the plant's power class, the correction
    of its zone and technology, and a factor F that falls due where a grant paid for a part of it.

    Read from a file: :meth:`from_json`, or :meth:`shipped` for those that come along.

    Attributes
    ----------
    name, country, currency : str
    valid_from, valid_until : date or None
        On which days the rates hold: from the first to the day before the last.
    as_of : date
        Up to which date the sources were followed.
    sources : tuple of str
        Each with its date.
    read_from : str
        How the sources were read.
    reference_price_per_kwh : float
        Below it a premium rises as the zonal price falls.
    power_classes : tuple of PowerClass
        By power, from the smallest.
    zones : tuple of str
    corrections_per_kwh : dict of (str, str) to float
        Of each technology and zone, added after the cap.
    largest_grant, reduction_at_largest_grant : float
        F grows in proportion to the grant, up to these.
    exempt : str
        Whose withdrawal has no F, in words.
    threshold_without_grant, threshold_with_grant : float
        Which part of what plants feed in may be shared before money is set apart.
    set_apart_for : str
        Whom it is set apart for, in words.

    Examples
    --------
    >>> import sesgame as sg
    >>> italy = sg.energy.PremiumScheme.shipped("italy_2024")
    >>> plant = sg.energy.PremiumPlant(power_kw=100, zone="north", technology="photovoltaic")
    >>> italy.per_kwh(plant, [0.150, 0.120]).round(3).tolist()
    [0.12, 0.13]
    """

    name: str
    country: str
    currency: str
    valid_from: datetime.date | None
    valid_until: datetime.date | None
    as_of: datetime.date
    sources: tuple[str, ...]
    read_from: str
    reference_price_per_kwh: float
    power_classes: tuple[PowerClass, ...]
    zones: tuple[str, ...]
    corrections_per_kwh: dict[tuple[str, str], float]
    largest_grant: float
    reduction_at_largest_grant: float
    exempt: str
    threshold_without_grant: float
    threshold_with_grant: float
    set_apart_for: str

    @classmethod
    @checked_arguments
    def shipped(cls, name: str) -> PremiumScheme:
        """Return a scheme that comes along.

        Parameters
        ----------
        name : {"italy_2024"}
            ``italy_2024``: the decree of 7 December 2023, with the operating rules as of 2025.

        Raises
        ------
        GameError
            There is none of that name.
        """
        data = files("sesgame.energy.premiums") / "data"
        known = sorted(
            entry.name.removesuffix(".json")
            for entry in data.iterdir()
            if entry.name.endswith(".json")
        )
        if name not in known:
            raise GameError(f"there is no scheme {name!r}; there are {', '.join(known)}")
        with as_file(data / f"{name}.json") as path:
            return cls.from_json(path)

    @classmethod
    @checked_arguments
    def from_json(cls, path: str | PathLike[str]) -> PremiumScheme:
        """Read a scheme from a file in the form of those that come along.

        Parameters
        ----------
        path : path
            JSON; ``docs/concepts/premiums.md`` describes its fields. Prices are per MWh.

        Raises
        ------
        GameError
            The file cannot be read, a field is missing, unknown or of another type, classes are out
            of order, a zone has no correction, a part is not in [0, 1], or no source is named; with
            file and field.
        """
        field = JsonField.read(Path(path))
        field.only(_KEYS)
        first, end = (_day(field, name) for name in ("valid_from", "valid_until"))
        try:
            Validity(first, end)
        except GameError as error:
            field.fail(f"when the rates hold: {error}")
        sources = tuple(_source(source) for source in field.need("sources").items())
        if not sources:
            field.need("sources").fail("rates need a source with its date; the list is empty")
        zones = field.need("zones")
        for zone in zones.names():
            zones.need(zone).text()
        grants, apart = field.need("grants"), field.need("set_apart")
        grants.only(("largest", "reduction_at_largest", "exempt"))
        apart.only(("threshold_without_grant", "threshold_with_grant", "for"))
        return cls(
            name=field.need("name").text(),
            country=field.need("country").text(),
            currency=field.need("currency").text(),
            valid_from=first,
            valid_until=end,
            as_of=field.need("as_of").as_(as_date, "a date like 2024-01-24"),
            sources=sources,
            read_from=field.need("read_from").text(),
            reference_price_per_kwh=_per_kwh(field.need("reference_price_per_mwh")),
            power_classes=_classes(field.need("power_classes")),
            zones=tuple(zones.names()),
            corrections_per_kwh=_corrections(field.need("corrections_per_mwh"), zones.names()),
            largest_grant=_part(grants.need("largest")),
            reduction_at_largest_grant=_part(grants.need("reduction_at_largest")),
            exempt=grants.need("exempt").text(),
            threshold_without_grant=_part(apart.need("threshold_without_grant")),
            threshold_with_grant=_part(apart.need("threshold_with_grant")),
            set_apart_for=apart.need("for").text(),
        )

    @property
    def technologies(self) -> tuple[str, ...]:
        """Those that have corrections."""
        return tuple(dict.fromkeys(technology for technology, _ in self.corrections_per_kwh))

    def power_class(self, plant: PremiumPlant) -> PowerClass:
        """Return the class of a plant.

        Raises
        ------
        GameError
            It is larger than all of them.
        """
        for power_class in self.power_classes:
            if plant.power_kw <= power_class.up_to_kw:
                return power_class
        largest = self.power_classes[-1].up_to_kw
        raise GameError(f"a plant of {plant.power_kw:g} kW has no premium; up to {largest:g} kW do")

    def per_kwh(self, plant: PremiumPlant, zonal_price_per_kwh: ArrayLike) -> NDArray[np.float64]:
        r"""Return the premium of a plant at zonal prices, before the factor of a grant.

        Parameters
        ----------
        plant : PremiumPlant
        zonal_price_per_kwh : array_like of float
            Of any shape; prices may be negative.

        Returns
        -------
        ndarray of float
            :math:`\min(\text{cap}, \text{base} + (\text{reference} - P_z)^+)` and the correction,
            of the same shape, for each kWh.

        Raises
        ------
        GameError
            The plant is larger than all classes, or of an unknown zone or technology.
        """
        power_class = self.power_class(plant)
        if plant.zone not in self.zones:
            known = ", ".join(self.zones)
            raise GameError(f"{plant.zone!r} is no zone of {self.name!r}, which has {known}")
        if plant.technology not in self.technologies:
            known = ", ".join(self.technologies)
            raise GameError(
                f"{plant.technology!r} is no technology of {self.name!r}, which has {known}"
            )
        cheap = np.maximum(self.reference_price_per_kwh - np.asarray(zonal_price_per_kwh), 0.0)
        premium: NDArray[np.float64] = (
            np.minimum(power_class.cap_per_kwh, power_class.base_per_kwh + cheap)
            + self.corrections_per_kwh[plant.technology, plant.zone]
        )
        return premium

    def grant_reduction(self, plant: PremiumPlant) -> float:
        """Return the factor F by which a grant lowers the premium of a plant.

        Raises
        ------
        GameError
            The grant is larger than any that may be combined with the premium.
        """
        if plant.grant > self.largest_grant:
            raise GameError(
                f"a grant of {plant.grant:g} of the investment has no premium; up to "
                f"{self.largest_grant:g} do"
            )
        if plant.grant == 0:
            return 0.0
        return self.reduction_at_largest_grant * plant.grant / self.largest_grant

    def threshold(self, *, with_grant: bool) -> float:
        """Return which part of what plants feed in may be shared before money is set apart."""
        return self.threshold_with_grant if with_grant else self.threshold_without_grant

    def __repr__(self) -> str:
        return f"PremiumScheme({self.name!r}, as of {self.as_of})"


def _day(field: JsonField, name: str) -> datetime.date | None:
    # Named, but open: null is said, and a missing line would be an oversight.
    if name not in field.names():
        field.fail(f'"{name}" is missing; it is a date, or null where there is none')
    found = field.get(name)
    return None if found is None else found.as_(as_date, "a date like 2024-01-24")


def _source(field: JsonField) -> str:
    field.only(("title", "date"))
    date = field.need("date").as_(as_date, "a date like 2024-01-24")
    title = field.need("title")
    if not title.text().strip():
        title.fail("a source without a title is none")
    return f"{title.text()} ({date})"


def _classes(field: JsonField) -> tuple[PowerClass, ...]:
    """Return the classes of power, from the smallest."""
    found: list[PowerClass] = []
    for item in field.items():
        item.only(("name", "up_to_kw", "base_per_mwh", "cap_per_mwh"))
        power_class = PowerClass(
            item.need("name").text(),
            item.need("up_to_kw").number(),
            _per_kwh(item.need("base_per_mwh")),
            _per_kwh(item.need("cap_per_mwh")),
        )
        smaller = found[-1].up_to_kw if found else 0.0
        if power_class.up_to_kw <= smaller:
            item.need("up_to_kw").fail(
                f"{power_class.up_to_kw:g} does not come after {smaller:g}: classes go up"
            )
        if not 0 <= power_class.base_per_kwh <= power_class.cap_per_kwh:
            item.fail("the base must be at least 0, and the cap no less than the base")
        found.append(power_class)
    if not found:
        field.fail("there is no power class")
    return tuple(found)


def _corrections(field: JsonField, zones: list[str]) -> dict[tuple[str, str], float]:
    """Return the correction of each technology and zone."""
    found: dict[tuple[str, str], float] = {}
    for technology in field.names():
        of_zones = field.need(technology)
        of_zones.only(zones)
        for zone in zones:
            correction = _per_kwh(of_zones.need(zone))
            if correction < 0:
                of_zones.need(zone).fail("a correction is at least 0")
            found[technology, zone] = correction
    if not found:
        field.fail("there is no technology with a zone")
    return found


def _per_kwh(field: JsonField) -> float:
    # Exactly, before it becomes a float.
    return float(field.decimal() / KWH_PER_MWH)


def _part(field: JsonField) -> float:
    found = field.number()
    return found if 0 <= found <= 1 else field.fail(f"{found:g} is no part, in [0, 1]")
