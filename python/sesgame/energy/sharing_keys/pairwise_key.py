"""The pairwise key: each plant is shared by a key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.sharing_keys.sharing_key import CommonKey, Registers, SharingKey, Source
from sesgame.errors import GameError
from sesgame.formatting import named, short_coalition
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

    Array = NDArray[np.float64]

__all__ = ["PairwiseKey"]


@dataclass(frozen=True, eq=False, init=False)
class PairwiseKey(SharingKey):
    r"""A key of its own for each plant, or a matrix: so much of this plant for that consumer.

    .. math:: u_{kit} = \min \Bigl( a_{kit}, \; c_{it} - \sum_{l < k} u_{lit} \Bigr)

    where the key of plant k assigns a of what it feeds in, looking at what consumers still draw
    after the plants before it.

    Parameters
    ----------
    keys : mapping of str to SharingKey
        By the name of each plant, in the order in which a consumer uses them. A matrix for each
        step is a :class:`GivenKey`.

    Raises
    ------
    GameError
        There is no plant, or what it has is no key of one plant.

    Notes
    -----
    O(K^2 n T) for K plants, since what consumers still draw is worked out anew for each: it is
    kept for nobody. France has it as *full dynamique*.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> hour = sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1)
    >>> drawn = {"a": np.array([3.0]), "b": np.array([3.0])}
    >>> fed_in = {"roof": np.array([2.0]), "barn": np.array([2.0])}
    >>> static, dynamic = sg.energy.StaticKey({"a": 1.0, "b": 0.0}), sg.energy.DynamicKey()
    >>> key = sg.energy.PairwiseKey({"roof": static, "barn": dynamic})
    >>> roof, barn = key.prepared(fed_in, drawn, hour)
    >>> [source.assigned(consumer).tolist() for source in (roof, barn) for consumer in range(2)]
    [[2.0], [0.0], [0.5], [1.5]]
    """

    keys: Mapping[str, CommonKey]

    @checked_arguments
    def __init__(self, keys: Mapping[str, CommonKey]) -> None:
        if not isinstance(keys, Mapping) or not keys:
            raise GameError(f"keys must be one for each plant by its name, got {named(keys)}")
        for plant, key in keys.items():
            if not isinstance(plant, str):
                raise GameError(f"a plant is a point, which has a name; {plant!r} is none")
            if not isinstance(key, CommonKey):
                raise GameError(
                    f"the plant {plant!r} needs a sharing key that is none by plant, got "
                    f"{named(key)}"
                )
        object.__setattr__(self, "keys", dict(keys))

    def _parts(self) -> dict[str, object]:
        # Mappings are equal in any order, and keys of plants are not.
        return {"keys": tuple(self.keys.items())}

    @property
    def title(self) -> str:
        """What the key is called."""
        return "pairwise"

    @property
    def points(self) -> tuple[str, ...] | None:
        """The consumers that keys of plants name; None where none names any."""
        named_points = [key.points for key in self.keys.values() if key.points is not None]
        if not named_points:
            return None
        return tuple(dict.fromkeys(name for points in named_points for name in points))

    @property
    def plants(self) -> tuple[str, ...]:
        """The plants that have a key."""
        return tuple(self.keys)

    @property
    def readings(self) -> tuple[str, ...]:
        """Return in which order plants are used, and the key of each."""
        each = ", ".join(f"{plant} ({key.title})" for plant, key in self.keys.items())
        inside = tuple(reading for key in self.keys.values() for reading in key.readings)
        return (
            f"A consumer uses plants in this order, a later one for what it still draws: {each}.",
            *dict.fromkeys(inside),
        )

    def prepared(
        self, plants: Mapping[str, Array], consumers: Mapping[str, Array], steps: TimeSteps
    ) -> tuple[Source, ...]:
        """Return what each consumer is assigned of each plant."""
        for plant in self.keys:
            if plant not in plants:
                raise GameError(
                    f"the pairwise key names the plant {plant!r}, which is none of "
                    f"{short_coalition(tuple(plants))}"
                )
        for plant in plants:
            if plant not in self.keys and plants[plant].any():
                raise GameError(f"the plant {plant!r} feeds in, and has no key of the pairwise key")
        number = {name: place for place, name in enumerate(consumers)}
        found: list[Source] = []
        for plant, key in self.keys.items():
            before = tuple(found)

            def still_drawn(name: str, before: tuple[Source, ...] = before) -> Array:
                left = consumers[name]
                for source in before:
                    left = left - np.minimum(source.assigned(number[name]), left)
                return left

            drawn = Registers(consumers, still_drawn) if before else consumers
            try:
                assigned = key.assignment(plants[plant], drawn, steps)
            except GameError as error:
                raise GameError(f"the plant {plant!r}: {error}") from error
            found.append(Source((plant,), plants[plant], assigned))
        return tuple(found)
