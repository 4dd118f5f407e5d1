"""Install what a lock names into the environment of this Python, or nothing and say why.

    python release/install_locked.py requirements/build.txt [requirements/test.txt ...]

pip, which comes with the environment, installs uv from ``requirements/uv.txt``, and uv the rest,
many packages at a time. Both check hashes. uv resolves and downloads everything before it installs
anything. Whatever goes wrong ends in one line that says what to do; the command can be run again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSTALLER = ROOT / "requirements" / "uv.txt"
OLDEST, NEWEST = (3, 10), (3, 14)
"""The Pythons that the lock is for: what the project supports, up to where there are wheels."""

OFFLINE = re.compile(
    r"error sending request|failed to (fetch|download)|dns error|connection (refused|reset)"
    r"|newconnectionerror|max retries exceeded|timed? ?out|network is unreachable"
    r"|from versions: none",  # what pip says after all else
    re.IGNORECASE,
)
MISMATCH = re.compile(r"hash mismatch|do not match the hashes", re.IGNORECASE)
LACKING = re.compile(
    r"no version of ([\w.-]+==[\w.+!-]+)|([\w.-]+) was not found in"
    r"|no matching distribution found for ([\w.-]+==[\w.+!-]+)",
    re.IGNORECASE,
)
NO_WHEEL = re.compile(r"([\w.-]+==[\w.+!-]+) has no (usable )?wheels", re.IGNORECASE)
OF_PIP = {  # settings of pip, and what uv calls them
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def index_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return pip's settings of where packages come from, for uv, which has its own."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    ).stdout
    settings = {}
    for key, value in re.findall(r"^[\w:.-]+\.([\w-]+)='(.*)'$", listed, re.MULTILINE):
        name = OF_PIP.get(key)
        if name and name not in environment:
            settings[name] = value.replace("\\n", " ").strip()
            if name == "UV_FIND_LINKS":
                settings[name] = ",".join(settings[name].split())
    return settings


def cause(output: str, version: tuple[int, int]) -> str:
    """Return in one line why nothing could be installed, and what to do."""
    python = f"Python {version[0]}.{version[1]}"
    if MISMATCH.search(output):
        return (
            "the package index serves other files than those that were tested (hashes differ); "
            "use another index (PIP_INDEX_URL), or write a new lock with `make lock`"
        )
    if OFFLINE.search(output):
        return "the package index cannot be reached; check the network or the proxy, and run again"
    if found := LACKING.search(output):
        name = next(group for group in found.groups() if group)
        return (
            f"the package index does not have {name}; use one that does (PIP_INDEX_URL), or "
            f"write a new lock with `make lock`"
        )
    if found := NO_WHEEL.search(output):
        return (
            f"{found[1]} has no wheel for {python} on this system; run `make clean`, then "
            f"make PYTHON=... with another Python"
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "no reason was given"


def unfit(version: tuple[int, int]) -> str:
    """Return why the lock is not for a Python, or nothing."""
    if OLDEST <= version <= NEWEST:
        return ""
    span = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    return (
        f"the lock is for Python {span}, and this is {version[0]}.{version[1]}; run `make clean`, "
        f"then make PYTHON=python{NEWEST[0]}.{NEWEST[1]}, say"
    )


def run(command: list[str], settings: Mapping[str, str]) -> None:
    """Run an installer; if it fails, end with one line.

    Raises
    ------
    SystemExit
        The installer failed.
    """
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"Nothing was installed: {cause(done.stdout + done.stderr, sys.version_info[:2])}")


def main(locks: list[str]) -> None:
    """Install the locks, all or none."""
    if reason := unfit(sys.version_info[:2]):
        sys.exit(f"Nothing was installed: {reason}")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(INSTALLER)], {})
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    named = [word for lock in locks for word in ("-r", lock)]
    run([*uv, "--require-hashes", *named], index_settings())


if __name__ == "__main__":
    main(sys.argv[1:])
