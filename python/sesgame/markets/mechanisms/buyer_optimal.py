"""The contracts of a matching market at the prices that are best for its buyers."""

from __future__ import annotations

from sesgame.game.door import checked_arguments
from sesgame.markets.matching import Matching
from sesgame.markets.matching_proof import CorePoint
from sesgame.markets.matching_settlement import MatchingSettlement
from sesgame.markets.mechanism import FEW_TRIALS, MarketPromise, Mechanism

__all__ = ["BUYER_OPTIMAL", "buyer_optimal"]


@checked_arguments
def buyer_optimal(market: Matching) -> MatchingSettlement:
    r"""Return the best matching at the lowest prices in the core: VCG for the buyers.

    .. math:: u_i = v(N) - v(N \setminus i) \text{ for each row } i

    In the core all buyers are best off at one point, where each gains what it adds to the market;
    a seller gets the rest of its contract's worth.

    Parameters
    ----------
    market : Matching
        Rows are the buyers.

    Returns
    -------
    MatchingSettlement
        Efficient, individually rational, budget balanced and in the core. Truth is a dominant
        strategy for each buyer; a seller may gain by asking more.

    Raises
    ------
    GameError
        The market is of another kind.

    Notes
    -----
    O(min(m, n)^2 max(m, n)). `verify` of the settlement proves it.

    References
    ----------
    Shapley and Shubik (1971) [shapleyshubik1971]_; Leonard (1983) [leonard1983]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> houses = sg.markets.Matching([[5, 8, 2], [7, 9, 6], [2, 3, 0]])
    >>> sg.markets.buyer_optimal(houses).utilities.tolist()
    [5.0, 6.0, 1.0, 1.0, 3.0, 0.0]
    """
    BUYER_OPTIMAL.check(market)
    clearing = market.clear()
    return MatchingSettlement.of(
        market,
        clearing.column_of,
        clearing.best_for_rows,
        BUYER_OPTIMAL,
        point=CorePoint.BUYERS_BEST,
    )


BUYER_OPTIMAL = Mechanism(
    name="buyer-optimal",
    title="buyer optimal",
    settle=buyer_optimal,
    markets=(Matching,),
    promises=frozenset(
        {
            MarketPromise.EFFICIENT,
            MarketPromise.VOLUNTARY,
            MarketPromise.TRUTHFUL_FOR_BUYERS,
            MarketPromise.BALANCED,
            MarketPromise.IN_CORE,
        }
    ),
    meaning="the contracts of the best matching, at the lowest prices in the core",
    gives_up="truthfulness of the sellers, who get the least",
    trials=FEW_TRIALS,
    page="concepts/matching-markets",
    sources=("shapleyshubik1971", "leonard1983"),
)
