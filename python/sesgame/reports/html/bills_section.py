"""Who pays what: each member's bills, what they save, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.reports.html.elements import Child, Html, element, table
from sesgame.reports.html.figures import NO_BREAK, number
from sesgame.reports.html.savings_charts import MOST_ROWS, Savings, savings_chart
from sesgame.stability.search import RELATIVE_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sesgame.game.allocation import Intervals
    from sesgame.reports.content import ReportContent

    Array = NDArray[np.float64]

__all__ = ["bills_section"]


def bills_section(report: ReportContent) -> list[Child]:
    """Return the picture of what each member saves, and the table of all."""
    word = "saving" if report.game.kind == "cost" else "surplus"
    players = [str(player) for player in report.game.players]
    savings = {rule: _savings(report, rule) for rule in report.allocations}
    spans = {rule: allocation.intervals for rule, allocation in report.allocations.items()}
    ends = {
        rule: (
            report.game.sign * (span.lowest - report.alone),
            report.game.sign * (span.highest - report.alone),
        )
        for rule, span in spans.items()
        if span is not None
    }
    drawn = Savings(players, savings, ends, report.unit, word)
    return [
        element(
            "div",
            element(
                "div",
                element("figure", savings_chart(drawn)),
                _spread(report, savings, word) if len(players) > MOST_ROWS else None,
            ),
            _bills(report, players, savings, spans, word),
            class_="beside",
        ),
        [element("p", note, class_="note") for note in _notes(report, spans, word)],
    ]


def _savings(report: ReportContent, rule: str) -> Array:
    """Return what each member saves; 0 where that is nothing but rounding."""
    saved = report.surplus(rule)
    size = max(abs(report.together), *map(abs, report.alone))
    rounding = max(RELATIVE_TOLERANCE * size, report.game.rounding)
    return np.where(np.abs(saved) <= rounding, 0.0, saved)


def _bills(
    report: ReportContent,
    players: Sequence[str],
    savings: Mapping[str, Array],
    spans: Mapping[str, Intervals | None],
    word: str,
) -> Html:
    """Return the table: a row for each member, a column for each rule."""
    unit = report.unit

    def cell(rule: str, index: int) -> list[Child]:
        span, margin = spans[rule], 0.0
        if span is not None and span.half_widths is not None:
            margin = float(span.half_widths[index])
        saved = _saved(float(savings[rule][index]), word, unit, margin)
        return [*_share(report, rule, index, spans[rule]), saved]

    body = [
        [
            element("bdi", player),
            number(report.alone[index], unit),
            *(cell(rule, index) for rule in savings),
        ]
        for index, player in enumerate(players)
    ]
    totals = [
        [number(_total(report, rule), unit), _saved(float(values.sum()), word, unit)]
        for rule, values in savings.items()
    ]
    caption = f"What each member {'pays' if word == 'saving' else 'gets'}, and the {word} against "
    caption += f"standing alone{f', in {unit}' if unit else ''}"
    return table(
        caption,
        ["Member", "Alone", *savings],
        body,
        ["Total", number(float(np.sum(report.alone)), unit), *totals],
        label="Bills",
        class_="bills",
    )


def _spread(report: ReportContent, savings: Mapping[str, Array], word: str) -> Html:
    """Return how the savings of many members are spread under each rule."""
    unit = report.unit
    body = [
        [rule, *(number(float(figure), unit) for figure in np.quantile(values, (0, 0.5, 1)))]
        for rule, values in savings.items()
    ]
    caption = f"How the {word}s are spread{f', in {unit}' if unit else ''}"
    head = ["Rule", "Least", "Median", "Most"]
    return table(caption, head, body, label=f"Spread of {word}s")


def _share(report: ReportContent, rule: str, index: int, span: Intervals | None) -> list[Child]:
    """Return a bill, or a share that is none, and how sure it is."""
    unit, allocation = report.unit, report.allocations[rule]
    figure = number(float(allocation.values[index]), unit)
    if unit and rule in report.bills:
        figure = number(float(report.bills[rule][index]), unit)
    if span is None:
        return [figure]
    low, high = float(span.lowest[index]), float(span.highest[index])
    if span.half_widths is not None:
        margin = f"{NO_BREAK}\N{PLUS-MINUS SIGN}{NO_BREAK}{number((high - low) / 2, unit)}"
        return [figure, element("span", margin, class_="margin")]
    if number(low, unit) == number(high, unit):
        return [figure]
    return [figure, element("small", f"[{number(low, unit)}, {number(high, unit)}]")]


def _saved(saving: float, word: str, unit: str, margin: float = 0.0) -> Html:
    """Return a saving in words, in colour only if it is beyond the margin of error."""
    text = number(abs(saving), unit)
    if float(text.replace(",", "")) == 0:
        return element("small", "as alone")
    verb = "loses" if saving < 0 else "saves" if word == "saving" else "gains"
    colour = None
    if abs(saving) > margin:
        colour = "worse" if saving < 0 else "better"
    return element("small", f"{verb} {text}", class_=colour)


def _total(report: ReportContent, rule: str) -> float:
    if report.unit and rule in report.bills:
        return float(sum(report.bills[rule]))
    return report.allocations[rule].total


def _notes(report: ReportContent, spans: Mapping[str, Intervals | None], word: str) -> list[str]:
    """Return in sentences what the table leaves to be said."""
    notes = [report.terms] if report.terms else []
    notes += [
        f"{rule}: {sentence}" for rule in report.allocations for sentence in report.accounts(rule)
    ]
    if report.unit:
        notes.append(
            f"Each amount is rounded by itself: a {word} may be a cent off the difference."
        )
    if unbilled := [rule for rule in spans if rule not in report.bills]:
        notes.append(
            f"No bills under {', '.join(unbilled)}: shares that do not add up to what there is to "
            f"split."
        )
    for rule, span in spans.items():
        if span is None:
            continue
        if span.half_widths is None:
            notes.append(f"{rule}: in brackets, {span.reason}.")
        else:
            notes.append(
                f"{rule}: \N{PLUS-MINUS SIGN} is {span.reason}; a saving within it is grey."
            )
    return notes
