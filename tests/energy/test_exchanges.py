"""Energy that members give to each other: balances, hand-worked steps, bad input."""

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from sesgame.errors import GameError
from sesgame.testing import communities


def pair(**more):
    return sg.energy.Community(
        members=["ann", "bob", "cid"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[0.0, 2.0], [2.0, 2.0], [1.0, 0.0]],
        pv_kwh=[[6.0, 0.0], [0.0, 0.0], [0.0, 1.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
        **more,
    )


def test_surplus_and_shortage_are_shared_in_proportion():
    supplied, received = sg.energy.exchanged_energy(pair(), pair().dispatch())
    # At noon 3 of ann's 6 kWh are used inside; at one, cid's 1 kWh covers a quarter of 2 + 2.
    assert supplied == pytest.approx({"ann": 3.0, "bob": 0.0, "cid": 1.0})
    assert received == pytest.approx({"ann": 0.5, "bob": 2.5, "cid": 1.0})


def test_what_a_battery_keeps_is_taken_and_given_by_its_owner():
    battery = sg.energy.Battery(
        owner="bob", energy_kwh=3, power_kw=3, charge_efficiency=1, discharge_efficiency=1
    )
    community = pair(batteries=[battery])
    schedule = community.dispatch()
    assert schedule.discharge_kwh.tolist() == [0.0, 3.0]
    supplied, received = sg.energy.exchanged_energy(community, schedule)
    # Noon: ann supplies bob's 2 + 3 and cid's 1. One: bob has 3 - 2 over, for ann, as has cid.
    assert supplied == pytest.approx({"ann": 6.0, "bob": 1.0, "cid": 1.0})
    assert received == pytest.approx({"ann": 2.0, "bob": 5.0, "cid": 1.0})
    weights = sg.contribution_weights(supplied, received)
    assert sg.nash_bargaining(community.cost_game(), weights=weights).evidence.verify(
        community.cost_game()
    )


@settings(max_examples=20, deadline=None)
@given(community=communities())
def test_as_much_is_given_as_taken_and_alone_nothing(community):
    supplied, received = sg.energy.exchanged_energy(community, community.dispatch())
    scale = np.abs(community.net_load_kwh).sum()
    assert min(*supplied.values(), *received.values()) >= 0
    # The balance of a schedule is that of a solver: kept to 1e-6 of what passes the meters.
    total = sum(supplied.values())
    assert total == pytest.approx(sum(received.values()), abs=1e-6 * scale)
    one = community.members[0]
    apart = sg.energy.exchanged_energy(community, community.dispatch([one]))
    assert apart[0][one] + apart[1][one] <= 1e-6 * scale


def test_a_schedule_of_something_else_is_refused():
    community = pair()
    part = community.dispatch(end="2016-06-01T13:00")
    with pytest.raises(GameError, match="of another period"):
        sg.energy.exchanged_energy(community, part)
    other = sg.energy.Community(
        members=["ann", "eve", "cid"],
        steps=community.steps,
        load_kwh=community.load_kwh,
        tariff=community.tariff,
    )
    with pytest.raises(GameError, match="'eve', who is not a member"):
        sg.energy.exchanged_energy(community, other.dispatch())
    more = sg.energy.Community(
        members=community.members,
        steps=community.steps,
        load_kwh=community.load_kwh + 1,
        tariff=community.tariff,
    )
    with pytest.raises(GameError, match="other meters"):
        sg.energy.exchanged_energy(community, more.dispatch())
