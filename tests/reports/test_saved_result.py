"""A result read back from its file: certificates hold there, and only for what is there."""

import json

import numpy as np
import pytest
import sesgame as sg
from reference.separation_oracles import Enumeration
from sesgame.errors import AllocationError, GameError
from sesgame.files.json_text import plain
from sesgame.game.precision import equal_amounts

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


def four():
    """A game with a core."""
    table = [0, 3, 4, 11, 2, 8, 9, 20, 1, 6, 7, 15, 5, 12, 13, 30]
    return sg.Game.from_table(table, list("abcd"), kind="gain")


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
        assert allocation.rule == written[rule].rule
        assert allocation.tolerance >= equal_amounts(game) > 0


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
    with pytest.raises(GameError, match=r"^rules.nucleolus.audit is not that of the shares: "):
        sg.read_result(path, game)
    for name, rule in content["rules"].items():
        shares = rule["allocation"]["values"]
        given = sg.Allocation(game.players, list(shares.values()), kind="gain", method=name)
        report = sg.report(game, {name: given})
        rule["audit"] = {**plain(report.audits[name]), "method": rule["allocation"]["method"]}
        rule["bills"] = dict(zip(shares, map(str, report.bills[name]), strict=True))
        rule["allocation"]["total"] = given.total
    path.write_text(json.dumps(content))
    for allocation in sg.read_result(path, game).values():
        assert allocation.evidence.verify(game).state == "refuted"
    lie = content["rules"]["leximin"]["bills"]
    lie["a"], lie["b"] = lie["b"], lie["a"]
    path.write_text(json.dumps(content))
    with pytest.raises(GameError, match=r"^rules.leximin.bills.a is not the share to the cent"):
        sg.read_result(path, game)


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
    ("content", "message"),
    [
        pytest.param(b"", "is no JSON", id="empty"),
        pytest.param(b"no json", "is no JSON", id="no JSON"),
        pytest.param(b"\xff\xfe{}", "is no text in UTF-8", id="no UTF-8"),
        pytest.param(b"{}", "has the format None; this version reads .* format 1", id="no format"),
        pytest.param(b"[1, 2]", "has the format None", id="list"),
        pytest.param(b'{"format": 2}', "has the format 2", id="later format"),
        pytest.param(b'{"format": true}', "has the format True", id="format of another type"),
        pytest.param(b'{"format": 1}', "the file has no sesgame", id="only the format"),
        pytest.param(b'{"format": 1, "format": 1}', "'format' is there twice", id="key twice"),
        pytest.param(b'{"format": NaN}', "NaN is no number of JSON", id="NaN"),
        pytest.param(b'{"format": -Infinity}', "-Infinity is no number", id="infinity"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        pytest.param(b'{"format": ' + b"[" * 500 + b"]" * 500 + b"}", "format list", id="list of"),
        pytest.param(b'{"format": 1' + b"0" * 10_000 + b"}", "is no JSON", id="very many digits"),
        pytest.param(None, "cannot be read", id="no file"),
    ],
)
def test_a_file_that_is_no_result_is_refused(tmp_path, content, message):
    path = tmp_path / "result.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GameError, match=message):
        sg.read_result(path, five())


