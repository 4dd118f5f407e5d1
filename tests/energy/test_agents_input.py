"""Agents that die, are late, or answer what is none: each error names the agent and the round."""

import pickle
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
import sesgame as sg
from fixtures.agents_for_tests import (
    Answers,
    Late,
    OnOff,
    Quadratic,
    finished,
    quadratic_agents,
    two_neighbours,
)
from sesgame.errors import AgentError, GameError

GRID = sg.energy.GridAgent(np.full(3, 0.3), np.full(3, 0.1))


def clear_with(agent, **options):
    others = {"bob": Quadratic(0.03, 0.08, 3.0), "grid": GRID}
    return sg.energy.clear_by_agents({"eve": agent, **others}, progress=False, **options)


WRONG = [
    pytest.param(np.ones(2), r"answered an array of shape \(2,\) instead of \(3,\)", id="short"),
    pytest.param(np.ones((3, 1)), r"answered an array of shape \(3, 1\)", id="column"),
    pytest.param(1.0, r"answered an array of shape \(\)", id="number"),
    pytest.param(np.array([1, np.nan, 1]), "answered nan for step 1", id="NaN"),
    pytest.param(np.array([1, 1, -np.inf]), "answered -inf for step 2", id="infinite"),
    pytest.param(None, "answered NoneType instead of an array of numbers", id="nothing"),
    pytest.param("three", "answered str instead of an array of numbers", id="text"),
    pytest.param(["1", "2", "3"], "answered list instead of an array of numbers", id="texts"),
    pytest.param([True, False, True], "answered list instead of an array", id="flags"),
    pytest.param([[1, 2], [3]], "answered list instead of an array of numbers", id="ragged"),
    pytest.param(ZeroDivisionError("no meter"), "raised ZeroDivisionError: no meter", id="raises"),
    pytest.param(ConnectionResetError("gone"), r"died \(ConnectionResetError: gone\)", id="lost"),
    pytest.param(EOFError(), r"died \(EOFError\)", id="closed"),
]


@pytest.mark.parametrize("way", ["here", "in time", "threads"])
@pytest.mark.parametrize(("answer", "message"), WRONG)
def test_a_wrong_answer_is_named(answer, message, way):
    agent = Answers(answer, in_round=3)
    with ThreadPoolExecutor(2) as threads:
        options = {"here": {}, "in time": {"timeout": 30.0}, "threads": {"executor": threads}}[way]
        with pytest.raises(AgentError, match=f"the agent 'eve' {message}.* in round 3") as caught:
            clear_with(agent, **options)
    assert caught.value.agent == "eve"
    assert caught.value.state.rounds == 2


@pytest.mark.parametrize("way", ["here", "threads", "future"])
def test_whoever_is_late_is_named(way):
    agent = Answers(Future()) if way == "future" else Late(3.0)
    threads = ThreadPoolExecutor(2) if way == "threads" else None
    begun = time.monotonic()
    with pytest.raises(AgentError, match=r"'eve' has not answered within 0\.2 s in round 1"):
        clear_with(agent, timeout=0.2, executor=threads)
    if threads is not None:
        threads.shutdown(wait=False)
    assert time.monotonic() - begun < 2.5


def test_whoever_never_answers_does_not_keep_the_process():
    # In a thread that nobody waits for, here or at the end of Python.
    clear = threading.Event()

    class Never:
        def respond(self, target, rho):
            clear.wait()

    with pytest.raises(AgentError, match=r"has not answered within 0\.1 s"):
        clear_with(Never(), timeout=0.1)
    deaf = [each for each in threading.enumerate() if each.daemon and each.is_alive()]
    clear.set()
    assert deaf


def test_an_own_timeout_of_an_agent_is_not_ours():
    with pytest.raises(AgentError, match="raised TimeoutError"):
        clear_with(Answers(TimeoutError()), timeout=60.0)


def test_a_clearing_goes_on_with_another_agent_in_the_place_of_a_dead_one():
    agents = quadratic_agents()
    dying = {**agents, "eve": Answers(EOFError(), in_round=1)}
    whole = sg.energy.clear_by_agents(agents, n_steps=1, rho=0.2, progress=False)
    with pytest.raises(AgentError) as caught:
        sg.energy.clear_by_agents(dying, n_steps=1, rho=0.2, progress=False)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.agent, str(error), error.state) == ("eve", str(caught.value), caught.value.state)
    rest = sg.energy.clear_by_agents(agents, resume=error.state, progress=False)
    np.testing.assert_array_equal(rest.price, whole.price)


def test_an_integer_decision_is_refused_by_its_answers():
    # Off the price is 0.316, below what the load is worth; on it is 0.355, above that.
    agents = {**quadratic_agents(), "switch": OnOff()}
    with pytest.raises(AgentError, match="'switch' answered as no convex cost does"):
        sg.energy.clear_by_agents(agents, n_steps=1, rho=0.05, progress=False)


