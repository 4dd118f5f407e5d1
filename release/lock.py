"""Write the lock: what the commands of the Makefile install, with versions and hashes.

    python release/lock.py requirements                       # make lock
    python release/lock.py FOLDER build test --resolution lowest-direct --python 3.10

One file for each dependency group of pyproject.toml, for every Python from 3.10 to the newest that
the dependencies have wheels for. The files agree with each other, and name no address: where
packages come from is a setting of whoever installs them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from install_locked import NEWEST, OLDEST, index_settings

ROOT = Path(__file__).parents[1]
GROUPS = ("build", "dist", "docs", "lint", "test", "uv")
ALONE = {"uv"}  # what is not installed beside sesgame's own dependencies
HEADER = f"""\
# Written by `make lock` for Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}.
# Versions and hashes alone: where the packages come from is a setting of pip or uv.
"""


def compiled(arguments: list[str]) -> str:
    """Return requirements with hashes, resolved for the project."""
    quiet = ["--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    run = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", *quiet, *arguments],
        cwd=ROOT,
        env={**os.environ, **index_settings()},
        capture_output=True,
        text=True,
    )
    if run.returncode:
        sys.exit(f"nothing was locked: {run.stderr.strip()}")
    return run.stdout


def main() -> None:
    """Resolve all groups together, and write one file for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("groups", nargs="*", default=list(GROUPS))
    parser.add_argument("--resolution", choices=("highest", "lowest-direct"), default="highest")
    parser.add_argument("--python", metavar="3.N", help="one Python instead of all")
    options = parser.parse_args()
    versions = f"{OLDEST[0]}.{OLDEST[1]}"
    common = ["--resolution", options.resolution, "--python-version", options.python or versions]
    if options.python is None:
        common.append("--universal")
    groups = [group for group in options.groups if group not in ALONE]
    together = compiled(
        ["pyproject.toml", *(word for group in groups for word in ("--group", group)), *common]
    )
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "together.txt")
        constraints.write_text(together, encoding="utf-8")
        for group in options.groups:
            source = [] if group in ALONE else ["pyproject.toml", "-c", str(constraints)]
            texts[group] = compiled(
                [*source, "--group", f"pyproject.toml:{group}", "--generate-hashes", *common]
            )
    options.folder.mkdir(parents=True, exist_ok=True)
    for group, text in texts.items():
        header = HEADER if options.python is None else ""
        Path(options.folder, f"{group}.txt").write_text(header + text, encoding="utf-8")


if __name__ == "__main__":
    main()
