"""What comes in at the public functions: games in any form, and options of the right type.

One door for all of them, so that a slip is answered in one way: the name of the argument, what it
must be, what it was.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.allocation import Allocation
from sesgame.game.game import Game

__all__ = ["as_game", "checked_arguments", "is_world"]

P = ParamSpec("P")
R = TypeVar("R")

SCALARS: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool, np.bool_), "True or False"),
    "int": ((Integral,), "a whole number"),
    "float": ((Real,), "a number"),
    "str": ((str,), "text"),
    "None": ((type(None),), "None"),
}
"""What each annotation of a scalar takes, and how a message names that."""

CLASSES = frozenset(
    {
        "Allocation",
        "Community",
        "Comparison",
        "NetworkMarket",
        "OneBusSettlement",
        "OrderBook",
        "PeriodGame",
        "Scenarios",
        "Schedule",
        "Settlement",
        "StorageAuction",
    }
)
"""Annotations that are classes of this package, by name: the door is below most of them."""


def is_world(given: object) -> bool:
    """Return whether something makes games of its own, as a community and scenarios do."""
    return callable(getattr(given, "cost_game", None)) and not isinstance(given, type)


def as_game(given: Any) -> Game:
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
    raise GameError(f"game must be a game, a community or scenarios, got {named(given)}{remedy}")


def checked_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Return a public function whose arguments are checked by their annotations.

    An argument annotated as ``Game`` may also be a community, scenarios or another world: then it
    is its ``cost_game()``, and the allocation says so in its `origin`. Where the function takes a
    separation oracle and the world has too many members to list their coalitions, the oracle is
    that of the world. Scalars are what :data:`SCALARS` says, and of what :data:`CLASSES` names an
    instance is needed. Whatever else is annotated is for the function itself.
    """
    parameters = inspect.signature(function).parameters
    kinds = {name: str(parameter.annotation).split(" | ") for name, parameter in parameters.items()}
    found = {name: _check(name, alternatives) for name, alternatives in kinds.items()}
    checks = {name: check for name, check in found.items() if check is not None}
    of_games = "game" in kinds and kinds["game"][0] == "Game"
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
        if is_world(given["game"]):
            return _of_world(function, given, takes_oracle="oracle" in parameters)
        # With an oracle of its own a search takes players for a game.
        if given.get("oracle") is None:
            as_game(given["game"])
        return function(**given)  # type: ignore[call-arg] # the arguments by name

    return checked


def _of_world(function: Callable[..., R], given: dict[str, Any], *, takes_oracle: bool) -> R:
    """Call a function with the cost game of a world, and say so in the allocation."""
    world = given["game"]
    model = world.chosen_model(None)
    game = as_game(world)
    if (
        takes_oracle
        and given.get("oracle") is None
        and game.n_players > world.max_listed_players(model)
    ):
        given = {**given, "oracle": world.separation_oracle(model=model)}
    result = function(**{**given, "game": game})
    if isinstance(result, Allocation):
        said = "" if model is None else f", model {model!r}"
        result = copy.copy(result)
        object.__setattr__(result, "origin", f"cost_game() of {world!r}{said}")
    return result


def _check(name: str, alternatives: list[str]) -> Callable[[Any], Any] | None:
    """Return what refuses an argument of a wrong type; None where the annotation is no matter."""
    if all(each in SCALARS for each in alternatives):
        wanted = " or ".join(SCALARS[each][1] for each in alternatives)
        types = tuple(kind for each in alternatives for kind in SCALARS[each][0])

        def check(value: Any) -> Any:
            if "int" in alternatives and isinstance(value, float) and value.is_integer():
                return int(value)  # 1e5
            is_flag = isinstance(value, (bool, np.bool_))
            if not isinstance(value, types) or (is_flag and "bool" not in alternatives):
                raise GameError(f"{name} must be {wanted}, got {named(value)}")
            return value

        return check
    if all(each in CLASSES or each == "None" for each in alternatives):
        wanted = " or ".join(alternatives)
        names = {"NoneType" if each == "None" else each for each in alternatives}

        def check_class(value: Any) -> Any:
            if not any(kind.__name__ in names for kind in type(value).__mro__):
                raise GameError(f"{name} must be {wanted}, got {named(value)}")
            return value

        return check_class
    return None
