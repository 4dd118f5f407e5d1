"""Batteries that a controller runs: a plain loop, energy, limits, causality, and what it costs."""

import itertools

import numpy as np
import pytest
import sesgame as sg
from hypothesis import strategies as st
from sesgame.energy import (
    Battery,
    Community,
    DemandCharge,
    Grid,
    PeakShaving,
    PriceSeries,
    SelfConsumption,
    StorageWindow,
    Tariff,
    TimeSteps,
    TimeWindows,
)
from sesgame.errors import GameError

from tests.fixtures.drawn import drawn
from tests.reference.controlled_storage import peak_shaving, run, self_consumption, time_windows

ROUNDING = 1e-9
"""Of a few dozen kWh and EUR: engine and loop add the same numbers in another order."""

MEMBERS = ["ann", "bob", "cid", "dee"]
LOSSY = {"charge_efficiency": 0.9, "discharge_efficiency": 0.8}


@st.composite
def communities_and_targets(draw):
    """Return a community with a controller, and the controller as plain loops know it."""
    n, n_steps = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    members = MEMBERS[:n]
    start = np.datetime64("2024-06-01T00:00")
    steps = TimeSteps(start, np.timedelta64(draw(st.sampled_from([60, 30])), "m"), n_steps)
    quarters = st.lists(
        st.lists(st.integers(-12, 12), min_size=n_steps, max_size=n_steps), min_size=n, max_size=n
    )
    net = np.array(draw(quarters)) / 4
    prices = np.array(
        draw(
            st.lists(
                st.tuples(st.integers(-10, 40), st.integers(-10, 40)),
                min_size=n_steps,
                max_size=n_steps,
            )
        )
    )
    sizes = st.sampled_from([0.5, 1.0, 2.0])
    batteries = draw(
        st.lists(
            st.builds(
                Battery,
                owner=st.sampled_from(members),
                energy_kwh=sizes,
                power_kw=sizes,
                charge_efficiency=st.sampled_from([1.0, 0.9]),
                discharge_efficiency=st.sampled_from([1.0, 0.8]),
                initial_charge_kwh=st.sampled_from([0.0, 0.25]),
                degradation_cost_per_kwh=st.sampled_from([0.0, 0.03]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    kind = draw(st.sampled_from(["self-consumption", "threshold", "thresholds", "windows"]))
    if kind == "self-consumption":
        controller, target = SelfConsumption(), self_consumption
    elif kind == "threshold":
        controller, target = PeakShaving(0.8), peak_shaving(0.8 * steps.step_hours)
    elif kind == "thresholds":
        named = {members[0]: 0.4, members[-1]: 1.2}
        controller = PeakShaving(named)
        target = peak_shaving({who: kw * steps.step_hours for who, kw in named.items()})
    else:
        otherwise = draw(st.sampled_from(["idle", "self-consumption"]))
        charge = StorageWindow(action="charge", end_minute=2 * 60)
        deliver = StorageWindow(action="discharge", start_minute=4 * 60, end_minute=5 * 60)
        controller = TimeWindows([charge, deliver], otherwise)
        hours = [time.hour for time in steps.times.tolist()]
        word = {0: "charge", 1: "charge", 4: "discharge"}
        target = time_windows([word.get(hour) for hour in hours], otherwise)
    community = Community(
        members=members,
        steps=steps,
        load_kwh=np.maximum(net, 0.0),
        pv_kwh=np.maximum(-net, 0.0),
        tariff=PriceSeries(steps, *prices.T / 100),
        grid=Grid(demand_charge_per_kw=draw(st.sampled_from([0.0, 0.5]))),
        batteries=batteries,
        controller=controller,
    )
    return community, target


def coalitions(members):
    """Return all coalitions but the empty one."""
    sizes = range(1, len(members) + 1)
    return [list(each) for k in sizes for each in itertools.combinations(members, k)]


@drawn(8, 150, communities_and_targets())
def test_each_coalition_costs_what_a_plain_loop_says(drawn_community):
    community, target = drawn_community
    game = community.cost_game()
    for members in coalitions(community.members):
        _, cost = run(community, members, target)
        assert game.value(members) == pytest.approx(cost, rel=ROUNDING, abs=ROUNDING)


@drawn(5, 80, communities_and_targets())
def test_energy_is_balanced_and_no_limit_is_passed(drawn_community):
    community, target = drawn_community
    hours = community.steps.step_hours
    for members in coalitions(community.members):
        schedule = community.dispatch(members)
        flow = schedule.grid_import_kwh - schedule.grid_export_kwh
        met = schedule.net_load_kwh + schedule.charge_kwh - schedule.discharge_kwh
        assert met == pytest.approx(flow, rel=ROUNDING, abs=ROUNDING)
        assert not (schedule.grid_import_kwh * schedule.grid_export_kwh).any()
        owned = [b for b in community.batteries if b.owner in members]
        stored = schedule.state_of_charge_kwh
        most = sum(b.energy_kwh for b in owned)
        assert (stored >= 0).all()
        assert (stored <= most * (1 + ROUNDING)).all()
        assert (schedule.charge_kwh <= sum(b.power_kw for b in owned) * hours + ROUNDING).all()
        assert (schedule.discharge_kwh <= sum(b.power_kw for b in owned) * hours + ROUNDING).all()
        moves, _ = run(community, members, target)
        held = [sum(state for *_, state in done) for done in moves]
        assert stored[1:] == pytest.approx(held, rel=ROUNDING, abs=ROUNDING)
        # The bits of the game are those of the table, eight coalitions at a time.
        assert schedule.cost == pytest.approx(community.cost_game().value(members), rel=ROUNDING)


@drawn(5, 80, communities_and_targets(), st.integers(0, 11))
def test_what_comes_later_changes_nothing_before(drawn_community, step):
    community, _ = drawn_community
    step = min(step, community.steps.n_steps - 1)
    other_kwh = community.load_kwh.copy()
    other_kwh[:, step:] += 5.0
    other = Community(
        members=community.members,
        steps=community.steps,
        load_kwh=other_kwh,
        pv_kwh=community.pv_kwh,
        tariff=community.tariff,
        grid=community.grid,
        batteries=community.batteries,
        controller=community.controller,
    )
    one, another = community.dispatch(), other.dispatch()
    for name in ("charge_kwh", "discharge_kwh", "grid_import_kwh", "grid_export_kwh"):
        assert getattr(one, name)[:step].tolist() == getattr(another, name)[:step].tolist()
    until = one.state_of_charge_kwh[: step + 1].tolist()
    assert until == another.state_of_charge_kwh[: step + 1].tolist()


def past_day(**changes):
    """Return a day on which ann's battery ran for bob: it was empty when she needed it."""
    options = {
        "members": ["ann", "bob"],
        "steps": ["2024-06-01T12:00", "2024-06-01T13:00", "2024-06-01T14:00"],
        "load_kwh": [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
        "pv_kwh": [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        "tariff": Tariff.flat(0.20, 0.0),
        "batteries": [
            Battery(
                owner="ann",
                energy_kwh=1,
                power_kw=1,
                charge_efficiency=1.0,
                discharge_efficiency=1.0,
            )
        ],
        "battery_kwh": [[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]],
        "controller": SelfConsumption(),
    }
    return Community(**options | changes)


@pytest.mark.parametrize(
    ("model", "alone", "says"),
    [
        pytest.param("as-it-ran", 0.20, "storage as it ran", id="as it ran"),
        pytest.param("re-run", 0.00, "re-run by self-consumption, without foresight", id="re-run"),
        pytest.param("battery", 0.00, "planned with foresight: not as it ran", id="re-planned"),
    ],
)
def test_alone_depends_on_the_reading_and_the_result_says_which(model, alone, says):
    day = past_day()
    game = day.cost_game(model=model)
    assert game.value(["ann"]) == pytest.approx(alone)
    assert game.value(["ann", "bob"]) == pytest.approx(0.20)
    assert says in day.description(model)
    assert day.origin(model)["storage"].startswith("storage is ")
    shares = sg.shapley_value(game)
    report = sg.report(game, shares, community=day, model=model)
    page = report.to_html()
    assert says in str(report)
    assert day.origin(model)["storage"] in page
    assert day.dispatch(model=model).how in page
    assert ("in advance" in page) == (model == "battery")


def test_what_is_known_decides_the_default_model():
    assert past_day().default_model == "re-run"
    assert past_day(controller=None).default_model == "as-it-ran"
    assert past_day(controller=None, battery_kwh=None).default_model == "battery"


def test_bills_start_from_what_all_did_and_owners_are_tested_by_the_re_run():
    # It did nothing after noon: bob bought, and the re-run of all would have cost less.
    day = past_day(battery_kwh=[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    game = day.cost_game()
    assert game.value(["ann", "bob"]) == pytest.approx(0.40)
    assert "all together as it ran, which cost 0.40 EUR, re-run 0.20" in day.description()
    split = sg.audit(game, {"ann": 0.20, "bob": 0.20})
    assert not split.individually_rational
    assert split.worst_coalition == ("ann",)
    assert split.worst_coalition_excess == pytest.approx(0.20)
    assert sg.audit(day.cost_game(model="as-it-ran"), {"ann": 0.20, "bob": 0.20}).in_core
    assert day.dispatch().charge_kwh.tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(day.dispatch().state_of_charge_kwh).all()


def test_owners_of_one_battery_have_the_whole_of_it_together():
    whole = past_day(battery_kwh=None, load_kwh=[[0, 0, 1], [0, 0, 0]])
    parts = Battery.shared(
        {"ann": 0.75, "bob": 0.25}, energy_kwh=1, power_kw=1, **LOSSY, initial_charge_kwh=0.5
    )
    one = Battery(owner="ann", energy_kwh=1, power_kw=1, **LOSSY, initial_charge_kwh=0.5)
    shared, alone = (
        past_day(battery_kwh=None, load_kwh=whole.load_kwh, batteries=each)
        for each in (parts, [one])
    )
    both = [each.dispatch() for each in (shared, alone)]
    assert both[0].charge_kwh == pytest.approx(both[1].charge_kwh)
    assert both[0].cost == pytest.approx(both[1].cost)
    assert shared.dispatch(["ann"]).state_of_charge_kwh.max() <= 0.75
    assert run(shared, ["ann"], self_consumption)[1] == pytest.approx(
        shared.cost_game().value(["ann"])
    )


def test_a_peak_is_shaved_and_billed():
    day = past_day(
        load_kwh=[[0.0, 3.0, 0.0], [0.0, 0.0, 1.0]],
        pv_kwh=None,
        battery_kwh=None,
        tariff=Tariff.flat(0.1, 0.0),
        grid=Grid(demand_charges=[DemandCharge(price_per_kw=2.0, per="period")]),
        controller=PeakShaving(2.0),
    )
    # The first hour fills it to the threshold, the second is cut to 2 kW, the third fills it again.
    schedule = day.dispatch()
    assert schedule.grid_import_kwh.tolist() == [1.0, 2.0, 2.0]
    assert schedule.cost == pytest.approx(0.5 + 4.0)
    assert day.cost_game(model="netting").value(["ann", "bob"]) == pytest.approx(0.4 + 6.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"batteries": []}, "a controller runs batteries, but there are none", id="no"),
        pytest.param(
            {"controller": PeakShaving({"eve": 1.0})},
            "threshold_kw is of 'eve', who is not a member",
            id="stranger",
        ),
        pytest.param(
            {"battery_kwh": [[1.0, 2.0, 3.0]]}, r"battery_kwh has shape \(1, 3\)", id="shape"
        ),
        pytest.param(
            {
                "controller": TimeWindows(
                    [StorageWindow(action="charge"), StorageWindow(action="discharge")]
                )
            },
            "is in a window to charge and in one to discharge",
            id="both",
        ),
        pytest.param(
            {"controller": TimeWindows([StorageWindow(action="charge", end_minute=750)])},
            "a storage window begins or ends within the step of 60 minutes",
            id="part of a step",
        ),
    ],
)
def test_what_does_not_fit_a_community_is_refused(changes, message):
    with pytest.raises(GameError, match=message):
        past_day(**changes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeakShaving(-1.0), "threshold_kw must be non-negative, got -1"),
        (lambda: PeakShaving({"ann": np.inf}), "threshold_kw of 'ann' must be non-negative"),
        (lambda: TimeWindows([]), "at least one window"),
        (lambda: StorageWindow(action="sell"), 'action must be "charge" or "discharge"'),
        (lambda: StorageWindow(action="charge", days={9}), "are not days of the week"),
        (
            lambda: TimeWindows([StorageWindow(action="charge")], "sleep"),
            'otherwise must be "idle" or "self-consumption"',
        ),
    ],
)
def test_what_is_no_controller_is_refused(make, message):
    with pytest.raises(GameError, match=message):
        make()


@pytest.mark.parametrize(
    ("changes", "model", "message"),
    [
        ({"controller": None}, "re-run", "does not support a community without a controller"),
        ({"battery_kwh": None}, "as-it-ran", "without readings of batteries"),
        ({"grid": Grid(import_limit_kw=0.5)}, "re-run", "does not support an import limit"),
        (
            {"curtailment": "allowed", "tariff": Tariff.flat(0.2, -0.1)},
            "re-run",
            "does not support PV that may be left unused",
        ),
    ],
)
def test_what_a_model_of_a_past_month_lacks_is_refused(changes, model, message):
    with pytest.raises(GameError, match=message):
        past_day(**changes).cost_game(model=model)


@pytest.mark.parametrize("model", ["as-it-ran", "re-run"])
def test_a_past_month_has_no_bills_at_dual_prices(model):
    with pytest.raises(GameError, match=f'model="{model}" has no dual prices'):
        sg.owen_allocation(past_day(), model=model)
    with pytest.raises(GameError, match="has no linear program"):
        past_day().programme(model)


def test_a_community_travels_with_its_controller():
    day = past_day()
    part = day.period("2024-06-01T13:00")
    assert part.battery_kwh.tolist() == [[-1.0, 0.0], [0.0, 0.0]]
    assert part.controller == SelfConsumption()


def folder(path, controller, members):
    """Write a folder of two hours, with a battery of ann's."""
    files = {
        "members": members,
        "meters": "time,house,roof,in,out\n2024-06-01T12:00,0,2,1,0\n2024-06-01T13:00,3,0,0,1\n",
        "tariff": "buy_eur_per_kwh,sell_eur_per_kwh\n0.30,0.10\n",
        "batteries": (
            "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\nann,2,1,1,1\n"
        ),
        "controller": controller,
    }
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text)
    return path


METERS = (
    "member,kind,meter,unit,scale,curtailment\nann,load,house,kWh,1,\nann,pv,roof,kWh,1,allowed\n"
    "ann,battery,in,kWh,1,\nann,battery,out,kWh,-1,\n"
)


@pytest.mark.parametrize(
    ("text", "controller"),
    [
        ("controller\nself-consumption\n", SelfConsumption()),
        ("controller,threshold_kw\npeak-shaving,2.5\n", PeakShaving(2.5)),
        ("controller,threshold_kw,member\npeak-shaving,2.5,ann\n", PeakShaving({"ann": 2.5})),
        (
            "controller,action,from,to\ntime-windows,charge,12:00,13:00\nself-consumption,,,\n",
            TimeWindows(
                [StorageWindow(action="charge", start_minute=720, end_minute=780)],
                "self-consumption",
            ),
        ),
    ],
)
def test_readings_controller_and_curtailment_come_from_files(tmp_path, text, controller):
    read = Community.from_csv(folder(tmp_path, text, METERS))
    assert read.controller == controller
    assert read.battery_kwh.tolist() == [[1.0, -1.0]]
    assert read.curtailment == ("ann",)
    assert read.default_model == "re-run"
    assert read.cost_game().value(["ann"]) == pytest.approx(-0.1 + 0.6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("controller\nmagic\n", 'line 2, column "controller": "magic" is none of'),
        ("controller\n", "it needs a header and at least one row"),
        ("controller,threshold_kw\npeak-shaving,\n", "the cell is empty; it must be a power"),
        ("controller,threshold_kw\npeak-shaving,-1\n", "-1 is negative"),
        ("controller,threshold_kw,member\npeak-shaving,1,eve\n", "eve is not in members.csv"),
        ("controller,threshold_kw\npeak-shaving,1\npeak-shaving,2\n", "one for all, or one for"),
        ("controller\nself-consumption\nself-consumption\n", "does not go with the rows before"),
        ("controller,threshold_kw\nself-consumption,1\n", "self-consumption has no threshold_kw"),
        ("controller,action\ntime-windows,sell\n", '"sell" is neither charge nor discharge'),
    ],
)
def test_a_mistake_in_the_file_of_a_controller_is_named(tmp_path, text, message):
    with pytest.raises(GameError, match=message):
        Community.from_csv(folder(tmp_path, text, METERS))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (METERS.replace("kWh,1,allowed", "kWh,1,maybe"), '"maybe" is neither none nor allowed'),
        (METERS.replace("house,kWh,1,", "house,kWh,1,allowed"), "only PV can be left unused"),
        (METERS.replace("battery,in", "storage,in"), '"storage" is not load, pv or battery'),
    ],
)
def test_a_mistake_in_the_members_is_named(tmp_path, members, message):
    with pytest.raises(GameError, match=message):
        Community.from_csv(folder(tmp_path, "controller\nself-consumption\n", members))


