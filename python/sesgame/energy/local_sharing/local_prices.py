"""Bills at local prices: every kWh from a neighbour has a price between those of the grid.

A price rule says for each step at what price members buy and sell among themselves. It looks at
what all need and have in that step, never at coalitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.community import Community
from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE, blocks
from sesgame.energy.dispatch.metered import METERED_MODELS
from sesgame.energy.positions import positions
from sesgame.energy.schedule import Schedule
from sesgame.errors import GameError
from sesgame.files.json_text import plain
from sesgame.formatting import short_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.players import Players
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import Model
    from sesgame.energy.time_steps import Moment, TimeSteps
    from sesgame.rule import Rule

    Array = NDArray[np.float64]

__all__ = ["Flows", "LocalPrices", "PriceRule", "bills_at_local_prices"]


class Flows(NamedTuple):
    """What members need and have in each step, and what the grid asks and pays.

    Attributes
    ----------
    steps : TimeSteps
        The T steps.
    deficit_kwh, surplus_kwh : ndarray of shape (T,)
        Of all members, each before they meet.
    grid_buy_per_kwh, grid_sell_per_kwh : ndarray of shape (T,)
        The prices of the grid; it never asks less than it pays.
    """

    steps: TimeSteps
    deficit_kwh: NDArray[np.float64]
    surplus_kwh: NDArray[np.float64]
    grid_buy_per_kwh: NDArray[np.float64]
    grid_sell_per_kwh: NDArray[np.float64]

    @property
    def local_kwh(self) -> NDArray[np.float64]:
        """What comes from neighbours."""
        return np.minimum(self.deficit_kwh, self.surplus_kwh)

    @property
    def imported_kwh(self) -> NDArray[np.float64]:
        """What all together buy from the grid."""
        return np.maximum(self.deficit_kwh - self.surplus_kwh, 0.0)

    @property
    def exported_kwh(self) -> NDArray[np.float64]:
        """What all together feed in."""
        return np.maximum(self.surplus_kwh - self.deficit_kwh, 0.0)

    @property
    def grid_money(self) -> NDArray[np.float64]:
        """What the grid charges all together."""
        return (
            self.grid_buy_per_kwh * self.imported_kwh - self.grid_sell_per_kwh * self.exported_kwh
        )


PriceRule = Callable[[Flows], "tuple[Array, Array]"]
"""From flows to what a kWh costs who needs one, and earns who has one, in each step."""


@dataclass(frozen=True, eq=False)
class LocalPrices(Evidence):
    """The prices at which members are billed, and the energy that they are billed for.

    Attributes
    ----------
    buy_per_kwh, sell_per_kwh : ndarray of shape (T,)
        What a kWh costs who needs one in a step, and earns who has one to spare.
    grid_buy_per_kwh, grid_sell_per_kwh : ndarray of shape (T,)
        What the grid asks and pays.
    local_kwh : ndarray of shape (T,)
        What comes from neighbours, of all together.
    energy : str
        Whose energy is billed: what meters say, or with storage as it was run.
    cost : float
        What all pay together.
    net_kwh : ndarray of shape (n, T)
        What each member needs in each step; negative where it has energy to spare.
    """

    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    grid_buy_per_kwh: NDArray[np.float64]
    grid_sell_per_kwh: NDArray[np.float64]
    local_kwh: NDArray[np.float64]
    energy: str
    cost: float
    net_kwh: NDArray[np.float64]

    @property
    def bills_by_step(self) -> NDArray[np.float64]:
        """What each member pays in each step, shape (n, T); the rows add up to the bills."""
        return _charged(self.net_kwh, self.buy_per_kwh, self.sell_per_kwh)

    @cached_property
    def bills(self) -> NDArray[np.float64]:
        """What each member pays, shape (n,)."""
        return self._sums(self.buy_per_kwh, self.sell_per_kwh)

    @cached_property
    def bills_without_sharing(self) -> NDArray[np.float64]:
        """What the grid would charge each member for the same energy, shape (n,)."""
        return self._sums(self.grid_buy_per_kwh, self.grid_sell_per_kwh)

    @cached_property
    def turnover(self) -> float:
        """All money that members owe or are owed in any step, here or by the grid."""
        return sum(
            float(np.abs(part).sum())
            for prices in (
                (self.buy_per_kwh, self.sell_per_kwh),
                (self.grid_buy_per_kwh, self.grid_sell_per_kwh),
            )
            for part in self._by_blocks(*prices)
        )

    def _sums(self, buy: Array, sell: Array) -> Array:
        return np.concatenate([part.sum(axis=1) for part in self._by_blocks(buy, sell)])

    def _by_blocks(self, buy: Array, sell: Array) -> Iterator[Array]:
        return (_charged(self.net_kwh[rows], buy, sell) for rows in blocks(self.net_kwh.shape))

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who pays more than the grid would charge for the same energy."""
        more = self.bills - self.bills_without_sharing
        worse = np.flatnonzero(more > allocation.tolerance).tolist()
        if not worse:
            return []
        whose = short_coalition([allocation.players[member] for member in worse])
        return [
            f"{whose}: billed more than the grid would charge for the same energy, by "
            f"{amount(float(more[worse].max()))} at most."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how much energy came from neighbours, and at what prices."""
        local = float(self.local_kwh.sum())
        billed = f"The energy that is billed is {self.energy}."
        if not local:
            return [billed, "Nobody had energy to spare while somebody else needed some."]
        mean = [
            float(prices @ self.local_kwh) / local
            for prices in (self.buy_per_kwh, self.sell_per_kwh)
        ]
        return [
            billed,
            f"{local:.6g} kWh came from neighbours. While they did, a kWh cost {amount(mean[0])} "
            f"and earned {amount(mean[1])} on average.",
            "A price rule looks at no group: whether one could do better on its own is for the "
            "audit to say.",
        ]

    def verify(self, game: Any, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check that the bills are those at these prices, and that energy and prices are right.

        Parameters
        ----------
        game : Game
            The game of the community.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Makes no difference: a dispatch has no fractions.

        Returns
        -------
        Verification
            Refuted where the bills, or the grid's prices of what all buy and feed in, do not add up
            to what all together pay, or local energy is not the lesser of deficit and surplus.
        """
        total, failures = game.value(game.players), []
        slack = RELATIVE_TOLERANCE * self.turnover + game.rounding
        deficit, surplus = _sides(self.net_kwh)
        over = deficit - surplus
        grid = np.where(over > 0, self.grid_buy_per_kwh, self.grid_sell_per_kwh) @ over
        for what, found in (
            ("cost", self.cost),
            ("bills", float(self.bills.sum())),
            ("prices of the grid", float(grid)),
        ):
            if not abs(found - total) <= slack:
                failures.append(f"all together pay {total:g}; the {what} add up to {found:g}")
        off = np.abs(self.local_kwh - np.minimum(deficit, surplus))
        if not (off <= RELATIVE_TOLERANCE * (deficit + surplus)).all():
            failures.append("local energy is not the lesser of deficit and surplus in each step")
        return Verification(
            claim="bills at local prices, which add up to the cost of all",
            failures=tuple(failures),
            exact=False,
            values=tuple(self.bills.tolist()),
            checked_by="the energy of members, prices and the game's cost of all",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without the energy by member."""
        kept = (field.name for field in fields(self) if field.name != "net_kwh")
        return {name: plain(getattr(self, name)) for name in kept}


def _sides(net_kwh: Array) -> tuple[Array, Array]:
    """Return what all need and what all have to spare, each before they meet, shape (T,)."""
    deficit, surplus = np.zeros((2, net_kwh.shape[1]))
    for rows in blocks(net_kwh.shape):
        deficit += np.maximum(net_kwh[rows], 0.0).sum(axis=0)
        surplus -= np.minimum(net_kwh[rows], 0.0).sum(axis=0)
    return deficit, surplus


def _charged(net_kwh: Array, buy: Array, sell: Array) -> Array:
    return np.where(net_kwh > 0, buy, sell) * net_kwh


def bills_at_local_prices(
    rule: Rule,
    price_rule: PriceRule,
    community: Community,
    *,
    start: Moment | None,
    end: Moment | None,
    model: Model | None,
    schedule: Schedule | None,
) -> Allocation:
    """Return the bills of a community by a rule for local prices.

    Parameters
    ----------
    rule : Rule
        What they are called.
    price_rule : callable
        Its prices; bills at them add up to what the grid charges.
    community, start, end, model, schedule
        As in :func:`sesgame.energy.mid_market_rate`.

    Raises
    ------
    GameError
        As there.
    """
    if not isinstance(community, Community):
        raise GameError(f"local prices are for a Community, not for {community!r}")
    part = community.period(start, end)
    if schedule is None:
        schedule = part.dispatch(model=model)
    elif model is not None:
        raise GameError(f"model={model!r} finds a schedule; leave it out where one is given")
    net, energy = _net_energy(part, schedule)
    deficit, surplus = _sides(net)
    flows = Flows(part.steps, deficit, surplus, part.buy_per_kwh, part.sell_per_kwh)
    _refuse_sales_above(flows, rule)
    buy, sell = price_rule(flows)
    evidence = LocalPrices(
        buy_per_kwh=buy,
        sell_per_kwh=sell,
        grid_buy_per_kwh=flows.grid_buy_per_kwh,
        grid_sell_per_kwh=flows.grid_sell_per_kwh,
        local_kwh=flows.local_kwh,
        energy=energy,
        cost=schedule.cost,
        net_kwh=net,
    )
    tolerance = RELATIVE_TOLERANCE * evidence.turnover
    _refuse_other_money(schedule, flows, part, rule, tolerance)
    allocation = Allocation(
        Players(part.members),
        evidence.bills,
        kind="cost",
        method=rule.title,
        tolerance=tolerance,
        evidence=evidence,
    )
    return rule.made(allocation)


def _net_energy(part: Community, schedule: Schedule) -> tuple[Array, str]:
    """Return what members need in each step, and whose energy that is."""
    net, bought = positions(part, schedule)
    if schedule.members != part.members:
        missing = [member for member in part.members if member not in schedule.members]
        raise GameError(
            f"the schedule is without {short_coalition(missing)}; bills are of all members"
        )
    if bought is not None:
        what = "generation" if schedule.generators_kw else "storage"
        raise GameError(f"{what} that is bought belongs to no member, so nobody is billed for it")
    if part.battery_kwh is not None and schedule.model in METERED_MODELS:
        return net, "what meters say, those of storage too"
    if not (schedule.charge_kwh.any() or schedule.discharge_kwh.any()):
        return net, "what meters say"
    return net, (
        "what meters say and what storage does in the schedule of all, of which every owner has "
        "the part that it has of the capacity"
    )


def _refuse_sales_above(flows: Flows, rule: Rule) -> None:
    above = np.flatnonzero(flows.grid_sell_per_kwh > flows.grid_buy_per_kwh)
    if len(above):
        step = above[0]
        raise GameError(
            f"{rule.title}: feeding in earns {flows.grid_sell_per_kwh[step]:g} and a kWh costs "
            f"{flows.grid_buy_per_kwh[step]:g} in the step from {flows.steps.time(int(step))}; "
            f"local prices lie between what the grid pays and what it asks"
        )


def _refuse_other_money(
    schedule: Schedule, flows: Flows, part: Community, rule: Rule, tolerance: float
) -> None:
    other = schedule.cost - float(flows.grid_money.sum())
    if abs(other) <= tolerance:
        return
    raise GameError(
        f"{rule.title}: of what all together pay, {other:g} {part.currency} have no price in a "
        f"step: demand charges, wear, fees, credit or PV left unused; bills at dual prices share "
        f"the first two by step"
    )
