"""The premium of a community on the public grid: shared energy by the hour, and what it earns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.premiums.premium_game import PremiumGame
from sesgame.energy.premiums.premium_scheme import PowerClass, PremiumPlant, PremiumScheme
from sesgame.energy.premiums.shared_energy_game import shared_energy_game
from sesgame.energy.premiums.whole_hours import by_hour, whole_hours
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.tariff import PriceSeries
from sesgame.energy.time_steps import Moment, TimeSteps
from sesgame.energy.validity import Validity
from sesgame.errors import AllocationError, GameError
from sesgame.formatting import count, short_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["ClassPremium", "SetApart", "SharingPremium", "sharing_premium"]


@dataclass(frozen=True, eq=False)
class ClassPremium(ByValue):
    """What plants of one size earn together, by hour.

    Attributes
    ----------
    power_class : PowerClass
    plants : tuple of str
        Their points.
    injected_kwh, shared_kwh, premium : ndarray of shape (H,)
        What they feed in, what of it is shared, and what that earns.
    """

    power_class: PowerClass
    plants: tuple[str, ...]
    injected_kwh: Array
    shared_kwh: Array
    premium: Array


@dataclass(frozen=True)
class SetApart:
    r"""What of the premium of plants under one substation belongs to some members only.

    With the part e of what they feed in that is shared, and the threshold h, it is
    :math:`(e - h)^+` of their premium.

    Attributes
    ----------
    substation : str
    with_grant : bool
        Whether these are the plants that a grant paid a part of, or the others.
    shared_part : float
        Of what they feed in in the period; 0 where they feed in nothing.
    threshold : float
    premium : float
        All that they earn.
    amount : float
        What is set apart of it.
    """

    substation: str
    with_grant: bool
    shared_part: float
    threshold: float
    premium: float
    amount: float


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SharingPremium(ByValue):
    """The premium on shared energy of a community, by hour, plant and class of size.

    Attributes
    ----------
    scheme : PremiumScheme
    world : PublicGrid
        The community in the period.
    hours : TimeSteps
        The H hours; 23 or 25 of a day on which the clock changes.
    substations : tuple of str
        The Z zones of the points.
    injected_kwh, withdrawn_kwh, shared_kwh : ndarray of shape (Z, H)
        What all points under a substation feed in and draw, and the lesser of the two.
    plants : dict of str to PremiumPlant
        The K points that may feed in, in the order of the points.
    exempt : tuple of str
        The points whose withdrawal has no factor of a grant.
    zonal_price_per_kwh : ndarray of shape (Z, H)
    plant_injected_kwh, plant_shared_kwh : ndarray of shape (K, H)
        What a plant feeds in, and what of it counts as shared: a part as large as of the others.
    premium_per_kwh : ndarray of shape (K, H)
        The premium on a shared kWh of each plant, after the factor of a grant.
    set_apart : tuple of SetApart
        By substation, for plants without and with a grant.
    readings : tuple of str
        What was chosen where the law leaves a choice, in sentences.
    """

    scheme: PremiumScheme
    world: PublicGrid
    hours: TimeSteps
    substations: tuple[str, ...]
    injected_kwh: Array
    withdrawn_kwh: Array
    shared_kwh: Array
    plants: dict[str, PremiumPlant]
    exempt: tuple[str, ...]
    zonal_price_per_kwh: Array
    plant_injected_kwh: Array
    plant_shared_kwh: Array
    premium_per_kwh: Array
    set_apart: tuple[SetApart, ...]
    readings: tuple[str, ...]

    @property
    def premium(self) -> Array:
        """What each plant's shared energy earns in each hour, shape (K, H)."""
        return self.plant_shared_kwh * self.premium_per_kwh

    @property
    def premium_by_hour(self) -> Array:
        """What is earned under each substation in each hour, shape (Z, H)."""
        earned = np.zeros_like(self.shared_kwh)
        np.add.at(earned, self.substation_of_plant, self.premium)
        return earned

    @property
    def substation_of_plant(self) -> NDArray[np.int64]:
        """The number of each plant's substation, shape (K,)."""
        zones = {point.name: point.zone for point in self.world.points}
        return np.array([self.substations.index(zones[name]) for name in self.plants], np.int64)

    @property
    def total(self) -> float:
        """All that is earned."""
        return float(self.premium.sum())

    @property
    def total_set_apart(self) -> float:
        """What of :attr:`total` is set apart for some members or ends."""
        return sum(part.amount for part in self.set_apart)

    @checked_arguments
    def taken_of_set_apart(self, shares: Allocation, excluded: Iterable[Hashable]) -> float:
        r"""Return how much of what is set apart members have who may have nothing of it.

        .. math:: \Bigl( \sum_{i \in \text{excluded}} x_i - (\text{total} - A) \Bigr)^+

        with all that is set apart, A. A division of the premium with 0 is in order.

        Parameters
        ----------
        shares : Allocation
            A division of :attr:`total` among the members.
        excluded : iterable of hashable
            The members for whom nothing is set apart, such as businesses.

        Raises
        ------
        AllocationError
            The shares are not of the members, do not add up to the premium, or somebody excluded is
            no member.

        Examples
        --------
        >>> import numpy as np
        >>> import sesgame as sg
        >>> point, flat = sg.energy.MeteringPoint, sg.energy.Tariff.flat
        >>> world = sg.energy.PublicGrid(
        ...     points=[
        ...         point(name="p1", member="farm", contract="any", export_kwh=[10.0]),
        ...         point(name="p2", member="home", contract="any", import_kwh=[10.0]),
        ...     ],
        ...     steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
        ...     contracts=[sg.energy.Contract(name="any", energy=flat(0.30, 0.08))],
        ... )
        >>> farm = sg.energy.PremiumPlant(power_kw=50, zone="south", technology="photovoltaic")
        >>> premium = sg.energy.sharing_premium(
        ...     world,
        ...     sg.energy.PremiumScheme.shipped("italy_2024"),
        ...     plants={"p1": farm},
        ...     zonal_price_per_kwh=0.20,
        ... )
        >>> half = sg.shapley_value(premium.game())
        >>> round(premium.total_set_apart, 3), premium.taken_of_set_apart(half, ["farm"])
        (0.36, 0.0)
        >>> most = sg.energy.premium_shares(premium, "by use", part_of_plants=0.7)
        >>> round(premium.taken_of_set_apart(most, ["farm"]), 3)
        0.12
        """
        if shares.kind != "gain" or set(shares.players) != set(self.world.members):
            raise AllocationError(
                f"the shares must be gains of {short_coalition(self.world.members)}, got "
                f"{shares.kind}s of {short_coalition(tuple(shares.players))}"
            )
        if abs(float(shares.values.sum()) - self.total) > shares.tolerance:
            raise AllocationError(
                f"the shares add up to {float(shares.values.sum()):g}, and the premium is "
                f"{self.total:g}"
            )
        theirs = 0.0
        for member in dict.fromkeys(excluded):
            if member not in self.world.members:
                raise AllocationError(
                    f"{member!r} is not a member; the members are "
                    f"{short_coalition(self.world.members)}"
                )
            theirs += shares[member]
        return max(0.0, theirs - (self.total - self.total_set_apart))

    @property
    def by_class(self) -> tuple[ClassPremium, ...]:
        """What plants of each class earn together; classes without a plant are left out."""
        earned, names, found = self.premium, list(self.plants), []
        for power_class in self.scheme.power_classes:
            rows = [
                row
                for row, plant in enumerate(self.plants.values())
                if self.scheme.power_class(plant) == power_class
            ]
            if rows:
                found.append(
                    ClassPremium(
                        power_class,
                        tuple(names[row] for row in rows),
                        self.plant_injected_kwh[rows].sum(axis=0),
                        self.plant_shared_kwh[rows].sum(axis=0),
                        earned[rows].sum(axis=0),
                    )
                )
        return tuple(found)

    def member_energy(self) -> tuple[Array, Array]:
        """Return what each member feeds in and draws, by substation and hour.

        Returns
        -------
        injected_kwh, withdrawn_kwh : ndarray of shape (n, Z, H)
        """
        world, shape = self.world, (len(self.world.members), *self.shared_kwh.shape)
        row = {member: number for number, member in enumerate(world.members)}
        zone = {name: number for number, name in enumerate(self.substations)}
        injected, withdrawn = np.zeros(shape), np.zeros(shape)
        n_hours = self.hours.n_steps
        for point in world.points:
            place = row[point.member], zone[point.zone]
            injected[place] += by_hour(point.export_kwh, n_hours)
            withdrawn[place] += by_hour(point.import_kwh, n_hours)
        return injected, withdrawn

    def game(self) -> Game:
        """Return the game of the premium that coalitions would earn by themselves.

        Returns
        -------
        Game
            ``kind="gain"``; all members together earn :attr:`total`. Where all plants under a
            substation have one premium in each hour, it is that of
            :func:`~sesgame.energy.shared_energy_game`, native and totally balanced. Where they
            differ, or some withdrawal is exempt from the factor of a grant, each coalition's hours
            are divided among its plants as those of all are: a value costs O(n Z H) in NumPy, and
            the game need not be balanced.
        """
        injected, withdrawn = self.member_energy()
        members = self.world.members
        rates = self._one_rate()
        if rates is not None:
            flat = len(members), -1
            return shared_energy_game(
                injected.reshape(flat), withdrawn.reshape(flat), rates.ravel(), players=members
            )
        premium = self._premium_game(injected, withdrawn)
        return Game.from_function(members, premium, kind="gain", batched=True)

    def _one_rate(self) -> Array | None:
        """Return the premium under each substation by hour; None where plants differ in it."""
        if self.exempt and any(plant.grant for plant in self.plants.values()):
            return None  # who draws decides what a shared kWh earns
        place, rates = self.substation_of_plant, np.zeros_like(self.shared_kwh)
        feeds_in = self.plant_injected_kwh > 0
        for substation in range(len(self.substations)):
            own = place == substation
            here, fed_in = self.premium_per_kwh[own], feeds_in[own]
            highest = here.max(axis=0, where=fed_in, initial=0.0)
            if (fed_in & (here != highest)).any():
                return None
            rates[substation] = highest
        return rates

    def _premium_game(self, injected: Array, withdrawn: Array) -> PremiumGame:
        world, scheme, n_hours = self.world, self.scheme, self.hours.n_steps
        row = {member: number for number, member in enumerate(world.members)}
        zone = {name: number for number, name in enumerate(self.substations)}
        exempt = np.zeros_like(withdrawn)
        earned, taken = np.zeros_like(withdrawn), np.zeros_like(withdrawn)
        for point in world.points:
            place = row[point.member], zone[point.zone]
            if point.name in self.exempt:
                exempt[place] += by_hour(point.import_kwh, n_hours)
            if point.name in self.plants:
                plant = self.plants[point.name]
                gross = scheme.per_kwh(plant, self.zonal_price_per_kwh[place[1]])
                gross = gross * by_hour(point.export_kwh, n_hours)
                reduction = scheme.grant_reduction(plant)
                earned[place] += gross * (1 - reduction)
                taken[place] += gross * reduction
        # In other hours no coalition shares anything.
        shares = self.shared_kwh > 0
        return PremiumGame(*(e[:, shares] for e in (withdrawn, exempt, injected, earned, taken)))

    def __repr__(self) -> str:
        return (
            f"SharingPremium({self.total:,.2f} {self.scheme.currency} on "
            f"{float(self.shared_kwh.sum()):,.1f} kWh of {count(self.hours.n_steps, 'hour')}, "
            f"{self.total_set_apart:,.2f} set apart)"
        )


