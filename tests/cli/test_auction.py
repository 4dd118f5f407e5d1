"""``sesgame auction``: what it prints, writes and draws."""

import argparse
import csv
import json

import numpy as np
import pytest
import sesgame as sg
from matplotlib.figure import Figure
from sesgame.cli.auction import add_auction
from sesgame.errors import GameError, SesgameError
from sesgame.markets import NetworkMarket, OrderBook
from sesgame.markets.catalogue import MECHANISMS

MARKET = """participant,side,price_per_kwh,quantity_kwh
sun,offer,0,40
gas,offer,0.09,60
oil,offer,0.2,90
bakery,bid,0.15,30
village,load,3.0,60
"""
WITHOUT_FIXED_DEMAND = ("trade-reduction", "mcafee", "average-price", "muda")
"""Rules that want every demand as a bid."""


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
    assert rows[("sun",)] == ["sun", "-5.4", "-3.6", "0"]
    assert "budget surplus" in printed
    assert rows[("budget",)] == ["budget", "balanced", "no", "(-5.8)", "yes", "no", "(5.4)"]
    assert rows[("efficient",)] == ["efficient", "yes", "yes", "yes"]


def test_every_rule_that_fits_can_be_asked_for_and_written(market, tmp_path, capsys):
    rules = [
        name
        for name, mechanism in MECHANISMS.items()
        if mechanism.takes(OrderBook) and name not in WITHOUT_FIXED_DEMAND
    ]
    run(market, "--rules", ",".join(rules), "--out", tmp_path / "out")
    assert "Written: " in capsys.readouterr().out
    with (tmp_path / "out" / "payments.csv").open(newline="") as file:
        rows = {row.pop("participant"): row for row in csv.DictReader(file)}
    assert set(rows) == {"sun", "gas", "oil", "bakery", "village"}
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


def test_a_former_name_of_a_rule_is_still_taken(market, tmp_path, capsys):
    run(market, "--rules", "vcg+scaled-rents", "--out", tmp_path / "out")
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert list(result["rules"]) == ["vcg+scaled-rents"]
    assert result["rules"]["vcg+scaled-rents"]["method"] == "vcg + scale rents"
    capsys.readouterr()
    with pytest.raises(SystemExit):
        run("--help")
    listed = "".join(capsys.readouterr().out.split())
    assert "vcg+scale-rents" in listed
    assert "scaled-rents" not in listed


LINES = """from_bus,to_bus,reactance,limit_mw
north,south,0.1,40
south,west,0.1,
"""
ORDERS = """participant,bus,side,price_per_mwh,quantity_mw
wind,north,offer,10,100
gas,south,offer,50,100
,south,load,1000,40
,west,load,1000,20
"""


@pytest.fixture
def network(tmp_path):
    folder = tmp_path / "grid"
    folder.mkdir()
    (folder / "lines.csv").write_text(LINES)
    (folder / "orders.csv").write_text(ORDERS)
    return folder


def test_a_folder_is_the_market_of_a_network(network, tmp_path, capsys):
    run(network, "--out", tmp_path / "out", "--plot", tmp_path / "grid.svg")
    printed = capsys.readouterr().out
    assert "grid: NetworkMarket(2 participants, 2 orders, 3 buses, 2 lines)" in printed
    assert "bus north: 10 per MWh\nbus south: 50 per MWh\nbus west: 50 per MWh" in printed
    assert "congestion rent at nodal prices: 1600" in printed
    market = NetworkMarket.from_csv(network)
    assert market.lines[1].limit_mw == float("inf")
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    defaults = [name for name, one in MECHANISMS.items() if one.is_default]
    assert list(result["rules"]) == [n for n in defaults if MECHANISMS[n].takes(NetworkMarket)]
    nodal = sg.markets.nodal_pricing(market)
    assert result["rules"]["nodal-pricing"]["payments"] == {
        "wind": nodal["wind"],
        "gas": nodal["gas"],
    }
    assert (tmp_path / "grid.svg").stat().st_size > 0


