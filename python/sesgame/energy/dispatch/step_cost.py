r"""What a step costs as a function of what storage exchanges: convex, for every coalition.

A pool that draws x (delivers -x) in a step leaves the coalition with a net exchange of the net load
L plus x. The cost of that is convex and piecewise linear in x, with *slopes* that are the same for
all coalitions and *kinks* that are sums over members:

.. math:: \varphi_S(x) = m_S + p_a (x - q_a) + \sum_{k \ge a} (p_{k+1} - p_k) (x - q_k)^+
          + \sum_{k < a} (p_{k+1} - p_k) (q_k - x)^+

with the kinks :math:`q_k = c_k + \sum_{i \in S} r_{ki}`, an *anchor* a at which the cost is
:math:`m_S = \sum_{i \in S} m_i`, and the slope :math:`p_k` just below kink k. A first slope of
:math:`-\infty`, or a last of :math:`\infty`, is a limit of x.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import DispatchProblem

__all__ = ["StepCosts"]

_NET, _LOAD = 0, 1
"""The rows of a community: less its net load, and less what is left of it when no PV is used."""


@dataclass(frozen=True, eq=False)
class StepCosts(ByValue):
    """The step costs of the coalitions of n members in T steps, each with K kinks.

    Attributes
    ----------
    slopes : ndarray of shape (T, K + 1)
        In money per kWh, none below the one before; the first may be minus infinity, the last
        infinity.
    constants : ndarray of shape (T, K)
        What of a kink belongs to no member, in kWh.
    rows : ndarray of int, shape (T, K)
        The resource that a kink depends on.
    caps : ndarray of int, shape (T, K)
        The cap that a kink moves with, one for each demand charge; -1 for none.
    rungs : ndarray of bool, shape (T, K)
        Whether a kink is counted from the one before instead of from 0.
    anchor : ndarray of int, shape (T,)
        The kink at which a step costs `money`.
    resources : ndarray of shape (n, R, T)
        What each member brings, in kWh.
    money : ndarray of shape (n, T)
        Added to the cost for each member.
    """

    slopes: NDArray[np.float64]
    constants: NDArray[np.float64]
    rows: NDArray[np.int32]
    caps: NDArray[np.int32]
    rungs: NDArray[np.bool_]
    anchor: NDArray[np.int32]
    resources: NDArray[np.float64]
    money: NDArray[np.float64]

    @classmethod
    def of(cls, problem: DispatchProblem) -> StepCosts:
        """Return the step costs of members under one tariff, within limits of import and export.

        Import above the cap of a demand charge is dearer by its price. PV that may be left unused
        costs nothing. That is exact for caps within the limit of import, and for one charge at most
        in each step in which buying has a negative price.
        """
        sell, hours = problem.sell_per_kwh, problem.steps.step_hours
        most_in, most_out = problem.import_limit_kw * hours, problem.export_limit_kw * hours
        nought, none = np.zeros(len(sell)), np.full(len(sell), -1, dtype=np.int32)
        # What exchanging g with the grid costs: where its slope rises, with which cap, and to what.
        kinks, caps, slopes = [nought], [none], [sell, problem.buy_per_kwh]
        for charged, price in _charges_of_steps(problem):
            kinks.append(nought)
            caps.append(charged)
            slopes.append(slopes[-1] + price)
        if np.isfinite(most_in):
            kinks.append(nought + most_in)
            caps.append(none)
            slopes.append(nought + np.inf)
        resources = [-problem.net_load_kwh]
        is_limited = int(np.isfinite(most_out))
        if is_limited:
            slopes.insert(0, nought - np.inf)
            kinks, caps = [nought - most_out, *kinks], [none, *caps]
        if problem.binding.curtailment.any():
            resources.append(resources[0] - problem.curtailable_kwh)
            # A stretch of slope 0 comes between slopes below and above 0: what is below moves with
            # the load alone.
            no_more_pays = slopes[-1] >= 0
            above = [np.where(no_more_pays, np.maximum(s, 0.0), slopes[-1]) for s in slopes[1:]]
            # Without a limit of export all that earns something is sold.
            earned = np.where(is_limited, 0.0, np.maximum(sell, 0.0))
            below = [np.where(earned > 0, earned, np.minimum(slope, 0.0)) for slope in slopes]
            slopes = [*below, *above]
            kinks, caps = 2 * kinks, 2 * caps
            anchor = np.where(problem.buy_per_kwh < 0, 0, len(kinks) // 2).astype(np.int32)
            anchor += is_limited
        else:
            anchor = none + 1 + is_limited
        rows = np.repeat(
            [_LOAD, _NET] if len(resources) > 1 else [_NET], len(kinks) // len(resources)
        )
        constants = np.stack(kinks, axis=1)
        return cls(
            slopes=np.stack(slopes, axis=1),
            constants=constants,
            rows=np.tile(rows.astype(np.int32), (len(sell), 1)),
            caps=np.stack(caps, axis=1),
            rungs=np.zeros(constants.shape, dtype=np.bool_),
            anchor=anchor,
            resources=np.stack(resources, axis=1),
            money=np.zeros(problem.net_load_kwh.shape),
        )

    @classmethod
    def ladder(
        cls,
        deficit_kwh: NDArray[np.float64],
        surplus_kwh: NDArray[np.float64],
        buy_per_kwh: NDArray[np.float64],
        sell_per_kwh: NDArray[np.float64],
        storage_prices: tuple[NDArray[np.float64], NDArray[np.float64]],
        fee_per_kwh: float = 0.0,
    ) -> StepCosts:
        """Return the step costs of members with a contract each, who share in merit order.

        In each step surplus from the lowest sell price up serves deficits from the highest buy
        price down, while the gap is above the fee; the rest is traded under each one's own
        contract. The pool is one point more, with a contract of its own. The fee on what it
        delivers is the same as wear for each kWh discharged, and has to be given as that.

        Parameters
        ----------
        deficit_kwh, surplus_kwh, buy_per_kwh, sell_per_kwh : ndarray of shape (n, T)
            What each member's meter draws and feeds in, both at least 0, and the own prices.
        storage_prices : pair of ndarray of shape (T,)
            What a kWh costs the pool from outside, and earns it there.
        fee_per_kwh : float, default 0
            On each kWh shared.

        Raises
        ------
        GameError
            The pool could trade between contracts: a price at which members share is below what
            it earns outside, with the fee, or above what it pays there.
        """
        offers = np.concatenate([buy_per_kwh, sell_per_kwh + fee_per_kwh]).T
        amounts = np.concatenate([deficit_kwh, surplus_kwh]).T
        most, least = storage_prices[0], storage_prices[1] + fee_per_kwh
        outside = (amounts > 0) & ((offers > most[:, None]) | (offers < least[:, None]))
        if outside.any():
            step, who = map(int, np.unravel_index(np.argmax(outside), outside.shape))
            raise GameError(
                f"in step {step} the storage could trade between contracts: a price of "
                f"{offers[step, who]:g} at which members share must be from {least[step]:g}, what "
                f"storage earns outside with the fee, to {most[step]:g}, what it pays there"
            )
        levels = [np.unique(row[wanted]) for row, wanted in zip(offers, amounts > 0, strict=True)]
        n_levels = max(map(len, levels))
        n_members, n_steps = deficit_kwh.shape
        slopes = np.empty((n_steps, n_levels + 2))
        resources = np.zeros((n_members, n_levels + 1, n_steps))
        resources[:, 0] = -deficit_kwh
        for step, prices in enumerate(levels):
            # Without anybody at them, levels beyond the last are as good as the pool's own price.
            slopes[step] = most[step]
            slopes[step, 0] = least[step]
            slopes[step, 1 : len(prices) + 1] = prices
            place = np.searchsorted(prices, offers[step]).reshape(2, n_members)
            both = amounts[step].reshape(2, n_members)
            for side in range(2):
                members = np.flatnonzero(both[side] > 0)
                resources[members, place[side, members] + 1, step] += both[side, members]
        shape = n_steps, n_levels + 1
        return cls(
            slopes=slopes,
            constants=np.zeros(shape),
            rows=np.tile(np.arange(shape[1], dtype=np.int32), (n_steps, 1)),
            caps=np.full(shape, -1, dtype=np.int32),
            rungs=np.tile(np.arange(shape[1]) > 0, (n_steps, 1)),
            anchor=np.zeros(n_steps, dtype=np.int32),
            resources=resources,
            money=-sell_per_kwh * surplus_kwh,
        )

    def together(self) -> StepCosts:
        """Return the step costs of all members as those of one."""
        return replace(
            self,
            resources=self.resources.sum(axis=0, keepdims=True),
            money=self.money.sum(axis=0, keepdims=True),
        )


def _charges_of_steps(
    problem: DispatchProblem,
) -> list[tuple[NDArray[np.int32], NDArray[np.float64]]]:
    """Return the first charge of each step and what a kWh costs more above its cap, the second, ...

    The number of a charge is -1, and the price 0, in steps that have fewer.
    """
    n_steps, hours = problem.steps.n_steps, problem.steps.step_hours
    n_charges = np.zeros(n_steps, dtype=np.intp)
    levels: list[tuple[NDArray[np.int32], NDArray[np.float64]]] = []
    for number, charge in enumerate(problem.peak_charges):
        for level in np.unique(n_charges[charge.steps]).tolist():
            if level == len(levels):
                levels.append((np.full(n_steps, -1, dtype=np.int32), np.zeros(n_steps)))
            caps, prices = levels[level]
            here = charge.steps[n_charges[charge.steps] == level]
            caps[here], prices[here] = number, charge.price_per_kw / hours
        n_charges[charge.steps] += 1
    return levels
