"""A June day of rural13 without its battery: what a kWh from a neighbour costs and earns."""

import sesgame as sg

day = sg.energy.Community.from_csv("../../examples/rural13").period("2016-06-01", "2016-06-02")
rules = (
    sg.energy.mid_market_rate,
    sg.energy.supply_demand_ratio,
    sg.energy.uniform_local_price,
)
bills = [rule(day, model="netting") for rule in rules]
sg.plots.local_prices(bills, day.steps, unit=day.currency)
