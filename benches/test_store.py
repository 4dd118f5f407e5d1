"""A table of 2^18 cheap coalitions kept in a store: what that takes beside the evaluation itself.

    python -m pytest -s benches/test_store.py

Processor time, so that what else the machine does counts little.
"""

from __future__ import annotations

from pathlib import Path
from time import process_time

import numpy as np
import sesgame as sg
from numpy.typing import NDArray

N_PLAYERS = 18
WEIGHTS = np.arange(1.0, N_PLAYERS + 1)


def weights(membership: NDArray[np.bool_]) -> NDArray[np.float64]:
    return membership @ WEIGHTS


def seconds(store: Path | None) -> float:
    """Return the time of the whole table, in a game that knows nothing yet."""
    game = sg.Game.from_function(range(N_PLAYERS), weights, kind="gain", batched=True)
    start = process_time()
    table = game.tabulate(store=store, progress=False)
    took = process_time() - start
    assert table[-1] == WEIGHTS.sum()
    return took


def test_store(tmp_path: Path) -> None:
    paths = [tmp_path / f"{shot}.sqlite" for shot in range(5)]
    evaluated = min(seconds(None) for _ in paths)
    written = min(seconds(path) for path in paths)
    read = min(seconds(path) for path in paths)
    each = 1e9 / (1 << N_PLAYERS)
    print(
        f"\n2^{N_PLAYERS} coalitions: evaluated {evaluated * each:.0f} ns each, also written "
        f"{written * each:.0f} ns ({written / evaluated:.1f} times), read and checked instead "
        f"{read * each:.0f} ns; {paths[0].stat().st_size >> N_PLAYERS} bytes each"
    )
