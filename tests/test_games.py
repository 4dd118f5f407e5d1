"""The library of games: values from the definitions, exact Shapley values against enumeration."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.thread_counts import outputs_by_threads
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import value_oracles
from reference.literature_games import littlechild_owen
from sesgame.errors import GameError, PlayerLimitError

ROUNDING = {"rtol": 1e-11, "atol": 1e-11}


def coalitions(n_players):
    return ((np.arange(2**n_players)[:, None] >> np.arange(n_players)) & 1).astype(bool)


def tree_cost(costs, members):
    """Prim's algorithm from the source."""
    reached, rest, total = {0}, {member + 1 for member in members}, 0.0
    while rest:
        price, node = min((costs[a][b], b) for a in reached for b in rest)
        total += price
        reached.add(node)
        rest.remove(node)
    return total


def symmetric(random, n):
    matrix = random.integers(0, 20, (n, n))
    return (matrix + matrix.T).astype(float)


def by_definition(name, random, n):
    """Return a game of the library and its characteristic function on tuples of players."""
    numbers = random.integers(0, 30, n).astype(float)
    loads = random.integers(-9, 10, (n, 5)).astype(float)
    if name == "airport":
        return sg.games.airport(numbers), lambda s: max((numbers[i] for i in s), default=0)
    if name == "weighted_vote":
        quota = float(max(1, numbers.sum() // 2))
        return sg.games.weighted_vote(numbers, quota), lambda s: numbers[list(s)].sum() >= quota
    if name == "bankruptcy":
        estate = numbers.sum() // 3
        outside = lambda s: sum(numbers[i] for i in range(n) if i not in s)  # noqa: E731
        return sg.games.bankruptcy(estate, numbers), lambda s: max(0, estate - outside(s))
    if name == "excess":
        limit, price = np.arange(5.0), np.arange(5.0) - 1
        above = lambda s: np.maximum(loads[list(s)].sum(axis=0) - limit, 0)  # noqa: E731
        return sg.games.excess(loads, limit, price), lambda s: price @ above(s)
    if name == "netting":
        net = lambda s: loads[list(s)].sum(axis=0)  # noqa: E731
        return sg.games.netting(loads, 3, 1), lambda s: np.maximum(3 * net(s), net(s)).sum()
    if name == "peak":
        game = sg.games.peak(loads, [2.0, 5.0], periods=["a", "a", "a", "b", "b"])
        total = lambda s: loads[list(s)].sum(axis=0)  # noqa: E731
        return game, lambda s: 2 * max(0, *total(s)[:3]) + 5 * max(0, *total(s)[3:])
    matrix = symmetric(random, n + (name == "spanning_tree"))
    if name == "spanning_tree":
        return sg.games.spanning_tree(matrix), lambda s: tree_cost(matrix, s)
    pairs = lambda s: sum(  # noqa: E731
        matrix[i, j] for i, j in itertools.combinations_with_replacement(s, 2)
    )
    return sg.games.induced_subgraph(matrix), pairs


NAMES = [
    "airport",
    "weighted_vote",
    "bankruptcy",
    "excess",
    "netting",
    "peak",
    "spanning_tree",
    "induced_subgraph",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_players", [1, 2, 6, 11])
def test_the_values_are_those_of_the_definition(name, n_players):
    game, value = by_definition(name, np.random.default_rng(n_players), n_players)
    expected = [value(tuple(np.flatnonzero(row))) for row in coalitions(n_players)]
    expected[0] = 0
    np.testing.assert_allclose(game.values(coalitions(n_players)), expected, **ROUNDING)
    np.testing.assert_array_equal(game.tabulate(), game.values(coalitions(n_players)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_players", [1, 2, 3, 9, 12])
def test_exact_shapley_values_need_no_table(name, n_players):
    game, _ = by_definition(name, np.random.default_rng(n_players), n_players)
    allocation = sg.shapley_value(game)
    assert not game.tabulated
    table = sg.Game.from_table(game.tabulate(), kind=game.kind)
    np.testing.assert_allclose(allocation.values, sg.shapley_value(table).values, **ROUNDING)
    assert abs(allocation.evidence.efficiency_gap) < 1e-10


@pytest.mark.parametrize("name", ["weighted_vote", "bankruptcy", "excess"])
@pytest.mark.parametrize("n_players", [22, 23])
def test_owens_integral_agrees_with_all_coalitions(name, n_players):
    game, _ = by_definition(name, np.random.default_rng(n_players), n_players)
    allocation = sg.shapley_value(game)
    assert allocation.evidence.method == "aggregate"
    assert allocation.evidence.coalitions == 0
    table = sg.Game.from_table(game.tabulate(), kind=game.kind)
    np.testing.assert_allclose(allocation.values, sg.shapley_value(table).values, **ROUNDING)


@given(costs=st.lists(st.integers(0, 50), min_size=1, max_size=40))
@settings(max_examples=50)
def test_an_airport_of_any_size_shares_each_stretch(costs):
    costs = sorted(costs)
    shares = sg.shapley_value(sg.games.airport(costs)).values
    np.testing.assert_allclose(shares, [float(s) for s in littlechild_owen(*costs)], **ROUNDING)


@drawn(  # each counts 2^31 coalitions and more by sums of weights
    2,
    6,
    weights=st.lists(st.integers(0, 12), min_size=31, max_size=45),
    share=st.floats(0.02, 1.0),
)
def test_votes_beyond_a_table_agree_with_counting(weights, share):
    quota = max(1, math.ceil(share * sum(weights)))
    allocation = sg.shapley_value(sg.games.weighted_vote(weights, quota))
    expected = [float(x) for x in value_oracles.shapley_shubik_index(weights, quota)]
    np.testing.assert_allclose(allocation.values, expected, rtol=0, atol=1e-11)


UNITS = [1e-9, 1e-3, 0.01, 0.1, 1 / 3, 1.0, 7.0, 1e3, 1e9]


def exact_sums(numbers):
    """Return the sum of each coalition, exactly, of numbers as they are written."""
    sums = [Fraction(0)]
    for number in numbers:
        sums += [total + Fraction(str(number)) for total in sums]
    return sums


@st.composite
def tied_votes(draw):
    """Return whole weights and a quota that some coalition reaches exactly."""
    weights = draw(st.lists(st.integers(0, 99), min_size=2, max_size=7).filter(any))
    inside = draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights)))
    return weights, sum(itertools.compress(weights, inside)) or sum(weights)


@given(vote=tied_votes(), digits=st.integers(-9, 9), order=st.randoms())
@settings(max_examples=60, deadline=None)
def test_a_quota_that_is_reached_exactly_in_decimals_wins_in_values_and_form(vote, digits, order):
    weights, quota = vote
    order.shuffle(weights)
    weights, quota = ([float(f"{x}e{digits}") for x in weights], float(f"{quota}e{digits}"))
    game = sg.games.weighted_vote(weights, quota)
    wins = [float(total >= Fraction(str(quota))) for total in exact_sums(weights)]
    assert game.tabulate(progress=False).tolist() == wins
    padded = sg.games.weighted_vote([*weights, *[0.0] * 31], quota)
    by_form = sg.shapley_value(padded, progress=False)
    assert by_form.evidence.coalitions == 0
    table = sg.Game.from_table(wins, kind="gain")
    expected = sg.shapley_value(table, progress=False).values
    off = np.abs(by_form.values[: len(weights)] - expected).max()
    assert off <= by_form.evidence.error_bound + 1e-12


@given(vote=tied_votes(), unit=st.sampled_from(UNITS))
@settings(max_examples=40, deadline=None)
def test_votes_do_not_depend_on_the_unit(vote, unit):
    weights, quota = vote
    whole = sg.games.weighted_vote(weights, quota).tabulate(progress=False)
    other = sg.games.weighted_vote([unit * x for x in weights], unit * quota)
    assert other.tabulate(progress=False).tolist() == whole.tolist()


def test_many_votes_with_ties_have_one_rule_in_values_and_form():
    random = np.random.default_rng(3)
    for unit in (0.01, 1 / 3, 1e-9, 1e9):
        weights = random.integers(1, 60, 18)
        quota = int(weights[::2].sum())
        table = sg.games.weighted_vote(weights, quota).tabulate(progress=False)
        expected = sg.shapley_value(sg.Game.from_table(table, kind="gain"), progress=False).values
        padded = np.append(weights * unit, np.zeros(13))
        shares = sg.shapley_value(sg.games.weighted_vote(padded, quota * unit), progress=False)
        assert shares.evidence.method == "aggregate"
        np.testing.assert_allclose(shares.values[:18], expected, rtol=0, atol=1e-11)


def test_votes_that_differ_in_the_twelfth_digit_are_told_apart():
    game = sg.games.weighted_vote([1.0, 1.000000000001], 1.000000000001)
    assert game.tabulate(progress=False).tolist() == [0, 0, 1, 1]
    million = sg.games.weighted_vote([10**15, 10**15 + 1, *range(40)], 2 * 10**15 + 1)
    with pytest.raises(GameError, match="multiples of a common quantum"):
        sg.shapley_value(million, progress=False)


def test_an_estate_of_all_claims_is_one_in_decimals():
    claims = [0.7, 0.1]
    assert sum(claims) < 0.8
    assert sg.games.bankruptcy(0.8, claims).value([0, 1]) == pytest.approx(0.8, rel=1e-15)
    with pytest.raises(GameError, match="the estate is"):
        sg.games.bankruptcy(0.8000000001, claims)


def of_one_step(name, loads, limit):
    column = [[load] for load in loads]
    make = {
        "bankruptcy": lambda: sg.games.bankruptcy(limit, loads),
        "excess": lambda: sg.games.excess(column, limit),
        "peak": lambda: sg.games.peak(column, 3.0),
        "netting": lambda: sg.games.netting(column, 3.0, 1.0),
    }
    return make[name]()


def exact_values(name, loads, limit):
    """Return the values of a game of one step, in fractions."""
    sums, at = exact_sums(loads), Fraction(str(limit))
    value = {
        "bankruptcy": lambda total: max(at - sums[-1] + total, Fraction(0)),
        "excess": lambda total: max(total - at, Fraction(0)),
        "peak": lambda total: 3 * max(total, Fraction(0)),
        "netting": lambda total: max(3 * total, total),
    }
    return [value[name](total) for total in sums]


@pytest.mark.parametrize("name", ["bankruptcy", "excess", "peak", "netting"])
@given(data=st.data(), digits=st.integers(-9, 9))
@settings(max_examples=25, deadline=None)
def test_thresholds_on_sums_of_decimals_are_those_of_fractions(name, data, digits):
    """Ties, where a sum meets the threshold exactly, are drawn often."""
    least = 0 if name in ("bankruptcy", "excess") else -99
    whole = data.draw(st.lists(st.integers(least, 99), min_size=2, max_size=6).filter(any))
    inside = data.draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole)))
    tie = sum(itertools.compress(whole, inside))
    loads, limit = [float(f"{x}e{digits}") for x in whole], float(f"{abs(tie)}e{digits}")
    game, values = of_one_step(name, loads, limit), exact_values(name, loads, limit)
    # A handful of additions, each off by a unit in the last place of all loads, three times dear.
    rounding = 3 * 8 * 2.0**-52 * sum(map(abs, loads))
    off = [
        abs(Fraction(found) - value) for found, value in zip(game.tabulate(), values, strict=True)
    ]
    assert max(off) <= rounding
    expected = np.array([float(x) for x in value_oracles.shapley_value(values)])
    # From 31 players on there is no table: the form, or no answer.
    padding = 0 if name == "peak" else 31 - len(loads)
    by_form = of_one_step(name, [*loads, *[0.0] * padding], limit)
    shares = sg.shapley_value(by_form, progress=False)
    assert np.abs(shares.values[: len(loads)] - expected).max() <= rounding


