"""The grid's part in a clearing by agents, and the sums of squares that all parts give."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.agents.grid_agent import GridAgent

__all__ = ["GridSide", "Squares", "relaxed", "squares_of"]


@dataclasses.dataclass(frozen=True)
class Squares:
    """Sums of squares over agents and steps, each over the weight of the agent, in kWh²."""

    primal: float
    dual: float
    exchanged: float
    balanced: float

    def __add__(self, other: Squares) -> Squares:
        return Squares(
            self.primal + other.primal,
            self.dual + other.dual,
            self.exchanged + other.exchanged,
            self.balanced + other.balanced,
        )


class GridSide:
    """The grid, which is no secret: it is asked here, and its exchange is known in any case."""

    def __init__(self, grids: Sequence[GridAgent], n_steps: int, relaxation: float) -> None:
        self._grids, self._relaxation = grids, relaxation
        self._weights = np.array([grid.weight for grid in grids])[:, np.newaxis]
        self.balanced_kwh = np.zeros((len(grids), n_steps))
        self.exchange_kwh = np.zeros((len(grids), n_steps))
        self._relaxed = self.exchange_kwh

    def exchange(
        self, scaled_price: NDArray[np.float64], rho: float, *, is_first: bool
    ) -> NDArray[np.float64]:
        """Return what all grids exchange; nothing in the first round, which asks the members."""
        targets = self.balanced_kwh - self._weights * scaled_price
        for number, grid in enumerate(self._grids):
            self.exchange_kwh[number] = (
                0.0 if is_first else grid.respond(targets[number], rho / grid.weight)
            )
        self._relaxed = relaxed(self.exchange_kwh, self.balanced_kwh, self._relaxation)
        total: NDArray[np.float64] = self._relaxed.sum(axis=0)
        return total

    def balance(self, imbalance: NDArray[np.float64]) -> Squares:
        """Take from each its part of what is out of balance."""
        before, self.balanced_kwh = self.balanced_kwh, self._relaxed - self._weights * imbalance
        return squares_of(self.exchange_kwh, before, self.balanced_kwh, self._weights)

    def cost(self, exchange_kwh: NDArray[np.float64]) -> float:
        """Return what is billed: of one grid for what members draw, of several as they answered."""
        if len(self._grids) == 1:
            return self._grids[0].cost(-exchange_kwh)
        rows = zip(self._grids, self.exchange_kwh, strict=True)
        return sum(grid.cost(row) for grid, row in rows)


def relaxed(
    exchange_kwh: NDArray[np.float64], balanced_kwh: NDArray[np.float64], relaxation: float
) -> NDArray[np.float64]:
    """Return exchanges, over-relaxed."""
    return relaxation * exchange_kwh + (1.0 - relaxation) * balanced_kwh


def squares_of(
    exchange_kwh: NDArray[np.float64],
    before_kwh: NDArray[np.float64],
    balanced_kwh: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> Squares:
    """Return the sums of squares of rows of exchanges."""
    parts = (exchange_kwh - balanced_kwh, balanced_kwh - before_kwh, exchange_kwh, balanced_kwh)
    return Squares(*(float((part**2 / weights).sum()) for part in parts))