def test_an_agent_that_says_it_is_not_convex_is_refused():
    agent = OnOff()
    agent.is_convex = False
    with pytest.raises(GameError, match="the agent 'eve' says that its costs are not convex"):
        clear_with(agent)


def test_agents_may_answer_by_futures_and_lists_of_whole_numbers():
    whole = [1, 2, 1]
    found = [
        clear_with(Answers(answer, before=np.array(whole, dtype=float)))
        for answer in (np.array(whole, dtype=float), whole, finished(np.array(whole)))
    ]
    for each in found:
        np.testing.assert_array_equal(each.bills, found[0].bills)
    assert found[0].untold == ("eve",)
    caveats = found[0].allocation().evidence.caveats(found[0].allocation(), str)
    assert caveats == ["The own cost of {eve} is not known, and taken to be 0."]


@pytest.mark.parametrize(
    ("agents", "options", "message"),
    [
        pytest.param([GRID], {}, "agents must be a mapping", id="list"),
        pytest.param({"grid": GRID}, {}, "at least two agents, got 1", id="one"),
        pytest.param({"a": GRID, "b": GRID}, {}, "every agent is a GridAgent", id="grids"),
        pytest.param({"a": 3, "b": GRID}, {}, "'a' must have a method respond", id="number"),
        pytest.param({"a": OnOff, "b": GRID}, {}, "'a' must have a method respond", id="class"),
        pytest.param(quadratic_agents(), {}, "give n_steps", id="steps"),
        pytest.param(quadratic_agents(), {"n_steps": 0}, "n_steps must be at least 1", id="none"),
        pytest.param(
            {
                "a": sg.energy.MemberAgent(["2020-01-01T00:00", "2020-01-01T01:00"], [1, 1]),
                "b": GRID,
            },
            {},
            "the agent 'a' has 2 steps, and the agent 'b' has 3",
            id="two lengths",
        ),
    ],
)
def test_agents_that_are_none_are_refused(agents, options, message):
    with pytest.raises(GameError, match=message):
        sg.energy.clear_by_agents(agents, progress=False, **options)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, "heavy"])
def test_a_weight_that_is_none_is_refused(weight):
    agent = Quadratic(0.02, 0.1, 1.0)
    agent.weight = weight
    with pytest.raises(GameError, match="the weight of the agent 'eve' must be positive"):
        clear_with(agent)


def test_a_price_scale_that_is_none_is_refused_by_name():
    agent = Quadratic(0.02, 0.1, 1.0)
    agent.price_scale = "cheap"
    with pytest.raises(GameError, match="the price_scale of the agent 'eve' must be a number"):
        clear_with(agent)


def test_an_executor_that_is_none_is_not_laid_to_an_agent():
    with pytest.raises(GameError, match=r"executor must have a method submit\(.*got 3"):
        sg.energy.clear_by_agents(quadratic_agents(), n_steps=1, executor=3, progress=False)


def test_weights_change_the_path_and_not_the_result():
    found = []
    for weight in (1.0, 0.3, 5.0):
        agents = quadratic_agents()
        agents["ann"].weight = weight
        found.append(
            sg.energy.clear_by_agents(agents, n_steps=1, rho=0.05, tolerance=1e-10, progress=False)
        )
    assert len({each.rounds for each in found}) > 1
    for each in found[1:]:
        np.testing.assert_allclose(each.bills, found[0].bills, rtol=1e-8)


def test_no_agent_sees_or_changes_what_another_one_is_asked():
    class Meddles(Quadratic):
        def respond(self, target, rho):
            answer = super().respond(target, rho)
            target[:] = np.nan
            return answer

    agents = quadratic_agents()
    whole = sg.energy.clear_by_agents(agents, n_steps=1, rho=0.2, progress=False)
    agents["ann"] = Meddles(0.02, 0.10, 4.0)
    found = sg.energy.clear_by_agents(agents, n_steps=1, rho=0.2, progress=False)
    np.testing.assert_array_equal(found.price, whole.price)


def test_a_dead_or_interrupted_clearing_leaves_its_state(tmp_path):
    path = tmp_path / "state.json"
    agents = two_neighbours().agents()
    whole = sg.energy.clear_by_agents(agents, progress=False)

    class Interrupted:
        def __init__(self, agent):
            self.agent, self.rounds = agent, 0

        def respond(self, target, rho):
            self.rounds += 1
            if self.rounds == 31:
                raise KeyboardInterrupt
            return self.agent.respond(target, rho)

    stopped = {**agents, "b": Interrupted(agents["b"])}
    with pytest.raises(KeyboardInterrupt):
        sg.energy.clear_by_agents(stopped, checkpoint=path, progress=False)
    state = sg.energy.ClearingState.load(path)
    assert state.rounds == 30
    rest = sg.energy.clear_by_agents(agents, resume=path, progress=False)
    np.testing.assert_array_equal(rest.price, whole.price)
