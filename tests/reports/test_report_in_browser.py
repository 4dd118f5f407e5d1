"""The pages in a real browser, where there is one: nothing too wide, no label on another."""

import json
import re

import numpy as np
import pytest
import sesgame as sg
from fixtures.chromium import CHROMIUM, Chromium
from sesgame.cli.command_line import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]

OVERLAPS = """
(() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const texts = [...svg.querySelectorAll("text")];
    const boxes = texts.map(text => [text, text.getBoundingClientRect()]);
    for (const [text, box] of boxes)
      if (box.left < 0 || box.right > innerWidth) found.push(["out", text.textContent]);
    boxes.forEach(([text, a], i) => boxes.slice(0, i).forEach(([other, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Boxes are taller than letters.
      if (wide > 1 && high > 4) found.push([text.textContent, other.textContent]);
    }));
  }
  return JSON.stringify(found);
})()
"""

BROKEN = """
(() => {
  const found = [];
  for (const cell of document.querySelectorAll("dd, td, strong")) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const range = document.createRange();
      range.selectNode(texts.currentNode);
      const text = texts.currentNode.data;
      // Where there is a blank that may be broken, a line may end.
      if (!text.includes(" ") && /[0-9]\u00a0/.test(text) && range.getClientRects().length > 1)
        found.push(text);
    }
  }
  return JSON.stringify(found);
})()
"""


def world():
    """Members with long names, a linear model, prices by time of use, six rules."""
    hours = np.arange(240) % 24
    names = ["Bakery Müller & Söhne", "ann", "<b>bob</b>", "without-any-blank-" * 4, "operator"]
    load = np.array(
        [2.0 + 3 * (hours < 9), 0.5 + hours / 24, 1.0 + (hours > 17), hours / 9, 0 * hours]
    )
    sun = np.maximum(0.0, 1 - abs(hours - 12) / 6)
    energy = sg.energy
    community = energy.Community(
        members=names,
        steps=energy.TimeSteps(np.datetime64("2016-06-25"), np.timedelta64(1, "h"), 240),
        load_kwh=load,
        pv_kwh=np.array([0 * sun, 6 * sun, 0 * sun, 4 * sun, 0 * sun]),
        tariff=energy.Tariff(
            [energy.PriceBand(0.34, 0.08, 360, 1320), energy.PriceBand(0.22, 0.08, 1320, 360)]
        ),
        batteries=[
            energy.Battery(
                owner="operator",
                energy_kwh=12,
                power_kw=4,
                charge_efficiency=0.95,
                discharge_efficiency=0.95,
                degradation_cost_per_kwh=0.02,
            )
        ],
        grid=energy.Grid(demand_charge_per_kw=2.5),
    )
    game = community.cost_game()
    rules = [sg.shapley_value, sg.nucleolus, sg.least_core, sg.banzhaf_value, sg.shapley_estimate]
    allocations = [rule(game) for rule in rules]
    return sg.report(game, [*allocations, sg.owen_allocation(community)], community=community)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages and letters of an example month, of a hundred members, of a world and of a game."""
    folder = tmp_path_factory.mktemp("pages")
    month = ["--start", "2016-06-01", "--end", "2016-07-01"]
    day = ["--start", "2016-06-15", "--end", "2016-06-16"]
    many = ["--rules", "owen,shapley-estimate,least-core,clustered-nucleolus", *day]
    options = ["--report", "--letters", "--out"]
    (folder / "game.csv").write_text("coalition,cost\na,4\nb,5\na+b,6\n")
    for name, arguments in (
        ("month", ["allocate", "examples/rural13", *month]),
        ("year", ["allocate", "examples/semiurban104", "--rules", "owen"]),
        ("many", ["allocate", "examples/semiurban104", *many]),
        ("game", ["solve", str(folder / "game.csv")]),
    ):
        assert main([*arguments, *options, str(folder / name)]) == 0
    world().write(folder / "world", letters=True)
    letters = [
        next((folder / name / "letters").glob("*.html")) for name in ("month", "many", "world")
    ]
    return [*folder.glob("*/report.html"), *letters]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("width", [320, 360, 390, 1280])
def test_pages_are_no_wider_than_the_window_and_labels_and_amounts_are_whole(width, pages, browser):
    for page in pages:
        browser.open(page, width=width)
        assert browser.evaluate("document.scrollingElement.scrollWidth") <= width, page
        assert json.loads(browser.evaluate(OVERLAPS)) == [], page
        assert json.loads(browser.evaluate(BROKEN)) == [], page


def test_pages_load_nothing_else_and_break_no_policy(pages, browser):
    browser.requests.clear()
    browser.problems.clear()
    for page in pages:
        browser.open(page, width=390)
    assert browser.requests == [page.resolve().as_uri() for page in pages]
    assert browser.problems == []


def test_pages_are_dark_where_the_reader_wants_it(pages, browser):
    colours = set()
    for dark in (False, True):
        browser.open(pages[0], width=390, dark=dark)
        colours.add(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == {"rgb(255, 255, 255)", "rgb(20, 23, 26)"}


def test_a_letter_is_one_printed_page(pages, browser, tmp_path):
    letters = [page for page in pages if page.parent.name == "letters"]
    for letter in letters:
        browser.open(letter, width=1280)
        browser.pdf(tmp_path / "letter.pdf")
        content = (tmp_path / "letter.pdf").read_bytes()
        assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
