"""The files that keep a result: shares, bills, and all that is needed to check them again."""

from __future__ import annotations

import csv
import hashlib
import os
from io import StringIO
from typing import TYPE_CHECKING, Any

from sesgame.errors import GameError
from sesgame.files.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sesgame.game.allocation import Allocation
    from sesgame.reports.content import ReportContent
    from sesgame.rule import AllocationProblem

__all__ = ["allocation_csv", "bills_csv", "result_json", "source_of"]


def allocation_csv(report: ReportContent) -> str:
    """Return every share to the last digit."""
    unit = f"_{report.unit.lower()}" if report.unit else ""
    word = "saving" if report.game.kind == "cost" else "surplus"
    header = ["member", f"alone{unit}"]
    columns: list[list[float]] = [report.alone]
    for rule, allocation in report.allocations.items():
        header += [f"{rule}{unit}", f"{rule}_{word}{unit}"]
        columns += [list(allocation.values), list(report.surplus(rule))]
    rows = zip(report.game.players, *columns, strict=True)
    return _csv([header, *([row[0], *(repr(float(cell)) for cell in row[1:])] for row in rows)])


def bills_csv(report: ReportContent) -> str:
    """Return every bill to the cent."""
    unit = f"_{report.unit.lower()}" if report.unit else ""
    header = ["member", *(f"{rule}{unit}" for rule in report.bills)]
    return _csv([header, *zip(report.game.players, *report.bills.values(), strict=True)])


def result_json(report: ReportContent) -> str:
    """Return everything that is needed to check the result again."""
    players = [str(player) for player in report.game.players]
    content = {
        "sesgame": report.versions["sesgame"],
        "options": report.options,
        "source": report.source,
        "game": {
            "kind": report.game.kind,
            "unit": report.unit,
            "players": players,
            "alone": dict(zip(players, report.alone, strict=True)),
            "together": report.together,
        },
        "rules": {
            rule: {
                "allocation": _repeatable(allocation),
                "audit": report.audits[rule].to_dict(),
                "bills": _bills_by_player(report, rule),
            }
            for rule, allocation in report.allocations.items()
        },
    }
    return json_text(content)


def _repeatable(allocation: Allocation) -> dict[str, Any]:
    """Return an allocation without how long it took, which is never the same twice."""
    evidence = allocation.evidence
    return {
        **allocation.to_dict(),
        "evidence": None if evidence is None else evidence.repeatable(),
    }


def _bills_by_player(report: ReportContent, rule: str) -> dict[str, str] | None:
    if rule not in report.bills:
        return None
    bills = zip(report.game.players, report.bills[rule], strict=True)
    return {str(player): str(bill) for player, bill in bills}


def source_of(problem: AllocationProblem, files: Iterable[Path]) -> dict[str, Any]:
    """Return what a game was made from, as ``result.json`` keeps it.

    Raises
    ------
    GameError
        A file cannot be read.
    """
    digests, world = _digests(list(files)), problem.world
    if world is None:
        return {"files": digests}
    return {"community": world.name, "files": digests, **world.origin(problem.model)}


def _digests(paths: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file, as ``sha256sum`` prints it."""
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        # Of several folders: by the way from the one that holds them all.
        whole = [path.absolute() for path in paths]
        top = os.path.commonpath([path.parent for path in whole])
        names = [path.relative_to(top).as_posix() for path in whole]
    digests = {}
    for path, name in zip(paths, names, strict=True):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise GameError(f"{path} cannot be read: {error.strerror or error}") from error
        digests[name] = hashlib.sha256(content).hexdigest()
    return digests


def _csv(rows: Sequence[Sequence[object]]) -> str:
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
