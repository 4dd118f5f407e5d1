"""Bills under sharing keys: exact energy and money, laws with their numbers, what a key loses."""

import json
import tracemalloc
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.streets import street, varied
from hypothesis import strategies as st
from reference import sharing_key_oracle as oracle
from sesgame.energy import (
    KEYS,
    Contract,
    DynamicKey,
    EqualKey,
    GivenKey,
    HierarchicalKey,
    MeteringPoint,
    PairwiseKey,
    PublicGrid,
    SharingCoefficients,
    StaticKey,
    Tariff,
    TimeSteps,
    shared_generation,
)
from sesgame.errors import GameError
from sesgame.evidence import SharedGeneration
from sesgame.files.json_text import json_text

SEEDS = st.integers(0, 100_000)
HOUR = np.timedelta64(1, "h")

# Sums of some dozens of amounts below 100, each divided a few times.
ROUNDING = 1e-12


def key_and_rules(kind, world, seed):
    """Return a key of a kind for the points of a world, and its rules in fractions."""
    random = np.random.default_rng(seed)
    names = [point.name for point in world.points]
    plants = tuple(names)
    # Parts of 64 add up exactly, as floats and as fractions.
    parts = random.multinomial(64, np.full(len(names), 1 / len(names)), world.steps.n_steps).T / 64
    by_step = oracle.static(lambda step: dict(zip(names, parts[:, step].tolist(), strict=True)))
    fixed = oracle.static(lambda step: dict(zip(names, parts[:, 0].tolist(), strict=True)))
    if kind == "static":
        return StaticKey(dict(zip(names, parts[:, 0].tolist(), strict=True))), {plants: fixed}
    if kind == "hourly":
        return StaticKey(SharingCoefficients(names, parts, world.steps)), {plants: by_step}
    if kind == "dynamic":
        return DynamicKey(), {plants: oracle.dynamic}
    if kind == "equal":
        return EqualKey(), {plants: oracle.equal}
    if kind == "given":
        half = oracle.static(lambda step: dict(zip(names, parts[:, step] / 2, strict=True)))
        return GivenKey(names, parts / 2, world.steps), {plants: half}
    if kind == "hierarchical":
        order = random.permutation(names).tolist()
        groups = [order[:2], order[2:4], order[4:]]
        inside = {name: 1 / 4 if name != groups[0][0] else 3 / 4 for name in groups[0]}
        within = [StaticKey(inside), EqualKey(), DynamicKey()]
        rules = [oracle.static(lambda step: inside), oracle.equal, oracle.dynamic]
        return HierarchicalKey(groups, within), {plants: oracle.hierarchical(groups, rules)}
    first, *others = random.permutation(names).tolist()
    keys = {first: EqualKey(), others[0]: GivenKey(names, parts, world.steps)}
    rules = {(first,): oracle.equal, (others[0],): by_step}
    for name in others[1:]:
        keys[name], rules[(name,)] = DynamicKey(), oracle.dynamic
    return PairwiseKey(keys), rules


def check_against_fractions(kind, zones, unused, seed):
    world = street(seed, zones=zones, crossing=seed % 2 == 1, n_points=6)
    if seed % 3 == 0:
        parts = [
            replace(point, participation=0.25 * (k % 5)) for k, point in enumerate(world.points)
        ]
        world = varied(world, points=parts)
    random = np.random.default_rng(seed)
    price = {p.name: random.integers(0, 8, world.steps.n_steps) / 8 for p in world.points}
    key, rules = key_and_rules(kind, world, seed)
    expected = oracle.Shared(world, rules, price, unused)
    bills = shared_generation(world, key, local_price_per_kwh=price, unused=unused)
    found = bills.evidence

    def check(energy, exact):
        np.testing.assert_allclose(energy, np.array(exact, dtype=float), rtol=0, atol=ROUNDING)

    check(found.assigned_by_step(), expected.assigned)
    check(found.used_by_step(), expected.used)
    check(found.used_kwh, [sum(row) for row in expected.used])
    check(found.lost_kwh_by_step, expected.lost)
    check(bills.values - found.unchanged_bills, list(expected.bills.values()))
    check(found.bills_by_step().sum(axis=1), list(expected.bills.values()))
    given = [[expected.given[k, i] for i in found.points] for k in found.plants]
    if found.plants:
        check(found.given_kwh(), given)
        check(found.shared_kwh, [sum(row) for row in given])
    assert found.verify(world.cost_game()).holds
    assert found.arrangement == pytest.approx(bills.total, abs=ROUNDING)
    return expected


