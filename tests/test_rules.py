"""Every rule of the catalogue, and nothing beside it: what it promises, says, keeps and cites."""

import ast
import importlib
import json
import re
from collections import Counter
from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from sesgame.catalogue import RULES, Catalogue, allocate, check_options, comparable_rules
from sesgame.cli.command_line import main
from sesgame.errors import AllocationError, GameError
from sesgame.files.json_text import json_text
from sesgame.game.allocation import Evidence
from sesgame.reports.report import build_report
from sesgame.rule import AllocationProblem, Need, Option, Promise, Rule
from sesgame.testing import assert_additive, assert_anonymous

ROOT = Path(__file__).parents[1]
SOURCES = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "docs/references.bib").read_text(), re.M))

of_all = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
of_games = pytest.mark.parametrize(
    "rule", [rule for rule in RULES.values() if not rule.worlds], ids=lambda rule: rule.name
)


def options_for(players):
    """Return an option of each kind that fits players: Shapley's weights, the first two united."""
    n = len(players)
    unions = [players[:2], *([player] for player in players[2:])]
    return {
        "weights": [1 / (n * comb(n - 1, size)) for size in range(n)],
        "unions": unions,
        "reference": dict.fromkeys(players, 1.0),
        "at_least": dict.fromkeys(players),
        "at_most": {},
        "seed": 3,
        "max_evaluations": 20,
        "n_clusters": 2,
        "bargaining_weights": None,
        "union_weights": None,
        "disagreement": None,
        "proportional_to": dict.fromkeys(players, 1.0),
        "share_of": "total",
        "compensation_per_kwh": 0.0,
        "constants": "equally",
        "key": "dynamic",
        "coefficients": None,
        "groups": None,
        "local_price_per_kwh": 0.2,
        "unused": "plant",
        "storage_cost": 0.05,
        "storage_hours": 2.0,
        "rented_for": "day",
        "storage_rent": 0.1,
    }


def apply(rule, game, options=None):
    options = options_for(list(game.players)) if options is None else options
    taken = {option.keyword: options[option.keyword] for option in rule.options}
    return allocate(AllocationProblem.of(game, options=taken), rule.name)


GAINED = {
    "equal-surplus",
    "gately-point",
    "nash-bargaining",
    "nash-bargaining-in-core",
    "nested-nash-bargaining",
    "tau-value",
}
"""Rules that share what is gained together."""

MUCH = 1000.0
"""With so much more than any drawn coalition has, all together gain, and are quasi-balanced."""


def answerable(rule, game):
    """Return a game that the rule has to answer: where it shares a gain, one in which there is one.

    Whether it refuses the others is for the tests of the rule.
    """
    if rule.name not in GAINED:
        return game
    table = game.tabulate().copy()
    table[-1] += game.sign * MUCH
    return sg.Game.from_table(table, game.players, kind=game.kind)


def answer(rule, game):
    """Return the allocation of a drawn game; leave one out for which there is none.

    A rule may be undefined where a denominator is 0, but not beside it as well.
    """
    try:
        return apply(rule, game)
    except AllocationError:
        beside = game.tabulate().copy()
        beside[-1] += 0.5
        apply(rule, sg.Game.from_table(beside, game.players, kind=game.kind))
        reject()


