"""What a mechanism leaves in the till, and the known ways to repair it.

Every repair costs another property: :meth:`OneBusSettlement.properties` says which, on the input at
hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sesgame.errors import AllocationError
from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation
from sesgame.markets.mechanisms.vcg_of_game import ClarkeEvidence
from sesgame.markets.settlement import Settlement

if TYPE_CHECKING:
    from sesgame.markets.market import Market

__all__ = [
    "BudgetBalance",
    "bailey_cavallo",
    "budget_balance",
    "scale_rents",
    "uplift_by_gain",
    "uplift_by_load",
]

S = TypeVar("S", bound=Settlement)


@dataclasses.dataclass(frozen=True)
class BudgetBalance:
    """What comes in and what goes out.

    Attributes
    ----------
    collected, paid_out : float
        The sum of all payments to and from the till, those of the outside included.
    gap : float
        `collected` minus `paid_out`: a surplus where positive, a deficit where negative.
    tolerance : float
        A gap up to this is rounding.
    """

    collected: float
    paid_out: float
    gap: float
    tolerance: float

    @property
    def balanced(self) -> bool:
        """Whether the gap is zero, up to the tolerance."""
        return abs(self.gap) <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the figures in the types that JSON knows."""
        return {**plain(self), "balanced": self.balanced}

    def __repr__(self) -> str:
        word = "balanced" if self.balanced else "surplus" if self.gap > 0 else "deficit"
        amount = "" if self.balanced else f" {abs(self.gap):.6g}"
        return (
            f"BudgetBalance({word}{amount}: collected {self.collected:.6g}, "
            f"paid out {self.paid_out:.6g})"
        )


def budget_balance(result: Settlement | Allocation) -> BudgetBalance:
    """Return what a mechanism collects and pays out.

    Parameters
    ----------
    result : Settlement or Allocation
        Of any mechanism; an allocation must come from :func:`sesgame.vcg_payments`, where the
        till holds the worth of the grand coalition, or bears its cost.

    Returns
    -------
    BudgetBalance

    Raises
    ------
    AllocationError
        An allocation by another rule: those divide exactly what there is.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.budget_balance(sg.markets.vcg(book))
    BudgetBalance(deficit 6: collected 3, paid out 9)
    """
    if isinstance(result, Settlement):
        flows = np.concatenate([result.payments, [paid for _, paid in result.outside.values()]])
    elif isinstance(result.evidence, ClarkeEvidence):
        worth = result.evidence.grand_value
        flows = np.append(result.evidence.payments, worth if result.kind == "gain" else -worth)
    else:
        raise AllocationError(
            f"the allocation by {result.method!r} has no payments whose budget could be open; "
            f"budget_balance is for vcg_payments and for markets"
        )
    return BudgetBalance(
        collected=float(flows[flows > 0].sum()),
        paid_out=float(-flows[flows < 0].sum()),
        gap=float(flows.sum()),
        tolerance=result.tolerance * max(1, len(flows)),
    )


def uplift_by_load(settlement: S) -> S:
    """Return the settlement whose gap is charged to consumption, in proportion to energy.

    The usual side payment of electricity pools. The load that does not bid takes its part.
    Nobody's price signal is right any more, and a buyer may lose.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism.

    Returns
    -------
    Settlement
        With the same outcome and other payments.

    Raises
    ------
    AllocationError
        Nobody consumes anything.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.markets.uplift_by_load(sg.markets.vcg(book)).payments.tolist()
    [9.0, -9.0]
    """
    repaired: S = _uplift(
        settlement, settlement.consumed, "uplift by load", "consumes anything", uplift_by_load
    )
    return repaired


def uplift_by_gain(settlement: S) -> S:
    """Return the settlement whose gap is charged to all who gain, in proportion to their gain.

    Nobody loses as long as the deficit is not larger than all gains, which holds for VCG. The
    gain of a load that does not bid counts at the value of lost load.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism.

    Returns
    -------
    Settlement
        With the same outcome and other payments.

    Raises
    ------
    AllocationError
        Nobody gains anything.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.markets.uplift_by_gain(sg.markets.vcg(book)).payments.tolist()
    [6.0, -6.0]
    """
    outside = [value - paid for value, paid in settlement.outside.values()]
    gains = np.maximum(0.0, np.concatenate([settlement.utilities, outside]))
    repaired: S = _uplift(settlement, gains, "uplift by gain", "gains anything", uplift_by_gain)
    return repaired


