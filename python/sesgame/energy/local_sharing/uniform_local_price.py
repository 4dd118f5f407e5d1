"""One price for all in each step, at which nobody would rather have traded more or less."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.local_sharing.local_prices import Flows, bills_at_local_prices
from sesgame.energy.scarce_side import scarce_side
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.rule import Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import Model
    from sesgame.energy.schedule import Schedule
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["UNIFORM_LOCAL_PRICE", "uniform_local_price"]


@checked_arguments
def uniform_local_price(
    community: Community,
    *,
    position: float = 0.5,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    schedule: Schedule | None = None,
) -> Allocation:
    r"""Return the bills at one price in each step, which clears the community's own market.

    With the deficit D and the surplus S of all members in a step, each before they meet, and the
    prices :math:`l_b` and :math:`l_s` of the grid,

    .. math:: p = \begin{cases} l_b & D > S \\ l_s & D < S \\
              l_s + \theta (l_b - l_s) & D = S \end{cases}

    Whoever is on the scarce side gets all that sharing gains. It is what an auction with one price
    finds in which the grid offers at :math:`l_b` and bids :math:`l_s` (``uniform_price``).

    Parameters
    ----------
    community : Community
        Any number of members, billed for energy alone: no demand charges, wear or fees.
    position : float, default 0.5
        Where the price lies where neither side is scarce, :math:`\theta` in [0, 1].
    start, end, model, schedule
        As of :func:`sesgame.energy.mid_market_rate`.

    Returns
    -------
    Allocation
        Costs, with :class:`~sesgame.evidence.LocalPrices` as evidence. Without storage the bills
        are in the core: the prices are dual prices of netting. With storage those of
        :func:`sesgame.owen_allocation` are.

    Raises
    ------
    GameError
        As of :func:`sesgame.energy.mid_market_rate`, or `position` is not in [0, 1].

    Notes
    -----
    O(n T), without coalitions. The bills of two periods add up to those of both. D and S that
    differ by rounding only, a 10^-12 part, are the same.

    References
    ----------
    Owen (1975) [owen1975]_ for why such bills are in the core.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["a", "b", "c"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[2.0, -1.0], [1.0, -3.0], [-2.0, 1.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> bills = sg.energy.uniform_local_price(community)
    >>> bills.values.round(4).tolist(), sg.audit(community.cost_game(), bills).in_core
    ([0.5, -0.0, -0.5], True)
    """
    if not 0 <= position <= 1:
        raise GameError(f"position is {position}; it must be in [0, 1]")
    return bills_at_local_prices(
        UNIFORM_LOCAL_PRICE,
        partial(clearing_prices, position=position),
        community,
        start=start,
        end=end,
        model=model,
        schedule=schedule,
    )


def clearing_prices(flows: Flows, *, position: float) -> tuple[Array, Array]:
    """Return what a kWh costs and earns in each step: the same."""
    asked, paid = flows.grid_buy_per_kwh, flows.grid_sell_per_kwh
    scarce = scarce_side(flows.deficit_kwh, flows.surplus_kwh)
    price = np.choose(scarce + 1, (paid, paid + position * (asked - paid), asked))
    return price, price


UNIFORM_LOCAL_PRICE = Rule(
    name="uniform-local-price",
    title="uniform local price",
    apply=lambda problem: uniform_local_price(
        cast("Community", problem.world), model=problem.model
    ),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE}),
    worlds=(Community,),
    meaning=(
        "In each step all kWh have one price: what the grid asks where members together lack "
        "energy, what it pays where they have more than they need."
    ),
    page="concepts/local-prices",
    sources=("owen1975",),
)
