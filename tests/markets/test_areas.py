"""Areas that trade, who bears VCG's deficit, and what the owners of lines get."""

import pickle
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.errors import AllocationError, GameError
from sesgame.markets import NetworkMarket, OrderBook, values_alone
from sesgame.testing import markets, network_markets

AREAS = NetworkMarket(
    ["A", "B"],
    [("A", "B", 0.1, 40)],
    [
        *(("A", "A", "offer", 10, 100), ("A", "A", "bid", 1000, 50)),
        *(("B", "B", "offer", 30, 100), ("B", "B", "bid", 1000, 60)),
    ],
)
"""A makes 100 MWh at 10 and takes 50; B makes 100 at 30, takes 60; 40 MW fit through the line."""

FOUR = OrderBook.from_orders(
    [
        *(("s1", "offer", 0.00, 4), ("s2", "offer", 0.09, 6)),
        *(("b1", "bid", 0.15, 3), ("b2", "bid", 0.30, 6)),
    ]
)


def test_two_areas_worked_by_hand():
    """A alone 50 (1000 - 10) = 49,500, B alone 58,200, together 108,500: 800 are gained."""
    assert values_alone(AREAS).tolist() == [49500.0, 58200.0]
    nodal, vcg = sg.markets.nodal_pricing(AREAS), sg.markets.vcg(AREAS)
    assert nodal.payments == pytest.approx([-400, 1200])
    assert vcg.payments == pytest.approx([-1200, 400])
    assert sg.budget_balance(vcg).gap == pytest.approx(-800)
    over_nothing = sg.markets.uplift_by_gain(vcg)
    assert over_nothing.payments == pytest.approx([-831.84, 831.84], abs=0.005)
    over_alone = sg.markets.uplift_by_gain(vcg, alone="self")
    assert over_alone.payments == pytest.approx([-800, 800])
    assert over_alone.utilities - values_alone(AREAS) == pytest.approx([400, 400])
    assert over_alone.method == "vcg + uplift by gain over alone"
    assert over_alone.properties(scan=["A"]).budget.balanced


@st.composite
def two_areas(draw):
    """Draw two areas with one price step of each kind; each serves itself as far as it pays."""
    orders = []
    for area in "AB":
        orders.append((area, area, "offer", draw(st.integers(0, 40)), draw(st.integers(0, 50))))
        orders.append((area, area, "bid", draw(st.integers(20, 90)), draw(st.integers(0, 50))))
    line = ("A", "B", 0.1, draw(st.sampled_from([0, 5, 40])))
    return NetworkMarket(["A", "B"], [line], orders)


@drawn(15, 150, two_areas())
def test_of_two_areas_the_deficit_of_vcg_is_what_they_gain_by_trading(market):
    settlement = sg.markets.vcg(market)
    gain = market.clear().welfare - values_alone(market).sum()
    assert -sg.budget_balance(settlement).gap == pytest.approx(gain, abs=1e-6)
    shared = sg.markets.uplift_by_gain(settlement, alone="self")
    # By gain over standing alone that is the bargain of Nash: each gets half of it.
    assert shared.utilities - values_alone(market) == pytest.approx([gain / 2] * 2, abs=1e-5)


@drawn(25, 250, markets(st.integers(0, 3), prices=st.integers(0, 10), demand=False, trade=True))
def test_by_gain_over_standing_alone_is_the_gately_point(book):
    settlement = sg.markets.vcg(book)
    game = sg.markets.market_game(book)
    singles = [game.value([label]) for label in book.participants]
    assert values_alone(book) == pytest.approx(singles, abs=1e-9)
    shared = sg.markets.uplift_by_gain(settlement, alone="self")
    gately = sg.gately_point(game, progress=False)
    assert shared.utilities == pytest.approx(gately.values, abs=1e-9)
    assert (shared.utilities >= values_alone(book) - 1e-9).all()
    assert sg.budget_balance(shared).balanced


@drawn(8, 80, network_markets(2))
def test_alone_on_a_network_is_the_market_without_all_others(market):
    found = values_alone(market)
    assert len(found) == len(market.participants) + len(market.outside)
    for index, label in enumerate(market.participants):
        alone = market.only([label]).clear().welfare
        assert found[index] == pytest.approx(alone, abs=market.tolerance)


