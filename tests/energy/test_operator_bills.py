"""Bills of what an operator says was shared: worked by hand, balanced, and audited."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.operator_exports import delivered, series_of
from hypothesis import strategies as st
from sesgame.energy import (
    Battery,
    Contract,
    FixedFee,
    OperatorSeries,
    PublicGrid,
    Tariff,
    operator_bills,
)
from sesgame.errors import GameError

USE = {"ann": [1, 8], "bob": [3, 8]}
SUN = {"roof": [2, 6], "barn": [0, 2]}
OWNERS = {"ann": "ann", "bob": "bob", "roof": "ann", "barn": "coop"}
FLAT = Contract(name="flat", energy=Tariff.flat(0.30, 0.06))


def write(amount):
    return f"{amount:.2f} EUR"


def test_bills_by_hand():
    """Step 1: 2 kWh for needs of 1 and 3; step 2: 8 for 8 and 8, three quarters from the roof."""
    series = series_of(delivered(USE, SUN), members=OWNERS)
    bills = operator_bills(series, consumer_price_per_kwh=0.12, producer_price_per_kwh=0.09)
    shown = {member: round(bill, 12) for member, bill in bills.items()}
    assert shown == {"ann": -0.18, "bob": 0.66, "coop": -0.18}
    evidence = bills.evidence
    assert evidence.covered_kwh.tolist() == [4.5, 5.5]
    assert evidence.delivered_kwh.tolist() == [8, 2]
    assert evidence.margin == pytest.approx(0.03 * 10)
    assert bills.total == pytest.approx(evidence.margin)
    assert [
        (line.label, line.point, line.kwh, round(line.amount, 9)) for line in evidence.lines("ann")
    ] == [
        ("covered by the community", "ann", 4.5, 0.54),
        ("delivered to the community", "roof", 8.0, -0.72),
    ]
    assert evidence.grounds(bills, write) == [
        "The operator says what was shared. Consumers pay 1.20 EUR for 10 kWh, plants get 0.90 EUR "
        "for 10 kWh; the margin of the community, 0.30 EUR, is in nobody's bill."
    ]
    assert evidence.caveats(bills, write) == []
    read = operator_bills(
        series_of(delivered(USE, SUN), assumed=["decimal commas"]),
        consumer_price_per_kwh=0.12,
        producer_price_per_kwh=0.09,
    )
    assert read.evidence.grounds(read, write)[1] == "Of the series: decimal commas."
    assert evidence.verify(None).holds


def test_a_member_that_gets_the_margin_has_it_in_a_line_of_its_own():
    series = series_of(delivered(USE, SUN), members=OWNERS)
    prices = {"consumer_price_per_kwh": 0.12, "producer_price_per_kwh": 0.09}
    bills = operator_bills(series, community="club", **prices)
    assert bills["club"] == pytest.approx(-0.30)
    assert bills.total == pytest.approx(0, abs=1e-12)
    assert [line.label for line in bills.evidence.lines("club")] == ["margin of the community"]
    owner = operator_bills(series, community="coop", **prices)
    assert owner["coop"] == pytest.approx(-0.18 - 0.30)
    assert list(owner.players) == ["ann", "bob", "coop"]
    assert owner.evidence.verify(None).holds


def test_prices_by_point_by_member_and_by_step():
    series = series_of(delivered(USE, SUN), members=OWNERS)
    bills = operator_bills(
        series,
        consumer_price_per_kwh={"ann": 0.10, "bob": [0.20, 0.10]},
        producer_price_per_kwh={"roof": 0.05, "coop": [0.01, 0.02]},
    )
    assert bills["bob"] == pytest.approx(0.20 * 1.5 + 0.10 * 4)
    assert bills["ann"] == pytest.approx(0.10 * 4.5 - 0.05 * 8)
    assert bills["coop"] == pytest.approx(-0.02 * 2)


def test_a_margin_below_zero_is_a_debt_and_said():
    series = series_of(delivered(USE, SUN), members=OWNERS)
    bills = operator_bills(
        series, consumer_price_per_kwh=0.05, producer_price_per_kwh=0.09, community="coop"
    )
    assert bills.evidence.margin == pytest.approx(-0.4)
    assert bills["coop"] == pytest.approx(-0.18 + 0.4)
    assert (
        "the margin of the community, -0.40 EUR, goes to {coop}"
        in bills.evidence.grounds(bills, write)[0]
    )


def test_a_period_is_billed_by_itself():
    series = series_of(delivered(USE, SUN), members=OWNERS)
    prices = {"consumer_price_per_kwh": 0.12, "producer_price_per_kwh": 0.09}
    first = operator_bills(series, end="2024-06-01T12:15", **prices)
    last = operator_bills(series, start="2024-06-01T12:15", **prices)
    both = operator_bills(series, **prices)
    assert np.allclose(first.values + last.values, both.values, rtol=0, atol=1e-15)


def test_substitutes_that_may_change_make_bills_provisional():
    series = series_of(delivered(USE, SUN), members=OWNERS, quality={"bob": [1, 3]})
    bills = operator_bills(series, consumer_price_per_kwh=0.12, producer_price_per_kwh=0.09)
    assert bills.evidence.caveats(bills, write) == [
        "bob: 1 step with substitutes that may still change, the first from 2024-06-01T12:15; the "
        "bills are provisional."
    ]


def test_series_that_do_not_hold_are_refused_or_said():
    found = delivered(USE, SUN)
    found["covered"]["bob"][1] = 5.0
    series = series_of(found, members=OWNERS)
    prices = {"consumer_price_per_kwh": 0.12, "producer_price_per_kwh": 0.09}
    with pytest.raises(
        GameError, match=r"covered at most offered: .* 'bob' .*by 1 kWh \(and 3 more\)"
    ):
        operator_bills(series, **prices)
    bills = operator_bills(series, broken="state", **prices)
    assert len(bills.evidence.caveats(bills, write)) == 4
    assert bills["bob"] == pytest.approx(0.12 * 6.5)
    assert bills.evidence.verify(None).holds
    unsaid = replace(bills.evidence, broken=())
    assert not unsaid.verify(None).holds


def world_of(series, **options):
    return series.public_grid([FLAT], contract="flat", fee_per_kwh=0.05, **options)


def test_with_contracts_bills_are_those_of_all_energy_and_can_be_audited():
    series = series_of(delivered(USE, SUN), members=OWNERS)
    world = world_of(series, members=["ann", "bob", "coop", "club"])
    bills = operator_bills(
        series,
        consumer_price_per_kwh=0.12,
        producer_price_per_kwh=0.10,
        world=world,
        community="club",
    )
    by_hand = {
        "ann": 0.30 * (9 - 4.5) + 0.05 * 4.5 + 0.12 * 4.5 - 0.10 * 8,
        "bob": 0.30 * (11 - 5.5) + 0.05 * 5.5 + 0.12 * 5.5,
        "coop": -0.10 * 2,
        "club": -0.02 * 10,
    }
    assert {one: round(bill, 12) for one, bill in bills.items()} == {
        one: round(bill, 12) for one, bill in by_hand.items()
    }
    game = world.cost_game()
    evidence = bills.evidence
    # The dynamic key uses all that can be used, and there is one price: it loses nothing.
    assert evidence.lost_money == pytest.approx(0, abs=1e-12)
    assert evidence.cost == pytest.approx(game.value(game.players))
    assert evidence.verify(game).holds
    audit = sg.audit(game, bills)
    assert audit.efficient
    assert evidence.alone.tolist() == [game.value([member]) for member in world.members]


def test_bills_stand_beside_other_rules_and_in_a_report():
    series = series_of(delivered(USE, SUN, shares={"ann": "3/4", "bob": "1/4"}), members=OWNERS)
    world = world_of(series)
    bills = operator_bills(
        series, consumer_price_per_kwh=0.1, producer_price_per_kwh=0.1, world=world
    )
    beside = sg.compare(world, rules={"operator": bills, "shapley": "shapley"}, progress=False)
    operator, shapley = beside.rows
    # Ann is assigned half a kWh that she does not need: 0.30 - 0.06 - 0.05 for each.
    assert bills.evidence.lost_money == pytest.approx(0.5 * 0.19)
    assert bills.total - shapley.allocation.total == pytest.approx(bills.evidence.lost_money)
    assert operator.allocation is bills
    page = sg.report(world.cost_game(), bills, community=world, progress=False).to_html()
    page = page.replace("\N{NO-BREAK SPACE}", " ")
    assert "The operator says what was shared. Consumers pay 0.95 EUR for 9.5 kWh" in page


def test_what_a_key_of_fixed_shares_loses_is_a_number():
    """Ann has half of 8 kWh, and needs 1 of them: three are sold for 0.06 and bought for 0.30."""
    found = delivered({"ann": [1], "bob": [8]}, {"roof": [8]}, shares={"ann": "1/2", "bob": "1/2"})
    series = series_of(found)
    bills = operator_bills(
        series, consumer_price_per_kwh=0.1, producer_price_per_kwh=0.1, world=world_of(series)
    )
    assert bills.evidence.lost_money == pytest.approx(3 * (0.30 - 0.06 - 0.05))
    assert bills.evidence.arrangement == pytest.approx(bills.total)
    assert "the operator's key loses 0.57 EUR" in bills.evidence.grounds(bills, write)[1]


def test_who_pays_more_than_alone_is_named():
    series = series_of(delivered(USE, SUN), members=OWNERS)
    bills = operator_bills(
        series, consumer_price_per_kwh=0.45, producer_price_per_kwh=0.45, world=world_of(series)
    )
    # Bob pays 0.45 and the fee of 0.05 instead of 0.30 for 5.5 kWh.
    (caveat,) = bills.evidence.caveats(bills, write)
    assert caveat == "{bob}: billed more than alone, by 1.10 EUR at most."


def test_fees_in_the_game_and_zones_are_in_the_bills():
    """A quarter of what ann takes comes from the barn, in another zone."""
    contract = Contract(
        name="flat",
        energy=Tariff.flat(0.30, 0.06),
        fees=[FixedFee(label="meter", price=2.0, per="month", in_game=True)],
    )
    found = delivered({"ann": [4.0] * 744}, {"roof": [6.0] * 744, "barn": [2.0] * 744})
    hours = sg.energy.TimeSteps("2024-07-01T00:00", np.timedelta64(1, "h"), 744)
    series = series_of(found, steps=hours)
    world = series.public_grid(
        [contract],
        contract="flat",
        zone={"ann": "near", "roof": "near", "barn": "far"},
        fee_per_kwh={
            ("near", "near"): 0.02,
            ("far", "near"): 0.06,
            ("near", "far"): 1,
            ("far", "far"): 1,
        },
    )
    bills = operator_bills(
        series, consumer_price_per_kwh=0.1, producer_price_per_kwh=0.1, world=world
    )
    kwh = 4.0 * 744
    assert bills["ann"] == pytest.approx(kwh * (0.1 + 0.75 * 0.02 + 0.25 * 0.06) + 2.0)
    assert bills["roof"] == pytest.approx(-0.75 * kwh * 0.1 - 0.06 * (6.0 - 3.0) * 744 + 2.0)
    # All of it could come from the roof, next door: the operator takes it from both.
    assert bills.evidence.lost_money == pytest.approx(0.25 * kwh * 0.04)
    assert bills.evidence.verify(world.cost_game()).holds


def test_what_does_not_take_part_is_billed_by_the_contract():
    """Ann's meter takes part by half, and the fee of 0.10 is reduced by half."""
    series = series_of(delivered(USE, SUN), members=OWNERS)
    prices = {"consumer_price_per_kwh": 0.12, "producer_price_per_kwh": 0.10}
    ann, *others = world_of(series).points
    half = replace(ann, import_kwh=2 * ann.import_kwh, participation=0.5)
    world = PublicGrid(
        points=[half, *others],
        steps=series.steps,
        contracts=[FLAT],
        fee_per_kwh=0.10,
        reduction=0.5,
    )
    bills = operator_bills(series, world=world, **prices)
    all_of_it = operator_bills(series, world=world_of(series), **prices)
    assert bills["ann"] - all_of_it["ann"] == pytest.approx(0.30 * 9)
    assert bills["bob"] == pytest.approx(all_of_it["bob"])
    assert bills.evidence.verify(world.cost_game()).holds


