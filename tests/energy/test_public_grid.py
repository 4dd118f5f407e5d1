"""Points that share over the public grid: costs by a linear program, prices in the core, files."""

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn as drawn_examples
from fixtures.small_worlds import PUBLIC_GRID, write_public_grid
from hypothesis import strategies as st
from scipy.optimize import linprog
from sesgame.energy import Contract, MeteringPoint, PublicGrid, Tariff
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import GameError

OWN_POINTS = ("always", "with_others", "never")


def drawn(seed, *, zones=1, own_points="always", members=4, n_points=7, steps=3):
    """Return members with several points whose prices tie, and cross."""
    random = np.random.default_rng(seed)
    names = [f"zone {number}" for number in range(zones)]
    contracts = [
        Contract(
            name=f"contract {number}",
            energy=Tariff.flat(*sorted(random.integers(0, 9, 2) / 4, reverse=True)),
        )
        for number in range(3)
    ]
    points = [
        MeteringPoint(
            name=f"point {number}",
            member=f"member {random.integers(members)}",
            contract=f"contract {random.integers(3)}",
            zone=names[number % zones],
            import_kwh=random.integers(0, 4, steps) * (random.random(steps) < 0.7),
            export_kwh=random.integers(0, 4, steps) * (random.random(steps) < 0.6),
        )
        for number in range(n_points)
    ]
    fees = {(a, b): random.integers(-1, 4) / 8 for a in names for b in names}
    return PublicGrid(
        points=points,
        steps=sg.energy.TimeSteps("2024-06-01", np.timedelta64(1, "h"), steps),
        contracts=contracts,
        fee_per_kwh=fees,
        own_points=own_points,
        members=[f"member {number}" for number in range(members)],
    )


def least_cost(world, coalition):
    """Return what a coalition pays, by one transport problem over points in each step."""
    points = [point for point in world.points if point.member in coalition]
    if not points:
        return 0.0
    prices = {contract.name: contract.prices(world.steps) for contract in world.contracts}
    cost = 0.0
    for step in range(world.steps.n_steps):
        buy = np.array([prices[point.contract][0][step] for point in points])
        sell = np.array([prices[point.contract][1][step] for point in points])
        d = np.array([point.import_kwh[step] for point in points])
        g = np.array([point.export_kwh[step] for point in points])
        cost += buy @ d - sell @ g
        if world.own_points == "with_others" and len(coalition) == 1:
            continue
        zones = [world.zones.index(point.zone) for point in points]
        gain = buy[:, None] - sell[None, :] - world.fee_per_kwh[np.ix_(zones, zones)].T
        owner = np.array([point.member for point in points])
        own = owner[:, None] == owner[None, :]
        most = np.where(own & (world.own_points == "never"), 0.0, np.inf)
        n = len(points)
        rows = np.vstack([np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))])
        bounds = list(zip(np.zeros(n * n), most.ravel(), strict=True))
        cost += linprog(-gain.ravel(), rows, np.concatenate([d, g]), bounds=bounds).fun
    return cost


def check_costs(world):
    game = world.cost_game()
    for mask in range(1, 1 << len(world.members)):
        coalition = [member for i, member in enumerate(world.members) if mask >> i & 1]
        # Energy and prices are eighths of whole numbers; the program is solved to 1e-7 at worst.
        assert game.value(coalition) == pytest.approx(least_cost(world, coalition), abs=1e-7)


@pytest.mark.parametrize("zones", [1, 3])
@pytest.mark.parametrize("own_points", OWN_POINTS)
def test_costs_are_those_of_a_transport_problem(zones, own_points):
    check_costs(drawn(zones, zones=zones, own_points=own_points))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_costs_of_many_worlds_are_those_of_a_transport_problem(seed):
    for zones in (1, 2, 3):
        for own_points in OWN_POINTS:
            check_costs(drawn(100 + seed, zones=zones, own_points=own_points, n_points=9))


def check_promises(seed, zones, own_points):
    """Check that the game is subadditive and balanced, and that dual bills are in the core."""
    world = drawn(seed, zones=zones, own_points=own_points)
    game = world.cost_game()
    table = game.tabulate()
    for one in range(1, 16):
        for other in range(1, 16):
            if not one & other:
                assert table[one | other] <= table[one] + table[other] + 1e-12
    assert not sg.core_existence(game).is_empty
    if own_points == "never":
        with pytest.raises(GameError, match="one price for all does not clear"):
            sg.owen_allocation(world)
        return
    bills = sg.owen_allocation(world)
    assert sg.audit(game, bills).in_core
    assert bills.values.sum() == pytest.approx(table[-1], abs=1e-12)
    evidence = bills.evidence
    assert (evidence.lowest <= bills.values + 1e-12).all()
    assert (bills.values <= evidence.highest + 1e-12).all()


