"""The supply-demand ratio: the more there is for each kWh that is needed, the less it costs."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.local_sharing.local_prices import Flows, bills_at_local_prices
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.rule import AllocationProblem, Option, Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import Model
    from sesgame.energy.schedule import Schedule
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["SUPPLY_DEMAND_RATIO", "supply_demand_ratio"]


@checked_arguments
def supply_demand_ratio(
    community: Community,
    *,
    compensation_per_kwh: float = 0.0,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    schedule: Schedule | None = None,
) -> Allocation:
    r"""Return the bills at prices that follow the ratio of supply to demand.

    With the deficit D and the surplus S of all members in a step, each before they meet, the ratio
    :math:`R = S / D`, what the grid asks, :math:`l_b`, and what it pays with a compensation k,
    :math:`l = l_s + k`,

    .. math:: p_s = \begin{cases} \dfrac{l \, l_b}{(l_b - l) R + l} & R \le 1 \\
              l_s + k / R & R > 1 \end{cases}, \qquad
              p_b = \begin{cases} p_s R + l_b (1 - R) & R \le 1 \\ l_s + k & R > 1 \end{cases}

    Who needs energy pays :math:`p_b` for each kWh, who has energy to spare gets :math:`p_s`.

    Parameters
    ----------
    community : Community
        Any number of members, billed for energy alone: no demand charges, wear or fees. What the
        grid pays with the compensation is at least 0, or what it asks below 0.
    compensation_per_kwh : float, default 0
        What sharing is worth to sellers beyond the grid's price even where there is more than
        enough, k; at most :math:`l_b - l_s` in every step.
    start, end, model, schedule
        As of :func:`sesgame.energy.mid_market_rate`.

    Returns
    -------
    Allocation
        Costs, with :class:`~sesgame.evidence.LocalPrices` as evidence. Without storage nobody pays
        more than alone. The bills need not be in the core: :func:`sesgame.audit` says by how much
        not.

    Raises
    ------
    GameError
        As of :func:`sesgame.energy.mid_market_rate`, or the compensation is negative or too large
        in some step, or the grid takes energy only for money: then the prices have a pole.

    Notes
    -----
    O(n T), without coalitions. The bills of two periods add up to those of both.

    References
    ----------
    Liu et al. (2017) [liu2017]_, with a compensation by Zhou et al. (2018) [zhou2018]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["a", "b", "c"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[2.0, -1.0], [1.0, -3.0], [-2.0, 1.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> sg.energy.supply_demand_ratio(community).values.round(4).tolist()
    [0.2714, -0.1143, -0.1571]
    >>> paid = sg.energy.supply_demand_ratio(community, compensation_per_kwh=0.05)
    >>> paid.values.round(4).tolist()
    [0.3275, -0.1175, -0.21]
    """
    _check(compensation_per_kwh)
    return bills_at_local_prices(
        SUPPLY_DEMAND_RATIO,
        partial(ratio_prices, compensation_per_kwh=compensation_per_kwh),
        community,
        start=start,
        end=end,
        model=model,
        schedule=schedule,
    )


def _check(compensation_per_kwh: float) -> None:
    if not 0 <= compensation_per_kwh < math.inf:
        raise GameError(
            f"compensation_per_kwh is {compensation_per_kwh}; it must be finite and at least 0"
        )


def ratio_prices(flows: Flows, *, compensation_per_kwh: float) -> tuple[Array, Array]:
    """Return what a kWh costs and earns in each step.

    Raises
    ------
    GameError
        The compensation is more than the prices of the grid are apart, or the prices have a pole.
    """
    asked, paid = flows.grid_buy_per_kwh, flows.grid_sell_per_kwh + compensation_per_kwh
    _refuse_steps(flows, paid, compensation_per_kwh)
    deficit, surplus = flows.deficit_kwh, flows.surplus_kwh
    is_short = surplus <= deficit
    # S / D or D / S, whichever is at most 1; nobody trades where both are 0.
    larger = np.maximum(deficit, surplus)
    ratio = np.divide(
        np.minimum(deficit, surplus), larger, out=np.zeros_like(larger), where=larger > 0
    )
    below = (asked - paid) * ratio + paid
    # Where the grid pays nothing, and nobody sells, any price will do: that of the grid.
    short_sell = np.divide(paid * asked, below, out=paid.copy(), where=below != 0)
    sell = np.where(is_short, short_sell, flows.grid_sell_per_kwh + compensation_per_kwh * ratio)
    buy = np.where(is_short, sell * ratio + asked * (1 - ratio), paid)
    return buy, sell


def _refuse_steps(flows: Flows, paid: Array, compensation_per_kwh: float) -> None:
    asked = flows.grid_buy_per_kwh
    above = np.flatnonzero(paid > asked)
    if len(above):
        step = int(above[0])
        raise GameError(
            f"compensation_per_kwh is {compensation_per_kwh:g}; in the step from "
            f"{flows.steps.time(step)} it may be at most "
            f"{asked[step] - flows.grid_sell_per_kwh[step]:g}, by which the prices of the grid are "
            f"apart"
        )
    through_zero = np.flatnonzero((paid < 0) & (asked >= 0))
    if len(through_zero):
        step = int(through_zero[0])
        raise GameError(
            f"supply-demand ratio: feeding in earns {paid[step]:g} with the compensation and a kWh "
            f"costs {asked[step]:g} in the step from {flows.steps.time(step)}; between prices of "
            f"different signs the ratio has a pole: give a compensation of at least "
            f"{-flows.grid_sell_per_kwh[step]:g}, or take the mid-market rate"
        )


def _compensation(text: str) -> float:
    """Return a compensation for each kWh."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(text)
    return value


COMPENSATION = Option(
    name="compensation",
    keyword="compensation_per_kwh",
    parse=_compensation,
    metavar="PRICE",
    help="what sellers get for a kWh beyond the price of the grid, at least",
)


def _apply(problem: AllocationProblem) -> Allocation:
    return supply_demand_ratio(
        cast("Community", problem.world),
        compensation_per_kwh=problem.get(COMPENSATION) or 0.0,
        model=problem.model,
    )


SUPPLY_DEMAND_RATIO = Rule(
    name="supply-demand-ratio",
    title="supply-demand ratio",
    apply=_apply,
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE}),
    options=(COMPENSATION,),
    worlds=(Community,),
    meaning=(
        "In each step the price of a kWh from a neighbour follows how much there is of it: near "
        "what the grid asks where it is scarce, near what the grid pays where it is plenty."
    ),
    page="concepts/local-prices",
    sources=("liu2017", "zhou2018"),
)