grams = st.integers(0, 5_000).map(lambda one: Fraction(one, 1_000))
cents = st.integers(0, 60).map(lambda one: one / 100)


@drawn(10, 150, st.data())
def test_bills_balance_and_nobody_together_pays_less_than_can_be(data):
    n_steps = data.draw(st.integers(1, 3))
    names = {kind: [f"{kind}{k}" for k in range(data.draw(st.integers(1, 3)))] for kind in "cp"}
    use, sun = (
        {
            name: data.draw(st.lists(grams, min_size=n_steps, max_size=n_steps))
            for name in names[kind]
        }
        for kind in "cp"
    )
    shares = None
    if data.draw(st.booleans()):
        weights = [data.draw(st.integers(1, 9)) for _ in names["c"]]
        shares = {
            name: Fraction(one, sum(weights)) for name, one in zip(names["c"], weights, strict=True)
        }
    decimals = data.draw(st.sampled_from([None, 3]))
    found = delivered(use, sun, decimals, shares)
    series = series_of(found, decimals=15 if decimals is None else decimals)
    buy, sell, fee, price = (data.draw(cents) for _ in range(4))
    contract = Contract(name="c", energy=Tariff.flat(buy, min(sell, buy)))
    world = series.public_grid([contract], contract="c", fee_per_kwh=fee)
    bills = operator_bills(
        series, consumer_price_per_kwh=price, producer_price_per_kwh=price / 2, world=world
    )
    evidence = bills.evidence
    paid = sum(price * kwh for readings in found["covered"].values() for kwh in readings)
    got = sum(
        price / 2 * (kwh - left)
        for plant in names["p"]
        for kwh, left in zip(found["generated"][plant], found["surplus"][plant], strict=True)
    )
    # Sums of a few euros as floats.
    assert evidence.margin == pytest.approx(paid - got, abs=1e-12)
    assert bills.total == pytest.approx(evidence.cost + evidence.margin, abs=1e-12)
    assert evidence.verify(world.cost_game()).holds


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"margin": 1.0}, id="margin"),
        pytest.param({"paid": np.array([1.0, 2.0])}, id="what consumers pay"),
        pytest.param({"received": np.array([0.0, 0.0])}, id="what plants get"),
        pytest.param({"outside": np.array([0.0, 0.0, 0.0])}, id="what is paid outside"),
        pytest.param({"consumers": ("bob", "ann")}, id="consumers"),
        pytest.param({"plants": ("barn", "shed")}, id="plants"),
        pytest.param({"players": ("bob", "ann", "coop")}, id="members"),
        pytest.param({"covered_kwh": np.array([9.0, 9.0])}, id="covered energy"),
        pytest.param({"delivered_kwh": np.array([9.0, 9.0])}, id="delivered energy"),
        pytest.param({"least_cost": 0.0}, id="the least cost"),
        pytest.param({"least_cost": None}, id="no least cost"),
        pytest.param({"alone": np.array([9.0, 9.0, 9.0])}, id="alone"),
        pytest.param({"rounded_money": 1.0}, id="rounding"),
        pytest.param({"provisional": (("ann", 1, "2024-06-01T12:00"),)}, id="provisional"),
        pytest.param({"broken": ("nothing holds",)}, id="what does not hold"),
        pytest.param({"consumer_price_per_kwh": np.full((2, 2), 0.2)}, id="prices of consumers"),
        pytest.param({"producer_price_per_kwh": np.full((2, 2), 0.2)}, id="prices of plants"),
        pytest.param({"consumer_price_per_kwh": np.full((2, 1), 0.12)}, id="prices of one step"),
        pytest.param({"world": None}, id="no contracts"),
        pytest.param({"series": series_of(delivered(USE, SUN))}, id="series of others"),
    ],
)
def test_changed_evidence_is_refuted(change):
    series = series_of(delivered(USE, SUN), members=OWNERS)
    world = world_of(series)
    bills = operator_bills(
        series, consumer_price_per_kwh=0.12, producer_price_per_kwh=0.09, world=world
    )
    assert bills.evidence.verify(world.cost_game()).holds
    assert not replace(bills.evidence, **change).verify(world.cost_game()).holds


