"""Mechanisms side by side on one market: which properties hold, and by what figure others fail."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from sesgame.comparison.tables import duration
from sesgame.files.csv_text import csv_text
from sesgame.files.json_text import finite, json_text, plain
from sesgame.files.output_files import written
from sesgame.formatting import amount, count, html_table, left_out, text_table
from sesgame.game.by_value import ByValue
from sesgame.game.players import Players
from sesgame.markets.budget import budget_balance
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd

    from sesgame.markets.properties import PropertyReport
    from sesgame.markets.settlement import Settlement

__all__ = ["ComparedMechanism", "MarketComparison"]

PROPERTIES = (
    "efficient",
    "individually rational",
    "incentive compatible",
    "in the core",
    "budget balanced",
)
"""In the order of the columns."""


@dataclass(frozen=True, eq=False, repr=False)
class ComparedMechanism(ByValue):
    """One row: what a mechanism does on the market, or why it does nothing.

    Attributes
    ----------
    rule : str
        Its name in the comparison, which no other row has.
    settlement : Settlement or None
        Who gets what, and who pays what.
    properties : PropertyReport or None
        What holds of that, and by how much what fails does so; None for a settlement that has no
        market to try it on.
    failure : str
        Why there is no settlement; otherwise empty.
    seconds : float or None
        How long the mechanism took; None for a settlement that was there before.
    properties_seconds : float or None
        How long the properties took.
    """

    rule: str
    settlement: Settlement | None = None
    properties: PropertyReport | None = None
    failure: str = ""
    seconds: float | None = None
    properties_seconds: float | None = None

    def figures(self) -> dict[str, Any]:
        """Return the row in the types that JSON knows; None for what is not there or not finite."""
        settled, known = self.settlement, self.properties
        row: dict[str, Any] = {
            "rule": self.rule,
            "method": None if settled is None else settled.method,
            "failure": self.failure or None,
            "welfare": None if settled is None else settled.welfare,
            "budget_surplus": None if settled is None else budget_balance(settled).gap,
            "least_utility": None if settled is None else float(settled.utilities.min()),
        }
        names = (
            "efficiency_loss",
            "largest_loss",
            "loser",
            "misreport_gain",
            "manipulator",
            "price_gain_bound",
            "misreports",
            "scanned",
            "core_excess",
            "core_bound",
            "tolerance",
        )
        for name in PROPERTIES:
            verdict = None if known is None else known.verdicts[name]
            row[name.replace(" ", "_")] = None if verdict is None else verdict.word
        row |= {name: None if known is None else plain(getattr(known, name)) for name in names}
        row |= {"seconds": self.seconds, "properties_seconds": self.properties_seconds}
        figures: dict[str, Any] = finite(row)
        return figures


@dataclass(frozen=True, eq=False, repr=False)
class MarketComparison(ByValue):
    """Mechanisms side by side, one row each; all of one market, by its reports.

    Attributes
    ----------
    participants : Players
        Of the market.
    market : str
        What was settled, in words.
    best_welfare : float
        The largest welfare that an outcome has.
    rows : tuple of ComparedMechanism
        One for each mechanism that was asked for, also where it failed.
    unit : str
        The currency, or nothing.
    """

    participants: Players
    market: str
    best_welfare: float
    rows: tuple[ComparedMechanism, ...]
    unit: str = ""

    def __getitem__(self, rule: str) -> ComparedMechanism:
        for row in self.rows:
            if row.rule == rule:
                return row
        names = ", ".join(row.rule for row in self.rows)
        raise KeyError(f"{rule!r} is not compared; the rules are {names}")

    @property
    def settlements(self) -> dict[str, Settlement]:
        """The settlements of all rows that have one."""
        return {row.rule: row.settlement for row in self.rows if row.settlement is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types that JSON knows; the rows by rule."""
        rules = {}
        for row in self.rows:
            settled, known = row.settlement, row.properties
            rules[row.rule] = {
                **row.figures(),
                "settlement": None if settled is None else settled.to_dict(),
                "properties": None if known is None else known.to_dict(),
            }
        return {
            "market": self.market,
            "participants": [str(participant) for participant in self.participants],
            "unit": self.unit,
            "best_welfare": self.best_welfare,
            "rules": rules,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row for each rule, with the columns of :meth:`to_csv` (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.DataFrame([row.figures() for row in self.rows]).set_index("rule")

    def payments_to_pandas(self) -> pd.DataFrame:
        """Return what each participant pays under each rule (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        columns = {rule: settled.payments for rule, settled in self.settlements.items()}
        return pd.DataFrame(columns, index=list(self.participants))

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """Return one line for each rule as CSV, and write it where a path is given.

        Verdicts are ``yes``, ``no``, ``none found`` and ``unknown``; what is not there is empty.
        The columns are described in ``docs/file-formats.md``.

        Raises
        ------
        SesgameError
            The file cannot be written.
        """
        rows = [row.figures() for row in self.rows]
        return written(csv_text([list(rows[0]), *(list(row.values()) for row in rows)]), path)

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return :meth:`to_dict` as text, and write it where a path is given.

        Raises
        ------
        SesgameError
            The file cannot be written.
        """
        return written(json_text(self.to_dict()), path)

    def _verdicts(self) -> list[list[str]]:
        """Return for each rule what holds and what fails by how much, as people read it."""
        head = ["rule", "welfare", "efficient", "ind. rational", "truthful", "in the core"]
        rows = []
        for row in self.rows:
            time = "-" if row.seconds is None else duration(row.seconds)
            if row.settlement is None:
                rows.append([row.rule, *["-"] * 6, time])
                continue
            welfare = amount(row.settlement.welfare)
            budget = budget_balance(row.settlement)
            balance = "yes" if budget.balanced else f"no ({amount(budget.gap)})"
            known = row.properties
            briefs = ["-"] * 4
            if known is not None:
                briefs = [known.verdicts[name].brief for name in PROPERTIES[:4]]
            rows.append([row.rule, welfare, *briefs, balance, time])
        return [[*head, "budget balanced", "time"], *rows]

    def _payments(self) -> list[list[str]]:
        """Return what everybody pays that is listed, a column for each rule."""
        settled = self.settlements
        shown = len(self.participants) - left_out(len(self.participants))
        rows = [
            [str(who), *(self._money(one, float(one.payments[k])) for one in settled.values())]
            for k, who in zip(range(shown), self.participants, strict=False)
        ]
        outside = dict.fromkeys(name for one in settled.values() for name in one.outside)
        for name in outside:
            paid = (one.outside.get(name, (0.0, 0.0))[1] for one in settled.values())
            cells = zip(settled.values(), paid, strict=True)
            rows.append([name, *(self._money(one, value) for one, value in cells)])
        return [["pays", *settled], *rows]

    @staticmethod
    def _money(settlement: Settlement, value: float) -> str:
        return amount(value if abs(value) > settlement.tolerance else 0.0)

    def _above(self) -> str:
        """Return of what all rows are."""
        unit = f", amounts in {self.unit}" if self.unit else ""
        return (
            f"{count(len(self.rows), 'rule')} on {self.market}{unit}. Everything by the reports; "
            f"no outcome has a larger welfare than {amount(self.best_welfare)}."
        )

    def _notes(self) -> list[str]:
        """Return in sentences what the tables do not say."""
        notes = [f"{row.rule}: {row.failure}." for row in self.rows if row.failure]
        for row in self.rows:
            for name, verdict in {} if row.properties is None else row.properties.verdicts.items():
                # Who objects and how; by how much the others fail is in the table.
                tells = name in ("incentive compatible", "in the core")
                if tells and verdict.word in ("no", "none found"):
                    notes.append(f"{row.rule}, {name}: {verdict}.")
        missing = left_out(len(self.participants))
        if missing:
            notes.append(f"{missing:,} more participants are not listed.")
        return notes

    def __str__(self) -> str:
        lines = [self._above(), "", *text_table(self._verdicts())]
        if self.settlements:
            lines += ["", *text_table(self._payments())]
        return "\n".join([*lines, *([""] if self._notes() else []), *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = self._verdicts()
        pays, *who = self._payments()
        above, notes = self._above(), " ".join(self._notes())
        return html_table(head, body, above) + html_table(pays, who, "Payments", notes)
