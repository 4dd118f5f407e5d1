"""A letter to one member: the bill, what it would be alone, why it is so, and how to check it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from sesgame.catalogue import explanation
from sesgame.errors import AllocationError
from sesgame.files.file_names import file_names
from sesgame.formatting import count
from sesgame.reports.html.elements import Child, Html, element, page
from sesgame.reports.html.figures import amount, difference, energy, verb

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sesgame.reports.content import ReportContent
    from sesgame.stability.audit import Audit

__all__ = ["letter_names", "letter_page"]

METER_NOISE_KWH = 0.05
"""Less feeding in is no two-way meter."""


def letter_names(players: Iterable[Hashable]) -> list[str]:
    """Return a file name for each player, as :func:`file_names` makes it."""
    return file_names(players, ".html", "member")


def letter_page(report: ReportContent, player: Hashable, rule: str | None = None) -> str:
    """Return the letter to one player, about one rule, by default the first that gives bills.

    Raises
    ------
    AllocationError
        There is no such rule, it gives no bills, or no rule does.
    """
    rule = _billed(report, rule)
    index = report.game.players.index(player)
    name, world = str(player), report.problem.world
    period = world.period_in_words if world else None
    return page(
        f"{name}: {report.name}",
        element(
            "header",
            element("p", report.name, f", {period}" if period else None, class_="from"),
            element("h1", "To ", element("bdi", name)),
        ),
        element(
            "main",
            _bill(report, index, rule),
            _why(report, index, rule),
            _holds(report, index, rule),
            _check(report, rule),
        ),
        element(
            "footer",
            element("p", f"Made with sesgame {report.versions['sesgame']}."),
        ),
        class_="letter",
    )


def _billed(report: ReportContent, rule: str | None) -> str:
    if rule is None:
        rule = next(iter(report.bills), None)
        if rule is None:
            raise AllocationError(
                "no letters can be written: none of the rules is efficient, so none gives bills"
            )
    if rule not in report.bills:
        there = ", ".join(report.bills) or "none"
        raise AllocationError(f'no bills by "{rule}"; choose from {there}')
    return rule


def _bill(report: ReportContent, index: int, rule: str) -> Html:
    """Return what there is to pay, to the cent, beside what it would be alone."""
    bill = float(report.bills[rule][index])
    alone = report.alone[index]
    kind, is_cost = report.game.kind, report.game.kind == "cost"
    saving = float(report.surplus(rule)[index])
    better = "You save" if is_cost else "You gain"
    if saving < 0:
        better = "You lose"
    rows: list[tuple[Child, Child]] = [
        (f"In the community you {verb(kind, bill)}", _money(report, bill)),
        (f"On your own you would {verb(kind, alone)}", amount(abs(alone), report.unit)),
        (better, amount(abs(saving), report.unit)),
    ]
    what = "Your bill" if is_cost else "Your share"
    return element(
        "section",
        element("h2", what),
        element(
            "p",
            f"You {verb(kind, bill)} ",
            element("strong", _money(report, bill), class_="sum"),
        ),
        element(
            "table",
            element("caption", f"{what}, beside what it would be alone; each rounded by itself"),
            element(
                "tbody",
                [
                    element("tr", element("th", text, scope="row"), element("td", figure))
                    for text, figure in rows
                ],
            ),
        ),
    )


def _money(report: ReportContent, bill: float) -> str:
    """Return the size of a bill to the cent, also where there is no unit of money."""
    return amount(abs(bill), report.unit) if report.unit else f"{abs(bill):,.2f}"


def _why(report: ReportContent, index: int, rule: str) -> Html:
    """Return what the member brings, what the others gain by it, and what the rule does."""
    unit, game = report.unit, report.game
    allocation = report.allocations[rule]
    # What all bear under the rule, which is more than v(N) where its own arrangement costs more.
    others = float(game.sign * (allocation.total - report.without_each[index]))
    theirs = others - game.sign * float(allocation.values[index])
    sentences: list[str] = [*_energy(report, index)]
    if game.n_players > 1:
        if game.kind == "cost":
            bears = "more" if others < 0 else "less"
            sentences.append(
                f"With you the whole community bears {amount(abs(others), unit)} {bears} than the "
                f"others would without you. Your bill counted, the others are "
                f"{_better(theirs, unit)} with you than without you."
            )
        else:
            sentences.append(
                f"With you there is {amount(abs(others), unit)} "
                f"{'more' if others >= 0 else 'less'} to split than without you. Your share "
                f"counted, the others are {_better(theirs, unit)} with you than without you."
            )
    what = explanation(allocation)
    sentences.append(f"The rule is: {allocation.method}.{f' {what}' if what else ''}")
    return element("section", element("h2", "Why"), [element("p", text) for text in sentences])


def _better(gain: float, unit: str) -> str:
    """Return by how much people are better off, if at all."""
    text = amount(abs(gain), unit)
    if text == amount(0.0, unit):
        return "neither better nor worse off"
    return f"{text} {'better' if gain > 0 else 'worse'} off"


def _energy(report: ReportContent, index: int) -> list[str]:
    """Return what the member used, generated and stores, of a community."""
    community = report.community
    if community is None:
        return []
    load, pv = community.load_kwh[index], community.pv_kwh[index]
    fed_in = -np.minimum(load, 0.0).sum()
    text = f"You used {energy(load.sum())}"
    if fed_in >= METER_NOISE_KWH:
        text = f"Your meter drew {energy(load.sum() + fed_in)} and fed in {energy(fed_in)}"
    if pv.any():
        own = float(np.minimum(np.maximum(load, 0.0), np.maximum(pv, 0.0)).sum())
        generated = f"generated {energy(pv.sum())}, of which {energy(own)} you used at once"
        text += f"; you {generated}" if fed_in >= METER_NOISE_KWH else f" and {generated}"
    batteries = [b for b in community.batteries if b.owner == community.members[index]]
    if batteries and community.uses_batteries(report.problem.model):
        stores = sum(battery.energy_kwh for battery in batteries)
        text += f"; you bring {count(len(batteries), 'battery')} of {energy(stores)}"
    return [f"{text}."]


def _holds(report: ReportContent, index: int, rule: str) -> Html:
    """Return what the audit says for this member."""
    unit, audit, allocation = report.unit, report.audits[rule], report.allocations[rule]
    excess = report.game.sign * (report.alone[index] - float(allocation.values[index]))
    sentences = [_alone(excess, audit.tolerance, unit)]
    objections = report.objections(rule)
    objection = -np.inf if objections is None else float(objections[index])
    if np.isfinite(objection):
        sentences.append(_in_a_group(objection, audit.tolerance, unit))
    if objection <= audit.tolerance:
        sentences.append(_of_all(audit, unit))
    intervals = allocation.intervals
    if intervals and intervals.half_widths is not None:
        within = amount(float(intervals.half_widths[index]), unit)
        sentences.append(
            f"Your share was estimated from a sample: at {intervals.confidence:.0%} confidence it "
            f"is within {within} of the exact one."
        )
    return element(
        "section",
        element("h2", "What has been checked for you"),
        element("ul", [element("li", text) for text in sentences]),
    )


def _alone(excess: float, tolerance: float, unit: str) -> str:
    if excess > tolerance:
        return f"On your own you would be {difference(excess, unit)} better off."
    if excess < -tolerance:
        return f"On your own you would be {difference(excess, unit)} worse off."
    return "On your own you would be neither better nor worse off."


def _in_a_group(excess: float, tolerance: float, unit: str) -> str:
    if excess > tolerance:
        return (
            f"There is a group with you in it that would be {difference(excess, unit)} better off "
            f"among themselves."
        )
    least = amount(-excess, unit)
    if excess < -tolerance and least != amount(0.0, unit):
        return (
            f"Whatever group you leave with, it would be worse off among themselves, by at least "
            f"{least} in all."
        )
    return "No group that you could leave with would be better off among themselves."


def _of_all(audit: Audit, unit: str) -> str:
    """Return what holds of all groups, without naming other members."""
    if audit.in_core:
        return "The shares add up, and no group of members can do better on its own."
    if audit.worst_coalition_excess > audit.tolerance:
        return (
            f"The rule does not keep every group content: one of "
            f"{len(audit.worst_coalition)} members would gain "
            f"{difference(audit.worst_coalition_excess, unit)} by leaving."
        )
    if not audit.efficient:
        return "The shares do not add up exactly to what there is to split."
    limit = f" none gains more than {amount(audit.bound, unit)}" if np.isfinite(audit.bound) else ""
    return "No group was found that can do better on its own; " + (
        f"it is proved that{limit}." if limit else "that there is none is not proved."
    )


def _check(report: ReportContent, rule: str) -> Html:
    certificate = ""
    if report.certified(rule):
        found = report.verifications[rule]
        certificate = f" The shares were checked by {found.checked_by}. Proved: {found.claim}."
    return element(
        "section",
        element("h2", "How to check it"),
        element(
            "p",
            "The report of the community, report.html, has the bills of all, what they rest on, "
            "the digests of the data, and the commands that make the same result again on "
            f"anybody's machine.{certificate}",
            " Compare the energy above with your own meter." if report.community else None,
        ),
    )
