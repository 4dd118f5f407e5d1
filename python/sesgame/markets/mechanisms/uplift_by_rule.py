"""Who bears a mechanism's deficit by a rule of cooperative games."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np

from sesgame.errors import AllocationError, GameError
from sesgame.formatting import named
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.markets.budget import budget_balance
from sesgame.markets.mechanism import MarketPromise
from sesgame.markets.mechanisms.budget_repair import Repair, S, Settle, repaired
from sesgame.markets.network import NetworkMarket
from sesgame.markets.order_book import OrderBook
from sesgame.markets.settlement import Settlement
from sesgame.markets.trading_games import deficit_game, market_game

__all__ = ["uplift_by_rule"]

_KINDS = ("welfare", "deficit")


@checked_arguments
def uplift_by_rule(
    settlement: S,
    rule: Callable[[Game], Allocation],
    *,
    of: Literal["welfare", "deficit"] = "welfare",
) -> S:
    r"""Return the settlement whose deficit is borne as a rule of cooperative games has it.

    Two readings, and the method of the result says which. By shares :math:`x` *of the welfare*
    everybody ends with its share of what all gain together, whatever the payments were before:

    .. math:: t_i' = v_i(q^*) - x_i, \qquad x = \text{rule}(v)

    After VCG that is a part :math:`M_i - x_i` of the deficit, with what i adds to all others
    :math:`M_i = v(N) - v(N \setminus i)`: the same part for all by the equal surplus division ENSC,
    in proportion to the gain over standing alone by the Gately point. By shares :math:`r` *of the
    deficit* what a coalition would lack on its own is shared out as a cost:

    .. math:: t_i' = t_i + r_i, \qquad r = \text{rule}(D)

    By the Shapley value both are the same after VCG, where everybody bids; by the nucleolus they
    differ. Rules that split a surplus have nothing to split where deficits grow faster than
    coalitions, and say so.

    Parameters
    ----------
    settlement : Settlement
        Of an order book or a network, by a mechanism of this package. For shares of the welfare
        its outcome must be efficient.
    rule : callable
        From a game to an allocation, for example :func:`sesgame.shapley_value`,
        :func:`sesgame.nucleolus` or :func:`sesgame.gately_point`; ENSC is
        ``functools.partial(sesgame.equal_surplus_allocation, from_="marginal")``.
        Its shares must add up.
    of : {"welfare", "deficit"}, default "welfare"
        What is shared out: :func:`market_game` or :func:`deficit_game`.

    Returns
    -------
    Settlement
        With the same outcome and a balanced budget. In the core of the market where the shares of
        its welfare are in the core of its game. Truth is no dominant strategy.

    Raises
    ------
    AllocationError
        The rule gives no allocation of that game, or shares that do not add up, as
        :func:`sesgame.vcg_payments` does.
    GameError
        The settlement has no order book or network, or its outcome loses welfare.

    Notes
    -----
    As many values of the game as the rule asks for: 2n + 1 for ENSC and the Gately point, 2^n for
    the Shapley value and the nucleolus.

    References
    ----------
    Gately (1974) [gately1974]_; Driessen and Funaki (1991) [driessen1991]_ for ENSC.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([
    ...     ("s1", "offer", 0.00, 4), ("s2", "offer", 0.09, 6),
    ...     ("b1", "bid", 0.15, 3), ("b2", "bid", 0.30, 6),
    ... ])
    >>> settlement = sg.markets.vcg(book)
    >>> sg.markets.uplift_by_rule(settlement, sg.gately_point).utilities.round(3).tolist()
    [0.364, 0.404, 0.121, 0.91]
    >>> sg.markets.uplift_by_gain(settlement).utilities.round(3).tolist()
    [0.364, 0.404, 0.121, 0.91]
    >>> sg.markets.uplift_by_rule(settlement, sg.shapley_value, of="deficit").method
    'vcg + uplift by Shapley value of deficit'
    """
    if of not in _KINDS:
        raise GameError(f'of must be "welfare" or "deficit", got {of!r}')
    if of == "deficit":
        return _of_deficit(settlement, rule)
    market = settlement.of_market
    if not isinstance(market, (OrderBook, NetworkMarket)):
        raise GameError(
            f"a game of welfare needs an OrderBook or a NetworkMarket; the settlement by "
            f"{settlement.method!r} has {named(market)}"
        )
    shares = _shares(market_game(market), rule)
    values = np.append(settlement.values, [value for value, _ in settlement.outside.values()])
    if len(values) != len(shares.values):
        raise GameError(
            f"the settlement by {settlement.method!r} has others outside than fixed loads; share "
            f"out market_game with them and give the shares yourself"
        )
    missed = float(shares.values.sum() - values.sum())
    if abs(missed) > settlement.tolerance * len(values):
        raise GameError(
            f"the outcome of {settlement.method!r} is worth {values.sum():.6g}, and "
            f"{shares.values.sum():.6g} are shared out; only an efficient outcome is worth that: "
            f'of="deficit" is for the others'
        )
    return _paid(settlement, values - shares.values, rule, of, shares.method)


def _of_deficit(settlement: S, rule: Callable[[Game], Allocation]) -> S:
    shares = _shares(deficit_game(settlement), rule)
    paid = np.append(settlement.payments, [paid for _, paid in settlement.outside.values()])
    gap = budget_balance(settlement)
    if len(paid) != len(shares.values) or (
        abs(gap.gap + float(shares.values.sum())) > 2 * gap.tolerance
    ):
        raise GameError(
            f"the payments by {settlement.method!r} are not those of its mechanism, so their "
            f"deficit is not the one of the game"
        )
    return _paid(settlement, paid + shares.values, rule, "deficit", shares.method)


def _shares(game: Game, rule: Callable[[Game], Allocation]) -> Allocation:
    shares = rule(game)
    if not isinstance(shares, Allocation):
        raise AllocationError(f"the rule must give an allocation, got {named(shares)}")
    if shares.players != game.players or shares.kind != game.kind:
        raise AllocationError(f"the rule {shares.method!r} gives an allocation of another game")
    together = game.value(game.players)
    off = float(shares.values.sum()) - together
    slack = 1e-9 * max(1.0 * abs(together), float(np.abs(shares.values).sum()))
    if abs(off) > slack + shares.tolerance:
        raise AllocationError(
            f"the shares by {shares.method!r} add up to {shares.values.sum():.6g}, and there are "
            f"{together:.6g} to share out"
        )
    return shares


def _paid(
    settlement: S,
    paid: np.ndarray[Any, np.dtype[np.float64]],
    rule: Callable[[Game], Allocation],
    of: Literal["welfare", "deficit"],
    method: str,
) -> S:
    """Return the settlement with what everybody pays, and who is outside."""
    n = len(settlement.participants)
    outside = {
        name: (value, float(payment))
        for (name, (value, _)), payment in zip(settlement.outside.items(), paid[n:], strict=True)
    }
    title = f"uplift by {method} of {of}"

    def wrap(settle: Settle) -> Settle:
        return partial(_again, settle, rule, of)

    repair = Repair(
        name=title.replace(" ", "-"),
        title=title,
        wrap=wrap,
        meaning=f"everybody has what {method} of the {of} gives",
        gives_up="truthfulness",
        keeps=frozenset({MarketPromise.EFFICIENT}),
        adds=frozenset({MarketPromise.BALANCED}),
        sources=("gately1974",),
    )
    return repaired(settlement, repair, paid[:n], outside, settlement.rule)


def _again(
    settle: Settle,
    rule: Callable[[Game], Allocation],
    of: Literal["welfare", "deficit"],
    market: Any,
) -> Settlement:
    return uplift_by_rule(settle(market), rule, of=of)
