"""Bills at the prices that clear each step of sharing, and what they prove."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation, Amount, Evidence, Intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SharingPrices"]


@dataclass(frozen=True, eq=False)
class SharingPrices(Evidence):
    """The prices at which all members share, and between what they leave each bill.

    Attributes
    ----------
    zones : tuple of str
        Of the rows of the prices.
    taken_per_kwh : ndarray of shape (Z, T)
        What a shared kWh costs who takes it, fee included; not a number where a step decides none.
    given_per_kwh : ndarray of shape (Z, T)
        What it earns who gives it.
    shared_kwh : ndarray of shape (T,)
        The energy that is shared.
    choice : str
        Which of the prices that clear a step these are: the middle of the lowest and the highest.
    cost : float
        What all pay together.
    lowest, highest : ndarray of shape (n,)
        Between what each bill lies, whichever prices clear. They are attained where there is one
        fee; with fees by zone, where one member takes and gives in one step, they may not be.
    outside_game : tuple of str
        What contracts bill that no bill here has, by its labels: taxes, and most fixed fees.
    """

    zones: tuple[str, ...]
    taken_per_kwh: NDArray[np.float64]
    given_per_kwh: NDArray[np.float64]
    shared_kwh: NDArray[np.float64]
    choice: str
    cost: float
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    outside_game: tuple[str, ...]

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def intervals(self, allocation: Allocation) -> Intervals | None:
        """Return between what the bills lie, where the prices leave a choice."""
        if not (self.highest - self.lowest > allocation.tolerance).any():
            return None
        return Intervals(
            self.lowest, self.highest, "between what a bill lies at any prices that clear each step"
        )

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the prices prove."""
        found = [
            f"In each step {self.choice} is paid, and "
            f"{float(self.shared_kwh.sum()):,.1f} kWh are shared. At prices that clear no group "
            f"is charged more than it would pay by itself, and the bills add up to the cost of "
            f"all. That proves that no group can do better on its own, however many there are."
        ]
        if self.outside_game:
            found.append(
                f"Outside the game, and not in these bills: {', '.join(self.outside_game)}."
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows."""
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}
