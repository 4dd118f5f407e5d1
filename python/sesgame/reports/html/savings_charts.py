"""Who saves how much under which rule: a row for each member, or one dot where there are many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.reports.html.charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    Scale,
    chart,
    key,
    label,
    line,
    tick_text,
)
from sesgame.reports.html.elements import Html, element
from sesgame.reports.html.figures import amount

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["MOST_ROWS", "Savings", "savings_chart"]

MOST_ROWS = 30
"""More members get no row of their own."""
MOST_DOTS = 500
"""Of more members, only some are drawn."""
PANEL, HEADING = 84.0, 22.0
ROW, MARK = 18.0, 6.5
"""The least height of a row, and that of a mark in it."""
LETTER = 7.2
"""The width of a wide letter."""
LONGEST_NAME, LONGEST_RULE = 16, 40
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


@dataclass(frozen=True, eq=False)
class Savings:
    """By how much each player is better off than alone under each rule.

    Parameters
    ----------
    players : sequence of str
        The n names.
    by_rule : mapping of rule to ndarray of shape (n,)
        The savings.
    ends : mapping of rule to pair of ndarrays of shape (n,)
        Between what they lie, of rules that leave that open.
    unit, word : str
        The currency, and "saving" or "surplus".
    """

    players: Sequence[str]
    by_rule: Mapping[str, Array]
    ends: Mapping[str, tuple[Array, Array]]
    unit: str
    word: str

    @property
    def first(self) -> str:
        """The rule by which players are sorted."""
        return next(iter(self.by_rule))

    @property
    def order(self) -> NDArray[np.intp]:
        """The players, those who save most first."""
        return np.argsort(-self.by_rule[self.first], kind="stable")

    @property
    def axis(self) -> str:
        """What is shown, with its unit."""
        return f"{self.word.capitalize()}, {self.unit}" if self.unit else self.word.capitalize()

    def extent(self, rules: Iterable[str]) -> Iterable[float]:
        """Yield everything that needs a place on the axis."""
        for rule in rules:
            yield from self.by_rule[rule]
            for end in self.ends.get(rule, ()):
                yield from end

    def marks(
        self, rule: str, index: int, x: Scale | float, y: Scale | float, size: float = 1.0
    ) -> list[Html]:
        """Return the mark of one saving, on one scale, and the line between what it lies."""

        def place(value: float) -> tuple[float, float]:
            return (
                x(value) if isinstance(x, Scale) else x,
                y(value) if isinstance(y, Scale) else y,
            )

        number = list(self.by_rule).index(rule)
        colour = f"c{number % N_COLOURS}"
        saving = float(self.by_rule[rule][index])
        across, down = place(saving)
        scale = "" if size == 1 else f" scale({size:g})"
        text = f"{self.players[index]}, {rule}: {amount(saving, self.unit)}"
        mark = element(
            "path",
            element("title", text),
            d=_SHAPES[number % len(_SHAPES)],
            transform=f"translate({across:.1f} {down:.1f}){scale}",
            class_=f"mark {colour}",
        )
        if rule not in self.ends:
            return [mark]
        low, high = (place(float(end[index])) for end in self.ends[rule])
        return [line([low, high], f"whisker {colour}"), mark]


def savings_chart(savings: Savings) -> Html:
    """Return what each player saves under each rule, sorted by the first."""
    values, order, unit = savings.by_rule[savings.first], savings.order, savings.unit
    draw = _rows if len(savings.players) <= MOST_ROWS else _dots
    most, least = order[0], order[-1]
    description = (
        f"Under {savings.first} the largest {savings.word} is that of {savings.players[most]}, "
        f"{amount(values[most], unit)}, and the smallest that of {savings.players[least]}, "
        f"{amount(values[least], unit)}. The table has all."
    )
    height, content = draw(savings)
    return chart("savings", f"The {savings.word} of each member", description, height, content)


def _rows(savings: Savings) -> tuple[float, list[Html]]:
    """Return a row for each member with a mark for each rule."""
    order, rules = savings.order, savings.by_rule
    names = [_short(savings.players[index], LONGEST_NAME) for index in order]
    left = 12 + LETTER * max(4, *(len(name) for name in names))
    legend, top = _legend(rules)
    row_height = max(ROW, MARK * (len(rules) + 1))
    bottom = top + row_height * len(order)
    x = Scale.around(savings.extent(rules), left, RIGHT - 6)
    content = [
        *legend,
        x.horizontal_axis(top, bottom, [(tick, tick_text(tick)) for tick in x.ticks(5)]),
        line([(x(0), top), (x(0), bottom)], "zero"),
        label(RIGHT, bottom + BOTTOM + 10, savings.axis, "end", "heading"),
    ]
    for row, (index, name) in enumerate(zip(order, names, strict=True)):
        middle = top + row_height * (row + 0.5)
        content.append(label(left - 8, middle + 4, name, "end"))
        if row:
            edge = middle - row_height / 2
            content.append(line([(left, edge), (RIGHT, edge)], "grid"))
        for number, rule in enumerate(rules):
            # Equal savings do not hide each other.
            y = middle + MARK * (number - (len(rules) - 1) / 2)
            content += savings.marks(rule, index, x, y)
    return bottom + BOTTOM + 16, content


def _dots(savings: Savings) -> tuple[float, list[Html]]:
    """Return a panel for each rule with a dot for each member, in the same order in all."""
    order = savings.order
    every = -(-len(order) // MOST_DOTS)
    x = Scale(0.0, len(order) - 1.0, LEFT + 6, RIGHT - 6)
    content: list[Html] = []
    start = 0.0
    for rule in savings.by_rule:
        top, bottom = start + HEADING, start + HEADING + PANEL
        y = Scale.around(savings.extent([rule]), bottom, top)
        heading = label(2, start + 14, _short(rule, LONGEST_RULE), class_="heading")
        content += [heading, y.vertical_axis(3)]
        for place, index in list(enumerate(order))[::every]:
            content += savings.marks(rule, index, x(place), y, 0.6)
        start = bottom + 8
    each = "each member" if every == 1 else f"one member in {every}"
    note = f"{savings.axis}; a dot for {each}, in the order of the first"
    return start + BOTTOM, [*content, label(2, start + 10, note)]


def _legend(rules: Iterable[str]) -> tuple[list[Html], float]:
    """Return the mark of each rule, in lines, and where they end."""
    lines: list[list[tuple[str, str, str]]] = [[]]
    width = 0.0
    for number, rule in enumerate(rules):
        name = _short(rule, LONGEST_RULE)
        width += LETTER * (len(name) + 4)
        if lines[-1] and width > RIGHT:
            lines.append([])
            width = LETTER * (len(name) + 4)
        lines[-1].append((_GLYPHS[number % len(_GLYPHS)], f"c{number % N_COLOURS}", name))
    texts = [key(2, 12 + 18 * place, entries, "start") for place, entries in enumerate(lines)]
    return texts, 8 + 18.0 * len(lines)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
