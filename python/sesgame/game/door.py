"""What comes in at the public functions: games in any form, and options of the right type.

One door for all of them, so that a slip is answered in one way: the name of the argument, what it
must be, what it was.
"""

from __future__ import annotations

import copy
import datetime
import functools
import inspect
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named as described
from sesgame.game.allocation import Allocation
from sesgame.game.game import Game

__all__ = ["as_game", "checked_arguments", "checked_fields", "is_world"]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")

CLASSES = frozenset(
    {
        "Allocation",
        "Battery",
        "Block",
        "Calendar",
        "CalendarHours",
        "Community",
        "Comparison",
        "Contract",
        "DemandCharge",
        "FixedFee",
        "Game",
        "GenerationOffer",
        "Grid",
        "Line",
        "Matching",
        "MeteringPoint",
        "NetworkMarket",
        "NetworkSettlement",
        "OneBusSettlement",
        "OrderBook",
        "PeriodGame",
        "PremiumScheme",
        "PriceBand",
        "PriceSeries",
        "PublicChoice",
        "PublicGrid",
        "Risk",
        "Scenarios",
        "Schedule",
        "Settlement",
        "SharingKey",
        "SharingPremium",
        "StorageAuction",
        "StorageOffer",
        "StorageWindow",
        "Tariff",
        "Tax",
        "TimeSteps",
    }
)
"""Annotations that are classes of this package, by name: the door is below most of them."""

TEXTS = frozenset(
    {
        "BilledPer",
        "Credit",
        "FeeOf",
        "FeePer",
        "Form",
        "Kind",
        "Method",
        "Model",
        "OwnPoints",
        "Per",
        "str",
    }
)
"""Annotations that are text; which, the function itself says."""


def is_world(given: object) -> bool:
    """Return whether something makes games of its own, as a community and scenarios do."""
    return callable(getattr(given, "cost_game", None)) and not isinstance(given, type)


def as_game(given: Any, *, or_players: bool = False) -> Game:
    """Return a game as it is, and of a community or another world its cost game.

    Raises
    ------
    GameError
        It is neither; the message says what it is, and what would make a game of it.
    """
    if isinstance(given, Game):
        return given
    if is_world(given):
        game: Game = given.cost_game()
        return game
    remedy = ""
    if isinstance(given, Mapping):
        remedy = "; Game.from_dict(values, kind=...) makes a game of a value for each coalition"
    elif isinstance(given, (list, tuple, np.ndarray)):
        remedy = "; Game.from_table(values, kind=...) makes a game of 2^n values"
    elif hasattr(given, "columns"):
        remedy = "; Game.from_pandas(frame) makes a game of a frame"
    elif callable(given):
        remedy = "; Game.from_function(players, function, kind=...) makes a game of a function"
    wanted = "a game, a community or scenarios" + (", or players with an oracle" * or_players)
    raise GameError(f"game must be {wanted}, got {described(given)}{remedy}")


def checked_arguments(function: Callable[P, R], *, lists: bool = False) -> Callable[P, R]:
    """Return a public function whose arguments are checked by their annotations.

    An argument annotated as ``Game`` may also be a community, scenarios or another world: then it
    is its ``cost_game()``, and the allocation says so in its `origin`. Where the function takes a
    separation oracle and the world has too many members to list their coalitions, the oracle is
    that of the world. Scalars, text, classes of this package, oracles, paths and functions are
    told by their annotation (:func:`_alternative`); whatever else is for the function itself, also
    what is in a list, unless `lists` are to be checked: they may be streams that are asked for one
    by one.
    """
    parameters = inspect.signature(function).parameters
    of_games = str(next(iter(parameters.values())).annotation).startswith("Game")
    first = next(iter(parameters))
    kinds = {name: _alternatives(str(each.annotation)) for name, each in parameters.items()}
    found = {
        name: _check(name, alternatives, lists)
        for name, alternatives in kinds.items()
        if not (of_games and name == first)
    }
    checks = {name: check for name, check in found.items() if check is not None}
    order = list(parameters)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given: dict[str, Any] = dict(zip(order, args, strict=False))
        if len(args) > len(order) or given.keys() & kwargs.keys():
            return function(*args, **kwargs)  # which Python refuses in its own words
        given |= kwargs
        for name, check in checks.items():
            if name in given:
                given[name] = check(given[name])
        if not of_games or "game" not in given or isinstance(given["game"], Game):
            return function(**given)  # type: ignore[call-arg] # the arguments by name
        if is_world(given["game"]) and "World" not in kinds[first]:
            return _of_world(function, given, parameters)
        if "ClearableMarket" in kinds[first] and _has(given["game"], "core_gap"):
            return function(**given)  # type: ignore[call-arg] # the arguments by name
        # With an oracle of its own a search takes players for a game.
        if not is_world(given["game"]) and given.get("oracle") is None:
            as_game(given["game"], or_players="oracle" in parameters)
        return function(**given)  # type: ignore[call-arg] # the arguments by name

    return checked


