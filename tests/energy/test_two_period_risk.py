"""Storage bought for the peaks of many days, by members who weigh bad days."""

from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.energy import Risk, TwoPeriodStorage

RISKS = st.sampled_from([Risk(0.5, 0.5), Risk(0.8), Risk.worst_case(), Risk.worst_case(0.25)])


@st.composite
def sharings(draw):
    n_members, count = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    energy = st.lists(st.integers(0, 8), min_size=n_members, max_size=n_members)
    days = st.lists(energy, min_size=count, max_size=count)
    parts = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    return TwoPeriodStorage(
        [f"m{i}" for i in range(n_members)],
        draw(days),
        draw(days),
        off_peak_price=0.1,
        peak_price=draw(st.sampled_from([0.1, 0.3])),
        capacity_kwh=draw(energy),
        capital_cost_per_kwh=draw(energy),
        storage_price=draw(st.sampled_from([0.02, 0.1, 0.4, np.inf])),
        weights=[part / sum(parts) for part in parts],
        risk=draw(RISKS),
    )


def least_risk(storage, members):
    """Return the least risk over all amounts at which a day's shortage, or the order, changes.

    The risk is convex and piecewise linear in what is bought; it bends where storage meets the
    peak of a day, or where two days cost as much.
    """
    here = [member in members for member in storage.members]
    used = (storage.off_peak_kwh + storage.peak_kwh)[:, here].sum(axis=1)
    owned = (storage.capital_cost_per_kwh * storage.capacity_kwh)[here].sum()
    base = storage.off_peak_price * used + owned
    short = storage.peak_kwh[:, here].sum(axis=1) - storage.capacity_kwh[here].sum()
    gap = storage.peak_price - storage.off_peak_price
    amounts = {0.0, *short.tolist()}
    if gap > 0:
        # Day k costs base + gap (short - b) while it is short, and base where it is not.
        for k in range(len(base)):
            for other in range(len(base)):
                amounts.add(short[k] - (base[other] - base[k]) / gap)
    found = []
    for amount in amounts:
        if amount < 0 or (amount > 0 and not np.isfinite(storage.storage_price)):
            continue
        costs = base + gap * np.maximum(short - amount, 0.0)
        paid = storage.storage_price * amount if amount else 0.0
        found.append(storage.risk.of(costs, storage.weights) + paid)
    return min(found)


@drawn(30, 120, sharings())
def test_every_coalition_bears_the_least_risk_over_all_amounts_of_storage(storage):
    game = storage.cost_game()
    for mask in range(1, 2 ** len(storage.members)):
        members = [m for i, m in enumerate(storage.members) if mask >> i & 1]
        assert game.value(members) == pytest.approx(least_risk(storage, members), abs=1e-9)


@drawn(20, 80, sharings())
def test_the_bills_are_in_the_core_by_table_and_by_oracle_and_proved(storage):
    game, bills = storage.cost_game(), storage.allocation()
    assert sg.audit(game, bills).in_core
    oracle = storage.separation_oracle()
    assert sg.audit(game, bills, oracle=oracle, progress=False).in_core
    evidence = bills.evidence
    verdict = evidence.verify(game)
    assert verdict.holds, verdict.failures
    assert (evidence.lowest <= bills.values + 1e-12).all()
    assert (evidence.highest >= bills.values - 1e-12).all()


@drawn(8, 40, sharings())
def test_bills_do_not_depend_on_the_unit_of_money(storage):
    in_cents = TwoPeriodStorage(
        storage.players,
        storage.off_peak_kwh,
        storage.peak_kwh,
        off_peak_price=100 * storage.off_peak_price,
        peak_price=100 * storage.peak_price,
        capacity_kwh=storage.capacity_kwh,
        capital_cost_per_kwh=100 * storage.capital_cost_per_kwh,
        storage_price=100 * storage.storage_price,
        weights=storage.weights.tolist(),
        risk=storage.risk,
    )
    assert in_cents.cost_game().tabulate() / 100 == pytest.approx(
        storage.cost_game().tabulate(), abs=1e-9
    )


def two_days(risk):
    return TwoPeriodStorage(
        ["ann", "bob"],
        [[1, 1], [1, 1]],
        [[6, 4], [1, 3]],
        off_peak_price=0.1,
        peak_price=0.3,
        storage_price=0.12,
        weights=[0.3, 0.7],
        risk=risk,
    )


