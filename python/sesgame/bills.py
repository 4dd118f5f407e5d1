"""From shares to bills: amounts of whole cents that add up to the community's bill."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from numbers import Real

import numpy as np

from sesgame.errors import AllocationError

__all__ = ["rounded_bills"]


def rounded_bills(
    shares: Iterable[float], total: float | None = None, *, decimals: int = 2
) -> tuple[Decimal, ...]:
    """Return shares rounded to cents so that they add up exactly to the rounded total.

    Every share is rounded down; the cents that are then missing go, one each, to the shares that
    lost the most (the method of largest remainders). So no bill is off its share by a cent or more.

    Parameters
    ----------
    shares : iterable of float, shape (n,)
        What each member pays (negative: gets).
    total : float, optional
        The community's bill, which is rounded to cents (half cents to the even one); by default
        the exact sum of the shares.
    decimals : int, default 2
        Places after the point: 2 for cents, 0 for a currency without them.

    Returns
    -------
    tuple of Decimal, shape (n,)
        In the order of the shares. Among equal remainders the first members get the cents.

    Raises
    ------
    AllocationError
        A share or the total is not a finite number, `decimals` is no whole number from 0, or the
        shares do not add up to `total`: they are off by more than half a cent and by more than 1e-9
        of the largest amount.

    Notes
    -----
    Exact rational arithmetic, O(n log n).

    References
    ----------
    Balinski and Young (1982), the method of Hamilton [balinski1982]_.

    Examples
    --------
    >>> [str(bill) for bill in rounded_bills([1.005, 1.005, 0.99])]
    ['1.01', '1.00', '0.99']
    """
    if isinstance(decimals, bool) or not isinstance(decimals, int) or decimals < 0:
        raise AllocationError(f"decimals must be a whole number from 0, got {decimals!r}")
    if total is not None and not isinstance(total, (Real, Decimal)):
        raise AllocationError(f"the total must be a number, got {total!r}")
    if isinstance(shares, (str, bytes, Mapping)) or not isinstance(shares, Iterable):
        raise AllocationError(f"shares must be a list of numbers, got {shares!r}")
    given = list(np.asarray(shares)) if hasattr(shares, "__array__") else list(shares)
    for place, share in enumerate(given):
        if not isinstance(share, (Real, Decimal)):
            raise AllocationError(f"share {place} must be a number, got {share!r}")
    values = [float(share) for share in given]
    for what, value in [*((f"share {i}", v) for i, v in enumerate(values)), ("the total", total)]:
        if value is not None and not math.isfinite(value):
            raise AllocationError(f"{what} is {value}; a bill must be a finite number")
    exact = [Fraction(value) * 10**decimals for value in values]
    target = sum(exact, Fraction(0))
    if total is not None:
        bill = Fraction(float(total)) * 10**decimals
        slack = max([Fraction(1, 2), *(abs(value) / 10**9 for value in (bill, *exact))])
        if abs(bill - target) > slack:
            raise AllocationError(
                f"the shares add up to {float(sum(map(Fraction, values)))}, but the bill to split "
                f"is {float(total)}; only a rule that splits all of it can be billed"
            )
        target = bill
    cents = [value.__floor__() for value in exact]
    # Where rounding errors of a given total exceed a cent, `each` is not 0.
    each, extra = divmod(round(target) - sum(cents), max(len(cents), 1))
    by_loss = sorted(range(len(cents)), key=lambda index: (cents[index] - exact[index], index))
    for index in by_loss[:extra]:
        cents[index] += 1
    return tuple(Decimal(f"{cent + each}e-{decimals}") for cent in cents)
