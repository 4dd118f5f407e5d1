"""Batteries that a controller runs, in plain loops: nothing is pooled, shared or vectorised.

A controller is a function from the step, the coalition and what it draws to what the batteries
should bring that to; each battery then does as much of it as it can.
"""

import math


def self_consumption(step, members, net_kwh):
    """Return the net load that self-consumption aims at."""
    return 0.0


def peak_shaving(threshold_kwh):
    """Return a controller that aims at a threshold, of all or the sum of those of members."""

    def target(step, members, net_kwh):
        if isinstance(threshold_kwh, dict):
            return sum(threshold_kwh.get(member, 0.0) for member in members)
        return threshold_kwh

    return target


def time_windows(actions, otherwise="idle"):
    """Return a controller that does in each step what a list says: charge, discharge or nothing."""

    def target(step, members, net_kwh):
        action = actions[step] or otherwise
        if action == "charge":
            return math.inf
        if action == "discharge":
            return min(net_kwh, 0.0)
        return net_kwh if action == "idle" else 0.0

    return target


def units_of(batteries, membership):
    """Return alike batteries, which do everything in proportion, in the order of the first.

    Those that come or go at other times are other units.
    """
    units = {}
    for battery in batteries:
        energy, (most_in, most_out) = battery.energy_kwh, battery.powers_kw
        ratios = energy / most_in, most_out / most_in, battery.initial_charge_kwh / energy
        losses = battery.charge_efficiency, battery.discharge_efficiency
        wear, days = battery.degradation_cost_per_kwh, (battery.valid_from, battery.valid_until)
        key = (
            *(round(ratio, 9) for ratio in ratios),
            *losses,
            wear,
            days,
            membership.get(battery.owner),
        )
        units.setdefault(key, []).append(battery)
    return list(units.values())


def is_there(community, battery, step):
    """Return whether a battery is there in a step, by the dates of it and of its owner."""
    day = community.steps.times[step].astype("datetime64[D]").item()
    owner = community.membership.get(battery.owner)
    for each in (battery, owner) if owner else (battery,):
        if each.valid_from is not None and day < each.valid_from:
            return False
        if each.valid_until is not None and day >= each.valid_until:
            return False
    return True


def run(community, members, target):
    """Return charge, discharge and stored energy by step and unit, and the cost.

    Units act one after the other, in the order of their first batteries in the community.
    """
    hours = community.steps.step_hours
    units = units_of([each for each in community.batteries if each.can_store], community.membership)
    units = [[each for each in unit if each.owner in members] for unit in units]
    units = [unit for unit in units if unit]
    stored = [sum(each.initial_charge_kwh for each in unit) for unit in units]
    rows = [index for index, member in enumerate(community.members) if member in members]
    charges = community.problem.peak_charges
    cost, peaks, moves = 0.0, {}, []
    for step in range(community.steps.n_steps):
        net = sum(community.load_kwh[row, step] - community.pv_kwh[row, step] for row in rows)
        done = []
        for number, unit in enumerate(units):
            battery = unit[0]
            if not is_there(community, battery, step):
                done.append((0.0, 0.0, 0.0))
                continue
            wanted = target(step, members, net) - net
            most_in, most_out = (
                sum(each.powers_kw[way] for each in unit) * hours for way in (0, 1)
            )
            charge = discharge = 0.0
            if wanted > 0:
                room = sum(each.energy_kwh for each in unit) - stored[number]
                room /= battery.charge_efficiency
                charge = min(wanted, most_in, room)
            elif wanted < 0:
                discharge = min(-wanted, most_out, stored[number] * battery.discharge_efficiency)
            stored[number] += charge * battery.charge_efficiency
            stored[number] -= discharge / battery.discharge_efficiency
            net += charge - discharge
            cost += battery.degradation_cost_per_kwh * discharge
            done.append((charge, discharge, stored[number]))
        price = community.buy_per_kwh[step] if net > 0 else community.sell_per_kwh[step]
        cost += price * net
        for number, charge in enumerate(charges):
            if step in charge.steps:
                peaks[number] = max(peaks.get(number, 0.0), net / hours)
        moves.append(done)
    for number, charge in enumerate(charges):
        cost += charge.price_per_kw * peaks.get(number, 0.0)
    return moves, cost
