"""Bills at local prices in fractions, step by step and member by member, from the definitions."""

from fractions import Fraction


def flows(nets, step):
    """Return what is needed and what is to spare in a step, in fractions."""
    deficit = sum((Fraction(row[step]) for row in nets if row[step] > 0), Fraction(0))
    surplus = -sum((Fraction(row[step]) for row in nets if row[step] < 0), Fraction(0))
    return deficit, surplus


def mid_market(deficit, surplus, asked, paid):
    """Return what a kWh costs and earns at the mid-market rate."""
    middle = (asked + paid) / 2
    if surplus >= deficit:
        return middle, (middle * deficit + paid * (surplus - deficit)) / surplus if surplus else 0
    return (middle * surplus + asked * (deficit - surplus)) / deficit, middle


def ratio(deficit, surplus, asked, paid, compensation=Fraction(0)):
    """Return what a kWh costs and earns by the ratio of supply and demand."""
    if deficit == 0:
        return 0, paid
    lowest, share = paid + compensation, surplus / deficit
    if share > 1:
        return lowest, paid + compensation / share
    below = (asked - lowest) * share + lowest
    sell = lowest * asked / below if below else Fraction(0)
    return sell * share + asked * (1 - share), sell


def uniform(deficit, surplus, asked, paid):
    """Return the price at which the community's own market clears, twice."""
    price = (asked + paid) / 2 if deficit == surplus else asked if deficit > surplus else paid
    return price, price


def bills(nets, buy, sell, prices):
    """Return what members pay at prices of each step."""
    owed = [Fraction(0)] * len(nets)
    for step in range(len(buy)):
        cost, earned = prices(*flows(nets, step), Fraction(buy[step]), Fraction(sell[step]))
        for member, row in enumerate(nets):
            energy = Fraction(row[step])
            owed[member] += energy * (cost if energy > 0 else earned)
    return owed


def shared_bill(nets, buy, sell):
    """Return what members pay if the bills of all are shared by what they need and have."""
    needed = to_spare = charged = earned = Fraction(0)
    for step in range(len(buy)):
        deficit, surplus = flows(nets, step)
        needed, to_spare = needed + deficit, to_spare + surplus
        charged += Fraction(buy[step]) * max(deficit - surplus, 0)
        earned += Fraction(sell[step]) * max(surplus - deficit, 0)
    owed = []
    for row in nets:
        need = sum((Fraction(e) for e in row if e > 0), Fraction(0))
        spare = -sum((Fraction(e) for e in row if e < 0), Fraction(0))
        part = charged * need / needed if needed else Fraction(0)
        owed.append(part - (earned * spare / to_spare if to_spare else 0))
    return owed
