"""The state of a clearing between two rounds: from it the clearing goes on as if never stopped."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.files.json_text import json_text, parsed, plain, restored
from sesgame.files.output_files import write_text
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ClearingState"]


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
        What each exchanges, moved so that it sums to 0; of no rows where sums were masked: then
        the agents keep it.
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

    def save(self, path: str | PathLike[str]) -> None:
        """Write the state as JSON, whole or not at all.

        Labels have to be text or whole numbers. It holds what every agent exchanges: keep it where
        the coordinator keeps its own.
        """
        for label in self.labels:
            if not isinstance(label, (str, int)):
                raise GameError(f"a state with the label {label!r} is not written: no text, no int")
        write_text(Path(path), json_text({"kind": "clearing by agents", **plain(self)}))

    @classmethod
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
        try:
            text = Path(path).read_text(encoding="utf-8")
            content = parsed(text, name)
        except ValueError as error:
            raise GameError(f"{name} is no state of a clearing: {error}") from error
        if not isinstance(content, dict) or content.pop("kind", None) != "clearing by agents":
            raise GameError(f"{name} is no state of a clearing by agents")
        state = restored(cls, content, name)
        state._check(name)
        return state

    def _check(self, name: str) -> None:
        n, n_steps = len(self.labels), self.scaled_price.size
        shapes = {
            "weights": (self.weights, [(n,)]),
            "scaled_price": (self.scaled_price, [(n_steps,)]),
            "balanced_kwh": (self.balanced_kwh, [(n, n_steps), (0, n_steps), (0,)]),
            "residuals": (self.residuals, [(len(self.residuals), 2), (0,)]),
        }
        for field, (values, allowed) in shapes.items():
            if values.shape not in allowed or not np.isfinite(values).all():
                raise GameError(f"{name}: {field} has the wrong shape {values.shape}, or no number")
        for field, number in (("rho", self.rho), ("relaxation", self.relaxation)):
            if not (number > 0 and np.isfinite(number)):
                raise GameError(f"{name}: {field} must be positive, got {number}")
