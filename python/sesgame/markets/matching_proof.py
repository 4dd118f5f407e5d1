"""Proofs of payoffs of a matching market, by code that shares nothing with what finds them.

In the core each pair that makes a contract shares what it is worth, and who makes none gets
nothing. So one number for each contract says all, and each coalition of two, or of one, how far two
of these numbers are apart at least: its *slack* is what they are apart beyond that. An arc of a
graph stands for it. A payoff is settled by the arcs that lead to it:

* it can rise by the length of the shortest path that leads to it from who gets nothing,
* and fall by that of the path back;
* it is that of the nucleolus where each arc lies on a cycle whose arcs have no larger slack.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from sesgame.stability.verification import LISTED_FAILURES, Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.markets.matching import Matching

__all__ = ["CorePoint", "verify_matching"]

_ROUNDING = 1e-10
"""Part of the largest worth up to which numbers are equal."""


class CorePoint(Enum):
    """Which payoffs of a matching market."""

    BUYERS_BEST = "the best payoffs in the core for all buyers"
    SELLERS_BEST = "the best payoffs in the core for all sellers"
    FAIR = "the middle of the core between its two ends"
    NUCLEOLUS = "the nucleolus of this matching market"
    MARGINAL = "the marginal contribution of everybody"


def verify_matching(
    market: Matching,
    column_of: NDArray[np.int64],
    payoffs: NDArray[np.float64],
    point: CorePoint,
) -> Verification:
    """Check that payoffs are a point of the core of a matching market: O(k^3) for k contracts.

    Parameters
    ----------
    market : Matching
        Of m rows and n columns.
    column_of : ndarray of int, shape (m,)
        The contracts.
    payoffs : ndarray of float, shape (m + n,)
        What everybody gains.
    point : CorePoint
        What they are said to be.
    """
    tolerance = _ROUNDING * float(market.worth.max())
    failures: list[str] = []
    parts: list[tuple[NDArray[np.float64], CorePoint]]
    if point is CorePoint.MARGINAL:
        # By duality: what a side gains together with what the core then leaves to the other one.
        m = len(market.rows)
        rows, columns = payoffs.copy(), payoffs.copy()
        for i, j in enumerate(column_of):
            if j >= 0:
                rows[m + j] = market.worth[i, j] - payoffs[i]
                columns[i] = market.worth[i, j] - payoffs[m + j]
        parts = [(rows, CorePoint.BUYERS_BEST), (columns, CorePoint.SELLERS_BEST)]
    else:
        parts = [(payoffs, point)]
    for values, claim in parts:
        failures += _core_failures(market, column_of, values, tolerance)
        if not failures:
            failures += _point_failures(market, column_of, values, claim, tolerance)
    return Verification(
        claim=point.value,
        failures=tuple(failures[:LISTED_FAILURES]),
        exact=False,
        values=tuple(payoffs.tolist()),
    )


def _core_failures(
    market: Matching,
    column_of: NDArray[np.int64],
    payoffs: NDArray[np.float64],
    tolerance: float,
) -> list[str]:
    """Return what fails of a matching whose payoffs no coalition could better."""
    m = len(market.rows)
    failures = [
        f"{market.participants[int(i)]} gains {payoffs[i]:.6g}, less than nothing"
        for i in np.flatnonzero(payoffs < -tolerance)
    ]
    short = market.worth - payoffs[:m, np.newaxis] - payoffs[m:]
    for i, j in zip(*np.nonzero(short > tolerance), strict=True):
        failures.append(
            f"{market.rows[i]} and {market.columns[j]} could gain {short[i, j]:.6g} more by a "
            f"contract of their own"
        )
    matched = np.zeros(len(payoffs), dtype=np.bool_)
    for i, j in enumerate(column_of):
        if j < 0:
            continue
        if matched[m + j]:
            failures.append(f"{market.columns[j]} has two contracts")
        matched[[i, m + j]] = True
        if abs(short[i, j]) > tolerance:
            failures.append(
                f"{market.rows[i]} and {market.columns[j]} share other than their worth"
            )
    idle = np.flatnonzero(~matched & (np.abs(payoffs) > tolerance))
    return failures + [f"{market.participants[int(i)]} has no contract, and a gain" for i in idle]


def _point_failures(
    market: Matching,
    column_of: NDArray[np.int64],
    payoffs: NDArray[np.float64],
    point: CorePoint,
    tolerance: float,
) -> list[str]:
    """Return what fails of payoffs in the core that are said to be a certain point of it."""
    slack, names = _slack(market, column_of, payoffs)
    if point is CorePoint.NUCLEOLUS:
        widest = _narrowest_paths(slack)
        wrong = slack + tolerance < widest.T
        np.fill_diagonal(wrong, val=False)
        return [
            f"{names[i]} could get more beside {names[k]} while nobody less satisfied loses"
            for i, k in zip(*np.nonzero(wrong), strict=True)
        ]
    rise, fall = _shortest_paths(slack), _shortest_paths(slack.T)
    if point is CorePoint.FAIR:
        wrong = np.abs(rise - fall) > tolerance
        return [
            f"{names[i]} could get {rise[i]:.6g} more, or {fall[i]:.6g} less"
            for i in np.flatnonzero(wrong)
        ]
    left, word = (rise, "more") if point is CorePoint.BUYERS_BEST else (fall, "less")
    return [f"{names[i]} could get {left[i]:.6g} {word}" for i in np.flatnonzero(left > tolerance)]


def _slack(
    market: Matching, column_of: NDArray[np.int64], payoffs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the least slack of the coalitions between two contracts, and the rows of these.

    The first place stands for those who get nothing, in no contract or as a reference.
    """
    m, n = market.worth.shape
    rows = np.flatnonzero(column_of >= 0)
    place_of_row, place_of_column = np.zeros(m, dtype=np.intp), np.zeros(n, dtype=np.intp)
    place_of_row[rows] = place_of_column[column_of[rows]] = np.arange(1, len(rows) + 1)
    slack = np.full((len(rows) + 1, len(rows) + 1), np.inf)
    between = payoffs[:m, np.newaxis] + payoffs[m:] - market.worth
    places = np.broadcast_arrays(place_of_row[:, np.newaxis], place_of_column)
    np.minimum.at(slack, tuple(places), between)
    np.minimum.at(slack[:, 0], place_of_row, payoffs[:m])
    np.minimum.at(slack[0], place_of_column, payoffs[m:])
    np.fill_diagonal(slack, 0.0)
    return np.maximum(slack, 0.0), ["nobody", *(str(market.rows[int(i)]) for i in rows)]


def _narrowest_paths(slack: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least that the largest slack on a path between two places can be."""
    paths = slack.copy()
    for k in range(len(paths)):
        np.minimum(paths, np.maximum(paths[:, k, np.newaxis], paths[k]), out=paths)
    return paths


def _shortest_paths(length: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of the shortest path from the first place to each."""
    distance: NDArray[np.float64] = length[0].copy()
    for _ in range(len(distance)):
        shorter = np.minimum(distance, (distance[:, np.newaxis] + length).min(axis=0))
        if (shorter >= distance).all():
            break
        distance = shorter
    return distance
