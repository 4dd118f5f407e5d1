"""MATPOWER cases by hand: what each field and column does, or why it is refused."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.dc_optimal_power_flow import least_cost
from sesgame.errors import GameError
from sesgame.markets import NetworkMarket, nodal_pricing, vcg
from sesgame.markets.matpower_fields import COLUMNS, FIELDS, HARMLESS, REFUSED

ROOT = Path(__file__).parents[2]
LOST_LOAD = 1000.0


def bus(number, kind=1, demand=0.0, shunt=0.0):
    return [number, kind, demand, 0, shunt, 0, 1, 1, 0, 345, 1, 1.1, 0.9]


def gen(at, most, least=0.0, status=1):
    return [at, 0, 0, 0, 0, 1, 100, status, most, least, *[0] * 11]


def branch(start, end, x=0.1, limit=0.0, tap=0.0, shift=0.0, status=1, least=-360, most=360):
    return [start, end, 0, x, 0, limit, 0, 0, tap, shift, status, least, most]


def linear(price):
    return [2, 0, 0, 2, price, 0, 0, 0, 0, 0]


def pwl(*points):
    given = [number for point in points for number in point]
    return [1, 0, 0, len(points), *given, *[0] * (6 - len(given))]


CHEAP_AND_DEAR = {
    "version": "2",
    "baseMVA": 100.0,
    "bus": [bus(1, 3), bus(2, 1, 80)],
    "gen": [gen(1, 100), gen(2, 100)],
    "branch": [branch(1, 2)],
    "gencost": [linear(10), linear(50)],
}


def market(**changes):
    case = {**CHEAP_AND_DEAR, **changes}
    return NetworkMarket.from_matpower(case, value_of_lost_load=LOST_LOAD)


def cleared(**changes):
    """The market, and what all its orders do together by participant."""
    found = market(**changes)
    nodal = nodal_pricing(found)
    power = np.where(found.is_bid, -nodal.accepted_mw, nodal.accepted_mw)
    by_name = dict.fromkeys(found.participants, 0.0)
    for order, part in zip(found.orders, power.tolist(), strict=True):
        by_name[order.participant] += part
    return [round(part, 6) for part in by_name.values()], nodal


def test_a_line_of_the_dear_generator_stays_idle():
    power, nodal = cleared()
    assert power == [80, 0]
    assert nodal.price_per_mwh.tolist() == [10, 10]
    assert nodal.welfare == 80 * (LOST_LOAD - 10)


@pytest.mark.parametrize(
    ("least", "points", "expected"),
    [
        pytest.param(20, [(20, 400), (60, 1000), (100, 2000)], [15, 15, 25], id="from Pmin"),
        pytest.param(0, [(0, 0), (60, 600)], [10], id="to less than Pmax"),
        pytest.param(0, [(30, 300), (60, 900), (80, 1500)], [20, 30], id="inside"),
        pytest.param(0, [(-50, 0), (150, 2000)], [10], id="beyond both"),
        pytest.param(
            0, [(0, 0), (50, 1), (100, 2 - 1e-12)], [0.02], id="slopes differ by rounding"
        ),
    ],
)
def test_end_segments_go_on(least, points, expected):
    found = market(gen=[gen(1, 100, least), gen(2, 100)], gencost=[pwl(*points), linear(500)])
    orders = [order for order in found.orders if order.participant == "gen 1"]
    assert [order.price_per_mwh for order in orders] == pytest.approx(expected)
    assert sum(order.quantity_mw for order in orders) == 100
    assert sum(order.quantity_mw for order in orders if order.must_run) == least


def test_what_must_run_runs_at_whatever_price():
    power, nodal = cleared(gen=[gen(1, 100), gen(2, 100, 60)])
    assert power == [20, 60]
    assert nodal.price_per_mwh.tolist() == [10, 10]
    assert nodal.welfare == 80 * LOST_LOAD - 20 * 10 - 60 * 50
    # Without it, gen 1 delivers all, for 600 more.
    assert vcg(market(gen=[gen(1, 100), gen(2, 100, 60)]))["gen 2"] == pytest.approx(-600)


def test_what_cannot_be_avoided_and_not_be_taken_is_an_error():
    with pytest.raises(GameError, match=r"no dispatch meets .* that 'gen 2' must deliver 90 MW"):
        nodal_pricing(market(gen=[gen(1, 100), gen(2, 100, 90)]))
    with pytest.raises(GameError, match="optimal power flow without 'gen 1': no dispatch"):
        vcg(market(gen=[gen(1, 100, -50), gen(2, 100, 90)], gencost=[linear(10), linear(50)]))


def test_what_can_be_taken_is_a_bid():
    load = pwl((-30, -3000), (0, 0))
    power, nodal = cleared(gen=[gen(1, 100), gen(2, 0, -30)], gencost=[linear(10), load])
    assert power == [100, -20]  # the bid of 100 does without 10 MW
    assert nodal.price_per_mwh.tolist() == [100, 100]
    storage = {"gen": [gen(1, 100), gen(2, 10, -30)], "gencost": [linear(10), linear(50)]}
    assert [order.side for order in market(**storage).orders] == ["offer", "bid", "offer"]
    assert cleared(**storage)[0] == [100, -20]
    taken = {"gen": [gen(1, 100), gen(2, -5, -5)], "gencost": [linear(10), linear(50)]}
    assert cleared(**taken)[0] == [85, -5]


def test_rounding_makes_no_steps():
    square = [2, 0, 0, 3, 0.1, 10, 0, 0, 0, 0]
    case = {**CHEAP_AND_DEAR, "gen": [gen(1, 0.1, -0.3), gen(2, 100)], "gencost": [square, square]}
    found = NetworkMarket.from_matpower(case, value_of_lost_load=LOST_LOAD, steps=4)
    assert [order.side for order in found.orders[:4]] == ["bid", "bid", "bid", "offer"]
    close = pwl((0, 0), (60, 600), (100 - 1e-9, 2000), (150, 4000))
    found = market(gencost=[close, [*linear(50), 0, 0]])
    assert [order.price_per_mwh for order in found.orders] == pytest.approx([10, 35, 40, 50])


def test_what_must_run_costs_the_mean_up_to_there():
    found = market(
        gen=[gen(1, 100, 40), gen(2, -20, -60)],
        gencost=[pwl((0, 5), (20, 205), (100, 1805)), pwl((-60, -3000), (-10, -900), (0, 0))],
    )
    assert [order[2:] for order in found.orders] == [
        ("offer", pytest.approx((20 * 10 + 20 * 20) / 40), 40, True),
        ("offer", 20, 60, False),
        ("bid", pytest.approx((10 * 90 + 10 * 42) / 20), 20, True),
        ("bid", 42, 40, False),
    ]


def test_a_quadratic_cost_is_exact_where_a_step_ends():
    case = {**CHEAP_AND_DEAR, "gencost": [[2, 0, 0, 3, 0.1, 10, 7], [2, 0, 0, 3, 0.1, 12, 0]]}
    found = NetworkMarket.from_matpower(case, value_of_lost_load=LOST_LOAD, steps=4)
    prices = [order.price_per_mwh for order in found.orders]
    assert prices == pytest.approx([12.5, 17.5, 22.5, 27.5, 14.5, 19.5, 24.5, 29.5])
    degree = {"gencost": [[2, 0, 0, 4, 0, 0, 10, 0], [2, 0, 0, 4, 0, 0, 50, 0]]}
    assert cleared(**degree)[0] == [80, 0]  # a cubic term of 0 is none


def test_buses_out_of_service_take_what_is_at_them_along():
    kept = [bus(1, 3), bus(2, 1, 80), bus(3, 4, 30)]
    found = market(
        bus=kept,
        gen=[gen(1, 100), gen(3, 100), gen(2, 100, status=0)],
        branch=[branch(1, 2), branch(2, 3), branch(1, 2, status=0)],
        gencost=[linear(10), linear(5), linear(1)],
    )
    assert list(found.buses) == [1, 2]
    assert list(found.participants) == ["gen 1"]
    assert len(found.lines) == 1
    assert found.demand_mw.tolist() == [0, 80]


def test_shunts_and_negative_demand_are_in_the_balance():
    power, nodal = cleared(bus=[bus(1, 3, -10), bus(2, 1, 80, shunt=20)])
    assert power == [90, 0]
    assert nodal.outside["load"] == (100 * LOST_LOAD, 10 * (100 - 10))
    assert nodal.congestion_rent == pytest.approx(0)
    # What is injected cannot be cut: here it pays 50 to flow past a bid.
    power, nodal = cleared(
        bus=[bus(1, 3, -100), bus(2)],
        gen=[gen(1, 0, -80), gen(2, 0, -80)],
        gencost=[linear(20), linear(-50)],
    )
    assert power == [-80, -20]
    assert nodal.price_per_mwh.tolist() == [-50, -50]


def test_taps_and_negative_reactances_count():
    parallel = [branch(1, 2, 0.1, 40), branch(1, 2, 0.15, 40, tap=2)]
    assert cleared(branch=parallel)[0] == pytest.approx([40 * (1 + 1 / 3), 80 - 40 * 4 / 3])
    series = [branch(1, 3, 0.2), branch(3, 2, -0.05), branch(1, 2, 0.15)]
    _, nodal = cleared(bus=[bus(1, 3), bus(2, 1, 80), bus(3)], branch=series)
    assert nodal.flow_mw == pytest.approx([40, 40, 40])


def test_a_shifted_phase_takes_off_the_flow():
    parallel = [branch(1, 2, shift=3), branch(1, 2)]
    _, nodal = cleared(branch=parallel)
    off = 100 / 0.1 * np.radians(3)
    assert nodal.flow_mw == pytest.approx([40 - off / 2, 40 + off / 2])
    # Limits are on what flows, not on what the angles make.
    parallel[0][5] = 10
    power, nodal = cleared(branch=parallel)
    assert nodal.flow_mw == pytest.approx([10, 10 + off])
    assert power == pytest.approx([20 + off, 60 - off])


def test_limits_of_angles_are_limits_of_flows():
    power, nodal = cleared(branch=[branch(1, 2, least=-1, most=1)])
    most = 100 / 0.1 * np.radians(1)
    assert power == pytest.approx([most, 80 - most])
    assert nodal.price_per_mwh.tolist() == [10, 50]
    capacitor = [branch(1, 2, x=-0.1, least=-1, most=90)]
    assert cleared(branch=capacitor)[0] == pytest.approx([most, 80 - most])
    # Both 0 are none, as in MATPOWER; so are -360 and 360.
    assert cleared(branch=[branch(1, 2, least=0, most=0)])[0] == [80, 0]
    # One of them 0 is a limit.
    backwards = [branch(2, 1, least=0, most=360)]
    assert cleared(branch=backwards)[0] == [0, 80]


def dcline(least, most, fixed=0.0, share=0.0, status=1, ends=(1, 2)):
    return [*ends, status, 0, 0, 0, 0, 1, 1, least, most, 0, 0, 0, 0, fixed, share]


@pytest.mark.parametrize(
    ("line", "power", "prices"),
    [
        pytest.param(dcline(0, 30), [30, 50], [10, 50], id="limit"),
        pytest.param(dcline(0, 100), [80, 0], [10, 10], id="enough"),
        pytest.param(dcline(0, 30, 2, 0.1), [30, 80 - 25], [10, 50], id="losses"),
        pytest.param(dcline(0, 200, 0, 0.2), [100, 0], [10, 12.5], id="share is paid"),
        pytest.param(dcline(-20, -10), [0, 90], [10, 50], id="must flow back"),
        pytest.param(dcline(0, 30, status=0), [0, 80], [10, 50], id="out of service"),
        pytest.param(dcline(-30, 0, ends=(2, 1)), [30, 50], [10, 50], id="backwards"),
    ],
)
def test_a_line_of_direct_current_is_a_link(line, power, prices):
    found, nodal = cleared(branch=[], dcline=[line], gen=[gen(1, 120, -50), gen(2, 100)])
    if line[10] < 0:  # gen 1 takes what comes
        power = [-10, 90]
    assert found == pytest.approx(power)
    assert nodal.price_per_mwh == pytest.approx(prices, abs=1e-9)


def test_costs_of_reactive_power_and_missing_columns_are_harmless():
    assert cleared(gencost=[linear(10), linear(50), linear(1), linear(1)])[0] == [80, 0]
    short = {
        "bus": [row[:3] for row in CHEAP_AND_DEAR["bus"]],
        "gen": [row[:10] for row in CHEAP_AND_DEAR["gen"]],
        "branch": [row[:11] for row in CHEAP_AND_DEAR["branch"]],
    }
    assert cleared(**short)[0] == [80, 0]
    assert cleared(dclinecost=[linear(0)], dcline=[dcline(0, 30)])[0] == [80, 0]


def test_one_owner_of_several_generators_at_a_bus_has_its_steps_in_order():
    case = {**CHEAP_AND_DEAR, "gen": [gen(1, 50), gen(1, 100)], "gencost": [linear(50), linear(10)]}
    found = NetworkMarket.from_matpower(case, value_of_lost_load=9, participants=["one", "one"])
    assert [order.price_per_mwh for order in found.orders] == [10, 50]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"gen": None}, "the case has no gen;", id="no gen"),
        pytest.param({"gencost": None}, "the case has no gencost", id="no gencost"),
        pytest.param({"version": "1"}, "format version '1'", id="version"),
        pytest.param({"baseMVA": 0}, "baseMVA must be", id="base"),
        pytest.param({"moon": 1}, "has a field 'moon', which is not known", id="made up"),
        pytest.param({"bus": [1, 3, 0]}, r"bus must be a matrix, got shape \(3,\)", id="1-d"),
        pytest.param({"bus": [[1, 3]]}, "bus has 2 columns; it must have those to PD", id="narrow"),
        pytest.param(
            {"bus": [[*bus(1, 3), *[0] * 5]]}, "bus has 18 columns; those after MU_VMIN", id="wide"
        ),
        pytest.param({"gencost": [[2, 0], [1]]}, "gencost is not a matrix", id="ragged"),
        pytest.param(
            {"bus": [bus(1, 3), bus(1)]},
            r"bus row 2, column 1 \(BUS_I\): bus 1 is in row 1",
            id="twice",
        ),
        pytest.param({"bus": [bus(0.5, 3)]}, r"bus row 1, column 1 .* got 0.5", id="number"),
        pytest.param({"bus": [bus(np.inf, 3)]}, r"bus row 1, column 1 .* got inf", id="infinite"),
        pytest.param({"bus": [bus(1, 7)]}, r"bus row 1, column 2 \(BUS_TYPE\).* got 7", id="type"),
        pytest.param(
            {"bus": [bus(1, 3), bus(2, 3)]}, r"bus row 2, .*second reference bus", id="references"
        ),
        pytest.param({"bus": [bus(1, 3, np.nan), bus(2)]}, "bus row 1, column 3", id="nan demand"),
        pytest.param(
            {"gen": [gen(1, 100), gen(9, 100)]},
            r"gen row 2, column 1 \(GEN_BUS\): there is no bus 9",
            id="unknown bus",
        ),
        pytest.param({"gen": [gen(1, 9, status=np.nan)]}, "gen row 1, column 8", id="status nan"),
        pytest.param({"dcline": [dcline(0, 1, status=np.nan)]}, "dcline row 1, column 3", id="on"),
        pytest.param({"gen": [gen(1, np.inf), gen(2, 9)]}, r"gen row 1, column 9", id="unlimited"),
        pytest.param(
            {"gen": [gen(1, 5, 9), gen(2, 9)]}, r"gen row 1, column 9 .*PMIN", id="crossed"
        ),
        pytest.param({"gencost": [linear(1)]}, "gencost has 1 rows for 2 of gen", id="few costs"),
        pytest.param(
            {"gencost": [pwl((0, 0), (50, 100), (100, 150)), linear(1)]},
            r"gencost row 1, column 5 \(COST\): the cost is not convex",
            id="concave",
        ),
        pytest.param(
            {"gencost": [linear(1), [2, 0, 0, 3, -0.1, 10, 0, 0, 0, 0]]},
            r"gencost row 2, .* not convex",
            id="concave square",
        ),
        pytest.param(
            {"gencost": [[2, 0, 0, 4, 1, 1, 1, 0], [2, 0, 0, 2, 1, 0, 0, 0]]},
            "gencost row 1, .* degree 3",
            id="cubic",
        ),
        pytest.param(
            {"gencost": [[2, 0, 0, 2, 1, 0, 5, 0], [2, 0, 0, 2, 1, 0, 0, 0]]},
            r"gencost row 1, column 4 \(NCOST\): 2, but \[5.0, 0.0\] follows",
            id="more than counted",
        ),
        pytest.param(
            {"gencost": [pwl((0, 0), (0, 5)), linear(1)]}, "row 1, .*must increase", id="points"
        ),
        pytest.param({"gencost": [[3, *linear(1)[1:]], linear(1)]}, "row 1, column 1", id="model"),
        pytest.param(
            {"gencost": [[2, 0, 0, 9, 1, 2], linear(1)[:6]]}, "row 1, column 4", id="count"
        ),
        pytest.param({"branch": [branch(1, 2, 0)]}, r"branch row 1, column 4 \(BR_X\)", id="x"),
        pytest.param({"branch": [branch(1, 5)]}, r"branch row 1, column 2 .*no bus 5", id="ends"),
        pytest.param({"branch": [branch(2, 2)]}, "branch row 1, column 2 .*itself", id="loop"),
        pytest.param({"branch": [branch(1, 2, limit=-1)]}, "branch row 1, column 6", id="rating"),
        pytest.param({"branch": [branch(1, 2, status=2)]}, "branch row 1, column 11", id="status"),
        pytest.param(
            {"branch": [branch(1, 2, least=5, most=1)]}, "branch row 1, column 13", id="angles"
        ),
        pytest.param(
            {"branch": [branch(1, 2, shift=5)], "baseMVA": None},
            "no baseMVA, and branch row 1",
            id="no base",
        ),
        pytest.param({"dcline": [dcline(5, 1)]}, "dcline row 1, column 11", id="dcline limits"),
        pytest.param({"dcline": [dcline(-5, 5, share=0.1)]}, "dcline row 1, column 17", id="gain"),
        pytest.param({"dcline": [dcline(0, 5, share=1)]}, "dcline row 1, column 17", id="all lost"),
        pytest.param(
            {"dcline": [dcline(0, 5, ends=(1, 7))]}, "dcline row 1, column 2 .*no bus 7", id="end"
        ),
        pytest.param(
            {"dcline": [dcline(0, 5)], "dclinecost": [linear(7)]}, "dclinecost row 1", id="its cost"
        ),
        pytest.param(
            {"dcline": [dcline(0, 5)], "dclinecost": [linear(0)] * 2},
            "dclinecost row 2",
            id="costs",
        ),
    ],
)
def test_what_cannot_be_right_is_named_by_row_and_column(changes, message):
    case = {
        name: value for name, value in {**CHEAP_AND_DEAR, **changes}.items() if value is not None
    }
    with pytest.raises(GameError, match=message):
        NetworkMarket.from_matpower(case, value_of_lost_load=LOST_LOAD)


def test_every_field_is_used_or_harmless_or_refused():
    before = cleared()[1].price_per_mwh.tolist()
    for part in FIELDS.values():
        if part.name in CHEAP_AND_DEAR or part.name in ("dcline", "dclinecost"):
            continue
        if part.treatment == REFUSED:
            with pytest.raises(GameError, match=f"field '{part.name}', which is not supported"):
                market(**{part.name: [[1.0]]})
        else:
            assert part.treatment == HARMLESS
            assert cleared(**{part.name: [[1.0]]})[1].price_per_mwh.tolist() == before


def made_of(**changes):
    """What a case is made into, or why it is refused."""
    try:
        found = market(**changes)
    except GameError as error:
        return str(error)
    power = (found.demand_mw.tolist(), found.injection_mw.tolist())
    return (list(found.buses), found.orders, found.lines, found.links, power)


def test_every_column_is_used_or_harmless():
    """Whatever stands in a harmless one; a used one changes the market, or is refused."""
    case = {**CHEAP_AND_DEAR, "dcline": [dcline(0, 30)]}
    case["branch"] = [branch(1, 2, limit=30, tap=1, least=-90, most=90)]
    before = made_of(**case)
    for name, columns in COLUMNS.items():
        for k, column in enumerate(columns):
            matrix = np.array(case[name], dtype=np.float64)
            matrix = np.pad(matrix, ((0, 0), (0, max(0, len(columns) - matrix.shape[1]))))
            matrix[:, k] -= 1.5
            after = made_of(**{**case, name: matrix})
            assert (after == before) == (column.treatment == HARMLESS), (name, column)


def test_the_tables_of_the_documentation_are_those_of_the_code(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    tables = importlib.import_module("matpower_tables")
    page = tables.PAGE.read_text(encoding="utf-8")
    assert tables.with_tables(page) == page
    for name in ("fields", *COLUMNS):
        assert page.count(f"<!-- table: {name} -->") == 1


@st.composite
def cases(draw):
    """Small cases with everything that is used, of decimal numbers."""
    n = draw(st.integers(2, 4))
    number = st.integers(-40, 40)
    buses = [
        bus(
            k + 1,
            3 if k == 0 else draw(st.sampled_from([1, 1, 2, 4])),
            draw(number),
            draw(st.sampled_from([0, 0, 5, -5])),
        )
        for k in range(n)
    ]
    at = st.integers(1, n)
    gens, costs = [], []
    for _ in range(draw(st.integers(1, 3))):
        least, most = sorted([draw(number), draw(number)])
        gens.append(gen(draw(at), most, least, draw(st.sampled_from([1, 1, 1, 0]))))
        slopes = sorted(draw(st.integers(-5, 30)) for _ in range(2))
        square = draw(st.sampled_from([0, 0.05]))
        x = sorted(draw(st.sets(number, min_size=3, max_size=3)))
        y = [3, 3 + slopes[0] * (x[1] - x[0])]
        y.append(y[1] + slopes[1] * (x[2] - x[1]))
        poly = [2, 0, 0, 3, square, slopes[0], 4, 0, 0, 0]
        costs.append(draw(st.sampled_from([poly, pwl(*zip(x, y, strict=True))])))
    branches = [
        branch(
            *draw(st.permutations(range(1, n + 1)))[:2],
            draw(st.sampled_from([0.1, 0.2, -0.05])),
            draw(st.sampled_from([0, 20])),
            draw(st.sampled_from([0, 0.9])),
            draw(st.sampled_from([0, 0, 1.5])),
            draw(st.sampled_from([1, 1, 0])),
            *draw(st.sampled_from([(-360, 360), (0, 0), (-1, 360), (-2, 2)])),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]
    lines = [
        dcline(
            least,
            least + draw(st.integers(0, 20)),
            draw(st.sampled_from([0, 1])),
            draw(st.sampled_from([0, 0.1])) if least >= 0 else 0,
            ends=(1, draw(at)),
        )
        for least in draw(st.lists(st.sampled_from([-10, 0, 5]), max_size=1))
    ]
    case = {"baseMVA": 100, "bus": buses, "gen": gens, "branch": branches, "gencost": costs}
    return {**case, "dcline": lines} if lines else case


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 3))
def test_the_dispatch_is_that_of_matpower(case, steps):
    arrays = {name: np.array(value, dtype=np.float64) for name, value in case.items()}
    if "dcline" in arrays and 4 in arrays["bus"][arrays["dcline"][:, 1].astype(int) - 1, 1]:
        del arrays["dcline"], case["dcline"]  # dropped with its bus, which MATPOWER does not do
    if not any(row[7] and arrays["bus"][int(row[0]) - 1, 1] != 4 for row in case["gen"]):
        with pytest.raises(GameError, match="no generator in service"):
            NetworkMarket.from_matpower(case, value_of_lost_load=LOST_LOAD)
        return
    expected = least_cost(arrays, LOST_LOAD, steps)
    found = NetworkMarket.from_matpower(case, value_of_lost_load=LOST_LOAD, steps=steps)
    if expected is None:
        with pytest.raises(GameError, match="no dispatch meets"):
            found.clear()
    else:
        assert found.clear().cost == pytest.approx(expected, rel=1e-6, abs=1e-6)
