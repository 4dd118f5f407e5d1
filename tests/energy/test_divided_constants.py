"""Bills at dual prices beside what has no price: divided by a rule, and still in the core."""

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import examples
from sesgame.errors import GameError

E = sg.energy
HISTORY = {"2023-12": 9.0, "2024-01": 2.0}
EVERY = (np.arange(1, 16)[:, np.newaxis] >> np.arange(4) & 1).astype(bool)
"""All groups of four."""


def peak(**options):
    return {"demand_charges": [E.DemandCharge(price_per_kw=4.0, **options)]}


CONSTANTS = {
    "fee of the connection": {
        "fees": [
            E.FixedFee(label="meter", price=9.0, in_game=True),
            E.FixedFee(label="line", price=0.2, per="day", in_game=True),
        ]
    },
    "minimum that is not reached": {"minimum_per_month": 500.0},
    "minimum that one month reaches": {"minimum_per_month": 60.0},
    "minimum with peaks and a fee": {
        "minimum_per_month": 75.0,
        "fees": [E.FixedFee(label="meter", price=3.0, in_game=True)],
        **peak(),
    },
    "minimum of netted months": {"minimum_per_month": 40.0, "credit": "net per month"},
    "minimum of capped months": {"minimum_per_month": 40.0, "credit": "capped"},
    "floor": peak(floor_kw=6.0),
    "floor below the peak": peak(floor_kw=0.5),
    "floor of a mean of the highest": peak(floor_kw=2.5, n_highest=3, one_per_day=True),
    "mean of months with history": peak(mean_of_months=3, history_kw=HISTORY),
    "mean of months with history and a floor": peak(
        mean_of_months=2, history_kw=HISTORY, floor_kw=2.2
    ),
    "ratchet to a month before": peak(ratchet=0.9, history_kw=HISTORY),
    "ratchet that has forgotten": peak(ratchet=0.9, history_kw=HISTORY, ratchet_months=1),
    "mean of months under a minimum": {
        "minimum_per_month": 66.0,
        **peak(mean_of_months=3, history_kw=HISTORY),
    },
}
BANDS = E.Tariff(
    [E.PriceBand(0.35, 0.08, 6 * 60, 22 * 60), E.PriceBand(0.20, 0.05, 22 * 60, 6 * 60)]
)


def community_of(options, seed, days=12):
    """Return four members with PV, from the end of February into March."""
    random = np.random.default_rng(seed)
    steps = E.TimeSteps(np.datetime64("2024-02-23"), np.timedelta64(60, "m"), days * 24)
    sun = np.maximum(np.sin(np.arange(steps.n_steps) * np.pi / 12 - np.pi / 2), 0.0)
    pv = random.gamma(2.0, 0.6, (4, steps.n_steps)) * sun
    pv[0] = 0.0
    return E.Community(
        members=["ann", "bob", "cid", "dee"],
        steps=steps,
        load_kwh=random.gamma(2.0, 0.25, (4, steps.n_steps)),
        pv_kwh=pv,
        tariff=E.Contract(name="drawn", energy=BANDS, **options),
    )


@examples(2, 20)
@pytest.mark.parametrize("rule", ["equally", "by import"])
@pytest.mark.parametrize("name", CONSTANTS)
def test_a_divided_constant_leaves_every_group_content(name, rule, examples):
    for seed in range(examples):
        community = community_of(CONSTANTS[name], seed)
        game = community.cost_game()
        bills = sg.owen_allocation(community, constants=rule, progress=False)
        evidence = bills.evidence
        assert sg.audit(game, bills, progress=False).in_core
        # More than the core asks: the cost is nowhere below its slope at the profile of all.
        below = EVERY @ evidence.bills_by_step.sum(axis=1) + evidence.constant
        costs = game.values(EVERY, progress=False)
        assert (costs >= below - game.rounding).all()
        assert bills.total == pytest.approx(costs[-1])
        assert (evidence.lowest <= bills.values).all()
        assert (bills.values <= evidence.highest).all()
        assert (evidence.constant_shares >= 0).all()
        assert evidence.constant_shares.sum() == pytest.approx(evidence.constant)
        drawn = np.maximum(community.net_load_kwh, 0.0).sum(axis=1)
        parts = np.ones(4) if rule == "equally" else drawn
        assert evidence.constant_shares == pytest.approx(evidence.constant * parts / parts.sum())
        assert bills.method == f"bills at dual prices (constants {rule})"


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_refused_unless_it_is_divided(name):
    with pytest.raises(GameError, match=r"dual prices are off with .* constants= divides them"):
        sg.owen_allocation(community_of(CONSTANTS[name], 1), progress=False)