def _uplift(
    settlement: S, weights: Any, method: str, missing: str, repair: Callable[..., object]
) -> S:
    budget = budget_balance(settlement)
    total = float(weights.sum())
    if total <= 0 and budget.balanced:
        return settlement
    if total <= 0:
        raise AllocationError(f"{method}: nobody {missing}, so nobody can bear {budget.gap:.6g}")
    share = -budget.gap * weights / total
    n = len(settlement.participants)
    outside = {
        name: (value, paid + float(extra))
        for (name, (value, paid)), extra in zip(settlement.outside.items(), share[n:], strict=True)
    }
    return _repaired(settlement, settlement.payments + share[:n], method, repair, outside)


def scale_rents(settlement: S) -> S:
    r"""Return the settlement in which the rents of all who are paid are scaled by one factor.

    .. math:: t_i' = -(c_i + \alpha (-t_i - c_i))

    for whoever is paid (:math:`t_i < 0`), with its reported cost :math:`c_i` and the factor
    :math:`\alpha \ge 0` that closes the gap: between pay-as-bid (0) and the full payment (1).
    Nobody loses. Where even no rent at all leaves a deficit, the rest of it stays.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism.

    Returns
    -------
    Settlement
        With the same outcome and other payments; the same one where nobody has a rent.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.markets.scale_rents(sg.markets.vcg(book)).payments.tolist()
    [3.0, -3.0]
    """
    rents = np.where(settlement.payments < 0, np.maximum(0.0, settlement.utilities), 0.0)
    total = float(rents.sum())
    if total <= 0:
        return settlement
    factor = max(0.0, 1 + budget_balance(settlement).gap / total)
    payments = settlement.payments + (1 - factor) * rents
    outside = dict(settlement.outside)
    repaired: S = _repaired(settlement, payments, "scaled rents", scale_rents, outside)
    return repaired


def bailey_cavallo(mechanism: Callable[[Any], S], market: Market) -> S:
    r"""Return a mechanism's outcome with its surplus rebated without touching the incentives.

    .. math:: t_i' = t_i - \frac{1}{n} \sum_j t_j(N \setminus i)

    Each participant gets the n-th part of what the till would hold without it, which its own
    report does not change, so truth stays a dominant strategy. What is left is of order 1/n of
    the surplus. Where the till would be in deficit without somebody, it pays its part of that.

    Parameters
    ----------
    mechanism : callable
        From market to settlement, for example :func:`sesgame.markets.vcg`.
    market : StorageAuction or another market
        What is settled; anything with ``participants`` and ``without(participant)``.

    Returns
    -------
    Settlement
        The mechanism's outcome, with other payments.

    Notes
    -----
    n + 1 runs of the mechanism. Bailey's rebate; Cavallo's, which is the least over all reports
    of the participant, is the same where nobody's presence lowers the surplus.

    References
    ----------
    Bailey (1997) [bailey1997]_; Cavallo (2006) [cavallo2006]_.

    Examples
    --------
    The members' own battery is worth 9, 6 and 3 to them; most of what the winner pays goes back.

    >>> import sesgame as sg
    >>> auction = sg.markets.StorageAuction(
    ...     [("ann", 9, 1, 1, [0]), ("bob", 6, 1, 1, [0]), ("eve", 3, 1, 1, [0])],
    ...     energy_kwh=1, power_kw=1, n_periods=1,
    ... )
    >>> sg.markets.bailey_cavallo(sg.markets.vcg, auction).payments.tolist()
    [5.0, -1.0, -2.0]
    """
    settlement = mechanism(market)
    n = len(settlement.participants)
    rebates = [
        budget_balance(mechanism(market.without(participant))).gap / n
        for participant in settlement.participants
    ]
    return _repaired(
        settlement,
        settlement.payments - np.array(rebates),
        "bailey-cavallo",
        None,
        dict(settlement.outside),
        rule=partial(bailey_cavallo, mechanism),
    )


def _repaired(
    settlement: S,
    payments: Any,
    method: str,
    repair: Callable[..., object] | None,
    outside: dict[str, tuple[float, float]],
    rule: Callable[[Any], Any] | None = None,
) -> S:
    """Return a settlement with other payments, whose rule is the old rule and then the repair."""
    if rule is None and settlement.rule is not None and repair is not None:
        rule = partial(_then, settlement.rule, repair)
    return dataclasses.replace(
        settlement,
        payments=payments,
        outside=outside,
        method=f"{settlement.method} + {method}",
        rule=rule,
    )


def _then(rule: Callable[[Any], Any], repair: Callable[..., object], market: Any) -> Any:
    return repair(rule(market))
