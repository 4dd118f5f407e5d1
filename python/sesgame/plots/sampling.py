"""Convergence of a sampled estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import AllocationError
from sesgame.game.door import checked_arguments
from sesgame.plots.canvas import BLUE, GREY, RED, count_axis, new_axes, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sesgame.game.allocation import Allocation

__all__ = ["convergence"]

LINES = 200
"""So many players are drawn: those whose intervals are widest at the end."""


@checked_arguments
def convergence(
    estimate: Allocation,
    *,
    exact: Allocation | None = None,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw how the estimates moved as the sample grew, within an interval that narrows.

    Each line is a player: the estimate after so many evaluations, minus the last one. The band is
    the widest interval at that time.

    Parameters
    ----------
    estimate : Allocation
        By :func:`sesgame.shapley_estimate` or its relatives. There are several looks at the sample
        where a target or a time limit was given; otherwise the picture has one point.
    exact : Allocation, optional
        What is subtracted instead of the last estimate: the lines then are errors.
    unit : str, optional
        The currency.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    AllocationError
        The allocation is not sampled, if only because the exact one was as cheap, or `exact` is of
        other players or kind.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import sesgame as sg
    >>> weights = range(1, 41)
    >>> game = sg.Game.from_function(weights, lambda group: float(sum(group) > 410), kind="gain")
    >>> estimate = sg.shapley_estimate(game, target_half_width=0.01, seed=1)
    >>> axes = sg.plots.convergence(estimate)
    >>> axes.get_xscale()
    'log'
    """
    course = None if estimate.evidence is None else estimate.evidence.course
    if course is None:
        raise AllocationError(f"{estimate.method!r} is not sampled: it has no trace to draw")
    if course.unsampled:
        raise AllocationError(f"{estimate.method!r} was not sampled, since {course.unsampled}")
    last = estimate.values
    if exact is not None:
        if exact.kind != estimate.kind or exact.players != estimate.players:
            raise AllocationError(f"{exact.method!r} is of other players or kind than the estimate")
        last = exact.values
    axes = new_axes(ax)
    evaluations, widths = course.evaluations, course.widest
    moved = course.values - last
    n = len(last)
    drawn = np.sort(np.argsort(-course.half_widths, kind="stable")[:LINES])
    few = f"{n} players" if n <= LINES else f"the {LINES} of {n:,} players with wide intervals"
    for place, player in enumerate(drawn):
        axes.plot(
            evaluations,
            moved[:, player],
            color=GREY,
            linewidth=0.6,
            marker=".",
            markersize=3,
            alpha=0.7,
            label=few if place == 0 else None,
        )
    band = f"widest {course.confidence:.0%} interval"
    axes.fill_between(evaluations, -widths, widths, color=BLUE, alpha=0.15, linewidth=0)
    middle = np.zeros(len(widths))
    axes.errorbar(evaluations, middle, widths, fmt="none", color=BLUE, capsize=3, label=band)
    axes.axhline(0, color=RED, linewidth=0.8)
    what = "the last one" if exact is None else exact.method
    axes.set(
        xlabel="coalitions evaluated",
        ylabel=with_unit(f"estimate minus {what}", unit),
        title=f"{estimate.method} by {course.estimator}",
    )
    count_axis(axes)
    axes.legend(fontsize=8)
    return axes
