"""MUDA: a truthful double auction for several steps of each trader, at prices of the other half."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.steps import (
    PRICE_ROUNDING,
    QUANTITY_ROUNDING,
    by_participant,
    one_price_each,
    signed,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MUDA", "muda"]

Rationing = Literal["lottery", "vickrey"]
RATIONING = ("lottery", "vickrey")


@checked_arguments
def muda(
    book: OrderBook, *, seed: int = 0, rationing: Literal["lottery", "vickrey"] = "lottery"
) -> OneBusSettlement:
    """Return the trades of MUDA, a truthful double auction for several steps of each trader.

    Traders are split into two halves by lot. The price of each half is the clearing price of the
    *other* half, on which no report of its own has an influence. Who gains at that price trades;
    the side that has less trades all of it, and the other side is rationed.

    Parameters
    ----------
    book : OrderBook
        No fixed demand, and nobody who buys and sells in one period. Each may have any number of
        steps.
    seed : int, default 0
        Draws the halves and the order of a lottery, from the seed and each trader's label: the
        same in whatever order the traders are.
    rationing : {"lottery", "vickrey"}, default "lottery"
        How the side that has more is rationed: one after the other, drawn, as much as each wants;
        or those who gain most, who then pay, beside the price, what the others of their side would
        have gained with what they take.

    Returns
    -------
    OneBusSettlement
        Truth is a dominant strategy, prices and quantities, whatever is drawn; individually
        rational. By lottery the budget is balanced; by Vickrey the trades of a half are worth most,
        and a surplus stays. `price_per_kwh` is NaN, since each half has its price:
        `price_lower` and `price_upper` are the lower and the higher one.

    Raises
    ------
    GameError
        The market is of another kind, has fixed demand, or has a trader on both sides; `seed` is
        negative or `rationing` unknown.

    Notes
    -----
    O(m log m), and by Vickrey O(m) for each who trades. The larger the market, the less is lost:
    in a small one half of it may be. A half does not trade where nobody in the other one has an
    order, nor does who gains nothing at the price.

    References
    ----------
    Segal-Halevi, Hassidim and Aumann (2018) [segalhalevi2018]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [(f"b{k}", "bid", 5 + k, 1) for k in range(6)]
    ...     + [(f"s{k}", "offer", 1 + k, 1) for k in range(6)]
    ... )
    >>> settlement = sg.markets.muda(book, seed=1)
    >>> sg.budget_balance(settlement).balanced, settlement.welfare < book.clear().welfare
    (True, True)
    """
    MUDA.check(book)
    _check(book, seed, rationing)
    half, rank = _lots(book.participants, seed)
    accepted, payments = np.zeros_like(book.quantity_kwh), np.zeros_like(book.quantity_kwh)
    prices = np.full((2, book.n_periods), np.nan)
    members = [np.flatnonzero(half == side) for side in (0, 1)]
    for side in (0, 1):
        if len(members[1 - side]):
            prices[side] = book.only(members[1 - side], with_load=False).clear().price()
    for side in (0, 1):
        for period in np.flatnonzero(~np.isnan(prices[side])):
            orders = np.flatnonzero((book.period == period) & (half[book.participant] == side))
            took, paid = trade_at(book, orders, float(prices[side, period]), rank, rationing)
            accepted[orders], payments[orders] = took, paid
    accepted.setflags(write=False)
    mechanism = MUDA
    if (seed, rationing) != (0, "lottery"):
        settle = partial(muda, seed=seed, rationing=rationing)
        promises = MUDA.promises
        if rationing == "vickrey":
            promises = (promises - {MarketPromise.BALANCED}) | {MarketPromise.NO_DEFICIT}
        mechanism = dataclasses.replace(MUDA, settle=settle, promises=promises)
    traded = signed(book, accepted)
    both = ~np.isnan(prices).all(axis=0)
    lower, upper = np.full((2, book.n_periods), np.nan)
    lower[both] = np.nanmin(prices[:, both], axis=0)
    upper[both] = np.nanmax(prices[:, both], axis=0)
    price = np.full(book.n_periods, np.nan)
    for column in (price, lower, upper):
        column.setflags(write=False)
    return dataclasses.replace(
        OneBusSettlement.of(book, book.clear(), mechanism, by_participant(book, payments)),
        values=by_participant(book, traded * book.price_per_kwh),
        accepted_kwh=accepted,
        price_per_kwh=price,
        price_lower=lower,
        price_upper=upper,
    )


def trade_at(
    book: OrderBook,
    orders: NDArray[np.intp],
    price: float,
    rank: NDArray[np.float64],
    rationing: Rationing,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what orders of one period trade, and pay, at a price that is none of theirs.

    Parameters
    ----------
    book : OrderBook
        Whose orders they are.
    orders : ndarray of int, shape (k,)
        Their positions.
    price : float
        What a kWh costs.
    rank : ndarray of float, shape (n,)
        Of each participant: the lower comes first in a lottery.
    rationing : {"lottery", "vickrey"}
        Of the side that has more.
    """
    own_price, quantity = book.price_per_kwh[orders], book.quantity_kwh[orders]
    is_bid = book.is_bid[orders]
    gain = np.where(is_bid, own_price - price, price - own_price)
    # At the price, up to rounding, nobody gains.
    gains = gain > PRICE_ROUNDING * np.maximum(np.abs(own_price), abs(price))
    wanted = np.where(gains, quantity, 0.0)
    bought, sold = float(wanted[is_bid].sum()), float(wanted[~is_bid].sum())
    traded, longer = min(bought, sold), is_bid if bought > sold else ~is_bid
    sign = np.where(is_bid, 1.0, -1.0)
    if abs(bought - sold) <= QUANTITY_ROUNDING * max(bought, sold):
        return wanted, sign * price * wanted
    accepted = np.where(longer, 0.0, wanted)
    harm = np.zeros_like(accepted)
    places = np.flatnonzero(longer & (wanted > 0))
    owner = book.participant[orders[places]]
    # The best first: of a trader's steps, or by Vickrey of all, where the draw is for equal gains.
    best, drawn = one_price_each(own_price[places]) * -sign[places], rank[owner]
    keys = (owner, drawn, best) if rationing == "vickrey" else (best, owner, drawn)
    places = places[np.lexsort(keys)]
    before = np.cumsum(wanted[places]) - wanted[places]
    accepted[places] = np.clip(traded - before, 0.0, wanted[places])
    if rationing == "vickrey":
        owner = book.participant[orders[places]]
        harm[places] = _harm(gain[places], wanted[places], accepted[places], owner)
    return accepted, sign * price * accepted + harm


