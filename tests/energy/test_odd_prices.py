"""Prices at which PV is left unused, batteries burn energy, or selling earns more than buying."""

import itertools
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from hypothesis import strategies as st
from sesgame.energy import Battery, Community, Grid, PriceSeries, SelfConsumption, Tariff, TimeSteps
from sesgame.errors import GameError
from sesgame.testing import communities

from tests.fixtures.drawn import drawn
from tests.reference.world_lp import least_cost

SOLVER = 1e-7
"""What two linear programs of a few dozen EUR may differ by."""

HOURS = TimeSteps(np.datetime64("2024-06-01T00:00"), np.timedelta64(60, "m"), 4)


def series(buy, sell):
    """Return prices of as many hours."""
    steps = TimeSteps(HOURS.start, HOURS.step, len(buy))
    return PriceSeries(steps, buy, sell)


def sunny(**changes):
    """Return a member with 2 kWh of PV an hour, who pays for feeding in in the first of two."""
    options = {
        "members": ["ann"],
        "steps": TimeSteps(HOURS.start, HOURS.step, 2),
        "load_kwh": [[0.0, 0.0]],
        "pv_kwh": [[2.0, 2.0]],
        "tariff": series([0.10, 0.30], [-0.10, 0.05]),
    }
    return Community(**options | changes)


@pytest.mark.parametrize("limit_kw", [math.inf, 1e6, 2.5])
@pytest.mark.parametrize(("curtailment", "cost"), [("none", 0.1), ("allowed", -0.1)])
def test_a_limit_that_cannot_bind_changes_nothing(limit_kw, curtailment, cost):
    free = sunny(curtailment=curtailment)
    here = sunny(curtailment=curtailment, grid=Grid(export_limit_kw=limit_kw))
    assert here.cost_game().value(["ann"]) == pytest.approx(cost)
    assert here.default_model == free.default_model
    assert here.cost_game(model="linear").value(["ann"]) == pytest.approx(cost)
    assert here.dispatch().grid_export_kwh.tolist() == [2.0 * (curtailment == "none"), 2.0]


def test_a_limit_that_binds_asks_for_the_switch():
    grid = Grid(export_limit_kw=1.5)
    with pytest.raises(GameError, match=r'by at least 0\.5 kW; curtailment="allowed" leaves PV'):
        sunny(grid=grid).cost_game()
    allowed = sunny(grid=grid, curtailment="allowed")
    assert allowed.cost_game().value(["ann"]) == pytest.approx(-1.5 * 0.05)


def test_only_the_pv_of_those_who_are_named_is_left_unused():
    both = {"members": ["ann", "bob"], "load_kwh": [[0, 0], [0, 0]], "pv_kwh": [[2, 0], [3, 0]]}
    here = sunny(**both, curtailment=["bob"])
    for model in (None, "linear"):
        assert here.cost_game(model=model).tabulate() == pytest.approx([0, 0.2, 0, 0.2])
    assert here.curtailment == ("bob",)
    bills = sg.owen_allocation(here, progress=False)
    assert sg.audit(here.cost_game(), bills).in_core


@pytest.mark.parametrize(
    ("curtailment", "message"),
    [
        ("some", 'curtailment must be "none", "allowed" or a list of members'),
        (3, 'curtailment must be "none", "allowed" or a list of members, got 3'),
        (["eve"], "curtailment names 'eve', who is not a member"),
    ],
)
def test_who_may_leave_pv_unused_has_to_be_known(curtailment, message):
    with pytest.raises(GameError, match=message):
        sunny(curtailment=curtailment)


def switched(community, curtailment, grid=None):
    """Return a community in which the PV of some may be left unused."""
    names = ("members", "steps", "load_kwh", "pv_kwh", "tariff")
    return Community(
        **{name: getattr(community, name) for name in names},
        # Several unlike ones a pool may run a little better than they can.
        batteries=community.batteries[:1],
        curtailment=curtailment,
        grid=grid,
    )


@drawn(4, 120, communities(), st.integers(0, 3), st.booleans(), st.sampled_from([0.0, 0.5]))
def test_every_model_has_the_cost_of_an_independent_program(
    community, how_many, is_limited, charge
):
    who = list(community.members[:how_many])
    most = max(0.0, float((-community.net_load_kwh.clip(max=0)).sum(axis=0).max()))
    everybody = how_many >= len(community.members)
    limit_kw = most / 2 / community.steps.step_hours if is_limited and everybody else math.inf
    grid = Grid(export_limit_kw=limit_kw, demand_charge_per_kw=charge)
    here = switched(community, who, grid)
    models = ["linear"] if here.problem.beyond_a_step else ["battery", "linear"]
    games = [here.cost_game(model=model) for model in models]
    for size in range(1, len(here.members) + 1):
        for members in itertools.combinations(here.members, size):
            expected = least_cost([here], [1.0], members)
            for game in games:
                assert game.value(members) == pytest.approx(expected, rel=SOLVER, abs=SOLVER)