@pytest.mark.parametrize(("zones", "unused"), [(1, "owner"), (2, "plant")])
@pytest.mark.parametrize("kind", KEYS)
@drawn(1, 5, SEEDS)
def test_energy_and_money_are_those_of_fractions(kind, zones, unused, seed):
    check_against_fractions(kind, zones, unused, seed)


def test_what_is_drawn_has_losses_and_surplus_of_both_kinds():
    lost = [
        sum(check_against_fractions("static", 1, "owner", seed).lost, Fraction(0))
        for seed in range(3)
    ]
    assert max(lost) > 0


@drawn(3, 30, SEEDS)
def test_keys_that_look_at_consumption_use_all_that_can_be_used(seed):
    world = street(seed, n_points=7, steps=4)
    names = [point.name for point in world.points]
    usable = np.minimum(
        sum(point.import_kwh for point in world.points),
        sum(point.export_kwh for point in world.points),
    )
    for key in (DynamicKey(), EqualKey(), HierarchicalKey([names[3:], names[:3]])):
        found = shared_generation(world, key, local_price_per_kwh=0.1).evidence
        used = found.used_by_step().sum(axis=0)
        np.testing.assert_allclose(used, usable, rtol=0, atol=ROUNDING)
        assert found.lost_kwh == 0


def small(generated, drawn, *, buy=0.30, sell=0.08, fee=0.0, steps=None, **changes):
    """Return a roof of member "roof", and a consumer for each name, all with one contract."""
    generated = np.atleast_1d(generated).astype(float)
    points = [MeteringPoint(name="pv", member="roof", contract="basic", export_kwh=generated)]
    points += [
        MeteringPoint(name=name, member=name, contract="basic", import_kwh=np.atleast_1d(energy))
        for name, energy in drawn.items()
    ]
    given = {
        "points": points,
        "steps": steps or TimeSteps("2024-06-01T12:00", HOUR, len(generated)),
        "contracts": [Contract(name="basic", energy=Tariff.flat(buy, sell))],
        "fee_per_kwh": fee,
    }
    return PublicGrid(**(given | changes))


def used_of(world, key, **options):
    found = shared_generation(world, key, local_price_per_kwh=0.15, **options).evidence
    return dict(zip(found.points, found.used_kwh.tolist(), strict=True)), found


def test_spanish_coefficients_leave_what_is_not_used_to_its_owner():
    # RD 244/2019 as ecodrivex.es explains it: 100 Wh by 30 and 70 per cent, used 45 and 80.
    world = small(0.1, {"a": 0.045, "b": 0.080})
    used, found = used_of(world, StaticKey({"a": 0.3, "b": 0.7}), unused="owner")
    assert [used["a"], used["b"]] == pytest.approx([0.030, 0.070], abs=ROUNDING)
    drawn = np.array([point.import_kwh[0] for point in world.points[1:]])
    assert (drawn - found.used_kwh[1:]).tolist() == pytest.approx([0.015, 0.010], abs=ROUNDING)


def test_french_priorities_serve_the_first_first():
    # doc.plein-soleil.org: of 1 kWh B takes its 0.4, and C the rest of its 0.8; 0.2 is billed to C.
    used, _ = used_of(small(1.0, {"B": 0.4, "C": 0.8}), HierarchicalKey([["B"], ["C"]]))
    assert [used["B"], used["C"]] == pytest.approx([0.4, 0.6], abs=ROUNDING)


@pytest.mark.parametrize(
    ("key", "of_5", "of_12"),
    [
        (StaticKey(dict.fromkeys("abc", 1 / 3)), [1, 5 / 3, 5 / 3], [1, 3, 4]),
        (DynamicKey(), [0.5, 1.5, 3], [1, 3, 6]),
        (EqualKey(), [1, 2, 2], [1, 3, 6]),
        (HierarchicalKey([["c"], ["a", "b"]]), [0, 0, 5], [1, 3, 6]),
    ],
)
def test_keys_worked_by_hand(key, of_5, of_12):
    for generated, expected in ((5.0, of_5), (12.0, of_12)):
        used, _ = used_of(small(generated, {"a": 1.0, "b": 3.0, "c": 6.0}), key)
        assert [used[name] for name in "abc"] == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize(("reduction", "saved"), [(0.57, 0.0899), (0.28, 0.0696), (0.0, 0.05)])
