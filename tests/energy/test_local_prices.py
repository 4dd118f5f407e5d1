"""Local prices: published numbers, fractions, what they promise, and what they do not."""

import json
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import permutations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference import local_price_oracle as oracle
from sesgame.errors import GameError, SesgameError

E = sg.energy
RULES = {
    "mid-market-rate": E.mid_market_rate,
    "supply-demand-ratio": E.supply_demand_ratio,
    "bill-sharing": E.bill_sharing,
    "uniform-local-price": E.uniform_local_price,
}
PER_STEP = {
    "mid-market-rate": oracle.mid_market,
    "supply-demand-ratio": oracle.ratio,
    "uniform-local-price": oracle.uniform,
}
of_each = pytest.mark.parametrize("name", RULES)


def hours(count):
    start = np.datetime64("2016-06-01T00:00")
    return E.TimeSteps.from_times(start + np.arange(count) * np.timedelta64(1, "h"))


def neighbours(nets, buy=0.30, sell=0.10, **more):
    """Return a community of two-way meters."""
    nets = np.asarray(nets, dtype=float)
    if nets.shape[1] == 1:  # which has no length of a step
        nets = np.column_stack([nets, np.zeros(len(nets))])
    steps = hours(nets.shape[1])
    buy, sell = (np.broadcast_to(price, nets.shape[1]) for price in (buy, sell))
    return E.Community(
        members=[f"m{row}" for row in range(len(nets))],
        steps=steps,
        load_kwh=nets,
        tariff=E.PriceSeries(steps, buy, sell),
        **more,
    )


THREE = [[2, -1], [1, -3], [-2, 1]]


@pytest.mark.parametrize(
    ("bills", "buy", "sell", "values"),
    [
        (E.mid_market_rate, (0.233333, 0.2), (0.2, 0.125), (0.341667, -0.141667, -0.2)),
        (E.supply_demand_ratio, (0.185714, 0.1), (0.128571, 0.1), (0.271429, -0.114286, -0.157143)),
        (
            partial(E.supply_demand_ratio, compensation_per_kwh=0.05),
            (0.22, 0.15),
            (0.18, 0.1125),
            (0.3275, -0.1175, -0.21),
        ),
        (E.bill_sharing, (0.075, 0.075), (0.05, 0.05), (0.1, -0.075, -0.025)),
        (E.uniform_local_price, (0.3, 0.1), (0.3, 0.1), (0.5, 0, -0.5)),
    ],
    ids=["mid-market", "ratio", "compensated", "bill-sharing", "uniform"],
)
def test_numbers_worked_out_by_hand(bills, buy, sell, values):
    found = bills(neighbours(THREE))
    prices = found.evidence
    assert prices.buy_per_kwh == pytest.approx(buy, abs=5e-7)
    assert prices.sell_per_kwh == pytest.approx(sell, abs=5e-7)
    assert found.values == pytest.approx(values, abs=5e-7)
    assert prices.local_kwh.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("name", "coalition", "objection"),
    [
        ("mid-market-rate", ["m0", "m2"], 0.141667),
        ("supply-demand-ratio", ["m0", "m2"], 0.114286),
        ("bill-sharing", ["m1", "m2"], 0.2),
    ],
)
def test_the_audit_names_who_would_object(name, coalition, objection):
    community = neighbours(THREE)
    found = sg.audit(community.cost_game(), RULES[name](community))
    assert not found.in_core
    assert list(found.worst_coalition) == coalition
    assert found.worst_coalition_excess == pytest.approx(objection, abs=5e-7)


@st.composite
def worlds(draw):
    """Return net loads and prices of few digits, so that ties, and steps without trade, come up."""
    n, steps = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    energy = st.integers(-4, 4)
    nets = draw(st.lists(st.lists(energy, min_size=steps, max_size=steps), min_size=n, max_size=n))
    sell = draw(st.lists(st.integers(0, 8), min_size=steps, max_size=steps))
    gap = draw(st.lists(st.integers(0, 8), min_size=steps, max_size=steps))
    return nets, [(s + g) / 16 for s, g in zip(sell, gap, strict=True)], [s / 16 for s in sell]


