"""The fixed coefficients whose bills are nearest to a fair split."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.sharing_keys.best_split import best_split
from sesgame.energy.sharing_keys.coefficient_gain import CoefficientGain, coefficient_gain
from sesgame.energy.sharing_keys.local_terms import local_prices
from sesgame.energy.sharing_keys.shared_generation import shared_generation
from sesgame.energy.sharing_keys.sharing_bills import Unused
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.energy.sharing_keys.worth_of_use import WorthOfUse, part_of
from sesgame.errors import AllocationError, GameError
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.public_grid.metering_point import MeteringPoint
    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["NearestKey", "nearest_key"]

Distance = Literal["largest", "sum"]
"""The largest deviation of a bill, or the sum of the sizes of all."""

MOST_ROUNDS = 50
"""How often what plants earn is worked out anew; two or three are usual."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NearestKey(ByValue):
    """Fixed coefficients, and what remains between their bills and a fair split.

    Attributes
    ----------
    points : tuple of str
        The n points that draw something.
    coefficients : ndarray of shape (n,)
        Their coefficients.
    bills : Allocation
        What members pay under them, with :class:`~sesgame.evidence.SharedGeneration` as evidence.
    deviations : Allocation
        By how much each bill is above the fair one, for all members.
    counted : tuple of hashable
        The members whose deviations are made small: those that draw something.
    distance : {"largest", "sum"}
        Which measure of these.
    remaining : float
        What it is under the key.
    least : float
        What no fixed coefficients bring it below, with what plants earn under these.
    proved : bool
        Whether that bounds all coefficients: what plants earn follows the key, and so does a bill
        that is counted where its member has a plant, unless a local price is what the plant earns
        outside.
    rounds : int
        How often what plants earn was worked out.
    tolerance : float
        What rounding may take of the distance.
    """

    points: tuple[str, ...]
    coefficients: NDArray[np.float64]
    bills: Allocation
    deviations: Allocation
    counted: tuple[Hashable, ...]
    distance: Distance
    remaining: float
    least: float
    proved: bool
    rounds: int
    tolerance: float

    @property
    def key(self) -> StaticKey:
        """The coefficients as a key."""
        return StaticKey(dict(zip(self.points, self.coefficients.tolist(), strict=True)))
