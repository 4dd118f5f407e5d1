"""Tables of sharing coefficients: which part of a common generation is whose, agreed beforehand."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.covering_steps import covering_steps
from sesgame.energy.cups_files import cups_text, read_cups_file
from sesgame.energy.number_arrays import number_array
from sesgame.energy.time_steps import TimeSteps, check_time
from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable
from sesgame.files.decimals import MOST_DECIMALS, decimals_of
from sesgame.files.output_files import written
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["SharingCoefficients", "coefficients_of", "steps_of", "sum_in_words"]


@dataclass(frozen=True, eq=False, init=False)
class SharingCoefficients(ByValue):
    r"""Which part of a common generation each member is assigned: fixed, or in each step.

    .. math:: a_{it} = \beta_{it} g_t, \qquad \sum_i \beta_{it} = 1

    as collective self-consumption by static or hourly coefficients has it.

    Parameters
    ----------
    members : iterable of hashable
        One label for each of the n members.
    values : array_like of float, shape (n,) or (n, T)
        Coefficients in [0, 1].
    steps : TimeSteps, optional
        When those of each column hold; needed with (n, T), and refused with (n,).
    decimals : int, default 15
        To how many decimals d they are written. Rounding may put the sum of n of them off by
        :math:`n \cdot 10^{-d} / 2`; more is refused, and so is more than with two decimals.

    Raises
    ------
    GameError
        Shapes do not fit, a coefficient is not in [0, 1], or those of a step do not add up to 1.

    Notes
    -----
    Coefficients are kept as they are: what rounding leaves of a sum is nobody's, and not dealt out;
    :attr:`sums` says how much there is.

    Examples
    --------
    >>> import sesgame as sg
    >>> members = ["ann", "bob", "cem"]
    >>> thirds = sg.energy.SharingCoefficients(members, [0.33, 0.33, 0.33], decimals=2)
    >>> steps = sg.energy.TimeSteps.from_times(["2024-06-01T12:00", "2024-06-01T13:00"])
    >>> thirds.during(steps).tolist()
    [[0.33, 0.33], [0.33, 0.33], [0.33, 0.33]]
    """

    members: tuple[Hashable, ...]
    values: NDArray[np.float64]
    steps: TimeSteps | None
    decimals: int

    @checked_arguments
    def __init__(
        self,
        members: Iterable[Hashable],
        values: ArrayLike,
        steps: TimeSteps | None = None,
        *,
        decimals: int = MOST_DECIMALS,
    ) -> None:
        labels = tuple(Players(members))
        try:
            array = number_array(values)
        except (TypeError, ValueError) as error:
            raise GameError(f"the coefficients must be numbers, got {values!r}") from error
        if decimals < 0:
            raise GameError(f"decimals must be at least 0, got {decimals}")
        shape = (len(labels),) if steps is None else (len(labels), steps.n_steps)
        if array.shape != shape:
            raise GameError(f"the coefficients have shape {array.shape}, but {shape} is needed")
        outside = ~((array >= 0) & (array <= 1))
        if outside.any():
            row, *step = (int(k) for k in np.unravel_index(np.argmax(outside), shape))
            when = f" at {steps.time(step[0])}" if steps is not None else ""
            raise GameError(
                f"the coefficient of {labels[row]!r} is {array[(row, *step)]:g}{when}, and not in "
                f"[0, 1]"
            )
        sums = array.sum(axis=0)
        off = np.abs(sums - 1) > _tolerance(len(labels), decimals)
        if off.any():
            step_off = int(np.argmax(off))
            when = f" at {steps.time(step_off)}" if steps is not None else ""
            found = float(sums if steps is None else sums[step_off])
            raise GameError(
                f"the coefficients add up to {sum_in_words(found, decimals)}{when}, and not to 1 "
                f"within {_tolerance(len(labels), decimals):.2g}"
            )
        array.setflags(write=False)
        fields = {"members": labels, "values": array, "steps": steps, "decimals": decimals}
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        zone: str | None = None,
        tariff_zone: str | None = None,
    ) -> SharingCoefficients:
        """Read a table of coefficients.

        Parameters
        ----------
        path : path
            With the columns ``member`` (or ``point``) and ``coefficient``, a row for each member;
            or with ``time`` and a column for each member, a row for each step. Steps begin at their
            times.
        zone, tariff_zone : str, optional
            Where the clock of the times is, as in :meth:`TimeSteps.from_times`.

        Raises
        ------
        GameError
            The file is missing or wrong, with line and column: a coefficient is no number or not in
            [0, 1], a member is there twice, a time is missing, or those of a row do not add up to 1
            within what their printed digits allow.

        Notes
        -----
        The digits that count are those of the coefficient with the most of them in the file.
        """
        return coefficients_of(CsvTable.read(Path(path)), zone=zone, tariff_zone=tariff_zone)

    @classmethod
    @checked_arguments
    def from_cups_file(
        cls,
        path: str | PathLike[str],
        *,
        year: int | None = None,
        zone: str | None = None,
        cups: Mapping[Hashable, str] | None = None,
    ) -> SharingCoefficients:
        """Read the text file that Spanish grid operators take.

        Parameters
        ----------
        path : path
            Without a header, a line ``CUPS;0,333333`` for each supply point, or a line
            ``CUPS;hour;0,333333`` for each supply point and hour of the year.
        year : int, optional
            That the hours are of; by default the one in the name of the file, ``CAU_YEAR.txt``.
        zone : str, optional
            Where the clock is on which the year begins, such as ``"Europe/Madrid"``; by default one
            that never changes.
        cups : mapping of member to str, optional
            Labels for the supply points; by default each is called by its CUPS.

        Raises
        ------
        GameError
            The file is missing or wrong, with its line: no CUPS, no coefficient with a decimal
            comma in [0, 1], one that is missing or there twice, other hours than those of the year,
            coefficients that do not add up to 1, or nobody says which year it is. A member has no
            CUPS, or two have the same.

        Notes
        -----
        The hours of a year are counted as they elapse, so that the day in spring has 23 of them and
        the one in autumn 25: a year has 8,760, one with 29 February 8,784. The first is 1, or 0
        where the file has one.
        """
        file = Path(path)
        found = read_cups_file(file, year=year, zone=zone, cups=cups)
        try:
            return cls(found.members, found.values, found.steps, decimals=found.decimals)
        except GameError as error:
            raise GameError(f"{file}: {error}") from error

    @checked_arguments
    def to_cups_file(
        self,
        path: str | PathLike[str] | None = None,
        *,
        cups: Mapping[Hashable, str] | None = None,
    ) -> str:
        """Return the text file that Spanish grid operators take, and write it if there is a path.

        Parameters
        ----------
        path : path, optional
            What operators ask for is called ``CAU_YEAR.txt``.
        cups : mapping of member to str, optional
            The CUPS of each member; by default members are called by it.

        Raises
        ------
        GameError
            A member has no CUPS, coefficients by step are not those of the hours of a calendar
            year, the name of the file has another year, or coefficients do not add up to 1.
        SesgameError
            The file cannot be written.

        Notes
        -----
        Six decimals, which add up to 1 exactly in the file and in each hour: what rounding leaves
        goes by millionths to the coefficients that lost most, so none is off by a millionth.

        Examples
        --------
        >>> import sesgame as sg
        >>> cups = {"ann": "ES0000000000000001TR0F", "bob": "ES0000000000000002TW0F"}
        >>> halves = sg.energy.SharingCoefficients(["ann", "bob"], [0.25, 0.75])
        >>> print(halves.to_cups_file(cups=cups), end="")
        ES0000000000000001TR0F;0,250000
        ES0000000000000002TW0F;0,750000
        """
        file = None if path is None else Path(path)
        return written(cups_text(self.members, self.values, self.steps, cups, file), file)

    @checked_arguments
    def during(self, steps: TimeSteps) -> NDArray[np.float64]:
        """Return the coefficients in other steps, such as those of meters, shape (n, T).

        Parameters
        ----------
        steps : TimeSteps
            As long as the own ones or a part of them (quarter-hours under hourly coefficients).

        Raises
        ------
        GameError
            The coefficients do not cover all steps, change within one, or only one of the two is on
            a clock with a zone.
        """
        own = self.steps
        if own is None:
            return np.repeat(self.values[:, np.newaxis], steps.n_steps, axis=1)
        found: NDArray[np.float64] = self.values[:, covering_steps(own, steps, "the coefficients")]
        return found

    @property
    def sums(self) -> NDArray[np.float64]:
        """What the coefficients of each step add up to, shape () or (T,)."""
        found: NDArray[np.float64] = np.asarray(self.values.sum(axis=0))
        return found

    def __repr__(self) -> str:
        when = "fixed" if self.steps is None else self.steps.in_words
        off = float(np.abs(self.sums - 1).max())
        left = f", to {off:.1g} of 1" if off > _tolerance(len(self.members), MOST_DECIMALS) else ""
        return f"SharingCoefficients({count(len(self.members), 'member')}, {when}{left})"


def sum_in_words(total: float, decimals: int) -> str:
    """Return a sum of coefficients with the digits in which it may be off."""
    # One before the decimals, or a sum of 1.02 would be told as 1.
    return f"{total:.{min(max(decimals, 2), MOST_DECIMALS) + 1}g}"


def coefficients_of(
    table: CsvTable, *, zone: str | None = None, tariff_zone: str | None = None
) -> SharingCoefficients:
    """Return the coefficients of a table; see :meth:`SharingCoefficients.from_csv`.

    Raises
    ------
    GameError
        As there.
    """
    if "time" not in table.columns:
        return _fixed(table)
    members = [name for name in table.columns if name != "time"]
    if not members:
        raise GameError(f"{table.path} has times, and no member beside them")
    values = np.array([table.floats(name) for name in members])
    decimals = decimals_of(cell for name in members for cell in table.columns[name])
    steps = steps_of(table, zone=zone, tariff_zone=tariff_zone)
    for row in range(len(members)):
        _check_range(table, members[row], values[row])
    sums = values.sum(axis=0)
    off = np.flatnonzero(np.abs(sums - 1) > _tolerance(len(members), decimals))
    if off.size:
        row = int(off[0])
        more = f", and so are {off.size - 1:,} rows more" if off.size > 1 else ""
        raise GameError(
            f"{table.path}, line {table.lines[row]}, {steps.time(row)}: the coefficients add "
            f"up to {sum_in_words(float(sums[row]), decimals)}, and not to 1 within "
            f"{_tolerance(len(members), decimals):.2g}{more}"
        )
    return SharingCoefficients(members, values, steps, decimals=decimals)


def steps_of(
    table: CsvTable, *, zone: str | None = None, tariff_zone: str | None = None
) -> TimeSteps:
    """Return the steps that the column ``time`` of a table names.

    Raises
    ------
    GameError
        A time is missing or wrong, or they do not follow each other evenly.
    """
    table.convert("time", table.texts("time"), check_time, "a time like 2016-06-01T12:15")
    try:
        return TimeSteps.from_times(table.texts("time"), zone=zone, tariff_zone=tariff_zone)
    except GameError as error:
        raise GameError(f"{table.path}: {error}") from error


def _fixed(table: CsvTable) -> SharingCoefficients:
    label = "point" if "point" in table.columns else "member"
    table.expect([label, "coefficient"])
    members = table.texts(label)
    for row, member in enumerate(members):
        if not member:
            table.fail(row, label, f"the cell is empty; it must be the {label}'s label")
        if member in members[:row]:
            table.fail(row, label, f'duplicate {label} "{member}"')
    values = table.floats("coefficient")
    _check_range(table, "coefficient", values)
    decimals = decimals_of(table.columns["coefficient"])
    try:
        return SharingCoefficients(members, values, decimals=decimals)
    except GameError as error:
        raise GameError(f"{table.path}: {error}") from error


def _tolerance(n_members: int, decimals: int) -> float:
    """Return by how much rounding to so many decimals may put a sum off."""
    # Half of the last decimal each, and what the sum of floats rounds itself. One decimal would let
    # a tenth of the energy go to nobody.
    return n_members * (0.5 * 10.0 ** -max(decimals, 2) + np.finfo(float).eps)


def _check_range(table: CsvTable, column: str, values: NDArray[np.float64]) -> None:
    outside = np.flatnonzero((values < 0) | (values > 1))
    if outside.size:
        row = int(outside[0])
        table.fail(row, column, f"{values[row]:g} is no coefficient: it must be in [0, 1]")
