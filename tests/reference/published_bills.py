"""Bills straight from the JSON of published tariffs, step by step, in plain Python."""

import calendar
from collections import defaultdict
from datetime import date, time
from itertools import pairwise

__all__ = ["eltariff_bill", "urdb_bill"]


def eltariff_bill(tariff, patterns, rows, hours, holidays=()):
    """Return what a grid company bills with tax; rows are (wall time, kWh drawn).

    Prices with tax are those of the file.
    """
    days = {pattern["reference"]: set(pattern["days"]) for pattern in patterns}
    dates = {
        pattern["reference"]: {date.fromisoformat(day) for day in pattern["dates"]}
        for pattern in patterns
    }
    dates.setdefault("holidays", set())
    dates["holidays"] |= {date.fromisoformat(day) for day in holidays}
    days.setdefault("holidays", set())

    def fits(reference, day):
        return day.isoweekday() in days[reference] or day in dates[reference]

    def is_active(component, moment):
        period = component["validPeriod"]
        first, end = period["fromIncluding"], period["toExcluding"]
        if not first <= moment.date().isoformat() < end:
            return False
        if not component.get("recurringPeriods"):
            return True
        for recurring in component["recurringPeriods"]:
            for part in recurring["activePeriods"]:
                start = time.fromisoformat(part["fromIncluding"])
                stop = time.fromisoformat(part["toExcluding"])
                clock = moment.time()
                # Midnight is also the end of the day.
                inside = start <= clock < stop if start < stop else clock >= start or clock < stop
                named = part["calendarPatternReferences"]
                chosen = any(fits(each, moment.date()) for each in named.get("include", []))
                left_out = any(fits(each, moment.date()) for each in named.get("exclude", []))
                if inside and chosen and not left_out:
                    return True
        return False

    total = 0.0
    billed = sorted({moment.date() for moment, _ in rows})
    for component in (tariff.get("fixedPrice") or {}).get("components", []):
        period = component["validPeriod"]
        for day in billed:
            if not period["fromIncluding"] <= day.isoformat() < period["toExcluding"]:
                continue
            n_days = calendar.monthrange(day.year, day.month)[1]
            parts = {"P1D": 1, "P1M": n_days, "P1Y": 12 * n_days}[component["pricedPeriod"]]
            total += component["price"]["priceIncVat"] / parts
    for component in (tariff.get("energyPrice") or {}).get("components", []):
        for moment, kwh in rows:
            if is_active(component, moment):
                total += kwh * component["price"]["priceIncVat"]
    for component in (tariff.get("powerPrice") or {}).get("components", []):
        settings = component["peakIdentificationSettings"]
        minutes = {"PT15M": 15, "PT30M": 30, "PT1H": 60}[settings["peakDuration"]]
        months = defaultdict(lambda: defaultdict(list))
        for moment, kwh in rows:
            if is_active(component, moment):
                slot = (moment.date(), (60 * moment.hour + moment.minute) // minutes)
                months[moment.year, moment.month][slot].append(kwh / hours)
        for windows in months.values():
            means = {slot: sum(powers) / len(powers) for slot, powers in windows.items()}
            if settings["peakIdentificationPeriod"] == "P1D":
                best = defaultdict(float)
                for (day, _), kw in means.items():
                    best[day] = max(best[day], kw)
                means = best
            n = settings["numberOfPeaksForAverageCalculation"]
            highest = sorted(means.values(), reverse=True)[:n]
            total += component["price"]["priceIncVat"] * sum(highest) / len(highest)
    return total


def urdb_bill(rate, rows, hours, holidays=()):
    """Return what a rate bills; rows are (wall time, kWh drawn, kWh fed in)."""

    def period(kind, moment):
        weekend = moment.weekday() >= 5 or moment.date().isoformat() in holidays
        name = f"{kind}{'weekend' if weekend else 'weekday'}schedule"
        return rate[name][moment.month - 1][moment.hour]

    def price(tier):
        return tier.get("rate", 0.0) + tier.get("adj", 0.0)

    total = 0.0
    months = sorted({(moment.year, moment.month) for moment, *_ in rows})
    for year, month in months:
        own = [row for row in rows if (row[0].year, row[0].month) == (year, month)]
        n_days = len({row[0].date() for row in own})
        part = n_days / calendar.monthrange(year, month)[1]
        bill = 0.0
        for moment, drawn, fed_in in own:
            tiers = rate["energyratestructure"][period("energy", moment)]
            bill += drawn * price(tiers[0]) - fed_in * tiers[0].get("sell", 0.0)
            bill += drawn * (rate.get("fueladjustmentsmonthly") or [0.0] * 12)[month - 1]
        # Tiers are only in months with one period.
        tiers = rate["energyratestructure"][period("energy", own[0][0])]
        used = sum(drawn for _, drawn, _ in own)
        for low, high in pairwise(tiers):
            bill += max(used - low["max"] * part, 0.0) * (price(high) - price(low))
        peaks = defaultdict(lambda: defaultdict(list))
        for moment, drawn, _ in own:
            window = rate.get("demandwindow") or 60 * hours
            slot = (moment.date(), (60 * moment.hour + moment.minute) // window)
            if "demandratestructure" in rate:
                peaks["tou", period("demand", moment)][slot].append(drawn / hours)
            peaks["flat", 0][slot].append(drawn / hours)
        for (kind, number), windows in peaks.items():
            highest = max(sum(powers) / len(powers) for powers in windows.values())
            if kind == "tou":
                bill += highest * price(rate["demandratestructure"][number][0])
            elif "flatdemandstructure" in rate:
                structure = rate["flatdemandstructure"][rate["flatdemandmonths"][month - 1]]
                bill += highest * price(structure[0])
        fixed = rate.get("fixedchargefirstmeter", 0.0)
        units = rate.get("fixedchargeunits", "$/month")
        bill += fixed * {"$/month": part, "$/year": part / 12, "$/day": n_days}[units]
        bill += rate.get("fixedmonthlycharge", 0.0) * part
        least = rate.get("mincharge", 0.0) + rate.get("minmonthlycharge", 0.0)
        total += max(bill, least * part) if least else bill
    return total