def test_what_each_has_alone_may_be_given():
    settlement = sg.markets.vcg(FOUR)
    by_default = sg.markets.uplift_by_gain(settlement).utilities
    assert by_default == pytest.approx([0.364045, 0.404494, 0.121348, 0.910112], abs=1e-6)
    nothing = dict.fromkeys(FOUR.participants, 0.0)
    for alone in (nothing, [0.0] * 4, np.zeros(4), "self"):
        assert sg.markets.uplift_by_gain(settlement, alone=alone).utilities == pytest.approx(
            by_default
        )
    given = sg.Allocation(FOUR.participants, [0.3, 0, 0, 0], kind="gain", method="given")
    over = sg.markets.uplift_by_gain(settlement, alone=given)
    gains = settlement.utilities - [0.3, 0, 0, 0]
    assert over.payments == pytest.approx(settlement.payments + 0.87 * gains / gains.sum())
    assert over.method.endswith("over what is given")
    assert over.rule(FOUR).payments.tobytes() == over.payments.tobytes()


def test_a_repaired_settlement_travels_with_its_rule():
    for repaired in (
        sg.markets.uplift_by_gain(sg.markets.vcg(FOUR), alone="self"),
        sg.markets.uplift_by_rule(sg.markets.vcg(FOUR), sg.gately_point),
        sg.markets.rent_to_line_owners(sg.markets.nodal_pricing(RING), {0: "cable"}),
    ):
        again = pickle.loads(pickle.dumps(repaired))
        assert again.payments.tobytes() == repaired.payments.tobytes()
        settled = again.rule(again.of_market)
        assert settled.payments.tobytes() == repaired.payments.tobytes()


def test_bidders_for_a_battery_have_nothing_without_it():
    auction = sg.markets.StorageAuction(
        [("shop", 6.0, 10, 4, [0]), ("farm", 4.5, 8, 4, [0])],
        energy_kwh=12,
        power_kw=8,
        n_periods=1,
    )
    assert values_alone(auction).tolist() == [0, 0]
    settlement = sg.markets.vcg(auction)
    shared = sg.markets.uplift_by_gain(settlement, alone="self")
    assert shared.payments == pytest.approx(sg.markets.uplift_by_gain(settlement).payments)


def test_a_fixed_load_may_have_something_alone_too():
    book = OrderBook.from_orders(
        [("gas", "offer", 1, 4)], demand_kwh=2, value_of_lost_load=9, participants=["gas"]
    )
    settlement = sg.markets.vcg(book)
    assert values_alone(book).tolist() == [0.0, 0.0]
    halved = sg.markets.uplift_by_gain(settlement, alone={"gas": 0.0, "load": 2.0})
    assert sg.budget_balance(halved).balanced


@pytest.mark.parametrize(
    ("alone", "message"),
    [
        ("selves", 'alone must be "self"'),
        ({"s1": 1.0}, r"missing \{s2, b1, b2\}, unknown \{\}"),
        ({"s1": 0, "s2": 0, "b1": 0, "b2": 0, "b3": 0}, r"unknown \{b3\}"),
        ({"s1": None, "s2": 0, "b1": 0, "b2": 0}, "'s1' must have a finite number, got None"),
        ({"s1": True, "s2": 0, "b1": 0, "b2": 0}, "'s1' must have a finite number"),
        ([1.0, 2.0], r"alone has shape \(2,\); 4 numbers are needed"),
        ([1.0, np.nan, 0, 0], "alone must be finite, got nan at position 1"),
        ([[0.0] * 4], r"shape \(1, 4\)"),
        (["a"] * 4, "alone must be numbers"),
        (sg.Allocation(["s1"], [1.0], kind="cost", method="given"), "an allocation of costs"),
    ],
)
def test_numbers_of_standing_alone_that_cannot_be(alone, message):
    with pytest.raises(AllocationError, match=message):
        sg.markets.uplift_by_gain(sg.markets.vcg(FOUR), alone=alone)


def test_a_settlement_without_a_market_has_nobody_alone():
    settlement = sg.markets.Settlement(["ann"], [1.0], [2.0], "by hand")
    with pytest.raises(AllocationError, match="'by hand' has no market"):
        sg.markets.uplift_by_gain(settlement, alone="self")


RULES = {
    "Shapley value": sg.shapley_value,
    "nucleolus": sg.nucleolus,
    "Gately point": sg.gately_point,
    "ENSC": partial(sg.equal_surplus_allocation, from_="marginal"),
    "tau value": sg.tau_value,
}


