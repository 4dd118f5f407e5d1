"""What bills of shared energy rest on: their lines, the margin, and what contracts charge."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE
from sesgame.energy.operator_series.operator_series import OperatorSeries
from sesgame.energy.operator_series.outside_charges import check_world, outside_charges
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.errors import GameError
from sesgame.files.json_text import plain
from sesgame.formatting import count, short_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.cost_basis import CostBasis
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
    world : PublicGrid or None
        The contracts of its points; None without contracts.
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
    world: PublicGrid | None = field(metadata={"is_kept": False})
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
    def arrangement(self) -> float | None:
        """What all pay to suppliers and for fees, the margin apart; None without contracts."""
        return self.cost

    @property
    def residual_claimant(self) -> str:
        """Who keeps the margin, where it is in nobody's bill."""
        return "community" if self.community is None and self.margin else ""

    @property
    def basis(self) -> CostBasis | None:
        """The contracts of the points in the steps of the series; None without contracts."""
        if self.world is None or self.alone is None:
            return None
        alone = tuple(self.alone.tolist())
        return CostBasis(self.players, self.world.cost_terms(), alone, self.least_cost)

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
        """Work out all numbers again: by the series, the prices, the contracts and the game.

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
            Refuted where lines are not energy at its price, something else is not what series,
            contracts or the game make of it, what does not hold between the series is not said, or
            all together pay less outside than sharing as well as can be.
        """
        failures = self._other_words() or self._other_numbers(game)
        bills = np.zeros(0) if failures else self.bills
        total = (self.cost or 0.0) + (self.margin if self.community is None else 0.0)
        if not failures and not abs(float(bills.sum()) - total) <= self._slack:
            failures = [f"the bills add up to {bills.sum():g}, not to {total:g}"]
        return Verification(
            claim="bills for what the operator says was shared, at the prices of the community",
            failures=tuple(failures),
            exact=False,
            values=tuple(bills.tolist()),
            checked_by="working it out again from the series and the prices",
        )

    @property
    def _slack(self) -> float:
        return RELATIVE_TOLERANCE * self.turnover

    def _other_words(self) -> list[str]:
        """Return where points, members and caveats are not those of the series."""
        series, world = self.series, self.world
        if world is not None:
            try:
                check_world(series, world, self.community)
            except GameError as error:
                return [str(error)]
            members = world.members
        else:
            shares = () if self.community is None else (self.community,)
            members = tuple(dict.fromkeys([*series.members.values(), *shares]))
        provisional = {point: (n_steps, first) for point, n_steps, first in self.provisional}
        pairs = (
            ("consumers", self.consumers, series.consumers),
            ("plants", self.plants, series.plants),
            ("members", self.players, members),
            ("prices of consumers", self.consumer_price_per_kwh.shape, series.covered_kwh.shape),
            ("prices of plants", self.producer_price_per_kwh.shape, series.surplus_kwh.shape),
            ("readings that may change", provisional, series.provisional()),
            ("identities that fail", self.broken, tuple(map(str, series.broken_identities()))),
        )
        return [
            f"the {what} are said to be {said}, and are {found}"
            for what, said, found in pairs
            if said != found
        ]

    def _other_numbers(self, game: Any) -> list[str]:
        """Return which numbers are not those of the series, the prices and the contracts."""
        series, world, slack = self.series, self.world, self._slack
        covered, delivered = series.covered_kwh, series.delivered_kwh
        paying, earning = self.consumer_price_per_kwh, self.producer_price_per_kwh
        outside = alone = least = None
        rounded = off = 0.0
        if world is not None:
            outside, rounded = outside_charges(series, world)
            alone = np.array([game.value([member]) for member in self.players])
            least, off = game.value(self.players), game.rounding
        numbers = (
            ("the energy covered", self.covered_kwh, covered.sum(axis=1), 0.0),
            ("the energy delivered", self.delivered_kwh, delivered.sum(axis=1), 0.0),
            ("what consumers pay", self.paid, np.einsum("pt,pt->p", paying, covered), slack),
            ("what plants get", self.received, np.einsum("pt,pt->p", earning, delivered), slack),
            ("the margin", self.margin, self.paid.sum() - self.received.sum(), slack),
            ("what is paid outside", self.outside, outside, slack),
            ("what rounding may hide", self.rounded_money, rounded, slack),
            ("what each would pay alone", self.alone, alone, slack + off),
            ("the least that all could pay", self.least_cost, least, slack + off),
        )
        failures = [
            f"{what} is said to be {said}, and is {found}"
            for what, said, found, slack in numbers
            if not _is_near(said, found, slack)
        ]
        # What the operator shared is one way to share, give or take the digits of its series.
        gained = -(self.lost_money or 0.0)
        if not failures and not self.broken and not gained <= slack + off + rounded:
            failures.append(f"all pay {gained:g} less outside than they can")
        return failures

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without series and prices by step."""
        kept = (
            field.name for field in dataclasses.fields(self) if field.metadata.get("is_kept", True)
        )
        return {name: plain(getattr(self, name)) for name in kept}


def _is_near(said: Any, found: Any, slack: float) -> bool:
    """Return whether numbers are what they are said to be; None is near to nothing else."""
    if said is None or found is None:
        return said is found
    return np.shape(said) == np.shape(found) and bool(np.all(np.abs(said - found) <= slack))
