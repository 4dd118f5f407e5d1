"""Bills by hand, as in a spreadsheet: a row for each step, a loop for each element."""

import calendar
import math
from collections import defaultdict
from datetime import date, timedelta

HOLIDAY = 7


def in_game(contract, rows, hours):
    """Return what a profile costs without taxes and fees outside the game.

    Rows are (wall time, drawn, fed in, buy price, sell price), one for each step.
    """
    inside = {fee.label for fee in contract.fees if fee.in_game}
    return math.fsum(
        amount
        for _, kind, label, amount in lines(contract, rows, hours)
        if kind != "tax" and (kind != "fee" or label in inside)
    )


def totals(contract, rows, hours, n_members=1, holidays=()):
    """Return what the lines of each kind add up to."""
    found = defaultdict(float)
    for _, kind, _, amount in lines(contract, rows, hours, n_members, holidays):
        found[kind] += amount
    return dict(found)


def lines(contract, rows, hours, n_members=1, holidays=()):
    """Return (month, year or "all"; kind; label; amount) of what is billed."""
    found = []
    periods = sorted({period(contract, row[0]) for row in rows})
    for when in periods:
        own = [row for row in rows if period(contract, row[0]) == when]
        if not contract.credit.startswith("net"):
            found += [(when, *part) for part in energy(contract, own)]
    found += netted(contract, rows)
    for when in periods:
        own = [row for row in rows if period(contract, row[0]) == when]
        for fee in contract.fees:
            if fee.in_game:
                found.append((when, "fee", fee.label, fixed(fee, own, n_members)))
    for charge in contract.demand_charges:
        for when, kw in peaks(charge, rows, hours, holidays):
            paid_in = "all" if contract.billed_per == "period" else when
            amount = kw * charge.price_per_kw
            found.append((paid_in, "demand charge", "demand charge", amount))
    if contract.minimum_per_month is not None:
        for when in periods:
            own = [row for row in rows if period(contract, row[0]) == when]
            owed = math.fsum(line[3] for line in found if line[0] == when)
            lacking = minimum(contract, own, when) - owed
            if lacking > 0:
                found.append((when, "minimum bill", "minimum bill", lacking))
    for when in periods:
        own = [row for row in rows if period(contract, row[0]) == when]
        for fee in contract.fees:
            if not fee.in_game:
                found.append((when, "fee", fee.label, fixed(fee, own, n_members)))
    for when in {line[0] for line in found}:
        own = [line[1:] for line in found if line[0] == when]
        found += [(when, "tax", label, amount) for label, amount in each_tax(contract, own)]
    return found


def period(contract, time):
    return "all" if contract.billed_per == "period" else (time.year, time.month)


def days(rows):
    return {row[0].date() for row in rows}


def length(month):
    return calendar.monthrange(*month)[1]


def months_billed(rows):
    """Return how many months rows are, of each as much as they have of its days."""
    return math.fsum(1 / length((day.year, day.month)) for day in days(rows))


def price(tariff, time, holidays=()):
    """Return what a kWh costs and earns at a wall time."""
    if hasattr(tariff, "steps"):
        for k in range(tariff.steps.n_steps):
            start = tariff.steps.times[k].astype("datetime64[s]").item()
            length = timedelta(hours=tariff.steps.step_hours)
            if start <= time < start + length:
                return float(tariff.buy_per_kwh[k]), float(tariff.sell_per_kwh[k])
        raise AssertionError(time)
    known = [band.valid_from for band in tariff.bands]
    newest = max((day for day in known if day is not None and day <= time.date()), default=date.min)
    found = [
        (band.buy_per_kwh, band.sell_per_kwh)
        for band in tariff.bands
        if (band.valid_from or date.min) == newest and counts(band, time, holidays)
    ]
    assert len(found) == 1, (time, found)
    return found[0]


def mean_price(tariff, time, minutes, holidays=()):
    """Return the mean of the prices of each minute of a step."""
    each = [price(tariff, time + timedelta(minutes=k), holidays) for k in range(minutes)]
    return sum(buy for buy, _ in each) / minutes, sum(sell for _, sell in each) / minutes


def energy(contract, rows):
    """Yield what energy costs and earns in a month: kind, label, amount."""
    drawn = credit = kwh = 0.0
    for _, taken, fed_in, buy, sell in rows:
        drawn += taken * contract.loss_factor * buy
        kwh += taken * contract.loss_factor
        credit += fed_in * sell
    for block in contract.blocks:
        drawn += surcharge(block, rows, kwh)
    yield "energy", "energy", drawn
    yield "feed-in", "feed-in", -(min(credit, drawn) if contract.credit == "capped" else credit)


def surcharge(block, rows, kwh):
    first = rows[0][0]
    above = block.above_kwh * months_billed(rows)
    beyond = kwh - above
    return beyond * block.surcharge_per_kwh if first.month in block.months and beyond > 0 else 0.0


def netted(contract, rows):
    """Return the lines of energy that is netted over a month or a year."""
    if not contract.credit.startswith("net"):
        return []
    left = defaultdict(float)
    for time, drawn, fed_in, buy, sell in rows:
        by_month = contract.credit == "net per month"
        left[(time.year, time.month) if by_month else time.year, buy, sell] += drawn - fed_in
    found = []
    for (when, buy, sell), kwh in left.items():
        kind, amount = ("energy", kwh * buy) if kwh > 0 else ("feed-in", kwh * sell)
        found.append(("all" if contract.billed_per == "period" else when, kind, kind, amount))
    return found


def fixed(fee, rows, n_members=1):
    times = n_members if fee.of == "member" else 1
    return fee.price * times * (len(days(rows)) if fee.per == "day" else months_billed(rows))


def minimum(contract, rows, when):
    return contract.minimum_per_month * months_billed(rows)


def counts(hours, time, holidays=()):
    """Return whether a time is among the hours, days and months of a band or a charge."""
    minute = 60 * time.hour + time.minute
    start, end = hours.start_minute, hours.end_minute
    in_hours = start <= minute < end if start < end else minute >= start or minute < end
    day = HOLIDAY if time.date() in holidays else time.weekday()
    return in_hours and day in hours.days and time.month in hours.months


def peaks(charge, rows, hours, holidays=()):
    """Return each month, year or the period, and the kW that are billed."""
    windows = defaultdict(list)
    for time, drawn, *_ in rows:
        if any(counts(part, time, holidays) for part in (charge, *charge.also)):
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


def taxes(contract, own):
    """Return the taxes of one month on lines of (kind, label, amount)."""
    return math.fsum(amount for _, amount in each_tax(contract, own))


def each_tax(contract, own):
    own, found = list(own), []
    for tax in contract.taxes:
        base = 0.0
        for kind, label, amount in own:
            if kind in tax.on or label in tax.on:
                base += amount
        found.append((tax.label, base * tax.per_cent / 100))
        own.append(("tax", *found[-1]))
    return found


def holds(contract, rows):
    """Return whether a contract holds on all days."""
    first, end = contract.valid_from or date.min, contract.valid_until or date.max
    return all(first <= day < end for day in days(rows))
