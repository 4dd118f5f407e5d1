"""Which key a grid operator applied, and where what it says is something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.operator_series.identities import half_unit
from sesgame.energy.operator_series.operator_series import OperatorSeries
from sesgame.energy.sharing_coefficients import SharingCoefficients
from sesgame.energy.sharing_keys.dynamic_key import DynamicKey
from sesgame.energy.sharing_keys.equal_key import EqualKey
from sesgame.energy.sharing_keys.sharing_key import SharingKey
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.errors import GameError
from sesgame.formatting import count, named
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["KeyDifference", "fitting_keys", "key_difference"]

_MOST_DECIMALS = 8
"""Of coefficients that are looked for: nobody agrees on more."""


@dataclass(frozen=True, eq=False)
class KeyDifference(ByValue):
    """What an operator says was covered, and what a key would cover.

    Attributes
    ----------
    key : SharingKey
    consumers : tuple of str
        The n points.
    covered_kwh, by_key_kwh : ndarray of shape (n,)
        What the operator says, and what each would use of what the key assigns.
    n_steps : ndarray of int, shape (n,)
        In how many steps the two differ by more than rounding explains.
    first : tuple of str
        When the first of these begins; empty where there is none.
    largest_kwh : ndarray of shape (n,)
        The largest difference in a step, covered minus by key; 0 where rounding explains all.
    """

    key: SharingKey
    consumers: tuple[str, ...]
    covered_kwh: NDArray[np.float64]
    by_key_kwh: NDArray[np.float64]
    n_steps: NDArray[np.int64]
    first: tuple[str, ...]
    largest_kwh: NDArray[np.float64]

    @property
    def agrees(self) -> bool:
        """Whether the key explains what the operator says, in all steps of all points."""
        return not self.n_steps.any()

    @property
    def difference_kwh(self) -> NDArray[np.float64]:
        """What each point was covered beyond what the key would cover, shape (n,)."""
        difference: Array = self.covered_kwh - self.by_key_kwh
        return difference

    def __str__(self) -> str:
        if self.agrees:
            return f"the {self.key.title} key explains what was covered"
        lines = [
            f"the {self.key.title} key does not explain what was covered:",
            *(
                f"  {point}: {self.difference_kwh[row]:+.6g} kWh in all, in "
                f"{count(int(self.n_steps[row]), 'step')} by up to {self.largest_kwh[row]:+.6g} "
                f"kWh, the first from {self.first[row]}"
                for row, point in enumerate(self.consumers)
                if self.n_steps[row]
            ),
        ]
        return "\n".join(lines)


@checked_arguments
def key_difference(series: OperatorSeries, key: SharingKey) -> KeyDifference:
    r"""Compare what an operator says was covered with what a key would cover.

    .. math:: \Delta_{it} = u_{it} - \min(a_{it}, c_{it})

    with what the key assigns of the generation of all plants, a. What the operator says was offered
    plays no part.

    Parameters
    ----------
    series : OperatorSeries
    key : SharingKey
        With the points of the series.

    Returns
    -------
    KeyDifference

    Raises
    ------
    GameError
        The key does not fit the points or the steps.

    Notes
    -----
    Readings are rounded. What a key lets a point use changes by no more than any one reading does,
    so that half a unit of the last digit of each, and of what was covered, is explained by that.
    O(n T), one point after the other.

    Examples
    --------
    >>> import sesgame as sg
    >>> series = sg.energy.OperatorSeries(
    ...     steps=["2024-06-01T12:00", "2024-06-01T12:15"],
    ...     consumed_kwh={"ann": [1.0, 1.0], "bob": [3.0, 1.0]},
    ...     offered_kwh={"ann": [1.0, 1.5], "bob": [1.0, 1.5]},
    ...     covered_kwh={"ann": [1.0, 1.0], "bob": [1.0, 1.0]},
    ...     generated_kwh={"roof": [2.0, 3.0]},
    ...     surplus_kwh={"roof": [0.0, 1.0]},
    ... )
    >>> print(sg.energy.key_difference(series, sg.energy.DynamicKey()))
    the dynamic key does not explain what was covered:
      ann: +0.5 kWh in all, in 1 step by up to +0.5 kWh, the first from 2024-06-01T12:00
      bob: -0.5 kWh in all, in 1 step by up to -0.5 kWh, the first from 2024-06-01T12:00
    """
    if not isinstance(series, OperatorSeries):
        raise GameError(f"series must be an OperatorSeries, got {named(series)}")
    plants = dict(zip(series.plants, series.generated_kwh, strict=True))
    consumers = dict(zip(series.consumers, series.consumed_kwh, strict=True))
    sources = key.prepared(plants, consumers, series.steps)
    largest = max(
        float(part.sum(axis=0).max()) for part in (series.consumed_kwh, series.generated_kwh)
    )
    # One half for what was covered, and one for each reading that it is worked out of.
    slack = (1 + len(series.points)) * half_unit(series.decimals, largest)
    n_consumers = len(series.consumers)
    by_key, most = np.zeros((2, n_consumers))
    n_steps = np.zeros(n_consumers, dtype=np.int64)
    first = [""] * n_consumers
    for row in range(n_consumers):
        left = series.consumed_kwh[row]
        for source in sources:
            left = left - np.minimum(source.assigned(row), left)
        used = series.consumed_kwh[row] - left
        by_key[row] = used.sum()
        difference = series.covered_kwh[row] - used
        steps = np.flatnonzero(np.abs(difference) > slack)
        if steps.size:
            n_steps[row] = steps.size
            first[row] = series.steps.time(int(steps[0]))
            most[row] = difference[np.argmax(np.abs(difference))]
    return KeyDifference(
        key=key,
        consumers=series.consumers,
        covered_kwh=series.covered_kwh.sum(axis=1),
        by_key_kwh=by_key,
        n_steps=n_steps,
        first=tuple(first),
        largest_kwh=most,
    )


@checked_arguments
def fitting_keys(series: OperatorSeries) -> tuple[SharingKey, ...]:
    """Return which of the common keys explain what an operator says was covered.

    Parameters
    ----------
    series : OperatorSeries

    Returns
    -------
    tuple of SharingKey
        Of the dynamic key, the static key with the coefficients by which energy was offered, and
        the equal key, those with which :func:`key_difference` agrees; several where the series do
        not tell them apart, as where all that is needed is there. None where another key was
        applied, or an error.

    Notes
    -----
    A coefficient is what was offered to a point in all, as a part of what was generated in all,
    with as few decimals as the rounding of the series allows. O(n T).

    Examples
    --------
    >>> import sesgame as sg
    >>> series = sg.energy.OperatorSeries(
    ...     steps=["2024-06-01T12:00", "2024-06-01T12:15"],
    ...     consumed_kwh={"ann": [1.0, 1.0], "bob": [3.0, 1.0]},
    ...     offered_kwh={"ann": [0.5, 1.0], "bob": [1.5, 3.0]},
    ...     covered_kwh={"ann": [0.5, 1.0], "bob": [1.5, 1.0]},
    ...     generated_kwh={"roof": [2.0, 4.0]},
    ...     surplus_kwh={"roof": [0.0, 2.0]},
    ... )
    >>> [key.title for key in sg.energy.fitting_keys(series)]
    ['dynamic', 'static']
    >>> sg.energy.fitting_keys(series)[1].coefficients.values.tolist()
    [0.25, 0.75]
    """
    if not isinstance(series, OperatorSeries):
        raise GameError(f"series must be an OperatorSeries, got {named(series)}")
    static = _static_key(series)
    candidates = [DynamicKey(), *([] if static is None else [static]), EqualKey()]
    return tuple(key for key in candidates if key_difference(series, key).agrees)


def _static_key(series: OperatorSeries) -> StaticKey | None:
    """Return the static key by which energy was offered; None where there is none."""
    generated = float(series.generated_kwh.sum())
    if not generated or not series.consumers:
        return None
    parts = series.offered_kwh.sum(axis=1) / generated
    half = half_unit(series.decimals, float(series.generated_kwh.max()))
    # Half a unit of each reading that is offered, and of each that is generated.
    off = half * series.steps.n_steps * (1 + parts * len(series.plants)) / generated
    for decimals in range(2, _MOST_DECIMALS + 1):
        rounded = np.round(parts, decimals)
        if (np.abs(rounded - parts) > off).any():
            continue
        try:
            found = SharingCoefficients(series.consumers, rounded, decimals=decimals)
        except GameError:  # they do not add up to 1
            return None
        return StaticKey(found)
    return None
