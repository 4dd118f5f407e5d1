"""What holds: the verdicts of the audit on each rule, in a table and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sesgame.catalogue import explanation
from sesgame.reports.html.certificate import certificate
from sesgame.reports.html.elements import Child, Html, element, table
from sesgame.reports.html.figures import difference
from sesgame.reports.html.proofs import grounds

if TYPE_CHECKING:
    from sesgame.reports.content import ReportContent
    from sesgame.stability.audit import Audit

__all__ = ["audit_section"]


def audit_section(report: ReportContent) -> list[Child]:
    """Return what the audit says of each rule, what it means and what it rests on."""
    head = ["Rule", "Adds up", "Nobody is better off alone", "No group is better off alone"]
    body = [[rule, *_verdicts(audit, report.unit)] for rule, audit in report.audits.items()]
    caption = "What holds of each rule, and by how much what does not"
    caption += f", in {report.unit}" if report.unit else ""
    return [
        table(caption, head, body, label="Audit"),
        [_rule(report, rule, place) for place, rule in enumerate(report.allocations)],
    ]


def _verdicts(audit: Audit, unit: str) -> list[Child]:
    def verdict(holds: bool | None, figure: float) -> Html:
        if holds is None:
            return element("span", "not proved", class_="open")
        if holds:
            return element("span", "yes", class_="better")
        by = difference(figure, unit).removesuffix(unit).rstrip()
        return element("span", f"no, by {by}", class_="worse")

    no_group: bool | None = audit.worst_coalition_excess <= audit.tolerance
    if no_group and audit.bound > audit.tolerance:
        no_group = None
    return [
        verdict(audit.efficient, audit.efficiency_gap),
        verdict(audit.individually_rational, audit.worst_player_excess),
        verdict(no_group, audit.worst_coalition_excess),
    ]


def _rule(report: ReportContent, rule: str, place: int) -> Html:
    allocation = report.allocations[rule]
    what = explanation(allocation)
    return element(
        "article",
        element("h3", rule, id=f"rule-{place}"),
        element("p", element("em", allocation.method), f": {what}" if what else None),
        element(
            "ul",
            [element("li", text) for text in report.audits[rule].sentences(report.unit)],
            [element("li", text) for text in report.provisos(rule)],
        ),
        [element("p", text, class_="note") for text in grounds(report, rule)],
        certificate(report, rule),
        aria_labelledby=f"rule-{place}",
    )
