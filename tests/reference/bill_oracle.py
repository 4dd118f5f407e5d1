"""Bills by hand, as in a spreadsheet: a row for each step, a loop for each element."""

import calendar
import math
from collections import defaultdict


def in_game(contract, rows, hours):
    """Return what a profile costs without taxes and fees outside the game.

    Rows are (wall time, drawn, fed in, buy price, sell price), one for each step.
    """
    months = sorted({(row[0].year, row[0].month) for row in rows})
    owed = {month: energy(contract, of_month(rows, month), month) for month in months}
    apart = 0.0
    if contract.credit.startswith("net"):
        owed = dict.fromkeys(months, 0.0)
        left = defaultdict(float)
        for time, drawn, fed_in, buy, sell in rows:
            month = (time.year, time.month) if contract.credit == "net per month" else time.year
            left[month, buy, sell] += drawn - fed_in
        for (month, buy, sell), kwh in left.items():
            amount = kwh * buy if kwh > 0 else kwh * sell
            if month in owed:
                owed[month] += amount
            else:
                apart += amount
    for fee in contract.fees:
        if fee.in_game:
            for month in months:
                owed[month] += fixed(fee, of_month(rows, month), month)
    for charge in contract.demand_charges:
        for when, kw in peaks(charge, rows, hours):
            if when in owed:
                owed[when] += kw * charge.price_per_kw
            else:
                apart += kw * charge.price_per_kw
    if contract.minimum_per_month is not None:
        for month in months:
            part = days(of_month(rows, month)) / length(month)
            owed[month] = max(owed[month], contract.minimum_per_month * part)
    return math.fsum(owed.values()) + apart


def of_month(rows, month):
    return [row for row in rows if (row[0].year, row[0].month) == month]


def days(rows):
    return len({row[0].date() for row in rows})


def length(month):
    return calendar.monthrange(*month)[1]


def energy(contract, rows, month):
    drawn = credit = 0.0
    kwh = 0.0
    for _, taken, fed_in, buy, sell in rows:
        drawn += taken * contract.loss_factor * buy
        kwh += taken * contract.loss_factor
        credit += fed_in * sell
    for block in contract.blocks:
        above = block.above_kwh * days(rows) / length(month)
        if month[1] in block.months and kwh > above:
            drawn += (kwh - above) * block.surcharge_per_kwh
    return drawn - (min(credit, drawn) if contract.credit == "capped" else credit)


def fixed(fee, rows, month):
    return fee.price * (days(rows) if fee.per == "day" else days(rows) / length(month))


def counts(charge, time):
    minute = 60 * time.hour + time.minute
    start, end = charge.start_minute, charge.end_minute
    in_hours = start <= minute < end if start < end else minute >= start or minute < end
    return in_hours and time.weekday() in charge.days and time.month in charge.months


def peaks(charge, rows, hours):
    """Return each month, year or the period, and the kW that are billed."""
    windows = defaultdict(list)
    for time, drawn, *_ in rows:
        if counts(charge, time):
            minute = 60 * time.hour + time.minute
            slot = minute // (charge.mean_minutes or round(60 * hours))
            windows[time.date(), slot].append(max(drawn, 0.0) / hours)
    means = {window: sum(powers) / len(powers) for window, powers in windows.items()}
    periods = defaultdict(list)
    for (day, _), kw in means.items():
        when = {"month": (day.year, day.month), "year": day.year, "period": "all"}[charge.per]
        periods[when].append((day, kw))
    known = dict(charge.history_kw)
    history = [known[month] for month in sorted(known)]
    result = []
    for when in sorted(periods):
        found = periods[when]
        if charge.one_per_day:
            best = defaultdict(float)
            for day, kw in found:
                best[day] = max(best[day], kw)
            powers = sorted(best.values(), reverse=True)
        else:
            powers = sorted((kw for _, kw in found), reverse=True)
        powers = powers[: charge.n_highest]
        peak = min(max(sum(powers) / len(powers), charge.floor_kw), charge.cap_kw)
        before = history[-charge.ratchet_months :]
        history.append(peak)
        last = history[-charge.mean_of_months :]
        billed = sum(last) / len(last)
        if charge.ratchet:
            billed = max(peak, charge.ratchet * max([0.0, *before]))
        result.append((when, billed))
    return result


def taxes(contract, lines):
    """Return the taxes of one month on lines of (kind, label, amount)."""
    lines, total = list(lines), 0.0
    for tax in contract.taxes:
        base = 0.0
        for kind, label, amount in lines:
            if kind in tax.on or label in tax.on:
                base += amount
        lines.append(("tax", tax.label, base * tax.per_cent / 100))
        total += base * tax.per_cent / 100
    return total
