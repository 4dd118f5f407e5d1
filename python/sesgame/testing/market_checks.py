"""What should hold of a market's outcome, whoever made it: no engine, no solver.

The *outcome* of an order book is anything with ``payments`` (by participant: a mapping, or a
sequence in their order; positive = pays) and ``accepted_kwh`` (by order), as every
:class:`~sesgame.markets.Settlement` of an order book has. A fixed load pays what a mapping
``outside`` says, ``{"load": (value, paid)}``, or nothing. Other markets need ``payments`` and
whatever their ``true_value`` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.game.game import Game
from sesgame.markets.market import Market
from sesgame.markets.order_book import OrderBook
from sesgame.markets.trading_games import coalition_welfare, market_game, trading_orders
from sesgame.testing.precision import tolerance_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "assert_cleared",
    "assert_truthful",
    "best_welfare",
    "market_payoffs",
    "trading_game",
    "welfare_of",
]

DEFAULT_FACTORS = np.concatenate([np.linspace(0, 2, 17), [3.0, 10.0]])
JUST_BESIDE = 1e-6
"""How far a misreport undercuts, or outbids, the order of somebody else."""


def trading_game(book: OrderBook) -> Game:
    r"""Return the game in which a coalition trades among itself.

    .. math::

        v(S) = \sum_t \min_p \sum_{k \in S_t} q_k \max(0, \pm (\text{limit}_k - p))

    Parameters
    ----------
    book : OrderBook
        Its fixed loads are players, too: ``"load"``, where there is one without a name.

    Returns
    -------
    Game
        Gains: the largest welfare of each coalition's own orders, by linear programming duality.
        The table of :func:`sesgame.markets.market_game`.

    Raises
    ------
    PlayerLimitError
        More than 30 participants.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 2), ("bob", "offer", 3, 1), ("eve", "offer", 5, 1)]
    ... )
    >>> trading_game(book).value(["ann", "bob", "eve"])
    10.0
    """
    game = market_game(book)
    game.tabulate(progress=False)
    return game


def best_welfare(book: OrderBook) -> float:
    """Return the largest welfare of any trade in an order book.

    Parameters
    ----------
    book : OrderBook
        Its fixed load counts at the value of lost load.

    Returns
    -------
    float
        As :func:`trading_game` is worth to everybody.

    Notes
    -----
    O(m^2) for m orders in a period.

    Examples
    --------
    >>> import sesgame as sg
    >>> best_welfare(
    ...     sg.markets.OrderBook.from_orders([("ann", "bid", 9, 2), ("bob", "offer", 3, 1)])
    ... )
    6.0
    """
    n_players = len(book.participants) + len(book.load_names)
    everybody = np.ones((1, n_players), dtype=np.bool_)
    return float(coalition_welfare(trading_orders(book), everybody)[0])


def market_payoffs(market: Market, outcome: Any) -> NDArray[np.float64]:
    """Return value minus payment of each participant and, in an order book, of its loads."""
    payoffs = [
        market.true_value(participant, outcome) - payment
        for participant, payment in zip(
            market.participants, _payments(market, outcome), strict=True
        )
    ]
    if isinstance(market, OrderBook):
        outside = getattr(outcome, "outside", {})
        for name, value in zip(market.load_names, _values_of_loads(market, outcome), strict=True):
            _, paid = outside.get(name, (0.0, 0.0))
            payoffs.append(value - paid)
    return np.array(payoffs, dtype=np.float64)


def welfare_of(book: OrderBook, outcome: Any) -> float:
    """Return what the outcome of an order book is worth to everybody."""
    values = [book.true_value(participant, outcome) for participant in book.participants]
    return float(sum(values)) + float(_values_of_loads(book, outcome).sum())


def _values_of_loads(book: OrderBook, outcome: Any) -> NDArray[np.float64]:
    """Return what each fixed load has of what is left for them, in proportion to their demand."""
    sold = np.where(book.is_bid, -1.0, 1.0) * np.asarray(outcome.accepted_kwh, dtype=np.float64)
    left = np.bincount(book.period, weights=sold, minlength=book.n_periods)
    served = book.served_kwh(book.demand_kwh - left)
    values: NDArray[np.float64] = book.value_of_lost_load * served.sum(axis=1)
    return values


def _payments(market: Market, outcome: Any) -> list[float]:
    payments = outcome.payments
    if isinstance(payments, Mapping):
        return [float(payments[participant]) for participant in market.participants]
    if len(payments) != len(market.participants):
        raise GameError(
            f"the outcome has {len(payments)} payments for {len(market.participants)} participants"
        )
    return [float(payment) for payment in payments]


def assert_cleared(book: OrderBook, outcome: Any, *, tolerance: float | None = None) -> None:
    """Fail unless what is sold is bought, and no order gives or takes more than it says.

    Parameters
    ----------
    book : OrderBook
        What was settled. Its fixed load takes what is left, up to its demand.
    outcome : settlement
        With ``accepted_kwh``.
    tolerance : float, optional
        Absolute; by default 1e-9 of all quantities.

    Raises
    ------
    AssertionError
        The order, or the period, and by how much.

    Examples
    --------
    >>> import sesgame as sg
    >>> from types import SimpleNamespace
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 2), ("bob", "offer", 3, 1)])
    >>> assert_cleared(book, SimpleNamespace(accepted_kwh=[2, 1]))
    Traceback (most recent call last):
    AssertionError: period 0: 2 kWh are bought, 1 kWh sold, for a load of 0 kWh
    """
    accepted = np.asarray(outcome.accepted_kwh, dtype=np.float64)
    if accepted.shape != book.quantity_kwh.shape:
        raise AssertionError(f"{accepted.size} quantities for {book.quantity_kwh.size} orders")
    tolerance = tolerance_of(tolerance, book.quantity_kwh.sum() + book.demand_kwh.sum())
    beyond = np.maximum(-accepted, accepted - book.quantity_kwh)
    if len(beyond) and not beyond.max() <= tolerance:
        worst = int(np.argmax(beyond))
        raise AssertionError(
            f"{book.name(worst)} is for {book.quantity_kwh[worst]:.6g} kWh, "
            f"but {accepted[worst]:.6g} kWh are accepted"
        )
    for period in range(book.n_periods):
        now = book.period == period
        bought = float(accepted[now & book.is_bid].sum())
        sold = float(accepted[now & ~book.is_bid].sum())
        if not -tolerance <= sold - bought <= book.demand_kwh[period] + tolerance:
            raise AssertionError(
                f"period {period}: {bought:.6g} kWh are bought, {sold:.6g} kWh sold, "
                f"for a load of {book.demand_kwh[period]:.6g} kWh"
            )


def assert_truthful(
    mechanism: Callable[[Any], Any],
    market: Market,
    *,
    participants: Iterable[Hashable] | None = None,
    price_factors: ArrayLike | None = None,
    quantity_factors: ArrayLike = (1.0,),
    tolerance: float | None = None,
) -> None:
    """Fail if a misreport that is tried pays, by the market's own reports as the truth.

    Parameters
    ----------
    mechanism : callable
        From market to outcome.
    market : OrderBook or another market
        The truth.
    participants : iterable of hashable, optional
        Whose misreports are tried, one at a time; by default those of all who have orders.
    price_factors : array_like of float, optional
        By what all prices of a participant are multiplied. By default 19 factors from 0 to 10
        and, in an order book, those that lift or lower one of its prices just past each price of
        somebody else, where an outcome can change.
    quantity_factors : array_like of float, default (1,)
        By what all quantities are multiplied.
    tolerance : float, optional
        Absolute; by default 1e-9 of the largest value or payment that was seen, and at least 1e-12.

    Raises
    ------
    AssertionError
        Who gains, by which misreport, and how much.

    Notes
    -----
    The mechanism is run once for each misreport. Not a proof of truthfulness.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    ... )
    >>> assert_truthful(sg.markets.vcg, book)
    >>> assert_truthful(sg.markets.pay_as_bid, book)
    Traceback (most recent call last):
    AssertionError: ann gains 4 with prices x 0.555556, quantities x 1: 4 instead of 0
    """
    truth = mechanism(market)
    paid = dict(zip(market.participants, _payments(market, truth), strict=True))
    for participant in market.participants if participants is None else participants:
        if not market.has_orders(participant):
            continue
        value = market.true_value(participant, truth)
        honest, scale = value - paid[participant], max(abs(value), abs(paid[participant]))
        best = (-np.inf, 1.0, 1.0)
        for price_factor in _price_factors(market, participant, price_factors):
            for quantity_factor in np.asarray(quantity_factors, dtype=np.float64):
                reported = market.misreport(participant, price_factor, quantity_factor)
                outcome = mechanism(reported)
                value = market.true_value(participant, outcome)
                payment = _payments(market, outcome)[market.participants.index(participant)]
                if np.isfinite(value):
                    scale = max(scale, abs(value), abs(payment))
                best = max(best, (value - payment, float(price_factor), float(quantity_factor)))
        earned, price_factor, quantity_factor = best
        if earned - honest > tolerance_of(tolerance, scale):
            raise AssertionError(
                f"{participant} gains {earned - honest:.6g} with prices x {price_factor:.6g}, "
                f"quantities x {quantity_factor:.6g}: {earned:.6g} instead of {honest:.6g}"
            )


def _price_factors(
    market: Market, participant: Hashable, factors: ArrayLike | None
) -> NDArray[np.float64]:
    if factors is not None:
        return np.asarray(factors, dtype=np.float64)
    if not isinstance(market, OrderBook):
        return DEFAULT_FACTORS
    is_own = market.participant == market.participants.index(participant)
    own = market.price_per_kwh[is_own]
    others = np.append(market.price_per_kwh[~is_own], market.value_of_lost_load)
    past = np.divide.outer(others, own[own != 0]).ravel()
    past = np.concatenate([past * (1 - JUST_BESIDE), past * (1 + JUST_BESIDE)])
    return np.unique(np.concatenate([DEFAULT_FACTORS, past[past >= 0]]))
