"""What a notebook shows: short, escaped, with a count of what is left out, and nothing asked."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.formatting import ROWS

HOSTILE = "<script>alert(1)</script>"


def shown(thing):
    return repr(thing), thing._repr_html_()


def equal_split(n, labels=None):
    return sg.Allocation(labels or range(n), np.ones(n), "gain", "equal split")


def test_an_allocation_of_few_players_is_shown_whole():
    text, html = shown(equal_split(ROWS))
    assert len(text.splitlines()) == 1 + ROWS
    assert html.count("<tr>") == 1 + ROWS + 1
    assert "more" not in text + html


@pytest.mark.parametrize("n", [ROWS + 1, 104, 10_000])
def test_of_many_players_a_count_tells_how_many_are_not_shown(n):
    text, html = shown(equal_split(n))
    assert len(text.splitlines()) == 1 + 20 + 1
    assert text.endswith(f"  ... and {n - 20:,} more")
    assert f"<th>... and {n - 20:,} more</th>" in html
    assert f"<th>total</th><td>{n:g}</td>" in html
    assert html.count("<tr>") == 1 + 20 + 1 + 1


def test_a_sampled_allocation_shows_its_intervals():
    game = sg.Game.from_function(range(20), lambda s: float(max(s, default=0)), kind="gain")
    estimate = sg.shapley_estimate(game, max_evaluations=500)
    first = f"{estimate[0]:.6g} ± {estimate.evidence.half_widths[0]:.2g}"
    text, html = shown(estimate)
    assert text.splitlines()[1].endswith(f"  {first}")
    assert f"<td>{first}</td>" in html


def test_a_game_is_shown_without_asking_its_function():
    asked = []

    def value(coalition):
        asked.append(coalition)
        return float(len(coalition))

    game = sg.Game.from_function([HOSTILE, *range(20)], value, kind="cost")
    text, html = shown(game)
    assert text == "Game(21 players, kind='cost', from a function)"
    assert "21: {&lt;script&gt;alert(1)&lt;/script&gt;, 0, 1, 2, 3, 4 and 15 more}" in html
    assert asked == []
    game.value([1, 2])
    assert repr(game) == "Game(21 players, kind='cost', from a function, 1 value known)"


def test_a_table_shows_what_players_have_alone_and_together():
    _, html = shown(sg.Game.from_table([0, 1.5, 2, 4], ["ann", HOSTILE], kind="gain"))
    assert "<th>all together</th><td>4</td>" in html
    assert "<th>ann alone</th><td>1.5</td>" in html
    assert HOSTILE not in html


def test_what_is_nothing_but_rounding_is_shown_as_nothing():
    game = sg.Game.from_dict({("ann",): 0.3, ("bob",): 0.5, ("ann", "bob"): 0.8}, kind="cost")
    text, html = shown(sg.audit(game, {"ann": 0.1 + 0.2, "bob": 0.5}))
    assert text.endswith("worst_coalition={ann}, worst_coalition_excess=0)")
    assert html.count("<td>+0 by leaving</td>") == 2


def test_a_report_is_shown_as_its_table_and_what_holds():
    game = sg.Game.from_dict({("ann",): 40, ("bob",): 30, ("ann", "bob"): 50}, kind="cost")
    result = sg.report(game, sg.nucleolus(game), unit="EUR")
    assert repr(result) == result.text()


def test_native_games_of_thousands_are_shown_without_a_table():
    text, html = shown(sg.games.airport(np.arange(1.0, 5001.0)))
    assert text == "Game(5,000 players, kind='cost', native)"
    assert "5,000: {0, 1, 2, 3, 4, 5 and 4,994 more}" in html


def test_an_audit_of_many_names_the_largest_excess_in_few_words():
    game = sg.Game.from_function(
        range(104), lambda rows: rows[:, :60].sum(axis=1) * 1.0, kind="gain", batched=True
    )

    class Found:
        def most_violated(self, allocation, count):
            row = np.arange(104) < 60
            return row[np.newaxis], game.values(row[np.newaxis])

    checked = sg.audit(game, np.full(104, 60 / 104), oracle=Found())
    text, html = shown(checked)
    assert len(text) < 250
    assert "worst_coalition=all except {60, 61, 62, 63, 64, 65 and 38 more}" in text
    assert "<td>all except {60, 61, 62, 63, 64, 65 and 38 more}</td>" in html
    assert "<th>in the core</th><td>no</td>" in html


def test_an_audit_is_escaped_and_says_what_is_handed_out_too_much():
    game = sg.Game.from_table([0, 1, 1, 3], [HOSTILE, "b"], kind="gain")
    _, html = shown(sg.audit(game, [0, 4]))
    assert HOSTILE not in html
    assert "<td>+1 relative to the total</td>" in html
    assert "<td>no</td><td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>+1 by leaving</td>" in html


def test_the_audit_of_a_single_player_has_no_row_for_groups():
    _, html = shown(sg.audit(sg.Game.from_table([0, 5], kind="cost"), [5]))
    assert "in the core" not in html


def test_a_settlement_of_many_is_cut_and_keeps_who_is_outside():
    bids = [(f"b{k}", "bid", 1 + k, 1) for k in range(200)]
    orders = [(HOSTILE, "offer", 1, 300), *bids]
    book = sg.markets.OrderBook.from_orders(orders, demand_kwh=7, value_of_lost_load=300)
    text, html = shown(sg.markets.vcg(book))
    assert text.endswith("... and 181 more participants")
    assert len(text.splitlines()) == 1 + 1 + 20 + 1 + 1
    assert "<th>load</th>" in html
    assert HOSTILE not in html
    assert html.endswith("<p>... and 181 more participants</p>")


def test_a_community_is_shown_with_units_and_escaped():
    community = sg.energy.Community(
        members=[HOSTILE, *(f"m{k}" for k in range(103))],
        steps=["2016-06-01T12:00", "2016-06-01T12:15"],
        load_kwh=np.full((104, 2), 0.5),
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
        name="<b>court</b>",
    )
    html = community._repr_html_()
    assert "<th>load</th><td>104.0 kWh</td>" in html
    assert (
        "<td>104: {&lt;script&gt;alert(1)&lt;/script&gt;, m0, m1, m2, m3, m4 and 98 more}" in html
    )
    assert "<th>steps</th><td>2 of 15 minutes</td>" in html
    assert "<th>&lt;b&gt;court&lt;/b&gt;</th>" in html
