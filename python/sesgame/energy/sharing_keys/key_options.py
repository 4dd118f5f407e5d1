"""Sharing keys as people name them: on the command line, and as options of a rule."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sesgame.bargaining.surplus import named_numbers
from sesgame.energy.sharing_coefficients import SharingCoefficients
from sesgame.energy.sharing_keys.hierarchical_key import HierarchicalKey
from sesgame.energy.sharing_keys.key_files import given_key, pairwise_key, read_coefficients
from sesgame.energy.sharing_keys.keys import KEYS
from sesgame.energy.sharing_keys.sharing_bills import Unused
from sesgame.energy.sharing_keys.sharing_key import SharingKey
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.rule import Option

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sesgame.energy.time_steps import TimeSteps
    from sesgame.rule import AllocationProblem

__all__ = ["KEY_OPTIONS", "LOCAL_PRICE", "UNUSED", "key_of"]


def _one_of(*allowed: str) -> Any:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return parse


def _groups(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(name.strip() for name in group.split(",") if name.strip())
        for group in text.split(";")
    )


def _price(text: str) -> float | dict[str, float]:
    return named_numbers(text) if "=" in text else float(text)


KEY: Option[str | SharingKey] = Option(
    name="key",
    parse=_one_of(*KEYS),
    metavar="|".join(KEYS),
    help="the sharing key, which says whose the energy of plants is",
    required=True,
)

COEFFICIENTS: Option[Any] = Option(
    name="coefficients",
    parse=Path,
    metavar="FILE",
    help="of points, for the keys that have some: a table, or the text file CAU_YEAR.txt",
)

GROUPS: Option[Any] = Option(
    name="groups",
    parse=_groups,
    metavar='"A,B;C"',
    help="points separated by commas, groups by semicolons, the first served first; of the "
    "hierarchical key",
)

LOCAL_PRICE: Option[ArrayLike | Mapping[str, ArrayLike]] = Option(
    name="local-price",
    keyword="local_price_per_kwh",
    parse=_price,
    metavar="PRICE|A=0.1,B=0.12",
    help="what who uses a kWh of a plant pays it, in the currency of the contracts; or by plant",
    required=True,
)

UNUSED: Option[Unused] = Option(
    name="unused",
    parse=_one_of(*get_args(Unused)),
    metavar="|".join(get_args(Unused)),
    help="whose surplus is what a point is assigned and does not use: that of the plant, which is "
    "usual, or of the point's owner",
)

KEY_OPTIONS = (KEY, COEFFICIENTS, GROUPS, LOCAL_PRICE, UNUSED)


def key_of(problem: AllocationProblem, steps: TimeSteps) -> SharingKey:
    """Return the key that options name.

    Parameters
    ----------
    problem : AllocationProblem
    steps : TimeSteps
        Of the meters, whose clock is that of files that name none.

    Raises
    ------
    GameError
        There is no such key, a file is wrong, or an option is missing or is for another key.
    """
    asked = problem[KEY]
    coefficients, groups = problem.get(COEFFICIENTS), problem.get(GROUPS)
    if isinstance(asked, SharingKey):
        _refuse(f"the {asked.title} key is given", {COEFFICIENTS: coefficients, GROUPS: groups})
        return asked
    if not isinstance(asked, str) or asked not in KEYS:
        raise GameError(f"unknown sharing key {named(asked)}; choose from {', '.join(KEYS)}")
    cls, what = KEYS[asked], f"the {asked} key"
    if cls is HierarchicalKey:
        _refuse(f"{what} has groups", {COEFFICIENTS: coefficients})
        if groups is None:
            raise GameError(f"{what} needs groups: {GROUPS.help}")
        return HierarchicalKey(groups)
    _refuse(f"{what} has none", {GROUPS: groups})
    if asked in ("dynamic", "equal"):
        _refuse(f"{what} has none", {COEFFICIENTS: coefficients})
        return cls()
    if coefficients is None:
        raise GameError(f"{what} needs coefficients: {COEFFICIENTS.help}")
    zone = steps.calendar.zone
    if asked in ("given", "pairwise"):
        path = Path(_path(coefficients, what))
        return given_key(path, zone) if asked == "given" else pairwise_key(path, zone)
    if not isinstance(coefficients, (SharingCoefficients, Mapping)):
        coefficients = read_coefficients(Path(_path(coefficients, what)), zone)
    key = StaticKey(coefficients)
    if (key.coefficients.steps is None) != (asked == "static"):
        other = "fixed" if key.coefficients.steps is None else "those of steps"
        raise GameError(f"{what} is asked for, but the coefficients are {other}")
    return key


def _path(coefficients: object, what: str) -> str | PathLike[str]:
    if not isinstance(coefficients, (str, PathLike)):
        raise GameError(f"{what} needs coefficients of a file, got {named(coefficients)}")
    return coefficients


def _refuse(why: str, given: Mapping[Option[Any], object]) -> None:
    """Refuse options that are of another key."""
    for option, value in given.items():
        if value is not None:
            raise GameError(f"{option.name} are for another key: {why}")
