"""Terms and assignments in MATPOWER case files; see :mod:`sesgame.markets.matpower_file`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from sesgame.errors import GameError
from sesgame.markets.matpower_fields import COLUMNS, CONSTANTS

__all__ = ["Expression", "Scope", "Statement", "numbered_columns"]

NAMERS = {"idx_bus": "bus", "idx_brch": "branch", "idx_gen": "gen", "idx_cost": "gencost"}
"""The functions that number columns, and whose they are."""

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "asin": np.arcsin,
    "atan": np.arctan,
    "cos": np.cos,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tan": np.tan,
}

TOKEN = re.compile(
    r"(?P<space>[ \t\r\v]+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z]\w*)"
    r"|(?P<text>'(?:[^'\n]|'')*'|\"[^\"\n]*\")|(?P<sign>\.\*|\./|\.\^|[-+*/^()\[\]{},;:.=\n])"
)


class Statement(NamedTuple):
    """A statement without comments, and the line on which it begins."""

    line: int
    text: str


class Token(NamedTuple):
    """A word of a statement; `spaced` where white space stands before it."""

    kind: str
    text: str
    line: int
    spaced: bool


class Scope:
    """What a file has set: the fields of its struct, and variables."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.struct = "mpc"
        self.fields: dict[str, Any] = {}
        self.variables: dict[str, Any] = {"pi": np.pi, "Inf": np.inf, "NaN": np.nan}

    def fail(self, line: int, message: str) -> NoReturn:
        """Refuse the file, with the line."""
        raise GameError(f"{self.path}, line {line}: {message}")


def numbered_columns(matrix: str) -> dict[str, float]:
    """Return the number of each named column of a matrix, from 1."""
    return {column.name: float(k) for k, column in enumerate(COLUMNS[matrix], 1)}


