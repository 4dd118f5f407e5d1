"""A metering point of the public grid: two registers, a member, and a contract."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal

import numpy as np

from sesgame.errors import GameError
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MeteringPoint", "OwnPoints"]

OwnPoints = Literal["always", "with_others", "never"]
"""Whether the points of one member share with one another."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MeteringPoint(ByValue):
    """One meter of the public grid, with an import and an export register.

    Parameters
    ----------
    name : str
        Of the point.
    member : hashable
        Who owns it; a member may own several.
    contract : str
        The name of the contract that it keeps.
    import_kwh, export_kwh : array_like of float, shape (T,), optional
        What it draws and feeds in in each step, at least 0; nothing by default. Both may be
        positive in one step: they are not netted, but share at the fee, where own points do.
    zone : str, default ""
        Where it is, if fees depend on that.
    participation : float, default 1
        Which part of both registers takes part in sharing, in [0, 1]; the contract bills the rest,
        as where a member is in two communities.

    Raises
    ------
    GameError
        There are no readings, they differ in number, or one is negative or not finite; the member
        is no label, or the participation is not in [0, 1].

    Examples
    --------
    >>> import sesgame as sg
    >>> sg.energy.MeteringPoint(name="roof", member="ann", contract="basic", export_kwh=[3.0, 1.0])
    MeteringPoint('roof', of 'ann', contract 'basic', 2 steps)
    """

    name: str
    member: str
    contract: str
    import_kwh: NDArray[np.float64] = None  # type: ignore[assignment] # an array afterwards
    export_kwh: NDArray[np.float64] = None  # type: ignore[assignment]
    zone: str = ""
    participation: float = 1.0

    def __post_init__(self) -> None:
        for name in ("name", "contract", "zone"):
            if not isinstance(getattr(self, name), str):
                raise GameError(f"{name} of a metering point is text, not {getattr(self, name)!r}")
        if not isinstance(self.member, Hashable):
            raise GameError(f"the member of {self.name!r} is no label: {self.member!r}")
        part = self.participation
        if isinstance(part, bool) or not isinstance(part, Real) or not 0 <= part <= 1:
            raise GameError(f"the participation of {self.name!r} is {part!r}, and not in [0, 1]")
        object.__setattr__(self, "participation", float(part))
        found = {
            register: self._checked(register, values)
            for register in ("import_kwh", "export_kwh")
            if (values := getattr(self, register)) is not None
        }
        lengths = [len(readings) for readings in found.values()]
        if not lengths:
            raise GameError(f"the metering point {self.name!r} has neither register")
        if lengths[0] != lengths[-1]:
            raise GameError(
                f"the metering point {self.name!r} has {lengths[0]} readings of import_kwh and "
                f"{lengths[-1]} of export_kwh"
            )
        for register in ("import_kwh", "export_kwh"):
            readings = found.get(register, np.zeros(lengths[0]))
            readings.setflags(write=False)
            object.__setattr__(self, register, readings)

    def _checked(self, register: str, values: ArrayLike) -> NDArray[np.float64]:
        try:
            readings = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise GameError(f"{register} of {self.name!r} is no array of numbers") from error
        if readings.ndim != 1 or readings.size == 0:
            raise GameError(
                f"{register} of {self.name!r} has shape {readings.shape}; it needs (T,)"
            )
        bad = ~(np.isfinite(readings) & (readings >= 0))
        if bad.any():
            step = int(np.argmax(bad))
            raise GameError(
                f"{register} of the metering point {self.name!r} is {readings[step]} in step "
                f"{step}; a register's energy is at least 0: give a two-way meter as its two parts"
            )
        return readings

    @property
    def shared_import_kwh(self) -> NDArray[np.float64]:
        """What it draws and takes part with, in each step."""
        return self._taking_part(self.import_kwh)

    @property
    def shared_export_kwh(self) -> NDArray[np.float64]:
        """What it feeds in and takes part with, in each step."""
        return self._taking_part(self.export_kwh)

    def _taking_part(self, readings: NDArray[np.float64]) -> NDArray[np.float64]:
        return readings if self.participation == 1 else self.participation * readings

    def __repr__(self) -> str:
        return (
            f"MeteringPoint({self.name!r}, of {self.member!r}, contract {self.contract!r}, "
            f"{len(self.import_kwh)} steps)"
        )
