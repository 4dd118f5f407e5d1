"""Equilibria of programs at prices: by dense programs, by deviations, and where there is none."""

from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from energy.test_units import in_units
from fixtures.drawn import drawn
from fixtures.worlds import MEMBERS, UNLIKE, WORLDS, battery, community
from hypothesis import strategies as st
from reference.world_lp import least_cost
from sesgame.energy import Community, Grid, Line, PriceSeries, Risk
from sesgame.energy.dispatch.dual_prices import ProgrammePrices
from sesgame.errors import AllocationError, GameError
from sesgame.testing import communities

DRAWN = st.sampled_from(["linear", "battery"]).flatmap(lambda model: communities(model=model))
CROSSED = {
    "batteries": UNLIKE,
    "grid": Grid(
        lines=[
            Line(name="left", members=["ann", "bob"], limit_kw=6.5),
            Line(name="right", members=["bob", "cid"], limit_kw=8.0),
        ]
    ),
}


def bills_of(here, **options):
    return sg.owen_allocation(here, progress=False, **options)


def prices_of(here, evidence, member):
    """Return what a kWh costs a member, with what it costs more behind lines."""
    price = evidence.energy_price.copy()
    if isinstance(evidence, ProgrammePrices):
        for line, difference in zip(here.grid.lines, evidence.line_price, strict=True):
            price += difference * (member in line.members)
    return price


def alone_at(here, member, price):
    """Return a member on its own who buys and sells at a price."""
    row = here.members.index(member)
    limits = {m: kw for m, kw in here.grid.connection_limits_kw.items() if m == member}
    return Community(
        members=[member],
        steps=here.steps,
        load_kwh=here.load_kwh[[row]],
        pv_kwh=here.pv_kwh[[row]],
        tariff=PriceSeries(here.steps, price, price),
        batteries=[each for each in here.batteries if each.owner == member],
        grid=Grid(connection_limits_kw=limits),
        curtailment=[member] if member in here.curtailment else "none",
    )


@pytest.mark.parametrize("name", [*WORLDS, "crossed lines"])
def test_own_programs_are_those_of_a_dense_model_and_worth_their_bills(name):
    here = community(1, **({**WORLDS, "crossed lines": CROSSED}[name]))
    bills = bills_of(here)
    check = sg.energy.equilibrium_check(here, bills)
    assert check.holds, str(check)
    for member, cost in zip(here.members, check.own_costs, strict=True):
        alone = alone_at(here, member, prices_of(here, bills.evidence, member))
        assert cost == pytest.approx(least_cost([alone], [1.0], [member]), abs=1e-7)
    assert check.rent == pytest.approx(-bills.evidence.duality_gap, abs=1e-9)


@drawn(30, 150, DRAWN)
def test_bills_at_dual_prices_are_an_equilibrium(here):
    bills = bills_of(here, model="linear")
    assert sg.energy.equilibrium_check(here, bills, model="linear").holds
    if here.default_model == "battery":
        recursion = sg.energy.equilibrium_check(here, bills_of(here))
        # A pool of unlike batteries can do more than they can.
        unlike = here.description().count("exact to") > 0
        assert unlike or recursion.holds, str(recursion)


@drawn(30, 150, communities(model="linear"), st.integers(0, 2**32 - 1))
def test_no_deviation_of_any_size_pays_at_the_prices(here, seed):
    """Each member moves its batteries at random, within what they can."""
    random = np.random.default_rng(seed)
    bills = bills_of(here, model="linear")
    hours = here.steps.step_hours
    for member in here.members:
        if member in here.grid.connection_limits_kw:
            continue
        price = prices_of(here, bills.evidence, member)
        row = here.members.index(member)
        for share in (0.01, 0.3, 1.0):
            draws = here.net_load_kwh[row].copy()
            wear = 0.0
            if member in here.curtailment:
                draws += random.uniform(0, share) * np.maximum(here.pv_kwh[row], 0.0)
            for each in here.batteries:
                if each.owner != member:
                    continue
                charged, discharged = moves(each, share, hours, random, len(draws))
                draws += charged - discharged
                wear += each.degradation_cost_per_kwh * discharged.sum()
            assert (price * draws).sum() + wear >= bills[member] - 1e-7