def test_a_rule_that_does_not_fit_the_market_is_refused(network, market, capsys):
    with pytest.raises(SesgameError, match=r'"mcafee" does not fit .*; choose from vcg, nodal-'):
        run(network, "--rules", "mcafee")
    with pytest.raises(SesgameError, match=r'"nodal-pricing" does not fit .* read as OrderBook'):
        run(market, "--rules", "nodal-pricing")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        pytest.param(
            "lines.csv",
            "0.1,40",
            "0,40",
            "must be finite and not 0",
            id="reactance",
        ),
        pytest.param("lines.csv", "0.1,40", "0.1,wide", '"wide" is not a number', id="limit"),
        pytest.param("lines.csv", "north,", ",", "an empty cell is not a bus", id="no bus"),
        pytest.param("orders.csv", "west,load,1000", "west,load,999", "it is one number", id="cap"),
        pytest.param("orders.csv", "offer,10", "ask,10", '"ask" is neither', id="side"),
        pytest.param("orders.csv", "gas,", ",", "needs a participant", id="nobody"),
        pytest.param("orders.csv", "bus,", "place,", 'no column "bus"', id="column"),
    ],
)
def test_what_is_wrong_with_the_files_of_a_network_is_said(network, name, old, new, message):
    path = network / name
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(GameError, match=message):
        NetworkMarket.from_csv(network)


def test_nothing_is_computed_for_a_folder_that_cannot_be_written(market, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").mkdir()
    with pytest.raises(SesgameError, match="is a folder"):
        run(tmp_path / "missing.csv", "--out", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "result.json"]


def test_the_picture_shows_both_curves_and_every_payment(market, tmp_path, capsys):
    run(market, "--plot", tmp_path / "market.png")
    assert (tmp_path / "market.png").read_bytes().startswith(b"\x89PNG")
    settlement = sg.markets.vcg(sg.markets.OrderBook.from_csv(market))
    left, right = Figure().subplots(1, 2)
    sg.plots.merit_order(settlement, ax=left)
    assert [text.get_text() for text in left.texts] == ["sun", "gas", "oil"]
    sg.plots.payments({"vcg": settlement}, ax=right)
    widths = [bar.get_width() for bar in right.patches]
    paid = {**dict(zip(settlement.participants, settlement.payments, strict=True))}
    assert paid == pytest.approx({"sun": -5.4, "gas": -8.5, "oil": 0.0, "bakery": 2.7})
    assert widths == pytest.approx([-8.5, -5.4, 0.0, 2.7, settlement.outside["village"][1]])
    rows = [tick.get_text() for tick in right.get_yticklabels()]
    assert rows == ["gas", "sun", "oil", "bakery", "village"]
    assert [text.get_text() for text in right.texts] == ["sell", "buy", "do not bid"]
    assert right.get_yticklabels()[0].get_color() != right.get_yticklabels()[3].get_color()


def test_of_many_participants_those_with_the_largest_payments_are_drawn():
    bids = [(f"b{k}", "bid", 1 + k, 1) for k in range(40)]
    book = sg.markets.OrderBook.from_orders([("s", "offer", 1, 60), *bids])
    axes = sg.plots.payments({"pay as bid": sg.markets.pay_as_bid(book)}, ax=Figure().subplots())
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "s",
        *(f"b{k}" for k in range(39, 10, -1)),
    ]


