"""Bill sharing: one price for what is needed, one for what is left over, for a whole period."""

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

__all__ = ["BILL_SHARING", "bill_sharing"]


@checked_arguments
def bill_sharing(
    community: Community,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    schedule: Schedule | None = None,
) -> Allocation:
    r"""Return the shares of the bill of all, in proportion to what each needs and has to spare.

    With the deficit :math:`D_t` and the surplus :math:`S_t` of all members in a step, each before
    they meet, and the prices :math:`l_b` and :math:`l_s` of the grid,

    .. math:: p_b = \frac{\sum_t l_{b,t} (D_t - S_t)^+}{\sum_t D_t}, \qquad
              p_s = \frac{\sum_t l_{s,t} (S_t - D_t)^+}{\sum_t S_t}

    What all buy is paid by those who need energy, what all sell goes to those who have some to
    spare, whenever that was: neighbours pay each other nothing.

    Parameters
    ----------
    community : Community
        Any number of members, billed for energy alone: no demand charges, wear or fees.
    start, end, model, schedule
        As of :func:`sesgame.energy.mid_market_rate`.

    Returns
    -------
    Allocation
        Costs, with :class:`~sesgame.evidence.LocalPrices` as evidence. Who only has energy to spare
        pays more than alone wherever neighbours use some of it; ``caveats`` of the evidence names
        who does. :func:`sesgame.audit` says who would object.

    Raises
    ------
    GameError
        As of :func:`sesgame.energy.mid_market_rate`.

    Notes
    -----
    O(n T), without coalitions. The shares of two periods do not add up to those of both.

    References
    ----------
    Long et al. (2017) [long2017]_; compared with other rules by Zhou et al. (2018) [zhou2018]_.

    Examples
    --------
    Alone the roof would earn 0.20, of which it keeps half:

    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["roof", "house"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 0.0], [1.0, 0.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> sg.energy.bill_sharing(community).values.round(4).tolist()
    [-0.1, 0.0]
    """
    return bills_at_local_prices(
        BILL_SHARING,
        shared_bill_prices,
        community,
        start=start,
        end=end,
        model=model,
        schedule=schedule,
    )


def shared_bill_prices(flows: Flows) -> tuple[Array, Array]:
    """Return what a kWh costs and earns, the same in all steps."""
    return (
        _mean(flows.grid_buy_per_kwh, flows.imported_kwh, flows.deficit_kwh),
        _mean(flows.grid_sell_per_kwh, flows.exported_kwh, flows.surplus_kwh),
    )


def _mean(grid: Array, by_grid: Array, energy: Array) -> Array:
    """Return what the grid gets, for each kWh that members need or have; else its prices."""
    total = float(energy.sum())
    return np.full_like(grid, float(grid @ by_grid) / total) if total else grid.copy()


BILL_SHARING = Rule(
    name="bill-sharing",
    title="bill sharing",
    apply=lambda problem: bill_sharing(cast("Community", problem.world), model=problem.model),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE}),
    worlds=(Community,),
    meaning=(
        "What all buy from the grid is paid in proportion to what everybody needs, and what all "
        "feed in is earned in proportion to what everybody has to spare; neighbours pay each other "
        "nothing."
    ),
    page="concepts/local-prices",
    sources=("long2017", "zhou2018"),
)
