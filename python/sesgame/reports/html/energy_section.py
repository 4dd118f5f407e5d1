"""The energy: how a community is dispatched, and what that costs all together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sesgame.formatting import count
from sesgame.reports.html.dispatch_charts import course_of_a_day, totals_by_day
from sesgame.reports.html.elements import Child, Html, element, table
from sesgame.reports.html.figures import amount, energy, number

if TYPE_CHECKING:
    from sesgame.energy.community import Community
    from sesgame.energy.schedule import Schedule
    from sesgame.game.world import ScenarioEnergy

__all__ = ["energy_facts", "energy_section", "scenarios_section"]

UNUSED_KWH = 0.05
"""Less is rounding."""


def energy_facts(community: Community, schedule: Schedule) -> list[tuple[str, str]]:
    """Return what a community uses, generates, stores and draws, each with its name."""
    load, pv = float(community.load_kwh.sum()), float(community.pv_kwh.sum())
    batteries = community.batteries if schedule.uses_batteries else ()
    facts = [("Load", energy(load))]
    if pv:
        with_pv = int(community.pv_kwh.any(axis=1).sum())
        facts.append((f"PV, of {count(with_pv, 'member')}", energy(pv)))
    if batteries:
        capacity = energy(sum(battery.energy_kwh for battery in batteries))
        powers = [
            energy(sum(kw), "kW") for kw in zip(*(b.powers_kw for b in batteries), strict=True)
        ]
        power = powers[0]
        if powers[0] != powers[1]:
            power = f"{powers[0]} charging, {powers[1]} discharging"
        facts.append((count(len(batteries), "battery"), f"{capacity}, {power}"))
    for name, (capacity_kwh, power_kw) in schedule.purchases.items():
        facts.append(
            (f"Storage bought, {name}", f"{energy(capacity_kwh)}, {energy(power_kw, 'kW')}")
        )
    for name, power_kw in schedule.generators_kw.items():
        facts.append((f"Generation bought, {name}", energy(power_kw, "kW")))
    facts.append(("Highest import", energy(schedule.peak_import_kw, "kW")))
    if load > 0:
        own = max(0.0, 1 - float(schedule.grid_import_kwh.sum()) / load)
        facts.append(("Share of load not bought", f"{own:.0%}"))
    return facts


def energy_section(community: Community, schedule: Schedule) -> list[Child]:
    """Return the dispatch: what flows when, at which prices, and what it costs."""
    steps = community.steps.in_words
    known = f"The period is {steps}."
    if schedule.is_chosen:
        known = f"The dispatch knows the whole period, {steps}, in advance."
    text = f"{schedule.how} {known} Net load is load minus PV."
    days = totals_by_day(schedule)
    return [
        element("p", text),
        element(
            "div",
            element("figure", course_of_a_day(community, schedule)),
            None if days is None else element("figure", days),
            class_="figures",
        ),
        _balance(community, schedule),
    ]


def scenarios_section(scenarios: list[ScenarioEnergy], risk: str = "") -> list[Child]:
    """Return what all use and generate in each scenario, and on the average.

    With the risk that is split, in words, where it is not the mean.
    """
    kinds = list(scenarios[0].kwh)
    mean = {kind: sum(s.probability * s.kwh[kind] for s in scenarios) for kind in kinds}
    split = (
        f"the risk of their costs, {risk}: bad scenarios count for more than they are probable"
        if risk
        else "the mean of their costs, each at its probability"
    )
    text = f"Nobody knows which of these scenarios will come to pass. What is split is {split}."
    return [
        element("p", text),
        table(
            "The scenarios: how probable each is, and the energy of all together",
            ["Scenario", "Probability", *(f"{kind[0].upper()}{kind[1:]}" for kind in kinds)],
            [
                [s.name, f"{100 * s.probability:.4g} %", *(energy(s.kwh[kind]) for kind in kinds)]
                for s in scenarios
            ],
            ["Mean", "", *(energy(mean[kind]) for kind in kinds)],
            label="Scenarios",
        ),
    ]


def _burnt(schedule: Schedule) -> float | None:
    """Return what storage loses by charging and discharging at once, if that is no rounding."""
    burnt = float(schedule.burnt_kwh.sum())
    return burnt if burnt > UNUSED_KWH else None


def _balance(community: Community, schedule: Schedule) -> Html:
    """Return energy and money of the whole period: how the bill of all comes about."""
    bought = float(community.buy_per_kwh @ schedule.grid_import_kwh)
    sold = float(community.sell_per_kwh @ schedule.grid_export_kwh)
    unit = schedule.currency
    rows: list[tuple[str, float | None, float | None]] = [
        ("Load", float(community.load_kwh.sum()), None),
        ("PV", float(community.pv_kwh.sum()), None),
        ("Generation bought", float(schedule.bought_generation_kwh.sum()), None),
        ("Into batteries", float(schedule.charge_kwh.sum()), None),
        ("Out of batteries", float(schedule.discharge_kwh.sum()), None),
        ("Of which burnt, by charging and discharging at once", _burnt(schedule), None),
        ("Bought", float(schedule.grid_import_kwh.sum()), bought),
        ("Sold", float(schedule.grid_export_kwh.sum()), -sold),
    ]
    unused = float(
        (schedule.grid_import_kwh - schedule.grid_export_kwh - schedule.net_load_kwh).sum()
        + schedule.bought_generation_kwh.sum()
        - (schedule.charge_kwh - schedule.discharge_kwh).sum()
    )
    if unused > UNUSED_KWH:
        rows.insert(2, ("PV left unused", unused, None))
    other = schedule.cost - bought + sold
    if number(other, unit) != number(0, unit):
        bought_too = ", generation bought" if schedule.generators_kw else ""
        rows.append((f"Demand charge, wear, storage bought{bought_too}", None, other))
    body = [
        [
            name,
            "" if kwh is None else energy(kwh),
            "" if money is None else amount(money, unit),
        ]
        for name, kwh, money in rows
        if kwh or money
    ]
    return table(
        "The whole period: energy, and what it costs",
        ["Quantity", "Energy", "Cost"],
        body,
        ["All together", "", amount(schedule.cost, unit)],
        label="Energy and cost",
    )
