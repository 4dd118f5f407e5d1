"""MPS files: what stands in one, read strictly.

The format has no standard, and solvers read its odd corners in different ways: integer columns
without bounds, negative upper bounds, rows without a bound, a second set of right-hand sides. What
has more than one reading is refused here with its line. The sections are those of CPLEX, Gurobi,
Xpress and HiGHS.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from sesgame.adapters.foreign_fields import Fields, harmless, refuse, refused, used
from sesgame.adapters.named_model import Column, NamedModel, Row, Source

__all__ = ["BOUNDS", "SECTIONS", "read_mps"]

_SETS = refused("HiGHS has no special ordered sets; write them with binary variables")
_CUTS = refused("put its rows into ROWS, or leave it out if they follow from the others")
_GENERAL = refused("HiGHS has linear constraints only; write it with binary variables")
_CONE = refused("HiGHS has linear constraints only")

SECTIONS: Fields = {
    "NAME": harmless("the name of the model"),
    "OBJSENSE": used("MIN makes a cost game, MAX a gain game"),
    "ROWS": used("one row of type N, the objective, and rows of type E, L and G"),
    "COLUMNS": used("coefficients; columns between markers INTORG and INTEND are integer"),
    "RHS": used("right-hand sides; that of the objective is minus its constant"),
    "RANGES": used("the other side of a row"),
    "BOUNDS": used("see the list of bounds"),
    "QUADOBJ": used("one triangle of Q of the objective x' Q x / 2"),
    "QMATRIX": used("both triangles of Q of the objective x' Q x / 2"),
    "ENDATA": harmless("the end"),
    "SOS": _SETS,
    "SOS1": _SETS,
    "SOS2": _SETS,
    "SETS": _SETS,
    "INDICATORS": refused("HiGHS reads none; write each with a bound times its binary variable"),
    "QSECTION": refused("write QUADOBJ for the objective; HiGHS has linear constraints only"),
    "QCMATRIX": _CONE,
    "CSECTION": _CONE,
    "GENCONS": _GENERAL,
    "PWLOBJ": _GENERAL,
    "PWLNAM": _GENERAL,
    "PWLCON": _GENERAL,
    "LAZYCONS": _CUTS,
    "USERCUTS": _CUTS,
    "DELAYEDROWS": _CUTS,
    "MODELCUTS": _CUTS,
    "BRANCH": refused("leave it out: HiGHS branches as it likes"),
    "OBJNAME": refused("leave one row of type N in ROWS"),
    "REFROW": _SETS,
}
"""Sections of a file."""

BOUNDS: Fields = {
    "LO": used("lower bound"),
    "UP": used("upper bound; a negative one needs a lower bound, too"),
    "FX": used("fixed"),
    "FR": used("no bounds"),
    "MI": used("no lower bound"),
    "PL": used("no upper bound"),
    "BV": used("0 or 1"),
    "LI": used("lower bound of an integer"),
    "UI": used("upper bound of an integer"),
    "SC": used("semi-continuous: 0, or from the lower bound to this one"),
    "SI": used("semi-continuous and integer"),
    "XM": refused("write the bound as a number"),
}
"""Types of bounds."""

ORDER = ("ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "QUADOBJ", "QMATRIX")
"""Sections that have to come in this order: each speaks of names from those before."""


def read_mps(lines: Iterable[str], name: str) -> NamedModel:
    """Return the model in the lines of an MPS file.

    Raises
    ------
    GameError
        A line has no reading, or more than one; or a section is refused.
    """
    reader = _Reader(Source(name))
    for number, line in enumerate(lines, start=1):
        reader.source.line = number
        if not line.strip() or line.startswith("*"):
            reader.is_said_to_maximise |= line.upper().startswith("*SENSE:MAX")
            continue
        if line[0].isspace():
            reader.record(line.split())
        elif reader.begin(line.split()):
            break
    return reader.finish()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.model = NamedModel()
        self.section = ""
        self.seen: list[str] = []
        self.kinds: dict[str, str] = {}  # of rows
        self.objective = ""
        self.integer = False
        self.column = ""
        self.sets: dict[str, str] = {}  # of each section
        self.is_said_to_maximise = False
        self.given: set[tuple[str, ...]] = set()  # section and row, column and side

    def begin(self, words: list[str]) -> bool:
        """Begin a section; return whether it is the end."""
        section = words[0].upper()
        if section not in SECTIONS or SECTIONS[section].is_refused:
            refuse(SECTIONS, section, f"{self.source.name}, line {self.source.line},")
        if section in self.seen:
            raise self.source.error(f"a second section {section}")
        later = ORDER[ORDER.index(section) :] if section in ORDER else ()
        for other in self.seen:
            if other in later:
                raise self.source.error(f"{section} has to come before {other}")
        self.seen.append(section)
        self.section = section
        if section == "OBJSENSE" and len(words) > 1:
            self._objsense(words[1:])
        elif len(words) > 1 and section != "NAME":
            raise self.source.error(f"{section} {words[1]!r}: nothing can follow {section}")
        return section == "ENDATA"

    def record(self, words: list[str]) -> None:
        """Read a line of the section."""
        reads = {
            "OBJSENSE": self._objsense,
            "ROWS": self._rows,
            "COLUMNS": self._columns,
            "RHS": self._rhs,
            "RANGES": self._ranges,
            "BOUNDS": self._bounds,
            "QUADOBJ": self._quadratic,
            "QMATRIX": self._quadratic,
        }
        if self.section not in reads:
            raise self.source.error(f"{words[0]!r} is in no section")
        reads[self.section](words)

    def finish(self) -> NamedModel:
        """Return the model, once all of it is read."""
        source, model = self.source, self.model
        if self.section != "ENDATA":
            raise source.error("the file ends without ENDATA")
        if self.is_said_to_maximise and "OBJSENSE" not in self.seen:
            raise source.error(
                "a comment says that the model maximises: write OBJSENSE, in PuLP by "
                "writeMPS(..., with_objsense=True)"
            )
        if not self.objective:
            raise source.error("no row of type N: the model has no objective")
        for name, column in model.columns.items():
            lower, upper = column.bounds
            if column.integer and column.lower is None and column.upper is None:
                raise source.error(
                    f"the integer column {name!r} has no bound: some readers take it for binary; "
                    f"add a bound UP, PL or BV"
                )
            if column.upper is not None and column.upper < 0 and column.lower is None:
                raise source.error(
                    f"the column {name!r} has the upper bound {upper:g} and no lower one: some "
                    f"readers take that for minus infinity; add a bound MI or LO"
                )
            if column.semicontinuous and lower < 0:
                raise source.error(f"the semi-continuous column {name!r} has a negative bound")
        if any(
            model.hessian.get((other, one)) != value
            for (one, other), value in model.hessian.items()
        ):
            raise source.error("QMATRIX is not symmetric")
        return model

    def _objsense(self, words: list[str]) -> None:
        sense = {"MAX": -1, "MAXIMIZE": -1, "MIN": 1, "MINIMIZE": 1}.get(words[0].upper())
        if sense is None or len(words) > 1 or ("OBJSENSE", "") in self.given:
            raise self.source.error(f"OBJSENSE is MIN or MAX, once, not {' '.join(words)}")
        self.given.add(("OBJSENSE", ""))
        self.model.sense = sense

    def _rows(self, words: list[str]) -> None:
        if len(words) != 2:
            raise self.source.error("a row has a type and a name without blanks")
        kind, name = words[0].upper(), words[1]
        if name in self.kinds:
            raise self.source.error(f"a second row {name!r}")
        sides = {"E": (0.0, 0.0), "L": (-math.inf, 0.0), "G": (0.0, math.inf)}
        if kind in sides:
            self.model.rows[name] = Row(*sides[kind])
        elif kind != "N":
            raise self.source.error(f"the row {name!r} has type {kind!r}, not N, E, L or G")
        elif self.objective:
            raise self.source.error(
                f"a second row of type N, {name!r}, beside {self.objective!r}: a model has one "
                f"objective; leave out the other, and rows that bind nothing"
            )
        else:
            self.objective = name
        self.kinds[name] = kind

    def _columns(self, words: list[str]) -> None:
        if len(words) == 3 and words[1] == "'MARKER'":
            if words[2] != ("'INTEND'" if self.integer else "'INTORG'"):
                raise self.source.error(f"the marker {words[2]} is refused here")
            self.integer = not self.integer
            return
        if len(words) not in (3, 5):
            raise self.source.error("a column has one or two rows and numbers, names no blanks")
        name = words[0]
        if name != self.column:
            if name in self.model.columns:
                raise self.source.error(f"a second column {name!r}")
            self.model.columns[name] = Column(integer=self.integer)
            self.column = name
        elif self.model.columns[name].integer != self.integer:
            raise self.source.error(f"a marker in the middle of the column {name!r}")
        for row, value in self._pairs(words[1:], (name,)):
            if row == self.objective:
                self.model.columns[name].cost = value
            else:
                self.model.rows[row].terms[name] = value

    def _pairs(self, words: list[str], of: tuple[str, ...]) -> list[tuple[str, float]]:
        """Return rows and numbers, each row once for each column or section."""
        pairs = list(zip(words[::2], map(self.source.number, words[1::2]), strict=True))
        for row, _ in pairs:
            if row not in self.kinds:
                raise self.source.error(f"unknown row {row!r}")
            if (*of, row) in self.given:
                raise self.source.error(f"a second number for the row {row!r} of {of[-1]!r}")
            self.given.add((*of, row))
        return pairs

    def _without_set(self, words: list[str], names: Iterable[str]) -> list[str]:
        """Return a record without the name of its set, which is the same in all of a section."""
        has_set = len(words) % 2 == 1
        if has_set and words[0] in names:
            raise self.source.error(f"{words[0]!r} can be the name of a set, or of a row or column")
        name = words[0] if has_set else ""
        if self.sets.setdefault(self.section, name) != name:
            raise self.source.error(
                f"{self.section} has the sets {self.sets[self.section]!r} and {name!r}; one "
                f"counts, leave out the other"
            )
        return words[1:] if has_set else words

    def _rhs(self, words: list[str]) -> None:
        for name, value in self._pairs(self._without_set(words, self.kinds), ("", "RHS")):
            if name == self.objective:
                self.model.offset = -value
                continue
            row = self.model.rows[name]
            kind = self.kinds[name]
            row.lower = row.lower if kind == "L" else value
            row.upper = row.upper if kind == "G" else value

    def _ranges(self, words: list[str]) -> None:
        for name, value in self._pairs(self._without_set(words, self.kinds), ("", "RANGES")):
            if name == self.objective:
                raise self.source.error(f"the objective {name!r} has no range")
            row, kind = self.model.rows[name], self.kinds[name]
            if kind == "L" or (kind == "E" and value < 0):
                row.lower = row.upper - abs(value)
            else:
                row.upper = row.lower + abs(value)

    def _bounds(self, words: list[str]) -> None:
        kind = words[0].upper()
        if kind not in BOUNDS or BOUNDS[kind].is_refused:
            refuse(BOUNDS, kind, f"{self.source.name}, line {self.source.line},")
        takes_none = kind in ("FR", "MI", "PL", "BV")
        rest = words[1:]
        if takes_none and len(rest) == 3:  # a number that says nothing, which some writers add
            rest = rest[:2]
        # One word more than column, or column and number, is the name of the set.
        if takes_none:
            rest = [*rest, ""]
        if len(rest) not in (2, 3):
            raise self.source.error(
                f"a bound {kind} has a column{'' if takes_none else ' and a number'}"
            )
        name, text = self._without_set(rest, self.model.columns)
        if name not in self.model.columns:
            raise self.source.error(f"unknown column {name!r}")
        column = self.model.columns[name]
        value = 0.0 if takes_none else self.source.number(text)
        lower = {"LO": value, "LI": value, "FX": value, "FR": -math.inf, "MI": -math.inf, "BV": 0.0}
        upper = {"UP": value, "UI": value, "FX": value, "FR": math.inf, "PL": math.inf, "BV": 1.0}
        upper |= {"SC": value, "SI": value}
        for side, values in (("lower", lower), ("upper", upper)):
            if kind in values:
                if getattr(column, side) is not None:
                    raise self.source.error(f"a second {side} bound of the column {name!r}")
                setattr(column, side, values[kind])
        if kind in ("LI", "UI", "SI") and value != int(value):
            raise self.source.error(f"the bound {text} of the integer column {name!r}")
        column.integer |= kind in ("BV", "LI", "UI", "SI")
        column.semicontinuous |= kind in ("SC", "SI")

    def _quadratic(self, words: list[str]) -> None:
        if len(words) != 3 or not {words[0], words[1]} <= self.model.columns.keys():
            raise self.source.error(f"{self.section} has two columns and a number")
        one, other, value = words[0], words[1], self.source.number(words[2])
        pairs = {(one, other), (other, one)} if self.section == "QUADOBJ" else {(one, other)}
        for pair in pairs:
            if pair in self.model.hessian:
                raise self.source.error(f"a second number for {one!r} times {other!r}")
            self.model.hessian[pair] = value
