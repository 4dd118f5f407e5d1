"""The pooled battery of a community in four modelling tools, written as their users would.

Each maker takes a community and returns a game from the adapter of its tool. With equal hours to
fill the pool and the single batteries of PyPSA are the same (see `sesgame.energy.Pool`).
"""

from __future__ import annotations

from dataclasses import replace

import highspy
import linopy
import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pypsa
import sesgame as sg
import xarray as xr
from sesgame import adapters


def rural13(start="2016-06-01T15:00", end="2016-06-01T21:00"):
    """Return the example community with small batteries that all take two hours to fill.

    Small, so that power and energy are limits; the hours, so that the pool is exact.
    """
    community = sg.energy.Community.from_csv("examples/rural13").period(start, end)
    return sg.energy.Community(
        members=community.members,
        steps=community.steps,
        load_kwh=community.load_kwh,
        pv_kwh=community.pv_kwh,
        tariff=community.tariff,
        batteries=[
            replace(battery, power_kw=0.2 * battery.power_kw, energy_kwh=0.4 * battery.power_kw)
            for battery in community.batteries
        ],
    )


def batteries_of(community):
    """Return power (kWh in a step), energy (kWh) by member, and both efficiencies."""
    power, energy = np.zeros((2, len(community.members)))
    for battery in community.batteries:
        index = community.members.index(battery.owner)
        power[index] += battery.power_kw * community.steps.step_hours
        energy[index] += battery.energy_kwh
    first = community.batteries[0]
    return power, energy, first.charge_efficiency, first.discharge_efficiency


def highspy_game(community):
    power, energy, charging, discharging = batteries_of(community)
    model = highspy.Highs()
    model.silent()
    member = {label: model.addVariable() for label in community.members}
    z = list(member.values())
    pool_power = sum(p * x for p, x in zip(power, z, strict=True) if p)
    pool_energy = sum(e * x for e, x in zip(energy, z, strict=True) if e)
    before = None
    for t, (buy, sell) in enumerate(
        zip(community.buy_per_kwh, community.sell_per_kwh, strict=True)
    ):
        bought, sold = model.addVariable(obj=buy), model.addVariable(obj=-sell)
        charge, discharge, stored = (model.addVariable() for _ in range(3))
        load = sum(float(net[t]) * x for net, x in zip(community.net_load_kwh, z, strict=True))
        model.addConstr(bought - sold - charge + discharge == load)
        change = charging * charge - (1 / discharging) * discharge
        model.addConstr(stored - change - (0 if before is None else before) == 0)
        model.addConstr(charge <= pool_power)
        model.addConstr(discharge <= pool_power)
        model.addConstr(stored <= pool_energy)
        before = stored
    return adapters.highspy.model_game(model, member)


def linopy_game(community):
    power, energy, charging, discharging = batteries_of(community)
    steps = pd.RangeIndex(len(community.buy_per_kwh), name="step")
    members = pd.Index(community.members, name="member")
    by_member = {"power": power, "energy": energy}
    pool = {name: xr.DataArray(values, [members]) for name, values in by_member.items()}
    model = linopy.Model()
    membership = model.add_variables(0, 1, [members], name="membership")
    bought, sold, charge, discharge, stored = (
        model.add_variables(0, np.inf, [steps], name=name)
        for name in ("bought", "sold", "charge", "discharge", "stored")
    )
    load = (xr.DataArray(community.net_load_kwh, [members, steps]) * membership).sum("member")
    model.add_constraints(bought - sold - charge + discharge == load)
    change = charging * charge - discharge / discharging
    model.add_constraints(stored.isel(step=0) == change.isel(step=0))
    later = stored.isel(step=slice(1, None)) - change.isel(step=slice(1, None))
    earlier = stored.isel(step=slice(None, -1)).assign_coords(step=steps[1:])
    model.add_constraints(later == earlier)
    model.add_constraints(charge <= (pool["power"] * membership).sum())
    model.add_constraints(discharge <= (pool["power"] * membership).sum())
    model.add_constraints(stored <= (pool["energy"] * membership).sum())
    buy, sell = (
        xr.DataArray(price, [steps]) for price in (community.buy_per_kwh, community.sell_per_kwh)
    )
    model.add_objective((buy * bought - sell * sold).sum())
    return adapters.linopy.model_game(model)


