"""A certificate, stage by stage, for whoever wants to add it up by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sesgame.formatting import ROWS, count, format_coalition
from sesgame.reports.html.elements import Child, Html, element
from sesgame.reports.html.figures import amount

if TYPE_CHECKING:
    from sesgame.game.allocation import Level
    from sesgame.reports.content import ReportContent

__all__ = ["certificate"]


def certificate(report: ReportContent, rule: str) -> Html | None:
    """Return the stages that prove the shares, of so few members that they can be named."""
    evidence = report.allocations[rule].evidence
    stages = evidence.levels if evidence else ()
    if not evidence or not stages or report.game.n_players > ROWS or not report.certified(rule):
        return None
    per_member = " per member" if evidence.is_per_member else ""
    return element(
        "details",
        element("summary", f"The certificate, {count(len(stages), 'stage')}"),
        element(
            "p",
            "Counted with the number before it, the groups of stage 1 have each member equally "
            "often: what one of them gains, another loses, so none can be given less reason to "
            "leave without giving another more. In a later stage the groups, counted like that, "
            "are made of groups of earlier stages, whose amounts are settled.",
            class_="note",
        ),
        [_stage(report, number, stage, per_member) for number, stage in enumerate(stages, 1)],
    )


def _stage(report: ReportContent, number: int, stage: Level, per_member: str) -> list[Child]:
    """Return the groups of a stage, with their weights, and what they gain by leaving."""
    verb = "gain" if stage.excess > 0 else "lose"
    each = f"each would {verb} {amount(abs(stage.excess), report.unit)}{per_member} by leaving"
    rows = [
        f"{_weight(weight)} \N{MULTIPLICATION SIGN} {format_coalition(group)}"
        for group, weight in zip(stage.coalitions, stage.weights, strict=True)
    ]
    rows += [
        f"{_weight(weight)} \N{MULTIPLICATION SIGN} {player}, who gets no less than alone"
        for player, weight in zip(stage.bounds, stage.bound_weights, strict=True)
    ]
    return [
        element("p", f"Stage {number}: {each}."),
        element("ul", [element("li", row) for row in rows]),
    ]


def _weight(weight: float) -> str:
    """Return a weight as the fraction that it is, where that is a simple one.

    Examples
    --------
    >>> _weight(1 / 6), _weight(0.5), _weight(1.0), _weight(0.1234567891)
    ('1/6', '1/2', '1', '0.123457')
    """
    simple = Fraction(weight).limit_denominator(1000)
    return str(simple) if abs(simple - Fraction(weight)) < Fraction(1, 10**12) else f"{weight:.6g}"
