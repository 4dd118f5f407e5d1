"""Charges on the peaks that sharing leaves of a point's import."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.sharing_keys.coefficient_gain import Tangent
from sesgame.energy.sharing_keys.worth_of_use import paid
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.public_grid.metering_point import MeteringPoint
    from sesgame.energy.sharing_keys.worth_of_use import WorthOfUse

    Array = NDArray[np.float64]

__all__ = ["ResidualPeaks"]


class ResidualPeaks:
    r"""What a point pays for the peaks of what is left of its import, by its coefficient.

    .. math:: \beta \mapsto \sum_m D_m P_m \bigl( d_t - \min(\beta g_t, c_t) \bigr)

    with what its register shows, d, and what of that can be shared, c. It is convex: what is left
    is, and so is a mean of highest windows, a floor, a mean of months and a ratchet of it.

    Raises
    ------
    GameError
        A peak has a cap, above which a kW is free: then it is not convex.
    """

    def __init__(self, worth: WorthOfUse, point: MeteringPoint) -> None:
        contract = worth.contracts[point.contract]
        for charge in contract.demand_charges:
            if charge.price_per_kw and math.isfinite(charge.cap_kw):
                raise GameError(
                    f"the contract {contract.name!r}: a demand charge with a cap (cap_kw="
                    f"{charge.cap_kw:g}) is not convex in what is drawn, so that no multiplier "
                    f'proves a key best; take peaks="unchanged"'
                )
        self._charges = contract.billing(worth.steps).peaks
        self._generated, self._imported = worth.generated, point.import_kwh
        self._consumed = worth.consumed(point)
        self._step_hours = worth.steps.step_hours

    def __bool__(self) -> bool:
        return bool(self._charges)

    def tangent(self, coefficient: float) -> Tangent:
        """Return what is paid with a coefficient, and a line that is nowhere above it."""
        assigned = coefficient * self._generated
        falls = assigned < self._consumed
        left = self._imported - np.where(falls, assigned, self._consumed)
        value = slope = 0.0
        for charge in self._charges:
            peaks = charge.peaks(left, self._step_hours)
            value += charge.price_per_kw * sum(peak.billed_kw for peak in peaks)
            prices = charge.slopes(left, self._step_hours)
            slope -= paid(prices[falls], self._generated[falls])
        return Tangent(coefficient, value, slope)
