"""What each rule is, what its shares rest on, and how anybody can check that."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sesgame.energy.clustering import ClusteredEvidence
from sesgame.energy.dual_prices import DualPrices
from sesgame.html.figures import amount, count
from sesgame.sampled_shapley import SampledShapley
from sesgame.shapley import ExactSemivalue
from sesgame.stability.cores import LeastCoreEvidence
from sesgame.stability.nucleoli import NucleolusEvidence
from sesgame.stability.row_generation import GeneratedEvidence

if TYPE_CHECKING:
    from sesgame.allocation import Allocation
    from sesgame.report import Report
    from sesgame.stability.certificates import Verification

__all__ = ["again", "check_code", "grounds", "meaning"]

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
    "clustered nucleolus": (
        "Members of like profiles form clusters, and clusters form groups: the one with the most "
        "reason to leave gets as little as possible. Each cluster's share is then split inside."
    ),
}

_SOLVERS = {
    "nucleolus": "nucleolus",
    "prenucleolus": "prenucleolus",
    "per-capita nucleolus": "per_capita_nucleolus",
    "per-capita prenucleolus": "per_capita_prenucleolus",
    "least core": "least_core",
}


def meaning(allocation: Allocation) -> str | None:
    """Return in a sentence or two what a rule is, of those that have a name of their own."""
    text = _MEANINGS.get(_method(allocation))
    is_cost = allocation.kind == "cost"
    words = {"bears": "pays" if is_cost else "gets", "word": "cost" if is_cost else "value"}
    return text and text.format(**words)


def grounds(report: Report, rule: str) -> list[str]:
    """Return in sentences what the shares of a rule rest on."""
    return [*_of_evidence(report, report.allocations[rule]), *_verified(report, rule)]


def _of_evidence(report: Report, allocation: Allocation) -> list[str]:
    unit, n = report.unit, report.game.n_players
    match allocation.evidence:
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
            return [
                f"The certificate has {count(len(stages), 'stage')}, which settle all {n} shares. "
                f"Each names groups that hold each other in balance: what would please one of them "
                f"more would be taken from another."
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
    evidence = report.allocations[rule].evidence
    if isinstance(evidence, GeneratedEvidence) and not evidence.proved:
        return []
    checked = (
        "Checked by code that shares nothing with the solver: the certificate holds. It is in "
        "result.json, group by group."
    )
    if found.unchecked:
        checked += f" Not checked again here, but by the code below: {'; '.join(found.unchecked)}."
    return [checked]


def again(report: Report) -> str:
    """Return the shell commands that check the inputs and make the result again."""
    where = f"{report.name}/" if report.case.community else ""
    files = report.source.get("files", {})
    digests = [f"{digest}  {where}{name}" for name, digest in files.items()]
    return "\n".join(["sha256sum --check <<'END'", *digests, "END", shlex.join(report.command)])


def check_code(report: Report) -> str:
    """Return the Python code that audits the shares of this page and checks its certificates."""
    lines = ["import csv", "import sesgame as sg", "", *_game(report), ""]
    by_search = not report.game.tabulated
    asked = f", oracle=oracle, max_seconds={report.case.max_seconds:g}" if by_search else ""
    unit = f"_{report.unit.lower()}" if report.unit else ""
    lines += [
        "# Do the shares add up, and is anybody, or any group, better off alone?",
        'with open("allocation.csv", encoding="utf-8", newline="") as file:',
        "    rows = list(csv.DictReader(file))",
        f"for rule in {list(report.allocations)!r}:",
        f'    shares = {{row["member"]: float(row[f"{{rule}}{unit}"]) for row in rows}}',
        f"    print(rule, *sg.audit(game, shares{asked}).sentences({report.unit!r}), sep='\\n  ')",
    ]
    for rule in report.verifications:
        call = _call(report, rule)
        if call:
            oracle = ", oracle" if by_search else ""
            lines += [
                "",
                f"# The certificate of {rule!r}, by code that shares nothing with the solver.",
                f"proof = {call}.evidence.verify(game{oracle})",
                "assert proof.holds, proof.failures",
            ]
    return "\n".join(lines)


def _game(report: Report) -> list[str]:
    """Return the code that makes the game."""
    if not report.command:
        return ["# game (and oracle) are what this page was made of."]
    if report.case.community is None:
        return [
            "from sesgame.game_files import read_game",
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


def _call(report: Report, rule: str) -> str | None:
    """Return the code that finds an allocation and its certificate again."""
    allocation = report.allocations[rule]
    solver = _SOLVERS.get(_method(allocation))
    if isinstance(allocation.evidence, GeneratedEvidence):
        # With an oracle, a prenucleolus is what the nucleolus gives where no imputation exists.
        solver = "nucleolus" if allocation.evidence.complete else "least_core"
        return f"sg.{solver}(game, oracle=oracle, max_seconds={report.case.max_seconds:g})"
    return solver and f"sg.{solver}(game)"


def _method(allocation: Allocation) -> str:
    """Return the method without what is said of it in brackets."""
    return allocation.method.split(" (")[0]
