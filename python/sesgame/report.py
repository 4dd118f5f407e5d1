"""A solved game as people read it: a table with plain words below, and the files that keep it."""

from __future__ import annotations

import csv
import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import __version__
from sesgame.bills import rounded_bills
from sesgame.energy.clustering import ClusteredEvidence
from sesgame.errors import AllocationError, SesgameError
from sesgame.sampled_shapley import SampledShapley
from sesgame.stability.row_generation import GeneratedEvidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sesgame.allocation import Allocation
    from sesgame.audit import Audit
    from sesgame.game import Game

__all__ = ["FILE_NAMES", "OutputFolder", "Report"]

FILE_NAMES = ("allocation.csv", "bills.csv", "result.json")


class OutputFolder:
    """A folder that is known to be writable before anything is computed for it.

    Raises
    ------
    SesgameError
        It cannot be made, or a file cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name in FILE_NAMES:
                if (path / name).is_dir():
                    raise IsADirectoryError(f"{path / name} is a folder")
                self._partial(name).touch()
                self._partial(name).unlink()
        except OSError as error:
            reason = error.strerror or str(error)
            raise SesgameError(f"nothing can be written to the folder {path}: {reason}") from error

    def _partial(self, name: str) -> Path:
        return self.path / f".{name}.partial"

    def write(self, name: str, text: str) -> Path:
        """Write a file whole or not at all; one that was there before is replaced."""
        partial, path = self._partial(name), self.path / name
        try:
            partial.write_text(text, encoding="utf-8", newline="")
            os.replace(partial, path)
        except OSError as error:
            raise SesgameError(f"{path} cannot be written: {error.strerror or error}") from error
        return path


@dataclass(frozen=True, eq=False)
class Report:
    """Allocations of one game, audited and billed.

    Parameters
    ----------
    title : str
        What was solved, for people.
    game : Game
        The game.
    allocations, audits : mapping of str
        One of each for each rule, by its name.
    unit : str
        The currency, or nothing.
    source : dict
        What the game was made from: files with their digests, period, model.
    options : dict
        What was asked for.

    Attributes
    ----------
    alone : list of float
        What each player bears, or gets, alone.
    together : float
        What there is to split.
    bills : dict of str to tuple of Decimal
        The shares to the cent, of each rule that splits exactly that.
    """

    title: str
    game: Game
    allocations: Mapping[str, Allocation]
    audits: Mapping[str, Audit]
    unit: str
    source: dict[str, Any]
    options: dict[str, Any]
    alone: list[float] = field(init=False)
    together: float = field(init=False)
    bills: dict[str, tuple[Decimal, ...]] = field(init=False)

    def __post_init__(self) -> None:
        n = self.game.n_players
        rows = np.concatenate([np.eye(n, dtype=np.bool_), np.ones((1, n), dtype=np.bool_)])
        *alone, together = self.game.values(rows, progress=False).tolist()
        object.__setattr__(self, "alone", alone)
        object.__setattr__(self, "together", together)
        bills = {}
        for rule, allocation in self.allocations.items():
            # A rule that does not split exactly what there is to split gives no bills.
            with suppress(AllocationError):
                bills[rule] = rounded_bills(allocation.values, together)
        object.__setattr__(self, "bills", bills)

    def text(self) -> str:
        """Return the table and, for each rule, what holds of it in plain words."""
        lines = [self.title, "", *_aligned(self._table())]
        for rule, audit in self.audits.items():
            sentences = [*audit.sentences(self.unit), *self._provisos(self.allocations[rule])]
            lines += ["", rule, *(f"  {sentence}" for sentence in sentences)]
            if rule not in self.bills:
                lines.append("  No bills: this rule does not split exactly what there is to split.")
        return "\n".join(lines)

    def _provisos(self, allocation: Allocation) -> list[str]:
        """Return in sentences how far the shares are from what the rule means."""

        def amount(value: float) -> str:
            return f"{value:,.2f} {self.unit}" if self.unit else f"{value:.6g}"

        match allocation.evidence:
            case SampledShapley() as sampled:
                widest = float(np.max(sampled.half_widths))
                return [
                    f"Estimated from {sampled.evaluations:,} coalitions: at "
                    f"{sampled.confidence:.0%} confidence each share is within {amount(widest)} "
                    f"of the exact one; smaller differences count as none."
                ]
            case GeneratedEvidence(proved=False) as generated:
                return [
                    f"Not proved to be the {allocation.method.split(' (')[0]}: {generated.reason}. "
                    f"The least that the worst group can gain is between "
                    f"{amount(generated.lower_bound)} and {amount(generated.upper_bound)}."
                ]
            case ClusteredEvidence(clusters=clusters):
                return [f"The members are in {len(clusters)} clusters of like profiles."]
        return []

    def _table(self) -> list[list[str]]:
        """Return header, one row for each player, and the totals."""
        word = "saving" if self.game.kind == "cost" else "surplus"
        header = ["member", "alone"]
        columns = [self.alone]
        for rule, allocation in self.allocations.items():
            header += [rule, word]
            columns += [list(allocation.values), self._surplus(allocation)]
        rows = [list(row) for row in zip(*columns, strict=True)]
        rows.append([math.fsum(column) for column in columns])
        labels = [*(str(player) for player in self.game.players), "total"]
        digits = ",.2f" if self.unit else ",.6g"
        return [
            header,
            *(
                [label, *(format(value + 0.0, digits) for value in row)]
                for label, row in zip(labels, rows, strict=True)
            ),
        ]

    def _surplus(self, allocation: Allocation) -> list[float]:
        """Return by how much each player is better off than alone."""
        return list(self.game.sign * (allocation.values - np.array(self.alone)))

    def write(self, folder: OutputFolder) -> list[Path]:
        """Write ``allocation.csv``, ``bills.csv`` and ``result.json``; return their paths."""
        contents = (self._allocation_csv(), self._bills_csv(), self._result_json())
        return [folder.write(name, text) for name, text in zip(FILE_NAMES, contents, strict=True)]

    def _allocation_csv(self) -> str:
        """Return every share to the last digit."""
        unit = f"_{self.unit.lower()}" if self.unit else ""
        word = "saving" if self.game.kind == "cost" else "surplus"
        header = ["member", f"alone{unit}"]
        columns: list[list[float]] = [self.alone]
        for rule, allocation in self.allocations.items():
            header += [f"{rule}{unit}", f"{rule}_{word}{unit}"]
            columns += [list(allocation.values), self._surplus(allocation)]
        rows = zip(self.game.players, *columns, strict=True)
        return _csv([header, *([row[0], *(repr(float(cell)) for cell in row[1:])] for row in rows)])

    def _bills_csv(self) -> str:
        """Return every bill to the cent."""
        unit = f"_{self.unit.lower()}" if self.unit else ""
        header = ["member", *(f"{rule}{unit}" for rule in self.bills)]
        return _csv([header, *zip(self.game.players, *self.bills.values(), strict=True)])

    def _result_json(self) -> str:
        """Return everything that is needed to check the result again."""
        players = [str(player) for player in self.game.players]
        content = {
            "sesgame": __version__,
            "options": self.options,
            "source": self.source,
            "game": {
                "kind": self.game.kind,
                "unit": self.unit,
                "players": players,
                "alone": dict(zip(players, self.alone, strict=True)),
                "together": self.together,
            },
            "rules": {
                rule: {
                    "allocation": allocation.to_dict(),
                    "audit": self.audits[rule].to_dict(),
                    "bills": self._bills_by_player(rule),
                }
                for rule, allocation in self.allocations.items()
            },
        }
        return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def _bills_by_player(self, rule: str) -> dict[str, str] | None:
        if rule not in self.bills:
            return None
        bills = zip(self.game.players, self.bills[rule], strict=True)
        return {str(player): str(bill) for player, bill in bills}


def _aligned(rows: list[list[str]]) -> list[str]:
    """Return a table with the first column to the left and numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _csv(rows: Sequence[Sequence[object]]) -> str:
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _finite(value: Any) -> Any:
    """Return a value with null where JSON has no number: an excess of minus infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
