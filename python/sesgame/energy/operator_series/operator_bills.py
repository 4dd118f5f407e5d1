"""Bills of what a grid operator says was shared: consumers pay, plants are paid, a margin stays."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE
from sesgame.energy.number_arrays import number_array
from sesgame.energy.operator_series.bills_evidence import OperatorBills
from sesgame.energy.operator_series.operator_series import OperatorSeries
from sesgame.energy.operator_series.outside_charges import check_world, outside_charges
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["operator_bills"]


@checked_arguments
def operator_bills(
    series: OperatorSeries,
    *,
    consumer_price_per_kwh: ArrayLike | Mapping[Hashable, ArrayLike],
    producer_price_per_kwh: ArrayLike | Mapping[Hashable, ArrayLike],
    world: PublicGrid | None = None,
    community: Hashable | None = None,
    broken: Literal["refuse", "state"] = "refuse",
    start: Moment | None = None,
    end: Moment | None = None,
) -> Allocation:
    r"""Return the bills of a community whose grid operator says what was shared.

    Consumers pay their price for what was covered, plants get theirs for what they delivered, and
    what is left is the community's margin m:

    .. math:: x_m = \sum_{i \in m} \sum_t p_{it} u_{it}
                    - \sum_{k \in m} \sum_t q_{kt} (g_{kt} - s_{kt}), \qquad
              \sum_m x_m = m .

    With a world, contracts and fees bill the rest: each consumer pays
    :math:`b_{it} (c_{it} - u_{it})` and the fee of a shared kWh, each plant gets its contract's
    price for the surplus, and demand charges and fees in the game come on top. Then bills can be
    audited against the game of that world, in which every coalition may share.

    Parameters
    ----------
    players : tuple of hashable
        The members, in the order of the bills.
    series : OperatorSeries
        What is billed.
    consumer_price_per_kwh, producer_price_per_kwh : float, array_like of shape (T,), or mapping
        What a covered kWh costs a consumer, and what a delivered one earns a plant: one for all, or
        by point or member, for those that have points of that kind.
    world : PublicGrid, optional
        Of the same points and steps, as :meth:`OperatorSeries.public_grid` makes it.
    community : hashable, optional
        The member that gets the margin, or bears it; with a world one of its members. By default
        the margin is in nobody's bill, and the bills add up to it, beside what is paid outside.
    broken : {"refuse", "state"}, default "refuse"
        Whether series between which something does not hold are refused, or billed as they are, and
        what does not hold is said with the bills.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.

    Returns
    -------
    Allocation
        Costs, negative for who is paid, with :class:`~sesgame.evidence.OperatorBills`: the lines of
        each bill, the margin, and with a world what the operator's key loses.

    Raises
    ------
    GameError
        Something does not hold between the series: point, step and kWh are named. A price is
        missing, or of nobody; the period is empty or reaches beyond the data; or the world has
        other points, members, steps or readings, batteries, or own points that do not share.

    Notes
    -----
    The fee of a covered kWh is that from the zones of all plants, by their part of what is
    generated in the step, as the operator takes it. O((n + k) T).

    References
    ----------
    What is billed by which series: [eegfaktura2026]_.

    Examples
    --------
    A roof delivers 2 kWh at 0.09 to two flats, which pay 0.12:

    >>> import sesgame as sg
    >>> series = sg.energy.OperatorSeries(
    ...     steps=sg.energy.TimeSteps.from_times(["2024-06-01T12:00", "2024-06-01T12:15"]),
    ...     consumed_kwh={"ann": [1.0, 0.0], "bob": [3.0, 0.0]},
    ...     offered_kwh={"ann": [0.5, 0.0], "bob": [1.5, 0.0]},
    ...     covered_kwh={"ann": [0.5, 0.0], "bob": [1.5, 0.0]},
    ...     generated_kwh={"roof": [2.0, 1.0]},
    ...     surplus_kwh={"roof": [0.0, 1.0]},
    ... )
    >>> bills = sg.energy.operator_bills(
    ...     series,
    ...     consumer_price_per_kwh=0.12,
    ...     producer_price_per_kwh=0.09,
    ...     community="club",
    ... )
    >>> {member: round(bill, 2) for member, bill in bills.items()}
    {'ann': 0.06, 'bob': 0.18, 'roof': -0.18, 'club': -0.06}
    """
    if not isinstance(series, OperatorSeries):
        raise GameError(f"series must be an OperatorSeries, got {named(series)}")
    if broken not in ("refuse", "state"):
        raise GameError(f"broken is {broken!r}; it must be refuse or state")
    if not isinstance(community, Hashable):
        raise GameError(f"community must be a label, got {named(community)}")
    part = series.period(start, end)
    found = part.broken_identities()
    if found and broken == "refuse":
        more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
        raise GameError(
            f'{found[0]}{more}; broken="state" bills what the operator says, and says so'
        )
    paying = _prices(part, "consumer_price_per_kwh", consumer_price_per_kwh, part.consumers)
    earning = _prices(part, "producer_price_per_kwh", producer_price_per_kwh, part.plants)
    paid = np.einsum("pt,pt->p", paying, part.covered_kwh)
    received = np.einsum("pt,pt->p", earning, part.delivered_kwh)
    players = tuple(dict.fromkeys(part.members.values()))
    whole = outside = least_cost = alone = None
    rounded = 0.0
    if world is not None:
        whole = world.period(start, end)
        check_world(part, whole, community)
        players = whole.members
        outside, rounded = outside_charges(part, whole)
        game = whole.cost_game()
        least_cost = float(game.value(players))
        alone = np.array([game.value([member]) for member in players])
    elif community is not None and community not in players:
        players = (*players, community)
    evidence = OperatorBills(
        consumers=part.consumers,
        plants=part.plants,
        covered_kwh=part.covered_kwh.sum(axis=1),
        paid=paid,
        delivered_kwh=part.delivered_kwh.sum(axis=1),
        received=received,
        margin=float(paid.sum() - received.sum()),
        community=community,
        outside=outside,
        least_cost=least_cost,
        alone=alone,
        rounded_money=rounded,
        provisional=tuple(
            (point, n_steps, first) for point, (n_steps, first) in part.provisional().items()
        ),
        broken=tuple(map(str, found)),
        players=players,
        series=part,
        world=whole,
        consumer_price_per_kwh=paying,
        producer_price_per_kwh=earning,
    )
    return Allocation(
        Players(players),
        evidence.bills,
        kind="cost",
        method="operator's series",
        tolerance=RELATIVE_TOLERANCE * evidence.turnover,
        evidence=evidence,
    )


def _prices(
    series: OperatorSeries,
    what: str,
    given: ArrayLike | Mapping[Hashable, ArrayLike],
    points: tuple[str, ...],
) -> Array:
    """Return a price for each point and step, shape (points, T)."""
    shape = (len(points), series.steps.n_steps)
    if not isinstance(given, Mapping):
        return np.broadcast_to(_price(what, given, shape[1]), shape)
    prices = series.by_point(what, given, points)
    found = np.empty(shape)
    for row, (point, price) in enumerate(zip(points, prices, strict=True)):
        found[row] = _price(f"{what} of {point!r}", price, shape[1])
    return found


def _price(what: str, given: ArrayLike, n_steps: int) -> Array:
    try:
        price = number_array(given)
    except (TypeError, ValueError) as error:
        raise GameError(
            f"{what} must be a number, or one for each step, got {named(given)}"
        ) from error
    if price.shape not in ((), (n_steps,)):
        raise GameError(f"{what} has shape {price.shape}; it needs () or ({n_steps},)")
    if not np.isfinite(price).all():
        raise GameError(f"{what} is not finite")
    return price
