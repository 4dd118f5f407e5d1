"""What bills of shared energy rest on: their lines, the margin, and what contracts charge."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE
from sesgame.energy.operator_series.operator_series import OperatorSeries
from sesgame.errors import GameError
from sesgame.files.json_text import plain
from sesgame.formatting import count, short_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OperatorBills", "OperatorLine"]


class OperatorLine(NamedTuple):
    """A line of a member's bill.

    Attributes
    ----------
    label : str
    point : str
        Empty where it is of no point.
    kwh : float
    amount : float
        Negative where the member is paid.
    """

    label: str
    point: str
    kwh: float
    amount: float


@dataclass(frozen=True, eq=False)
class OperatorBills(Evidence):
    """What members pay and get for what was shared, line by line, and what stays.

    Attributes
    ----------
    consumers, plants : tuple of str
        Points.
    covered_kwh, paid : ndarray of shape (n,)
        What each consumer was covered, and what it pays for that.
    delivered_kwh, received : ndarray of shape (k,)
        What each plant delivered, and what it gets for that.
    margin : float
        What consumers pay beyond what plants get; negative where it is less.
    community : hashable or None
        The member that gets the margin; None where it is in nobody's bill.
    outside : ndarray of shape (members,) or None
        What contracts and fees charge each member for the rest; None without contracts.
    least_cost : float or None
        What all would pay outside if they shared as well as can be, v(N).
    alone : ndarray of shape (members,) or None
        What each would pay alone.
    rounded_money : float
        By how much the digits of the series may put the cost of all off.
    provisional : tuple of (str, int, str)
        Points with substitutes that may still change: how many, and when the first is.
    broken : tuple of str
        What does not hold between the series, in words.
    players : tuple of hashable
        The members, in the order of the bills.
    series : OperatorSeries
        What is billed.
    consumer_price_per_kwh, producer_price_per_kwh : ndarray of shape (n, T) and (k, T)
    """

    consumers: tuple[str, ...]
    plants: tuple[str, ...]
    covered_kwh: NDArray[np.float64]
    paid: NDArray[np.float64]
    delivered_kwh: NDArray[np.float64]
    received: NDArray[np.float64]
    margin: float
    community: Hashable | None
    outside: NDArray[np.float64] | None
    least_cost: float | None
    alone: NDArray[np.float64] | None
    rounded_money: float
    provisional: tuple[tuple[str, int, str], ...]
    broken: tuple[str, ...]
    players: tuple[Hashable, ...] = field(metadata={"is_kept": False})
    series: OperatorSeries = field(metadata={"is_kept": False})
    consumer_price_per_kwh: NDArray[np.float64] = field(metadata={"is_kept": False})
    producer_price_per_kwh: NDArray[np.float64] = field(metadata={"is_kept": False})

    @property
    def n_evaluations(self) -> int:
        """Each alone, and all together, where there are contracts."""
        return 0 if self.alone is None else len(self.alone) + 1

    @property
    def cost(self) -> float | None:
        """What all together pay to suppliers and for fees; None without contracts."""
        return None if self.outside is None else float(self.outside.sum())

    @property
    def lost_money(self) -> float | None:
        """What all pay outside beyond the least: the operator's key loses it."""
        if self.outside is None or self.least_cost is None:
            return None
        return float(self.outside.sum()) - self.least_cost

    @property
    def arrangement(self) -> float:
        """What all bills add up to: the cost, and the margin where it is in nobody's bill."""
        return (self.cost or 0.0) + (self.margin if self.community is None else 0.0)

    def lines(self, member: Hashable) -> tuple[OperatorLine, ...]:
        """Return the bill of a member: a line for each point, and for what is of no point.

        Raises
        ------
        GameError
            There is no such member.
        """
        if member not in self.players:
            raise GameError(
                f"{member!r} is not billed; the members are {short_coalition(self.players)}"
            )
        owner = self.series.members
        found = [
            OperatorLine("covered by the community", point, kwh, amount)
            for point, kwh, amount in zip(
                self.consumers, self.covered_kwh.tolist(), self.paid.tolist(), strict=True
            )
            if owner[point] == member
        ]
        found += [
            OperatorLine("delivered to the community", point, kwh, -amount)
            for point, kwh, amount in zip(
                self.plants, self.delivered_kwh.tolist(), self.received.tolist(), strict=True
            )
            if owner[point] == member
        ]
        if self.outside is not None:
            rest = float(self.outside[self.players.index(member)])
            found.append(OperatorLine("contracts and fees for the rest", "", 0.0, rest))
        if member == self.community:
            found.append(OperatorLine("margin of the community", "", 0.0, -self.margin))
        return tuple(found)

    @property
    def bills(self) -> NDArray[np.float64]:
        """What each member pays, shape (members,): its lines added up."""
        place = {member: row for row, member in enumerate(self.players)}
        found = np.zeros(len(self.players)) if self.outside is None else self.outside.copy()
        for point, amount in zip(self.consumers, self.paid, strict=True):
            found[place[self.series.members[point]]] += amount
        for point, amount in zip(self.plants, self.received, strict=True):
            found[place[self.series.members[point]]] -= amount
        if self.community is not None:
            found[place[self.community]] -= self.margin
        return found

    @property
    def turnover(self) -> float:
        """All money that is owed for what was shared, or outside."""
        parts = [self.paid, self.received] + ([] if self.outside is None else [self.outside])
        return float(sum(np.abs(part).sum() for part in parts))

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what was billed, what stays, and what the operator's key loses."""
        whose = (
            "is in nobody's bill"
            if self.community is None
            else f"goes to {short_coalition([self.community])}"
        )
        paid, received = (amount(float(part.sum())) for part in (self.paid, self.received))
        said = [
            f"The operator says what was shared. Consumers pay {paid} for "
            f"{float(self.covered_kwh.sum()):.6g} kWh, plants get {received} for "
            f"{float(self.delivered_kwh.sum()):.6g} kWh; the margin of the community, "
            f"{amount(self.margin)}, {whose}."
        ]
        said += [f"Of the series: {words}." for words in self.series.assumed]
        if self.lost_money is not None:
            said.append(
                f"All together pay {amount(self.cost or 0.0)} outside. Sharing as well as can be "
                f"they would pay {amount(self.least_cost or 0.0)}: the operator's key loses "
                f"{amount(self.lost_money)}."
            )
        return said

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what may still change, what does not hold, and who pays more than alone."""
        said = [
            f"{point}: {count(n_readings, 'step')} with substitutes that may still change, the "
            f"first from {first}; the bills are provisional."
            for point, n_readings, first in self.provisional
        ]
        said += [f"{words}." for words in self.broken]
        if self.alone is not None:
            more = allocation.values - self.alone
            worse = np.flatnonzero(more > allocation.tolerance).tolist()
            if worse:
                whose = short_coalition([allocation.players[member] for member in worse])
                said.append(
                    f"{whose}: billed more than alone, by {amount(float(more[worse].max()))} at "
                    f"most."
                )
        return said

    def verify(self, game: Any, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check the bills by the series and the prices, and that nobody could pay less than v(N).

        Parameters
        ----------
        game : Game
            Of sharing, where there are contracts; looked at in no other case.
        oracle : optional
            Not asked.
        exact : bool, default False
            Makes no difference: readings have no fractions.

        Returns
        -------
        Verification
            Refuted where lines are not energy at its price, bills are not the lines and the margin,
            something does not hold between the series that is not said, or all together pay less
            outside than sharing as well as can be.
        """
        failures = []
        slack = RELATIVE_TOLERANCE * self.turnover
        for what, found, price, energy in (
            ("consumers", self.paid, self.consumer_price_per_kwh, self.series.covered_kwh),
            ("plants", self.received, self.producer_price_per_kwh, self.series.delivered_kwh),
        ):
            off = float(np.abs(found - np.einsum("pt,pt->p", price, energy)).sum())
            if not off <= slack:
                failures.append(f"the lines of {what} are not energy at its price, by {off:g}")
        margin = float(self.paid.sum() - self.received.sum())
        if not abs(self.margin - margin) <= slack:
            failures.append(f"the margin is {self.margin:g}, and the lines leave {margin:g}")
        bills = self.bills
        lines = [sum(line.amount for line in self.lines(member)) for member in self.players]
        if not float(np.abs(bills - lines).sum()) <= slack:
            failures.append("the bills are not what their lines add up to")
        if not abs(float(bills.sum()) - self.arrangement) <= slack:
            failures.append(f"the bills add up to {bills.sum():g}, not to {self.arrangement:g}")
        unsaid = len(self.series.broken_identities()) - len(self.broken)
        if unsaid:
            failures.append(f"{unsaid} identities of the series do not hold, and are not said")
        if self.outside is not None and not self.broken:
            least = game.value(game.players)
            # What the operator shared is one way to share, give or take the digits of its series.
            off = slack + game.rounding + self.rounded_money
            if not (self.cost or 0.0) >= least - off:
                failures.append(
                    f"all pay {self.cost:g} outside; they cannot pay less than {least:g}"
                )
        return Verification(
            claim="bills for what the operator says was shared, at the prices of the community",
            failures=tuple(failures),
            exact=False,
            values=tuple(bills.tolist()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without series and prices by step."""
        kept = (
            field.name for field in dataclasses.fields(self) if field.metadata.get("is_kept", True)
        )
        return {name: plain(getattr(self, name)) for name in kept}
