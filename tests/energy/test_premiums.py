"""Premiums on shared energy: legal examples, hours, plants of all sizes, and the games of it."""

import ast
import json
from dataclasses import replace
from fractions import Fraction
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference.premium_oracle import ITALY, premiums
from sesgame.energy import Contract, MeteringPoint, PremiumPlant, PremiumScheme, PublicGrid, Tariff
from sesgame.errors import AllocationError

SEEDS = st.integers(0, 100_000)
SCHEME = PremiumScheme.shipped("italy_2024")

# Some hundred products of energy in eighths with rates near a tenth, each rounded.
ROUNDING = 1e-12


def plant(power_kw=50, zone="north", technology="photovoltaic", **more):
    return PremiumPlant(power_kw=power_kw, zone=zone, technology=technology, **more)


def grid(points, steps, **more):
    """Return points by their name: member, substation, what they feed in and draw."""
    return PublicGrid(
        points=[
            MeteringPoint(
                name=name, member=member, contract="any", zone=zone, export_kwh=out, import_kwh=into
            )
            for name, (member, zone, out, into) in points.items()
        ],
        steps=steps,
        contracts=[Contract(name="any", energy=Tariff.flat(0.30, 0.08))],
        **more,
    )


def hours(n_hours, start="2024-06-01T00:00"):
    return sg.energy.TimeSteps(start, np.timedelta64(1, "h"), n_hours)


