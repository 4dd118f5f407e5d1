"""Sharing keys in fractions, step by step and pair by pair, from the definitions.

A rule takes what plants feed in and what consumers draw in a step, and returns what each consumer
is assigned. Nothing here knows a ratio, a water level or a mean price.
"""

from fractions import Fraction


def static(parts):
    """Return the rule of fixed parts; ``parts(step)`` is a mapping of points to numbers."""

    def rule(step, generation, drawn):
        return {point: Fraction(parts(step)[point]) * generation for point in drawn}

    return rule


def dynamic(step, generation, drawn):
    """Return each one's part of what all draw, at most that."""
    total = sum(drawn.values())
    if total <= generation:
        return dict(drawn)
    return {point: energy * generation / total for point, energy in drawn.items()}


def equal(step, generation, drawn):
    """Return equal amounts, from who draws least on, who has all it draws if that is less."""
    left, found = generation, {}
    order = sorted(drawn, key=drawn.get)
    for place, point in enumerate(order):
        found[point] = min(drawn[point], left / (len(order) - place))
        left -= found[point]
    return found


def hierarchical(groups, within):
    """Return the rule of groups in order."""

    def rule(step, generation, drawn):
        left, found = generation, {}
        for number, (group, inside) in enumerate(zip(groups, within, strict=True)):
            own = {point: drawn[point] for point in group}
            given = inside(step, left, own)
            if number < len(groups) - 1:
                given = {point: min(given[point], own[point]) for point in group}
            found |= given
            left -= sum(min(given[point], own[point]) for point in group)
        return found

    return rule


class Shared:
    """What points share in all steps.

    Parameters
    ----------
    world : PublicGrid
    rules : mapping of tuple of str to callable
        The rule of each group of plants that is shared as one, in order.
    price : mapping of str to list of float
        The local price of each plant in each step.
    """

    def __init__(self, world, rules, price, unused):
        names = [point.name for point in world.points]
        prices = {contract.name: contract.prices(world.steps) for contract in world.contracts}
        self.assigned = [[Fraction(0)] * world.steps.n_steps for _ in names]
        self.used = [[Fraction(0)] * world.steps.n_steps for _ in names]
        self.given = {(k, i): Fraction(0) for k in names for i in names}
        self.bills = {member: Fraction(0) for member in world.members}
        self.lost = []
        for step in range(world.steps.n_steps):
            drawn, fed_in = {}, {}
            for point in world.points:
                part = Fraction(point.participation)
                drawn[point.name] = part * Fraction(float(point.import_kwh[step]))
                fed_in[point.name] = part * Fraction(float(point.export_kwh[step]))
            usable = min(sum(drawn.values()), sum(fed_in.values()))
            bought, sold = dict(drawn), dict(fed_in)
            own = {point.name: point for point in world.points}
            for plants, rule in rules.items():
                generation = sum(fed_in[plant] for plant in plants)
                assigned = rule(step, generation, dict(bought))
                for i, name in enumerate(names):
                    used = min(assigned[name], bought[name])
                    self.assigned[i][step] += assigned[name]
                    self.used[i][step] += used
                    bought[name] -= used
                    usable -= used
                    spare = assigned[name] - used if unused == "owner" else Fraction(0)
                    self.bills[own[name].member] -= spare * Fraction(
                        float(prices[own[name].contract][1][step])
                    )
                    for plant in plants:
                        of_plant = fed_in[plant] / generation if generation else Fraction(0)
                        sold[plant] -= (used + spare) * of_plant
                        self.given[plant, name] += used * of_plant
                        fee = world.fee_per_kwh[
                            world.zones.index(own[plant].zone),
                            world.zones.index(own[name].zone),
                            step,
                        ]
                        local = Fraction(float(price[plant][step]))
                        self.bills[own[name].member] += (
                            used * of_plant * (local + Fraction(float(fee)))
                        )
                        self.bills[own[plant].member] -= used * of_plant * local
            for point in world.points:
                buy, sell = prices[point.contract]
                self.bills[point.member] += bought[point.name] * Fraction(float(buy[step]))
                self.bills[point.member] -= sold[point.name] * Fraction(float(sell[step]))
            self.lost.append(usable)
