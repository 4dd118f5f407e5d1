"""Members whose exchanges a coordinator sees, in the rounds of a clearing by agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.agents.answers import Panel, checked_answer
from sesgame.energy.agents.grid_side import Squares, relaxed, squares_of
from sesgame.energy.agents.member_agent import MemberAgent, native_responses

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OpenExchange"]

SOFTER = 1e-3
"""Of rho, for the last question."""

SLACK = 1e-5
"""Of what an agent answers: as far as its own solver may be off."""


class OpenExchange:
    """Members whose exchanges the coordinator sees.

    Parameters
    ----------
    panel : Panel
        How they are asked.
    agents : sequence of Agent
    weights : ndarray of float, shape (n,)
    n_steps : int
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
        n_steps: int,
        relaxation: float,
        *,
        is_sent: bool,
    ) -> None:
        self._panel, self._agents = panel, agents
        self._weights = weights[:, np.newaxis]
        self._relaxation = relaxation
        native = [isinstance(agent, MemberAgent) and not is_sent for agent in agents]
        self._native = np.flatnonzero(native).tolist()
        self._others = np.flatnonzero(~np.array(native)).tolist()
        self._slopes: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._own = np.zeros(len(agents))
        self.balanced_kwh = np.zeros((len(agents), n_steps))
        self.exchange_kwh = np.zeros((len(agents), n_steps))

    def _answers(
        self, targets: NDArray[np.float64], rhos: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what all answer, shape (n, T); the native ones while the others think."""
        calls = [(self._agents[k].respond, targets[k].copy(), float(rhos[k])) for k in self._others]
        asked = self._panel.begin(self._others, calls)
        found = np.empty(targets.shape)
        try:
            if self._native:
                agents = [self._agents[k] for k in self._native]
                found[self._native], self._own[self._native] = native_responses(
                    agents, targets[self._native], rhos[self._native]
                )
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
        self.exchange_kwh = self._answers(targets, rhos)
        self._relaxed = relaxed(self.exchange_kwh, self.balanced_kwh, self._relaxation)
        total: NDArray[np.float64] = self._relaxed.sum(axis=0)
        return total

    def balance(self, imbalance: NDArray[np.float64]) -> Squares:
        """Take from each its part of what is out of balance."""
        before, self.balanced_kwh = self.balanced_kwh, self._relaxed - self._weights * imbalance
        return squares_of(self.exchange_kwh, before, self.balanced_kwh, self._weights)

    def confirm(self) -> None:
        """Ask those that are not ours once more, with the same slope and a small rho.

        A convex cost has the same answers, or others at which its slope is no lower. An integer
        decision that only the penalty has kept is given up, and so found out.
        """
        targets, rhos = self._asked
        softer = SOFTER * rhos
        slopes = rhos[:, np.newaxis] * (targets - self.exchange_kwh)
        asked = self.exchange_kwh + slopes / softer[:, np.newaxis]
        calls = [(self._agents[k].respond, asked[k].copy(), float(softer[k])) for k in self._others]
        answers = self._panel.begin(self._others, calls).answers()
        for k, answer in zip(self._others, answers, strict=True):
            found = checked_answer(self._panel, k, answer, targets.shape[1])
            self._check_convex(k, asked[k], float(softer[k]), found)

    def own_costs(self) -> tuple[NDArray[np.float64], tuple[int, ...]]:
        """Return what the last answers cost the agents, and the numbers of those who do not say."""
        costs, targets, rhos = self._own.copy(), *self._asked
        telling = [k for k in self._others if callable(getattr(self._agents[k], "own_cost", None))]
        calls = [(self._agents[k].own_cost, targets[k].copy(), float(rhos[k])) for k in telling]
        for k, answer in zip(telling, self._panel.begin(telling, calls).answers(), strict=True):
            costs[k] = checked_answer(self._panel, k, np.atleast_1d(answer), 1)[0]
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
        size = SLACK * float(np.abs(answer).max() + np.abs(before[1]).max())
        slack = size * float(np.abs(rise).sum()) + rho * size * float(np.abs(move).sum())
        if float((rise * move).sum()) < -(slack + rho * size**2):
            raise self._panel.error(
                number,
                "answered as no convex cost does",
                ": it moved against its own slope. Integer decisions do that; with them no price "
                "clears, and they are refused",
            )
