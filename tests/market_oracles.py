"""Slow, obvious, exact reference methods for markets."""

from fractions import Fraction


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
