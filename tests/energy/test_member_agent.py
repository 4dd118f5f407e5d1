"""Answers of members: exact, by linear programs that prove them, and of one convex cost."""

import pickle

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.thread_counts import outputs_by_threads
from hypothesis import strategies as st
from reference.member_lp import least_cost
from sesgame.energy.agents.member_agent import native_responses
from sesgame.energy.dispatch.problem import Storage
from sesgame.errors import GameError


@st.composite
def member_agents(draw, max_batteries=3):
    n_steps = draw(st.integers(1, 7))
    number = draw(st.integers(0, max_batteries))

    def each(values):
        return np.array(draw(st.lists(st.sampled_from(values), min_size=number, max_size=number)))

    def of_steps(low, high):
        numbers = st.lists(st.integers(low, high), min_size=n_steps, max_size=n_steps)
        return np.array(draw(numbers)) / 4

    energy = each([0.5, 1.0, 3.0, 4.0]).astype(float)
    storage = Storage(
        owner=np.zeros(number, dtype=np.intp),
        energy_kwh=energy,
        charge_power_kw=each([0.25, 1.0, 3.0]).astype(float),
        discharge_power_kw=each([0.0, 0.5, 2.0]).astype(float),
        initial_charge_kwh=energy * each([0.0, 0.5, 1.0]),
        charge_efficiency=each([1.0, 0.9, 0.5]).astype(float),
        discharge_efficiency=each([1.0, 0.9, 0.6]).astype(float),
        degradation_cost_per_kwh=each([0.0, 0.03, 0.1]).astype(float),
        first_step=each([0, 0, n_steps // 2]).astype(np.int64),
        end_step=np.full(number, n_steps, dtype=np.int64),
    )
    unused = of_steps(0, 8) if draw(st.booleans()) else np.zeros(0)
    hours = draw(st.sampled_from([1.0, 0.25]))
    return sg.energy.MemberAgent.of_arrays(of_steps(-8, 8), unused, storage, hours)


AGENTS = member_agents()
ASKED = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.1, 1.0]))


def asked(agent, seed):
    return np.random.default_rng(seed).uniform(-4, 4, len(agent.net_load_kwh))


@drawn(40, 250, AGENTS, ASKED)
def test_an_answer_is_proved_by_two_linear_programs(agent, question):
    # At the slope of the distance nothing that the member can do costs less, and it can do that.
    (seed, rho) = question
    target = asked(agent, seed)
    exchange, own_cost = agent.respond(target, rho), agent.own_cost(target, rho)
    slope = rho * (exchange - target)
    money = np.abs(slope).sum() * (1 + np.abs(exchange).max())
    least = least_cost(agent, price=slope)
    assert own_cost + slope @ exchange == pytest.approx(least, abs=1e-7 * (1e-3 + money))
    # Feasible to the tolerance of HiGHS, 1e-7, of which wear is a part.
    assert own_cost == pytest.approx(least_cost(agent, exchange=exchange), abs=1e-6)


@drawn(40, 300, AGENTS, st.tuples(ASKED, ASKED))
def test_answers_are_those_of_one_convex_cost(agent, questions):
    slopes, answers = [], []
    for seed, rho in questions:
        target = asked(agent, seed)
        answers.append(agent.respond(target, rho))
        slopes.append(rho * (target - answers[-1]))
    rise, move = slopes[1] - slopes[0], answers[1] - answers[0]
    assert rise @ move >= -1e-8 * (np.abs(rise).max() + 1e-3)


@drawn(25, 150, member_agents(max_batteries=1), ASKED)
def test_an_answer_does_not_depend_on_the_unit_of_money(agent, question):
    # Powers of two change no bits.
    (seed, rho), storage = question, agent.storage
    wear = storage.degradation_cost_per_kwh * 64
    dear = Storage(**{**vars(storage), "degradation_cost_per_kwh": wear})
    other = sg.energy.MemberAgent.of_arrays(
        agent.net_load_kwh, agent.unused_kwh, dear, agent.step_hours
    )
    target = asked(agent, seed)
    np.testing.assert_array_equal(other.respond(target, 64 * rho), agent.respond(target, rho))
    assert other.own_cost(target, 64 * rho) == 64 * agent.own_cost(target, rho)