def test_a_reduced_fee_saves_more(reduction, saved):
    # Energy at 0.15 and a grid fee of 0.07, of which a neighbour's kWh at 0.10 pays a part.
    world = small(1.0, {"a": 1.0}, buy=0.22, fee=0.07, reduction=reduction)
    bills = shared_generation(world, DynamicKey(), local_price_per_kwh=0.10)
    assert 0.22 - bills["a"] == pytest.approx(saved, abs=ROUNDING)


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_days_of_23_and_25_hours(day, hours, tmp_path):
    # Quarter-hours on UTC, coefficients for each hour of the day in Berlin.
    start = np.datetime64(day) - (HOUR if hours == 23 else 2 * HOUR)
    quarters = TimeSteps.from_times(
        [f"{start + k * np.timedelta64(15, 'm')}Z" for k in range(4 * hours)],
        tariff_zone="Europe/Berlin",
    )
    own = TimeSteps.from_times(
        [f"{start + k * HOUR}Z" for k in range(hours)], tariff_zone="Europe/Berlin"
    )
    of_a = np.arange(hours) / 32
    world = small(
        np.ones(4 * hours),
        {"a": np.ones(4 * hours), "b": np.ones(4 * hours)},
        steps=quarters,
    )
    key = StaticKey(SharingCoefficients(["a", "b"], [of_a, 1 - of_a], own))
    assert key.title == "hourly"
    found = shared_generation(world, key, local_price_per_kwh=0.1).evidence
    np.testing.assert_array_equal(found.used_by_step()[1], np.repeat(of_a, 4))
    # The same from a file on the clock of Berlin, which repeats an hour or leaves one out.
    rows = [f"{own.time(k)},{part},{1 - part}" for k, part in enumerate(of_a.tolist())]
    path = tmp_path / "coefficients.csv"
    path.write_text("\n".join(["time,a,b", *rows]) + "\n")
    read = StaticKey(SharingCoefficients.from_csv(path, zone="Europe/Berlin"))
    same = shared_generation(world, read, local_price_per_kwh=0.1).evidence
    np.testing.assert_array_equal(same.used_by_step(), found.used_by_step())
    # A table without the first hour does not reach over the day.
    part = own.part(slice(1, hours))
    short = StaticKey(SharingCoefficients(["a", "b"], [of_a[1:], 1 - of_a[1:]], part))
    with pytest.raises(GameError, match=f"the coefficients cover {day}T01:00"):
        shared_generation(world, short, local_price_per_kwh=0.1)


def test_two_plants_of_which_one_stops_and_a_point_that_comes_later():
    world = PublicGrid(
        points=[
            MeteringPoint(name="roof", member="r", contract="basic", export_kwh=[2, 2, 2]),
            MeteringPoint(name="barn", member="b", contract="basic", export_kwh=[2, 0, 0]),
            MeteringPoint(name="a", member="a", contract="basic", import_kwh=[1, 1, 1]),
            MeteringPoint(name="later", member="l", contract="basic", import_kwh=[0, 0, 3]),
        ],
        steps=TimeSteps("2024-06-01", HOUR, 3),
        contracts=[Contract(name="basic", energy=Tariff.flat(0.30, 0.08))],
    )
    prices = {"roof": 0.10, "barn": 0.20}
    common = shared_generation(world, DynamicKey(), local_price_per_kwh=prices)
    # Half of the first kWh is from each plant; afterwards all is from the roof.
    # In the third hour the roof has half of what is needed.
    assert common["a"] == pytest.approx(0.15 + 0.10 + (0.05 + 0.15), abs=ROUNDING)
    assert common.evidence.given_kwh()[:, 2:].tolist() == [
        pytest.approx([0.5 + 1 + 0.5, 1.5], abs=ROUNDING),
        [0.5, 0.0],
    ]
    assert any("from all plants" in reading for reading in common.evidence.readings)
    by_plant = PairwiseKey({"barn": DynamicKey(), "roof": DynamicKey()})
    pairs = shared_generation(world, by_plant, local_price_per_kwh=prices)
    assert pairs["a"] == pytest.approx(0.20 + 0.10 + (0.05 + 0.15), abs=ROUNDING)
    # In hours in which the barn stands still it needs no price, and its key shares nothing.
    later = shared_generation(world, by_plant, local_price_per_kwh=prices, start="2024-06-01T01:00")
    assert later.evidence.generated_kwh.tolist() == [4.0, 0.0]
    without = shared_generation(
        world, by_plant, local_price_per_kwh={"roof": 0.10}, start="2024-06-01T01:00"
    )
    assert without == later
    fixed = StaticKey({"a": 0.5, "later": 0.5})
    whole = shared_generation(world, fixed, local_price_per_kwh=0.1).evidence
    # What is assigned to a point that is not there yet is surplus.
    assert whole.assigned_kwh.tolist() == [0.0, 0.0, 4.0, 4.0]
    assert whole.unused_kwh.tolist() == [0.0, 0.0, 1.0, 3.0]


