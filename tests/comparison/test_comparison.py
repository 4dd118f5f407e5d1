"""Rules side by side: every figure against enumeration, and every failure in its row."""

import csv
import io
import json
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.catalogue import RULES, comparable_rules
from sesgame.errors import AllocationError, GameError, SesgameError
from sesgame.evidence import CostBasis, CostTerms
from sesgame.game.allocation import Evidence
from sesgame.rule import AllocationProblem

GLOVES = {("l",): 0, ("r",): 0, ("s",): 0, ("l", "r"): 1, ("l", "s"): 1, ("r", "s"): 0}


def glove_game():
    """One left and two right gloves: the core is the single point (1, 0, 0)."""
    return sg.Game.from_dict({**GLOVES, ("l", "r", "s"): 1}, kind="gain")


def shares_of(game, values, method="by hand"):
    return sg.Allocation(game.players, values, game.kind, method)


@st.composite
def games_with_shares(draw):
    n_players = draw(st.integers(2, 5))
    integers = st.integers(-50, 50)
    values = draw(st.lists(integers, min_size=(1 << n_players) - 1, max_size=(1 << n_players) - 1))
    shares = draw(st.lists(integers, min_size=n_players, max_size=n_players))
    return [0, *values], shares, draw(st.sampled_from(["gain", "cost"]))


@given(games_with_shares())
def test_every_figure_of_a_row_is_that_of_exact_enumeration(case):
    table, shares, kind = case
    n = len(shares)
    sign = 1 if kind == "gain" else -1
    savings = [Fraction(sign * (shares[i] - table[1 << i])) for i in range(n)]
    excess = {
        mask: sign * (table[mask] - sum(shares[i] for i in range(n) if mask >> i & 1))
        for mask in range(1, len(table) - 1)
    }
    game = sg.Game.from_table(table, kind=kind)
    row = sg.compare(game, [shares_of(game, shares)])["by hand"].figures()
    assert row["efficiency_gap"] == sum(shares) - table[-1]
    assert row["budget_balance"] == -sign * (sum(shares) - table[-1])
    assert row["efficient"] == (sum(shares) == table[-1])
    assert row["worst_member_excess"] == -min(savings)
    assert row["individually_rational"] == (min(savings) >= 0)
    assert row["worst_coalition_excess"] == max(excess.values())
    assert row["in_core"] == (row["efficient"] and max(excess.values()) <= 0)
    assert row["least_saving"] == min(savings)
    assert row["greatest_saving"] == max(savings)
    mean = sum(savings) / n
    assert row["mean_saving"] == pytest.approx(float(mean))
    variance = sum((saving - mean) ** 2 for saving in savings) / n
    assert row["deviation_of_savings"] == pytest.approx(float(variance) ** 0.5)
    if min(savings) < 0 or not any(savings):
        assert row["gini_of_savings"] is None
    else:
        differences = sum(abs(a - b) for a in savings for b in savings)
        gini = differences / (2 * n * sum(savings))
        assert row["gini_of_savings"] == pytest.approx(float(gini), abs=1e-12)


def test_the_gini_coefficient_is_0_for_equal_savings_and_largest_where_one_has_everything():
    game = sg.Game.from_table([0, 0, 0, 0, 0, 0, 0, 9], kind="gain")
    comparison = sg.compare(
        game, {"equal": shares_of(game, [3, 3, 3]), "one": shares_of(game, [0, 9, 0])}
    )
    assert comparison["equal"].gini_of_savings == 0
    assert comparison["one"].gini_of_savings == pytest.approx(1 - 1 / 3)


def test_every_rule_is_solved_as_by_its_own_function():
    game = glove_game()
    comparison = sg.compare(game)
    assert [row.rule for row in comparison.rows] == comparable_rules(AllocationProblem(game))
    for rule, solution in (("shapley", sg.shapley_value), ("nucleolus", sg.nucleolus)):
        row = comparison[rule]
        assert row.allocation.values.tolist() == solution(game).values.tolist()
        assert row.audit == sg.audit(game, solution(game))
        assert row.seconds > 0
        assert row.evaluations == 7
    assert comparison["vcg"].evaluations == 4
    assert comparison["vcg"].budget_balance == pytest.approx(0.0)
    assert comparison.table_seconds > 0


def test_what_vcg_pays_more_than_there_is_is_the_deficit():
    game = sg.Game.from_dict({("a",): 40, ("b",): 30, ("a", "b"): 50}, kind="cost")
    row = sg.compare(game, ["vcg"])["vcg"]
    assert row.budget_balance == -sg.vcg_payments(game).evidence.deficit == -20


