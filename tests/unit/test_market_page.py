"""The documentation page on markets says what the package does."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "markets.md"


def test_every_example_of_the_page_runs_as_printed():
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 15
    assert result.failed == 0
