"""The agents of a community: one for each member, and one for the grid."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.agents.grid_agent import GridAgent
from sesgame.energy.agents.member_agent import MemberAgent
from sesgame.energy.dispatch.problem import AT_ONCE, DispatchProblem
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from sesgame.energy.agents.agent import Agent

__all__ = ["GRID", "CommunityAgents", "agents_of"]

GRID = "grid"
"""What the agent of the common connection is called; with more underscores if a member is."""


@dataclass(frozen=True, eq=False, repr=False)
class CommunityAgents(ByValue, Mapping[Hashable, "Agent"]):
    """The agents of a community by label: those of the members, then that of the grid.

    Attributes
    ----------
    agents : dict of label to Agent
    """

    agents: dict[Hashable, Any]
    basis: Callable[[], Any] | None = field(default=None, compare=False)

    def __getitem__(self, label: Hashable) -> Agent:
        agent: Agent = self.agents[label]
        return agent

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.agents)

    def __len__(self) -> int:
        return len(self.agents)

    def __repr__(self) -> str:
        return f"CommunityAgents({', '.join(map(repr, self.agents))})"


def agents_of(
    problem: DispatchProblem, *, uses_batteries: bool
) -> dict[Hashable, MemberAgent | GridAgent]:
    """Return an agent for each member, and one for the grid.

    Raises
    ------
    GameError
        The problem has what no agent has, by name.
    """
    _refuse_features(problem, uses_batteries=uses_batteries)
    hours, storage = problem.steps.step_hours, problem.storage
    agents: dict[Hashable, MemberAgent | GridAgent] = {}
    for number, member in enumerate(problem.members):
        own = np.flatnonzero(storage.owner == number) if uses_batteries else np.arange(0)
        agents[member] = MemberAgent.of_arrays(
            problem.net_load_kwh[number].copy(),
            problem.curtailable_kwh[number].copy(),
            storage.part(own),
            hours,
        )
    name = GRID
    while name in agents:
        name += "_"
    agents[name] = GridAgent(
        problem.buy_per_kwh,
        problem.sell_per_kwh,
        import_limit_kwh=problem.import_limit_kw * hours,
        export_limit_kwh=problem.export_limit_kw * hours,
        weight=float(len(problem.members)),
    )
    return agents


def _refuse_features(problem: DispatchProblem, *, uses_batteries: bool) -> None:
    features: list[str] = []
    if problem.billing is not None:
        features += problem.billing.elements
    if problem.peak_charges:
        features.append("demand charges")
    features += [name for name in problem.beyond_a_step if name in ("connection limits", "lines")]
    if len(problem.offers):
        features.append("storage to buy")
    if uses_batteries and problem.choices.any():
        features.append(f"{AT_ONCE} (an integer decision: rounds would not converge)")
    if features:
        raise GameError(
            f"agents do not have {', '.join(features)}: a price for each step clears energy alone"
        )
    if problem.sells_above_buy:
        raise GameError(
            f"{problem.sells_above_buy}: where selling earns more than buying costs, no price "
            f"clears"
        )