def checked_fields(kind: type[C]) -> type[C]:
    """Return a public class whose objects are made of arguments of the right types.

    As :func:`checked_arguments` has it for functions: a slip is answered with the name of the
    argument, what it must be, and what it was.
    """
    kind.__init__ = checked_arguments(kind.__init__, lists=True)  # type: ignore[method-assign]
    return kind


def _of_world(function: Callable[..., R], given: dict[str, Any], takes: Collection[str]) -> R:
    """Call a function with the cost game of a world, and say so in the allocation."""
    world = given["game"]
    model = world.chosen_model(None)
    game = as_game(world)
    own: dict[str, Any] = {"game": game}
    if "community" in takes and given.get("community") is None:
        own["community"] = world
    is_large = game.n_players > world.max_listed_players(model)
    if "oracle" in takes and given.get("oracle") is None and is_large:
        own["oracle"] = world.separation_oracle(model=model)
    result = function(**{**given, **own})
    if isinstance(result, Allocation):
        said = "" if model is None else f", model {model!r}"
        result = copy.copy(result)
        object.__setattr__(result, "origin", f"cost_game() of {world!r}{said}")
    return result


def _check(name: str, alternatives: list[str], lists: bool) -> Callable[[Any], Any] | None:
    """Return what refuses an argument of a wrong type; None where the annotation is no matter."""
    found = [_alternative(each, lists) for each in alternatives]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    wanted = " or ".join(dict.fromkeys(words for words, _ in known))

    def check(value: Any) -> Any:
        for _, taken in known:
            given = taken(value)
            if given is not _REFUSED:
                return given
        remedy = "; sg.vcg_payments takes a game" if _is_game_for_market(value, wanted) else ""
        raise GameError(f"{name} must be {wanted}, got {described(value)}{remedy}")

    return check


_REFUSED = object()

_SEVERAL = re.compile(r"(?:Collection|Iterable|Sequence|frozenset|tuple)\[(.+?)(?:, \.\.\.)?\]")
"""Annotations of several of a kind."""


def _is_game_for_market(value: object, wanted: str) -> bool:
    return isinstance(value, Game) and "OrderBook" in wanted


def _alternatives(annotation: str) -> list[str]:
    """Return what an annotation allows, one by one; what is in brackets stays together."""
    found = [""]
    for part in annotation.split(" | "):
        if found[-1].count("[") > found[-1].count("]"):
            found[-1] += f" | {part}"
        else:
            found.append(part)
    return found[1:]


