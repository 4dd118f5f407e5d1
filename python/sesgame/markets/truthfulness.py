"""Truthfulness as an experiment: what a participant earns by each of many misreports."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import EngineRule
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.markets.breakpoints import (
    JUST_BESIDE,
    BookBreakpoints,
    PriceSupremum,
    check_orders,
)
from sesgame.markets.market import ClearableMarket, Market
from sesgame.markets.mechanism import Mechanism
from sesgame.markets.order_book import OrderBook
from sesgame.markets.settlement import Settlement
from sesgame.markets.steps import numbers
from sesgame.optional_imports import needs
from sesgame.progress import progress_report

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MisreportScan",
    "engine_rule_of",
    "likely_price_factors",
    "misreport_scan",
    "scan_until",
]

NEAR_ONE = (0.9, 0.95, 0.98, 0.99, 1.01, 1.02, 1.05, 1.1)
"""Where who sets the price itself gains: a little, often."""

MORE_FACTORS = 48
"""Factors beside the evenly spaced ones, where none are given."""

_BLOCK = 1 << 16
"""Misreports in a block: bounds the memory for reports of many steps."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MisreportScan(ByValue):
    """What a participant's misreports earn it, by its true values.

    A gain is at least what was found; finding none proves nothing.

    Attributes
    ----------
    participant : hashable
        Who misreports, while everybody else keeps to the truth.
    truthful_utility : float
        Its utility when it tells the truth.
    utilities : ndarray of float, shape (a, b)
        Its utility when it multiplies all its prices by ``price_factors[j]`` and all its
        quantities by ``quantity_factors[k]``; minus infinity where it then trades more than it
        truly has or can take.
    price_factors, quantity_factors : ndarray of float, shape (a,) and (b,)
        The misreports.
    tolerance : float
        Gains up to this are rounding.
    supremum : float or None
        The least upper bound of its utility over *all* factors of its prices, with true
        quantities; None where it is not known.
    evaluations : int
        Misreports that were evaluated: those above, and those that prove the bound.
    """

    participant: Hashable
    truthful_utility: float
    utilities: NDArray[np.float64]
    price_factors: NDArray[np.float64]
    quantity_factors: NDArray[np.float64]
    tolerance: float
    supremum: float | None = None
    evaluations: int = 0

    @property
    def gain(self) -> float:
        """The most that a misreport that was tried earns above the truth; 0 where none does."""
        gain = float(self.utilities.max(initial=-np.inf)) - self.truthful_utility
        return gain if gain > self.tolerance else 0.0

    @property
    def largest_gain(self) -> float | None:
        """What no factor of all its prices earns more than; None where that is not known.

        Nearly reached where :attr:`gain` is a little less: just beside the price of somebody else.
        """
        if self.supremum is None:
            return None
        gain = self.supremum - self.truthful_utility
        return gain if gain > self.tolerance else 0.0

    def to_pandas(self) -> pd.DataFrame:
        """Return utilities, a row for each price factor, a column for each quantity factor.

        Needs the extra ``pandas``.
        """
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.DataFrame(
            self.utilities,
            index=pd.Index(self.price_factors, name="price_factor"),
            columns=pd.Index(self.quantity_factors, name="quantity_factor"),
        )

    @property
    def best_misreport(self) -> tuple[float, float] | None:
        """The price and quantity factor of the best misreport; None where none was found."""
        if self.gain == 0:
            return None
        j, k = np.unravel_index(int(np.argmax(self.utilities)), self.utilities.shape)
        return float(self.price_factors[j]), float(self.quantity_factors[k])

    def with_supremum(self, best: PriceSupremum) -> MisreportScan:
        """Return the scan with what is known of all factors of prices."""
        evaluations = self.utilities.size + best.evaluations
        return dataclasses.replace(self, supremum=best.utility, evaluations=evaluations)

    @property
    def what_pays(self) -> str:
        """The gain, and the misreport that brings it."""
        price, quantity = self.best_misreport or (1.0, 1.0)
        return f"{self.gain:.6g} with prices x {price:.4g}, quantities x {quantity:.4g}"

    def __repr__(self) -> str:
        found = "no gain found" if self.gain == 0 else f"gain at least {self.what_pays}"
        if self.largest_gain is not None:
            found += f"; by no factor of prices more than {self.largest_gain:.6g}"
        return f"MisreportScan({self.participant!r}, {self.utilities.size} misreports: {found})"


