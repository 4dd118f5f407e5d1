"""What every chart is made of: a scale with round ticks, paths, and a frame for screen readers.

Charts are 360 units wide, the width of a phone, so that their letters are as large as the page's.
Colours are classes of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

from sesgame.reports.html.elements import Child, Html, element
from sesgame.reports.html.figures import MINUS

__all__ = [
    "AREA",
    "BOTTOM",
    "LEFT",
    "LINE",
    "RIGHT",
    "WIDTH",
    "Scale",
    "area",
    "chart",
    "key",
    "label",
    "line",
    "steps",
]

WIDTH = 360.0
LEFT, RIGHT = 44.0, 352.0
"""Where the data begin and end from left to right."""
BOTTOM = 18.0
"""Below the data, for the labels of the horizontal axis."""
AREA, LINE = "\N{BLACK SQUARE}", "\N{EM DASH}"
"""In a key."""

Points = Iterable[tuple[float, float]]


@dataclass(frozen=True)
class Scale:
    """From data between `low` and `high` to places between `start` and `stop`."""

    low: float
    high: float
    start: float
    stop: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, stop: float) -> Scale:
        """Return a scale on which zero and all values have a place."""
        low, high = 0.0, 0.0
        for value in values:
            low, high = min(low, value), max(high, value)
        if low == high:
            high = 1.0
        return cls(low, high, start, stop)

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self, most: int) -> list[float]:
        """Return round values within the scale, at most about so many.

        Examples
        --------
        >>> Scale(-12.0, 47.0, 0.0, 1.0).ticks(4)
        [0.0, 20.0, 40.0]
        """
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        width = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * (1 - 1e-9))
        first, last = math.ceil(self.low / width - 1e-9), math.floor(self.high / width + 1e-9)
        return [round(index * width, 12) + 0.0 for index in range(first, last + 1)]

    def vertical_axis(self, most: int = 4) -> Html:
        """Return lines across the chart at round values, each with its figure."""
        return element(
            "g",
            [
                (
                    line([(LEFT, self(tick)), (RIGHT, self(tick))], "zero" if not tick else "grid"),
                    label(LEFT - 5, self(tick) + 3.5, tick_text(tick), "end"),
                )
                for tick in self.ticks(most)
            ],
        )

    def horizontal_axis(
        self, top: float, bottom: float, ticks: Iterable[tuple[float, str]]
    ) -> Html:
        """Return lines from top to bottom, each with its label below."""
        return element(
            "g",
            [
                (
                    line([(self(tick), top), (self(tick), bottom)], "grid"),
                    label(self(tick), bottom + 14.5, text, "middle"),
                )
                for tick, text in ticks
            ],
        )


def tick_text(value: float) -> str:
    """Return the figure beside a tick."""
    return f"{value:,.10g}".replace("-", MINUS)


def chart(key: str, title: str, description: str, height: float, *content: Child) -> Html:
    """Return a picture that says what it shows to those who cannot see it."""
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        content,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )


def label(x: float, y: float, text: str, anchor: str = "start", class_: str | None = None) -> Html:
    """Return text at a point."""
    return element("text", text, x=_place(x), y=_place(y), text_anchor=anchor, class_=class_)


def key(x: float, y: float, entries: Iterable[tuple[str, str, str]], anchor: str) -> Html:
    """Return what marks mean in a line of text: for each the mark, its class, and the words."""
    parts = [
        (element("tspan", mark, class_=f"key {class_}"), f" {text}", "\N{EM SPACE}")
        for mark, class_, text in entries
    ]
    content = list(chain.from_iterable(parts))[:-1]
    return element("text", content, x=_place(x), y=_place(y), text_anchor=anchor)


def line(points: Points, class_: str) -> Html:
    """Return a line through points."""
    return element("path", d=_path(points), class_=f"line {class_}")


def area(points: Points, class_: str) -> Html:
    """Return what lies within a closed line."""
    return element("path", d=_path(points) + "Z", class_=f"area {class_}")


def steps(
    edges: Iterable[float], values: Iterable[float], x: Scale, y: Callable[[float], float]
) -> list[tuple[float, float]]:
    """Return the line of values that each hold from one edge to the next."""
    places = [x(edge) for edge in edges]
    spans = zip(places, places[1:], values, strict=False)
    return list(chain.from_iterable([(a, y(value)), (b, y(value))] for a, b, value in spans))


def _path(points: Points) -> str:
    return "M" + "L".join(f"{_place(x)} {_place(y)}" for x, y in points)


def _place(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