@checked_arguments
def sharing_premium(
    world: PublicGrid,
    scheme: PremiumScheme,
    *,
    plants: Mapping[str, PremiumPlant],
    zonal_price_per_kwh: PriceSeries | ArrayLike | Mapping[str, PriceSeries | ArrayLike],
    exempt: Iterable[str] = (),
    start: Moment | None = None,
    end: Moment | None = None,
) -> SharingPremium:
    r"""Return the premium on the energy that a community shares, by the hour.

    Under each substation, the zone of points, what is shared in an hour is the lesser of what all
    feed in and all draw,

    .. math:: E_h = \min\Bigl( \sum_p g_{ph}, \sum_p d_{ph} \Bigr), \qquad
              \text{premium} = \sum_{h, k} \tau_{kh} E_h \frac{g_{kh}}{\sum_p g_{ph}}

    with the rates :math:`\tau` of :class:`PremiumScheme`. Bills stay as they are.

    Parameters
    ----------
    world : PublicGrid
        Its steps are parts of an hour, and make whole hours; what they hold is added up.
    scheme : PremiumScheme
    plants : mapping of str to PremiumPlant
        Each point that feeds in, by name.
    zonal_price_per_kwh : PriceSeries, array_like of shape () or (H,), or mapping of str to either
        The market's price of each hour, :math:`P_z`; by substation where it differs. Buy and sell
        price of a series are the same.
    exempt : iterable of str, optional
        Points whose withdrawal has no factor of a grant; by the hour it falls to each plant as the
        part that they draw of all.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.

    Returns
    -------
    SharingPremium

    Raises
    ------
    GameError
        Steps do not make whole hours, the scheme does not hold on all of them or is in another
        currency, or there are batteries to be dispatched. A point feeds in
        and is no plant, or a plant is no point, is of an unknown zone or technology, or larger than
        all classes. A zonal price is missing, not finite, or of another number of hours.

    Notes
    -----
    O(P T) for P points. How an hour's shared energy falls to several plants is not said by the
    sources: here in proportion to what they feed in. Thresholds hold for what is shared of what is
    fed in over a year; of another period the result says so.

    References
    ----------
    The shipped rates: decree of 7 December 2023 [mase2023]_, operating rules [gse2025]_.

    Examples
    --------
    A roof of 50 kW in the north shares 6 of its 10 kWh with a school, more than the threshold:

    >>> import numpy as np
    >>> import sesgame as sg
    >>> point, flat = sg.energy.MeteringPoint, sg.energy.Tariff.flat
    >>> world = sg.energy.PublicGrid(
    ...     points=[
    ...         point(name="p1", member="roof", contract="any", export_kwh=[8.0, 2.0]),
    ...         point(name="p2", member="school", contract="any", import_kwh=[4.0, 5.0]),
    ...     ],
    ...     steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 2),
    ...     contracts=[sg.energy.Contract(name="any", energy=flat(0.30, 0.08))],
    ... )
    >>> roof = sg.energy.PremiumPlant(power_kw=50, zone="north", technology="photovoltaic")
    >>> found = sg.energy.sharing_premium(
    ...     world,
    ...     sg.energy.PremiumScheme.shipped("italy_2024"),
    ...     plants={"p1": roof},
    ...     zonal_price_per_kwh=[0.15, 0.10],
    ... )
    >>> found
    SharingPremium(0.74 EUR on 6.0 kWh of 2 hours, 0.04 set apart)
    >>> sg.shapley_value(found.game()).values.round(2).tolist()
    [0.37, 0.37]
    """
    part = world.period(start, end)
    if part.batteries:
        raise GameError(
            "a world with batteries to be dispatched has no premium: what is shared is metered; "
            "give the points as they were metered"
        )
    if part.currency != scheme.currency:
        raise GameError(
            f"the contracts are in {part.currency}, and {scheme.name!r} is in {scheme.currency}"
        )
    hours = whole_hours(part.steps)
    _check_validity(scheme, hours)
    described = _described(part, scheme, plants)
    spared = _exempt(part, exempt)
    zones, n_hours = part.zones, hours.n_steps
    place = {zone: number for number, zone in enumerate(zones)}
    shape = (len(zones), n_hours)
    injected, withdrawn, free = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    by_plant = np.zeros((len(described), n_hours))
    row = {name: number for number, name in enumerate(described)}
    for point in part.points:
        fed_in, drawn = by_hour(point.export_kwh, n_hours), by_hour(point.import_kwh, n_hours)
        injected[place[point.zone]] += fed_in
        withdrawn[place[point.zone]] += drawn
        if point.name in spared:
            free[place[point.zone]] += drawn
        if point.name in row:
            by_plant[row[point.name]] = fed_in
    price = np.array(_zonal_prices(zonal_price_per_kwh, zones, hours))
    zone_of = {point.name: place[point.zone] for point in part.points}
    home = np.array([zone_of[name] for name in described], dtype=np.int64)
    shared = np.minimum(injected, withdrawn)
    rate = np.zeros_like(by_plant)
    exempt_part = np.divide(free, withdrawn, out=np.zeros(shape), where=withdrawn > 0)
    for number, plant in enumerate(described.values()):
        reduced = scheme.grant_reduction(plant) * (1 - exempt_part[home[number]])
        rate[number] = scheme.per_kwh(plant, price[home[number]]) * (1 - reduced)
    of_all = np.divide(shared, injected, out=np.zeros(shape), where=injected > 0)
    by_plant_shared = by_plant * of_all[home]
    for array in (injected, withdrawn, shared, price, by_plant, by_plant_shared, rate):
        array.setflags(write=False)
    has_grant = np.array([plant.grant > 0 for plant in described.values()], dtype=np.bool_)
    return SharingPremium(
        scheme=scheme,
        world=part,
        hours=hours,
        substations=zones,
        injected_kwh=injected,
        withdrawn_kwh=withdrawn,
        shared_kwh=shared,
        plants=described,
        exempt=spared,
        zonal_price_per_kwh=price,
        plant_injected_kwh=by_plant,
        plant_shared_kwh=by_plant_shared,
        premium_per_kwh=rate,
        set_apart=tuple(
            _set_apart(scheme, zones, home, has_grant, (by_plant, by_plant_shared, rate))
        ),
        readings=_readings(part, hours, len(described), bool(has_grant.any() and spared)),
    )