PRICES = {"consumer_price_per_kwh": 0.12, "producer_price_per_kwh": 0.09}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(
            {"consumer_price_per_kwh": {"ann": 0.1}},
            "consumer_price_per_kwh has nothing for the point 'bob'",
            id="price missing",
        ),
        pytest.param(
            {"producer_price_per_kwh": {"bob": 0.1}},
            "'bob', who has no such point",
            id="price of nobody",
        ),
        pytest.param(
            {"producer_price_per_kwh": {"eve": 0.1}},
            "'eve', which is neither",
            id="price of a stranger",
        ),
        pytest.param(
            {"consumer_price_per_kwh": [0.1]}, r"shape \(1,\); it needs \(\) or \(2,\)", id="shape"
        ),
        pytest.param({"consumer_price_per_kwh": float("nan")}, "is not finite", id="nan"),
        pytest.param(
            {"consumer_price_per_kwh": "x"}, "must be a number, or one for each step", id="text"
        ),
        pytest.param({"consumer_price_per_kwh": "0.12"}, "got str '0.12'", id="a number as text"),
        pytest.param({"consumer_price_per_kwh": True}, "got bool True", id="yes"),
        pytest.param({"producer_price_per_kwh": [True, False]}, "got list", id="yes and no"),
        pytest.param(
            {"producer_price_per_kwh": {"coop": 0.1, "barn": 0.2, "roof": 0.1}},
            "'coop', each of whose points has its own",
            id="price that is not needed",
        ),
        pytest.param(
            {"broken": "maybe"}, "broken is 'maybe'; it must be refuse or state", id="broken"
        ),
        pytest.param({"start": "2025-01-01"}, "is empty", id="period"),
    ],
)
def test_bad_input_is_named(options, says):
    series = series_of(delivered(USE, SUN), members=OWNERS)
    with pytest.raises(GameError, match=says):
        operator_bills(series, **{**PRICES, **options})


