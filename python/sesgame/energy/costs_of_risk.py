"""What caution costs each member: the bill under a risk less the bill under the mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.owen_allocation import owen_allocation
from sesgame.energy.scenarios import Scenarios
from sesgame.energy.two_period import TwoPeriodStorage
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.world import World

__all__ = ["CostOfRisk", "cost_of_risk"]


@dataclass(frozen=True, eq=False)
class CostOfRisk(ByValue):
    """What each member pays more than if all bore the mean.

    Attributes
    ----------
    under_risk, under_mean : Allocation
        The bills with the risk, and without.
    """

    under_risk: Allocation
    under_mean: Allocation

    @property
    def values(self) -> NDArray[np.float64]:
        """What each member pays more, shape (n,); negative for whoever the risk pays."""
        more: NDArray[np.float64] = self.under_risk.values - self.under_mean.values
        return more

    @property
    def total(self) -> float:
        """What all together pay more: what is put aside for bad days, and dearer plans."""
        return float(self.values.sum())

    def __getitem__(self, member: object) -> float:
        """Return what a member pays more."""
        return self.under_risk[member] - self.under_mean[member]

    def to_dict(self) -> dict[str, Any]:
        """Return the bills and their differences in the types that JSON knows."""
        columns = zip(
            map(str, self.under_risk.players),
            self.under_risk.values.tolist(),
            self.under_mean.values.tolist(),
            self.values.tolist(),
            strict=True,
        )
        members = {
            label: {"under_risk": risk, "under_mean": mean, "cost_of_risk": more}
            for label, risk, mean, more in columns
        }
        return {"method": self.under_risk.method, "members": members, "total": self.total}


@checked_arguments
def cost_of_risk(scenarios: World, rule: Callable[[World], Allocation] | None = None) -> CostOfRisk:
    r"""Return what each member pays more because all weigh bad scenarios.

    .. math:: x_i(\rho) - x_i(E)

    with the bills x of a rule on the game of risks, and on that of means. A member whose costs are
    low when those of all are high is paid for it: its cost of risk is negative.

    Parameters
    ----------
    scenarios : Scenarios or TwoPeriodStorage
        With a risk.
    rule : callable, optional
        Which bills; a public function of a game or world, such as :func:`sesgame.nucleolus`, or
        another one of the scenarios. By default bills at dual prices.

    Raises
    ------
    GameError
        There is no risk, or they are no scenarios.

    Examples
    --------
    Bob is short when all are, and pays for that; Ann has a surplus then:

    >>> import sesgame as sg
    >>> def day(loads):
    ...     return sg.energy.Community(
    ...         members=["ann", "bob", "cid"],
    ...         steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...         load_kwh=[[load, 0.0] for load in loads],
    ...         tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ...     )
    >>> days = sg.energy.Scenarios(
    ...     [day([4, -3, 2]), day([-1, 4, 2])], risk=sg.energy.Risk(level=0.5, weight=0.5)
    ... )
    >>> sg.energy.cost_of_risk(days).values.round(3).tolist()
    [-0.375, 0.525, 0.0]
    """
    if not isinstance(scenarios, (Scenarios, TwoPeriodStorage)):
        raise GameError(
            f"the cost of risk is of Scenarios or TwoPeriodStorage, got {named(scenarios)}"
        )
    if scenarios.risk is None:
        raise GameError("there is no risk: give the scenarios risk=Risk(level=..., weight=...)")
    bills = _dual_bills if rule is None else rule
    return CostOfRisk(_made(bills(scenarios)), _made(bills(scenarios.with_risk(None))))


def _dual_bills(world: World) -> Allocation:
    if isinstance(world, TwoPeriodStorage):
        return world.allocation()
    assert isinstance(world, Scenarios)
    return owen_allocation(world, progress=False)


def _made(made: object) -> Allocation:
    if not isinstance(made, Allocation):
        raise GameError(f"rule must return an Allocation, got {named(made)}")
    return made