def _alternative(annotation: str, lists: bool) -> tuple[str, Callable[[Any], Any]] | None:
    """Return in words what an annotation takes, and what gives that or refuses; None if unknown."""

    def instance(*kinds: type) -> Callable[[Any], Any]:
        return lambda value: value if isinstance(value, kinds) else _REFUSED

    def having(attribute: str) -> Callable[[Any], Any]:
        return lambda value: value if _has(value, attribute) else _REFUSED

    if annotation == "None":
        return "None", instance(type(None))
    if annotation == "Hashable":
        return "a label", instance(Hashable)
    if annotation == "bool":
        return "True or False", instance(bool, np.bool_)
    if annotation == "int":
        return "a whole number", _whole
    if annotation == "float":
        return (
            "a number",
            lambda value: _REFUSED if _is_flag(value) else instance(Real, Decimal)(value),
        )
    if annotation in TEXTS or annotation.startswith("Literal"):
        return "text", instance(str)
    if annotation == "S" or annotation in CLASSES:
        kind = "Settlement" if annotation == "S" else annotation
        if kind in ("Community", "Scenarios"):
            # Another world is refused by the function, which says what is for that one.
            return kind, lambda value: value if is_world(value) else _REFUSED
        return kind, lambda value: value if kind in _classes(value) else _REFUSED
    if annotation in ("Sequence[float]", "Iterable[float]"):
        return "a list of numbers", _numbers
    if annotation in ("Iterable[Allocation]", "Mapping[str, Allocation]"):
        return "allocations", _allocations
    if annotation == "np.timedelta64":
        return 'a duration such as numpy.timedelta64(15, "m")', instance(
            np.timedelta64, datetime.timedelta
        )
    several = _SEVERAL.fullmatch(annotation)
    if several:
        return _several(several[1]) if lists else None
    if annotation == "NDArray[np.float64]":
        return "numbers", _array
    if annotation == "Mapping[str, float]":
        return "a mapping to numbers", _named_numbers
    if annotation == "SeparationOracle":
        # The function names what is missing of one that is nearly an oracle.
        return "a separation oracle", lambda value: value if _like_an_oracle(value) else _REFUSED
    attributes = {
        "Market": ("a market", "without"),
        "World": ("a community or another world", "cost_game"),
        "PathLike[str]": ("a path", "__fspath__"),
    }
    if annotation in attributes:
        words, attribute = attributes[annotation]
        return words, having(attribute)
    if annotation.startswith("Callable["):
        return "a function", having("__call__")
    return None


def _has(value: object, attribute: str) -> bool:
    return not isinstance(value, type) and hasattr(value, attribute)


def _like_an_oracle(value: object) -> bool:
    return not isinstance(value, Game) and (_has(value, "most_violated") or _has(value, "value"))


def _classes(value: object) -> set[str]:
    return {kind.__name__ for kind in type(value).__mro__}


def _is_flag(value: object) -> bool:
    return isinstance(value, (bool, np.bool_))


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():  # 1e5
        return int(value)
    return value if isinstance(value, Integral) and not _is_flag(value) else _REFUSED


def _numbers(value: Any) -> Any:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return _REFUSED
    given = list(value)
    return given if all(isinstance(each, (Real, Decimal)) for each in given) else _REFUSED


def _several(kind: str) -> tuple[str, Callable[[Any], Any]]:
    """Return in words what several of a kind are, and what gives them or refuses."""
    known = {"Hashable": "labels", "int": "whole numbers", "str": "text"}
    one: dict[str, Callable[[object], bool]] = {
        "Hashable": lambda each: isinstance(each, Hashable),
        "int": lambda each: isinstance(each, Integral) and not _is_flag(each),
        "str": lambda each: isinstance(each, str),
    }
    if kind in CLASSES:
        known[kind], one[kind] = kind, lambda each: kind in _classes(each)
    # Whatever else is in the list is for the function itself.
    words = f"a list of {known[kind]}" if kind in known else "a list"
    is_one = one.get(kind, lambda each: True)

    def taken(value: Any) -> Any:
        # Letters may be labels, as of a game of the literature.
        is_text = isinstance(value, (str, bytes)) and kind != "Hashable"
        if is_text or not isinstance(value, Iterable):
            return _REFUSED
        given = value if isinstance(value, Collection) else tuple(value)
        return given if all(map(is_one, given)) else _REFUSED

    return words, taken


def _array(value: Any) -> Any:
    try:
        np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return _REFUSED
    return _REFUSED if value is None else value


def _named_numbers(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _REFUSED
    numbers = all(isinstance(each, Real) and not _is_flag(each) for each in value.values())
    return value if numbers else _REFUSED


def _allocations(value: Any) -> Any:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return _REFUSED
    given = value if isinstance(value, Mapping) else list(value)
    each = given.values() if isinstance(given, Mapping) else given
    return given if all(isinstance(one, Allocation) for one in each) else _REFUSED
