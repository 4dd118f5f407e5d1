"""Try an installed sesgame as its user would: versions, the example, the licences.

Runs in the environment in which the wheel was installed, from a folder without the sources.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

import sesgame as sg


def main() -> None:
    """Run the example of the README, and look for what has to come along."""
    installed = distribution("sesgame")
    assert installed.version == sg.__version__, (installed.version, sg.__version__)
    assert Path(sg.__file__).is_relative_to(sys.prefix), f"{sg.__file__} is not the installed one"
    names = {path.name for path in installed.files or () if "licenses" in path.parts}
    assert {"LICENSE", "THIRD-PARTY-NOTICES.md"} <= names, names
    command = [sys.executable, "-m", "sesgame"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, "example", "rural13"], cwd=folder, check=True)
        shown = subprocess.run(
            [*command, "allocate", "rural13", "--start", "2016-06-01", "--end", "2016-07-01",
             "--rules", "shapley,nucleolus", "--out", "out"],
            cwd=folder, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        ).stdout  # fmt: skip
        assert (Path(folder) / "out" / "bills.csv").exists()
    # The figures of the README.
    for expected in ("m012     681.33     133.12", "total    642.93  -1,429.21  2,072.15"):
        assert expected in shown, shown
    print(f"sesgame {sg.__version__} works with Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
