r"""What members pay when a scenario has come to pass, and what a common reserve takes or gives.

Bills before the day, :math:`x_i = \sum_w \pi_w x_{iw}`, add up to what is expected, not to what
comes. Nor do bills at the prices of the day that came, :math:`x_{iw}`, where something was bought
for all days: on days on which it is scarce it earns more than it costs, on others less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sesgame.errors import AllocationError, GameError
from sesgame.files.json_text import plain
from sesgame.formatting import text_table
from sesgame.game.by_value import ByValue
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["ScenarioSettlement", "When", "number_of", "settled", "shares_of"]

When = Literal["ex ante", "ex post"]

SHARES = 1e-6
"""How far shares may be from 1 together."""

MANNERS = {
    "ex ante": "bills before the day, the rest from the reserve",
    "reserve": "bills at the prices of the scenario, the rest from the reserve",
    "fee": "a fixed fee for what is bought, and energy at the prices of the scenario, less what "
    "that earns at them",
}
"""How a scenario is settled, in words."""


@dataclass(frozen=True, eq=False, repr=False)
class ScenarioSettlement(ByValue):
    """What each member pays in one scenario, and what is paid into the reserve.

    Made by ``settle`` of :class:`~sesgame.energy.Scenarios` and
    :class:`~sesgame.energy.TwoPeriodStorage`.

    Attributes
    ----------
    members : tuple
        Who pays.
    scenario : str
        Which has come to pass.
    manner : str
        How it is settled, in words.
    energy : ndarray of shape (n,)
        What each member pays for energy, and is paid for energy and storage.
    fees : ndarray of shape (n,)
        The fixed fee of each member, the same in all scenarios.
    cost : float
        What all together owe in the scenario, with what is bought.
    reserve : float
        What the reserve takes; negative where it gives: all bills are the cost and this.
    reserves : ndarray of shape (K,)
        The same in each scenario of the plan.
    probabilities, scenario_weights : ndarray of shape (K,)
        Of these scenarios; they are equal where members bear the mean. By the weights the reserve
        takes nothing, unless limits that belong to no member earn something; by the probabilities,
        :attr:`expected_reserve`.
    """

    members: tuple[Any, ...]
    scenario: str
    manner: str
    energy: NDArray[np.float64]
    fees: NDArray[np.float64]
    cost: float
    reserve: float
    reserves: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    scenario_weights: NDArray[np.float64]

    @property
    def bills(self) -> NDArray[np.float64]:
        """What each member pays in all, shape (n,)."""
        return self.energy + self.fees

    @property
    def expected_reserve(self) -> float:
        """What the reserve takes on the average, by the probabilities of the scenarios.

        Nothing where members bear the mean. Under a risk, bills before the day leave it what
        caution collects above the mean; bills of the day take from it on the average, since days
        on which what was bought is scarce count for more than they are probable.
        """
        return float((self.probabilities * self.reserves).sum())

    def __getitem__(self, member: object) -> float:
        """Return what a member pays."""
        if member not in self.members:
            raise AllocationError(
                f"no member {member!r}; there are {', '.join(map(str, self.members))}"
            )
        return float(self.bills[self.members.index(member)])

    def to_dict(self) -> dict[str, Any]:
        """Return the settlement in the types that JSON knows."""
        labels = [str(member) for member in self.members]
        bills = [
            {"member": label, "energy": energy, "fee": fee, "bill": energy + fee}
            for label, energy, fee in zip(
                labels, self.energy.tolist(), self.fees.tolist(), strict=True
            )
        ]
        return {
            "scenario": self.scenario,
            "manner": self.manner,
            "bills": bills,
            "reserve": self.reserve,
            "cost": self.cost,
            "expected_reserve": self.expected_reserve,
            "reserves": plain(self.reserves),
            "probabilities": plain(self.probabilities),
            "scenario_weights": plain(self.scenario_weights),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with a row for each member, and columns energy, fee and bill."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd
        return pd.DataFrame(
            {"energy": self.energy, "fee": self.fees, "bill": self.bills},
            index=pd.Index(self.members, name="member"),
        )

    def __repr__(self) -> str:
        rows = [
            [str(member), *(f"{each:.2f}" for each in amounts)]
            for member, *amounts in zip(
                self.members, self.energy, self.fees, self.bills, strict=True
            )
        ]
        rows.append(["reserve", "", "", f"{round(-self.reserve, 2) + 0.0:.2f}"])
        rows.append(["cost", "", "", f"{self.cost:.2f}"])
        rows.append(
            ["reserve, on the average", "", "", f"{round(-self.expected_reserve, 2) + 0.0:.2f}"]
        )
        lines = text_table([["", "energy", "fee", "bill"], *rows])
        return "\n".join([f"Scenario {self.scenario}: {self.manner}", *lines])


def number_of(scenario: str | int, names: Sequence[str]) -> int:
    """Return the number, from 0, of a scenario that is given by its name, or by its number from 1.

    Raises
    ------
    GameError
        There is none.
    """
    if isinstance(scenario, str) and scenario in names:
        return names.index(scenario)
    is_number = isinstance(scenario, Integral) and not isinstance(scenario, bool)
    if is_number and 1 <= int(scenario) <= len(names):
        return int(scenario) - 1
    known = ", ".join(map(repr, names))
    raise GameError(
        f"no scenario {scenario!r}; choose from {known}, or a number from 1 to {len(names)}"
    )


def shares_of(
    members: Sequence[Any], given: Mapping[str, float] | None, drawn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each member's share of the fee: by default in proportion to the energy drawn.

    Raises
    ------
    GameError
        A share is negative, they do not add up to 1, or are of other members.
    """
    if given is None:
        total = float(drawn.sum())
        return drawn / total if total > 0 else np.full(len(members), 1 / len(members))
    unknown = [member for member in given if member not in members]
    missing = [member for member in members if member not in given]
    if unknown or missing:
        raise GameError(
            f"shares must be of all members and of nobody else; unknown {unknown}, missing "
            f"{missing}"
        )
    shares = np.array([float(given[member]) for member in members])
    if not (shares >= 0).all() or abs(float(shares.sum()) - 1) > SHARES:
        raise GameError(f"shares must be non-negative and sum to 1, got {dict(given)}")
    return shares