@given(st.data())
@settings(max_examples=6)
def test_bankruptcies_beyond_a_table_agree_with_counting(data):
    """E - the claims of the others, cut off at 0, is a sum of votes over all quotas."""
    claims = data.draw(st.lists(st.integers(0, 6), min_size=31, max_size=36))
    estate = data.draw(st.integers(0, min(5, sum(claims))))
    quotas = range(sum(claims) - estate + 1, sum(claims) + 1)
    expected = np.zeros(len(claims))
    for quota in quotas:
        expected += [float(x) for x in value_oracles.shapley_shubik_index(claims, quota)]
    allocation = sg.shapley_value(sg.games.bankruptcy(estate, claims))
    np.testing.assert_allclose(allocation.values, expected, rtol=0, atol=1e-10)


def test_the_security_council_gives_the_published_index():
    """Straffin (1993), Game Theory and Strategy, chapter 24: 421/2145 and 4/2145."""
    council = sg.games.weighted_vote([7] * 5 + [1] * 10, 39)
    values = sg.shapley_value(council).values
    np.testing.assert_allclose(values, [421 / 2145] * 5 + [4 / 2145] * 10, rtol=1e-12)


def test_an_airport_of_thousands_of_movements_pays_the_fees_of_the_definition():
    """Eleven types of aircraft, of very different numbers, as at a regional airport.

    A type's fee is the sum over the stretches it needs of the cost of the stretch divided by the
    movements that need it (Littlechild and Owen 1973); here in fractions.
    """
    costs = [65899, 76725, 95200, 97200, 97436, 98142, 102496, 104849, 113322, 115440, 117676]
    movements = [42, 9555, 288, 303, 151, 1315, 505, 1118, 151, 112, 22]
    everyone = [cost for cost, count in zip(costs, movements, strict=True) for _ in range(count)]
    shares = sg.shapley_value(sg.games.airport(everyone)).values
    fee, below, remaining, expected = Fraction(0), 0, sum(movements), []
    for cost, count in zip(costs, movements, strict=True):
        fee += Fraction(cost - below, remaining)
        below, remaining = cost, remaining - count
        expected += [float(fee)] * count
    np.testing.assert_allclose(shares, expected, rtol=1e-12)
    assert shares.sum() == pytest.approx(117676, rel=1e-12)