@checked_arguments
def misreport_scan(
    mechanism: Callable[[Any], Settlement],
    participant: Hashable,
    market: Market,
    *,
    price_factors: ArrayLike | None = None,
    quantity_factors: ArrayLike = (1.0,),
    progress: bool = True,
) -> MisreportScan:
    """Return what a participant would earn by misreporting prices and quantities.

    The market is taken as the truth; the participant's reports are its true ones with all prices
    (values) multiplied by one factor and all quantities by another.

    Parameters
    ----------
    mechanism : callable
        From market to settlement, for example :func:`sesgame.markets.vcg`.
    participant : hashable
        Who misreports.
    market : OrderBook, NetworkMarket or StorageAuction
        The true values of everybody.
    price_factors : array_like of float, shape (a,), optional
        By default 201 factors from 0 to 3 and, of a market of this package, up to 48 where its
        place among the others changes, or near 1; under a rule that the engine scans also the best
        of all factors. Not negative, since that would unsort the steps.
    quantity_factors : array_like of float, shape (b,), default (1,)
        Not negative.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    MisreportScan

    Raises
    ------
    CoalitionError
        There is no such participant.
    GameError
        A factor is negative, NaN or infinite, or the participant has no order.

    Notes
    -----
    For an order book under :func:`~sesgame.markets.vcg`,
    :func:`~sesgame.markets.uniform_price` (at its middle) or
    :func:`~sesgame.markets.pay_as_bid` the engine sorts the others once and then needs
    O(s log m) for each misreport of s steps, on all cores. Otherwise the mechanism is run once
    for each misreport. The quantity factors mean nothing in a storage auction.

    Under those rules utility is constant or linear in the factor of all prices between those at
    which one of them passes a price of somebody else. So its least upper bound over all factors is
    known, `supremum`, with true quantities.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    ... )
    >>> sg.misreport_scan(sg.markets.vcg, "ann", book)
    MisreportScan('ann', 210 misreports: no gain found; by no factor of prices more than 0)
    >>> scan = sg.misreport_scan(sg.markets.pay_as_bid, "ann", book)
    >>> round(scan.gain, 4), round(scan.best_misreport[0] * 9, 4)  # just above Bob
    (4.0, 5.0)
    """
    check_orders(market, participant)
    truth = mechanism(market)
    best = None
    engine_rule = engine_rule_of(mechanism, truth)
    if engine_rule is not None and isinstance(market, OrderBook):
        best = BookBreakpoints(market).prices(participant, engine_rule)
    if price_factors is None:
        likely = likely_price_factors(market, participant, MORE_FACTORS, spread=0)
        exact = [] if best is None else [best.factor]
        price_factors = np.union1d(np.linspace(0, 3, 201), np.append(likely, exact))
    prices = _factors("price_factors", price_factors)
    quantities = _factors("quantity_factors", quantity_factors)
    with progress_report("misreports", "", progress) as report:

        def tried(count: int) -> bool:
            if report is not None:
                report(count, len(prices) * len(quantities))
            return True

        factors = (prices, quantities)
        scan = scan_until(mechanism, participant, market, factors, tried, truth=truth)
    return scan if best is None else scan.with_supremum(best)


