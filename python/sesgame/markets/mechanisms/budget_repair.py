"""Repairs of a mechanism's budget: who bears the gap.

Every repair costs another property: ``settlement.properties()`` says which, on the input at hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sesgame.errors import AllocationError
from sesgame.game.door import checked_arguments
from sesgame.markets.budget import budget_balance
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.mechanisms.vcg import VCG
from sesgame.markets.network import NetworkMarket
from sesgame.markets.order_book import OrderBook
from sesgame.markets.settlement import Settlement
from sesgame.markets.standing_alone import alone_under
from sesgame.markets.storage_auction import StorageAuction

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.allocation import Allocation
    from sesgame.markets.market import Market

__all__ = [
    "VCG_BAILEY_CAVALLO",
    "VCG_SCALE_RENTS",
    "VCG_UPLIFT_BY_GAIN",
    "VCG_UPLIFT_BY_LOAD",
    "Repair",
    "bailey_cavallo",
    "repaired",
    "scale_rents",
    "uplift_by_gain",
    "uplift_by_load",
]

S = TypeVar("S", bound=Settlement)


@checked_arguments
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
    return _uplift(settlement, settlement.consumed, UPLIFT_BY_LOAD, "consumes anything")


@checked_arguments
def uplift_by_gain(
    settlement: S,
    *,
    alone: Allocation | Mapping[Hashable, float] | ArrayLike | None = None,
) -> S:
    r"""Return the settlement whose gap is charged to all who gain, in proportion to their gain.

    .. math:: t_i' = t_i + \frac{R\, g_i}{\sum_j g_j}, \qquad g_i = \max(0,\ u_i - d_i)

    with the deficit :math:`R`, the utilities :math:`u_i` before it, and :math:`d_i` what each has
    without the market. Where that is nothing, the gain is all of the utility. An area, or a
    prosumer, that can serve itself has much of it without the others: there ``alone="self"``
    charges what the market adds, and not what an area is worth to itself. After VCG the utilities
    are then :math:`d_i` and the Gately division of what is gained.

    Individually rational as long as the deficit is not larger than all gains, as under VCG. The
    gain of a load that does not bid counts at the value of lost load.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism.
    alone : "self", Allocation, mapping of participant to float, or array_like of float, optional
        What each has without the market, in its money. By default nothing. ``"self"`` is
        :func:`values_alone`: the best that a participant does with its own orders alone.
        A mapping may have loads and others outside by name; they have nothing by default.

    Returns
    -------
    Settlement
        With the same outcome and other payments.

    Raises
    ------
    AllocationError
        Nobody gains anything, `alone` does not fit the participants, or is ``"self"`` for a
        settlement that does not know its market.
    GameError
        ``"self"``, and somebody cannot be alone: what it must deliver, no dispatch meets.

    Notes
    -----
    ``"self"`` takes a sorted pass, or in a network a linear program for each participant that
    both buys and sells.

    References
    ----------
    Gately (1974) [gately1974]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.markets.uplift_by_gain(sg.markets.vcg(book)).payments.tolist()
    [6.0, -6.0]

    Two areas that serve themselves, and trade 40 MWh:

    >>> areas = sg.markets.NetworkMarket(
    ...     ["A", "B"],
    ...     [("A", "B", 0.1, 40)],
    ...     [("west", "A", "offer", 10, 100), ("west", "A", "bid", 1000, 50),
    ...      ("east", "B", "offer", 30, 100), ("east", "B", "bid", 1000, 60)],
    ... )
    >>> settlement = sg.markets.vcg(areas)
    >>> sg.markets.uplift_by_gain(settlement).payments.round(2).tolist()
    [-831.84, 831.84]
    >>> sg.markets.uplift_by_gain(settlement, alone="self").payments.round(2).tolist()
    [-800.0, 800.0]
    """
    outside = [value - paid for value, paid in settlement.outside.values()]
    utilities = np.concatenate([settlement.utilities, outside])
    gains = _beyond_rounding(utilities - alone_under(settlement, alone), settlement.tolerance)
    repair = UPLIFT_BY_GAIN
    if alone is not None:
        is_self = isinstance(alone, str)
        repair = dataclasses.replace(
            UPLIFT_BY_GAIN,
            name=f"{UPLIFT_BY_GAIN.name}-over-{'alone' if is_self else 'what-is-given'}",
            title=f"{UPLIFT_BY_GAIN.title} over {'alone' if is_self else 'what is given'}",
            wrap=lambda settle: partial(_then, settle, partial(uplift_by_gain, alone=alone)),
            # Of numbers that somebody gives nothing is known.
            keeps=UPLIFT_BY_GAIN.keeps if is_self else frozenset({MarketPromise.EFFICIENT}),
        )
    return _uplift(settlement, gains, repair, "gains anything")


@checked_arguments
def scale_rents(settlement: S) -> S:
    r"""Return the settlement in which the rents of all who are paid are scaled by one factor.

    .. math:: t_i' = -(c_i + \alpha (-t_i - c_i))

    for whoever is paid (:math:`t_i < 0`), with its reported cost :math:`c_i` and the factor
    :math:`\alpha \ge 0` that closes the gap: between pay-as-bid (0) and the full payment (1).
    Individually rational. Where even no rent at all leaves a deficit, the rest of it stays.

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
    is_paid = settlement.payments < -settlement.tolerance
    rents = np.where(is_paid, _beyond_rounding(settlement.utilities, settlement.tolerance), 0.0)
    total = float(rents.sum())
    if total == 0:
        return settlement
    factor = max(0.0, 1 + budget_balance(settlement).gap / total)
    payments = settlement.payments + (1 - factor) * rents
    return repaired(settlement, SCALE_RENTS, payments, dict(settlement.outside), settlement.rule)


