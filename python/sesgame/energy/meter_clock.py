"""On which clock the meters of a folder are, and on which its tariff: ``clock.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast, get_args

from sesgame.energy.clock import Calendar, is_fixed
from sesgame.energy.time_steps import Stamp
from sesgame.errors import GameError

if TYPE_CHECKING:
    from sesgame.energy.time_steps import TimeSteps
    from sesgame.files.csv_table import CsvTable

__all__ = ["UNSAID", "MeterClock", "read_clock", "refuse_unsaid"]


class MeterClock(NamedTuple):
    """What is said of the clocks; what is not is None.

    Attributes
    ----------
    meters_zone, tariff_zone : str or None
        Where the clock of the stamps is, and that by which prices and months are meant.
    stamp : {"start", "end"} or None
        Which end of a step its stamp marks.
    prices_within_step : {"average", "refuse"} or None
        What a step costs in which the price changes.
    """

    meters_zone: str | None = None
    tariff_zone: str | None = None
    stamp: Stamp | None = None
    prices_within_step: str | None = None

    def joined(self, other: MeterClock, where: object) -> MeterClock:
        """Return what either says.

        Raises
        ------
        GameError
            They contradict each other.
        """
        said = dict(self._asdict())
        for name, theirs in other._asdict().items():
            mine = said[name]
            if mine is not None and theirs is not None and mine != theirs:
                raise GameError(f"{name} is {mine!r}, but {where} says {theirs!r}")
            said[name] = theirs if mine is None else mine
        return MeterClock(**said)


UNSAID = MeterClock()
"""What is said of the clocks where nobody says anything."""


def read_clock(table: CsvTable) -> MeterClock:
    """Return what a table with one setting in each row says.

    Raises
    ------
    GameError
        A setting is unknown, there twice, or has a value that it cannot have.
    """
    table.expect(["setting", "value"])
    allowed = {"stamp": get_args(Stamp), "prices_within_step": ("refuse", "average")}
    found: dict[str, str] = {}
    rows = zip(table.texts("setting"), table.texts("value"), strict=True)
    for row, (setting, value) in enumerate(rows):
        if setting not in MeterClock._fields:
            known = ", ".join(MeterClock._fields)
            table.fail(row, "setting", f'"{setting}" is none of {known}')
        if setting in found:
            table.fail(row, "setting", f"duplicate {setting}")
        if setting in allowed and value not in allowed[setting]:
            table.fail(row, "value", f'"{value}" is not {" or ".join(allowed[setting])}')
        if setting not in allowed:
            try:
                Calendar(value)
            except GameError as error:
                table.fail(row, "value", str(error))
        found[setting] = value
    return MeterClock(**cast("dict[str, Stamp]", found))


def refuse_unsaid(steps: TimeSteps, tariff_zone: str | None, follows_clock: bool) -> None:
    """Refuse prices by the clock on a clock that no tariff has, unless somebody said so.

    Raises
    ------
    GameError
        The meters are on UTC or an offset, and the tariff's zone is not given.
    """
    zone = steps.calendar.zone
    if zone is not None and is_fixed(zone) and tariff_zone is None and follows_clock:
        raise GameError(
            f"the meters are on the clock of {zone}, and prices or charges depend on the clock: "
            f"say in which zone the tariff is (tariff_zone), such as Europe/Madrid, or {zone} if "
            f"that is meant"
        )
