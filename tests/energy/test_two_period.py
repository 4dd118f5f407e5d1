"""Storage under a tariff of two periods: closed form against the definition and the program."""

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.energy import StorageOffer, TwoPeriodStorage
from sesgame.errors import GameError

AMOUNTS = st.integers(0, 6)
LOW, HIGH = Fraction(1, 10), Fraction(2, 5)


@st.composite
def sharings(draw):
    """Return the arguments of a sharing of up to four members and four scenarios."""
    n, count = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rows = st.lists(st.lists(AMOUNTS, min_size=n, max_size=n), min_size=count, max_size=count)
    parts = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    return {
        "off_peak": draw(rows),
        "peak": draw(rows),
        "owned": draw(st.lists(AMOUNTS, min_size=n, max_size=n)),
        "capital": [
            Fraction(cent, 100) for cent in draw(st.lists(AMOUNTS, min_size=n, max_size=n))
        ],
        "price": draw(st.sampled_from([None, Fraction(1, 20), Fraction(1, 5), Fraction(1, 2)])),
        "weights": [Fraction(part, sum(parts)) for part in parts],
    }


def least_cost(sharing, members):
    """Return the least expected cost over every amount of storage that could be best to buy."""

    def total(row):
        return sum(row[member] for member in members)

    owned = total(sharing["owned"])
    capital = sum(sharing["owned"][member] * sharing["capital"][member] for member in members)
    short = [max(total(row) - owned, 0) for row in sharing["peak"]]
    bought = [0, *short] if sharing["price"] is not None else [0]
    scenarios = list(zip(sharing["off_peak"], sharing["peak"], short, strict=True))

    def cost(extra):
        expected = (sharing["price"] or 0) * extra
        for weight, (off_peak, peak, lack) in zip(sharing["weights"], scenarios, strict=True):
            at_peak = max(lack - extra, 0)
            expected += weight * (LOW * (total(off_peak) + total(peak) - at_peak) + HIGH * at_peak)
        return expected

    return capital + min(cost(extra) for extra in bought)


def made(sharing):
    options = {} if sharing["price"] is None else {"storage_price": float(sharing["price"])}
    return TwoPeriodStorage(
        [f"m{index}" for index in range(len(sharing["owned"]))],
        sharing["off_peak"],
        sharing["peak"],
        off_peak_price=float(LOW),
        peak_price=float(HIGH),
        capacity_kwh=sharing["owned"],
        capital_cost_per_kwh=[float(cost) for cost in sharing["capital"]],
        weights=[float(weight) for weight in sharing["weights"]],
        **options,
    )


@given(sharings())
def test_every_coalition_bears_the_least_cost_over_all_amounts_of_storage(sharing):
    table = made(sharing).cost_game().tabulate()
    for mask, value in enumerate(table):
        members = [index for index in range(len(sharing["owned"])) if mask >> index & 1]
        assert value == pytest.approx(float(least_cost(sharing, members)), abs=1e-12)


@given(
    sharing=sharings(),
    unit=st.sampled_from([1e-9, 0.01, 0.1, 1 / 3, 1e3, 1e9]),
    order=st.permutations(range(4)),
)
def test_the_bills_do_not_depend_on_the_unit_or_on_the_order_of_scenarios(sharing, unit, order):
    """Whole amounts meet capacities exactly and each other; in other units all but."""
    bills = made(sharing).allocation().values
    scenarios = [number for number in order if number < len(sharing["weights"])]
    other = dict(sharing, owned=[unit * amount for amount in sharing["owned"]])
    for rows in ("off_peak", "peak"):
        other[rows] = [[unit * amount for amount in sharing[rows][k]] for k in scenarios]
    other["weights"] = [sharing["weights"][k] for k in scenarios]
    expected = pytest.approx(unit * bills, rel=1e-9, abs=1e-9 * unit)
    assert made(other).allocation().values == expected


def test_storage_that_meets_the_peak_in_decimals_is_not_short():
    """0.1 + 0.2 are not 0.3 in floats."""
    sharing = TwoPeriodStorage(
        ["ann", "bob", "cid"],
        np.zeros((1, 3)),
        [[0.1, 0.2, 0.0]],
        off_peak_price=0.1,
        peak_price=0.4,
        capacity_kwh=[0.0, 0.0, 0.3],
    )
    assert sharing.allocation().evidence.storage_price == 0.0


@given(sharings())
def test_the_bills_are_in_the_core(sharing):
    storage = made(sharing)
    audit = sg.audit(storage.cost_game(), storage.allocation(), tolerance=1e-12)
    assert audit.in_core


