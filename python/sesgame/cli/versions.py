"""``sesgame --version``: which program this is and, if asked, what it computes with."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata

from sesgame._engine import HIGHS_VERSION, __version__

__all__ = ["versions"]


def versions(*, verbose: bool) -> str:
    """Return the version and, if `verbose`, all that may change a result or how it is written."""
    first = f"sesgame {__version__}"
    if not verbose:
        return first
    rows = {
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "processors": str(os.cpu_count()),
        "threads": os.environ.get("RAYON_NUM_THREADS") or "as many as processors",
        "HiGHS in sesgame": HIGHS_VERSION,
    }
    rows |= {name: _installed(name) for name in _libraries()}
    width = max(map(len, rows))
    return "\n".join([first, *(f"{name:<{width}}  {value}" for name, value in rows.items())])


def _libraries() -> list[str]:
    """Return what the package needs, and what its extras bring, by name."""
    try:
        wanted = metadata.requires("sesgame") or []
    except metadata.PackageNotFoundError:  # a copy of the sources, not installed
        wanted = []
    names = (re.match(r"[\w.-]+", line) for line in wanted)
    found = {name[0].lower(): name[0] for name in names if name}
    return sorted({"numpy": "numpy", "tqdm": "tqdm", **found}.values(), key=str.lower)


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
