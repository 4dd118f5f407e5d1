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

ROW = 0.28
"""The height that the label of a bar may need, in inches."""

MOST = 20
"""Plants and consumers with a bar of their own, unless told otherwise."""


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

    At the left stands a bar for each plant, at the right one for each consumer, the largest at the
    top, and below them what nobody uses: surplus of the plants, and of consumers where that is
    theirs. Bands are as wide as the energy that flows.

    Parameters
    ----------
    allocation : Allocation
        By :func:`sesgame.energy.shared_generation`.
    most : int, default 20
        Of more plants or consumers, the smallest have one bar together.
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

    Examples
    --------
    >>> import sesgame as sg
    >>> street = sg.energy.PublicGrid.from_csv("examples/street")
    >>> key = sg.energy.DynamicKey()
    >>> bills = sg.energy.shared_generation(street, key, local_price_per_kwh=0.12)
    >>> axes = sg.plots.shared_energy(bills)
    >>> axes.get_title()
    'sharing key (dynamic): 368.1 of 1,090 kWh shared'
    """
    if most < 1:
        raise AllocationError(f"most must be at least 1, got {most}")
    evidence = allocation.evidence
    if not all(hasattr(evidence, name) for name in ("given_kwh", "plants", "surplus_kwh")):
        raise AllocationError(
            f"energy is drawn of bills under a sharing key, got {named(allocation)}"
        )
    shared = cast("_Shared", evidence)
    generated = float(shared.generated_kwh.sum())
    if not generated > 0:
        raise AllocationError("no plant feeds in, so there is nothing to share")
    given = shared.given_kwh()
    givers = _largest(shared.plants, shared.generated_kwh, most, "other plant")
    takers = _largest(shared.points, given.sum(axis=0), most, "other point")
    unused = {
        "surplus of plants": shared.surplus_kwh,
        "surplus of consumers": shared.generated_kwh - given.sum(axis=1) - shared.surplus_kwh,
    }
    columns = [given[:, points].sum(axis=1) for points in takers.values()]
    # What differences of sums round to is nobody's energy.
    unused = {name: kwh for name, kwh in unused.items() if kwh.sum() > 1e-9 * generated}
    by_plant = np.column_stack([*columns, *unused.values()])
    flows = np.array([by_plant[plants].sum(axis=0) for plants in givers.values()])
    names = [*takers, *unused]
    axes = new_axes(ax, 7.0, 1.0 + ROW * max(len(givers), len(names), 8))
    lefts = _bars(axes, list(givers), flows.sum(axis=1), 0.0, generated)
    rights = _bars(axes, names, flows.sum(axis=0), 1.0 - BAR, generated)
    for number, row in enumerate(flows):
        for place, kwh in enumerate(row.tolist()):
            if kwh > 0:
                colour = Style.of(number).colour if place < len(takers) else GREY
                _band(axes, lefts[number], rights[place], kwh, colour)
                lefts[number] += kwh
                rights[place] += kwh
    used = float(flows[:, : len(takers)].sum())
    axes.set_title(f"{allocation.method}: {used:,.4g} of {generated:,.4g} kWh shared", fontsize=9)
    axes.set(xlim=(0, 1), ylim=(max(lefts[-1], rights[-1]), 0))
    axes.set_axis_off()
    return axes


def _largest(
    names: tuple[str, ...], kwh: Array, most: int, noun: str
) -> dict[str, NDArray[np.intp]]:
    """Return whose energy each bar is: the largest each, those behind them as one."""
    order = np.argsort(-kwh, kind="stable")
    order = order[kwh[order] > 0]
    bars = {names[place]: np.array([place]) for place in order[:most]}
    if len(order) > most:
        bars[count(len(order) - most, noun)] = order[most:]
    return bars


def _bars(axes: Axes, names: list[str], kwh: Array, left: float, total: float) -> list[float]:
    """Draw the bars of one side, from the top down, and return where each begins."""
    tops: list[float] = []
    is_left, pitch = left == 0, total / (1.5 * max(len(names), 8))
    next_top, last_label = 0.0, -pitch
    for name, energy in zip(names, kwh.tolist(), strict=True):
        # Labels of narrow bars have to stand below each other.
        top = max(next_top, last_label + pitch - energy / 2)
        next_top, last_label = top + energy + GAP * total, top + energy / 2
        tops.append(top)
        axes.bar(left, energy, BAR, bottom=top, align="edge", color=BLACK)
        axes.annotate(
            f"{name}  {energy:,.4g}",
            (0.0 if is_left else 1.0, last_label),
            xytext=(-4 if is_left else 4, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            fontsize=8,
            annotation_clip=False,
            parse_math=False,
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
