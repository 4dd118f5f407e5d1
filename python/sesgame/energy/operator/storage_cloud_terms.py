"""On what terms an operator rents storage to the members of a community."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import StorageUsers, storage_users
from sesgame.cached import cached_property
from sesgame.energy.battery import StorageOffer
from sesgame.energy.community import Community
from sesgame.energy.cost_terms import storage_bought
from sesgame.energy.dispatch.model import refuse_dispatch_above_buy
from sesgame.energy.operator.storage_cloud_lease import (
    lease_payments,
    leased_batteries,
    refuse_terms_of_others,
)
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.cost_basis import CostBasis, CostTerms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["DAYS_PER_YEAR", "CloudTerms", "cloud_terms"]

DAYS_PER_YEAR = 365.0
"""Of 8,760 hours, which is what the price of a storage offer is for."""

HOURS_PER_DAY = 24.0

RENTED_FOR = ("period", "day")


@dataclass(frozen=True, eq=False)
class CloudTerms(ByValue):
    """Who may rent storage, for how long, and what it costs the operator.

    Attributes
    ----------
    community : Community
        The n members.
    capacity_cost_per_kwh_day, power_cost_per_kw_day : float
        Of the operator's storage.
    wear_cost_per_kwh : float
        Of each kWh that the operator's storage delivers.
    charge_efficiency, discharge_efficiency : float
        Of rented storage.
    hours : float or None
        How many hours of full power fill what is rented; None where power never binds or has a
        rent of its own.
    power_rent_ratio : float or None
        The rent of a kW in rents of a kWh; None where power has no rent of its own.
    rented_for : str
        ``"period"`` or ``"day"``.
    most_kwh : float
        What a member rents at most; infinite where there is no limit.
    owned_kwh : float
        What the operator has at most; infinite where it buys.
    owned_kw : float
        The power of what it leases; infinite where it leases nothing.
    """

    community: Community
    capacity_cost_per_kwh_day: float
    power_cost_per_kw_day: float
    wear_cost_per_kwh: float
    charge_efficiency: float
    discharge_efficiency: float
    hours: float | None
    power_rent_ratio: float | None
    rented_for: str
    most_kwh: float
    owned_kwh: float
    owned_kw: float

    @property
    def is_lease(self) -> bool:
        """Whether the operator leases the batteries of members."""
        return self.community.has_storage

    @cached_property
    def leases(self) -> NDArray[np.float64]:
        """What the operator pays each member for its batteries, shape (n,)."""
        if not self.is_lease:
            return np.zeros(len(self.community.members))
        return lease_payments(self.community, self.bills_alone)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first step of each of the K terms, shape (K,)."""
        if self.rented_for == "period":
            return np.zeros(1, dtype=np.int64)
        days = self.community.steps.times.astype("datetime64[D]")
        return np.append(0, np.flatnonzero(days[1:] != days[:-1]) + 1).astype(np.int64)

    @cached_property
    def days(self) -> NDArray[np.float64]:
        """How many days of 24 hours each term lasts, shape (K,)."""
        lengths = np.diff(np.append(self.starts, self.community.steps.n_steps))
        days: NDArray[np.float64] = lengths * self.community.steps.step_hours / HOURS_PER_DAY
        return days

    @property
    def power_per_kwh(self) -> float:
        """Rents of a kWh that a kWh per step of power costs; 0 where power has no own rent."""
        return (self.power_rent_ratio or 0.0) / self.community.steps.step_hours

    @property
    def costs(self) -> tuple[float, float, float]:
        """What the operator pays over all days: of a kWh, of a kWh per step, of one delivered."""
        days = float(self.days.sum())
        return (
            self.capacity_cost_per_kwh_day * days,
            self.power_cost_per_kw_day * days / self.community.steps.step_hours,
            self.wear_cost_per_kwh,
        )

    @cached_property
    def users(self) -> StorageUsers:
        """The compiled users."""
        step_hours = self.community.steps.step_hours
        if self.hours is not None:
            sizing, factor = "bundle", step_hours / self.hours
        elif self.power_rent_ratio is not None:
            sizing, factor = "both", self.power_per_kwh
        else:
            sizing, factor = "energy", 0.0
        return storage_users(
            np.ascontiguousarray(self.community.net_load_kwh),
            np.ascontiguousarray(self.community.buy_per_kwh),
            np.ascontiguousarray(self.community.sell_per_kwh),
            self.starts,
            self.days,
            self.charge_efficiency,
            self.discharge_efficiency,
            sizing,
            factor,
            self.most_kwh,
        )

    @cached_property
    def resale(self) -> str | None:
        """Why storage of any size would pay: energy is bought to be sold for more later."""
        buy, sell = self.community.buy_per_kwh, self.community.sell_per_kwh
        for start, end in zip(self.starts, [*self.starts[1:], len(buy)], strict=True):
            stored = buy[start:end] / self.charge_efficiency
            earned = sell[start:end] * self.discharge_efficiency
            cheapest = np.append(np.inf, np.minimum.accumulate(stored)[:-1])
            odd = np.flatnonzero((earned > cheapest) | (stored < 0))
            if not len(odd):
                continue
            later = int(odd[0])
            when = self.community.steps.time(int(start) + later)
            if stored[later] < 0:
                return f"a kWh is paid for to be taken at {when}"
            at = self.community.steps.time(int(start + np.argmin(stored[:later])))
            return f"a kWh bought at {at} is sold for more at {when}"
        return None

    def refuse_resale(self) -> None:
        """Refuse demand without limit: energy that is bought to be sold for more later.

        Raises
        ------
        GameError
            There is some, and no limit to what a member rents.
        """
        if self.resale and math.isinf(self.most_kwh):
            raise GameError(f"demand for storage has no limit: {self.resale}; say most_kwh")

    @cached_property
    def bills_alone(self) -> NDArray[np.float64]:
        """What each member pays without any storage, shape (n,)."""
        net = self.community.net_load_kwh
        bought = np.einsum("it,t->i", np.maximum(net, 0.0), self.community.buy_per_kwh)
        sold = np.einsum("it,t->i", np.maximum(-net, 0.0), self.community.sell_per_kwh)
        bills: NDArray[np.float64] = bought - sold
        return bills

    @cached_property
    def turnover(self) -> float:
        """All money that flows at the members' meters without storage."""
        prices = np.maximum(np.abs(self.community.buy_per_kwh), np.abs(self.community.sell_per_kwh))
        return float(np.einsum("it,t->i", np.abs(self.community.net_load_kwh), prices).sum())

    @cached_property
    def comparable(self) -> Community | None:
        """The community that may buy the same storage for itself.

        None where that cannot be said of a community: storage that costs nothing, or of which there
        is but so much.
        """
        if self.is_lease:
            return self.community
        is_free = not (self.capacity_cost_per_kwh_day or self.power_cost_per_kw_day)
        if is_free or math.isfinite(self.owned_kwh):
            return None
        same = StorageOffer(
            name="storage cloud",
            price_per_kwh_year=self.capacity_cost_per_kwh_day * DAYS_PER_YEAR,
            price_per_kw_year=self.power_cost_per_kw_day * DAYS_PER_YEAR,
            charge_efficiency=self.charge_efficiency,
            discharge_efficiency=self.discharge_efficiency,
            degradation_cost_per_kwh=self.wear_cost_per_kwh,
        )
        ours = self.community
        if storage_bought(ours.storage_offers) == storage_bought([same]):
            return ours
        return Community(
            members=ours.members,
            steps=ours.steps,
            load_kwh=ours.load_kwh,
            pv_kwh=ours.pv_kwh,
            tariff=ours.tariff,
            grid=ours.grid,
            storage_offers=[same],
            membership={
                member: (days.valid_from, days.valid_until)
                for member, days in ours.membership.items()
            },
            name=ours.name,
            assumed=ours.assumed,
        )

    def basis(self, game: Game | None) -> CostBasis:
        """Return on what bills stand: what members may do without the operator.

        Parameters
        ----------
        game : Game, optional
            The community's ``cost_game()``, where that is there already.
        """
        if self.comparable is None:
            # Alone nobody has storage, and what all together could do with it is not a game's.
            terms = self.community.cost_terms()
            limit = f"the operator's {self.owned_kwh:.12g} kWh of storage"
            bought = limit if math.isfinite(self.owned_kwh) else "storage that costs nothing"
            return CostBasis(
                self.community.members,
                CostTerms(terms.period, terms.alone, bought),
                tuple(self.bills_alone.tolist()),
            )
        members = self.community.members
        if (
            game is None
            or self.comparable is not self.community
            or tuple(game.players) != tuple(members)
        ):
            game = self.comparable.cost_game()
        return CostBasis.of(game, self.comparable.cost_terms())