def moves(each, share, hours, random, n_steps):
    """Return random moves of a battery that end with no less than they began with."""
    state, least = each.initial_charge_kwh, each.initial_charge_kwh
    into, out = each.powers_kw
    charged, discharged = np.zeros((2, n_steps))
    for step in range(n_steps):
        if random.random() < 0.5:
            most = min(into * hours, (each.energy_kwh - state) / each.charge_efficiency)
            charged[step] = share * random.random() * most
            state += each.charge_efficiency * charged[step]
        else:
            most = min(out * hours, (state - least) * each.discharge_efficiency)
            discharged[step] = share * random.random() * max(most, 0.0)
            state -= discharged[step] / each.discharge_efficiency
    return charged, discharged


@drawn(30, 120, communities(model="battery"))
def test_what_all_share_is_complementary_to_the_prices(here):
    """Energy costs what the grid asks where some is bought, and what it pays where some is sold."""
    prices, schedule = bills_of(here).evidence.energy_price, here.dispatch()
    slack = 1e-9 * max(1.0, float(np.abs(here.buy_per_kwh).max()))
    assert (prices <= here.buy_per_kwh + slack).all()
    assert (prices >= here.sell_per_kwh - slack).all()
    least = 1e-9 * max(1.0, float(np.abs(here.net_load_kwh).sum()))
    bought, sold = schedule.grid_import_kwh > least, schedule.grid_export_kwh > least
    assert prices[bought] == pytest.approx(here.buy_per_kwh[bought], abs=slack)
    assert prices[sold] == pytest.approx(here.sell_per_kwh[sold], abs=slack)


@drawn(30, 120, communities(model="battery"), st.data())
def test_any_prices_bound_the_cost_from_below(here, data):
    """Weak duality: so equality proves both the dispatch and the prices."""
    n_steps = here.steps.n_steps
    prices = data.draw(
        st.lists(st.integers(-30, 60), min_size=n_steps, max_size=n_steps).map(np.array)
    )
    nothing = given(here, np.zeros(len(here.members)))
    check = sg.energy.equilibrium_check(here, nothing, prices=prices / 100, model="linear")
    bound = check.own_costs.sum() - check.best_rent
    assert bound <= check.cost + check.tolerance
    if bound >= check.cost - 1e-9:
        right = given(here, check.own_costs)
        assert sg.energy.equilibrium_check(here, right, prices=prices / 100, model="linear").holds


def given(here, values):
    return sg.Allocation(here.members, values, kind="cost", method="given")


def shared_feed():
    """Return two members whose grid connection carries 4 kWh in an hour, where they need 3 and 5.

    Whatever it does not carry comes from their own batteries, at a wear of 0.20 and 0.10 per kWh.
    """
    return Community(
        members=["ann", "bob"],
        steps=[f"2016-06-01T{hour}:00" for hour in (12, 13, 14, 15)],
        load_kwh=[[3.0, 0, 0, 0], [5.0, 0, 0, 0]],
        tariff=sg.energy.Tariff.flat(0.0, 0.0),
        grid=Grid(import_limit_kw=4.0),
        batteries=[
            battery("ann", 3.0, 3.0, 1.0, 3.0, 0.2),
            battery("bob", 5.0, 5.0, 1.0, 5.0, 0.1),
        ],
    )


def test_shared_capacity_has_the_price_at_which_the_variational_equilibrium_shares_it():
    """Values of 0.2 and 0.1, caps of 3 and 5, a capacity of 4: it is shared 3 to 1, at 0.1."""
    here = shared_feed()
    bills = bills_of(here)
    check = sg.energy.equilibrium_check(here, bills)
    assert check.holds
    assert bills.evidence.energy_price[0] == pytest.approx(0.1)
    # What the connection carries saves 0.2 * 3 + 0.1 * 1; without it they wear out 1.1.
    assert 0.2 * 3 + 0.1 * 5 - check.cost == pytest.approx(0.7)
    assert check.rent == pytest.approx(0.1 * 4)
    assert "limits that nobody brings earn 0.40 EUR" in str(check)


def test_other_equilibria_of_the_shared_capacity_are_no_equilibria_of_one_price():
    """At any split of all capacity nobody can take more, yet at most one split has one price."""
    values, caps, capacity = np.array([0.2, 0.1]), np.array([3, 5]), 4
    saved = {}
    for ann in range(capacity + 1):
        taken = np.array([ann, capacity - ann])
        if (taken > caps).any():
            continue
        # Nobody gains by taking less, and nothing is left to take: an equilibrium.
        saved[ann] = float(values @ taken)
        # What one more kWh is worth to those who have less than they need.
        wanting, having = taken < caps, taken > 0
        prices = values[wanting].max(initial=0.0), values[having].min()
        assert (prices[0] <= prices[1]) == (ann == 3)
    assert saved[3] / saved[0] == pytest.approx(1.75)


