"""A community on the public grid on the command line, in comparisons and in reports."""

import json
from pathlib import Path

import pytest
import sesgame as sg
from fixtures.html_pages import Page
from fixtures.small_worlds import write_public_grid
from sesgame.cli import main
from sesgame.energy import PublicGrid

EXAMPLE = Path("examples/street")


@pytest.fixture
def folder(tmp_path):
    return write_public_grid(tmp_path / "street", taxes="label,per_cent\nVAT,20\n")


def test_a_folder_is_allocated_with_files_page_and_letters(folder, tmp_path, capsys):
    out = tmp_path / "out"
    rules = ["--rules", "shapley,dual-prices"]
    assert main(["allocate", str(folder), *rules, "--out", str(out), "--report", "--letters"]) == 0
    text = capsys.readouterr().out
    world = PublicGrid.from_csv(folder)
    assert text.startswith(f"street, {world.description()}; amounts in EUR")
    assert "outside the game: VAT;" in text
    result = json.loads((out / "result.json").read_text())
    assert result["game"]["together"] == pytest.approx(world.cost_game().value(world.members))
    assert result["source"]["own_points"] == "always"
    assert result["source"]["outside_game"] == ["VAT"]
    page = Page((out / "report.html").read_text()).text
    assert "At prices that clear no group is charged more" in page
    letters = sorted(path.name for path in (out / "letters").iterdir())
    assert letters == ["ann.html", "bob.html", "cid.html"]


def test_a_period_is_compared_by_all_rules(folder, capsys):
    period = ["--start", "2024-06-01T06:00", "--end", "2024-06-01T08:00"]
    assert main(["compare", str(folder), *period]) == 0
    text = capsys.readouterr().out
    assert "2024-06-01T06:00 to 2024-06-01T08:00" in text
    assert "dual-prices" in text


def test_a_report_is_of_the_world(folder):
    world = PublicGrid.from_csv(folder)
    game = world.cost_game()
    report = sg.report(game, sg.owen_allocation(world), community=world, progress=False)
    assert "Outside the game, and not in these bills: VAT." in Page(report.to_html()).text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--start", "2024-05-01"], "the period from 2024-05-01"),
        (["--model", "linear"], "sharing has no models to choose from"),
        (["--rules", "clustered-nucleolus"], 'the rule "clustered-nucleolus" is for'),
    ],
)
def test_what_a_community_on_the_public_grid_does_not_have_is_refused(
    words, message, folder, capsys
):
    assert main(["allocate", str(folder), *words]) == 2
    assert message in capsys.readouterr().err


def test_the_example_is_settled_in_the_core():
    world = PublicGrid.from_csv(EXAMPLE)
    assert world.outside_game == ("meter", "VAT")
    bills = sg.owen_allocation(world)
    assert sg.audit(world.cost_game(), bills).in_core
    # Seven days of the meter and the tax are all that the game does not have.
    (bill,) = world.bills_alone("bruno")
    assert bill.total == pytest.approx((bill.cost + 0.7) * 1.2)
