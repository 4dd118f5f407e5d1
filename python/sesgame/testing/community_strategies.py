"""A Hypothesis strategy for small communities that are valid, with what is rare in real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from sesgame.energy.battery import Battery, StorageOffer
from sesgame.energy.community import Community
from sesgame.energy.dispatch.model import MODELS
from sesgame.energy.dispatch.problem import Model
from sesgame.energy.generation_offer import GenerationOffer
from sesgame.energy.grid import Grid, Line
from sesgame.energy.tariff import PriceBand, PriceSeries, Tariff
from sesgame.energy.time_steps import TimeSteps
from sesgame.testing.game_strategies import Count, lists_of, number_of

__all__ = ["communities"]

MAX_BATTERIES = 3


@st.composite
def communities(
    draw: st.DrawFn, n: Count = None, *, n_steps: Count = None, model: Model = "battery"
) -> Community:
    """Return a strategy for communities.

    Among them are members without meters, an owner of everything, steps of 15 to 60 minutes,
    prices that are equal, negative or change in each step, batteries without capacity or power, of
    efficiency 1, or full from the beginning.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of members, ``"m0"``, ``"m1"``, ...; 1 to 4 by default.
    n_steps : int or strategy of int, optional
        The number of steps; 1 to 6 by default.
    model : {"battery", "netting", "merged", "linear"}, default "battery"
        The most that is needed for them: batteries of one efficiency, none, or also those of
        different efficiencies, with wear and other powers for charging than for discharging, a
        demand charge, limits that can be kept, and storage and generation to buy.

    Returns
    -------
    SearchStrategy of Community

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given
    >>> from sesgame.testing import assert_in_core
    >>> @given(communities())
    ... def test(community):
    ...     bills = sg.owen_allocation(community, progress=False)
    ...     assert_in_core(community.cost_game(), bills)
    >>> test()
    """
    members = [f"m{i}" for i in range(draw(number_of(n, 1, 4)))]
    quarters = st.lists(st.integers(0, 12), min_size=len(members), max_size=len(members))
    step = st.tuples(quarters, quarters, _prices())
    # All of a step is drawn at once, so that what breaks a test loses the steps that do not matter.
    drawn = draw(lists_of(step, n_steps, 1, 6))
    metered = draw(st.lists(st.sampled_from([1, 0]), min_size=len(members), max_size=len(members)))
    load, pv = (
        np.array([column[k] for column in drawn], dtype=np.float64).T / 4 * np.c_[metered]
        for k in (0, 1)
    )
    # The days have different tariffs: some steps are in the night from Friday to Saturday.
    start = np.datetime64(draw(st.sampled_from(["2016-06-01T12:00", "2016-06-03T22:00"])))
    length = np.timedelta64(draw(st.sampled_from([60, 30, 15])), "m")
    steps = TimeSteps(start, length, len(drawn))
    tariff = _tariff(draw, steps, [prices for _, _, prices in drawn])
    world: dict[str, Any] = {}
    used = MODELS[model]
    if used.uses_batteries:
        world["batteries"] = _batteries(draw, members, alike=used.is_pooled)
    if used.uses_batteries and not used.is_pooled:
        grid = world["grid"] = _grid(draw, members, load / steps.step_hours)
        # Without it some could not keep a limit of what they feed in.
        is_limited = np.isfinite(grid.export_limit_kw) or grid.connection_limits_kw or grid.lines
        words = ["allowed"] if is_limited else ["none", "allowed", members[:1]]
        world["curtailment"] = draw(st.sampled_from(words))
        buy, sell = tariff.prices(steps)
        # Where it pays to buy energy only to sell it again, it pays to buy storage without end.
        if buy.min() >= max(0.0, sell.max()) and draw(st.booleans()):
            world["storage_offers"] = [_storage_offer(draw)]
        # Nor does it pay to buy a generator only to sell all that it gives.
        if buy.min() >= max(0.0, sell.max()) and draw(st.booleans()):
            most = max(0.0, float(sell.max()))
            world["generation_offers"] = [_generation_offer(draw, steps, most)]
    return Community(
        members=members,
        steps=steps,
        load_kwh=load,
        pv_kwh=pv,
        tariff=tariff,
        **world,
    )


def _prices() -> st.SearchStrategy[tuple[float, float]]:
    """Return what a kWh costs and earns: never more than it costs."""
    return st.tuples(st.integers(0, 30), st.integers(-2, 20)).map(
        lambda drawn: (sum(drawn) / 100, drawn[1] / 100)
    )


def _tariff(
    draw: st.DrawFn, steps: TimeSteps, by_step: list[tuple[float, float]]
) -> Tariff | PriceSeries:
    form = draw(st.sampled_from(["flat", "week", "series"]))
    if form == "flat":
        return Tariff.flat(*by_step[0])
    if form == "series":
        return PriceSeries(steps, *np.array(by_step).T)
    night, weekend = draw(_prices()), draw(_prices())
    workdays = frozenset(range(5))
    return Tariff(
        [
            PriceBand(*by_step[0], 6 * 60, 22 * 60, workdays),
            PriceBand(*night, 22 * 60, 6 * 60, workdays),
            PriceBand(*weekend, days=frozenset({5, 6})),
        ]
    )


def _batteries(draw: st.DrawFn, members: list[str], *, alike: bool) -> list[Battery]:
    efficiency = st.sampled_from([1.0, 0.95, 0.5])
    efficiencies = draw(efficiency), draw(efficiency)
    batteries = []
    for _ in range(draw(st.integers(0, MAX_BATTERIES))):
        if not alike:
            efficiencies = draw(efficiency), draw(efficiency)
        energy, power = draw(st.integers(0, 8)) / 2, draw(st.integers(0, 8)) / 2
        one_way = st.none() if alike else st.none() | st.sampled_from([0.0, power / 2, power])
        batteries.append(
            Battery(
                owner=draw(st.sampled_from(members)),
                energy_kwh=energy,
                power_kw=power,
                charge_power_kw=draw(one_way),
                discharge_power_kw=draw(one_way),
                charge_efficiency=efficiencies[0],
                discharge_efficiency=efficiencies[1],
                initial_charge_kwh=energy * draw(st.sampled_from([0.0, 0.5, 1.0])),
                degradation_cost_per_kwh=0.0 if alike else draw(st.integers(0, 5)) / 100,
            )
        )
    return batteries


def _grid(draw: st.DrawFn, members: list[str], load_kw: Any) -> Grid:
    """Return charges and limits; nobody's load is above a limit, and PV may be left unused."""
    options: dict[str, Any] = {"demand_charge_per_kw": draw(st.sampled_from([0.0, 0.25, 4.0]))}
    spare = draw(st.integers(0, 4))
    most = load_kw.sum(axis=0).max() + spare
    if draw(st.booleans()):
        options["import_limit_kw"] = most
    if draw(st.booleans()):
        options["export_limit_kw"] = float(draw(st.integers(0, 4)))
    if draw(st.booleans()):
        who = draw(st.integers(0, len(members) - 1))
        options["connection_limits_kw"] = {members[who]: load_kw[who].max() + spare}
    if draw(st.booleans()):
        options["lines"] = [Line(name="feeder", members=members[-2:], limit_kw=most)]
    return Grid(**options)


def _storage_offer(draw: st.DrawFn) -> StorageOffer:
    return StorageOffer(
        name="offer",
        price_per_kwh_year=draw(st.sampled_from([10.0, 300.0])),
        price_per_kw_year=draw(st.sampled_from([0.0, 50.0])),
        charge_efficiency=0.95,
        discharge_efficiency=0.95,
    )


def _generation_offer(draw: st.DrawFn, steps: TimeSteps, most_per_kwh: float) -> GenerationOffer:
    """Return an offer that costs a little more than its energy sells for, wherever it is sold."""
    quarters = st.lists(st.integers(0, 4), min_size=steps.n_steps, max_size=steps.n_steps)
    profile = np.array(draw(quarters.filter(any))) / 4
    margin = draw(st.sampled_from([0.01, 0.1]))
    days = steps.n_steps * steps.step_hours / 24
    price = float(profile.sum()) * (most_per_kwh + margin) / days
    return GenerationOffer("generation", price, profile)
