"""The static key: coefficients that are agreed beforehand, fixed or for each hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.covering_steps import covering_steps
from sesgame.energy.sharing_coefficients import SharingCoefficients
from sesgame.energy.sharing_keys.sharing_key import Assignment, CommonKey, check_named
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

    Array = NDArray[np.float64]

__all__ = ["StaticKey"]


@dataclass(frozen=True, eq=False, init=False)
class StaticKey(CommonKey):
    r"""Coefficients that are agreed beforehand: fixed, or for each hour of a calendar.

    .. math:: a_{it} = \beta_{it} g_t, \qquad \sum_i \beta_{it} = 1

    with what plants feed in together, g. What a consumer is assigned and does not draw, nobody else
    uses.

    Parameters
    ----------
    coefficients : SharingCoefficients or mapping of str to float
        By the name of each consuming point; fixed ones as a mapping, too. Who draws energy has to
        have one, 0 if need be.
    decimals : int, default 15
        To how many decimals those of a mapping are written, which allows for the rounding of their
        sum, as in :class:`SharingCoefficients`.

    Raises
    ------
    GameError
        A coefficient is not in [0, 1], those of a step do not add up to 1, or a label is not the
        name of a point.

    Notes
    -----
    O(T) for a consumer. What rounded coefficients leave of 1 stays with the plants; where they add
    up to more than 1, each is divided by the sum, since nobody can have more than there is.

    Spain, RD 244/2019, Annex I: fixed coefficients; Order TED/1247/2021: for each hour of the year.
    France has them as *statique*, Austria and Germany as *statisch*.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> hour = sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1)
    >>> drawn = {"a": np.array([45.0]), "b": np.array([80.0])}
    >>> key = sg.energy.StaticKey({"a": 0.3, "b": 0.7})
    >>> [source] = key.prepared({"roof": np.array([100.0])}, drawn, hour)
    >>> [source.assigned(consumer).tolist() for consumer in range(2)]
    [[30.0], [70.0]]
    """

    coefficients: SharingCoefficients

    @checked_arguments
    def __init__(
        self, coefficients: SharingCoefficients | Mapping[str, float], *, decimals: int = 15
    ) -> None:
        if isinstance(coefficients, Mapping):
            try:
                values = np.array(list(coefficients.values()), dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise GameError(f"a coefficient is no number: {named(coefficients)}") from error
            coefficients = SharingCoefficients(coefficients, values, decimals=decimals)
        if not isinstance(coefficients, SharingCoefficients):
            raise GameError(
                f"coefficients must be SharingCoefficients, or one for each point by its name, got "
                f"{named(coefficients)}"
            )
        for label in coefficients.members:
            if not isinstance(label, str):
                raise GameError(f"a key is for points, which have names; {label!r} is none")
        object.__setattr__(self, "coefficients", coefficients)

    @property
    def title(self) -> str:
        """What the key is called: static, or hourly where coefficients depend on the hour."""
        steps = self.coefficients.steps
        if steps is None:
            return "static"
        return "hourly" if steps.step == np.timedelta64(1, "h") else "static by step"

    @property
    def points(self) -> tuple[str, ...]:
        """The consumers that have a coefficient."""
        return tuple(str(label) for label in self.coefficients.members)

    @property
    def readings(self) -> tuple[str, ...]:
        """Return what becomes of coefficients that do not add up to just 1."""
        sums = self.coefficients.sums
        # Less than this is the rounding of floats, not of coefficients.
        rounding = len(self.points) * float(np.finfo(np.float64).eps)
        found = []
        if (sums < 1 - rounding).any():
            found.append(
                f"Coefficients are rounded and add up to {float(sums.min()):.9g}; what is left "
                f"stays with the plants."
            )
        if (sums > 1 + rounding).any():
            found.append(
                f"Coefficients are rounded and add up to {float(sums.max()):.9g}; each is divided "
                f"by that."
            )
        return tuple(found)

    def assignment(
        self, generation: Array, consumers: Mapping[str, Array], steps: TimeSteps
    ) -> Assignment:
        """Return what each consumer is assigned of a generation."""
        rows = {name: row for row, name in enumerate(self.points)}
        check_named(rows, consumers, f"the {self.title} key")
        values, sums = self.coefficients.values, self.coefficients.sums
        names, own = tuple(consumers), self.coefficients.steps
        if own is not None:
            columns = covering_steps(own, steps, "the coefficients")
            sums = sums[columns]
        divided = np.where(sums > 1, generation / sums, generation)
        nothing = np.zeros(steps.n_steps)

        def assigned(consumer: int) -> Array:
            row = rows.get(names[consumer])
            if row is None:
                return nothing
            part: Array = values[row] if own is None else values[row, columns]
            return part * divided

        return assigned