def cloud_terms(
    community: Community,
    *,
    capacity_cost_per_kwh_day: float | None,
    power_cost_per_kw_day: float | None,
    wear_cost_per_kwh: float | None,
    charge_efficiency: float | None,
    discharge_efficiency: float | None,
    hours: float | None,
    power_rent_ratio: float | None,
    rented_for: str,
    most_kwh: float | None,
    owned_kwh: float | None,
) -> CloudTerms:
    """Return terms whose gaps are filled by the community's storage, after a look at all.

    Raises
    ------
    GameError
        A number is out of its range, or the community has what a cloud has not.
    """
    if not isinstance(community, Community):
        raise GameError(f"a storage cloud is for a Community, not for {community!r}")
    if rented_for not in RENTED_FOR:
        raise GameError(f'rented_for must be "period" or "day", got {rented_for!r}')
    _refuse_other_features(community)
    lease = None
    if community.has_storage:
        refuse_terms_of_others(
            {
                "capacity_cost_per_kwh_day": capacity_cost_per_kwh_day,
                "power_cost_per_kw_day": power_cost_per_kw_day,
                "wear_cost_per_kwh": wear_cost_per_kwh,
                "charge_efficiency": charge_efficiency,
                "discharge_efficiency": discharge_efficiency,
                "power_rent_ratio": power_rent_ratio,
                "owned_kwh": owned_kwh,
            }
        )
        lease = leased_batteries(community)
        owned_kwh = lease.energy_kwh
        hours = lease.hours if hours is None else hours
    offer = _offer_of(community) if lease is None and capacity_cost_per_kwh_day is None else None
    of_kind = lease or offer
    filled = {
        name: float(default if given is None else given)
        for name, given, default in (
            (
                "capacity_cost_per_kwh_day",
                capacity_cost_per_kwh_day,
                offer.price_per_kwh_year / DAYS_PER_YEAR if offer else 0.0,
            ),
            (
                "power_cost_per_kw_day",
                power_cost_per_kw_day,
                offer.price_per_kw_year / DAYS_PER_YEAR if offer else 0.0,
            ),
            (
                "wear_cost_per_kwh",
                wear_cost_per_kwh,
                of_kind.degradation_cost_per_kwh if of_kind else 0.0,
            ),
            (
                "charge_efficiency",
                charge_efficiency,
                of_kind.charge_efficiency if of_kind else 1.0,
            ),
            (
                "discharge_efficiency",
                discharge_efficiency,
                of_kind.discharge_efficiency if of_kind else 1.0,
            ),
        )
    }
    for name, value in filled.items():
        if name.endswith("efficiency"):
            if not 0 < value <= 1:
                raise GameError(f"{name} must be in (0, 1], got {value}")
        elif not (math.isfinite(value) and value >= 0):
            raise GameError(f"{name} must be a non-negative number, got {value}")
    sizes = {
        "hours": hours,
        "power_rent_ratio": power_rent_ratio,
        "most_kwh": most_kwh,
        "owned_kwh": owned_kwh,
    }
    for name, given in sizes.items():
        if given is not None and not (math.isfinite(given) and given > 0):
            raise GameError(f"{name} must be a positive number, got {given}")
    loses = filled["charge_efficiency"] * filled["discharge_efficiency"] < 1
    if loses and hours is None:
        negative = np.flatnonzero(np.minimum(community.buy_per_kwh, community.sell_per_kwh) < 0)
        if len(negative):
            raise GameError(
                f"a price is negative at {community.steps.time(int(negative[0]))}: power that is "
                f"free, or rented by itself, would burn energy there by its losses without holding "
                f"any; say hours"
            )
    if hours is not None and power_rent_ratio is not None:
        raise GameError(
            f"hours={hours} gives each kWh its power, and power_rent_ratio={power_rent_ratio} "
            f"rents power by itself; give one of them"
        )
    return CloudTerms(
        community=community,
        **filled,
        hours=None if hours is None else float(hours),
        power_rent_ratio=None if power_rent_ratio is None else float(power_rent_ratio),
        rented_for=rented_for,
        most_kwh=math.inf if most_kwh is None else float(most_kwh),
        owned_kwh=math.inf if owned_kwh is None else float(owned_kwh),
        owned_kw=math.inf if lease is None else lease.power_kw,
    )


def _offer_of(community: Community) -> StorageOffer:
    """Return the one offer that costs and efficiencies come from."""
    offers = community.storage_offers
    if len(offers) == 1:
        return offers[0]
    names = ", ".join(repr(offer.name) for offer in offers)
    what = f"there are {len(offers)} ({names})" if offers else "there is none"
    raise GameError(
        f"capacity_cost_per_kwh_day is missing: what a kWh of storage costs the operator a day. It "
        f"can also come from the community's storage offer, but {what}"
    )


def _refuse_other_features(community: Community) -> None:
    problem = community.problem
    features = []
    if problem.billing is not None:
        features.append(", ".join(problem.billing.elements))
    features += ["a demand charge"] * bool(problem.peak_charges)
    limits = np.isfinite([problem.import_limit_kw, problem.export_limit_kw])
    # Also where loads do not reach it: rented storage might.
    features += ["a limit of import or export"] * bool(limits.any())
    features += ["limits of connections or lines"] * bool(problem.flow_limits)
    if problem.binding.curtailment.any():
        features.append("PV that may be left unused")
    if features:
        raise GameError(f"a storage cloud does not support {'; '.join(features)}")
    refuse_dispatch_above_buy(problem)
