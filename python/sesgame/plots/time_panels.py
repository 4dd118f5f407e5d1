"""Panels below each other over one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame.plots.canvas import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["new_panels", "share_time", "step_edges"]

_GAP = 0.04


def new_panels(ax: Axes | None, heights: Sequence[float]) -> tuple[Axes, list[Axes]]:
    """Return a frame without axes of its own, and its ``child_axes``: a panel for each height.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    scale = (1 - _GAP * (len(heights) - 1)) / sum(heights)
    frame = new_axes(ax, 7.0, 1.2 + 4.2 * sum(heights))
    frame.set_axis_off()
    panels, top = [], 1.0
    for height in heights:
        bottom = max(0.0, top - scale * height)
        panels.append(frame.inset_axes((0, bottom, 1, scale * height)))
        top = bottom - _GAP
    return frame, panels


def step_edges(steps: TimeSteps) -> NDArray[np.datetime64]:
    """Return where each step begins, and the end of the last, shape (T + 1,).

    They run evenly on the clock that the first step shows, also where clocks are changed.
    """
    edges: NDArray[np.datetime64] = steps.times[0] + steps.step * np.arange(steps.n_steps + 1)
    return edges


def share_time(panels: Sequence[Axes], steps: TimeSteps) -> None:
    """Give all panels one axis of time, with dates below the last."""
    from matplotlib import dates

    edges = step_edges(steps)
    for panel in panels:
        if panel is not panels[0]:
            panel.sharex(panels[0])
        panel.set_xlim(edges[0], edges[-1])
        panel.spines[["right", "top"]].set_visible(False)
        panel.tick_params(labelbottom=panel is panels[-1])
    locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_locator(locator)
    form = dates.ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_formatter(form)
    panels[-1].set_xlabel(steps.in_calendar)
