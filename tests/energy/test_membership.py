"""Members who join or leave within a month, and equipment from a date."""

import itertools

import numpy as np
import pytest
import sesgame as sg
from hypothesis import strategies as st
from sesgame.errors import GameError

from tests.fixtures.drawn import drawn
from tests.reference.controlled_storage import peak_shaving, run, self_consumption
from tests.reference.world_lp import least_cost

E = sg.energy

ROUNDING = 1e-9
"""Of a few dozen kWh and EUR: engine and loop add the same numbers in another order."""

SOLVER = 1e-7
"""What two linear programs of a few dozen EUR may differ by."""

DAYS = ("2024-06-01", "2024-06-02", "2024-06-03")


def three_days(**changes):
    """Return two members over three days of two steps; bob joins on the second day."""
    options = {
        "members": ["ann", "bob"],
        "steps": E.TimeSteps(np.datetime64("2024-06-01T00:00"), np.timedelta64(12, "h"), 6),
        "load_kwh": [[0, 2, 0, 2, 0, 2], [1, 1, 1, 1, 1, 1]],
        "pv_kwh": [[3, 0, 3, 0, 3, 0], [0, 0, 0, 0, 0, 0]],
        "tariff": E.Tariff.flat(0.30, 0.10),
        "membership": {"bob": ("2024-06-02", None)},
    }
    return E.Community(**options | changes)


def battery(**changes):
    options = {
        "owner": "bob",
        "energy_kwh": 1,
        "power_kw": 1,
        "charge_efficiency": 1.0,
        "discharge_efficiency": 1.0,
    }
    return E.Battery(**options | changes)


def test_who_joins_pays_from_the_first_day():
    community = three_days()
    assert community.load_kwh[1].tolist() == [0, 0, 1, 1, 1, 1]
    game = community.cost_game()
    assert game.value(["bob"]) == pytest.approx(4 * 0.30)
    # Twice one of the three kWh that ann has left over serves bob.
    assert game.value(["ann", "bob"]) == pytest.approx(3 * (0.6 - 0.3) + 2 * 0.1 + 2 * 0.3)
    assert "2 members (bob from 2024-06-02)" in community.description()
    assert community.by_member("load")["bob"] == 4.0


def test_who_leaves_pays_until_the_day_before():
    community = three_days(membership={"bob": (None, "2024-06-02"), "ann": (None, None)})
    assert community.load_kwh[1].tolist() == [1, 1, 0, 0, 0, 0]
    assert "(bob until 2024-06-02)" in community.description()
    before = community.period(end="2024-06-02")
    assert before.load_kwh[1].tolist() == [1, 1]
    assert community.period("2024-06-02").cost_game().value(["bob"]) == 0.0


def test_a_battery_comes_with_its_charge_and_leaves_with_it():
    options = {
        "batteries": [battery(initial_charge_kwh=0.5, valid_from="2024-06-02")],
        "controller": E.SelfConsumption(),
        "membership": {"bob": (None, "2024-06-03")},
    }
    schedule = three_days(**options).dispatch(["bob"])
    # The half kWh serves the first step of the second day.
    assert schedule.discharge_kwh.tolist() == [0, 0, 0.5, 0, 0, 0]
    assert schedule.grid_import_kwh.tolist() == [1, 1, 0.5, 1, 0, 0]
    both = three_days(**options).dispatch()
    assert both.charge_kwh.tolist() == [0, 0, 0.5, 0, 0, 0]
    assert both.discharge_kwh.tolist() == [0, 0, 0, 1.0, 0, 0]
    assert both.state_of_charge_kwh.tolist() == [0, 0, 0, 1.0, 0, 0, 0]


@st.composite
def dated(draw):
    """Return communities of members and batteries that come and go, with a controller."""
    n = draw(st.integers(2, 4))
    members = ["ann", "bob", "cid", "dee"][:n]
    n_steps = 12
    whole = st.lists(st.integers(-12, 12), min_size=n_steps, max_size=n_steps)
    net = np.array(draw(st.lists(whole, min_size=n, max_size=n))) / 4
    ends = st.sampled_from(
        [(None, None), (DAYS[1], None), (None, DAYS[2]), (DAYS[1], DAYS[2]), (DAYS[2], None)]
    )
    sizes = st.sampled_from([0.5, 1.0, 2.0])
    batteries = []
    for _ in range(draw(st.integers(1, 4))):
        valid_from, valid_until = draw(ends)
        batteries.append(
            battery(
                owner=draw(st.sampled_from(members)),
                energy_kwh=draw(sizes),
                power_kw=draw(sizes),
                discharge_efficiency=draw(st.sampled_from([1.0, 0.8])),
                initial_charge_kwh=draw(st.sampled_from([0.0, 0.25])),
                degradation_cost_per_kwh=draw(st.sampled_from([0.0, 0.03])),
                valid_from=valid_from,
                valid_until=valid_until,
            )
        )
    threshold = draw(st.sampled_from([None, 0.2]))
    return E.Community(
        members=members,
        steps=E.TimeSteps(np.datetime64("2024-06-01T00:00"), np.timedelta64(6, "h"), n_steps),
        load_kwh=np.maximum(net, 0.0),
        pv_kwh=np.maximum(-net, 0.0),
        tariff=E.Tariff.flat(0.30, 0.10),
        grid=E.Grid(demand_charge_per_kw=draw(st.sampled_from([0.0, 0.5]))),
        batteries=batteries,
        controller=E.SelfConsumption() if threshold is None else E.PeakShaving(threshold),
        membership={member: draw(ends) for member in members},
    ), self_consumption if threshold is None else peak_shaving(threshold * 6)


