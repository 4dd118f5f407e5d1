"""What each rule is, what its shares rest on, and how anybody can check that."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.clustering import ClusteredEvidence
from sesgame.energy.dispatch.dual_prices import DualPrices
from sesgame.formatting import count
from sesgame.markets.mechanisms.vcg_of_game import ClarkeEvidence
from sesgame.reports.html.figures import NO_BREAK, amount
from sesgame.shapley.exact import ExactSemivalue
from sesgame.shapley.sampled import SampledShapley
from sesgame.stability.core import LeastCoreEvidence
from sesgame.stability.core_points import CorePointEvidence
from sesgame.stability.nucleolus import NucleolusEvidence
from sesgame.stability.search_evidence import GeneratedEvidence

if TYPE_CHECKING:
    from sesgame.game.allocation import Allocation
    from sesgame.reports.report import Report
    from sesgame.stability.verification import Verification

__all__ = ["again", "certified", "check_code", "grounds", "meaning"]

_ADDS = (
    "Everybody {bears} what they add to the {word} of a group, on average over all orders in which "
    "the members could have come together"
)
_MEANINGS = {
    "Shapley value": f"{_ADDS}.",
    "Shapley estimate": f"{_ADDS}, estimated from a sample of groups.",
    "Banzhaf value": (
        "Everybody {bears} what they add to the {word} of a group, on average over all groups; the "
        "shares need not add up to what there is to split."
    ),
    "nucleolus": (
        "The group with the most reason to leave gets as little reason as possible; then the next, "
        "and so on. Nobody does worse than alone."
    ),
    "prenucleolus": (
        "The group with the most reason to leave gets as little reason as possible; then the next, "
        "and so on."
    ),
    "per-capita nucleolus": (
        "The group with the most reason to leave, counted per member, gets as little reason as "
        "possible; then the next, and so on."
    ),
    "least core": "The group with the most reason to leave has as little as any split allows.",
    "Owen prices": (
        "Everybody pays for energy, and is paid for energy and for batteries, at the prices of the "
        "one dispatch that is cheapest for all together."
    ),
    "vcg": (
        "Everybody {bears} what they add to the {word} of all others together; the shares need not "
        "add up to what there is to split."
    ),
    "clustered nucleolus": (
        "Members of like profiles form clusters, and clusters form groups: the one with the most "
        "reason to leave gets as little as possible. Each cluster's share is then split inside."
    ),
}


def meaning(allocation: Allocation) -> str | None:
    """Return in a sentence or two what a rule is, of those that have a name of their own."""
    match allocation.evidence:
        case CorePointEvidence() as chosen:
            text: str | None = _of_core_point(allocation.method, chosen)
        case _:
            text = _MEANINGS.get(_method(allocation))
    is_cost = allocation.kind == "cost"
    words = {"bears": "pays" if is_cost else "gets", "word": "cost" if is_cost else "value"}
    return text and text.format(**words)


def _of_core_point(method: str, chosen: CorePointEvidence) -> str:
    group = "no group a reason to leave"
    if chosen.core_is_empty:
        group = "every group as little reason to leave as can be"
    which = f"the one {method.partition(' allocation ')[2]}"
    if chosen.leximin:
        which = (
            "the one in which whoever is least better off, compared with a reference, is as well "
            "off as can be; then the next, and so on"
        )
    return f"Of all splits that give {group}, {which}."


def grounds(report: Report, rule: str) -> list[str]:
    """Return in sentences what the shares of a rule rest on."""
    return [*_of_evidence(report, report.allocations[rule]), *_verified(report, rule)]


def _of_evidence(report: Report, allocation: Allocation) -> list[str]:
    unit, n = report.unit, report.game.n_players
    match allocation.evidence:
        case _ if n == 1:
            return ["One member has everything."]
        case ExactSemivalue(coalitions=coalitions, method="enumeration"):
            return [f"Exact: made of the values of all {coalitions - 1:,} groups."]
        case ExactSemivalue(coalitions=coalitions, method="types"):
            return [f"Exact: made of the values of {coalitions:,} kinds of groups."]
        case ExactSemivalue(error_bound=0.0):
            return ["Exact, by a formula for games of this form."]
        case ExactSemivalue(error_bound=bound):
            return [f"Exact by the form of the game: the error is proved to be below {bound:.1e}."]
        case SampledShapley() as sampled:
            return [
                f"Method: {sampled.estimator}, because {sampled.reason}; seed {sampled.seed}. "
                f"The same seed gives the same sample again."
            ]
        case NucleolusEvidence(stages=stages):
            content = "It proves, too, that no split keeps every group content: the core is empty."
            return [
                f"The certificate has {count(len(stages), 'stage')}, which settle all {n} shares. "
                f"Each names groups that hold each other in balance: what would please one of them "
                f"more would be taken from another.",
                *([content] if stages and stages[0].excess > allocation.tolerance else []),
            ]
        case LeastCoreEvidence(value=value, stages=stages):
            groups = count(len(stages[0].coalitions), "group") if stages else "no group"
            return [
                f"The certificate names {groups} in balance: no split leaves all of "
                f"them with less reason to leave than {amount(value, unit)}."
            ]
        case GeneratedEvidence(proved=True, stages=stages, effort=effort, lower_bound=bound):
            return [
                f"Found by searching for the worst group: {effort.oracle_calls:,} searches, "
                f"{count(len(stages), 'stage')}. It is proved that no split leaves every group "
                f"with less reason to leave than {amount(bound, unit)}."
            ]
        case DualPrices(duality_gap=gap) if abs(gap) <= allocation.tolerance:
            return [
                "At these prices no group is charged more than its own dispatch costs, and the "
                "bills add up to the cost of all. That proves that no group can do better on its "
                "own, however many groups there are."
            ]
        case DualPrices(duality_gap=gap):
            return [
                f"The bills at these prices exceed the cost of all by {amount(-gap, unit)}: a "
                f"limit that no member brings earns so much, and that has no owner."
            ]
        case CorePointEvidence(leximin=True):
            return [
                "The certificate has multipliers of groups that get just what keeps them: they "
                "prove that no such split is better for those who are least better off."
            ]
        case CorePointEvidence():
            return [
                "The certificate has multipliers of groups that get just what keeps them: they "
                "prove that every other such split is farther from the reference."
            ]
        case ClarkeEvidence():
            return [f"Made of {n + 1} values: that of all together, and those of all but one."]
        case ClusteredEvidence(clusters=clusters):
            return [f"Cluster {i}: {', '.join(names)}." for i, names in enumerate(clusters, 1)]
    return []


def _verified(report: Report, rule: str) -> list[str]:
    """Return what checking the certificate has found."""
    found: Verification | None = report.verifications.get(rule)
    if found is None:
        return []
    if not found.holds:
        return [f"The certificate does NOT hold: {'; '.join(found.failures)}."]
    if not certified(report, rule):
        return []
    equal = np.format_float_positional(
        report.allocations[rule].tolerance, precision=1, fractional=False, trim="-"
    )
    checked = (
        f"Checked by code that shares nothing with the solver: the certificate holds, and what "
        f"differs by less than {equal}{f'{NO_BREAK}{report.unit}' if report.unit else ''} counts "
        f"as equal."
    )
    if found.unchecked:
        checked += f" Not checked again here, but by the code below: {'; '.join(found.unchecked)}."
    return [checked]


def certified(report: Report, rule: str) -> bool:
    """Return whether a certificate proves the shares to be what the rule says."""
    evidence = report.allocations[rule].evidence
    stopped = isinstance(evidence, GeneratedEvidence) and not evidence.proved
    return not stopped and bool(report.verifications.get(rule))


def again(report: Report) -> str:
    """Return the shell commands that check the inputs and make the result again."""
    where = f"{report.name}/" if report.case.community else ""
    files = report.source.get("files", {})
    digests = [f"{digest}  {where}{name}" for name, digest in files.items()]
    command = shlex.quote(report.command[0])
    for word in report.command[1:]:
        command += " \\\n    " if word.startswith("--") else " "
        command += shlex.quote(word)
    return "\n".join(["sha256sum --check <<'END'", *digests, "END", command])


def check_code(report: Report) -> str:
    """Return the Python code that audits the shares of this page and checks its certificates."""
    by_search = not report.game.tabulated
    asked = f", oracle=oracle, max_seconds={report.case.max_seconds:g}" if by_search else ""
    lines = [
        "import sesgame as sg",
        "",
        *_game(report),
        "",
        'for rule, allocation in sg.read_result("result.json", game).items():',
        "    # Do the shares add up, and is anybody, or any group, better off alone?",
        f"    audit = sg.audit(game, allocation{asked})",
        f"    print(rule, *audit.sentences({report.unit!r}), sep='\\n  ')",
        "    print(f'  Less than {audit.tolerance:.1g} counts as nothing.')",
    ]
    if report.verifications:
        lines += [
            "    # Does the certificate hold? The code that checks it is not that of the solver.",
            "    if allocation.evidence:",
            f"        proof = allocation.evidence.verify(game{', oracle' if by_search else ''})",
            "        assert proof, proof.failures",
            "        within = allocation.evidence.tolerance",
            "        print(f'  The certificate holds, within {within:.1g}.', *proof.unchecked)",
        ]
    return "\n".join(lines)


def _game(report: Report) -> list[str]:
    """Return the code that makes the game."""
    if not report.command:
        return ["# game (and oracle) are what this page was made of."]
    if report.case.community is None:
        return [
            "from sesgame.game.game_files import read_game",
            "",
            f"game = read_game({report.name!r})",
        ]
    start, end = report.source["start"], report.source["end"]
    model = report.case.model
    lines = [
        f"community = sg.energy.Community.from_csv({report.name!r})",
        f'period = community.period("{start}", "{end}")',
        f'game = period.cost_game(model="{model}")',
    ]
    if not report.game.tabulated:
        lines.append(f'oracle = period.separation_oracle(model="{model}")')
    return lines


def _method(allocation: Allocation) -> str:
    """Return the method without what is said of it in brackets."""
    return allocation.method.split(" (")[0]
