"""Points that share over the public grid: exact costs and shares, bills, invariance."""

from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.streets import OWN_POINTS, street, varied
from hypothesis import strategies as st
from reference.sharing_oracles import ends_of_bill, exact_costs, least_cost
from reference.value_oracles import shapley_value
from sesgame.energy import Contract, MeteringPoint, PublicGrid, Tariff
from sesgame.errors import GameError

SEEDS = st.integers(0, 100_000)

# Sums of some dozens of eighths of whole numbers are exact; shares divide them by small numbers.
ROUNDING = 1e-12


def check_costs(world):
    costs = exact_costs(world)
    table = world.cost_game().tabulate()
    np.testing.assert_allclose(table, [float(cost) for cost in costs], atol=ROUNDING, rtol=0)
    everybody = world.members
    # The program is solved to 1e-7 at worst.
    assert least_cost(world, everybody) == pytest.approx(float(costs[-1]), abs=1e-7)
    return costs


@pytest.mark.parametrize("crossing", [False, True])
@pytest.mark.parametrize("zones", [1, 2, 3])
@pytest.mark.parametrize("own_points", OWN_POINTS)
def test_costs_are_those_of_exact_transports(zones, own_points, crossing):
    world = street(10 + zones, zones=zones, own_points=own_points, crossing=crossing, n_points=6)
    check_costs(world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_costs_of_many_streets_are_those_of_exact_transports(seed):
    for zones in (1, 2, 3):
        for own_points in OWN_POINTS:
            world = street(
                100 + seed, zones=zones, own_points=own_points, crossing=seed % 2 == 1, n_points=8
            )
            check_costs(world)


@pytest.mark.parametrize("own_points", OWN_POINTS)
@pytest.mark.parametrize("zones", [1, 2])
@drawn(1, 8, SEEDS)
def test_shapley_values_are_the_mean_over_all_orders(zones, own_points, seed):
    world = street(seed, zones=zones, own_points=own_points, crossing=seed % 2 == 1, n_points=6)
    expected = [float(value) for value in shapley_value(exact_costs(world))]
    shares = sg.shapley_value(world.cost_game()).values
    np.testing.assert_allclose(shares, expected, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("own_points", ["always", "with_others"])
@drawn(2, 15, SEEDS)
def test_shares_need_no_table(own_points, seed):
    game = street(seed, own_points=own_points, members=7, n_points=12, crossing=True).cost_game()
    table = sg.Game.from_table(game.tabulate(), kind="cost")
    by_form = game.native.shapley_value_by_form()[0]
    np.testing.assert_allclose(by_form, sg.shapley_value(table).values, atol=ROUNDING, rtol=0)


def test_many_members_are_tabulated_as_they_are_walked():
    game = street(5, members=12, n_points=20, steps=2).cost_game()
    table = game.tabulate()
    rows = np.random.default_rng(0).random((40, 12)) < 0.5
    masks = (rows * (1 << np.arange(12))).sum(axis=1)
    np.testing.assert_allclose(table[masks], game.values(rows), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("own_points", ["always", "with_others"])
@pytest.mark.parametrize("zones", [1, 2])
@drawn(1, 8, SEEDS)
def test_bills_lie_between_the_ends_of_all_dual_prices(zones, own_points, seed):
    world = street(seed, zones=zones, own_points=own_points, members=3, n_points=5, steps=2)
    bills = sg.owen_allocation(world)
    evidence = bills.evidence
    for row, member in enumerate(world.members):
        low, high = ends_of_bill(world, member)
        # The programs are solved to 1e-7 at worst.
        assert low - 1e-7 <= bills.values[row] <= high + 1e-7
        assert evidence.lowest[row] <= low + 1e-7
        assert evidence.highest[row] >= high - 1e-7
        if zones == 1:
            assert evidence.lowest[row] == pytest.approx(low, abs=1e-7)
            assert evidence.highest[row] == pytest.approx(high, abs=1e-7)


def test_where_one_member_is_alone_no_price_clears_between_its_points():
    world = PublicGrid(
        points=[
            MeteringPoint(name="home", member="ann", contract="c", import_kwh=[1.0]),
            MeteringPoint(name="roof", member="ann", contract="c", export_kwh=[1.0]),
        ],
        steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
        contracts=[Contract(name="c", energy=Tariff.flat(0.3, 0.1))],
        own_points="with_others",
    )
    assert world.cost_game().value(["ann"]) == pytest.approx(0.2)
    with pytest.raises(GameError, match="'ann' is alone, and own points share only with others"):
        sg.owen_allocation(world)


@pytest.mark.parametrize(
    ("own_points", "alone", "together"),
    [
        pytest.param("always", 0.35, 0.35, id="always"),
        pytest.param("with_others", 0.50, 0.35, id="with others"),
        pytest.param("never", 0.50, 0.50, id="never"),
    ],
)
def test_the_registers_of_a_point_share_at_the_fee_where_own_points_do(own_points, alone, together):
    world = PublicGrid(
        points=[
            MeteringPoint(
                name="home", member="ann", contract="c", import_kwh=[2.0], export_kwh=[1.0]
            )
        ],
        members=["ann", "bob"],
        steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
        contracts=[Contract(name="c", energy=Tariff.flat(0.3, 0.1))],
        fee_per_kwh=0.05,
        own_points=own_points,
    )
    game = world.cost_game()
    # 2 at 0.30 less 1 at 0.10; or 1 at 0.30 and 1 at the fee.
    assert game.value(["ann"]) == pytest.approx(alone)
    assert game.value(["ann", "bob"]) == pytest.approx(together)


def test_a_member_who_is_no_label_is_refused():
    with pytest.raises(GameError, match=r"the member of 'home' is no label: \['ann'\]"):
        MeteringPoint(name="home", member=["ann"], contract="c", import_kwh=[1.0])


def solutions(world):
    """Return what must not depend on how a world is written: costs, shares, bills, ranges."""
    game = world.cost_game()
    found = [game.tabulate(), sg.shapley_value(game).values]
    if world.own_points != "never":
        bills = sg.owen_allocation(world)
        found += [bills.values, bills.evidence.lowest, bills.evidence.highest]
    return found


@pytest.mark.parametrize("own_points", OWN_POINTS)
@pytest.mark.parametrize("zones", [1, 2])
@drawn(1, 8, SEEDS)
def test_any_split_of_readings_is_the_same_world(zones, own_points, seed):
    world = street(seed, zones=zones, own_points=own_points, crossing=seed % 2 == 1)
    random = np.random.default_rng(seed)
    parts = []
    for point in world.points:
        # Each kWh of each register goes to either part; quarters keep the sums exact.
        taken, given = random.integers(0, 5, (2, world.steps.n_steps)) / 4
        for part, drawn_part, fed_in in (("a", taken, given), ("b", 1 - taken, 1 - given)):
            parts.append(
                replace(
                    point,
                    name=f"{point.name} {part}",
                    import_kwh=point.import_kwh * drawn_part,
                    export_kwh=point.export_kwh * fed_in,
                )
            )
    split = varied(world, points=random.permutation(np.array(parts, dtype=object)))
    for ours, theirs in zip(solutions(world), solutions(split), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("own_points", OWN_POINTS)
@pytest.mark.parametrize("zones", [1, 2])
@drawn(1, 8, SEEDS)
def test_members_in_another_order_pay_the_same(zones, own_points, seed):
    world = street(seed, zones=zones, own_points=own_points, crossing=seed % 2 == 1)
    order = np.random.default_rng(seed).permutation(len(world.members))
    other = varied(
        world,
        members=[world.members[row] for row in order],
        points=world.points[::-1],
        contracts=world.contracts[::-1],
    )
    for ours, theirs in zip(solutions(world)[1:], solutions(other)[1:], strict=True):
        np.testing.assert_allclose(theirs, ours[order], atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("own_points", OWN_POINTS)
@pytest.mark.parametrize("zones", [1, 2])
@drawn(1, 8, SEEDS)
def test_other_units_of_energy_and_money_scale_all(zones, own_points, seed):
    world = street(seed, zones=zones, own_points=own_points, crossing=seed % 2 == 1)
    kwh, money = 2.0**-20, 2.0**12

    def dearer(tariff):
        (band,) = tariff.bands
        return Tariff.flat(band.buy_per_kwh * money, band.sell_per_kwh * money)

    other = varied(
        world,
        points=[
            replace(p, import_kwh=p.import_kwh * kwh, export_kwh=p.export_kwh * kwh)
            for p in world.points
        ],
        contracts=[replace(each, energy=dearer(each.energy)) for each in world.contracts],
        fee_per_kwh={
            (a, b): world.fee_per_kwh[i, j] * money
            for i, a in enumerate(world.zones)
            for j, b in enumerate(world.zones)
        },
    )
    # Powers of two change no digit.
    for ours, theirs in zip(solutions(world), solutions(other), strict=True):
        assert (theirs / (kwh * money)).tolist() == ours.tolist()


def test_the_price_in_the_interval_is_the_middle_and_the_range_is_said():
    point = MeteringPoint
    world = PublicGrid(
        points=[
            point(name="1", member="roof", contract="basic", export_kwh=[2.0]),
            point(name="2", member="flat", contract="basic", import_kwh=[2.0]),
        ],
        steps=sg.energy.TimeSteps("2024-06-01", np.timedelta64(1, "h"), 1),
        contracts=[Contract(name="basic", energy=Tariff.flat(0.30, 0.08))],
        fee_per_kwh=0.10,
    )
    evidence = sg.owen_allocation(world).evidence
    # Any price from 0.18, at which the roof is as well off outside, to 0.30 clears.
    assert evidence.taken_per_kwh[0, 0] == pytest.approx(0.24)
    assert evidence.given_per_kwh[0, 0] == pytest.approx(0.14)
    assert evidence.lowest.tolist() == pytest.approx([-0.40, 0.36])
    assert evidence.highest.tolist() == pytest.approx([-0.16, 0.60])
    assert evidence.shared_kwh.tolist() == [2.0]
    assert "the middle of" in evidence.choice


def test_a_period_has_the_fees_of_its_steps():
    world = street(4, zones=2, steps=4)
    part = world.period("2024-06-01T01:00", "2024-06-01T03:00")
    assert part.fee_per_kwh.tolist() == world.fee_per_kwh[:, :, 1:3].tolist()
    check_costs(part)


def test_wrong_worlds_are_named():
    point = MeteringPoint(name="1", member="ann", contract="basic", import_kwh=[1.0])
    basic, old = (Contract(name=name, energy=Tariff.flat(0.3, 0.1)) for name in ("basic", "old"))
    right = {
        "points": [point],
        "steps": sg.energy.TimeSteps("2024-06-01", np.timedelta64(1, "h"), 1),
        "contracts": [basic],
    }
    for change, message in [
        ({"points": []}, "no metering point"),
        ({"points": [point, point]}, "the point '1' is there twice"),
        ({"members": ["bob"]}, "of 'ann', who is not a member"),
        ({"contracts": [old]}, "none of old"),
        ({"contracts": [basic, old]}, "no metering point has the contract 'old'"),
        ({"contracts": [basic, basic]}, "the contract 'basic' is there twice"),
        ({"contracts": []}, "the contract 'basic', which is none"),
        ({"fee_per_kwh": {}}, "no fee from the zone '' to ''"),
        ({"fee_per_kwh": {("", ""): 0.1, ("a", ""): 0.1}}, r"of \('a', ''\); it needs two of"),
        ({"fee_per_kwh": float("nan")}, "fee_per_kwh is not finite"),
        ({"fee_per_kwh": [0.1, 0.1]}, r"fee_per_kwh has shape \(2,\); it needs \(\) or \(1,\)"),
        ({"fee_per_kwh": {("", ""): "dear"}}, "from '' to '' must be a number, or one for each"),
        ({"own_points": "sometimes"}, "always, with_others or never"),
    ]:
        with pytest.raises(GameError, match=message):
            PublicGrid(**(right | change))
    with pytest.raises(GameError, match="take no reference"):
        sg.owen_allocation(PublicGrid(**right), reference=[0.3])
    with pytest.raises(GameError, match="'bob' is not a member; the members are"):
        PublicGrid(**right).bills_alone("bob")