@of_each
@drawn(25, 500, worlds())
def test_bills_are_those_of_fractions(name, world):
    nets, buy, sell = world
    community = neighbours(nets, buy, sell)
    found = RULES[name](community)
    if name == "bill-sharing":
        expected = oracle.shared_bill(nets, buy, sell)
    else:
        expected = oracle.bills(nets, buy, sell, PER_STEP[name])
    assert found.values == pytest.approx([float(bill) for bill in expected], abs=1e-12)
    assert sum(expected) == sum(
        Fraction(b) * max(sum(column), 0) - Fraction(s) * max(-sum(column), 0)
        for b, s, column in zip(buy, sell, zip(*nets, strict=True), strict=True)
    )
    game = community.cost_game()
    assert found.total == pytest.approx(game.value(game.players), abs=1e-12)
    assert found.evidence.bills_by_step.sum(axis=1) == pytest.approx(found.values, abs=1e-12)
    assert found.evidence.verify(game)


@drawn(15, 400, worlds(), st.integers(0, 8))
def test_the_compensated_ratio_is_that_of_fractions(world, sixteenths):
    nets, buy, sell = world
    buy = [b + sixteenths / 16 for b in buy]
    found = E.supply_demand_ratio(neighbours(nets, buy, sell), compensation_per_kwh=sixteenths / 16)
    prices = partial(oracle.ratio, compensation=Fraction(sixteenths, 16))
    expected = oracle.bills(nets, buy, sell, prices)
    assert found.values == pytest.approx([float(bill) for bill in expected], abs=1e-12)


@pytest.mark.parametrize("name", PER_STEP)
@drawn(15, 400, worlds())
def test_nobody_pays_more_than_alone_by_prices_of_each_step(name, world):
    community = neighbours(*world)
    found = RULES[name](community)
    alone = community.cost_game().values(np.eye(len(community.members), dtype=bool))
    assert (found.values <= alone + 1e-12).all()
    assert found.evidence.bills_without_sharing == pytest.approx(alone, abs=1e-12)
    assert (found.evidence.sell_per_kwh <= found.evidence.buy_per_kwh + 1e-15).all()


def test_a_pure_producer_pays_for_bill_sharing():
    community = neighbours([[-2.0], [1.0]])
    found = E.bill_sharing(community)
    assert found.values == pytest.approx([-0.1, 0.0], abs=1e-15)
    assert community.cost_game().value(["m0"]) == -0.2
    assert found.evidence.caveats(found, "{:.2f} EUR".format) == [
        "{m0}: billed more than the grid would charge for the same energy, by 0.10 EUR at most."
    ]
    assert E.mid_market_rate(community).evidence.caveats(found, str) == []


@drawn(15, 400, worlds())
def test_the_uniform_price_is_in_the_core(world):
    community = neighbours(*world)
    assert sg.audit(community.cost_game(), E.uniform_local_price(community)).in_core


def test_the_uniform_price_is_that_of_an_auction_with_the_grid():
    community = neighbours([[2.0], [1.0], [-2.0]])
    book = sg.markets.OrderBook.from_orders(
        [
            ("m0", "bid", 9.0, 2.0),
            ("m1", "bid", 9.0, 1.0),
            ("m2", "offer", 0.0, 2.0),
            ("grid", "offer", 0.30, 10.0),
            ("grid", "bid", 0.10, 10.0),
        ]
    )
    payments = dict(
        zip(book.participants, sg.markets.uniform_price(book).payments.tolist(), strict=True)
    )
    assert E.uniform_local_price(community).values == pytest.approx(
        [payments[member] for member in community.members]
    )


