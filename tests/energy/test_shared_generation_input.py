"""What sharing keys and their bills refuse, by name."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import (
    Battery,
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

HOUR = np.timedelta64(1, "h")
STEPS = TimeSteps("2024-06-01T12:00", HOUR, 2)


def world(**changes):
    given = {
        "points": [
            MeteringPoint(name="pv", member="roof", contract="basic", export_kwh=[2.0, 1.0]),
            MeteringPoint(name="a", member="ann", contract="basic", import_kwh=[1.0, 1.0]),
            MeteringPoint(name="b", member="bob", contract="basic", import_kwh=[1.0, 3.0]),
        ],
        "steps": STEPS,
        "contracts": [Contract(name="basic", energy=Tariff.flat(0.30, 0.08))],
    }
    return PublicGrid(**(given | changes))


HALVES = {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: StaticKey({"a": 0.5, "b": 0.4}),
            "the coefficients add up to 0.9, and not to 1 within",
        ),
        (
            lambda: StaticKey({"a": 0.33, "b": 0.33, "c": 0.33}),
            r"add up to 0.99, and not to 1 within 2.2e-15",
        ),
        (lambda: StaticKey({"a": 1.5, "b": -0.5}), r"of 'a' is 1.5, and not in \[0, 1\]"),
        (lambda: StaticKey({"a": "half", "b": 0.5}), "a coefficient is no number"),
        (lambda: StaticKey({3: 1.0}), "a key is for points, which have names; 3 is none"),
        (lambda: StaticKey([0.5, 0.5]), "coefficients must be SharingCoefficients, or one for"),
        (
            lambda: StaticKey(SharingCoefficients(["a", "b"], [[0.5, 0.5], [0.5, 0.7]], STEPS)),
            "add up to 1.2 at 2024-06-01T13:00, and not to 1 within",
        ),
        (lambda: GivenKey(["a"], [[0.5]], STEPS), r"shape \(1, 1\), but \(1, 2\) is needed"),
        (lambda: GivenKey(["a"], [[0.5, -0.1]], STEPS), "'a' is -0.1 at 2024-06-01T13:00"),
        (
            lambda: GivenKey(["a", "b"], [[0.5, 0.5], [0.5, 0.6]], STEPS),
            "the parts add up to 1.1000000000000001 at 2024-06-01T13:00, and at most 1",
        ),
        (lambda: GivenKey(["a", "a"], [[0.5, 0.5]] * 2, STEPS), "'a' is there twice"),
        (lambda: GivenKey("ab", [[0.5, 0.5]] * 2, STEPS), "points must be .*, got str 'ab'"),
        (lambda: GivenKey(["a"], [["x", "y"]], STEPS), "parts must be numbers"),
        (lambda: HierarchicalKey([]), "at least one group"),
        (lambda: HierarchicalKey([["a"], []]), "a group of a hierarchical key is empty"),
        (lambda: HierarchicalKey([["a"], ["b", "a"]]), "'a' of group 2 is in group 1 already"),
        (lambda: HierarchicalKey("ab"), "groups must be a list"),
        (lambda: HierarchicalKey(["ab"]), "a group must be a list"),
        (
            lambda: HierarchicalKey([["a"]], [EqualKey()] * 2),
            "1 group cannot have 2 keys within them",
        ),
        (
            lambda: HierarchicalKey([["a"]], PairwiseKey({"pv": EqualKey()})),
            "within must be a list|a sharing key that is none by plant",
        ),
        (lambda: PairwiseKey({}), "keys must be one for each plant"),
        (lambda: PairwiseKey({"pv": 0.5}), "the plant 'pv' needs a sharing key"),
        (
            lambda: PairwiseKey({"pv": PairwiseKey({"pv": EqualKey()})}),
            "the plant 'pv' needs a sharing key that is none by plant",
        ),
    ],
)
def test_keys_refuse_what_is_none(make, message):
    with pytest.raises(GameError, match=message):
        make()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            StaticKey({"a": 0.5, "b": 0.25, "x": 0.25}),
            "the static key names the point 'x', which is not one of the 3 metering points",
        ),
        (StaticKey({"a": 1.0}), "the static key does not name the point 'b', which draws energy"),
        (HierarchicalKey([["b"]]), "the hierarchical key does not name the point 'a'"),
        (
            GivenKey(["a", "b"], [[0.5], [0.5]], STEPS.part(slice(0, 1))),
            "the given parts cover 2024-06-01T12:00 to 2024-06-01T13:00, but the steps",
        ),
        (
            StaticKey(SharingCoefficients(["a", "b"], [[0.5], [0.5]], STEPS.part(slice(0, 1)))),
            "the coefficients cover 2024-06-01T12:00 to 2024-06-01T13:00, but the steps",
        ),
        (PairwiseKey({"a": DynamicKey()}), "the plant 'pv' feeds in, and has no key"),
        (PairwiseKey({"barn": DynamicKey()}), "names the point 'barn', which is not one of"),
        (
            PairwiseKey({"pv": HierarchicalKey([["a"]], StaticKey({"b": 1.0})), "a": EqualKey()}),
            "the hierarchical key does not name the point 'b'",
        ),
        (
            HierarchicalKey([["a"], ["b"]], [StaticKey(HALVES), DynamicKey()]),
            "the static key names the point 'b', which is none of {a}",
        ),
        ("dynamic", "key must be SharingKey, got str 'dynamic'"),
    ],
)
def test_keys_that_do_not_fit_are_refused(key, message):
    with pytest.raises(GameError, match=message):
        shared_generation(world(), key, local_price_per_kwh=0.1)


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ([0.1, 0.2, 0.3], r"local_price_per_kwh has shape \(3,\); it needs \(\) or \(2,\)"),
        (float("inf"), "local_price_per_kwh is not finite"),
        (True, "local_price_per_kwh must be a number, .*, got bool True"),
        ({"pv": "0.1"}, "local_price_per_kwh of 'pv' must be a number, .*, got str '0.1'"),
        ("cheap", "must be a number, one for each step, or a mapping of plants to either"),
        ({"a": 0.1}, "the plant 'pv' feeds in, and has no local_price_per_kwh"),
        ({"pv": 0.1, "barn": 0.1}, "local_price_per_kwh is of 'barn', which is none of"),
        ({"pv": [0.1]}, r"local_price_per_kwh of 'pv' has shape \(1,\)"),
    ],
)
def test_prices_that_do_not_fit_are_refused(price, message):
    with pytest.raises(GameError, match=message):
        shared_generation(world(), DynamicKey(), local_price_per_kwh=price)


def test_worlds_that_no_key_shares_are_refused():
    battery = Battery.shared(
        {"ann": 1.0},
        energy_kwh=1.0,
        power_kw=1.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
    )
    stored = world(batteries=battery, storage_contract="basic")
    alone = PublicGrid(
        points=[MeteringPoint(name="1", member="ann", contract="basic", import_kwh=[1.0, 1.0])],
        steps=STEPS,
        contracts=world().contracts,
        own_points="with_others",
    )
    for given, message in (
        (stored, "batteries of this community are dispatched with foresight"),
        (world(own_points="never"), 'here own points never share \\(own_points="never"\\)'),
        (alone, "'ann' is alone, and own points share only with others"),
        (sg.games.airport([1.0, 2.0]), "world must be PublicGrid, got Game"),
    ):
        with pytest.raises(GameError, match=message):
            shared_generation(given, DynamicKey(), local_price_per_kwh=0.1)
    with pytest.raises(GameError, match='unused must be "plant" or "owner", got \'both\''):
        shared_generation(world(), DynamicKey(), local_price_per_kwh=0.1, unused="both")
    with pytest.raises(GameError, match="2024-07-01"):
        shared_generation(world(), DynamicKey(), local_price_per_kwh=0.1, end="2024-07-01")


def test_a_point_that_draws_nothing_need_not_be_named():
    points = [
        *world().points,
        MeteringPoint(name="idle", member="ann", contract="basic", import_kwh=[0.0, 0.0]),
    ]
    named = shared_generation(world(), StaticKey(HALVES), local_price_per_kwh=0.1)
    found = shared_generation(world(points=points), StaticKey(HALVES), local_price_per_kwh=0.1)
    assert found.values.tolist() == named.values.tolist()


@pytest.mark.parametrize("participation", [-0.1, 1.5, float("nan"), "half", True, None])
def test_a_participation_is_in_0_1(participation):
    with pytest.raises(GameError, match=r"the participation of 'a' is .*, and not in \[0, 1\]"):
        MeteringPoint(
            name="a", member="a", contract="basic", import_kwh=[1.0], participation=participation
        )


@pytest.mark.parametrize(
    ("reduction", "message"),
    [
        (1.5, r"the reduction of the fee from the zone '' to '' is 1.5, and not in \[0, 1\]"),
        (-0.1, "is -0.1, and not in"),
        (float("nan"), "is nan, and not in"),
        ("half", "is 'half', and not in"),
        ({}, "there is no reduction from the zone '' to ''"),
        ({("", ""): 0.5, ("", "x"): 0.5}, r"reduction is of \('', 'x'\); it needs two of the"),
    ],
)
def test_a_reduction_is_in_0_1(reduction, message):
    with pytest.raises(GameError, match=message):
        world(fee_per_kwh=0.05, reduction=reduction)
