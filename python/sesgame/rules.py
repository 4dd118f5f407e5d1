"""The rules that the command line knows by name, for games of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sesgame.energy.clustering import clustered_nucleolus
from sesgame.energy.owen import owen_allocation
from sesgame.errors import GameError, PlayerLimitError
from sesgame.game import MAX_TABLE_PLAYERS
from sesgame.sampled_shapley import shapley_estimate
from sesgame.shapley import banzhaf_value, shapley_value
from sesgame.stability.cores import least_core
from sesgame.stability.nucleoli import nucleolus, per_capita_nucleolus, prenucleolus

if TYPE_CHECKING:
    from sesgame.allocation import Allocation
    from sesgame.energy.community import Community, Model
    from sesgame.energy.separation import DispatchOracle
    from sesgame.game import Game

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
    """

    game: Game
    community: Community | None = None
    model: Model | None = None
    seed: int = 0
    n_clusters: int = 12
    max_seconds: float = 300.0

    @property
    def has_table(self) -> bool:
        """Whether all coalitions are listed; if not, the worst ones are searched for."""
        limit = MAX_PROGRAMMED_PLAYERS if self.model == "linear" else MAX_TABLE_PLAYERS
        return self.community is None or self.game.n_players <= limit

    @cached_property
    def oracle(self) -> DispatchOracle | None:
        """Who finds the worst group, where not all are listed."""
        if self.has_table or self.community is None:
            return None
        return self.community.separation_oracle(model=self.model)

    @property
    def default_rules(self) -> list[str]:
        """The rules where none is asked for."""
        return ["shapley", "nucleolus"] if self.has_table else ["owen", "shapley-estimate"]

    @property
    def comparable_rules(self) -> list[str]:
        """The rules worth a line in a comparison."""
        if not self.has_table:
            return [*self.default_rules, "least-core"]
        tabulated = [name for name in RULES if name not in _OF_COMMUNITIES | _SAMPLED]
        return [*tabulated, *(["owen"] if self.community else [])]

    def allocate(self, rule: str) -> Allocation:
        """Return the allocation by one of :data:`RULES`.

        Raises
        ------
        GameError
            The rule is for communities, and this is another game.
        PlayerLimitError
            The rule needs the table of all coalitions, and there are too many.
        """
        if rule in _OF_COMMUNITIES and self.community is None:
            raise GameError(f'the rule "{rule}" is for communities; this is a game of its values')
        if rule in _TABULATED and not self.has_table:
            others = ", ".join(name for name in RULES if name not in _TABULATED)
            raise PlayerLimitError(
                f'the rule "{rule}" looks at every coalition of {self.game.n_players} members; '
                f"for so many there are {others}",
                self.game.n_players,
                MAX_PROGRAMMED_PLAYERS if self.model == "linear" else MAX_TABLE_PLAYERS,
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
    return 0 if case.model == "linear" else LOCAL_SEARCH


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


RULES: dict[str, Callable[[Case], Allocation]] = {
    "shapley": lambda case: shapley_value(case.game),
    "shapley-estimate": _shapley_estimate,
    "nucleolus": _nucleolus,
    "prenucleolus": lambda case: prenucleolus(case.game),
    "per-capita-nucleolus": lambda case: per_capita_nucleolus(case.game),
    "least-core": _least_core,
    "banzhaf": lambda case: banzhaf_value(case.game),
    "owen": _owen,
    "clustered-nucleolus": _clustered_nucleolus,
}
"""What ``--rules`` may name."""

_SAMPLED = {"shapley-estimate"}
_OF_COMMUNITIES = {"owen", "clustered-nucleolus"}
_TABULATED = {"shapley", "prenucleolus", "per-capita-nucleolus", "banzhaf"}
