"""How much storage members rent at each rent: falling step functions, exact."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.operator.parameters import fix
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SAME_RENT", "StorageDemand", "checked_rent"]

SAME_RENT = 1e-12
"""Rents that differ by no more than this part are one."""


def checked_rent(rent: float) -> float:
    """Return a rent as a float.

    Raises
    ------
    GameError
        It is negative or not finite.
    """
    if not (np.isfinite(rent) and rent >= 0):
        raise GameError(f"rent_per_kwh_day must be a non-negative number, got {rent}")
    return float(rent)


@dataclass(frozen=True, eq=False, repr=False)
class StorageDemand(ByValue):
    r"""How much storage each member rents at each rent: the demand curve that a seller faces.

    Member i saves :math:`V_i(X)` with X kWh, concave and piecewise linear in X, and rents

    .. math:: X_i(r) = \max \operatorname{argmax}_{X \ge 0} \; V_i(X) - r X

    a step function that falls with the rent r; at a rent at which it has a choice it takes the
    largest size. Made by :attr:`StorageCloud.demand_curve
    <sesgame.energy.StorageCloud.demand_curve>`.

    Attributes
    ----------
    members : tuple
        The n members.
    days : ndarray of shape (K,)
        How long each of the K terms of rent lasts.
    starts : ndarray of int, shape (n K + 1,)
        Where the steps of each member in each term begin, members by rows, and where the last end.
    rent_per_kwh_day : ndarray
        Up to which rent each step is rented; it falls from step to step.
    energy_kwh, power_kw : ndarray
        What is rented then.
    size : ndarray
        What the rent is paid for: capacity, and power at its relative rent.
    saved : ndarray
        What storage of that size saves in the term, before rent.
    """

    members: tuple[Hashable, ...]
    days: NDArray[np.float64]
    starts: NDArray[np.int64]
    rent_per_kwh_day: NDArray[np.float64]
    energy_kwh: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    size: NDArray[np.float64]
    saved: NDArray[np.float64]

    def __post_init__(self) -> None:
        fix(self)

    @cached_property
    def rents(self) -> NDArray[np.float64]:
        """The rents at which somebody's demand changes, from the highest down, each once."""
        ordered = np.sort(self.rent_per_kwh_day)[::-1]
        if not len(ordered):
            return np.zeros(0)
        is_last = np.append(ordered[1:] < ordered[:-1] * (1.0 - SAME_RENT), True)
        rents: NDArray[np.float64] = ordered[is_last]
        rents.setflags(write=False)
        return rents

    @checked_arguments
    def step_at(self, rent_per_kwh_day: float) -> NDArray[np.intp]:
        """Return which step each member rents in each term, shape (n, K); -1 for nothing."""
        rent = checked_rent(rent_per_kwh_day)
        rented = self.rent_per_kwh_day >= rent * (1.0 - SAME_RENT)
        total = np.append(0, np.cumsum(rented))
        n_rented = total[self.starts[1:]] - total[self.starts[:-1]]
        steps = np.where(n_rented > 0, self.starts[:-1] + n_rented - 1, -1)
        return steps.reshape(len(self.members), len(self.days)).astype(np.intp)

    @checked_arguments
    def at(self, rent_per_kwh_day: float, quantity: str = "energy_kwh") -> NDArray[np.float64]:
        """Return what each member has in each term at a rent, shape (n, K).

        Parameters
        ----------
        rent_per_kwh_day : float
            At least 0.
        quantity : {"energy_kwh", "power_kw", "size", "saved"}
            What of it.

        Raises
        ------
        GameError
            The rent is negative or not finite, or there is no such quantity.
        """
        if quantity not in ("energy_kwh", "power_kw", "size", "saved"):
            raise GameError(
                f"quantity must be energy_kwh, power_kw, size or saved, got {quantity!r}"
            )
        steps = self.step_at(rent_per_kwh_day)
        values = np.append(getattr(self, quantity), 0.0)
        found: NDArray[np.float64] = values[steps]
        return found

    @checked_arguments
    def total_kwh(self, rent_per_kwh_day: float) -> float:
        """Return the capacity that all rent together at a rent, the mean over all days."""
        rented = self.at(rent_per_kwh_day).sum(axis=0)
        return float((rented * self.days).sum() / self.days.sum())

    @checked_arguments
    def of(
        self, member: Hashable, term: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the steps of one member: up to which rent, and how many kWh then.

        Raises
        ------
        CoalitionError
            There is no such member.
        GameError
            There is no such term.
        """
        if not 0 <= term < len(self.days):
            raise GameError(f"term must be from 0 to {len(self.days) - 1}, got {term}")
        row = Players(self.members).index(member) * len(self.days) + term
        steps = slice(self.starts[row], self.starts[row + 1])
        return self.rent_per_kwh_day[steps], self.energy_kwh[steps]

    def to_pandas(self) -> pd.DataFrame:
        """Return the demand of all: a row for each rent at which it changes (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.DataFrame(
            {
                "rent_per_kwh_day": self.rents,
                "rented_kwh": [self.total_kwh(rent) for rent in self.rents.tolist()],
            }
        )

    def __repr__(self) -> str:
        return (
            f"StorageDemand({len(self.members)} members, {len(self.rents)} rents at which demand "
            f"changes)"
        )
