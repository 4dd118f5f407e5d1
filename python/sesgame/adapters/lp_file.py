"""LP files: what stands in one, read strictly.

The format (that of CPLEX) has no standard, and readers skip or guess what they do not know. Here
each word has to be one of the grammar in the notes of :func:`read_lp`; anything else is refused
with its line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from sesgame.adapters.foreign_fields import Fields, harmless, refuse, refused, used
from sesgame.adapters.named_model import Column, NamedModel, Row, Source

__all__ = ["SECTIONS", "read_lp"]

_SETS = refused("HiGHS has no special ordered sets; write them with binary variables")
_CUTS = refused("put its rows under Subject To, or leave it out if they follow from the others")
_GENERAL = refused("HiGHS has linear constraints only; write it with binary variables")

SECTIONS: Fields = {
    "minimize": used("makes a cost game; linear terms, a constant, and [ quadratic terms ] / 2"),
    "maximize": used("makes a gain game"),
    "subject to": used("linear constraints: terms, one of <=, >= and =, and a number"),
    "bounds": used("from 0 to infinity where there is none"),
    "general": used("integer variables"),
    "binary": used("variables that are 0 or 1"),
    "semi-continuous": used("variables that are 0, or within their bounds"),
    "end": harmless("the end"),
    "sos": _SETS,
    "sos1": _SETS,
    "sos2": _SETS,
    "lazy constraints": _CUTS,
    "user cuts": _CUTS,
    "general constraints": _GENERAL,
    "pwlobj": _GENERAL,
    "multi-objectives": refused("leave one objective"),
    "scenario": refused("leave one scenario"),
}
"""Sections of a file, by the first of their titles."""

TITLES = {
    title: section
    for section, titles in {
        "minimize": "minimize minimise minimum min",
        "maximize": "maximize maximise maximum max",
        "subject to": "st s.t. st.",
        "bounds": "bounds bound",
        "general": "general generals gen integer integers int",
        "binary": "binary binaries bin",
        "semi-continuous": "semi-continuous semi semis",
        "end": "end",
        **{
            name: name for name in ("sos", "sos1", "sos2", "pwlobj", "scenario", "multi-objectives")
        },
        "general constraints": "gencons",
    }.items()
    for title in titles.split()
} | {
    "subject to": "subject to",
    "such that": "subject to",
    "lazy constraints": "lazy constraints",
    "user cuts": "user cuts",
    "general constraints": "general constraints",
}

TITLE = re.compile(
    r"\s*("
    + "|".join(re.escape(title).replace(r"\ ", r"\s+") for title in sorted(TITLES, key=len)[::-1])
    + r")(?=\s|$)",
    re.IGNORECASE,
)
TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z!\"#$%&(),?@_'`{}~][A-Za-z0-9!\"#$%&(),.?@_'`{}~]*)"
    r"|(?P<sign>->|<=|>=|=<|=>|[-+:<>=^*/\[\]])"
)
SIDES = {"<=": "<=", "=<": "<=", "<": "<=", ">=": ">=", "=>": ">=", ">": ">=", "=": "="}
INFINITE = ("inf", "infinity")

Token = tuple[str, str, int]
"""Kind, text, line."""


def read_lp(lines: Iterable[str], name: str) -> NamedModel:
    r"""Return the model in the lines of an LP file.

    Raises
    ------
    GameError
        A word is not of the grammar, or a section is refused.

    Notes
    -----
    A title of a section begins a line; ``\`` begins a comment. A constraint is ``[name:] terms
    side number``, a term ``[signs] [number] variable``, a bound ``number <= variable <= number``,
    one half of that, ``variable = number`` or ``variable free``.
    """
    source = Source(name)
    sections: dict[str, list[Token]] = {}
    current: list[Token] | None = None
    for number, line in enumerate(lines, start=1):
        source.line = number
        text = line.partition("\\")[0].rstrip()
        title = TITLE.match(text)
        if title:
            section = TITLES[" ".join(title[1].lower().split())]
            if SECTIONS[section].is_refused:
                refuse(SECTIONS, section, f"{name}, line {number},")
            if section in sections or {section, *sections} >= {"minimize", "maximize"}:
                raise source.error(f"a second section {section!r}")
            current = sections[section] = []
            text = text[title.end() :]
        tokens = list(_tokens(source, text))
        if tokens and (current is None or "end" in sections):
            raise source.error(f"{tokens[0][1]!r} is in no section")
        if current is not None:
            current += tokens
    if "end" not in sections:
        raise source.error("the file ends without End")
    return _Reader(source).read(sections)


def _tokens(source: Source, text: str) -> Iterable[Token]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        found = TOKEN.match(text, place)
        if found is None:
            raise source.error(f"{text[place:].split()[0]!r} is not of the format")
        yield str(found.lastgroup), found[0], source.line
        place = found.end()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.model = NamedModel()
        self.tokens: list[Token] = []
        self.place = 0

    def read(self, sections: dict[str, list[Token]]) -> NamedModel:
        model = self.model
        objective = next((name for name in ("minimize", "maximize") if name in sections), None)
        if objective is None:
            raise self.source.error("the file has no objective")
        model.sense = 1 if objective == "minimize" else -1
        self._begin(sections[objective])
        self._objective()
        self._begin(sections.get("subject to", []))
        while self._more():
            self._constraint()
        self._begin(sections.get("bounds", []))
        while self._more():
            self._bound()
        for section in ("general", "binary", "semi-continuous"):
            self._begin(sections.get(section, []))
            while self._more():
                self._kind(section, self._known(self._take("name")))
        for name, column in model.columns.items():
            if column.upper is not None and column.upper < 0 and column.lower is None:
                raise self.source.error(
                    f"the variable {name!r} has the upper bound {column.upper:g} and no lower "
                    f"one: some readers take that for minus infinity; write both"
                )
        return model

    def _begin(self, tokens: list[Token]) -> None:
        self.tokens, self.place = tokens, 0

    def _more(self) -> bool:
        return self.place < len(self.tokens)

    def _next(self, ahead: int = 0) -> tuple[str, str]:
        """Return the kind and the text of a token to come."""
        if self.place + ahead >= len(self.tokens):
            return "", "the end of the section"
        kind, text, self.source.line = self.tokens[self.place + ahead]
        return kind, text

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise self.source.error(f"{text!r} where a {kind} has to be")
        self.place += 1
        return text

    def _is(self, *texts: str) -> bool:
        kind, text = self._next()
        return kind == "sign" and text in texts

    def _skip(self, *texts: str) -> bool:
        there = self._is(*texts)
        self.place += there
        return there

    def _column(self, name: str) -> Column:
        if TITLE.fullmatch(name) or name.lower() in (*INFINITE, "free", "nan"):
            raise self.source.error(f"{name!r} is a word of the format, not a variable")
        return self.model.columns.setdefault(name, Column())

    def _known(self, name: str) -> Column:
        if name not in self.model.columns:
            raise self.source.error(f"{name!r} is in no constraint, nor in the objective")
        return self.model.columns[name]

    def _label(self) -> str | None:
        if self._next()[0] == "name" and self._next(1) == ("sign", ":"):
            name = self._take("name")
            self._take("sign")
            return name
        return None

    def _signs(self) -> float:
        sign = 1.0
        while self._is("+", "-"):
            sign *= -1.0 if self._take("sign") == "-" else 1.0
        return sign

    def _number(self) -> float:
        """Take a number with its sign, or infinity."""
        sign = self._signs()
        kind, text = self._next()
        if kind == "name" and text.lower() in INFINITE:
            self.place += 1
            return sign * math.inf
        return sign * self.source.number(self._take("number"))

    def _terms(self) -> tuple[dict[str, float], float]:
        """Take linear terms; return coefficients by variable, and the constant."""
        terms: dict[str, float] = {}
        constant = 0.0
        first = True
        while self._more() and not self._is("[", *SIDES):
            if not first and not self._is("+", "-"):
                raise self.source.error(f"{self._next()[1]!r} without a sign before it")
            first = False
            if self._is("+", "-") and self._next(1) == ("sign", "["):
                break
            factor = self._signs()
            has_number = self._next()[0] == "number"
            if has_number:
                factor *= self.source.number(self._take("number"))
            if self._next()[0] == "name":
                name = self._take("name")
                self._column(name)
                if name in terms:
                    raise self.source.error(f"a second term with {name!r}")
                terms[name] = factor
            elif has_number:
                constant += factor
            else:
                raise self.source.error(f"{self._next()[1]!r} where a term has to be")
        return terms, constant

    def _objective(self) -> None:
        self._label()
        terms, self.model.offset = self._terms()
        for name, value in terms.items():
            self.model.columns[name].cost = value
        if self._is("+", "["):
            self._skip("+")
            self._quadratic()
        if self._more():
            raise self.source.error(f"{self._next()[1]!r} in the objective")

    def _quadratic(self) -> None:
        """Take ``[ terms ] / 2``, of which x^2 has its coefficient in Q and x * y half of it."""
        self._take("sign")
        hessian = self.model.hessian
        while not self._skip("]"):
            factor = self._signs()
            if self._next()[0] == "number":
                factor *= self.source.number(self._take("number"))
            one = other = self._take("name")
            if self._skip("^"):
                if self._take("number") != "2":
                    raise self.source.error(f"{one!r} to another power than 2")
            elif self._skip("*"):
                other = self._take("name")
            else:
                raise self.source.error(f"{one!r} is not squared")
            self._column(one)
            self._column(other)
            if (one, other) in hessian:
                raise self.source.error(f"a second term with {one!r} times {other!r}")
            hessian[one, other] = hessian[other, one] = factor if one == other else factor / 2
        if not self._skip("/") or self._take("number") != "2":
            raise self.source.error("the quadratic terms are not divided by 2")

    def _constraint(self) -> None:
        name = self._label()
        terms, constant = self._terms()
        kind, text = self._next()
        if kind != "sign" or text not in SIDES:
            raise self.source.error(f"{text!r} in a constraint: it has linear terms alone")
        if constant or not terms:
            raise self.source.error(
                "a constraint has terms on the left, and its number on the right"
            )
        side = SIDES[self._take("sign")]
        bound = self._number()
        if self._is(*SIDES):
            raise self.source.error("a constraint with two sides; write two")
        name = name or f"row {len(self.model.rows) + 1}"
        if name in self.model.rows:
            raise self.source.error(f"a second constraint {name!r}")
        self.model.rows[name] = Row(
            -math.inf if side == "<=" else bound, math.inf if side == ">=" else bound, terms
        )

    def _bound(self) -> None:
        if self._next()[0] == "name" and self._next()[1].lower() not in INFINITE:
            column = self._known(name := self._take("name"))
            kind, text = self._next()
            if kind == "name" and text.lower() == "free":
                self.place += 1
                self._set(name, column, "lower", -math.inf)
                self._set(name, column, "upper", math.inf)
                return
            self._side(name, column, self._comparison(), self._number())
            return
        value, side = self._number(), self._comparison()
        column = self._known(name := self._take("name"))
        self._side(name, column, {"<=": ">=", ">=": "<=", "=": "="}[side], value)
        if self._is(*SIDES):
            if side == "=" or self._comparison() != side:
                raise self.source.error(f"the bounds of {name!r} are not in order")
            self._side(name, column, side, self._number())

    def _comparison(self) -> str:
        text = self._take("sign")
        if text not in SIDES:
            raise self.source.error(f"{text!r} where <=, >= or = has to be")
        return SIDES[text]

    def _side(self, name: str, column: Column, side: str, value: float) -> None:
        if side in (">=", "="):
            self._set(name, column, "lower", value)
        if side in ("<=", "="):
            self._set(name, column, "upper", value)

    def _set(self, name: str, column: Column, side: str, value: float) -> None:
        if getattr(column, side) is not None:
            raise self.source.error(f"a second {side} bound of {name!r}")
        setattr(column, side, value)

    def _kind(self, section: str, column: Column) -> None:
        if section == "semi-continuous":
            column.semicontinuous = True
            return
        if column.integer:
            raise self.source.error("an integer variable is named twice")
        column.integer = True
        if section == "binary":
            if column.bounds not in ((0.0, math.inf), (0.0, 1.0)):
                raise self.source.error("a binary variable with bounds of its own")
            column.lower, column.upper = 0.0, 1.0
