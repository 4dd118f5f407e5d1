"""Members of whom a coordinator sees sums alone, in the rounds of a clearing by agents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.agents.answers import Panel, checked_answer
from sesgame.energy.agents.grid_side import Squares
from sesgame.energy.agents.masked_sums import (
    ENERGY_UNIT,
    MOST_UNITS,
    summed_energy,
    summed_squares,
    sums_to,
)
from sesgame.errors import AgentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MaskedExchange"]


class MaskedExchange:
    """Members of whom the coordinator sees masked words, and so only sums.

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
        self.total_kwh = np.zeros(n_steps)
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
        self.total_kwh = summed_energy(self._sum(calls, self.n_steps))
        return self.total_kwh

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
