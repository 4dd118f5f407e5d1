"""What is to be estimated, and the options that all estimates share, checked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.errors import GameError
from sesgame.estimators import ESTIMATORS, Estimator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Allocation
    from sesgame.game.block_scheduler import Executor
    from sesgame.game.game import Game
    from sesgame.game.player_types import Symmetry
    from sesgame.game.store import StorePath

__all__ = ["SampledValue", "SamplingOptions"]


class SampledValue(NamedTuple):
    """What is to be estimated: its name, the probabilities of the sizes, and its exact form."""

    name: str
    probabilities: NDArray[np.float64]
    exact: Callable[..., Allocation]

    @property
    def kind(self) -> str:
        """The least general of Shapley, symmetric and all, as estimators call them."""
        if np.ptp(self.probabilities) == 0:
            return "Shapley"
        symmetric = np.allclose(self.probabilities, self.probabilities[::-1], rtol=0, atol=1e-12)
        return "symmetric" if symmetric else "all"

    def can_be_estimated(self, estimator: Estimator) -> bool:
        """Tell whether an estimator can do it."""
        kinds = ["Shapley", "symmetric", "all"]
        return kinds.index(self.kind) <= kinds.index(estimator.semivalues)


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
    """The options of an estimate, as in :func:`sesgame.shapley_estimate`.

    Whole numbers are kept as int, 1e5 and numpy's included.

    Raises
    ------
    GameError
        An option is out of its range.
    """

    method: str | Estimator = "auto"
    seed: int = 0
    max_evaluations: int | None = None
    target_half_width: float | None = None
    max_seconds: float | None = None
    confidence: float = 0.95
    simultaneous: bool = False
    control_variate: Game | None = None
    symmetry: Symmetry | None = None
    executor: Executor | None = None
    store: StorePath | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        seed = _whole(self.seed)
        if seed is None or not 0 <= seed < 2**64:
            raise GameError(f"seed must be an integer from 0 to 2**64 - 1, got {self.seed!r}")
        budget = None if self.max_evaluations is None else _whole(self.max_evaluations)
        if self.max_evaluations is not None and (budget is None or budget < 1):
            raise GameError(
                f"max_evaluations must be a positive whole number, got {self.max_evaluations!r}"
            )
        for name in ("target_half_width", "max_seconds"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise GameError(f"{name} must be positive, got {limit}")
        if not 0 < self.confidence < 1:
            raise GameError(f"confidence must be between 0 and 1, got {self.confidence}")
        object.__setattr__(self, "seed", seed)
        object.__setattr__(self, "max_evaluations", budget)

    @property
    def open_ended(self) -> bool:
        """Whether something else than the budget may end the sampling."""
        return self.target_half_width is not None or self.max_seconds is not None

    def estimator(self, value: SampledValue) -> Estimator | None:
        """Return the estimator that is asked for, None for "auto".

        Raises
        ------
        GameError
            There is no such method, it does not estimate this value, or the budget is above its
            limit.
        """
        method = self.method
        if isinstance(method, str) and method == "auto":
            return None
        if isinstance(method, str):
            if method not in ESTIMATORS:
                names = ", ".join(f'"{name}"' for name in ("auto", *ESTIMATORS))
                raise GameError(f"method must be an estimator or one of {names}, got {method!r}")
            method = ESTIMATORS[method]()
        if isinstance(method, type) or not hasattr(method, "sampling"):
            raise GameError(f"method must be a name or an estimator, got {method!r}")
        if not value.can_be_estimated(method):
            able = ", ".join(
                f'"{name}"' for name, other in ESTIMATORS.items() if value.can_be_estimated(other())
            )
            raise GameError(
                f'method "{method.name}" cannot estimate this semivalue; these can: {able}'
            )
        most, budget = method.max_evaluations, self.max_evaluations
        if most is not None and budget is not None and budget > most:
            raise GameError(
                f'max_evaluations must be at most {most} for method "{method.name}", got {budget}'
            )
        return method


def _whole(number: object) -> int | None:
    """Return a whole number as int, 1e5 and numpy's included; None for anything else."""
    if isinstance(number, float) and number.is_integer():
        return int(number)
    try:
        return index(number)  # type: ignore[arg-type]
    except TypeError:
        return None
