"""Rules side by side: on a game, and on a market."""

from sesgame.comparison.applying import ALL, Compared, compared, usual_rules
from sesgame.comparison.comparison import Comparison
from sesgame.comparison.market_comparison import ComparedMechanism, MarketComparison
from sesgame.comparison.row import ComparedRule
from sesgame.comparison.settling import mechanisms_compared
from sesgame.comparison.side_by_side import compare

__all__ = [
    "ALL",
    "Compared",
    "ComparedMechanism",
    "ComparedRule",
    "Comparison",
    "MarketComparison",
    "compare",
    "compared",
    "mechanisms_compared",
    "usual_rules",
]
