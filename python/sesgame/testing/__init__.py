"""For the tests of a rule or a mechanism of your own: games to try it on, and what should hold.

Strategies for `Hypothesis <https://hypothesis.readthedocs.io>`_ (extra ``testing``) draw small
games, communities and markets that shrink to the simplest that breaks a test. Checks raise an
``AssertionError`` that names the coalition and its excess; they enumerate with NumPy or in
fractions and share no code with the solvers.

>>> import sesgame as sg
>>> from sesgame.testing import assert_in_core, games
>>> from hypothesis import given
>>> @given(games(convex=True))
... def test_the_shapley_value_of_a_convex_game_is_in_its_core(game):
...     assert_in_core(game, sg.shapley_value(game))
>>> test_the_shapley_value_of_a_convex_game_is_in_its_core()
"""

from sesgame.optional_imports import needs

with needs("testing", "sesgame.testing needs Hypothesis"):
    import hypothesis  # noqa: F401

from sesgame.testing.allocation_checks import (
    assert_budget_balanced,
    assert_dummies_get_their_worth,
    assert_efficient,
    assert_in_core,
    assert_individually_rational,
    assert_symmetric,
)
from sesgame.testing.community_strategies import communities
from sesgame.testing.game_strategies import (
    airport_games,
    bankruptcy_games,
    games,
    voting_games,
)
from sesgame.testing.market_checks import (
    assert_cleared,
    assert_truthful,
    best_welfare,
    trading_game,
)
from sesgame.testing.market_strategies import (
    markets,
    matching_markets,
    network_markets,
    storage_auctions,
)
from sesgame.testing.rule_checks import assert_additive, assert_anonymous, assert_covariant

__all__ = [
    "airport_games",
    "assert_additive",
    "assert_anonymous",
    "assert_budget_balanced",
    "assert_cleared",
    "assert_covariant",
    "assert_dummies_get_their_worth",
    "assert_efficient",
    "assert_in_core",
    "assert_individually_rational",
    "assert_symmetric",
    "assert_truthful",
    "bankruptcy_games",
    "best_welfare",
    "communities",
    "games",
    "markets",
    "matching_markets",
    "network_markets",
    "storage_auctions",
    "trading_game",
    "voting_games",
]
