"""The state of a clearing between two rounds: from it the clearing goes on as if never stopped."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.files.json_text import json_text, parsed, plain, restored
from sesgame.files.output_files import OutputFiles
from sesgame.files.text_file import read_text
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ClearingState"]

KIND = "clearing by agents"
"""What the file of a state says that it is."""


@dataclass(frozen=True, eq=False)
class ClearingState(ByValue):
    """What a clearing by agents knows after a round.

    Attributes
    ----------
    labels : tuple of hashable
        The n agents.
    weights : ndarray of float, shape (n,)
        Theirs.
    relaxation : float
        Of the rounds so far.
    rho : float
        The penalty of the next round.
    scaled_price : ndarray of float, shape (T,)
        The price over rho, in kWh.
    balanced_kwh : ndarray of float, shape (n, T)
        What each exchanges, moved so that it sums to 0: members, then the grid. Of the grid alone
        where members were masked, who keep theirs.
    largest_price : float
        The largest norm of prices so far, which tells what is nothing.
    residuals : ndarray of float, shape (k, 2)
        Of the k rounds so far; see :class:`AgentClearing`.
    """

    labels: tuple[Hashable, ...]
    weights: NDArray[np.float64]
    relaxation: float
    rho: float
    scaled_price: NDArray[np.float64]
    balanced_kwh: NDArray[np.float64]
    largest_price: float
    residuals: NDArray[np.float64]

    @property
    def rounds(self) -> int:
        """How many there were."""
        return len(self.residuals)

    @checked_arguments
    def save(self, path: str | PathLike[str]) -> None:
        """Write the state as JSON, whole or not at all.

        It holds what every agent exchanges, unless that was masked: keep it where the coordinator
        keeps its own.

        Raises
        ------
        GameError
            A label is neither text nor a whole number.
        OSError
            The file cannot be written.
        """
        for label in self.labels:
            if isinstance(label, bool) or not isinstance(label, (str, int)):
                raise GameError(
                    f"labels in a file must be text or whole numbers, got {label!r}; pickle keeps "
                    f"the state as it is"
                )
        text = json_text({"kind": KIND, **plain(self)})
        OutputFiles([Path(path)]).write({Path(path): text})

    @classmethod
    @checked_arguments
    def load(cls, path: str | PathLike[str]) -> ClearingState:
        """Read what :meth:`save` wrote.

        Raises
        ------
        GameError
            The file is none of these; what is wrong is named.
        OSError
            It cannot be read.
        """
        name = str(path)
        content = parsed(read_text(Path(path)), name)
        if not isinstance(content, dict) or content.pop("kind", None) != KIND:
            raise GameError(f"{name} is no state of a clearing by agents")
        kept = restored(_Kept, content, {}, "")
        n_steps = len(kept.scaled_price)
        try:
            state = cls(
                labels=tuple(kept.labels),
                weights=_array(kept.weights, len(kept.labels)),
                relaxation=kept.relaxation,
                rho=kept.rho,
                scaled_price=_array(kept.scaled_price, n_steps),
                balanced_kwh=_array(kept.balanced_kwh, -1, n_steps),
                largest_price=kept.largest_price,
                residuals=_array(kept.residuals, -1, 2),
            )
        except (TypeError, ValueError) as error:
            raise GameError(f"{name} is no state of a clearing by agents: {error}") from error
        if len(state.balanced_kwh) > len(state.labels) or not n_steps:
            raise GameError(f"{name}: balanced_kwh is not of {len(state.labels)} agents")
        if not (state.rho > 0 and 0 < state.relaxation < 2 and (state.weights > 0).all()):
            raise GameError(f"{name}: rho, relaxation and weights must be positive")
        return state


@dataclass(frozen=True)
class _Kept:
    """The state as JSON has it."""

    labels: Any
    weights: tuple[float, ...]
    relaxation: float
    rho: float
    scaled_price: tuple[float, ...]
    balanced_kwh: tuple[tuple[float, ...], ...]
    largest_price: float
    residuals: tuple[tuple[float, ...], ...]


def _array(rows: tuple[Any, ...], *shape: int) -> NDArray[np.float64]:
    if not rows:
        return np.zeros([max(side, 0) for side in shape])
    found: NDArray[np.float64] = np.array(rows, dtype=np.float64).reshape(shape)
    return found
