"""MATPOWER case files (.m): their statements, carried out one after another.

A file is a function that fills a struct. What it may hold::

    file       = ["function" NAME "=" NAME] {statement} ["end"]
    statement  = field "=" value | field "(" index "," index ")" "=" value | NAME "=" value
               | "[" NAME {"," NAME} "]" "=" ("idx_bus" | "idx_brch" | "idx_gen" | "idx_cost")
               | "define_constants" | "if" value {statement} ["else" {statement}] "end"
    field      = STRUCT "." NAME {"." NAME}
    value      = sum of products of powers of: number, text, NAME, field, field "(" index "," index
                 ")", function "(" value ")", "(" value ")", "[" rows "]", "{" texts "}"
    index      = ":" | value | value ":" value

with comments (``%`` to the end of the line, ``%{`` to ``%}``) and continued lines (``...``).
Whatever else a file says is refused with its line: nothing in it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sesgame.errors import GameError
from sesgame.markets.matpower_expression import Expression, Scope, Statement, numbered_columns
from sesgame.markets.matpower_fields import CONSTANTS

__all__ = ["read_case"]

CONTINUED = "\v"
"""What stands for the end of a line that goes on: white space, but no new row."""

OPENS = ("if", "for", "while", "switch", "try")
QUOTE = re.compile(r"(?:[^'\"%]|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")*")
"""What stands before the comment of a line in which quotes are."""

MATRIX = re.compile(r"([A-Za-z]\w*)\.(\w+)\s*=\s*\[([^\[\](){}'\"=:_]*)\]\s*\Z")
CELL = re.compile(r"([A-Za-z]\w*)\.(\w+)\s*=\s*\{(.*)\}\s*\Z", re.DOTALL)
TEXTS = re.compile(r"[\s;,]*(?:'((?:[^'\n]|'')*)'[\s;,]*)")


def read_case(path: Path) -> dict[str, Any]:
    """Return the fields of the struct that a case file fills: numbers, arrays, texts and lists.

    Raises
    ------
    GameError
        The file cannot be read, or a statement is none of those above; its line is named.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise GameError(f"{path}: {error.strerror or error}") from error
    return _Case(path).run(_statements(path, text))


def _statements(path: Path, text: str) -> Iterator[Statement]:
    """Return statements without comments, split where none is open."""
    held: list[str] = []
    first, depth, in_comment = 1, 0, False
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip("\r")
        if in_comment or line.strip() == "%{":
            in_comment = line.strip() != "%}"
            held.append("\n")
            continue
        if "%" in line or "'" in line or '"' in line:
            line = _without_comment(line)
        bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", line) if "'" in line or '"' in line else line
        continued = "..." in bare
        if continued:
            line = line[: line.index("...")]
            bare = bare[: bare.index("...")]
        if not held:
            first = number
        held.append(line + (CONTINUED if continued else "\n"))
        for opening, closing in ("[]", "{}", "()"):
            depth += bare.count(opening) - bare.count(closing)
        if depth < 0:
            raise GameError(f"{path}, line {number}: a bracket closes that was never opened")
        if depth == 0 and not continued:
            yield from _parts(first, "".join(held))
            held = []
    if depth:
        raise GameError(f"{path}, line {first}: a bracket opens here and never closes")
    if held:
        yield from _parts(first, "".join(held))


def _without_comment(line: str) -> str:
    if "'" not in line and '"' not in line:
        return line[: line.index("%")]
    found = QUOTE.match(line)
    end = found.end() if found else 0
    # A quote that opens no text transposes; what follows is refused later, a comment is not.
    return line[:end] if end == len(line) or line[end] == "%" else line


def _parts(first: int, text: str) -> Iterator[Statement]:
    """Split at semicolons and commas outside brackets and texts."""
    stripped = text.strip()
    if not stripped:
        return
    if stripped.endswith(";") and MATRIX.match(stripped[:-1]):
        yield Statement(first + text[: text.index(stripped)].count("\n"), stripped[:-1])
        return
    depth, start, quote = 0, 0, ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "[{(":
            depth += 1
        elif sign in "]})":
            depth -= 1
        elif sign in ";," and depth == 0:
            yield from _part(first, text, start, place)
            start = place + 1
    yield from _part(first, text, start, len(text))


