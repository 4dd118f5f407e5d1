"""Every mechanism in other units, and with its participants in another order: the same outcome."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sesgame.errors import SesgameError
from sesgame.markets import Matching, NetworkMarket, OrderBook, StorageAuction
from sesgame.markets.catalogue import MECHANISMS
from sesgame.testing import markets, matching_markets, network_markets, storage_auctions

FACTORS = [1e-9, 1e-3, 0.1, 0.01, 1 / 3, 7, 1000, 1e9]
TENTHS = st.integers(0, 12).map(lambda k: k / 10)
PRECISION = {"core-selecting": 1e-7}
"""Of what is the nearest point of a polyhedron, by least squares; other sums are rounded only."""
ROUNDED = 1e-9


def in_units(market, money, quantity):
    """The same market, its money and its quantities counted in other units."""
    if isinstance(market, OrderBook):
        return OrderBook(
            market.participants,
            market.participant,
            market.is_bid,
            market.price_per_kwh * money,
            market.quantity_kwh * quantity,
            market.period,
            demand_kwh=market.demand_kwh * quantity,
            value_of_lost_load=market.value_of_lost_load * money,
        )
    if isinstance(market, NetworkMarket):
        return NetworkMarket(
            market.buses,
            [line._replace(limit_mw=line.limit_mw * quantity) for line in market.lines],
            [
                order._replace(
                    price_per_mwh=order.price_per_mwh * money,
                    quantity_mw=order.quantity_mw * quantity,
                )
                for order in market.orders
            ],
            demand_mw=dict(zip(market.buses, market.demand_mw * quantity, strict=True)),
            value_of_lost_load=market.value_of_lost_load * money,
            participants=market.participants,
        )
    if isinstance(market, Matching):
        # A contract has a price and no quantity: its money is counted in one unit.
        return Matching.from_bids(
            market.bid * money,
            market.offer * money,
            path_fees=np.where(np.isfinite(market.bid), market.fee * money, np.inf),
            rows=market.rows,
            columns=market.columns,
        )
    return StorageAuction(
        [
            bundle._replace(
                value=bundle.value * money,
                energy_kwh=bundle.energy_kwh * quantity,
                power_kw=bundle.power_kw * quantity,
            )
            for bundle in market.bundles
        ],
        energy_kwh=market.energy_kwh * quantity,
        power_kw=market.power_kw * quantity,
        bidders=market.participants,
    )


def shuffled(market, rng):
    """The same market, its participants and their orders written down in another order."""
    if isinstance(market, Matching):
        i, j = rng.permutation(len(market.rows)), rng.permutation(len(market.columns))
        return Matching.from_bids(
            market.bid[np.ix_(i, j)],
            market.offer[j],
            path_fees=market.fee[np.ix_(i, j)],
            rows=[market.rows[k] for k in i.tolist()],
            columns=[market.columns[k] for k in j.tolist()],
        )
    labels = [market.participants[int(i)] for i in rng.permutation(len(market.participants))]
    if isinstance(market, StorageAuction):
        return StorageAuction(
            [market.bundles[int(k)] for k in rng.permutation(len(market.bundles))],
            energy_kwh=market.energy_kwh,
            power_kw=market.power_kw,
            bidders=labels,
        )
    # The steps of one participant stay in their order.
    order = rng.permutation(len(market.participant))
    for i in range(len(labels)):
        own = np.flatnonzero(market.participant[order] == i)
        order[own] = np.sort(order[own])
    if isinstance(market, OrderBook):
        place = {market.participants.index(label): k for k, label in enumerate(labels)}
        return OrderBook(
            labels,
            [place[int(i)] for i in market.participant[order]],
            market.is_bid[order],
            market.price_per_kwh[order],
            market.quantity_kwh[order],
            market.period[order],
            demand_kwh=market.demand_kwh,
            value_of_lost_load=market.value_of_lost_load,
        )
    return NetworkMarket(
        market.buses,
        market.lines,
        [market.orders[int(k)] for k in order],
        demand_mw=dict(zip(market.buses, market.demand_mw, strict=True)),
        value_of_lost_load=market.value_of_lost_load,
        participants=labels,
    )


DECIMAL = {
    OrderBook: markets(prices=TENTHS, quantities=TENTHS),
    NetworkMarket: network_markets(3).map(lambda market: in_units(market, 0.1, 0.1)),
    StorageAuction: storage_auctions(max_bundles=2).map(lambda one: in_units(one, 0.1, 0.1)),
    Matching: matching_markets().map(lambda one: in_units(one, 0.1, 1)),
}
SINGLE_ORDERS = {"single_orders": True, "demand": False, "prices": TENTHS}
NARROWER = {
    "trade-reduction": markets(st.integers(2, 7), quantities=TENTHS, **SINGLE_ORDERS),
    "mcafee": markets(st.integers(2, 7), quantities=st.just(0.3), **SINGLE_ORDERS),
    "average-price": markets(prices=TENTHS, quantities=TENTHS, demand=False),
    "muda": markets(st.integers(2, 7), quantities=TENTHS, **SINGLE_ORDERS),
    "greedy": storage_auctions(max_bundles=1).map(lambda auction: in_units(auction, 0.1, 0.1)),
}
EXAMPLES = {OrderBook: 15, NetworkMarket: 4, StorageAuction: 3, Matching: 8}
ONE_UNIT = (StorageAuction, Matching)
"""Markets that count values, not prices: their money has one unit only."""
MANY = 8
"""Times as many examples, with a scan of misreports, where there is time."""

CASES = [
    pytest.param(mechanism, kind, id=f"{mechanism.name}-{kind.__name__}")
    for mechanism in MECHANISMS.values()
    for kind in mechanism.markets
]


def drawn(mechanism, kind):
    return NARROWER.get(mechanism.name, DECIMAL[kind])


def outcome(mechanism, market, *, scan):
    """What was traded, prices, money and verdicts; or the kind of refusal."""
    try:
        settlement = mechanism.settle(market)
    except SesgameError as refusal:
        return type(refusal)
    report = settlement.properties(scan=[one for one in scan if market.has_orders(one)])
    quantities, prices = {
        OrderBook: (("accepted_kwh", "shed_kwh"), ("price_per_kwh", "price_lower", "price_upper")),
        NetworkMarket: (("accepted_mw", "shed_mw"), ("price_per_mwh",)),
        StorageAuction: ((), ()),
        Matching: ((), ()),
    }[type(market)]
    outside = [number for pair in settlement.outside.values() for number in pair]
    return {
        "method": settlement.method,
        "won": getattr(settlement, "won", None),
        "verdicts": {name: verdict.word for name, verdict in report.verdicts.items()},
        "by theorem": report.verdicts["incentive compatible"].ground == "by theorem",
        "manipulator": report.manipulator,
        "quantities": np.concatenate([[], *(getattr(settlement, name) for name in quantities)]),
        "prices": np.concatenate([[], *(getattr(settlement, name) for name in prices)]),
        "money": np.concatenate(
            [
                settlement.payments,
                settlement.values,
                outside,
                [settlement.welfare, report.budget.gap, report.efficiency_loss],
            ]
        ),
        "gains": np.array([report.misreport_gain, report.core_excess]),
    }


def assert_same(found, expected, money, quantity, precision, size):
    if isinstance(expected, type):
        assert found is expected
        return
    for name in ("method", "won", "verdicts", "by theorem", "manipulator"):
        assert found[name] == expected[name], name
    for name, factor in (
        ("quantities", quantity),
        ("prices", money),
        ("money", money * quantity),
        ("gains", money * quantity),
    ):
        scale = size[name]
        np.testing.assert_allclose(
            found[name] / factor, expected[name], rtol=0, atol=precision * scale, err_msg=name
        )


def sizes(market):
    """The sizes of quantities, prices and sums of money in a market."""
    if isinstance(market, ONE_UNIT):
        if isinstance(market, Matching):
            money = float(market.worth.sum() + market.offer.sum() + market.fee.sum())
        else:
            money = sum(bundle.value for bundle in market.bundles)
        return {"quantities": 1.0, "prices": 1.0, "money": money, "gains": money}
    kwh = isinstance(market, OrderBook)
    price = market.price_per_kwh if kwh else market.price_per_mwh
    quantity = (market.quantity_kwh if kwh else market.quantity_mw).sum()
    quantity += (market.demand_kwh if kwh else market.demand_mw).sum()
    price = max(np.abs(price).max(initial=0), market.value_of_lost_load)
    money = price * quantity
    return {"quantities": quantity, "prices": price, "money": money, "gains": money}


def check_units(mechanism, kind, *, examples, scanned):
    @settings(max_examples=examples)
    @given(drawn(mechanism, kind), st.sampled_from(FACTORS), st.sampled_from(FACTORS))
    def check(market, money, quantity):
        scan = list(market.participants)[:scanned]
        paid = money if kind in ONE_UNIT else money * quantity
        expected = outcome(mechanism, market, scan=scan)
        found = outcome(mechanism, in_units(market, money, quantity), scan=scan)
        precision = PRECISION.get(mechanism.name, ROUNDED)
        assert_same(found, expected, paid / quantity, quantity, precision, sizes(market))

    check()


@pytest.mark.parametrize(("mechanism", "kind"), CASES)
def test_units_of_money_and_of_quantities_change_nothing(mechanism, kind):
    check_units(mechanism, kind, examples=EXAMPLES[kind], scanned=0)


@pytest.mark.slow
@pytest.mark.parametrize(("mechanism", "kind"), CASES)
def test_nor_do_they_change_what_a_scan_of_misreports_finds(mechanism, kind):
    check_units(mechanism, kind, examples=MANY * EXAMPLES[kind], scanned=1)


def has_ties(mechanism, market):
    """Whether an order that is written down first comes first by the rule of the mechanism."""
    if mechanism.name == "greedy":
        score = [
            bundle.value / np.sqrt(bundle.energy_kwh / 1.2 + bundle.power_kw / 0.6 or 1)
            for bundle in market.bundles
        ]
        return len(np.unique(np.round(score, 9))) < len(score)
    if mechanism.name in ("trade-reduction", "mcafee"):
        key = set(zip(market.is_bid.tolist(), market.price_per_kwh.tolist(), strict=True))
        return len(key) < len(market.price_per_kwh)
    return False


@pytest.mark.parametrize(("mechanism", "kind"), CASES)
def test_the_order_of_the_participants_changes_nothing(mechanism, kind):
    @settings(max_examples=EXAMPLES[kind])
    @given(drawn(mechanism, kind), st.integers(0, 2**32))
    def check(market, seed):
        assume(not has_ties(mechanism, market))
        other = shuffled(market, np.random.default_rng(seed))
        try:
            expected = mechanism.settle(market)
        except SesgameError as refusal:
            with pytest.raises(type(refusal)):
                mechanism.settle(other)
            return
        found = mechanism.settle(other)
        back = [other.participants.index(label) for label in market.participants]
        atol = PRECISION.get(mechanism.name, ROUNDED) * sizes(market)["money"]
        columns = [(found.utilities, expected.utilities)]
        if kind not in ONE_UNIT:  # of equally good winners one is taken
            columns.append((found.payments, expected.payments))
        for mine, theirs in columns:
            np.testing.assert_allclose(mine[back], theirs, rtol=0, atol=atol)

    check()
