"""``sesgame auction``: what it prints, writes and draws."""

import argparse
import csv
import json

import pytest
import sesgame as sg
from matplotlib.figure import Figure
from sesgame.cli.auction import RULES, add_auction
from sesgame.errors import GameError, SesgameError

MARKET = """participant,side,price_per_kwh,quantity_kwh
sun,offer,0,40
gas,offer,0.09,60
oil,offer,0.2,90
bakery,bid,0.15,30
village,load,3.0,60
"""


def run(*arguments):
    parser = argparse.ArgumentParser()
    add_auction(parser.add_subparsers(required=True))
    options = parser.parse_args(["auction", *map(str, arguments)])
    options.command(options)


@pytest.fixture
def market(tmp_path):
    path = tmp_path / "market.csv"
    path.write_text(MARKET)
    return path


def test_the_command_prints_payments_budget_and_properties(market, capsys):
    run(market)
    printed = capsys.readouterr().out
    rows = {tuple(line.split()[:1]): line.split() for line in printed.splitlines() if line}
    assert "period 0: 90 kWh at 0.09 per kWh" in printed
    assert rows[("sun",)] == ["sun", "-5.4000", "-3.6000", "0.0000"]
    assert rows[("left",)][-3:] == ["-5.8000", "0.0000", "5.4000"]
    assert rows[("efficient",)] == ["efficient", "yes", "yes", "yes"]


def test_every_rule_that_fits_can_be_asked_for_and_written(market, tmp_path, capsys):
    rules = [rule for rule in RULES if rule not in ("trade-reduction", "mcafee")]
    run(market, "--rules", ",".join(rules), "--out", tmp_path / "out")
    assert "Written: " in capsys.readouterr().out
    with (tmp_path / "out" / "payments.csv").open(newline="") as file:
        rows = {row.pop("participant"): row for row in csv.DictReader(file)}
    assert set(rows) == {"sun", "gas", "oil", "bakery", "load"}
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    book = sg.markets.OrderBook.from_csv(market)
    assert float(rows["gas"]["vcg"]) == sg.markets.vcg(book)["gas"]
    assert result["rules"]["vcg"]["payments"]["gas"] == sg.markets.vcg(book)["gas"]
    assert result["rules"]["vcg+uplift-by-load"]["properties"]["budget_balanced"] is True
    assert list(result["rules"]) == rules


def test_a_pivotal_participant_is_named(market, capsys):
    market.write_text(MARKET.replace("60\noil,offer,0.2,90", "60"))
    run(market, "--rules", "vcg")
    assert "gas is pivotal: without it, 20 kWh more would be shed" in capsys.readouterr().out


def test_the_picture_shows_both_curves_and_every_payment(market, tmp_path, capsys):
    run(market, "--plot", tmp_path / "market.png")
    assert (tmp_path / "market.png").read_bytes().startswith(b"\x89PNG")
    settlement = sg.markets.vcg(sg.markets.OrderBook.from_csv(market))
    left, right = Figure().subplots(1, 2)
    sg.plots.merit_order(settlement, ax=left)
    assert [text.get_text() for text in left.texts] == ["sun", "gas", "oil"]
    sg.plots.payments({"vcg": settlement}, ax=right)
    widths = [bar.get_width() for bar in right.patches]
    assert widths == pytest.approx([*settlement.payments, settlement.outside["load"][1]])


def test_of_many_participants_those_with_the_largest_payments_are_drawn():
    bids = [(f"b{k}", "bid", 1 + k, 1) for k in range(40)]
    book = sg.markets.OrderBook.from_orders([("s", "offer", 1, 60), *bids])
    axes = sg.plots.payments({"pay as bid": sg.markets.pay_as_bid(book)}, ax=Figure().subplots())
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "s",
        *(f"b{k}" for k in range(11, 40)),
    ]


def test_what_cannot_be_drawn_or_written_is_said(market, tmp_path, capsys):
    with pytest.raises(SesgameError, match="cannot be drawn"):
        run(market, "--plot", tmp_path / "market.nonsense")
    with pytest.raises(SesgameError, match="nothing can be written to"):
        run(market, "--out", market)
    with pytest.raises(SystemExit):
        run(market, "--rules", "dutch")
    assert 'there is no rule "dutch"; there are vcg, ' in capsys.readouterr().err
    settlement = sg.markets.vcg(sg.markets.OrderBook.from_csv(market))
    with pytest.raises(GameError, match="there is no period 1; the periods are 0 to 0"):
        sg.plots.merit_order(settlement, period=1)
    with pytest.raises(GameError, match="no settlement"):
        sg.plots.payments({})
