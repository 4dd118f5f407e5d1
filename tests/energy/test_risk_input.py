"""What is no risk, no file of one and no settlement, is refused by name."""

import numpy as np
import pytest
import sesgame as sg
from fixtures.small_community import write_community
from fixtures.small_worlds import write_scenarios, write_two_period
from fixtures.worlds import community
from sesgame.cli import main
from sesgame.energy import Risk, Scenarios, TwoPeriodStorage
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import GameError


@pytest.mark.parametrize(
    ("level", "weight", "message"),
    [
        (1, 0.5, r"level must be from 0 to below 1, got 1; Risk.worst_case\(\) is the limit"),
        (-0.1, 0.5, "level must be from 0 to below 1, got -0.1"),
        (float("nan"), 0.5, "level must be from 0 to below 1, got nan"),
        (0.9, 1.5, "weight must be from 0 to 1, got 1.5"),
        (0.9, float("nan"), "weight must be from 0 to 1, got nan"),
        ("high", 0.5, "level must be a number, got "),
        (0.9, None, "weight must be a number, got "),
    ],
)
def test_a_risk_out_of_range_is_refused(level, weight, message):
    with pytest.raises(GameError, match=message):
        Risk(level, weight)


def test_the_weight_of_the_worst_case_is_checked_as_any_other():
    with pytest.raises(GameError, match="weight must be from 0 to 1, got 2"):
        Risk.worst_case(2)
    assert Risk.worst_case(0.0).is_mean


@pytest.mark.parametrize(
    ("costs", "probabilities", "message"),
    [
        ([], None, "costs must not be empty"),
        ([1.0, float("inf")], None, "costs must be finite"),
        (["dear"], None, "costs must be a list of numbers"),
        ([1.0, 2.0], [1.0], "2 costs, but 1 probabilities"),
        ([1.0, 2.0], [0.5, 0.6], "probabilities must be positive and sum to 1"),
        ([1.0, 2.0], [1.0, 0.0], "probabilities must be positive and sum to 1"),
    ],
)
def test_costs_without_probabilities_are_refused(costs, probabilities, message):
    with pytest.raises(GameError, match=message):
        Risk(0.5).of(costs, probabilities)


def test_scenarios_take_a_risk_and_nothing_else():
    with pytest.raises(GameError, match="risk must be Risk or None"):
        Scenarios([community(1)], risk=0.9)
    with pytest.raises(GameError, match="risk must be Risk or None"):
        TwoPeriodStorage(["a"], [1], [1], off_peak_price=0.1, peak_price=0.2, risk="worst")


def test_a_model_without_prices_has_games_under_a_risk_and_no_bills():
    days = [community(seed, steps=3) for seed in range(2)]
    billed = Scenarios(
        [
            sg.energy.Community(
                members=day.members,
                steps=day.steps,
                load_kwh=day.load_kwh,
                battery_kwh=np.zeros((4, 3)),
                batteries=[
                    sg.energy.Battery(
                        owner="ann",
                        energy_kwh=1,
                        power_kw=1,
                        charge_efficiency=0.9,
                        discharge_efficiency=0.9,
                    )
                ],
                tariff=sg.energy.Tariff.flat(0.3, 0.1),
            )
            for day in days
        ],
        risk=Risk(0.5),
    )
    assert billed.default_model == "as-it-ran"
    assert np.isfinite(billed.cost_game().tabulate()).all()
    assert billed.separation_oracle() is None
    with pytest.raises(GameError, match="has no dual prices"):
        sg.owen_allocation(billed)


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("level,weight\n0.9,0.5\n", Risk(0.9, 0.5)),
        ("level\n0.75\n", Risk(0.75)),
        ("level\nworst case\n", Risk.worst_case()),
        ("weight,level\n0.25,worst case\n", Risk.worst_case(0.25)),
    ],
)
def test_the_risk_of_a_folder_is_that_of_its_file(text, risk, tmp_path):
    for folder in (write_scenarios(tmp_path / "days"), write_two_period(tmp_path / "shed")):
        assert read_world(folder).risk is None
        (folder / "risk.csv").write_text(text)
        world = read_world(folder)
        assert world.risk == risk
        assert folder / "risk.csv" in world_files(folder)
        assert sg.audit(world.cost_game(), sg.nucleolus(world)).in_core


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight\n1\n", 'risk.csv has no column "level"'),
        ("level,odds\n0.5,1\n", 'risk.csv: the column "odds" has no meaning'),
        ("level\n1\n", 'line 2, column "level": "1" must be from 0 to below 1, or "worst case"'),
        ("level\nworst\n", 'line 2, column "level": "worst" must be from 0 to below 1'),
        ("level,weight\n0.5,2\n", 'line 2, column "weight": 2 must be from 0 to 1'),
        ("level,weight\n0.5,much\n", 'line 2, column "weight": "much" is not a number'),
        ("level\n0.5\n0.6\n", "risk.csv, line 3: one row is enough"),
    ],
)
def test_what_is_wrong_with_the_file_of_a_risk_is_named(text, message, tmp_path):
    for write in (write_scenarios, write_two_period):
        folder = write(tmp_path / write.__name__)
        (folder / "risk.csv").write_text(text)
        with pytest.raises(GameError, match=message):
            read_world(folder)


