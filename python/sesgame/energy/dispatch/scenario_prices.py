"""Evidence of bills under risk: prices of scenarios, and the weights that prove the risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import risk_game
from sesgame.energy.dispatch.dual_prices import (
    RELATIVE_TOLERANCE,
    ProgrammePrices,
)
from sesgame.energy.risk import Risk
from sesgame.game.allocation import Allocation, Amount
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ScenarioPrices"]


@dataclass(frozen=True, eq=False)
class ScenarioPrices(ProgrammePrices):
    r"""Prices of each scenario, and the weights of the scenarios that prove the risk of the costs.

    Attributes
    ----------
    level, weight : float
        Of the risk (:class:`~sesgame.energy.Risk`); the level of the worst case is 1.
    probabilities : ndarray of shape (K,)
        Of the scenarios.
    scenario_weights : ndarray of shape (K,)
        By which the scenarios count: their dual weights, within the bounds of the risk.
    scenario_costs : ndarray of shape (K,)
        What all together pay in each scenario, with what is bought.
    scenario_bills : ndarray of shape (n, K)
        What each member would pay at the prices of each scenario; times the weights of the
        scenarios they add up to the bills.
    invested : float
        What is paid in each scenario for what is bought.
    purchases : dict of str to tuple of float
        Of each offer of storage, by name, the capacity in kWh and the power in kW that are bought.
    generators_kw : dict of str to float
        Of each offer of generation, by name, the power in kW that is bought.
    """

    level: float
    weight: float
    probabilities: NDArray[np.float64]
    scenario_weights: NDArray[np.float64]
    scenario_costs: NDArray[np.float64]
    scenario_bills: NDArray[np.float64]
    invested: float
    purchases: dict[str, tuple[float, float]]
    generators_kw: dict[str, float]

    @property
    def risk(self) -> Risk:
        """The risk that the weights are of."""
        if self.level == 1:
            return Risk.worst_case(self.weight)
        return Risk(self.level, self.weight)

    @property
    def expected_cost(self) -> float:
        """What all together pay on the average, by the probabilities."""
        return float((self.probabilities * self.scenario_costs).sum())

    @property
    def audited(self) -> bool:
        """Always: it takes one value of the game."""
        return True

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what is collected above the mean."""
        above = self.cost - self.expected_cost
        if self.risk.is_mean or not above > allocation.tolerance:
            return []
        return [self.risk.collected_above(amount(above))]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the prices prove, and by which weights of the scenarios."""
        found = super().grounds(allocation, amount)
        if not self.risk.is_mean:
            weighed = " ".join(f"{100 * each:.3g} %" for each in self.scenario_weights)
            found.append(
                f"The scenarios count by the weights that are the worst for all together within "
                f"the bounds of the risk, in their order: {weighed}."
            )
        return found

    def verify(
        self, game: Any, oracle: object = None, *, exact: bool = False
    ) -> Verification | None:
        """Check that the weights are within their bounds, and prove the risk of the costs.

        Parameters
        ----------
        game : Game
            The game of risks of the same scenarios.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Makes no difference: a dispatch has no fractions. Weights and bounds are always
            compared in fractions, within a slack for the rounding of floats.

        Returns
        -------
        Verification
            Refuted where a weight is out of its bounds, or the weights, the costs of the scenarios
            and the bills do not add up to the value of all. Where each scenario has a game of its
            own, because nothing is bought for all of them, what all pay in it is evaluated again.
        """
        if game.n_players != len(self.scenario_bills):
            return None
        total = float(game.value(game.players))
        slack = RELATIVE_TOLERANCE * self.turnover + game.rounding
        failures = [*self._broken_bounds(), *self._sums_that_fail(total, slack)]
        everybody = np.ones((1, game.n_players), dtype=np.bool_)
        for number, part in enumerate(_games_of_scenarios(game), start=1):
            again = float(part.values(everybody)[0])
            said = float(self.scenario_costs[number - 1])
            if not abs(again - said) <= slack:
                failures.append(f"scenario {number} is said to cost {said:g}, not {again:g}")
        return Verification(
            claim="the scenarios are weighed within the bounds of the risk, and prove it",
            failures=tuple(failures[:10]),
            exact=False,
            values=tuple(self.bills.tolist()),
        )

    def _broken_bounds(self) -> list[str]:
        return self.risk.broken_bounds(self.probabilities, self.scenario_weights)

    def _sums_that_fail(self, total: float, slack: float) -> list[str]:
        """Return in words which sums do not add up to the value of all."""
        weighed = self.scenario_weights * self.scenario_costs
        bills = (self.scenario_bills * self.scenario_weights).sum(axis=1)
        sums = [
            ("the risk of all", self.cost, total),
            ("the costs of the scenarios, weighed,", float(weighed.sum()), total),
            ("the bills, with what limits of nobody earn,", self._collected, total),
        ]
        failures = [
            f"{name} {'is' if number == 0 else 'sum to'} {said:g}, not {right:g}"
            for number, (name, said, right) in enumerate(sums)
            if not abs(said - right) <= slack
        ]
        if not np.abs(bills - self.bills).max() <= slack:
            failures.append("the bills are not those of the scenarios, weighed")
        return failures

    @property
    def _collected(self) -> float:
        return float(self.bills.sum()) + self.duality_gap


def _games_of_scenarios(game: Any) -> Sequence[Any]:
    """Return the native games that a game of risks is made of; none where it is one program."""
    source = getattr(game.native, "source", None)
    if not isinstance(source, tuple) or len(source) != 2:
        return ()
    arguments = source[1]
    if not (isinstance(arguments, tuple) and arguments and arguments[0] is risk_game):
        return ()
    return list(arguments[1])
