"""What no pair of rents, of capacity and of power, can earn more than."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sesgame.energy.operator.storage_cloud_demand import StorageDemand

__all__ = ["most_of_two_rents"]

N_RENTS = 200
"""Parts into which the range of rents is cut for the bound."""

PARTS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
"""Of a rent, at which lower one savings are compared."""


def most_of_two_rents(demands: Sequence[StorageDemand], most_saved: float) -> float:
    r"""Return what an operator earns at most at any two rents between some ratios.

    What users save, :math:`U(p)`, falls with both rents p and is convex along a ray, so that they
    pay no more than :math:`p \cdot z(p) \le (U(\mu p) - U(p)) / (1 - \mu)` for any part
    :math:`0 \le \mu < 1`. Between two ratios :math:`U` lies between its values at these.

    Parameters
    ----------
    demands : sequence of StorageDemand
        At ratios that rise, of at least two.
    most_saved : float
        What all storage saves at most less what it costs, or infinite: what users save after rent
        and what the operator keeps is no more than that.

    Notes
    -----
    Costs of capacity are in the bound only by `most_saved`.
    """
    highest = max(float(demand.rents.max(initial=0.0)) for demand in demands)
    rents = np.append(0.0, np.geomspace(1e-3 * highest, highest * (1 + 1e-9), N_RENTS))
    most = 0.0
    for cheaper, dearer in pairwise(demands):
        left = [_saved(dearer, rent) for rent in rents[1:].tolist()]
        paid = np.full(N_RENTS, np.inf)
        for part in PARTS:
            before = np.array([_saved(cheaper, part * rent) for rent in rents[:-1].tolist()])
            paid = np.minimum(paid, (before - left) / (1.0 - part))
        most = max(most, float(np.minimum(paid, most_saved - np.array(left)).max()))
    return most


def _saved(demand: StorageDemand, rent: float) -> float:
    """Return what all save after rent."""
    paid = rent * demand.at(rent, "size") * demand.days
    return float((demand.at(rent, "saved") - paid).sum())