def test_a_risk_in_the_folder_of_one_community_is_refused(tmp_path):
    folder = write_community(tmp_path / "court")
    (folder / "risk.csv").write_text("level\n0.5\n")
    with pytest.raises(GameError, match=r"risk.csv, but no scenarios.csv and no two_period.csv"):
        read_world(folder)


@pytest.mark.parametrize("write", [write_scenarios, write_two_period])
def test_the_commands_take_a_folder_with_a_risk(write, tmp_path, capsys):
    folder = write(tmp_path / "world")
    (folder / "risk.csv").write_text("level,weight\n0.75,0.5\n")
    rules = "dual-prices" if write is write_scenarios else "two-period-prices"
    out = tmp_path / "out"
    words = ["allocate", str(folder), "--rules", f"nucleolus,{rules}", "--out", str(out)]
    assert main([*words, "--report", "--letters"]) == 0
    text = capsys.readouterr().out
    assert "risk: CVaR at level 0.75 with weight 0.5" in text
    assert text.count("No coalition can do better on its own") == 2
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "CVaR at level 0.75 with weight 0.5" in page
    assert '"risk"' in (out / "result.json").read_text()
    assert main(["compare", str(folder)]) == 0
    assert "risk: CVaR at level 0.75" in capsys.readouterr().out
    assert main(["check", str(folder)]) == 0


def test_what_cannot_be_settled_is_refused():
    days = Scenarios([community(1), community(2)], risk=Risk(0.5))
    with pytest.raises(GameError, match=r"no scenario 3; choose from '1', '2', or a number from 1"):
        days.settle(3)
    with pytest.raises(GameError, match="no scenario 'sunny'"):
        days.settle("sunny")
    with pytest.raises(GameError, match='when must be "ex ante" or "ex post", got \'later\''):
        days.settle(1, when="later")
    with pytest.raises(GameError, match="bills before the day balance on the average only"):
        days.settle(1, when="ex ante", reserve=False)
    with pytest.raises(GameError, match="shares must be of all members"):
        days.settle(1, shares={"ann": 1.0})
    with pytest.raises(GameError, match="shares must be non-negative and sum to 1"):
        days.settle(1, shares=dict.fromkeys(days.members, 0.5))
    with pytest.raises(GameError, match="the day that came does not fit: scenario 2 has 3 steps"):
        days.settle(community(1, steps=3))
    with pytest.raises(GameError, match="scenario must be a name, a number or the Community"):
        days.settle(days)
    with pytest.raises(GameError, match=r"scenario must be .*, got None"):
        days.settle(None)
    with pytest.raises(GameError, match="no scenario True"):
        days.settle(True)
    storage = TwoPeriodStorage(["a"], [1], [1], off_peak_price=0.1, peak_price=0.2)
    with pytest.raises(GameError, match="no scenario None; choose from '1', or a number"):
        storage.settle(None)


def test_the_cost_of_risk_needs_a_risk_and_a_rule():
    days = Scenarios([community(1), community(2)], risk=Risk(0.5))
    with pytest.raises(GameError, match="there is no risk: give the scenarios risk="):
        sg.energy.cost_of_risk(days.with_risk(None))
    with pytest.raises(GameError, match="the cost of risk is of Scenarios or TwoPeriodStorage"):
        sg.energy.cost_of_risk(community(1))
    with pytest.raises(GameError, match="rule must return an Allocation, got "):
        sg.energy.cost_of_risk(days, lambda world: 3.0)
