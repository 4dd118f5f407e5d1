"""Separation oracles for tests: one that enumerates, and structured ones of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import sesgame as sg
from numpy.typing import NDArray

Membership = NDArray[np.bool_]


def all_coalitions(n_players: int) -> Membership:
    """Return the membership of all proper, non-empty coalitions."""
    masks = np.arange(1, (1 << n_players) - 1)
    return (masks[:, np.newaxis] >> np.arange(n_players) & 1).astype(np.bool_)


class Enumeration:
    """Looks at every coalition of a table."""

    exact = True

    def __init__(self, game: sg.Game) -> None:
        self.game = game
        self.coalitions = all_coalitions(game.n_players)
        self.values = game.values(self.coalitions)

    def most_violated(
        self, allocation: NDArray[np.float64], count: int, *, outside: NDArray[Any] | None = None
    ) -> tuple[Membership, NDArray[np.float64]]:
        excesses = self.game.sign * (self.values - self.coalitions @ allocation)
        if outside is not None:
            excesses[~(self.coalitions @ outside.T != 0).any(axis=1)] = -np.inf
        worst = np.argsort(-excesses, kind="stable")[:count]
        worst = worst[np.isfinite(excesses[worst])]
        return self.coalitions[worst], self.values[worst]


class Airport:
    """Costs of a runway: that of the longest which a member needs (Littlechild and Owen 1973).

    Among the coalitions whose costliest member is k, the best holds everybody cheaper who pays
    anything. If that is settled, one player whose own share is not settled must join or leave.
    """

    exact = True
    kind = "cost"

    def __init__(self, costs: NDArray[np.float64]) -> None:
        self.costs = costs

    def value(self, membership: Membership) -> NDArray[np.float64]:
        return np.where(membership, self.costs, 0.0).max(axis=1)

    def most_violated(
        self, allocation: NDArray[np.float64], count: int, *, outside: NDArray[Any] | None = None
    ) -> tuple[Membership, NDArray[np.float64]]:
        n = len(self.costs)
        order = np.argsort(self.costs, kind="stable")
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n)
        rows = (rank[np.newaxis] < rank[:, np.newaxis]) & (allocation > 0) | np.eye(n, dtype=bool)
        if outside is None:
            free = np.ones(n, dtype=bool)
            settled = rows.all(axis=1)
        else:
            free = (outside != 0).any(axis=0)
            settled = ~(rows @ outside.T != 0).any(axis=1)
        keep = ~settled
        for k in np.flatnonzero(settled):
            others = np.flatnonzero(free & (rank < rank[k]))
            if others.size:
                rows[k, others[np.abs(allocation[others]).argmin()]] ^= True
                keep[k] = True
        rows = rows[keep]
        values = self.value(rows)
        worst = np.argsort(values - rows @ allocation, kind="stable")[:count]
        return rows[worst], values[worst]


def littlechild(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nucleolus of an airport game with ascending costs (Littlechild 1974)."""
    n, first, paid, share = len(costs), 0, 0.0, 0.0
    x = np.zeros(n)
    while first < n:
        ends = np.arange(first + 1, n + 1)
        parts = ends - first + (ends < n)
        shares = (costs[first:] - paid + share) / parts
        best = int(shares.argmin())
        share, end = float(shares[best]), int(ends[best])
        x[first:end] = share
        first, paid = end, float(costs[end - 1])
    return x
