r"""Controllers that run batteries without foresight: what a coalition would have done by itself.

A controller is a band of net loads in each step, :math:`[a_t, b_t]`. With the net load L, the
charge s, capacity E, powers C and D for a step, and efficiencies :math:`\eta_c, \eta_d`, a battery
draws and delivers

.. math::

    c_t = \min\{(a_t - L_t)^+, C, (E - s_t) / \eta_c\}, \qquad
    d_t = \min\{(L_t - b_t)^+, D, \eta_d s_t\}

and then holds :math:`s_{t+1} = s_t + \eta_c c_t - d_t / \eta_d`. Nothing in it looks ahead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

from sesgame.energy.calendar_hours import (
    EVERY_DAY,
    EVERY_MONTH,
    MINUTES,
    calendar_hours,
    cells,
    number_set,
    refuse_unknown_holidays,
    throughout,
    within_steps,
)
from sesgame.energy.dispatch.problem import Control
from sesgame.errors import GameError
from sesgame.game.allocation import is_number
from sesgame.game.by_value import ByValue, InOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["Controller", "PeakShaving", "SelfConsumption", "StorageWindow", "TimeWindows"]

Action = Literal["charge", "discharge"]
Otherwise = Literal["idle", "self-consumption"]

_CURE = "give meters with shorter steps"


class Controller(Protocol):
    """What runs the batteries of any coalition, step by step."""

    @property
    def follows_clock(self) -> bool:
        """Whether it depends on the calendar or the clock at all."""

    def control(self, steps: TimeSteps, members: Sequence[str]) -> Control:
        """Return the band of each step, as a dispatch model takes it.

        Raises
        ------
        GameError
            It does not fit the steps or the members.
        """


@dataclass(frozen=True)
class SelfConsumption:
    """Charge what is left over, and deliver what is missing: nothing is traded for the battery.

    The band is from 0 to 0. What the members of a coalition do not use is stored before it is sold,
    and what is stored is used before anything is bought.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 3.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ...     batteries=[
    ...         sg.energy.Battery(
    ...             owner="ann",
    ...             energy_kwh=4,
    ...             power_kw=4,
    ...             charge_efficiency=1,
    ...             discharge_efficiency=1,
    ...         )
    ...     ],
    ...     controller=SelfConsumption(),
    ... )
    >>> community.default_model, round(community.cost_game().value(["ann"]), 2)
    ('re-run', 0.3)
    """

    @property
    def follows_clock(self) -> bool:
        """Whether it depends on the calendar: no."""
        return False

    def control(self, steps: TimeSteps, members: Sequence[str]) -> Control:
        """Return the band of each step, as a dispatch model takes it."""
        band = np.zeros(steps.n_steps)
        return Control("self-consumption", band, band, np.zeros(len(members)))


@dataclass(frozen=True, eq=False)
class PeakShaving(ByValue):
    """Keep the import of a coalition at a threshold: deliver what is above it, charge below it.

    The band is from the threshold to itself, so that the battery is filled again from the grid as
    soon as there is room below the threshold.

    Parameters
    ----------
    threshold_kw : float or mapping of member to float
        Of every coalition; or what each member adds to that of its coalitions, 0 for those who are
        not named. At least 0.

    Raises
    ------
    GameError
        A threshold is negative or not finite; or, with the community, is of somebody else.

    Examples
    --------
    >>> PeakShaving(threshold_kw=20.0).threshold_kw
    20.0
    """

    threshold_kw: float | Mapping[str, float]

    def __post_init__(self) -> None:
        if isinstance(self.threshold_kw, Mapping):
            object.__setattr__(self, "threshold_kw", dict(self.threshold_kw))
        for of, threshold in self._thresholds.items():
            if not (is_number(threshold) and math.isfinite(threshold) and threshold >= 0):
                whose = "" if of is None else f" of {of!r}"
                raise GameError(f"threshold_kw{whose} must be non-negative, got {threshold!r}")

    @property
    def _thresholds(self) -> dict[str | None, float]:
        if isinstance(self.threshold_kw, Mapping):
            return dict(self.threshold_kw.items())
        return {None: self.threshold_kw}

    @property
    def follows_clock(self) -> bool:
        """Whether it depends on the calendar: no."""
        return False

    def control(self, steps: TimeSteps, members: Sequence[str]) -> Control:
        """Return the band of each step, as a dispatch model takes it.

        Raises
        ------
        GameError
            A threshold is of somebody who is not a member.
        """
        shift = np.zeros(len(members))
        if not isinstance(self.threshold_kw, Mapping):
            band = np.full(steps.n_steps, self.threshold_kw * steps.step_hours)
            return Control(f"peak shaving at {self.threshold_kw:g} kW", band, band, shift)
        for member, threshold in self.threshold_kw.items():
            if member not in members:
                raise GameError(f"threshold_kw is of {member!r}, who is not a member")
            shift[members.index(member)] = threshold * steps.step_hours
        band = np.zeros(steps.n_steps)
        return Control("peak shaving at thresholds of members", band, band, shift)


@dataclass(frozen=True, kw_only=True)
class StorageWindow(InOrder):
    """Hours in which batteries are filled, or in which they deliver.

    Parameters
    ----------
    action : {"charge", "discharge"}
        To charge at full power, from the grid where need be; or to deliver what a coalition needs,
        of which nothing is fed in.
    start_minute, end_minute, days, months
        When, as of a :class:`DemandCharge`.

    Raises
    ------
    GameError
        There is no such action, or there are no such minutes, days or months.
    """

    action: Action
    start_minute: int = 0
    end_minute: int = MINUTES
    days: frozenset[int] = EVERY_DAY
    months: frozenset[int] = EVERY_MONTH

    def __post_init__(self) -> None:
        if not isinstance(self.action, str) or self.action not in get_args(Action):
            raise GameError(f'action must be "charge" or "discharge", got {self.action!r}')
        object.__setattr__(self, "days", number_set("days", self.days))
        object.__setattr__(self, "months", number_set("months", self.months))
        calendar_hours(self.start_minute, self.end_minute, self.days, self.months)

    def holds(self, steps: TimeSteps) -> NDArray[np.bool_]:
        """Return in which steps it holds, shape (T,).

        Raises
        ------
        GameError
            A step is only in part within the window, or holidays are meant but not given.
        """
        refuse_unknown_holidays(self.days, steps, "a storage window is for")
        hours = calendar_hours(self.start_minute, self.end_minute, self.days, self.months)
        instants = within_steps(steps, (self.start_minute, self.end_minute))
        inside: NDArray[np.bool_] = throughout(
            hours[cells(instants, steps)], steps, "a storage window begins or ends", _CURE
        )
        return inside


@dataclass(frozen=True)
class TimeWindows(InOrder):
    """Charge and deliver by the clock.

    Parameters
    ----------
    windows : iterable of StorageWindow
        At least one; no step is in a window to charge and in one to discharge.
    otherwise : {"idle", "self-consumption"}, default "idle"
        What batteries do outside of all windows.

    Raises
    ------
    GameError
        There is no window, or no such word; with the steps, two windows contradict each other.

    Examples
    --------
    >>> night = StorageWindow(action="charge", end_minute=6 * 60)
    >>> evening = StorageWindow(action="discharge", start_minute=17 * 60, end_minute=21 * 60)
    >>> TimeWindows([night, evening]).follows_clock
    True
    """

    windows: tuple[StorageWindow, ...]
    otherwise: Otherwise = "idle"

    def __init__(self, windows: Iterable[StorageWindow], otherwise: Otherwise = "idle") -> None:
        if not isinstance(windows, Iterable):
            raise GameError(f"windows must be a list of StorageWindow, got {windows!r}")
        object.__setattr__(self, "windows", tuple(windows))
        for window in self.windows:
            if not isinstance(window, StorageWindow):
                raise GameError(f"{window!r} is no StorageWindow")
        object.__setattr__(self, "otherwise", otherwise)
        if not self.windows:
            raise GameError("time windows need at least one window")
        if not isinstance(otherwise, str) or otherwise not in get_args(Otherwise):
            raise GameError(f'otherwise must be "idle" or "self-consumption", got {otherwise!r}')

    @property
    def follows_clock(self) -> bool:
        """Whether it depends on the clock: yes."""
        return True

    def control(self, steps: TimeSteps, members: Sequence[str]) -> Control:
        """Return the band of each step, as a dispatch model takes it.

        Raises
        ------
        GameError
            A step is in a window to charge and in one to discharge, or in one only in part.
        """
        inside = {action: np.zeros(steps.n_steps, dtype=np.bool_) for action in get_args(Action)}
        for window in self.windows:
            inside[window.action] |= window.holds(steps)
        both = inside["charge"] & inside["discharge"]
        if both.any():
            raise GameError(
                f"the step from {steps.time(int(np.argmax(both)))} is in a window to charge and in "
                f"one to discharge"
            )
        is_idle = self.otherwise == "idle"
        low = np.full(steps.n_steps, -np.inf if is_idle else 0.0)
        high = np.full(steps.n_steps, np.inf if is_idle else 0.0)
        low[inside["charge"]] = high[inside["charge"]] = np.inf
        low[inside["discharge"]], high[inside["discharge"]] = -np.inf, 0.0
        return Control("time windows", low, high, np.zeros(len(members)))