@dataclass(frozen=True)
class OwnArrangement(Evidence):
    """Of a rule that does not find the optimum of all together."""

    worth: float
    of: CostBasis | None = None
    keeper: str = ""

    @property
    def arrangement(self):
        return self.worth

    @property
    def basis(self):
        return self.of

    @property
    def residual_claimant(self):
        return self.keeper


TERMS = CostTerms("June 2016", "each at the tariff", "nothing is bought")


@pytest.mark.parametrize(("kind", "sign"), [("cost", 1), ("gain", -1)])
def test_what_is_lost_is_that_of_the_rules_own_arrangement(kind, sign):
    game = sg.Game.from_table([0, 40 * sign, 30 * sign, 50 * sign], ["a", "b"], kind=kind)

    def of_own_arrangement(a, b):
        evidence = OwnArrangement(56.0 * sign, CostBasis.of(game, TERMS))
        return sg.Allocation(game.players, [a * sign, b * sign], kind, "key", 0.0, evidence)

    keys = {
        "exact": of_own_arrangement(33, 23),
        "short": of_own_arrangement(30, 20),
        "optimal": shares_of(game, [28 * sign, 22 * sign]),
    }
    rows = sg.compare(game, keys)
    assert [rows[rule].paid * sign for rule in keys] == [56, 50, 50]
    assert [rows[rule].lost for rule in keys] == [6, 6, 0]
    assert [rows[rule].efficient for rule in keys] == [True, False, True]
    # Collected less than its arrangement costs; as gains, handed out more than it brings.
    assert [rows[rule].budget_balance for rule in keys] == [0, -6, 0]
    figures = rows["exact"].figures()
    assert (figures["paid"], figures["lost_against_optimum"]) == (56 * sign, 6)
    assert str(rows).splitlines()[1] == str(TERMS)
    head, exact = str(rows).splitlines()[3:5]
    assert head.split()[:3] == ["rule", "paid", "lost"]
    assert exact.split()[:4] == ["exact", f"{56 * sign}", "6", "yes"]


def test_why_no_rule_is_in_the_core_stands_below_the_table():
    majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], ["a", "b", "c"], kind="gain")
    comparison = sg.compare(majority, ["shapley", "nucleolus"])
    assert comparison.obstacle.name == "balanced"
    assert "No rule can content every group: the core is empty" in str(comparison)
    assert "No rule can content every group" in comparison._repr_html_()
    assert comparison.to_dict()["obstacle"]["coalitions"] == [["a", "b"], ["a", "c"], ["b", "c"]]


def test_where_there_is_a_core_a_rule_may_miss_it_only_if_the_game_is_not_convex():
    comparison = sg.compare(glove_game(), ["shapley", "nucleolus"])
    assert comparison.obstacle.name == "convex"
    assert "may miss it" in str(comparison)
    assert sg.compare(glove_game(), ["nucleolus"]).obstacle is None


def test_a_rule_that_fails_has_its_row_with_the_reason_and_the_others_stay():
    comparison = sg.compare(glove_game(), ["owen", "shapley"])
    assert comparison["owen"].allocation is None
    assert "is for communities" in comparison["owen"].failure
    assert comparison["shapley"].audit.efficient
    assert str(comparison).splitlines()[3].split() == ["owen", *["-"] * 12]
    assert "owen: the rule" in str(comparison)
    assert comparison["owen"].figures()["efficient"] is None


def test_all_stands_for_every_rule():
    comparison = sg.compare(glove_game(), ["all"])
    assert [row.rule for row in comparison.rows] == list(RULES)
    failed = {row.rule for row in comparison.rows if row.failure}
    assert failed == {
        rule.name
        for rule in RULES.values()
        if rule.worlds or any(option.required for option in rule.options)
    } | {"proportional"}
    # Gloves are worth nothing alone, and nothing is in proportion to that.
    assert "all are 0" in comparison["proportional"].failure


def test_beyond_a_table_and_without_an_oracle_nothing_is_said_of_the_core():
    players = range(40)
    game = sg.Game.from_function(players, lambda group: float(len(group)) ** 2, kind="gain")
    equal = shares_of(game, [40.0] * 40, "equal")
    comparison = sg.compare(game, [equal, "nucleolus", "vcg"])
    assert comparison.table_seconds is None
    row = comparison["equal"]
    assert row.audit.efficient
    assert row.audit.individually_rational
    assert row.audit.in_core is None
    assert row.figures()["excess_bound"] is None
    assert "not proved" in str(comparison).splitlines()[3]
    assert "choose from shapley-estimate, nash-bargaining" in comparison["nucleolus"].failure
    assert comparison["vcg"].audit.in_core is False
    assert [row.rule for row in sg.compare(game).rows] == [
        "shapley-estimate",
        "vcg",
        "equal-surplus",
        "equal-non-separable",
        "gately-point",
        "proportional",
    ]


