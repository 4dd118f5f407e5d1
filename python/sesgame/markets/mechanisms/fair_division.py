"""The contracts of a matching market at the prices halfway between the two ends of its core."""

from __future__ import annotations

from sesgame.game.door import checked_arguments
from sesgame.markets.matching import Matching
from sesgame.markets.matching_proof import CorePoint
from sesgame.markets.matching_settlement import MatchingSettlement
from sesgame.markets.mechanism import FEW_TRIALS, MarketPromise, Mechanism

__all__ = ["FAIR_DIVISION", "fair_division"]


@checked_arguments
def fair_division(market: Matching) -> MatchingSettlement:
    r"""Return the best matching at the prices halfway between the two ends of the core.

    .. math:: x = \tfrac12 (x^{\text{buyers' best}} + x^{\text{sellers' best}})

    It is the tau value of the assignment game (:func:`sesgame.tau_value`), without its coalitions.

    Parameters
    ----------
    market : Matching
        Any number of rows and columns.

    Returns
    -------
    MatchingSettlement
        Efficient, individually rational, budget balanced and in the core; truth is a dominant
        strategy for neither side.

    Raises
    ------
    GameError
        The market is of another kind.

    Notes
    -----
    O(min(m, n)^2 max(m, n)). `verify` of the settlement proves it.

    References
    ----------
    Núñez and Rafels (2003) [nunez2003]_: the middle, Thompson's fair division point, is the tau
    value.

    Examples
    --------
    >>> import sesgame as sg
    >>> houses = sg.markets.Matching([[5, 8, 2], [7, 9, 6], [2, 3, 0]])
    >>> sg.markets.fair_division(houses).utilities.tolist()
    [4.0, 5.5, 0.5, 1.5, 4.0, 0.5]
    >>> sg.tau_value(houses.game()).values.round(6).tolist()
    [4.0, 5.5, 0.5, 1.5, 4.0, 0.5]
    """
    FAIR_DIVISION.check(market)
    clearing = market.clear()
    middle = (clearing.best_for_rows + clearing.best_for_columns) / 2
    return MatchingSettlement.of(
        market, clearing.column_of, middle, FAIR_DIVISION, point=CorePoint.FAIR
    )


FAIR_DIVISION = Mechanism(
    name="fair-division",
    title="fair division",
    settle=fair_division,
    markets=(Matching,),
    promises=frozenset(
        {
            MarketPromise.EFFICIENT,
            MarketPromise.VOLUNTARY,
            MarketPromise.BALANCED,
            MarketPromise.IN_CORE,
        }
    ),
    meaning="the contracts of the best matching, halfway between the ends of the core",
    gives_up="truthfulness",
    trials=FEW_TRIALS,
    page="concepts/matching-markets",
    sources=("nunez2003",),
)
