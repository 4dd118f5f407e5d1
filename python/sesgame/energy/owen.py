"""Bills from the dual prices of one dispatch: in the core, for any number of members.

Every right-hand side of the dispatch is brought by members, so the cost of any coalition S is
``c(S) = max y . z_S`` over the same dual prices y, with z_S the sum of what its members bring. At
prices that are optimal for all, everyone together pays ``y . z_N = c(N)``, and no coalition pays
more than its own cost, ``y . z_S <= c(S)`` [owen1975]_.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame import _engine
from sesgame.allocation import Allocation, Evidence, plain
from sesgame.coalition import Players
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.community import Community, Model
    from sesgame.energy.time_steps import Moment

__all__ = ["OwenPrices", "owen_allocation"]

RELATIVE_TOLERANCE = 1e-9
"""Of the turnover; the engine refuses prices that miss strong duality by more."""


@dataclass(frozen=True, eq=False)
class OwenPrices(Evidence):
    """The prices behind a dual allocation, which prove that it is in the core.

    Attributes
    ----------
    energy_price : ndarray of shape (T,)
        What a kWh costs inside the community in each step; between the sell and the buy price.
    capacity_price, power_price : ndarray of shape (T,)
        What a kWh of energy capacity, and a kWh per step of power, earns its owner in each step.
    initial_charge_price : float
        What a kWh of initial charge, which has to be there again at the end, earns its owner.
    cost : float
        What all pay together: the least cost of the common dispatch.
    duality_gap : float
        That cost minus the sum of the bills; zero up to rounding.
    lowest, highest : ndarray of shape (n,)
        Between which bills each member's lies under any prices that prove the dispatch optimal, to
        about 1e-9 of the turnover. They are equal where the prices leave no choice.
    bills_by_step : ndarray of shape (n, T)
        What each member pays in each step; the rows add up to the bills. Earnings from initial
        charge are in the first step.
    """

    energy_price: NDArray[np.float64]
    capacity_price: NDArray[np.float64]
    power_price: NDArray[np.float64]
    initial_charge_price: float
    cost: float
    duality_gap: float
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    bills_by_step: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without the bills by step."""
        kept = (field.name for field in fields(self) if field.name != "bills_by_step")
        return {name: plain(getattr(self, name)) for name in kept}


def owen_allocation(
    community: Community,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the bills at the dual prices of the community's optimal dispatch.

    .. math:: x_i = \sum_t \bigl( \lambda_t L_{it} - \mu_t E_i - \pi_t P_i \bigr) - \theta s_i

    with the net load L, energy capacity E, power P and initial charge s that member i brings, and
    optimal dual prices of energy, capacity, power and initial charge. The bills are in the core of
    :meth:`Community.cost_game <sesgame.energy.Community.cost_game>`, whatever the number of
    members.

    Parameters
    ----------
    community : Community
        Any number of members.
    start, end, model
        The period and the batteries used, as in ``Community.cost_game``.
    progress : bool, default True
        Whether to draw a bar, on a terminal.

    Returns
    -------
    Allocation
        Costs, with :class:`OwenPrices` as evidence.

    Raises
    ------
    GameError
        The period is empty or reaches beyond the data, or two batteries differ in efficiency.
    SolverError
        Rounding keeps the two sides of strong duality apart.

    Notes
    -----
    One dispatch for the prices and two for the range of each bill: O(n T) in all. Where several
    prices are optimal, looking back from the end the price of charge stays what it is as long as
    it can, and then becomes that of the charge next to an empty or a full battery; energy is
    priced at what it is worth in the battery. Another community of the same members, with more or
    less of everything that everyone brings, has the same prices.

    References
    ----------
    .. [owen1975] Owen (1975), "On the core of linear production games".

    Examples
    --------
    In the first hour Ann's surplus displaces what Bob would buy; both are paid the full price:

    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 1.0], [3.0, 1.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> bills = sg.owen_allocation(community)
    >>> bills.values.round(2).tolist(), sg.audit(community.cost_game(), bills).in_core
    ([-0.3, 1.2], True)
    """
    part = community.period(start, end)
    pool = community.pool(model)
    power_kwh = pool.power_kw * part.steps.step_hours
    net_load_kwh = part.net_load_kwh
    dispatch = _engine.pooled_battery_dispatch(
        net_load_kwh.sum(axis=0),
        part.buy_per_kwh,
        part.sell_per_kwh,
        float(pool.energy_kwh.sum()),
        float(power_kwh.sum()),
        pool.charge_efficiency,
        pool.discharge_efficiency,
        float(pool.initial_charge_kwh.sum()),
    )
    game = _engine.pooled_battery_game(
        net_load_kwh,
        part.buy_per_kwh,
        part.sell_per_kwh,
        pool.energy_kwh,
        power_kwh,
        pool.charge_efficiency,
        pool.discharge_efficiency,
        pool.initial_charge_kwh,
    )
    with progress_report("ranges of the bills", "member", progress) as report:
        lowest, highest = game.bill_ranges(report).T
    bills_by_step = (
        net_load_kwh * dispatch.energy_price
        - np.outer(pool.energy_kwh, dispatch.capacity_price)
        - np.outer(power_kwh, dispatch.power_price)
    )
    bills_by_step[:, 0] -= dispatch.initial_charge_price * pool.initial_charge_kwh
    bills = bills_by_step.sum(axis=1)
    turnover = np.abs(bills_by_step).sum()
    return Allocation(
        Players(part.members),
        bills,
        kind="cost",
        method="Owen prices",
        tolerance=float(RELATIVE_TOLERANCE * turnover),
        evidence=OwenPrices(
            energy_price=dispatch.energy_price,
            capacity_price=dispatch.capacity_price,
            power_price=dispatch.power_price,
            initial_charge_price=dispatch.initial_charge_price,
            cost=dispatch.cost,
            duality_gap=float(dispatch.cost - bills.sum()),
            lowest=np.minimum(lowest, bills),
            highest=np.maximum(highest, bills),
            bills_by_step=bills_by_step,
        ),
    )
