"""Evidence of bills of members who rent storage: what they pay, and what the operator keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.cost_basis import CostBasis
from sesgame.stability.verification import Verification

__all__ = ["CloudBills"]

RELATIVE_TOLERANCE = 1e-9
"""Of the turnover: what counts as equal."""

SAME_COST = 1e-6
"""Of the turnover: by how much two solvers may differ on one cost."""


@dataclass(frozen=True, eq=False)
class CloudBills(Evidence):
    """What members pay who rent storage from an operator, and what that earns.

    Attributes
    ----------
    rent_per_kwh_day : float
        What a kWh of storage costs a day.
    virtual_kwh, physical_kwh, worst_physical_kwh : float
        What all rent together, on the day on which that is most; what serves it by the kindest
        schedules; and what no optimal schedules exceed.
    rents_paid : tuple of float
        By each member.
    leases_paid : tuple of float
        To each member, for the batteries that it leases to the operator.
    values : tuple of float
        What each pays in all, for energy and for storage, less what it is paid for its batteries.
    capacity_cost : float
        What the operator pays for its storage, leases aside, by the kindest schedules.
    profit : float
        What it keeps: all rents less that and less all leases.
    turnover : float
        All money that flows at the meters, for tolerances.
    stands_on : CostBasis
        Period, alone and investment.
    is_lease : bool
        Whether the storage is that of members, who lease it to the operator.
    """

    rent_per_kwh_day: float
    virtual_kwh: float
    physical_kwh: float
    worst_physical_kwh: float
    rents_paid: tuple[float, ...]
    leases_paid: tuple[float, ...]
    values: tuple[float, ...]
    capacity_cost: float
    profit: float
    turnover: float
    stands_on: CostBasis
    is_lease: bool

    @property
    def arrangement(self) -> float:
        """What it costs everybody: the bills less what the operator keeps."""
        return sum(self.values) - self.profit

    @property
    def basis(self) -> CostBasis:
        """On what the bills stand."""
        return self.stands_on

    @property
    def residual_claimant(self) -> str:
        """Who keeps what bills exceed the cost by."""
        return "operator"

    @property
    def n_evaluations(self) -> int:
        """None: users decide by themselves."""
        return 0

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what is rented, and what it takes to serve it."""
        alone, leases = "without storage", []
        if self.is_lease:
            alone = "alone with the own batteries"
            paid = sum(self.leases_paid)
            leases = [
                f"The operator leases the batteries of members, and pays each owner what they save "
                f"it alone: {amount(paid) if paid else 'nothing'} in all."
            ]
        return [
            *leases,
            f"Members rent {self.virtual_kwh:.6g} kWh of storage at "
            f"{amount(self.rent_per_kwh_day)} per kWh and day. Each rents as much as pays, so "
            f"nobody pays more than {alone}.",
            f"{self.physical_kwh:.6g} kWh serve them all, as long as the operator may choose "
            f"between schedules that cost a member the same; otherwise up to "
            f"{self.worst_physical_kwh:.6g} kWh do.",
        ]

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return that members take the rent as it is."""
        return [
            "Members take the rent as given; whether a group would do better with storage of its "
            "own is for the audit to say."
        ]

    def verify(self, game: Any, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check the operator's account, and that nothing costs less than a game says is possible.

        Parameters
        ----------
        game : Game
            The game of the community with the same storage for sale.
        oracle : optional
            Not asked.
        exact : bool, default False
            Makes no difference.

        Returns
        -------
        Verification
            Refuted where rents less leases and the cost of capacity are not the profit, where what
            is rented is served by more than itself, where a rent or a lease is below 0, where the
            batteries of members are leased and somebody pays more than alone, or where all together
            pay less than the least cost of all.
        """
        failures = []
        slack = RELATIVE_TOLERANCE * self.turnover + game.rounding
        kept = sum(self.rents_paid) - sum(self.leases_paid) - self.capacity_cost
        if not abs(kept - self.profit) <= slack:
            failures.append(f"rents less costs are {kept:g}, and not the profit {self.profit:g}")
        more = 1.0 + RELATIVE_TOLERANCE
        if not self.physical_kwh <= more * self.worst_physical_kwh <= more**2 * self.virtual_kwh:
            failures.append(
                f"{self.physical_kwh:g} kWh serve {self.virtual_kwh:g} kWh, and at worst "
                f"{self.worst_physical_kwh:g} kWh do"
            )
        if min(self.rents_paid, default=0.0) < 0:
            failures.append("a rent is negative")
        if min(self.leases_paid, default=0.0) < 0:
            failures.append("a lease is negative")
        if self.is_lease:
            basis = self.stands_on
            for member, paid, alone in zip(
                basis.members, self.values, basis.costs_alone, strict=True
            ):
                if paid > alone + slack:
                    failures.append(f"{member!r} pays {paid:g}, and {alone:g} alone")
        unchecked: tuple[str, ...] = ()
        if set(game.players) != set(self.stands_on.members):
            failures.append("the game has other members")
        elif self.stands_on.optimum is None:
            unchecked = ("the least cost of all, which no game of the community has",)
        else:
            least = game.value(game.players)
            if not abs(least - self.stands_on.optimum) <= SAME_COST * self.turnover:
                unchecked = ("the least cost of all: members cannot buy this storage there",)
            elif not self.arrangement >= least - slack:
                failures.append(
                    f"it is said to cost {self.arrangement:g}, less than the least cost of all, "
                    f"{least:g}"
                )
        return Verification(
            claim="bills of rented storage, and what the operator keeps of them",
            failures=tuple(failures),
            exact=False,
            unchecked=unchecked,
            values=self.values,
            checked_by="the operator's account and the game's least cost of all",
        )