def burning():
    """Return a member who is paid to draw energy, with a battery that loses some."""
    return Community(
        members=["ann"],
        steps=HOURS,
        load_kwh=[[0.5] * 4],
        tariff=series([-0.20, -0.20, -0.20, 0.30], [-0.25, -0.25, -0.25, 0.05]),
        batteries=[
            Battery(
                owner="ann",
                energy_kwh=2.0,
                power_kw=2.0,
                charge_efficiency=0.9,
                discharge_efficiency=0.9,
            )
        ],
    )


@pytest.mark.parametrize("model", ["battery", "linear"])
def test_energy_that_is_burnt_is_reported(model):
    here = burning()
    schedule = here.dispatch(model=model)
    drawn_kwh, given = schedule.charge_kwh, schedule.discharge_kwh
    # What is drawn ends up in the battery, at the load, or nowhere.
    stored = 0.9 * drawn_kwh - given / 0.9
    by_hand = drawn_kwh - given - np.where(stored > 0, stored / 0.9, stored * 0.9)
    assert schedule.burnt_kwh == pytest.approx(by_hand, abs=1e-9)
    assert schedule.burnt_kwh.sum() > 0.5
    assert ((schedule.burnt_kwh > 1e-9) <= (np.minimum(drawn_kwh, given) > 1e-9)).all()
    assert "burnt_kwh" in schedule.to_pandas()
    page = sg.report(
        here.cost_game(model=model),
        sg.shapley_value(here.cost_game(model=model)),
        community=here,
        model=model,
    ).to_html()
    assert "burnt, by charging and discharging at once" in page


def test_where_it_is_forbidden_nothing_is_burnt():
    here = replaced(burning(), exclusive=True)
    assert here.default_model == "integer"
    assert "by integer program" in here.description()
    game = here.cost_game()
    expected = least_cost([here], [1.0], ["ann"])
    assert game.value(["ann"]) == pytest.approx(expected, rel=SOLVER)
    assert expected > least_cost([burning()], [1.0], ["ann"]) + 0.01
    schedule = here.dispatch()
    assert schedule.cost == pytest.approx(expected, rel=SOLVER)
    assert not schedule.burnt_kwh.any()
    assert (np.minimum(schedule.charge_kwh, schedule.discharge_kwh) < SOLVER).all()
    with pytest.raises(GameError, match='model="integer" has no dual prices'):
        sg.owen_allocation(here)
    with pytest.raises(GameError, match='never charges and discharges at once; model="integer"'):
        here.cost_game(model="linear")
    with pytest.raises(GameError, match='model="integer" does not support a community whose'):
        burning().cost_game(model="integer")
    assert pickle.loads(pickle.dumps(game)).value(["ann"]) == game.value(["ann"])


def test_where_energy_has_a_price_nothing_has_to_be_forbidden():
    here = sunny(tariff=Tariff.flat(0.3, 0.1), batteries=burning().batteries, exclusive=True)
    assert here.default_model == "battery"
    assert not here.dispatch().burnt_kwh.any()


def replaced(community, **changes):
    """Return a community of the same members, meters and prices with other options."""
    names = ("members", "steps", "load_kwh", "pv_kwh", "tariff", "batteries", "curtailment")
    return Community(**{name: getattr(community, name) for name in names} | changes)


@drawn(3, 40, communities(), st.integers(0, 3))
def test_exclusive_storage_costs_what_an_independent_integer_program_says(community, shift):
    # Prices that are paid in some steps, and every battery of a size of its own: none are equal.
    down = 0.1 * shift
    batteries = [
        replace(battery, energy_kwh=battery.energy_kwh * (1 + number / 8))
        for number, battery in enumerate(community.batteries)
    ]
    prices = (community.buy_per_kwh - down, community.sell_per_kwh - down)
    tariff = PriceSeries(community.steps, *prices)
    here = replaced(community, tariff=tariff, batteries=batteries, exclusive=True)
    model = "integer" if batteries else None
    game = here.cost_game(model=model)
    for size in range(1, len(here.members) + 1):
        for members in itertools.combinations(here.members, size):
            expected = least_cost([here], [1.0], members)
            assert game.value(members) == pytest.approx(expected, rel=SOLVER, abs=SOLVER)
    assert not here.dispatch(model=model).burnt_kwh.any()


