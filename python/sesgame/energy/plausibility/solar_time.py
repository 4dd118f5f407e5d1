"""Solar time at the city that a time zone is named after."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

__all__ = ["longitude_of", "solar_times"]

_PLACE = re.compile(r"[+-]\d+([+-])(\d{3})(\d\d)(\d\d)?")
"""Latitude and longitude in degrees, minutes and maybe seconds, as ISO 6709 has them."""


@lru_cache(maxsize=16)
def longitude_of(zone: str) -> float | None:
    """Return the longitude of the city that a zone is named after, in degrees east.

    From ``zone.tab`` of the IANA database; None where it is an offset, or named after no city.

    Examples
    --------
    >>> round(longitude_of("Europe/Madrid"), 2), longitude_of("UTC")
    (-3.68, None)
    """
    try:
        table = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):  # an installation that has pruned its data
        return None
    for line in table.splitlines():
        cells = line.split("\t")
        if len(cells) > 2 and cells[2] == zone and (place := _PLACE.fullmatch(cells[1])):
            degrees = int(place[2]) + int(place[3]) / 60 + int(place[4] or 0) / 3600
            return -degrees if place[1] == "-" else degrees
    return None


def solar_times(instants: NDArray[np.datetime64], longitude: float) -> NDArray[np.datetime64]:
    r"""Return apparent solar time at instants of UTC: the sun is highest at 12:00.

    .. math:: t + \frac{\lambda}{15} h + 9.87 \sin 2B - 7.53 \cos B - 1.5 \sin B,
              \quad B = 2 \pi \frac{d - 81}{365}

    with the longitude :math:`\lambda` in degrees and the day of the year d; the equation of time is
    in minutes, and good to about one.
    """
    days = instants.astype("datetime64[D]")
    day_of_year = (days - days.astype("datetime64[Y]")).astype(np.int64) + 1
    angle = 2 * np.pi * (day_of_year - 81) / 365
    equation = 9.87 * np.sin(2 * angle) - 7.53 * np.cos(angle) - 1.5 * np.sin(angle)
    seconds = np.rint(60 * (equation + 4 * longitude)).astype("timedelta64[s]")
    times: NDArray[np.datetime64] = instants + seconds
    return times
