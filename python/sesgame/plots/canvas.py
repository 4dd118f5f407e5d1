"""What every picture is drawn on and with: axes, colours, markers and the words for units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sesgame.errors import AllocationError, SesgameError
from sesgame.game.allocation import Allocation
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "RED",
    "Style",
    "check_ending",
    "count_axis",
    "drawn_figure",
    "named_allocations",
    "new_axes",
    "new_figure",
    "with_unit",
]

# Okabe and Ito's colours are told apart with any colour vision. Their yellow is left out, since it
# is hardly seen on paper.
BLUE, RED, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, ORANGE, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#6E6E6E"
COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")


Drawn: TypeAlias = Allocation | Iterable[Allocation] | Mapping[str, Allocation]
"""One allocation, several, or several by names of one's own."""


class Style(NamedTuple):
    """How one of several series looks: also without its colour."""

    colour: str
    marker: str
    line: str
    filled: bool

    @classmethod
    def of(cls, index: int) -> Style:
        """Return the style of a series; the first 28 differ in more than colour."""
        turn, place = divmod(index, len(COLOURS))
        marker = MARKERS[(place + turn // 2) % len(MARKERS)]
        return cls(COLOURS[place], marker, LINES[(place + turn) % len(LINES)], turn % 2 == 0)


def new_axes(ax: Axes | None, width: float = 6.4, height: float = 4.0, **subplot: str) -> Axes:
    """Return the axes that are given, or new ones of a size in inches.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    if ax is not None:
        return ax
    with needs("plot", "pictures need matplotlib"):
        from matplotlib import pyplot
    figure = pyplot.figure(figsize=(width, height), layout="constrained")
    axes: Axes = figure.add_subplot(**subplot)
    return axes


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of a size in inches that no window will show.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    with needs("plot", "pictures need matplotlib"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout="constrained")


def drawn_figure(figure: Figure, path: Path) -> bytes:
    """Return a figure as a file whose ending says how.

    Raises
    ------
    SesgameError
        There is no such kind of file, or it cannot be drawn.
    """
    buffer = BytesIO()
    try:
        figure.savefig(buffer, dpi=150, format=path.suffix.removeprefix(".") or None)
    except (OSError, ValueError) as error:
        raise SesgameError(f"{path} cannot be drawn: {error}") from error
    return buffer.getvalue()


def check_ending(figure: Figure, path: Path) -> None:
    """Refuse a file whose ending is no kind of picture, before anything is computed for it.

    Raises
    ------
    SesgameError
        There is no such kind of file.
    """
    kinds = figure.canvas.get_supported_filetypes()
    kind = path.suffix.removeprefix(".").lower()
    if kind not in kinds:
        raise SesgameError(
            f"{path} cannot be drawn: Format {kind!r} is not supported; its name must end in "
            f"{', '.join(f'.{name}' for name in sorted(kinds))}"
        )


def named_allocations(drawn: Drawn) -> dict[str, Allocation]:
    """Return allocations by the name that a legend gives them: their method, and a number.

    Raises
    ------
    AllocationError
        There is none.
    """
    if isinstance(drawn, Mapping):
        named = dict(drawn)
    else:
        named = {}
        for allocation in [drawn] if isinstance(drawn, Allocation) else drawn:
            name, number = allocation.method, 1
            while name in named:
                number += 1
                name = f"{allocation.method} ({number})"
            named[name] = allocation
    if not named:
        raise AllocationError("no allocation to draw")
    return named


def count_axis(axes: Axes) -> None:
    """Make the x axis logarithmic, with counts as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high < 100 * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(_count))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _count(count: float, _: int) -> str:
    return f"{count:,.0f}" if count >= 1 else ""


def with_unit(label: str, unit: str) -> str:
    """Return the label of an axis.

    Examples
    --------
    >>> with_unit("cost share", "EUR"), with_unit("cost share", "")
    ('cost share (EUR)', 'cost share')
    """
    return f"{label} ({unit})" if unit else label