def exact_values(orders):
    """Return the welfare of each coalition of an order book of one period, in Fractions."""
    labels = list(dict.fromkeys(order[0] for order in orders))
    values = {}
    for mask in range(1 << len(labels)):
        inside = [order for order in orders if mask >> labels.index(order[0]) & 1]
        prices = {Fraction(order[2]) for order in inside} or {Fraction(0)}
        values[mask] = min(
            sum(
                Fraction(quantity) * max(0, (Fraction(price) - at) * (1 if side == "bid" else -1))
                for _, side, price, quantity in inside
            )
            for at in prices
        )
    return labels, values


TRADES = [
    *(("s1", "offer", 1, 4), ("s2", "offer", 3, 6), ("s2", "bid", 2, 1)),
    *(("b1", "bid", 5, 3), ("b2", "bid", 9, 6)),
]


def test_the_parts_of_the_deficit_by_each_rule_in_exact_numbers():
    labels, values = exact_values(TRADES)
    book = OrderBook.from_orders(TRADES)
    game = sg.markets.market_game(book)
    n, everybody = len(labels), (1 << len(labels)) - 1
    assert list(game.players) == labels
    assert game.tabulate() == pytest.approx([float(values[mask]) for mask in range(1 << n)])
    marginal = [values[everybody] - values[everybody ^ (1 << k)] for k in range(n)]
    alone = [values[1 << k] for k in range(n)]
    deficit = sum(marginal) - values[everybody]
    settlement = sg.markets.vcg(book)
    assert -sg.budget_balance(settlement).gap == pytest.approx(float(deficit))

    def part_of(rule):
        shared = sg.markets.uplift_by_rule(settlement, rule)
        assert sg.budget_balance(shared).balanced
        return shared.payments - settlement.payments

    assert part_of(RULES["ENSC"]) == pytest.approx([float(deficit / n)] * n)
    gained = [most - own for most, own in zip(marginal, alone, strict=True)]
    by_gain = [float(deficit * part / sum(gained)) for part in gained]
    assert part_of(RULES["Gately point"]) == pytest.approx(by_gain)
    assert part_of(RULES["Gately point"]) == pytest.approx(
        sg.markets.uplift_by_gain(settlement, alone="self").payments - settlement.payments
    )


@pytest.mark.parametrize(
    ("name", "of"),
    [
        *((name, "welfare") for name in RULES),
        # Of costs that grow faster than the coalitions there is nothing to agree on.
        *((name, "deficit") for name in ("Shapley value", "nucleolus", "ENSC")),
    ],
)
def test_every_rule_of_games_shares_out_the_deficit(name, of):
    settlement = sg.markets.vcg(FOUR)
    shared = sg.markets.uplift_by_rule(settlement, RULES[name], of=of)
    assert sg.budget_balance(shared).balanced
    assert shared.method.startswith("vcg + uplift by ")
    assert shared.method.endswith(f" of {of}")
    assert shared.rule(FOUR).payments.tobytes() == shared.payments.tobytes()
    game = sg.markets.market_game(FOUR) if of == "welfare" else sg.markets.deficit_game(settlement)
    shares = RULES[name](game)
    got = shared.utilities if of == "welfare" else shared.payments - settlement.payments
    assert got == pytest.approx(shares.values)


def test_the_two_readings_are_two():
    settlement = sg.markets.vcg(FOUR)
    first, second = (
        sg.markets.uplift_by_rule(settlement, sg.nucleolus, of=of).payments
        for of in ("welfare", "deficit")
    )
    assert np.abs(first - second).max() > 1e-3
    with pytest.raises(AllocationError, match=r"no agreement: together they lose 0\.87"):
        sg.markets.uplift_by_rule(settlement, sg.gately_point, of="deficit")


@drawn(20, 200, markets(st.integers(0, 3), prices=st.integers(0, 10), demand=False, trade=True))
def test_to_the_shapley_value_both_readings_are_one(book):
    """The sum of marginal contributions to S is |T| times a unanimity game of T, so that the
    Shapley value of the deficits is what each adds to all others, less its Shapley value."""
    settlement = sg.markets.vcg(book)
    first, second = (
        sg.markets.uplift_by_rule(settlement, sg.shapley_value, of=of).payments
        for of in ("welfare", "deficit")
    )
    assert first == pytest.approx(second, abs=1e-9)


