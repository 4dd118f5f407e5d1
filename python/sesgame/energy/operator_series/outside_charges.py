"""What contracts and fees charge for what a community does not cover, in the world of points."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.operator_series.identities import half_unit
from sesgame.energy.operator_series.operator_series import OperatorSeries
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["check_world", "outside_charges"]


def check_world(series: OperatorSeries, world: PublicGrid, community: Hashable | None) -> None:
    """Refuse a world that is not of these series.

    Raises
    ------
    GameError
        As in :func:`operator_bills`.
    """
    if world.steps != series.steps:
        ours, theirs = (f"{one.in_words} from {one.time(0)}" for one in (series.steps, world.steps))
        raise GameError(f"the world has {theirs}, and the series {ours}")
    if world.batteries:
        raise GameError("the world has batteries, of which the operator's series know nothing")
    if world.own_points == "never":
        raise GameError('the operator shares own points, too; the world has own_points="never"')
    by_name = {point.name: point for point in world.points}
    for name in dict.fromkeys([*series.points, *by_name]):
        if name not in by_name or name not in series.points:
            lacks, has = ("world", "series") if name not in by_name else ("series", "world")
            raise GameError(f"the {has} has the point {name!r}, and the {lacks} has not")
    if world.own_points == "with_others" and len(world.members) == 1:
        raise GameError(
            f"{world.members[0]!r} is alone in the world, whose own points share only with others; "
            f'the operator shares them: use own_points="always"'
        )
    energy = np.concatenate([series.consumed_kwh, series.generated_kwh])
    # The digits of the series, twice: the registers may be rounded on their own.
    slack = 2 * half_unit(series.decimals, float(energy.max()))
    for row, name in enumerate(series.points):
        point = by_name[name]
        if point.member != series.members[name]:
            raise GameError(
                f"the point {name!r} is of {point.member!r} in the world, and of "
                f"{series.members[name]!r} in the series"
            )
        registers = [point.shared_import_kwh, point.shared_export_kwh]
        own, other = registers if name in series.consumers else registers[::-1]
        off = np.abs(own - energy[row]) + other
        if (off > slack).any():
            step = int(np.argmax(off > slack))
            raise GameError(
                f"the point {name!r} has other energy in the world than in the series, by "
                f"{off[step]:g} kWh in the step from {series.steps.time(step)}"
            )
    if community is not None and community not in world.members:
        raise GameError(
            f"the world has no member {community!r} that gets the margin; name all members when it "
            f"is made"
        )


def outside_charges(series: OperatorSeries, world: PublicGrid) -> tuple[Array, float]:
    """Return what contracts and fees charge members for the rest, and what rounding may hide.

    Shape (members,), in the order of the world.
    """
    energy = world._energy()
    place = {point.name: row for row, point in enumerate(world.points)}
    charges = world._constants()
    generated, total = series.generated_kwh, series.generated_kwh.sum(axis=0)
    from_zone = np.zeros((len(world.zones), series.steps.n_steps))
    for name, row in zip(series.plants, generated, strict=True):
        from_zone[energy.zone[place[name]]] += row
    parts = np.divide(from_zone, total, out=np.zeros_like(from_zone), where=total > 0)
    fee = np.einsum("zt,zct->ct", parts, world.fee_per_kwh)
    spread = np.zeros(series.steps.n_steps)
    for row, name in enumerate(series.consumers):
        point = place[name]
        price, covered = energy.buy_per_kwh[point], series.covered_kwh[row]
        rest = price * (series.consumed_kwh[row] - covered)
        rest += fee[energy.zone[point]] * covered
        charges[energy.member[point]] += rest.sum()
        spread += 2 * (np.abs(price) + np.abs(fee[energy.zone[point]]))
    worth = np.zeros(series.steps.n_steps)
    for row, name in enumerate(series.plants):
        point = place[name]
        price = energy.sell_per_kwh[point]
        charges[energy.member[point]] -= (price * series.surplus_kwh[row]).sum()
        worth = np.maximum(worth, np.abs(price))
    # As far as identities may be off: two half units of each consumer, and of all plants together
    # three for each of them and one for each point.
    spread += worth * (3 * len(series.plants) + len(series.points))
    largest = float(np.maximum(total, series.covered_kwh.sum(axis=0)).max())
    return charges, half_unit(series.decimals, largest) * float(spread.sum())
