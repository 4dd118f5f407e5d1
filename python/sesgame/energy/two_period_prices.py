"""Evidence of bills of two-period storage: prices, and under a risk the weights that prove it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.risk import Risk
from sesgame.game.allocation import Allocation, Amount, Evidence, Intervals
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RELATIVE_TOLERANCE", "TwoPeriodPrices", "TwoPeriodRiskPrices"]

RELATIVE_TOLERANCE = 1e-9
"""Of the turnover: what counts as equal."""


@dataclass(frozen=True, eq=False)
class TwoPeriodPrices(Evidence):
    """What the bills rest on.

    Attributes
    ----------
    scarcity : ndarray of shape (K,)
        Of the probability of each scenario the part in which one more kWh of storage would be used:
        all, nothing or, in the scenario that decides how much is bought, something between.
    storage_price : float
        What a kWh of storage is worth: the difference of the two prices times all scarcity.
    bought_kwh : float
        The storage that all members together buy.
    """

    scarcity: NDArray[np.float64]
    storage_price: float
    bought_kwh: float

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what storage is worth."""
        return [
            f"A kWh of storage earns {amount(self.storage_price)}: what it saves between the two "
            f"prices, as often as it is short. At such prices no group can do better on its own."
        ]


@dataclass(frozen=True, eq=False)
class TwoPeriodRiskPrices(TwoPeriodPrices):
    """What the bills rest on under a risk.

    Attributes
    ----------
    level, weight : float
        Of the risk (:class:`~sesgame.energy.Risk`); the level of the worst case is 1.
    probabilities : ndarray of shape (K,)
        Of the scenarios.
    scenario_weights : ndarray of shape (K,)
        By which they count: their dual weights, within the bounds of the risk. `scarcity` is a part
        of these.
    scenario_costs : ndarray of shape (K,)
        What all together pay in each scenario, with the storage that they own and buy.
    lowest, highest : ndarray of shape (n,)
        Between what each bill lies under any dual prices.
    """

    level: float
    weight: float
    probabilities: NDArray[np.float64]
    scenario_weights: NDArray[np.float64]
    scenario_costs: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]

    @property
    def risk(self) -> Risk:
        """The risk that the weights are of."""
        return Risk.worst_case(self.weight) if self.level == 1 else Risk(self.level, self.weight)

    @property
    def audited(self) -> bool:
        """Always: it takes one value of the game."""
        return True

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what is collected above the mean."""
        more = (self.scenario_weights - self.probabilities) * self.scenario_costs
        above = float(more.sum())
        return [self.risk.collected_above(amount(above))] if above > allocation.tolerance else []

    def intervals(self, allocation: Allocation) -> Intervals | None:
        """Return between what the bills lie, where the prices leave a choice."""
        if not (self.highest - self.lowest > allocation.tolerance).any():
            return None
        return Intervals(
            self.lowest,
            self.highest,
            "between what a bill lies under any prices that prove the plan to be the cheapest",
        )

    def verify(
        self, game: Any, oracle: object = None, *, exact: bool = False
    ) -> Verification | None:
        """Check that the weights are within their bounds, and prove the risk of the costs.

        Parameters
        ----------
        game : Game
            The game of risks.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Makes no difference: bounds are always compared in fractions.

        Returns
        -------
        Verification
            Refuted where a weight is out of its bounds, or the costs of the scenarios, weighed, are
            not the value of all.
        """
        if game.n_players != len(self.lowest):
            return None
        failures = self.risk.broken_bounds(self.probabilities, self.scenario_weights)
        if not failures:
            total, weighed = game.value(game.players), self.scenario_weights * self.scenario_costs
            slack = RELATIVE_TOLERANCE * float(np.abs(self.scenario_costs).sum()) + game.rounding
            if not abs(float(weighed.sum()) - total) <= slack:
                failures.append(
                    f"the costs of the scenarios, weighed, sum to {weighed.sum():g}, not {total:g}"
                )
        return Verification(
            claim="the scenarios are weighed within the bounds of the risk, and prove it",
            failures=tuple(failures[:10]),
            exact=False,
            values=(),
        )
