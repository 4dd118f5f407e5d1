"""What storage loses by use, by cycles and by throughput, and how long it lasts."""

import math

import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.energy import wear_cost, years_of_life
from sesgame.errors import GameError

CELLS = {"capital": 300, "energy_kwh": 1, "cycles": 5000, "depth_of_discharge": 0.8}
PARTS = st.sampled_from([0.5, 0.8, 0.95, 1.0])


def test_numbers_that_were_worked_out_beforehand():
    assert wear_cost(**CELLS, discharge_efficiency=0.95) == pytest.approx(0.0789473684, abs=5e-11)
    each_way = wear_cost(**CELLS, discharge_efficiency=0.95, basis="each way")
    assert each_way == pytest.approx(0.0375, abs=1e-15)


@given(st.floats(1, 1e4), st.floats(0, 1), st.floats(0.1, 100), st.integers(1, 9999), PARTS, PARTS)
def test_a_whole_life_of_use_costs_what_is_lost(capital, left, energy, cycles, depth, efficiency):
    """Each cycle delivers what leaves the cells, less losses, and goes through them twice."""
    options = {"salvage": left * capital, "discharge_efficiency": efficiency}
    life = {"energy_kwh": energy, "cycles": cycles, "depth_of_discharge": depth}
    through = energy * cycles * depth
    lost = capital - left * capital
    delivered = wear_cost(capital, **life, **options)
    assert delivered * through * efficiency == pytest.approx(lost, rel=1e-12, abs=1e-9)
    both = wear_cost(capital, **life, **options, basis="each way")
    assert both * 2 * through == pytest.approx(lost, rel=1e-12, abs=1e-9)
    for basis, found in (("delivered", delivered), ("each way", both)):
        by_warranty = wear_cost(
            capital, throughput_kwh=through * efficiency, basis=basis, **options
        )
        assert by_warranty == pytest.approx(found, rel=1e-12, abs=1e-12)


def test_wear_of_a_battery_is_that_of_what_it_delivers():
    """A dispatch that empties it once pays for one cycle."""
    wear = wear_cost(300, energy_kwh=2, cycles=100, discharge_efficiency=0.5)
    steps = ["2016-06-01T12:00", "2016-06-01T13:00"]
    here = sg.energy.Community(
        members=["ann"],
        steps=steps,
        load_kwh=[[-2.0, 9.0]],
        tariff=sg.energy.Tariff.flat(9.0, 0.0),
        batteries=[
            sg.energy.Battery(
                owner="ann",
                energy_kwh=2,
                power_kw=9,
                charge_efficiency=1,
                discharge_efficiency=0.5,
                degradation_cost_per_kwh=wear,
            )
        ],
    )
    schedule = here.dispatch()
    assert schedule.discharge_kwh.sum() == pytest.approx(1.0)
    assert schedule.cost == pytest.approx(9.0 * 8 + 300 / 100)


def test_a_life_ends_by_the_calendar_or_by_cycles():
    assert years_of_life(15, cycles=5000, cycles_per_year=300) == 15
    assert years_of_life(15, cycles=5000, cycles_per_year=400) == 12.5
    assert years_of_life(15, cycles=5000, cycles_per_year=0) == 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capital": -1}, "capital must be non-negative"),
        ({"salvage": -1}, "salvage must be non-negative"),
        ({"salvage": 301}, "salvage must be at most the capital, 300, got 301"),
        ({"energy_kwh": 0}, "energy_kwh must be above 0"),
        ({"energy_kwh": None}, "give energy_kwh and cycles, .* energy_kwh is missing"),
        ({"cycles": None, "energy_kwh": None}, "energy_kwh and cycles is missing"),
        ({"cycles": 0}, "cycles must be above 0"),
        ({"cycles": math.inf}, "cycles must be non-negative, got inf"),
        ({"depth_of_discharge": 0}, r"depth_of_discharge must be in \(0, 1\]"),
        ({"depth_of_discharge": 1.2}, r"depth_of_discharge must be in \(0, 1\]"),
        ({"discharge_efficiency": 0}, r"discharge_efficiency must be in \(0, 1\]"),
        ({"throughput_kwh": 9}, "throughput_kwh says how long storage lasts, and so does energy"),
        ({"basis": "both"}, 'basis must be "delivered" or "each way", got \'both\''),
    ],
)
def test_lives_that_cannot_be_are_refused(change, message):
    with pytest.raises(GameError, match=message):
        wear_cost(**{**CELLS, **change})


def test_a_throughput_has_no_depth():
    with pytest.raises(GameError, match="and so does depth_of_discharge"):
        wear_cost(300, throughput_kwh=9, depth_of_discharge=0.8)
    with pytest.raises(GameError, match="throughput_kwh must be above 0"):
        wear_cost(300, throughput_kwh=0)
    with pytest.raises(GameError, match="cycles_per_year must be non-negative"):
        years_of_life(15, cycles=5000, cycles_per_year=-1)
    with pytest.raises(GameError, match="calendar_years must be above 0"):
        years_of_life(0, cycles=5000, cycles_per_year=1)
