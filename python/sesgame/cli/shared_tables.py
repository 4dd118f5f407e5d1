"""What ``sesgame share`` says and writes: energy by point and step, bills, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import fsum
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sesgame.bills import rounded_bills
from sesgame.cached import cached_property
from sesgame.files.csv_text import csv_text
from sesgame.files.json_text import json_text
from sesgame.formatting import amount, number, text_table
from sesgame.reports.content import title_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.comparison import Comparison
    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.sharing_keys.shared_generation import SharedGeneration
    from sesgame.game.allocation import Allocation
    from sesgame.rule import AllocationProblem
    from sesgame.stability.audit import Audit

    Array = NDArray[np.float64]

__all__ = ["SHARE_FILES", "SharedTables"]

SHARE_FILES = (
    "bills.csv",
    "energy_by_point.csv",
    "energy_by_plant.csv",
    "energy_by_step.csv",
    "assigned_kwh.csv",
    "used_kwh.csv",
)
"""What a folder of results has, beside ``share.json``."""


@dataclass(frozen=True, eq=False)
class SharedTables:
    """Bills under a sharing key with their audit, as text and as files.

    Attributes
    ----------
    problem : AllocationProblem
        Of a community on the public grid, in the period that counts.
    comparison : Comparison
        With one row, that of the key.
    options : dict
        What was asked for.
    """

    problem: AllocationProblem
    comparison: Comparison
    options: dict[str, Any]

    @property
    def allocation(self) -> Allocation:
        """The bills."""
        return cast("Allocation", self.comparison.rows[0].allocation)

    @property
    def shared(self) -> SharedGeneration:
        """What is behind the bills."""
        return cast("SharedGeneration", self.allocation.evidence)

    @property
    def audit(self) -> Audit:
        """What holds of the bills in the game of sharing."""
        return cast("Audit", self.comparison.rows[0].audit)

    @property
    def world(self) -> PublicGrid:
        """The community."""
        return cast("PublicGrid", self.problem.world)

    @cached_property
    def bills(self) -> tuple[Decimal, ...]:
        """To the cent, and together what all pay under the key."""
        return rounded_bills(self.allocation.values)

    def text(self) -> str:
        """Return tables of energy and money, what is lost, and what holds of the bills."""
        unit = self.world.currency
        lines = [title_of(self.world.name, self.problem), "", *text_table(self._consumers())]
        lines += ["", *text_table(self._plants()), "", *text_table(self._money()), ""]
        lines += self.shared.grounds(self.allocation, lambda value: amount(value, unit))
        lines += self.shared.caveats(self.allocation, lambda value: amount(value, unit))
        lines += ["", *self.audit.sentences(unit)]
        return "\n".join(lines)

    def files(self) -> dict[str, str]:
        """Return the text of each of :data:`SHARE_FILES`."""
        return {
            "bills.csv": self._bills_csv(),
            "energy_by_point.csv": csv_text(self._point_rows()),
            "energy_by_plant.csv": csv_text(self._plant_rows()),
            "energy_by_step.csv": self._steps_csv(),
            "assigned_kwh.csv": self.assigned_csv(),
            "used_kwh.csv": self._table_csv(self.shared.used_by_step()),
        }

    def assigned_csv(self) -> str:
        """Return what each consuming point is assigned in each step, a row for each step."""
        return self._table_csv(self.shared.assigned_by_step())

    def to_json(self) -> str:
        """Return everything but the energy of each point in each step."""
        members = [str(member) for member in self.allocation.players]
        return json_text(
            {
                "community": self.world.name,
                **self.world.origin(self.problem.model),
                "currency": self.world.currency,
                "options": self.options,
                "alone": dict(zip(members, self.comparison.alone.tolist(), strict=True)),
                "bills": dict(zip(members, map(str, self.bills), strict=True)),
                "lost_kwh": self.shared.lost_kwh,
                "lost_money": self.shared.lost_money,
                "optimum": self.comparison.together,
                "allocation": self.allocation.to_dict(),
                "audit": self.audit.to_dict(),
            }
        )

    @property
    def _consuming(self) -> list[int]:
        """The numbers of points that draw, or are assigned something."""
        assigned = self.shared.assigned_kwh
        return [
            number
            for number, point in enumerate(self.world.points)
            if assigned[number] > 0 or point.shared_import_kwh.any()
        ]

    def _point_rows(self) -> list[list[Any]]:
        shared, points = self.shared, self.world.points
        head = ["point", "member", "drawn_kwh", "assigned_kwh", "used_kwh", "unused_kwh"]
        rows = [
            [
                points[k].name,
                str(points[k].member),
                float(points[k].shared_import_kwh.sum()),
                *(float(of[k]) for of in (shared.assigned_kwh, shared.used_kwh, shared.unused_kwh)),
            ]
            for k in self._consuming
        ]
        return [head, *rows]

    def _plant_rows(self) -> list[list[Any]]:
        shared = self.shared
        owner = {point.name: str(point.member) for point in self.world.points}
        columns = (shared.generated_kwh, shared.shared_kwh, shared.surplus_kwh)
        rows = [
            [plant, owner[plant], *(float(of[k]) for of in columns)]
            for k, plant in enumerate(shared.plants)
        ]
        return [["plant", "member", "fed_in_kwh", "shared_kwh", "surplus_kwh"], *rows]

    def _consumers(self) -> list[list[str]]:
        _, *rows = self._point_rows()
        head = ["point", "member", "draws kWh", "is assigned", "uses", "leaves"]
        return _with_energy(head, rows)

    def _plants(self) -> list[list[str]]:
        _, *rows = self._plant_rows()
        return _with_energy(["plant", "member", "feeds in kWh", "shares", "sells"], rows)

    def _money(self) -> list[list[str]]:
        unit, alone = self.world.currency, self.comparison.alone.tolist()
        bills = list(map(float, self.bills))
        columns = (alone, bills, [before - bill for before, bill in zip(alone, bills, strict=True)])
        rows = zip(map(str, self.allocation.players), *columns, strict=True)
        total = ["total", *(fsum(column) for column in columns)]
        return [
            ["member", "alone", "bill", "saving"],
            *(
                [str(label), *(number(cast("float", cell), unit) for cell in cells)]
                for label, *cells in [*rows, total]
            ),
        ]

    def _bills_csv(self) -> str:
        unit = self.world.currency.lower()
        members = map(str, self.allocation.players)
        rows = zip(members, self.comparison.alone.tolist(), self.bills, strict=True)
        return csv_text([["member", f"alone_{unit}", f"bill_{unit}"], *map(list, rows)])

    def _steps_csv(self) -> str:
        shared, nothing = self.shared, np.zeros(self.world.steps.n_steps)
        fed_in, drawn, assigned, used = (nothing.copy() for _ in range(4))
        for point in self.world.points:
            fed_in += point.shared_export_kwh
            drawn += point.shared_import_kwh
        for _, given, own in shared.by_point():
            assigned += given
            used += own
        names = ["fed_in_kwh", "drawn_kwh", "assigned_kwh", "used_kwh", "lost_kwh"]
        columns = np.array([fed_in, drawn, assigned, used, shared.lost_kwh_by_step])
        return self._by_time(names, columns)

    def _table_csv(self, table: Array) -> str:
        rows = self._consuming
        return self._by_time([self.world.points[row].name for row in rows], table[rows])

    def _by_time(self, names: list[str], columns: Array) -> str:
        """Return a row for each step, of numbers alone, which need no look at each cell."""
        steps = self.world.steps
        lines = [csv_text([["time", *names]])]
        for step, row in enumerate(columns.T):
            lines.append(f"{steps.time(step)},{','.join(map(repr, row.tolist()))}\n")
        return "".join(lines)


def _with_energy(head: list[str], rows: list[list[Any]]) -> list[list[str]]:
    """Return a table of energy as people read it, with its totals."""
    totals = [fsum(row[column] for row in rows) for column in range(2, len(head))]
    return [
        head,
        *(
            [str(name), str(member), *(f"{kwh:,.1f}" for kwh in energy)]
            for name, member, *energy in [*rows, ["total", "", *totals]]
        ),
    ]
