"""What is read from a tariff that somebody has published."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from sesgame.energy.contract import Contract

__all__ = ["PublishedTariff"]


@dataclass(frozen=True, eq=False)
class PublishedTariff(ByValue):
    """A contract from a published tariff, and what it needs to know of days.

    Attributes
    ----------
    contract : Contract
    zone : str or None
        Where its clock is, an IANA name for ``tariff_zone``; nothing where the file does not say.
    holidays : tuple of date
        Its holidays, for ``holidays`` of the steps; none where no price depends on them.
    readings : tuple of str
        What was taken where the file can be read in two ways, and what it says beside prices.
    """

    contract: Contract
    zone: str | None
    holidays: tuple[datetime.date, ...]
    readings: tuple[str, ...]
