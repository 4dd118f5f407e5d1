"""Scenarios under a risk: their games, bills in the core, and what proves them."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.worlds import MEMBERS, OFFER, WORLDS, battery, community
from hypothesis import strategies as st
from reference.risk_of_costs import netting_table, risk_of_costs
from reference.world_lp import least_cost
from sesgame.energy import GenerationOffer, Risk, Scenarios, StorageOffer
from sesgame.game.cost_basis import CostBasis

RISKS = [
    pytest.param(Risk(level=0.5, weight=0.5), id="half of the mean, half of the worst half"),
    pytest.param(Risk(level=0.75), id="the worst quarter"),
    pytest.param(Risk.worst_case(), id="the worst case"),
    pytest.param(Risk.worst_case(0.4), id="the worst case beside the mean"),
]
NET = [[4, -1], [-3, 4], [2, 2]]
"""Net loads of three members in two scenarios of one step."""


def one_step(loads, offers=()):
    return sg.energy.Community(
        members=["a", "b", "c"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[load, 0.0] for load in loads],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        storage_offers=offers,
    )


def three_members(risk, offers=()):
    days = [one_step(loads, offers) for loads in zip(*NET, strict=True)]
    return Scenarios(days, [0.5, 0.5], risk=risk)


DEAR = StorageOffer(
    name="dear",
    price_per_kwh_year=1e6,
    price_per_kw_year=0.0,
    charge_efficiency=1.0,
    discharge_efficiency=1.0,
)
"""Nobody buys it, but with it on offer all scenarios are one program."""

WORKED = [
    (Risk(level=0.5, weight=0.0), 1.2, [0.45, 0.15, 0.60], [0.55, 0.45, 0.60], [0.5, 0.5]),
    (Risk(level=0.5, weight=0.5), 1.35, [0.075, 0.675, 0.60], [0.875, 0.825, 0.60], [0.25, 0.75]),
    (Risk(level=0.5, weight=1.0), 1.5, [-0.30, 1.20, 0.60], [1.20, 1.20, 0.60], [0.0, 1.0]),
]
"""Worked by hand: the risk of all, the bills, the costs alone, the weights of the scenarios."""


@pytest.mark.parametrize("offers", [(), (DEAR,)], ids=["by recursion", "by linear program"])
@pytest.mark.parametrize(("risk", "total", "bills", "alone", "weights"), WORKED)
def test_three_members_bear_what_was_worked_by_hand(risk, total, bills, alone, weights, offers):
    days = three_members(risk, offers)
    game, found = days.cost_game(), sg.owen_allocation(days, progress=False)
    assert game.value(days.members) == pytest.approx(total)
    assert [game.value([member]) for member in days.members] == pytest.approx(alone)
    assert found.values == pytest.approx(bills)
    assert days.scenario_prices().scenario_weights == pytest.approx(weights)
    assert sg.audit(game, found).in_core


def test_the_prices_of_a_scenario_are_those_of_a_day_by_itself_whether_it_counts_or_not():
    prices = {}
    for risk in (Risk(level=0.5, weight=0.5), Risk(level=0.5)):
        for offers in ((), (DEAR,)):
            evidence = sg.owen_allocation(three_members(risk, offers), progress=False).evidence
            prices[risk.weight, len(offers)] = evidence.energy_price.reshape(2, 2)[:, 0]
    for found in prices.values():
        assert found == pytest.approx([0.30, 0.30])


def test_the_worst_case_of_three_members_is_in_the_table():
    table = three_members(Risk.worst_case()).cost_game().tabulate()
    assert table[1:] == pytest.approx([1.2, 1.2, 0.9, 0.6, 1.8, 1.8, 1.5])


@pytest.mark.parametrize(("level", "weight"), [("1/2", "1/2"), ("1/3", 1), ("9/10", "1/4"), (1, 1)])
def test_the_table_is_that_of_fractions(level, weight):
    a, k = Fraction(level), Fraction(weight)
    net = [[Fraction(each) for each in row] for row in NET]
    exact = netting_table(net, Fraction(3, 10), Fraction(1, 10), [Fraction(1, 2)] * 2, a, k)
    risk = Risk.worst_case(float(k)) if a == 1 else Risk(float(a), float(k))
    table = three_members(risk).cost_game().tabulate()
    assert table == pytest.approx([float(each) for each in exact], abs=1e-14)


costs_and_probabilities = st.integers(1, 6).flatmap(
    lambda count: st.tuples(
        st.lists(st.integers(-20, 20), min_size=count, max_size=count),
        st.lists(st.integers(1, 8), min_size=count, max_size=count),
    )
)


@drawn(60, 300, costs_and_probabilities, st.integers(0, 8), st.integers(0, 4))
def test_the_risk_of_costs_is_its_definition(pairs, eighths, quarters):
    costs, parts = pairs
    probabilities = [Fraction(part, sum(parts)) for part in parts]
    level, k = Fraction(eighths, 8), Fraction(quarters, 4)
    risk = Risk.worst_case(float(k)) if level == 1 else Risk(float(level), float(k))
    expected = risk_of_costs([Fraction(cost) for cost in costs], probabilities, level, k)
    floats = [float(each) for each in probabilities]
    assert risk.of(costs, floats) == pytest.approx(float(expected), abs=1e-12)
    weights = risk.scenario_weights(costs, floats)
    assert not risk.broken_bounds(np.array(floats), weights)
    # Equal scenarios of equal probability weigh as much as each other.
    seen = {}
    for cost, part, weight in zip(costs, parts, weights, strict=True):
        assert seen.setdefault((cost, part), weight) == pytest.approx(weight, abs=1e-12)


def test_more_caution_costs_no_less_and_ends_in_the_worst_case():
    costs, probabilities = [3.0, -1.0, 7.0, 5.0], [0.1, 0.4, 0.3, 0.2]
    levels = [0.0, 0.2, 0.5, 0.7, 0.9, 0.999]
    risks = [Risk(level).of(costs, probabilities) for level in levels]
    assert risks == sorted(risks)
    assert risks[0] == pytest.approx(np.dot(costs, probabilities))
    # The worst scenario has a probability of 0.3.
    worst = Risk.worst_case().of(costs, probabilities)
    assert (risks[3], risks[-1], worst) == pytest.approx((7.0, 7.0, 7.0))


@pytest.mark.parametrize(
    "name", ["unlike batteries", "everything", "storage and generation behind limits"]
)
@pytest.mark.parametrize("risk", RISKS[:3])
def test_every_coalition_bears_what_a_model_of_its_own_says(risk, name):
    days = [community(seed, **WORLDS[name]) for seed in range(3)]
    weights = [0.5, 0.3, 0.2]
    game = Scenarios(days, weights, risk=risk).cost_game()
    for size in (1, 3, 4):
        for members in combinations(MEMBERS, size):
            expected = least_cost(days, weights, set(members), (risk.level, risk.weight))
            assert game.value(members) == pytest.approx(expected, abs=1e-7), members


@pytest.mark.parametrize(
    "name",
    [
        "unlike batteries",
        "a demand charge",
        "storage to buy",
        "generation to buy",
        "connection limits",
    ],
)
@pytest.mark.parametrize("risk", RISKS)
def test_bills_at_dual_prices_are_in_the_core_by_table_and_by_oracle(risk, name):
    days = Scenarios([community(seed, **WORLDS[name]) for seed in range(3)], risk=risk)
    game, bills = days.cost_game(), sg.owen_allocation(days, progress=False)
    assert sg.audit(game, bills).in_core
    assert sg.audit(game, bills, oracle=days.separation_oracle(), progress=False).in_core
    evidence = bills.evidence
    assert bills.values.sum() == pytest.approx(game.value(MEMBERS), abs=1e-9)
    assert evidence.scenario_bills @ evidence.scenario_weights == pytest.approx(bills.values)
    assert evidence.bills_by_step.sum(axis=1) == pytest.approx(bills.values)
    assert (evidence.lowest <= bills.values + 1e-9).all()
    assert (evidence.highest >= bills.values - 1e-9).all()
    verdict = evidence.verify(game)
    assert verdict.holds, verdict.failures
    assert sg.audit(game, bills).in_core


def sunny_or_not(risk, *, sun=(0.0, 0.4)):
    """Return two days of three members who may rent PV, which gives more on one of them."""
    days = [
        sg.energy.Community(
            members=["a", "b", "c"],
            steps=["2016-06-01T12:00", "2016-06-01T13:00"],
            load_kwh=[[load, 0.0] for load in loads],
            tariff=sg.energy.Tariff.flat(0.30, 0.10),
            generation_offers=[GenerationOffer("roof", 1.2, [profile, 0.0])],
        )
        for loads, profile in zip(zip(*NET, strict=True), sun, strict=True)
    ]
    return Scenarios(days, [0.5, 0.5], risk=risk)


def test_pv_is_rented_for_the_mean_and_not_by_who_fears_the_dark_day():
    """A kW costs 0.10 for the two hours, and saves 0.12 on the sunny day alone.

    By the mean that is 0.06, too little. In the worst case it pays while the sunny day is the dear
    one: 1.50 beside 0.90 without PV, until 5 kW make both cost the same.
    """
    assert sunny_or_not(None).dispatch()[0].generators_kw["roof"] == pytest.approx(0)
    feared = sunny_or_not(Risk.worst_case())
    power = feared.dispatch()[0].generators_kw["roof"]
    assert power == pytest.approx(0.6 / 0.12)
    assert feared.cost_game().value(feared.members) == pytest.approx(0.9 + 0.1 * power)
    assert feared.scenario_prices().generators_kw == {"roof": pytest.approx(power)}
    dark = sunny_or_not(Risk.worst_case(), sun=(0.4, 0.0))
    assert dark.dispatch()[0].generators_kw["roof"] == pytest.approx(0)


@pytest.mark.parametrize("risk", RISKS)
def test_generators_with_another_profile_in_each_scenario(risk):
    days = sunny_or_not(risk)
    game, bills = days.cost_game(), sg.owen_allocation(days, progress=False)
    for size in (1, 2, 3):
        for members in combinations(days.members, size):
            pair = (risk.level, risk.weight)
            expected = least_cost(days.communities, days.weights, set(members), pair)
            assert game.value(members) == pytest.approx(expected, abs=1e-9), members
    assert bills.values.sum() == pytest.approx(game.value(days.members), abs=1e-9)
    assert sg.audit(game, bills).in_core
    assert bills.evidence.verify(game).holds


def test_costs_of_another_risk_or_profile_stand_on_other_terms():
    risk = Risk(level=0.5, weight=0.5)
    terms = [
        str(days.cost_terms())
        for days in (sunny_or_not(None), sunny_or_not(risk), sunny_or_not(risk, sun=(0.4, 0.4)))
    ]
    assert len(set(terms)) == 3
    assert "the mean of 2 scenarios" in terms[0]
    assert "the risk (CVaR at level 0.5 with weight 0.5) of 2 scenarios" in terms[1]
    assert "in scenario 1: generation at 1.2 per kW and day, 0 kWh a kW in all; in" in terms[1]
    assert "in scenario 1" not in terms[2]
    # A row that bears the mean is refused beside one that bears a risk, whatever its numbers.
    mean, feared = sunny_or_not(None), sunny_or_not(risk)
    basis = CostBasis.of(mean.cost_game(), mean.cost_terms())
    same = (mean.members, basis.costs_alone, basis.optimum)
    assert not basis.differences(same[0], mean.cost_terms(), *same[1:])
    (difference,) = basis.differences(same[0], feared.cost_terms(), *same[1:])
    assert "the mean of 2 scenarios" in difference
    assert "the risk (CVaR at level 0.5 with weight 0.5) of 2 scenarios" in difference


@pytest.mark.parametrize("offers", [(), (OFFER,)], ids=["nothing to buy", "storage to buy"])
def test_the_oracle_finds_what_the_table_has(offers):
    days = Scenarios(
        [community(seed, batteries=[battery("ann")], storage_offers=offers) for seed in range(3)],
        risk=Risk(level=0.5, weight=0.5),
    )
    game, oracle = days.cost_game(), days.separation_oracle()
    for shares in (sg.shapley_value(game), np.full(4, game.value(MEMBERS) / 4)):
        listed = sg.audit(game, shares).worst_coalition_excess
        searched = sg.audit(game, shares, oracle=oracle, progress=False).worst_coalition_excess
        assert searched == pytest.approx(listed, abs=1e-6)


def test_the_nucleolus_is_in_the_core_and_found_by_the_oracle_alone():
    days = Scenarios(
        [community(seed, batteries=[battery("ann")]) for seed in range(3)], risk=Risk(0.6, 0.7)
    )
    game = days.cost_game()
    listed = sg.nucleolus(game)
    assert sg.core_check(game, listed).in_core
    asked = sg.nucleolus(game, oracle=days.separation_oracle(), progress=False)
    assert asked.values == pytest.approx(listed.values, abs=1e-6)


@pytest.mark.parametrize("model", ["battery", "linear"])
def test_the_recursion_bears_what_the_linear_program_does(model):
    days = [community(seed, batteries=[battery("ann"), battery("cid")]) for seed in range(4)]
    for risk in (Risk(0.5, 0.5), Risk.worst_case()):
        here = Scenarios(days, [0.4, 0.3, 0.2, 0.1], risk=risk)
        program = here.programme(model).cost_game().tabulate()
        assert here.cost_game(model=model).tabulate() == pytest.approx(program, abs=1e-9)


@pytest.mark.parametrize("offers", [(), (OFFER,)], ids=["nothing to buy", "storage to buy"])
@pytest.mark.parametrize("risk", [Risk(0.9, 0.0), Risk(0.0, 1.0)], ids=["no weight", "level 0"])
def test_without_weight_or_level_all_is_as_without_a_risk(risk, offers):
    communities = [community(seed, storage_offers=offers) for seed in range(3)]
    mean, same = (Scenarios(communities, [0.5, 0.3, 0.2], risk=each) for each in (None, risk))
    # Bit by bit: it is the same recursion, or the same program.
    assert same.cost_game().tabulate().tolist() == mean.cost_game().tabulate().tolist()
    bills = [sg.owen_allocation(each, progress=False) for each in (mean, same)]
    assert bills[0].values.tolist() == bills[1].values.tolist()
    assert same.description() == mean.description()


def test_as_the_level_rises_the_risk_is_that_of_the_worst_case():
    communities = [community(seed, storage_offers=[OFFER]) for seed in range(3)]
    worst = Scenarios(communities, [0.5, 0.3, 0.2], risk=Risk.worst_case())
    # From 1 less the least probability on nothing but the worst scenario is in the tail.
    high = Scenarios(communities, [0.5, 0.3, 0.2], risk=Risk(0.8))
    assert high.cost_game().tabulate() == pytest.approx(worst.cost_game().tabulate(), abs=1e-9)
    below = Scenarios(communities, [0.5, 0.3, 0.2], risk=Risk(0.1)).cost_game().tabulate()
    assert (below <= worst.cost_game().tabulate() + 1e-9).all()
    assert below[-1] < worst.cost_game().tabulate()[-1] - 1e-6


loads = st.lists(st.lists(st.integers(-4, 4), min_size=3, max_size=3), min_size=3, max_size=3)


@drawn(10, 30, loads, st.sampled_from([Risk(0.5, 0.5), Risk(0.4), Risk.worst_case()]))
def test_bills_follow_their_members_and_the_unit_of_money(days, risk):
    members = ["a", "b", "c"]

    def bills(order, unit=1.0):
        communities = [
            sg.energy.Community(
                members=[members[i] for i in order],
                steps=["2016-06-01T12:00", "2016-06-01T13:00"],
                load_kwh=[[float(day[i]), float(-day[i - 1])] for i in order],
                tariff=sg.energy.Tariff.flat(0.30 * unit, 0.10 * unit),
            )
            for day in days
        ]
        here = Scenarios(communities, [0.5, 0.25, 0.25], risk=risk)
        found = sg.owen_allocation(here, progress=False)
        assert sg.audit(here.cost_game(), found).in_core
        return {member: found[member] for member in members}

    first = bills((0, 1, 2))
    for order in permutations(range(3)):
        assert bills(order) == pytest.approx(first, abs=1e-9)
    in_cents = bills((0, 1, 2), 100.0)
    assert {k: v / 100 for k, v in in_cents.items()} == pytest.approx(first, abs=1e-9)


def test_scenarios_that_cost_as_much_share_what_they_weigh_in_any_order():
    days = [one_step(loads) for loads in ([4.0, -3.0, 2.0], [-1.0, 2.0, 2.0], [-9.0, 0.0, 0.0])]
    bills = {}
    for order in permutations(range(3)):
        here = Scenarios(
            [days[i] for i in order], [(0.2, 0.4, 0.4)[i] for i in order], risk=Risk(level=0.7)
        )
        found = sg.owen_allocation(here, progress=False)
        weights = dict(zip(order, found.evidence.scenario_weights, strict=True))
        bills[order] = found.values
        # The first two cost 0.9: of a tail of 0.3 they take parts of 1 and 2.
        assert [weights[i] for i in range(3)] == pytest.approx([1 / 3, 2 / 3, 0.0])
        assert found.evidence.lowest[0] == pytest.approx(0.3 * (-1) * 1.0)
        assert found.evidence.highest[0] == pytest.approx(0.3 * (4 * 2 / 3 - 1 / 3))
    assert all(each == pytest.approx(bills[0, 1, 2]) for each in bills.values())


def test_every_schedule_costs_what_its_scenario_has_to_even_where_it_does_not_count():
    limited = dict(WORLDS["everything"])
    days = [community(seed, **limited) for seed in range(3)]
    here = Scenarios(days, [0.5, 0.3, 0.2], risk=Risk.worst_case())
    for members in (MEMBERS, ["ann", "cid"]):
        schedules = here.dispatch(members)
        sizes = [schedule.purchases for schedule in schedules]
        assert all(each.keys() == sizes[0].keys() for each in sizes)
        bought = [next(iter(each.values())) for each in sizes]
        assert all(each == pytest.approx(bought[0], abs=1e-9) for each in bought)
        assert max(each.cost for each in schedules) == pytest.approx(
            here.cost_game().value(members)
        )
    prices = here.scenario_prices()
    whole = [schedule.cost for schedule in here.dispatch()]
    assert prices.scenario_costs == pytest.approx(whole)
    assert prices.scenario_weights.min() == pytest.approx(0, abs=1e-9)


def test_the_verifier_refutes_weights_out_of_bounds_and_wrong_sums():
    for offers in ((), (DEAR,)):
        days = three_members(Risk(level=0.5, weight=0.5), offers)
        game, evidence = days.cost_game(), sg.owen_allocation(days, progress=False).evidence
        assert evidence.verify(game).holds
        wrong = {
            r"scenario 1 weighs 0\.2; it must be from 0\.25": {
                "scenario_weights": np.array([0.2, 0.8])
            },
            "the weights of the scenarios sum to 1.25": {"scenario_weights": np.array([0.5, 0.75])},
            "there is not one weight": {"scenario_weights": np.array([1.0])},
            r"the risk of all is 2, not 1\.35": {"cost": 2.0},
            "the costs of the scenarios, weighed, sum to": {"scenario_costs": np.array([1.0, 1.0])},
            "the bills are not those of the scenarios": {
                "scenario_bills": evidence.scenario_bills + 0.1
            },
            "the probabilities of the scenarios sum to": {"probabilities": np.array([0.5, 0.6])},
        }
        for message, fields in wrong.items():
            verdict = replace(evidence, **fields).verify(game)
            assert verdict.state == "refuted"
            assert any(
                np.char.find(failure, message.replace("\\", "")) >= 0
                for failure in verdict.failures
            ), (message, verdict.failures)
        other = three_members(Risk(level=0.5, weight=1.0), offers).cost_game()
        assert evidence.verify(other).state == "refuted"
    assert evidence.verify(sg.Game.from_table([0.0, 1.0], kind="cost")) is None


def test_scenarios_are_evaluated_again_where_each_has_a_game_of_its_own():
    days = three_members(Risk(level=0.5, weight=0.5))
    game, evidence = days.cost_game(), sg.owen_allocation(days, progress=False).evidence
    # The weighed sum is right, but the costs of the two scenarios are not.
    shifted = evidence.scenario_costs + np.array([0.3, -0.1])
    verdict = replace(evidence, scenario_costs=shifted).verify(game)
    assert [failure[:24] for failure in verdict.failures] == [
        "scenario 1 is said to co",
        "scenario 2 is said to co",
    ]


def test_caution_costs_whoever_is_short_on_bad_days_and_pays_whoever_helps():
    days = three_members(Risk(level=0.5, weight=0.5))
    more = sg.energy.cost_of_risk(days)
    assert more.values == pytest.approx([-0.375, 0.525, 0.0])
    assert (more["a"], more.total) == pytest.approx((-0.375, 0.15))
    assert more.to_dict()["members"]["b"]["cost_of_risk"] == pytest.approx(0.525)
    by_shapley = sg.energy.cost_of_risk(days, sg.shapley_value)
    expected = sg.shapley_value(days).values - sg.shapley_value(days.with_risk(None)).values
    assert by_shapley.values == pytest.approx(expected)
    assert by_shapley.total == pytest.approx(0.15)


def test_a_sample_of_risks_has_the_mean_as_a_control():
    days = Scenarios([community(seed) for seed in range(3)], risk=Risk(0.5, 0.5))
    game = days.cost_game()
    assert set(game.approximations) >= {"netting"}
    estimate = sg.shapley_estimate(game, seed=1, max_evaluations=400, progress=False)
    assert estimate.values == pytest.approx(sg.shapley_value(game).values, abs=0.05)


def test_bills_nearest_to_a_reference_are_in_the_core_of_risks():
    days = three_members(Risk(level=0.5, weight=0.5))
    reference = sg.shapley_value(days)
    bills = sg.owen_allocation(days, reference=reference, progress=False)
    assert sg.audit(days.cost_game(), bills).in_core
    assert bills.evidence.verify(days.cost_game()).holds
    assert bills.evidence.distance == pytest.approx(np.linalg.norm(bills.values - reference.values))


def test_what_is_said_of_the_risk_stands_in_description_origin_and_grounds():
    days = three_members(Risk(level=0.9, weight=0.5))
    assert days.description().split("\n")[0].endswith("risk: CVaR at level 0.9 with weight 0.5")
    assert days.origin()["risk"] == {"level": 0.9, "weight": 0.5}
    assert three_members(Risk.worst_case()).origin()["risk"]["level"] == "worst case"
    assert days.period("2016-06-01T12:00", "2016-06-01T13:00").risk == days.risk
    assert days != days.with_risk(None)
    bills = sg.owen_allocation(days, progress=False)
    grounds = bills.evidence.grounds(bills, "{:.2f} EUR".format)
    assert "25 % 75 %" in grounds[-1]
    assert (
        "0.15 EUR more than the cost on the average"
        in bills.evidence.caveats(bills, "{:.2f} EUR".format)[0]
    )
    assert [repr(each) for each in (Risk(0.9, 0.5), Risk(0.9), Risk.worst_case(0.5))] == [
        "Risk(level=0.9, weight=0.5)",
        "Risk(level=0.9)",
        "Risk.worst_case(0.5)",
    ]
