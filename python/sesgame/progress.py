"""Progress of long work, shown on a terminal and nowhere else."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

__all__ = ["Report", "hidden_progress", "progress_report"]

Report = Callable[..., None]
"""What long work calls now and then: ``report(done, total)``, and a search ``report(done, total,
best, bound)`` with the best that it has found and the bound that it has proved."""


DELAY_SECONDS = 0.5
"""Work that is done by then shows nothing."""


_HIDDEN = ContextVar("hidden", default=False)
"""Whether this is a part of work that shows how far it is as a whole."""


@contextmanager
def hidden_progress() -> Iterator[None]:
    """Show nothing of the work inside: a part of other work, and one bar is enough."""
    before = _HIDDEN.set(True)
    try:
        yield
    finally:
        _HIDDEN.reset(before)


@contextmanager
def progress_report(description: str, unit: str, show: bool) -> Iterator[Report | None]:
    """Yield a function that draws ``done`` of ``total`` as a bar with rate and time left.

    Yields None where there is nobody to look: `show` is False, standard error is no terminal, or
    the work is a part of other work.
    """
    if _HIDDEN.get() or not (show and sys.stderr.isatty()):
        yield None
        return
    # A tenth of the time to import sesgame, for what few processes show.
    from tqdm import tqdm

    started = monotonic()
    with tqdm(
        desc=description, unit=unit, unit_scale=True, leave=False, delay=DELAY_SECONDS
    ) as bar:

        def report(done: int, total: int, best: float = math.nan, bound: float = math.nan) -> None:
            bar.total = total
            if math.isfinite(best) and math.isfinite(bound):
                bar.set_postfix_str(f"best {best:.6g}, bound {bound:.6g}", refresh=False)
            moved = done - bar.n
            bar.update(moved)
            # A search has news before more of it is done.
            if not moved and monotonic() - started >= DELAY_SECONDS:
                bar.refresh()

        yield report