def scan_until(
    mechanism: Callable[[Any], Settlement],
    participant: Hashable,
    market: Market,
    factors: tuple[NDArray[np.float64], NDArray[np.float64]],
    tried: Callable[[int], bool],
    *,
    truth: Settlement | None = None,
) -> MisreportScan:
    """Return what misreports earn of which as many are tried as somebody says.

    Parameters
    ----------
    mechanism, participant, market
        As in :func:`misreport_scan`.
    factors : tuple of ndarray of float, shape (a,) and (b,)
        Of prices and of quantities; all quantities of one price come together.
    tried : callable
        From the number of misreports tried so far to whether to go on. What is tried of a price
        for which not all quantities are counts for nothing.
    truth : Settlement, optional
        Of the market itself by the mechanism, where it is known.
    """
    prices, quantities = factors
    pairs = np.stack(np.meshgrid(prices, quantities, indexing="ij"), axis=-1).reshape(-1, 2)
    truth = mechanism(market) if truth is None else truth
    engine_rule = engine_rule_of(mechanism, truth)

    def utilities(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
        if engine_rule is not None and isinstance(market, OrderBook):
            return market.misreport_utilities(participant, engine_rule, pairs)
        return np.array([_utility(mechanism, market, participant, *pair) for pair in pairs])

    if engine_rule is None:
        block, truthful = 1, market.true_value(participant, truth) - truth[participant]
    else:
        # The truth goes through the same scan, so that it is computed in the same way.
        block, truthful = _BLOCK, float(utilities(np.ones((1, 2)))[0])
    found = np.empty(len(pairs))
    end = 0
    while end < len(pairs):
        start, end = end, min(end + block, len(pairs))
        found[start:end] = utilities(pairs[start:end])
        if not tried(end):
            break
    rows = end // len(quantities)
    return MisreportScan(
        participant,
        truthful,
        found[: rows * len(quantities)].reshape(rows, len(quantities)),
        prices[:rows],
        quantities,
        truth.tolerance,
        evaluations=rows * len(quantities),
    )


def likely_price_factors(
    market: Market, participant: Hashable, count: int, *, spread: int = 9
) -> NDArray[np.float64]:
    """Return factors of a participant's prices by which it might gain.

    Where one of its prices passes just beside that of somebody else, since nothing changes in
    between but payments; near 1; and evenly spaced from 0 to 2.

    Parameters
    ----------
    market : Market
        Of another kind than those of this package, it has no prices to pass by.
    participant : hashable
        Who misreports.
    count : int
        How many factors, at most, if that is more than those near 1 and the evenly spaced ones.
    spread : int, default 9
        How many evenly spaced ones, the truth counted.
    """
    check_orders(market, participant)
    plain = np.concatenate([NEAR_ONE, np.linspace(0, 2, spread)])
    plain = plain[plain != 1]
    if not isinstance(market, ClearableMarket):
        return np.unique(plain)
    own, others = market.rival_prices(participant)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        past = others / own
    past = np.unique(past[np.isfinite(past) & (past > 0)])
    room = max(0, count - len(plain)) // 2
    if len(past) > room:
        # Half of them nearest to the truth, the others evenly among the rest.
        by_distance = np.argsort(np.abs(np.log(past)), kind="stable")
        near, far = by_distance[: (room + 1) // 2], np.sort(by_distance[(room + 1) // 2 :])
        some = np.linspace(0, len(far) - 1, room // 2).astype(np.intp)
        past = past[np.concatenate([near, far[some]])]
    return np.unique(np.concatenate([plain, past * (1 - JUST_BESIDE), past * (1 + JUST_BESIDE)]))


def engine_rule_of(
    mechanism: Callable[[Any], Settlement], settlement: Settlement
) -> EngineRule | None:
    """Return the rule that the engine scans, where a settlement says that the mechanism is one.

    A function of somebody else's that only ends in a settlement of ours is not.
    """
    made_by = settlement.rule
    if isinstance(made_by, Mechanism) and (mechanism is made_by or mechanism is made_by.settle):
        return made_by.engine_rule
    return None


def _utility(
    mechanism: Callable[[Any], Settlement],
    market: Market,
    participant: Hashable,
    price_factor: float,
    quantity_factor: float,
) -> float:
    settlement = mechanism(market.misreport(participant, price_factor, quantity_factor))
    return market.true_value(participant, settlement) - settlement[participant]


def _factors(name: str, factors: ArrayLike) -> NDArray[np.float64]:
    array = numbers(name, factors).reshape(-1)
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any() or not array.size:
        raise GameError(
            f"{name} must be finite and non-negative, got {array[bad] if array.size else 'none'}"
        )
    return array
