"""The settlement of an order book: who trades how much, at what price, and what everybody pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from sesgame.markets.market import PROPERTIES_TIME_LIMIT
from sesgame.markets.mechanism import Trials
from sesgame.markets.properties import PropertyReport, property_report
from sesgame.markets.settlement import Settlement
from sesgame.markets.steps import by_participant, money_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.markets.mechanism import Mechanism
    from sesgame.markets.order_book import BookClearing, OrderBook

__all__ = ["OneBusSettlement"]

_PRECISION = 1e-11
"""Rounding of a sum of money, relative to the money that all orders are about: that of running
sums over thousands of orders."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class OneBusSettlement(Settlement):
    """The settlement of an order book.

    Attributes
    ----------
    book : OrderBook
        What was settled.
    accepted_kwh : ndarray of float, shape (m,)
        How much of each order is accepted, in the order of the book.
    shed_kwh : ndarray of float, shape (T,)
        Fixed demand that is not served.
    price_per_kwh : ndarray of float, shape (T,)
        The market price that fixed demand pays: the middle of the clearing prices, or the
        position that was asked for; NaN in a period without any order.
    price_lower, price_upper : ndarray of float, shape (T,)
        The lowest and the highest price at which the market clears.
    pivotal_kwh : mapping of participant to float
        Only for VCG: participants without whom more fixed demand would be shed, and how much
        more. Their payment counts it at the value of lost load.
    p0_per_kwh : ndarray of float, shape (T,), or None
        Only for McAfee's auction: the average price of the first refused pair, NaN where no pair
        is refused.
    branches : tuple of str, one for each period, or None
        Only for McAfee's auction: ``"all at p0"``, ``"one pair left out"`` or ``"no trade"``.
    quantities_known : bool
        Whether the mechanism takes quantities as known, so that only prices can be misreported.
    blocking : tuple of frozenset
        Only for core-selecting payments: the coalitions that keep them from being nearer to VCG.
    distance : float
        Only for core-selecting payments: those nearest to VCG are at most this far from these, as
        the root of the sum of squares. 0 where these are the nearest, up to the tolerance.
    """

    book: OrderBook
    accepted_kwh: NDArray[np.float64]
    shed_kwh: NDArray[np.float64]
    price_per_kwh: NDArray[np.float64]
    price_lower: NDArray[np.float64]
    price_upper: NDArray[np.float64]
    pivotal_kwh: dict[Hashable, float] = dataclasses.field(default_factory=dict)
    p0_per_kwh: NDArray[np.float64] | None = None
    branches: tuple[str, ...] | None = None
    quantities_known: bool = False
    blocking: tuple[frozenset[Hashable], ...] = ()
    distance: float = 0.0

    @classmethod
    def of(
        cls,
        book: OrderBook,
        clearing: BookClearing,
        mechanism: Mechanism,
        payments: NDArray[np.float64],
        *,
        position: float = 0.5,
        pivotal_kwh: dict[Hashable, float] | None = None,
    ) -> OneBusSettlement:
        """Return the settlement of a clearing; the fixed load pays the market price."""
        price = clearing.price(position)
        price.setflags(write=False)
        served = book.served_kwh(clearing.shed_kwh)
        paid = (np.where(served > 0, price, 0.0) * served).sum(axis=1)
        worth = book.value_of_lost_load * served.sum(axis=1)
        money = money_of(
            book.price_per_kwh, book.quantity_kwh, book.value_of_lost_load, book.demand_kwh
        )
        return cls(
            book.participants,
            payments,
            clearing.values,
            mechanism.title,
            dict(
                zip(book.load_names, zip(worth.tolist(), paid.tolist(), strict=True), strict=True)
            ),
            best_welfare=clearing.welfare,
            tolerance=_PRECISION * money,
            rule=mechanism,
            book=book,
            accepted_kwh=clearing.accepted_kwh,
            shed_kwh=clearing.shed_kwh,
            price_per_kwh=price,
            price_lower=clearing.price_lower,
            price_upper=clearing.price_upper,
            pivotal_kwh=pivotal_kwh or {},
        )

    @property
    def of_market(self) -> OrderBook:
        """The book."""
        return self.book

    @property
    def consumed(self) -> NDArray[np.float64]:
        """What each participant buys, and then what the fixed load takes."""
        bought = by_participant(self.book, np.where(self.book.is_bid, self.accepted_kwh, 0.0))
        return np.append(bought, self.book.served_kwh(self.shed_kwh).sum(axis=1))

    def properties(
        self,
        *,
        scan: Iterable[Hashable] | None = None,
        seed: int = 0,
        max_seconds: float = PROPERTIES_TIME_LIMIT,
        progress: bool = True,
    ) -> PropertyReport:
        """Return what is known of this outcome, and by how much what fails does so.

        Parameters
        ----------
        scan : iterable of hashable, optional
            The participants whose misreports are tried. Under VCG, the uniform price and pay as bid
            each with all factors of its prices, and with those of its quantities where another
            order sets the price; under other mechanisms with up to 64 prices and 6 quantities (24
            and 4 for core-selecting payments). By default nobody where truthfulness is a theorem,
            otherwise everybody, or of more than 32 (8) those with the largest trade and as many
            others, drawn. An empty list tries none.
        seed : int, default 0
            Draws them.
        max_seconds : float, default 6
            After so much time no further misreport is tried; what has been tried counts, and the
            verdict says that it was stopped. Up to half of it is for the search for a blocking
            coalition, which has a bound at any time. Infinity is no limit.
        progress : bool, default True
            Show the misreports tried where standard error is a terminal.

        Returns
        -------
        PropertyReport

        Notes
        -----
        The core here: no coalition of participants, with fixed loads or without them, could trade
        among itself for more than its members' utilities.

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
          incentive compatible   yes, by theorem
          in the core            yes
          budget balanced        no: deficit 4
        """
        book, trials = self.book, Trials()
        rest = [value - paid for value, paid in self.outside.values()]
        if self.quantities_known:
            trials = dataclasses.replace(trials, quantities=0)
        return property_report(
            self,
            book,
            scan=scan,
            seed=seed,
            max_seconds=max_seconds,
            progress=progress,
            ranked=np.argsort(-by_participant(book, self.accepted_kwh), kind="stable"),
            trials=trials,
            best_welfare=book.clear().welfare,
            rest=(np.array(rest) if len(rest) > 1 else sum(rest)),
            theorem="by theorem, of prices" if self.quantities_known else "by theorem",
        )

    def to_dict(self) -> dict[str, object]:
        """Return everything but the book in the types that JSON knows."""
        result = super().to_dict()
        del result["book"]
        if self.book.times is not None:
            names = [self.book.period_name(period) for period in range(self.book.n_periods)]
            result["times"] = names
        return result
