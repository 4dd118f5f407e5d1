"""Bills from the dual prices of one dispatch: in the core, for any number of members.

Every right-hand side of the dispatch is brought by members, so the cost of any coalition S is
``c(S) = max y . z_S`` over the same dual prices y, with z_S the sum of what its members bring. At
prices that are optimal for all, everyone together pays ``y . z_N = c(N)``, and no coalition pays
more than its own cost, ``y . z_S <= c(S)`` [owen1975]_.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import pooled_battery_dispatch, pooled_battery_game
from sesgame.energy.community import Community
from sesgame.energy.dispatch.dual_prices import DualPrices, OwenPrices, ProgrammePrices
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation
from sesgame.game.given_allocation import as_allocation
from sesgame.game.players import Players
from sesgame.linear.minimum_norm import nearest_combination
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.community import Model
    from sesgame.energy.dispatch.linear import Duals, LinearDispatch
    from sesgame.energy.scenarios import Scenarios
    from sesgame.energy.time_steps import Moment

__all__ = ["owen_allocation"]

RELATIVE_TOLERANCE = 1e-9
"""Of the turnover; the engine refuses prices that miss strong duality by more."""


def owen_allocation(
    community: Community | Scenarios,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the bills at the dual prices of the community's optimal dispatch.

    .. math:: x_i = \sum_t \bigl( \lambda_t L_{it} - \mu_t E_i - \pi_t P_i \bigr) - \theta s_i

    with the net load L, energy capacity E, power P and initial charge s that member i brings, and
    optimal dual prices of energy, capacity, power and initial charge. The bills are in the core of
    :meth:`Community.cost_game <sesgame.energy.Community.cost_game>`, whatever the number of
    members, unless a limit that nobody brings binds (see :class:`sesgame.energy.Grid`): then they
    exceed the cost, and ``evidence.duality_gap`` says by how much.

    Parameters
    ----------
    community : Community or Scenarios
        Any number of members.
    start, end, model
        The period and the model, as in ``Community.cost_game``.
    reference : Allocation, mapping of label to float, or array_like of shape (n,), optional
        Where several prices prove the dispatch optimal, take those whose bills are nearest to
        these (a Shapley estimate, say), in least squares.
    progress : bool, default True
        Whether to draw a bar, on a terminal.

    Returns
    -------
    Allocation
        Costs, with :class:`OwenPrices` as evidence where a recursion gave the prices, and
        :class:`ProgrammePrices` where a linear programme did: for ``model="linear"``, for
        scenarios, and with `reference`.

    Raises
    ------
    AllocationError
        `reference` is of other members or not finite.
    GameError
        As in ``Community.cost_game``.
    SolverError
        Rounding keeps the two sides of strong duality apart.

    Notes
    -----
    By recursion one dispatch for the prices and two for the range of each bill: O(n T) in all. By
    linear programme one for the prices and two small changes of it for each range; the nearest
    bills are found by Wolfe's method [wolfe1976]_, with one change of the programme in each round.

    Where several prices are optimal and no reference is given, the linear programme takes those of
    the basis at which the simplex method ends. The recursion has a rule: looking back from the end,
    the price of charge stays what it is as long as it can, and then becomes that of the charge next
    to an empty or a full battery; energy is priced at what it is worth in the battery. Another
    community of the same members, with more or less of everything that everyone brings, has the
    same prices.

    References
    ----------
    Owen (1975) [owen1975]_ for the prices, Wolfe (1976) [wolfe1976]_ for the nearest bills.

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
    if not isinstance(community, Community):
        if not (start is None and end is None):
            raise GameError("scenarios have no start and end; take them of each community")
        return _from_programme(community.programme(model), reference, progress)
    part = community.period(start, end)
    if reference is None and part.chosen_model(model) != "linear":
        return _from_recursion(part, model, progress)
    return _from_programme(part.programme(model), reference, progress)


def _from_recursion(part: Community, model: Model | None, progress: bool) -> Allocation:
    pool = part.pool(model)
    power_kwh = pool.power_kw * part.steps.step_hours
    net_load_kwh = part.net_load_kwh
    dispatch = pooled_battery_dispatch(
        net_load_kwh.sum(axis=0),
        part.buy_per_kwh,
        part.sell_per_kwh,
        float(pool.energy_kwh.sum()),
        float(power_kwh.sum()),
        pool.charge_efficiency,
        pool.discharge_efficiency,
        float(pool.initial_charge_kwh.sum()),
    )
    game = pooled_battery_game(
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
    evidence = OwenPrices(
        energy_price=dispatch.energy_price,
        cost=dispatch.cost,
        duality_gap=float(dispatch.cost - bills.sum()),
        lowest=np.minimum(lowest, bills),
        highest=np.maximum(highest, bills),
        bills_by_step=bills_by_step,
        capacity_price=dispatch.capacity_price,
        power_price=dispatch.power_price,
        initial_charge_price=dispatch.initial_charge_price,
    )
    return _allocation(part.members, bills, evidence)


def _from_programme(
    dispatch: LinearDispatch,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None,
    progress: bool,
) -> Allocation:
    members = dispatch.members
    everybody = np.ones(len(members), dtype=np.bool_)
    columns, *duals = dispatch.game.optimum(everybody)
    found: list[tuple[float, Duals]] = [(1.0, (duals[0], duals[1]))]
    distance = math.nan
    if reference is not None:
        wanted = as_allocation(dispatch.cost_game(), reference).values
        asked: list[Duals] = []

        def extreme(direction: NDArray[np.float64]) -> NDArray[np.float64]:
            asked.append(dispatch.game.extreme_duals(everybody, direction))
            bills: NDArray[np.float64] = dispatch.bills_by_step(asked[-1]).sum(axis=1)
            return bills

        slack = RELATIVE_TOLERANCE * float(np.abs(dispatch.bills_by_step(found[0][1])).sum())
        chosen = nearest_combination(extreme, wanted, slack)
        found = [(weight, asked[number]) for number, weight in chosen]
    with progress_report("ranges of the bills", "direction", progress) as report:
        ways = np.eye(len(members))
        rates = dispatch.game.cost_rates(everybody, np.concatenate([ways, -ways]), report)
    bills_by_step = np.sum([w * dispatch.bills_by_step(prices) for w, prices in found], axis=0)
    bills = bills_by_step.sum(axis=1)
    if reference is not None:
        distance = float(np.linalg.norm(bills - wanted))
    cost = float(dispatch.programme.model.cost @ columns)
    evidence = ProgrammePrices(
        energy_price=np.sum([w * dispatch.energy_price(prices) for w, prices in found], axis=0),
        cost=cost,
        duality_gap=cost - float(bills.sum()),
        lowest=np.minimum(-rates[len(members) :], bills),
        highest=np.maximum(rates[: len(members)], bills),
        bills_by_step=bills_by_step,
        distance=distance,
    )
    return _allocation(members, bills, evidence)


def _allocation(
    members: tuple[str, ...], bills: NDArray[np.float64], evidence: DualPrices
) -> Allocation:
    turnover = np.abs(evidence.bills_by_step).sum()
    return Allocation(
        Players(members),
        bills,
        kind="cost",
        method="Owen prices",
        tolerance=float(RELATIVE_TOLERANCE * turnover),
        evidence=evidence,
    )
