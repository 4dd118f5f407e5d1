"""Agents that live elsewhere: in two processes with their own meters, on executors, on Dask."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import sesgame as sg
from fixtures.agents_for_tests import Answers, RemoteAgent, quadratic_agents, two_neighbours
from sesgame.errors import AgentError

SPAWN = multiprocessing.get_context("spawn")
SECONDS = 60.0
"""In which a process on a busy machine has answered."""


@pytest.fixture
def neighbours():
    """The two of the worked example, each in a process that alone has its meter."""
    community = two_neighbours()
    remote = {
        label: RemoteAgent(load, pv, energy)
        for label, load, pv, energy in zip(
            "ab", community.load_kwh, community.pv_kwh, (4.0, 0.0), strict=True
        )
    }
    yield {**remote, "grid": community.agents()["grid"]}
    for each in remote.values():
        each.close()


def test_two_processes_find_the_prices_of_one(neighbours):
    found = sg.energy.clear_by_agents(neighbours, timeout=SECONDS, progress=False)
    here = sg.energy.clear_by_agents(two_neighbours().agents(), progress=False)
    np.testing.assert_array_equal(found.price, here.price)
    np.testing.assert_array_equal(found.exchange, here.exchange)
    np.testing.assert_allclose(found.bills, [0.717, 2.9415], atol=5e-6)


def test_one_that_dies_is_named_and_another_one_goes_on(neighbours):
    class Dying:
        def __init__(self, agent):
            self.agent, self.rounds = agent, 0

        def respond(self, target, rho):
            self.rounds += 1
            if self.rounds == 21:
                self.agent.connection.send(("die",))
            return self.agent.respond(target, rho)

    dying = {**neighbours, "b": Dying(neighbours["b"])}
    with pytest.raises(AgentError, match=r"the agent 'b' died \(\w+.*\) in round 21") as caught:
        sg.energy.clear_by_agents(dying, timeout=SECONDS, progress=False)
    assert caught.value.state.rounds == 20
    agents = two_neighbours().agents()
    rest = sg.energy.clear_by_agents(agents, resume=caught.value.state, progress=False)
    whole = sg.energy.clear_by_agents(agents, progress=False)
    np.testing.assert_array_equal(rest.price, whole.price)


def test_one_that_never_answers_is_named():
    agents = two_neighbours().agents()

    class Deaf:
        def respond(self, target, rho):
            return Waits()

    class Waits:
        def __init__(self):
            self.ours, self.theirs = SPAWN.Pipe()

        def result(self, timeout=None):
            if not self.ours.poll(timeout):
                raise TimeoutError
            raise AssertionError

    with pytest.raises(AgentError, match=r"'b' has not answered within 0\.3 s in round 1"):
        sg.energy.clear_by_agents({**agents, "b": Deaf()}, timeout=0.3, progress=False)


def test_every_executor_gives_the_same_bits(executor):
    agents = two_neighbours().agents()
    with pytest.warns(sg.errors.NotConvergedWarning):
        found = sg.energy.clear_by_agents(agents, executor=executor, max_rounds=12, progress=False)
    with pytest.warns(sg.errors.NotConvergedWarning):
        here = sg.energy.clear_by_agents(agents, max_rounds=12, progress=False)
    np.testing.assert_array_equal(found.price, here.price)
    np.testing.assert_array_equal(found.bills, here.bills)


def test_a_worker_that_dies_ends_the_clearing_with_a_name_and_its_state():
    agents = {**quadratic_agents(), "eve": Answers("exit")}
    with (
        ProcessPoolExecutor(1, SPAWN) as pool,
        pytest.raises(AgentError, match="another one in its executor died") as caught,
    ):
        sg.energy.clear_by_agents(agents, n_steps=1, executor=pool, progress=False)
    assert caught.value.state.rounds == 0
    assert caught.value.agent in agents


def test_an_executor_that_is_closed_is_told():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(AgentError, match="'ann' raised RuntimeError: cannot schedule"):
        sg.energy.clear_by_agents(quadratic_agents(), n_steps=1, executor=pool, progress=False)


def test_dask_actors_are_agents_that_keep_their_meters(dask_client):
    agents = two_neighbours().agents()
    actors = {
        label: dask_client.submit(
            sg.energy.MemberAgent.of_arrays, *arrays(agents[label]), actor=True
        ).result()
        for label in ("a", "b")
    }
    with pytest.warns(sg.errors.NotConvergedWarning):
        found = sg.energy.clear_by_agents(
            {**actors, "grid": agents["grid"]}, timeout=SECONDS, max_rounds=12, progress=False
        )
    with pytest.warns(sg.errors.NotConvergedWarning):
        here = sg.energy.clear_by_agents(agents, max_rounds=12, progress=False)
    np.testing.assert_array_equal(found.price, here.price)
    np.testing.assert_array_equal(found.own_costs, here.own_costs)


def arrays(agent):
    return agent.net_load_kwh, agent.unused_kwh, agent.storage, agent.step_hours