@drawn(8, 120, communities())
def test_nothing_is_burnt_at_prices_above_zero(community):
    if community.sell_per_kwh.min() <= 0:
        return
    assert not community.dispatch().burnt_kwh.any()


@st.composite
def sold_above_bought(draw):
    """Return a community that nets under prices of which either may be the higher one."""
    n, n_steps = draw(st.integers(2, 5)), draw(st.integers(1, 6))
    whole = st.integers(-12, 12)
    net = draw(
        st.lists(st.lists(whole, min_size=n_steps, max_size=n_steps), min_size=n, max_size=n)
    )
    prices = draw(st.lists(st.tuples(whole, whole), min_size=n_steps, max_size=n_steps))
    return Community(
        members=[f"m{i}" for i in range(n)],
        steps=TimeSteps(HOURS.start, HOURS.step, n_steps),
        load_kwh=np.array(net) / 4,
        tariff=series(*np.array(prices).T / 100),
        grid=Grid(demand_charge_per_kw=draw(st.sampled_from([0.0, 0.5]))),
    )


def netted(community, members):
    """Return by hand what a coalition pays, in plain loops."""
    rows = [community.members.index(member) for member in members]
    cost, peak = 0.0, 0.0
    for step in range(community.steps.n_steps):
        net = sum(community.load_kwh[row, step] for row in rows)
        cost += net * (community.buy_per_kwh[step] if net > 0 else community.sell_per_kwh[step])
        peak = max(peak, net)
    return cost + peak * community.grid.demand_charge_per_kw


@drawn(8, 150, sold_above_bought())
def test_netting_is_exact_at_any_prices(community):
    game = community.cost_game(model="netting")
    for size in range(1, len(community.members) + 1):
        for members in itertools.combinations(community.members, size):
            assert game.value(members) == pytest.approx(netted(community, members), abs=1e-12)
            cost = community.dispatch(members, model="netting").cost
            assert cost == pytest.approx(game.value(members), abs=1e-12)


@drawn(6, 200, sold_above_bought())
def test_shapley_values_by_form_are_those_of_the_table(community):
    game = community.cost_game(model="netting")
    table = sg.Game.from_table(game.tabulate(), game.players, kind="cost")
    expected = sg.shapley_value(table).values
    if community.grid.demand_charge_per_kw == 0:
        by_form = community.native_game("netting").shapley_value_by_form()
        assert by_form[0] == pytest.approx(expected, abs=1e-9)
    assert sg.shapley_value(game).values == pytest.approx(expected, abs=1e-9)


def test_where_selling_earns_more_the_result_and_the_audit_say_so():
    here = Community(
        members=["ann", "bob"],
        steps=TimeSteps(HOURS.start, HOURS.step, 2),
        load_kwh=[[1.0, 1.0], [-1.0, 0.0]],
        tariff=Tariff.flat(0.20, 0.30),
    )
    game = here.cost_game()
    assert game.tabulate() == pytest.approx([0, 0.4, -0.3, 0.2])
    assert "joining can cost more, the game is not subadditive" in here.description()
    audit = sg.audit(game, sg.shapley_value(game))
    assert not audit.in_core
    assert "All together are worse off than each alone" in str(audit)
    with pytest.raises(GameError, match="no bills at dual prices"):
        sg.owen_allocation(here)
    assert here.separation_oracle() is None


def test_where_selling_earns_more_storage_is_not_dispatched_but_re_run():
    battery = Battery(
        owner="ann", energy_kwh=1, power_kw=1, charge_efficiency=1, discharge_efficiency=1
    )
    options = {
        "members": ["ann"],
        "steps": TimeSteps(HOURS.start, HOURS.step, 2),
        "load_kwh": [[-1.0, 1.0]],
        "tariff": Tariff.flat(0.20, 0.30),
        "batteries": [battery],
    }
    with pytest.raises(GameError, match="one meter buys and sells at once, which it cannot"):
        Community(**options)
    again = Community(**options, controller=SelfConsumption())
    assert again.cost_game().value(["ann"]) == pytest.approx(0.0)
    assert again.cost_game(model="netting").value(["ann"]) == pytest.approx(-0.1)
    for model in ("battery", "linear"):
        with pytest.raises(GameError, match="so nothing is dispatched"):
            again.cost_game(model=model)
    with pytest.raises(GameError, match="does not support an export limit"):
        Community(**options | {"batteries": []}, grid=Grid(export_limit_kw=0.5)).cost_game()
