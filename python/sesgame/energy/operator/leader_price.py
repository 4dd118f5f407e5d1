r"""The price of a leader whom followers answer with the quantity that is best for them.

A Stackelberg game: the leader knows the replies and chooses the price before. With quadratic
utilities a reply is linear in the price until somebody drops out, so that the profit is concave
between two drop-outs, but not as a whole: the best of all segments is the optimum, which no search
over a grid of prices can beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.operator.parameters import one_each, refuse_where
from sesgame.energy.operator.traders import SAME, Candidates, Traders, still_earned
from sesgame.energy.scarce_side import scarce_side
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["LeaderPrice", "leader_price"]

NO_REPLY = ": else there is no unique best reply"


@dataclass(frozen=True, eq=False)
class LeaderPrice(ByValue):
    """The leader's best price, or prices, and what followers do at it.

    Attributes
    ----------
    price : float
        What a kWh costs consumers.
    supplier_price : float or None
        What a kWh earns suppliers; None where there are none.
    demand_kwh : ndarray of shape (n,)
        What each consumer buys.
    supply_kwh : ndarray of shape (m,)
        What each supplier sells.
    imported_kwh, exported_kwh : float
        What the leader buys at `supply_cost`, and sells to the grid.
    profit : float
        Of the leader.
    utilities : ndarray of shape (n,)
        What consumers gain: worth of what they use less what they pay; at least 0.
    supplier_profits : ndarray of shape (m,)
        What suppliers gain; at least 0.
    marginal_value : float
        What one more kWh is worth to the leader: `supply_cost` while it imports, the grid's price
        while it exports, in between where it does neither; where that leaves a choice, the middle.
    welfare, efficient_welfare : float
        What leader and followers gain together, and the most that they could, at prices of
        marginal cost. The difference is the deadweight loss.
    tied_prices : ndarray of shape (k,)
        Prices for consumers that earn the leader the same, in ascending order; the first one is
        `price`.
    kkt_residual : float
        By how much the first-order conditions fail: what one kWh more, or less, would earn by a
        price that can move that way, as a part of the highest price. It is rounding.
    segment_prices, segment_profits : ndarray of shape (n + 1,)
        For one price: the best one while exactly the k consumers of the highest `a` buy,
        k = 0, ..., n, and its profit; NaN where no price between those of the grid has k buyers.
        The largest is `profit`. Empty for two prices.
    balance_profits : ndarray of shape (3,)
        For two prices: the most while the leader imports, while it exports, and while it does
        neither; minus infinity where that cannot be. The largest is `profit`. Empty for one price.
    """

    price: float
    supplier_price: float | None
    demand_kwh: NDArray[np.float64]
    supply_kwh: NDArray[np.float64]
    imported_kwh: float
    exported_kwh: float
    profit: float
    utilities: NDArray[np.float64]
    supplier_profits: NDArray[np.float64]
    marginal_value: float
    welfare: float
    efficient_welfare: float
    tied_prices: NDArray[np.float64]
    kkt_residual: float
    segment_prices: NDArray[np.float64]
    segment_profits: NDArray[np.float64]
    balance_profits: NDArray[np.float64]

    @property
    def deadweight_loss(self) -> float:
        """What is lost against the optimum of all, at least 0."""
        return self.efficient_welfare - self.welfare


@checked_arguments
def leader_price(
    a: ArrayLike,
    b: ArrayLike,
    supply_cost: float,
    *,
    suppliers: tuple[ArrayLike, ArrayLike] | None = None,
    grid: tuple[float, float] | None = None,
) -> LeaderPrice:
    r"""Return the price that earns a leader the most, and the replies of quadratic followers.

    Consumer i gains :math:`a_i q - b_i q^2 / 2 - p q` from q kWh, so that it buys
    :math:`q_i(p) = ((a_i - p) / b_i)^+`. The leader chooses

    .. math:: \max_p \; (p - w) \sum_i q_i(p).

    With suppliers, who sell :math:`s_j(p_s) = ((p_s - c_j) / e_j)^+` at the marginal cost
    :math:`c_j + e_j s`, it chooses two prices between those of the grid, at which everybody may
    trade without the leader. With Q and S the sums of replies,

    .. math:: \max_{l_s \le p_b, p_s \le l_b} \; p_b Q(p_b) - p_s S(p_s)
              - w (Q - S)^+ + l_s (S - Q)^+.

    Parameters
    ----------
    a : array_like of float, shape (n,)
        What the first kWh is worth to each consumer, at least 0.
    b : array_like of float, shape (n,)
        By how much the next kWh is worth less, per kWh; positive.
    supply_cost : float
        What a kWh costs the leader that no supplier brings, :math:`w \ge 0`; with `grid` between
        its prices, often what it asks.
    suppliers : (c, e), optional
        Two array_like of shape (m,): the marginal cost of the first kWh of each supplier, at least
        0, and by how much it rises per kWh, positive. They need `grid`.
    grid : (sell, buy), optional
        What the grid pays, :math:`l_s`, and asks, :math:`l_b`: prices are within. By default the
        price is free.

    Returns
    -------
    LeaderPrice
        Of several prices with the same profit the lowest for consumers, and of these the lowest for
        suppliers; `tied_prices` has the others.

    Raises
    ------
    GameError
        A number is not finite or out of its range, shapes do not fit, or suppliers come without the
        grid's prices.

    Notes
    -----
    O(n log n), also with suppliers: O((n + m) log(n + m)). While the same followers trade, the
    profit is concave in each price, but where somebody drops out it may rise again. So each segment
    has one candidate, its stationary point or an end. For one price the best candidate is the
    optimum. With two, the program separates while the leader imports, where a kWh is worth
    :math:`w` to it, and while it exports, where it is worth :math:`l_s`: the best pair of
    candidates with Q above S, or below, is found by sorting. What is left is Q = S, one quantity,
    with a candidate in each of n + m segments.

    An optimum exists, since replies are unique and continuous; it need not be unique, and is not
    efficient: the leader's margin keeps consumers from energy that is worth more to them than it
    costs. No follower is worse off than without the leader. It is not truthful: whoever could
    report other parameters might gain by that.

    References
    ----------
    Games of a leader and followers, and programs of two levels: Colson, Marcotte and Savard (2007)
    [colson2007]_. A leader's price for the energy of neighbours: Tushar et al. (2014)
    [tushar2014]_.

    Examples
    --------
    Three consumers, of whom the third does not buy at the best price:

    >>> import sesgame as sg
    >>> found = sg.energy.leader_price([10, 8, 3], [1, 1, 1], 2)
    >>> found.price, found.demand_kwh.tolist(), found.profit
    (5.5, [4.5, 2.5, 0.0], 24.5)
    >>> found.welfare, found.efficient_welfare
    (37.75, 50.5)

    Two consumers and two suppliers between the prices of the grid:

    >>> roofs, grid = ([0.02, 0.05], [0.02, 0.03]), (0.08, 0.30)
    >>> both = sg.energy.leader_price([0.6, 0.5], 0.05, 0.30, suppliers=roofs, grid=grid)
    >>> round(both.price, 3), round(both.supplier_price, 3), round(both.profit, 3)
    (0.3, 0.152, 1.48)
    """
    worth = one_each("a", a, "consumer")
    refuse_where(worth < 0, "a", worth, "consumer", "at least 0")
    slope = one_each("b", b, "consumer", len(worth))
    refuse_where(slope <= 0, "b", slope, "consumer", f"above 0{NO_REPLY}")
    cost = float(supply_cost)
    if not (np.isfinite(cost) and cost >= 0):
        raise GameError(f"supply_cost must be at least 0 and finite, got {cost:g}")
    low, high = (-np.inf, np.inf) if grid is None else _grid_prices(grid, cost)
    consumers = Traders(worth, slope, low, high)
    if suppliers is None:
        return _one_price(consumers, cost)
    if grid is None:
        raise GameError(
            "suppliers need grid=(sell, buy): what is left over is sold to the grid, and both "
            "prices lie between its prices"
        )
    return _two_prices(consumers, _suppliers(suppliers, low, high), cost)


def _grid_prices(grid: tuple[float, float], cost: float) -> tuple[float, float]:
    """Return what the grid pays and asks."""
    low, high = one_each("grid", grid, "direction, (sell, buy)", 2).tolist()
    if not low <= cost <= high:
        raise GameError(
            f"grid must be (sell, buy) with sell <= supply_cost <= buy, got ({low:g}, {high:g}) "
            f"and {cost:g}: else the leader would trade with the grid without end, or never import "
            f"at supply_cost"
        )
    return low, high


def _suppliers(given: tuple[ArrayLike, ArrayLike], low: float, high: float) -> Traders:
    try:
        first, rise = given
    except (TypeError, ValueError):
        raise GameError(f"suppliers must be (c, e), two lists of numbers, got {given!r}") from None
    marginal = one_each("c", first, "supplier")
    refuse_where(marginal < 0, "c", marginal, "supplier", "at least 0")
    slope = one_each("e", rise, "supplier", len(marginal))
    refuse_where(slope <= 0, "e", slope, "supplier", f"above 0{NO_REPLY}")
    # ((p - c) / e)^+ at the price p is what a consumer of worth -c buys at the price -p.
    return Traders(-marginal, slope, -high, -low)


def _one_price(consumers: Traders, cost: float) -> LeaderPrice:
    """Return the best of the best prices of all segments."""
    found = consumers.best(cost)
    most = float(np.nanmax(found.margins))
    best = int(np.nanargmax(found.margins))
    slack = SAME * float(found.energy[best] * (abs(found.prices[best]) + cost))
    tied = _apart(found.prices[found.margins >= most - slack])
    price = float(tied[0])
    replies = consumers.replies(price)
    sold = float(replies.sum())
    fair = consumers.replies(cost)
    pull, _ = still_earned(consumers.marginal(price, sold), (-np.inf, np.inf), cost, cost)
    return LeaderPrice(
        price=price,
        supplier_price=None,
        demand_kwh=replies,
        supply_kwh=np.zeros(0),
        imported_kwh=sold,
        exported_kwh=0.0,
        profit=(price - cost) * sold,
        utilities=consumers.slope * replies**2 / 2.0,
        supplier_profits=np.zeros(0),
        marginal_value=cost,
        welfare=consumers.worth_of(replies) - cost * sold,
        efficient_welfare=consumers.worth_of(fair) - cost * float(fair.sum()),
        tied_prices=tied,
        kkt_residual=pull / (max(abs(price), cost) or 1.0),
        segment_prices=found.prices,
        segment_profits=found.margins,
        balance_profits=np.zeros(0),
    )


def _apart(prices: Array) -> Array:
    """Return prices in ascending order, those once that differ by rounding."""
    ordered = np.sort(prices)
    is_new = np.append(True, np.diff(ordered) > SAME * np.abs(ordered[1:]))
    return np.asarray(ordered[is_new])


def _two_prices(consumers: Traders, suppliers: Traders, cost: float) -> LeaderPrice:
    """Return the best of three: the leader imports, exports, or does neither."""
    paid = consumers.low
    pairs = [
        _unbalanced(consumers, suppliers, cost, imports=True),
        _unbalanced(consumers, suppliers, paid, imports=False),
        _balanced(consumers, suppliers),
    ]
    buy, sell = (np.concatenate(prices) for prices in zip(*pairs, strict=True))
    profits, turnover = _profits(consumers, suppliers, cost, buy, sell)
    parts = np.split(profits, np.cumsum([len(prices) for prices, _ in pairs])[:-1])
    least = float(profits.max()) - SAME * float(turnover[np.argmax(profits)])
    tied = _apart(buy[profits >= least])
    price = float(tied[0])
    others = np.concatenate([suppliers.best(-value, idle=np.inf).prices for value in (paid, cost)])
    others = np.concatenate([-others[~np.isnan(others)], sell[buy == price]])
    same_price = np.full(len(others), price)
    equal = _profits(consumers, suppliers, cost, same_price, others)[0] >= least
    supplier_price = float(others[equal].min())

    demand, supply = consumers.replies(price), suppliers.replies(-supplier_price)
    bought, sold = float(demand.sum()), float(supply.sum())
    side = int(scarce_side(np.array(bought), np.array(sold)))
    imported, exported = max(bought - sold, 0.0), max(sold - bought, 0.0)
    if side == 0:
        imported = exported = 0.0
    ends = ((paid, paid), (paid, cost), (cost, cost))[side + 1]
    less, more = suppliers.marginal(-supplier_price, sold)
    pull, value = still_earned(consumers.marginal(price, bought), (-less, -more), *ends)
    fair = _clearing_price(consumers, suppliers, paid, cost)
    prices = (paid, cost)
    return LeaderPrice(
        price=price,
        supplier_price=supplier_price,
        demand_kwh=demand,
        supply_kwh=supply,
        imported_kwh=imported,
        exported_kwh=exported,
        profit=price * bought - supplier_price * sold - cost * imported + paid * exported,
        utilities=consumers.slope * demand**2 / 2.0,
        supplier_profits=suppliers.slope * supply**2 / 2.0,
        marginal_value=value,
        welfare=_welfare(consumers, suppliers, (price, supplier_price), prices),
        efficient_welfare=_welfare(consumers, suppliers, (fair, fair), prices),
        tied_prices=tied,
        kkt_residual=pull / (max(abs(price), abs(supplier_price), cost) or 1.0),
        segment_prices=np.zeros(0),
        segment_profits=np.zeros(0),
        balance_profits=np.array([part.max(initial=-np.inf) for part in parts]),
    )


def _profits(
    consumers: Traders, suppliers: Traders, cost: float, buy: Array, sell: Array
) -> tuple[Array, Array]:
    """Return what the leader earns at each pair of prices, and the money that changes hands."""
    bought, sold = consumers.bought(buy), suppliers.bought(-sell)
    over = bought - sold
    outside = np.where(over > 0, cost, consumers.low) * over
    turnover = np.abs(buy * bought) + np.abs(sell * sold) + np.abs(outside)
    return buy * bought - sell * sold - outside, turnover


def _unbalanced(
    consumers: Traders, suppliers: Traders, value: float, *, imports: bool
) -> tuple[Array, Array]:
    """Return pairs of prices at which the leader imports, or exports: a kWh has one worth then.

    For each candidate of consumers, the best of suppliers: of those that sell no more while the
    leader imports, or no less while it exports.
    """
    asked, offered = (
        Candidates(*(part[~np.isnan(side.prices)] for part in side))
        for side in (consumers.best(value), suppliers.best(-value, idle=np.inf))
    )
    sign = 1.0 if imports else -1.0
    order = np.argsort(sign * offered.energy, kind="stable")
    margins = offered.margins[order]
    record = np.maximum.accumulate(margins)
    # Where each record was set.
    holder = np.maximum.accumulate(np.where(margins == record, np.arange(len(order)), 0))
    allowed = np.searchsorted(sign * offered.energy[order], sign * asked.energy, side="right")
    some = allowed > 0
    partners = order[holder[allowed[some] - 1]]
    return asked.prices[some], -offered.prices[partners]


def _balanced(consumers: Traders, suppliers: Traders) -> tuple[Array, Array]:
    """Return a pair of prices for each segment of the energy that the leader buys and sells."""
    ends = [side.bought(np.array([side.high, side.low])) for side in (consumers, suppliers)]
    least, most = max(ends[0][0], ends[1][0]), min(ends[0][1], ends[1][1])
    if least > most:
        return np.zeros(0), np.zeros(0)
    turns = np.concatenate([side.bought(side.drop_outs()) for side in (consumers, suppliers)])
    turns = np.unique(np.clip(turns, least, most))
    edges = np.unique(np.concatenate([[least], turns, [most]]))
    lowest, highest = (edges[:1], edges[:1]) if len(edges) == 1 else (edges[:-1], edges[1:])
    (level, slope), (other_level, other_slope) = (
        side.line_at((lowest + highest) / 2.0) for side in (consumers, suppliers)
    )
    free = (level / slope + other_level / other_slope) / (2.0 / slope + 2.0 / other_slope)
    energy = np.clip(free, lowest, highest)
    buy = consumers.within((level - energy) / slope)
    sell = -suppliers.within((other_level - energy) / other_slope)
    return buy, np.where(energy > 0, sell, consumers.low)


def _clearing_price(consumers: Traders, suppliers: Traders, paid: float, cost: float) -> float:
    """Return the price for both sides at which all together gain the most."""
    inside = np.concatenate([consumers.drop_outs(), -suppliers.drop_outs()])
    turns = np.unique(np.concatenate([[paid], np.clip(inside, paid, cost), [cost]]))
    over = consumers.bought(turns) - suppliers.bought(-turns)
    if over[-1] >= 0:
        return cost
    if over[0] <= 0:
        return paid
    # What is bought falls from turn to turn in straight lines, and what is sold rises.
    place = int(np.argmax(over < 0))
    left, right = over[place - 1], over[place]
    part = left / (left - right)
    return float(turns[place - 1] + part * (turns[place] - turns[place - 1]))


def _welfare(
    consumers: Traders,
    suppliers: Traders,
    prices: tuple[float, float],
    grid: tuple[float, float],
) -> float:
    """Return what all gain together at the replies to two prices."""
    demand, supply = consumers.replies(prices[0]), suppliers.replies(-prices[1])
    over = float(demand.sum()) - float(supply.sum())
    outside = (grid[1] if over > 0 else grid[0]) * over
    return consumers.worth_of(demand) + suppliers.worth_of(supply) - outside