def test_one_price_for_each_step_goes_with_the_period():
    world = small([1.0, 1.0, 1.0], {"a": [1.0, 1.0, 1.0]})
    price = [0.10, 0.20, 0.25]
    bills = shared_generation(
        world, DynamicKey(), local_price_per_kwh=price, start="2024-06-01T13:00"
    )
    assert bills.values.tolist() == pytest.approx([-0.45, 0.45], abs=ROUNDING)


@drawn(3, 30, SEEDS)
def test_between_selling_and_buying_nobody_pays_more_than_alone(seed):
    random = np.random.default_rng(seed)
    sell, fee, gap = random.random(3)
    consumed = {name: random.random(6) for name in "abc"}
    world = small(2 * random.random(6), consumed, buy=sell + fee + gap, sell=sell, fee=fee)
    for key in (DynamicKey(), EqualKey(), StaticKey({"a": 0.5, "b": 0.25, "c": 0.25})):
        for unused in ("plant", "owner"):
            bills = shared_generation(
                world, key, local_price_per_kwh=sell + gap * random.random(), unused=unused
            )
            alone = bills.evidence.bills_without_sharing
            # The owner gets what the plant loses, and pays nothing for it.
            consumers = slice(1, None) if unused == "owner" else slice(None)
            assert (bills.values[consumers] <= alone[consumers] + ROUNDING).all()
            assert bills.evidence.lost_money >= -ROUNDING
            if not isinstance(key, StaticKey):
                # Under one contract every kWh is worth the same.
                assert bills.evidence.lost_money <= ROUNDING


def test_a_water_level_that_rises_many_times_is_found():
    # Each level reaches the next consumer only, as far as 40 consumers go.
    drawn = {f"p{k}": 2.0**-k for k in range(40)}
    for part in (1e-9, 0.01, 0.5, 0.999999):
        generated = part * sum(drawn.values())
        _, found = used_of(small(generated, drawn), EqualKey())
        exact = oracle.equal(
            0, Fraction(generated), {name: Fraction(energy) for name, energy in drawn.items()}
        )
        np.testing.assert_allclose(
            found.used_kwh[1:], [float(energy) for energy in exact.values()][::-1], rtol=1e-12
        )


def test_evidence_as_json_has_totals_and_no_meters():
    world = small(1.0, {"a": 0.5, "b": 0.5})
    bills = shared_generation(world, StaticKey({"a": 0.75, "b": 0.25}), local_price_per_kwh=0.1)
    told = json.loads(json_text(bills.to_dict()))["evidence"]
    assert told["key"] == "static"
    assert told["used_kwh"] == [0.0, 0.5, 0.25]
    assert told["lost_kwh"] == pytest.approx(0.25, abs=ROUNDING)
    assert not any(name.startswith("_") for name in told)


@pytest.mark.parametrize("kind", KEYS)
def test_bills_of_two_periods_add_up(kind):
    world = street(11, zones=2, n_points=6, steps=5)
    key, _ = key_and_rules(kind, world, 11)
    parts = [
        shared_generation(world, key, local_price_per_kwh=0.1, unused="owner", **period)
        for period in (
            {},
            {"end": "2024-06-01T02:00"},
            {"start": "2024-06-01T02:00"},
        )
    ]
    whole, first, second = (bills.values for bills in parts)
    np.testing.assert_allclose(first + second, whole, rtol=0, atol=ROUNDING)