class Expression:
    """One statement, evaluated while it is read."""

    def __init__(self, scope: Scope, statement: Statement) -> None:
        self.scope = scope
        self.statement = statement
        self.tokens = list(self._tokens())
        self.place = 0

    def _tokens(self) -> Iterator[Token]:
        text, place, spaced, line = self.statement.text, 0, False, self.statement.line
        while place < len(text):
            found = TOKEN.match(text, place)
            if found is None:
                rest = text[place:].split("\n")[0].strip()
                self.scope.fail(line, f"{rest!r} is not understood")
            place = found.end()
            if found.lastgroup == "space":
                spaced = True
                line += found[0].count("\v")
                continue
            yield Token(str(found.lastgroup), found[0], line, spaced)
            spaced = found[0] == "\n"
            line += spaced
        yield Token("end", "", line, spaced)

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.place]

    def fail(self, message: str) -> NoReturn:
        """Refuse the statement."""
        first = " ".join(self.statement.text.split("\n")[0].split())
        self.scope.fail(self.token.line, f"{message} in `{first}`, which is not carried out")

    def take(self, *texts: str) -> str | None:
        """Return the next token if it is one of some signs, and go on."""
        if self.token.kind == "sign" and self.token.text in texts:
            self.place += 1
            return self.tokens[self.place - 1].text
        return None

    def expect(self, text: str) -> None:
        """Go past a sign that must come."""
        if not self.take(text):
            self.fail(f"{text!r} is expected, not {self.token.text!r},")

    def name(self) -> str:
        """Return a name that must come."""
        if self.token.kind != "name":
            self.fail(f"a name is expected, not {self.token.text!r},")
        self.place += 1
        return self.tokens[self.place - 1].text

    def finish(self) -> None:
        """Refuse what is left."""
        if self.token.kind != "end":
            self.fail(f"{self.token.text!r} is not understood")

    def value(self) -> Any:
        """Return the value of the whole statement."""
        value = self.sum(False)
        self.finish()
        return value

    def assign(self) -> None:
        """Carry the statement out; it must be an assignment."""
        if self.take("["):
            return self._name_columns()
        name = self.name()
        if name != self.scope.struct:
            self.expect("=")
            self.scope.variables[name] = self.value()
            return None
        if name in self.scope.variables:
            self.fail(f"{name!r} is a variable, too,")
        path = self._field_names()
        place = self._indices(path) if self.token.text == "(" else None
        self.expect("=")
        value = self.value()
        if place is not None:
            matrix = self._field(path)
            rows, columns = place
            shape = (len(rows), len(columns))
            if np.shape(value) not in ((), (1, 1), shape):
                self.fail(f"{shape[0]} x {shape[1]} entries are set to a {np.shape(value)} array")
            matrix[np.ix_(rows, columns)] = value
            return None
        fields = self.scope.fields
        for part in path[:-1]:
            fields = fields.setdefault(part, {})
            if not isinstance(fields, dict):
                self.fail(f"{part!r} is no struct")
        fields[path[-1]] = value
        return None

    def _name_columns(self) -> None:
        """Carry out ``[PQ, PV, ...] = idx_bus``."""
        names = [self.name()]
        while not self.take("]"):
            self.take(",")
            names.append(self.name())
        self.expect("=")
        function = self.name()
        self.finish()
        if function not in NAMERS:
            self.fail(f"the function {function!r} is not known")
        matrix = NAMERS[function]
        # The functions first return what may stand in a column, then the numbers of the columns.
        known = {
            "idx_bus": ("PQ", "PV", "REF", "NONE"),
            "idx_cost": ("PW_LINEAR", "POLYNOMIAL"),
        }.get(function, ())
        values = [CONSTANTS[name] for name in known] + list(numbered_columns(matrix).values())
        if function == "idx_gen":
            # The results come before the columns of the second format version.
            values = [*values[:10], *values[21:25], *values[10:21]]
        if function == "idx_brch":
            # And here the results of the power flow before the angles.
            values = [*values[:11], *values[13:19], *values[11:13], *values[19:21]]
        if len(names) > len(values):
            self.fail(f"{function} has {len(values)} numbers, not {len(names)},")
        self.scope.variables.update(zip(names, values, strict=False))

    def _field_names(self) -> list[str]:
        names = []
        while self.take("."):
            names.append(self.name())
        if not names:
            self.fail(f"{self.scope.struct!r} is set or read as a whole")
        return names

    def _field(self, path: list[str]) -> Any:
        value: Any = self.scope.fields
        for name in path:
            if not isinstance(value, dict) or name not in value:
                self.fail(f"{'.'.join(path)} is not there yet")
            value = value[name]
        return value

    def _indices(self, path: list[str]) -> tuple[list[int], list[int]]:
        matrix = self._field(path)
        if not isinstance(matrix, np.ndarray):
            self.fail(f"{'.'.join(path)} is no matrix")
        self.expect("(")
        rows = self._index(matrix.shape[0])
        self.expect(",")
        columns = self._index(matrix.shape[1])
        self.expect(")")
        return rows, columns

    def _index(self, size: int) -> list[int]:
        if self.take(":"):
            return list(range(size))
        first = self.sum(False)
        if self.take(":"):
            last = self.sum(False)
            if np.ndim(first) or np.ndim(last):
                self.fail("the ends of a range must be numbers,")
            places = np.arange(first, last + 1)
        else:
            places = np.ravel(first)
        if not all(place == int(place) and 1 <= place <= size for place in places.tolist()):
            self.fail(f"indices must be from 1 to {size}, got {places.tolist()},")
        return [int(place) - 1 for place in places]

    def sum(self, in_matrix: bool) -> Any:
        """Return a sum; in a matrix ``a -b`` are two entries and ``a - b`` is one."""
        value = self.product(in_matrix)
        while self.token.text in ("+", "-"):
            after = self.tokens[self.place + 1]
            if in_matrix and self.token.spaced and not after.spaced:
                break
            sign = 1 if self.take("+", "-") == "+" else -1
            value = self.combine(np.add, value, sign * self.checked(self.product(in_matrix)))
        return value

    def product(self, in_matrix: bool) -> Any:
        """Return a product or quotient."""
        value = self.signed(in_matrix)
        while sign := self.take("*", "/", ".*", "./"):
            other = self.signed(in_matrix)
            single = (np.ndim(other) == 0, np.ndim(value) == 0)
            if not (sign.startswith(".") or single[0] or (sign == "*" and single[1])):
                self.fail(f"{sign!r} of matrices is not supported")
            with np.errstate(divide="ignore", invalid="ignore"):
                value = self.combine(np.multiply if "*" in sign else np.divide, value, other)
        return value

    def signed(self, in_matrix: bool) -> Any:
        """Return a power with signs before it."""
        if sign := self.take("+", "-"):
            value = self.checked(self.signed(in_matrix))
            return value if sign == "+" else -value
        value = self.operand(in_matrix)
        while sign := self.take("^", ".^"):
            power = self.operand(in_matrix)
            if sign == "^" and (np.ndim(value) or np.ndim(power)):
                self.fail("'^' of matrices is not supported")
            value = self.combine(np.power, value, power)
        return value

    def operand(self, in_matrix: bool) -> Any:
        """Return a number, text, variable, field, call, term in brackets or matrix."""
        token = self.token
        if token.kind == "number":
            self.place += 1
            return float(token.text)
        if token.kind == "text":
            self.place += 1
            return token.text[1:-1].replace(token.text[0] * 2, token.text[0])
        if self.take("("):
            value = self.sum(False)
            self.expect(")")
            return value
        if self.take("["):
            return self._matrix()
        name = self.name()
        called = self.token.text == "(" and not (in_matrix and self.token.spaced)
        if name == self.scope.struct:
            path = self._field_names()
            if self.token.text != "(" or (in_matrix and self.token.spaced):
                value = self._field(path)
                return value.copy() if isinstance(value, np.ndarray) else value
            rows, columns = self._indices(path)
            part = self._field(path)[np.ix_(rows, columns)]
            return float(part[0, 0]) if part.size == 1 else part
        if name in self.scope.variables and not called:
            return self.scope.variables[name]
        if name in FUNCTIONS and self.take("("):
            value = self.checked(self.sum(False))
            self.expect(")")
            with np.errstate(divide="ignore", invalid="ignore"):
                result = FUNCTIONS[name](value)
            return result if np.ndim(result) else float(result)
        return self.fail(f"{name!r} is not known")

    def _matrix(self) -> Any:
        rows: list[list[float]] = []
        row: list[float] = []
        while True:
            if sign := self.take(";", "\n", "]"):
                if row and rows and len(row) != len(rows[0]):
                    self.place -= 1
                    self.fail(
                        f"row {len(rows) + 1} has {len(row)} entries where the first has "
                        f"{len(rows[0])},"
                    )
                rows += [row] if row else []
                row = []
                if sign == "]":
                    return np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else 0)
            elif not self.take(","):
                value = self.checked(self.sum(True))
                if np.ndim(value):
                    self.fail("a matrix in a matrix is not supported")
                row.append(float(value))

    def checked(self, value: Any) -> Any:
        """Return a number or a matrix; nothing else can be reckoned with."""
        if isinstance(value, (str, list, dict)):
            self.fail(f"{value!r} is no number")
        return value

    def combine(self, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        """Return the result of an operation on numbers and matrices of one shape."""
        left, right = self.checked(left), self.checked(right)
        if np.ndim(left) and np.ndim(right) and np.shape(left) != np.shape(right):
            self.fail(f"a {np.shape(left)} and a {np.shape(right)} array do not match")
        result = operation(left, right)
        return result if np.ndim(result) else float(result)
