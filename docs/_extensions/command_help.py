"""What ``sesgame COMMAND --help`` prints, as a directive, so that no page can fall behind."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sesgame.cli.command_line import main
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLUMNS = 100


class CommandHelp(SphinxDirective):
    """``command-help:: allocate``: the help of that command."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a block of text as a terminal of 100 columns shows it."""
        before = os.environ.get("COLUMNS")
        os.environ["COLUMNS"] = str(COLUMNS)
        try:
            with (
                contextlib.redirect_stdout(io.StringIO()) as printed,
                contextlib.suppress(SystemExit),  # how argparse ends after --help
            ):
                main([self.arguments[0], "--help"])
        finally:
            if before is None:
                del os.environ["COLUMNS"]
            else:
                os.environ["COLUMNS"] = before
        return [nodes.literal_block(printed.getvalue(), printed.getvalue(), language="text")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