def test_the_result_of_another_game_is_refused(tmp_path):
    kept(tmp_path, five())
    with pytest.raises(AllocationError, match=r"game is not this gain game: a, f"):
        sg.read_result(tmp_path / "result.json", five(tuple("bcdef")))
    costs = sg.Game.from_table(five().tabulate(), list("abcde"), kind="cost")
    with pytest.raises(AllocationError, match="game is not this cost game: gains"):
        sg.read_result(tmp_path / "result.json", costs)
    with pytest.raises(GameError, match=r"game.alone.a is .*, but that is worth"):
        sg.read_result(tmp_path / "result.json", five(scale=2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda a: a["evidence"]["stages"][0]["coalitions"].__setitem__(0, ["eve"]),
            r"evidence.stages\[0\].coalitions\[0\]\[0\] must be a player of the game, not \"eve\"",
            id="nobody",
        ),
        pytest.param(
            lambda a: a["evidence"]["stages"][0].__setitem__("excess", None),
            r"evidence.stages\[0\].excess must be a number, not null",
            id="null",
        ),
        pytest.param(
            lambda a: a["evidence"]["stages"][0].__setitem__("excess", True),
            r"evidence.stages\[0\].excess must be a number, not true",
            id="bool",
        ),
        pytest.param(
            lambda a: a["evidence"].__setitem__("tolerance", 100.0),
            r"evidence has the unknown field 'tolerance'",
            id="tolerance",
        ),
        pytest.param(
            lambda a: a["evidence"].pop("stages"), r"evidence has no stages", id="no stages"
        ),
        pytest.param(
            lambda a: a["evidence"].__setitem__("stages", {}),
            r"evidence.stages must be a list, not {}",
            id="container",
        ),
        pytest.param(
            lambda a: a["evidence"].__setitem__("kind", "Proof"),
            r"evidence.kind names no kind of evidence: 'Proof'",
            id="kind",
        ),
        pytest.param(
            lambda a: a["values"].__setitem__("a", 10**400), r"values.a must be a finite", id="huge"
        ),
        pytest.param(
            lambda a: a.__setitem__("evidence", None), r"there is no certificate", id="none"
        ),
        pytest.param(
            lambda a: a.__setitem__("method", "prenucleolus"),
            r"method is 'prenucleolus', but the evidence is of 'nucleolus'",
            id="method",
        ),
        pytest.param(
            lambda a: a.__setitem__("rule", "per-capita-nucleolus"),
            r"evidence is of another concept",
            id="rule",
        ),
        pytest.param(
            lambda a: a["evidence"].__setitem__("per_capita", True),
            r"evidence is of another concept",
            id="flag",
        ),
        pytest.param(
            lambda a: a.__setitem__("rule", None), r"no rule is said to have made it", id="no rule"
        ),
        pytest.param(lambda a: a.__setitem__("total", 1.0), r"total is 1.0, not", id="total"),
    ],
)
def test_a_field_that_cannot_be_is_named(tmp_path, change, message):
    game = four()
    kept(tmp_path, game, {"nucleolus": sg.nucleolus})
    path = tmp_path / "result.json"
    content = json.loads(path.read_text())
    change(content["rules"]["nucleolus"]["allocation"])
    path.write_text(json.dumps(content))
    with pytest.raises(GameError, match=r"^rules.nucleolus.allocation.*" + message):
        sg.read_result(path, game)


def test_a_search_that_proved_less_is_refused_under_the_name_of_one_that_proved_all(tmp_path):
    game = four()
    oracle = Enumeration(game)
    kept(tmp_path, game, {"nucleolus": lambda game: sg.nucleolus(game, oracle=oracle)})
    path = tmp_path / "result.json"
    content = json.loads(path.read_text())
    content["rules"]["nucleolus"]["allocation"]["evidence"]["proved"] = False
    path.write_text(json.dumps(content))
    with pytest.raises(GameError, match=r"but the evidence is of 'nucleolus \(not proved\)'"):
        sg.read_result(path, game)


def test_players_of_the_same_text_are_refused_when_a_result_is_written(tmp_path):
    game = sg.Game.from_table([0, 1, 2, 5], players=[1, "1"], kind="gain")
    report = sg.report(game, sg.shapley_value(game))
    with pytest.raises(GameError, match="the players 1 and '1' have the same text"):
        report.write(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(GameError, match="the same text"):
        sg.shapley_value(game).to_dict()


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_the_result_of_one_player_and_of_a_game_without_a_table_come_back(tmp_path, kind):
    one = sg.Game.from_dict({("ann",): 4.0}, kind=kind)
    kept(tmp_path / "one", one, {"nucleolus": sg.nucleolus, "shapley": sg.shapley_value})
    read = sg.read_result(tmp_path / "one/result.json", one)
    assert read["nucleolus"].evidence.verify(one).holds
    power = 2.0 if kind == "gain" else 0.5  # so that all gain together
    many = sg.Game.from_function(range(40), lambda s: float(len(s)) ** power, kind=kind)
    report = sg.report(many, {"gately": sg.gately_point(many)}, oracle=Nobody())
    report.write(tmp_path / "many", page=False)
    path = tmp_path / "many/result.json"
    assert list(sg.read_result(path, many)) == ["gately"]
    content = json.loads(path.read_text())
    content["rules"]["gately"]["audit"]["worst_coalition_excess"] += 1.0
    path.write_text(json.dumps(content))
    with pytest.raises(GameError, match=r"^rules.gately.audit is not that of the shares: worst_co"):
        sg.read_result(path, many)


def test_an_audit_does_not_widen_by_what_an_allocation_says_of_itself():
    game = four()
    loose = sg.Allocation(game.players, np.zeros(4), kind="gain", method="x", tolerance=1e9)
    assert not sg.audit(game, loose).efficient
    assert not sg.core_check(game, loose)
