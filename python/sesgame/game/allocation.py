"""What every solution returns: who gets what, and the evidence for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import html_table, left_out
from sesgame.game.players import Players
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Allocation", "Evidence", "Kind", "plain"]

Kind = Literal["gain", "cost"]


def plain(value: Any) -> Any:
    """Return a value in the types that JSON knows, losslessly for floats and fractions.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"x": np.array([1.0, 2.0]), "s": frozenset(["b", "a"])})
    {'x': [1.0, 2.0], 's': ['a', 'b']}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


class Evidence:
    """Base class of what proves, or qualifies, an allocation; a frozen dataclass each."""

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows."""
        result: dict[str, Any] = plain(self)
        return result


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Allocation:
    """Who gets what: one number for each player.

    Parameters
    ----------
    players : Players or iterable of hashable
        The players, in the order of `values`.
    values : array_like of float, shape (n,)
        What each player gets (gain game) or pays (cost game).
    kind : {"gain", "cost"}
        The sense of `values`, that of the game.
    method : str
        The solution that made it, for example ``"nucleolus"``.
    tolerance : float
        Absolute precision of `values`, in their unit.
    evidence : Evidence, optional
        What proves or qualifies the values; depends on the method.
    exact : tuple of Fraction, optional
        The values without rounding, from a method that was asked for them.

    Raises
    ------
    AllocationError
        `values` has the wrong length or is not finite.

    Examples
    --------
    >>> import sesgame as sg
    >>> half = sg.Allocation(["ann", "bob"], [2.0, 2.0], kind="gain", method="equal split")
    >>> half["ann"], half.total
    (2.0, 4.0)
    """

    players: Players
    values: NDArray[np.float64]
    kind: Kind
    method: str
    tolerance: float = 0.0
    evidence: Evidence | None = None
    exact: tuple[Fraction, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.players, Players):
            object.__setattr__(self, "players", Players(self.players))
        object.__setattr__(self, "values", checked_values(self.players, self.values))

    @property
    def total(self) -> float:
        """The sum of all values."""
        return float(self.values.sum())

    def __getitem__(self, player: Hashable) -> float:
        return float(self.values[self.players.index(player)])

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types that JSON knows; values by player label."""
        exact = {} if self.exact is None else {"exact": plain(self.exact)}
        return {
            "method": self.method,
            "kind": self.kind,
            "values": {str(player): self[player] for player in self.players},
            **exact,
            "total": self.total,
            "tolerance": self.tolerance,
            "evidence": None if self.evidence is None else self.evidence.to_dict(),
        }

    def to_pandas(self) -> pd.Series[float]:
        """Return the values as a pandas Series, indexed by player (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.Series(self.values, index=list(self.players), name=self.method)

    def __repr__(self) -> str:
        head = f"Allocation(method={self.method!r}, kind={self.kind!r}, total={self.total:.6g})"
        rows = self._rows()
        width = max(len(label) for label, _ in rows)
        lines = [f"  {label:<{width}}  {value}" for label, value in rows]
        missing = left_out(len(self.players))
        return "\n".join([head, *lines, *([f"  ... and {missing:,} more"] if missing else [])])

    def _repr_html_(self) -> str:
        missing = left_out(len(self.players))
        rows = [*self._rows(), *([[f"... and {missing:,} more"]] if missing else [])]
        return html_table(["player", self.method], [*rows, ["total", f"{self.total:.6g}"]])

    def _rows(self) -> list[list[str]]:
        """Return the players that are listed, what each gets, and how surely if that is sampled."""
        shown = len(self.players) - left_out(len(self.players))
        values = [f"{value:.6g}" for value in self.values[:shown]]
        rows = [[str(player), value] for player, value in zip(self.players, values, strict=False)]
        widths = getattr(self.evidence, "half_widths", None)
        if widths is not None and np.any(widths > 0):
            for row, width in zip(rows, widths, strict=False):
                row[1] += f" \N{PLUS-MINUS SIGN} {width:.2g}"
        return rows


def checked_values(players: Players, values: ArrayLike) -> NDArray[np.float64]:
    """Return one finite number for each player as a read-only array of its own.

    Raises
    ------
    AllocationError
        Wrong shape, not numbers, NaN or infinite; the player is named.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"the values of an allocation are not numbers: {error}") from error
    if array.shape != (len(players),):
        raise AllocationError(
            f"an allocation of {len(players)} players needs shape ({len(players)},), "
            f"not {array.shape}"
        )
    finite = np.isfinite(array)
    if not finite.all():
        index = int(np.argmin(finite))
        raise AllocationError(f"player {players[index]!r} gets {array[index]}, not a finite number")
    array.setflags(write=False)
    return array
