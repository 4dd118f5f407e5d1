"""The elements of a contract beside prices and demand charges: fees, blocks and taxes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from sesgame.energy.calendar_hours import EVERY_MONTH, number_set
from sesgame.errors import GameError
from sesgame.game.by_value import InOrder
from sesgame.game.door import checked_fields

__all__ = ["Block", "FixedFee", "Tax"]

FeePer = Literal["month", "day"]
FeeOf = Literal["point", "member"]


@checked_fields
@dataclass(frozen=True, kw_only=True)
class FixedFee:
    """What is billed whatever is used.

    Parameters
    ----------
    label : str
        What it is for.
    price : float
        For each month or day; negative for a discount.
    per : {"month", "day"}, default "month"
        Of a month of which a part is billed, the days of that part are billed; each day that is
        begun counts.
    of : {"point", "member"}, default "point"
        Once for the point, or for the connection of a community; or for each member.
    in_game : bool, default False
        Whether a group on its own would pay it, too, for a connection of its own, so that it is a
        part of what a coalition costs. By default it is a line of the bill outside the game.

    Raises
    ------
    GameError
        The price is not finite, `per` or `of` is something else, there is no label, or a fee of
        members is said to be in the game, where it would change nothing.

    Examples
    --------
    >>> FixedFee(label="meter", price=2.5).per
    'month'
    """

    label: str
    price: float
    per: FeePer = "month"
    of: FeeOf = "point"
    in_game: bool = False

    def __post_init__(self) -> None:
        _label(self.label, "a fixed fee")
        _finite(f"the price of {self.label!r}", self.price)
        if self.per not in get_args(FeePer):
            raise GameError(f'per of {self.label!r} must be "month" or "day", got {self.per!r}')
        if self.of not in get_args(FeeOf):
            raise GameError(f'of of {self.label!r} must be "point" or "member", got {self.of!r}')
        if self.in_game and self.of == "member":
            raise GameError(
                f"{self.label!r} is of each member, who pays it in any group: it is not in the game"
            )


@checked_fields
@dataclass(frozen=True, kw_only=True)
class Block(InOrder):
    """What energy above a threshold costs more in a month, or less.

    Parameters
    ----------
    above_kwh : float
        Of the billed energy of a month; at least 0. Of a month of which a part is billed, as much
        of it as of its days.
    surcharge_per_kwh : float
        In addition to the energy price and to the blocks below; negative in decreasing blocks.
    months : iterable of int, default all
        January is 1.

    Raises
    ------
    GameError
        A number is not finite, the threshold is negative, or there are no such months.

    Examples
    --------
    >>> Block(above_kwh=300, surcharge_per_kwh=0.05).surcharge_per_kwh
    0.05
    """

    above_kwh: float
    surcharge_per_kwh: float
    months: frozenset[int] = EVERY_MONTH

    def __post_init__(self) -> None:
        if not (math.isfinite(self.above_kwh) and self.above_kwh >= 0):
            raise GameError(f"above_kwh must be non-negative, got {self.above_kwh}")
        _finite("surcharge_per_kwh", self.surcharge_per_kwh)
        object.__setattr__(self, "months", number_set("months", self.months))
        if not (self.months and self.months <= EVERY_MONTH):
            raise GameError(f"the months {sorted(self.months)} of a block are not months, 1 to 12")


NOT_TAXES = ("energy", "feed-in", "demand charge", "fee", "minimum bill")
"""Kinds of lines that a tax is on by default."""


@checked_fields
@dataclass(frozen=True, kw_only=True)
class Tax(InOrder):
    """A part of other lines.

    Parameters
    ----------
    label : str
        What it is.
    per_cent : float
        Of the sum of the lines that it is on; at least -100.
    on : iterable of str, optional
        The lines by their kinds (``"energy"``, ``"feed-in"``, ``"demand charge"``, ``"fee"``,
        ``"minimum bill"``) or by the labels of fees and of taxes before this one; by default all
        kinds, and no tax.

    Raises
    ------
    GameError
        It is below -100 % or not finite, on nothing, or has no label.

    Examples
    --------
    A sales tax on everything, an excise among it:

    >>> excise = Tax(label="excise", per_cent=5.0, on=["energy", "demand charge"])
    >>> sorted(Tax(label="VAT", per_cent=21.0, on=["energy", "fee", "excise"]).on)
    ['energy', 'excise', 'fee']
    """

    label: str
    per_cent: float
    on: frozenset[str] = frozenset(NOT_TAXES)

    def __post_init__(self) -> None:
        _label(self.label, "a tax")
        if not (math.isfinite(self.per_cent) and self.per_cent >= -100):
            raise GameError(
                f"the tax {self.label!r} is {self.per_cent:g} %; it must be at least -100 %"
            )
        if isinstance(self.on, str):
            raise GameError(f"on of the tax {self.label!r} is a list of kinds of lines, not a text")
        named: Iterable[str] = self.on
        object.__setattr__(self, "on", frozenset(named))
        if not self.on:
            raise GameError(f"the tax {self.label!r} is on no lines")


def _label(label: str, what: str) -> None:
    if not label.strip():
        raise GameError(f"{what} needs a label")


def _finite(what: str, value: float) -> None:
    if not math.isfinite(value):
        raise GameError(f"{what} must be finite, got {value}")
