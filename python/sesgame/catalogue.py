"""The rules that the command line knows by name, for games of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.clustering import clustered_nucleolus
from sesgame.energy.owen_allocation import owen_allocation
from sesgame.errors import GameError, PlayerLimitError
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.markets.mechanisms.vcg_of_game import vcg_payments
from sesgame.shapley.exact import banzhaf_value, shapley_value
from sesgame.shapley.sampled import shapley_estimate
from sesgame.stability.core import least_core
from sesgame.stability.core_points import leximin_core_allocation, nearest_core_allocation
from sesgame.stability.nucleolus import nucleolus, per_capita_nucleolus, prenucleolus

if TYPE_CHECKING:
    from sesgame.energy.community import Community
    from sesgame.energy.dispatch.problem import Model
    from sesgame.game.allocation import Allocation
    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = ["RULES", "Case"]

MAX_PROGRAMMED_PLAYERS = 14
"""The most players whose every coalition is worth a linear programme of its own."""

LOCAL_SEARCH = 20_000
"""Coalitions looked at before each mixed-integer programme, where a recursion makes them cheap."""


@dataclass(frozen=True, eq=False)
class Case:
    """What is to be split, whatever the rule.

    Parameters
    ----------
    game : Game
        The game.
    community : Community, optional
        What made it, in the period that counts.
    model : {"battery", "netting", "linear"}, optional
        The model of the community behind the game.
    seed : int, default 0
        For rules that sample.
    n_clusters : int, default 12
        For rules that cluster.
    max_seconds : float, default 300
        For each search for the worst group.
    given_oracle : SeparationOracle, optional
        Who finds the worst group; by default a table, or the programme of the community.
    """

    game: Game
    community: Community | None = None
    model: Model | None = None
    seed: int = 0
    n_clusters: int = 12
    max_seconds: float = 300.0
    given_oracle: SeparationOracle | None = None

    @property
    def has_table(self) -> bool:
        """Whether all coalitions are listed; if not, the worst ones are searched for."""
        return self.given_oracle is None and self.game.n_players <= self._most_listed

    @property
    def _most_listed(self) -> int:
        return MAX_PROGRAMMED_PLAYERS if self.model == "linear" else MAX_TABLE_PLAYERS

    @cached_property
    def oracle(self) -> SeparationOracle | None:
        """Who finds the worst group, where not all are listed."""
        if self.given_oracle or self.has_table or self.community is None:
            return self.given_oracle
        return self.community.separation_oracle(model=self.model)

    @property
    def default_rules(self) -> list[str]:
        """The rules where none is asked for."""
        return ["shapley", "nucleolus"] if self.has_table else ["owen", "shapley-estimate"]

    @property
    def comparable_rules(self) -> list[str]:
        """The rules worth a line in a comparison."""
        owen = ["owen"] if self.community else []
        if self.has_table:
            return [*(name for name in RULES if name not in _OF_COMMUNITIES | _SAMPLED), *owen]
        searched = ["least-core"] if self.oracle else []
        return [*owen, "shapley-estimate", *searched, "vcg"]

    def allocate(self, rule: str) -> Allocation:
        """Return the allocation by one of :data:`RULES`.

        Raises
        ------
        GameError
            The rule is for communities, and this is another game.
        PlayerLimitError
            The rule needs the table of all coalitions, or somebody who finds the worst one, and
            there are too many.
        """
        if rule in _OF_COMMUNITIES and self.community is None:
            raise GameError(f'the rule "{rule}" is for communities; this is a game of its values')
        refused = set() if self.has_table else _TABULATED
        if not (self.has_table or self.oracle):
            refused = refused | _SEARCHED
        if rule in refused:
            if self.community is None:
                refused = refused | _OF_COMMUNITIES
            others = ", ".join(name for name in RULES if name not in refused)
            raise PlayerLimitError(
                f'the rule "{rule}" looks at every coalition of {self.game.n_players} members; '
                f"for so many there are {others}",
                self.game.n_players,
                self._most_listed,
            )
        return RULES[rule](self)


def _shapley_estimate(case: Case) -> Allocation:
    return shapley_estimate(case.game, seed=case.seed)


def _nucleolus(case: Case) -> Allocation:
    if case.oracle is None:
        return nucleolus(case.game)
    return nucleolus(
        case.game, oracle=case.oracle, local_search=_search(case), max_seconds=case.max_seconds
    )


def _least_core(case: Case) -> Allocation:
    if case.oracle is None:
        return least_core(case.game)
    return least_core(
        case.game, oracle=case.oracle, local_search=_search(case), max_seconds=case.max_seconds
    )


def _search(case: Case) -> int:
    return LOCAL_SEARCH if case.community and case.model != "linear" else 0


def _owen(case: Case) -> Allocation:
    assert case.community is not None
    return owen_allocation(case.community, model=case.model)


def _clustered_nucleolus(case: Case) -> Allocation:
    assert case.community is not None
    return clustered_nucleolus(
        case.community,
        min(case.n_clusters, case.game.n_players),
        model=case.model,
        seed=case.seed,
        max_seconds=case.max_seconds,
    )


def _nearest_core(case: Case) -> Allocation:
    nearest = nearest_core_allocation(case.game, reference=shapley_value(case.game))
    return replace(nearest, method=nearest.method.replace("the reference", "the Shapley value"))


def _leximin_core(case: Case) -> Allocation:
    alone = case.game.values(np.eye(case.game.n_players, dtype=np.bool_))
    leximin = leximin_core_allocation(case.game, reference=alone)
    return replace(leximin, method=f"{leximin.method} of savings")


RULES: dict[str, Callable[[Case], Allocation]] = {
    "shapley": lambda case: shapley_value(case.game),
    "shapley-estimate": _shapley_estimate,
    "nucleolus": _nucleolus,
    "prenucleolus": lambda case: prenucleolus(case.game),
    "per-capita-nucleolus": lambda case: per_capita_nucleolus(case.game),
    "least-core": _least_core,
    "nearest-core": _nearest_core,
    "leximin-core": _leximin_core,
    "banzhaf": lambda case: banzhaf_value(case.game),
    "vcg": lambda case: vcg_payments(case.game),
    "owen": _owen,
    "clustered-nucleolus": _clustered_nucleolus,
}
"""What ``--rules`` may name. The core point ``nearest-core`` is the nearest to the Shapley value;
``leximin-core`` has the largest least saving, then the next, and so on."""

_SAMPLED = {"shapley-estimate"}
_OF_COMMUNITIES = {"owen", "clustered-nucleolus"}
_TABULATED = {
    "shapley",
    "prenucleolus",
    "per-capita-nucleolus",
    "nearest-core",
    "leximin-core",
    "banzhaf",
}
_SEARCHED = {"nucleolus", "least-core"}
