"""The same program on one thread and on two."""

import subprocess
import sys


def outputs_by_threads(program: str) -> dict[str, str]:
    """Return what a Python program prints with one thread of the engine and with two."""
    return {
        threads: subprocess.run(
            [sys.executable, "-c", program],
            env={"RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
