"""The Clarke tax for what is for all: who changes the choice pays what that costs the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from sesgame.game.door import checked_arguments
from sesgame.markets.public_choice import PublicChoice
from sesgame.markets.settlement import Settlement

__all__ = ["PublicChoiceSettlement", "clarke_tax"]

BUILDER = "cost"
"""Whoever is paid for the alternative that is chosen."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PublicChoiceSettlement(Settlement):
    """What is chosen for all, and who pays how much.

    Attributes
    ----------
    choice : PublicChoice
        What was settled.
    alternative : hashable
        What is chosen.
    taxes : ndarray of float, shape (n,)
        What each pays beside its share of the cost; never negative.
    pivotal : tuple of hashable
        Who pays a tax: without them something else would be chosen.
    """

    choice: PublicChoice
    alternative: Hashable
    taxes: np.ndarray[Any, np.dtype[np.float64]]
    pivotal: tuple[Hashable, ...]

    @property
    def of_market(self) -> PublicChoice:
        """The choice."""
        return self.choice

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the choice in the types that JSON knows."""
        result = super().to_dict()
        del result["choice"]
        return result


@checked_arguments
def clarke_tax(choice: PublicChoice) -> PublicChoiceSettlement:
    r"""Return what is best for all, with the Clarke tax on whoever tips the choice.

    .. math::

        k^* = \operatorname{argmax}_k \sum_i w_i(k), \qquad
        \tau_i = \max_k \sum_{j \ne i} w_j(k) - \sum_{j \ne i} w_j(k^*) \ge 0

    with the worth :math:`w_i(k)` of an alternative after the share of its cost. A participant
    without whom the same would be chosen pays no tax.

    Parameters
    ----------
    choice : PublicChoice
        What is worth what to whom, and who bears which part of the cost.

    Returns
    -------
    PublicChoiceSettlement
        Everybody pays its share of the cost and its tax. To report the true worth is a dominant
        strategy, as long as the taxes go to nobody who takes part: they are what the truth costs.
        Participants may lose: what is best for all need not be so for each.

    Raises
    ------
    GameError
        This is no choice.

    Notes
    -----
    O(n k) for n participants and k alternatives.

    References
    ----------
    Clarke (1971) [clarke1971]_; Groves (1973) [groves1973]_.

    Examples
    --------
    A battery for 90 EUR, of which each bears a third:

    >>> import sesgame as sg
    >>> choice = sg.markets.PublicChoice(
    ...     {
    ...         "ann": {"none": 0, "battery": 70},
    ...         "bob": {"none": 0, "battery": 40},
    ...         "eve": {"none": 0, "battery": 10},
    ...     },
    ...     cost={"battery": 90},
    ... )
    >>> settlement = sg.markets.clarke_tax(choice)
    >>> settlement.alternative, settlement.pivotal, settlement.taxes.tolist()
    ('battery', ('ann',), [10.0, 0.0, 0.0])
    >>> settlement.payments.tolist(), sg.budget_balance(settlement).gap
    ([40.0, 30.0, 30.0], 10.0)
    >>> sg.misreport_scan(sg.markets.clarke_tax, "eve", choice).gain
    0.0
    """
    chosen = choice.best()
    net = choice.net_worth
    total = net.sum(axis=0)
    taxes = np.zeros(len(choice.participants))
    for index in range(len(taxes)):
        others = total - net[index]
        tax = float(others.max() - others[chosen])
        taxes[index] = tax if tax > choice.tolerance else 0.0
    taxes.setflags(write=False)
    cost = float(choice.cost[chosen] * choice.shares.sum())
    return PublicChoiceSettlement(
        choice.participants,
        choice.shares * choice.cost[chosen] + taxes,
        choice.worth[:, chosen],
        "clarke tax",
        {BUILDER: (-cost, -cost)} if cost else {},
        best_welfare=float(total[chosen]),
        tolerance=choice.tolerance,
        rule=clarke_tax,
        choice=choice,
        alternative=choice.alternatives[chosen],
        taxes=taxes,
        pivotal=tuple(choice.participants[int(k)] for k in np.flatnonzero(taxes)),
    )