@pytest.mark.parametrize("own_points", OWN_POINTS)
@pytest.mark.parametrize("zones", [1, 3])
@drawn_examples(3, 60, st.integers(0, 10_000))
def test_each_element_keeps_its_promises(zones, own_points, seed):
    check_promises(seed, zones, own_points)


@pytest.mark.parametrize("own_points", ["always", "with_others"])
@pytest.mark.parametrize("seed", range(3))
def test_shares_need_no_table(seed, own_points):
    game = drawn(seed, own_points=own_points).cost_game()
    table = sg.Game.from_table(game.tabulate(), kind="cost")
    by_form = game.native.shapley_value_by_form()[0]
    np.testing.assert_allclose(by_form, sg.shapley_value(table).values, atol=1e-12, rtol=0)


def test_many_members_are_tabulated_as_they_are_walked():
    game = drawn(5, members=12, n_points=20, steps=2).cost_game()
    table = game.tabulate()
    rows = np.random.default_rng(0).random((40, 12)) < 0.5
    masks = (rows * (1 << np.arange(12))).sum(axis=1)
    np.testing.assert_allclose(table[masks], game.values(rows), atol=1e-11, rtol=0)


@pytest.mark.parametrize("own_points", OWN_POINTS)
@pytest.mark.parametrize("zones", [1, 2])
def test_a_point_in_two_parts_is_the_same_point(zones, own_points):
    world = drawn(8, zones=zones, own_points=own_points)
    parts = [
        MeteringPoint(
            name=f"{point.name} {part}",
            member=point.member,
            contract=point.contract,
            zone=point.zone,
            import_kwh=point.import_kwh * share,
            export_kwh=point.export_kwh * share,
        )
        for point in world.points
        for part, share in (("a", 0.25), ("b", 0.75))
    ]
    fees = {
        (a, b): world.fee_per_kwh[i, j]
        for i, a in enumerate(world.zones)
        for j, b in enumerate(world.zones)
    }
    split = PublicGrid(
        points=parts[::-1],
        steps=world.steps,
        contracts=world.contracts,
        fee_per_kwh=fees,
        own_points=own_points,
        members=world.members,
    )
    np.testing.assert_allclose(
        split.cost_game().tabulate(), world.cost_game().tabulate(), atol=1e-12, rtol=0
    )


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


def test_what_sharing_does_not_change_adds_up_by_member():
    point, flat = MeteringPoint, Tariff.flat(0.30, 0.08)
    plain = Contract(name="basic", energy=flat)
    more = Contract(
        name="basic",
        energy=flat,
        fees=[sg.energy.FixedFee(label="meter", price=0.5, per="day")],
        taxes=[sg.energy.Tax(label="VAT", per_cent=20.0)],
    )
    points = [
        point(name="1", member="roof", contract="basic", export_kwh=[2.0, 1.0]),
        point(name="2", member="flat", contract="basic", import_kwh=[1.0, 2.0]),
    ]
    steps = sg.energy.TimeSteps("2024-06-01", np.timedelta64(12, "h"), 2)
    worlds = [
        PublicGrid(points=points, steps=steps, contracts=[contract], fee_per_kwh=0.1)
        for contract in (plain, more)
    ]
    beyond = []
    for one in points:
        bills = [c.bill(steps, one.import_kwh, one.export_kwh).total for c in (plain, more)]
        beyond.append(bills[1] - bills[0])
    assert min(map(abs, beyond)) > 0.1
    tables = [world.cost_game().tabulate() for world in worlds]
    assert (tables[1] - tables[0]).tolist() == pytest.approx([0, *beyond, sum(beyond)])
    bills = [sg.owen_allocation(world).values for world in worlds]
    assert (bills[1] - bills[0]).tolist() == pytest.approx(beyond)


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"credit": "capped"}, "has capped credit: the steps of a month hang together"),
        ({"credit": "net per month"}, "has net per month: the steps of a month"),
        ({"minimum_per_month": 5.0}, "has a minimum bill: the steps of a month"),
    ],
)
def test_what_ties_the_steps_of_a_month_is_refused_by_name(element, message):
    contract = Contract(name="basic", energy=Tariff.flat(0.30, 0.08), **element)
    point = MeteringPoint(name="1", member="ann", contract="basic", import_kwh=[1.0])
    steps = sg.energy.TimeSteps("2024-06-01", np.timedelta64(1, "h"), 1)
    with pytest.raises(GameError, match=message):
        PublicGrid(points=[point], steps=steps, contracts=[contract])