def _part(first: int, text: str, start: int, end: int) -> Iterator[Statement]:
    part = text[start:end]
    if part.strip():
        blank = len(part) - len(part.lstrip())
        before = text[: start + blank]
        yield Statement(first + before.count("\n") + before.count(CONTINUED), part.strip())


class _Case:
    """What a file has filled so far, and which of its branches are carried out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.scope = Scope(path)
        self.runs: list[bool] = []
        """Of each open `if`, whether its present branch is carried out."""
        self.skipped = 0
        """How many blocks are open inside a branch that is not."""

    def run(self, statements: Iterator[Statement]) -> dict[str, Any]:
        for statement in statements:
            if self.runs and not self.runs[-1]:
                self._skip(statement)
            else:
                self._carry_out(statement)
        if self.runs:
            raise GameError(f"{self.path}: an `if` is never ended")
        if not self.scope.fields:
            raise GameError(f"{self.path}: nothing is set in {self.scope.struct!r}; is it a case?")
        return self.scope.fields

    def _skip(self, statement: Statement) -> None:
        word = statement.text.split(None, 1)[0]
        if word in OPENS:
            self.skipped += 1
        elif word == "end" and self.skipped:
            self.skipped -= 1
        elif word == "end":
            self.runs.pop()
        elif word == "else" and not self.skipped:
            self.runs[-1] = True
        elif word == "elseif" and not self.skipped:
            self.scope.fail(statement.line, "`elseif` is not supported")

    def _carry_out(self, statement: Statement) -> None:
        word, _, rest = statement.text.partition(" ")
        if word == "if":
            condition = Expression(self.scope, Statement(statement.line, rest)).value()
            self.runs.append(bool(np.all(condition)))
        elif word == "else" and self.runs:
            self.runs[-1] = False
        elif word == "end" and self.runs:
            self.runs.pop()
        elif statement.text in ("end", "return"):
            pass  # of the function
        elif word == "function":
            self._function(statement)
        elif statement.text == "define_constants":
            self.scope.variables.update(CONSTANTS)
            for matrix in ("bus", "branch", "gen", "gencost"):
                self.scope.variables.update(numbered_columns(matrix))
        elif not self._literal(statement):
            Expression(self.scope, statement).assign()

    def _function(self, statement: Statement) -> None:
        found = re.fullmatch(r"function\s+([A-Za-z]\w*)\s*=\s*\w+\s*(\(\s*\))?", statement.text)
        if found is None or self.scope.fields:
            self.scope.fail(
                statement.line,
                f"{statement.text!r} does not return one struct; of case formats only version 2 "
                "is read (savecase of MATPOWER writes it)",
            )
        self.scope.struct = found[1]

    def _literal(self, statement: Statement) -> bool:
        """Take a matrix of numbers, or a list of texts, which are most of a file, as a whole."""
        fields, struct = self.scope.fields, self.scope.struct
        found = MATRIX.match(statement.text)
        if found and found[1] == struct:
            rows = found[3].replace(",", " ").replace(CONTINUED, " ").replace("\n", ";").split(";")
            rows = [row for row in rows if row and not row.isspace()]
            try:
                matrix = np.loadtxt(rows, ndmin=2, comments=None) if rows else np.zeros((0, 0))
            except ValueError:
                return False  # terms, or rows of unequal length, which are then named
            fields[found[2]] = matrix
            return True
        found = CELL.match(statement.text)
        if found and found[1] == struct:
            if TEXTS.sub("", found[3]).strip(" \t\r\n;,"):
                self.scope.fail(statement.line, f"{found[2]} has other things than texts in it")
            fields[found[2]] = [text.replace("''", "'") for text in TEXTS.findall(found[3])]
            return True
        return False
