"""Which of the own steps of a table holds in each step of the meters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["covering_steps"]


def covering_steps(own: TimeSteps, steps: TimeSteps, what: str) -> NDArray[np.int64]:
    """Return the number of the own step that each of other steps lies in, shape (T,).

    Parameters
    ----------
    own : TimeSteps
        As long as the others or longer.
    steps : TimeSteps
    what : str
        Whose own steps they are, for errors.

    Raises
    ------
    GameError
        The own steps do not cover all others, change within one, or only one of the two is on a
        clock with a zone.
    """
    if (own.calendar.zone is None) != (steps.calendar.zone is None):
        raise GameError(f"either {what} or the steps have a zone, and the other none")
    if steps.start < own.start or steps.end > own.end:
        raise GameError(
            f"{what} cover {own.time(0)} to {own.time(own.n_steps)}, but the steps "
            f"{steps.time(0)} to {steps.time(steps.n_steps)}"
        )
    second = np.timedelta64(1, "s")
    begins = ((steps.instants - own.start) / second).astype(np.int64)
    first: NDArray[np.int64] = begins // int(own.step / second)
    last = (begins + int(steps.step / second) - 1) // int(own.step / second)
    changes = first != last
    if changes.any():
        when = steps.time(int(np.argmax(changes)))
        raise GameError(f"{what} change within the step from {when}")
    return first
