"""The key nearest to a fair split: by brute force in fractions, and what remains."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.shared_roofs import EARNED, neighbours
from hypothesis import strategies as st
from reference import best_key_oracles as oracle
from sesgame.errors import AllocationError, GameError

E = sg.energy
RNG = np.random.default_rng(7)
SUN = np.maximum(0, np.sin(np.arange(72) / 24 * 2 * np.pi)) * RNG.uniform(2, 6, 72)
NEEDS = RNG.gamma(0.6, 1.0, (5, 72))
BUYS = [0.24, 0.26, 0.28, 0.3, 0.34]
PRICE = 0.1
of_each = pytest.mark.parametrize("distance", ["largest", "sum"])

eighths = st.integers(0, 40).map(lambda number: number / 8)


@st.composite
def pairs(draw):
    """Draw two points, and what each is to be billed."""
    n_steps = draw(st.integers(2, 4))
    shape = st.lists(eighths, min_size=n_steps, max_size=n_steps)
    generated, consumed = draw(shape), [draw(shape), draw(shape)]
    generated[0] += 0.125
    consumed = [[row[0] + 0.125, *row[1:]] for row in consumed]
    buys = [(13 + draw(st.integers(0, 12))) / 64 for _ in range(2)]
    return generated, consumed, buys, [draw(st.integers(-8, 24)) / 64 for _ in range(2)]


@of_each
@drawn(20, 120, pairs())
def test_no_key_is_nearer(distance, case):
    generated, consumed, buys, wanted = case
    world = neighbours(generated, consumed, buys, fee=0.0625)
    alone = [sum(row) * buy for row, buy in zip(consumed, buys, strict=True)]
    fair = {"roof": 0.0} | {f"m{row}": alone[row] - wanted[row] for row in range(2)}
    nearest = E.nearest_key(world, fair, local_price_per_kwh=0.125, distance=distance)
    saved = [[Fraction(buy) - Fraction(3, 16)] * len(generated) for buy in buys]
    least = oracle.nearest_of_two(
        [Fraction(each) for each in generated],
        [[Fraction(each) for each in row] for row in consumed],
        saved,
        [Fraction(alone[row]) - Fraction(fair[f"m{row}"]) for row in range(2)],
        distance,
    )
    assert nearest.remaining == pytest.approx(float(least), abs=nearest.tolerance)
    assert nearest.least == pytest.approx(nearest.remaining, abs=nearest.tolerance)
    assert nearest.coefficients.sum() == pytest.approx(1, abs=1e-15)


@of_each
@pytest.mark.parametrize("unused", ["plant", "owner"])
def test_other_keys_of_five_points_are_no_nearer(distance, unused):
    world = neighbours(SUN, NEEDS, BUYS, [0.03] * 5)
    fair = sg.shapley_value(world.cost_game())
    nearest = E.nearest_key(
        world, fair, local_price_per_kwh=PRICE, distance=distance, unused=unused
    )
    rng, measure = np.random.default_rng(1), {"largest": np.max, "sum": np.sum}[distance]
    for step in (1e-3, 0.02, 0.2):
        for _ in range(8):
            other = np.clip(nearest.coefficients + step * rng.normal(size=5), 0, None)
            key = E.StaticKey(dict(zip(nearest.points, other / other.sum(), strict=True)))
            bills = E.shared_generation(world, key, local_price_per_kwh=PRICE, unused=unused)
            found = measure(np.abs(bills.values - fair.values)[1:])
            assert found >= nearest.remaining - nearest.tolerance


@of_each
@pytest.mark.parametrize("part", [0.3, 1.0, 1.6], ids=["too much", "fair", "too little"])
def test_the_least_is_proved_and_a_forged_one_is_not(distance, part):
    world = neighbours(SUN, NEEDS, BUYS)
    shapley = sg.shapley_value(world.cost_game())
    alone = np.array([world.cost_game().value([member]) for member in world.members])
    fair = alone + part * (shapley.values - alone)
    given = {"allocation": fair, "local_price_per_kwh": PRICE}
    nearest = E.nearest_key(world, distance=distance, **given)
    found = nearest.verify(world, **given)
    assert found.state == "proved", found.failures
    assert nearest.remaining == pytest.approx(nearest.least, abs=nearest.tolerance)
    more, other = 0.01, nearest.coefficients[::-1].copy()
    for forged, words in (
        (replace(nearest, least=nearest.least + more), "come nearer"),
        (replace(nearest, remaining=nearest.remaining - more), "the distance is"),
        (replace(nearest, least=nearest.least - more), "the least is"),
        (replace(nearest, least=np.nan), "the least is"),
        (replace(nearest, coefficients=other), "bills under the key"),
        (replace(nearest, points=nearest.points[::-1]), "other points"),
    ):
        refuted = forged.verify(world, **given)
        assert refuted.state == "refuted"
        assert words in " ".join(refuted.failures)


@of_each
def test_bills_of_a_key_lead_back_to_it(distance):
    world = neighbours(SUN, NEEDS, BUYS)
    key = E.StaticKey({"p0": 0.1, "p1": 0.3, "p2": 0.2, "p3": 0.25, "p4": 0.15})
    bills = E.shared_generation(world, key, local_price_per_kwh=PRICE)
    nearest = E.nearest_key(world, bills, local_price_per_kwh=PRICE, distance=distance)
    assert nearest.coefficients == pytest.approx([0.1, 0.3, 0.2, 0.25, 0.15], abs=1e-12)
    assert nearest.remaining == pytest.approx(0, abs=nearest.tolerance)
    assert nearest.deviations.values == pytest.approx(np.zeros(6), abs=nearest.tolerance)


def test_a_member_with_two_points_divides_its_coefficient_so_that_it_saves_most():
    world = neighbours([2, 2], [[1, 0], [0, 1], [1, 1]], [0.3, 0.3, 0.3])
    points = [world.points[0], *(point_of(world.points[k], "m0") for k in (1, 2)), world.points[3]]
    two = E.PublicGrid(
        points=points, steps=world.steps, contracts=world.contracts, fee_per_kwh=0.05
    )
    fair = {"roof": 0.0, "m0": 0.3, "m2": 0.45}
    nearest = E.nearest_key(two, fair, local_price_per_kwh=PRICE)
    saved = 0.6 - nearest.bills["m0"]
    part = nearest.coefficients[:2].sum()
    # Of two points that use what they are given alike, each saves 0.15 for each of 2 kWh.
    assert saved == pytest.approx(0.3 * part, abs=1e-12)
    assert nearest.counted == ("m0", "m2")


def point_of(point, member):
    return E.MeteringPoint(
        name=point.name, member=member, contract=point.contract, import_kwh=point.import_kwh
    )


@of_each
@pytest.mark.parametrize(("unused", "price"), [("plant", EARNED), ("owner", 0.0)])
def test_who_feeds_in_and_draws_is_brought_near_where_its_income_is_its_own(
    distance, unused, price
):
    world = neighbours(SUN, NEEDS, BUYS, [0.01] * 5)
    roof = E.MeteringPoint(name="roof", member="m0", contract="pv", export_kwh=SUN)
    both = E.PublicGrid(
        points=[roof, *world.points[1:]],
        steps=world.steps,
        contracts=world.contracts,
        fee_per_kwh=0.05,
    )
    key = E.StaticKey({"p0": 0.1, "p1": 0.3, "p2": 0.2, "p3": 0.25, "p4": 0.15})
    terms = {"local_price_per_kwh": price, "unused": unused}
    bills = E.shared_generation(both, key, **terms)
    nearest = E.nearest_key(both, bills, distance=distance, **terms)
    assert nearest.remaining == pytest.approx(0, abs=nearest.tolerance)
    assert bool(nearest.verify(both, bills, local_price_per_kwh=price))
    with pytest.raises(GameError, match=r"'m0' draws, and its plant 'roof' earns 0\.1"):
        E.nearest_key(both, bills, local_price_per_kwh=PRICE, unused=unused)


def test_names_and_orders_do_not_matter():
    fair = sg.shapley_value(neighbours(SUN, NEEDS, BUYS).cost_game())
    order = [3, 1, 4, 0, 2]
    other_fair = {"roof": fair["roof"]} | {f"m{k}": fair[f"m{row}"] for k, row in enumerate(order)}
    nearest = E.nearest_key(neighbours(SUN, NEEDS, BUYS), fair, local_price_per_kwh=PRICE)
    other = E.nearest_key(
        neighbours(SUN, NEEDS[order], [BUYS[row] for row in order]),
        other_fair,
        local_price_per_kwh=PRICE,
    )
    assert other.coefficients == pytest.approx(nearest.coefficients[order], abs=1e-10)
    assert other.remaining == pytest.approx(nearest.remaining, abs=nearest.tolerance)


def test_prices_of_all_steps_are_cut_to_the_period():
    world = neighbours(SUN, NEEDS, BUYS)
    prices = np.where(np.arange(72) < 24, 0.12, 0.08)
    day = world.period("2024-06-02", "2024-06-03")
    fair = sg.shapley_value(day.cost_game())
    one = E.nearest_key(
        world, fair, local_price_per_kwh=prices, start="2024-06-02", end="2024-06-03"
    )
    assert one.remaining == E.nearest_key(day, fair, local_price_per_kwh=0.08).remaining


def test_what_no_coefficient_brings_nearer_is_refused_by_name():
    world = neighbours(SUN, NEEDS, BUYS)
    fair = sg.shapley_value(world.cost_game())
    with pytest.raises(GameError, match="coefficient of 'p0' above 0 costs it more"):
        E.nearest_key(world, fair, local_price_per_kwh=0.2)
    price = np.where(np.arange(72) == 30, 0.2, PRICE)
    E.nearest_key(world, fair, local_price_per_kwh=price)
    with pytest.raises(GameError, match=r"a used kWh costs 'p0' 0\.01 more than a bought one at"):
        E.nearest_key(world, fair, local_price_per_kwh=price, distance="sum")
    with pytest.raises(GameError, match='distance must be "largest" or "sum"'):
        E.nearest_key(world, fair, local_price_per_kwh=PRICE, distance="euclid")
    with pytest.raises(AllocationError, match="missing"):
        E.nearest_key(world, {"roof": 1.0}, local_price_per_kwh=PRICE)
    gains = sg.Allocation(world.members, np.zeros(6), kind="gain", method="given")
    with pytest.raises(AllocationError, match="a gain allocation for a cost game"):
        E.nearest_key(world, gains, local_price_per_kwh=PRICE)


def test_what_a_change_of_key_costs_adds_up_to_what_the_keys_differ_in():
    world = neighbours(SUN, NEEDS, BUYS)
    halves = dict.fromkeys(["p0", "p1", "p2", "p3", "p4"], 0.2)
    static = E.shared_generation(world, E.StaticKey(halves), local_price_per_kwh=PRICE)
    dynamic = E.shared_generation(world, E.DynamicKey(), local_price_per_kwh=PRICE)
    change = E.change_in_bills(static, dynamic)
    assert change.total == pytest.approx(dynamic.total - static.total, abs=change.tolerance)
    assert change.method == f"change from {static.method} to {dynamic.method}"
    assert all(change[member] == dynamic[member] - static[member] for member in world.members)
    back = E.change_in_bills(dynamic, static)
    assert back.values.tolist() == (-change.values).tolist()


def test_changes_are_of_bills_of_the_same_members():
    bills = sg.Allocation(["a", "b"], [1.0, 2.0], kind="cost", method="given")
    turned = sg.Allocation(["b", "a"], [2.5, 1.0], kind="cost", method="given")
    assert dict(E.change_in_bills(bills, turned)) == {"a": 0.0, "b": 0.5}
    with pytest.raises(AllocationError, match=r"only before \{b\}, only after \{c\}"):
        E.change_in_bills(bills, sg.Allocation(["a", "c"], [1, 2], kind="cost", method="given"))
    with pytest.raises(AllocationError, match="after must be bills, got a gain"):
        E.change_in_bills(bills, sg.Allocation(["a", "b"], [1, 2], kind="gain", method="given"))
