"""Hours of the clock, which premiums count by, from the steps of meters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.time_steps import TimeSteps
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["by_hour", "whole_hours"]

_HOUR = np.timedelta64(3600, "s")


def whole_hours(steps: TimeSteps) -> TimeSteps:
    """Return the hours that steps make up: of a day on which the clock changes, 23 or 25.

    Raises
    ------
    GameError
        Steps are no parts of an hour, or the first or last hour is not whole.

    Examples
    --------
    >>> quarters = TimeSteps("2024-06-01T12:00", np.timedelta64(15, "m"), 8)
    >>> whole_hours(quarters).in_words
    '2 steps of 60 minutes'
    """
    if _HOUR % steps.step != np.timedelta64(0, "s"):
        raise GameError(f"a premium counts by the hour, and {steps.in_words} make up none")
    n_parts = int(_HOUR // steps.step)
    begins = steps.times[::n_parts]
    uneven = begins != begins.astype("datetime64[h]")
    if uneven.any():
        raise GameError(
            f"a premium counts by the hour of the clock, and the step from "
            f"{steps.time(n_parts * int(np.argmax(uneven)))} begins within one"
        )
    n_hours, rest = divmod(steps.n_steps, n_parts)
    if rest:
        raise GameError(
            f"the hour from {steps.time(n_hours * n_parts)} has only {rest} of its {n_parts} steps"
        )
    return TimeSteps(steps.start, _HOUR, n_hours, steps.calendar)


def by_hour(energy_kwh: NDArray[np.float64], n_hours: int) -> NDArray[np.float64]:
    """Return the energy of each hour, shape (H,), of steps that make up whole hours."""
    found: NDArray[np.float64] = energy_kwh.reshape(n_hours, -1).sum(axis=1)
    return found
