"""Every example of the documentation runs, and prints what its page says."""

import pytest
from fixtures import documentation_pages as documentation


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with the examples in it, where pages may write."""
    (tmp_path / "examples").symlink_to(documentation.ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


@pytest.mark.parametrize(
    "page",
    documentation.pages(),
    ids=lambda page: str(page.relative_to(documentation.ROOT)),
)
@pytest.mark.usefixtures("folder")
def test_the_examples_of_a_page_run_in_order_and_print_what_it_says(page):
    namespace = {"__name__": "__main__"}
    for block in documentation.blocks(page):
        printed = documentation.run(block, page, namespace)
        if block.output is not None:
            assert printed.strip() == block.output.strip(), f"{page.name}, line {block.line}"


def test_the_readme_has_code_to_run():
    readme = documentation.blocks(documentation.ROOT / "README.md")
    assert any(block.language == "python" for block in readme)
