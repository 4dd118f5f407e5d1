"""Several fixed loads: rationed in proportion, charged one by one, players of their own."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.errors import GameError
from sesgame.markets import NetworkMarket, OrderBook
from sesgame.testing import assert_individually_rational, markets
from sesgame.testing.market_checks import market_payoffs

ORDERS = [("sun", "offer", 0, 40), ("gas", "offer", 0.09, 30), ("bakery", "bid", 0.15, 10)]


def book_of(demand):
    return OrderBook.from_orders(ORDERS, demand_kwh=demand, value_of_lost_load=3.0)


def test_loads_pay_the_market_price_for_what_they_get():
    one, several = book_of(60), book_of({"village": 45, "town": [15]})
    for rule in (sg.markets.vcg, sg.markets.uniform_price):
        alone, apart = rule(one), rule(several)
        assert apart.payments.tobytes() == alone.payments.tobytes()
        worth, paid = alone.outside["load"]
        assert apart.outside["village"] == pytest.approx((0.75 * worth, 0.75 * paid))
        assert apart.outside["town"] == pytest.approx((0.25 * worth, 0.25 * paid))


def test_what_is_shed_is_shared_in_proportion():
    """70 kWh are there for 100 of loads, period by period; bids are worth less."""
    settlement = sg.markets.uniform_price(book_of({"village": 80, "town": 20}))
    assert settlement.shed_kwh.tolist() == [30]
    served = settlement.book.served_kwh(settlement.shed_kwh)
    assert served.ravel() == pytest.approx([56, 14])
    assert settlement.outside["town"] == pytest.approx((42, 42))


def test_uplift_is_charged_to_each_load_by_its_energy():
    settlement = sg.markets.vcg(book_of({"village": 40, "town": 10}))
    gap = sg.budget_balance(settlement).gap
    assert gap < 0
    taken = {"bakery": 10.0, "village": 40.0, "town": 10.0}
    repaired = sg.markets.uplift_by_load(settlement)
    for load in ("village", "town"):
        before, after = settlement.outside[load][1], repaired.outside[load][1]
        assert after - before == pytest.approx(-gap * taken[load] / 60)
    assert repaired["bakery"] - settlement["bakery"] == pytest.approx(-gap * 10 / 60)
    assert sg.budget_balance(repaired).balanced


def split(book, parts):
    """Return the book with its load in two parts, and the one in which they bid their value."""
    first = book.demand_kwh * parts
    loads = {"village": first, "town": book.demand_kwh - first}
    orders = [
        (
            book.participants[int(who)],
            "bid" if bid else "offer",
            float(price),
            float(kwh),
            int(period),
        )
        for who, bid, price, kwh, period in zip(
            book.participant,
            book.is_bid,
            book.price_per_kwh,
            book.quantity_kwh,
            book.period,
            strict=True,
        )
    ]
    bids = [
        (name, "bid", book.value_of_lost_load, float(kwh), period)
        for name, row in loads.items()
        for period, kwh in enumerate(row)
    ]
    options = {"value_of_lost_load": book.value_of_lost_load, "participants": book.participants}
    return (
        OrderBook.from_orders(orders, demand_kwh=loads, **options),
        OrderBook.from_orders(
            orders + bids,
            participants=[*book.participants, *loads],
            demand_kwh=np.zeros(book.n_periods),
        ),
    )


@drawn(
    20,
    200,
    markets(st.integers(1, 3), n_periods=st.integers(1, 2)),
    st.sampled_from([0.0, 0.25, 0.5]),
)
def test_several_loads_are_players_of_the_core_and_of_the_game(book, parts):
    several, bidding = split(book, parts)
    players = [*several.participants, "village", "town"]
    game = sg.markets.market_game(several)
    assert list(game.players) == players
    assert game.tabulate() == pytest.approx(sg.markets.market_game(bidding).tabulate(), abs=1e-9)
    settlement = sg.markets.uniform_price(several)
    assert_individually_rational(several, settlement)
    payoffs = market_payoffs(several, settlement)
    outside = [value - paid for value, paid in settlement.outside.values()]
    assert payoffs[len(several.participants) :] == pytest.approx(outside, abs=1e-9)
    gap = several.core_gap(settlement.utilities, np.array(outside), tolerance=settlement.tolerance)
    excess = max(
        game.value(inside) - sum(payoffs[players.index(label)] for label in inside)
        for inside in (
            [p for k, p in enumerate(players) if mask >> k & 1]
            for mask in range(1, 1 << len(players))
        )
    )
    assert gap.excess == pytest.approx(max(0.0, excess), abs=1e-6)


def test_a_load_that_pays_for_another_leaves_the_core():
    """Both loads together are content; the village alone, with the sun, would do better."""
    book = book_of({"village": 30, "town": 10})
    settlement = sg.markets.uniform_price(book)
    together = sum(value - paid for value, paid in settlement.outside.values())
    worth, paid = settlement.outside["village"]
    apart = np.array([worth - paid - 1.0, together - worth + paid + 1.0])
    tolerance = settlement.tolerance
    assert book.core_gap(settlement.utilities, apart, tolerance=tolerance).excess == pytest.approx(
        1
    )
    assert "village" in book.core_gap(settlement.utilities, apart, tolerance=tolerance).blocking
    assert settlement.properties().verdicts["in the core"].word == "yes"


def test_loads_at_the_buses_of_a_network():
    lines = [("north", "south", 0.1, 40)]
    orders = [("wind", "north", "offer", 10, 100), ("gas", "south", "offer", 50, 100)]
    market = NetworkMarket(
        ["north", "south"],
        lines,
        orders,
        demand_mw={"south": {"village": 45, "town": 15}, "north": {"town": 5}},
        value_of_lost_load=1000,
    )
    assert market.load_names == ("village", "town")
    nodal = sg.markets.nodal_pricing(market)
    assert nodal.price_per_mwh == pytest.approx([10, 50])
    assert nodal.outside["village"] == pytest.approx((45000, 45 * 50))
    assert nodal.outside["town"] == pytest.approx((20000, 15 * 50 + 5 * 10))
    whole = NetworkMarket(
        ["north", "south"],
        lines,
        orders,
        demand_mw={"south": 60, "north": 5},
        value_of_lost_load=1000,
    )
    assert sg.markets.vcg(market).payments == pytest.approx(sg.markets.vcg(whole).payments)
    uplift = sg.markets.uplift_by_load(sg.markets.vcg(market))
    before = sg.markets.vcg(market)
    gap = -sg.budget_balance(before).gap
    assert uplift.outside["town"][1] - before.outside["town"][1] == pytest.approx(gap * 20 / 65)
    assert market.without("gas").load_names == ("village", "town")


@pytest.mark.parametrize("injection", [None, {"south": 2.0}])
def test_several_loads_of_a_network_are_players_of_the_core(injection):
    """Of what all coalitions could do, with the network, beyond what their members have."""
    market = NetworkMarket(
        ["north", "south"],
        [("north", "south", 0.1, 12)],
        [("wind", "north", "offer", 10, 20), ("gas", "south", "offer", 50, 30)],
        demand_mw={"south": {"village": 15, "town": 5, "load": 2}, "north": {"town": 4}},
        value_of_lost_load=100,
        injection_mw=injection,
    )
    nodal = sg.markets.nodal_pricing(market)
    # The village pays for the town.
    outside = {
        name: (value, paid + {"village": 900.0, "town": -900.0}.get(name, 0.0))
        for name, (value, paid) in nodal.outside.items()
    }
    shifted = dataclasses.replace(nodal, outside=outside, rule=None)
    with_network = [] if injection is None else ["load"]
    players = [
        *market.participants,
        *(load for load in market.load_names if load not in with_network),
    ]
    for settlement in (nodal, shifted):
        has = dict(zip(market.participants, settlement.utilities.tolist(), strict=True))
        has |= {name: value - paid for name, (value, paid) in settlement.outside.items()}
        rest = settlement.welfare - sum(has[player] for player in players)
        excess = max(
            market.only([*members, *with_network]).clear().welfare
            - rest
            - sum(has[member] for member in members)
            for size in range(len(players) + 1)
            for members in combinations(players, size)
        )
        report = settlement.properties()
        assert report.core_excess == pytest.approx(max(0.0, excess), abs=1e-6)
        assert report.in_core == (settlement is nodal)
        assert (report.blocking is None) == report.in_core
    assert "village" in report.blocking
    assert "town" not in report.blocking


def test_loads_have_names_in_a_file(tmp_path):
    path = tmp_path / "market.csv"
    path.write_text(
        "participant,side,price_per_kwh,quantity_kwh,period\n"
        "sun,offer,0,40,0\nvillage,load,3,20,0\n,load,3,5,0\nvillage,load,3,10,1\n"
    )
    book = OrderBook.from_csv(path)
    assert book.load_names == ("village", "load")
    assert book.load_kwh.tolist() == [[20, 10], [5, 0]]
    path.write_text(path.read_text().replace("village", "sun"))
    with pytest.raises(GameError, match="'sun' is a fixed load and a participant"):
        OrderBook.from_csv(path)


@pytest.mark.parametrize(
    ("demand", "message"),
    [
        ({"sun": 1}, "'sun' is a fixed load and a participant"),
        ({"": 1}, "must have a name of its own"),
        ({3: 1}, "must have a name of its own, got int 3"),
        ({"village": -1}, "demand_kwh of 'village' must be finite and non-negative, got -1.0"),
        ({"village": [1, 2], "town": [1, 2, 3]}, "give one number for each of the 3 periods"),
        ({"village": "much"}, "demand_kwh of 'village' must be numbers"),
    ],
)
def test_loads_that_cannot_be(demand, message):
    with pytest.raises(GameError, match=message):
        book_of(demand)


@pytest.mark.parametrize(
    ("demand", "message"),
    [
        ({"south": {"village": -1}}, "demand_mw of 'village' must be non-negative, got -1.0"),
        ({"east": {"village": 1}}, "unknown bus 'east'"),
        ({"south": {"gas": 1}}, "'gas' is a fixed load and a participant"),
        ({"south": {"village": "much"}}, "demand_mw of 'village' at bus 'south' must be numbers"),
    ],
)
def test_loads_of_a_network_that_cannot_be(demand, message):
    with pytest.raises(GameError, match=message):
        NetworkMarket(
            ["south"],
            [],
            [("gas", "south", "offer", 1, 1)],
            demand_mw=demand,
            value_of_lost_load=9,
        )
