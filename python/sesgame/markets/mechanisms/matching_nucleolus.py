"""The contracts of a matching market at the prices of its nucleolus."""

from __future__ import annotations

from sesgame._engine import matching_nucleolus as engine_matching_nucleolus
from sesgame.game.door import checked_arguments
from sesgame.markets.matching import Matching
from sesgame.markets.matching_proof import CorePoint
from sesgame.markets.matching_settlement import MatchingSettlement
from sesgame.markets.mechanism import FEW_TRIALS, MarketPromise, Mechanism
from sesgame.progress import progress_report

__all__ = ["MATCHING_NUCLEOLUS", "matching_nucleolus"]


@checked_arguments
def matching_nucleolus(market: Matching, *, progress: bool = True) -> MatchingSettlement:
    r"""Return the best matching at the prices of the nucleolus, in polynomial time.

    .. math:: \nu = \operatorname{lexmax}_{x \in \text{core}}
        \bigl( s_1(x) \le s_2(x) \le \dots \bigr), \quad
        s_{ij} = u_i + w_j - a_{ij}, \; s_i = u_i, \; s_j = w_j

    over the slacks of all pairs and of everybody alone, sorted from the smallest up: the nucleolus
    of the assignment game (:func:`sesgame.nucleolus`), for which no other coalition matters.

    Parameters
    ----------
    market : Matching
        Any number of rows and columns.
    progress : bool, default True
        Show the payoffs that are settled where standard error is a terminal.

    Returns
    -------
    MatchingSettlement
        Efficient, individually rational, budget balanced and in the core; truth is a dominant
        strategy for neither side. `levels` are the slacks at which payoffs were settled, and
        `verify` proves them.

    Raises
    ------
    GameError
        The market is of another kind.

    Notes
    -----
    At most k = min(m, n) cycles of the least mean slack, each found by parametric shortest paths in
    O(k^3): below a second for 200 x 200.

    References
    ----------
    Solymosi and Raghavan (1994) [solymosi1994]_, that singles and pairs are enough and longest
    paths; Young, Tarjan and Orlin (1991) [young1991]_ for the cycles.

    Examples
    --------
    >>> import sesgame as sg
    >>> houses = sg.markets.Matching([[5, 8, 2], [7, 9, 6], [2, 3, 0]])
    >>> nucleolus = sg.markets.matching_nucleolus(houses)
    >>> nucleolus.utilities.round(6).tolist(), bool(nucleolus.verify())
    ([4.0, 5.666667, 0.333333, 1.666667, 4.0, 0.333333], True)
    """
    MATCHING_NUCLEOLUS.check(market)
    with progress_report("nucleolus of the matching", "payoff", progress) as report:
        column_of, payoffs, levels = engine_matching_nucleolus(market.worth, report)
    column_of.setflags(write=False)
    return MatchingSettlement.of(
        market,
        column_of,
        payoffs,
        MATCHING_NUCLEOLUS,
        point=CorePoint.NUCLEOLUS,
        levels=levels,
    )


MATCHING_NUCLEOLUS = Mechanism(
    name="matching-nucleolus",
    title="matching nucleolus",
    settle=matching_nucleolus,
    markets=(Matching,),
    promises=frozenset(
        {
            MarketPromise.EFFICIENT,
            MarketPromise.VOLUNTARY,
            MarketPromise.BALANCED,
            MarketPromise.IN_CORE,
        }
    ),
    meaning="the contracts of the best matching, where the least satisfied pair is as satisfied as "
    "possible",
    gives_up="truthfulness",
    trials=FEW_TRIALS,
    page="concepts/matching-markets",
    sources=("solymosi1994", "young1991"),
)
