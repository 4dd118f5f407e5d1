"""Tables as people read them: aligned text and escaped HTML, cut before they get too long."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from html import escape

__all__ = [
    "LESS",
    "ROWS",
    "amount",
    "count",
    "format_coalition",
    "html_table",
    "left_out",
    "named",
    "number",
    "short_coalition",
    "shown",
    "size",
    "text_table",
]

ROWS = 30
"""So many players are listed in full; of more, the first :data:`FIRST`."""

FIRST = 20
"""Players of a larger game that are listed."""

LESS = "less than "
"""Before the smallest amount that is written."""

NAMED = 6
"""Members of a coalition that a table names."""


_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""What a terminal obeys instead of showing it: control characters, breaks of lines, changes of the
direction of writing; and halves of characters, which it cannot show."""


def shown(label: object) -> str:
    r"""Return a label as a terminal may have it: what it would obey, as Python writes it.

    Examples
    --------
    >>> print(shown("ann"), shown("\x1b[2J"), shown("a\nTOTAL  0"))
    ann \x1b[2J a\nTOTAL  0
    """
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], str(label))


def left_out(count: int) -> int:
    """Return how many of `count` rows a table leaves out.

    Examples
    --------
    >>> left_out(30), left_out(104)
    (0, 84)
    """
    return 0 if count <= ROWS else count - FIRST


def format_coalition(labels: Collection[Hashable]) -> str:
    """Return a coalition as messages and reports show it.

    Examples
    --------
    >>> format_coalition(("ann", "eve"))
    '{ann, eve}'
    """
    return "{" + ", ".join(shown(label) for label in labels) + "}"


def short_coalition(members: Collection[Hashable], staying: Collection[Hashable] = ()) -> str:
    """Return a coalition in a few words: by those who stay where they are fewer.

    Examples
    --------
    >>> short_coalition(("ann", "bob"), ("eve",))
    '{ann, bob}'
    >>> short_coalition(("ann", "bob", "cem"), ("eve",))
    'all except {eve}'
    >>> short_coalition(range(100))
    '{0, 1, 2, 3, 4, 5 and 94 more}'
    """
    if staying and len(staying) < len(members) - 1:
        return f"all except {short_coalition(staying)}"
    if len(members) <= NAMED + 1:
        return format_coalition(members)
    named = ", ".join(shown(label) for label in list(members)[:NAMED])
    return f"{{{named} and {len(members) - NAMED:,} more}}"


def named(value: object) -> str:
    """Return what something is that is not what was expected: its type and how it begins.

    Examples
    --------
    >>> named("ann"), named(None), named({"ann": 1.0})
    ("str 'ann'", 'None', "dict {'ann': 1.0}")
    """
    if value is None:
        return "None"
    try:
        text = " ".join(reprlib.repr(value).split())
    except Exception:
        text = "that cannot be shown"
    return f"{type(value).__name__} {text}"


def count(number: int, noun: str) -> str:
    """Return how many there are of something.

    Examples
    --------
    >>> count(1, "battery"), count(1482, "member"), count(2, "day")
    ('1 battery', '1,482 members', '2 days')
    """
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{number:,} {noun[:-1]}ies"
    return f"{number:,} {noun}s"


def number(value: float, unit: str = "", sign: bool = False) -> str:
    """Return a figure without its unit: to the cent, or six digits where there is no currency.

    Examples
    --------
    >>> number(1234.5, "EUR"), number(1234.5), number(2, "EUR", sign=True), number(-1e-9, "EUR")
    ('1,234.50', '1234.5', '+2.00', '0.00')
    """
    value = (round(value, 2) if unit else value) + 0.0  # no -0
    digits = ("+" if sign and value else "") + (",.2f" if unit else ".6g")
    return f"{value:{digits}}"


def amount(value: float, unit: str = "", sign: bool = False) -> str:
    """Return a figure: to the cent and with its unit, where it has one.

    Examples
    --------
    >>> amount(1234.5, "EUR"), amount(1234.5), amount(2, "EUR", sign=True), amount(-1e-9, "EUR")
    ('1,234.50 EUR', '1234.5', '+2.00 EUR', '0.00 EUR')
    """
    return f"{number(value, unit, sign)} {unit}".rstrip()


def size(value: float, unit: str = "", write: Callable[[float, str], str] = amount) -> str:
    """Return how large what is not nothing is, whatever its sign.

    `write` is how an amount is written.

    Examples
    --------
    >>> size(-12, "EUR"), size(0.002, "EUR"), size(0.002)
    ('12.00 EUR', 'less than 0.01 EUR', '0.002')
    """
    if unit and abs(value) < 0.005:
        return f"{LESS}{write(0.01, unit)}"
    return write(abs(value), unit)


def text_table(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """Return the lines of a table; the columns of `left` begin, the others end, at one place.

    Each cell is :func:`shown`, so that it stays in its line.

    Examples
    --------
    >>> text_table([["rule", "time"], ["owen", "12 s"]])
    ['rule  time', 'owen  12 s']
    """
    rows = [[shown(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def html_table(
    head: Iterable[object], rows: Iterable[Iterable[object]], caption: str = "", note: str = ""
) -> str:
    """Return an HTML table, escaped; the first cell of each row is its heading.

    Examples
    --------
    >>> html_table(["player", "pays"], [["<b>", 3]])
    '<table><tr><th>player</th><th>pays</th></tr><tr><th>&lt;b&gt;</th><td>3</td></tr></table>'
    """
    lines = [f"<caption>{escape(caption)}</caption>"] if caption else []
    lines.append(_row("th", head))
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in rest)
        lines.append(f"<tr><th>{escape(str(first))}</th>{cells}</tr>")
    end = f"<p>{escape(note)}</p>" if note else ""
    return f"<table>{''.join(lines)}</table>{end}"


def _row(tag: str, cells: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