@pytest.mark.parametrize("name", ["unlike batteries", "a feeder", "a demand charge"])
def test_other_bills_and_other_prices_are_found_out(name):
    here = community(2, **WORLDS[name])
    bills = bills_of(here)
    shifted = bills.values + np.array([0.25, 0.0, -0.25, 0.0])
    moved = sg.Allocation(
        here.members, shifted, kind="cost", method="moved", evidence=bills.evidence
    )
    check = sg.energy.equilibrium_check(here, moved)
    assert not check.holds
    assert check.gaps == pytest.approx([0.25, 0.0, -0.25, 0.0], abs=1e-7)
    assert check.verdict == "No equilibrium: ann does better by 0.25 EUR on its own."
    higher = replace(bills.evidence, energy_price=bills.evidence.energy_price + 0.01)
    dear = sg.Allocation(here.members, bills.values, kind="cost", method="dear", evidence=higher)
    assert not sg.energy.equilibrium_check(here, dear).holds


def test_prices_above_those_of_the_grid_let_the_connection_earn_without_end():
    here = community(0)
    prices = here.buy_per_kwh + 0.05
    own = given(here, (here.net_load_kwh * prices).sum(axis=1))
    check = sg.energy.equilibrium_check(here, own, prices=prices)
    assert check.gaps == pytest.approx(np.zeros(4), abs=1e-9)
    assert check.shared_gap > 0.05
    assert check.verdict.startswith("No equilibrium: what all share could earn")


def test_a_pool_of_unlike_batteries_can_do_more_than_they_can_by_themselves():
    here = Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[0.0, 5.0], [0.0, 0.0]],
        pv_kwh=[[5.0, 0.0], [0.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.0),
        batteries=[battery("ann", 10.0, 0.001, 1.0), battery("bob", 0.1, 5.0, 1.0)],
    )
    pooled = sg.energy.equilibrium_check(here, bills_of(here, model="battery"), model="battery")
    assert not pooled.holds
    assert pooled.verdict == (
        "No equilibrium: the bills are 1.47 EUR less than what all pay when each runs its own "
        "batteries."
    )
    assert sg.energy.equilibrium_check(here, bills_of(here)).holds


def test_a_connection_that_storage_to_buy_fills_earns_what_its_limit_is_worth():
    """All members draw 1 kWh, and what they buy draws more than they ever could."""
    steps = sg.energy.TimeSteps(np.datetime64("2016-06-01"), np.timedelta64(1, "h"), 2)
    here = Community(
        members=["ann"],
        steps=steps,
        load_kwh=[[0.0, 1.0]],
        tariff=PriceSeries(steps, [0.0, 0.5], [0.0, 0.0]),
        grid=Grid(import_limit_kw=3.0),
        storage_offers=[
            sg.energy.StorageOffer(
                name="leaky",
                price_per_kwh_year=1.0,
                price_per_kw_year=0.0,
                charge_efficiency=0.25,
                discharge_efficiency=1.0,
            )
        ],
    )
    bills = bills_of(here)
    check = sg.energy.equilibrium_check(here, bills)
    assert here.dispatch().grid_import_kwh[0] == pytest.approx(3.0)
    assert check.holds, repr(check)
    assert check.rent == pytest.approx(-bills.evidence.duality_gap)
    assert check.rent > 0.1


def test_scenarios_and_periods_and_references():
    days = [community(seed, **WORLDS["storage to buy"]) for seed in range(3)]
    scenarios = sg.energy.Scenarios(days, [0.5, 0.3, 0.2])
    assert sg.energy.equilibrium_check(scenarios, bills_of(scenarios)).holds
    here = community(1, **WORLDS["a feeder"])
    near = bills_of(here, reference=[1.0, 2.0, 0.5, 1.0])
    assert sg.energy.equilibrium_check(here, near).holds
    period = {"start": "2016-06-01T01:00", "end": "2016-06-01T02:30"}
    assert sg.energy.equilibrium_check(here, bills_of(here, **period), **period).holds
    with pytest.raises(GameError, match="of 3 steps, but the community has 6"):
        sg.energy.equilibrium_check(here, bills_of(here, **period))


