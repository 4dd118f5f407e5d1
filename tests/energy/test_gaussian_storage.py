"""Normal peaks: closed forms against integrals, the core, and deviations from the equilibrium."""

import math

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.energy import GaussianStorage, TwoPeriodStorage
from sesgame.errors import GameError

PRICES = {"off_peak_price": 0.1, "peak_price": 0.4}
GAP = 0.3


@st.composite
def sharings(draw, least=1):
    """Return storage of up to four members with peaks of several common causes."""
    n = draw(st.integers(least, 4))
    causes = np.array(
        draw(st.lists(st.lists(st.integers(-2, 3), min_size=2, max_size=2), min_size=n, max_size=n))
    )
    own = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    return GaussianStorage(
        [f"m{index}" for index in range(n)],
        draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)),
        causes @ causes.T + np.diag(own),
        off_peak_kwh=draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)),
        storage_price=draw(st.sampled_from([0.01, 0.1, 0.2, 0.29, 0.3, 0.5])),
        **PRICES,
    )


def moments(storage, members):
    chosen = np.isin(np.arange(len(storage.members)), members)
    mean = storage.mean_peak_kwh[chosen].sum()
    return mean, math.sqrt(max(storage.peak_covariance[np.ix_(chosen, chosen)].sum(), 0.0))


def expected_cost(storage, members, bought):
    """Return what some storage costs a coalition, by adding up over a fine grid of peaks."""
    mean, deviation = moments(storage, members)
    places = np.linspace(-9, 9, 20_001)
    density = np.exp(-places * places / 2)
    energy = storage.off_peak_kwh[list(members)].sum() + mean
    short = np.maximum(mean + deviation * places - bought, 0)
    expected = (short * density).sum() / density.sum()
    return 0.1 * energy + storage.storage_price * bought + GAP * expected


def test_coalitions_bear_what_integration_over_their_peaks_says():
    storage = GaussianStorage(
        ["ann", "bob", "cid"],
        [4, 2, 1],
        [[4, 1, -1], [1, 2, 0], [-1, 0, 3]],
        off_peak_kwh=[1, 2, 3],
        storage_price=0.08,
        **PRICES,
    )
    game = storage.cost_game()
    for members in ([0], [2], [0, 1], [1, 2], [0, 1, 2]):
        names = [storage.members[index] for index in members]
        bought = storage.capacity_kwh(names)
        cost = game.value(names)
        assert cost == pytest.approx(expected_cost(storage, members, bought), rel=1e-6)
        for other in (0.0, 0.8 * bought, 1.2 * bought, bought + 1):
            assert cost <= expected_cost(storage, members, other) * (1 + 1e-6)


def test_the_capacity_is_the_quantile_of_the_critical_ratio():
    """A ratio of 0.975 is at 1.959963985 standard deviations, as any table says."""
    storage = GaussianStorage(["ann"], [5], [[4]], storage_price=0.025 * GAP, **PRICES)
    assert storage.capacity_kwh() == pytest.approx(5 + 2 * 1.959963985)
    assert storage.capacities_alone() == pytest.approx([storage.capacity_kwh()])


@drawn(40, 400, sharings())
def test_bills_add_up_and_are_in_the_core(storage):
    game, bills = storage.cost_game(), storage.allocation()
    audit = sg.audit(game, bills)
    assert audit.efficient
    assert audit.in_core


@drawn(40, 300, sharings(), st.sampled_from([1e-3, 0.1, 1 / 3, 1e3]), st.randoms())
def test_bills_depend_neither_on_units_nor_on_the_order_of_members(storage, unit, random):
    order = list(range(len(storage.members)))
    random.shuffle(order)
    other = GaussianStorage(
        [storage.members[index] for index in order],
        unit * storage.mean_peak_kwh[order],
        unit**2 * storage.peak_covariance[np.ix_(order, order)],
        off_peak_kwh=unit * storage.off_peak_kwh[order],
        off_peak_price=storage.off_peak_price,
        peak_price=storage.peak_price,
        storage_price=storage.storage_price,
    )
    one, same = storage.allocation(), other.allocation()
    for member in storage.members:
        assert same[member] == pytest.approx(unit * one[member], rel=1e-9, abs=1e-9 * unit)


def payment(storage, member, bought, of_others):
    """Return what a member pays beside energy off peak, in closed form of two normal variables."""
    mean, deviation = moments(storage, range(len(storage.members)))
    covariance = storage.peak_covariance[member].sum()
    place = (bought + of_others - mean) / deviation
    short = 0.5 * math.erfc(place / math.sqrt(2))
    density = math.exp(-place * place / 2) / math.sqrt(2 * math.pi)
    lack = (storage.mean_peak_kwh[member] - bought) * short + covariance / deviation * density
    return storage.storage_price * bought + GAP * lack


