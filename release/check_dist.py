"""Check what is in ``dist``: files, binary interface, and the wheel with each Python at hand.

    make dist

Needs the tools of the dependency group ``dist``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from pythons import pythons

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
IN_WHEEL = (
    "sesgame/py.typed", "sesgame/_engine.pyi", "sesgame/examples/rural13/README.md",
    "sesgame/examples/rural13/meters.csv.gz", "sesgame/energy/premiums/data/italy_2024.json",
    "licenses/LICENSE", "licenses/THIRD-PARTY-NOTICES.md",
)  # fmt: skip
IN_SDIST = (
    "Cargo.lock", "pyproject.toml", "LICENSE", "THIRD-PARTY-NOTICES.md", "README.md",
    "python/sesgame/examples/rural13/members.csv", "rust/sesgame-engine/src/lib.rs",
)  # fmt: skip


def the_one(pattern: str) -> Path:
    """Return the one file of a pattern in ``dist``."""
    found = list(DIST.glob(pattern))
    if len(found) != 1:
        sys.exit(f"dist has {len(found)} files {pattern}; there must be one")
    return found[0]


def missing(names: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return what no name ends with."""
    names = list(names)
    return [end for end in wanted if not any(name.endswith(end) for name in names)]


def try_with(python: Path, wheel: Path) -> None:
    """Install the wheel into a new environment and run the example."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        own = Path(folder) / "bin" / "python"
        pip = [own, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", wheel], check=True)
        subprocess.run([*pip, "check"], check=True)
        script = shutil.copy(ROOT / "release" / "try_wheel.py", folder)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        subprocess.run([own, script], check=True, cwd=folder, env=environment)


def main() -> None:
    """Check the sdist and the wheel of ``dist``."""
    wheel, sdist = the_one("*.whl"), the_one("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive, tarfile.open(sdist) as source:
        lacks = missing(archive.namelist(), IN_WHEEL) + missing(source.getnames(), IN_SDIST)
    if lacks:
        sys.exit(f"not in {wheel.name} or {sdist.name}: {', '.join(lacks)}")
    tools = [["twine", "check", "--strict", wheel, sdist], ["abi3audit", "--strict", wheel]]
    if sys.platform == "linux":
        tools.append(["auditwheel", "show", wheel])
    for tool in tools:
        subprocess.run([sys.executable, "-m", *tool], check=True)
    for version, python in pythons().items():
        print(f"Python {version}", flush=True)
        try_with(python, wheel)
    print(f"{wheel.name} ({wheel.stat().st_size / 1e6:.1f} MB), {sdist.name}: checked")


if __name__ == "__main__":
    main()