@pytest.mark.parametrize("n_players", [31, 60, 300])
def test_a_symmetric_netting_game_gives_alternating_equal_shares(n_players):
    """Members of +1 and -1 kWh: the value of a walk is known (Wuellner's reflection not needed).

    Symmetric members get the same, consumers and producers together c(N).
    """
    load = np.where(np.arange(n_players) % 2, -1.0, 1.0)[:, None]
    allocation = sg.shapley_value(sg.games.netting(load, 0.3, 0.1))
    consumers, producers = allocation.values[::2], allocation.values[1::2]
    assert np.ptp(consumers) < 1e-13
    assert np.ptp(producers) < 1e-13
    # By counting: size k, h of the k others are consumers (hypergeometric).
    n_up, n_down = len(consumers) - 1, len(producers)
    share = Fraction(0)
    for size in range(n_players):
        for up in range(max(0, size - n_down), min(size, n_up) + 1):
            ways = math.comb(n_up, up) * math.comb(n_down, size - up)
            price = Fraction(3, 10) if 2 * up - size >= 0 else Fraction(1, 10)
            share += price * ways / (math.comb(n_players - 1, size) * n_players)
    np.testing.assert_allclose(consumers, float(share), rtol=1e-12)


def test_selling_above_buying_is_netted_exactly():
    loads = np.random.default_rng(5).normal(size=(40, 6))
    above, below = sg.games.netting(loads, 0.1, 0.2), sg.games.netting(loads, 0.2, 0.1)
    # b L+ - s L- = s L + (b - s) L+, and so are the Shapley values.
    own = loads.sum(axis=1)
    found = sg.shapley_value(above).values + sg.shapley_value(below).values
    assert found == pytest.approx(0.3 * own, abs=1e-12)
    two = sg.games.netting([[1.0], [-1.0]], 0.1, 0.2)
    assert two.value([0, 1]) > two.value([0]) + two.value([1])