def test_the_deficit_of_a_coalition_is_that_of_its_own_market():
    settlement = sg.markets.vcg(FOUR)
    game = sg.markets.deficit_game(settlement)
    assert game.kind == "cost"
    for inside in (["s1"], ["s1", "b2"], ["s2", "b1", "b2"], FOUR.participants):
        own = sg.markets.vcg(FOUR.with_only(list(inside)))
        assert game.value(inside) == pytest.approx(-sg.budget_balance(own).gap)


@drawn(15, 150, markets(st.integers(0, 2), prices=st.integers(0, 10), trade=True))
def test_shares_of_the_welfare_in_the_core_leave_no_coalition_a_gain(book):
    game = sg.markets.market_game(book)
    assert game.value(game.players) == pytest.approx(book.clear().welfare, abs=1e-9)
    shared = sg.markets.uplift_by_rule(sg.markets.vcg(book), sg.nucleolus)
    report = shared.properties(scan=[])
    assert report.core_excess <= 1e-6
    assert report.budget.balanced


def test_a_network_splits_its_deficit_too():
    settlement = sg.markets.vcg(AREAS)
    for rule in RULES.values():
        shared = sg.markets.uplift_by_rule(settlement, rule)
        assert shared.payments == pytest.approx([-800, 800])


def test_what_no_rule_can_share_out():
    settlement = sg.markets.vcg(FOUR)
    with pytest.raises(GameError, match='of must be "welfare" or "deficit"'):
        sg.markets.uplift_by_rule(settlement, sg.shapley_value, of="debt")
    with pytest.raises(AllocationError, match="by 'VCG payments' add up to"):
        sg.markets.uplift_by_rule(settlement, sg.vcg_payments)
    with pytest.raises(AllocationError, match="must give an allocation, got int 4"):
        sg.markets.uplift_by_rule(settlement, lambda game: game.n_players)
    other = sg.shapley_value(sg.games.airport([1.0, 2.0]))
    with pytest.raises(AllocationError, match="of another game"):
        sg.markets.uplift_by_rule(settlement, lambda game: other)
    cut = sg.markets.trade_reduction(FOUR)
    with pytest.raises(GameError, match="only an efficient outcome is worth that"):
        sg.markets.uplift_by_rule(cut, sg.shapley_value)
    balanced = sg.markets.uplift_by_rule(cut, sg.shapley_value, of="deficit")
    assert sg.budget_balance(balanced).balanced
    by_hand = sg.markets.Settlement(["ann"], [1.0], [2.0], "by hand")
    for of in ("welfare", "deficit"):
        with pytest.raises(GameError, match="'by hand' has"):
            sg.markets.uplift_by_rule(by_hand, sg.shapley_value, of=of)


RING = NetworkMarket(
    ["west", "mid", "east"],
    [("west", "mid", 0.1, 30), ("mid", "east", 0.1, 50), ("west", "east", 0.1, 20)],
    [
        ("wind", "west", "offer", 5, 100),
        ("gas", "mid", "offer", 40, 60),
        ("oil", "east", "offer", 90, 60),
    ],
    demand_mw={"mid": 20, "east": 60},
    value_of_lost_load=1000,
    links=[("west", "east", 0, 10, 0.1)],
)


def test_the_rents_of_lines_add_up_to_the_congestion_rent():
    nodal = sg.markets.nodal_pricing(RING)
    rents = sg.markets.line_rents(nodal)
    assert len(rents) == 4
    assert rents.sum() == pytest.approx(nodal.congestion_rent)
    price = nodal.price_per_mwh
    assert rents[0] == pytest.approx(nodal.flow_mw[0] * (price[1] - price[0]))
    assert rents[3] == pytest.approx(10 * (0.9 * price[2] - price[0]))


@drawn(8, 80, network_markets(2))
def test_the_rents_of_drawn_networks_add_up(market):
    nodal = sg.markets.nodal_pricing(market)
    rents = sg.markets.line_rents(nodal)
    assert rents.sum() == pytest.approx(nodal.congestion_rent, abs=10 * market.tolerance)


