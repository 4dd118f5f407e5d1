r"""In which steps a limit can bind for some coalition, by the most that members draw and feed in.

Of some members B those who are in a coalition S draw at most, and feed in at most,

.. math:: \sum_{i \in B} (L_{it} + V_{it})^+ + C_i \quad\text{and}\quad
          \sum_{i \in B} (-L_{it})^+ + D_i

with the net load L, the PV V that may be left unused, and the powers C and D of charging and
discharging: terms that are negative drop out, so this holds for every S. A limit that is not below
them binds for nobody, and its dual price is 0. A limit that comes and goes with its member stays
idle also where it is just reached; one of nobody only where there is room.

Where PV may be left unused, that saves something only where energy can be worth less than nothing:
where it costs to sell it, or where a limit of export or of flow can bind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BindingLimits"]

ROUNDING = 1e-12
"""Of a limit: what adding up members may be off, and far below what any solver tells apart."""


@dataclass(frozen=True, eq=False)
class BindingLimits:
    """Steps in which limits matter, arrays of bool of shape (T,).

    Attributes
    ----------
    grid_import, grid_export : ndarray
        In which some coalition could reach the limit of what it draws or feeds in; in all, if
        there is a limit and storage of any size may be bought.
    flows : tuple of ndarray
        In which some coalition could reach the limit of a line or connection.
    curtailment : ndarray
        In which PV that is left unused may save something.
    """

    grid_import: NDArray[np.bool_]
    grid_export: NDArray[np.bool_]
    flows: tuple[NDArray[np.bool_], ...]
    curtailment: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        *,
        net_load_kwh: NDArray[np.float64],
        pv_kwh: NDArray[np.float64],
        powers_kwh: tuple[NDArray[np.float64], NDArray[np.float64]],
        grid_kwh: tuple[float, float],
        flows: Sequence[tuple[NDArray[np.bool_], float, bool]],
        sell_per_kwh: NDArray[np.float64],
        has_offers: bool,
    ) -> BindingLimits:
        """Return the steps, from kWh per step of n members in T steps.

        Parameters
        ----------
        net_load_kwh, pv_kwh : ndarray of shape (n, T)
            Load less PV, and the PV that may be left unused, at least 0.
        powers_kwh : pair of ndarray of shape (n,)
            The most that each member's batteries draw and deliver.
        grid_kwh : pair of float
            The limits of import and export, maybe infinite.
        flows : sequence of (ndarray of shape (n,), float, bool)
            Of each limit of flow the members behind it, the limit, and whether it is its member's.
        sell_per_kwh : ndarray of shape (T,)
            What a kWh earns that is fed in.
        has_offers : bool
            Whether storage may be bought.
        """
        if not len(flows) and not np.isfinite(grid_kwh).any():
            # A large community is not copied to find that it has no limits.
            none = np.zeros(len(sell_per_kwh), dtype=np.bool_)
            unused = (sell_per_kwh < 0) & pv_kwh.any(axis=0)
            return cls(grid_import=none, grid_export=none, flows=(), curtailment=unused)
        draws = np.maximum(net_load_kwh + pv_kwh, 0.0) + powers_kwh[0][:, np.newaxis]
        feeds = np.maximum(-net_load_kwh, 0.0) + powers_kwh[1][:, np.newaxis]
        grid = [
            (most.sum(axis=0) * (1.0 + ROUNDING) >= limit) | (has_offers and np.isfinite(limit))
            for most, limit in zip((draws, feeds), grid_kwh, strict=True)
        ]
        reached = []
        for behind, limit, is_own in flows:
            most = np.maximum(draws[behind].sum(axis=0), feeds[behind].sum(axis=0))
            reached.append(
                most > limit * (1.0 + ROUNDING) if is_own else most * (1.0 + ROUNDING) >= limit
            )
        may_be_worthless = np.any([sell_per_kwh < 0, grid[1], *reached], axis=0)
        return cls(
            grid_import=grid[0],
            grid_export=grid[1],
            flows=tuple(reached),
            curtailment=may_be_worthless & pv_kwh.any(axis=0),
        )