def _harm(
    gain: NDArray[np.float64],
    wanted: NDArray[np.float64],
    accepted: NDArray[np.float64],
    owner: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return what the others would gain with what each trader takes, at its first step.

    Steps are sorted by what a kWh gains. Without a trader the next ones, of the others, take its
    place, as far as there are any.
    """
    harm, left = np.zeros_like(gain), wanted - accepted
    for trader in np.unique(owner[accepted > 0]):
        own = owner == trader
        open_to = np.where(own, 0.0, left)
        place = np.cumsum(open_to) - open_to
        taken = np.clip(accepted[own].sum() - place, 0.0, open_to)
        harm[np.argmax(own)] = (taken * gain).sum()
    return harm


def _lots(
    participants: Iterable[Hashable], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the half of each participant, and its place in a lottery, as drawn."""
    digests = [hashlib.sha256(f"{seed}:{label}".encode()).digest() for label in participants]
    half = np.array([digest[0] & 1 for digest in digests], dtype=np.int64)
    rank = np.array([int.from_bytes(digest[1:9], "big") for digest in digests], dtype=np.float64)
    return half, rank


def _check(book: OrderBook, seed: int, rationing: str) -> None:
    if rationing not in RATIONING:
        raise GameError(f'rationing must be "lottery" or "vickrey", got {rationing!r}')
    if seed < 0:
        raise GameError(f"seed must be at least 0, got {seed}")
    if book.demand_kwh.any():
        period = int(np.argmax(book.demand_kwh > 0))
        raise GameError(
            f"MUDA is for bids and offers only, but period {period} has fixed demand; give it as a "
            f"bid at the value of lost load"
        )
    key = book.period * len(book.participants) + book.participant
    both = np.intersect1d(key[book.is_bid], key[~book.is_bid])
    if both.size:
        k = int(np.flatnonzero((key == both[0]) & book.is_bid)[0])
        raise GameError(
            f"{book.name(k)} is a bid of somebody who offers, too, in period {book.period[k]}; "
            f"MUDA is truthful only for who buys or sells"
        )


MUDA = Mechanism(
    name="muda",
    title="muda",
    settle=muda,
    markets=(OrderBook,),
    promises=frozenset({MarketPromise.VOLUNTARY, MarketPromise.TRUTHFUL, MarketPromise.BALANCED}),
    meaning="two halves by lot, each at the clearing price of the other one",
    gives_up="trades between the halves, and what is rationed by lot",
    page="concepts/market-rules",
    sources=("segalhalevi2018",),
)
