"""What a community is made of, checked: energy, prices, membership, whose PV may be left unused."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from sesgame.energy.clock import as_date
from sesgame.energy.validity import ALWAYS, Validity
from sesgame.errors import GameError

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.contract import Contract
    from sesgame.energy.tariff import PriceSeries, Tariff
    from sesgame.energy.time_steps import TimeSteps

__all__ = [
    "Curtailment",
    "Days",
    "checked_energy",
    "checked_membership",
    "checked_prices",
    "curtailing",
    "of_another_type",
]

Curtailment: TypeAlias = Literal["none", "allowed"] | Iterable[str]

Days: TypeAlias = "tuple[date | str | None, date | str | None] | Validity"


def of_another_type(label: Hashable, members: tuple[str, ...]) -> str:
    """Return that a member has the same text, where only the type differs."""
    alike = [member for member in members if str(member) == str(label)]
    return f" (the member {alike[0]!r} is {type(alike[0]).__name__})" if alike else ""


def checked_energy(
    name: str,
    values: ArrayLike,
    members: tuple[str, ...],
    steps: TimeSteps,
    there: Mapping[int, NDArray[np.bool_]],
) -> NDArray[np.float64]:
    """Return finite energy by member and step, read-only: what nobody can write is not copied.

    Of members who are there only in some steps, by number, it is 0 in the others.
    """
    shape = (len(members), steps.n_steps)
    is_kept = isinstance(values, np.ndarray) and values.base is None and not values.flags.writeable
    try:
        energy = (np.asarray if is_kept else np.array)(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
    if energy.shape != shape:
        raise GameError(
            f"{name} has shape {energy.shape}; {shape[0]} members and {shape[1]} steps need {shape}"
        )
    finite = np.isfinite(energy)
    if not finite.all():
        member, step = np.unravel_index(np.argmin(finite), shape)
        raise GameError(
            f"{name} of {members[member]!r} is {energy[member, step]} at {steps.time(int(step))}"
        )
    absent = {member: ~inside for member, inside in there.items() if not inside.all()}
    if absent and not energy.flags.writeable:
        energy = energy.copy()
    for row, outside in absent.items():
        energy[row, outside] = 0.0
    energy.setflags(write=False)
    return energy


def checked_membership(
    membership: Mapping[str, Days], members: tuple[str, ...]
) -> dict[str, Validity]:
    """Return the days of those who are not members always.

    Raises
    ------
    GameError
        One is not a member, or the days are none.
    """
    if not isinstance(membership, Mapping):
        raise GameError(f"membership must have two days for each member, got {membership!r}")
    found = {}
    for member, days in membership.items():
        if member not in members:
            raise GameError(
                f"membership names {member!r}, who is not a member"
                f"{of_another_type(member, members)}"
            )
        try:
            if isinstance(days, Validity):
                belonging = days
            else:
                # One day alone is text, too, and no pair.
                pair = [days] if isinstance(days, str) else days
                first, end = (None if day is None else as_date(day) for day in pair)
                belonging = Validity(first, end)
        except GameError as error:
            raise GameError(f"membership of {member!r}: {error}") from error
        except (TypeError, ValueError) as error:
            raise GameError(
                f"membership of {member!r} must be the first day and the first that no longer is "
                f"one, got {days!r}"
            ) from error
        if belonging != ALWAYS:
            found[member] = belonging
    return found


def checked_prices(
    tariff: Tariff | PriceSeries | Contract, steps: TimeSteps
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the buy and sell price of each step, read-only."""
    buy, sell = tariff.prices(steps)
    for prices in (buy, sell):
        prices.setflags(write=False)
    return buy, sell


def curtailing(curtailment: Curtailment, members: tuple[str, ...]) -> tuple[str, ...]:
    """Return the members whose PV may be left unused, in order.

    Raises
    ------
    GameError
        One is not a member, or it is another word.
    """
    if isinstance(curtailment, str):
        if curtailment not in ("none", "allowed"):
            raise GameError(
                f'curtailment must be "none", "allowed" or a list of members, got {curtailment!r}'
            )
        return members if curtailment == "allowed" else ()
    if not isinstance(curtailment, Iterable):
        raise GameError(
            f'curtailment must be "none", "allowed" or a list of members, got {curtailment!r}'
        )
    named = tuple(curtailment)
    for member in named:
        if not isinstance(member, str) or member not in members:
            raise GameError(
                f"curtailment names {member!r}, who is not a member"
                f"{of_another_type(member, members)}"
            )
    return tuple(member for member in members if member in named)
