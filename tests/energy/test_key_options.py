"""Sharing keys by name, as options of a rule: the key that is meant, and what is refused."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import (
    DynamicKey,
    EqualKey,
    GivenKey,
    HierarchicalKey,
    PairwiseKey,
    SharingCoefficients,
    StaticKey,
    shared_generation,
)
from sesgame.errors import GameError

FIXED = "point,coefficient\nhome,0.25\nshop,0.75\n"
TIMES = ["2024-06-01T12:00", "2024-06-01T13:00"]
BY_STEP = "time,home,shop\n2024-06-01T12:00,0.5,0.5\n2024-06-01T13:00,0.1,0.9\n"
GIVEN = "time,home,shop\n2024-06-01T12:00,0.5,0.25\n2024-06-01T13:00,0,0.9\n"
PAIRS = "plant,point,coefficient\nroof,home,0.25\nbarn,home,1\nroof,shop,0.75\nbarn,shop,0\n"
PAIRS_BY_STEP = (
    "plant,time,home,shop\n"
    "roof,2024-06-01T12:00,0.25,0.75\nroof,2024-06-01T13:00,0.5,0.5\n"
    "barn,2024-06-01T12:00,1,0\nbarn,2024-06-01T13:00,0,1\n"
)


def lane(zone=None):
    point = sg.energy.MeteringPoint
    return sg.energy.PublicGrid(
        points=[
            point(name="roof", member="ann", contract="all", export_kwh=[4.0, 2.0]),
            point(name="barn", member="eve", contract="all", export_kwh=[1.0, 0.0]),
            point(name="home", member="bob", contract="all", import_kwh=[1.0, 2.0]),
            point(name="shop", member="cem", contract="all", import_kwh=[5.0, 1.0]),
        ],
        steps=sg.energy.TimeSteps.from_times(TIMES, zone=zone),
        contracts=[sg.energy.Contract(name="all", energy=sg.energy.Tariff.flat(0.30, 0.08))],
        fee_per_kwh=0.05,
    )


def bills(key, world=None, **options):
    """Return the bills of the rule with these options."""
    row = sg.compare(
        world or lane(), ["sharing-key"], key=key, local_price_per_kwh=0.12, **options
    )["sharing-key"]
    if row.allocation is None:
        raise GameError(row.failure)
    return row.allocation


def steps(zone=None):
    return sg.energy.TimeSteps.from_times(TIMES, zone=zone)


def rows(by_step):
    return SharingCoefficients(["home", "shop"], by_step, steps())


@pytest.mark.parametrize("zone", [None, "Europe/Madrid"])
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param(
            "static", FIXED, lambda _: StaticKey({"home": 0.25, "shop": 0.75}), id="fixed"
        ),
        pytest.param(
            "hourly",
            BY_STEP,
            lambda zone: StaticKey(
                SharingCoefficients(["home", "shop"], [[0.5, 0.1], [0.5, 0.9]], steps(zone))
            ),
            id="hourly",
        ),
        pytest.param(
            "given",
            GIVEN,
            lambda zone: GivenKey(["home", "shop"], [[0.5, 0.0], [0.25, 0.9]], steps(zone)),
            id="given",
        ),
        pytest.param(
            "pairwise",
            PAIRS,
            lambda _: PairwiseKey(
                {
                    "roof": StaticKey({"home": 0.25, "shop": 0.75}),
                    "barn": StaticKey({"home": 1.0, "shop": 0.0}),
                }
            ),
            id="pairwise",
        ),
        pytest.param(
            "pairwise",
            PAIRS_BY_STEP,
            lambda zone: PairwiseKey(
                {
                    plant: StaticKey(SharingCoefficients(["home", "shop"], values, steps(zone)))
                    for plant, values in {
                        "roof": [[0.25, 0.5], [0.75, 0.5]],
                        "barn": [[1.0, 0.0], [0.0, 1.0]],
                    }.items()
                }
            ),
            id="pairwise by step",
        ),
    ],
)
def test_a_key_of_a_file_is_the_key_of_its_numbers(tmp_path, name, text, expected, zone):
    path = tmp_path / "key.csv"
    path.write_text(text)
    found = bills(name, lane(zone), coefficients=str(path))
    same = shared_generation(lane(zone), expected(zone), local_price_per_kwh=0.12)
    assert found.values.tolist() == same.values.tolist()
    assert found.evidence.assigned_kwh.tolist() == same.evidence.assigned_kwh.tolist()
    assert found.method == same.method
    assert found.rule == same.rule == "sharing-key"


def test_coefficients_of_a_text_file_are_of_points_that_are_called_by_their_cups(tmp_path):
    codes = {"home": "ES0000000000000001TR0F", "shop": "ES0000000000000002TW0F"}
    path = tmp_path / "CAU_2024.txt"
    halves = SharingCoefficients(["home", "shop"], [0.5, 0.5])
    halves.to_cups_file(path, cups=codes)
    world = lane()
    with pytest.raises(GameError, match="names the point 'ES0000000000000001TR0F'"):
        bills("static", world, coefficients=path)
    called = sg.energy.PublicGrid(
        points=[
            sg.energy.MeteringPoint(
                name=codes.get(point.name, point.name),
                member=point.member,
                contract="all",
                import_kwh=point.import_kwh,
                export_kwh=point.export_kwh,
            )
            for point in world.points
        ],
        steps=world.steps,
        contracts=world.contracts,
        fee_per_kwh=0.05,
    )
    found = bills("static", called, coefficients=path)
    same = shared_generation(world, StaticKey(halves), local_price_per_kwh=0.12)
    assert found.values.tolist() == same.values.tolist()


@pytest.mark.parametrize(
    ("name", "options", "key"),
    [
        pytest.param("dynamic", {}, DynamicKey(), id="dynamic"),
        pytest.param("equal", {}, EqualKey(), id="equal"),
        pytest.param(
            "hierarchical",
            {"groups": [["shop"], ["home"]]},
            HierarchicalKey([["shop"], ["home"]]),
            id="hierarchical",
        ),
        pytest.param(
            "static",
            {"coefficients": {"home": 0.25, "shop": 0.75}},
            StaticKey({"home": 0.25, "shop": 0.75}),
            id="static",
        ),
    ],
)
def test_a_name_and_an_object_are_the_same_key(name, options, key):
    for unused in (None, "plant", "owner"):
        found = bills(name, unused=unused, **options)
        same = shared_generation(lane(), key, local_price_per_kwh=0.12, unused=unused or "plant")
        given = bills(key, unused=unused)
        assert found.values.tolist() == same.values.tolist() == given.values.tolist()


def test_two_keys_are_compared_with_the_one_in_force_as_the_baseline():
    world = lane()
    law = shared_generation(
        world, StaticKey({"home": 0.25, "shop": 0.75}), local_price_per_kwh=0.12
    )
    new = shared_generation(world, DynamicKey(), local_price_per_kwh=0.12)
    found = sg.compare(world, {"law": law, "new": new, "fair": "shapley"}, baseline="law")
    assert found["new"].savings == pytest.approx(law.values - new.values)
    assert found["law"].lost == pytest.approx(law.evidence.lost_money)
    assert found["law"].efficient  # nothing is paid beyond what all pay under the key
    assert found["fair"].savings.sum() == pytest.approx(law.evidence.lost_money)


def test_a_price_for_each_plant_is_taken(tmp_path):
    prices = {"roof": 0.10, "barn": np.array([0.20, 0.25])}
    row = sg.compare(lane(), ["sharing-key"], key="dynamic", local_price_per_kwh=prices)
    same = shared_generation(lane(), DynamicKey(), local_price_per_kwh=prices)
    assert row["sharing-key"].allocation.values.tolist() == same.values.tolist()


@pytest.mark.parametrize(
    ("key", "options", "message"),
    [
        pytest.param("fair", {}, "unknown sharing key str 'fair'; choose from static", id="name"),
        pytest.param(7, {}, "unknown sharing key int 7; choose from", id="type"),
        pytest.param(np.eye(2), {}, "unknown sharing key ndarray", id="array"),
        pytest.param("equal", {"unused": np.eye(2)}, "unused must be", id="unused"),
        pytest.param("hierarchical", {"groups": 7}, "groups must be a list", id="groups of 7"),
        pytest.param("static", {}, "the static key needs coefficients: of points", id="needs"),
        pytest.param("hierarchical", {}, "the hierarchical key needs groups: points", id="groups"),
        pytest.param(
            "dynamic",
            {"coefficients": "a.csv"},
            "coefficients are for another key",
            id="not dynamic",
        ),
        pytest.param("equal", {"groups": [["home"]]}, "groups are for another key", id="not equal"),
        pytest.param(
            "hierarchical",
            {"groups": [["home", "shop"]], "coefficients": "a.csv"},
            "coefficients are for another key: the hierarchical key has groups",
            id="not hierarchical",
        ),
        pytest.param(
            DynamicKey(),
            {"groups": [["home"]]},
            "groups are for another key: the dynamic key is given",
            id="given",
        ),
        pytest.param(
            "hourly",
            {"coefficients": {"home": 0.5, "shop": 0.5}},
            "the hourly key is asked for, but the coefficients are fixed",
            id="fixed",
        ),
        pytest.param(
            "static",
            {"coefficients": rows([[0.5, 0.1], [0.5, 0.9]])},
            "the static key is asked for, but the coefficients are those of steps",
            id="by step",
        ),
        pytest.param(
            "given", {"coefficients": {}}, "needs coefficients of a file, got dict", id="file"
        ),
        pytest.param(
            "static", {"coefficients": 7}, "needs coefficients of a file, got int 7", id="7"
        ),
        pytest.param("static", {"coefficients": "nowhere.csv"}, "nowhere.csv", id="no file"),
    ],
)
def test_a_key_that_is_not_told_is_refused(key, options, message):
    with pytest.raises(GameError, match=message):
        bills(key, **options)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("given", FIXED, '"time"', id="no times"),
        pytest.param(
            "given",
            "time\n2024-06-01T12:00\n2024-06-01T13:00\n",
            "no point beside them",
            id="no points",
        ),
        pytest.param(
            "given",
            GIVEN.replace("0.25", "0.75"),
            r"key\.csv: the parts add up to 1\.25",
            id="above",
        ),
        pytest.param("given", GIVEN.replace("T13:00", "T1300"), "line 3.*a time like", id="time"),
        pytest.param("pairwise", FIXED, 'has no column "plant"', id="no plants"),
        pytest.param(
            "pairwise", PAIRS.replace("barn,home", ",home"), "line 3.*name of a plant", id="unnamed"
        ),
        pytest.param(
            "pairwise",
            PAIRS.replace("0.75", "0.5"),
            r"the plant 'roof': .*add up to 0\.75, and not to 1",
            id="sum",
        ),
        pytest.param(
            "pairwise",
            PAIRS.replace("barn", "mill"),
            "the point 'mill', which is not one",
            id="plant",
        ),
        pytest.param(
            "static",
            FIXED + "home,0\n",
            'duplicate point "home"',
            id="twice",
        ),
    ],
)
def test_what_is_wrong_with_a_file_of_a_key_is_named(tmp_path, name, text, message):
    path = tmp_path / "key.csv"
    path.write_text(text)
    with pytest.raises(GameError, match=message):
        bills(name, coefficients=path)


def test_the_rule_needs_a_key_and_a_price():
    found = sg.compare(lane(), ["sharing-key"])["sharing-key"]
    assert found.failure.startswith('the rule "sharing-key" needs key: the sharing key')
    assert "and local-price: what who uses a kWh" in found.failure
    game = sg.Game.from_table([0, 1, 1, 1], kind="cost")
    options = {"key": "dynamic", "local_price_per_kwh": 0.1}
    assert "is for communities" in sg.compare(game, ["sharing-key"], **options).rows[0].failure
