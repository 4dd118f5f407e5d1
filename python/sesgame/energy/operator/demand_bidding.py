r"""Generalised demand bidding: prosumers bid demand functions, and one price clears all of them.

Each prosumer bids one number, the intercept of a demand function of common slope. Who buys more
raises the price for itself, so that all hold back a little; how much that costs is the price of
anarchy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.operator.bidding_results import (
    BiddingEquilibrium,
    BiddingOptimum,
    CostReportScan,
    DeviationScan,
)
from sesgame.energy.operator.parameters import one_each, refuse_where
from sesgame.energy.operator.water_filling import water_filling
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["DemandBidding"]

FEASIBLE = 1e-9
"""Part of all energy by which production may miss a bound, as a difference of bids and prices."""

FACTORS = (0.5, 0.8, 0.9, 1.1, 1.25, 2.0)
"""By which a scan multiplies cost parameters, unless told otherwise."""


@checked_fields
class DemandBidding(ByValue):
    r"""Prosumers with quadratic costs who bid for energy under one clearing price.

    Prosumer i needs :math:`D_i`, produces :math:`p_i` at the cost :math:`f_i(p) = c_i p^2 + d_i p`
    and buys the rest. It bids :math:`b_i`: at the price :math:`\lambda` it buys
    :math:`q_i = b_i - a \lambda`. What is bought and sold adds up to nothing, hence

    .. math:: \lambda = \frac{1}{I a} \sum_i b_i, \qquad p_i = D_i - q_i.

    Parameters
    ----------
    cost_quadratic, cost_linear : array_like of float, shape (n,)
        :math:`c_i > 0`, in money per kWh squared, and :math:`d_i \ge 0`, per kWh. At least two
        prosumers.
    demand_kwh : array_like of float, shape (n,)
        What each needs, at least 0.
    sensitivity : float
        :math:`a > 0`: by how many kWh a bidder buys less where the price is higher by 1.
    bounds : (lowest, highest), optional
        Of production, two array_like of shape (n,) or one number for all; -inf and inf for none.
        By default none: production may then be negative, as of who takes energy at a cost. With
        ``(0, np.inf)`` it is not.

    Raises
    ------
    GameError
        There are fewer than two prosumers, a number is not finite or out of its range, shapes do
        not fit, bounds cross, or all together can never produce what they need.

    Notes
    -----
    A bidder who buys q pays :math:`\lambda`, and by buying more raises it: its best reply has
    :math:`f_i'(p_i) = \lambda + q_i / k` with :math:`k = a (I - 1)`. These are the conditions of

    .. math:: \min_p \sum_i \Bigl( f_i(p_i) + \frac{(D_i - p_i)^2}{2k} \Bigr), \qquad
              \sum_i p_i = \sum_i D_i, \quad p_i^{\min} \le p_i \le p_i^{\max},

    which is strictly convex: the game is an exact potential game up to the balance, and its
    equilibrium is unique, by water filling in O(n log n). It balances the budget (one price,
    purchases of sum 0) and leaves nobody worse off than alone. It is not efficient, but its
    price of anarchy goes to 1 with more prosumers, and with a larger `sensitivity`.

    In equilibrium no other *bid* pays. That does not make it truthful: were the equilibrium
    computed from costs that prosumers report, a wrong report would pay in general
    (:meth:`cost_report_scan`). Limits of lines are not part of it: with them the platform's
    redispatch gives no potential game.

    References
    ----------
    Chen et al. (2019), energy sharing by generalised demand bidding [chen2019]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> sharing = sg.energy.DemandBidding([0.02, 0.03, 0.05], [0.10, 0.08, 0.05], [4, 3, 5], 10)
    >>> found = sharing.equilibrium()
    >>> round(found.price, 6), found.production_kwh.round(4).tolist()
    (0.331955, [4.7995, 3.6541, 3.5464])
    >>> round(sharing.price_of_anarchy, 6)
    1.020424
    >>> sharing.deviation_scan().is_equilibrium
    True
    """

    cost_quadratic: NDArray[np.float64]
    cost_linear: NDArray[np.float64]
    demand_kwh: NDArray[np.float64]
    sensitivity: float
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]]

    def __init__(
        self,
        cost_quadratic: ArrayLike,
        cost_linear: ArrayLike,
        demand_kwh: ArrayLike,
        sensitivity: float,
        bounds: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> None:
        who = "prosumer"
        quadratic = one_each("cost_quadratic", cost_quadratic, who)
        size = len(quadratic)
        if size < 2:
            raise GameError(
                f"demand bidding needs at least two prosumers, got {size}: one alone has nobody to "
                f"trade with"
            )
        unique = "above 0: else the best reply is not unique"
        refuse_where(quadratic <= 0, "cost_quadratic", quadratic, who, unique)
        linear = one_each("cost_linear", cost_linear, who, size)
        refuse_where(linear < 0, "cost_linear", linear, who, "at least 0")
        demand = one_each("demand_kwh", demand_kwh, who, size)
        refuse_where(demand < 0, "demand_kwh", demand, who, "at least 0")
        slope = float(sensitivity)
        if not (np.isfinite(slope) and slope > 0):
            raise GameError(f"sensitivity must be above 0 and finite, got {slope:g}")
        self.cost_quadratic, self.cost_linear, self.demand_kwh = quadratic, linear, demand
        self.sensitivity = slope
        self.bounds = _production_bounds(bounds, size)
        for values in (quadratic, linear, demand, *self.bounds):
            values.setflags(write=False)
        self._refuse_impossible()

    def _refuse_impossible(self) -> None:
        (lowest, highest), needed = self.bounds, float(self.demand_kwh.sum())
        slack = FEASIBLE * needed
        for what, end, fails in (
            ("least", float(lowest.sum()), lowest.sum() > needed + slack),
            ("most", float(highest.sum()), highest.sum() < needed - slack),
        ):
            if fails:
                raise GameError(
                    f"all together need {needed:g} kWh, and the {what} that bounds let them "
                    f"produce is {end:g} kWh"
                )
        if (lowest == highest).all():
            raise GameError(
                "bounds leave nobody a choice of production, so that every price is an equilibrium"
            )

    def __repr__(self) -> str:
        return (
            f"DemandBidding({len(self.demand_kwh)} prosumers, {self.demand_kwh.sum():g} kWh, "
            f"sensitivity {self.sensitivity:g})"
        )

    @property
    def _reach(self) -> float:
        """How many kWh more one has to buy to raise the price by 1, k."""
        return self.sensitivity * (len(self.demand_kwh) - 1)

    def equilibrium(self) -> BiddingEquilibrium:
        """Return the equilibrium in bids, in O(n log n)."""
        return self._equilibrium

    @cached_property
    def _equilibrium(self) -> BiddingEquilibrium:
        reach, demand = self._reach, self.demand_kwh
        rate = 1.0 / (2.0 * self.cost_quadratic + 1.0 / reach)
        found = water_filling(
            rate * (demand / reach - self.cost_linear), rate, *self.bounds, float(demand.sum())
        )
        production = found.amounts
        purchase = demand - production
        price = found.level
        alone = self._production_cost(demand)
        alone[(demand < self.bounds[0]) | (demand > self.bounds[1])] = np.inf
        production_cost = self._production_cost(production)
        return BiddingEquilibrium(
            price=price,
            price_range=found.levels,
            bids=purchase + self.sensitivity * price,
            production_kwh=production,
            purchase_kwh=purchase,
            costs=production_cost + price * purchase,
            costs_alone=alone,
            production_cost=float(production_cost.sum()),
            kkt_residual=self._residual(production, price + purchase / reach),
        )

    def optimum(self) -> BiddingOptimum:
        """Return the production of least cost, in O(n log n)."""
        rate = 0.5 / self.cost_quadratic
        found = water_filling(
            -rate * self.cost_linear, rate, *self.bounds, float(self.demand_kwh.sum())
        )
        return BiddingOptimum(
            price=found.level,
            price_range=found.levels,
            production_kwh=found.amounts,
            production_cost=float(self._production_cost(found.amounts).sum()),
            kkt_residual=self._residual(found.amounts, np.full(len(rate), found.level)),
        )

    @property
    def price_of_anarchy(self) -> float:
        """The cost of production in equilibrium, in parts of the least cost; at least 1.

        Raises
        ------
        GameError
            The least cost is not positive, so that nothing can be a part of it.
        """
        least = self.optimum().production_cost
        if not least > 0:
            raise GameError(
                f"the least cost of production is {least:g}; only of one above 0 there is a price "
                f"of anarchy"
            )
        return self._equilibrium.production_cost / least

    @checked_arguments
    def best_bids(self, bids: ArrayLike) -> NDArray[np.float64]:
        """Return each prosumer's best reply to the bids of all others, shape (n,).

        Raises
        ------
        GameError
            There is not one finite bid for each prosumer.
        """
        given = one_each("bids", bids, "prosumer", len(self.demand_kwh))
        others = float(given.sum()) - given
        return self._bids_for(self._best_purchase(others), others)

    @checked_arguments
    def deviation_scan(self, bids: ArrayLike | None = None, *, n_bids: int = 201) -> DeviationScan:
        """Return what each prosumer could gain by another bid, all others keeping theirs.

        Parameters
        ----------
        bids : array_like of float, shape (n,), optional
            From where; by default the equilibrium.
        n_bids : int, default 201
            How many other bids are tried for each prosumer, beside its best reply: evenly between
            those by which it would buy, or sell, all demand beyond what it does.

        Raises
        ------
        GameError
            There is not one finite bid for each, some bid asks its prosumer to produce beyond its
            bounds, or `n_bids` is less than 1.

        Notes
        -----
        O(n) for the best replies, O(n n_bids) for the scan, whose bids that need production beyond
        bounds are left out.
        """
        if n_bids < 1:
            raise GameError(f"n_bids must be at least 1, got {n_bids}")
        found = self._equilibrium
        if bids is None:
            given, purchase = found.bids, found.purchase_kwh
        else:
            given = one_each("bids", bids, "prosumer", len(self.demand_kwh))
            purchase = given - float(given.mean())
            self._refuse_beyond_bounds(self.demand_kwh - purchase)
        others = float(given.sum()) - given
        now = self._cost(purchase, others)
        best = self._best_purchase(others)
        scanned = np.full(len(given), -np.inf)
        width = float(self.demand_kwh.sum()) or 1.0
        for shift in np.linspace(-width, width, n_bids):
            tried = self._purchase_at(given + shift, others)
            production = self.demand_kwh - tried
            possible = (production >= self.bounds[0]) & (production <= self.bounds[1])
            gain = np.where(possible, now - self._cost(tried, others), -np.inf)
            scanned = np.maximum(scanned, gain)
        turnover = (
            np.abs(now)
            + np.abs(found.price * purchase)
            + self._production_cost(np.abs(self.demand_kwh - purchase))
        )
        return DeviationScan(
            gains=now - self._cost(best, others),
            best_bids=self._bids_for(best, others),
            scanned_gains=scanned,
            n_bids=n_bids,
            tolerance=FEASIBLE * float(turnover.max()),
        )

    @checked_arguments
    def cost_report_scan(
        self, factors: Sequence[float] = FACTORS, *, prosumers: Sequence[int] | None = None
    ) -> CostReportScan:
        """Return what prosumers would gain by wrong reports of their costs.

        As if a platform asked for costs and computed the equilibrium: each report multiplies the
        quadratic cost, the linear cost or both, all others reporting the truth.

        Parameters
        ----------
        factors : sequence of float
            By what a report multiplies, above 0.
        prosumers : sequence of int, optional
            Who reports, by number; by default everybody in turn.

        Raises
        ------
        GameError
            A factor is not above 0, or there is no such prosumer.

        Notes
        -----
        An equilibrium for each report: O(k F^2 n log n) for F factors and k prosumers.
        """
        tried = one_each("factors", factors, "report")
        refuse_where(tried <= 0, "factors", tried, "report", "above 0")
        size = len(self.demand_kwh)
        numbers = np.arange(size) if prosumers is None else self._numbers(prosumers)
        pairs = [(x, y) for x in (1.0, *tried.tolist()) for y in (1.0, *tried.tolist())]
        gains, best = np.zeros(len(numbers)), np.ones((len(numbers), 2))
        truth = self._equilibrium.costs
        for row, prosumer in enumerate(numbers.tolist()):
            for pair in pairs[1:]:
                quadratic, linear = self.cost_quadratic.copy(), self.cost_linear.copy()
                quadratic[prosumer] *= pair[0]
                linear[prosumer] *= pair[1]
                reported = DemandBidding(
                    quadratic, linear, self.demand_kwh, self.sensitivity, self.bounds
                ).equilibrium()
                made = float(reported.production_kwh[prosumer])
                true_cost = (
                    self.cost_quadratic[prosumer] * made**2
                    + self.cost_linear[prosumer] * made
                    + reported.price * reported.purchase_kwh[prosumer]
                )
                gain = float(truth[prosumer] - true_cost)
                if gain > gains[row]:
                    gains[row], best[row] = gain, pair
        return CostReportScan(gains=gains, factors=best, prosumers=numbers)

    def _numbers(self, given: Sequence[int]) -> NDArray[np.intp]:
        """Return the numbers of prosumers who are asked for."""
        asked = list(given) if isinstance(given, Iterable) else [None]
        size = len(self.demand_kwh)
        for each in asked:
            if isinstance(each, bool) or not isinstance(each, (int, np.integer)):
                raise GameError(f"prosumers must be a list of whole numbers, got {given!r}")
            if not 0 <= each < size:
                raise GameError(f"there is no prosumer {each}; they are 0 to {size - 1}")
        return np.array(asked, dtype=np.intp)

    def _production_cost(self, production: Array) -> Array:
        """Return what the production of each costs."""
        return (self.cost_quadratic * production + self.cost_linear) * production

    def _cost(self, purchase: Array, others: Array) -> Array:
        """Return what each pays in all, buying so much beside the bids of others."""
        price = (others + purchase) / self._reach
        return self._production_cost(self.demand_kwh - purchase) + price * purchase

    def _purchase_at(self, bids: Array, others: Array) -> Array:
        """Return what each buys by its bid."""
        size = len(bids)
        return bids * (1.0 - 1.0 / size) - others / size

    def _bids_for(self, purchase: Array, others: Array) -> Array:
        """Return the bids by which each would buy so much."""
        return purchase + self.sensitivity * (others + purchase) / self._reach

    def _best_purchase(self, others: Array) -> Array:
        """Return the purchase of least cost beside the bids of others."""
        reach, demand = self._reach, self.demand_kwh
        free = 2.0 * self.cost_quadratic * demand + self.cost_linear - others / reach
        free /= 2.0 * (self.cost_quadratic + 1.0 / reach)
        best: Array = np.clip(free, demand - self.bounds[1], demand - self.bounds[0])
        return best

    def _refuse_beyond_bounds(self, production: Array) -> None:
        slack = FEASIBLE * (float(self.demand_kwh.sum()) + float(np.abs(production).max()))
        lowest, highest = self.bounds
        beyond = (production < lowest - slack) | (production > highest + slack)
        if beyond.any():
            first = int(np.argmax(beyond))
            raise GameError(
                f"bids: prosumer {first} would have to produce {production[first]:g} kWh; its "
                f"bounds are {lowest[first]:g} and {highest[first]:g}"
            )

    def _residual(self, production: Array, wanted: Array) -> float:
        """Return by how much marginal costs miss what they should be, but for bounds."""
        marginal = 2.0 * self.cost_quadratic * production + self.cost_linear
        over = marginal - wanted
        over = np.where(production <= self.bounds[0], np.minimum(over, 0.0), over)
        over = np.where(production >= self.bounds[1], np.maximum(over, 0.0), over)
        scale = float(np.maximum(np.abs(marginal), np.abs(wanted)).max())
        return float(np.abs(over).max()) / (scale or 1.0)


def _production_bounds(given: tuple[ArrayLike, ArrayLike] | None, size: int) -> tuple[Array, Array]:
    if given is None:
        return np.full(size, -np.inf), np.full(size, np.inf)
    try:
        pair = tuple(given)
        found = [np.array(np.broadcast_to(np.asarray(end, dtype=np.float64), size)) for end in pair]
    except (TypeError, ValueError):
        found = []
    if len(found) != 2:
        raise GameError(
            f"bounds must be (lowest, highest), each a number or one for each of {size} prosumers, "
            f"got {given!r}"
        )
    lowest, highest = found
    wrong = ~(lowest <= highest) | (lowest == np.inf) | (highest == -np.inf)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise GameError(
            f"bounds of prosumer {first} are {lowest[first]:g} and {highest[first]:g}; the lowest "
            f"must be at most the highest, and neither may leave no number between them"
        )
    return lowest, highest
