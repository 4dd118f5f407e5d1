"""What proves the bills at a leader's prices by step."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.cost_basis import CostBasis
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["LeaderPricesEvidence", "payments"]


@dataclass(frozen=True, eq=False)
class LeaderPricesEvidence(Evidence):
    """The prices behind the bills, and what is proved of them.

    Attributes
    ----------
    buy_per_kwh, sell_per_kwh : ndarray of shape (T,)
        What a kWh costs members, and earns them, in each step.
    grid_buy_per_kwh, grid_sell_per_kwh : ndarray of shape (T,)
        The same at the grid, where the leader trades.
    net_kwh : ndarray of shape (n, T)
        What each member draws from the leader, less what it gives it.
    wear : ndarray of shape (n,)
        Of each member's batteries, in money; part of the bills.
    profit : float
        What the leader earns: bills less `cost`.
    bound : float
        What no prices between the grid's could exceed.
    least_profit : float
        At the same prices, if members chose the best replies that are worst for the leader.
    reply_gaps : ndarray of shape (n,)
        By how much each bill exceeds that of a best reply: rounding.
    cost : float
        Of the arrangement: what the grid charges the leader, and wear.
    terms : CostBasis
        On what terms the bills stand.
    tolerance : float
        Up to which money is rounding.
    """

    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    grid_buy_per_kwh: NDArray[np.float64]
    grid_sell_per_kwh: NDArray[np.float64]
    net_kwh: NDArray[np.float64]
    wear: NDArray[np.float64]
    profit: float
    bound: float
    least_profit: float
    reply_gaps: NDArray[np.float64]
    cost: float
    terms: CostBasis
    tolerance: float

    @property
    def bills(self) -> NDArray[np.float64]:
        """What each member pays the leader, and its wear, shape (n,)."""
        return payments(self.net_kwh, self.buy_per_kwh, self.sell_per_kwh) + self.wear

    @property
    def n_evaluations(self) -> int:
        """Of each member alone, and of all, for the basis."""
        return len(self.wear) + 1

    @property
    def arrangement(self) -> float:
        """What leader and members together pay to others."""
        return self.cost

    @property
    def basis(self) -> CostBasis:
        """On what terms the bills stand."""
        return self.terms

    @property
    def residual_claimant(self) -> str:
        """Who keeps what is left."""
        return "leader"

    @property
    def is_proved_best(self) -> bool:
        """Whether no other prices earn the leader more, but for rounding."""
        return self.bound - self.profit <= self.tolerance

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how far the prices may be from the best, and what replies were taken for."""
        said = []
        if not self.is_proved_best:
            more = self.bound - self.profit
            part = f" ({more / self.profit:.2%})" if self.profit > 0 else ""
            said.append(
                f"The leader's prices are not proved to be its best: they earn "
                f"{amount(self.profit)}, and others might earn up to {amount(more)}{part} more."
            )
        if self.profit - self.least_profit > self.tolerance:
            said.append(
                f"Where members have several best replies, they are taken to choose the one that "
                f"is best for the leader; at worst it earns {amount(self.least_profit)}."
            )
        return said

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who keeps what, and that nobody could do better at these prices."""
        return [
            f"The leader keeps {amount(self.profit)}: what members pay it, less what the grid "
            f"charges it.",
            "At its prices no member could run the own storage better, and none pays more than "
            "alone, since they lie between those of the grid.",
        ]

    def verify(self, game: Any, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check prices, bills and profit against each other and the game.

        Parameters
        ----------
        game : Game
            The game of the community.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Makes no difference: a dispatch has no fractions.

        Returns
        -------
        Verification
            Refuted where a price is outside those of the grid, energy, cost and profit do not add
            up, a bill is above what the member has alone, or all pay less than the optimum. Open
            where the prices are not proved to be the leader's best.
        """
        slack = self.tolerance + game.rounding
        failures = []
        prices = (self.grid_sell_per_kwh, self.sell_per_kwh, self.buy_per_kwh)
        for lower, upper in zip(prices, (*prices[1:], self.grid_buy_per_kwh), strict=True):
            if not (lower <= upper).all():
                failures.append("a price is outside those of the grid, or buys above it sells")
                break
        over = self.net_kwh.sum(axis=0)
        grid = float(
            (np.where(over > 0, self.grid_buy_per_kwh, self.grid_sell_per_kwh) * over).sum()
        )
        if not abs(grid + float(self.wear.sum()) - self.cost) <= slack:
            failures.append(f"grid and wear cost {grid + self.wear.sum():g}, not {self.cost:g}")
        bills = self.bills
        if not abs(float(bills.sum()) - self.cost - self.profit) <= slack:
            failures.append(f"bills less cost are not the profit of {self.profit:g}")
        if not (np.abs(self.reply_gaps) <= slack).all():
            failures.append("a reply is not the best one at these prices")
        alone = np.array([game.value([player]) for player in game.players])
        for player, bill, cost in zip(game.players, bills, alone, strict=True):
            if bill > cost + slack:
                failures.append(f"{player!r} is billed {bill:g}, and pays {cost:g} alone")
        if self.cost < game.value(game.players) - slack:
            failures.append("all together pay less than the optimum")
        if self.bound < self.profit - slack:
            failures.append(f"the bound {self.bound:g} is below the profit {self.profit:g}")
        return Verification(
            claim="bills at the leader's best prices, to which every member replies best",
            failures=tuple(failures[:10]),
            exact=False,
            values=tuple(bills.tolist()),
            unchecked=()
            if self.is_proved_best
            else (f"whether prices could earn more than {self.profit:g}, up to {self.bound:g}",),
            checked_by="energy, prices and the costs of members alone in the game",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without the energy by member."""
        kept = (field.name for field in fields(self) if field.name != "net_kwh")
        return {name: plain(getattr(self, name)) for name in kept}


def payments(net_kwh: Array, buy: Array, sell: Array) -> Array:
    """Return what each member pays at prices, shape (n,)."""
    return np.asarray((np.where(net_kwh > 0, buy, sell) * net_kwh).sum(axis=1))
