"""Equality by value, in one place: for what holds arrays, native games and whatever has both.

``==`` of the tuples of fields, which dataclasses have by default, asks arrays for their truth and
takes a NaN that has travelled for another one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from types import FunctionType, MethodType
from typing import Any, ClassVar

import numpy as np

from sesgame.cached import cached_property

__all__ = ["ByValue", "InOrder", "equal", "in_order"]


class InOrder:
    """Base of what pickle writes alike for equal objects, for ``joblib.hash``.

    Whatever travels by pickle or is copied deeply arrives with its arrays read-only, as they were.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {name: in_order(part) for name, part in self._lasting().items()}

    def __copy__(self) -> Any:
        # Not by way of the state, in which sets are no sets.
        other = object.__new__(type(self))
        vars(other).update(self._lasting())
        return other

    def _lasting(self) -> dict[str, Any]:
        # What a cached property keeps can be had again.
        kind = type(self)
        return {name: part for name, part in vars(self).items() if not _is_cached(kind, name)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for part in state.values():
            if isinstance(part, np.ndarray):
                part.setflags(write=False)
        vars(self).update(state)


class ByValue(InOrder):
    """Base of what equals another one of the same class whose parts are equal.

    Its parts are the fields of a dataclass, without those that do not compare, or else its public
    attributes. It has no hash, as nothing has that arrays are a part of.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or equal(self._parts(), other._parts())

    __hash__: ClassVar[None] = None  # type: ignore[assignment] # as of a list

    def _parts(self) -> dict[str, Any]:
        """Return what has to be equal."""
        if dataclasses.is_dataclass(self):
            return _fields(self)
        return {
            name: part
            for name, part in vars(self).items()
            if not (name.startswith("_") or _is_cached(type(self), name))
        }


class _Sorted:
    """A set that pickle gives back as it was, by way of its members in order.

    The order in which a set happens to go through them differs between a set and its copy.
    """

    def __init__(self, members: frozenset[Any]) -> None:
        self._members = members

    def __reduce__(self) -> tuple[type[frozenset[Any]], tuple[list[Any]]]:
        return frozenset, (sorted(self._members, key=repr),)


def in_order(part: Any) -> Any:
    """Return what pickle will write alike for equal parts, which ``joblib.hash`` digests.

    An array goes row by row, without gaps, as pickle will give it back; a set, also one in a tuple,
    by its members in order.
    """
    if isinstance(part, frozenset):
        return _Sorted(part)
    if type(part) is tuple:
        return tuple(in_order(each) for each in part)
    if not isinstance(part, np.ndarray):
        return part
    steps = part.itemsize * np.cumprod((1, *part.shape[:0:-1]), dtype=np.int64)[::-1]
    if part.ndim and part.size and part.strides == tuple(steps.tolist()):
        return part
    own = np.array(part, order="C")
    own.setflags(write=part.flags.writeable)
    return own


def _is_cached(kind: type, name: str) -> bool:
    return isinstance(getattr(kind, name, None), cached_property)


def _fields(value: Any) -> dict[str, Any]:
    fields = dataclasses.fields(value)
    return {field.name: getattr(value, field.name) for field in fields if field.compare}


def equal(one: Any, other: Any) -> bool:
    """Return whether two values are of one class and equal, part by part; NaN equals NaN.

    Examples
    --------
    >>> equal((np.array([1.0, np.nan]), "a"), (np.array([1.0, np.nan]), "a"))
    True
    >>> equal([1.0], np.array([1.0]))
    False
    """
    if one is other:
        return True
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if type(one) is not type(other):
        # 1 and 1.0 are one number, and a frozenset equals a set.
        return not isinstance(other, np.ndarray) and bool(one == other)
    if isinstance(one, float):
        return one == other or (one != one and other != other)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(equal, one, other))
    if (source := getattr(one, "source", None)) is not None and hasattr(one, "made_by"):
        return equal(source, other.source)  # a native game is what it was made from
    if isinstance(one, MethodType):
        return one.__func__ is other.__func__ and equal(one.__self__, other.__self__)
    if isinstance(one, FunctionType):
        return _same_function(one, other)
    if isinstance(one, partial):
        parts = [(each.func, each.args, each.keywords) for each in (one, other)]
        return equal(*parts)
    if dataclasses.is_dataclass(one) and not isinstance(one, ByValue):
        return equal(_fields(one), _fields(other))
    return bool(one == other)


def _same_function(one: FunctionType, other: FunctionType) -> bool:
    """Return whether two functions are one text with equal defaults and surroundings.

    A function that has travelled by value is another object in surroundings of its own.
    """
    if one.__code__ != other.__code__:
        return False
    surroundings = []
    for function in (one, other):
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        names = () if one.__globals__ is other.__globals__ else one.__code__.co_names
        found = {name: function.__globals__.get(name) for name in names}
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]
        # Functions around it by their text alone: it may be one of them.
        around = [*cells, *found.values(), *defaults]
        surroundings.append([getattr(part, "__code__", part) for part in around])
    return equal(*surroundings)
