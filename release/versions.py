"""Print what is installed: the first lines of a check, so that its result can be read later."""

from __future__ import annotations

import platform
from importlib.metadata import distributions

from sesgame._engine import HIGHS_VERSION

PACKAGES = (
    "sesgame", "numpy", "highspy", "linopy", "pypsa", "pyomo", "distributed", "pandas", "scipy",
    "scikit-learn", "matplotlib", "pytest", "hypothesis",
)  # fmt: skip


def main() -> None:
    """Print one line for each."""
    print(f"{'Python':<16} {platform.python_version()} on {platform.platform()}")
    print(f"{'HiGHS':<16} {HIGHS_VERSION} in the extension")
    installed = {one.name.lower(): one.version for one in distributions()}
    for name in PACKAGES:
        print(f"{name:<16} {installed.get(name, 'not installed')}")


if __name__ == "__main__":
    main()
