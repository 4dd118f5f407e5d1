"""Elements of HTML and SVG, closed and escaped by construction, and a whole page of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from typing import TypeAlias, Union

__all__ = ["Child", "Html", "element", "page", "table"]

_VOID = {"br", "meta"}
_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no HTML document may contain."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser enforces: the page loads nothing and runs nothing, whatever is written in it."""


class Html(str):
    """Markup; any other string is text."""

    __slots__ = ()


Child: TypeAlias = Union[str, "Iterable[Child]", None]
"""What an element may hold; of something iterable each item, and of None nothing."""


def element(name: str, /, *children: Child, **attributes: object) -> Html:
    """Return an element with its children, texts among them escaped.

    Parameters
    ----------
    name : str
        The tag.
    *children : str, Html, None, or iterable of these
        What is inside.
    **attributes : object
        In names, an underscore stands for a hyphen, and one at the end for nothing (``class_``).
        None leaves the attribute out.

    Examples
    --------
    >>> element("p", "Ann & ", element("b", "Bob"), class_="note", aria_label=None)
    '<p class="note">Ann &amp; <b>Bob</b></p>'
    """
    opened = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{opened}>")
    return Html(f"<{name}{opened}>{_markup(children)}</{name}>")


def _markup(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return _escaped(child)
    return "".join(_markup(item) for item in child)


def _escaped(text: str) -> str:
    return escape(_NO_CHARACTER.sub("\ufffd", text))


def table(
    caption: Child,
    head: Iterable[Child],
    body: Iterable[Iterable[Child]],
    foot: Iterable[Child] | None = None,
    *,
    label: str,
    class_: str | None = None,
) -> Html:
    """Return a table that scrolls by itself where it is wider than the page.

    The first cell of each row is its header; the others are aligned as numbers.
    """

    def row(cells: Iterable[Child]) -> Html:
        first, *others = cells
        return element("tr", element("th", first, scope="row"), [element("td", c) for c in others])

    return element(
        "div",
        element(
            "table",
            element("caption", element("span", caption)),
            element("thead", element("tr", [element("th", c, scope="col") for c in head])),
            element("tbody", [row(cells) for cells in body]),
            None if foot is None else element("tfoot", row(foot)),
            class_=class_,
        ),
        class_="scroll",
        role="region",
        aria_label=label,
        tabindex="0",
    )


def page(title: str, *content: Child, class_: str) -> str:
    """Return a document that needs nothing but itself."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(_style())),
    )
    body = element("body", content, class_=class_)
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


@cache
def _style() -> str:
    return files("sesgame.reports.html").joinpath("style.css").read_text(encoding="utf-8")
