"""All excesses of an allocation in falling order: what the nucleolus makes as small as it can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import excess_histogram, worst_coalition
from sesgame.errors import GameError, PlayerLimitError
from sesgame.game.allocation import Allocation, Kind
from sesgame.game.door import checked_arguments
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.game.given_allocation import as_allocation
from sesgame.plots.canvas import (
    BLACK,
    RED,
    Style,
    count_axis,
    named_allocations,
    new_axes,
    with_unit,
)
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["excesses"]

SORTED_PLAYERS = 12
"""Up to so many players every excess is a step of its own; of more they are counted in bins."""

SHOWN = 0.9
"""The part of the coalitions that the frame is made for."""

BINS = 1 << 14
"""A bin is far below what a printer can show."""


@checked_arguments
def excesses(
    game: Game,
    allocations: Allocation | Iterable[Allocation] | Mapping[str, Allocation],
    *,
    unit: str = "",
    progress: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the excess of every coalition, in falling order, for one or several allocations.

    The excess is what a coalition would gain by leaving: v(S) - x(S) for gains, x(S) - c(S) for
    costs. An efficient allocation is in the core when its curve has no part above 0. Of all
    curves, that of the nucleolus is lexicographically the lowest. The rank of the coalitions is
    on a logarithmic axis, since the first ones are those that matter; the last tenth, which would
    lose most, may be below the frame.

    Parameters
    ----------
    game : Game
        At most 30 players; it is tabulated.
    allocations : Allocation, iterable of them, or mapping of str to Allocation
        Of the game's players and kind.
    unit : str, optional
        The currency.
    progress : bool, default True
        Show progress where standard error is a terminal.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    AllocationError
        There is no allocation, or one does not fit the game.
    GameError
        There is one player alone, who has no coalition that could leave.
    PlayerLimitError
        More than 30 players.
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    Beyond 12 players three passes over the 2^n values for each allocation, the last of which counts
    excesses in 16,384 bins between the smallest and the largest one.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 4, 0, 4, 4, 5], kind="gain")
    >>> axes = sg.plots.excesses(game, [sg.shapley_value(game)])
    >>> axes.get_xlabel()
    'rank of the coalition, of 6'
    """
    n = game.n_players
    if n == 1:
        raise GameError("a single player has no coalition that could leave")
    if n > MAX_TABLE_PLAYERS:
        raise PlayerLimitError(
            f"the spectrum is of all 2^{n} coalitions; it is drawn for at most "
            f"{MAX_TABLE_PLAYERS} players. For more, sg.audit(..., oracle=...) finds the worst one",
            n,
            MAX_TABLE_PLAYERS,
        )
    named = {
        name: as_allocation(game, allocation)
        for name, allocation in named_allocations(allocations).items()
    }
    axes = new_axes(ax)
    table = game.tabulate(progress=progress)
    highest, lowest = -np.inf, np.inf
    for index, (name, allocation) in enumerate(named.items()):
        values, edges = _curve(table, game, allocation.values, progress)
        style = Style.of(index)
        axes.stairs(
            values,
            edges,
            baseline=None,
            color=style.colour,
            linestyle=style.line,
            linewidth=1.6,
            label=name,
        )
        highest = max(highest, float(values[0]))
        lowest = min(lowest, float(values[np.searchsorted(edges, SHOWN * edges[-1]) - 1]))
    _frame(axes, len(table), lowest, highest, unit)
    return axes


def _frame(axes: Axes, n_coalitions: int, lowest: float, highest: float, unit: str) -> None:
    """Show from the lowest to the highest excess, and where coalitions are better off alone."""
    axes.axhline(0, color=BLACK, linewidth=0.8)
    room = 0.08 * (max(highest, 0.0) - lowest) or 1.0
    axes.set(
        ylim=(lowest - room, max(highest, 0.0) + room),
        xlim=(0.5, n_coalitions - 1.5),
        xlabel=f"rank of the coalition, of {n_coalitions - 2:,}",
        ylabel=with_unit("gain by leaving (excess)", unit),
    )
    if highest > 0:
        axes.axhspan(0, axes.get_ylim()[1], color=RED, alpha=0.08, linewidth=0, zorder=0)
        axes.text(
            0.99,
            0.99,
            "better off on its own",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=8,
            color=RED,
        )
    count_axis(axes)
    axes.legend(fontsize=8, loc="lower left")


def _curve(
    table: NDArray[np.float64], game: Game, x: NDArray[np.float64], progress: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the excesses in falling order, and the edges of the ranks that have each of them."""
    if game.n_players <= SORTED_PLAYERS:
        sums = np.zeros(1)
        for share in x:
            sums = np.concatenate([sums, sums + share])
        falling = np.sort(game.sign * (table - sums)[1:-1])[::-1]
        return falling, np.arange(0.5, len(falling) + 1)
    other: Kind = "cost" if game.kind == "gain" else "gain"
    with progress_report("excesses", " values", progress) as report:
        best = worst_coalition(table, game.kind, x, 0.0, report)
        least = worst_coalition(table, other, x, 0.0, report)
        assert best is not None
        assert least is not None
        lowest, highest = -least[1], best[1]
        counts = excess_histogram(table, game.kind, x, (lowest, highest), BINS, report)
    middles = lowest + (np.arange(BINS) + 0.5) * (highest - lowest) / BINS
    falling, counts = middles[::-1], counts[::-1]
    falling[0], falling[-1] = highest, lowest
    there = counts > 0
    return falling[there], np.append(0, np.cumsum(counts[there])) + 0.5
