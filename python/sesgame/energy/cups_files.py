"""Files of sharing coefficients as Spanish grid operators take them: lines of CUPS;coefficient.

Royal decree 244/2019, annex I, has collective self-consumption by coefficients that are agreed
beforehand, and order TED/1247/2021 by those of each hour. What operators take is a text without a
header, ``CAU_YEAR.txt``, with a line ``CUPS;0,333333`` for each supply point, or a line
``CUPS;hour;0,333333`` for each supply point and hour of the year. The coefficients of the file, or
of each hour, add up to 1 exactly.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.clock import Calendar, instant_of
from sesgame.energy.time_steps import TimeSteps
from sesgame.errors import GameError
from sesgame.files.text_file import read_text
from sesgame.formatting import named

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CupsFile", "cups_text", "read_cups_file"]

DECIMALS = 6
"""Of a coefficient in these files."""

_CUPS = "ES[0-9]{16}[A-Z]{2}[0-9][A-Z]"
_NUMBER = f"(?:0,[0-9]{{1,{DECIMALS}}}|1,0{{1,{DECIMALS}}})"
_LINE = re.compile(f"{_CUPS}(?:;[0-9]{{1,4}})?;{_NUMBER}\n")
_YEARS = range(1900, 3000)
_HOUR = np.timedelta64(3600, "s")
_FORMS = "CUPS;coefficient, or CUPS;hour;coefficient"


class CupsFile(NamedTuple):
    """What a file says, as the arguments of SharingCoefficients."""

    members: list[Hashable]
    values: NDArray[np.float64]
    steps: TimeSteps | None
    decimals: int


def read_cups_file(
    path: Path, *, year: int | None, zone: str | None, cups: Mapping[Hashable, str] | None
) -> CupsFile:
    """Read a file; the arguments are those of ``SharingCoefficients.from_cups_file``.

    Raises
    ------
    GameError
        As there.
    """
    text = "".join(f"{line.strip()}\n" for line in read_text(path).splitlines() if line.strip())
    if not text or _LINE.sub("", text):
        _refuse_lines(path)
    cells = text.rstrip("\n").replace("\n", ";").split(";")
    n_lines = text.count("\n")
    if len(cells) == 2 * n_lines:
        codes, given = np.array(cells[::2]), cells[1::2]
        hours, steps = np.zeros(n_lines, dtype=np.int64), None
        n_hours = 1
    elif len(cells) == 3 * n_lines:
        codes, given = np.array(cells[::3]), cells[2::3]
        hours = np.array(cells[1::3]).astype(np.int64)
        steps = _hours_of(_year(path, year), zone)
        n_hours = steps.n_steps
        hours -= _first_hour(path, hours, n_hours)
    else:
        raise GameError(f"{path} has lines with an hour and lines without one: {_FORMS}")
    coefficients = np.char.replace(np.array(given), ",", ".").astype(np.float64)
    known, first, row = np.unique(codes, return_index=True, return_inverse=True)
    place = np.empty(len(known), dtype=np.int64)
    place[np.argsort(first)] = np.arange(len(known))
    at = place[row] * n_hours + hours
    times = np.bincount(at, minlength=len(known) * n_hours)
    points = [str(code) for code in known[np.argsort(first)]]
    if (times != 1).any():
        point, hour = divmod(int(np.argmax(times != 1)), n_hours)
        found = "missing" if times[point * n_hours + hour] == 0 else "there more than once"
        when = "" if steps is None else f" from {steps.time(hour)}"
        raise GameError(f"{path}: the coefficient of {points[point]}{when} is {found}")
    values = np.empty(len(at))
    values[at] = coefficients
    decimals = max(len(cell) - 2 for cell in given)
    members = _members(path, points, cups)
    shaped = values if steps is None else values.reshape(len(points), n_hours)
    return CupsFile(members, shaped, steps, decimals)


def cups_text(
    members: Sequence[Hashable],
    values: NDArray[np.float64],
    steps: TimeSteps | None,
    cups: Mapping[Hashable, str] | None,
    path: Path | None,
) -> str:
    """Return the text of a file.

    Raises
    ------
    GameError
        As in ``SharingCoefficients.to_cups_file``.
    """
    codes = list(_codes(members, cups).values())
    if steps is None:
        shares = _millionths(values[:, np.newaxis], None)[:, 0].tolist()
        lines = [f"{code};{_written(share)}" for code, share in zip(codes, shares, strict=True)]
        return "\n".join([*lines, ""])
    year = int(str(steps.times[0])[:4])
    if path is not None:
        _year(path, year)
    whole = _hours_of(year, steps.calendar.zone)
    if (steps.start, steps.step, steps.n_steps) != (whole.start, whole.step, whole.n_steps):
        raise GameError(
            f"the file has each hour of a calendar year; these are {steps.in_words} from "
            f"{steps.time(0)}, and {year} has {whole.n_steps:,} hours from {whole.time(0)}"
        )
    rows = _millionths(values, steps).tolist()
    lines = [
        f"{code};{hour};{_written(share)}"
        for code, row in zip(codes, rows, strict=True)
        for hour, share in enumerate(row, start=1)
    ]
    return "\n".join([*lines, ""])


def _codes(
    members: Sequence[Hashable] | None, cups: Mapping[Hashable, str] | None
) -> dict[Hashable, str]:
    """Return the CUPS of each member, by default of all: the one that is given, or its label."""
    if cups is not None and not isinstance(cups, Mapping):
        raise GameError(f"cups must be a mapping of members to CUPS, got {named(cups)}")
    codes: dict[Hashable, str] = {}
    whose: dict[str, Hashable] = {}
    for member in cups or () if members is None else members:
        code = member if cups is None else cups.get(member)
        if not (isinstance(code, str) and re.fullmatch(_CUPS, code)):
            what = "has no CUPS" if code is None else f"has {named(code)}, which is no CUPS"
            raise GameError(f"{member!r} {what} of 22 characters, like ES0000000000000001TR0F")
        if code in whose:
            raise GameError(f"{whose[code]!r} and {member!r} have the same CUPS {code}")
        codes[member], whose[code] = code, member
    return codes


def _millionths(values: NDArray[np.float64], steps: TimeSteps | None) -> NDArray[np.int64]:
    """Return coefficients in millionths that add up to a million, by largest remainders."""
    one = 10**DECIMALS
    sums = values.sum(axis=0)
    # Half a millionth each: what rounding to the digits of the file may leave.
    off = np.abs(sums - 1) > len(values) * 0.5 / one
    if off.any():
        step = int(np.argmax(off))
        when = "" if steps is None else f" in the hour from {steps.time(step)}"
        raise GameError(
            f"the coefficients add up to {sums[step]:.9g}{when}, and the file takes a sum of 1 "
            f"alone: say first whose the rest is"
        )
    exact = values * one
    nearest = np.rint(exact)
    missing = one - nearest.sum(axis=0)
    # Rounding to the nearest and then mending where most was lost is the largest remainder.
    lost = (exact - nearest) * np.where(missing < 0, -1.0, 1.0)
    rank = np.empty(values.shape, dtype=np.int64)
    order = np.argsort(-lost, axis=0, kind="stable")
    np.put_along_axis(rank, order, np.arange(len(values))[:, np.newaxis], axis=0)
    mended: NDArray[np.float64] = nearest + np.sign(missing) * (rank < np.abs(missing))
    return mended.astype(np.int64)


def _written(millionths: int) -> str:
    whole, part = divmod(millionths, 10**DECIMALS)
    return f"{whole},{part:0{DECIMALS}d}"


def _hours_of(year: int, zone: str | None) -> TimeSteps:
    """Return the hours of a calendar year: elapsed ones, also where the clock is changed."""
    walls = [np.datetime64(f"{number:04d}-01-01", "s") for number in (year, year + 1)]
    begins, ends = walls if zone is None else [instant_of(wall, zone) for wall in walls]
    return TimeSteps(begins, _HOUR, int((ends - begins) / _HOUR), Calendar(zone))


def _year(path: Path, given: int | None) -> int:
    """Return the year of a file: the one that is given or that its name has."""
    match = re.search("_([0-9]{4})$", path.stem)
    year = given if match is None else int(match[1])
    if year is None:
        raise GameError(f"{path} has hours of a year that its name does not say, like CAU_2024.txt")
    if given not in (None, year):
        raise GameError(f"the name of {path} has another year than {given}")
    if year not in _YEARS:
        raise GameError(f"{path} is of the year {year}, which has to be in 1900 to 2999")
    return year


def _first_hour(path: Path, hours: NDArray[np.int64], n_hours: int) -> int:
    """Return the number of the first hour: files count from 1, and some from 0."""
    first, last = int(hours.min()), int(hours.max())
    if first > 1 or last - first + 1 != n_hours:
        raise GameError(
            f"{path} has the hours {first} to {last}; the {n_hours:,} hours of its year are needed"
        )
    return first


def _members(path: Path, points: list[str], cups: Mapping[Hashable, str] | None) -> list[Hashable]:
    if cups is None:
        return list(points)
    labels = {code: member for member, code in _codes(None, cups).items()}
    unknown = [code for code in points if code not in labels]
    if unknown:
        raise GameError(
            f"{path}: {unknown[0]} is the CUPS of no member; known are {', '.join(labels)}"
        )
    return [labels[code] for code in points]


def _refuse_lines(path: Path) -> None:
    """Name the first line that is not as it must be, and what is wrong with it."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        text = line.strip()
        if not text or _LINE.fullmatch(f"{text}\n"):
            continue
        cells = text.split(";")
        where = f"{path}, line {number}"
        if len(cells) not in (2, 3):
            raise GameError(f'{where}: "{text}" is not {_FORMS}')
        if not re.fullmatch(_CUPS, cells[0]):
            raise GameError(
                f'{where}: "{cells[0]}" is no CUPS of 22 characters, like ES0000000000000001TR0F'
            )
        if len(cells) == 3 and not re.fullmatch("[0-9]{1,4}", cells[1]):
            raise GameError(f'{where}: "{cells[1]}" is no hour of the year')
        raise GameError(
            f'{where}: "{cells[-1]}" is no coefficient in [0, 1] with a decimal comma and up to '
            f"{DECIMALS} decimals, like 0,333333"
        )
    raise GameError(f"{path} is empty; it needs lines of {_FORMS}")
