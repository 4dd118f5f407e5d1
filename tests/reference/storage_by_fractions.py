"""What storage of a size saves one user, in fractions: over all charges that can matter.

Nothing but amounts of energy bounds a schedule, so that an optimal one moves between the levels
that sums and differences of these amounts make. With a few steps and small whole numbers they are
few, and a dynamic program over all of them is exact.
"""

from __future__ import annotations

from fractions import Fraction


def least_cost(
    net: list[Fraction], buy: list[Fraction], sell: list[Fraction], size: Fraction, grain: Fraction
) -> Fraction:
    """Return the least bill with storage of a size that loses nothing and begins empty.

    Parameters
    ----------
    net, buy, sell : list of Fraction
        Of each step.
    size : Fraction
        A multiple of `grain`, as all net loads are.
    grain : Fraction
        Charges are its multiples: of a lossless program with whole right-hand sides some optimal
        solution is whole, since its matrix is that of a network.
    """
    levels = int(size / grain)
    best = {0: Fraction(0)}
    for load, price, earned in zip(net, buy, sell, strict=True):
        found: dict[int, Fraction] = {}
        for before, cost in best.items():
            for after in range(levels + 1):
                grid = load + (after - before) * grain
                total = cost + (price if grid > 0 else earned) * grid
                if after not in found or total < found[after]:
                    found[after] = total
        best = found
    return min(best.values())