class Everyone:
    """An exact oracle that looks at all coalitions of a small game."""

    exact = True

    def __init__(self, game):
        rows = np.arange(1, 2**game.n_players - 1)[:, np.newaxis] >> np.arange(game.n_players) & 1
        self.rows = rows.astype(bool)
        self.values = game.values(self.rows)

    def most_violated(self, allocation, count):
        worst = int((self.values - self.rows @ allocation).argmax())
        return self.rows[[worst]], self.values[[worst]]


def test_an_oracle_takes_the_place_of_the_table():
    game = glove_game()
    comparison = sg.compare(game, ["least-core", "shapley"], oracle=Everyone(game))
    assert comparison["least-core"].audit.in_core
    effort = comparison["least-core"].allocation.evidence.effort
    assert comparison["least-core"].evaluations == effort.evaluations
    assert effort.evaluations == 7 + effort.oracle_calls
    assert "looks at every coalition of 3 members" in comparison["shapley"].failure


def test_a_least_core_that_nobody_proves_is_said_to_be_unproved():
    game = glove_game()
    heuristic = Everyone(game)
    heuristic.exact = False
    text = str(sg.compare(game, ["least-core"], oracle=heuristic))
    assert "least-core: not certified (the oracle does not prove" in text
    assert "not certified" not in str(sg.compare(game, ["least-core"], oracle=Everyone(game)))


def test_allocations_of_one_name_are_told_apart():
    game = glove_game()
    comparison = sg.compare(
        game, [shares_of(game, [1, 0, 0]), shares_of(game, [0, 1, 0]), "vcg", "vcg"]
    )
    assert [row.rule for row in comparison.rows] == ["by hand", "by hand (2)", "vcg"]
    assert comparison["by hand"].audit.in_core
    assert not comparison["by hand (2)"].audit.in_core
    assert comparison["by hand"].seconds is None
    with pytest.raises(KeyError, match="'fair' is not compared; the rules are by hand, "):
        comparison["fair"]


def test_a_comparison_is_the_same_as_table_csv_json_and_frame(tmp_path):
    game = glove_game()
    comparison = sg.compare(game, [shares_of(game, [2 / 3, 1 / 6, 1 / 6], "fair"), "vcg"])
    text = comparison.to_csv(tmp_path / "rules.csv")
    assert (tmp_path / "rules.csv").read_text() == text
    fair, vcg = csv.DictReader(io.StringIO(text))
    assert fair["worst_coalition"] == "l+r"
    assert float(fair["worst_coalition_excess"]) == comparison.audits[0].worst_coalition_excess
    assert fair["in_core"] == "False"
    assert fair["seconds"] == ""
    assert float(vcg["least_saving"]) == 0
    frame = comparison.to_pandas()
    assert list(frame.index) == ["fair", "vcg"]
    assert frame["worst_coalition"]["fair"] == ["l", "r"]
    content = json.loads(comparison.to_json(tmp_path / "rules.json"))
    assert content == json.loads((tmp_path / "rules.json").read_text()) == comparison.to_dict()
    assert content["rules"]["fair"]["values"] == {"l": 2 / 3, "r": 1 / 6, "s": 1 / 6}
    assert content["together"] == 1
    with pytest.raises(SesgameError, match="cannot be written: Is a directory"):
        comparison.to_csv(tmp_path)


def test_a_single_player_has_no_figure_that_json_does_not_know():
    comparison = sg.compare(sg.Game.from_table([0, 5], ["ann"], kind="cost"))
    row = json.loads(comparison.to_json())["rules"]["shapley"]
    assert row["worst_coalition_excess"] is None
    assert row["worst_coalition"] == []
    assert str(comparison)


def test_a_community_is_compared_in_its_currency():
    community = sg.energy.Community.from_csv("examples/rural13")
    day = community.period("2016-06-01", "2016-06-02")
    comparison = sg.compare(day, ["owen", "nucleolus"], model="netting")
    game = day.cost_game(model="netting")
    assert comparison.unit == "EUR"
    assert comparison.together == game.value(day.members)
    assert comparison["owen"].evaluations == 1
    owen = sg.owen_allocation(day, model="netting")
    alone = [game.value([member]) for member in day.members]
    assert comparison["owen"].savings == pytest.approx(alone - owen.values)
    assert "amounts in EUR" in str(comparison)


