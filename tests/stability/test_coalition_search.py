"""A table and an oracle answer the same questions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sesgame as sg
from reference.separation_oracles import Enumeration
from sesgame.errors import OracleError, PlayerLimitError
from sesgame.rule import AllocationProblem
from sesgame.stability.audit import audit_by_search
from sesgame.stability.core import least_core_by_search
from sesgame.stability.nucleolus import nucleolus_by_search
from sesgame.stability.search import CoalitionSearch, FewCoalitions, OracleSearch, TableSearch


def random_game(n_players: int, seed: int, kind: str = "gain") -> sg.Game:
    table = np.random.default_rng(seed).integers(0, 100, 1 << n_players).astype(float)
    table[0] = 0
    return sg.Game.from_table(table, kind=kind)


class Forgetful(Enumeration):
    """Names no coalition."""

    exact = False

    def most_violated(self, allocation, count, *, outside=None):
        return None


@pytest.mark.parametrize("kind", ["gain", "cost"])
@pytest.mark.parametrize("n_players", [1, 2, 3, 6])
def test_a_table_and_an_exact_oracle_find_the_same_worst_coalition(
    n_players: int, kind: str
) -> None:
    for seed in range(5):
        game = random_game(n_players, seed, kind)
        x = np.random.default_rng(seed).normal(size=n_players)
        table, oracle = CoalitionSearch.of(game), CoalitionSearch.of(game, oracle=Enumeration(game))
        assert isinstance(table, TableSearch)
        assert isinstance(oracle, OracleSearch)
        assert (table.exhaustive, oracle.exhaustive) == (True, False)
        assert table.oracle is None
        assert oracle.oracle is not None
        np.testing.assert_array_equal(table.alone, oracle.alone)
        assert table.total == oracle.total == game.value(range(n_players))
        found, named = table.worst(x, 1e-9), oracle.worst(x, 1e-9)
        assert found.coalition == named.coalition
        assert found.excess == pytest.approx(named.excess)
        assert found.bound == found.excess
        assert found.excess == pytest.approx(named.bound)


def test_what_nobody_proves_has_no_bound() -> None:
    game = random_game(5, 3)
    x = np.full(5, game.value(range(5)) / 5)
    few, forgetful = FewCoalitions(game), CoalitionSearch.of(game, oracle=Forgetful(game))
    assert few.worst(x, 1e-9) == forgetful.worst(x, 1e-9)
    assert few.worst(x, 1e-9).bound == math.inf
    assert few.worst(x, 1e-9).excess <= CoalitionSearch.of(game).worst(x, 1e-9).excess
    assert len(few.worst(x, 1e-9).coalition) in (1, 4)
    audited = audit_by_search(few, [game.value(range(5)), 0, 0, 0, 0])
    assert audited == sg.audit(game, [game.value(range(5)), 0, 0, 0, 0], oracle=Forgetful(game))
    assert audited.bound == math.inf


def test_few_coalitions_take_2n_plus_1_values_of_any_number_of_players() -> None:
    asked = []

    def function(membership):
        asked.append(len(membership))
        return np.sqrt(membership.sum(axis=1))

    game = sg.Game.from_function(range(50), function, kind="gain", batched=True)
    search = FewCoalitions(game)
    for _ in range(3):
        assert audit_by_search(search, np.full(50, math.sqrt(50) / 50)).in_core is False
    assert sum(asked) == 2 * 50 + 1
    with pytest.raises(PlayerLimitError):
        audit_by_search(CoalitionSearch.of(game), np.zeros(50))


@pytest.mark.parametrize(
    "option", [{"tolerance": 1e-3}, {"local_search": 5}, {"max_seconds": 1.0}], ids=str
)
def test_options_of_an_oracle_are_refused_without_one(option: dict[str, float]) -> None:
    with pytest.raises(OracleError, match=f"{next(iter(option))} has a meaning only with"):
        CoalitionSearch.of(random_game(3, 1), **option)


def test_players_alone_need_an_oracle_of_a_kind() -> None:
    game = random_game(3, 1)
    with pytest.raises(OracleError, match="players alone are no game"):
        CoalitionSearch.of(game.players)
    with pytest.raises(OracleError, match="has no kind"):
        CoalitionSearch.of(game.players, oracle=Enumeration(game))
    with pytest.raises(OracleError, match="has no most_violated"):
        CoalitionSearch.of(game, oracle=object())


@pytest.mark.parametrize("with_oracle", [False, True])
def test_a_search_made_once_serves_rules_and_audits(with_oracle: bool) -> None:
    game = random_game(5, 8)
    how = {"oracle": Enumeration(game)} if with_oracle else {}
    search = CoalitionSearch.of(game, **how)
    for by_search, solution in (
        (least_core_by_search, sg.least_core),
        (nucleolus_by_search, sg.nucleolus),
    ):
        found, expected = by_search(search), solution(game, **how)
        assert found.to_dict() == expected.to_dict()
        assert audit_by_search(search, found) == sg.audit(game, expected, **how)


def test_the_search_of_a_problem_follows_what_the_problem_has() -> None:
    game = random_game(4, 2)
    large = sg.Game.from_function(range(40), len, kind="gain")
    oracle = Enumeration(game)
    asked = CoalitionSearch.of_problem(AllocationProblem(game, given_oracle=oracle, max_seconds=7))
    assert isinstance(asked, OracleSearch)
    assert (asked.oracle, asked.max_seconds, asked.local_search) == (oracle, 7, 0)
    assert type(CoalitionSearch.of_problem(AllocationProblem(game))) is TableSearch
    assert type(CoalitionSearch.of_problem(AllocationProblem(large))) is TableSearch
    uncertain = CoalitionSearch.of_problem(AllocationProblem(large), certain=False)
    assert type(uncertain) is FewCoalitions
    assert type(CoalitionSearch.of_problem(AllocationProblem(game), certain=False)) is TableSearch
