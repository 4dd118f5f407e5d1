"""The examples that are whole programs: each is run as a script and must print what it says."""

import os
import subprocess
import sys

import pytest
from fixtures import documentation_pages as documentation

WITHOUT_PYPSA = pytest.mark.skipif(sys.version_info < (3, 11), reason="PyPSA needs Python 3.11")
# Hypothesis shrinks what fails there, and a dispatch model of one's own is solved often.
SLOW = {"test-your-mechanism", "your-dispatch-model"}
EXAMPLES = [
    pytest.param(
        block,
        id=f"{page.stem} line {block.line}",
        marks=[WITHOUT_PYPSA] * ("import pypsa" in block.code)
        + [pytest.mark.slow] * (page.stem in SLOW),
    )
    for page in documentation.SCRIPTS
    for block in documentation.blocks(page)
    if block.language == "python"
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_script_prints_what_its_page_says(example, tmp_path):
    script = tmp_path / "example.py"
    script.write_text(example.code)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        cwd=tmp_path,
        # Hypothesis then draws the same examples each time, however busy the machine is.
        env=os.environ | {"CI": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == example.output.strip()
