r"""The rows that make the cost of a linear program the risk of the costs of its scenarios.

With the cost :math:`t_w` of a scenario, a level z and what a cost is above it, two rows for each::

    cost of scenario w - t_w = 0
    t_w - z - h_w <= 0

of which ``least_w t_w + k z + (most_w - least_w) h_w`` is minimised, with the bounds of the
scenarios' weights (:class:`~sesgame.energy.Risk`). The worst case has no h, and z is the worst
cost. The dual of the first row is less the weight of its scenario.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.risk import Risk
    from sesgame.linear.builder import LinearBuilder, Term

__all__ = ["add_risk"]


def add_risk(
    builder: LinearBuilder,
    risk: Risk,
    probabilities: NDArray[np.float64],
    costs: Sequence[tuple[NDArray[np.intp], NDArray[np.float64]]],
    brought: ArrayLike = 0.0,
) -> NDArray[np.intp]:
    """Add the risk of scenarios to what is minimised, and return the rows of their costs.

    Parameters
    ----------
    builder : LinearBuilder
        With the columns of the scenarios, which cost nothing there.
    risk : Risk
        Not the mean, which needs no rows.
    probabilities : ndarray of shape (K,)
        Of the scenarios.
    costs : sequence of (ndarray of int, ndarray of float)
        For each scenario the columns that cost something, and what.
    brought : array_like of shape (K, n), default 0
        What each member's presence alone costs in each scenario.
    """
    count = len(probabilities)
    least, most = risk.bounds(probabilities)
    cost_of = builder.add_columns(count, cost=least, lower=-np.inf)
    level = np.repeat(builder.add_columns(1, cost=risk.weight, lower=-np.inf), count)
    owed = -np.asarray(brought, dtype=np.float64)
    rows = builder.add_rows(0.0, 0.0, (cost_of, -1.0), lower_brought=owed, upper_brought=owed)
    for row, (columns, cost) in zip(rows.tolist(), costs, strict=True):
        builder.add_entries(np.full(len(columns), row), columns, cost)
    above: list[Term] = [(cost_of, 1.0), (level, -1.0)]
    if not risk.is_worst_case:
        above.append((builder.add_columns(count, cost=most - least), -1.0))
    builder.add_rows(-np.inf, 0.0, *above)
    return rows