def _set_apart(
    scheme: PremiumScheme,
    substations: tuple[str, ...],
    home: NDArray[np.int64],
    has_grant: NDArray[np.bool_],
    of_plants: tuple[Array, Array, Array],
) -> Iterator[SetApart]:
    """Yield what is set apart under each substation, of plants without and with a grant."""
    injected, shared, rate = of_plants
    for number, substation in enumerate(substations):
        for with_grant in (False, True):
            rows = (home == number) & (has_grant == with_grant)
            if rows.any():
                fed_in = float(injected[rows].sum())
                part = float(shared[rows].sum()) / fed_in if fed_in > 0 else 0.0
                threshold = scheme.threshold(with_grant=with_grant)
                premium = float((shared[rows] * rate[rows]).sum())
                # As the rules have it: points of the part, times all of the premium.
                amount = max(0.0, part - threshold) * premium
                yield SetApart(substation, with_grant, part, threshold, premium, amount)


def _check_validity(scheme: PremiumScheme, hours: TimeSteps) -> None:
    valid = Validity(scheme.valid_from, scheme.valid_until)
    outside = ~valid.holds(hours)
    if outside.any():
        raise GameError(
            f"the rates of {scheme.name!r} hold {valid.in_words}, and not at "
            f"{hours.time(int(np.argmax(outside)))}"
        )