@drawn(8, 150, dated())
def test_each_coalition_costs_what_a_plain_loop_with_dates_says(drawn_community):
    community, target = drawn_community
    game = community.cost_game(model="re-run")
    for size in range(1, len(community.members) + 1):
        for members in itertools.combinations(community.members, size):
            _, cost = run(community, members, target)
            assert game.value(members) == pytest.approx(cost, rel=ROUNDING, abs=ROUNDING)


@drawn(5, 80, dated(), st.randoms(use_true_random=False))
def test_names_and_units_do_not_matter(drawn_community, random):
    """Members in another order cost the same; a thousandfold of all energy costs the same, too."""
    community, _ = drawn_community
    order = list(range(len(community.members)))
    random.shuffle(order)
    renamed = {member: f"m{place}" for place, member in enumerate(community.members)}
    k = 1024.0
    options = {
        "steps": community.steps,
        "tariff": E.Tariff.flat(0.30 / k, 0.10 / k),
        "grid": E.Grid(demand_charge_per_kw=community.grid.demand_charge_per_kw / k),
        "batteries": [
            battery(
                owner=renamed[each.owner],
                energy_kwh=each.energy_kwh * k,
                power_kw=each.power_kw * k,
                discharge_efficiency=each.discharge_efficiency,
                initial_charge_kwh=each.initial_charge_kwh * k,
                degradation_cost_per_kwh=each.degradation_cost_per_kwh / k,
                valid_from=each.valid_from,
                valid_until=each.valid_until,
            )
            for each in community.batteries
        ],
        "controller": community.controller
        if isinstance(community.controller, E.SelfConsumption)
        else E.PeakShaving(community.controller.threshold_kw * k),
    }
    other = E.Community(
        members=[renamed[community.members[place]] for place in order],
        load_kwh=community.load_kwh[order] * k,
        pv_kwh=community.pv_kwh[order] * k,
        membership={renamed[who]: days for who, days in community.membership.items()},
        **options,
    )
    one, another = (each.cost_game(model="re-run") for each in (community, other))
    for size in range(1, len(community.members) + 1):
        for members in itertools.combinations(community.members, size):
            expected = one.value(members)
            found = another.value([renamed[who] for who in members])
            assert found == pytest.approx(expected, rel=ROUNDING, abs=ROUNDING)