def other_world(series, **changed):
    world = world_of(series)
    options = {
        "points": world.points,
        "steps": world.steps,
        "contracts": world.contracts,
        "fee_per_kwh": 0.05,
    }
    return PublicGrid(**{**options, **changed})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda world: {"steps": ["2025-06-01T12:00", "2025-06-01T12:15"]},
            "the world has 2 steps of 15 minutes from 2025",
            id="steps",
        ),
        pytest.param(
            lambda world: {"points": world.points[1:]},
            "the series has the point 'ann', and the world has not",
            id="points",
        ),
        pytest.param(
            lambda world: {"own_points": "never"},
            "the operator shares own points, too",
            id="own points",
        ),
        pytest.param(
            lambda world: {
                "points": [
                    replace(world.points[0], import_kwh=np.array([1.0, 8.5])),
                    *world.points[1:],
                ]
            },
            "other energy in the world than in the series, by 0.5 kWh in the step from 2024-06",
            id="energy",
        ),
        pytest.param(
            lambda world: {"points": [replace(world.points[0], member="eve"), *world.points[1:]]},
            "'ann' is of 'eve' in the world, and of 'ann' in the series",
            id="member",
        ),
    ],
)
def test_a_world_of_others_is_refused(change, says):
    series = series_of(delivered(USE, SUN), members=OWNERS)
    world = other_world(series, **change(world_of(series)))
    with pytest.raises(GameError, match=says):
        operator_bills(series, world=world, **PRICES)