def street(seed, *, zones=2, n_parts=1, n_hours=3, alike=False):
    """Return a drawn community, its plants, zonal prices as fractions, and exempt points."""
    random = np.random.default_rng(seed)
    n_steps, points, plants = n_hours * n_parts, {}, {}
    for number in range(7):
        feeds_in = number < 3
        points[f"p{number}"] = (
            f"m{random.integers(4)}",
            f"substation {number % zones}",
            random.integers(0, 9, n_steps) / 8 * feeds_in,
            random.integers(0, 5, n_steps) / 8,
        )
        if feeds_in:
            plants[f"p{number}"] = plant(
                100 if alike else float(random.choice([100, 200, 201, 600, 900])),
                "centre" if alike else str(random.choice(["north", "centre", "south"])),
                "photovoltaic" if alike else str(random.choice(SCHEME.technologies)),
                grant=0.0 if alike else float(random.choice([0.0, 0.2, 0.4])),
            )
    prices = random.integers(-2, 26, n_hours) / 128
    world = grid(
        points,
        sg.energy.TimeSteps("2024-06-01", np.timedelta64(60 // n_parts, "m"), n_steps),
        members=[f"m{number}" for number in range(4)],
    )
    exempt = () if alike else ("p4", "p1")
    return world, plants, prices, exempt


def coalitions(members):
    return chain.from_iterable(combinations(members, k) for k in range(1, len(members) + 1))


@pytest.mark.parametrize(
    ("power_kw", "price", "zone", "expected"),
    [
        (100, 150, "south", 110),
        (100, 120, "north", 130),
        (100, 200, "south", 80),
        (700, 140, "north", 110),
        (700, 200, "north", 70),
        (300, 175, "centre", 79),
        # The ends of the classes belong to the smaller one.
        (200, 180, "south", 80),
        (600, 180, "south", 70),
        (600.5, -50, "south", 100),
    ],
)
def test_rates_are_those_of_the_decree(power_kw, price, zone, expected):
    found = SCHEME.per_kwh(plant(power_kw, zone), price / 1000)
    assert 1000 * float(found) == pytest.approx(expected, abs=1e-12)


def test_shared_energy_is_the_lesser_sum_of_each_hour():
    world = grid(
        {
            "roof": ("roof", "", [5.0, 8.0, 0.0], [0.0, 1.0, 0.0]),
            "home": ("home", "", [0.0] * 3, [6.0, 2.0, 4.0]),
        },
        hours(3),
        own_points="never",
    )
    found = sg.energy.sharing_premium(
        world, SCHEME, plants={"roof": plant()}, zonal_price_per_kwh=0.2
    )
    assert found.shared_kwh.tolist() == [[5, 3, 0]]
    # The two registers of the roof share with each other, also by itself.
    assert found.game().value(["roof"]) == pytest.approx(0.09, abs=ROUNDING)
    assert "although own_points is 'never'" in found.readings[0]


def test_a_part_of_a_point_earns_as_a_point_with_a_part_of_its_readings():
    world, plants, prices, exempt = street(11)
    half = PublicGrid(
        points=[replace(point, participation=0.5) for point in world.points[:5]]
        + list(world.points[5:]),
        steps=world.steps,
        contracts=world.contracts,
        members=world.members,
    )
    smaller = PublicGrid(
        points=[
            replace(point, import_kwh=point.import_kwh / 2, export_kwh=point.export_kwh / 2)
            for point in world.points[:5]
        ]
        + list(world.points[5:]),
        steps=world.steps,
        contracts=world.contracts,
        members=world.members,
    )
    one, other = (
        sg.energy.sharing_premium(
            each, SCHEME, plants=plants, zonal_price_per_kwh=prices, exempt=exempt
        )
        for each in (half, smaller)
    )
    assert one.total == pytest.approx(other.total, abs=ROUNDING)
    np.testing.assert_array_equal(one.game().tabulate(), other.game().tabulate())
    by_use = (sg.energy.premium_shares(found, "by use").values for found in (one, other))
    np.testing.assert_array_equal(*by_use)
    assert one.readings[0].startswith("Of 5 metering points only what takes part")
    # A plant without a premium takes no part.
    none = grid({"a": ("a", "", [1.0], [0.0]), "b": ("b", "", [0.0], [1.0])}, hours(1))
    idle = PublicGrid(
        points=[replace(none.points[0], participation=0.0), none.points[1]],
        steps=none.steps,
        contracts=none.contracts,
    )
    found = sg.energy.sharing_premium(idle, SCHEME, plants={}, zonal_price_per_kwh=0.2)
    assert found.injected_kwh.tolist() == [[0.0]]


def test_a_community_that_shares_nothing_earns_nothing():
    nothing, some = [0.0, 0.0], [1.0, 2.0]
    use = grid({"a": ("a", "", nothing, some), "b": ("b", "", nothing, some)}, hours(2))
    found = sg.energy.sharing_premium(use, SCHEME, plants={}, zonal_price_per_kwh=0.2)
    assert (found.total, found.total_set_apart, found.by_class) == (0, 0, ())
    assert found.game().tabulate().tolist() == [0] * 4
    assert sg.energy.premium_shares(found, "to the scarce side").values.tolist() == [0, 0]
    apart = grid({"a": ("a", "1", some, nothing), "b": ("b", "2", nothing, some)}, hours(2))
    found = sg.energy.sharing_premium(apart, SCHEME, plants={"a": plant()}, zonal_price_per_kwh=0.2)
    assert found.game().tabulate().tolist() == [0] * 4


def test_only_photovoltaics_are_corrected():
    wind = plant(100, "north", "other renewable")
    assert float(SCHEME.per_kwh(wind, 0.2)) == 0.08


def test_every_number_of_the_law_is_data_with_source_and_date():
    assert SCHEME.sources
    assert all("20" in source for source in SCHEME.sources)
    assert str(SCHEME.as_of) == "2025-07-16"
    numbers = set()
    for path in (Path(sg.__file__).parent / "energy" / "premiums").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        numbers |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        }
    # Places, halves, signs, twelve months, seconds of an hour, kWh of an MWh: nothing of a law.
    assert numbers <= {0, 1, 2, 12, 1000, 3600}, numbers


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("n_parts", [1, 4])
@drawn(2, 25, SEEDS)
def test_premiums_are_those_of_fractions(n_parts, alike, seed):
    world, plants, prices, exempt = street(seed, n_parts=n_parts, alike=alike)
    found = sg.energy.sharing_premium(
        world, SCHEME, plants=plants, zonal_price_per_kwh=prices, exempt=exempt
    )
    zonal = [Fraction(price) for price in prices.tolist()]
    expected = premiums(world, plants, zonal, exempt, n_parts=n_parts)
    assert list(found.plants) == list(expected)
    np.testing.assert_allclose(
        found.premium.sum(axis=1), [float(x) for x in expected.values()], atol=ROUNDING, rtol=0
    )
    assert found.total == pytest.approx(float(sum(expected.values())), abs=ROUNDING)
    assert found.premium_by_hour.sum() == pytest.approx(found.total, abs=ROUNDING)
    # Nothing is lost between plants, substations and classes.
    np.testing.assert_allclose(
        found.plant_shared_kwh.sum(axis=0), found.shared_kwh.sum(axis=0), atol=ROUNDING, rtol=0
    )
    by_class = sum(part.premium for part in found.by_class)
    np.testing.assert_allclose(by_class, found.premium_by_hour.sum(axis=0), atol=ROUNDING, rtol=0)
    assert sum(len(part.plants) for part in found.by_class) == len(plants)


def test_the_order_of_points_and_members_makes_no_difference():
    world, plants, prices, exempt = street(11)
    turned = PublicGrid(
        points=world.points[::-1],
        steps=world.steps,
        contracts=world.contracts,
        members=world.members[::-1],
    )
    one, other = (
        sg.energy.sharing_premium(
            each, SCHEME, plants=plants, zonal_price_per_kwh=prices, exempt=exempt
        )
        for each in (world, turned)
    )
    assert other.total == pytest.approx(one.total, abs=ROUNDING)
    assert other.total_set_apart == pytest.approx(one.total_set_apart, abs=ROUNDING)
    for rule in (
        lambda found: sg.shapley_value(found.game()),
        lambda found: sg.energy.premium_shares(found, "by use", part_of_plants=0.5),
    ):
        first, second = rule(one), rule(other)
        for member in world.members:
            assert second[member] == pytest.approx(first[member], abs=ROUNDING)


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("zones", [1, 2])
@drawn(2, 12, SEEDS)
def test_a_coalition_earns_what_its_points_would_earn_alone(zones, alike, seed):
    world, plants, prices, exempt = street(seed, zones=zones, alike=alike)
    found = sg.energy.sharing_premium(
        world, SCHEME, plants=plants, zonal_price_per_kwh=prices, exempt=exempt
    )
    game = found.game()
    zonal = [Fraction(price) for price in prices.tolist()]
    for members in coalitions(world.members):
        alone = sum(premiums(world, plants, zonal, exempt, members).values(), Fraction(0))
        assert game.value(members) == pytest.approx(float(alone), abs=ROUNDING)
    assert game.value(world.members) == pytest.approx(found.total, abs=ROUNDING)
    if alike:
        assert game.native is not None
        assert not sg.core_existence(game).is_empty


def test_plants_of_two_rates_need_no_core():
    # One of 900 kW earns 60 a MWh, a roof 80; the hour's use is divided by what each feeds in.
    world = grid(
        {
            "roof": ("roof", "", [1.0], [0.0]),
            "park": ("park", "", [1.0], [0.0]),
            "use": ("use", "", [0.0], [1.0]),
        },
        hours(1),
    )
    plants = {"roof": plant(50, "south"), "park": plant(900, "south")}
    found = sg.energy.sharing_premium(world, SCHEME, plants=plants, zonal_price_per_kwh=0.2)
    game = found.game()
    # Without the park each shared kWh earns more than with it.
    assert game.value(["roof", "use"]) == pytest.approx(0.08, abs=ROUNDING)
    assert found.total == pytest.approx(0.07, abs=ROUNDING)
    assert sg.core_existence(game).is_empty
    assert "in proportion to what they feed in" in found.readings[0]


@pytest.mark.parametrize(
    ("day", "n_hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)]
)
def test_quarter_hours_are_hours_of_the_clock_on_each_day(day, n_hours):
    # Rome is an hour ahead of UTC in winter, and two in summer.
    midnight = np.datetime64(day) - np.timedelta64(1 if n_hours == 23 else 2, "h")
    steps = sg.energy.TimeSteps(
        midnight, np.timedelta64(15, "m"), 4 * n_hours, sg.energy.Calendar("Europe/Rome")
    )
    # What is fed in and drawn in different quarters of an hour counts as shared in it.
    out, into = np.tile([1.0, 0, 0, 0], n_hours), np.tile([0, 0, 0, 2.0], n_hours)
    world = grid({"a": ("a", "", out, 0 * out), "b": ("b", "", 0 * into, into)}, steps)
    prices = np.linspace(0.1, 0.2, n_hours)
    hourly = sg.energy.TimeSteps(midnight, np.timedelta64(1, "h"), n_hours, steps.calendar)
    series = sg.energy.PriceSeries(hourly, prices, prices)
    for price in (prices, series):
        found = sg.energy.sharing_premium(
            world, SCHEME, plants={"a": plant()}, zonal_price_per_kwh=price
        )
        assert found.hours == hourly
        assert found.shared_kwh.tolist() == [[1.0] * n_hours]
        np.testing.assert_array_equal(found.premium_per_kwh[0], SCHEME.per_kwh(plant(), prices))
    assert world.steps.time(0).startswith(f"{day}T00:00")


def test_a_plant_that_stops_and_a_gap_of_use_earn_nothing_and_move_nobody():
    world = grid(
        {
            "one": ("one", "", [2.0, 2, 0, 0], [0.0] * 4),
            "two": ("two", "", [2.0, 2, 2, 2], [0.0] * 4),
            "use": ("use", "", [0.0] * 4, [2.0, 0, 2, 8]),
        },
        hours(4),
    )
    plants = {"one": plant(50, "south"), "two": plant(50, "south")}
    found = sg.energy.sharing_premium(world, SCHEME, plants=plants, zonal_price_per_kwh=0.2)
    assert found.plant_shared_kwh.tolist() == [[1, 0, 0, 0], [1, 0, 2, 2]]
    still = {"one": plant(50, "south"), "two": plant(50, "south"), "use": plant(9, "south")}
    # A plant that never feeds in may be named.
    again = sg.energy.sharing_premium(world, SCHEME, plants=still, zonal_price_per_kwh=0.2)
    assert again.total == found.total


def test_what_is_beyond_the_threshold_is_points_of_the_part_times_the_premium():
    # Of 10 kWh 6 are shared, and of another plant's 10, which had a grant, 6 too.
    world = grid(
        {
            "own": ("own", "", [10.0], [0.0]),
            "granted": ("granted", "", [10.0], [0.0]),
            "use": ("use", "", [0.0], [12.0]),
            "far": ("far", "elsewhere", [10.0], [4.0]),
        },
        hours(1),
    )
    plants = {
        "own": plant(50, "south"),
        "granted": plant(50, "south", grant=0.4),
        "far": plant(50, "south"),
    }
    found = sg.energy.sharing_premium(world, SCHEME, plants=plants, zonal_price_per_kwh=0.2)
    parts = {(part.substation, part.with_grant): part for part in found.set_apart}
    assert parts["", False].amount == pytest.approx((0.60 - 0.55) * 6 * 0.08, abs=ROUNDING)
    assert parts["", True].premium == pytest.approx(6 * 0.08 / 2, abs=ROUNDING)
    assert parts["", True].amount == pytest.approx((0.60 - 0.45) * 6 * 0.04, abs=ROUNDING)
    assert parts["elsewhere", False].amount == 0
    assert ("elsewhere", True) not in parts
    assert found.total_set_apart == pytest.approx(0.06, abs=ROUNDING)
    assert "provisional" in found.readings[-1]


def test_who_is_exempt_keeps_the_premium_of_a_plant_with_a_grant():
    world = grid(
        {
            "roof": ("roof", "", [4.0], [0.0]),
            "home": ("home", "", [0.0], [1.0]),
            "shop": ("shop", "", [0.0], [3.0]),
        },
        hours(1),
    )
    options = {"plants": {"roof": plant(50, "south", grant=0.4)}, "zonal_price_per_kwh": 0.2}
    found = sg.energy.sharing_premium(world, SCHEME, exempt=["home"], **options)
    assert found.total == pytest.approx(0.08 * (1 + 3 / 2), abs=ROUNDING)
    assert found.game().value(["roof", "home"]) == pytest.approx(0.08, abs=ROUNDING)
    assert any("exempt" in reading for reading in found.readings)


def test_thresholds_of_a_whole_year_are_final():
    out = np.ones(8760)
    world = grid({"a": ("a", "", out, out)}, hours(8760, "2025-01-01T00:00"))
    found = sg.energy.sharing_premium(world, SCHEME, plants={"a": plant()}, zonal_price_per_kwh=0.1)
    assert found.readings == ()


@drawn(3, 40, SEEDS, st.integers(2, 5))
def test_shared_energy_is_what_netting_saves(seed, n):
    random = np.random.default_rng(seed)
    net = random.normal(size=(n, 7)).round(2)
    worth = random.uniform(0.08, 0.13, 7).round(4)
    game = sg.energy.shared_energy_game(np.maximum(-net, 0), np.maximum(net, 0), worth)
    saved = sg.games.netting(net, worth, np.zeros(7)).savings()
    np.testing.assert_allclose(game.tabulate(), saved.tabulate(), atol=1e-12, rtol=0)
    # Two meters of one member share, too.
    injected, withdrawn = (random.integers(0, 9, (n, 7)) / 8 for _ in range(2))
    table = sg.energy.shared_energy_game(injected, withdrawn, worth).tabulate()
    for mask in range(1, 2**n):
        rows = [i for i in range(n) if mask >> i & 1]
        least = np.minimum(injected[rows].sum(axis=0), withdrawn[rows].sum(axis=0))
        expected = sum(
            Fraction(w) * Fraction(e) for w, e in zip(worth.tolist(), least.tolist(), strict=True)
        )
        assert table[mask] == pytest.approx(float(expected), abs=1e-12)


@drawn(2, 15, SEEDS)
def test_shares_of_shared_energy_need_no_table_and_its_core_is_not_empty(seed):
    random = np.random.default_rng(seed)
    injected, withdrawn = random.integers(0, 4, (2, 6, 4)) * (random.random((2, 6, 4)) < 0.6)
    game = sg.energy.shared_energy_game(injected, withdrawn, random.integers(0, 5, 4) / 32)
    table = sg.Game.from_table(game.tabulate(), kind="gain")
    by_form = game.native.shapley_value_by_form()[0]
    np.testing.assert_allclose(by_form, sg.shapley_value(table).values, atol=1e-12, rtol=0)
    assert not sg.core_existence(game).is_empty


def test_labels_orders_and_units_make_no_difference_to_shared_energy():
    random = np.random.default_rng(5)
    injected, withdrawn = random.integers(0, 9, (2, 4, 3)) / 8
    game = sg.energy.shared_energy_game(injected, withdrawn, 0.11, players=list("abcd"))
    order = [2, 0, 3, 1]
    moved = sg.energy.shared_energy_game(injected[order], withdrawn[order], 0.11)
    np.testing.assert_allclose(
        sg.shapley_value(moved).values, sg.shapley_value(game).values[order], atol=1e-12, rtol=0
    )
    large = sg.energy.shared_energy_game(1e6 * injected, 1e6 * withdrawn, 11.0)
    np.testing.assert_allclose(large.tabulate(), 1e8 * game.tabulate(), rtol=1e-12, atol=1e-4)


@pytest.mark.parametrize("zones", [1, 2])
@drawn(3, 25, SEEDS)
def test_the_scarce_side_is_a_point_of_the_core(zones, seed):
    world, plants, prices, _ = street(seed, zones=zones, alike=True)
    found = sg.energy.sharing_premium(world, SCHEME, plants=plants, zonal_price_per_kwh=prices)
    game = found.game()
    for statute in ("per head", "by use", "to the scarce side"):
        shares = sg.energy.premium_shares(found, statute)
        assert shares.values.sum() == pytest.approx(found.total, abs=ROUNDING)
        assert (shares.values >= 0).all()
    for members in coalitions(world.members):
        assert sum(shares[member] for member in members) >= game.value(members) - ROUNDING


def test_other_statutes_are_objected_to():
    world = grid(
        {
            "roof": ("roof", "", [2.0, 1.0], [0.0, 0.0]),
            "use": ("use", "", [0.0, 0.0], [1.0, 3.0]),
            "idle": ("idle", "", [0.0, 0.0], [0.0, 0.0]),
        },
        hours(2),
    )
    found = sg.energy.sharing_premium(
        world, SCHEME, plants={"roof": plant(50, "south")}, zonal_price_per_kwh=0.2
    )
    shares = {
        statute: sg.energy.premium_shares(found, statute)
        for statute in ("per head", "by use", "to the scarce side")
    }
    assert shares["per head"].values.tolist() == pytest.approx([0.16 / 3] * 3)
    assert shares["by use"].values.tolist() == pytest.approx([0, 0.16, 0])
    assert shares["to the scarce side"].values.tolist() == pytest.approx([0.08, 0.08, 0])
    # With one more to use what is too little, the roof has all of the second hour.
    game = found.game()
    assert not sg.audit(game, shares["per head"]).in_core
    assert sg.audit(game, shares["to the scarce side"]).in_core
    half = sg.energy.premium_shares(found, "by use", part_of_plants=0.5)
    assert half.values.tolist() == pytest.approx([0.08, 0.08, 0])
    assert half.method == "premium by use, 50% to plants"


def test_who_may_have_nothing_of_what_is_set_apart_has_the_rest_at_most():
    world = grid(
        {"roof": ("roof", "", [2.0], [0.0]), "use": ("use", "", [0.0], [2.0])},
        hours(1),
    )
    found = sg.energy.sharing_premium(
        world, SCHEME, plants={"roof": plant(50, "south")}, zonal_price_per_kwh=0.2
    )
    for part, beyond in ((0.5, 0.0), (0.55, 0.0), (0.75, 0.16 * 0.2), (1.0, 0.16 * 0.45)):
        shares = sg.energy.premium_shares(found, "by use", part_of_plants=part)
        taken = found.taken_of_set_apart(shares, ["roof"])
        assert taken == pytest.approx(beyond, abs=ROUNDING)
        assert found.taken_of_set_apart(shares, []) == 0
        everybody = found.taken_of_set_apart(shares, ["roof", "use", "use"])
        assert everybody == pytest.approx(found.total_set_apart, abs=ROUNDING)
    with pytest.raises(AllocationError, match="'nobody' is not a member; the members are"):
        found.taken_of_set_apart(shares, ["nobody"])
    other = sg.Allocation(["roof", "use"], [1.0, 1.0], kind="gain", method="given")
    with pytest.raises(AllocationError, match="the shares add up to 2, and the premium"):
        found.taken_of_set_apart(other, ["roof"])
    costs = sg.Allocation(["roof", "use"], [0.08, 0.08], kind="cost", method="given")
    with pytest.raises(AllocationError, match=r"must be gains of \{roof, use\}, got costs of"):
        found.taken_of_set_apart(costs, ["roof"])


@pytest.mark.parametrize("order", ["abc", "acb", "bac", "bca", "cab", "cba"])
def test_no_side_is_scarce_where_sums_differ_by_rounding(order):
    drawn_kwh = {"a": 0.1, "b": 0.2, "c": 0.3}
    points = {name: (name, "", [0.0], [drawn_kwh[name]]) for name in order}
    found = sg.energy.sharing_premium(
        grid({"roof": ("roof", "", [0.6], [0.0])} | points, hours(1)),
        SCHEME,
        plants={"roof": plant(50, "south")},
        zonal_price_per_kwh=0.2,
    )
    shares = sg.energy.premium_shares(found, "to the scarce side")
    assert shares["roof"] == pytest.approx(found.total / 2)


@pytest.mark.parametrize("statute", ["per head", "by use", "to the scarce side"])
def test_shares_of_many_hours_are_of_the_premium(statute):
    random, n_hours = np.random.default_rng(0), 1000
    points = {"roof": ("roof", "", 1e6 * random.random(n_hours), np.zeros(n_hours))}
    for number in range(30):
        use = 3e4 * random.random(n_hours)
        points[f"p{number}"] = (f"m{number}", "", np.zeros(n_hours), use)
    found = sg.energy.sharing_premium(
        grid(points, hours(n_hours)), SCHEME, plants={"roof": plant()}, zonal_price_per_kwh=0.1
    )
    shares = sg.energy.premium_shares(found, statute)
    assert found.taken_of_set_apart(shares, found.world.members) == pytest.approx(
        found.total_set_apart
    )
    given = sg.Allocation(shares.players, shares.values, kind="gain", method="given")
    assert found.taken_of_set_apart(given, ["m1"]) >= 0


def written(tmp_path, change):
    """Return a file of the shipped rates, changed."""
    data = json.loads(ITALY.read_text(encoding="utf-8"))
    change(data)
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_a_file_of_ones_own_is_read_as_the_shipped_one(tmp_path):
    assert PremiumScheme.from_json(written(tmp_path, lambda data: None)) == SCHEME

    def dearer(data):
        data["power_classes"][0]["base_per_mwh"] = 90.5
        data["valid_until"] = "2025-01-01"

    other = PremiumScheme.from_json(written(tmp_path, dearer))
    assert float(other.per_kwh(plant(50, "south"), 0.2)) == 0.0905
    assert str(other.valid_until) == "2025-01-01"
