"""JSON files of others: each value with its path, and each fault with file and path."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from sesgame.errors import GameError
from sesgame.files.text_file import read_text

__all__ = ["JsonField"]

T = TypeVar("T")

LONGEST_SHOWN = 60
"""Of a value in an error, in characters."""


@dataclass(frozen=True)
class JsonField:
    """A value of a JSON file, and where it is.

    Attributes
    ----------
    file : Path
    path : str
        Like ``tariffs[0].energyPrice``.
    value : object
        As :mod:`json` reads it; numbers with a point are decimals, as they are written.
    """

    file: Path
    path: str
    value: Any

    @classmethod
    def read(cls, file: Path) -> JsonField:
        """Return all that a file holds.

        Raises
        ------
        GameError
            It cannot be read, is no JSON, or has a key twice.
        """

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) < len(pairs):
                names = [name for name, _ in pairs]
                twice = next(name for name in names if names.count(name) > 1)
                raise GameError(f'{file}: an object has the key "{twice}" twice')
            return found

        def unknown(constant: str) -> NoReturn:
            raise GameError(f"{file}: {constant} is no number of JSON")

        try:
            value = json.loads(
                read_text(file),
                parse_float=Decimal,
                object_pairs_hook=unique,
                parse_constant=unknown,
            )
        except GameError:
            raise
        # Also of a number with too many digits.
        except (ValueError, RecursionError) as error:
            raise GameError(f"{file} is no JSON: {error}") from error
        return cls(file, "", value)

    def fail(self, message: str) -> NoReturn:
        """Raise a GameError about this value."""
        raise GameError(f"{self.file}, {self.path or 'the whole'}: {message}")

    def get(self, name: str) -> JsonField | None:
        """Return what an object has by a name; nothing where it has not, or null."""
        value = self._object().get(name)
        return None if value is None else self._at(name, value)

    def need(self, name: str) -> JsonField:
        """Return what an object has by a name, which has to be there."""
        found = self.get(name)
        return found if found is not None else self.fail(f'"{name}" is missing')

    def only(self, known: Collection[str]) -> None:
        """Refuse an object with anything else."""
        for name, value in self._object().items():
            if name not in known:
                allowed = ", ".join(known)
                self._at(name, value).fail(f"this is not known here; known are {allowed}")

    def names(self) -> list[str]:
        """Return the names of an object's values."""
        return list(self._object())

    def items(self) -> Iterator[JsonField]:
        """Yield the items of a list."""
        if not isinstance(self.value, list):
            self._refuse("a list")
        for number, value in enumerate(self.value):
            yield JsonField(self.file, f"{self.path}[{number}]", value)

    def text(self) -> str:
        """Return a text."""
        return self.value if isinstance(self.value, str) else self._refuse("a text")

    def decimal(self) -> Decimal:
        """Return a number as it is written."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, Decimal)):
            self._refuse("a number")
        found = Decimal(self.value)
        return found if math.isfinite(float(found)) else self._refuse("a finite number")

    def number(self) -> float:
        """Return a finite number."""
        return float(self.decimal())

    def whole(self) -> int:
        """Return a whole number."""
        found = self.decimal()
        return int(found) if found == int(found) else self._refuse("a whole number")

    def as_(self, convert: Callable[[str], T], wanted: str) -> T:
        """Return a text converted, or say what is wanted."""
        try:
            return convert(self.text())
        except (ValueError, GameError):
            return self._refuse(wanted)

    def _at(self, name: str, value: Any) -> JsonField:
        return JsonField(self.file, f"{self.path}.{name}" if self.path else name, value)

    def _object(self) -> dict[str, Any]:
        return self.value if isinstance(self.value, dict) else self._refuse("an object")

    def _refuse(self, wanted: str) -> NoReturn:
        shown = json.dumps(self.value, default=str)
        if len(shown) > LONGEST_SHOWN:
            shown = shown[:LONGEST_SHOWN] + "..."
        self.fail(f"{shown} is not {wanted}")
