"""Which of the desirable properties hold of an outcome, and by what figure each of them fails.

No mechanism for a market with two sides has all of them (Myerson and Satterthwaite 1983), so the
honest question is how much each one costs on the input at hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.files.json_text import plain
from sesgame.formatting import format_coalition
from sesgame.markets.budget import BudgetBalance, budget_balance
from sesgame.markets.order_book_settlement import one_bus_core_selecting, uniform_price
from sesgame.markets.steps import by_participant
from sesgame.markets.truthfulness import misreport_scan

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sesgame.markets.market import Market
    from sesgame.markets.order_book_settlement import OneBusSettlement
    from sesgame.markets.settlement import Settlement

__all__ = ["PropertyReport", "one_bus_properties", "property_report"]

CORE_TIME_LIMIT = 10.0
"""Seconds for the search for a blocking coalition; a bound is reported where they do not do."""

SCANNED = 32
"""Participants whose misreports are tried unless the caller names others."""


@dataclasses.dataclass(frozen=True, repr=False)
class PropertyReport:
    """What holds of an outcome on the reported values, and by how much what does not.

    Attributes
    ----------
    method : str
        The mechanism.
    efficiency_loss : float
        Welfare below the best possible.
    largest_loss : float
        The most that a participant, named by `loser`, loses by taking part; 0 when nobody does.
    misreport_gain : float
        The most that a participant, named by `manipulator`, gains by the misreports that were
        tried; 0 when the truth is best. Not a proof of truthfulness unless the method has one.
    scanned : int
        How many participants had their misreports tried.
    core_excess : float
        What the coalition `blocking` would gain by trading on its own; 0 when none was found.
    core_bound : float
        No coalition gains more than this: proof of the core when it is 0.
    budget : BudgetBalance
        What comes in and what goes out.
    tolerance : float
        Figures up to this are rounding.
    """

    method: str
    efficiency_loss: float
    largest_loss: float
    loser: Hashable | None
    misreport_gain: float
    manipulator: Hashable | None
    scanned: int
    core_excess: float
    core_bound: float
    blocking: frozenset[Hashable] | None
    budget: BudgetBalance
    tolerance: float

    @property
    def efficient(self) -> bool:
        """Whether no welfare is lost."""
        return self.efficiency_loss <= self.tolerance

    @property
    def individually_rational(self) -> bool:
        """Whether nobody loses by taking part."""
        return self.largest_loss <= self.tolerance

    @property
    def incentive_compatible(self) -> bool | None:
        """Whether no misreport that was tried pays; None where none was tried."""
        return self.misreport_gain <= self.tolerance if self.scanned else None

    @property
    def in_core(self) -> bool | None:
        """Whether no coalition gains by trading on its own; None where neither is proved."""
        if self.core_bound <= self.tolerance:
            return True
        return False if self.core_excess > self.tolerance else None

    def to_dict(self) -> dict[str, Any]:
        """Return all figures and verdicts in the types that JSON knows."""
        verdicts = ("efficient", "individually_rational", "incentive_compatible", "in_core")
        return {
            **plain(self),
            **{name: getattr(self, name) for name in verdicts},
            "budget_balanced": self.budget.balanced,
        }

    def __repr__(self) -> str:
        blocking = "" if self.blocking is None else format_coalition(sorted(self.blocking, key=str))
        rows = [
            ("efficient", self.efficient, f"{self.efficiency_loss:.6g} of welfare lost"),
            (
                "individually rational",
                self.individually_rational,
                f"{self.loser} loses {self.largest_loss:.6g}",
            ),
            (
                "incentive compatible",
                self.incentive_compatible,
                f"{self.manipulator} gains {self.misreport_gain:.6g}",
            ),
            (
                "in the core",
                self.in_core,
                f"{blocking} gains {self.core_excess:.6g}"
                if self.blocking
                else f"no coalition gains more than {self.core_bound:.6g}",
            ),
            (
                "budget balanced",
                self.budget.balanced,
                f"{'surplus' if self.budget.gap > 0 else 'deficit'} {abs(self.budget.gap):.6g}",
            ),
        ]
        words = {True: "yes", False: "no", None: "unknown"}
        return "\n".join(
            [f"PropertyReport({self.method!r})"]
            + [
                f"  {name:<22} {words[holds]}" + ("" if holds else f": {figure}")
                for name, holds, figure in rows
            ]
        )


def one_bus_properties(
    settlement: OneBusSettlement, *, scan: Iterable[Hashable] | None = None
) -> PropertyReport:
    r"""Return what holds of the settlement of an order book.

    Parameters
    ----------
    settlement : OneBusSettlement
        Of any mechanism, repaired or not.
    scan : iterable of hashable, optional
        The participants whose misreports are tried, 41 prices with 4 quantities each; by default
        the 32 with the largest trade. An empty list tries none. For core-selecting payments 9
        prices, and 8 participants by default.

    Returns
    -------
    PropertyReport

    Notes
    -----
    The core here: no coalition of participants, with the fixed load or without it, could trade
    among itself for more than its members' utilities :math:`u_i`. By duality, no coalition gains
    more than :math:`\sum_i \max(0, \pi_i(\lambda) - u_i)` with the profits :math:`\pi_i` at the
    market price; where that is not zero, an integer programme finds the coalition that gains
    most, or the best one and a bound after 10 seconds.

    References
    ----------
    Myerson and Satterthwaite (1983) [myerson1983]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    ... )
    >>> sg.markets.vcg(book).properties()
    PropertyReport('vcg')
      efficient              yes
      individually rational  yes
      incentive compatible   yes
      in the core            yes
      budget balanced        no: deficit 4
    """
    book = settlement.book
    # Each of its misreports takes integer programmes.
    slow = settlement.rule is one_bus_core_selecting
    if scan is None:
        ranked = np.argsort(-by_participant(book, settlement.accepted_kwh), kind="stable")
        labels = (book.participants[int(i)] for i in ranked[: 8 if slow else SCANNED])
        scan = [label for label in labels if book.has_orders(label)]
    only_prices = slow or settlement.quantities_known
    return property_report(
        settlement,
        book,
        scan,
        best_welfare=uniform_price(book).welfare,
        price_factors=np.linspace(0, 2, 9 if slow else 41),
        quantity_factors=(1.0,) if only_prices else (0.25, 0.5, 0.75, 1.0),
        core=_core(settlement),
    )


def property_report(
    settlement: Settlement,
    market: Market,
    scan: Iterable[Hashable],
    *,
    best_welfare: float,
    price_factors: ArrayLike,
    quantity_factors: ArrayLike,
    core: tuple[float, float, frozenset[Hashable] | None],
) -> PropertyReport:
    """Return the report of any settlement whose core figures are known."""
    utilities = settlement.utilities
    loser = int(np.argmin(utilities))
    gain, manipulator, scanned = 0.0, None, 0
    rule = settlement.rule
    for participant in scan if rule is not None else ():
        assert rule is not None
        found = misreport_scan(
            rule,
            participant,
            market,
            price_factors=price_factors,
            quantity_factors=quantity_factors,
            progress=False,
        )
        scanned += 1
        if found.gain > gain:
            gain, manipulator = found.gain, participant
    loss = max(0.0, -float(utilities[loser]))
    excess, bound, blocking = core
    return PropertyReport(
        method=settlement.method,
        efficiency_loss=max(0.0, best_welfare - settlement.welfare),
        largest_loss=loss,
        loser=settlement.participants[loser] if loss > settlement.tolerance else None,
        misreport_gain=gain,
        manipulator=manipulator,
        scanned=scanned,
        core_excess=excess,
        core_bound=bound,
        blocking=blocking,
        budget=budget_balance(settlement),
        tolerance=settlement.tolerance * max(1, len(utilities)),
    )


def _core(settlement: OneBusSettlement) -> tuple[float, float, frozenset[Hashable] | None]:
    """Return what the coalition that gains most gains, a bound for all, and that coalition."""
    book = settlement.book
    load = list(settlement.outside.values())
    utilities = np.append(settlement.utilities, [value - paid for value, paid in load])
    tolerance = settlement.tolerance * max(1, len(utilities))

    clearing = uniform_price(book).price_per_kwh
    price = np.where(np.isfinite(clearing), clearing, 0.0)
    margin = np.where(book.is_bid, 1, -1) * (book.price_per_kwh - price[book.period])
    profits = by_participant(book, np.maximum(0.0, margin) * book.quantity_kwh)
    served = (np.maximum(0.0, book.value_of_lost_load - price) * book.demand_kwh).sum()
    profits = np.append(profits, [served] * len(load))
    bound = float(np.maximum(0.0, profits - utilities).sum())
    if bound <= tolerance:
        return 0.0, bound, None

    inside, found, proved = book.coalitions.best_coalition(utilities, CORE_TIME_LIMIT)
    members = np.flatnonzero(inside[: len(book.participants)])
    with_load = any(inside[len(book.participants) :])
    # The solver is precise to its tolerances only: value the coalition anew.
    alone = uniform_price(book.only(members, with_load=with_load))
    gain = max(0.0, alone.welfare - float(utilities[np.flatnonzero(inside)].sum()))
    bound = min(bound, gain + max(0.0, proved - found))
    if gain <= tolerance:
        return 0.0, bound, None
    # Who neither trades there nor loses here is no part of the story.
    active = (by_participant(alone.book, alone.accepted_kwh) > 0)[members]
    active |= utilities[members] < -tolerance
    labels = [book.participants[int(i)] for i in members[active]]
    return gain, bound, frozenset(labels + ["load"] * with_load)
