"""Bills do not depend on whether money is in EUR or cent, nor on whether energy is in kWh or Wh."""

from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import powers_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.catalogue import RULES, allocate
from sesgame.energy import Community, PriceSeries
from sesgame.errors import AllocationError, GameError
from sesgame.rule import AllocationProblem
from sesgame.testing import communities
from test_rules import options_for

UNITS = st.sampled_from(
    [(0.01, 1.0), (1e9, 1.0), (1e-9, 1.0), (1.0, 1000.0), (1.0, 1e-9), (7.0, 1 / 3)]
)
"""What the amounts of money and of energy are multiplied by."""

SAME = 1e-7
"""Of the turnover: to this the bills of a linear program are known."""


def in_units(community, money, energy):
    """Return a community whose amounts of money and energy are in other units."""
    buy, sell = community.tariff.prices(community.steps)
    price = money / energy
    grid = community.grid
    return Community(
        members=community.members,
        steps=community.steps,
        load_kwh=community.load_kwh * energy,
        pv_kwh=community.pv_kwh * energy,
        tariff=PriceSeries(community.steps, buy * price, sell * price),
        batteries=[
            replace(
                battery,
                energy_kwh=battery.energy_kwh * energy,
                **{name: kw and kw * energy for name, kw in powers_of(battery).items()},
                initial_charge_kwh=battery.initial_charge_kwh * energy,
                degradation_cost_per_kwh=battery.degradation_cost_per_kwh * price,
            )
            for battery in community.batteries
        ],
        grid=replace(
            grid,
            demand_charge_per_kw=grid.demand_charge_per_kw * price,
            import_limit_kw=grid.import_limit_kw * energy,
            export_limit_kw=grid.export_limit_kw * energy,
            connection_limits_kw={
                member: limit * energy for member, limit in grid.connection_limits_kw.items()
            },
            lines=[replace(line, limit_kw=line.limit_kw * energy) for line in grid.lines],
        ),
        curtailment=community.curtailment,
        storage_offers=[
            replace(
                offer,
                price_per_kwh_year=offer.price_per_kwh_year * price,
                price_per_kw_year=offer.price_per_kw_year * price,
            )
            for offer in community.storage_offers
        ],
        generation_offers=[
            replace(offer, price_per_kw_day=offer.price_per_kw_day * price)
            for offer in community.generation_offers
        ],
    )


def billed(rule, community, money, energy):
    options = options_for(list(community.members))
    for name in ("storage_cost", "storage_rent"):
        options[name] = options[name] and options[name] * money / energy
    options["n_clusters"] = 1
    options["reference"] = dict.fromkeys(community.members, money)
    taken = {option.keyword: options[option.keyword] for option in rule.options}
    try:
        return allocate(AllocationProblem.of(community, options=taken), rule.name)
    except (AllocationError, GameError):  # which does not depend on units either
        return None


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES.values() if not rule.worlds or Community in rule.worlds],
    ids=lambda rule: rule.name,
)
@settings(max_examples=4)
@given(community=communities(st.integers(2, 4), model="battery"), units=UNITS)
def test_bills_do_not_depend_on_the_units_of_money_and_energy(rule, community, units):
    money, energy = units
    one = billed(rule, in_units(community, 1.0, 1.0), 1.0, 1.0)
    other = billed(rule, in_units(community, money, energy), money, energy)
    assert (one is None) == (other is None)
    if one is not None:
        turnover = turnover_of(community)
        assert np.abs(other.values / money - one.values).max() <= SAME * turnover
        assert other.method == one.method


@settings(max_examples=12)
@given(
    drawn=st.sampled_from(["linear", "battery"]).flatmap(lambda model: communities(model=model)),
    units=UNITS,
)
def test_ranges_of_bills_are_in_order_in_any_unit(drawn, units):
    money, _ = units
    found = [
        sg.owen_allocation(in_units(drawn, *units), progress=False).evidence
        for units in ((1.0, 1.0), units)
    ]
    turnover = turnover_of(drawn)
    for prices in found:
        assert (prices.lowest <= prices.highest).all()
    one, other = found
    assert other.cost / money == pytest.approx(one.cost, abs=SAME * turnover)
    for name in ("lowest", "highest"):
        a, b = getattr(one, name), getattr(other, name) / money
        assert (np.isinf(a) == np.isinf(b)).all()
        finite = np.isfinite(a)
        assert np.abs(a - b)[finite].max(initial=0) <= SAME * turnover


def turnover_of(community):
    """Return all money that could flow, with a kWh at 1 EUR more than the dearest."""
    buy, sell = community.tariff.prices(community.steps)
    prices = np.maximum(np.abs(buy), np.abs(sell)) + 1.0
    power = sum(battery.power_kw for battery in community.batteries) * community.steps.step_hours
    flows = np.abs(community.load_kwh).sum(axis=0) + np.abs(community.pv_kwh).sum(axis=0) + power
    peak = community.grid.demand_charge_per_kw * flows.max(initial=0) / community.steps.step_hours
    return float((prices * flows).sum() + peak)
