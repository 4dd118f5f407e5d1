"""Batteries, each with an owner, and what a community makes of them when it pools them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.dispatch.problem import Offers, Storage
from sesgame.energy.validity import ALWAYS, Validity
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    import datetime

    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["Battery", "Pool", "StorageOffer", "offers_of", "storage_of"]


SHARES = 1e-6
"""How far shares of a battery may be from 1 together; they are written with six digits or more."""

_OF_SIZE = (
    "energy_kwh",
    "power_kw",
    "initial_charge_kwh",
    "charge_power_kw",
    "discharge_power_kw",
)
"""What is divided where a battery is."""


@checked_fields
@dataclass(frozen=True, kw_only=True)
class Battery:
    """One battery.

    Parameters
    ----------
    owner : str
        The member who brings it into every coalition it joins; an operator without meters is a
        member like any other.
    energy_kwh : float
        Usable capacity, at least 0.
    power_kw : float
        The most that it draws, and the most that it delivers; at least 0.
    charge_power_kw, discharge_power_kw : float, default `power_kw`
        The most that it draws, or delivers, where that is less; from 0 to `power_kw`.
    charge_efficiency, discharge_efficiency : float
        Stored for each kWh drawn, and delivered for each kWh taken out; in (0, 1].
    initial_charge_kwh : float, default 0
        Stored at the beginning; what is stored at the end must not be less.
    degradation_cost_per_kwh : float, default 0
        For each kWh discharged, in the currency of the tariff; at least 0.
    valid_from, valid_until : date, optional
        The first day on which it is there, with its initial charge, and the first on which it no
        longer is; always by default. What it holds goes with it: a dispatch leaves it no less than
        it came with.

    Raises
    ------
    GameError
        A number is out of its range, there is no owner, or it goes before it comes.

    Examples
    --------
    >>> Battery(
    ...     owner="ann", energy_kwh=10, power_kw=5, charge_efficiency=0.9, discharge_efficiency=0.9
    ... ).round_trip_efficiency
    0.81
    """

    owner: Hashable
    energy_kwh: float
    power_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    initial_charge_kwh: float = 0.0
    degradation_cost_per_kwh: float = 0.0
    charge_power_kw: float | None = None
    discharge_power_kw: float | None = None
    valid_from: datetime.date | None = None
    valid_until: datetime.date | None = None

    def __post_init__(self) -> None:
        if self.owner is None or self.owner == "":
            raise GameError(
                f"owner of the battery of {self.energy_kwh} kWh must be a member, got "
                f"{self.owner!r}; an operator is then a member without meters. Without an owner "
                f"nobody could leave with it, and no split of the costs would be stable"
            )
        name = f"the battery of {self.owner}"
        _check_amounts(
            name,
            self,
            ("energy_kwh", "power_kw", "initial_charge_kwh", "degradation_cost_per_kwh"),
        )
        _check_efficiencies(name, self)
        for quantity in ("charge_power_kw", "discharge_power_kw"):
            power_kw = getattr(self, quantity)
            if power_kw is not None and not 0 <= power_kw <= self.power_kw:
                raise GameError(
                    f"{name}: {quantity} must be from 0 to power_kw, {self.power_kw}, got "
                    f"{power_kw}"
                )
        if self.initial_charge_kwh > self.energy_kwh:
            raise GameError(
                f"{name}: initial_charge_kwh must be at most energy_kwh, {self.energy_kwh}, "
                f"got {self.initial_charge_kwh}"
            )
        try:
            days = self.validity
        except GameError as error:
            raise GameError(f"{name}: {error}") from error
        object.__setattr__(self, "valid_from", days.valid_from)
        object.__setattr__(self, "valid_until", days.valid_until)

    @classmethod
    def shared(cls, shares: Mapping[str, float], **whole: object) -> tuple[Battery, ...]:
        """Return the parts of one battery that several members own.

        Whoever is in a coalition brings its part of capacity, powers and charge. Parts of one
        battery run as one, so that all owners together have the whole of it.

        Parameters
        ----------
        shares : mapping of member to float
            Each in (0, 1]; they add up to 1.
        **whole
            The battery's other fields, of the whole.

        Raises
        ------
        GameError
            There are no shares, one is not in (0, 1], they do not add up to 1, or as for a battery.

        Examples
        --------
        >>> parts = Battery.shared(
        ...     {"ann": 0.75, "bob": 0.25},
        ...     energy_kwh=10,
        ...     power_kw=4,
        ...     charge_efficiency=0.9,
        ...     discharge_efficiency=0.9,
        ... )
        >>> [(part.owner, part.energy_kwh, part.power_kw) for part in parts]
        [('ann', 7.5, 3.0), ('bob', 2.5, 1.0)]
        """
        for owner, share in shares.items():
            if not 0 < share <= 1:
                raise GameError(
                    f"the share of {owner!r} in a battery must be in (0, 1], got {share}"
                )
        total = math.fsum(shares.values())
        # Thirds and sevenths are written with some digits.
        if abs(total - 1.0) > SHARES:
            raise GameError(f"the shares in a battery add up to {total:g}, not 1: {dict(shares)}")
        parted = [name for name in _OF_SIZE if whole.get(name) is not None]
        return tuple(
            cls(owner=owner, **{**whole, **{name: whole[name] * share for name in parted}})  # type: ignore[arg-type, operator]
            for owner, share in shares.items()
        )

    @property
    def validity(self) -> Validity:
        """The days on which it is there."""
        return Validity(self.valid_from, self.valid_until)

    @property
    def can_store(self) -> bool:
        """Whether it has capacity and can be charged; no more is taken out than is put in."""
        return self.energy_kwh > 0 and self.powers_kw[0] > 0

    @property
    def powers_kw(self) -> tuple[float, float]:
        """The most that it draws, and the most that it delivers."""
        charge, discharge = (
            self.power_kw if power_kw is None else power_kw
            for power_kw in (self.charge_power_kw, self.discharge_power_kw)
        )
        return charge, discharge

    @property
    def round_trip_efficiency(self) -> float:
        """Delivered for each kWh drawn."""
        return self.charge_efficiency * self.discharge_efficiency


@checked_fields
@dataclass(frozen=True, kw_only=True)
class StorageOffer:
    """Storage that any coalition may buy for itself, as much as pays.

    Parameters
    ----------
    name : str
        For results.
    price_per_kwh_year, price_per_kw_year : float
        The annualised price of energy capacity and of power, in the currency of the tariff; at
        least 0, and not both 0. A dispatch of a shorter period pays its part of the year of 8,760
        hours.
    charge_efficiency, discharge_efficiency, degradation_cost_per_kwh
        As of a :class:`Battery`.

    Raises
    ------
    GameError
        A number is out of its range.

    Examples
    --------
    >>> StorageOffer(
    ...     name="lithium",
    ...     price_per_kwh_year=25,
    ...     price_per_kw_year=10,
    ...     charge_efficiency=0.95,
    ...     discharge_efficiency=0.95,
    ... ).price_per_kwh_year
    25
    """

    name: str
    price_per_kwh_year: float
    price_per_kw_year: float
    charge_efficiency: float
    discharge_efficiency: float
    degradation_cost_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        name = f"the storage offer {self.name!r}"
        _check_amounts(
            name, self, ("price_per_kwh_year", "price_per_kw_year", "degradation_cost_per_kwh")
        )
        _check_efficiencies(name, self)
        if not (self.price_per_kwh_year or self.price_per_kw_year):
            raise GameError(f"{name} is for nothing; one of its prices must be above 0")


@dataclass(frozen=True, eq=False)
class Pool(ByValue):
    r"""The batteries of a community run as one: what each member adds to it.

    Batteries without capacity or without power add nothing.

    Notes
    -----
    Capacity, powers and charge of the pool are sums. Where all batteries have the same
    efficiencies, wear and hours to fill and to empty (energy over power), and are equally full at
    the beginning, that is exact: the schedule of the pool can be dealt out to them in proportion.
    Otherwise the pool can do a little more than its batteries, of which one may be full while
    another still has power. It costs no coalition less by more than a share of what storage saves
    it,

    .. math:: \frac{\sqrt\rho - 1}{\sqrt\rho + 1},

    where the hours are within a factor :math:`\rho` of each other and all are empty or equally full
    at the beginning; hours of filling, emptying, charge and room count apart where they are not. A
    pool is the default up to a hundredth, and :meth:`Community.description` says how much it is.
    Like a linear program of each battery, a pool may charge and discharge at once where prices are
    negative.
    """

    energy_kwh: NDArray[np.float64]
    charge_power_kw: NDArray[np.float64]
    discharge_power_kw: NDArray[np.float64]
    initial_charge_kwh: NDArray[np.float64]
    charge_efficiency: float
    discharge_efficiency: float

    @classmethod
    def of(cls, batteries: Sequence[Battery], members: Sequence[str]) -> Pool:
        """Return what each member adds, arrays of shape (n,).

        Raises
        ------
        GameError
            Two batteries have different efficiencies: then no single battery stands for them.
        """
        usable = [battery for battery in batteries if battery.can_store]
        efficiencies = (1.0, 1.0)
        if usable:
            first = usable[0]
            efficiencies = (first.charge_efficiency, first.discharge_efficiency)
            for other in usable[1:]:
                if (other.charge_efficiency, other.discharge_efficiency) != efficiencies:
                    raise GameError(
                        f"the batteries of {first.owner} and {other.owner} have different "
                        f"efficiencies (charging {first.charge_efficiency} and "
                        f"{other.charge_efficiency}, discharging {first.discharge_efficiency} and "
                        f"{other.discharge_efficiency}); the pooled battery needs the same for "
                        f"all. Give all of them their average, or leave them out with "
                        f'model="netting"'
                    )
        storage = storage_of(usable, members)
        brought = storage.brought(storage.usable, len(members))
        return cls(*brought, *efficiencies)


def storage_of(
    batteries: Sequence[Battery],
    members: Sequence[str],
    steps: TimeSteps | None = None,
    membership: Mapping[Any, Validity] | None = None,
) -> Storage:
    """Return batteries as a dispatch model takes them.

    Parameters
    ----------
    batteries : sequence of Battery
    members : sequence of str
        Their owners among them.
    steps : TimeSteps, optional
        By which they come and go; without them they are there in one step.
    membership : mapping of str to Validity, optional
        When their owners are members; always by default.

    Raises
    ------
    GameError
        A day on which one comes or goes begins inside a step.
    """
    numbers: dict[Hashable, int] = {member: number for number, member in enumerate(members)}
    quantities = (
        "energy_kwh",
        "initial_charge_kwh",
        "charge_efficiency",
        "discharge_efficiency",
        "degradation_cost_per_kwh",
    )
    powers_kw = np.array([battery.powers_kw for battery in batteries]).reshape(-1, 2)
    days = [
        (battery.validity, (membership or {}).get(battery.owner, ALWAYS)) for battery in batteries
    ]
    there = [
        (slice(0, 1),) if steps is None else [each.steps(steps) for each in own] for own in days
    ]
    return Storage(
        owner=np.array([numbers[battery.owner] for battery in batteries], dtype=np.intp),
        charge_power_kw=powers_kw[:, 0],
        discharge_power_kw=powers_kw[:, 1],
        first_step=np.array([max(part.start for part in parts) for parts in there], dtype=np.int64),
        end_step=np.array([min(part.stop for part in parts) for parts in there], dtype=np.int64),
        **{name: _column(batteries, name) for name in quantities},
    )


def offers_of(offers: Sequence[StorageOffer]) -> Offers:
    """Return storage to buy as a dispatch model takes it."""
    prices = [(offer.price_per_kwh_year, offer.price_per_kw_year) for offer in offers]
    quantities = ("charge_efficiency", "discharge_efficiency", "degradation_cost_per_kwh")
    return Offers(
        names=tuple(offer.name for offer in offers),
        price_per_year=np.array(prices, dtype=np.float64).reshape(-1, 2),
        **{name: _column(offers, name) for name in quantities},
    )


def _column(storage: Sequence[Battery | StorageOffer], name: str) -> NDArray[np.float64]:
    return np.array([getattr(item, name) for item in storage], dtype=np.float64)


def _check_amounts(name: str, storage: object, quantities: tuple[str, ...]) -> None:
    for quantity in quantities:
        value = getattr(storage, quantity)
        if not (np.isfinite(value) and value >= 0):
            raise GameError(f"{name}: {quantity} must be non-negative, got {value}")


def _check_efficiencies(name: str, storage: object) -> None:
    for quantity in ("charge_efficiency", "discharge_efficiency"):
        value = getattr(storage, quantity)
        if not 0 < value <= 1:
            raise GameError(f"{name}: {quantity} must be in (0, 1], got {value}")
