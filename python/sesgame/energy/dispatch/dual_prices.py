"""Evidence of bills at dual prices: the prices, and the range of bills that they leave open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.cached import cached_property
from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation, Amount, Evidence, Intervals
from sesgame.game.by_value import ByValue
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "RELATIVE_TOLERANCE",
    "ContractPrices",
    "DualBills",
    "DualPrices",
    "OwenPrices",
    "PeakPrices",
    "PeakShare",
    "PoolBills",
    "ProgrammePrices",
    "WeightedBills",
    "blocks",
]

RELATIVE_TOLERANCE = 1e-9
"""Of the turnover; the engine refuses prices that miss strong duality by more."""

BLOCK = 1 << 16
"""Numbers that are worked on at a time: they stay in the cache."""


def blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield the rows of an array, as many at a time as are worked on together."""
    step = -(-BLOCK // shape[1])
    return (slice(start, start + step) for start in range(0, shape[0], step))


@dataclass(frozen=True, eq=False)
class PoolBills(ByValue):
    """What members of a pool owe in each step, worked out for as many at a time as are asked for.

    Attributes
    ----------
    load_kwh, pv_kwh : ndarray of shape (n, T)
        What members use and generate.
    energy_price : ndarray of shape (T,)
        What a kWh costs.
    brought : tuple of (ndarray of shape (n,), ndarray of shape (T,))
        What each member has of something, and what a unit of it earns in each step.
    earned_at_start : ndarray of shape (n,)
        In the first step, beside that.
    """

    load_kwh: NDArray[np.float64]
    pv_kwh: NDArray[np.float64]
    energy_price: NDArray[np.float64]
    brought: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]
    earned_at_start: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Members and steps."""
        return self.load_kwh.shape

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        bills: NDArray[np.float64] = self.load_kwh[rows] - self.pv_kwh[rows]
        bills *= self.energy_price
        for amount, price in self.brought:
            if amount[rows].any():
                bills -= np.outer(amount[rows], price)
        bills[:, 0] -= self.earned_at_start[rows]
        return bills

    @cached_property
    def sums(self) -> tuple[NDArray[np.float64], float]:
        """The bills, and all money that members owe or are owed in any step."""
        return _sums(self)


@dataclass(frozen=True, eq=False)
class WeightedBills(ByValue):
    """What members owe in each step of several scenarios, one after the other, times its weight.

    Attributes
    ----------
    parts : tuple of (ndarray of shape (n, T), PoolBills or WeightedBills)
        Of each scenario.
    weights : ndarray of shape (K,)
        Of each.
    """

    parts: tuple[NDArray[np.float64] | PoolBills | WeightedBills, ...]
    weights: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Members, and steps of all scenarios."""
        return self.parts[0].shape[0], sum(part.shape[1] for part in self.parts)

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        scenarios = zip(self.weights, self.parts, strict=True)
        return np.concatenate([weight * part[rows] for weight, part in scenarios], axis=1)

    @cached_property
    def sums(self) -> tuple[NDArray[np.float64], float]:
        """The bills, and all money that members owe or are owed in any step."""
        return _sums(self)


def _sums(
    bills_by_step: NDArray[np.float64] | PoolBills | WeightedBills,
) -> tuple[NDArray[np.float64], float]:
    bills, turnover = [], 0.0
    for rows in blocks(bills_by_step.shape):
        part = bills_by_step[rows]
        bills.append(part.sum(axis=1))
        turnover += float(np.abs(part).sum())
    return np.concatenate(bills), turnover


@dataclass(frozen=True, eq=False)
class DualBills(ByValue):
    """What members owe at prices that prove a dispatch optimal.

    Attributes
    ----------
    bills : ndarray of shape (n,)
        No coalition is charged more than its own cost.
    duality_gap : float
        The cost of all minus the sum of the bills, beyond rounding.
    """

    bills: NDArray[np.float64]
    duality_gap: float