@pytest.mark.parametrize("n_players", [14, 20])
@pytest.mark.parametrize("decimals", [1, 3, None])
def test_netting_by_owens_integral_agrees_with_all_coalitions(n_players, decimals):
    """Dummies make the game too large for a table."""
    random = np.random.default_rng(n_players)
    load = random.normal(0.1, 1, (n_players, 4))
    if decimals is not None:
        load = load.round(decimals)
    expected = sg.shapley_value(sg.games.netting(load, 1, 0)).values
    with_dummies = np.vstack([load, np.zeros((31 - n_players, 4))])
    allocation = sg.shapley_value(sg.games.netting(with_dummies, 1, 0))
    assert allocation.evidence.method == "aggregate"
    error = np.abs(allocation.values[:n_players] - expected).max()
    assert error <= allocation.evidence.error_bound + 1e-12
    assert (allocation.values[n_players:] == 0).all()
    assert allocation.evidence.error_bound < (1e-3 if decimals is None else 1e-9)


def test_a_community_of_hundreds_is_exact():
    random = np.random.default_rng(3)
    community = sg.energy.Community(
        members=[f"m{k}" for k in range(200)],
        steps=[f"2016-06-01T{hour:02}:00" for hour in range(6)],
        load_kwh=random.gamma(2, 0.3, (200, 6)).round(3),
        pv_kwh=random.gamma(1, 0.6, (200, 6)).round(3),
        tariff=sg.energy.Tariff.flat(0.3, 0.08),
    )
    game = community.cost_game()
    exact = sg.shapley_value(game)
    assert exact.evidence.method == "aggregate"
    assert exact.evidence.error_bound < 1e-10
    assert abs(exact.evidence.efficiency_gap) < 1e-10
    estimate = sg.shapley_estimate(game, seed=1, max_evaluations=40_000)
    standard = (estimate.values - exact.values) / estimate.evidence.standard_errors
    assert np.abs(standard).max() < 6  # 200 t-variates with 9 or more degrees of freedom
    assert 0.6 < np.sqrt((standard**2).mean()) < 1.7