@drawn(5, 60, dated())
def test_the_bills_of_a_past_month_are_audited_against_the_re_run(drawn_community):
    """A split of what all paid is in the core where no group would have paid less by itself."""
    community, target = drawn_community
    ran = community.dispatch(model="re-run")
    metered = np.zeros(community.load_kwh.shape)
    there = np.zeros(len(metered), dtype=bool)
    there[[community.members.index(each.owner) for each in community.batteries]] = True
    # One meter reads all batteries, the one of a member whose batteries are always there, if any.
    always = [
        each.owner
        for each in community.batteries
        if each.validity.in_words == "" and each.owner not in community.membership
    ]
    if not always:
        return
    metered[community.members.index(always[0])] = ran.charge_kwh - ran.discharge_kwh
    names = ("members", "steps", "load_kwh", "pv_kwh", "tariff", "grid", "batteries", "controller")
    worn = any(each.degradation_cost_per_kwh for each in community.batteries)
    if worn:
        return
    past = E.Community(
        **{name: getattr(community, name) for name in names},
        membership=community.membership,
        battery_kwh=metered,
    )
    game = past.cost_game()
    assert past.default_model == "re-run"
    shares = sg.shapley_value(game)
    assert sum(shares.values) == pytest.approx(run(community, past.members, target)[1])
    audit = sg.audit(game, shares, progress=False)
    worst = max(
        sum(shares[who] for who in members) - run(community, members, target)[1]
        for size in range(1, len(past.members))
        for members in itertools.combinations(past.members, size)
    )
    assert audit.worst_coalition_excess == pytest.approx(worst, abs=ROUNDING)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"membership": {"eve": (None, None)}}, "membership names 'eve', who is not a member"),
        ({"membership": 3}, "membership must have two days for each member, got 3"),
        ({"membership": {"bob": ("2024-06-02T12:00", None)}}, "'2024-06-02T12:00' is no date"),
        ({"membership": {"bob": ("2024-06", None)}}, "'2024-06' is no date like 2024-08-15"),
        ({"membership": {"bob": ("today", None)}}, "'today' is no date like 2024-08-15"),
        (
            {"membership": {"bob": ("2024-06-02", "2024-06-02")}},
            "membership of 'bob': it ends on 2024-06-02, and begins on 2024-06-02",
        ),
        ({"membership": {"bob": "2024-06-02"}}, "must be the first day and the first that no lon"),
        ({"membership": {"bob": ("2024-06-02",)}}, "must be the first day and the first that no l"),
        ({"membership": {"bob": ("soon", None)}}, "membership of 'bob': 'soon' is no date"),
        (
            {"steps": E.TimeSteps(np.datetime64("2024-06-01T06:00"), np.timedelta64(12, "h"), 6)},
            "2024-06-02 begins within the step from 2024-06-01T18:00",
        ),
        (
            {"batteries": [battery()], "controller": E.PeakShaving({"bob": 1.0})},
            "'bob' has a threshold of its own, but is a member only from 2024-06-02",
        ),
        (
            {
                "batteries": [battery(valid_from="2024-06-03")],
                "battery_kwh": [[0] * 6, [0, 0, 0, 0.25, 0, 0]],
            },
            "battery_kwh of 'bob' is 0.25 at 2024-06-02T12:00, when none of its batteries is there",
        ),
    ],
)
def test_dates_that_fit_nothing_are_refused(changes, message):
    with pytest.raises(GameError, match=message):
        three_days(**changes)


def test_a_battery_that_goes_before_it_comes_is_refused():
    with pytest.raises(GameError, match="the battery of bob: it ends on 2024-06-01, and begins on"):
        battery(valid_from="2024-06-02", valid_until="2024-06-01")


@drawn(5, 100, dated())
def test_a_dispatch_of_batteries_that_come_and_go_costs_what_an_independent_program_says(
    drawn_community,
):
    community, _ = drawn_community
    game = community.cost_game(model="linear")
    for size in range(1, len(community.members) + 1):
        for members in itertools.combinations(community.members, size):
            expected = least_cost([community], [1.0], members)
            assert game.value(members) == pytest.approx(expected, rel=SOLVER, abs=SOLVER)


def test_a_battery_that_comes_is_dispatched_from_its_day_by_linear_program():
    lossless = battery(owner="ann", valid_from="2024-06-02", initial_charge_kwh=0.25)
    community = three_days(batteries=[lossless])
    assert community.default_model == "linear"
    assert "for batteries that come or go" in community.description()
    with pytest.raises(GameError, match='"battery" does not support batteries that come or go'):
        community.cost_game(model="battery")
    schedule = community.dispatch(["ann"])
    assert schedule.charge_kwh[:2].tolist() == [0, 0]
    assert schedule.state_of_charge_kwh[[0, 1, 2, -1]].tolist() == [0, 0, 0, 0.25]
    after, before = community.period("2024-06-02"), community.period(end="2024-06-02")
    assert after.default_model == "battery"
    both = sum(part.cost_game().value(["ann"]) for part in (before, after))
    assert community.cost_game().value(["ann"]) == pytest.approx(both)
    bills = sg.owen_allocation(community, progress=False)
    assert sg.audit(community.cost_game(), bills, progress=False).in_core
    with pytest.raises(GameError, match="batteries that come or go"):
        sg.energy.bargained_dispatch(community, disagreement={"ann": 2.0, "bob": 2.0})


MEMBERS = (
    "member,kind,meter,unit,valid_from,valid_until\n"
    "ann,load,house,kWh,,\nann,pv,roof,kWh,2024-06-02,\n"
    "bob,load,flat,kWh,,2024-06-02\nop,,,,2024-06-02,\n"
)
METERS = "time,house,roof,flat\n" + "".join(
    f"{day}T{hour},1,2,3\n" for day in DAYS[:2] for hour in ("00:00", "12:00")
)


def folder(path, **changes):
    files = {
        "members": MEMBERS,
        "meters": METERS,
        "tariff": "buy_eur_per_kwh,sell_eur_per_kwh\n0.30,0.10\n",
        "batteries": (
            "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency,valid_until\n"
            "ann,1,1,1,1,2024-06-02\nop,1,1,1,1,\n"
        ),
        "controller": "controller\nself-consumption\n",
    }
    for name, text in (files | changes).items():
        (path / f"{name}.csv").write_text(text)
    return path


