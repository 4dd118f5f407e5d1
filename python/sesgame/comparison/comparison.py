"""Rules side by side on one game: for people, for pandas, as CSV and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from sesgame.comparison.row import ComparedRule
from sesgame.comparison.tables import ComparisonTables, duration
from sesgame.files.csv_text import csv_text
from sesgame.files.json_text import json_text, plain
from sesgame.files.output_files import written
from sesgame.formatting import count, html_table, size, text_table
from sesgame.game.allocation import Kind, texts
from sesgame.game.by_value import ByValue
from sesgame.game.cost_basis import CostTerms
from sesgame.game.players import Players
from sesgame.optional_imports import needs
from sesgame.stability.audit import Audit
from sesgame.stability.obstacles import obstacle_sentence
from sesgame.stability.property import Property

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Comparison"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(ByValue):
    """Rules side by side, one row each.

    Attributes
    ----------
    players : Players
        Of the game.
    kind : {"gain", "cost"}
        The sense of the game.
    unit : str
        The currency, or nothing.
    alone : ndarray of float, shape (n,)
        What each player has, or bears, alone.
    together : float
        The total to split, v(N).
    rows : tuple of ComparedRule
        One for each rule that was asked for, also where it failed.
    table_seconds : float or None
        How long the table of all coalitions took, which all rules share; None where there is none.
    obstacle : Property or None
        Where a coalition gains by leaving: why no rule prevents that, or why a rule that does not
        look for the core may miss it, as far as the coalitions that were looked at tell.
    baseline : str or None
        The row that savings are measured against; standing alone where there is none.
    terms : CostTerms or None
        Of what period all figures are, what standing alone means, and what is bought: the same for
        all rows. None for a game of values that tells none.
    """

    players: Players
    kind: Kind
    unit: str
    alone: NDArray[np.float64]
    together: float
    rows: tuple[ComparedRule, ...]
    table_seconds: float | None = None
    obstacle: Property | None = None
    baseline: str | None = None
    terms: CostTerms | None = None

    @property
    def measured_against(self) -> str:
        """What savings are measured against, in words."""
        return "standing alone" if self.baseline is None else self.baseline

    @property
    def reason(self) -> str:
        """The obstacle in a sentence; empty where there is none."""
        if self.obstacle is None:
            return ""
        return obstacle_sentence(self.obstacle, lambda value: size(value, self.unit))

    @property
    def audits(self) -> tuple[Audit, ...]:
        """The audits of all rows that have one."""
        return tuple(row.audit for row in self.rows if row.audit is not None)

    def __getitem__(self, rule: str) -> ComparedRule:
        for row in self.rows:
            if row.rule == rule:
                return row
        names = ", ".join(row.rule for row in self.rows)
        raise KeyError(f"{rule!r} is not compared; the rules are {names}")

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types that JSON knows; the rows by rule."""
        labels = texts(self.players)
        rules = {}
        for row in self.rows:
            shares: dict[str, Any] = {"values": None, "savings": None}
            if row.allocation is not None and row.savings is not None:
                shares["values"] = dict(zip(labels, row.allocation.values.tolist(), strict=True))
                shares["savings"] = dict(zip(labels, row.savings.tolist(), strict=True))
            rules[row.rule] = {**row.figures(), **shares}
        return {
            "kind": self.kind,
            "unit": self.unit,
            "baseline": self.baseline,
            "terms": plain(self.terms),
            "alone": dict(zip(labels, self.alone.tolist(), strict=True)),
            "together": self.together,
            "table_seconds": self.table_seconds,
            "obstacle": plain(self.obstacle),
            "rules": rules,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row for each rule, with the columns of :meth:`to_csv` (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.DataFrame(self._figures()).set_index("rule")

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """Return one line for each rule as CSV, and write it where a path is given.

        The members of a coalition are joined by ``+``; what is not there is empty. The columns are
        described in ``docs/file-formats.md``.

        Raises
        ------
        SesgameError
            The file cannot be written.
        """
        rows = self._figures()
        cells = ([_csv_cell(cell) for cell in row.values()] for row in rows)
        return written(csv_text([list(rows[0]), *cells]), path)

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return :meth:`to_dict` as text, and write it where a path is given.

        Raises
        ------
        SesgameError
            The file cannot be written.
        """
        return written(json_text(self.to_dict()), path)

    def _figures(self) -> list[dict[str, Any]]:
        """Return the figures of each row, and what its savings are measured against."""
        return [{**row.figures(), "baseline": self.baseline} for row in self.rows]

    def _tables(self) -> ComparisonTables:
        return ComparisonTables(self.rows, self.kind, self.unit)

    def _notes(self) -> list[str]:
        """Return in sentences what the tables do not say."""
        tables = self._tables()
        notes = [*tables.failures(), *tables.profits()]
        if self.reason:
            notes.append(self.reason)
        if self.table_seconds is not None:
            coalitions = count(2 ** len(self.players) - 1, "coalition")
            notes.append(
                f"Evaluated once for all rules together: {coalitions}, in "
                f"{duration(self.table_seconds)}."
            )
        return notes

    def _units(self) -> list[str]:
        """Return what the figures are in, and what savings are measured against."""
        units = [f"amounts in {self.unit}"] if self.unit else []
        if self.baseline is not None:
            savings = "savings" if self.kind == "cost" else "surpluses"
            units.append(f"{savings} against {self.baseline}")
        return units

    def __str__(self) -> str:
        title = [count(len(self.rows), "rule"), count(len(self.players), "player")]
        lines = [", ".join([*title, *self._units()])]
        if self.terms is not None:
            lines.append(str(self.terms))
        tables = self._tables()
        lines += ["", *text_table(tables.verdicts())]
        if self.audits:
            lines += ["", "Who gains most (+) or loses least (-) by leaving:", ""]
            lines += text_table(tables.objections(), left=(0, 1, 3))
        return "\n".join([*lines, *([""] if self._notes() else []), *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        tables = self._tables()
        head, *body = tables.verdicts()
        objections, *who = tables.objections()
        caption = "Who gains most (+) or loses least (-) by leaving"
        notes = " ".join(self._notes())
        above = ", ".join(self._units())
        if self.terms is not None:
            above = f"{above}. {self.terms}" if above else str(self.terms)
        return html_table(head, body, above) + html_table(objections, who, caption, notes)


def _csv_cell(cell: object) -> object:
    return "+".join(map(str, cell)) if isinstance(cell, list) else cell
