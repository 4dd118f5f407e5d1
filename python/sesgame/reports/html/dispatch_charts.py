"""The dispatch in two pictures: the course of a day, and what is bought and sold each day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.time_steps import MONTHS
from sesgame.reports.html.charts import (
    AREA,
    BOTTOM,
    LEFT,
    LINE,
    RIGHT,
    Scale,
    area,
    chart,
    key,
    label,
    line,
    steps,
)
from sesgame.reports.html.elements import Html, element
from sesgame.reports.html.figures import energy
from sesgame.reports.html.profile import FEWEST_DAYS, daily_totals, profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sesgame.energy.community import Community
    from sesgame.energy.schedule import Schedule
    from sesgame.reports.html.profile import DailyTotals, Profile

    Ticks = Sequence[tuple[float, str]]

__all__ = ["course_of_a_day", "totals_by_day"]

POWER, STORED, PRICE = 150.0, 80.0, 70.0
"""Heights of the three parts."""
HEADING = 30.0
"""Above each part, for what it shows."""
GAP = 10.0
"""Below each part."""
_FLOWS = ((AREA, "import", "bought"), (AREA, "export", "sold"))


def course_of_a_day(community: Community, schedule: Schedule) -> Html:
    """Return power, charge and prices over the hours, one above the other."""
    course = profile(community, schedule)
    x = Scale(float(course.hours[0]), float(course.hours[-1]), LEFT, RIGHT)
    ticks = _clock(course, schedule)
    parts = [_power(course, x, ticks)]
    if schedule.shows_charge:
        parts.append(_stored(course, x, ticks, parts[-1][1]))
    parts.append(_prices(course, x, ticks, parts[-1][1], community.currency))
    title = "An average day" if course.n_days else "The dispatch"
    return chart("course", title, _in_words(course), parts[-1][1], [part for part, _ in parts])


def _power(course: Profile, x: Scale, ticks: Ticks) -> tuple[Html, float]:
    top = HEADING
    bottom = top + POWER
    curves = (course.net_load_kw, course.grid_import_kw, -course.grid_export_kw)
    y = Scale.around(np.concatenate(curves), bottom, top)
    zero = [(x.stop, y(0)), (x.start, y(0))]
    net_load, bought, sold = (steps(course.hours, curve, x, y) for curve in curves)
    part = element(
        "g",
        _heading(0, "Power, kW", *_FLOWS, (LINE, "load", "net load")),
        x.horizontal_axis(top, bottom, ticks),
        area([*bought, *zero], "import"),
        area([*sold, *zero], "export"),
        y.vertical_axis(),
        line(net_load, "load"),
    )
    return part, bottom + BOTTOM + GAP


def _stored(course: Profile, x: Scale, ticks: Ticks, start: float) -> tuple[Html, float]:
    top = start + HEADING
    bottom = top + STORED
    y = Scale.around(course.stored_high_kwh, bottom, top)
    # The state at the end of each slot.
    places = [x(hour) for hour in course.hours[1:]]
    mean, low, high = (
        list(zip(places, map(y, curve), strict=True))
        for curve in (course.stored_kwh, course.stored_low_kwh, course.stored_high_kwh)
    )
    shown = [(LINE, "charge", "mean"), (AREA, "band", "on 8 of 10 days")] if course.n_days else []
    part = element(
        "g",
        _heading(start, "Stored in batteries, kWh", *shown),
        x.horizontal_axis(top, bottom, ticks),
        area([*low, *reversed(high)], "band") if course.n_days else None,
        y.vertical_axis(),
        line(mean, "charge"),
    )
    return part, bottom + BOTTOM + GAP


def _prices(
    course: Profile, x: Scale, ticks: Ticks, start: float, currency: str
) -> tuple[Html, float]:
    top = start + HEADING
    bottom = top + PRICE
    y = Scale.around(np.concatenate([course.buy_per_kwh, course.sell_per_kwh]), bottom, top)
    shown = [(LINE, "buy", "to buy"), (LINE, "sell", "to sell")]
    part = element(
        "g",
        _heading(start, f"Price, {currency} per kWh", *shown),
        x.horizontal_axis(top, bottom, ticks),
        y.vertical_axis(3),
        line(steps(course.hours, course.sell_per_kwh, x, y), "sell"),
        line(steps(course.hours, course.buy_per_kwh, x, y), "buy"),
    )
    return part, bottom + BOTTOM


def totals_by_day(schedule: Schedule) -> Html | None:
    """Return what is bought, upwards, and sold, downwards, each day; of three days and more."""
    totals = daily_totals(schedule)
    n_days = len(totals.days)
    if n_days < FEWEST_DAYS:
        return None
    top, bottom = HEADING, HEADING + POWER
    x = Scale(0.0, float(n_days), LEFT, RIGHT)
    y = Scale.around([*totals.grid_import_kwh, *-totals.grid_export_kwh], bottom, top)
    zero = [(RIGHT, y(0)), (LEFT, y(0))]
    edges = range(n_days + 1)
    most = int(np.argmax(totals.grid_import_kwh)), int(np.argmax(totals.grid_export_kwh))
    description = (
        f"Most is bought on {totals.days[most[0]]}, {energy(totals.grid_import_kwh[most[0]])}, and "
        f"most is sold on {totals.days[most[1]]}, {energy(totals.grid_export_kwh[most[1]])}."
    )
    return chart(
        "days",
        "Bought and sold each day",
        description,
        bottom + BOTTOM,
        _heading(0, "Energy of each day, kWh", *_FLOWS),
        x.horizontal_axis(top, bottom, _dates(totals)),
        area([*steps(edges, totals.grid_import_kwh, x, y), *zero], "import"),
        area([*steps(edges, -totals.grid_export_kwh, x, y), *zero], "export"),
        y.vertical_axis(),
    )


def _heading(start: float, text: str, *entries: tuple[str, str, str]) -> Html:
    """Return what a part shows, and what each of its marks means."""
    heading = label(2, start + 11, text, class_="heading")
    return element("g", heading, key(RIGHT, start + 24, entries, "end"))


def _clock(course: Profile, schedule: Schedule) -> list[tuple[float, str]]:
    """Return where to write which time of day, or which hour of a period of days."""
    if course.n_days:
        return [(float(hour), f"{hour}:00") for hour in range(0, 25, 6)]
    length = float(course.hours[-1])
    ticks = Scale(0.0, length, 0.0, 1.0).ticks(4)
    start = schedule.steps.start
    if length <= 24:
        width = next(w for w in (0.25, 0.5, 1.0, 2.0, 3.0, 6.0) if length / w <= 5)
        ticks = [index * width for index in range(int(length / width) + 1)]
    return [
        (hour, _time(start + np.timedelta64(round(hour * 3600), "s"), length)) for hour in ticks
    ]


def _time(time: np.datetime64, length: float) -> str:
    text = str(time.astype("datetime64[m]"))
    return text[11:] if length <= 48 else _day(time.astype("datetime64[D]"))


def _dates(totals: DailyTotals) -> list[tuple[float, str]]:
    """Return where to write which day or month."""
    n_days = len(totals.days)
    if n_days <= 62:
        every = max(1, round(n_days / 5))
        chosen = range(0, n_days, every)
        return [(place + 0.5, _day(totals.days[place])) for place in chosen]
    months = totals.days.astype("datetime64[M]")
    firsts = np.flatnonzero(totals.days == months.astype("datetime64[D]"))
    every = -(-len(firsts) // 6)
    return [(float(place), _day(totals.days[place])[2:]) for place in firsts[::every]]


def _day(day: np.datetime64) -> str:
    """Return a day without its year."""
    _, month, number = str(day).rsplit("-", 2)
    return f"{int(number)} {MONTHS[int(month) - 1][:3]}"


def _in_words(course: Profile) -> str:
    most, least = int(np.argmax(course.grid_import_kw)), int(np.argmax(course.grid_export_kw))

    def hour(slot: int) -> str:
        minutes = round(float(course.hours[slot]) * 60)
        return f"{minutes // 60}:{minutes % 60:02}"

    since = "" if course.n_days else " after the start"
    bought = energy(course.grid_import_kw[most], "kW")
    sold = energy(course.grid_export_kw[least], "kW")
    return (
        f"Most is bought at {hour(most)}{since}, {bought}; most is sold at {hour(least)}{since}, "
        f"{sold}. Between {energy(course.stored_kwh.min())} and {energy(course.stored_kwh.max())} "
        f"are stored."
    )