def test_a_folder_with_points_is_on_the_public_grid(tmp_path):
    folder = write_public_grid(tmp_path / "street")
    world = read_world(folder)
    assert isinstance(world, PublicGrid)
    assert [path.name for path in world_files(folder)] == list(PUBLIC_GRID)
    assert (world.members, world.currency) == (("ann", "bob", "cid"), "EUR")
    assert world.fee_per_kwh.tolist() == [[0.03, 0.10], [0.10, 0.03]]
    # In the second hour cid draws 2 kWh at 0.35 and ann feeds in 0.4 in the north.
    assert world.period("2024-06-01T06:00", "2024-06-01T07:00").cost_game().value(
        ["cid"]
    ) == pytest.approx(0.70)
    check_costs(world)
    bills = sg.owen_allocation(world)
    assert sg.audit(world.cost_game(), bills).in_core


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("points", "P2,bob", "P2,", r'points.csv, line 3, column "member": the point "P2" is of n'),
        ("points", "P2,bob,basic", "P2,bob,cheap", r'"cheap" is not in contracts.csv, which has b'),
        ("points", "P2,bob", "P1,bob", r'line 3, column "point": "P1" is there already, in line 2'),
        ("points", ",bob_in,", ",,", r'"P2" has neither an import nor an export register'),
        ("points", "bob_in", "bobs", r'meters.csv has no column "bobs"'),
        ("points", "kW,", "MW,", r'line 4, column "unit": "MW" is not kW or kWh'),
        ("points", "cid,night", "cid,basic", r'no point in points.csv has the contract "night"'),
        ("meters", "roof", "roofs", r'meters.csv has no column "roof"'),
        ("meters", "0.2,0.4", "-0.2,0.4", r"points.csv, line 2, .* a register\'s energy is at le"),
        ("sharing", ",same", ",east", r'line 2, column "to_zone": "east" is no zone of points.c'),
        ("sharing", "fee_eur", "fee_chf", r'"fee_chf_per_kwh", but contracts are in EUR'),
        ("sharing", ",,0.10,", "north,south,0.10,", r'no fee from the zone "south" to "north"'),
        ("sharing", "0.10,always", "0.10,never", r'"never", but the first row says "always"'),
        ("contracts", "0.05\nnight", "dear\nnight", r'contracts.csv, line 3, column "sell_eur'),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(tmp_path, file, old, new, message):
    text = PUBLIC_GRID[f"{file}.csv"]
    assert old in text
    folder = write_public_grid(tmp_path / "street", **{file: text.replace(old, new, 1)})
    with pytest.raises(GameError, match=message):
        read_world(folder)


def test_wrong_worlds_are_named():
    point = MeteringPoint(name="1", member="ann", contract="basic", import_kwh=[1.0])
    right = {
        "points": [point],
        "steps": sg.energy.TimeSteps("2024-06-01", np.timedelta64(1, "h"), 1),
        "contracts": [Contract(name="basic", energy=Tariff.flat(0.3, 0.1))],
    }
    for change, message in [
        ({"points": []}, "no metering point"),
        ({"points": [point, point]}, "the point '1' is there twice"),
        ({"members": ["bob"]}, "of 'ann', who is not a member"),
        ({"contracts": [Contract(name="old", energy=Tariff.flat(0.3, 0.1))]}, "none of old"),
        ({"fee_per_kwh": {("a", "a"): 0.1}}, "no fee from the zone '' to ''"),
        ({"fee_per_kwh": float("nan")}, "fee_per_kwh is not finite"),
        ({"own_points": "sometimes"}, "always, with_others or never"),
    ]:
        with pytest.raises(GameError, match=message):
            PublicGrid(**(right | change))
    with pytest.raises(GameError, match="take no reference"):
        sg.owen_allocation(PublicGrid(**right), reference=[0.3])
