"""Rules side by side on one game: which properties hold, by how much others fail, and the cost."""

from sesgame.comparison.comparison import (
    ALL,
    Compared,
    ComparedRule,
    Comparison,
    compare,
    compared,
    usual_rules,
)

__all__ = ["ALL", "Compared", "ComparedRule", "Comparison", "compare", "compared", "usual_rules"]
