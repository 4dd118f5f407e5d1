"""Who gives how much energy to whom: a Sankey picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import count, named
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.plots.canvas import BLACK, GREY, Style, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["shared_energy"]

GAP = 0.015
"""Between two bars of a side, as a part of all energy."""

BAR = 0.02
"""The width of a bar, as a part of the distance between the two sides."""

MOST = 20
"""Consumers with a bar of their own, unless told otherwise."""


class _Shared(Protocol):
    """What the evidence of a sharing key has."""

    points: tuple[str, ...]
    plants: tuple[str, ...]
    generated_kwh: Array
    surplus_kwh: Array

    def given_kwh(self) -> Array:
        """Return how much each point uses of each plant, shape (plants, points)."""
        ...


@checked_arguments
def shared_energy(allocation: Allocation, *, most: int = MOST, ax: Axes | None = None) -> Axes:
    """Draw which plant gives how much to whom under a sharing key, and what is sold instead.

    At the left stands a bar for each plant, at the right one for each consumer, who used most at
    the top, and below them what is unused: surplus of the plants, and of consumers where that is
    theirs. Bands are as wide as the energy that flows.

    Parameters
    ----------
    allocation : Allocation
        By :func:`sesgame.energy.shared_generation`.
    most : int, default 20
        Of more consumers, those who use least have one bar together.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    AllocationError
        The allocation is by no sharing key, no plant feeds in, or `most` is below 1.
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    O(n T), as the key itself.
    """
    if most < 1:
        raise AllocationError(f"most must be at least 1, got {most}")
    evidence = allocation.evidence
    if not all(hasattr(evidence, name) for name in ("given_kwh", "plants", "surplus_kwh")):
        raise AllocationError(
            f"energy is drawn of bills under a sharing key, got {named(allocation)}"
        )
    shared = cast("_Shared", evidence)
    feeding = np.flatnonzero(shared.generated_kwh > 0)
    if not feeding.size:
        raise AllocationError("no plant feeds in, so there is nothing to share")
    givers = [shared.plants[plant] for plant in feeding]
    takers, unused = _takers(shared, feeding, most)
    flows = np.column_stack([*takers.values(), *unused.values()])
    names = [*takers, *unused]
    generated = float(flows.sum())
    axes = new_axes(ax, 7.0, 1.0 + 0.28 * max(len(givers), len(names), 8))
    lefts = _bars(axes, givers, flows.sum(axis=1), 0.0, generated)
    rights = _bars(axes, names, flows.sum(axis=0), 1.0 - BAR, generated)
    for number, row in enumerate(flows):
        for place, kwh in enumerate(row):
            if kwh > 0:
                colour = Style.of(number).colour if place < len(takers) else GREY
                _band(axes, lefts[number], rights[place], kwh, colour)
                lefts[number] += kwh
                rights[place] += kwh
    used = float(sum(column.sum() for column in takers.values()))
    axes.set_title(f"{allocation.method}: {used:,.4g} of {generated:,.4g} kWh shared", fontsize=9)
    axes.set(xlim=(0, 1), ylim=(max(lefts[-1], rights[-1]), 0))
    axes.set_axis_off()
    return axes


def _takers(
    shared: _Shared, feeding: NDArray[np.intp], most: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return what consumers use of each plant, and what is unused, by the names of bars."""
    given = shared.given_kwh()[feeding]
    by_use = np.argsort(-given.sum(axis=0), kind="stable")
    consumers = [point for point in by_use if given[:, point].any()]
    takers = {shared.points[point]: given[:, point] for point in consumers[:most]}
    others = consumers[most:]
    if others:
        takers[count(len(others), "other point")] = given[:, others].sum(axis=1)
    surplus = shared.surplus_kwh[feeding]
    left = shared.generated_kwh[feeding] - given.sum(axis=1)
    unused = {"surplus of plants": surplus, "surplus of consumers": left - surplus}
    # What differences of sums round to is nobody's energy.
    rounding = 1e-9 * float(shared.generated_kwh.sum())
    return takers, {name: row for name, row in unused.items() if row.sum() > rounding}


def _bars(axes: Axes, names: list[str], kwh: Array, left: float, total: float) -> list[float]:
    """Draw the bars of one side, from the top down, and return where each begins."""
    tops: list[float] = (np.cumsum(kwh) - kwh + GAP * total * np.arange(len(kwh))).tolist()
    is_left = left == 0
    for name, top, energy in zip(names, tops, kwh.tolist(), strict=True):
        axes.bar(left, energy, BAR, bottom=top, align="edge", color=BLACK)
        axes.annotate(
            f"{name}  {energy:,.4g}",
            (0.0 if is_left else 1.0, top + energy / 2),
            xytext=(-4 if is_left else 4, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
    return tops


def _band(axes: Axes, left: float, right: float, kwh: float, colour: str) -> None:
    """Draw a band of a width from one bar to another."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners = [
        (BAR, left),
        (0.5, left),
        (0.5, right),
        (1 - BAR, right),
        (1 - BAR, right + kwh),
        (0.5, right + kwh),
        (0.5, left + kwh),
        (BAR, left + kwh),
        (BAR, left),
    ]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    axes.add_patch(PathPatch(Path(corners, codes), facecolor=colour, alpha=0.45, linewidth=0))