def test_one_thread_and_two_give_the_same_bits_of_exact_values():
    program = (
        "import numpy as np, sesgame as sg;"
        "loads = np.random.default_rng(1).normal(size=(80, 5));"
        "games = [sg.games.netting(loads.round(3), 0.3, 0.1), sg.games.netting(loads, 0.3, 0.1),"
        " sg.games.weighted_vote(range(1, 101), 2500), sg.games.bankruptcy(400.0, range(1, 41)),"
        " sg.games.netting(loads[:22], 0.3, 0.1)];"
        "[print(sg.shapley_value(game).values.tobytes().hex()) for game in games]"
    )
    outputs = outputs_by_threads(program)
    assert len(set(outputs["1"].split())) == 5
    assert outputs["1"] == outputs["2"]


def test_a_giant_among_small_members_is_exact():
    load = np.array([[500.0], *([[-1.0], [2.0], [-3.0]] * 11)])
    allocation = sg.shapley_value(sg.games.netting(load, 1, 0))
    assert abs(allocation.evidence.efficiency_gap) < 1e-9
    assert allocation.evidence.error_bound < 1e-8
    # The giant alone decides the sign: the small ones pay their load where it is there.
    assert allocation.values[0] > 400


@pytest.mark.parametrize("name", ["peak", "spanning_tree"])
def test_a_game_without_a_form_is_sampled_beyond_a_table(name):
    random = np.random.default_rng(0)
    game = (
        sg.games.peak(random.random((40, 3)), 1.0)
        if name == "peak"
        else sg.games.spanning_tree(symmetric(random, 41))
    )
    with pytest.raises(PlayerLimitError, match=r"sg\.shapley_estimate"):
        sg.shapley_value(game)
    estimate = sg.shapley_estimate(game, seed=0, max_evaluations=8_000, method="permutations")
    assert estimate.total == pytest.approx(game.value(game.players))


