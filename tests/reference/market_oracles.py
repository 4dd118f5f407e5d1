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