def test_all_at_once_are_each_by_itself():
    agents = [
        sg.energy.MemberAgent.of_arrays(
            np.random.default_rng(seed).uniform(-1, 1, 48), np.zeros(0), storage(seed), 0.5
        )
        for seed in range(7)
    ]
    targets = np.random.default_rng(9).uniform(-3, 3, (7, 48))
    rhos = np.linspace(0.01, 0.5, 7)
    exchange, costs = native_responses(agents, targets, rhos)
    for agent, target, rho, row, cost in zip(agents, targets, rhos, exchange, costs, strict=True):
        np.testing.assert_array_equal(agent.respond(target, rho), row)
        assert agent.own_cost(target, rho) == cost


def storage(seed):
    return Storage(
        owner=np.zeros(1, dtype=np.intp),
        energy_kwh=np.array([2.0 + seed]),
        charge_power_kw=np.array([1.0]),
        discharge_power_kw=np.array([1.5]),
        initial_charge_kwh=np.array([0.5]),
        charge_efficiency=np.array([0.9]),
        discharge_efficiency=np.array([0.95]),
        degradation_cost_per_kwh=np.array([0.01]),
        first_step=np.array([0]),
        end_step=np.array([48]),
    )


def test_the_same_bits_on_one_thread_and_on_two():
    program = """
import numpy as np, sesgame as sg, hashlib
village = sg.energy.Community.from_csv("examples/rural13").period("2016-06-01", "2016-06-02")
found = sg.energy.clear_by_agents(village.agents(), max_rounds=60, tolerance=1e-4)
print(found.price.tobytes().hex(), found.bills.tobytes().hex(), found.rounds)
"""
    one, two = outputs_by_threads(program).values()
    assert one == two
    assert len(one) > 100


def test_an_agent_travels():
    agent = sg.energy.MemberAgent.of_arrays(np.ones(48), np.zeros(0), storage(3), 0.5)
    other = pickle.loads(pickle.dumps(agent))
    assert other == agent
    target = np.linspace(-3, 3, 48)
    np.testing.assert_array_equal(other.respond(target, 0.1), agent.respond(target, 0.1))


STEPS = ["2020-01-01T00:00", "2020-01-01T01:00"]


def battery(owner):
    return sg.energy.Battery(
        owner=owner, energy_kwh=1, power_kw=1, charge_efficiency=0.9, discharge_efficiency=0.9
    )


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        pytest.param((STEPS, [1.0]), {}, r"load_kwh has shape \(1, 1\)", id="steps"),
        pytest.param((STEPS, [1.0, np.nan]), {}, "load_kwh of 'the member' is nan", id="NaN"),
        pytest.param((STEPS, ["a", "b"]), {}, "load_kwh is not an array of numbers", id="text"),
        pytest.param(
            (STEPS, [1.0, 1.0]),
            {"batteries": [battery("ann"), battery("bob")]},
            "owned by 'ann' and 'bob'",
            id="two owners",
        ),
    ],
)
def test_a_member_that_is_none_is_refused(arguments, options, message):
    with pytest.raises(GameError, match=message):
        sg.energy.MemberAgent(*arguments, **options)


@pytest.mark.parametrize(
    ("target", "rho", "message"),
    [
        ([1.0], 0.1, "the target is of 1 steps, not of 2"),
        ([1.0, np.nan], 0.1, r"target\[1\] is NaN"),
        ([1.0, 1.0], 0.0, "rho is 0; it must be positive"),
    ],
)
def test_a_question_that_is_none_is_refused(target, rho, message):
    agent = sg.energy.MemberAgent(STEPS, [1.0, 2.0])
    with pytest.raises(ValueError, match=message):
        agent.respond(np.array(target), rho)