def test_owners_of_lines_get_the_rent():
    nodal = sg.markets.nodal_pricing(RING)
    rents = sg.markets.line_rents(nodal)
    owned = sg.markets.rent_to_line_owners(nodal, {0: "cable", 1: "cable", 2: "wind", 3: "tube"})
    assert sg.budget_balance(owned).balanced
    assert owned.outside["cable"] == pytest.approx((0.0, -(rents[0] + rents[1])))
    assert owned.outside["tube"] == pytest.approx((0.0, -rents[3]))
    assert owned["wind"] == pytest.approx(nodal["wind"] - rents[2])
    assert owned.method == "nodal pricing + rent to line owners"
    assert owned.rule(RING).payments.tobytes() == owned.payments.tobytes()
    part = sg.markets.rent_to_line_owners(nodal, {0: "cable"})
    assert sg.budget_balance(part).gap == pytest.approx(nodal.congestion_rent - rents[0])
    # The owner of a line takes no energy, so that no load is charged for it.
    loaded = sg.markets.uplift_by_load(part)
    assert loaded.outside["cable"] == part.outside["cable"]


def test_owners_of_lines_are_players():
    """Without the cable B does without 40 MW of A: what it adds is the whole gain from trade."""
    game = sg.markets.market_game(AREAS, line_owners={0: "cable"})
    assert list(game.players) == ["A", "B", "cable"]
    assert game.value(["A", "B"]) == pytest.approx(49500 + 58200)
    assert game.value(["A", "cable"]) == pytest.approx(49500)
    assert game.value(["A", "B", "cable"]) == pytest.approx(108500)
    third = 800 / 3
    shapley = sg.shapley_value(game)
    assert shapley.values == pytest.approx([49500 + third, 58200 + third, third])
    by_participant = sg.markets.market_game(AREAS, line_owners={0: "A"})
    assert list(by_participant.players) == ["A", "B"]
    assert sg.shapley_value(by_participant).values == pytest.approx([49900, 58600])


def test_injections_belong_to_the_load():
    market = NetworkMarket(
        ["a", "b"],
        [("a", "b", 0.1)],
        [("gas", "b", "offer", 10, 50)],
        demand_mw={"b": {"village": 20}},
        injection_mw={"a": 5},
        value_of_lost_load=100,
    )
    assert market.outside == ("village", "load")
    game = sg.markets.market_game(market)
    assert list(game.players) == ["gas", "village", "load"]
    assert game.value(["gas", "village"]) == pytest.approx(20 * 90)
    assert game.value(game.players) == pytest.approx(20 * 100 - 15 * 10)
    settlement = sg.markets.nodal_pricing(market)
    assert settlement.outside["load"] == pytest.approx((0.0, -50.0))
    assert settlement.outside["village"] == pytest.approx((2000.0, 200.0))


@pytest.mark.parametrize(
    ("owners", "message"),
    [
        ({7: "x"}, "there is no line 7; the network has 1"),
        ({-1: "x"}, "there is no line -1"),
        ({"a": "x"}, "'a' is no position of a line"),
        ({True: "x"}, "True is no position of a line"),
        ({0: None}, "the owner of line 0 is None"),
        ({0: []}, r"the owner of line 0 is .*no label"),
        ([1], "must map the position of a line"),
    ],
)
def test_lines_and_owners_that_are_not_there(owners, message):
    with pytest.raises(GameError, match=message):
        sg.markets.market_game(AREAS, line_owners=owners)
    with pytest.raises(GameError, match=message):
        sg.markets.rent_to_line_owners(sg.markets.nodal_pricing(AREAS), owners)


def test_only_nodal_prices_leave_a_rent():
    with pytest.raises(GameError, match="the settlement is by 'vcg'"):
        sg.markets.rent_to_line_owners(sg.markets.vcg(AREAS), {0: "cable"})
    nodal = sg.markets.nodal_pricing(RING)
    with pytest.raises(GameError, match="'load', which is a fixed load"):
        sg.markets.rent_to_line_owners(nodal, {0: "load"})
    with pytest.raises(GameError, match="line_owners are for a NetworkMarket"):
        sg.markets.market_game(FOUR, line_owners={0: "cable"})


@pytest.mark.parametrize("factor", [0.01, 1000.0])
def test_other_units_share_alike(factor):
    orders = [(who, side, price * factor, kwh) for who, side, price, kwh in TRADES]
    book = OrderBook.from_orders(orders)
    usual = OrderBook.from_orders(TRADES)
    for share in (
        lambda market: sg.markets.uplift_by_gain(sg.markets.vcg(market), alone="self"),
        lambda market: sg.markets.uplift_by_rule(sg.markets.vcg(market), sg.nucleolus),
    ):
        assert share(book).payments == pytest.approx(factor * share(usual).payments)