@dataclass(frozen=True, eq=False)
class DualPrices(Evidence):
    """Prices that prove the least cost of a community, and what follows for its members.

    Attributes
    ----------
    energy_price : ndarray of shape (T,)
        What a kWh costs inside the community in each step. Of several scenarios, one after the
        other, each as it is when it comes to pass.
    cost : float
        What all pay together: the least cost of the common dispatch.
    duality_gap : float
        That cost minus the sum of the bills; zero up to rounding, unless a limit that belongs
        to no member (of the community's connection, or of a line) binds: then all together are
        charged more than the cost, by what that limit earns.
    lowest, highest : ndarray of shape (n,)
        Between which bills each member's lies under any prices that prove the dispatch optimal, to
        about 1e-9 of the turnover. They are equal where the prices leave no choice.
    by_step : ndarray of shape (n, T), PoolBills or WeightedBills
        What each member pays in each step, or what that is worked out from.
    """

    energy_price: NDArray[np.float64]
    cost: float
    duality_gap: float
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    by_step: NDArray[np.float64] | PoolBills | WeightedBills

    @property
    def bills_by_step(self) -> NDArray[np.float64]:
        """What each member pays in each step, shape (n, T); the rows add up to the bills.

        Earnings from initial charge are in the first step. Of several scenarios, one after the
        other, times its weight.
        """
        return self.by_step[:]

    @property
    def bills(self) -> NDArray[np.float64]:
        """What each member pays, shape (n,)."""
        return self._sums[0]

    @property
    def turnover(self) -> float:
        """All money that members owe or are owed in any step."""
        return self._sums[1]

    @property
    def _sums(self) -> tuple[NDArray[np.float64], float]:
        return _sums(self.by_step) if isinstance(self.by_step, np.ndarray) else self.by_step.sums

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def intervals(self, allocation: Allocation) -> Intervals | None:
        """Return between what the bills lie, where the prices leave a choice."""
        if not (self.highest - self.lowest > allocation.tolerance).any():
            return None
        return Intervals(
            self.lowest,
            self.highest,
            "between what a bill lies under any prices that prove the dispatch to be the cheapest",
        )

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the prices prove."""
        if abs(self.duality_gap) > allocation.tolerance:
            return [
                f"The bills at these prices exceed the cost of all by {amount(-self.duality_gap)}: "
                f"a limit that no member brings earns so much, and that has no owner."
            ]
        return [
            "At these prices no group is charged more than its own dispatch costs, and the bills "
            "add up to the cost of all. That proves that no group can do better on its own, "
            "however many groups there are."
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without what is by member or line."""
        left_out = ("by_step", "line_price")
        kept = (field.name for field in fields(self) if field.name not in left_out)
        return {name: plain(getattr(self, name)) for name in kept}


@dataclass(frozen=True, eq=False)
class OwenPrices(DualPrices):
    """The prices of the pooled battery, straight from the recursion.

    Attributes
    ----------
    capacity_price, power_price : ndarray of shape (T,)
        What a kWh of energy capacity, and a kWh per step of power, earns its owner in each step.
    initial_charge_price : float
        What a kWh of initial charge, which has to be there again at the end, earns its owner.
    """

    capacity_price: NDArray[np.float64]
    power_price: NDArray[np.float64]
    initial_charge_price: float