def test_savings_are_measured_against_the_baseline_and_verdicts_against_standing_alone(tmp_path):
    game = sg.games.airport([12, 20, 33], players=["ann", "bob", "eve"])
    law = shares_of(game, [3, 13, 17], "law")
    usual = sg.compare(game, [law, "shapley", "vcg"])
    changed = sg.compare(game, [law, "shapley", "vcg"], baseline="law")
    for before, after in zip(usual.rows, changed.rows, strict=True):
        assert after.savings.tolist() == (law.values - after.allocation.values).tolist()
        assert after.audit.worst_player_excess == before.audit.worst_player_excess
        assert after.figures()["individually_rational"] == before.figures()["individually_rational"]
        assert (after.paid, after.lost) == (before.paid, before.lost)
    assert changed["law"].savings.tolist() == [0, 0, 0]
    assert changed["law"].gini_of_savings is None  # nobody saves anything
    assert usual["shapley"].gini_of_savings is not None
    assert changed["shapley"].gini_of_savings is None  # eve loses: 21 instead of 17
    assert str(changed).startswith("3 rules, 3 players, savings against law\n")
    assert "savings against law" in changed._repr_html_()
    assert "against" not in str(usual).splitlines()[0]
    content = json.loads(changed.to_json())
    assert content["baseline"] == "law"
    assert content["rules"]["shapley"]["savings"]["eve"] == 17 - 21
    assert json.loads(usual.to_json())["baseline"] is None
    rows = list(csv.DictReader(io.StringIO(changed.to_csv())))
    assert [row["baseline"] for row in rows] == ["law"] * 3
    assert float(rows[1]["least_saving"]) == 17 - 21
    assert set(changed.to_pandas()["baseline"]) == {"law"}


def test_gains_are_measured_against_the_baseline_the_other_way_round():
    shares = {"old": shares_of(glove_game(), [1, 0, 0]), "new": shares_of(glove_game(), [0, 1, 0])}
    comparison = sg.compare(glove_game(), shares, baseline="old")
    assert comparison["new"].savings.tolist() == [-1, 1, 0]
    assert "surpluses against old" in str(comparison)


@pytest.mark.parametrize("name", ["mid-market-rate", "shapley", "owen"])
def test_a_baseline_is_compared_beside_the_rules_that_fit(name):
    community = sg.energy.Community.from_csv("examples/rural13").period("2016-06-01", "2016-06-02")
    problem = AllocationProblem.of(community)
    comparison = sg.compare(community, baseline=name)
    rules = [row.rule for row in comparison.rows]
    assert rules[0] == name
    others = [rule for rule in comparable_rules(problem) if RULES[rule] is not RULES[name]]
    assert rules[1:] == others
    assert not comparison[name].savings.any()


def test_a_baseline_that_fails_or_is_no_row_is_refused_with_the_reason():
    with pytest.raises(AllocationError, match=r'"nucleolus" is not compared; choose from vcg$'):
        sg.compare(glove_game(), ["vcg"], baseline="nucleolus")
    with pytest.raises(GameError, match='unknown rule "law"; choose from shapley'):
        sg.compare(glove_game(), baseline="law")
    with pytest.raises(AllocationError, match=r'"owen" has no allocation: .* for communities'):
        sg.compare(glove_game(), ["vcg", "owen"], baseline="owen")


def test_labels_are_escaped_where_html_is_shown():
    game = sg.Game.from_table([0, 1, 1, 3], ["<b>", "a&b"], kind="gain")
    html = sg.compare(game, {"<i>rule</i>": "shapley"})._repr_html_()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize(
    ("rules", "options", "error", "message"),
    [
        pytest.param([], {}, AllocationError, "no allocation and no rule to compare", id="nothing"),
        pytest.param(["kernel"], {}, GameError, 'unknown rule "kernel"; choose', id="name"),
        pytest.param(None, {"model": "netting"}, GameError, "model='netting' is for", id="model"),
        pytest.param(
            [sg.Allocation(["a"], [1], "gain", "x")], {}, AllocationError, "missing", id="players"
        ),
        pytest.param(
            ["vcg"], {"tolerance": -1}, AllocationError, "non-negative, got -1", id="tolerance"
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(rules, options, error, message):
    with pytest.raises(error, match=message):
        sg.compare(glove_game(), rules, **options)
