"""What a coordinator sees: each exchange, or with masks nothing but sums."""

import numpy as np
import pytest
import sesgame as sg
from fixtures.agents_for_tests import two_neighbours
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.energy.agents.masked_sums import summed_energy, sums_to
from sesgame.errors import AgentError, GameError

clear = sg.energy.clear_by_agents


class Seen:
    """A proxy that notes all that passes between a coordinator and an agent."""

    def __init__(self, agent):
        self._agent, self.passed = agent, []
        self.weight = getattr(agent, "weight", 1.0)

    def __getattr__(self, name):
        method = getattr(self._agent, name)
        if not callable(method):
            return method

        def call(*arguments):
            answer = method(*arguments)
            self.passed.append((name, arguments, answer))
            return answer

        return call


def test_without_masks_a_coordinator_sees_tentative_exchanges_and_nothing_else():
    agents = two_neighbours().agents()
    seen = {label: Seen(agents[label]) for label in ("a", "b")}
    found = clear({**seen, "grid": agents["grid"]}, progress=False)
    for number, label in enumerate(("a", "b")):
        names = [name for name, _, _ in seen[label].passed]
        # One answer a round, one more at the end, and one number: no load, no battery, no cost
        # function.
        assert names == ["respond"] * (found.rounds + 1) + ["own_cost"]
        *rounds, (_, _, cost) = seen[label].passed
        assert all(answer.shape == (6,) for _, _, answer in rounds)
        np.testing.assert_array_equal(rounds[-2][2], found.exchange[number])
        assert cost == 0.0
        # An agent is told a target and rho, from which it learns what is out of balance.
        assert {len(arguments) for _, arguments, _ in rounds} == {2}


def masked(agents, **options):
    labels = [label for label in agents if label != "grid"]
    shared = sg.energy.masking_secrets(labels)
    return {
        label: Seen(sg.energy.MaskedAgent(label, agents[label], shared[label], **options))
        for label in labels
    }


def test_with_masks_a_coordinator_sees_words_that_say_nothing_but_in_sum():
    agents = two_neighbours().agents()
    seen = masked(agents)
    found = clear({**seen, "grid": agents["grid"]}, mask=True, progress=False)
    assert found.exchange is None
    assert found.state.balanced_kwh.shape == (1, 6)  # that of the grid
    messages = {
        label: [answer for name, _, answer in each.passed if name == "masked_exchange"]
        for label, each in seen.items()
    }
    assert len(messages["a"]) == found.rounds
    sums = [summed_energy(sums_to(pair, 6)) for pair in zip(*messages.values(), strict=True)]
    np.testing.assert_allclose(sums[-1], found.outside_kwh)
    # b answers its net load in every round; what is sent for it never looks alike, nor small.
    words = np.array(messages["b"])
    assert len(np.unique(words)) == words.size
    bits = np.unpackbits(words.view(np.uint8))
    # 158 rounds of 6 words: a fair coin is within 5 standard deviations but once in two millions.
    assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)
    known = {"masked_exchange": (6,), "masked_squares": (4,)}
    for each in seen.values():
        *rounds, (name, _, bill) = each.passed
        assert name == "bill"
        assert len(bill) == 2
        assert all(answer.dtype == np.uint64 for _, _, answer in rounds)
        assert all(answer.shape == known[name] for name, _, answer in rounds)


@pytest.mark.parametrize("relaxation", [1.0, 1.5])
def test_masks_change_the_result_by_their_resolution_only(relaxation):
    community = two_neighbours()
    found = clear(community.agents(), mask=True, relaxation=relaxation, progress=False)
    assert found.converged
    np.testing.assert_allclose(found.bills, [0.717, 2.9415], atol=2e-5)
    np.testing.assert_allclose(found.cost, 3.6585, atol=2e-5)
    assert found.allocation().evidence.arrangement == found.cost


@drawn(
    30,
    300,
    st.lists(
        st.lists(st.integers(-(10**9), 10**9), min_size=3, max_size=3), min_size=2, max_size=6
    ),
)
def test_the_sum_of_masked_words_is_that_of_what_is_meant(rows):
    labels = [*range(len(rows))]
    shared = sg.energy.masking_secrets(labels)

    class Fixed:
        def __init__(self, row):
            self.row = np.array(row) * 1e-6

        def respond(self, target, rho):
            return self.row

    agents = [sg.energy.MaskedAgent(k, Fixed(row), shared[k]) for k, row in enumerate(rows)]
    for _ in range(2):  # each message has other masks
        total = sums_to([each.masked_exchange(np.zeros(3), 1.0) for each in agents], 3)
        assert total.view(np.int64).tolist() == np.sum(rows, axis=0).tolist()


