"""Allocations side by side: a dot for each player and rule, with error bars where sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import AllocationError
from sesgame.game.door import checked_arguments
from sesgame.plots.canvas import BLACK, GREY, Style, named_allocations, new_axes, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sesgame.game.allocation import Allocation
    from sesgame.plots.canvas import Drawn

__all__ = ["allocations"]

NAME_POINTS = 6.5
"""A name takes so much of the height, in points of 1/72 inch; where there is less, not all are
written."""


@checked_arguments
def allocations(
    allocations: Drawn,
    *,
    reference: Allocation | None = None,
    unit: str = "",
    sort: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each player pays or gets under each of several rules.

    One row for each player, one dot for each rule; confidence intervals where the values are
    sampled. A new figure is as tall as the names need, up to about 110 players; of more, as many
    names are written as there is room for.

    Parameters
    ----------
    allocations : Allocation, iterable of them, or mapping of str to Allocation
        All of the same players and kind. A mapping gives them names of your own.
    reference : Allocation, optional
        What is subtracted: shares that hardly differ then show how they do.
    unit : str, optional
        The currency.
    sort : bool, default True
        Whether the players are sorted by the first allocation, the largest on top, or stand in the
        order of the game.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    AllocationError
        There is no allocation, or they are of different players or kinds.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.games.airport([3, 8, 9], players=["ann", "bob", "eve"])
    >>> rules = [sg.shapley_value(game), sg.nucleolus(game)]
    >>> axes = sg.plots.allocations(rules, unit="EUR")
    >>> axes.get_xlabel()
    'pays (EUR)'
    """
    named = named_allocations(allocations)
    first = next(iter(named.values()))
    players = first.players
    values = {name: _values(first, name, allocation) for name, allocation in named.items()}
    word = "pays" if first.kind == "cost" else "gets"
    base = np.zeros(len(players))
    if reference is not None:
        base = _values(first, "reference", reference)
        word = f"{word} more than by {reference.method}"
    shown = {name: shares - base for name, shares in values.items()}
    n = len(players)
    inches = min(0.26 * n, 2.5 + 0.075 * n, 9.6)
    axes = new_axes(ax, 6.4, 1.3 + inches)
    if ax is not None:
        inches = axes.get_window_extent().height / axes.figure.dpi

    order = np.argsort(next(iter(shown.values())), kind="stable")[::-1] if sort else np.arange(n)
    row_points = 72 * inches / n
    size = float(np.clip(0.5 * row_points / len(named) ** 0.5, 1.5, 6))
    step = max(1, int(np.ceil(NAME_POINTS / row_points)))
    rows = np.arange(n)[::step]
    axes.hlines(rows, 0, 1, GREY, linewidth=0.3, transform=axes.get_yaxis_transform(), zorder=0)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    for index, (name, allocation) in enumerate(named.items()):
        style = Style.of(index)
        shift = 0.0 if len(named) == 1 else 0.5 * (index / (len(named) - 1) - 0.5)
        widths = None
        intervals = allocation.intervals
        if intervals and intervals.half_widths is not None and allocation.tolerance > 0:
            widths = _in_order(first, allocation, intervals.half_widths)[order]
            name = f"{name}, with {intervals.confidence:.0%} intervals"
        axes.errorbar(
            shown[list(named)[index]][order],
            np.arange(n) + shift,
            xerr=widths,
            fmt=style.marker,
            color=style.colour,
            markerfacecolor=style.colour if style.filled else "white",
            markersize=size,
            elinewidth=1,
            label=name,
        )
    axes.set_yticks(rows, [str(players[int(index)]) for index in order[::step]])
    axes.tick_params(axis="y", length=0, labelsize=float(np.clip(0.85 * row_points * step, 5, 9)))
    axes.set(ylim=(n - 0.4, -0.6), xlabel=with_unit(word, unit))
    if step > 1:
        axes.set_ylabel(f"{n:,} players, every {step}th named")
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8, frameon=False, borderpad=0
    )
    return axes


def _values(first: Allocation, name: str, other: Allocation) -> NDArray[np.float64]:
    """Return the values of an allocation in the order of the first."""
    if other.kind != first.kind:
        raise AllocationError(
            f'"{name}" is a {other.kind} allocation, {first.method!r} a {first.kind} allocation'
        )
    return _in_order(first, other, other.values, name)


def _in_order(
    first: Allocation, other: Allocation, values: NDArray[np.float64], name: str = ""
) -> NDArray[np.float64]:
    if other.players == first.players:
        return values
    if set(other.players) != set(first.players):
        raise AllocationError(f'"{name}" is of other players than {first.method!r}')
    return values[[other.players.index(player) for player in first.players]]