def test_the_order_of_points_and_members_does_not_matter():
    world = street(11, zones=2, n_points=6)
    turned = varied(world, points=world.points[::-1], members=world.members[::-1])
    for kind in ("equal", "dynamic", "hierarchical", "pairwise"):
        key, _ = key_and_rules(kind, world, 11)
        one, other = (
            shared_generation(each, key, local_price_per_kwh=0.1) for each in (world, turned)
        )
        np.testing.assert_allclose(
            [other[member] for member in world.members], one.values, rtol=0, atol=ROUNDING
        )


@pytest.mark.parametrize("key", [DynamicKey(), EqualKey(), StaticKey({"a": 1.0})])
def test_where_nobody_feeds_in_contracts_bill_all(key):
    world = small([0.0, 0.0], {"a": [1.0, 2.0]})
    bills = shared_generation(world, key, local_price_per_kwh=0.1)
    assert bills.values.tolist() == pytest.approx([0.0, 0.9], abs=ROUNDING)
    assert (bills.evidence.plants, bills.evidence.lost_kwh) == ((), 0.0)
    assert bills.evidence.given_kwh().shape == (0, 2)
    assert bills.evidence.verify(world.cost_game()).holds


def test_a_price_above_what_sharing_saves_is_told():
    world = small(1.0, {"a": 1.0}, fee=0.05)
    bills = shared_generation(world, DynamicKey(), local_price_per_kwh=0.27)
    [caveat] = bills.evidence.caveats(bills, lambda money: f"{money:.2f}")
    assert caveat == "{a}: billed more than contracts would bill without sharing, by 0.02 at most."
    fair = shared_generation(world, DynamicKey(), local_price_per_kwh=0.2)
    assert fair.evidence.caveats(fair, str) == []


def test_an_idle_third_makes_two_pay_more_under_a_static_key():
    # The cost under the key is no game of groups: who uses nothing still has a part of the roof.
    two = small(1.0, {"a": 1.0})
    three = small(1.0, {"a": 1.0, "idle": 0.0})
    together = shared_generation(two, StaticKey({"a": 1.0}), local_price_per_kwh=0.2)
    joined = shared_generation(three, StaticKey({"a": 0.5, "idle": 0.5}), local_price_per_kwh=0.2)
    assert joined["idle"] == 0.0
    assert joined["roof"] + joined["a"] - together.total == pytest.approx(0.11, abs=ROUNDING)
    # In the game of sharing the third is a null player, and the two object to the key.
    audit = sg.audit(three.cost_game(), joined)
    assert three.cost_game().value(["roof", "a"]) == pytest.approx(together.total, abs=ROUNDING)
    assert audit.worst_coalition_excess == pytest.approx(0.11, abs=ROUNDING)


def test_a_key_that_loses_no_energy_loses_money_where_contracts_differ():
    points = [
        MeteringPoint(name="pv", member="roof", contract="new", export_kwh=[1.0]),
        MeteringPoint(name="a", member="a", contract="new", import_kwh=[1.0]),
        MeteringPoint(name="b", member="b", contract="old", import_kwh=[1.0]),
    ]
    world = PublicGrid(
        points=points,
        steps=TimeSteps("2024-06-01", HOUR, 1),
        contracts=[
            Contract(name="new", energy=Tariff.flat(0.20, 0.08)),
            Contract(name="old", energy=Tariff.flat(0.30, 0.08)),
        ],
    )
    bills = shared_generation(world, DynamicKey(), local_price_per_kwh=0.1)
    assert bills.evidence.lost_kwh == 0
    # Half a kWh spares 0.20 where it could spare 0.30.
    assert bills.evidence.lost_money == pytest.approx(0.05, abs=ROUNDING)
    row = sg.compare(world.cost_game(), {"dynamic": bills})["dynamic"]
    assert row.arrangement == pytest.approx(bills.total, abs=ROUNDING)
    assert row.lost == pytest.approx(0.05, abs=ROUNDING)
    text = " ".join(bills.evidence.grounds(bills, lambda money: f"{money:.2f} EUR"))
    assert "The key loses 0.05 EUR" in text


