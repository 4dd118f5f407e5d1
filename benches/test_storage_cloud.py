"""Rented storage of 104 members over a month: demand at all rents and the best rent.

Beside it the same by a program for each rent: one rent of one member and month, by HiGHS. The ratio
of the two says how many rents of a grid cost as much as all of them.
"""

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import StorageCloud

PRICES = ("flat", "hourly")


def month(prices: str) -> sg.energy.Community:
    """Return June of semiurban104 without batteries; at its tariff, or at prices of each hour."""
    june = sg.energy.Community.from_csv("examples/semiurban104").period("2016-06-01", "2016-07-01")
    tariff = june.tariff
    if prices == "hourly":
        hours = np.arange(june.steps.n_steps) // 4
        random = np.random.default_rng(1).normal(0, 0.02, hours[-1] + 1)
        wave = 0.08 * np.sin(2 * np.pi * (hours / 24 - 0.3))
        buy = np.maximum(0.30 + wave + random[hours], 0.10)
        tariff = sg.energy.PriceSeries(june.steps, buy, np.full(len(buy), 0.06))
    return sg.energy.Community(
        members=june.members,
        steps=june.steps,
        load_kwh=june.load_kwh,
        pv_kwh=june.pv_kwh,
        tariff=tariff,
    )


WAYS = {
    "capacity": {},
    "each day": {"rented_for": "day"},
    "bundles": {"hours": 2.0},
    "two rents each day": {"power_rent_ratio": 0.5, "rented_for": "day"},
}


@pytest.mark.parametrize("prices", PRICES)
@pytest.mark.parametrize("way", WAYS)
def test_best_rent_of_104_members_over_a_month(benchmark, prices, way):
    community = month(prices)
    efficiencies = {"charge_efficiency": 0.95, "discharge_efficiency": 0.95}

    def best():
        return StorageCloud(community, 0.07, **efficiencies, **WAYS[way]).best_rent()

    offer = benchmark.pedantic(best, rounds=1, iterations=1)
    cloud = StorageCloud(community, 0.07, **efficiencies, **WAYS[way])
    benchmark.extra_info["rents"] = len(cloud.demand_curve.rents)
    benchmark.extra_info["steps of demand"] = len(cloud.demand_curve.rent_per_kwh_day)
    assert offer.gap == 0


@pytest.mark.parametrize("prices", PRICES)
def test_one_rent_of_one_member_by_a_program(benchmark, prices):
    community = month(prices)
    member = community.members[int(np.argmax(community.pv_kwh.sum(axis=1)))]
    offer = sg.energy.StorageOffer(
        name="rented",
        price_per_kwh_year=0.16 * 365,
        price_per_kw_year=0.0,
        charge_efficiency=0.95,
        discharge_efficiency=0.95,
    )
    row = community.members.index(member)
    alone = sg.energy.Community(
        members=[member],
        steps=community.steps,
        load_kwh=community.load_kwh[[row]],
        pv_kwh=community.pv_kwh[[row]],
        tariff=community.tariff,
        storage_offers=[offer],
    )
    benchmark.pedantic(lambda: alone.cost_game().value([member]), rounds=1, iterations=1)
