"""Find the Pythons of this machine.

python release/pythons.py 3.10      # prints the path, or says that there is none
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MINOR_VERSIONS = range(10, 15)


def pythons() -> dict[str, Path]:
    """Return the Pythons that sesgame is for and that can make environments, by version."""
    roots = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    roots += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    found: dict[str, Path] = {}
    for minor in MINOR_VERSIONS:
        for root in roots:
            path = root / f"python3.{minor}"
            code = "import sys, venv, ensurepip; print(sys.version.split()[0])"
            if path.exists():
                run = subprocess.run([path, "-c", code], capture_output=True, text=True)
                if run.returncode == 0:
                    found.setdefault(f"3.{minor}", path)
    return found


if __name__ == "__main__":
    (wanted,) = sys.argv[1:]
    here = pythons()
    if wanted not in here:
        sys.exit(f"there is no Python {wanted} on this machine; there are {', '.join(here)}")
    print(here[wanted])