def test_a_better_contract_of_the_owner_earns_more_than_the_game_knows():
    points = [
        MeteringPoint(name="pv", member="roof", contract="poor", export_kwh=[1.0]),
        MeteringPoint(name="a", member="a", contract="rich", import_kwh=[0.0]),
    ]
    world = PublicGrid(
        points=points,
        steps=TimeSteps("2024-06-01", HOUR, 1),
        contracts=[
            Contract(name="poor", energy=Tariff.flat(0.30, 0.05)),
            Contract(name="rich", energy=Tariff.flat(0.30, 0.15)),
        ],
    )
    bills = shared_generation(world, StaticKey({"a": 1.0}), local_price_per_kwh=0.1, unused="owner")
    assert bills.values.tolist() == pytest.approx([0.0, -0.15], abs=ROUNDING)
    assert bills.evidence.lost_money == pytest.approx(-0.10, abs=ROUNDING)
    text = " ".join(bills.evidence.grounds(bills, lambda money: f"{money:.2f} EUR"))
    assert "All pay 0.10 EUR less than in the game of sharing" in text


def test_charges_and_energy_outside_are_in_bills_and_no_key_changes_them():
    contract = Contract(
        name="basic",
        energy=Tariff.flat(0.30, 0.08),
        demand_charges=[sg.energy.DemandCharge(price_per_kw=2.0)],
    )
    world = small(4.0, {"a": 4.0}, contracts=[contract])
    half = [replace(point, participation=0.5) for point in world.points]
    bills = shared_generation(
        PublicGrid(points=half, steps=world.steps, contracts=[contract]),
        DynamicKey(),
        local_price_per_kwh=0.2,
    )
    assert any("2 metering points in part (50 %)" in words for words in bills.evidence.readings)
    # Half of 4 kWh is shared, the other half bought and sold; the peak is that of the meter.
    assert bills["a"] == pytest.approx(2 * 0.2 + 2 * 0.30 + 4 * 2.0, abs=ROUNDING)
    assert bills["roof"] == pytest.approx(-2 * 0.2 - 2 * 0.08, abs=ROUNDING)
    assert bills.evidence.unchanged_bills.tolist() == pytest.approx([-0.16, 8.6], abs=ROUNDING)


def test_rounded_coefficients_are_read_and_said():
    thirds = SharingCoefficients(list("abc"), [0.33, 0.33, 0.33], decimals=2)
    world = small(3.0, {"a": 9.0, "b": 9.0, "c": 9.0})
    _, found = used_of(world, StaticKey(thirds))
    assert found.surplus_kwh.tolist() == pytest.approx([0.03], abs=ROUNDING)
    assert "add up to 0.99; what is left stays with the plants" in found.readings[0]
    over = SharingCoefficients(list("abc"), [0.34, 0.34, 0.33], decimals=2)
    used, found = used_of(world, StaticKey(over))
    assert used["a"] == pytest.approx(3 * 34 / 101, abs=ROUNDING)
    assert found.surplus_kwh.tolist() == pytest.approx([0.0], abs=ROUNDING)
    assert "add up to 1.01; each is divided by that" in found.readings[0]
    fine = SharingCoefficients(list("abc"), [0.333334, 0.333334, 0.333333], decimals=6)
    _, found = used_of(world, StaticKey(fine))
    assert "add up to 1.000001; each is divided by that" in found.readings[0]
    exact = SharingCoefficients(list("abc"), [0.3333334, 0.3333334, 0.3333333], decimals=7)
    assert "add up to 1.0000001; each" in StaticKey(exact).readings[0]


FIELDS = [field.name for field in fields(SharedGeneration) if not field.name.startswith("_")]


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_of_the_evidence_can_be_forged(name):
    world = small([1.0, 3.0], {"a": [1.0, 0.0], "b": [2.0, 1.0]})
    found = shared_generation(world, EqualKey(), local_price_per_kwh=0.1).evidence
    assert found.verify(world.cost_game()).state == "proved"
    value = getattr(found, name)
    if isinstance(value, tuple):
        forged = (*value, "another")
    else:
        forged = "another" if isinstance(value, str) else value + 1e-6
    verdict = replace(found, **{name: forged}).verify(world.cost_game())
    assert verdict.state == "refuted"
    assert any(name in failure for failure in verdict.failures) or name == "cost"


