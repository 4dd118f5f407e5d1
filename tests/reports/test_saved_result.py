"""A result read back from its file: certificates hold there, and only for what is there."""

import json

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import AllocationError, GameError

RULES = {
    "nucleolus": sg.nucleolus,
    "per-capita": sg.per_capita_nucleolus,
    "least core": sg.least_core,
    "nearest": sg.nearest_core_allocation,
    "leximin": sg.leximin_core_allocation,
}


def five(labels=tuple("abcde"), scale=1.0):
    """A game with an empty core."""
    random = np.random.default_rng(3)
    table = np.round(random.uniform(0, 9, 32) * [bin(mask).count("1") ** 1.5 for mask in range(32)])
    return sg.Game.from_table(scale * np.append(0, table[1:]), labels, kind="gain")


def kept(folder, game, rules=RULES):
    allocations = {name: rule(game) for name, rule in rules.items()}
    sg.report(game, allocations, name="five").write(folder, page=False)
    return allocations


@pytest.mark.parametrize(
    "labels", [tuple("abcde"), range(5), [("x", i) for i in range(5)]], ids=str
)
def test_certificates_come_back_as_they_were(tmp_path, labels):
    game = five(labels)
    written = kept(tmp_path, game)
    read = sg.read_result(tmp_path / "result.json", game)
    assert list(read) == list(RULES)
    for rule, allocation in read.items():
        assert allocation.evidence == written[rule].evidence
        assert allocation.evidence.verify(game)
        assert not allocation.evidence.verify(five(labels, scale=1.01))
        assert allocation.values.tobytes() == written[rule].values.tobytes()
        assert allocation.to_dict() == written[rule].to_dict()


def test_a_certificate_of_a_search_comes_back_with_what_it_does_not_prove(tmp_path):
    community = sg.energy.Community.from_csv("examples/rural13").period("2016-06-01", "2016-06-02")
    game, oracle = community.cost_game(), community.separation_oracle()
    rules = {
        "proved": lambda game: sg.least_core(game, oracle=oracle),
        "stopped": lambda game: sg.nucleolus(game, oracle=oracle, max_seconds=0),
    }
    written = kept(tmp_path, game, rules)
    read = sg.read_result(tmp_path / "result.json", game)
    assert {rule: read[rule].evidence for rule in read} == {
        rule: written[rule].evidence for rule in written
    }
    assert read["proved"].evidence.verify(game, oracle).unchecked == ()


def test_a_certificate_has_to_prove_the_shares_beside_it(tmp_path):
    game = five()
    kept(tmp_path, game)
    path = tmp_path / "result.json"
    content = json.loads(path.read_text())
    for rule in content["rules"].values():
        shares = rule["allocation"]["values"]
        shares["a"], shares["b"] = shares["a"] + 0.1, shares["b"] - 0.1
    path.write_text(json.dumps(content))
    for allocation in sg.read_result(path, game).values():
        assert not allocation.evidence.verify(game)


def test_shares_without_a_certificate_come_back_alone(tmp_path):
    game = five()
    written = kept(tmp_path, game, {"shapley": sg.shapley_value})
    read = sg.read_result(tmp_path / "result.json", game)["shapley"]
    assert read.evidence is None
    assert read.values.tobytes() == written["shapley"].values.tobytes()


def test_the_same_sample_gives_the_same_file(tmp_path):
    game = sg.games.airport(np.arange(1.0, 31.0))
    for name in ("first", "second"):
        estimate = sg.shapley_estimate(game, method="pairs", seed=1, max_evaluations=400)
        assert estimate.evidence.trace
        sg.report(game, estimate, oracle=Nobody()).write(tmp_path / name, page=False)
    first, second = ((tmp_path / name / "result.json").read_bytes() for name in ("first", "second"))
    assert first == second


class Nobody:
    """An oracle that names no coalition."""

    def most_violated(self, allocation, count):
        return None


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{}", GameError, "is not the result.json of this version: KeyError"),
        ("[1, 2]", GameError, "is not the result.json"),
        ("no json", GameError, "is not the result.json"),
        ('{"rules": {"x": {"allocation": {"values": []}}}}', GameError, "is not the result.json"),
        (None, GameError, "cannot be read"),
    ],
    ids=str,
)
def test_a_file_that_is_no_result_is_refused(tmp_path, text, error, message):
    if text is not None:
        (tmp_path / "result.json").write_text(text)
    with pytest.raises(error, match=message):
        sg.read_result(tmp_path / "result.json", five())


def test_the_result_of_another_game_is_refused(tmp_path):
    kept(tmp_path, five())
    with pytest.raises(
        AllocationError, match=r'"nucleolus" is no allocation of this gain game: a,'
    ):
        sg.read_result(tmp_path / "result.json", five(tuple("bcdef")))
    costs = sg.Game.from_table(five().tabulate(), list("abcde"), kind="cost")
    with pytest.raises(AllocationError, match="no allocation of this cost game: gains"):
        sg.read_result(tmp_path / "result.json", costs)


def test_a_member_that_nobody_knows_is_refused_in_a_certificate(tmp_path):
    kept(tmp_path, five(), {"nucleolus": sg.nucleolus})
    path = tmp_path / "result.json"
    content = json.loads(path.read_text())
    content["rules"]["nucleolus"]["allocation"]["evidence"]["stages"][0]["coalitions"][0] = ["eve"]
    path.write_text(json.dumps(content))
    with pytest.raises(GameError, match="'\"eve\"'"):
        sg.read_result(path, five())
