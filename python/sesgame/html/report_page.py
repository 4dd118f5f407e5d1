"""The report: what a community and its members want to know, on one page that stands alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dual_prices import DualPrices
from sesgame.html.dispatch_charts import course_of_a_day, totals_by_day
from sesgame.html.elements import Child, Html, element, page, table
from sesgame.html.figures import NO_BREAK, amount, energy, number, period_in_words
from sesgame.html.proofs import again, check_code, grounds, meaning
from sesgame.html.savings_charts import MOST_ROWS, savings_chart
from sesgame.sampled_shapley import SampledShapley

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sesgame.allocation import Allocation
    from sesgame.audit import Audit
    from sesgame.energy.community import Community
    from sesgame.energy.schedule import Schedule
    from sesgame.report import Report

    Array = NDArray[np.float64]

__all__ = ["report_page"]

UNUSED_KWH = 0.05
"""Less is rounding."""


def report_page(report: Report) -> str:
    """Return the whole document."""
    community = report.case.community
    sections = {
        "glance": ("At a glance", _glance(report)),
        "bills": (
            "Who pays what" if report.game.kind == "cost" else "Who gets what",
            _bills(report),
        ),
        "holds": ("What holds", _holds(report)),
    }
    if community:
        sections["energy"] = ("The energy", _energy(report, community))
    sections["check"] = ("Check it yourself", _check(report))
    sections["inputs"] = ("Inputs and versions", _inputs(report))
    links = [element("a", title, href=f"#{section}") for section, (title, _) in sections.items()]
    subtitle = f"{report.game.n_players:,} members"
    if community:
        subtitle = f"{period_in_words(community.steps)}, {subtitle}"
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


def _glance(report: Report) -> list[Child]:
    """Return what all bear alone and together, and what they have."""
    unit, is_cost = report.unit, report.game.kind == "cost"
    alone, together = float(np.sum(report.alone)), report.together
    surplus = report.game.sign * (together - alone)
    facts = [
        ("All on their own", amount(alone, unit)),
        ("Together", amount(together, unit)),
        ("Saved by sharing" if is_cost else "Gained by sharing", amount(surplus, unit)),
    ]
    if report.case.community:
        facts += _facts(report.case.community, report.schedule)
    verb = "pays" if is_cost else "gets"
    sentence = (
        f"On their own the members would {_bears(report, alone)} in all, together they "
        f"{_bears(report, together)}. This page says who {verb} what, and why that holds."
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


def _bears(report: Report, value: float) -> str:
    verb = "pay" if (report.game.kind == "cost") == (value >= 0) else "receive"
    return f"{verb} {amount(abs(value), report.unit)}"


def _facts(community: Community, schedule: Schedule) -> list[tuple[str, str]]:
    load, pv = float(community.load_kwh.sum()), float(community.pv_kwh.sum())
    batteries = community.batteries if schedule.model != "netting" else ()
    facts = [("Load", energy(load))]
    if pv:
        with_pv = int(community.pv_kwh.any(axis=1).sum())
        facts.append((f"PV, of {with_pv} members", energy(pv)))
    if batteries:
        capacity = energy(sum(battery.energy_kwh for battery in batteries))
        power = energy(sum(battery.power_kw for battery in batteries), "kW")
        facts.append((f"{len(batteries)} batteries", f"{capacity}, {power}"))
    for name, (capacity_kwh, power_kw) in schedule.purchases.items():
        facts.append(
            (f"Storage bought, {name}", f"{energy(capacity_kwh)}, {energy(power_kw, 'kW')}")
        )
    facts.append(("Highest import", energy(schedule.peak_import_kw, "kW")))
    if load > 0:
        own = max(0.0, 1 - float(schedule.grid_import_kwh.sum()) / load)
        facts.append(("Load not bought", f"{own:.0%}"))
    return facts


def _bills(report: Report) -> list[Child]:
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
    if unbilled := [rule for rule in report.allocations if rule not in report.bills]:
        notes.append(
            element(
                "p",
                f"No bills under {', '.join(unbilled)}: shares that do not add up exactly to what "
                f"there is to split.",
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


def _holds(report: Report) -> list[Child]:
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
        return element("span", f"no, by {number(abs(figure), unit)}", class_="worse")

    no_group: bool | None = audit.worst_coalition_excess <= audit.tolerance
    if no_group and audit.bound > audit.tolerance:
        no_group = None
    return [
        verdict(audit.efficient, audit.efficiency_gap),
        verdict(audit.individually_rational, audit.worst_player_excess),
        verdict(no_group, audit.worst_coalition_excess),
    ]


def _rule(report: Report, rule: str, place: int) -> Html:
    allocation = report.allocations[rule]
    what = meaning(allocation)
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
        aria_labelledby=f"rule-{place}",
    )


def _energy(report: Report, community: Community) -> list[Child]:
    """Return the dispatch: what flows when, at which prices, and what it costs."""
    schedule = report.schedule
    how = {
        "netting": "Loads and PV are netted in each step; no battery is used.",
        "battery": "The batteries are run as one, as cheaply as possible for all.",
        "linear": "Each battery is run by itself, as cheaply as possible for all, within all "
        "limits.",
    }[schedule.model]
    steps = community.steps
    text = (
        f"{how} {steps.n_steps:,} steps of {steps.step_hours * 60:g} minutes; the dispatch knows "
        f"them all in advance. Net load is load minus PV."
    )
    days = totals_by_day(schedule)
    return [
        element("p", text),
        element(
            "div",
            element("figure", course_of_a_day(community, schedule)),
            None if days is None else element("figure", days),
            class_="figures",
        ),
        _balance(community, schedule),
    ]


def _balance(community: Community, schedule: Schedule) -> Html:
    """Return energy and money of the whole period: how the bill of all comes about."""
    bought = float(community.buy_per_kwh @ schedule.grid_import_kwh)
    sold = float(community.sell_per_kwh @ schedule.grid_export_kwh)
    unit = schedule.currency
    rows: list[tuple[str, float | None, float | None]] = [
        ("Load", float(community.load_kwh.sum()), None),
        ("PV", float(community.pv_kwh.sum()), None),
        ("Into batteries", float(schedule.charge_kwh.sum()), None),
        ("Out of batteries", float(schedule.discharge_kwh.sum()), None),
        ("Bought", float(schedule.grid_import_kwh.sum()), bought),
        ("Sold", float(schedule.grid_export_kwh.sum()), -sold),
    ]
    unused = float(
        (schedule.grid_import_kwh - schedule.grid_export_kwh - schedule.net_load_kwh).sum()
        - (schedule.charge_kwh - schedule.discharge_kwh).sum()
    )
    if unused > UNUSED_KWH:
        rows.insert(2, ("PV left unused", unused, None))
    other = schedule.cost - bought + sold
    if number(other, unit) != number(0, unit):
        rows.append(("Demand charge, wear, storage bought", None, other))
    body = [
        [
            name,
            "" if kwh is None else energy(kwh),
            "" if money is None else amount(money, unit),
        ]
        for name, kwh, money in rows
        if kwh or money
    ]
    return table(
        "The whole period: energy, and what it costs",
        ["", "Energy", "Cost"],
        body,
        ["All together", "", amount(schedule.cost, unit)],
        label="Energy and cost",
    )


def _check(report: Report) -> list[Child]:
    """Return how anybody can verify this page."""
    content: list[Child] = []
    if report.command:
        where = (
            f"In the folder that holds {report.name}"
            if report.case.community
            else "Beside the file"
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
            "This checks, in Python and with allocation.csv beside it, that the shares hold what "
            "this page says of them. The certificates are checked by code that shares nothing with "
            "the code that found them.",
        ),
        element("pre", element("code", check_code(report)), tabindex="0"),
    ]
    return content


def _inputs(report: Report) -> list[Child]:
    """Return files, options and versions."""
    files = report.source.get("files", {})
    facts = {
        key.replace("_", " "): ", ".join(value) if isinstance(value, list) else str(value)
        for key, value in {**report.source, **report.options, **report.versions}.items()
        if key != "files"
    }
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