@checked_arguments
def bailey_cavallo(mechanism: Callable[[Any], S], market: Market) -> S:
    r"""Return a mechanism's outcome with its surplus rebated without touching the incentives.

    .. math:: t_i' = t_i - \frac{1}{n} \sum_j t_j(N \setminus i)

    Each participant gets the n-th part of the budget surplus without it, which its own report
    does not change, so truth stays a dominant strategy. What is left is of order 1/n of the
    surplus. Where there would be a deficit without somebody, it pays its part of that.

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
    return repaired(
        settlement,
        BAILEY_CAVALLO,
        settlement.payments - np.array(rebates),
        dict(settlement.outside),
        rule=mechanism,
    )


Settle = Callable[[Any], Settlement]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Repair:
    """What is known of a repair, for the mechanisms that end in it."""

    name: str
    title: str
    wrap: Callable[[Settle], Settle]
    """From what settles a market to what settles it and repairs the budget."""
    markets: tuple[type, ...] = (OrderBook, NetworkMarket)
    meaning: str
    gives_up: str
    keeps: frozenset[MarketPromise]
    """Which promises of the mechanism before it still hold after it."""
    adds: frozenset[MarketPromise] = frozenset()
    sources: tuple[str, ...] = ("myerson1983",)
    aliases: tuple[str, ...] = ()

    def after(self, mechanism: Mechanism, settle: Settle | None = None) -> Mechanism:
        """Return the mechanism that ends in this repair."""
        return Mechanism(
            name=f"{mechanism.name}+{self.name}",
            title=f"{mechanism.title} + {self.title}",
            settle=self.wrap(mechanism.settle) if settle is None else settle,
            markets=self.markets,
            promises=(mechanism.promises & self.keeps) | self.adds,
            meaning=self.meaning,
            gives_up=self.gives_up,
            aliases=tuple(f"{mechanism.name}+{alias}" for alias in self.aliases),
            page="concepts/market-rules",
            sources=(*mechanism.sources, *self.sources),
        )


def _then(settle: Settle, repair: Settle, market: Any) -> Settlement:
    return repair(settle(market))


UPLIFT_BY_LOAD = Repair(
    name="uplift-by-load",
    title="uplift by load",
    wrap=lambda settle: partial(_then, settle, uplift_by_load),
    meaning="the gap is charged to all who consume, by energy",
    gives_up="truthfulness; a buyer may lose",
    keeps=frozenset({MarketPromise.EFFICIENT}),
    adds=frozenset({MarketPromise.BALANCED}),
)

UPLIFT_BY_GAIN = Repair(
    name="uplift-by-gain",
    title="uplift by gain",
    wrap=lambda settle: partial(_then, settle, uplift_by_gain),
    meaning="the gap is charged to all who gain, by their gain",
    gives_up="truthfulness",
    keeps=frozenset({MarketPromise.EFFICIENT, MarketPromise.VOLUNTARY}),
    adds=frozenset({MarketPromise.BALANCED}),
)

SCALE_RENTS = Repair(
    name="scale-rents",
    title="scale rents",
    wrap=lambda settle: partial(_then, settle, scale_rents),
    meaning="the gap is charged to all who are paid, by their rent",
    gives_up="truthfulness; a deficit may remain",
    keeps=frozenset({MarketPromise.EFFICIENT, MarketPromise.VOLUNTARY}),
    aliases=("scaled-rents",),
)

BAILEY_CAVALLO = Repair(
    name="bailey-cavallo",
    title="bailey-cavallo",
    wrap=lambda settle: partial(bailey_cavallo, settle),
    markets=(StorageAuction,),
    meaning="a *surplus* is rebated, to each what does not depend on its report",
    gives_up="a small surplus stays; a deficit is not repaired but shared",
    keeps=frozenset({MarketPromise.EFFICIENT, MarketPromise.TRUTHFUL}),
    sources=("bailey1997", "cavallo2006"),
)

VCG_UPLIFT_BY_LOAD = UPLIFT_BY_LOAD.after(VCG)
VCG_UPLIFT_BY_GAIN = UPLIFT_BY_GAIN.after(VCG)
VCG_SCALE_RENTS = SCALE_RENTS.after(VCG)
VCG_BAILEY_CAVALLO = BAILEY_CAVALLO.after(VCG)


def _beyond_rounding(amounts: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Return the positive amounts: rounding bears no part of a gap, else it might bear all."""
    return np.where(amounts > tolerance, amounts, 0.0)