def _described(
    world: PublicGrid, scheme: PremiumScheme, plants: Mapping[str, PremiumPlant]
) -> dict[str, PremiumPlant]:
    """Return the plants in the order of the points."""
    if not isinstance(plants, Mapping):
        raise GameError("plants must be a mapping of points to PremiumPlant")
    names = [point.name for point in world.points]
    for name, plant in plants.items():
        if name not in names:
            raise GameError(f"the plant {name!r} is no metering point")
        if not isinstance(plant, PremiumPlant):
            raise GameError(f"the plant {name!r} is {plant!r}, and no PremiumPlant")
        try:
            scheme.per_kwh(plant, 0.0)
            scheme.grant_reduction(plant)
        except GameError as error:
            raise GameError(f"the plant {name!r}: {error}") from error
    for point in world.points:
        if point.name not in plants and point.export_kwh.any():
            step = int(np.argmax(point.export_kwh > 0))
            raise GameError(
                f"the point {point.name!r} feeds in {point.export_kwh[step]:g} kWh at "
                f"{world.steps.time(step)}, and is no plant: say its power, zone and technology "
                f"in plants"
            )
    return {name: plants[name] for name in names if name in plants}


def _exempt(world: PublicGrid, exempt: Iterable[str]) -> tuple[str, ...]:
    spared = tuple(exempt)
    names = [point.name for point in world.points]
    for name in spared:
        if name not in names:
            raise GameError(f"exempt names {name!r}, which is no metering point")
    return tuple(dict.fromkeys(spared))


