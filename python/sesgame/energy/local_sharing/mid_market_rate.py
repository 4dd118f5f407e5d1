"""The mid-market rate: neighbours meet in the middle of what the grid asks and pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.local_sharing.local_prices import Flows, bills_at_local_prices
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.rule import Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import Model
    from sesgame.energy.schedule import Schedule
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["MID_MARKET_RATE", "mid_market_rate"]


@checked_arguments
def mid_market_rate(
    community: Community,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    schedule: Schedule | None = None,
) -> Allocation:
    r"""Return the bills at the mid-market rate: the middle between the two prices of the grid.

    With the deficit D and the surplus S of all members in a step, each before they meet, and what
    the grid asks and pays, :math:`l_b` and :math:`l_s`,

    .. math:: p = \frac{l_b + l_s}{2}, \qquad
              p_b = \begin{cases} p & S \ge D \\ \dfrac{p S + l_b (D - S)}{D} & S < D \end{cases},
              \qquad
              p_s = \begin{cases} \dfrac{p D + l_s (S - D)}{S} & S \ge D \\ p & S < D \end{cases}

    Who needs energy pays :math:`p_b` for each kWh, who has energy to spare gets :math:`p_s`.

    Parameters
    ----------
    community : Community
        Any number of members, billed for energy alone: no demand charges, wear or fees.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.
    model : str, optional
        As in ``Community.cost_game``: how storage runs, if there is any.
    schedule : Schedule, optional
        How storage ran, of all members in these steps, instead of the cheapest schedule. Each owner
        has the part of it that it has of the capacity; the evidence says so.

    Returns
    -------
    Allocation
        Costs, with :class:`~sesgame.evidence.LocalPrices` as evidence. Without storage nobody pays
        more than alone. The bills need not be in the core: :func:`sesgame.audit` says by how much
        not.

    Raises
    ------
    GameError
        The period is empty or reaches beyond the data, feeding in earns more than buying costs, all
        together pay for more than energy, or the schedule is of others.

    Notes
    -----
    O(n T), without coalitions. The bills of two periods add up to those of both.

    References
    ----------
    Long et al. (2017) [long2017]_; compared with other rules by Zhou et al. (2018) [zhou2018]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["a", "b", "c"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[2.0, -1.0], [1.0, -3.0], [-2.0, 1.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> bills = sg.energy.mid_market_rate(community)
    >>> bills.values.round(4).tolist()
    [0.3417, -0.1417, -0.2]
    >>> bills.evidence.buy_per_kwh.round(4).tolist()
    [0.2333, 0.2]
    """
    return bills_at_local_prices(
        MID_MARKET_RATE,
        mid_market_prices,
        community,
        start=start,
        end=end,
        model=model,
        schedule=schedule,
    )


def mid_market_prices(flows: Flows) -> tuple[Array, Array]:
    """Return what a kWh costs and earns in each step."""
    middle = (flows.grid_buy_per_kwh + flows.grid_sell_per_kwh) / 2
    return (
        _mixed(middle, flows.grid_buy_per_kwh, flows.imported_kwh, flows.deficit_kwh),
        _mixed(middle, flows.grid_sell_per_kwh, flows.exported_kwh, flows.surplus_kwh),
    )


def _mixed(middle: Array, grid: Array, by_grid: Array, energy: Array) -> Array:
    """Return the mean price of energy of which the grid has a part."""
    part = np.divide(by_grid, energy, out=np.zeros_like(energy), where=energy > 0)
    return middle + (grid - middle) * part


MID_MARKET_RATE = Rule(
    name="mid-market-rate",
    title="mid-market rate",
    apply=lambda problem: mid_market_rate(cast("Community", problem.world), model=problem.model),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE}),
    worlds=(Community,),
    meaning=(
        "In each step a kWh from a neighbour costs the middle of what the grid asks and pays; what "
        "is missing or left over is bought and sold for all, and everybody has the same part of it."
    ),
    page="concepts/local-prices",
    sources=("long2017", "zhou2018"),
)
