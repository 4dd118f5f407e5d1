"""The report: what a community and its members want to know, on one page that stands alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.formatting import count
from sesgame.reports.html.audit_section import audit_section
from sesgame.reports.html.bills_section import bills_section
from sesgame.reports.html.elements import Child, element, page
from sesgame.reports.html.energy_section import (
    energy_facts,
    energy_section,
    scenarios_section,
)
from sesgame.reports.html.figures import amount, verb
from sesgame.reports.html.proofs import again, check_code

if TYPE_CHECKING:
    from sesgame.reports.content import ReportContent

__all__ = ["report_page"]


def report_page(report: ReportContent) -> str:
    """Return the whole document."""
    community, world = report.community, report.problem.world
    scenarios = world.scenario_energy() if world else []
    sections = {
        "glance": ("At a glance", _glance(report)),
        "bills": (
            "Who pays what" if report.game.kind == "cost" else "Who gets what",
            bills_section(report),
        ),
        "holds": ("What holds", audit_section(report)),
    }
    if community:
        sections["energy"] = ("The energy", energy_section(community, report.schedule))
    elif scenarios:
        sections["energy"] = (
            "The energy",
            scenarios_section(scenarios, world.risk_in_words if world else ""),
        )
    sections["check"] = ("Check it yourself", _check(report))
    sections["inputs"] = ("Inputs and versions", _inputs(report))
    links = [element("a", title, href=f"#{section}") for section, (title, _) in sections.items()]
    subtitle = count(report.game.n_players, "member")
    if world and world.period_in_words:
        subtitle = f"{world.period_in_words}, {subtitle}"
    return page(
        f"{report.name}: who {'pays' if report.game.kind == 'cost' else 'gets'} what",
        element(
            "header",
            element("h1", report.name),
            element("p", subtitle),
            element("nav", links, aria_label="Sections"),
        ),
        element(
            "main",
            [
                element(
                    "section",
                    element("h2", title, id=f"{section}-title"),
                    content,
                    id=section,
                    aria_labelledby=f"{section}-title",
                )
                for section, (title, content) in sections.items()
            ],
        ),
        class_="report",
    )


def _glance(report: ReportContent) -> list[Child]:
    """Return what all bear alone and together, and what they have."""
    unit, is_cost = report.unit, report.game.kind == "cost"
    alone, together = float(np.sum(report.alone)), report.together
    surplus = report.game.sign * (together - alone)
    facts = [
        ("All on their own", amount(alone, unit)),
        ("Together", amount(together, unit)),
        ("Saved by sharing" if is_cost else "Gained by sharing", amount(surplus, unit)),
    ]
    if report.community:
        facts += energy_facts(report.community, report.schedule)
    kind = report.game.kind
    sentence = (
        f"On their own the members would {verb(kind, alone)} {amount(abs(alone), unit)} in all, "
        f"together they {verb(kind, together)} {amount(abs(together), unit)}. This page says who "
        f"{'pays' if is_cost else 'gets'} what, and why that holds."
    )
    if min(report.alone) < 0 or together < 0:
        sentence += f" Negative amounts are {'received' if is_cost else 'paid'}."
    return [
        element("p", sentence),
        element(
            "dl",
            [element("div", element("dt", name), element("dd", figure)) for name, figure in facts],
            class_="facts",
        ),
    ]


def _check(report: ReportContent) -> list[Child]:
    """Return how anybody can verify this page."""
    content: list[Child] = []
    if report.command:
        where = (
            f"In the folder that holds {report.name}" if report.problem.world else "Beside the file"
        )
        content += [
            element(
                "p",
                f"{where}, these commands check that the data are the ones listed below, and make "
                f"this page again. With the same versions it has the same bytes.",
            ),
            element("pre", element("code", again(report)), tabindex="0"),
        ]
    content += [
        element(
            "p",
            "This checks, in Python and with result.json beside it, that the shares hold what "
            "this page says of them, and the certificates in that file by code that shares "
            "nothing with the code that found them.",
        ),
        element("pre", element("code", check_code(report)), tabindex="0"),
    ]
    return content


def _inputs(report: ReportContent) -> list[Child]:
    """Return files, options and versions."""
    files = report.source.get("files", {})
    facts = {
        key.replace("_", " "): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for key, value in {**report.source, **report.options, **report.versions}.items()
        if key not in ("files", "n_steps", "step_hours")
    }
    if report.community:
        facts["steps"] = report.community.steps.in_words
    if report.problem.world:
        facts["currency"] = report.unit
    digests = element(
        "dl",
        [
            (element("dt", name), element("dd", element("code", digest)))
            for name, digest in files.items()
        ],
        class_="digests",
    )
    return [
        element("p", "The files, with their SHA-256:") if files else None,
        digests if files else None,
        element(
            "dl",
            [(element("dt", name), element("dd", value)) for name, value in facts.items()],
            class_="options",
        ),
    ]
