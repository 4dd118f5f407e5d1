"""Of which period a community's costs are, what a member does alone, and what may be bought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sesgame.formatting import count
from sesgame.game.cost_basis import CostTerms

if TYPE_CHECKING:
    from sesgame.energy.battery import StorageOffer
    from sesgame.energy.generation_offer import GenerationOffer
    from sesgame.energy.time_steps import TimeSteps

__all__ = [
    "NOTHING_BOUGHT",
    "community_terms",
    "generation_bought",
    "period_of",
    "storage_bought",
    "weighed_in_words",
]

NOTHING_BOUGHT = "nothing is bought, and what is installed has been paid for"


def period_of(steps: TimeSteps) -> str:
    """Return from when to when, in which steps, so that two periods that differ read differently.

    Examples
    --------
    >>> import sesgame as sg
    >>> period_of(sg.energy.TimeSteps.from_times(["2016-06-01T00:00", "2016-06-01T01:00"]))
    '2016-06-01T00:00 to 2016-06-01T02:00, 2 steps of 60 minutes'
    """
    zone = steps.calendar.zone
    clock = "" if zone is None else f", {zone}"
    return f"{steps.time(0)} to {steps.time(steps.n_steps)}{clock}, {steps.in_words}"


def storage_bought(offers: Iterable[StorageOffer]) -> list[str]:
    """Return at what price storage may be bought, one part of a sentence for each offer.

    Examples
    --------
    >>> import sesgame as sg
    >>> offer = sg.energy.StorageOffer(
    ...     name="lithium",
    ...     price_per_kwh_year=25,
    ...     price_per_kw_year=10,
    ...     charge_efficiency=0.95,
    ...     discharge_efficiency=0.95,
    ... )
    >>> storage_bought([offer])
    ['storage at 25 per kWh and 10 per kW and year, efficiencies 0.95 and 0.95']
    """
    return sorted(
        f"storage at {offer.price_per_kwh_year:.12g} per kWh and "
        f"{offer.price_per_kw_year:.12g} per kW and year, efficiencies "
        f"{offer.charge_efficiency:.12g} and {offer.discharge_efficiency:.12g}"
        + (
            f", wear of {offer.degradation_cost_per_kwh:.12g} per kWh"
            if offer.degradation_cost_per_kwh
            else ""
        )
        for offer in offers
    )


def generation_bought(offers: Iterable[GenerationOffer]) -> list[str]:
    """Return at what price generators may be bought, one part of a sentence for each offer.

    Examples
    --------
    >>> import sesgame as sg
    >>> generation_bought([sg.energy.GenerationOffer("roof", 0.4, [1, 4, 0])])
    ['generation at 0.4 per kW and day, 5 kWh a kW in all']
    """
    return sorted(
        f"generation at {offer.price_per_kw_day:.12g} per kW and day, "
        f"{float(offer.profile.sum()):.12g} kWh a kW in all"
        for offer in offers
    )


def weighed_in_words(weights: Sequence[float], risk: str) -> str:
    """Return what costs of scenarios are: their mean, or the risk of them in words.

    Examples
    --------
    >>> weighed_in_words([0.5, 0.5], "")
    'the mean of 2 scenarios with the weights 0.5, 0.5'
    >>> weighed_in_words([0.5, 0.5], "worst case")
    'the risk (worst case) of 2 scenarios with the weights 0.5, 0.5'
    """
    measure = f"the risk ({risk})" if risk else "the mean"
    listed = ", ".join(f"{weight:.12g}" for weight in weights)
    return f"{measure} of {count(len(weights), 'scenario')} with the weights {listed}"


def community_terms(
    steps: TimeSteps,
    offers: Iterable[StorageOffer],
    reading: str,
    generation: Iterable[GenerationOffer] = (),
) -> CostTerms:
    """Return the terms of a community's costs.

    Capacity that is bought is in the costs, by the part of its year that the period is.

    Parameters
    ----------
    steps : TimeSteps
        The period.
    offers : iterable of StorageOffer
        What may be bought.
    reading : str
        How storage is run, where there is some.
    generation : iterable of GenerationOffer
        Generators that may be bought.
    """
    alone = "each member for itself, at the community's tariff"
    bought = storage_bought(offers) + generation_bought(generation)
    if bought:
        alone += ", with what it buys for itself"
    return CostTerms(
        period_of(steps),
        f"{alone}; {reading}" if reading else alone,
        "; ".join(bought) if bought else NOTHING_BOUGHT,
    )