def two_hours(**options):
    """Return Ann, who draws 3 and 1 kWh, and Bob, who draws 1 and 3, in June."""
    return E.Community(
        members=["ann", "bob"],
        steps=["2024-06-01T12:00", "2024-06-01T13:00"],
        load_kwh=[[3.0, 1.0], [1.0, 3.0]],
        tariff=E.Contract(name="june", energy=E.Tariff.flat(0.5, 0.1), **options),
    )


def test_what_is_left_over_is_the_constant():
    fee = two_hours(fees=[E.FixedFee(label="meter", price=6.0, per="day", in_game=True)])
    bills = sg.owen_allocation(fee, constants="equally", progress=False)
    assert bills.evidence.constant == pytest.approx(6.0)
    assert bills.values.tolist() == pytest.approx([2.0 + 3.0, 2.0 + 3.0])
    minimum = two_hours(minimum_per_month=300.0)
    bills = sg.owen_allocation(minimum, constants="by import", progress=False)
    assert bills.evidence.energy_price.tolist() == [0.0, 0.0]
    assert bills.values.tolist() == pytest.approx([5.0, 5.0])
    # 4 kW now and 8 kW before: their mean, of which the half is from before.
    month = two_hours(
        demand_charges=[
            E.DemandCharge(price_per_kw=1.0, mean_of_months=2, history_kw={"2024-05": 8.0})
        ]
    )
    bills = sg.owen_allocation(month, constants="equally", progress=False)
    assert bills.evidence.constant == pytest.approx(4.0)
    assert bills.total == pytest.approx(4.0 + 6.0)


def test_what_is_divided_is_said():
    community = two_hours(minimum_per_month=300.0)
    game = community.cost_game()
    bills = sg.owen_allocation(community, constants="equally", progress=False)
    report = sg.report(game, bills, community=community)
    said = "EUR of the cost are not in proportion to energy and have no price; they are divided eq"
    assert said in str(report)
    assert said in report.to_html()
    assert "No division of what has no price gives a group a reason to leave" in report.to_html()


def test_prices_of_a_contract_without_constants_are_as_before():
    community = community_of({"credit": "capped"}, 3)
    plain = sg.owen_allocation(community, progress=False)
    divided = sg.owen_allocation(community, constants="equally", progress=False)
    assert divided == plain
    assert (plain.method, plain.evidence.constant) == ("bills at dual prices", 0.0)


@pytest.mark.parametrize(
    ("options", "constants", "message"),
    [
        ({"blocks": [E.Block(above_kwh=1, surcharge_per_kwh=0.1)]}, "equally", "off with blocks"),
        (peak(cap_kw=3.0, floor_kw=1.0), "equally", "off with the cap of a demand charge:"),
        (
            {"fees": [E.FixedFee(label="bonus", price=-9.0, in_game=True)]},
            "equally",
            "leave -0.3 EUR over, which is less than nothing",
        ),
        ({"minimum_per_month": 9.0}, "fairly", 'constants must be "equally" or "by import", got'),
    ],
)
def test_what_cannot_be_divided_is_refused(options, constants, message):
    with pytest.raises(GameError, match=message):
        sg.owen_allocation(two_hours(**options), constants=constants, progress=False)


def test_nothing_is_divided_by_what_nobody_draws():
    community = E.Community(
        members=["ann", "bob"],
        steps=["2024-06-01T12:00", "2024-06-01T13:00"],
        load_kwh=[[-3.0, -1.0], [-1.0, -3.0]],
        tariff=E.Contract(name="june", energy=E.Tariff.flat(0.5, 0.1), minimum_per_month=9.0),
    )
    with pytest.raises(GameError, match="cannot be divided by import: nobody draws any"):
        sg.owen_allocation(community, constants="by import", progress=False)