@dataclass(frozen=True, eq=False)
class PeakShare(ByValue):
    """How one charge on a peak is shared among its steps.

    Attributes
    ----------
    name : str
        Of the charge, with its month.
    peak_kw : float
        The highest import of all together among its steps.
    price_per_kw : float
        What a kW of that costs.
    steps : ndarray of int
        Those that count.
    paid_per_kwh : ndarray of float
        What a kWh of import pays in each of these steps; it is more than 0 where the peaks of the
        cheapest dispatch coincide, and adds up to the price for a kWh per step, or to less where
        nothing need be imported at all.
    """

    name: str
    peak_kw: float
    price_per_kw: float
    steps: NDArray[np.intp]
    paid_per_kwh: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PeakPrices(OwenPrices):
    """The prices of the pooled battery under demand charges; they hold the shares of the charges.

    Attributes
    ----------
    peak_shares : tuple of PeakShare
        One for each period of each charge.

    Notes
    -----
    The cost is that of a schedule with its own peaks, and the sum of the bills that of the cheapest
    dispatch without charges in which import pays its shares: whatever the shares, as long as they
    are not negative and add up to no more than the charge, no dispatch costs less. So, but for what
    limits of nobody earn, ``duality_gap`` says how far the cost, and the peaks behind it, are from
    the least; `verify` finds out anew.
    """

    peak_shares: tuple[PeakShare, ...]

    @property
    def audited(self) -> bool:
        """Always: it takes one recursion."""
        return True

    def verify(
        self, game: Any, oracle: object = None, *, exact: bool = False
    ) -> Verification | None:
        """Check that the shares prove the peaks to be those of a cheapest dispatch.

        Parameters
        ----------
        game : Game
            The game of the community's pool; None is returned for any other.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Makes no difference: a dispatch has no fractions.

        Returns
        -------
        Verification
            Refuted where the dispatch without charges in which import pays the shares costs less
            than is claimed. It is of the peaks alone: a game does not hold the meters that the
            bills are for.
        """
        least_cost = getattr(game.native, "least_cost", None)
        if least_cost is None:
            return None
        everybody = np.ones(game.n_players, dtype=np.bool_)
        total, failures = game.value(game.players), []
        slack = RELATIVE_TOLERANCE * self.turnover + game.rounding
        if not abs(self.cost - total) <= slack:
            failures.append(f"the dispatch of all is said to cost {self.cost:g}, not {total:g}")
        try:
            paid = [np.asarray(share.paid_per_kwh, np.float64) for share in self.peak_shares]
            proved = least_cost(everybody, paid)
        except ValueError as error:
            named = {f"charge {n}": share.name for n, share in enumerate(self.peak_shares)}
            failures.append(re.sub(r"charge \d+", lambda at: named.get(at[0], at[0]), str(error)))
        else:
            if not proved >= self.cost - slack:
                peaks = ", ".join(
                    f"{share.peak_kw:g} kW for {share.name}" for share in self.peak_shares
                )
                failures.append(
                    f"nothing proves peaks of {peaks} to be those of a cheapest dispatch: by the "
                    f"shares of the charges it costs {proved:g} at least, not {self.cost:g}"
                )
        return Verification(
            claim="the peaks that demand charges are paid on are those of a cheapest dispatch",
            failures=tuple(failures),
            exact=False,
            values=tuple(self.bills_by_step.sum(axis=1).tolist()),
        )


@dataclass(frozen=True, eq=False)
class ContractPrices(DualPrices):
    r"""The prices of a contract's bill, and how what has no price is divided.

    Attributes
    ----------
    constant : float
        What of the cost is not in proportion to energy: fees in the game, a minimum that is not
        reached, floors and earlier months of peaks.
    divided : str
        By which rule; empty where there is nothing to divide.
    constant_shares : ndarray of shape (n,)
        What each member pays of it, beside what it owes by step.

    Notes
    -----
    At prices y that are slopes of the cost at the profile z of all, :math:`c(z_N) = y z_N + R`, and
    a convex cost is nowhere below its slope: :math:`c(z_S) \ge y z_S + R`. So any division of
    :math:`R \ge 0` with no negative part leaves no group a reason to leave.
    """

    constant: float
    divided: str
    constant_shares: NDArray[np.float64]

    @property
    def bills(self) -> NDArray[np.float64]:
        """What each member pays, shape (n,)."""
        bills: NDArray[np.float64] = super().bills + self.constant_shares
        return bills

    @property
    def manner(self) -> str:
        """How what has no price is divided."""
        return f"constants {self.divided}" if self.divided else ""

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what was divided beside the prices."""
        if not self.divided:
            return []
        return [
            f"{amount(self.constant)} of the cost are not in proportion to energy and have no "
            f"price; they are divided {self.divided}."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the prices prove, and why the division does no harm."""
        found = super().grounds(allocation, amount)
        if self.divided:
            found.append(
                "No division of what has no price gives a group a reason to leave, as long as "
                "nobody's part of it is negative."
            )
        return found


@dataclass(frozen=True, eq=False)
class ProgrammePrices(DualPrices):
    """The prices of the linear program.

    Attributes
    ----------
    distance : float
        From the bills to the nearest-to reference, the root of the sum of squares; not a number
        where no reference was given.
    line_price : ndarray of shape (lines, T)
        What a kWh costs more behind each line of the grid than before it, 0 where its limit does
        not bind; of several scenarios as `energy_price`.
    """

    distance: float
    line_price: NDArray[np.float64]
