"""Who saves how much under which rule: a row for each member, or one dot where there are many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame.html.charts import BOTTOM, LEFT, RIGHT, Scale, chart, key, label, line, tick_text
from sesgame.html.elements import Html, element
from sesgame.html.figures import amount

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["MOST_ROWS", "savings_chart"]

MOST_ROWS = 30
"""More members get no row of their own."""
MOST_DOTS = 500
"""Of more members, only some are drawn."""
PANEL, HEADING = 84.0, 22.0
ROW, MARK = 18.0, 6.5
"""The least height of a row, and that of a mark in it."""
LETTER = 7.2
"""The width of a wide letter."""
LONGEST_NAME = 16
_SHAPES = (
    "M-4 0A4 4 0 1 1 4 0A4 4 0 1 1-4 0Z",
    "M0-5L5 0L0 5L-5 0Z",
    "M-3.6-3.6H3.6V3.6H-3.6Z",
    "M0-5L4.6 3.6H-4.6Z",
    "M0 5L4.6-3.6H-4.6Z",
)
_GLYPHS = "\N{BLACK CIRCLE}\N{BLACK DIAMOND}\N{BLACK SQUARE}"
_GLYPHS += "\N{BLACK UP-POINTING TRIANGLE}\N{BLACK DOWN-POINTING TRIANGLE}"
"""The shapes as letters. Rules differ in more than colour."""
N_COLOURS = 6


def savings_chart(
    players: Sequence[str],
    savings: Mapping[str, Array],
    margins: Mapping[str, tuple[Array, Array]],
    unit: str,
    word: str,
) -> Html:
    """Return what each player saves under each rule, sorted by the first.

    Parameters
    ----------
    players : sequence of str
        The n names.
    savings : mapping of rule to ndarray of shape (n,)
        What each is better off than alone.
    margins : mapping of rule to pair of ndarrays of shape (n,)
        Between what it lies, of rules that leave that open.
    unit, word : str
        Of the axis: the currency, and "saving" or "surplus".
    """
    first, values = next(iter(savings.items()))
    order = np.argsort(-values, kind="stable")
    draw = _rows if len(players) <= MOST_ROWS else _dots
    most, least = order[0], order[-1]
    description = (
        f"Under {first} the largest {word} is that of {players[most]}, "
        f"{amount(values[most], unit)}, and the smallest that of {players[least]}, "
        f"{amount(values[least], unit)}. The table has all."
    )
    height, content = draw(players, savings, margins, unit, word, order)
    return chart("savings", f"The {word} of each member", description, height, content)


def _rows(
    players: Sequence[str],
    savings: Mapping[str, Array],
    margins: Mapping[str, tuple[Array, Array]],
    unit: str,
    word: str,
    order: NDArray[np.intp],
) -> tuple[float, list[Html]]:
    """Return a row for each member with a mark for each rule."""
    names = [_short(players[index]) for index in order]
    left = 12 + LETTER * max(4, *(len(name) for name in names))
    legend, top = _legend(savings)
    row_height = max(ROW, MARK * (len(savings) + 1))
    bottom = top + row_height * len(order)
    x = Scale.around(_extent(savings, margins), left, RIGHT - 6)
    content = [
        *legend,
        x.horizontal_axis(top, bottom, [(tick, tick_text(tick)) for tick in x.ticks(5)]),
        line([(x(0), top), (x(0), bottom)], "zero"),
        label(RIGHT, bottom + BOTTOM + 10, _axis(word, unit), "end", "heading"),
    ]
    for row, (index, name) in enumerate(zip(order, names, strict=True)):
        middle = top + row_height * (row + 0.5)
        content.append(label(left - 8, middle + 4, name, "end"))
        if row:
            edge = middle - row_height / 2
            content.append(line([(left, edge), (RIGHT, edge)], "grid"))
        for number, (rule, values) in enumerate(savings.items()):
            # Equal savings do not hide each other.
            y = middle + MARK * (number - (len(savings) - 1) / 2)
            saving = f"{players[index]}, {rule}: {amount(values[index], unit)}"
            if rule in margins:
                low, high = (float(end[index]) for end in margins[rule])
                content.append(line([(x(low), y), (x(high), y)], _whisker(number)))
            content.append(_mark(number, x(values[index]), y, saving))
    return bottom + BOTTOM + 16, content


def _dots(
    players: Sequence[str],
    savings: Mapping[str, Array],
    margins: Mapping[str, tuple[Array, Array]],
    unit: str,
    word: str,
    order: NDArray[np.intp],
) -> tuple[float, list[Html]]:
    """Return a panel for each rule with a dot for each member, in the same order in all."""
    first = next(iter(savings))
    every = -(-len(order) // MOST_DOTS)
    x = Scale(0.0, len(order) - 1.0, LEFT + 6, RIGHT - 6)
    content: list[Html] = []
    start = 0.0
    for number, (rule, values) in enumerate(savings.items()):
        top, bottom = start + HEADING, start + HEADING + PANEL
        y = Scale.around(_extent({rule: values}, margins), bottom, top)
        content += [label(2, start + 14, rule, class_="heading"), y.vertical_axis(3)]
        for place, index in list(enumerate(order))[::every]:
            saving = f"{players[index]}, {rule}: {amount(values[index], unit)}"
            if rule in margins:
                low, high = (float(end[index]) for end in margins[rule])
                content.append(line([(x(place), y(low)), (x(place), y(high))], _whisker(number)))
            content.append(_mark(number, x(place), y(values[index]), saving, 0.6))
        start = bottom + 8
    each = "each member" if every == 1 else f"one member in {every}"
    note = f"{_axis(word, unit)}; a dot for {each}, in the order of {first}"
    return start + BOTTOM, [*content, label(2, start + 10, note)]


def _axis(word: str, unit: str) -> str:
    return f"{word.capitalize()}, {unit}" if unit else word.capitalize()


def _extent(
    savings: Mapping[str, Array], margins: Mapping[str, tuple[Array, Array]]
) -> Iterable[float]:
    for rule, values in savings.items():
        yield from values
        for ends in margins.get(rule, ()):
            yield from ends


def _legend(rules: Iterable[str]) -> tuple[list[Html], float]:
    """Return the mark of each rule, in lines, and where they end."""
    lines: list[list[tuple[str, str, str]]] = [[]]
    width = 0.0
    for number, rule in enumerate(rules):
        width += LETTER * (len(rule) + 4)
        if lines[-1] and width > RIGHT:
            lines.append([])
            width = LETTER * (len(rule) + 4)
        lines[-1].append((_GLYPHS[number % len(_GLYPHS)], f"c{number % N_COLOURS}", rule))
    texts = [key(2, 12 + 18 * place, entries, "start") for place, entries in enumerate(lines)]
    return texts, 8 + 18.0 * len(lines)


def _mark(number: int, x: float, y: float, title: str, size: float = 1.0) -> Html:
    shape = _SHAPES[number % len(_SHAPES)]
    scale = "" if size == 1 else f" scale({size:g})"
    return element(
        "path",
        element("title", title),
        d=shape,
        transform=f"translate({x:.1f} {y:.1f}){scale}",
        class_=f"mark c{number % N_COLOURS}",
    )


def _whisker(number: int) -> str:
    """Return the class of the line from the least to the most that a saving may be."""
    return f"whisker c{number % N_COLOURS}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