def settled(
    members: tuple[Any, ...],
    scenario: str,
    number: int,
    *,
    bills: NDArray[np.float64],
    costs: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    scenario_weights: NDArray[np.float64],
    invested: float,
    shares: NDArray[np.float64],
    reserve: bool,
    when: str,
) -> ScenarioSettlement:
    """Return how one of the scenarios is settled, or one more that no plan knew.

    Parameters
    ----------
    members, scenario
        Who pays, and what the scenario is called.
    number : int
        Of the column of `bills` that is settled.
    bills : ndarray of shape (n, K) or (n, K + 1)
        At the prices of each scenario.
    costs : ndarray of shape (K,) or (K + 1,)
        Of all together, with what is bought.
    probabilities, scenario_weights : ndarray of shape (K,)
        Of the plan.
    invested : float
        Of the costs what is paid for what is bought.
    shares : ndarray of shape (n,)
        Of the fixed fee.
    reserve, when
        As ``settle`` has them.

    Raises
    ------
    GameError
        `when` is neither, or bills before the day are to balance without a reserve.
    """
    if when not in ("ex ante", "ex post"):
        raise GameError(f'when must be "ex ante" or "ex post", got {when!r}')
    if when == "ex ante" and not reserve:
        raise GameError(
            "bills before the day balance on the average only, so they need a reserve; "
            'with reserve=False settle when="ex post"'
        )
    fees = np.zeros(len(members))
    manner = "ex ante"
    if when == "ex ante":
        known = bills[:, : len(probabilities)]
        bills = np.repeat((known * scenario_weights).sum(axis=1)[:, np.newaxis], len(costs), axis=1)
    elif reserve:
        manner = "reserve"
    else:
        manner = "fee"
        fees = shares * invested
        earned = bills.sum(axis=0) - (costs - invested)
        bills = bills - np.outer(shares, earned)
    left = bills.sum(axis=0) + fees.sum() - costs
    return ScenarioSettlement(
        members=members,
        scenario=scenario,
        manner=MANNERS[manner],
        energy=bills[:, number].copy(),
        fees=fees,
        cost=float(costs[number]),
        reserve=float(left[number]),
        reserves=left[: len(probabilities)].copy(),
        probabilities=probabilities,
        scenario_weights=scenario_weights,
    )
