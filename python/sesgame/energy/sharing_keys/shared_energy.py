"""Who uses how much of which plant in each step, by a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.sharing_keys.sharing_key import Registers
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.public_grid.metering_point import MeteringPoint
    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.sharing_keys.sharing_key import SharingKey

    Array = NDArray[np.float64]

__all__ = ["SharedEnergy", "UsedEnergy"]


class UsedEnergy(NamedTuple):
    """What one consumer is assigned and uses.

    Attributes
    ----------
    point : MeteringPoint
        The consumer.
    drawn_kwh : ndarray of shape (T,)
        What it draws.
    assigned_kwh, used_kwh : list of ndarray of shape (T,)
        Of each source of the key.
    """

    point: MeteringPoint
    drawn_kwh: Array
    assigned_kwh: list[Array]
    used_kwh: list[Array]


class SharedEnergy:
    """The energy that points of the public grid share by a key; it goes through one after another.

    Parameters
    ----------
    world : PublicGrid
    key : SharingKey

    Raises
    ------
    GameError
        The key does not fit the points or the steps, or the world shares in a way that no key does.
    """

    def __init__(self, world: PublicGrid, key: SharingKey) -> None:
        _refuse_other_sharing(world)
        self.points = {point.name: point for point in world.points}
        named, plants = dict.fromkeys(key.points or ()), dict.fromkeys(key.plants)
        for name in (*named, *plants):
            if name not in self.points:
                raise GameError(
                    f"the {key.title} key names the point {name!r}, which is not one of the "
                    f"{len(self.points)} metering points"
                )
        self._steps = world.steps
        self.consumers = Registers(
            tuple(p.name for p in world.points if p.name in named or p.shared_import_kwh.max() > 0),
            lambda name: self.points[name].shared_import_kwh,
        )
        self.plants = Registers(
            tuple(
                p.name for p in world.points if p.name in plants or p.shared_export_kwh.max() > 0
            ),
            lambda name: self.points[name].shared_export_kwh,
        )
        self.sources = key.prepared(self.plants, self.consumers, world.steps)

    def __iter__(self) -> Iterator[UsedEnergy]:
        """Yield what each consumer is assigned and uses."""
        for number, name in enumerate(self.consumers):
            left = drawn = self.consumers[name]
            assigned, used = [], []
            for source in self.sources:
                assigned.append(source.assigned(number))
                used.append(np.minimum(assigned[-1], left))
                if len(self.sources) > 1:
                    left = left - used[-1]
            yield UsedEnergy(self.points[name], drawn, assigned, used)

    def part_of_plant(self, source: int, plant: str) -> Array:
        """Return which part of the generation of a source is a plant's, in each step."""
        generation = self.sources[source].generation
        part = np.zeros(self._steps.n_steps)
        np.divide(self.plants[plant], generation, out=part, where=generation > 0)
        return part


def _refuse_other_sharing(world: PublicGrid) -> None:
    if world.batteries:
        raise GameError(
            "a sharing key shares what meters say, and batteries of this community are dispatched "
            "with foresight: give storage that ran as a metering point"
        )
    if world.own_points == "never":
        raise GameError(
            "a sharing key does not ask whose points are, and here own points never share "
            '(own_points="never"): use "always" or "with_others"'
        )
    if world.own_points == "with_others" and len(world.members) == 1:
        raise GameError(
            f"{world.members[0]!r} is alone, and own points share only with others "
            f'(own_points="with_others"): there is nothing to share by a key'
        )
