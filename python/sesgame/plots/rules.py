"""Rules side by side: what everybody saves, and what holds of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import AllocationError
from sesgame.game.door import checked_arguments
from sesgame.plots.canvas import BLACK, BLUE, ORANGE, RED, new_axes, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sesgame.comparison import ComparedRule, Comparison

__all__ = ["comparison", "size_of_comparison"]

WORDS = {True: ("yes", BLUE), False: ("no", RED), None: ("?", ORANGE)}
"""What holds, what does not, and what nobody knows."""

MOST_LETTERS = 95
"""Of what is said in a row without a verdict."""


def size_of_comparison(compared: Comparison) -> tuple[float, float]:
    """Return width and height in inches that leave room for every row."""
    return 8.4, 1.4 + 0.38 * len(compared.rows)


@checked_arguments
def comparison(compared: Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw the saving of every player under each rule, and what holds of the rule.

    One row for each rule: a dot for each player, a bar over the middle half of them, a stroke at
    the mean. Left of 0 somebody is better off alone, or under the baseline of the comparison, if
    there is one. At the right end stands whether the rule is efficient, individually rational and
    in the core.

    Parameters
    ----------
    compared : Comparison
        By :func:`sesgame.compare`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    AllocationError
        Every rule failed: there is nothing to draw.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.games.airport([3, 8, 9], players=["ann", "bob", "eve"])
    >>> axes = sg.plots.comparison(sg.compare(game, ["shapley", "nucleolus", "vcg"]))
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['shapley', 'nucleolus', 'vcg']
    """
    rows = compared.rows
    if all(row.savings is None for row in rows):
        raise AllocationError(f"no rule has an allocation; {rows[0].rule}: {rows[0].failure}")
    axes = new_axes(ax, *size_of_comparison(compared))
    axes.axvline(0, color=BLACK, linewidth=0.8)
    everywhere = axes.get_yaxis_transform()
    for place, row in enumerate(rows):
        if row.savings is None:
            axes.text(
                0.01,
                place,
                f"no allocation: {_shortened(row.failure)}",
                fontsize=8,
                va="center",
                transform=everywhere,
                bbox={"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 1},
            )
            continue
        low, high = np.quantile(row.savings, [0.25, 0.75])
        axes.barh(place, high - low, 0.5, left=low, color=BLUE, alpha=0.2)
        loses = row.savings < -(row.audit.tolerance if row.audit else 0.0)
        for those, colour, marker in ((~loses, BLUE, "o"), (loses, RED, "X")):
            axes.plot(
                row.savings[those],
                np.full(those.sum(), place),
                marker,
                color=colour,
                markersize=5,
                markerfacecolor="none" if marker == "o" else colour,
                alpha=0.8,
            )
        axes.plot(row.savings.mean(), place, "|", color=BLACK, markersize=14, markeredgewidth=2)
    _verdicts(axes, rows)
    axes.set_yticks(range(len(rows)), [row.rule for row in rows])
    word = "saving" if compared.kind == "cost" else "surplus"
    axes.set(
        ylim=(len(rows) - 0.5, -0.5),
        xlabel=with_unit(
            f"{word} of each player against {compared.measured_against}", compared.unit
        ),
    )
    axes.spines[["right", "top"]].set_visible(False)
    return axes


def _verdicts(axes: Axes, rows: tuple[ComparedRule, ...]) -> None:
    """Write what holds of each rule beside its row."""
    for column, title in enumerate(("efficient", "rational", "in the core")):
        words: dict[float, tuple[str, str]] = {-0.5: (title, BLACK)}
        for number, row in enumerate(rows):
            if row.audit is not None:
                checked = row.audit
                holds = (row.efficient, checked.individually_rational, checked.in_core)[column]
                words[number] = WORDS[holds]
            elif row.savings is not None:
                words[number] = WORDS[None]
        for place, (word, colour) in words.items():
            axes.annotate(
                word,
                (1, place),
                xycoords=("axes fraction", "data"),
                xytext=(34 + 56 * column, 4 if place < 0 else 0),
                textcoords="offset points",
                fontsize=8,
                ha="center",
                va="bottom" if place < 0 else "center",
                color=colour,
                annotation_clip=False,
            )


def _shortened(text: str) -> str:
    """Return what was wrong, without what there is instead, where that fits beside the row."""
    first = text.split("; ")[0]
    return first if len(first) <= MOST_LETTERS else f"{first[: MOST_LETTERS - 3]}..."
