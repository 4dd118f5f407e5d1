"""The clustered nucleolus: what members pay against what they pay alone, under limits of nobody."""

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.energy import Battery, Grid
from sesgame.testing import assert_budget_balanced, communities

pytest.importorskip("sklearn", reason="clusters need the extra surrogate")


def limited(pv, load, **grid):
    members = [f"m{number}" for number in range(len(pv))]
    return sg.energy.Community(
        members=members,
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=load,
        pv_kwh=pv,
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        grid=Grid(**grid),
        curtailment="allowed",
    )


def test_an_export_limit_of_nobody_takes_nothing_from_one_who_earns_alone():
    here = limited([[3, 3], [0, 0]], np.zeros((2, 2)), export_limit_kw=1.0)
    bills = sg.energy.clustered_nucleolus(here, 1, progress=False)
    assert bills.values == pytest.approx([-0.2, 0.0], abs=1e-12)
    assert bills.evidence.audit.individually_rational


@pytest.mark.parametrize("n_clusters", [1, 2, 3])
def test_where_all_together_pay_more_than_alone_the_evidence_says_so(n_clusters):
    """Each could feed in 1 kWh an hour alone, and all of them together no more than that."""
    here = limited(np.diag([2.0, 2.0, 3.0])[:, :2] + 1.0, np.zeros((3, 2)), export_limit_kw=1.0)
    game = here.cost_game()
    alone = sum(game.value([member]) for member in here.members)
    assert game.value(here.members) > alone + 0.1
    bills = sg.energy.clustered_nucleolus(here, n_clusters, progress=False)
    assert_budget_balanced(bills, total=game.value(here.members))
    assert not bills.evidence.audit.individually_rational
    caveats = bills.evidence.caveats(bills, str)
    assert caveats[1:] == ["Alone the members pay less than together: some pay more than alone."]


@settings(max_examples=12)
@given(
    here=communities(st.integers(2, 5), n_steps=st.integers(1, 4), model="linear"),
    n_clusters=st.integers(1, 4),
)
def test_nobody_pays_more_than_alone_wherever_that_can_be(here, n_clusters):
    game = here.cost_game()
    alone = game.values(np.eye(len(here.members), dtype=bool))
    total = game.value(here.members)
    wanted = min(n_clusters, len(here.members))
    bills = sg.energy.clustered_nucleolus(here, wanted, progress=False)
    assert_budget_balanced(bills, total=total)
    slack = 1e-9 * (np.abs(alone).sum() + abs(total))
    is_possible = total <= alone.sum() + slack
    if is_possible:
        assert (bills.values <= alone + slack).all()
    assert bills.evidence.audit.individually_rational == is_possible


def test_inside_a_cluster_savings_are_split_as_dual_prices_split_them():
    """One cluster under no limit: all savings are those of the bills at dual prices."""
    times = np.datetime64("2016-06-01T00:00") + np.arange(6) * np.timedelta64(1, "h")
    random = np.random.default_rng(5)
    here = sg.energy.Community(
        members=["ann", "bob", "cid"],
        steps=times,
        load_kwh=random.uniform(-2, 2, (3, 6)),
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        batteries=[
            Battery(
                owner="bob",
                energy_kwh=2,
                power_kw=1,
                charge_efficiency=0.9,
                discharge_efficiency=0.9,
            )
        ],
    )
    bills = sg.energy.clustered_nucleolus(here, 1, progress=False)
    owen = sg.owen_allocation(here, progress=False)
    assert bills.values == pytest.approx(owen.values, abs=1e-12)