def _zonal_prices(
    given: PriceSeries | ArrayLike | Mapping[str, PriceSeries | ArrayLike],
    zones: tuple[str, ...],
    hours: TimeSteps,
) -> Array:
    """Return the market's price under each substation by hour, shape (Z, H)."""
    if not isinstance(given, Mapping):
        return np.broadcast_to(
            _zonal_price("zonal_price_per_kwh", given, hours), (len(zones), hours.n_steps)
        )
    for zone in given:
        if zone not in zones:
            known = ", ".join(map(repr, zones))
            raise GameError(f"a zonal price is of {zone!r}; the points are in {known}")
    for zone in zones:
        if zone not in given:
            raise GameError(f"there is no zonal price for the points in {zone!r}")
    return np.array([_zonal_price(f"the zonal price in {z!r}", given[z], hours) for z in zones])


def _zonal_price(what: str, given: PriceSeries | ArrayLike, hours: TimeSteps) -> Array:
    if isinstance(given, PriceSeries):
        buy, sell = given.prices(hours)
        if (buy != sell).any():
            when = hours.time(int(np.argmax(buy != sell)))
            raise GameError(f"{what} has a buy and another sell price at {when}; it is one price")
        return buy
    try:
        price = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{what} must be a number, or one for each hour") from error
    if price.shape not in ((), (hours.n_steps,)):
        raise GameError(
            f"{what} has shape {price.shape}; one price for each of the {hours.n_steps} hours "
            f"from {hours.time(0)} to {hours.time(hours.n_steps)} is needed"
        )
    price = np.array(np.broadcast_to(price, (hours.n_steps,)))
    if not np.isfinite(price).all():
        hour = int(np.argmin(np.isfinite(price)))
        raise GameError(f"{what} is {price[hour]} at {hours.time(hour)}")
    return price


def _readings(
    world: PublicGrid, hours: TimeSteps, n_plants: int, spares_some: bool
) -> tuple[str, ...]:
    found = []
    if world.own_points != "always":
        found.append(
            f"What points of one member feed in and draw counts as shared, although own_points is "
            f"{world.own_points!r}: a premium asks for sums alone."
        )
    if n_plants > 1:
        found.append(
            "An hour's shared energy falls to the plants under a substation in proportion to what "
            "they feed in; the sources prescribe no division."
        )
    if spares_some:
        found.append(
            "What falls to withdrawal that is exempt from the factor of a grant is, by the hour, "
            "the part that it has of all withdrawal; the sources prescribe no division."
        )
    first, end = hours.calendar.wall_times(np.array([hours.start, hours.end]))
    a_year = first.astype("datetime64[M]") + 12
    if first != first.astype("datetime64[M]") or end != a_year:
        found.append(
            f"Thresholds are meant for a whole year, and were applied to {hours.in_calendar}: what "
            f"is set apart is provisional."
        )
    return tuple(found)
