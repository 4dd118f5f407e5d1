"""The contracts of a matching market at the prices that are best for its sellers."""

from __future__ import annotations

from sesgame.game.door import checked_arguments
from sesgame.markets.matching import Matching
from sesgame.markets.matching_proof import CorePoint
from sesgame.markets.matching_settlement import MatchingSettlement
from sesgame.markets.mechanism import FEW_TRIALS, MarketPromise, Mechanism

__all__ = ["SELLER_OPTIMAL", "seller_optimal"]


@checked_arguments
def seller_optimal(market: Matching) -> MatchingSettlement:
    r"""Return the best matching at the highest prices in the core: VCG for the sellers.

    .. math:: w_j = v(N) - v(N \setminus j) \text{ for each column } j

    The other end of the core than :func:`buyer_optimal`.

    Parameters
    ----------
    market : Matching
        Columns are the sellers.

    Returns
    -------
    MatchingSettlement
        Efficient, individually rational, budget balanced and in the core. Truth is a dominant
        strategy for each seller; a buyer may gain by bidding less.

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
    >>> sg.markets.seller_optimal(houses).utilities.tolist()
    [3.0, 5.0, 0.0, 2.0, 5.0, 1.0]
    """
    SELLER_OPTIMAL.check(market)
    clearing = market.clear()
    return MatchingSettlement.of(
        market,
        clearing.column_of,
        clearing.best_for_columns,
        SELLER_OPTIMAL,
        point=CorePoint.SELLERS_BEST,
    )


SELLER_OPTIMAL = Mechanism(
    name="seller-optimal",
    title="seller optimal",
    settle=seller_optimal,
    markets=(Matching,),
    promises=frozenset(
        {
            MarketPromise.EFFICIENT,
            MarketPromise.VOLUNTARY,
            MarketPromise.TRUTHFUL_FOR_SELLERS,
            MarketPromise.BALANCED,
            MarketPromise.IN_CORE,
        }
    ),
    meaning="the contracts of the best matching, at the highest prices in the core",
    gives_up="truthfulness of the buyers, who get the least",
    trials=FEW_TRIALS,
    page="concepts/matching-markets",
    sources=("shapleyshubik1971", "leonard1983"),
)
