"""Slow, obvious, exact reference methods for markets."""

from fractions import Fraction
from itertools import product


def one_bus_welfare(steps):
    """Largest welfare of steps (is_bid, price, quantity), by linear programming duality.

    It is the least total surplus at any price, and the surplus is piecewise linear and convex in
    the price, so some order's price attains it.
    """

    def surplus(price):
        return sum(
            quantity * max(Fraction(0), limit - price if is_bid else price - limit)
            for is_bid, limit, quantity in steps
        )

    return min(surplus(price) for _, price, _ in steps)


def written(number):
    """The decimal that a float was written as."""
    return Fraction(repr(float(number)))


def one_bus_clearing(orders):
    """Accepted quantity of each order (is_bid, price, quantity), and the two clearing prices.

    Offers, and bids to be curtailed, by price, offers first; those at one place in proportion.
    """
    left = sum(quantity for is_bid, _, quantity in orders if is_bid)
    filled = [Fraction(0)] * len(orders)
    for place in sorted({(price, is_bid) for is_bid, price, _ in orders}):
        here = [k for k, (is_bid, price, _) in enumerate(orders) if (price, is_bid) == place]
        total = sum(orders[k][2] for k in here)
        share = min(Fraction(1), left / total) if total else Fraction(0)
        for k in here:
            filled[k] = orders[k][2] * share
        left -= total * share
    lower = max((price for (_, price, _), f in zip(orders, filled, strict=True) if f), default=None)
    upper = min(
        (price for (_, price, q), f in zip(orders, filled, strict=True) if f < q), default=None
    )
    accepted = [q - f if is_bid else f for (is_bid, _, q), f in zip(orders, filled, strict=True)]
    return accepted, lower, upper


def double_auction(orders, *, keep_all_at_average_price):
    """Accepted quantities, and what each order pays, when the marginal pair is left out."""
    bids = sorted((k for k, o in enumerate(orders) if o[0] and o[2]), key=lambda k: -orders[k][1])
    offers = sorted(
        (k for k, o in enumerate(orders) if not o[0] and o[2]), key=lambda k: orders[k][1]
    )

    def cumulated(side):
        return [sum(orders[k][2] for k in side[:j]) for j in range(len(side) + 1)]

    # The last pair of which both trade: their intervals of cumulated quantity overlap.
    pairs = [
        (k, m)
        for k in range(len(bids))
        for m in range(len(offers))
        if orders[bids[k]][1] >= orders[offers[m]][1]
        and max(cumulated(bids)[k], cumulated(offers)[m])
        < min(cumulated(bids)[k + 1], cumulated(offers)[m + 1])
    ]
    accepted, pays = [Fraction(0)] * len(orders), [Fraction(0)] * len(orders)
    if not pairs:
        return accepted, pays
    k, m = max(pairs)
    buy, sell = orders[bids[k]][1], orders[offers[m]][1]
    if keep_all_at_average_price and k + 1 < len(bids) and m + 1 < len(offers):
        average = (orders[bids[k + 1]][1] + orders[offers[m + 1]][1]) / 2
        if sell <= average <= buy:
            k, m, buy, sell = k + 1, m + 1, average, average
    wanted, offered = cumulated(bids)[k], cumulated(offers)[m]
    for side, total, price in ((bids[:k], wanted, buy), (offers[:m], offered, -sell)):
        for order in side:
            accepted[order] = orders[order][2] * min(wanted, offered) / total
            pays[order] = accepted[order] * price
    return accepted, pays


def best_pairs(worth):
    """The worth of the best matching of the rows and columns of a matrix, by every choice."""
    rows = [[Fraction(float(entry)) for entry in row] for row in worth]

    def best(row, free):
        if row == len(rows):
            return Fraction(0)
        gains = (rows[row][j] + best(row + 1, free - {j}) for j in free)
        return max([best(row + 1, free), *gains])

    return best(0, frozenset(range(len(rows[0]))))


def best_bundles(auction, allowed=None):
    """Every choice of at most one bundle for each bidder: the largest value and all that fit.

    Returns the welfare and the tuple of chosen bundles of the first best choice, for the bidders
    in `allowed` (all by default).
    """
    bidders = [b for b in auction.participants if allowed is None or b in allowed]
    options = [
        [None, *(k for k, bundle in enumerate(auction.bundles) if bundle.bidder == bidder)]
        for bidder in bidders
    ]
    best = (Fraction(0), ())
    for choice in product(*options):
        chosen = [k for k in choice if k is not None]
        value = sum((Fraction(auction.bundles[k].value) for k in chosen), Fraction(0))
        if value > best[0] and _fits(auction, chosen):
            best = (value, tuple(chosen))
    return best


def _fits(auction, chosen):
    for period in range(auction.n_periods):
        there = [auction.bundles[k] for k in chosen if period in auction.bundles[k].periods]
        if sum(Fraction(b.energy_kwh) for b in there) > Fraction(auction.energy_kwh[period]):
            return False
        if sum(Fraction(b.power_kw) for b in there) > Fraction(auction.power_kw[period]):
            return False
    return True