def test_a_masked_clearing_goes_on_with_the_agents_that_kept_their_state():
    agents = two_neighbours().agents()
    seen = {**masked(agents), "grid": agents["grid"]}
    with pytest.warns(sg.errors.NotConvergedWarning):
        part = clear(seen, mask=True, max_rounds=40, progress=False)
    rest = clear(seen, mask=True, resume=part.state, progress=False)
    whole = clear(agents, mask=True, progress=False)
    np.testing.assert_array_equal(rest.price, whole.price)


def test_a_clearing_whose_agents_are_masked_here_does_not_go_on():
    # Its members' part of the state is gone with them.
    agents = two_neighbours().agents()
    with pytest.warns(sg.errors.NotConvergedWarning):
        part = clear(agents, mask=True, max_rounds=40, progress=False)
    with pytest.raises(GameError, match="begin anew in each clearing"):
        clear(agents, mask=True, resume=part.state, progress=False)


def test_agents_that_are_out_of_step_are_found_out():
    agents = two_neighbours().agents()
    seen = masked(agents)
    seen["a"].masked_exchange(np.zeros(6), 1.0)
    with pytest.raises(AgentError, match="the masks do not cancel in round 1"):
        clear({**seen, "grid": agents["grid"]}, mask=True, progress=False)


def test_an_agent_that_answers_no_words_is_named():
    class Bad:
        def masked_exchange(self, scaled_price, rho):
            return np.zeros(3)

    agents = two_neighbours().agents()
    with pytest.raises(
        AgentError, match=r"'a' answered float64 of shape \(3,\) instead of 6 words"
    ):
        clear({"a": Bad(), "b": Bad(), "grid": agents["grid"]}, mask=True, progress=False)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        pytest.param({}, {"mask": False}, "mask=True is needed", id="no mask"),
        pytest.param({"b": None}, {"mask": True}, "'b' does not mask what it sends", id="mixed"),
    ],
)
def test_mixtures_are_refused(change, options, message):
    agents = two_neighbours().agents()
    seen = {**masked(agents), "grid": agents["grid"], **{label: agents[label] for label in change}}
    with pytest.raises(GameError, match=message):
        clear(seen, progress=False, **options)


def test_what_no_mask_hides_or_no_executor_keeps_is_refused():
    agents = two_neighbours().agents()
    alone = {label: agents[label] for label in ("a", "grid")}
    with pytest.raises(GameError, match="the sum of one member is what it exchanges"):
        clear(alone, mask=True, progress=False)

    class Executor:
        def submit(self, function, *arguments):
            raise AssertionError

    with pytest.raises(GameError, match="which an executor would lose"):
        clear(agents, mask=True, executor=Executor(), progress=False)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("a", None, {"b": b"x" * 32}), {}, "'a' must be an agent"),
        (("a", "agent", {}), {}, "'a' shares no secrets with others"),
        (("a", "agent", {"b": b"short"}), {}, "the secret of 'a' and 'b' must be at least 16"),
        (("a", "agent", {"b": "text"}), {}, "the secret of 'a' and 'b' must be at least 16"),
        (("a", "agent", {"b": b"x" * 32}), {"relaxation": 2.0}, "relaxation must be above 0"),
    ],
)
def test_a_masked_agent_that_is_none_is_refused(arguments, options, message):
    agent = two_neighbours().agents()["b"]
    given = [agent if each == "agent" else each for each in arguments]
    with pytest.raises(GameError, match=message):
        sg.energy.MaskedAgent(*given, **options)


@pytest.mark.parametrize("labels", [["a"], ["a", "a"], []])
def test_secrets_are_for_two_or_more(labels):
    with pytest.raises(GameError, match="masks are for two agents or more, each once"):
        sg.energy.masking_secrets(labels)


def test_more_than_a_word_holds_is_named():
    class Much:
        def respond(self, target, rho):
            return np.full(len(target), 1e10)

    agent = sg.energy.MaskedAgent("a", Much(), {"b": b"x" * 32})
    with pytest.raises(ValueError, match=r"'a' exchanges more than 4\.5036e"):
        agent.masked_exchange(np.zeros(2), 1.0)