BATTERY = sg.energy.Battery(
    owner="ann", energy_kwh=1, power_kw=1, charge_efficiency=1, discharge_efficiency=1
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sg.energy.PeakShaving("a"), "threshold_kw must be non-negative, got 'a'"),
        (lambda: sg.energy.PeakShaving({"ann": True}), "threshold_kw of 'ann' must be"),
        (lambda: sg.energy.TimeWindows(None), "windows must be a list of StorageWindow, got None"),
        (lambda: sg.energy.TimeWindows([1]), "1 is no StorageWindow"),
        (
            lambda: sg.energy.StorageWindow(action="charge", start_minute="06:00"),
            "'06:00' is not a minute of the day",
        ),
        (
            lambda: sg.energy.StorageWindow(action="charge", start_minute=1.5),
            "1.5 is not a minute of the day",
        ),
        (
            lambda: sg.energy.StorageWindow(action="charge", days=5),
            "days must be whole numbers, got 5",
        ),
        (lambda: of_one(controller="x"), r"controller must be one such as SelfConsumption\(\)"),
        (lambda: of_one(exclusive="no"), "exclusive must be True or False, got str 'no'"),
    ],
    ids=["text", "flag", "none", "number", "clock", "fraction", "days", "controller", "exclusive"],
)
def test_wrong_types_are_refused_by_name(make, message):
    with pytest.raises(GameError, match=message):
        make()


def of_one(**more):
    return sg.energy.Community(
        members=["ann"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[1.0, 1.0]],
        tariff=sg.energy.Tariff.flat(0.3, 0.1),
        batteries=[BATTERY],
        **more,
    )