def test_the_legend_hides_no_bar_and_a_period_is_found_by_its_time(tmp_path):
    at = np.datetime64("2024-06-01T12:00")
    book = sg.markets.OrderBook.from_orders(
        [("ann", "bid", 9, 1, at), ("eve", "offer", 3, 1, at), ("eve", "offer", 2, 1, at + 60)]
    )
    settlement = sg.markets.vcg(book)
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    sg.plots.merit_order(settlement, period=at + 60, ax=left)
    sg.plots.payments({"vcg": settlement}, ax=right)
    figure.draw_without_rendering()
    assert left.get_title() == "merit order, 2024-06-01T13:00"
    for axes in (left, right):
        legend = axes.get_legend().get_window_extent()
        assert legend.y1 <= axes.get_window_extent().y0
    with pytest.raises(GameError, match="no period begins at 2024-06-01T14:00"):
        sg.plots.merit_order(settlement, period=at + 120, ax=left)


def test_a_payment_that_is_rounding_is_no_bar():
    rounding = sg.markets.Settlement(
        ["ann", "eve"], [3.0, 1e-13], [4.0, 0.0], "by hand", tolerance=1e-9
    )
    axes = sg.plots.payments({"by hand": rounding}, ax=Figure().subplots())
    assert [bar.get_width() for bar in axes.patches] == [3.0, 0.0]


def test_periods_of_a_file_may_be_times(tmp_path, capsys):
    path = tmp_path / "market.csv"
    path.write_text(
        "participant,side,price_per_kwh,quantity_kwh,period\n"
        "ann,bid,9,1,2024-06-01T12:00\neve,offer,3,1,2024-06-01T12:00\n"
        "eve,offer,3,1,2024-06-01T13:00\nvillage,load,12,1,2024-06-01T13:00\n"
    )
    run(path, "--rules", "uniform-price", "--json", tmp_path / "result.json")
    printed = capsys.readouterr().out
    assert "2024-06-01T12:00: 1 kWh at 6 per kWh" in printed
    assert "2024-06-01T13:00: 1 kWh at 3 per kWh" in printed
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["rules"]["uniform-price"]["times"] == ["2024-06-01T12:00", "2024-06-01T13:00"]
    path.write_text(path.read_text().replace("2024-06-01T13:00\nv", "1\nv"))
    with pytest.raises(GameError, match='"2024-06-01T12:00" is not a period'):
        run(path)


def test_what_cannot_be_drawn_or_written_is_said(market, tmp_path, capsys):
    with pytest.raises(SesgameError, match="cannot be drawn"):
        run(market, "--plot", tmp_path / "market.nonsense")
    with pytest.raises(SesgameError, match="nothing can be written to"):
        run(market, "--out", market)
    with pytest.raises(SystemExit):
        run(market, "--rules", "dutch")
    assert 'unknown rule "dutch"; choose from vcg, ' in capsys.readouterr().err
    settlement = sg.markets.vcg(sg.markets.OrderBook.from_csv(market))
    with pytest.raises(GameError, match="period must be from 0 to 0, got 1"):
        sg.plots.merit_order(settlement, period=1)
    with pytest.raises(GameError, match="settlements must not be empty"):
        sg.plots.payments({})


def test_a_row_for_each_rule_goes_to_a_file(market, tmp_path, capsys):
    run(market, "--rules", "vcg,pay-as-bid", "--csv", tmp_path / "rules.csv")
    rows = list(csv.DictReader((tmp_path / "rules.csv").read_text().splitlines()))
    assert [row["rule"] for row in rows] == ["vcg", "pay-as-bid"]
    book = OrderBook.from_csv(market)
    compared = sg.compare(book, ["vcg", "pay-as-bid"], progress=False)
    assert [row["in_the_core"] for row in rows] == [
        row.properties.verdicts["in the core"].word for row in compared.rows
    ]
    capsys.readouterr()
    run(market, "--rules", "vcg", "--csv", "-")
    assert capsys.readouterr().out.startswith("rule,method,failure,welfare")


def test_the_time_for_the_properties_is_limited(market, capsys):
    run(market, "--rules", "core-selecting", "--max-seconds", "1e-9")
    assert "none found" in capsys.readouterr().out
    with pytest.raises(GameError, match="max_seconds must be positive"):
        run(market, "--max-seconds", "0")