@of_each
def test_ratios_are_continuous_where_both_sides_are_equal(name):
    def prices(surplus):
        evidence = RULES[name](neighbours([[1.0], [-surplus]])).evidence
        return evidence.buy_per_kwh[0], evidence.sell_per_kwh[0]

    below, above = prices(1 - 1e-9), prices(1 + 1e-9)
    jumps = name == "uniform-local-price"
    assert (below == pytest.approx(above, abs=1e-8)) is not jumps


@of_each
@drawn(8, 200, worlds(), st.sampled_from([1e-6, 1000.0, 2.0**20]))
def test_units_and_the_order_of_members_make_no_difference(name, world, unit):
    nets, buy, sell = (np.asarray(part, dtype=float) for part in world)
    values = RULES[name](neighbours(nets, buy, sell)).values
    scaled = RULES[name](neighbours(nets * unit, buy, sell)).values
    assert scaled == pytest.approx(values * unit, abs=1e-12 * unit)
    dearer = RULES[name](neighbours(nets, buy * unit, sell * unit)).values
    assert dearer == pytest.approx(values * unit, abs=1e-12 * unit)
    assert RULES[name](neighbours(nets[::-1], buy, sell)).values[::-1] == pytest.approx(values)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_sums_that_differ_by_rounding_are_the_same_whatever_the_order(order):
    nets = np.array([[0.1], [0.2], [0.3], [-0.6]])[list(order)]
    evidence = E.uniform_local_price(neighbours(nets)).evidence
    assert evidence.buy_per_kwh[0] == pytest.approx(0.20)


@pytest.mark.parametrize("name", PER_STEP)
def test_bills_of_two_periods_add_up(name):
    community = neighbours(np.random.default_rng(3).normal(size=(5, 24)), 0.3, 0.1)
    noon = "2016-06-01T12:00"
    parts = [RULES[name](community, **span).values for span in ({"end": noon}, {"start": noon})]
    assert sum(parts) == pytest.approx(RULES[name](community).values)


BATTERIES = [
    E.Battery(
        owner=owner, energy_kwh=size, power_kw=size, charge_efficiency=0.9, discharge_efficiency=1
    )
    for owner, size in (("m0", 3), ("m1", 1))
]


@of_each
def test_storage_is_billed_as_the_schedule_of_all_runs_it(name):
    community = neighbours([[-3, 1.0], [0, 1], [0, 2]], batteries=BATTERIES)
    schedule = community.dispatch()
    assert schedule.charge_kwh.any()
    found = RULES[name](community)
    assert "the part that it has of the capacity" in found.evidence.energy
    assert found.total == pytest.approx(schedule.cost)
    drawn_kwh = schedule.charge_kwh - schedule.discharge_kwh
    expected = community.net_load_kwh + np.outer([0.75, 0.25, 0], drawn_kwh)
    assert found.evidence.net_kwh == pytest.approx(expected)
    assert RULES[name](community, schedule=schedule).values.tolist() == found.values.tolist()
    idle = RULES[name](community, model="netting")
    assert idle.evidence.energy == "what meters say"
    assert idle.total == pytest.approx(
        community.cost_game(model="netting").value(["m0", "m1", "m2"])
    )


@of_each
@pytest.mark.parametrize("model", ["as-it-ran", "re-run"])
def test_metered_storage_is_billed_to_whom_its_meter_belongs(name, model):
    readings = np.array([[2.0, -1.0], [0.5, -0.5], [0, 0]])
    nets = np.array([[-3, 1.0], [0, 1], [0, 2]])
    more = {"controller": E.SelfConsumption()} if model == "re-run" else {}
    community = neighbours(nets, batteries=BATTERIES, battery_kwh=readings, **more)
    found = RULES[name](community, model=model)
    assert found.evidence.energy == "what meters say, those of storage too"
    assert found.evidence.net_kwh.tolist() == (nets + readings).tolist()
    assert found.values == pytest.approx(RULES[name](neighbours(nets + readings)).values)
    assert found.evidence.verify(community.cost_game(model=model))


