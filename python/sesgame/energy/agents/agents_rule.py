"""Bills at the prices that the agents of a community find, as a rule."""

from __future__ import annotations

import dataclasses

from sesgame.energy.agents.agent_clearing import TITLE, clear_by_agents
from sesgame.energy.agents.agent_prices import AgentPrices
from sesgame.energy.community import Community
from sesgame.game.allocation import Allocation
from sesgame.game.cost_basis import CostBasis
from sesgame.rule import AllocationProblem, Rule

__all__ = ["AGENTS"]


def _apply(problem: AllocationProblem) -> Allocation:
    community = problem.world
    assert isinstance(community, Community)
    clearing = clear_by_agents(community.agents(model=problem.model))
    # The problem has the game already, with what a table holds of it.
    basis = CostBasis.of(problem.game, community.cost_terms(problem.model))
    return dataclasses.replace(clearing, basis=basis).allocation()


AGENTS = Rule(
    name="agents",
    title=TITLE,
    apply=_apply,
    worlds=(Community,),
    meaning=(
        "Nobody sees the meters of others: in rounds, everybody answers what to draw and to feed "
        "in, and prices move until all answers balance. Everybody pays for energy, and is paid for "
        "it, at those prices."
    ),
    page="concepts/agents",
    sources=("boyd2011", "parikh2014"),
    proved_by=lambda evidence: isinstance(evidence, AgentPrices),
)
