"""What the pictures show: the numbers behind every artist, and what cannot be drawn."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from sesgame.errors import AllocationError, GameError, PlayerLimitError
from sesgame.plots import spectrum
from sesgame.plots.canvas import COLOURS, Style
from sesgame.plots.simplex import TETRAHEDRON, TRIANGLE, core_vertices


def axes(**options):
    return Figure(figsize=(6, 4)).add_subplot(**options)


def airport(costs, labels=("ann", "bob", "eve", "zoe")):
    return sg.games.airport(costs, players=labels[: len(costs)])


def labels_of(ax):
    return ax.get_legend_handles_labels()[1]


def drawn_points(ax, label):
    """Return the data of the line that the legend calls so."""
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return np.array(getattr(line, "_verts3d", line.get_data())).T


# Allocations side by side


def test_every_share_is_a_dot_in_the_row_of_its_player():
    game = airport([3.0, 8.0, 9.0])
    rules = {"one": sg.shapley_value(game), "two": sg.nucleolus(game)}
    ax = sg.plots.allocations(rules, unit="EUR", ax=axes())
    rows = [tick.get_text() for tick in ax.get_yticklabels()]
    assert rows == ["eve", "bob", "ann"]
    for name, allocation in rules.items():
        (container,) = (drawn for drawn in ax.containers if drawn.get_label() == name)
        x, y = container.lines[0].get_data()
        assert x.tolist() == [allocation[player] for player in rows]
        assert np.round(y).tolist() == [0, 1, 2]
    assert ax.get_xlabel() == "pays (EUR)"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_a_sampled_share_has_its_interval_as_error_bar():
    game = sg.Game.from_function(range(20), lambda s: float(max(s, default=0)), kind="gain")
    estimate = sg.shapley_estimate(game, max_evaluations=500, confidence=0.9)
    ax = sg.plots.allocations(estimate, sort=False, ax=axes())
    (container,) = ax.containers
    (segments,) = (bars.get_segments() for bars in container.lines[2])
    widths = [(right - left) / 2 for (left, _), (right, _) in segments]
    assert widths == pytest.approx(estimate.evidence.half_widths)
    assert labels_of(ax) == ["Shapley estimate, with 90% intervals"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [str(i) for i in range(20)]


def test_differences_from_a_reference_are_drawn_in_the_order_of_the_first():
    game = airport([3.0, 8.0, 9.0])
    nucleolus = sg.nucleolus(game)
    alone = sg.Allocation(["eve", "ann", "bob"], [9, 3, 8], "cost", "standing alone")
    ax = sg.plots.allocations(nucleolus, reference=alone, ax=axes())
    x = ax.containers[0].lines[0].get_xdata()
    rows = [tick.get_text() for tick in ax.get_yticklabels()]
    assert x == pytest.approx([nucleolus[player] - alone[player] for player in rows])
    assert list(x) == sorted(x, reverse=True)
    assert ax.get_xlabel() == "pays more than by standing alone"


@pytest.mark.parametrize(("n", "step"), [(13, 1), (104, 1), (10_000, 95)])
def test_a_new_figure_names_every_member_of_a_hundred_and_some_of_ten_thousand(n, step):
    split = sg.Allocation(range(n), np.arange(n), "gain", "split")
    ax = sg.plots.allocations(split)
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == [str(player) for player in range(n - 1, -1, -step)]
    ax.figure.draw_without_rendering()
    row = 72 * ax.get_window_extent().height / ax.figure.dpi / len(names)
    assert row > ax.get_yticklabels()[0].get_fontsize()
    assert ax.figure.get_figheight() < 11.5
    assert len(ax.containers[0].lines[0].get_xdata()) == n


def test_allocations_of_different_games_are_not_drawn_together():
    one = sg.Allocation(["a", "b"], [1, 2], "gain", "one")
    with pytest.raises(AllocationError, match='"two" is of other players than'):
        sg.plots.allocations([one, sg.Allocation(["a", "c"], [1, 2], "gain", "two")], ax=axes())
    with pytest.raises(AllocationError, match="\"two\" is a cost allocation, 'one' a gain"):
        sg.plots.allocations([one, sg.Allocation(["a", "b"], [1, 2], "cost", "two")], ax=axes())
    with pytest.raises(AllocationError, match="no allocation to draw"):
        sg.plots.allocations([], ax=axes())


# The spectrum of excesses


def falling_excesses(game, x):
    table = game.tabulate()
    members = np.arange(len(table))[:, np.newaxis] >> np.arange(game.n_players) & 1
    return np.sort(game.sign * (table - members @ x)[1:-1])[::-1]


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_the_spectrum_of_few_players_is_every_excess_in_falling_order(kind):
    table = np.random.default_rng(1).normal(size=1 << 7)
    table[0] = 0
    game = sg.Game.from_table(table, kind=kind)
    rules = [sg.shapley_value(game), sg.prenucleolus(game)]
    ax = sg.plots.excesses(game, rules, ax=axes())
    for stairs, rule in zip(ax.patches, rules, strict=False):
        values, edges, _ = stairs.get_data()
        assert values == pytest.approx(falling_excesses(game, rule.values), abs=1e-12)
        assert edges.tolist() == [k + 0.5 for k in range(2**7 - 1)]
    assert labels_of(ax) == ["Shapley value", "prenucleolus"]


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_the_spectrum_of_many_players_is_off_by_no_more_than_half_a_bin(kind):
    table = np.random.default_rng(2).normal(size=1 << 14)
    table[0] = 0
    game = sg.Game.from_table(table, kind=kind)
    rule = sg.shapley_value(game)
    ax = sg.plots.excesses(game, rule, ax=axes())
    values, edges, _ = ax.patches[0].get_data()
    exact = falling_excesses(game, rule.values)
    assert edges[0] == 0.5
    assert edges[-1] == len(exact) + 0.5
    drawn = np.repeat(values, np.diff(edges).astype(int))
    width = (exact[0] - exact[-1]) / spectrum.BINS
    assert np.abs(drawn - exact).max() <= 1.001 * width
    assert drawn[0] == pytest.approx(exact[0])
    assert drawn[-1] == pytest.approx(exact[-1])


def test_equal_excesses_of_many_players_are_one_step():
    game = sg.games.induced_subgraph(np.zeros((13, 13)))
    ax = sg.plots.excesses(
        game, sg.Allocation(game.players, np.zeros(13), "gain", "zero"), ax=axes()
    )
    values, edges, _ = ax.patches[0].get_data()
    assert values.tolist() == [0]
    assert edges.tolist() == [0.5, 2**13 - 1.5]


def test_a_spectrum_needs_coalitions_and_a_table():
    single = sg.Game.from_table([0, 1], kind="gain")
    with pytest.raises(GameError, match="a single player has no coalition"):
        sg.plots.excesses(single, sg.nucleolus(single))
    many = sg.games.airport(range(1, 32))
    with pytest.raises(PlayerLimitError, match=r"of all 2\^31 coalitions.*sg\.audit"):
        sg.plots.excesses(many, sg.shapley_value(many))


# The core


def exact_core(table, n, allowed):
    """Return the vertices of the core of a gain game in fractions, by all systems of equations."""
    table = [Fraction(value) for value in table]
    masks = range(1, len(table) - 1)
    vertices = set()
    for chosen in combinations(masks, n - 1):
        rows = [[Fraction(mask >> i & 1) for i in range(n)] for mask in (*chosen, len(table) - 1)]
        right = [table[mask] - allowed for mask in chosen] + [table[-1]]
        point = solve(rows, right)
        if point is not None and all(
            sum(point[i] for i in range(n) if mask >> i & 1) >= table[mask] - allowed
            for mask in masks
        ):
            vertices.add(tuple(point))
    return vertices


def solve(rows, right):
    """Return the solution of a square system by elimination, or None."""
    n = len(rows)
    system = [[*row, value] for row, value in zip(rows, right, strict=True)]
    for column in range(n):
        pivot = next((k for k in range(column, n) if system[k][column]), None)
        if pivot is None:
            return None
        system[column], system[pivot] = system[pivot], system[column]
        system[column] = [cell / system[column][column] for cell in system[column]]
        for k in range(n):
            if k != column and system[k][column]:
                factor = system[k][column]
                system[k] = [a - factor * b for a, b in zip(system[k], system[column], strict=True)]
    return [row[-1] for row in system]


@settings(max_examples=12)
@given(st.sampled_from([3, 4]), st.data())
def test_the_vertices_of_the_core_are_those_of_exact_enumeration(n, data):
    integers = st.integers(0, 12)
    table = [0, *data.draw(st.lists(integers, min_size=2**n - 2, max_size=2**n - 2))]
    table.append(data.draw(st.integers(8, 40)))
    exact = exact_core(table, n, 0)
    found = core_vertices(np.array(table, dtype=float), 0.0, 1e-9)
    assert {tuple(np.round(point, 6)) for point in found} == {
        tuple(np.round([float(x) for x in point], 6)) for point in exact
    }
    assert len(found) == len(exact)


@settings(max_examples=12)
@given(st.integers(3, 4), st.integers(0, 2**32))
def test_the_least_core_of_an_empty_core_has_the_vertices_of_exact_enumeration(n, seed):
    random = np.random.default_rng(seed)
    table = np.append(random.integers(0, 12, 2**n - 1), random.integers(0, 6)) * 0.1
    table[0] = 0.0
    game = sg.Game.from_table(table, kind="gain")
    value = sg.least_core(game).evidence.value
    # The table in tenths is a game of integers; its least core value has a small denominator.
    whole = [round(10 * entry) for entry in table]
    exact_value = Fraction(10 * value).limit_denominator(60)
    assert float(exact_value) == pytest.approx(10 * value, abs=1e-8)
    exact = exact_core(whole, n, exact_value)
    found = core_vertices(table, value, 1e-9 * game.scale)
    assert len(found) == len(exact) > 0
    for point in found:
        assert (
            min(np.abs(10 * point - np.array(other, dtype=float)).max() for other in exact) < 1e-7
        )


def test_a_core_that_rounding_empties_is_still_a_core():
    # In the fractions that these floats are, 1 - 0.8 is below 0.2: no split satisfies everybody.
    additive = np.array([0, 0.1, 0.2, 0.3, 0.7, 0.8, 0.9, 1.0])
    assert not exact_core(additive, 3, 0)
    game = sg.Game.from_table(additive, kind="gain")
    ax = sg.plots.core(game, ax=axes())
    assert labels_of(ax) == ["core"]


def places(game, points, corners):
    """Return where allocations lie among the imputations."""
    gains = game.sign * np.atleast_2d(points)
    alone = game.sign * np.array([game.value([player]) for player in game.players])
    room = game.sign * game.value(game.players) - alone.sum()
    return (gains - alone) / room @ corners


def test_the_core_of_three_is_a_polygon_with_the_solutions_in_it():
    game = airport([3.0, 8.0, 9.0])
    nucleolus = sg.nucleolus(game)
    ax = sg.plots.core(game, nucleolus, unit="EUR", ax=axes())
    (polygon,) = ax.patches
    costs = game.tabulate()
    exact = [[-float(x) for x in point] for point in exact_core(-costs, 3, 0)]
    drawn = {tuple(point) for point in np.round(polygon.get_xy(), 9)}
    assert drawn == {tuple(point) for point in np.round(places(game, exact, TRIANGLE), 9)}
    point = drawn_points(ax, "nucleolus")
    assert point == pytest.approx(places(game, nucleolus.values, TRIANGLE))
    assert polygon.get_path().contains_point(point[0])
    corners = [text.get_text() for text in ax.texts if "pays" in text.get_text()]
    # Each in turn has all the gain, 11: the others pay what they pay alone.
    assert corners == ["ann\npays -8.00 EUR", "bob\npays -3.00 EUR", "eve\npays -2.00 EUR"]


def test_the_core_of_four_is_a_polytope_whose_faces_are_tight():
    game = airport([3.0, 8.0, 9.0, 12.0])
    shapley = sg.shapley_value(game)
    ax = sg.plots.core(game, {"by orders": shapley}, ax=axes(projection="3d"))
    (body,) = (drawn for drawn in ax.collections if isinstance(drawn, Poly3DCollection))
    exact = [[-float(x) for x in point] for point in exact_core(-game.tabulate(), 4, 0)]
    # Where matplotlib keeps the corners of polygons in space has changed.
    points = np.ma.filled(body._faces, np.nan) if hasattr(body, "_faces") else body._vec[:3].T
    corners = {tuple(point) for point in np.round(points.reshape(-1, 3), 6)}
    expected = {tuple(point) for point in np.round(places(game, exact, TETRAHEDRON), 6)}
    assert {point for point in corners if not np.isnan(point).any()} == expected
    assert drawn_points(ax, "by orders") == pytest.approx(places(game, shapley.values, TETRAHEDRON))
    assert labels_of(ax) == ["core", "by orders"]


def test_where_the_core_is_empty_the_least_core_is_drawn_and_named():
    game = sg.Game.from_table([0, 0, 0, 4, 0, 4, 4, 5], kind="gain")
    ax = sg.plots.core(game, sg.nucleolus(game), unit="EUR", ax=axes())
    name = "least core, excess 0.67 EUR (no core)"
    assert labels_of(ax) == [name, "nucleolus"]
    assert drawn_points(ax, name) == pytest.approx(places(game, [5 / 3] * 3, TRIANGLE))


def test_a_core_that_is_a_line_is_drawn_as_one():
    # Two left gloves and two right ones: pairs share 1, in the same way.
    def pairs(coalition):
        return float(min(len(coalition & {"l", "k"}), len(coalition & {"r", "s"})))

    game = sg.Game.from_function(["l", "k", "r", "s"], pairs, kind="gain")
    ax = sg.plots.core(game, ax=axes(projection="3d"))
    ends = places(game, [[1, 1, 0, 0], [0, 0, 1, 1]], TETRAHEDRON)
    drawn = drawn_points(ax, "core")
    assert drawn[drawn[:, 1].argsort()] == pytest.approx(ends[ends[:, 1].argsort()])


def test_a_game_without_gain_and_a_zoomed_core_have_a_frame_too():
    additive = sg.Game.from_table([0, 1, 2, 3, 4, 5, 6, 7], kind="cost")
    ax = sg.plots.core(additive, sg.shapley_value(additive), ax=axes())
    assert drawn_points(ax, "core") == pytest.approx(drawn_points(ax, "Shapley value"))
    assert np.isfinite(ax.dataLim.get_points()).all()
    game = sg.Game.from_table([0, 0, 0, 5, 0, 5, 5, 8], kind="gain")
    near = sg.plots.core(game, zoom=True, ax=axes()).patches[0].get_extents().width
    far = sg.plots.core(game, ax=axes()).patches[0].get_extents().width
    assert near > far


@pytest.mark.parametrize(
    ("game", "options", "message"),
    [
        pytest.param(airport([1.0, 2.0]), {}, "3 or 4 players; this game has 2", id="two"),
        pytest.param(sg.games.airport([1.0] * 5), {}, "3 or 4 players; this game has 5", id="five"),
        pytest.param(
            airport([1.0] * 4), {"ax": axes()}, 'needs projection="3d", not \'recti', id="plain"
        ),
        pytest.param(
            airport([1.0] * 3), {"ax": axes(projection="3d")}, "plain axes, not '3d'", id="3d"
        ),
        pytest.param(
            airport([1.0, 2.0, 3.0]),
            {"allocations": {"vcg": sg.vcg_payments(airport([1.0, 2.0, 3.0]))}},
            '"vcg" is not efficient: its shares sum to 2 less than the total',
            id="inefficient",
        ),
    ],
)
def test_a_core_that_cannot_be_drawn_is_refused(game, options, message):
    with pytest.raises(GameError, match=message):
        sg.plots.core(game, **options)


# Convergence


@pytest.fixture(scope="module")
def followed():
    game = sg.Game.from_function(
        range(25), lambda rows: rows.sum(axis=1) ** 1.5, kind="gain", batched=True
    )
    return sg.shapley_estimate(game, target_half_width=1e-3, max_evaluations=6_000, seed=1)


def test_convergence_is_the_trace_within_its_intervals(followed):
    ax = sg.plots.convergence(followed, unit="EUR", ax=axes())
    trace = followed.evidence.trace
    assert len(trace) > 2
    lines = [line for line in ax.lines if len(line.get_xdata()) == len(trace)]
    moved = np.array([line.get_ydata() for line in lines if line.get_marker() == "."])
    expected = np.array([point.values - followed.values for point in trace]).T
    assert moved == pytest.approx(expected)
    assert lines[0].get_xdata().tolist() == [point.evaluations for point in trace]
    (bars,) = ax.containers
    (segments,) = (drawn.get_segments() for drawn in bars.lines[2])
    assert [high for _, (_, high) in segments] == [point.half_width for point in trace]
    assert labels_of(ax) == ["25 players", "widest 95% interval"]
    assert ax.get_ylabel() == "estimate minus the last one (EUR)"


def test_errors_are_drawn_where_the_exact_value_is_given(followed):
    exact = sg.Allocation(followed.players, [25**0.5] * 25, "gain", "exact value")
    ax = sg.plots.convergence(followed, exact=exact, ax=axes())
    assert ax.lines[0].get_ydata()[-1] == followed.values[0] - 5
    assert ax.get_ylabel() == "estimate minus exact value"


def test_only_what_was_sampled_converges(followed):
    game = airport([3.0, 8.0, 9.0])
    with pytest.raises(AllocationError, match="'Shapley value' is not sampled"):
        sg.plots.convergence(sg.shapley_value(game))
    with pytest.raises(AllocationError, match="was not sampled, since all coalitions are known"):
        sg.plots.convergence(sg.shapley_estimate(game))
    with pytest.raises(AllocationError, match="of other players or kind"):
        sg.plots.convergence(followed, exact=sg.shapley_value(game))


# Dispatch


def test_a_dispatch_is_drawn_in_kilowatts_over_time_with_charge_and_prices():
    community = sg.energy.Community.from_csv("examples/rural13")
    schedule = community.dispatch(start="2016-06-01", end="2016-06-02")
    frame = sg.plots.dispatch(schedule, tariff=community.tariff, ax=axes())
    power, charge, prices = frame.child_axes
    drawn = {patch.get_label(): patch.get_data() for patch in power.patches}
    edges = date2num(np.append(schedule.steps.times, schedule.steps.end))
    assert drawn["net load (load minus PV)"].values == pytest.approx(4 * schedule.net_load_kwh)
    assert drawn["import"].values == pytest.approx(4 * schedule.grid_import_kwh)
    assert drawn["export"].values == pytest.approx(-4 * schedule.grid_export_kwh)
    assert drawn["import"].edges == pytest.approx(edges)
    assert charge.lines[0].get_ydata() == pytest.approx(schedule.state_of_charge_kwh)
    buying, selling = (patch.get_data().values for patch in prices.patches)
    expected = community.tariff.prices(schedule.steps)
    assert (buying.tolist(), selling.tolist()) == (expected[0].tolist(), expected[1].tolist())
    assert power.get_title(loc="right") == f"13 members, cost {schedule.cost:,.2f} EUR"
    labels = [panel.get_ylabel() for panel in frame.child_axes]
    assert labels == ["power (kW)", "stored (kWh)", "EUR/kWh"]


def test_without_batteries_and_tariff_there_is_one_panel():
    community = sg.energy.Community(
        members=["ann"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[1.0, 2.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
    )
    frame = sg.plots.dispatch(community.dispatch())
    (power,) = frame.child_axes
    assert power.get_title(loc="right") == "1 member, cost 0.90 EUR"


def test_time_runs_to_the_end_of_the_last_step_on_the_clock_that_people_have():
    steps = sg.energy.TimeSteps.from_times(
        ["2024-06-01T22:00", "2024-06-01T23:00"], zone="Europe/Madrid"
    )
    community = sg.energy.Community(
        members=["ann"],
        steps=steps,
        load_kwh=[[1.0, 2.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
    )
    (power,) = sg.plots.dispatch(community.dispatch(), ax=axes()).child_axes
    hours = np.array(["2024-06-01T22:00", "2024-06-01T23:00", "2024-06-02T00:00"], "datetime64[s]")
    assert power.patches[0].get_data().edges == pytest.approx(date2num(hours))
    assert power.get_xlim() == pytest.approx(date2num(hours[[0, -1]]))


# Local prices


def evening(price=0.30):
    return sg.energy.Community(
        members=["ann", "bob", "eve"],
        steps=["2016-06-01T17:00", "2016-06-01T17:15", "2016-06-01T17:30"],
        load_kwh=[[2.0, -1.0, 1.0], [1.0, -3.0, 1.0], [-2.0, 1.0, 0.0]],
        tariff=sg.energy.Tariff.flat(price, 0.10),
    )


def test_local_prices_are_drawn_in_the_band_of_the_grid_where_there_is_local_energy():
    street = evening()
    rules = {"law": sg.energy.mid_market_rate(street), "ours": sg.energy.bill_sharing(street)}
    frame = sg.plots.local_prices(rules, street.steps, unit="EUR", ax=axes())
    prices, local = frame.child_axes
    band, *lines = (patch.get_data() for patch in prices.patches)
    assert (band.values.tolist(), band.baseline.tolist()) == ([0.30] * 3, [0.10] * 3)
    assert [line.values.tolist() for line in lines[:2]] == [[0.10] * 3, [0.30] * 3]
    drawn = [line.values for line in lines[2:]]
    expected = [
        price
        for bills in rules.values()
        for price in (bills.evidence.buy_per_kwh, bills.evidence.sell_per_kwh)
    ]
    for line, price in zip(drawn, expected, strict=True):
        assert line[:2].tolist() == price[:2].tolist()
        assert np.isnan(line[2])  # nobody has energy to spare in the last step
    assert [patch.get_linestyle() for patch in prices.patches[3:]] == ["-", "--", "-", "--"]
    assert set(labels_of(prices)) == {"grid", "law", "ours", "costs", "earns"}
    assert local.patches[0].get_data().values.tolist() == [4 * 2.0, 4 * 1.0, 0.0]
    assert [panel.get_ylabel() for panel in frame.child_axes] == ["EUR/kWh", "local (kW)"]


def test_local_prices_of_other_things_are_not_drawn():
    street = evening()
    bills = sg.energy.mid_market_rate(street)
    with pytest.raises(AllocationError, match='"Shapley value" is no allocation at local prices'):
        sg.plots.local_prices(sg.shapley_value(street.cost_game()), street.steps)
    with pytest.raises(AllocationError, match='"mid-market rate" is of 3 steps, and here are 2'):
        sg.plots.local_prices(bills, street.period("2016-06-01T17:15", None).steps)
    other = {"law": bills, "dear": sg.energy.mid_market_rate(evening(0.40))}
    with pytest.raises(
        AllocationError, match=r'"dear" is of another community .* grid_buy_per_kwh'
    ):
        sg.plots.local_prices(other, street.steps)


# Who gives how much to whom


def lane(n_homes=2, unused="plant", made=(4.0, 1.0)):
    """Return bills by a static key of two plants, and homes that draw 1, 2, ... kWh."""
    point = sg.energy.MeteringPoint
    plants = [
        point(name=name, member=name, contract="all", export_kwh=[kwh])
        for name, kwh in zip(("roof", "barn"), made, strict=True)
    ]
    homes = [
        point(name=f"home {k}", member=f"m{k}", contract="all", import_kwh=[float(k)])
        for k in range(1, n_homes + 1)
    ]
    world = sg.energy.PublicGrid(
        points=[*plants, *homes],
        steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
        contracts=[sg.energy.Contract(name="all", energy=sg.energy.Tariff.flat(0.30, 0.08))],
    )
    key = sg.energy.StaticKey({home.name: 1 / n_homes for home in homes})
    return sg.energy.shared_generation(world, key, local_price_per_kwh=0.1, unused=unused)


def bars_of(ax):
    """Return the height of each bar, from its label to its energy."""
    labels = [text.get_text().rsplit("  ", 1)[0] for text in ax.texts]
    return dict(zip(labels, [bar.get_height() for bar in ax.patches[: len(labels)]], strict=True))


@pytest.mark.parametrize(
    ("unused", "left"),
    [("plant", {"surplus of plants": 1.5}), ("owner", {"surplus of consumers": 1.5})],
)
def test_bars_and_bands_are_as_wide_as_the_energy(unused, left):
    ax = sg.plots.shared_energy(lane(unused=unused), ax=axes())
    drawn = bars_of(ax)
    expected = {"roof": 4.0, "barn": 1.0, "home 2": 2.0, "home 1": 1.0, **left}
    # Each is assigned 2.5 kWh; what home 2 leaves of that is 0.5, and home 1 leaves 1.5.
    expected[next(iter(left))] = 2.0
    assert drawn == pytest.approx(expected)
    bands = ax.patches[len(drawn) :]
    widths = [band.get_path().vertices[7, 1] - band.get_path().vertices[0, 1] for band in bands]
    # Of both plants in proportion to what they feed in.
    assert widths == pytest.approx([1.6, 0.8, 1.6, 0.4, 0.2, 0.4])
    assert ax.get_title() == "sharing key (static): 3 of 5 kWh shared"


def test_of_many_consumers_the_smallest_have_one_bar():
    ax = sg.plots.shared_energy(lane(30, made=(400.0, 65.0)), most=3, ax=axes())
    drawn = bars_of(ax)
    # Each is assigned 15.5 kWh, so that home 16 and all behind it use the same.
    homes = ["home 16", "home 17", "home 18", "27 other points"]
    assert list(drawn) == ["roof", "barn", *homes, "surplus of plants"]
    assert sum(drawn.values()) == pytest.approx(2 * 465)
    places = [text.xy[1] for text in ax.texts[2:]]
    assert (np.diff(places) > 0).all()


def test_a_name_with_signs_of_money_is_no_formula():
    point, flat = sg.energy.MeteringPoint, sg.energy.Tariff.flat(0.30, 0.08)
    world = sg.energy.PublicGrid(
        points=[
            point(name="$\\frac$", member="ann", contract="all", export_kwh=[2.0]),
            point(name="home", member="bob", contract="all", import_kwh=[3.0]),
        ],
        steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
        contracts=[sg.energy.Contract(name="all", energy=flat)],
    )
    key = sg.energy.DynamicKey()
    bills = sg.energy.shared_generation(world, key, local_price_per_kwh=0.12)
    ax = sg.plots.shared_energy(bills, ax=axes())
    ax.figure.canvas.draw()
    assert bars_of(ax) == {"$\\frac$": 2.0, "home": 2.0}


def test_energy_of_no_key_is_not_drawn():
    game = airport([3.0, 8.0])
    with pytest.raises(AllocationError, match="of bills under a sharing key, got Allocation"):
        sg.plots.shared_energy(sg.shapley_value(game))
    with pytest.raises(AllocationError, match="no plant feeds in"):
        sg.plots.shared_energy(lane(made=(0.0, 0.0)))
    with pytest.raises(AllocationError, match="most must be at least 1, got 0"):
        sg.plots.shared_energy(lane(), most=0)


# Rules side by side


def test_a_comparison_shows_every_saving_and_what_holds():
    game = sg.Game.from_table([0, 2, 2, 2, 2, 2, 2, 5], ["a", "b", "c"], kind="gain")
    unfair = sg.Allocation(game.players, [4, 1, 0], "gain", "unfair")
    compared = sg.compare(game, ["vcg", unfair, "owen"], unit="EUR")
    ax = sg.plots.comparison(compared, ax=axes())
    dots = {
        place: sorted(
            x
            for line in ax.lines
            if line.get_marker() in ("o", "X")
            for x, y in zip(*line.get_data(), strict=True)
            if y == place
        )
        for place in range(2)
    }
    assert dots == {0: sorted(compared["vcg"].savings), 1: sorted(compared["unfair"].savings)}
    losers = [line for line in ax.lines if line.get_marker() == "X" and len(line.get_xdata())]
    assert [x for line in losers for x in line.get_xdata()] == [-1.0, -2.0]
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    assert means == pytest.approx([row.savings.mean() for row in compared.rows[:2]])
    words = {(text.xy[1], text.get_text()) for text in ax.texts if hasattr(text, "xy")}
    assert {(0, "no"), (0, "yes"), (1, "no"), (-0.5, "rational")} <= words
    assert not any(place == 2 for place, _ in words)  # where the reason stands
    (failed,) = (text for text in ax.texts if text.get_text().startswith("no allocation"))
    assert failed.get_position()[1] == 2
    assert ax.get_xlabel() == "surplus of each player against standing alone (EUR)"


def test_where_every_rule_failed_there_is_no_picture():
    game = airport([3.0, 8.0, 9.0])
    with pytest.raises(AllocationError, match="no rule has an allocation; owen: the rule"):
        sg.plots.comparison(sg.compare(game, ["owen"]))


# What all pictures share


def test_series_differ_in_more_than_colour():
    styles = [Style.of(index) for index in range(28)]
    assert len(set(styles)) == 28
    for one, other in combinations(styles[: len(COLOURS)], 2):
        assert one.colour != other.colour
        assert one.marker != other.marker