def test_storage_that_comes_later_has_no_part_before():
    later = [BATTERIES[0], replace(BATTERIES[1], valid_from="2016-06-02")]
    nets = np.zeros((2, 48))
    nets[0, [10, 34]], nets[1, [20, 44]] = -6, 6
    community = neighbours(nets, batteries=later)
    flows = E.mid_market_rate(community).evidence.net_kwh - nets
    assert flows[0, :24].any()
    assert not flows[1, :24].any()
    assert flows[1, 24:].any()


def test_what_is_no_price_in_a_step_is_refused():
    community = neighbours(THREE, grid=E.Grid(demand_charge_per_kw=2.0))
    with pytest.raises(
        GameError, match="of what all together pay, 2 EUR have no price in a step: demand"
    ):
        E.mid_market_rate(community)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: E.mid_market_rate(c, schedule=c.dispatch(["m0", "m1"])), "without {m2}; bills"),
        (
            lambda c: E.bill_sharing(c, schedule=c.dispatch(end="2016-06-01T01:00")),
            "schedule is of another period",
        ),
        (
            lambda c: E.bill_sharing(c, schedule=c.dispatch(), model="netting"),
            "model='netting' finds a schedule",
        ),
        (
            lambda c: E.supply_demand_ratio(c, compensation_per_kwh=0.3),
            "in the step from 2016-06-01T00:00 it may be at most 0.2",
        ),
        (
            lambda c: E.supply_demand_ratio(c, compensation_per_kwh=-0.1),
            "must be finite and at least 0",
        ),
        (lambda c: E.uniform_local_price(c, position=2), "position is 2; it must be in"),
        (
            lambda c: E.supply_demand_ratio(neighbours(THREE, 0.3, -0.1)),
            "has a pole: give a compensation of at least 0.1",
        ),
        (lambda c: E.mid_market_rate(E.Scenarios([c])), "community"),
    ],
    ids=["members", "period", "twice", "too-much", "negative", "position", "pole", "scenarios"],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(SesgameError, match=message):
        call(neighbours(THREE))


def test_a_rule_is_asked_for_by_name():
    table = sg.compare(neighbours(THREE), [*RULES, "shapley"])
    assert table["mid-market-rate"].allocation.values == pytest.approx(
        [0.341667, -0.141667, -0.2], abs=5e-7
    )
    assert "bill-sharing" not in [row.rule for row in sg.compare(neighbours(THREE)).rows]


def test_evidence_is_json_and_a_changed_one_is_refused():
    community = neighbours(THREE)
    found = E.mid_market_rate(community)
    kept = json.loads(json.dumps(found.evidence.to_dict()))
    assert kept["buy_per_kwh"] == pytest.approx([0.233333, 0.2], abs=5e-7)
    assert "net_kwh" not in kept
    forged = sg.energy.bill_sharing(neighbours([[1, 1], [1, 1], [1, 1]])).evidence
    assert not forged.verify(community.cost_game())


@of_each
@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("buy_per_kwh", lambda price: price + 0.01),
        ("sell_per_kwh", lambda price: price + 0.01),
        ("grid_buy_per_kwh", lambda price: price + 0.01),
        ("grid_sell_per_kwh", lambda price: price + 0.01),
        ("grid_sell_per_kwh", lambda price: price[::-1] * np.nan),
        ("local_kwh", lambda energy: energy[::-1] + 1),
        ("cost", lambda cost: cost + 1),
        ("net_kwh", lambda energy: energy + 1),
    ],
)
def test_each_number_of_the_evidence_is_checked(name, field, change):
    community = neighbours(THREE)
    evidence = RULES[name](community).evidence
    assert evidence.verify(community.cost_game())
    forged = replace(evidence, **{field: change(getattr(evidence, field))})
    assert not forged.verify(community.cost_game())
