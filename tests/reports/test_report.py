"""The report as a page: what it says is what was computed."""

import csv
import dataclasses
import itertools
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.html_pages import assert_stands_alone, figure
from fixtures.small_community import write_community
from sesgame.cli.command_line import main
from sesgame.errors import AllocationError, CoalitionError, GameError, PlayerLimitError
from sesgame.reports.html.letter import letter_names
from sesgame.reports.html.profile import daily_totals, profile
from sesgame.shapley.exact import ExactSemivalue

GRID = "quantity,value,members\ndemand_charge_per_kw,6.5,\nconnection_limit_kw,9,ann;bob\n"
OFFERS = (
    "name,price_per_kwh_year,price_per_kw_year,charge_efficiency,discharge_efficiency\n"
    "lithium,0.1,0.1,0.95,0.95\n"
)


def read(path):
    return assert_stands_alone(path.read_text(encoding="utf-8"))


def written(out, *arguments):
    assert main([*map(str, arguments), "--out", str(out), "--report", "--letters"]) == 0
    return out


@pytest.fixture(scope="module")
def june(tmp_path_factory):
    """One month of the example, two rules."""
    rules = ["--rules", "shapley,nucleolus", "--start", "2016-06-01", "--end", "2016-07-01"]
    return written(tmp_path_factory.mktemp("june"), "allocate", "examples/rural13", *rules)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Forty members in four steps, too many to list: sampled, clustered and by separation."""
    folder = tmp_path_factory.mktemp("forty") / "village"
    members = ["member,kind,meter,unit,scale"]
    for number in range(40):
        members.append(
            f"n{number:02},load,{('early', 'late')[number % 2]},kWh,{1 + number / 7:.2f}"
        )
        if number % 3 == 0:
            members.append(f"n{number:02},pv,sun,kW,{4 + number / 9:.2f}")
    meters = "time,early,late,sun\n" + "".join(
        f"2016-06-01T{hour}:00,{early},{late},{sun}\n"
        for hour, early, late, sun in ((10, 2, 1, 0.5), (11, 1, 1, 1), (12, 1, 2, 1), (13, 1, 3, 0))
    )
    battery = "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\nn01,9,5,0.95,0.9\n"
    write_community(folder, members="\n".join(members), meters=meters, batteries=battery)
    rules = ["--rules", "owen,shapley-estimate,least-core,clustered-nucleolus"]
    return written(folder.parent, "allocate", folder, *rules, "--clusters", "4")


@pytest.fixture
def court(tmp_path):
    """The report of three members from Python."""
    community = sg.energy.Community.from_csv(write_community(tmp_path / "court"))
    game = community.cost_game()
    return sg.report(game, [sg.shapley_value(game), sg.nucleolus(game)], community=community)


def files_of(folder, name):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("folder", ["june", "many"])
def test_bills_and_savings_are_those_of_the_files(folder, request):
    out = request.getfixturevalue(folder)
    head, *rows, total = read(out / "report.html").tables[1 if folder == "many" else 0]
    bills, shares = files_of(out, "bills.csv"), files_of(out, "allocation.csv")
    assert len(rows) == len(bills)
    for row, bill, share in zip(rows, bills, shares, strict=True):
        assert row[0] == bill["member"]
        assert figure(row[1]) == f"{float(share['alone_eur']):.2f}"
        for rule, cell in zip(head[2:], row[2:], strict=True):
            assert figure(cell) == bill[f"{rule}_eur"].replace("-0.00", "0.00")
            saving = f"{float(share[f'{rule}_saving_eur']):.2f}"
            said = {"as alone": 0, f"saves {saving}": 1, f"loses {saving.lstrip('-')}": -1}
            assert cell.split("|")[-1].replace(",", "") in said
    for rule, cell in zip(head[2:], total[2:], strict=True):
        assert Decimal(figure(cell)) == sum(Decimal(bill[f"{rule}_eur"]) for bill in bills)


def test_the_audit_is_said_in_plain_words(june, capsys):
    page = read(june / "report.html")
    assert [row[1:] for row in page.tables[1][1:]] == [
        ["yes", "yes", "no, by 84.57"],
        ["yes", "yes", "yes"],
    ]
    assert "The coalition {m001, m003, m005, m010, m012, m014} would gain 84.57 EUR" in page.text
    assert "No coalition can do better on its own; the closest is {" in page.text
    assert "Proved: the nucleolus of this game. What differs by less than" in page.text


def test_energy_and_money_of_the_dispatch_add_up(june):
    *_, table = read(june / "report.html").tables
    community = sg.energy.Community.from_csv("examples/rural13")
    schedule = community.dispatch(start="2016-06-01", end="2016-07-01")
    rows = {row[0]: row[1:] for row in table}
    for name, kwh in (
        ("Bought", schedule.grid_import_kwh.sum()),
        ("Sold", schedule.grid_export_kwh.sum()),
        ("Into batteries", schedule.charge_kwh.sum()),
    ):
        assert figure(rows[name][0]) == f"{kwh:.0f}"
    money = [float(figure(rows[name][1])) for name in ("Bought", "Sold", "All together")]
    assert money[0] + money[1] == pytest.approx(money[2], abs=0.011)
    assert figure(rows["All together"][1]) == f"{schedule.cost:.2f}"


def test_a_sampled_share_has_its_interval(many):
    page = read(many / "report.html")
    game = sg.energy.Community.from_csv(many / "village").cost_game()
    half_widths = sg.shapley_estimate(game, seed=0, progress=False).evidence.half_widths
    head, *rows, _ = page.tables[1]
    column = head.index("shapley-estimate")
    for row, half_width in zip(rows, half_widths, strict=True):
        assert f"\u00b1\u00a0{half_width:.2f}" in row[column]
    assert "interval at 95% confidence" in page.text


def test_many_members_make_no_chart_of_as_many_rows(many):
    html = (many / "report.html").read_text()
    page = read(many / "report.html")
    height = float(re.search(r'viewBox="0 0 360 (\d+)"', html)[1])
    assert height < 500
    assert html.count('class="mark') == 4 * 40
    assert page.tables[0][0] == ["Rule", "Least", "Median", "Most"]
    assert len(html) < 100_000


def test_the_pages_and_files_have_the_same_bytes_again(tmp_path):
    rules = ["--rules", "shapley-estimate,nucleolus"]
    outs = []
    for name in ("first", "second"):
        write_community(tmp_path / "court")
        outs.append(written(tmp_path / name, "allocate", tmp_path / "court", *rules))
    files = [path.relative_to(outs[0]) for path in outs[0].rglob("*.*")]
    assert len(files) == 7
    assert all((outs[0] / file).read_bytes() == (outs[1] / file).read_bytes() for file in files)


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("sha256sum")), reason="a shell")
def test_the_commands_of_the_page_make_it_again(tmp_path):
    write_community(tmp_path / "court")
    out = written(tmp_path / "out", "allocate", tmp_path / "court", "--rules", "owen,nucleolus")
    commands, _ = read(out / "report.html").code[:2]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "again/report.html").read_bytes() == (out / "report.html").read_bytes()


@pytest.mark.parametrize("rules", ["shapley,nucleolus,least-core,prenucleolus", "owen"])
def test_the_code_of_a_community_checks_its_page(rules, tmp_path, monkeypatch, capsys):
    write_community(tmp_path / "court")
    written(tmp_path, "allocate", tmp_path / "court", "--rules", rules)
    monkeypatch.chdir(tmp_path)
    _, code = read(tmp_path / "report.html").code[:2]
    capsys.readouterr()
    exec(compile(code, "page", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.count("Efficient: the shares sum to the total.") == len(rules.split(","))
    assert printed.count("proved: ") == (3 if "nucleolus" in rules else 0)
    if "nucleolus" in rules:
        kept = (tmp_path / "result.json").read_text()
        forged = re.sub(r'("values": \{\s+"ann": )[^,]+', r"\g<1>0.5", kept)
        (tmp_path / "result.json").write_text(forged)
        with pytest.raises(GameError, match=r"rules.shapley.allocation.total is "):
            exec(compile(code, "page", "exec"), {})


def test_the_code_of_many_members_asks_the_oracle_and_says_what_the_page_says(
    many, monkeypatch, capsys
):
    page = read(many / "report.html")
    _, code = page.code[:2]
    assert "proof = allocation.evidence.verify(game, oracle)" in code
    monkeypatch.chdir(many)
    capsys.readouterr()
    exec(compile(code, "page", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.count("No coalition can do better on its own") >= 2
    sentences = [line.strip() for line in printed.splitlines() if line.endswith((".", "leaving."))]
    said = [line for line in sentences if not line.startswith(("Less than", "proved: "))]
    assert len(said) == 12
    assert all(sentence in page.text for sentence in said)


def test_the_code_of_many_members_checks_certificates_that_need_no_oracle(
    many, tmp_path, monkeypatch, capsys
):
    rules = "equal-surplus,gately-point,nash-bargaining"
    written(tmp_path, "allocate", many / "village", "--rules", rules, "--max-seconds", 5)
    monkeypatch.chdir(tmp_path)
    _, code = read(tmp_path / "report.html").code[:2]
    (tmp_path / "village").symlink_to(many / "village")
    capsys.readouterr()
    exec(compile(code, "page", "exec"), {})
    assert capsys.readouterr().out.count("proved: ") == len(rules.split(","))


def test_a_game_file_has_no_dispatch(tmp_path, monkeypatch, capsys):
    (tmp_path / "gloves.csv").write_text(
        "coalition,gain\nl,0\nr1,0\nr2,0\nl+r1,1\nl+r2,1\nr1+r2,0\nl+r1+r2,1\n"
    )
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "solve", "gloves.csv", "--rule", "shapley,nucleolus,banzhaf")
    page = read(tmp_path / "report.html")
    assert "Who gets what" in page.text
    assert "energy" not in page.values("id")
    assert "No bills under banzhaf" in page.text
    assert page.tables[0][1] == [
        "l",
        "0",
        "0.666667|gains 0.666667",
        "1|gains 1",
        "0.75|gains 0.75",
    ]
    exec(compile(page.code[1], "page", "exec"), {})
    letter = read(tmp_path / "letters/l.html")
    assert "You receive 0.67" in letter.text


def test_a_world_of_equipment_is_dispatched_by_the_linear_model(tmp_path):
    folder = write_community(tmp_path / "court", grid=GRID, storage_offers=OFFERS)
    out = written(tmp_path / "out", "allocate", folder, "--rules", "owen,nucleolus")
    page = read(out / "report.html")
    assert "Each battery is run by itself" in page.text
    assert "Storage bought, lithium" in page.text
    *_, table = page.tables
    money = {row[0]: figure(row[2]) for row in table[1:]}
    parts = sum(Decimal(value) for name, value in money.items() if value and name != "All together")
    assert abs(parts - Decimal(money["All together"])) <= Decimal("0.02")
    assert "Demand charge, wear, storage bought" in money


@pytest.mark.parametrize("folder", ["june", "many"])
def test_a_letter_has_the_bill_to_the_cent(folder, request):
    out = request.getfixturevalue(folder)
    bills, shares = files_of(out, "bills.csv"), files_of(out, "allocation.csv")
    first = next(name for name in bills[0] if name != "member")
    for bill, share in zip(bills, shares, strict=True):
        page = read(out / "letters" / f"{bill['member']}.html")
        rows = page.tables[0]
        amount = Decimal(bill[first])
        assert rows[0][0].endswith("receive" if amount < 0 else "pay")
        assert figure(rows[0][1]) == str(abs(amount))
        assert figure(rows[1][1]) == f"{abs(float(share['alone_eur'])):.2f}"
        assert bill["member"] in page.text
        others = {other["member"] for other in bills} - {bill["member"]}
        assert not any(other in page.text for other in others)


def test_a_letter_says_what_the_worst_group_with_the_member_would_gain(court):
    game, rule = court.game, "nucleolus"
    x = court.allocations[rule]
    for player in game.players:
        groups = [
            group
            for size in (1, 2)
            for group in itertools.combinations(game.players, size)
            if player in group
        ]
        worst = max(sum(x[p] for p in group) - game.value(group) for group in groups)
        text = assert_stands_alone(court.letter(player, rule)).text
        assert worst < 0
        assert f"by at least {-worst:.2f}\u00a0EUR in all" in text
        without = game.value([p for p in game.players if p != player])
        assert f"the others are {without + x[player] - game.value(game.players):.2f}" in text


def test_the_first_rule_that_gives_bills_is_that_of_the_letters():
    game = sg.Game.from_table([0, 0, 0, 1, 0, 1, 0, 1], kind="gain")
    result = sg.report(game, {"mean": sg.banzhaf_value(game), "fair": sg.shapley_value(game)})
    assert result.letter(0) == result.letter(0, "fair")
    with pytest.raises(AllocationError, match='no bills by "mean"; choose from fair'):
        result.letter(0, "mean")
    with pytest.raises(CoalitionError):
        result.letter(7)


def test_the_page_of_a_report_from_python_names_files_and_versions(court, tmp_path):
    tariff = tmp_path / "court/tariff.csv"
    result = sg.report(court.game, court.allocations, files=[tariff], name="yard", unit="CHF")
    paths = result.write(tmp_path / "out", letters=True)
    assert [path.name for path in paths][:4] == [
        "allocation.csv",
        "bills.csv",
        "result.json",
        "report.html",
    ]
    page = read(tmp_path / "out/report.html")
    assert "tariff.csv" in page.text
    assert sg.__version__ in page.text
    assert np.__version__ in page.text
    assert "CHF" in page.text
    assert "SHA-256" in page.text
    assert len(page.code) == 2  # the Python code, and a digest
    assert result.write(tmp_path / "bare", page=False) == [
        tmp_path / "bare" / name for name in ("allocation.csv", "bills.csv", "result.json")
    ]


def test_one_member_alone_gets_a_page_and_a_letter():
    game = sg.Game.from_dict({("ann",): 4.0}, kind="cost")
    result = sg.report(game, [sg.shapley_value(game), sg.nucleolus(game)], unit="EUR")
    assert_stands_alone(result.to_html())
    assert "as alone" in result.to_html()
    assert_stands_alone(result.letter("ann"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"allocations": []}, AllocationError, "no allocation to report", id="none"),
        pytest.param({"allocations": {}}, AllocationError, "no allocation to report", id="empty"),
        pytest.param({"twice": True}, AllocationError, 'two .* called "nucleolus"', id="twice"),
        pytest.param({"files": ["nowhere"]}, GameError, "nowhere cannot be read", id="file"),
    ],
)
def test_what_makes_no_report_is_named(court, change, error, message):
    game = court.game
    options = {"allocations": [sg.nucleolus(game)]} | change
    if options.pop("twice", False):
        options["allocations"] *= 2
    with pytest.raises(error, match=message):
        sg.report(game, **options)


def test_a_community_that_is_not_the_games_is_refused(court, tmp_path):
    game = court.game
    other = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[1.0, 1.0], [2.0, 3.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
    )
    with pytest.raises(GameError, match="does not have the players of"):
        sg.report(game, sg.nucleolus(game), community=other)
    part = court.community.period(end="2016-06-01T12:00")
    result = sg.report(game, sg.nucleolus(game), community=part)
    with pytest.raises(GameError, match="give the community of the same period"):
        result.to_html()


def test_too_many_players_need_an_oracle():
    game = sg.Game.from_function(range(40), lambda s: len(s), kind="gain")
    equal = sg.Allocation(game.players, np.ones(40), kind="gain", method="equal")
    with pytest.raises(PlayerLimitError):
        sg.report(game, equal)


def community_of(start, minutes, n_steps, seed=0):
    rng = np.random.default_rng(seed)
    step = np.timedelta64(minutes, "m")
    steps = sg.energy.TimeSteps(np.datetime64(start), step, n_steps)
    return sg.energy.Community(
        members=["ann", "bob"],
        steps=steps,
        load_kwh=rng.normal(size=(2, n_steps)),
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
    )


@pytest.mark.parametrize(
    ("start", "minutes", "n_steps", "n_slots", "n_days"),
    [
        pytest.param("2016-06-01", 15, 96 * 5, 96, 5, id="days"),
        pytest.param("2016-06-01T09:15", 15, 96 * 5, 96, 5, id="from the morning on"),
        pytest.param("2016-06-01", 1, 1440 * 3, 96, 3, id="minutes"),
        pytest.param("2016-06-01", 120, 12 * 30, 12, 30, id="two hours"),
        pytest.param("2016-06-01", 15, 96, 96, 0, id="one day"),
        pytest.param("2016-06-01", 1, 1000, 384, 0, id="many steps"),
        pytest.param("2016-06-01", 300, 50, 50, 0, id="five hours"),
        pytest.param("2016-06-01", 60, 1, 1, 0, id="one hour"),
    ],
)
def test_the_course_of_a_day_keeps_the_energy(start, minutes, n_steps, n_slots, n_days):
    community = community_of(start, minutes, n_steps)
    schedule = community.dispatch()
    course = profile(community, schedule)
    assert (len(course.hours), len(course.net_load_kw)) == (n_slots + 1, n_slots)
    assert course.n_days == n_days
    energy = course.net_load_kw @ np.diff(course.hours) * max(n_days, 1)
    assert energy == pytest.approx(schedule.net_load_kwh.sum())
    totals = daily_totals(schedule)
    assert totals.grid_import_kwh.sum() == pytest.approx(schedule.grid_import_kwh.sum())
    assert totals.grid_export_kwh.sum() == pytest.approx(schedule.grid_export_kwh.sum())
    assert totals.days[-1] == (schedule.steps.end - schedule.steps.step).astype("datetime64[D]")


@pytest.mark.parametrize("n_days", [1, 2, 3, 40, 100, 800])
def test_a_dispatch_of_any_length_is_drawn(n_days):
    community = community_of("2016-06-01", 60, 24 * n_days)
    game = community.cost_game()
    html = sg.report(game, sg.nucleolus(game), community=community).to_html()
    page = assert_stands_alone(html)
    assert ("days-title" in page.values("id")) == (n_days >= 3)
    assert len(html) < 120_000


def test_letters_have_names_that_every_system_takes():
    players = [
        "m1",
        "M1",
        "",
        ".",
        "../../etc/passwd",
        "con",
        "a/b",
        "a\\b",
        "x" * 300,
        "ünï",
        "\0",
    ]
    names = letter_names(players)
    assert len({name.casefold() for name in names}) == len(players)
    for name in names:
        assert re.fullmatch(r"[\w-]{1,70}\.html", name)
    assert "con.html" not in names


def luminance(colour):
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_the_page(scheme):
    style = Path(sg.__file__).parent.joinpath("reports", "html", "style.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", blocks[scheme]))
    assert len(blocks) == 2
    assert len(colours) == 19
    for ground in ("page", "card"):
        for name, colour in colours.items():
            low, high = sorted([luminance(colours[ground]), luminance(colour)])
            # WCAG 2.2: 4.5 for text, 3 for what is drawn; lines between rows mean nothing.
            least = 4.5 if name in ("text", "soft", "link", "better", "worse", "open") else 3.0
            if name not in ("page", "card", "rule"):
                assert (high + 0.05) / (low + 0.05) >= least, (name, ground)


def test_bills_at_dual_prices_have_their_range_and_what_a_limit_of_nobody_earns():
    steps = [f"2016-06-01T{hour:02}:00" for hour in range(4)]
    tariff = sg.energy.Tariff.flat(0.30, 0.10)
    # In the first step nothing is left over: any price from sell to buy proves the dispatch.
    load = [[2.0, 4.0, 1.0, 2.0], [0.0, 1.0, 0.0, 1.0]]
    pv = [[0.0, 0.0, 0.0, 0.0], [2.0, 0.0, 3.0, 0.0]]

    def page(**more):
        community = sg.energy.Community(
            members=["ann", "bob"], steps=steps, load_kwh=load, pv_kwh=pv, tariff=tariff, **more
        )
        owen = sg.owen_allocation(community)
        report = sg.report(community.cost_game(), {"owen": owen}, community=community)
        return owen.evidence, assert_stands_alone(report.to_html())

    evidence, own = page()
    assert "the bills add up to the cost of all. That proves that no group" in own.text
    assert (evidence.highest - evidence.lowest).tolist() == pytest.approx([0.4, 0.4])
    for row, low, high in zip(own.tables[0][1:-1], evidence.lowest, evidence.highest, strict=True):
        assert f"|[{low:.2f}, {high:.2f}]|" in row[2].replace("\u2212", "-")
    evidence, shared = page(grid=sg.energy.Grid(export_limit_kw=0.5), curtailment="allowed")
    assert evidence.duality_gap < -0.01
    assert f"exceed the cost of all by {-evidence.duality_gap:.2f}" in shared.text
    assert "PV left unused" in shared.text


def test_thousands_of_members_are_still_one_page():
    community = community_of("2016-06-01", 60, 48)
    load = np.random.default_rng(1).uniform(-1, 2, size=(2000, 48))
    village = sg.energy.Community(
        members=[f"h{number}" for number in range(2000)],
        steps=community.steps,
        load_kwh=load,
        tariff=community.tariff,
    )
    result = sg.report(village.cost_game(), sg.owen_allocation(village), community=village)
    page = assert_stands_alone(result.to_html())
    assert len(page.tables[1]) == 2002
    assert "a dot for one member in 4" in page.text
    assert sum(attrs.get("class", "").startswith("mark") for _, attrs in page.tags) == 500


def test_a_search_that_proves_nothing_is_no_certificate(tmp_path):
    community = sg.energy.Community.from_csv(write_community(tmp_path / "court"))
    game = community.cost_game()
    found = sg.least_core(game, oracle=community.separation_oracle())
    asked = assert_stands_alone(sg.report(game, found).to_html()).text
    # A page does not ask the oracle again, so what rests on its word is open.
    assert f"The certificate claims: {found.evidence.verify(game).claim}. Open: " in asked
    assert "Proved: " not in asked
    stopped = dataclasses.replace(found.evidence, proved=False, reason="time limit 1 s")
    unproved = dataclasses.replace(found, method="least core (not proved)", evidence=stopped)
    text = assert_stands_alone(sg.report(game, unproved).to_html()).text
    assert "Least core not certified (time limit 1 s). The minimal largest excess lies in [" in text
    assert "Proved: " not in text


def test_a_certificate_that_fails_is_said_to_fail(court):
    wrong = dataclasses.replace(court.allocations["nucleolus"].evidence, values=(1.0, 1.0, 1.0))
    nucleolus = dataclasses.replace(court.allocations["nucleolus"], evidence=wrong)
    text = assert_stands_alone(sg.report(court.game, nucleolus).to_html()).text
    assert "The certificate does NOT hold. Refuted: the nucleolus of this game: " in text
    assert "Proved: " not in text


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (ExactSemivalue(8, 0.0), "made of the values of all 7 groups."),
        (ExactSemivalue(4, 0.0, "types"), "made of the values of 4 kinds of groups."),
        (
            ExactSemivalue(0, 0.0, "closed form"),
            "Exact, by the closed form for such games.",
        ),
        (ExactSemivalue(0, 0.0, "aggregate", 1e-9), "the error is proved to be below 1.0e-09."),
    ],
    ids=lambda value: getattr(value, "method", ""),
)
def test_an_exact_value_says_what_it_is_made_of(court, evidence, words):
    shapley = dataclasses.replace(court.allocations["Shapley value"], evidence=evidence)
    assert words in assert_stands_alone(sg.report(court.game, shapley).to_html()).text


def test_a_certificate_can_be_added_up_by_hand():
    game = sg.Game.from_table([0, 0, 0, 4, 0, 4, 4, 5], ["a", "b", "c"], kind="gain")
    text = assert_stands_alone(sg.report(game, sg.nucleolus(game), unit="EUR").to_html()).text
    assert "Stage 1: each would gain 0.67\u00a0EUR by leaving." in text
    assert "no split keeps every group content: the core is empty" in text
    for group in ("{a, b}", "{a, c}", "{b, c}"):
        assert f"1/3 \u00d7 {group}" in text
    text = assert_stands_alone(sg.report(game, sg.per_capita_nucleolus(game)).to_html()).text
    assert "Stage 1: each would gain 0.333333 per member by leaving." in text


def test_one_member_has_nothing_to_split():
    game = sg.Game.from_table([0, 0.1 + 0.2], ["ann"], kind="cost")
    off = sg.Allocation(["ann"], [0.3], kind="cost", method="nucleolus")
    page = assert_stands_alone(sg.report(game, [sg.nucleolus(game)]).to_html())
    assert "One member has everything." in page.text
    html = sg.report(game, off).to_html()
    assert "Under nucleolus the largest saving is that of ann, 0, and the smallest" in html
    assert "as alone" in html


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (sg.nearest_core_allocation, "no group a reason to leave, the one of least variance."),
        (sg.leximin_core_allocation, "no group a reason to leave, the one in which whoever is"),
        (sg.vcg_payments, "what they add to the cost of all others together"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_rule_is_told_in_words(court, rule, words):
    assert words in assert_stands_alone(sg.report(court.game, rule(court.game)).to_html()).text


def test_less_than_a_cent_is_not_called_nothing():
    values = {("ann",): 4.0, ("bob",): 3.0, ("ann", "bob"): 5.0}
    game = sg.Game.from_dict(values, kind="cost")
    result = sg.report(game, sg.Allocation(["ann", "bob"], [4.002, 0.998], "cost", "x"), unit="EUR")
    page = assert_stands_alone(result.to_html())
    assert page.tables[1][1][1:] == ["yes", "no, by less than 0.01", "no, by less than 0.01"]
    assert "ann would gain less than 0.01 EUR by standing alone." in result.text()
    letter = assert_stands_alone(result.letter("ann")).text
    assert "On your own you would be less than 0.01\u00a0EUR better off." in letter
    even = sg.report(game, sg.Allocation(["ann", "bob"], [3.999, 1.001], "cost", "x"), unit="EUR")
    assert "On your own you would be less than 0.01\u00a0EUR worse off." in even.letter("ann")
    even = sg.report(game, sg.Allocation(["ann", "bob"], [2.0, 3.0], "cost", "x"), unit="EUR")
    assert "the others are neither better nor worse off with you" in even.letter("ann")


def test_a_saving_within_its_interval_is_shown_all_the_same():
    community = sg.energy.Community.from_csv("examples/rural13").period("2016-06-01", "2016-06-02")
    game = community.cost_game()
    rough = sg.shapley_estimate(game, method="permutations", seed=1, max_evaluations=60)
    page = assert_stands_alone(sg.report(game, rough, community=community).to_html())
    said = [row[2] for row in page.tables[0][1:-1]]
    savings = np.array(list(sg.report(game, rough, community=community).surplus(rough.method)))
    assert np.max(rough.evidence.half_widths) > np.min(np.abs(savings))
    for cell, saving in zip(said, savings, strict=True):
        assert f"{abs(saving):.2f}" in cell


def test_a_letter_says_what_a_two_way_meter_drew_and_what_the_member_brings():
    storage = {"charge_efficiency": 0.9, "discharge_efficiency": 0.9}
    community = sg.energy.Community(
        members=["ann", "bob", "eve"],
        steps=["2016-06-01T10:00", "2016-06-01T11:00"],
        load_kwh=[[3.0, -5.0], [1.0, 2.0], [1.0, -0.001]],
        pv_kwh=[[0.0, 1.0], [0.5, 0.0], [0.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
        batteries=[
            sg.energy.Battery(owner="bob", energy_kwh=4, power_kw=2, **storage),
            sg.energy.Battery(owner="eve", energy_kwh=4, power_kw=2, **storage),
            sg.energy.Battery(owner="eve", energy_kwh=2, power_kw=1, **storage),
        ],
    )
    for model, brings in (("battery", "; you bring 2 batteries of 6.0 kWh."), ("netting", ".")):
        game = community.cost_game(model=model)
        result = sg.report(game, sg.nucleolus(game), community=community, model=model)
        ann, bob, eve = (
            assert_stands_alone(result.letter(member)).text.replace("\u00a0", " ")
            for member in community.members
        )
        assert "Your meter drew 3.0 kWh and fed in 5.0 kWh; you generated 1.0 kWh, of" in ann
        assert "You used 3.0 kWh and generated 0.5 kWh, of which 0.5 kWh you used at once" in bob
        assert f"You used 1.0 kWh{brings}" in eve
