"""The rounds of the alternating direction method of multipliers for an exchange.

Scaled by the weights w of agents, which change nothing but the path:

    q_i <- argmin f_i(q) + rho / (2 w_i) |q - (z_i - w_i u)|²
    h_i  = alpha q_i + (1 - alpha) z_i
    b    = sum h_i / sum w_i          what is out of balance
    z_i <- h_i - w_i b                so that sum z_i = 0
    u   <- u + b                      and the price is rho u

The residuals are measured in parts of what is exchanged and of the price, so that neither the unit
of energy nor that of money decides when it ends, or what becomes of rho.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.energy.agents.answers import Panel, checked_answer
from sesgame.energy.agents.clearing_state import ClearingState
from sesgame.energy.agents.grid_agent import GridAgent
from sesgame.energy.agents.masked_sums import (
    ENERGY_UNIT,
    MOST_UNITS,
    MaskedAgent,
    sums_to,
    summed_energy,
    summed_squares,
)
from sesgame.energy.agents.member_agent import MemberAgent, native_responses
from sesgame.errors import AgentError, GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Coordinator", "MaskedExchange", "OpenExchange", "Squares"]

EVERY = 20
"""Rounds between two looks at rho."""

APART = 10.0
"""Times one residual may be the other one before rho changes."""

LAST_CHANGE = 2000
"""The last round in which rho changes: the method converges for any rho that stays."""

NOTHING = 1e-3
"""Of the largest price so far: a price of less counts as so much, so that 0 can be reached."""

SLACK = 1e-5
"""Of what an agent answers: as far as its own solver may be off."""


@dataclasses.dataclass(frozen=True)
class Squares:
    """Sums of squares over agents and steps, each over the weight of the agent, in kWh²."""

    primal: float
    dual: float
    exchanged: float
    balanced: float


class Exchange(Protocol):
    """The agents, as the rounds need them."""

    def exchange(self, scaled_price: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
        """Ask all for their exchange at a price, and return the sum, relaxed."""

    def balance(self, imbalance: NDArray[np.float64]) -> Squares:
        """Take from each its part of what is out of balance."""

    @property
    def balanced_kwh(self) -> NDArray[np.float64]:
        """What each has after that, as far as it is known here."""

    @property
    def resolution(self) -> float:
        """Norm of what cannot be told from nothing, in kWh."""


class OpenExchange:
    """Agents whose exchanges the coordinator sees.

    Parameters
    ----------
    panel : Panel
        How they are asked.
    agents : sequence of Agent
    weights : ndarray of float, shape (n,)
    relaxation : float
    is_sent : bool
        Whether all are asked by an executor.
    """

    resolution = 0.0

    def __init__(
        self,
        panel: Panel,
        agents: Sequence[Any],
        weights: NDArray[np.float64],
        relaxation: float,
        *,
        is_sent: bool,
    ) -> None:
        self._panel, self._agents = panel, agents
        self._weights = weights[:, np.newaxis]
        self._relaxation = relaxation
        # The grid is no secret: it is answered here.
        local = [isinstance(agent, GridAgent) for agent in agents]
        native = [isinstance(agent, MemberAgent) and not is_sent for agent in agents]
        self._local = np.flatnonzero(local).tolist()
        self._native = np.flatnonzero(native).tolist()
        self._others = np.flatnonzero(~(np.array(local) | np.array(native))).tolist()
        self._slopes: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._own: NDArray[np.float64] | None = None
        self.balanced_kwh: NDArray[np.float64] = np.zeros(0)
        self.exchange_kwh: NDArray[np.float64] = np.zeros(0)

    def start(self, balanced_kwh: NDArray[np.float64]) -> None:
        """Begin with what each exchanges, summing to 0."""
        self.balanced_kwh = balanced_kwh

    def answers(
        self, targets: NDArray[np.float64], rhos: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what all answer, shape (n, T); the native ones while the others think."""
        calls = [(self._agents[k].respond, targets[k].copy(), float(rhos[k])) for k in self._others]
        asked = self._panel.begin(self._others, calls)
        try:
            found = np.empty(targets.shape)
            self._own = np.zeros(len(targets))
            if self._native:
                agents = [self._agents[k] for k in self._native]
                found[self._native], costs = native_responses(
                    agents, targets[self._native], rhos[self._native]
                )
                self._own[self._native] = costs
            for k in self._local:
                found[k] = self._agents[k].respond(targets[k], float(rhos[k]))
        except BaseException:
            asked.cancel()
            raise
        for k, answer in zip(self._others, asked.answers(), strict=True):
            found[k] = checked_answer(self._panel, k, answer, targets.shape[1])
            self._check_convex(k, targets[k], float(rhos[k]), found[k])
        return found

    def exchange(self, scaled_price: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
        """Ask all for their exchange at a price, and return the sum, relaxed."""
        targets = self.balanced_kwh - self._weights * scaled_price
        rhos = rho / self._weights[:, 0]
        self._asked = (targets, rhos)
        self.exchange_kwh = self.answers(targets, rhos)
        self._relaxed = (
            self._relaxation * self.exchange_kwh + (1.0 - self._relaxation) * self.balanced_kwh
        )
        total: NDArray[np.float64] = self._relaxed.sum(axis=0)
        return total

    def balance(self, imbalance: NDArray[np.float64]) -> Squares:
        """Take from each its part of what is out of balance."""
        before, self.balanced_kwh = (
            self.balanced_kwh,
            self._relaxed - self._weights * imbalance,
        )
        return Squares(
            *(
                float((each**2 / self._weights).sum())
                for each in (
                    self.exchange_kwh - self.balanced_kwh,
                    self.balanced_kwh - before,
                    self.exchange_kwh,
                    self.balanced_kwh,
                )
            )
        )

    def own_costs(self) -> tuple[NDArray[np.float64], tuple[int, ...]]:
        """Return what the last answers cost the agents, and the numbers of those who do not say."""
        assert self._own is not None, "all were asked"
        costs, targets, rhos = self._own.copy(), *self._asked
        telling = [k for k in self._others if callable(getattr(self._agents[k], "own_cost", None))]
        calls = [(self._agents[k].own_cost, targets[k].copy(), float(rhos[k])) for k in telling]
        for k, answer in zip(telling, self._panel.begin(telling, calls).answers(), strict=True):
            costs[k] = checked_answer(self._panel, k, np.atleast_1d(answer), 1)[0]
        for k in self._local:
            costs[k] = self._agents[k].cost(self.exchange_kwh[k])
        return costs, tuple(k for k in self._others if k not in telling)

    def _check_convex(
        self, number: int, target: NDArray[np.float64], rho: float, answer: NDArray[np.float64]
    ) -> None:
        """Refuse an agent whose answers are those of no convex cost.

        ``rho (v - q)`` is a slope of the cost at the answer q, and slopes of a convex cost do not
        fall: ``(s - s') (q - q') >= 0`` for any two answers.
        """
        slope = rho * (target - answer)
        before = self._slopes.get(number)
        self._slopes[number] = (slope, answer)
        if before is None:
            return
        rise, move = slope - before[0], answer - before[1]
        size = SLACK * float(np.abs(answer).max() + np.abs(target).max())
        slack = size * float(np.abs(rise).sum()) + rho * size * float(np.abs(move).sum())
        if float((rise * move).sum()) < -(slack + rho * size**2):
            raise self._panel.error(
                number,
                "answered as no convex cost does: it moved against its own slope, as integer "
                "decisions make it, and rounds would not converge. It is refused",
            )


class MaskedExchange:
    """Agents of whom the coordinator sees masked words, and so only sums.

    Parameters
    ----------
    panel : Panel
    agents : sequence of MaskedAgent
        Or proxies with their methods.
    n_steps : int
    """

    balanced_kwh: NDArray[np.float64]

    def __init__(self, panel: Panel, agents: Sequence[Any], n_steps: int) -> None:
        self._panel, self._agents = panel, agents
        self.n_steps = n_steps
        self.balanced_kwh = np.zeros((0, n_steps))
        self.resolution = math.sqrt(n_steps * len(agents)) * ENERGY_UNIT

    def _sum(self, calls: Sequence[tuple[Any, ...]], count: int) -> NDArray[np.uint64]:
        numbers = range(len(self._agents))
        answers = self._panel.begin(numbers, calls).answers()
        for number, answer in zip(numbers, answers, strict=True):
            words = np.asarray(answer)
            if words.shape != (count,) or words.dtype != np.uint64:
                raise self._panel.error(
                    number,
                    f"answered {words.dtype} of shape {words.shape} instead of {count} words of "
                    f"64 bits",
                )
        total = sums_to(answers, count)
        if np.abs(total.view(np.int64).astype(np.float64)).max() > MOST_UNITS * len(answers):
            raise AgentError(
                f"the masks do not cancel in round {self._panel.round}: agents are not in step, or "
                f"hold different secrets; begin anew with all of them",
                None,
            )
        return total

    def exchange(self, scaled_price: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
        """Ask all for their exchange at a price, and return the sum, relaxed."""
        calls = [(agent.masked_exchange, scaled_price.copy(), rho) for agent in self._agents]
        return summed_energy(self._sum(calls, self.n_steps))

    def balance(self, imbalance: NDArray[np.float64]) -> Squares:
        """Take from each its part of what is out of balance."""
        calls = [(agent.masked_squares, imbalance.copy()) for agent in self._agents]
        return Squares(*summed_squares(self._sum(calls, 4)))

    def bills(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each says that it pays, and its own cost; shape (n, 2)."""
        numbers = range(len(self._agents))
        calls = [(agent.bill, price.copy()) for agent in self._agents]
        answers = self._panel.begin(numbers, calls).answers()
        return np.array(
            [
                checked_answer(self._panel, number, answer, 2)
                for number, answer in zip(numbers, answers, strict=True)
            ]
        )


@dataclasses.dataclass
class Coordinator:
    """What is known to whoever runs the rounds.

    Attributes
    ----------
    labels, weights, relaxation
        As of :class:`ClearingState`.
    rho, scaled_price, largest_price
        The same.
    residuals : list of (float, float)
        Of each round, in parts.
    adapts : bool
        Whether rho changes.
    """

    labels: tuple[Hashable, ...]
    weights: NDArray[np.float64]
    relaxation: float
    rho: float
    scaled_price: NDArray[np.float64]
    largest_price: float = 0.0
    residuals: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    adapts: bool = True

    @property
    def price(self) -> NDArray[np.float64]:
        """What a kWh costs in each step."""
        return self.rho * self.scaled_price

    def round(self, agents: Exchange) -> tuple[float, float]:
        """Do one round, and return its residuals: of balance and of prices, in parts."""
        self._adapt()
        total_weight = float(self.weights.sum())
        imbalance = agents.exchange(self.scaled_price, self.rho) / total_weight
        self.scaled_price = self.scaled_price + imbalance
        squares = agents.balance(imbalance)
        price = math.sqrt(total_weight * float((self.price**2).sum()))
        self.largest_price = max(self.largest_price, price)
        size = math.sqrt(max(squares.exchanged, squares.balanced))
        self._size = size
        primal = math.sqrt(squares.primal) - agents.resolution
        dual = self.rho * (math.sqrt(squares.dual) - agents.resolution)
        found = (_part(primal, size), _part(dual, max(price, NOTHING * self.largest_price)))
        self.residuals.append(found)
        return found

    def begin_anew(self, price_scale: float) -> None:
        """After the first round, which tells how much is exchanged, begin at the price 0.

        Of a penalty that fits neither energy nor money, the first price is worth nothing.
        """
        size = self._size / math.sqrt(float(self.weights.sum()) * self.scaled_price.size)
        self.rho = price_scale / size if size > 0 else price_scale
        self.scaled_price = np.zeros(self.scaled_price.shape)
        self.largest_price = 0.0

    def _adapt(self) -> None:
        rounds = len(self.residuals)
        if not self.adapts or rounds % EVERY or not 0 < rounds <= LAST_CHANGE:
            return
        primal, dual = self.residuals[-1]
        if primal > APART * dual:
            self._change(2.0)
        elif dual > APART * primal:
            self._change(0.5)

    def _change(self, factor: float) -> None:
        self.rho *= factor
        self.scaled_price = self.scaled_price / factor

    def state(self, balanced_kwh: NDArray[np.float64]) -> ClearingState:
        """Return what is needed to go on."""
        return ClearingState(
            labels=self.labels,
            weights=self.weights,
            relaxation=self.relaxation,
            rho=self.rho,
            scaled_price=self.scaled_price.copy(),
            balanced_kwh=balanced_kwh.copy(),
            largest_price=self.largest_price,
            residuals=np.array(self.residuals, dtype=np.float64).reshape(-1, 2),
        )

    def resume(self, state: ClearingState) -> None:
        """Go on from a state.

        Raises
        ------
        GameError
            It is of other agents, steps or weights.
        """
        if state.labels != self.labels:
            raise GameError(
                f"the state is of the agents {state.labels!r}, not of {self.labels!r}"
            )
        if state.scaled_price.shape != self.scaled_price.shape:
            raise GameError(
                f"the state is of {state.scaled_price.size} steps, not of {self.scaled_price.size}"
            )
        if not np.array_equal(state.weights, self.weights):
            raise GameError("the state is of agents with other weights")
        if state.relaxation != self.relaxation:
            raise GameError(
                f"the state is of relaxation={state.relaxation:g}, not of {self.relaxation:g}"
            )
        self.rho, self.largest_price = state.rho, state.largest_price
        self.scaled_price = state.scaled_price
        self.residuals = [(float(primal), float(dual)) for primal, dual in state.residuals]


def _part(amount: float, of: float) -> float:
    if amount <= 0.0:
        return 0.0
    return amount / of if of > 0.0 else math.inf


def masked_agents(
    agents: Mapping[Hashable, Any], shared: Mapping[Hashable, Mapping[Hashable, bytes]] | None,
    relaxation: float,
) -> list[Any]:
    """Return agents that mask what they send: those that do already, and the others masked."""
    found = []
    for label, agent in agents.items():
        if callable(getattr(agent, "masked_exchange", None)):
            found.append(agent)
        else:
            assert shared is not None, "some are to be masked here"
            found.append(MaskedAgent(label, agent, shared[label], relaxation=relaxation))
    return found