def court(storage_offers=()):
    return sg.energy.Community(
        members=["ann", "bob", "cid"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[-2.0, 1.0], [1.0, 1.0], [2.0, 2.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        storage_offers=storage_offers,
    )


def offered():
    """Return the court that may buy the storage of an operator at what it costs that."""
    offer = sg.energy.StorageOffer(
        name="battery",
        price_per_kwh_year=365 * options_for([])["storage_cost"],
        price_per_kw_year=0,
        charge_efficiency=1,
        discharge_efficiency=1,
    )
    return court([offer])


def two_periods():
    return sg.energy.TwoPeriodStorage(
        ["ann", "bob", "cid"],
        [1, 1, 0],
        [3, 0, 1],
        off_peak_price=0.1,
        peak_price=0.4,
        capacity_kwh=[0, 2, 0],
    )


def shared_battery():
    """Return a community in which everybody gains without side payments."""
    steps = sg.energy.TimeSteps.from_times([f"2016-06-01T0{hour}:00" for hour in range(7)])
    load = np.zeros((3, 7))
    load[0, [1, 4]] = load[1, [2, 5]] = load[2, [3, 6]] = 6.0
    return sg.energy.Community(
        members=["ann", "bob", "cid"],
        steps=steps,
        load_kwh=load,
        tariff=sg.energy.PriceSeries(steps, [0.1, 0.3, 0.1, 0.3, 0.3, 0.2, 0.3], np.zeros(7)),
        batteries=[
            sg.energy.Battery(
                owner=owner,
                energy_kwh=energy,
                power_kw=4 * energy,
                charge_efficiency=1,
                discharge_efficiency=1,
            )
            for owner, energy in (("ann", 5), ("bob", 2))
        ],
    )


def problem_of(rule):
    """Return a problem that the rule takes: a world of its kind, or a game of three."""
    worlds = (court(), two_periods(), lane())
    if rule.name == "bargained-dispatch":
        worlds = (shared_battery(),)
    if rule.name == "storage-cloud":
        worlds = (offered(),)
    worlds = [world for world in worlds if isinstance(world, rule.worlds)]
    source = worlds[0] if worlds else gloves()
    options = options_for(list(source.members if worlds else source.players))
    taken = {option.keyword: options[option.keyword] for option in rule.options}
    return AllocationProblem.of(source, options=taken)


def lane():
    """Return a roof and two neighbours on the public grid."""
    point = sg.energy.MeteringPoint
    return sg.energy.PublicGrid(
        points=[
            point(name="P1", member="ann", contract="home", export_kwh=[2.0, 3.0]),
            point(name="P2", member="bob", contract="home", import_kwh=[1.0, 1.0]),
            point(name="P3", member="cid", contract="home", import_kwh=[2.0, 1.0]),
        ],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        contracts=[sg.energy.Contract(name="home", energy=sg.energy.Tariff.flat(0.30, 0.10))],
        fee_per_kwh=0.05,
    )


def gloves():
    table = [0, 0, 0, 4, 0, 4, 0, 4]
    return sg.Game.from_table(table, ["left", "right", "spare"], kind="gain")


@st.composite
def games(draw, n_players=None):
    n = draw(st.integers(2, 4)) if n_players is None else n_players
    values = draw(st.lists(st.integers(-20, 40), min_size=2**n - 1, max_size=2**n - 1))
    kind = draw(st.sampled_from(["gain", "cost"]))
    return sg.Game.from_table([0, *map(float, values)], list("abcd"[:n]), kind=kind)


def alone(game):
    return game.values(np.eye(game.n_players, dtype=bool))


@of_games
@settings(max_examples=25, deadline=None)
@given(game=games())
def test_a_rule_keeps_what_it_promises_on_every_game(rule, game):
    game = answerable(rule, game)
    allocation = answer(rule, game)
    audit = sg.audit(game, allocation)
    together = game.value(game.players)
    imputable = game.sign * (together - alone(game).sum()) >= 0
    if Promise.EFFICIENT in rule.promises:
        assert audit.efficient
    if Promise.INDIVIDUALLY_RATIONAL in rule.promises and imputable:
        assert audit.individually_rational
    if Promise.IN_CORE_IF_NONEMPTY in rule.promises and not sg.core_existence(game).is_empty:
        assert audit.in_core
    if Promise.CERTIFIED in rule.promises:
        assert allocation.evidence.verify(game).holds
    if Promise.SYMMETRIC in rule.promises:
        assert_anonymous(lambda other: apply(rule, other), game, tolerance=1e-6)


@pytest.mark.parametrize(
    "rule",
    [r for r in RULES.values() if Promise.ADDITIVE in r.promises and not r.worlds],
    ids=lambda rule: rule.name,
)
@settings(max_examples=15, deadline=None)
@given(one=games(3), other=games(3))
def test_an_additive_rule_adds_up(rule, one, other):
    same = sg.Game.from_table(other.tabulate(), other.players, kind=one.kind)
    one, same = answerable(rule, one), answerable(rule, same)
    assert_additive(lambda game: apply(rule, game), one, same)


@pytest.mark.parametrize(
    "rule",
    [r for r in RULES.values() if Promise.DUMMY in r.promises and not r.worlds],
    ids=lambda rule: rule.name,
)
@settings(max_examples=15, deadline=None)
@given(game=games(3), worth=st.integers(-5, 5))
def test_a_dummy_gets_what_it_has_alone(rule, game, worth):
    game = answerable(rule, game)
    table = np.concatenate([game.tabulate(), game.tabulate() + worth])
    added = sg.Game.from_table(table, [*game.players, "dummy"], kind=game.kind)
    if Promise.INDIVIDUALLY_RATIONAL in rule.promises:
        assume(added.sign * (added.value(added.players) - alone(added).sum()) >= 0)
    assert answer(rule, added)["dummy"] == pytest.approx(worth, abs=1e-6)


@of_all
def test_a_rule_signs_its_allocations_and_reports_explain_them(rule):
    problem = problem_of(rule)
    allocation = allocate(problem, rule.name)
    assert allocation.rule == rule.name
    assert allocation.method.split(" (")[0] == rule.title
    explanation = rule.explained(allocation)
    assert not set("{}") & set(explanation)
    report = build_report(problem, {"mine": rule.name}, name="court")
    assert explanation.split(";")[0] in report.to_html().replace("&#x27;", "'")
    if "mine" in report.bills:
        letter = report.letter(problem.game.players[0])
        assert rule.title in letter.replace("&#x27;", "'")
    forged = sg.Allocation(
        allocation.players, allocation.values, allocation.kind, allocation.method
    )
    assert forged.rule is None
    page = build_report(replace(problem, options={}), {"mine": forged}, name="court").to_html()
    assert explanation.split(";")[0] not in page.replace("&#x27;", "'")


@of_all
def test_evidence_comes_back_from_json_if_it_can_be_verified(rule):
    problem = problem_of(rule)
    allocation = allocate(problem, rule.name)
    kept = json.loads(json_text(allocation.to_dict()))
    assert list(kept["values"].values()) == allocation.values.tolist()
    labels = {json.dumps(player): player for player in problem.game.players}
    evidence, again = allocation.evidence, None
    if evidence is not None:
        written = {"kind": type(evidence).__name__, **evidence.repeatable()}
        kept = json.loads(json_text(written))
        again = Evidence.from_dict(kept, allocation.values.tolist(), labels)
    if Promise.CERTIFIED in rule.promises:
        assert again == evidence
        assert again.verify(problem.game).holds
        assert rule.is_proved_by(again)
    assert again is None or rule.is_proved_by(again)


@of_all
def test_a_rule_has_a_page_a_source_and_words(rule):
    assert (ROOT / "docs" / f"{rule.page}.md").exists()
    assert rule.sources
    assert set(rule.sources) <= SOURCES
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert rule.meaning.endswith(".")
    assert Need.SAMPLE not in rule.needs or any(option.name == "seed" for option in rule.options)


@of_all
def test_a_rule_has_a_line_in_the_help_of_each_command(rule, capsys):
    for command in ("allocate", "compare", "solve"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        text = re.sub(r"-\n\s+", "-", capsys.readouterr().out)
        words = set(re.findall(r"[\w-]+", text))
        assert rule.name in words
        assert {f"--{option.name}" for option in rule.options} <= words


def test_the_titles_of_rules_differ():
    assert len({rule.title for rule in RULES.values()}) == len(RULES)


def test_old_names_find_their_rule_and_stay_the_names_of_rows():
    assert RULES["owen"] is RULES["dual-prices"]
    row = sg.compare(court(), ["owen"])["owen"]
    assert row.allocation.rule == "dual-prices"


def test_names_and_options_of_a_catalogue_differ():
    def rule(name, **more):
        return Rule(name=name, apply=lambda problem: None, meaning="", page="", sources=(), **more)

    def option():
        return Option(name="size", parse=int, help="", metavar="N")

    with pytest.raises(ValueError, match='two rules are called "a"'):
        Catalogue([rule("a"), rule("b", aliases=("a",))])
    with pytest.raises(ValueError, match='two options of rules are called "size"'):
        Catalogue([rule("a", options=(option(),)), rule("b", options=(option(),))])


def test_an_option_that_no_rule_takes_is_refused_by_name(tmp_path, capsys):
    with pytest.raises(GameError, match="unknown rule option size"):
        sg.compare(gloves(), ["shapley"], size=3)
    with pytest.raises(GameError, match="takes the option weights, which is for semivalue"):
        sg.compare(gloves(), ["shapley"], weights=[0, 0, 1])
    path = tmp_path / "gloves.csv"
    path.write_text("coalition,gain\nl,0\nr,0\nl+r,1\n")
    assert main(["solve", str(path), "--unions", "l;r"]) == 2
    assert "none of the rules takes the option unions, which is for owen-value" in (
        capsys.readouterr().err
    )
    assert main(["solve", str(path), "--rule", "owen-value"]) == 2
    assert 'the rule "owen-value" needs unions: members separated' in capsys.readouterr().err


def test_an_option_of_a_new_rule_is_on_the_command_line(monkeypatch, tmp_path, capsys):
    first = Option(name="first-share", parse=float, help="of the first", metavar="PART")

    def apply(problem):
        players, kind = problem.game.players, problem.game.kind
        values = [problem[first], *[0.0] * (len(players) - 1)]
        return sg.Allocation(players, values, kind, "first takes all")

    rule = Rule(
        name="first-takes-all",
        title="first takes all",
        apply=apply,
        options=(first,),
        meaning="The first {bears} it.",
        page="",
        sources=(),
    )
    for module in ("catalogue", "cli.options", "cli.allocate"):
        monkeypatch.setattr(f"sesgame.{module}.RULES", Catalogue([*RULES.values(), rule]))
    path = tmp_path / "gloves.csv"
    path.write_text("coalition,gain\nl,0\nr,0\nl+r,1\n")
    arguments = ["solve", str(path), "--rule", "first-takes-all", "--out", str(tmp_path)]
    assert main([*arguments, "--first-share", "0.75", "--report"]) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["options"]["first-share"] == 0.75
    assert result["rules"]["first-takes-all"]["allocation"]["values"] == {"l": 0.75, "r": 0.0}
    page = (tmp_path / "report.html").read_text()
    assert "The first gets it." in page
    assert "--first-share 0.75" in page
    assert main(arguments) == 2
    assert "first_share is missing: of the first" in capsys.readouterr().err


def test_a_usual_value_may_be_given_where_no_rule_takes_it():
    check_options(AllocationProblem.of(gloves(), options={"seed": 1}), ["shapley"])


@pytest.mark.parametrize(
    ("rule", "options", "expected"),
    [
        ("owen-value", ["--unions", "l, r;s"], lambda g: sg.owen_value(g, [["l", "r"], ["s"]])),
        ("semivalue", ["--weights", "0,0,1"], lambda g: sg.semivalue(g, [0, 0, 1])),
        (
            "nash-bargaining",
            ["--bargaining-weights", "l=1,r=2,s=1", "--disagreement", "s=0,l=1,r=0"],
            lambda g: sg.nash_bargaining(g, weights=[1, 2, 1], disagreement=[1, 0, 0]),
        ),
        (
            "proportional",
            ["--proportional-to", "l=1,r=2,s=1", "--share-of", "surplus"],
            lambda g: sg.proportional_allocation(g, [1, 2, 1], of="surplus"),
        ),
        (
            "nested-nash-bargaining",
            ["--unions", "l,r;s", "--union-weights", "2,1"],
            lambda g: sg.nested_nash_bargaining(g, [["l", "r"], ["s"]], union_weights=[2, 1]),
        ),
        (
            "nearest-core",
            ["--reference", "l=1,r=2,s=3"],
            lambda g: sg.nearest_core_allocation(g, reference=[1, 2, 3]),
        ),
        (
            "leximin-core",
            ["--reference", "equal"],
            lambda g: sg.leximin_core_allocation(g, reference=[4 / 3] * 3),
        ),
        (
            "nearest-core",
            [],
            lambda g: sg.nearest_core_allocation(g, reference=sg.shapley_value(g)),
        ),
        (
            "leximin-core",
            [],
            lambda g: sg.leximin_core_allocation(g, reference=[0.0] * 3),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_on_the_command_line_are_those_of_the_function(tmp_path, rule, options, expected):
    path = tmp_path / "gloves.csv"
    path.write_text("coalition,gain\nl,0\nr,0\ns,0\nl+r,4\nl+s,4\nr+s,0\nl+r+s,4\n")
    game = sg.Game.from_table([0, 0, 0, 4, 0, 4, 0, 4], list("lrs"), kind="gain")
    for command, name in (("solve", "--rule"), ("solve", "--rules")):
        assert main([command, str(path), name, rule, *options, "--out", str(tmp_path)]) == 0
        result = json.loads((tmp_path / "result.json").read_text())
        shares = result["rules"][rule]["allocation"]["values"]
        assert list(shares.values()) == expected(game).values.tolist()


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--weights", "a,b"),
        ("--seed", "x"),
        ("--seed", "-1"),
        ("--seed", str(2**64)),
        ("--max-evaluations", "0"),
        ("--reference", "ann=x"),
        ("--bargaining-weights", "ann"),
        ("--union-weights", "1,x"),
        ("--share-of", "half"),
    ],
)
def test_an_option_that_cannot_be_read_is_said_in_one_line(option, text, capsys):
    with pytest.raises(SystemExit):
        main(["solve", "game.csv", f"{option}={text}"])
    error = capsys.readouterr().err
    assert error.startswith(f"sesgame solve: argument {option}: must be ")
    assert error.count("\n") == 1


def test_rules_are_applied_before_any_audit_lists_all_coalitions():
    community = court()
    problem = AllocationProblem.of(community, model="netting")
    report = build_report(problem, {"vcg": "vcg", "mine": "shapley"}, name="court")
    expected = sg.shapley_value(community.cost_game(model="netting"))
    assert report.allocations["mine"].to_dict() == expected.to_dict()


def test_comparable_rules_need_nothing_that_is_missing():
    names = comparable_rules(AllocationProblem.of(gloves()))
    assert {"shapley", "per-capita-prenucleolus", "vcg"} < set(names)
    assert not {"semivalue", "owen-value", "dual-prices", "shapley-estimate"} & set(names)
    weighted = AllocationProblem.of(gloves(), options={"weights": [0, 0, 1]})
    assert set(comparable_rules(weighted)) - set(names) == {"semivalue"}


def literals(path):
    """Return all texts in a file that are neither docstrings nor names that it exports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {
        id(part)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def test_the_name_of_a_rule_stands_in_one_place():
    package = ROOT / "python" / "sesgame"
    # A mechanism for markets is called like a rule of games, and a way to ration energy is.
    mechanisms = package / "markets" / "mechanisms"
    others = [mechanisms / f"{name}.py" for name in ("vcg", "double_auction", "trade_reduction")]
    paths = [path for path in package.rglob("*.py") if path not in others]
    names = {*RULES, *(alias for rule in RULES.values() for alias in rule.aliases)}
    found = Counter(text for path in paths for text in literals(path) if text in names)
    assert found == dict.fromkeys(names, 1)


def test_the_table_of_rules_in_the_documentation_is_that_of_the_catalogue(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    rule_table = importlib.import_module("rule_table")
    text = rule_table.PAGE.read_text(encoding="utf-8")
    assert text.count(rule_table.table()) == 1
    assert rule_table.with_table(text) == text


def test_too_few_evaluations_are_refused_in_one_line(capsys):
    period = ["--start", "2016-06-01T12:00", "--end", "2016-06-01T13:00"]
    command = ["allocate", str(ROOT / "examples/rural13"), *period, "--rules", "shapley-estimate"]
    assert main([*command, "--max-evaluations", "3"]) == 2
    assert capsys.readouterr().err == (
        "sesgame: max_evaluations is 3; one order of 13 players takes 13 evaluations\n"
    )
    assert main([*command, "--max-evaluations", "300"]) == 0
