# The compiled engine; private. Arrays are C-contiguous.

from collections.abc import Callable
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

__version__: str

@final
class NativeGame:
    @property
    def n_players(self) -> int: ...
    def tabulate(self, report: Callable[[int, int], None] | None = None) -> NDArray[np.float64]: ...
    def values(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]: ...

def netting_game(
    net_load_kwh: NDArray[np.float64], buy: NDArray[np.float64], sell: NDArray[np.float64]
) -> NativeGame: ...
def worst_coalition(
    table: NDArray[np.float64],
    kind: Literal["gain", "cost"],
    allocation: NDArray[np.float64],
    report: Callable[[int, int], None] | None = None,
) -> tuple[int, float] | None: ...
