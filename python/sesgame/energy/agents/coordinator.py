"""The rounds of the alternating direction method of multipliers for an exchange.

Scaled by the weights w of agents, which change nothing but the path:

    q_i <- argmin f_i(q) + rho / (2 w_i) |q - (z_i - w_i u)|²
    h_i  = alpha q_i + (1 - alpha) z_i
    b    = sum h_i / sum w_i          what is out of balance
    z_i <- h_i - w_i b                so that sum z_i = 0
    u   <- u + b                      and the price is rho u

The residuals are measured in parts of what is exchanged and of the price, so that neither the unit
of energy nor that of money decides when it ends, or what becomes of rho.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sesgame.energy.agents.clearing_state import ClearingState
from sesgame.energy.agents.grid_side import GridSide, Squares
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Coordinator"]

EVERY = 20
"""Rounds between two looks at rho."""

APART = 10.0
"""Times one residual may be the other one before rho changes."""

LAST_CHANGE = 2000
"""The last round in which rho changes: the method converges for any rho that stays."""

NOTHING = 1e-3
"""Of the largest price so far: a price of less counts as so much, so that 0 can be reached."""


class Exchange(Protocol):
    """The members, as the rounds need them."""

    def exchange(self, scaled_price: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
        """Ask all for their exchange at a price, and return the sum, relaxed."""

    def balance(self, imbalance: NDArray[np.float64]) -> Squares:
        """Take from each its part of what is out of balance."""

    @property
    def balanced_kwh(self) -> NDArray[np.float64]:
        """What each has after that, as far as it is known here."""

    @property
    def resolution(self) -> float:
        """Norm of what cannot be told from nothing, in kWh."""


@dataclasses.dataclass
class Coordinator:
    """What is known to whoever runs the rounds.

    Attributes
    ----------
    labels, weights, relaxation
        As of :class:`ClearingState`.
    rho, scaled_price, largest_price
        The same.
    residuals : list of (float, float)
        Of each round, in parts.
    adapts : bool
        Whether rho changes.
    """

    labels: tuple[Hashable, ...]
    weights: NDArray[np.float64]
    relaxation: float
    rho: float
    scaled_price: NDArray[np.float64]
    largest_price: float = 0.0
    residuals: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    adapts: bool = True

    @property
    def price(self) -> NDArray[np.float64]:
        """What a kWh costs in each step."""
        return self.rho * self.scaled_price

    def round(
        self, members: Exchange, grid: GridSide, *, is_first: bool = False
    ) -> tuple[float, float]:
        """Do one round, and return its residuals: of balance and of prices, in parts.

        The first one may leave the grid out, to learn how much members exchange.
        """
        self._adapt()
        total_weight = float(self.weights.sum())
        total = members.exchange(self.scaled_price, self.rho)
        total = total + grid.exchange(self.scaled_price, self.rho, is_first=is_first)
        imbalance = total / total_weight
        self.scaled_price = self.scaled_price + imbalance
        squares = members.balance(imbalance) + grid.balance(imbalance)
        price = math.sqrt(total_weight * float((self.price**2).sum()))
        self.largest_price = max(self.largest_price, price)
        size = math.sqrt(max(squares.exchanged, squares.balanced))
        self._size = size
        primal = math.sqrt(squares.primal) - members.resolution
        dual = self.rho * (math.sqrt(squares.dual) - members.resolution)
        found = (_part(primal, size), _part(dual, max(price, NOTHING * self.largest_price)))
        self.residuals.append(found)
        return found

    def begin_anew(self, price_scale: float, n_members: int) -> None:
        """After a first round without the grid begin at the price 0, with a rho that fits.

        Of a penalty that fits neither energy nor money, the first price is worth nothing.
        """
        size = self._size / math.sqrt(n_members * self.scaled_price.size)
        self.rho = price_scale / size if size > 0 else price_scale
        self.scaled_price = np.zeros(self.scaled_price.shape)
        self.largest_price = 0.0

    def _adapt(self) -> None:
        rounds = len(self.residuals)
        if not self.adapts or rounds % EVERY or not 0 < rounds <= LAST_CHANGE:
            return
        primal, dual = self.residuals[-1]
        if primal > APART * dual:
            self._change(2.0)
        elif dual > APART * primal:
            self._change(0.5)

    def _change(self, factor: float) -> None:
        self.rho *= factor
        self.scaled_price = self.scaled_price / factor

    def state(self, balanced_kwh: NDArray[np.float64]) -> ClearingState:
        """Return what is needed to go on."""
        return ClearingState(
            labels=self.labels,
            weights=self.weights,
            relaxation=self.relaxation,
            rho=self.rho,
            scaled_price=self.scaled_price.copy(),
            balanced_kwh=balanced_kwh.copy(),
            largest_price=self.largest_price,
            residuals=np.array(self.residuals, dtype=np.float64).reshape(-1, 2),
        )

    def resume(self, state: ClearingState) -> None:
        """Go on from a state.

        Raises
        ------
        GameError
            It is of other agents, steps or weights.
        """
        if state.labels != self.labels:
            raise GameError(f"the state is of the agents {state.labels!r}, not of {self.labels!r}")
        if state.scaled_price.shape != self.scaled_price.shape:
            raise GameError(
                f"the state is of {state.scaled_price.size} steps, not of {self.scaled_price.size}"
            )
        if not np.array_equal(state.weights, self.weights):
            raise GameError("the state is of agents with other weights")
        if state.relaxation != self.relaxation:
            raise GameError(
                f"the state is of relaxation={state.relaxation:g}, not of {self.relaxation:g}"
            )
        self.rho, self.largest_price = state.rho, state.largest_price
        self.scaled_price = state.scaled_price
        self.residuals = [(float(primal), float(dual)) for primal, dual in state.residuals]


def _part(amount: float, of: float) -> float:
    if amount <= 0.0:
        return 0.0
    return amount / of if of > 0.0 else math.inf
