"""Results as JSON: every value in the types that JSON knows, and back again.

Strict JSON, as every program reads it: what is not a finite number becomes null. What is read back
has a schema, the type hints of dataclasses, and whatever differs from it is named by its path.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Hashable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from sesgame.errors import GameError

__all__ = ["InfiniteAsNull", "finite", "json_text", "parsed", "plain", "restored", "unkept"]

InfiniteAsNull = Annotated[float, math.inf]
"""A float that may be infinite, for which null stands in JSON."""


def unkept(default: Any) -> Any:
    """Return a field of a dataclass that is not read back: it has its default there.

    What is said of an effort, and what follows from other fields, proves nothing.
    """
    return dataclasses.field(
        default=default, kw_only=True, compare=False, metadata={"is_kept": False}
    )


def kept_fields(kind: Any) -> list[str]:
    """Return the names of the fields of a dataclass that are read back."""
    fields = dataclasses.fields(kind)
    return [field.name for field in fields if field.metadata.get("is_kept", True)]


LONGEST_SHOWN = 60
"""Of a value in an error, in characters."""


def plain(value: Any) -> Any:
    """Return a value in the types that JSON knows, losslessly for floats and fractions.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"x": np.array([1.0, 2.0]), "s": frozenset(["b", "a"])})
    {'x': [1.0, 2.0], 's': ['a', 'b']}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


def json_text(content: Any) -> str:
    r"""Return what :func:`plain` made as text, with null where JSON has no number.

    Examples
    --------
    >>> json_text({"bound": float("inf")})
    '{\n  "bound": null\n}\n'
    """
    return json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """Return what :func:`plain` made with None for each number that is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value


def parsed(text: str, path: str) -> Any:
    """Return strict JSON as Python has it.

    Raises
    ------
    GameError
        It is no JSON, has one key twice, a number that is not finite, or is nested too deeply.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise GameError(f"{path}: the key {twice!r} is there twice")
        return content

    def refused(literal: str) -> None:
        raise GameError(f"{path}: {literal} is no number of JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refused)
    except RecursionError as error:
        raise GameError(f"{path} is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, GameError):
            raise
        raise GameError(f"{path} is no JSON: {error}") from error


def restored(hint: Any, value: Any, labels: Mapping[str, Hashable], path: str) -> Any:
    """Return the object of a type that :func:`plain` made a value of.

    Parameters
    ----------
    hint : type
        A dataclass; a tuple of any length, or a mapping by text, of such types; a union with None;
        ``Hashable`` for a label, ``Any`` for what is taken as it is; or a type that JSON knows.
    value : object
        As JSON has it.
    labels : mapping of str to hashable
        Each label by its own JSON.
    path : str
        Where the value stands, for errors; empty for the whole file.

    Raises
    ------
    GameError
        Another type, a number that is not finite, a missing or an unknown field, or no such label.
        The path is named.

    Examples
    --------
    >>> restored(tuple[float, ...], [1, 2.5], {}, "shares")
    (1.0, 2.5)
    >>> restored(tuple[float, ...], [1, True], {}, "shares")
    Traceback (most recent call last):
    sesgame.errors.GameError: shares[1] must be a number, not true
    """
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if hint is Hashable:
        label = _text(value)
        if label not in labels:
            raise _refusal(path, "a player of the game", value)
        return labels[label]
    if origin is Annotated:
        return parts[1] if value is None else restored(parts[0], value, labels, path)
    if origin in (Union, UnionType):
        (other,) = (part for part in parts if part is not NoneType)
        return None if value is None else restored(other, value, labels, path)
    if origin is tuple:
        if not isinstance(value, list):
            raise _refusal(path, "a list", value)
        items = enumerate(value)
        return tuple(restored(parts[0], item, labels, f"{path}[{i}]") for i, item in items)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise _refusal(path, "an object", value)
        return {
            key: restored(parts[1], item, labels, _inside(path, key)) for key, item in value.items()
        }
    if dataclasses.is_dataclass(hint):
        return _restored_dataclass(hint, value, labels, path)
    return _restored_scalar(hint, value, path)


def _restored_dataclass(kind: Any, value: Any, labels: Mapping[str, Hashable], path: str) -> Any:
    if not isinstance(value, dict):
        raise _refusal(path, "an object", value)
    names = kept_fields(kind)
    missing = [name for name in names if name not in value]
    unknown = [name for name in value if name not in names]
    if missing or unknown:
        what = f"has no {missing[0]}" if missing else f"has the unknown field {unknown[0]!r}"
        raise GameError(f"{path or 'the file'} {what}; its fields are {', '.join(names)}")
    hints = _types_of_fields(kind)
    return kind(
        **{name: restored(hints[name], value[name], labels, _inside(path, name)) for name in names}
    )


@functools.cache
def _types_of_fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _restored_scalar(kind: Any, value: Any, path: str) -> Any:
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}
    if kind not in words:
        raise TypeError(f"{path}: {kind!r} has no JSON that could be read back")
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
        raise _refusal(path, "a finite number", value)
    if type(value) is not kind:
        raise _refusal(path, words[kind], value)
    return value


def _inside(path: str, name: str) -> str:
    return f"{path}.{name[:LONGEST_SHOWN]}" if path else name[:LONGEST_SHOWN]


def _refusal(path: str, wanted: str, value: Any) -> GameError:
    """Return what is wrong with a value, of which not more than the beginning is shown."""
    text = _text(value) or "what cannot be shown"
    shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
    return GameError(f"{path} must be {wanted}, not {shown}")


def _text(value: Any) -> str:
    """Return the JSON of a value; nothing where it is nested too deeply, or has too many digits."""
    try:
        return json.dumps(value)
    except (RecursionError, ValueError):
        return ""