def test_what_is_bought_is_what_the_worst_peaks_ask_for():
    storage = TwoPeriodStorage(
        ["ann", "bob"],
        np.zeros((4, 2)),
        [[1, 1], [2, 2], [3, 3], [4, 4]],
        off_peak_price=0.0,
        peak_price=1.0,
        storage_price=0.4,
    )
    evidence = storage.allocation().evidence
    # A kWh pays where it is used with a probability of 0.4 or more: up to the second peak, 6.
    assert evidence.bought_kwh == 6
    assert evidence.scarcity == pytest.approx([0, 0, 0.15, 0.25])
    assert evidence.storage_price == pytest.approx(0.4)


def test_storage_too_dear_is_not_bought():
    storage = TwoPeriodStorage(
        ["ann"], [1], [1], off_peak_price=0.1, peak_price=0.2, storage_price=0.3
    )
    evidence = storage.allocation().evidence
    assert (evidence.bought_kwh, evidence.storage_price) == (0, pytest.approx(0.1))


def test_the_linear_program_of_two_steps_gives_the_same_game():
    random = np.random.default_rng(0)
    off_peak, peak = random.integers(0, 5, (2, 3, 3)).astype(float)
    years = 2 / 8760
    offer = StorageOffer(
        name="storage",
        price_per_kwh_year=0.1 / years,
        price_per_kw_year=0.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
    )
    times = sg.energy.TimeSteps.from_times(["2016-06-01T03:00", "2016-06-01T04:00"])
    days = [
        sg.energy.Community(
            members=["a", "b", "c"],
            steps=times,
            load_kwh=np.array([low, high]).T,
            tariff=sg.energy.PriceSeries(times, [0.1, 0.4], [0.0, 0.0]),
            storage_offers=[offer],
        )
        for low, high in zip(off_peak, peak, strict=True)
    ]
    closed = TwoPeriodStorage(
        ["a", "b", "c"], off_peak, peak, off_peak_price=0.1, peak_price=0.4, storage_price=0.1
    )
    linear = sg.energy.Scenarios(days).cost_game().tabulate()
    assert np.allclose(closed.cost_game().tabulate(), linear, atol=1e-9)


def test_owners_bear_the_capital_cost_of_what_they_own_whatever_it_earns():
    def bills(**options):
        sharing = TwoPeriodStorage(
            ["ann", "bob"],
            [1, 1],
            [3, 0],
            off_peak_price=0.1,
            peak_price=0.4,
            capacity_kwh=[0, 2],
            **options,
        )
        return sharing, sharing.allocation()

    _, paid_for = bills()
    one, capital = bills(capital_cost_per_kwh=[0.9, 0.15])
    assert capital.values - paid_for.values == pytest.approx([0.0, 2 * 0.15])
    assert bills(capital_cost_per_kwh=0.15)[1].values.tolist() == capital.values.tolist()
    assert "owned storage at its capital cost" in one.description()
    assert one.origin()["capital_cost_per_kwh"] == [0.9, 0.15]
    assert sg.audit(one.cost_game(), capital).in_core


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"peak_kwh": [1.0]}, r"peak_kwh has shape \(1,\); 2 members need"),
        ({"peak_kwh": [1.0, -1.0]}, "peak_kwh of bob in scenario 1 must be non-negative, got -1.0"),
        ({"off_peak_kwh": [[1, np.nan]]}, "off_peak_kwh of bob in scenario 1 must be .* got nan"),
        ({"peak_kwh": "much"}, "peak_kwh is not an array of numbers"),
        ({"off_peak_kwh": [[1, 1], [1, 1]]}, "off_peak_kwh has 2 scenarios, but peak_kwh has 1"),
        ({"capacity_kwh": [[1, 1], [1, 1]]}, "capacity_kwh has 2 rows"),
        ({"capital_cost_per_kwh": [0.1, -0.1]}, "capital_cost_per_kwh of bob .* got -0.1"),
        ({"capital_cost_per_kwh": [[1, 1], [1, 1]]}, "capital_cost_per_kwh has 2 rows"),
        ({"capital_cost_per_kwh": [1]}, r"capital_cost_per_kwh has shape \(1,\); 2 members need"),
        ({"peak_price": 0.05}, "the peak must not be cheaper"),
        ({"peak_price": np.inf}, "energy costs 0.1 off peak and inf"),
        ({"storage_price": 0.0}, "storage_price must be positive, got 0.0"),
        ({"weights": [0.5]}, "the weights must be 1 positive numbers that sum to 1"),
        ({"weights": [0.5, 0.5]}, r"the weights must be 1 positive numbers .* got \[0\.5, 0\.5\]"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    arguments = {"off_peak_kwh": [1, 1], "peak_kwh": [1, 2], "off_peak_price": 0.1}
    arguments |= {"peak_price": 0.4, **change}
    with pytest.raises(GameError, match=message):
        TwoPeriodStorage(["ann", "bob"], **arguments)