def test_members_who_fear_the_peak_buy_storage_that_the_mean_does_not_pay_for():
    # A kWh saves 0.2 with a probability of 0.3 on the average, and surely on the worst day.
    bought = {
        name: two_days(risk).allocation().evidence.bought_kwh
        for name, risk in (("mean", None), ("half", Risk(0.7, 0.5)), ("worst", Risk.worst_case()))
    }
    assert bought == pytest.approx({"mean": 4.0, "half": 10.0, "worst": 10.0})


@pytest.mark.parametrize("risk", [Risk(0.0), Risk(0.9, 0.0)])
def test_without_weight_or_level_the_closed_form_stays(risk):
    mean, same = two_days(None), two_days(risk)
    assert same.cost_game().tabulate().tolist() == mean.cost_game().tabulate().tolist()
    assert same.allocation().values.tolist() == mean.allocation().values.tolist()
    assert type(same.allocation().evidence) is type(mean.allocation().evidence)
    assert same.separation_oracle() is None


def test_the_verifier_refutes_other_weights_and_other_costs():
    storage = two_days(Risk(0.5, 0.5))
    game, evidence = storage.cost_game(), storage.allocation().evidence
    assert evidence.verify(game).holds
    out = replace(evidence, scenario_weights=np.array([0.7, 0.3])).verify(game)
    assert "scenario 1 weighs 0.7" in out.failures[0]
    wrong = replace(evidence, scenario_costs=evidence.scenario_costs + 1).verify(game)
    assert "the costs of the scenarios, weighed, sum to" in wrong.failures[0]
    assert evidence.verify(sg.Game.from_table([0.0, 1.0], kind="cost")) is None


def test_caution_costs_the_member_of_the_peak():
    more = sg.energy.cost_of_risk(two_days(Risk(0.7, 0.5)))
    assert more["ann"] > more["bob"]
    assert more.total == pytest.approx(
        two_days(Risk(0.7, 0.5)).allocation().total - two_days(None).allocation().total
    )


def test_what_is_collected_above_the_mean_is_said():
    storage = two_days(Risk(0.7, 0.5))
    bills = storage.allocation()
    before = [storage.settle(number, when="ex ante") for number in (1, 2)]
    more = before[0].expected_reserve
    assert more > 0.01
    (said,) = bills.evidence.caveats(bills, "{:.3f} EUR".format)
    assert f"{more:.3f} EUR more than the cost on the average" in said


def test_capital_cost_is_in_every_scenario_and_stays_under_another_risk():
    worlds = [
        TwoPeriodStorage(
            ["ann", "bob"],
            [[0, 0], [0, 0]],
            [[6, 4], [1, 3]],
            off_peak_price=0.1,
            peak_price=0.3,
            storage_price=0.12,
            capacity_kwh=[2, 1],
            capital_cost_per_kwh=capital,
            risk=Risk(0.5, 0.5),
        )
        for capital in ([0.05, 0.08], None)
    ]
    owned = np.array([0.1, 0.08])
    for risk in (Risk(0.5, 0.5), Risk.worst_case(), None):
        dear, free = (storage.with_risk(risk) for storage in worlds)
        assert dear.cost_game().tabulate()[1:] == pytest.approx(
            free.cost_game().tabulate()[1:] + np.array([0.1, 0.08, 0.18])
        )
        assert dear.allocation().values == pytest.approx(free.allocation().values + owned)
        for day in (1, 2):
            assert dear.settle(day).cost == pytest.approx(free.settle(day).cost + 0.18)
            assert dear.settle(day).bills == pytest.approx(free.settle(day).bills + owned)
        assert dear.origin()["capital_cost_per_kwh"] == [0.05, 0.08]
        assert "owned storage at its capital cost" in dear.cost_terms().investment
    more = [sg.energy.cost_of_risk(storage).values for storage in worlds]
    assert more[0] == pytest.approx(more[1])
    terms = [worlds[0].with_risk(risk).cost_terms().period for risk in (Risk(0.5, 0.5), None)]
    assert "the risk (CVaR at level 0.5 with weight 0.5) of 2 scenarios" in terms[0]
    assert "the mean of 2 scenarios" in terms[1]
