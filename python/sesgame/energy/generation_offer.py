"""Generation that a community may buy or rent, as much of it as pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.problem import NO_GENERATION, GenerationOffers
from sesgame.energy.number_arrays import number_array
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["GenerationOffer", "check_generation", "generation_of"]


@checked_fields
@dataclass(frozen=True, eq=False, init=False)
class GenerationOffer(ByValue):
    """PV, wind or another generator that any coalition may buy or rent, as many kW of it as pay.

    Parameters
    ----------
    name : str
        For results.
    price_per_kw_day : float
        Of a kW for 24 hours, in the currency of the tariff; above 0. A dispatch of another period
        pays in proportion. :func:`service_price` makes one of a levelised cost.
    profile : array_like of float, shape (T,)
        What a kW generates in each step of the community, in kWh; at least 0. All of it is fed
        into the community's common connection: none is left unused.

    Raises
    ------
    GameError
        A number is out of its range.

    Notes
    -----
    Rent by the day is for days that are like others: in a sunny week PV at the average rent of a
    year may pay by feeding in alone, which is refused. Plan with a whole year, or with weighted
    :class:`Scenarios`, which share the power and have profiles of their own.

    Examples
    --------
    In two of three steps of 8 hours a kW of PV gives 1 kWh and 4 kWh; renting 1.59 kW of it with
    4.4 kWh of storage is the cheapest way to meet this load:

    >>> import numpy as np
    >>> import sesgame as sg
    >>> user = sg.energy.Community(
    ...     members=["user"],
    ...     steps=sg.energy.TimeSteps(np.datetime64("2024-06-01"), np.timedelta64(8, "h"), 3),
    ...     load_kwh=[[1, 2, 4]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.08),
    ...     generation_offers=[
    ...         sg.energy.GenerationOffer(name="PV", price_per_kw_day=0.40, profile=[1, 4, 0])
    ...     ],
    ...     storage_offers=[
    ...         sg.energy.StorageOffer(
    ...             name="cloud",
    ...             price_per_kwh_year=0.15 * 365,
    ...             price_per_kw_year=0,
    ...             charge_efficiency=0.9,
    ...             discharge_efficiency=0.9,
    ...         )
    ...     ],
    ... )
    >>> plan = user.dispatch()
    >>> round(plan.generators_kw["PV"], 6), round(plan.purchases["cloud"][0], 6)
    (1.587654, 4.444444)
    >>> round(plan.cost, 6)
    1.301728
    """

    name: str
    price_per_kw_day: float
    profile: NDArray[np.float64]

    def __init__(self, name: str, price_per_kw_day: float, profile: ArrayLike) -> None:
        own = f"the generation offer {name!r}"
        if not (np.isfinite(price_per_kw_day) and price_per_kw_day > 0):
            raise GameError(f"{own}: price_per_kw_day must be above 0, got {price_per_kw_day}")
        try:
            values = number_array(profile)
        except (TypeError, ValueError) as error:
            raise GameError(f"{own}: profile is not an array of numbers: {error}") from error
        if values.ndim != 1:
            raise GameError(
                f"{own}: profile has shape {values.shape}; it must have one number for each step"
            )
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if len(wrong):
            raise GameError(
                f"{own}: profile must be non-negative, got {values[wrong[0]]} in step "
                f"{wrong[0] + 1}"
            )
        values.setflags(write=False)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "price_per_kw_day", float(price_per_kw_day))
        object.__setattr__(self, "profile", values)

    def part(self, steps: slice) -> GenerationOffer:
        """Return the offer in some of its steps."""
        return GenerationOffer(self.name, self.price_per_kw_day, self.profile[steps])

    @property
    def terms(self) -> tuple[str, float]:
        """What is the same whatever the weather: its name and its price."""
        return self.name, self.price_per_kw_day


def check_generation(
    offers: Sequence[GenerationOffer], steps: TimeSteps, taken: Sequence[str]
) -> None:
    """Refuse offers that do not fit the steps of a community, or whose names are taken.

    Raises
    ------
    GameError
        A profile has another number of steps, or two offers have one name.
    """
    seen = set(taken)
    for offer in offers:
        if len(offer.profile) != steps.n_steps:
            raise GameError(
                f"the generation offer {offer.name!r}: profile has {len(offer.profile)} numbers, "
                f"but there are {steps.n_steps} steps"
            )
        if offer.name in seen:
            raise GameError(f"two offers are named {offer.name!r}; results tell them by name")
        seen.add(offer.name)


def generation_of(offers: Sequence[GenerationOffer]) -> GenerationOffers:
    """Return generation to buy as a dispatch model takes it."""
    if not offers:
        return NO_GENERATION
    return GenerationOffers(
        names=tuple(offer.name for offer in offers),
        price_per_kw_day=np.array([offer.price_per_kw_day for offer in offers]),
        profile_kwh=np.array([offer.profile for offer in offers]),
    )
