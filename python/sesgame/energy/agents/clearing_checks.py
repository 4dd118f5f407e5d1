"""What is asked of the agents and the options of a clearing before its first round."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

from sesgame.energy.agents.clearing_state import ClearingState
from sesgame.energy.agents.grid_agent import GridAgent
from sesgame.energy.agents.masked_sums import MaskedAgent, masking_secrets
from sesgame.energy.agents.member_agent import MemberAgent
from sesgame.errors import GameError

__all__ = ["check_options", "checked_labels", "masked_members", "masks", "price_scale", "steps_of"]


def check_options(
    rho: float | None,
    relaxation: float,
    tolerance: float,
    max_rounds: int,
    timeout: float,
    executor: object,
) -> None:
    """Refuse options that are out of their range."""
    if rho is not None and not (rho > 0 and math.isfinite(rho)):
        raise GameError(f"rho must be positive and finite, got {rho}")
    if not 0 < relaxation < 2:
        raise GameError(f"relaxation must be above 0 and below 2, got {relaxation}")
    if not (tolerance > 0 and math.isfinite(tolerance)):
        raise GameError(f"tolerance must be positive and finite, got {tolerance}")
    if max_rounds < 1:
        raise GameError(f"max_rounds must be at least 1, got {max_rounds}")
    if not timeout > 0:
        raise GameError(f"timeout must be positive, in seconds, got {timeout}")
    if not (executor is None or callable(getattr(executor, "submit", None))):
        raise GameError(f"executor must have a method submit(function, ...), got {executor!r}")


def checked_labels(agents: Mapping[Hashable, Any]) -> tuple[Hashable, ...]:
    """Return the labels of agents, of which each is one."""
    if not isinstance(agents, Mapping):
        raise GameError(f"agents must be a mapping of label to agent, got {agents!r}")
    if len(agents) < 2:
        raise GameError(f"an exchange takes at least two agents, got {len(agents)}")
    for label, agent in agents.items():
        methods = [getattr(agent, name, None) for name in ("respond", "masked_exchange")]
        if isinstance(agent, type) or not any(map(callable, methods)):
            raise GameError(
                f"the agent {label!r} must have a method respond(target, rho), got {agent!r}"
            )
        if getattr(agent, "is_convex", True) is False:
            raise GameError(
                f"the agent {label!r} says that its costs are not convex, as those of integer "
                f"decisions are: rounds would not converge. Give it the convex relaxation, or "
                f"dispatch centrally"
            )
    return tuple(agents)


def steps_of(
    labels: tuple[Hashable, ...],
    agents: list[Any],
    n_steps: int | None,
    state: ClearingState | None,
) -> int:
    """Return how many steps agents have, which must not differ."""
    if n_steps is not None and n_steps < 1:
        raise GameError(f"n_steps must be at least 1, got {n_steps}")
    known: dict[int, str] = {} if n_steps is None else {n_steps: "n_steps"}
    for label, agent in zip(labels, agents, strict=True):
        if isinstance(agent, MemberAgent):
            known.setdefault(len(agent.net_load_kwh), f"the agent {label!r}")
        elif isinstance(agent, GridAgent):
            known.setdefault(len(agent.buy_per_kwh), f"the agent {label!r}")
    if not known and state is not None:
        return state.scaled_price.size
    if not known:
        raise GameError("no agent tells how many steps there are: give n_steps")
    if len(known) > 1:
        (one, its), (other, another), *_ = known.items()
        raise GameError(f"{its} has {one} steps, and {another} has {other}")
    return next(iter(known))


def price_scale(agents: Mapping[Hashable, Any]) -> float | None:
    """Return what a kWh costs, more or less, if an agent says it."""
    said = []
    for label, agent in agents.items():
        scale = getattr(agent, "price_scale", math.nan)
        try:
            said.append(float(scale))
        except (TypeError, ValueError) as error:
            raise GameError(
                f"the price_scale of the agent {label!r} must be a number, got {scale!r}"
            ) from error
    return max((each for each in said if each > 0 and math.isfinite(each)), default=None)


def masks(agent: object) -> bool:
    """Return whether an agent masks what it sends by itself."""
    return callable(getattr(agent, "masked_exchange", None))


def masked_members(labels: tuple[Hashable, ...], agents: list[Any], relaxation: float) -> list[Any]:
    """Return agents that mask what they send: as they are, or all masked here."""
    known = [masks(agent) for agent in agents]
    if all(known):
        return agents
    if any(known):
        label = labels[known.index(False)]
        raise GameError(f"the agent {label!r} does not mask what it sends, but others do")
    if len(labels) < 2:
        raise GameError("the sum of one member is what it exchanges: no mask hides that")
    shared = masking_secrets(labels)
    return [
        MaskedAgent(label, agent, shared[label], relaxation=relaxation)
        for label, agent in zip(labels, agents, strict=True)
    ]
