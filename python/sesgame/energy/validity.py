"""From which day and until which day members and what they own are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.clock import as_date
from sesgame.errors import GameError

if TYPE_CHECKING:
    import datetime

    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["ALWAYS", "Validity"]


@dataclass(frozen=True)
class Validity:
    """Days of the calendar, from the first to the day before the last.

    Parameters
    ----------
    valid_from, valid_until : date or None
        The first day, and the first that no longer is one; None has no end.

    Raises
    ------
    GameError
        One is no date, or the end is not after the beginning.
    """

    valid_from: datetime.date | None = None
    valid_until: datetime.date | None = None

    def __post_init__(self) -> None:
        for name in ("valid_from", "valid_until"):
            day = getattr(self, name)
            object.__setattr__(self, name, None if day is None else as_date(day))
        first, end = self.valid_from, self.valid_until
        if first is not None and end is not None and end <= first:
            raise GameError(f"it ends on {end}, and begins on {first}")

    @property
    def in_words(self) -> str:
        """The days, as messages show them; empty for always."""
        words = []
        if self.valid_from is not None:
            words.append(f"from {self.valid_from}")
        if self.valid_until is not None:
            words.append(f"until {self.valid_until}")
        return " ".join(words)

    def overlaps(self, other: Validity) -> bool:
        """Return whether there are days of both."""
        one, another = (
            earlier.valid_until is None
            or later.valid_from is None
            or later.valid_from < earlier.valid_until
            for earlier, later in ((self, other), (other, self))
        )
        return one and another

    def steps(self, steps: TimeSteps) -> slice:
        """Return the steps on these days, by number; none where the days are outside.

        Raises
        ------
        GameError
            A day begins inside a step.
        """
        first = _first_of(self.valid_from, steps, 0)
        end = _first_of(self.valid_until, steps, steps.n_steps)
        return slice(first, max(first, end))

    def holds(self, steps: TimeSteps) -> NDArray[np.bool_]:
        """Return whether each step is on these days, shape (T,).

        Raises
        ------
        GameError
            A day begins inside a step.
        """
        inside = np.zeros(steps.n_steps, dtype=np.bool_)
        inside[self.steps(steps)] = True
        return inside


ALWAYS = Validity()
"""Without a beginning and without an end."""


def _first_of(day: datetime.date | None, steps: TimeSteps, default: int) -> int:
    """Return the first step that starts on a day or later."""
    if day is None:
        return default
    times, midnight = steps.times, np.datetime64(day)
    found = int(np.argmax(np.append(times >= midnight, True)))
    # The last step may reach into the day.
    ends = np.append(times, steps.calendar.wall_times(np.array([steps.end])))
    # A day whose midnight the clock skips begins where it is put forward.
    if found and min(ends[found], times[found - 1] + steps.step) > midnight:
        raise GameError(
            f"{day} begins within the step from {steps.time(found - 1)}; give meters whose steps "
            f"begin at midnight"
        )
    return found
