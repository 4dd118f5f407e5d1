"""Results as JSON: every value in the types that JSON knows, and back again.

Strict JSON, as every program reads it: what is not a finite number becomes null.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

__all__ = ["finite", "json_text", "plain", "restored"]


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


def restored(hint: Any, value: Any, labels: Mapping[str, Hashable]) -> Any:
    """Return the object of a type that :func:`plain` made a value of.

    Parameters
    ----------
    hint : type
        A dataclass, a tuple of any length, ``Hashable`` for a label, or a type that JSON knows.
    value : object
        As JSON has it. Null stands for an infinite number.
    labels : mapping of str to hashable
        Each label by its own JSON.

    Raises
    ------
    KeyError
        A dataclass has other fields, or there is no such label.
    """
    if hint is Hashable:
        return labels[json.dumps(value)]
    if get_origin(hint) is tuple:
        return tuple(restored(get_args(hint)[0], item, labels) for item in value)
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        names = [field.name for field in dataclasses.fields(hint)]
        if value.keys() != set(names):
            raise KeyError(*sorted(value.keys() ^ set(names)))
        return hint(**{name: restored(hints[name], value[name], labels) for name in names})  # type: ignore[operator]
    return math.inf if value is None else value
