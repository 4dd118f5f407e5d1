"""An operator that rents storage: how much members take at each rent, and which rent earns most.

Each member who rents a part of the storage runs it for itself, behind its own meter. The operator
serves the sum of all schedules, which takes less than the sum of all parts: members need theirs at
different times, and what one charges while another discharges passes no storage at all.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.community import Community
from sesgame.energy.operator.parameters import one_each
from sesgame.energy.operator.storage_cloud_core import CoreRent, highest_rent
from sesgame.energy.operator.storage_cloud_demand import StorageDemand, checked_rent
from sesgame.energy.operator.storage_cloud_game import (
    OPERATOR,
    operator_game,
    operator_prices,
)
from sesgame.energy.operator.storage_cloud_offer import CloudOffer
from sesgame.energy.operator.storage_cloud_rents import most_of_two_rents
from sesgame.energy.operator.storage_cloud_schedules import fits, served
from sesgame.energy.operator.storage_cloud_terms import CloudTerms, cloud_terms
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame import _engine
    from sesgame.game.allocation import Allocation
    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = ["StorageCloud"]

MOST_TRIALS = 32
"""Rents whose kindest schedules are looked for, where they are not those that hold least."""

MOST_COLUMNS_OF_BOUND = 100_000
"""Of the program of all together, for the bound on two rents."""

SAME_PROFIT = 1e-9
"""Of all rents: profits that differ by less are one, and of such the lowest rent is taken."""


@checked_fields
@dataclass(frozen=True, eq=False, repr=False)
class StorageCloud(ByValue):
    r"""Storage of an operator that members of a community rent by the kWh and day.

    At the rent r member i rents :math:`X_i` kWh for D days and runs them for itself:

    .. math:: \min_{X_i, a, d} \; \sum_t \bigl( p^{buy}_t b_{it} - p^{sell}_t e_{it} \bigr)
              + r D X_i, \qquad b_{it} - e_{it} = L_{it} + a_{it} - d_{it}, \quad
              0 \le s_{it} \le X_i

    where its part begins empty. The operator serves the net of all schedules and earns

    .. math:: \pi(r) = r D \sum_i X_i(r) - k_E D E - k_P D P - w \sum_t \Bigl( \sum_i
              d_{it} - a_{it} \Bigr)^+, \qquad E \ge \max_t \sum_i s_{it}, \quad
              P \ge \max_t \Bigl| \sum_i a_{it} - d_{it} \Bigr|

    Parameters
    ----------
    community : Community
        The n members, without demand charges and limits of the grid. If members own batteries, the
        operator leases all of these and buys nothing.
    capacity_cost_per_kwh_day, power_cost_per_kw_day : float, optional
        What storage costs the operator, :math:`k_E` and :math:`k_P`. By default those of the
        community's one storage offer, a 365th of its prices for a year; beside a given
        `capacity_cost_per_kwh_day` power is free by default. Not for batteries that are leased,
        and neither are `wear_cost_per_kwh`, efficiencies, `power_rent_ratio` and `owned_kwh`: the
        batteries say these.
    wear_cost_per_kwh : float, optional
        What each kWh that the storage delivers costs the operator, w; by default as of the offer,
        else 0.
    charge_efficiency, discharge_efficiency : float, optional
        Of rented storage, in (0, 1]; by default those of the offer, else 1.
    hours : float, optional
        How many hours it takes to fill or empty what is rented: each kWh comes with ``1 / hours``
        kW. By default power never binds; of batteries that are leased, their own hours.
    power_rent_ratio : float, optional
        Members rent kW, too, at this many times the rent of a kWh. Not together with `hours`.
    rented_for : {"period", "day"}, default "period"
        Whether a member rents one capacity for the whole period, or another one for each day. With
        ``"day"`` the operator decides in two stages, as in [zhao2019]_: it builds storage and sets
        one rent for the period, then each member rents what pays on the day. Storage begins each
        term empty.
    most_kwh : float, optional
        What a member rents at most; by default as much as pays.
    owned_kwh : float, optional
        What the operator has: rents at which more would be needed are out of the question. By
        default it buys what is needed.

    Raises
    ------
    GameError
        A number is out of its range, or the community has what a cloud has not: demand charges,
        limits, a step in which selling earns more than buying costs; batteries that are unlike in
        efficiency or wear, charged at the beginning, come or go, are run by a controller or
        metered, or stand beside storage or generation for sale.

    Notes
    -----
    What storage saves a member is concave and piecewise linear in its size, and found exactly, all
    members in parallel: some two dispatches for each size at which demand changes, O(T) each. See
    :attr:`demand_curve`.

    *Lease.* Where members own batteries, each owner is paid its reservation price
    :math:`\ell_i = c^0_i - c(\{i\})`, what its batteries save it alone: the operator's profit is
    less by :math:`\sum_i \ell_i`, and no member pays more than alone with its own. All batteries
    run as one, each in proportion to its size. A rent at which the kindest schedules need more kWh
    or more kW than these have is out of the question. Wear is the operator's.

    No member pays more than without storage. Members take the rent as given: none of them can move
    it, so nothing is said of truthfulness. The bills need not be in the core of the community's
    game, and the rent leaves savings unused that a community would make.

    References
    ----------
    Zhao, Wang, Huang and Lin (2019) [zhao2019]_ for virtual capacity, demand in steps and two
    stages.

    Examples
    --------
    Ann needs 5 kWh in the first evening, Bob 4 in the second, Cem 2 in both:

    >>> import sesgame as sg
    >>> steps = sg.energy.TimeSteps.from_times(
    ...     ["2016-06-01T00:00", "2016-06-01T06:00", "2016-06-01T12:00", "2016-06-01T18:00"]
    ... )
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob", "cem"],
    ...     steps=steps,
    ...     load_kwh=[[0, 5, 0, 0], [0, 0, 0, 4], [0, 2, 0, 2]],
    ...     tariff=sg.energy.PriceSeries(steps, [0.1, 0.3, 0.1, 0.3], [0.0, 0.0, 0.0, 0.0]),
    ... )
    >>> cloud = sg.energy.StorageCloud(community, 0.08)
    >>> cloud.demand(0.20).ravel().tolist(), cloud.demand(0.30).ravel().tolist()
    ([5.0, 4.0, 2.0], [0.0, 0.0, 2.0])
    >>> best = cloud.best_rent()
    >>> best
    CloudOffer(0.2 EUR per kWh and day: 11 kWh rented, served by 7 kWh, profit 1.64 EUR)
    >>> (best.savings.round(2) + 0.0).tolist(), best.worst.energy_kwh
    ([0.0, 0.0, 0.4], 11.0)
    """

    community: Community
    capacity_cost_per_kwh_day: float | None = None
    power_cost_per_kw_day: float | None = None
    _: KW_ONLY
    wear_cost_per_kwh: float | None = None
    charge_efficiency: float | None = None
    discharge_efficiency: float | None = None
    hours: float | None = None
    power_rent_ratio: float | None = None
    rented_for: str = "period"
    most_kwh: float | None = None
    owned_kwh: float | None = None

    def __post_init__(self) -> None:
        # What does not fit is told at once.
        assert self.terms

    @cached_property
    def terms(self) -> CloudTerms:
        """The terms, with what the community's storage offer says."""
        return cloud_terms(
            self.community,
            capacity_cost_per_kwh_day=self.capacity_cost_per_kwh_day,
            power_cost_per_kw_day=self.power_cost_per_kw_day,
            wear_cost_per_kwh=self.wear_cost_per_kwh,
            charge_efficiency=self.charge_efficiency,
            discharge_efficiency=self.discharge_efficiency,
            hours=self.hours,
            power_rent_ratio=self.power_rent_ratio,
            rented_for=self.rented_for,
            most_kwh=self.most_kwh,
            owned_kwh=self.owned_kwh,
        )

    @property
    def _is_power_bound(self) -> bool:
        return self.terms.hours is not None or self.terms.power_rent_ratio is not None

    @cached_property
    def _demand(self) -> _engine.StorageDemand:
        self.terms.refuse_resale()
        with progress_report("demand for storage", "member", True) as report:
            return self.terms.users.demand(report)

    @cached_property
    def demand_curve(self) -> StorageDemand:
        """How much each member rents at each rent, exactly.

        Raises
        ------
        GameError
            Members would rent without limit: energy is bought in one step for less than it is sold
            for in a later one, or it is paid for to be taken.

        Notes
        -----
        Two tangents of what storage saves a member meet where it cannot save more; a dispatch of
        that size finds out whether it saves as much, and another tangent if not [eisner1976]_. A
        rent is a sum of dual prices, so that it has no error but that of the sum.
        """
        found = self._demand
        hours = self.community.steps.step_hours
        bound = self._is_power_bound
        return StorageDemand(
            members=self.community.members,
            days=self.terms.days,
            starts=found.starts,
            rent_per_kwh_day=found.rent,
            energy_kwh=found.energy_kwh,
            power_kw=found.power_kwh / hours if bound else np.full(len(found.rent), math.inf),
            size=found.size,
            saved=found.saved,
        )

    @checked_arguments
    def demand(self, rent_per_kwh_day: float) -> NDArray[np.float64]:
        """Return how many kWh each member rents in each of K terms, shape (n, K).

        Raises
        ------
        GameError
            The rent is negative or not finite, or as in :attr:`demand_curve`.
        """
        return self.demand_curve.at(rent_per_kwh_day)

    @checked_arguments
    def offer(self, rent_per_kwh_day: float) -> CloudOffer:
        """Return what is rented at a rent, what serves it, and what it earns and saves.

        Raises
        ------
        GameError
            As in :meth:`demand`, or more storage is needed than the operator owns or leases.
        """
        rent = checked_rent(rent_per_kwh_day)
        offer = self._offer(rent)
        need = offer.kindest
        if fits(self.terms, need):
            return offer
        if self.terms.is_lease:
            raise GameError(
                f"at a rent of {rent:g} members need {need.energy_kwh:g} kWh and "
                f"{need.power_kw:g} kW by the kindest schedules, and the batteries have "
                f"{self.terms.owned_kwh:g} kWh and {self.terms.owned_kw:g} kW"
            )
        raise GameError(
            f"at a rent of {rent:g} members need {need.energy_kwh:g} kWh, and the "
            f"operator owns {self.terms.owned_kwh:g}"
        )

    def _offer(self, rent: float) -> CloudOffer:
        """Return the offer at a rent, also where the operator has not enough."""
        steps = self.demand_curve.step_at(rent)
        energy, power, size, saved = (
            np.append(values, 0.0)[steps]
            for values in (
                self._demand.energy_kwh,
                self._demand.power_kwh,
                self._demand.size,
                self._demand.saved,
            )
        )
        with progress_report("schedules of storage", "member", True) as report:
            service = self.terms.users.service(energy, power, report)
        usage = served(self.terms, service, energy)
        paid = rent * (size * self.terms.days).sum(axis=1)
        hours = self.community.steps.step_hours
        bound = self._is_power_bound
        unbound = np.where(energy > 0, math.inf, 0.0)
        return CloudOffer(
            terms=self.terms,
            rent_per_kwh_day=rent,
            energy_kwh=energy,
            power_kw=power / hours if bound else unbound,
            saved=saved,
            rent_paid=paid,
            usage=usage,
            most_profit=float(paid.sum()) - float(self.terms.leases.sum()) - usage.least_cost,
        )

    def best_rent(self) -> CloudOffer:
        r"""Return the offer at the rent at which the operator earns most.

        Between two rents at which demand changes the same is rented for more, so that the best is
        one of these. All are compared that a bound does not exclude: whoever rents a kWh fills it
        at some time, so that no less storage serves all than the largest part.

        Returns
        -------
        CloudOffer
            Of equal profits that at the lowest rent. ``gap`` is 0 where no other rent earns more,
            which is proved unless power or wear costs something and there are too many schedules
            to choose from.

        Raises
        ------
        GameError
            No rent earns what storage or leases cost, or as in :attr:`demand_curve`.

        Notes
        -----
        From one rent to the next one member's part changes, so that each takes one dispatch. The
        schedules that hold least in all steps at once need no linear program: the optimal schedules
        of a member are a lattice. Where power or wear costs something, the kindest of all schedules
        are those of a linear program, solved for the rents that may earn most.
        """
        best = self._best_offer()
        _refuse_loss(best)
        return best

    def _best_offer(self) -> CloudOffer:
        """Return the offer at the best rent, also at a loss."""
        energy_cost, power_cost, wear_cost = self.terms.costs
        with progress_report("best rent", "rent", True) as report:
            rents, profits, bounds = self._demand.rent_levels(
                energy_cost, power_cost, wear_cost, self.terms.owned_kwh, report
            )
        if not len(rents):
            raise GameError("storage saves no member anything, so nobody rents it at any rent")
        known = np.where(np.isnan(profits), -math.inf, profits)
        if np.isinf(known.max()):
            raise self._too_little()
        bounds = bounds - float(self.terms.leases.sum())
        best: CloudOffer | None = None
        found: dict[int, CloudOffer] = {}
        ruled_out: list[int] = []
        # From the one that promises most on, as long as one may be better than what is found.
        order = np.lexsort((-np.arange(len(rents)), -bounds))
        for level in order.tolist():
            bar = -math.inf if best is None else best.profit
            is_worse = best is not None and bounds[level] < bar - SAME_PROFIT * abs(bar)
            if is_worse or len(found) == MOST_TRIALS or np.isneginf(bounds[level]):
                break
            offer = self._offer(float(rents[level]))
            if not fits(self.terms, offer.kindest):
                if not offer.usage.may_fit:
                    ruled_out.append(level)
                continue
            found[level] = offer
            slack = SAME_PROFIT * offer.revenue
            if (
                best is None
                or offer.profit > bar + slack
                or (offer.profit >= bar - slack and offer.rent_per_kwh_day < best.rent_per_kwh_day)
            ):
                best = offer
        if best is None:
            raise self._too_little()
        closed = {level: offer.most_profit for level, offer in found.items()}
        most = max(
            [best.profit, *closed.values(), *np.delete(bounds, [*closed, *ruled_out]).tolist()]
        )
        return replace(best, most_profit=most)

    def _too_little(self) -> GameError:
        power = f" and {self.terms.owned_kw:g} kW" if self.terms.is_lease else ""
        return GameError(
            f"at no rent do the {self.terms.owned_kwh:g} kWh{power} of the operator serve what "
            f"members rent"
        )

    def _refuse_lease(self, what: str) -> None:
        if self.terms.is_lease:
            raise GameError(
                f"{what} is for storage of the operator's own, and here it leases the batteries of "
                f"members; community.cost_game() is the game of these"
            )

    @checked_arguments
    def best_rents(self, ratios: ArrayLike) -> CloudOffer:
        """Return the offer at the best of several ratios of the rent of a kW to that of a kWh.

        At each ratio the best rent is exact, as in :meth:`best_rent`. That no other pair of rents
        earns more is not proved; ``gap`` says by how much one may, of all whose ratio is no more
        than the largest of these, free power among them.

        Parameters
        ----------
        ratios : array_like of float, shape (k,)
            Positive, at least one; of equal profits that of the lowest is taken.

        Raises
        ------
        GameError
            A ratio is not a positive number, there is none, power is bundled (`hours`), or no ratio
            earns what storage costs.

        Notes
        -----
        The bound compares what users save at the ratios next to each other. It knows of the cost of
        capacity by what storage would save all together, where :meth:`game` is not too large for
        that; so it is not close where storage is dear.
        """
        self._refuse_lease("a rent of power by itself")
        given = sorted(set(one_each("ratios", ratios, "pair of rents").tolist()))
        if self.hours is not None:
            raise GameError(f"hours={self.hours} gives each kWh its power, which has no own rent")
        clouds = [replace(self, power_rent_ratio=ratio) for ratio in given]
        best = max((cloud._best_offer() for cloud in clouds), key=lambda offer: offer.profit)
        _refuse_loss(best)
        free = replace(self, power_rent_ratio=None)
        demands = [free.demand_curve, *(cloud.demand_curve for cloud in clouds)]
        most = most_of_two_rents(demands, self._most_saved())
        return replace(best, most_profit=max(most, best.most_profit))

    def _most_saved(self) -> float:
        """Return what storage saves all together less what it costs; infinite if not asked."""
        n_columns = 5 * len(self.community.members) * self.community.steps.n_steps
        if n_columns > MOST_COLUMNS_OF_BOUND:
            return math.inf
        game = replace(self, power_rent_ratio=None).game(object())
        return float(self.terms.bills_alone.sum()) - game.value(game.players)

    def allocation(self) -> Allocation:
        """Return what members pay at the best rent, as :meth:`CloudOffer.allocation` has it."""
        return self.best_rent().allocation()

    @checked_arguments
    def game(self, operator: Hashable = OPERATOR) -> Game:
        r"""Return the game of the members and the operator, who has the storage.

        .. math:: c(S) = \begin{cases} \displaystyle \min_{E, P} \; k_E D E + k_P D P
                  + \sum_{i \in S} \text{bill}_i & o \in S \\
                  \sum_{i \in S} \text{bill}_i \text{ without storage} & o \notin S \end{cases}

        Each member stays behind the own meter; with the operator, storage is run for all of them at
        once, at least cost. Without it nobody saves anything, so that every rule for games tells
        how a margin might be shared: what the operator's share is below 0 is what it keeps.

        Parameters
        ----------
        operator : hashable, default "operator"
            The label of that player, the last one.

        Returns
        -------
        Game
            ``kind="cost"``, n + 1 players; a linear program of some 5 n T columns for each
            coalition, which suits a few members and days.

        Raises
        ------
        GameError
            A member has that label, the program is too large, or members would rent without limit,
            as in :attr:`demand_curve`.
        """
        self._refuse_lease("the game with the operator")
        return operator_game(self.terms, operator)

    @checked_arguments
    def dual_prices(self, operator: Hashable = OPERATOR) -> Allocation:
        """Return bills of members and operator in the core of :meth:`game`, of any size.

        The dual prices of the least cost of all [owen1975]_. Storage that the operator buys as much
        of as is needed has no price beyond its cost, so that members keep all savings; of storage
        that is scarce, ``owned_kwh``, the operator gets what one more kWh would save.

        Parameters
        ----------
        operator : hashable, default "operator"
            As in :meth:`game`.

        Raises
        ------
        GameError
            As in :meth:`game`.
        """
        self._refuse_lease("the game with the operator")
        return operator_prices(self.terms, operator)

    @checked_arguments
    def highest_rent_in_core(
        self, game: Game | None = None, *, oracle: SeparationOracle | None = None
    ) -> CoreRent:
        r"""Return the highest rent at which no group would rather do without the operator.

        .. math:: \max \Bigl\{ r : \sum_{i \in S} \text{bill}_i(r) \le c(S)
                  \text{ for all } S \subseteq N \Bigr\}

        Parameters
        ----------
        game : Game, optional
            What groups can do without the operator; by default the community's ``cost_game()``, in
            which they share energy and may buy the storage that is offered to the community.
        oracle : SeparationOracle, optional
            Of that game, for more members than can be listed; by default the community's.

        Raises
        ------
        GameError
            Some group would rather do without storage even for nothing, or the game is of others.

        Notes
        -----
        Bills rise with the rent. From the highest rent on, the group that objects most sets the
        next one; so each round rules out a group, and the last rent is exact.
        """
        if game is None:
            game = self.community.cost_game()
            if oracle is None and game.n_players > self.community.max_listed_players():
                oracle = self.community.separation_oracle()
        bills = self.terms.bills_alone - self.terms.leases
        return highest_rent(self.demand_curve, bills, game, oracle)

    def __repr__(self) -> str:
        members = count(len(self.community.members), "member")
        if self.terms.is_lease:
            return f"StorageCloud({members}, {self.terms.owned_kwh:.6g} kWh leased)"
        cost = f"{self.terms.capacity_cost_per_kwh_day:.6g} {self.community.currency}"
        return f"StorageCloud({members}, storage at {cost} per kWh and day)"


def _refuse_loss(best: CloudOffer) -> None:
    if best.profit >= -SAME_PROFIT * (best.revenue + best.lease_cost):
        return
    if best.terms.is_lease:
        raise GameError(
            f"the operator would not lease the batteries: at the best rent, "
            f"{best.rent_per_kwh_day:g} per kWh and day, rents of {best.revenue:g} are less than "
            f"leases of {best.lease_cost:g} and wear of {best.kindest.cost:g}, a loss of "
            f"{-best.profit:g}; offer({best.rent_per_kwh_day!r}) gives the bills"
        )
    raise GameError(
        f"no rent earns what storage costs: the best is {best.rent_per_kwh_day:g} per kWh and "
        f"day, at a loss of {-best.profit:g}"
    )
