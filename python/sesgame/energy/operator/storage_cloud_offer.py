"""What a storage cloud earns at a rent, and with whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.operator.storage_cloud_bills import RELATIVE_TOLERANCE, CloudBills
from sesgame.errors import GameError
from sesgame.formatting import text_table
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd
    from numpy.typing import NDArray

    from sesgame.energy.operator.storage_cloud_schedules import StorageNeed, Usage
    from sesgame.energy.operator.storage_cloud_terms import CloudTerms
    from sesgame.game.game import Game

__all__ = ["TITLE", "CloudOffer", "StorageStatement", "virtual_to_physical"]

TITLE = "storage cloud"


@checked_arguments
def virtual_to_physical(virtual_kwh: float, physical_kwh: float) -> float:
    r"""Return which part of rented capacity need not be built, 1 - physical / virtual.

    Parameters
    ----------
    virtual_kwh : float
        What members have, each by itself; positive.
    physical_kwh : float
        What serves all of them; from 0 to `virtual_kwh`.

    Raises
    ------
    GameError
        A number is out of its range.

    Examples
    --------
    Storage of three users, each by itself and shared:

    >>> apart = 698.25 + 1468.7613 + 2580.4475
    >>> round(apart, 4), round(apart - 4258.5857, 4)
    (4747.4588, 488.8731)
    >>> round(100 * virtual_to_physical(apart, 4258.5857), 4)
    10.2976
    """
    if not (np.isfinite(virtual_kwh) and virtual_kwh > 0):
        raise GameError(f"virtual_kwh must be a positive number, got {virtual_kwh}")
    if not 0 <= physical_kwh <= virtual_kwh:
        raise GameError(f"physical_kwh must be from 0 to {virtual_kwh}, got {physical_kwh}")
    return 1.0 - physical_kwh / virtual_kwh


@dataclass(frozen=True, eq=False, repr=False)
class CloudOffer(ByValue):
    """A rent, what members rent at it, and what that earns and saves.

    Made by :meth:`StorageCloud.best_rent <sesgame.energy.StorageCloud.best_rent>` and
    :meth:`StorageCloud.offer <sesgame.energy.StorageCloud.offer>`.

    Attributes
    ----------
    terms : CloudTerms
        Of the cloud.
    rent_per_kwh_day : float
        What a kWh costs a day; with ``power_rent_ratio`` a kW costs that many times as much.
    energy_kwh, power_kw : ndarray of shape (n, K)
        What each member rents in each term; power is infinite where it never binds.
    saved : ndarray of shape (n, K)
        What each saves by it, before rent.
    rent_paid : ndarray of shape (n,)
        What each pays for it over all terms.
    usage : Usage
        What members do with it, and what storage that takes.
    most_profit : float
        No rent earns more; of an offer at a rent that was asked for, no schedules at that rent do.
    """

    terms: CloudTerms
    rent_per_kwh_day: float
    energy_kwh: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    saved: NDArray[np.float64]
    rent_paid: NDArray[np.float64]
    usage: Usage
    most_profit: float

    @property
    def members(self) -> tuple[Hashable, ...]:
        """The n members."""
        return self.terms.community.members

    @property
    def rent_per_kw_day(self) -> float:
        """What a kW costs a day; 0 where power has no rent of its own."""
        return self.rent_per_kwh_day * (self.terms.power_rent_ratio or 0.0)

    @property
    def virtual_kwh(self) -> float:
        """What all rent together, in the term in which that is most."""
        return float(self.energy_kwh.sum(axis=0).max())

    @property
    def physical_kwh(self) -> float:
        """The storage that serves all, by the kindest schedules."""
        return self.usage.kindest.energy_kwh

    @property
    def kindest(self) -> StorageNeed:
        """What the operator needs if it chooses between schedules that cost members the same."""
        return self.usage.kindest

    @property
    def worst(self) -> StorageNeed:
        """What it needs whichever optimal schedules members run."""
        return self.usage.worst

    @property
    def leases(self) -> NDArray[np.float64]:
        """What the operator pays each member for its batteries, shape (n,); 0 if it buys storage.

        Each is paid what they save it alone, so that it is as well off as with them.
        """
        return self.terms.leases

    @property
    def lease_cost(self) -> float:
        """All leases."""
        return float(self.leases.sum())

    @property
    def revenue(self) -> float:
        """All rents."""
        return float(self.rent_paid.sum())

    @property
    def profit(self) -> float:
        """What the operator keeps, by the kindest schedules."""
        return self.revenue - self.lease_cost - self.usage.kindest.cost

    @property
    def worst_profit(self) -> float:
        """What it keeps at least, whichever optimal schedules members run."""
        return self.revenue - self.lease_cost - self.usage.worst.cost

    @property
    def gap(self) -> float:
        """By how much another rent may earn more, at most; 0 where that is proved, to rounding."""
        gap = self.most_profit - self.profit
        return gap if gap > RELATIVE_TOLERANCE * self.revenue else 0.0

    @property
    def savings(self) -> NDArray[np.float64]:
        """What each member saves after rent, shape (n,); never negative, rounding aside.

        Against no storage; where its batteries are leased, also against running them alone.
        """
        savings: NDArray[np.float64] = self.saved.sum(axis=1) - self.rent_paid
        return savings

    @property
    def bills(self) -> NDArray[np.float64]:
        """What each member pays for energy and storage, less its lease, shape (n,)."""
        bills: NDArray[np.float64] = self.terms.bills_alone - self.savings - self.leases
        return bills

    def allocation(self, game: Game | None = None) -> Allocation:
        """Return what members pay, in a form that can be compared with other arrangements.

        Parameters
        ----------
        game : Game, optional
            The community's ``cost_game()``, where that is there already.

        Returns
        -------
        Allocation
            Costs of the members, with :class:`~sesgame.evidence.CloudBills` as evidence. They add
            up to what the arrangement costs and the operator's profit.

        Notes
        -----
        The costs of each member alone and of all together are evaluated, which a comparison needs.
        """
        evidence = CloudBills(
            rent_per_kwh_day=self.rent_per_kwh_day,
            virtual_kwh=self.virtual_kwh,
            physical_kwh=self.physical_kwh,
            worst_physical_kwh=self.worst.energy_kwh,
            rents_paid=tuple(self.rent_paid.tolist()),
            leases_paid=tuple(self.leases.tolist()),
            is_lease=self.terms.is_lease,
            values=tuple(self.bills.tolist()),
            capacity_cost=self.kindest.cost,
            profit=self.profit,
            turnover=self.terms.turnover,
            stands_on=self.terms.basis(game),
        )
        return Allocation(
            Players(self.members),
            self.bills,
            kind="cost",
            method=TITLE,
            tolerance=RELATIVE_TOLERANCE * self.terms.turnover,
            evidence=evidence,
        )

    def statement(self) -> StorageStatement:
        """Return the account of the storage: what it earned, with whom, and what it cost."""
        drawn = self.usage.drawn_kwh
        return StorageStatement(
            members=self.members,
            currency=self.terms.community.currency,
            period=self.terms.community.period_in_words,
            rented_kwh=(self.energy_kwh * self.terms.days).sum(axis=1) / self.terms.days.sum(),
            charged_kwh=np.maximum(drawn, 0.0).sum(axis=1),
            delivered_kwh=np.maximum(-drawn, 0.0).sum(axis=1),
            rent_paid=self.rent_paid,
            saved=self.saved.sum(axis=1),
            lease_paid=self.leases,
            need=self.kindest,
        )

    def __repr__(self) -> str:
        currency = self.terms.community.currency
        return (
            f"CloudOffer({self.rent_per_kwh_day:.6g} {currency} per kWh and day: "
            f"{self.virtual_kwh:.6g} kWh rented, served by {self.physical_kwh:.6g} kWh, profit "
            f"{self.profit:.6g} {currency})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class StorageStatement(ByValue):
    """The account of an operator's storage over a period.

    Attributes
    ----------
    members : tuple
        The n members.
    currency, period : str
        For headings.
    rented_kwh : ndarray of shape (n,)
        The mean over all days of what each rents.
    charged_kwh, delivered_kwh : ndarray of shape (n,)
        What passed the meters of each into and out of its part.
    rent_paid : ndarray of shape (n,)
        What the storage earned with each.
    saved : ndarray of shape (n,)
        What it saved each, before rent.
    lease_paid : ndarray of shape (n,)
        What each was paid for its batteries.
    need : StorageNeed
        What served all, and what that cost.
    """

    members: tuple[Hashable, ...]
    currency: str
    period: str
    rented_kwh: NDArray[np.float64]
    charged_kwh: NDArray[np.float64]
    delivered_kwh: NDArray[np.float64]
    rent_paid: NDArray[np.float64]
    saved: NDArray[np.float64]
    lease_paid: NDArray[np.float64]
    need: StorageNeed

    @property
    def earned(self) -> float:
        """All rents."""
        return float(self.rent_paid.sum())

    @property
    def profit(self) -> float:
        """Rents less leases and the cost of storage."""
        return self.earned - float(self.lease_paid.sum()) - self.need.cost

    @property
    def met_by_others_kwh(self) -> float:
        """What others charged in the same step in which it was delivered: it passed no storage."""
        return max(0.0, float(self.delivered_kwh.sum()) - self.need.delivered_kwh)

    def to_pandas(self) -> pd.DataFrame:
        """Return a row for each member (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        columns = (
            "rented_kwh",
            "charged_kwh",
            "delivered_kwh",
            "rent_paid",
            "saved",
            "lease_paid",
        )
        return pd.DataFrame(
            {name: getattr(self, name) for name in columns}, index=list(self.members)
        )

    def __repr__(self) -> str:
        rows = [["member", "rented kWh", "charged kWh", "delivered kWh", "rent", "saved"]]
        columns = [
            self.rented_kwh,
            self.charged_kwh,
            self.delivered_kwh,
            self.rent_paid,
            self.saved,
        ]
        leased = ""
        if self.lease_paid.any():
            rows[0].append("lease")
            columns.append(self.lease_paid)
            leased = f" and {float(self.lease_paid.sum()):.2f} of leases"
        for member, *numbers in zip(self.members, *(c.tolist() for c in columns), strict=True):
            if any(numbers):
                rows.append([str(member), *(f"{number:.2f}" for number in numbers)])
        rows.append(["all", *(f"{float(column.sum()):.2f}" for column in columns)])
        period = f" in {self.period}" if self.period else ""
        return "\n".join(
            [
                f"Storage{period}, {self.currency}",
                *text_table(rows),
                f"{self.need.energy_kwh:.2f} kWh and {self.need.power_kw:.2f} kW served all, at "
                f"{self.need.cost:.2f}{leased}; profit {self.profit:.2f}. "
                f"{self.met_by_others_kwh:.2f} kWh went from one member's "
                f"charging to another's use, and passed no storage.",
            ]
        )
