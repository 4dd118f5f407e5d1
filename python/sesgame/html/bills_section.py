"""Who pays what: each member's bills, what they save, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dual_prices import DualPrices
from sesgame.html.elements import Child, Html, element, table
from sesgame.html.figures import NO_BREAK, number
from sesgame.html.savings_charts import MOST_ROWS, savings_chart
from sesgame.sampled_shapley import SampledShapley

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sesgame.allocation import Allocation
    from sesgame.report import Report

    Array = NDArray[np.float64]

__all__ = ["bills_section"]


def bills_section(report: Report) -> list[Child]:
    """Return the picture of what each member saves, and the table of all."""
    word = "saving" if report.game.kind == "cost" else "surplus"
    players = [str(player) for player in report.game.players]
    savings = {rule: report.surplus(rule) for rule in report.allocations}
    spans = {
        rule: span
        for rule, allocation in report.allocations.items()
        if (span := _span(allocation)) is not None
    }
    alone = np.array(report.alone)
    margins = {
        rule: tuple(report.game.sign * (end - alone) for end in span)
        for rule, span in spans.items()
    }
    head = ["Member", "Alone", *report.allocations]
    body = [
        [
            element("bdi", player),
            number(report.alone[index], report.unit),
            *(_share(report, rule, index, word, spans.get(rule)) for rule in report.allocations),
        ]
        for index, player in enumerate(players)
    ]
    totals = [_total(report, rule, float(savings[rule].sum()), word) for rule in report.allocations]
    notes: list[Child] = []
    if report.unit:
        text = f"Each amount is rounded by itself: a {word} may be a cent off the difference."
        notes.append(element("p", text, class_="note"))
    if unbilled := [rule for rule in report.allocations if rule not in report.bills]:
        notes.append(
            element(
                "p",
                f"No bills under {', '.join(unbilled)}: shares that do not add up exactly to what "
                f"there is to split.",
                class_="note",
            )
        )
    caption = f"What each member {'pays' if word == 'saving' else 'gets'}, and the {word} "
    caption += f"against standing alone{f', in {report.unit}' if report.unit else ''}"
    return [
        element(
            "div",
            element("figure", savings_chart(players, savings, margins, report.unit, word)),
            table(
                caption,
                head,
                body,
                ["Total", number(float(np.sum(report.alone)), report.unit), *totals],
                label="Bills",
                class_="bills",
            ),
            class_="beside",
        ),
        _spread(report, savings, word) if len(players) > MOST_ROWS else None,
        *notes,
        *_span_notes(report),
    ]


def _spread(report: Report, savings: Mapping[str, Array], word: str) -> Html:
    """Return how the savings of many members are spread under each rule."""
    unit = report.unit
    body = [
        [
            rule,
            *(number(float(figure), unit) for figure in np.quantile(values, (0, 0.5, 1))),
            f"{int((values < -report.audits[rule].tolerance).sum()):,}",
        ]
        for rule, values in savings.items()
    ]
    caption = f"How the {word}s are spread{f', in {unit}' if unit else ''}"
    head = ["Rule", "Least", "Median", "Most", "Members worse off than alone"]
    return table(caption, head, body, label=f"Spread of {word}s")


def _span(allocation: Allocation) -> tuple[Array, Array] | None:
    """Return between what each share lies, where a rule leaves that open."""
    match allocation.evidence:
        case SampledShapley(half_widths=half_widths) if half_widths.any():
            return allocation.values - half_widths, allocation.values + half_widths
        case DualPrices(lowest=lowest, highest=highest):
            if (highest - lowest > allocation.tolerance).any():
                return lowest, highest
    return None


def _span_notes(report: Report) -> list[Child]:
    """Return what the spans below the shares mean."""
    notes: list[Child] = []
    for rule, allocation in report.allocations.items():
        if _span(allocation) is None:
            continue
        if isinstance(allocation.evidence, SampledShapley):
            text = (
                f"{rule}: \N{PLUS-MINUS SIGN} is the interval at "
                f"{allocation.evidence.confidence:.0%} confidence"
                f"{', for all members at once' if allocation.evidence.simultaneous else ''}."
            )
        else:
            text = (
                f"{rule}: in brackets, between what a bill lies under any prices that prove the "
                f"dispatch to be the cheapest."
            )
        notes.append(element("p", text, class_="note"))
    return notes


def _share(
    report: Report, rule: str, index: int, word: str, span: tuple[Array, Array] | None
) -> list[Child]:
    """Return a bill, or a share that is none, with what it saves and how sure it is."""
    unit = report.unit
    share = float(report.allocations[rule].values[index])
    figure = number(share, unit)
    if unit and rule in report.bills:
        figure = number(float(report.bills[rule][index]), unit)
    saving = float(report.surplus(rule)[index])
    saved = _saved(saving, word, unit)
    if span is None:
        return [figure, saved]
    low, high = float(span[0][index]), float(span[1][index])
    if isinstance(report.allocations[rule].evidence, SampledShapley):
        margin = f"{NO_BREAK}\N{PLUS-MINUS SIGN}{NO_BREAK}{number((high - low) / 2, unit)}"
        return [figure, element("span", margin, class_="margin"), saved]
    if number(low, unit) == number(high, unit):
        return [figure, saved]
    return [figure, saved, element("small", f"[{number(low, unit)}, {number(high, unit)}]")]


def _saved(saving: float, word: str, unit: str) -> Html:
    verbs = ("saves", "loses") if word == "saving" else ("gains", "loses")
    text = number(abs(saving), unit)
    if float(text.replace(",", "")) == 0:
        return element("small", "as alone")
    worse = saving < 0
    return element("small", f"{verbs[worse]} {text}", class_="worse" if worse else "better")


def _total(report: Report, rule: str, saving: float, word: str) -> list[Child]:
    if report.unit and rule in report.bills:
        total = float(sum(report.bills[rule]))
    else:
        total = report.allocations[rule].total
    return [number(total, report.unit), _saved(saving, word, report.unit)]