def test_a_world_needs_who_gets_the_margin_and_no_battery():
    series = series_of(delivered(USE, SUN), members=OWNERS)
    with pytest.raises(GameError, match="the world has no member 'club'"):
        operator_bills(series, world=world_of(series), community="club", **PRICES)
    alone = series_of(delivered(USE, SUN), members=dict.fromkeys(OWNERS, "ann"))
    with pytest.raises(GameError, match="'ann' is alone in the world"):
        operator_bills(alone, world=other_world(alone, own_points="with_others"), **PRICES)
    battery = Battery(
        owner="ann", energy_kwh=1, power_kw=1, charge_efficiency=0.9, discharge_efficiency=0.9
    )
    world = other_world(series, batteries=[battery], storage_contract="flat")
    with pytest.raises(GameError, match="the world has batteries"):
        operator_bills(series, world=world, **PRICES)


def test_lines_of_a_stranger():
    bills = operator_bills(series_of(delivered(USE, SUN)), **PRICES)
    with pytest.raises(GameError, match="'eve' is not billed; the members are"):
        bills.evidence.lines("eve")
    with pytest.raises(GameError, match="series must be an OperatorSeries"):
        operator_bills({"ann": 1}, **PRICES)
    assert isinstance(bills.evidence.series, OperatorSeries)
