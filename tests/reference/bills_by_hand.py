"""Bills as somebody makes them with a calendar and a pencil: part by part, in plain Python.

It shares nothing with the package: zones by ``zoneinfo``, days by ``datetime``, money by loops.
"""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

__all__ = ["bill", "stamps_of", "utc_steps"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def utc_steps(first, n_steps, minutes):
    """Return when steps start, as aware datetimes."""
    start = datetime.fromisoformat(first).replace(tzinfo=timezone.utc)
    return [start + timedelta(minutes=minutes * k) for k in range(n_steps)]


def stamps_of(starts, zone):
    """Return what a meter in a zone writes, without offset."""
    return [start.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") for start in starts]


def price(moment, bands, holidays):
    """Return buy and sell price of a moment on the tariff's clock.

    A band is ``(from, to, days, months, valid_from, buy, sell)``, with clock times in minutes,
    names of days, numbers of months and a date or None.
    """
    day = "hol" if moment.date() in holidays else DAYS[moment.weekday()]
    minute = moment.hour * 60 + moment.minute
    valid = [band for band in bands if band[4] is None or band[4] <= moment.date()]
    newest = max((band[4] for band in valid if band[4] is not None), default=None)
    found = []
    for first, last, days, months, since, buy, sell in valid:
        if since != newest or day not in days or moment.month not in months:
            continue
        if first < last and first <= minute < last:
            found.append((buy, sell))
        if first >= last and (minute >= first or minute < last):
            found.append((buy, sell))
    assert len(found) == 1, (moment, found)
    return found[0]


def bill(starts, minutes, net_kwh, zone, bands, holidays=(), part=1):
    """Return the cost of net loads; a step's energy is spread evenly over its minutes.

    Prices are looked up every `part` minutes, at which alone they may change.
    """
    total = 0.0
    for start, energy in zip(starts, net_kwh, strict=True):
        for minute in range(0, minutes, part):
            moment = (start + timedelta(minutes=minute)).astimezone(ZoneInfo(zone))
            buy, sell = price(moment, bands, holidays)
            total += energy * part / minutes * (buy if energy > 0 else sell)
    return total