@pytest.mark.parametrize("risk", [Risk(0.5, 0.5), Risk(0.7), Risk.worst_case()])
@pytest.mark.parametrize("name", ["unlike batteries", "generation to buy", "a feeder"])
def test_under_a_risk_the_scenarios_count_by_the_weights_that_prove_it(name, risk):
    days = [community(seed, **WORLDS[name]) for seed in range(3)]
    feared = sg.energy.Scenarios(days, [0.5, 0.3, 0.2], risk=risk)
    bills = bills_of(feared)
    check = sg.energy.equilibrium_check(feared, bills)
    assert check.holds, repr(check)
    assert check.cost == pytest.approx(feared.cost_game().value(feared.members))


def test_bills_without_the_weights_of_a_risk_are_refused():
    days = [community(seed, **WORLDS["unlike batteries"]) for seed in range(3)]
    feared = sg.energy.Scenarios(days, risk=Risk(0.5, 0.5))
    for other in (None, Risk(0.5)):
        with pytest.raises(GameError, match="under a risk"):
            sg.energy.equilibrium_check(feared, bills_of(feared.with_risk(other)))
    mean = feared.with_risk(Risk(0.0))
    assert sg.energy.equilibrium_check(mean, bills_of(mean)).holds


@drawn(
    15, 40, communities(model="linear"), st.sampled_from([(100.0, 1.0), (1.0, 1e3), (1e-3, 1e-2)])
)
def test_the_verdict_does_not_depend_on_units(here, units):
    money, energy = units
    other = in_units(here, money, energy)
    one, same = (
        sg.energy.equilibrium_check(each, bills_of(each, model="linear"), model="linear")
        for each in (here, other)
    )
    assert one.holds
    assert same.holds
    # Of several dual prices each may take its own.
    assert same.tolerance == pytest.approx(money * one.tolerance, rel=0.5)


def test_a_check_reads_as_a_table():
    here = community(1)
    check = sg.energy.equilibrium_check(here, bills_of(here))
    assert repr(check).startswith("EquilibriumCheck(holds=True, largest gap ")
    lines = str(check).splitlines()
    assert lines[0].split() == ["member", "bill", "own", "program", "gap"]
    assert [line.split()[0] for line in lines[1:5]] == list(MEMBERS)


def test_what_has_no_prices_is_refused():
    here = community(1)
    bills = bills_of(here)
    with pytest.raises(GameError, match="the allocation has no prices"):
        sg.energy.equilibrium_check(here, given(here, bills.values))
    with pytest.raises(GameError, match="prices are not an array of numbers"):
        sg.energy.equilibrium_check(here, bills, prices=["much"] * 6)
    with pytest.raises(GameError, match="prices must be finite"):
        sg.energy.equilibrium_check(here, bills, prices=[np.nan] * 6)
    with pytest.raises(GameError, match="of 2 steps, but the community has 6"):
        sg.energy.equilibrium_check(here, bills, prices=[0.1, 0.2])
    others = sg.Allocation(["x", "y", "z", "w"], bills.values, kind="cost", method="given")
    with pytest.raises(AllocationError, match="x"):
        sg.energy.equilibrium_check(here, others, prices=[0.1] * 6)
    lined = community(1, **WORLDS["a feeder"])
    with pytest.raises(GameError, match="line 'trunk' can bind"):
        sg.energy.equilibrium_check(lined, bills_of(lined), prices=[0.1] * 6)


def test_where_nobody_chooses_there_is_no_equilibrium():
    here = community(1, batteries=[battery("ann")])
    metered = community(1, batteries=[battery("ann")], battery_kwh=np.zeros((4, 6)))
    with pytest.raises(GameError, match='model="as-it-ran" has no prices'):
        sg.energy.equilibrium_check(metered, bills_of(here))
    choosing = Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[-1.0, 1.0], [0.0, 1.0]],
        tariff=sg.energy.Tariff.flat(0.3, -0.1),
        batteries=[battery("ann", 2.0)],
        exclusive=True,
    )
    free = given(choosing, [0.0, 0.0])
    with pytest.raises(GameError, match='model="integer" has no prices'):
        sg.energy.equilibrium_check(choosing, free, prices=[0.1, 0.1])
    storage = sg.energy.TwoPeriodStorage(["a"], [1], [1], off_peak_price=0.1, peak_price=0.2)
    bills = storage.allocation()
    with pytest.raises(GameError, match="Community or Scenarios, not of TwoPeriodStorage"):
        sg.energy.equilibrium_check(storage, bills)