def test_peaks_of_single_steps_are_exact_for_any_number_of_players():
    load = np.random.default_rng(1).integers(-3, 5, (40, 3)).astype(float)
    single = sg.games.peak(load, [1.0, 2.0, 3.0], periods=[1, 2, 3])
    assert sg.shapley_value(single).evidence.method == "aggregate"


@pytest.mark.parametrize("concept", [sg.banzhaf_value, sg.shapley_value])
def test_a_native_game_gives_what_its_table_gives(concept):
    game, _ = by_definition("netting", np.random.default_rng(5), 13)
    table = sg.Game.from_table(game.tabulate(), kind="cost")
    fresh, _ = by_definition("netting", np.random.default_rng(5), 13)
    np.testing.assert_allclose(concept(fresh).values, concept(table).values, **ROUNDING)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: sg.games.airport([]), "there is no costs", id="nobody"),
        pytest.param(lambda: sg.games.airport([1, -2]), r"costs\[1\] is -2", id="negative"),
        pytest.param(lambda: sg.games.airport([1, math.nan]), r"costs\[1\] is NaN", id="nan"),
        pytest.param(lambda: sg.games.airport([[1]]), "needs 1 dimension", id="matrix"),
        pytest.param(lambda: sg.games.airport(["a"]), "costs is not an array", id="text"),
        pytest.param(
            lambda: sg.games.airport([1, 2], players=["a"]), "1 labels for a game of 2", id="labels"
        ),
        pytest.param(lambda: sg.games.weighted_vote([1, 2], 0), "quota is 0", id="quota"),
        pytest.param(
            lambda: sg.games.weighted_vote([1], "x"),
            "quota must be a number, got str 'x'",
            id="quota text",
        ),
        pytest.param(
            lambda: sg.games.bankruptcy(7, [1, 2]), "estate is 7; .* to 3", id="large estate"
        ),
        pytest.param(lambda: sg.games.bankruptcy(-1, [1]), "estate is -1", id="negative estate"),
        pytest.param(
            lambda: sg.games.excess([[1.0, 2.0]], [1, 2, 3]), "limit has shape", id="limits"
        ),
        pytest.param(lambda: sg.games.excess([[1.0]], -1), r"limits\[0\] is -1", id="limit"),
        pytest.param(
            lambda: sg.games.netting([[1.0]], 0.1, [0.2, 0.1]),
            "sell_per_kwh has shape",
            id="prices",
        ),
        pytest.param(
            lambda: sg.games.peak([[1.0, 2.0]], 1, periods=["a"]), "1 periods for 2", id="periods"
        ),
        pytest.param(lambda: sg.games.peak([[1.0]], -1), r"prices\[0\] is -1", id="price"),
        pytest.param(
            lambda: sg.games.peak([[1.0]], [1, 2]), "shape .* for 1 periods", id="period prices"
        ),
        pytest.param(
            lambda: sg.games.spanning_tree([[0, 1], [2, 0]]),
            "between nodes 0 and 1 is 1 in one row and 2",
            id="asymmetric costs",
        ),
        pytest.param(lambda: sg.games.spanning_tree([[0]]), "at least one", id="no node"),
        pytest.param(lambda: sg.games.spanning_tree([[0, 1]]), "must be a square", id="no square"),
        pytest.param(
            lambda: sg.games.induced_subgraph([[0, 1], [2, 0]]),
            "players 0 and 1 is 1 in one row and 2",
            id="asymmetric weights",
        ),
        pytest.param(
            lambda: sg.games.induced_subgraph([[math.inf]]), r"weights\[0\] is inf", id="infinite"
        ),
    ],
)
def test_what_is_no_such_game_is_refused(make, message):
    with pytest.raises(GameError, match=message):
        make()


def test_weights_without_a_quantum_are_refused_beyond_a_table():
    weights = np.sqrt(np.arange(1, 41))
    with pytest.raises(GameError, match="multiples of a common quantum"):
        sg.shapley_value(sg.games.weighted_vote(weights, 60.0))
