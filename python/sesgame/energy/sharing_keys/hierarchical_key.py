"""The hierarchical key: groups in order, and what one does not use is for the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.sharing_keys.dynamic_key import DynamicKey
from sesgame.energy.sharing_keys.sharing_key import Assignment, CommonKey, Registers, check_named
from sesgame.errors import GameError
from sesgame.formatting import count, named
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

    Array = NDArray[np.float64]

__all__ = ["HierarchicalKey"]


@dataclass(frozen=True, eq=False, init=False)
class HierarchicalKey(CommonKey):
    r"""Groups of consumers in order: what one does not use is for the next.

    .. math:: g_{1t} = g_t, \qquad g_{k+1,t} = g_{kt} - \sum_{i \in G_k} \min(a_{it}, c_{it})

    where the key of each group :math:`G_k` shares :math:`g_k` inside it.

    Parameters
    ----------
    groups : iterable of iterables of str
        The names of the points of each group, the first served first. Each consuming point is in
        one; groups of one point are priorities.
    within : SharingKey or iterable of SharingKey, optional
        The key inside all groups, or of each; by default :class:`DynamicKey`. It is none by plant.

    Raises
    ------
    GameError
        There is no group, one is empty, a point is in two, or keys are not one for each group.

    Notes
    -----
    O(n T), and a look more at each group but the last. As much goes on to the next group as the
    members of one do not use, so they are assigned what they use; in the last group it may be more.

    In France who runs a community may reckon such priorities and hand them in for each step
    (*dynamique simple*).

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> hour = sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1)
    >>> drawn = {"b": np.array([0.25]), "c": np.array([1.0])}
    >>> key = sg.energy.HierarchicalKey([["b"], ["c"]])
    >>> [source] = key.prepared({"roof": np.array([1.0])}, drawn, hour)
    >>> [source.assigned(consumer).tolist() for consumer in range(2)]
    [[0.25], [0.75]]
    """

    groups: tuple[tuple[str, ...], ...]
    within: tuple[CommonKey, ...]

    @checked_arguments
    def __init__(
        self,
        groups: Iterable[Iterable[str]],
        within: CommonKey | Iterable[CommonKey] | None = None,
    ) -> None:
        found = tuple(_group(group) for group in _listed("groups", groups))
        if not found:
            raise GameError("a hierarchical key needs at least one group")
        first: dict[str, int] = {}
        for number, group in enumerate(found, 1):
            for name in group:
                if name in first:
                    raise GameError(
                        f"the point {name!r} of group {number} is in group {first[name]} already"
                    )
                first[name] = number
        if within is None:
            within = DynamicKey()
        keys = (
            (within,) * len(found)
            if isinstance(within, CommonKey)
            else tuple(_listed("within", within))
        )
        for key in keys:
            if not isinstance(key, CommonKey):
                raise GameError(
                    f"within a group is a sharing key that is none by plant, got {key!r}"
                )
        if len(keys) != len(found):
            raise GameError(
                f"{count(len(found), 'group')} cannot have {count(len(keys), 'key')} within them"
            )
        object.__setattr__(self, "groups", found)
        object.__setattr__(self, "within", keys)

    @property
    def title(self) -> str:
        """What the key is called."""
        return "hierarchical"

    @property
    def points(self) -> tuple[str, ...]:
        """The consumers of all groups."""
        return tuple(name for group in self.groups for name in group)

    @property
    def readings(self) -> tuple[str, ...]:
        """Return how groups share inside."""
        titles = dict.fromkeys(key.title for key in self.within)
        order = f"Served in order: {count(len(self.groups), 'group')}, each by the key inside it"
        inside = dict.fromkeys(reading for key in self.within for reading in key.readings)
        return (f"{order} ({', '.join(titles)}).", *inside)

    def assignment(
        self, generation: Array, consumers: Mapping[str, Array], steps: TimeSteps
    ) -> Assignment:
        """Return what each consumer is assigned of a generation."""
        check_named(dict.fromkeys(self.points), consumers, "the hierarchical key")
        left, found = generation, {}
        for number, (group, key) in enumerate(zip(self.groups, self.within, strict=True), 1):
            drawn = Registers(group, consumers.__getitem__)
            assigned = key.assignment(left, drawn, steps)
            is_last = number == len(self.groups)
            used = np.zeros(steps.n_steps)
            for place, name in enumerate(group):
                found[name] = assigned, place, is_last
                if not is_last:
                    used += np.minimum(assigned(place), drawn[name])
            # Sums of what is used may round above what there is.
            left = np.maximum(left - used, 0.0)
        names, nothing = tuple(consumers), np.zeros(steps.n_steps)

        def of(consumer: int) -> Array:
            name = names[consumer]
            if name not in found:
                return nothing
            assigned, place, is_last = found[name]
            energy = assigned(place)
            return energy if is_last else np.minimum(energy, consumers[name])

        return of


def _listed(what: str, values: object) -> list[object]:
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        raise GameError(f"{what} must be a list, one for each group, got {named(values)}")
    return list(values)


def _group(group: object) -> tuple[str, ...]:
    names = tuple(_listed("a group", group))
    if not names:
        raise GameError("a group of a hierarchical key is empty")
    for name in names:
        if not isinstance(name, str):
            raise GameError(f"a key is for points, which have names; {name!r} is none")
    return tuple(str(name) for name in names)
