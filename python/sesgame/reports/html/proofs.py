"""What the shares of each rule rest on, and how anybody can check that."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sesgame.game.precision import equal_amounts
from sesgame.reports.html.figures import NO_BREAK, amount

if TYPE_CHECKING:
    from sesgame.game.allocation import Allocation
    from sesgame.reports.content import ReportContent

__all__ = ["again", "check_code", "grounds"]


def grounds(report: ReportContent, rule: str) -> list[str]:
    """Return in sentences what the shares of a rule rest on."""
    return [*_of_evidence(report, report.allocations[rule]), *_verified(report, rule)]


def _of_evidence(report: ReportContent, allocation: Allocation) -> list[str]:
    if report.game.n_players == 1:
        return ["One member has everything."]
    if allocation.evidence is None:
        return []
    return allocation.evidence.grounds(allocation, lambda value: amount(value, report.unit))


def _verified(report: ReportContent, rule: str) -> list[str]:
    """Return what checking the certificate has found."""
    found = report.verifications.get(rule)
    if found is None:
        return []
    if found.state == "refuted":
        return [
            f"The certificate does NOT hold. Refuted: {found.claim}: {'; '.join(found.failures)}."
        ]
    if found.state == "open":
        return [
            f"The certificate claims: {found.claim}. Open: not refuted, and not proved here, but "
            f"asked again by the code below: {'; '.join(found.unchecked)}."
        ]
    unit = f"{NO_BREAK}{report.unit}" if report.unit else ""
    return [
        f"Checked by {found.checked_by}. Proved: {found.claim}. What differs by less than "
        f"{equal_amounts(report.game):.1g}{unit} counts as equal."
    ]


def again(report: ReportContent) -> str:
    """Return the shell commands that check the inputs and make the result again."""
    where = f"{report.name}/" if report.problem.world else ""
    files = report.source.get("files", {})
    digests = [f"{digest}  {where}{name}" for name, digest in files.items()]
    command = shlex.quote(report.command[0])
    for word in report.command[1:]:
        command += " \\\n    " if word.startswith("--") else " "
        command += shlex.quote(word)
    return "\n".join(["sha256sum --check <<'END'", *digests, "END", command])


def check_code(report: ReportContent) -> str:
    """Return the Python code that audits the shares of this page and checks its certificates."""
    by_search = not report.game.tabulated
    asked = f", oracle=oracle, max_seconds={report.problem.max_seconds:g}" if by_search else ""
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
            "    # Is it proved, refuted or open? The code that checks is not that of the solver.",
            "    if allocation.evidence:",
            f"        proof = allocation.evidence.verify(game{', oracle' if by_search else ''})",
            "        assert not proof.failures, proof.failures",
            "        print(f'  {proof.state}: {proof.claim}.', *proof.unchecked)",
        ]
    return "\n".join(lines)


def _game(report: ReportContent) -> list[str]:
    """Return the code that makes the game."""
    if not report.command:
        return ["# game (and oracle) are what this page was made of."]
    if report.problem.world is None:
        return [
            "from sesgame.game.game_files import read_game",
            "",
            f"game = read_game({report.name!r})",
        ]
    model = report.problem.model
    named = "" if model is None else f'model="{model}"'
    variable = "world" if report.community is None else "community"
    kind = type(report.problem.world).__name__
    said = "".join(
        f", {name}={report.options[name]!r}"
        for name in ("meters_zone", "tariff_zone", "stamp")
        if name in report.options
    )
    lines = [f"{variable} = sg.energy.{kind}.from_csv({report.name!r}{said})"]
    if "start" in report.source:
        start, end = report.source["start"], report.source["end"]
        lines.append(f'period = {variable}.period("{start}", "{end}")')
        variable = "period"
    lines.append(f"game = {variable}.cost_game({named})")
    if not report.game.tabulated:
        lines.append(f"oracle = {variable}.separation_oracle({named})")
    return lines
