"""The examples of the how-to pages: each is run as a script and must print what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("*.md"))
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
EXAMPLES = [
    pytest.param(*example.groups(), id=f"{page.stem} {number}")
    for page in PAGES
    for number, example in enumerate(EXAMPLE.finditer(page.read_text(encoding="utf-8")), 1)
]


def test_every_python_block_is_an_example_with_its_output():
    blocks = sum(page.read_text(encoding="utf-8").count("```python\n") for page in PAGES)
    assert blocks == len(EXAMPLES) >= 3


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_an_example_prints_what_its_page_says(code, output, tmp_path):
    script = tmp_path / "example.py"
    script.write_text(code)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == output.strip()