def pyomo_game(community):
    power, energy, charging, discharging = batteries_of(community)
    steps = range(len(community.buy_per_kwh))
    model = pyo.ConcreteModel()
    model.membership = pyo.Var(community.members, bounds=(0, 1))
    z = [model.membership[label] for label in community.members]
    for name in ("bought", "sold", "charge", "discharge", "stored"):
        model.add_component(name, pyo.Var(steps, bounds=(0, None)))

    def balance(model, t):
        load = sum(float(net[t]) * x for net, x in zip(community.net_load_kwh, z, strict=True))
        battery = model.discharge[t] - model.charge[t]
        return model.bought[t] - model.sold[t] + battery == load

    def storage(model, t):
        before = model.stored[t - 1] if t else 0.0
        change = charging * model.charge[t] - model.discharge[t] / discharging
        return model.stored[t] == before + change

    def limit(values, variable):
        return lambda model, t: (
            getattr(model, variable)[t]
            <= sum(float(value) * x for value, x in zip(values, z, strict=True))
        )

    model.balance = pyo.Constraint(steps, rule=balance)
    model.storage = pyo.Constraint(steps, rule=storage)
    model.charging = pyo.Constraint(steps, rule=limit(power, "charge"))
    model.discharging = pyo.Constraint(steps, rule=limit(power, "discharge"))
    model.capacity = pyo.Constraint(steps, rule=limit(energy, "stored"))
    model.cost = pyo.Objective(
        expr=sum(
            community.buy_per_kwh[t] * model.bought[t] - community.sell_per_kwh[t] * model.sold[t]
            for t in steps
        )
    )
    return adapters.pyomo.model_game(model, model.membership)


def pypsa_network(community):
    """Return the network, and the owner of each of its components but the supply."""
    hours = community.steps.step_hours
    network = pypsa.Network()
    network.set_snapshots(range(len(community.buy_per_kwh)))
    network.snapshot_weightings = network.snapshot_weightings.astype(float) * hours
    network.add("Carrier", "AC")
    network.add("Bus", "village")
    network.add(
        "Generator", "supply", bus="village", p_nom=1e4, marginal_cost=community.buy_per_kwh
    )
    network.add(
        "Generator",
        "feed-in",
        bus="village",
        p_nom=1e4,
        p_min_pu=-1,
        p_max_pu=0,
        marginal_cost=community.sell_per_kwh,
    )
    owners = {}
    for label, load, pv in zip(
        community.members, community.load_kwh, community.pv_kwh, strict=True
    ):
        network.add("Load", f"load of {label}", bus="village", p_set=load / hours)
        owners[f"load of {label}"] = label
        if pv.any():
            network.add("Load", f"pv of {label}", bus="village", p_set=pv / hours, sign=1)
            owners[f"pv of {label}"] = label
    for battery in community.batteries:
        network.add(
            "StorageUnit",
            f"battery of {battery.owner}",
            bus="village",
            p_nom=battery.power_kw,
            max_hours=battery.energy_kwh / battery.power_kw,
            efficiency_store=battery.charge_efficiency,
            efficiency_dispatch=battery.discharge_efficiency,
        )
        owners[f"battery of {battery.owner}"] = battery.owner
    return network, owners


def pypsa_game(community):
    network, owners = pypsa_network(community)
    return adapters.pypsa.network_game(network, owners, shared=["supply", "feed-in"])


GAMES = {
    "highspy": highspy_game,
    "linopy": linopy_game,
    "pyomo": pyomo_game,
    "pypsa": pypsa_game,
}