def test_dates_come_from_files(tmp_path):
    community = E.Community.from_csv(folder(tmp_path))
    assert community.load_kwh.tolist() == [[1] * 4, [3, 3, 0, 0], [0] * 4]
    assert community.pv_kwh[0].tolist() == [0, 0, 2, 2]
    assert "(bob until 2024-06-02, op from 2024-06-02)" in community.description()
    storage = community.problem.storage
    assert storage.first_step.tolist() == [0, 2]
    assert storage.end_step.tolist() == [2, 4]


def test_a_device_is_replaced_on_a_day(tmp_path):
    members = (
        "member,kind,meter,unit,scale,valid_from,valid_until\nann,load,house,kWh,1,,\n"
        "ann,pv,roof,kWh,1,,2024-06-02\nann,pv,roof,kWh,1.5,2024-06-02,\nbob,load,flat,kWh,,,\n"
    )
    path = folder(tmp_path, members=members, batteries=folder_of_ann())
    assert E.Community.from_csv(path).pv_kwh[0].tolist() == [2, 2, 3, 3]


def folder_of_ann():
    return "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\nann,1,1,1,1\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "members",
            MEMBERS.replace("kWh,2024-06-02,", "kWh,june,"),
            "members.csv, line 3, column \"valid_from\": 'june' is no date",
        ),
        (
            "members",
            MEMBERS.replace("kWh,,2024-06-02", "kWh,2024-06-02,2024-06-01"),
            'line 4, column "valid_until": it ends on 2024-06-01, and begins on 2024-06-02',
        ),
        (
            "members",
            MEMBERS + "ann,pv,roof,kWh,,2024-06-03\n",
            "ann has the pv meter roof twice",
        ),
        (
            "meters",
            METERS.replace("T00:00", "T06:00+02:00").replace("T12:00", "T18:00+02:00"),
            "2024-06-02 begins within the step|zone",
        ),
    ],
)
def test_a_mistake_in_dates_is_named(tmp_path, name, text, message):
    with pytest.raises(GameError, match=message):
        E.Community.from_csv(folder(tmp_path, **{name: text}))


@pytest.mark.parametrize("days", [("2024-06-04", None), (None, "2024-06-04")])
def test_a_day_that_begins_inside_the_last_step_is_refused(days):
    mornings = E.TimeSteps(np.datetime64("2024-06-01T06:00"), np.timedelta64(24, "h"), 3)
    options = {"load_kwh": np.ones((2, 3)), "pv_kwh": None, "membership": {"bob": days}}
    with pytest.raises(GameError, match="2024-06-04 begins within the step from 2024-06-03T06:00"):
        three_days(steps=mornings, **options)
    later = three_days(steps=mornings, **options | {"membership": {"bob": ("2024-06-05", None)}})
    assert not later.load_kwh[1].any()


def test_who_has_left_has_no_part_of_what_storage_does():
    """After the first day the battery that runs is the one of ann, who stays."""
    community = three_days(
        batteries=[battery(owner="ann"), battery()], membership={"bob": (None, "2024-06-02")}
    )
    bills = E.mid_market_rate(community)
    assert not bills.evidence.net_kwh[1, 2:].any()
    assert bills.evidence.net_kwh[1, :2].any()
    first_day = E.mid_market_rate(community.period("2024-06-01", "2024-06-02"))
    assert bills.values[1] == pytest.approx(first_day.values[1], abs=ROUNDING)
    later = community.period("2024-06-02")
    supplied, received = E.exchanged_energy(later, later.dispatch())
    assert supplied["bob"] == received["bob"] == 0


@pytest.mark.parametrize(
    ("zone", "day", "n_hours"),
    [
        pytest.param("Europe/Madrid", "2024-03-31", 23, id="no hour from two to three"),
        pytest.param("Europe/Madrid", "2024-10-27", 25, id="two hours from two to three"),
        pytest.param("Atlantic/Azores", "2024-03-31", 23, id="no midnight"),
        pytest.param("Atlantic/Azores", "2024-10-27", 25, id="two midnights"),
    ],
)
def test_a_day_of_membership_has_the_hours_of_the_clock(zone, day, n_hours):
    first = np.datetime64(day) - np.timedelta64(1, "D")
    hours = (np.datetime64(first, "h") + np.arange(96)).astype("datetime64[m]")
    community = E.Community(
        members=["ann", "bob"],
        steps=E.TimeSteps.from_times(hours.astype(str).tolist(), zone="UTC", tariff_zone=zone),
        load_kwh=np.ones((2, 96)),
        tariff=E.Tariff.flat(0.30, 0.10),
        membership={"bob": (day, str(np.datetime64(day) + np.timedelta64(1, "D")))},
    )
    assert community.load_kwh[1].sum() == n_hours
