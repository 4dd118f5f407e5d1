"""The files that keep a result: shares, bills, and all that is needed to check them again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sesgame.catalogue import RULES
from sesgame.errors import GameError
from sesgame.files.csv_text import csv_text
from sesgame.files.json_text import json_text
from sesgame.game.allocation import texts
from sesgame.stability.audit import Audit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sesgame.game.allocation import Allocation
    from sesgame.reports.content import ReportContent
    from sesgame.rule import AllocationProblem, Rule

__all__ = [
    "FORMAT",
    "SavedResult",
    "SavedRule",
    "allocation_csv",
    "bills_csv",
    "digests",
    "names_certified_rule",
    "result_json",
    "source_of",
]


FORMAT = 1
"""Of ``result.json``; a change that an older reader would misread raises it."""


@dataclass(frozen=True)
class SavedAllocation:
    """Shares under a rule, and what proves them."""

    rule: str | None
    method: str
    kind: str
    values: Mapping[str, float]
    total: float
    evidence: Mapping[str, Any] | None


@dataclass(frozen=True)
class SavedRule:
    """What a file has of each rule."""

    allocation: SavedAllocation
    audit: Audit
    bills: Mapping[str, str] | None


@dataclass(frozen=True)
class SavedGame:
    """What a file has of the game."""

    kind: str
    players: tuple[str, ...]
    alone: Mapping[str, float]
    together: float


@dataclass(frozen=True)
class SavedResult:
    """The schema of ``result.json``. The first four say who made it of what, and prove nothing."""

    format: int
    sesgame: str
    options: Mapping[str, Any]
    source: Mapping[str, Any]
    game: SavedGame
    rules: Mapping[str, SavedRule]


def allocation_csv(report: ReportContent) -> str:
    """Return every share to the last digit."""
    unit = f"_{report.unit.lower()}" if report.unit else ""
    word = "saving" if report.game.kind == "cost" else "surplus"
    header = ["member", f"alone{unit}"]
    columns: list[list[float]] = [report.alone]
    for rule, allocation in report.allocations.items():
        header += [f"{rule}{unit}", f"{rule}_{word}{unit}"]
        columns += [list(allocation.values), list(report.surplus(rule))]
    rows = zip(texts(report.game.players), *columns, strict=True)
    return csv_text([header, *([name, *map(float, cells)] for name, *cells in rows)])


def bills_csv(report: ReportContent) -> str:
    """Return every bill to the cent."""
    unit = f"_{report.unit.lower()}" if report.unit else ""
    header = ["member", *(f"{rule}{unit}" for rule in report.bills)]
    rows = zip(texts(report.game.players), *report.bills.values(), strict=True)
    return csv_text([header, *rows])


def result_json(report: ReportContent) -> str:
    """Return everything that is needed to check the result again."""
    players = texts(report.game.players)
    content = {
        "format": FORMAT,
        "sesgame": report.versions["sesgame"],
        "options": report.options,
        "source": {**report.source, "unit": report.unit},
        "game": {
            "kind": report.game.kind,
            "players": players,
            "alone": dict(zip(players, report.alone, strict=True)),
            "together": report.together,
        },
        "rules": {label: _kept(report, label) for label in report.allocations},
    }
    return json_text(content)


def _kept(report: ReportContent, label: str) -> dict[str, Any]:
    """Return what a file has of a rule: only what can be checked, or is said to be unchecked."""
    allocation = report.allocations[label]
    evidence = allocation.evidence
    rule = rule_of(allocation)
    players = texts(report.game.players)
    method = "given" if names_certified_rule(allocation.method) else allocation.method
    if rule is not None:
        # Without what only this process knows, such as whose shares a reference is.
        method = rule.method(evidence) if rule.is_certified else allocation.method
    bills = report.bills.get(label)
    return {
        "allocation": {
            "rule": None if rule is None else rule.name,
            "method": method,
            "kind": allocation.kind,
            "values": dict(zip(players, allocation.values.tolist(), strict=True)),
            "total": allocation.total,
            "evidence": None
            if evidence is None
            else {"kind": type(evidence).__name__, **evidence.repeatable()},
        },
        "audit": {**report.audits[label].to_dict(), "method": method},
        "bills": None if bills is None else dict(zip(players, map(str, bills), strict=True)),
    }


def rule_of(allocation: Allocation) -> Rule | None:
    """Return the rule that has made an allocation, or that its evidence is for."""
    if allocation.rule is not None:
        return RULES.get(allocation.rule)
    evidence = allocation.evidence
    if evidence is None:
        return None
    named = (rule for rule in RULES.values() if allocation.method.startswith(rule.title))
    return next((rule for rule in named if rule.is_proved_by(evidence)), None)


def names_certified_rule(method: str) -> bool:
    """Return whether a method is called like a rule that brings a certificate."""
    certified = (rule for rule in RULES.values() if rule.is_certified)
    return any(method.startswith((rule.title, rule.name)) for rule in certified)


def source_of(problem: AllocationProblem, files: Iterable[Path]) -> dict[str, Any]:
    """Return what a game was made from, as ``result.json`` keeps it.

    Raises
    ------
    GameError
        A file cannot be read.
    """
    named, world = digests(list(files)), problem.world
    if world is None:
        return {"files": named}
    return {"community": world.name, "files": named, **world.origin(problem.model)}


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file, as ``sha256sum`` prints it, by name.

    Raises
    ------
    GameError
        A file cannot be read.
    """
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        # Of several folders: by the way from the one that holds them all.
        whole = [path.absolute() for path in paths]
        top = os.path.commonpath([path.parent for path in whole])
        names = [path.relative_to(top).as_posix() for path in whole]
    found = {}
    for path, name in zip(paths, names, strict=True):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise GameError(f"{path} cannot be read: {error.strerror or error}") from error
        found[name] = hashlib.sha256(content).hexdigest()
    return found
