"""What the test kit draws is what it says, and shrinks to something to look at."""

from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from sesgame.testing import (
    airport_games,
    assert_in_core,
    bankruptcy_games,
    communities,
    games,
    markets,
    network_markets,
    storage_auctions,
    voting_games,
)

KINDS = st.sampled_from(["gain", "cost"])


def values_of(game, class_name):
    """Return pairs of numbers of which the first is never smaller in a game of the class."""
    v = game.sign * game.tabulate()
    masks = range(len(v))
    if class_name == "monotone":
        c = game.tabulate()
        return [(c[s | 1 << i], c[s]) for s in masks for i in range(game.n_players)]
    pairs = combinations(masks, 2)
    if class_name == "superadditive":
        return [(v[s | t], v[s] + v[t]) for s, t in pairs if not s & t]
    return [(v[s | t] + v[s & t], v[s] + v[t]) for s, t in pairs]


@pytest.mark.parametrize("class_name", ["monotone", "superadditive", "convex"])
@given(
    data=st.data(),
    kind=KINDS,
    others=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["twins", "dummy", "monotone", "integer"], st.booleans())
    ),
)
def test_a_game_of_a_class_is_in_it_to_the_last_bit(class_name, data, kind, others):
    game = data.draw(games(kind=kind, **(others | {class_name: True})))
    assert all(larger >= smaller for larger, smaller in values_of(game, class_name))


@given(data=st.data(), kind=KINDS, monotone=st.booleans(), superadditive=st.booleans())
def test_a_balanced_game_has_a_core_and_keeps_its_other_classes(
    data, kind, monotone, superadditive
):
    game = data.draw(
        games(kind=kind, balanced=True, monotone=monotone, superadditive=superadditive)
    )
    assert_in_core(game, sg.nucleolus(game))
    for class_name in ["monotone"] * monotone + ["superadditive"] * superadditive:
        assert all(larger >= smaller for larger, smaller in values_of(game, class_name))


def interchangeable(v, i, j):
    return all(v[s | 1 << i] == v[s | 1 << j] for s in range(len(v)) if not s & (1 << i | 1 << j))


@given(games(n=st.integers(2, 5), twins=True), games(dummy=True))
def test_twins_and_dummies_are_there(with_twins, with_dummy):
    v = with_twins.tabulate()
    assert any(interchangeable(v, i, j) for i, j in combinations(range(with_twins.n_players), 2))
    v = with_dummy.tabulate()
    assert any(
        all(v[s | 1 << i] == v[s] + v[1 << i] for s in range(len(v)) if not s >> i & 1)
        for i in range(with_dummy.n_players)
    )


def dividends(v):
    v = v.copy()
    for i in range(len(v).bit_length() - 1):
        pairs = v.reshape(-1, 2, 1 << i)
        pairs[:, 1] -= pairs[:, 0]
    return v


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        pytest.param(
            games(n=3, kind="gain", convex=True),
            lambda v: any(dividends(v)[mask] < 0 for mask in (3, 5, 6, 7)),
            id="convex games that no sum of unanimity games gives",
        ),
        pytest.param(
            games(n=3, kind="gain", superadditive=True, balanced=True),
            lambda v: v[3] + v[5] > v[7] + v[1],
            id="balanced games that are not convex",
        ),
        pytest.param(
            games(n=3, kind="gain", superadditive=True),
            lambda v: v[3] + v[5] + v[6] > 2 * v[7],
            id="superadditive games without a core",
        ),
        pytest.param(games(n=7), lambda v: len(set(v)) > 50, id="large games"),
        pytest.param(games(integer=False), lambda v: (v != v.round()).any(), id="fractions"),
    ],
)
def test_a_class_is_drawn_in_its_width(strategy, wanted):
    find(strategy, lambda game: wanted(game.tabulate()))


def test_what_breaks_a_test_shrinks_to_the_least_that_does():
    game = find(games(kind="gain"), lambda game: game.tabulate().sum() > 0)
    assert game.tabulate().tolist() == [0, 1]
    costs = find(airport_games(), lambda game: game.value(game.players) >= 7)
    assert costs.tabulate().tolist() == [0, 7]


@pytest.mark.slow
def test_a_market_that_breaks_a_test_shrinks_to_two_orders():
    book = find(markets(), lambda book: sg.markets.vcg(book).welfare > 0)
    assert len(book.price_per_kwh) <= 2


@given(airport_games(), bankruptcy_games(), voting_games())
def test_the_named_games_are_monotone(airport, bankruptcy, vote):
    for game in (airport, bankruptcy, vote):
        assert all(larger >= smaller for larger, smaller in values_of(game, "monotone"))


@pytest.mark.parametrize("model", ["netting", "battery", "linear"])
def test_every_community_has_a_game_and_is_worth_forming(model):
    @given(communities(n=st.integers(1, 3), n_steps=st.integers(1, 3), model=model))
    def check(community):
        costs = community.cost_game().tabulate(progress=False)
        assert np.isfinite(costs).all()
        if community.default_model != "linear":
            alone = costs[1 << np.arange(len(community.members))].sum()
            assert costs[-1] <= alone + 1e-9 * (1 + abs(alone))

    check()


@given(
    markets(n=2, n_periods=2, single_orders=True, demand=False, trade=True),
    network_markets(),
    storage_auctions(max_bundles=1),
)
def test_markets_have_what_was_asked_for(book, network, auction):
    assert list(book.participants) == [0, 1, "buyer", "seller"]
    assert len(book.price_per_kwh) == 8
    assert not book.demand_kwh.any()
    accepted = sg.markets.vcg(book).accepted_kwh
    assert (np.bincount(book.period, weights=accepted) > 0).all()
    assert len(network.buses) == 4
    assert len(auction.bundles) == len(auction.participants)


def test_what_breaks_a_test_is_printed_with_its_numbers(capsys):
    @settings(phases=[Phase.generate, Phase.shrink])  # to explain takes longer than to find
    @given(games(n=2, kind="gain"), markets(), bankruptcy_games(), network_markets())
    def check(game, book, bankruptcy, network):
        assert game.value([0, 1]) == 0

    with pytest.raises(AssertionError) as caught:
        check()
    text = "".join(caught.value.__notes__) if hasattr(caught.value, "__notes__") else ""
    text += capsys.readouterr().out
    for shown in ("[0.0, 0.0, 0.0, 1.0]", "from_orders(", "bankruptcy(0, [0])", "NetworkMarket("):
        assert shown in text
