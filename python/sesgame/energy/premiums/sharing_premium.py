"""The premium of a community on the public grid: shared energy by the hour, and what it earns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.number_arrays import number_array
from sesgame.energy.premiums.premium_result import SetApart, SharingPremium
from sesgame.energy.premiums.premium_scheme import PremiumPlant, PremiumScheme
from sesgame.energy.premiums.whole_hours import by_hour, whole_hours
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.tariff import PriceSeries
from sesgame.energy.time_steps import Moment, TimeSteps
from sesgame.energy.validity import Validity
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["sharing_premium"]


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
        currency, or there are batteries to be dispatched. A point feeds in and is no plant, or a
        plant is no point, is of an unknown zone or technology, or larger than all classes. A zonal
        price is missing, not finite, or of another number of hours.

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
        fed_in = by_hour(point.shared_export_kwh, n_hours)
        drawn = by_hour(point.shared_import_kwh, n_hours)
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
        if point.name not in plants and point.shared_export_kwh.any():
            step = int(np.argmax(point.export_kwh > 0))
            raise GameError(
                f"the point {point.name!r} feeds in {point.export_kwh[step]:g} kWh at "
                f"{world.steps.time(step)}, and is no plant: say its power, zone and technology "
                f"in plants, or that its participation is 0"
            )
    return {name: plants[name] for name in names if name in plants}


def _exempt(world: PublicGrid, exempt: Iterable[str]) -> tuple[str, ...]:
    if isinstance(exempt, (str, bytes)) or not isinstance(exempt, Iterable):
        raise GameError(f"exempt must be a list of metering points, got {exempt!r}")
    spared = tuple(exempt)
    names = [point.name for point in world.points]
    for name in spared:
        if not isinstance(name, str) or name not in names:
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
        price = number_array(given)
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
    in_part = sum(point.participation < 1 for point in world.points)
    if in_part:
        found.append(
            f"Of {count(in_part, 'metering point')} only what takes part in sharing counts."
        )
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