@pytest.mark.parametrize("unused", ["plant", "owner"])
def test_local_payments_balance_where_contracts_bill_nothing(unused):
    drawn = {name: [kwh, 0.1] for name, kwh in zip("abcdefg", np.arange(1, 8) / 7, strict=True)}
    free = small([1.0, 0.3], drawn, buy=0.0, sell=0.0)
    thirds = StaticKey(dict.fromkeys(drawn, 1 / 7))
    for key in (DynamicKey(), EqualKey(), thirds):
        bills = shared_generation(free, key, local_price_per_kwh=[0.1, 0.3], unused=unused)
        assert bills.evidence.verify(free.cost_game()).failures == ()


def test_the_order_of_plants_is_part_of_a_pairwise_key():
    one = PairwiseKey({"pv": DynamicKey(), "barn": EqualKey()})
    assert one == PairwiseKey({"pv": DynamicKey(), "barn": EqualKey()})
    assert one != PairwiseKey({"barn": EqualKey(), "pv": DynamicKey()})


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"cost": 0.5}, "all together pay 0.5"),
        ({"turnover": 0.0, "cost": 1e-6}, "all together pay 1e-06"),
    ],
)
def test_forged_evidence_is_refuted(change, failure):
    world = small(1.0, {"a": 1.0})
    found = shared_generation(world, DynamicKey(), local_price_per_kwh=0.1).evidence
    verdict = replace(found, **change).verify(world.cost_game())
    assert verdict.state == "refuted"
    assert failure in verdict.failures[0]
    other = small(1.0, {"a": 2.0}).cost_game()
    assert "the game has 0.3 for all together" in found.verify(other).failures[0]


class Greedy(DynamicKey):
    """A key that assigns twice what there is."""

    def assignment(self, generation, consumers, steps):
        assigned = super().assignment(generation, consumers, steps)
        return lambda consumer: 2 * assigned(consumer)


def test_a_key_that_assigns_more_than_there_is_is_refused():
    message = "more is assigned than {pv} feed in in the step from 2024-06-01T13:00: 2 kWh"
    world = small([0.0, 1.0], {"a": [1.0, 4.0]})
    with pytest.raises(GameError, match=f"the dynamic key: {message}"):
        shared_generation(world, Greedy(), local_price_per_kwh=0.1)
    # Where nobody uses it, bills are right, but the key is none.
    world = small([0.0, 1.0], {"a": [1.0, 1.0]})
    found = shared_generation(world, Greedy(), local_price_per_kwh=0.1).evidence
    assert message in found.verify(world.cost_game()).failures
    with pytest.raises(GameError, match=message):
        shared_generation(world, Greedy(), local_price_per_kwh=0.1, unused="owner")


def test_memory_grows_with_steps_and_not_with_points_and_steps():
    n_points = 60
    names = [f"p{k}" for k in range(n_points)]
    keys = (
        DynamicKey(),
        EqualKey(),
        StaticKey(dict.fromkeys(names, 1 / n_points)),
        HierarchicalKey([names[:20], names[20:]]),
        PairwiseKey({"pv": EqualKey()}),
    )
    for key in keys:
        peaks = []
        for n_steps in (2000, 6000):
            random = np.random.default_rng(1)
            drawn = {name: random.random(n_steps) for name in names}
            world = small(n_points * random.random(n_steps), drawn)
            tracemalloc.start()
            shared_generation(world, key, local_price_per_kwh=0.1)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        # A dozen numbers for each step more, where a table would have one for each point.
        assert peaks[1] - peaks[0] < 20 * 8 * 4000


def test_many_local_prices_are_said_as_a_range():
    by_step = small([3.0, 3.0], {"a": [9.0, 9.0]})
    hourly = shared_generation(by_step, DynamicKey(), local_price_per_kwh=[0.1, 0.2])
    assert "The local price of a shared kWh is 0.1 to 0.2 EUR." in hourly.evidence.readings
    roofs = [
        MeteringPoint(name=f"roof{k}", member="roof", contract="basic", export_kwh=[1.0])
        for k in range(1, 8)
    ]
    home = MeteringPoint(name="a", member="a", contract="basic", import_kwh=[9.0])
    prices = {f"roof{k}": k / 10 for k in range(1, 8)}
    bills = shared_generation(
        small(3.0, {}, points=[*roofs, home]), DynamicKey(), local_price_per_kwh=prices
    )
    said = "The local price of a shared kWh is 0.1 to 0.7 EUR, by plant."
    assert said in bills.evidence.readings
