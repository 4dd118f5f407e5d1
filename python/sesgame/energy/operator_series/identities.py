"""What holds between the series of a grid operator, and where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.formatting import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

    Array = NDArray[np.float64]

__all__ = ["BrokenIdentity", "broken", "half_unit", "unshared"]

CONSUMED = "covered at most consumed"
OFFERED = "covered at most offered"
BALANCE = "all consumers cover at most what all plants generate"
SURPLUS = "surplus = generation - the own part of what all consumers cover"


@dataclass(frozen=True)
class BrokenIdentity:
    """What should hold of the series of a point, and does not.

    Attributes
    ----------
    identity : str
        In words.
    point : str
        Whose; empty where it is of all together.
    step : int
        The first step in which it does not hold.
    time : str
        When that begins.
    kwh : float
        By how much it does not hold in that step: what is covered or left over too much; negative
        where too little is left over.
    n_steps : int
        In how many steps it does not hold.
    """

    identity: str
    point: str
    step: int
    time: str
    kwh: float
    n_steps: int

    def __str__(self) -> str:
        whose = f" of the point {self.point!r}" if self.point else ""
        more = f", the first of {count(self.n_steps, 'step')}" if self.n_steps > 1 else ""
        return (
            f"{self.identity}: this does not hold{whose} in the step from {self.time}, by "
            f"{self.kwh:.6g} kWh{more}"
        )


def half_unit(decimals: int, largest: float) -> float:
    """Return by how much a reading is rounded: half a unit of its last digit, or as floats are."""
    return float(0.5 * 10.0**-decimals + np.spacing(largest))


def unshared(generated: Array, covered: Array) -> Array:
    """Return what is left of each plant: all have the same part of what is covered.

    Parameters
    ----------
    generated : array, shape (k, T)
    covered : array, shape (T,)
        Of all consumers together.
    """
    total = generated.sum(axis=0)
    part = np.divide(covered, total, out=np.zeros_like(total), where=total > 0)
    left: Array = generated * (1 - part)
    return left


def broken(
    steps: TimeSteps,
    consumers: tuple[Sequence[str], Array, Array, Array],
    plants: tuple[Sequence[str], Array, Array],
    decimals: int,
) -> Iterator[BrokenIdentity]:
    """Give what does not hold, beyond what rounding to the digits of the series explains.

    Parameters
    ----------
    steps : TimeSteps
    consumers : names, consumed, offered and covered energy, shape (n, T)
    plants : names, generated energy and surplus, shape (k, T)
    decimals : int
        Digits behind the point.
    """
    names, consumed, offered, covered = consumers
    plant_names, generated, surplus = plants
    for row, name in enumerate(names):
        largest = float(np.maximum(consumed[row], offered[row]).max())
        # Two readings, each off by half a unit.
        slack = 2 * half_unit(decimals, largest)
        yield from _exceeding(steps, CONSUMED, name, covered[row] - consumed[row], slack)
        yield from _exceeding(steps, OFFERED, name, covered[row] - offered[row], slack)
    all_covered, all_generated = covered.sum(axis=0), generated.sum(axis=0)
    n_points = len(names) + len(plant_names)
    # A sum of floats is off by a unit of the sum for each part at most.
    half = half_unit(decimals, float(np.maximum(all_covered, all_generated).max()))
    over = all_covered - all_generated
    yield from _exceeding(steps, BALANCE, "", over, n_points * half)
    own = np.divide(generated, all_generated, out=np.zeros_like(generated), where=all_generated > 0)
    left = unshared(generated, all_covered)
    for row, name in enumerate(plant_names):
        # Half a unit of the surplus, of the generation in the first place and of that in the own
        # part, and of what each other point has, as far as the own part goes.
        slack_by_step = half * (3 + own[row] * n_points)
        yield from _exceeding(steps, SURPLUS, name, surplus[row] - left[row], slack_by_step, True)


def _exceeding(
    steps: TimeSteps,
    identity: str,
    point: str,
    over: Array,
    slack: float | Array,
    on_both_sides: bool = False,
) -> Iterator[BrokenIdentity]:
    found = np.flatnonzero((np.abs(over) if on_both_sides else over) > slack)
    if found.size:
        step = int(found[0])
        yield BrokenIdentity(
            identity, point, step, steps.time(step), float(over[step]), int(found.size)
        )
