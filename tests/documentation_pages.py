"""The fenced blocks of the documentation's pages, and how to run the ones that are code."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sesgame.cli.command_line import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PROGRAMS = ("cluster.md", "test-your-mechanism.md", "your-dispatch-model.md")
SCRIPTS = [DOCS / "how-to" / name for name in PROGRAMS]
"""Their examples are whole programs, some of which start processes; they run as such."""

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code and, where a block of text follows it at once, what it prints.

    Parameters
    ----------
    language : str
        As the page says.
    code : str
        What stands in the block.
    line : int
        Its first line in the page, from 0.
    output : str or None
        What the block of text after it says.
    """

    language: str
    code: str
    line: int
    output: str | None


def pages() -> list[Path]:
    """Return the README and all pages but those of whole programs."""
    built = DOCS / "_build"
    return [
        ROOT / "README.md",
        *(
            page
            for page in sorted(DOCS.rglob("*.md"))
            if built not in page.parents and page not in SCRIPTS
        ),
    ]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page that are code."""
    text = page.read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    for number, fence in enumerate(fences):
        language, code = fence.groups()
        output = None
        following = fences[number + 1] if number + 1 < len(fences) else None
        if following is not None and following[1] == "text":
            between = text[fence.end() : following.start()]
            output = following[2] if not between.strip() else None
        if language in ("python", "pycon", "console"):
            yield Block(language, code, text.count("\n", 0, fence.start(2)), output)


def run(block: Block, page: Path, namespace: dict[str, Any]) -> str:
    """Run a block in a namespace and return what it prints.

    Commands run only where the page shows their output; other ones are there to be read.
    """
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if block.language == "python":
            code = compile("\n" * block.line + block.code, str(page), "exec")
            exec(code, namespace)
        elif block.language == "pycon":
            test = doctest.DocTestParser().get_doctest(
                block.code, namespace, page.name, str(page), block.line
            )
            report: list[str] = []
            doctest.DocTestRunner().run(test, out=report.append, clear_globs=False)
            assert not report, "".join(report)
            namespace.update(test.globs)
        elif block.output is not None:
            for command in block.code.replace("\\\n", " ").splitlines():
                program, *arguments = shlex.split(command)
                assert program == "sesgame", f"{page.name} shows what {program} prints"
                assert main(arguments) == 0
    return printed.getvalue()
