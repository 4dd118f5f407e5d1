"""Bills at the prices that the agents of a community find, as a rule."""

from __future__ import annotations

import dataclasses
import warnings

from sesgame.energy.agents.agent_clearing import TITLE, AgentClearing, clear_by_agents
from sesgame.energy.agents.agent_prices import AgentPrices
from sesgame.energy.agents.community_agents import CommunityAgents
from sesgame.energy.community import Community
from sesgame.errors import NotConvergedWarning
from sesgame.game.allocation import Allocation
from sesgame.game.cost_basis import CostBasis
from sesgame.rule import AllocationProblem, Rule

__all__ = ["AGENTS"]

FINE = 1e-10
"""Tolerance at which an audit cannot tell bills from those that balance."""


def _apply(problem: AllocationProblem) -> Allocation:
    community = problem.world
    assert isinstance(community, Community)
    clearing = _in_detail(community.agents(model=problem.model))
    # The problem has the game already, with what a table holds of it.
    basis = CostBasis.of(problem.game, community.cost_terms(problem.model))
    return dataclasses.replace(clearing, basis=basis).allocation()


def _in_detail(agents: CommunityAgents) -> AgentClearing:
    """Return what agents agree on to the tolerance of an audit, or as far as they do.

    Residuals fall by the same part in each round, so that takes about as many rounds again.
    """
    found = clear_by_agents(agents)
    if not found.converged:
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConvergedWarning)
        finer = clear_by_agents(
            agents, tolerance=FINE, max_rounds=10 * found.rounds, resume=found.state
        )
    return finer if finer.converged else found


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
