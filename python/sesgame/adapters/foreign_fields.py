"""What a model of another package can hold: used, harmless, or refused if it is there.

Each adapter has its lists of :class:`Field`, by the name that the package gives it. What stands on
no list is refused as well: nobody has looked yet at what it does to a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from sesgame.errors import GameError

__all__ = ["Field", "Fields", "Treatment", "harmless", "refuse", "refused", "used"]


class Treatment(Enum):
    """What an adapter does with a field."""

    USED = "used"
    HARMLESS = "harmless"
    REFUSED = "refused"


@dataclass(frozen=True)
class Field:
    """What an adapter does with a field, and what that means.

    Parameters
    ----------
    treatment : Treatment
        What it does.
    meaning : str
        What the field is; of a refused one, what to do instead.
    """

    treatment: Treatment
    meaning: str

    @property
    def is_refused(self) -> bool:
        """Whether a model that holds it is refused."""
        return self.treatment is Treatment.REFUSED


Fields = Mapping[str, Field]
"""Fields by their names in the package."""


def used(meaning: str) -> Field:
    """Return a field that is a part of the game."""
    return Field(Treatment.USED, meaning)


def harmless(meaning: str) -> Field:
    """Return a field that changes no value."""
    return Field(Treatment.HARMLESS, meaning)


def refused(instead: str) -> Field:
    """Return a field that makes a model something else than what the adapter can read."""
    return Field(Treatment.REFUSED, instead)


def refuse(fields: Fields, name: str, where: str) -> NoReturn:
    """Refuse a model for a field that it holds.

    Parameters
    ----------
    fields : mapping of name to Field
        The list on which the field is refused, or missing.
    name : str
        The field.
    where : str
        What holds it, for example ``"variable 'x'"``.

    Raises
    ------
    GameError
        Always, with the field, where it is, and what to do.
    """
    if name in fields:
        raise GameError(f"{where} holds {name!r}, which is refused: {fields[name].meaning}")
    raise GameError(
        f"{where} holds {name!r}, of which it is not known what it does to the model; remove it, "
        f"or build and solve the model in a function (sg.Game.from_function)"
    )