@drawn(40, 300, sharings(2), st.lists(st.floats(0, 40), min_size=6, max_size=6))
def test_nobody_gains_by_buying_another_amount_than_in_equilibrium(storage, amounts):
    try:
        bought = storage.nash_capacities()
    except GameError:
        return
    _, deviation = moments(storage, range(len(storage.members)))
    assert bought.sum() == pytest.approx(storage.capacity_kwh())
    bills = storage.allocation().values - storage._base()
    if deviation == 0:
        return
    for member in range(len(bought)):
        others = bought.sum() - bought[member]
        here = payment(storage, member, bought[member], others)
        assert here == pytest.approx(bills[member], abs=1e-9)
        for other in amounts:
            assert here <= payment(storage, member, other, others) + 1e-9


def test_scenarios_of_a_large_sample_cost_nearly_the_same():
    """The two classes are the same game with two distributions."""
    covariance = [[4.0, 1.0], [1.0, 1.0]]
    random = np.random.default_rng(7)
    sample = random.multivariate_normal([9, 6], covariance, 8_000)
    by_sample = TwoPeriodStorage(
        ["ann", "bob"], np.zeros_like(sample), sample.clip(0), storage_price=0.08, **PRICES
    )
    normal = GaussianStorage(["ann", "bob"], [9, 6], covariance, storage_price=0.08, **PRICES)
    assert by_sample.allocation().values == pytest.approx(normal.allocation().values, rel=1e-2)
    assert by_sample.cost_game().tabulate() == pytest.approx(
        normal.cost_game().tabulate(), rel=1e-2
    )


def test_dear_storage_is_not_bought_and_peaks_are_paid_for():
    storage = GaussianStorage(["ann", "bob"], [4, 2], np.zeros((2, 2)), storage_price=0.3, **PRICES)
    bills = storage.allocation()
    assert bills.values == pytest.approx([1.6, 0.8])
    assert bills.evidence.capacity_kwh == 0
    with pytest.raises(GameError, match=r"all together buy no storage at 0\.3 EUR"):
        storage.nash_capacities()


def test_peaks_that_are_often_negative_are_pointed_out():
    storage = GaussianStorage(
        ["ann", "bob"], [9, 1], np.diag([1.0, 1.0]), storage_price=0.1, **PRICES
    )
    bills = storage.allocation()
    (caveat,) = bills.evidence.caveats(bills, str)
    assert "bob (0.16)" in caveat
    assert "ann" not in caveat


def test_rules_take_it_as_any_other_world():
    storage = GaussianStorage(
        ["ann", "bob"], [4, 2], [[4, 1], [1, 1]], storage_price=0.08, **PRICES
    )
    table = sg.compare(storage, ["two-period-prices", "shapley"])
    assert {"two-period-prices", "shapley"} <= set(str(table).split())


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1, -2], [-2, 4]], "peak of ann falls when that of all rises"),
        ([[0.01, 0.09], [0.09, 1]], r"ann would buy -0\.0394847 kWh"),
    ],
)
def test_where_no_equilibrium_is_known_it_says_so(covariance, message):
    storage = GaussianStorage(["ann", "bob"], [0, 9], covariance, storage_price=0.2, **PRICES)
    with pytest.raises(GameError, match=message):
        storage.nash_capacities()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean_peak_kwh": [1.0]}, r"mean_peak_kwh has shape \(1,\); 2 members need \(2,\)"),
        ({"mean_peak_kwh": [1.0, -1.0]}, "mean_peak_kwh of bob must be non-negative, got -1.0"),
        ({"mean_peak_kwh": "much"}, "mean_peak_kwh is not an array of numbers"),
        ({"off_peak_kwh": [1, math.nan]}, "off_peak_kwh of bob must be non-negative, got nan"),
        ({"peak_covariance": [1, 2]}, r"has shape \(2,\); 2 members need \(2, 2\)"),
        ({"peak_covariance": [[1, math.inf], [0, 1]]}, "must be finite"),
        ({"peak_covariance": [[1, 0.5], [0, 1]]}, "symmetric, got 0.5 of ann and bob, but 0.0 of"),
        ({"peak_covariance": [[1, 2], [2, 1]]}, "variance of -1; it must be positive semidefinite"),
        ({"peak_price": 0.05}, "the peak must not be cheaper"),
        ({"storage_price": 0.0}, "storage_price must be positive, got 0.0"),
        ({"storage_price": math.nan}, "storage_price must be positive, got nan"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    arguments = {"mean_peak_kwh": [1, 2], "peak_covariance": np.eye(2), "storage_price": 0.1}
    arguments |= {**PRICES, **change}
    with pytest.raises(GameError, match=message):
        GaussianStorage(["ann", "bob"], **arguments)
