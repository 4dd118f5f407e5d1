r"""The risk of two-period storage: a small linear program, since no closed form has two tails.

A coalition S that buys b and is short by :math:`u_k` in scenario k bears the risk of

.. math:: \sum_{i \in S} k_i C_i + \lambda_l (x_k(S) + y_k(S)) + (\lambda_h - \lambda_l) u_k, \qquad
          u_k + b \ge y_k(S) - C(S), \quad u, b \ge 0

and :math:`\lambda_b b`. All that members bring is a right-hand side, so bills at the dual prices of
all are in the core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.energy.dispatch.risk_rows import add_risk
from sesgame.energy.risk import Risk
from sesgame.game.by_value import ByValue
from sesgame.game.native_source import native_from
from sesgame.linear.builder import LinearBuilder
from sesgame.linear.compiled_game import compiled_game

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import LinearProductionGame

__all__ = ["TwoPeriodDuals", "TwoPeriodRisk"]

HARDLY = 1e-9
"""Of a probability: a weight below it has no say in prices."""


class TwoPeriodDuals(NamedTuple):
    """What the optimum of all says.

    Attributes
    ----------
    scarcity : ndarray of shape (K,)
        What a kWh less at the peak of each scenario saves all together.
    scenario_weights : ndarray of shape (K,)
        By which the scenarios count.
    bought_kwh : float
        The storage that all together buy.
    lowest, highest : ndarray of shape (n,)
        Between what each bill lies under any dual prices.
    """

    scarcity: NDArray[np.float64]
    scenario_weights: NDArray[np.float64]
    bought_kwh: float
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TwoPeriodRisk(ByValue):
    """The program of all coalitions.

    Attributes
    ----------
    base : ndarray of shape (K, n)
        What each member would pay if all were bought off peak, with the capital cost of what it
        owns.
    peak_kwh : ndarray of shape (K, n)
        What each member uses at the peak.
    capacity_kwh : ndarray of shape (n,)
        The storage that each member owns.
    gap : float
        What a kWh at the peak costs more.
    storage_price : float
        Of storage that is bought; infinite where there is none.
    probabilities : ndarray of shape (K,)
        Of the scenarios.
    risk : Risk
        Not the mean.
    """

    base: NDArray[np.float64]
    peak_kwh: NDArray[np.float64]
    capacity_kwh: NDArray[np.float64]
    gap: float
    storage_price: float
    probabilities: NDArray[np.float64]
    risk: Risk

    def game(self) -> LinearProductionGame:
        """Return the compiled game."""
        return native_from(_game_of, self)

    def prices(self) -> TwoPeriodDuals:
        """Return the dual prices of all together."""
        game, n_members = self.game(), self.peak_kwh.shape[1]
        everybody = np.ones(n_members, dtype=np.bool_)
        columns, _, rows = game.optimum(everybody)
        count = len(self.probabilities)
        ways = np.eye(n_members)
        rates = game.cost_rates(everybody, np.concatenate([ways, -ways]), None)
        return TwoPeriodDuals(
            scarcity=np.maximum(rows[:count], 0.0),
            scenario_weights=-rows[count : 2 * count] + 0.0,
            bought_kwh=float(columns[count]) if math.isfinite(self.storage_price) else 0.0,
            lowest=-rates[n_members:],
            highest=rates[:n_members],
        )

    def bills(self, duals: TwoPeriodDuals) -> NDArray[np.float64]:
        """Return the bills at dual prices, shape (n,)."""
        scarce = duals.scarcity[:, np.newaxis] * (self.peak_kwh - self.capacity_kwh)
        weighed = duals.scenario_weights[:, np.newaxis] * self.base
        bills: NDArray[np.float64] = (weighed + scarce).sum(axis=0)
        return bills

    def scenario_bills(self, duals: TwoPeriodDuals, short: NDArray[np.float64]) -> Any:
        """Return the bills at the prices of each scenario, shape (n, K).

        A scenario that does not count has those of a day by itself: a kWh is worth the difference
        of the two prices where storage is short.
        """
        counts = duals.scenario_weights > HARDLY * self.probabilities
        weights = np.where(counts, duals.scenario_weights, 1.0)
        alone = self.gap * (short > HARDLY * np.abs(self.peak_kwh).sum(axis=1))
        price = np.where(counts, duals.scarcity / weights, alone)
        return (self.base + price[:, np.newaxis] * (self.peak_kwh - self.capacity_kwh)).T


def _game_of(storage: TwoPeriodRisk) -> LinearProductionGame:
    """Return the compiled game of a program; its rows are those of peaks, of costs, of the risk."""
    count, n_members = storage.peak_kwh.shape
    builder = LinearBuilder(n_members)
    short = builder.add_columns(count)
    terms = [(short, 1.0)]
    if math.isfinite(storage.storage_price):
        bought = builder.add_columns(1, cost=storage.storage_price)
        terms.append((np.repeat(bought, count), 1.0))
    builder.add_rows(0.0, np.inf, *terms, lower_brought=storage.peak_kwh - storage.capacity_kwh)
    costs = [(short[[number]], np.array([storage.gap])) for number in range(count)]
    add_risk(builder, storage.risk, storage.probabilities, costs, storage.base)
    return compiled_game(builder.program())