def _uplift(settlement: S, weights: NDArray[np.float64], repair: Repair, missing: str) -> S:
    """Return the settlement whose gap is charged in proportion to weights."""
    budget = budget_balance(settlement)
    total = float(weights.sum())
    if total == 0 and budget.balanced:
        return settlement
    if total == 0:
        raise AllocationError(
            f"{repair.title}: nobody {missing}, so nobody can bear {budget.gap:.6g}"
        )
    share = -budget.gap * weights / total
    n = len(settlement.participants)
    outside = {
        name: (value, paid + float(extra))
        for (name, (value, paid)), extra in zip(settlement.outside.items(), share[n:], strict=True)
    }
    payments = settlement.payments + share[:n]
    return repaired(settlement, repair, payments, outside, settlement.rule)


def repaired(
    settlement: S,
    repair: Repair,
    payments: NDArray[np.float64],
    outside: dict[str, tuple[float, float]],
    rule: Settle | None,
) -> S:
    """Return a settlement with other payments, whose rule is the old rule and then the repair."""
    again = None if rule is None else repair.wrap(rule)
    if again is not None and isinstance(settlement.rule, Mechanism):
        again = repair.after(settlement.rule, again)
    return dataclasses.replace(
        settlement,
        payments=payments,
        outside=outside,
        method=f"{settlement.method} + {repair.title}",
        rule=again,
    )
